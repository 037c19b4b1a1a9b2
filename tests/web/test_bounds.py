"""The bounds as callers meet them, on real sockets."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_network

import aiohttp

from bot.dialog import Answer, Inbound
from bot.web.background import CLOSING, ROOM
from bot.web.parts import Bounds
from tests.web.fakes import SECRET, World, serve
from tests.web.raw import request

FEW = Bounds(connections=4, guests=2, reserve=2, per_address=4, streams=2, streams_per_address=1)
LOOPBACK = (ip_network("127.0.0.0/8"),)
READY = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
FORM = b"sessionId=s&phoneNumber=%2B233240000001&serviceCode=*920*10%23&text="
DIAL = request(
    "POST",
    f"/ussd/africastalking/{SECRET}",
    f"Content-Length: {len(FORM)}",
    "Content-Type: application/x-www-form-urlencoded",
    body=FORM,
)


class Socket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes) -> int:
        """The status of the answer; 0 where the connection ended without one."""
        try:
            self.writer.write(data)
            head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r")[0]
            await self.reader.readexactly(int(length or b"0"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        return int(head.split(b" ", 2)[1])

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


async def connect(world: World, stack: AsyncExitStack) -> Socket:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(world.url.rsplit(":", 1)[1]))
    stack.callback(writer.close)
    return Socket(reader, writer)


def hold_turns(world: World) -> asyncio.Event:
    """Turns wait until the event is set."""
    going_on = asyncio.Event()

    async def slowly(_: Inbound) -> Answer:
        await going_on.wait()
        return Answer("Screen 1", keep_open=True)

    world.turns.on_take = slowly
    return going_on


async def test_idle_connections_make_room() -> None:
    async with serve(bounds=FEW) as world, AsyncExitStack() as stack:
        idle = [await connect(world, stack) for _ in range(4)]
        assert [await one.ask(READY) for one in idle] == [200] * 4
        assert await (await connect(world, stack)).ask(DIAL) == 200
        assert await idle[0].ended()


async def test_strangers_who_are_busy_cannot_keep_a_gateway_out() -> None:
    bounds = replace(FEW, per_address=100)
    async with serve(bounds=bounds) as world, AsyncExitStack() as stack:
        slow = request("POST", "/callbacks/momo/x", "Content-Length: 9", "Expect: 100-continue")
        for _ in range(4):
            assert await (await connect(world, stack)).ask(slow) == 100
        assert await (await connect(world, stack)).ask(request("GET", "/chat")) == 503
        assert await (await connect(world, stack)).ask(READY) == 200
        wrong = DIAL.replace(SECRET.encode(), b"x" * len(SECRET))
        assert await (await connect(world, stack)).ask(wrong) == 404
        gateway = await connect(world, stack)
        assert [await gateway.ask(DIAL) for _ in range(3)] == [200] * 3, "and its connection stays"


async def test_streams_are_bounded_by_the_address_behind_the_proxy() -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(serve(bounds=FEW, trusted_proxies=LOOPBACK))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        )
        await (await http.get(f"{world.url}/chat")).read()

        async def follow(address: str) -> int:
            answer = await http.get(f"{world.url}/chat/events", headers={"X-Forwarded-For": address})
            stack.callback(answer.close)
            return answer.status

        assert [await follow(f"192.0.2.{n}") for n in (1, 1, 2, 3)] == [200, 429, 200, 429]


async def test_an_answer_that_nobody_takes_is_given_up() -> None:
    async with serve(served={"answer_s": 0.05}) as world, AsyncExitStack() as stack:
        going_on = hold_turns(world)
        assert await (await connect(world, stack)).ask(DIAL) == 0
        going_on.set()


async def test_a_stream_lasts_longer_than_an_answer_may() -> None:
    async with (
        serve(served={"answer_s": 0.05}) as world,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
    ):
        await (await http.get(f"{world.url}/chat")).read()
        async with http.get(f"{world.url}/chat/events") as answer:
            await answer.content.readuntil(b": open\n")
            await asyncio.sleep(0.1)
            world.app[CLOSING].set()
            async with asyncio.timeout(10):
                await answer.content.read()  # ended by us and whole, not broken off


async def test_a_connection_between_requests_ends_after_a_while() -> None:
    served = {"keepalive_timeout": 0.05, "longer_s": 30.0}
    async with serve(served=served) as world, AsyncExitStack() as stack:
        one = await connect(world, stack)
        assert await one.ask(READY) == 200
        gateway = await connect(world, stack)
        assert await gateway.ask(DIAL) == 200
        assert await one.ended()
        assert await gateway.ask(DIAL) == 200, "who has the secret may keep it"
        assert world.app[ROOM].connections == 1
