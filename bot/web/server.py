"""The HTTP server under the application: what it says to bytes that are no request, and how long it waits
for bytes to become one.

aiohttp answers a broken request by quoting it, and leaves a connection that never sends a whole head
open for an hour. Its `Server` takes no handler class, hence the change of class in `_Runner`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from bot.web.answers import answer_error, dress, make_server_logger

__all__ = ["make_runner"]

_OPTIONS: Final[Mapping[str, Any]] = {
    "access_log": None,
    "logger": make_server_logger(),
    "lingering_time": 2.0,
    "shutdown_timeout": 10.0,
    # Seconds from a connection to its first request, and from the first byte of a later one to its head.
    "head_s": 5.0,
}


def make_runner(app: web.Application, **other: Any) -> web.AppRunner:
    """How the application is run: no access log, no tracebacks for broken requests, short good-byes.
    `other` replaces options."""
    return _Runner(app, **{**_OPTIONS, **other})


class _Handler(web.RequestHandler):
    """One connection."""

    def __init__(self, manager: web.Server, *, head_s: float, **options: Any) -> None:
        super().__init__(manager, **options)
        self._head_s = head_s
        self._hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        # Bytes that come while a request is worked on are its body, or wait for their turn.
        idle = self._waiter is not None and not self._waiter.done()
        before = self._request_count
        super().data_received(data)
        if self._request_count > before:
            self._stop_waiting()
        elif idle and data.strip(b"\r\n"):  # line ends behind a body are an old habit of some clients
            self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

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


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server
