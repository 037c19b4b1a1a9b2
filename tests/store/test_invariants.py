"""What must never be, tried through the store, behind its back, and by many at once."""

import asyncio
import itertools
import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.money import OrderDetails, OrderKind, OrderState, Source, Verdict, judge
from bot.store import Conflict, Store
from bot.store.base import AddIncident, Change, CreateOrder, SavePerson
from bot.store.records import OrderRow
from tests.store.conftest import Fresh
from tests.store.make import NOW, incident, kept_order, move, note, order, person

S = OrderState


async def refused(store: Store, what: str, *changes: Change) -> None:
    with pytest.raises(Conflict) as lost:
        await store.commit(changes)
    assert lost.value.what == what


def refund(id: str, amount: int, **given: Any) -> OrderRow:
    values: dict[str, Any] = {"kind": OrderKind.REFUND, "amount_minor": amount, "parent_id": "o1"}
    return order(id, **(values | given))


async def paid(store: Store, amount: int = 500, id: str = "o1") -> OrderRow:
    return await kept_order(store, order(id, amount_minor=amount), S.PENDING, S.SUCCESSFUL)


# ---- one acceptance


async def test_a_providers_reference_is_one_orders(store: Store) -> None:
    await kept_order(store, order("o1"), S.PENDING, provider_reference="SB1")
    other = await kept_order(store, order("o2"), S.PENDING)
    await refused(store, "reference", note(other, provider_reference="SB1"))
    await refused(store, "reference", move(other, S.SUCCESSFUL, provider_reference="SB1"))
    assert await store.order("o2") == other
    assert len(await store.transitions("o2")) == 2


async def test_two_connections_may_use_one_reference(store: Store) -> None:
    await kept_order(store, order("o1"), S.PENDING, provider_reference="SB1")
    await kept_order(store, order("o2", account_id="startbutton-ke"), S.PENDING, provider_reference="SB1")


async def test_of_many_orders_named_alike_at_once_one_is(store: Store) -> None:
    rows = [await kept_order(store, order(f"o{n}"), S.PENDING) for n in range(12)]
    done = await asyncio.gather(
        *(store.commit([note(row, provider_reference="SB1")]) for row in rows), return_exceptions=True
    )
    assert sum(outcome is None for outcome in done) == 1
    assert {outcome.what for outcome in done if isinstance(outcome, Conflict)} == {"reference"}


async def test_the_first_reference_stays(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, provider_reference="SB1")
    await refused(store, "reference", note(row, provider_reference="SB2"))
    await store.commit([note(row, provider_reference="SB1")])
    kept = await store.order("o1")
    assert kept is not None
    assert kept.provider_reference == "SB1"


async def test_the_first_acceptance_stays(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, accepted_ms=NOW + 1)
    await store.commit([note(row, accepted_ms=NOW + 9)])
    kept = await store.order("o1")
    assert kept is not None
    assert kept.accepted_ms == NOW + 1


@pytest.mark.parametrize("accepted", [{"accepted_ms": NOW}, {"provider_reference": "SB1"}])
async def test_what_was_accepted_is_never_to_be_sent_again(store: Store, accepted: dict[str, Any]) -> None:
    row = await kept_order(store, None, S.PENDING, sent_ms=NOW, **accepted)
    with pytest.raises(ValueError, match="goes again only"):
        await store.commit([note(row, sent_ms=0)])
    assert await store.order("o1") == row


async def test_a_request_goes_again_by_way_of_unsent(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, sent_ms=NOW)
    with pytest.raises(ValueError, match="goes again only"):
        await store.commit([note(row, sent_ms=NOW + 5)])
    await store.commit([note(row, sent_ms=0), note(row, expected=row.version + 1, sent_ms=NOW + 5)])
    kept = await store.order("o1")
    assert kept is not None
    assert kept.sent_ms == NOW + 5


# ---- refunds


async def test_refunds_up_to_the_order_are_made(store: Store) -> None:
    await paid(store)
    for id, amount in (("r1", 200), ("r2", 299), ("r3", 1)):
        await kept_order(store, refund(id, amount), S.PENDING, S.SUCCESSFUL)
    await refused(store, "refund", CreateOrder(refund("r4", 1), Source.US))
    assert await store.order("r4") is None


@pytest.mark.parametrize("path", [(S.PENDING,), (S.PENDING, S.UNRESOLVED)])
async def test_no_other_refund_of_an_order_while_one_is_under_way(
    store: Store, path: tuple[OrderState, ...]
) -> None:
    """Also where both would fit: a provider may know them apart by their order alone."""
    await paid(store)
    await paid(store, 500, "o2")
    first = await kept_order(store, refund("r1", 200), *path)
    await refused(store, "refund", CreateOrder(refund("r2", 200), Source.US))
    assert await store.order("r2") is None
    await store.commit([CreateOrder(refund("r3", 200, parent_id="o2"), Source.US)])
    await store.commit([move(first, S.SUCCESSFUL)])
    await store.commit([CreateOrder(refund("r2", 200), Source.US)])


async def test_a_refund_that_failed_makes_room_and_cannot_come_back_into_it(store: Store) -> None:
    await paid(store)
    failed = await kept_order(store, refund("r1", 500), S.PENDING, S.FAILED)
    await store.commit([CreateOrder(refund("r2", 400), Source.US)])
    back = move(failed, S.SUCCESSFUL, source=Source.OPERATOR, note="ama: on the statement")
    await refused(store, "refund", back)
    assert await store.order("r1") == failed
    assert len(await store.transitions("r1")) == 3


async def test_a_refund_that_failed_may_come_back_where_there_is_room(store: Store) -> None:
    await paid(store)
    failed = await kept_order(store, refund("r1", 500), S.PENDING, S.FAILED)
    await store.commit([move(failed, S.SUCCESSFUL, source=Source.OPERATOR, note="ama: on the statement")])


@pytest.mark.parametrize("path", [(), (S.PENDING,), (S.PENDING, S.FAILED), (S.PENDING, S.REVERSED)])
async def test_only_what_was_paid_is_refunded(store: Store, path: tuple[OrderState, ...]) -> None:
    await kept_order(store, None, *path)
    await refused(store, "refund", CreateOrder(refund("r1", 1), Source.US))


@pytest.mark.parametrize(
    "given",
    [
        {"merchant_id": "m2"},
        {"account_id": "momo-ug"},
        {"currency": "KES"},
        {"parent_id": "r1"},
        {"amount_minor": 501},
    ],
)
async def test_a_refund_is_of_the_same_merchant_account_and_currency(
    store: Store, given: dict[str, Any]
) -> None:
    await paid(store)
    await refused(store, "refund", CreateOrder(refund("r1", 1, **given), Source.US))


async def test_a_refund_is_not_refunded(store: Store) -> None:
    await paid(store)
    await kept_order(store, refund("r1", 100), S.PENDING, S.SUCCESSFUL)
    await refused(store, "refund", CreateOrder(refund("r2", 1, parent_id="r1"), Source.US))


@pytest.mark.parametrize(
    "given",
    [{"kind": OrderKind.REFUND}, {"parent_id": "o1"}, {"kind": OrderKind.REFUND, "parent_id": "nobody"}],
)
async def test_a_refund_and_nothing_else_has_the_order_it_refunds(
    store: Store, given: dict[str, Any]
) -> None:
    await paid(store)
    with pytest.raises((ValueError, Conflict)):
        await store.commit([CreateOrder(order("r1", **given), Source.US)])
    assert await store.order("r1") is None


async def test_the_same_refund_made_twice_is_told_by_its_act(store: Store) -> None:
    """Whoever repeats a commit reads the order it made; room has nothing to do with it."""
    await paid(store)
    row = refund("r1", 500, conversation_id="c1", act_position=3)
    await store.commit([CreateOrder(row, Source.US)])
    again = refund("r2", 500, conversation_id="c1", act_position=3)
    await refused(store, "act", CreateOrder(again, Source.US))


async def test_of_refunds_asked_for_at_once_one_is_made(store: Store) -> None:
    await paid(store, 500)
    await paid(store, 90, "o2")
    wanted = [refund(f"r{n}", 70) for n in range(40)]
    wanted += [refund(f"s{n}", 30, parent_id="o2") for n in range(40)]
    done = await asyncio.gather(
        *(store.commit([CreateOrder(row, Source.US)]) for row in wanted), return_exceptions=True
    )
    made = [row for row, outcome in zip(wanted, done, strict=True) if outcome is None]
    assert sorted(row.parent_id or "" for row in made) == ["o1", "o2"]
    assert {outcome.what for outcome in done if isinstance(outcome, Conflict)} == {"refund"}


STEPS = st.lists(
    st.tuples(st.sampled_from(["make", "fail", "pay", "operator"]), st.integers(0, 9), st.integers(1, 120)),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paid_minor=st.integers(1, 300), steps=STEPS)
async def test_whatever_happens_to_refunds_they_never_exceed_the_order(
    fresh: Fresh, paid_minor: int, steps: list[tuple[str, int, int]]
) -> None:
    numbers = itertools.count()
    async with fresh() as (store, _):
        await paid(store, paid_minor)
        made: list[str] = []
        for what, which, amount in steps:
            try:
                if what == "make":
                    id = f"r{next(numbers)}"
                    await store.commit([CreateOrder(refund(id, amount), Source.US)])
                    made.append(id)
                elif made:
                    row = await store.order(made[which % len(made)])
                    assert row is not None
                    said = S.FAILED if what == "fail" else S.SUCCESSFUL
                    if row.state is S.NEW:
                        await store.commit([move(row, S.PENDING)])
                    elif what == "operator":
                        await store.commit([move(row, said, source=Source.OPERATOR, note="ama: seen")])
                    else:
                        await store.commit([move(row, said)])
            except Conflict:
                pass
            rows = [await store.order(id) for id in made]
            given = sum(row.amount_minor for row in rows if row is not None and row.state is not S.FAILED)
            assert given <= paid_minor
        # The messages are not this room's to queue.
        left = await store.audit(NOW, 0, 10**12)
        assert [found for found in left if found.rule != "untold"] == []


async def collected_for_a_bill(store: Store, *path: OrderState) -> OrderRow:
    """A bill that has gone `path`, and the collection o1 whose money it passes on."""
    terms = OrderDetails(service_provider="ECG", customer_reference="77")
    await kept_order(store, order("o1", details=terms), S.PENDING, S.SUCCESSFUL)
    row = order("bill", kind=OrderKind.BILL, payer="", follows_id="o1", details=terms)
    return await kept_order(store, row, *path)


@pytest.mark.parametrize("path", [(), (S.PENDING,), (S.PENDING, S.UNRESOLVED), (S.PENDING, S.SUCCESSFUL)])
async def test_money_that_pays_a_bill_is_not_given_back(store: Store, path: tuple[OrderState, ...]) -> None:
    await collected_for_a_bill(store, *path)
    await refused(store, "refund", CreateOrder(refund("r1", 1), Source.US))
    assert await store.order("r1") is None


async def test_a_bill_whose_money_went_back_is_not_paid_after_all(store: Store) -> None:
    bill = await collected_for_a_bill(store, S.PENDING, S.FAILED)
    await kept_order(store, refund("r1", 500), S.PENDING)
    back = move(bill, S.SUCCESSFUL, source=Source.OPERATOR, note="ama: on the statement")
    await refused(store, "refund", back)
    assert await store.order("bill") == bill


async def test_a_refund_of_a_bill_cannot_come_back_once_the_bill_is_paid(store: Store) -> None:
    bill = await collected_for_a_bill(store, S.PENDING, S.FAILED)
    failed = await kept_order(store, refund("r1", 500), S.PENDING, S.FAILED)
    note = "ama: on the statement"
    await store.commit([move(bill, S.SUCCESSFUL, source=Source.OPERATOR, note=note)])
    await refused(store, "refund", move(failed, S.SUCCESSFUL, source=Source.OPERATOR, note=note))
    assert await store.order("r1") == failed


# ---- the ledger and alarms


async def test_an_order_becomes_unresolved_only_with_an_incident(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING)
    with pytest.raises(ValueError, match="incident"):
        await store.commit([move(row, S.UNRESOLVED)])
    with pytest.raises(ValueError, match="incident"):
        await store.commit([move(row, S.UNRESOLVED), AddIncident(incident(order_id="other"))])
    await store.commit([move(row, S.UNRESOLVED), AddIncident(incident())])


async def test_an_open_order_is_always_due(store: Store) -> None:
    with pytest.raises(ValueError, match="CreateOrder"):
        await store.commit([CreateOrder(order(due_ms=None), Source.US)])
    row = await kept_order(store, None, S.PENDING)
    with pytest.raises(ValueError, match="MoveOrder"):
        await store.commit([move(row, S.NEEDS_OTP, due_ms=None)])


async def test_the_ledger_never_runs_backwards(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, at_ms=NOW + 5000)
    await store.commit([move(row, S.SUCCESSFUL, at_ms=NOW - 3_600_000)])
    assert [line.at_ms for line in await store.transitions("o1")] == [NOW, NOW + 5000, NOW + 5000]


async def test_overdue_are_open_orders_past_their_time_whoever_has_them(store: Store) -> None:
    await kept_order(store, order("late"), S.PENDING, deadline_ms=NOW + 1000, due_ms=NOW + 10**9)
    await kept_order(store, order("never sent", created_ms=NOW + 500, due_ms=NOW + 10**9))
    await kept_order(store, order("held"), S.PENDING, deadline_ms=NOW, due_ms=NOW)
    await kept_order(store, order("in time"), S.PENDING, deadline_ms=NOW + 10_000, due_ms=NOW + 10**9)
    await kept_order(store, order("told"), S.PENDING, S.UNRESOLVED, deadline_ms=NOW, due_ms=NOW + 10**9)
    await kept_order(store, order("done"), S.PENDING, S.FAILED, deadline_ms=NOW)
    now = NOW + 1000 + 5001
    assert [row.id for row in await store.claim_orders(NOW, 60_000, 9)] == ["held"]
    assert {row.id for row in await store.overdue(now, 5000)} == {"late", "never sent", "held"}
    assert await store.overdue(NOW, 5000) == ()


# ---- behind the store's back


async def fill(store: Store) -> None:
    """A paid order o1 with a refund r1, one PENDING o2 that was accepted, one FAILED o3."""
    await store.commit([SavePerson(person())])
    await paid(store)
    await kept_order(store, refund("r1", 400), S.PENDING)
    row = await kept_order(store, order("o2"), S.PENDING, sent_ms=NOW)
    await store.commit([note(row, accepted_ms=NOW, provider_reference="SB2")])
    await kept_order(store, order("o3"), S.PENDING, S.FAILED)


def copy_of(raw: sqlite3.Connection, id: str, given: dict[str, Any], verb: str = "INSERT") -> None:
    """Insert a copy of an order with some columns as given."""
    columns = [row[1] for row in raw.execute("PRAGMA table_info(orders)")]
    values = dict(
        zip(columns, raw.execute("SELECT * FROM orders WHERE id = ?", (id,)).fetchone(), strict=True)
    )
    values |= given
    marks = ", ".join("?" * len(columns))
    raw.execute(f"{verb} INTO orders ({', '.join(columns)}) VALUES ({marks})", list(values.values()))


FINALS_LEFT = [
    f"UPDATE orders SET state = '{said}', due_ms = {due}, reason = NULL WHERE id = '{id}'"
    for id, held in (("o1", S.SUCCESSFUL), ("o3", S.FAILED))
    for said in S
    for due in ("NULL", "1")
    if said is not held
]


@pytest.mark.parametrize(
    "sql",
    [
        *FINALS_LEFT,
        # a state without its line, and lines that no life allows
        "UPDATE orders SET state = 'SUCCESSFUL', due_ms = NULL, hint_ms = NULL WHERE id = 'o2'",
        "INSERT INTO transitions VALUES ('o2', 3, 'PENDING', 'SUCCESSFUL', 'us', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o2', 3, 'PENDING', 'SUCCESSFUL', 'payer', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o2', 3, 'PENDING', 'SUCCESSFUL', 'gossip', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o2', 3, 'PENDING', 'REVERSED', 'us', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o2', 3, 'PENDING', 'FAILED', 'operator', 9e15, NULL, '', 'a: b')",
        "INSERT INTO transitions VALUES ('o2', 3, 'NEW', 'PENDING', 'us', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o2', 4, 'PENDING', 'FAILED', 'poll', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o2', 3, 'PENDING', 'FAILED', 'poll', 1, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o1', 4, 'SUCCESSFUL', 'FAILED', 'poll', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o1', 4, 'SUCCESSFUL', 'REVERSED', 'us', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o1', 4, 'SUCCESSFUL', 'REVERSED', 'operator', 9e15, NULL, '', 'a')",
        "INSERT INTO transitions VALUES ('o3', 4, 'FAILED', 'SUCCESSFUL', 'poll', 9e15, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o3', 4, 'FAILED', 'SUCCESSFUL', 'operator', 9e15, NULL, '', '')",
        "REPLACE INTO transitions VALUES ('o1', 3, 'PENDING', 'FAILED', 'poll', 9e15, NULL, '', '')",
        # accepted once
        "UPDATE orders SET provider_reference = 'SB2' WHERE id = 'r1'",
        "UPDATE orders SET provider_reference = 'SB9' WHERE id = 'o2'",
        "UPDATE orders SET provider_reference = '' WHERE id = 'o2'",
        "UPDATE orders SET accepted_ms = accepted_ms + 1 WHERE id = 'o2'",
        "UPDATE orders SET accepted_ms = NULL WHERE id = 'o2'",
        "UPDATE orders SET sent_ms = 0 WHERE id = 'o2'",
        "UPDATE orders SET sent_ms = NULL WHERE id = 'o2'",
        "UPDATE orders SET sent_ms = sent_ms + 1 WHERE id = 'o2'",
        # refunds, due times
        "UPDATE orders SET amount_minor = 1 WHERE id = 'o1'",
        "UPDATE orders SET amount_minor = 501 WHERE id = 'r1'",
        "UPDATE orders SET parent_id = 'o2' WHERE id = 'r1'",
        "UPDATE orders SET parent_id = NULL WHERE id = 'r1'",
        "UPDATE orders SET due_ms = NULL WHERE id = 'o2'",
    ],
)
def test_no_statement_gets_round_a_rule(raw: sqlite3.Connection, sql: str) -> None:
    before = list(raw.execute("SELECT * FROM orders")), list(raw.execute("SELECT * FROM transitions"))
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(sql)
    assert before == (
        list(raw.execute("SELECT * FROM orders")),
        list(raw.execute("SELECT * FROM transitions")),
    )


NEW: dict[str, Any] = {
    "id": "x",
    "code": "X",
    "reference": "x",
    "reference_key": "x",
    "state": "NEW",
    "due_ms": 1,
    "sent_ms": None,
    "accepted_ms": None,
    "provider_reference": "",
}


@pytest.mark.parametrize(
    ("id", "given"),
    [
        ("r1", {"amount_minor": 101}),
        ("r1", {"parent_id": "o2", "amount_minor": 1}),
        ("r1", {"currency": "KES", "amount_minor": 1}),
        ("r1", {"parent_id": None, "amount_minor": 1}),
        ("o2", {"parent_id": "o1"}),
        ("o2", {"state": "PENDING"}),
        ("o1", {"state": "SUCCESSFUL", "due_ms": None}),
        ("o2", {"due_ms": None}),
    ],
)
def test_no_row_gets_round_a_rule(raw: sqlite3.Connection, id: str, given: dict[str, Any]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        copy_of(raw, id, NEW | given)
    copy_of(raw, "r1", NEW | {"amount_minor": 100})  # what fits is let in


@pytest.mark.parametrize("same", ["id", "code", "reference_key"])
def test_no_order_is_written_over(raw: sqlite3.Connection, same: str) -> None:
    before = list(raw.execute("SELECT * FROM orders ORDER BY id"))
    [taken] = raw.execute(f"SELECT {same} FROM orders WHERE id = 'o1'").fetchone()
    copy_of(raw, "o1", NEW | {"amount_minor": 1, same: taken}, "REPLACE")
    assert list(raw.execute("SELECT * FROM orders ORDER BY id")) == before


def test_the_schema_says_what_judge_says(raw: sqlite3.Connection) -> None:
    """Every step, on everyone's word: the ledger takes a line exactly where `judge` says MOVE."""
    raw.execute("DROP TRIGGER transitions_follow")
    for number, (held, said, source) in enumerate(itertools.product(S, S, Source), 10):
        line = ("o1", number, held.value, said.value, source.value, NOW, None, "", "ama: seen")
        try:
            raw.execute(f"INSERT INTO transitions VALUES ({', '.join('?' * 9)})", line)
            taken = True
        except sqlite3.IntegrityError:
            taken = False
        assert taken is (judge(held, said, source) is Verdict.MOVE), (held, said, source)
