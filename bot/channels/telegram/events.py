"""The events of a chat that we act on. Values only; `reading` makes them."""

from typing import TypeAlias

import msgspec

from bot.dialog.inputs import Inbound

__all__ = [
    "Blocked",
    "CardRefused",
    "DeadButton",
    "Event",
    "ChatMessage",
    "InGroup",
    "NotText",
    "Unblocked",
]


class ChatMessage(msgspec.Struct, frozen=True):
    """A turn. `inbound.message_ref` is the person's message, or the one whose button was pressed.

    `callback_id` is to be answered first of all (empty for text).
    """

    update_id: int
    chat: str
    inbound: Inbound
    callback_id: str = ""


class CardRefused(msgspec.Struct, frozen=True):
    """A contact card we do not take. `why`: foreign (somebody else's, or of nobody on Telegram),
    forwarded (it may be older than a change of number), anonymous (+888: no phone) or unreadable."""

    update_id: int
    chat: str
    message_ref: str
    why: str
    language: str
    thread: str = ""


class NotText(msgspec.Struct, frozen=True):
    """Something we cannot read. `what` is the Bot API's name for it: photo, voice, sticker ..."""

    update_id: int
    chat: str
    message_ref: str
    what: str
    language: str
    thread: str = ""


class DeadButton(msgspec.Struct, frozen=True):
    """A button that is not of our making: answer the callback, nothing else."""

    update_id: int
    chat: str
    message_ref: str
    callback_id: str
    language: str


class InGroup(msgspec.Struct, frozen=True):
    """Somebody spoke to the bot in a group. Answer with `link`, which opens the private chat; `callback_id`
    is to be answered where there is one."""

    update_id: int
    chat: str
    message_ref: str
    link: str
    language: str
    callback_id: str = ""
    thread: str = ""


class Blocked(msgspec.Struct, frozen=True):
    """The person closed the chat to us."""

    update_id: int
    chat: str


class Unblocked(msgspec.Struct, frozen=True):
    """The person opened the chat again."""

    update_id: int
    chat: str


Event: TypeAlias = ChatMessage | CardRefused | NotText | DeadButton | InGroup | Blocked | Unblocked
