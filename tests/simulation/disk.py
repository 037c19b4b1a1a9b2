"""The store's connections without threads: work runs at its place in virtual time, or the disk fails.

What is committed lies in one SQLite database in memory that outlives the processes. One dies between
two pieces of work, never within: its transactions are done or rolled back, as on a file that is opened
again. What a file itself does in trouble is for the campaigns with real processes.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

__all__ = ["Disk", "Host", "Medium", "never"]

T = TypeVar("T")


class Host(Protocol):
    """Whoever lets the steps of a process happen, or ends it at one."""

    async def before_write(self) -> None: ...

    async def after_write(self) -> None: ...

    async def before_read(self) -> None: ...


class Medium:
    """The database, which begins as the file `template`. `wrong` holds what no store may do to it."""

    def __init__(self, template: Path) -> None:
        # One connection for all: each further one would read the schema and prepare its statements anew.
        self.raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        kept = sqlite3.connect(f"{template.as_uri()}?mode=ro", uri=True)
        kept.backup(self.raw)
        kept.close()
        self.raw.execute("PRAGMA foreign_keys = ON")
        self.raw.execute("PRAGMA temp_store = MEMORY")
        self.wrong: list[str] = []

    def rows(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.raw.cursor()
        cursor.row_factory = sqlite3.Row  # type: ignore[assignment]
        return [dict(row) for row in cursor.execute(sql)]

    def close(self) -> None:
        self.raw.close()


class _Inline:
    """Stands in for bot.store.sqlite.connection.Connection."""

    def __init__(self, medium: Medium, host: Host, *, writes: bool) -> None:
        self._medium = medium
        self._raw = medium.raw
        self._host = host
        self._writes = writes
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        raw = self._raw
        if self._writes:
            await self._host.before_write()
        else:
            await self._host.before_read()
        if self._closed:
            raise sqlite3.ProgrammingError("the connection is closed")
        before = raw.total_changes
        try:
            result = work(raw)
        finally:
            if raw.in_transaction:
                self._medium.wrong.append("a transaction was left open")
        if raw.total_changes != before:
            if not self._writes:
                self._medium.wrong.append("a reader has written")
            # A claim that found nothing left nothing to be lost.
            await self._host.after_write()
        return result

    async def close(self) -> None:
        self._closed = True


class Disk:
    """Opens connections for one process; `lose` closes them as its death would."""

    def __init__(self, medium: Medium, host: Host) -> None:
        self._medium = medium
        self._host = host
        self._open: list[_Inline] = []

    def open_writer(self) -> Any:
        return self._connect(writes=True)

    def open_reader(self) -> Any:
        return self._connect(writes=False)

    def lose(self) -> None:
        for connection in self._open:
            connection._closed = True
        self._open.clear()

    def _connect(self, *, writes: bool) -> _Inline:
        connection = _Inline(self._medium, self._host, writes=writes)
        self._open.append(connection)
        return connection


async def never() -> None:
    """Where the steps of a dead process end."""
    await asyncio.get_running_loop().create_future()
