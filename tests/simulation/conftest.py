"""One template database for all runs, and a folder in memory: no power fails in a simulation."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.world import draw_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulation") / "template.db"
    draw_template(path)
    return path


@pytest.fixture
def place() -> Iterator[Path]:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        yield Path(name)
