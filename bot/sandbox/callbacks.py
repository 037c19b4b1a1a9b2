"""Delivers callbacks and webhooks: each once, in time, and only after what it tells is on disk.

What a callback says is decided by its provider; this module sends bytes and notes the answer.
"""

import asyncio
import heapq
from collections.abc import Callable, Mapping
from contextlib import suppress

import aiohttp
import structlog

from bot.sandbox.events import Events
from bot.sandbox.model import Delivery
from bot.sandbox.record import Record, RecordError

_LONGEST_NAP_S = 3600.0
_AT_ONCE = 64
_log = structlog.get_logger("bot.sandbox")


class Courier:
    """Queue and sender of callbacks. `now` is the sandbox's clock."""

    def __init__(self, record: Record, now: Callable[[], float], timeout_s: float, events: Events) -> None:
        self._record = record
        self._now = now
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._events = events
        self._due: list[tuple[float, int, Delivery]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._last_seq = 0

    async def start(self) -> None:
        """Open the client and take up deliveries a kill left in the queue."""
        self._session = aiohttp.ClientSession(
            timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._last_seq = await self._record.last_seq("deliveries")
        for delivery in await self._record.load_deliveries(state="queued"):
            heapq.heappush(self._due, (delivery.due_at, delivery.seq, delivery))

    def add(
        self,
        *,
        provider: str,
        reference: str,
        kind: str,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        delay_s: float = 0,
        state: str = "queued",
    ) -> Delivery:
        """Note a delivery; one in the state "queued" is sent `delay_s` from now."""
        self._last_seq += 1
        now = self._now()
        delivery = Delivery(
            seq=self._last_seq,
            provider=provider,
            reference=reference,
            kind=kind,
            method=method,
            url=url,
            headers=dict(headers),
            body=body.decode("utf-8", "replace"),
            due_at=now + delay_s,
            queued_at=now,
            state=state,
        )
        self._record.put_delivery(delivery)
        if state == "queued":
            heapq.heappush(self._due, (delivery.due_at, delivery.seq, delivery))
        return delivery

    def next_due(self) -> float:
        """Seconds until the next delivery, at most an hour."""
        return min(max(self._due[0][0] - self._now(), 0.0), _LONGEST_NAP_S) if self._due else _LONGEST_NAP_S

    def send_due(self) -> None:
        """Start sending what is due."""
        now = self._now()
        while self._due and self._due[0][0] <= now:
            _, _, delivery = heapq.heappop(self._due)
            task = asyncio.create_task(self.send(delivery), name="sandbox-callback")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def send(self, delivery: Delivery) -> None:
        """Send one delivery and note what came back. Never raises for what the receiver does."""
        assert self._session is not None, "the courier is not started"
        async with self._gate:
            with suppress(RecordError):
                await self._record.flush()
            delivery.sent_at = self._now()
            try:
                async with self._session.request(
                    delivery.method,
                    delivery.url,
                    data=delivery.body.encode(),
                    headers=delivery.headers,
                    allow_redirects=False,
                ) as answer:
                    delivery.answer_status = answer.status
                    delivery.state = "sent"
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                delivery.error = type(error).__name__
                delivery.state = "failed"
        self._record.put_delivery(delivery)
        self._events.tell("callback", reference=delivery.reference, answer=delivery.answer_status)
        _log.info(
            "sandbox.callback",
            provider=delivery.provider,
            reference=delivery.reference,
            kind=delivery.kind,
            outcome=delivery.answer_status or delivery.error,
        )

    @property
    def busy(self) -> bool:
        """Whether something is being sent or due now."""
        return bool(self._tasks) or bool(self._due and self._due[0][0] <= self._now())

    async def idle(self) -> None:
        """Wait for what is being sent."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def clear(self) -> None:
        """Give up everything that waits or is under way."""
        self._due.clear()
        for task in list(self._tasks):
            task.cancel()
        await self.idle()

    async def stop(self) -> None:
        """Stop sending; what is queued stays queued in the record."""
        await self.clear()
        if self._session is not None:
            await self._session.close()
