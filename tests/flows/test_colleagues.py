"""Approving what a colleague asked for, and unlocking their PIN."""

from typing import Any

import msgspec
import pytest

from bot.cli.screens.playing import Played, play
from bot.dialog import Number, Text
from bot.dialog import views as v
from bot.money import OrderKind, OrderState
from flows import business_effects as b
from tests.flows.at_work import CHAT_STAFF, GHS_50, IN_CHAT, OTHER, PIN, acts, order, own_keys, work

REFUND = v.ApprovalView("w1", "refund", GHS_50, OTHER, "Kofi", about="ABCD2345", at_ms=1_000)
TO_BANK = v.ApprovalView("w2", "transfer", GHS_50, "0123456789", "Esi")
APPROVED = order(OrderState.NEW, kind=OrderKind.REFUND, payee=OTHER)
DECLINED = order(OrderState.FAILED, id="", kind=OrderKind.REFUND, refused="declined")


def test_a_colleagues_wish_is_approved_for_one_pin() -> None:
    played = work("approve", [PIN, "1", "1"], WaitingApprovals=(REFUND, TO_BANK), DecideApproval=APPROVED)
    assert own_keys(played) == ["pin", "which", "word"]
    assert played.texts[3:5] == ["approve.which", "approve.shown_about"]
    assert dict(played.asked[4].text.values) == {
        "kind": Text("kind.refund"),
        "amount": GHS_50,
        "to": Number(OTHER),
        "by": "Kofi",
        "about": "ABCD2345",
    }
    assert acts(played) == [b.DecideApproval("s1", "w1", approve=True)]
    assert played.effects.count(b.CheckPin("s1")) == 1
    assert played.screen.text == "approve.approved"


def test_a_wish_to_pay_a_bank_account_is_refused() -> None:
    played = work("approve", ["2", "2"], IN_CHAT, WaitingApprovals=(REFUND, TO_BANK), DecideApproval=DECLINED)
    assert played.texts[2:] == ["approve.which", "approve.shown"]
    assert played.asked[-1].text.values["to"] == Text("party.bank_account")
    assert acts(played) == [b.DecideApproval("s1", "w2", approve=False)]
    assert played.screen.text == "approve.declined"


def test_what_is_not_decided_waits_on() -> None:
    played = work("approve", ["1", "3"], IN_CHAT, WaitingApprovals=(REFUND,) * 2)
    assert played.screen.text == "business.done"
    assert acts(played) == []


def test_where_nothing_waits_it_is_said() -> None:
    assert work("approve", [PIN], WaitingApprovals=()).screen.text == "approve.none"


@pytest.mark.parametrize("why", ["too_late", "own", "off", "limit_total", "declined"])
@pytest.mark.parametrize("decision", ["1", "2"])
def test_a_refusal_says_why(why: str, decision: str) -> None:
    refused = msgspec.structs.replace(DECLINED, refused=why)
    played = work("approve", ["1", decision], IN_CHAT, WaitingApprovals=(REFUND,) * 2, DecideApproval=refused)
    as_wished = why == "declined" and decision == "2"
    assert played.screen.text == ("approve.declined" if as_wished else f"refused.{why}")


def test_a_wrong_pin_decides_nothing() -> None:
    locked = v.PinAnswer(refused="locked")
    played = work("approve", ["0000"], CheckPin=locked)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


# ---- opened from the message that told of it


def opened(found: v.OpenedApproval, *answers: str, **given: Any) -> Played:
    world = {b.OpenApproval: found, **{getattr(b, name): value for name, value in given.items()}}
    facts = msgspec.structs.replace(CHAT_STAFF, about="w1")
    return play(answers, world, flow="approve", facts=facts)


def test_one_tap_decides_what_was_opened() -> None:
    for tap, approve, result in (("1", True, APPROVED), ("2", False, DECLINED)):
        played = opened(v.OpenedApproval(IN_CHAT, REFUND), tap, DecideApproval=result)
        assert played.texts == ["approve.shown_about"]
        wanted = [b.OpenApproval("w1"), b.DecideApproval("s1", "w1", approve=approve)]
        assert played.effects == wanted
        assert played.screen.text == ("approve.approved" if approve else "approve.declined")
    assert opened(v.OpenedApproval(IN_CHAT, REFUND), "3").screen.text == "business.done"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (v.OpenedApproval(refused="gone"), "approve.gone"),
        (v.OpenedApproval(refused="own"), "refused.own"),
        (v.OpenedApproval(refused="locked"), "refused.locked"),
        (v.OpenedApproval(approval=REFUND, refused="approved", by="Esi"), "approve.over.approved"),
        (v.OpenedApproval(approval=REFUND, refused="refused", by="Esi"), "approve.over.refused"),
        (v.OpenedApproval(approval=REFUND, refused="expired"), "approve.over.expired"),
    ],
)
def test_what_is_over_or_not_theirs_is_said_and_not_asked(found: v.OpenedApproval, text: str) -> None:
    played = opened(found)
    assert (played.texts, played.screen.text) == ([], text)
    assert text != "approve.over.approved" or played.screen.values["by"] == "Esi"


# ---- unlocking -----------------------------------------------------------------------------------

LOCKED = (v.LockedRole("s7", "Kofi", "cashier"), v.LockedRole("s8", "Esi", "accountant"))


def test_a_colleague_is_unlocked_for_a_second_pin() -> None:
    played = work("unlock", [PIN, "2", PIN], LockedStaff=LOCKED, Unlock=v.Done())
    assert own_keys(played) == ["pin", "which", "agreed"]
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
    played = work("unlock", [PIN, "1", "0000"], LockedStaff=LOCKED, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []
