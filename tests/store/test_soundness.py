"""A damaged file is never ready, and says so in SQLite's own words."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.store import AlreadyOwned, SqlStore, StoreUnavailable, migrate, sqlite_store
from bot.store.base import KeepMerchant, Queue, SavePerson
from bot.store.sqlite import soundness
from bot.store.sqlite.driver import SqliteDriver
from tests.store.make import FakeClock, kept_order, merchant, message, person

PAGE = 4096


async def fill(store: SqlStore) -> None:
    await store.commit([SavePerson(person()), KeepMerchant(merchant())])
    await kept_order(store)
    await store.commit([Queue(message(f"x{number}", view="x" * 3000)) for number in range(40)])


async def filled(database: Path, clock: FakeClock) -> None:
    store = sqlite_store(database, clock=clock)
    await store.open()
    await fill(store)
    await store.close()


def root_of(database: Path, name: str) -> int:
    connection = sqlite3.connect(database)
    try:
        return int(
            connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
        )
    finally:
        connection.close()


def write_at(database: Path, at: int, junk: bytes) -> None:
    with database.open("r+b") as file:
        file.seek(at)
        file.write(junk)


def spoil_a_table(database: Path) -> None:
    write_at(database, (root_of(database, "messages") - 1) * PAGE, b"\xff" * PAGE)


def spoil_the_header(database: Path) -> None:
    write_at(database, 0, b"nothing of SQLite")


def spoil_the_schema(database: Path) -> None:
    write_at(database, 100, b"\xff" * (PAGE - 100))


def cut(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2 // PAGE * PAGE)


def lose_a_line_of_an_index(database: Path) -> None:
    """What only the full check sees: the table is whole, its index is not."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'state = ''queued''', 'state = ''dead''')"
        " WHERE name = 'messages_to_send'"
    )
    connection.execute("PRAGMA writable_schema = OFF")
    connection.close()


@pytest.mark.parametrize("spoil", [spoil_a_table, spoil_the_header, spoil_the_schema, cut])
@pytest.mark.parametrize("owner", [True, False])
async def test_a_damaged_file_is_not_opened(
    database: Path, clock: FakeClock, spoil: Callable[[Path], None], owner: bool
) -> None:
    await filled(database, clock)
    spoil(database)
    store = sqlite_store(database, clock=clock, owner=owner)
    with pytest.raises(StoreUnavailable, match=r"damaged: .*kasapay restore"):
        await store.open()
    await store.close()


@pytest.mark.parametrize("spoil", [spoil_a_table, spoil_the_header, spoil_the_schema, cut])
async def test_a_damaged_file_is_not_migrated(
    database: Path, clock: FakeClock, spoil: Callable[[Path], None]
) -> None:
    await filled(database, clock)
    raw = sqlite3.connect(database, isolation_level=None)
    raw.execute("UPDATE alembic_version SET version_num = '0001'")
    raw.close()
    spoil(database)
    before = database.read_bytes()
    with pytest.raises(StoreUnavailable, match=r"damaged: .*kasapay restore"):
        migrate(f"sqlite:///{database}")
    assert database.read_bytes() == before


async def test_a_large_file_is_entered_at_every_table(
    database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soundness, "_SMALL_BYTES", 0)
    await filled(database, clock)
    spoil_a_table(database)
    with pytest.raises(StoreUnavailable, match=r"malformed \(SQLITE_CORRUPT"):
        await sqlite_store(database, clock=clock).open()


async def test_what_the_full_check_finds_stops_commits_for_good(database: Path, clock: FakeClock) -> None:
    await filled(database, clock)
    lose_a_line_of_an_index(database)
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        assert await store.person("p1") == person()
        await store.probe()
        with capture_logs() as log:
            found = await store.examine()
            assert any("messages_to_send" in line for line in found), found
            assert not store.available
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match="messages_to_send"):
                    await store.probe()
                with pytest.raises(StoreUnavailable, match="messages_to_send"):
                    await store.commit([SavePerson(person("p2"))])
        assert [line["event"] for line in log] == ["store.damaged"], "said once, in SQLite's words"
        assert "messages_to_send" in log[0]["why"]
        assert await store.person("p1") == person(), "what can be read is read"
    finally:
        await store.close()


@pytest.mark.parametrize("spoil", [spoil_a_table, spoil_the_schema])
async def test_what_breaks_while_it_is_open_is_found(
    database: Path, clock: FakeClock, spoil: Callable[[Path], None]
) -> None:
    await filled(database, clock)
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        spoil(database)
        try:
            found = await store.examine()
        except StoreUnavailable as error:
            found = [str(error)]
        assert any("malformed" in line or "error code 11" in line for line in found), found
        assert not store.available
        with pytest.raises(StoreUnavailable, match="damaged"):
            await store.probe()
    finally:
        await store.close()


async def test_a_sound_file_has_no_faults(database: Path, clock: FakeClock) -> None:
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        await fill(store)
        assert await store.examine() == []
        assert store.available
    finally:
        await store.close()


async def test_damage_met_by_a_reader_stops_commits(database: Path, clock: FakeClock) -> None:
    """Met by chance, before any check came to it."""
    await filled(database, clock)
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        assert isinstance(store.driver, SqliteDriver)
        reads = store.driver._turn_reads
        assert reads is not None
        await reads._connection.run(lambda raw: raw.execute("PRAGMA cache_size = 0"))
        spoil_a_table(database)
        with pytest.raises(StoreUnavailable, match="malformed"):
            await reads.run(lambda tx: tx.execute("SELECT count(view) FROM messages NOT INDEXED").fetchone())
        with pytest.raises(StoreUnavailable, match="damaged"):
            await store.probe()
    finally:
        await store.close()


@pytest.mark.parametrize("away", [lambda path: path.rename(path.with_name("moved.db")), Path.unlink])
async def test_a_file_that_is_gone_is_not_written_on(
    database: Path, clock: FakeClock, away: Callable[[Path], object]
) -> None:
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        await store.commit([SavePerson(person())])
        kept = shutil.copy(database, database.with_name("copy.db"))
        away(database)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.probe()
        shutil.move(kept, database)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.commit([SavePerson(person("p2"))])
    finally:
        await store.close()


async def test_a_symbolic_link_has_the_lock_of_its_file(
    database: Path, tmp_path: Path, clock: FakeClock
) -> None:
    link = tmp_path / "elsewhere" / "other.db"
    link.parent.mkdir()
    link.symlink_to(database)
    first, second = sqlite_store(link, clock=clock), sqlite_store(database, clock=clock)
    await first.open()
    try:
        assert [path.name for path in link.parent.iterdir()] == ["other.db"]
        with pytest.raises(AlreadyOwned):
            await second.open()
    finally:
        await first.close()
    await second.open()
    await second.close()


async def test_its_group_keeps_the_access_it_was_given(database: Path, clock: FakeClock) -> None:
    database.chmod(0o644)
    store = sqlite_store(database, clock=clock)
    await store.open()
    await store.close()
    assert database.stat().st_mode & 0o777 == 0o640
