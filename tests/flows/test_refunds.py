"""Giving a payment back, all of it or a part."""

from typing import Any

import msgspec
import pytest

from bot.dialog import Number, Text
from bot.dialog import views as v
from bot.money import Money, OrderKind, OrderState, Reason
from flows import business_effects as b
from tests.flows.at_work import CODE, FOUND, GHS_20, GHS_50, IN_CHAT, OTHER, PIN, acts, order, own_keys, work


def given_back(state: OrderState = OrderState.PENDING, **given: Any) -> v.OrderView:
    return order(state, **({"kind": OrderKind.REFUND, "payee": OTHER, "code": "ABCD2345"} | given))


def test_all_of_it_for_a_pin() -> None:
    played = work("refund", [CODE, PIN], FindPayment=FOUND, Refund=given_back())
    assert own_keys(played) == ["code", "agreed"]
    assert played.effects[1:] == [
        b.FindPayment("s1", CODE),
        b.CheckPin("s1"),
        b.Refund("s1", "o1", GHS_50),
    ]
    what = Text(
        "refund.confirm",
        {"amount": GHS_50, "payer": Number(OTHER), "code": CODE, "merchant": "Ama's Kitchen"},
    )
    assert played.asked[-1].text == Text("staff.sign", {"what": what})
    assert played.options() == ["part"]
    assert played.screen.text == "sent.refund"
    assert played.screen.order_id == "o1"
    assert played.screen.values["payee"] == Number(OTHER)


def test_a_part_of_it_and_never_more_than_is_left() -> None:
    found = msgspec.structs.replace(FOUND, refundable=GHS_20)
    played = work("refund", [CODE, "3"], IN_CHAT, FindPayment=found)
    assert played.asked[-2].text.values["amount"] == GHS_20
    assert played.question.text == Text("refund.amount", {"left": GHS_20, "currency": "GHS"})
    assert played.question.parse("20.01").text == Text("amount.over_limit", {"most": GHS_20})
    done = work("refund", [CODE, "3", "5", "1"], IN_CHAT, FindPayment=found, Refund=given_back())
    assert acts(done) == [b.Refund("s1", "o1", Money(500, "GHS"))]
    typed = work("refund", [CODE, "1", "5", PIN], FindPayment=found, Refund=given_back())
    assert own_keys(typed) == ["code", "agreed", "amount", "agreed_part"]
    assert acts(typed) == acts(done)


@pytest.mark.parametrize("left", [None, Money(0, "GHS")])
def test_where_nothing_can_be_given_back_it_is_said(left: Money | None) -> None:
    played = work("refund", [CODE], FindPayment=msgspec.structs.replace(FOUND, refundable=left))
    assert played.screen.text == "refund.nothing"


def test_a_code_of_nobody_here_is_told_so() -> None:
    played = work("refund", [CODE], FindPayment=None)
    assert own_keys(played) == ["code", "code"]
    assert played.missing == [Text("look_up.no_such")]
    assert CODE.encode() not in msgspec.json.encode(played.journal)


def test_no_ends_it_and_nothing_is_asked_for() -> None:
    played = work("refund", [CODE, "2"], IN_CHAT, FindPayment=FOUND)
    assert played.screen.text == "business.cancelled"
    assert acts(played) == []


def test_a_wrong_pin_gives_nothing_back() -> None:
    pins = [v.PinAnswer(refused="wrong_pin", tries_left=1), v.PinAnswer(refused="locked")]
    played = work("refund", [CODE, "0001", "0002"], FindPayment=FOUND, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (given_back(OrderState.NEW), "sent.refund"),
        (given_back(OrderState.NEW, waits=True), "sent.waits"),
        (given_back(unsure=True), "result.refund.checking"),
        (given_back(OrderState.UNRESOLVED), "result.refund.checking"),
        (given_back(OrderState.SUCCESSFUL), "result.refund.successful"),
        (given_back(OrderState.FAILED, reason=Reason.PAYEE_BLOCKED), "result.refund.failed"),
        (given_back(OrderState.REVERSED), "result.refund.reversed"),
    ],
)
def test_the_last_screen_says_where_it_stands(view: v.OrderView, text: str) -> None:
    played = work("refund", [CODE, "1"], IN_CHAT, FindPayment=FOUND, Refund=view)
    assert played.screen.text == text
    assert played.screen.final is (
        view.state in (OrderState.SUCCESSFUL, OrderState.FAILED, OrderState.REVERSED)
    )


@pytest.mark.parametrize(
    ("most", "left"),
    [
        (None, Text("left.unknown")),
        (GHS_20, Text("left.some", {"most": GHS_20})),
        (Money(0, "GHS"), Text("left.none")),
    ],
)
@pytest.mark.parametrize("why", ["limit", "limit_number", "limit_merchant", "limit_total", "nothing_left"])
def test_a_limit_says_how_much_is_possible(why: str, most: Money | None, left: Text) -> None:
    refused = given_back(OrderState.FAILED, id="", code="", refused=why, most=most)
    played = work("refund", [CODE, "1"], IN_CHAT, FindPayment=FOUND, Refund=refused)
    assert played.screen.text == f"refused.{why}"
    assert played.screen.values["left"] == left
    assert played.screen.order_id is None


@pytest.mark.parametrize(
    ("why", "text"),
    [("off", "refused.off"), ("not_allowed", "refused.not_allowed"), ("brand_new", "refused.not_available")],
)
def test_a_refusal_says_why_and_an_unknown_one_that_it_is_not_possible(why: str, text: str) -> None:
    refused = given_back(OrderState.FAILED, id="", refused=why)
    played = work("refund", [CODE, "1"], IN_CHAT, FindPayment=FOUND, Refund=refused)
    assert played.screen.text == text
