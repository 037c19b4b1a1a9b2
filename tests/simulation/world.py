"""A world from a seed: it is set up, lives through its trouble, comes to rest, and is judged."""

import asyncio
import functools
import gc
import hashlib
import hmac
import json
import logging
import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import msgspec
import structlog
from pydantic import SecretStr
from structlog._config import BoundLoggerLazyProxy

from bot.channels.ussd import GATEWAYS
from bot.providers import Account, Secret
from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.settings.gateways import GatewaySettings
from bot.settings.settings import Settings
from bot.store import migrate, sqlite_store
from bot.store.base import KeepMerchant
from bot.store.records import MerchantRow
from tests.accounts import changed
from tests.simulation import loop as virtual
from tests.simulation.behaviours import BEHAVIOURS
from tests.simulation.disk import Medium
from tests.simulation.judge import Finding, judge
from tests.simulation.network import Network
from tests.simulation.people import Customer, Errand, Gateway, Wish
from tests.simulation.process import DrawnIds, Process, Steps, in_simulation, task_factory
from tests.simulation.providers import Entry, Providers
from tests.simulation.trouble import CALM, Story, Trouble

__all__ = ["Plan", "Report", "World", "draw_template", "play", "simulate"]

START_MS: Final = 1_795_000_000_000
# A repeat may come minutes later: through gateways that tell it by what it says.
_THROUGH: Final = tuple(name for name, gateway in GATEWAYS.items() if gateway.manners.names_repeats)
_SECRET_KEY: Final = "a-secret-key-of-the-simulation-0123456789"
_STARTBUTTON_KEY: Final = "sk_simulation"
_LOOK_S: Final = 20.0
_PATIENCE_S: Final = 4 * 3600.0
_SETTLING_S: Final = 30.0


class Plan(msgspec.Struct, frozen=True):
    """What a run is made of besides its trouble. `calm_after_s`: nothing goes wrong from then on.

    `merchants`: whom customers pay, 1001 by MoMo and 1002 by Startbutton. `decides` overrides what
    payers do ("approve", "reject", "ignore", "poor"), `behaviour` is one of BEHAVIOURS. `jump_s` sets
    the clock once, `die_at` names the one step to die at. With an `errand` customers come for that,
    and pay nothing. `moved`: after a kill the next process leads to other addresses at first, and is not to
    start while orders are open.
    """

    payments: int = 50
    customers: int = 20
    merchants: tuple[str, ...] = ("1001", "1001", "1002")
    trouble: Trouble = CALM
    calm_after_s: float = 400.0
    decides: str = ""
    jump_s: int = 0
    errand: str = ""
    die_at: str = ""
    behaviour: str = "well"
    kept: bool = False
    moved: bool = False


class Report(msgspec.Struct):
    """How a run went. `steps` are the steps of its processes, in order."""

    fingerprint: str
    findings: list[Finding]
    wrong: list[str]
    payments: int
    charged: int
    kills: int
    told_again: int
    unresolved: int
    took_s: float
    steps: list[str]
    lines: list[str] | None


class World:
    def __init__(
        self, seed: int, plan: Plan, folder: Path, template: Path, loop: virtual.VirtualLoop
    ) -> None:
        self.plan = plan
        self.loop = loop
        self.start_ms = START_MS
        self.path = folder / "kasapay.db"
        # The store locks a file; what it keeps lies in memory.
        self.path.touch()
        self.medium = Medium(template)
        self.story = Story(kept=plan.kept)
        self.steps = Steps(plan.die_at)
        self.chance = random.Random(f"{seed} world")
        self.offset_ms = 0
        # When the clock was set, and how far.
        self.jumps: list[tuple[float, int]] = []
        self.kills = 0
        self.troubled_s: list[float] = []
        self.wrong: list[str] = []
        self.providers = Providers(
            self.story,
            loop.time,
            loop.call_later,
            self._decide,
            self._call_back,
            # Mostly soon: an hour of waiting shows nothing that a quarter does not.
            abandoned_s=3600.0 if self.chance.random() < 0.1 else 900.0,
        )
        self.network = Network(
            self.providers,
            plan.trouble,
            random.Random(f"{seed} network"),
            self.story,
            loop.time,
            plan.calm_after_s,
        )
        self.network.script = BEHAVIOURS[plan.behaviour]()
        self.gateway = Gateway(
            lambda: self.process,
            plan.trouble,
            random.Random(f"{seed} gateway"),
            self.story,
            plan.calm_after_s,
            lambda: len(self.jumps),
        )
        self._ids = DrawnIds(random.Random(f"{seed} ids"), loop.time)
        self._seed = seed
        self.process: Process | None = None
        self.customers = self._draw_customers()

    def now_ms(self) -> int:
        return START_MS + self.offset_ms + int(self.loop.time() * 1000)

    # ---- life

    async def live(self) -> None:
        await self._bring_up()
        keeper = asyncio.ensure_future(self._keep_up())
        clock = asyncio.ensure_future(self._jump())
        people = [asyncio.ensure_future(customer.live()) for customer in self.customers]
        try:
            await asyncio.gather(*people)
            await self._rest()
        finally:
            keeper.cancel()
            clock.cancel()
            await asyncio.gather(keeper, clock, return_exceptions=True)
            if self.process is not None:
                self.process.die("at the end")
                await self.process.bury()

    async def _rest(self) -> None:
        """Until nothing is left to be done."""
        ends_s = max(self.loop.time(), self.plan.calm_after_s) + _PATIENCE_S
        while self.loop.time() < ends_s:
            calm = self.loop.time() >= self.plan.calm_after_s
            if calm and await self._is_done():
                await asyncio.sleep(_SETTLING_S)
                if await self._is_done():
                    return
            await asyncio.sleep(_LOOK_S)
        self.wrong.append("the world never came to rest")

    async def _is_done(self) -> bool:
        process = self.process
        if process is None or process.dead or not process.kasapay.store.available:
            return False
        raw = self.medium.raw
        open_orders = raw.execute(
            "SELECT count(*) FROM orders WHERE state IN ('NEW', 'PENDING', 'NEEDS_OTP')"
        ).fetchone()[0]
        queued = raw.execute("SELECT count(*) FROM messages WHERE state = 'queued'").fetchone()[0]
        return not open_orders and not queued

    async def _bring_up(self) -> None:
        if self.plan.moved and self.kills:
            await self._come_up_elsewhere()
        while True:
            self.process = self._born(_settings(self.path))
            await self.process.start()
            if not self.process.dead:
                self.story.tell(self.loop.time(), "a process is up")
                return
            await self._mourn(self.process)

    async def _come_up_elsewhere(self) -> None:
        """Whoever moved the accounts is told to move them back, while anything is open."""
        settings = _settings(self.path)
        accounts = tuple(
            changed(account, base_url=account.base_url.replace("example", "elsewhere.example"))
            for account in settings.accounts
        )
        process = self._born(settings.model_copy(update={"accounts": accounts}))
        await process.start(works=False)
        is_open = self.medium.raw.execute(
            "SELECT count(*) FROM orders WHERE state IN ('NEW', 'PENDING', 'NEEDS_OTP')"
        ).fetchone()[0]
        if process.refused != bool(is_open):
            self.wrong.append(f"started elsewhere with {is_open} open orders")
        process.die("moved back")
        await process.bury()

    def _born(self, settings: Settings) -> Process:
        return Process(
            self.path,
            self.medium,
            settings,
            self.network,
            self.plan.trouble,
            random.Random(f"{self._seed} process {self.kills}"),
            self.story,
            self.now_ms,
            self._ids,
            self.steps,
            self.plan.calm_after_s,
            self.troubled_s,
        )

    async def _keep_up(self) -> None:
        """As whoever watches a service: when it is gone, start it again."""
        while True:
            assert self.process is not None
            await asyncio.wait([self.process.died])
            await self._mourn(self.process)
            await self._bring_up()

    async def _mourn(self, process: Process) -> None:
        self.kills += 1
        self.troubled_s.append(self.loop.time())
        await process.bury()
        await asyncio.sleep(self.chance.uniform(0.2, 5))

    async def _jump(self) -> None:
        """Somebody sets the clock of the machine."""
        if self.plan.jump_s:
            await asyncio.sleep(self.plan.calm_after_s / 2)
            self._jump_by(self.plan.jump_s)
        while self.loop.time() < self.plan.calm_after_s:
            await asyncio.sleep(60)
            if self.chance.random() < self.plan.trouble.jumps:
                self._jump_by(self.chance.choice((90, 600, -90, -600, 86_400, -3600)))

    def _jump_by(self, by_s: int) -> None:
        self.offset_ms += by_s * 1000
        self.jumps.append((self.loop.time(), by_s))
        self.troubled_s.append(self.loop.time())
        self.story.tell(self.loop.time(), f"the clock jumps by {by_s} s")

    # ---- afterwards

    def judged(self) -> list[Finding]:
        """All there is to say about the run; what breaks a promise is `wrong`."""
        seen = [Finding("seen", text) for text in (*self.wrong, *self.gateway.wrong, *self.medium.wrong)]
        return seen + judge(
            self.medium,
            self.providers,
            self.customers,
            troubled_s=self.troubled_s,
            began_s=self._ids.drawn_s,
            calm_after_s=self.plan.calm_after_s,
            jumps=self.jumps,
        )

    def findings(self) -> list[str]:
        """What breaks a promise."""
        return [finding.text for finding in self.judged() if finding.wrong]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the database the run left behind."""
        return self.medium.rows(sql)

    # ---- people and providers

    def _draw_customers(self) -> list[Customer]:
        plan, chance = self.plan, self.chance
        made: list[Customer] = []
        wishes = [
            Wish(chance.choice(plan.merchants), f"{number + 1}.25", "", named=[])
            for number in range(plan.payments)
        ]
        for number in range(plan.customers):
            own = wishes[number :: plan.customers]
            made.append(
                Customer(
                    f"+23324{7000000 + number}",
                    own,
                    self.gateway,
                    self.providers,
                    random.Random(f"{self._seed} customer {number}"),
                    self.story,
                    through=chance.choice(_THROUGH),
                )
            )
        return [Errand(plan.errand, customer) for customer in made] if plan.errand else made

    def _decide(self, entry: Entry) -> tuple[str, float]:
        does = (
            self.plan.decides
            or self.chance.choices(("approve", "reject", "poor", "ignore"), weights=(80, 8, 7, 5))[0]
        )
        return does, self.chance.choice((0.001, 0.05, 1.0, 5.0, 20.0, 60.0)) * self.chance.uniform(0.5, 1.5)

    def _call_back(self, entry: Entry) -> None:
        trouble, chance = self.plan.trouble, self.chance
        if chance.random() < trouble.silent:
            return
        copies = chance.randint(1, 5) if chance.random() < trouble.repeats else 1
        for _ in range(copies):
            after_s = chance.uniform(0.01, 0.2)
            if chance.random() < trouble.late:
                after_s += chance.uniform(1, 200)
            self.loop.call_later(after_s, self._deliver_callback, entry)
        if chance.random() < trouble.forged:
            self.loop.call_later(chance.uniform(0, 10), self._deliver_forged, entry)

    def _deliver_callback(self, entry: Entry) -> None:
        process = self.process
        if process is None or process.dead:
            return
        self.story.tell(self.loop.time(), f"callback {entry.reference}")
        if entry.provider == "momo":
            process.spawn(process.kasapay.callbacks.hint(entry.callback.rpartition("/")[2]))
            return
        if entry.status == "SUCCESSFUL":
            raw, signature = _event(entry, _STARTBUTTON_KEY)
            process.spawn(_webhook(process, raw, signature))

    def _deliver_forged(self, entry: Entry) -> None:
        """Somebody who has not our keys says that another payment is done."""
        process = self.process
        if process is None or process.dead:
            return
        if entry.provider == "momo":
            token = entry.callback.rpartition("/")[2]
            wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
            process.spawn(process.kasapay.callbacks.hint(wrong))
            return
        raw, signature = _event(entry, "sk_somebody_else")
        process.spawn(self._expect_refusal(process, raw, signature))

    async def _expect_refusal(self, process: Process, raw: bytes, signature: str) -> None:
        if await _webhook(process, raw, signature):
            self.wrong.append("a forged webhook was taken")


async def _webhook(process: Process, raw: bytes, signature: str) -> bool:
    headers = {"x-startbutton-signature": signature}
    try:
        return await process.kasapay.callbacks.take_signed("startbutton-ghs", headers, raw)
    except Exception:
        return False  # the provider gets a 503 and tries again, or does not


def _event(entry: Entry, key: str) -> tuple[bytes, str]:
    charge = {
        "transactionReference": f"SB-{entry.reference}",
        "userTransactionReference": entry.reference,
        "status": "verified",
        "amount": int(entry.amount),
        "currency": entry.currency,
    }
    raw = json.dumps({"event": "collection.verified", "data": {"transaction": charge}}).encode()
    return raw, hmac.new(key.encode(), raw, hashlib.sha512).hexdigest()


def _settings(path: Path) -> Settings:
    return _plain_settings().model_copy(update={"database_url": f"sqlite:///{path}"})


@functools.cache
def _plain_settings() -> Settings:
    gateways = tuple(GatewaySettings(name, SecretStr("a-gateway-secret"), ()) for name in GATEWAYS)
    return Settings.model_validate({}).model_copy(
        update={
            "secret_key": SecretStr(_SECRET_KEY),
            "languages": "en",
            "public_url": "https://pay.example",
            "africastalking_username": "simulation",
            "africastalking_api_key": SecretStr("sms-key"),
            "africastalking_api_url": "https://sms.example",
            "sms_sender": "Kasapay",
            "accounts": _accounts(),
            "gateways": gateways,
        }
    )


def _accounts() -> tuple[Account, ...]:
    return (
        MomoAccount(
            id="momo-ghana",
            provider="momo",
            base_url="https://momo.example",
            currency="GHS",
            region="GH",
            collection=ProductKeys(
                subscription_key=Secret("subscription-key"),
                api_user="7b6d3f6e-2d9a-4a53-9d2c-0f1d0c8a4e11",
                api_key=Secret("api-key"),
            ),
            target_environment="mtnghana",
        ),
        StartbuttonAccount(
            id="startbutton-ghs",
            provider="startbutton",
            base_url="https://startbutton.example",
            currency="GHS",
            region="GH",
            public_key=Secret("pk_simulation"),
            secret_key=Secret(_STARTBUTTON_KEY),
            email="payments@kasapay.example",
            networks=("MTN", "VOD"),
        ),
    )


def draw_template(path: Path) -> None:
    """A migrated database with one merchant at each provider."""
    migrate(f"sqlite:///{path}")

    async def fill() -> None:
        store = sqlite_store(path, clock=lambda: START_MS)
        await store.open()
        try:
            rows = [
                MerchantRow(
                    id=f"00000000-0000-4000-8000-00000000{code}",
                    code=code,
                    name=name,
                    account_id=connection,
                    currency="GHS",
                    created_ms=START_MS,
                )
                for code, name, connection in (
                    ("1001", "Ama's Kitchen", "momo-ghana"),
                    ("1002", "Kofi Books", "startbutton-ghs"),
                )
            ]
            await store.commit([KeepMerchant(row) for row in rows])
        finally:
            await store.close()

    asyncio.run(fill())
    # A database in memory has no log beside it.
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode = DELETE")
    # Copied, it is not one that was put back.
    raw.execute("UPDATE marks SET token = ''")
    raw.commit()
    raw.close()


@contextmanager
def _silence() -> Iterator[None]:
    """Nobody reads logs in here: one logger that says nothing, instead of one made for each line."""
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)(None, [], {})
    with patch.object(BoundLoggerLazyProxy, "__getattr__", lambda proxy, name: getattr(silent, name)):
        yield


def play(seed: int, plan: Plan, folder: Path, template: Path) -> World:
    """Play one seed in `folder`, which is empty, to its end."""
    worlds: list[World] = []

    async def main(loop: virtual.VirtualLoop) -> None:
        loop.set_task_factory(task_factory)  # type: ignore[arg-type]
        worlds.append(World(seed, plan, folder, template, loop))
        await worlds[0].live()

    # A world is small and lives for a second: looking for rings in it again and again gains nothing.
    often = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        with in_simulation(), _silence():
            virtual.run(main)
    finally:
        gc.set_threshold(*often)
    return worlds[0]


def simulate(seed: int, plan: Plan, folder: Path, template: Path) -> Report:
    """Play one seed in `folder`, which is empty, and judge it."""
    world = play(seed, plan, folder, template)
    findings = world.judged()
    entries = world.providers.entries.values()
    return Report(
        fingerprint=world.story.fingerprint,
        findings=findings,
        wrong=[finding.text for finding in findings if finding.wrong],
        payments=len(entries),
        charged=sum(entry.charged for entry in entries),
        kills=world.kills,
        told_again=sum(finding.kind == "told again" for finding in findings),
        unresolved=sum(finding.kind == "unresolved" for finding in findings),
        took_s=world.loop.time(),
        steps=world.steps.counted,
        lines=world.story.lines,
    )
