"""What stands around every control call: bodies, errors with a sentence, pages of this machine, the flush."""

import ipaddress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from bot.sandbox.record import RecordError
from bot.sandbox.wire import BadBody, encode_json, parse_object, read_body
from bot.sandbox.world import World

T = TypeVar("T")
PREFIX = "/_sandbox"
HEALTH = PREFIX + "/health"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Problem(Exception):
    """A control call that cannot be done: status, a sentence, and what else helps."""

    def __init__(self, status: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, **extra}


class ControlBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body of the control API: unknown fields are mistakes."""


async def parse_control(request: web.Request, type_: type[T]) -> T:
    """The body as `type_`; an empty body is an empty object."""
    body = await read_body(request)
    try:
        return msgspec.convert(parse_object(body) if body else {}, type_)
    except msgspec.ValidationError as error:
        raise Problem(400, str(error)) from None


def control_json(value: object, status: int = 200) -> web.Response:
    """A JSON answer of the control API."""
    return web.Response(body=encode_json(value), status=status, content_type="application/json")


def cross_origin(world: World, request: web.Request) -> dict[str, str]:
    """Headers that let a page of this machine, or a configured one, use the control API."""
    origin = request.headers.get("Origin", "")
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return {}
    if not origin or not (host in _LOOPBACK or origin in world.config.page_origins):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
        "Access-Control-Allow-Headers": "Content-Type",
        "Vary": "Origin",
    }


def refusal_of(world: World, request: web.Request) -> str:
    """Why a control call is not taken: a page of somebody else's would be its author. Empty where it is.

    A browser says in Origin or Sec-Fetch-Site which page asks. A page whose name was pointed at this machine
    says its own name in Host; an address, a name without a dot and a name of this network cannot be pointed.
    """
    origins = [urlsplit(origin).hostname for origin in world.config.page_origins]
    host = _hostname("//" + request.headers.get("Host", ""))
    if host is None or (host and not _is_ours(host) and host not in (*origins, *world.config.hosts)):
        return "This name is none of the sandbox's: configure it as one of its hosts."
    origin = request.headers.get("Origin")
    if origin is not None:
        same = _hostname(origin) == host != "" and _port(origin) == _port("//" + request.headers["Host"])
        if not (same or _hostname(origin) in _LOOPBACK or origin in world.config.page_origins):
            return "Pages of other places may not do that: configure them as page_origins."
    elif request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and request.method != "GET":
        return "Pages of other places may not do that."
    return ""


def _hostname(url: str) -> str | None:
    """The name in an address; empty where there is none, None where it cannot be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return None


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _is_ours(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return True


def guard(world: World) -> Middleware:
    """The middleware of the control API: due work first, clear errors, nothing told that is not on disk."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX):
            return await handler(request)
        if refused := refusal_of(world, request):
            return control_json({"error": refused}, 403)
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=cross_origin(world, request))
        answer: web.StreamResponse
        try:
            world.run_due()
            answer = await _answer(request, handler)
            if request.path != HEALTH:  # it must be able to say that the record is lost
                await world.record.flush()
        except RecordError as error:
            answer = control_json({"error": str(error)}, 503)
        world.woken.set()
        if not answer.prepared:
            answer.headers.update(cross_origin(world, request))
        return answer

    return guarded


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return control_json(problem.body, problem.status)
    except BadBody as bad:
        return control_json({"error": bad.message}, bad.status)
    except web.HTTPMethodNotAllowed as error:
        answer = control_json({"error": "This method does not fit this path."}, 405)
        answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except web.HTTPNotFound:
        return control_json({"error": "There is no such path."}, 404)


async def no_such_path(request: web.Request) -> web.StreamResponse:
    """What a path under the prefix that is none of ours gets; a known path with another method: 405."""
    methods: set[str] = set()
    for method in ("GET", "POST", "PUT", "DELETE"):
        other = await request.app.router.resolve(request.clone(method=method))
        if getattr(other.handler, "__func__", other.handler) is not no_such_path:
            methods.add(method)
    if methods:
        raise web.HTTPMethodNotAllowed(request.method, methods)
    raise web.HTTPNotFound
