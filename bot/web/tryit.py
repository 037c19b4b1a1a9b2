"""The try-it page, `run` only: a phone, a wallet, a chat and the orders, on pretend money.

The page's phone has its gateway's simulator here, and works the sandbox through a small proxy, so that it
also runs on a telephone that reaches this port only.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import aiohttp
import aiohttp_jinja2
import msgspec
from aiohttp import web
from yarl import URL

from bot.web.answers import answer_error, answer_json, log_unexpected, route_of
from bot.web.background import CLOSING, PARTS, EventStream
from bot.web.bodies import BadBody, parse_json, read_body
from bot.web.bounding import one_more_stream
from bot.web.chat import one_more_window, relay_chat, with_cookie
from bot.web.orders import OrderFeed
from bot.web.parts import PhoneCall, TryIt
from bot.web.peers import sent_by_our_page
from bot.web.ussd import answer_gateway

__all__ = ["add_tryit_routes"]

_TRYIT = web.AppKey("tryit", TryIt)
_FEED = web.AppKey("order_feed", OrderFeed)
_SANDBOX = web.AppKey("sandbox", aiohttp.ClientSession)
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})


def add_tryit_routes(app: web.Application, tryit: TryIt) -> None:
    app[_TRYIT] = tryit
    app[_FEED] = OrderFeed(app[PARTS].store, tryit.merchants)
    app.cleanup_ctx.append(_open_sandbox)
    app.router.add_get("/", _page, name="tryit")
    app.router.add_get("/try/setup", _setup, name="tryit-setup")
    app.router.add_post("/try/phone", _phone, name="tryit-phone")
    app.router.add_get("/try/orders", _orders, name="tryit-orders")
    app.router.add_get("/try/events", _follow, name="tryit-events")
    app.router.add_route("*", "/try/sandbox/{tail:.+}", _forward, name="tryit-sandbox")


async def _open_sandbox(app: web.Application) -> AsyncIterator[None]:
    # No total time limit: an event stream lasts as long as the page is looked at.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=3)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        app[_SANDBOX] = session
        yield


async def _page(request: web.Request) -> web.Response:
    shown = {"tryit": request.app[_TRYIT], "gateways": request.app[PARTS].gateways}
    return with_cookie(request, aiohttp_jinja2.render_template("tryit.html", request, shown))


async def _setup(request: web.Request) -> web.Response:
    tryit = request.app[_TRYIT]
    return answer_json(
        {
            "short_code": tryit.short_code,
            "telegram": tryit.telegram,
            "customers": list(tryit.customers),
            "staff": list(tryit.staff),
            "merchants": list(tryit.merchants),
        }
    )


async def _phone(request: web.Request) -> web.Response:
    """One request of the page's phone, through its gateway: the screen, or null where there is none."""
    if not sent_by_our_page(request):
        raise web.HTTPForbidden
    tryit, parts = request.app[_TRYIT], request.app[PARTS]
    raw = await read_body(request, limit=parts.limits.body_bytes, deadline_s=parts.limits.body_s)
    call = parse_json(raw, PhoneCall)
    entry = parts.gateways.get(call.gateway)
    if entry is None:
        raise BadBody(400, "There is no such gateway.")
    played = tryit.play_phone(call, tryit.short_code)
    if played is None:
        return answer_json({"screen": None})
    return answer_json({"screen": played.show(await answer_gateway(request, entry, played.wire))})


async def _orders(request: web.Request) -> web.Response:
    return answer_json({"orders": [shown for _, shown in await request.app[_FEED].recent()]})


async def _follow(request: web.Request) -> web.StreamResponse:
    """One stream for the whole page, since browsers allow few connections to one place: `order` for
    every recent order and then whenever one changed, `sandbox` for what happens there, `message`
    for the chat."""
    with one_more_window(request) as window:
        stream = EventStream(request, request.app[PARTS].limits.heartbeat_s)
        response = await stream.open()
        try:
            async with asyncio.TaskGroup() as group:
                sandbox = group.create_task(_relay_sandbox(request, stream))
                orders = group.create_task(_relay_orders(request, stream))
                await relay_chat(request, stream, window)
                sandbox.cancel()
                orders.cancel()
        except* ConnectionError:
            pass
        except* Exception as errors:
            log_unexpected(route_of(request), errors.exceptions[0])
        return response


async def _relay_orders(request: web.Request, stream: EventStream) -> None:
    feed, poll_s = request.app[_FEED], request.app[PARTS].limits.orders_poll_s
    seen: dict[str, int] = {}
    while not stream.gone:
        for version, shown in reversed(await feed.recent(fresh_s=poll_s / 2)):
            if seen.get(shown["id"]) != version:
                seen[shown["id"]] = version
                await stream.send("order", shown)
        await asyncio.sleep(poll_s)


async def _relay_sandbox(request: web.Request, stream: EventStream) -> None:
    """The sandbox's events as they are; `up` and `down` when it comes and goes."""
    url = URL(request.app[_TRYIT].sandbox_url) / "_sandbox" / "events"
    up = None
    while not stream.gone:
        try:
            async with request.app[_SANDBOX].get(url) as upstream:
                upstream.raise_for_status()
                up = True
                await stream.send("sandbox", {"event": "up"})
                event = ""
                async for line in upstream.content:
                    if line.startswith(b"event: "):
                        event = line[7:].decode().strip()
                    elif line.startswith(b"data: "):
                        await stream.send("sandbox", {"event": event, "data": msgspec.Raw(line[6:].strip())})
        except (aiohttp.ClientError, TimeoutError) as error:
            if isinstance(error, ConnectionError) and stream.gone:
                raise
        if up is not False:
            up = False
            await stream.send("sandbox", {"event": "down"})
        await asyncio.sleep(1)


async def _forward(request: web.Request) -> web.StreamResponse:
    """The sandbox's own switches and record, and nothing else of it."""
    if request.method not in _METHODS:
        raise web.HTTPMethodNotAllowed(request.method, _METHODS)
    if request.method != "GET" and not sent_by_our_page(request):
        raise web.HTTPForbidden
    limits = request.app[PARTS].limits
    tail = request.match_info["tail"]
    if any(part in ("", ".", "..") for part in tail.split("/")):
        raise web.HTTPNotFound
    url = (URL(request.app[_TRYIT].sandbox_url) / "_sandbox").joinpath(*tail.split("/"))
    body = await read_body(request, limit=limits.body_bytes, deadline_s=limits.body_s)
    try:
        async with request.app[_SANDBOX].request(
            request.method,
            url.with_query(request.rel_url.query),
            data=body or None,
            headers={"Content-Type": request.headers.get("Content-Type", "application/json")},
            allow_redirects=False,
        ) as upstream:
            return await _pass_on(request, upstream)
    except (aiohttp.ClientError, TimeoutError):
        return answer_error(request, 502, "The sandbox does not answer.")


async def _pass_on(request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if "Content-Type" in upstream.headers:
        headers["Content-Type"] = upstream.headers["Content-Type"]
    if upstream.content_type != "text/event-stream":
        return web.Response(status=upstream.status, body=await upstream.read(), headers=headers)
    with one_more_stream(request):
        return await _relay(request, upstream, headers)


async def _relay(
    request: web.Request, upstream: aiohttp.ClientResponse, headers: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, headers=headers)
    await response.prepare(request)
    heartbeat_s = request.app[PARTS].limits.heartbeat_s
    closing = asyncio.create_task(request.app[CLOSING].wait())
    reading = asyncio.create_task(upstream.content.readany())
    # Once the head is out, a stream that breaks just ends: the browser comes again.
    with suppress(ConnectionError, aiohttp.ClientError):
        try:
            whole = True
            while True:
                await asyncio.wait(
                    {reading, closing}, timeout=heartbeat_s, return_when=asyncio.FIRST_COMPLETED
                )
                if closing.done():
                    break
                if not reading.done():
                    if whole:  # between two events only
                        await response.write(b": still here\n\n")
                    continue
                chunk = reading.result()
                if not chunk:
                    break
                await response.write(chunk)
                whole = chunk.endswith(b"\n\n")
                reading = asyncio.create_task(upstream.content.readany())
        finally:
            closing.cancel()
            reading.cancel()
    return response
