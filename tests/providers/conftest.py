"""A pretend provider, a sender, and a check after every test that nothing secret was said."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from bot.providers import ProviderError, Sender

from .cases import CASES, HUSHED, Case, Pretend, pretend_provider


@dataclass
class Clock:
    """Stands still until told."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(params=CASES, ids=lambda case: case.label or case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pretend() -> AsyncIterator[Pretend]:
    async with pretend_provider() as running:
        yield running


@pytest.fixture
async def sender(clock: Clock) -> AsyncIterator[Sender]:
    made = Sender(clock=clock)
    yield made
    await made.aclose()


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[list[MutableMapping[str, Any]]]:
    """Every event logged, by us and by the libraries; read for secrets when the test is over."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        yield events
    said = f"{events!r}\n{caplog.text}"
    for secret in HUSHED:
        assert secret not in said


async def failure(calling: Awaitable[Any]) -> ProviderError:
    """The error a call ends with, after looking that neither it nor its traceback tells a secret."""
    with pytest.raises(ProviderError) as caught:
        await calling
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.detail
    for secret in HUSHED:
        assert secret not in said
    return caught.value
