"""A chat hears that the wallet asks for its PIN once the provider has the request, and not before."""

from typing import Any

import msgspec
import pytest

from bot.dialog import Address, View
from bot.money import OrderDetails, OrderKind
from bot.orders.rules import after_request
from bot.providers.base import AlreadyAccepted, NextStep, NotSent, Receipt, Unknown
from bot.store.base import Queue
from bot.store.records import MessageKind
from tests.shell.ledger import context, order
from tests.store.make import NOW

IN_CHAT = {"origin_kind": "telegram", "origin_value": "42"}
BILL = OrderDetails(service_provider="Ghana Water")


def told(answer: Any = None, ctx: dict[str, Any] | None = None, **given: Any) -> list[Queue]:
    settled = after_request(order(**(IN_CHAT | given)), answer or Receipt(), context(**(ctx or {})))
    return [c for c in settled.changes if isinstance(c, Queue) and c.row.kind is MessageKind.EDIT]


@pytest.mark.parametrize(
    ("given", "ctx", "sentence"),
    [
        ({}, {}, "coming.payment"),
        ({}, {"hint": "*170#"}, "coming.payment_hint"),
        ({"details": BILL}, {"hint": "*170#"}, "coming.bill"),
        ({"kind": OrderKind.WITHDRAWAL}, {"hint": "*170#"}, "coming.withdrawal"),
        ({"kind": OrderKind.PREAPPROVAL}, {}, "coming.preapproval"),
        ({"kind": OrderKind.TRANSFER}, {}, ""),
        ({"kind": OrderKind.AGREEMENT_CHARGE}, {}, ""),
        # No PIN is asked for there.
        ({}, {"unasked": True}, ""),
        # The screen is gone, and what it said stands.
        ({"origin_kind": "msisdn"}, {}, ""),
    ],
)
def test_it_is_said_where_the_order_began(given: dict[str, Any], ctx: dict[str, Any], sentence: str) -> None:
    queued = told(ctx=ctx, **given)
    assert [msgspec.json.decode(one.row.view, type=View).text.id for one in queued] == [sentence][
        : bool(sentence)
    ]
    assert all((one.row.address_value, one.row.due_ms) == ("42", NOW) for one in queued)


def test_a_turn_that_waits_for_the_answer_says_its_own_words_first() -> None:
    (queued,) = told(ctx={"told": Address("telegram", "42")})
    assert queued.row.due_ms > NOW


@pytest.mark.parametrize("answer", [Receipt(NextStep.OTP), AlreadyAccepted(), NotSent(), Unknown()])
def test_nothing_is_promised_that_may_not_come(answer: Any) -> None:
    assert told(answer) == []
