"""What Startbutton is sent: amounts, phones, references, and the bodies of its three kinds of order.

Pure: an order in, a body out, or the refusal that says why it cannot be sent; nothing has left then.
Source: Startbutton's API documentation, "Mobile money, Transfers, Refunds", and code of those who use it,
read November 2026.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from bot.money import AmountRule, Money, Msisdn, OrderKind, Reason, exponent_of, to_major
from bot.providers.base import Declined, Misconfigured, OrderCall, Secret
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.providers.startbutton.words import (
    COUNTRIES,
    MARKETS,
    REFUND_UNITS,
    TRANSFERS,
    UNITS_PER_MAJOR,
    UNSURE_FACTOR,
    Transfers,
)

__all__ = [
    "amounts_of",
    "build_amount",
    "build_charge",
    "build_phone",
    "build_reference",
    "build_refund",
    "build_refund_amount",
    "build_transfer",
    "networks_of",
    "sign_transfer",
]

_ACCOUNT_NUMBER: Final = re.compile(r"[A-Za-z0-9-]{4,40}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_LONGEST_REASON: Final = 120


def networks_of(account: StartbuttonAccount) -> tuple[str, ...]:
    """The currency's provider codes, narrowed by the account's own list."""
    market = MARKETS.get(account.currency)
    offered = market.networks if market else ()
    return tuple(code for code in offered if not account.networks or code in account.networks)


def amounts_of(account: StartbuttonAccount, kind: OrderKind) -> AmountRule:
    """What amounts an order may have: the published limits of a charge, and whole units where the account's
    wallets move nothing less."""
    minor = 10 ** exponent_of(account.currency)
    step = minor if account.whole_amounts else 1
    market = MARKETS.get(account.currency)
    if kind is not OrderKind.COLLECTION or market is None:
        return AmountRule(least_minor=step, step_minor=step)
    units = UNITS_PER_MAJOR[account.currency]
    # A least between two minor units is the upper one, a most the lower one.
    least = -(-(market.least or 0) * minor // units)
    most = None if market.most is None else market.most * minor // units
    return AmountRule(max(least, step), most, step)


def build_charge(account: StartbuttonAccount, order: OrderCall) -> dict[str, Any]:
    """The body of a charge. Declined for a network that is not offered or an amount outside the limits."""
    _require_fit(account, order)
    if not account.email:
        raise Misconfigured("the account has no e-mail address", created_nothing=True)
    amount = build_amount(account, order.amount)
    market = MARKETS.get(account.currency)
    if market is None:
        raise Misconfigured("wallets in this currency cannot be charged", created_nothing=True)
    if (market.least is not None and amount < market.least) or (
        market.most is not None and amount > market.most
    ):
        raise Declined(Reason.BAD_REQUEST, "the amount is outside the currency's limits")
    body: dict[str, Any] = {
        "phone": build_phone(order.payer, account.currency),
        "email": account.email,
        "amount": amount,
        "currency": account.currency,
        "reference": build_reference(order.reference),
    }
    networks = networks_of(account)
    if networks:
        # With one network there is nothing to choose.
        body["provider"] = order.network or (networks[0] if len(networks) == 1 else "")
        if body["provider"] not in networks:
            raise Declined(Reason.UNKNOWN_NETWORK, "no such network for this account")
    return body


def build_transfer(account: StartbuttonAccount, order: OrderCall) -> dict[str, Any]:
    """The body of a payout, to a bank account where the order's terms name one, else to a wallet."""
    _require_fit(account, order)
    ways, country = TRANSFERS.get(account.currency), COUNTRIES.get(account.region)
    if ways is None or country is None:
        raise Misconfigured("no money can be paid out in this currency and country", created_nothing=True)
    body = {
        "amount": build_amount(account, order.amount),
        "currency": account.currency,
        "country": country,
        "reference": build_reference(order.reference),
    }
    if order.details.bank_code or order.details.account_number:
        return body | _bank(ways, order)
    return body | _wallet(ways, order)


def _bank(ways: Transfers, order: OrderCall) -> dict[str, Any]:
    code, number = order.details.bank_code, order.details.account_number
    if not ways.banks or not _CODE.fullmatch(code) or not _ACCOUNT_NUMBER.fullmatch(number):
        raise Declined(Reason.BAD_REQUEST, "the bank account cannot be paid to")
    return {"bankCode": code, "accountNumber": number}


def _wallet(ways: Transfers, order: OrderCall) -> dict[str, Any]:
    if not re.fullmatch(r"\+[0-9]{5,15}", order.payee):
        raise Declined(Reason.BAD_REQUEST, "the receiver's number is not in E.164")
    # The form of a payout's number is not shown; the international one says most.
    body = {"msisdn": order.payee}
    if not ways.names_network:
        return body
    network = order.network
    if ways.mno and network in ("", *MARKETS[order.amount.currency].networks):
        network = ways.mno  # a payout's code is not the charge's: "MPESA" and "mpesa"
    if network and not _CODE.fullmatch(network):
        raise Declined(Reason.UNKNOWN_NETWORK, "no such network")
    # Where none is known, none is made up: the provider may find it by the number, or refuses.
    return body | ({"MNO": network} if network else {})


def build_refund(account: StartbuttonAccount, order: OrderCall) -> dict[str, Any]:
    """The body of a refund of the payment the order is about, which must be known by their reference."""
    _require_fit(account, order)
    if not order.about_provider_reference:
        raise Misconfigured("the payment to give back has no reference of theirs", created_nothing=True)
    body: dict[str, Any] = {
        "transactionReference": order.about_provider_reference,
        "amount": _number(build_refund_amount(account, order.amount)),
    }
    reason = " ".join(order.details.description.split())[:_LONGEST_REASON].strip()
    return body | ({"reason": reason} if reason else {})


def build_amount(account: StartbuttonAccount, money: Money) -> int:
    """The amount in Startbutton's units. Misconfigured where the unit is not known well enough."""
    if money.currency in UNSURE_FACTOR and not account.factor_confirmed:
        raise Misconfigured("the currency's unit is not confirmed", created_nothing=True)
    units = UNITS_PER_MAJOR.get(money.currency)
    amount = to_major(money) * (units or 0)
    if not units or amount != amount.to_integral_value():
        raise Misconfigured("the currency cannot be sent", created_nothing=True)
    return int(amount)


def build_refund_amount(account: StartbuttonAccount, money: Money) -> Decimal:
    """A refund's amount in the unit the account's settings name. Misconfigured where they name none."""
    if account.refund_unit not in REFUND_UNITS:
        raise Misconfigured("the unit of refunds is not set", created_nothing=True)
    units = build_amount(account, money)
    return Decimal(units) if account.refund_unit == "minor" else to_major(money)


def build_phone(msisdn: Msisdn, currency: str) -> str:
    """The number in the form of the currency's samples: 0551112233 for GHS and KES, else +256..."""
    prefix = MARKETS[currency].local_prefix if currency in MARKETS else ""
    return "0" + msisdn.removeprefix(prefix) if prefix and msisdn.startswith(prefix) else msisdn


def build_reference(reference: str) -> str:
    """Our UUID as its 32 hex digits: references are alphanumeric."""
    return reference.replace("-", "").lower()


def sign_transfer(key: Secret, body: bytes, now: datetime) -> Mapping[str, str]:
    """The header of a signed transfer: HMAC-SHA256 over the minute and the exact bytes sent.

    The documentation's samples contradict each other and name no time zone; this is our reading, in UTC.
    """
    minute = now.astimezone(UTC).strftime("%Y%m%d%H%M").encode()
    return {"x-request-id": hmac.new(key.reveal().encode(), minute + body, hashlib.sha256).hexdigest()}


def _require_fit(account: StartbuttonAccount, order: OrderCall) -> None:
    if order.amount.currency != account.currency or order.amount.amount_minor <= 0:
        raise Misconfigured("the order's amount does not fit its account", created_nothing=True)


def _number(amount: Decimal) -> Any:
    """A JSON number: whole where the amount is, else with its decimals, and never a float."""
    return int(amount) if amount == amount.to_integral_value() else msgspec.Raw(format(amount, "f").encode())
