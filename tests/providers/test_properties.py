"""Whatever comes back: decoders raise ProviderErrors only, notes stay clean, amounts stay exact."""

import hashlib
import hmac
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import EXPONENTS, Money, exponent_of, to_major
from bot.providers import PROVIDERS, ProviderError
from bot.providers.base import Call, Reply
from bot.providers.breaker import Breaker
from bot.providers.momo import Momo, build_note
from bot.providers.startbutton import Startbutton
from bot.providers.startbutton_words import UNITS_PER_MAJOR

from .cases import MOMO, OTP, PAYER, STARTBUTTON, an_order
from .tapes import reply

CALLS: list[Call[Any]] = [
    Momo().request_payment(MOMO, an_order()),
    Momo().payment_status(MOMO, an_order()),
    Momo().check_holder(MOMO, PAYER),
    Momo().holder_name(MOMO, PAYER),
    Momo().balance(MOMO),
    Momo().token_call(MOMO, "collection"),
    Startbutton().request_payment(STARTBUTTON, an_order()),
    Startbutton().payment_status(STARTBUTTON, an_order()),
    Startbutton().submit_otp(STARTBUTTON, an_order(), OTP),
    Startbutton().balance(STARTBUTTON),
    Startbutton().list_payments(STARTBUTTON, "2026-11-20", "2026-11-21", 0),
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
    assert Startbutton().read_webhook(STARTBUTTON, {"X-Startbutton-Signature": signature}, raw) is not None


@given(raw=st.binary(max_size=60), signature=st.text(max_size=140))
def test_unsigned_webhooks_are_nothing(raw: bytes, signature: str) -> None:
    for name, account in (("momo", MOMO), ("startbutton", STARTBUTTON)):
        given_headers = {"x-startbutton-signature": signature}
        assert PROVIDERS[name].read_webhook(account, given_headers, raw) is None


@given(st.text(max_size=300))
def test_notes_are_always_clean(text: str) -> None:
    note = build_note(text)
    assert re.fullmatch(r"[A-Za-z0-9 .,\-]{1,128}", note)
    assert note == note.strip()
    assert build_note(note) == note


@given(currency=st.sampled_from(sorted(EXPONENTS)), minor=st.integers(1, 10**11))
def test_momo_amounts_come_back_as_they_went(currency: str, minor: int) -> None:
    account = msgspec.structs.replace(MOMO, currency=currency)
    order = an_order(amount=Money(minor, currency))
    body = Momo().request_payment(account, order).request.body
    assert re.fullmatch(r"[0-9]+(\.[0-9]{2})?", body["amount"])
    short = body["amount"].rstrip("0").rstrip(".") if "." in body["amount"] else body["amount"]
    for echoed in (body["amount"], short):
        answer = reply(200, {"status": "SUCCESSFUL", "amount": echoed, "currency": body["currency"]})
        assert Momo().payment_status(account, order).decode(answer).amount == order.amount


@given(
    currency=st.sampled_from(["GHS", "UGX", "XOF"]),
    wire=st.sampled_from(["EUR", "USD"]),
    minor=st.integers(1, 10**11),
)
def test_amounts_in_a_wire_currency_come_back_in_ours(currency: str, wire: str, minor: int) -> None:
    account = msgspec.structs.replace(MOMO, currency=currency, wire_currency=wire)
    order = an_order(amount=Money(minor, currency))
    body = Momo().request_payment(account, order).request.body
    assert body["currency"] == wire
    answer = reply(200, {"status": "SUCCESSFUL", "amount": body["amount"], "currency": wire})
    assert Momo().payment_status(account, order).decode(answer).amount == order.amount


@given(currency=st.sampled_from(["GHS", "KES", "TZS", "UGX", "XAF"]), minor=st.integers(1, 10**11))
def test_startbutton_amounts_come_back_as_they_went(currency: str, minor: int) -> None:
    account = msgspec.structs.replace(STARTBUTTON, currency=currency, factor_confirmed=True)
    order = an_order(amount=Money(minor, currency), network="mpesa" if currency == "KES" else "MTN")
    sent = Startbutton().request_payment(account, order).request.body["amount"]
    assert sent == to_major(order.amount) * UNITS_PER_MAJOR[currency]
    assert exponent_of(currency) == 0 or sent == minor
    charge = {"status": "verified", "amount": sent, "currency": currency}
    answer = reply(200, {"success": True, "data": {"transaction": charge}})
    assert Startbutton().payment_status(account, order).decode(answer).amount == order.amount


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
