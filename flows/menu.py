"""The main menu, and the table of conversations that can be started by themselves."""

from typing import Final

from bot.dialog import Choice, Flow, Screen, Talk, Text
from flows.lookups import balance, check_number, my_payments
from flows.pay import answer_otp, pay
from flows.settings import language, link, staff_code

__all__ = ["FLOWS", "main"]

_PARTS: Final[dict[str, Flow]] = {
    "pay": pay,
    "check": check_number,
    "payments": my_payments,
    "balance": balance,
    "link": link,
    "language": language,
    "staff": staff_code,
}


async def main(talk: Talk) -> Screen:
    """What one can do here; staff see their business, others how to become staff last of all."""
    offered = ["pay", "check", "payments"]
    if talk.facts.staff:
        offered.append("balance")
    offered += ["link", "language"]
    if not talk.facts.staff:
        offered.append("staff")
    picked = await talk.choose("menu", [Choice(part, Text(f"menu.{part}")) for part in offered])
    return await _PARTS[picked](talk.sub(picked))


async def otp(talk: Talk) -> Screen:
    """A payment's code is asked for before anything else."""
    return await answer_otp(talk.sub("pay"))


FLOWS: Final[dict[str, Flow]] = {"main": main, "otp": otp}
