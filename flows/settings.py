"""Language, and linking: this chat to a phone number, a phone number to a chat, an address to a role."""

from typing import Any

from bot.dialog import Choice, Digits, Kind, Problem, Screen, Talk, Text, fold_digits
from flows.business_effects import EnrolStaff
from flows.effects import ClaimRole, LinkNumber, MakeLinkCode, SetLanguage
from flows.own_pin import choose_pin
from flows.unlink import is_linked, unlink

__all__ = ["language", "link", "staff_code"]

STAFF_CODE = Digits(8, 8, "staff.code_not_valid")


class Proof(Kind[str]):
    """A typed link code, or the person's own number as the chat vouches for it."""

    wants = "contact"

    def __init__(self, *, contact: bool) -> None:
        self.wants = "contact" if contact else "code"

    def parse(self, text: str) -> str | Problem:
        digits = fold_digits(text).replace(" ", "").replace("-", "")
        if digits.isascii() and digits.isdigit() and len(digits) == 8:
            return f"code:{digits}"
        return Problem(Text("link.code_not_valid"))

    def load(self, data: Any) -> str:
        kind, _, value = str(data).partition(":")
        vouched = kind == "shared" and self.wants == "contact" and value.startswith("+")
        if not vouched and (kind != "code" or self.parse(value) != data):
            raise ValueError("not such a proof")
        return str(data)


async def language(talk: Talk) -> Screen:
    """Changes the language of everything that follows."""
    choices = [Choice(code, Text(f"language.{code}")) for code in talk.facts.languages]
    picked = await talk.choose("which", choices)
    await talk.act("set", SetLanguage(picked))
    return Screen("language.done")


async def link(talk: Talk) -> Screen:
    """Over USSD a one-time code for a chat; in a chat the code, or the chat's own word for the number."""
    if is_linked(talk.facts):
        choices = [Choice(what, Text(f"link.{what}")) for what in ("another", "end")]
        if await talk.choose("what", choices, text="link.what") == "end":
            return await unlink(talk.sub("end"))
    if talk.facts.channel == "ussd":
        code = await talk.act("make", MakeLinkCode())
        return Screen("link.code", {"code": code.code, "minutes": code.minutes})
    telegram = talk.facts.channel == "telegram"
    proof = await talk.ask(
        "proof",
        Proof(contact=telegram),
        text="link.share" if telegram else "link.type_code",
        short_code=talk.facts.short_code,
    )
    linked = await talk.act("use", LinkNumber(proof))
    if linked.refused:
        return Screen(f"link.refused.{linked.refused}", {"short_code": talk.facts.short_code})
    return Screen("link.done")


async def staff_code(talk: Talk) -> Screen:
    """Takes up a role at a merchant by the one-time code its owner was given."""
    role = await talk.secret("code", STAFF_CODE, ClaimRole())
    if role.refused:
        return Screen(f"staff.refused.{role.refused}")
    done = await choose_pin(
        talk, role.staff_id, role.merchant, lambda first: EnrolStaff(role.staff_id, first), text="staff.pin"
    )
    if done.refused:
        return Screen("staff.refused.pin" if done.refused == "tries" else "staff.refused.code")
    return Screen("staff.done", {"merchant": role.merchant})
