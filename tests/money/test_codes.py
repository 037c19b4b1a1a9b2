"""References, new and old, as they are typed; and how merchants' codes are told from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import Token, code_from_bytes, is_new_merchant_code, read_code, read_token


@given(st.binary(min_size=8, max_size=8))
def test_a_code_is_nine_digits_and_read_back_as_itself(raw: bytes) -> None:
    code = code_from_bytes(raw)
    assert len(code) == 9
    assert code.isdecimal()
    assert code[0] != "0"
    assert read_code(code) == code
    assert read_code(f" {code[:3]} {code[3:6]}-{code[6:]} ") == code


def test_the_first_and_the_last_code() -> None:
    assert code_from_bytes(bytes(8)) == "100000000"
    assert code_from_bytes((899_999_999).to_bytes(8)) == "999999999"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("482915037", "482915037"),
        ("482 915-037", "482915037"),
        ("082915037", None),
        ("48291503", "48291503"),  # an older one may be all digits
        ("4829150370", None),
        ("48291503O", None),
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
def test_what_is_typed_is_read_as_what_was_printed(typed: str, code: str | None) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize("length", [0, 5, 9])
def test_a_code_is_made_of_eight_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        code_from_bytes(bytes(length))


@pytest.mark.parametrize(
    ("typed", "token"),
    [
        ("1001", Token(merchant="1001")),
        (" amashop. ", Token(merchant="amashop")),
        ("123456", Token(merchant="123456")),
        ("482915037", Token(merchant="482915037", reference="482915037")),
        ("482 915 037", Token(reference="482915037")),
        ("K7QX2A9M", Token(merchant="K7QX2A9M", reference="K7QX2A9M")),
        ("k7qx-2a9m", Token(reference="K7QX2A9M")),
        ("12", Token()),
        ("0240000001", Token(merchant="0240000001")),
        ("+233240000001", Token()),
        ("a few words", Token()),
    ],
)
def test_a_word_may_be_a_merchants_code_or_a_reference(typed: str, token: Token) -> None:
    assert read_token(typed) == token


@given(st.from_regex(r"\A[A-Za-z0-9]{1,13}\Z"))
def test_a_code_given_out_today_is_one_thing_only(code: str) -> None:
    if is_new_merchant_code(code):
        assert read_token(code) == Token(merchant=code)
        assert len(code) <= (6 if code.isdigit() else 12)
    else:
        assert len(code) < 3 or len(code) > 12 or code.isdigit() or read_code(code)
