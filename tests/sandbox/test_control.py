"""The control API: health, clock, reset, live events, pages of this machine, bad input."""

import asyncio
import json
from typing import Any

import pytest

from .conftest import PAYER, Box, Open, Receiver


async def test_health(box: Box) -> None:
    body = await box.control("GET", "/health")
    assert (body["ok"], body["mode"], body["environment"]) == (True, "lenient", "sandbox")


async def test_the_clock_moves_forward_only(box: Box) -> None:
    moved = await box.control("POST", "/clock", {"advance_s": 60.5})
    assert (moved["offset_s"], moved["now"]) == (60.5, "2026-09-21T14:14:20.500Z")
    for body in ({"advance_s": -1}, {"advance_s": "5"}, {"advance_s": 1e12}, {}, {"advance": 1}):
        await box.control("POST", "/clock", body, status=400)
    assert (await box.control("GET", "/health"))["clock_offset_s"] == 60.5


async def test_reset_forgets_what_happened_and_keeps_credentials(box: Box, receiver: Receiver) -> None:
    reference = await box.accepted(PAYER, callback=receiver.url)
    await box.press("approve", pin="1234")
    await box.charge()
    await box.faults(error_status=500, rules=[{"group": "momo", "set": {}}])
    await box.control("POST", "/clock", {"advance_s": 60})
    await box.control("POST", "/reset")
    assert (await box.control("GET", "/record"))["entries"] == []
    assert (await box.control("GET", "/record/requests"))["requests"] == []
    assert (await box.control("GET", "/record/callbacks"))["callbacks"] == []
    assert (await box.control("GET", "/sms"))["sms"] == []
    (handset,) = (await box.control("GET", "/handsets"))["handsets"]
    assert (handset["balances"], handset["prompts"]) == ({"EUR": "100.00", "GHS": "500.00"}, [])
    assert (await box.control("GET", "/health"))["clock_offset_s"] == 0
    await box.accepted(PAYER, reference=reference)
    assert (await box.charge()).json()["data"]["nextStep"] == "OTP"
    await box.control("POST", "/reset", {"everything": True}, status=400)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"msisdn": 5},
        {"msisdn": "abc"},
        {"msisdn": "٢٣٣٥٥١١١٢"},
        {"msisdn": PAYER, "pin": "12"},
        {"msisdn": PAYER, "pin": 1234},
        {"msisdn": PAYER, "balance": {"GHS": 5}},
        {"msisdn": PAYER, "balance": {"GHS": "5,00"}},
        {"msisdn": PAYER, "balance": {"ghs": "5"}},
        {"msisdn": PAYER, "name": ""},
        {"msisdn": PAYER, "colour": "red"},
    ],
    ids=repr,
)
async def test_a_handset_that_does_not_fit(box: Box, body: dict[str, Any]) -> None:
    problem = await box.control("POST", "/handsets", body, status=400)
    assert problem["error"]


async def test_pressing_what_is_not_there(box: Box) -> None:
    await box.control("POST", f"/handsets/{PAYER}/prompts/nothing", {"action": "reject"}, status=404)
    await box.control("POST", f"/handsets/{PAYER}/prompts/nothing", {"action": "dance"}, status=400)
    await box.control("POST", f"/handsets/{PAYER}/prompts/nothing", {}, status=400)
    await box.control("POST", "/handsets/123/prompts/nothing", {"action": "reject"}, status=404)


async def test_the_record_is_found_by_any_reference(box: Box) -> None:
    reference = await box.accepted(externalId="MINE")
    entry = await box.record(reference)
    assert await box.record("MINE") == entry
    assert await box.record(entry["provider_reference"]) == entry
    assert (entry["provider"], entry["kind"], entry["party"]) == ("momo", "request_to_pay", "46733000000")
    assert entry["created_at"] == entry["final_at"] == "2026-09-21T14:13:20.000Z"
    none = await box.control("GET", "/record?reference=unknown")
    assert none == {"entries": []}


async def test_the_request_log_holds_no_number_and_no_secret(box: Box) -> None:
    await box.accepted(PAYER)
    await box.http.get(f"/collection/v1_0/accountholder/msisdn/{PAYER}/active", headers=box.headers)
    await box.http.get("/nothing/here/46733000000")
    log = await box.control("GET", "/record/requests")
    text = json.dumps(log)
    assert PAYER not in text
    assert "46733000000" not in text
    assert box.headers["Authorization"].removeprefix("Bearer ") not in text
    assert [line["path"] for line in log["requests"]][-2:] == [
        "/collection/v1_0/accountholder/{type}/{id}/active",
        "(unknown)",
    ]


async def read_event(lines: Any) -> tuple[str, Any]:
    event = ""
    async for line in lines:
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            return event, json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


async def test_live_events(box: Box) -> None:
    async with asyncio.timeout(10), box.http.stream("GET", "/_sandbox/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        lines = stream.aiter_lines()
        assert await anext(lines) == ": sandbox"
        reference = await box.accepted(PAYER)
        assert await read_event(lines) == ("record", {"seq": 1, "reference": reference, "status": "PENDING"})
        assert await read_event(lines) == ("handset", {"msisdn": PAYER})
        await box.faults(latency_ms=0)
        assert await read_event(lines) == ("faults", {})
        await box.charge()
        event, data = await read_event(lines)
        assert (event, data["msisdn"]) == ("sms", PAYER)


async def test_streams_end_with_the_sandbox(box: Box) -> None:
    async with asyncio.timeout(10), box.http.stream("GET", "/_sandbox/events") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        box.running.sandbox.world.events.close()
        assert [line async for line in lines] == [""]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1:1", True),
        ("https://page.example", True),
        ("https://evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_of_this_machine_may_call(open_box: Open, origin: str, allowed: bool) -> None:
    box = await open_box(page_origins=["https://page.example"])
    for method in ("GET", "OPTIONS"):
        answer = await box.http.request(method, "/_sandbox/faults", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Host": "localhost:8001"}, True),
        ({"Host": "192.168.1.7:8001"}, True),
        ({"Host": "[::1]:8001"}, True),
        ({"Host": "sandbox:8001"}, True),
        ({"Host": "sandbox.example:8001"}, True),
        ({"Host": "page.example"}, True),
        # A name of somebody else's that was pointed at this machine.
        ({"Host": "rebound.evil.example:8001"}, False),
        ({"Host": "127.0.0.1.evil.example"}, False),
        ({"Host": "[::1"}, False),
        ({"Origin": "http://localhost:3000"}, True),
        ({"Origin": "https://page.example"}, True),
        ({"Host": "192.168.1.7:8001", "Origin": "http://192.168.1.7:8001"}, True),
        ({"Host": "192.168.1.7:8001", "Origin": "http://192.168.1.7:80"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
async def test_only_pages_of_ours_work_the_switches(
    open_box: Open, headers: dict[str, str], allowed: bool
) -> None:
    box = await open_box(page_origins=["https://page.example"], hosts=["sandbox.example"])
    # What a page may send without asking first.
    sent = {"Content-Type": "text/plain", **headers}
    answer = await box.http.put("/_sandbox/faults", content=b'{"latency_ms": 1}', headers=sent)
    assert answer.status_code == (200 if allowed else 403)
    assert box.running.sandbox.world.faults.values.latency_ms == (1 if allowed else 0)


async def test_providers_clients_come_by_any_name(box: Box) -> None:
    """A client of a provider is no browser, whatever it calls the sandbox."""
    answer = await box.http.get("/collection/v1_0/account/balance", headers={"Host": "momo.example"})
    assert answer.status_code == 401
