"""The judge finds what is wrong: each promise is broken on purpose, in our core or on the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.money import OrderState
from bot.notifications.outbox import Outbox
from bot.orders.rules import SettlementContext, replies, schedule
from bot.orders.rules import status as reports
from bot.orders.rules import transitions as changes
from bot.providers.momo.adapter import Momo
from bot.store.base import OrderFields
from bot.store.records import OrderRow
from tests.simulation.trouble import Trouble
from tests.simulation.world import Plan, simulate

LOSSES = Plan(
    payments=20,
    customers=10,
    merchants=("1001",),
    trouble=Trouble(lost_reply=0.6),
    calm_after_s=200,
    decides="approve",
)


def kinds(place: Path, template: Path, plan: Plan = LOSSES) -> set[str]:
    report = simulate(11, plan, place, template)
    return {finding.kind for finding in report.findings if finding.wrong}


def test_nothing_is_found_where_nothing_is_wrong(place: Path, template: Path) -> None:
    report = simulate(11, LOSSES, place, template)
    assert report.wrong == []
    assert report.charged == LOSSES.payments


def test_a_lost_reply_taken_for_a_refusal(
    place: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "_lost", lambda order, at, pause_s=None: replies.give_up(order, at))
    assert "misreported" in kinds(place, template)


def test_a_second_reference_after_a_lost_reply(
    place: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Momo.request_order
    sent: dict[str, int] = {}

    def with_a_new_reference(self: Momo, account: Any, order: Any) -> Any:
        call = real(self, account, order)
        times = sent[order.reference] = sent.get(order.reference, -1) + 1
        call.request.headers["X-Reference-Id"] = f"{order.reference[:-1]}{times % 10}"  # type: ignore[index]
        return call

    monkeypatch.setattr(Momo, "request_order", with_a_new_reference)
    assert {"lost", "asked twice"} & kinds(place, template)


def test_a_result_that_is_not_told(place: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "result_messages", lambda *args, **more: [])
    assert "never told" in kinds(place, template)


def test_a_result_told_again_and_again(place: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = Outbox._try

    async def twice(self: Outbox, row: Any) -> Any:
        await real(self, row)
        return await real(self, row)

    monkeypatch.setattr(Outbox, "_try", twice)
    assert "told twice" in kinds(place, template, Plan(payments=10, customers=5, decides="approve"))


def test_a_lie_that_is_believed(place: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "mismatch", lambda order, report: "")
    lies = Plan(payments=10, customers=5, trouble=Trouble(lies=0.8), decides="reject")
    assert "misreported" in kinds(place, template, lies)


def test_nobody_told_to_wait(place: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = changes.result_messages

    def but_for_doubts(order: Any, said: OrderState, *args: Any, **more: Any) -> Any:
        return [] if said is OrderState.UNRESOLVED else real(order, said, *args, **more)

    monkeypatch.setattr(changes, "result_messages", but_for_doubts)
    lies = Plan(payments=10, customers=5, trouble=Trouble(lies=1.0), calm_after_s=2000)
    assert "never told" in kinds(place, template, lies)


def test_a_charge_sent_once_more(place: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sent_again(order: OrderRow, at: SettlementContext, pause_s: float | None = None) -> changes.Settled:
        until_ms = schedule.first_deadline_ms(order, at)
        fields = OrderFields(sent_ms=0, deadline_ms=until_ms)
        return changes.update(order, at, fields, due_ms=at.now_ms + 1000)

    monkeypatch.setattr(replies, "_lost", sent_again)
    losses = msgspec.structs.replace(LOSSES, merchants=("1002",))
    assert "asked twice" in kinds(place, template, losses)


def test_an_order_nobody_asks_about(place: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def far_off(*args: Any, **more: Any) -> int:
        return 10**15

    monkeypatch.setattr(replies, "next_poll_ms", far_off)
    assert "not final" in kinds(place, template, Plan(payments=4, customers=2, trouble=Trouble(silent=1.0)))


@pytest.mark.parametrize("jump_s", [0, 600, -3600])
def test_an_order_given_up_early(
    jump_s: int, place: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (replies, schedule):
        monkeypatch.setattr(module, "deadline_ms", lambda at: at.now_ms + 60_000)
    plan = Plan(
        payments=4,
        customers=4,
        merchants=("1001",),
        trouble=Trouble(silent=1.0),
        decides="ignore",
        jump_s=jump_s,
    )
    assert "not final" in kinds(place, template, plan)
