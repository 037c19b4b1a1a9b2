"""What is kept, behind one interface of intents.

`bot.store.records` holds the rows, `bot.store.base` the face, put together from `bot.store.intents` by
subject. Importing this room never imports alembic: `migrate` does, when it has something to do.
"""

from bot.store.base import Change, Conflict, LoadedTurn, Store, StoreUnavailable, TurnQuery
from bot.store.migrate import SchemaMismatch, expected_version, migrate, schema_version, sqlite_path
from bot.store.sqlite.ownership import AlreadyOwned
from bot.store.sqlite.soundness import damaged
from bot.store.sqlite.store import SqliteStore

__all__ = [
    "AlreadyOwned",
    "Change",
    "Conflict",
    "LoadedTurn",
    "SchemaMismatch",
    "SqliteStore",
    "Store",
    "StoreUnavailable",
    "TurnQuery",
    "damaged",
    "expected_version",
    "migrate",
    "schema_version",
    "sqlite_path",
]
