"""Sends messages to Telegram: new ones, edits, announcements, and signs that a turn is under way.

Keeps nothing about chats and never waits for a limit to pass: the outbox schedules. `send` raises
what base.py says; the courtesies (answering a callback, deleting) never fail a turn.
Source: Telegram Bot API, "Available methods" and "Updating messages", November 2026.
"""

from typing import Any, Final

import msgspec
import structlog
from telegram import (
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import InvalidToken, TelegramError

from bot.channels.base import Outgoing, Refused, Sent
from bot.channels.telegram.client import CALL_FAILURES, DEFAULT_API_URL, TelegramBot
from bot.channels.telegram.errors import (
    cannot_edit,
    cannot_parse,
    detail_of,
    has_no_thread,
    is_unchanged,
    read_error,
)
from bot.channels.telegram.rendering import (
    CALLBACK_TEXT_LIMIT,
    contact_keyboard,
    cut_text,
    escape_text,
    inline_keyboard,
)

__all__ = ["TelegramChannel"]

_log = structlog.get_logger(__name__)
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)

_Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | None


class TelegramChannel:
    """Sends to Telegram chats (`Outgoing.to` is the chat id, `Sent.ref` the message id).

    Safe for any number of concurrent callers; at most `connections` calls are under way.
    """

    kind: Final = "telegram"

    def __init__(
        self,
        token: str,
        api_url: str = DEFAULT_API_URL,
        *,
        connections: int = 128,
        timeout_s: float = 10.0,
    ) -> None:
        self.bot: Final = TelegramBot(token, api_url, connections=connections, timeout_s=timeout_s)

    async def send(self, message: Outgoing) -> Sent:
        """Send the message, or turn `message.edits` into it; a message that cannot be edited any more is
        sent anew. Raises ChannelError.

        Editing makes no sound on the phone: `announce` sends the text as a reply to the edited message
        too, and the buttons then stand under that reply. `Sent.ref` stays the edited message.
        """
        text = cut_text(message.text)
        if not text.strip():
            raise Refused("a message without text")
        if message.wants_contact:
            # Only inline keyboards can be edited into a message, so this one is always a new message.
            keyboard: _Markup = contact_keyboard(message.wants_contact, message.buttons)
            if message.edits:
                await self.remove_keyboard(message.to, message.edits)
            return Sent(await self._send(message, text, keyboard))
        buttons = inline_keyboard(message.buttons)
        if not message.edits:
            return Sent(await self._send(message, text, buttons))
        if not await self._edit(message, text, None if message.announce else buttons):
            return Sent(await self._send(message, text, buttons))
        if message.announce:
            await self._send(message, text, buttons, reply_to=_message_id(message.edits))
        return Sent(message.edits)

    async def answer_callback(self, callback_id: str, text: str = "", *, alert: bool = False) -> None:
        """Stop the button's spinner, with a short notice where there is one. Late answers are refused by
        Telegram; that is logged and changes nothing."""
        shown = cut_text(text, CALLBACK_TEXT_LIMIT) or None
        await self._try(
            "answerCallbackQuery", callback_query_id=callback_id, text=shown, show_alert=alert or None
        )

    async def delete(self, chat: str, message_ref: str) -> bool:
        """Delete a message (a secret the person typed). False where it could not be done.

        Possible in private chats for 48 hours.
        """
        return await self._try_on("deleteMessage", chat, message_ref)

    async def remove_keyboard(self, chat: str, message_ref: str) -> bool:
        """Take the buttons from a message. False where it could not be done."""
        return await self._try_on("editMessageReplyMarkup", chat, message_ref)

    async def close_contact_keyboard(self, chat: str, text: str, thread: str = "") -> bool:
        """Say `text` and put the letters back where the share-my-number key was.

        It takes a message of its own: one that carries this can neither have buttons nor be edited
        later. Source: tdlib/td, MessagesManager::can_edit_message, read November 2026.
        """
        shown = escape_text(cut_text(text))
        markup = ReplyKeyboardRemove()
        return await self._try(
            "sendMessage",
            chat_id=chat,
            text=shown,
            parse_mode=ParseMode.HTML,
            reply_markup=markup,
            message_thread_id=_message_id(thread),
        )

    async def username(self) -> str:
        """The bot's own name, without its @. Raises ChannelError."""
        try:
            return str((await self.bot.call("getMe"))["username"])
        except CALL_FAILURES as error:
            raise _explain(error, "getMe", repeatable=True) from error

    async def close(self) -> None:
        await self.bot.close_connections()

    async def _send(
        self, message: Outgoing, text: str, markup: _Markup, *, reply_to: int | None = None
    ) -> str:
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None
        protect = True if message.private else None
        try:
            result = await self._write(
                "sendMessage",
                text,
                chat_id=message.to,
                reply_markup=markup,
                reply_parameters=reply,
                protect_content=protect,
                message_thread_id=_message_id(message.thread),
            )
        except CALL_FAILURES as error:
            if message.thread and has_no_thread(error):
                # The topic was deleted: better beside it than not at all.
                gone = msgspec.structs.replace(message, thread="")
                return await self._send(gone, text, markup, reply_to=reply_to)
            raise _explain(error, "sendMessage", repeatable=False) from error
        return _ref_of(result)

    async def _edit(self, message: Outgoing, text: str, markup: InlineKeyboardMarkup | None) -> bool:
        """True where the message now reads so; False where there is no message to edit."""
        message_id = _message_id(message.edits)
        if message_id is None:
            return False
        try:
            await self._write(
                "editMessageText", text, chat_id=message.to, message_id=message_id, reply_markup=markup
            )
        except CALL_FAILURES as error:
            if is_unchanged(error):
                return True
            if cannot_edit(error):
                _log.info("telegram_edit_impossible", error=detail_of(error))
                return False
            raise _explain(error, "editMessageText", repeatable=True) from error
        return True

    async def _write(self, method: str, text: str, **parameters: Any) -> Any:
        """Write `text`, as HTML; where Telegram cannot read that after all, as it is."""
        parameters["link_preview_options"] = _NO_PREVIEW
        try:
            return await self.bot.call(
                method, text=escape_text(text), parse_mode=ParseMode.HTML, **parameters
            )
        except TelegramError as error:
            if not cannot_parse(error):
                raise
            _log.error("telegram_text_unparsed", method=method, error=detail_of(error))
            return await self.bot.call(method, text=text, **parameters)

    async def _try_on(self, method: str, chat: str, message_ref: str) -> bool:
        message_id = _message_id(message_ref)
        return message_id is not None and await self._try(method, chat_id=chat, message_id=message_id)

    async def _try(self, method: str, **parameters: Any) -> bool:
        try:
            await self.bot.call(method, **parameters)
        except CALL_FAILURES as error:
            if is_unchanged(error):
                return True
            _log.info("telegram_courtesy_failed", method=method, error=detail_of(error))
            return False
        return True


def _explain(error: Exception, method: str, *, repeatable: bool) -> Exception:
    if isinstance(error, InvalidToken):
        _log.error("telegram_token_refused", method=method, error=detail_of(error))
    return read_error(error, repeatable=repeatable)


def _ref_of(result: Any) -> str:
    """The sent message's id. Empty where the reply has none: it went all the same."""
    found = result.get("message_id") if isinstance(result, dict) else None
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def _message_id(ref: str) -> int | None:
    return int(ref) if ref.isascii() and ref.isdecimal() and len(ref) < 19 else None
