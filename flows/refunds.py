"""Give a payment back to its payer, all of it or a part."""

from collections.abc import Callable

from bot.dialog import Choice, Code, Number, Screen, Talk, Text, Value
from bot.dialog.views import FoundPayment, Role
from bot.money import Right
from flows.business_effects import FindPayment, Refund
from flows.closing import closing
from flows.staff import amount_of, wrong_pin

__all__ = ["finder", "give_back", "refund"]


async def refund(talk: Talk, role: Role) -> Screen:
    """A refund of the payment with a code. Whoever knows the code is shown the amount and a masked number;
    the PIN comes before the money goes."""
    code = await talk.ask("code", Code(), found=finder(role), missing="look_up.no_such")
    found = await talk.look("payment", FindPayment(role.staff_id, code))
    if found is None:
        return Screen("look_up.unknown", {"merchant": role.merchant, "code": code})
    return await give_back(talk, role, found)


def finder(role: Role) -> Callable[[str], FindPayment]:
    """The look for a payment of the role's merchant by its code."""
    return lambda code: FindPayment(role.staff_id, code)


async def give_back(talk: Talk, role: Role, found: FoundPayment) -> Screen:
    """How much of a payment found, whether really, and the request."""
    order, left = found.order, found.refundable
    shown: dict[str, Value] = {"amount": order.amount, "payer": Number(order.payer), "code": order.code}
    if left is None or left.amount_minor <= 0:
        return Screen("refund.nothing", shown)
    how = [Choice("all", Text("refund.all", {"amount": left})), Choice("part", Text("refund.part"))]
    amount = left
    if await talk.choose("how", how, shown=shown) == "part":
        upto = amount_of(role, Right.REFUND, left.amount_minor)
        amount = await talk.ask("amount", upto, left=left, currency=left.currency)
    shown |= {"amount": amount, "merchant": role.merchant}
    if not await talk.confirm("confirm", shown=shown):
        return Screen("business.cancelled")
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    return closing(await talk.act("request", Refund(role.staff_id, order.id, amount)))
