"""Killed at any boundary of a payment, and told by the sandbox's record how it really ended.

Here against the sandbox over HTTP; `tests/torture/crash.py` plays every flow and behaviour in virtual
time, on both sides of every step.

Each story is played once to count its boundaries, then once for each of them: the process dies just
before or just after, another starts on the file, and the gateway delivers its request again or the
person redials. One order, one request at the provider, money taken at most once, and the person told;
told twice only where the kill fell between sending a message and writing that down.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.channels.ussd import WireRequest
from bot.money import FINAL, OrderState
from bot.store.base import StoreUnavailable
from tests.conversations.people import Phone, Screen, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage, open_stage
from tests.conversations.trouble import Break, BreakingSender, BreakingStore, Killed, unavailable

MERCHANTS = {"momo": "1001", "startbutton": "1002"}
GATEWAYS = {"momo": "africastalking", "startbutton": "hubtel"}


class Story:
    """One payment from dial to result, in a world that breaks once."""

    def __init__(self, stage: Stage, provider: str, *, redial: bool) -> None:
        self.stage = stage
        self.redial = redial
        self.phone = Phone(stage, EFUA, GATEWAYS[provider])
        code = MERCHANTS[provider]
        self.robot = Robot(stage, self.phone, code, deliver=self._deliver, args=(code, "5"))

    async def play(self) -> None:
        await self.robot.pay()
        await self._calmly(self.stage.settle)
        if self.stage.sandbox.sandbox.world.prompts_of(EFUA.removeprefix("+")):
            decide(self.stage, EFUA, "approve")
        for _ in range(3):
            await self._calmly(lambda: self.stage.pass_time(40))
        if any(order.state not in FINAL for order in await self.stage.orders()):
            await self._calmly(lambda: self.stage.pass_time(2 * 3600))

    async def _deliver(self, phone: Phone, request: WireRequest) -> Screen | None:
        """The gateway's delivery; where it is not answered, once more, or the person gives up."""
        try:
            return await phone.send(request)
        except Killed:
            await self.stage.restart()
        except StoreUnavailable:
            self.stage.clock.ms += 61_000  # whoever was at it is taken for dead by now
        if self.redial:
            return None
        return await phone.send(request)

    async def _calmly(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except Killed:
            await self.stage.restart()
            await work()
        except StoreUnavailable:
            await work()


async def played(
    folder: Path, template: Path, provider: str, plan: Break, where: str, *, redial: bool
) -> str:
    """What is wrong with how the story ended; empty where nothing is."""
    folder.mkdir()
    async with open_stage(
        folder,
        template,
        serve=False,
        wrap_store=(lambda store: BreakingStore(store, plan)) if where == "store" else None,
        wrap_sender=(lambda sender: BreakingSender(sender, plan)) if where == "sender" else None,
    ) as stage:
        story = Story(stage, provider, redial=redial)
        await story.play()
        await stage.judge()
        orders = await stage.orders()
        told = [text for text in stage.results(EFUA) if orders and orders[0].code in text]
        entries = stage.entries
        wrong = []
        if len(orders) != 1:
            wrong.append(f"{len(orders)} orders")
        if len(entries) > 1:
            wrong.append(f"{len(entries)} requests at the provider")
        # Startbutton is never asked twice: of a request that may have left, a person must find out.
        ends = {*FINAL, OrderState.UNRESOLVED} if provider == "startbutton" and not entries else FINAL
        if any(order.state not in ends for order in orders):
            wrong.append(f"it ends {[order.state.value for order in orders]}")
        if orders and (orders[0].state is OrderState.SUCCESSFUL) != any(e.times_charged for e in entries):
            wrong.append("we say other than the record")
        if len(told) != (2 if plan.sent_and_lost else 1):
            wrong.append(f"told {len(told)} times")
        if not redial and stage.rows("SELECT 1 FROM turns WHERE state = 'running'"):
            wrong.append("a turn never ended")
        return ", ".join(wrong)


async def campaign(
    tmp_path: Path,
    template: Path,
    provider: str,
    where: str,
    error: Callable[[], BaseException],
    *,
    after: bool,
    redial: bool,
) -> None:
    count = Break(0, after=after)
    assert await played(tmp_path / "0", template, provider, count, where, redial=redial) == ""
    assert count.count >= (6 if where == "store" else 2)
    failures = {}
    for at in range(1, count.count + 1):
        plan = Break(at, after=after, error=error)
        wrong = await played(tmp_path / str(at), template, provider, plan, where, redial=redial)
        if wrong:
            failures[f"{at} ({plan.broke})"] = wrong
    assert failures == {}


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_killed_at_every_write(tmp_path: Path, template: Path, provider: str) -> None:
    await campaign(tmp_path, template, provider, "store", Killed, after=True, redial=False)


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_a_write_fails(tmp_path: Path, template: Path, provider: str) -> None:
    await campaign(tmp_path, template, provider, "store", unavailable, after=False, redial=False)


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_killed_at_every_call(tmp_path: Path, template: Path, provider: str) -> None:
    await campaign(tmp_path, template, provider, "sender", Killed, after=True, redial=True)
