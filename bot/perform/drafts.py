"""Orders as they are first written, and what must be known before one may be."""

from typing import Any, Final

import msgspec

from bot.clock import Ids
from bot.money import AgreementKind, AgreementState, Money, Msisdn, OrderKind, OrderState
from bot.perform.plan import Speaker
from bot.providers.base import Account
from bot.store.base import Cap, Store
from bot.store.records import MerchantRow, OrderRow
from flows import effects as e

__all__ = [
    "OPEN_PER_PAYER",
    "allows",
    "bill_view",
    "caps_of",
    "draft",
    "has_too_many",
    "refused_view",
    "view_of",
    "would_debit",
]

# At most so many requests may wait on one payer's phone, over all persons.
OPEN_PER_PAYER: Final = 3
# A new order is due before every question that waits for its turn: a person stands at the counter, and
# what is not sent in time has failed.
_BEFORE_ALL_MS: Final = 0
_WINDOWS_MS: Final = {"hour": 3600_000, "day": 24 * 3600_000}


def draft(
    kind: OrderKind,
    amount: Money,
    merchant: MerchantRow,
    speaker: Speaker,
    position: int,
    ids: Ids,
    now_ms: int,
    **given: Any,
) -> OrderRow:
    """A NEW order of this speaker's act, with a reference and a code of its own."""
    values: dict[str, Any] = {"payer": "", "note": merchant.name} | given
    return OrderRow(
        id=ids.uuid(),
        code=ids.order_code(),
        kind=kind,
        state=OrderState.NEW,
        connection=merchant.connection,
        merchant_id=merchant.id,
        person_id=speaker.person.id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        reference=ids.uuid(),
        origin_channel=speaker.channel,
        origin_kind=speaker.address.kind,
        origin_value=speaker.address.value,
        created_ms=now_ms,
        updated_ms=now_ms,
        conversation_id=speaker.conversation_id,
        act_position=position,
        due_ms=_BEFORE_ALL_MS,
        **values,
    )


def caps_of(account: Account, now_ms: int) -> tuple[Cap, ...]:
    """The account's limits on payouts, as the store checks them."""
    found = []
    for name, most_minor in account.payout_limits.items():
        of, _, window = name.partition("_")
        found.append(Cap(of, now_ms - _WINDOWS_MS[window], most_minor))
    return tuple(found)


def view_of(order: OrderRow, merchant: str, **given: Any) -> e.OrderView:
    """The order as whoever asked for it may see it."""
    return e.OrderView(
        id=order.id,
        code=order.code,
        state=order.state,
        amount=Money(order.amount_minor, order.currency),
        merchant=merchant,
        payer=order.payer,
        payee=order.payee,
        kind=order.kind,
        reason=order.reason,
        at_ms=order.created_ms,
        **given,
    )


def refused_view(
    why: str, amount: Money, merchant: str = "", *, kind: OrderKind = OrderKind.COLLECTION, **given: Any
) -> e.OrderView:
    """No order was made; `why` names the sentence."""
    values: dict[str, Any] = {"payer": ""} | given
    return e.OrderView(
        id="",
        code="",
        state=OrderState.FAILED,
        amount=amount,
        merchant=merchant,
        kind=kind,
        refused=why,
        **values,
    )


async def bill_view(store: Store, paid: OrderRow, merchant: str) -> e.OrderView:
    """A bill as whoever pays it sees it: as one thing, under the code of the order that collects its
    money. `paid` is that order."""
    bill = paid.terms.service_provider
    view = msgspec.structs.replace(view_of(paid, merchant), kind=OrderKind.BILL, bill=bill)
    if paid.state is not OrderState.SUCCESSFUL:
        return view
    after = await store.follower_of(paid.id)
    refunds = await store.refunds_of(paid.id)
    state = after.state if after is not None else OrderState.PENDING
    given_back = any(refund.state is not OrderState.FAILED for refund in refunds)
    return msgspec.structs.replace(view, state=state, collected=True, given_back=given_back)


async def has_too_many(store: Store, payer: Msisdn) -> bool:
    """Whether so many requests wait on this phone that no other may be made."""
    return len(await store.open_orders_of_payer(payer)) >= OPEN_PER_PAYER


async def would_debit(store: Store, merchant: MerchantRow, payer: Msisdn, speaker: Speaker) -> bool:
    """Whether a request to this payer would take the money without asking, and the speaker is not that
    payer: such a request is never made."""
    if payer == speaker.msisdn:
        return False
    rows = await store.agreements_of_payer(payer, AgreementKind.PREAPPROVAL, 100)
    return any(row.connection == merchant.connection for row in rows)


async def allows(store: Store, merchant: MerchantRow, payer: Msisdn, now_ms: int) -> bool:
    """Whether the payer's own request is debited without a PIN: an auto-debit stands."""
    rows = await store.agreements_of_payer(payer, AgreementKind.PREAPPROVAL, 100)
    return any(
        row.connection == merchant.connection
        and row.state is AgreementState.ACTIVE
        and (row.until_ms is None or row.until_ms > now_ms)
        for row in rows
    )
