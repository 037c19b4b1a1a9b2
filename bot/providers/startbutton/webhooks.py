"""Startbutton's webhooks: whose signature is believed, and what an event is about. Asks and settles nothing.

The signature is over the bytes as received. The vendor's sample signs the JSON written anew instead, so an
account may have that believed too; then what was signed is what is read.
Source: Startbutton's API documentation, "Webhooks", and code of those who use it, read November 2026.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bot.money import OrderState
from bot.providers.base import CallbackEvent, EventTopic, Secret
from bot.providers.startbutton.envelope import read_amount, read_ours, read_theirs
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.providers.startbutton.words import STATUSES, TOPICS, TRANSFER_STATUSES
from bot.providers.wire import read_code, read_object, read_text

__all__ = ["read_callback", "read_event"]

_SIGNATURE: Final = "x-startbutton-signature"
_LONGEST_INTEGER: Final = 1e21  # from here on JavaScript writes an exponent


def read_callback(
    account: StartbuttonAccount, headers: Mapping[str, str], raw: bytes
) -> CallbackEvent | None:
    """The event, if the one signature header holds over `raw` as received; None otherwise.

    `headers` may be a multi-dict: a header sent twice is refused. With `webhook_reserialised` a signature
    over the body written anew holds too, and the event says so.
    """
    key = account.secret_key
    given = [value for name, value in headers.items() if name.lower() == _SIGNATURE]
    if not key or len(given) != 1 or not re.fullmatch(r"[0-9a-f]{128}", given[0]):
        return None
    if _holds(key, raw, given[0]):
        return read_event(raw)
    if not account.webhook_reserialised:
        return None
    written = _write_anew(raw)
    if written is None or not _holds(key, written, given[0]):
        return None
    return msgspec.structs.replace(read_event(written), reserialised=True)


def read_event(raw: bytes) -> CallbackEvent:
    """What an event says of itself; empty where nobody can read it."""
    try:
        body = read_object(raw)
    except ValueError:
        return CallbackEvent("")
    name = read_text(body.get("event"), 60)
    transaction = _transaction(body.get("data"))
    try:
        amount = read_amount(transaction)
    except ValueError:
        amount = None
    return CallbackEvent(
        name=name,
        provider_reference=read_theirs(transaction.get("transactionReference")),
        reference=read_ours(transaction.get("userTransactionReference")),
        topic=TOPICS.get(name.partition(".")[0].lower(), EventTopic.OTHER),
        amount=amount,
        reported_state=_state_of(name, read_code(transaction.get("status"))),
    )


def _state_of(name: str, word: str) -> OrderState | None:
    """The state that an event tells, None where it is about no charge or transfer.

    The transaction's own status says it, else the event's name.
    """
    about, _, what = name.lower().partition(".")
    statuses = {"collection": STATUSES, "transfer": TRANSFER_STATUSES}.get(about, {})
    return statuses.get(word or read_code(what), (None, None))[0]


def _transaction(data: Any) -> Mapping[str, Any]:
    """The transaction an event names; those of disputes and refunds are not shown and may stand bare."""
    if not isinstance(data, dict):
        return {}
    inner = data.get("transaction")
    return inner if isinstance(inner, dict) else data


def _holds(key: Secret, signed: bytes, signature: str) -> bool:
    made = hmac.new(key.reveal().encode(), signed, hashlib.sha512).hexdigest()
    return hmac.compare_digest(made, signature)


def _write_anew(raw: bytes) -> bytes | None:
    """The JSON as a JavaScript engine writes it: compact, letters as they are, 87.50 as 87.5, 1e3 as 1000.

    None where it is no JSON. Numbers pass through a float as they do there; nothing is counted with them.
    """

    def number(text: str) -> float | int:
        value = float(text)
        return int(value) if value.is_integer() and abs(value) < _LONGEST_INTEGER else value

    try:
        body = json.loads(raw, parse_float=number, parse_int=number)
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError, OverflowError):
        return None
