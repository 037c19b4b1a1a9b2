"""Brings a database to today's schema, and says which schema it has.

Alembic and SQLAlchemy are imported only while migrating: asking for a version is cheap, so that
`serve` can refuse an old schema without them. Nothing is read from the working directory.
"""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from bot.store.base import StoreUnavailable
from bot.store.sqlite.ownership import Ownership
from bot.store.sqlite.soundness import damaged, first_look, is_damage, name_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SchemaMismatch", "expected_version", "migrate", "read_version", "schema_version", "sqlite_path"]

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class SchemaMismatch(StoreUnavailable):
    """The database has another schema than this code expects."""

    def __init__(self, kept: str | None, expected: str) -> None:
        if kept is None:
            what = "the database has no schema yet"
        else:
            what = f"the database has schema {kept}, this code expects {expected}"
        remedy = "update Kasapay" if kept is not None and kept > expected else "run `kasapay migrate`"
        super().__init__(f"{what}: {remedy}")


def expected_version() -> str:
    """The number of the newest migration."""
    return max(path.name.split("_", 1)[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def sqlite_path(url: str) -> Path | None:
    """The file of a `sqlite:///file` (relative) or `sqlite:////file` URL; None for other databases.

    Raises ValueError for a SQLite URL that names no file.
    """
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] != "sqlite":
        return None
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or not path or path == ":memory:":
        raise ValueError("a SQLite URL is sqlite:///relative/file or sqlite:////absolute/file")
    return Path(path)


def schema_version(url: str) -> str | None:
    """The schema kept at `url`; None where there is none. Raises StoreUnavailable."""
    path = _file(url)
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
        try:
            return read_version(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreUnavailable(_unreadable(path, error)) from error


def read_version(connection: sqlite3.Connection) -> str | None:
    """The schema of an open SQLite database; None where there is none."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def migrate(url: str) -> str:
    """Brings the database at `url` to today's schema, made where there is none, and returns its number.

    Each migration is kept whole or not at all. Raises StoreUnavailable: SchemaMismatch where the
    database is newer than this code, AlreadyOwned where a running process owns a SQLite file.
    """
    expected = expected_version()
    kept = schema_version(url)
    if kept == expected:
        return expected
    if kept is not None and kept > expected:
        raise SchemaMismatch(kept, expected)
    path = _file(url)
    ownership = Ownership(path)
    ownership.take()
    try:
        _make_private(path)
        if kept is not None:
            _look_at(path)
        _upgrade(_sqlite_engine(path))
    finally:
        ownership.give_back()
    return expected


def _file(url: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        raise StoreUnavailable(
            "Kasapay keeps its data in SQLite for now; DATABASE_URL must begin with sqlite:///."
        )
    return path


def _look_at(path: Path) -> None:
    """A damaged file is not written on. Raises StoreUnavailable."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
        ) as connection:
            faults = first_look(connection)
    except sqlite3.Error as error:
        raise StoreUnavailable(_unreadable(path, error)) from error
    if faults:
        raise StoreUnavailable(damaged("; ".join(faults)))


def _unreadable(path: Path, error: sqlite3.Error) -> str:
    return damaged(name_of(error)) if is_damage(error) else f"cannot read {path}: {name_of(error)}"


def _make_private(path: Path) -> None:
    """The file exists and is its owner's alone, before anything is in it; SQLite's other files follow it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(path.stat().st_mode & 0o660 | 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot open {path}: {error.strerror}") from error


def _upgrade(engine: "Engine", to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _connected(engine) as connection:
        # No ini file, so nothing in the working directory can steer this.
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, to)


class _connected:  # noqa: N801 - used as a function
    """A connection that is closed with its engine, and whose errors say StoreUnavailable."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def __enter__(self) -> "Connection":
        from sqlalchemy.exc import DBAPIError

        try:
            self._connection = self._engine.connect()
        except DBAPIError as error:
            self._engine.dispose()
            raise StoreUnavailable(f"cannot open the database: {error.orig}") from error
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from sqlalchemy.exc import DBAPIError

        self._connection.close()
        self._engine.dispose()
        if isinstance(error, DBAPIError):
            raise StoreUnavailable(f"cannot migrate: {error.orig}") from error


def _sqlite_engine(path: Path) -> "Engine":
    from sqlalchemy import URL, create_engine, event
    from sqlalchemy.pool import NullPool

    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)

    # Python's sqlite3 opens no transaction before CREATE TABLE; a kill halfway would leave half a schema.
    @event.listens_for(engine, "connect")
    def _no_own_transactions(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: "Connection") -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
