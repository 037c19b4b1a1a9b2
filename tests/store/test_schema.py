"""What the database refuses by itself, whatever code may try it. SQLite's words; the rules hold for both."""

import re
import sqlite3

import pytest

from bot.money import OrderState
from bot.store import Store, chores, forgetting, inbox, messages, order_reads, orders, people, turns
from bot.store.base import KeepMerchant, Queue, SavePerson
from tests.store.make import kept_order, merchant, message, person


async def fill(store: Store) -> None:
    """One paid order, and a message."""
    await store.commit([SavePerson(person()), KeepMerchant(merchant()), Queue(message())])
    await kept_order(store, None, OrderState.PENDING, OrderState.SUCCESSFUL)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transitions SET said = 'FAILED' WHERE seq = 3",
        "UPDATE transitions SET note = 'x'",
        "DELETE FROM transitions",
        "INSERT INTO transitions VALUES ('o1', 3, 'PENDING', 'FAILED', 'poll', 1, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o1', 4, NULL, 'NEW', 'us', 1, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o1', 4, 'FAILED', 'SUCCESSFUL', 'operator', 1, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o1', 4, 'PENDING', 'PAID', 'poll', 1, NULL, '', '')",
        "INSERT INTO transitions VALUES ('o9', 2, 'NEW', 'PENDING', 'us', 1, NULL, '', '')",
    ],
)
def test_the_ledger_only_grows_and_only_sensibly(raw: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(sql)


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 501",
        "currency = 'KES'",
        "payer = '+1'",
        "reference = 'other'",
        "code = 'OTHER'",
        "connection = 'other'",
        "merchant_id = 'm2'",
        "kind = 'refund'",
        "state = 'LOST'",
        "due_ms = 1",
        "lease_until_ms = 1",
        "reason = 'rejected'",
        "asks = -1",
        "person_id = 'nobody'",
        "act_position = 1",
    ],
)
def test_an_order_cannot_become_what_it_is_not(raw: sqlite3.Connection, change: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(f"UPDATE orders SET {change}")


def test_an_order_is_never_deleted(raw: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("DELETE FROM orders")


@pytest.mark.parametrize("change", ["state = 'sent'", "state = 'lost'", "sent_ms = 1", "attempts = -1"])
def test_a_message_is_sent_with_a_time_or_not_at_all(raw: sqlite3.Connection, change: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(f"UPDATE messages SET {change}")


STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}{name}{number}": sql
    for module in (chores, forgetting, inbox, messages, order_reads, orders, people, turns)
    for name, value in vars(module).items()
    for number, sql in enumerate(
        [value] if isinstance(value, str) else value if isinstance(value, tuple) else []
    )
    if isinstance(sql, str) and sql.split(maxsplit=1)[:1] in (["SELECT"], ["UPDATE"], ["DELETE"])
} | {"messages_claim": messages._claim_sql(1), "order_reads_given_back": order_reads._given_back_sql(2)}
# A list that is read whole, a part of a statement, and what an operator asks for once in a while.
NOT_ASKED = {"people_MERCHANTS0", "messages_BEHIND0"} | {
    f"forgetting_{name}"
    for name in (
        "ADDRESSES0",
        "SESSIONS0",
        "SESSION_TURNS0",
        "UPDATES0",
        *(f"OF_PERSON{n}" for n in range(4)),
    )
}


def test_a_statement_is_answered_by_an_index(raw: sqlite3.Connection) -> None:
    for name in set(STATEMENTS) - NOT_ASKED:
        sql = STATEMENTS[name]
        plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))]
        whole = [line for line in plan if re.match(r"SCAN \w+$", line) and line != "SCAN paid"]
        assert not whole, (name, plan)


def test_the_statements_were_found() -> None:
    assert len(STATEMENTS) > 80


@pytest.mark.parametrize("name", ["messages_claim", "messages_SOONEST_FIRST0"])
def test_the_queue_is_read_without_the_history(raw: sqlite3.Connection, name: str) -> None:
    sql = STATEMENTS[name]
    plan = " / ".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")))
    indices = set(re.findall(r"INDEX (\w+)", plan)) - {"sqlite_autoindex_messages_1"}
    first = "messages_to_send" if name == "messages_claim" else "messages_next"
    assert indices == {first, "messages_queued_of_address", "messages_sent_to_address"}, plan
