"""An order past its time raises an alarm; so does one that its provider names by another's reference."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.money import Money, OrderState, Reason, Source
from bot.orders import overdue as alarms
from bot.orders.overdue import GRACE_S, raise_overdue
from bot.orders.rules import after_request, after_status
from bot.providers.base import NotSent, Receipt, StatusReport
from bot.store.base import CreateOrder, Queue, SavePerson
from bot.store.records import OrderRow
from tests.conversations.stage import Stage
from tests.shell.ledger import apply, context, incidents, order
from tests.store.make import NOW, message, move, note, person
from tests.store.make import order as order_row
from tests.store.test_soundness import lose_a_line_of_an_index

S = OrderState
OLDER, NEWER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def money() -> Money:
    row = order()
    return Money(row.amount_minor, row.currency)


async def overdue(stage: Stage) -> int:
    kasapay = stage.kasapay
    return await raise_overdue(kasapay.store, kasapay.metrics, kasapay.clock, stage.ids)


async def test_an_order_nobody_works_on_raises_one_alarm(stage: Stage) -> None:
    now_ms = stage.clock()
    stage.change("INSERT INTO people VALUES ('p1', 'en', 1, 0)")
    row = order_row("late", created_ms=now_ms, updated_ms=now_ms, due_ms=now_ms + 10**9)
    await stage.store.commit([CreateOrder(row, Source.US)])
    assert await overdue(stage) == 0
    stage.clock.ms += int(GRACE_S * 1000) + 1
    assert [await overdue(stage) for _ in range(3)] == [1, 1, 1]
    assert [found.kind for found in await stage.store.incidents(9)] == ["overdue"]
    assert b"kasapay_orders_overdue 1.0" in stage.kasapay.metrics.render()
    # Held again and again, and got nowhere.
    stage.change("UPDATE orders SET lease_until_ms = ? WHERE id = 'late'", stage.clock() + 60_000)
    assert await overdue(stage) == 1
    stage.change("UPDATE orders SET deadline_ms = ? WHERE id = 'late'", stage.clock() + 60_000)
    assert await overdue(stage) == 0
    assert b"kasapay_orders_overdue 0.0" in stage.kasapay.metrics.render()


async def test_damage_found_in_the_background_ends_readiness(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once_round(_what: str, _woken: asyncio.Event, once: Callable[[], Awaitable[float]]) -> None:
        await once()

    monkeypatch.setattr(alarms, "_REST_S", 0.0)
    monkeypatch.setattr(alarms, "keep_going", once_round)
    await stage.store.commit([SavePerson(person()), Queue(message())])
    await stage.stop()
    lose_a_line_of_an_index(stage.path)
    await stage.start()
    assert list(await stage.kasapay.problems()) == [], "what only the full check sees"
    await alarms.watch_soundness(stage.store)
    stage.kasapay._probed = (float("-inf"), [])
    (problem,) = await stage.kasapay.problems()
    assert "the database is damaged" in problem


@pytest.mark.parametrize("state", [S.PENDING, S.NEEDS_OTP])
@pytest.mark.parametrize(
    "report",
    [
        {"state": S.SUCCESSFUL, "amount": money()},
        {"state": S.FAILED, "reason": Reason.REJECTED},
        {"state": S.PENDING},
        {"state": None},
    ],
)
def test_a_second_reference_is_an_alarm_and_settles_nothing(
    state: OrderState, report: dict[str, Any]
) -> None:
    before = order(state, provider_reference="SB1", accepted_ms=NOW)
    said = StatusReport(provider_reference="SB2", **report)
    settled = after_status(before, said, Source.POLL, context())
    assert settled.order.state is S.UNRESOLVED
    assert settled.order.provider_reference == "SB1"
    assert incidents(settled) == ["mismatch_reference"]
    apply(before, settled)


def test_a_receipt_with_a_second_reference_is_an_alarm() -> None:
    before = order(provider_reference="SB1", accepted_ms=NOW)
    settled = after_request(before, Receipt(provider_reference="SB2"), context())
    assert (settled.order.state, incidents(settled)) == (S.UNRESOLVED, ["mismatch_reference"])


@pytest.mark.parametrize("accepted", [{"accepted_ms": NOW}, {"provider_reference": "SB1"}])
def test_a_copy_that_never_left_does_not_send_an_accepted_request_again(accepted: dict[str, Any]) -> None:
    settled = after_request(order(deadline_ms=NOW + 10**6, **accepted), NotSent(), context())
    assert settled.order.sent_ms == NOW
    assert settled.order.state is S.PENDING


async def test_a_reference_of_another_order_ends_with_a_person_and_not_in_a_loop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider names a payment as it named an older one: kept by nobody, told to somebody."""
    now_ms = stage.clock()
    stage.change("INSERT INTO people VALUES ('p1', 'en', 1, 0)")
    given: dict[str, Any] = {"account_id": "momo-ghana", "created_ms": now_ms, "updated_ms": now_ms}
    for id, reference in ((OLDER, "SB1"), (NEWER, None)):
        row = order_row(id, due_ms=now_ms, reference=id, **given)
        sent = move(row, S.PENDING, at_ms=now_ms, due_ms=now_ms + 10**9, sent_ms=now_ms)
        await stage.store.commit([CreateOrder(row, Source.US), sent])
        named = note(row, expected=1, provider_reference=reference, due_ms=None if reference else now_ms)
        await stage.store.commit([named])
    asked = 0

    async def status(row: OrderRow, timeout_s: float) -> StatusReport:
        nonlocal asked
        asked += 1
        ours = Money(row.amount_minor, row.currency)
        return StatusReport(state=S.SUCCESSFUL, amount=ours, provider_reference="SB1")

    monkeypatch.setattr(stage.kasapay.calls, "status", status)
    await stage.pass_time(600)
    newer = await stage.store.order(NEWER)
    assert newer is not None
    assert (newer.state, newer.provider_reference, asked) == (S.UNRESOLVED, "", 1)
    assert [found.kind for found in await stage.store.incidents(9)] == ["mismatch_reference"]
    assert await stage.store.audit(stage.clock(), 10**9, 10**10) == ()
