"""The main menu, the conversations that only look, and the ones that change who is who."""

from typing import Any

import msgspec
import pytest

from bot.dialog import Moment, Number, Screen, Shared, Text, interpret
from bot.dialog import views as v
from bot.dialog.inputs import Accepted, NavWords
from bot.dialog.steps import Ask
from bot.money import Money, OrderKind, OrderState, Reason
from flows import FLOWS
from flows import business_effects as b
from flows import effects as e
from flows.settings import link
from tests.flows.driving import GHS_50, MSISDN, OTHER, TELEGRAM, USSD, WEB, order, play

STAFF = msgspec.structs.replace(USSD, staff=True)
EVERYTHING = msgspec.structs.replace(USSD, offers=("preapproval", "invoice", "bill"))
ROLE = v.Role(staff_id="s1", merchant="Ama's Kitchen", role="owner", pin=True, offers=("look_up", "balance"))
INVOICE = v.AgreementView("a1", "invoice", "ABCD2345", "active", "Kofi Taxi", MSISDN, GHS_50)
WATER = v.BillCard("Ghana Water", "m1", "GHS", "GH")


def test_three_conversations_can_be_started() -> None:
    assert set(FLOWS) == {"main", "otp", "approve"}


def test_the_menu_offers_what_one_can_do() -> None:
    played = play()
    assert played.options() == ["pay", "check", "payments", "link", "language", "staff"]
    assert [c.label.id for c in played.question.choices] == [f"menu.{v}" for v in played.options()]


def test_staff_see_their_business_and_no_way_to_become_staff() -> None:
    assert play(facts=STAFF).options() == ["pay", "check", "payments", "business", "link", "language"]


@pytest.mark.parametrize(
    ("answer", "facts", "world", "first"),
    [
        ("1", USSD, {e.RecentMerchants: ()}, "pay/merchant"),
        ("2", USSD, {}, "check/number"),
        ("3", USSD, {e.MyPayments: (order(),)}, "payments/which"),
        ("4", STAFF, {e.MyRoles: (ROLE,)}, "business/menu"),
        ("4", EVERYTHING, {b.MyAgreements: (INVOICE,)}, "invoices/which"),
        ("5", EVERYTHING, {b.MyAgreements: ()}, "auto_debit/merchant"),
        ("6", EVERYTHING, {e.Bills: (WATER,)}, "bill/which"),
        ("4", WEB, {}, "link/number"),
        ("5", USSD, {}, "language/which"),
        ("6", USSD, {}, "staff/code"),
    ],
)
def test_every_choice_leads_to_its_conversation(answer: str, facts: Any, world: Any, first: str) -> None:
    assert play([answer], world, facts=facts).question.key == first


def test_what_no_account_here_can_do_is_not_offered() -> None:
    facts = msgspec.structs.replace(STAFF, offers=("bill",))
    assert play(facts=facts).options() == ["pay", "check", "payments", "bill", "business", "link", "language"]
    offered = play(facts=EVERYTHING).options()
    assert offered == [
        "pay",
        "check",
        "payments",
        "invoices",
        "auto_debit",
        "bill",
        "link",
        "language",
        "staff",
    ]


# ---- checking a number ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holder", "text"),
    [
        (v.Holder(checked=True, name="Ama M."), "check.named"),
        (v.Holder(checked=True), "check.active"),
        (v.Holder(checked=True, active=False), "check.inactive"),
        (v.Holder(checked=True, known=False), "check.unknown"),
        (v.Holder(checked=False), "check.not_now"),
        (v.Holder(checked=False, limited=True), "check.too_often"),
    ],
)
def test_a_number_is_checked(holder: v.Holder, text: str) -> None:
    played = play(["2", "0240000002"], {e.CheckNumber: holder})
    assert played.effects == [e.CheckNumber(OTHER)]
    assert played.screen.text == text
    assert played.screen.values["number"] == Number(OTHER, masked=False)
    assert ("name" in played.screen.values) is (text == "check.named")


def test_an_email_address_is_checked_as_it_stands() -> None:
    played = play(["2", "Ama@Shop.example"], {e.CheckNumber: v.Holder(checked=True)})
    assert played.effects == [e.CheckNumber("ama@shop.example")]
    assert played.screen.values["number"] == "ama@shop.example"


# ---- own payments --------------------------------------------------------------------------------


def test_who_paid_nothing_is_told_so() -> None:
    assert play(["3"], {e.MyPayments: ()}).screen.text == "payments.none"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (OrderState.NEW, "payments.open"),
        (OrderState.PENDING, "payments.open"),
        (OrderState.UNRESOLVED, "payments.open"),
        (OrderState.FAILED, "payments.failed"),
        (OrderState.REVERSED, "payments.reversed"),
    ],
)
def test_a_payment_is_shown_as_it_stands_when_asked(state: OrderState, text: str) -> None:
    listed = (order(OrderState.PENDING), order(OrderState.FAILED, id="o2", code="ABCD2345"))
    now = order(state, id="o2", reason=Reason.EXPIRED if state is OrderState.FAILED else None)
    played = play(["3", "2"], {e.MyPayments: listed, e.AskStatus: now})
    assert played.options(1) == ["o1", "o2"]
    assert played.asked[1].choices[1].label == Text(
        "payments.line", {"amount": GHS_50, "merchant": "Ama's Kitchen", "state": Text("state.failed")}
    )
    assert played.effects == [e.MyPayments(), e.AskStatus("o2")]
    assert played.screen.text == text
    assert played.screen.values["payer"] == Number(MSISDN, masked=True)
    if state is OrderState.FAILED:
        assert played.screen.values["reason"] == Text("failed.not_taken", {"why": Text("reason.expired")})


SENT = order(OrderState.PENDING, until_ms=1_795_000_000_000)
UNSENT = order(OrderState.NEW, can_withdraw=True)
CANCELLED = order(OrderState.FAILED, reason=Reason.CANCELLED)


def test_a_payment_that_waits_says_what_to_do_and_until_when() -> None:
    screen = play(["3", "1"], {e.MyPayments: (SENT,), e.AskStatus: SENT}).screen
    assert (screen.text, screen.shorter) == ("payments.waiting", "")
    assert screen.values["until"] == Moment(1_795_000_000_000, hour=True)
    hinted = msgspec.structs.replace(SENT, hint="*170#, My Approvals")
    screen = play(["3", "1"], {e.MyPayments: (SENT,), e.AskStatus: hinted}).screen
    assert (screen.text, screen.shorter) == ("payments.waiting_hint", "payments.waiting")


@pytest.mark.parametrize(
    ("after", "text"),
    [(CANCELLED, "withdrawn"), (SENT, "waiting"), (order(OrderState.PENDING), "too_late"),
     (order(OrderState.FAILED, reason=Reason.REJECTED), "failed")],
)  # fmt: skip
def test_what_has_not_left_may_be_withdrawn(after: v.OrderView, text: str) -> None:
    world = {e.MyPayments: (UNSENT,), e.AskStatus: UNSENT, e.WithdrawPayment: after}
    played = play(["3", "1", "1"], world)
    assert played.keys == ["menu", "payments/which", "payments/unsent"]
    assert played.effects[-1] == e.WithdrawPayment("o1")
    assert played.screen.text == f"payments.{text}"
    assert play(["3", "1", "2"], world).screen.text == "payments.waits"


RECEIPT = v.ReceiptView("K7QX2A9M", GHS_50, "Ama's Kitchen", MSISDN, 1_795_000_000_000)


def test_the_receipt_of_what_is_paid_is_shown_and_sent_to_a_phone() -> None:
    paid = order(OrderState.SUCCESSFUL)
    world = {e.MyPayments: (paid,), e.AskStatus: paid, e.ReceiptOf: RECEIPT, e.SendReceipt: v.Done()}
    played = play(["3", "1", "1", "1"], world)
    assert played.texts[2:] == ["payments.successful", "receipt.shown"]
    assert played.effects[2:] == [e.ReceiptOf("o1"), e.SendReceipt("o1")]
    assert played.screen == Screen(
        "receipt.sent", {"number": Number(MSISDN, masked=False), "code": "K7QX2A9M"}
    )
    in_chat = play(["3", "1", "1"], world, facts=TELEGRAM)
    assert in_chat.screen.text == "receipt.shown"
    assert play(["3", "1", "1"], {**world, e.ReceiptOf: None}).screen.text == "payments.none"


def test_the_receipt_of_a_paid_bill_names_the_bill() -> None:
    paid = order(OrderState.SUCCESSFUL, kind=OrderKind.BILL, bill="Ghana Water", collected=True)
    receipt = msgspec.structs.replace(RECEIPT, bill="Ghana Water")
    world = {e.MyPayments: (paid,), e.AskStatus: paid, e.ReceiptOf: receipt}
    played = play(["3", "1", "1"], world)
    assert played.texts[2:] == ["result.bill.successful", "receipt.shown"]
    said = [text.id for text in lines_in(played.question.text.values["lines"])]
    assert said == ["receipt.when", "receipt.bill", "receipt.payer", "receipt.code"]


def lines_in(value: Any) -> list[Text]:
    """The lines of a text made by `lines_of`."""
    assert isinstance(value, Text)
    if value.id != "lines.two":
        return [value]
    return [*lines_in(value.values["first"]), *lines_in(value.values["second"])]


def test_what_is_no_payment_is_listed_by_its_kind_and_told_in_its_own_words() -> None:
    refund = order(OrderState.SUCCESSFUL, kind=OrderKind.REFUND, payee=OTHER)
    played = play(["3", "1"], {e.MyPayments: (refund,), e.AskStatus: refund})
    assert played.asked[1].choices[0].label == Text(
        "payments.other_line", {"amount": GHS_50, "kind": Text("kind.refund"), "state": Text("state.done")}
    )
    assert played.screen.text == "result.refund.successful"
    assert played.screen.values["payee"] == Number(OTHER)


def test_a_payment_that_is_nobodys_is_not_shown() -> None:
    played = play(["3", "1"], {e.MyPayments: (order(),), e.AskStatus: None})
    assert played.screen.text == "payments.none"


def test_a_payment_that_waits_for_its_code_is_asked_for_it() -> None:
    waiting = order(OrderState.NEEDS_OTP)
    world = {e.MyPayments: (waiting,), e.AskStatus: waiting, e.SubmitOtp: order(OrderState.PENDING)}
    played = play(["3", "1", "824193"], world)
    assert played.keys == ["menu", "payments/which", "payments/otp"]
    assert played.texts[-1] == "pay.otp"
    assert played.screen.text == "pay.code_taken"


# ---- a merchant's balance, for who was in the midst of it when staff got their own menu ------------

SHOWN = v.Balances((Money(125_000, "GHS"), Money(5000, "UGX")))
BEGUN = {"menu": "balance"}


def test_the_balance_is_not_offered_any_more_and_goes_on_where_it_was_begun() -> None:
    played = play(["4711"], {e.MyRoles: (ROLE,), e.BalanceWithPin: SHOWN}, facts=STAFF, prefill=BEGUN)
    assert [(entry.kind, entry.key) for entry in played.journal] == [
        ("choose", "menu"),
        ("look", "balance/roles"),
        ("secret", "balance/pin"),
    ]
    assert played.screen.text == "balance.shown"


def test_who_is_no_staff_cannot_go_on_with_it() -> None:
    assert play(prefill=BEGUN).question.key == "menu"


def test_who_lost_the_role_meanwhile_sees_nothing() -> None:
    assert play([], {e.MyRoles: ()}, facts=STAFF, prefill=BEGUN).screen.text == "balance.not_staff"


def test_a_locked_role_is_not_asked_for_its_pin() -> None:
    locked = msgspec.structs.replace(ROLE, locked=True)
    played = play([], {e.MyRoles: (locked,)}, facts=STAFF, prefill=BEGUN)
    assert played.keys == []
    assert played.screen.text == "balance.locked"


def test_who_has_several_roles_says_which() -> None:
    other = msgspec.structs.replace(ROLE, staff_id="s2", merchant="Kofi Taxi")
    world = {e.MyRoles: (ROLE, other), e.BalanceWithPin: SHOWN}
    played = play(["2", "4711"], world, facts=STAFF, prefill=BEGUN)
    assert played.keys == ["balance/which", "balance/pin"]
    assert played.options(0) == ["s1", "s2"]
    assert played.effects[-1] == e.BalanceWithPin("s2")
    assert played.screen.values["merchant"] == "Kofi Taxi"


# ---- language ------------------------------------------------------------------------------------


def test_the_language_is_changed() -> None:
    played = play(["5", "2"], {e.SetLanguage: v.Done()})
    assert [c.label.id for c in played.asked[-1].choices] == ["language.en", "language.fr"]
    assert played.effects == [e.SetLanguage("fr")]
    assert played.screen.text == "language.done"


# ---- linking -------------------------------------------------------------------------------------


def test_over_ussd_one_gets_a_code_for_the_chat() -> None:
    played = play(["4"], {e.MakeLinkCode: v.NewLinkCode("12345678", 5)})
    assert played.screen.text == "link.code"
    assert dict(played.screen.values) == {"code": "12345678", "minutes": 5}


def test_in_the_web_chat_the_number_is_typed_and_then_its_code() -> None:
    played = play(["4", "0240000001", "1234 5678"], {e.LinkWithCode: v.Linked(MSISDN)}, facts=WEB)
    assert played.texts[1:] == ["link.type_number", "link.type_code"]
    assert [question.wants for question in played.asked[1:]] == ["number", "secret"]
    assert played.effects == [e.LinkWithCode(MSISDN)]
    assert played.secrets == ["12345678"]
    assert b"12345678" not in msgspec.json.encode(played.journal)
    assert played.screen.text == "link.done"


def test_in_telegram_the_number_is_shared_or_typed() -> None:
    played = play(["4", "0240000001", "12345678"], {e.LinkWithCode: v.Linked(MSISDN)}, facts=TELEGRAM)
    assert played.texts[1:] == ["link.share", "link.type_code"]
    question = played.asked[1]
    assert question.wants == "contact"
    shared = interpret(question, Shared(MSISDN), NavWords(), keypad=False, can_go_back=True)
    assert shared == Accepted(f"shared:{MSISDN}")
    card = {"menu": "link", "link/number": f"shared:{MSISDN}"}
    linked = play([], {e.LinkNumber: v.Linked(MSISDN)}, facts=TELEGRAM, prefill=card)
    assert linked.effects == [e.LinkNumber(f"shared:{MSISDN}")]
    assert linked.screen.text == "link.done"


def test_a_wrong_code_is_asked_for_again_five_times_in_all() -> None:
    wrong = v.Linked(refused="code")
    tries = ["4", "0240000001", *["12345678"] * 5]
    played = play(tries, {e.LinkWithCode: wrong}, facts=WEB)
    assert played.texts[2:] == ["link.type_code", *["link.wrong_code"] * 4]
    assert played.screen.text == "link.refused.code"
    assert played.screen.values["short_code"] == "*920*10#"
    later = play(tries[:4], {e.LinkWithCode: [wrong, v.Linked(MSISDN)]}, facts=WEB)
    assert later.screen.text == "link.done"


def test_whoever_tries_too_often_is_told_so() -> None:
    played = play(["4", "0240000001", "12345678"], {e.LinkWithCode: v.Linked(refused="tries")}, facts=WEB)
    assert played.screen.text == "link.refused.tries"


def number_in(facts: Any) -> Ask[str]:
    question = play([], flow=link, facts=facts).question
    assert isinstance(question, Ask)
    return question


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("12345678", "link.number_first"),
        ("1234 5678", "link.number_first"),
        ("1234", "number.not_valid"),
        (f"shared:{MSISDN}", "number.not_valid"),
    ],
)
@pytest.mark.parametrize("facts", [WEB, TELEGRAM])
def test_a_code_is_no_number(facts: Any, typed: str, problem: str) -> None:
    assert number_in(facts).parse(typed).text == Text(problem)


def test_a_shared_number_comes_back_only_where_it_could_have_been_given() -> None:
    shared = f"shared:{MSISDN}"
    assert number_in(TELEGRAM).load(shared) == shared
    for facts in (WEB, TELEGRAM):
        assert number_in(facts).load(MSISDN) == MSISDN
    for facts, data in [(WEB, shared), (TELEGRAM, "shared:"), (TELEGRAM, "code:12345678"), (WEB, None)]:
        with pytest.raises(ValueError, match="not a number"):
            number_in(facts).load(data)


# ---- becoming staff ------------------------------------------------------------------------------


CHOSEN = v.ChosenPin("a slow hash")
CLAIMED = v.Claimed("s1", "Ama's Kitchen")


def test_a_role_is_taken_up_with_its_code_and_a_pin_of_ones_own() -> None:
    world = {e.ClaimRole: CLAIMED, b.ChoosePin: CHOSEN, b.EnrolStaff: v.PinSet()}
    played = play(["6", "12345678", "4711", "4711"], world)
    assert played.keys == ["menu", "staff/code", "staff/new_pin", "staff/new_pin_again"]
    assert played.effects == [e.ClaimRole(), b.ChoosePin("s1"), b.EnrolStaff("s1", "a slow hash")]
    assert played.secrets == ["12345678", "4711", "4711"]
    journal = msgspec.json.encode(played.journal)
    assert b"12345678" not in journal
    assert b"4711" not in journal
    assert played.screen.text == "staff.done"
    assert played.screen.values == {"merchant": "Ama's Kitchen"}


@pytest.mark.parametrize("why", ["code", "tries"])
def test_a_role_that_is_not_given_says_why(why: str) -> None:
    played = play(["6", "12345678"], {e.ClaimRole: v.Claimed(refused=why)})
    assert played.keys == ["menu", "staff/code"]
    assert played.screen.text == f"staff.refused.{why}"


def test_a_role_somebody_else_took_meanwhile_is_not_taken_twice() -> None:
    world = {e.ClaimRole: CLAIMED, b.ChoosePin: CHOSEN, b.EnrolStaff: v.PinSet(refused="gone")}
    assert play(["6", "12345678", "4711", "4711"], world).screen.text == "staff.refused.code"


def test_a_pin_is_chosen_anew_where_it_is_easy_or_typed_differently() -> None:
    chosen = [v.ChosenPin(refused="easy"), CHOSEN, CHOSEN]
    world = {
        e.ClaimRole: CLAIMED,
        b.ChoosePin: chosen,
        b.EnrolStaff: [v.PinSet(refused="differs"), v.PinSet()],
    }
    played = play(["6", "12345678", "1111", "4711", "4712", "4711", "4711"], world)
    assert played.texts[2:] == ["staff.pin", "pin.too_easy", "pin.again", "pin.differs", "pin.again"]
    assert played.screen.text == "staff.done"


def test_three_pins_that_do_not_do_end_it() -> None:
    world = {e.ClaimRole: CLAIMED, b.ChoosePin: v.ChosenPin(refused="easy")}
    assert play(["6", "12345678", "1111", "2222", "3333"], world).screen.text == "staff.refused.pin"
