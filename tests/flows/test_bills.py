"""Paying a bill of water, power or the like."""

from typing import Any

import msgspec
import pytest

from bot.cli.screens.playing import USSD, Played, play
from bot.dialog import Number, Text
from bot.dialog import views as v
from bot.money import Money, OrderKind, OrderState
from flows import effects as e
from tests.flows.at_work import GHS_50, MSISDN, OTHER, acts, order

FACTS = msgspec.structs.replace(USSD, offers=("bill",))
WATER = v.BillCard("Ghana Water", "m1", "GHS", "GH", most_minor=10_000)
POWER = v.BillCard("ECG", "m2", "GHS", "GH")
SAME = v.BillCard("Ghana Water", "m3", "GHS", "GH")
ASKED = order(OrderState.NEW, kind=OrderKind.BILL)


def paid(answers: list[str], *bills: v.BillCard, **given: Any) -> Played:
    world = {
        e.Bills: (*bills, SAME) if len(bills) == 1 else bills,
        **{getattr(e, name): value for name, value in given.items()},
    }
    return play(["4", "4", *answers], world, facts=FACTS)


def test_a_bill_is_paid() -> None:
    played = paid(["1", "MTR 42/7", "50", "1"], WATER, POWER, PayBill=ASKED)
    assert [key.rpartition("/")[2] for key in played.keys[2:]] == [
        "which",
        "reference",
        "amount",
        "confirm",
    ]
    assert played.asked[-1].text == Text(
        "bill.confirm",
        {
            "amount": GHS_50,
            "name": "Ghana Water",
            "reference": "MTR 42/7",
            "payer": Number(MSISDN, masked=False),
        },
    )
    assert acts(played) == [e.PayBill("m1", "Ghana Water", "MTR 42/7", GHS_50, MSISDN)]
    assert played.screen.text == "sent.bill"


def test_one_name_may_stand_for_two_merchants() -> None:
    played = paid(["2", "0042 17 9", "50", "1"], WATER, SAME, PayBill=ASKED)
    assert acts(played)[0].merchant_id == "m3"


def test_the_amount_keeps_its_limit() -> None:
    question = paid(["1", "0042 17 9"], WATER).question
    assert question.parse("100.01").text == Text("amount.over_limit", {"most": Money(10_000, "GHS")})


def test_no_pays_nothing() -> None:
    played = paid(["1", "0042 17 9", "50", "2"], WATER)
    assert played.screen.text == "pay.cancelled"
    assert acts(played) == []


def test_another_wallet_is_chosen_on_the_confirmation() -> None:
    played = paid(["1", "0042 17 9", "50", "3", "0240000002", "1"], WATER, PayBill=ASKED)
    assert played.texts[-3:] == ["bill.confirm", "pay.payer", "bill.confirm"]
    assert [question.text.values.get("payer") for question in played.asked[-3::2]] == [
        Number(MSISDN, masked=False),
        Number(OTHER, masked=False),
    ]
    assert acts(played) == [e.PayBill("m1", "Ghana Water", "0042 17 9", GHS_50, OTHER)]


def test_who_has_no_number_is_asked_for_one_before_the_confirmation() -> None:
    world = {e.Bills: (WATER, POWER)}
    stranger = msgspec.structs.replace(FACTS, msisdn="")
    played = play(["4", "4", "1", "0042 17 9", "50", "0240000002"], world, facts=stranger)
    assert played.texts[-2:] == ["pay.payer_typed", "bill.confirm"]


def test_where_no_bill_can_be_paid_it_is_said() -> None:
    assert paid([]).screen.text == "bill.none"


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (order(OrderState.FAILED, id="", kind=OrderKind.BILL, refused="merchant"), "refused.merchant"),
        (order(OrderState.SUCCESSFUL, kind=OrderKind.BILL), "result.bill.successful"),
        (order(OrderState.NEW), "pay.sent"),
    ],
)
def test_the_last_screen_says_where_it_stands(view: v.OrderView, text: str) -> None:
    assert paid(["1", "0042 17 9", "50", "1"], WATER, PayBill=view).screen.text == text


def test_a_bill_under_ones_own_auto_debit_says_that_no_pin_follows_or_asks_for_another_wallet() -> None:
    power = msgspec.structs.replace(POWER, debits=True)
    debits = [v.Debit("Ama's Kitchen", stops=("a1",)), v.Debit("Ama's Kitchen", agreed=True)]
    played = paid(["1", "0042 17 9", "50", "2", "1", "1"], power, FindDebit=debits, PayBill=ASKED)
    assert played.texts[-3:] == ["debit.not_agreed", "pay.payer", "bill.confirm_unasked"]
    assert acts(played) == [e.PayBill("m2", "ECG", "0042 17 9", GHS_50, MSISDN, unasked=True)]
    stopping = order(kind=OrderKind.PREAPPROVAL_CANCEL)
    played = paid(["1", "0042 17 9", "50", "1"], power, FindDebit=debits[:1], StopAutoDebit=stopping)
    assert (played.screen.text, acts(played)) == ("debit.stopped", [e.StopAutoDebit("a1")])
