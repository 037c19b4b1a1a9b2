"""Control calls about Startbutton alone: what payers and customers do outside any of our requests.

`POST /_sandbox/startbutton/{reference}/difference`: a payer who typed the amount sent too much or too
little, and the difference is a transaction of its own. `POST /_sandbox/startbutton/{reference}/dispute`: a
customer contests a payment. Both tell it by webhook. Source: Startbutton documentation.
"""

from decimal import Decimal
from typing import Literal, TypeVar
from uuid import uuid4

import msgspec
from aiohttp import web
from msgspec import Struct

from bot.sandbox.config import Amount
from bot.sandbox.control.guard import PREFIX, Problem, control_json
from bot.sandbox.model import Entry, show_entry
from bot.sandbox.startbutton.events import CHARGE, SUCCESSFUL, build_event, write_event
from bot.sandbox.startbutton.life import Startbutton
from bot.sandbox.wire import parse_object, read_body
from bot.sandbox.world import World

T = TypeVar("T")


class _Body(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body of the control API: unknown fields are mistakes."""


class _DifferenceBody(_Body):
    """`amount` in major units. With `same_reference` the new transaction names the payment's reference."""

    amount: Amount
    tag: Literal["excess", "underpayment"] = "excess"
    same_reference: bool = False


class _DisputeBody(_Body):
    event: Literal["created", "declined", "processed"] = "created"


class StartbuttonControl:
    """The handlers, over one world."""

    def __init__(self, world: World, startbutton: Startbutton) -> None:
        self._world = world
        self._startbutton = startbutton

    def routes(self) -> list[web.RouteDef]:
        """Its routes."""
        prefix = PREFIX + "/startbutton/{reference}"
        return [
            web.post(prefix + "/difference", self.add_difference),
            web.post(prefix + "/dispute", self.dispute),
        ]

    async def add_difference(self, request: web.Request) -> web.Response:
        """Book what was paid beside a payment, and tell it; the new entry is the answer. 201."""
        given = await _parse(request, _DifferenceBody)
        charge = self._charge(request)
        amount, world = Decimal(given.amount), self._world
        if amount <= 0:
            raise Problem(400, "The amount must be above zero.")
        now = world.now()
        entry = Entry(
            seq=world.new_seq(),
            provider="startbutton",
            kind=CHARGE,
            account=charge.account,
            reference=charge.reference if given.same_reference else uuid4().hex,
            provider_reference=uuid4().hex[:12],
            external_id=None,
            amount=amount,
            currency=charge.currency,
            party=charge.party,
            msisdn=None,  # it came by bank, from outside
            status=SUCCESSFUL,
            created_at=now,
            updated_at=now,
            final_at=now,
            callback_url=charge.callback_url,
            detail={"tag": given.tag},
        )
        world.charge(entry)
        world.add_entry(entry)
        self._startbutton.tell(world, entry, SUCCESSFUL)
        return control_json(show_entry(entry), 201)

    async def dispute(self, request: web.Request) -> web.Response:
        """Tell of a dispute about a payment. No money moves."""
        given = await _parse(request, _DisputeBody)
        charge = self._charge(request)
        account = self._startbutton.accounts.get(charge.account)
        if account is None or not account.webhook_url:
            raise Problem(409, "The account has no webhook address.")
        faults = self._world.faults.over(charge.knobs)
        event = f"dispute.{given.event}"
        body = build_event(charge, faults, charge.status) | {"event": event}
        written = write_event(body, faults)
        self._startbutton.post(charge, account, event, written, faults.webhook_signature)
        return control_json({"event": event})

    def _charge(self, request: web.Request) -> Entry:
        entry = self._world.find_any(request.match_info["reference"])
        if entry is None or (entry.provider, entry.kind) != ("startbutton", CHARGE):
            raise Problem(404, "There is no Startbutton charge with this reference.")
        return entry


async def _parse(request: web.Request, type_: type[T]) -> T:
    body = await read_body(request)
    try:
        return msgspec.convert(parse_object(body) if body else {}, type_)
    except msgspec.ValidationError as error:
        raise Problem(400, str(error)) from None
