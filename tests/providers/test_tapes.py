"""Every tape says where it is from."""

import pytest

from .tapes import kept_tapes


@pytest.mark.parametrize(
    ("name", "kept"), kept_tapes(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_tape_names_its_source(name: str, kept: dict) -> None:
    assert kept["from"] in ("docs", "constructed", "recorded")
    assert kept["page"]
    assert isinstance(kept["status"], int)
    assert set(kept) <= {"from", "page", "status", "headers", "body", "text", "date"}
    assert "date" in kept or kept["from"] != "recorded"
