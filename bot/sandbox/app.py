"""One aiohttp application for the whole pretend world: provider paths at the root, control beside them.

Every provider request goes one way: due work, switches, handler (synchronous, one atomic change),
record on disk, answer, and only then whatever the answer set going.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.sandbox import sms
from bot.sandbox.beginning import load_world
from bot.sandbox.callbacks import Courier
from bot.sandbox.config import SandboxConfig
from bot.sandbox.control.guard import PREFIX, guard, no_such_path
from bot.sandbox.control.routes import Control
from bot.sandbox.control.startbutton import StartbuttonControl
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Seen
from bot.sandbox.momo import server as momo
from bot.sandbox.momo.access import Refused, gateway_error, is_new_gateway, message_of
from bot.sandbox.momo.life import Momo
from bot.sandbox.record import Record, RecordError
from bot.sandbox.routing import Exchange, Route, Routes
from bot.sandbox.startbutton import server as startbutton
from bot.sandbox.startbutton.checks import Declined
from bot.sandbox.startbutton.envelope import refusal
from bot.sandbox.startbutton.life import Startbutton
from bot.sandbox.wire import BODY_LIMIT, Answer, BadBody, answer_json, read_body
from bot.sandbox.world import World

_SHORTEST_NAP_S = 0.01
# Longer than clients keep a connection for their next request; aiohttp's own is an hour.
_KEEPALIVE_S = 75.0
_ANY = r"{rest:[\s\S]*}"  # a dot would leave out paths with a line end in them
nap = asyncio.sleep  # a name of its own, so that a test can watch it
_log = structlog.get_logger("bot.sandbox")
_HTML = b"<html><head><title>Refused</title></head><body><h1>Request refused</h1></body></html>"
_CODES = {500: "INTERNAL_PROCESSING_ERROR", 503: "SERVICE_UNAVAILABLE"}
_SIDES = {"transaction": "startbutton", "wallet": "startbutton", "bank": "startbutton", "version1": "sms"}


@dataclass
class Sandbox:
    """The parts of one running sandbox."""

    world: World
    courier: Courier
    routes: Routes

    async def drain(self) -> None:
        """Do all work that is due now and wait for the callbacks under way. For tests: no sleeping."""
        while True:
            self.world.run_due()
            self.courier.send_due()
            await self.courier.idle()
            await self.world.record.settle()
            if not self.courier.busy and self.world.next_due() > 0:
                return

    async def keep_time(self) -> None:
        """Do what becomes due, for as long as the sandbox runs."""
        while True:
            self.world.woken.clear()
            try:
                self.world.run_due()
                self.courier.send_due()
            except Exception:  # time must not stand still because of one entry
                _log.exception("sandbox.step_failed")
            nap_s = max(min(self.world.next_due(), self.courier.next_due()), _SHORTEST_NAP_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(nap_s):
                    await self.world.woken.wait()

    async def entrance(self, request: web.Request) -> web.StreamResponse:
        """Any provider request."""
        self.world.run_due()
        raw_path = request.rel_url.raw_path
        route, params, allowed = self.routes.find(request.method, raw_path)
        side = route.provider if route else _SIDES.get(raw_path.strip("/").partition("/")[0], "momo")
        faults, knobs = self.world.faults.for_request(route.group) if route else (FaultValues(), {})
        ex = Exchange(request.method, request.headers, request.query, params, b"", faults, knobs)
        answer: Answer | None
        try:
            if route is not None and self.world.faults.strikes("drop_request", faults):
                answer = None
            else:
                _check_text(request)
                ex.body = await read_body(request)
                answer = self._answer(route, allowed, side, ex)
        except BadBody as bad:
            answer = _refuse(side, bad.status, bad.message, faults)
        try:
            return await self._send(request, route, side, ex, answer)
        finally:
            if ex.created is not None:
                self.world.schedule(ex.created)
            self.world.woken.set()

    def _answer(self, route: Route | None, allowed: set[str], side: str, ex: Exchange) -> Answer:
        """The answer of the handler, or of the switch that strikes before it."""
        if route is None:
            if not allowed:
                return _refuse(side, 404, "Resource not found", ex.faults)
            answer = _refuse(side, 405, "Method not allowed", ex.faults)
            answer.headers["Allow"] = ", ".join(sorted(allowed))
            return answer
        faults = ex.faults
        strikes = self.world.faults.error_strikes(faults)
        if strikes and faults.error_when == "before":
            return _error(side, faults)
        login = route.group in ("momo.token", "momo.oauth", "momo.provisioning")
        if not login and self.world.faults.strikes("unauthorized", faults):
            return _refuse(side, 401, "Unauthorized", faults)
        if side == "momo" and self._agent_refused(ex):
            return Answer(403, _HTML, "text/html")
        try:
            answer = route.handle(self.world, ex)
        except Refused as refused:
            answer = refused.answer
        return _error(side, faults) if strikes else answer

    def _agent_refused(self, ex: Exchange) -> bool:
        """The new gateway turns some User-Agents away with an HTML page. Source: users' reports, 2026."""
        return is_new_gateway(self.world, ex) and "python-requests" in ex.headers.get("User-Agent", "")

    async def _send(
        self, request: web.Request, route: Route | None, side: str, ex: Exchange, answer: Answer | None
    ) -> web.StreamResponse:
        """Put everything on disk, then let the answer out (or not)."""
        world, faults = self.world, ex.faults
        if answer is not None and route is not None and world.faults.strikes("drop_reply", faults):
            answer = None
        world.last_seen += 1
        path = route.template if route else "(unknown)"
        status = answer.status if answer is not None else "dropped"
        world.record.put_seen(
            Seen(world.last_seen, world.now(), side, request.method, path, ex.reference, status)
        )
        try:
            await world.record.flush()
        except RecordError as error:
            _log.error("sandbox.record_failed", error=str(error))
            answer = _refuse(side, 503, "The sandbox record cannot be written.", faults)
        if faults.callback_before_reply and ex.created is not None:
            world.schedule(ex.created)
            await self.drain()
        delay_ms = faults.latency_ms
        if route is not None and route.group == "momo.token":
            delay_ms = max(delay_ms, faults.token_latency_ms)
        if delay_ms:
            await nap(delay_ms / 1000)
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)  # goes nowhere: the socket is closed
        response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        if answer.content_type is not None:
            response.headers["Content-Type"] = answer.content_type
        elif not answer.body:
            response.headers.pop("Content-Type", None)
        # Written here and not by the caller, so that what follows from the answer comes after it.
        with suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
        return response


def _check_text(request: web.Request) -> None:
    """Refuse header values and queries that are not text: nothing later could store them."""
    for value in (*request.headers.values(), *request.query.keys(), *request.query.values()):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadBody(400, "A header or query value is not UTF-8.") from None


def _refuse(side: str, status: int, message: str, faults: FaultValues) -> Answer:
    """A refusal outside any handler, in the shape of the side it happens on."""
    if side == "startbutton":
        return refusal(Declined(status, message), faults)
    if side == "sms":
        return sms.refuse(status, message)
    return gateway_error(status, message).answer


def _error(side: str, faults: FaultValues) -> Answer:
    """The error a switch asked for."""
    status = faults.error_status
    if faults.error_shape == "html":
        answer = Answer(status, _HTML, "text/html")
    elif faults.error_shape == "empty":
        answer = Answer(status)
    elif side == "momo" and (code := faults.error_code or _CODES.get(status)):
        answer = answer_json(status, {"code": code, "message": message_of(code)})
    else:
        answer = _refuse(side, status, "Out of order", FaultValues())
    if status in (429, 503) and faults.retry_after_s >= 0:
        answer.headers["Retry-After"] = str(faults.retry_after_s)
    return answer


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)


def build_app(config: SandboxConfig, *, now: Callable[[], float] = time.time) -> web.Application:
    """The application of a sandbox that plays `config`; `now` gives epoch seconds.

    Its file is opened when the application starts (RecordError if it cannot be used) and closed at
    its clean-up; `app[SANDBOX]` is the running sandbox, for tests.
    """
    record = Record(config.database)
    world = World(config=config, record=record, clock=now)
    courier = Courier(record, world.now, config.callback_timeout_s, world.events)
    mtn = Momo(courier)
    button = Startbutton(config.startbutton.accounts, courier)
    world.players |= {"momo": mtn, "startbutton": button}
    table = [*momo.build_routes(mtn), *startbutton.build_routes(button), *sms.build_routes()]
    sandbox = Sandbox(world, courier, Routes(table, strict=config.strict))

    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[guard(world)])
    app[SANDBOX] = sandbox
    app.add_routes(Control(world, courier, button).routes())
    app.add_routes(StartbuttonControl(world, button).routes())
    app.router.add_route("*", PREFIX + _ANY, no_such_path)
    app.router.add_route("*", "/" + _ANY, sandbox.entrance)

    async def live(_: web.Application) -> AsyncIterator[None]:
        await record.open()
        try:
            await load_world(world)
            await courier.start()
            timekeeper = asyncio.create_task(sandbox.keep_time(), name="sandbox-time")
            try:
                yield
            finally:
                timekeeper.cancel()
                await asyncio.gather(timekeeper, return_exceptions=True)
        finally:
            await courier.stop()
            await record.close()

    async def end_streams(_: web.Application) -> None:
        world.events.close()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(end_streams)
    return app


@dataclass(frozen=True)
class Running:
    """A sandbox that listens at `url`."""

    url: str
    sandbox: Sandbox

    async def drain(self) -> None:
        """Do all work that is due and wait for its callbacks: what a test does instead of sleeping."""
        await self.sandbox.drain()


class _NotHttp(logging.Filter):
    """Drops what aiohttp logs, with a traceback, about bytes that are not HTTP: they got their 400."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_server_log = logging.getLogger("bot.sandbox.server")
_server_log.addFilter(_NotHttp())


@asynccontextmanager
async def serve_sandbox(
    config: SandboxConfig, host: str = "127.0.0.1", port: int = 0, *, now: Callable[[], float] = time.time
) -> AsyncIterator[Running]:
    """Serve a sandbox on `host` and `port` (0: any free one) until the block ends."""
    app = build_app(config, now=now)
    runner = web.AppRunner(
        app, access_log=None, logger=_server_log, shutdown_timeout=1.0, keepalive_timeout=_KEEPALIVE_S
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        _log.info("sandbox.started", port=bound[1], strict=config.strict)
        yield Running(f"http://{shown}:{bound[1]}", app[SANDBOX])
    finally:
        await runner.cleanup()
