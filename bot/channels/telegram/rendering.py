"""An outgoing message as the Bot API takes it: text within its limit, keyboards within theirs. Pure.

Telegram answers 400 for the whole message when one button is too long, so everything is checked
before it is sent. Source: Telegram Bot API, sendMessage and InlineKeyboardButton, November 2026.
"""

import html
from collections.abc import Sequence
from typing import Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup

from bot.channels.base import Button, Refused
from bot.dialog.inputs import Pressed
from bot.dialog.screens import read_button

__all__ = [
    "CALLBACK_TEXT_LIMIT",
    "TEXT_LIMIT",
    "contact_keyboard",
    "cut_text",
    "escape_text",
    "inline_keyboard",
]

TEXT_LIMIT: Final = 4096  # UTF-16 units, after entities are read
CALLBACK_TEXT_LIMIT: Final = 200
_DATA_BYTES: Final = 64
_MOST_BUTTONS: Final = 100
# The longest label a row of three or of two shows whole on a narrow phone.
_ROW_LABEL: Final = ((3, 9), (2, 16))
_CUT: Final = "…"


def escape_text(text: str) -> str:
    """Text for HTML parse mode: nothing in it is markup."""
    return html.escape(text, quote=False)


def cut_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text within `limit` UTF-16 units, cut at a line or a word where one is near, with an ellipsis.

    What cannot be encoded (half of a surrogate pair) becomes a question mark.
    """
    text = text.encode("utf-8", "replace").decode().replace("\x00", "")
    if _units(text) <= limit:
        return text
    room, end = limit - _units(_CUT), 0
    for end, letter in enumerate(text):  # noqa: B007  the index where the room ends is what we want
        room -= 1 + (ord(letter) > 0xFFFF)
        if room < 0:
            break
    kept = text[:end]
    for mark in ("\n", " "):
        place = kept.rfind(mark)
        if place > end * 3 // 4:
            kept = kept[:place]
            break
    return kept.rstrip() + _CUT


def inline_keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    """The buttons in rows: short labels two or three a row, long ones alone; Back and Home share the last.

    None without buttons. Raises Refused for what Telegram would refuse.
    """
    if not buttons:
        return None
    if len(buttons) > _MOST_BUTTONS:
        raise Refused(f"{len(buttons)} buttons, {_MOST_BUTTONS} are possible")
    for button in buttons:
        if not 1 <= len(button.data.encode("utf-8", "replace")) <= _DATA_BYTES:
            raise Refused(f"a button's data is not between 1 and {_DATA_BYTES} bytes")
        if not button.label.strip():
            raise Refused("a button without a label")
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(_label(b), callback_data=b.data) for b in row] for row in _rows(buttons)]
    )


def contact_keyboard(share: str, buttons: Sequence[Button]) -> ReplyKeyboardMarkup:
    """A keyboard in place of the letters, whose first key shares the person's own number.

    A message has one keyboard, so the other buttons become keys that type their label.
    """
    if not share.strip():
        raise Refused("a button without a label")
    rows = [[KeyboardButton(_plain(share), request_contact=True)]]
    rows += [
        [KeyboardButton(_label(b)) for b in row] for row in _rows([b for b in buttons if b.label.strip()])
    ]
    return ReplyKeyboardMarkup(rows, resize_keyboard=True, one_time_keyboard=True)


def _rows(buttons: Sequence[Button]) -> list[list[Button]]:
    moves = [button for button in buttons if _is_move(button)]
    others = [button for button in buttons if not _is_move(button)]
    return _in_columns(others) + _in_columns(moves)


def _in_columns(buttons: list[Button]) -> list[list[Button]]:
    longest = max((_units(button.label) for button in buttons), default=0)
    columns = next((count for count, fits in _ROW_LABEL if longest <= fits), 1)
    if len(buttons) == 4 and columns == 3:
        columns = 2  # two and two, not three and a straggler
    return [buttons[at : at + columns] for at in range(0, len(buttons), columns)]


def _is_move(button: Button) -> bool:
    pressed = read_button(button.data)
    return isinstance(pressed, Pressed) and pressed.value.startswith("nav:")


def _label(button: Button) -> str:
    return _plain(button.label)


def _plain(label: str) -> str:
    return " ".join(label.encode("utf-8", "replace").decode().split())


def _units(text: str) -> int:
    """Length as Telegram counts: UTF-16 units."""
    return len(text) + sum(ord(letter) > 0xFFFF for letter in text)
