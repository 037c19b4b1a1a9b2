"""Orders' references for people, and merchants' codes: how they are drawn, read, and told apart."""

import re
from typing import Final, NamedTuple

__all__ = [
    "LEAST_MERCHANT_CODE",
    "MOST_MERCHANT_CODE",
    "MOST_MERCHANT_DIGITS",
    "ORDER_CODE_BYTES",
    "Token",
    "code_from_bytes",
    "is_new_merchant_code",
    "read_code",
    "read_token",
    "reference_key",
]

# Shorter ones could be taken for a line of a menu.
LEAST_MERCHANT_CODE: Final = 3
MOST_MERCHANT_CODE: Final = 12
# A new code of digits only. Longer ones could be taken for a reference, a code by SMS or a phone number.
MOST_MERCHANT_DIGITS: Final = 6
# So many random bytes make an order's code: far more than there are codes, so that each is as likely.
ORDER_CODE_BYTES: Final = 8
# Nine digits that every keypad types; without a leading zero, which tables of numbers drop.
_FIRST: Final = 100_000_000
_HOW_MANY: Final = 900_000_000
_CODE: Final = re.compile(r"[1-9][0-9]{8}", re.ASCII)
# Codes of older orders are eight characters of Crockford's base 32; typed I, L and O are read back.
_OLD_CODE: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}", re.ASCII)
_HEARD: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})
_MERCHANT_CODE: Final = re.compile(rf"[A-Za-z0-9]{{{LEAST_MERCHANT_CODE},{MOST_MERCHANT_CODE}}}", re.ASCII)


class Token(NamedTuple):
    """What a typed word may be: a merchant's code, a reference. Empty where it cannot be one."""

    merchant: str = ""
    reference: str = ""


def code_from_bytes(raw: bytes) -> str:
    """The nine digits made of 8 random bytes. Raises ValueError for another length."""
    if len(raw) != ORDER_CODE_BYTES:
        raise ValueError("an order code is made of 8 bytes")
    return str(_FIRST + int.from_bytes(raw) % _HOW_MANY)


def read_code(text: str) -> str | None:
    """The order's code meant by what a person typed (blanks and dashes do not count), or None.

    An older code may be typed in any case, with O for 0 and I or L for 1.
    """
    cleaned = re.sub(r"[\s-]", "", text).upper()
    if _CODE.fullmatch(cleaned):
        return cleaned
    heard = cleaned.translate(_HEARD)
    return heard if _OLD_CODE.fullmatch(heard) else None


def is_new_merchant_code(text: str) -> bool:
    """Whether a merchant may be given this code today: letters and digits that read as no reference."""
    if not _MERCHANT_CODE.fullmatch(text) or read_code(text) is not None:
        return False
    return not text.isdigit() or len(text) <= MOST_MERCHANT_DIGITS


def read_token(text: str) -> Token:
    """What a word typed where a merchant's code or a reference may stand can be.

    Of codes given out today it is one of the two or neither. Only the code of an older merchant may
    read as a reference too (nine digits, or eight characters): then both are said, and the merchant
    who has that code goes first.
    """
    typed = text.strip(" .,")
    merchant = typed if _MERCHANT_CODE.fullmatch(typed) else ""
    return Token(merchant, read_code(typed) or "")


def reference_key(reference: str) -> str:
    """One form for both spellings of a UUID: providers give it back with or without its hyphens."""
    return reference.replace("-", "").lower()
