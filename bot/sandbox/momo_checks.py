"""What MoMo takes in the body of a creating call. Pure: a body in, its meaning or a refusal out.

Source: MTN MoMo developer portal, request bodies; user reports for characters that are refused.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.sandbox.model import plain
from bot.sandbox.momo_access import invalid, momo_error

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_STRICT_MSISDN = re.compile(r"[1-9][0-9]{4,14}")
_LENIENT_MSISDN = re.compile(r"(?!00)\+?[0-9]{5,15}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_PARTY_CODE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STRICT_NOTE = re.compile(r"[^'&<>\"]*")
_NOTE_LENGTH = 160


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
    """The checked body of a creating call."""

    amount: Decimal
    currency: str
    external_id: str | None
    party: Party
    payer_message: str | None
    payee_note: str | None


def parse_creation(body: dict[str, Any], party_field: str, *, strict: bool) -> Creation:
    """The creation in `body`, whose party stands under `party_field`; refused with 400 otherwise."""
    amount = _text(body, "amount", strict=strict)
    if amount is None or not _AMOUNT.fullmatch(amount) or Decimal(amount) <= 0:
        raise invalid("amount must be a positive decimal number as text.")
    currency = body.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise invalid("currency must be an ISO 4217 code.")
    external_id = _text(body, "externalId", strict=strict)
    if external_id is not None and len(external_id) > 200:
        raise invalid("externalId is too long.")
    if strict and (not external_id or re.search(r"\s", external_id)):
        raise invalid("externalId is required and has no spaces.")
    return Creation(
        amount=Decimal(amount),
        currency=currency,
        external_id=external_id,
        party=parse_party(body.get(party_field), party_field, strict=strict),
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
