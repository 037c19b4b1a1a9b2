"""Somebody with a phone: writes, presses, shares, blocks, and reads the screen."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fake_telegram.chats import Chat, Message

if TYPE_CHECKING:
    from tests.fake_telegram.server import FakeTelegram

__all__ = ["Person"]


@dataclass
class Person:
    """A Telegram account. What it does becomes an update; each such method returns the update's id.

    `phone` is written as Telegram writes it in contact cards: digits, often without a plus.
    """

    fake: "FakeTelegram" = field(repr=False)
    name: str
    id: int
    phone: str
    language: str = "en"

    # ---- what the screen shows

    @property
    def chat(self) -> Chat:
        """The private chat with the bot."""
        return self.fake.chats.open(self.id)

    @property
    def messages(self) -> list[Message]:
        """The bot's messages that are still there, oldest first."""
        return self.chat.from_bot

    def screen(self) -> Message:
        """The bot's newest message. `str()` of it is its text and its buttons."""
        assert self.messages, f"the bot has said nothing to {self.name}"
        return self.messages[-1]

    async def sees(self, *parts: str, timeout_s: float = 10.0) -> Message:
        """Wait until the newest message holds all of `parts`, and return it."""
        return await self._waits(parts, newest=True, timeout_s=timeout_s)

    async def finds(self, *parts: str, timeout_s: float = 10.0) -> Message:
        """Wait until some message holds all of `parts`, and return the newest such."""
        return await self._waits(parts, newest=False, timeout_s=timeout_s)

    async def _waits(self, parts: tuple[str, ...], *, newest: bool, timeout_s: float) -> Message:
        def fitting() -> list[Message]:
            looked_at = self.messages[-1:] if newest else self.messages
            return [m for m in looked_at if all(part in str(m) for part in parts)]

        await self.fake.chats.until(lambda: bool(fitting()), timeout_s)
        found = fitting()
        if not found:
            shown = "\n---\n".join(str(message) for message in self.messages[-5:]) or "nothing"
            raise AssertionError(f"{self.name} never saw {parts}; the chat shows:\n{shown}")
        return found[-1]

    # ---- what the person does

    async def says(self, text: str, *, group: int | None = None, **extra: Any) -> int:
        """Write a text; `extra` is added to the message as the Bot API would show it."""
        body: dict[str, Any] = {"text": text}
        if text.startswith("/"):
            length = len(text.split(maxsplit=1)[0])
            body["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        return await self._sends(body | extra, text, group=group)

    async def starts(self, payload: str = "") -> int:
        """Press Start, or follow a deep link."""
        return await self.says(f"/start {payload}".strip())

    async def presses(self, label: str, *, on: Message | None = None) -> int:
        """Press the button with this label: under `on`, else under the newest message that has it, else
        on the keyboard below."""
        for message in [on] if on is not None else reversed(self.messages):
            data = message.data_of(label)
            if data:
                return await self.presses_data(data, on=message)
        for key in (key for row in self.chat.keyboard for key in row):
            if key.label == label:
                return await (self.shares_contact() if key.asks_contact else self.says(label))
        offered = [button for message in self.messages for button in message.buttons]
        raise AssertionError(f"{self.name} sees no button {label!r}; there are {offered}")

    async def presses_data(self, data: str, *, on: Message | None = None) -> int:
        """Press a button with this data; a changed client can send any."""
        message = on if on is not None else self.screen()
        body: dict[str, Any] = {
            "id": self.fake.new_callback_id(),
            "from": self._wire(),
            "chat_instance": str(self.id),
            "data": data,
            "message": self.fake.methods.wire(self.chat, message),
        }
        return await self.fake.put("callback_query", body)

    async def shares_contact(
        self, phone: str | None = None, *, user_id: int | None = None, forwarded: bool = False
    ) -> int:
        """Send a contact card: one's own, or with `user_id` somebody else's (0: of nobody on Telegram)."""
        owner = self.id if user_id is None else user_id
        contact: dict[str, Any] = {"phone_number": phone or self.phone, "first_name": self.name}
        if owner:
            contact["user_id"] = owner
        body: dict[str, Any] = {"contact": contact}
        if forwarded:
            body["forward_origin"] = {"type": "user", "date": int(time.time()), "sender_user": self._wire()}
        return await self._sends(body, "(contact)")

    async def sends_photo(self, caption: str = "") -> int:
        photo = [{"file_id": "x", "file_unique_id": "x", "width": 90, "height": 90}]
        return await self._sends({"photo": photo} | ({"caption": caption} if caption else {}), "(photo)")

    async def edits(self, message_id: int, text: str) -> int:
        """Change an earlier message of one's own."""
        message = self.chat.find(message_id)
        assert message is not None
        assert not message.from_bot
        message.text = text
        body = self.fake.methods.wire(self.chat, message) | {
            "from": self._wire(),
            "edit_date": int(time.time()),
        }
        return await self.fake.put("edited_message", body)

    async def blocks(self) -> int:
        self.chat.blocked = True
        return await self._becomes("member", "kicked")

    async def unblocks(self) -> int:
        self.chat.blocked = False
        return await self._becomes("kicked", "member")

    async def _sends(self, body: dict[str, Any], shown: str, *, group: int | None = None) -> int:
        chat = self.chat if group is None else self.fake.group(group)
        message = Message(self.fake.chats.next_message_id(), shown, from_bot=False)
        self.fake.chats.add(chat, message)
        wire = self.fake.methods.wire(chat, message) | {"from": self._wire()}
        if "text" not in body:
            del wire["text"]
        return await self.fake.put("message", wire | body)

    async def _becomes(self, old: str, new: str) -> int:
        bot = self.fake.methods.bot
        body = {
            "chat": self.chat.wire(),
            "from": self._wire(),
            "date": int(time.time()),
            "old_chat_member": {"user": bot, "status": old},
            "new_chat_member": {"user": bot, "status": new},
        }
        return await self.fake.put("my_chat_member", body)

    def _wire(self) -> dict[str, Any]:
        user: dict[str, Any] = {"id": self.id, "is_bot": False, "first_name": self.name}
        return user | ({"language_code": self.language} if self.language else {})
