"""What the try-it page reads: its set-up, the orders as they change, and the sandbox behind a proxy."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from bot.channels.ussd import GATEWAYS
from bot.dialog import Typed
from bot.money import OrderKind, OrderState, Source
from bot.store.records import MerchantRow, OrderRow, Transition
from bot.web import Limits
from bot.web.cookies import address_of, issue_cookie
from tests.web.fakes import SECRET, TRYIT, World, serve

CHAT = issue_cookie(b"k" * 32)
COOKIE = {"Cookie": f"kasapay_chat={CHAT}"}
FAST = Limits(orders_poll_s=0.005)
ORDER = OrderRow(
    id="o1",
    code="K7QX2A9M",
    kind=OrderKind.COLLECTION,
    state=OrderState.NEW,
    account_id="momo",
    merchant_id="s1",
    person_id="p1",
    amount_minor=1250,
    currency="GHS",
    payer="+233240000001",
    reference="r1",
    origin_channel="ussd",
    origin_kind="msisdn",
    origin_value="+233240000001",
    created_ms=1_000,
    updated_ms=1_000,
)


def put_order(world: World) -> None:
    world.store.shops["s1"] = MerchantRow("s1", "1001", "Ama's Kitchen", "momo", "GHS", 0)
    world.store.orders["o1"] = ORDER
    world.store.lines["o1"] = [Transition("o1", 0, None, OrderState.NEW, Source.US, 1_000)]


def move(world: World, said: OrderState) -> None:
    row = world.store.orders["o1"]
    world.store.lines["o1"].append(Transition("o1", 1, row.state, said, Source.CALLBACK, 2_000))
    world.store.orders["o1"] = msgspec.structs.replace(row, state=said, version=row.version + 1)


class Pretend:
    """A sandbox that says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.say: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.left = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path, request.query_string, await request.read()))
        if request.path != "/_sandbox/events":
            return web.json_response({"saw": request.path}, status=418, headers={"X-Inner": "1"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while (line := await self.say.get()) is not None:
                await response.write(line)
        except ConnectionError:
            self.left.set()
        return response


@asynccontextmanager
async def both(**given: Any) -> AsyncIterator[tuple[World, Pretend]]:
    """The page's server, and a pretend sandbox behind it."""
    pretend = Pretend()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", pretend.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with serve(tryit=replace(TRYIT, sandbox_url=url), **({"limits": FAST} | given)) as world:
            yield world, pretend
    finally:
        pretend.say.put_nowait(None)
        await runner.cleanup()


async def read_events(reply: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in reply.content:
        if line.startswith(b"event: "):
            name = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])


async def first(stream: AsyncIterator[tuple[str, Any]], name: str) -> Any:
    async for event, data in stream:
        if event == name:
            return data
    pytest.fail(f"no {name} came")


async def test_the_set_up_names_everybody(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(tryit=TRYIT) as world, http.get(world.url + "/try/setup") as reply:
        setup = await reply.json()
    assert setup["short_code"] == "*920*10#"
    assert setup["customers"][0] == {"label": "Ama", "msisdn": "+233240000001", "pin": "1234"}
    assert setup["staff"] == [{"label": "Esi", "msisdn": "+233240000009", "pin": "4321", "merchant": "1001"}]
    assert [merchant["code"] for merchant in setup["merchants"]] == ["1001", "1002", "1003"]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_the_pages_phone_is_behind_each_gateway(
    log: list[Any], http: aiohttp.ClientSession, gateway: str
) -> None:
    async def play(call: dict[str, Any]) -> Any:
        async with http.post(f"{world.url}/try/phone", json=call) as reply:
            assert reply.status == 200
            return (await reply.json())["screen"]

    async with serve(tryit=TRYIT) as world:
        call = {"gateway": gateway, "msisdn": "+233240000001", "session": "s1", "dialled": "*920*10*1001#"}
        first = await play(call)
        again = await play(call)
        second = await play(call | {"typed": ["5"]})
        await play(call | {"typed": ["5"], "ended": "left"})
    assert (first["text"], first["is_open"], again["text"]) == ("Screen 1", True, "Screen 2")
    assert second["text"] == "Screen 3"
    dial, repeat, answer = world.turns.heard
    assert dial == repeat
    assert dial.session.dial_args == ("1001",) or dial.session.cumulative == "1001"
    assert answer.session.cumulative == "1001*5" or answer.input == Typed("5")
    assert bool(world.turns.gone) is GATEWAYS[gateway].manners.reports_end


async def test_the_pages_phone_reaches_no_gateway_that_is_none(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    call = {"gateway": "../secrets", "msisdn": "+233240000001", "session": "s1", "dialled": "*920*10#"}
    async with serve(tryit=TRYIT) as world, http.post(f"{world.url}/try/phone", json=call) as reply:
        assert reply.status == 400


async def test_the_page_begins_the_chat_too(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(tryit=TRYIT) as world, http.get(world.url + "/") as reply:
        assert "kasapay_chat=" in reply.headers["Set-Cookie"]
        assert "Ama&#39;s Kitchen" in await reply.text()


async def test_orders_show_numbers_masked_and_every_step(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(tryit=TRYIT) as world:
        put_order(world)
        move(world, OrderState.PENDING)
        async with http.get(world.url + "/try/orders") as reply:
            text = await reply.text()
    assert "233240000001" not in text
    (order,) = json.loads(text)["orders"]
    assert (order["code"], order["state"], order["amount"]) == ("K7QX2A9M", "PENDING", "GHS 12.50")
    assert (order["merchant"], order["provider"], order["payer"]) == (
        "Ama's Kitchen",
        "MTN MoMo",
        "+233***001",
    )
    assert order["transitions"] == [
        {"from": "", "to": "NEW", "source": "us", "at": 1_000, "reason": ""},
        {"from": "NEW", "to": "PENDING", "source": "callback", "at": 2_000, "reason": ""},
    ]


async def test_changes_of_orders_are_pushed(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with both() as (world, _), http.get(world.url + "/try/events", headers=COOKIE) as reply:
        stream = read_events(reply)
        put_order(world)
        assert (await first(stream, "order"))["state"] == "NEW"
        move(world, OrderState.PENDING)
        assert (await first(stream, "order"))["state"] == "PENDING"


async def test_one_stream_carries_chat_and_sandbox_too(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with both() as (world, pretend), http.get(world.url + "/try/events", headers=COOKIE) as reply:
        stream = read_events(reply)
        assert await first(stream, "sandbox") == {"event": "up"}
        pretend.say.put_nowait(b'event: sms\ndata: {"msisdn":"233240000001"}\n\n')
        assert await first(stream, "sandbox") == {"event": "sms", "data": {"msisdn": "233240000001"}}
        world.store.say(address_of(CHAT, b"k" * 32), "hello")
        assert (await first(stream, "message"))["text"] == "hello"


async def test_a_sandbox_that_is_away_is_told(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with (
        serve(tryit=TRYIT, limits=FAST) as world,
        http.get(world.url + "/try/events", headers=COOKIE) as reply,
    ):
        assert await first(read_events(reply), "sandbox") == {"event": "down"}


async def test_no_page_no_reading(log: list[Any], http: aiohttp.ClientSession) -> None:
    """The store is read only while somebody looks."""
    async with both() as (world, _):
        assert world.store.reads == 0


async def test_the_proxy_passes_on_and_back(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with both() as (world, pretend):
        url = world.url + "/try/sandbox/handsets/233240000001/prompts/p1?a=%2B1&b="
        async with http.post(url, json={"action": "approve"}) as reply:
            assert (reply.status, await reply.json()) == (
                418,
                {"saw": "/_sandbox/handsets/233240000001/prompts/p1"},
            )
            assert "X-Inner" not in reply.headers
    ((method, path, query, body),) = pretend.asked
    assert (method, path, body) == (
        "POST",
        "/_sandbox/handsets/233240000001/prompts/p1",
        b'{"action": "approve"}',
    )
    assert query in ("a=%2B1&b=", "a=+1&b=")


async def test_the_proxy_streams_events(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with both() as (world, pretend), http.get(world.url + "/try/sandbox/events") as reply:
        pretend.say.put_nowait(b"event: faults\ndata: {}\n\n")
        assert await first(read_events(reply), "faults") == {}


async def test_the_proxy_reaches_nothing_but_the_switches(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    async with both() as (world, pretend):
        for tail in ("..%2Fcollection", "a//b", "%2e%2e/token", "a/%2e%2e/b"):
            async with http.get(aiohttp.client.URL(f"{world.url}/try/sandbox/{tail}", encoded=True)) as reply:
                assert reply.status == 404
        async with http.request("PATCH", world.url + "/try/sandbox/faults") as reply:
            assert reply.status == 405
        async with http.put(
            world.url + "/try/sandbox/faults", json={}, headers={"Sec-Fetch-Site": "cross-site"}
        ) as reply:
            assert reply.status == 403
    assert pretend.asked == []


async def test_a_dead_sandbox_is_502(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(tryit=TRYIT) as world, http.get(world.url + "/try/sandbox/faults") as reply:
        assert (reply.status, await reply.json()) == (502, {"error": "The sandbox does not answer."})


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Host": "localhost:8000"}, True),
        ({"Host": "192.168.1.7:8000"}, True),
        ({"Host": "[fe80::1]:8000"}, True),
        ({"Host": "laptop.local:8000"}, True),
        ({"Host": "tunnel.example"}, True),
        ({"Host": "rebound.evil.example:8000"}, False),
        ({"Host": "192.168.1.7.evil.example"}, False),
        ({"Host": "[::1"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "192.168.1.7:8000", "Origin": "http://192.168.1.7:8000"}, True),
    ],
)
async def test_the_page_is_worked_by_nobody_elses_page(
    http: aiohttp.ClientSession, headers: dict[str, str], allowed: bool
) -> None:
    form = {"sessionId": "s", "phoneNumber": "+233240000001", "serviceCode": "*920*10#", "text": ""}
    async with serve(tryit=TRYIT, hosts=frozenset({"tunnel.example"})) as world:
        url = f"{world.url}/ussd/africastalking/{SECRET}"
        async with http.post(url, data=form, headers=headers) as reply:
            assert reply.status == (200 if allowed else 403)
        looked = {name: value for name, value in headers.items() if name == "Host"}
        async with http.get(world.url + "/try/setup", headers=looked) as reply:
            assert reply.status == (200 if allowed or not looked else 403)
    async with serve() as world, http.get(world.url + "/healthz", headers=headers) as reply:
        assert reply.status == 200, "`serve` has its proxy for that"
