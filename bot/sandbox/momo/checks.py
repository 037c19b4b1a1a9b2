"""What MoMo takes in the bodies of its calls. Pure: a body in, its meaning or a refusal out.

Source: MTN MoMo developer portal, request bodies; user reports for characters that are refused.
"""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from bot.sandbox.model import plain
from bot.sandbox.momo.access import UUID, invalid, momo_error

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_STRICT_MSISDN = re.compile(r"[1-9][0-9]{4,14}")
_LENIENT_MSISDN = re.compile(r"(?!00)\+?[0-9]{5,15}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_PARTY_CODE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STRICT_NOTE = re.compile(r"[^'&<>\"]*")
_NOTE_LENGTH = 160
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_PAYMENT_TEXTS = (
    "customerReference",
    "serviceProviderUserName",
    "couponId",
    "productId",
    "productOfferingId",
)


@dataclass(frozen=True, slots=True)
class Party:
    """Who pays or is paid: the type in capitals and the id as it came."""

    id_type: str
    party_id: str

    @property
    def msisdn(self) -> str | None:
        """Digits without plus, for a number."""
        return self.party_id.removeprefix("+") if self.id_type == "MSISDN" else None


@dataclass(frozen=True, slots=True)
class Creation:
    """The checked body of a creating call. What a kind has no field for stays as it is here.

    `validity_s` is how long an agreement shall stand (0: no end was named); `about` the reference of
    another creation;
    `terms` the fields only shown again.
    """

    amount: Decimal = Decimal(0)
    currency: str = ""
    external_id: str | None = None
    party: Party | None = None
    payer_message: str | None = None
    payee_note: str | None = None
    validity_s: int = 0
    about: str = ""
    terms: dict[str, Any] = field(default_factory=dict)


def parse_request(body: dict[str, Any], *, strict: bool) -> Creation:
    """A request to pay or to withdraw: the `payer` is asked."""
    return _parse_money(body, parse_party(body.get("payer"), "payer", strict=strict), strict=strict)


def parse_payout(body: dict[str, Any], *, strict: bool) -> Creation:
    """A transfer: the `payee` gets the money."""
    return _parse_money(body, parse_party(body.get("payee"), "payee", strict=strict), strict=strict)


def parse_deposit(body: dict[str, Any], *, strict: bool) -> Creation:
    """A transfer by another name. Source: one library's manual shows `payer` where the schema has `payee`."""
    party = body.get("payee", body.get("payer"))
    return _parse_money(body, parse_party(party, "payee", strict=strict), strict=strict)


def parse_refund(body: dict[str, Any], *, strict: bool) -> Creation:
    """A refund names the payment instead of a party."""
    about = body.get("referenceIdToRefund")
    if not isinstance(about, str) or not UUID.fullmatch(about if strict else about.lower()):
        raise invalid("referenceIdToRefund must be a UUID.")
    return replace(_parse_money(body, None, strict=strict), about=about.lower())


def parse_pre_approval(body: dict[str, Any], *, strict: bool) -> Creation:
    """A pre-approval: whose wallet, in which currency, for how many seconds.

    The page marks neither currency nor time as required: without them it is for any currency and has no end.
    """
    timed = body.get("validityTime") is not None
    return Creation(
        currency=_currency(body, "payerCurrency") if body.get("payerCurrency") is not None else "",
        party=parse_party(body.get("payer"), "payer", strict=strict),
        payer_message=_note(body, "payerMessage", strict=strict),
        validity_s=_seconds(body, "validityTime", text=False, strict=strict) if timed else 0,
    )


def parse_invoice(body: dict[str, Any], *, strict: bool) -> Creation:
    """An invoice: the party is who shall pay; who is to be paid stands in the terms."""
    payee = parse_party(body.get("payee"), "payee", strict=strict) if strict or "payee" in body else None
    description = _note(body, "description", strict=strict)
    return Creation(
        amount=_amount(body, strict=strict),
        currency=_currency(body, "currency"),
        external_id=_external_id(body, "externalId", strict=strict),
        party=parse_party(body.get("intendedPayer"), "intendedPayer", strict=strict),
        payer_message=description,
        validity_s=_seconds(body, "validityDuration", text=True, strict=strict),
        terms={"payee": payee.party_id if payee is not None else None, "description": description},
    )


def parse_cancellation(body: dict[str, Any], *, strict: bool) -> Creation:
    """The cancelling of an invoice has an `externalId` and nothing else."""
    return Creation(external_id=_external_id(body, "externalId", strict=strict))


def parse_payment(body: dict[str, Any], *, strict: bool) -> Creation:
    """A payment to a service provider, such as an electricity bill: no party, but a reference there."""
    money = body.get("money")
    if not isinstance(money, dict):
        raise invalid("money is required.")
    terms = {name: _text(body, name, strict=strict) for name in _PAYMENT_TEXTS}
    if any(text is not None and len(text) > _NOTE_LENGTH for text in terms.values()):
        raise invalid("A field of the payment is too long.")
    retries, charges = body.get("maxNumberOfRetries"), body.get("includeSenderCharges")
    if retries is not None and (isinstance(retries, bool) or not isinstance(retries, int)):
        raise invalid("maxNumberOfRetries must be a whole number.")
    if charges is not None and not isinstance(charges, bool):
        raise invalid("includeSenderCharges must be true or false.")
    return Creation(
        amount=_amount(money, strict=strict),
        currency=_currency(money, "currency"),
        external_id=_external_id(body, "externalTransactionId", strict=strict),
        payer_message=_note(body, "senderNote", strict=strict),
        payee_note=_note(body, "receiverMessage", strict=strict),
        terms=terms,
    )


def _parse_money(body: dict[str, Any], party: Party | None, *, strict: bool) -> Creation:
    return Creation(
        amount=_amount(body, strict=strict),
        currency=_currency(body, "currency"),
        external_id=_external_id(body, "externalId", strict=strict),
        party=party,
        payer_message=_note(body, "payerMessage", strict=strict),
        payee_note=_note(body, "payeeNote", strict=strict),
    )


def parse_party(value: object, name: str, *, strict: bool) -> Party:
    """The party object; refused with 400 if type or id do not fit."""
    if not isinstance(value, dict):
        raise invalid(f"{name} is required.")
    id_type = value.get("partyIdType")
    party_id = _text(value, "partyId", strict=strict)
    if not isinstance(id_type, str) or party_id is None:
        raise invalid(f"{name} needs partyIdType and partyId.")
    if not strict:
        id_type = id_type.upper()
    check_holder(id_type, party_id, strict=strict)
    return Party(id_type, party_id)


def check_holder(id_type: str, holder: str, *, strict: bool) -> None:
    """Refuse an id type (in capitals) we do not know, or an id that is not of its type."""
    patterns = {
        "MSISDN": _STRICT_MSISDN if strict else _LENIENT_MSISDN,
        "EMAIL": _EMAIL,
        "PARTY_CODE": _PARTY_CODE,
    }
    if id_type not in patterns:
        raise invalid("The id type must be MSISDN, EMAIL or PARTY_CODE.")
    if not patterns[id_type].fullmatch(holder):
        raise invalid(f"The id is not a valid {id_type}.")


def parse_notification(value: object) -> str:
    """The text of a delivery notification; refused with 400 if missing or longer than 160."""
    if not isinstance(value, str) or not value.strip() or len(value) > _NOTE_LENGTH:
        raise invalid("notificationMessage must be text of at most 160 characters.")
    return value


def _amount(body: dict[str, Any], *, strict: bool) -> Decimal:
    amount = _text(body, "amount", strict=strict)
    if amount is None or not _AMOUNT.fullmatch(amount) or Decimal(amount) <= 0:
        raise invalid("amount must be a positive decimal number as text.")
    return Decimal(amount)


def _currency(body: dict[str, Any], name: str) -> str:
    currency = body.get(name)
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise invalid(f"{name} must be an ISO 4217 code.")
    return currency


def _external_id(body: dict[str, Any], name: str, *, strict: bool) -> str | None:
    external_id = _text(body, name, strict=strict)
    if external_id is not None and len(external_id) > 200:
        raise invalid(f"{name} is too long.")
    if strict and (not external_id or re.search(r"\s", external_id)):
        raise invalid(f"{name} is required and has no spaces.")
    return external_id


def _seconds(body: dict[str, Any], name: str, *, text: bool, strict: bool) -> int:
    """A duration: an integer in one body and text in another; lenient takes either everywhere."""
    value = body.get(name)
    fits = isinstance(value, str) if text else isinstance(value, int) and not isinstance(value, bool)
    if strict and not fits:
        raise invalid(f"{name} must be {'text' if text else 'a whole number'}.")
    seconds = _text(body, name, strict=False)
    if seconds is None or not _SECONDS.fullmatch(seconds) or int(seconds) == 0:
        raise invalid(f"{name} must be a number of seconds.")
    return int(seconds)


def _text(body: dict[str, Any], name: str, *, strict: bool) -> str | None:
    """A text field. Lenient also takes a number, as the published samples show and some clients send."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if strict or isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid(f"{name} must be text.")
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise invalid(f"{name} is out of range.")
    return plain(number)


def _note(body: dict[str, Any], name: str, *, strict: bool) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _NOTE_LENGTH:
        raise invalid(f"{name} must be text of at most 160 characters.")
    if strict and not value:
        raise momo_error(500, "INTERNAL_PROCESSING_ERROR")
    if strict and not _STRICT_NOTE.fullmatch(value):
        raise invalid(f"{name} has characters that are not allowed.")
    return value
