"""The running process' part of `kasapay reconcile`: orders with the provider's word, a part at a time.

Reads and asks, changes nothing. Each answer fits the control socket and comes within its time; whoever
asks goes on where the last answer ended.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from bot.admin.base import AdminContext, CommandError
from bot.admin.reconciliation.values import Ours, Part, Source, Theirs
from bot.money import (
    COMES_IN,
    FINAL,
    GOES_OUT,
    Money,
    OrderKind,
    OrderState,
    mask_msisdn,
    read_code,
    to_major,
)
from bot.money import Source as Said
from bot.providers.base import Listed, ListsPayments, NotSent, ProviderError, StatusReport, Unknown
from bot.store.records import OrderRow, Transition

__all__ = ["reconcile_accounts", "reconcile_find", "reconcile_list", "reconcile_orders"]

_AT_ONCE: Final = 8  # status calls under way
_ORDERS_A_PAGE: Final = 48
_FOUND_AT_ONCE: Final = 48
# An answer must come within 30 s (bot/admin/socket.py): no group of calls begins later, none takes longer.
_BEGIN_WITHIN_S: Final = 8.0
_CALL_S: Final = 5.0
_ORDER_S: Final = 12.0
_LIST_S: Final = 20.0
_LONGEST_PAUSE_S: Final = 3.0
# Of what the worker may ask in a second, and beside it: nobody waits for a comparison.
_SHARE: Final = 0.5
# What brings the merchant money, and what takes it. Invoices are in neither, though a paid one brings
# money: their order is settled when the invoice is made, and nothing here knows when it was paid.


async def reconcile_accounts(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every account, with what telling its payments apart needs; and when the database was put back from a
    copy (`restores`): what was done between the two times is not in it."""
    restores = [[row.since_ms, row.noticed_ms] for row in await ctx.store.restores()]
    return [
        {
            "id": account.id,
            "currency": account.currency,
            "wire_currency": account.wire_currency,
            "region": account.region,
            "lists": ctx.accounts.can(account.id, ListsPayments),
            "lists_transfers": ctx.accounts.can(account.id, ListsPayments)
            and OrderKind.TRANSFER in ctx.accounts.kinds(account.id),
            "restores": restores,
        }
        for account in ctx.accounts
    ]


async def reconcile_orders(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """Orders of `account` whose time lies in [`from_ms`, `until_ms`), behind `after`, as `rows` of
    `ours` and `status`; `after` of the answer is None at the end.

    Statuses are asked where `ask`, for orders in [`ask_from_ms`, `ask_until_ms`) only.
    """
    account = _account(ctx, values)
    after_ms, after_id = values["after"]
    found = await ctx.store.orders_between(
        account,
        int(values["from_ms"]),
        int(values["until_ms"]),
        (int(after_ms), str(after_id)),
        _ORDERS_A_PAGE,
    )
    first_ms, last_ms = int(values["ask_from_ms"]), int(values["ask_until_ms"])
    per_s = ctx.accounts.account(account).asks_per_s * _SHARE
    began, done = time.monotonic(), 0
    rows: list[dict[str, Any]] = []
    while done < len(found) and time.monotonic() - began < _BEGIN_WITHIN_S:
        group = [
            (order, await _told(ctx, order, settled))
            for order, settled in found[done : done + _AT_ONCE]
            if order.kind in COMES_IN | GOES_OUT
        ]
        wanted = [bool(values["ask"]) and first_ms <= ours.at_ms < last_ms for _, ours in group]
        asked = [
            _status(ctx, order) if ask else _unasked() for (order, _), ask in zip(group, wanted, strict=True)
        ]
        statuses, _ = await asyncio.gather(asyncio.gather(*asked), _rest(sum(wanted) / per_s))
        for (_, ours), status in zip(group, statuses, strict=True):
            rows.append({"ours": _plain(ours), "status": None if status is None else _plain(status)})
        done += _AT_ONCE
    whole = done >= len(found) and len(found) < _ORDERS_A_PAGE
    last = found[min(done, len(found)) - 1][0] if found else None
    return {"rows": rows, "after": None if whole or last is None else [last.created_ms, last.id]}


async def reconcile_list(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """A part of the provider's own list of `account`: days `first` to `last` (UTC), from number `skip`;
    of what was paid out with `transfers`.

    `count` rows were sent, `rows` of them are payments; `problem` where it cannot be had.
    """
    account = _account(ctx, values)
    first, last = (date.fromisoformat(str(values[name])).isoformat() for name in ("first", "last"))
    skip = max(0, int(values["skip"]))
    kind = OrderKind.TRANSFER if values.get("transfers") else OrderKind.COLLECTION
    page = await ctx.calls.list_payments(account, first, last, skip, _LIST_S, kind=kind)
    if isinstance(page, ProviderError):
        return {"rows": [], "count": 0, "problem": _said(page)}
    return {"rows": [_plain(_listed(row)) for row in page.rows], "count": page.count, "problem": ""}


async def reconcile_find(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any] | None]:
    """For each of `payments`, a list of references: the order one of them names, wherever it lies. `numbers`:
    those of them that are the provider's own, so that none is a code of ours."""
    found: list[dict[str, Any] | None] = []
    numbers = frozenset(values.get("numbers", ()))
    for references in values["payments"][:_FOUND_AT_ONCE]:
        order = await _order(ctx, [str(reference) for reference in references], numbers)
        if order is None:
            found.append(None)
            continue
        moves = await ctx.store.transitions(order.id)
        settled = next((line.at_ms for line in moves if line.to_state is OrderState.SUCCESSFUL), None)
        found.append(_plain(await _told(ctx, order, settled)))
    return found


async def _told(ctx: AdminContext, order: OrderRow, settled_ms: int | None) -> Ours:
    """The order with what only its ledger, its refunds or the payment it gives back know."""
    by_hand = order.state in FINAL and _is_by_hand(await ctx.store.transitions(order.id))
    payment: OrderRow | None = None
    refunds: Sequence[OrderRow] = ()
    if order.kind in COMES_IN:
        refunds = await ctx.store.refunds_of(order.id)
    elif order.kind is OrderKind.REFUND and order.parent_id is not None:
        payment = await ctx.store.order(order.parent_id)
        refunds = await ctx.store.refunds_of(order.parent_id)
    return _ours(order, settled_ms, by_hand=by_hand, payment=payment, refunds=refunds)


def _is_by_hand(moves: Sequence[Transition]) -> bool:
    """Whether the state is the word of a person."""
    return bool(moves) and moves[-1].source is Said.OPERATOR


async def _order(ctx: AdminContext, references: Sequence[str], numbers: frozenset[str]) -> OrderRow | None:
    for reference in references:
        order: OrderRow | None = await ctx.store.order_by_reference(reference)
        code = None if reference in numbers else read_code(reference)
        order = order or (await ctx.store.order_by_code(code) if code else None)
        if order is not None:
            return order
    return None


async def _status(ctx: AdminContext, order: OrderRow) -> Theirs:
    """The provider's word, asked for once more where it did not come the first time."""
    try:
        async with asyncio.timeout(_ORDER_S):
            report = await ctx.calls.status(order, _CALL_S)
            if isinstance(report, Unknown | NotSent):
                await asyncio.sleep(min(report.retry_after_s or 1.0, _LONGEST_PAUSE_S))
                report = await ctx.calls.status(order, _CALL_S)
    except TimeoutError:
        return Theirs(Source.STATUS, None, problem="no answer in time")
    if isinstance(report, ProviderError):
        return Theirs(Source.STATUS, None, problem=_said(report))
    return _reported(report)


async def _rest(seconds: float) -> None:
    """No further group is asked about before."""
    await asyncio.sleep(seconds)


async def _unasked() -> None:
    return None


def _reported(report: StatusReport) -> Theirs:
    return Theirs(
        source=Source.STATUS,
        state=report.state,
        amount=None if report.amount is None else to_major(report.amount),
        currency="" if report.amount is None else report.amount.currency,
        word=report.provider_code,
        not_found=report.not_found,
    )


def _listed(row: Listed) -> Theirs:
    return Theirs(
        source=Source.LIST,
        state=row.state,
        ids=tuple(text for text in (row.reference, row.provider_reference) if text),
        amount=None if row.amount is None else to_major(row.amount),
        currency=row.currency,
        from_ms=row.created_ms,
        until_ms=row.created_ms if row.updated_ms is None else row.updated_ms,
        word=row.provider_code,
    )


def _part(order: OrderRow) -> Part:
    ids = (order.reference, order.code, order.provider_reference, order.financial_id)
    return Part(
        code=order.code,
        ids=tuple(text for text in ids if text),
        state=order.state,
        amount=to_major(Money(order.amount_minor, order.currency)),
    )


def _ours(
    order: OrderRow,
    settled_ms: int | None,
    *,
    by_hand: bool,
    payment: OrderRow | None,
    refunds: Sequence[OrderRow],
) -> Ours:
    part = _part(order)
    return Ours(
        code=part.code,
        ids=part.ids,
        state=part.state,
        amount=part.amount,
        currency=order.currency,
        created_ms=order.created_ms,
        settled_ms=settled_ms,
        payer=mask_msisdn(order.payee or order.payer),
        account_id=order.account_id,
        by_hand=by_hand,
        goes_out=order.kind in GOES_OUT,
        payment=None if payment is None else _part(payment),
        # The oldest first: of two refunds of one amount, the first line is the first one's.
        refunds=tuple(_part(refund) for refund in reversed(refunds)),
        compared=order.kind is not OrderKind.INVOICE,
    )


def _said(error: ProviderError) -> str:
    return f"{type(error).__name__}: {error.detail}" if error.detail else type(error).__name__


def _plain(value: msgspec.Struct) -> Any:
    return msgspec.to_builtins(value)


def _account(ctx: AdminContext, values: dict[str, Any]) -> str:
    account = str(values.get("account", ""))
    if account not in ctx.accounts:
        raise CommandError(f"There is no account {account!r}.")
    return account
