"""The day's books of the whole world, checked against what else is kept: handsets and entries.

Decimal text in major units. `problems` names everything that does not add up; it must be empty.
"""

from decimal import Decimal
from typing import Any

from bot.sandbox.books import OUTSIDE, Book, handset_holder, show_book
from bot.sandbox.world import World

_NOTHING = Decimal(0)


def show_books(world: World) -> dict[str, Any]:
    """Accounts, handsets and everybody else, each with opening, in and out by kind, and closing."""
    problems = [f"the movements in {currency} do not cancel out" for currency in world.books.unbalanced()]
    problems += _check_handsets(world)
    problems += _check_entries(world)
    accounts: list[dict[str, Any]] = []
    handsets: list[dict[str, Any]] = []
    openings = world.openings()
    for holder in sorted({*world.books.holders(), *openings}):
        began = openings.get(holder, {})
        books = {book.currency: book for book in world.books.of(holder)}
        if holder == OUTSIDE:
            continue
        if holder.startswith("handset:"):
            msisdn = holder.removeprefix("handset:")
            handsets += [{"msisdn": msisdn} | show_book(book, book.opening) for book in books.values()]
            continue
        for currency in sorted({*began, *books}):
            book = books.get(currency) or Book(holder, currency)
            accounts.append({"account": holder} | show_book(book, began.get(currency, _NOTHING)))
    outside = [show_book(book, _NOTHING) for book in world.books.of(OUTSIDE)]
    return {
        "accounts": accounts,
        "handsets": handsets,
        "outside": outside,
        "adds_up": not problems,
        "problems": problems,
    }


def _check_handsets(world: World) -> list[str]:
    """What a handset has is what its book closes with."""
    return [
        f"the handset {handset.msisdn} has another balance in {currency} than its book"
        for handset in world.handsets.values()
        for currency, amount in handset.balances.items()
        if world.books.balance(handset_holder(handset.msisdn), currency) != amount
    ]


def _check_entries(world: World) -> list[str]:
    """What came to a provider's merchants and left again is what the judge's record says of its entries."""
    expected: dict[tuple[str, str], Decimal] = {}
    for entry in world.entries.values():
        times = entry.times_charged - entry.times_paid_out
        if entry.returned and times:
            times -= 1 if times > 0 else -1
        if times:
            key = (entry.provider, entry.currency)
            expected[key] = expected.get(key, _NOTHING) + entry.amount * times
    kept: dict[tuple[str, str], Decimal] = {}
    for holder in world.books.holders():
        provider = holder.partition(":")[0]
        if provider not in (OUTSIDE, "handset"):
            for book in world.books.of(holder):
                key = (provider, book.currency)
                kept[key] = kept.get(key, _NOTHING) + book.net
    return [
        f"the accounts at {provider} have other movements in {currency} than the record"
        for provider, currency in sorted({*expected, *kept})
        if expected.get((provider, currency), _NOTHING) != kept.get((provider, currency), _NOTHING)
    ]
