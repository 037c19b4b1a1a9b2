"""Killed at any boundary of an auto-debit, an invoice or a bill, and told by the sandbox's record how it
really ended.

Like `test_crashes`: each story is played once to count its boundaries, then once for each of them. Every
leg is done once and none is forgotten; people are told once, and once more only where the kill fell
between sending a message and writing that down.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.channels.ussd import WireRequest
from bot.money import FINAL, AgreementState, OrderKind
from bot.sandbox.config import parse_amounts
from bot.sandbox.handsets import show_handset
from bot.sandbox.model import Handset
from bot.store.base import StoreUnavailable
from tests.conversations.people import Phone, Screen, decide, settle_invoice
from tests.conversations.robot import carry_through
from tests.conversations.stage import CASHIER, EFUA, STAFF_PIN, Stage
from tests.conversations.trouble import Break, Killed, break_each, open_breaking, unavailable


class Plot(msgspec.Struct, frozen=True):
    """Who does what, by the last word of each question's key, and what must have come of it."""

    who: str
    answers: dict[str, str]
    makes: OrderKind
    legs: dict[str, int]  # kind of entry at the provider: how many
    moved: dict[str, int]  # the same: how often money moved
    told: dict[str, int]  # number: how many messages
    agreement: AgreementState | None = None
    balance: str = ""


_BILL = {"menu": "4", "more": "4", "which": "1", "reference": "4455667", "confirm": "1"}
PLOTS = {
    "auto_debit": Plot(
        who=EFUA,
        answers={
            "menu": "4",
            "more": "3",
            "merchant": "1001",
            "most": "20",
            "every": "1",
            "days": "1",
            "confirm": "1",
        },
        makes=OrderKind.PREAPPROVAL,
        legs={"pre_approval": 1},
        moved={},
        told={EFUA: 1},
        agreement=AgreementState.ACTIVE,
    ),
    "invoice": Plot(
        who=CASHIER,
        answers={
            "menu": "5",
            "business/menu": "6",
            "what": "1",
            "number": EFUA,
            "amount": "5",
            "description": "Lunch",
            "days": "1",
            "agreed": STAFF_PIN,
        },
        makes=OrderKind.INVOICE,
        legs={"invoice": 1},
        moved={"invoice": 1},
        told={CASHIER: 2, EFUA: 1},
        agreement=AgreementState.PAID,
    ),
    "bill": Plot(
        who=EFUA,
        answers=_BILL | {"amount": "5"},
        makes=OrderKind.COLLECTION,
        legs={"request_to_pay": 1, "payment": 1},
        moved={"request_to_pay": 1, "payment": 1},
        told={EFUA: 2},
    ),
    # An amount of which the sandbox refuses every bill.
    "bill_refund": Plot(
        who=EFUA,
        answers=_BILL | {"amount": "2000"},
        makes=OrderKind.COLLECTION,
        legs={"request_to_pay": 1, "payment": 1, "refund": 1},
        moved={"request_to_pay": 1, "refund": 1},
        told={EFUA: 3},
        balance="5000",
    ),
}


class Story:
    """One of the plots from dial to the last message, in a world that breaks once."""

    def __init__(self, stage: Stage, plot: Plot, *, redial: bool) -> None:
        self.stage = stage
        self.plot = plot
        self.redial = redial
        self.phone = Phone(stage, plot.who)

    async def play(self) -> None:
        answers = self.plot.answers | {"resume": "1"}
        await carry_through(self.stage, self.phone, (), answers, self._stands, self._deliver)
        await self._calmly(self.stage.settle)
        for _ in range(6):
            self._press()
            await self._calmly(lambda: self.stage.pass_time(40))
        if any(order.state not in FINAL for order in await self.stage.orders()):
            await self._calmly(lambda: self.stage.pass_time(2 * 3600))

    async def _stands(self) -> bool:
        return any(order.kind is self.plot.makes for order in await self.stage.orders())

    async def _deliver(self, phone: Phone, request: WireRequest) -> Screen | None:
        try:
            return await phone.send(request)
        except Killed:
            await self.stage.restart()
        except StoreUnavailable:
            self.stage.clock.ms += 61_000
        return None if self.redial else await phone.send(request)

    def _press(self) -> None:
        """Efua says yes to whatever stands on her phone."""
        world = self.stage.sandbox.sandbox.world
        digits = EFUA.removeprefix("+")
        if world.prompts_of(digits):
            decide(self.stage, EFUA, "approve")
        if show_handset(world, world.handsets[digits])["invoices"]:
            settle_invoice(self.stage, EFUA)

    async def _calmly(self, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except Killed:
            await self.stage.restart()
            await work()
        except StoreUnavailable:
            self.stage.clock.ms += 61_000
            await work()


async def played(folder: Path, template: Path, plot: Plot, plan: Break, where: str, *, redial: bool) -> str:
    """What is wrong with how the story ended; empty where nothing is."""
    async with open_breaking(folder, template, plan, where) as stage:
        if plot.balance:
            _enrich(stage, plot.balance)
        await Story(stage, plot, redial=redial).play()
        await stage.judge()
        return ", ".join(await _wrong(stage, plot, plan, redial=redial))


def _enrich(stage: Stage, balance: str) -> None:
    world = stage.sandbox.sandbox.world
    handset: Handset = world.handsets[EFUA.removeprefix("+")]
    handset.balances |= parse_amounts({"GHS": balance})
    world.set_handset(handset)


async def _wrong(stage: Stage, plot: Plot, plan: Break, *, redial: bool) -> list[str]:
    wrong = []
    orders = await stage.orders()
    if any(order.state not in FINAL for order in orders):
        wrong.append(f"it ends {[order.state.value for order in orders]}")
    legs = Counter(entry.kind for entry in stage.entries)
    if legs != plot.legs:
        wrong.append(f"the provider has {dict(legs)}")
    if len(orders) != sum(plot.legs.values()):
        wrong.append(f"{len(orders)} orders")
    moved = {
        entry.kind: entry.times_charged + entry.times_paid_out
        for entry in stage.entries
        if entry.times_charged + entry.times_paid_out
    }
    if moved != plot.moved:
        wrong.append(f"money moved by {moved}")
    told = {number: len(stage.results(number)) for number in plot.told}
    more = sum(told.values()) - sum(plot.told.values())
    if more != int(plan.sent_and_lost) or any(told[number] < most for number, most in plot.told.items()):
        wrong.append(f"told {told}")
    states = [row["state"] for row in stage.rows("SELECT state FROM agreements")]
    if states != ([plot.agreement.value] if plot.agreement else []):
        wrong.append(f"the agreement is {states}")
    if not redial and stage.rows("SELECT 1 FROM turns WHERE state = 'running'"):
        wrong.append("a turn never ended")
    return wrong


async def campaign(
    tmp_path: Path,
    template: Path,
    name: str,
    where: str,
    error: Callable[[], BaseException],
    *,
    after: bool,
    redial: bool,
) -> None:
    plot = PLOTS[name]

    async def play(folder: Path, plan: Break) -> str:
        return await played(folder, template, plot, plan, where, redial=redial)

    await break_each(play, tmp_path, error, after=after, least=12 if where == "store" else 2)


@pytest.mark.parametrize("name", PLOTS)
async def test_killed_at_every_write(tmp_path: Path, template: Path, name: str) -> None:
    await campaign(tmp_path, template, name, "store", Killed, after=True, redial=False)


@pytest.mark.parametrize("name", PLOTS)
async def test_a_write_fails(tmp_path: Path, template: Path, name: str) -> None:
    await campaign(tmp_path, template, name, "store", unavailable, after=False, redial=False)


@pytest.mark.parametrize("name", PLOTS)
async def test_killed_before_every_call(tmp_path: Path, template: Path, name: str) -> None:
    await campaign(tmp_path, template, name, "sender", Killed, after=False, redial=True)


@pytest.mark.parametrize("name", PLOTS)
async def test_killed_after_every_call(tmp_path: Path, template: Path, name: str) -> None:
    await campaign(tmp_path, template, name, "sender", Killed, after=True, redial=True)
