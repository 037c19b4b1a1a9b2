"""What MoMo's own contract suite needs to know of each kind of order: what is sent, what is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.money import Money, OrderDetails, OrderKind, Reason
from bot.providers import OrderCall, Secret
from bot.providers.momo.settings import MomoAccount, ProductKeys
from tests.accounts import changed

from .cases import MOMO, PAYER, REFERENCE, an_order

PAYEE = "+233240000009"
ABOUT = "22222222-3333-4444-8555-666666666666"
APPROVAL = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
UNTIL_MS = 1_797_854_400_000  # 2026-12-21 12:00 UTC, as the tapes have it

# Both products, every setting, of a shop on the new gateway: its ids end in "=".
BOTH: MomoAccount = changed(
    MOMO,
    id="momo-both",
    disbursement=ProductKeys(
        subscription_key=Secret("subscription9876543210fedcba"),
        api_user="payout-user+/=",
        api_key=Secret("payout-key-fedcba"),
    ),
    bills={"Water": "sp.water"},
)


_AMOUNT = Money(1250, "GHS")


@dataclass(frozen=True)
class KindCase:
    """One kind of order. `tapes` names the tapes of its statuses by what they show."""

    kind: OrderKind
    path: str
    status_path: str
    body: Mapping[str, Any] | None
    successful: str
    pending: str
    failed: str  # the beginning of failed_text, _object, _null and _bare
    code: str
    reason: Reason
    numbers: str
    unknown: str
    party: str | None = PAYER
    amount: Money | None = _AMOUNT
    method: str = "POST"
    product: str = "collection"
    has_reference: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> OrderCall:
        return an_order(kind=self.kind, **self.changes)


_MONEY = {"amount": "12.50", "currency": "GHS"}
_NOTES = {"payerMessage": "Lunch", "payeeNote": "K7QX2A9M"}
_PAYER = {"partyIdType": "MSISDN", "partyId": "233240000001"}
_PAYEE = {"partyIdType": "MSISDN", "partyId": "233240000009"}
_PAY = {**_MONEY, "externalId": "K7QX2A9M", "payer": _PAYER, **_NOTES}
_PAYOUT = {**_MONEY, "externalId": "K7QX2A9M", "payee": _PAYEE, **_NOTES}


def _paid(kind: OrderKind, path: str) -> KindCase:
    return KindCase(
        kind=kind,
        path=f"/collection/v1_0/{path}",
        status_path=f"/collection/v1_0/{path}/{REFERENCE}",
        body=_PAY,
        successful="successful",
        pending="pending",
        failed="failed",
        code="APPROVAL_REJECTED",
        reason=Reason.REJECTED,
        numbers="successful_numbers",
        unknown="unknown_status",
    )


def _paid_out(kind: OrderKind, body: Mapping[str, Any], **changes: Any) -> KindCase:
    return KindCase(
        kind=kind,
        path=f"/disbursement/v1_0/{kind}",
        status_path=f"/disbursement/v1_0/{kind}/{REFERENCE}",
        body=body,
        successful="payout_successful",
        pending="payout_pending",
        failed="payout_failed",
        code="NOT_ENOUGH_FUNDS",
        reason=Reason.MERCHANT_FUNDS,
        numbers="payout_numbers",
        unknown="payout_unknown_status",
        party=PAYEE,
        product="disbursement",
        changes={"payer": "", **changes},
    )


KINDS = (
    _paid(OrderKind.COLLECTION, "requesttopay"),
    _paid(OrderKind.AGREEMENT_CHARGE, "requesttopay"),
    _paid(OrderKind.WITHDRAWAL, "requesttowithdraw"),
    _paid_out(OrderKind.TRANSFER, _PAYOUT, payee=PAYEE),
    _paid_out(OrderKind.DEPOSIT, _PAYOUT, payee=PAYEE),
    _paid_out(
        OrderKind.REFUND,
        {**_MONEY, "externalId": "K7QX2A9M", **_NOTES, "referenceIdToRefund": ABOUT},
        about_reference=ABOUT,
    ),
    KindCase(
        kind=OrderKind.PREAPPROVAL,
        path="/collection/v2_0/preapproval",
        status_path=f"/collection/v2_0/preapproval/{REFERENCE}",
        body={"payer": _PAYER, "payerCurrency": "GHS", "payerMessage": "Lunch", "validityTime": 86400},
        successful="preapproval_successful",
        pending="preapproval_pending",
        failed="preapproval_failed",
        code="APPROVAL_REJECTED",
        reason=Reason.REJECTED,
        numbers="preapproval_numbers",
        unknown="preapproval_unknown_status",
        amount=None,
        changes={"details": OrderDetails(validity_s=86400)},
    ),
    KindCase(
        kind=OrderKind.INVOICE,
        path="/collection/v2_0/invoice",
        status_path=f"/collection/v2_0/invoice/{REFERENCE}",
        body={
            "externalId": "K7QX2A9M",
            **_MONEY,
            "validityDuration": "3600",
            "intendedPayer": _PAYER,
            "description": "Schools fees",
        },
        successful="invoice_pending",
        pending="invoice_bare",
        failed="invoice_failed",
        code="PAYER_NOT_FOUND",
        reason=Reason.PAYER_NOT_FOUND,
        numbers="invoice_numbers",
        unknown="invoice_unknown_status",
        changes={"details": OrderDetails(validity_s=3600, description="School's fees")},
    ),
    KindCase(
        kind=OrderKind.BILL,
        path="/collection/v2_0/payment",
        status_path=f"/collection/v2_0/payment/{REFERENCE}",
        body={
            "externalTransactionId": "K7QX2A9M",
            "money": _MONEY,
            "customerReference": "MTR/007-1",
            "serviceProviderUserName": "sp.water",
            "senderNote": "Lunch",
            "receiverMessage": "K7QX2A9M",
        },
        successful="bill_successful",
        pending="bill_pending",
        failed="bill_failed",
        code="PAYER_LIMIT_REACHED",
        reason=Reason.PAYER_LIMIT,
        numbers="bill_numbers",
        unknown="bill_unknown_status",
        party=None,
        amount=None,
        changes={"details": OrderDetails(service_provider="Water", customer_reference=" MTR/007-1 ")},
    ),
)
CANCELS = (
    KindCase(
        kind=OrderKind.PREAPPROVAL_CANCEL,
        path=f"/collection/v1_0/preapproval/{APPROVAL}",
        status_path="/collection/v1_0/preapprovals/msisdn/233240000001",
        body=None,
        successful="preapprovals_empty",
        pending="preapprovals",
        failed="",
        code="",
        reason=Reason.OTHER,
        numbers="",
        unknown="",
        party=None,
        amount=None,
        method="DELETE",
        has_reference=False,
        changes={"about_reference": ABOUT, "about_provider_reference": APPROVAL},
    ),
    KindCase(
        kind=OrderKind.INVOICE_CANCEL,
        path=f"/collection/v2_0/invoice/{ABOUT}",
        status_path=f"/collection/v2_0/invoice/{ABOUT}",
        body={"externalId": "K7QX2A9M"},
        successful="invoice_cancelled",
        pending="invoice_pending",
        failed="",
        code="",
        reason=Reason.OTHER,
        numbers="",
        unknown="invoice_unknown_status",
        party=None,
        amount=None,
        method="DELETE",
        changes={"about_reference": ABOUT},
    ),
)
EVERY = KINDS + CANCELS
