"""The gateways' entrance: always a screen, in time; who may call; what is done once they left."""

import asyncio
from ipaddress import ip_network
from typing import Any, ClassVar

import aiohttp
import pytest

from bot.channels.ussd import GatewayOptions, Manners
from bot.dialog import Answer, Inbound
from bot.web import GatewayEntry, Limits
from tests.gateways import CODE, gateway_of, simulate
from tests.web.conftest import take_faults
from tests.web.fakes import MSISDN, SECRET, FakeTurns, World, serve

PATH = f"/ussd/africastalking/{SECRET}"
FORM = {
    "sessionId": "ATUid_1",
    "phoneNumber": MSISDN,
    "networkCode": "62001",
    "serviceCode": "*920*10#",
    "text": "",
}


async def dial(
    http: aiohttp.ClientSession, world: World, headers: Any = None, **changes: str
) -> tuple[int, str]:
    async with http.post(world.url + PATH, data=FORM | changes, headers=headers) as reply:
        return reply.status, await reply.text()


async def test_a_dial_is_a_turn_and_its_answer_a_screen(world: World, http: aiohttp.ClientSession) -> None:
    assert await dial(http, world) == (200, "CON Screen 1")
    (inbound,) = world.turns.heard
    assert (inbound.channel, inbound.address.value) == ("ussd", MSISDN)
    assert inbound.session is not None
    assert (inbound.session.gateway, inbound.session.id) == ("africastalking", "ATUid_1")


async def test_hubtel_speaks_json(world: World, http: aiohttp.ClientSession) -> None:
    body = {
        "Type": "Initiation",
        "Mobile": "233240000001",
        "SessionId": "s1",
        "ServiceCode": "713",
        "Message": "*713#",
        "Operator": "mtn",
        "Sequence": 1,
        "ClientState": "",
        "Platform": "USSD",
    }
    async with http.post(world.url + f"/ussd/hubtel/{SECRET}", json=body) as reply:
        assert reply.status == 200
        answer = await reply.json()
    assert answer["Message"] == "Screen 1"


async def test_a_turn_that_fails_ends_in_polite_words(log: list[Any], http: aiohttp.ClientSession) -> None:
    async def fail(inbound: Inbound) -> Answer:
        raise RuntimeError(f"the store is away for {inbound.address.value}")

    async with serve(turns=FakeTurns(on_take=fail)) as world:
        assert await dial(http, world) == (200, "END Sorry, please dial again.")
        # For its gateway the session is over; what comes with its id again is another one.
        assert [(gateway, why) for gateway, _, _, why in world.turns.gone] == [("africastalking", "failed")]
    (fault,) = take_faults(log)
    assert fault["error"] == "RuntimeError"
    assert MSISDN not in str(fault)


async def test_an_answer_too_late_is_the_timeout_reply_and_the_turn_goes_on(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def slow(inbound: Inbound) -> Answer:
        await go_on.wait()
        ended.set()
        return Answer("late", keep_open=True)

    async with serve(turns=FakeTurns(on_take=slow), limits=Limits(answer_s=0.01)) as world:
        assert await dial(http, world) == (200, "END Sorry, please dial again.")
        assert not ended.is_set()
        go_on.set()
        await ended.wait()


async def test_a_turn_is_not_cut_when_the_server_stops(log: list[Any], http: aiohttp.ClientSession) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def slow(inbound: Inbound) -> Answer:
        began.set()
        await asyncio.sleep(0)
        ended.set()
        return Answer("late", keep_open=True)

    async with serve(turns=FakeTurns(on_take=slow), limits=Limits(answer_s=0)) as world:
        await dial(http, world)
    assert began.is_set()
    assert ended.is_set()


async def test_two_deliveries_at_once_both_reach_the_turns(world: World, http: aiohttp.ClientSession) -> None:
    """Which of them counts is the turns' business: the same key arrives twice."""
    answers = await asyncio.gather(dial(http, world), dial(http, world))
    assert {status for status, _ in answers} == {200}
    first, second = world.turns.heard
    assert first == second


async def test_the_end_event_tells_that_the_person_left(world: World, http: aiohttp.ClientSession) -> None:
    event = FORM | {"status": "Incomplete", "date": "2026-11-21 10:00:00", "input": "1*2"}
    async with http.post(world.url + PATH + "/events", data=event) as reply:
        assert reply.status == 200
    assert world.turns.gone == [("africastalking", "ATUid_1", MSISDN, "incomplete")]


async def test_the_end_event_is_acknowledged_even_if_we_fail(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    class Failing(FakeTurns):
        async def left(
            self, gateway: str, session_id: str, msisdn: str, why: str, cumulative: str | None = None
        ) -> None:
            raise RuntimeError("the store is away")

    async with serve(turns=Failing()) as world:
        event = FORM | {"status": "Incomplete", "date": "2026-11-21 10:00:00"}
        async with http.post(world.url + PATH + "/events", data=event) as reply:
            assert reply.status == 200
    assert len(take_faults(log)) == 1


async def test_an_adapter_that_breaks_is_a_400(log: list[Any], http: aiohttp.ClientSession) -> None:
    class Broken:
        manners: ClassVar = Manners(name="broken", title="Broken", says_new=False, reports_end=False)
        options: ClassVar = GatewayOptions

        def __init__(self, given: Any) -> None:
            pass

        def read(self, request: Any, *, region: str) -> Any:
            raise KeyError(region)

        def build_reply(self, heard: Any, text: str, *, keep_open: bool) -> Any:
            raise AssertionError

    async with (
        serve(gateways={"broken": GatewayEntry(Broken(None), SECRET)}) as world,
        http.post(world.url + f"/ussd/broken/{SECRET}", data=b"x") as reply,
    ):
        assert reply.status == 400
    assert len(take_faults(log)) == 1


HOME = ip_network("127.0.0.0/8")


@pytest.mark.parametrize(
    ("allow", "trusted", "forwarded", "status"),
    [
        ((), (), None, 200),
        ((HOME,), (), None, 200),
        ((ip_network("192.0.2.0/24"),), (), None, 403),
        # Nobody is believed about X-Forwarded-For but a trusted proxy.
        ((ip_network("192.0.2.0/24"),), (), "192.0.2.7", 403),
        ((ip_network("192.0.2.0/24"),), (HOME,), "192.0.2.7", 200),
        ((ip_network("192.0.2.0/24"),), (HOME,), "192.0.2.7:4711", 200),
        # What the caller itself wrote stands left of what our proxy saw.
        ((ip_network("192.0.2.0/24"),), (HOME,), "192.0.2.7, 198.51.100.9", 403),
        ((ip_network("192.0.2.0/24"),), (HOME, ip_network("10.0.0.0/8")), "192.0.2.7, 10.1.2.3", 200),
        ((ip_network("192.0.2.0/24"),), (HOME,), "nonsense", 403),
        ((ip_network("192.0.2.0/24"),), (HOME,), "192.0.2.7, unknown", 403),
        ((ip_network("2001:db8::/32"),), (HOME,), "[2001:db8::1]:443", 200),
        ((ip_network("192.0.2.0/24"),), (HOME,), "::ffff:192.0.2.7", 200),
        # The proxy itself, where it forwards for nobody.
        ((HOME,), (HOME,), None, 200),
    ],
)
async def test_only_listed_addresses_may_call(
    log: list[Any], http: aiohttp.ClientSession, allow: Any, trusted: Any, forwarded: str | None, status: int
) -> None:
    entry = GatewayEntry(gateway_of("africastalking"), SECRET, allow)
    headers = {"X-Forwarded-For": forwarded} if forwarded else None
    async with serve(gateways={"africastalking": entry}, trusted_proxies=trusted) as world:
        got, _ = await dial(http, world, headers)
        assert got == status
        assert len(world.turns.heard) == (status == 200)


async def test_an_empty_secret_lets_nobody_in(log: list[Any], http: aiohttp.ClientSession) -> None:
    entry = GatewayEntry(gateway_of("africastalking"), "")
    async with (
        serve(gateways={"africastalking": entry}) as world,
        http.post(world.url + "/ussd/africastalking/", data=FORM) as reply,
    ):
        assert reply.status == 404


async def test_anothers_account_at_a_gateway_is_noted(http: aiohttp.ClientSession) -> None:
    noted: list[tuple[str, dict[str, Any]]] = []
    entry = GatewayEntry(gateway_of("arkesel", user="OURS"), SECRET)
    sent = simulate("arkesel", MSISDN).dial(CODE)
    async with (
        serve(
            gateways={"arkesel": entry},
            security=lambda kind, /, **about: noted.append((kind, about)),
        ) as world,
        http.post(f"{world.url}/ussd/arkesel/{SECRET}", data=sent.body) as reply,
    ):
        assert reply.status == 403
        assert world.turns.heard == []
    ((kind, about),) = noted
    assert (kind, about["gateway"], str(about["address"])) == ("gateway_account", "arkesel", "127.0.0.1")
