"""How Startbutton tells of a transaction: the object of its answers, the signed webhooks. Pure.

Source: Startbutton documentation, transaction status and webhooks. Signed are the raw bytes, HMAC-SHA512
with the account's secret key, in lower-case hex. What an event about a refund or a dispute looks like is
not shown; theirs are our guess.
"""

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import msgspec

from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Entry, moment
from bot.sandbox.startbutton.checks import MINOR_PER_MAJOR
from bot.sandbox.wire import encode_json

SIGNATURE_HEADER = "x-startbutton-signature"
CHARGE, TRANSFER, REFUND = "charge", "transfer", "refund"
INITIATED, PENDING, ONGOING, PROCESSING = "initiated", "pending", "ongoing", "processing"
VERIFIED, SUCCESSFUL, REVERSED = "verified", "successful", "reversed"
FAILED, DECLINED, EXPIRED, ABANDONED = "failed", "declined", "expired", "abandoned"
# A failed collection has no event.
COLLECTION_EVENTS = {VERIFIED: "collection.verified", SUCCESSFUL: "collection.completed"}
_TYPES = {CHARGE: "collection", TRANSFER: "transfer", REFUND: "refund"}
_MERCHANT_ID = 77
_NON_ASCII = "Réglé à Café Ñandú, 5 € ✓ / “ok”"


def sign(secret_key: str, written: bytes, sort: str) -> dict[str, str]:
    """The signature header over the raw bytes; `sort` other than "good" is a deliberate mistake."""
    if sort == "missing":
        return {}
    key = secret_key + "x" if sort == "wrong_key" else secret_key
    method = hashlib.sha256 if sort == "sha256" else hashlib.sha512
    text = hmac.new(key.encode(), written, method).hexdigest()
    return {SIGNATURE_HEADER: {"upper": text.upper(), "garbage": "not-hex"}.get(sort, text)}


def to_minor(amount: Decimal) -> int:
    """Hundredths, in every currency."""
    return int(amount * MINOR_PER_MAJOR)


def build_transaction(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    """The transaction object of status answers and lists."""
    minor = to_minor(entry.amount)
    shown = Decimal(faults.echo_amount) if faults.echo_amount else Decimal(minor)
    fee = Decimal(minor) * 7 / 1000
    return {
        "_id": f"{entry.seq:024x}",
        "transType": _TYPES[entry.kind],
        "status": faults.status_word or entry.status,
        "merchantId": _MERCHANT_ID,
        "transactionReference": entry.provider_reference,
        "userTransactionReference": entry.reference,
        "gatewayReference": f"gw-{entry.seq}",
        "isRecurrent": False,
        "feeAmount": int(fee) if fee == int(fee) else fee.normalize(),
        "amount": int(shown) if shown == int(shown) else shown,
        "currency": faults.echo_currency or entry.currency,
        "createdAt": moment(entry.created_at),
        "updatedAt": moment(entry.updated_at),
    } | {name: entry.detail[name] for name in ("recipient", "tag") if name in entry.detail}


def name_event(entry: Entry, status: str) -> str:
    """The event that tells `status` of an entry."""
    if entry.kind == CHARGE:
        return COLLECTION_EVENTS.get(status, f"collection.{status}")
    return f"{entry.kind}.{status}"


def build_event(entry: Entry, faults: FaultValues, status: str) -> dict[str, Any]:
    """The webhook that tells `status`."""
    transaction = build_transaction(entry, faults) | {
        "status": status,
        "customerEmail": entry.detail.get("email"),
        "paymentCode": None,
        "postProcess": None,
        "narration": _NON_ASCII if faults.webhook_non_ascii else f"mobile money {entry.kind}",
    }
    if faults.callback_body == "unknown_fields":
        transaction["unheardOf"] = {"nested": [1, None]}
    if faults.webhook_key_order == "reversed":
        transaction = dict(reversed(transaction.items()))
    event = faults.webhook_event or name_event(entry, status)
    return {"event": event, "data": {"transaction": transaction, "authorizationCode": None}}


def write_event(body: dict[str, Any], faults: FaultValues) -> bytes:
    """The bytes of a webhook, as they are signed and sent."""
    if faults.callback_body == "empty":
        return b""
    written = encode_json(body)
    if faults.webhook_spacing == "spaced":
        written = msgspec.json.format(written, indent=2)
    return written[: len(written) // 2] if faults.callback_body == "invalid_json" else written
