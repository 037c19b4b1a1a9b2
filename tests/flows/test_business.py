"""The menu of the staff: which role, what it offers, the PIN before all that matters, the balance."""

from typing import Any

import msgspec
import pytest

from bot.cli.screens.playing import play
from bot.dialog import NavWords, Problem, Text, Typed, interpret, prefill_of, without_last_answer
from bot.dialog import views as v
from bot.money import Money
from flows import business_effects as b
from flows import effects as e
from flows.closing import lines_of
from tests.flows.at_work import (
    CHAT_STAFF,
    FOUND,
    GHS_50,
    IN_CHAT,
    OTHER,
    PIN,
    RIGHTS,
    ROLE,
    STAFF,
    acts,
    agreement,
    line_of,
    own_keys,
    work,
)

SHOWN = v.Balances((Money(125_000, "GHS"), Money(5000, "UGX")))


def in_menu(*roles: v.Role, answers: tuple[str, ...] = ()) -> Any:
    return play(["5", *answers], {e.MyRoles: roles}, facts=STAFF)


def test_the_menu_offers_what_the_role_may_do_in_its_order() -> None:
    played = in_menu(ROLE)
    assert tuple(played.options()) == RIGHTS
    assert [c.label.id for c in played.question.choices] == [f"right.{right}" for right in RIGHTS]
    assert played.question.text == Text("business.menu", {"merchant": "Ama's Kitchen"})


def test_a_note_has_no_line_of_its_own_and_an_unknown_word_has_none() -> None:
    cashier = msgspec.structs.replace(ROLE, offers=("look_up", "note", "later", "withdraw"))
    assert in_menu(cashier).options() == ["look_up", "withdraw"]


@pytest.mark.parametrize("offers", [RIGHTS, ("withdraw", "look_up"), ("pin", "unlock", "note")])
def test_a_part_has_the_same_number_for_every_role(offers: tuple[str, ...]) -> None:
    """A cashier who becomes an accountant finds what they know where it was."""
    role = msgspec.structs.replace(ROLE, offers=offers)
    shown = {choice.value: choice.number for choice in in_menu(role).question.choices}
    assert shown == {right: RIGHTS.index(right) + 1 for right in offers if right != "note"}
    for right in set(RIGHTS) - set(offers):
        said = interpret(
            in_menu(role).question, Typed(line_of(right)), NavWords(), keypad=True, can_go_back=True
        )
        assert isinstance(said, Problem)


def test_who_may_do_nothing_here_is_told_so() -> None:
    assert in_menu(msgspec.structs.replace(ROLE, offers=())).screen.text == "business.nothing"


def test_who_lost_the_role_meanwhile_is_told_so() -> None:
    assert in_menu().screen.text == "balance.not_staff"


def test_a_locked_role_can_do_nothing() -> None:
    played = in_menu(msgspec.structs.replace(ROLE, locked=True))
    assert played.screen.text == "refused.locked"
    assert played.screen.values["merchant"] == "Ama's Kitchen"


def test_who_has_several_roles_says_which() -> None:
    other = msgspec.structs.replace(ROLE, staff_id="s2", merchant="Kofi Taxi", offers=("look_up",))
    played = in_menu(ROLE, other, answers=("2",))
    assert played.keys == ["menu", "business/which", "business/menu"]
    assert played.options() == ["look_up"]


# ---- the PIN -------------------------------------------------------------------------------------


def test_a_wrong_pin_is_asked_for_again_until_it_is_locked() -> None:
    answers = [
        v.PinAnswer(refused="wrong_pin", tries_left=2),
        v.PinAnswer(refused="wrong_pin", tries_left=1),
        v.PinAnswer(refused="locked"),
    ]
    played = work("unlock", ["0001", "0002", "0003"], CheckPin=answers)
    assert played.texts[2:] == ["balance.pin", "balance.wrong_pin", "balance.wrong_pin"]
    assert [q.text.values["tries"] for q in played.asked[2:]] == [3, 2, 1]
    assert played.screen.text == "refused.locked"
    assert not any(isinstance(effect, b.LockedStaff) for effect in played.effects)


def test_the_pin_is_kept_nowhere() -> None:
    played = work("unlock", [PIN], LockedStaff=())
    assert played.secrets == [PIN]
    assert PIN.encode() not in msgspec.json.encode(played.journal)


def test_a_pin_is_changed_behind_the_old_one_which_is_asked_for_anew_when_resumed() -> None:
    chosen = v.ChosenPin("a slow hash")
    played = work("pin", [PIN, "5822", "5822"], ChoosePin=chosen, ChangePin=v.PinSet())
    assert played.effects[1:] == [
        b.CheckPin("s1"),
        b.ChoosePin("s1"),
        b.ChangePin("s1", "a slow hash"),
    ]
    assert played.screen.text == "pin.changed"
    assert b"5822" not in msgspec.json.encode(played.journal)
    half = work("pin", [PIN, "5822"], ChoosePin=chosen)
    assert own_keys(half)[-1] == "new_pin_again"
    again = play([], {e.MyRoles: (ROLE,)}, facts=STAFF, prefill=prefill_of(half.journal))
    assert again.keys == ["business/pin/pin"]


def test_in_a_chat_there_is_no_pin_to_change() -> None:
    assert "pin" not in play(["5"], {e.MyRoles: (IN_CHAT,)}, facts=CHAT_STAFF).options()


def test_who_may_not_any_more_is_told_so() -> None:
    played = work("unlock", [PIN], CheckPin=v.PinAnswer(refused="not_allowed"))
    assert played.screen.text == "refused.not_allowed"


FIRST_LOOKS = {
    "look_up": (["2"], b.LatestPayments),
    "invoice": (["2"], b.AgreementsOf),
    "charge": ([], b.AgreementsOf),
    "approve": ([], b.WaitingApprovals),
    "unlock": ([], b.LockedStaff),
}


@pytest.mark.parametrize("right", FIRST_LOOKS)
def test_the_pin_comes_before_anything_of_the_merchant_is_looked_at(right: str) -> None:
    answers, look = FIRST_LOOKS[right]
    played = work(right, answers)
    assert own_keys(played)[-1] == "pin"
    assert not any(isinstance(effect, look) for effect in played.effects)
    seen = work(right, [*answers, PIN], **{look.__name__: ()})
    assert [type(effect) for effect in seen.effects[-2:]] == [b.CheckPin, look]
    in_chat = work(right, answers, IN_CHAT, **{look.__name__: ()})
    assert isinstance(in_chat.effects[-1], look)
    assert "pin" not in own_keys(in_chat)


# ---- the balance ---------------------------------------------------------------------------------


def test_staff_see_the_balance_for_their_pin() -> None:
    played = work("balance", [PIN], BalanceWithPin=SHOWN)
    assert played.asked[-1].text == Text("balance.pin", {"tries": 3, "merchant": "Ama's Kitchen"})
    assert played.asked[-1].wants == "secret"
    assert played.effects == [e.MyRoles(), e.BalanceWithPin("s1")]
    assert played.screen.text == "balance.shown"
    amounts = (Money(125_000, "GHS"), Money(5_000, "UGX"))
    lines = lines_of([Text("balance.line", {"amount": amount}) for amount in amounts])
    assert dict(played.screen.values) == {"merchant": "Ama's Kitchen", "lines": lines}
    assert PIN.encode() not in msgspec.json.encode(played.journal)


def test_no_pin_is_asked_for_in_a_chat() -> None:
    played = work("balance", [], IN_CHAT, Balance=SHOWN)
    assert played.effects == [e.MyRoles(), e.Balance("s1")]
    assert played.screen.text == "balance.shown"


def test_on_a_shared_account_only_own_payments_are_shown() -> None:
    played = work("balance", [PIN], BalanceWithPin=msgspec.structs.replace(SHOWN, shared=True))
    assert played.screen.text == "balance.own_orders"


def test_a_wallet_for_payouts_is_shown_beside() -> None:
    found = msgspec.structs.replace(SHOWN, payouts=(Money(900, "GHS"),))
    played = work("balance", [PIN], BalanceWithPin=found)
    assert played.screen.text == "balance.with_payouts"
    assert played.screen.values["payouts"] == Text("balance.line", {"amount": Money(900, "GHS")})


def test_a_wrong_pin_for_the_balance_is_asked_for_again_until_it_is_locked() -> None:
    answers = [
        v.Balances(refused="wrong_pin", tries_left=2),
        v.Balances(refused="wrong_pin", tries_left=1),
        v.Balances(refused="locked"),
    ]
    played = work("balance", ["0001", "0002", "0003"], BalanceWithPin=answers)
    assert played.texts[-3:] == ["balance.pin", "balance.wrong_pin", "balance.wrong_pin"]
    assert [q.text.values["tries"] for q in played.asked[-3:]] == [3, 2, 1]
    assert played.screen.text == "balance.locked"


@pytest.mark.parametrize("why", ["locked", "not_allowed", "not_available"])
def test_a_balance_that_is_not_shown_says_why(why: str) -> None:
    played = work("balance", [PIN], BalanceWithPin=v.Balances(refused=why))
    assert played.screen.text == f"balance.{why}"
    assert played.screen.values["merchant"] == "Ama's Kitchen"


# ---- going back ----------------------------------------------------------------------------------


def test_back_goes_question_by_question_until_the_pin() -> None:
    played = work("withdraw", ["0240000002", "50"])
    assert own_keys(played)[-1] == "agreed"
    journal = played.journal
    keys = []
    while (shorter := without_last_answer(journal)) is not None:
        keys.append(journal[len(shorter)].key)
        journal = shorter
    assert keys == ["business/withdraw/amount", "business/withdraw/number", "business/menu", "menu"]


@pytest.mark.parametrize("right", FIRST_LOOKS)
def test_what_the_pin_opened_is_closed_again_by_going_back_and_by_resuming(right: str) -> None:
    answers, look = FIRST_LOOKS[right]
    one = {
        b.LatestPayments: FOUND.order,
        b.AgreementsOf: agreement(),
        b.WaitingApprovals: v.ApprovalView("w1", "refund", GHS_50, OTHER, "Kofi"),
        b.LockedStaff: v.LockedRole("s7", "Kofi", "cashier"),
    }[look]
    played = work(right, [*answers, PIN], **{look.__name__: (one, one)})
    assert own_keys(played)[-1] == "which"
    assert all(entry.kind != "guard" for entry in without_last_answer(played.journal) or ())
    again = play([], {e.MyRoles: (ROLE,)}, facts=STAFF, prefill=prefill_of(played.journal))
    assert again.keys == [f"business/{right}/pin"]
    assert again.effects == [e.MyRoles()]


def test_who_left_half_way_in_a_chat_goes_on_and_confirms_anew() -> None:
    left = work("withdraw", ["0240000002", "50"], IN_CHAT)
    world = {e.MyRoles: (IN_CHAT,)}
    again = play([], world, facts=CHAT_STAFF, prefill=prefill_of(left.journal))
    assert again.keys == ["business/withdraw/agreed"]
    assert acts(again) == []
