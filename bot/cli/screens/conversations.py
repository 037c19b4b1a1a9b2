"""Every question and every last screen the conversations have, with values as long as they come."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from bot.cli.screens.playing import TELEGRAM, USSD, WEB, Played, World, play
from bot.dialog import views as v
from bot.money import (
    EVERY,
    AgreementState,
    Money,
    NumberRule,
    OrderKind,
    OrderState,
    Reason,
    Right,
    StaffRole,
)
from flows import business_effects as b
from flows import effects as e

# Twenty-five characters, eight figures, a number shown abroad, and a name as `shorten_name` leaves it.
MERCHANT = "Restaurant Chez Maman Ana"
AMOUNT = Money(100_000_000, "XOF")
PAYER = "+2250707070707"
NAME = "Marie-Antoinette K."
CODE = "482915037"
REGION = "CI"
# Where numbers are written without a country: not the payer's.
HOME = "GH"
LONG_USSD = msgspec.structs.replace(USSD, region=REGION, short_code="*920*1234#", msisdn=PAYER)
LONG_WEB = msgspec.structs.replace(WEB, region=REGION, short_code="*920*1234#")
LONG_TELEGRAM = msgspec.structs.replace(TELEGRAM, region=REGION, short_code="*920*1234#")
LINKED_USSD = msgspec.structs.replace(LONG_USSD, linked=("msisdn", "telegram", "web"))
LINKED_WEB = msgspec.structs.replace(LONG_WEB, msisdn=PAYER, linked=("msisdn", "web"))
STAFF = msgspec.structs.replace(LONG_USSD, staff=True)
EVERYTHING = msgspec.structs.replace(LONG_USSD, offers=("invoice", "preapproval", "bill"))

CARD = v.MerchantCard(
    id="m1",
    code="1001",
    name=MERCHANT,
    currency="XOF",
    region=REGION,
    checks_holder=True,
    debits=True,
)
# No account has several networks and knows whose a wallet is or has auto-debits: `test_words` keeps it so.
SEVERAL = msgspec.structs.replace(
    CARD,
    networks=("MTN", "VOD", "ATL", "mpesa", "orange", "moov", "wave"),
    checks_holder=False,
    debits=False,
)
ROLE = v.Role(
    staff_id="s1",
    merchant=MERCHANT,
    role="owner",
    pin=True,
    offers=tuple(right.value for right in Right),
    currency="XOF",
    region=REGION,
    debits=True,
)
SOON_MS = 1_798_761_540_000
AGREEMENT = v.AgreementView(
    id="a1",
    kind="preapproval",
    code=CODE,
    state="unresolved",
    merchant=MERCHANT,
    payer=PAYER,
    amount=AMOUNT,
    until_ms=SOON_MS,
    every="month",
    left=AMOUNT,
    payment_reference="ABCDEFGH1234",
    description="Two tables on Sunday, with live music th",
)
ASKED = "Vehicle registration"
GIVEN = "x" * 20
RECEIPT = v.ReceiptView(
    CODE,
    AMOUNT,
    MERCHANT,
    PAYER,
    SOON_MS,
    reference="12345678901",
    refunded=AMOUNT,
    asked_for=ASKED,
    given=GIVEN,
)
FOUND = v.FoundPayment(
    v.OrderView("o1", CODE, OrderState.PENDING, AMOUNT, MERCHANT, PAYER, at_ms=SOON_MS),
    refundable=AMOUNT,
    can_note=True,
)
DETAILS = ("name", "birthdate", "gender", "email", "phone", "address", "occupation", "identification")
REFUSALS = (
    "already",
    "auto_debit",
    "declined",
    "gone",
    "limit",
    "limit_merchant",
    "limit_number",
    "limit_total",
    "locked",
    "merchant",
    "not_allowed",
    "not_available",
    "not_yet",
    "nothing_left",
    "number",
    "off",
    "over_agreement",
    "own",
    "too_early",
    "too_late",
    "too_many",
    "under_way",
)
KINDS = [kind for kind in OrderKind if kind is not OrderKind.COLLECTION]


def order(state: OrderState = OrderState.NEW, **given: Any) -> v.OrderView:
    values: dict[str, Any] = {
        "id": "o1",
        "code": CODE,
        "amount": AMOUNT,
        "merchant": MERCHANT,
        "payer": PAYER,
    }
    return v.OrderView(state=state, **({"tries_left": 3} | values | given))


WORLD: World = {
    e.FindMerchant: CARD,
    e.FindDuplicate: "",
    e.FindDebit: v.Debit(),
    e.CheckHolder: v.Holder(checked=True, name=NAME),
    e.RequestPayment: order(),
}
GONE = {"menu": "pay", "pay/merchant": "9999"}
# Whom, how much, and yes.
PAY = ["1", "1001", "100000000", "1"]


def every_conversation() -> Iterator[Played]:
    """Plays them all. Each stands for the screens on its way and for its last one."""
    yield from _paying()
    yield from _looking()
    yield from _settling_in()
    yield from _working()
    yield from _sending()
    yield from _beyond_payments()
    yield from _closing()


def _paying() -> Iterator[Played]:
    def asked(answers: list[str], facts: Any = LONG_USSD, flow: str = "main", **given: Any) -> Played:
        world = {**WORLD, **{getattr(e, name): value for name, value in given.items()}}
        return play(answers, world, facts=facts, flow=flow)

    for recent in ((CARD,), (CARD,) * 3):
        yield asked([], RecentMerchants=recent)
        yield asked(["1"], RecentMerchants=recent)
        yield asked(["4", "1"], RecentMerchants=recent)
    yield asked(["1", "1001"], LONG_WEB, AmountsPaid=(AMOUNT,) * 3)
    yield play([], {**WORLD, e.FindMerchant: None}, facts=LONG_USSD, prefill=GONE)
    yield play([], {**WORLD, e.Recognise: None}, facts=LONG_USSD, prefill={"menu": {"typed": "1001"}})
    for holder in (v.Holder(True, known=False), v.Holder(True, active=False)):
        yield asked(PAY[:3], CheckHolder=holder)
        # Where there is no own number there is none to choose.
        yield asked([*PAY[:3], PAYER], LONG_WEB, CheckHolder=holder)
    for holder, duplicate in itertools.product(
        (v.Holder(False), v.Holder(True, name=NAME)), ("", "ABCD2345")
    ):
        yield asked([*PAY[:3], "3"], CheckHolder=holder, FindDuplicate=duplicate)
    for duplicate in ("", "ABCD2345"):
        several: dict[str, Any] = {"FindMerchant": SEVERAL, "FindDuplicate": duplicate}
        yield asked(PAY[:3], **several)
        yield asked([*PAY[:3], "1", "4"], **several)
        yield asked(PAY[:3], NetworkUsed="orange", **several)
    agreed = v.Debit(MERCHANT, agreed=True)
    yield asked(PAY[:3], FindDebit=agreed)
    yield asked(PAY[:3], FindDebit=agreed, FindDuplicate="ABCD2345")
    yield asked([*PAY[:3], "2"], FindDuplicate=CODE)
    for stops in ((), ("a1", "a2")):
        yield asked(PAY[:3], FindDebit=v.Debit(MERCHANT, stops=stops))
    for stopped in (
        order(kind=OrderKind.PREAPPROVAL_CANCEL),
        order(OrderState.FAILED, id="", refused="not_yet"),
    ):
        stopping = v.Debit(MERCHANT, stops=("a1",))
        yield asked([*PAY[:3], "1"], FindDebit=stopping, StopAutoDebit=stopped)
    yield asked([*PAY[:3], "2"])
    asks = msgspec.structs.replace(CARD, asks_for=ASKED)
    yield asked([*PAY[:3], GIVEN], FindMerchant=asks)
    needs_otp, again = (
        order(OrderState.NEEDS_OTP),
        order(OrderState.NEEDS_OTP, tries_left=2, reason=Reason.WRONG_OTP),
    )
    for facts in (LONG_USSD, LONG_WEB, LONG_TELEGRAM):
        pay = PAY if facts.msisdn else [*PAY[:3], PAYER, *PAY[3:]]
        yield asked(pay, facts)
        yield asked(pay, facts, RequestPayment=order(hint="*170#, My Approvals"))
        for state in (OrderState.SUCCESSFUL, OrderState.REVERSED, OrderState.UNRESOLVED, OrderState.PENDING):
            yield asked(pay, facts, RequestPayment=order(state, unsure=True))
        yield asked(pay, facts, RequestPayment=order(OrderState.NEW, unasked=True))
        yield asked([*pay, "1111"], facts, RequestPayment=needs_otp, SubmitOtp=again)
        yield asked([*pay, "1111"], facts, RequestPayment=needs_otp, SubmitOtp=order(OrderState.PENDING))
    for reason in Reason:
        yield asked(PAY, RequestPayment=order(OrderState.FAILED, reason=reason))
    for why in ("auto_debit", "merchant", "limit", "number", "too_many"):
        yield asked(PAY, RequestPayment=order(OrderState.FAILED, id="", code="", refused=why))
    yield asked([], flow="otp", OrderNow=needs_otp)
    yield asked([], flow="otp", OrderNow=None)


def _looking() -> Iterator[Played]:
    for holder in (
        v.Holder(True, name=NAME),
        v.Holder(True),
        v.Holder(True, active=False),
        v.Holder(True, known=False),
        v.Holder(False),
        v.Holder(False, limited=True),
    ):
        yield play(["4", "2", PAYER], {e.CheckNumber: holder}, facts=LONG_USSD)
    yield play(["2"], {e.MyPayments: ()}, facts=LONG_USSD)
    for state in OrderState:
        for reason in Reason if state is OrderState.FAILED else [None]:
            now = order(state, reason=reason)
            yield play(["2", "1"], {e.MyPayments: (now,) * 5, e.AskStatus: now}, facts=LONG_USSD)
    for minor in (1, AMOUNT.amount_minor):
        now = order(OrderState.SUCCESSFUL, refunded_minor=minor)
        yield play(["2", "1"], {e.MyPayments: (now,) * 2, e.AskStatus: now}, facts=LONG_USSD)
    sent = order(OrderState.PENDING, until_ms=SOON_MS, hint="*170#, My Approvals")
    for now in (sent, msgspec.structs.replace(sent, hint="")):
        yield play(["2", "1"], {e.MyPayments: (now,) * 2, e.AskStatus: now}, facts=LONG_USSD)
    for kind in (OrderKind.COLLECTION, OrderKind.BILL):
        paid = order(
            OrderState.SUCCESSFUL, kind=kind, bill="Ghana Water", collected=True, merchant_code="1001"
        )
        receipt = (
            RECEIPT if kind is OrderKind.COLLECTION else msgspec.structs.replace(RECEIPT, bill="Ghana Water")
        )
        receipt = msgspec.structs.replace(receipt, of_provider=kind is OrderKind.BILL)
        world = {e.MyPayments: (paid,) * 2, e.AskStatus: paid, e.ReceiptOf: receipt, e.SendReceipt: v.Done()}
        yield play(["2", "1", "1", "1"], world, facts=LONG_USSD)
        yield play(["2", "1", "1"], world, facts=LONG_TELEGRAM)
    unsent = order(can_withdraw=True)
    for after in (order(OrderState.FAILED, reason=Reason.CANCELLED), order(OrderState.PENDING)):
        world = {e.MyPayments: (unsent,) * 2, e.AskStatus: unsent, e.WithdrawPayment: after}
        for answer in ("1", "2"):
            yield play(["2", "1", answer], world, facts=LONG_USSD)


def _settling_in() -> Iterator[Played]:
    yield play(["4", "6", "2"], {e.SetLanguage: v.Done()}, facts=LONG_USSD)
    yield play(["4", "5"], {e.MakeLinkCode: v.NewLinkCode("12345678", 5)}, facts=LONG_USSD)
    for linked in (v.Linked(PAYER), *(v.Linked(refused=why) for why in ("code", "tries"))):
        for facts in (LONG_WEB, LONG_TELEGRAM):
            tries = 5 if linked.refused == "code" else 1
            yield play(["4", "5", PAYER, *["12345678"] * tries], {e.LinkWithCode: linked}, facts=facts)
    for chats in ((), (v.ChatCard("a1", "telegram", SOON_MS), v.ChatCard("a2", "web", SOON_MS))):
        world: World = {e.MyChats: chats, e.Unlink: v.Done()}
        yield play(["4", "5", "2", "1"][: 4 if chats else 3], world, facts=LINKED_USSD)
    for answer in ("1", "2"):
        yield play(["4", "5", "2", answer], {e.Unlink: v.Done()}, facts=LINKED_WEB)
    for why in ("code", "tries"):
        yield play(["4", "8", "12345678"], {e.ClaimRole: v.Claimed(refused=why)}, facts=LONG_USSD)
    chosen, differs = v.ChosenPin("$argon2"), v.PinSet(refused="differs")
    for done in (v.PinSet(), v.PinSet(refused="gone"), [differs, v.PinSet()]):
        world = {e.ClaimRole: v.Claimed("s1", MERCHANT), b.ChoosePin: chosen, b.EnrolStaff: done}
        again = ["4711", "4711"] if isinstance(done, list) else []
        yield play(["4", "8", "12345678", "4711", "4711", *again], world, facts=LONG_USSD)
    world = {e.ClaimRole: v.Claimed("s1", MERCHANT), b.ChoosePin: v.ChosenPin(refused="easy")}
    yield play(["4", "8", "12345678", "1111", "2222", "3333"], world, facts=LONG_USSD)


def at(right: str, answers: list[str], role: v.Role = ROLE, **given: Any) -> Played:
    """A line of the business menu and what follows it; every PIN is right unless given otherwise."""
    world: World = {
        e.MyRoles: (role,),
        b.CheckPin: v.PinAnswer(),
        b.Banks: (),
        e.FindDebit: v.Debit(),
        **{getattr(b, name, None) or getattr(e, name): value for name, value in given.items()},
    }
    offered: list[Right] = [offer for offer in Right if offer != Right.NOTE]
    line = offered.index(Right(right)) + 1
    return play(["5", str(line), *answers], world, facts=STAFF)


def back_at(right: str, answers: list[str], kept: dict[str, str], **given: Any) -> Played:
    """The same resumed, with what was answered before."""
    world = {e.MyRoles: (ROLE,), b.CheckPin: v.PinAnswer(), **{getattr(b, k): v for k, v in given.items()}}
    prefill = {"menu": "business", "business/menu": right}
    prefill |= {f"business/{right}/{key}": value for key, value in kept.items()}
    return play(answers, world, facts=STAFF, prefill=prefill)


PIN = "471108"
WRONG = v.PinAnswer(refused="wrong_pin", tries_left=2)


def _working() -> Iterator[Played]:
    yield play(["5"], {e.MyRoles: ()}, facts=STAFF)
    yield play(["5"], {e.MyRoles: (ROLE, msgspec.structs.replace(ROLE, staff_id="s2"))}, facts=STAFF)
    for role in ({"offers": ()}, {"locked": True}):
        yield play(["5"], {e.MyRoles: (msgspec.structs.replace(ROLE, **role),)}, facts=STAFF)
    wrong = v.Balances(refused="wrong_pin", tries_left=2)
    yield at("balance", [PIN], BalanceWithPin=wrong)
    amounts = (AMOUNT, Money(100_000_000_00, "GHS"), Money(100_000_000_00, "KES"))
    for found in (
        v.Balances(amounts),
        v.Balances(amounts, shared=True),
        v.Balances(amounts[:2], payouts=amounts[:2]),
        *(v.Balances(refused=why) for why in ("locked", "not_allowed", "not_available")),
    ):
        yield at("balance", [PIN], BalanceWithPin=found)
    yield at("unlock", [PIN], CheckPin=v.PinAnswer(refused="wrong_pin", tries_left=2))

    yield at("look_up", ["2", PIN], LatestPayments=(FOUND.order,) * 5)
    yield at("look_up", ["2", PIN], LatestPayments=(msgspec.structs.replace(FOUND.order, given=GIVEN),) * 5)
    yield at("look_up", ["2", PIN], LatestPayments=())
    yield back_at("look_up", [PIN], {"how": "code", "code": CODE}, FindPayment=None)
    for reason in [None, *Reason]:
        state = OrderState.FAILED if reason else OrderState.SUCCESSFUL
        seen = v.FoundPayment(msgspec.structs.replace(FOUND.order, state=state, reason=reason))
        yield at("look_up", ["1", CODE, PIN], FindPayment=seen)
        noted = msgspec.structs.replace(seen, can_note=True)
        yield at("look_up", ["1", CODE, PIN], FindPayment=noted)
    yield at("look_up", ["1", CODE, PIN, "3"], FindPayment=FOUND)
    for why in ("", "not_allowed", "too_early", "too_late", "not_available"):
        answers = ["1", CODE, PIN, "1", "Hello", PIN]
        yield at("look_up", answers, FindPayment=FOUND, SendNote=v.Noted(refused=why))

    standing = msgspec.structs.replace(AGREEMENT, kind="invoice")
    made = order(OrderState.NEW, kind=OrderKind.INVOICE)
    yield at("invoice", ["1", PAYER, "100000000", "x" * 40, "4", "365", PIN], MakeInvoice=made)
    yield at("invoice", ["2", PIN], AgreementsOf=())
    for stands in AgreementState:
        one = msgspec.structs.replace(standing, state=stands.value.lower())
        yield at("invoice", ["2", PIN, "1"], AgreementsOf=(one,) * 9)
    cancelled = order(OrderState.NEW, kind=OrderKind.INVOICE_CANCEL)
    yield at("invoice", ["2", PIN, "1", "2", PIN], AgreementsOf=(standing,) * 2, CancelInvoice=cancelled)

    yield at("charge", [PIN], AgreementsOf=())
    yield at(
        "charge", [PIN, "1"], AgreementsOf=(msgspec.structs.replace(AGREEMENT, left=None, every=""),) * 9
    )
    for every in EVERY:
        one = msgspec.structs.replace(AGREEMENT, every=every)
        taken = order(OrderState.NEW, kind=OrderKind.AGREEMENT_CHARGE)
        yield at("charge", [PIN, "1", "100000000", PIN], AgreementsOf=(one,) * 2, ChargeUnder=taken)

    asked = v.DetailsAsked("c1")
    for why in ("not_allowed", "not_available", "number", "unknown"):
        yield at("details", [PAYER, PIN], AskDetails=v.DetailsAsked(refused=why))
    yield at("details", [PAYER, PIN, "2"], AskDetails=asked)
    lines = tuple(v.DetailLine(label, "Marie-Antoinette Kouassi 42") for label in DETAILS)
    for answered in ("waiting", "shown", "refused", "expired", "not_available", "given"):
        yield at("details", [PAYER, PIN, "1", PIN], AskDetails=asked, SeeDetails=v.Details(answered, lines))

    sent = v.PayoutView("o1", CODE, OrderKind.TRANSFER, OrderState.PENDING, AMOUNT, PAYER, NAME, SOON_MS)
    yield at("payouts", [PIN], PayoutsOf=())
    yield at("payouts", [PIN], PayoutsOf=(sent,) * 9)
    sorts: tuple[dict[str, Any], ...] = (
        {},
        {"waits": True},
        {"asked_by": "", "kind": OrderKind.REFUND},
        {"approved_by": NAME},
        *({"state": OrderState.FAILED, "reason": reason, "kind": OrderKind.REFUND} for reason in Reason),
    )
    for given in sorts:
        yield at("payouts", [PIN, "1"], PayoutsOf=(msgspec.structs.replace(sent, **given),) * 2)

    waiting = v.ApprovalView("w1", "refund", AMOUNT, PAYER, NAME, about="733104882", at_ms=SOON_MS)
    to_bank = msgspec.structs.replace(waiting, kind="transfer", to="0123456789", about="")
    yield at("approve", [PIN], WaitingApprovals=())
    for request in (waiting, to_bank):
        yield at("approve", [PIN], WaitingApprovals=(request,) * 9)
        for decision in ("1", "2"):
            declined = order(OrderState.FAILED, id="", refused="declined", kind=OrderKind.REFUND)
            answers = [PIN, "1", decision]
            yield at("approve", answers, WaitingApprovals=(request,) * 2, DecideApproval=declined)
        begun = order(OrderState.NEW, kind=OrderKind.REFUND)
        yield at("approve", [PIN, "1", "1"], WaitingApprovals=(request,) * 2, DecideApproval=begun)

    for why in ("gone", "approved", "refused", "expired"):
        opened = v.OpenedApproval(approval=waiting, refused=why, by=NAME)
        yield play([], {b.OpenApproval: opened}, facts=LONG_TELEGRAM, flow="approve")

    locked = tuple(v.LockedRole(f"s{n}", NAME, role.value) for n, role in enumerate(StaffRole))
    yield at("unlock", [PIN], LockedStaff=())
    for done in (v.Done(), v.Done(ok=False)):
        yield at("unlock", [PIN, "1", PIN], LockedStaff=locked, Unlock=done)

    for now in (v.PaymentMessages(), v.PaymentMessages(on=True), v.PaymentMessages(True, 22, 6)):
        for answers in (["1"], ["2"], ["3", "23", "10"], *([["4"]] if now.on else [])):
            done = v.Done(ok=now.on)
            yield at("messages", [*answers, PIN], PaymentMessagesOf=now, ChoosePaymentMessages=done)

    for kept in (v.PinSet(), v.PinSet(refused="gone")):
        yield at("pin", [PIN, "4711", "4711"], ChoosePin=v.ChosenPin("$argon2"), ChangePin=kept)


def _sending() -> Iterator[Played]:
    for left in (None, AMOUNT):
        found = msgspec.structs.replace(FOUND, refundable=left)
        back = order(OrderState.NEW, kind=OrderKind.REFUND, payee=PAYER)
        answers = [CODE, "1", "100000000", PIN]
        yield at("refund", answers if left else answers[:1], FindPayment=found, Refund=back)
    yield at("refund", [CODE, PIN], FindPayment=FOUND, CheckPin=WRONG)
    yield at("refund", [CODE, "2"], msgspec.structs.replace(ROLE, pin=False), FindPayment=FOUND)

    sent = order(OrderState.NEW, kind=OrderKind.TRANSFER, payee=PAYER)
    for holder in (v.Holder(True, name=NAME), v.Holder(False)):
        yield at("pay_out", [PAYER, "100000000", PIN], CheckNumber=holder, PayOut=sent)
    networks = msgspec.structs.replace(ROLE, networks=SEVERAL.networks)
    yield at("pay_out", [PAYER], networks, CheckNumber=v.Holder(False))
    yield at("deposit", [PAYER, "100000000", PIN], CheckNumber=v.Holder(True, name=NAME), PayOut=sent)
    yield at("deposit", [PAYER, "100000000"], CheckNumber=v.Holder(False))
    banks = tuple(v.BankView(f"{n:03}", f"Banque Internationale {n:03}") for n in range(40))
    yield at("pay_out", ["2"], Banks=banks)
    yield back_at("pay_out", [], {"to": "bank", "bank_name": "zz"}, Banks=banks)
    answers = ["2", "internationale", "18", "1" * 20, "100000000", PIN]
    yield at("pay_out", answers, Banks=banks, PayOut=msgspec.structs.replace(sent, payer="", payee="1" * 20))

    asked = order(OrderState.NEW, kind=OrderKind.WITHDRAWAL)
    yield at("withdraw", [PAYER, "100000000", PIN], Withdraw=asked)
    yield at("withdraw", [PAYER, "100000000"], FindDebit=v.Debit(MERCHANT, agreed=True))
    for why in REFUSALS:
        for most in (None, AMOUNT, Money(0, "XOF")):
            refused = order(OrderState.FAILED, id="", kind=OrderKind.WITHDRAWAL, refused=why, most=most)
            yield at("withdraw", [PAYER, "100000000", PIN], Withdraw=refused)


def _beyond_payments() -> Iterator[Played]:
    def chosen(line: str, answers: list[str], world: World, facts: Any = EVERYTHING) -> Played:
        return play([*line, *answers], {e.FindMerchant: CARD, **world}, facts=facts)

    requests = msgspec.structs.replace(AGREEMENT, kind="invoice", state="active")
    for staff in (False, True):
        facts = msgspec.structs.replace(EVERYTHING, staff=staff)
        for recent, waiting in itertools.product(((), (CARD,) * 3), (0, 1, 5)):
            world: World = {e.RecentMerchants: recent, b.MyAgreements: (requests,) * waiting}
            yield play([], world, facts=facts)
            yield play(["4"], world, facts=facts)
    for contact in ("", "+225 27 20 30 40 50, help@kasapay.example"):
        for facts in (LONG_USSD, LONG_WEB):
            told = msgspec.structs.replace(facts, help_contact=contact, free=bool(contact))
            yield play(["4", "7"], facts=told)
    stranger = msgspec.structs.replace(LONG_WEB, offers=("invoice",))
    yield chosen("3", [], {}, stranger)
    yield chosen("3", [], {b.MyAgreements: ()})
    bill = msgspec.structs.replace(AGREEMENT, kind="invoice")
    for state in AgreementState:
        one = msgspec.structs.replace(bill, state=state.value.lower())
        yield chosen("3", ["1", "1"], {b.MyAgreements: (one,) * 9})

    asked = order(OrderState.NEW, kind=OrderKind.PREAPPROVAL)
    standing = msgspec.structs.replace(AGREEMENT, state="active")
    yield chosen("43", ["1"], {b.MyAgreements: (standing,) * 2})
    for every, days in (("1", "1"), ("2", "2"), ("3", "3")):
        world = {b.MyAgreements: (), e.SetUpAutoDebit: asked}
        yield chosen("43", ["1001", "100000000", every, "3", days, "1"], world)
    foreign = msgspec.structs.replace(CARD, numbers=NumberRule(("KE",)))
    yield chosen("43", ["1001"], {b.MyAgreements: (), e.FindMerchant: foreign})
    stopped = order(OrderState.NEW, kind=OrderKind.PREAPPROVAL_CANCEL)
    for until in (SOON_MS, None):
        one = msgspec.structs.replace(AGREEMENT, until_ms=until)
        yield chosen("43", ["1", "2", "1"], {b.MyAgreements: (one,) * 9, e.StopAutoDebit: stopped})

    yield chosen("44", [], {e.Bills: ()})
    name = "Compagnie d'Electricite"
    cards = tuple(v.BillCard(f"{name} {n}", "m1", "XOF", REGION, debits=True) for n in range(9))
    paid = order(OrderState.NEW, kind=OrderKind.BILL)
    yield chosen(
        "44", ["1", "1" * 20, "100000000", "1"], {e.Bills: cards, e.PayBill: paid, e.FindDebit: v.Debit()}
    )
    agreed = v.Debit(MERCHANT, agreed=True)
    yield chosen("44", ["1", "1" * 20, "100000000", "3"], {e.Bills: cards, e.FindDebit: v.Debit()})
    yield chosen("44", ["1", "1" * 20, "100000000"], {e.Bills: cards, e.FindDebit: agreed})
    for taken in (
        order(OrderState.NEW, unasked=True),
        order(OrderState.PENDING, collected=True),
        order(OrderState.FAILED, collected=True),
        order(OrderState.FAILED, collected=True, given_back=True),
    ):
        seen = msgspec.structs.replace(taken, kind=OrderKind.BILL, bill="Ghana Water")
        yield play(["2", "1"], {e.MyPayments: (seen,) * 2, e.AskStatus: seen}, facts=LONG_USSD)


def _closing() -> Iterator[Played]:
    """Every kind of order in every state, as a cashier's act and as one's own."""
    for kind in KINDS:
        for state in OrderState:
            if state is OrderState.NEEDS_OTP:
                continue
            for reason in Reason if state is OrderState.FAILED else [None]:
                view = order(state, kind=kind, payee=PAYER, reason=reason)
                yield at("withdraw", [PAYER, "100000000", PIN], Withdraw=view)
                yield play(["2", "1"], {e.MyPayments: (view,) * 5, e.AskStatus: view}, facts=LONG_USSD)
        waits = order(OrderState.NEW, kind=kind, payee=PAYER, waits=True)
        yield at("withdraw", [PAYER, "100000000", PIN], Withdraw=waits)
