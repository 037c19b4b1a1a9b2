"""Language, and linking: this chat to a phone number, a phone number to a chat, an address to a role."""

from typing import Any, Final

from bot.dialog import Choice, Digits, Kind, Problem, Screen, Talk, Text, Wallet, is_link_code
from bot.dialog.views import Linked
from bot.money import Msisdn
from flows.business_effects import EnrolStaff
from flows.effects import ClaimRole, LinkNumber, LinkWithCode, MakeLinkCode, SetLanguage
from flows.own_pin import choose_pin
from flows.unlink import is_linked, unlink

__all__ = ["language", "link", "staff_code"]

LINK_CODE = Digits(8, 8, "link.code_not_valid")
_CODE_TRIES: Final = 5
STAFF_CODE = Digits(8, 8, "staff.code_not_valid")


class OwnNumber(Kind[str]):
    """The number a chat is to be linked to: typed, or shared where the chat itself vouches for it."""

    def __init__(self, region: str, *, contact: bool) -> None:
        self.wants = "contact" if contact else "number"
        self._wallet = Wallet(region)

    def parse(self, text: str) -> str | Problem:
        found = self._wallet.parse(text)
        if isinstance(found, Problem) and is_link_code(text):
            return Problem(Text("link.number_first"))
        return found

    def load(self, data: Any) -> str:
        kind, _, value = str(data).partition(":")
        if kind == "shared" and self.wants == "contact" and value.startswith("+"):
            return str(data)
        return self._wallet.load(data)


async def language(talk: Talk) -> Screen:
    """Changes the language of everything that follows."""
    choices = [Choice(code, Text(f"language.{code}")) for code in talk.facts.languages]
    # A string to be dialled may come from somebody else, and what follows would be hard to undo.
    picked = await talk.choose("which", choices, by_person=True)
    await talk.act("set", SetLanguage(picked))
    return Screen("language.done")


async def link(talk: Talk) -> Screen:
    """Over USSD a one-time code for a chat; in a chat the number and its code, or the chat's own word
    for the number."""
    if is_linked(talk.facts):
        choices = [Choice(what, Text(f"link.{what}")) for what in ("another", "end")]
        if await talk.choose("what", choices, text="link.what") == "end":
            return await unlink(talk.sub("end"))
    if talk.facts.channel == "ussd":
        code = await talk.act("make", MakeLinkCode())
        return Screen("link.code", {"code": code.code, "minutes": code.minutes})
    telegram = talk.facts.channel == "telegram"
    dial = {"short_code": talk.facts.short_code}
    number = await talk.ask(
        "number",
        OwnNumber(talk.facts.region, contact=telegram),
        text="link.share" if telegram else "link.type_number",
        shown=dial,
    )
    if number.startswith("shared:"):
        linked = await talk.act("use", LinkNumber(number))
    else:
        linked = await _typed(talk, number)
    if linked.refused:
        return Screen(f"link.refused.{linked.refused}", dial)
    return Screen("link.done")


async def _typed(talk: Talk, number: Msisdn) -> Linked:
    """Linked by the code that this number was given. A wrong code and one that nobody has are told alike."""
    text = "link.type_code"
    for _ in range(_CODE_TRIES):
        linked = await talk.secret(
            "code", LINK_CODE, LinkWithCode(number), text=text, short_code=talk.facts.short_code
        )
        if linked.refused != "code":
            return linked
        text = "link.wrong_code"
    return Linked(refused="code")


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
