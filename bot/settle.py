"""What an order becomes when the provider has answered, or has not. Pure: outcomes in, changes out.

The rules of money truth meet here: accepted is not paid, a lost reply is asked about and never taken
for a failure, a status is believed only if amount, currency and party are ours, nothing final moves.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from bot.clock import Ids
from bot.dialog import Address
from bot.messages import otp_prompts, result_messages
from bot.money import FINAL, Money, OrderState, Reason, Source, Verdict, judge
from bot.providers.base import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    NextStep,
    NotSent,
    OtpAnswer,
    ProviderError,
    Receipt,
    Resend,
    StatusReport,
    Unknown,
)
from bot.store.base import AddIncident, Change, DropMessages, MoveOrder, NoteOrder
from bot.store.records import AddressRow, Incident, MessageKind, OrderRow
from bot.times import Times

__all__ = [
    "OTP_TRIES",
    "Context",
    "Settled",
    "after_otp",
    "after_recheck",
    "after_request",
    "after_status",
    "by_operator",
    "after_silence",
    "give_up",
    "may_give_up",
]

OTP_TRIES: Final = 3
_RESEND_PAUSE_MS: Final = 5_000
# What a transition sets on the order beside its state, where it is given.
_MOVED: Final = (
    "provider_reference",
    "financial_id",
    "accepted_ms",
    "otp_tries",
    "otp_expires_ms",
    "deadline_ms",
    "asks",
    "asked_ms",
)
# What a note sets on the order, where it is given.
_NOTED: Final = (
    "due_ms",
    "sent_ms",
    "accepted_ms",
    "deadline_ms",
    "provider_reference",
    "asks",
    "asked_ms",
    "attempts",
)

Answered: TypeAlias = Receipt | ProviderError


class Context(msgspec.Struct, frozen=True):
    """What a decision needs besides the order: who is told, when to ask, and the provider's manners.

    `told` is an address whose turn is about to say the result; `fence` the worker's lease.

    `schedule_s` are seconds since the request at which to ask; past the last an order is UNRESOLVED.
    """

    merchant: str
    addresses: Sequence[AddressRow]
    schedule_s: Sequence[float]
    grace_s: float
    resend: Resend
    now_ms: int
    ids: Ids
    times: Times
    told: Address | None = None
    fence: int | None = None
    short_code: str = ""
    # Whether a turn of the person waits for this very answer and can ask for a code itself.
    session_open: bool = False


class Settled(msgspec.Struct, frozen=True):
    """The changes to commit, and the order as it will be."""

    changes: tuple[Change, ...]
    order: OrderRow


def after_request(order: OrderRow, answer: Answered, at: Context) -> Settled:
    """A PENDING order whose creating call was answered, refused or lost."""
    if isinstance(answer, Receipt):
        if answer.next_step is NextStep.OTP:
            return _needs_otp(order, answer.provider_reference, at)
        return _note(
            order,
            at,
            due_ms=_next_ask(order, at, since_ms=at.now_ms, asks=0),
            accepted_ms=at.now_ms,
            deadline_ms=_deadline(at),
            provider_reference=answer.provider_reference or None,
        )
    if isinstance(answer, AlreadyAccepted):
        return _note(order, at, due_ms=at.now_ms, accepted_ms=at.now_ms, deadline_ms=_deadline(at))
    # An earlier copy may have arrived: what is said of this one does not decide about that one.
    first = order.deadline_ms is None
    if isinstance(answer, Declined) and first:
        return _move(order, OrderState.FAILED, Source.REPLY, at, answer.reason, answer.provider_code)
    if isinstance(answer, NotSent):
        pause_ms = int((answer.retry_after_s or 0) * 1000) or _RESEND_PAUSE_MS * (1 + min(order.attempts, 5))
        if not first and at.now_ms >= (order.deadline_ms or 0):
            return _still_open(order, StatusReport(state=None), order.asks, at)
        # Zero says that this copy surely did not leave, so the request itself may go again.
        return _note(order, at, due_ms=at.now_ms + pause_ms, sent_ms=0, attempts=order.attempts + 1)
    if isinstance(answer, Misconfigured):
        alarm = _incident("misconfigured", order, at, answer.provider_code or answer.detail)
        if answer.created_nothing and first:
            settled = _move(
                order, OrderState.FAILED, Source.REPLY, at, Reason.NOT_AVAILABLE, answer.provider_code
            )
        else:
            settled = _lost(order, at)
        return Settled((*settled.changes, alarm), settled.order)
    pause_s = answer.retry_after_s if isinstance(answer, Unknown) else None
    return _lost(order, at, pause_s)


def after_otp(order: OrderRow, answer: OtpAnswer | ProviderError, at: Context) -> Settled:
    """A PENDING order (moved from NEEDS_OTP before the call) whose code was accepted, refused or lost."""
    accepted = isinstance(answer, OtpAnswer) and answer.accepted
    wrong = (isinstance(answer, OtpAnswer) and not accepted) or (
        isinstance(answer, Declined) and answer.reason is Reason.WRONG_OTP
    )
    unsent = isinstance(answer, NotSent)
    in_time = (order.otp_expires_ms or 0) > at.now_ms
    # A code that never left was not tried; it may be typed again as well.
    tries = order.otp_tries - 1 if unsent else order.otp_tries
    if (wrong or unsent) and in_time and tries < OTP_TRIES:
        return _move(
            order,
            OrderState.NEEDS_OTP,
            Source.REPLY,
            at,
            Reason.WRONG_OTP if wrong else None,
            due_ms=order.otp_expires_ms,
            otp_tries=tries,
        )
    # Accepted, tries used up or time over, or nobody knows: the status decides.
    settled = _note(
        order,
        at,
        due_ms=_next_ask(order, at, since_ms=at.now_ms, asks=0),
        accepted_ms=at.now_ms if accepted else None,
        asks=0,
        deadline_ms=_deadline(at) if accepted else order.deadline_ms or _deadline(at),
    )
    # Nobody is to be asked for the code any more.
    return Settled((*settled.changes, DropMessages(order.id, MessageKind.PROMPT)), settled.order)


def after_status(order: OrderRow, report: StatusReport, source: Source, at: Context) -> Settled:
    """An open order asked about: moved only if the report is about our money."""
    asks = order.asks + 1
    if report.not_found:
        return _not_found(order, asks, at)
    if report.state in FINAL and (wrong := _mismatch(order, report)):
        return _mismatched(order, wrong, report, asks, at)
    # Providers say "pending" while they wait for a code, too; it may still come.
    if report.state not in FINAL or judge(order.state, report.state, source) is not Verdict.MOVE:
        return _still_open(order, report, asks, at)
    return _move(
        order,
        report.state,
        source,
        at,
        report.reason,
        report.provider_code,
        provider_reference=report.provider_reference or None,
        financial_id=report.financial_id or None,
        asks=asks,
    )


def after_recheck(order: OrderRow, report: StatusReport, source: Source, at: Context) -> Settled:
    """A final order asked about again, because a provider spoke of it: reversed money is told, a
    contradiction is an incident, anything else changes nothing."""
    if report.state is None or report.not_found:
        return Settled((), order)
    verdict = judge(order.state, report.state, source)
    if verdict is Verdict.MOVE and not _mismatch(order, report):
        return _move(order, report.state, source, at, report.reason, report.provider_code)
    if verdict is Verdict.CONTRADICTION:
        said = f"held {order.state.value}, the provider says {report.state.value}"
        return Settled((_incident("contradiction", order, at, said),), order)
    return Settled((), order)


def after_silence(order: OrderRow, error: ProviderError, at: Context) -> Settled:
    """An open order whose status could not be learned: ask again later, whatever the fault was."""
    settled = _still_open(order, StatusReport(state=None), order.asks + 1, at)
    if isinstance(error, Misconfigured | Malformed):
        # Nobody will learn anything until a person of ours has looked.
        kind = "status_refused" if isinstance(error, Misconfigured) else "status_unreadable"
        alarm = _incident(kind, order, at, error.provider_code or error.detail)
        return Settled((*settled.changes, alarm), settled.order)
    return settled


def may_give_up(order: OrderRow, now_ms: int, times: Times) -> bool:
    """Whether the time to send is over for an order of which no copy can have left."""
    return order.deadline_ms is None and now_ms - order.created_ms > times.send_s * 1000


def give_up(order: OrderRow, at: Context) -> Settled:
    """An order of which surely nothing left within its time: FAILED, nothing taken."""
    return _move(order, OrderState.FAILED, Source.US, at, Reason.NOT_SENT)


def by_operator(order: OrderRow, said: OrderState, note: str, at: Context) -> Settled:
    """An order settled by a person's word; `note` says whose and why. The payer is told, and told
    that it is a correction where they had heard something else."""
    return _move(order, said, Source.OPERATOR, at, note=note)


def _needs_otp(order: OrderRow, provider_reference: str, at: Context) -> Settled:
    expires_ms = at.now_ms + int(at.times.otp_s * 1000)
    settled = _move(
        order,
        OrderState.NEEDS_OTP,
        Source.REPLY,
        at,
        due_ms=expires_ms,
        accepted_ms=at.now_ms,
        otp_expires_ms=expires_ms,
        deadline_ms=_deadline(at),
        provider_reference=provider_reference or None,
    )
    prompts = otp_prompts(
        order,
        at.merchant,
        at.addresses,
        now_ms=at.now_ms,
        new_id=at.ids.uuid,
        times=at.times,
        short_code=at.short_code,
        session_open=at.session_open,
    )
    return Settled((*settled.changes, *prompts), settled.order)


def _lost(order: OrderRow, at: Context, pause_s: float | None = None) -> Settled:
    """Nobody knows whether the request arrived: ask, soon."""
    due_ms = _next_ask(order, at, since_ms=at.now_ms, asks=0)
    if pause_s:
        due_ms = max(due_ms, at.now_ms + int(pause_s * 1000))
    return _note(
        order,
        at,
        due_ms=due_ms,
        attempts=order.attempts + 1,
        deadline_ms=order.deadline_ms or _deadline(at),
    )


def _not_found(order: OrderRow, asks: int, at: Context) -> Settled:
    since_ms = order.accepted_ms or order.sent_ms or order.created_ms
    if at.now_ms - since_ms <= at.grace_s * 1000 or order.accepted_ms is not None:
        return _still_open(order, StatusReport(state=None), asks, at)
    in_time = order.deadline_ms is None or at.now_ms < order.deadline_ms
    if order.state is OrderState.PENDING and at.resend is Resend.SAME_REFERENCE and in_time:
        # Believed now: it never arrived. The same request may go again, refused if it did arrive.
        return _note(
            order,
            at,
            due_ms=at.now_ms,
            sent_ms=0,
            asks=asks,
            asked_ms=at.now_ms,
            deadline_ms=order.deadline_ms or _deadline(at),
        )
    return _still_open(order, StatusReport(state=None), asks, at)


def _mismatch(order: OrderRow, report: StatusReport) -> str:
    """What of a final word is not about our money. Only a success has to say how much it is about."""
    ours = Money(order.amount_minor, order.currency)
    if report.amount is None and report.state is OrderState.SUCCESSFUL:
        return "currency"
    if report.amount is not None and report.amount.currency != ours.currency:
        return "currency"
    if report.amount is not None and report.amount != ours:
        return "amount"
    if report.party is not None and report.party != order.payer:
        return "party"
    return ""


def _mismatched(order: OrderRow, what: str, report: StatusReport, asks: int, at: Context) -> Settled:
    """A final word over other money than ours is an alarm and settles nothing: a person must look."""
    alarm = _incident(f"mismatch_{what}", order, at, report.provider_code)
    if order.state is OrderState.UNRESOLVED:
        settled = _still_open(order, report, asks, at)
    else:
        settled = _unresolved(order, at, f"{what} differs", asks=asks)
    return Settled((*settled.changes, alarm), settled.order)


def _still_open(order: OrderRow, report: StatusReport, asks: int, at: Context) -> Settled:
    if order.state is OrderState.NEEDS_OTP and (order.otp_expires_ms or 0) > at.now_ms:
        return _note(order, at, due_ms=order.otp_expires_ms, asks=asks, asked_ms=at.now_ms)
    if order.state is OrderState.UNRESOLVED:
        due_ms = at.now_ms + int(at.times.daily_s * 1000)
        return _note(order, at, due_ms=due_ms, asks=asks, asked_ms=at.now_ms)
    if order.deadline_ms is not None and at.now_ms >= order.deadline_ms:
        alarm = _incident("unresolved", order, at, report.provider_code)
        settled = _unresolved(order, at, "no final word in time", asks=asks)
        return Settled((*settled.changes, alarm), settled.order)
    since_ms = order.accepted_ms or order.sent_ms or order.created_ms
    due_ms = _next_ask(order, at, since_ms=since_ms, asks=asks)
    return _note(
        order,
        at,
        due_ms=due_ms,
        asks=asks,
        asked_ms=at.now_ms,
        deadline_ms=order.deadline_ms or _deadline(at),
        provider_reference=report.provider_reference or None,
    )


def _unresolved(order: OrderRow, at: Context, note: str, *, asks: int) -> Settled:
    changes: list[Change] = []
    if order.state is OrderState.NEEDS_OTP:
        first = _move(order, OrderState.PENDING, Source.US, at, due_ms=at.now_ms)
        changes += first.changes
        order = first.order
    due_ms = at.now_ms + int(at.times.daily_s * 1000)
    last = _move(order, OrderState.UNRESOLVED, Source.US, at, due_ms=due_ms, note=note, asks=asks)
    return Settled((*changes, *last.changes), last.order)


def _deadline(at: Context) -> int:
    return at.now_ms + int(at.schedule_s[-1] * 1000)


def _next_ask(order: OrderRow, at: Context, *, since_ms: int, asks: int) -> int:
    """The schedule's next moment, never sooner than the spacing after the last asking."""
    offset_s = at.schedule_s[min(asks, len(at.schedule_s) - 1)]
    due_ms = since_ms + int(offset_s * 1000)
    if order.asked_ms is not None or asks:
        last_ms = at.now_ms if asks else (order.asked_ms or 0)
        gap_s = offset_s - at.schedule_s[asks - 1] if 0 < asks < len(at.schedule_s) else at.schedule_s[0]
        due_ms = max(due_ms, last_ms + int(max(gap_s, 1.0) * 1000))
    return max(due_ms, at.now_ms)


def _move(
    order: OrderRow,
    said: OrderState,
    source: Source,
    at: Context,
    reason: Reason | None = None,
    provider_code: str = "",
    *,
    due_ms: int | None = None,
    note: str = "",
    provider_reference: str | None = None,
    financial_id: str | None = None,
    accepted_ms: int | None = None,
    otp_tries: int | None = None,
    otp_expires_ms: int | None = None,
    deadline_ms: int | None = None,
    asks: int | None = None,
) -> Settled:
    """One transition with the messages it causes, in one commit."""
    moved = MoveOrder(
        order_id=order.id,
        expected=order.version,
        said=said,
        source=source,
        at_ms=at.now_ms,
        due_ms=None if said in FINAL else due_ms,
        reason=reason,
        provider_code=provider_code,
        note=note,
        fence=at.fence,
        provider_reference=provider_reference,
        financial_id=financial_id,
        accepted_ms=accepted_ms,
        otp_tries=otp_tries,
        otp_expires_ms=otp_expires_ms,
        deadline_ms=deadline_ms,
        asks=asks,
        asked_ms=at.now_ms if asks is not None else None,
    )
    after = msgspec.structs.replace(
        order,
        state=said,
        version=order.version + 1,
        due_ms=moved.due_ms,
        updated_ms=at.now_ms,
        reason=None if said is OrderState.SUCCESSFUL else reason or order.reason,
        provider_code=provider_code or order.provider_code,
        **{name: value for name in _MOVED if (value := getattr(moved, name)) is not None},
    )
    told = result_messages(
        order,
        said,
        at.merchant,
        at.addresses,
        now_ms=at.now_ms,
        new_id=at.ids.uuid,
        times=at.times,
        reason=reason,
        told=at.told,
    )
    dropped = [] if said is OrderState.NEEDS_OTP else [DropMessages(order.id, MessageKind.PROMPT)]
    return Settled((moved, *dropped, *told), after)


def _note(
    order: OrderRow,
    at: Context,
    *,
    due_ms: int | None,
    sent_ms: int | None = None,
    accepted_ms: int | None = None,
    deadline_ms: int | None = None,
    provider_reference: str | None = None,
    asks: int | None = None,
    asked_ms: int | None = None,
    attempts: int | None = None,
) -> Settled:
    """Fields set without a transition; gives the worker's lease back."""
    noted = NoteOrder(
        order_id=order.id,
        expected=order.version,
        at_ms=at.now_ms,
        fence=at.fence,
        due_ms=due_ms,
        sent_ms=sent_ms,
        accepted_ms=accepted_ms,
        deadline_ms=deadline_ms,
        provider_reference=provider_reference,
        asks=asks,
        asked_ms=asked_ms,
        attempts=attempts,
        release=True,
    )
    after = msgspec.structs.replace(
        order,
        version=order.version + 1,
        updated_ms=at.now_ms,
        **{name: value for name in _NOTED if (value := getattr(noted, name)) is not None},
    )
    return Settled((noted,), after)


def _incident(kind: str, order: OrderRow, at: Context, text: str) -> AddIncident:
    return AddIncident(
        Incident(
            id=at.ids.uuid(),
            dedupe_key=f"{kind}:{order.id}",
            kind=kind,
            order_id=order.id,
            text=f"order {order.code}: {kind.replace('_', ' ')} {text}".strip(),
            at_ms=at.now_ms,
        )
    )
