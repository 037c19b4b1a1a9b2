"""Decides how many may be connected at once and whose connection ends for another. Owns no socket.

Whoever is idle longest goes first, so that idle strangers hold no place anybody needs. Where nobody is idle a
newcomer is a guest: it may say who it is, and stays if it is a gateway with its secret, for which places are
kept. Behind a trusted proxy an address is the one that the proxy names, counted by what is under way.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

import structlog

from bot.web.parts import Bounds, Network
from bot.web.peers import counted_as, is_inside

__all__ = ["Full", "Place", "Room", "backlog_for", "bounds_for"]

Address: TypeAlias = IPv4Address | IPv6Address | None

_log = structlog.get_logger("bot.web")

_COMMON: Final = ""
_GUESTS: Final = "?"
_SAID_EVERY_S: Final = 60.0


class Full(Exception):
    """No room for one more of these just now."""


def bounds_for(wanted: Bounds, open_files: int, gateways: int) -> Bounds:
    """What `open_files` leave of what is wanted, once the store, the calls to providers and connections that
    are accepted and not yet looked at have theirs. Never nothing."""
    left = open_files - max(64, open_files // 8) - backlog_for(open_files)
    every = max(16, min(wanted.connections, left))
    reserve = max(2, min(wanted.reserve, every // 4 // max(1, gateways)))
    guests = max(4, min(wanted.guests, every // 16))
    common = max(8, every - guests - reserve * gateways)
    return Bounds(
        connections=common,
        guests=guests,
        reserve=reserve,
        per_address=max(4, min(wanted.per_address, common // 2)),
        streams=max(2, min(wanted.streams, common // 2)),
        streams_per_address=max(2, min(wanted.streams_per_address, common // 4)),
    )


def backlog_for(open_files: int) -> int:
    """How many connections may wait to be accepted: so many more may be open for a moment."""
    return max(16, min(128, open_files // 8))


@dataclass(eq=False, slots=True)
class Place:
    """One connection's place. `close` ends it; `who` is what its address counts as; `proxied`: others speak
    through it."""

    close: Callable[[], None]
    who: str
    proxied: bool = False
    pool: str = _COMMON
    counted: bool = False
    gone: bool = False
    # Spoke as a gateway, with its secret.
    of_gateway: bool = False
    # An event stream is open on it, which lasts as long as somebody looks.
    streaming: bool = False

    @property
    def guest(self) -> bool:
        return self.pool == _GUESTS


@dataclass(slots=True)
class _Pool:
    size: int = 0
    # Places that wait for a request, the longest first.
    resting: dict[Place, None] = field(default_factory=dict)


class Room:
    """Everybody who is connected to one listening process. `met` hears of each bound that was met."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        gateways: Mapping[str, tuple[Network, ...]],
        proxies: tuple[Network, ...] = (),
        met: Callable[[str], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds
        self._proxies = proxies
        self._known = tuple(network for networks in gateways.values() for network in networks)
        self._met = met
        self._now = now
        self._pools = {name: _Pool() for name in (_COMMON, _GUESTS, *gateways)}
        self._at: Counter[str] = Counter()
        self._resting_at: dict[str, dict[Place, None]] = {}
        self._under_way: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()
        self._all_streams = 0
        self._said: dict[str, tuple[float, int]] = {}

    @property
    def connections(self) -> int:
        return sum(pool.size for pool in self._pools.values())

    @property
    def streams(self) -> int:
        return self._all_streams

    def enter(self, close: Callable[[], None], address: Address) -> Place | None:
        """A place for a new connection, at somebody idle's cost where it must be; None: there is none."""
        proxied = is_inside(address, self._proxies)
        known = address is None or proxied or is_inside(address, self._known)
        place = Place(close, counted_as(address), proxied, counted=not known)
        crowded = False
        if place.counted and self._at[place.who] >= self.bounds.per_address:
            self._meet("connections of an address", self.bounds.per_address, place.who)
            crowded = not self._end_one(self._resting_at.get(place.who, {}))
        if not crowded and self._pools[_COMMON].size >= self.bounds.connections:
            self._meet("connections", self.bounds.connections)
            crowded = not self._end_one(self._pools[_COMMON].resting)
        if crowded:
            guests = self._pools[_GUESTS]
            if guests.size >= self.bounds.guests and not self._end_one(guests.resting):
                return None
            place.pool, place.counted = _GUESTS, False
        self._pools[place.pool].size += 1
        if place.counted:
            self._at[place.who] += 1
        self.rest(place)
        return place

    def leave(self, place: Place) -> None:
        """The connection has ended; said twice it is said once."""
        if place.gone:
            return
        self.begin(place)
        place.gone = True
        self._pools[place.pool].size -= 1
        if place.counted:
            _less(self._at, place.who)

    def begin(self, place: Place) -> None:
        """It has a request: from now on it is not idle."""
        self._pools[place.pool].resting.pop(place, None)
        if (resting := self._resting_at.get(place.who)) is not None:
            resting.pop(place, None)
            if not resting:
                del self._resting_at[place.who]

    def rest(self, place: Place) -> None:
        """It waits for its next request."""
        if place.gone:
            return
        if place.proxied and place.pool != _GUESTS:
            # The next request through it may be anybody's.
            self._move(place, _COMMON)
        self._pools[place.pool].resting[place] = None
        if place.counted:
            self._resting_at.setdefault(place.who, {})[place] = None

    def claim(self, place: Place, gateway: str) -> None:
        """It is this gateway's, by its secret: it takes one of the places kept for it."""
        place.of_gateway = True
        pool = self._pools[gateway]
        if place.pool == gateway or place.gone:
            return
        if place.counted:
            # Its address may be that of many phones: what it may hold is bounded by the room alone.
            _less(self._at, place.who)
            place.counted = False
        if pool.size >= self.bounds.reserve and not (place.guest and self._end_one(pool.resting)):
            # A place of all is as good, while there is one.
            return
        self.begin(place)
        self._move(place, gateway)

    @contextmanager
    def request(self, address: Address) -> Iterator[None]:
        """While a request that came through a proxy is worked on. Raises Full."""
        who = counted_as(address)
        if self._under_way[who] >= self.bounds.per_address:
            self._meet("requests of an address", self.bounds.per_address, who)
            raise Full
        self._under_way[who] += 1
        try:
            yield
        finally:
            _less(self._under_way, who)

    @contextmanager
    def stream(self, address: Address) -> Iterator[None]:
        """While an event stream is open. Raises Full."""
        who = counted_as(address)
        if self._streams[who] >= self.bounds.streams_per_address:
            self._meet("streams of an address", self.bounds.streams_per_address, who)
            raise Full
        if self._all_streams >= self.bounds.streams:
            self._meet("streams", self.bounds.streams)
            raise Full
        self._streams[who] += 1
        self._all_streams += 1
        try:
            yield
        finally:
            self._all_streams -= 1
            _less(self._streams, who)

    def _move(self, place: Place, pool: str) -> None:
        self._pools[place.pool].size -= 1
        place.pool = pool
        self._pools[pool].size += 1

    def _end_one(self, resting: dict[Place, None]) -> bool:
        """End the connection that has been idle longest; False where none is idle."""
        place = next(iter(resting), None)
        if place is None:
            return False
        self.leave(place)
        place.close()
        return True

    def _meet(self, what: str, at_most: int, address: str = "") -> None:
        """Count it, and say it once a minute."""
        self._met(what)
        said_at, times = self._said.get(what, (float("-inf"), 0))
        if self._now() - said_at < _SAID_EVERY_S:
            self._said[what] = (said_at, times + 1)
            return
        self._said[what] = (self._now(), 0)
        told = {"address": address} if address else {}
        _log.warning("web.bound_met", what=what, at_most=at_most, times=times + 1, **told)


def _less(counter: Counter[str], who: str) -> None:
    counter[who] -= 1
    if counter[who] <= 0:
        del counter[who]
