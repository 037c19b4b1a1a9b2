"""The first screen's answers: a part of the menu, or something typed there at once. Pure."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bot.dialog import Entry, Kind, Problem, Text
from bot.money import read_token

__all__ = ["MENU", "MORE", "FirstAnswer", "FirstScreen", "part_begun", "was_typed"]

# The keys of the first screen and of the one behind "More".
MENU: Final = "menu"
MORE: Final = "more"


class FirstAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A `part` of the menu by its name, or a code that was `typed`: a merchant's or a payment's reference.
    The part "last" goes with the code of the merchant offered, who may not be the last one any more when the
    conversation is resumed."""

    part: str = ""
    typed: str = ""


class FirstScreen(Kind[FirstAnswer]):
    """What the first screen takes. Journals keep a part as its name, the merchant paid last as
    `last:<code>`, and a code as `{"typed": ..}`."""

    def parse(self, text: str) -> FirstAnswer | Problem:
        token = read_token(text)
        if token.merchant or token.reference:
            return FirstAnswer(typed=token.merchant or token.reference)
        return Problem(Text("main.not_known"))

    def dump(self, value: FirstAnswer) -> Any:
        if value.part:
            return f"{value.part}:{value.typed}" if value.typed else value.part
        return {"typed": value.typed}

    def load(self, data: Any) -> FirstAnswer:
        if not isinstance(data, str):
            return msgspec.convert(data, FirstAnswer)
        part, _, typed = data.partition(":")
        return FirstAnswer(part, typed)


def part_begun(journal: Iterable[Entry]) -> str:
    """The part of the menu that a conversation is in; empty at the first screen."""
    begun = ""
    for entry in journal:
        if entry.key == MENU:
            begun = entry.value.partition(":")[0] if isinstance(entry.value, str) else "pay"
        elif entry.key == MORE:
            begun = str(entry.value)
    return {"last": "pay", "another": "pay", MORE: ""}.get(begun, begun)


def was_typed(entry: Entry) -> bool:
    """Whether somebody typed this, so that it would be a pity to lose it: more than lines of a menu."""
    return entry.kind == "ask" and not (entry.key == MENU and isinstance(entry.value, str))
