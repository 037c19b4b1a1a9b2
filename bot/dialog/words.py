"""What a screen says before it is in any language: message ids with the values to put in.

Flows and the engine make these; a channel turns them into words at its edge. Pure values.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from bot.money import Money, Msisdn

__all__ = ["Choice", "Moment", "Named", "Number", "Opening", "Text", "Value", "View"]


class Number(msgspec.Struct, frozen=True, tag="number"):
    """A phone number to show: in full only to the one who typed it. `region`: whose people read it, where
    that is not the reader's."""

    msisdn: Msisdn
    masked: bool = True
    region: str = ""


class Moment(msgspec.Struct, frozen=True, tag="moment"):
    """A time to show, as people at home write it; `day`: without the hour, `hour`: without the day.
    `seen_ms`: in short, as seen then: the hour of the same day, else day, month and hour."""

    at_ms: int
    day: bool = False
    hour: bool = False
    seen_ms: int | None = None


class Named(msgspec.Struct, frozen=True, tag="named"):
    """A name with letters that not every channel has; `plain` is shown where they are missing."""

    name: str
    plain: "str | Text"


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A catalogue entry (`id`) with its values. An id the catalogue lacks is a test failure."""

    id: str
    values: Mapping[str, "Value"] = {}


Value: TypeAlias = str | int | Money | Moment | Named | Number | Text


class Choice(msgspec.Struct, frozen=True):
    """One option: the meaning that goes into the journal, and the label people see.

    `number` is what a keypad picks it by; 0: its place among the choices. A menu numbers its lines for
    everybody alike, and leaves out what somebody cannot do.
    """

    value: str
    label: Text
    number: int = 0


class Opening(msgspec.Struct, frozen=True):
    """A conversation that a button below a message begins: the name of its flow, and the id of what it is
    about. The button says `open.<flow>`."""

    flow: str
    about: str


class View(msgspec.Struct, frozen=True):
    """One screen or message, for any channel.

    `notice` stands above the text ("Not valid."). `serial` is the question's number within its
    conversation: buttons carry it, so that an old one cannot answer a new question. `ends`: nothing
    is asked any more. `order_id` ties a last screen to its order, so that a chat can turn it into
    the result. `wants` hints at the input: menu, text, amount, number, code, secret or contact.
    """

    text: Text
    notice: Text | None = None
    choices: tuple[Choice, ...] = ()
    back: bool = False
    home: bool = False
    ends: bool = False
    serial: int = 0
    wants: str = "text"
    order_id: str | None = None
    final: bool = False
    page: int = 0
    # The first characters of the conversation's id; buttons carry them beside the serial.
    conversation: str = ""
    # Of a message that ends: what can be begun from it, where there are buttons.
    opens: Opening | None = None
    # What a last screen says on a page that `text` does not fit on.
    shorter: Text | None = None
