"""The part done beside the store: few calls at a time, once more after a silence, answers that fit."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest

from bot.admin import reconcile as room
from bot.admin.registry import COMMANDS, AdminContext, CommandError
from bot.money import Money, OrderKind, OrderState, Source
from bot.providers.base import Account, Listed, ListPage, Misconfigured, NotSent, StatusReport, Unknown
from bot.runtime.clock import Ids
from bot.store.records import OrderRow, Restore, Transition
from tests.store.make import NOW, order

FITS = 64 * 1024
PAID = StatusReport(OrderState.SUCCESSFUL, amount=Money(500, "GHS"))


class Accounts:
    def __contains__(self, account: str) -> bool:
        return account == "momo-gh"

    def __iter__(self) -> Any:
        return iter(
            [
                Account(
                    id="momo-gh",
                    provider="momo",
                    base_url="http://x",
                    currency="GHS",
                    region="GH",
                    wire_currency="EUR",
                )
            ]
        )

    def account(self, account: str) -> Account:
        return next(iter(self))

    def can(self, account: str, what: str) -> bool:
        return False

    def kinds(self, account: str) -> frozenset[OrderKind]:
        return frozenset()


class Calls:
    """Answers by script, and counts how many calls are under way."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.under_way = self.most = self.asked = 0
        self.answers: Callable[[OrderRow, int], Any] = lambda row, time: PAID
        self.times: dict[str, int] = {}
        self.page: Any = ListPage((), 0)
        self.listed_kind: OrderKind | None = None

    async def status(self, row: OrderRow, timeout_s: float) -> Any:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.asked += 1
        self.times[row.id] = self.times.get(row.id, 0) + 1
        await asyncio.sleep(0)
        self.under_way -= 1
        return self.answers(row, self.times[row.id])

    async def list_payments(self, *asked: Any, kind: OrderKind) -> Any:
        self.listed_kind = kind
        return self.page


class Store:
    def __init__(self, rows: list[OrderRow]) -> None:
        self.rows = rows

    async def restores(self) -> tuple[Restore, ...]:
        return (Restore(5, 9),)

    async def order(self, order_id: str) -> OrderRow | None:
        return next((row for row in self.rows if row.id == order_id), None)

    async def refunds_of(self, order_id: str) -> tuple[OrderRow, ...]:
        return tuple(row for row in self.rows if row.parent_id == order_id)

    async def orders_between(
        self, connection: str, from_ms: int, until_ms: int, after: tuple[int, str], limit: int
    ) -> Any:
        behind = [(row, row.created_ms + 1) for row in self.rows if (row.created_ms, row.id) > after]
        return tuple(behind[:limit])

    async def order_by_reference(self, reference: str) -> OrderRow | None:
        return next((row for row in self.rows if row.reference == reference), None)

    async def order_by_code(self, code: str) -> OrderRow | None:
        return next((row for row in self.rows if row.code == code), None)

    async def transitions(self, order_id: str) -> tuple[Transition, ...]:
        return (Transition(order_id, 2, OrderState.PENDING, OrderState.SUCCESSFUL, Source.POLL, NOW + 7),)


class Office:
    def __init__(self, rows: list[OrderRow]) -> None:
        self.calls = Calls()
        accounts: Any = self.calls.accounts
        store: Any = Store(rows)
        calls: Any = self.calls
        sealer: Any = None
        operations: Any = None
        self.desk = AdminContext(store, accounts, calls, sealer, lambda: NOW, Ids(), operations)

    async def ask(self, command: str, **values: Any) -> Any:
        answer = await COMMANDS[f"reconcile.{command}"](self.desk, values)
        encoded = msgspec.json.encode(answer)
        assert len(encoded) < FITS
        return msgspec.json.decode(encoded)

    async def page(self, after: list[Any], **given: Any) -> Any:
        values = {"from_ms": 0, "until_ms": 10**15, "ask_from_ms": 0, "ask_until_ms": 10**15, "ask": True}
        return await self.ask("orders", account="momo-gh", after=after, **(values | given))

    async def all(self, **given: Any) -> list[Any]:
        rows: list[Any] = []
        after: list[Any] | None = [0, ""]
        while after is not None:
            page = await self.page(after, **given)
            rows += page["rows"]
            after = page["after"]
        return rows


def rows(count: int, **given: Any) -> list[OrderRow]:
    return [
        order(f"o{n:05}", state=OrderState.SUCCESSFUL, created_ms=NOW + n // 3, **given) for n in range(count)
    ]


@pytest.fixture(autouse=True)
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it rests, without resting."""
    taken: list[float] = []

    async def rest(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(room, "_rest", rest)
    return taken


async def test_it_leaves_half_of_what_the_account_may_be_asked(rests: list[float]) -> None:
    office = Office(rows(20))
    await office.all()
    assert rests == [8 / 5, 8 / 5, 4 / 5]
    await office.all(ask=False)
    assert rests[3:] == [0, 0, 0]


async def test_every_order_comes_once_and_eight_are_asked_about_at_a_time() -> None:
    office = Office(rows(200))
    found = await office.all()
    assert [row["ours"]["code"] for row in found] == [f"CODE-o{n:05}" for n in range(200)]
    assert {row["status"]["state"] for row in found} == {"SUCCESSFUL"}
    assert (office.calls.asked, office.calls.most) == (200, 8)


@pytest.mark.parametrize(("source", "by_hand"), [(Source.OPERATOR, True), (Source.POLL, False)])
async def test_whose_word_a_state_is_comes_along(source: Source, by_hand: bool) -> None:
    office = Office(rows(1))
    last = Transition("o00000", 2, OrderState.PENDING, OrderState.SUCCESSFUL, source, NOW + 7)
    office.desk.store.transitions = AsyncMock(return_value=(last,))  # type: ignore[method-assign]
    [row] = await office.all()
    [found] = await office.ask("find", payments=[["no such", order("o00000").reference]])
    assert (row["ours"]["by_hand"], found["by_hand"]) == (by_hand, by_hand)


async def test_a_slow_provider_makes_shorter_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(rows(20))
    seconds = iter(range(0, 10_000, 5))
    monkeypatch.setattr(room.time, "monotonic", lambda: next(seconds))
    page = await office.page([0, ""])
    assert len(page["rows"]) == 8
    assert page["after"] == [NOW + 2, "o00007"]
    assert len(await office.all()) == 20


async def test_only_the_periods_orders_are_asked_about() -> None:
    office = Office(rows(9))
    found = await office.all(ask_from_ms=NOW + 1, ask_until_ms=NOW + 2)
    assert [row["status"] is not None for row in found] == [True] * 3 + [False] * 6
    await office.all(ask=False)
    assert office.calls.asked == 3


@pytest.mark.parametrize(
    "error", [Unknown("no reply in time", retry_after_s=0.01), NotSent("busy", retry_after_s=0.01)]
)
async def test_a_silence_is_asked_about_once_more(error: Exception) -> None:
    office = Office(rows(1))
    office.calls.answers = lambda row, time: error if time == 1 else PAID
    (found,) = await office.all()
    assert (found["status"]["problem"], office.calls.asked) == ("", 2)
    office.calls.answers = lambda row, time: error
    (found,) = await office.all()
    assert found["status"]["problem"].startswith(type(error).__name__)
    assert office.calls.asked == 4


async def test_a_refusal_is_not_repeated() -> None:
    office = Office(rows(1))
    office.calls.answers = lambda row, time: Misconfigured("key refused")
    (found,) = await office.all()
    assert (found["status"]["problem"], office.calls.asked) == ("Misconfigured: key refused", 1)


async def test_the_longest_part_fits_the_socket() -> None:
    long = {"provider_reference": "r" * 100, "financial_id": "f" * 100, "payer": "+" + "9" * 15}
    office = Office(rows(100, **long))
    said = StatusReport(OrderState.FAILED, provider_code="C" * 80, amount=Money(10**11, "GHS"))
    office.calls.answers = lambda row, time: said
    found = await office.all()
    assert len(found) == 100
    assert "+999***999" in {row["ours"]["payer"] for row in found}
    listed = Listed("r" * 120, "t" * 100, OrderState.FAILED, "C" * 80, Money(10**11, "GHS"), "GHS", NOW, NOW)
    office.calls.page = ListPage((listed,) * 50, 50)
    answer = await office.ask("list", account="momo-gh", first="2026-09-21", last="2026-09-22", skip=0)
    assert (answer["count"], len(answer["rows"]), answer["problem"]) == (50, 50, "")


async def test_a_list_that_cannot_be_had_says_why() -> None:
    office = Office([])
    office.calls.page = Unknown("no reply in time")
    answer = await office.ask("list", account="momo-gh", first="2026-09-21", last="2026-09-22", skip=0)
    assert answer == {"rows": [], "count": 0, "problem": "Unknown: no reply in time"}


async def test_orders_are_found_by_reference_or_code() -> None:
    office = Office([order("o1", code="K7QX2A9M")])
    found = await office.ask("find", payments=[["nobody", "reference-o1"], ["k7qx-2a9m"], ["?"], []])
    assert [one and one["code"] for one in found] == ["K7QX2A9M", "K7QX2A9M", None, None]
    assert found[0]["settled_ms"] == NOW + 7
    # The provider's own number may look like a code of ours.
    assert await office.ask("find", payments=[["k7qx-2a9m"]], numbers=["k7qx-2a9m"]) == [None]


async def test_accounts_are_told_and_others_refused() -> None:
    office = Office([])
    assert await office.ask("accounts") == [
        {
            "id": "momo-gh",
            "currency": "GHS",
            "wire_currency": "EUR",
            "region": "GH",
            "lists": False,
            "lists_transfers": False,
            "restores": [[5, 9]],
        }
    ]
    with pytest.raises(CommandError, match="no account 'nowhere'"):
        await office.ask("orders", account="nowhere")


async def test_payments_and_their_refunds_come_with_each_other() -> None:
    paid = order("o1", code="K7QX2A9M", state=OrderState.SUCCESSFUL)
    made = {"kind": OrderKind.REFUND, "parent_id": "o1", "state": OrderState.SUCCESSFUL}
    refunds = [
        order(name, code=f"CODE-{name}", created_ms=NOW + n, **made) for n, name in enumerate(("r2", "r1"))
    ]
    found = await Office([paid, *refunds]).all(ask=False)
    payment, later, first = (row["ours"] for row in found)
    codes = [part["code"] for part in payment["refunds"]]
    assert codes == ["CODE-r1", "CODE-r2"]
    assert (payment["payment"], payment["goes_out"]) == (None, False)
    for one in (first, later):
        assert (one["payment"]["code"], one["goes_out"]) == ("K7QX2A9M", True)
        assert one["refunds"] == payment["refunds"]
    alone = await Office([order("r3", kind=OrderKind.REFUND, parent_id="gone")]).all(ask=False)
    assert alone[0]["ours"]["payment"] is None


async def test_an_invoice_is_known_and_not_compared() -> None:
    office = Office([order("i1", kind=OrderKind.INVOICE), order("o1")])
    assert [row["ours"]["code"] for row in await office.all(ask=False)] == ["CODE-o1"]
    found = await office.ask("find", payments=[["reference-i1"], ["reference-o1"]])
    assert [one["compared"] for one in found] == [False, True]
