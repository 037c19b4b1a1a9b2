"""One SQLite connection on its own thread: any piece of work is one hop to it.

Only the writer may write or checkpoint; readers open the file read-only. SQLite's errors leave this
room as StoreUnavailable.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite

__all__ = ["BUSY_MS", "OF_THE_CALLER", "Connection", "open_reader", "open_writer"]

T = TypeVar("T")

# Errors of one caller's own making. Any other error of SQLite is the file's, and concerns everyone.
OF_THE_CALLER: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)
# A person waits behind a lock that another process holds: better to say soon that we cannot serve.
BUSY_MS: Final = 2_000
_WRITER: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # What is forgotten is overwritten wherever its page is written anyway.
    "PRAGMA secure_delete = FAST",
    "PRAGMA journal_size_limit = 67108864",
)
_READER: Final = ("PRAGMA query_only = ON",)


class Connection:
    """An open connection. Always close it: its thread keeps the process alive."""

    def __init__(self, inner: aiosqlite.Connection) -> None:
        self._inner = inner

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread. Raises whatever it raises.

        aiosqlite has no public way to run more than one statement in a hop of about 100 us. It
        writes what it runs into its debug log, hence a function without arguments of its own.
        """
        inner: Any = self._inner

        def hop() -> T:
            return work(inner._conn)

        result: T = await inner._execute(hop)
        return result

    async def close(self) -> None:
        await self._inner.close()


async def open_writer(path: Path) -> Connection:
    """`path` is absolute and exists. Raises sqlite3.Error."""
    return await _open(path, "rw", _WRITER)


async def open_reader(path: Path) -> Connection:
    """`path` is absolute and exists. Raises sqlite3.Error."""
    return await _open(path, "ro", _READER)


async def _open(path: Path, mode: str, pragmas: tuple[str, ...]) -> Connection:
    opening = aiosqlite.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_MS / 1000,
        isolation_level=None,
        cached_statements=256,
    )
    try:
        inner = await opening
    except sqlite3.Error:
        # Its thread still has a word for the loop, which may close behind us.
        thread: Any = opening
        await asyncio.to_thread(thread._thread.join)
        raise
    connection = Connection(inner)

    def prepare(raw: sqlite3.Connection) -> None:
        for pragma in pragmas:
            raw.execute(pragma)

    try:
        await connection.run(prepare)
    except BaseException:
        await connection.close()
        raise
    return connection
