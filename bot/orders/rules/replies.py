"""Rules for the reply to our own request: accepted, refused, an OTP wanted, or lost. Pure.

Only here can an order fail because nothing was sent. What is lost is asked about and never taken for
a failure.
"""

from typing import Final, TypeAlias

from bot.money import OrderKind, OrderState, Reason, Source
from bot.notifications.order_messages import coming_message, otp_prompts
from bot.orders.rules.context import SettlementContext
from bot.orders.rules.schedule import deadline_ms, first_deadline_ms, next_poll_ms
from bot.orders.rules.status import alarmed, misnamed, names_another, still_open, was_accepted
from bot.orders.rules.transitions import Settled, incident, move, update
from bot.providers.base import (
    AlreadyAccepted,
    Declined,
    Misconfigured,
    NextStep,
    NotSent,
    OtpAnswer,
    ProviderError,
    Receipt,
    StatusReport,
    Unknown,
)
from bot.runtime.timeouts import Timeouts
from bot.store.base import DropMessages, OrderFields, Queue
from bot.store.records import MessageKind, OrderRow

__all__ = [
    "OTP_TRIES",
    "Answered",
    "after_otp",
    "after_request",
    "give_up",
    "may_give_up",
    "may_withdraw",
    "stopped",
    "withdrawn",
]

OTP_TRIES: Final = 3
_RESEND_PAUSE_MS: Final = 5_000

Answered: TypeAlias = Receipt | ProviderError


def after_request(order: OrderRow, answer: Answered, ctx: SettlementContext) -> Settled:
    """A PENDING order whose creating call was answered, refused or lost."""
    if isinstance(answer, Receipt):
        if names_another(order, answer.provider_reference):
            return misnamed(order, ctx)
        if answer.next_step is NextStep.OTP:
            return _needs_otp(order, answer.provider_reference, ctx)
        fields = OrderFields(
            accepted_ms=ctx.now_ms,
            deadline_ms=deadline_ms(ctx),
            provider_reference=answer.provider_reference or None,
        )
        settled = update(order, ctx, fields, due_ms=next_poll_ms(order, ctx, since_ms=ctx.now_ms, polls=0))
        return Settled((*settled.changes, *_coming(order, ctx)), settled.order)
    if isinstance(answer, AlreadyAccepted):
        # Not at once: what led to this second copy was a question, a moment ago.
        due_ms = next_poll_ms(order, ctx, since_ms=ctx.now_ms, polls=0)
        fields = OrderFields(accepted_ms=ctx.now_ms, deadline_ms=deadline_ms(ctx))
        return update(order, ctx, fields, due_ms=due_ms)
    # An earlier copy may have arrived: what is said of this one does not decide about that one.
    first = order.deadline_ms is None
    if isinstance(answer, Declined) and first:
        return alarmed(
            move(order, OrderState.FAILED, Source.REPLY, ctx, answer.reason, answer.provider_code), ctx
        )
    # What the provider has once shown to hold never goes again, whatever is said of a later copy.
    if isinstance(answer, NotSent) and not was_accepted(order):
        pause_ms = int((answer.retry_after_s or 0) * 1000) or _RESEND_PAUSE_MS * (1 + min(order.attempts, 5))
        if not first and ctx.now_ms >= (order.deadline_ms or 0):
            return still_open(order, StatusReport(state=None), order.polls, ctx)
        due_ms = ctx.now_ms + pause_ms
        if first:
            # So that the payer hears in time that it could not be sent.
            due_ms = min(due_ms, max(ctx.now_ms, order.created_ms + int(ctx.timeouts.send_s * 1000) + 1))
        # Zero says that this copy surely did not leave, so the request itself may go again.
        return update(order, ctx, OrderFields(sent_ms=0, attempts=order.attempts + 1), due_ms=due_ms)
    if isinstance(answer, Misconfigured):
        alarm = incident("misconfigured", order, ctx, answer.provider_code or answer.detail)
        if answer.created_nothing and first:
            settled = move(
                order, OrderState.FAILED, Source.REPLY, ctx, Reason.NOT_AVAILABLE, answer.provider_code
            )
        else:
            settled = _lost(order, ctx)
        return Settled((*settled.changes, alarm), settled.order)
    pause_s = answer.retry_after_s if isinstance(answer, Unknown) else None
    return _lost(order, ctx, pause_s)


def after_otp(order: OrderRow, answer: OtpAnswer | ProviderError, ctx: SettlementContext) -> Settled:
    """A PENDING order (moved from NEEDS_OTP before the call) whose code was accepted, refused or lost."""
    accepted = isinstance(answer, OtpAnswer) and answer.accepted
    wrong = (isinstance(answer, OtpAnswer) and not accepted) or (
        isinstance(answer, Declined) and answer.reason is Reason.WRONG_OTP
    )
    unsent = isinstance(answer, NotSent)
    in_time = (order.otp_expires_ms or 0) > ctx.now_ms
    # A code that never left was not tried; it may be typed again as well.
    tries = order.otp_tries - 1 if unsent else order.otp_tries
    if (wrong or unsent) and in_time and tries < OTP_TRIES:
        return move(
            order,
            OrderState.NEEDS_OTP,
            Source.REPLY,
            ctx,
            Reason.WRONG_OTP if wrong else None,
            fields=OrderFields(otp_tries=tries),
            due_ms=order.otp_expires_ms,
        )
    # Accepted, tries used up or time over, or nobody knows: the status decides.
    fields = OrderFields(
        accepted_ms=ctx.now_ms if accepted else None,
        polls=0,
        deadline_ms=deadline_ms(ctx) if accepted else first_deadline_ms(order, ctx),
    )
    settled = update(order, ctx, fields, due_ms=next_poll_ms(order, ctx, since_ms=ctx.now_ms, polls=0))
    # Nobody is to be asked for the code any more.
    return Settled((*settled.changes, DropMessages(order.id, MessageKind.PROMPT)), settled.order)


def may_give_up(order: OrderRow, now_ms: int, timeouts: Timeouts) -> bool:
    """Whether the time to send is over for an order of which no copy can have left. Nobody waits at a
    counter for money that goes back by itself: that is tried for a day."""
    send_s = timeouts.daily_s if order.goes_back_by_itself else timeouts.send_s
    return order.deadline_ms is None and now_ms - order.created_ms > send_s * 1000


def give_up(order: OrderRow, ctx: SettlementContext) -> Settled:
    """An order of which surely nothing left within its time: FAILED, nothing taken."""
    return move(order, OrderState.FAILED, Source.US, ctx, Reason.NOT_SENT)


def may_withdraw(order: OrderRow) -> bool:
    """Whether no copy of a payment's request can have left, so that whoever began it may take it back."""
    unsent = order.state is OrderState.NEW or (order.state is OrderState.PENDING and order.sent_ms == 0)
    never = order.deadline_ms is None and order.restored_ms is None
    return order.kind is OrderKind.COLLECTION and unsent and never


def withdrawn(order: OrderRow, ctx: SettlementContext) -> Settled:
    """A payment that its person took back before it left: FAILED, nothing taken. The worker marks an order as
    sent in a commit of its own before the first byte, against the same version: one of the two is refused."""
    return move(order, OrderState.FAILED, Source.US, ctx, Reason.CANCELLED, note="withdrawn")


def stopped(order: OrderRow, ctx: SettlementContext) -> Settled:
    """A payout that never left, and must not any more: FAILED, nothing paid."""
    return move(order, OrderState.FAILED, Source.US, ctx, Reason.NOT_AVAILABLE, note="payouts are off")


def _needs_otp(order: OrderRow, provider_reference: str, ctx: SettlementContext) -> Settled:
    expires_ms = ctx.now_ms + int(ctx.timeouts.otp_s * 1000)
    settled = move(
        order,
        OrderState.NEEDS_OTP,
        Source.REPLY,
        ctx,
        fields=OrderFields(
            accepted_ms=ctx.now_ms,
            otp_expires_ms=expires_ms,
            deadline_ms=deadline_ms(ctx),
            provider_reference=provider_reference or None,
        ),
        due_ms=expires_ms,
    )
    prompts = otp_prompts(
        order,
        ctx.merchant,
        ctx.addresses,
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
        timeouts=ctx.timeouts,
        short_code=ctx.short_code,
        session_open=ctx.session_open,
    )
    return Settled((*settled.changes, *prompts), settled.order)


def _coming(order: OrderRow, ctx: SettlementContext) -> list[Queue]:
    """That the wallet asks for its PIN now; nothing where an auto-debit serves the request without one."""
    if ctx.unasked:
        return []
    return coming_message(
        order,
        ctx.merchant,
        hint=ctx.hint,
        told=ctx.told,
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
    )


def _lost(order: OrderRow, ctx: SettlementContext, pause_s: float | None = None) -> Settled:
    """Nobody knows whether the request arrived: ask, soon."""
    due_ms = next_poll_ms(order, ctx, since_ms=ctx.now_ms, polls=0)
    if pause_s:
        due_ms = max(due_ms, ctx.now_ms + int(pause_s * 1000))
    fields = OrderFields(attempts=order.attempts + 1, deadline_ms=first_deadline_ms(order, ctx))
    return update(order, ctx, fields, due_ms=due_ms)
