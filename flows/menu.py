"""The first screen and what is behind "More", and the table of conversations that can be started."""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Choice, Flow, Offer, Screen, Talk, Text
from bot.dialog.views import AgreementView, MerchantCard
from flows.auto_debit import auto_debit
from flows.bills import bill
from flows.business import business, payment_by_code
from flows.business_effects import MyAgreements
from flows.colleagues import opened_approval
from flows.effects import RecentMerchants, Recognise
from flows.first_screen import MENU, MORE, FirstAnswer, FirstScreen
from flows.help import help_screen
from flows.invoices import my_invoices
from flows.lookups import balance, check_number, my_payments, own_order
from flows.pay import answer_otp, pay, pay_merchant
from flows.settings import language, link, staff_code

__all__ = ["FLOWS", "OPENED", "main"]

_PARTS: Final[dict[str, Flow]] = {
    "pay": pay,
    "another": pay,
    "payments": my_payments,
    "invoices": my_invoices,
    "business": business,
    "check": check_number,
    "auto_debit": auto_debit,
    "bill": bill,
    "link": link,
    "language": language,
    "help": help_screen,
    "staff": staff_code,
    # It was a line of the menu until staff got a menu of their own: who is in the midst of it goes on.
    "balance": balance,
}
# A number means the same to everybody, whatever else is offered.
_NUMBERS: Final = {"payments": 2, "invoices": 3, "more": 4, "business": 5}
_BEHIND_MORE: Final = {
    "another": 1,
    "check": 2,
    "auto_debit": 3,
    "bill": 4,
    "link": 5,
    "language": 6,
    "help": 7,
    "staff": 8,
}
# Offered where an account here can do it: the fact's word for each.
_NEEDS: Final = {"invoices": "invoice", "auto_debit": "preapproval", "bill": "bill"}


async def main(talk: Talk) -> Screen:
    """A merchant's code or a reference typed at once, or a part of the menu."""
    recent = await talk.look("recent", RecentMerchants())
    requests: tuple[AgreementView, ...] = ()
    if "invoice" in talk.facts.offers and talk.facts.msisdn:
        requests = await talk.look("requests", MyAgreements("invoice"))
    opened = await talk.ask(
        MENU,
        FirstScreen(),
        offers=_offers(talk, recent),
        found=lambda said: Recognise(said.typed),
        missing="main.not_known",
        notice=_announced(requests),
    )
    if opened.part == "more":
        return await _more(talk, recent)
    if opened.part == "last":
        last = next((card for card in recent if card.code == opened.typed), None)
        if last is not None:
            return await pay_merchant(talk.sub("pay"), last)
    if opened.part:
        part = opened.part if opened.part in _PARTS else "pay"
        return await _PARTS[part](talk.sub(part))
    found = await talk.look("found", Recognise(opened.typed))
    if found is not None and found.merchant is not None:
        return await pay_merchant(talk.sub("pay"), found.merchant)
    if found is not None and found.order is not None:
        return await own_order(talk.sub("payments"), found.order)
    if found is not None and found.staff_id:
        return await payment_by_code(talk.sub("business"), found.staff_id, opened.typed)
    # It has gone since it was typed.
    return Screen("pay.refused.merchant")


def _offers(talk: Talk, recent: Sequence[MerchantCard]) -> list[Offer]:
    facts = talk.facts
    pay_line = Offer(FirstAnswer("pay"), Text("menu.pay"), 1, name="pay")
    if recent:
        # What is dialled never chooses the merchant paid last.
        label = Text("menu.pay_last", {"name": recent[0].name})
        last = FirstAnswer("last", recent[0].code)
        pay_line = Offer(last, label, 1, name="last", dialled=FirstAnswer("pay"))
    offers = [pay_line]
    for part, number in _NUMBERS.items():
        if part == "business" and not facts.staff:
            continue
        if not _is_possible(talk, part):
            continue
        offers.append(Offer(FirstAnswer(part), Text(f"menu.{part}"), number, name=part))
    return offers


def _is_possible(talk: Talk, part: str) -> bool:
    """Whether an account here can do it."""
    return part not in _NEEDS or _NEEDS[part] in talk.facts.offers


def _announced(requests: Sequence[AgreementView]) -> Text | None:
    """Who asks for money, above the first screen."""
    if not requests:
        return None
    newest = requests[0]
    shown = {"merchant": newest.merchant, "amount": newest.amount, "more": len(requests) - 1}
    return Text("main.request" if len(requests) == 1 else "main.requests", shown)


async def _more(talk: Talk, recent: Sequence[MerchantCard]) -> Screen:
    """What is done less often, and whom to ask."""
    offered = []
    for part, number in _BEHIND_MORE.items():
        if part == "another" and not recent:
            continue
        if part == "staff" and talk.facts.staff:
            continue
        if not _is_possible(talk, part):
            continue
        offered.append(Choice(part, Text(f"menu.{part}"), number))
    picked = await talk.choose(MORE, offered)
    return await _PARTS[picked](talk.sub("pay" if picked == "another" else picked))


async def otp(talk: Talk) -> Screen:
    """Ask for the code that a payment waits for, before anything else can be done."""
    return await answer_otp(talk.sub("pay"))


# What a button under a message begins, by the name that the button bears.
OPENED: Final[dict[str, Flow]] = {"approve": opened_approval}
FLOWS: Final[dict[str, Flow]] = {"main": main, "otp": otp} | OPENED
