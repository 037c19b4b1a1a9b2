"""Invoices: made, seen and cancelled by staff; seen by the customer they are meant for."""

from typing import Any

import msgspec
import pytest

from bot.cli.screens.playing import USSD, WEB, play
from bot.dialog import Moment, Number, Text
from bot.dialog import views as v
from bot.money import OrderKind, OrderState
from flows import business_effects as b
from flows import effects as e
from flows.invoices import my_invoices
from tests.flows.at_work import GHS_50, IN_CHAT, OTHER, PIN, acts, agreement, order, own_keys, work

INVOICE = agreement(
    kind="invoice", every="", left=None, payment_reference="PAY-1", description="Two tables for Sunday"
)
OTHER_INVOICE = msgspec.structs.replace(INVOICE, id="a2", until_ms=None, payment_reference="")
MADE = order(OrderState.NEW, kind=OrderKind.INVOICE, payer=OTHER)


def test_an_invoice_is_made_for_the_pin() -> None:
    played = work("invoice", ["1", "0240000002", "50", "Two tables", "2", PIN], MakeInvoice=MADE)
    assert own_keys(played) == ["what", "number", "amount", "description", "days", "agreed"]
    assert played.asked[-1].text.values["what"] == Text(
        "invoice.confirm",
        {
            "payer": Number(OTHER, masked=False),
            "amount": GHS_50,
            "description": "Two tables",
            "days": Text("days.many", {"days": 7}),
        },
    )
    assert played.effects[-2:] == [b.CheckPin("s1"), b.MakeInvoice("s1", OTHER, GHS_50, "Two tables", 7)]
    assert played.screen.text == "sent.invoice"


def test_days_are_offered_and_may_be_typed() -> None:
    played = work("invoice", ["1", "0240000002", "50", "Two tables"], IN_CHAT)
    assert played.options() == ["1", "7", "30", "other"]
    assert played.question.choices[0].label == Text("invoice.for_days", {"days": Text("days.one")})
    typed = work(
        "invoice", ["1", "0240000002", "50", "Two tables", "4", "14", "1"], IN_CHAT, MakeInvoice=MADE
    )
    assert own_keys(typed)[-2:] == ["days_typed", "agreed"]
    assert acts(typed) == [b.MakeInvoice("s1", OTHER, GHS_50, "Two tables", 14)]


def test_an_invoice_that_is_not_agreed_to_is_not_made() -> None:
    played = work("invoice", ["1", "0240000002", "50", "Two tables", "1", "2"], IN_CHAT)
    assert played.screen.text == "business.cancelled"
    locked = v.PinAnswer(refused="locked")
    played = work("invoice", ["1", "0240000002", "50", "Two tables", "1", "0000"], CheckPin=locked)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


def test_open_invoices_are_listed_and_shown() -> None:
    played = work("invoice", ["2", PIN, "1"], AgreementsOf=(INVOICE, OTHER_INVOICE))
    assert own_keys(played) == ["what", "pin", "which", "shown"]
    assert played.effects[-1] == b.AgreementsOf("s1", "invoice")
    assert played.options(-2) == ["a1", "a2"]
    assert dict(played.question.text.values) == {
        "amount": GHS_50,
        "merchant": "Ama's Kitchen",
        "payer": Number(OTHER),
        "state": Text("agreement.active"),
        "description": "Two tables for Sunday",
        "until": Moment(86_400_000, day=True),
        "reference": "PAY-1",
    }
    other = work("invoice", ["2", PIN, "2"], AgreementsOf=(INVOICE, OTHER_INVOICE)).question.text.values
    assert (other["until"], other["reference"]) == (Text("until.open"), "ABCD2345")


@pytest.mark.parametrize(("answers", "text"), [(["1"], "business.done"), (["2", "2"], "business.cancelled")])
def test_an_invoice_looked_at_stays(answers: list[str], text: str) -> None:
    played = work("invoice", ["2", "1", *answers], IN_CHAT, AgreementsOf=(INVOICE,) * 2)
    assert played.screen.text == text
    assert acts(played) == []


def test_an_invoice_is_cancelled_for_a_second_pin() -> None:
    cancelled = order(OrderState.NEW, kind=OrderKind.INVOICE_CANCEL, payer=OTHER)
    played = work("invoice", ["2", PIN, "1", "2", PIN], AgreementsOf=(INVOICE,) * 2, CancelInvoice=cancelled)
    assert own_keys(played)[-1] == "agreed_cancel"
    assert played.effects[-2:] == [b.CheckPin("s1"), b.CancelInvoice("s1", "a1")]
    assert played.screen.text == "sent.invoice_cancel"
    assert played.screen.values["payer"] == Number(OTHER)


def test_a_wrong_pin_shows_and_cancels_nothing() -> None:
    locked = v.PinAnswer(refused="locked")
    assert work("invoice", ["2", "0000"], CheckPin=locked).screen.text == "refused.locked"
    pins = [v.PinAnswer(), locked]
    played = work("invoice", ["2", PIN, "1", "2", "0000"], AgreementsOf=(INVOICE,) * 2, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


def test_without_invoices_it_is_said() -> None:
    assert work("invoice", ["2", PIN], AgreementsOf=()).screen.text == "invoice.none"


def test_an_invoice_that_is_gone_cannot_be_cancelled() -> None:
    gone = order(OrderState.FAILED, id="", kind=OrderKind.INVOICE_CANCEL, refused="gone")
    played = work("invoice", ["2", "1", "2", "1"], IN_CHAT, AgreementsOf=(INVOICE,) * 2, CancelInvoice=gone)
    assert played.screen.text == "refused.gone"


# ---- the customer's ------------------------------------------------------------------------------


def mine(answers: list[str], *found: v.AgreementView, facts: Any = USSD) -> Any:
    return play(answers, {b.MyAgreements: found * 2}, flow=my_invoices, facts=facts)


def test_a_customer_sees_an_invoice_and_how_it_is_paid() -> None:
    played = mine(["1", "1"], INVOICE)
    assert played.effects == [b.MyAgreements("invoice")]
    assert played.keys == ["which", "shown"]
    assert played.asked[1].text.id == "main.shown"
    assert played.screen.text == "invoices.how"
    assert played.screen.values["reference"] == "PAY-1"
    assert mine(["1", "2"], INVOICE).screen.text == "business.done"


def test_a_customer_without_invoices_is_told_so() -> None:
    assert mine([]).screen.text == "invoices.none"


def test_a_chat_without_a_number_is_linked_first() -> None:
    played = mine([], INVOICE, facts=WEB)
    assert played.screen.text == "number.link_first"
    assert played.effects == []


def test_it_is_reached_from_the_menu() -> None:
    facts = msgspec.structs.replace(USSD, offers=("invoice",))
    played = play(["3", "1"], {b.MyAgreements: (INVOICE,) * 2}, facts=facts)
    assert played.texts == ["main.menu", "invoices.which", "invoices.shown"]
    assert not any(isinstance(effect, e.PayBill) for effect in played.effects)
