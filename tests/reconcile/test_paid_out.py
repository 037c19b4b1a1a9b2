"""Money that goes out: payouts of ours, payouts nobody knows of, and what came back."""

from decimal import Decimal

import pytest

from bot.admin.reconciliation.compare import Comparison
from bot.admin.reconciliation.statement import Form, read_statement
from bot.admin.reconciliation.values import Ours, Theirs
from bot.money import OrderState

from .make import ACCRA, SPAN, compared, kinds, line, listed, ours, status

S = OrderState


def read(*rows: str) -> list[Theirs]:
    text = "\n".join(("Reference,Amount,Status", *rows, ""))
    return read_statement(text.encode(), Form(zone=ACCRA, currency="GHS")).lines


def faults(order: Ours | None, *rows: str) -> list[str]:
    orders = [] if order is None else [(order, status(order))]
    found = compared(orders, read(*rows))
    assert found.not_compared == []
    return [kind for _, kind in kinds(found.findings)]


@pytest.mark.parametrize("row", ["XYZ123,-500,Successful", "XYZ123,-500.00,Reversed", "XYZ123,500,Reversed"])
def test_unknown_money_that_went_out_is_extra(row: str) -> None:
    (stray,) = _strays(read(row))
    assert stray.ids == ("XYZ123",)
    assert faults(None, row) == ["extra"]


@pytest.mark.parametrize("row", ["X1,-5,Failed", "X1,-5,Pending", "X1,0,Reversed", "X1,-0,Successful"])
def test_what_moved_no_money_is_no_stranger(row: str) -> None:
    assert faults(None, row) == []


def test_the_amount_of_a_stranger_tells_its_direction() -> None:
    (found,) = compared([], read("XYZ123,-500.00,Successful")).findings
    assert (found.amount, found.theirs, found.lines) == ("GHS -500.00", "SUCCESSFUL", (2,))


def test_unknown_money_that_came_and_went_is_not_double() -> None:
    assert faults(None, "X1,5,Successful", "X1,-5,Successful") == ["extra"]
    assert faults(None, "X1,-5,Successful", "X1,-5,Successful") == ["double", "extra"]
    assert faults(None, "X1,5,Reversed", "X1,-5,Reversed") == ["extra"]


def test_a_payout_is_a_success_only_where_no_word_says_otherwise() -> None:
    order = ours(goes_out=True)
    name = order.ids[0]
    assert faults(order, f"{name},-12.50,Successful") == []
    assert faults(order, f"{name},-12.50,Reversed") == ["wrong_state"]
    assert faults(order, f"{name},-12.50,Failed") == ["wrong_state"]
    assert faults(order, f"{name},12.50,Successful") == []  # a statement without signs
    bare = read_statement(
        f"Reference,Amount\n{name},-12.50\n".encode(), Form(zone=ACCRA, currency="GHS")
    ).lines
    assert compared([(order, status(order))], bare).findings == []


def test_a_payout_that_came_back_by_a_line_of_its_own_was_given_back() -> None:
    left = ours(goes_out=True)
    came_back = ours(state=S.REVERSED, goes_out=True)
    rows = (f"{left.ids[0]},-12.50,Successful", f"{left.ids[0]},12.50,Successful")
    assert faults(left, *rows) == ["wrong_state"]
    assert faults(came_back, *rows) == []


# What was reversed


def test_a_reversed_order_stands_on_the_statement() -> None:
    order = ours(state=S.REVERSED)
    assert faults(order) == ["wrong_state"]
    assert faults(order, f"{order.ids[0]},12.50,Successful") == []
    assert kinds(compared([(order, status(order))], [], statement=False).findings) == []
    by_hand = compared([(ours(state=S.REVERSED, by_hand=True), None)], [])
    assert kinds(by_hand.explained) == [(order.code, "settled_by_hand")]
    near = ours(state=S.REVERSED, created_ms=SPAN.from_ms + 1, settled_ms=SPAN.from_ms + 1)
    assert kinds(compared([(near, None)], []).not_compared) == [(near.code, "edge")]


@pytest.mark.parametrize(
    ("backs", "kind"),
    [
        (("-12.50,Reversed",), []),
        (("-1,Reversed",), ["wrong_amount"]),
        (("-1,Successful",), ["wrong_amount"]),
        (("1,Reversed",), ["wrong_amount"]),
        (("-5,Reversed", "-7.50,Reversed"), []),
        (("-12.50,Reversed", "-12.50,Reversed"), ["double"]),
    ],
)
def test_all_of_a_reversed_payment_is_given_back_once(backs: tuple[str, ...], kind: list[str]) -> None:
    order = ours(state=S.REVERSED)
    rows = [f"{order.ids[0]},{back}" for back in backs]
    assert faults(order, f"{order.ids[0]},12.50,Successful", *rows) == kind
    assert faults(order, f"{order.ids[0]},12.50,Reversed", f"{order.ids[0]},-12.50,Reversed") == []


# What is open


@pytest.mark.parametrize("state", [S.UNRESOLVED, S.PENDING])
def test_an_open_order_paid_with_another_amount_is_a_fault_already(state: S) -> None:
    order = ours(state=state)
    paid = {"state": S.SUCCESSFUL, "amount": Decimal("1.25")}
    for found in (
        compared([(order, status(order, **paid))], []),
        compared([(order, None)], [line(order, **paid)]),
        compared([(order, None)], [listed(order, **paid)]),
    ):
        assert kinds(found.findings) == [(order.code, "wrong_amount")]
        assert kinds(found.not_compared) == [(order.code, "open")]
    told = {"state": S.PENDING, "amount": Decimal("1.25")}
    assert compared([(order, status(order, **told))], [line(order, **told)]).findings == []


def _strays(lines: list[Theirs]) -> list[Theirs]:
    comparison = Comparison(SPAN, statement=True)
    for one in lines:
        comparison.hear(one)
    return list(comparison.strays())
