"""Who has a place, who makes room, who is turned away: the rules, without a socket."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from bot.web.parts import Bounds
from bot.web.room import Full, Place, Room, backlog_for, bounds_for

STRANGER = ip_address("198.51.100.1")
PROXY = ip_address("10.0.0.1")
BOUNDS = Bounds(connections=4, guests=2, reserve=2, per_address=3, streams=3, streams_per_address=2)


class Hall:
    """A room, and who was shown out of it."""

    def __init__(self, **other: Any) -> None:
        self.ended: list[str] = []
        self.met: list[str] = []
        self.now = 0.0
        self.room = Room(
            BOUNDS,
            gateways={"hubtel": (ip_network("192.0.2.0/24"),), "africastalking": ()},
            proxies=(ip_network("10.0.0.0/8"),),
            met=self.met.append,
            now=lambda: self.now,
            **other,
        )

    def enter(self, name: str, address: Any = None) -> Place | None:
        # Addresses of their own, unless one is given.
        return self.room.enter(lambda: self.ended.append(name), address or ip_address(address_of(name)))

    def enter_busy(self, name: str, address: Any = None) -> Place:
        place = self.enter(name, address)
        assert place is not None
        self.room.begin(place)
        return place


def address_of(name: str) -> str:
    """An address of its own for each name."""
    return f"203.0.113.{sum(name.encode()) % 256}"


def test_whoever_is_idle_longest_makes_room() -> None:
    hall = Hall()
    first, *_ = [hall.enter(name) for name in "abcd"]
    assert first is not None
    hall.room.begin(first)
    hall.room.rest(first)  # it was just served: b is idle for longer
    assert hall.enter("e") is not None
    assert hall.ended == ["b"]
    assert hall.room.connections == 4
    assert hall.met == ["connections"]


def test_nobody_with_a_request_under_way_is_ended() -> None:
    hall = Hall()
    for name in "abcd":
        hall.enter_busy(name)
    guests = [hall.enter(name) for name in "ef"]
    assert all(place is not None and place.guest for place in guests)
    third = hall.enter("g")
    assert third is not None
    assert hall.ended == ["e"], "the guest that said nothing for longest"
    hall.room.begin(third)
    assert guests[1] is not None
    hall.room.begin(guests[1])
    assert hall.enter("h") is None
    assert hall.ended == ["e"]
    assert hall.room.connections == 6


def test_a_gateway_has_places_that_strangers_cannot_take() -> None:
    hall = Hall()
    for name in "abcd":
        hall.enter_busy(name)
    for round_ in range(5):
        guest = hall.enter(f"gateway {round_}")
        assert guest is not None
        hall.room.begin(guest)
        hall.room.claim(guest, "hubtel")
        assert not guest.guest
        hall.room.rest(guest)
    # Two places are its own; its own idle connections make room for its next ones.
    assert hall.ended == ["gateway 0", "gateway 1", "gateway 2"]
    other = hall.enter("other gateway")
    assert other is not None
    hall.room.claim(other, "africastalking")
    assert not other.guest


def test_a_gateway_beyond_its_reserve_is_one_of_all() -> None:
    hall = Hall()
    places = [hall.enter_busy(f"g{n}", STRANGER) for n in range(3)]
    for place in places:
        hall.room.claim(place, "hubtel")
    assert [place.pool for place in places] == ["hubtel", "hubtel", ""]
    strangers = [hall.enter_busy(f"s{n}", STRANGER) for n in range(3)]
    assert hall.met == [], "its connections are not counted by their address"
    for place in strangers:
        hall.room.leave(place)
    for place in places:
        hall.room.rest(place)
    hall.room.claim(hall.enter_busy("g3"), "hubtel")
    assert hall.ended == [], "nobody idle is ended while there is room"
    hall.room.leave(places.pop())
    for place in places:
        hall.room.leave(place)
        hall.room.leave(place)
    assert hall.room.connections == 1


def test_one_address_has_so_many_and_its_own_idle_ones_make_room() -> None:
    hall = Hall()
    first = hall.enter_busy("a", STRANGER)
    for name in "bc":
        hall.enter(name, STRANGER)
    assert hall.enter("d", STRANGER) is not None
    assert hall.ended == ["b"]
    for name in "ef":
        hall.enter_busy(name, STRANGER)
    assert hall.ended == ["b", "c", "d"]
    fourth = hall.enter("g", STRANGER)
    assert fourth is not None
    assert fourth.guest, "a gateway may have the same address"
    other = hall.enter("h")
    assert other is not None
    assert not other.guest
    hall.room.leave(first)
    again = hall.enter("i", STRANGER)
    assert again is not None
    assert not again.guest


def test_a_subscriber_with_many_addresses_is_one() -> None:
    hall = Hall()
    for n in range(3):
        hall.enter_busy(f"{n}", ip_address(f"2001:db8::{n}"))
    crowded = hall.enter("d", ip_address("2001:db8::ffff:1"))
    assert crowded is not None
    assert crowded.guest
    other = hall.enter("e", ip_address("2001:db8:0:1::1"))
    assert other is not None
    assert not other.guest
    first, second, third = (hall.room.stream(ip_address(f"2001:db8::{n}")) for n in range(3))
    with first, second, pytest.raises(Full), third:
        pass


@pytest.mark.parametrize("address", [PROXY, ip_address("192.0.2.9")])
def test_a_proxy_and_a_gateway_by_its_address_are_not_one_of_many(address: Any) -> None:
    hall = Hall()
    for name in "abcd":
        hall.enter_busy(name, address)
    assert hall.room.connections == 4


def test_through_a_proxy_an_address_is_counted_by_what_is_under_way() -> None:
    hall = Hall()
    with hall.room.request(STRANGER), hall.room.request(STRANGER), hall.room.request(STRANGER):
        with pytest.raises(Full), hall.room.request(STRANGER):
            pass
        with hall.room.request(ip_address("198.51.100.2")):
            pass
    with hall.room.request(STRANGER):
        pass
    assert hall.met == ["requests of an address"]


def test_a_proxys_connection_is_a_gateways_for_one_request_only() -> None:
    hall = Hall()
    place = hall.enter_busy("p", PROXY)
    hall.room.claim(place, "hubtel")
    assert place.pool == "hubtel"
    hall.room.rest(place)
    assert place.pool == ""
    # So that idle ones of it make room as any others do.
    for name in "abcd":
        hall.enter_busy(name)
    assert hall.ended == ["p"]


def test_streams_are_counted_in_all_and_by_address() -> None:
    hall = Hall()
    with hall.room.stream(STRANGER), hall.room.stream(STRANGER):
        with pytest.raises(Full), hall.room.stream(STRANGER):
            pass
        with hall.room.stream(PROXY):
            assert hall.room.streams == 3
            with pytest.raises(Full), hall.room.stream(None):
                pass
    assert hall.room.streams == 0
    assert hall.met == ["streams of an address", "streams"]


def test_a_bound_that_is_met_is_said_once_a_minute(log: list[Any]) -> None:
    hall = Hall()
    for name in "abcdefg":
        hall.enter_busy(name) if name < "e" else hall.enter(name)
    hall.now = 60.0
    hall.enter("h")
    said = [line for line in log if line["event"] == "web.bound_met"]
    assert [(line["what"], line["at_most"], line["times"]) for line in said] == [
        ("connections", 4, 1),
        ("connections", 4, 3),
    ]
    assert hall.met == ["connections"] * 4


@pytest.mark.parametrize("open_files", [64, 256, 300, 1024, 4096, 65_536])
@pytest.mark.parametrize("gateways", [0, 1, 7])
def test_all_places_together_fit_into_the_open_files(open_files: int, gateways: int) -> None:
    found = bounds_for(Bounds(), open_files, gateways)
    every = found.connections + found.guests + found.reserve * gateways
    if open_files >= 256:
        # What is accepted at once and not yet looked at, and files of our own.
        assert every + backlog_for(open_files) + 64 <= open_files
    assert min(found.connections, found.guests, found.reserve, found.streams, found.per_address) >= 2
    assert found.streams <= found.connections // 2
    assert found.per_address <= found.connections // 2
    assert found.streams_per_address <= found.streams
    many = bounds_for(Bounds(), 65_536, gateways)
    assert (many.reserve, many.per_address, many.streams_per_address) == (64, 500, 200)
