"""Last words about an order, whatever it asked for, and the pieces several conversations say alike."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.dialog import Name, Number, Screen, Text, Value
from bot.dialog.views import OrderView
from bot.money import (
    BY_WALLET_OWNER,
    COMES_IN,
    PAYMENTS,
    PAYOUTS,
    Money,
    OrderKind,
    OrderState,
    Reason,
    proves_nothing_moved,
)

__all__ = [
    "RESULT_WORDS",
    "closing",
    "days_text",
    "lines_of",
    "order_values",
    "reason_text",
    "refunded",
    "refusal",
    "state_text",
]

# Why something was not begun. A word that is not here is told as "not possible now".
_REFUSALS: Final = (
    "already", "auto_debit", "declined", "gone", "limit", "limit_merchant", "limit_number", "limit_total",
    "locked", "merchant", "not_allowed", "not_available", "not_yet", "nothing_left", "number", "off",
    "over_agreement", "own", "too_early", "too_late", "too_many", "under_way",
)  # fmt: skip
# The part of a sentence's id that names a result.
RESULT_WORDS: Final[Mapping[OrderState, str]] = {
    OrderState.SUCCESSFUL: "successful",
    OrderState.FAILED: "failed",
    OrderState.REVERSED: "reversed",
    OrderState.UNRESOLVED: "checking",
}
# "Paid" says it of money that comes in; of the rest it is done, or not.
_OTHERWISE: Final = {
    OrderState.SUCCESSFUL: "state.done",
    OrderState.FAILED: "state.not_done",
    OrderState.REVERSED: "state.undone",
}


def closing(order: OrderView, *, typed: bool = False) -> Screen:
    """Where an order that is no plain payment stands. `typed`: the actor typed its number just now."""
    if order.refused:
        return refusal(order.refused, order.merchant, order.most)
    values = order_values(order, typed=typed)
    if order.waits:
        return Screen("sent.waits", values, order.id or None)
    said = RESULT_WORDS.get(order.state, "checking" if order.unsure else "")
    if order.collected and said in ("", "failed"):
        return _closing_bill(order, values)
    if not said and order.unasked:
        return Screen("bill.sent_unasked", values, order.id)
    if not said:
        return Screen(f"sent.{order.kind.value}", values, order.id)
    return Screen(f"result.{order.kind.value}.{said}", values, order.id, final=said != "checking")


def _closing_bill(order: OrderView, values: dict[str, Value]) -> Screen:
    """A bill whose money has come, and that is not paid, or not yet."""
    if order.state is not OrderState.FAILED:
        return Screen("result.bill.collected", values, order.id)
    text = "result.bill.failed_refund" if order.given_back else "result.bill.failed_kept"
    return Screen(text, values, order.id, final=True)


def order_values(order: OrderView, *, typed: bool = False) -> dict[str, Value]:
    """What a screen about an order may show."""
    return {
        "code": order.code,
        "amount": order.amount,
        "merchant": order.merchant,
        "payer": Number(order.payer, masked=not typed),
        "payee": _payee(order, typed=typed),
        "kind": Text(f"kind.{order.kind.value}"),
        "reason": reason_text(order.reason, order.kind),
        "bill": order.bill,
    }


def _payee(order: OrderView, *, typed: bool) -> Value:
    number = order.payee or order.payer
    return Number(number, masked=not typed) if number.startswith("+") else Text("party.bank_account")


def refusal(why: str, merchant: Name, most: Money | None = None) -> Screen:
    """Why nothing was begun, and how much would be possible."""
    left = Text("left.unknown")
    if most is not None:
        left = Text("left.some", {"most": most}) if most.amount_minor > 0 else Text("left.none")
    known = why if why in _REFUSALS else "not_available"
    return Screen(f"refused.{known}", {"merchant": merchant, "left": left})


def reason_text(
    reason: Reason | None, kind: OrderKind = OrderKind.COLLECTION, *, by_owner: bool | None = None
) -> Text:
    """Whether an order that failed moved money, why it failed and what to do, to who began it. `by_owner`:
    the reader owns the wallet that was to pay; unless told, as the kind has it."""
    by_owner = kind in BY_WALLET_OWNER if by_owner is None else by_owner
    why = Text(f"reason.{_why(reason or Reason.OTHER, kind, by_owner=by_owner)}")
    proved = proves_nothing_moved(reason)
    if kind in PAYOUTS:
        # Cash that was taken for it is given back only where none of it went on its way.
        kept = "failed.cash_back" if kind is OrderKind.DEPOSIT else "failed.not_sent"
        return Text(kept if proved else "failed.perhaps", {"why": why})
    # The money of a bill comes in before it goes out.
    if kind in COMES_IN or kind is OrderKind.BILL:
        return Text("failed.not_taken" if proved else "failed.perhaps", {"why": why})
    # Where no money moves, these say what to do themselves.
    return why if proved or why.id == "reason.paid_already" else Text("failed.again", {"why": why})


def _why(reason: Reason, kind: OrderKind, *, by_owner: bool) -> str:
    if reason is Reason.PAYER_BLOCKED and not by_owner:
        return "wallet_blocked"
    if reason is Reason.NOT_COMPLETED and kind is OrderKind.INVOICE_CANCEL:
        return "paid_already"
    return reason.value


def state_text(state: OrderState, kind: OrderKind = OrderKind.COLLECTION, *, refunded: str = "") -> Text:
    """A state in one or two words. `refunded`: as `refunded` has it."""
    if state is OrderState.SUCCESSFUL and refunded:
        return Text(f"state.{refunded}")
    is_paid = kind in PAYMENTS or kind is OrderKind.BILL
    if not is_paid and state in _OTHERWISE:
        return Text(_OTHERWISE[state])
    return Text(f"state.{state.value.lower()}")


def refunded(order: OrderView) -> str:
    """Whether a payment was given back: refunded, partly_refunded, or empty."""
    if order.state is not OrderState.SUCCESSFUL or order.refunded_minor <= 0:
        return ""
    return "refunded" if order.refunded_minor >= order.amount.amount_minor else "partly_refunded"


def days_text(days: int) -> Text:
    return Text("days.one") if days == 1 else Text("days.many", {"days": days})


def lines_of(texts: Sequence[Text]) -> Text:
    """The texts below each other, as one; halved, since texts inside texts go only so deep."""
    if len(texts) == 1:
        return texts[0]
    middle = len(texts) // 2
    return Text("lines.two", {"first": lines_of(texts[:middle]), "second": lines_of(texts[middle:])})
