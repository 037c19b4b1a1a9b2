"""Ask a customer to share their details, and show what they agreed to share."""

from typing import Final

from bot.dialog import Choice, Number, Screen, Talk, Text, Value, Wallet
from bot.dialog.views import DetailLine, Role
from flows.business_effects import AskDetails, SeeDetails
from flows.closing import lines_of, refusal
from flows.staff import wrong_pin

__all__ = ["details"]

_GENDERS: Final = ("male", "female")


async def details(talk: Talk, role: Role) -> Screen:
    """The customer decides on the phone; the PIN comes before each look at what they share. No chat learns
    whose number is whose before it is linked."""
    if not talk.facts.msisdn:
        return Screen("number.link_first")
    number = await talk.ask("number", Wallet(role.region, role.numbers))
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    shown = Number(number, masked=False)
    asked = await talk.act("request", AskDetails(role.staff_id, number))
    if asked.refused == "locked":
        return refusal("locked", role.merchant)
    if asked.refused:
        return Screen(f"details.refused.{asked.refused}", {"number": shown})
    offered = [Choice("see", Text("details.see")), Choice("later", Text("details.not_now"))]
    text = "details.asked"
    while await talk.choose("next", offered, text=text, number=shown, merchant=role.merchant) == "see":
        if (wrong := await wrong_pin(talk, role)) is not None:
            return wrong
        found = await talk.look("seen", SeeDetails(role.staff_id, asked.id))
        if found.state == "given" and found.lines:
            lines = [Text(f"details.{line.label}", {"value": _said(line)}) for line in found.lines]
            done = [Choice("done", Text("choice.done"))]
            # A question, since it may take several pages: last words have one.
            await talk.choose("shown", done, number=shown, lines=lines_of(lines))
            return Screen("business.done")
        if found.state != "waiting":
            ended = "not_available" if found.state == "given" else found.state
            return Screen(f"details.ended.{ended}", {"number": shown})
        text = "details.waiting"
    return Screen("details.later")


def _said(line: DetailLine) -> Value:
    """What is told of it, in words of ours where there are some."""
    if line.label == "gender" and line.value in _GENDERS:
        return Text(f"gender.{line.value}")
    return line.value
