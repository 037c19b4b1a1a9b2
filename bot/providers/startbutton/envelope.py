"""What every answer of Startbutton has in common: the envelope, its refusals, references, amounts, times.

A reply counts as success only with HTTP 2xx and `success` (or `status`) exactly true; message texts
decide nothing but what `message_says` knows. Raises nothing but a ProviderError, and ValueError where
it says so.
Source: Startbutton's API documentation, "Errors", and code of those who use it, read November 2026.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from bot.money import Money, from_major
from bot.providers.base import Malformed, Misconfigured, Reply, Unknown
from bot.providers.startbutton.words import UNITS_PER_MAJOR
from bot.providers.wire import read_decimal, read_object, read_retry_after, read_text

__all__ = [
    "Envelope",
    "look_data",
    "message_says",
    "open_envelope",
    "read_amount",
    "read_moment",
    "read_ours",
    "read_theirs",
    "refuse_keys",
    "says_no",
]

_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_EXACTLY: Final = {
    "unknown provider": "unknown_provider",
    "user has insufficient balance": "insufficient_balance",
    "invalid otp": "invalid_otp",
}
_REFUSING: Final = frozenset({200, 400, 422})


class Envelope(NamedTuple):
    """`good` True: done. False: refused, and said so. None: neither can be told from the reply."""

    good: bool | None
    message: str
    data: Any


def open_envelope(reply: Reply) -> Envelope:
    try:
        body = read_object(reply.content)
    except ValueError:
        return Envelope(None, "", None)
    # OTP answers say `status` where the others say `success`.
    said = {body[name] for name in ("success", "status") if isinstance(body.get(name), bool)}
    good = said.pop() if len(said) == 1 else None
    if good and not 200 <= reply.status < 300:
        good = None
    return Envelope(good, read_text(body.get("message")), body.get("data"))


def message_says(message: str) -> str:
    """The few messages that mean something to us, as words of our own; empty for all others.

    What says that nothing was created, or that a code was wrong, is taken by its exact words: a sentence that
    only holds them may say something else. What keeps an order open may be guessed at.
    """
    text = " ".join(message.casefold().split()).rstrip(".! ")
    if text in _EXACTLY:
        return _EXACTLY[text]
    if "reference" in text and any(word in text for word in ("duplicate", "already", "exists", "in use")):
        return "duplicate_reference"
    if "not found" in text:
        return "not_found"
    return ""


def says_no(envelope: Envelope, reply: Reply) -> bool:
    """Whether Startbutton itself refused, so that a message we know may be believed. A time-out's status, or
    that of a server in trouble, comes from somebody who does not know what became of the request."""
    return envelope.good is False and reply.status in _REFUSING


def look_data(envelope: Envelope, reply: Reply) -> Any:
    """The data of a good reply to a call that creates nothing, or the error the reply means."""
    if envelope.good:
        return envelope.data
    refuse_keys(reply, created_nothing=False)
    if reply.status >= 500 or reply.status == 429:
        pause = read_retry_after(reply.headers)
        raise Unknown("no answer to a look-up", retry_after_s=pause, http_status=reply.status)
    if envelope.good is False:
        raise Misconfigured("a look-up was refused", http_status=reply.status)
    raise Malformed("the reply cannot be read", http_status=reply.status)


def refuse_keys(reply: Reply, *, created_nothing: bool) -> None:
    """Misconfigured for a bad key, the wrong kind of key or a source address that is not allowed."""
    if reply.status in (401, 403):
        raise Misconfigured(
            "key or address refused", created_nothing=created_nothing, http_status=reply.status
        )


def read_theirs(value: Any) -> str:
    """A reference of theirs; empty where it could not stand in a path."""
    text = read_text(value, 120)
    return text if _REFERENCE.fullmatch(text) else ""


def read_ours(value: Any) -> str:
    """Our UUID in its usual form from the 32 digits we sent; empty where the text is none of ours."""
    text = read_text(value, 120)
    return str(UUID(text)) if re.fullmatch(r"[0-9a-fA-F]{32}", text) else ""


def read_amount(transaction: Mapping[str, Any]) -> Money | None:
    """The echoed amount; None where there is none. Raises ValueError where it is there but cannot be held."""
    if transaction.get("amount") in (None, "") and transaction.get("currency") in (None, ""):
        return None
    currency = read_text(transaction.get("currency")).upper()
    return from_major(read_decimal(transaction.get("amount")) / UNITS_PER_MAJOR.get(currency, 100), currency)


def read_moment(value: Any) -> int | None:
    """Epoch milliseconds of an ISO time, UTC where it names no zone; None where it is none."""
    try:
        when = datetime.fromisoformat(read_text(value, 40))
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
