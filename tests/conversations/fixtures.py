"""Fixtures for everything that is played on a stage, here and in `tests/shell`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations.stage import Stage, draw_template, open_stage

__all__ = ["stage", "template"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "kasapay.db"
    asyncio.run(draw_template(path))
    return path


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    """A stage with a phone and a web chat, and nobody listening for callbacks."""
    async with open_stage(tmp_path, template, serve=False) as opened:
        yield opened
