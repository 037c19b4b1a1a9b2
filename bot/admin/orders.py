"""The operator's commands about orders: list, show, audit, and settle by hand what no provider will say."""

from typing import Any, Final

from bot.admin.base import AdminContext, CommandError
from bot.dialog.views import SettledByHand
from bot.money import (
    Money,
    OrderState,
    mask_msisdn,
    read_code,
    show_amount,
)
from bot.operations.actor import Operator
from bot.operations.settling import is_settleable
from bot.orders.overdue import GRACE_S
from bot.runtime.timeouts import TIMES
from bot.store.base import Conflict
from bot.store.records import OrderRow

__all__ = ["incidents_list", "orders_audit", "orders_list", "orders_settle", "orders_show"]

_SHOWN_AT_MOST: Final = 200
_FINALS: Final = {
    "successful": OrderState.SUCCESSFUL,
    "failed": OrderState.FAILED,
    "reversed": OrderState.REVERSED,
}


async def orders_list(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Newest first; `state` narrows to one state, `limit` to so many."""
    wanted = str(values.get("state", "")).upper()
    if wanted and wanted not in OrderState.__members__:
        raise CommandError(f"A state is one of {', '.join(s.value.lower() for s in OrderState)}.")
    limit = max(1, min(int(values.get("limit", 50)), _SHOWN_AT_MOST))
    states = (OrderState(wanted),) if wanted else ()
    return [await _line(ctx, order) for order in await ctx.store.recent_orders(limit, states)]


async def orders_audit(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that must never be and is: empty where all is well. Changes nothing."""
    found = await ctx.store.audit(ctx.clock(), int(TIMES.remember_s * 1000), int(GRACE_S * 1000))
    return [{"rule": f.rule, "order": f.order, "detail": f.detail} for f in found]


async def orders_show(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code` (or our reference, or the provider's): the order with its ledger and messages."""
    order = await _order(ctx, values)
    return {
        **await _line(ctx, order),
        "asked_by": await _name(ctx, order.staff_id),
        "approved_by": await _name(ctx, order.approved_by),
        "place": order.place,
        "reference": order.reference,
        "provider_reference": order.provider_reference,
        "provider_code": order.provider_code,
        "financial_id": order.financial_id,
        "asks": order.polls,
        # A new order is due before all others, at a moment that means nothing to people.
        "restored_ms": order.restored_ms,
        "due_ms": None if order.due_ms is None else max(order.due_ms, order.created_ms),
        "deadline_ms": order.deadline_ms,
        "ledger": [
            {
                "at_ms": line.at_ms,
                "from": line.from_state.value if line.from_state else "",
                "to": line.to_state.value,
                "source": line.source.value,
                "reason": line.reason.value if line.reason else "",
                "provider_code": line.provider_code,
                "note": line.note,
            }
            for line in await ctx.store.transitions(order.id)
        ],
        "messages": [
            {"at_ms": m.created_ms, "kind": m.kind.value, "to": m.address_kind, "state": m.state.value}
            for m in await ctx.store.messages_of_order(order.id)
        ],
    }


async def orders_settle(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code`, `state` (successful, failed, reversed), `reason` and `by`: a person's word, kept with
    their name. UNRESOLVED may become any of them; FAILED only successful, and its payer is told. A FAILED
    order that its provider doubts is settled as failed too: its payer hears that it was checked.

    The provider is asked first. Where it does not say the same, or nobody can be asked, it is told what was
    said and nothing changes, unless `force` says that the person knows better; the ledger keeps both."""
    order = await _order(ctx, values)
    said = _FINALS.get(str(values.get("state", "")).lower())
    reason, by = str(values.get("reason", "")).strip(), str(values.get("by", "")).strip()
    if said is None:
        raise CommandError(f"An order is settled as one of {', '.join(_FINALS)}.")
    outcome = await ctx.operations.settling.settle(
        Operator(by), order_id=order.id, state=said, reason=reason, force=bool(values.get("force"))
    )
    view: SettledByHand = outcome.result
    if view.refused:
        raise CommandError(_why_not_settled(order, said, view))
    try:
        await ctx.store.commit(outcome.changes)
    except Conflict:
        raise CommandError(f"Order {order.code} moved meanwhile; look at it again.") from None
    ctx.wake()
    return {**await _line(ctx, await ctx.store.order(order.id) or order), "heard": view.heard}


def _why_not_settled(order: OrderRow, said: OrderState, view: SettledByHand) -> str:
    match view.refused:
        case "unsigned":
            return "Say why (--reason) and who you are (--by): both stay in the ledger."
        case "bill":
            return "A bill is paid or it is not: made failed, its money can go back to its payer."
        case "given_back":
            return f"The money for bill {order.code} went back to its payer, or is on its way."
        case "contradicted":
            return (
                f"You say that order {order.code}, {_money(order)}, is {said.value}. {view.heard} Nothing"
                " changed. Where you know better, say it again with --force; the ledger keeps your reason and"
                " both words."
            )
    return f"Order {order.code} is {order.state.value}; that cannot be made {said.value} by hand."


def _money(order: OrderRow) -> str:
    return show_amount(Money(order.amount_minor, order.currency))


async def incidents_list(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """What staff must see, newest first."""
    limit = max(1, min(int(values.get("limit", 50)), _SHOWN_AT_MOST))
    return [
        {"at_ms": row.at_ms, "kind": row.kind, "text": row.text} for row in await ctx.store.incidents(limit)
    ]


async def _line(ctx: AdminContext, order: OrderRow) -> dict[str, Any]:
    merchant = await ctx.store.merchant(order.merchant_id)
    payee = order.payee or order.details.account_number
    return {
        "code": order.code,
        "state": order.state.value,
        "doubted_ms": order.doubted_ms,
        "kind": order.kind.value,
        "amount": _money(order),
        "merchant": merchant.name if merchant else "",
        "account": order.account_id,
        "payer": mask_msisdn(order.payer) if order.payer else "",
        "payee": mask_msisdn(payee) if payee else "",
        "reason": order.reason.value if order.reason else "",
        "created_ms": order.created_ms,
        "age_s": max(0, ctx.clock() - order.created_ms) // 1000,
        "settle": _settling(order),
    }


async def _name(ctx: AdminContext, staff_id: str) -> str:
    row = await ctx.store.staff_member(staff_id) if staff_id else None
    return row.name if row else ""


def _settling(order: OrderRow) -> list[str]:
    """The commands that may settle the order by hand; empty where nobody may."""
    return [
        f'kasapay orders settle {order.code} {said} --reason "..." --by "..."'
        for said, state in _FINALS.items()
        if is_settleable(order, state)
    ]


async def _order(ctx: AdminContext, values: dict[str, Any]) -> OrderRow:
    text = str(values.get("code", "")).strip()
    code = read_code(text)
    order = await ctx.store.order_by_code(code) if code else None
    order = order or (await ctx.store.order_by_reference(text) if text else None)
    if order is None:
        raise CommandError(f"There is no order {text!r}.")
    return order
