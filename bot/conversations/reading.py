"""Reads what a person typed or pressed as an answer to the open question."""

from typing import Any, Protocol

from bot.conversations.turn import Turn
from bot.dialog import Input, NavWords, Question, Text, Typed, interpret, is_link_code, plain_text
from bot.dialog.inputs import Reading

__all__ = ["Reader", "Speaks", "may_be_link_code", "may_be_otp"]


class Speaks(Protocol):
    """What the catalogue does for a turn."""

    def say(self, text: Text, language: str, region: str) -> str: ...

    def nav(self, language: str) -> NavWords: ...


class Reader:
    """Reads answers with the words of the person's language."""

    def __init__(self, catalogue: Speaks, region: str) -> None:
        self._catalogue = catalogue
        self._region = region

    def read(
        self, turn: Turn, question: Question[Any], said: Input, *, can_go_back: bool, more: bool = False
    ) -> Reading:
        language = turn.person.language
        return interpret(
            question,
            said,
            self._catalogue.nav(language),
            keypad=turn.session is not None,
            can_go_back=can_go_back,
            more=more,
            label_of=lambda text: self._catalogue.say(
                plain_text(text) if turn.session is not None else text, language, self._region
            ),
        )

    def asks_help(self, turn: Turn, said: Input) -> bool:
        """Whether somebody's first word asks what can be done here."""
        if not isinstance(said, Typed):
            return False
        word = said.text.strip().casefold().removeprefix("/")
        return word in self._catalogue.nav(turn.person.language).help


def may_be_link_code(said: Input) -> bool:
    """Eight digits: what the phone shows to link a chat. Said where nothing else is asked, it leads there."""
    return isinstance(said, Typed) and is_link_code(said.text)


def may_be_otp(said: Input) -> bool:
    """Five to eight digits: a provider's code rather than a menu number or a merchant's."""
    if not isinstance(said, Typed):
        return False
    digits = said.text.strip().replace(" ", "")
    return digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 8
