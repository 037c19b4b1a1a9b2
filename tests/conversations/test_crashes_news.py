"""Killed at any boundary after a provider told that money went back: it is learned, and told once."""

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.money import OrderState
from bot.store.base import KeepStaff, StoreUnavailable
from tests.conversations.people import Phone
from tests.conversations.robot import Robot
from tests.conversations.stage import _KEYS, EFUA
from tests.conversations.test_crashes import _Story
from tests.conversations.trouble import Break, Killed, break_each, open_breaking, unavailable
from tests.store.make import staff

OWNER = "+233249990001"


class News(_Story):
    """A payment is over; a signed event says that its money went back, and is repeated until it is taken."""

    async def prepare(self) -> None:
        await Robot(self.stage, Phone(self.stage, EFUA, "hubtel"), "1002", args=("1002", "5")).pay()
        await self.stage.pass_time(60)
        order = await self.stage.order()
        assert order.state is OrderState.SUCCESSFUL
        owner = staff("own", merchant_id=order.merchant_id, address_value=OWNER)
        await self.stage.store.commit([KeepStaff(owner)])
        self.stage.entries[0].status = "reversed"

    async def play(self) -> None:
        order = await self.stage.order()
        transaction = {
            "transactionReference": order.provider_reference,
            "userTransactionReference": order.reference.replace("-", ""),
            "status": "reversed",
            "amount": order.amount_minor,
            "currency": order.currency,
        }
        body = json.dumps({"event": "collection.reversed", "data": {"transaction": transaction}}).encode()
        secret = _KEYS["startbutton-ghs"][1].encode()
        headers = {"x-startbutton-signature": hmac.new(secret, body, hashlib.sha512).hexdigest()}
        for _ in range(2):
            try:
                assert await self.stage.kasapay.callbacks.take_signed("startbutton-ghs", headers, body)
            except Killed:
                await self.stage.restart()
            except StoreUnavailable:
                pass
            else:
                break
        for _ in range(3):
            await self._calmly(lambda: self.stage.pass_time(40))


async def played(folder: Path, template: Path, plan: Break, where: str) -> str:
    """What is wrong with how it ended; empty where nothing is."""
    plan.armed = False
    async with open_breaking(folder, template, plan, where) as stage:
        story = News(stage, redial=False)
        await story.prepare()
        plan.armed = True
        await story.play()
        plan.armed = False
        wrong = []
        order = await stage.order()
        if order.state is not OrderState.REVERSED:
            wrong.append(f"it is {order.state.value}")
        if stage.rows("SELECT 1 FROM rechecks"):
            wrong.append("it is still waiting to be looked into")
        if [row.kind for row in await stage.store.incidents(9)] != ["changed_after_final"]:
            wrong.append("not one incident")
        for number in (EFUA, OWNER):
            told = [text for text in stage.results(number) if "eversed" in text]
            if len(told) not in ((1, 2) if plan.sent_and_lost else (1,)):
                wrong.append(f"{number[-1]} was told {len(told)} times")
        return ", ".join(wrong)


async def campaign(
    tmp_path: Path, template: Path, where: str, error: Callable[[], BaseException], *, after: bool
) -> None:
    async def play(folder: Path, plan: Break) -> str:
        return await played(folder, template, plan, where)

    await break_each(play, tmp_path, error, after=after, least=3 if where == "store" else 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_every_write(tmp_path: Path, template: Path, after: bool) -> None:
    await campaign(tmp_path, template, "store", Killed, after=after)


async def test_a_write_fails(tmp_path: Path, template: Path) -> None:
    await campaign(tmp_path, template, "store", unavailable, after=False)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_the_question(tmp_path: Path, template: Path, after: bool) -> None:
    await campaign(tmp_path, template, "sender", Killed, after=after)
