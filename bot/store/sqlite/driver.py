"""The driver for SQLite, for one machine: one owner, one writer, readers of their own.

Leases and fences work as on PostgreSQL; what an earlier owner of the file still held is taken back
when the next one opens it, since it cannot live any more.
"""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.store import chores, restored
from bot.store.base import StoreUnavailable
from bot.store.driver import Driver
from bot.store.migrate import SchemaMismatch, expected_version, read_version
from bot.store.rows import Tx
from bot.store.sqlite import mark
from bot.store.sqlite.connection import open_reader, open_writer
from bot.store.sqlite.ownership import Ownership
from bot.store.sqlite.reader import Reader
from bot.store.sqlite.soundness import damaged, first_look, is_damage, name_of, table_faults, tables
from bot.store.sqlite.writer import Writer

__all__ = ["SqliteDriver"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class SqliteDriver:
    """See `bot.store.driver.Driver` for the promises. `clock` gives epoch milliseconds. Without `owner` the
    file may be another process's, and only reads work."""

    def __init__(self, path: str | Path, *, clock: Callable[[], int], owner: bool = True) -> None:
        self._path = Path(path).resolve()
        self._clock = clock
        self._owner = owner
        self._ownership = Ownership(self._path)
        self._writer = Writer(lambda: open_writer(self._path))
        # Turns and look-ups on one thread, lists and the worker's questions on another: a person
        # never waits behind a long list.
        self._turn_reads: Reader | None = None
        self._list_reads: Reader | None = None
        self._file: tuple[int, int] | None = None
        self._mark: mark.Mark | None = None
        self._beaten_ms = 0
        self._mark_warned = False

    # ---- life

    async def open(self) -> None:
        """Open for use. Raises StoreUnavailable: AlreadyOwned where another process owns the file,
        SchemaMismatch where the schema is not today's, and where the file is damaged as far as a first
        look sees."""
        if not self._path.exists():
            raise SchemaMismatch(None, expected_version())
        if self._owner:
            self._ownership.take()
        try:
            await self._open()
        except sqlite3.Error as error:
            await self.close()
            if is_damage(error):
                raise StoreUnavailable(damaged(name_of(error))) from error
            raise StoreUnavailable(f"cannot open {self._path}: {name_of(error)}") from error
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        found = self._path.stat()
        self._file = (found.st_dev, found.st_ino)
        if self._owner:
            # Its group may have been let in on purpose; nobody else.
            self._path.chmod(found.st_mode & 0o660 | 0o600)
        self._turn_reads = await self._reader()
        kept, expected = await self._turn_reads.run(read_version), expected_version()
        if kept != expected:
            raise SchemaMismatch(kept, expected)
        if faults := await self._turn_reads.run(first_look):
            raise StoreUnavailable(damaged("; ".join(faults)))
        if self._owner:
            await self._writer.start()
            now_ms = self._clock()
            await self.write(lambda tx: chores.take_over(tx, now_ms))
            await self._enter()
        self._list_reads = await self._reader()

    async def _enter(self) -> None:
        """Notice a copy that was put in the file's place since it was last used."""
        beside, now_ms = mark.read_mark(self._path), self._clock()
        if beside is None:
            # Before the file names it: a kill between the two must not make a copy of it.
            beside = mark.Mark(secrets.token_hex(16), 0)
            self._keep_mark(beside)
        entered, doubted = await self.write(lambda tx: _enter(tx, beside, secrets.token_hex(16), now_ms))
        self._beaten_ms = now_ms
        self._keep_mark(entered.mark)
        if entered.since_ms is not None:
            _log.error("store.restored", since_ms=entered.since_ms, orders_in_doubt=doubted)

    async def _beat(self) -> None:
        """What is committed later than a copy was made shows by this number."""
        self._beaten_ms = now_ms = self._clock()
        if self._mark is not None:
            serial = await self.write(lambda tx: mark.beat(tx, now_ms))
            self._keep_mark(mark.Mark(self._mark.token, max(serial, self._mark.serial)))

    def _keep_mark(self, kept: mark.Mark) -> None:
        self._mark = kept
        try:
            mark.write_mark(self._path, kept)
        except OSError as error:
            if not self._mark_warned:
                _log.warning("store.mark_not_kept", why=error.strerror)
            self._mark_warned = True

    async def _reader(self) -> Reader:
        return Reader(await open_reader(self._path), self._condemn)

    def _condemn(self, error: BaseException) -> None:
        self._writer.condemn(damaged(name_of(error)))

    async def close(self) -> None:
        """Commits what waits, closes every connection and gives the file up. May be repeated."""
        with contextlib.suppress(StoreUnavailable):
            if self._writer.stopped is None:
                await self._beat()
        self._mark = None
        readers = [self._turn_reads, self._list_reads]
        self._turn_reads = self._list_reads = None
        try:
            for reader in readers:
                if reader is not None:
                    await reader.close()
        finally:
            # The writer goes last: the last connection to close writes the log back into the file.
            try:
                await self._writer.stop()
            finally:
                self._ownership.give_back()

    @property
    def available(self) -> bool:
        return self._writer.stopped is None

    async def probe(self) -> None:
        self._look_for_the_file()
        if self._writer.stopped is not None:
            await self._writer.renew(chores.probe)
        written = await self.write(chores.probe)
        if await self.read(chores.probed) < written:
            raise StoreUnavailable("the database does not show what it has committed")

    def _look_for_the_file(self) -> None:
        """A file that was moved, removed or replaced takes commits as ever, and nobody will find them."""
        try:
            found = os.stat(self._path)
            there = self._file == (found.st_dev, found.st_ino)
        except OSError:
            there = False
        if not there:
            self._writer.condemn(f"the file {self._path} was removed or replaced while it was in use")

    async def examine(self, pause_s: float = 0.0) -> Sequence[str]:
        found: list[str] = []
        try:
            reader = await self._reader()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot open {self._path}: {name_of(error)}") from error
        try:
            for table in await reader.run(tables):
                await asyncio.sleep(pause_s)
                found += await reader.run(partial(_faults, table))
        finally:
            await reader.close()
        if found:
            self._writer.condemn(damaged("; ".join(found)))
        return found

    # ---- units of work

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await _run(self._turn_reads, work)

    async def read_long(self, work: Callable[[Tx], T]) -> T:
        return await _run(self._list_reads, work)

    async def read_aside(self, work: Callable[[Tx], T]) -> T:
        reader = Reader(await open_reader(self._path))
        try:
            return await reader.run(work)
        finally:
            await reader.close()

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._writer.run(work)

    async def commit(self, work: Callable[[Tx], T]) -> T:
        kept = await self.write(work)
        if abs(self._clock() - self._beaten_ms) > mark.BEAT_MS:
            with contextlib.suppress(StoreUnavailable):  # what was committed is kept all the same
                await self._beat()
        return kept


def _enter(tx: Tx, beside: mark.Mark, token: str, now_ms: int) -> tuple[mark.Entered, int]:
    entered = mark.enter(tx, beside, token, now_ms)
    doubted = 0
    if entered.since_ms is not None:
        doubted = restored.after_restore(tx, str(uuid.uuid4()), entered.since_ms, now_ms)
    return entered, doubted


def _faults(table: str, tx: sqlite3.Connection) -> tuple[str, ...]:
    try:
        return table_faults(tx, table)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return (f"{table}: {name_of(error)}",)


async def _run(reader: Reader | None, read: Callable[[sqlite3.Connection], T]) -> T:
    if reader is None:
        raise StoreUnavailable("the store is not open")
    return await reader.run(read)


if TYPE_CHECKING:
    _KEEPS_THE_PROMISES: type[Driver] = SqliteDriver
