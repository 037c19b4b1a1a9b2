"""Every tape says where it is from."""

from .tapes import kept_tapes


def test_a_tape_names_its_source() -> None:
    for name, kept in kept_tapes():
        assert kept["from"] in ("docs", "constructed", "recorded"), name
        assert kept["page"], name
        assert isinstance(kept["status"], int), name
        assert set(kept) <= {"from", "page", "status", "headers", "body", "text", "date"}, name
        assert "date" in kept or kept["from"] != "recorded", name
