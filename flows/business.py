"""The menu of a merchant's staff: the role they act in, and what it may do."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

from bot.dialog import Choice, Screen, Talk, Text
from bot.dialog.views import Role
from bot.money import Right
from flows.auto_debit import charge
from flows.closing import refusal
from flows.colleagues import approve, unlock
from flows.counter import withdraw
from flows.details import details
from flows.effects import MyRoles
from flows.invoices import invoice
from flows.look_up import look_up, one_found
from flows.lookups import balance_of
from flows.own_pin import change_pin
from flows.payment_messages import payment_messages
from flows.payouts import deposit, pay_out
from flows.refunds import refund
from flows.sent_money import sent_money
from flows.staff import choose_role

__all__ = ["business", "payment_by_code"]

Part: TypeAlias = Callable[[Talk, Role], Coroutine[Any, Any, Screen]]

# In the order of the menu, whose numbers are the same for everybody: a new part comes last. A note is offered
# with the payment it is about.
_PARTS: Final[dict[str, Part]] = {
    Right.LOOK_UP.value: look_up,
    Right.BALANCE.value: balance_of,
    Right.REFUND.value: refund,
    Right.PAY_OUT.value: pay_out,
    Right.WITHDRAW.value: withdraw,
    Right.INVOICE.value: invoice,
    Right.CHARGE.value: charge,
    Right.DETAILS.value: details,
    Right.APPROVE.value: approve,
    Right.UNLOCK.value: unlock,
    Right.DEPOSIT.value: deposit,
    Right.PIN.value: change_pin,
    Right.MESSAGES.value: payment_messages,
    Right.PAYOUTS.value: sent_money,
}


async def payment_by_code(talk: Talk, staff_id: str, code: str) -> Screen:
    """A payment of the merchant whose reference was typed on the first screen."""
    roles = await talk.look("roles", MyRoles())
    role = next((role for role in roles if role.staff_id == staff_id), None)
    if role is None:
        return Screen("balance.not_staff")
    if role.locked:
        return refusal("locked", role.merchant)
    return await one_found(talk.sub(Right.LOOK_UP.value), role, code)


async def business(talk: Talk) -> Screen:
    """What staff may do for their merchant; over USSD the staff PIN comes before all that matters."""
    roles = await talk.look("roles", MyRoles())
    if not roles:
        return Screen("balance.not_staff")
    role = await choose_role(talk, roles)
    if role.locked:
        return refusal("locked", role.merchant)
    # In a chat no staff PIN is asked for, so that there is none to change.
    offered = [part for part in role.offers if part in _PARTS and (role.pin or part != Right.PIN)]
    if not offered:
        return Screen("business.nothing", {"merchant": role.merchant})
    choices = [
        Choice(part, Text(f"right.{part}"), number)
        for number, part in enumerate(_PARTS, 1)
        if part in offered
    ]
    picked = await talk.choose("menu", choices, merchant=role.merchant)
    return await _PARTS[picked](talk.sub(picked), role)
