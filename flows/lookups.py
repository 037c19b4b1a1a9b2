"""The conversations that only look: an account holder, own payments, a merchant's balance."""

from bot.dialog import Choice, Digits, Number, Screen, Talk, Text, Value, Wallet
from bot.money import OrderState, show_amount
from flows.effects import (
    AskStatus,
    Balance,
    Balances,
    BalanceWithPin,
    CheckNumber,
    MyPayments,
    MyRoles,
    OrderView,
    Role,
)
from flows.pay import follow, reason_text, state_text

__all__ = ["balance", "check_number", "my_payments"]

PIN = Digits(4, 6, "pin.not_valid")


async def check_number(talk: Talk) -> Screen:
    """Says whether a number is a mobile-money account, with its shortened name where that may be shown."""
    number = await talk.ask("number", Wallet(talk.facts.region))
    holder = await talk.look("holder", CheckNumber(number))
    shown = {"number": Number(number, masked=False)}
    if holder.limited:
        return Screen("check.too_often", shown)
    if not holder.checked:
        return Screen("check.not_now", shown)
    if not holder.known:
        return Screen("check.unknown", shown)
    if not holder.active:
        return Screen("check.inactive", shown)
    if holder.name:
        return Screen("check.named", {**shown, "name": holder.name})
    return Screen("check.active", shown)


async def my_payments(talk: Talk) -> Screen:
    """Lists the person's latest payments and tells one's state, asked live."""
    orders = await talk.look("list", MyPayments())
    if not orders:
        return Screen("payments.none")
    choices = [Choice(order.id, Text("payments.line", _line(order))) for order in orders]
    picked = await talk.choose("which", choices)
    order = await talk.look("status", AskStatus(picked))
    if order is None:
        return Screen("payments.none")
    if order.state is OrderState.NEEDS_OTP:
        return await follow(talk, order)
    values: dict[str, Value] = {
        "code": order.code,
        "amount": order.amount,
        "merchant": order.merchant,
        "payer": Number(order.payer),
        "state": state_text(order.state),
        "reason": reason_text(order.reason),
    }
    known = {
        OrderState.FAILED: "failed",
        OrderState.SUCCESSFUL: "successful",
        OrderState.REVERSED: "reversed",
    }
    return Screen(f"payments.{known.get(order.state, 'open')}", values)


def _line(order: OrderView) -> dict[str, Value]:
    return {"amount": order.amount, "merchant": order.merchant, "state": state_text(order.state)}


async def balance(talk: Talk) -> Screen:
    """A merchant's balance, for its staff only; over USSD for the staff PIN."""
    roles = await talk.look("roles", MyRoles())
    if not roles:
        return Screen("balance.not_staff")
    role = roles[0]
    if len(roles) > 1:
        picked = await talk.choose(
            "which", [Choice(r.staff_id, Text("balance.merchant", {"name": r.merchant})) for r in roles]
        )
        role = next(r for r in roles if r.staff_id == picked)
    return _shown(role, await _balances(talk, role))


async def _balances(talk: Talk, role: Role) -> Balances:
    if role.locked:
        return Balances(refused="locked")
    if not role.pin:
        return await talk.look("balance", Balance(role.staff_id))
    text = "balance.pin"
    tries = 3
    while True:
        found = await talk.secret(
            "pin", PIN, BalanceWithPin(role.staff_id), text=text, tries=tries, merchant=role.merchant
        )
        if found.refused != "wrong_pin":
            return found
        text, tries = "balance.wrong_pin", found.tries_left


def _shown(role: Role, found: Balances) -> Screen:
    if found.refused:
        return Screen(f"balance.{found.refused}", {"merchant": role.merchant})
    lines = "\n".join(show_amount(amount) for amount in found.amounts)
    return Screen(
        "balance.own_orders" if found.shared else "balance.shown", {"merchant": role.merchant, "lines": lines}
    )
