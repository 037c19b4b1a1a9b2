"""One payment of one's own: where it stands, what to do about it, its receipt, and taking it back in time."""

from typing import Final

from bot.dialog import Choice, Moment, Number, Screen, Talk, Text, Value
from bot.dialog.views import OrderView
from bot.money import Money, OrderKind, OrderState, Reason
from flows.closing import closing, reason_text, refunded, state_text
from flows.effects import FindMerchant, ReceiptOf, SendReceipt, WithdrawPayment
from flows.pay import pay_merchant
from flows.receipt import receipt_text

__all__ = ["one_payment"]

_ENDED: Final = {
    OrderState.FAILED: "payments.failed",
    OrderState.SUCCESSFUL: "payments.successful",
    OrderState.REVERSED: "payments.reversed",
}


async def one_payment(talk: Talk, order: OrderView) -> Screen:
    """Ends with where the payment stands and what its payer does now."""
    if order.can_withdraw:
        return await _unsent(talk, order)
    if order.state is OrderState.SUCCESSFUL:
        return await _paid(talk, order)
    return _standing(order)


async def _paid(talk: Talk, order: OrderView) -> Screen:
    """A payment, or a bill, that is paid: its receipt can be seen, and on a phone be kept as an SMS."""
    values = _values(order) | {"back": Money(order.refunded_minor, order.amount.currency)}
    said = Screen(f"payments.{refunded(order) or 'successful'}", values)
    if order.kind is not OrderKind.COLLECTION:
        said = closing(order)
    offered = [Choice("receipt", Text("payments.receipt"))]
    if order.merchant_code:
        offered.append(Choice("again", Text("payments.again")))
    if await talk.choose("paid", offered, text=said.text, shown=said.values) == "again":
        return await _again(talk, order)
    receipt = await talk.look("receipt", ReceiptOf(order.id))
    if receipt is None:
        return Screen("payments.none")
    text = receipt_text(receipt)
    if talk.facts.channel != "ussd":
        return Screen(text.id, text.values)
    # A question, since it may take more than one page: last words have one.
    await talk.choose("kept", [Choice("sms", Text("receipt.by_sms"))], text=text.id, shown=text.values)
    sent = await talk.act("send", SendReceipt(order.id))
    return Screen("receipt.sent" if sent.ok else "payments.none", {"number": _own(talk), "code": order.code})


async def _again(talk: Talk, order: OrderView) -> Screen:
    """The same amount to the same merchant: straight to the confirmation, as everything else stands there."""
    card = await talk.look("card", FindMerchant(order.merchant_code))
    if card is None:
        return Screen("pay.refused.merchant")
    same = order.amount if card.currency == order.amount.currency else None
    return await pay_merchant(talk.sub("pay"), card, same)


def _own(talk: Talk) -> Number:
    return Number(talk.facts.msisdn, masked=False)


async def _unsent(talk: Talk, order: OrderView) -> Screen:
    offered = [Choice("withdraw", Text("payments.withdraw")), Choice("wait", Text("payments.wait"))]
    if await talk.choose("unsent", offered, shown=_values(order)) == "wait":
        return Screen("payments.waits", _values(order))
    after = await talk.act("withdraw", WithdrawPayment(order.id))
    if after.state is OrderState.FAILED and after.reason is Reason.CANCELLED:
        return Screen("payments.withdrawn", _values(after))
    return _standing(after, too_late=True)


def _standing(order: OrderView, *, too_late: bool = False) -> Screen:
    values = _values(order)
    if order.state in _ENDED:
        return Screen(_ENDED[order.state], values)
    if order.state is OrderState.UNRESOLVED:
        return Screen("result.checking", values)
    if order.state is not OrderState.PENDING or order.until_ms is None:
        return Screen("payments.too_late" if too_late else "payments.open", values)
    values["until"] = Moment(order.until_ms, hour=True)
    if not order.hint:
        return Screen("payments.waiting", values)
    values["hint"] = order.hint
    return Screen("payments.waiting_hint", values, shorter="payments.waiting")


def _values(order: OrderView) -> dict[str, Value]:
    return {
        "code": order.code,
        "amount": order.amount,
        "merchant": order.merchant,
        "payer": Number(order.payer),
        "state": state_text(order.state),
        "reason": reason_text(order.reason),
    }
