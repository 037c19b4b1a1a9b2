"""The networks of wallets: which of a provider's network codes a gateway's word for a network means. Pure."""

from collections.abc import Iterable
from typing import Final

__all__ = ["network_told"]

# Each network by its present name, and every word for it that we know.
# Source: pages and libraries of USSD gateways; MCC and MNC for Africa's Talking, November 2026.
_WORDS: Final = {
    "mtn": ("mtn", "62001"),
    "telecel": ("telecel", "vodafone", "vod", "62002"),
    "airteltigo": ("airteltigo", "at", "atl", "airtel", "tigo", "62003", "62006"),
    "mpesa": ("mpesa", "safaricom", "saf", "63902"),
    "orange": ("orange",),
    "moov": ("moov",),
    "wave": ("wave",),
}
_NAMES: Final = {word: name for name, words in _WORDS.items() for word in words}


def network_told(word: str, codes: Iterable[str]) -> str:
    """The one of a provider's network `codes` that a gateway's `word` means; empty where none is known to."""
    told = _NAMES.get(_letters(word))
    return next((code for code in codes if told and _NAMES.get(_letters(code)) == told), "")


def _letters(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())
