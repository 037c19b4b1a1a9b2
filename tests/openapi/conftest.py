"""Whatever is sent to it, the sandbox never logs a traceback."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    bad = [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR and record.name.startswith(("bot.sandbox", "aiohttp"))
    ]
    assert bad == []
