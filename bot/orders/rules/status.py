"""Rules for a status report about an order, and for the lack of one. Pure.

A report is the provider's status or a person's word. Believed only where it is about our money; what
nobody knows stays open until its time is over.
"""

from typing import Final

from bot.money import ENDS_AGREEMENT, FINAL, Money, OrderState, Reason, Source, Verdict, judge
from bot.notifications.incidents import about_order
from bot.notifications.order_messages import doubt_messages
from bot.orders.rules.context import SettlementContext
from bot.orders.rules.schedule import first_deadline_ms, next_poll_ms, passed_s
from bot.orders.rules.transitions import Settled, applied, incident, move, polled, staff_told, update
from bot.providers.base import (
    Malformed,
    Misconfigured,
    NotSent,
    ProviderError,
    Resend,
    StatusReport,
    Unknown,
)
from bot.store.base import Change, KeepRecheck, OrderFields, Queue, UpdateOrder
from bot.store.records import OrderRow, RecheckRow

__all__ = [
    "after_recheck",
    "after_silence",
    "after_status",
    "alarmed",
    "by_operator",
    "misnamed",
    "mismatch",
    "names_another",
    "still_open",
    "upheld",
    "was_accepted",
]

_ALARMS: Final = {
    Reason.MERCHANT_FUNDS: "merchant_funds",
    Reason.NOT_AVAILABLE: "not_available",
    Reason.OTHER: "unknown_code",
}
# A failure told without any code.
_PLAIN_FAILURES: Final = frozenset({"", "FAILED", "DECLINED", "CANCELLED", "CANCELED"})
# A question that was not heard, or not answered, is asked again after so long.
_UNSENT_S: Final = 10.0
_UNHEARD_S: Final = 30.0
# Past its deadline an order waits for so much of the silence so far: some sixty questions until it is a day.
_OF_ITS_SILENCE: Final = 0.125


def after_status(order: OrderRow, report: StatusReport, source: Source, ctx: SettlementContext) -> Settled:
    """An open order asked about: moved only if the report is about our money."""
    polls = order.polls + 1
    if report.not_found or _still_stands(order, report):
        return _not_found(order, polls, ctx)
    wrong = mismatch(order, report) if report.state in FINAL else ""
    if wrong or names_another(order, report.provider_reference):
        return _mismatched(order, wrong or "reference", report, polls, ctx)
    # Providers say "pending" while they wait for a code, too; it may still come.
    if report.state not in FINAL or judge(order.state, report.state, source) is not Verdict.MOVE:
        return still_open(order, report, polls, ctx)
    settled = move(
        order,
        report.state,
        source,
        ctx,
        report.reason,
        report.provider_code,
        OrderFields(
            provider_reference=report.provider_reference or None,
            financial_id=report.financial_id or None,
            polls=polls,
            last_polled_ms=ctx.now_ms,
        ),
        payment_reference=report.payment_reference,
        expires_ms=report.expires_ms,
    )
    return alarmed(settled, ctx)


def after_recheck(order: OrderRow, report: StatusReport, source: Source, ctx: SettlementContext) -> Settled:
    """A final order asked about again, because a provider spoke of it: reversed money is told; what
    contradicts what we hold is an incident, told to staff, and to whoever was told that it had failed;
    anything else changes nothing."""
    if report.state is None or report.not_found:
        return Settled((), order)
    verdict = judge(order.state, report.state, source)
    other = mismatch(order, report)
    if verdict is Verdict.MOVE and not other:
        return move(order, report.state, source, ctx, report.reason, report.provider_code)
    if verdict is Verdict.MOVE:
        alarm = incident(f"mismatch_{other}", order, ctx, report.provider_code, theirs=report.amount)
        return Settled((alarm, *staff_told("staff.otherwise", order, report.state, ctx)), order)
    if verdict is Verdict.CONTRADICTION:
        said = f"held {order.state.value}, the provider says {report.state.value}"
        alarm = incident("contradiction", order, ctx, said)
        told = staff_told("staff.otherwise", order, report.state, ctx)
        doubted = _doubted(order, ctx)
        return Settled((alarm, *told, *doubted.changes), doubted.order)
    return Settled((), order)


def _doubted(order: OrderRow, ctx: SettlementContext) -> Settled:
    """Whoever was told that nothing was taken must not go on believing it: it is being checked."""
    if order.state is not OrderState.FAILED or order.doubted_ms is not None:
        return Settled((), order)
    fields = OrderFields(doubted_ms=ctx.now_ms)
    updated = UpdateOrder(order.id, order.version, ctx.now_ms, fence=ctx.fence, fields=fields)
    return Settled((updated, *_doubt_told(order, ctx, upheld=False)), applied(order, updated))


def upheld(order: OrderRow, why: str, ctx: SettlementContext) -> Settled:
    """A FAILED order that was doubted and did fail, by a person's word; `why` says that, and whose it is. The
    payer hears the end of it."""
    updated = UpdateOrder(order.id, order.version, ctx.now_ms, fields=OrderFields(doubted_ms=0))
    kept = about_order(
        "upheld",
        order,
        ctx.merchant,
        id=ctx.ids.uuid(),
        now_ms=ctx.now_ms,
        said=why,
        key=f"upheld:{order.id}:{ctx.now_ms}",
    )
    told = staff_told("staff.corrected", order, OrderState.FAILED, ctx)
    return Settled((updated, kept, *told, *_doubt_told(order, ctx, upheld=True)), applied(order, updated))


def _doubt_told(order: OrderRow, ctx: SettlementContext, *, upheld: bool) -> list[Queue]:
    return doubt_messages(
        order,
        ctx.merchant,
        ctx.addresses,
        upheld=upheld,
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
        timeouts=ctx.timeouts,
    )


def after_silence(order: OrderRow, error: ProviderError, ctx: SettlementContext) -> Settled:
    """An open order whose status could not be learned: ask again later, whatever the fault was.

    While a provider is away the schedule's long pauses would leave its answer lying for minutes after
    it is back: such a question is asked again soon, and one that never left does not count at all.
    """
    if isinstance(error, NotSent):
        pause_s = max(_UNSENT_S, error.retry_after_s or 0)
        settled = still_open(order, StatusReport(state=None), order.polls, ctx, within_s=(pause_s, pause_s))
    elif isinstance(error, Unknown):
        least_s = error.retry_after_s or 0
        within_s = (least_s, max(_UNHEARD_S, least_s))
        settled = still_open(order, StatusReport(state=None), order.polls + 1, ctx, within_s=within_s)
    else:
        settled = still_open(order, StatusReport(state=None), order.polls + 1, ctx)
    if isinstance(error, Misconfigured | Malformed):
        # Nobody will learn anything until a person of ours has looked.
        kind = "status_refused" if isinstance(error, Misconfigured) else "status_unreadable"
        alarm = incident(kind, order, ctx, error.provider_code or error.detail)
        return Settled((*settled.changes, alarm), settled.order)
    return settled


def alarmed(settled: Settled, ctx: SettlementContext) -> Settled:
    """With an incident where the order failed for what staff must see: their wallet is short, their contract
    or settings stand in the way, or the provider's word for it is one nobody published."""
    order = settled.order
    kind = _ALARMS.get(order.reason) if order.state is OrderState.FAILED and order.reason else None
    told_plainly = order.reason is Reason.OTHER and order.provider_code.upper() in _PLAIN_FAILURES
    if kind is None or told_plainly:
        return settled
    return Settled((*settled.changes, incident(kind, order, ctx, order.provider_code)), order)


def misnamed(order: OrderRow, ctx: SettlementContext) -> Settled:
    """An open order that its provider names by a reference which is another's, or by a second one:
    perhaps one request was taken twice. Nothing said of it is believed, and a person must look."""
    return _mismatched(order, "reference", StatusReport(state=None), order.polls, ctx)


def by_operator(order: OrderRow, to_state: OrderState, why: str, ctx: SettlementContext) -> Settled:
    """An order settled by a person's word; `why` says that, and whose it is. The payer is told, and told
    that it is a correction where they had heard something else."""
    return move(order, to_state, Source.OPERATOR, ctx, note=why)


def _not_found(order: OrderRow, polls: int, ctx: SettlementContext) -> Settled:
    since_ms = order.accepted_ms or order.sent_ms or order.created_ms
    in_grace = passed_s(ctx, since_ms=since_ms, polls=polls) <= ctx.grace_s
    # What was put back from a copy goes neither again nor to its end for that: a person looks, in its time.
    if in_grace or was_accepted(order) or order.restored_ms is not None:
        return still_open(order, StatusReport(state=None), polls, ctx)
    if ctx.absent and order.state is OrderState.PENDING:
        return _absent(order, polls, ctx)
    in_time = order.deadline_ms is None or ctx.now_ms < order.deadline_ms
    if order.state is OrderState.PENDING and ctx.resend is Resend.SAME_REFERENCE and in_time:
        # Believed now: it never arrived. The same request may go again, refused if it did arrive.
        # It begins anew, and so does its schedule: a payer has just been asked, or never was.
        fields = OrderFields(
            sent_ms=0, polls=0, last_polled_ms=ctx.now_ms, deadline_ms=first_deadline_ms(order, ctx)
        )
        return update(order, ctx, fields, due_ms=ctx.now_ms)
    return still_open(order, StatusReport(state=None), polls, ctx)


def _absent(order: OrderRow, polls: int, ctx: SettlementContext) -> Settled:
    """The provider surely lacks the order at this look. A request on its way may still arrive, so it fails
    at a second such look only; and it is asked about once more later, for one that took its time."""
    passed = passed_s(ctx, since_ms=order.sent_ms or order.created_ms, polls=polls)
    if passed < ctx.timeouts.absent_s:
        return still_open(order, StatusReport(state=None), polls, ctx)
    again_ms = int(ctx.timeouts.absent_again_s * 1000)
    first_ms = order.missed_ms
    if first_ms is None or first_ms > ctx.now_ms:
        fields = OrderFields(polls=polls, last_polled_ms=ctx.now_ms, missed_ms=ctx.now_ms)
        return update(order, ctx, fields, due_ms=ctx.now_ms + again_ms)
    if ctx.now_ms < first_ms + again_ms:
        return update(order, ctx, polled(ctx, polls), due_ms=first_ms + again_ms)
    failed = move(
        order,
        OrderState.FAILED,
        order.hinted_by or Source.POLL,
        ctx,
        Reason.NOT_SENT,
        "NOT_FOUND",
        polled(ctx, polls),
        note="not found there, twice",
    )
    later_ms = ctx.now_ms + int(ctx.timeouts.settled_again_s * 1000)
    once_more = KeepRecheck(RecheckRow(order.id, Source.POLL, None, ctx.now_ms, later_ms))
    return Settled((*failed.changes, once_more), failed.order)


def _still_stands(order: OrderRow, report: StatusReport) -> bool:
    """A cancellation has no status of its own: while what it should end stands, and nobody has taken the
    request, nothing shows that it ever arrived."""
    return order.kind in ENDS_AGREEMENT and report.state is OrderState.PENDING and not was_accepted(order)


def was_accepted(order: OrderRow) -> bool:
    """Whether the provider has ever shown that it holds the request."""
    return order.accepted_ms is not None or order.provider_reference != ""


def names_another(order: OrderRow, provider_reference: str) -> bool:
    """Whether the provider names the order by another reference than the one it gave first."""
    return bool(order.provider_reference and provider_reference) and (
        order.provider_reference != provider_reference
    )


def mismatch(order: OrderRow, report: StatusReport) -> str:
    """What of a final word is not about our money: currency, amount or party; empty where all is. Only a
    success has to say how much it is about, and only where the provider's status can."""
    ours = Money(order.amount_minor, order.currency)
    if report.amount is None and report.state is OrderState.SUCCESSFUL and report.tells_amount:
        return "currency"
    if report.amount is not None and report.amount.currency != ours.currency:
        return "currency"
    if report.amount is not None and report.amount != ours:
        return "amount"
    if report.party is not None and report.party != (order.payee or order.payer):
        return "party"
    return ""


def _mismatched(
    order: OrderRow, what: str, report: StatusReport, polls: int, ctx: SettlementContext
) -> Settled:
    """A final word over other money than ours is an alarm and settles nothing: a person must look."""
    alarm = incident(f"mismatch_{what}", order, ctx, report.provider_code, theirs=report.amount)
    if order.state is OrderState.UNRESOLVED:
        settled = still_open(order, report, polls, ctx)
    else:
        settled = _unresolved(order, ctx, f"{what} differs", polls=polls)
    return Settled((*settled.changes, alarm), settled.order)


def still_open(
    order: OrderRow,
    report: StatusReport,
    polls: int,
    ctx: SettlementContext,
    *,
    within_s: tuple[float, float] | None = None,
) -> Settled:
    """Nothing final is known: ask again when it is time, or UNRESOLVED once the time is over.

    Where `within_s` is given, not sooner and not later than so many seconds from now.
    """
    if order.state is OrderState.NEEDS_OTP and (order.otp_expires_ms or 0) > ctx.now_ms:
        return update(order, ctx, polled(ctx, polls), due_ms=order.otp_expires_ms)
    if order.state is OrderState.UNRESOLVED:
        return update(order, ctx, polled(ctx, polls), due_ms=_much_later_ms(order, ctx, within_s))
    if order.deadline_ms is not None and ctx.now_ms >= order.deadline_ms:
        alarm = incident("unresolved", order, ctx, report.provider_code)
        due_ms = _much_later_ms(order, ctx, within_s)
        settled = _unresolved(order, ctx, "no final word in time", polls=polls, due_ms=due_ms)
        return Settled((*settled.changes, alarm), settled.order)
    since_ms = order.accepted_ms or order.sent_ms or order.created_ms
    due_ms = next_poll_ms(order, ctx, since_ms=since_ms, polls=polls)
    if within_s is not None:
        soonest_ms, latest_ms = (ctx.now_ms + int(pause_s * 1000) for pause_s in within_s)
        due_ms = min(max(due_ms, soonest_ms), latest_ms)
    fields = OrderFields(
        polls=polls,
        last_polled_ms=ctx.now_ms,
        deadline_ms=first_deadline_ms(order, ctx),
        accepted_ms=ctx.now_ms if _shows_itself(order, report, ctx) else None,
        provider_reference=report.provider_reference or None,
    )
    return update(order, ctx, fields, due_ms=due_ms)


def _shows_itself(order: OrderRow, report: StatusReport, ctx: SettlementContext) -> bool:
    """Whether the provider is seen to hold an order that is never made again, without naming it: so that no
    later look that finds nothing can end it."""
    return ctx.resend is Resend.NEVER and report.state is not None and not was_accepted(order)


def _much_later_ms(order: OrderRow, ctx: SettlementContext, within_s: tuple[float, float] | None) -> int:
    """When an order whose time is over is asked about next: daily. Where the provider was only silent (then
    `within_s` is given) it may have long known: soon, and ever more rarely the longer that lasts."""
    pause_s = ctx.timeouts.daily_s
    if within_s is not None:
        over_ms = ctx.now_ms - (order.deadline_ms or order.created_ms)
        pause_s = min(max(within_s[1], over_ms / 1000 * _OF_ITS_SILENCE), pause_s)
    return ctx.now_ms + int(pause_s * 1000)


def _unresolved(
    order: OrderRow, ctx: SettlementContext, why: str, *, polls: int, due_ms: int | None = None
) -> Settled:
    changes: list[Change] = []
    if order.state is OrderState.NEEDS_OTP:
        first = move(order, OrderState.PENDING, Source.US, ctx, due_ms=ctx.now_ms)
        changes += first.changes
        order = first.order
    due_ms = due_ms or _much_later_ms(order, ctx, None)
    asked = polled(ctx, polls)
    last = move(order, OrderState.UNRESOLVED, Source.US, ctx, fields=asked, due_ms=due_ms, note=why)
    return Settled((*changes, *last.changes), last.order)
