"""The fake itself: what it refuses, how it delivers, and what its people see."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.fake_telegram import FakeTelegram, accept_then_drop, flood, hang


class Client:
    """The Bot API as any other program would call it."""

    def __init__(self, fake: FakeTelegram, http: httpx.AsyncClient) -> None:
        self.fake = fake
        self.http = http

    async def __call__(
        self, method: str, *, form: bool = False, token: str = "", **given: Any
    ) -> dict[str, Any]:
        url = f"{self.fake.url}/bot{token or self.fake.token}/{method}"
        if form:
            texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in given.items()}
            reply = await self.http.post(url, data=texts)
        else:
            reply = await self.http.post(url, json=given)
        body: dict[str, Any] = reply.json()
        assert body["ok"] == (reply.status_code == 200)
        return body


@pytest.fixture
async def call(fake: FakeTelegram) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Client(fake, http)


def keyboard(*data: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "x", "callback_data": one}] for one in data]}


@pytest.mark.parametrize("form", [True, False])
async def test_forms_and_json_read_the_same(fake: FakeTelegram, call: Client, form: bool) -> None:
    ama = fake.person()
    await ama.starts()
    reply = await call(
        "sendMessage",
        form=form,
        chat_id=ama.id,
        text="<b>A &amp; B</b>",
        parse_mode="HTML",
        protect_content=True,
        reply_markup=keyboard("1:k:1:0"),
        link_preview_options={"is_disabled": True},
    )
    assert reply["result"]["reply_markup"] == keyboard("1:k:1:0")
    assert str(ama.screen()) == "A & B\n[x]"
    assert ama.screen().protected
    assert not ama.screen().preview


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "A < B", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<i>x</b>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "</b>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "x", "reply_markup": keyboard("a" * 65)}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard("é" * 33)}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard("")}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard(*["a"] * 101)}, "reply markup"),
        ({"text": "x", "reply_parameters": {"message_id": 999}}, "message to be replied not found"),
        ({"text": "x", "chat_id": 5}, "chat not found"),
    ],
)
async def test_what_telegram_refuses_is_refused(
    fake: FakeTelegram, call: Client, given: dict[str, Any], says: str
) -> None:
    ama = fake.person()
    await ama.starts()
    reply = await call("sendMessage", **({"chat_id": ama.id} | given))
    assert reply["error_code"] == 400
    assert says in reply["description"]
    assert ama.messages == []


async def test_a_wrong_token_and_an_unknown_method(call: Client) -> None:
    assert (await call("getMe", token="1:x"))["error_code"] == 401
    assert (await call("sendTelegram"))["error_code"] == 404


async def test_a_webhook_and_polling_exclude_each_other(call: Client) -> None:
    await call("setWebhook", url="http://127.0.0.1:9/", secret_token="s")
    assert (await call("getUpdates"))["error_code"] == 409
    assert (await call("getWebhookInfo"))["result"]["url"] == "http://127.0.0.1:9/"
    await call("deleteWebhook")
    assert (await call("getUpdates"))["result"] == []


async def test_a_second_poller_sends_the_first_away(fake: FakeTelegram, call: Client) -> None:
    first = asyncio.create_task(call("getUpdates", timeout=20))
    await fake.called("getUpdates")
    await call("getUpdates")
    assert (await first)["error_code"] == 409


async def test_updates_come_until_they_are_confirmed(fake: FakeTelegram, call: Client) -> None:
    ama = fake.person()
    first, second = await ama.says("one"), await ama.says("two")
    for _ in range(2):
        batch = (await call("getUpdates"))["result"]
        assert [update["update_id"] for update in batch] == [first, second]
    batch = (await call("getUpdates", offset=first + 1))["result"]
    assert [update["update_id"] for update in batch] == [second]
    assert fake.unconfirmed == [second]
    assert (await call("getUpdates", offset=second + 1, allowed_updates=["message"]))["result"] == []
    await ama.blocks()
    assert fake.unconfirmed == []


async def test_a_message_with_a_reply_keyboard_cannot_be_edited(fake: FakeTelegram, call: Client) -> None:
    ama = fake.person()
    await ama.starts()
    for markup in ({"keyboard": [[{"text": "Share", "request_contact": True}]]}, {"remove_keyboard": True}):
        sent = await call("sendMessage", chat_id=ama.id, text="x", reply_markup=markup)
        reply = await call(
            "editMessageText", chat_id=ama.id, message_id=sent["result"]["message_id"], text="y"
        )
        assert "can't be edited" in reply["description"]


async def test_a_person_presses_what_is_there(fake: FakeTelegram, call: Client) -> None:
    ama = fake.person()
    await ama.starts()
    await call("sendMessage", chat_id=ama.id, text="?", reply_markup=keyboard("1:k:1:0"))
    update_id = await ama.presses("x")
    update = (await call("getUpdates"))["result"][-1]
    assert (update["update_id"], update["callback_query"]["data"]) == (update_id, "1:k:1:0")
    with pytest.raises(AssertionError, match="no button 'Yes'"):
        await ama.presses("Yes")
    shared = {"keyboard": [[{"text": "Share", "request_contact": True}], ["Back"]]}
    await call("sendMessage", chat_id=ama.id, text="?", reply_markup=shared)
    await ama.presses("Share")
    await ama.presses("Back")
    card, text = (update["message"] for update in (await call("getUpdates"))["result"][-2:])
    assert card["contact"] == {"phone_number": ama.phone, "first_name": "Ama", "user_id": ama.id}
    assert text["text"] == "Back"


async def test_a_person_waits_for_what_comes(fake: FakeTelegram, call: Client) -> None:
    ama = fake.person()
    await ama.starts()
    waiting = asyncio.create_task(ama.sees("Paid", "[x]"))
    await call("sendMessage", chat_id=ama.id, text="Being processed")
    await call("editMessageText", chat_id=ama.id, message_id=ama.screen().message_id, text="Paid")
    assert not waiting.done()
    await call(
        "editMessageReplyMarkup",
        chat_id=ama.id,
        message_id=ama.screen().message_id,
        reply_markup=keyboard("1"),
    )
    assert (await waiting).edits == 2
    await call("sendMessage", chat_id=ama.id, text="More")
    assert (await ama.finds("Paid")).text == "Paid"
    with pytest.raises(AssertionError, match="never saw"):
        await ama.sees("Paid", timeout_s=0)


async def test_trouble_comes_as_often_as_ordered_and_only_where(fake: FakeTelegram, call: Client) -> None:
    ama, kofi = fake.person("Ama"), fake.person("Kofi")
    await ama.starts()
    await kofi.starts()
    fake.fail("sendMessage", flood(9), times=2, chat=ama.id)
    assert (await call("sendMessage", chat_id=kofi.id, text="x"))["ok"]
    for _ in range(2):
        assert (await call("sendMessage", chat_id=ama.id, text="x"))["parameters"] == {"retry_after": 9}
    assert (await call("sendMessage", chat_id=ama.id, text="x"))["ok"]
    fake.fail("sendMessage", accept_then_drop())
    with pytest.raises(httpx.RemoteProtocolError):
        await call("sendMessage", chat_id=ama.id, text="dropped")
    assert ama.screen().text == "dropped"
    stuck = fake.fail("sendMessage", hang())
    sending = asyncio.create_task(call("sendMessage", chat_id=ama.id, text="late"))
    await stuck.reached.wait()
    assert ama.screen().text == "dropped"
    stuck.release()
    assert (await sending)["ok"]
    assert ama.screen().text == "late"
