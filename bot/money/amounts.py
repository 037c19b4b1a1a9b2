"""Amounts of money: integers in minor units with an ISO 4217 code.

Decides how many decimals a currency has, what a typed amount means and how an amount is written
out. Never uses float, never guesses at an ambiguous separator.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum
from typing import Final

import msgspec

from bot.money.signs import without_sign

__all__ = [
    "EXPONENTS",
    "AmountProblem",
    "Money",
    "currency_word",
    "exponent_of",
    "from_major",
    "parse_amount",
    "show_amount",
    "to_major",
]

# Decimals per currency. Source: ISO 4217 table A.1, read November 2026. Only currencies one of our
# providers can move stand here; any other code is a mistake we want to hear about.
EXPONENTS: Final[dict[str, int]] = {
    "EUR": 2,
    "GHS": 2,
    "GNF": 0,
    "KES": 2,
    "LRD": 2,
    "NGN": 2,
    "RWF": 0,
    "SSP": 2,
    "SZL": 2,
    "TZS": 2,
    "UGX": 0,
    "USD": 2,
    "XAF": 0,
    "XOF": 0,
    "ZAR": 2,
    "ZMW": 2,
}

# Nine digits of major units are more than any wallet's limit, and keep every sum inside 64 bits.
_MAX_MAJOR_DIGITS = 9
_FOLD: Final = str.maketrans({chr(base + n): str(n) for base in (0xFF10, 0x0660, 0x06F0) for n in range(10)})
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")
_SPACED: Final = re.compile(r"(-\s?)?\d{1,3}(?: \d{3})+(?=[.,]\d|$)", re.ASCII)
# Raises instead of rounding; far more digits than an amount has.
_EXACT: Final = Context(prec=40, traps=[Inexact, InvalidOperation])


class AmountProblem(StrEnum):
    """Why a typed amount was not taken."""

    NOT_A_NUMBER = "not_a_number"
    AMBIGUOUS = "ambiguous"  # "1.000": a thousand, or one?
    TOO_MANY_DECIMALS = "too_many_decimals"
    NOT_POSITIVE = "not_positive"
    TOO_LARGE = "too_large"


class Money(msgspec.Struct, frozen=True, tag="money"):
    """An amount in minor units (`amount_minor`) of `currency` (ISO 4217, upper case)."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent_of(self.currency)


def exponent_of(currency: str) -> int:
    """Decimals of `currency`. Raises ValueError for a code no provider of ours can move."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise ValueError(f"unknown currency {currency!r}") from None


def to_major(money: Money) -> Decimal:
    """The amount in major units, exactly: 1250 GHS minor is Decimal('12.50')."""
    return Decimal(money.amount_minor).scaleb(-exponent_of(money.currency))


def from_major(amount: Decimal, currency: str) -> Money:
    """Money from an exact major amount. Raises ValueError where the currency has fewer decimals."""
    exponent = exponent_of(currency)
    try:
        scaled = amount.scaleb(exponent, _EXACT).quantize(Decimal(1), context=_EXACT)
        return Money(int(scaled), currency)
    except (Inexact, InvalidOperation, ValueError):
        raise ValueError(f"{amount} is not a whole number of minor units of {currency}") from None


def currency_word(currency: str) -> str:
    """What people write for a currency: its code, but FCFA for both francs of that name."""
    return "FCFA" if currency in ("XAF", "XOF") else currency


def show_amount(money: Money) -> str:
    """The currency code and the amount in plain ASCII: `GHS 1,250.00`, `UGX 5,000`, `GHS -3.00`."""
    return f"{money.currency} {to_major(money):,}"


def parse_amount(text: str, currency: str) -> Money | AmountProblem:
    """What a person meant by `text`, in `currency`, or why it cannot be taken.

    Accepts 5000, 5 000, 1,250.50, 12,5 and the currency's code, sign or name before or behind. One separator
    followed by exactly three digits is ambiguous ("1.000" is a thousand in Abidjan and one in Accra)
    and never guessed.
    """
    exponent = exponent_of(currency)
    text = _SPACES.sub(" ", text.translate(_FOLD)).strip()
    # A sentence's own end: "5." is five.
    text = text.rstrip(".,;!") or text
    text = re.sub(rf"^{currency} ?|(?<=\d) ?{currency}$", "", text, count=1, flags=re.IGNORECASE)
    text = without_sign(text, currency)
    if spaced := _SPACED.match(text):
        text = spaced[0].replace(" ", "") + text[spaced.end() :]
    if re.fullmatch(r"-\s?\d[\d.,]*", text):
        return AmountProblem.NOT_POSITIVE
    if not re.fullmatch(r"\d+(?:[.,]\d+)*", text, flags=re.ASCII):
        return AmountProblem.NOT_A_NUMBER
    number = _plain_number(text)
    if isinstance(number, AmountProblem):
        return number
    whole, _, fraction = number.partition(".")
    # Zeros behind the point say nothing: 5000.00 is fine where there are no decimals, 5.0000 is a slip.
    if len(fraction.rstrip("0")) > exponent or len(fraction) > 2:
        return AmountProblem.TOO_MANY_DECIMALS
    if len(whole.lstrip("0")) > _MAX_MAJOR_DIGITS:
        return AmountProblem.TOO_LARGE
    money = from_major(Decimal(number), currency)
    return money if money.amount_minor > 0 else AmountProblem.NOT_POSITIVE


def _plain_number(text: str) -> str | AmountProblem:
    """`text` with grouping removed and a dot for the decimals."""
    separators = re.findall(r"[.,]", text)
    if not separators:
        return text
    groups = re.split(r"[.,]", text)
    if len(separators) == 1:
        return AmountProblem.AMBIGUOUS if len(groups[1]) == 3 else ".".join(groups)
    last = separators[-1]
    grouped = groups[1:] if len(set(separators)) == 1 else groups[1:-1]
    if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in grouped):
        return AmountProblem.NOT_A_NUMBER
    if len(set(separators)) == 1:
        return "".join(groups)
    if separators.count(last) > 1:
        return AmountProblem.NOT_A_NUMBER
    return "".join(groups[:-1]) + "." + groups[-1]
