"""Startbutton's replies about money that leaves the merchant's wallet: transfers and refunds.

A word taken for another's here is paid twice, so whatever cannot be told for certain says nothing.
Source: Startbutton's API documentation, "Transfers and Refunds", and code of those who use it, read
November 2026.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from bot.money import Money, Reason
from bot.providers.base import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Receipt,
    Reply,
    StatusReport,
    Unknown,
)
from bot.providers.startbutton.envelope import (
    Envelope,
    look_data,
    message_says,
    open_envelope,
    read_moment,
    read_theirs,
    refuse_keys,
    says_no,
)
from bot.providers.startbutton.words import REFUND_STATUSES
from bot.providers.wire import read_code, read_decimal, read_retry_after, read_text

__all__ = ["read_refund_status", "read_refunded", "read_transfer"]

# Their clock may be behind ours by so much.
_CLOCKS_DIFFER_MS: Final = 2_000
# A refund of ours appears within this time after it left; what came later is somebody else's.
_APPEARS_WITHIN_MS: Final = 10 * 60 * 1000


def read_transfer(reply: Reply) -> Receipt:
    """Taken, by their reference. A duplicate may have been taken under a new one: only the status tells."""
    envelope = open_envelope(reply)
    if not envelope.good:
        _refuse(envelope, reply, "the transfer was refused")
    data = envelope.data if isinstance(envelope.data, dict) else {}
    inner = data.get("transaction")
    transaction = inner if isinstance(inner, dict) else data
    theirs = transaction.get("transactionReference") or transaction.get("reference")
    return Receipt(provider_reference=read_theirs(theirs))


def read_refunded(reply: Reply) -> Receipt:
    """Taken. A refund has no id."""
    envelope = open_envelope(reply)
    if not envelope.good:
        _refuse(envelope, reply, "the refund was refused", has_reference=False)
    return Receipt()


# The merchant's wallet is short, or the network is not theirs: nothing was created.
_NOTHING_CREATED: Final = {
    "insufficient_balance": Reason.MERCHANT_FUNDS,
    "unknown_provider": Reason.UNKNOWN_NETWORK,
}


def _refuse(envelope: Envelope, reply: Reply, what: str, *, has_reference: bool = True) -> NoReturn:
    """Raise what a reply means that says anything but yes."""
    said = message_says(envelope.message)
    rest: dict[str, Any] = {"provider_code": said, "http_status": reply.status}
    used = said == "duplicate_reference" or reply.status == 409
    if has_reference and envelope.good is False and used:
        raise AlreadyAccepted("this reference is in use", **rest)
    refuse_keys(reply, created_nothing=True)
    if says_no(envelope, reply) and said in _NOTHING_CREATED:
        raise Declined(_NOTHING_CREATED[said], what, **rest)
    raise Unknown("the reply leaves the outcome open", retry_after_s=read_retry_after(reply.headers), **rest)


def read_refund_status(
    wanted: Money, wire_amount: Decimal, sent_ms: int | None, reply: Reply
) -> StatusReport:
    """What became of the refund of `wire_amount` that left at `sent_ms`, among those of one payment.

    Refunds have neither an id nor a reference of ours. One is believed to be ours where it is the only one
    of this amount that began about when ours left; else nothing follows, and a person must look.
    """
    envelope = open_envelope(reply)
    plain_no = envelope.good is False and reply.status < 500 and reply.status not in (401, 403, 429)
    if plain_no and (reply.status == 404 or message_says(envelope.message) == "not_found"):
        return StatusReport(state=None, not_found=True, provider_code="NOT_FOUND")
    data = look_data(envelope, reply)
    rows = data if isinstance(data, list) else [data]
    if not all(isinstance(row, dict) for row in rows):
        raise Malformed("the refunds cannot be read", http_status=reply.status)
    alike = [row for row in rows if _may_be(row, wanted.currency, wire_amount, sent_ms)]
    if len(alike) != 1:
        return StatusReport(state=None, provider_code="SEVERAL_REFUNDS" if alike else "NO_SUCH_REFUND")
    word = read_code(alike[0].get("status"))
    state, reason = REFUND_STATUSES.get(word, (None, None))
    return StatusReport(state=state, reason=reason, provider_code=word, amount=wanted)


def _may_be(row: Mapping[str, Any], currency: str, wire_amount: Decimal, sent_ms: int | None) -> bool:
    began_ms = read_moment(row.get("createdAt"))
    if sent_ms is None or began_ms is None:
        return False
    if not -_CLOCKS_DIFFER_MS <= began_ms - sent_ms <= _APPEARS_WITHIN_MS:
        return False
    try:
        same = read_decimal(row.get("amount")) == wire_amount
    except ValueError:
        return False
    return same and read_text(row.get("currency")).upper() in ("", currency)
