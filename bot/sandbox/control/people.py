"""The part of the control API that plays people: their handsets, prompts, invoices and messages."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from bot.sandbox.config import Amount, Currency, Digits, Pin, Word, parse_amounts, plain_digits
from bot.sandbox.control.guard import PREFIX, ControlBody, Problem, control_json, parse_control
from bot.sandbox.handsets import CannotPress, pay_invoice, press, show_handset, show_sms
from bot.sandbox.model import Handset
from bot.sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TypedPin = Annotated[str, Meta(max_length=20)]


class HandsetBody(ControlBody):
    """A new handset, or what is to change of one."""

    msisdn: Digits
    name: Word | None = None
    pin: Pin | None = None
    balance: dict[Currency, Amount] | None = None


class PressBody(ControlBody):
    """What the owner does with a prompt."""

    action: Literal["approve", "reject", "ignore"]
    pin: TypedPin | None = None


class PayBody(ControlBody):
    """What the owner does with an invoice."""

    action: Literal["pay"] = "pay"
    pin: TypedPin | None = None


class People:
    """The handlers, over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """All routes of this part."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/handsets", self.list_handsets),
            ("POST", "/handsets", self.put_handset),
            ("GET", "/handsets/{msisdn}", self.get_handset),
            ("DELETE", "/handsets/{msisdn}", self.delete_handset),
            ("POST", "/handsets/{msisdn}/prompts/{id}", self.press),
            ("POST", "/handsets/{msisdn}/invoices/{id}", self.pay_invoice),
            ("GET", "/sms", self.list_sms),
        ]
        return [web.route(method, PREFIX + path, handle) for method, path, handle in table]

    async def list_handsets(self, request: web.Request) -> web.Response:
        """All handsets, each as `get_handset` shows it."""
        world = self._world
        shown = [show_handset(world, world.handsets[msisdn]) for msisdn in sorted(world.handsets)]
        return control_json({"handsets": shown})

    async def put_handset(self, request: web.Request) -> web.Response:
        """Make a handset or change what is given of it. 201 if it is new."""
        given = await parse_control(request, HandsetBody)
        msisdn = plain_digits(given.msisdn)
        known = self._world.handsets.get(msisdn)
        handset = known or Handset(msisdn=msisdn, name="Sand Box", pin="1234", balances={})
        handset.name = given.name or handset.name
        handset.pin = given.pin or handset.pin
        if given.balance is not None:
            handset.balances |= parse_amounts(given.balance)
        self._world.set_handset(handset)
        return control_json(show_handset(self._world, handset), 200 if known else 201)

    async def get_handset(self, request: web.Request) -> web.Response:
        """One handset with its open prompts and its inbox."""
        return control_json(show_handset(self._world, self._handset(request)))

    async def delete_handset(self, request: web.Request) -> web.Response:
        """Take the handset away; from then on its number behaves like any other."""
        self._world.drop_handset(self._handset(request).msisdn)
        return control_json({"deleted": True})

    async def press(self, request: web.Request) -> web.Response:
        """Approve, reject or ignore a prompt."""
        given = await parse_control(request, PressBody)
        msisdn, prompt_id = plain_digits(request.match_info["msisdn"]), request.match_info["id"]
        try:
            entry = press(self._world, msisdn, prompt_id, given.action, given.pin)
        except CannotPress as cannot:
            raise Problem(cannot.status, cannot.message, **cannot.extra) from None
        done = {"id": prompt_id, "action": given.action}
        return control_json(done | {"status": entry.status, "reason": entry.reason})

    async def pay_invoice(self, request: web.Request) -> web.Response:
        """Pay an invoice with the PIN; `{id}` is its id or its payment reference."""
        given = await parse_control(request, PayBody)
        msisdn, name = plain_digits(request.match_info["msisdn"]), request.match_info["id"]
        try:
            entry = pay_invoice(self._world, msisdn, name, given.pin)
        except CannotPress as cannot:
            raise Problem(cannot.status, cannot.message, **cannot.extra) from None
        done = {"id": entry.provider_reference, "action": given.action}
        return control_json(done | {"status": entry.status, "reason": entry.reason})

    async def list_sms(self, request: web.Request) -> web.Response:
        """Messages of all numbers or of one, newest last."""
        wanted = plain_digits(request.query.get("msisdn", "").strip())
        found = [show_sms(sms) for sms in self._world.sms if not wanted or sms.msisdn == wanted]
        return control_json({"sms": found})

    def _handset(self, request: web.Request) -> Handset:
        handset = self._world.handsets.get(plain_digits(request.match_info["msisdn"]))
        if handset is None:
            raise Problem(404, "There is no handset with this number.")
        return handset
