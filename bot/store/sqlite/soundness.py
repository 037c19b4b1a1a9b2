"""Whether a SQLite file is sound: what the database itself says of it. Reads only.

A part of a file may be damaged while everything else answers as ever, so errors met by chance are not
enough: the file is looked at as it is opened, and a table at a time for as long as it is open.
"""

import sqlite3
from typing import Final

from bot.store.rows import Tx

__all__ = ["damaged", "first_look", "foreign_faults", "is_damage", "name_of", "table_faults", "tables"]

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Up to this size the whole file is looked at before it is used: some tenths of a second.
_SMALL_BYTES: Final = 32 * 1024 * 1024
_TOLD_AT_MOST: Final = 5


def is_damage(error: BaseException) -> bool:
    """Whether the error says that the file itself is wrong; not that it is busy, full or out of reach."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def name_of(error: BaseException) -> str:
    """The error as SQLite words it, with its name."""
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"


def damaged(how: str) -> str:
    """The sentence about a damaged file, for the log, `/readyz` and `check`."""
    return f"the database is damaged: {how}; stop Kasapay and put a backup back with `kasapay restore`"


def tables(tx: Tx) -> tuple[str, ...]:
    rows = tx.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return tuple(str(row[0]) for row in rows if not row[0].startswith("sqlite_"))


def first_look(tx: Tx) -> tuple[str, ...]:
    """What is wrong, as far as a start can wait for: of a small file all but whether its indices agree
    with its tables, of a large one whether each table can be entered. Raises sqlite3.Error."""
    pages, size = (tx.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if pages * size <= _SMALL_BYTES:
        return _told(tx.execute(f"PRAGMA quick_check({_TOLD_AT_MOST})").fetchall())
    for table in tables(tx):
        tx.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone()  # noqa: S608 - a name of the schema
    return ()


def table_faults(tx: Tx, table: str) -> tuple[str, ...]:
    """What is wrong with one table and its indices, down to the last row. Raises sqlite3.Error."""
    return _told(tx.execute(f'PRAGMA integrity_check("{table}")').fetchall())


def foreign_faults(tx: Tx) -> tuple[str, ...]:
    """Rows that name a row which is not there."""
    rows = tx.execute("PRAGMA foreign_key_check").fetchall()[:_TOLD_AT_MOST]
    return tuple(f"a row of {row[0]} names one of {row[2]} that is not there" for row in rows)


def _told(rows: list[tuple[str]]) -> tuple[str, ...]:
    """One row may hold many lines; what stands first is mostly the cause of the rest."""
    lines = [line for row in rows for line in row[0].splitlines()]
    return tuple(line for line in lines if line != "ok" and not line.startswith("***"))[:_TOLD_AT_MOST]
