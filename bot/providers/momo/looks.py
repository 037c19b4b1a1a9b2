"""MTN MoMo's look-ups that are about no order: tokens, holders, names, balances; and the extra message.

Replies only; the requests are in `adapter`.
Source: MTN MoMo Open API, tokens, accounts, delivery notification (momodeveloper.mtn.com), client libraries
and users' reports, read November 2026.
"""

import re
from typing import Any, Final

from bot.money import Money, Reason
from bot.providers.base import (
    AccountHolder,
    Declined,
    Grant,
    Malformed,
    Misconfigured,
    NotSent,
    Reply,
    Secret,
    Unknown,
)
from bot.providers.momo.encoding import wire_currency
from bot.providers.momo.replies import code_of, look_body, look_json, says_unknown
from bot.providers.momo.settings import MomoAccount
from bot.providers.momo.words import CREATED_NOTHING
from bot.providers.wire import read_decimal, read_object, read_retry_after, read_text, rounded_money

__all__ = ["read_balance", "read_bearer", "read_holder", "read_name", "read_notified", "read_token"]

# A token without a life is used, but not for long.
_UNSAID_LIFE_S: Final = 60.0
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
# An extra message that is refused. The first row is measured; the others MTN describes in prose only.
_NOT_NOTIFIED: Final = {
    409: (Reason.NOT_COMPLETED, "the payment is not successful yet"),
    _NOT_FOUND: (Reason.NOT_COMPLETED, "the payment is not known there"),
    410: (Reason.EXPIRED, "too late for a message"),
    429: (Reason.SERVICE_DOWN, "too many messages"),
    _BAD_REQUEST: (Reason.BAD_REQUEST, "the message was refused"),
}


def read_holder(reply: Reply) -> AccountHolder:
    if says_unknown(reply):
        return AccountHolder(known=False, active=False)
    _refuse_bad_party(reply)
    value = look_json(reply)
    result = value.get("result") if isinstance(value, dict) else value  # older texts show a bare true
    if isinstance(result, str):
        result = {"true": True, "false": False}.get(result.lower())
    if not isinstance(result, bool):
        raise Malformed("no result in the reply", http_status=reply.status)
    return AccountHolder(known=True, active=result)


def read_name(reply: Reply) -> str:
    # Names are an extra of the contract: without it 403, or 500 with a code of its own.
    if reply.status in (_NOT_FOUND, _FORBIDDEN) or code_of(reply) == "NOT_ALLOWED":
        return ""
    _refuse_bad_party(reply)
    body = look_body(reply)
    given, family = read_text(body.get("given_name"), 60), read_text(body.get("family_name"), 60)
    return f"{given} {family}".strip() or read_text(body.get("name"), 120)


def read_balance(account: MomoAccount, reply: Reply) -> tuple[Money, ...]:
    body = look_body(reply)
    currency = read_text(body.get("currency")).upper()
    try:
        amount = read_decimal(body.get("availableBalance"))
        return (rounded_money(amount, account.currency if currency == wire_currency(account) else currency),)
    except ValueError:
        raise Malformed("the balance cannot be read", http_status=reply.status) from None


def read_token(reply: Reply) -> Grant:
    """The token of a 200. Anything else means that the call it was for never left."""
    code = code_of(reply)
    if reply.status == 200:
        try:
            body = read_object(reply.content)
        except ValueError:
            raise NotSent("the token reply cannot be read", http_status=200) from None
        token, lives_s = read_bearer(body)
        if not token:
            raise NotSent("no token in the token reply", http_status=200)
        return Grant(token, lives_s)
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


def read_bearer(body: dict[str, Any]) -> tuple[Secret, float]:
    """The token, empty where there is none, and for how many seconds it is good."""
    token = body.get("access_token")
    # Opaque and long; but what cannot stand in a header is no token.
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,8192}", token):
        return Secret(""), 0.0
    try:
        return Secret(token), float(read_decimal(body.get("expires_in")))
    except ValueError:
        return Secret(token), _UNSAID_LIFE_S


def read_notified(reply: Reply) -> None:
    """200 is told. An extra message that is refused changes nothing about the payment."""
    if reply.status in (200, 202):
        return
    code = code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    elsewhere = reply.status == _NOT_FOUND and not says_unknown(reply)
    if reply.status in (_UNAUTHORIZED, _FORBIDDEN) or elsewhere or code in CREATED_NOTHING:
        raise Misconfigured("a message was refused for a setting of ours", created_nothing=True, **rest)
    if reply.status in _NOT_NOTIFIED:
        reason, detail = _NOT_NOTIFIED[reply.status]
        raise Declined(reason, detail, **rest)
    raise Unknown("the reply leaves open whether the payer was told", **rest)


def _refuse_bad_party(reply: Reply) -> None:
    if reply.status == _BAD_REQUEST:
        raise Declined(Reason.BAD_REQUEST, "the number was refused", http_status=reply.status)
