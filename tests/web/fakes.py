"""Small stand-ins for what the web room stands on, and a server with them on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from bot.app.pretend_phone import play_phone
from bot.channels.base import Button
from bot.channels.renderer import Rendered
from bot.channels.ussd.registry import GATEWAYS
from bot.dialog import Answer, Inbound
from bot.providers import PROVIDERS
from bot.store.records import (
    MerchantRow,
    MessageKind,
    MessageRow,
    MessageState,
    OrderRow,
    Transition,
)
from bot.web import GatewayEntry, TryCustomer, TryIt, TryMerchant, TryStaff, WebParts, build_web
from bot.web.server import make_runner
from tests.gateways import gateway_of

SECRET = "ussd-secret"
MSISDN = "+233240000001"


@dataclass
class FakeTurns:
    """Answers with what it was asked, or does as `on_take` says."""

    heard: list[Inbound] = field(default_factory=list)
    gone: list[tuple[str, str, str, str]] = field(default_factory=list)
    on_take: Callable[[Inbound], Awaitable[Answer]] | None = None
    in_passing: str = ""

    async def take(self, inbound: Inbound, *, timeout_reply: Any = None) -> Answer:
        self.heard.append(inbound)
        answer = Answer(f"Screen {len(self.heard)}", keep_open=True)
        if self.on_take is not None:
            answer = await self.on_take(inbound)
        # A chat's answer comes as a message; only what is said in passing comes at once.
        return answer if inbound.channel == "ussd" else Answer(self.in_passing, answer.keep_open)

    async def left(
        self, gateway: str, session_id: str, msisdn: str, why: str, cumulative: str | None = None
    ) -> None:
        self.gone.append((gateway, session_id, msisdn, why))

    def timeout_words(self, language: str = "", timeout_reply: Any = None) -> str:
        return f"Sorry, please dial again.{language}"


@dataclass
class FakeTelegram:
    kept: list[bytes] = field(default_factory=list)
    failing: bool = False

    def secret_ok(self, headers: Mapping[str, str]) -> bool:
        return headers.get("x-telegram-bot-api-secret-token") == "tele-secret"

    async def accept(self, raw: bytes) -> bool:
        if self.failing:
            raise RuntimeError("the store is away")
        try:
            value = json.loads(raw)
        except ValueError:
            return False
        if not isinstance(value, dict) or "update_id" not in value:
            return False
        self.kept.append(raw)
        return True


@dataclass
class FakeCallbacks:
    hints: list[str] = field(default_factory=list)
    events: list[tuple[str, bytes]] = field(default_factory=list)
    held: asyncio.Event | None = None
    failing: bool = False

    async def hint(self, token: str) -> bool:
        if self.held is not None:
            await self.held.wait()
        if self.failing:
            raise RuntimeError("the store is away")
        self.hints.append(token)
        return not token.startswith("unknown")

    async def take_signed(self, account: str, headers: Mapping[str, str], raw: bytes) -> bool:
        if self.failing:
            raise RuntimeError("the store is away")
        if headers.get("x-startbutton-signature") != "good":
            return False
        self.events.append((account, raw))
        return True


@dataclass
class FakeReports:
    secret: str = "sms-secret"
    forms: list[Mapping[str, str]] = field(default_factory=list)

    async def report(self, form: Mapping[str, str]) -> None:
        self.forms.append(form)


class FakeWoken:
    """Wakes who waits for an address."""

    def __init__(self) -> None:
        self.waiting: dict[str, set[asyncio.Event]] = {}

    async def wait(self, kind: str, value: str, timeout_s: float) -> None:
        event = asyncio.Event()
        self.waiting.setdefault(value, set()).add(event)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting[value].discard(event)

    def wake(self, value: str) -> None:
        for event in self.waiting.get(value, ()):
            event.set()


class FakeStore:
    """What the web room reads, in lists."""

    def __init__(self, woken: FakeWoken, clock: Callable[[], int]) -> None:
        self.woken = woken
        self.clock = clock
        self.sent: list[MessageRow] = []
        self.orders: dict[str, OrderRow] = {}
        self.lines: dict[str, list[Transition]] = {}
        self.shops: dict[str, MerchantRow] = {}
        self.down = False
        self.reads = 0
        self.owners: dict[str, str] = {}

    def say(
        self,
        value: str,
        text: str,
        buttons: tuple[tuple[str, str], ...] = (),
        *,
        ref: str = "",
        edits: str = "",
        at: int | None = None,
        wants: str = "",
    ) -> MessageRow:
        """A message has been sent to a web chat."""
        number = len(self.sent) + 1
        at = at or self.clock()
        row = MessageRow(
            id=f"m{number}",
            dedupe_key=f"k{number}",
            kind=MessageKind.REPLY,
            person_id="p1",
            address_kind="web",
            address_value=value,
            view=json.dumps({"text": text, "buttons": buttons, "wants": wants}),
            state=MessageState.SENT,
            created_ms=at,
            due_ms=at,
            edits=edits,
            sent_ref=ref or f"w{number}",
            sent_ms=at,
        )
        self.sent.append(row)
        self.woken.wake(value)
        return row

    def hear(self, value: str, text: str, of: str, *, at: int | None = None) -> None:
        """The store keeps what the person said in a web chat."""
        row = self.say(value, text, at=at)
        self.sent[-1] = msgspec.structs.replace(
            row, kind=MessageKind.SAID, dedupe_key=f"said:web:{value}:{of}", edits="", sent_ref=""
        )

    async def sent_messages(self, kind: str, value: str, after_ms: int, limit: int) -> tuple[MessageRow, ...]:
        if self.down:
            raise RuntimeError("the store is away")
        rows = [
            row
            for row in self.sent
            if row.address_value == value and kind == "web" and row.sent_ms > after_ms
        ]
        return tuple(sorted(rows, key=lambda row: row.sent_ms)[:limit])

    async def person_of(self, kind: str, value: str) -> str | None:
        return self.owners.get(value)

    async def recent_orders(self, limit: int, states: Any = ()) -> tuple[OrderRow, ...]:
        self.reads += 1
        return tuple(sorted(self.orders.values(), key=lambda row: -row.created_ms)[:limit])

    async def transitions(self, order_id: str) -> tuple[Transition, ...]:
        return tuple(self.lines.get(order_id, ()))

    async def merchant(self, merchant_id: str) -> MerchantRow | None:
        return self.shops.get(merchant_id)


async def render(row: MessageRow) -> Rendered:
    said = json.loads(row.view)
    buttons = tuple(Button(label, data) for label, data in said["buttons"])
    return Rendered(said["text"], buttons, said["wants"])


@dataclass
class World:
    """A served application and everything it was given."""

    url: str
    app: web.Application
    turns: FakeTurns
    store: FakeStore
    woken: FakeWoken
    telegram: FakeTelegram
    callbacks: FakeCallbacks
    reports: FakeReports
    now: list[int]
    problems: list[str]


TRYIT = TryIt(
    sandbox_url="http://127.0.0.1:1",
    short_code="*920*10#",
    play_phone=play_phone,
    customers=(
        TryCustomer("Ama", "+233240000001", "1234"),
        TryCustomer("Kofi", "+233240000002", "1234"),
        TryCustomer("Wanjiru", "+254700000001", "1234"),
    ),
    staff=(TryStaff("Esi", "+233240000009", "4321", "1001"),),
    merchants=(
        TryMerchant("1001", "Ama's Kitchen", "GHS", "MTN MoMo"),
        TryMerchant("1002", "Kofi Spare Parts", "GHS", "Startbutton"),
        TryMerchant("1003", "Nairobi Coffee", "KES", "Startbutton"),
    ),
)


@asynccontextmanager
async def serve(
    host: str = "127.0.0.1", port: int = 0, *, served: Mapping[str, Any] = {}, **given: Any
) -> AsyncIterator[World]:
    """The web room on a real socket. `served` replaces options of the server, `given` parts."""
    now, problems = [1_760_000_000_000], []
    clock = given.pop("clock", lambda: now[0])
    woken = FakeWoken()
    store = FakeStore(woken, clock)
    fakes = {
        "turns": FakeTurns(),
        "telegram": FakeTelegram(),
        "callbacks": FakeCallbacks(),
        "sms_reports": FakeReports(),
    } | {key: given.pop(key) for key in ("turns", "telegram", "callbacks", "sms_reports") if key in given}

    async def ready() -> list[str]:
        return problems

    parts = WebParts(
        **{
            "gateways": {name: GatewayEntry(gateway_of(name), SECRET) for name in GATEWAYS},
            "provider_callbacks": [a.callback for a in PROVIDERS.values() if a.callback is not None],
            "store": store,
            "clock": clock,
            "ready": ready,
            "metrics": lambda: b"kasapay_up 1\n",
            "windows": woken,
            "render": render,
            "cookie_key": b"k" * 32,
            "region": "GH",
            "secure_cookies": False,
            **fakes,
            **given,
        }
    )
    app = build_web(parts)
    runner = make_runner(app, **{"lingering_time": 0.05, **served})
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        yield World(
            url=f"http://{bound[0]}:{bound[1]}",
            app=app,
            turns=fakes["turns"],
            store=store,
            woken=woken,
            telegram=fakes["telegram"],
            callbacks=fakes["callbacks"],
            reports=fakes["sms_reports"],
            now=now,
            problems=problems,
        )
    finally:
        await runner.cleanup()
