"""The inbox of Telegram's updates: stored encrypted before the 200, then processed one by one per chat.

Both ways in (webhook and long polling) write the same inbox; here it is emptied. An update's row goes
with the commit of its turn, so a crash in between takes it up again, and a repeat finds it known.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from bot.channels.telegram import (
    Blocked,
    CardRefused,
    ChatMessage,
    DeadButton,
    InGroup,
    NotText,
    TelegramChannel,
    Unblocked,
    accept_webhook,
    check_secret,
    read_update,
    read_update_id,
)
from bot.channels.telegram import UpdateAccepted as Kept
from bot.conversations import Turns
from bot.dialog import Address, Answer, Opens, Pressed, Shared, Text, View
from bot.notifications.order_messages import reply_message
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.loops import keep_going
from bot.runtime.timeouts import Timeouts
from bot.store.base import Change, EndUpdate, SaveAddress, Store, StoreUnavailable
from bot.store.records import UpdateRow

__all__ = ["TelegramInbox"]

_log = structlog.get_logger("telegram")

_SOURCE: Final = "telegram"
_AT_ONCE: Final = 64
_ATTEMPTS_AT_MOST: Final = 5
_IDLE_S: Final = 10.0
# A turn that asks a provider may take three seconds; a press is to be answered in fewer than five.
_TOAST_S: Final = 1.5
# A group takes 20 messages a minute, and ours are of use to nobody there.
# Source: Telegram Bots FAQ, sending limits, November 2026.
_GROUP_PAUSE_MS: Final = 10 * 60_000
_FAST_PAUSE_MS: Final = 30_000
# What a person says or presses in their own chat.
_Saying: TypeAlias = ChatMessage | CardRefused | NotText | DeadButton
_SAYING: Final = (ChatMessage, CardRefused, NotText, DeadButton)


class TelegramInbox:
    """The inbox of one bot. `run` empties it until cancelled."""

    def __init__(
        self,
        store: Store,
        turns: Turns,
        channel: TelegramChannel,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        *,
        secret: str,
        may_speak: Callable[[str], bool] = lambda chat: True,
    ) -> None:
        self._store = store
        self._turns = turns
        self._channel = channel
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._secret = secret
        # A chat's allowance: False once it said more in a short time than a person does.
        self._may_speak = may_speak
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._asides: set[asyncio.Task[Any]] = set()
        self.bot_username = ""

    def secret_ok(self, headers: Mapping[str, str]) -> bool:
        return check_secret(headers, self._secret)

    async def accept(self, raw: bytes) -> bool:
        """Keep an update of the webhook, durably; False where it is none."""
        return isinstance(await accept_webhook(raw, self.receive), Kept)

    async def receive(self, update_id: int, chat: str, raw: bytes) -> bool:
        """Keep an update, encrypted, before anything is done about it; False where it is known."""
        body = self._sealer.seal(raw, secrets.token_bytes(12))
        fresh = await self._store.receive(UpdateRow(_SOURCE, update_id, chat, body, self._clock()))
        self._woken.set()
        return fresh

    async def run(self) -> None:
        try:
            await keep_going("updates", self._woken, self._round)
        finally:
            for task in (*self._working, *self._asides):
                task.cancel()
            await asyncio.gather(*self._working, *self._asides, return_exceptions=True)

    async def _round(self) -> float:
        await self._start_due()
        return _IDLE_S

    async def drain(self) -> int:
        """Take all that waits now; how many. For tests."""
        taken = 0
        while rows := await self._claim():
            await asyncio.gather(*(self._take_safely(row) for row in rows))
            taken += len(rows)
        await asyncio.gather(*self._asides, return_exceptions=True)
        return taken

    async def _start_due(self) -> None:
        while len(self._working) < _AT_ONCE and (rows := await self._claim()):
            for row in rows:
                task = asyncio.create_task(self._take_safely(row))
                self._working.add(task)
                task.add_done_callback(self._taken)

    def _taken(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        self._woken.set()

    async def _claim(self) -> tuple[UpdateRow, ...]:
        room = _AT_ONCE - len(self._working)
        return await self._store.claim_updates(
            _SOURCE, self._clock(), int(self._timeouts.lease_s * 1000), room
        )

    async def _take_safely(self, row: UpdateRow) -> None:
        try:
            await self._take(row)
        except StoreUnavailable:
            _log.error("store not available; the update waits")
        except Exception:
            give_up = row.attempts >= _ATTEMPTS_AT_MOST
            _log.exception("update failed", attempt=row.attempts, given_up=give_up)
            retry_ms = self._clock() + 1000 * 2 ** min(row.attempts, 6)
            await self._store.release_update(row.source, row.update_id, row.fence, retry_ms, give_up)

    async def _take(self, row: UpdateRow) -> None:
        raw = self._sealer.open(row.body)
        event = None
        if raw is None:
            _log.error("update sealed under another key")
        else:
            # By the very reader that took it in: another one knows another JSON (NaN, half an emoji).
            head = read_update_id(raw)
            event = read_update(head.payload, bot_username=self.bot_username) if head else None
        if isinstance(event, _SAYING) and not self._may_speak(event.chat):
            await self._ask_to_wait(event, row)
            return
        match event:
            case ChatMessage():
                await self._heard(event, row)
            case CardRefused(why=why):
                # The button that shares one's own number is shown again, where it may help.
                wants = "" if why == "anonymous" else "contact"
                await self._say(event.chat, Text(f"chat.card.{why}"), row, thread=event.thread, wants=wants)
            case NotText():
                await self._say(event.chat, Text("chat.text_only"), row, thread=event.thread)
            case InGroup():
                self._aside(self._channel.answer_callback(event.callback_id), event.callback_id)
                if await self._seldom(f"group:{event.chat}", _GROUP_PAUSE_MS):
                    await self._say(
                        event.chat, Text("chat.private_only", {"link": event.link}), row, thread=event.thread
                    )
                else:
                    await self._store.commit([EndUpdate(row.source, row.update_id)])
            case Blocked() | Unblocked():
                await self._reachable(event.chat, row, reachable=isinstance(event, Unblocked))
            case DeadButton():
                self._aside(self._channel.answer_callback(event.callback_id), event.callback_id)
                await self._store.commit([EndUpdate(row.source, row.update_id)])
            case None:
                await self._store.commit([EndUpdate(row.source, row.update_id)])

    async def _ask_to_wait(self, event: _Saying, row: UpdateRow) -> None:
        """Not taken, and said so once: each answer of ours would have to wait its turn in the chat."""
        words = Text("chat.too_fast")
        language = event.inbound.language if isinstance(event, ChatMessage) else event.language
        callback_id = getattr(event, "callback_id", "")
        toast = self._turns.say(words, language)
        self._aside(self._channel.answer_callback(callback_id, toast), callback_id)
        if not callback_id and await self._seldom(f"fast:{event.chat}", _FAST_PAUSE_MS):
            thread = event.inbound.thread if isinstance(event, ChatMessage) else getattr(event, "thread", "")
            await self._say(event.chat, words, row, thread=thread)
        else:
            await self._store.commit([EndUpdate(row.source, row.update_id)])

    async def _seldom(self, what: str, pause_ms: int) -> bool:
        """Whether this has not happened for so long; it happens now."""
        return await self._store.count(what, pause_ms, self._clock(), 1)

    async def _heard(self, event: ChatMessage, row: UpdateRow) -> None:
        inbound = event.inbound
        if isinstance(inbound.input, Pressed):
            # A question answered by its button loses its buttons, so that it is not answered twice. One that
            # begins a conversation stays: it may be wanted later.
            self._aside(self._channel.remove_keyboard(event.chat, inbound.message_ref), inbound.message_ref)

        async def hide() -> None:
            # A code must not stay in the chat.
            if not isinstance(inbound.input, Pressed | Opens):
                await self._channel.delete(event.chat, inbound.message_ref)

        turn = asyncio.ensure_future(self._turns.take(inbound, row, hide=hide))
        beside = await self._answered(event, turn)
        if isinstance(inbound.input, Shared) and not beside:
            # The share button stands until a message of its own takes it away.
            self._aside(
                self._channel.close_contact_keyboard(
                    event.chat, self._turns.say(Text("chat.thanks"), inbound.language), inbound.thread
                ),
                event.chat,
            )

    async def _answered(self, event: ChatMessage, turn: "asyncio.Future[Answer]") -> str:
        """What the turn says in passing. The button's spinner ends with it, or before a turn that takes long:
        Telegram forgets the press after a few seconds."""
        try:
            await asyncio.wait({turn}, timeout=_TOAST_S)
            done = turn.done() and not turn.cancelled() and turn.exception() is None
            toast = turn.result().text if done else ""
            self._aside(self._channel.answer_callback(event.callback_id, toast), event.callback_id)
            return (await turn).text
        finally:
            turn.cancel()

    async def _say(self, chat: str, text: Text, row: UpdateRow, *, thread: str, wants: str = "text") -> None:
        """A sentence beside the conversation, which stays where it is."""
        found = await self._store.person_of("telegram", chat)
        reply = reply_message(
            View(text=text, ends=True, wants=wants),
            address=Address("telegram", chat),
            person_id=found[0].id if found else "",
            conversation_id=None,
            key=f"aside:{row.update_id}",
            now_ms=self._clock(),
            new_id=self._ids.uuid,
            thread=thread,
        )
        await self._store.commit([reply, EndUpdate(row.source, row.update_id)])
        self._turns.wake()

    async def _reachable(self, chat: str, row: UpdateRow, *, reachable: bool) -> None:
        changes: list[Change] = [EndUpdate(row.source, row.update_id)]
        found = await self._store.person_of("telegram", chat)
        if found is not None:
            changes.append(SaveAddress(msgspec.structs.replace(found[1], reachable=reachable)))
        await self._store.commit(changes)

    def _aside(self, work: Any, wanted: str) -> None:
        """Do something nobody waits for, where there is anything to do it to."""
        if not wanted:
            work.close()
            return
        task = asyncio.create_task(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
