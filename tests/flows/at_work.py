"""The staff and the customers of one merchant, for the conversations beyond payments."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.cli.screens.playing import GHS_50, KITCHEN, MSISDN, OTHER, TELEGRAM, USSD, Played, World, order, play
from bot.dialog import Act
from bot.dialog import views as v
from bot.money import Money, Right
from flows import business_effects as b
from flows import effects as e

CODE = "K7QX2A9M"
GHS_20 = Money(2000, "GHS")
STAFF = msgspec.structs.replace(USSD, staff=True)
CHAT_STAFF = msgspec.structs.replace(TELEGRAM, staff=True, msisdn=MSISDN, linked=("msisdn", "telegram"))
RIGHTS = tuple(right.value for right in Right if right is not Right.NOTE)
ROLE = v.Role(
    staff_id="s1",
    merchant=KITCHEN.name,
    role="owner",
    pin=True,
    offers=tuple(right.value for right in Right),
    currency="GHS",
    region="GH",
)
IN_CHAT = msgspec.structs.replace(ROLE, pin=False)
RIGHT_PIN = v.PinAnswer()
FOUND = v.FoundPayment(order(payer=OTHER, at_ms=1_000), refundable=GHS_50, can_note=True, note_most=144)
PIN = "4711"


def agreement(**given: Any) -> v.AgreementView:
    values: dict[str, Any] = {
        "id": "a1",
        "kind": "preapproval",
        "code": "ABCD2345",
        "state": "active",
        "merchant": KITCHEN.name,
        "payer": OTHER,
        "amount": GHS_50,
        "until_ms": 86_400_000,
        "every": "week",
        "left": GHS_20,
    }
    return v.AgreementView(**(values | given))


def work(right: str, answers: Sequence[str], role: v.Role = ROLE, **given: Any) -> Played:
    """Chooses a line of the business menu and goes on from there; on USSD every PIN is right."""
    world: World = {
        e.MyRoles: (role,),
        b.CheckPin: RIGHT_PIN,
        b.Banks: (),
        b.FindPayment: FOUND,
        e.CheckNumber: v.Holder(checked=False),
        **{getattr(b, name, None) or getattr(e, name): value for name, value in given.items()},
    }
    return play(["5", line_of(right), *answers], world, facts=STAFF if role.pin else CHAT_STAFF)


def line_of(right: str) -> str:
    """The number of a line of the business menu: the same for every role."""
    return str(RIGHTS.index(right) + 1)


def own_keys(played: Played) -> list[str]:
    """The keys of what was asked behind the business menu, without the path to it."""
    return [key.rpartition("/")[2] for key in played.keys[2:]]


def acts(played: Played) -> list[Any]:
    """What was done, without what was looked up or proved."""
    return [effect for effect in played.effects if isinstance(effect, Act)]


__all__ = [
    "CHAT_STAFF",
    "CODE",
    "FOUND",
    "GHS_20",
    "GHS_50",
    "IN_CHAT",
    "MSISDN",
    "OTHER",
    "PIN",
    "RIGHTS",
    "RIGHT_PIN",
    "ROLE",
    "STAFF",
    "acts",
    "agreement",
    "line_of",
    "order",
    "own_keys",
    "work",
]
