"""MoMo's tables: what is sent, and what every reply is taken for."""

import base64

import msgspec
import pytest

from bot.money import Money, OrderKind, OrderState, Reason
from bot.providers import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    Unknown,
)
from bot.providers.base import Reply
from bot.providers.momo import Momo
from bot.providers.momo_encoding import build_amount, build_note
from bot.providers.momo_words import CREATED_NOTHING, REASONS, REFUSALS, STILL_WORKING, decide

from .cases import MOMO, PAYER, REFERENCE, an_order
from .tapes import reply, tape

ADAPTER = Momo()
IN_SANDBOX = msgspec.structs.replace(MOMO, target_environment="sandbox", wire_currency="EUR")
PUBLISHED = [
    "PAYEE_NOT_FOUND",
    "PAYER_NOT_FOUND",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "INVALID_CALLBACK_URL_HOST",
    "INVALID_CURRENCY",
    "SERVICE_UNAVAILABLE",
    "INTERNAL_PROCESSING_ERROR",
    "NOT_ENOUGH_FUNDS",
    "PAYER_LIMIT_REACHED",
    "PAYEE_NOT_ALLOWED_TO_RECEIVE",
    "PAYMENT_NOT_APPROVED",
    "RESOURCE_NOT_FOUND",
    "APPROVAL_REJECTED",
    "EXPIRED",
    "TRANSACTION_CANCELED.",
    "RESOURCE_ALREADY_EXIST",
    "TRANSACTION_NOT_COMPLETED",
    "TRANSACTION_NOT_FOUND",
    "INFORMATIONAL_SCOPE_INSTRUCTION",
    "MISSING_SCOPE_INSTRUCTION",
    "MORE_THAN_ONE_FINANCIAL_SCOPE_NOT_SUPPORTED",
    "UNSUPPORTED_SCOPE_COMBINATION",
    "CONSENT_MISMATCH",
    "UNSUPPORTED_SCOPE",
    "NOT_FOUND",
]


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
        "payerMessage": "Ama s lunch drink",
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
        ("Ama's & Kofi's", "Ama s Kofi s"),
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
    account = msgspec.structs.replace(MOMO, wire_currency="XOF")
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


@pytest.mark.parametrize(
    ("account", "currency", "path"),
    [
        (MOMO, "", "/collection/v1_0/account/balance"),
        (MOMO, "GHS", "/collection/v1_0/account/balance/GHS"),
        (IN_SANDBOX, "GHS", "/collection/v1_0/account/balance/EUR"),
        (IN_SANDBOX, "USD", "/collection/v1_0/account/balance/USD"),
    ],
)
def test_balance_paths(account, currency: str, path: str) -> None:
    assert ADAPTER.balance(account, currency).request.path == path


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


@pytest.mark.parametrize("code", PUBLISHED)
def test_every_published_code_has_a_reason(code: str) -> None:
    report = status(reply(200, {"status": "FAILED", "reason": code}))
    assert report.reason is REASONS[code.rstrip(".")]
    assert report.state in (OrderState.FAILED, None)


@pytest.mark.parametrize("code", sorted(STILL_WORKING))
def test_failed_but_still_working_is_not_final(code: str) -> None:
    assert decide(OrderKind.COLLECTION, "FAILED", code) == (OrderState.PENDING, None)


@pytest.mark.parametrize("code", ["TRANSACTION_NOT_FOUND", "NOT_FOUND", "RESOURCE_ALREADY_EXIST"])
def test_failed_because_the_wallet_cannot_tell_ends_nothing(code: str) -> None:
    assert decide(OrderKind.COLLECTION, "FAILED", code)[0] is None


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


# Codes: what they mean, and whether anything was created

UNPUBLISHED = [
    "COULD_NOT_PERFORM_TRANSACTION",
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
    "PAYEE_LIMIT_REACHED",
    "SENDER_ACCOUNT_NOT_ACTIVE",
    "TRANSFER_TYPE_UNKNOWN",
    "VALIDATION_ERROR",
    "NOT_SUCCESSFULLY_COMPLETED",
    "LOGIN_FAILED",
    "INVALID_CLIENT",
    "PAYER_DELAYED",
    "PAYEE_DELAYED",
    "ONGOING",
]
# A request refused with one of these may have created something: its fate is asked for, by its reference.
OPEN_FATE = {
    "SERVICE_UNAVAILABLE",
    "INTERNAL_PROCESSING_ERROR",
    "PAYMENT_NOT_APPROVED",
    "RESOURCE_NOT_FOUND",
    "APPROVAL_REJECTED",
    "EXPIRED",
    "TRANSACTION_CANCELED",
    "RESOURCE_ALREADY_EXIST",
    "TRANSACTION_NOT_COMPLETED",
    "TRANSACTION_NOT_FOUND",
    "NOT_FOUND",
    "COULD_NOT_PERFORM_TRANSACTION",
    "NOT_SUCCESSFULLY_COMPLETED",
    *STILL_WORKING,
}


@pytest.mark.parametrize("kind", list(OrderKind))
def test_every_code_has_a_meaning_and_a_rule(kind: OrderKind) -> None:
    for code in (*PUBLISHED, *UNPUBLISHED):
        word = code.rstrip(".")
        state, reason = decide(kind, "FAILED", word)
        assert state is not OrderState.SUCCESSFUL, code
        assert (reason is None) == (word in STILL_WORKING), code
        assert [word in table for table in (CREATED_NOTHING, REFUSALS, OPEN_FATE)].count(True) == 1, code


@pytest.mark.parametrize("code", [*PUBLISHED, *UNPUBLISHED])
def test_a_code_at_creation_follows_its_rule(code: str) -> None:
    word = code.rstrip(".")
    with pytest.raises((Misconfigured, Declined, Unknown)) as caught:
        created(reply(500, {"code": code}))
    wanted = Misconfigured if word in CREATED_NOTHING else Declined if word in REFUSALS else Unknown
    assert type(caught.value) is wanted


def test_callbacks_are_never_believed() -> None:
    assert ADAPTER.read_webhook(MOMO, {}, b'{"status":"SUCCESSFUL"}') is None
