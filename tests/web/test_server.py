"""The server under the application: broken requests, and requests that never come."""

import asyncio
import json
from itertools import product
from typing import Any, cast

import aiohttp
import pytest

from bot.dialog import Answer, Inbound
from bot.web.answers import make_server_logger
from bot.web.bodies import BadBody, read_body
from bot.web.server import _Handler
from tests.web.fakes import SECRET, World, serve
from tests.web.raw import request, send_raw


def port_of(world: World) -> int:
    return int(world.url.rsplit(":", 1)[1])


READY = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


def test_the_server_logs_no_traceback(log: list[Any]) -> None:
    make_server_logger().exception("Error handling %s", "1.2.3.4", exc_info=ValueError("secret"))
    assert log == [{"event": "web.broken_request", "error": "ValueError", "log_level": "warning"}]


@pytest.mark.parametrize(
    "data",
    [
        request("BREW", f"/ussd/africastalking/{SECRET}"),
        request("POST", f"/ussd/africastalking/{SECRET}\x7f"),
        request("POST", f"/ussd/africastalking/{SECRET}", "X: a\x00b"),
        request("POST", f"/ussd/africastalking/{SECRET}", "X: " + "a" * 9_000),
        b"\x16\x03\x01 +233240000001\r\n\r\n",
    ],
)
async def test_a_broken_request_is_not_quoted(log: list[Any], data: bytes) -> None:
    async with serve() as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(world))
        writer.write(data)
        answer = await reader.read()  # to the end: the connection is closed
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400") or head.startswith(b"HTTP/1.0 400")
    assert json.loads(body) == {"error": "The request cannot be read."}
    assert b"X-Frame-Options: DENY" in head
    assert b"Server: Kasapay" in head
    assert all(line["log_level"] == "warning" for line in log)


HALVES = (b"POST /ussd/africas", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-", b"\r\nG")


@pytest.mark.parametrize(("before", "data"), [(b"", b""), *product((b"", READY), HALVES)])
async def test_a_head_that_does_not_come_ends_the_connection(before: bytes, data: bytes) -> None:
    async with serve(served={"head_s": 0.05}) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(world))
        if before:
            writer.write(before)
            await reader.readuntil(b"alive\n")
        writer.write(data)
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()


async def test_a_connection_between_two_requests_stays() -> None:
    async with serve(served={"head_s": 0.02}) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(world))
        for _ in range(3):
            writer.write(READY + b"\r\n")
            await reader.readuntil(b"alive\n")
            await asyncio.sleep(0.05)
        writer.close()


async def test_a_long_request_is_not_hurried() -> None:
    """Its body comes behind its head; the answer takes longer than a head may."""
    async with serve(served={"head_s": 0.02}) as world:

        async def slowly(_: Inbound) -> Answer:
            await asyncio.sleep(0.1)
            return Answer("Screen 1", keep_open=True)

        world.turns.on_take = slowly
        form = b"sessionId=s&phoneNumber=%2B233240000001&serviceCode=*920*10%23&text="
        head = request(
            "POST",
            f"/ussd/africastalking/{SECRET}",
            f"Content-Length: {len(form)}",
            "Content-Type: application/x-www-form-urlencoded",
        )
        assert await send_raw(world.url, head + form) == (200, b"CON Screen 1")


async def test_a_body_whose_sender_has_left_is_no_fault_of_ours() -> None:
    class Left:
        content_length = None

        @property
        def content(self) -> "Left":
            return self

        async def readany(self) -> bytes:
            raise RuntimeError("Connection closed.")  # what aiohttp says

    with pytest.raises(BadBody):
        await read_body(cast(Any, Left()), limit=10, deadline_s=1)


@pytest.mark.parametrize("secure", [True, False])
async def test_behind_https_a_browser_is_told_to_stay_there(
    secure: bool, http: aiohttp.ClientSession
) -> None:
    async with serve(secure_cookies=secure) as world:
        for path in ("/healthz", "/chat", "/static/chat.css", "/nowhere", "/ussd/hubtel/wrong"):
            async with http.get(world.url + path) as reply:
                told = reply.headers.get("Strict-Transport-Security")
                assert told == ("max-age=31536000" if secure else None), path


def test_a_connection_that_is_given_up_does_not_wait_for_its_reader() -> None:
    """Whatever the loop's transports are: uvloop's are no asyncio.Transport."""
    done: list[str] = []

    class Transport:
        def close(self) -> None:
            done.append("close")

        def abort(self) -> None:
            done.append("abort")

    handler = cast(Any, object.__new__(_Handler))
    handler.transport, handler._waiter = Transport(), None
    handler._abort()
    assert done[-1] == "abort"
