"""Who is calling: the address behind our trusted proxies, and whether a page of ours sent a request."""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

from bot.web.parts import Network

__all__ = ["counted_as", "is_inside", "is_named_as_ours", "peer_of", "sent_by_our_page", "socket_address"]

_MAX_HOPS = 32


def peer_of(request: web.Request, trusted: Iterable[Network]) -> IPv4Address | IPv6Address | None:
    """The caller's address; None where it cannot be known.

    X-Forwarded-For is believed only as far as trusted proxies wrote it: read from the right, the
    first address that is no trusted proxy is the caller.
    """
    trusted = tuple(trusted)
    # Not request.remote: a middleware may have replaced it; the socket cannot be argued with.
    caller = socket_address(request.transport)
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    hops = [hop.strip() for hop in forwarded if hop.strip()][-_MAX_HOPS:]
    while caller is not None and is_inside(caller, trusted) and hops:
        caller = _parse(hops.pop())
    return caller


def socket_address(transport: asyncio.BaseTransport | None) -> IPv4Address | IPv6Address | None:
    """The address at the other end of a connection; None where it has none any more."""
    peername = transport.get_extra_info("peername") if transport is not None else None
    return _parse(peername[0]) if isinstance(peername, tuple) else None


def counted_as(peer: IPv4Address | IPv6Address | None) -> str:
    """What tries are counted by: the address, and of IPv6 the network that one customer is given."""
    if isinstance(peer, IPv6Address):
        return str(ip_network((peer, 64), strict=False))
    return str(peer) if peer is not None else "unknown"


def is_inside(address: IPv4Address | IPv6Address | None, networks: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in networks)


def is_named_as_ours(request: web.Request, hosts: Iterable[str]) -> bool:
    """Whether the request came for us by a name that nobody else can point at us: an address, a name without
    a dot or of this network, or one of `hosts`. Who sends no name is no browser."""
    try:
        host = urlsplit("//" + request.headers.get("Host", "")).hostname or ""
    except ValueError:
        return False
    near = "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return near or _parse(host) is not None or host in hosts


def sent_by_our_page(request: web.Request) -> bool:
    """False for a request another site's page made a browser send.

    Browsers say so in Sec-Fetch-Site or, older ones, in Origin; a client that sends neither is no
    browser and carries nobody else's cookie.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get("Host", "").lower() != ""
    except ValueError:
        return False


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    # Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
