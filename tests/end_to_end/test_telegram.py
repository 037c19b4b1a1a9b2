"""Telegram end to end, by webhook and by long polling, against a Bot API server of our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest

from bot.app.demo import Embedded, run_embedded
from bot.settings.settings import Settings
from tests.end_to_end.gateways import Phone
from tests.end_to_end.log_keeping import forbid
from tests.end_to_end.processes import Judge
from tests.fake_telegram import FakeTelegram
from tests.fake_telegram.person import Person

WEBHOOK_SECRET = "e2e_webhook_secret_77"
EFUA, KWAME = "+233240000001", "+233240000002"
MODES = pytest.mark.parametrize("mode", ["webhook", "polling"])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat takes one message a second at Telegram; the fake one takes more."""
    monkeypatch.setattr("bot.notifications.outbox.SPACING_MS", {"telegram": 20})


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        yield fake


@asynccontextmanager
async def served(folder: Path, fake: FakeTelegram, mode: str) -> AsyncIterator[Embedded]:
    """A Kasapay that has told the Bot API where it is."""
    forbid(fake.token, WEBHOOK_SECRET)
    extra = Settings.model_validate(
        {
            "telegram_token": fake.token,
            "telegram_api_url": fake.url,
            "telegram_mode": mode,
            "telegram_webhook_secret": WEBHOOK_SECRET,
        }
    )
    async with run_embedded(folder / "data", extra=extra) as embedded:
        await fake.called("setWebhook" if mode == "webhook" else "getUpdates")
        if mode == "webhook":
            assert fake.webhook == (f"{embedded.url}/telegram/webhook", WEBHOOK_SECRET)
        yield embedded


async def links(person: Person) -> None:
    """Share the own number by Telegram's contact button."""
    await person.starts()
    await person.sees("Type a merchant code, or choose:")
    await person.presses("More")
    await person.sees("More:")
    await person.presses("Link phone and chat")
    await person.finds("Press the button to share your number")
    await person.presses("Share my number")
    await person.finds("Linked. Results of your payments arrive here too.")


@MODES
async def test_pays_by_buttons_and_the_pending_message_becomes_the_result(
    tmp_path: Path, fake: FakeTelegram, http: httpx.AsyncClient, mode: str
) -> None:
    async with served(tmp_path, fake, mode) as embedded:
        judge, efua = Judge(http, embedded.sandbox_url), fake.person("Efua", phone=EFUA.removeprefix("+"))
        await links(efua)
        await efua.says("menu")
        await efua.sees("Type a merchant code, or choose:")
        await efua.presses("Pay")
        await efua.sees("Enter the merchant code:")
        await efua.says("1001")
        await efua.sees("Amount (GHS):")
        await efua.says("12.50")
        await efua.sees("Pay GHS 12.50 to Ama's Kitchen from 0240000001")
        await efua.presses("Yes, pay")
        pending = await efua.sees(
            "Enter your PIN on 0240000001 when asked, not here: GHS 12.50 to Ama's Kitchen"
        )
        said = len(efua.messages)
        await judge.decide(EFUA, "approve")
        result = await efua.sees("Paid: GHS 12.50 to Ama's Kitchen. Ref")
        assert result.message_id == pending.message_id, "the message itself became the result"
        assert result.edits >= 1
        assert len(efua.messages) == said
        (order,) = await judge.entries()
        assert order["times_charged"] == 1
        assert await judge.sms(EFUA) == [], "told where it began, and nowhere else"


@MODES
async def test_pays_by_text_rejects_and_is_told_why(
    tmp_path: Path, fake: FakeTelegram, http: httpx.AsyncClient, mode: str
) -> None:
    """Words alone, a number typed, every update delivered twice: one order, one answer each."""
    fake.duplicates = 1
    async with served(tmp_path, fake, mode) as embedded:
        judge, ama = Judge(http, embedded.sandbox_url), fake.person("Ama", phone="233249999999")
        await ama.starts()
        await ama.sees("Type a merchant code, or choose:")
        await ama.says("pay")
        await ama.sees("Enter the merchant code:")
        await ama.says("1001")
        await ama.sees("Amount (GHS):")
        await ama.says("3")
        await ama.sees("Enter the number that pays:")
        await ama.says("024 000 0001")
        await ama.sees("Pay GHS 3.00 to Ama's Kitchen from 0240000001")
        await ama.says("yes")
        pending = await ama.sees("not here: GHS 3.00")
        await judge.decide(EFUA, "reject")
        result = await ama.sees("Not paid: GHS 3.00 to Ama's Kitchen. Nothing was taken.", "It was refused")
        assert result.message_id == pending.message_id
        assert [entry["status"] for entry in await judge.entries()] == ["FAILED"]
        assert len(ama.messages) == 6, [str(message) for message in ama.messages]


@MODES
async def test_a_code_typed_in_the_chat_is_taken_out_of_it(
    tmp_path: Path, fake: FakeTelegram, http: httpx.AsyncClient, mode: str
) -> None:
    async with served(tmp_path, fake, mode) as embedded:
        judge, kwame = Judge(http, embedded.sandbox_url), fake.person("Kwame", phone=KWAME.removeprefix("+"))
        await kwame.starts()
        await kwame.sees("Type a merchant code, or choose:")
        for typed, seen in [
            ("pay", "Enter the merchant code"),
            ("1002", "Amount (GHS)"),
            ("8", "number that pays"),
            ("0240000002", "Which network?"),
            ("MTN", "Pay GHS 8.00 to Kofi Books"),
            ("yes", "Enter the SMS code sent to 0240000002"),
        ]:
            await kwame.says(typed)
            await kwame.sees(seen)
        otp = (await judge.told(KWAME, "is your code")).split()[0]
        forbid(otp)
        await kwame.says(otp)
        await kwame.sees("Paid: GHS 8.00 to Kofi Books. Ref")
        assert [call.method for call in fake.calls_of("deleteMessage")] == ["deleteMessage"]
        assert not [message for message in kwame.chat.messages if otp in message.text and not message.deleted]
        assert [entry["times_charged"] for entry in await judge.entries()] == [1]


async def test_a_result_finds_who_blocked_the_bot_by_sms(
    tmp_path: Path, fake: FakeTelegram, http: httpx.AsyncClient
) -> None:
    async with served(tmp_path, fake, "webhook") as embedded:
        judge, efua = Judge(http, embedded.sandbox_url), fake.person("Efua", phone=EFUA.removeprefix("+"))
        await links(efua)
        for typed, seen in [
            ("menu", "Type a merchant code"),
            ("pay", "Enter the merchant code"),
            ("1001", "Amount"),
            ("4", "Pay GHS 4.00 to Ama's Kitchen from 0240000001"),
            ("yes", "not here: GHS 4.00"),
        ]:
            await efua.says(typed)
            await efua.sees(seen)
        await efua.blocks()
        await judge.decide(EFUA, "approve")
        assert "Ref" in await judge.told(EFUA, "Paid: GHS 4.00 to Ama's Kitchen")


async def test_a_phone_payment_also_tells_the_linked_chat(
    tmp_path: Path, fake: FakeTelegram, http: httpx.AsyncClient, line: aiohttp.ClientSession
) -> None:
    """Linked by the code from the phone; somebody else's card links nothing."""
    async with served(tmp_path, fake, "webhook") as embedded:
        judge, efua = Judge(http, embedded.sandbox_url), fake.person("Efua", phone="233249999998")
        url = embedded.url + embedded.ussd_path
        await efua.starts()
        await efua.sees("Type a merchant code, or choose:")
        await efua.presses("More")
        await efua.sees("More:")
        await efua.presses("Link phone and chat")
        await efua.finds("Press the button to share your number")
        await efua.shares_contact(EFUA, user_id=12345)
        await efua.finds("That is not your own card")
        phone = Phone(line, url, EFUA)
        for typed in (None, "4"):
            await phone.say(typed)
        code = (await phone.say("5")).screen.split("Link code: ")[1][:8]
        forbid(code)
        await efua.says(EFUA)
        await efua.finds("type the link code here")
        await efua.says(code)
        await efua.finds("Linked. Results of your payments arrive here too.")
        phone = Phone(line, url, EFUA)
        for typed in (None, "1", "1001", "6", "1"):
            await phone.say(typed)
        await judge.decide(EFUA, "approve")
        await efua.finds("Paid: GHS 6.00 to Ama's Kitchen. Ref")
        await judge.told(EFUA, "Paid: GHS 6.00")


async def test_the_webhook_takes_nothing_without_its_secret(
    tmp_path: Path, fake: FakeTelegram, http: httpx.AsyncClient
) -> None:
    async with served(tmp_path, fake, "webhook") as embedded:
        url = f"{embedded.url}/telegram/webhook"
        eve = fake.person("Eve", id=4711)
        assert eve.chat.from_bot == []
        header = "X-Telegram-Bot-Api-Secret-Token"
        update = {
            "update_id": 5,
            "message": {
                "message_id": 1,
                "date": 1,
                "chat": {"id": 4711, "type": "private"},
                "from": {"id": 4711, "is_bot": False, "first_name": "Eve", "language_code": "en"},
                "text": "/start",
            },
        }
        for headers in (
            {},
            {header: "wrong"},
            {header: ""},
            {header: WEBHOOK_SECRET + "x"},
            {header: "\xe9"},
        ):
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            assert (await http.post(url, json=update, headers=raw)).status_code == 403
        assert (await http.post(url, json=update, headers={header: WEBHOOK_SECRET})).status_code == 200
        await eve.sees("Type a merchant code, or choose:")
        assert len(fake.calls_of("sendMessage")) == 1
