"""Who of a merchant's staff speaks: the role chosen among several, and the PIN that proves it over USSD."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.dialog import Amount, Choice, Chosen, Digits, Screen, Talk, Text, Value
from bot.dialog.views import Role
from bot.money import AmountRule, Right
from flows.business_effects import CheckPin
from flows.closing import refusal
from flows.lists import choose_among

__all__ = ["PIN", "TRIES", "amount_of", "choose_role", "signed", "wrong_pin"]

PIN: Final = Digits(4, 6, "pin.not_valid")
TRIES: Final = 3
_NOTHING: Final[Mapping[str, Value]] = {}


async def choose_role(talk: Talk, roles: Sequence[Role]) -> Role:
    """The only role, or the one chosen by its merchant's name."""
    choices = [Choice(role.staff_id, Text("balance.merchant", {"name": role.merchant})) for role in roles]
    picked = await choose_among(talk, "which", choices, text="balance.which")
    return next(role for role in roles if role.staff_id == picked)


def amount_of(role: Role, right: Right, most_minor: int | None = None) -> Amount:
    """The amounts that the merchant's account takes for what the role does here."""
    return Amount(role.currency, role.amounts.get(right.value, AmountRule()), most_minor=most_minor)


async def wrong_pin(talk: Talk, role: Role) -> Screen | None:
    """Asks for the staff PIN where the channel wants it. The last words where it is not right, else None."""
    if not role.pin:
        return None
    text, tries = "balance.pin", TRIES
    while True:
        found = await talk.guard(
            "pin", PIN, CheckPin(role.staff_id), text=text, tries=tries, merchant=role.merchant
        )
        if not found.refused:
            return None
        if found.refused != "wrong_pin":
            return refusal(found.refused, role.merchant)
        text, tries = "balance.wrong_pin", found.tries_left


async def signed(
    talk: Talk,
    role: Role,
    text: str,
    others: Sequence[Choice] = (),
    *,
    key: str = "agreed",
    shown: Mapping[str, Value] = _NOTHING,
    **values: Value,
) -> str | Screen:
    """Has staff agree to what the sentence `text` says: by the staff PIN on that very screen where the
    channel asks for one, else by Yes.

    Returns "yes", the value of one of the `others` that was chosen instead, or the last words. The key is not
    "confirm": that was asked before the PIN once, so that its answer in an older journal agrees to nothing.
    """
    shown = {**shown, **values}
    if not role.pin:
        choices = [Choice("yes", Text("choice.yes")), Choice("no", Text("choice.no")), *others]
        decided = await talk.decide(key, choices, text=text, shown=shown)
        return Screen("business.cancelled") if decided == "no" else decided
    notice, what = None, Text(text, shown)
    while True:
        found = await talk.sign(
            key,
            PIN,
            CheckPin(role.staff_id),
            others,
            text="staff.sign",
            notice=notice,
            what=what,
        )
        if isinstance(found, Chosen):
            return found.choice
        if not found.refused:
            return "yes"
        if found.refused != "wrong_pin":
            return refusal(found.refused, role.merchant)
        notice = Text("pin.wrong", {"tries": found.tries_left})
