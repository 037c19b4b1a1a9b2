"""Names that people gave, where only the letters of the GSM alphabet can be shown. Pure.

An Amharic or Arabic name would be a row of question marks on such a screen, and nobody pays those.
"""

from typing import TypeAlias

import msgspec

from bot.dialog.septets import write_name
from bot.dialog.words import Named, Text, Value, View

__all__ = ["Name", "in_plain_letters", "name_of", "plain_text"]

Name: TypeAlias = str | Named


def name_of(name: str, instead: str | Text) -> Name:
    """The name, with what stands for it where its letters cannot be shown: as much of it as can be, if no
    letter is lost, else `instead` (a merchant's code, what somebody is)."""
    written = write_name(name)
    if written == name:
        return name
    return Named(name, instead if written is None else written)


def in_plain_letters(view: View) -> View:
    """The view for a screen or message that has only the GSM alphabet."""
    choices = tuple(msgspec.structs.replace(one, label=plain_text(one.label)) for one in view.choices)
    return msgspec.structs.replace(
        view,
        text=plain_text(view.text),
        notice=plain_text(view.notice) if view.notice is not None else None,
        shorter=plain_text(view.shorter) if view.shorter is not None else None,
        choices=choices,
    )


def plain_text(text: Text) -> Text:
    """The sentence with every name as the GSM alphabet can show it."""
    if not any(isinstance(value, Named | Text) for value in text.values.values()):
        return text
    return Text(text.id, {name: _plain(value) for name, value in text.values.items()})


def _plain(value: Value) -> Value:
    if isinstance(value, Named):
        return value.plain
    return plain_text(value) if isinstance(value, Text) else value
