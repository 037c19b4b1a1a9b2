"""Orders and their ledger: the rules of `bot.money` enforced where the rows are kept.

A hint that comes while a worker holds the order is kept aside (`hint_ms`), so that the due time the
worker writes when it is done cannot swallow it.
"""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from bot.money import FINAL, OPEN, PAYOUTS, OrderKind, OrderState, Source, Verdict, judge, reference_key
from bot.store import asking, codes
from bot.store.applied import changed, gives_back
from bot.store.base import Cap, Conflict, CreateOrder, Hint, MoveOrder, SecondPersonLimit, UpdateOrder
from bot.store.order_reads import of_act, refunds_of
from bot.store.records import OrderRow, Transition
from bot.store.rows import ORDERS, TRANSITIONS, Tx, kinds_sql

__all__ = [
    "claim",
    "create",
    "hint",
    "move",
    "needs_second",
    "next_due_ms",
    "paid_out_minor",
    "take_hint",
    "update",
]

_ASKED_ABOUT: Final = OPEN - {OrderState.NEW}

# ---- changes -------------------------------------------------------------------------------------


def create(tx: Tx, change: CreateOrder) -> None:
    row = change.row
    if row.state is not OrderState.NEW:
        raise ValueError("an order begins NEW")
    if not row.place:
        row = msgspec.structs.replace(row, place=_place_of(tx, row.account_id))
    _must_stand_here(tx, row)
    key = reference_key(row.reference)
    if change.asking is not None and (why := asking.refusal(tx, row, change.asking)):
        raise Conflict(why)
    for cap in change.caps:
        if paid_out_minor(tx, row, cap) + row.amount_minor > cap.most_minor:
            raise Conflict(f"limit_{cap.of}")
    if change.second is not None and needs_second(tx, row, change.second):
        raise Conflict("second")
    if row.kind is OrderKind.AGREEMENT_CHARGE and not _covered(tx, row, change.debits_since_ms):
        raise Conflict("agreement")
    inserted = tx.execute(ORDERS.insert, [*ORDERS.write(row), key]).rowcount
    if (
        not inserted
        and row.act_position is not None
        and of_act(tx, row.conversation_id or "", row.act_position)
    ):
        raise Conflict("act")
    codes.must_be_free(tx, row.code, order_id=row.id, agreement_id=row.agreement_id or "")
    if not inserted:
        raise Conflict("order")
    # At every provider: one with no name for a refund answers two alike with the same row.
    if row.kind is OrderKind.REFUND and _others_under_way(tx, row):
        raise Conflict("refund")
    line = Transition(row.id, 1, None, OrderState.NEW, change.source, row.created_ms)
    tx.execute(TRANSITIONS.insert, TRANSITIONS.write(line))


_PLACE: Final = "SELECT place FROM places WHERE connection = ?"
_PLACE_OF_PAYMENT: Final = "SELECT place FROM orders WHERE id = ?"
_PLACE_OF_AGREEMENT: Final = "SELECT place FROM agreements WHERE id = ?"


def _place_of(tx: Tx, account_id: str) -> str:
    found = tx.execute(_PLACE, (account_id,)).fetchone()
    return found[0] if found is not None else ""


def _must_stand_here(tx: Tx, row: OrderRow) -> None:
    """A payment is given back, and an agreement used or ended, only where it was made."""
    for what, sql, about in (
        ("refund", _PLACE_OF_PAYMENT, row.parent_id),
        ("agreement", _PLACE_OF_AGREEMENT, row.agreement_id),
    ):
        found = tx.execute(sql, (about,)).fetchone() if about and row.place else None
        if found is not None and found[0] not in ("", row.place):
            raise Conflict(what)


def _others_under_way(tx: Tx, refund: OrderRow) -> bool:
    rows = refunds_of(tx, refund.parent_id or "")
    return any(other.id != refund.id and other.state not in FINAL for other in rows)


# All bank accounts have the same empty payee: there the bank and the number say whose it is.
_SAME_PAYEE: Final = """
    AND payee = ? AND (payee <> '' OR (
        COALESCE(json_extract(terms, '$.bank_code'), '') = ?
        AND COALESCE(json_extract(terms, '$.account_number'), '') = ?
    ))
"""
_PAID_OUT: Final = f"""
    SELECT COALESCE(SUM(amount_minor), 0) FROM orders
    WHERE kind IN {kinds_sql(PAYOUTS)} AND state <> 'FAILED' AND currency = ? AND created_ms >= ?
"""
_PAID_OUT_OF: Final = {
    "total": _PAID_OUT,
    "merchant": _PAID_OUT + " AND merchant_id = ?",
    "number": f"{_PAID_OUT} {_SAME_PAYEE}",
}


def paid_out_minor(tx: Tx, row: OrderRow, cap: Cap) -> int:
    number = (row.payee, row.details.bank_code, row.details.account_number)
    own = {"merchant": (row.merchant_id,), "number": number}.get(cap.of, ())
    return int(tx.execute(_PAID_OUT_OF[cap.of], (row.currency, cap.since_ms, *own)).fetchone()[0])


# On one person's word: nobody approved it, and it did not go back by itself.
_ALONE: Final = f"""
    SELECT COALESCE(SUM(amount_minor), 0) FROM orders
    WHERE merchant_id = ? AND currency = ? AND created_ms >= ? AND kind IN {kinds_sql(PAYOUTS)}
    AND state <> 'FAILED' AND staff_id <> '' AND approved_by = ''
"""
_ALONE_TO: Final = f"{_ALONE} {_SAME_PAYEE}"
_ALONE_BY: Final = f"{_ALONE} AND (staff_id = ? OR person_id = ?)"


def needs_second(tx: Tx, row: OrderRow, second: SecondPersonLimit) -> bool:
    if row.kind not in PAYOUTS or row.approved_by:
        return False
    since = (row.merchant_id, row.currency, second.since_ms)
    for most_minor, sql, of in (
        (second.number_minor, _ALONE_TO, (row.payee, row.details.bank_code, row.details.account_number)),
        (second.asker_minor, _ALONE_BY, (row.staff_id, row.person_id)),
    ):
        if most_minor is not None:
            sent_minor = int(tx.execute(sql, (*since, *of)).fetchone()[0])
            if sent_minor + row.amount_minor > most_minor:
                return True
    return False


_AGREEMENT: Final = """
    SELECT state, payer, merchant_id, connection, currency, amount_minor, until_ms, every
    FROM agreements WHERE id = ? AND kind = 'preapproval'
"""


def _covered(tx: Tx, row: OrderRow, since_ms: int) -> bool:
    """Whether the agreement that the order names stands, its payer has not asked for its end, and it lets
    the order debit so much, now."""
    found = tx.execute(_AGREEMENT, (row.agreement_id,)).fetchone()
    if found is None:
        return False
    state, payer, merchant_id, account_id, currency, most_minor, until_ms, every = found
    since = {every: since_ms}
    if state != "ACTIVE" or (payer, merchant_id, account_id) != (row.payer, row.merchant_id, row.account_id):
        return False
    return asking.covers(tx, row, row.agreement_id or "", currency, most_minor, until_ms, every, since)


_LAST_LINE: Final = "SELECT seq, at_ms FROM transitions WHERE order_id = ? ORDER BY seq DESC LIMIT 1"


def move(tx: Tx, change: MoveOrder) -> None:
    kept = _kept(tx, change)
    _may_leave(tx, change)
    verdict = judge(kept.state, change.to_state, change.source)
    if verdict is Verdict.CONTRADICTION:
        raise Conflict("contradiction")
    if verdict is not Verdict.MOVE:
        raise Conflict("order")
    if change.lease_until_ms is not None and gives_back(change):
        raise ValueError("a move that ends the work takes no lease")
    # The line goes first: a state changes only by one, and the database sees to it.
    seq, last_ms = tx.execute(_LAST_LINE, (change.order_id,)).fetchone()
    line = Transition(
        order_id=change.order_id,
        seq=seq + 1,
        from_state=kept.state,
        to_state=change.to_state,
        source=change.source,
        at_ms=max(change.at_ms, last_ms),
        reason=change.reason,
        provider_code=change.provider_code,
        note=change.note,
    )
    tx.execute(TRANSITIONS.insert, TRANSITIONS.write(line))
    _write(tx, kept, change)


def update(tx: Tx, change: UpdateOrder) -> None:
    kept = _kept(tx, change)
    _may_leave(tx, change)
    _write(tx, kept, change)


def _may_leave(tx: Tx, change: MoveOrder | UpdateOrder) -> None:
    """A request that is about to leave is looked at once more: the wallet may ask no PIN by now."""
    if change.fields.sent_ms and asking.agreed_since(tx, change.order_id):
        raise Conflict("agreement")


class _Kept(msgspec.Struct):
    """What counts of the kept row as a change finds it."""

    state: OrderState
    version: int
    fence: int
    accepted_ms: int | None
    due_ms: int | None
    last_polled_ms: int | None
    hint_ms: int | None
    hint_spacing_ms: int | None


_KEPT: Final = """
    SELECT state, version, fence, accepted_ms, due_ms, asked_ms, hint_ms, hint_spacing_ms
    FROM orders WHERE id = ?
"""


def _kept(tx: Tx, change: MoveOrder | UpdateOrder) -> _Kept:
    """Raises Conflict("order") unless it is the row that the caller read."""
    found = tx.execute(_KEPT, (change.order_id,)).fetchone()
    if found is None or found[1] != change.expected or change.fence not in (None, found[2]):
        raise Conflict("order")
    state, *others = found
    return _Kept(OrderState(state), *others)


def _write(tx: Tx, kept: _Kept, change: MoveOrder | UpdateOrder) -> None:
    """What the change makes of the row, minding a hint that was kept aside while it was leased."""
    values = changed(kept, change)
    further: dict[str, Any] = {}
    if kept.hint_ms is not None:
        is_final = values.get("state", kept.state) in FINAL
        if not is_final:
            values["due_ms"] = _hinted_ms(kept, kept.hint_ms, values)
            # The next poll is for the hint, whoever polled meanwhile.
            values.pop("hinted_by", None)
        if is_final or gives_back(change):
            further["hint_ms"] = None
    ORDERS.update(tx, change.order_id, values, further)


def _hinted_ms(kept: _Kept, hint_ms: int, values: Mapping[str, Any]) -> int:
    """When the order falls due: as it would, or for the hint, which keeps its pause after a poll."""
    due_ms, last_ms = (values.get(name, getattr(kept, name)) for name in ("due_ms", "last_polled_ms"))
    soonest_ms = hint_ms if last_ms is None else max(hint_ms, last_ms + (kept.hint_spacing_ms or 0))
    return soonest_ms if due_ms is None else min(due_ms, soonest_ms)


# ---- the worker ----------------------------------------------------------------------------------


# A claim asks, so it answers the hint that waited.
def _claim_sql(without: int) -> str:
    marks = f"AND connection NOT IN ({', '.join('?' * without)})" if without else ""
    return f"""
        UPDATE orders SET fence = fence + 1, lease_until_ms = ?, hint_ms = NULL
        WHERE id IN (
            SELECT id FROM orders WHERE due_ms IS NOT NULL AND due_ms <= ? AND lease_until_ms <= ? {marks}
            ORDER BY due_ms, id LIMIT ?
        )
        RETURNING {ORDERS.select}
    """


def claim(
    tx: Tx, now_ms: int, lease_ms: int, limit: int, without: Sequence[str] = ()
) -> tuple[OrderRow, ...]:
    rows = ORDERS.all(tx, _claim_sql(len(without)), now_ms + lease_ms, now_ms, now_ms, *without, limit)
    return tuple(sorted(rows, key=lambda row: (row.due_ms, row.id)))


_HINTED: Final = "SELECT state, due_ms, asked_ms, lease_until_ms, hint_ms FROM orders WHERE id = ?"
_HINT: Final = "UPDATE orders SET due_ms = ?, hinted_by = ? WHERE id = ?"
_HINT_ASIDE: Final = "UPDATE orders SET hint_ms = ?, hint_spacing_ms = ?, hinted_by = ? WHERE id = ?"


_RECHECK: Final = """
    INSERT INTO rechecks (order_id, source, said, since_ms, due_ms, tries, news, fence)
    VALUES (?, ?, ?, ?, ?, 0, 1, 0)
    ON CONFLICT (order_id) DO UPDATE SET news = rechecks.news + 1,
        source = excluded.source, said = COALESCE(excluded.said, rechecks.said),
        due_ms = CASE WHEN rechecks.due_ms < excluded.due_ms THEN rechecks.due_ms ELSE excluded.due_ms END
"""


def take_hint(tx: Tx, change: Hint) -> None:
    hint(tx, change.order_id, change.source, change.at_ms, change.spacing_ms, change.reported_state)


def hint(
    tx: Tx, order_id: str, source: Source, now_ms: int, spacing_ms: int, said: OrderState | None = None
) -> bool:
    row = tx.execute(_HINTED, (order_id,)).fetchone()
    if row is None:
        return False
    state = OrderState(row[0])
    if state in FINAL:
        # It may have been asked about a moment ago, so the whole pause is kept.
        due_ms, word = now_ms + spacing_ms, said.value if said is not None else None
        tx.execute(_RECHECK, (order_id, source.value, word, now_ms, due_ms))
        return False
    if state not in _ASKED_ABOUT:
        # Nothing has left yet, so nobody can know anything; and it is about to be sent anyway.
        return True
    _, due_ms, asked_ms, lease_until_ms, hint_ms = row
    if lease_until_ms > now_ms:
        if hint_ms is None:
            tx.execute(_HINT_ASIDE, (now_ms, spacing_ms, source.value, order_id))
        return True
    # A hint waits for its commit, and the order may have been asked about meanwhile. A clock set back by more
    # than that must not put the next asking off for as long as it jumped.
    last_ms = asked_ms if asked_ms is not None and asked_ms <= now_ms + spacing_ms else None
    soonest = now_ms if last_ms is None else max(now_ms, last_ms + spacing_ms)
    if due_ms is None or soonest < due_ms:
        tx.execute(_HINT, (soonest, source.value, order_id))
    return True


_NEXT: Final = """
    SELECT (
        SELECT MIN(due_ms) FROM orders WHERE due_ms IS NOT NULL AND lease_until_ms = 0
    ), (
        SELECT MIN(CASE WHEN due_ms > lease_until_ms THEN due_ms ELSE lease_until_ms END)
        FROM orders WHERE lease_until_ms > 0 AND due_ms IS NOT NULL
    )
"""


def next_due_ms(tx: Tx) -> int | None:
    """A leased order falls due when its lease ends."""
    found = tx.execute(_NEXT).fetchone()
    return min((at_ms for at_ms in found if at_ms is not None), default=None)
