"""The sandbox's own face under `/_sandbox/`: switches, the record, the books, the clock, live events.

Never mixed with provider paths. Bad input gets a sentence and a 4xx.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import Meta

from bot.sandbox.beginning import begin_again
from bot.sandbox.callbacks import Courier
from bot.sandbox.closing import show_books
from bot.sandbox.control.guard import (
    PREFIX,
    ControlBody,
    Problem,
    control_json,
    cross_origin,
    parse_control,
)
from bot.sandbox.control.people import People
from bot.sandbox.fault_values import GROUPS, describe
from bot.sandbox.model import Delivery, Entry, moment, show_delivery, show_entry, show_seen
from bot.sandbox.momo.results import build_result
from bot.sandbox.startbutton.events import build_event, write_event
from bot.sandbox.startbutton.life import Startbutton
from bot.sandbox.wire import encode_json, parse_object, read_body
from bot.sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _ClockBody(ControlBody):
    advance_s: Annotated[float, Meta(ge=0, le=10_000_000)]


class _CallbackBody(ControlBody):
    body: dict[str, Any] | None = None
    signature: Literal["good", "wrong_key", "sha256", "upper", "missing", "garbage"] | None = None


class _ResetBody(ControlBody):
    pass


class Control:
    """The handlers, over one world."""

    def __init__(self, world: World, courier: Courier, startbutton: Startbutton) -> None:
        self._world = world
        self._courier = courier
        self._startbutton = startbutton
        self._people = People(world)

    def routes(self) -> list[web.RouteDef]:
        """All routes of the control API."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/health", self.health),
            ("GET", "/books", self.get_books),
            ("GET", "/faults", self.get_faults),
            ("PUT", "/faults", self.put_faults),
            ("DELETE", "/faults", self.delete_faults),
            ("GET", "/faults/schema", self.describe_faults),
            ("GET", "/record", self.get_record),
            ("GET", "/record/requests", self.get_requests),
            ("GET", "/record/callbacks", self.get_callbacks),
            ("GET", "/events", self.stream),
            ("POST", "/clock", self.move_clock),
            ("POST", "/reset", self.reset),
            ("POST", "/callbacks/{reference}", self.call_back),
        ]
        return [*self._people.routes(), *(web.route(one[0], PREFIX + one[1], one[2]) for one in table)]

    async def health(self, request: web.Request) -> web.Response:
        """200 while the record can be written, else 503."""
        failed = self._world.record.failure is not None
        world = self._world
        body = {
            "ok": not failed,
            "mode": "strict" if world.config.strict else "lenient",
            "environment": world.config.momo.environment,
            "now": moment(world.now()),
            "clock_offset_s": world.offset,
            "entries": len(world.entries),
        }
        return control_json(body, 503 if failed else 200)

    # Switches.

    async def get_faults(self, request: web.Request) -> web.Response:
        """All switches, flat, and the rules."""
        return control_json(self._world.faults.as_dict())

    async def put_faults(self, request: web.Request) -> web.Response:
        """Change the switches given; `rules` replaces all rules. All or nothing."""
        body = await read_body(request)
        try:
            self._world.faults.merge(parse_object(body))
        except ValueError as error:
            raise Problem(400, str(error)) from None
        self._world.events.tell("faults")
        return control_json(self._world.faults.as_dict())

    async def delete_faults(self, request: web.Request) -> web.Response:
        """Back to the switches of the configuration."""
        self._world.faults.reset()
        self._world.events.tell("faults")
        return control_json(self._world.faults.as_dict())

    async def describe_faults(self, request: web.Request) -> web.Response:
        """Names, types, defaults, choices and help, and the path groups for rules."""
        return control_json({"faults": describe(), "groups": list(GROUPS)})

    # The record.

    async def get_record(self, request: web.Request) -> web.Response:
        """The judge: every accepted creation, oldest first."""
        wanted = request.query.get("reference")
        entries = [
            show_entry(entry)
            for entry in self._world.entries.values()
            if wanted in (None, entry.reference, entry.provider_reference, entry.external_id)
        ]
        return control_json({"entries": entries})

    async def get_books(self, request: web.Request) -> web.Response:
        """Who had what, what came in and went out by kind, and what is left: it must add up exactly."""
        return control_json(show_books(self._world))

    async def get_requests(self, request: web.Request) -> web.Response:
        """Every provider request seen; path templates only, nothing secret."""
        seen = await self._world.record.load_seen(request.query.get("reference"))
        return control_json({"requests": [show_seen(line) for line in seen]})

    async def get_callbacks(self, request: web.Request) -> web.Response:
        """Every callback: what was sent or held back, and what came back."""
        found = await self._world.record.load_deliveries(request.query.get("reference"))
        return control_json({"callbacks": [show_delivery(delivery) for delivery in found]})

    # Time, and acting by hand.

    async def move_clock(self, request: web.Request) -> web.Response:
        """Move the sandbox's clock on."""
        given = await parse_control(request, _ClockBody)
        self._world.advance(given.advance_s)
        return control_json({"now": moment(self._world.now()), "offset_s": self._world.offset})

    async def reset(self, request: web.Request) -> web.Response:
        """Forget all that happened; credentials stay valid."""
        await parse_control(request, _ResetBody)
        await self._courier.clear()
        begin_again(self._world)
        return control_json({"reset": True})

    async def call_back(self, request: web.Request) -> web.Response:
        """Send a callback or webhook now: the true one, or the body given (signed wrongly unless asked)."""
        given = await parse_control(request, _CallbackBody)
        entry = self._world.find_any(request.match_info["reference"])
        if entry is None:
            raise Problem(404, "There is no entry with this reference.")
        if entry.callback_url is None:
            raise Problem(409, "This entry has no callback address.")
        delivery = self._by_hand(entry, given)
        await self._courier.send(delivery)
        return control_json(show_delivery(delivery))

    def _by_hand(self, entry: Entry, given: _CallbackBody) -> Delivery:
        faults = self._world.faults.over(entry.knobs)
        if entry.provider == "momo":
            body = given.body if given.body is not None else build_result(entry, faults)
            return self._courier.add(
                provider="momo",
                reference=entry.reference,
                kind="by hand",
                method=str(entry.detail["callback_method"]),
                url=str(entry.callback_url),
                headers={"Content-Type": "application/json"},
                body=encode_json(body),
                state="by hand",
            )
        account = self._startbutton.accounts.get(entry.account)
        if account is None:
            raise Problem(409, "The account of this entry is no longer configured.")
        body = given.body if given.body is not None else build_event(entry, faults, entry.status)
        signature = given.signature or ("good" if given.body is None else "wrong_key")
        return self._startbutton.post(
            entry, account, "by hand", write_event(body, faults), signature, state="by hand"
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events until the page leaves or the sandbox stops."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers | cross_origin(self._world, request))
        await response.prepare(request)
        queue = self._world.events.listen()
        try:
            await response.write(b": sandbox\n\n")
            while (line := await queue.get()) is not None:
                await response.write(line)
        except ConnectionError:
            pass  # the page left
        finally:
            self._world.events.leave(queue)
        return response
