"""MTN MoMo's disbursement: transfers, deposits and refunds, and their statuses. Pure.

The money is the merchant's; what a code means for them is `words.reason_of`.
Source: MTN MoMo Open API, Disbursement (momodeveloper.mtn.com), client libraries and users' reports, read
November 2026.
"""

from typing import Any

from bot.money import OrderKind
from bot.providers.base import Call, Misconfigured, OrderCall, Receipt, Reply, StatusReport
from bot.providers.momo.encoding import (
    DISBURSEMENT,
    build_creation,
    build_look,
    build_money,
    build_note,
    build_party,
)
from bot.providers.momo.replies import read_accepted, read_status
from bot.providers.momo.settings import MomoAccount

__all__ = ["payout_status", "request_payout"]


def request_payout(account: MomoAccount, order: OrderCall) -> Call[Receipt]:
    body: dict[str, Any] = {
        **build_money(account, order.amount),
        "externalId": order.code,
        "payerMessage": build_note(order.payer_note),
        "payeeNote": build_note(order.payee_note),
    }
    if order.kind is OrderKind.REFUND:
        if not order.about_reference:
            raise Misconfigured("a refund without its payment", created_nothing=True)
        body["referenceIdToRefund"] = order.about_reference
    else:
        body["payee"] = build_party(order.payee)
    # There is no second version of the transfer.
    version = "v1_0" if order.kind is OrderKind.TRANSFER else account.api_version

    def decode(reply: Reply) -> Receipt:
        return read_accepted(order.kind, reply)

    return build_creation(DISBURSEMENT, f"/{version}/{order.kind}", order, body, decode)


def payout_status(account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
    """By our reference, v1 also of what v2 made. The report's party is whoever gets the money."""

    def decode(reply: Reply) -> StatusReport:
        return read_status(account, order.kind, reply, party="payee")

    path = f"/v1_0/{order.kind}/{order.reference}"
    return Call("order_status", build_look(DISBURSEMENT, path), decode)
