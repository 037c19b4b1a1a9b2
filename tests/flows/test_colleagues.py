"""Approving what a colleague asked for, and unlocking their PIN."""

import msgspec
import pytest

from bot.dialog import Number, Text
from bot.dialog import views as v
from bot.money import OrderKind, OrderState
from flows import business_effects as b
from tests.flows.at_work import GHS_50, IN_CHAT, OTHER, PIN, acts, order, own_keys, work

REFUND = v.ApprovalView("w1", "refund", GHS_50, OTHER, "Kofi", about="ABCD2345", at_ms=1_000)
TO_BANK = v.ApprovalView("w2", "transfer", GHS_50, "0123456789", "Esi")
APPROVED = order(OrderState.NEW, kind=OrderKind.REFUND, payee=OTHER)
DECLINED = order(OrderState.FAILED, id="", kind=OrderKind.REFUND, refused="declined")


def test_a_colleagues_wish_is_approved_for_a_second_pin() -> None:
    played = work(
        "approve", [PIN, "1", "1", "1", PIN], WaitingApprovals=(REFUND, TO_BANK), DecideApproval=APPROVED
    )
    assert own_keys(played) == ["pin", "which", "decide", "confirm", "pin"]
    assert played.texts[3:6] == ["approve.which", "approve.shown_about", "approve.confirm_yes"]
    assert dict(played.asked[4].text.values) == {
        "kind": Text("kind.refund"),
        "amount": GHS_50,
        "to": Number(OTHER),
        "by": "Kofi",
        "about": "ABCD2345",
    }
    assert played.effects[-2:] == [b.CheckPin("s1"), b.DecideApproval("s1", "w1", approve=True)]
    assert played.screen.text == "approve.approved"


def test_a_wish_to_pay_a_bank_account_is_refused() -> None:
    played = work(
        "approve", ["2", "2", "1"], IN_CHAT, WaitingApprovals=(REFUND, TO_BANK), DecideApproval=DECLINED
    )
    assert played.texts[2:] == ["approve.which", "approve.shown", "approve.confirm_no"]
    assert played.asked[-1].text.values["to"] == Text("party.bank_account")
    assert acts(played) == [b.DecideApproval("s1", "w2", approve=False)]
    assert played.screen.text == "approve.declined"


def test_what_is_not_decided_waits_on() -> None:
    for answers, text in ((["1", "3"], "business.done"), (["1", "1", "2"], "business.cancelled")):
        played = work("approve", answers, IN_CHAT, WaitingApprovals=(REFUND,))
        assert played.screen.text == text
        assert acts(played) == []


def test_where_nothing_waits_it_is_said() -> None:
    assert work("approve", [PIN], WaitingApprovals=()).screen.text == "approve.none"


@pytest.mark.parametrize("why", ["too_late", "own", "off", "limit_total", "declined"])
@pytest.mark.parametrize("decision", ["1", "2"])
def test_a_refusal_says_why(why: str, decision: str) -> None:
    refused = msgspec.structs.replace(DECLINED, refused=why)
    played = work(
        "approve", ["1", decision, "1"], IN_CHAT, WaitingApprovals=(REFUND,), DecideApproval=refused
    )
    as_wished = why == "declined" and decision == "2"
    assert played.screen.text == ("approve.declined" if as_wished else f"refused.{why}")


def test_a_wrong_pin_decides_nothing() -> None:
    locked = v.PinAnswer(refused="locked")
    assert work("approve", ["0000"], CheckPin=locked).screen.text == "refused.locked"
    pins = [v.PinAnswer(), locked]
    played = work("approve", [PIN, "1", "1", "1", "0000"], WaitingApprovals=(REFUND,), CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


# ---- unlocking -----------------------------------------------------------------------------------

LOCKED = (v.LockedRole("s7", "Kofi", "cashier"), v.LockedRole("s8", "Esi", "accountant"))


def test_a_colleague_is_unlocked_for_a_second_pin() -> None:
    played = work("unlock", [PIN, "2", "1", PIN], LockedStaff=LOCKED, Unlock=v.Done())
    assert own_keys(played) == ["pin", "which", "confirm", "pin"]
    assert played.asked[3].choices[0].label == Text(
        "unlock.line", {"name": "Kofi", "role": Text("role.cashier")}
    )
    assert played.effects[-2:] == [b.CheckPin("s1"), b.Unlock("s1", "s8")]
    assert played.screen.text == "unlock.done"
    assert played.screen.values["name"] == "Esi"


def test_who_was_unlocked_meanwhile_is_unlocked() -> None:
    played = work("unlock", ["1", "1"], IN_CHAT, LockedStaff=LOCKED, Unlock=v.Done(ok=False))
    assert played.screen.text == "unlock.gone"


def test_no_unlocks_nobody() -> None:
    assert work("unlock", ["1", "2"], IN_CHAT, LockedStaff=LOCKED).screen.text == "business.cancelled"
    assert work("unlock", [PIN], LockedStaff=()).screen.text == "unlock.none"
    pins = [v.PinAnswer(), v.PinAnswer(refused="locked")]
    played = work("unlock", [PIN, "1", "1", "0000"], LockedStaff=LOCKED, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []
