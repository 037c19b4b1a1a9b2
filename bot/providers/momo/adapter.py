"""MTN MoMo Open API: the adapter. Chooses the call by an order's kind; sends nothing, keeps nothing.

A reply is believed only as far as its pair (status, reason) goes; HTTP 202 is never a payment.
Source: MTN MoMo Open API (momodeveloper.mtn.com), client libraries and users' reports, read November 2026;
the calls are in the modules beside this one, the words in `words`.
"""

import base64
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Final

from bot.money import AmountRule, Money, Msisdn, NumberRule, OrderKind
from bot.providers.base import (
    AccountHolder,
    AgreementReport,
    Call,
    Consent,
    ConsentAsked,
    Grant,
    HintCallback,
    Misconfigured,
    OrderCall,
    Receipt,
    Reply,
    Request,
    Secret,
    StatusReport,
    UserInfo,
)
from bot.providers.momo.checks import has_credentials, momo_problems, momo_warnings
from bot.providers.momo.collection import (
    bill_status,
    pay_bill,
    payment_status,
    request_to_pay,
    request_to_withdraw,
)
from bot.providers.momo.consent import ask_consent, poll_consent, user_info
from bot.providers.momo.encoding import (
    COLLECTION,
    DISBURSEMENT,
    NOTIFICATION_LIMIT,
    build_holder_path,
    build_look,
    build_note,
)
from bot.providers.momo.invoices import (
    cancel_invoice,
    invoice_cancel_status,
    invoice_status,
    request_invoice,
    standing_invoice,
)
from bot.providers.momo.looks import read_balance, read_holder, read_name, read_notified, read_token
from bot.providers.momo.payouts import payout_status, request_payout
from bot.providers.momo.preapprovals import (
    cancel_preapproval,
    preapproval_cancel_status,
    preapproval_status,
    request_preapproval,
    standing_preapproval,
)
from bot.providers.momo.settings import SETTINGS, MomoAccount
from bot.providers.momo.words import COUNTRIES, TEST_NUMBERS

__all__ = ["Momo"]

_Request = Callable[[MomoAccount, OrderCall], Call[Receipt]]
_Status = Callable[[MomoAccount, OrderCall], Call[StatusReport]]

_COLLECTIONS: Final[dict[OrderKind, tuple[_Request, _Status]]] = {
    OrderKind.COLLECTION: (request_to_pay, payment_status),
    OrderKind.AGREEMENT_CHARGE: (request_to_pay, payment_status),
    OrderKind.WITHDRAWAL: (request_to_withdraw, payment_status),
    OrderKind.PREAPPROVAL: (request_preapproval, preapproval_status),
    OrderKind.PREAPPROVAL_CANCEL: (cancel_preapproval, preapproval_cancel_status),
    OrderKind.INVOICE: (request_invoice, invoice_status),
    OrderKind.INVOICE_CANCEL: (cancel_invoice, invoice_cancel_status),
    OrderKind.BILL: (pay_bill, bill_status),
}
_PAYOUTS: Final[dict[OrderKind, tuple[_Request, _Status]]] = {
    OrderKind.TRANSFER: (request_payout, payout_status),
    OrderKind.DEPOSIT: (request_payout, payout_status),
    OrderKind.REFUND: (request_payout, payout_status),
}
_CALLS: Final = _COLLECTIONS | _PAYOUTS
_AGREEMENTS: Final[dict[OrderKind, Callable[[MomoAccount, OrderCall], Call[AgreementReport]]]] = {
    OrderKind.INVOICE: standing_invoice,
    OrderKind.PREAPPROVAL: standing_preapproval,
}
_NOTIFIED: Final = frozenset({OrderKind.COLLECTION, OrderKind.AGREEMENT_CHARGE})


class Momo:
    """The adapter. One instance serves every MoMo account."""

    name = "momo"
    settings = SETTINGS
    # No callback is signed: each comes to an address of its order's own.
    callback = HintCallback("/callbacks/momo/{token}", methods=("PUT", "POST"))
    # Pauses of 3, 5, 10, 15, then 30 s for six minutes (the payer has about five), then of 3 min for an hour.
    schedule_s = tuple(
        float(at)
        for at in (
            *accumulate((3, 5, 10, 15)),
            *range(60, 361, 30),
            *range(540, 3601, 180),
        )
    )
    not_found_grace_s = 30.0
    # What never arrived is made again under its reference, which is refused where it did arrive.
    absence_tells = frozenset[OrderKind]()
    # Nothing moves by the first three; of a bill the reference alone says which it is.
    tells_no_amount = frozenset(
        {
            OrderKind.PREAPPROVAL,
            OrderKind.PREAPPROVAL_CANCEL,
            OrderKind.INVOICE_CANCEL,
            OrderKind.BILL,
        }
    )

    # Orders --------------------------------------------------------------------------------------

    def kinds(self, account: MomoAccount) -> frozenset[OrderKind]:
        """By the products the account has credentials for; bills only where the settings name some."""
        found: set[OrderKind] = set()
        if has_credentials(account, COLLECTION):
            found |= _COLLECTIONS.keys()
        if has_credentials(account, DISBURSEMENT):
            found |= _PAYOUTS.keys()
        return frozenset(found if account.bills else found - {OrderKind.BILL})

    def amounts(self, account: MomoAccount, kind: OrderKind) -> AmountRule:
        """MTN publishes no limits that hold for everybody."""
        return AmountRule()

    def numbers(self, account: MomoAccount) -> NumberRule:
        """Those of the environment's country; in MTN's sandbox any. Its published test numbers are taken
        everywhere: whoever stands in for MTN knows them."""
        country = COUNTRIES.get(account.target_environment)
        return NumberRule((country,), TEST_NUMBERS) if country else NumberRule()

    def request_order(self, account: MomoAccount, order: OrderCall) -> Call[Receipt]:
        """Accepted is not done: see order_status."""
        if order.kind not in self.kinds(account):
            raise Misconfigured(f"this MoMo account has no call for {order.kind}", created_nothing=True)
        request, _ = _CALLS[order.kind]
        return request(account, order)

    def order_status(self, account: MomoAccount, order: OrderCall) -> Call[StatusReport]:
        """The order's state by our reference, which is the only one there is."""
        _, status = _CALLS[order.kind]
        return status(account, order)

    def agreement_status(self, account: MomoAccount, order: OrderCall) -> Call[AgreementReport]:
        if order.kind not in _AGREEMENTS:
            raise Misconfigured(f"{order.kind} makes no agreement", created_nothing=True)
        return _AGREEMENTS[order.kind](account, order)

    def notify_payer(self, account: MomoAccount, order: OrderCall, text: str) -> Call[None]:
        if order.kind not in _NOTIFIED:
            raise Misconfigured(f"MoMo has no message for {order.kind}", created_nothing=True)
        path = f"/{COLLECTION}/v1_0/requesttopay/{order.reference}/deliverynotification"
        body = {"notificationMessage": build_note(text, NOTIFICATION_LIMIT)}
        return Call("notify_payer", Request("POST", path, COLLECTION, body=body), read_notified, creates=True)

    # Look-ups ------------------------------------------------------------------------------------

    def check_holder(self, account: MomoAccount, party: str) -> Call[AccountHolder]:
        """Whether there is a wallet. Active does not promise that a payment works."""
        path = f"/v1_0/accountholder/{build_holder_path(party)}/active"
        return Call("check_holder", build_look(_product(account), path), read_holder)

    def holder_name(self, account: MomoAccount, party: str) -> Call[str]:
        """The name, empty where nobody is there or the contract does not cover names."""
        path = f"/v1_0/accountholder/{build_holder_path(party)}/basicuserinfo"
        return Call("holder_name", build_look(_product(account), path), read_name)

    def balance(self, account: MomoAccount) -> Call[tuple[Money, ...]]:
        """The merchant's own wallet; may be negative. One market showed one wallet under both products."""
        return _balance(account, _product(account))

    def payout_balance(self, account: MomoAccount) -> Call[tuple[Money, ...]] | None:
        """The wallet of Disbursements."""
        return _balance(account, DISBURSEMENT) if has_credentials(account, DISBURSEMENT) else None

    # Consent -------------------------------------------------------------------------------------

    def ask_consent(self, account: MomoAccount, msisdn: Msisdn) -> Call[ConsentAsked]:
        return ask_consent(_product(account), msisdn)

    def consent(self, account: MomoAccount, asked: Secret) -> Call[Consent]:
        return poll_consent(_product(account), asked)

    def user_info(self, account: MomoAccount, token: Secret) -> Call[UserInfo]:
        return user_info(_product(account), token)

    # What the sender and the checks ask ------------------------------------------------------------

    def bills(self, account: MomoAccount) -> tuple[str, ...]:
        return tuple(account.bills)

    def warnings(self, account: MomoAccount) -> list[str]:
        return momo_warnings(account)

    def networks(self, account: MomoAccount) -> tuple[str, ...]:
        return ()

    def token_call(self, account: MomoAccount, auth: str) -> Call[Grant] | None:
        """Buys the bearer token of product `auth`. The path's trailing slash is needed."""
        if ":" in auth:
            return None  # goes with the product's Basic credentials themselves
        return Call(f"token.{auth}", Request("POST", f"/{auth}/token/", "basic:" + auth), read_token)

    def auth_headers(self, account: MomoAccount, auth: str, token: str) -> Mapping[str, str]:
        basic, _, product = auth.rpartition(":")
        held = account.held(product)
        if basic:
            # Raw bytes: encoding them for a URL first is refused by the new gateway.
            pair = f"{held.api_user}:{held.api_key.reveal()}".encode()
            authorization = "Basic " + base64.b64encode(pair).decode()
        else:
            authorization = "Bearer " + token
        return {
            "Authorization": authorization,
            "Ocp-Apim-Subscription-Key": held.subscription_key.reveal(),
            # Also on the token call, where the new gateway insists on it.
            "X-Target-Environment": account.target_environment,
        }

    def problems(self, account: MomoAccount) -> list[str]:
        return momo_problems(account)


def _product(account: MomoAccount) -> str:
    """Where to ask what both products know: an account may have one of them only."""
    only_payouts = has_credentials(account, DISBURSEMENT) and not has_credentials(account, COLLECTION)
    return DISBURSEMENT if only_payouts else COLLECTION


def _balance(account: MomoAccount, product: str) -> Call[tuple[Money, ...]]:
    def decode(reply: Reply) -> tuple[Money, ...]:
        return read_balance(account, reply)

    return Call("balance", build_look(product, "/v1_0/account/balance"), decode)
