"""Auto-debits: customers allow, see and stop them; staff charge under them, within what was allowed."""

from typing import Final

from bot.dialog import Amount, Choice, Moment, Number, Screen, Talk, Text, Value
from bot.dialog.views import AgreementView, Role
from bot.money import EVERY, Right
from flows.business_effects import AgreementsOf, ChargeUnder, MyAgreements
from flows.closing import closing, days_text
from flows.effects import SetUpAutoDebit, StopAutoDebit
from flows.lists import choose_among
from flows.pay import ask_merchant
from flows.staff import amount_of, signed, wrong_pin

__all__ = ["auto_debit", "charge"]

_DAYS: Final = (30, 90, 365)
# What stands on the confirmation unless it is changed there.
_USUAL_DAYS: Final = 90


async def auto_debit(talk: Talk) -> Screen:
    """For the actor's own number only: what it allows already, and a new one."""
    if not talk.facts.msisdn:
        return Screen("number.link_first")
    mine = await talk.look("mine", MyAgreements("preapproval"))
    if mine:
        choices = [Choice(one.id, Text("auto_debit.line", _values(one))) for one in mine]
        picked = await talk.choose("which", [*choices, Choice("new", Text("auto_debit.new"))])
        for one in mine:
            if one.id == picked:
                return await _stop(talk, one)
    return await _set_up(talk)


async def _stop(talk: Talk, one: AgreementView) -> Screen:
    offered = [Choice("done", Text("choice.done")), Choice("stop", Text("auto_debit.stop"))]
    if await talk.choose("shown", offered, shown=_values(one)) == "done":
        return Screen("business.done")
    if not await talk.confirm("confirm_stop", merchant=one.merchant):
        return Screen("business.done")
    return closing(await talk.act("stop", StopAutoDebit(one.id)))


async def _set_up(talk: Talk) -> Screen:
    merchant = await ask_merchant(talk)
    own = Number(talk.facts.msisdn, masked=False)
    if not merchant.numbers.takes(talk.facts.msisdn):
        return Screen("auto_debit.foreign", {"merchant": merchant.name, "number": own})
    most = await talk.ask(
        "most",
        Amount(merchant.currency, merchant.amounts, most_minor=merchant.most_minor),
        merchant=merchant.name,
        currency=merchant.currency,
    )
    every = await talk.choose("every", [Choice(word, Text(f"often.{word}")) for word in EVERY])
    days, decided = _USUAL_DAYS, "days"
    while decided == "days":
        decided = await talk.decide(
            "confirm",
            [
                Choice("yes", Text("choice.yes")),
                Choice("no", Text("choice.no")),
                Choice("days", Text("auto_debit.other_days")),
            ],
            merchant=merchant.name,
            most=most,
            every=Text(f"every.{every}"),
            days=days_text(days),
        )
        if decided == "days":
            days = int(await talk.choose("days", [Choice(str(days), days_text(days)) for days in _DAYS]))
    if decided == "no":
        return Screen("business.cancelled")
    return closing(await talk.act("request", SetUpAutoDebit(merchant.id, most, every, days)), typed=True)


async def charge(talk: Talk, role: Role) -> Screen:
    """Take money under a customer's auto-debit. Nobody is asked for a PIN on the customer's phone."""
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    standing = await talk.look("standing", AgreementsOf(role.staff_id, "preapproval"))
    if not standing:
        return Screen("charge.none", {"merchant": role.merchant})
    choices = [Choice(one.id, Text("charge.line", _values(one))) for one in standing]
    picked = await choose_among(talk, "which", choices)
    one = next(one for one in standing if one.id == picked)
    left = one.left
    if left is None or left.amount_minor <= 0:
        return Screen("charge.not_yet", _values(one))
    upto = amount_of(role, Right.CHARGE, left.amount_minor)
    amount = await talk.ask("amount", upto, shown=_values(one), left=left, currency=left.currency)
    agreed = await signed(
        talk,
        role,
        "charge.confirm",
        amount=amount,
        payer=Number(one.payer),
        merchant=role.merchant,
    )
    if isinstance(agreed, Screen):
        return agreed
    return closing(await talk.act("request", ChargeUnder(role.staff_id, one.id, amount)))


def _values(one: AgreementView) -> dict[str, Value]:
    return {
        "amount": one.amount,
        "merchant": one.merchant,
        "payer": Number(one.payer),
        "state": Text("agreement.in_force" if one.state == "active" else f"agreement.{one.state}"),
        "every": Text(f"every.{one.every or 'time'}"),
        "until": Moment(one.until_ms, day=True) if one.until_ms is not None else Text("until.open"),
    }
