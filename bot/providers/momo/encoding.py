"""MTN MoMo's wire, our side of it: amounts, notes, numbers and the requests that carry them. Pure.

What cannot be sent is refused here, before anything leaves.
Source: MTN MoMo Open API, headers and bodies (momodeveloper.mtn.com), client libraries and users' reports,
read November 2026.
"""

import re
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any, Final

from bot.money import Money, Msisdn, Reason, from_major, to_major
from bot.providers.base import (
    Call,
    Declined,
    Misconfigured,
    OrderCall,
    Receipt,
    Reply,
    Request,
    Resend,
)
from bot.providers.momo.settings import MomoAccount

__all__ = [
    "COLLECTION",
    "DISBURSEMENT",
    "NOTIFICATION_LIMIT",
    "build_amount",
    "build_creation",
    "build_holder_path",
    "build_look",
    "build_money",
    "build_note",
    "build_party",
    "build_validity_s",
    "build_digits",
    "wire_currency",
]

# MTN's products: each has its path, its keys and its token.
COLLECTION: Final = "collection"
DISBURSEMENT: Final = "disbursement"

NOTIFICATION_LIMIT: Final = 160
_NOTE_LIMIT: Final = 128
_EMPTY_NOTE: Final = "Payment"
# Letters of our languages that do not decompose into a plain letter and a mark.
_LETTERS: Final = str.maketrans(
    {"ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ŋ": "n", "Ŋ": "N", "œ": "oe", "Œ": "OE"}
)
# What stands between a name and its English "s".
_POSSESSIVE: Final = re.compile(r"(?<=\w)['’ʼ`´](?=s\b)", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[A-Za-z0-9._+\-]{1,64}@[A-Za-z0-9.\-]{1,190}")


def wire_currency(account: MomoAccount) -> str:
    """What the platform is told in place of the account's own currency."""
    return account.wire_currency or account.currency


def build_creation(
    product: str,
    path: str,
    order: OrderCall,
    body: Any,
    decode: Callable[[Reply], Receipt],
    method: str = "POST",
) -> Call[Receipt]:
    """The call that makes `order` under its own reference; a second one under it is refused."""
    headers = {"X-Reference-Id": order.reference}
    if order.callback_url:  # an empty header breaks the call
        headers["X-Callback-Url"] = order.callback_url
    request = Request(method, f"/{product}{path}", product, headers, body)
    return Call("request_order", request, decode, creates=True, resend=Resend.SAME_REFERENCE)


def build_look(product: str, path: str) -> Request:
    """A request that only asks."""
    return Request("GET", f"/{product}{path}", product)


def build_amount(money: Money) -> str:
    """The amount in major units as MoMo takes it: "12.50", and "500" where there are no decimals."""
    return format(to_major(money), "f")


def build_money(account: MomoAccount, amount: Money) -> dict[str, str]:
    """The same figure in the currency the platform is told: GHS 12.50 is EUR 12.50 in MTN's sandbox."""
    if amount.currency != account.currency or amount.amount_minor <= 0:
        raise Misconfigured("the order's amount does not fit its account", created_nothing=True)
    try:
        sent = from_major(to_major(amount), wire_currency(account))
    except ValueError:
        raise Misconfigured("the wire currency cannot hold the amount", created_nothing=True) from None
    return {"amount": build_amount(sent), "currency": sent.currency}


def build_note(text: str, limit: int = _NOTE_LIMIT) -> str:
    """`text` with only what every market takes: plain letters, digits, space, dot, comma, dash; cut.

    Accents are dropped with their letter kept, and so is the mark in "Ama's": people read "Amas Kitchen"
    on their wallet, not "Ama s". Never empty: empty notes were answered with 500.
    """
    plain = unicodedata.normalize("NFKD", _POSSESSIVE.sub("", text).translate(_LETTERS))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = " ".join(re.sub(r"[^A-Za-z0-9 .,\-]+", " ", plain).split())
    return plain[:limit].strip() or _EMPTY_NOTE


def build_party(msisdn: Msisdn) -> dict[str, str]:
    return {"partyIdType": "MSISDN", "partyId": build_digits(msisdn)}


def build_digits(msisdn: Msisdn) -> str:
    """E.164 digits without the plus, as MoMo wants them in paths and bodies."""
    if not re.fullmatch(r"\+[0-9]{5,15}", msisdn):
        raise Declined(Reason.BAD_REQUEST, "the number is not in E.164")
    return msisdn[1:]


def build_holder_path(party: str) -> str:
    """`type/id` of a holder by its form: a number in E.164, an e-mail address, a party code (UUID).

    The type is documented in lower case.
    """
    if _EMAIL.fullmatch(party):
        return f"email/{party}"
    if len(party) == 36:
        try:
            return f"party_code/{uuid.UUID(party)}"
        except ValueError:
            pass
    return f"msisdn/{build_digits(party)}"


def build_validity_s(order: OrderCall) -> int:
    """For how long an agreement shall stand; MoMo makes none without an end."""
    if not order.details.validity_s or order.details.validity_s < 0:
        raise Misconfigured(f"{order.kind} without a validity", created_nothing=True)
    return order.details.validity_s
