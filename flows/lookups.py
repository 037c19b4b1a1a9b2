"""The conversations that only look: an account holder, own payments, a merchant's balance."""

from collections.abc import Sequence

from bot.dialog import Choice, Moment, Number, Party, Screen, Talk, Text, Value
from bot.dialog.views import Balances, OrderView, Role
from bot.money import Money, OrderKind, OrderState
from flows.closing import closing, lines_of, refunded, state_text
from flows.effects import AskStatus, Balance, BalanceWithPin, CheckNumber, MyPayments, MyRoles
from flows.lists import choose_among
from flows.one_payment import one_payment
from flows.pay import follow
from flows.staff import PIN, TRIES, choose_role

__all__ = ["balance", "balance_of", "check_number", "my_payments", "own_order"]


async def check_number(talk: Talk) -> Screen:
    """Says whether a number (or an e-mail address, or a party code) is a mobile-money account, with its
    shortened name where that may be shown."""
    party = await talk.ask("number", Party(talk.facts.region))
    holder = await talk.look("holder", CheckNumber(party))
    shown: dict[str, Value] = {"number": Number(party, masked=False) if party.startswith("+") else party}
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
    picked = await choose_among(talk, "which", [Choice(order.id, _line(order)) for order in orders])
    order = await talk.look("status", AskStatus(picked))
    return await own_order(talk, order) if order is not None else Screen("payments.none")


async def own_order(talk: Talk, order: OrderView) -> Screen:
    """Where one of the actor's orders stands; its code is asked for where it waits for one."""
    if order.state is OrderState.NEEDS_OTP:
        return await follow(talk, order)
    is_paid_bill = order.kind is OrderKind.BILL and order.state is OrderState.SUCCESSFUL
    if order.kind is not OrderKind.COLLECTION and not is_paid_bill:
        return closing(order)
    return await one_payment(talk, order)


def _line(order: OrderView) -> Text:
    # A bill whose money has come waits for nobody's approval any more.
    state = OrderState.NEW if order.collected and order.state is OrderState.PENDING else order.state
    shown: dict[str, Value] = {
        "amount": order.amount,
        "state": state_text(state, order.kind, refunded=refunded(order)),
        "when": Moment(order.at_ms, seen_ms=order.seen_ms),
    }
    if order.kind is OrderKind.COLLECTION:
        return Text("payments.line", {**shown, "merchant": order.merchant})
    return Text("payments.other_line", {**shown, "kind": Text(f"kind.{order.kind.value}")})


async def balance(talk: Talk) -> Screen:
    """The balance by itself, as it was offered before there was a business menu."""
    roles = await talk.look("roles", MyRoles())
    if not roles:
        return Screen("balance.not_staff")
    return await balance_of(talk, await choose_role(talk, roles))


async def balance_of(talk: Talk, role: Role) -> Screen:
    """A merchant's balance, for its staff only; over USSD for the staff PIN."""
    found = await _balances(talk, role)
    if found.refused:
        return Screen(f"balance.{found.refused}", {"merchant": role.merchant})
    values: dict[str, Value] = {"merchant": role.merchant, "lines": _amounts(found.amounts)}
    if found.shared:
        return Screen("balance.own_orders", values)
    if found.payouts:
        return Screen("balance.with_payouts", {**values, "payouts": _amounts(found.payouts)})
    return Screen("balance.shown", values)


def _amounts(amounts: Sequence[Money]) -> Value:
    return lines_of([Text("balance.line", {"amount": amount}) for amount in amounts]) if amounts else ""


async def _balances(talk: Talk, role: Role) -> Balances:
    if role.locked:
        return Balances(refused="locked")
    if not role.pin:
        return await talk.look("balance", Balance(role.staff_id))
    text, tries = "balance.pin", TRIES
    while True:
        found = await talk.secret(
            "pin", PIN, BalanceWithPin(role.staff_id), text=text, tries=tries, merchant=role.merchant
        )
        if found.refused != "wrong_pin":
            return found
        text, tries = "balance.wrong_pin", found.tries_left
