"""Reads: whatever waits is read in one hop to the connection's thread, in one snapshot.

A snapshot begins after its reads were asked for, so each sees every commit that returned before it.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from bot.store.base import StoreUnavailable
from bot.store.sqlite.connection import OF_THE_CALLER, Connection
from bot.store.sqlite.soundness import damaged, is_damage, name_of

__all__ = ["Reader"]

T = TypeVar("T")
Read: TypeAlias = Callable[[sqlite3.Connection], Any]

_MOST_AT_ONCE: Final = 256


class Reader:
    """Reads on one connection, opened by whoever made it and closed here."""

    def __init__(
        self, connection: Connection, on_damage: Callable[[BaseException], None] = lambda error: None
    ) -> None:
        """`on_damage` hears of an error that says the file itself is wrong."""
        self._connection = connection
        self._on_damage = on_damage
        self._waiting: deque[tuple[Read, asyncio.Future[Any]]] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Raises what `read` raised, or StoreUnavailable where the file cannot be read."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((read, done))
        self._arrived.set()
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="store reader")
        return await done

    async def close(self) -> None:
        """Answer what waits, then close."""
        self._closed = True
        if self._task is not None:
            self._arrived.set()
            await asyncio.wait([self._task])
        await self._connection.close()

    async def _work(self) -> None:
        """Lives until it is closed: a task for each hop would cost more than the hop."""
        batch: list[tuple[Read, asyncio.Future[Any]]] = []
        try:
            while self._waiting or not self._closed:
                if not self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
                    continue
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
                batch = [(read, done) for read, done in batch if not done.done()]
                await self._answer(batch)
        finally:
            # Cancelled as the loop ends: whoever still waits must hear of it.
            self._task = None
            for _, done in (*batch, *self._waiting):
                done.cancel()
            self._waiting.clear()

    async def _answer(self, batch: Sequence[tuple[Read, asyncio.Future[Any]]]) -> None:
        reads = [read for read, _ in batch]
        try:
            outcomes = await self._connection.run(lambda raw: _read_all(raw, reads))
        except Exception as error:
            why = f"the database cannot be read: {name_of(error)}"
            if is_damage(error):
                self._on_damage(error)
                why = damaged(name_of(error))
            outcomes = [(None, StoreUnavailable(why)) for _ in batch]
        for (_, done), (result, error_of_one) in zip(batch, outcomes, strict=True):
            if done.done():
                continue
            if error_of_one is None:
                done.set_result(result)
            else:
                done.set_exception(error_of_one)


def _read_all(
    connection: sqlite3.Connection, reads: Sequence[Read]
) -> list[tuple[Any, BaseException | None]]:
    outcomes: list[tuple[Any, BaseException | None]] = []
    connection.execute("BEGIN")
    try:
        for read in reads:
            try:
                outcomes.append((read(connection), None))
            except Exception as error:
                if isinstance(error, sqlite3.Error) and not isinstance(error, OF_THE_CALLER):
                    raise
                outcomes.append((None, error))
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")
    return outcomes
