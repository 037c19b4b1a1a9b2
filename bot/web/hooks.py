"""The endpoints that others call with news: Telegram, the providers, the SMS gateway.

What is acknowledged has been kept before its 200. Each provider's adapter says under which path it calls
back and whether it signs.
"""

import asyncio
import hmac

from aiohttp import web

from bot.providers.base import HintCallback
from bot.web.answers import answer_error, log_unexpected, route_of
from bot.web.background import PARTS
from bot.web.bodies import lower_headers, parse_form, read_body
from bot.web.peers import peer_of

__all__ = ["add_hook_routes"]

# MTN waits two seconds for its 200.
_HINT_S = 1.5
_LONGEST_TOKEN = 200


def add_hook_routes(app: web.Application) -> None:
    app.router.add_post("/telegram/webhook", _telegram, name="telegram")
    for callback in app[PARTS].provider_callbacks:
        handler = _hint if isinstance(callback, HintCallback) else _signed
        for method in callback.methods:
            app.router.add_route(method, callback.path, handler)
    app.router.add_post("/sms/africastalking/{secret}", _sms_report, name="sms")


async def _telegram(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    if parts.telegram is None:
        raise web.HTTPNotFound
    if not parts.telegram.secret_ok(lower_headers(request)):
        _note_stranger(request, "telegram_secret")
        raise web.HTTPForbidden
    limits = parts.limits
    raw = await read_body(request, limit=limits.telegram_bytes, deadline_s=limits.body_s)
    try:
        kept = await parts.telegram.accept(raw)
    except RecursionError:  # of a JSON reader: thousands of brackets are no update either
        kept = False
    except Exception as error:
        return _try_again_later(request, error)
    return web.Response() if kept else answer_error(request, 400, "This is not an update.")


async def _hint(request: web.Request) -> web.Response:
    """200 to everyone: neither the answer nor its timing tells whether the token is known."""
    parts = request.app[PARTS]
    await read_body(request, limit=parts.limits.body_bytes, deadline_s=parts.limits.body_s)
    token = request.match_info["token"]
    if len(token) <= _LONGEST_TOKEN:
        try:
            async with asyncio.timeout(_HINT_S):
                known = await parts.callbacks.hint(token)
        except Exception as error:
            return _try_again_later(request, error)
        if not known:
            # Behind the answer: what noting takes must not tell.
            asyncio.get_running_loop().call_soon(_note_stranger, request, "callback_token")
    return web.Response()


async def _signed(request: web.Request) -> web.Response:
    """200 once the event is kept, 401 where its signature does not match."""
    parts = request.app[PARTS]
    raw = await read_body(request, limit=parts.limits.body_bytes, deadline_s=parts.limits.body_s)
    account = request.match_info["account"]
    try:
        signed = await parts.callbacks.take_signed(account, lower_headers(request), raw)
    except RecursionError:
        signed = False
    except Exception as error:
        return _try_again_later(request, error)
    if not signed:
        _note_stranger(request, "webhook_signature")
        return answer_error(request, 401, "The signature does not match.")
    return web.Response()


async def _sms_report(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    given = request.match_info["secret"].encode("utf-8", "surrogatepass")
    reports = parts.sms_reports
    wanted = reports.secret.encode() if reports is not None else b""
    if not hmac.compare_digest(given, wanted) or reports is None or not wanted:
        _note_stranger(request, "sms_secret")
        raise web.HTTPNotFound
    raw = await read_body(request, limit=parts.limits.body_bytes, deadline_s=parts.limits.body_s)
    form = parse_form(raw)
    try:
        await reports.report(form)
    except Exception as error:
        return _try_again_later(request, error)
    return web.Response()


def _note_stranger(request: web.Request, kind: str) -> None:
    """A security event: somebody called who could not prove who they are."""
    parts = request.app[PARTS]
    parts.security(kind, address=peer_of(request, parts.trusted_proxies))


def _try_again_later(request: web.Request, error: Exception) -> web.Response:
    """The answer where we could not keep it: a 503, so that the sender comes again."""
    log_unexpected(route_of(request), error)
    response = answer_error(request, 503, "We cannot take this just now. Please send it again.")
    response.headers["Retry-After"] = "5"
    return response
