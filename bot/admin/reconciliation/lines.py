"""What a line is by itself and as meant of an order: money or not, which way it went, a fee. Pure."""

from collections.abc import Sequence

import msgspec

from bot.admin.reconciliation.refunds import names
from bot.admin.reconciliation.values import Ours, Part, Theirs
from bot.money import OrderState

__all__ = ["backs", "fees", "is_money", "seen_from"]

_MOVED = (OrderState.SUCCESSFUL, OrderState.REVERSED)


def is_money(line: Theirs) -> bool:
    """Whether the line says that money moved, to the merchant or from it."""
    if line.amount is None:
        return line.state is OrderState.SUCCESSFUL
    return line.state in _MOVED and line.amount > 0


def fees(lines: Sequence[tuple[int, Theirs]]) -> set[int]:
    """Numbers of the lines that are the fee of another one: small beside it, and called so."""
    # "Charge" is what some providers call a payment: the word alone is not enough.
    whole = [line.amount for _, line in lines if not line.fee and line.amount]
    if not whole:
        return set()
    return {number for number, line in lines if line.fee and 2 * (line.amount or 0) < min(whole)}


def seen_from(ours: Ours, line: Theirs, beside: Sequence[Theirs]) -> Theirs:
    """A line as it is meant of this order: a success that went the other way is a giving back."""
    state = line.state
    if not ours.goes_out:
        if line.out and state is OrderState.SUCCESSFUL:
            state = OrderState.REVERSED
    elif state is OrderState.SUCCESSFUL and not line.out:
        # A statement without signs has payouts like all else; on one with them this one came back.
        if any(other.out and other.source is line.source for other in beside):
            state = OrderState.REVERSED
    elif state is OrderState.REVERSED and ours.payment is not None and _of_payment(ours.payment, line):
        state = OrderState.SUCCESSFUL  # the payment was reversed: that is what the refund is for
    return line if state is line.state else msgspec.structs.replace(line, state=state)


def _of_payment(payment: Part, line: Theirs) -> bool:
    return names(payment, line) or line.word.casefold().startswith("refund")


def backs(ours: Ours, words: Sequence[Theirs]) -> list[Theirs]:
    """Lines that give a reversed order back; not the only one where it may be the order's own, renamed."""
    if ours.state is not OrderState.REVERSED:
        return []
    back = [word for word in words if word.state is OrderState.REVERSED]
    against = [word for word in back if word.out != ours.goes_out]
    paid = any(word.state is OrderState.SUCCESSFUL for word in words)
    return against or (back if paid else [])
