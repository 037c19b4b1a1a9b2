"""Settling by hand: the provider is asked first, both words are shown, and to contradict takes --force."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest

from bot.admin.registry import COMMANDS, CommandError
from bot.money import Money, OrderState
from bot.providers.base import Elsewhere, Misconfigured, NotSent, StatusReport, Unknown
from bot.store.records import OrderRow
from tests.conversations.people import Phone, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage

S = OrderState
FIVE, TWENTY = Money(500, "GHS"), Money(2000, "GHS")


async def doubted(stage: Stage) -> OrderRow:
    """A payment that only a person can settle: the provider named another amount, once."""
    stage.faults(echo_amount="1")
    await Robot(stage, Phone(stage, EFUA), "1001", "20", args=("1001", "20")).pay()
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(60)
    stage.faults()
    order = await stage.order()
    assert order.state is S.UNRESOLVED
    return order


async def settle(
    stage: Stage, order: OrderRow, said: str, answer: Any = None, **given: Any
) -> dict[str, Any]:
    """The command; `answer` stands in the place of the provider's."""
    values = {"code": order.code, "state": said, "reason": "statement of May", "by": "Ama"} | given
    with ExitStack() as stack:
        if answer is not None:
            stack.enter_context(patch.object(stage.kasapay.calls, "status", AsyncMock(return_value=answer)))
        return await COMMANDS["orders.settle"](stage.kasapay.admin, values)


async def refusal(stage: Stage, order: OrderRow, said: str, answer: Any = None) -> str:
    """Why it is not settled; nothing has changed."""
    with pytest.raises(CommandError) as caught:
        await settle(stage, order, said, answer)
    kept = await stage.store.order(order.id)
    assert kept is not None
    assert (kept.state, kept.version) == (order.state, order.version)
    return str(caught.value)


async def test_what_the_provider_says_too_is_settled(stage: Stage) -> None:
    order = await doubted(stage)
    done = await settle(stage, order, "successful")
    assert done["state"] == "SUCCESSFUL"
    assert done["heard"] == "The provider says SUCCESSFUL, GHS 20.00 (SUCCESSFUL)."


async def test_to_contradict_the_provider_takes_force_and_stays_in_the_ledger(stage: Stage) -> None:
    order = await doubted(stage)
    why = await refusal(stage, order, "failed")
    assert f"You say that order {order.code}, GHS 20.00, is FAILED." in why
    assert "The provider says SUCCESSFUL, GHS 20.00 (SUCCESSFUL). Nothing changed." in why
    assert "--force" in why
    assert (await settle(stage, order, "failed", force=True))["state"] == "FAILED"
    last = (await stage.store.transitions(order.id))[-1]
    assert last.note.startswith("Ama: statement of May [forced. The provider says SUCCESSFUL, GHS 20.00")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Unknown("late"), "The provider did not answer."),
        (NotSent("away"), "The provider did not answer."),
        (Elsewhere("moved"), "It belongs elsewhere than its account leads to now"),
        (Misconfigured("x", provider_code="KEY 233240000001"), "The provider refused the question with KEY"),
        (StatusReport(state=None, not_found=True), "The provider does not know it by our reference."),
        (StatusReport(state=S.PENDING, provider_code="ONGOING"), "not final yet (ONGOING)."),
        (StatusReport(state=None, provider_code="NEW_WORD"), "not final yet (NEW_WORD)."),
        (StatusReport(state=S.SUCCESSFUL, amount=FIVE), "SUCCESSFUL, GHS 5.00. Its amount is not ours."),
        (StatusReport(state=S.SUCCESSFUL), "SUCCESSFUL. Its currency is not ours."),
        (StatusReport(state=S.SUCCESSFUL, amount=TWENTY, party="+233240000009"), "Its party is not ours."),
        (StatusReport(state=S.REVERSED, amount=TWENTY), "The provider says REVERSED, GHS 20.00."),
    ],
)
async def test_without_the_providers_yes_it_takes_force(stage: Stage, answer: Any, said: str) -> None:
    order = await doubted(stage)
    why = await refusal(stage, order, "successful", answer)
    assert said in why
    assert "233240000" not in why
    assert (await settle(stage, order, "successful", answer, force=True))["state"] == "SUCCESSFUL"


async def test_of_an_account_that_is_gone_nobody_is_asked(stage: Stage) -> None:
    order = await doubted(stage)
    stage.settings = stage.settings.model_copy(update={"accounts": stage.settings.accounts[1:]})
    await stage.restart()
    why = await refusal(stage, order, "successful")
    assert "The account momo-ghana is not in the settings, so the provider was not asked." in why
    assert (await settle(stage, order, "successful", force=True))["state"] == "SUCCESSFUL"
