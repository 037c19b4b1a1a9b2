"""Whose a line is where a payment of ours and its refunds stand on one statement. Pure.

A refund's line may name the refund, its payment, or both. Whichever order is taken first, every order of
such a family comes to the same answer here.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from bot.admin.reconciliation.values import Kind, Part, Source, Theirs, key_of
from bot.money import OPEN, OrderState

__all__ = ["Shares", "names", "share"]


class Shares(msgspec.Struct, frozen=True):
    """`owner`: line number to the order it is of. `excused`: lines of money given back under the payment's
    reference that are no word on its state. `covered`: codes of orders that need no further line.

    `fault`: what the `excess` lines are where they do not come to what we gave back; `theirs` is their sum.
    """

    owner: Mapping[int, Part]
    excused: frozenset[int] = frozenset()
    covered: frozenset[str] = frozenset()
    fault: Kind | None = None
    excess: tuple[int, ...] = ()
    theirs: Decimal = Decimal(0)


def names(part: Part, line: Theirs) -> bool:
    return not {key_of(reference) for reference in part.ids}.isdisjoint(map(key_of, line.ids))


def share(payment: Part, refunds: Sequence[Part], lines: Mapping[int, Theirs]) -> Shares:
    """Give each of `lines`, which all name one of the family, to its order."""
    owner: dict[int, Part] = {}
    loose: list[int] = []
    for number, line in lines.items():
        named = next((refund for refund in refunds if names(refund, line)), None)
        back = line.out or line.state is OrderState.REVERSED
        if named is not None and (back or not names(payment, line)):
            owner[number] = named
        elif _gives_back(line) and payment.state is not OrderState.REVERSED:
            loose.append(number)
        else:
            owner[number] = payment
    given = [refund for refund in refunds if refund.state is OrderState.SUCCESSFUL]
    refunded = _sum(refund.amount for refund in given)
    in_full = refunded == payment.amount
    turned = _turned(payment, loose, owner, lines)
    if turned is not None:
        # The payment's only line, whose status has become "refunded": no second movement of money.
        loose.remove(turned)
        if not in_full:
            owner[turned] = payment
    told = {part.code for number, part in owner.items() if lines[number].source is Source.STATEMENT}
    open_ = [refund for refund in refunds if refund.state in OPEN]
    wanting = [] if turned is not None and in_full else [r for r in (*given, *open_) if r.code not in told]
    for number in tuple(loose):
        exact = next((refund for refund in wanting if refund.amount == lines[number].amount), None)
        if exact is not None:
            owner[number] = exact
            wanting.remove(exact)
            loose.remove(number)
    if not given:
        return Shares(owner | dict.fromkeys(loose, payment))
    wanting = [refund for refund in wanting if refund not in open_]
    excused = {*loose, *([turned] if turned is not None and in_full else [])}
    covered = {refund.code for refund in wanting} if loose else set()
    if turned is not None and in_full:
        covered |= {payment.code, *(refund.code for refund in given)}
    rest = _sum(lines[number].amount or Decimal(0) for number in loose)
    missing = _sum(refund.amount for refund in wanting)
    fault = None
    if loose and rest != missing:
        again = not wanting and all(lines[n].amount in {refund.amount for refund in given} for n in loose)
        fault = Kind.DOUBLE if again else Kind.AMOUNT
    return Shares(
        owner,
        frozenset(excused),
        frozenset(covered),
        fault,
        tuple(loose) if fault else (),
        refunded - missing + rest,
    )


def _gives_back(line: Theirs) -> bool:
    """Whether the line is one of a statement that says money went out, or was given back."""
    if line.source is not Source.STATEMENT or not line.amount:
        return False
    return line.state is OrderState.REVERSED or (line.out and line.state is OrderState.SUCCESSFUL)


def _turned(
    payment: Part, loose: Sequence[int], owner: Mapping[int, Part], lines: Mapping[int, Theirs]
) -> int | None:
    for number, part in owner.items():
        line = lines[number]
        if part is payment and line.source is Source.STATEMENT and line.state is OrderState.SUCCESSFUL:
            return None
    whole = (n for n in loose if not lines[n].out and lines[n].amount == payment.amount)
    return next(whole, None)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
