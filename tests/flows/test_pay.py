"""Paying: every way through the conversation, and what it asks of the world on its way."""

from typing import Any

import msgspec
import pytest

from bot.cli.screens.playing import (
    GHS_50,
    KITCHEN,
    MSISDN,
    OTHER,
    QUIET,
    TAXI,
    TELEGRAM,
    USSD,
    WEB,
    Played,
    World,
    order,
    play,
)
from bot.dialog import (
    Accepted,
    Ask,
    Facts,
    FlowError,
    NavWords,
    Number,
    Pressed,
    Text,
    Typed,
    interpret,
    prefill_of,
)
from bot.dialog import views as v
from bot.money import LEAST_MERCHANT_CODE, Money, NumberRule, OrderKind, OrderState, Reason
from flows import effects as e
from flows.pay import pay, state_text

STRANGER = msgspec.structs.replace(USSD, msisdn="")
WAITING = msgspec.structs.replace(USSD, order_id="o1")
PAID = {
    "code": "K7QX2A9M",
    "amount": GHS_50,
    "merchant": "Ama's Kitchen",
    "payer": Number(MSISDN, masked=False),
}


def world(**given: Any) -> World:
    return {**QUIET, **{getattr(e, name): value for name, value in given.items()}}


def card(**given: Any) -> v.MerchantCard:
    return msgspec.structs.replace(KITCHEN, **given)


# ---- the straight way ----------------------------------------------------------------------------


def test_the_straight_way_over_ussd() -> None:
    played = play(["1", "1001", "50", "1"])
    assert played.keys == ["menu", "pay/merchant", "pay/amount", "pay/confirm"]
    assert played.texts == ["main.menu", "pay.merchant", "pay.amount", "pay.confirm"]
    assert played.asked[2].text.values == {"merchant": "Ama's Kitchen", "currency": "GHS"}
    assert played.effects == [
        e.RecentMerchants(),
        e.FindMerchant("1001"),
        e.FindDuplicate("m1", GHS_50),
        e.RequestPayment("m1", GHS_50, MSISDN, ""),
    ]
    assert played.screen.text == "pay.sent"
    assert dict(played.screen.values) == PAID
    assert played.screen.order_id == "o1"


def test_what_the_merchant_asks_for_is_asked_shown_and_handed_on() -> None:
    asks = world(FindMerchant=card(asks_for="Table number"))
    played = play(["1", "1001", "50", "T12", "1"], asks)
    assert played.keys == ["menu", "pay/merchant", "pay/amount", "pay/given", "pay/confirm"]
    confirm = played.asked[-1].text
    assert (confirm.id, confirm.values["given"]) == ("pay.with_given", "T12")
    assert played.asked[3].text.values["name"] == "Table number"
    assert isinstance(confirm.values["question"], Text)
    assert confirm.values["question"].id == "pay.confirm"
    assert played.effects[-1].reference == "T12"


@pytest.mark.parametrize(("facts", "chat"), [(USSD, ""), (WEB, "_chat"), (TELEGRAM, "_chat")])
def test_where_to_find_the_request_is_said_where_it_is_known(facts: Facts, chat: str) -> None:
    known = world(RequestPayment=order(hint="*170#, My Approvals"))
    payer = [] if facts.msisdn else ["0240000001"]
    screen = play(["1", "1001", "50", *payer, "1"], known, facts=facts).screen
    assert (screen.text, screen.shorter) == (f"pay.sent_hint{chat}", "pay.sent")
    assert screen.values["hint"] == "*170#, My Approvals"


@pytest.mark.parametrize("facts", [WEB, TELEGRAM])
def test_a_chat_is_told_that_the_result_comes_here(facts: Any) -> None:
    played = play(["1", "1001", "50", "0240000001", "1"], facts=facts)
    assert played.texts[3] == "pay.payer_typed"
    assert played.screen.text == "pay.sent_chat"


def test_the_confirmation_shows_what_will_happen() -> None:
    played = play(["1", "1001", "50"])
    assert played.question.text == Text(
        "pay.confirm",
        {
            "amount": GHS_50,
            "merchant": "Ama's Kitchen",
            "payer": Number(MSISDN, masked=False),
            "name": "",
            "code": "",
        },
    )
    assert [(c.number, c.value, c.label.id) for c in played.question.choices] == [
        (1, "yes", "pay.yes"),
        (2, "no", "pay.no"),
        (3, "wallet", "pay.other_wallet"),
    ]
    assert not any(isinstance(effect, e.RequestPayment) for effect in played.effects)


def test_no_ends_it_and_nothing_is_requested() -> None:
    played = play(["1", "1001", "50", "2"])
    assert played.screen.text == "pay.cancelled"
    assert played.screen.order_id is None
    assert not any(isinstance(effect, e.RequestPayment) for effect in played.effects)


# ---- whom ----------------------------------------------------------------------------------------


def test_a_code_nobody_has_is_asked_for_again() -> None:
    played = play(["1", "9999", "8888", "1001"])
    assert played.texts == ["main.menu", "pay.merchant", "pay.merchant", "pay.merchant", "pay.amount"]
    assert played.missing == [Text("pay.unknown_merchant")] * 2
    assert [entry.value for entry in played.journal if entry.key == "pay/merchant"] == ["1001"]


def test_a_merchant_that_went_meanwhile_is_asked_for_anew() -> None:
    """It was there when its code was typed, and is gone when the conversation is resumed."""
    played = play([], prefill={"menu": "pay", "pay/merchant": "9999"})
    assert played.question.text.id == "pay.merchant"
    assert played.question.notice == Text("pay.unknown_merchant")


def test_merchants_paid_before_are_offered_beside_typing_a_code() -> None:
    """Behind "More": the first line of the first screen is the one paid last."""
    given = world(RecentMerchants=(KITCHEN, TAXI))
    played = play(["4", "1", "2"], given)
    assert played.keys == ["menu", "more", "pay/merchant", "pay/amount"]
    assert played.texts[2] == "pay.merchant_or"
    assert [(c.value, c.label) for c in played.asked[2].choices] == [
        ("1001", Text("pay.recent_one", {"name": "Ama's Kitchen"})),
        ("1002", Text("pay.recent_one", {"name": "Kofi Taxi"})),
    ]
    assert played.question.text.values["merchant"] == "Kofi Taxi"
    typed = play(["4", "1", "1001"], given)
    assert typed.question.text.values["merchant"] == "Ama's Kitchen"


def test_a_merchants_number_in_the_list_is_no_code() -> None:
    question = play(["4", "1"], world(RecentMerchants=(KITCHEN,))).question
    said = interpret(question, Typed("1"), NavWords(), keypad=True, can_go_back=True)
    assert said == Accepted("1001")
    assert isinstance(question, Ask)
    assert question.least_dialled == LEAST_MERCHANT_CODE


# ---- how much ------------------------------------------------------------------------------------


def test_the_amount_is_in_the_merchants_currency_and_inside_its_limit() -> None:
    limited = card(currency="UGX", region="UG", most_minor=20_000)
    played = play(["1", "1001"], world(FindMerchant=limited))
    question = played.question
    assert question.text.values["currency"] == "UGX"
    assert question.parse("20000") == Money(20_000, "UGX")
    assert question.parse("20001").text == Text("amount.over_limit", {"most": Money(20_000, "UGX")})
    assert question.parse("5.5").text.id == "amount.too_many_decimals"


AMOUNTS = (GHS_50, Money(2000, "GHS"))


def test_in_a_chat_the_amounts_paid_before_are_a_tap_away() -> None:
    played = play(["1", "1001"], world(AmountsPaid=AMOUNTS), facts=WEB)
    assert played.effects[-1] == e.AmountsPaid("m1")
    assert [c.label for c in played.question.choices] == [
        Text("pay.amount_one", {"amount": amount}) for amount in AMOUNTS
    ]
    tapped = interpret(played.question, Pressed("c", 1, "#1"), NavWords(), keypad=False, can_go_back=True)
    assert tapped == Accepted(AMOUNTS[1])


def test_an_amount_offered_is_never_chosen_by_its_number() -> None:
    """Whoever types 2 pays two cedis."""
    played = play(["1", "1001", "2"], world(AmountsPaid=AMOUNTS), facts=WEB)
    assert played.question.key == "pay/payer"
    assert [entry.value["amount_minor"] for entry in played.journal if entry.key == "pay/amount"] == [200]


def test_on_a_keypad_no_amount_is_offered() -> None:
    played = play(["1", "1001"], world(AmountsPaid=AMOUNTS))
    assert played.question.choices == ()
    assert not any(isinstance(effect, e.AmountsPaid) for effect in played.effects)


def test_an_amount_that_the_merchant_takes_no_longer_is_not_offered() -> None:
    given = world(AmountsPaid=AMOUNTS, FindMerchant=card(most_minor=2000))
    assert [c.label.values["amount"] for c in play(["1", "1001"], given, facts=WEB).question.choices] == [
        AMOUNTS[1]
    ]


# ---- from which wallet ---------------------------------------------------------------------------


def test_the_callers_own_number_stands_on_the_confirmation_where_another_may_be_chosen() -> None:
    own = play(["1", "1001", "50"])
    assert own.question.text.values["payer"] == Number(MSISDN, masked=False)
    other = play(["1", "1001", "50", "3"])
    assert (other.question.key, other.question.text.id) == ("pay/payer", "pay.payer")
    label = Text("pay.my_number", {"number": Number(MSISDN, masked=False)})
    assert [choice.label for choice in other.question.choices] == [label]
    played = play(["1", "1001", "50", "3", "024 000 0002", "1"])
    assert played.asked[-1].text.values["payer"] == Number(OTHER, masked=False)
    assert played.effects[-1] == e.RequestPayment("m1", GHS_50, OTHER, "")
    back_to_own = play(["1", "1001", "50", "3", "024 000 0002", "3", "1", "1"])
    assert back_to_own.effects[-1] == e.RequestPayment("m1", GHS_50, MSISDN, "")


def test_a_number_from_home_is_not_offered_to_a_merchant_abroad() -> None:
    played = play(["1", "1001", "50"], world(FindMerchant=card(region="UG", currency="UGX")))
    assert played.question.text.id == "pay.payer_typed"
    assert played.question.choices == ()


def test_a_number_the_merchant_does_not_take_is_not_offered() -> None:
    played = play(["1", "1001", "50"], world(FindMerchant=card(numbers=NumberRule(("KE",)))))
    assert played.question.text.id == "pay.payer_typed"
    assert played.question.choices == ()


def test_who_has_no_number_is_asked_for_one() -> None:
    played = play(["1", "1001", "50"], facts=STRANGER)
    assert played.question.text.id == "pay.payer_typed"
    assert played.question.choices == ()


def test_a_number_typed_is_at_home_where_the_merchant_is() -> None:
    played = play(["1", "1001", "50"], world(FindMerchant=card(region="UG", currency="UGX")))
    assert played.question.parse("0772123456") == "+256772123456"


def test_the_holder_is_looked_up_where_the_provider_can_tell() -> None:
    played = play(["1", "1001", "50"], world(FindMerchant=card(checks_holder=True)))
    assert e.CheckHolder("m1", MSISDN) in played.effects
    assert played.question.text.id == "pay.confirm_named"
    assert played.question.text.values["name"] == "Ama M."


@pytest.mark.parametrize(
    ("holder", "text"),
    [
        (v.Holder(checked=True, known=False), "pay.payer_unknown"),
        (v.Holder(checked=True, active=False), "pay.payer_inactive"),
        (v.Holder(checked=True, known=False, active=False), "pay.payer_unknown"),
    ],
)
def test_a_wallet_that_cannot_pay_is_asked_for_again(holder: v.Holder, text: str) -> None:
    found = v.Holder(checked=True, name="Ama M.")
    scripted = world(FindMerchant=card(checks_holder=True), CheckHolder=[holder, holder, found])
    played = play(["1", "1001", "50", "0240000003", "0240000002"], scripted)
    assert played.texts[3:] == ["pay.payer", "pay.payer", "pay.confirm_named"]
    # What is wrong stands above the question, and names the number it is about: each time one notice.
    assert played.notices[3:] == [
        Text(text, {"number": Number(MSISDN, masked=False)}),
        Text(text, {"number": Number("+233240000003", masked=False)}),
        None,
    ]
    looked = [x.msisdn for x in played.effects if isinstance(x, e.CheckHolder)]
    assert looked == [MSISDN, "+233240000003", OTHER]


@pytest.mark.parametrize("holder", [v.Holder(checked=False), v.Holder(checked=False, limited=True)])
def test_a_look_up_that_fails_stops_nobody_from_paying(holder: v.Holder) -> None:
    scripted = world(FindMerchant=card(checks_holder=True), CheckHolder=holder)
    played = play(["1", "1001", "50", "1"], scripted)
    assert played.texts[-1] == "pay.confirm"
    assert played.screen.text == "pay.sent"


# ---- which network -------------------------------------------------------------------------------

FROM_MTN = msgspec.structs.replace(USSD, network="62001")


def on(network: str) -> Text:
    """The own number on the confirmation, with the network's name."""
    return Text(
        "pay.number_on", {"number": Number(MSISDN, masked=False), "network": Text(f"network.{network}")}
    )


def test_a_network_is_chosen_where_there_are_several() -> None:
    played = play(["1", "1002", "50", "2", "1"])
    assert played.keys[-2:] == ["pay/network", "pay/confirm"]
    assert [c.label.id for c in played.asked[-2].choices] == ["network.mtn", "network.vod", "network.atl"]
    assert played.asked[-1].text.values["payer"] == on("vod")
    assert played.effects[-1] == e.RequestPayment("m2", GHS_50, MSISDN, "VOD")


def test_the_only_network_is_taken_without_asking() -> None:
    played = play(["1", "1001", "50", "1"], world(FindMerchant=card(networks=("mpesa",))))
    assert "pay/network" not in played.keys
    assert "network" not in played.options()
    assert played.effects[-1] == e.RequestPayment("m1", GHS_50, MSISDN, "mpesa")


@pytest.mark.parametrize(
    ("used", "facts", "network"),
    [
        ("VOD", USSD, "vod"),
        # What was used says more than what the gateway tells.
        ("VOD", FROM_MTN, "vod"),
        ("", FROM_MTN, "mtn"),
        # The account knows that network no longer.
        ("orange", FROM_MTN, "mtn"),
    ],
)
def test_the_network_used_last_or_told_by_the_gateway_is_not_asked_for(
    used: str, facts: Facts, network: str
) -> None:
    played = play(["1", "1002", "50", "1"], world(NetworkUsed=used), facts=facts)
    assert "pay/network" not in played.keys
    assert e.NetworkUsed("m2", MSISDN) in played.effects
    assert played.asked[-1].text.values["payer"] == on(network)
    assert played.effects[-1] == e.RequestPayment("m2", GHS_50, MSISDN, network.upper())


@pytest.mark.parametrize("told", ["", "wave", "99999"])
def test_a_network_that_is_not_known_is_asked_for(told: str) -> None:
    facts = msgspec.structs.replace(USSD, network=told)
    assert play(["1", "1002", "50"], world(NetworkUsed="gone"), facts=facts).question.key == "pay/network"


def test_the_gateways_network_is_the_callers_and_nobody_elses() -> None:
    """Another wallet is on another network, for all that is known."""
    played = play(["1", "1002", "50", "3", "0240000002"], facts=FROM_MTN)
    assert played.question.key == "pay/network"
    assert played.effects[-1] == e.NetworkUsed("m2", OTHER)


def test_another_network_is_chosen_on_the_confirmation() -> None:
    played = play(["1", "1002", "50", "4", "3", "1"], facts=FROM_MTN)
    assert played.keys[-3:] == ["pay/confirm", "pay/network", "pay/confirm"]
    assert [choice.number for choice in played.asked[-1].choices] == [1, 2, 3, 4]
    assert played.options() == ["yes", "no", "wallet", "network"]
    assert [question.text.values["payer"] for question in played.asked[-3::2]] == [on("mtn"), on("atl")]
    assert played.effects[-1] == e.RequestPayment("m2", GHS_50, MSISDN, "ATL")


# ---- pressed twice -------------------------------------------------------------------------------


def test_an_open_payment_of_the_same_kind_is_named_before_a_second_one() -> None:
    scripted = world(FindMerchant=card(checks_holder=True), FindDuplicate="ABCD2345")
    played = play(["1", "1001", "50"], scripted)
    assert played.question.text.id == "pay.confirm_twin"
    assert played.question.text.values["code"] == "ABCD2345"
    assert played.question.choices[0].label == Text("pay.yes_again")


@pytest.mark.parametrize("why", ["merchant", "limit", "too_many"])
def test_a_refusal_says_why_and_ties_to_no_order(why: str) -> None:
    refused = order(OrderState.FAILED, id="", code="", refused=why)
    played = play(["1", "1001", "50", "1"], world(RequestPayment=refused))
    assert played.screen.text == f"pay.refused.{why}"
    assert played.screen.order_id is None


# ---- what became of the request ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (order(OrderState.NEW), "pay.sent"),
        (order(OrderState.PENDING), "pay.sent"),
        (order(OrderState.PENDING, unsure=True), "pay.checking"),
        (order(OrderState.UNRESOLVED), "pay.checking"),
        (order(OrderState.SUCCESSFUL), "result.successful"),
        (order(OrderState.FAILED, reason=Reason.NOT_ENOUGH_FUNDS), "result.failed"),
        (order(OrderState.REVERSED), "result.reversed"),
    ],
)
@pytest.mark.parametrize("facts", [USSD, WEB])
def test_the_last_screen_says_where_the_payment_stands(view: v.OrderView, text: str, facts: Any) -> None:
    payer = [] if facts is USSD else ["0240000001"]
    played = play(["1", "1001", "50", *payer, "1"], world(RequestPayment=view), facts=facts)
    assert played.screen.text == (f"{text}_chat" if facts is WEB and text == "pay.sent" else text)
    assert played.screen.order_id == "o1"
    assert played.screen.values["code"] == "K7QX2A9M"
    assert played.screen.final is text.startswith("result.")


def test_a_failure_is_told_with_its_reason() -> None:
    played = play(
        ["1", "1001", "50", "1"],
        world(RequestPayment=order(OrderState.FAILED, reason=Reason.REJECTED)),
    )
    assert played.screen.values["reason"] == Text("failed.not_taken", {"why": Text("reason.rejected")})


# ---- the code ------------------------------------------------------------------------------------

NEEDS_OTP = order(OrderState.NEEDS_OTP)


def test_a_wanted_code_is_asked_for_and_submitted_in_one_step() -> None:
    scripted = world(RequestPayment=NEEDS_OTP, SubmitOtp=order(OrderState.PENDING))
    played = play(["1", "1001", "50", "1", "824193"], scripted)
    assert played.keys[-1] == "pay/otp"
    assert played.asked[-1].wants == "secret"
    assert played.asked[-1].text.id == "pay.otp"
    assert played.asked[-1].text.values["payer"] == Number(MSISDN, masked=False)
    assert played.effects[-1] == e.SubmitOtp("o1")
    assert played.secrets == ["824193"]
    assert played.screen.text == "pay.code_taken"
    assert b"824193" not in msgspec.json.encode(played.journal)
    assert "824193" not in repr(played.effects)


def test_a_chat_whose_code_was_taken_is_told_that_the_result_comes_here() -> None:
    scripted = world(RequestPayment=NEEDS_OTP, SubmitOtp=order(OrderState.PENDING))
    played = play(["1", "1001", "50", "0240000001", "1", "824193"], scripted, facts=WEB)
    assert played.screen.text == "pay.code_taken_chat"


def test_a_wrong_code_is_asked_for_again_with_the_tries_left() -> None:
    scripted = world(
        RequestPayment=NEEDS_OTP,
        SubmitOtp=[
            order(OrderState.NEEDS_OTP, tries_left=2, reason=Reason.WRONG_OTP),
            order(OrderState.NEEDS_OTP, tries_left=1, reason=Reason.WRONG_OTP),
            order(OrderState.FAILED, reason=Reason.WRONG_OTP),
        ],
    )
    played = play(["1", "1001", "50", "1", "1111", "2222", "3333"], scripted)
    assert played.texts[-3:] == ["pay.otp", "pay.otp_again", "pay.otp_again"]
    assert [q.text.values["tries"] for q in played.asked[-3:]] == [3, 2, 1]
    assert played.screen.text == "result.failed"
    assert played.screen.values["reason"] == Text("failed.not_taken", {"why": Text("reason.wrong_otp")})


def test_a_code_that_never_left_is_asked_for_again_without_a_reproach() -> None:
    scripted = world(RequestPayment=NEEDS_OTP, SubmitOtp=[NEEDS_OTP, order(OrderState.PENDING)])
    played = play(["1", "1001", "50", "1", "1111", "1111"], scripted)
    assert played.texts[-2:] == ["pay.otp", "pay.otp"]
    assert played.screen.text == "pay.code_taken"


def test_a_wrong_code_is_still_known_at_the_next_dial() -> None:
    wrong = order(OrderState.NEEDS_OTP, tries_left=2, reason=Reason.WRONG_OTP)
    played = play([], {e.OrderNow: wrong}, flow="otp", facts=WAITING)
    assert played.question.text.id == "pay.otp_again"
    assert played.question.text.values["tries"] == 2


def test_a_code_whose_fate_is_unknown_is_being_checked() -> None:
    scripted = world(RequestPayment=NEEDS_OTP, SubmitOtp=order(OrderState.PENDING, unsure=True))
    assert play(["1", "1001", "50", "1", "824193"], scripted).screen.text == "pay.checking"


def test_the_code_is_not_asked_for_behind_the_act_of_another_request() -> None:
    played = play(["1", "1001", "50", "1"], world(RequestPayment=NEEDS_OTP))
    assert played.question.key == "pay/otp"
    assert sum(isinstance(effect, e.RequestPayment) for effect in played.effects) == 1


# ---- finishing a payment that waits for its code -------------------------------------------------


def test_a_waiting_payment_asks_for_its_code_first() -> None:
    scripted = {e.OrderNow: NEEDS_OTP, e.SubmitOtp: order(OrderState.PENDING)}
    played = play(["824193"], scripted, flow="otp", facts=WAITING)
    assert played.keys == ["pay/otp"]
    assert played.effects == [e.OrderNow("o1"), e.SubmitOtp("o1")]
    assert played.screen.text == "pay.code_taken"


def test_somebody_elses_order_is_no_order() -> None:
    played = play([], {e.OrderNow: None}, flow="otp", facts=WAITING)
    assert played.screen.text == "payments.none"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (OrderState.PENDING, "pay.sent"),
        (OrderState.SUCCESSFUL, "result.successful"),
        (OrderState.UNRESOLVED, "pay.checking"),
    ],
)
def test_a_payment_that_went_on_meanwhile_asks_for_nothing(state: OrderState, text: str) -> None:
    played = play([], {e.OrderNow: order(state)}, flow="otp", facts=WAITING)
    assert played.asked == []
    assert played.screen.text == text


# ---- other ---------------------------------------------------------------------------------------


def test_pay_stands_by_itself() -> None:
    played = play(["1001", "50", "1"], flow=pay)
    assert played.keys == ["merchant", "amount", "confirm"]


def test_a_merchant_known_already_is_filled_in() -> None:
    dialled = {"menu": "pay", "pay/merchant": "1001"}
    assert play([], prefill=dialled).question.key == "pay/amount"
    assert play([], world(RecentMerchants=(TAXI,)), prefill=dialled).question.key == "pay/amount"


@pytest.mark.parametrize("confirm", ["yes", ["yes"], ["no"], [], None])
def test_no_confirmation_is_ever_filled_in(confirm: Any) -> None:
    everything = {
        "menu": "pay",
        "pay/merchant": "1001",
        "pay/amount": {"type": "money", "amount_minor": 5000, "currency": "GHS"},
        "pay/payer": MSISDN,
        "pay/confirm": confirm,
    }
    played = play([], prefill=everything)
    assert played.question.key == "pay/confirm"
    assert not any(isinstance(effect, e.RequestPayment) for effect in played.effects)


@pytest.mark.parametrize(
    ("changed", "asides"),
    [(["4", "3"], ["network"]), (["3", OTHER, "2"], ["wallet"]), (["3", OTHER, "2", "2"], ["wallet"])],
)
def test_what_was_changed_on_the_confirmation_is_filled_in_and_the_last_word_is_not(
    changed: list[str], asides: list[str]
) -> None:
    left = play(["1", "1002", "50", *changed], facts=FROM_MTN)
    again = play([], facts=FROM_MTN, prefill=prefill_of(left.journal))
    assert again.keys == ["pay/confirm"]
    shown = [question.text for question in left.asked if question.key == "pay/confirm"][-1]
    assert again.question.text == shown
    assert [entry.value for entry in again.journal if entry.key == "pay/confirm"] == asides
    assert not any(isinstance(effect, e.RequestPayment) for effect in again.effects)


@pytest.mark.parametrize("state", OrderState)
def test_every_state_has_its_words(state: OrderState) -> None:
    assert state_text(state) == Text(f"state.{state.value.lower()}")


def test_a_world_that_lies_is_an_error_of_ours() -> None:
    with pytest.raises(FlowError):
        play(["1", "1001"], world(FindMerchant="a name"))


# ---- under an auto-debit of one's own

DEBITING = msgspec.structs.replace(KITCHEN, debits=True)
BEYOND = v.Debit("Kofi Taxi", stops=("a1", "a2"))


def debited(answers: list[str], *found: v.Debit, facts: Facts = USSD, **given: Any) -> Played:
    world = {**QUIET, e.FindMerchant: DEBITING, e.FindDebit: list(found)}
    world |= {getattr(e, name): value for name, value in given.items()}
    return play(["1", "1001", "50", *answers], world, facts=facts)


def test_the_confirm_says_that_no_pin_follows() -> None:
    played = debited(["1"], v.Debit("Ama's Kitchen", agreed=True))
    assert played.texts[-1] == "pay.confirm_unasked"
    assert played.effects[-1].unasked
    twin = debited([], v.Debit("Ama's Kitchen", agreed=True), FindDuplicate="ABCD2345")
    assert twin.question.text.id == "pay.confirm_twin_unasked"


def test_beyond_what_was_agreed_it_is_stopped_with_one_key() -> None:
    ended = order(kind=OrderKind.PREAPPROVAL_CANCEL)
    played = debited(["1"], BEYOND, StopAutoDebit=ended)
    assert played.options() == ["stop", "wallet"]
    assert played.effects[-2:] == [e.StopAutoDebit("a1"), e.StopAutoDebit("a2")]
    assert played.screen.text == "debit.stopped"
    not_yet = order(OrderState.FAILED, id="", kind=OrderKind.PREAPPROVAL_CANCEL, refused="not_yet")
    assert debited(["1"], BEYOND, StopAutoDebit=[ended, not_yet]).screen.text == "refused.not_yet"


def test_another_wallet_is_one_key_away() -> None:
    played = debited(["2", OTHER, "1"], BEYOND)
    assert played.texts[-2:] == ["pay.payer", "pay.confirm"]
    wanted = played.effects[-1]
    assert (wanted.payer, wanted.unasked) == (OTHER, False)


def test_while_it_ends_there_is_only_another_wallet() -> None:
    played = debited([], v.Debit("Ama's Kitchen"))
    assert (played.question.text.id, played.options()) == ("debit.stopping", ["wallet"])


@pytest.mark.parametrize(("card", "payer"), [(DEBITING, OTHER), (KITCHEN, MSISDN)])
def test_of_somebody_elses_number_nothing_is_asked(card: v.MerchantCard, payer: str) -> None:
    other = ["3", payer] if payer != MSISDN else []
    world = {**QUIET, e.FindMerchant: card, e.FindDebit: v.Debit()}
    played = play(["1", "1001", "50", *other], world)
    asked = [effect.payer for effect in played.effects if isinstance(effect, e.FindDebit)]
    assert asked == ([MSISDN] if card.debits else [])
    assert played.question.text.id == "pay.confirm"
