"""The life of an agreement: something that stands for a while and that orders make, use and end. Pure.

An invoice waits to be paid, a pre-approval lets a merchant debit without a PIN, a consent lets staff see
what a person shares.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from bot.money.order_kinds import ENDS_AGREEMENT, MAKES_AGREEMENT
from bot.money.orders import OrderKind, OrderState, Reason

__all__ = [
    "ENDED",
    "EVERY",
    "AgreementKind",
    "AgreementState",
    "after_order",
    "may_become",
    "period_start_ms",
]

_DAY_MS: Final = 24 * 3600_000


class AgreementKind(StrEnum):
    PREAPPROVAL = "preapproval"
    INVOICE = "invoice"
    CONSENT = "consent"


class AgreementState(StrEnum):
    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"  # stands: may be paid, debited under, read
    PAID = "PAID"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    UNRESOLVED = "UNRESOLVED"  # a person must look


_S = AgreementState
ENDED: Final = frozenset({_S.PAID, _S.REFUSED, _S.CANCELLED, _S.EXPIRED})
# What was refused, has run out or was cancelled is over; money that came all the same is an incident.
_FOLLOWS: Final = {
    _S.REQUESTED: frozenset({_S.ACTIVE, _S.PAID, _S.REFUSED, _S.EXPIRED, _S.CANCELLED, _S.UNRESOLVED}),
    _S.ACTIVE: frozenset({_S.PAID, _S.CANCELLED, _S.EXPIRED, _S.REFUSED, _S.UNRESOLVED}),
    _S.UNRESOLVED: frozenset({_S.ACTIVE, *ENDED}),
}
# How rarely a pre-approval may be used, by the word people choose.
EVERY: Final = ("day", "week", "month")


def may_become(from_state: AgreementState, to_state: AgreementState) -> bool:
    """Whether an agreement may move so; what has ended stays as it is."""
    return to_state in _FOLLOWS.get(from_state, frozenset())


def after_order(kind: OrderKind, to_state: OrderState, reason: Reason | None) -> AgreementState | None:
    """What an agreement becomes when an order about it has become `to_state`; None: nothing follows."""
    if kind in MAKES_AGREEMENT:
        if to_state is OrderState.FAILED:
            return _S.EXPIRED if reason is Reason.EXPIRED else _S.REFUSED
        return {OrderState.SUCCESSFUL: _S.ACTIVE, OrderState.UNRESOLVED: _S.UNRESOLVED}.get(to_state)
    if kind in ENDS_AGREEMENT and to_state is OrderState.SUCCESSFUL:
        return _S.CANCELLED
    return None


def period_start_ms(every: str, now_ms: int) -> int:
    """When the day, week (from Monday) or month that `now_ms` lies in began, in UTC."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "month":
        start = start.replace(day=1)
    start_ms = round(start.timestamp() * 1000)
    return start_ms - start.weekday() * _DAY_MS if every == "week" else start_ms
