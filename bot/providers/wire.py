"""What adapters share to read a reply: JSON without floats, open text, exact amounts, pauses.

Replies come from outside: nothing here raises anything but ValueError, whatever the bytes are.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from bot.money import EXPONENTS, Money, exponent_of, from_major

__all__ = [
    "read_code",
    "read_decimal",
    "read_json",
    "read_money",
    "read_object",
    "read_retry_after",
    "read_text",
    "rounded_money",
]

# A number with a fraction stays the text it was written as; no float exists on this side.
_JSON: Final = msgspec.json.Decoder(float_hook=str)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONG_NUMBER: Final = re.compile(r"[0-9]{5,}")
_LONGEST_PAUSE_S: Final = 3600.0


def read_json(content: bytes) -> Any:
    """The JSON value in `content`. Raises ValueError where there is none."""
    try:
        return _JSON.decode(content)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ValueError("not JSON") from error


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object in `content`. Raises ValueError where it is anything else."""
    value = read_json(content)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def read_text(value: Any, limit: int = 200) -> str:
    """A text or whole number as one line of at most `limit` characters; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**40 else ""
    return _CONTROL.sub(" ", value).strip()[:limit].strip() if isinstance(value, str) else ""


def read_code(value: Any) -> str:
    """A provider's code word for comparing and for logs.

    Upper case, inner spaces as underscores, no trailing dot; long numbers are masked, because the
    field is open text and may repeat what was sent.
    """
    code = "_".join(read_text(value, 80).upper().rstrip(". ").split())
    return _LONG_NUMBER.sub("***", code)


def read_decimal(value: Any) -> Decimal:
    """A decimal written as text or number. Raises ValueError."""
    text = read_text(value)
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    return Decimal(text)


def read_money(amount: Decimal, currency: Any) -> Money:
    """`amount` in major units. Raises ValueError for a currency or a fraction we cannot hold."""
    return from_major(amount, read_text(currency).upper())


def rounded_money(amount: Decimal, currency: str) -> Money:
    """`amount` in major units, rounded down where the currency has fewer decimals.

    For balances only: MTN shows fractions of currencies that have none. Raises ValueError.
    """
    if currency not in EXPONENTS:
        raise ValueError("unknown currency")
    return from_major(
        amount.quantize(Decimal(1).scaleb(-exponent_of(currency)), rounding=ROUND_FLOOR), currency
    )


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to pause by the `Retry-After` header, or None. A date counts from the reply's own `Date`."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), _LONGEST_PAUSE_S)
    until, said = _read_date(text), _read_date(headers.get("date", ""))
    if until is None or said is None:
        return None
    return min(max((until - said).total_seconds(), 0.0), _LONGEST_PAUSE_S)


def _read_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
