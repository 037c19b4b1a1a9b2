"""The code changes under a live conversation: nothing is asked, paid or confirmed that was not shown.

The changed flows are small copies of ours with a question more, a question less or another order.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app import build as wiring
from bot.dialog import Amount, Choice, FreeText, Number, Offer, Screen, Talk, Text, Wallet
from bot.dialog.views import MerchantCard
from bot.money import OrderState
from flows import business_effects as b
from flows import effects as e
from flows.first_screen import FirstAnswer, FirstScreen
from flows.menu import FLOWS
from flows.pay import follow
from tests.conversations.people import Phone, WebChat, asked, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage
from tests.conversations.trouble import open_cut_off

Deploy = Callable[..., Any]


@pytest.fixture
def deploy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Put another main flow in place and start the process anew."""

    async def deploying(main: Any) -> None:
        monkeypatch.setattr(wiring, "FLOWS", {**FLOWS, "main": main})
        await stage.restart()

    return deploying


async def _pay(
    talk: Talk,
    merchant: MerchantCard | None,
    *,
    note: str = "",
    confirm: str = "confirm",
    payer: bool = True,
) -> Screen:
    """Ours in short. `note`: before which question a note is asked for."""

    async def noted(before: str) -> None:
        if note == before:
            await talk.ask("note", FreeText(), text="pay.merchant")

    if merchant is None:
        await talk.look("recents", e.RecentMerchants())
        await noted("merchant")
        code = await talk.ask("merchant", FreeText(12))
        merchant = await talk.look("card", e.FindMerchant(code))
    assert merchant is not None
    await noted("amount")
    amount = await talk.ask("amount", Amount(merchant.currency), merchant=merchant.name, currency="GHS")
    await noted("payer")
    number = talk.facts.msisdn
    if payer:
        own = Offer(number, Text("pay.my_number", {"number": Number(number)}))
        number = await talk.ask("payer", Wallet("GH"), offers=[own])
    await talk.look("holder", e.CheckHolder(merchant.id, number))
    await talk.look("twin", e.FindDuplicate(merchant.id, amount))
    await noted("confirm")
    shown = {"amount": amount, "merchant": merchant.name, "payer": Number(number)}
    decided = await talk.decide(
        confirm, [Choice("yes", Text("pay.yes")), Choice("no", Text("pay.no"))], text="pay.confirm", **shown
    )
    if decided == "no":
        return Screen("pay.cancelled")
    order = await talk.act("request", e.RequestPayment(merchant.id, amount, number))
    return await follow(talk, order)


def changed(**how: Any) -> Any:
    async def main(talk: Talk) -> Screen:
        await talk.look("recent", e.RecentMerchants())
        await talk.look("requests", b.MyAgreements("invoice"))
        offers = [Offer(FirstAnswer(part), Text(f"menu.{part}"), name=part) for part in ("check", "pay")]
        opened = await talk.ask("menu", FirstScreen(), text="main.menu", offers=offers)
        merchant = None
        if opened.typed:
            found = await talk.look("found", e.Recognise(opened.typed))
            assert found is not None
            merchant = found.merchant
        return await _pay(talk.sub("pay"), merchant, **how)

    return main


async def _until_amount(phone: Phone) -> None:
    """By the menu and the question for a code, not by a code typed at once."""
    await phone.dial()
    for said in ("1", "1001"):
        await phone.answer(said)


async def test_menus_may_be_reordered(stage: Stage, deploy: Deploy) -> None:
    """The journal holds meanings: what was chosen as 1 stays chosen as 2."""
    phone = Phone(stage, EFUA)
    await _until_amount(phone)
    await deploy(changed())
    await phone.answer("5")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/payer"


async def test_a_code_typed_at_once_stays_typed(stage: Stage, deploy: Deploy) -> None:
    """The same where the first screen took the merchant's code."""
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/amount")
    await deploy(changed())
    await phone.answer("5")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/payer"


async def test_a_question_more_before_restarts_with_the_answers_filled_in(
    stage: Stage, deploy: Deploy
) -> None:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/confirm")
    for said in ("3", "0240000001"):
        await phone.answer(said)
    await deploy(changed(note="payer"))
    await phone.answer("1")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/note"
    assert not await stage.orders()
    await phone.answer("for lunch")
    # What was answered behind the new question is asked once more.
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/payer"
    screen = await phone.answer("1")
    assert "GHS 5.00" in screen.text
    await phone.answer("1")
    assert (await stage.order()).amount_minor == 500


async def test_an_answer_never_goes_to_a_question_that_was_not_shown(stage: Stage, deploy: Deploy) -> None:
    """The person typed a merchant's code; after the change the first question is for a note."""
    phone = Phone(stage, EFUA)
    await _until_amount(phone)
    await deploy(changed(note="merchant"))
    await phone.answer("5")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/note"
    assert '"5"' not in stage.rows("SELECT journal FROM conversations")[0]["journal"]


async def test_a_question_less_shows_the_next_before_it_is_taken(stage: Stage, deploy: Deploy) -> None:
    """1 meant the wallet number, and must not become a yes to a payment."""
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/confirm")
    await phone.answer("3")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/payer"
    await deploy(changed(payer=False))
    screen = await phone.answer("1")
    assert not await stage.orders()
    assert "GHS 5.00" in screen.text
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"


async def test_a_confirmation_put_in_the_place_of_a_question_is_shown_first(
    stage: Stage, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal fits to the last entry, and only the question that waits is another one."""
    phone = Phone(stage, EFUA)
    await deploy(changed(note="confirm"))
    await Robot(stage, phone, "1001").pay(until="menu")
    await phone.answer("2")
    for said in ("1001", "5", "1"):
        await phone.answer(said)
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/note"
    await deploy(changed())
    screen = await phone.answer("1")
    assert not await stage.orders()
    assert "GHS 5.00" in screen.text
    await phone.answer("1")
    assert len(await stage.orders()) == 1


async def test_an_old_button_of_a_changed_question_confirms_nothing(stage: Stage, deploy: Deploy) -> None:
    chat = WebChat(stage)
    await deploy(changed(note="confirm"))
    for said in ("hello", "2", "1001", "5", "0240000001"):
        await chat.says(said)
    assert (await asked(stage, "web", chat.value))[0] == "pay/note"
    await deploy(changed())
    await chat.says("1")
    assert not await stage.orders()
    await stage.settle()
    assert "GHS 5.00" in (await chat.look())[-1].text


async def test_after_the_request_it_ends_with_where_the_payment_stands(stage: Stage, deploy: Deploy) -> None:
    """A code was wanted; the flow does not fit any more. The payment goes on, and its code is asked for."""
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1002").pay(until="pay/otp")
    order = await stage.order()
    await deploy(changed(note="amount"))
    screen = await phone.answer("menu")
    assert (await stage.order()).state is OrderState.NEEDS_OTP
    assert screen.is_open or order.code in screen.text
    if not screen.is_open:
        await phone.dial()
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/otp"
    await phone.answer(stage.otp(EFUA))
    await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    assert len(stage.entries) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
async def test_cut_off_inside_its_request_it_ends_with_where_the_payment_stands(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """The process dies while it asks for the money, and comes back with other code."""
    async with open_cut_off(tmp_path, template, after=after) as (stage, phone, order):
        monkeypatch.setattr(wiring, "FLOWS", {**FLOWS, "main": changed(note="amount")})
        await stage.restart()
        screen = await phone.repeat()
        assert order.code in screen.text
        assert not screen.is_open
        await stage.pass_time(2 * 3600)
        assert (await stage.order()).id == order.id
        assert len(stage.entries) == (1 if after else 0)
        await stage.judge()


async def test_after_a_payment_that_has_ended_its_end_is_told(stage: Stage, deploy: Deploy) -> None:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1002").pay(until="pay/otp")
    await stage.pass_time(2 * 3600)
    order = await stage.order()
    assert order.state is OrderState.FAILED
    await deploy(changed(note="amount"))
    phone.screen = phone.screen.__class__(phone.screen.text, True, b"")
    screen = await phone.answer("123456")
    assert order.code in screen.text
    assert not screen.is_open
    assert len(await stage.orders()) == 1


async def test_a_flow_that_is_gone_ends_kindly(
    stage: Stage, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/amount")
    stage.change("UPDATE conversations SET flow = 'long_gone'")
    screen = await phone.answer("5")
    assert not screen.is_open
    await phone.dial()
    assert (await asked(stage, "msisdn", EFUA))[0] == "menu"


async def test_facts_that_cannot_be_read_are_gathered_anew(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/amount")
    stage.change("""UPDATE conversations SET facts = '{"channel": 7}'""")
    screen = await phone.answer("5")
    assert screen.is_open
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
    await phone.answer("5")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"


async def test_the_whole_payment_in_the_changed_flow(stage: Stage, deploy: Deploy) -> None:
    """The copies above are themselves fit to pay with."""
    phone = Phone(stage, EFUA)
    await deploy(changed())
    await phone.dial()
    for said in ("2", "1001", "5", "1", "1"):
        await phone.answer(said)
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
