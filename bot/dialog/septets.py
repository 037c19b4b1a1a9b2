"""The alphabet of a USSD screen: what a text costs, and how to write what the alphabet lacks.

Decides the septets of every character, the replacement of those outside, and when a screen is
better sent as UCS-2. Never touches a character the alphabet has: `é` and `à` are legal and readable.
Source: 3GPP TS 23.038, default alphabet and extension table; replacements checked November 2026.
"""

import unicodedata
from typing import Final

__all__ = [
    "BASIC",
    "EXTENSION",
    "UCS2_BUDGET",
    "USSD_BUDGET",
    "count_septets",
    "count_ucs2",
    "fits",
    "fold",
    "pack_ussd",
    "prefers_ucs2",
    "write_message",
    "write_name",
]

# What is safe on every network; 182 and 80 are the most the air interface carries.
USSD_BUDGET: Final = 160
UCS2_BUDGET: Final = 70

_ESCAPE: Final = 0x1B
# In order of their codes; the place of the escape is held by NUL, which no text keeps.
_TABLE: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\0ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
BASIC: Final[dict[str, int]] = {c: code for code, c in enumerate(_TABLE) if code != _ESCAPE}
EXTENSION: Final[dict[str, int]] = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_COST: Final[dict[str, int]] = dict.fromkeys(BASIC, 1) | dict.fromkeys(EXTENSION, 2)

# What is written for characters outside the alphabet, where dropping an accent is not the answer.
_LETTERS: Final[dict[str, str]] = {
    # Twi, Ewe, Ga, Dagbani, Lingala, Bambara, Wolof, Fulfulde, Hausa
    "ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ŋ": "ng", "Ŋ": "Ng", "ɲ": "ny", "Ɲ": "Ny",
    "ɖ": "d", "Ɖ": "D", "ƒ": "f", "Ƒ": "F", "ɣ": "g", "Ɣ": "G", "ʋ": "v", "Ʋ": "V",
    "ʒ": "zh", "Ʒ": "Zh", "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D", "ƙ": "k", "Ƙ": "K",
    "ƴ": "y", "Ƴ": "Y", "ɩ": "i", "Ɩ": "I", "ʊ": "u", "Ʊ": "U", "ǝ": "e", "Ǝ": "E",
    "ə": "e", "Ə": "E", "ɨ": "i", "ʉ": "u",
    # French, Portuguese and their neighbours
    "œ": "oe", "Œ": "OE", "º": "o.", "ª": "a.", "°": " deg", "ø": "o", "đ": "d", "Đ": "D",
    "ł": "l", "Ł": "L", "ı": "i", "ħ": "h", "Ħ": "H", "þ": "th", "Þ": "Th", "ð": "d", "Ð": "D",
    "ẞ": "SS",
}  # fmt: skip
_SIGNS: Final[dict[str, str]] = {
    # Currencies: the ISO code, never a look-alike
    "₦": "NGN", "₵": "GHS", "₣": "F", "₹": "INR", "¢": "c", "₤": "£", "﷼": "SAR",
    # Quotes and apostrophes, the Hausa glottal signs among them
    "’": "'", "‘": "'", "‚": "'", "‛": "'", "ʼ": "'", "ʻ": "'", "ʹ": "'", "ʾ": "'", "ʿ": "'",
    "‹": "'", "›": "'", "′": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "‟": '"',
    "«": '"', "»": '"', "″": '"',
    # Dashes, dots and marks
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "\u2043": "-",
    "•": "-", "·": ".", "…": "...", "⁄": "/", "∕": "/", "×": "x", "÷": "/", "→": "->",
    "←": "<-", "©": "(c)", "®": "(R)", "±": "+/-", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~",
    "¦": "|", "¬": "-", "¨": '"', "¸": ",", "¯": "-", "¶": "", "µ": "u",
    "،": ",", "؛": ";", "؟": "?", "።": ".", "፣": ",", "፤": ";", "፥": ":",
    "\t": " ", "\v": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n",
}  # fmt: skip
_REPLACED: Final[dict[str, str]] = _LETTERS | _SIGNS
# Control characters, joiners, direction marks, variation selectors: nothing a screen could show.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Mn", "Me", "Mc"})


def count_septets(text: str) -> int | None:
    """The septets `text` takes, as it stands, or None where a character is outside the alphabet."""
    try:
        return sum(map(_COST.__getitem__, text))
    except KeyError:
        return None


def count_ucs2(text: str) -> int:
    """The 16-bit units `text` takes as UCS-2; a character beyond the first plane takes two."""
    return len(text) + sum(c > "\uffff" for c in text)


def fits(text: str, budget: int, ucs2_budget: int = UCS2_BUDGET) -> bool:
    """Whether `text` goes on one screen: of `budget` septets, or of `ucs2_budget` units if it needs UCS-2."""
    septets = count_septets(text)
    return count_ucs2(text) <= min(budget, ucs2_budget) if septets is None else septets <= budget


def fold(text: str) -> str:
    """`text` in the GSM alphabet: composed (NFC) first, then only what is outside replaced.

    The replacement may be longer: measure afterwards. What nothing can be written for becomes `?`.
    """
    text = unicodedata.normalize("NFC", text)
    if count_septets(text) is not None:
        return text
    return "".join("?" if (written := _write(c)) is None else written for c in text)


def write_name(name: str) -> str | None:
    """A name as `fold` can write it, without the signs it cannot, such as an emoji; the name itself where
    nothing is lost. None where a letter or a digit would be lost: that is another name."""
    composed = unicodedata.normalize("NFC", name)
    lost = [c for c in composed if _write(c) is None]
    if not lost:
        return name
    if any(unicodedata.category(c)[0] in "LN" for c in lost):
        return None
    written = " ".join("".join("" if c in lost else c for c in composed).split())
    return written if any(c.isalnum() for c in written) else None


def write_message(text: str) -> str:
    """`text` as a message of 7-bit letters: folded, without the signs nothing can be written for, such as an
    emoji. The text itself, 16 bits a letter, where a letter or a digit would be lost."""
    composed = unicodedata.normalize("NFC", text)
    written = [_write(c) for c in composed]
    if any(
        said is None and unicodedata.category(c)[0] in "LN" for c, said in zip(composed, written, strict=True)
    ):
        return text
    return "".join(said or "" for said in written)


def prefers_ucs2(text: str) -> bool:
    """Whether most letters of `text` have no replacement, as in Amharic or Arabic: better sent as UCS-2."""
    lost = kept = 0
    for c in unicodedata.normalize("NFC", text):
        if c.isalpha():
            lost, kept = (lost + 1, kept) if _write(c) is None else (lost, kept + 1)
    return lost > kept


def pack_ussd(text: str) -> bytes:
    """`text` packed seven bits a character, with the padding USSD asks for. For gateways that pack not.

    Seven spare bits carry CR, so that nobody reads an `@` there; a CR that ends the text on an octet
    boundary is doubled for the same reason. Raises ValueError for a character outside the alphabet.
    Source: 3GPP TS 23.038, USSD packing of 7-bit characters.
    """
    codes: list[int] = []
    for c in text:
        if c in BASIC:
            codes.append(BASIC[c])
        elif c in EXTENSION:
            codes += (_ESCAPE, EXTENSION[c])
        else:
            raise ValueError(f"{unicodedata.name(c, 'an unnamed character')} is not in the GSM alphabet")
    carriage_return = BASIC["\r"]
    spare = -len(codes) * 7 % 8
    if spare == 7 or (spare == 0 and codes and codes[-1] == carriage_return):
        codes.append(carriage_return)
    bits = sum(code << (7 * place) for place, code in enumerate(codes))
    return bits.to_bytes((len(codes) * 7 + 7) // 8, "little")


def _write(character: str) -> str | None:
    """What stands for `character` on a screen, or None where nothing does."""
    if character in _COST:
        return character
    if character in _REPLACED:
        return _REPLACED[character]
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return ""
    if category == "Zs":
        return " "
    # Dropping the accents first, then reading compatibility forms (full-width digits, ligatures).
    for form in ("NFD", "NFKD"):
        parts = unicodedata.normalize(form, character)
        plain = "".join(_REPLACED.get(c, c) for c in parts if not unicodedata.combining(c))
        if plain and all(c in _COST for c in plain):
            return plain
    return None
