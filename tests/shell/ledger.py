"""A ledger in memory: applies what a settlement asks for, and refuses what the store would refuse."""

from typing import Any

from bot.money import OrderState, Verdict, judge
from bot.orders.rules import Settled, SettlementContext
from bot.providers.base import Resend
from bot.runtime.clock import Ids
from bot.runtime.timeouts import TIMES
from bot.store.applied import applied
from bot.store.base import AddIncident, DropMessages, KeepRecheck, MoveOrder, Queue, UpdateOrder
from bot.store.records import AddressRow, MessageKind, MessageRow, MessageState, OrderRow
from tests.store.make import NOW
from tests.store.make import order as order_row

# Seconds after acceptance at which the provider of these tests is asked.
SCHEDULE = (5.0, 15.0, 30.0, 60.0, 120.0, 600.0)
GRACE = 20.0
PAYER = "+233240000001"
CHAT = AddressRow("a1", "p1", "telegram", "42", NOW, NOW, verified_ms=NOW)


class CountedIds(Ids):
    def __init__(self) -> None:
        self.drawn = 0

    def uuid(self) -> str:
        self.drawn += 1
        return f"id-{self.drawn}"


def context(now_ms: int = NOW, **given: Any) -> SettlementContext:
    values: dict[str, Any] = {
        "merchant": "Ama's Kitchen",
        "addresses": (CHAT,),
        "schedule_s": SCHEDULE,
        "grace_s": GRACE,
        "resend": Resend.SAME_REFERENCE,
        "now_ms": now_ms,
        "ids": CountedIds(),
        "session_open": True,
        "short_code": "*920*10#",
        "timeouts": TIMES,
    }
    return SettlementContext(**(values | given))


def order(state: OrderState = OrderState.PENDING, **given: Any) -> OrderRow:
    """An order as it is once it was sent; `given` says what is different."""
    values: dict[str, Any] = {
        "state": state,
        "version": 1,
        "payer": PAYER,
        "sent_ms": NOW,
        "due_ms": NOW + 60_000,
    }
    if state is OrderState.NEEDS_OTP:
        values |= {
            "otp_expires_ms": NOW + 600_000,
            "due_ms": NOW + 600_000,
            "accepted_ms": NOW,
            "deadline_ms": NOW + 600_000,
        }
    return order_row(**(values | given))


def apply(order: OrderRow, settled: Settled) -> OrderRow:
    """The order as the store would have it after the commit. Fails where the store would raise."""
    row = order
    for change in settled.changes:
        if isinstance(change, MoveOrder):
            assert change.order_id == row.id
            assert change.expected == row.version, "the version is another"
            verdict = judge(row.state, change.to_state, change.source)
            assert verdict is Verdict.MOVE, (
                f"{row.state} -> {change.to_state} by {change.source} is {verdict}"
            )
            row = applied(row, change)
        elif isinstance(change, UpdateOrder):
            assert change.expected == row.version, "the version is another"
            row = applied(row, change)
        else:
            assert isinstance(change, Queue | AddIncident | DropMessages | KeepRecheck)
    return row


def moves(settled: Settled) -> list[MoveOrder]:
    return [change for change in settled.changes if isinstance(change, MoveOrder)]


def messages(settled: Settled, kind: MessageKind) -> list[MessageRow]:
    rows = [change.row for change in settled.changes if isinstance(change, Queue)]
    assert all(row.state is MessageState.QUEUED for row in rows)
    return [row for row in rows if row.kind is kind]


def results(settled: Settled) -> list[MessageRow]:
    return messages(settled, MessageKind.RESULT)


def incidents(settled: Settled) -> list[str]:
    return [change.row.kind for change in settled.changes if isinstance(change, AddIncident)]


def drops_prompts(settled: Settled) -> bool:
    return any(isinstance(c, DropMessages) and c.kind is MessageKind.PROMPT for c in settled.changes)
