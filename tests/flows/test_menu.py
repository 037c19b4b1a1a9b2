"""The main menu, the conversations that only look, and the ones that change who is who."""

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
    order,
    play,
)
from bot.dialog import (
    Entry,
    Moment,
    Number,
    Offer,
    Problem,
    Screen,
    Shared,
    Text,
    Typed,
    interpret,
    prefill_of,
)
from bot.dialog import views as v
from bot.dialog.inputs import Accepted, NavWords
from bot.dialog.steps import Ask
from bot.money import LEAST_MERCHANT_CODE, Money, OrderKind, OrderState, Reason
from flows import FLOWS
from flows import business_effects as b
from flows import effects as e
from flows.first_screen import FirstAnswer, FirstScreen, part_begun, was_typed
from flows.settings import link

STAFF = msgspec.structs.replace(USSD, staff=True)
EVERYTHING = msgspec.structs.replace(USSD, offers=("preapproval", "invoice", "bill"))
ROLE = v.Role(staff_id="s1", merchant="Ama's Kitchen", role="owner", pin=True, offers=("look_up", "balance"))
INVOICE = v.AgreementView("a1", "invoice", "ABCD2345", "active", "Kofi Taxi", MSISDN, GHS_50)
WATER = v.BillCard("Ghana Water", "m1", "GHS", "GH")


def test_three_conversations_can_be_started() -> None:
    assert set(FLOWS) == {"main", "otp", "approve"}


def numbers(played: Played) -> dict[int, str]:
    """The lines of the last question: what each number of the keypad chooses."""
    return {choice.number: choice.value for choice in played.question.choices}


def test_the_first_screen_offers_what_one_can_do() -> None:
    played = play()
    assert numbers(played) == {1: "pay", 2: "payments", 4: "more"}
    assert [c.label.id for c in played.question.choices] == [f"menu.{v}" for v in played.options()]
    assert played.question.text == Text("main.menu")


def test_staff_see_their_business_and_no_way_to_become_staff() -> None:
    assert numbers(play(facts=STAFF)) == {1: "pay", 2: "payments", 4: "more", 5: "business"}
    assert "staff" not in play(["4"], facts=STAFF).options()
    assert "staff" in play(["4"]).options()


@pytest.mark.parametrize(
    ("answers", "facts", "world", "first"),
    [
        (["1"], USSD, {}, "pay/merchant"),
        (["2"], USSD, {e.MyPayments: (order(),) * 2}, "payments/which"),
        (["3"], EVERYTHING, {b.MyAgreements: (INVOICE,) * 2}, "invoices/which"),
        (["4"], USSD, {}, "more"),
        (["5"], STAFF, {e.MyRoles: (ROLE,)}, "business/menu"),
        (["4", "1"], USSD, {e.RecentMerchants: (KITCHEN,)}, "pay/merchant"),
        (["4", "2"], USSD, {}, "check/number"),
        (["4", "3"], EVERYTHING, {b.MyAgreements: ()}, "auto_debit/merchant"),
        (["4", "4"], EVERYTHING, {e.Bills: (WATER,)}, "bill/reference"),
        (["4", "5"], WEB, {}, "link/number"),
        (["4", "6"], USSD, {}, "language/which"),
        (["4", "8"], USSD, {}, "staff/code"),
    ],
)
def test_every_choice_leads_to_its_conversation(
    answers: list[str], facts: Any, world: Any, first: str
) -> None:
    assert play(answers, world, facts=facts).question.key == first


@pytest.mark.parametrize(
    ("facts", "contact", "text"),
    [(USSD, "", "help.phone"), (WEB, "", "help.chat"), (USSD, "0302 123 456", "help.phone")],
)
def test_help_says_what_can_be_done_and_whom_to_ask(facts: Any, contact: str, text: str) -> None:
    screen = play(["4", "7"], facts=msgspec.structs.replace(facts, help_contact=contact)).screen
    whom = Text("help.contact", {"contact": contact}) if contact else Text("help.merchant")
    assert (screen.text, dict(screen.values)) == (text, {"whom": whom})


def test_what_no_account_here_can_do_is_not_offered_and_moves_no_number() -> None:
    everything = {
        1: "another",
        2: "check",
        3: "auto_debit",
        4: "bill",
        5: "link",
        6: "language",
        7: "help",
        8: "staff",
    }
    paid = {e.RecentMerchants: (KITCHEN,)}
    assert numbers(play(["4"], paid, facts=EVERYTHING)) == everything
    bills = msgspec.structs.replace(USSD, offers=("bill",))
    left_out = {1: "another", 3: "auto_debit"}
    assert numbers(play(["4"], facts=bills)) == {
        number: part for number, part in everything.items() if number not in left_out
    }
    assert numbers(play(facts=EVERYTHING)) == {1: "pay", 2: "payments", 3: "invoices", 4: "more"}


@pytest.mark.parametrize(
    ("answers", "left_out"), [([], "3"), ([], "5"), (["4"], "1"), (["4"], "3"), (["4"], "4")]
)
def test_the_number_of_a_line_left_out_chooses_nothing(answers: list[str], left_out: str) -> None:
    """It is not the next line's: who has learnt a number finds nothing else there."""
    question = play(answers).question
    said = interpret(question, Typed(left_out), NavWords(), keypad=True, can_go_back=True)
    assert isinstance(said, Problem)


# ---- the first screen: a merchant paid before, requests, a code typed at once --------------------


def test_the_merchant_paid_last_is_the_first_line() -> None:
    world = {e.RecentMerchants: (KITCHEN, TAXI)}
    played = play(["1"], world)
    assert numbers(play([], world))[1] == "last"
    assert played.asked[0].choices[0].label == Text("menu.pay_last", {"name": "Ama's Kitchen"})
    # Nothing of it is looked up a second time.
    assert (played.keys, played.effects) == (["menu", "pay/amount"], [])
    assert played.question.text.values["merchant"] == "Ama's Kitchen"


def test_a_dial_string_never_chooses_the_merchant_paid_last() -> None:
    """The same string is on a poster or in a contact list: it does the same for everybody."""
    question = play([], {e.RecentMerchants: (KITCHEN,)}).question
    assert isinstance(question, Ask)
    assert [offer.dialled for offer in question.offers] == [FirstAnswer("pay"), None, None]
    assert all(offer.dialled is None for offer in offers_of(play()))
    assert play([], {e.RecentMerchants: (KITCHEN,)}, prefill={"menu": "pay"}).question.key == "pay/merchant"


def offers_of(played: Played) -> tuple[Offer, ...]:
    assert isinstance(played.question, Ask)
    return played.question.offers


def test_the_merchant_paid_last_is_asked_for_anew_where_there_is_none_any_more() -> None:
    gone = play([], {e.RecentMerchants: (TAXI,)}, prefill={"menu": "last:1001"})
    assert (gone.question.key, gone.question.text.id) == ("pay/merchant", "pay.merchant_or")
    assert play([], prefill={"menu": "last:1001"}).question.key == "pay/merchant"


def test_who_is_resumed_pays_the_merchant_that_was_offered_and_not_the_one_paid_since() -> None:
    left = play(["1", "50"], {**QUIET, e.RecentMerchants: (KITCHEN, TAXI)})
    assert left.question.key == "pay/confirm"
    again = play([], {**QUIET, e.RecentMerchants: (TAXI, KITCHEN)}, prefill=prefill_of(left.journal))
    assert again.question.key == "pay/confirm"
    assert again.question.text.values["merchant"] == "Ama's Kitchen"


def test_a_part_there_is_not_any_more_asks_whom_to_pay() -> None:
    played = play([], prefill={"menu": "a part of old"})
    assert (played.question.key, played.question.text.id) == ("pay/merchant", "pay.merchant")


@pytest.mark.parametrize(
    ("waiting", "notice"),
    [
        ((), None),
        ((INVOICE,), Text("main.request", {"merchant": "Kofi Taxi", "amount": GHS_50, "more": 0})),
        ((INVOICE,) * 3, Text("main.requests", {"merchant": "Kofi Taxi", "amount": GHS_50, "more": 2})),
    ],
)
def test_who_asks_for_money_stands_above_the_first_screen(
    waiting: tuple[v.AgreementView, ...], notice: Text | None
) -> None:
    assert play([], {b.MyAgreements: waiting}, facts=EVERYTHING).question.notice == notice


@pytest.mark.parametrize("facts", [USSD, msgspec.structs.replace(EVERYTHING, msisdn="")])
def test_nobody_is_asked_for_requests_without_a_number_or_where_there_are_none(facts: Any) -> None:
    played = play([], {b.MyAgreements: (INVOICE,) * 2}, facts=facts)
    assert played.question.notice is None
    assert [entry.key for entry in played.journal] == ["recent"]


def test_a_merchants_code_typed_at_once_leads_to_the_amount() -> None:
    played = play(["1001"], {e.FindMerchant: KITCHEN})
    assert played.keys == ["menu", "pay/amount"]
    assert played.question.text.values["merchant"] == "Ama's Kitchen"
    assert [entry.value for entry in played.journal if entry.key == "menu"] == [{"typed": "1001"}]


@pytest.mark.parametrize(
    ("state", "text"), [(OrderState.SUCCESSFUL, "payments.successful"), (OrderState.NEEDS_OTP, "")]
)
def test_a_reference_of_ones_own_shows_that_payment(state: OrderState, text: str) -> None:
    found = v.Recognised(order=order(state))
    played = play(["k7qx-2a9m"], {e.Recognise: found, e.SubmitOtp: order(OrderState.PENDING)})
    assert played.effects == [e.Recognise("K7QX2A9M")]
    if text:
        assert (played.texts[-1], played.question.text.values["code"]) == (text, "K7QX2A9M")
    else:
        assert played.question.key == "payments/otp"


def test_a_reference_of_the_merchants_is_shown_to_staff() -> None:
    """The amount and the masked number, as before a refund: money leaves for the PIN."""
    world = {
        e.Recognise: v.Recognised(staff_id="s1"),
        e.MyRoles: (msgspec.structs.replace(ROLE, staff_id="s0", merchant="Kofi Taxi"), ROLE),
        b.FindPayment: v.FoundPayment(order(payer=OTHER, at_ms=1_000), refundable=GHS_50),
    }
    played = play(["K7QX2A9M"], world, facts=STAFF)
    assert played.effects == [e.Recognise("K7QX2A9M"), e.MyRoles(), b.FindPayment("s1", "K7QX2A9M")]
    assert played.screen.text == "look_up.shown"
    assert played.screen.values["payer"] == Number(OTHER)
    refunding = msgspec.structs.replace(ROLE, offers=("look_up", "refund"))
    played = play(["K7QX2A9M", "1"], {**world, e.MyRoles: (refunding,)}, facts=STAFF)
    assert played.keys[-1] == "business/look_up/refund/agreed"


@pytest.mark.parametrize(
    ("roles", "text"),
    [((), "balance.not_staff"), ((msgspec.structs.replace(ROLE, locked=True),), "refused.locked")],
)
def test_a_reference_is_not_shown_to_who_is_staff_no_longer(roles: tuple[v.Role, ...], text: str) -> None:
    played = play(["K7QX2A9M"], {e.Recognise: v.Recognised(staff_id="s1"), e.MyRoles: roles}, facts=STAFF)
    assert played.screen.text == text
    assert not any(isinstance(effect, b.FindPayment) for effect in played.effects)


def test_a_code_of_nothing_is_not_taken_and_written_nowhere() -> None:
    played = play(
        ["K7QX2A9M", "1001"], {e.FindMerchant: lambda wanted: KITCHEN if wanted.code == "1001" else None}
    )
    assert played.missing == [Text("main.not_known")]
    assert played.keys == ["menu", "menu", "pay/amount"]
    assert b"K7QX2A9M" not in msgspec.json.encode(played.journal)


def test_a_code_that_has_gone_since_it_was_typed_pays_nobody() -> None:
    played = play([], {e.Recognise: None}, prefill={"menu": {"typed": "1001"}})
    assert played.screen.text == "pay.refused.merchant"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("1001", "1001"),
        (" 1001. ", "1001"),
        ("k7qx-2a9m", "K7QX2A9M"),
        ("9" * 12, "9" * 12),
        ("9" * 13, None),
        ("9" * (LEAST_MERCHANT_CODE - 1), None),
        ("1*2*3", None),
        ("pay!", None),
        ("----", None),
    ],
)
def test_what_may_be_a_code_is_looked_up_and_nothing_else(typed: str, code: str | None) -> None:
    found = FirstScreen().parse(typed)
    assert found == (Problem(Text("main.not_known")) if code is None else FirstAnswer(typed=code))


@pytest.mark.parametrize(
    "opened",
    [FirstAnswer("pay"), FirstAnswer("more"), FirstAnswer("last", "1001"), FirstAnswer(typed="1001")],
)
def test_the_first_answer_comes_back_from_a_journal(opened: FirstAnswer) -> None:
    assert FirstScreen().load(FirstScreen().dump(opened)) == opened


LOOKED = Entry("look", "recent", [])


@pytest.mark.parametrize(
    ("entries", "part", "typed"),
    [
        ([LOOKED], "", False),
        ([LOOKED, Entry("ask", "menu", "pay")], "pay", False),
        ([LOOKED, Entry("ask", "menu", "last:1001")], "pay", False),
        ([LOOKED, Entry("ask", "menu", {"typed": "1001"})], "pay", True),
        ([LOOKED, Entry("ask", "menu", "business")], "business", False),
        ([LOOKED, Entry("ask", "menu", "more")], "", False),
        ([LOOKED, Entry("ask", "menu", "more"), Entry("choose", "more", "check")], "check", False),
        ([LOOKED, Entry("ask", "menu", "more"), Entry("choose", "more", "another")], "pay", False),
        ([LOOKED, Entry("ask", "menu", "pay"), Entry("ask", "pay/merchant", "1001")], "pay", True),
        # As it stood in journals when the first screen was a list.
        ([Entry("choose", "menu", "balance")], "balance", False),
    ],
)
def test_which_part_was_begun_and_whether_anything_was_typed(
    entries: list[Entry], part: str, typed: bool
) -> None:
    assert part_begun(entries) == part
    assert any(was_typed(entry) for entry in entries) is typed


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
    played = play(["4", "2", "0240000002"], {e.CheckNumber: holder})
    assert played.effects == [e.CheckNumber(OTHER)]
    assert played.screen.text == text
    assert played.screen.values["number"] == Number(OTHER, masked=False)
    assert ("name" in played.screen.values) is (text == "check.named")


def test_an_email_address_is_checked_as_it_stands() -> None:
    played = play(["4", "2", "Ama@Shop.example"], {e.CheckNumber: v.Holder(checked=True)})
    assert played.effects == [e.CheckNumber("ama@shop.example")]
    assert played.screen.values["number"] == "ama@shop.example"


# ---- own payments --------------------------------------------------------------------------------


def test_who_paid_nothing_is_told_so() -> None:
    assert play(["2"], {e.MyPayments: ()}).screen.text == "payments.none"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (OrderState.NEW, "payments.open"),
        (OrderState.PENDING, "payments.open"),
        (OrderState.UNRESOLVED, "result.checking"),
        (OrderState.FAILED, "payments.failed"),
        (OrderState.REVERSED, "payments.reversed"),
    ],
)
def test_a_payment_is_shown_as_it_stands_when_asked(state: OrderState, text: str) -> None:
    listed = (order(OrderState.PENDING), order(OrderState.FAILED, id="o2", code="ABCD2345"))
    now = order(state, id="o2", reason=Reason.EXPIRED if state is OrderState.FAILED else None)
    played = play(["2", "2"], {e.MyPayments: listed, e.AskStatus: now})
    assert played.options(1) == ["o1", "o2"]
    assert played.asked[1].choices[1].label == Text(
        "payments.line",
        {
            "amount": GHS_50,
            "merchant": "Ama's Kitchen",
            "state": Text("state.failed"),
            "when": Moment(0, seen_ms=0),
        },
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
    screen = play(["2", "1"], {e.MyPayments: (SENT,) * 2, e.AskStatus: SENT}).screen
    assert (screen.text, screen.shorter) == ("payments.waiting", "")
    assert screen.values["until"] == Moment(1_795_000_000_000, hour=True)
    hinted = msgspec.structs.replace(SENT, hint="*170#, My Approvals")
    screen = play(["2", "1"], {e.MyPayments: (SENT,) * 2, e.AskStatus: hinted}).screen
    assert (screen.text, screen.shorter) == ("payments.waiting_hint", "payments.waiting")


@pytest.mark.parametrize(
    ("after", "text"),
    [(CANCELLED, "withdrawn"), (SENT, "waiting"), (order(OrderState.PENDING), "too_late"),
     (order(OrderState.FAILED, reason=Reason.REJECTED), "failed")],
)  # fmt: skip
def test_what_has_not_left_may_be_withdrawn(after: v.OrderView, text: str) -> None:
    world = {e.MyPayments: (UNSENT,) * 2, e.AskStatus: UNSENT, e.WithdrawPayment: after}
    played = play(["2", "1", "1"], world)
    assert played.keys == ["menu", "payments/which", "payments/unsent"]
    assert played.effects[-1] == e.WithdrawPayment("o1")
    assert played.screen.text == f"payments.{text}"
    assert play(["2", "1", "2"], world).screen.text == "payments.waits"


RECEIPT = v.ReceiptView("K7QX2A9M", GHS_50, "Ama's Kitchen", MSISDN, 1_795_000_000_000)


def test_the_receipt_of_what_is_paid_is_shown_and_sent_to_a_phone() -> None:
    paid = order(OrderState.SUCCESSFUL)
    world = {e.MyPayments: (paid,) * 2, e.AskStatus: paid, e.ReceiptOf: RECEIPT, e.SendReceipt: v.Done()}
    played = play(["2", "1", "1", "1"], world)
    assert played.texts[2:] == ["payments.successful", "receipt.shown"]
    assert played.effects[2:] == [e.ReceiptOf("o1"), e.SendReceipt("o1")]
    assert played.screen == Screen(
        "receipt.sent", {"number": Number(MSISDN, masked=False), "code": "K7QX2A9M"}
    )
    in_chat = play(["2", "1", "1"], world, facts=TELEGRAM)
    assert in_chat.screen.text == "receipt.shown"
    assert play(["2", "1", "1"], {**world, e.ReceiptOf: None}).screen.text == "payments.none"


def test_what_is_paid_is_paid_again_from_the_confirmation() -> None:
    paid = order(OrderState.SUCCESSFUL, merchant_code="1001")
    world = {**QUIET, e.MyPayments: (paid,) * 2, e.AskStatus: paid}
    played = play(["2", "1", "2", "1"], world)
    assert played.keys[-2:] == ["payments/paid", "payments/pay/confirm"]
    assert played.effects[-1] == e.RequestPayment("m1", GHS_50, MSISDN, "")
    gone = play(["2", "1", "2"], {**world, e.FindMerchant: None})
    assert gone.screen.text == "pay.refused.merchant"
    elsewhere = msgspec.structs.replace(KITCHEN, currency="KES")
    asked = play(["2", "1", "2"], {**world, e.FindMerchant: elsewhere})
    assert asked.keys[-1] == "payments/pay/amount"


def test_the_receipt_of_a_paid_bill_names_the_bill() -> None:
    paid = order(OrderState.SUCCESSFUL, kind=OrderKind.BILL, bill="Ghana Water", collected=True)
    receipt = msgspec.structs.replace(RECEIPT, bill="Ghana Water")
    world = {e.MyPayments: (paid,) * 2, e.AskStatus: paid, e.ReceiptOf: receipt}
    played = play(["2", "1", "1"], world)
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
    played = play(["2", "1"], {e.MyPayments: (refund,) * 2, e.AskStatus: refund})
    assert played.asked[1].choices[0].label == Text(
        "payments.other_line",
        {
            "amount": GHS_50,
            "kind": Text("kind.refund"),
            "state": Text("state.done"),
            "when": Moment(0, seen_ms=0),
        },
    )
    assert played.screen.text == "result.refund.successful"
    assert played.screen.values["payee"] == Number(OTHER)


@pytest.mark.parametrize(
    ("minor", "state", "text"),
    [(0, "state.successful", "successful"), (1, "state.partly_refunded", "partly_refunded"),
     (5_000, "state.refunded", "refunded")],
)  # fmt: skip
def test_what_was_given_back_of_a_payment_is_told(minor: int, state: str, text: str) -> None:
    paid = order(OrderState.SUCCESSFUL, refunded_minor=minor)
    played = play(["2", "1"], {e.MyPayments: (paid,) * 2, e.AskStatus: paid})
    assert played.asked[1].choices[0].label.values["state"] == Text(state)
    assert played.texts[-1] == f"payments.{text}"


@pytest.mark.parametrize(
    ("answers", "facts", "world", "last"),
    [
        (["2"], USSD, {e.MyPayments: (order(),), e.AskStatus: order()}, "payments.open"),
        (["3"], EVERYTHING, {b.MyAgreements: (INVOICE,)}, "invoices/shown"),
        (["4", "4"], EVERYTHING, {e.Bills: (WATER,)}, "bill/reference"),
    ],
)
def test_a_list_of_one_is_skipped(answers: list[str], facts: Any, world: Any, last: str) -> None:
    played = play(answers, world, facts=facts)
    assert last in (played.screen.text if answers == ["2"] else played.question.key)


def test_a_payment_that_is_nobodys_is_not_shown() -> None:
    played = play(["2", "1"], {e.MyPayments: (order(),) * 2, e.AskStatus: None})
    assert played.screen.text == "payments.none"


def test_a_payment_that_waits_for_its_code_is_asked_for_it() -> None:
    waiting = order(OrderState.NEEDS_OTP)
    world = {e.MyPayments: (waiting,) * 2, e.AskStatus: waiting, e.SubmitOtp: order(OrderState.PENDING)}
    played = play(["2", "1", "824193"], world)
    assert played.keys == ["menu", "payments/which", "payments/otp"]
    assert played.texts[-1] == "pay.otp"
    assert played.screen.text == "pay.code_taken"


# ---- a merchant's balance, for who was in the midst of it when staff got their own menu ------------

SHOWN = v.Balances((Money(125_000, "GHS"), Money(5000, "UGX")))
BEGUN = {"menu": "balance"}


def test_the_balance_is_not_offered_any_more_and_goes_on_where_it_was_begun() -> None:
    played = play(["4711"], {e.MyRoles: (ROLE,), e.BalanceWithPin: SHOWN}, facts=STAFF, prefill=BEGUN)
    assert [(entry.kind, entry.key) for entry in played.journal] == [
        ("look", "recent"),
        ("ask", "menu"),
        ("look", "balance/roles"),
        ("secret", "balance/pin"),
    ]
    assert played.screen.text == "balance.shown"


def test_who_is_no_staff_cannot_go_on_with_it() -> None:
    played = play(world={e.MyRoles: ()}, prefill=BEGUN)
    assert (played.screen.text, played.keys) == ("balance.not_staff", [])


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
    played = play(["4", "6", "2"], {e.SetLanguage: v.Done()})
    assert [c.value for c in played.asked[-1].choices] == list(USSD.languages)
    assert played.effects == [e.SetLanguage("fr")]
    assert played.screen.text == "language.done"


# ---- linking -------------------------------------------------------------------------------------


def test_over_ussd_one_gets_a_code_for_the_chat() -> None:
    played = play(["4", "5"], {e.MakeLinkCode: v.NewLinkCode("12345678", 5)})
    assert played.screen.text == "link.code"
    assert dict(played.screen.values) == {"code": "12345678", "minutes": 5}


def test_in_the_web_chat_the_number_is_typed_and_then_its_code() -> None:
    played = play(["4", "5", "0240000001", "1234 5678"], {e.LinkWithCode: v.Linked(MSISDN)}, facts=WEB)
    assert played.texts[2:] == ["link.type_number", "link.type_code"]
    assert [question.wants for question in played.asked[2:]] == ["number", "secret"]
    assert played.effects == [e.LinkWithCode(MSISDN)]
    assert played.secrets == ["12345678"]
    assert b"12345678" not in msgspec.json.encode(played.journal)
    assert played.screen.text == "link.done"


def test_in_telegram_the_number_is_shared_or_typed() -> None:
    played = play(["4", "5", "0240000001", "12345678"], {e.LinkWithCode: v.Linked(MSISDN)}, facts=TELEGRAM)
    assert played.texts[2:] == ["link.share", "link.type_code"]
    question = played.asked[2]
    assert question.wants == "contact"
    shared = interpret(question, Shared(MSISDN), NavWords(), keypad=False, can_go_back=True)
    assert shared == Accepted(f"shared:{MSISDN}")
    card = {"menu": "link", "link/number": f"shared:{MSISDN}"}
    linked = play([], {e.LinkNumber: v.Linked(MSISDN)}, facts=TELEGRAM, prefill=card)
    assert linked.effects == [e.LinkNumber(f"shared:{MSISDN}")]
    assert linked.screen.text == "link.done"


def test_a_wrong_code_is_asked_for_again_five_times_in_all() -> None:
    wrong = v.Linked(refused="code")
    tries = ["4", "5", "0240000001", *["12345678"] * 5]
    played = play(tries, {e.LinkWithCode: wrong}, facts=WEB)
    assert played.texts[3:] == ["link.type_code", *["link.wrong_code"] * 4]
    assert played.screen.text == "link.refused.code"
    assert played.screen.values["short_code"] == "*920*10#"
    later = play(tries[:5], {e.LinkWithCode: [wrong, v.Linked(MSISDN)]}, facts=WEB)
    assert later.screen.text == "link.done"


def test_whoever_tries_too_often_is_told_so() -> None:
    played = play(
        ["4", "5", "0240000001", "12345678"], {e.LinkWithCode: v.Linked(refused="tries")}, facts=WEB
    )
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
    played = play(["4", "8", "12345678", "4711", "4711"], world)
    assert played.keys == ["menu", "more", "staff/code", "staff/new_pin", "staff/new_pin_again"]
    assert played.effects == [e.ClaimRole(), b.ChoosePin("s1"), b.EnrolStaff("s1", "a slow hash")]
    assert played.secrets == ["12345678", "4711", "4711"]
    journal = msgspec.json.encode(played.journal)
    assert b"12345678" not in journal
    assert b"4711" not in journal
    assert played.screen.text == "staff.done"
    assert played.screen.values == {"merchant": "Ama's Kitchen"}


@pytest.mark.parametrize("why", ["code", "tries"])
def test_a_role_that_is_not_given_says_why(why: str) -> None:
    played = play(["4", "8", "12345678"], {e.ClaimRole: v.Claimed(refused=why)})
    assert played.keys == ["menu", "more", "staff/code"]
    assert played.screen.text == f"staff.refused.{why}"


def test_a_role_somebody_else_took_meanwhile_is_not_taken_twice() -> None:
    world = {e.ClaimRole: CLAIMED, b.ChoosePin: CHOSEN, b.EnrolStaff: v.PinSet(refused="gone")}
    assert play(["4", "8", "12345678", "4711", "4711"], world).screen.text == "staff.refused.code"


def test_a_pin_is_chosen_anew_where_it_is_easy_or_typed_differently() -> None:
    chosen = [v.ChosenPin(refused="easy"), CHOSEN, CHOSEN]
    world = {
        e.ClaimRole: CLAIMED,
        b.ChoosePin: chosen,
        b.EnrolStaff: [v.PinSet(refused="differs"), v.PinSet()],
    }
    played = play(["4", "8", "12345678", "1111", "4711", "4712", "4711", "4711"], world)
    assert played.texts[3:] == ["staff.pin", "pin.too_easy", "pin.again", "pin.differs", "pin.again"]
    assert played.screen.text == "staff.done"


def test_three_pins_that_do_not_do_end_it() -> None:
    world = {e.ClaimRole: CLAIMED, b.ChoosePin: v.ChosenPin(refused="easy")}
    assert play(["4", "8", "12345678", "1111", "2222", "3333"], world).screen.text == "staff.refused.pin"
