"""The switches: what each does to answers, and how rules and counters hold."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from .conftest import PAYER, Box, Receiver


async def test_a_lost_reply_leaves_an_accepted_payment(box: Box) -> None:
    await box.faults(drop_reply=1)
    reference = str(uuid.uuid4())
    with pytest.raises(httpx.RemoteProtocolError):
        await box.pay(reference=reference)
    assert (await box.result(reference))["status"] == "SUCCESSFUL"
    _, again = await box.pay(reference=reference)
    assert again.status_code == 409
    assert (await box.record(reference))["times_charged"] == 1
    seen = (await box.control("GET", f"/record/requests?reference={reference}"))["requests"]
    assert [line["status"] for line in seen] == ["dropped", 200, 409]


async def test_a_dropped_request_leaves_nothing(box: Box) -> None:
    await box.faults(drop_request=1)
    reference = str(uuid.uuid4())
    with pytest.raises(httpx.RemoteProtocolError):
        await box.pay(reference=reference)
    assert (await box.status(reference)).status_code == 404
    await box.accepted(reference=reference)


async def test_errors_are_counted_down(box: Box) -> None:
    await box.faults(error_status=503, error_times=2)
    answers = [(await box.pay())[1] for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 202]
    assert answers[0].json()["code"] == "SERVICE_UNAVAILABLE"
    await box.faults(error_status=500)
    assert (await box.pay())[1].status_code == 500


async def test_an_error_can_come_after_the_payment_was_accepted(box: Box) -> None:
    await box.faults(error_status=500, error_times=1, error_when="after")
    reference, answer = await box.pay()
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_PROCESSING_ERROR")
    assert (await box.result(reference))["status"] == "SUCCESSFUL"


async def test_probability_follows_its_seed(box: Box) -> None:
    async def pattern() -> list[int]:
        await box.faults(error_status=500, error_probability=0.5, error_seed=7)
        return [(await box.http.get("/collection/v1_0/account/balance")).status_code for _ in range(12)]

    first = await pattern()
    assert first == await pattern()
    assert set(first) == {500, 401}


@pytest.mark.parametrize(
    ("values", "content_type", "body"),
    [
        ({"error_status": 403, "error_shape": "html"}, "text/html", None),
        ({"error_status": 400, "error_shape": "empty"}, None, b""),
        ({"error_status": 429}, "application/json", None),
    ],
)
async def test_shapes_of_errors(
    box: Box, values: dict[str, Any], content_type: str | None, body: Any
) -> None:
    await box.faults(**values)
    _, answer = await box.pay()
    assert answer.status_code == values["error_status"]
    assert answer.headers.get("Content-Type") == content_type
    assert "Retry-After" not in answer.headers
    if body is not None:
        assert answer.content == body


async def test_too_many_requests_with_retry_after(box: Box) -> None:
    await box.faults(error_status=429, retry_after_s=7)
    _, answer = await box.pay()
    assert answer.headers["Retry-After"] == "7"
    assert answer.json()["statusCode"] == 429


async def test_a_code_of_choice(box: Box) -> None:
    await box.faults(error_status=500, error_code="NOT_ALLOWED")
    assert (await box.pay())[1].json()["code"] == "NOT_ALLOWED"


async def test_one_401_then_peace(box: Box) -> None:
    await box.faults(unauthorized=1)
    _, answer = await box.pay()
    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)
    await box.accepted()
    await box.faults(unauthorized=1)
    assert (await box.ask("/wallet")).status_code == 401
    assert (await box.ask("/wallet")).status_code == 200


async def test_the_first_questions_find_nothing(box: Box) -> None:
    await box.faults(status_not_found_first=2)
    first, second = await box.accepted(), await box.accepted()
    for reference in (first, second):
        assert [(await box.status(reference)).status_code for _ in range(3)] == [404, 404, 200]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [("string", "EXPIRED"), ("object", {"code": "EXPIRED", "message": "Expired."}), ("absent", None)],
)
async def test_shapes_of_the_reason(box: Box, shape: str, reason: Any) -> None:
    await box.faults(reason_shape=shape)
    result = await box.result(await box.accepted("46733123452"))
    assert result.get("reason") == reason


async def test_numbers_where_text_belongs(box: Box) -> None:
    await box.faults(numeric_ids=True)
    result = await box.result(await box.accepted(externalId="1042"))
    assert (result["amount"], result["externalId"]) == (12.5, 1042)
    assert result["financialTransactionId"] == 730000001
    assert result["payer"]["partyId"] == 46733000000


async def test_status_answers_can_lie(box: Box) -> None:
    reference = await box.accepted()
    await box.faults(echo_amount="99.5", echo_currency="GHS", status_word="THINKING")
    result = await box.result(reference)
    assert (result["amount"], result["currency"], result["status"]) == ("99.5", "GHS", "THINKING")
    await box.faults(echo_amount="", echo_currency="", status_word="")
    assert (await box.result(reference))["status"] == "SUCCESSFUL"


async def test_created_instead_of_pending(box: Box) -> None:
    await box.faults(created_status=True)
    assert (await box.result(await box.accepted(PAYER)))["status"] == "CREATED"


@pytest.mark.parametrize(
    ("mode", "status", "told"),
    [
        ("zero", 200, "0"),
        ("negative", 200, "-25"),
        ("not_allowed", 500, "NOT_ALLOWED"),
        ("not_found", 404, "RESOURCE_NOT_FOUND"),
        ("error", 500, "INTERNAL_PROCESSING_ERROR"),
    ],
)
async def test_canned_balances(box: Box, mode: str, status: int, told: str) -> None:
    await box.faults(balance_answer=mode)
    answer = await box.http.get("/collection/v1_0/account/balance", headers=box.headers)
    assert answer.status_code == status
    assert told in answer.json().values()


async def test_balances_that_rotate(box: Box) -> None:
    await box.faults(balance_answer="rotate")
    path = "/collection/v1_0/account/balance"
    seen = {(await box.http.get(path, headers=box.headers)).status_code for _ in range(30)}
    assert seen == {200, 404, 500}


async def test_a_bare_true(box: Box) -> None:
    await box.faults(active_shape="bare")
    path = f"/collection/v1_0/accountholder/msisdn/{PAYER}/active"
    assert (await box.http.get(path, headers=box.headers)).json() is True


async def test_a_rule_holds_for_its_group_and_its_times(box: Box) -> None:
    rule = {"group": "momo.create", "times": 1, "set": {"error_status": 500}}
    await box.faults(rules=[rule, {"group": "startbutton", "set": {"error_status": 502}}])
    assert (await box.http.get("/collection/v1_0/account/balance", headers=box.headers)).status_code == 200
    assert (await box.pay())[1].status_code == 500
    assert (await box.pay())[1].status_code == 202
    assert [(await box.ask("/wallet")).status_code for _ in "12"] == [502, 502]
    left = (await box.control("GET", "/faults"))["rules"]
    assert [rule["times"] for rule in left] == [0, None]


async def test_what_a_rule_sets_on_a_payment_stays_with_it(box: Box, receiver: Receiver) -> None:
    knobs = {"reason_shape": "object", "callback_lost": -1}
    await box.faults(rules=[{"group": "momo.create", "times": 1, "set": knobs}])
    bent = await box.accepted("46733123451", callback=receiver.url)
    plain = await box.accepted("46733123451", callback=receiver.url)
    await box.running.drain()
    assert isinstance((await box.result(bent))["reason"], dict)
    assert isinstance((await box.result(plain))["reason"], str)
    assert len(receiver.got) == 1


async def test_latency_delays_the_answer_and_not_the_payment(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    entered, wake = asyncio.Event(), asyncio.Event()

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        entered.set()
        await wake.wait()

    await box.faults(latency_ms=1500, token_latency_ms=9000)
    monkeypatch.setattr("bot.sandbox.app.nap", nap)
    reference = str(uuid.uuid4())
    asked = asyncio.create_task(box.pay(reference=reference))
    await entered.wait()
    assert (await box.record(reference))["status"] == "PENDING"
    wake.set()
    _, answer = await asked
    assert answer.status_code == 202
    await box.http.post("/collection/token/")
    assert naps == [1.5, 9.0]


async def test_switches_are_reset(box: Box) -> None:
    before = await box.control("GET", "/faults")
    await box.faults(latency_ms=1, rules=[{"group": "sms", "set": {"error_status": 500}}])
    assert await box.control("DELETE", "/faults") == before
    assert before["rules"] == []


@pytest.mark.parametrize(
    "values",
    [
        {"latency": 5},
        {"latency_ms": -1},
        {"latency_ms": "5"},
        {"error_status": 600},
        {"error_probability": 2},
        {"reason_shape": "number"},
        {"status_word": "é"},
        {"echo_amount": "1,5"},
        {"rules": {}},
        {"rules": [{"group": "mars", "set": {}}]},
        {"rules": [{"group": "momo.mars", "set": {}}]},
        {"rules": [{"group": "momo", "set": {"latency": 1}}]},
        {"rules": [{"group": "momo", "set": {}, "times": -1}]},
        {"rules": [{"group": "momo"}]},
        {"rules": [5]},
    ],
    ids=repr,
)
async def test_a_wrong_switch_changes_nothing(box: Box, values: dict[str, Any]) -> None:
    before = await box.control("GET", "/faults")
    problem = await box.control("PUT", "/faults", {"created_status": True} | values, status=400)
    assert problem["error"]
    assert await box.control("GET", "/faults") == before


async def test_every_switch_is_described(box: Box) -> None:
    schema = await box.control("GET", "/faults/schema")
    values = await box.control("GET", "/faults")
    described = {fault["name"]: fault for fault in schema["faults"]}
    assert set(described) == set(values) - {"rules"}
    for name, fault in described.items():
        assert fault["default"] == values[name]
        assert fault["type"] in ("int", "number", "text", "bool", "choice")
        assert (fault["type"] == "choice") == bool(fault["choices"])
        assert fault["help"].endswith((".", "true."))
    assert "momo.create" in schema["groups"]
