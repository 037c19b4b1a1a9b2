"""Orders and lines with everything said that a test does not care about: all of one noon in Accra."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from bot.admin.reconciliation.compare import Comparison
from bot.admin.reconciliation.period import read_span
from bot.admin.reconciliation.values import Finding, Ours, Source, Theirs
from bot.money import OrderState

ACCRA = ZoneInfo("Africa/Accra")
HOUR = 3600_000
DAY = 24 * HOUR
SPAN = read_span("2026-09-21", "2026-09-23", ACCRA, 2_000_000_000_000)
NOON = SPAN.from_ms + DAY + 12 * HOUR


def ours(code: str = "K7QX2A9M", state: OrderState = OrderState.SUCCESSFUL, **given: Any) -> Ours:
    row: dict[str, Any] = {
        "code": code,
        "ids": (f"reference-of-{code}", code, f"theirs-{code}", f"money-{code}"),
        "state": state,
        "amount": Decimal("12.50"),
        "currency": "GHS",
        "created_ms": NOON - 60_000,
        "settled_ms": NOON if state in (OrderState.SUCCESSFUL, OrderState.REVERSED) else None,
        "payer": "+233***001",
        "account_id": "momo",
    }
    return Ours(**(row | given))


def line(order: Ours, number: int = 2, **given: Any) -> Theirs:
    """The statement's line about an order, true unless told otherwise."""
    at_ms = order.at_ms
    row: dict[str, Any] = {
        "source": Source.STATEMENT,
        "state": order.state,
        "ids": order.ids[:1],
        "amount": order.amount,
        "currency": order.currency,
        "from_ms": at_ms,
        "until_ms": at_ms,
        "line": number,
    }
    return Theirs(**(row | given))


def listed(order: Ours, **given: Any) -> Theirs:
    return line(order, 0, **({"source": Source.LIST} | given))


def status(order: Ours, **given: Any) -> Theirs:
    row = {"ids": (), "from_ms": None, "until_ms": None, "source": Source.STATUS}
    return line(order, 0, **(row | given))


def compared(
    orders: list[tuple[Ours, Theirs | None]], lines: list[Theirs], *, statement: bool = True, **span: Any
) -> Comparison:
    """Everything heard, taken and looked for."""
    comparison = Comparison(msgspec.structs.replace(SPAN, **span), statement=statement)
    for one in lines:
        comparison.hear(one)
    for order, word in orders:
        comparison.take(order, word)
    comparison.unknown()
    return comparison


def kinds(found: list[Finding]) -> list[tuple[str, str]]:
    return sorted((one.code or one.reference, one.kind.value) for one in found)
