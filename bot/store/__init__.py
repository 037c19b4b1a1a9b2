"""What is kept, behind one interface of intents.

`bot.store.records` holds the rows, `bot.store.base` the face, put together from `bot.store.intents` by
subject. Importing this room never imports alembic: `migrate` does, when it has something to do.
"""

from bot.store.base import Change, Conflict, LoadedTurn, Store, StoreUnavailable, TurnQuery
from bot.store.migrate import SchemaMismatch, expected_version, migrate, schema_version, sqlite_path
from bot.store.sql_store import SqlStore
from bot.store.sqlite.ownership import AlreadyOwned
from bot.store.sqlite.soundness import damaged
from bot.store.sqlite.store import sqlite_store

__all__ = [
    "AlreadyOwned",
    "Change",
    "Conflict",
    "LoadedTurn",
    "SchemaMismatch",
    "SqlStore",
    "Store",
    "StoreUnavailable",
    "TurnQuery",
    "damaged",
    "expected_version",
    "migrate",
    "schema_version",
    "sqlite_path",
    "sqlite_store",
]
