"""Finding a payment of the merchant, and a note to its payer."""

import msgspec
import pytest

from bot.dialog import Moment, Number, Text
from bot.dialog import views as v
from bot.money import OrderState, Reason
from flows import business_effects as b
from tests.flows.at_work import CODE, FOUND, GHS_50, IN_CHAT, OTHER, PIN, ROLE, acts, order, own_keys, work

LISTED = (order(payer=OTHER), order(OrderState.FAILED, id="o2", code="ABCD2345", payer=OTHER))


def test_a_payment_is_found_by_its_code() -> None:
    played = work("look_up", ["1", "k7qx 2a9m", PIN], FindPayment=FOUND)
    assert own_keys(played) == ["how", "code", "pin", "next"]
    assert played.effects[-2:] == [b.CheckPin("s1"), b.FindPayment("s1", CODE)]
    assert played.question.text == Text(
        "look_up.shown",
        {
            "code": CODE,
            "amount": GHS_50,
            "payer": Number(OTHER, region="GH"),
            "state": Text("state.new"),
            "reason": Text("failed.perhaps", {"why": Text("reason.other")}),
            "when": Moment(1_000),
        },
    )
    assert played.options() == ["note", "refund", "done"]


def test_a_payment_is_found_among_the_latest() -> None:
    failed = v.FoundPayment(order(OrderState.FAILED, reason=Reason.REJECTED))
    played = work("look_up", ["2", PIN, "2"], LatestPayments=LISTED, FindPayment=failed)
    assert own_keys(played) == ["how", "pin", "which"]
    assert played.options() == [CODE, "ABCD2345"]
    assert played.effects[-2:] == [b.LatestPayments("s1"), b.FindPayment("s1", "ABCD2345")]
    assert played.screen.text == "look_up.failed"
    assert played.screen.values["reason"] == Text("failed.not_taken", {"why": Text("reason.rejected")})


def test_a_blocked_wallet_is_not_the_readers_own() -> None:
    failed = v.FoundPayment(order(OrderState.FAILED, reason=Reason.PAYER_BLOCKED))
    played = work("look_up", ["1", CODE, PIN], FindPayment=failed)
    assert played.screen.values["reason"] == Text("failed.not_taken", {"why": Text("reason.wallet_blocked")})


def test_a_merchant_without_payments_is_told_so() -> None:
    assert work("look_up", ["2", PIN], LatestPayments=()).screen.text == "look_up.none"


def test_a_code_of_nobody_here_is_told_so() -> None:
    played = work("look_up", ["1", CODE], FindPayment=None)
    assert own_keys(played) == ["how", "code", "code"]
    assert played.missing == [Text("look_up.no_such")]
    assert CODE.encode() not in msgspec.json.encode(played.journal)


def test_only_what_the_role_may_and_the_payment_allows_is_offered() -> None:
    cashier = msgspec.structs.replace(ROLE, offers=("look_up",))
    assert work("look_up", ["1", CODE, PIN], cashier, FindPayment=FOUND).screen.text == "look_up.shown"
    noting = msgspec.structs.replace(ROLE, offers=("look_up", "note"))
    played = work("look_up", ["1", CODE, PIN], noting, FindPayment=FOUND)
    assert played.options() == ["note", "done"]
    bare = v.FoundPayment(FOUND.order)
    assert work("look_up", ["1", CODE, PIN], FindPayment=bare).screen.text == "look_up.shown"


def test_who_only_looked_is_done() -> None:
    played = work("look_up", ["1", CODE, PIN, "3"], FindPayment=FOUND)
    assert played.screen.text == "business.done"
    assert acts(played) == []


def test_a_refund_is_made_from_the_payment_shown() -> None:
    refund = order(OrderState.PENDING, payee=OTHER, kind="refund")
    played = work("look_up", ["1", CODE, PIN, "2", PIN], FindPayment=FOUND, Refund=refund)
    assert own_keys(played)[3:] == ["next", "agreed"]
    assert played.keys[-1] == "business/look_up/refund/agreed"
    assert acts(played) == [b.Refund("s1", "o1", GHS_50)]
    assert played.screen.text == "sent.refund"


# ---- a note --------------------------------------------------------------------------------------


def test_a_note_is_sent_for_the_pin() -> None:
    played = work(
        "look_up", ["1", CODE, PIN, "1", "Your table is ready", PIN], FindPayment=FOUND, SendNote=v.Noted()
    )
    assert own_keys(played)[3:] == ["next", "note", "pin"]
    assert played.effects[-2:] == [b.CheckPin("s1"), b.SendNote("s1", "o1", "Your table is ready")]
    assert played.screen.text == "note.sent"
    assert played.screen.values["payer"] == Number(OTHER)


def test_a_note_is_not_longer_than_one_message_with_the_merchants_name() -> None:
    question = work("look_up", ["1", CODE, "1"], IN_CHAT, FindPayment=FOUND).question
    assert question.parse("x" * 144) == "x" * 144
    assert question.parse("x" * 145).text == Text("text.too_long", {"most": 144})


@pytest.mark.parametrize("why", ["not_allowed", "too_early", "too_late", "not_available", "something_new"])
def test_a_note_that_does_not_go_says_why(why: str) -> None:
    played = work(
        "look_up", ["1", CODE, "1", "Hello"], IN_CHAT, FindPayment=FOUND, SendNote=v.Noted(refused=why)
    )
    assert played.screen.text == f"note.refused.{why if why != 'something_new' else 'not_available'}"


def test_a_note_needs_the_right_pin() -> None:
    pins = [v.PinAnswer(), v.PinAnswer(refused="locked")]
    played = work("look_up", ["1", CODE, PIN, "1", "Hello", "0000"], FindPayment=FOUND, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


def test_nothing_is_shown_for_a_wrong_pin() -> None:
    played = work("look_up", ["1", CODE, "0000"], CheckPin=v.PinAnswer(refused="locked"))
    assert played.screen.text == "refused.locked"
