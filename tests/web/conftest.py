"""A served web room, a client, and the log of the test, which must hold no fault of ours."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import structlog

from tests.web.fakes import World, serve


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What was logged, on its way to wherever the run keeps it. A test that provokes a fault of ours
    takes its line away."""
    lines: list[Any] = []

    def keep(_logger: Any, method: str, event: Any) -> Any:
        lines.append({**event, "log_level": method})
        return event

    # In place, as structlog's own capture does: loggers made earlier hold this very list.
    processors = structlog.get_config()["processors"]
    processors.insert(0, keep)
    try:
        yield lines
    finally:
        processors.remove(keep)
    assert [line for line in lines if line["event"] == "web.unexpected"] == []


@pytest.fixture
async def world(log: list[Any]) -> AsyncIterator[World]:
    async with serve() as world:
        yield world


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def take_faults(log: list[Any]) -> list[Any]:
    """The lines about faults of ours, taken out of the log: the test expected them."""
    faults = [line for line in log if line["event"] == "web.unexpected"]
    log[:] = [line for line in log if line["event"] != "web.unexpected"]
    return faults
