"""Which staff PINs are too easy to guess. Pure."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["is_weak_pin"]

# A merchant's code or a number inside a PIN counts from this many digits on.
_KNOWN_DIGITS: Final = 3


def is_weak_pin(pin: str, known: Iterable[str] = ()) -> bool:
    """Whether `pin` (digits) is one that anybody would try: one digit, a row up or down, a part repeated,
    or what everybody at the counter knows: the end of a number or a code of `known`, or that code in it."""
    steps = {(int(pin[at + 1]) - int(pin[at])) % 10 for at in range(len(pin) - 1)}
    if steps in ({0}, {1}, {9}):
        return True
    if any(pin == pin[:length] * (len(pin) // length) for length in range(1, len(pin) // 2 + 1)):
        return True
    for text in known:
        digits = re.sub(r"\D", "", text)
        if len(digits) >= _KNOWN_DIGITS and (digits.endswith(pin) or digits in pin):
            return True
    return False
