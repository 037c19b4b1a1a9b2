"""Migrations: from nothing, again, whole or not at all, and heard by nobody."""

import logging
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.store import (
    AlreadyOwned,
    SchemaMismatch,
    StoreUnavailable,
    expected_version,
    migrate,
    schema_version,
    sqlite_path,
    sqlite_store,
)
from bot.store.migrate import _sqlite_engine, _upgrade
from tests.store.make import FakeClock

ROOT = Path(__file__).resolve().parents[2]


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def test_an_empty_place_becomes_todays_database(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert schema_version(url_of(path)) is None
    assert migrate(url_of(path)) == expected_version()
    assert schema_version(url_of(path)) == expected_version()
    assert {"orders", "transitions", "messages", "turns"} <= tables(path)


def test_asking_for_a_version_makes_no_file(tmp_path: Path) -> None:
    schema_version(url_of(tmp_path / "new.db"))
    assert list(tmp_path.iterdir()) == []


def test_migrating_again_changes_nothing(database: Path) -> None:
    before = database.read_bytes()
    assert migrate(url_of(database)) == expected_version()
    assert database.read_bytes() == before


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    migrate(url_of(path))
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE messages (id TEXT)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="messages"):
        migrate(url_of(path))
    assert tables(path) == {"messages"}
    assert schema_version(url_of(path)) is None


def test_messages_from_before_topics_belong_to_none(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    _upgrade(_sqlite_engine(path), "0007")
    connection = sqlite3.connect(path)
    row = (
        "m",
        "k",
        "reply",
        "p",
        "telegram",
        "7",
        "{}",
        "queued",
        1,
        1,
        None,
        None,
        "",
        "",
        None,
        0,
        0,
        0,
        "",
        1,
        1,
    )
    connection.execute(f"INSERT INTO messages VALUES ({', '.join('?' * len(row))})", row)
    connection.commit()
    connection.close()
    migrate(url_of(path))
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT state, thread FROM messages").fetchall() == [("queued", "")]
    connection.close()


def test_links_from_before_signed_cookies_end(tmp_path: Path) -> None:
    """And of nobody else; with the link gone a result goes to the phone."""
    path = tmp_path / "old.db"
    _upgrade(_sqlite_engine(path), "0003")
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO people VALUES ('p1', 'en', 1, 0)")
    for name, kind, value in (
        ("a", "web", "0" * 32),
        ("b", "telegram", "77"),
        ("c", "msisdn", "+233240000001"),
        ("d", "msisdn", "+88801234567"),
    ):
        connection.execute(
            "INSERT INTO addresses VALUES (?, 'p1', ?, ?, 1, 5, 2, NULL, 1)", (name, kind, value)
        )
    connection.commit()
    connection.close()
    migrate(url_of(path))
    connection = sqlite3.connect(path)
    ended = dict(connection.execute("SELECT id, ended_ms FROM addresses"))
    connection.close()
    assert ended == {"a": 5, "b": None, "c": None, "d": 5}


def test_a_merchants_limits_are_kept_and_its_askers_have_none_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    _upgrade(_sqlite_engine(path), "0005")
    connection = sqlite3.connect(path)
    names = "id, code, name, connection, currency, created_ms, active, max_amount_minor, approve_over_minor"
    connection.execute(
        f"INSERT INTO merchants ({names}) VALUES ('m', '1001', 'Ama', 'momo', 'GHS', 1, 1, 9, 5)"
    )
    connection.commit()
    connection.close()
    migrate(url_of(path))
    connection = sqlite3.connect(path)
    limits = "max_amount_minor, approve_over_minor, approve_asker_over_minor"
    kept = connection.execute(f"SELECT {limits} FROM merchants").fetchall()
    connection.close()
    assert kept == [(9, 5, None)]


def test_a_newer_database_is_left_alone(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(SchemaMismatch, match="update Kasapay"):
        migrate(url_of(database))
    assert schema_version(url_of(database)) == "9999"


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear Ama, " * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        migrate(url_of(path))
    assert path.read_text().startswith("Dear Ama")


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="No such file"):
        migrate(url_of(tmp_path / "nowhere" / "new.db"))


async def test_a_database_in_use_is_not_migrated(database: Path, clock: FakeClock) -> None:
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        assert migrate(url_of(database)) == expected_version()
        connection = sqlite3.connect(database)
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
        connection.close()
        with pytest.raises(AlreadyOwned):
            migrate(url_of(database))
    finally:
        await store.close()


def test_nothing_is_printed_or_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    migrate(url_of(tmp_path / "new.db"))
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_the_working_directory_steers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n")
    (tmp_path / "pyproject.toml").write_text("[tool.alembic]\nscript_location = 'nowhere'\n")
    monkeypatch.chdir(tmp_path)
    migrate("sqlite:///new.db")
    assert (tmp_path / "new.db").exists()


def test_the_room_is_entered_without_alembic() -> None:
    asked = (
        "import sys, bot.store as s; s.expected_version(); s.schema_version('sqlite:///none.db');"
        "print([name for name in ('alembic', 'sqlalchemy') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///kasapay.db", Path("kasapay.db")),
        ("sqlite:///data/kasapay.db", Path("data/kasapay.db")),
        ("sqlite:////var/lib/kasapay.db", Path("/var/lib/kasapay.db")),
        ("sqlite:////with%20space.db", Path("/with space.db")),
        ("postgresql://db/kasapay", None),
    ],
)
def test_a_url_names_its_file(url: str, path: Path | None) -> None:
    assert sqlite_path(url) == path


@pytest.mark.parametrize("ask", [migrate, schema_version])
def test_another_database_is_refused_in_words(ask: Callable[[str], object]) -> None:
    with pytest.raises(StoreUnavailable, match="keeps its data in SQLite"):
        ask("postgresql://db/kasapay")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://kasapay.db"])
def test_a_sqlite_url_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        sqlite_path(url)


@pytest.mark.parametrize(
    ("kept", "says"),
    [(None, "run `kasapay migrate`"), ("0000", "run `kasapay migrate`"), ("9999", "update Kasapay")],
)
async def test_a_store_refuses_another_schema(
    database: Path, tmp_path: Path, clock: FakeClock, kept: str | None, says: str
) -> None:
    path = database
    if kept is None:
        path = tmp_path / "plain.db"
        sqlite3.connect(path).close()
        path.touch()
    else:
        connection = sqlite3.connect(path)
        connection.execute("UPDATE alembic_version SET version_num = ?", (kept,))
        connection.commit()
        connection.close()
    store = sqlite_store(path, clock=clock)
    with pytest.raises(SchemaMismatch, match=says):
        await store.open()


async def test_a_store_that_does_not_exist_is_not_made(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(SchemaMismatch, match="no schema yet"):
        await sqlite_store(tmp_path / "none.db", clock=clock).open()
    assert list(tmp_path.iterdir()) == []
