"""The sandbox's own SQLite file: the judge that survives a kill.

Changes are made in memory, queued here, and written by one task that puts everything waiting into
one transaction. An answer leaves only after `flush()`, so nobody was told what is not on disk.
Only this module speaks SQL.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar, cast

import aiosqlite
import msgspec

from bot.sandbox.model import Delivery, Entry, Seen

T = TypeVar("T")

_BUSY_S = 0.25  # whoever holds the file holds it for good
_APPLICATION_ID = 0x4B415342  # "KASB"
_VERSION = 2
# A file of version 1 has the same tables; what its entries lack is filled in when they are loaded.
_READABLE = (1, _VERSION)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (kind TEXT NOT NULL, key TEXT NOT NULL, doc TEXT NOT NULL,
                                      PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, provider TEXT NOT NULL, kind TEXT NOT NULL,
                                    reference TEXT NOT NULL, status TEXT NOT NULL,
                                    times_charged INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (seq INTEGER PRIMARY KEY, reference TEXT NOT NULL,
                                       state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (seq INTEGER PRIMARY KEY, reference TEXT, doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_by_reference ON deliveries (reference);
CREATE INDEX IF NOT EXISTS requests_by_reference ON requests (reference);
"""
_PUT = {
    "documents": (
        "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc"
    ),
    "entries": (
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET"
        " status = excluded.status, times_charged = excluded.times_charged, doc = excluded.doc"
    ),
    "deliveries": (
        "INSERT INTO deliveries VALUES (?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET"
        " state = excluded.state, doc = excluded.doc"
    ),
    "requests": "INSERT OR REPLACE INTO requests VALUES (?, ?, ?)",
}
_FORGET = "DELETE FROM documents WHERE kind = ? AND key = ?"
_WIPE = {table: f"DELETE FROM {table}" for table in _PUT}  # noqa: S608 - the names above
_LAST = {table: f"SELECT coalesce(max(seq), 0) FROM {table}" for table in _PUT}  # noqa: S608
Row = tuple[object, ...]
Waiting = dict[str, dict[object, Row | None]]


class RecordError(Exception):
    """The file cannot be used, or a write failed: the sandbox must not go on judging."""


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


class Record:
    """One open record. Every `put_*` only queues; `flush` makes it durable."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._waiting: Waiting = {}
        self._wipes: list[str] = []
        self._unsafe = False
        self._wake = asyncio.Event()
        self._round: asyncio.Future[None] | None = None
        self._closing = False
        self.failure: BaseException | None = None
        self._db: aiosqlite.Connection
        self._next_round: asyncio.Future[None]
        self._writer: asyncio.Task[None]

    async def open(self) -> None:
        """Open or make the file. RecordError if it is not ours, of another version, or in use."""
        path = self._path
        opening = aiosqlite.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            db = await opening
        except sqlite3.Error as error:
            # Its thread still has a word for the loop, which may close behind us.
            await asyncio.to_thread(opening._thread.join)
            raise RecordError(f"the sandbox record {path} cannot be opened: {error}") from None
        self._db = db
        try:
            await self._hop(lambda raw: _prepare(raw, path))
        except BaseException as error:
            await db.close()  # an unclosed connection would hang the exit of the process
            if isinstance(error, sqlite3.Error):
                raise RecordError(f"the sandbox record {path} cannot be used: {error}") from None
            raise
        self._next_round = asyncio.get_running_loop().create_future()
        self._writer = asyncio.create_task(self._write_forever(), name="sandbox-record")

    # What is queued: the last state of each row, so a row changed twice is written once.

    def _queue(self, table: str, key: object, row: Row | None, *, durable: bool = True) -> None:
        self._waiting.setdefault(table, {})[key] = row
        self._unsafe = self._unsafe or durable
        self._wake.set()

    def put(self, kind: str, key: str, value: object) -> None:
        """Keep a document (handset, message, credential, setting) under its key."""
        self._queue("documents", (kind, key), (kind, key, _text(value)))

    def forget(self, kind: str, key: str) -> None:
        """Drop a document."""
        self._queue("documents", (kind, key), None)

    def put_entry(self, entry: Entry) -> None:
        """Keep an entry as it is now."""
        row = (entry.seq, entry.provider, entry.kind, entry.reference, entry.status, entry.times_charged)
        self._queue("entries", entry.seq, (*row, _text(entry)))

    def put_delivery(self, delivery: Delivery) -> None:
        """Keep a callback as it is now."""
        row = (delivery.seq, delivery.reference, delivery.state, _text(delivery))
        self._queue("deliveries", delivery.seq, row)

    def put_seen(self, seen: Seen) -> None:
        """Keep a line of the request log. Written soon, but no answer waits for it."""
        self._queue("requests", seen.seq, (seen.seq, seen.reference, _text(seen)), durable=False)

    def wipe(self, *tables: str) -> None:
        """Empty whole tables ("entries", "deliveries", "requests"), and what waits for them."""
        for table in tables:
            self._waiting.pop(table, None)
            self._wipes.append(table)
        self._unsafe = True
        self._wake.set()

    async def flush(self) -> None:
        """Return when all that was queued before is on disk. RecordError if it could not be."""
        if self.failure is not None:
            raise RecordError("the sandbox record can no longer be written") from self.failure
        if self._unsafe:
            await asyncio.shield(self._next_round)
        elif self._round is not None:
            await asyncio.shield(self._round)

    # What is read. Only the logs are read back while running; the rest is loaded once.

    async def load_documents(self, kind: str, type_: type[T]) -> dict[str, T]:
        """All documents of a kind by key."""
        rows = await self._rows("SELECT key, doc FROM documents WHERE kind = ?", (kind,))
        return {str(key): msgspec.json.decode(str(doc), type=type_) for key, doc in rows}

    async def load_entries(self) -> list[Entry]:
        """All entries, oldest first."""
        rows = await self._rows("SELECT doc FROM entries ORDER BY seq")
        return [msgspec.json.decode(str(doc), type=Entry) for (doc,) in rows]

    async def load_deliveries(self, reference: str | None = None, state: str | None = None) -> list[Delivery]:
        """Callbacks, oldest first, of one reference or in one state if given."""
        await self.settle()
        rows = await self._rows(
            "SELECT doc FROM deliveries WHERE (?1 IS NULL OR reference = ?1)"
            " AND (?2 IS NULL OR state = ?2) ORDER BY seq",
            (reference, state),
        )
        return [msgspec.json.decode(str(doc), type=Delivery) for (doc,) in rows]

    async def load_seen(self, reference: str | None = None) -> list[Seen]:
        """The request log, oldest first."""
        await self.settle()
        rows = await self._rows(
            "SELECT doc FROM requests WHERE (?1 IS NULL OR reference = ?1) ORDER BY seq", (reference,)
        )
        return [msgspec.json.decode(str(doc), type=Seen) for (doc,) in rows]

    async def last_seq(self, table: str) -> int:
        """The highest sequence number used in "entries", "deliveries" or "requests"."""
        return await self._hop(lambda raw: _number(raw, _LAST[table]))

    async def settle(self) -> None:
        """Wait until even the log lines are written."""
        self._unsafe = self._unsafe or bool(self._waiting or self._wipes)
        await self.flush()

    async def close(self) -> None:
        """Write what waits and close the file."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(self._writer, return_exceptions=True)
        await self._db.close()
        if not self._next_round.done():
            self._next_round.cancel()

    async def _rows(self, sql: str, values: Iterable[object] = ()) -> list[Row]:
        return await self._hop(lambda raw: raw.execute(sql, tuple(values)).fetchall())

    async def _hop(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread. The library has no public way to run more than one
        statement in a hop, and a hop takes longer than what is done there."""
        db: Any = self._db

        def hop() -> T:
            return work(db._conn)

        result: T = await db._execute(hop)
        return result

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._waiting or self._wipes:
                batch, self._waiting, self._unsafe = self._waiting, {}, False
                wipes, self._wipes = self._wipes, []
                done, self._next_round = self._next_round, asyncio.get_running_loop().create_future()
                self._round = done
                try:
                    await self._write(wipes, batch)
                except Exception as error:
                    self.failure = error
                    for round_ in (done, self._next_round):
                        round_.set_exception(RecordError("the sandbox record could not be written"))
                        round_.exception()  # seen, even if nobody waits for this round
                    return
                done.set_result(None)
                self._round = None
            if self._closing and not self._waiting:
                return

    async def _write(self, wipes: list[str], batch: Waiting) -> None:
        def write(raw: sqlite3.Connection) -> None:
            raw.execute("BEGIN IMMEDIATE")
            try:
                for table in wipes:
                    raw.execute(_WIPE[table])
                for table, rows in batch.items():
                    raw.executemany(_PUT[table], [row for row in rows.values() if row is not None])
                    if gone := [key for key, row in rows.items() if row is None]:
                        raw.executemany(_FORGET, cast("list[Row]", gone))
                raw.execute("COMMIT")
            except BaseException:
                if raw.in_transaction:
                    with suppress(sqlite3.Error):
                        raw.execute("ROLLBACK")
                raise

        await self._hop(write)


def _prepare(raw: sqlite3.Connection, path: str) -> None:
    # Exclusive: a second sandbox on the same file would answer from its own memory.
    raw.execute("PRAGMA locking_mode = EXCLUSIVE")
    found = [_number(raw, f"PRAGMA {name}") for name in ("application_id", "user_version")]
    tables = _number(raw, "SELECT count(*) FROM sqlite_master")
    if tables and (found[0] != _APPLICATION_ID or found[1] not in _READABLE):
        raise RecordError(f"{path} is not a sandbox record of this version")
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID};"
        f" PRAGMA user_version = {_VERSION}; COMMIT;"
    )


def _number(raw: sqlite3.Connection, sql: str) -> int:
    row = raw.execute(sql).fetchone()
    return int(row[0]) if row else 0
