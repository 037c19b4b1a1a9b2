"""Startbutton's replies and webhooks: bytes to values, and refusals to the error that says what to do next.

A reply counts as success only with HTTP 2xx and `success` (or `status`) exactly true; message texts
decide nothing but what `_message_says` knows. Raises nothing but a ProviderError.
Source: reference/startbutton.md sections 3 to 7, read November 2026.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from bot.money import Money, Reason, from_major
from bot.providers.base import (
    Account,
    AlreadyAccepted,
    CallbackEvent,
    Declined,
    Listed,
    ListPage,
    Malformed,
    Misconfigured,
    NextStep,
    OtpAnswer,
    Receipt,
    Reply,
    StatusReport,
    Unknown,
)
from bot.providers.startbutton_words import STATUSES, UNITS_PER_MAJOR, UNSURE_FACTOR
from bot.providers.wire import (
    read_code,
    read_decimal,
    read_object,
    read_retry_after,
    read_text,
    rounded_money,
)

__all__ = ["read_charge", "read_event", "read_list", "read_otp", "read_status", "read_wallets"]

_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class _Envelope(NamedTuple):
    """`good` True: done. False: refused, and said so. None: neither can be told from the reply."""

    good: bool | None
    message: str
    data: Any


def _open(reply: Reply) -> _Envelope:
    try:
        body = read_object(reply.content)
    except ValueError:
        return _Envelope(None, "", None)
    # OTP answers say `status` where the others say `success`.
    said = {body[name] for name in ("success", "status") if isinstance(body.get(name), bool)}
    good = said.pop() if len(said) == 1 else None
    if good and not 200 <= reply.status < 300:
        good = None
    return _Envelope(good, read_text(body.get("message")), body.get("data"))


def _message_says(message: str) -> str:
    """The few messages that mean something to us, as words of our own; empty for all others."""
    text = message.casefold()
    if "unknown provider" in text:
        return "unknown_provider"
    if "otp" in text and any(word in text for word in ("invalid", "incorrect", "wrong")):
        return "invalid_otp"
    if "reference" in text and any(word in text for word in ("duplicate", "already", "exists", "in use")):
        return "duplicate_reference"
    if "not found" in text:
        return "not_found"
    return ""


def read_charge(reply: Reply) -> Receipt:
    envelope = _open(reply)
    if envelope.good:
        data = envelope.data if isinstance(envelope.data, dict) else {}
        otp = read_code(data.get("nextStep")) == "OTP"
        return Receipt(NextStep.OTP if otp else NextStep.APPROVE, _reference(data.get("reference")))
    said = _message_says(envelope.message)
    rest: dict[str, Any] = {"provider_code": said, "http_status": reply.status}
    if said == "duplicate_reference" or (reply.status == 409 and envelope.good is False):
        raise AlreadyAccepted("this reference is in use", **rest)
    _refuse_keys(reply, created_nothing=True)
    if envelope.good is False and reply.status < 500 and reply.status != 429:
        if said == "unknown_provider":
            raise Declined(Reason.UNKNOWN_NETWORK, "the network is not known there", **rest)
        raise Declined(Reason.OTHER, "the charge was refused", **rest)
    raise Unknown("the reply leaves the outcome open", retry_after_s=read_retry_after(reply.headers), **rest)


def read_otp(reply: Reply) -> OtpAnswer:
    """Right, wrong, or Unknown: no refusal of a code is a word about the charge itself."""
    envelope = _open(reply)
    if envelope.good:
        return OtpAnswer(accepted=True)
    said = _message_says(envelope.message)
    if envelope.good is False and reply.status < 500 and said == "invalid_otp":
        return OtpAnswer(accepted=False)
    _refuse_keys(reply, created_nothing=False)
    raise Unknown(
        "the reply does not say whether the code was right",
        retry_after_s=read_retry_after(reply.headers),
        provider_code=said,
        http_status=reply.status,
    )


def read_status(ours: str, reply: Reply) -> StatusReport:
    envelope = _open(reply)
    plain_no = envelope.good is False and reply.status < 500 and reply.status not in (401, 403, 429)
    if plain_no and (reply.status == 404 or _message_says(envelope.message) == "not_found"):
        return StatusReport(state=None, not_found=True, provider_code="NOT_FOUND")
    data = _look_data(envelope, reply)
    charge = data.get("transaction") if isinstance(data, dict) else None
    if not isinstance(charge, dict):
        raise Malformed("no transaction in the reply", http_status=reply.status)
    named = read_text(charge.get("userTransactionReference"), 120)
    if named and named.lower() != ours:
        raise Malformed("the reply is about another order", http_status=reply.status)
    if read_code(charge.get("transType")) not in ("", "COLLECTION"):
        raise Malformed("the reply is not about a collection", http_status=reply.status)
    word = read_code(charge.get("status"))
    state, reason = STATUSES.get(word, (None, None))
    return StatusReport(
        state=state,
        reason=reason,
        provider_code=word,
        amount=_status_amount(charge, reply.status),
        provider_reference=_reference(charge.get("transactionReference")),
        financial_id=read_text(charge.get("gatewayReference"), 100),
    )


def read_wallets(account: Account, currency: str, reply: Reply) -> tuple[Money, ...]:
    rows = _look_data(_open(reply), reply)
    if not isinstance(rows, list):
        raise Malformed("the wallet list cannot be read", http_status=reply.status)
    found = []
    for row in rows:
        code = read_text(row.get("currency")).upper() if isinstance(row, dict) else ""
        # Others' currencies we cannot hold, and those whose unit is a guess, are left out.
        sure = code in UNITS_PER_MAJOR and (code not in UNSURE_FACTOR or account.factor_confirmed)
        if not sure or code != (currency or code):
            continue
        try:
            found.append(rounded_money(read_decimal(row["availableBalance"]) / UNITS_PER_MAJOR[code], code))
        except (KeyError, ValueError):
            raise Malformed("a balance cannot be read", http_status=reply.status) from None
    return tuple(found)


def read_list(reply: Reply) -> ListPage:
    """The rows of a list. One that is no object spoils the page: it might be a payment."""
    data = _look_data(_open(reply), reply)
    if isinstance(data, dict):
        # The envelope of a list is not shown: some calls wrap their rows once more.
        data = data.get("transactions")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise Malformed("the list cannot be read", http_status=reply.status)
    kept = [row for row in data if read_code(row.get("transType")) in ("", "COLLECTION")]
    return ListPage(tuple(map(_listed, kept)), len(data))


def _listed(row: Mapping[str, Any]) -> Listed:
    word = read_code(row.get("status"))
    try:
        amount = _echoed_amount(row)
    except ValueError:
        amount = None
    return Listed(
        reference=read_text(row.get("userTransactionReference"), 120),
        provider_reference=_reference(row.get("transactionReference")),
        state=STATUSES.get(word, (None, None))[0],
        provider_code=word,
        amount=amount,
        currency=read_text(row.get("currency"), 10).upper(),
        created_ms=_moment(row.get("createdAt")),
        updated_ms=_moment(row.get("updatedAt")),
    )


def _moment(value: Any) -> int | None:
    """Epoch milliseconds of an ISO time, UTC where it names no zone; None where it is none."""
    try:
        when = datetime.fromisoformat(read_text(value, 40))
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def read_event(raw: bytes) -> CallbackEvent:
    try:
        body = read_object(raw)
    except ValueError:
        return CallbackEvent("")
    data = body.get("data")
    charge = data.get("transaction") if isinstance(data, dict) else None
    if not isinstance(charge, dict):
        charge = {}
    return CallbackEvent(
        name=read_text(body.get("event"), 60),
        provider_reference=_reference(charge.get("transactionReference")),
        reference=_our_reference(read_text(charge.get("userTransactionReference"), 120)),
    )


def _look_data(envelope: _Envelope, reply: Reply) -> Any:
    """The data of a good reply to a call that creates nothing, or the error the reply means."""
    if envelope.good:
        return envelope.data
    _refuse_keys(reply, created_nothing=False)
    if reply.status >= 500 or reply.status == 429:
        pause = read_retry_after(reply.headers)
        raise Unknown("no answer to a look-up", retry_after_s=pause, http_status=reply.status)
    if envelope.good is False:
        raise Misconfigured("a look-up was refused", http_status=reply.status)
    raise Malformed("the reply cannot be read", http_status=reply.status)


def _refuse_keys(reply: Reply, *, created_nothing: bool) -> None:
    """Misconfigured for a bad key, the wrong kind of key or a source address that is not allowed."""
    if reply.status in (401, 403):
        raise Misconfigured(
            "key or address refused", created_nothing=created_nothing, http_status=reply.status
        )


def _reference(value: Any) -> str:
    """A reference of theirs; empty where it could not stand in a path."""
    text = read_text(value, 120)
    return text if _REFERENCE.fullmatch(text) else ""


def _our_reference(text: str) -> str:
    """Our UUID in its usual form from the 32 digits we sent; empty where the text is none of ours."""
    return str(UUID(text)) if re.fullmatch(r"[0-9a-fA-F]{32}", text) else ""


def _status_amount(charge: Mapping[str, Any], status: int) -> Money | None:
    try:
        return _echoed_amount(charge)
    except ValueError:
        raise Malformed("the echoed amount cannot be read", http_status=status) from None


def _echoed_amount(charge: Mapping[str, Any]) -> Money | None:
    """The echoed amount; None where there is none. Raises ValueError where it is there but cannot be held."""
    if charge.get("amount") in (None, "") and charge.get("currency") in (None, ""):
        return None
    currency = read_text(charge.get("currency")).upper()
    return from_major(read_decimal(charge.get("amount")) / UNITS_PER_MAJOR.get(currency, 100), currency)
