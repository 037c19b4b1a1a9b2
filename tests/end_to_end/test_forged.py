"""Nobody but the provider, asked by us, says that money has moved; and only if it is our money."""

import hashlib
import hmac
import json
import uuid

import aiohttp
import httpx
import pytest

from bot.embedded import Embedded
from bot.money import OrderState
from bot.store.records import OrderRow
from bot.times import Times
from tests.end_to_end.gateways import AfricasTalking
from tests.end_to_end.processes import Judge, until

EFUA, KWAME = "+233240000001", "+233240000002"


@pytest.fixture
def times() -> Times:
    """Hints may follow each other quickly."""
    return Times(hint_spacing_s=0.2)


async def pays(live: Embedded, line: aiohttp.ClientSession, *typed: str, msisdn: str = EFUA) -> str:
    """Play a payment up to its last screen."""
    phone = AfricasTalking(line, live.url + live.ussd_path, msisdn)
    reply = await phone.say(None)
    for text in typed:
        reply = await phone.say(text)
    return reply.screen


async def order_of(live: Embedded, reference: str) -> OrderRow:
    order = await live.kasapay.store.order_by_reference(reference)
    assert order is not None
    return order


async def test_a_forged_callback_changes_nothing(
    live: Embedded, line: aiohttp.ClientSession, http: httpx.AsyncClient, judge: Judge
) -> None:
    """To the order's own address, by both methods, while the wallet has not been touched."""
    await pays(live, line, "1", "1001", "12.50", "1", "1")
    entry = await judge.one(currency="GHS")
    forged = {
        "financialTransactionId": "23503452",
        "externalId": entry["external_id"],
        "amount": "12.50",
        "currency": "GHS",
        "payer": {"partyIdType": "MSISDN", "partyId": entry["party"]},
        "status": "SUCCESSFUL",
    }
    url = entry["callback_url"]
    answers = [
        await http.put(url, json=forged),
        await http.post(url, json=forged),
        await http.put(url, json={**forged, "status": "FAILED", "reason": "APPROVAL_REJECTED"}),
        await http.put(url, content=b"\xff\x00 nonsense"),
        await http.put(url, content=b""),
    ]
    guessed = [
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.rsplit("/", 1)[0] + "/" + entry["reference"],
        url.rsplit("/", 1)[0] + "/" + "A" * 43,
        url.rsplit("/", 1)[0] + "/" + uuid.uuid4().hex,
    ]
    answers += [await http.put(address, json=forged) for address in guessed]
    told = {(answer.status_code, answer.content) for answer in answers}
    assert told == {(200, b"")}, "a known token is told from a guessed one"
    await judge.asked(entry["reference"], 1)  # it was a hint all the same: the provider was asked
    order = await order_of(live, entry["reference"])
    assert order.state is OrderState.PENDING
    assert await judge.sms(EFUA) == []
    states = [line.said for line in await live.kasapay.store.transitions(order.id)]
    assert states == [OrderState.NEW, OrderState.PENDING]
    await judge.decide(EFUA, "approve")
    await judge.told(EFUA, "Paid: GHS 12.50")


@pytest.mark.parametrize("forged", ["successful", "amount", "contradicting"])
async def test_the_providers_own_false_callbacks_change_nothing(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, forged: str
) -> None:
    await judge.faults(callback_forged=forged)
    await pays(live, line, "1", "1001", "5", "1", "1")
    entry = await judge.one(currency="GHS")
    if forged != "contradicting":
        await judge.asked(entry["reference"], 1)
        assert (await order_of(live, entry["reference"])).state is OrderState.PENDING
    assert await judge.sms(EFUA) == []
    await judge.decide(EFUA, "reject")
    await judge.told(EFUA, "Not paid: GHS 5.00")
    assert (await order_of(live, entry["reference"])).state is OrderState.FAILED
    assert len(await judge.sms(EFUA)) == 1


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ({"echo_amount": "1"}, "mismatch_amount"),
        ({"echo_amount": "1250"}, "mismatch_amount"),
        ({"echo_currency": "EUR"}, "mismatch_currency"),
    ],
)
async def test_a_success_over_other_money_is_an_alarm(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, shown: dict[str, str], kind: str
) -> None:
    await judge.faults(**shown)
    await pays(live, line, "1", "1001", "12.50", "1", "1")
    entry = await judge.one(currency="GHS")
    await judge.decide(EFUA, "approve")

    async def alarmed() -> str | None:
        incidents = await live.kasapay.store.incidents(10)
        return incidents[0].kind if incidents else None

    assert await until("an incident", alarmed) == kind
    assert (await order_of(live, entry["reference"])).state is OrderState.UNRESOLVED
    assert "Do not pay again yet" in await judge.told(EFUA, "GHS 12.50")
    assert not [sms for sms in await judge.sms(EFUA) if sms["text"].startswith("Paid")]


async def test_an_unsigned_event_is_refused_and_a_signed_lie_is_asked_about(
    live: Embedded, line: aiohttp.ClientSession, http: httpx.AsyncClient, judge: Judge
) -> None:
    await judge.faults(next_step="PIN", webhook_signature="wrong_key")
    await pays(live, line, "1", "1002", "8", "1", "1", "1", msisdn=KWAME)
    entry = await judge.one(currency="GHS")
    event = {
        "event": "collection.verified",
        "data": {
            "transaction": {
                "transactionReference": entry["provider_reference"],
                "userTransactionReference": entry["reference"],
                "status": "verified",
                "amount": 800,
                "currency": "GHS",
            }
        },
    }
    raw = json.dumps(event).encode()
    url = entry["callback_url"]
    signed = hmac.new(b"sk_sandbox_ghs", raw, hashlib.sha512).hexdigest()
    wrong = hmac.new(b"sk_sandbox_kes", raw, hashlib.sha512).hexdigest()
    name = "x-startbutton-signature"
    for headers in ({}, {name: ""}, {name: "00"}, {name: wrong}, {name: signed[:-1]}):
        assert (await http.post(url, content=raw, headers=headers)).status_code == 401
    assert (await http.post(url, content=raw + b" ", headers={name: signed})).status_code == 401
    other = url.replace("startbutton-ghs", "startbutton-kes")
    assert (await http.post(other, content=raw, headers={name: signed})).status_code == 401
    before = await judge.times_asked(entry["reference"])
    assert (await http.post(url, content=raw, headers={name: signed})).status_code == 200
    await judge.asked(entry["reference"], before + 1)
    assert (await order_of(live, entry["reference"])).state is OrderState.PENDING
    assert [sms for sms in await judge.sms(KWAME) if "Paid" in sms["text"]] == []
    await judge.faults(webhook_signature="good")
    await judge.decide(KWAME, "approve")
    await judge.told(KWAME, "Paid: GHS 8.00")
