"""Whatever comes back: decoders raise ProviderErrors only, notes stay clean, amounts stay exact."""

import hashlib
import hmac
import re
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.money import EXPONENTS, Money, OrderKind, OrderState, exponent_of, to_major
from bot.providers import ProviderError, Secret
from bot.providers.base import Call, Reply
from bot.providers.breaker import Breaker
from bot.providers.momo.adapter import Momo
from bot.providers.momo.consent import renew_consent
from bot.providers.momo.encoding import build_note
from bot.providers.momo.preapprovals import list_preapprovals
from bot.providers.startbutton.adapter import Startbutton
from bot.providers.startbutton.words import MARKETS, UNITS_PER_MAJOR
from bot.providers.wire import read_code
from tests.accounts import changed

from .cases import MOMO, OTP, PAYER, STARTBUTTON, an_order
from .momo_cases import BOTH, EVERY, KindCase
from .tapes import reply

PAYOUT = an_order(kind=OrderKind.TRANSFER, payer="", payee=PAYER)
REFUNDING = changed(STARTBUTTON, refund_unit="minor")
GIVEN_BACK = an_order(kind=OrderKind.REFUND, about_provider_reference="8c1d9e4ab377", sent_ms=0)
AGREEMENTS = (OrderKind.INVOICE, OrderKind.PREAPPROVAL)
REFUSED_APART = (OrderKind.TRANSFER, OrderKind.REFUND, OrderKind.INVOICE_CANCEL)
CALLS: list[Call[Any]] = [
    Momo().request_order(MOMO, an_order()),
    Momo().order_status(MOMO, an_order()),
    Momo().check_holder(MOMO, PAYER),
    Momo().holder_name(MOMO, PAYER),
    Momo().balance(MOMO),
    Momo().token_call(MOMO, "collection"),
    *(Momo().request_order(BOTH, case.order) for case in EVERY if case.kind in REFUSED_APART),
    *(Momo().order_status(BOTH, case.order) for case in EVERY),
    *(Momo().agreement_status(BOTH, case.order) for case in EVERY if case.kind in AGREEMENTS),
    Momo().notify_payer(MOMO, an_order(), "Hi"),
    list_preapprovals(MOMO, PAYER),
    renew_consent("collection", Secret("refresh")),
    Momo().ask_consent(MOMO, PAYER),
    Momo().consent(MOMO, Secret("asked")),
    Momo().user_info(MOMO, Secret("token")),
    Startbutton().request_order(STARTBUTTON, an_order()),
    Startbutton().order_status(STARTBUTTON, an_order()),
    Startbutton().submit_otp(STARTBUTTON, an_order(), OTP),
    Startbutton().balance(STARTBUTTON),
    Startbutton().list_payments(STARTBUTTON, "2026-11-20", "2026-11-21", 0),
    Startbutton().banks(STARTBUTTON),
    Startbutton().request_order(STARTBUTTON, PAYOUT),
    Startbutton().order_status(STARTBUTTON, PAYOUT),
    Startbutton().request_order(REFUNDING, GIVEN_BACK),
    Startbutton().order_status(REFUNDING, GIVEN_BACK),
]
FIELDS = [
    "status",
    "success",
    "message",
    "data",
    "transaction",
    "transType",
    "transactions",
    "createdAt",
    "transactionReference",
    "userTransactionReference",
    "amount",
    "currency",
    "availableBalance",
    "code",
    "error",
    "reason",
    "result",
    "payer",
    "partyId",
    "partyIdType",
    "financialTransactionId",
    "access_token",
    "expires_in",
    "intendedPayer",
    "payee",
    "errorReason",
    "invoiceId",
    "paymentReference",
    "expiryDateTime",
    "expirationDateTime",
    "preApprovalDetails",
    "preApprovalId",
    "expiryTime",
    "auth_req_id",
    "refresh_token",
    "address",
    "formatted",
    "phone_number",
    "given_name",
    "family_name",
    "name",
    "nextStep",
    "reference",
    "gatewayReference",
    "event",
]
WORDS = [
    "SUCCESSFUL",
    "FAILED",
    "PENDING",
    "APPROVED",
    "authorization_pending",
    "2026-12-21T12:00:00",
    "verified",
    "GHS",
    "QQQ",
    "12.50",
    "1e9",
    "-0",
    "PIN",
    "OTP",
    "true",
    "collection",
]

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=20,
)
statuses = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503]
)
headers = st.fixed_dictionaries(
    {}, optional={"retry-after": st.text(max_size=40), "date": st.text(max_size=40)}
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.name}-{call.request.path.split('/')[1]}")
@settings(deadline=None)  # a busy machine is no mistake of a decoder
@given(status=statuses, said=headers, content=values.map(msgspec.json.encode) | st.binary(max_size=300))
def test_decoders_raise_nothing_else(
    call: Call[Any], status: int, said: dict[str, str], content: bytes
) -> None:
    refused: ProviderError | None = None
    try:
        call.decode(Reply(status, said, content))
    except ProviderError as error:
        refused = error
    assert refused is None or not re.search(r"\d{5}", refused.provider_code + refused.detail)


@given(raw=values.map(msgspec.json.encode) | st.binary(max_size=300))
def test_signed_webhooks_are_read_whatever_they_hold(raw: bytes) -> None:
    signature = hmac.new(b"sk_made_up", raw, hashlib.sha512).hexdigest()
    assert Startbutton.callback.read(STARTBUTTON, {"X-Startbutton-Signature": signature}, raw) is not None


@given(raw=st.binary(max_size=60), signature=st.text(max_size=140))
def test_unsigned_webhooks_are_nothing(raw: bytes, signature: str) -> None:
    given_headers = {"x-startbutton-signature": signature}
    assert Startbutton.callback.read(STARTBUTTON, given_headers, raw) is None


@given(st.text(max_size=300))
def test_notes_are_always_clean(text: str) -> None:
    note = build_note(text)
    assert re.fullmatch(r"[A-Za-z0-9 .,\-]{1,128}", note)
    assert note == note.strip()
    assert build_note(note) == note


@given(status=st.text(max_size=12), reason=values, account=st.sampled_from(["", "created"]))
def test_nothing_but_the_setting_makes_an_invoice_paid(status: str, reason: Any, account: str) -> None:
    unsure = changed(BOTH, invoice_successful_means=account)
    invoice = an_order(kind=OrderKind.INVOICE)
    for word in (status, "SUCCESSFUL", "PENDING", "CREATED"):
        answer = reply(200, {"status": word, "errorReason": reason, "invoiceId": "7"})
        assert Momo().agreement_status(unsure, invoice).decode(answer).state != "paid"


@given(status=st.text(max_size=12), reason=values, case=st.sampled_from(EVERY))
def test_only_the_word_itself_ends_an_order(status: str, reason: Any, case: KindCase) -> None:
    answer = reply(200, {"status": status, "reason": reason, "errorReason": reason})
    try:
        report = Momo().order_status(BOTH, case.order).decode(answer)
    except ProviderError:
        return
    known = {"SUCCESSFUL", "FAILED", "PENDING", "CREATED", "CANCELLED", "CANCELED"}
    assert report.state in (None, OrderState.PENDING) or read_code(status) in known


@given(text=st.text(max_size=40) | st.from_regex(r"[a-z./@%+-]{0,40}", fullmatch=True))
def test_a_holders_path_has_one_id_only(text: str) -> None:
    try:
        path = Momo().check_holder(MOMO, text).request.path
    except ProviderError:
        return
    assert re.fullmatch(
        r"/collection/v1_0/accountholder/(msisdn|email|party_code)/[A-Za-z0-9.@_+\-]+/active", path
    )


@given(currency=st.sampled_from(sorted(EXPONENTS)), minor=st.integers(1, 10**11))
def test_momo_amounts_come_back_as_they_went(currency: str, minor: int) -> None:
    account = changed(MOMO, currency=currency)
    order = an_order(amount=Money(minor, currency))
    body = Momo().request_order(account, order).request.body
    assert re.fullmatch(r"[0-9]+(\.[0-9]{2})?", body["amount"])
    short = body["amount"].rstrip("0").rstrip(".") if "." in body["amount"] else body["amount"]
    for echoed in (body["amount"], short):
        answer = reply(200, {"status": "SUCCESSFUL", "amount": echoed, "currency": body["currency"]})
        assert Momo().order_status(account, order).decode(answer).amount == order.amount


@given(
    currency=st.sampled_from(["GHS", "UGX", "XOF"]),
    wire=st.sampled_from(["EUR", "USD"]),
    minor=st.integers(1, 10**11),
)
def test_amounts_in_a_wire_currency_come_back_in_ours(currency: str, wire: str, minor: int) -> None:
    account = changed(MOMO, currency=currency, wire_currency=wire)
    order = an_order(amount=Money(minor, currency))
    body = Momo().request_order(account, order).request.body
    assert body["currency"] == wire
    answer = reply(200, {"status": "SUCCESSFUL", "amount": body["amount"], "currency": wire})
    assert Momo().order_status(account, order).decode(answer).amount == order.amount


@given(currency=st.sampled_from(["GHS", "KES", "TZS", "UGX", "XAF"]), minor=st.integers(1, 10**11))
def test_startbutton_amounts_come_back_as_they_went(currency: str, minor: int) -> None:
    account = changed(STARTBUTTON, currency=currency, factor_confirmed=True)
    market = MARKETS[currency]
    assume((market.least or 0) <= minor * 10 ** (2 - exponent_of(currency)) <= (market.most or 10**13))
    order = an_order(amount=Money(minor, currency), network="mpesa" if currency == "KES" else "MTN")
    sent = Startbutton().request_order(account, order).request.body["amount"]
    assert sent == to_major(order.amount) * UNITS_PER_MAJOR[currency]
    assert exponent_of(currency) == 0 or sent == minor
    charge = {"status": "verified", "amount": sent, "currency": currency}
    answer = reply(200, {"success": True, "data": {"transaction": charge}})
    assert Startbutton().order_status(account, order).decode(answer).amount == order.amount


@given(limit=st.integers(1, 5), marks=st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=60))
def test_an_open_breaker_admits_at_most_one_a_second(limit: int, marks: list[tuple[bool, float]]) -> None:
    breaker, now, last = Breaker(limit), 0.0, None
    for healthy, passed in marks:
        now += passed
        was_open = breaker.is_open
        if not breaker.admits(now):
            assert was_open
            continue
        if was_open:
            assert last is None or now - last >= 1.0
            last = now
        breaker.note(healthy=healthy, now=now)
        if healthy:
            assert not breaker.is_open
            last = None
