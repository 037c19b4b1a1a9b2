"""The one sender: everything between an adapter's call and the provider's reply.

Adds address and credentials, buys tokens, keeps deadlines, leaves a failing account alone, keeps a
slow one from holding up the others, and says of every failure whether the call may have left. Knows
no provider. Nothing it logs or raises holds a number, a token, a key or a body.
"""

import asyncio
import re
import time
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NoReturn, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
import structlog

from bot import __version__
from bot.providers.base import (
    Account,
    Adapter,
    AlreadyAccepted,
    BuysTokens,
    Call,
    Declined,
    Grant,
    Malformed,
    Misconfigured,
    NotSent,
    ProviderError,
    Reply,
    Request,
    Unknown,
    able,
)
from bot.providers.breaker import Breaker
from bot.providers.registry import PROVIDERS
from bot.providers.tokens import Tokens
from bot.providers.transport import open_transport

__all__ = ["HELD_BACK", "Sender"]

R = TypeVar("R")

_log = structlog.get_logger(__name__)

USER_AGENT: Final = f"Kasapay/{__version__}"
# The outcome of a call that was not tried: its provider is left alone, or has too many under way.
HELD_BACK: Final = "HeldBack"
_REPLY_LIMIT: Final = 64 * 1024
_CONNECT_S: Final = 10.0
# MTN's new gateway takes up to 20 s for a token.
_TOKEN_S: Final = 30.0
_UNAUTHORIZED: Final = 401
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_SENDABLE: Final = re.compile(r"[\x20-\x7e]*")
# With one of these a 5xx is a provider at work that says plainly what is wrong.
_PLAIN_WORD: Final = (Declined, Misconfigured, AlreadyAccepted)


class Sender:
    """Sends calls. One per process and event loop; safe for any number of concurrent calls.

    `clock` counts seconds and only goes forward; `wall` tells the time to calls that sign it. At most
    `limit` calls per account are under way at a time, a further one is NotSent at once. After `failures`
    failures in a row (transport faults, timeouts, 5xx without a known code) an account's calls are
    NotSent but for one probe a second. `on_exchange` hears of each: the provider's name, the account's
    id, the call's name, its outcome (ok, the name of an error, HELD_BACK) and the seconds it took.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter] = PROVIDERS,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        limit: int = 256,
        failures: int = 10,
        token_timeout_s: float = _TOKEN_S,
    ) -> None:
        self._adapters = adapters
        self._transport = transport if transport is not None else open_transport()
        self._clock = clock
        self._wall = wall
        self._limit = limit
        self._failures = failures
        self._token_timeout_s = token_timeout_s
        self.on_exchange: Callable[[str, str, str, str, float], None] = lambda *_: None
        self._tokens = Tokens(clock)
        self._breakers: dict[str, Breaker] = {}
        self._under_way: dict[str, int] = {}
        self._closed = False

    async def send(self, account: Account, call: Call[R], timeout_s: float) -> R:
        """The decoded reply, within `timeout_s` seconds for everything. Raises ProviderError only.

        NotSent only where no byte of the call left. After a 401 a bought token is bought anew and the
        same request sent once more; a call with a bearer of its own goes once and buys nothing.
        """
        adapter = self._adapters.get(account.provider)
        if adapter is None:
            raise Misconfigured(f"no provider is called {account.provider!r}", created_nothing=True)
        under_way = self._under_way.get(account.id, 0)
        if under_way >= self._limit:
            return self._refuse(account, call, "too many calls under way")
        if not self._breaker(account).admits(self._clock()):
            return self._refuse(account, call, "the provider is failing; left alone for a moment")
        self._under_way[account.id] = under_way + 1
        try:
            return await self._send(adapter, account, call, timeout_s)
        finally:
            self._under_way[account.id] -= 1

    async def aclose(self) -> None:
        """End token purchases and close all connections; what is sent afterwards is NotSent."""
        self._closed = True
        await self._tokens.aclose()
        await self._transport.aclose()

    async def _send(self, adapter: Adapter, account: Account, call: Call[R], timeout_s: float) -> R:
        ends_at = asyncio.get_running_loop().time() + timeout_s
        own, token = call.request.bearer, ""
        key = (account.id, account.base_url, call.request.auth, _held(account))
        buyer = able(adapter, BuysTokens)
        for attempt in (1, 2):
            bought = buyer.token_call(account, call.request.auth) if buyer and not own else None
            if bought is not None:
                token = await self._token(adapter, account, key, bought, ends_at)
            auth = adapter.auth_headers(account, call.request.auth, own.reveal() or token)
            try:
                return await self._exchange(account, call, auth, ends_at)
            except ProviderError as error:
                if error.http_status != _UNAUTHORIZED or bought is None or attempt == 2:
                    raise
                self._tokens.drop(key, token)
        raise AssertionError("two attempts either return or raise")

    async def _token(
        self, adapter: Adapter, account: Account, key: Hashable, bought: Call[Grant], ends_at: float
    ) -> str:
        """A token for the call, which has not left yet: whatever happens here, it is not sent."""

        async def buy() -> Grant:
            auth = adapter.auth_headers(account, bought.request.auth, "")
            until = asyncio.get_running_loop().time() + self._token_timeout_s
            try:
                return await self._exchange(account, bought, auth, until)
            except Unknown as error:
                raise NotSent(
                    f"no token: {error.detail}",
                    retry_after_s=error.retry_after_s,
                    provider_code=error.provider_code,
                    http_status=error.http_status,
                ) from None

        try:
            async with asyncio.timeout_at(ends_at):
                return await self._tokens.get(key, buy)
        except TimeoutError:
            raise NotSent("no token in time") from None
        except ProviderError as error:
            # Several callers may be told of one purchase: each gets an error of its own.
            raise _again(error) from None

    async def _exchange(self, account: Account, call: Call[R], auth: Mapping[str, str], ends_at: float) -> R:
        """One request and its decoded reply; the one place that logs and that feeds the breaker."""
        started = self._clock()
        status: int | None = None
        try:
            reply = await self._transfer(account, call, auth, ends_at)
            status = reply.status
            result = _decode(call, reply)
        except ProviderError as error:
            if error.http_status is None:
                error.http_status = status
            healthy = _shows_health(error)
            if healthy is not None:
                self._breaker(account).note(healthy=healthy, now=self._clock())
            self._log(account, call, error, started)
            raise
        self._breaker(account).note(healthy=True, now=self._clock())
        self._log(account, call, None, started, status)
        return result

    async def _transfer(
        self, account: Account, call: Call[R], auth: Mapping[str, str], ends_at: float
    ) -> Reply:
        """The raw reply. NotSent where no byte left, Unknown where one may have."""
        left_s = ends_at - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise NotSent("no time left")
        if self._closed:
            raise NotSent("the sender is closed")
        request = _build(account, call.request, auth, left_s, self._wall())
        try:
            async with asyncio.timeout_at(ends_at):
                try:
                    response = await self._transport.handle_async_request(request)
                except _NEVER_LEFT as error:
                    raise NotSent(f"no connection: {type(error).__name__}") from None
                try:
                    return await _read(response, call)
                finally:
                    await response.aclose()
        except ProviderError:
            raise
        except TimeoutError:
            raise Unknown("no reply in time") from None
        except Exception as error:
            # Whatever it was, bytes may have left: only the errors above are known to mean otherwise.
            raise Unknown(f"connection lost: {type(error).__name__}") from None

    def leaves_alone(self, account_id: str) -> bool:
        """Whether an account fails so that it is sent one call a second only."""
        breaker = self._breakers.get(account_id)
        return breaker is not None and breaker.is_open

    def _breaker(self, account: Account) -> Breaker:
        return self._breakers.setdefault(account.id, Breaker(self._failures))

    def _refuse(self, account: Account, call: Call[R], why: str) -> NoReturn:
        error = NotSent(why, retry_after_s=1.0)
        self._log(account, call, error, self._clock(), tried=False)
        raise error

    def _log(
        self,
        account: Account,
        call: Call[R],
        error: ProviderError | None,
        started: float,
        status: int | None = None,
        *,
        tried: bool = True,
    ) -> None:
        took_s = self._clock() - started
        outcome = "ok" if error is None else type(error).__name__
        self.on_exchange(account.provider, account.id, call.name, outcome if tried else HELD_BACK, took_s)
        said: dict[str, object] = {
            "account": account.id,
            "provider": account.provider,
            "call": call.name,
            "http_status": status if error is None else error.http_status,
            "outcome": outcome,
            "took_ms": round(took_s * 1000),
        }
        if error is not None:
            said |= {"detail": error.detail, "provider_code": error.provider_code}
        level = (
            _log.info
            if error is None or isinstance(error, Declined | AlreadyAccepted)
            else _log.error
            if isinstance(error, Misconfigured)
            else _log.warning
        )
        level("provider_call", **said)


def _held(account: Account) -> Hashable:
    """What makes two accounts of one id different for the token cache: changed credentials."""
    return account.held_keys()


# An order is asked about again and again, and a token or a charge has one address.
_url = lru_cache(1024)(httpx.URL)


def _build(
    account: Account, request: Request, auth: Mapping[str, str], left_s: float, now: datetime
) -> httpx.Request:
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
    headers |= {**request.headers, **auth}
    content = None
    if request.body is not None:
        content = msgspec.json.encode(request.body)
        headers["Content-Type"] = "application/json"
    elif request.form is not None:
        content = urlencode(request.form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if request.sign is not None:
        headers |= request.sign(content or b"", now)
    if not all(_SENDABLE.fullmatch(value) for value in headers.values()):
        raise Misconfigured("a header's value holds a character that cannot be sent", created_nothing=True)
    # Connecting ends before the whole call does, so that a host that does not answer is NotSent.
    connect_s = min(_CONNECT_S, left_s / 2)
    timeout = httpx.Timeout(left_s, connect=connect_s, pool=connect_s)
    try:
        return httpx.Request(
            request.method,
            _url(account.base_url.rstrip("/") + request.path),
            headers=headers,
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )
    except (httpx.InvalidURL, ValueError):
        raise Misconfigured("the account's address cannot be used", created_nothing=True) from None


async def _read(response: httpx.Response, call: Call[R]) -> Reply:
    """The reply, its body cut off with an error beyond the limit."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _REPLY_LIMIT:
            return _unreadable(call, "the reply is too long", response.status_code)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, bytes(content))


def _decode(call: Call[R], reply: Reply) -> R:
    try:
        return call.decode(reply)
    except ProviderError:
        raise
    except Exception as error:
        # A mistake in an adapter must not look like a refusal: the request has left.
        return _unreadable(call, f"the decoder failed: {type(error).__name__}", reply.status)


def _shows_health(error: ProviderError) -> bool | None:
    """What a failed exchange says of the provider: False trouble, None nothing (never tried)."""
    if error.http_status is None:
        return False if isinstance(error, NotSent | Unknown) else None
    return error.http_status < 500 or isinstance(error, _PLAIN_WORD)


def _unreadable(call: Call[R], detail: str, status: int) -> NoReturn:
    kind = Unknown if call.creates else Malformed
    raise kind(detail, http_status=status) from None


def _again(error: ProviderError) -> ProviderError:
    """A copy of what a token purchase ended with, for one more caller."""
    code, status = error.provider_code, error.http_status
    if isinstance(error, Misconfigured):
        nothing = error.created_nothing
        return Misconfigured(error.detail, created_nothing=nothing, provider_code=code, http_status=status)
    pause = error.retry_after_s if isinstance(error, NotSent) else None
    return NotSent(error.detail, retry_after_s=pause, provider_code=code, http_status=status)
