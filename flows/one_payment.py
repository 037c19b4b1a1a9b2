"""One payment of one's own: where it stands, what to do about it, and taking it back before it left."""

from typing import Final

from bot.dialog import Choice, Moment, Number, Screen, Talk, Text, Value
from bot.dialog.views import OrderView
from bot.money import OrderState, Reason
from flows.closing import reason_text, state_text
from flows.effects import WithdrawPayment

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
    return _standing(order)


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
