"""MTN MoMo's collection: requests to pay, withdrawals and bills, and their statuses. Pure.

Source: MTN MoMo Open API, Collection (momodeveloper.mtn.com), client libraries and users' reports, read
November 2026.
"""

from bot.money import OrderKind, Reason
from bot.providers.base import (
    Call,
    Declined,
    Misconfigured,
    OrderCall,
    Receipt,
    Reply,
    StatusReport,
)
from bot.providers.momo.encoding import (
    COLLECTION,
    build_creation,
    build_look,
    build_money,
    build_note,
    build_party,
)
from bot.providers.momo.replies import read_accepted, read_status
from bot.providers.momo.settings import MomoAccount

__all__ = ["bill_status", "pay_bill", "payment_status", "request_to_pay", "request_to_withdraw"]

_PATHS = {
    OrderKind.COLLECTION: "requesttopay",
    # Under a pre-approval the same call debits without a prompt.
    OrderKind.AGREEMENT_CHARGE: "requesttopay",
    OrderKind.WITHDRAWAL: "requesttowithdraw",
}


def request_to_pay(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """Ask the payer to approve `order`."""
    return _from_payer(account, order, "v1_0")


def request_to_withdraw(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """Ask the payer to move cash out at the merchant's."""
    return _from_payer(account, order, account.api_version)


def payment_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """By our reference, which is the only one there is; v1 also of what v2 made."""

    def decode(reply: Reply) -> StatusReport:
        return read_status(account, order.kind, reply)

    path = f"/v1_0/{_PATHS[order.kind]}/{order.reference}"
    return Call("order_status", build_look(COLLECTION, path), decode)


def pay_bill(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    """Pay to a bill's service provider, under the customer's own reference there."""
    user_name = account.bills.get(order.details.service_provider, "")
    if not user_name:
        raise Misconfigured("the bill's service provider is not in the settings", created_nothing=True)
    reference = order.details.customer_reference.strip()
    if not reference or len(reference) > 100 or not reference.isprintable():
        raise Declined(Reason.BAD_REQUEST, "the customer's reference cannot be sent")
    body = {
        "externalTransactionId": order.code,
        "money": build_money(account, order.amount),
        "customerReference": reference,
        "serviceProviderUserName": user_name,
        "senderNote": build_note(order.payer_note),
        "receiverMessage": build_note(order.payee_note),
    }

    def decode(reply: Reply) -> Receipt:
        return read_accepted(order.kind, reply)

    return build_creation(COLLECTION, "/v2_0/payment", order, body, decode)


def bill_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """The reply names neither an amount nor a party."""

    def decode(reply: Reply) -> StatusReport:
        return read_status(account, order.kind, reply)

    return Call("order_status", build_look(COLLECTION, f"/v2_0/payment/{order.reference}"), decode)


def _from_payer(account: MomoAccount, order: OrderCall, version: str) -> Call[Receipt]:
    body = {
        **build_money(account, order.amount),
        "externalId": order.code,
        "payer": build_party(order.payer),
        "payerMessage": build_note(order.payer_note),
        "payeeNote": build_note(order.payee_note),
    }

    def decode(reply: Reply) -> Receipt:
        return read_accepted(order.kind, reply)

    return build_creation(COLLECTION, f"/{version}/{_PATHS[order.kind]}", order, body, decode)
