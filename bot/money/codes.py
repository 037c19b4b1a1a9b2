"""Order codes: eight characters a person can read out, unique, on every message about an order. And how short
a merchant's code may be."""

import re
from typing import Final

__all__ = ["LEAST_MERCHANT_CODE", "ORDER_CODE_BYTES", "code_from_bytes", "read_code", "reference_key"]

# Shorter ones could be taken for a line of a menu.
LEAST_MERCHANT_CODE: Final = 3
# So many random bytes make an order's code.
ORDER_CODE_BYTES: Final = 5
# Crockford's base 32 without the vowels' look-alikes; what people type as I, L or O is read back.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HEARD: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})


def code_from_bytes(raw: bytes) -> str:
    """The 8-character code of 5 random bytes. Raises ValueError for another length."""
    if len(raw) != ORDER_CODE_BYTES:
        raise ValueError("an order code is made of 5 bytes")
    number = int.from_bytes(raw)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(35, -5, -5))


def read_code(text: str) -> str | None:
    """The code meant by what a person typed (any case, spaces, dashes, O for 0), or None."""
    cleaned = re.sub(r"[\s-]", "", text).upper().translate(_HEARD)
    return cleaned if len(cleaned) == 8 and all(c in _ALPHABET for c in cleaned) else None


def reference_key(reference: str) -> str:
    """One form for both spellings of a UUID: providers give it back with or without its hyphens."""
    return reference.replace("-", "").lower()
