"""What runs beside the requests: work that outlives its answer, and streams that end with the server."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from bot.web.answers import log_unexpected
from bot.web.parts import WebParts
from bot.web.room import Room

__all__ = ["BACKGROUND", "CLOSING", "PARTS", "ROOM", "Background", "EventStream", "wait_unless_closing"]

T = TypeVar("T")

_FINISH_S = 10.0


class Background:
    """Tasks nobody waits for any more; the server waits for them when it stops."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, what: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` to its end whatever becomes of the caller. Its failure is logged under `what`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def ended(task: asyncio.Task[T]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                log_unexpected(what, error)

        task.add_done_callback(ended)
        return task

    async def finish(self) -> None:
        """Wait for everything, ten seconds at the most; then cancel."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=_FINISH_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


PARTS = web.AppKey("parts", WebParts)
BACKGROUND = web.AppKey("background", Background)
ROOM = web.AppKey("room", Room)
# Set when the server stops: every stream ends by itself then.
CLOSING = web.AppKey("closing", asyncio.Event)


async def wait_unless_closing(app: web.Application, work: asyncio.Task[T], *events: asyncio.Event) -> None:
    """Wait for `work`, or until the server stops or one of `events` is set. Raises what `work` raised."""
    endings = [asyncio.create_task(event.wait()) for event in (app[CLOSING], *events)]
    try:
        await asyncio.wait({work, *endings}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for ending in endings:
            ending.cancel()
    if work.done():
        work.result()


class EventStream:
    """A server-sent event stream to one browser."""

    def __init__(self, request: web.Request, heartbeat_s: float) -> None:
        self._request = request
        self._heartbeat_s = heartbeat_s
        self._response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would keep events back otherwise
            }
        )
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()

    async def open(self) -> web.StreamResponse:
        """Send the head, and a comment so that the browser knows at once that it is connected."""
        await self._response.prepare(self._request)
        await self._write(b"retry: 1000\n: open\n\n")
        return self._response

    @property
    def gone(self) -> bool:
        """Whether the stream should end: the browser left or the server stops."""
        transport = self._request.transport
        return self._request.app[CLOSING].is_set() or transport is None or transport.is_closing()

    async def send(self, event: str, value: Any, event_id: str = "") -> None:
        head = f"event: {event}\n" + (f"id: {event_id}\n" if event_id else "")
        await self._write(head.encode() + b"data: " + msgspec.json.encode(value) + b"\n\n")

    async def beat(self) -> None:
        """Call now and then: a comment once the stream was silent for long, so that proxies keep it."""
        if self._loop.time() - self._last >= self._heartbeat_s:
            await self._write(b": still here\n\n")

    async def _write(self, data: bytes) -> None:
        self._last = self._loop.time()
        await self._response.write(data)
