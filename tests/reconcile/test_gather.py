"""The parts of a comparison: asked for one by one, to their end, and never of a provider that is down."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.admin.reconciliation.gather import Report, reconcile
from bot.admin.reconciliation.values import Ours, Source, Theirs
from bot.money import OrderState

from .make import NOON, SPAN, kinds, line, listed, ours, status


class Owner:
    """Answers like the process that owns the database: orders and listed payments in parts."""

    def __init__(self, orders: list[Ours], payments: Sequence[Theirs] = (), part: int = 3) -> None:
        self.orders, self.payments, self.part = orders, list(payments), part
        self.others: list[Ours] = []
        self.says: dict[str, Theirs] = {}
        self.list_problem_at: int | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, command: str, values: dict[str, Any]) -> Any:
        values = msgspec.json.decode(msgspec.json.encode(values))  # as through the socket
        self.asked.append((command, values))
        parts = {"orders": self.page, "list": self.list, "find": self.find}
        answer = parts[command.removeprefix("reconcile.")](values)
        assert len(msgspec.json.encode(answer)) < 60_000
        return msgspec.json.decode(msgspec.json.encode(answer))

    def page(self, values: dict[str, Any]) -> dict[str, Any]:
        start = values["after"][0]
        rows = []
        for order in self.orders[start : start + self.part]:
            word = self.says.get(order.code, status(order)) if values["ask"] else None
            rows.append(
                {
                    "ours": msgspec.to_builtins(order),
                    "status": None if word is None else msgspec.to_builtins(word),
                }
            )
        end = start + self.part
        return {"rows": rows, "after": [end, "x"] if end < len(self.orders) else None}

    def list(self, values: dict[str, Any]) -> dict[str, Any]:
        skip = values["skip"]
        if self.list_problem_at is not None and skip >= self.list_problem_at:
            return {"rows": [], "count": 0, "problem": "Unknown: no reply in time"}
        part = self.payments[skip : skip + self.part]
        return {"rows": [msgspec.to_builtins(row) for row in part], "count": len(part), "problem": ""}

    def find(self, values: dict[str, Any]) -> Any:
        known = {reference: order for order in (*self.orders, *self.others) for reference in order.ids}
        found = [next((known[r] for r in ids if r in known), None) for ids in values["payments"]]
        return [None if order is None else msgspec.to_builtins(order) for order in found]


async def run(owner: Owner, lines: list[Theirs] | None = None, *, lists: bool = True) -> Report:
    return await reconcile(owner, "momo", SPAN, lists=lists, statement=lines)


def many(count: int) -> list[Ours]:
    return [ours(f"C{number:07}") for number in range(count)]


async def test_all_parts_are_asked_for() -> None:
    orders = many(8)
    owner = Owner(orders, [listed(order) for order in orders])
    report = await run(owner, [line(order) for order in orders])
    assert (report.orders, report.listed, report.statement_lines) == (8, 8, 8)
    assert (report.findings, report.not_compared, report.asides, report.whole) == ((), (), (), True)
    commands = [command for command, _ in owner.asked]
    assert commands == ["reconcile.list"] * 4 + ["reconcile.orders"] * 3
    first = owner.asked[0][1]
    assert (first["first"], first["last"]) == ("2026-09-20", "2026-09-25")


async def test_what_was_settled_by_hand_is_told_apart_and_was_compared() -> None:
    orders = [*many(2), ours("C0000009", OrderState.REVERSED, by_hand=True)]
    owner = Owner(orders)
    owner.says["C0000009"] = status(orders[2], state=OrderState.SUCCESSFUL)
    report = await run(owner, lists=False)
    assert kinds(list(report.explained)) == [("C0000009", "settled_by_hand")]
    assert (report.findings, report.not_compared, report.whole) == ((), (), True)


async def test_what_a_copy_that_was_put_back_cannot_know_is_not_compared() -> None:
    """All agrees, and orders made since are missing on both sides: only the provider's own word tells."""
    orders = many(2)
    owner = Owner(orders, [listed(order) for order in orders])
    asked: dict[str, Any] = {"restores": [[NOON - 1000, NOON + 3_600_000]]}
    alone = await reconcile(owner, "momo", SPAN, lists=False, statement=None, **asked)
    assert (alone.findings, alone.whole) == ((), False)
    (aside,) = alone.asides
    assert "may be missing" in aside
    assert "--statement" in aside
    for heard in (
        await reconcile(owner, "momo", SPAN, lists=True, statement=None, **asked),
        await reconcile(owner, "momo", SPAN, lists=False, statement=[line(o) for o in orders], **asked),
    ):
        assert (len(heard.asides), heard.whole) == (1, True)
    elsewhere: dict[str, Any] = {"restores": [[SPAN.until_ms, SPAN.until_ms + 1]]}
    other_days = await reconcile(owner, "momo", SPAN, lists=False, statement=None, **elsewhere)
    assert (other_days.asides, other_days.whole) == ((), True)


async def test_no_list_is_asked_for_where_there_is_none() -> None:
    owner = Owner(many(1))
    report = await run(owner, lists=False)
    assert (report.listed, report.statement_lines) == (None, None)
    assert [command for command, _ in owner.asked] == ["reconcile.orders"]


async def test_a_list_that_moves_on_while_it_is_read_is_read_whole() -> None:
    orders = many(7)
    owner = Owner(orders, [listed(order) for order in orders])
    grown = owner.list

    def grows(values: dict[str, Any]) -> dict[str, Any]:
        answer = grown(values)
        fresh = ours(f"N{values['skip']:07}", OrderState.PENDING)
        if values["skip"] < 6:
            owner.payments = [listed(fresh), *owner.payments]
        return answer

    owner.list = grows  # type: ignore[method-assign]
    report = await run(owner)
    assert report.findings == ()
    assert report.listed == 7
    assert report.whole


async def test_a_list_that_repeats_itself_is_given_up() -> None:
    orders = many(3)
    owner = Owner(orders, [listed(order) for order in orders])
    owner.list = lambda values: Owner.list(owner, {**values, "skip": 0})  # type: ignore[method-assign]
    report = await run(owner)
    assert len(owner.asked) < 8
    assert report.findings == ()
    assert not report.whole
    assert report.asides == ("The provider's list could not be read to its end: it repeats itself.",)


async def test_a_list_that_breaks_off_is_told() -> None:
    orders = many(9)
    owner = Owner(orders, [listed(order) for order in orders])
    owner.list_problem_at = 3
    report = await run(owner)
    assert (report.listed, report.whole, report.findings) == (3, False, ())
    assert "no reply in time" in report.asides[0]


async def test_a_provider_that_is_down_is_not_asked_on_and_on() -> None:
    orders = many(40)
    owner = Owner(orders, part=8)
    owner.says = {order.code: Theirs(Source.STATUS, None, problem="NotSent") for order in orders}
    report = await run(owner, [line(order) for order in orders], lists=False)
    assert [values["ask"] for _, values in owner.asked] == [True, True, False, False, False]
    assert [one.kind.value for one in report.not_compared] == ["no_answer"] * 40
    assert (report.findings, report.whole) == ((), False)
    assert "did not answer" in report.asides[0]


async def test_a_few_lost_answers_are_no_reason_to_stop() -> None:
    orders = many(40)
    owner = Owner(orders, part=8)
    owner.says = {
        order.code: Theirs(Source.STATUS, None, problem="x") for order in orders if order.code[-1] != "0"
    }
    await run(owner, lists=False)
    assert all(values["ask"] for _, values in owner.asked)


async def test_money_of_orders_elsewhere_is_looked_for_before_it_is_called_unknown() -> None:
    old = ours("OLD00000", created_ms=NOON - 9 * 86_400_000, settled_ms=NOON - 9 * 86_400_000)
    foreign = ours("FOR00000", account_id="startbutton-kes")
    stranger = ours("STR00000")
    owner = Owner([])
    owner.others = [old, foreign]
    late = line(old, 2, from_ms=NOON, until_ms=NOON)
    report = await run(owner, [late, line(foreign, 3), line(stranger, 4)], lists=False)
    assert kinds(list(report.findings)) == [("OLD00000", "wrong_day"), (stranger.ids[0], "extra")]
    assert report.asides == ("Lines about payments of other accounts of ours, left aside: 1.",)
    assert report.whole


async def test_many_strangers_are_looked_for_in_parts() -> None:
    owner = Owner([])
    strangers = [line(order, number) for number, order in enumerate(many(100), 2)]
    report = await run(owner, strangers, lists=False)
    assert len(report.findings) == 100
    found = [len(values["payments"]) for command, values in owner.asked if command == "reconcile.find"]
    assert found == [40, 40, 20]


async def test_unknown_money_that_went_out_is_looked_for() -> None:
    paid = ours("OUT00000", goes_out=True, created_ms=NOON - 9 * 86_400_000, settled_ms=NOON)
    owner = Owner([])
    owner.others = [paid]
    gone = line(paid, 2, out=True)
    report = await run(owner, [gone, line(ours("STR00000"), 3, out=True)], lists=False)
    assert kinds(list(report.findings)) == [("reference-of-STR00000", "extra")]


async def test_a_refund_of_another_day_is_found_through_its_payment() -> None:
    paid = ours("PAY00000", settled_ms=NOON - 9 * 86_400_000)
    back = ours("REF00000", goes_out=True, settled_ms=NOON - 8 * 86_400_000)
    owner = Owner([])
    owner.others = [
        msgspec.structs.replace(paid, refunds=(back.part,)),
        msgspec.structs.replace(back, payment=paid.part, refunds=(back.part,)),
    ]
    today = line(paid, 2, out=True, from_ms=NOON, until_ms=NOON)
    report = await run(owner, [today], lists=False)
    assert kinds(list(report.findings)) == [("REF00000", "wrong_day")]


async def test_lines_of_invoices_are_left_aside_and_told() -> None:
    invoice = ours("INV00000", compared=False, settled_ms=NOON - 9 * 86_400_000)
    owner = Owner([])
    owner.others = [invoice]
    paid = line(invoice, 2, from_ms=NOON, until_ms=NOON, amount=None)
    report = await run(owner, [paid], lists=False)
    assert report.findings == ()
    assert report.asides == ("Lines about invoices of ours, which are not compared yet: 1.",)
    assert not report.whole
