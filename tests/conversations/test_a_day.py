"""A day with every kind of order at both providers: their books, our orders and `reconcile` agree.

People act by chance, from a seed: they approve, refuse or sleep, pay invoices or leave them. What is
compared at the end is money, to the last minor unit, and nobody's word but the sandbox's own books.
"""

import random
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from bot.admin.reconciliation.gather import reconcile
from bot.admin.reconciliation.values import Span
from bot.admin.registry import COMMANDS
from bot.conversations.effect_dispatch import EffectDispatch
from bot.dialog import SecretAct
from bot.money import (
    FINAL,
    AgreementState,
    Money,
    OrderKind,
    OrderState,
)
from bot.operations.actor import Actor, RequestKey
from bot.sandbox.handsets import press
from bot.store.base import KeepStaff, SaveAddress, SavePerson
from bot.store.records import AddressRow, PersonRow, StaffRow
from flows import business_effects as b
from flows import effects as e
from tests.conversations.stage import ACCOUNTANT, EFUA, KWAME, STAFF, START_MS, Stage, open_stage
from tests.operations.actors import make_actor

_DAY_MS = 24 * 3600_000
_ACTS = 70
_REASONABLE = ("1", "3.50", "7", "12.25", "20")
# What the sandbox's books call the movements of each kind of ours.
_BOOKED = {
    OrderKind.COLLECTION: ("request_to_pay", "charge"),
    OrderKind.AGREEMENT_CHARGE: ("request_to_pay",),
    OrderKind.WITHDRAWAL: ("request_to_withdraw",),
    OrderKind.TRANSFER: ("transfer",),
    OrderKind.DEPOSIT: ("deposit",),
    OrderKind.REFUND: ("refund",),
    OrderKind.BILL: ("payment",),
}
_MOMO, _STARTBUTTON = "momo-ghana", "startbutton-ghs"


class Day:
    """One day at Ama's Kitchen and Kofi Books, acted by chance."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._people: dict[str, Actor] = {}

    async def open(self) -> None:
        store, ids = self.stage.store, self.stage.ids
        for number in (EFUA, KWAME, STAFF, ACCOUNTANT):
            person = PersonRow(id=ids.uuid(), language="en", created_ms=START_MS)
            row = AddressRow(
                id=ids.uuid(),
                person_id=person.id,
                kind="msisdn",
                value=number,
                created_ms=START_MS,
                seen_ms=START_MS,
                verified_ms=START_MS,
            )
            await store.commit([SavePerson(person), SaveAddress(row)])
            self._people[number] = make_actor(person, row)
        books = await store.merchant_by_code("1002")
        assert books is not None
        self.kofi = StaffRow(
            id=ids.uuid(),
            merchant_id=books.id,
            role="owner",
            name="Kofi",
            created_ms=START_MS,
            address_kind="msisdn",
            address_value=STAFF,
        )
        await store.commit([KeepStaff(self.kofi)])
        staff = await store.staff_of("msisdn", STAFF)
        self.ama = next(row for row in staff if row.id != self.kofi.id)
        self.kitchen = self.ama.merchant_id
        self.books = books.id

    async def act(self, number: str, effect: Any) -> Any:
        """What a turn would do, without its words: the plan's changes kept, then its call made."""
        staff = await self.stage.store.staff_of("msisdn", number)
        actor = msgspec.structs.replace(self._people[number], staff=staff)
        dispatch = EffectDispatch(self.stage.kasapay.operations)
        if isinstance(effect, SecretAct):
            plan = await dispatch.act_with_secret(self.stage.otp(number), effect, actor)
        else:
            plan = await dispatch.act(effect, actor, RequestKey(self.stage.ids.uuid(), 0))
        await self.stage.store.commit(plan.changes)
        result = await plan.provider_call() if plan.provider_call is not None else plan.result
        self.done[type(effect).__name__ + (" refused" if getattr(result, "refused", "") else "")] += 1
        return result

    def some(self) -> Money:
        return Money(int(Decimal(self.chance.choice(_REASONABLE)) * 100), "GHS")

    async def something(self) -> None:
        customer = self.chance.choice((EFUA, KWAME))
        acts = (
            self.pay, self.pay, self.pay_books, self.pay_bill, self.refund, self.refund, self.pay_out,
            self.withdraw, self.invoice, self.pay_invoice, self.agree, self.charge, self.cancel,
        )  # fmt: skip
        await self.chance.choice(acts)(customer)
        await self.stage.settle()
        await self.answer_prompts()
        await self.stage.pass_time(self.chance.randint(60, 1500))

    async def answer_prompts(self) -> None:
        """Mostly approve, now and then refuse, now and then sleep."""
        world = self.stage.sandbox.sandbox.world
        for number in (EFUA, KWAME, STAFF):
            digits = number.removeprefix("+")
            for entry in world.prompts_of(digits):
                action = self.chance.choice(("approve",) * 6 + ("reject", "ignore"))
                assert entry.prompt is not None
                press(world, digits, entry.prompt.id, action, "1234")  # type: ignore[arg-type]

    async def pay(self, customer: str) -> None:
        await self.act(customer, e.RequestPayment(self.kitchen, self.some(), customer))

    async def pay_books(self, customer: str) -> None:
        order = await self.act(customer, e.RequestPayment(self.books, self.some(), customer, "MTN"))
        while order.state is OrderState.NEEDS_OTP:
            order = await self.act(customer, e.SubmitOtp(order.id))

    async def pay_bill(self, customer: str) -> None:
        # 2000 is the published amount of a bill that fails: its money goes back.
        amount = self.chance.choice((self.some(), Money(2000, "GHS")))
        await self.act(customer, e.PayBill(self.kitchen, "ECG", "meter-77", amount, customer))

    async def refund(self, customer: str) -> None:
        staff = self.chance.choice((self.ama, self.kofi))
        orders = await self.stage.store.orders_of_merchant(staff.merchant_id, 50)
        paid = [o for o in orders if o.state is OrderState.SUCCESSFUL and not o.details.service_provider]
        if paid:
            order = self.chance.choice(paid)
            part = self.chance.choice((1, 2))
            money = Money(max(order.amount_minor // part, 1), order.currency)
            await self.act(STAFF, b.Refund(staff.id, order.id, money))

    async def pay_out(self, customer: str) -> None:
        deposit = self.chance.random() < 0.5
        await self.act(STAFF, b.PayOut(self.ama.id, self.some(), customer, deposit=deposit))

    async def withdraw(self, customer: str) -> None:
        await self.act(STAFF, b.Withdraw(self.ama.id, self.some(), customer))

    async def invoice(self, customer: str) -> None:
        await self.act(STAFF, b.MakeInvoice(self.ama.id, customer, self.some(), "Lunch", 1))

    async def pay_invoice(self, customer: str) -> None:
        for row in await self.stage.store.agreements_of_payer(customer, "invoice", 9):
            if row.state is AgreementState.ACTIVE and row.payment_reference:
                path = f"/_sandbox/handsets/{customer.removeprefix('+')}/invoices/{row.payment_reference}"
                async with httpx.AsyncClient(base_url=self.stage.sandbox.url) as client:
                    answer = await client.post(path, json={"action": "pay", "pin": "1234"})
                assert answer.status_code in (200, 409), answer.text
                self.done["invoice paid" if answer.status_code == 200 else "invoice not paid"] += 1
                return

    async def agree(self, customer: str) -> None:
        most = Money(2500, "GHS")
        await self.act(customer, e.SetUpAutoDebit(self.kitchen, most, "day", 30))

    async def charge(self, customer: str) -> None:
        for row in await self.stage.store.agreements_of_merchant(self.kitchen, "preapproval", 9):
            await self.act(STAFF, b.ChargeUnder(self.ama.id, row.id, self.some()))

    async def cancel(self, customer: str) -> None:
        for row in await self.stage.store.agreements_of_merchant(self.kitchen, "invoice", 9):
            if self.chance.random() < 0.3:
                await self.act(STAFF, b.CancelInvoice(self.ama.id, row.id))

    # ---- what is compared

    async def ours(self) -> dict[str, dict[str, Decimal]]:
        """Our money by account and what the books call it: in with a plus, out with a minus."""
        sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for order in await self.stage.orders():
            if order.state is not OrderState.SUCCESSFUL or order.kind not in _BOOKED:
                continue
            names = _BOOKED[order.kind]
            name = names[-1] if order.account_id == _STARTBUTTON else names[0]
            sums[order.account_id][name] += Decimal(order.amount_minor) / 100
        rows = self.stage.rows(
            "SELECT connection, SUM(amount_minor) AS minor FROM agreements"
            " WHERE kind = 'invoice' AND state = 'PAID' GROUP BY connection"
        )
        for row in rows:
            sums[row["connection"]]["invoice"] += Decimal(row["minor"]) / 100
        return sums

    async def theirs(self) -> dict[str, dict[str, Decimal]]:
        async with httpx.AsyncClient(base_url=self.stage.sandbox.url) as client:
            books = (await client.get("/_sandbox/books")).json()
        assert books["adds_up"], books["problems"]
        sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for account in books["accounts"]:
            connection = _MOMO if account["account"].startswith("momo") else _STARTBUTTON
            closing = Decimal(account["opening"])
            for sign, moved in ((1, account["in"]), (-1, account["out"])):
                for kind, amount in moved.items():
                    sums[connection][kind] += Decimal(amount)
                    closing += sign * Decimal(amount)
            assert closing == Decimal(account["closing"])
        return sums


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_a_day_every_book_agrees(seed: int, tmp_path: Path, template: Path) -> None:
    async with open_stage(tmp_path, template) as stage:
        day = Day(stage, seed)
        await day.open()
        for _ in range(_ACTS):
            await day.something()
        # Whoever slept has slept; what nobody answered has run out.
        await stage.pass_time(26 * 3600)

        orders = await stage.orders()
        assert {order.state for order in orders} <= FINAL, "something was left open"
        assert {order.kind for order in orders} >= set(_BOOKED) - {OrderKind.BILL}, day.done
        assert await stage.store.audit(stage.clock(), 10**15, 600_000) == ()
        await stage.judge()

        ours, theirs = await day.ours(), await day.theirs()
        for connection in (_MOMO, _STARTBUTTON):
            said = {kind: amount for kind, amount in theirs[connection].items() if amount}
            assert said == {kind: amount for kind, amount in ours[connection].items() if amount}

        async def ask(name: str, values: dict[str, Any]) -> Any:
            return await COMMANDS[name](stage.kasapay.admin, values)

        span = Span(START_MS - _DAY_MS, stage.clock() + _DAY_MS, stage.clock(), ZoneInfo("UTC"))
        for account in await ask("reconcile.accounts", {}):
            report = await reconcile(
                ask,
                account["id"],
                span,
                lists=account["lists"],
                lists_transfers=account["lists_transfers"],
                statement=None,
            )
            assert report.findings == ()
            assert report.not_compared == ()
            assert report.whole
