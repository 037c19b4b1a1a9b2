"""The operator's commands about orders: list, show, audit, and settle by hand what no provider will say."""

from typing import Any, Final

from bot.admin.base import AdminContext, CommandError
from bot.money import (
    FINAL,
    Money,
    OrderKind,
    OrderState,
    Source,
    Verdict,
    judge,
    mask_msisdn,
    read_code,
    show_amount,
)
from bot.orders.context_loader import ContextLoader
from bot.orders.overdue import GRACE_S
from bot.orders.rules import by_operator, mismatch, upheld
from bot.providers.base import Elsewhere, NotSent, ProviderError, Unknown
from bot.runtime.logs import mask_numbers
from bot.runtime.timeouts import TIMES
from bot.store.base import Conflict
from bot.store.records import OrderRow

__all__ = ["incidents_list", "orders_audit", "orders_list", "orders_settle", "orders_show"]

_SHOWN_AT_MOST: Final = 200
# A person waits for the answer.
_ASK_S: Final = 10.0
_WHY_MOST: Final = 400
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
    if len(reason) < 4 or not by:
        raise CommandError("Say why (--reason) and who you are (--by): both stay in the ledger.")
    if order.kind is OrderKind.BILL and said is OrderState.REVERSED:
        raise CommandError("A bill is paid or it is not: made failed, its money can go back to its payer.")
    if order.kind is OrderKind.BILL and said is OrderState.SUCCESSFUL and order.follows_id:
        refunds = await ctx.store.refunds_of(order.follows_id)
        if any(refund.state is not OrderState.FAILED for refund in refunds):
            raise CommandError(f"The money for bill {order.code} went back to its payer, or is on its way.")
    is_upheld = order.doubted_ms is not None and said is OrderState.FAILED
    if not is_upheld and judge(order.state, said, Source.OPERATOR) is not Verdict.MOVE:
        raise CommandError(
            f"Order {order.code} is {order.state.value}; that cannot be made {said.value} by hand."
        )
    heard, agrees = await _providers_word(ctx, order, said)
    if not agrees and not values.get("force"):
        raise CommandError(
            f"You say that order {order.code}, {_money(order)}, is {said.value}. {heard} Nothing changed."
            " Where you know better, say it again with --force; the ledger keeps your reason and both words."
        )
    context = await ContextLoader(ctx.store, None, ctx.clock, ctx.ids, TIMES).of(order)
    why = f"{by}: {reason}"[:_WHY_MOST] + ("" if agrees else f" [forced. {heard}]")
    # Upheld: the provider said otherwise once, and a person has found that the order did fail.
    settled = upheld(order, why, context) if is_upheld else by_operator(order, said, why, context)
    try:
        await ctx.store.commit(settled.changes)
    except Conflict:
        raise CommandError(f"Order {order.code} moved meanwhile; look at it again.") from None
    ctx.wake()
    return {**await _line(ctx, settled.order), "heard": heard}


async def _providers_word(ctx: AdminContext, order: OrderRow, said: OrderState) -> tuple[str, bool]:
    """What the provider says of the order now, as a sentence, and whether it says what the operator does."""
    if order.account_id not in ctx.accounts:
        return f"The account {order.account_id} is not in the settings, so the provider was not asked.", False
    report = await ctx.calls.status(order, _ASK_S)
    if isinstance(report, Elsewhere):
        return "It belongs elsewhere than its account leads to now, so the provider was not asked.", False
    if isinstance(report, ProviderError):
        word = mask_numbers(report.provider_code)
        named = f" with {word}" if word else ""
        what = "did not answer" if isinstance(report, Unknown | NotSent) else f"refused the question{named}"
        return f"The provider {what}.", False
    if report.not_found:
        return "The provider does not know it by our reference.", False
    word = f" ({report.provider_code})" if report.provider_code else ""
    if report.state not in FINAL:
        return f"The provider says that it is not final yet{word}.", False
    amount = f", {show_amount(report.amount)}" if report.amount is not None else ""
    other = mismatch(order, report)
    note = f" Its {other} is not ours." if other else ""
    agrees = report.state is said and not other
    return f"The provider says {report.state.value}{amount}{word}.{note}", agrees


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
        if (
            judge(order.state, state, Source.OPERATOR) is Verdict.MOVE
            or (order.doubted_ms is not None and state is OrderState.FAILED)
        )
        and not (order.kind is OrderKind.BILL and state is OrderState.REVERSED)
    ]


async def _order(ctx: AdminContext, values: dict[str, Any]) -> OrderRow:
    text = str(values.get("code", "")).strip()
    code = read_code(text)
    order = await ctx.store.order_by_code(code) if code else None
    order = order or (await ctx.store.order_by_reference(text) if text else None)
    if order is None:
        raise CommandError(f"There is no order {text!r}.")
    return order
