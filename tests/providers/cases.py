"""What the contract suite needs to know of each provider, and the pretend one it talks to."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from bot.money import Money, OrderKind, OrderState, Reason
from bot.providers import PROVIDERS, Account, Adapter, OrderCall, Secret
from bot.providers.base import Reply
from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.providers.startbutton.settings import StartbuttonAccount
from tests.accounts import changed

from .tapes import reply, tape

PAYER = "+233240000001"
REFERENCE = "11111111-2222-4333-8444-555555555555"
OTP = "048213"

MOMO = MomoAccount(
    id="momo-gh",
    provider="momo",
    base_url="https://proxy.momoapi.mtn.com",
    currency="GHS",
    region="GH",
    collection=ProductKeys(
        subscription_key=Secret("subscription0123456789abcdef"),
        api_user="api-user-abc=",
        api_key=Secret("api-key-fedcba"),
    ),
    target_environment="mtnghana",
)
STARTBUTTON = StartbuttonAccount(
    id="sb-gh",
    provider="startbutton",
    base_url="https://api.startbutton.tech",
    currency="GHS",
    region="GH",
    public_key=Secret("pk_made_up"),
    secret_key=Secret("sk_made_up"),
    email="payments@shop.example",
)
TOKEN = "made-up-token"

# Whatever must never be seen in a log line or an exception.
HUSHED = (
    "233240000001",
    "0240000001",
    "240000001",
    "subscription0123456789abcdef",
    "api-key-fedcba",
    "233240000009",
    "240000009",
    "subscription9876543210fedcba",
    "payout-key-fedcba",
    "made-up-consent-token",
    "made-up-refresh-token",
    "77777777-aaaa-4bbb-8ccc-dddddddddddd",
    base64.b64encode(b"api-user-abc=:api-key-fedcba").decode(),
    "pk_made_up",
    "sk_made_up",
    TOKEN,
    OTP,
)


def an_order(**changes: Any) -> OrderCall:
    order = OrderCall(
        reference=REFERENCE,
        code="K7QX2A9M",
        kind=OrderKind.COLLECTION,
        amount=Money(1250, "GHS"),
        payer=PAYER,
        payer_note="Lunch",
        payee_note="K7QX2A9M",
        network="MTN",
    )
    return msgspec.structs.replace(order, **changes)


@dataclass(frozen=True)
class Case:
    """One provider, as far as the contract goes. Tapes are looked up by name in its folder.

    A kind of order with answers of its own says in `tapes` by which names to find them, and has a `label`.
    """

    name: str
    account: Account
    creation_path: str
    status_path: str
    refused_reason: Reason
    failed_tape: str
    failed_reason: Reason
    buys_tokens: bool
    reference_sent: Callable[["Seen"], str]
    reference_wanted: str
    order: OrderCall = field(default_factory=an_order)
    tapes: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    @property
    def adapter(self) -> Adapter:
        return PROVIDERS[self.name]

    def tape(self, name: str) -> Reply:
        return tape(f"{self.name}/{self.tapes.get(name, name)}")

    def at(self, url: str) -> Account:
        return changed(self.account, base_url=url)


CASES = (
    Case(
        name="momo",
        account=MOMO,
        creation_path="/collection/v1_0/requesttopay",
        status_path=f"/collection/v1_0/requesttopay/{REFERENCE}",
        refused_reason=Reason.PAYER_NOT_FOUND,
        failed_tape="failed_text",
        failed_reason=Reason.REJECTED,
        buys_tokens=True,
        reference_sent=lambda seen: seen.headers["x-reference-id"],
        reference_wanted=REFERENCE,
    ),
    Case(
        name="startbutton",
        account=STARTBUTTON,
        creation_path="/transaction/initialize/s2s/mobile_money",
        status_path=f"/transaction/status/{REFERENCE.replace('-', '')}",
        refused_reason=Reason.UNKNOWN_NETWORK,
        failed_tape="failed",
        failed_reason=Reason.EXPIRED,
        buys_tokens=False,
        reference_sent=lambda seen: str(msgspec.json.decode(seen.body)["reference"]),
        reference_wanted=REFERENCE.replace("-", ""),
    ),
    Case(
        name="startbutton",
        account=STARTBUTTON,
        creation_path="/transaction/transfer",
        status_path=f"/transaction/status/{REFERENCE.replace('-', '')}",
        refused_reason=Reason.MERCHANT_FUNDS,
        failed_tape="failed",
        failed_reason=Reason.OTHER,
        buys_tokens=False,
        reference_sent=lambda seen: str(msgspec.json.decode(seen.body)["reference"]),
        reference_wanted=REFERENCE.replace("-", ""),
        order=an_order(kind=OrderKind.TRANSFER, payee=PAYER),
        tapes={"refused": "transfer_short"}
        | {
            name: f"transfer_{name}"
            for name in (
                "accepted",
                "pending",
                "successful",
                "failed",
                "unknown_status",
                "other_amount",
                "other_currency",
            )
        },
        label="startbutton-transfer",
    ),
)
STATES = {
    "pending": OrderState.PENDING,
    "successful": OrderState.SUCCESSFUL,
}


@dataclass(frozen=True)
class Seen:
    """A request as it reached the pretend provider."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


DROP = "drop"  # take the request, then close the connection
HOLD = "hold"  # keep silent until released
Step = Reply | str


class Pretend:
    """A provider on a real socket that answers by script. Each path's last step is repeated."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.script: dict[str, list[Step]] = {}
        self.released = asyncio.Event()
        self.holding = asyncio.Semaphore(0)

    def answer(self, path: str, *steps: Step) -> None:
        self.script[path] = list(steps)

    def asked(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.raw_path, headers, await request.read()))
        steps = self.script.get(request.raw_path, [reply(418)])
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if step == HOLD:
            self.holding.release()
            await self.released.wait()
            step = reply(503)
        if isinstance(step, str):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return web.Response(status=step.status, body=step.content, headers=dict(step.headers))


@contextlib.asynccontextmanager
async def pretend_provider() -> AsyncIterator[Pretend]:
    """A running pretend provider that sells tokens and knows nothing else yet."""
    pretend = Pretend()
    pretend.answer("/collection/token/", tape("momo/token"))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", pretend._handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pretend.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield pretend
    finally:
        pretend.released.set()
        await runner.cleanup()
