"""Give a payment back to its payer, all of it or a part."""

from collections.abc import Callable

from bot.dialog import Choice, Code, Number, Screen, Talk, Text, Value
from bot.dialog.views import FoundPayment, Role
from bot.money import Right
from flows.business_effects import FindPayment, Refund
from flows.closing import closing
from flows.staff import amount_of, signed

__all__ = ["finder", "give_back", "refund"]


async def refund(talk: Talk, role: Role) -> Screen:
    """A refund of the payment with a code. Whoever knows the code is shown the amount and a masked number;
    the PIN stands on that screen, before the money goes."""
    code = await talk.ask("code", Code(), found=finder(role), missing="look_up.no_such")
    found = await talk.look("payment", FindPayment(role.staff_id, code))
    if found is None:
        return Screen("look_up.unknown", {"merchant": role.merchant, "code": code})
    return await give_back(talk, role, found)


def finder(role: Role) -> Callable[[str], FindPayment]:
    """The look for a payment of the role's merchant by its code."""
    return lambda code: FindPayment(role.staff_id, code)


async def give_back(talk: Talk, role: Role, found: FoundPayment) -> Screen:
    """All that is left of a payment found, or a part of it, agreed to by the staff PIN."""
    order, left = found.order, found.refundable
    shown: dict[str, Value] = {"amount": order.amount, "payer": Number(order.payer), "code": order.code}
    if left is None or left.amount_minor <= 0:
        return Screen("refund.nothing", shown)
    shown["merchant"] = role.merchant
    amount = left
    part = [Choice("part", Text("refund.part"))]
    agreed = await signed(talk, role, "refund.confirm", part, shown=shown | {"amount": amount})
    if agreed == "part":
        upto = amount_of(role, Right.REFUND, left.amount_minor)
        amount = await talk.ask("amount", upto, left=left, currency=left.currency)
        agreed = await signed(
            talk, role, "refund.confirm", key="agreed_part", shown=shown | {"amount": amount}
        )
    if isinstance(agreed, Screen):
        return agreed
    return closing(await talk.act("request", Refund(role.staff_id, order.id, amount)))
