"""MTN MoMo's replies: bytes to values, and refusals to the error that says what to do next.

Tolerant of what the live service does beside its schema (numbers for texts, three shapes of reason,
empty and HTML bodies); raises nothing but a ProviderError.
Source: reference/mtn-momo.md sections 5, 6 and 9, read November 2026.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.money import Money, Msisdn, Reason, from_major, parse_msisdn
from bot.providers.base import (
    Account,
    AccountHolder,
    AlreadyAccepted,
    Declined,
    Grant,
    Malformed,
    Misconfigured,
    NotSent,
    ProviderError,
    Receipt,
    Reply,
    Secret,
    StatusReport,
    Unknown,
)
from bot.providers.momo_words import CREATED_NOTHING, REASONS, REFUSALS, decide
from bot.providers.wire import (
    read_code,
    read_decimal,
    read_json,
    read_money,
    read_object,
    read_retry_after,
    read_text,
    rounded_money,
)

__all__ = [
    "read_accepted",
    "read_balance",
    "read_holder",
    "read_name",
    "read_status",
    "read_token",
    "wire_currency",
]

# A token without a life is used, but not for long.
_UNSAID_LIFE_S: Final = 60.0
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TOO_MANY: Final = 429


def wire_currency(account: Account) -> str:
    """What the platform is told in place of the account's own currency."""
    return account.wire_currency or account.currency


def read_accepted(reply: Reply) -> Receipt:
    """202 and nothing else is acceptance; its body is empty and may claim any type."""
    if reply.status == 202:
        return Receipt()
    raise _creation_error(reply)


def read_status(account: Account, reply: Reply) -> StatusReport:
    if reply.status == _NOT_FOUND and _says_unknown(reply):
        return StatusReport(state=None, not_found=True, provider_code=_code_of(reply))
    body = _look_body(reply)
    status = read_code(body.get("status"))
    code = _reason_code(body.get("reason"))
    state, reason = decide(status, code)
    return StatusReport(
        state=state,
        reason=reason,
        provider_code=code or status,
        amount=_echoed_amount(account, body),
        party=_echoed_party(account, body),
        financial_id=read_text(body.get("financialTransactionId"), 100),
    )


def read_holder(reply: Reply) -> AccountHolder:
    if reply.status == _NOT_FOUND and _says_unknown(reply):
        return AccountHolder(known=False, active=False)
    _refuse_bad_number(reply)
    value = _look_json(reply)
    result = value.get("result") if isinstance(value, dict) else value  # older texts show a bare true
    if isinstance(result, str):
        result = {"true": True, "false": False}.get(result.lower())
    if not isinstance(result, bool):
        raise Malformed("no result in the reply", http_status=reply.status)
    return AccountHolder(known=True, active=result)


def read_name(reply: Reply) -> str:
    # Names are an extra of the contract: without it 403, or 500 with a code of its own.
    if reply.status in (_NOT_FOUND, _FORBIDDEN) or _code_of(reply) == "NOT_ALLOWED":
        return ""
    _refuse_bad_number(reply)
    body = _look_body(reply)
    given, family = read_text(body.get("given_name"), 60), read_text(body.get("family_name"), 60)
    return f"{given} {family}".strip() or read_text(body.get("name"), 120)


def read_balance(account: Account, reply: Reply) -> tuple[Money, ...]:
    body = _look_body(reply)
    currency = read_text(body.get("currency")).upper()
    try:
        amount = read_decimal(body.get("availableBalance"))
        return (rounded_money(amount, account.currency if currency == wire_currency(account) else currency),)
    except ValueError:
        raise Malformed("the balance cannot be read", http_status=reply.status) from None


def read_token(reply: Reply) -> Grant:
    """The token of a 200. Anything else means that the call it was for never left."""
    code = _code_of(reply)
    if reply.status == 200:
        try:
            body = read_object(reply.content)
        except ValueError:
            raise NotSent("the token reply cannot be read", http_status=200) from None
        token = body.get("access_token")
        # Opaque and long; but what cannot stand in a header is no token.
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,8192}", token):
            raise NotSent("no token in the token reply", http_status=200)
        try:
            lives_s = float(read_decimal(body.get("expires_in")))
        except ValueError:
            lives_s = _UNSAID_LIFE_S
        return Grant(Secret(token), lives_s)
    if reply.status == _TOO_MANY or (reply.status >= 500 and code not in CREATED_NOTHING):
        # Wrong credentials have been answered with 500 too, but so has every outage.
        raise NotSent(
            "no token to be had",
            retry_after_s=read_retry_after(reply.headers),
            provider_code=code,
            http_status=reply.status,
        )
    raise Misconfigured(
        "the token was refused", created_nothing=True, provider_code=code, http_status=reply.status
    )


def _creation_error(reply: Reply) -> ProviderError:
    """What a refused creation means; see the table of reference section 9.1."""
    code = _code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    if reply.status == _CONFLICT and code == "RESOURCE_ALREADY_EXIST":
        return AlreadyAccepted("this reference is in use", **rest)
    if reply.status in (_UNAUTHORIZED, _FORBIDDEN) or (reply.status >= 400 and code in CREATED_NOTHING):
        return Misconfigured("refused for a setting of ours", created_nothing=True, **rest)
    if reply.status == _NOT_FOUND and code not in REFUSALS:
        return Misconfigured("no such call at this address", created_nothing=True, **rest)
    if reply.status == _BAD_REQUEST and "ENVIRONMENT" in code:
        return Misconfigured("the target environment was refused", created_nothing=True, **rest)
    if reply.status >= 400 and code in REFUSALS:
        return Declined(REASONS[code], "refused", **rest)
    if reply.status == _BAD_REQUEST:  # often without a body
        return Declined(Reason.BAD_REQUEST, "refused as malformed", **rest)
    return Unknown("the reply leaves the outcome open", retry_after_s=read_retry_after(reply.headers), **rest)


def _look_json(reply: Reply) -> Any:
    """The JSON of a 200 to a call that creates nothing, or the error its status means."""
    if reply.status == 200:
        try:
            return read_json(reply.content)
        except ValueError:
            raise Malformed("the reply is not JSON", http_status=200) from None
    code = _code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    if reply.status == _TOO_MANY or (reply.status >= 500 and code not in CREATED_NOTHING):
        raise Unknown("no answer to a look-up", retry_after_s=read_retry_after(reply.headers), **rest)
    if reply.status >= 400:
        raise Misconfigured("a look-up was refused", **rest)
    raise Malformed("an unexpected status", **rest)


def _look_body(reply: Reply) -> dict[str, Any]:
    body = _look_json(reply)
    if not isinstance(body, dict):
        raise Malformed("the reply is not a JSON object", http_status=reply.status)
    return body


def _refuse_bad_number(reply: Reply) -> None:
    if reply.status == _BAD_REQUEST:
        raise Declined(Reason.BAD_REQUEST, "the number was refused", http_status=reply.status)


def _code_of(reply: Reply) -> str:
    """The code of a refusal: `code` of MoMo's own shape, `error` of the token's; empty for the gateway's."""
    try:
        body = read_object(reply.content)
    except ValueError:
        return ""
    return read_code(body.get("code")) or read_code(body.get("error"))


def _says_unknown(reply: Reply) -> bool:
    """Whether a 404 is about the thing asked for, not about the address: MoMo's own code, or no body."""
    return not reply.content.strip() or _code_of(reply) in (
        "RESOURCE_NOT_FOUND",
        "NOT_FOUND",
        "TRANSACTION_NOT_FOUND",
    )


def _reason_code(reason: Any) -> str:
    """The code in a `reason`: a bare text on the live service, an object in the schema, or absent."""
    return read_code(reason.get("code") if isinstance(reason, dict) else reason)


def _echoed_amount(account: Account, body: Mapping[str, Any]) -> Money | None:
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


def _echoed_party(account: Account, body: Mapping[str, Any]) -> Msisdn | None:
    """The payer as echoed: a number with its plus, or whatever stands there instead."""
    payer = body.get("payer")
    if not isinstance(payer, dict):
        return None
    text = read_text(payer.get("partyId"), 60)
    if not text:
        return None
    if text.startswith("0") and not text.startswith("00"):
        return parse_msisdn(text, account.region) or text
    digits = text.removeprefix("+").removeprefix("00")
    return "+" + digits if re.fullmatch(r"[1-9][0-9]{4,14}", digits) else text
