"""Startbutton: mobile-money charge, OTP, status, webhook, wallet. Encodes and decodes; sends nothing.

A charge is never posted twice: what the provider does with a used reference is not documented, so
after a lost reply one only asks.
Source: reference/startbutton.md, read November 2026; the tables are in `startbutton_words`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final
from urllib.parse import quote, urlencode

from bot.money import Money, Msisdn, OrderKind, Reason, to_major
from bot.providers.base import (
    Account,
    AccountHolder,
    Call,
    CallbackEvent,
    Capability,
    Credentials,
    Declined,
    Grant,
    ListPage,
    Misconfigured,
    OrderCall,
    OtpAnswer,
    Receipt,
    Reply,
    Request,
    StatusReport,
)
from bot.providers.checks import base_url_problem, key_problems
from bot.providers.startbutton_replies import (
    read_charge,
    read_event,
    read_list,
    read_otp,
    read_status,
    read_wallets,
)
from bot.providers.startbutton_words import MARKETS, UNITS_PER_MAJOR, UNSURE_FACTOR

__all__ = ["Startbutton", "build_amount", "build_phone", "build_reference"]

_CHARGE: Final = "/transaction/initialize/s2s/mobile_money"
_SIGNATURE: Final = "x-startbutton-signature"
# A page of the list stays well below the longest reply that is read.
_LISTED_AT_ONCE: Final = 50


class Startbutton:
    """The adapter. One instance serves every Startbutton account."""

    name = "startbutton"
    can = frozenset({Capability.REQUEST_PAYMENT, Capability.SUBMIT_OTP, Capability.BALANCE, Capability.LIST})
    currencies = frozenset(MARKETS)
    may_ask_otp = True
    # Pauses of 5, 10, 15, then 30 s for ten minutes, then of 5 min past the hour after which a charge
    # nobody answered is abandoned. No event tells of a failed charge: asking is the only way.
    schedule_s = tuple(
        float(at) for at in (*accumulate((5, 10, 15)), *range(60, 601, 30), *range(900, 4501, 300))
    )
    not_found_grace_s = 60.0

    # Calls ---------------------------------------------------------------------------------------

    def request_payment(self, account: Account, order: OrderCall) -> Call[Receipt]:
        """Charge the payer's wallet. Attempted is not paid: see payment_status."""
        _require_collection(order)
        if order.amount.currency != account.currency or order.amount.amount_minor <= 0:
            raise Misconfigured("the order's amount does not fit its account", created_nothing=True)
        if not account.email:
            raise Misconfigured("the account has no e-mail address", created_nothing=True)
        body: dict[str, Any] = {
            "phone": build_phone(order.payer, account.currency),
            "email": account.email,
            "amount": build_amount(account, order.amount),
            "currency": account.currency,
            "reference": build_reference(order.reference),
        }
        networks = self.networks(account)
        if networks:
            # With one network there is nothing to choose.
            body["provider"] = order.network or (networks[0] if len(networks) == 1 else "")
            if body["provider"] not in networks:
                raise Declined(Reason.UNKNOWN_NETWORK, "no such network for this account")
        return Call(
            "request_payment", Request("POST", _CHARGE, "public", body=body), read_charge, creates=True
        )

    def payment_status(self, account: Account, order: OrderCall) -> Call[StatusReport]:
        """The charge by their reference where we have it, else by ours."""
        _require_collection(order)
        ours = build_reference(order.reference)

        def decode(reply: Reply) -> StatusReport:
            return read_status(ours, reply)

        path = "/transaction/status/" + quote(order.provider_reference or ours, safe="")
        return Call("payment_status", Request("GET", path, "secret"), decode)

    def submit_otp(self, account: Account, order: OrderCall, otp: str) -> Call[OtpAnswer]:
        """Hand over the payer's code as text: leading zeros count. Accepted is still not paid."""
        reference = order.provider_reference or build_reference(order.reference)
        body = {"reference": reference, "otp": otp}
        request = Request("POST", _CHARGE + "/otp-verify", "public", body=body)
        return Call("submit_otp", request, read_otp, creates=True)

    def check_holder(self, account: Account, msisdn: Msisdn) -> Call[AccountHolder]:
        raise Misconfigured("Startbutton cannot look up wallets", created_nothing=True)

    def holder_name(self, account: Account, msisdn: Msisdn) -> Call[str]:
        raise Misconfigured("Startbutton cannot look up names", created_nothing=True)

    def balance(self, account: Account, currency: str = "") -> Call[tuple[Money, ...]]:
        """The merchant's available balance in each currency, or in `currency`."""

        def decode(reply: Reply) -> tuple[Money, ...]:
            return read_wallets(account, currency, reply)

        return Call("balance", Request("GET", "/wallet", "secret"), decode)

    def list_payments(self, account: Account, first_day: str, last_day: str, skip: int) -> Call[ListPage]:
        """Collections in the account's currency, whatever their status. Source: section 5, "List"."""

        def decode(reply: Reply) -> ListPage:
            return read_list(reply)

        query = {
            "transType": "collection",
            "startDate": first_day,
            "endDate": last_day,
            "currency": account.currency,
            "skip": skip,
            "limit": _LISTED_AT_ONCE,
        }
        return Call("list_payments", Request("GET", f"/transaction?{urlencode(query)}", "secret"), decode)

    def read_webhook(self, account: Account, headers: Mapping[str, str], raw: bytes) -> CallbackEvent | None:
        """The event, if the one signature header holds over `raw` as received; None otherwise.

        `headers` may be a multi-dict: a header sent twice is refused.
        """
        key = _keys(account).secret_key.reveal()
        given = [value for name, value in headers.items() if name.lower() == _SIGNATURE]
        if not key or len(given) != 1 or not re.fullmatch(r"[0-9a-f]{128}", given[0]):
            return None
        if not hmac.compare_digest(hmac.new(key.encode(), raw, hashlib.sha512).hexdigest(), given[0]):
            return None
        return read_event(raw)

    # What the sender and the checks ask ------------------------------------------------------------

    def networks(self, account: Account) -> tuple[str, ...]:
        """The currency's provider codes, narrowed by the account's own list."""
        market = MARKETS.get(account.currency)
        offered = market.networks if market else ()
        return tuple(code for code in offered if not account.networks or code in account.networks)

    def token_call(self, account: Account, auth: str) -> Call[Grant] | None:
        return None

    def auth_headers(self, account: Account, auth: str, token: str) -> Mapping[str, str]:
        keys = _keys(account)
        key = keys.public_key if auth == "public" else keys.secret_key
        return {"Authorization": "Bearer " + key.reveal()}

    def problems(self, account: Account) -> list[str]:
        keys = _keys(account)
        found = base_url_problem(account.base_url)
        found += key_problems({"public key": keys.public_key, "secret key": keys.secret_key})
        if keys.public_key and keys.public_key == keys.secret_key:
            found.append("The public key and the secret key are the same.")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", account.email):
            found.append("An e-mail address is missing: charges carry it in place of the payer's own.")
        if account.wire_currency not in ("", account.currency):
            found.append("Startbutton takes the account's own currency; no other can be sent in its place.")
        if account.currency not in MARKETS:
            found.append(f"Wallets in {account.currency!r} cannot be charged; only in {', '.join(MARKETS)}.")
            return found
        if account.currency in UNSURE_FACTOR and not account.factor_confirmed:
            found.append(
                f"Startbutton's unit for {account.currency} is not certain: ask them whether 100 means"
                f" {account.currency} 1, then say so in the settings (factor_confirmed)."
            )
        offered = MARKETS[account.currency].networks
        found += [
            f"The network {code!r} is not one of {', '.join(offered) or 'those to be named: none is'}."
            for code in account.networks
            if code not in offered
        ]
        return found


# Encoding ----------------------------------------------------------------------------------------


def build_amount(account: Account, money: Money) -> int:
    """The amount in Startbutton's units. Misconfigured where the unit is not known well enough."""
    if money.currency in UNSURE_FACTOR and not account.factor_confirmed:
        raise Misconfigured("the currency's unit is not confirmed", created_nothing=True)
    units = UNITS_PER_MAJOR.get(money.currency)
    amount = to_major(money) * (units or 0)
    if not units or amount != amount.to_integral_value():
        raise Misconfigured("the currency cannot be sent", created_nothing=True)
    return int(amount)


def build_phone(msisdn: Msisdn, currency: str) -> str:
    """The number in the form of the currency's samples: 0551112233 for GHS and KES, else +256..."""
    prefix = MARKETS[currency].local_prefix if currency in MARKETS else ""
    return "0" + msisdn.removeprefix(prefix) if prefix and msisdn.startswith(prefix) else msisdn


def build_reference(reference: str) -> str:
    """Our UUID as its 32 hex digits: references are alphanumeric."""
    return reference.replace("-", "").lower()


def _keys(account: Account) -> Credentials:
    """The account's two keys: the only entry, whatever it is called."""
    return next(iter(account.credentials.values()), Credentials())


def _require_collection(order: OrderCall) -> None:
    if order.kind is not OrderKind.COLLECTION:
        raise Misconfigured(f"Startbutton has no call for {order.kind}", created_nothing=True)
