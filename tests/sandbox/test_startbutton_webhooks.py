"""Startbutton's webhooks: signed over the raw bytes, verified then completed, and bent on request."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from .conftest import SECRET, Box, Open, Received, Receiver, startbutton_config


def signature(body: bytes, key: str = SECRET) -> str:
    return hmac.new(key.encode(), body, hashlib.sha512).hexdigest()


def signed(got: Received) -> str | None:
    return got.headers.get("x-startbutton-signature")


@pytest.fixture
async def shop(open_box: Open, receiver: Receiver) -> Box:
    box = await open_box(startbutton=startbutton_config(receiver.url))
    await box.faults(next_step="PIN")
    return box


async def charged(box: Box, **more: Any) -> str:
    """A charge that succeeds by itself; their reference."""
    answer = await box.charge(**more)
    await box.running.drain()
    reference: str = answer.json()["data"]["reference"]
    return reference


async def test_verified_then_completed_each_signed_over_its_bytes(shop: Box, receiver: Receiver) -> None:
    theirs = await charged(shop)
    assert len(receiver.got) == 1
    await shop.advance(5)
    events = [json.loads(got.body) for got in receiver.got]
    assert [event["event"] for event in events] == ["collection.verified", "collection.completed"]
    for got, event, status in zip(receiver.got, events, ("verified", "successful"), strict=True):
        assert signed(got) == signature(got.body)
        assert (got.method, got.headers["content-type"]) == ("POST", "application/json")
        transaction = event["data"]["transaction"]
        assert (transaction["transactionReference"], transaction["status"]) == (theirs, status)
        assert (transaction["amount"], transaction["customerEmail"]) == (12500, "payer@shop.example")
        assert event["data"]["authorizationCode"] is None
        # Compact, as a JavaScript engine would write it: both ways of signing agree.
        assert got.body == json.dumps(event, separators=(",", ":")).encode()


async def test_a_failed_charge_has_no_webhook(shop: Box, receiver: Receiver) -> None:
    await shop.faults(charge_outcome="failed")
    await charged(shop)
    await shop.advance(4000)
    assert receiver.got == []


async def test_a_charge_waiting_for_its_otp_has_no_webhook(shop: Box, receiver: Receiver) -> None:
    await shop.faults(next_step="OTP")
    theirs = await charged(shop)
    assert receiver.got == []
    await shop.otp(theirs, "123456")
    await shop.running.drain()
    assert len(receiver.got) == 1


@pytest.mark.parametrize("mode", ["wrong_key", "sha256", "upper", "missing", "garbage"])
async def test_bad_signatures(shop: Box, receiver: Receiver, mode: str) -> None:
    await shop.faults(webhook_signature=mode)
    await charged(shop)
    (got,) = receiver.got
    assert signed(got) != signature(got.body)
    assert (signed(got) is None) == (mode == "missing")
    if mode == "sha256":
        assert signed(got) == hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()


async def test_spaces_letters_and_order_do_not_break_the_signature(shop: Box, receiver: Receiver) -> None:
    await shop.faults(webhook_spacing="spaced", webhook_non_ascii=True, webhook_key_order="reversed")
    await charged(shop)
    (got,) = receiver.got
    assert signed(got) == signature(got.body)
    assert b"\n" in got.body
    assert not got.body.isascii()
    assert list(json.loads(got.body)["data"]["transaction"])[-1] == "_id"


async def test_completed_can_come_first(shop: Box, receiver: Receiver) -> None:
    await shop.faults(webhook_order="completed_first")
    await charged(shop)
    await shop.advance(5)
    await shop.advance(1)
    events = [json.loads(got.body)["event"] for got in receiver.got]
    assert events == ["collection.completed", "collection.verified"]


async def test_an_unknown_event_lost_ones_and_duplicates(shop: Box, receiver: Receiver) -> None:
    await shop.faults(webhook_event="topup.received", callback_duplicates=1, callback_lost=1)
    await charged(shop)
    assert receiver.got == []
    await charged(shop)
    assert [json.loads(got.body)["event"] for got in receiver.got] == ["topup.received"] * 2


async def test_a_forged_success_is_not_signed_with_our_key(shop: Box, receiver: Receiver) -> None:
    await shop.faults(next_step="OTP", callback_forged="successful")
    theirs = await charged(shop)
    (got,) = receiver.got
    assert json.loads(got.body)["data"]["transaction"]["status"] == "verified"
    assert signed(got) != signature(got.body)
    assert (await shop.transaction(theirs))["status"] == "initiated"


async def test_a_changed_amount_is_signed_rightly(shop: Box, receiver: Receiver) -> None:
    await shop.faults(next_step="OTP", callback_forged="amount")
    await charged(shop)
    (got,) = receiver.got
    assert json.loads(got.body)["data"]["transaction"]["amount"] == 12600
    assert signed(got) == signature(got.body)


async def test_a_webhook_by_hand(shop: Box, receiver: Receiver) -> None:
    theirs = await charged(shop)
    await shop.control("POST", f"/callbacks/{theirs}", {"body": {"event": "x"}})
    await shop.control("POST", f"/callbacks/{theirs}", {"body": {"event": "x"}, "signature": "good"})
    await shop.control("POST", f"/callbacks/{theirs}")
    _, forged, good, true = receiver.got
    assert signed(forged) != signature(forged.body)
    assert signed(good) == signature(good.body)
    assert json.loads(true.body)["event"] == "collection.verified"
    assert signed(true) == signature(true.body)
