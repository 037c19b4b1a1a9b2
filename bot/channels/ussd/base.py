"""The face of a USSD gateway adapter: its manners as values, bytes in to a turn, a screen out to bytes.

Pure, no state. docs/adding-a-gateway.md says how to add one.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from bot.dialog import Inbound

__all__ = [
    "SCREEN_SEPTETS",
    "Gateway",
    "GatewayOptions",
    "Heard",
    "Left",
    "Manners",
    "Read",
    "Rejected",
    "WireReply",
    "WireRequest",
    "screen_septets",
]

# A screen of this length shows on every network. Source: figures of vendors and tool kits, November 2026.
SCREEN_SEPTETS: Final = 160
# What a USSD string can carry: 160 octets. Source: 3GPP TS 23.038.
_MOST_SEPTETS: Final = 182
_MOST_CHARACTERS: Final = 80


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """How a gateway behaves. The contract suite asks every gateway for what it declares here.

    Every gateway here takes its screen in the answer to its own request.
    """

    # The name in the gateway's URL and in the names of its settings.
    name: str
    # The name people know it by.
    title: str
    # Each request says whether a session begins with it. Otherwise only the first sight of its id tells.
    says_new: bool
    # The gateway tells us that a person left or waited too long.
    reports_end: bool
    # Each request of a session has a number of its own, which names a repeated delivery.
    numbers_turns: bool = False
    # Each request brings all input so far, joined by stars. Otherwise the newest input only.
    cumulative: bool = False
    methods: frozenset[str] = frozenset({"POST"})
    # Longest the gateway waits for us, and for its person, in seconds.
    answer_s: float = 10.0
    idle_s: float = 120.0
    # The most that the gateway takes: septets of GSM-7, or characters where a letter is outside of it.
    septets: int = _MOST_SEPTETS
    characters: int = _MOST_CHARACTERS

    @property
    def names_repeats(self) -> bool:
        """Whether a repeated delivery can be told by what it says, however late it comes. Otherwise only the
        moment tells: the same input within the duplicate window is the same delivery."""
        return self.cumulative or self.numbers_turns


class GatewayOptions(BaseModel):
    """What an operator may say of any gateway: the field `code` of Hubtel is USSD_CODE_HUBTEL.

    A gateway with settings of its own adds fields in a model of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(
        default="",
        pattern=r"^$|^\*\d+(\*\d+)*#$",
        description="The code people dial through that gateway, such as `*711*2#`; unless set, `SHORT_CODE`.",
    )
    screen_septets: int | None = Field(
        default=None,
        ge=60,
        le=_MOST_SEPTETS,
        description="As `USSD_SCREEN_SEPTETS`, of that gateway. The smaller figure wins.",
    )


class WireRequest(msgspec.Struct, frozen=True):
    """An HTTP request as it came. `path` is what follows `/ussd/{gateway}/{secret}` ("" or "/events")."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # lower-case names
    content: bytes


class WireReply(msgspec.Struct, frozen=True):
    """An HTTP reply as it goes out."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = {}


class Heard(msgspec.Struct, frozen=True):
    """A message of a person, for which a turn is taken.

    `echo` is whatever `build_reply` needs of the request, exactly as received.
    """

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
    """No turn is taken, and `reply` says why.

    Session and number cannot be read: a 4xx that says what is wrong, with no number in it. Or it is nothing
    that we serve: a last screen, or a 403 where it is another account's.
    """

    reply: WireReply


Read: TypeAlias = Heard | Left | Rejected


class Gateway(Protocol):
    """A gateway: its manners, and how its requests are read and its replies built. Pure."""

    manners: ClassVar[Manners]
    # The model of its settings.
    options: ClassVar[type[GatewayOptions]]

    def __init__(self, given: Any) -> None:
        """`given` is an instance of `options`; its `code` is SHORT_CODE where the operator gave none."""
        ...

    def read(self, request: WireRequest, *, region: str) -> Read:
        """The turn, or the end, or a refusal. `region` is the home of numbers without a country."""
        ...

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        """The same bytes for the same arguments, always."""
        ...


def screen_septets(manners: Manners, given: GatewayOptions, common: int) -> int:
    """How many septets a screen may have: the smallest of what the gateway takes, what its own setting says
    and what the setting for all says (`common`, 0 for none)."""
    said = [said for said in (given.screen_septets, common) if said]
    return min(manners.septets, *(said or [SCREEN_SEPTETS]))
