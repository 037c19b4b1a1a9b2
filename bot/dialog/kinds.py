"""The kinds of answer a question takes: how typed text becomes a value, and why it may not.

Pure. A kind parses what a person typed, and turns the accepted value into JSON and back for the
journal. Nothing here looks anything up.
"""

import re
import unicodedata
from typing import Any, Final, Generic, TypeVar

import msgspec

from bot.dialog.words import Text
from bot.money import (
    AmountProblem,
    AmountRule,
    Money,
    Msisdn,
    NumberRule,
    calling_code,
    is_anonymous,
    parse_amount,
    parse_msisdn,
    parse_wallet,
    read_code,
)

__all__ = [
    "Amount",
    "BillNumber",
    "Code",
    "Digits",
    "FreeText",
    "Kind",
    "OwnReference",
    "Party",
    "Problem",
    "Wallet",
    "Whole",
    "fold_digits",
    "is_link_code",
]

T = TypeVar("T")

_EMAIL: Final = re.compile(r"[A-Za-z0-9._+\-]{1,64}@[A-Za-z0-9\-]{1,63}(\.[A-Za-z0-9\-]{1,63}){1,4}")
_MIN_BILL_DIGITS: Final = 7
# What nobody types for an amount: a phone number that went into the wrong question.
_LIKE_A_NUMBER: Final = re.compile(r"(\+|0)[0-9]{8,}", re.ASCII)
_MOST_OWN: Final = 20
# As many digits as a wallet's PIN, a staff PIN, a code by SMS or a link code has.
_MAY_BE_SECRET: Final = range(4, 9)
_PARTY_CODE: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_FOLD: Final = {ord(c): str(unicodedata.digit(c)) for c in map(chr, range(0x0660, 0xFF1A)) if c.isdecimal()}


def fold_digits(text: str) -> str:
    """`text` trimmed, with full-width, Arabic-Indic and other decimal digits as ASCII."""
    return text.translate(_FOLD).replace("\u00a0", " ").strip()


def is_link_code(text: str) -> bool:
    """Whether this has the form of a code that links a chat to a phone: eight digits."""
    digits = re.sub(r"[\s-]", "", fold_digits(text))
    return digits.isascii() and digits.isdigit() and len(digits) == 8


class Problem(msgspec.Struct, frozen=True):
    """Why an answer was not taken, as a sentence for the person."""

    text: Text


class Kind(Generic[T]):
    """A kind of answer. `wants` hints at the input (see `View.wants`)."""

    wants = "text"

    def parse(self, text: str) -> T | Problem:
        """The value meant by what was typed, or why it cannot be taken."""
        raise NotImplementedError

    def dump(self, value: T) -> Any:
        """The value as JSON."""
        return value

    def load(self, data: Any) -> T:
        """The value back from JSON. Raises ValueError where today's kind would refuse it."""
        raise NotImplementedError


class Amount(Kind[Money]):
    """An amount in `currency` that its account takes, and no more than `most_minor`."""

    wants = "amount"

    def __init__(
        self, currency: str, rule: AmountRule = AmountRule(), *, most_minor: int | None = None
    ) -> None:
        self.currency = currency
        self.least_minor = rule.least_minor
        limits = [most for most in (rule.most_minor, most_minor) if most is not None]
        self.most_minor = min(limits, default=None)
        self.step_minor = rule.step_minor

    def parse(self, text: str) -> Money | Problem:
        if _LIKE_A_NUMBER.fullmatch(re.sub(r"[\s-]", "", fold_digits(text))):
            return Problem(Text("amount.phone_number"))
        found = parse_amount(fold_digits(text), self.currency)
        if isinstance(found, AmountProblem):
            return Problem(Text(f"amount.{found.value}", {"currency": self.currency}))
        return self.check(found)

    def check(self, money: Money) -> Money | Problem:
        """The amount, or why it is not taken here."""
        if money.amount_minor < self.least_minor:
            return Problem(Text("amount.too_small", {"least": Money(self.least_minor, self.currency)}))
        if self.most_minor is not None and money.amount_minor > self.most_minor:
            return Problem(Text("amount.over_limit", {"most": Money(self.most_minor, self.currency)}))
        if money.amount_minor % self.step_minor:
            below = Money(money.amount_minor - money.amount_minor % self.step_minor, self.currency)
            above = Money(below.amount_minor + self.step_minor, self.currency)
            return Problem(Text("amount.steps", {"below": below, "above": above}))
        return money

    def dump(self, value: Money) -> Any:
        return msgspec.to_builtins(value)

    def load(self, data: Any) -> Money:
        money = msgspec.convert(data, Money)
        if money.currency != self.currency or isinstance(self.check(money), Problem):
            raise ValueError("amount no longer fits")
        return money


class Wallet(Kind[Msisdn]):
    """A wallet number that an account takes; `region` is the home of numbers written without a country."""

    wants = "number"

    def __init__(self, region: str, rule: NumberRule = NumberRule()) -> None:
        self.region = region
        self.rule = rule

    def parse(self, text: str) -> Msisdn | Problem:
        found = _number(fold_digits(text), self.region)
        if isinstance(found, Problem) or self.rule.takes(found):
            return found
        return Problem(Text("number.foreign", {"begins": calling_code(self.region)}))

    def load(self, data: Any) -> Msisdn:
        found = parse_msisdn(str(data), self.region)
        if found is None or not self.rule.takes(found):
            raise ValueError("not a number")
        return found


def _number(text: str, region: str) -> Msisdn | Problem:
    found = parse_wallet(text, region)
    return found or Problem(Text("number.anonymous" if is_anonymous(text) else "number.not_valid"))


class Party(Kind[str]):
    """An account holder as providers name them: a number, an e-mail address, or a party code (a UUID)."""

    wants = "number"

    def __init__(self, region: str) -> None:
        self.region = region

    def parse(self, text: str) -> str | Problem:
        folded = fold_digits(text)
        if _EMAIL.fullmatch(folded) or _PARTY_CODE.fullmatch(folded):
            return folded.lower()
        return _number(folded, self.region)

    def load(self, data: Any) -> str:
        found = self.parse(str(data))
        if isinstance(found, Problem):
            raise ValueError("nobody is named so")
        return found


class Digits(Kind[str]):
    """Between `least` and `most` digits, kept as text: leading zeros count. For codes and PINs."""

    wants = "code"

    def __init__(self, least: int, most: int, problem: str) -> None:
        self.least = least
        self.most = most
        self.problem = problem

    def parse(self, text: str) -> str | Problem:
        digits = re.sub(r"[\s.-]", "", fold_digits(text))
        if digits.isascii() and digits.isdigit() and self.least <= len(digits) <= self.most:
            return digits
        return Problem(Text(self.problem))

    def load(self, data: Any) -> str:
        found = self.parse(str(data))
        if isinstance(found, Problem):
            raise ValueError("not such digits")
        return found


class Whole(Kind[int]):
    """A whole number between `least` and `most`: days, not money."""

    wants = "code"

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def parse(self, text: str) -> int | Problem:
        digits = fold_digits(text)
        if digits.isascii() and digits.isdigit() and len(digits) <= 9:
            number = int(digits)
            if self.least <= number <= self.most:
                return number
        return Problem(Text("whole.not_valid", {"least": self.least, "most": self.most}))

    def load(self, data: Any) -> int:
        found = self.parse(str(data)) if type(data) is int else None
        if not isinstance(found, int):
            raise ValueError("not such a number")
        return found


class Code(Kind[str]):
    """An order code as printed on every message."""

    wants = "code"

    def parse(self, text: str) -> str | Problem:
        return read_code(fold_digits(text)) or Problem(Text("code.not_valid"))

    def load(self, data: Any) -> str:
        found = read_code(str(data))
        if found is None:
            raise ValueError("not an order code")
        return found


class BillNumber(Kind[str]):
    """What a bill calls its customer: a number or a name of `most` characters at the most.

    Nobody can tell whether there is such a customer before the bill is paid. So what may be a PIN or a
    provider's code typed in the wrong place is not taken: six digits or fewer with nothing else.
    """

    def __init__(self, most: int = 20) -> None:
        self._line = FreeText(most)

    def parse(self, text: str) -> str | Problem:
        line = self._line.parse(text)
        digits = re.sub(r"[\s.,-]", "", fold_digits(line)) if isinstance(line, str) else ""
        if isinstance(line, Problem) or not (digits.isdigit() and len(digits) < _MIN_BILL_DIGITS):
            return line
        return Problem(Text("bill.reference_short", {"least": _MIN_BILL_DIGITS}))

    def load(self, data: Any) -> str:
        return self._line.load(data)


class OwnReference(Kind[str]):
    """What a merchant asks of whoever pays: a table, a name, a pupil's number; 20 characters at the most.

    Digits alone may be a PIN or a provider's code typed in the wrong place, and this is kept and shown: 4 to
    8 of them are never taken. A letter in front makes them something else.
    """

    def __init__(self) -> None:
        self._line = FreeText(_MOST_OWN)

    def parse(self, text: str) -> str | Problem:
        line = self._line.parse(text)
        digits = re.sub(r"[\s.,*#-]", "", fold_digits(line)) if isinstance(line, str) else ""
        if isinstance(line, str) and digits.isdigit() and len(digits) in _MAY_BE_SECRET:
            return Problem(Text("given.may_be_pin"))
        return line

    def load(self, data: Any) -> str:
        return self._line.load(data)


class FreeText(Kind[str]):
    """Any text of `most` characters at the most, on one line.

    `words`: something to read, with a letter in it. Digits alone may be a PIN typed in the wrong place.
    """

    def __init__(self, most: int = 60, *, words: bool = False) -> None:
        self.most = most
        self.words = words

    def parse(self, text: str) -> str | Problem:
        line = " ".join(unicodedata.normalize("NFC", text).split())
        if not line:
            return Problem(Text("text.empty"))
        if self.words and not any(c.isalpha() for c in line):
            return Problem(Text("text.no_words"))
        if len(line) > self.most:
            return Problem(Text("text.too_long", {"most": self.most}))
        return line

    def load(self, data: Any) -> str:
        found = self.parse(data) if isinstance(data, str) else None
        if not isinstance(found, str):
            raise ValueError("not such a text")
        return found
