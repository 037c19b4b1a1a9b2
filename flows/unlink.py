"""The end of a link between a chat and a phone number, from either side."""

from bot.dialog import Choice, Facts, Moment, Screen, Talk, Text
from flows.effects import MyChats, Unlink

__all__ = ["is_linked", "unlink"]


def is_linked(facts: Facts) -> bool:
    """Whether there is a link that could be ended from here."""
    if facts.channel == "ussd":
        return any(kind != "msisdn" for kind in facts.linked)
    return "msisdn" in facts.linked


async def unlink(talk: Talk) -> Screen:
    """On the phone, one of the chats; in a chat, this one."""
    if talk.facts.channel != "ussd":
        if not await talk.confirm("here", text="unlink.here"):
            return Screen("unlink.kept")
        await talk.act("end", Unlink())
        return Screen("unlink.done_here")
    chats = await talk.look("chats", MyChats())
    if not chats:
        return Screen("unlink.none")
    choices = [
        Choice(one.id, Text(f"unlink.chat.{one.kind}", {"when": Moment(one.seen_ms)})) for one in chats
    ]
    picked = await talk.choose("which", choices, text="unlink.which")
    done = await talk.act("end", Unlink(picked))
    return Screen("unlink.done" if done.ok else "unlink.none")
