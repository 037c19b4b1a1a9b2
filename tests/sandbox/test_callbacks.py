"""MoMo callbacks: once, at the end, to the registered host; and every way they can go wrong."""

import json
from typing import Any

import pytest

from .conftest import PAYER, Box, Open, Receiver
from .test_momo_access import PRESET, USER


async def sent(box: Box, receiver: Receiver) -> list[dict[str, Any]]:
    """The callbacks that arrived so far."""
    await box.running.drain()
    return [json.loads(got.body) for got in receiver.got]


async def test_a_callback_tells_the_final_state_once(box: Box, receiver: Receiver) -> None:
    reference = await box.accepted(callback=receiver.url)
    (body,) = await sent(box, receiver)
    assert body == await box.result(reference)
    (got,) = receiver.got
    assert (got.method, got.path) == ("PUT", "/callbacks/abc")
    assert got.headers["content-type"] == "application/json"
    assert reference.encode() not in got.body
    await box.advance(4000)
    assert len(receiver.got) == 1
    (kept,) = (await box.control("GET", "/record/callbacks"))["callbacks"]
    assert (kept["reference"], kept["answer_status"], kept["state"]) == (reference, 200, "sent")


async def test_a_failed_payment_is_called_back_with_its_reason(box: Box, receiver: Receiver) -> None:
    await box.accepted("46733123451", callback=receiver.url)
    (body,) = await sent(box, receiver)
    assert (body["status"], body["reason"]) == ("FAILED", "APPROVAL_REJECTED")


async def test_an_open_payment_is_not_called_back(box: Box, receiver: Receiver) -> None:
    await box.accepted("46733123453", callback=receiver.url)
    await box.accepted(PAYER, callback=receiver.url)
    assert await sent(box, receiver) == []


async def test_a_callback_is_not_repeated_when_refused(box: Box, receiver: Receiver) -> None:
    receiver.status = 500
    reference = await box.accepted(callback=receiver.url)
    await box.advance(4000)
    assert len(receiver.got) == 1
    (kept,) = (await box.control("GET", f"/record/callbacks?reference={reference}"))["callbacks"]
    assert kept["answer_status"] == 500


async def test_nobody_listening_is_noted(box: Box) -> None:
    await box.accepted(callback="http://127.0.0.1:9/nobody")
    await box.running.drain()
    (kept,) = (await box.control("GET", "/record/callbacks"))["callbacks"]
    assert (kept["state"], kept["answer_status"]) == ("failed", None)


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/x",
        "",
        "ftp://127.0.0.1/x",
        "127.0.0.1/x",
        "http://[::1",
        "http://127.0.0.1:x/",
    ],
)
async def test_a_callback_to_another_host_is_refused_and_creates_nothing(box: Box, url: str) -> None:
    _, answer = await box.pay(callback=url)
    assert (answer.status_code, answer.json()["code"]) == (500, "INVALID_CALLBACK_URL_HOST")
    assert (await box.control("GET", "/record"))["entries"] == []


async def test_strict_refuses_addresses_as_callback_hosts(open_box: Open) -> None:
    box = await open_box(strict=True)
    await box.provision(host="127.0.0.1")
    _, answer = await box.pay(callback="http://127.0.0.1/x")
    assert answer.json()["code"] == "INVALID_CALLBACK_URL_HOST"
    await box.provision(host="localhost")
    _, answer = await box.pay(callback="http://localhost:9/x")
    assert answer.status_code == 202


async def test_a_preset_user_without_a_host_takes_any(open_box: Open, receiver: Receiver) -> None:
    box = await open_box(momo={"users": [PRESET | {"callback_host": ""}]})
    await box.login(USER, "secret-1", env="mtnghana")
    await box.accepted(callback=receiver.url, currency="GHS")
    assert len(await sent(box, receiver)) == 1


async def test_a_host_registered_as_a_url_still_counts(box: Box, receiver: Receiver) -> None:
    await box.provision(host="http://127.0.0.1:8000")
    await box.accepted(callback=receiver.url)
    assert len(await sent(box, receiver)) == 1


async def test_lost_callbacks_are_counted_down(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_lost=1)
    lost = await box.accepted(callback=receiver.url)
    assert await sent(box, receiver) == []
    assert (await box.result(lost))["status"] == "SUCCESSFUL"
    await box.accepted(callback=receiver.url)
    assert len(await sent(box, receiver)) == 1
    states = [kept["state"] for kept in (await box.control("GET", "/record/callbacks"))["callbacks"]]
    assert states == ["lost", "sent"]


async def test_a_late_callback_comes_by_the_clock(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_late_s=90)
    await box.accepted(callback=receiver.url)
    assert await sent(box, receiver) == []
    await box.advance(89)
    assert await sent(box, receiver) == []
    await box.advance(1)
    assert len(await sent(box, receiver)) == 1


async def test_duplicate_callbacks(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_duplicates=2)
    await box.accepted(callback=receiver.url)
    bodies = await sent(box, receiver)
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_forged_success_leaves_the_truth_alone(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_forged="successful")
    reference = await box.accepted(PAYER, callback=receiver.url)
    (body,) = await sent(box, receiver)
    assert body["status"] == "SUCCESSFUL"
    assert (await box.result(reference))["status"] == "PENDING"
    assert (await box.record(reference))["times_charged"] == 0
    await box.press("reject")
    assert [body["status"] for body in await sent(box, receiver)] == ["SUCCESSFUL", "FAILED"]


async def test_a_forged_amount(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_forged="amount")
    await box.accepted(PAYER, callback=receiver.url)
    (body,) = await sent(box, receiver)
    assert (body["status"], body["amount"]) == ("SUCCESSFUL", "13.5")


@pytest.mark.parametrize(("party", "told"), [("46733000000", "FAILED"), ("46733123451", "SUCCESSFUL")])
async def test_a_contradicting_callback(box: Box, receiver: Receiver, party: str, told: str) -> None:
    await box.faults(callback_forged="contradicting")
    await box.accepted(party, callback=receiver.url)
    (body,) = await sent(box, receiver)
    assert body["status"] == told


async def test_a_callback_before_its_202(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_before_reply=True)
    await box.accepted(callback=receiver.url)
    assert [json.loads(got.body)["status"] for got in receiver.got] == ["SUCCESSFUL"]


async def test_the_shape_of_callbacks_can_be_bent(box: Box, receiver: Receiver) -> None:
    await box.faults(callback_method="POST", callback_body="unknown_fields", reason_shape="object")
    await box.accepted("46733123455", callback=receiver.url)
    (body,) = await sent(box, receiver)
    assert receiver.got[0].method == "POST"
    assert body["reason"]["code"] == "PAYER_NOT_FOUND"
    assert "unheardOf" in body
    await box.faults(callback_body="invalid_json")
    await box.accepted(callback=receiver.url)
    await box.faults(callback_body="empty")
    await box.running.drain()
    await box.accepted(callback=receiver.url)
    await box.running.drain()
    assert receiver.got[2].body == b""
    with pytest.raises(ValueError):
        json.loads(receiver.got[1].body)


async def test_the_order_of_fields_differs(box: Box, receiver: Receiver) -> None:
    for _ in range(3):
        await box.accepted(callback=receiver.url)
    await box.running.drain()
    assert len({tuple(json.loads(got.body)) for got in receiver.got}) > 1


async def test_a_callback_by_hand(box: Box, receiver: Receiver) -> None:
    reference = await box.accepted("46733123453", callback=receiver.url)
    done = await box.control("POST", f"/callbacks/{reference}", {"body": {"status": "SUCCESSFUL"}})
    assert (done["answer_status"], done["kind"]) == (200, "by hand")
    await box.control("POST", f"/callbacks/{reference}")
    assert [body["status"] for body in await sent(box, receiver)] == ["SUCCESSFUL", "PENDING"]
    without = await box.accepted()
    await box.control("POST", f"/callbacks/{without}", status=409)
    await box.control("POST", "/callbacks/nothing", status=404)
    await box.control("POST", f"/callbacks/{reference}", {"body": []}, status=400)
