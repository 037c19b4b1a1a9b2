"""One fixture, `store`, for every backend: a backend only says how to open an empty one."""

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from bot.store import Store, migrate, sqlite_store
from bot.store.base import SavePerson
from tests.store.make import FakeClock, person

Fresh = Callable[[], AbstractAsyncContextManager[tuple[Store, FakeClock]]]
Opener = Callable[[Path, FakeClock], AbstractAsyncContextManager[Store]]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """A migrated SQLite file of the test's own."""
    return Path(shutil.copy(empty_database, tmp_path / "kasapay.db"))


@pytest.fixture(scope="module")
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Path:
    """A file with whatever the module's `fill(store)` keeps."""
    path = Path(shutil.copy(empty_database, tmp_path_factory.mktemp("filled") / "filled.db"))

    async def fill() -> None:
        async with _sqlite(path, FakeClock()) as opened:
            await request.module.fill(opened)

    asyncio.run(fill())
    return path


@pytest.fixture
def raw(filled: Path, database: Path) -> Iterator[sqlite3.Connection]:
    """The filled file, opened behind the store's back."""
    shutil.copy(filled, database)
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    yield connection
    connection.close()


@asynccontextmanager
async def _sqlite(database: Path, clock: FakeClock) -> AsyncIterator[Store]:
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


BACKENDS: dict[str, Opener] = {"sqlite": _sqlite}


@pytest.fixture(params=BACKENDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Fresh:
    """Opens a store of its own each time, with its clock: for a test that runs many times over."""
    numbers = itertools.count()

    @asynccontextmanager
    async def open_one() -> AsyncIterator[tuple[Store, FakeClock]]:
        clock = FakeClock()
        path = Path(shutil.copy(empty_database, tmp_path / f"fresh{next(numbers)}.db"))
        async with BACKENDS[request.param](path, clock) as opened:
            await opened.commit([SavePerson(person(id)) for id in ("p1", "p2", "p3")])
            yield opened, clock

    return open_one


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, database: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """An open store that knows three people and nothing else."""
    async with BACKENDS[request.param](database, clock) as opened:
        await opened.commit([SavePerson(person(id)) for id in ("p1", "p2", "p3")])
        yield opened
