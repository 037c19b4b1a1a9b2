"""MTN MoMo's replies: what they share. Bytes to values, and refusals to the error that says what to do next.

Tolerant of what the live service does beside its schema (numbers for texts, three shapes of reason,
empty and HTML bodies); raises nothing but a ProviderError.
Source: MTN MoMo Open API, errors (momodeveloper.mtn.com), client libraries and users' reports, read
November 2026.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bot.money import Money, Msisdn, OrderKind, Reason, from_major, parse_msisdn
from bot.providers.base import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    ProviderError,
    Receipt,
    Reply,
    StatusReport,
    Unknown,
)
from bot.providers.momo.encoding import wire_currency
from bot.providers.momo.settings import MomoAccount
from bot.providers.momo.words import CREATED_NOTHING, REFUSALS, decide, reason_of
from bot.providers.wire import (
    read_code,
    read_decimal,
    read_json,
    read_money,
    read_object,
    read_retry_after,
    read_text,
)

__all__ = [
    "code_of",
    "creation_error",
    "look_body",
    "look_error",
    "look_json",
    "not_found_report",
    "read_accepted",
    "read_cancelled",
    "read_echoed_amount",
    "read_echoed_party",
    "read_moment_ms",
    "read_reason",
    "read_status",
    "says_unknown",
]

_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
# The statuses that a published refusal comes with. With any other the same words may be those of somebody
# between us and MoMo, who does not know what became of the request.
_REFUSING: Final = frozenset({400, 404, 500})
_UNKNOWN_THING: Final = frozenset({"RESOURCE_NOT_FOUND", "NOT_FOUND", "TRANSACTION_NOT_FOUND"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Whole numbers for a moment: seconds since 1970 up to the second figure, milliseconds up to the third.
_LEAST_S, _LEAST_MS, _MOST_MS = Decimal(10**9), Decimal(10**11), Decimal(10**14)


def read_accepted(kind: OrderKind, reply: Reply) -> Receipt:
    """202 and nothing else is acceptance; its body is empty and may claim any type."""
    if reply.status == 202:
        return Receipt()
    raise creation_error(kind, reply)


def read_cancelled(kind: OrderKind, reply: Reply) -> Receipt:
    """200 or 202 is taken; where nothing is found, or it does not stand, there is nothing left to cancel."""
    if reply.status in (200, 202):
        return Receipt()
    if says_unknown(reply) or reply.status == _CONFLICT:
        rest: dict[str, Any] = {"provider_code": code_of(reply), "http_status": reply.status}
        raise AlreadyAccepted("there is nothing to cancel", **rest)
    raise creation_error(kind, reply)


def read_status(account: MomoAccount, kind: OrderKind, reply: Reply, *, party: str = "payer") -> StatusReport:
    """The report in the shape most kinds share; `party` names the field of whoever it is about."""
    if says_unknown(reply):
        return not_found_report(reply)
    body = look_body(reply)
    status, code = read_code(body.get("status")), read_reason(body.get("reason"))
    state, reason = decide(kind, status, code)
    return StatusReport(
        state=state,
        reason=reason,
        provider_code=code or status,
        amount=read_echoed_amount(account, body),
        party=read_echoed_party(account, body.get(party)),
        financial_id=read_text(body.get("financialTransactionId"), 100),
    )


def not_found_report(reply: Reply) -> StatusReport:
    return StatusReport(state=None, not_found=True, provider_code=code_of(reply))


def creation_error(kind: OrderKind, reply: Reply) -> ProviderError:
    """What a creation means that was not taken. Only a code that MTN lists as a refusal says that nothing
    was created; every other status, code or shape leaves the outcome open."""
    code = code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    if reply.status == _CONFLICT and code == "RESOURCE_ALREADY_EXIST":
        return AlreadyAccepted("this reference is in use", **rest)
    if reply.status in (_UNAUTHORIZED, _FORBIDDEN):
        return Misconfigured("keys or address refused", created_nothing=True, **rest)
    if reply.status in _REFUSING and code in CREATED_NOTHING:
        return Misconfigured("refused for a setting of ours", created_nothing=True, **rest)
    if reply.status in _REFUSING and code in REFUSALS:
        return Declined(reason_of(kind, code), "refused", **rest)
    if reply.status == _NOT_FOUND and code in _UNKNOWN_THING and kind is OrderKind.REFUND:
        return Declined(Reason.BAD_REQUEST, "the payment to give back is not known there", **rest)
    if reply.status == _NOT_FOUND and (code in _UNKNOWN_THING or _is_gateways(reply)):
        return Misconfigured("no such call at this address", created_nothing=True, **rest)
    if reply.status == _BAD_REQUEST and "ENVIRONMENT" in code:
        return Misconfigured("the target environment was refused", created_nothing=True, **rest)
    if reply.status == _BAD_REQUEST and (not reply.content.strip() or _is_gateways(reply)):
        return Declined(Reason.BAD_REQUEST, "refused as malformed", **rest)
    return Unknown("the reply leaves the outcome open", retry_after_s=read_retry_after(reply.headers), **rest)


def _is_gateways(reply: Reply) -> bool:
    """Whether the gateway itself refused: its own shape names its own status. Source: section 9."""
    try:
        body = read_object(reply.content)
    except ValueError:
        return False
    return "code" not in body and body.get("statusCode") == reply.status


def look_json(reply: Reply) -> Any:
    """The JSON of a 200 to a call that creates nothing, or the error its status means."""
    if reply.status != 200:
        raise look_error(reply)
    try:
        return read_json(reply.content)
    except ValueError:
        raise Malformed("the reply is not JSON", http_status=200) from None


def look_body(reply: Reply) -> dict[str, Any]:
    body = look_json(reply)
    if not isinstance(body, dict):
        raise Malformed("the reply is not a JSON object", http_status=reply.status)
    return body


def look_error(reply: Reply) -> ProviderError:
    """What a look-up means that was not answered with 200."""
    code = code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    if reply.status == _TOO_MANY or (reply.status >= 500 and code not in CREATED_NOTHING):
        return Unknown("no answer to a look-up", retry_after_s=read_retry_after(reply.headers), **rest)
    if reply.status >= 400:
        return Misconfigured("a look-up was refused", **rest)
    return Malformed("an unexpected status", **rest)


def code_of(reply: Reply) -> str:
    """The code of a refusal: `code` of MoMo's own shape, `error` of the token's; empty for the gateway's."""
    try:
        body = read_object(reply.content)
    except ValueError:
        return ""
    return read_code(body.get("code")) or read_code(body.get("error"))


def says_unknown(reply: Reply) -> bool:
    """Whether this is a 404 about the thing asked for, not about the address: MoMo's own code, or no body."""
    return reply.status == _NOT_FOUND and (not reply.content.strip() or code_of(reply) in _UNKNOWN_THING)


def read_reason(reason: Any) -> str:
    """The code in a `reason`: a bare text on the live service, an object in the schema, or absent."""
    return read_code(reason.get("code") if isinstance(reason, dict) else reason)


def read_echoed_amount(account: MomoAccount, body: Mapping[str, Any]) -> Money | None:
    """The echoed amount in the account's currency. Malformed where it is there but cannot be held.

    None would pass for "does not say" and hide a difference, so what cannot be read is an error.
    """
    if body.get("amount") in (None, "") and body.get("currency") in (None, ""):
        return None
    wire, currency = wire_currency(account), read_text(body.get("currency")).upper()
    try:
        amount = read_decimal(body.get("amount"))
        if currency == wire:
            return from_major(amount, account.currency)
        if currency == account.currency:
            raise ValueError("the currency was not the one sent")
        return read_money(amount, currency)
    except ValueError:
        raise Malformed("the echoed amount cannot be read", http_status=200) from None


def read_echoed_party(account: MomoAccount, party: Any) -> Msisdn | None:
    """A party as echoed: a number with its plus, or whatever stands there instead."""
    text = read_text(party.get("partyId"), 60) if isinstance(party, dict) else ""
    if not text:
        return None
    if text.startswith("0") and not text.startswith("00"):
        return parse_msisdn(text, account.region) or text
    digits = text.removeprefix("+").removeprefix("00")
    return "+" + digits if re.fullmatch(r"[1-9][0-9]{4,14}", digits) else text


def read_moment_ms(value: Any) -> int | None:
    """A moment in epoch milliseconds: a date and time (UTC where it names no zone), or a number that can
    only be seconds or milliseconds since 1970; None for anything else."""
    text = read_text(value, 40)
    try:
        number = read_decimal(text)
    except ValueError:
        pass
    else:
        if _LEAST_S <= number < _LEAST_MS:
            return int(number * 1000)
        return int(number) if _LEAST_MS <= number < _MOST_MS else None
    try:
        moment = datetime.fromisoformat(text)
        zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        moment_ms = (zoned - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
    return moment_ms if 0 <= moment_ms < _MOST_MS else None
