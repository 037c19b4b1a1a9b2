"""Agreements and their own ledger, second approvals, and what operators switch off."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bot.money import ENDED, AgreementState, Source, may_become
from bot.store import asking, codes
from bot.store.base import (
    Conflict,
    Decide,
    ExpireApproval,
    KeepAgreement,
    KeepApproval,
    MoveAgreement,
    SetSwitch,
)
from bot.store.records import AgreementLine, AgreementRow, ApprovalRow, SwitchRow
from bot.store.rows import AGREEMENT_LINES, AGREEMENTS, APPROVALS, SWITCHES, Tx

__all__ = [
    "agreement",
    "approval",
    "approval_of_act",
    "approvals_over",
    "approvals_waiting",
    "claim",
    "decide",
    "elsewhere",
    "expire",
    "keep",
    "keep_approval",
    "lines",
    "move",
    "next_due_ms",
    "next_over_ms",
    "of_merchant",
    "of_payer",
    "preapproval_ids",
    "set_switch",
    "switch",
]

_ENDED: Final = "('PAID', 'REFUSED', 'CANCELLED', 'EXPIRED')"

# ---- agreements ----------------------------------------------------------------------------------


_PLACE: Final = "SELECT place FROM places WHERE connection = ?"
_ELSEWHERE: Final = f"""
    SELECT {AGREEMENTS.columns_of("g")} FROM agreements g JOIN places p ON p.connection = g.connection
    WHERE g.state NOT IN {_ENDED} AND g.kind <> 'consent' AND g.place <> '' AND g.place <> p.place
    ORDER BY g.created_ms, g.id
"""


def elsewhere(tx: Tx) -> tuple[AgreementRow, ...]:
    return AGREEMENTS.all(tx, _ELSEWHERE)


def keep(tx: Tx, change: KeepAgreement) -> None:
    row = change.row
    if row.state is not AgreementState.REQUESTED:
        raise ValueError("an agreement begins REQUESTED")
    if change.asking is not None and (why := asking.refusal(tx, row, change.asking)):
        raise Conflict(why)
    if not row.place:
        found = tx.execute(_PLACE, (row.account_id,)).fetchone()
        row = msgspec.structs.replace(row, place=found[0] if found is not None else "")
    if tx.execute(AGREEMENTS.insert, AGREEMENTS.write(row)).rowcount == 0:
        raise Conflict("agreement")
    codes.must_be_free(tx, row.code, agreement_id=row.id)
    first = AgreementLine(row.id, 1, None, row.state, Source.US, row.created_ms)
    tx.execute(AGREEMENT_LINES.insert, AGREEMENT_LINES.write(first))


_HELD: Final = "SELECT state, version, fence FROM agreements WHERE id = ?"
_LAST_LINE: Final = "SELECT seq, at_ms FROM agreement_lines WHERE agreement_id = ? ORDER BY seq DESC LIMIT 1"
_IS_ANOTHERS: Final = """
    SELECT 1 FROM agreements g JOIN agreements x
    ON x.payer = g.payer AND x.kind = g.kind AND x.connection = g.connection AND x.id <> g.id
    WHERE g.id = ? AND g.kind = 'preapproval' AND g.provider_id <> x.provider_id AND x.provider_id = ?
"""
# COALESCE: None leaves a field as it is; `due_ms` is always set, and the lease given back.
_MOVE: Final = """
    UPDATE agreements SET state = ?, version = version + 1, updated_ms = ?, due_ms = ?, lease_until_ms = 0,
        until_ms = COALESCE(?, until_ms),
        provider_id = COALESCE(?, provider_id),
        payment_reference = COALESCE(?, payment_reference),
        provider_code = COALESCE(?, provider_code),
        asks = COALESCE(?, asks)
    WHERE id = ?
"""


def move(tx: Tx, change: MoveAgreement) -> None:
    row = tx.execute(_HELD, (change.agreement_id,)).fetchone()
    if row is None or row[1] != change.expected or (change.fence is not None and row[2] != change.fence):
        raise Conflict("agreement")
    # Two that learn theirs at the same moment: whoever stopped one would end the other.
    if change.provider_id and tx.execute(_IS_ANOTHERS, (change.agreement_id, change.provider_id)).fetchone():
        raise Conflict("agreement")
    held = AgreementState(row[0])
    said = change.to_state or held
    if said is not held:
        if not may_become(held, said):
            raise Conflict("agreement")
        seq, last_ms = tx.execute(_LAST_LINE, (change.agreement_id,)).fetchone()
        at_ms = max(change.at_ms, last_ms)
        line = AgreementLine(change.agreement_id, seq + 1, held, said, change.source, at_ms, change.note)
        tx.execute(AGREEMENT_LINES.insert, AGREEMENT_LINES.write(line))
    tx.execute(
        _MOVE,
        (
            said.value,
            change.at_ms,
            None if said in ENDED else change.due_ms,
            change.until_ms,
            change.provider_id,
            change.payment_reference,
            change.provider_code,
            change.polls,
            change.agreement_id,
        ),
    )


_CLAIM: Final = f"""
    UPDATE agreements SET fence = fence + 1, lease_until_ms = ?
    WHERE id IN (
        SELECT id FROM agreements WHERE due_ms IS NOT NULL AND due_ms <= ? AND lease_until_ms <= ?
        ORDER BY due_ms, id LIMIT ?
    )
    RETURNING {AGREEMENTS.select}
"""
_NEXT: Final = """
    SELECT MIN(CASE WHEN due_ms > lease_until_ms THEN due_ms ELSE lease_until_ms END)
    FROM agreements WHERE due_ms IS NOT NULL
"""


def claim(tx: Tx, now_ms: int, lease_ms: int, limit: int) -> tuple[AgreementRow, ...]:
    rows = AGREEMENTS.all(tx, _CLAIM, now_ms + lease_ms, now_ms, now_ms, limit)
    return tuple(sorted(rows, key=lambda row: (row.due_ms, row.id)))


def next_due_ms(tx: Tx) -> int | None:
    found: int | None = tx.execute(_NEXT).fetchone()[0]
    return found


_BY_ID: Final = f"SELECT {AGREEMENTS.select} FROM agreements WHERE id = ?"
_LINES: Final = f"SELECT {AGREEMENT_LINES.select} FROM agreement_lines WHERE agreement_id = ? ORDER BY seq"
_OF_PAYER: Final = f"""
    SELECT {AGREEMENTS.select} FROM agreements WHERE payer = ? AND kind = ? AND state NOT IN {_ENDED}
    ORDER BY created_ms DESC, id LIMIT ?
"""
_OF_MERCHANT: Final = f"""
    SELECT {AGREEMENTS.select} FROM agreements
    WHERE merchant_id = ? AND kind = ? AND state NOT IN {_ENDED} ORDER BY created_ms DESC, id LIMIT ?
"""


_IDS: Final = """
    SELECT provider_id FROM agreements
    WHERE payer = ? AND kind = 'preapproval' AND connection = ? AND id <> ? AND provider_id <> ''
"""


def agreement(tx: Tx, agreement_id: str) -> AgreementRow | None:
    return AGREEMENTS.one(tx, _BY_ID, agreement_id)


def lines(tx: Tx, agreement_id: str) -> tuple[AgreementLine, ...]:
    return AGREEMENT_LINES.all(tx, _LINES, agreement_id)


def of_payer(tx: Tx, payer: str, kind: str, limit: int) -> tuple[AgreementRow, ...]:
    return AGREEMENTS.all(tx, _OF_PAYER, payer, kind, limit)


def of_merchant(tx: Tx, merchant_id: str, kind: str, limit: int) -> tuple[AgreementRow, ...]:
    return AGREEMENTS.all(tx, _OF_MERCHANT, merchant_id, kind, limit)


def preapproval_ids(tx: Tx, payer: str, account_id: str, but: str) -> tuple[str, ...]:
    return tuple(id for (id,) in tx.execute(_IDS, (payer, account_id, but)).fetchall())


# ---- approvals -----------------------------------------------------------------------------------

_OF_ACT: Final = f"SELECT {APPROVALS.select} FROM approvals WHERE conversation_id = ? AND act_position = ?"


def keep_approval(tx: Tx, change: KeepApproval) -> None:
    if tx.execute(APPROVALS.insert, APPROVALS.write(change.row)).rowcount == 0:
        raise Conflict("act" if change.row.conversation_id else "approval")
    request = change.row.request
    codes.must_be_free(tx, request.code, order_id=request.id, agreement_id=request.agreement_id or "")


_DECIDE: Final = """
    UPDATE approvals SET state = ?, decided_by = ?, decided_ms = ?, order_id = ?
    WHERE id = ? AND state = 'waiting' AND expires_ms > ? AND asked_by <> ?
"""


def decide(tx: Tx, change: Decide) -> None:
    given: Sequence[Any] = (
        change.to_state.value,
        change.staff_id,
        change.at_ms,
        change.order_id,
        change.approval_id,
        change.at_ms,
        change.staff_id,
    )
    if tx.execute(_DECIDE, given).rowcount == 0:
        raise Conflict("approval")


_EXPIRE: Final = """
    UPDATE approvals SET state = 'expired', decided_ms = ?
    WHERE id = ? AND state = 'waiting' AND expires_ms <= ?
"""


def expire(tx: Tx, change: ExpireApproval) -> None:
    if tx.execute(_EXPIRE, (change.at_ms, change.approval_id, change.at_ms)).rowcount == 0:
        raise Conflict("approval")


_APPROVAL: Final = f"SELECT {APPROVALS.select} FROM approvals WHERE id = ?"
_WAITING: Final = f"""
    SELECT {APPROVALS.select} FROM approvals WHERE merchant_id = ? AND state = 'waiting' AND expires_ms > ?
    ORDER BY created_ms, id LIMIT ?
"""


_OVER: Final = f"""
    SELECT {APPROVALS.select} FROM approvals WHERE state = 'waiting' AND expires_ms <= ?
    ORDER BY expires_ms, id LIMIT ?
"""
_NEXT_OVER: Final = "SELECT MIN(expires_ms) FROM approvals WHERE state = 'waiting'"


def approval(tx: Tx, approval_id: str) -> ApprovalRow | None:
    return APPROVALS.one(tx, _APPROVAL, approval_id)


def approval_of_act(tx: Tx, conversation_id: str, position: int) -> ApprovalRow | None:
    return APPROVALS.one(tx, _OF_ACT, conversation_id, position)


def approvals_waiting(tx: Tx, merchant_id: str, now_ms: int, limit: int) -> tuple[ApprovalRow, ...]:
    return APPROVALS.all(tx, _WAITING, merchant_id, now_ms, limit)


def approvals_over(tx: Tx, now_ms: int, limit: int) -> tuple[ApprovalRow, ...]:
    return APPROVALS.all(tx, _OVER, now_ms, limit)


def next_over_ms(tx: Tx) -> int | None:
    found: int | None = tx.execute(_NEXT_OVER).fetchone()[0]
    return found


# ---- switches ------------------------------------------------------------------------------------

_SET: Final = """
    INSERT INTO switches (name, is_off, who, reason, at_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET is_off = excluded.is_off, who = excluded.who,
        reason = excluded.reason, at_ms = excluded.at_ms
"""
_SWITCH: Final = f"SELECT {SWITCHES.select} FROM switches WHERE name = ?"


def set_switch(tx: Tx, change: SetSwitch) -> None:
    tx.execute(_SET, SWITCHES.write(change.row))


def switch(tx: Tx, name: str) -> SwitchRow | None:
    return SWITCHES.one(tx, _SWITCH, name)


def is_off(tx: Tx, name: str) -> bool:
    found = switch(tx, name)
    return found is not None and found.is_off
