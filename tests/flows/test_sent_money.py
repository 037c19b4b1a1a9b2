"""The list of what left the merchant, and one of it on its own screen."""

import msgspec
import pytest

from bot.dialog import Moment, Number, Text
from bot.dialog import views as v
from bot.money import OrderKind, OrderState, Reason
from flows import business_effects as b
from tests.flows.at_work import CODE, GHS_50, IN_CHAT, OTHER, PIN, own_keys, work

SENT = v.PayoutView(
    "o1", CODE, OrderKind.TRANSFER, OrderState.SUCCESSFUL, GHS_50, OTHER, asked_by="Adwoa", at_ms=1_000
)


def test_what_left_is_listed_behind_the_pin() -> None:
    played = work("payouts", [PIN, "1"], PayoutsOf=(SENT,))
    assert own_keys(played) == ["pin", "which"]
    assert played.effects[-2:] == [b.CheckPin("s1"), b.PayoutsOf("s1")]
    assert (played.screen.text, played.screen.values["by"]) == ("sent_money.shown", "Adwoa")
    assert played.screen.values["to"] == Number(OTHER)
    assert played.screen.values["when"] == Moment(1_000)
    assert work("payouts", [PIN], PayoutsOf=()).screen.text == "sent_money.none"
    in_chat = msgspec.structs.replace(IN_CHAT, offers=("payouts",))
    assert own_keys(work("payouts", [], role=in_chat, PayoutsOf=(SENT,))) == ["which"]


@pytest.mark.parametrize(
    ("change", "text", "state", "by"),
    [
        ({"approved_by": "Ama"}, "approved", "state.done", "Adwoa"),
        ({"waits": True, "state": OrderState.NEW}, "shown", "state.waits", "Adwoa"),
        ({"state": OrderState.FAILED, "reason": Reason.PAYEE_LIMIT}, "failed", "state.not_done", "Adwoa"),
        ({"asked_by": "", "kind": OrderKind.REFUND}, "shown", "state.done", Text("sent_money.by_itself")),
        ({"to": ""}, "shown", "state.done", "Adwoa"),
    ],
)
def test_each_says_what_became_of_it(change: dict[str, object], text: str, state: str, by: object) -> None:
    one = msgspec.structs.replace(SENT, **change)
    screen = work("payouts", [PIN, "1"], PayoutsOf=(one,)).screen
    assert screen.text == f"sent_money.{text}"
    assert (screen.values["state"], screen.values["by"]) == (Text(state), by)
    if not one.to:
        assert screen.values["to"] == Text("party.bank_account")
