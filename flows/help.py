"""What can be done here, and whom to ask."""

from bot.dialog import Screen, Talk, Text

__all__ = ["help_screen"]


async def help_screen(talk: Talk) -> Screen:
    """The same that "help" typed anywhere says."""
    contact = talk.facts.help_contact
    whom = Text("help.contact", {"contact": contact}) if contact else Text("help.merchant")
    return Screen("help.phone" if talk.facts.channel == "ussd" else "help.chat", {"whom": whom})
