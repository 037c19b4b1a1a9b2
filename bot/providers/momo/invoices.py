"""MTN MoMo's invoices: made, cancelled and asked about. Pure.

Whether SUCCESSFUL says "created" or "paid" is the account's setting `invoice_successful_means`; while
nobody has set it nothing is called paid.
Source: MTN MoMo Open API, Collection, invoices (momodeveloper.mtn.com), client libraries and users'
reports, read November 2026.
"""

from typing import Any, Final

from bot.money import OrderState, Reason
from bot.providers.base import (
    AgreementReport,
    AgreementWord,
    Call,
    Misconfigured,
    OrderCall,
    Receipt,
    Reply,
    Request,
    StatusReport,
)
from bot.providers.momo.encoding import (
    COLLECTION,
    build_creation,
    build_look,
    build_money,
    build_note,
    build_party,
    build_validity_s,
)
from bot.providers.momo.replies import (
    code_of,
    look_body,
    not_found_report,
    read_accepted,
    read_cancelled,
    read_echoed_amount,
    read_echoed_party,
    read_moment_ms,
    read_reason,
    says_unknown,
)
from bot.providers.momo.settings import MomoAccount
from bot.providers.momo.words import STILL_WORKING, decide
from bot.providers.wire import read_code, read_text

__all__ = ["cancel_invoice", "invoice_cancel_status", "invoice_status", "request_invoice", "standing_invoice"]

_CANCELLED: Final = frozenset({"CANCELLED", "CANCELED"})
# Why an invoice is FAILED, by the meaning its code has for an order; anything else is a refusal.
_ENDED: Final = {Reason.EXPIRED: AgreementWord.EXPIRED, Reason.CANCELLED: AgreementWord.CANCELLED}


def request_invoice(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """Make an invoice that `order.payer` may pay from the wallet's menu."""
    body: dict[str, Any] = {
        "externalId": order.code,
        **build_money(account, order.amount),
        "validityDuration": str(build_validity_s(order)),
        "intendedPayer": build_party(order.payer),
        "description": build_note(order.details.description or order.payer_note),
    }
    if order.payee or account.payee:
        body["payee"] = build_party(order.payee or account.payee)

    def decode(reply: Reply) -> Receipt:
        return read_accepted(order.kind, reply)

    return build_creation(COLLECTION, "/v2_0/invoice", order, body, decode)


def invoice_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """Whether the invoice was made, which is all that its order asks for: see standing_invoice."""

    def decode(reply: Reply) -> StatusReport:
        if says_unknown(reply):
            return not_found_report(reply)
        body = look_body(reply)
        status, code = read_code(body.get("status")), read_reason(body.get("errorReason"))
        state, reason = decide(order.kind, status, code)
        if state is OrderState.PENDING and _exists(body) and not code:
            state = OrderState.SUCCESSFUL
        return StatusReport(
            state=state,
            reason=reason,
            provider_code=code or status,
            amount=read_echoed_amount(account, body),
            party=read_echoed_party(account, body.get("intendedPayer")),
            financial_id=read_text(body.get("invoiceId"), 100),
            payment_reference=read_text(body.get("paymentReference"), 100),
            expires_ms=read_moment_ms(body.get("expiryDateTime")),
        )

    return Call("order_status", _invoice_look(order.reference), decode)


def standing_invoice(account: MomoAccount, order: OrderCall) -> Call[AgreementReport]:
    """What has become of the invoice that `order` made."""

    def decode(reply: Reply) -> AgreementReport:
        if says_unknown(reply):
            return AgreementReport(state=None, provider_code=code_of(reply))
        body = look_body(reply)
        return AgreementReport(
            state=_invoice_word(account, order, body),
            provider_code=read_reason(body.get("errorReason")) or read_code(body.get("status")),
            payment_reference=read_text(body.get("paymentReference"), 100),
            expires_ms=read_moment_ms(body.get("expiryDateTime")),
            amount=read_echoed_amount(account, body),
            party=read_echoed_party(account, body.get("intendedPayer")),
            financial_id=read_text(body.get("invoiceId"), 100),
        )

    return Call("agreement_status", _invoice_look(order.reference), decode)


def cancel_invoice(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """Ask for the end of the invoice `about_reference`, under a reference of the cancellation's own."""

    def decode(reply: Reply) -> Receipt:
        return read_cancelled(order.kind, reply)

    path = f"/v2_0/invoice/{_about(order)}"
    return build_creation(COLLECTION, path, order, {"externalId": order.code}, decode, "DELETE")


def invoice_cancel_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """There is no status of a cancellation: it is done when the invoice is gone or FAILED."""

    def decode(reply: Reply) -> StatusReport:
        if says_unknown(reply):
            return StatusReport(state=OrderState.SUCCESSFUL, provider_code=code_of(reply))
        body = look_body(reply)
        status, code = read_code(body.get("status")), read_reason(body.get("errorReason"))
        word = code or status
        if status in _CANCELLED:
            return StatusReport(state=OrderState.SUCCESSFUL, provider_code=word)
        if status == "SUCCESSFUL" and not code and account.invoice_successful_means == "paid":
            return StatusReport(state=OrderState.FAILED, reason=Reason.NOT_COMPLETED, provider_code=word)
        state, _ = decide(order.kind, status, code)
        if state is OrderState.SUCCESSFUL:  # the invoice was made, that is
            return StatusReport(state=OrderState.PENDING, provider_code=word)
        done = state is OrderState.FAILED
        return StatusReport(state=OrderState.SUCCESSFUL if done else state, provider_code=word)

    return Call("order_status", _invoice_look(_about(order)), decode)


def _invoice_word(account: MomoAccount, order: OrderCall, body: dict[str, Any]) -> AgreementWord | None:
    status, code = read_code(body.get("status")), read_reason(body.get("errorReason"))
    if status in _CANCELLED:
        return AgreementWord.CANCELLED
    state, reason = decide(order.kind, status, code)
    if state is OrderState.FAILED and reason is not None:
        return _ENDED.get(reason, AgreementWord.REFUSED)
    if state is OrderState.SUCCESSFUL:
        paid = account.invoice_successful_means == "paid"
        return AgreementWord.PAID if paid else AgreementWord.ACTIVE
    if state is OrderState.PENDING and _exists(body) and code not in STILL_WORKING:
        return AgreementWord.ACTIVE
    return None


def _exists(body: dict[str, Any]) -> bool:
    return bool(read_text(body.get("paymentReference")) or read_text(body.get("invoiceId")))


def _invoice_look(reference: str) -> Request:
    return build_look(COLLECTION, f"/v2_0/invoice/{reference}")


def _about(order: OrderCall) -> str:
    if not order.about_reference:
        raise Misconfigured("a cancellation without its invoice", created_nothing=True)
    return order.about_reference
