"""Refunds of ours on a statement: under their own reference, under their payment's, or under both."""

from decimal import Decimal
from itertools import permutations

import msgspec
import pytest

from bot.admin.reconciliation.statement import Form, read_statement
from bot.admin.reconciliation.values import Kind, Ours, Theirs
from bot.money import OrderState

from .make import ACCRA, DAY, SPAN, compared, kinds, line, ours, status

S = OrderState
PAID = Decimal("12.50")


def family(*refunds: Ours) -> tuple[Ours, ...]:
    """A payment and its refunds, each knowing of the others."""
    payment = ours("PAYMENT0")
    parts = tuple(refund.part for refund in refunds)
    return (
        msgspec.structs.replace(payment, refunds=parts),
        *(msgspec.structs.replace(refund, payment=payment.part, refunds=parts) for refund in refunds),
    )


def refund(code: str, amount: str, state: OrderState = S.SUCCESSFUL) -> Ours:
    return ours(code, state, amount=Decimal(amount), goes_out=True)


def told(orders: tuple[Ours, ...], *lines: Theirs) -> list[tuple[str, str]]:
    """What is found, the same whichever order is taken first."""
    answers = []
    for turn in permutations(orders):
        found = compared([(order, status(order)) for order in turn], list(lines))
        answers.append((kinds(found.findings), kinds(found.not_compared)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][1] == []
    return answers[0][0]


P, R = family(refund("REFUND00", "5.00"))
IN = line(P)
WORDS = [{"state": S.REVERSED}, {"state": S.SUCCESSFUL, "out": True}, {"state": S.REVERSED, "out": True}]


def back(amount: str, *orders: Ours, number: int = 3, **given: object) -> Theirs:
    """A line of money given back, under a reference of each of the orders."""
    said = {"amount": Decimal(amount), "state": S.SUCCESSFUL, "out": True}
    ids = tuple(order.ids[0] for order in orders)
    return line(R, number, **(said | {"ids": ids} | given))


@pytest.mark.parametrize("word", WORDS)
def test_a_refund_under_its_payments_reference_is_the_refund(word: dict[str, object]) -> None:
    assert told((P, R), IN, back("5.00", P, **word)) == []


@pytest.mark.parametrize("word", WORDS)
def test_a_line_that_names_both_is_the_refunds(word: dict[str, object]) -> None:
    assert told((P, R), IN, back("5.00", P, R, **word)) == []
    assert told((P, R), IN, back("5.00", R, P, **word)) == []
    assert told((P, R), IN, back("6.00", P, R, **word)) == [(R.code, "wrong_amount")]


def test_a_refund_under_its_own_reference_is_held_to_its_word() -> None:
    assert told((P, R), IN, back("5.00", R)) == []
    assert told((P, R), IN, back("5.00", R, state=S.REVERSED)) == [(R.code, "wrong_state")]
    assert told((P, R), IN, back("5.00", R, state=S.REVERSED, word="Refunded")) == []
    assert told((P, R), IN, back("5.00", R), back("5.00", R, number=4)) == [(R.code, "double")]


def test_money_given_back_twice_is_double() -> None:
    for lines in (
        (back("5.00", P), back("5.00", P, number=4)),
        (back("5.00", R), back("5.00", P, number=4)),
        (back("5.00", P, R), back("5.00", P, number=4)),
    ):
        assert told((P, R), IN, *lines) == [(P.code, "double")]
    found = compared([(P, None), (R, None)], [IN, back("5.00", P), back("5.00", P, number=4)])
    (one,) = found.findings
    assert (one.ours, one.theirs, one.lines) == ("5.00 given back", "10.00 given back", (4,))


def test_too_much_given_back_is_the_wrong_amount() -> None:
    assert told((P, R), IN, back("5.01", P)) == [(P.code, "wrong_amount")]
    assert told((P, R), IN, back("5.00", P), back("1.00", P, number=4)) == [(P.code, "wrong_amount")]
    assert told((P,), IN, back("5.00", P), back("12.50", P, number=4)) == [(P.code, "wrong_amount")]


def test_too_little_given_back_is_told() -> None:
    assert told((P, R), IN) == [(R.code, "missing")]
    assert told((P, R), IN, back("3.00", P)) == [(P.code, "wrong_amount")]
    # The statement of other days has it.
    far = msgspec.structs.replace(R, settled_ms=SPAN.until_ms + DAY)
    assert told((P, far), IN) == []


def test_several_refunds_are_told_apart() -> None:
    first, second, open_ = refund("R1", "3.00"), refund("R2", "3.00"), refund("R3", "2.00", S.FAILED)
    orders = family(first, second, open_)
    pay = orders[0]
    assert told(orders, IN, back("3.00", pay), back("3.00", pay, number=4)) == []
    assert told(orders, IN, back("3.00", pay), back("3.00", pay, second, number=4)) == []
    assert told(orders, IN, back("6.00", pay)) == []
    assert told(orders, IN, back("3.00", pay)) == [("R2", "missing")]
    assert told(orders, IN, back("3.00", pay), back("3.00", pay, number=4), back("2.00", pay, number=5)) == [
        (pay.code, "wrong_amount")
    ]
    lines = [back("3.00", first), back("3.00", second, number=4), back("2.00", open_, number=5)]
    assert told(orders, IN, *lines) == [("R3", "extra")]


def test_a_payment_given_back_by_nobody_of_us_is_in_the_wrong_state() -> None:
    assert told(family(), IN, back("5.00", P)) == [(P.code, "wrong_state")]
    unsent = family(refund("REFUND00", "5.00", S.FAILED))
    assert told(unsent, IN, back("5.00", P)) == [(P.code, "wrong_state")]


def test_a_payment_whose_only_line_turned_to_refunded_was_paid_and_given_back() -> None:
    orders = family(refund("REFUND00", "12.50"))
    turned = line(P, state=S.REVERSED)
    assert told(orders, turned) == []
    assert told(orders, turned, back("12.50", orders[1])) == []
    assert told(orders, IN, back("12.50", P, state=S.REVERSED, out=False)) == []
    assert told((P, R), turned, back("5.00", R)) == [(P.code, "wrong_state")]


def test_an_open_refund_is_told_of_its_line() -> None:
    orders = family(refund("REFUND00", "5.00", S.UNRESOLVED))
    for turn in (orders, orders[::-1]):
        found = compared([(order, None) for order in turn], [IN, back("5.00", P)])
        assert found.findings == []
        (one,) = found.not_compared
        assert (one.code, one.kind, one.theirs) == ("REFUND00", Kind.OPEN, "statement: SUCCESSFUL")


# Fees


def read(header: str, *rows: str) -> list[Theirs]:
    return read_statement("\n".join((header, *rows, "")).encode(), Form(zone=ACCRA, currency="GHS")).lines


@pytest.mark.parametrize("header", ["Type", "Description", "Transaction Type"])
@pytest.mark.parametrize("word", ["Fee", "Service charge", "COMMISSION", "Transaction fees"])
def test_a_fee_beside_the_payment_is_left_aside(header: str, word: str) -> None:
    order = ours()
    paid = f"{order.ids[0]},12.50,Payment"
    for fee in ("-0.13", "0.13"):
        lines = read(f"Reference,Amount,{header}", f"{order.ids[0]},{fee},{word}", paid)
        assert compared([(order, status(order))], lines).findings == []
    sent = ours(goes_out=True)
    lines = read(
        f"Reference,Amount,{header}", f"{sent.ids[0]},-12.50,Transfer", f"{sent.ids[0]},-0.13,{word}"
    )
    assert compared([(sent, status(sent))], lines).findings == []


def test_a_fee_is_small_and_beside_something_else() -> None:
    order = ours()
    name, header = order.ids[0], "Reference,Amount,Type"
    alone = read(header, f"{name},12.50,Mobile money charge")
    assert compared([(order, status(order))], alone).findings == []
    large = read(header, f"{name},12.50,Payment", f"{name},-12.50,Fee")
    assert kinds(compared([(order, None)], large).findings) == [(order.code, "wrong_state")]
    unsaid = read(header, f"{name},12.50,Payment", f"{name},-0.13,Feed")
    assert kinds(compared([(order, None)], unsaid).findings) == [(order.code, "wrong_state")]
    stranger = read(header, "X1,-0.13,Fee")
    assert kinds(compared([], stranger).findings) == [("X1", "extra")]
