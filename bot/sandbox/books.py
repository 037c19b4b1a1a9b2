"""The books of the pretend world: who had what, what came in and went out by kind, what is left.

Double entry: every movement has a source and a target, so the sums of all books are nothing. Holders are
"handset:<digits>", "<provider>:<purse>" for a merchant's money, and "outside" for everybody else.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from bot.sandbox.model import Entry, plain
from bot.sandbox.record import Record

OUTSIDE = "outside"
_NOTHING = Decimal(0)


class Book(Struct):
    """What one holder had, got and gave in one currency, by kind of entry."""

    holder: str
    currency: str
    opening: Decimal = _NOTHING
    came_in: dict[str, Decimal] = field(default_factory=dict)
    went_out: dict[str, Decimal] = field(default_factory=dict)

    @property
    def net(self) -> Decimal:
        """What the movements come to, without the opening."""
        return sum(self.came_in.values(), _NOTHING) - sum(self.went_out.values(), _NOTHING)


def handset_holder(msisdn: str) -> str:
    """The holder name of a handset."""
    return f"handset:{msisdn}"


def purse_of(entry: Entry) -> str:
    """The holder whose money an entry moves: the merchant's purse at its provider."""
    return f"{entry.provider}:{entry.detail.get('purse', entry.account)}"


class Books:
    """All books, kept in the record."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._books: dict[tuple[str, str], Book] = {}

    async def load(self) -> None:
        """Take up what the record holds."""
        kept = await self._record.load_documents("book", Book)
        self._books = {(book.holder, book.currency): book for book in kept.values()}

    def clear(self) -> None:
        """Begin again with empty books."""
        for book in self._books.values():
            self._record.forget("book", _key(book))
        self._books = {}

    def open(self, holder: str, currency: str, amount: Decimal) -> None:
        """What a holder begins with; one that has a book already gets or gives the difference by hand."""
        if (holder, currency) in self._books:
            difference = amount - self.balance(holder, currency)
            if difference > 0:
                self.move("by_hand", currency, difference, OUTSIDE, holder)
            elif difference < 0:
                self.move("by_hand", currency, -difference, holder, OUTSIDE)
            return
        book = self._book(holder, currency)
        book.opening = amount
        self._keep(book)

    def move(self, kind: str, currency: str, amount: Decimal, source: str, target: str) -> None:
        """`amount` goes from one holder to another."""
        giver, taker = self._book(source, currency), self._book(target, currency)
        giver.went_out[kind] = giver.went_out.get(kind, _NOTHING) + amount
        taker.came_in[kind] = taker.came_in.get(kind, _NOTHING) + amount
        self._keep(giver)
        self._keep(taker)

    def balance(self, holder: str, currency: str) -> Decimal:
        """Opening and movements of one book; nothing where there is none."""
        book = self._books.get((holder, currency))
        return book.opening + book.net if book is not None else _NOTHING

    def net(self, holder: str) -> dict[str, Decimal]:
        """What came to a holder and did not leave again, by currency."""
        return {book.currency: book.net for book in self.of(holder)}

    def of(self, holder: str) -> Iterator[Book]:
        """The books of one holder."""
        return (book for book in self._books.values() if book.holder == holder)

    def holders(self) -> list[str]:
        """Everybody with a book, in order."""
        return sorted({holder for holder, _ in self._books})

    def unbalanced(self) -> list[str]:
        """Currencies in which the movements of all books do not cancel out: there must be none."""
        sums: dict[str, Decimal] = {}
        for book in self._books.values():
            sums[book.currency] = sums.get(book.currency, _NOTHING) + book.net
        return sorted(currency for currency, net in sums.items() if net)

    def _book(self, holder: str, currency: str) -> Book:
        return self._books.setdefault((holder, currency), Book(holder, currency))

    def _keep(self, book: Book) -> None:
        self._record.put("book", _key(book), book)


def _key(book: Book) -> str:
    return f"{book.holder} {book.currency}"


def show_book(book: Book, opening: Decimal) -> dict[str, Any]:
    """A book as a day's closing: opening + in - out = closing, all decimal text in major units."""
    return {
        "currency": book.currency,
        "opening": plain(opening),
        "in": {kind: plain(amount) for kind, amount in sorted(book.came_in.items())},
        "out": {kind: plain(amount) for kind, amount in sorted(book.went_out.items())},
        "closing": plain(opening + book.net),
    }
