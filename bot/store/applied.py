"""What a change makes of an order: the one statement of it, for the store and for whoever decides. Pure."""

from typing import Any, Final, Protocol

import msgspec

from bot.money import FINAL, OrderState
from bot.store.intents.orders import NO_FIELDS, MoveOrder, OrderFields, UpdateOrder
from bot.store.records import OrderRow

__all__ = ["applied", "changed", "gives_back"]

_FIELDS: Final = OrderFields.__struct_fields__


class Kept(Protocol):
    """What counts of the order as it is."""

    @property
    def version(self) -> int: ...

    @property
    def fence(self) -> int: ...

    @property
    def accepted_ms(self) -> int | None: ...


def applied(order: OrderRow, change: MoveOrder | UpdateOrder) -> OrderRow:
    """The order once the change is committed, as far as no hint came meanwhile."""
    return msgspec.structs.replace(order, **changed(order, change))


def changed(order: Kept, change: MoveOrder | UpdateOrder) -> dict[str, Any]:
    """The order's fields that the change sets, with their values."""
    fields = change.fields
    found: dict[str, Any] = {"version": order.version + 1, "updated_ms": change.at_ms}
    if fields is not NO_FIELDS:
        found |= {name: value for name in _FIELDS if (value := getattr(fields, name)) is not None}
        if order.accepted_ms is not None:
            found.pop("accepted_ms", None)  # what was accepted first stays
        if "doubted_ms" in found:
            found["doubted_ms"] = fields.doubted_ms or None
    is_final = False
    if isinstance(change, MoveOrder):
        is_final = change.to_state in FINAL
        found |= {
            "state": change.to_state,
            "due_ms": None if is_final else change.due_ms,
            "doubted_ms": None,
        }
        if change.reason is not None or change.to_state is OrderState.SUCCESSFUL:
            found["reason"] = change.reason if change.to_state is not OrderState.SUCCESSFUL else None
        if change.provider_code:
            found["provider_code"] = change.provider_code
        if change.lease_until_ms is not None:
            found |= {"lease_until_ms": change.lease_until_ms, "fence": order.fence + 1}
    elif change.due_ms is not None:
        found["due_ms"] = change.due_ms
    if gives_back(change):
        found["lease_until_ms"] = 0
    if is_final or fields.last_polled_ms is not None:
        found["hinted_by"] = None  # it was asked about
    return found


def gives_back(change: MoveOrder | UpdateOrder) -> bool:
    """Whether the worker's lease ends with the change. Only the move before the first byte keeps it: the
    call comes next."""
    if isinstance(change, MoveOrder):
        return change.to_state is not OrderState.PENDING
    return change.release
