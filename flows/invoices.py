"""Invoices: staff make, see and cancel them; customers see theirs and how to pay them."""

from typing import Final

from bot.dialog import Choice, FreeText, Moment, Number, Screen, Talk, Text, Value, Wallet, Whole
from bot.dialog.views import AgreementView, Role
from bot.money import Right
from flows.business_effects import AgreementsOf, CancelInvoice, MakeInvoice, MyAgreements
from flows.closing import closing, days_text
from flows.lists import choose_among
from flows.staff import amount_of, signed, wrong_pin

__all__ = ["invoice", "my_invoices"]

_DAYS: Final = (1, 7, 30)
_MOST_DAYS: Final = 365
# Short enough to stand on the screen that is agreed to.
_DESCRIPTION_MOST: Final = 40


async def invoice(talk: Talk, role: Role) -> Screen:
    """A new invoice, or the ones that stand."""
    what = [Choice("new", Text("invoice.new")), Choice("list", Text("invoice.list"))]
    if await talk.choose("what", what) == "new":
        return await _make(talk, role)
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    standing = await talk.look("standing", AgreementsOf(role.staff_id, "invoice"))
    if not standing:
        return Screen("invoice.none", {"merchant": role.merchant})
    choices = [Choice(one.id, Text("invoice.line", _values(one))) for one in standing]
    picked = await choose_among(talk, "which", choices)
    chosen = next(one for one in standing if one.id == picked)
    offered = [Choice("done", Text("choice.done")), Choice("cancel", Text("invoice.cancel"))]
    if await talk.choose("shown", offered, shown=_values(chosen)) == "done":
        return Screen("business.done")
    agreed = await signed(talk, role, "invoice.confirm_cancel", key="agreed_cancel", shown=_values(chosen))
    if isinstance(agreed, Screen):
        return agreed
    return closing(await talk.act("cancel", CancelInvoice(role.staff_id, chosen.id)))


async def _make(talk: Talk, role: Role) -> Screen:
    payer = await talk.ask("number", Wallet(role.region, role.numbers))
    amount = await talk.ask("amount", amount_of(role, Right.INVOICE), currency=role.currency)
    description = await talk.ask("description", FreeText(_DESCRIPTION_MOST, words=True))
    choices = [Choice(str(days), Text("invoice.for_days", {"days": days_text(days)})) for days in _DAYS]
    picked = await talk.choose("days", [*choices, Choice("other", Text("invoice.days_other"))])
    if picked == "other":
        days = await talk.ask("days_typed", Whole(1, _MOST_DAYS), most=_MOST_DAYS)
    else:
        days = int(picked)
    agreed = await signed(
        talk,
        role,
        "invoice.confirm",
        payer=Number(payer, masked=False),
        amount=amount,
        description=description,
        days=days_text(days),
    )
    if isinstance(agreed, Screen):
        return agreed
    wanted = MakeInvoice(role.staff_id, payer, amount, description, days)
    return closing(await talk.act("request", wanted), typed=True)


async def my_invoices(talk: Talk) -> Screen:
    """What merchants ask the actor to pay, and how it is paid in the wallet's own menu."""
    if not talk.facts.msisdn:
        return Screen("number.link_first")
    standing = await talk.look("mine", MyAgreements("invoice"))
    if not standing:
        return Screen("invoices.none")
    choices = [Choice(one.id, Text("invoices.line", _values(one))) for one in standing]
    picked = await choose_among(talk, "which", choices)
    chosen = next(one for one in standing if one.id == picked)
    offered = [Choice("how", Text("invoices.how_to")), Choice("done", Text("choice.done"))]
    if await talk.choose("shown", offered, shown=_values(chosen)) == "done":
        return Screen("business.done")
    return Screen("invoices.how", _values(chosen))


def _values(one: AgreementView) -> dict[str, Value]:
    return {
        "amount": one.amount,
        "merchant": one.merchant,
        "payer": Number(one.payer),
        "state": Text(f"agreement.{one.state}"),
        "description": one.description,
        "until": Moment(one.until_ms, day=True) if one.until_ms is not None else Text("until.open"),
        "reference": one.payment_reference or one.code,
    }
