"""The client of the Bot API: python-telegram-bot's own, with three behaviours changed.

The library's Application, handlers and rate limiter are not used. What is changed, and why:
- a 429 becomes `Flooded` before the library makes its RetryAfter, whose value is an int today, a
  timedelta in a later release, and a deprecation warning whenever it is made;
- replies come back as they are: its typed methods raise TypeError for a reply that lacks a field,
  although the message has gone;
- nothing it logs may hold the token, an update or a reply.
"""

import asyncio
import ipaddress
import json
import logging
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest, RequestData

__all__ = ["CALL_FAILURES", "DEFAULT_API_URL", "Flooded", "TelegramBot", "quiet_loggers"]

DEFAULT_API_URL: Final = "https://api.telegram.org"
# Each of these writes the request's address, and so the token, at INFO or DEBUG; the library's own
# DEBUG lines hold whole updates. Source: reference section 6, tried with python-telegram-bot 22.8.
_LOUD_LOGGERS: Final = ("httpx", "httpcore", "telegram")
_LONGEST_PAUSE_S: Final = 86_400.0
_UNSURE_PAUSE_S: Final = 5.0
_CONNECT_S: Final = 5.0


# How a call ends that does not end well: the library's errors, and what it raises itself for a reply
# without a result or of another shape.
CALL_FAILURES: Final = (TelegramError, LookupError, TypeError, ValueError, AttributeError)


class Flooded(TelegramError):
    """Telegram wants a pause of `after_s` seconds."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"too many requests, again after {after_s:g} s")
        self.after_s = after_s


class TelegramBot(Bot):
    """One bot at one Bot API server. Making it opens no connection and needs no event loop.

    `api_url` is the server without its path (`https://api.telegram.org`). At most `connections` calls
    run at once; a call waits `timeout_s` for a connection and as long for its answer.
    """

    def __init__(
        self,
        token: str,
        api_url: str = DEFAULT_API_URL,
        *,
        connections: int = 128,
        timeout_s: float = 10.0,
    ) -> None:
        quiet_loggers()  # before the library logs the address it was given
        base = (api_url or DEFAULT_API_URL).rstrip("/")
        # A proxy named in the environment is for the world outside, not for a server beside us.
        options: dict[str, Any] = {"trust_env": not _is_local(base), "verify": httpx.create_ssl_context()}
        super().__init__(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=_Request(connections, timeout_s, options),
            get_updates_request=_Request(2, timeout_s, options),
        )
        self._timeout_s = timeout_s

    async def call(self, method: str, *, wait_s: float = 0.0, **parameters: Any) -> Any:
        """The `result` of a Bot API method, unparsed. Parameters that are None are left out.

        `wait_s` is how long the server itself may wait before it answers. Raises one of CALL_FAILURES.
        """
        return await self._post(method, parameters, read_timeout=self._timeout_s + wait_s)

    async def close_connections(self) -> None:
        await asyncio.gather(*(request.shutdown() for request in self._request))


class _Request(HTTPXRequest):
    def __init__(self, connections: int, timeout_s: float, options: dict[str, Any]) -> None:
        super().__init__(
            connection_pool_size=connections,
            read_timeout=timeout_s,
            write_timeout=_CONNECT_S,
            connect_timeout=_CONNECT_S,
            pool_timeout=timeout_s,
            httpx_kwargs=options,
        )

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **kwargs: Any
    ) -> tuple[int, bytes]:
        status, payload = await super().do_request(url, method, request_data, *args, **kwargs)
        if not 200 <= status <= 299:
            after_s = _read_pause(payload)
            if after_s is not None:
                raise Flooded(after_s)
        return status, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the library's own, but an unreadable reply is not logged: it may hold anything."""
        try:
            read = json.loads(payload)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise TelegramError("the reply is not a JSON object")
        return read


def quiet_loggers() -> None:
    """Silence the loggers that would write the token or people's messages."""
    for name in _LOUD_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _read_pause(payload: bytes) -> float | None:
    """The pause asked for in a refusal, or None where there is none; an unreadable one is a short one."""
    try:
        seconds = json.loads(payload)["parameters"]["retry_after"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        return _UNSURE_PAUSE_S
    return max(float(min(seconds, _LONGEST_PAUSE_S)), 1.0)


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
