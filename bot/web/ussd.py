"""The endpoints of the USSD gateways: `/ussd/{gateway}/{secret}` and below.

Whoever can be read gets a screen with a 200, whatever happens to us; the rest gets a 4xx.
"""

import asyncio
import contextlib
import hmac

from aiohttp import web

from bot.channels.ussd.base import Heard, Left, Rejected, WireReply, WireRequest
from bot.conversations import Turns
from bot.conversations.timeout_reply import TimeoutReply
from bot.dialog import Answer, Inbound
from bot.web.answers import log_unexpected, route_of
from bot.web.background import BACKGROUND, PARTS
from bot.web.bodies import BadBody, lower_headers, parse_query, read_body
from bot.web.bounding import claim_place
from bot.web.parts import GatewayEntry
from bot.web.peers import is_inside, peer_of

__all__ = ["add_ussd_routes", "answer_gateway"]


def add_ussd_routes(app: web.Application) -> None:
    app.router.add_route("*", "/ussd/{gateway}/{secret}{below:(/.*)?}", _serve, name="ussd")


async def _serve(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    entry = _admit(request)
    claim_place(request, entry.gateway.manners.name)
    wire = WireRequest(
        method=request.method,
        path=request.match_info["below"],
        query=parse_query(request.rel_url.raw_query_string),
        headers=lower_headers(request),
        content=await read_body(request, limit=parts.limits.body_bytes, deadline_s=parts.limits.body_s),
    )
    return _respond(await answer_gateway(request, entry, wire))


async def answer_gateway(request: web.Request, entry: GatewayEntry, wire: WireRequest) -> WireReply:
    """The reply to a gateway's request, whoever brought it: the entrance, or the page's own phone."""
    parts = request.app[PARTS]
    try:
        read = entry.gateway.read(wire, region=parts.region)
    except Exception as error:
        log_unexpected(route_of(request), error)
        raise BadBody(400, "The request cannot be read.") from None
    match read:
        case Heard():
            answer = await _answer(request, entry, read)
            return entry.gateway.build_reply(read, answer.text, keep_open=answer.keep_open)
        case Left():
            # News for us only: the gateway gets its acknowledgement whatever we make of it.
            work = parts.turns.left(
                entry.gateway.manners.name, read.session_id, read.msisdn, read.why, read.cumulative
            )
            task = request.app[BACKGROUND].start("ussd.left", work)
            await asyncio.wait({task}, timeout=_patience_s(request, entry))
            return read.reply
        case Rejected():
            if read.reply.status == web.HTTPForbidden.status_code:
                peer = peer_of(request, parts.trusted_proxies)
                parts.security("gateway_account", gateway=entry.gateway.manners.name, address=peer)
            return read.reply


def _admit(request: web.Request) -> GatewayEntry:
    """The gateway that calls, once its secret, address and method were checked.

    An unknown name and a wrong secret are answered alike."""
    parts = request.app[PARTS]
    entry = parts.gateways.get(request.match_info["gateway"])
    given = request.match_info["secret"].encode("utf-8", "surrogatepass")
    wanted = entry.secret.encode() if entry is not None else b""
    if not hmac.compare_digest(given, wanted) or entry is None or not wanted:
        gateway = entry.gateway.manners.name if entry is not None else ""
        parts.security("gateway_secret", gateway=gateway, address=peer_of(request, parts.trusted_proxies))
        raise web.HTTPNotFound
    if entry.allow and not is_inside(peer := peer_of(request, parts.trusted_proxies), entry.allow):
        parts.security("gateway_address", gateway=entry.gateway.manners.name, address=peer)
        raise web.HTTPForbidden
    if request.method not in entry.gateway.manners.methods:
        raise web.HTTPMethodNotAllowed(request.method, entry.gateway.manners.methods)
    return entry


async def _answer(request: web.Request, entry: GatewayEntry, heard: Heard) -> Answer:
    """The turn's answer, or the timeout reply where there is none in time.

    The turn itself goes on to its end, and keeps to what was said: what it commits is what the person
    finds at the next dial."""
    turns = request.app[PARTS].turns
    timeout_reply = TimeoutReply()
    task = request.app[BACKGROUND].start("ussd.turn", _take(turns, heard.inbound, timeout_reply))
    await asyncio.wait({task}, timeout=_patience_s(request, entry))
    if task.done() and not task.cancelled() and task.exception() is None:
        return task.result()
    return Answer(turns.timeout_words(heard.inbound.language, timeout_reply), keep_open=False)


async def _take(turns: Turns, inbound: Inbound, timeout_reply: TimeoutReply) -> Answer:
    """Take the turn, and close the session where that fails.

    Its person is sent away then: the session is over for its gateway, so it is for us, if the store can be
    told."""
    try:
        return await turns.take(inbound, timeout_reply=timeout_reply)
    except Exception:
        session = inbound.session
        if session is not None:
            with contextlib.suppress(Exception):
                await turns.left(
                    session.gateway, session.id, inbound.address.value, "failed", session.cumulative
                )
        raise


def _patience_s(request: web.Request, entry: GatewayEntry) -> float:
    """How long a request waits for its turn: our own limit, or the gateway's where that is shorter."""
    return min(request.app[PARTS].limits.answer_s, entry.gateway.manners.answer_s)


def _respond(reply: WireReply) -> web.Response:
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers={"Content-Type": reply.content_type, "Cache-Control": "no-store", **reply.headers},
    )
