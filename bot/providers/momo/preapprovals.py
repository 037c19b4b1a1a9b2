"""MTN MoMo's pre-approvals: made, ended, listed and asked about. Pure.

Source: MTN MoMo Open API, Collection, pre-approvals (momodeveloper.mtn.com), client libraries and users'
reports, read November 2026.
"""

import re
from typing import Any, Final

import msgspec

from bot.money import Msisdn, OrderState
from bot.providers.base import (
    AgreementReport,
    AgreementWord,
    Call,
    Malformed,
    Misconfigured,
    OrderCall,
    Preapproval,
    Receipt,
    Reply,
    Request,
    Resend,
    StatusReport,
)
from bot.providers.momo.encoding import (
    COLLECTION,
    build_creation,
    build_digits,
    build_look,
    build_note,
    build_party,
    build_validity_s,
    wire_currency,
)
from bot.providers.momo.replies import (
    code_of,
    look_body,
    look_json,
    not_found_report,
    read_accepted,
    read_cancelled,
    read_moment_ms,
    read_status,
    says_unknown,
)
from bot.providers.momo.settings import MomoAccount
from bot.providers.wire import read_code, read_text

__all__ = [
    "cancel_preapproval",
    "list_preapprovals",
    "preapproval_cancel_status",
    "preapproval_status",
    "request_preapproval",
    "standing_preapproval",
]

_WORDS: Final = {
    "APPROVED": AgreementWord.ACTIVE,
    "CANCELLED": AgreementWord.CANCELLED,
    "CANCELED": AgreementWord.CANCELLED,
    "EXPIRED": AgreementWord.EXPIRED,
    "REJECTED": AgreementWord.REFUSED,
}


def request_preapproval(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """Ask the payer to let this account charge without a prompt. The order's amount is our own limit and
    is not sent: MoMo knows none."""
    body = {
        "payer": build_party(order.payer),
        "payerCurrency": wire_currency(account),
        "payerMessage": build_note(order.payer_note),
        "validityTime": build_validity_s(order),
    }

    def decode(reply: Reply) -> Receipt:
        return read_accepted(order.kind, reply)

    return build_creation(COLLECTION, "/v2_0/preapproval", order, body, decode)


def preapproval_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """Whether the payer has approved. No amount is echoed: none was told."""

    def decode(reply: Reply) -> StatusReport:
        report = read_status(account, order.kind, reply)
        if report.not_found:
            return report
        expires_ms = read_moment_ms(look_body(reply).get("expirationDateTime"))
        return msgspec.structs.replace(report, expires_ms=expires_ms)

    return Call("order_status", build_look(COLLECTION, f"/v2_0/preapproval/{order.reference}"), decode)


def cancel_preapproval(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """End the pre-approval by its own id. Harmless when repeated: there is nothing left to end."""

    def decode(reply: Reply) -> Receipt:
        return read_cancelled(order.kind, reply)

    request = Request("DELETE", f"/{COLLECTION}/v1_0/preapproval/{_id_in_path(order)}", COLLECTION)
    return Call("request_order", request, decode, creates=True, resend=Resend.SAME_REFERENCE)


def preapproval_cancel_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """There is no status of a cancellation: the payer's list shows whether the approval still stands."""
    wanted = _id_in_path(order).lower()

    def decode(reply: Reply) -> StatusReport:
        if says_unknown(reply):
            return not_found_report(reply)
        rows = _rows(reply)
        found = [word for id, word, _ in map(_read_row, rows) if id.lower() == wanted]
        if not found:
            # Only a list that can be read in full shows that the approval is not on it.
            certain = all(_read_row(row)[0] for row in rows)
            return StatusReport(state=OrderState.SUCCESSFUL if certain else None)
        if "APPROVED" in found or "PENDING" in found:
            return StatusReport(state=OrderState.PENDING, provider_code=found[0])
        known = all(word in _WORDS for word in found)
        return StatusReport(state=OrderState.SUCCESSFUL if known else None, provider_code=found[0])

    return Call("order_status", _list_request(order.payer), decode)


def list_preapprovals(account: MomoAccount, msisdn: Msisdn) -> Call[tuple[Preapproval, ...]]:
    """What the payer has approved. Nobody of that number has approved nothing."""

    def decode(reply: Reply) -> tuple[Preapproval, ...]:
        return () if says_unknown(reply) else _read_preapprovals(reply)

    return Call("preapprovals", _list_request(msisdn), decode)


def standing_preapproval(account: MomoAccount, order: OrderCall) -> Call[AgreementReport]:
    """By its own id where the order knows it (`provider_reference` or `about_provider_reference`), else by
    whether the payer's list shows any that stands and is not one of the ids in `taken`."""
    wanted = (order.about_provider_reference or order.provider_reference).lower()
    taken = {id.lower() for id in order.taken}

    def decode(reply: Reply) -> AgreementReport:
        if says_unknown(reply):
            return AgreementReport(state=None, provider_code=code_of(reply))
        rows = [_read_row(row) for row in _rows(reply)]
        if not wanted:
            rows = [row for row in rows if row[0].lower() not in taken]
            over = all(id and word in _WORDS and word != "APPROVED" for id, word, _ in rows)
            if over:
                return AgreementReport(state=None, none_stands=True)
            rows = [row for row in rows if row[0] and row[1] == "APPROVED"]
        else:
            certain = all(id for id, _, _ in rows)
            rows = [row for row in rows if row[0].lower() == wanted]
            if not rows:
                # The list is of what is approved: the person ended it, or its time was over.
                return AgreementReport(
                    state=AgreementWord.CANCELLED if certain else None, none_stands=certain
                )
        if not rows:
            return AgreementReport(state=None)
        if len(rows) > 1 and not wanted:
            return AgreementReport(state=AgreementWord.ACTIVE, provider_code="APPROVED")
        id, word, expires_ms = rows[0]
        return AgreementReport(
            state=_WORDS.get(word), provider_code=word, expires_ms=expires_ms, provider_reference=id
        )

    return Call("agreement_status", _list_request(order.payer), decode)


def _id_in_path(order: OrderCall) -> str:
    """The pre-approval's own id; it is theirs, so that it must not lead to another path."""
    if not re.fullmatch(r"[A-Za-z0-9\-]{1,100}", order.about_provider_reference):
        raise Misconfigured("the pre-approval's id is not known", created_nothing=True)
    return order.about_provider_reference


def _list_request(msisdn: Msisdn) -> Request:
    return build_look(COLLECTION, f"/v1_0/preapprovals/msisdn/{build_digits(msisdn)}")


def _rows(reply: Reply) -> list[Any]:
    """The rows of the payer's list: an array by the schema, wrapped on one user's live service."""
    value = look_json(reply)
    rows = value.get("preApprovalDetails") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise Malformed("the list of pre-approvals cannot be read", http_status=reply.status)
    return rows


def _read_row(row: Any) -> tuple[str, str, int | None]:
    """Id, status word and end of a row; all empty where it cannot be read."""
    if not isinstance(row, dict):
        return "", "", None
    return (
        read_text(row.get("preApprovalId"), 100),
        read_code(row.get("status")),
        read_moment_ms(row.get("expiryTime")),
    )


def _read_preapprovals(reply: Reply) -> tuple[Preapproval, ...]:
    found = []
    for row in _rows(reply):
        id, word, expires_ms = _read_row(row)
        if id:
            payee = read_text(row.get("toFri"), 100)
            found.append(Preapproval(id, approved=word == "APPROVED", payee=payee, expires_ms=expires_ms))
    return tuple(found)
