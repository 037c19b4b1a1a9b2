"""Killed at any boundary of a payment, or of what staff begin, and told by the sandbox's record how it
really ended.

Here against the sandbox over HTTP; `tests/torture/crash.py` plays every flow and behaviour in virtual
time, on both sides of every step.

Each story is played once to count its boundaries, then once for each of them: the process dies just
before or just after, another starts on the file, and the gateway delivers its request again or the
person redials. One order, one request at the provider, money taken at most once, and the person told;
told twice only where the kill fell between sending a message and writing that down.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.channels.ussd import WireRequest
from bot.money import FINAL, OrderKind, OrderState
from bot.store.base import StoreUnavailable
from tests.conversations.people import Phone, Screen, decide
from tests.conversations.robot import Robot, carry_through
from tests.conversations.stage import ACCOUNTANT, CASHIER, EFUA, STAFF, STAFF_PIN, Stage
from tests.conversations.trouble import Break, Killed, break_each, open_breaking, unavailable

MERCHANTS = {"momo": "1001", "startbutton": "1002"}
GATEWAYS = {"momo": "africastalking", "startbutton": "hubtel"}


class _Story:
    """Something done on phones, in a world that breaks once."""

    def __init__(self, stage: Stage, *, redial: bool) -> None:
        self.stage = stage
        self.redial = redial

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

    async def _wait(self) -> None:
        for _ in range(3):
            await self._calmly(lambda: self.stage.pass_time(40))
        if any(order.state not in FINAL for order in await self.stage.orders()):
            await self._calmly(lambda: self.stage.pass_time(2 * 3600))

    async def _calmly(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except Killed:
            await self.stage.restart()
            await work()
        except StoreUnavailable:
            await work()


class Story(_Story):
    """One payment from dial to result."""

    def __init__(self, stage: Stage, provider: str, *, redial: bool) -> None:
        super().__init__(stage, redial=redial)
        self.phone = Phone(stage, EFUA, GATEWAYS[provider])
        code = MERCHANTS[provider]
        self.robot = Robot(stage, self.phone, code, deliver=self._deliver, args=(code, "5"))

    async def play(self) -> None:
        await self.robot.pay()
        await self._calmly(self.stage.settle)
        if self.stage.sandbox.sandbox.world.prompts_of(EFUA.removeprefix("+")):
            decide(self.stage, EFUA, "approve")
        await self._wait()


async def played(
    folder: Path, template: Path, provider: str, plan: Break, where: str, *, redial: bool
) -> str:
    """What is wrong with how the story ended; empty where nothing is."""
    async with open_breaking(folder, template, plan, where) as stage:
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
    what: str,
    where: str,
    error: Callable[[], BaseException],
    *,
    after: bool,
    redial: bool,
) -> None:
    """`what`: a provider whose payment is played, or a deed of staff."""
    story = done_by_staff if what in DEEDS else played

    async def play(folder: Path, plan: Break) -> str:
        return await story(folder, template, what, plan, where, redial=redial)

    await break_each(play, tmp_path, error, after=after, least=6 if where == "store" else 2)


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_killed_at_every_write(tmp_path: Path, template: Path, provider: str) -> None:
    await campaign(tmp_path, template, provider, "store", Killed, after=True, redial=False)


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_a_write_fails(tmp_path: Path, template: Path, provider: str) -> None:
    await campaign(tmp_path, template, provider, "store", unavailable, after=False, redial=False)


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_killed_at_every_call(tmp_path: Path, template: Path, provider: str) -> None:
    await campaign(tmp_path, template, provider, "sender", Killed, after=True, redial=True)


# ---- what staff begin ----------------------------------------------------------------------------

_SAID = {
    **{"menu": "5", "resume": "1", "which": "1", "word": "1"},
    **dict.fromkeys(("pin", "agreed"), STAFF_PIN),
}


class Refund(_Story):
    """A payment is given back."""

    kind, teller = OrderKind.REFUND, STAFF

    async def prepare(self) -> None:
        await Robot(self.stage, Phone(self.stage, EFUA), "1001", args=("1001", "5")).pay()
        await self.stage.settle()
        decide(self.stage, EFUA, "approve")
        await self.stage.pass_time(10)

    async def play(self) -> None:
        (paid,) = await self.stage.orders()
        answers = _SAID | {"code": paid.code}
        await self._through(STAFF, ("5", "3"), answers, self._ordered)
        await self._wait()

    async def _through(
        self,
        msisdn: str,
        args: tuple[str, ...],
        answers: dict[str, str],
        done: Callable[[], Awaitable[bool]],
    ) -> None:
        phone = Phone(self.stage, msisdn)
        await carry_through(self.stage, phone, args, answers, done, self._deliver)
        await self._calmly(self.stage.settle)

    async def _ordered(self) -> bool:
        return any(order.kind is self.kind for order in await self.stage.orders())


class Payout(Refund):
    """Money is sent out, of so much that a second person must approve it."""

    kind, teller = OrderKind.TRANSFER, STAFF

    async def prepare(self) -> None:
        phone = Phone(self.stage, ACCOUNTANT)  # so that there is somebody to tell
        await phone.dial()
        await phone.drop()

    async def play(self) -> None:
        answers = _SAID | {"number": "0240000001", "amount": "600"}
        await self._through(STAFF, ("5", "4"), answers, self._asked)
        await self._through(ACCOUNTANT, ("5", "9"), _SAID, self._ordered)
        await self._wait()

    async def _asked(self) -> bool:
        return bool(self.stage.rows("SELECT 1 FROM approvals"))


class CashOut(Refund):
    """A customer's wallet money comes in, and cash goes out."""

    kind, teller = OrderKind.WITHDRAWAL, CASHIER

    async def prepare(self) -> None:
        pass

    async def play(self) -> None:
        answers = _SAID | {"number": "0240000001", "amount": "30"}
        await self._through(CASHIER, ("5", "5"), answers, self._ordered)
        # A request that was not sent in time asks nobody any more.
        if self.stage.sandbox.sandbox.world.prompts_of(EFUA.removeprefix("+")):
            decide(self.stage, EFUA, "approve")
        await self._wait()


DEEDS: dict[str, type[Refund]] = {"refund": Refund, "payout": Payout, "cash_out": CashOut}


async def done_by_staff(
    folder: Path, template: Path, deed: str, plan: Break, where: str, *, redial: bool
) -> str:
    """What is wrong with how it ended; empty where nothing is."""
    plan.armed = False
    async with open_breaking(folder, template, plan, where) as stage:
        story = DEEDS[deed](stage, redial=redial)
        await story.prepare()
        before = len(stage.entries)
        plan.armed = True
        await story.play()
        plan.armed = False
        await stage.judge()
        orders = [order for order in await stage.orders() if order.kind is story.kind]
        entries = stage.entries[before:]
        told = [text for text in stage.results(story.teller) if orders and orders[0].code in text]
        wrong = []
        if len(orders) != 1:
            wrong.append(f"{len(orders)} orders")
        if len(entries) > 1:
            wrong.append(f"{len(entries)} requests at the provider")
        if any(order.state not in FINAL for order in orders):
            wrong.append(f"it ends {[order.state.value for order in orders]}")
        moved = any(e.times_charged or e.times_paid_out for e in entries)
        if orders and (orders[0].state is OrderState.SUCCESSFUL) != moved:
            wrong.append("we say other than the record")
        if len(told) not in ((1, 2) if plan.sent_and_lost else (1,)):
            wrong.append(f"told {len(told)} times")
        held = stage.rows("SELECT state, order_id FROM approvals")
        made = [{"state": "approved", "order_id": order.id} for order in orders]
        if held != (made if deed == "payout" else []):
            wrong.append(f"the approvals are {held}")
        if not redial and stage.rows("SELECT 1 FROM turns WHERE state = 'running'"):
            wrong.append("a turn never ended")
        return ", ".join(wrong)


@pytest.mark.parametrize("deed", DEEDS)
async def test_staff_killed_at_every_write(tmp_path: Path, template: Path, deed: str) -> None:
    await campaign(tmp_path, template, deed, "store", Killed, after=True, redial=False)


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_write_of_staff_fails(tmp_path: Path, template: Path, deed: str) -> None:
    await campaign(tmp_path, template, deed, "store", unavailable, after=False, redial=False)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("deed", DEEDS)
async def test_staff_killed_at_every_call(tmp_path: Path, template: Path, deed: str, after: bool) -> None:
    await campaign(tmp_path, template, deed, "sender", Killed, after=after, redial=True)
