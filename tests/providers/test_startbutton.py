"""Startbutton's tables: what is sent, what every reply is taken for, and whose webhook is believed."""

import hashlib
import hmac
import json

import pytest
from multidict import CIMultiDict

from bot.money import EXPONENTS, AmountRule, Money, OrderKind, OrderState, Reason
from bot.providers import (
    AlreadyAccepted,
    CallbackEvent,
    Declined,
    Malformed,
    Misconfigured,
    NextStep,
    OtpAnswer,
    Receipt,
    Resend,
    Secret,
    Unknown,
)
from bot.providers.base import Bank, BuysTokens, EventTopic, Listed, ListPage, Reply, able
from bot.providers.startbutton.adapter import Startbutton
from bot.providers.startbutton.encoding import build_amount, build_phone
from bot.providers.startbutton.words import MARKETS, STATUSES, UNITS_PER_MAJOR, UNSURE_FACTOR
from tests.accounts import changed

from .cases import OTP, REFERENCE, STARTBUTTON, an_order
from .tapes import reply, tape

ADAPTER = Startbutton()
OURS = REFERENCE.replace("-", "")
THEIRS = "8c1d9e4ab377"
KES = changed(STARTBUTTON, currency="KES", region="KE")


def charged(answer: Reply) -> Receipt:
    return ADAPTER.request_order(STARTBUTTON, an_order()).decode(answer)


def status(answer: Reply):
    return ADAPTER.order_status(STARTBUTTON, an_order()).decode(answer)


# Encoding


def test_the_charge() -> None:
    call = ADAPTER.request_order(STARTBUTTON, an_order())
    assert call.resend is Resend.NEVER
    assert (call.request.method, call.request.auth) == ("POST", "public")
    assert call.request.path == "/transaction/initialize/s2s/mobile_money"
    assert call.request.body == {
        "provider": "MTN",
        "phone": "0240000001",
        "email": "payments@shop.example",
        "amount": 1250,
        "currency": "GHS",
        "reference": OURS,
    }


def test_kenya_has_one_network() -> None:
    order = an_order(amount=Money(3000, "KES"), payer="+254711222333", network="")
    body = ADAPTER.request_order(KES, order).request.body
    assert (body["provider"], body["phone"], body["amount"]) == ("mpesa", "0711222333", 3000)
    assert ADAPTER.networks(KES) == ("mpesa",)


@pytest.mark.parametrize("network", ["", "mtn", "mpesa", "Vodafone"])
def test_a_network_that_is_not_offered_never_leaves(network: str) -> None:
    with pytest.raises(Declined) as caught:
        ADAPTER.request_order(STARTBUTTON, an_order(network=network))
    assert caught.value.reason is Reason.UNKNOWN_NETWORK


def test_an_account_may_offer_fewer_networks() -> None:
    account = changed(STARTBUTTON, networks=("VOD",))
    assert ADAPTER.networks(account) == ("VOD",)
    assert ADAPTER.request_order(account, an_order(network="")).request.body["provider"] == "VOD"
    with pytest.raises(Declined):
        ADAPTER.request_order(account, an_order(network="MTN"))


def test_where_no_network_is_named_none_is_sent() -> None:
    account = changed(STARTBUTTON, currency="TZS", region="TZ")
    order = an_order(amount=Money(10000, "TZS"), payer="+255121212121", network="")
    body = ADAPTER.request_order(account, order).request.body
    assert "provider" not in body
    assert body["phone"] == "+255121212121"


@pytest.mark.parametrize(
    ("msisdn", "currency", "phone"),
    [
        ("+233551112233", "GHS", "0551112233"),
        ("+254711222333", "KES", "0711222333"),
        ("+256101010111", "UGX", "+256101010111"),
        ("+254711222333", "GHS", "+254711222333"),  # a visitor's number stays as it is
    ],
)
def test_phone_forms(msisdn: str, currency: str, phone: str) -> None:
    assert build_phone(msisdn, currency) == phone


def test_amounts_are_hundredths_where_that_is_sure() -> None:
    assert build_amount(STARTBUTTON, Money(1, "GHS")) == 1
    assert build_amount(KES, Money(3000, "KES")) == 3000
    account = changed(STARTBUTTON, currency="UGX")
    with pytest.raises(Misconfigured):
        build_amount(account, Money(500, "UGX"))
    assert build_amount(changed(account, factor_confirmed=True), Money(500, "UGX")) == 50_000


def test_every_market_has_a_unit() -> None:
    assert set(MARKETS) <= set(UNITS_PER_MAJOR)
    assert set(UNITS_PER_MAJOR) >= UNSURE_FACTOR


def test_without_an_email_nothing_leaves() -> None:
    with pytest.raises(Misconfigured) as caught:
        ADAPTER.request_order(changed(STARTBUTTON, email=""), an_order())
    assert caught.value.created_nothing


def test_each_key_for_its_own_calls() -> None:
    assert ADAPTER.auth_headers(STARTBUTTON, "public", "") == {"Authorization": "Bearer pk_made_up"}
    assert ADAPTER.auth_headers(STARTBUTTON, "secret", "") == {"Authorization": "Bearer sk_made_up"}
    assert able(ADAPTER, BuysTokens) is None
    assert ADAPTER.request_order(STARTBUTTON, an_order()).request.auth == "public"
    assert ADAPTER.submit_otp(STARTBUTTON, an_order(), OTP).request.auth == "public"
    assert ADAPTER.order_status(STARTBUTTON, an_order()).request.auth == "secret"
    assert ADAPTER.balance(STARTBUTTON).request.auth == "secret"


CHARGES = [
    # currency, region, major units, payer, network; then provider, phone and amount as they are sent
    ("KES", "KE", 30, "+254711222333", "", "mpesa", "0711222333", 3000),
    ("GHS", "GH", 30, "+233551112233", "VOD", "VOD", "0551112233", 3000),
    ("TZS", "TZ", 100, "+255121212121", "", None, "+255121212121", 10_000),
    ("UGX", "UG", 500, "+256101010111", "", None, "+256101010111", 50_000),
    ("RWF", "RW", 500, "+250788123456", "", None, "+250788123456", 50_000),
    ("XOF", "SN", 500, "+221771234567", "WAVE", "WAVE", "+221771234567", 50_000),
    ("XAF", "CM", 500, "+237670000200", "", None, "+237670000200", 50_000),
]


@pytest.mark.parametrize("charge", CHARGES, ids=lambda charge: charge[0])
def test_a_charge_in_every_currency(charge: tuple) -> None:
    currency, region, major, payer, network, provider, phone, amount = charge
    account = changed(STARTBUTTON, currency=currency, region=region, factor_confirmed=True)
    order = an_order(amount=Money(major * 10 ** EXPONENTS[currency], currency), payer=payer, network=network)
    body = ADAPTER.request_order(account, order).request.body
    assert (body.get("provider"), body["phone"], body["amount"]) == (provider, phone, amount)
    assert (body["currency"], body["reference"]) == (currency, OURS)
    assert ADAPTER.problems(account) == []
    assert OrderKind.COLLECTION in ADAPTER.kinds(account)


def test_every_currency_is_in_the_table_of_charges() -> None:
    assert {charge[0] for charge in CHARGES} == set(MARKETS)


@pytest.mark.parametrize(
    ("currency", "minor", "fits"),
    [
        ("TZS", 9_999, False),
        ("TZS", 10_000, True),
        ("TZS", 300_000_000, True),
        ("TZS", 300_000_001, False),
        ("UGX", 499, False),
        ("UGX", 500, True),
        ("UGX", 5_000_000, True),
        ("UGX", 5_000_001, False),
        ("GHS", 1, True),
    ],
)
def test_what_is_outside_the_limits_never_leaves(currency: str, minor: int, fits: bool) -> None:
    account = changed(STARTBUTTON, currency=currency, factor_confirmed=True)
    order = an_order(amount=Money(minor, currency))
    # Declared, so that a conversation says it where the amount is typed.
    rule = ADAPTER.amounts(account, OrderKind.COLLECTION)
    assert (rule.least_minor <= minor and (rule.most_minor is None or minor <= rule.most_minor)) is fits
    if fits:
        assert ADAPTER.request_order(account, order).creates
        return
    with pytest.raises(Declined) as caught:
        ADAPTER.request_order(account, order)
    assert caught.value.reason is Reason.BAD_REQUEST


def test_whole_amounts_are_declared_for_every_kind() -> None:
    shillings = changed(STARTBUTTON, currency="KES", whole_amounts=True)
    ugandan = changed(STARTBUTTON, currency="UGX", whole_amounts=True)
    for kind in (OrderKind.COLLECTION, OrderKind.TRANSFER, OrderKind.REFUND):
        assert ADAPTER.amounts(shillings, kind) == AmountRule(100, None, 100)
    assert ADAPTER.amounts(ugandan, OrderKind.COLLECTION) == AmountRule(500, 5_000_000, 1)
    assert ADAPTER.amounts(ugandan, OrderKind.TRANSFER) == AmountRule()


@pytest.mark.parametrize(
    ("currency", "region", "takes", "refuses"),
    [
        ("GHS", "GH", "+233551112233", "+254700000001"),
        ("KES", "KE", "+254700000001", "+256101010111"),
        ("XOF", "CI", "+221771234567", "+237670000200"),
        ("XAF", "CM", "+241770000000", "+2250707070707"),
    ],
)
def test_numbers_of_other_currencies_are_declared_foreign(
    currency: str, region: str, takes: str, refuses: str
) -> None:
    rule = ADAPTER.numbers(changed(STARTBUTTON, currency=currency, region=region))
    assert (rule.takes(takes), rule.takes(refuses)) == (True, False)


@pytest.mark.parametrize(
    "kind", sorted(set(OrderKind) - {OrderKind.COLLECTION, OrderKind.TRANSFER, OrderKind.REFUND})
)
def test_other_kinds_are_not_offered(kind: OrderKind) -> None:
    assert kind not in ADAPTER.kinds(changed(STARTBUTTON, refund_unit="minor"))
    for build in (ADAPTER.request_order, ADAPTER.order_status):
        with pytest.raises(Misconfigured):
            build(STARTBUTTON, an_order(kind=kind))


# Charges


@pytest.mark.parametrize(
    ("name", "step", "theirs"),
    [
        ("accepted", NextStep.APPROVE, THEIRS),
        ("accepted_otp", NextStep.OTP, THEIRS),
        ("accepted_other", NextStep.APPROVE, "8123"),
    ],
)
def test_charges(name: str, step: NextStep, theirs: str) -> None:
    assert charged(tape(f"startbutton/{name}")) == Receipt(step, theirs)


def test_a_reference_that_could_not_stand_in_a_path_is_not_kept() -> None:
    data = {"nextStep": "PIN", "reference": "../wallet"}
    assert charged(reply(200, {"success": True, "data": data})).provider_reference == ""
    assert charged(reply(200, {"success": True, "data": None})) == Receipt(NextStep.APPROVE, "")


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (tape("startbutton/refused"), Declined, Reason.UNKNOWN_NETWORK),
        (tape("startbutton/refused_200"), Unknown, None),
        (reply(422, {"success": False}), Unknown, None),
        (reply(404, {"success": False}), Unknown, None),
        (tape("startbutton/duplicate"), AlreadyAccepted, None),
        (reply(409, {"success": False}), AlreadyAccepted, None),
        (tape("startbutton/gateway_401"), Misconfigured, None),
        (reply(403, b"<html>"), Misconfigured, None),
        (tape("startbutton/not_exactly_true"), Unknown, None),
        (tape("startbutton/true_but_500"), Unknown, None),
        (reply(200, {"success": True, "status": False}), Unknown, None),
        (reply(200, {"success": 1}), Unknown, None),
        (reply(500, {"success": False, "message": "made"}), Unknown, None),
        (tape("startbutton/html_502"), Unknown, None),
        (tape("startbutton/too_many"), Unknown, None),
        (reply(400), Unknown, None),
    ],
)
def test_what_a_refused_charge_means(answer: Reply, error: type, reason: Reason | None) -> None:
    with pytest.raises(error) as caught:
        charged(answer)
    assert type(caught.value) is error
    if error is Declined:
        assert caught.value.reason is reason


# OTP


def test_the_otp_is_sent_as_text_under_their_reference() -> None:
    call = ADAPTER.submit_otp(STARTBUTTON, an_order(provider_reference=THEIRS), "012345")
    assert call.request.body == {"reference": THEIRS, "otp": "012345"}
    assert call.request.path.endswith("/mobile_money/otp-verify")
    assert call.creates
    assert call.resend is Resend.NEVER
    assert "012345" not in repr(call.request)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (tape("startbutton/otp_accepted"), True),
        (reply(200, {"success": True}), True),
        (tape("startbutton/otp_refused"), False),
        (reply(400, {"success": False, "message": " invalid  otp. "}), False),
    ],
)
def test_otp_answers(answer: Reply, accepted: bool) -> None:
    assert ADAPTER.submit_otp(STARTBUTTON, an_order(), OTP).decode(answer) == OtpAnswer(accepted)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (tape("startbutton/otp_other"), Unknown),
        (reply(404, {"success": False, "message": "not found"}), Unknown),
        (reply(500, {"success": False, "message": "Invalid OTP"}), Unknown),
        (reply(408, {"success": False, "message": "Invalid OTP"}), Unknown),
        (reply(400, {"success": False, "message": "OTP taken, something went wrong later"}), Unknown),
        (reply(200, {"status": "true"}), Unknown),
        (reply(429), Unknown),
        (reply(401), Misconfigured),
    ],
)
def test_no_refusal_of_an_otp_ends_the_payment(answer: Reply, error: type) -> None:
    with pytest.raises(error) as caught:
        ADAPTER.submit_otp(STARTBUTTON, an_order(), OTP).decode(answer)
    assert not getattr(caught.value, "created_nothing", False)


# Statuses


def test_their_reference_is_asked_by_where_we_have_it() -> None:
    assert ADAPTER.order_status(STARTBUTTON, an_order()).request.path == f"/transaction/status/{OURS}"
    call = ADAPTER.order_status(STARTBUTTON, an_order(provider_reference=THEIRS))
    assert call.request.path == f"/transaction/status/{THEIRS}"
    odd = ADAPTER.order_status(STARTBUTTON, an_order(provider_reference="a/b?c"))
    assert odd.request.path == "/transaction/status/a%2Fb%3Fc"


@pytest.mark.parametrize("word", STATUSES)
def test_every_documented_status(word: str) -> None:
    body = {"success": True, "data": {"transaction": {"status": word.lower()}}}
    report = status(reply(200, body))
    assert (report.state, report.reason) == STATUSES[word]


def test_what_a_status_tells() -> None:
    report = status(tape("startbutton/successful"))
    assert report.state is OrderState.SUCCESSFUL
    assert report.amount == Money(1250, "GHS")
    assert (report.provider_reference, report.financial_id) == (THEIRS, "gw-5510")
    assert report.party is None


@pytest.mark.parametrize(
    "answer",
    [
        tape("startbutton/not_found"),
        reply(200, {"success": False, "message": "Transaction not found"}),
        reply(404, {"success": False}),
    ],
)
def test_not_found(answer: Reply) -> None:
    assert status(answer).not_found


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (tape("startbutton/other_order"), Malformed),
        (reply(200, {"success": True, "data": {"transaction": {"transType": "transfer"}}}), Malformed),
        (reply(200, {"success": True, "data": {}}), Malformed),
        (reply(200, {"success": True, "data": None}), Malformed),
        (reply(200, {"data": {"transaction": {"status": "verified"}}}), Malformed),
        (reply(404, b"<html>"), Malformed),
        (tape("startbutton/html_502"), Unknown),
        (tape("startbutton/too_many"), Unknown),
        (tape("startbutton/gateway_401"), Misconfigured),
        (reply(400, {"success": False, "message": "made"}), Misconfigured),
        (
            reply(200, {"success": True, "data": {"transaction": {"amount": "x", "currency": "GHS"}}}),
            Malformed,
        ),
        (
            reply(200, {"success": True, "data": {"transaction": {"amount": 12.5, "currency": "GHS"}}}),
            Malformed,
        ),
        (reply(200, {"success": True, "data": {"transaction": {"amount": 5, "currency": "QQQ"}}}), Malformed),
    ],
)
def test_a_status_nobody_gave(answer: Reply, error: type) -> None:
    with pytest.raises(error) as caught:
        status(answer)
    assert not getattr(caught.value, "created_nothing", False)


# Wallet


def test_balances_are_listed_by_currency() -> None:
    wallets = tape("startbutton/wallets")
    assert ADAPTER.balance(STARTBUTTON).decode(wallets) == (Money(250_050, "GHS"), Money(87, "KES"))
    sure = changed(STARTBUTTON, factor_confirmed=True)
    assert Money(1, "UGX") in ADAPTER.balance(sure).decode(wallets)


@pytest.mark.parametrize(
    "data", [None, {}, [{"currency": "GHS"}], [{"currency": "GHS", "availableBalance": "much"}]]
)
def test_a_wallet_nobody_can_read(data: object) -> None:
    with pytest.raises(Malformed):
        ADAPTER.balance(STARTBUTTON).decode(reply(200, {"success": True, "data": data}))


# List


def listing(answer: Reply) -> ListPage:
    return ADAPTER.list_payments(STARTBUTTON, "2026-11-20", "2026-11-21", 0).decode(answer)


def test_the_list_is_asked_for_a_part_at_a_time() -> None:
    call = ADAPTER.list_payments(KES, "2026-11-20", "2026-11-21", 150)
    assert (call.request.method, call.request.auth, call.creates) == ("GET", "secret", False)
    assert call.request.path == (
        "/transaction?transType=collection&startDate=2026-11-20&endDate=2026-11-21"
        "&currency=KES&skip=150&limit=50"
    )
    assert call.request.body is None


def test_the_rows_of_a_list() -> None:
    page = listing(tape("startbutton/list"))
    assert page.count == 4, "what is no collection counts for where the next part begins"
    first, second, third = page.rows
    assert first == Listed(
        reference=OURS,
        provider_reference=THEIRS,
        state=OrderState.SUCCESSFUL,
        provider_code="VERIFIED",
        amount=Money(1250, "GHS"),
        currency="GHS",
        created_ms=1_795_168_800_000,
        updated_ms=1_795_168_831_000,
    )
    assert (second.reference, second.state, second.updated_ms) == ("", OrderState.FAILED, None)
    assert (third.state, third.provider_code, third.amount) == (None, "TELEPORTED", None)
    assert (third.reference, third.currency, third.created_ms) == ("INV-7", "GHS", None)


def test_a_wrapped_list_is_read_too() -> None:
    data = {"transactions": [{"transactionReference": THEIRS, "status": "verified"}], "total": 1}
    (row,) = listing(reply(200, {"success": True, "data": data})).rows
    assert (row.provider_reference, row.amount) == (THEIRS, None)
    assert listing(reply(200, {"success": True, "data": []})) == ListPage((), 0)


@pytest.mark.parametrize("data", [None, {}, "x", [1], [{"amount": 1}, None], {"transactions": {}}])
def test_a_list_nobody_can_read(data: object) -> None:
    with pytest.raises(Malformed):
        listing(reply(200, {"success": True, "data": data}))


def test_transfers_are_listed_apart() -> None:
    call = ADAPTER.list_payments(STARTBUTTON, "2026-11-20", "2026-11-21", 0, kind=OrderKind.TRANSFER)
    assert "transType=transfer&" in call.request.path
    (row,) = call.decode(tape("startbutton/list")).rows
    assert (row.state, row.amount) == (OrderState.SUCCESSFUL, Money(900, "GHS"))
    with pytest.raises(Misconfigured):
        ADAPTER.list_payments(STARTBUTTON, "2026-11-20", "2026-11-21", 0, kind=OrderKind.REFUND)


# Banks


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, "/bank/list/GHS?type=bank"),
        ({"currency": "XOF", "region": "BJ"}, "/bank/list/XOF?type=bank&country=Benin"),
    ],
)
def test_the_bank_list_is_asked_for(changes: dict, path: str) -> None:
    call = ADAPTER.banks(changed(STARTBUTTON, **changes))
    assert (call.request.method, call.request.path, call.request.auth) == ("GET", path, "secret")
    assert not call.creates


def test_the_rows_of_a_bank_list() -> None:
    found = ADAPTER.banks(STARTBUTTON).decode(tape("startbutton/banks"))
    assert found == (Bank("GH010", "Gold Coast Bank"), Bank("270", "Volta Savings"), Bank("MTN", "MTN"))


@pytest.mark.parametrize("data", [None, {}, "x"])
def test_a_bank_list_nobody_can_read(data: object) -> None:
    with pytest.raises(Malformed):
        ADAPTER.banks(STARTBUTTON).decode(reply(200, {"success": True, "data": data}))


@pytest.mark.parametrize(("code", "kind"), [(401, Misconfigured), (400, Misconfigured), (503, Unknown)])
def test_a_refused_list(code: int, kind: type) -> None:
    with pytest.raises(kind):
        listing(reply(code, {"success": False, "message": "no"}))


# Webhooks

EVENT = {
    "event": "collection.verified",
    "data": {"transaction": {"transactionReference": THEIRS, "userTransactionReference": OURS}},
}
RAW = json.dumps(EVENT, separators=(",", ":")).encode()
HEADER = "x-startbutton-signature"


def sign(raw: bytes, key: str = "sk_made_up", algorithm: str = "sha512") -> str:
    return hmac.new(key.encode(), raw, algorithm).hexdigest()


@pytest.mark.parametrize("header", [HEADER, HEADER.title(), HEADER.upper()])
def test_a_signed_webhook_is_an_event(header: str) -> None:
    event = ADAPTER.callback.read(STARTBUTTON, {header: sign(RAW)}, RAW)
    said = OrderState.SUCCESSFUL
    assert event == CallbackEvent(
        "collection.verified", THEIRS, REFERENCE, EventTopic.PAYMENT, reported_state=said
    )


def test_the_signature_is_over_the_bytes_as_received() -> None:
    raw = b'{ "event": "x", "note": "\\/ caf\\u00e9", "n": 1e3 }'
    assert ADAPTER.callback.read(STARTBUTTON, {HEADER: sign(raw)}, raw) == CallbackEvent("x")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: sign(RAW)[:-1]},
        {HEADER: sign(RAW) + "0"},
        {HEADER: sign(RAW) + "\n"},
        {HEADER: "g" * 128},
        {HEADER: "é" * 128},
        {HEADER: "0" * 128},
        {HEADER: sign(RAW, "sk_other")},
        {HEADER: sign(RAW, "pk_made_up")},
        {HEADER: sign(RAW, algorithm="sha256")},
        {HEADER: hashlib.sha512(RAW).hexdigest()},
        {HEADER: sign(RAW + b" ")},
        {HEADER: sign(RAW).upper()},
        {HEADER: f"{sign(RAW)}, {sign(RAW)}"},
        {"authorization": sign(RAW)},
        CIMultiDict([(HEADER, sign(RAW)), (HEADER, sign(RAW))]),
        CIMultiDict([(HEADER, sign(RAW)), (HEADER.title(), "0" * 128)]),
    ],
)
def test_a_forged_webhook_is_nothing(headers) -> None:
    assert ADAPTER.callback.read(STARTBUTTON, headers, RAW) is None


def test_without_a_key_nothing_is_believed() -> None:
    for public_key in ("", "pk"):
        account = changed(STARTBUTTON, public_key=Secret(public_key), secret_key=Secret(""))
        assert ADAPTER.callback.read(account, {HEADER: sign(RAW, "")}, RAW) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"nonsense",
        b"\xff",
        b'{"event":7,"data":[]}',
        b'{"data":{"transaction":"x"}}',
        b"[" * 9000,
    ],
)
def test_signed_nonsense_is_an_event_about_nothing(raw: bytes) -> None:
    event = ADAPTER.callback.read(STARTBUTTON, {HEADER: sign(raw)}, raw)
    assert event is not None
    assert (event.provider_reference, event.reference) == ("", "")


def test_a_foreign_reference_is_not_ours() -> None:
    body = {
        "event": "e",
        "data": {"transaction": {"userTransactionReference": "INV-7", "transactionReference": "a b"}},
    }
    raw = json.dumps(body).encode()
    assert ADAPTER.callback.read(STARTBUTTON, {HEADER: sign(raw)}, raw) == CallbackEvent("e", "", "")


@pytest.mark.parametrize(
    ("name", "topic", "said"),
    [
        ("collection.completed", EventTopic.PAYMENT, None),
        ("transfer.reversed", EventTopic.TRANSFER, OrderState.REVERSED),
        ("refund.anything", EventTopic.REFUND, None),
        ("dispute.created", EventTopic.DISPUTE, None),
        ("conversion.successful", EventTopic.OTHER, None),
        ("refunded", EventTopic.OTHER, None),
        ("", EventTopic.OTHER, None),
    ],
)
def test_what_an_event_is_about(name: str, topic: EventTopic, said: OrderState | None) -> None:
    for data in (
        {"transaction": {"transactionReference": THEIRS, "amount": 1250, "currency": "GHS"}},
        {"transactionReference": THEIRS, "amount": 1250, "currency": "GHS"},
    ):
        raw = json.dumps({"event": name, "data": data}).encode()
        event = ADAPTER.callback.read(STARTBUTTON, {HEADER: sign(raw)}, raw)
        assert event == CallbackEvent(name, THEIRS, "", topic, Money(1250, "GHS"), reported_state=said)


def test_an_amount_nobody_can_hold_is_none() -> None:
    raw = json.dumps({"event": "e", "data": {"amount": 12.5, "currency": "GHS"}}).encode()
    assert ADAPTER.callback.read(STARTBUTTON, {HEADER: sign(raw)}, raw) == CallbackEvent("e")


# What the vendor's sample signs: the body parsed and written anew by a JavaScript engine.
ANEW = [
    (b'{ "event": "x" }', b'{"event":"x"}'),
    (b'{"event":"x","url":"a\\/b","who":"caf\\u00e9"}', '{"event":"x","url":"a/b","who":"café"}'.encode()),
    (b'{"event":"x","fee":87.50,"n":1e3,"z":-0.0}', b'{"event":"x","fee":87.5,"n":1000,"z":0}'),
]


@pytest.mark.parametrize(("raw", "written"), ANEW)
def test_a_signature_over_the_json_written_anew_is_believed_only_where_it_is_set(
    raw: bytes, written: bytes
) -> None:
    headers = {HEADER: sign(written)}
    assert ADAPTER.callback.read(STARTBUTTON, headers, raw) is None
    account = changed(STARTBUTTON, webhook_reserialised=True)
    assert ADAPTER.callback.read(account, headers, raw) == CallbackEvent("x", reserialised=True)
    assert ADAPTER.callback.read(account, {HEADER: sign(raw)}, raw) == CallbackEvent("x")
    assert ADAPTER.callback.read(account, {HEADER: sign(written, "sk_other")}, raw) is None


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"a":NaN}', b'{"a":1e999}', b"[" * 9000, b'"\\ud800"'])
def test_what_cannot_be_written_anew_is_not_believed(raw: bytes) -> None:
    account = changed(STARTBUTTON, webhook_reserialised=True)
    assert ADAPTER.callback.read(account, {HEADER: sign(raw + b" ")}, raw) is None


# Checks


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": ""}, "e-mail"),
        ({"email": "no address"}, "e-mail"),
        ({"secret_key": Secret("")}, "secret key is missing"),
        ({"public_key": Secret("a"), "secret_key": Secret("a")}, "are the same"),
        ({"currency": "NGN"}, "'NGN' cannot be charged"),
        ({"currency": "UGX"}, "factor_confirmed"),
        ({"networks": ("MTN", "mpesa")}, "'mpesa'"),
        ({"refund_unit": "pesewas"}, "'pesewas'"),
        ({"sign_key": Secret("with a space")}, "sign key"),
        ({"region": "FR"}, "'FR'"),
        ({"currency": "TZS", "networks": ("MTN",)}, "'MTN'"),
        ({"wire_currency": "EUR"}, "own currency"),
        ({"base_url": "http://api.startbutton.tech"}, "https://"),
        ({"base_url": "https://user@api.startbutton.tech"}, "without user"),
        ({"base_url": "https://[bad"}, "cannot be read"),
    ],
)
def test_problems_are_named(changes: dict, words: str) -> None:
    problems = ADAPTER.problems(changed(STARTBUTTON, **changes))
    assert any(words in problem for problem in problems), problems
    assert all(problem.endswith(".") for problem in problems)
    assert "made_up" not in "".join(problems)


def test_a_confirmed_factor_is_no_problem() -> None:
    account = changed(STARTBUTTON, currency="UGX", factor_confirmed=True)
    assert ADAPTER.problems(account) == []
