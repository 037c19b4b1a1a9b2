"""What the pages and endpoints stand on: `WebParts` is all of it, and `bot.app.build` fills it in.

Values are handed over as they are and never read from the environment.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

import msgspec

from bot.channels.renderer import Rendered
from bot.channels.sms_reports import DeliveryReports
from bot.channels.ussd.base import Gateway, WireReply, WireRequest
from bot.conversations import Turns
from bot.conversations.telegram_inbox import TelegramInbox
from bot.orders.callbacks import Callbacks
from bot.providers.base import ProviderCallback
from bot.store.base import Store
from bot.store.records import MessageRow
from bot.web.windows import ChatWindows

__all__ = [
    "Bounds",
    "GatewayEntry",
    "Limits",
    "Network",
    "PhoneCall",
    "PhoneRequest",
    "PhoneScreen",
    "TryCustomer",
    "TryIt",
    "TryMerchant",
    "TryStaff",
    "WebParts",
]

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """A USSD gateway that may call us: with its own secret, from its own addresses (empty: any)."""

    gateway: Gateway
    secret: str
    allow: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class TryCustomer:
    label: str
    msisdn: str
    pin: str


@dataclass(frozen=True, slots=True)
class TryStaff:
    """A member of staff of the merchant with the code `merchant`. `pin` is the staff PIN."""

    label: str
    msisdn: str
    pin: str
    merchant: str


@dataclass(frozen=True, slots=True)
class TryMerchant:
    """`provider` in words for people: "MTN MoMo", "Startbutton"."""

    code: str
    name: str
    currency: str
    provider: str


class PhoneCall(msgspec.Struct, frozen=True):
    """A session of the page's phone: what was dialled, and every answer since. `ended` says why it ended:
    left, success behind a last screen, or failed without one; empty while it goes on."""

    gateway: str
    msisdn: str
    session: str
    dialled: str
    typed: tuple[str, ...] = ()
    ended: Literal["", "left", "success", "failed"] = ""


class PhoneScreen(msgspec.Struct, frozen=True):
    """What the phone shows, and the gateway's bytes that said so."""

    text: str
    is_open: bool
    raw: str


@dataclass(frozen=True, slots=True)
class PhoneRequest:
    """The gateway's request. `show` reads the reply; None where the gateway would not take it."""

    wire: WireRequest
    show: Callable[[WireReply], PhoneScreen | None]


@dataclass(frozen=True, slots=True)
class TryIt:
    """What the try-it page is given; only `run` has it. Everything here is pretend and public.

    `play_phone` makes the gateway's request of a call and our short code.
    """

    sandbox_url: str
    short_code: str
    play_phone: Callable[[PhoneCall, str], PhoneRequest | None]
    customers: Sequence[TryCustomer]
    staff: Sequence[TryStaff]
    merchants: Sequence[TryMerchant]
    telegram: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and times of the entrances. Bytes and seconds."""

    body_bytes: int = 64 * 1024
    body_s: float = 5.0
    # Telegram repeats what is refused, for ever and before all later updates: never refuse an honest one.
    telegram_bytes: int = 1024 * 1024
    answer_s: float = 4.0
    chat_answer_s: float = 25.0
    chat_burst: int = 20
    chat_per_s: float = 1.0
    windows_per_chat: int = 6
    chat_poll_s: float = 2.0
    orders_poll_s: float = 0.3
    heartbeat_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many at once. `reserve` is kept for each gateway and `guests` for those who have yet to say who
    they are. An address may be a carrier's, with thousands behind it."""

    connections: int = 10_000
    guests: int = 200
    reserve: int = 64
    per_address: int = 500
    streams: int = 2000
    streams_per_address: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """Everything the pages and endpoints stand on.

    `clock` gives epoch milliseconds. `ready` lists what keeps us from serving; empty is ready.
    `silent` lists what does not reach people meanwhile.
    `render` turns a message row into the words it was sent in. `cookie_key` is the HMAC key that
    turns a chat's cookie into its address.
    """

    turns: Turns
    gateways: Mapping[str, GatewayEntry]
    callbacks: Callbacks
    # The paths under which providers call back, and how.
    provider_callbacks: Sequence[ProviderCallback]
    store: Store
    clock: Callable[[], int]
    ready: Callable[[], Awaitable[Sequence[str]]]
    silent: Callable[[], Sequence[str]] = tuple
    metrics: Callable[[], bytes]
    windows: ChatWindows
    render: Callable[[MessageRow], Awaitable[Rendered]]
    cookie_key: bytes
    region: str
    telegram: TelegramInbox | None = None
    sms_reports: DeliveryReports | None = None
    trusted_proxies: tuple[Network, ...] = ()
    secure_cookies: bool = True
    tryit: TryIt | None = None
    # Off: nobody reaches the chat, and no page leads to it.
    web_chat: bool = True
    limits: Limits = field(default_factory=Limits)
    # Names of ours beside addresses and names of this network, where a browser must use one of them.
    hosts: frozenset[str] | None = None
    bounds: Bounds = field(default_factory=Bounds)
    # Somebody knocked with a wrong key: the kind, and where; never what was tried.
    security: Callable[..., None] = lambda _kind, /, **_about: None
    # Hears of each bound that was met, by what it bounds.
    bound_met: Callable[[str], None] = lambda _: None
