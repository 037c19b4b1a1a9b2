"""Buttons under a message that begin a conversation: whatever they name, only who may is shown anything."""

import uuid

import pytest

from bot.money import Money
from flows import business_effects as b
from tests.conversations.people import WebChat
from tests.conversations.stage import EFUA, STAFF, Stage
from tests.shell.test_business import act, speaker_of

GHS_600 = Money(60_000, "GHS")


async def approval_of(stage: Stage) -> str:
    """A payout of Ama's that waits for a second person."""
    ama = await speaker_of(stage, STAFF)
    view = await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama)
    assert view.waits
    (row,) = stage.rows("SELECT id FROM approvals")
    return str(row["id"])


async def test_a_stranger_learns_nothing_of_what_they_name(stage: Stage) -> None:
    chat = WebChat(stage)
    said = []
    for approval_id in (await approval_of(stage), str(uuid.uuid4())):
        await chat.presses(f"2:approve:{approval_id}")
        await stage.settle()
        (shown,) = await chat.look()
        said.append(shown.text)
    assert said == ["This is not for you to decide. Nothing was done. Ask the owner."] * 2


@pytest.mark.parametrize("flow", ["pay", "main", "otp", "nonsense"])
async def test_a_button_begins_nothing_that_is_not_meant_to_be(stage: Stage, flow: str) -> None:
    chat = WebChat(stage)
    await chat.presses(f"2:{flow}:{uuid.uuid4()}")
    await stage.settle()
    assert await chat.look() == []
    assert stage.rows("SELECT id FROM conversations") == []
