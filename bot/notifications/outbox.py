"""Delivers queued messages: in order, within the channel's rate limit, once where the channel allows it.

Messages are queued in the transaction that caused them; here they leave. A message is leased while it
is being sent, so that a crash leads to a repeat only where it fell between sending and committing.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from bot.channels.base import (
    Channel,
    ChannelError,
    Moved,
    OutcomeUnknown,
    Outgoing,
    Refused,
    RetryLater,
    Sent,
    Unreachable,
)
from bot.channels.renderer import Rendered
from bot.dialog import View
from bot.notifications.order_messages import is_fresh
from bot.runtime.clock import Clock, Ids
from bot.runtime.loops import is_due, keep_going
from bot.runtime.metrics import Metrics
from bot.runtime.rate_limits import SendingLimits
from bot.runtime.timeouts import Timeouts
from bot.store.base import (
    Change,
    Conflict,
    DropMessages,
    Queue,
    SaveAddress,
    SettleMessage,
    Store,
    StoreUnavailable,
)
from bot.store.records import AddressRow, MessageKind, MessageRow, MessageState

__all__ = ["Outbox"]

_log = structlog.get_logger("outbox")

_ATTEMPTS_AT_MOST: Final = 20
_CHAT_RESULT_ATTEMPTS: Final = 7
_LONGEST_PAUSE_MS: Final = 10 * 60_000
_AT_ONCE: Final = 64
_IDLE_S: Final = 30.0
# A chat takes about one message a second. Source: Telegram Bots FAQ, sending limits, November 2026.
SPACING_MS: Final[Mapping[str, int]] = {"telegram": 1000}
# And a bot about thirty a second, over all chats. Source: the same.
PER_S: Final[Mapping[str, int]] = {"telegram": 30}
# A merchant's money and people's details stay in the chat. Results are receipts, to keep and to forward.
_PRIVATE: Final = frozenset({"balance.shown", "balance.own_orders", "balance.with_payouts", "details.shown"})
# A chat result that would wait longer than this goes another way where there is one.
_RESULT_WAITS_S: Final = 300.0


class Outbox:
    """Claims messages that are due, sends each through its channel, and keeps what became of it.

    Runs until cancelled. `wake` says that something may have been queued. `render` turns a view into words
    for a kind of address in a language.
    """

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        render: Callable[[View, str, str], Rendered],
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        *,
        default_language: str,
        metrics: Metrics,
        on_sent: Callable[[str, str], None] = lambda kind, value: None,
        per_s: Mapping[str, int] = PER_S,
    ) -> None:
        self._store = store
        self._channels = channels
        self._render = render
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._language = default_language
        self._metrics = metrics
        self._on_sent = on_sent
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._pace = SendingLimits(per_s)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        try:
            await keep_going("messages", self._woken, self._round)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _round(self) -> float:
        """Start all that is due; how long to sleep then.

        It reads before it claims: mostly nothing is due, and a read is no commit.
        """
        while True:
            due_ms = await self.next_ms()
            if due_ms is None:
                return _IDLE_S
            pause_s = (due_ms - self._clock()) / 1000
            if pause_s > 0 or len(self._sending) >= _AT_ONCE or not await self._start_due():
                return min(max(pause_s, 0.02), _IDLE_S)

    async def drain(self) -> int:
        """Send all that is due now, one round after the other; how many were handled. For tests and tour."""
        handled = 0
        while is_due(await self.next_ms(), self._clock()) and (rows := await self._claim()):
            await asyncio.gather(*(self.deliver(row) for row in rows))
            handled += len(rows)
        return handled

    async def deliver(self, row: MessageRow) -> None:
        """Send one leased message and record what became of it."""
        changes = await self._try(row)
        try:
            await self._store.commit(changes)
        except Conflict:
            # The lease passed on while we sent: the other worker records its own outcome.
            _log.warning("lease lost", message=row.id)
        self._on_sent(row.address_kind, row.address_value)

    async def _start_due(self) -> bool:
        rows = await self._claim()
        for row in rows:
            task = asyncio.create_task(self._deliver_safely(row))
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return bool(rows)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        self._woken.set()

    async def _deliver_safely(self, row: MessageRow) -> None:
        try:
            await self.deliver(row)
        except StoreUnavailable:
            _log.error("outcome not kept; the message is repeated after its lease", message=row.id)
        except Exception as error:
            _log.exception("delivery failed", message=row.id)
            await self._give_back(row, type(error).__name__)

    async def _give_back(self, row: MessageRow, why: str) -> None:
        """A message that cannot even be put into words must not hold up its address for ever."""
        with contextlib.suppress(Conflict, StoreUnavailable):
            await self._store.commit(await self._try_later(row, 30.0, why))

    async def _claim(self) -> tuple[MessageRow, ...]:
        """What may go now, most urgent first; no kind of address gets more than it takes."""
        places = _AT_ONCE - len(self._sending)
        room = self._pace.room(self._clock(), places)
        rows = await self._lease(room, self._pace.full(self._clock()))
        if len(rows) == room < places:
            # The narrowest kind set the limit: the free places are the others'.
            rows += await self._lease(places - room, (*self._pace.full(self._clock()), *self._pace.paced()))
        return rows

    async def _lease(self, most: int, without: Sequence[str]) -> tuple[MessageRow, ...]:
        now_ms = self._clock()
        lease_ms = int(self._timeouts.lease_s * 1000)
        resting = self._pace.resting(now_ms)
        rows = await self._store.claim_messages(now_ms, lease_ms, most, SPACING_MS, without, resting)
        for row in rows:
            self._pace.went(row.address_kind, now_ms)
        return rows

    async def next_ms(self) -> int | None:
        """When there may be something to send; None while nothing waits."""
        now_ms = self._clock()
        resting = self._pace.resting(now_ms)
        due_ms = await self._store.next_message_ms(SPACING_MS, self._pace.full(now_ms), resting)
        return min((ms for ms in (due_ms, self._pace.free_ms(now_ms)) if ms is not None), default=None)

    async def _try(self, row: MessageRow) -> list[Change]:
        """Send a message once; the changes that say what became of it."""
        channel = self._channels.get(row.address_kind)
        if channel is None:
            return await self._give_up(row, "no channel for this kind of address")
        if row.attempts >= _ATTEMPTS_AT_MOST:
            # Whoever sent it did not live to say so, again and again.
            return await self._give_up(row, "tried too often")
        if not await self._still_theirs(row):
            if row.kind is not MessageKind.RESULT:
                return [self._settle(row, MessageState.DROPPED)]
            return await self._give_up(row, "the chat is not its person's any more")
        edits = ""
        if row.kind is MessageKind.EDIT and not (edits := await self._said_last(row)):
            return [self._settle(row, MessageState.DROPPED)]
        started_ms = self._clock()
        try:
            sent = await channel.send(await self._outgoing(row, edits))
        except RetryLater as error:
            if error.limited:
                now_ms = self._clock()
                until_ms = now_ms + int(error.after_s * 1000)
                self._pace.limited(row.address_kind, row.address_value, until_ms, now_ms)
            outcome, changes = "later", await self._try_later(row, error.after_s, error.detail)
        except OutcomeUnknown as error:
            # It may be there already. Once more, since every message says which order it is about.
            if row.attempts == 0:
                outcome, changes = "unknown", await self._try_later(row, 5.0, error.detail)
            else:
                # Nobody knows, twice: another way, or the next dial, says it for certain.
                outcome, changes = "unknown twice", await self._give_up(row, error.detail)
        except Moved as error:
            moved = msgspec.structs.replace(
                row,
                id=self._ids.uuid(),
                dedupe_key=f"{row.dedupe_key}:moved",
                address_value=error.to,
                due_ms=self._clock(),
            )
            outcome, changes = "moved", [self._settle(row, MessageState.DROPPED), Queue(moved)]
        except Unreachable as error:
            outcome, changes = "unreachable", await self._give_up(row, error.detail, closed=True)
        except Refused as error:
            outcome, changes = "refused", await self._give_up(row, error.detail)
        except ChannelError as error:
            outcome, changes = "later", await self._try_later(row, 5.0, error.detail)
        else:
            outcome, changes = "sent", [self._settle(row, MessageState.SENT, sent=sent)]
            if row.kind is MessageKind.RESULT and row.order_id:
                # What still waits to say there that the order is under way would be untrue after this.
                where = (row.address_kind, row.address_value)
                changes.append(DropMessages(row.order_id, MessageKind.REPLY, *where))
        self._metrics.messages.labels(row.address_kind, row.kind.value, outcome).inc()
        _log.info(
            "message",
            kind=row.kind.value,
            channel=row.address_kind,
            outcome=outcome,
            attempt=row.attempts + 1,
            took_ms=self._clock() - started_ms,
        )
        return changes

    async def _still_theirs(self, row: MessageRow) -> bool:
        """False for news of somebody's money to a chat that was unlinked, or is another person's by now."""
        if row.kind is MessageKind.REPLY or row.address_kind == "msisdn":
            return True
        found = await self._store.person_of(row.address_kind, row.address_value)
        if found is not None and found[0].id == row.person_id:
            return True
        # Whoever became another person by linking this very chat has no address left.
        return found is not None and not await self._store.addresses_of(row.person_id)

    async def render(self, row: MessageRow) -> Rendered:
        """The message in words, in the language its person speaks now."""
        return await self._in_words(row, msgspec.json.decode(row.view, type=View))

    async def _in_words(self, row: MessageRow, view: View) -> Rendered:
        person = await self._store.person(row.person_id)
        return self._render(view, row.address_kind, person.language if person else self._language)

    async def _said_last(self, row: MessageRow) -> str:
        """The channel's id of what was said last there of the message's order; empty where there is none, or
        that was its result already."""
        rows = await self._store.messages_of_order(row.order_id or "")
        where = (row.address_kind, row.address_value)
        there = [m for m in rows if m.sent_ms is not None and (m.address_kind, m.address_value) == where]
        if not there or there[-1].kind is MessageKind.RESULT:
            return ""
        return there[-1].sent_ref

    async def _outgoing(self, row: MessageRow, edits: str = "") -> Outgoing:
        """The message as its channel needs it: in words, in the place of `edits`, or of an earlier one where
        it has one."""
        view = msgspec.json.decode(row.view, type=View)
        words = await self._in_words(row, view)
        edits, announce, thread = edits or row.edits, False, row.thread
        if row.order_id and row.kind is not MessageKind.REPLY and row.address_kind == "telegram":
            thread = await self._thread_of(row, row.order_id)
        if row.kind is MessageKind.RESULT and row.order_id:
            order = await self._store.order(row.order_id)
            began_here = order is not None and order.origin_value == row.address_value
            if order is not None and began_here and order.pending_ref:
                edits = order.pending_ref
                announce = row.created_ms - order.created_ms > self._timeouts.settled_edit_s * 1000
        return Outgoing(
            to=row.address_value,
            text=words.text,
            buttons=words.buttons,
            edits=edits,
            announce=announce,
            key=row.dedupe_key,
            wants_contact=words.wants_contact,
            thread=thread,
            private=view.text.id in _PRIVATE,
        )

    async def _thread_of(self, row: MessageRow, order_id: str) -> str:
        """The topic in which the person began the order here: news of it belong there too."""
        rows = await self._store.messages_of_order(order_id)
        where = (row.address_kind, row.address_value)
        return next((m.thread for m in rows if m.thread and (m.address_kind, m.address_value) == where), "")

    def _settle(
        self,
        row: MessageRow,
        state: MessageState,
        *,
        sent: Sent | None = None,
        due_ms: int = 0,
        error: str = "",
    ) -> SettleMessage:
        return SettleMessage(
            id=row.id,
            fence=row.fence,
            state=state,
            at_ms=self._clock(),
            due_ms=due_ms,
            sent_ref=sent.ref if sent else "",
            error=error[:200],
        )

    async def _try_later(self, row: MessageRow, after_s: float, why: str) -> list[Change]:
        """Try again later, or give up here where that would not help any more."""
        # A result that a chat does not take in about five minutes goes another way.
        in_chat = row.kind is MessageKind.RESULT and row.address_kind != "msisdn"
        if row.attempts + 1 >= (_CHAT_RESULT_ATTEMPTS if in_chat else _ATTEMPTS_AT_MOST):
            return await self._give_up(row, why)
        if in_chat and after_s > _RESULT_WAITS_S and await self._number(row) is not None:
            return await self._give_up(row, why)
        pause_ms = min(int(after_s * 1000) * 2 ** min(row.attempts, 8), _LONGEST_PAUSE_MS)
        pause_ms = max(pause_ms, int(after_s * 1000))
        return [self._settle(row, MessageState.QUEUED, due_ms=self._clock() + pause_ms, error=why)]

    async def _give_up(self, row: MessageRow, why: str, *, closed: bool = False) -> list[Change]:
        """Give up at this address; a result goes by SMS to the person's own number where there is one."""
        changes: list[Change] = [self._settle(row, MessageState.DEAD, error=why)]
        if closed and row.address_kind != "msisdn":
            changes += [
                SaveAddress(msgspec.structs.replace(address, reachable=False))
                for address in await self._store.addresses_of(row.person_id)
                if (address.kind, address.value) == (row.address_kind, row.address_value)
            ]
        number = await self._number(row)
        if number is not None:
            key = row.dedupe_key.rsplit(f":{row.address_kind}:", 1)[0]
            by_sms = msgspec.structs.replace(
                row,
                id=self._ids.uuid(),
                dedupe_key=f"{key}:msisdn:{number.value}",
                address_kind="msisdn",
                address_value=number.value,
                due_ms=self._clock(),
                attempts=0,
            )
            changes.append(Queue(by_sms))
        return changes

    async def _number(self, row: MessageRow) -> AddressRow | None:
        """The person's own number, for a result that a chat does not take."""
        if row.kind is not MessageKind.RESULT or row.address_kind == "msisdn":
            return None
        if "msisdn" not in self._channels:
            return None
        now_ms = self._clock()
        for address in await self._store.addresses_of(row.person_id):
            if address.kind == "msisdn" and address.verified_ms and is_fresh(address, now_ms, self._timeouts):
                return address
        return None
