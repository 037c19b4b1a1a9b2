"""Startbutton: charge with OTP, payout, refund, status, list, wallet, webhook. Sends nothing itself.

Nothing that moves money is ever posted twice: what the provider does with a used reference is not
documented, and a refund has none at all. After a lost reply one only asks.
Source: Startbutton's API documentation (several editions) and code of those who use it, read November 2026;
the tables are in `words`.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import accumulate
from typing import Final, NoReturn
from urllib.parse import quote, urlencode

from bot.money import AmountRule, Money, NumberRule, OrderKind
from bot.providers.base import (
    Bank,
    Call,
    ListPage,
    Misconfigured,
    OrderCall,
    OtpAnswer,
    Receipt,
    Reply,
    Request,
    SignedCallback,
    StatusReport,
)
from bot.providers.startbutton.checks import problems_of
from bot.providers.startbutton.encoding import (
    amounts_of,
    build_charge,
    build_reference,
    build_refund,
    build_refund_amount,
    build_transfer,
    networks_of,
    sign_transfer,
)
from bot.providers.startbutton.payouts import read_refund_status, read_refunded, read_transfer
from bot.providers.startbutton.replies import (
    read_banks,
    read_charge,
    read_list,
    read_otp,
    read_status,
    read_wallets,
)
from bot.providers.startbutton.settings import SETTINGS, StartbuttonAccount
from bot.providers.startbutton.webhooks import read_callback
from bot.providers.startbutton.words import COUNTRIES, MARKETS, REFUND_UNITS, TRANSFERS, ZONES

__all__ = ["Startbutton"]

_CHARGE: Final = "/transaction/initialize/s2s/mobile_money"
_LISTED: Final = (OrderKind.COLLECTION, OrderKind.TRANSFER)
# A page of the list stays well below the longest reply that is read.
_LISTED_AT_ONCE: Final = 50


class Startbutton:
    """The adapter. One instance serves every Startbutton account."""

    name = "startbutton"
    settings = SETTINGS
    callback = SignedCallback("/callbacks/startbutton/{account}", read_callback)
    # Pauses of 5, 10, 15, then 30 s for ten minutes, then of 5 min past the hour after which a charge
    # nobody answered is abandoned. No event tells of a failed charge: asking is the only way.
    schedule_s = tuple(
        float(at) for at in (*accumulate((5, 10, 15)), *range(60, 601, 30), *range(900, 4501, 300))
    )
    not_found_grace_s = 60.0
    # A refund bears no reference of ours: that it is not found never says that it was not made.
    absence_tells = frozenset(_LISTED)
    tells_no_amount = frozenset[OrderKind]()

    # Orders --------------------------------------------------------------------------------------

    def kinds(self, account: StartbuttonAccount) -> frozenset[OrderKind]:
        """Charges; payouts where the currency has any; refunds once somebody has asked for their unit."""
        found = set()
        if account.currency in MARKETS:
            found.add(OrderKind.COLLECTION)
        if account.currency in TRANSFERS and account.region in COUNTRIES:
            found.add(OrderKind.TRANSFER)
        if account.refund_unit in REFUND_UNITS:
            found.add(OrderKind.REFUND)
        return frozenset(found)

    def amounts(self, account: StartbuttonAccount, kind: OrderKind) -> AmountRule:
        return amounts_of(account, kind)

    def numbers(self, account: StartbuttonAccount) -> NumberRule:
        """Those of the currency's countries: a wallet holds its country's money."""
        return NumberRule(ZONES.get(account.currency, (account.region,)))

    def request_order(self, account: StartbuttonAccount, order: OrderCall) -> Call[Receipt]:
        """Charge a wallet, pay out, or give a payment back. Taken is not done: see order_status."""
        match order.kind:
            case OrderKind.COLLECTION:
                charge = Request("POST", _CHARGE, "public", body=build_charge(account, order))
                return Call("request_order", charge, read_charge, creates=True)
            case OrderKind.TRANSFER:
                request = _transfer(account, order)
                return Call("request_order.transfer", request, read_transfer, creates=True)
            case OrderKind.REFUND:
                refund = Request("POST", "/transaction/refunds", "secret", body=build_refund(account, order))
                return Call("request_order.refund", refund, read_refunded, creates=True)
            case _:
                _cannot(f"{order.kind.value} orders")

    def order_status(self, account: StartbuttonAccount, order: OrderCall) -> Call[StatusReport]:
        """A charge or a transfer by their reference where we have it, else by ours; a refund by the payment
        it gives back, among all refunds of that payment."""
        if order.kind is OrderKind.REFUND:
            return _refund_status(account, order)
        if order.kind not in _LISTED:
            _cannot(f"{order.kind.value} orders")
        ours = build_reference(order.reference)

        def decode(reply: Reply) -> StatusReport:
            return read_status(order.kind, ours, reply)

        path = "/transaction/status/" + quote(order.provider_reference or ours, safe="")
        return Call("order_status", Request("GET", path, "secret"), decode)

    def submit_otp(self, account: StartbuttonAccount, order: OrderCall, otp: str) -> Call[OtpAnswer]:
        """Hand over the payer's code as text: leading zeros count. Accepted is still not paid."""
        reference = order.provider_reference or build_reference(order.reference)
        body = {"reference": reference, "otp": otp}
        request = Request("POST", _CHARGE + "/otp-verify", "public", body=body)
        return Call("submit_otp", request, read_otp, creates=True)

    # Look-ups ------------------------------------------------------------------------------------

    def balance(self, account: StartbuttonAccount) -> Call[tuple[Money, ...]]:
        """The merchant's available balance in each currency. Payouts have no other."""

        def decode(reply: Reply) -> tuple[Money, ...]:
            return read_wallets(account, reply)

        return Call("balance", Request("GET", "/wallet", "secret"), decode)

    def list_payments(
        self,
        account: StartbuttonAccount,
        first_day: str,
        last_day: str,
        skip: int,
        *,
        kind: OrderKind = OrderKind.COLLECTION,
    ) -> Call[ListPage]:
        """Charges or transfers in the account's currency, whatever their status. Source: section 5, List."""
        if kind not in _LISTED:
            _cannot(f"lists of {kind.value} orders")

        def decode(reply: Reply) -> ListPage:
            return read_list(kind, reply)

        query = {
            "transType": kind.value,
            "startDate": first_day,
            "endDate": last_day,
            "currency": account.currency,
            "skip": skip,
            "limit": _LISTED_AT_ONCE,
        }
        return Call("list_payments", Request("GET", f"/transaction?{urlencode(query)}", "secret"), decode)

    def banks(self, account: StartbuttonAccount) -> Call[tuple[Bank, ...]]:
        """Banks of the account's currency; where countries share it, of its own."""
        query = {"type": "bank"}
        if account.currency == "XOF" and account.region in COUNTRIES:
            query["country"] = COUNTRIES[account.region]
        path = f"/bank/list/{quote(account.currency, safe='')}?{urlencode(query)}"
        return Call("banks", Request("GET", path, "secret"), read_banks)

    # What the sender and the checks ask ------------------------------------------------------------

    def networks(self, account: StartbuttonAccount) -> tuple[str, ...]:
        """The currency's provider codes, narrowed by the account's own list."""
        return networks_of(account)

    def auth_headers(self, account: StartbuttonAccount, auth: str, token: str) -> Mapping[str, str]:
        key = account.public_key if auth == "public" else account.secret_key
        return {"Authorization": "Bearer " + key.reveal()}

    def problems(self, account: StartbuttonAccount) -> list[str]:
        return problems_of(account)


def _transfer(account: StartbuttonAccount, order: OrderCall) -> Request:
    """The payout, signed where the account has a key for that."""
    key = account.sign_key

    def sign(body: bytes, now: datetime) -> Mapping[str, str]:
        return sign_transfer(key, body, now)

    body = build_transfer(account, order)
    return Request("POST", "/transaction/transfer", "secret", body=body, sign=sign if key else None)


def _refund_status(account: StartbuttonAccount, order: OrderCall) -> Call[StatusReport]:
    if not order.about_provider_reference:
        raise Misconfigured("the payment to give back has no reference of theirs", created_nothing=True)
    wire_amount = build_refund_amount(account, order.amount)

    def decode(reply: Reply) -> StatusReport:
        return read_refund_status(order.amount, wire_amount, order.sent_ms, reply)

    path = f"/transaction/refunds/{quote(order.about_provider_reference, safe='')}/status"
    return Call("order_status.refund", Request("GET", path, "secret"), decode)


def _cannot(what: str) -> NoReturn:
    raise Misconfigured(f"Startbutton has no call for {what}", created_nothing=True)
