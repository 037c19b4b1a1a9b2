"""The stage conversations are played on: the real parts, one clock, nothing that runs by itself.

A `Stage` is a Kasapay as `wiring` builds it, on a SQLite file of its own, whose accounts lie on a
sandbox reached over HTTP. Nobody sleeps: `settle` does all that is due now, `pass_time` moves the one
clock from one due moment to the next. `restart` is a kill: what was not committed is gone.
"""

import asyncio
import base64
import functools
import re
import shutil
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from aiohttp import web
from pydantic import SecretStr

from bot.admin.registry import COMMANDS
from bot.app import build as wiring
from bot.app.build import Kasapay
from bot.channels.catalogue import Catalogue
from bot.channels.telegram import set_up
from bot.channels.ussd import GATEWAYS
from bot.money import ORDER_CODE_BYTES, OrderKind, OrderState, code_from_bytes
from bot.providers import Account, Secret, Sender
from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.runtime.clock import Ids
from bot.runtime.timeouts import TIMES, Timeouts
from bot.sandbox import Running, SandboxConfig, serve_sandbox
from bot.sandbox.model import Entry
from bot.settings.gateways import GatewaySettings
from bot.settings.settings import Settings
from bot.store import migrate, sqlite_store
from bot.store.base import KeepMerchant, KeepStaff, SetSwitch, Store
from bot.store.records import MerchantRow, OrderRow, StaffRow, SwitchRow
from bot.store.sqlite.mark import mark_path
from bot.web.background import BACKGROUND
from tests.conversations.inline import without_threads
from tests.fake_telegram import FakeTelegram
from tests.hashing import light_hasher

__all__ = [
    "ACCOUNTANT",
    "CASHIER",
    "EFUA",
    "GATEWAY_SECRET",
    "KWAME",
    "STAFF",
    "STAFF_PIN",
    "START_MS",
    "WANJIRU",
    "Clock",
    "Stage",
    "draw_template",
    "open_stage",
]

START_MS = 1_795_000_000_000
EFUA, KWAME, WANJIRU, STAFF = "+233240000001", "+233240000002", "+254700000001", "+233240000009"
CASHIER, ACCOUNTANT = "+233240000008", "+233240000007"
STAFF_PIN = "2468"
GATEWAY_SECRET = "a-gateway-secret-of-the-tests"
_SECRET_KEY = "a-secret-key-of-the-tests-0123456789"
_HOOK_SECRET = "a_hook_secret_of_the_tests"
_MOMO = ProductKeys(
    subscription_key=Secret("subscription-key-of-the-tests"),
    api_user="7b6d3f6e-2d9a-4a53-9d2c-0f1d0c8a4e11",
    api_key=Secret("api-key-of-the-tests"),
)
_MOMO_PAYOUTS = ProductKeys(
    subscription_key=Secret("payout-subscription-key-of-the-tests"),
    api_user="1f7c2c1e-55f4-4a5c-8f0b-6f3f0e1f9d22",
    api_key=Secret("payout-api-key-of-the-tests"),
)
_KEYS = {
    "startbutton-ghs": ("pk_tests_ghs", "sk_tests_ghs"),
    "startbutton-kes": ("pk_tests_kes", "sk_tests_kes"),
}
_MERCHANTS = {
    "1001": ("Ama's Kitchen", "momo-ghana", "GHS", None),
    "1002": ("Kofi Books", "startbutton-ghs", "GHS", None),
    "1003": ("Duka la Mama", "startbutton-kes", "KES", 500_000),
}
_HANDSETS = (
    (EFUA, "Efua Mensah", {"GHS": "500.00"}),
    (KWAME, "Kwame Boateng", {"GHS": "20.00"}),
    (WANJIRU, "Wanjiru Kamau", {"KES": "9000.00"}),
    (STAFF, "Ama Owusu", {"GHS": "1000.00"}),
)
# Everybody's staff PIN is STAFF_PIN. All work at Ama's Kitchen.
_STAFF = ((STAFF, "Ama", "owner"), (CASHIER, "Kojo", "cashier"), (ACCOUNTANT, "Adwoa", "accountant"))
# A second person above it, in minor units.
_APPROVE_OVER_MINOR = 50_000
_MOVE_NOTHING = frozenset(
    {OrderKind.PREAPPROVAL, OrderKind.PREAPPROVAL_CANCEL, OrderKind.INVOICE, OrderKind.INVOICE_CANCEL}
)
_UNNAMED = ("startbutton", "refund")
_ROUNDS = 200
DRAWN = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}"
    rb'|"conversation":"[0-9a-f]{8}"'  # a chat's buttons carry the first eight digits of an id
)


class Clock:
    """Epoch milliseconds, for Kasapay and the sandbox alike; stands still until told."""

    def __init__(self, ms: int = START_MS) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def seconds(self) -> float:
        return self.ms / 1000


class DrawnIds(Ids):
    """The real ones, remembering what people are shown, so that a transcript can name it."""

    def __init__(self) -> None:
        self.never = {STAFF_PIN}
        self.codes: list[str] = []
        self.drawn: list[str] = []

    def random_bytes(self, length: int) -> bytes:
        found = super().random_bytes(length)
        if length != ORDER_CODE_BYTES:
            return found
        # Never with a number in it that tests look for where it must not stand.
        while any(secret in code_from_bytes(found) for secret in self.never):
            found = super().random_bytes(length)
        self.codes.append(code_from_bytes(found))
        return found

    def digits(self, length: int) -> str:
        # Never a number that tests type as a wrong one, never one to be taken for another.
        while (found := super().digits(length)) in self.drawn or len(set(found)) == 1:
            pass
        self.drawn.append(found)
        return found


_read_catalogue = Catalogue.load  # the real one, whatever a stage puts in its place


@functools.cache
def _catalogue() -> Catalogue:
    return _read_catalogue()


# Reading the certificate authorities takes longer than a whole conversation, and nobody here uses them.
_ssl_context = functools.cache(httpx.create_ssl_context)


async def draw_template(path: Path) -> None:
    """A database as after `migrate`, with three merchants and the staff of one."""
    migrate(f"sqlite:///{path}")
    store = sqlite_store(path, clock=lambda: START_MS)
    await store.open()
    try:
        ids = Ids()
        rows = {
            code: MerchantRow(
                id=ids.uuid(),
                code=code,
                name=name,
                account_id=connection,
                currency=currency,
                created_ms=START_MS,
                max_amount_minor=most,
                approve_over_minor=_APPROVE_OVER_MINOR,
            )
            for code, (name, connection, currency, most) in _MERCHANTS.items()
        }
        await store.commit([KeepMerchant(row) for row in rows.values()])
        staff = [
            StaffRow(
                id=ids.uuid(),
                merchant_id=rows["1001"].id,
                role=role,
                name=name,
                created_ms=START_MS,
                address_kind="msisdn",
                address_value=number,
                pin_hash=light_hasher().hash(STAFF_PIN),
            )
            for number, name, role in _STAFF
        ]
        await store.commit([KeepStaff(row) for row in staff])
    finally:
        await store.close()


def _accounts(sandbox: str) -> tuple[Account, ...]:
    momo = MomoAccount(
        id="momo-ghana",
        provider="momo",
        base_url=sandbox,
        currency="GHS",
        region="GH",
        collection=_MOMO,
        disbursement=_MOMO_PAYOUTS,
        target_environment="mtnghana",
        invoice_successful_means="paid",
        bills={"ECG": "ecg.postpaid"},
        payee=STAFF,
        payout_limits={"number_day": 100_000, "merchant_day": 150_000, "total_day": 1_000_000},
    )
    others = (
        StartbuttonAccount(
            id=name,
            provider="startbutton",
            base_url=sandbox,
            currency=currency,
            region=region,
            public_key=Secret(_KEYS[name][0]),
            secret_key=Secret(_KEYS[name][1]),
            email="payments@kasapay.example",
            networks=networks,
            refund_unit="minor",
            whole_amounts=currency == "KES",
        )
        for name, currency, region, networks in (
            ("startbutton-ghs", "GHS", "GH", ("MTN", "VOD", "ATL")),
            ("startbutton-kes", "KES", "KE", ("mpesa",)),
        )
    )
    return (momo, *others)


def _sandbox_config(url: str) -> SandboxConfig:
    return SandboxConfig.from_dict(
        {
            "handsets": [
                {"msisdn": msisdn, "name": name, "pin": "1234", "balance": balance}
                for msisdn, name, balance in _HANDSETS
            ],
            "momo": {
                "users": [
                    {
                        "api_user": _MOMO.api_user,
                        "api_key": _MOMO.api_key.reveal(),
                        "product": "collection",
                        "subscription_keys": [_MOMO.subscription_key.reveal()],
                        "environment": "mtnghana",
                        "callback_host": "127.0.0.1",
                        "payee": "Ama's Kitchen",
                        "wallet": "ama",
                    },
                    {
                        "api_user": _MOMO_PAYOUTS.api_user,
                        "api_key": _MOMO_PAYOUTS.api_key.reveal(),
                        "product": "disbursement",
                        "subscription_keys": [_MOMO_PAYOUTS.subscription_key.reveal()],
                        "environment": "mtnghana",
                        "callback_host": "127.0.0.1",
                        "payee": "Ama's Kitchen",
                        "wallet": "ama",
                    },
                ]
            },
            "startbutton": {
                "accounts": [
                    {
                        "name": name,
                        "public_key": public,
                        "secret_key": secret,
                        "webhook_url": f"{url}/callbacks/startbutton/{name}",
                        "payee": next(m[0] for m in _MERCHANTS.values() if m[1] == name),
                    }
                    for name, (public, secret) in _KEYS.items()
                ]
            },
        }
    )


class Stage:
    """See the module. `kasapay` is replaced by `restart`; everything else stays."""

    def __init__(
        self, path: Path, clock: Clock, settings: Settings, sandbox: Running, times: Timeouts
    ) -> None:
        self.path = path
        self.clock = clock
        self.settings = settings
        self.sandbox = sandbox
        self.times = times
        self.ids = DrawnIds()
        self.telegram: FakeTelegram | None = None
        # What is put between Kasapay and its store, or its sender, for tests of crashes.
        self.wrap_store: Callable[[Store], Any] = lambda store: store
        self.wrap_sender: Callable[[Sender], Any] = lambda sender: sender
        self.kasapay: Kasapay
        self._app: web.Application | None = None
        self._runner: web.AppRunner | None = None
        self._reader: sqlite3.Connection | None = None

    # ---- the people

    def know(self, kind: str, value: str) -> None:
        """Somebody who was here before: known, and spoken to in their language."""
        if self.rows("SELECT id FROM addresses WHERE (kind, value) = (?, ?)", kind, value):
            return
        ids, now_ms = Ids(), self.clock()
        person, verified_ms = ids.uuid(), now_ms if kind == "msisdn" else None
        self.change(
            "INSERT INTO people (id, language, created_ms, language_chosen) VALUES (?, ?, ?, 1)",
            *(person, self.settings.default_language, now_ms),
        )
        self.change(
            "INSERT INTO addresses (id, person_id, kind, value, created_ms, seen_ms, verified_ms, reachable)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
            *(ids.uuid(), person, kind, value, now_ms, now_ms, verified_ms),
        )

    # ---- life

    async def start(self) -> None:
        """A new process on the file as it stands."""
        store = sqlite_store(self.path, clock=self.clock)
        sender = Sender(clock=self.clock.seconds)
        with (
            patch.object(wiring.Catalogue, "load", _catalogue),
            patch.object(httpx, "create_ssl_context", _ssl_context),
            patch("bot.operations.staff_roles.PasswordHasher", light_hasher),
            patch.object(wiring, "Sender", lambda: self.wrap_sender(sender)),
        ):
            self.kasapay = Kasapay(
                self.settings,
                self.wrap_store(store),
                clock=self.clock,
                ids=self.ids,
                timeouts=self.times,
                tryit=None,
            )
        if self.kasapay.intake is not None:
            self.kasapay.intake.bot_username = "KasapayTestBot"
        await self.kasapay.store.open()

    async def stop(self) -> None:
        await self.unserve()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        # Calls that outlived their turns die with the process.
        late = list(self.kasapay.operations.waiting.under_way)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self.kasapay.close()
        await self.kasapay.store.close()

    async def restart(self) -> None:
        """Kill the process and start another. Clock, sandbox and phones do not notice."""
        serving = self._runner is not None
        await self.stop()
        await self.start()
        if serving:
            await self.serve()

    async def serve(self) -> None:
        """Listen for callbacks and webhooks where the settings say."""
        self._app = self.kasapay.web()
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        port = int(self.settings.public_url.rpartition(":")[2])
        await web.TCPSite(self._runner, "127.0.0.1", port, reuse_port=True).start()

    async def unserve(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = self._app = None

    @property
    def store(self) -> Store:
        return self.kasapay.store

    # ---- time

    async def settle(self) -> None:
        """Do everything that is due now, until nothing moves any more."""
        for _ in range(_ROUNDS):
            if late := list(self.kasapay.operations.waiting.under_way):
                await asyncio.wait(late)
            await self.sandbox.drain()
            if self._app is not None:
                while len(self._app[BACKGROUND]):
                    await asyncio.sleep(0)
            # What is queued goes out before the worker adds what a provider answers in the same moment.
            moved = await self.kasapay.outbox.drain()
            moved += await self.kasapay.worker.drain()
            moved += await self.kasapay.keeper.drain()
            moved += await self.kasapay.approvals.drain()
            moved += await self.kasapay.announcer.drain()
            if self.kasapay.intake is not None:
                moved += await self.kasapay.intake.drain()
            moved += await self.kasapay.outbox.drain()
            if not moved and not self.sandbox.sandbox.courier.busy:
                return
        raise AssertionError("the stage never comes to rest")

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, stopping wherever something falls due, as it would if the clock ran."""
        end_ms = self.clock.ms + int(seconds * 1000)
        await self.settle()
        while (due_ms := await self._next_ms()) is not None and due_ms <= end_ms:
            self.clock.ms = max(due_ms, self.clock.ms + 1)
            await self.settle()
        self.clock.ms = max(self.clock.ms, end_ms)
        await self.settle()

    async def _next_ms(self) -> int | None:
        found = [
            await self.kasapay.worker.next_ms(),
            await self.kasapay.outbox.next_ms(),
            await self.store.next_agreement_ms(),
            await self.store.next_approval_ms(),
            *(int(at * 1000) + 1 for at, _ in self.sandbox.sandbox.world._due[:1]),
            *(int(due.due_at * 1000) + 1 for _, _, due in self.sandbox.sandbox.courier._due[:1]),
        ]
        return min((ms for ms in found if ms is not None), default=None)

    # ---- the outside world

    def faults(self, **changes: Any) -> None:
        """Set switches of the sandbox; without any, all back to normal."""
        if changes:
            self.sandbox.sandbox.world.faults.merge(changes)
        else:
            self.sandbox.sandbox.world.faults.reset()

    @property
    def entries(self) -> list[Entry]:
        """What the providers accepted: the judge."""
        return list(self.sandbox.sandbox.world.entries.values())

    def inbox(self, msisdn: str) -> list[str]:
        """The text messages of a number, oldest first."""
        world = self.sandbox.sandbox.world
        return [sms.text for sms in world.sms if sms.msisdn == msisdn.removeprefix("+")]

    def results(self, msisdn: str) -> list[str]:
        """The text messages of a number that Kasapay sent."""
        world = self.sandbox.sandbox.world
        mine = [sms for sms in world.sms if sms.msisdn == msisdn.removeprefix("+")]
        return [sms.text for sms in mine if sms.sender == self.settings.sms_sender]

    def otp(self, msisdn: str) -> str:
        """The code in the newest message of the provider."""
        texts = [text for text in self.inbox(msisdn) if "is your code" in text]
        assert texts, "the provider has sent no code"
        return texts[-1].split()[0]

    async def orders(self) -> tuple[OrderRow, ...]:
        """All orders, oldest first."""
        return tuple(reversed(await self.store.recent_orders(1000)))

    async def order(self) -> OrderRow:
        """The one order there is."""
        (order,) = await self.orders()
        return order

    async def path_of(self, order: OrderRow) -> list[OrderState]:
        return [line.to_state for line in await self.store.transitions(order.id)]

    async def staff_code(self, merchant: str, role: str = "owner") -> str:
        """What the operator hands to a new member of staff."""
        wanted = {"code": merchant, "name": "Yaw", "role": role}
        made = await COMMANDS["staff.add"](self.kasapay.admin, wanted)
        return str(made["code"])

    async def unlock_staff(self, merchant: str, name: str) -> None:
        """The operator gives somebody their three tries back."""
        await COMMANDS["staff.unlock"](self.kasapay.admin, {"code": merchant, "name": name})

    async def switch_payouts(self, *, off: bool) -> None:
        """The operator's switch that stops money from leaving."""
        row = SwitchRow("payouts", off, "the operator of the tests", "told so", self.clock())
        await self.store.commit([SetSwitch(row)])

    async def judge(self) -> None:
        """Our orders and the sandbox's record tell one story, and no money moved twice."""
        # A consent is no order of ours; a refund at Startbutton does not bear our reference.
        asked = [e for e in self.entries if e.kind != "consent" and (e.provider, e.kind) != _UNNAMED]
        entries = {entry.reference: entry for entry in asked}
        assert len(entries) == len(asked)
        known, unnamed = set(), 0
        for order in await self.orders():
            ours = order.reference.replace("-", "") if order.account_id != "momo-ghana" else order.reference
            known.add(ours)
            if order.kind is OrderKind.REFUND and order.account_id != "momo-ghana":
                unnamed += 1 if order.state is OrderState.SUCCESSFUL else 0
                continue
            self._judge_order(order, entries.get(ours))
        paid_back = [e for e in self.entries if (e.provider, e.kind) == _UNNAMED and e.times_paid_out]
        assert len(paid_back) == unnamed
        strange = [entry.kind for reference, entry in entries.items() if reference not in known]
        assert not strange, "the provider holds a request we know nothing of"
        for row in self.rows("SELECT reference, state FROM agreements WHERE kind = 'invoice'"):
            moved = entries[row["reference"]].times_charged if row["reference"] in entries else 0
            assert moved == (row["state"] == "PAID"), "an invoice is called what it is not"
        books = await self._books()
        assert books["adds_up"], books["problems"]
        assert await self.store.audit(self.clock(), int(self.times.remember_s * 1000), 600_000) == ()

    def _judge_order(self, order: OrderRow, entry: Entry | None) -> None:
        moved = 0 if entry is None else entry.times_charged + entry.times_paid_out
        assert moved <= 1
        # What an invoice asks for moves when its payer pays it, long after the order that made it.
        if order.kind in _MOVE_NOTHING:
            assert moved == 0 or order.kind is OrderKind.INVOICE
            return
        if order.state is OrderState.SUCCESSFUL:
            assert entry is not None
            assert moved == 1
            money = (entry.amount, entry.currency)
            assert money == (Decimal(order.amount_minor) / 100, order.currency)
            if order.details.account_number:
                assert entry.party == order.details.account_number
            elif order.kind is not OrderKind.BILL:
                assert entry.msisdn == (order.payee or order.payer).lstrip("+")
        if order.state is OrderState.FAILED:
            assert moved == 0

    async def _books(self) -> Any:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.sandbox.url}/_sandbox/books")).json()

    # ---- what is on the disk

    def bytes_on_disk(self) -> bytes:
        """Every byte of the database and what stands beside it."""
        found = [self.path, *self.path.parent.glob(f"{self.path.name}-*")]
        return b"".join(file.read_bytes() for file in found if file.exists())

    def holds(self, secret: str) -> bool:
        """Whether a secret stands anywhere in the database files, plainly or in a common disguise."""
        # Ids and hashes hold every few digits somewhere; what is left when they are gone was written as such.
        raw = self.bytes_on_disk()
        disguises = (
            secret.encode(),
            base64.b64encode(secret.encode()).rstrip(b"="),
            secret.encode().hex().encode(),
        )
        if not any(disguise in raw for disguise in disguises):
            return False
        raw = DRAWN.sub(b"|", raw)
        return any(disguise in raw for disguise in disguises)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as they lie in the file, read beside everything."""
        if self._reader is None:
            self._reader = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, isolation_level=None)
            self._reader.row_factory = sqlite3.Row
        return [dict(row) for row in self._reader.execute(sql, values)]

    def change(self, sql: str, *values: Any) -> None:
        """Change the file behind everybody's back."""
        connection = sqlite3.connect(self.path)
        try:
            connection.execute(sql, values)
            connection.commit()
        finally:
            connection.close()


def _settings(path: Path, url: str, sandbox: str, language: str, extra: Mapping[str, Any]) -> Settings:
    gateways = tuple(GatewaySettings(name, SecretStr(GATEWAY_SECRET), ()) for name in GATEWAYS)
    return Settings.model_validate({}).model_copy(
        update={
            "database_url": f"sqlite:///{path}",
            "secret_key": SecretStr(_SECRET_KEY),
            "public_url": url,
            "default_language": language,
            "africastalking_username": "sandbox",
            "africastalking_api_key": SecretStr("sms-key-of-the-tests"),
            "africastalking_api_url": sandbox,
            "sms_sender": "Kasapay",
            "accounts": _accounts(sandbox),
            "gateways": gateways,
            **extra,
        }
    )


@asynccontextmanager
async def open_stage(
    folder: Path,
    template: Path,
    *,
    language: str = "en",
    telegram: bool = False,
    serve: bool = True,
    threads: bool = False,
    times: Timeouts = TIMES,
    wrap_store: Callable[[Store], Any] | None = None,
    wrap_sender: Callable[[Sender], Any] | None = None,
) -> AsyncIterator[Stage]:
    """A stage in `folder`, its database a copy of `template`.

    `language` is what people are spoken to in until they choose. `telegram`: with a Bot API server.
    `serve`: listen, so that callbacks can come in. `threads`: the store on threads of its own, as it is
    when it runs, for what is about many at once.
    """
    path = folder / "kasapay.db"
    shutil.copyfile(template, path)
    # With the mark beside it, it is the same database and not one that was put back.
    shutil.copyfile(mark_path(template), mark_path(path))
    clock = Clock()
    async with AsyncExitStack() as stack:
        if not threads:
            stack.enter_context(without_threads())
        extra: dict[str, Any] = {}
        fake = await stack.enter_async_context(FakeTelegram()) if telegram else None
        if fake is not None:
            extra = {
                "telegram_token": SecretStr(fake.token),
                "telegram_api_url": fake.url,
                "telegram_mode": "webhook",
                "telegram_webhook_secret": SecretStr(_HOOK_SECRET),
            }
        # Held to the end: nobody else is given the port between two processes of the stage.
        held = stack.enter_context(socket.socket())
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        config = _sandbox_config(url)
        sandbox = await stack.enter_async_context(serve_sandbox(config, now=clock.seconds))
        settings = _settings(path, url, sandbox.url, language, extra)
        stage = Stage(path, clock, settings, sandbox, times)
        stage.wrap_store = wrap_store or stage.wrap_store
        stage.wrap_sender = wrap_sender or stage.wrap_sender
        stage.telegram = fake
        await stage.start()
        stack.push_async_callback(stage.stop)
        if serve or telegram:
            await stage.serve()
        if fake is not None:
            assert stage.kasapay.telegram is not None
            await set_up(
                stage.kasapay.telegram.bot, "webhook", public_url=settings.public_url, secret=_HOOK_SECRET
            )
        yield stage
