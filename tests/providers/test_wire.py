"""Reading what comes from outside: texts, codes, decimals, pauses."""

from decimal import Decimal

import pytest

from bot.money import Money
from bot.providers.wire import (
    read_code,
    read_decimal,
    read_json,
    read_object,
    read_retry_after,
    read_text,
    rounded_money,
)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("TRANSACTION_CANCELED.", "TRANSACTION_CANCELED"),
        ("NOT ENOUGH_FUNDS", "NOT_ENOUGH_FUNDS"),
        ("  expired ", "EXPIRED"),
        ("not  found .", "NOT_FOUND"),
        ("payer 233240000001 unknown", "PAYER_***_UNKNOWN"),
        (None, ""),
        ({"code": "X"}, ""),
        (True, ""),
        (404, "404"),
    ],
)
def test_codes_are_normalised(written: object, code: str) -> None:
    assert read_code(written) == code


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\r\nb", "a b"),
        (" x ", "x"),
        ("y" * 300, "y" * 200),
        (7, "7"),
        (10**40, ""),
        (-(10**39), "-1" + "0" * 39),
        (1.5, ""),
        (False, ""),
        ([], ""),
    ],
)
def test_texts_are_one_short_line(value: object, text: str) -> None:
    assert read_text(value) == text


@pytest.mark.parametrize(
    ("content", "decimal"),
    [(b'"25"', "25"), (b"25", "25"), (b"25.50", "25.50"), (b'"-0.5"', "-0.5"), (b"0.1", "0.1")],
)
def test_decimals_are_exact(content: bytes, decimal: str) -> None:
    assert str(read_decimal(read_json(content))) == decimal


@pytest.mark.parametrize(
    "content",
    [
        b'""',
        b'"1e3"',
        b"1e3",
        b'"1,000"',
        b'"NaN"',
        b'"Infinity"',
        b"true",
        b"null",
        b'"\xd9\xa3"',
        b"1" * 30,
    ],
)
def test_what_is_no_plain_decimal_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_decimal(read_json(content))


@pytest.mark.parametrize("content", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 60_000, b'"\\ud800"', b"NaN"])
def test_what_is_not_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(content)


@pytest.mark.parametrize("content", [b"[]", b"null", b"1", b'"x"'])
def test_what_is_not_an_object_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_object(content)


def test_balances_are_rounded_down() -> None:
    assert rounded_money(Decimal("35.839"), "GHS") == Money(3583, "GHS")
    assert rounded_money(Decimal("35.83"), "UGX") == Money(35, "UGX")
    assert rounded_money(Decimal("-35.83"), "UGX") == Money(-36, "UGX")
    with pytest.raises(ValueError):
        rounded_money(Decimal(1), "QQQ")


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "999999"}, 3600.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
        (
            {"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"},
            30.0,
        ),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 99 Nov 2026 10:00:30 GMT", "date": "x"}, None),
    ],
)
def test_pauses_are_read(headers: dict[str, str], pause: float | None) -> None:
    assert read_retry_after(headers) == pause
