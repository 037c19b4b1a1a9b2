"""The store on SQLite."""

from collections.abc import Callable
from pathlib import Path

from bot.store.sql_store import SqlStore
from bot.store.sqlite.driver import SqliteDriver

__all__ = ["sqlite_store"]


def sqlite_store(path: str | Path, *, clock: Callable[[], int], owner: bool = True) -> SqlStore:
    """`clock` gives epoch milliseconds. Without `owner` the file may be another process's, and only reads
    work."""
    return SqlStore(SqliteDriver(path, clock=clock, owner=owner), clock=clock)
