"""Each gateway's simulator over HTTP: whole dialogues, deliveries twice, a crowd at a slow provider.

No answer is the same as the one before it: nobody types as fast as a test, and a gateway that numbers no
turns would be heard repeating itself.
"""

import asyncio
import re

import aiohttp
import pytest

from bot.app.demo import Embedded
from bot.channels.ussd import GATEWAYS
from bot.money import OrderState
from tests.end_to_end.gateways import Phone
from tests.end_to_end.log_keeping import forbid
from tests.end_to_end.processes import Judge, until
from tests.gateways import dialled

EFUA, KWAME = "+233240000001", "+233240000002"
NOBODY = "+233245550001"  # no handset: pays by itself, as at the real sandbox
MOST_SEPTETS = 160
EACH = pytest.mark.parametrize("gateway", GATEWAYS)


def player(gateway: str, live: Embedded, line: aiohttp.ClientSession, msisdn: str) -> Phone:
    secret = live.ussd_path.rsplit("/", 1)[-1]
    return Phone(line, f"{live.url}/ussd/{gateway}/{secret}", msisdn, gateway)


def code_of(screen: str) -> str:
    found = re.search(r"Ref (\d{9})", screen)
    assert found, screen
    return found[1]


@EACH
async def test_a_whole_payment(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, gateway: str
) -> None:
    phone = player(gateway, live, line, EFUA)
    screens = []
    for typed in (None, "1", "1001", "12.50"):
        reply = await phone.say(typed)
        assert reply.open
        assert len(reply.screen) <= MOST_SEPTETS
        screens.append(reply.screen)
    assert screens[0].startswith("Type a merchant code, or choose:\n1 Pay\n2 My payments\n3 Requests\n4 More")
    assert screens[1] == "Enter the merchant code:\n0 Back\n00 Home"
    assert screens[2].startswith("Ama's Kitchen\nAmount (GHS):")
    assert screens[3].startswith("Pay GHS 12.50 to Ama's Kitchen from 0240000001 (Efua M.)?\n1 Yes, pay")
    last = await phone.say("yes")
    assert not last.open
    assert last.screen.startswith("Enter your PIN on 0240000001 when asked: GHS 12.50 to Ama's Kitchen.")
    code = code_of(last.screen)
    order = await judge.one(external_id=code)
    assert (order["amount"], order["currency"], order["party"]) == ("12.5", "GHS", "233240000001")
    await judge.decide(EFUA, "approve")
    assert await judge.told(EFUA, code) == f"Paid: GHS 12.50 to Ama's Kitchen. Ref {code}"
    # What comes for a session that is over gets its last words again, and starts nothing.
    assert await phone.say("1") == last
    assert len(await judge.entries()) == 1


@EACH
async def test_words_on_the_way_back_home_and_mistakes(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, gateway: str
) -> None:
    phone = player(gateway, live, line, EFUA)
    menu = (await phone.say(None)).screen
    asked = (await phone.say("1")).screen
    assert (await phone.say("0")).screen == menu
    assert (await phone.say("1")).screen == asked
    assert "No merchant has that code" in (await phone.say("9999")).screen
    assert "Amount" in (await phone.say("1001")).screen
    assert "Type 1000, not 1,000" in (await phone.say("1,000")).screen
    assert "more than zero" in (await phone.say("0.00")).screen
    last = await phone.say("12*3")  # a star inside an answer is no second answer
    assert last.screen.startswith("We stopped here")
    assert not last.open
    resumed = player(gateway, live, line, EFUA)
    assert (await resumed.say(None)).screen.endswith("1 Continue\n2 Start over")
    assert "Amount (GHS)" in (await resumed.say("1")).screen
    assert (await resumed.say("00")).screen == menu
    assert await judge.entries() == []


@EACH
async def test_leaving_and_coming_back_goes_on(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, gateway: str
) -> None:
    phone = player(gateway, live, line, NOBODY)
    for typed in (None, "1", "1001", "7"):
        await phone.say(typed)
    await phone.leave("timeout")
    back = player(gateway, live, line, NOBODY)
    assert "1 Continue" in (await back.say(None)).screen
    assert "Pay GHS 7.00 to" in (await back.say("1")).screen
    code = code_of((await back.say("yes")).screen)
    assert "Paid: GHS 7.00" in await judge.told(NOBODY, code)


@EACH
async def test_answers_dialled_along(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, gateway: str
) -> None:
    phone = player(gateway, live, line, NOBODY)
    asked = await phone.say(None, dialled("1001", "5"))
    assert asked.screen.startswith("Pay GHS 5.00 to Ama's Kitchen"), "a dial never confirms"
    assert await judge.entries() == []
    last = await phone.say("1")
    assert not last.open
    assert (await judge.one(external_id=code_of(last.screen)))["amount"] == "5"


@EACH
async def test_the_same_request_twice_is_one_turn(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, gateway: str
) -> None:
    """At once, and again afterwards: the same bytes, and one order in the provider's own record."""
    await judge.faults(latency_ms=150)  # the look-up and the request are still under way
    phone = player(gateway, live, line, NOBODY)
    for typed in (None, "1", "1001", "12.50", "yes"):
        request = phone.next(typed)
        first, second = await asyncio.gather(phone.deliver(request), phone.deliver(request))
        assert first.raw == second.raw
        if GATEWAYS[gateway].manners.names_repeats:
            assert (await phone.deliver(request)).raw == first.raw
    code = code_of(first.screen)
    assert not first.open
    await judge.told(NOBODY, f"Paid: GHS 12.50 to Ama's Kitchen. Ref {code}")
    assert (await phone.deliver(request)).raw == first.raw, "even when the result is known"
    (order,) = await judge.entries()
    assert (order["external_id"], order["times_charged"]) == (code, 1)
    assert len([sms for sms in await judge.sms(NOBODY) if code in sms["text"]]) == 1


@EACH
async def test_a_code_delivered_twice_is_one_try(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, gateway: str
) -> None:
    await judge.faults(latency_ms=150)
    phone = player(gateway, live, line, KWAME)
    answers: list[str | None] = [None, "1", "1002", "8", "yes"]
    while answers:
        request = phone.next(answers.pop(0))
        replies = await asyncio.gather(phone.deliver(request), phone.deliver(request))
        assert replies[0].raw == replies[1].raw
        if "Which network?" in replies[0].screen:  # where the gateway does not tell it
            answers.insert(0, "1")
    assert replies[0].screen.startswith("Enter the SMS code sent to 0240000002")
    otp = (await judge.told(KWAME, "is your code")).split()[0]
    forbid(otp)
    request = phone.next(otp)
    first, second = await asyncio.gather(phone.deliver(request), phone.deliver(request))
    assert first.raw == second.raw == (await phone.deliver(request)).raw
    assert first.screen.startswith("Code sent.")
    code = code_of(first.screen)
    await judge.told(KWAME, "Paid: GHS 8.00 to Kofi Books", code)
    (order,) = await judge.entries()
    assert order["times_charged"] == 1


async def test_two_hundred_at_once_with_a_slow_provider(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge
) -> None:
    """Each gets an own answer, one order and one result; nobody gets anybody else's."""
    await judge.faults(latency_ms=300)
    crowd = 200

    async def pay(number: int) -> tuple[str, str, str]:
        msisdn = f"+2332461{number:05d}"
        own, amount = f"02461{number:05d}", f"{number + 1}.{number % 100:02d}"
        gateway = tuple(GATEWAYS)[number % len(GATEWAYS)]
        phone = player(gateway, live, line, msisdn)

        async def say(typed: str | None) -> str:
            """The next screen; where this machine was slower than a gateway waits, people dial again."""
            nonlocal phone
            screen = (await phone.say(typed)).screen
            while screen.startswith("We cannot answer now"):
                phone = player(gateway, live, line, msisdn)
                screen = (await phone.say(None)).screen
                if "1 Continue" in screen:
                    screen = (await phone.say("1")).screen
            return screen

        for typed in (None, "1", "1001", amount):
            screen = await say(typed)
        assert f"Pay GHS {amount} to Ama's Kitchen from {own}" in screen
        last = await say("yes")
        if last.startswith("Type a merchant code, or choose:"):  # dialled again after all was done
            return msisdn, amount, (await judge.one(party=msisdn.removeprefix("+")))["external_id"]
        assert own in last
        assert f"GHS {amount}" in last
        return msisdn, amount, code_of(last)

    paid = await asyncio.gather(*(pay(number) for number in range(crowd)))
    assert len({code for _, _, code in paid}) == crowd

    async def all_told() -> dict[str, list[str]] | None:
        told: dict[str, list[str]] = {}
        for sms in await judge.sms():
            told.setdefault(sms["to"], []).append(sms["text"])
        return told if len(told) == crowd else None

    told = await until("every result", all_told)
    entries = {entry["external_id"]: entry for entry in await judge.entries()}
    assert len(entries) == crowd
    for msisdn, amount, code in paid:
        entry = entries[code]
        assert entry["party"] == msisdn.removeprefix("+")
        assert f"{float(entry['amount']):.2f}" == amount
        assert (entry["status"], entry["times_charged"]) == ("SUCCESSFUL", 1)
        assert told[msisdn.removeprefix("+")] == [f"Paid: GHS {amount} to Ama's Kitchen. Ref {code}"]
    states = {order.state for order in await live.kasapay.store.recent_orders(crowd + 10)}
    assert states == {OrderState.SUCCESSFUL}
