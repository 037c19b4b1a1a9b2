"""What a phone shows where the flows say it with more than a question: dialled numbers and notices."""

from tests.conversations.fixtures import stage, template
from tests.conversations.people import Phone, asked, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage

__all__ = ["stage", "template"]


async def paid(stage: Stage) -> Phone:
    """Efua has paid Ama's Kitchen."""
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay()
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(60)
    return phone


async def test_what_is_dialled_never_chooses_the_merchant_paid_last(stage: Stage) -> None:
    phone = await paid(stage)
    await phone.dial()
    await phone.answer("1")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
    await phone.answer("00")
    shown = await phone.dial("1")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/merchant", shown.text


async def test_a_merchants_code_is_dialled_straight_to_the_amount(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    shown = await phone.dial("1001")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
    assert "Ama's Kitchen" in shown.text
    await phone.dial("1001", "20", "1")
    # The confirmation is never dialled.
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"


async def test_a_notice_takes_the_place_of_the_one_before_and_is_gone_after_back(stage: Stage) -> None:
    """A number without an account, then one that is none: one sentence at a time, and after Back none."""
    phone = Phone(stage, EFUA)
    await phone.dial("1001", "20")
    await phone.answer("3")
    question = phone.screen.text
    unknown = await phone.answer("+46733123450")
    assert unknown.text == f"+46733123450 has no mobile-money account.\n{question}"
    not_valid = await phone.answer("12")
    assert not_valid.text == f"That is not a phone number.\n{question}"
    back = await phone.answer("0")
    assert "no mobile-money account" not in back.text
    assert "not a phone number" not in back.text
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"
    assert (await phone.answer("3")).text == question
