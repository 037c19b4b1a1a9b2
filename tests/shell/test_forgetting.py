"""A person who asks to be forgotten: not while money is under way, and then nothing greets them."""

import pytest

from bot.admin.registry import COMMANDS, CommandError
from bot.money import OrderState
from tests.conversations.people import Phone, decide
from tests.conversations.stage import EFUA, Stage
from tests.shell.test_worker import MINUTE, confirmed


async def forget(stage: Stage, who: str) -> int:
    return int((await COMMANDS["people.forget"](stage.kasapay.admin, {"who": who}))["orders"])


@pytest.mark.parametrize("by", ["number", "code"])
async def test_nothing_greets_whoever_was_forgotten(stage: Stage, by: str) -> None:
    order = await confirmed(stage)
    await stage.settle()
    who = EFUA if by == "number" else order.code
    with pytest.raises(CommandError, match=order.code):
        await forget(stage, who)
    decide(stage, EFUA, "approve")
    await stage.pass_time(2 * MINUTE)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    assert await forget(stage, who) == 1
    for again in (who, "+233249999999", "x"):
        with pytest.raises(CommandError):
            await forget(stage, again)
    phone = Phone(stage, EFUA)
    await phone.dial()
    assert "Ama" not in phone.screen.text
    kept = await stage.order()
    assert (kept.payer, kept.origin_value, kept.note) == (EFUA, "", "")
