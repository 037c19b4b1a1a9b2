"""Cash for a customer's wallet money."""

import msgspec
import pytest

from bot.dialog import Number, Text
from bot.dialog import views as v
from bot.money import OrderKind, OrderState, Reason
from flows import business_effects as b
from flows import effects as e
from tests.flows.at_work import GHS_20, GHS_50, IN_CHAT, MSISDN, OTHER, PIN, ROLE, acts, order, own_keys, work

ASKED = order(OrderState.NEW, kind=OrderKind.WITHDRAWAL, payer=OTHER)


def test_the_customer_is_asked_to_approve_and_no_cash_goes_out_yet() -> None:
    played = work("withdraw", ["0240000002", "50", PIN], Withdraw=ASKED)
    assert own_keys(played) == ["number", "amount", "agreed"]
    assert played.asked[-1].text.values["what"] == Text(
        "withdraw.confirm",
        {"payer": Number(OTHER, masked=False), "amount": GHS_50, "merchant": "Ama's Kitchen"},
    )
    assert played.effects[-2:] == [b.CheckPin("s1"), b.Withdraw("s1", GHS_50, OTHER)]
    assert played.screen.text == "sent.withdrawal"
    assert played.screen.values["payer"] == Number(OTHER, masked=False)


def test_no_ends_it() -> None:
    played = work("withdraw", ["0240000002", "50", "2"], IN_CHAT)
    assert played.screen.text == "business.cancelled"
    assert acts(played) == []


def test_a_wrong_pin_asks_nobody() -> None:
    played = work("withdraw", ["0240000002", "50", "0000"], CheckPin=v.PinAnswer(refused="locked"))
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


@pytest.mark.parametrize("why", ["too_many", "merchant", "not_available", "limit_number"])
def test_a_refusal_says_why(why: str) -> None:
    refused = order(OrderState.FAILED, id="", kind=OrderKind.WITHDRAWAL, refused=why)
    played = work("withdraw", ["0240000002", "50", "1"], IN_CHAT, Withdraw=refused)
    assert played.screen.text == f"refused.{why}"


def test_a_blocked_wallet_is_the_customers() -> None:
    failed = order(OrderState.FAILED, kind=OrderKind.WITHDRAWAL, reason=Reason.PAYER_BLOCKED)
    played = work("withdraw", ["0240000002", "50", "1"], IN_CHAT, Withdraw=failed)
    assert played.screen.text == "result.withdrawal.failed"
    assert played.screen.values["reason"] == Text("failed.not_taken", {"why": Text("reason.wallet_blocked")})


def test_cash_from_ones_own_wallet_under_an_auto_debit() -> None:
    role = msgspec.structs.replace(ROLE, debits=True)
    debits = [v.Debit("Ama's Kitchen", stops=("a1",)), v.Debit("Ama's Kitchen", agreed=True)]
    answers = [MSISDN, "50", "2", MSISDN, "20", PIN]
    played = work("withdraw", answers, role, FindDebit=debits, Withdraw=ASKED)
    what = played.asked[-1].text.values["what"]
    assert isinstance(what, Text)
    assert what.id == "withdraw.confirm_unasked"
    assert acts(played) == [b.Withdraw("s1", GHS_20, MSISDN, unasked=True)]
    stopping = order(kind=OrderKind.PREAPPROVAL_CANCEL)
    played = work("withdraw", [MSISDN, "50", "1"], role, FindDebit=debits[:1], StopAutoDebit=stopping)
    assert (played.screen.text, acts(played)) == ("debit.stopped", [e.StopAutoDebit("a1")])
