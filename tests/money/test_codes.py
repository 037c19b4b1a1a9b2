"""Order codes: eight characters that survive being read out and typed again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import code_from_bytes, read_code


@given(st.binary(min_size=5, max_size=5))
def test_a_code_is_read_back_as_itself(raw: bytes) -> None:
    code = code_from_bytes(raw)
    assert len(code) == 8
    assert not set(code) & set("ILOU")
    assert read_code(code) == code
    assert read_code(f" {code[:4].lower()}-{code[4:].lower()} ") == code


@given(st.binary(min_size=5, max_size=5), st.binary(min_size=5, max_size=5))
def test_different_bytes_are_different_codes(one: bytes, other: bytes) -> None:
    assert (code_from_bytes(one) == code_from_bytes(other)) is (one == other)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("K7QX2A9M", "K7QX2A9M"),
        ("k7qx2a9m", "K7QX2A9M"),
        ("K7QX 2A9M", "K7QX2A9M"),
        ("K7QX-2A9M", "K7QX2A9M"),
        ("o0o0o0o0", "00000000"),
        ("iIlL1111", "11111111"),
        ("K7QX2A9", None),
        ("K7QX2A9MM", None),
        ("K7QX2A9U", None),
        ("K7QX2A9é", None),
        ("", None),
        ("K7QX2A9/", None),
    ],
)
def test_look_alikes_are_read_as_what_was_printed(typed: str, code: str | None) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize("length", [0, 4, 6])
def test_a_code_is_made_of_five_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="5 bytes"):
        code_from_bytes(bytes(length))
