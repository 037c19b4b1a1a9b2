"""What the Bot API says about texts and keyboards: HTML entities, lengths, button data. Pure.

The sentences of the errors are those that users of the Bot API report; where none is known ours are near
enough, and no code may depend on them. Source: Telegram Bot API, "Formatting options", November 2026.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ApiError", "Key", "inline_rows", "plain_text", "reply_rows", "utf16_units"]

_TAGS: Final = frozenset(
    {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler"}
) | {
    *("a", "code", "pre", "blockquote", "tg-emoji"),
}
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ENTITY: Final = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot));")
_TAG: Final = re.compile(r"<(/?)([A-Za-z-]*)([^<>]*)>")


class ApiError(Exception):
    """A refusal as the Bot API words it."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


@dataclass(frozen=True)
class Key:
    """A button under a message, or a key of a reply keyboard (then without data)."""

    label: str
    data: str = ""
    asks_contact: bool = False


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def plain_text(text: str, parse_mode: str | None) -> str:
    """The text as people read it. Raises ApiError for markup, lengths and emptiness Telegram refuses."""
    shown = _read_html(text) if (parse_mode or "").upper() == "HTML" else text
    if not shown.strip():
        raise ApiError(400, "Bad Request: message text is empty")
    if utf16_units(shown) > 4096:
        raise ApiError(400, "Bad Request: message is too long")
    return shown


def _read_html(text: str) -> str:
    shown: list[str] = []
    open_tags: list[str] = []
    at = 0

    def broken(why: str) -> ApiError:
        return ApiError(
            400, f"Bad Request: can't parse entities: {why} at byte offset {len(text[:at].encode())}"
        )

    while at < len(text):
        if text[at] == "&" and (entity := _ENTITY.match(text, at)):
            decimal, hexadecimal, name = entity.groups()
            shown.append(_ENTITIES[name] if name else chr(int(decimal) if decimal else int(hexadecimal, 16)))
            at = entity.end()
        elif text[at] == "<":
            tag = _TAG.match(text, at)
            if tag is None or tag[2].lower() not in _TAGS:
                raise broken("Unsupported start tag")
            if not tag[1]:
                open_tags.append(tag[2].lower())
            elif not open_tags or open_tags.pop() != tag[2].lower():
                raise broken("Unmatched end tag")
            at = tag.end()
        else:
            shown.append(text[at])
            at += 1
    if open_tags:
        raise broken(f'Can\'t find end tag corresponding to start tag "{open_tags[-1]}"')
    return "".join(shown)


def inline_rows(markup: dict[str, Any]) -> tuple[tuple[Key, ...], ...]:
    """The rows of an inline keyboard. Raises ApiError for what Telegram refuses."""
    rows = [
        tuple(_inline_key(button) for button in _objects(row)) for row in _lists(markup["inline_keyboard"])
    ]
    if sum(len(row) for row in rows) > 100 or any(len(row) > 8 for row in rows):
        raise ApiError(400, "Bad Request: reply markup is too long")
    return tuple(row for row in rows if row)


def reply_rows(markup: dict[str, Any]) -> tuple[tuple[Key, ...], ...]:
    """The rows of a keyboard in place of the letters."""
    rows = []
    for row in _lists(markup["keyboard"]):
        keys = [{"text": key} if isinstance(key, str) else key for key in row]
        if not all(isinstance(key, dict) and str(key.get("text", "")).strip() for key in keys):
            raise ApiError(400, "Bad Request: keyboard button text must be non-empty")
        rows.append(tuple(Key(k["text"], asks_contact=bool(k.get("request_contact"))) for k in keys))
    return tuple(rows)


def _inline_key(button: dict[str, Any]) -> Key:
    label, data = button.get("text"), button.get("callback_data")
    if not isinstance(label, str) or not label.strip():
        raise ApiError(400, "Bad Request: inline keyboard button text must be non-empty")
    if data is None and "url" in button:
        return Key(label)
    if not isinstance(data, str) or not 1 <= len(data.encode()) <= 64:
        raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return Key(label, data)


def _lists(value: Any) -> list[list[Any]]:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise ApiError(400, "Bad Request: can't parse reply keyboard markup JSON object")
    return value


def _objects(row: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(button, dict) for button in row):
        raise ApiError(400, "Bad Request: can't parse inline keyboard button")
    return row
