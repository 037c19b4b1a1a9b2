"""What an update of the Bot API means to Kasapay: one event, or None where nothing is to be done.

Pure and tolerant: whatever the JSON is, the answer is an event or None, never an exception. Only the
few fields we act on are read; fields and kinds of update we do not know are left alone.
Source: Telegram Bot API, Update, Message, CallbackQuery and Contact, November 2026.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from bot.channels.telegram.events import (
    Blocked,
    CardRefused,
    ChatMessage,
    DeadButton,
    Event,
    InGroup,
    NotText,
    Unblocked,
)
from bot.dialog.inputs import Address, Inbound, Input, Shared, Typed
from bot.dialog.screens import read_button
from bot.money import is_anonymous, parse_msisdn

__all__ = ["Head", "read_update", "read_update_id"]

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_UpdateId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Head(msgspec.Struct, frozen=True):
    """What the inbox needs of an update. `chat` is empty where the update belongs to none."""

    update_id: int
    chat: str
    payload: dict[str, Any]


# ---- the wire ------------------------------------------------------------------------------------
# Servers that stand in for Telegram's may write null for what the real one leaves out.


class _User(msgspec.Struct):
    id: _Int64
    is_bot: bool | None = None
    language_code: str | None = None


class _Chat(msgspec.Struct):
    id: _Int64
    type: str | None = None


class _Contact(msgspec.Struct):
    phone_number: str | None = None
    user_id: int | None = None


class _Message(msgspec.Struct):
    message_id: _Int64
    chat: _Chat
    sender: _User | None = msgspec.field(name="from", default=None)
    # A topic of a chat that has topics; in other groups the first message of a line of replies.
    message_thread_id: _Int64 | None = None
    is_topic_message: bool | None = None
    text: str | None = None
    contact: _Contact | None = None
    forward_origin: Any = None
    # What Bot APIs before 7.0 sent in place of forward_origin; a self-hosted server may be that old.
    forward_date: Any = None


class _Callback(msgspec.Struct):
    id: str
    sender: _User = msgspec.field(name="from")
    message: _Message | None = None
    data: str | None = None


class _ChatMember(msgspec.Struct):
    status: str = ""


class _MemberUpdate(msgspec.Struct):
    chat: _Chat
    new_chat_member: _ChatMember


class _Update(msgspec.Struct):
    update_id: _UpdateId
    message: _Message | None = None
    callback_query: _Callback | None = None
    my_chat_member: _MemberUpdate | None = None


class _Id(msgspec.Struct):
    update_id: _UpdateId


# Contents a person sends on purpose. Other messages without text are service messages (a pinned
# message, a changed title): nobody expects an answer to those.
_CONTENTS: Final = (
    "photo",
    "voice",
    "audio",
    "video",
    "video_note",
    "document",
    "animation",
    "sticker",
    "location",
    "venue",
    "poll",
    "dice",
    "game",
    "story",
    "paid_media",
    "checklist",
)
_COMMAND: Final = re.compile(
    r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+(.*))?", re.ASCII | re.DOTALL
)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)
# NUL is refused by PostgreSQL, a lone surrogate by every encoder.
_UNKEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")
_LONGEST_TEXT: Final = 4096
_SPEAKING_KINDS: Final = ("message", "edited_message", "my_chat_member")


def read_update_id(raw: bytes) -> Head | None:
    """The update's id, its chat and the whole of it, or None where `raw` is no update at all.

    An update whose kind we cannot read still has its id: it is taken, so that it does not come again.
    """
    try:
        payload = json.loads(raw.decode())
        update_id = msgspec.convert(payload, _Id).update_id
    except (ValueError, RecursionError, msgspec.ValidationError):
        return None
    return Head(update_id, _chat_of(payload), payload)


def read_update(update: Mapping[str, Any], *, bot_username: str) -> Event | None:
    """What the update asks for, or None: an edited message, a service message, another bot, rubbish.

    `bot_username` is without its @.
    """
    try:
        read = msgspec.convert(update, _Update)
    except (RecursionError, UnicodeError, msgspec.ValidationError):  # a name may hold half an emoji
        return None
    if read.callback_query is not None:
        return _read_callback(read.update_id, read.callback_query, bot_username)
    if read.my_chat_member is not None:
        return _read_member(read.update_id, read.my_chat_member)
    if read.message is not None:
        content = next((what for what in _CONTENTS if update["message"].get(what) is not None), "")
        return _read_message(read.update_id, read.message, content, bot_username)
    return None


def _read_message(update_id: int, message: _Message, content: str, bot_username: str) -> Event | None:
    # A private chat has its person's id.
    sender = message.sender or _User(message.chat.id)
    chat, ref = str(message.chat.id), str(message.message_id)
    if sender.is_bot:
        return None
    language, thread = _language(sender), _thread(message)
    if message.chat.id != sender.id or message.chat.type not in ("private", None):
        if not _is_addressed(message.text or "", bot_username):
            return None
        return InGroup(update_id, chat, ref, _link(bot_username), language, thread=thread)
    if message.contact is not None:
        found = _read_card(message, sender)
        if isinstance(found, str):
            return CardRefused(update_id, chat, ref, found, language, thread)
        return ChatMessage(update_id, chat, _inbound(update_id, chat, found, language, ref, thread))
    if message.text is None:
        return NotText(update_id, chat, ref, content, language, thread) if content else None
    text = _read_text(message.text, bot_username)
    return ChatMessage(update_id, chat, _inbound(update_id, chat, Typed(text), language, ref, thread))


def _read_callback(update_id: int, callback: _Callback, bot_username: str) -> Event | None:
    message, language = callback.message, _language(callback.sender)
    if message is None:
        return None  # under a message sent through the bot by somebody else: none of ours
    chat, ref = str(message.chat.id), str(message.message_id)
    # Of a message too old to be read only the ids are sure to come; they tell a private chat as well.
    if message.chat.id != callback.sender.id:
        link, thread = _link(bot_username), _thread(message)
        return InGroup(update_id, chat, ref, link, language, callback_id=callback.id, thread=thread)
    pressed = read_button(callback.data or "")
    if pressed is None:
        return DeadButton(update_id, chat, ref, callback.id, language)
    inbound = _inbound(update_id, chat, pressed, language, ref, _thread(message))
    return ChatMessage(update_id, chat, inbound, callback_id=callback.id)


def _read_member(update_id: int, change: _MemberUpdate) -> Event | None:
    if change.chat.type != "private":
        return None
    chat = str(change.chat.id)
    match change.new_chat_member.status:
        case "kicked" | "left":
            return Blocked(update_id, chat)
        case "member":
            return Unblocked(update_id, chat)
        case _:
            return None


def _read_card(message: _Message, sender: _User) -> Shared | str:
    """The sender's own number, or why the card is not taken.

    Telegram's server itself writes the card's user id, so it can be believed; the number's text may
    have a plus, spaces, or neither. A forwarded card says who somebody was, not who they are: the
    number may have changed since. Source: tdlib/td issue 2575, read November 2026.
    """
    contact = message.contact
    assert contact is not None
    if message.forward_origin is not None or message.forward_date is not None:
        return "forwarded"
    if contact.user_id is None or contact.user_id != sender.id or message.chat.id != sender.id:
        return "foreign"
    number = "+" + _kept(contact.phone_number or "").strip().removeprefix("+")
    if is_anonymous(number):
        return "anonymous"
    msisdn = parse_msisdn(number, "")
    return Shared(msisdn) if msisdn else "unreadable"


def _read_text(text: str, bot_username: str) -> str:
    """The text without the bot's name in a command, and without what a deep link put behind /start:
    anyone can write that."""
    text = _kept(text)[:_LONGEST_TEXT]
    command = _COMMAND.fullmatch(text.strip())
    if command is None or not _is_ours(command[2], bot_username):
        return text
    name, rest = command[1].lower(), (command[3] or "").strip()
    return "/start" if name == "start" else f"/{name} {rest}".rstrip()


def _is_addressed(text: str, bot_username: str) -> bool:
    """Whether a message in a group is meant for the bot: a command, or one that names it."""
    command = _COMMAND.fullmatch(text.strip())
    if command is not None:
        return _is_ours(command[2], bot_username)
    return bool(bot_username) and f"@{bot_username}".casefold() in text.casefold()


def _is_ours(name: str | None, bot_username: str) -> bool:
    return name is None or name.casefold() == bot_username.casefold()


def _inbound(update_id: int, chat: str, said: Input, language: str, ref: str, thread: str) -> Inbound:
    return Inbound(
        channel="telegram",
        address=Address("telegram", chat),
        input=said,
        turn_key=str(update_id),
        language=language,
        message_ref=ref,
        thread=thread,
    )


def _thread(message: _Message) -> str:
    """The topic to answer in. A group without topics numbers its lines of replies too; nobody sends there."""
    in_topic = message.is_topic_message or message.chat.type in ("private", None)
    return str(message.message_thread_id) if message.message_thread_id and in_topic else ""


def _language(sender: _User) -> str:
    language = sender.language_code or ""
    return language if _LANGUAGE.fullmatch(language) else ""


def _link(bot_username: str) -> str:
    return f"https://t.me/{bot_username}?start=group" if bot_username else ""


def _kept(text: str) -> str:
    return _UNKEEPABLE.sub("", text)


def _chat_of(payload: dict[str, Any]) -> str:
    callback = payload.get("callback_query")
    places = [payload.get(kind) for kind in _SPEAKING_KINDS]
    places.append(callback.get("message") if isinstance(callback, dict) else None)
    for place in places:
        chat = place.get("chat") if isinstance(place, dict) else None
        chat_id = chat.get("id") if isinstance(chat, dict) else None
        if isinstance(chat_id, int) and not isinstance(chat_id, bool) and -(2**63) <= chat_id < 2**63:
            return str(chat_id)
    return ""
