"""How a record becomes a row and a row a record, for every backend.

Columns bear the fields' names in the fields' order; a field renamed since has its column's name as
`msgspec.field(name=...)`. A table may hold further columns (a lease, an
order of arrival) that no record shows; they are written by the statements that know them.
"""

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, Final, Generic, Protocol, TypeVar, Union, get_args, get_origin

import msgspec

from bot.dialog import Entry
from bot.money import OrderKind
from bot.store.records import (
    AddressRow,
    AgreementLine,
    AgreementRow,
    AnnouncingRow,
    ApprovalRow,
    ConversationRow,
    Incident,
    LinkCode,
    MerchantRow,
    MessageRow,
    OrderRow,
    PersonRow,
    RecheckRow,
    SessionRow,
    StaffRow,
    SwitchRow,
    Transition,
    TurnRow,
    UpdateRow,
    WebhookRow,
)

__all__ = [
    "ADDRESSES",
    "AGREEMENTS",
    "AGREEMENT_LINES",
    "ANNOUNCING",
    "APPROVALS",
    "CONVERSATIONS",
    "INBOX",
    "INCIDENTS",
    "LINK_CODES",
    "MERCHANTS",
    "MESSAGES",
    "ORDERS",
    "PEOPLE",
    "RECHECKS",
    "SESSIONS",
    "STAFF",
    "SWITCHES",
    "TRANSITIONS",
    "TURNS",
    "WEBHOOKS",
    "Cursor",
    "Table",
    "Tx",
    "kinds_sql",
]


class Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Tx(Protocol):
    """An open transaction, on the thread that owns its connection. Statements use `?` placeholders."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...


R = TypeVar("R", bound=msgspec.Struct)

_JOURNAL: Final = msgspec.json.Decoder(tuple[Entry, ...])


def _read_journal(text: str) -> tuple[Entry, ...]:
    return _JOURNAL.decode(text)


def _write_journal(journal: tuple[Entry, ...]) -> str:
    return msgspec.json.encode(journal).decode()


def _write_struct(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _plain(annotation: Any) -> Any:
    """The type inside `X | None`, else the type itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


@cache
def _update_sql(table: str, columns: tuple[str, ...]) -> str:
    # Constant names of our own, as in every statement; the same text is a statement that is known already.
    return f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"  # noqa: S608


def kinds_sql(kinds: Collection[OrderKind]) -> str:
    """Kinds of order as a list for IN, always in one order: SQLite knows a partial index by its words."""
    return "(" + ", ".join(f"'{kind.value}'" for kind in OrderKind if kind in kinds) + ")"


class Table(Generic[R]):
    """One kind of record and its table: the statements' column lists, and both directions."""

    def __init__(self, record: type[R], name: str, *further: str) -> None:
        self.record = record
        self.name = name
        self.columns: tuple[str, ...] = tuple(f.encode_name for f in msgspec.structs.fields(record))
        self.select = ", ".join(self.columns)
        values = ", ".join("?" * (len(self.columns) + len(further)))
        # Constant names of our own; no value ever enters a statement's text.
        self.insert = (
            f"INSERT INTO {name} ({', '.join(self.columns + further)}) VALUES ({values})"  # noqa: S608
            " ON CONFLICT DO NOTHING"
        )
        self._readers: list[tuple[int, Callable[[Any], Any]]] = []
        self._writers: list[tuple[int, Callable[[Any], Any]]] = []
        for index, field in enumerate(msgspec.structs.fields(record)):
            kind = _plain(field.type)
            if kind is bool:
                # SMALLINT in both databases: BOOLEAN reads back as an integer in one of them only.
                self._readers.append((index, bool))
                self._writers.append((index, int))
            elif kind is bytes:
                self._readers.append((index, bytes))
            elif isinstance(kind, type) and issubclass(kind, StrEnum):
                self._readers.append((index, kind))
                self._writers.append((index, str.__str__))
            elif get_origin(kind) is tuple:
                self._readers.append((index, _read_journal))
                self._writers.append((index, _write_journal))
            elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                self._readers.append((index, msgspec.json.Decoder(kind).decode))
                self._writers.append((index, _write_struct))

        names = [field.name for field in msgspec.structs.fields(record)]
        self._column_of = dict(zip(names, self.columns, strict=True))
        self._writer_of = {names[index]: convert for index, convert in self._writers}

    def columns_of(self, alias: str) -> str:
        """The column list of a joined statement."""
        return ", ".join(f"{alias}.{column}" for column in self.columns)

    def read(self, row: Sequence[Any]) -> R:
        values = list(row)
        for index, convert in self._readers:
            if values[index] is not None:
                values[index] = convert(values[index])
        return self.record(*values)

    def read_all(self, rows: Sequence[Sequence[Any]]) -> tuple[R, ...]:
        return tuple(map(self.read, rows))

    def write(self, record: R) -> list[Any]:
        values = list(msgspec.structs.astuple(record))
        for index, convert in self._writers:
            if values[index] is not None:
                values[index] = convert(values[index])
        return values

    def update(self, tx: Tx, id: str, fields: Mapping[str, Any], further: Mapping[str, Any]) -> None:
        """Set fields of the row with this id, by their names here, and columns that no record shows."""
        columns = [self._column_of[name] for name in fields]
        values = [
            value if value is None or (convert := self._writer_of.get(name)) is None else convert(value)
            for name, value in fields.items()
        ]
        tx.execute(_update_sql(self.name, (*columns, *further)), (*values, *further.values(), id))

    def one(self, tx: Tx, sql: str, *parameters: Any) -> R | None:
        row = tx.execute(sql, parameters).fetchone()
        return None if row is None else self.read(row)

    def all(self, tx: Tx, sql: str, *parameters: Any) -> tuple[R, ...]:
        return self.read_all(tx.execute(sql, parameters).fetchall())


PEOPLE: Final = Table(PersonRow, "people")
ADDRESSES: Final = Table(AddressRow, "addresses")
CONVERSATIONS: Final = Table(ConversationRow, "conversations")
SESSIONS: Final = Table(SessionRow, "sessions")
TURNS: Final = Table(TurnRow, "turns", "seq")
ORDERS: Final = Table(OrderRow, "orders", "reference_key")
TRANSITIONS: Final = Table(Transition, "transitions")
MESSAGES: Final = Table(MessageRow, "messages", "urgency", "seq")
INBOX: Final = Table(UpdateRow, "inbox")
WEBHOOKS: Final = Table(WebhookRow, "webhooks")
RECHECKS: Final = Table(RecheckRow, "rechecks")
MERCHANTS: Final = Table(MerchantRow, "merchants")
STAFF: Final = Table(StaffRow, "staff")
LINK_CODES: Final = Table(LinkCode, "link_codes")
INCIDENTS: Final = Table(Incident, "incidents")
ANNOUNCING: Final = Table(AnnouncingRow, "announcing")
AGREEMENTS: Final = Table(AgreementRow, "agreements")
AGREEMENT_LINES: Final = Table(AgreementLine, "agreement_lines")
APPROVALS: Final = Table(ApprovalRow, "approvals")
SWITCHES: Final = Table(SwitchRow, "switches")
