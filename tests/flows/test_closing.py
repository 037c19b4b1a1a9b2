"""What is said last about an order of any kind."""

from typing import Any

import pytest

from bot.cli.screens.playing import order
from bot.dialog import Text
from bot.money import COMES_IN, PAYOUTS, OrderKind, OrderState, Reason, proves_nothing_moved
from flows.closing import closing, lines_of, reason_text, state_text

KINDS = [kind for kind in OrderKind if kind is not OrderKind.COLLECTION]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("state", "word", "final"),
    [
        (OrderState.SUCCESSFUL, "successful", True),
        (OrderState.FAILED, "failed", True),
        (OrderState.REVERSED, "reversed", True),
        (OrderState.UNRESOLVED, "checking", False),
    ],
)
def test_every_kind_has_its_own_result(kind: OrderKind, state: OrderState, word: str, final: bool) -> None:
    screen = closing(order(state, kind=kind))
    assert (screen.text, screen.final) == (f"result.{kind.value}.{word}", final)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", [OrderState.NEW, OrderState.PENDING, OrderState.NEEDS_OTP])
def test_what_is_under_way_says_what_to_wait_for(kind: OrderKind, state: OrderState) -> None:
    assert closing(order(state, kind=kind)).text == f"sent.{kind.value}"


@pytest.mark.parametrize(
    ("kind", "state", "text"),
    [
        (OrderKind.COLLECTION, OrderState.SUCCESSFUL, "state.successful"),
        (OrderKind.BILL, OrderState.FAILED, "state.failed"),
        (OrderKind.REFUND, OrderState.SUCCESSFUL, "state.done"),
        (OrderKind.INVOICE, OrderState.FAILED, "state.not_done"),
        (OrderKind.PREAPPROVAL, OrderState.REVERSED, "state.undone"),
        (OrderKind.TRANSFER, OrderState.PENDING, "state.pending"),
    ],
)
def test_only_money_that_comes_in_is_paid(kind: OrderKind, state: OrderState, text: str) -> None:
    assert state_text(state, kind) == Text(text)


@pytest.mark.parametrize(
    ("bill", "text", "final"),
    [
        ({"state": OrderState.NEW, "unasked": True}, "bill.sent_unasked", False),
        ({"state": OrderState.PENDING, "collected": True}, "result.bill.collected", False),
        ({"state": OrderState.UNRESOLVED, "collected": True}, "result.bill.checking", False),
        ({"state": OrderState.SUCCESSFUL, "collected": True}, "result.bill.successful", True),
        ({"state": OrderState.FAILED}, "result.bill.failed", True),
        ({"state": OrderState.FAILED, "collected": True}, "result.bill.failed_kept", True),
        (
            {"state": OrderState.FAILED, "collected": True, "given_back": True},
            "result.bill.failed_refund",
            True,
        ),
    ],
)
def test_a_bill_says_where_its_money_is(bill: dict[str, Any], text: str, final: bool) -> None:
    screen = closing(order(kind=OrderKind.BILL, bill="ECG", **bill))
    assert (screen.text, screen.final, screen.values["bill"]) == (text, final, "ECG")


def test_what_was_paid_cannot_be_cancelled() -> None:
    view = order(OrderState.FAILED, kind=OrderKind.INVOICE_CANCEL, reason=Reason.NOT_COMPLETED)
    assert closing(view).values["reason"] == Text("reason.paid_already")


@pytest.mark.parametrize("reason", [*Reason, None])
@pytest.mark.parametrize("kind", OrderKind)
def test_that_no_money_moved_is_said_only_where_it_is_known(kind: OrderKind, reason: Reason | None) -> None:
    said = reason_text(reason, kind)
    known = proves_nothing_moved(reason)
    if kind in PAYOUTS:
        kept = "failed.cash_back" if kind is OrderKind.DEPOSIT else "failed.not_sent"
        assert said.id == (kept if known else "failed.perhaps")
    elif kind in COMES_IN or kind is OrderKind.BILL:
        assert said.id == ("failed.not_taken" if known else "failed.perhaps")
    else:
        assert said.id not in ("failed.cash_back", "failed.not_sent", "failed.not_taken", "failed.perhaps")


def depth(text: object) -> int:
    return 1 + max(map(depth, text.values.values()), default=0) if isinstance(text, Text) else 0


def test_many_lines_are_not_nested_deep() -> None:
    assert depth(lines_of([Text("days.one")] * 8)) == 4
