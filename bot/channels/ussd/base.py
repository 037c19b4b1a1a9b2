"""What every USSD gateway adapter is: bytes in to a turn, a screen out to bytes. Pure, no state.

A new gateway is one module beside this one, a line in `registry.py`, and the contract suite passes.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from bot.dialog import Inbound

__all__ = ["Gateway", "Heard", "Left", "Read", "Rejected", "WireReply", "WireRequest"]


class WireRequest(msgspec.Struct, frozen=True):
    """An HTTP request as it came. `path` is what follows `/ussd/{gateway}/{secret}` ("" or "/events")."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # lower-case names
    content: bytes


class WireReply(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = {}


class Heard(msgspec.Struct, frozen=True):
    """A turn. `echo` is whatever `build_reply` needs of the request, exactly as received."""

    inbound: Inbound
    echo: Any = None


class Left(msgspec.Struct, frozen=True):
    """The gateway says the person left the session; `reply` is the acknowledgement.

    `why` is success where a last screen of ours ended it. `cumulative`: all that was typed in it, where the
    gateway says so: its id may be another session's by now.
    """

    session_id: str
    msisdn: str
    why: str
    reply: WireReply
    cumulative: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """Session and number cannot be read: a 4xx that says what is wrong, with no number in it."""

    reply: WireReply


Read: TypeAlias = Heard | Left | Rejected


class Gateway(Protocol):
    name: str
    methods: frozenset[str]
    # Septets a screen may have by default; a setting may say otherwise.
    budget: int
    # Longest the gateway waits for us, and for its person, in seconds.
    answer_s: float
    idle_s: float

    def read(self, request: WireRequest, *, region: str) -> Read:
        """The turn, or the end, or a refusal. `region` is the home of numbers without a country."""
        ...

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        """The same bytes for the same arguments, always."""
        ...
