"""A Bot API server of our own and a channel that talks to it over a real socket."""

from collections.abc import AsyncIterator

import pytest

from bot.channels.telegram import TelegramChannel
from tests.fake_telegram import FakeTelegram


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def channel(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    opened = TelegramChannel(fake.token, fake.url)
    yield opened
    await opened.close()


@pytest.fixture
async def hasty(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    """A channel that gives up soon, for calls that are never answered."""
    opened = TelegramChannel(fake.token, fake.url, timeout_s=0.2)
    yield opened
    await opened.close()
