"""The way to the network, and whether a call that broke had left.

The only module that knows which HTTP engine is underneath: `open_transport` is the line to change
when httpx or its aiohttp transport is replaced. What it returns keeps one promise the sender relies
on: `httpx.ConnectError`, `ConnectTimeout` and `PoolTimeout` mean that no byte of the request left;
every other error means that it may have.
"""

import functools
import ssl

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

__all__ = ["open_transport"]

# Idle connections are given up before a provider's gateway does: a request that meets a connection
# closed under it counts as lost, and with money a lost request is a minute of asking.
_KEEP_ALIVE_S = 15.0


def open_transport() -> httpx.AsyncBaseTransport:
    """A pool of connections for one event loop; connects at first use."""
    return _Transport(verify=_trusted(), client=_open_session)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The authorities everybody trusts, read once a process: that takes some 40 ms."""
    return httpx.create_ssl_context()


def _open_session() -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        # No limit of the pool's own: the sender has one per account, so none can starve another.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        # A call without a body must not claim to carry one.
        skip_auto_headers=("Content-Type",),
    )
    # aiohttp sends a GET again by itself where the connection was closed under it. Whether a question
    # is asked again, and when, is decided by those who keep its distance from the last one.
    session._retry_connection = False
    return session


class _Transport(AiohttpTransport):
    """httpx-aiohttp with its errors set right.

    Version 0.2 calls every aiohttp connection error a ConnectTimeout, a refused connection and one
    that broke after the request alike, and lets a reply that is not HTTP through as aiohttp's own.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.TransportError as error:
            raise _honest(error.__cause__ or error) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _honest(error) from None


def _honest(error: BaseException) -> httpx.TransportError:
    # The text of aiohttp's errors may hold the URL, and URLs hold numbers: only the kind goes on.
    kind = type(error).__name__
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            return httpx.ConnectError(kind)
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(kind)
        case TimeoutError():
            return httpx.ReadTimeout(kind)
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(kind)
        case _:
            return httpx.ReadError(kind)
