"""SMS through Africa's Talking: one message out, and what its answer means.

Sends plain text, uncut, with its own letters; splitting and billing are theirs. There is no
idempotency key: after a lost answer nobody knows, and we say so. Nothing logged or raised holds a
number, a text or the key.
Source: Africa's Talking SMS documentation and integrations of it, read November 2026.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final, NoReturn

import httpx
import msgspec
import structlog

from bot.channels.base import OutcomeUnknown, Outgoing, Refused, RetryLater, Sent, Unreachable
from bot.channels.sms_reports import plain_word

__all__ = ["AfricasTalkingSms"]

_log = structlog.get_logger(__name__)

_TAKEN: Final = frozenset({100, 101, 102})  # processed, sent, queued
# Invalid, unsupported type, black-listed, no route, do-not-disturb, rejected by the network's
# gateway: another way is needed.
_NO_WAY_THERE: Final = frozenset({403, 404, 406, 407, 409, 502})
_NO_BALANCE: Final = 405
_THEIR_FAULT: Final = frozenset({500, 501})  # server error, gateway error: not taken, may be repeated
# What a person has to put right on our side takes its time; until then messages wait.
_UNTIL_PAID_S: Final = 15 * 60.0
_UNTIL_CALM_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 15 * 60.0
_CONNECT_S: Final = 10.0
_REPLY_LIMIT: Final = 64 * 1024
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_PLAIN_ID: Final = re.compile(r"[\w.:\-]{1,128}", re.ASCII)


class AfricasTalkingSms:
    """Sends to `msisdn` addresses. One per account; safe for any number of messages at once.

    `client` must raise `httpx.ConnectError`, `ConnectTimeout` or `PoolTimeout` only where no byte
    left. `sender` is an approved sender id or short code, empty for the account's own.
    """

    kind = "msisdn"

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        username: str,
        api_key: str,
        base_url: str = "https://api.africastalking.com",
        sender: str = "",
        timeout_s: float = 30.0,
    ) -> None:
        if not _SENDABLE.fullmatch(api_key):
            raise ValueError("the API key must be printable ASCII without blanks")
        self._client = client
        self._url = f"{base_url.rstrip('/')}/version1/messaging"
        self._headers = {"apiKey": api_key, "Accept": "application/json"}
        self._account = {"username": username} | ({"from": sender} if sender else {})
        self._timeout_s = timeout_s
        # Shorter for the connection, so that one never made is known as such.
        connect_s = min(_CONNECT_S, timeout_s / 2)
        self._patience = httpx.Timeout(timeout_s, connect=connect_s, pool=connect_s)

    async def send(self, message: Outgoing) -> Sent:
        """One message to one number. Buttons and edits do not exist here; the text stands alone."""
        status, headers, content = await self._post(
            {**self._account, "to": message.to, "message": message.text}
        )
        if 200 <= status < 300:
            return _read_answer(content)
        if status == 429:
            raise RetryLater("asked to slow down", after_s=_pause(headers))
        if status in (401, 403):
            _log.error("sms_not_authorised", status=status)
            raise RetryLater(f"HTTP {status}: the account or its key is refused", after_s=_UNTIL_PAID_S)
        if status >= 500:
            raise OutcomeUnknown(f"HTTP {status}")
        _log.error("sms_refused", status=status)
        raise Refused(f"HTTP {status}")

    async def _post(self, form: Mapping[str, str]) -> tuple[int, httpx.Headers, bytes]:
        """The answer's status, headers and body. Of an error only its kind goes on, never its text."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream(
                    "POST", self._url, data=dict(form), headers=self._headers, timeout=self._patience
                ) as response,
            ):
                content = bytearray()
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > _REPLY_LIMIT:
                        raise OutcomeUnknown("the answer is too long")
                return response.status_code, response.headers, bytes(content)
        except _NEVER_LEFT as error:
            raise RetryLater(f"not sent: {type(error).__name__}") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeUnknown(type(error).__name__) from None


def _read_answer(content: bytes) -> Sent:
    """What a 2xx says of the one recipient. Success stands there and not in the HTTP status."""
    try:
        answer = msgspec.json.decode(content)["SMSMessageData"]
        recipients = answer.get("Recipients") or []
        code = int(recipients[0]["statusCode"]) if recipients else 0
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise OutcomeUnknown("the answer cannot be read") from None
    if not recipients:
        _nobody(plain_word(answer.get("Message")))
    if code in _TAKEN:
        ref = recipients[0].get("messageId")
        plain = isinstance(ref, str) and _PLAIN_ID.fullmatch(ref) and ref != "None"
        return Sent(ref if plain else "")
    if code == _NO_BALANCE:
        _out_of_balance()
    if code in _NO_WAY_THERE:
        raise Unreachable(f"code {code}")
    if code in _THEIR_FAULT:
        raise RetryLater(f"code {code}", after_s=_UNTIL_CALM_S)
    _log.error("sms_refused", code=code)
    raise Refused(f"code {code}")


def _nobody(why: str) -> NoReturn:
    """An answer without recipients: taken for nobody, and `Message` says why."""
    if why.lower() == "insufficientbalance":
        _out_of_balance()
    _log.error("sms_refused", why=why or "no recipient")
    raise Refused(why or "no recipient")


def _out_of_balance() -> NoReturn:
    _log.error("sms_balance_empty")
    raise RetryLater("the account has no balance", after_s=_UNTIL_PAID_S)


def _pause(headers: httpx.Headers) -> float:
    asked = headers.get("retry-after", "")
    seconds = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else _UNTIL_CALM_S
    return min(max(seconds, 1.0), _LONGEST_PAUSE_S)
