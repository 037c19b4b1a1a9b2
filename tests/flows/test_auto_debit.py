"""Auto-debits: allowed, seen and stopped by customers; charged under by staff."""

from typing import Any

import msgspec
import pytest

from bot.cli.screens.playing import KITCHEN, USSD, WEB, Played, play
from bot.dialog import Moment, Number, Text
from bot.dialog import views as v
from bot.money import Money, NumberRule, OrderKind, OrderState, Reason
from flows import business_effects as b
from flows import effects as e
from tests.flows.at_work import (
    GHS_20,
    GHS_50,
    IN_CHAT,
    MSISDN,
    OTHER,
    PIN,
    acts,
    agreement,
    order,
    own_keys,
    work,
)

CUSTOMER = msgspec.structs.replace(USSD, offers=("preapproval",))
STANDS = agreement(payer=MSISDN)
ASKED = order(OrderState.NEW, kind=OrderKind.PREAPPROVAL)


def mine(answers: list[str], *found: v.AgreementView, facts: Any = CUSTOMER, **given: Any) -> Played:
    world = {
        b.MyAgreements: found,
        e.FindMerchant: lambda wanted: KITCHEN if wanted.code == "1001" else None,
        **{getattr(e, name): value for name, value in given.items()},
    }
    return play(["4", "3", *answers], world, facts=facts)


def test_an_auto_debit_is_set_up_for_ones_own_number() -> None:
    played = mine(["1001", "50", "2", "1"], SetUpAutoDebit=ASKED)
    assert [key.rpartition("/")[2] for key in played.keys[2:]] == ["merchant", "most", "every", "confirm"]
    assert played.asked[-1].text == Text(
        "auto_debit.confirm",
        {
            "merchant": "Ama's Kitchen",
            "most": GHS_50,
            "every": Text("every.week"),
            "days": Text("days.many", {"days": 90}),
        },
    )
    assert played.options(4) == ["day", "week", "month"]
    assert played.options(5) == ["yes", "no", "days"]
    assert acts(played) == [e.SetUpAutoDebit("m1", GHS_50, "week", 90)]
    assert played.screen.text == "sent.preapproval"


def test_another_period_is_chosen_on_the_confirmation() -> None:
    played = mine(["1001", "50", "2", "3", "3", "1"], SetUpAutoDebit=ASKED)
    assert played.options(6) == ["30", "90", "365"]
    assert acts(played) == [e.SetUpAutoDebit("m1", GHS_50, "week", 365)]


def test_a_code_nobody_has_is_asked_for_again() -> None:
    played = mine(["9999", "1001"])
    assert played.texts[2:] == ["pay.merchant", "pay.merchant", "auto_debit.most"]
    assert played.missing == [Text("pay.unknown_merchant")]


def test_no_allows_nothing() -> None:
    played = mine(["1001", "50", "2", "2"])
    assert played.screen.text == "business.cancelled"
    assert acts(played) == []


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (
            order(OrderState.FAILED, id="", kind=OrderKind.PREAPPROVAL, refused="not_available"),
            "refused.not_available",
        ),
        (order(OrderState.FAILED, id="", kind=OrderKind.PREAPPROVAL, refused="too_many"), "refused.too_many"),
        (order(OrderState.SUCCESSFUL, kind=OrderKind.PREAPPROVAL), "result.preapproval.successful"),
    ],
)
def test_the_last_screen_says_where_it_stands(view: v.OrderView, text: str) -> None:
    assert mine(["1001", "50", "1", "1"], SetUpAutoDebit=view).screen.text == text


def test_ones_own_wallet_that_is_blocked_is_ones_own() -> None:
    failed = order(OrderState.FAILED, kind=OrderKind.PREAPPROVAL, reason=Reason.PAYER_BLOCKED)
    played = mine(["1001", "50", "1", "1"], SetUpAutoDebit=failed)
    assert played.screen.values["reason"] == Text("reason.payer_blocked")


def test_a_chat_without_a_number_is_linked_first() -> None:
    played = mine([], facts=msgspec.structs.replace(WEB, offers=("preapproval",)))
    assert played.screen.text == "number.link_first"
    assert played.effects == []


def test_what_stands_is_listed_before_a_new_one() -> None:
    played = mine(["2"], STANDS)
    assert played.effects[0] == b.MyAgreements("preapproval")
    assert played.options(2) == ["a1", "new"]
    assert played.question.key == "auto_debit/merchant"


def test_what_stands_is_shown_and_stopped() -> None:
    stopped = order(OrderState.NEW, kind=OrderKind.PREAPPROVAL_CANCEL)
    played = mine(["1", "2", "1"], STANDS, StopAutoDebit=stopped)
    assert played.texts[2:] == ["auto_debit.which", "auto_debit.shown", "auto_debit.confirm_stop"]
    assert dict(played.asked[3].text.values) == {
        "amount": GHS_50,
        "merchant": "Ama's Kitchen",
        "payer": Number(MSISDN),
        "state": Text("agreement.in_force"),
        "every": Text("every.week"),
        "until": Moment(86_400_000, day=True),
    }
    assert acts(played) == [e.StopAutoDebit("a1")]
    assert played.screen.text == "sent.preapproval_cancel"


@pytest.mark.parametrize("answers", [["1", "1"], ["1", "2", "2"]])
def test_what_is_only_looked_at_stays(answers: list[str]) -> None:
    played = mine(answers, STANDS)
    assert played.screen.text == "business.done"
    assert acts(played) == []


# ---- the merchant's ------------------------------------------------------------------------------

TAKEN = order(OrderState.NEW, kind=OrderKind.AGREEMENT_CHARGE, payer=OTHER)


def test_a_customer_is_charged_within_what_was_agreed() -> None:
    played = work("charge", [PIN, "1", "20", PIN], AgreementsOf=(agreement(),) * 2, ChargeUnder=TAKEN)
    assert own_keys(played) == ["pin", "which", "amount", "agreed"]
    assert played.effects[1:] == [
        b.CheckPin("s1"),
        b.AgreementsOf("s1", "preapproval"),
        b.CheckPin("s1"),
        b.ChargeUnder("s1", "a1", GHS_20),
    ]
    assert played.asked[-1].text.values["what"] == Text(
        "charge.confirm", {"amount": GHS_20, "payer": Number(OTHER), "merchant": "Ama's Kitchen"}
    )
    assert played.screen.text == "sent.agreement_charge"
    assert played.screen.values["payer"] == Number(OTHER)


def test_more_than_is_left_is_not_taken() -> None:
    question = work("charge", ["1"], IN_CHAT, AgreementsOf=(agreement(),) * 2).question
    assert question.text.values["left"] == GHS_20
    assert question.parse("20.01").text == Text("amount.over_limit", {"most": GHS_20})


@pytest.mark.parametrize("left", [None, Money(0, "GHS")])
def test_a_customer_who_cannot_be_charged_yet_is_not(left: Money | None) -> None:
    played = work("charge", ["1"], IN_CHAT, AgreementsOf=(agreement(left=left, every="", until_ms=None),) * 2)
    assert played.screen.text == "charge.not_yet"
    assert played.screen.values["every"] == Text("every.time")
    assert played.screen.values["until"] == Text("until.open")


def test_without_auto_debits_it_is_said() -> None:
    assert work("charge", [PIN], AgreementsOf=()).screen.text == "charge.none"


def test_no_takes_nothing() -> None:
    played = work("charge", ["1", "20", "2"], IN_CHAT, AgreementsOf=(agreement(),) * 2)
    assert played.screen.text == "business.cancelled"
    assert acts(played) == []


def test_a_wrong_pin_takes_nothing() -> None:
    locked = v.PinAnswer(refused="locked")
    assert work("charge", ["0000"], CheckPin=locked).screen.text == "refused.locked"
    pins = [v.PinAnswer(), locked]
    played = work("charge", [PIN, "1", "20", "0000"], AgreementsOf=(agreement(),) * 2, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


@pytest.mark.parametrize("why", ["too_early", "over_agreement", "gone"])
def test_a_refusal_says_why(why: str) -> None:
    refused = order(OrderState.FAILED, id="", kind=OrderKind.AGREEMENT_CHARGE, refused=why)
    played = work("charge", ["1", "20", "1"], IN_CHAT, AgreementsOf=(agreement(),) * 2, ChargeUnder=refused)
    assert played.screen.text == f"refused.{why}"


def test_a_merchant_of_another_country_is_said_at_once() -> None:
    """The debit would come from the speaker's own number, and could never be taken."""
    foreign = msgspec.structs.replace(KITCHEN, numbers=NumberRule(("KE",)))
    played = mine(["1001"], FindMerchant=foreign)
    assert played.screen.text == "auto_debit.foreign"
    assert played.screen.values["number"] == Number(MSISDN, masked=False)
