"""Whatever a record holds comes back as it was, through the real columns."""

import sqlite3
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.dialog import Entry
from bot.store import records, rows
from bot.store.rows import Table

TABLES = [table for name in rows.__all__ if isinstance(table := getattr(rows, name), Table)]
# PostgreSQL's TEXT holds no NUL; JSON escapes it.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
JOURNAL = st.lists(st.builds(Entry, st.text(), st.text(), JSON), max_size=4).map(tuple)


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    if type(None) in get_args(annotation):
        [inner] = [arg for arg in get_args(annotation) if arg is not type(None)]
        return st.none() | values_of(inner)
    if get_origin(annotation) is tuple:
        return JOURNAL
    if issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    if issubclass(annotation, msgspec.Struct):
        return st.builds(
            annotation, **{f.name: values_of(f.type) for f in msgspec.structs.fields(annotation)}
        )
    plain = {str: TEXT, int: st.integers(-(2**63), 2**63 - 1), bool: st.booleans(), bytes: st.binary()}
    return plain[annotation]


def records_of(table: Table[Any]) -> st.SearchStrategy[Any]:
    fields = {field.name: values_of(field.type) for field in msgspec.structs.fields(table.record)}
    return st.builds(table.record, **fields)


@pytest.fixture
def columns(empty_database: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{empty_database.as_uri()}?mode=ro", uri=True)
    yield connection
    connection.close()


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_record_survives_its_row(
    table: Table[Any], columns: sqlite3.Connection, data: st.DataObject
) -> None:
    record = data.draw(records_of(table))
    # The real columns with their types, without the rules that only sensible records meet.
    columns.execute(f"CREATE TEMP TABLE copy AS SELECT {table.select} FROM {table.name} WHERE 0")
    try:
        marks = ", ".join("?" * len(table.columns))
        columns.execute(f"INSERT INTO copy ({table.select}) VALUES ({marks})", table.write(record))
        assert table.one(columns, f"SELECT {table.select} FROM copy") == record
    finally:
        columns.rollback()
        columns.execute("DROP TABLE IF EXISTS temp.copy")


def test_every_record_has_a_table() -> None:
    kept = {getattr(records, name) for name in records.__all__}
    structs = {kind for kind in kept if issubclass(kind, msgspec.Struct)}
    # What was asked for is kept inside the row of its approval.
    assert {table.record for table in TABLES} == structs - {records.OrderRequest}


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_a_table_has_a_column_for_every_field(table: Table[Any], columns: sqlite3.Connection) -> None:
    kept = {row[1] for row in columns.execute(f"PRAGMA table_info({table.name})")}
    missing = set(table.columns) - kept
    assert not missing, f"write a migration that adds {missing} to {table.name}"
