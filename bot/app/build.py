"""Builds all parts of one process: the only place that picks concrete classes.

`running` starts everything one process does and stops it in the reverse order, so that what is under
way is finished or left to be taken up again.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import structlog
from aiohttp import web

from bot.admin import socket as control
from bot.admin.registry import AdminContext
from bot.app.figures import watch_figures
from bot.app.listening import cannot_listen, url_of
from bot.channels.base import Channel
from bot.channels.catalogue import Catalogue
from bot.channels.renderer import Renderer
from bot.channels.sms import AfricasTalkingSms
from bot.channels.sms_reports import DeliveryReports
from bot.channels.telegram import TelegramChannel
from bot.channels.ussd import GATEWAYS, screen_septets
from bot.channels.web_chat import WebChatChannel
from bot.conversations import Turns, TurnsConfig
from bot.conversations.effect_dispatch import EffectDispatch
from bot.conversations.telegram_connection import TelegramLink
from bot.conversations.telegram_inbox import TelegramInbox
from bot.dialog import Text
from bot.money import OFFERED, OrderKind, OrderState
from bot.notifications.outbox import Outbox
from bot.operations.operations import Operations
from bot.orders.agreement_keeper import AgreementKeeper
from bot.orders.announcer import Announcer
from bot.orders.approval_keeper import ApprovalKeeper
from bot.orders.callbacks import Callbacks
from bot.orders.context_loader import ContextLoader
from bot.orders.overdue import watch_deadlines, watch_soundness
from bot.orders.provider_calls import Calls
from bot.orders.worker import Worker
from bot.providers import PROVIDERS, Sender, check_account
from bot.providers.accounts import Accounts
from bot.providers.transport import open_transport
from bot.runtime.clock import Clock, Ids, wall_clock_ms
from bot.runtime.keys import Sealer
from bot.runtime.metrics import Metrics
from bot.runtime.open_files import open_files_at_most
from bot.runtime.rate_limits import KeyLimits as Allowance
from bot.runtime.security_events import KINDS, SecurityEvents
from bot.runtime.timeouts import TIMES, Timeouts
from bot.settings.settings import Settings, announce_limits, ask_limits, offered_languages
from bot.store import StoreUnavailable, sqlite_path, sqlite_store
from bot.store.base import Store
from bot.store.records import OrderRow
from bot.web import (
    ROOM,
    Bounds,
    GatewayEntry,
    TryIt,
    WebParts,
    backlog_for,
    bounds_for,
    build_web,
    make_runner,
)
from bot.web.windows import ChatWindows
from flows import FLOWS

__all__ = ["CannotStart", "Kasapay", "build", "running"]

_log = structlog.get_logger("kasapay")

_PROBE_S: Final = 1.0
_FINISH_S: Final = 5.0
# What one chat may say: the same as a web chat (bot.web.parts.Limits).
_CHAT_BURST: Final = 20
_CHAT_PER_S: Final = 1.0
# So many codes are named where orders keep a process from starting.
_CODES: Final = 20


class CannotStart(Exception):
    """Why this process must not start, as sentences for the operator."""


def _screen_sizes(settings: Settings) -> dict[str, tuple[int, int]]:
    """Septets, and characters outside GSM-7, that a screen of each gateway may have."""
    return {
        given.name: (
            screen_septets(GATEWAYS[given.name].manners, given.options, settings.ussd_screen_septets),
            min(GATEWAYS[given.name].manners.characters, settings.ussd_screen_characters),
        )
        for given in settings.gateways
    }


class Kasapay:
    """All parts of one process, built and not yet started."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        tryit: TryIt | None,
        callback_url: str = "",
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.metrics = Metrics()
        self.security = SecurityEvents(lambda kind: self.metrics.security.labels(kind).inc())
        for kind in KINDS:
            self.metrics.security.labels(kind)  # shows 0, so that the first one is a rise
        self.sealer = Sealer(settings.secret_key.get_secret_value())
        languages = offered_languages(settings)
        self.catalogue = Catalogue.load().speaking(
            languages, settings.default_language, settings.service_name
        )
        self.accounts = Accounts(settings.accounts, PROVIDERS)
        self.sender = Sender()
        self.sender.on_exchange = self.metrics.note_call
        for account in settings.accounts:
            self.metrics.left_alone.labels(account.provider, account.id).set_function(
                partial(self._leaves_alone, account.id)
            )
        self.calls = Calls(self.accounts, self.sender, self.sealer, callback_url or settings.public_url)
        self.windows = ChatWindows()
        self.renderer = Renderer(
            self.catalogue,
            settings.default_region,
            screens=_screen_sizes(settings),
            # A text message need not say what its sender says.
            sign="" if settings.sms_sender == settings.service_name else f"{settings.service_name}: ",
        )
        self._sms_client: httpx.AsyncClient | None = None
        self._probed: tuple[float, list[str]] = (float("-inf"), [])
        self._tryit = tryit
        context_loader = ContextLoader(
            store,
            self.calls,
            clock,
            ids,
            timeouts,
            short_code=settings.short_code,
            announce=announce_limits(settings),
        )
        self.operations = Operations(
            store,
            self.calls,
            context_loader,
            self.sealer,
            clock,
            ids,
            timeouts,
            ask_limits(settings),
            security=self.security,
            on_late=self._on_work,
        )
        self.broken: list[str] = []
        self.turns = Turns(
            store,
            EffectDispatch(self.operations),
            self.catalogue,
            FLOWS,
            self.sealer,
            clock,
            ids,
            timeouts,
            TurnsConfig(
                region=settings.default_region,
                language=settings.default_language,
                languages=languages,
                language_words=self.catalogue.in_each(Text("language.word")),
                short_code=settings.short_code,
                offers=self._offers(),
                help_contact=settings.help_contact,
                free=settings.service_fee == "none",
            ),
            self.renderer.screen,
            self._on_work,
            self.metrics,
        )
        self.telegram: TelegramChannel | None = None
        self.intake: TelegramInbox | None = None
        self.telegram_link: TelegramLink | None = None
        # The page of `run` is made of it. Without it a result goes by SMS, as to any chat that is closed.
        self.web_chat = settings.web_chat == "on" or tryit is not None
        channels: dict[str, Channel] = {"web": WebChatChannel()} if self.web_chat else {}
        token = settings.telegram_token.get_secret_value()
        if token:
            self.telegram = channels["telegram"] = TelegramChannel(token, settings.telegram_api_url)
            self.intake = TelegramInbox(
                store,
                self.turns,
                self.telegram,
                self.sealer,
                clock,
                ids,
                timeouts,
                secret=settings.telegram_webhook_secret.get_secret_value(),
                may_speak=Allowance(_CHAT_BURST, _CHAT_PER_S, clock).take,
            )
            self.telegram_link = TelegramLink(
                self.telegram,
                self.intake,
                self.metrics,
                clock,
                mode=settings.telegram_mode,
                public_url=settings.public_url,
                secret=settings.telegram_webhook_secret.get_secret_value(),
                commands=[(name, self.commands(name)) for name in self.catalogue.languages],
            )
        if settings.africastalking_username:
            self._sms_client = httpx.AsyncClient(transport=open_transport())
            channels["msisdn"] = AfricasTalkingSms(
                self._sms_client,
                username=settings.africastalking_username,
                api_key=settings.africastalking_api_key.get_secret_value(),
                base_url=settings.africastalking_api_url,
                sender=settings.sms_sender,
            )
        self.outbox = Outbox(
            store,
            channels,
            self.renderer.message,
            clock,
            ids,
            timeouts,
            default_language=settings.default_language,
            metrics=self.metrics,
            on_sent=self.windows.wake,
        )
        self.worker = Worker(store, self.calls, context_loader, clock, timeouts, self.metrics)
        self.worker.on_settled = self._on_settled
        self.keeper = AgreementKeeper(store, self.calls, clock, ids, timeouts)
        self.keeper.on_told = self.outbox.wake
        self.approvals = ApprovalKeeper(store, clock, ids)
        self.approvals.on_told = self.outbox.wake
        self.announcer = Announcer(store, clock, ids, timeouts, announce_limits(settings))
        self.announcer.on_told = self.outbox.wake
        self.callbacks = Callbacks(
            store,
            self.accounts,
            self.sealer,
            clock,
            ids,
            timeouts,
            context_loader,
            on_hint=self._on_work,
        )
        self.admin = AdminContext(
            store,
            self.accounts,
            self.calls,
            self.sealer,
            clock,
            ids,
            self.operations,
            self._on_work,
            self.catalogue.command_words(),
            settings.default_region,
        )

    def _leaves_alone(self, account_id: str) -> bool:
        return self.sender.leaves_alone(account_id)

    def web(self) -> web.Application:
        """The application with every entrance and page."""
        app = build_web(
            WebParts(
                turns=self.turns,
                gateways=self._gateways(),
                callbacks=self.callbacks,
                provider_callbacks=[a.callback for a in PROVIDERS.values() if a.callback is not None],
                store=self.store,
                clock=self.clock,
                ready=self.problems,
                silent=self.silent,
                metrics=self.metrics.render,
                windows=self.windows,
                render=self.outbox.render,
                cookie_key=self.sealer.key("cookie"),
                region=self.settings.default_region,
                telegram=self.intake,
                sms_reports=DeliveryReports(self.sealer.hash("sms", "reports"), self._count_report),
                trusted_proxies=_networks(self.settings.trusted_proxies.replace(",", " ").split()),
                # The page of `run` is opened at its own address, whatever Telegram's is.
                secure_cookies=self.settings.public_url.startswith("https://") and self._tryit is None,
                tryit=self._tryit,
                hosts=None if self._tryit is None else frozenset({_host_of(self.settings.public_url)}),
                security=self.security.note,
                bounds=self._bounds(),
                bound_met=lambda what: self.metrics.bounds_met.labels(what).inc(),
                web_chat=self.web_chat,
            )
        )
        self.metrics.connections.set_function(lambda: app[ROOM].connections)
        self.metrics.streams.set_function(lambda: app[ROOM].streams)
        return app

    def _bounds(self) -> Bounds:
        wanted = Bounds(
            connections=self.settings.web_connections,
            per_address=self.settings.web_connections_per_address,
            streams=self.settings.web_streams,
            streams_per_address=self.settings.web_streams_per_address,
        )
        return bounds_for(wanted, open_files_at_most(), len(self.settings.gateways))

    async def problems(self) -> Sequence[str]:
        """What keeps payments from starting; probed at most once a second."""
        probed_s, found = self._probed
        if asyncio.get_running_loop().time() - probed_s > _PROBE_S:
            try:
                await self.store.probe()
                found = []
            except StoreUnavailable as error:
                found = [f"the store cannot commit: {error}"]
            found += self.broken
            self._probed = (asyncio.get_running_loop().time(), found)
            self.metrics.ready.set(0 if found else 1)
        return found

    def silent(self) -> Sequence[str]:
        """What does not reach people though payments may start."""
        link = self.telegram_link
        return [f"Telegram: {link.problem}"] if link is not None and link.problem else []

    async def check_open_orders(self) -> None:
        """Raises CannotStart where an open order names an account that the settings lost, or belongs
        elsewhere than its account leads now. Orders of an older version belong to where it leads now."""
        lost = sorted(c for c in await self.store.open_accounts() if c not in self.accounts)
        if lost:
            raise CannotStart(
                f"Open orders still need the account{'s' if len(lost) > 1 else ''} {', '.join(lost)}. "
                "Keep it in the settings until they are final."
            )
        astray: list[OrderRow] = []
        for account_id, place in sorted(await self.store.open_places()):
            if not self.accounts.leads_to(account_id, place):
                astray += await self.store.open_orders_at(account_id, place)
        stuck = [order for order in astray if order.state is not OrderState.UNRESOLVED]
        if stuck:
            raise CannotStart(self._elsewhere(stuck))
        await self.store.settle_in(
            {a.id: (self.accounts.place(a.id), self.calls.keys_hash(a.id)) for a in self.accounts}
        )
        for order in astray:
            _log.warning("unresolved order belongs elsewhere", reference=order.reference, place=order.place)
        for row in await self.store.agreements_elsewhere():
            _log.warning("agreement belongs elsewhere", reference=row.reference, place=row.place)

    def _elsewhere(self, orders: Sequence[OrderRow]) -> str:
        """Which orders belong where, and the way out."""
        said = []
        for account_id, place in dict.fromkeys((order.account_id, order.place) for order in orders):
            codes = [o.code for o in orders if (o.account_id, o.place) == (account_id, place)]
            more = f" and {len(codes) - _CODES} more" if len(codes) > _CODES else ""
            said.append(
                f"Account {account_id} leads to {self.accounts.place(account_id)} now, and these open"
                f" orders of it belong to {place}: {', '.join(codes[:_CODES])}{more}."
            )
        return " ".join(said) + (
            " Sent or asked about elsewhere they could be paid twice. Keep the old settings as that account"
            " until they are final, and add a second account with the new ones for its merchants:"
            " kasapay merchants add CODE NAME --account SECOND."
        )

    async def close(self) -> None:
        await self.sender.aclose()
        if self._sms_client is not None:
            await self._sms_client.aclose()
        if self.telegram is not None:
            await self.telegram.close()

    def commands(self, language: str) -> list[tuple[str, str]]:
        """The bot's commands with what they do."""
        return [
            (name, self.renderer.say(Text(f"command.{name}"), language))
            for name in ("start", "menu", "cancel", "help")
        ]

    def _on_work(self) -> None:
        self.outbox.wake()
        self.worker.wake()

    def _on_settled(self) -> None:
        """Messages may be due, and what an order made may stand from now on."""
        self.outbox.wake()
        self.keeper.wake()

    def _offers(self) -> tuple[str, ...]:
        """What customers can agree to here, with any of the accounts."""
        kinds = {kind for account in self.accounts for kind in self.accounts.kinds(account.id)}
        return tuple(kind.value for kind in OrderKind if kind in OFFERED & kinds)

    def _gateways(self) -> dict[str, GatewayEntry]:
        short_code = self.settings.short_code
        entries = {}
        for given in self.settings.gateways:
            options = given.options.model_copy(update={"code": given.options.code or short_code})
            gateway = GATEWAYS[given.name](options)
            entries[given.name] = GatewayEntry(
                gateway, given.secret.get_secret_value(), _networks(given.allow)
            )
        return entries

    def _count_report(self, outcome: str) -> None:
        self.metrics.messages.labels("msisdn", "report", outcome).inc()


def build(
    settings: Settings,
    *,
    clock: Clock = wall_clock_ms,
    ids: Ids | None = None,
    timeouts: Timeouts = TIMES,
    tryit: TryIt | None = None,
    callback_url: str = "",
) -> Kasapay:
    """The parts for these settings; opens nothing. `callback_url`: where providers call to, if that is not
    PUBLIC_URL. Raises CannotStart for a database we do not keep."""
    path = _sqlite(settings.database_url)
    wrong = [f"Account {a.id}: {problem}" for a in settings.accounts for problem in check_account(a)]
    if wrong:
        raise CannotStart(" ".join(wrong))
    return Kasapay(
        settings,
        sqlite_store(path, clock=clock),
        clock=clock,
        ids=ids or Ids(),
        timeouts=timeouts,
        tryit=tryit,
        callback_url=callback_url,
    )


@asynccontextmanager
async def running(
    kasapay: Kasapay, *, host: str, port: int, first: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[str]:
    """Serve and work until left; gives the address. Raises CannotStart, StoreUnavailable.

    `first` is done once the database is ours and before anybody is answered."""
    async with AsyncExitStack() as stack:
        await kasapay.store.open()
        stack.push_async_callback(kasapay.store.close)
        stack.push_async_callback(kasapay.close)
        if first is not None:
            await first()
        await kasapay.check_open_orders()
        path = _sqlite(kasapay.settings.database_url)
        await stack.enter_async_context(control.listen(path, kasapay.admin))
        for work in _background(kasapay):
            await stack.enter_async_context(_kept_running(work, kasapay))
        if kasapay.telegram_link is not None:
            await stack.enter_async_context(_kept_running(kasapay.telegram_link.run(), kasapay))
        # The calls that outlived their turns end before the sender and the store do.
        stack.push_async_callback(kasapay.operations.waiting.finish, _FINISH_S)
        runner = make_runner(kasapay.web())
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        try:
            site = web.TCPSite(
                runner, host, port, reuse_address=True, backlog=backlog_for(open_files_at_most())
            )
            await site.start()
        except OSError as error:
            raise CannotStart(cannot_listen(host, port, error)) from error
        yield url_of(host, runner.addresses[0][1])


def _background(kasapay: Kasapay) -> list[Any]:
    return [
        kasapay.outbox.run(),
        kasapay.worker.run(),
        kasapay.keeper.run(),
        kasapay.approvals.run(),
        kasapay.announcer.run(),
        watch_deadlines(kasapay.store, kasapay.metrics, kasapay.clock, kasapay.admin.ids),
        watch_soundness(kasapay.store),
        watch_figures(kasapay.store, kasapay.metrics, kasapay.clock, kasapay.problems),
        _heal(kasapay),
    ]


async def _heal(kasapay: Kasapay) -> None:
    """Once a commit has failed below the statements, try every second whether the store is back."""
    while True:
        await asyncio.sleep(_PROBE_S)
        if not kasapay.store.available and not await kasapay.problems():
            _log.info("store available again")
            kasapay.outbox.wake()
            kasapay.worker.wake()


@asynccontextmanager
async def _kept_running(work: Any, kasapay: Kasapay) -> AsyncIterator[None]:
    """Run beside everything else. A task that ends by itself is a fault: no payment starts any more,
    and whoever watches `/readyz` starts us anew."""
    task = asyncio.ensure_future(work)

    def ended(done: "asyncio.Future[Any]") -> None:
        if not done.cancelled() and done.exception() is not None:
            _log.error("background work ended", exc_info=done.exception())
            kasapay.broken.append("a part of Kasapay has stopped; start it again")

    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


def _sqlite(url: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        raise CannotStart(
            "Kasapay keeps its data in SQLite for now; DATABASE_URL must begin with sqlite:///."
        )
    return path


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _networks(texts: Sequence[str]) -> tuple[Any, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
