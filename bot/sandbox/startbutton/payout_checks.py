"""What Startbutton takes in a transfer or a refund: channels, banks, networks, units, signatures. Pure.

Source: Startbutton documentation, transfers, bank list, refunds. Names and codes of banks and of networks
other than MPESA are made up.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.sandbox.startbutton.checks import (
    MARKETS,
    MINOR_PER_MAJOR,
    Declined,
    check_reference,
    read_phone,
)

_BANKS: dict[str, tuple[tuple[str, str], ...]] = {
    "GHS": (("GH010", "Gold Coast Bank"), ("GH020", "Volta Savings")),
    "KES": (("KE010", "Uhuru Bank"), ("KE020", "Rift Valley Bank")),
}
_NETWORKS: dict[str, tuple[tuple[str, str], ...]] = {
    "GHS": (("MTN", "MTN"), ("VOD", "Telecel"), ("ATL", "AirtelTigo")),
    "KES": (("MPESA", "M-Pesa"), ("AIRTEL", "Airtel Money")),
    "RWF": (("MTN", "MTN"), ("AIRTEL", "Airtel Money")),
    "TZS": (("VODACOM", "M-Pesa"), ("AIRTEL", "Airtel Money"), ("TIGO", "Mixx")),
    "UGX": (("MTN", "MTN"), ("AIRTEL", "Airtel Money")),
    "XOF": (("WAVE", "Wave"), ("ORANGE", "Orange Money"), ("MTN", "MTN"), ("MOOV", "Moov Money")),
}
_WITHOUT_NETWORK = ("GHS",)
_COUNTRIES = {
    "GHS": ("Ghana",),
    "KES": ("Kenya",),
    "RWF": ("Rwanda",),
    "TZS": ("Tanzania",),
    "UGX": ("Uganda",),
    "XOF": ("Benin", "Burkina Faso", "Cote d'Ivoire", "Guinea-Bissau", "Mali", "Niger", "Senegal", "Togo"),
}
# How far the signed minute may be from ours.
_MINUTES_APART = 5


@dataclass(frozen=True, slots=True)
class Payout:
    """A checked transfer: `party` as it was named, `msisdn` in digits where it is a wallet."""

    amount_minor: int
    currency: str
    party: str
    msisdn: str | None
    reference: str | None
    recipient: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refund:
    """A checked refund; the amount in major units."""

    about: str
    amount: Decimal
    reason: str | None


def parse_transfer(body: dict[str, Any], *, strict: bool) -> Payout:
    """The transfer in `body`; Declined 400 says what is wrong with it."""
    currency, country = body.get("currency"), body.get("country")
    if not isinstance(currency, str) or currency not in _NETWORKS:
        raise Declined(400, "currency is not supported for transfers")
    if not isinstance(country, str) or (strict and country not in _COUNTRIES[currency]):
        raise Declined(400, "country is required by its name")
    amount = body.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= 10**15:
        raise Declined(400, "amount must be an integer in fractional units")
    reference = body.get("reference")
    check_reference(reference, strict=strict)
    kind, institution, number, msisdn = _target(body, currency, strict=strict)
    recipient = {
        "_id": "65f0c0ffee",
        "recipientName": None,
        "currency": currency,
        "institutionType": kind,
        "institutionName": institution,
        "institutionNumber": number,
    }
    return Payout(amount, currency, number, msisdn, reference, recipient)


def _target(body: dict[str, Any], currency: str, *, strict: bool) -> tuple[str, str | None, str, str | None]:
    """Kind, institution, its number, and the digits of a wallet."""
    bank, number, phone, network = (body.get(name) for name in ("bankCode", "accountNumber", "msisdn", "MNO"))
    if bank is not None or number is not None:
        known = dict(_BANKS.get(currency, ()))
        fits = isinstance(number, str) and re.fullmatch(r"[0-9A-Za-z]{6,20}", number)
        if not fits or not isinstance(number, str) or not isinstance(bank, str) or bank not in known:
            raise Declined(400, "bank account is not valid for this currency")
        return "bank", known[bank], number, None
    if not isinstance(phone, str):
        raise Declined(400, "msisdn or bank account is required")
    msisdn = read_phone(currency, MARKETS[currency], phone, also_international=True)
    wanted = currency not in _WITHOUT_NETWORK and (strict or network is not None)
    if wanted and network not in [code for code, _ in _NETWORKS[currency]]:
        raise Declined(400, "unknown provider")
    return "mobile_money", network if isinstance(network, str) else None, phone, msisdn


def parse_refund(body: dict[str, Any], unit: str) -> Refund:
    """The refund in `body`, its amount counted in `unit`; Declined 400 says what is wrong with it."""
    about, amount, reason = body.get("transactionReference"), body.get("amount"), body.get("reason")
    if not isinstance(about, str) or not about:
        raise Declined(400, "transactionReference is required")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or not 0 < amount <= 10**15:
        raise Declined(400, "amount must be a number above zero")
    if reason is not None and not isinstance(reason, str):
        raise Declined(400, "reason must be text")
    major = Decimal(amount) / MINOR_PER_MAJOR if unit == "minor" else Decimal(amount)
    if (major * MINOR_PER_MAJOR) % 1:
        raise Declined(400, "amount has too many decimals")
    return Refund(about, major, reason)


def list_banks(currency: str, kind: str, country: str) -> list[dict[str, str]]:
    """Banks or networks of a currency; Declined 400 for one that is not served, or without its country."""
    if kind not in ("", "bank", "mobile_money") or currency not in _NETWORKS:
        raise Declined(400, "no such list")
    if currency == "XOF" and country not in _COUNTRIES["XOF"]:
        raise Declined(400, "country is required for this currency")
    table = _NETWORKS if kind == "mobile_money" else _BANKS
    return [{"name": name, "code": code} for code, name in table.get(currency, ())]


def signature_holds(key: str, given: str, body: bytes, now: float) -> bool:
    """Whether `given` signs these bytes in a minute (UTC) near `now`."""
    moment = datetime.fromtimestamp(now, UTC)
    near = (moment + timedelta(minutes=apart) for apart in range(-_MINUTES_APART, _MINUTES_APART + 1))
    made = (
        hmac.new(key.encode(), minute.strftime("%Y%m%d%H%M").encode() + body, hashlib.sha256).hexdigest()
        for minute in near
    )
    return any(hmac.compare_digest(one.encode(), given.encode()) for one in made)
