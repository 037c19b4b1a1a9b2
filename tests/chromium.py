"""One Chromium a test process: starting it takes longer than most pages; each test has a profile of its own.

It lives in the session's event loop, and so do the tests that drive it, with all they serve.
"""

import os
import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["DRIVES_CHROMIUM", "chromium"]

DRIVES_CHROMIUM: Final = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator["Browser"]:
    from playwright.async_api import async_playwright  # not for every process that reads `conftest`

    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    assert path, "Chromium is missing; `make browser` installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            await browser.close()
