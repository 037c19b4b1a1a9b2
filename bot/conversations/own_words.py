"""Decides how much of what a person typed may be kept and shown to them again. Pure.

Only what was found to be what was asked for: a PIN typed in the wrong place must be on no disk. Whatever
is not kept, and every secret, is shown as dots.
"""

from typing import Any, Final

from bot.dialog import (
    Accepted,
    Back,
    Home,
    Input,
    Leave,
    More,
    Opens,
    Pressed,
    Question,
    SecretStep,
    Text,
    Typed,
)
from bot.dialog.inputs import Reading

__all__ = ["DOTS", "first_words", "own_words"]

DOTS: Final = Text("chat.said", {"words": "\u2022\u2022\u2022\u2022"})
_MOVES: Final = {"nav:back": "nav.back", "nav:home": "nav.home", "nav:more": "nav.more"}
# One of them is a code that was sent or shown to this person alone.
_SECRET: Final = ("secret", "code", "contact")


def own_words(question: Question[Any], said: Input, reading: Reading) -> Text:
    """What was said to a question and read so."""
    moved = isinstance(reading, Back | Home | Leave | More)
    if isinstance(said, Pressed):
        return _pressed(said, question)
    if not isinstance(said, Typed) or not (moved or isinstance(reading, Accepted)):
        return DOTS
    if not moved and (isinstance(question, SecretStep) or question.wants in _SECRET):
        return DOTS
    return _words(said.text)


def first_words(said: Input) -> Text:
    """What was said where nothing is asked: a greeting has no digits, and no code or PIN is without."""
    if isinstance(said, Opens):
        return Text(f"open.{said.flow}")
    if isinstance(said, Pressed):
        return _pressed(said, None)
    if isinstance(said, Typed) and not any(letter.isdecimal() for letter in said.text):
        return _words(said.text)
    return DOTS


def _pressed(said: Pressed, question: Question[Any] | None) -> Text:
    if said.value in _MOVES:
        return Text("nav.menu" if question is None and said.value == "nav:home" else _MOVES[said.value])
    index = said.value.removeprefix("#")
    if question is not None and index.isdecimal() and int(index) < len(question.choices):
        return question.choices[int(index)].label
    return DOTS


def _words(text: str) -> Text:
    return Text("chat.said", {"words": text.strip()})
