"""The HTTP answers of this room: JSON, errors in one shape, common headers, few log lines.

An error never shows what was sent, and a log line never more than the route's name: paths carry
secrets and tokens.
"""

import errno
import logging
import traceback
from typing import Any

import msgspec
import structlog
from aiohttp import web

from bot.web.bodies import BadBody

__all__ = [
    "add_security_headers",
    "answer_error",
    "answer_errors",
    "answer_json",
    "dress",
    "insist_on_https",
    "log_unexpected",
    "make_server_logger",
    "route_of",
]

_log = structlog.get_logger("bot.web")

_CSP = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_SENTENCES = {
    400: "The request cannot be read.",
    403: "Not allowed.",
    404: "Not found.",
    405: "This address does not take that method.",
    413: "The body is too large.",
}


async def add_security_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """The signal that dresses every answer, errors and streams included."""
    dress(response)


async def insist_on_https(_request: web.Request, response: web.StreamResponse) -> None:
    """The signal for where we are known by https:// only: a browser comes by nothing else for a year."""
    response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def dress(response: web.StreamResponse) -> None:
    """Put on the headers that every answer carries."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "Kasapay"
    # Pages and scripts change with the release: asked about each time, answered 304 mostly.
    response.headers.setdefault("Cache-Control", "no-cache")


def answer_json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def answer_error(request: web.BaseRequest, status: int, message: str) -> web.Response:
    """`{"error": message}`, or the bare sentence for someone who asked for a page or text."""
    if "text/html" in request.headers.get("Accept", ""):
        return web.Response(text=f"{message}\n", status=status)
    return answer_json({"error": message}, status)


@web.middleware
async def answer_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Every refusal in one shape, and no exception past this point."""
    try:
        response: web.StreamResponse = await handler(request)
    except BadBody as refused:
        response = answer_error(request, refused.status, refused.message)
        if refused.status in (408, 413):
            response.force_close()  # the rest of the body is not worth reading
    except web.HTTPException as refused:
        if refused.status < 400:
            raise
        response = answer_error(request, refused.status, _SENTENCES.get(refused.status, refused.reason))
        for name in ("Allow", "Retry-After"):
            if name in refused.headers:
                response.headers[name] = refused.headers[name]
    except Exception as error:
        # A client that went away is no fault; anything else is one of ours.
        if isinstance(error, ConnectionError):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            # A path that no file system can hold names no file of ours.
            return answer_error(request, 404, _SENTENCES[404])
        log_unexpected(route_of(request), error)
        response = answer_error(request, 500, "Something went wrong on our side. Please try again.")
    return response


def route_of(request: web.Request) -> str:
    """The route's pattern, never the path."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def log_unexpected(where: str, error: BaseException) -> None:
    """One line: what kind and where in the code. Never the message, which may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    _log.error(
        "web.unexpected",
        route=where,
        error=type(error).__name__,
        at=[f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames],
    )


class _ServerLogger(logging.Logger):
    """aiohttp's own log: one quiet line for a broken request instead of its bytes and a traceback."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **_rest: Any) -> None:
        kind = type(exc_info).__name__ if isinstance(exc_info, BaseException) else "unknown"
        _log.warning("web.broken_request", error=kind)


def make_server_logger() -> logging.Logger:
    """For the server's own lines."""
    return _ServerLogger("bot.web.server", level=logging.ERROR)
