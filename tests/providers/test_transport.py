"""Which broken calls had left, on real sockets: the difference between NotSent and Unknown."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import httpx
import pytest

from bot.providers.transport import _honest, open_transport

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@contextlib.asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/x?msisdn=233240000001"
        await ended.wait()


async def post(url: str, timeout_s: float = 10.0) -> httpx.Response:
    transport = open_transport()
    try:
        timeout = httpx.Timeout(timeout_s).as_dict()
        request = httpx.Request("POST", url, content=b"{}", extensions={"timeout": timeout})
        response = await transport.handle_async_request(request)
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response
    finally:
        await transport.aclose()


async def take(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"{}")


async def close_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take(reader)


async def reset_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take(reader)
    taken = writer.get_extra_info("socket")
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def speak_no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take(reader)
    writer.write(b"\x00\x01 233240000001 \r\n\r\n")


async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")


async def write_a_huge_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")


async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    "talk",
    [
        close_after_the_request,
        reset_after_the_request,
        close_at_once,
        speak_no_http,
        break_off,
        write_a_huge_header,
    ],
)
async def test_once_connected_a_broken_call_may_have_left(talk: Talk) -> None:
    async with server(talk) as url:
        with pytest.raises(httpx.TransportError) as caught:
            await post(url)
    assert not isinstance(caught.value, NEVER_LEFT)


async def test_silence_ends_with_a_read_timeout() -> None:
    async with server(stay_silent) as url:
        with pytest.raises(httpx.ReadTimeout):
            await post(url, 0.2)


async def test_a_refused_connection_never_left() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError):
            await post(f"http://127.0.0.1:{taken.getsockname()[1]}/x")


async def test_a_failed_handshake_never_left() -> None:
    async with server(speak_plainly) as url:
        with pytest.raises(httpx.ConnectError):
            await post(url.replace("http:", "https:"))


async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # to a TLS greeting


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ServerDisconnectedError(), httpx.ReadError),
        (aiohttp.ClientOSError(), httpx.ReadError),
        (aiohttp.ClientConnectionResetError(), httpx.ReadError),
        (aiohttp.ServerTimeoutError(), httpx.ReadTimeout),
        (aiohttp.SocketTimeoutError(), httpx.ReadTimeout),
        (aiohttp.ConnectionTimeoutError(), httpx.ConnectTimeout),
        (aiohttp.InvalidURL("x"), httpx.ConnectError),
        (aiohttp.ClientPayloadError(), httpx.ReadError),
        (BrokenPipeError(), httpx.ReadError),
        (ConnectionRefusedError(), httpx.ReadError),  # not where aiohttp wraps it: so not known to be unsent
    ],
)
def test_every_doubt_counts_as_left(error: Exception, kind: type) -> None:
    assert type(_honest(error)) is kind


async def test_a_question_whose_connection_closes_is_not_asked_again_by_itself() -> None:
    heard = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        await reader.readuntil(b"\r\n\r\n")
        heard += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    transport = open_transport()
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(httpx.TransportError):
            await transport.handle_async_request(httpx.Request("GET", url))
        assert heard == 1
    finally:
        await transport.aclose()
        server.close()
