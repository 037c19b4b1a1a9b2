"""What is compared, and what comes of it: values only.

Ours is an order; theirs is a word on a payment: the provider's status of an order, a line of its own
list, a line of a statement. Each names a payment by any of its references.
"""

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from bot.money import OrderState

__all__ = ["FAULTS", "TOLERANCE_MS", "Finding", "Kind", "Ours", "Part", "Source", "Span", "Theirs", "key_of"]

# Longer than a payment may take from the request to our learning of it: Startbutton abandons a charge
# after an hour and is asked until 75 minutes. Within it a payment may lie on either side of midnight.
TOLERANCE_MS: Final = 2 * 3600_000


class Kind(StrEnum):
    MISSING = "missing"  # we say it was paid, they do not have it
    EXTRA = "extra"  # they tell of money, come or gone, that we do not know of, or that we call FAILED
    AMOUNT = "wrong_amount"
    CURRENCY = "wrong_currency"
    DOUBLE = "double"  # money twice for one reference
    STATE = "wrong_state"
    DAY = "wrong_day"
    # A person of ours settled it, with a reason; no fault.
    BY_HAND = "settled_by_hand"
    # Not compared; no fault.
    OPEN = "open"  # nobody knows yet what becomes of our order
    NO_ANSWER = "no_answer"  # the provider could not be asked
    EDGE = "edge"  # absent, but so near the period's edge that it may stand on the other side
    UNCLEAR = "unclear"  # their word cannot be read, or fits two orders


FAULTS: Final = frozenset(
    {Kind.MISSING, Kind.EXTRA, Kind.AMOUNT, Kind.CURRENCY, Kind.DOUBLE, Kind.STATE, Kind.DAY}
)


class Source(StrEnum):
    STATUS = "status"
    LIST = "list"
    STATEMENT = "statement"


class Part(msgspec.Struct, frozen=True):
    """What another order of the same family is known by: of a payment, or of a refund of it."""

    code: str
    ids: tuple[str, ...]
    state: OrderState
    amount: Decimal


class Ours(msgspec.Struct, frozen=True):
    """An order as far as it is compared. `amount` is in major units; `settled_ms` its move to SUCCESSFUL.

    `by_hand`: its state is a person's word, given with a name and a reason. `goes_out`: the merchant paid
    it. `refunds`: those of this payment, whatever became of them; of a refund those of its `payment`,
    itself among them. `compared` False: it is known, but no line is held against it.
    """

    code: str
    ids: tuple[str, ...]
    state: OrderState
    amount: Decimal
    currency: str
    created_ms: int
    settled_ms: int | None = None
    payer: str = ""  # masked
    account_id: str = ""
    by_hand: bool = False
    goes_out: bool = False
    payment: Part | None = None
    refunds: tuple[Part, ...] = ()
    compared: bool = True

    @property
    def at_ms(self) -> int:
        return self.created_ms if self.settled_ms is None else self.settled_ms

    @property
    def part(self) -> Part:
        return Part(self.code, self.ids, self.state, self.amount)

    @property
    def refunded(self) -> Decimal:
        """So much of it was given back by refunds of ours, in major units."""
        given = (refund.amount for refund in self.refunds if refund.state is OrderState.SUCCESSFUL)
        return sum(given, Decimal(0))


class Theirs(msgspec.Struct, frozen=True):
    """One word on a payment.

    `state` None: the word is not known. `amount` None or `currency` empty: they do not say. The money
    moved between `from_ms` and `until_ms`; None where they do not say. `line` is the statement's; `out`
    says that its amount stood with a minus or among the debits, and leaves `state` as it was told. `fee`:
    its text speaks of a fee.
    `not_found` and `problem` are of a status only.
    """

    source: Source
    state: OrderState | None
    ids: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    from_ms: int | None = None
    until_ms: int | None = None
    line: int = 0
    word: str = ""
    not_found: bool = False
    problem: str = ""
    out: bool = False
    fee: bool = False
    # Those of `ids` that are the provider's own numbers: none of them is a code of ours, whatever its digits.
    numbers: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """What differs about one order or unknown payment, and who says so. `code` empty: no order of ours."""

    kind: Kind
    sources: tuple[Source, ...]
    code: str
    reference: str
    day: str
    amount: str
    payer: str
    ours: str
    theirs: str
    lines: tuple[int, ...] = ()


class Span(msgspec.Struct, frozen=True):
    """The period in time: [`from_ms`, `until_ms`), whole days of `zone`; `now_ms` may lie inside."""

    from_ms: int
    until_ms: int
    now_ms: int
    zone: tzinfo
    tolerance_ms: int = TOLERANCE_MS

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.until_ms

    def meets(self, word: Theirs) -> bool:
        """Whether the money may have moved inside; yes where they do not say when."""
        if word.from_ms is None or word.until_ms is None:
            return True
        return word.from_ms < self.until_ms and word.until_ms >= self.from_ms

    def near_edge(self, at_ms: int) -> bool:
        last_ms = min(self.until_ms, self.now_ms)
        return at_ms < self.from_ms + self.tolerance_ms or at_ms >= last_ms - self.tolerance_ms

    def day(self, at_ms: int) -> date:
        return datetime.fromtimestamp(at_ms / 1000, self.zone).date()

    def same_day(self, at_ms: int, word: Theirs) -> bool:
        """Whether `at_ms` lies on a day of the word's, or within the tolerance of its time."""
        if word.from_ms is None or word.until_ms is None:
            return True
        gap_ms = max(word.from_ms - at_ms, at_ms - word.until_ms, 0)
        return gap_ms <= self.tolerance_ms or (
            self.day(word.from_ms) <= self.day(at_ms) <= self.day(word.until_ms)
        )


def key_of(reference: str) -> str:
    """One form for every spelling of a reference: UUIDs with and without hyphens, codes in any case."""
    return re.sub(r"[\s-]", "", reference).casefold()
