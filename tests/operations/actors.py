"""Who acts in tests: as a conversation makes them, without one."""

from typing import Any

from bot.dialog import Address
from bot.operations.actor import Actor
from bot.store.records import AddressRow, PersonRow, StaffRow

__all__ = ["make_actor"]


def make_actor(person: PersonRow, row: AddressRow, staff: tuple[StaffRow, ...] = (), **given: Any) -> Actor:
    """Whoever speaks from this address: on the phone where it is a number, else in a chat."""
    by_phone = row.kind == "msisdn"
    values: dict[str, Any] = {
        "channel": "ussd" if by_phone else row.kind,
        "verified": by_phone,
        "msisdn": row.value if by_phone else "",
    }
    return Actor(
        person=person,
        address=Address(row.kind, row.value),
        staff=staff,
        address_row=row,
        needs_pin=by_phone,
        plain_letters=by_phone,
        sees_answer=not by_phone,
        **(values | given),
    )
