"""A copy put in the database's place is noticed, and does nothing a second time."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from bot.money import OrderState
from bot.store import SqlStore, migrate, sqlite_store
from bot.store.base import (
    Conflict,
    Decide,
    KeepAgreement,
    KeepApproval,
    KeepMerchant,
    KeepStaff,
    KeepTurn,
    OrderFields,
    Queue,
    SaveConversation,
    SavePerson,
    SaveSession,
    TurnQuery,
    UpdateOrder,
)
from bot.store.migrate import _connected, _sqlite_engine
from bot.store.records import ApprovalRow, ApprovalState, MessageState, TurnState
from bot.store.rows import ORDERS
from bot.store.sqlite.mark import BEAT_MS, Mark, mark_path, read_mark, write_mark
from tests.store.make import (
    MSISDN,
    NOW,
    FakeClock,
    agreement,
    conversation,
    kept_order,
    merchant,
    message,
    order,
    person,
    request,
    session,
    staff,
    turn,
    update,
)

ROOT = Path(__file__).resolve().parents[2]
S = OrderState
LATER = NOW + 3_600_000


@asynccontextmanager
async def opened(path: Path, now_ms: int = NOW) -> AsyncIterator[SqlStore]:
    store = sqlite_store(path, clock=FakeClock(now_ms))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def restores(path: Path, now_ms: int = LATER) -> list[tuple[int, int]]:
    """What is known of restores once the file was opened."""
    async with opened(path, now_ms) as store:
        return [(row.since_ms, row.noticed_ms) for row in await store.restores()]


async def use(path: Path, name: str, now_ms: int) -> None:
    async with opened(path, now_ms) as store:
        await store.commit([SavePerson(person(name))])


def upgrade_to(path: Path, revision: str) -> None:
    """A database of an earlier schema."""
    with _connected(_sqlite_engine(path)) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(ROOT / "bot" / "store" / "migrations"))
        command.upgrade(config, revision)


# ---- noticed


async def test_a_file_that_stays_is_no_copy(database: Path) -> None:
    await use(database, "p1", NOW)
    await use(database, "p2", NOW + 1)
    assert await restores(database) == []


async def test_an_older_copy_in_its_place_is_noticed(database: Path, tmp_path: Path) -> None:
    await use(database, "p1", NOW)
    kept = Path(shutil.copy(database, tmp_path / "kept.db"))
    await use(database, "p2", NOW + 60_000)
    shutil.copy(kept, database)
    assert await restores(database) == [(NOW, LATER)]
    assert await restores(database, LATER + 1) == [(NOW, LATER)], "noticed once"
    async with opened(database, LATER + 2) as store:
        (incident,) = await store.incidents(5)
        assert (incident.kind, incident.order_id) == ("restored", None)
        assert "reconcile" in incident.text


async def test_a_copy_made_while_it_runs_is_noticed(database: Path, tmp_path: Path) -> None:
    """Also where the process was killed: what it wrote since shows in the mark beside."""
    clock = FakeClock()
    store = sqlite_store(database, clock=clock)
    await store.open()
    await store.commit([SavePerson(person("p1"))])
    source = sqlite3.connect(database)
    copy = sqlite3.connect(tmp_path / "copy.db")
    source.backup(copy)
    copy.close()
    source.close()
    clock.ms += BEAT_MS + 1
    await store.commit([SavePerson(person("p2"))])
    kept = mark_path(database).read_bytes()
    await store.close()
    mark_path(database).write_bytes(kept)  # as a kill leaves it
    shutil.copy(tmp_path / "copy.db", database)
    assert await restores(database) == [(NOW, LATER)]


async def test_killed_as_it_was_first_used_it_is_no_copy(database: Path) -> None:
    write_mark(database, Mark("a" * 32, 0))
    assert await restores(database) == []
    assert read_mark(database) == Mark("a" * 32, 2)


async def test_a_copy_in_another_place_is_noticed(database: Path, tmp_path: Path) -> None:
    await use(database, "p1", NOW)
    (tmp_path / "new").mkdir()
    assert len(await restores(Path(shutil.copy(database, tmp_path / "new" / "kasapay.db")))) == 1


async def test_a_move_with_the_mark_is_no_copy(database: Path, tmp_path: Path) -> None:
    await use(database, "p1", NOW)
    (tmp_path / "new").mkdir()
    shutil.copy(mark_path(database), tmp_path / "new")
    assert await restores(Path(shutil.copy(database, tmp_path / "new" / "kasapay.db"))) == []


async def test_one_of_an_older_release_in_its_place_is_noticed(
    database: Path, tmp_path: Path, empty_database: Path
) -> None:
    """It has no token yet; the mark beside it says that there was one."""
    await use(database, "p1", NOW)
    shutil.copy(empty_database, database)
    assert len(await restores(database)) == 1


@pytest.mark.parametrize("line", [b"", b"\0" * 54, b"nonsense"])
async def test_a_mark_that_a_power_cut_spoiled_says_nothing(database: Path, line: bytes) -> None:
    await use(database, "p1", NOW)
    before = read_mark(database)
    mark_path(database).write_bytes(line)
    assert await restores(database) == []
    after = read_mark(database)
    assert before is not None
    assert after is not None
    assert after.token == before.token


def test_a_mark_is_written_over_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for serial in (9, 10**12):
        write_mark(path, Mark("a" * 32, serial))
        assert read_mark(path) == Mark("a" * 32, serial)
    assert mark_path(path).stat().st_mode & 0o777 == 0o600


async def test_a_database_of_the_schema_before_is_no_copy_and_keeps_its_orders(tmp_path: Path) -> None:
    path = tmp_path / "before.db"
    upgrade_to(path, "0003")
    columns = {
        **dict.fromkeys(("network", "note", "provider_reference", "financial_id", "provider_code"), ""),
        **dict.fromkeys(("otp_tries", "asks", "attempts", "fence", "lease_until_ms", "version"), 0),
        **dict(zip(ORDERS.columns, ORDERS.write(order()), strict=True)),
    }
    raw = sqlite3.connect(path, isolation_level=None)
    there = {row[1] for row in raw.execute("PRAGMA table_info(orders)")} - {"terms"}
    columns = {name: value for name, value in columns.items() if name in there}
    raw.execute("INSERT INTO people VALUES ('p1', 'en', 1, 0)")
    marks = ", ".join("?" * len(columns))
    raw.execute(
        f"INSERT INTO orders ({', '.join(columns)}, reference_key) VALUES ({marks}, 'k')",
        list(columns.values()),
    )
    raw.execute("INSERT INTO transitions VALUES ('o1', 1, NULL, 'NEW', 'us', 1, NULL, '', '')")
    raw.close()
    migrate(f"sqlite:///{path}")
    async with opened(path, LATER) as store:
        assert await store.restores() == ()
        (row,) = await store.recent_orders(5)
        assert (row.state, row.restored_ms) == (S.NEW, None)


# ---- and does nothing a second time


async def filled(path: Path) -> None:
    async with opened(path) as store:
        await store.commit(
            [SavePerson(person()), KeepMerchant(merchant()), KeepStaff(staff()), Queue(message())]
        )
        await store.commit([KeepStaff(staff("t2"))])
        for name, path_ in {
            "new": (),
            "pending": (S.PENDING,),
            "code": (S.PENDING, S.NEEDS_OTP),
            "unresolved": (S.PENDING, S.UNRESOLVED),
            "paid": (S.PENDING, S.SUCCESSFUL),
        }.items():
            row = order(name, due_ms=NOW + 5, payer=f"+23324000000{len(name)}")
            given = {"otp_expires_ms": LATER + 60_000} if name == "code" else {}
            await kept_order(store, row, *path_, **given)
        row = await kept_order(store, order("unsent", payer="+1"), S.PENDING)
        await store.commit(
            [UpdateOrder(row.id, row.version, NOW, due_ms=NOW + 5, fields=OrderFields(sent_ms=0))]
        )
        await store.receive(update())
        await store.commit(
            [
                SaveConversation(conversation(), None),
                SaveSession(session(conversation_id="c1")),
                KeepTurn(turn(state=TurnState.RUNNING, lease_until_ms=NOW + 1)),
                KeepAgreement(agreement(due_ms=LATER + 99)),
                KeepApproval(
                    ApprovalRow(
                        "v1", "m1", ApprovalState.WAITING, request(), "t1", NOW, LATER + 99,
                        conversation_id="c0", act_position=1,
                    )
                ),
            ]
        )  # fmt: skip


@pytest.fixture
async def put_back(database: Path) -> AsyncIterator[SqlStore]:
    """A copy of a database in which everything was under way, opened in its place."""
    await filled(database)
    mark_path(database).unlink()
    async with opened(database, LATER) as store:
        yield store


async def test_every_open_order_is_asked_about_and_none_may_go(put_back: SqlStore) -> None:
    rows = {row.id: row for row in await put_back.recent_orders(10)}
    assert {name: row.state for name, row in rows.items()} == {
        "new": S.PENDING,
        "pending": S.PENDING,
        "code": S.PENDING,
        "unresolved": S.UNRESOLVED,
        "unsent": S.PENDING,
        "paid": S.SUCCESSFUL,
    }
    for name in ("new", "pending", "code", "unresolved", "unsent"):
        row = rows[name]
        assert row.restored_ms == LATER
        assert row.due_ms is not None
        assert row.due_ms <= LATER
        assert row.sent_ms != 0
        with pytest.raises(ValueError, match="never sent again"):
            await put_back.commit(
                [UpdateOrder(row.id, row.version, LATER, due_ms=LATER, fields=OrderFields(sent_ms=0))]
            )
    assert rows["paid"].restored_ms is None
    assert rows["new"].sent_ms == NOW
    assert "perhaps sent" in (await put_back.transitions("new"))[-1].note
    assert await put_back.audit(LATER, 0, 10**12) == ()


async def test_what_waited_to_be_said_waits_for_a_person(put_back: SqlStore) -> None:
    assert await put_back.messages(MessageState.QUEUED, 5) == ()
    (dead,) = await put_back.messages(MessageState.DEAD, 5)
    assert dead.error == "put back from a copy: perhaps said"


async def test_nobody_goes_on_with_what_they_had_begun(put_back: SqlStore) -> None:
    """The Yes in the inbox was acted on, the approval decided, the confirm answered: all after the copy."""
    assert await put_back.claim_updates("bot", LATER, 1000, 5) == ()
    loaded = await put_back.load_turn(
        TurnQuery("msisdn", MSISDN, scope="s1", key="k1", gateway="africastalking", session_id="AT1")
    )
    assert (loaded.conversation, loaded.turn, loaded.needs_otp) == (None, None, None)
    assert loaded.session is not None
    assert not loaded.session.open
    assert await put_back.approvals_waiting("m1", LATER, 5) == ()
    with pytest.raises(Conflict):
        await put_back.commit([Decide("v1", ApprovalState.APPROVED, "t2", LATER, "new")])
    assert await put_back.next_agreement_ms() == LATER
