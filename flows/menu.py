"""The main menu, and the table of conversations that can be started by themselves."""

from typing import Final

from bot.dialog import Choice, Flow, Screen, Talk, Text
from flows.auto_debit import auto_debit
from flows.bills import bill
from flows.business import business
from flows.colleagues import opened_approval
from flows.invoices import my_invoices
from flows.lookups import balance, check_number, my_payments
from flows.pay import answer_otp, pay
from flows.settings import language, link, staff_code

__all__ = ["FLOWS", "OPENED", "main"]

_PARTS: Final[dict[str, Flow]] = {
    "pay": pay,
    "check": check_number,
    "payments": my_payments,
    "invoices": my_invoices,
    "auto_debit": auto_debit,
    "bill": bill,
    "business": business,
    "balance": balance,
    "link": link,
    "language": language,
    "staff": staff_code,
}
# Offered where an account here can do it: the fact's word for each.
_BEYOND: Final = {"invoices": "invoice", "auto_debit": "preapproval", "bill": "bill"}


async def main(talk: Talk) -> Screen:
    """What one can do here; staff see their business, others how to become staff last of all."""
    facts = talk.facts
    offered = ["pay", "check", "payments"]
    offered += [part for part, ability in _BEYOND.items() if ability in facts.offers]
    if facts.staff:
        offered.append("business")
    offered += ["link", "language"]
    if not facts.staff:
        offered.append("staff")
    choices = [Choice(part, Text(f"menu.{part}")) for part in offered]
    # "balance" was offered until staff got a menu of their own: who is in the midst of it goes on.
    picked = await talk.choose("menu", choices, also=("balance",) if facts.staff else ())
    return await _PARTS[picked](talk.sub(picked))


async def otp(talk: Talk) -> Screen:
    """Ask for the code that a payment waits for, before anything else can be done."""
    return await answer_otp(talk.sub("pay"))


# What a button under a message begins, by the name that the button bears.
OPENED: Final[dict[str, Flow]] = {"approve": opened_approval}
FLOWS: Final[dict[str, Flow]] = {"main": main, "otp": otp} | OPENED
