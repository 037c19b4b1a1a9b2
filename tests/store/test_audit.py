"""The audit finds each thing that must never be, planted in a file that has lost every guard."""

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

from bot.money import AgreementState, OrderDetails, OrderKind, OrderState, Source
from bot.store import Store, sqlite_store
from bot.store.base import AddIncident, CreateOrder, KeepAgreement, KeepMerchant, Queue, SavePerson
from bot.store.records import MessageKind, MessageState, OrderRow
from tests.store.make import (
    NOW,
    FakeClock,
    agreement,
    incident,
    kept_order,
    merchant,
    message,
    moved,
    order,
    person,
)

S = OrderState
DAY = 24 * 3600_000


async def told(store: Store, row: OrderRow) -> OrderRow:
    result = message(
        f"x-{row.id}",
        dedupe_key=f"result:{row.id}:{row.state.value}:telegram:77",
        kind=MessageKind.RESULT,
        order_id=row.id,
        view=row.id,
    )
    await store.commit([Queue(result)])
    return row


async def fill(store: Store) -> None:
    """One order of each end, a refund and an open order, all in order."""
    await store.commit([SavePerson(person())])
    await told(store, await kept_order(store, order("paid"), S.PENDING, S.SUCCESSFUL))
    await told(store, await kept_order(store, order("failed"), S.PENDING, S.FAILED))
    back = order("back", kind=OrderKind.REFUND, parent_id="paid", amount_minor=400)
    await told(store, await kept_order(store, back, S.PENDING, S.SUCCESSFUL))
    await kept_order(store, order("doubt"), S.PENDING, S.UNRESOLVED)
    await store.commit([KeepMerchant(merchant())])
    row = agreement(created_ms=NOW + 1)
    await store.commit([KeepAgreement(row), moved(row, AgreementState.ACTIVE)])
    debit = order("debit", kind=OrderKind.AGREEMENT_CHARGE, agreement_id=row.id, created_ms=NOW + 1)
    await told(store, await kept_order(store, debit, S.PENDING, S.SUCCESSFUL))
    for_bill = order("for-bill", details=OrderDetails(service_provider="ECG", customer_reference="77"))
    await told(store, await kept_order(store, for_bill, S.PENDING, S.SUCCESSFUL))
    bill = order("bill", kind=OrderKind.BILL, payer="", follows_id="for-bill")
    await told(store, await kept_order(store, bill, S.PENDING, S.SUCCESSFUL))
    sent = {"sent_ms": NOW, "accepted_ms": NOW, "deadline_ms": NOW + DAY}
    later = order("open", created_ms=NOW + 1)
    await kept_order(store, later, S.PENDING, provider_reference="SB1", **sent)
    await store.commit([CreateOrder(order("new", created_ms=NOW + DAY), Source.US)])


def audit(database: Path, now_ms: int = NOW) -> list[tuple[str, str]]:
    """What is found, as (rule, order), through a store that only reads."""

    async def look() -> list[tuple[str, str]]:
        store = sqlite_store(database, clock=FakeClock(), owner=False)
        await store.open()
        try:
            return [(f.rule, f.order) for f in await store.audit(now_ms, 8 * DAY, 600_000)]
        finally:
            await store.close()

    return sorted(asyncio.run(look()))


def lose_every_guard(raw: sqlite3.Connection) -> None:
    """The rows stay; keys, checks, triggers and indices go."""
    raw.execute("PRAGMA foreign_keys = OFF")
    for table in ("orders", "transitions", "messages", "incidents", "agreements", "agreement_lines"):
        raw.execute(f"CREATE TABLE copy_of_{table} AS SELECT * FROM {table}")
        raw.execute(f"DROP TABLE {table}")
        raw.execute(f"ALTER TABLE copy_of_{table} RENAME TO {table}")


def test_a_sound_file_has_no_findings(raw: sqlite3.Connection, database: Path) -> None:
    assert audit(database) == []
    lose_every_guard(raw)
    assert audit(database) == []


TWICE = "INSERT INTO orders SELECT {} FROM orders WHERE id = 'open'"
PLANTED = [
    ("UPDATE orders SET state = 'FAILED' WHERE id = 'paid'",
     {("state", "paid"), ("untold", "paid"), ("refund of nothing", "back")}),
    ("UPDATE orders SET state = 'SUCCESSFUL', due_ms = NULL WHERE id = 'open'",
     {("state", "open"), ("untold", "open")}),
    ("INSERT INTO transitions VALUES ('open', 3, 'PENDING', 'FAILED', 'poll', 9e15, NULL, '', '')",
     {("state", "open")}),
    ("DELETE FROM transitions WHERE order_id = 'new'", {("no ledger", "new")}),
    ("DELETE FROM transitions WHERE order_id = 'open' AND seq = 1",
     {("no ledger", "open"), ("chain", "open")}),
    ("DELETE FROM orders WHERE id = 'new'", {("no order", "new")}),
    ("UPDATE transitions SET held = 'NEEDS_OTP' WHERE order_id = 'paid' AND seq = 3", {("chain", "paid")}),
    ("UPDATE transitions SET seq = 4 WHERE order_id = 'paid' AND seq = 3", {("chain", "paid")}),
    ("UPDATE transitions SET said = 'PENDING' WHERE order_id = 'new'", {("chain", "new"), ("state", "new")}),
    ("UPDATE transitions SET at_ms = 5 WHERE order_id = 'paid' AND seq = 3", {("time", "paid")}),
    ("UPDATE transitions SET source = 'us' WHERE order_id = 'paid' AND seq = 3", {("step", "paid")}),
    ("UPDATE transitions SET source = 'gossip' WHERE order_id = 'paid' AND seq = 2", {("step", "paid")}),
    ("INSERT INTO transitions VALUES ('failed', 4, 'FAILED', 'SUCCESSFUL', 'poll', 9e15, NULL, '', '')",
     {("final state left", "failed"), ("state", "failed")}),
    ("UPDATE orders SET amount_minor = 501 WHERE id = 'back'", {("refunded too much", "paid")}),
    ("UPDATE orders SET amount_minor = 399 WHERE id = 'paid'", {("refunded too much", "paid")}),
    ("UPDATE orders SET currency = 'KES' WHERE id = 'back'", {("refund of nothing", "back")}),
    ("UPDATE orders SET parent_id = 'failed' WHERE id = 'back'", {("refund of nothing", "back")}),
    ("UPDATE orders SET parent_id = NULL WHERE id = 'back'", {("refund of nothing", "back")}),
    ("UPDATE orders SET parent_id = 'paid' WHERE id = 'new'",
     {("refund of nothing", "new"), ("refunded too much", "paid")}),
    ("UPDATE orders SET due_ms = NULL WHERE id = 'open'", {("never due", "open")}),
    ("DELETE FROM incidents", {("no incident", "doubt")}),
    ("UPDATE orders SET sent_ms = 0 WHERE id = 'open'", {("accepted, yet to be sent", "open")}),
    ("UPDATE orders SET provider_reference = 'SB1' WHERE id = 'new'",
     {("one reference, two orders", "new"), ("one reference, two orders", "open")}),
    ("UPDATE orders SET code = 'CODE-open' WHERE id = 'new'", {("made twice", "open")}),
    ("UPDATE orders SET reference_key = (SELECT reference_key FROM orders WHERE id = 'open')"
     " WHERE id = 'new'", {("made twice", "new")}),
    ("UPDATE orders SET conversation_id = 'c', act_position = 1 WHERE id IN ('open', 'new')",
     {("made twice", "new")}),
    ("DELETE FROM messages WHERE order_id = 'paid'", {("untold", "paid")}),
    ("UPDATE messages SET dedupe_key = 'result:failed:SUCCESSFUL:x' WHERE order_id = 'failed'",
     {("untold", "failed")}),
    ("UPDATE messages SET kind = 'reply' WHERE order_id = 'failed'", {("untold", "failed")}),
    ("UPDATE messages SET state = 'sent', order_id = 'paid', view = 'paid'"
     " WHERE order_id IN ('paid', 'back')", {("told twice", "paid"), ("untold", "back")}),
    ("UPDATE orders SET deadline_ms = 5 WHERE id = 'open'", {("overdue", "open")}),
    ("INSERT INTO rechecks VALUES ('paid', 'webhook', NULL, 1, 9000000000000000, 0, 1, 0)",
     {("not looked into", "paid")}),
    ("INSERT INTO rechecks VALUES ('back', 'poll', NULL, 1, 1, 0, 1, 0)", {("not looked into", "back")}),
    ("UPDATE orders SET follows_id = NULL WHERE id = 'bill'",
     {("bill of nothing", "bill"), ("bill forgotten", "for-bill")}),
    ("UPDATE orders SET amount_minor = 499 WHERE id = 'bill'", {("bill of nothing", "bill")}),
    ("UPDATE agreements SET amount_minor = 499", {("debit without agreement", "debit")}),
    ("UPDATE orders SET agreement_id = NULL WHERE id = 'debit'", {("debit without agreement", "debit")}),
    ("UPDATE agreements SET state = 'EXPIRED', due_ms = NULL", {("agreement", "g1")}),
    ("UPDATE orders SET staff_id = 's1', approved_by = 's1' WHERE id = 'back'", {("approved alone", "back")}),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "found"), PLANTED)
def test_what_is_planted_is_found(
    raw: sqlite3.Connection, database: Path, sql: str, found: set[tuple[str, str]]
) -> None:
    lose_every_guard(raw)
    assert raw.execute(sql).rowcount > 0
    assert audit(database) == sorted((rule, f"CODE-{id}" if rule != "no order" else id) for rule, id in found)


def test_every_rule_has_been_broken() -> None:
    from bot.store import audit as room

    rules = {*room._RULES, "step", "final state left", "untold", "overdue", "not looked into"}
    assert {rule for _, found in PLANTED for rule, _ in found} == rules


async def test_an_order_past_its_time_is_found_unless_somebody_was_told(
    raw: sqlite3.Connection, database: Path, clock: FakeClock
) -> None:
    late = NOW + DAY + 600_001
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        found = await store.audit(late, 8 * DAY, 600_000)
        assert [(f.rule, f.order) for f in found] == [("overdue", "CODE-open"), ("overdue", "CODE-new")]
        await store.commit([AddIncident(incident(id, order_id=id)) for id in ("open", "new")])
        assert await store.audit(late, 8 * DAY, 600_000) == ()
    finally:
        await store.close()


async def test_results_of_long_ago_are_not_looked_for(
    raw: sqlite3.Connection, database: Path, clock: FakeClock
) -> None:
    raw.execute("UPDATE messages SET state = 'sent', sent_ms = 1")
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        await store.purge(NOW + 9 * DAY, DAY, 8 * DAY, DAY)
        assert await store.messages(MessageState.SENT, 9) == ()
        assert {f.rule for f in await store.audit(NOW + 9 * DAY, 8 * DAY, 10**12)} == set()
    finally:
        await store.close()


def test_a_finding_holds_no_number(raw: sqlite3.Connection, database: Path) -> None:
    """What an operator copies into a ticket names orders, never people."""
    lose_every_guard(raw)
    for sql, _ in PLANTED:
        raw.execute(sql)

    async def look() -> str:
        store = sqlite_store(database, clock=FakeClock(), owner=False)
        await store.open()
        try:
            return str(await store.audit(NOW, 8 * DAY, 600_000))
        finally:
            await store.close()

    assert not re.search(r"\+?233\d{6,}", asyncio.run(look()))
