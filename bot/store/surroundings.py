"""What is kept around an order, in one read: whom it concerns, and what it is about."""

from collections.abc import Sequence
from typing import Final

from bot.money import PAYMENTS, AgreementKind, AgreementState, OrderKind
from bot.store import agreements, announcing, order_reads, people
from bot.store.base import StaffAddress, Surroundings
from bot.store.records import OrderRow, StaffRow
from bot.store.rows import Tx

__all__ = ["surroundings"]

_AT_MOST: Final = 100


def surroundings(tx: Tx, order: OrderRow, *, staff: bool) -> Surroundings:
    agreement = agreements.agreement(tx, order.agreement_id) if order.agreement_id else None
    number = order.payee or order.payer
    owner = people.owner_of(tx, "msisdn", number) if number.startswith("+") else None
    follows = order_reads.by_id(tx, order.follows_id) if order.follows_id else None
    told = announcing.of_merchant(tx, order.merchant_id) if order.kind in PAYMENTS else ()
    return Surroundings(
        merchant=people.merchant(tx, order.merchant_id),
        addresses=people.addresses_of(tx, order.person_id),
        agreement=agreement,
        owner_id=owner[0].id if owner is not None else "",
        owner_addresses=people.addresses_of(tx, owner[0].id) if owner is not None else (),
        refunded=order_reads.by_id(tx, order.parent_id) if order.parent_id else None,
        unasked=_is_unasked(tx, order),
        follows=follows,
        payouts_off=follows is not None and agreements.is_off(tx, "payouts"),
        staff=_staff(tx, people.staff_of_merchant(tx, order.merchant_id)) if staff else (),
        announcing=told,
        hears=_staff(tx, [row for row in (people.staff_member(tx, one.staff_id) for one in told) if row]),
    )


def _is_unasked(tx: Tx, order: OrderRow) -> bool:
    """Whether a pre-approval stands that lets the wallet be debited without a PIN."""
    if order.kind not in (OrderKind.COLLECTION, OrderKind.WITHDRAWAL):
        return False
    rows = agreements.of_payer(tx, order.payer, AgreementKind.PREAPPROVAL.value, _AT_MOST)
    return any(row.account_id == order.account_id and row.state is AgreementState.ACTIVE for row in rows)


def _staff(tx: Tx, rows: Sequence[StaffRow]) -> tuple[StaffAddress, ...]:
    found = []
    for row in rows:
        owner = people.owner_of(tx, row.address_kind, row.address_value) if row.address_value else None
        if owner is None:
            found.append(StaffAddress(row))
        else:
            found.append(StaffAddress(row, owner[0].id, people.addresses_of(tx, owner[0].id)))
    return tuple(found)
