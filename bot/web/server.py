"""The HTTP server under the application: what it says to bytes that are no request, and how long it waits
for bytes to become one. Every connection has its place in the room, or is not taken.

aiohttp answers a broken request by quoting it, and leaves a connection that never sends a whole head
open for an hour. Its `Server` takes no handler class, hence the change of class in `_Runner`.
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from bot.web.answers import answer_error, dress, make_server_logger
from bot.web.background import ROOM
from bot.web.peers import socket_address
from bot.web.room import Place, Room

__all__ = ["make_runner"]

_OPTIONS: Final[Mapping[str, Any]] = {
    "access_log": None,
    "logger": make_server_logger(),
    "lingering_time": 2.0,
    "shutdown_timeout": 10.0,
    # Seconds from a connection to its first request, and from the first byte of a later one to its head.
    "head_s": 5.0,
    # Seconds between two requests, and for a whole answer that is no stream.
    "keepalive_timeout": 15.0,
    "answer_s": 120.0,
    # So much longer for proxies and gateways, which keep connections for their next request: where we end
    # one first, that is lost on its way.
    "longer_s": 60.0,
}
# Milliseconds after which who takes nothing of what we sent is gone, where the system knows how.
_UNREAD_MS: Final = 30_000
_USER_TIMEOUT: Final = getattr(socket, "TCP_USER_TIMEOUT", None)


def make_runner(app: web.Application, **other: Any) -> web.AppRunner:
    """How the application is run: no access log, no tracebacks for broken requests, short good-byes.
    `other` replaces options."""
    return _Runner(app, **{**_OPTIONS, "room": app[ROOM], **other})


class _Handler(web.RequestHandler):
    """One connection."""

    def __init__(
        self,
        manager: web.Server,
        *,
        head_s: float,
        answer_s: float,
        longer_s: float,
        room: Room,
        **options: Any,
    ) -> None:
        super().__init__(manager, **options)
        self._head_s = head_s
        self._answer_s = answer_s
        self._longer_s = longer_s
        self._hurry: asyncio.TimerHandle | None = None
        self._room = room
        self.place: Place | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        _end_when_unread(transport)
        self.place = self._room.enter(self._abort, socket_address(transport))
        super().connection_made(transport)
        if self.place is None:
            self._abort()
            return
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        # Bytes that come while a request is worked on are its body, or wait for their turn.
        idle = self._waiter is not None and not self._waiter.done()
        before = self._request_count
        super().data_received(data)
        if self._request_count > before:
            self._stop_waiting()
            if self.place is not None:
                self._room.begin(self.place)
        elif idle and data.strip(b"\r\n"):  # line ends behind a body are an old habit of some clients
            self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_waiting()
        if self.place is not None:
            self._room.leave(self.place)
        super().connection_lost(exc)

    async def _handle_request(self, *about: Any) -> tuple[web.StreamResponse, bool]:
        """A request, to the end of its answer: until then the connection is not idle."""
        place = self.place
        assert place is not None
        # It began as its head was whole; a next one, sent behind it at once, begins here.
        self._room.begin(place)
        late = asyncio.get_running_loop().call_later(self._answer_s, self._give_up, place)
        try:
            return await super()._handle_request(*about)
        finally:
            late.cancel()
            self._room.rest(place)

    def _process_keepalive(self) -> None:
        place, loop = self.place, asyncio.get_running_loop()
        if place is not None and (place.proxied or place.of_gateway):
            ends_at = self._next_keepalive_close_time + self._longer_s
            if loop.time() < ends_at:
                self._keepalive_handle = loop.call_at(ends_at, self._process_keepalive)
                return
        super()._process_keepalive()

    def _give_up(self, place: Place) -> None:
        if not place.streaming:
            self._abort()

    def _abort(self) -> None:
        """End it now: closing would wait until what was sent is read."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """One sentence: `message` quotes what was sent, and a path holds a secret."""
        status = super().handle_error(request, status, exc, message).status
        said = "The request cannot be read." if status < 500 else "Something went wrong on our side."
        answer = answer_error(request, status, said)
        dress(answer)
        answer.force_close()
        return answer

    def _expect_head(self) -> None:
        if self._hurry is None:
            self._hurry = asyncio.get_running_loop().call_later(self._head_s, self.force_close)

    def _stop_waiting(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None


def _end_when_unread(transport: asyncio.BaseTransport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None and _USER_TIMEOUT is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, _UNREAD_MS)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server
