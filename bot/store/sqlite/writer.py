"""The one writer: waiting commits share a flush, and a Conflict of one never touches another.

After a failed flush or a full disk later statements may succeed again although the disk has lost
something, so the writer stops for good until `renew` has opened the file anew and really committed. In a
damaged file nothing is committed any more, whatever the next statement says.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import structlog

from bot.store.base import StoreUnavailable
from bot.store.sqlite.connection import OF_THE_CALLER, Connection
from bot.store.sqlite.soundness import damaged, is_damage, name_of

__all__ = ["Unit", "Writer", "flush"]

T = TypeVar("T")
Unit: TypeAlias = Callable[[sqlite3.Connection], Any]

# Enough to share a flush among all who wait at a busy moment; few enough that none waits long.
_MOST_AT_ONCE: Final = 256

_log = structlog.get_logger(__name__)


def flush(connection: sqlite3.Connection, units: Sequence[Unit]) -> list[tuple[Any, BaseException | None]]:
    """Run the units in one transaction, each whole or not at all, and commit: what each gave or raised.

    Raises sqlite3.Error where the file failed; then nothing of any unit may be believed kept.
    """
    outcomes: list[tuple[Any, BaseException | None]] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for unit in units:
            connection.execute("SAVEPOINT unit")
            try:
                result = unit(connection)
            except Exception as error:
                if isinstance(error, sqlite3.Error) and not isinstance(error, OF_THE_CALLER):
                    raise
                connection.execute("ROLLBACK TO unit")
                outcomes.append((None, error))
            else:
                outcomes.append((result, None))
            connection.execute("RELEASE unit")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


class Writer:
    """Takes units of work and runs whatever waits in one flush."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._waiting: deque[tuple[Unit, asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._why: str | None = "the store is not open"
        self._closing = False
        self._condemned = False

    @property
    def stopped(self) -> str | None:
        """Why nothing can be committed, or None."""
        return self._why

    async def start(self) -> None:
        """Raises sqlite3.Error."""
        self._connection = await self._connect()
        self._why, self._closing = None, False
        self._task = asyncio.create_task(self._work(), name="store writer")

    async def stop(self) -> None:
        """Commit what waits, then close."""
        task, self._task = self._task, None
        if task is not None:
            last: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._closing = True
            self._waiting.append((_nothing, last))
            self._wake.set()
            await asyncio.wait([last, task], return_when=asyncio.FIRST_COMPLETED)
            task.cancel()
            await asyncio.wait([task])
            if last.done() and not last.cancelled():
                last.exception()
        await self._close()

    async def run(self, unit: Callable[[sqlite3.Connection], T]) -> T:
        """Run and keep `unit`. Raises what it raised, or StoreUnavailable.

        A caller cancelled while waiting cannot know whether it was kept.
        """
        if self._closing:
            raise StoreUnavailable("the store is closed")
        if self._why is not None:
            raise StoreUnavailable(self._why)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, done))
        self._wake.set()
        return await done

    def condemn(self, why: str) -> None:
        """The file is damaged: nothing is committed any more, until the process is started on another."""
        if not self._condemned:
            self._condemned, self._why = True, why
            _log.error("store.damaged", why=why)

    async def renew(self, proof: Unit) -> None:
        """Open the file anew and commit `proof`; then commits are taken again. Raises StoreUnavailable."""
        async with self._flushing:
            if self._condemned:
                raise StoreUnavailable(self._why or "the database is damaged")
            if self._task is None:
                raise StoreUnavailable("the store is not open")
            await self._close()
            try:
                self._connection = await self._connect()
                [(_, error)] = await self._connection.run(lambda raw: flush(raw, [proof]))
            except (sqlite3.Error, OSError) as failure:
                if is_damage(failure):
                    self.condemn(damaged(name_of(failure)))
                else:
                    self._why = _sentence(failure)
                raise StoreUnavailable(self._why) from failure
            if error is not None:
                self._why = _sentence(error)
                raise StoreUnavailable(self._why) from error
            if self._condemned:  # meanwhile, by a reader
                raise StoreUnavailable(self._why)
            if self._why is not None:
                _log.info("store.recovered", was=self._why)
            self._why = None

    async def _work(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    async with self._flushing:
                        await self._flush_waiting()
        finally:
            # Whoever still waits must hear of it.
            self._why = "the store is closed"
            _fail(self._waiting, self._why)
            self._waiting.clear()

    async def _flush_waiting(self) -> None:
        batch: list[tuple[Unit, asyncio.Future[Any]]] = []
        while self._waiting and len(batch) < _MOST_AT_ONCE:
            unit, done = self._waiting.popleft()
            if not done.done():  # its caller was cancelled before anything was written
                batch.append((unit, done))
        if not batch:
            return
        if self._why is not None or self._connection is None:
            _fail(batch, self._why or "the store is not open")
            return
        units = [unit for unit, _ in batch]
        try:
            outcomes = await self._connection.run(lambda raw: flush(raw, units))
        except Exception as failure:
            if is_damage(failure):
                self.condemn(damaged(name_of(failure)))
            else:
                self._why = _sentence(failure)
                _log.error("store.unavailable", why=self._why, commits=len(batch))
            _fail(batch, self._why or "the store is not open")
            return
        except BaseException:
            _fail(batch, "the store is closed")
            raise
        for (_, done), (result, error) in zip(batch, outcomes, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

    async def _close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        try:
            await connection.close()
        except sqlite3.Error as error:
            _log.warning("store.close_failed", why=_sentence(error))


def _nothing(_connection: sqlite3.Connection) -> None:
    """The unit behind which nothing waits."""


def _fail(batch: Iterable[tuple[Unit, asyncio.Future[Any]]], why: str) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(StoreUnavailable(why))


def _sentence(error: BaseException) -> str:
    return f"the database cannot commit: {name_of(error)}"
