"""Telegram, provider callbacks and SMS reports: who is believed, and what is answered when."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.web.conftest import take_faults
from tests.web.fakes import FakeCallbacks, FakeTelegram, World, serve

TELEGRAM = {"X-Telegram-Bot-Api-Secret-Token": "tele-secret"}


async def test_an_update_is_kept_before_the_200(world: World, http: aiohttp.ClientSession) -> None:
    async with http.post(world.url + "/telegram/webhook", json={"update_id": 1}, headers=TELEGRAM) as reply:
        assert reply.status == 200
    assert world.telegram.kept == [b'{"update_id": 1}']


@pytest.mark.parametrize("headers", [{}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}])
async def test_a_wrong_webhook_secret_is_403(world: World, http: aiohttp.ClientSession, headers: Any) -> None:
    async with http.post(world.url + "/telegram/webhook", json={"update_id": 1}, headers=headers) as reply:
        assert reply.status == 403
    assert world.telegram.kept == []


async def test_an_update_that_cannot_be_kept_is_to_come_again(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    async with (
        serve(telegram=FakeTelegram(failing=True)) as world,
        http.post(world.url + "/telegram/webhook", json={"update_id": 1}, headers=TELEGRAM) as reply,
    ):
        assert reply.status == 503
        assert "Retry-After" in reply.headers
    (fault,) = take_faults(log)
    assert fault["route"] == "/telegram/webhook"


async def test_a_long_honest_update_is_taken(world: World, http: aiohttp.ClientSession) -> None:
    update = {"update_id": 1, "message": {"text": "é" * 60_000}}
    async with http.post(world.url + "/telegram/webhook", json=update, headers=TELEGRAM) as reply:
        assert reply.status == 200


async def test_without_telegram_there_is_no_webhook(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with (
        serve(telegram=None) as world,
        http.post(world.url + "/telegram/webhook", json={"update_id": 1}, headers=TELEGRAM) as reply,
    ):
        assert reply.status == 404


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_momo_callback_is_taken_before_its_200(
    log: list[Any], http: aiohttp.ClientSession, method: str
) -> None:
    async with (
        serve() as world,
        http.request(method, world.url + "/callbacks/momo/tok-1", data=b"anything \xff") as reply,
    ):
        assert reply.status == 200
        assert world.callbacks.hints == ["tok-1"]


@pytest.mark.parametrize("how", [{"failing": True}, {"held": asyncio.Event()}], ids=["fails", "hangs"])
async def test_a_momo_callback_that_cannot_be_kept_in_time_is_to_come_again(
    log: list[Any], http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    monkeypatch.setattr("bot.web.hooks._HINT_S", 0.01)
    async with (
        serve(callbacks=FakeCallbacks(**how)) as world,
        http.put(world.url + "/callbacks/momo/tok-1") as reply,
    ):
        assert reply.status == 503
        assert "Retry-After" in reply.headers
    assert len(take_faults(log)) == 1


async def test_known_and_unknown_tokens_get_the_same_answer(
    world: World, http: aiohttp.ClientSession
) -> None:
    seen = []
    for token in ("known", "unknown", "x" * 5_000, "%ff", "a%2Fb"):
        async with http.put(world.url + f"/callbacks/momo/{token}", json={"status": "SUCCESSFUL"}) as reply:
            headers = {name: value for name, value in reply.headers.items() if name != "Date"}
            seen.append((reply.status, await reply.read(), headers))
    assert all(one == seen[0] for one in seen)


async def test_a_signed_webhook_is_kept_on_its_raw_bytes(world: World, http: aiohttp.ClientSession) -> None:
    raw = b'{ "event" :\n"collection.verified"}'
    async with http.post(
        world.url + "/callbacks/startbutton/kenya", data=raw, headers={"X-Startbutton-Signature": "good"}
    ) as reply:
        assert reply.status == 200
    assert world.callbacks.events == [("kenya", raw)]


async def test_an_unsigned_webhook_is_401(world: World, http: aiohttp.ClientSession) -> None:
    async with http.post(world.url + "/callbacks/startbutton/kenya", data=b"{}") as reply:
        assert reply.status == 401
        assert await reply.json() == {"error": "The signature does not match."}


async def test_a_webhook_that_cannot_be_kept_is_to_come_again(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    async with (
        serve(callbacks=FakeCallbacks(failing=True)) as world,
        http.post(world.url + "/callbacks/startbutton/kenya", data=b"{}") as reply,
    ):
        assert reply.status == 503
    assert len(take_faults(log)) == 1


async def test_sms_reports_come_with_their_secret(world: World, http: aiohttp.ClientSession) -> None:
    form = {"id": "ATXid_1", "status": "Success", "phoneNumber": "+233240000001"}
    async with http.post(world.url + "/sms/africastalking/sms-secret", data=form) as reply:
        assert reply.status == 200
    assert [dict(one) for one in world.reports.forms] == [form]


async def test_of_a_field_sent_twice_the_first_counts(world: World, http: aiohttp.ClientSession) -> None:
    async with http.post(
        world.url + "/sms/africastalking/sms-secret",
        data=b"status=Failed&status=Success",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ) as reply:
        assert reply.status == 200
    assert world.reports.forms[0]["status"] == "Failed"
