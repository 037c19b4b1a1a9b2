"""The question for a language that comes before anything else, to whoever is new. Pure.

It stands in front of a conversation, as "continue or start over" does. The conversation was begun behind
it, so that a dial string leads where it leads, and is shown once the question is answered. The answer stands
in no journal: it is the person's, and changes nothing that the conversation does.
"""

from typing import Any

import msgspec

from bot.conversations.facts import FirstAsked, first_asked
from bot.conversations.turn import Turn, TurnsConfig
from bot.dialog import Choice, Facts, Question, Talk, Text, View
from bot.store.base import SavePerson
from bot.store.records import ConversationRow

__all__ = ["first_question", "first_view", "must_ask", "settle_language"]


def must_ask(turn: Turn, config: TurnsConfig) -> bool:
    """Whether this person's language is not settled. The code that a payment waits for comes first."""
    settled = turn.person.language_chosen or turn.loaded.needs_otp is not None
    return not settled and len(config.languages) > 1


def first_question(config: TurnsConfig) -> Question[Any]:
    """Each language by its name in itself, below the word for "language" in all of them."""
    talk = Talk(Facts(channel="", region=""))
    choices = [Choice(code, Text(f"language.{code}")) for code in config.languages]
    return talk.choose("language", choices, text="language.first", languages=config.language_words)


def first_view(row: ConversationRow, config: TurnsConfig) -> View:
    """The question as a view, on the page and below the notice that the conversation keeps of it."""
    question, asked = first_question(config), first_asked(row) or FirstAsked()
    return View(
        text=question.text,
        notice=asked.notice,
        choices=question.choices,
        serial=row.serial,
        wants="menu",
        page=asked.page,
        conversation=row.id[:8],
    )


def settle_language(turn: Turn, language: str) -> None:
    """The person speaks it from now on; nobody asks them again."""
    turn.person = msgspec.structs.replace(turn.person, language=language, language_chosen=True)
    turn.changes.append(SavePerson(turn.person))
