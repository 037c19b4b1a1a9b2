"""A customer's details: asked for, and shown once they agreed."""

import msgspec
import pytest

from bot.cli.screens.playing import TELEGRAM, play
from bot.dialog import Number, Text
from bot.dialog import views as v
from flows import business_effects as b
from flows import effects as e
from tests.flows.at_work import IN_CHAT, OTHER, PIN, acts, line_of, own_keys, work

ASKED = v.DetailsAsked(id="c1")
GIVEN = v.Details("given", (v.DetailLine("name", "Kofi Mensah"), v.DetailLine("gender", "male")))
WAITING = v.Details("waiting")


def test_details_are_shown_once_the_customer_agreed() -> None:
    answers = ["0240000002", PIN, "1", PIN, "1", PIN, "1"]
    played = work("details", answers, AskDetails=ASKED, SeeDetails=[WAITING, GIVEN])
    assert own_keys(played) == ["number", "pin", "next", "pin", "next", "pin", "shown"]
    assert [t for t in played.texts if t.startswith("details.")] == [
        "details.number",
        "details.asked",
        "details.waiting",
        "details.shown",
    ]
    assert played.effects[1:] == [
        b.CheckPin("s1"),
        b.AskDetails("s1", OTHER),
        b.CheckPin("s1"),
        b.SeeDetails("s1", "c1"),
        b.CheckPin("s1"),
        b.SeeDetails("s1", "c1"),
    ]
    assert played.asked[-1].text.values == {
        "number": Number(OTHER, masked=False),
        "lines": Text(
            "lines.two",
            {
                "first": Text("details.name", {"value": "Kofi Mensah"}),
                "second": Text("details.gender", {"value": Text("gender.male")}),
            },
        ),
    }
    assert played.screen.text == "business.done"


def test_a_single_line_stands_by_itself() -> None:
    one = v.Details("given", GIVEN.lines[:1])
    played = work("details", ["0240000002", "1"], IN_CHAT, AskDetails=ASKED, SeeDetails=one)
    assert played.question.text.values["lines"] == Text("details.name", {"value": "Kofi Mensah"})


def test_who_does_not_wait_may_go() -> None:
    played = work("details", ["0240000002", PIN, "2"], AskDetails=ASKED)
    assert played.screen.text == "details.later"


@pytest.mark.parametrize("why", ["not_allowed", "not_available", "number", "unknown"])
def test_a_refusal_says_why(why: str) -> None:
    played = work("details", ["0240000002"], IN_CHAT, AskDetails=v.DetailsAsked(refused=why))
    assert played.screen.text == f"details.refused.{why}"


@pytest.mark.parametrize("state", ["refused", "expired", "not_available", "shown"])
def test_details_that_are_not_given_stay_unseen(state: str) -> None:
    played = work("details", ["0240000002", "1"], IN_CHAT, AskDetails=ASKED, SeeDetails=v.Details(state))
    assert played.screen.text == f"details.ended.{state}"


def test_who_agreed_and_shares_nothing_has_no_details() -> None:
    played = work("details", ["0240000002", "1"], IN_CHAT, AskDetails=ASKED, SeeDetails=v.Details("given"))
    assert played.screen.text == "details.ended.not_available"


def test_a_wrong_pin_asks_nobody_and_shows_nothing() -> None:
    locked = v.PinAnswer(refused="locked")
    played = work("details", ["0240000002", "0000"], CheckPin=locked)
    assert played.screen.text == "refused.locked"
    assert acts(played) == []
    pins = [v.PinAnswer(), locked]
    played = work("details", ["0240000002", PIN, "1", "0000"], AskDetails=ASKED, CheckPin=pins)
    assert played.screen.text == "refused.locked"
    assert not any(isinstance(effect, b.SeeDetails) for effect in played.effects)


def test_a_role_locked_meanwhile_says_so() -> None:
    asked = v.DetailsAsked(refused="locked")
    played = work("details", ["0240000002"], IN_CHAT, AskDetails=asked)
    assert played.screen.text == "refused.locked"


def test_a_chat_that_is_not_linked_asks_for_nobodys_details() -> None:
    stranger = msgspec.structs.replace(TELEGRAM, staff=True)
    played = play(["5", line_of("details")], {e.MyRoles: (IN_CHAT,)}, facts=stranger)
    assert played.screen.text == "number.link_first"
    assert acts(played) == []
