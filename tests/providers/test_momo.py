"""MoMo's tables: what is sent, and what every reply is taken for."""

import base64

import pytest

from bot.money import Money, OrderKind, OrderState, Reason
from bot.providers import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    Unknown,
)
from bot.providers.base import HintCallback, Reply
from bot.providers.momo.adapter import Momo
from bot.providers.momo.encoding import build_amount, build_note
from bot.providers.momo.words import decide
from tests.accounts import changed

from .cases import MOMO, PAYER, REFERENCE, an_order
from .tapes import reply, tape

ADAPTER = Momo()
IN_SANDBOX = changed(MOMO, target_environment="sandbox", wire_currency="EUR")


def created(answer: Reply):
    return ADAPTER.request_order(MOMO, an_order()).decode(answer)


def status(answer: Reply, account=MOMO):
    return ADAPTER.order_status(account, an_order()).decode(answer)


# Encoding


def test_the_request_to_pay() -> None:
    request = ADAPTER.request_order(MOMO, an_order(payer_note="Ama's lunch & drink")).request
    assert (request.method, request.path, request.auth) == (
        "POST",
        "/collection/v1_0/requesttopay",
        "collection",
    )
    assert request.headers == {"X-Reference-Id": REFERENCE}
    assert request.body == {
        "amount": "12.50",
        "currency": "GHS",
        "externalId": "K7QX2A9M",
        "payer": {"partyIdType": "MSISDN", "partyId": "233240000001"},
        "payerMessage": "Amas lunch drink",
        "payeeNote": "K7QX2A9M",
    }


def test_a_callback_url_is_sent_only_where_there_is_one() -> None:
    url = "https://pay.example/callbacks/momo/abc"
    sent = ADAPTER.request_order(MOMO, an_order(callback_url=url)).request.headers
    assert sent["X-Callback-Url"] == url
    assert "X-Callback-Url" not in ADAPTER.request_order(MOMO, an_order(callback_url="")).request.headers


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1250, "GHS"), "12.50"),
        (Money(1200, "GHS"), "12.00"),
        (Money(1, "EUR"), "0.01"),
        (Money(500, "UGX"), "500"),
        (Money(100_000_000_000, "GHS"), "1000000000.00"),
    ],
)
def test_amounts_are_decimal_texts_in_major_units(money: Money, text: str) -> None:
    assert build_amount(money) == text


@pytest.mark.parametrize(
    ("note", "sent"),
    [
        ("Water bill, March - no. 4", "Water bill, March - no. 4"),
        ("Ama's & Kofi's", "Amas Kofis"),
        ("Ama’s Kitchen, ESI'S", "Amas Kitchen, ESIS"),
        ("l'achat d'eau", "l achat d eau"),
        ("Café Ɔkyeame ɛyɛ", "Cafe Okyeame eye"),
        ("", "Payment"),
        ("🙂'&", "Payment"),
        ("دفع", "Payment"),
        ("a\r\n\tb", "a b"),
        ("x" * 200, "x" * 128),
        ("x" * 127 + " y", "x" * 127),
        ("１２", "12"),
    ],
)
def test_notes_are_cleaned(note: str, sent: str) -> None:
    assert build_note(note) == sent


def test_the_sandbox_is_told_another_currency_and_ours_is_read_back() -> None:
    body = ADAPTER.request_order(IN_SANDBOX, an_order()).request.body
    assert (body["amount"], body["currency"]) == ("12.50", "EUR")
    echo = {"status": "SUCCESSFUL", "amount": "12.5"}
    assert status(reply(200, {**echo, "currency": "EUR"}), IN_SANDBOX).amount == Money(1250, "GHS")
    assert status(reply(200, {**echo, "currency": "USD"}), IN_SANDBOX).amount == Money(1250, "USD")
    with pytest.raises(Malformed):  # ours was not the currency sent, so it must not pass for it
        status(reply(200, {**echo, "currency": "GHS"}), IN_SANDBOX)


def test_a_wire_currency_without_decimals_cannot_carry_them() -> None:
    account = changed(MOMO, wire_currency="XOF")
    with pytest.raises(Misconfigured):
        ADAPTER.request_order(account, an_order())
    assert ADAPTER.request_order(account, an_order(amount=Money(1200, "GHS"))).request.body["amount"] == "12"
    assert any("fewer decimals" in problem for problem in ADAPTER.problems(account))


def test_a_number_that_is_not_e164_never_leaves() -> None:
    for number in ("0240000001", "+233/../x", "+", "+233 24"):
        with pytest.raises(Declined):
            ADAPTER.check_holder(MOMO, number)
        with pytest.raises(Declined):
            ADAPTER.request_order(MOMO, an_order(payer=number))


def test_headers_of_a_call_and_of_its_token() -> None:
    call = ADAPTER.auth_headers(MOMO, "collection", "abc")
    assert call == {
        "Authorization": "Bearer abc",
        "Ocp-Apim-Subscription-Key": "subscription0123456789abcdef",
        "X-Target-Environment": "mtnghana",
    }
    token = ADAPTER.token_call(MOMO, "collection")
    assert (token.request.method, token.request.path, token.request.body) == (
        "POST",
        "/collection/token/",
        None,
    )
    basic = ADAPTER.auth_headers(MOMO, token.request.auth, "")
    assert base64.b64decode(basic["Authorization"].removeprefix("Basic ")) == b"api-user-abc=:api-key-fedcba"
    assert basic["X-Target-Environment"] == "mtnghana"


def test_the_path_of_the_balance() -> None:
    assert ADAPTER.balance(MOMO).request.path == "/collection/v1_0/account/balance"


# Acceptance and refusals


def test_acceptance_is_202_whatever_its_body() -> None:
    created(tape("momo/accepted"))
    created(reply(202, b"<xml/>"))


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (tape("momo/duplicate"), AlreadyAccepted, None),
        (reply(409), Unknown, None),
        (reply(409, {"code": "SOMETHING"}), Unknown, None),
        (tape("momo/empty_400"), Declined, Reason.BAD_REQUEST),
        (reply(400, {"code": "VALIDATION_ERROR"}), Declined, Reason.BAD_REQUEST),
        (tape("momo/environment_header"), Misconfigured, None),
        (tape("momo/gateway_401"), Misconfigured, None),
        (tape("momo/html_403"), Misconfigured, None),
        (tape("momo/gateway_404"), Misconfigured, None),
        (tape("momo/wrong_currency"), Misconfigured, None),
        (reply(500, {"code": "NOT_ALLOWED"}), Misconfigured, None),
        (reply(500, {"code": "NOT_ALLOWED_TARGET_ENVIRONMENT"}), Misconfigured, None),
        (reply(500, {"code": "INVALID_CALLBACK_URL_HOST"}), Misconfigured, None),
        (reply(500, {"code": "TRANSFER_TYPE_UNKNOWN"}), Misconfigured, None),
        (reply(500, {"code": "NOT ENOUGH_FUNDS"}), Declined, Reason.NOT_ENOUGH_FUNDS),
        (reply(500, {"code": "not_enough_funds."}), Declined, Reason.NOT_ENOUGH_FUNDS),
        (reply(404, {"code": "PAYER_NOT_FOUND"}), Declined, Reason.PAYER_NOT_FOUND),
        (tape("momo/internal_error"), Unknown, None),
        (tape("momo/unavailable"), Unknown, None),
        (tape("momo/too_many"), Unknown, None),
        (reply(500, {"code": "EXPIRED"}), Unknown, None),  # not the fate of a request nobody took
        (reply(500, {"code": "TRANSACTION_NOT_FOUND"}), Unknown, None),
        (reply(408), Unknown, None),
        (reply(200), Unknown, None),
        (reply(202 + 1), Unknown, None),
        (reply(301), Unknown, None),
    ],
)
def test_what_a_refused_creation_means(answer: Reply, error: type, reason: Reason | None) -> None:
    with pytest.raises(error) as caught:
        created(answer)
    assert type(caught.value) is error
    if error is Misconfigured:
        assert caught.value.created_nothing
    if error is Declined:
        assert caught.value.reason is reason
    assert caught.value.http_status == answer.status


# Statuses


@pytest.mark.parametrize(
    ("name", "state", "reason", "code"),
    [
        ("successful", OrderState.SUCCESSFUL, None, "SUCCESSFUL"),
        ("successful_numbers", OrderState.SUCCESSFUL, None, "SUCCESSFUL"),
        ("pending", OrderState.PENDING, None, "PENDING"),
        ("created", OrderState.PENDING, None, "CREATED"),
        ("failed_text", OrderState.FAILED, Reason.REJECTED, "APPROVAL_REJECTED"),
        ("failed_object", OrderState.FAILED, Reason.NOT_ENOUGH_FUNDS, "NOT_ENOUGH_FUNDS"),
        ("failed_bare", OrderState.FAILED, Reason.OTHER, "FAILED"),
        ("failed_dot", OrderState.FAILED, Reason.CANCELLED, "TRANSACTION_CANCELED"),
        ("failed_delayed", OrderState.PENDING, None, "PAYER_DELAYED"),
        ("unknown_status", None, None, "TELEPORTED"),
    ],
)
def test_statuses(name: str, state: OrderState | None, reason: Reason | None, code: str) -> None:
    report = status(tape(f"momo/{name}"))
    assert (report.state, report.reason, report.provider_code) == (state, reason, code)
    assert report.amount == Money(1250, "GHS")
    assert report.party == PAYER


def test_numbers_are_taken_for_texts() -> None:
    assert status(tape("momo/successful_numbers")).financial_id == "730918254"
    assert status(tape("momo/successful")).financial_id == "730918254"


def test_a_success_with_a_reason_against_it_ends_nothing() -> None:
    assert decide(OrderKind.COLLECTION, "SUCCESSFUL", "EXPIRED")[0] is None
    assert status(reply(200, {"status": "SUCCESSFUL", "reason": {}})).state is OrderState.SUCCESSFUL
    assert status(reply(200, {"status": "SUCCESSFUL", "reason": ""})).state is OrderState.SUCCESSFUL


def test_failed_for_a_reason_nobody_published_is_still_failed() -> None:
    assert decide(OrderKind.COLLECTION, "FAILED", "WALLET_ON_FIRE") == (OrderState.FAILED, Reason.OTHER)


@pytest.mark.parametrize("word", ["REJECTED", "TIMEOUT", "", "SUCCESS", "PAID"])
def test_words_outside_the_table_end_nothing(word: str) -> None:
    assert decide(OrderKind.COLLECTION, word, "") == (None, None)


@pytest.mark.parametrize(
    ("body", "amount"),
    [
        ({}, None),
        ({"amount": "", "currency": ""}, None),
        ({"amount": "12.500", "currency": "GHS"}, Money(1250, "GHS")),
        ({"amount": 12.5, "currency": "ghs"}, Money(1250, "GHS")),
        ({"amount": "12", "currency": "GHS"}, Money(1200, "GHS")),
        ({"amount": "12.5", "currency": "EUR"}, Money(1250, "EUR")),
    ],
)
def test_echoed_amounts(body: dict, amount: Money | None) -> None:
    assert status(reply(200, {"status": "SUCCESSFUL", **body})).amount == amount


@pytest.mark.parametrize(
    "body",
    [
        {"amount": "12.505", "currency": "GHS"},
        {"amount": "12.5"},
        {"currency": "GHS"},
        {"amount": "12.5", "currency": "QQQ"},
        {"amount": "1e1", "currency": "GHS"},
        {"amount": ["12.5"], "currency": "GHS"},
    ],
)
def test_an_echo_that_cannot_be_held_does_not_pass_for_none(body: dict) -> None:
    with pytest.raises(Malformed):
        status(reply(200, {"status": "SUCCESSFUL", **body}))


@pytest.mark.parametrize(
    ("payer", "party"),
    [
        ({"partyIdType": "MSISDN", "partyId": "233240000001"}, PAYER),
        ({"partyIdType": "MSISDN", "partyId": 233240000001}, PAYER),
        ({"partyId": "+233240000001"}, PAYER),
        ({"partyId": "00233240000001"}, PAYER),
        ({"partyId": "0240000001"}, PAYER),
        ({"partyId": "46733123450"}, "+46733123450"),
        ({"partyIdType": "EMAIL", "partyId": "ama@shop.example"}, "ama@shop.example"),
        ({"partyId": ""}, None),
        ({}, None),
        (None, None),
        ("233240000001", None),
    ],
)
def test_echoed_parties(payer: object, party: str | None) -> None:
    assert status(reply(200, {"status": "PENDING", "payer": payer})).party == party


@pytest.mark.parametrize("answer", [tape("momo/not_found"), reply(404), reply(404, {"code": "NOT_FOUND"})])
def test_an_unknown_reference(answer: Reply) -> None:
    assert status(answer).not_found


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (tape("momo/gateway_404"), Misconfigured),
        (reply(404, b"<html>"), Misconfigured),
        (tape("momo/empty_400"), Misconfigured),
        (tape("momo/gateway_401"), Misconfigured),
        (tape("momo/html_403"), Misconfigured),
        (tape("momo/wrong_currency"), Misconfigured),
        (tape("momo/internal_error"), Unknown),
        (tape("momo/unavailable"), Unknown),
        (reply(200), Malformed),
        (reply(200, b"<html>"), Malformed),
        (reply(202), Malformed),
        (reply(302), Malformed),
    ],
)
def test_a_status_nobody_gave(answer: Reply, error: type) -> None:
    with pytest.raises(error) as caught:
        status(answer)
    # No refusal of a look-up says anything about the order itself.
    assert not getattr(caught.value, "created_nothing", False)


# Codes: what they mean, and whether anything was created. The pages' own table, by hand: MTN's list of 26
# codes and what people met beside it, read November 2026.

R, OURS, REFUSED, OPEN = Reason, Misconfigured, Declined, Unknown
# code -> (a request refused with it; the reason of a FAILED payment, None where FAILED is not final)
MEANS: dict[str, tuple[type, Reason | None]] = {
    "PAYEE_NOT_FOUND": (REFUSED, R.PAYEE_NOT_FOUND),
    "PAYER_NOT_FOUND": (REFUSED, R.PAYER_NOT_FOUND),
    "NOT_ALLOWED": (OURS, R.NOT_AVAILABLE),
    "NOT_ALLOWED_TARGET_ENVIRONMENT": (OURS, R.NOT_AVAILABLE),
    "INVALID_CALLBACK_URL_HOST": (OURS, R.NOT_AVAILABLE),
    "INVALID_CURRENCY": (OURS, R.NOT_AVAILABLE),
    "SERVICE_UNAVAILABLE": (OPEN, R.SERVICE_DOWN),
    "INTERNAL_PROCESSING_ERROR": (OPEN, R.OPERATOR_ERROR),
    "NOT_ENOUGH_FUNDS": (REFUSED, R.NOT_ENOUGH_FUNDS),
    "PAYER_LIMIT_REACHED": (REFUSED, R.PAYER_LIMIT),
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": (REFUSED, R.PAYEE_BLOCKED),
    "PAYMENT_NOT_APPROVED": (OPEN, R.EXPIRED),
    "RESOURCE_NOT_FOUND": (OPEN, None),
    "APPROVAL_REJECTED": (OPEN, R.REJECTED),
    "EXPIRED": (OPEN, R.EXPIRED),
    "TRANSACTION_CANCELED.": (OPEN, R.CANCELLED),
    "RESOURCE_ALREADY_EXIST": (OPEN, None),
    "TRANSACTION_NOT_COMPLETED": (OPEN, R.NOT_COMPLETED),
    "TRANSACTION_NOT_FOUND": (OPEN, None),
    "INFORMATIONAL_SCOPE_INSTRUCTION": (REFUSED, R.CONSENT),
    "MISSING_SCOPE_INSTRUCTION": (REFUSED, R.CONSENT),
    "MORE_THAN_ONE_FINANCIAL_SCOPE_NOT_SUPPORTED": (REFUSED, R.CONSENT),
    "UNSUPPORTED_SCOPE_COMBINATION": (REFUSED, R.CONSENT),
    "CONSENT_MISMATCH": (REFUSED, R.CONSENT),
    "UNSUPPORTED_SCOPE": (REFUSED, R.CONSENT),
    "NOT_FOUND": (OPEN, None),
    # Met in production.
    "COULD_NOT_PERFORM_TRANSACTION": (OPEN, R.EXPIRED),
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": (REFUSED, R.FUNDS_OR_LIMIT),
    "PAYEE_LIMIT_REACHED": (REFUSED, R.PAYEE_LIMIT),
    "SENDER_ACCOUNT_NOT_ACTIVE": (REFUSED, R.PAYER_BLOCKED),
    "TRANSFER_TYPE_UNKNOWN": (OURS, R.NOT_AVAILABLE),
    "VALIDATION_ERROR": (REFUSED, R.BAD_REQUEST),
    "NOT_SUCCESSFULLY_COMPLETED": (OPEN, R.NOT_COMPLETED),
    "LOGIN_FAILED": (OURS, R.NOT_AVAILABLE),
    "INVALID_CLIENT": (OURS, R.NOT_AVAILABLE),
    "PAYER_DELAYED": (OPEN, None),
    "PAYEE_DELAYED": (OPEN, None),
    "ONGOING": (OPEN, None),
}
# FAILED with these is still under way; with the other codes of no reason the wallet cannot tell.
UNDER_WAY = {"PAYER_DELAYED", "PAYEE_DELAYED", "ONGOING"}
# On a payout the merchant is the payer, and enters no PIN.
ON_PAYOUTS = {
    "NOT_ENOUGH_FUNDS": R.MERCHANT_FUNDS,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": R.MERCHANT_FUNDS,
    "PAYER_LIMIT_REACHED": R.MERCHANT_FUNDS,
    "PAYER_NOT_FOUND": R.NOT_AVAILABLE,
    "SENDER_ACCOUNT_NOT_ACTIVE": R.NOT_AVAILABLE,
    "COULD_NOT_PERFORM_TRANSACTION": R.NOT_COMPLETED,
    "PAYMENT_NOT_APPROVED": R.NOT_COMPLETED,
}


@pytest.mark.parametrize("kind", list(OrderKind))
def test_failed_with_a_code_means_what_the_pages_say(kind: OrderKind) -> None:
    for code, (_, reason) in MEANS.items():
        word = code.rstrip(".")
        pays_out = kind in (OrderKind.TRANSFER, OrderKind.DEPOSIT, OrderKind.REFUND)
        wanted = ON_PAYOUTS.get(word, reason) if pays_out else reason
        state, why = decide(kind, "FAILED", word)
        if wanted is not None:
            assert (state, why) == (OrderState.FAILED, wanted), code
        else:
            assert state is (OrderState.PENDING if word in UNDER_WAY else None), code


def test_a_failed_payment_is_read_with_the_reason_of_its_code() -> None:
    for code, (_, reason) in MEANS.items():
        report = status(reply(200, {"status": "FAILED", "reason": code}))
        assert reason is None or (report.state, report.reason) == (OrderState.FAILED, reason), code


def test_a_request_refused_with_a_code_is_failed_only_where_nothing_was_created() -> None:
    for code, (wanted, _) in MEANS.items():
        with pytest.raises((Misconfigured, Declined, Unknown)) as caught:
            created(reply(500, {"code": code}))
        assert type(caught.value) is wanted, code


def test_callbacks_are_never_believed() -> None:
    assert isinstance(ADAPTER.callback, HintCallback)
