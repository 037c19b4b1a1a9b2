"""What MoMo tells about an entry: the body of a status answer and of a callback, bent by the switches.

Source: MTN MoMo developer portal (results, callbacks); users' reports for the bare reason and for which
fields are absent before the end. What a callback about an agreement or a payment says is not published:
it is taken to be the result.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Entry, moment, plain
from bot.sandbox.momo.access import message_of
from bot.sandbox.wire import encode_json

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
PENDING, CREATED, SUCCESSFUL, FAILED = "PENDING", "CREATED", "SUCCESSFUL", "FAILED"
_SHOWN_AS_NULL = ("reason", "errorReason")


def build_result(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    """What a status GET says of `entry`."""
    body = _BUILDERS.get(entry.kind, _build_money)(entry, faults)
    keeps_null = _SHOWN_AS_NULL if faults.reason_shape == "null" else ()
    body = {name: value for name, value in body.items() if value is not None or name in keeps_null}
    return _with_numbers(body) if faults.numeric_ids else body


def forge(body: dict[str, Any], entry: Entry, faults: FaultValues) -> dict[str, Any]:
    """`body` made untrue: done when it is not (or the reverse), or another amount."""
    forged = {**body, "status": SUCCESSFUL}
    if entry.direction != "none":
        forged["financialTransactionId"] = entry.provider_reference
    forged.pop("reason", None)
    forged.pop("errorReason", None)
    if faults.callback_forged == "amount" and "amount" in body:
        forged["amount"] = plain(entry.amount + 1)
    elif faults.callback_forged == "contradicting" and entry.status == SUCCESSFUL:
        forged |= {"status": FAILED, "reason": "APPROVAL_REJECTED"}
    return forged


def callback_bytes(body: dict[str, Any], faults: FaultValues, *, turn: int) -> bytes:
    """The bytes of a callback; the order of fields differs from one to the next, as it may."""
    names = list(body)
    start = turn % len(names) if names else 0
    body = {name: body[name] for name in names[start:] + names[:start]}
    if faults.callback_body == "empty":
        return b""
    if faults.callback_body == "unknown_fields":
        body |= {"unheardOf": {"nested": [1, None]}, "statusChangedAt": "yesterday"}
    written = encode_json(body)
    return written[: len(written) // 2] if faults.callback_body == "invalid_json" else written


def show_party(entry: Entry) -> dict[str, str] | None:
    """The party object, None where an entry has no party."""
    if not entry.detail.get("party_id"):
        return None
    return {"partyIdType": entry.detail["party_type"], "partyId": entry.detail["party_id"]}


def show_expiry(at: float) -> str:
    """A moment in UTC without a zone, as MoMo writes the end of an invoice."""
    return moment(at).removesuffix("Z")


# One builder for each shape of result.


def _build_money(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    named = faults.deposit_party if entry.kind == "deposit" else entry.detail["party_field"]
    return {
        "financialTransactionId": _financial_id(entry, faults),
        "externalId": entry.external_id,
        "amount": faults.echo_amount or plain(entry.amount),
        "currency": faults.echo_currency or entry.currency,
        named: show_party(entry),
        "payerMessage": entry.detail["payer_message"],
        "payeeNote": entry.detail["payee_note"],
        "status": _word(entry, faults),
        "reason": _reason(entry, faults),
    }


def _build_pre_approval(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    expires_at, end = entry.detail["expires_at"], None
    if expires_at is not None:
        as_number = faults.expiration_shape == "integer"
        end = int(expires_at * 1000) if as_number else show_expiry(expires_at)
    return {
        "payer": show_party(entry),
        "payerCurrency": faults.echo_currency or entry.currency or None,
        "payerMessage": entry.detail["payer_message"],
        "expirationDateTime": end,
        "status": _word(entry, faults),
        "reason": _reason(entry, faults),
    }


def _build_invoice(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    detail = entry.detail
    given, _, family = str(detail["payee_name"]).partition(" ")
    code = _reason_code(entry, faults)
    word = _word(entry, faults)
    if faults.invoice_successful == "created" and not faults.status_word and entry.status != FAILED:
        word = SUCCESSFUL
    return {
        "referenceId": entry.reference,
        "externalId": entry.external_id,
        "amount": faults.echo_amount or plain(entry.amount),
        "currency": faults.echo_currency or entry.currency,
        "status": word,
        "paymentReference": detail["payment_reference"],
        "invoiceId": entry.provider_reference,
        "expiryDateTime": show_expiry(detail["expires_at"]),
        "payeeFirstName": given,
        "payeeLastName": family or None,
        "errorReason": {"code": code, "message": message_of(code)} if code else None,
        "intendedPayer": show_party(entry),
        "description": detail["terms"].get("description"),
    }


def _build_cancellation(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    code = _reason_code(entry, faults)
    return {
        "referenceId": entry.reference,
        "externalId": entry.external_id,
        "status": _word(entry, faults),
        "errorReason": {"code": code, "message": message_of(code)} if code else None,
    }


def _build_payment(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    return {
        "referenceId": entry.reference,
        "status": _word(entry, faults),
        "financialTransactionId": _financial_id(entry, faults),
        "reason": _reason(entry, faults),
    }


def _build_consent(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    return {"auth_req_id": entry.reference, "status": _word(entry, faults)}


_BUILDERS: dict[str, Callable[[Entry, FaultValues], dict[str, Any]]] = {
    "pre_approval": _build_pre_approval,
    "invoice": _build_invoice,
    "invoice_cancellation": _build_cancellation,
    "payment": _build_payment,
    "consent": _build_consent,
}


def _financial_id(entry: Entry, faults: FaultValues) -> str | None:
    done = entry.final_at is not None and not faults.financial_id_absent
    return entry.provider_reference if done else None


def _word(entry: Entry, faults: FaultValues) -> str:
    if faults.status_word:
        return faults.status_word
    if entry.final_at is None and faults.open_as_failed:
        return FAILED
    return CREATED if faults.created_status and entry.status == PENDING else entry.status


def _reason_code(entry: Entry, faults: FaultValues) -> str | None:
    if faults.reason_shape in ("absent", "null"):
        return None
    if entry.final_at is None:
        return faults.open_as_failed or None
    return (faults.reason_code or entry.reason) if entry.reason is not None else None


def _reason(entry: Entry, faults: FaultValues) -> str | dict[str, str] | None:
    code = _reason_code(entry, faults)
    if code is not None and faults.reason_shape == "object":
        return {"code": code, "message": message_of(code)}
    return code


def _with_numbers(body: dict[str, Any]) -> dict[str, Any]:
    """Digits as JSON numbers, one level down too. Source: the published samples."""

    def number(value: object) -> object:
        if isinstance(value, dict):
            return {name: number(inner) for name, inner in value.items()}
        return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value

    return {name: number(value) for name, value in body.items()}
