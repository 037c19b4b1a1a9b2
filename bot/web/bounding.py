"""The middleware that keeps connections and streams within their limits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from aiohttp import web

from bot.web.answers import answer_error
from bot.web.background import PARTS, ROOM
from bot.web.bodies import BadBody
from bot.web.peers import peer_of
from bot.web.room import Full, Place

__all__ = ["claim_place", "keep_bounds", "one_more_stream"]

# Gateways say who they are in the path, and whoever watches us must see us also when we are full.
_ALWAYS_OPEN: Final = frozenset({"ussd", "healthz", "readyz", "metrics"})


@web.middleware
async def keep_bounds(request: web.Request, handler: Any) -> web.StreamResponse:
    """Turn strangers away while there is no room; count who speaks through a proxy by its own address."""
    place = _place_of(request)
    if place is None or not (place.guest or place.proxied):
        response: web.StreamResponse = await handler(request)
        return response
    if request.match_info.route.name in _ALWAYS_OPEN:
        response = await handler(request)
    elif place.guest:
        return _turn_away(request, 503, "Too many are connected just now. Please try again in a moment.")
    else:
        try:
            with request.app[ROOM].request(peer_of(request, request.app[PARTS].trusted_proxies)):
                response = await handler(request)
        except Full:
            return _turn_away(request, 429, "Too many requests from your address are under way.")
    if place.guest and not response.prepared:
        response.force_close()
    return response


def claim_place(request: web.Request, gateway: str) -> None:
    """The connection is a gateway's, by its secret."""
    if (place := _place_of(request)) is not None:
        request.app[ROOM].claim(place, gateway)


@contextmanager
def one_more_stream(request: web.Request) -> Iterator[None]:
    """While the request's event stream is open. BadBody 429 past so many."""
    place = _place_of(request)
    with ExitStack() as stack:
        try:
            address = peer_of(request, request.app[PARTS].trusted_proxies)
            stack.enter_context(request.app[ROOM].stream(address))
        except Full:
            raise BadBody(429, "Too many pages are open just now. Please close one.") from None
        if place is not None:
            place.streaming = True
        yield


def _turn_away(request: web.Request, status: int, message: str) -> web.Response:
    response = answer_error(request, status, message)
    response.headers["Retry-After"] = "5"
    response.force_close()
    return response


def _place_of(request: web.Request) -> Place | None:
    place = getattr(request.protocol, "place", None)
    return place if isinstance(place, Place) else None
