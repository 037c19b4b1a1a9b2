"""Help: what can be done here, whom to ask, and what it costs."""

from bot.dialog import Screen, Talk, Text

__all__ = ["help_text", "help_screen"]


def help_text(*, keypad: bool, contact: str, free: bool) -> Text:
    """What can be done here, and whom to ask: the operator's contact, or else the merchant.

    `free`: the operator takes no fee, which is said as well.
    """
    whom = Text("help.contact", {"contact": contact}) if contact else Text("help.merchant")
    if free:
        whom = Text("help.free", {"whom": whom})
    return Text("help.phone" if keypad else "help.chat", {"whom": whom})


async def help_screen(talk: Talk) -> Screen:
    """The same that "help" typed anywhere says."""
    facts = talk.facts
    said = help_text(keypad=facts.channel == "ussd", contact=facts.help_contact, free=facts.free)
    return Screen(said.id, said.values)
