"""The store's connections without threads, for conversations: a hop is a turn of the loop.

A conversation makes some hundred hops, and a thread takes longer for each than SQLite for its work. The
store itself is tested on its threads, and so is everything in `tests/end_to_end`.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from bot.store.sqlite import connection
from bot.store.sqlite import driver as sqlite

__all__ = ["without_threads"]

T = TypeVar("T")


class _Inline:
    """Stands in for bot.store.sqlite.connection.Connection."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # Others have their turn before the work, as with a thread.
        await asyncio.sleep(0)
        return work(self._raw)

    async def close(self) -> None:
        self._raw.close()


async def _open_writer(path: Path) -> Any:
    return _connect(path, "rw", connection._WRITER)


async def _open_reader(path: Path) -> Any:
    return _connect(path, "ro", connection._READER)


def _connect(path: Path, mode: str, pragmas: tuple[str, ...]) -> _Inline:
    raw = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, cached_statements=256
    )
    for pragma in pragmas:
        raw.execute(pragma)
    return _Inline(raw)


def without_threads() -> AbstractContextManager[Any]:
    """As long as this lasts, stores open such connections."""
    stack = ExitStack()
    stack.enter_context(patch.object(sqlite, "open_writer", _open_writer))
    stack.enter_context(patch.object(sqlite, "open_reader", _open_reader))
    return stack
