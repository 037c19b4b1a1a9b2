"""The web chat: a page, a cookie nobody else has, messages in, and a stream of messages out.

The cookie is the whole identity (see `cookies`); its address is unverified until it is linked to a phone.
What is said here goes through the same turns as anywhere else; what
is answered comes out of the outbox and is read back from the store.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import aiohttp_jinja2
import msgspec
from aiohttp import web
from msgspec import Meta

from bot.dialog import Address, Inbound, Input, Typed
from bot.dialog.screens import read_button
from bot.runtime.rate_limits import KeyLimits
from bot.store.records import MessageKind, MessageRow
from bot.web.answers import answer_error, answer_json, log_unexpected, route_of
from bot.web.background import BACKGROUND, PARTS, EventStream, wait_unless_closing
from bot.web.bodies import BadBody, parse_json, read_body
from bot.web.bounding import one_more_stream
from bot.web.cookies import address_of, is_issued, issue_cookie, name_of, renew_cookie
from bot.web.parts import WebParts
from bot.web.peers import counted_as, peer_of, sent_by_our_page

__all__ = [
    "Window",
    "add_chat_routes",
    "one_more_window",
    "relay_chat",
    "with_cookie",
]

_COOKIE_S = 180 * 24 * 3600  # as long as an idle link lasts
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2})\s*(?:[,;]|$)", re.ASCII)
_UNSEEN = {code: None for code in range(32) if chr(code) not in "\n\t"}
_PAGE = 100
# Rows of one address may become visible a little out of their order in time (two workers): read
# again from this much earlier, and leave out what was sent already.
_OVERLAP_MS = 5_000

_BUCKETS = web.AppKey("chat_buckets", KeyLimits)
_WINDOWS = web.AppKey("chat_windows", dict[str, "set[Window]"])


class _Said(msgspec.Struct):
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{8,64}\Z")]
    text: Annotated[str, Meta(max_length=1000)] | None = None
    button: Annotated[str, Meta(max_length=64)] | None = None


def add_chat_routes(app: web.Application) -> None:
    parts = app[PARTS]
    app[_BUCKETS] = KeyLimits(parts.limits.chat_burst, parts.limits.chat_per_s, parts.clock)
    app[_WINDOWS] = {}
    app.router.add_get("/chat", _page, name="chat")
    app.router.add_post("/chat/messages", _say, name="chat-messages")
    app.router.add_get("/chat/history", _history, name="chat-history")
    app.router.add_get("/chat/events", _follow, name="chat-events")


def with_cookie(request: web.Request, response: web.Response) -> web.Response:
    """`response` with the chat's cookie, a new one where the browser has none of ours."""
    return _set_cookie(request, response, _cookie_of(request) or issue_cookie(request.app[PARTS].cookie_key))


def _set_cookie(request: web.Request, response: web.Response, cookie: str) -> web.Response:
    secure = request.app[PARTS].secure_cookies
    response.set_cookie(
        name_of(secure=secure),
        cookie,
        max_age=_COOKIE_S,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=secure,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _page(request: web.Request) -> web.Response:
    short_code = tryit.short_code if (tryit := request.app[PARTS].tryit) else ""
    response = aiohttp_jinja2.render_template("chat.html", request, {"short_code": short_code})
    return with_cookie(request, response)


async def _say(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    cookie = _cookie(request)
    value = address_of(cookie, parts.cookie_key)
    if not sent_by_our_page(request):
        parts.security("foreign_page", address=peer_of(request, parts.trusted_proxies))
        return answer_error(request, 403, "Messages are taken from our own page only.")
    # The cookie costs nothing to make anew, so the caller's address has a (wider) bucket too.
    buckets, peer = request.app[_BUCKETS], peer_of(request, parts.trusted_proxies)
    if not buckets.take(f"peer:{counted_as(peer)}", width=5) or not buckets.take(f"chat:{value}"):
        response = answer_error(request, 429, "That was a lot at once. Please wait a moment.")
        response.headers["Retry-After"] = "2"
        return response
    if request.content_type != "application/json":
        return answer_error(request, 415, "Messages are JSON.")
    raw = await read_body(request, limit=parts.limits.body_bytes, deadline_s=parts.limits.body_s)
    said = parse_json(raw, _Said)
    next_cookie = renew_cookie(cookie, said.id, parts.cookie_key)
    renewed = address_of(next_cookie, parts.cookie_key)
    inbound = Inbound(
        channel="web",
        address=Address("web", value),
        input=_input_of(said),
        turn_key=said.id,
        verified=False,
        language=_language_of(request),
        renewed=renewed,
        peer=counted_as(peer),
    )
    task = request.app[BACKGROUND].start("chat.turn", parts.turns.take(inbound))
    await asyncio.wait({task}, timeout=parts.limits.chat_answer_s)
    if not task.done() or task.cancelled() or task.exception() is not None:
        # The same id may be sent again: it is one message however often it comes.
        return answer_error(request, 503, "We could not take your message just now. Please try again.")
    answer: dict[str, Any] = {"id": said.id}
    if notice := task.result().text:
        answer["notice"] = notice
    if await parts.store.person_of("web", renewed) is None:
        return answer_json(answer, 202)
    # Whoever follows the old cookie's chat has nothing to follow any more; the page opens its stream anew.
    for window in list(request.app[_WINDOWS].get(value, ())):
        window.ended.set()
    return _set_cookie(request, answer_json(answer | {"renewed": True}, 202), next_cookie)


def _input_of(said: _Said) -> Input:
    if (said.text is None) == (said.button is None):
        raise BadBody(400, "Send either text or button.")
    if said.button is not None:
        pressed = read_button(said.button)
        if pressed is None:
            raise BadBody(400, "That button is not one of ours.")
        return pressed
    text = (said.text or "").translate(_UNSEEN)
    if not text.strip():
        raise BadBody(400, "Write something first.")
    return Typed(text)


async def _history(request: web.Request) -> web.Response:
    """A page of what was sent to this chat after a time, oldest first; `more`: ask again from the last."""
    parts = request.app[PARTS]
    rows = await parts.store.sent_messages("web", _address(request), _after(request), _PAGE)
    shown = [await _show(parts, row) for row in rows]
    return answer_json({"messages": shown, "more": len(rows) == _PAGE})


async def _follow(request: web.Request) -> web.StreamResponse:
    """What is sent to this chat from now on, or from Last-Event-ID or `after` on, as it leaves."""
    with one_more_window(request) as chat:
        stream = EventStream(request, request.app[PARTS].limits.heartbeat_s)
        response = await stream.open()
        try:
            await relay_chat(request, stream, chat)
        except ConnectionError:
            pass
        except Exception as error:
            log_unexpected(route_of(request), error)  # the browser comes again and goes on from there
        return response


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A browser window that looks at a chat, from a time on, until `ended`."""

    value: str
    after_ms: int
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def one_more_window(request: web.Request) -> Iterator[Window]:
    """The chat of the request's cookie. BadBody 401 without one, 429 past so many windows."""
    window = Window(_address(request), _after(request))
    windows = request.app[_WINDOWS]
    beside = windows.setdefault(window.value, set())
    if len(beside) >= request.app[PARTS].limits.windows_per_chat:
        raise BadBody(429, "This chat is open in too many windows.")
    beside.add(window)
    try:
        with one_more_stream(request):
            yield window
    finally:
        beside.discard(window)
        if not beside:
            windows.pop(window.value, None)


async def relay_chat(request: web.Request, stream: EventStream, window: Window) -> None:
    """Send each message of the chat as an event, until the browser leaves, the chat goes on under another
    cookie, or the server stops."""
    parts = request.app[PARTS]
    seen: dict[str, int] = {}
    last = window.after_ms
    while not stream.gone and not window.ended.is_set():
        # Listen first, read then: what is sent in between is not missed.
        woken = asyncio.create_task(parts.windows.wait("web", window.value, parts.limits.chat_poll_s))
        try:
            await asyncio.sleep(0)
            full = True
            while full:
                start = max(0, last - _OVERLAP_MS)
                rows = await parts.store.sent_messages("web", window.value, start, _PAGE + len(seen))
                new = [row for row in rows if row.id not in seen]
                for row in new:
                    seen[row.id] = row.sent_ms or 0
                    last = max(last, row.sent_ms or 0)
                    await stream.send("message", await _show(parts, row), str(row.sent_ms))
                full = len(new) >= _PAGE
            seen = {key: at for key, at in seen.items() if at >= last - _OVERLAP_MS}
            await stream.beat()
            await wait_unless_closing(request.app, woken, window.ended)
        finally:
            woken.cancel()


async def _show(parts: WebParts, row: MessageRow) -> dict[str, Any]:
    words = await parts.render(row)
    if row.kind is MessageKind.SAID:
        return _show_own(row, words.text)
    return {
        "id": row.id,
        "ref": row.sent_ref,
        "text": words.text,
        "buttons": [{"label": button.label, "data": button.data} for button in words.buttons],
        "wants": words.wants,
        "edits": row.edits,
        "at": row.sent_ms,
    }


def _show_own(row: MessageRow, text: str) -> dict[str, Any]:
    """What the person said; `of` is the id under which their page sent it."""
    return {
        "id": row.id,
        "mine": True,
        "of": row.dedupe_key.rpartition(":")[2],
        "text": text,
        "at": row.sent_ms,
    }


def _cookie_of(request: web.Request) -> str | None:
    parts = request.app[PARTS]
    cookie = request.cookies.get(name_of(secure=parts.secure_cookies), "")
    return cookie if is_issued(cookie, parts.cookie_key) else None


def _cookie(request: web.Request) -> str:
    cookie = _cookie_of(request)
    if cookie is None:
        raise BadBody(401, "Open the chat's page first.")
    return cookie


def _address(request: web.Request) -> str:
    return address_of(_cookie(request), request.app[PARTS].cookie_key)


def _after(request: web.Request) -> int:
    """Epoch milliseconds to go on from. BadBody 400 where it is no such number."""
    text = request.headers.get("Last-Event-ID") or request.query.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadBody(400, "after is a time in milliseconds.")
    return int(text)


def _language_of(request: web.Request) -> str:
    found = _LANGUAGE.match(request.headers.get("Accept-Language", ""))
    return found[1] if found else ""
