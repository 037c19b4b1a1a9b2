"""Orders as they are first written, and orders and agreements as their people see them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bot.dialog import Name
from bot.dialog import views as v
from bot.money import (
    COMES_IN,
    ORDER_CODE_BYTES,
    AgreementKind,
    AgreementState,
    Money,
    OrderKind,
    OrderState,
    code_from_bytes,
)
from bot.money.agreements import period_start_ms
from bot.operations.actor import Actor, RequestKey
from bot.providers.base import Account
from bot.runtime.clock import Ids
from bot.store.base import Cap, Store
from bot.store.records import AgreementRow, MerchantRow, OrderRequest, OrderRow

__all__ = [
    "NO_AMOUNT",
    "agreement_view",
    "bill_view",
    "caps_of",
    "draft",
    "is_debited",
    "order_of",
    "refused_view",
    "request_of",
    "sketch",
    "view_of",
    "with_refunds",
]

# A new order is due before every question that waits for its turn: a person stands at the counter, and
# what is not sent in time has failed.
_BEFORE_ALL_MS: Final = 0
# Of a refusal whose screen shows no amount.
NO_AMOUNT: Final = Money(0, "GHS")
_WINDOWS_MS: Final = {"hour": 3600_000, "day": 24 * 3600_000}


def draft(
    kind: OrderKind,
    amount: Money,
    merchant: MerchantRow,
    actor: Actor,
    key: RequestKey,
    ids: Ids,
    now_ms: int,
    **given: Any,
) -> OrderRow:
    """A NEW order of this request, with a reference and a code of its own."""
    conversation_id, position = key.columns
    order = sketch(
        kind, amount, merchant, actor, now_ms,
        conversation_id=conversation_id, act_position=position, **given,
    )  # fmt: skip
    code = code_from_bytes(ids.random_bytes(ORDER_CODE_BYTES))
    return msgspec.structs.replace(order, id=ids.uuid(), code=code, reference=ids.uuid())


def sketch(
    kind: OrderKind, amount: Money, merchant: MerchantRow, actor: Actor, now_ms: int, **given: Any
) -> OrderRow:
    """An order as it would be, without a name: to ask the store what it thinks of it."""
    values: dict[str, Any] = {"payer": "", "note": merchant.name} | given
    return OrderRow(
        id="",
        code="",
        kind=kind,
        state=OrderState.NEW,
        account_id=merchant.account_id,
        merchant_id=merchant.id,
        person_id=actor.person.id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        reference="",
        origin_channel=actor.channel,
        origin_kind=actor.address.kind,
        origin_value=actor.address.value,
        created_ms=now_ms,
        updated_ms=now_ms,
        due_ms=_BEFORE_ALL_MS,
        **values,
    )


def request_of(order: OrderRow) -> OrderRequest:
    """What was asked for, of an order that is to wait for a second person."""
    return OrderRequest(**{name: getattr(order, name) for name in OrderRequest.__struct_fields__})


def order_of(request: OrderRequest, at_ms: int) -> OrderRow:
    """The NEW order of a request, as if just asked for."""
    asked = {name: getattr(request, name) for name in OrderRequest.__struct_fields__}
    return OrderRow(state=OrderState.NEW, created_ms=at_ms, updated_ms=at_ms, due_ms=_BEFORE_ALL_MS, **asked)


def caps_of(account: Account, now_ms: int) -> tuple[Cap, ...]:
    """The account's limits on payouts, as the store checks them."""
    found = []
    for name, most_minor in account.payout_limits.items():
        of, _, window = name.partition("_")
        found.append(Cap(of, now_ms - _WINDOWS_MS[window], most_minor))
    return tuple(found)


def view_of(order: OrderRow, merchant: Name, **given: Any) -> v.OrderView:
    """The order as whoever asked for it may see it."""
    return v.OrderView(
        id=order.id,
        code=order.code,
        state=order.shown,
        amount=Money(order.amount_minor, order.currency),
        merchant=merchant,
        payer=order.payer,
        payee=order.payee,
        kind=order.kind,
        reason=order.reason,
        at_ms=order.created_ms,
        given=order.details.given,
        **given,
    )


async def with_refunds(store: Store, views: Sequence[v.OrderView], seen_ms: int) -> tuple[v.OrderView, ...]:
    """The views as seen now, with what was given back of each payment. One read for all."""
    paid = [view.id for view in views if view.kind in COMES_IN and view.state is OrderState.SUCCESSFUL]
    back = await store.given_back_minor(paid) if paid else {}
    return tuple(
        msgspec.structs.replace(view, seen_ms=seen_ms, refunded_minor=back.get(view.id, 0)) for view in views
    )


def refused_view(
    why: str, amount: Money, merchant: Name = "", *, kind: OrderKind = OrderKind.COLLECTION, **given: Any
) -> v.OrderView:
    """No order was made; `why` names the sentence."""
    values: dict[str, Any] = {"payer": ""} | given
    return v.OrderView(
        id="",
        code="",
        state=OrderState.FAILED,
        amount=amount,
        merchant=merchant,
        kind=kind,
        refused=why,
        **values,
    )


async def agreement_view(store: Store, row: AgreementRow, merchant: Name, now_ms: int) -> v.AgreementView:
    """An agreement as its people may see it; of an auto-debit that stands with what may be taken now."""
    most = Money(row.amount_minor, row.currency)
    left = None
    if row.kind is AgreementKind.PREAPPROVAL and row.state is AgreementState.ACTIVE:
        since_ms = period_start_ms(row.every, now_ms)
        left = None if row.every and await store.debited(row.id, since_ms) else most
    return v.AgreementView(
        id=row.id,
        kind=row.kind.value,
        code=row.code,
        state=row.state.value.lower(),
        merchant=merchant,
        payer=row.payer,
        amount=most,
        until_ms=row.until_ms,
        every=row.every,
        left=left,
        payment_reference=row.payment_reference,
        description=row.description,
    )


async def bill_view(store: Store, paid: OrderRow, merchant: Name) -> v.OrderView:
    """A bill as whoever pays it sees it: as one thing, under the code of the order that collects its
    money. `paid` is that order."""
    bill = paid.details.service_provider
    view = msgspec.structs.replace(view_of(paid, merchant), kind=OrderKind.BILL, bill=bill)
    if paid.state is not OrderState.SUCCESSFUL:
        return view
    after = await store.follower_of(paid.id)
    refunds = await store.refunds_of(paid.id)
    state = after.state if after is not None else OrderState.PENDING
    given_back = any(refund.state is not OrderState.FAILED for refund in refunds)
    return msgspec.structs.replace(view, state=state, collected=True, given_back=given_back)


async def is_debited(store: Store, order: OrderRow) -> bool:
    """Whether the payer's own request is taken without a PIN: an auto-debit stands and is known to."""
    rows = await store.agreements_of_payer(order.payer, AgreementKind.PREAPPROVAL, 100)
    return any(row.account_id == order.account_id and row.state is AgreementState.ACTIVE for row in rows)
