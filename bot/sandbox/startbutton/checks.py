"""What Startbutton takes in a charge: providers, phone forms, limits, test numbers. Pure.

Source: Startbutton documentation, mobile-money charge by currency and its test numbers; amounts are
read as hundredths in every currency, as its published limits only make sense that way.
"""

import re
from dataclasses import dataclass
from typing import Any

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_REFERENCE = re.compile(r"[A-Za-z0-9]{16,100}")
_LARGEST = 10**15

MINOR_PER_MAJOR = 100


class Declined(Exception):
    """The charge or call is refused with this HTTP status and message."""

    def __init__(
        self, status: int, message: str, *, null_data: bool = False, empty_data: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.null_data = null_data
        self.empty_data = empty_data


@dataclass(frozen=True, slots=True)
class Market:
    """What one currency asks of a charge. `prefix` turns a local number into an international one."""

    providers: tuple[str, ...]
    phone: re.Pattern[str]
    prefix: str
    country: str
    least: int = 1
    most: int = _LARGEST


def _phones(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


MARKETS: dict[str, Market] = {
    "KES": Market(("mpesa",), _phones(r"0[17]\d{8}|\+254[17]\d{8}"), "254", "KE"),
    "GHS": Market(("MTN", "ATL", "VOD"), _phones(r"0[1-9]\d{8}"), "233", "GH"),
    "TZS": Market((), _phones(r"\+255\d{9}"), "255", "TZ", 10_000, 300_000_000),
    "UGX": Market((), _phones(r"\+256\d{9}"), "256", "UG", 50_000, 500_000_000),
    "XOF": Market(
        ("WAVE", "ORANGE", "MTN", "MOOV"), _phones(r"\+22[13-9]\d{8,10}|\+245\d{7,9}"), "225", "CI"
    ),
    "XAF": Market((), _phones(r"\+23[5-7]\d{8,10}|\+24[0-2]\d{7,10}"), "237", "CM"),
    "RWF": Market((), _phones(r"\+250\d{9}"), "250", "RW"),
    "ZMW": Market((), _phones(r"\+260\d{9}"), "260", "ZM"),
}
# Forms the samples do not show but a tolerant server takes.
_ALSO_LENIENT = {"GHS": _phones(r"\+233[1-9]\d{8}"), "KES": _phones(r"254[17]\d{8}")}

FAILING_NUMBERS = frozenset({"255750000020", "256760000010", "2250707000205"})


@dataclass(frozen=True, slots=True)
class Charge:
    """A checked charge; `msisdn` is the phone in international digits."""

    amount_minor: int
    currency: str
    phone: str
    msisdn: str
    email: str
    provider: str | None
    reference: str | None


def parse_charge(body: dict[str, Any], *, strict: bool) -> Charge:
    """The charge in `body`; Declined 400 says what is wrong with it."""
    currency = body.get("currency")
    market = MARKETS.get(currency) if isinstance(currency, str) else None
    if market is None or not isinstance(currency, str):
        raise Declined(400, "currency is not supported")
    amount = body.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise Declined(400, "amount must be an integer in fractional units")
    if not market.least <= amount <= market.most:
        raise Declined(400, "amount is outside the limits of this currency")
    phone = body.get("phone")
    if not isinstance(phone, str):
        raise Declined(400, "phone is not valid for this currency")
    msisdn = read_phone(currency, market, phone, also_international=not strict)
    email = body.get("email")
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        raise Declined(400, "email is required")
    provider = body.get("provider")
    if market.providers and provider not in market.providers:
        raise Declined(400, "unknown provider")
    if not market.providers and strict and provider is not None:
        raise Declined(400, "unknown provider")
    reference = body.get("reference")
    check_reference(reference, strict=strict)
    return Charge(
        amount_minor=amount,
        currency=currency,
        phone=phone,
        msisdn=msisdn,
        email=email,
        provider=provider if isinstance(provider, str) else None,
        reference=reference,
    )


def list_providers(code: str) -> list[dict[str, str]]:
    """Providers of a currency or country code; Declined 404 for one that is not served."""
    wanted = code.upper()
    for currency, market in MARKETS.items():
        if wanted in (currency, market.country):
            return [{"name": provider, "code": provider} for provider in market.providers]
    raise Declined(404, "no such currency or country")


def read_phone(currency: str, market: Market, phone: str, *, also_international: bool) -> str:
    """The international digits of a phone in its currency's form; Declined 400 for any other."""
    also = _ALSO_LENIENT.get(currency)
    fits = market.phone.fullmatch(phone) or (also_international and also and also.fullmatch(phone))
    if not fits:
        raise Declined(400, "phone is not valid for this currency")
    return market.prefix + phone[1:] if phone.startswith("0") else phone.removeprefix("+")


def check_reference(reference: object, *, strict: bool) -> None:
    """Declined 400 for a merchant reference that is there and does not fit."""
    fits = isinstance(reference, str) and (
        bool(_REFERENCE.fullmatch(reference)) if strict else 1 <= len(reference) <= 100
    )
    if reference is not None and not fits:
        raise Declined(400, "reference must be 16 to 100 letters and digits")
