"""What only SQLite has: one owner, files of its own, a writer that stops after a failed flush."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.money import OrderState
from bot.store import AlreadyOwned, Conflict, SqlStore, StoreUnavailable, TurnQuery, sqlite_store
from bot.store.base import KeepAgreement, KeepMerchant, KeepTurn, Queue, SavePerson
from bot.store.records import TurnState
from bot.store.rows import Tx
from bot.store.sqlite import connection
from bot.store.sqlite.driver import SqliteDriver
from tests.store.make import NOW, FakeClock, agreement, kept_order, merchant, message, person, turn, update

ROOT = Path(__file__).resolve().parents[2]
LEASE = 60_000


@pytest.fixture
async def store(database: Path, clock: FakeClock) -> AsyncIterator[SqlStore]:
    opened = sqlite_store(database, clock=clock)
    await opened.open()
    yield opened
    await opened.close()


async def behind(store: SqlStore, work: Callable[[sqlite3.Connection], object]) -> None:
    """Do something to the writer's connection, as a fault would."""
    assert isinstance(store.driver, SqliteDriver)
    inner = store.driver._writer._connection
    assert inner is not None
    await inner.run(work)


def refuse_commits(raw: sqlite3.Connection) -> None:
    def judge(action: int, what: str | None, *_: object) -> int:
        denied = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    raw.set_authorizer(judge)


def fill_the_disk(raw: sqlite3.Connection) -> None:
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {pages}")


def no_thread_left(before: set[threading.Thread]) -> None:
    """A closed connection's thread has said so and is about to end."""
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive(), thread.name


BIG = person("big", language="x" * 200_000)


# ---- failed flushes


async def test_a_failed_commit_fails_everyone_in_it(store: SqlStore) -> None:
    await store.commit([KeepTurn(turn("taken"))])
    await behind(store, refuse_commits)
    outcomes = await asyncio.gather(
        store.commit([SavePerson(person("p1"))]),
        store.commit([KeepTurn(turn("taken"))]),
        store.count("b", 1000, NOW, 5),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert await store.person("p1") is None


async def test_a_change_that_is_its_callers_fault_stops_nobody(store: SqlStore) -> None:
    """What SQLite refuses about one unit says nothing about the file: its neighbours are kept, and so is
    what comes later."""

    def half(raw: Tx) -> None:
        raw.execute("INSERT INTO link_codes SELECT * FROM link_codes")
        raw.execute("INSERT INTO addresses DEFAULT VALUES")

    outcomes = await asyncio.gather(
        store.commit([SavePerson(person("before"))]),
        store.driver.write(half),
        store.commit([SavePerson(person("behind"))]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), sqlite3.IntegrityError, type(None)]
    assert store.available
    await store.commit([SavePerson(person("later"))])
    assert [await store.person(id) for id in ("before", "behind", "later")] == [
        person(id) for id in ("before", "behind", "later")
    ]


@pytest.mark.parametrize("fault", [refuse_commits, fill_the_disk])
async def test_after_a_failed_flush_nothing_is_kept_until_a_probe(
    store: SqlStore, fault: Callable[[sqlite3.Connection], None]
) -> None:
    await store.commit([SavePerson(person("before"))])
    await behind(store, fault)
    with pytest.raises(StoreUnavailable):
        await store.commit([SavePerson(BIG)])
    # Even where the disk would take it again.
    await behind(store, lambda raw: raw.set_authorizer(None))
    await behind(store, lambda raw: raw.execute("PRAGMA max_page_count = 1000000"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await store.commit([SavePerson(person("small"))])
    assert await store.person("before") == person("before")
    assert await store.person("small") is None
    await store.probe()
    await store.commit([SavePerson(BIG)])
    assert await store.person("big") == BIG


async def test_a_full_disk_says_so(store: SqlStore) -> None:
    await behind(store, fill_the_disk)
    with pytest.raises(StoreUnavailable, match="full"):
        await store.commit([SavePerson(BIG)])


async def test_a_database_locked_by_another_process_recovers_with_a_probe(
    database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 0)
    store = sqlite_store(database, clock=clock)
    await store.open()
    intruder = sqlite3.connect(database, isolation_level=None)
    try:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.commit([SavePerson(person("p1"))])
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.probe()
        with pytest.raises(StoreUnavailable):
            await store.commit([])
        assert await store.person("p1") is None
        intruder.execute("ROLLBACK")
        await store.probe()
        await store.commit([SavePerson(person("p1"))])
    finally:
        intruder.close()
        await store.close()


async def test_a_failed_store_still_closes(database: Path, clock: FakeClock) -> None:
    before = set(threading.enumerate())
    store = sqlite_store(database, clock=clock)
    await store.open()
    await behind(store, refuse_commits)
    with pytest.raises(StoreUnavailable):
        await store.commit([SavePerson(person())])
    await store.close()
    no_thread_left(before)
    again = sqlite_store(database, clock=clock)
    await again.open()
    await again.close()


async def test_a_lease_lasts_from_when_it_is_written(store: SqlStore, clock: FakeClock) -> None:
    await store.commit([SavePerson(person()), KeepMerchant(merchant()), Queue(message())])
    await kept_order(store)
    await store.receive(update())
    await store.commit([KeepAgreement(agreement(due_ms=NOW))])
    stall = threading.Event()
    stalled = asyncio.create_task(behind(store, lambda raw: stall.wait()))
    claiming = asyncio.gather(
        store.claim_orders(NOW, LEASE, 9),
        store.claim_messages(NOW, LEASE, 9, {}),
        store.claim_updates("bot", NOW, LEASE, 9),
        store.claim_agreements(NOW, LEASE, 9),
    )
    await asyncio.sleep(0.01)
    clock.ms = NOW + 2 * LEASE
    stall.set()
    await stalled
    (an_order,), (a_message,), _, (an_agreement,) = await claiming
    for leased in (an_order, a_message, an_agreement):
        assert leased.lease_until_ms == NOW + 3 * LEASE
    assert await store.claim_updates("bot", NOW + 3 * LEASE - 1, LEASE, 9) == ()
    assert len(await store.claim_updates("bot", NOW + 3 * LEASE, LEASE, 9)) == 1


# ---- ownership


async def test_a_second_owner_is_refused_by_name(store: SqlStore, database: Path, clock: FakeClock) -> None:
    second = sqlite_store(database, clock=clock)
    with pytest.raises(AlreadyOwned, match=rf"pid {os.getpid()}.*only one may"):
        await second.open()
    await store.commit([SavePerson(person())])


async def test_a_closed_store_can_be_owned_again(database: Path, clock: FakeClock) -> None:
    for _ in range(3):
        store = sqlite_store(database, clock=clock)
        await store.open()
        await store.close()


async def test_a_reader_reads_beside_the_owner_and_writes_nothing(
    store: SqlStore, database: Path, clock: FakeClock
) -> None:
    await store.commit([SavePerson(person())])
    reader = sqlite_store(database, clock=clock, owner=False)
    await reader.open()
    try:
        assert await reader.person("p1") == person()
        with pytest.raises(StoreUnavailable):
            await reader.commit([SavePerson(person("p2"))])
        with pytest.raises(StoreUnavailable):
            await reader.probe()
    finally:
        await reader.close()
    await store.commit([SavePerson(person("p3"))])


async def test_files_are_the_owners_alone(store: SqlStore, database: Path) -> None:
    await store.commit([SavePerson(person())])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.glob("kasapay.db*")}
    assert set(modes) == {
        "kasapay.db",
        "kasapay.db-wal",
        "kasapay.db-shm",
        "kasapay.db.lock",
        "kasapay.db.mark",
    }
    assert set(modes.values()) == {0o600}


async def test_what_a_dead_owner_held_is_free_at_once(database: Path, clock: FakeClock) -> None:
    first = sqlite_store(database, clock=clock)
    await first.open()
    await first.commit([SavePerson(person()), Queue(message())])
    await kept_order(first, None, OrderState.PENDING)
    await first.receive(update(1))
    running = turn(state=TurnState.RUNNING, lease_until_ms=NOW + 60_000)
    await first.commit([KeepTurn(running)])
    [order] = await first.claim_orders(NOW, 60_000, 9)
    [claimed] = await first.claim_messages(NOW, 60_000, 9, {})
    assert await first.claim_updates("bot", NOW, 60_000, 9)
    await first.close()
    second = sqlite_store(database, clock=clock)
    await second.open()
    try:
        [again] = await second.claim_orders(NOW, 60_000, 9)
        assert again.fence == order.fence + 1
        [message_again] = await second.claim_messages(NOW, 60_000, 9, {})
        assert message_again.fence == claimed.fence + 1
        assert len(await second.claim_updates("bot", NOW, 60_000, 9)) == 1
        await second.commit([KeepTurn(turn(state=TurnState.RUNNING, lease_until_ms=NOW + 60_000))])
    finally:
        await second.close()


# ---- opening and closing


async def test_closing_keeps_what_was_waiting(database: Path, clock: FakeClock) -> None:
    store = sqlite_store(database, clock=clock)
    await store.open()
    waiting = [asyncio.create_task(store.commit([SavePerson(person(f"p{n}"))])) for n in range(300)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    await store.open()
    try:
        assert await store.person("p299") is not None
    finally:
        await store.close()


async def test_a_closed_store_says_so(database: Path, clock: FakeClock) -> None:
    store = sqlite_store(database, clock=clock)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.commit([])
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.commit([SavePerson(person())])
    with pytest.raises(StoreUnavailable):
        await store.load_turn(TurnQuery("msisdn", "+1"))
    with pytest.raises(StoreUnavailable):
        await store.probe()


async def test_a_failed_open_leaves_no_thread_and_no_lock(database: Path, clock: FakeClock) -> None:
    whole = database.read_bytes()
    database.write_bytes(b"Dear Ama, " * 1000)
    store = sqlite_store(database, clock=clock)
    before = set(threading.enumerate())
    with pytest.raises(StoreUnavailable, match="not a database"):
        await store.open()
    no_thread_left(before)
    database.write_bytes(whole)
    await store.open()
    await store.close()


async def test_the_log_is_durable_by_every_commit(store: SqlStore) -> None:
    def check(raw: sqlite3.Connection) -> None:
        assert raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert raw.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert raw.execute("PRAGMA foreign_keys").fetchone()[0] == 1

    await behind(store, check)


async def test_waiting_commits_share_a_flush(store: SqlStore) -> None:
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    await behind(store, lambda raw: raw.set_trace_callback(count))
    await asyncio.gather(*(store.commit([SavePerson(person(f"p{n}"))]) for n in range(200)))
    assert commits <= 3


# ---- kill -9

WORKER = """
import asyncio, sys, time
from bot.store import Conflict, sqlite_store
from bot.store.base import KeepTurn, SavePerson
from bot.store.records import PersonRow, TurnRow, TurnState

async def main():
    store = sqlite_store(sys.argv[1], clock=lambda: 1)
    await store.open()
    async def one(who):
        number = 0
        while True:
            id = f"{sys.argv[2]}-{who}-{number}"
            turn = TurnRow(id, "k", TurnState.DONE, 1, id)
            await store.commit([SavePerson(PersonRow(id, "en", 1)), KeepTurn(turn)])
            sys.stdout.write(id + "\\n")
            sys.stdout.flush()
            number += 1
    await asyncio.gather(*(one(who) for who in range(8)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(database: Path, clock: FakeClock) -> None:
    acknowledged: list[str] = []
    for round_ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(database), str(round_)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        ) as process:
            assert process.stdout is not None
            acknowledged += [process.stdout.readline().strip() for _ in range(50 + 37 * round_)]
            process.send_signal(signal.SIGKILL)
            # A line cut short by the kill was not acknowledged to anyone.
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        assert process.returncode == -signal.SIGKILL
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        for id in acknowledged:
            assert await store.person(id) is not None
            with pytest.raises(Conflict):
                await store.commit([KeepTurn(turn("k", scope=id))])
    finally:
        await store.close()
    raw = sqlite3.connect(database)
    assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    # Whole or not at all: a person and the turn came in one commit.
    assert (
        raw.execute("SELECT COUNT(*) FROM people").fetchone()
        == raw.execute("SELECT COUNT(*) FROM turns").fetchone()
    )
    raw.close()
