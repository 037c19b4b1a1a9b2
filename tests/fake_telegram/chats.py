"""What the fake remembers: chats, their messages as a person's phone would show them, and changes to them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fake_telegram.markup import Key

__all__ = ["Chat", "Chats", "Message"]


@dataclass
class Message:
    """`text` is what people read, `source` what was sent. `edits` counts changes to text or buttons."""

    message_id: int
    text: str
    from_bot: bool
    source: str = ""
    parse_mode: str = ""
    rows: tuple[tuple[Key, ...], ...] = ()
    # Sent with a reply keyboard or its removal: such a message cannot be edited.
    fixed: bool = False
    protected: bool = False
    thread: int | None = None
    preview: bool = True
    reply_to: int | None = None
    deleted: bool = False
    edits: int = 0

    @property
    def buttons(self) -> list[str]:
        return [key.label for row in self.rows for key in row]

    def data_of(self, label: str) -> str | None:
        return next((key.data for row in self.rows for key in row if key.label == label), None)

    def __str__(self) -> str:
        return "\n".join([self.text, *(" ".join(f"[{key.label}]" for key in row) for row in self.rows)])


@dataclass
class Chat:
    id: int
    kind: str = "private"
    blocked: bool = False
    messages: list[Message] = field(default_factory=list)
    # The keyboard in place of the letters, where there is one.
    keyboard: tuple[tuple[Key, ...], ...] = ()

    def find(self, message_id: int) -> Message | None:
        return next((m for m in self.messages if m.message_id == message_id and not m.deleted), None)

    @property
    def from_bot(self) -> list[Message]:
        """The bot's messages that are still there, oldest first."""
        return [m for m in self.messages if m.from_bot and not m.deleted]

    def wire(self) -> dict[str, Any]:
        return {"id": self.id, "type": self.kind}


class Chats:
    """All chats, and a bell that rings whenever one changes."""

    def __init__(self) -> None:
        self._chats: dict[int, Chat] = {}
        self._changed = asyncio.Condition()
        self._next_message = 1

    def open(self, chat_id: int, kind: str = "private") -> Chat:
        return self._chats.setdefault(chat_id, Chat(chat_id, kind))

    def get(self, chat_id: int) -> Chat | None:
        return self._chats.get(chat_id)

    def add(self, chat: Chat, message: Message) -> Message:
        chat.messages.append(message)
        return message

    def next_message_id(self) -> int:
        self._next_message += 1
        return self._next_message - 1

    async def ring(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `holds` came true, looked at after every change, before the time was over."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            return holds()
        return True
