"""Startbutton's transfers and refunds: what is sent, and that no other's word is taken for ours."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bot.money import Money, OrderDetails, OrderKind, OrderState, Reason
from bot.providers import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    NextStep,
    Receipt,
    Resend,
    Secret,
    Sender,
    Unknown,
)
from bot.providers.base import OrderCall, Reply, StatusReport
from bot.providers.startbutton.adapter import Startbutton
from bot.providers.startbutton.encoding import build_refund_amount
from tests.accounts import changed

from .cases import REFERENCE, STARTBUTTON, Pretend, an_order
from .tapes import reply, tape

ADAPTER = Startbutton()
OURS = REFERENCE.replace("-", "")
THEIRS = "8c1d9e4ab379"
PAID = "8c1d9e4ab377"
MINOR = changed(STARTBUTTON, refund_unit="minor")
MAJOR = changed(STARTBUTTON, refund_unit="major")
SENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SENT_MS = int(SENT.timestamp() * 1000)


def payout(**changes: Any) -> OrderCall:
    return an_order(
        **{"kind": OrderKind.TRANSFER, "payer": "", "payee": "+233240000001", "network": ""} | changes
    )


def refund(**changes: Any) -> OrderCall:
    given = {"kind": OrderKind.REFUND, "about_provider_reference": PAID, "sent_ms": SENT_MS}
    return an_order(**given | changes)


# Transfers: what is sent

COUNTRY = {"GHS": ("GH", "Ghana"), "KES": ("KE", "Kenya"), "RWF": ("RW", "Rwanda")}
COUNTRY |= {"TZS": ("TZ", "Tanzania"), "UGX": ("UG", "Uganda"), "XOF": ("SN", "Senegal")}


def account_in(currency: str):
    region, _ = COUNTRY[currency]
    return changed(STARTBUTTON, currency=currency, region=region, factor_confirmed=True)


@pytest.mark.parametrize(
    ("currency", "network", "mno"),
    [
        ("GHS", "", None),
        ("GHS", "VOD", None),
        ("KES", "", "MPESA"),
        ("KES", "mpesa", "MPESA"),
        ("KES", "AIRTEL", "AIRTEL"),
        ("UGX", "MTN", "MTN"),
        ("UGX", "", None),
        ("RWF", "MTN", "MTN"),
        ("TZS", "TIGO", "TIGO"),
        ("XOF", "WAVE", "WAVE"),
    ],
)
def test_a_transfer_to_a_wallet(currency: str, network: str, mno: str | None) -> None:
    account = account_in(currency)
    order = payout(amount=Money(1250, currency), payee="+254711222333", network=network)
    call = ADAPTER.request_order(account, order)
    assert (call.creates, call.resend) == (True, Resend.NEVER)
    assert (call.request.method, call.request.path) == ("POST", "/transaction/transfer")
    assert (call.request.auth, call.request.sign) == ("secret", None)
    wanted = {
        "amount": 125_000 if currency in ("UGX", "RWF", "XOF") else 1250,
        "currency": currency,
        "country": COUNTRY[currency][1],
        "reference": OURS,
        "msisdn": "+254711222333",
    }
    assert call.request.body == wanted | ({"MNO": mno} if mno else {})
    assert OrderKind.TRANSFER in ADAPTER.kinds(account)


@pytest.mark.parametrize(("currency", "fits"), [("GHS", True), ("KES", True), ("UGX", False), ("XOF", False)])
def test_a_transfer_to_a_bank_account(currency: str, fits: bool) -> None:
    terms = OrderDetails(bank_code="GH010", account_number="0011223344")
    order = payout(amount=Money(1250, currency), payee="", details=terms)
    if fits:
        body = ADAPTER.request_order(account_in(currency), order).request.body
        assert (body["bankCode"], body["accountNumber"]) == ("GH010", "0011223344")
        assert "msisdn" not in body
        return
    with pytest.raises(Declined) as caught:
        ADAPTER.request_order(account_in(currency), order)
    assert caught.value.reason is Reason.BAD_REQUEST


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payee": ""}, Reason.BAD_REQUEST),
        ({"payee": "0240000001"}, Reason.BAD_REQUEST),
        ({"details": OrderDetails(bank_code="GH010")}, Reason.BAD_REQUEST),
        ({"details": OrderDetails(account_number="0011223344")}, Reason.BAD_REQUEST),
        ({"details": OrderDetails(bank_code="GH 10", account_number="0011223344")}, Reason.BAD_REQUEST),
        ({"details": OrderDetails(bank_code="GH010", account_number="00/11")}, Reason.BAD_REQUEST),
    ],
)
def test_a_transfer_to_nobody_never_leaves(changes: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(Declined) as caught:
        ADAPTER.request_order(STARTBUTTON, payout(**changes))
    assert caught.value.reason is reason


def test_a_network_nobody_could_have_named_never_leaves() -> None:
    with pytest.raises(Declined) as caught:
        ADAPTER.request_order(account_in("UGX"), payout(amount=Money(500, "UGX"), network="M T N"))
    assert caught.value.reason is Reason.UNKNOWN_NETWORK


@pytest.mark.parametrize(
    "changes", [{"currency": "XAF", "region": "CM", "factor_confirmed": True}, {"region": "FR"}]
)
def test_where_nothing_can_be_paid_out_transfers_are_not_offered(changes: dict[str, Any]) -> None:
    account = changed(STARTBUTTON, **changes)
    assert OrderKind.TRANSFER not in ADAPTER.kinds(account)
    with pytest.raises(Misconfigured) as caught:
        ADAPTER.request_order(account, payout(amount=Money(500, account.currency)))
    assert caught.value.created_nothing


@pytest.mark.parametrize("amount", [Money(1250, "KES"), Money(0, "GHS"), Money(-1, "GHS")])
def test_a_payout_of_other_money_never_leaves(amount: Money) -> None:
    for account, order in ((STARTBUTTON, payout(amount=amount)), (MINOR, refund(amount=amount))):
        with pytest.raises(Misconfigured) as caught:
            ADAPTER.request_order(account, order)
        assert caught.value.created_nothing


async def test_a_signed_transfer_signs_the_minute_and_the_bytes_that_leave(pretend: Pretend) -> None:
    pretend.answer("/transaction/transfer", tape("startbutton/transfer_accepted"))
    account = changed(STARTBUTTON, base_url=pretend.url, sign_key=Secret("made up"))
    eastern = datetime(2026, 11, 20, 2, 4, tzinfo=timezone(timedelta(hours=3)))
    sender = Sender(wall=lambda: eastern)
    try:
        call = ADAPTER.request_order(account, payout())
        assert await sender.send(account, call, 10.0) == Receipt(provider_reference=THEIRS)
        await sender.send(account, ADAPTER.request_order(MINOR_AT(pretend.url), payout()), 10.0)
    finally:
        await sender.aclose()
    signed, plain = pretend.asked("/transaction/transfer")
    assert json.loads(signed.body)["reference"] == OURS
    made = hmac.new(b"made up", b"202611192304" + signed.body, hashlib.sha256).hexdigest()
    assert signed.headers["x-request-id"] == made
    assert "x-request-id" not in plain.headers
    assert "made up" not in repr(account)


def MINOR_AT(url: str):  # noqa: N802 - the same account elsewhere
    return changed(MINOR, base_url=url)


# Transfers: what comes back


@pytest.mark.parametrize("name", ["transfer_accepted", "transfer_accepted_bare"])
def test_a_transfer_that_was_taken(name: str) -> None:
    receipt = ADAPTER.request_order(STARTBUTTON, payout()).decode(tape(f"startbutton/{name}"))
    assert receipt == Receipt(NextStep.APPROVE, THEIRS)


def test_a_transfer_taken_without_a_word_is_taken() -> None:
    for data in (None, [], {}, {"transaction": None, "reference": "a/b"}):
        answer = reply(200, {"success": True, "data": data})
        assert ADAPTER.request_order(STARTBUTTON, payout()).decode(answer) == Receipt()


REFUSALS: list[tuple[Reply, type, Reason | None]] = [
    (tape("startbutton/transfer_short"), Declined, Reason.MERCHANT_FUNDS),
    (reply(400, {"success": False, "message": "User has insufficient balance."}), Declined, None),
    (tape("startbutton/refused"), Declined, Reason.UNKNOWN_NETWORK),
    (reply(422, {"success": False}), Unknown, None),
    (tape("startbutton/gateway_401"), Misconfigured, None),
    (reply(403, {"success": False, "message": "your address is not allowed"}), Misconfigured, None),
    (tape("startbutton/html_502"), Unknown, None),
    (tape("startbutton/too_many"), Unknown, None),
    (tape("startbutton/true_but_500"), Unknown, None),
    (reply(500, {"success": False, "message": "User has insufficient balance."}), Unknown, None),
    (reply(200), Unknown, None),
]


@pytest.mark.parametrize("order", [payout(), refund()], ids=lambda order: order.kind)
@pytest.mark.parametrize(("answer", "error", "reason"), REFUSALS)
def test_what_a_refused_payout_means(
    order: OrderCall, answer: Reply, error: type, reason: Reason | None
) -> None:
    with pytest.raises(error) as caught:
        ADAPTER.request_order(MINOR, order).decode(answer)
    assert type(caught.value) is error
    assert reason is None or caught.value.reason is reason
    if isinstance(caught.value, Misconfigured):
        assert caught.value.created_nothing


def test_only_a_transfer_has_a_reference_that_can_be_used_already() -> None:
    for answer in (tape("startbutton/duplicate"), reply(409, {"success": False})):
        with pytest.raises(AlreadyAccepted):
            ADAPTER.request_order(STARTBUTTON, payout()).decode(answer)
        with pytest.raises(Unknown):
            ADAPTER.request_order(MINOR, refund()).decode(answer)


def transfer_status(answer: Reply) -> StatusReport:
    return ADAPTER.order_status(STARTBUTTON, payout()).decode(answer)


@pytest.mark.parametrize(
    ("word", "state", "reason"),
    [
        ("pending", OrderState.PENDING, None),
        ("successful", OrderState.SUCCESSFUL, None),
        ("failed", OrderState.FAILED, Reason.OTHER),
        ("reversed", OrderState.REVERSED, None),
        ("verified", None, None),
    ],
)
def test_the_status_of_a_transfer(word: str, state: OrderState | None, reason: Reason | None) -> None:
    report = transfer_status(tape(f"startbutton/transfer_{word}"))
    assert (report.state, report.reason, report.provider_code) == (state, reason, word.upper())
    assert (report.amount, report.provider_reference) == (Money(1250, "GHS"), THEIRS)


@pytest.mark.parametrize("word", ["abandoned", "expired", "paid", ""])
def test_other_words_never_end_a_transfer(word: str) -> None:
    assert (
        transfer_status(reply(200, {"success": True, "data": {"transaction": {"status": word}}})).state
        is None
    )


def test_a_transfer_that_is_anothers_is_not_ours() -> None:
    for answer in (tape("startbutton/transfer_other_order"), tape("startbutton/successful")):
        with pytest.raises(Malformed):
            transfer_status(answer)
    assert transfer_status(tape("startbutton/not_found")).not_found


# Refunds: what is sent


@pytest.mark.parametrize(
    ("account", "minor", "sent"), [(MINOR, 1250, "1250"), (MAJOR, 1250, "12.50"), (MAJOR, 1200, "12")]
)
def test_a_refund_counts_as_the_settings_say(account, minor: int, sent: str) -> None:
    call = ADAPTER.request_order(account, refund(amount=Money(minor, "GHS")))
    assert (call.creates, call.resend) == (True, Resend.NEVER)
    assert (call.request.method, call.request.path) == ("POST", "/transaction/refunds")
    assert call.request.auth == "secret"
    written = msgspec.json.encode(call.request.body)
    assert written == b'{"transactionReference":"8c1d9e4ab377","amount":' + sent.encode() + b"}"


def test_a_refund_gives_its_reason() -> None:
    order = refund(details=OrderDetails(description="  broken \n" + "x" * 200))
    reason = ADAPTER.request_order(MINOR, order).request.body["reason"]
    assert reason.startswith("broken x")
    assert len(reason) == 120


@pytest.mark.parametrize("unit", ["", "pesewas"])
def test_without_a_unit_nothing_is_refunded(unit: str) -> None:
    account = changed(STARTBUTTON, refund_unit=unit)
    assert OrderKind.REFUND not in ADAPTER.kinds(account)
    assert OrderKind.REFUND in ADAPTER.kinds(MINOR)
    for build in (ADAPTER.request_order, ADAPTER.order_status):
        with pytest.raises(Misconfigured) as caught:
            build(account, refund())
        assert caught.value.created_nothing


def test_a_refund_of_a_payment_they_did_not_name_never_leaves() -> None:
    for build in (ADAPTER.request_order, ADAPTER.order_status):
        with pytest.raises(Misconfigured) as caught:
            build(MINOR, refund(about_provider_reference=""))
        assert caught.value.created_nothing


def test_a_unit_that_is_a_guess_refunds_nothing() -> None:
    account = changed(MINOR, currency="UGX")
    with pytest.raises(Misconfigured):
        build_refund_amount(account, Money(500, "UGX"))
    sure = changed(account, factor_confirmed=True)
    assert build_refund_amount(sure, Money(500, "UGX")) == Decimal(50_000)
    major = changed(sure, refund_unit="major")
    assert build_refund_amount(major, Money(500, "UGX")) == Decimal(500)


# Refunds: what comes back


def refund_status(answer: Reply, **changes: Any) -> StatusReport:
    return ADAPTER.order_status(MINOR, refund(**changes)).decode(answer)


def test_a_refund_is_taken_without_an_id() -> None:
    assert ADAPTER.request_order(MINOR, refund()).decode(tape("startbutton/refunded")) == Receipt()


def test_refunds_are_asked_for_by_the_payment() -> None:
    call = ADAPTER.order_status(MINOR, refund())
    assert (call.request.method, call.request.path) == ("GET", f"/transaction/refunds/{PAID}/status")
    assert (call.request.auth, call.creates) == ("secret", False)


@pytest.mark.parametrize("name", ["refunds_one", "refunds_list"])
def test_the_one_refund_that_can_be_ours_is_believed(name: str) -> None:
    report = refund_status(tape(f"startbutton/{name}"))
    assert (report.state, report.provider_code) == (OrderState.SUCCESSFUL, "SUCCESSFUL")
    assert report.amount == Money(1250, "GHS")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("refunds_bare", {}),  # says neither how much nor when
        ("refunds_one", {"amount": Money(1249, "GHS")}),
        ("refunds_one", {"sent_ms": None}),
        ("refunds_one", {"sent_ms": SENT_MS + 10_000}),  # it was there before ours left
        ("refunds_one", {"sent_ms": SENT_MS - 3_600_000}),  # somebody else's, an hour later
        ("refunds_list", {"amount": Money(700, "GHS")}),
    ],
)
def test_another_refund_says_nothing_of_ours(name: str, changes: dict[str, Any]) -> None:
    report = refund_status(tape(f"startbutton/{name}"), **changes)
    assert (report.state, report.not_found, report.provider_code) == (None, False, "NO_SUCH_REFUND")


def test_of_two_refunds_alike_neither_is_believed() -> None:
    report = refund_status(tape("startbutton/refunds_several"))
    assert (report.state, report.provider_code) == (None, "SEVERAL_REFUNDS")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("pending", OrderState.PENDING),
        ("processing", OrderState.PENDING),
        ("failed", OrderState.FAILED),
        ("processed", None),
        ("reversed", None),
        ("", None),
    ],
)
def test_the_words_of_a_refund(word: str, state: OrderState | None) -> None:
    row = {"status": word, "amount": 1250, "createdAt": "2026-11-20T12:00:01Z"}
    assert refund_status(reply(200, {"success": True, "data": [row]})).state is state


@pytest.mark.parametrize(
    "row",
    [
        {"status": "successful", "amount": "much", "createdAt": "2026-11-20T12:00:01Z"},
        {"status": "successful", "amount": 1250, "createdAt": "at noon"},
        {"status": "successful", "amount": 1250, "createdAt": "2026-11-20T12:00:01Z", "currency": "KES"},
    ],
)
def test_a_refund_that_is_not_surely_ours_is_not(row: dict[str, Any]) -> None:
    assert refund_status(reply(200, {"success": True, "data": row})).state is None


def test_no_refunds_at_all() -> None:
    assert refund_status(reply(200, {"success": True, "data": []})).state is None
    assert refund_status(reply(404, {"success": False, "message": "refund not found"})).not_found


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(200, {"success": True, "data": None}), Malformed),
        (reply(200, {"success": True, "data": [1]}), Malformed),
        (reply(200, {"success": True, "data": "x"}), Malformed),
        (reply(404, b"<html>"), Malformed),
        (tape("startbutton/gateway_401"), Misconfigured),
        (tape("startbutton/html_502"), Unknown),
    ],
)
def test_refunds_nobody_can_read(answer: Reply, error: type) -> None:
    with pytest.raises(error):
        refund_status(answer)
