"""The store's connections without threads: work runs at its place in virtual time, or the disk fails.

What is committed lies in a real SQLite file. A process that dies in the middle leaves there exactly
what SQLite left there.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

__all__ = ["Disk", "Host"]

T = TypeVar("T")

# No power fails here, and a dying process loses nothing it has written: syncing would only cost time.
_PRAGMAS: Final = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", "PRAGMA foreign_keys = ON")


class Host(Protocol):
    """Whoever lets the steps of a process happen, or ends it at one."""

    async def before_write(self) -> None: ...

    async def after_write(self) -> None: ...

    async def before_read(self) -> None: ...


class _Inline:
    """Stands in for bot.store.connection.Connection."""

    def __init__(self, raw: sqlite3.Connection, host: Host, *, writes: bool) -> None:
        self._raw = raw
        self._host = host
        self._writes = writes

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._writes:
            await self._host.before_read()
            return work(self._raw)
        before = self._raw.total_changes
        await self._host.before_write()
        result = work(self._raw)
        if self._raw.total_changes != before:
            # A claim that found nothing left nothing to be lost.
            await self._host.after_write()
        return result

    async def close(self) -> None:
        self._raw.close()


class Disk:
    """Opens connections for one process; `lose` closes them as its death would."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._open: list[sqlite3.Connection] = []

    async def open_writer(self, path: Path) -> Any:
        return self._connect(path, "rw", _PRAGMAS, writes=True)

    async def open_reader(self, path: Path) -> Any:
        return self._connect(path, "ro", ("PRAGMA query_only = ON",), writes=False)

    def lose(self) -> None:
        for raw in self._open:
            raw.close()
        self._open.clear()

    def _connect(self, path: Path, mode: str, pragmas: tuple[str, ...], *, writes: bool) -> _Inline:
        raw = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, cached_statements=256
        )
        self._open.append(raw)
        for pragma in pragmas:
            raw.execute(pragma)
        return _Inline(raw, self._host, writes=writes)


async def never() -> None:
    """Where the steps of a dead process end."""
    await asyncio.get_running_loop().create_future()
