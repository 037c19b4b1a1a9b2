"""The methods of the Bot API that a bot of ours may call, carried out on the fake's chats.

Parameters come as forms (every value text, nested ones JSON text) or as JSON; both read the same.
Source: Telegram Bot API, "Available methods" and "Getting updates", November 2026.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fake_telegram.chats import Chat, Chats, Message
from tests.fake_telegram.markup import ApiError, inline_rows, plain_text, reply_rows, utf16_units

__all__ = ["Call", "Methods", "Parameters"]

_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Parameters:
    """The parameters of one call, whatever way they came."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def text(self, name: str) -> str | None:
        value = self.given.get(name)
        return value if isinstance(value, str) or value is None else json.dumps(value)

    def integer(self, name: str) -> int | None:
        try:
            return int(str(self.given[name]))
        except (KeyError, ValueError):
            return None

    def flag(self, name: str) -> bool:
        return str(self.given.get(name, "")).lower() in ("true", "1")

    def nested(self, name: str) -> Any:
        """The object or list behind `name`; a form carries it as JSON text."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(400, f"Bad Request: can't parse {name} JSON object") from None


@dataclass(frozen=True)
class Call:
    """A call as it came in, before any trouble."""

    method: str
    parameters: Parameters
    content_type: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.parameters.given.get(name)


@dataclass
class Methods:
    """Carries out the calls that need no waiting; getUpdates is the server's."""

    bot: dict[str, Any]
    chats: Chats = field(default_factory=Chats)
    commands: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    webhook_url: str = ""
    webhook_secret: str = ""
    allowed_updates: list[str] | None = None
    # Callback queries that may still be answered, and the notices shown for those that were.
    open_callbacks: set[str] = field(default_factory=set)
    notices: dict[str, str] = field(default_factory=dict)

    def carry_out(self, method: str, given: Parameters) -> Any:
        """The method's result. Raises ApiError."""
        does = self._table().get(method.lower())
        if does is None:
            raise ApiError(404, "Not Found: method not found")
        return does(given)

    def _table(self) -> dict[str, Callable[[Parameters], Any]]:
        return {
            "getme": lambda _: self.bot,
            "sendmessage": self._send,
            "editmessagetext": self._edit_text,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete,
            "answercallbackquery": self._answer,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": lambda _: {"url": self.webhook_url, "pending_update_count": 0},
            "setmycommands": self._set_commands,
            "deletemycommands": self._delete_commands,
            "getmycommands": lambda given: [
                {"command": name, "description": says}
                for name, says in self.commands.get(given.text("language_code") or "", [])
            ],
            "setmydescription": lambda _: True,
            "setmyshortdescription": lambda _: True,
        }

    # ---- messages

    def _send(self, given: Parameters) -> dict[str, Any]:
        chat = self._chat(given)
        source, parse_mode = given.text("text") or "", given.text("parse_mode") or ""
        message = Message(
            self.chats.next_message_id(),
            plain_text(source, parse_mode),
            from_bot=True,
            source=source,
            parse_mode=parse_mode,
            protected=given.flag("protect_content"),
            thread=int(given.text("message_thread_id") or 0) or None,
            preview=not (given.nested("link_preview_options") or {}).get("is_disabled", False),
        )
        reply = given.nested("reply_parameters")
        if reply is not None:
            if chat.find(int(reply["message_id"])) is not None:
                message.reply_to = int(reply["message_id"])
            elif not reply.get("allow_sending_without_reply"):
                raise ApiError(400, "Bad Request: message to be replied not found")
        self._put_markup(chat, message, given.nested("reply_markup"))
        return self.wire(chat, self.chats.add(chat, message))

    def _edit_text(self, given: Parameters) -> dict[str, Any]:
        chat, message = self._editable(given)
        source, parse_mode = given.text("text") or "", given.text("parse_mode") or ""
        text = plain_text(source, parse_mode)
        rows = inline_rows(given.nested("reply_markup") or {"inline_keyboard": []})
        self._refuse_same(message, text, rows)
        message.text, message.source, message.parse_mode, message.rows = text, source, parse_mode, rows
        message.edits += 1
        return self.wire(chat, message)

    def _edit_markup(self, given: Parameters) -> dict[str, Any]:
        chat, message = self._editable(given)
        rows = inline_rows(given.nested("reply_markup") or {"inline_keyboard": []})
        self._refuse_same(message, message.text, rows)
        message.rows = rows
        message.edits += 1
        return self.wire(chat, message)

    @staticmethod
    def _refuse_same(message: Message, text: str, rows: Any) -> None:
        if (message.text, message.rows) == (text, rows):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message",
            )

    def _delete(self, given: Parameters) -> bool:
        message = self._chat(given).find(given.integer("message_id") or 0)
        if message is None:
            raise ApiError(400, "Bad Request: message to delete not found")
        message.deleted = True
        return True

    def _editable(self, given: Parameters) -> tuple[Chat, Message]:
        chat = self._chat(given)
        message = chat.find(given.integer("message_id") or 0)
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if not message.from_bot or message.fixed:
            raise ApiError(400, "Bad Request: message can't be edited")
        return chat, message

    @staticmethod
    def _put_markup(chat: Chat, message: Message, markup: Any) -> None:
        if markup is None:
            return
        if not isinstance(markup, dict):
            raise ApiError(400, "Bad Request: object expected as reply markup")
        if "inline_keyboard" in markup:
            message.rows = inline_rows(markup)
            return
        message.fixed = True
        if "keyboard" in markup:
            chat.keyboard = reply_rows(markup)
        elif markup.get("remove_keyboard"):
            chat.keyboard = ()

    def _chat(self, given: Parameters) -> Chat:
        chat = self.chats.get(given.integer("chat_id") or 0)
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def wire(self, chat: Chat, message: Message) -> dict[str, Any]:
        """The message as the Bot API shows it."""
        shown: dict[str, Any] = {
            "message_id": message.message_id,
            "date": int(time.time()),
            "chat": chat.wire(),
            "text": message.text,
        }
        if message.from_bot:
            shown["from"] = self.bot
        if message.thread:
            shown |= {"message_thread_id": message.thread, "is_topic_message": True}
        if message.edits:
            shown["edit_date"] = int(time.time())
        if message.rows:
            shown["reply_markup"] = {
                "inline_keyboard": [
                    [{"text": key.label, "callback_data": key.data} for key in row] for row in message.rows
                ]
            }
        return shown

    # ---- the rest

    def _answer(self, given: Parameters) -> bool:
        callback_id, text = given.text("callback_query_id") or "", given.text("text") or ""
        if utf16_units(text) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        if callback_id not in self.open_callbacks:
            raise ApiError(
                400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
            )
        self.open_callbacks.remove(callback_id)
        self.notices[callback_id] = text
        return True

    def _set_webhook(self, given: Parameters) -> bool:
        url, secret = given.text("url") or "", given.text("secret_token") or ""
        # Plain HTTP is allowed, as it is on a self-hosted Bot API server.
        if url and not url.startswith(("http://", "https://")):
            raise ApiError(400, "Bad Request: bad webhook: invalid URL")
        if secret and not _SECRET.fullmatch(secret):
            raise ApiError(400, "Bad Request: secret token contains unallowed characters")
        self.webhook_url, self.webhook_secret = url, secret
        self.allow(given)
        return True

    def _delete_webhook(self, given: Parameters) -> bool:
        self.webhook_url = self.webhook_secret = ""
        return True

    def allow(self, given: Parameters) -> None:
        """Take over the kinds of update asked for; left out, the last ones stay."""
        wanted = given.nested("allowed_updates")
        if wanted is not None:
            self.allowed_updates = list(wanted)

    def _set_commands(self, given: Parameters) -> bool:
        language, listed = given.text("language_code") or "", given.nested("commands")
        if language and not re.fullmatch(r"[a-z]{2}", language):
            raise ApiError(400, "Bad Request: LANG_CODE_INVALID")
        if not isinstance(listed, list) or len(listed) > 100:
            raise ApiError(400, "Bad Request: can't parse commands")
        for one in listed:
            if not _COMMAND.fullmatch(one["command"]) or not 1 <= len(one["description"]) <= 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
        self.commands[language] = [(one["command"], one["description"]) for one in listed]
        return True

    def _delete_commands(self, given: Parameters) -> bool:
        self.commands.pop(given.text("language_code") or "", None)
        return True
