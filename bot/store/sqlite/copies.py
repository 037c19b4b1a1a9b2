"""Backups of a SQLite database, made while it is in use, and put back. Blocks: for the command line.

A copy is one moment of the database, read by a connection that writes nothing: SQLite before 3.51.3 may
corrupt a file that two connections write. It is looked at before anybody relies on it, gets its name
only when it is whole, and knows that it is a copy.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bot.store.base import StoreUnavailable
from bot.store.migrate import SchemaMismatch, expected_version, read_version
from bot.store.sqlite.connection import BUSY_MS
from bot.store.sqlite.mark import Mark, mark_copy, mark_path, write_mark
from bot.store.sqlite.ownership import Ownership
from bot.store.sqlite.soundness import foreign_faults, is_damage, name_of, table_faults, tables

__all__ = ["CopyProblem", "Copied", "back_up", "put_back"]

Tell = Callable[[int, int], None]

_PAGES_AT_ONCE: Final = 2000
_BESIDE: Final = ("-wal", "-shm", "-journal")


class CopyProblem(StoreUnavailable):
    """Why no copy was made or put back, as a sentence. Nothing was changed."""


class Copied(msgspec.Struct, frozen=True):
    """What the copy holds: its schema, and how many rows each table has. `aside`: the file it replaced."""

    version: str
    rows: Mapping[str, int]
    size: int
    aside: Path | None = None


def back_up(database: Path, target: Path, *, replace: bool, tell: Tell) -> Copied:
    """Copy `database` to `target`, its owner's alone. `tell` hears how many pages are done, of how many.
    Raises CopyProblem."""
    database = database.resolve()
    if not database.exists():
        raise CopyProblem(f"There is no database {database}.")
    if target.is_symlink() or target.exists():
        if not replace:
            raise CopyProblem(f"{target} exists already. Choose another name, or say --replace.")
        if target.resolve().name.startswith(database.name) and target.resolve().parent == database.parent:
            raise CopyProblem(f"{target} belongs to the database itself. Choose another name.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _sentences(f"The backup {target} could not be made"), _removed(part):
        copied = _copy(database, part, 0o600, tell)
        if not replace and target.exists():
            raise CopyProblem(f"{target} exists already. Choose another name, or say --replace.")
        os.replace(part, target)
        _flush_folder(target.parent)
    return copied


def put_back(backup: Path, database: Path, *, stamp: str, tell: Tell) -> Copied:
    """Put a copy of `backup` in the place of `database`, whose file is kept aside under a name with `stamp`.

    Raises CopyProblem, and AlreadyOwned while a process uses the database.
    """
    database = database.resolve()
    if not backup.is_file():
        raise CopyProblem(f"There is no file {backup}.")
    if database.exists() and backup.samefile(database):
        raise CopyProblem(f"{backup} is the database itself.")
    ownership = Ownership(database)
    ownership.take()
    part = database.with_name(f".{database.name}.{os.getpid()}.part")
    aside = database.with_name(f"{database.name}.replaced-{stamp}")
    try:
        with _sentences(f"{backup} could not be put back"), _removed(part):
            there = database.stat() if database.exists() else None
            mode = there.st_mode & 0o660 | 0o600 if there is not None else 0o600
            copied = _copy(backup, part, mode, tell)
            if not mark_path(database).exists():
                # No token of a file: also a backup of an older schema is known for a copy then.
                write_mark(database, Mark("0" * 32, 1))
            if there is not None and os.geteuid() == 0:
                for made in (part, mark_path(database)):
                    os.chown(made, there.st_uid, there.st_gid)
            if there is not None:
                _set_aside(database, aside)
            os.replace(part, database)
            _flush_folder(database.parent)
    finally:
        ownership.give_back()
    return msgspec.structs.replace(copied, aside=aside if there is not None else None)


def _copy(source: Path, part: Path, mode: int, tell: Tell) -> Copied:
    """`source` as it is at one moment, whole and looked at, in the new file `part`."""
    with closing(_open_source(source)) as original:
        # One snapshot for the copy and for what it is compared with.
        original.execute("BEGIN")
        version = read_version(original)
        if version is None:
            raise CopyProblem(f"{source} is no database of Kasapay.")
        if version > expected_version():
            raise SchemaMismatch(version, expected_version())
        rows = _rows(original)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
        part.chmod(mode)
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            original.backup(
                copy, pages=_PAGES_AT_ONCE, progress=lambda _, left, whole: tell(whole - left, whole)
            )
            original.execute("ROLLBACK")
            # One file, which can be read where nothing may be written.
            copy.execute("PRAGMA journal_mode = DELETE")
            faults = [fault for table in tables(copy) for fault in table_faults(copy, table)]
            faults += foreign_faults(copy)
            if faults:
                raise CopyProblem(f"{source} is damaged: {'; '.join(faults[:5])}.")
            if _rows(copy) != rows:
                raise CopyProblem("The copy does not hold what the original holds. Try again.")
            if "marks" in rows:
                mark_copy(copy)
    _flush(part)
    return Copied(version, rows, part.stat().st_size)


def _open_source(path: Path) -> sqlite3.Connection:
    """Read-only. A file without a log beside it that lies where nothing may be written is read as it is."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    alone = not path.with_name(path.name + "-wal").exists()
    if alone and not os.access(path.absolute().parent, os.W_OK):
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000, isolation_level=None)


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    return {
        table: connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - of the schema
        for table in tables(connection)
    }


def _set_aside(database: Path, aside: Path) -> None:
    """Keep the file, with a log that could not be written back, under another name. What must not happen is
    that the old log stands beside the new file: SQLite would take it for that file's own."""
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(database, isolation_level=None)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for end in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            os.rename(database.with_name(database.name + end), aside.with_name(aside.name + end))
    try:
        # The name stands all the while: a kill leaves the old file or the new one under it.
        os.link(database, aside)
    except OSError:
        os.rename(database, aside)


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        why = f"it is damaged: {name_of(error)}" if is_damage(error) else name_of(error)
        raise CopyProblem(f"{what}: {why}.") from error
    except OSError as error:
        raise CopyProblem(f"{what}: {error.strerror or error}.") from error


@contextmanager
def _removed(part: Path) -> Iterator[None]:
    """What was begun is taken away, however it ends."""
    try:
        yield
    finally:
        for end in ("", *_BESIDE):
            part.with_name(part.name + end).unlink(missing_ok=True)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _flush_folder(folder: Path) -> None:
    # Some file systems cannot flush a folder.
    with contextlib.suppress(OSError):
        _flush(folder)
