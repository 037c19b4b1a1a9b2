"""The list of operations: each with who may do it, who may not, and what comes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.money import OrderState, Reason
from bot.operations.actor import Actor, Operator, RequestKey
from bot.operations.languages import choose_language
from bot.store.base import KeepAnnouncing
from bot.store.records import AnnouncingRow
from tests.conversations.stage import ACCOUNTANT, CASHIER, EFUA, KWAME, STAFF, STAFF_PIN
from tests.operations.scene import CHAT, GHS_20, OPERATOR, Scene

__all__ = ["CASES", "Case"]

# Who is an `Operator` in the last cases, and an `Actor` else.
Call = Callable[[Scene, Any, RequestKey, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Case:
    """`barred` is somebody who may not, "" where everybody may. `before` puts there what it is about.

    `gives` holds of the view of who may, `gives_nothing` of who may not. `keyed`: the same request
    twice is done once.
    """

    operation: str
    call: Call
    who: str = EFUA
    barred: str = ""
    before: Callable[[Scene], Awaitable[Any]] | None = None
    gives: Callable[[Any], Any] = lambda view: not view.refused
    gives_nothing: Callable[[Any], Any] = lambda view: view.refused
    keyed: bool = False


def _is_empty(view: Any) -> bool:
    return not view


# ---- merchants and account holders ----------------------------------------------------------------


async def find(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.merchants.find("1001")


async def recent(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.merchants.recent(actor)


async def of_merchant(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.holders.of_merchant(actor, await s.merchant_id(), KWAME)


async def of_number(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.holders.of_number(actor, KWAME)


# ---- payments -------------------------------------------------------------------------------------


async def request(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payments.request(
        actor, key, merchant_id=await s.merchant_id(), amount=GHS_20, payer=EFUA, unasked=True
    )


async def submit_otp(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.payments.submit_otp(actor, s.stage.otp(EFUA), order_id)


async def without_otp(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.payments.without_otp(actor, order_id)


async def withdraw_own(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.payments.withdraw(actor, order_id)


async def own_order(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.payments.own(actor, order_id)


async def ask_status(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.payments.ask_status(actor, order_id)


async def latest_own(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payments.latest(actor)


async def receipt(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.receipts.own(actor, order_id)


async def send_receipt(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.receipts.send(actor, order_id)


async def find_duplicate(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payments.find_duplicate(actor, await s.merchant_id(), GHS_20)


async def own_by_code(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    order = await s.store.order(order_id)
    assert order is not None
    return await s.do.payments.own_by_code(actor, order.code)


async def network_used(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payments.network_used(actor, await s.merchant_id("1002"), EFUA)


async def amounts_paid(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payments.amounts_paid(actor, await s.merchant_id())


# ---- a code typed on the first screen -------------------------------------------------------------


async def recognise(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.recognition.recognise(actor, await s.code_of(order_id))


async def recognise_merchant(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.recognition.recognise(actor, "1001")


# ---- agreements and bills -------------------------------------------------------------------------


async def own_agreements(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.agreements.own(actor, "preapproval")


async def debit(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.agreements.debit(actor, amount=GHS_20, payer=EFUA, merchant_id=await s.merchant_id())


async def set_up(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.agreements.set_up(
        actor, key, merchant_id=await s.merchant_id(), most=GHS_20, every="week", days=30
    )


async def stop(s: Scene, actor: Actor, key: RequestKey, agreement_id: str) -> Any:
    return await s.do.agreements.stop(actor, key, agreement_id=agreement_id)


async def bills(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.agreements.bills()


async def pay_bill(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.agreements.pay_bill(
        actor, key, merchant_id=await s.merchant_id(), bill="ECG", customer_reference="42", amount=GHS_20,
        payer=EFUA, unasked=True,
    )  # fmt: skip


# ---- links and languages --------------------------------------------------------------------------


async def make_code(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.links.make_code(actor)


async def link(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.links.link(actor, f"shared:{KWAME}")


async def a_link_code(s: Scene) -> str:
    return str((await s.carry_out(s.do.links.make_code(await s.actor(EFUA)))).code)


async def link_with(s: Scene, actor: Actor, key: RequestKey, code: str) -> Any:
    # Whoever has no chat knows no code either.
    return await s.do.links.link_with(actor, code if actor.address.value == CHAT else "00000000", EFUA)


async def chats(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.links.chats(actor)


async def unlink(s: Scene, actor: Actor, key: RequestKey, chat_id: str) -> Any:
    return await s.do.links.unlink(actor, chat_id)


async def language(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await choose_language(actor, "fr")


# ---- roles ----------------------------------------------------------------------------------------


async def all_of(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.roles.all_of(actor)


async def check_pin(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.roles.check_pin(actor, STAFF_PIN, await s.role())


async def choose_pin(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.roles.choose_pin(actor, "8642", await s.role())


async def a_chosen_pin(s: Scene) -> str:
    chosen = await s.carry_out(choose_pin(s, await s.actor(STAFF), s.key(), None))
    return str(chosen.hash)


async def change_pin(s: Scene, actor: Actor, key: RequestKey, first: str) -> Any:
    return await s.do.roles.change_pin(actor, "8642", await s.role(), first)


async def a_locked_cashier(s: Scene) -> str:
    return await s.locked(CASHIER)


async def locked(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.roles.locked(actor, actor.staff[0].id)


async def unlock(s: Scene, actor: Actor, key: RequestKey, locked_id: str) -> Any:
    return await s.do.roles.unlock(actor, staff_id=actor.staff[0].id, locked_id=locked_id)


async def a_role_of_a_chat(s: Scene) -> str:
    return await s.chat_role()


async def messages_on(s: Scene) -> Any:
    await s.store.commit([KeepAnnouncing(AnnouncingRow(await s.role(), s.stage.clock()))])


async def messages_shown(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payment_messages.shown(actor, await s.role())


async def messages_chosen(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.payment_messages.choose(
        actor, staff_id=await s.role(CASHIER), on=True, quiet_from=22, quiet_until=6
    )


async def balance(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff.balance(actor, actor.staff[0].id)


async def balance_with_pin(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff.balance_with_pin(actor, STAFF_PIN, await s.role())


async def claim(s: Scene, actor: Actor, key: RequestKey, about: tuple[str, str]) -> Any:
    return await s.do.staff.claim(actor, about[1])


async def an_invited_one(s: Scene) -> tuple[str, str]:
    return (await s.invited())[0], await a_chosen_pin(s)


async def enrol(s: Scene, actor: Actor, key: RequestKey, about: tuple[str, str]) -> Any:
    # Whoever does not know the PIN typed first takes nothing up.
    return await s.do.staff.enrol(actor, "8642" if actor.address.value == KWAME else "1111", *about)


# ---- what staff do for their merchant -------------------------------------------------------------


async def role_of(s: Scene, actor: Actor) -> str:
    """The actor's own role, the owner's where they have none."""
    return actor.staff[0].id if actor.staff else await s.role()


async def find_payment(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    order = await s.store.order(order_id)
    assert order is not None
    return await s.do.staff_requests.find(actor, staff_id=await role_of(s, actor), code=order.code)


async def latest(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff_requests.latest(actor, await role_of(s, actor))


async def standing(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff_requests.standing(actor, staff_id=await role_of(s, actor), kind="invoice")


async def banks(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff_requests.banks(actor, await role_of(s, actor))


async def note(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.staff_requests.note(
        actor, staff_id=await role_of(s, actor), order_id=order_id, text="Your cake is ready"
    )


async def refund(s: Scene, actor: Actor, key: RequestKey, order_id: str) -> Any:
    return await s.do.staff_requests.refund(
        actor, key, staff_id=await role_of(s, actor), order_id=order_id, amount=GHS_20
    )


async def pay_out(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff_requests.pay_out(
        actor, key, staff_id=await role_of(s, actor), amount=GHS_20, payee=KWAME
    )


async def withdraw(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff_requests.withdraw(
        actor, key, staff_id=await role_of(s, actor), amount=GHS_20, payer=KWAME
    )


async def charge(s: Scene, actor: Actor, key: RequestKey, agreement_id: str) -> Any:
    return await s.do.staff_requests.charge(
        actor, key, staff_id=await role_of(s, actor), agreement_id=agreement_id, amount=GHS_20
    )


async def invoice(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.staff_requests.invoice(
        actor, key, staff_id=await role_of(s, actor), payer=KWAME, amount=GHS_20, description="cake", days=3
    )


async def cancel_invoice(s: Scene, actor: Actor, key: RequestKey, agreement_id: str) -> Any:
    return await s.do.staff_requests.cancel_invoice(
        actor, key, staff_id=await role_of(s, actor), agreement_id=agreement_id
    )


async def waiting(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.approvals.waiting(actor, await role_of(s, actor))


async def opened(s: Scene, actor: Actor, key: RequestKey, approval_id: str) -> Any:
    return await s.do.approvals.opened(actor, approval_id)


async def payouts(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.approvals.payouts(actor, await role_of(s, actor))


async def approve(s: Scene, actor: Actor, key: RequestKey, approval_id: str) -> Any:
    return await s.do.approvals.decide(
        actor, staff_id=await role_of(s, actor), approval_id=approval_id, approve=True
    )


async def ask_details(s: Scene, actor: Actor, key: RequestKey, about: Any) -> Any:
    return await s.do.details.ask(actor, staff_id=await role_of(s, actor), msisdn=KWAME)


async def see_details(s: Scene, actor: Actor, key: RequestKey, asked_id: str) -> Any:
    return await s.do.details.see(actor, staff_id=await role_of(s, actor), asked_id=asked_id)


# ---- what only an operator does -------------------------------------------------------------------


async def chats_of(s: Scene, operator: Operator, key: RequestKey, about: Any) -> Any:
    return await s.do.links.chats_of(operator, (await s.actor(EFUA)).person.id)


async def unlink_chats(s: Scene, operator: Operator, key: RequestKey, chat_id: str) -> Any:
    return await s.do.links.unlink_chats(operator, (await s.actor(EFUA)).person.id, {chat_id})


async def unlock_anybody(s: Scene, operator: Operator, key: RequestKey, locked_id: str) -> Any:
    return await s.do.roles.unlock(operator, locked_id=locked_id)


async def remove(s: Scene, operator: Operator, key: RequestKey, about: Any) -> Any:
    return await s.do.roles.remove(operator, await s.role(CASHIER))


async def invite(s: Scene, operator: Operator, key: RequestKey, about: Any) -> Any:
    return await s.do.staff.invite(operator, merchant_id=await s.merchant_id(), role="cashier", name="Esi")


async def switch_status(s: Scene, operator: Operator, key: RequestKey, about: Any) -> Any:
    return await s.do.payout_switch.status(operator)


async def switch_off(s: Scene, operator: Operator, key: RequestKey, about: Any) -> Any:
    return await s.do.payout_switch.switch(operator, off=True, reason="an audit")


async def settle(s: Scene, operator: Operator, key: RequestKey, order_id: str) -> Any:
    return await s.do.settling.settle(
        operator, order_id=order_id, state=OrderState.SUCCESSFUL, reason="statement of May", force=True
    )


CASES = (
    Case("merchants.find", find, gives=lambda view: view.name == "Ama's Kitchen"),
    Case("merchants.recent", recent, EFUA, KWAME, Scene.paid, bool, _is_empty),
    # A chat that is no number's learns whether there is an account, and no name.
    Case("holders.of_merchant", of_merchant, EFUA, CHAT, None, lambda v: v.name, lambda v: not v.name),
    Case("holders.of_number", of_number, EFUA, CHAT, None, lambda v: v.name, lambda v: not v.name),
    Case("payments.request", request, EFUA, KWAME, Scene.auto_debit, keyed=True),
    Case("payments.submit_otp", submit_otp, EFUA, KWAME, Scene.asked_for_code, keyed=True),
    Case("payments.without_otp", without_otp, EFUA, KWAME, Scene.paid, bool, _is_empty),
    Case("payments.own", own_order, EFUA, KWAME, Scene.paid, bool, _is_empty),
    Case("payments.ask_status", ask_status, EFUA, KWAME, Scene.paid, bool, _is_empty),
    Case("payments.latest", latest_own, EFUA, KWAME, Scene.paid, bool, _is_empty),
    Case("payments.withdraw", withdraw_own, EFUA, KWAME, Scene.asked, lambda v: v.reason is Reason.CANCELLED),
    # What was sent goes on as it was.
    Case("payments.withdraw", withdraw_own, EFUA, "", Scene.paid, lambda v: v.state is OrderState.SUCCESSFUL),
    Case("payments.own", own_order, EFUA, KWAME, Scene.asked, lambda view: view.hint, _is_empty),
    Case("receipts.own", receipt, EFUA, KWAME, Scene.paid, lambda view: view.reference, _is_empty),
    Case("receipts.own", receipt, EFUA, "", Scene.failed, _is_empty),
    Case("receipts.send", send_receipt, EFUA, KWAME, Scene.paid, lambda v: v.ok, lambda v: not v.ok),
    Case("payments.find_duplicate", find_duplicate, EFUA, KWAME, Scene.asked, bool, _is_empty),
    Case("payments.own_by_code", own_by_code, EFUA, KWAME, Scene.paid, bool, _is_empty),
    # What staff may see as staff is not theirs.
    Case("payments.own_by_code", own_by_code, EFUA, STAFF, Scene.paid, bool, _is_empty),
    Case("payments.network_used", network_used, EFUA, KWAME, Scene.paid_on_network,
         lambda network: network == "MTN", _is_empty),
    Case("payments.amounts_paid", amounts_paid, EFUA, KWAME, Scene.paid,
         lambda amounts: amounts == (GHS_20,), _is_empty),
    Case("recognition.recognise", recognise_merchant, gives=lambda view: view.merchant.code == "1001"),
    Case("recognition.recognise", recognise, EFUA, KWAME, Scene.paid, lambda view: view.order, _is_empty),
    Case("recognition.recognise", recognise, STAFF, CHAT, Scene.paid,
         lambda view: view.staff_id and not view.order, _is_empty),
    Case("agreements.own", own_agreements, EFUA, KWAME, Scene.auto_debit, bool, _is_empty),
    Case("agreements.debit", debit, EFUA, KWAME, Scene.auto_debit, lambda v: v.of, lambda v: not v.of),
    Case("agreements.set_up", set_up, EFUA, CHAT, keyed=True),
    Case("agreements.stop", stop, EFUA, KWAME, Scene.auto_debit, keyed=True),
    Case("agreements.bills", bills, gives=bool),
    Case("agreements.pay_bill", pay_bill, EFUA, KWAME, Scene.auto_debit, keyed=True),
    Case("links.make_code", make_code, gives=lambda view: len(view.code) == 8),
    Case("links.link", link, CHAT),
    Case("links.link_with", link_with, CHAT, KWAME, a_link_code),
    Case("links.chats", chats, EFUA, KWAME, Scene.linked, bool, _is_empty),
    Case("links.unlink", unlink, EFUA, KWAME, Scene.linked, lambda v: v.ok, lambda v: not v.ok),
    Case("choose_language", language, gives=lambda view: view.ok),
    Case("roles.all_of", all_of, STAFF, EFUA, None, bool, _is_empty),
    Case("roles.check_pin", check_pin, STAFF, CASHIER),
    Case("roles.choose_pin", choose_pin, STAFF, gives=lambda view: view.hash),
    Case("roles.change_pin", change_pin, STAFF, CASHIER, a_chosen_pin),
    Case("roles.locked", locked, STAFF, ACCOUNTANT, a_locked_cashier, bool, _is_empty),
    Case("payment_messages.shown", messages_shown, STAFF, CASHIER, messages_on,
         lambda view: view.on, lambda view: not view.on),
    Case("payment_messages.choose", messages_chosen, CASHIER, EFUA, None, lambda v: v.ok, lambda v: not v.ok),
    Case("roles.unlock", unlock, STAFF, ACCOUNTANT, a_locked_cashier, lambda v: v.ok, lambda v: not v.ok),
    Case("staff.balance", balance, CHAT, STAFF, a_role_of_a_chat, lambda view: view.amounts),
    Case("staff.balance_with_pin", balance_with_pin, STAFF, CASHIER, None, lambda view: view.amounts),
    Case("staff.claim", claim, KWAME, CHAT, Scene.invited, lambda view: view.staff_id),
    Case("staff.enrol", enrol, KWAME, EFUA, an_invited_one),
    Case("staff_requests.find", find_payment, STAFF, EFUA, Scene.paid, bool, _is_empty),
    Case("staff_requests.latest", latest, STAFF, EFUA, Scene.paid, bool, _is_empty),
    Case("staff_requests.standing", standing, STAFF, EFUA, Scene.invoice, bool, _is_empty),
    # Its account pays out to wallets only.
    Case("staff_requests.banks", banks, STAFF, gives=_is_empty),
    Case("staff_requests.note", note, STAFF, EFUA, Scene.paid),
    Case("staff_requests.refund", refund, STAFF, CASHIER, Scene.paid, keyed=True),
    Case("staff_requests.pay_out", pay_out, STAFF, CASHIER, keyed=True),
    Case("staff_requests.withdraw", withdraw, STAFF, EFUA, keyed=True),
    Case("staff_requests.charge", charge, STAFF, CASHIER, Scene.auto_debit, keyed=True),
    Case("staff_requests.invoice", invoice, STAFF, EFUA, keyed=True),
    Case("staff_requests.cancel_invoice", cancel_invoice, STAFF, EFUA, Scene.invoice, keyed=True),
    # Whoever asked does not see it among what is theirs to approve, and cannot.
    Case("approvals.waiting", waiting, ACCOUNTANT, STAFF, Scene.approval, bool, _is_empty),
    Case("approvals.opened", opened, ACCOUNTANT, EFUA, Scene.approval, lambda v: v.role, lambda v: v.refused),
    Case("approvals.payouts", payouts, ACCOUNTANT, CASHIER, Scene.approval, lambda v: v[0].waits, _is_empty),
    Case("approvals.decide", approve, ACCOUNTANT, STAFF, Scene.approval, keyed=True),
    Case("details.ask", ask_details, STAFF, EFUA),
    Case("details.see", see_details, STAFF, EFUA, Scene.consent, lambda view: view.state == "waiting",
         lambda view: view.state == "not_available"),
    Case("links.chats_of", chats_of, OPERATOR, "", Scene.linked, bool),
    Case("links.unlink_chats", unlink_chats, OPERATOR, "", Scene.linked, lambda view: view.ok),
    Case("roles.unlock", unlock_anybody, OPERATOR, "", a_locked_cashier, lambda view: view.ok),
    Case("roles.remove", remove, OPERATOR, gives=lambda view: view.ok),
    Case("staff.invite", invite, OPERATOR, gives=lambda view: len(view.code) == 8),
    Case("settling.settle", settle, OPERATOR, "", Scene.failed),
    Case("payout_switch.status", switch_status, OPERATOR, gives=lambda view: not view.off),
    Case("payout_switch.switch", switch_off, OPERATOR, gives=lambda view: view.off and view.by),
)  # fmt: skip
