"""Telegram's updates: kept before their 200, taken once and in order, and secrets taken out of the chat."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.money import OrderState
from bot.store.base import StoreUnavailable
from tests.conversations.people import asked
from tests.conversations.stage import EFUA, KWAME, STAFF_PIN, Stage, open_stage
from tests.conversations.trouble import Break, BreakingSender, Killed
from tests.fake_telegram import FakeTelegram, Person, accept_then_hang, hang, server_error


@pytest.fixture
async def telegram(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, template, telegram=True) as opened:
        yield opened


def fake_of(stage: Stage) -> FakeTelegram:
    assert stage.telegram is not None
    return stage.telegram


@pytest.fixture
def efua(telegram: Stage) -> Person:
    return fake_of(telegram).person("Efua", phone=EFUA.lstrip("+"))


async def say(stage: Stage, person: Person, *said: str) -> None:
    for text in said:
        await person.says(text)
        await stage.pass_time(2)


def update(update_id: int, chat: int, text: str) -> dict[str, Any]:
    sender = {"id": chat, "is_bot": False, "first_name": "Efua", "language_code": "en"}
    message = {"message_id": update_id, "date": 1, "chat": {"id": chat, "type": "private"}, "from": sender}
    return {"update_id": update_id, "message": message | {"text": text}}


async def waiting(stage: Stage) -> list[dict[str, Any]]:
    return stage.rows("SELECT * FROM inbox WHERE body IS NOT NULL")


async def test_an_update_is_kept_before_its_200(telegram: Stage, efua: Person) -> None:
    await efua.says("hello")
    (delivery,) = fake_of(telegram).deliveries
    assert delivery.status == 200
    assert len(await waiting(telegram)) == 1
    assert efua.messages == []
    await telegram.settle()
    assert len(efua.messages) == 1
    assert await waiting(telegram) == []


async def test_what_waits_is_encrypted(telegram: Stage, efua: Person) -> None:
    await efua.says("a sentence nobody else may read")
    assert not telegram.holds("a sentence nobody else may read")
    assert not telegram.holds("nobody else")


async def test_an_update_that_cannot_be_kept_comes_again(
    telegram: Stage, efua: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = telegram.store.receive
    calls = 0

    async def once_away(row: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreUnavailable("disk full")
        return await receive(row)

    monkeypatch.setattr(telegram.store, "receive", once_away)
    await efua.says("hello")
    assert [delivery.status for delivery in fake_of(telegram).deliveries] == [503, 200]
    await telegram.settle()
    assert len(efua.messages) == 1


async def test_a_repeated_update_is_answered_once(telegram: Stage, efua: Person) -> None:
    fake_of(telegram).duplicates = 2
    await say(telegram, efua, "hello", "1")
    assert len(efua.messages) == 2
    # Also long after its turn.
    await fake_of(telegram).put_raw(update(900_000_001, efua.id, "hello"))
    await telegram.pass_time(2)
    assert len(efua.messages) == 2


async def test_the_order_of_a_chat_is_kept(telegram: Stage, efua: Person) -> None:
    """All are there before the first is taken; another chat does not wait for this one."""
    kwame = fake_of(telegram).person("Kwame")
    for said in ("hello", "1", "1001", "5", "0240000001"):
        await efua.says(said)
    await kwame.says("hello")
    await telegram.pass_time(10)
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/confirm"
    assert len(kwame.messages) == 1


async def test_ids_say_the_order_though_deliveries_overtake_one_another(
    telegram: Stage, efua: Person
) -> None:
    fake = fake_of(telegram)
    await say(telegram, efua, "/start")
    await fake.put_raw(update(990_000_002, efua.id, "1001"))
    await fake.put_raw(update(990_000_001, efua.id, "1"))
    await telegram.pass_time(5)
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/amount"


async def test_a_crash_in_the_middle_takes_the_update_up_again(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start", "1", "1001", "5")
    await efua.says("0240000001")
    intake = telegram.kasapay.intake
    assert intake is not None
    fake_of(telegram)
    task = asyncio.create_task(intake.drain())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await telegram.restart()
    await telegram.pass_time(70)
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/confirm"
    assert await waiting(telegram) == []


async def test_an_update_cut_off_at_its_call_is_answered_after_all(tmp_path: Path, template: Path) -> None:
    """What was kept before the call takes the update along only with the answer."""
    plan = Break(1, after=True)
    plan.armed = False
    async with open_stage(
        tmp_path, template, telegram=True, wrap_sender=lambda sender: BreakingSender(sender, plan)
    ) as stage:
        efua = fake_of(stage).person("Efua", phone=EFUA.lstrip("+"))
        await say(stage, efua, "/start", "1", "1002", "5", "0240000001", "1")
        assert (await asked(stage, "telegram", str(efua.id)))[0] == "pay/confirm"
        plan.armed = True
        await efua.says("1")
        intake = stage.kasapay.intake
        assert intake is not None
        with pytest.raises(Killed):
            await intake.drain()
        assert len(await waiting(stage)) == 1
        before = len(efua.messages)
        await stage.restart()
        await stage.pass_time(120)
        order = await stage.order()
        assert any(order.code in message.text for message in efua.messages[before:])
        assert await waiting(stage) == []
        assert len(stage.entries) == 1


async def test_an_update_that_always_fails_is_given_up_and_the_chat_goes_on(
    telegram: Stage, efua: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(telegram, efua, "/start")
    turns = telegram.kasapay.turns
    take = turns.take

    async def failing(inbound: Any, row: Any = None, **given: Any) -> Any:
        if getattr(inbound.input, "text", "") == "poison":
            raise RuntimeError("a mistake of ours")
        return await take(inbound, row, **given)

    monkeypatch.setattr(turns, "take", failing)
    await efua.says("poison")
    await efua.says("1")
    for _ in range(20):
        await telegram.pass_time(61)
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/merchant"
    assert await waiting(telegram) == []


async def test_json_that_only_lenient_readers_take_is_a_message_like_any(
    telegram: Stage, efua: Person
) -> None:
    """Half an emoji in a text, a number that is none: what was taken in can be read again."""
    await say(telegram, efua, "/start")
    intake = telegram.kasapay.intake
    assert intake is not None
    for number, odd in enumerate(("\ud83d", "a\udfff\ud800", "NaN")):
        raw = json.dumps(update(990_000_000 + number, efua.id, odd)).replace('"NaN"', "NaN")
        assert await intake.accept(raw.encode())
        await telegram.pass_time(2)
    assert await waiting(telegram) == []
    assert len(efua.messages) == 3


async def test_what_is_sealed_under_another_key_is_let_go(telegram: Stage, efua: Person) -> None:
    await efua.says("hello")
    telegram.change("UPDATE inbox SET body = x'00112233445566778899aabbccddeeff0011'")
    await telegram.settle()
    assert await waiting(telegram) == []
    assert efua.messages == []


# ---- secrets -------------------------------------------------------------------------------------


async def with_code_wanted(stage: Stage, person: Person) -> str:
    await say(stage, person, "/start", "1", "1002", "8", "0240000001", "1", "1")
    assert (await asked(stage, "telegram", str(person.id)))[0] == "pay/otp"
    return stage.otp(EFUA)


async def test_the_message_with_the_code_is_deleted_before_the_provider_hears_of_it(
    telegram: Stage, efua: Person
) -> None:
    code = await with_code_wanted(telegram, efua)
    order_of_things: list[str] = []
    fake, sender = fake_of(telegram), telegram.kasapay.calls._sender
    send = sender.send

    async def noting(account: Any, call: Any, timeout_s: float) -> Any:
        order_of_things.append(call.name)
        deleted = [m for m in efua.chat.messages if m.text == code and m.deleted]
        assert deleted, "the code still stands in the chat"
        return await send(account, call, timeout_s)

    sender.send = noting  # type: ignore[method-assign]
    await say(telegram, efua, code)
    sender.send = send  # type: ignore[method-assign]
    assert "submit_otp" in order_of_things
    assert len(fake.calls_of("deleteMessage")) == 1
    await telegram.pass_time(10)
    assert (await telegram.order()).state is OrderState.SUCCESSFUL
    assert not telegram.holds(code)


async def test_a_code_that_cannot_be_deleted_is_handed_over_all_the_same(
    telegram: Stage, efua: Person
) -> None:
    code = await with_code_wanted(telegram, efua)
    fake_of(telegram).fail("deleteMessage", server_error())
    await say(telegram, efua, code)
    await telegram.pass_time(10)
    assert (await telegram.order()).state is OrderState.SUCCESSFUL


async def test_a_staff_pin_is_deleted_from_the_chat(telegram: Stage, efua: Person) -> None:
    code = await telegram.staff_code("1001")
    await say(telegram, efua, "/start", "4", "8", code, STAFF_PIN, STAFF_PIN)
    left = [message.text for message in efua.chat.messages if not message.deleted]
    assert STAFF_PIN not in left
    assert any("now work for" in text for text in left)


async def test_plain_answers_are_not_deleted(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start", "1", "1001", "5")
    assert fake_of(telegram).calls_of("deleteMessage") == []


async def test_the_inbox_row_goes_with_the_commit_of_its_turn(telegram: Stage, efua: Person) -> None:
    """A secret is kept, encrypted, for as long as its turn lasts, and no longer."""
    code = await with_code_wanted(telegram, efua)
    await efua.says(code)
    assert len(await waiting(telegram)) == 1
    await telegram.settle()
    assert await waiting(telegram) == []
    (row,) = telegram.rows("SELECT body, chat FROM inbox ORDER BY update_id DESC LIMIT 1")
    assert (row["body"], row["chat"]) == (None, "")


# ---- what is no answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ({"phone": "233240000777", "user_id": 999}, "not your own card"),
        ({"phone": "233240000777", "user_id": 0}, "not your own card"),
        ({"forwarded": True}, "forwarded card"),
        ({"phone": "888 0123 4567"}, "+888"),
        ({"phone": "+88801234567"}, "+888"),
        ({"phone": "12"}, "cannot be read"),
    ],
)
async def test_a_card_that_is_not_taken_says_why(
    telegram: Stage, efua: Person, card: dict[str, Any], why: str
) -> None:
    await say(telegram, efua, "/start", "4", "5")
    await efua.shares_contact(**card)
    await telegram.pass_time(2)
    assert why in efua.screen().text
    assert "not used" in efua.screen().text
    assert "Share my number" in [key.label for row in efua.chat.keyboard for key in row]
    assert telegram.rows("SELECT id FROM addresses WHERE kind = 'msisdn'") == []


async def test_ones_own_card_links_the_chat_whenever_nothing_else_is_under_way(
    telegram: Stage, efua: Person
) -> None:
    """Also as the first word, and at the menu."""
    await efua.shares_contact()
    await telegram.pass_time(4)
    assert any("Linked" in message.text for message in efua.messages)
    kwame = fake_of(telegram).person("Kwame", phone=KWAME.lstrip("+"))
    await say(telegram, kwame, "/start")
    await kwame.shares_contact()
    await telegram.pass_time(4)
    assert any("Linked" in message.text for message in kwame.messages)
    for person, number in ((efua, EFUA), (kwame, KWAME)):
        found = await telegram.store.person_of("msisdn", number)
        assert found is not None
        assert await telegram.store.person_of("telegram", str(person.id)) is not None


async def test_ones_own_card_in_the_midst_of_a_payment_is_said_not_to_be_used(
    telegram: Stage, efua: Person
) -> None:
    await say(telegram, efua, "/start", "1", "1001")
    await efua.shares_contact()
    await telegram.pass_time(4)
    assert "not used" in efua.screen().text
    assert "Amount" in efua.screen().text
    assert not any("Thank you" in message.text for message in efua.messages)
    assert await telegram.store.person_of("msisdn", EFUA) is None
    # Where a number is asked for, it is one.
    await say(telegram, efua, "5")
    await efua.shares_contact()
    await telegram.pass_time(4)
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/confirm"


# ---- taps ----------------------------------------------------------------------------------------


def toasts(stage: Stage) -> list[str]:
    return [call["text"] or "" for call in fake_of(stage).calls_of("answerCallbackQuery")]


async def test_a_tap_that_is_repeated_is_answered_with_a_toast_only(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start", "1", "1001", "5", "0240000001")
    before, confirm = len(efua.messages), efua.screen()
    data = next(key.data for row in confirm.rows for key in row if key.label == "Yes, pay")
    assert data is not None
    for _ in range(4):
        await efua.presses_data(data, on=confirm)
    await telegram.pass_time(10)
    assert len(await telegram.orders()) == 1
    assert len(efua.messages) == before + 1
    assert "A PIN request is on its way" in efua.screen().text
    said = toasts(telegram)
    assert (said[0], len(said)) == ("", 4)
    assert all("answered already" in text for text in said[1:])


async def test_an_old_answer_is_answered_in_passing(telegram: Stage, efua: Person) -> None:
    """Another question stands by now: nothing is taken, and nothing is said in the chat."""
    await say(telegram, efua, "/start")
    old = efua.screen()
    data = old.rows[0][0].data
    assert data is not None
    await say(telegram, efua, "1")
    before = len(efua.messages)
    await efua.presses_data(data, on=old)
    await telegram.pass_time(2)
    assert toasts(telegram) == ["That was answered already. Look at the last message."]
    assert len(efua.messages) == before


async def test_an_old_menu_takes_nobody_out_of_a_half_done_payment(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start", "1", "1001", "5", "0240000001")
    await efua.presses("Yes, pay")
    await telegram.pass_time(3)
    old = efua.screen()
    menu = next(key.data for row in old.rows for key in row if key.label == "Menu")
    assert menu is not None
    # Twice at once: one menu.
    before = len(efua.messages)
    for _ in range(2):
        await efua.presses_data(menu, on=old)
    await telegram.pass_time(3)
    assert len(efua.messages) == before + 1
    await say(telegram, efua, "1", "other", "1001")
    await telegram.pass_time(15)
    await efua.presses_data(menu, on=old)
    await telegram.pass_time(3)
    assert efua.screen().rows[0][0].label == "Continue"
    before = len(efua.messages)
    await efua.presses_data(menu, on=old)
    await telegram.pass_time(3)
    assert len(efua.messages) == before
    await efua.presses("Continue")
    await telegram.pass_time(3)
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/amount"


async def test_a_photo_is_met_with_words_and_the_question_stays(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start", "1")
    await efua.sends_photo("1001")
    await telegram.pass_time(2)
    assert "text and buttons" in efua.screen().text
    assert (await asked(telegram, "telegram", str(efua.id)))[0] == "pay/merchant"


async def test_a_group_is_told_to_come_in_private(telegram: Stage, efua: Person) -> None:
    fake = fake_of(telegram)
    group = fake.group()
    await efua.says("/start", group=group.id)
    await efua.says("just chatting", group=group.id)
    await telegram.pass_time(3)
    (said,) = group.from_bot
    assert "private" in said.text
    assert f"https://t.me/{fake.username}" in said.text
    assert telegram.rows("SELECT id FROM people") == []
    assert efua.messages == []


async def test_a_group_is_answered_once_in_a_while(telegram: Stage, efua: Person) -> None:
    """Whatever thirty people write there; and the bot's other chats notice nothing of it."""
    fake = fake_of(telegram)
    group, other = fake.group(), fake.group()
    for _ in range(30):
        await efua.says("/start", group=group.id)
    await efua.says("/start", group=other.id)
    await telegram.pass_time(60)
    assert (len(group.from_bot), len(other.from_bot)) == (1, 1)
    await telegram.pass_time(600)
    await efua.says("/start", group=group.id)
    await telegram.pass_time(2)
    assert len(group.from_bot) == 2
    assert await waiting(telegram) == []


async def test_a_chat_that_says_too_much_at_once_is_asked_to_wait_once(telegram: Stage, efua: Person) -> None:
    kwame = fake_of(telegram).person("Kwame")
    for _ in range(40):
        await efua.says("/start")
    await kwame.says("/start")
    await telegram.pass_time(60)
    texts = [message.text for message in efua.messages]
    assert len([text for text in texts if "at once" in text]) == 1
    assert len(texts) == 21
    assert len(kwame.messages) == 1
    await say(telegram, efua, "/start")
    assert len(efua.messages) == 22


async def test_a_chat_that_blocks_us_is_left_in_peace_until_it_comes_back(
    telegram: Stage, efua: Person
) -> None:
    await say(telegram, efua, "/start")
    await efua.blocks()
    await telegram.settle()
    found = await telegram.store.person_of("telegram", str(efua.id))
    assert found is not None
    assert not found[1].reachable
    await efua.unblocks()
    await telegram.settle()
    await say(telegram, efua, "hello")
    found = await telegram.store.person_of("telegram", str(efua.id))
    assert found is not None
    assert found[1].reachable


async def test_a_button_that_is_not_ours_is_answered_and_ignored(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start")
    await efua.presses_data("from-another-life")
    await telegram.pass_time(2)
    assert len(fake_of(telegram).calls_of("answerCallbackQuery")) == 1
    assert len(efua.messages) == 1
    assert await waiting(telegram) == []


async def test_a_pressed_question_loses_its_buttons_and_its_spinner(telegram: Stage, efua: Person) -> None:
    await say(telegram, efua, "/start")
    menu = efua.screen()
    await efua.presses("Pay")
    await telegram.pass_time(2)
    assert menu.buttons == []
    assert len(fake_of(telegram).calls_of("answerCallbackQuery")) == 1
    assert efua.screen() is not menu


@pytest.mark.parametrize("method", ["answerCallbackQuery", "editMessageReplyMarkup"])
async def test_courtesies_that_fail_or_hang_hold_up_no_answer(
    telegram: Stage, efua: Person, method: str
) -> None:
    await say(telegram, efua, "/start")
    fake, intake = fake_of(telegram), telegram.kasapay.intake
    assert intake is not None
    trouble = fake.fail(method, hang())
    await efua.presses("Pay")
    task = asyncio.create_task(intake.drain())
    await trouble.reached.wait()
    while await waiting(telegram):
        await asyncio.sleep(0)
    telegram.clock.ms += 2000
    await telegram.kasapay.outbox.drain()
    assert "merchant code" in efua.screen().text
    fake.mend()
    await task


async def test_an_answer_telegram_took_but_did_not_confirm_comes_twice_at_most(
    telegram: Stage, efua: Person
) -> None:
    fake = fake_of(telegram)
    lost = fake.fail("sendMessage", accept_then_hang())
    await efua.says("hello")
    task = asyncio.create_task(telegram.settle())
    await lost.reached.wait()
    lost.release()
    await task
    await telegram.pass_time(30)
    assert len(efua.messages) <= 2


# ---- the door ------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [None, "", "wrong", "a_hook_secret_of_the_testsx"])
async def test_only_telegram_may_call(telegram: Stage, secret: str | None) -> None:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        reply = await http.post(
            f"{telegram.settings.public_url}/telegram/webhook", json=update(1, 5, "hello"), headers=headers
        )
    assert reply.status_code == 403
    assert await waiting(telegram) == []


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"update_id": "x"}', b"[" * 5000, b"\xff"])
async def test_what_is_no_update_is_refused(telegram: Stage, raw: bytes) -> None:
    headers = {
        "X-Telegram-Bot-Api-Secret-Token": telegram.settings.telegram_webhook_secret.get_secret_value()
    }
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        reply = await http.post(
            f"{telegram.settings.public_url}/telegram/webhook", content=raw, headers=headers
        )
    assert reply.status_code == 400
    assert telegram.rows("SELECT 1 FROM inbox") == []


async def test_an_update_of_a_kind_nobody_knows_is_kept_and_let_go(telegram: Stage) -> None:
    await fake_of(telegram).put_raw({"update_id": 7, "poll": {"id": "1"}})
    assert [delivery.status for delivery in fake_of(telegram).deliveries] == [200]
    await telegram.settle()
    assert await waiting(telegram) == []
    assert json.dumps(telegram.rows("SELECT id FROM people")) == "[]"
