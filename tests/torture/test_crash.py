"""Killed before and after every write and every call of a payment, and of everything else people dial for."""

from pathlib import Path

import pytest

from tests.simulation.conftest import place, template
from tests.torture.crash import MAIN_STORIES, play_all

__all__ = ["place", "template"]


@pytest.mark.parametrize("name", MAIN_STORIES)
def test_killed_at_every_boundary(name: str, place: Path, template: Path) -> None:
    batch = play_all(name, 7, place, template, quick=True)
    assert batch.wrong == []
    assert batch.done["boundaries"] >= 4
