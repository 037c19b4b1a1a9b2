"""Backups: of one moment while it is in use, whole or not at all; put back, they know what they are."""

import os
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from bot.store import AlreadyOwned, SchemaMismatch, sqlite_store
from bot.store.base import SavePerson
from bot.store.sqlite.copies import Copied, CopyProblem, back_up, put_back
from bot.store.sqlite.mark import mark_path
from tests.store.make import NOW, FakeClock, person
from tests.store.test_soundness import filled, lose_a_line_of_an_index, spoil_a_table, spoil_the_header


def backed_up(database: Path, target: Path, **given: Any) -> Copied:
    return back_up(database, target, **({"replace": False, "tell": lambda done, whole: None} | given))


def put(backup: Path, database: Path) -> Copied:
    return put_back(backup, database, stamp="STAMP", tell=lambda done, whole: None)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


async def test_a_backup_of_a_running_database_is_one_moment_of_it(
    database: Path, folder: Path, clock: FakeClock
) -> None:
    await filled(database, clock)
    store = sqlite_store(database, clock=clock)
    await store.open()
    told: list[tuple[int, int]] = []
    try:
        await store.commit([SavePerson(person("in the log only"))])
        target = folder / "b.db"
        kept = os.umask(0)
        try:
            done = backed_up(database, target, tell=lambda done, whole: told.append((done, whole)))
        finally:
            os.umask(kept)
        await store.commit([SavePerson(person("later"))])
    finally:
        await store.close()
    assert (done.rows["people"], done.rows["orders"], done.rows["messages"]) == (2, 1, 40)
    assert told[-1][0] == told[-1][1] > 0
    assert mode_of(target) == 0o600
    assert [path.name for path in folder.iterdir()] == ["b.db"], "one file, and no half of one"
    assert put(target, folder / "elsewhere.db").rows == done.rows
    for path in (target, folder):
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
    try:
        raw = sqlite3.connect(f"{target.as_uri()}?mode=ro", uri=True)
        assert raw.execute("SELECT COUNT(*) FROM people").fetchone() == (2,)
        raw.close()
    finally:
        folder.chmod(0o700)


async def test_nothing_is_written_over_unasked(database: Path, folder: Path, clock: FakeClock) -> None:
    await filled(database, clock)
    target = folder / "b.db"
    target.write_text("mine")
    with pytest.raises(CopyProblem, match=r"exists already\..* --replace"):
        backed_up(database, target)
    assert target.read_text() == "mine"
    backed_up(database, target, replace=True)
    assert sqlite3.connect(target).execute("SELECT COUNT(*) FROM orders").fetchone() == (1,)
    for name in ("kasapay.db", "kasapay.db.lock", "kasapay.db.mark"):
        with pytest.raises(CopyProblem, match="belongs to the database"):
            backed_up(database, database.with_name(name), replace=True)


@pytest.mark.parametrize("spoil", [spoil_a_table, spoil_the_header, lose_a_line_of_an_index])
async def test_a_damaged_database_gives_no_backup(
    database: Path, folder: Path, clock: FakeClock, spoil: Any
) -> None:
    await filled(database, clock)
    spoil(database)
    with pytest.raises(CopyProblem, match="damaged"):
        backed_up(database, folder / "b.db")
    assert list(folder.iterdir()) == []


async def test_what_stands_in_the_way_is_said(database: Path, folder: Path, clock: FakeClock) -> None:
    await filled(database, clock)
    with pytest.raises(CopyProblem, match="No such file"):
        backed_up(database, folder / "nowhere" / "b.db")
    with pytest.raises(CopyProblem, match="no database"):
        backed_up(folder / "none.db", folder / "b.db")
    empty = folder / "empty.db"
    empty.touch()
    with pytest.raises(CopyProblem, match="no database of Kasapay"):
        put(empty, database)
    with pytest.raises(CopyProblem, match="no file"):
        put(folder / "none.db", database)
    with pytest.raises(CopyProblem, match="the database itself"):
        put(database, database)


async def test_a_copy_takes_the_place_of_the_database(database: Path, folder: Path, clock: FakeClock) -> None:
    await filled(database, clock)
    backed_up(database, folder / "b.db")
    store = sqlite_store(database, clock=clock)
    await store.open()
    await store.commit([SavePerson(person("since"))])
    with pytest.raises(AlreadyOwned):
        put(folder / "b.db", database)
    assert await store.person("since") is not None
    # As a kill leaves it: with a log that has not been written back.
    for end in ("-wal", "-shm"):
        shutil.copy(f"{database}{end}", folder / f"log{end}")
    await store.close()
    for end in ("-wal", "-shm"):
        shutil.copy(folder / f"log{end}", f"{database}{end}")
    database.chmod(0o640)
    done = put(folder / "b.db", database)
    assert done.aside == database.with_name("kasapay.db.replaced-STAMP")
    assert sorted(path.name for path in database.parent.glob("*kasapay.db*")) == [
        "kasapay.db",
        "kasapay.db.lock",
        "kasapay.db.mark",
        "kasapay.db.replaced-STAMP",
    ]
    assert mode_of(database) == 0o640, "as it was"
    old = sqlite3.connect(done.aside)
    assert old.execute("SELECT 1 FROM people WHERE id = 'since'").fetchone() == (1,)
    old.close()
    clock.ms = NOW + 1
    await store.open()
    try:
        assert await store.person("since") is None
        assert [row.noticed_ms for row in await store.restores()] == [NOW + 1]
    finally:
        await store.close()


@pytest.mark.parametrize("spoil", [spoil_a_table, spoil_the_header, lose_a_line_of_an_index])
async def test_a_damaged_backup_changes_nothing(
    database: Path, folder: Path, clock: FakeClock, spoil: Any
) -> None:
    await filled(database, clock)
    backed_up(database, folder / "b.db")
    spoil(folder / "b.db")
    before = database.read_bytes()
    with pytest.raises(CopyProblem, match="damaged"):
        put(folder / "b.db", database)
    assert database.read_bytes() == before
    assert not list(database.parent.glob("*replaced*"))


async def test_a_damaged_database_is_replaced_and_kept(
    database: Path, folder: Path, clock: FakeClock
) -> None:
    await filled(database, clock)
    backed_up(database, folder / "b.db")
    spoil_a_table(database)
    broken = database.read_bytes()
    done = put(folder / "b.db", database)
    assert done.aside is not None
    assert done.aside.read_bytes() == broken
    store = sqlite_store(database, clock=clock)
    await store.open()
    assert len(await store.restores()) == 1
    await store.close()


async def test_where_nothing_is_left_the_copy_is_known_for_one_too(
    database: Path, folder: Path, clock: FakeClock
) -> None:
    await filled(database, clock)
    plain = Path(shutil.copy(database, folder / "plain.db"))
    new = folder / "new" / "kasapay.db"
    new.parent.mkdir()
    assert put(plain, new).aside is None
    assert mode_of(new) == 0o600
    assert mark_path(new).exists()
    store = sqlite_store(new, clock=clock)
    await store.open()
    assert len(await store.restores()) == 1
    await store.close()


def test_a_backup_of_a_newer_release_is_refused(database: Path, folder: Path) -> None:
    newer = Path(shutil.copy(database, folder / "newer.db"))
    raw = sqlite3.connect(newer)
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(SchemaMismatch, match="update Kasapay"):
        put(newer, database)
