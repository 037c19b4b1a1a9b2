"""What becomes of an order when the provider has answered, or has not: the rules of money truth."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.dialog import Address, View
from bot.money import FINAL, OPEN, Money, OrderState, Reason, Source
from bot.orders.rules import (
    OTP_TRIES,
    Answered,
    Settled,
    after_otp,
    after_recheck,
    after_request,
    after_silence,
    after_status,
    by_operator,
    give_up,
    may_give_up,
)
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
from bot.runtime.timeouts import TIMES
from bot.store import Store, migrate, sqlite_store
from bot.store.base import MoveOrder, OrderFields, SavePerson, UpdateOrder
from bot.store.records import MessageKind, MessageRow, OrderRow
from flows.closing import reason_text
from tests.shell.ledger import (
    CHAT,
    GRACE,
    PAYER,
    SCHEDULE,
    apply,
    context,
    drops_prompts,
    incidents,
    messages,
    moves,
    order,
    results,
)
from tests.store.make import NOW, FakeClock, kept_order, person

PENDING, NEEDS_OTP, UNRESOLVED = OrderState.PENDING, OrderState.NEEDS_OTP, OrderState.UNRESOLVED
SUCCESSFUL, FAILED, REVERSED = OrderState.SUCCESSFUL, OrderState.FAILED, OrderState.REVERSED
OURS = Money(500, "GHS")
SECOND = 1000
DEADLINE = NOW + int(SCHEDULE[-1] * SECOND)
LATE = DEADLINE + SECOND


def report(state: OrderState | None, **given: Any) -> StatusReport:
    return StatusReport(state=state, **({"amount": OURS, "party": PAYER} | given))


def view_of(row: MessageRow) -> View:
    return msgspec.json.decode(row.view, type=View)


def same(settled: Settled, before: OrderRow) -> None:
    """What the settlement says of the order is what its changes make of it."""
    assert apply(before, settled) == settled.order


# ---- a request is answered -----------------------------------------------------------------------


def test_accepted_is_not_paid() -> None:
    settled = after_request(order(), Receipt(provider_reference="SB1"), context())
    same(settled, order())
    assert settled.order.state is PENDING
    assert settled.order.accepted_ms == NOW
    assert settled.order.due_ms == NOW + 5 * SECOND
    assert settled.order.deadline_ms == DEADLINE
    assert settled.order.provider_reference == "SB1"
    assert moves(settled) == []
    assert results(settled) == []


def test_a_wanted_code_is_waited_for() -> None:
    settled = after_request(order(), Receipt(NextStep.OTP, "SB1"), context())
    same(settled, order())
    assert settled.order.state is NEEDS_OTP
    assert settled.order.otp_expires_ms == settled.order.due_ms == NOW + int(TIMES.otp_s * SECOND)
    assert settled.order.accepted_ms == NOW
    assert settled.order.deadline_ms == DEADLINE
    assert settled.order.provider_reference == "SB1"
    (prompt,) = messages(settled, MessageKind.PROMPT)
    assert (prompt.address_kind, prompt.address_value) == ("telegram", "42")
    assert prompt.due_ms == NOW + int(TIMES.otp_prompt_s * SECOND)
    assert view_of(prompt).wants == "secret"
    assert not drops_prompts(settled)


def test_where_nobody_asks_in_a_session_the_payer_is_told_to_dial() -> None:
    """The request went out after the session had ended: an SMS and the chats say so at once."""
    settled = after_request(order(), Receipt(NextStep.OTP), context(session_open=False))
    by_sms, by_chat = messages(settled, MessageKind.PROMPT)
    assert (by_sms.address_kind, by_sms.due_ms) == ("msisdn", NOW)
    assert view_of(by_sms).text.id == "otp.dial"
    assert view_of(by_sms).text.values["short_code"] == "*920*10#"
    assert (by_chat.address_kind, by_chat.due_ms) == ("telegram", NOW)


def test_the_chat_that_asked_is_not_prompted_beside_its_own_turn() -> None:
    begun_there = order(origin_channel="telegram", origin_kind="telegram", origin_value="42")
    settled = after_request(begun_there, Receipt(NextStep.OTP), context())
    assert messages(settled, MessageKind.PROMPT) == []


def test_a_reference_in_use_is_our_own_earlier_copy() -> None:
    settled = after_request(order(), AlreadyAccepted(), context())
    same(settled, order())
    assert settled.order.state is PENDING
    assert settled.order.accepted_ms == NOW
    # A question led to this copy a moment ago: the next one keeps its distance.
    assert settled.order.due_ms == NOW + int(SCHEDULE[0] * SECOND)
    assert settled.order.deadline_ms == DEADLINE


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_fails_with_its_reason_and_is_told(reason: Reason) -> None:
    settled = after_request(order(), Declined(reason, provider_code="THEIR_WORD"), context())
    same(settled, order())
    assert (settled.order.state, settled.order.reason) == (FAILED, reason)
    assert settled.order.due_ms is None
    assert [m.provider_code for m in moves(settled)] == ["THEIR_WORD"]
    assert [(m.address_kind, view_of(m).text.id) for m in results(settled)] == [
        ("msisdn", "result.failed"),
        ("telegram", "result.failed"),
    ]
    assert view_of(results(settled)[0]).text.values["reason"] == reason_text(reason)
    assert drops_prompts(settled)


@pytest.mark.parametrize(
    ("retry_after_s", "attempts", "pause_s"),
    [(None, 0, 5), (None, 1, 10), (None, 5, 30), (None, 50, 30), (7.0, 3, 7), (0.0, 0, 5)],
)
def test_what_never_left_may_go_again_under_the_same_reference(
    retry_after_s: float | None, attempts: int, pause_s: int
) -> None:
    before = order(attempts=attempts)
    settled = after_request(before, NotSent(retry_after_s=retry_after_s), context())
    same(settled, before)
    assert settled.order.state is PENDING
    assert settled.order.sent_ms == 0
    assert settled.order.due_ms == NOW + pause_s * SECOND
    assert settled.order.attempts == attempts + 1
    assert settled.order.deadline_ms is None  # so that its time to be sent can run out
    assert results(settled) == []


@pytest.mark.parametrize("answer", [Unknown(), Malformed(), ProviderError("?")])
def test_a_lost_reply_is_asked_about_and_never_taken_for_a_failure(answer: ProviderError) -> None:
    settled = after_request(order(), answer, context())
    same(settled, order())
    assert settled.order.state is PENDING
    assert settled.order.sent_ms == NOW  # it may have arrived: not to be sent again just so
    assert settled.order.due_ms == NOW + 5 * SECOND
    assert settled.order.deadline_ms == DEADLINE
    assert settled.order.attempts == 1
    assert moves(settled) == []


def test_a_busy_provider_is_asked_when_it_says() -> None:
    settled = after_request(order(), Unknown(retry_after_s=90.0), context())
    assert settled.order.due_ms == NOW + 90 * SECOND
    assert after_request(order(), Unknown(retry_after_s=1.0), context()).order.due_ms == NOW + 5 * SECOND


def test_a_fault_of_ours_fails_only_where_surely_nothing_was_created() -> None:
    nothing = after_request(order(), Misconfigured("keys", created_nothing=True), context())
    same(nothing, order())
    assert (nothing.order.state, nothing.order.reason) == (FAILED, Reason.NOT_AVAILABLE)
    perhaps = after_request(order(), Misconfigured("host", created_nothing=False), context())
    same(perhaps, order())
    assert perhaps.order.state is PENDING
    assert perhaps.order.deadline_ms == DEADLINE
    for settled in (nothing, perhaps):
        assert incidents(settled) == ["misconfigured"]


@pytest.mark.parametrize(
    "answer", [Declined(Reason.NOT_ENOUGH_FUNDS), Misconfigured(created_nothing=True), NotSent()]
)
def test_what_is_said_of_a_second_copy_does_not_decide_about_the_first(answer: ProviderError) -> None:
    """The first copy's fate is unknown: a refusal of the second must not be told as "not paid"."""
    lost = after_request(order(), Unknown(), context()).order
    again = msgspec.structs.replace(lost, sent_ms=NOW + 60 * SECOND)
    settled = after_request(again, answer, context(NOW + 60 * SECOND))
    same(settled, again)
    assert settled.order.state is PENDING
    assert results(settled) == []
    assert not may_give_up(settled.order, NOW + 10**9, TIMES)


def test_a_copy_that_cannot_leave_before_the_deadline_is_for_a_person_to_look_at() -> None:
    before = order(deadline_ms=NOW, sent_ms=NOW)
    settled = after_request(before, NotSent(), context())
    same(settled, before)
    assert settled.order.state is UNRESOLVED
    assert incidents(settled) == ["unresolved"]


# ---- nothing left in its time --------------------------------------------------------------------


@pytest.mark.parametrize("state", [OrderState.NEW, PENDING])
def test_what_was_never_sent_fails_and_nothing_was_taken(state: OrderState) -> None:
    before = order(state, sent_ms=0)
    settled = give_up(before, context(NOW + 121 * SECOND))
    same(settled, before)
    assert (settled.order.state, settled.order.reason) == (FAILED, Reason.NOT_SENT)
    assert [m.source for m in moves(settled)] == [Source.US]


def test_only_what_surely_never_left_may_be_given_up() -> None:
    late = NOW + int(TIMES.send_s * SECOND) + 1
    assert may_give_up(order(OrderState.NEW), late, TIMES)
    assert not may_give_up(order(OrderState.NEW), late - 1, TIMES)
    assert not may_give_up(order(deadline_ms=DEADLINE), late, TIMES)


# ---- the payer's code ----------------------------------------------------------------------------


def tried(tries: int = 1, **given: Any) -> OrderRow:
    """PENDING again, while the code is with the provider."""
    values = {"otp_tries": tries, "otp_expires_ms": NOW + 600_000, "deadline_ms": DEADLINE}
    return order(PENDING, **(values | given))


def test_a_right_code_is_not_yet_paid() -> None:
    later = NOW + 30 * SECOND
    settled = after_otp(tried(), OtpAnswer(accepted=True), context(later))
    same(settled, tried())
    assert settled.order.state is PENDING
    assert settled.order.accepted_ms == later
    assert settled.order.due_ms == later + 5 * SECOND
    assert settled.order.deadline_ms == DEADLINE + 30 * SECOND
    assert drops_prompts(settled)  # nobody is asked for it in a chat any more


@pytest.mark.parametrize("answer", [OtpAnswer(accepted=False), Declined(Reason.WRONG_OTP)])
@pytest.mark.parametrize("tries", [1, 2])
def test_a_wrong_code_may_be_typed_again(answer: Any, tries: int) -> None:
    settled = after_otp(tried(tries), answer, context())
    same(settled, tried(tries))
    assert (settled.order.state, settled.order.reason) == (NEEDS_OTP, Reason.WRONG_OTP)
    assert settled.order.otp_tries == tries
    assert settled.order.due_ms == NOW + 600_000
    assert not drops_prompts(settled)
    assert results(settled) == []


@pytest.mark.parametrize("answer", [OtpAnswer(accepted=False), Declined(Reason.WRONG_OTP)])
def test_after_three_wrong_codes_the_status_decides(answer: Any) -> None:
    settled = after_otp(tried(OTP_TRIES), answer, context())
    same(settled, tried(OTP_TRIES))
    assert settled.order.state is PENDING
    assert settled.order.due_ms == NOW + 5 * SECOND
    assert drops_prompts(settled)


@pytest.mark.parametrize("answer", [OtpAnswer(accepted=False), NotSent()])
@pytest.mark.parametrize("expires_ms", [NOW, NOW - 1, None])
def test_after_its_time_no_code_is_asked_for(answer: Any, expires_ms: int | None) -> None:
    before = tried(otp_expires_ms=expires_ms)
    settled = after_otp(before, answer, context())
    same(settled, before)
    assert settled.order.state is PENDING
    assert settled.order.due_ms is not None
    assert settled.order.due_ms >= NOW


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_a_code_that_never_left_was_not_tried(tries: int) -> None:
    settled = after_otp(tried(tries), NotSent(), context())
    same(settled, tried(tries))
    assert settled.order.state is NEEDS_OTP
    assert settled.order.otp_tries == tries - 1
    assert settled.order.reason is None


@pytest.mark.parametrize(
    "answer", [Unknown(), Malformed(), Misconfigured(), Declined(Reason.OTHER), AlreadyAccepted()]
)
def test_a_code_whose_fate_is_unknown_is_asked_about(answer: ProviderError) -> None:
    settled = after_otp(tried(), answer, context())
    same(settled, tried())
    assert settled.order.state is PENDING
    assert settled.order.due_ms == NOW + 5 * SECOND
    assert settled.order.deadline_ms == DEADLINE
    assert moves(settled) == []


# ---- the provider's word -------------------------------------------------------------------------

OPEN_ONES = [PENDING, NEEDS_OTP, UNRESOLVED]
WORDS = [None, OrderState.NEW, PENDING, NEEDS_OTP, UNRESOLVED]


@pytest.mark.parametrize("state", OPEN_ONES)
@pytest.mark.parametrize("said", [SUCCESSFUL, FAILED, REVERSED])
@pytest.mark.parametrize("source", [Source.REPLY, Source.CALLBACK, Source.WEBHOOK, Source.POLL])
def test_a_final_word_about_our_money_settles(state: OrderState, said: OrderState, source: Source) -> None:
    before = order(state)
    settled = after_status(before, report(said, financial_id="F1", provider_code="W"), source, context())
    same(settled, before)
    assert settled.order.state is said
    assert settled.order.due_ms is None
    assert settled.order.financial_id == "F1"
    (moved,) = moves(settled)
    assert (moved.source, moved.provider_code) == (source, "W")
    assert {m.address_kind for m in results(settled)} == {"msisdn", "telegram"}
    assert drops_prompts(settled)


@pytest.mark.parametrize("state", OPEN_ONES)
@pytest.mark.parametrize("said", WORDS)
def test_any_other_word_leaves_the_order_where_it_is(state: OrderState, said: OrderState | None) -> None:
    before = order(state)
    settled = after_status(before, report(said, provider_code="ONGOING"), Source.POLL, context())
    same(settled, before)
    assert settled.order.state is state
    assert moves(settled) == []
    assert results(settled) == []
    assert settled.order.due_ms is not None
    assert settled.order.due_ms > NOW
    assert settled.order.polls == 1


def test_pending_while_a_code_is_waited_for_keeps_waiting_for_the_code() -> None:
    """The provider says "pending" all the while; the code is still asked for at the next dial."""
    before = order(NEEDS_OTP)
    settled = after_status(before, report(PENDING), Source.WEBHOOK, context(NOW + 5 * SECOND))
    assert settled.order.state is NEEDS_OTP
    assert settled.order.due_ms == before.otp_expires_ms


@pytest.mark.parametrize("state", OPEN_ONES)
@pytest.mark.parametrize("said", [SUCCESSFUL, FAILED, REVERSED])
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"amount": Money(50, "GHS")}, "mismatch_amount"),
        ({"amount": Money(501, "GHS")}, "mismatch_amount"),
        ({"amount": Money(500, "KES")}, "mismatch_currency"),
        ({"party": "+233240000009"}, "mismatch_party"),
        ({"party": "ama@example.com"}, "mismatch_party"),
        ({"party": ""}, "mismatch_party"),
    ],
)
def test_a_final_word_about_other_money_is_an_alarm(
    state: OrderState, said: OrderState, wrong: dict[str, Any], kind: str
) -> None:
    before = order(state)
    settled = after_status(before, report(said, **wrong), Source.POLL, context())
    same(settled, before)
    assert settled.order.state is UNRESOLVED
    assert incidents(settled) == [kind]
    assert settled.order.due_ms == NOW + int(TIMES.daily_s * SECOND)
    told = [view_of(m).text.id for m in results(settled)]
    assert set(told) <= {"result.checking"}


def test_a_success_that_does_not_say_how_much_is_no_success() -> None:
    settled = after_status(order(), report(SUCCESSFUL, amount=None), Source.POLL, context())
    same(settled, order())
    assert settled.order.state is UNRESOLVED
    assert incidents(settled) == ["mismatch_currency"]


def test_a_failure_need_not_say_how_much() -> None:
    settled = after_status(order(), report(FAILED, amount=None, party=None), Source.POLL, context())
    assert settled.order.state is FAILED


@pytest.mark.parametrize(
    ("reason", "code", "alarm"),
    [
        (Reason.MERCHANT_FUNDS, "NOT_ENOUGH_FUNDS", "merchant_funds"),
        (Reason.NOT_AVAILABLE, "NOT_ALLOWED", "not_available"),
        (Reason.OTHER, "NEVER_HEARD_OF", "unknown_code"),
        (Reason.OTHER, "failed", ""),
        (Reason.OTHER, "", ""),
        (Reason.NOT_ENOUGH_FUNDS, "NOT_ENOUGH_FUNDS", ""),
    ],
)
def test_staff_see_a_failure_that_is_about_them(reason: Reason, code: str, alarm: str) -> None:
    said = report(FAILED, reason=reason, provider_code=code)
    settled = after_status(order(), said, Source.POLL, context())
    assert settled.order.state is FAILED
    assert incidents(settled) == ([alarm] if alarm else [])
    refused = after_request(order(), Declined(reason, provider_code=code), context())
    assert incidents(refused) == ([alarm] if alarm else [])


def test_a_party_that_is_not_echoed_is_no_difference() -> None:
    settled = after_status(order(), report(SUCCESSFUL, party=None), Source.POLL, context())
    assert settled.order.state is SUCCESSFUL


def test_a_success_clears_an_earlier_reason() -> None:
    before = order(reason=Reason.WRONG_OTP)
    settled = after_status(before, report(SUCCESSFUL), Source.POLL, context())
    same(settled, before)
    assert settled.order.reason is None


def test_a_reference_learned_late_is_kept() -> None:
    settled = after_status(order(), report(PENDING, provider_reference="SB9"), Source.POLL, context())
    same(settled, order())
    assert settled.order.provider_reference == "SB9"


# ---- asked, and nobody knows it ------------------------------------------------------------------

NOT_FOUND = StatusReport(state=None, not_found=True)
AFTER_GRACE = NOW + int(GRACE * SECOND) + 1


def test_not_found_is_not_believed_at_once() -> None:
    settled = after_status(order(), NOT_FOUND, Source.POLL, context(AFTER_GRACE - 1))
    same(settled, order())
    assert settled.order.sent_ms == NOW
    assert settled.order.due_ms is not None
    assert settled.order.due_ms > AFTER_GRACE - 1


def test_not_found_after_its_grace_means_the_same_request_again() -> None:
    before = order(attempts=1)
    settled = after_status(before, NOT_FOUND, Source.POLL, context(AFTER_GRACE))
    same(settled, before)
    assert settled.order.state is PENDING
    assert settled.order.sent_ms == 0
    assert settled.order.due_ms == AFTER_GRACE
    assert settled.order.reference == before.reference
    assert not may_give_up(settled.order, LATE, TIMES)


def test_not_found_after_the_clock_was_set_back_has_a_grace_of_the_schedules_pauses() -> None:
    before = context(NOW - 3600 * SECOND)
    enough = next(asks for asks, at_s in enumerate(before.schedule_s) if at_s > GRACE)
    waits = after_status(order(polls=enough - 1), NOT_FOUND, Source.POLL, before)
    assert waits.order.sent_ms == NOW
    again = after_status(order(polls=enough), NOT_FOUND, Source.POLL, before)
    assert again.order.sent_ms == 0


def test_after_the_clock_was_set_back_the_schedules_last_pause_is_kept() -> None:
    back = context(NOW - 3600 * SECOND)
    settled = after_status(order(polls=99), report(PENDING), Source.POLL, back)
    pause_s = back.schedule_s[-1] - back.schedule_s[-2]
    assert settled.order.due_ms == back.now_ms + pause_s * SECOND


def test_a_deadline_that_stands_is_not_written_again() -> None:
    """It may have been moved along with a clock set back while the order was in hand."""
    for settled in (
        after_status(order(deadline_ms=LATE), report(PENDING), Source.POLL, context()),
        after_status(order(deadline_ms=LATE), NOT_FOUND, Source.POLL, context(AFTER_GRACE)),
        after_request(order(deadline_ms=LATE), Unknown(), context()),
    ):
        [change] = settled.changes
        assert isinstance(change, UpdateOrder)
        assert change.fields.deadline_ms is None
        assert settled.order.deadline_ms == LATE


def test_a_provider_that_takes_a_copy_for_new_is_only_ever_asked() -> None:
    settled = after_status(order(), NOT_FOUND, Source.POLL, context(AFTER_GRACE, resend=Resend.NEVER))
    same(settled, order())
    assert settled.order.sent_ms == NOW
    assert settled.order.state is PENDING


@pytest.mark.parametrize("state", [NEEDS_OTP, UNRESOLVED])
def test_only_a_pending_request_is_sent_again(state: OrderState) -> None:
    before = order(state, accepted_ms=None)
    settled = after_status(before, NOT_FOUND, Source.POLL, context(AFTER_GRACE))
    same(settled, before)
    assert settled.order.state is state
    assert settled.order.sent_ms == NOW


def test_what_was_accepted_once_is_never_sent_again() -> None:
    before = order(accepted_ms=NOW, deadline_ms=DEADLINE)
    settled = after_status(before, NOT_FOUND, Source.POLL, context(AFTER_GRACE))
    same(settled, before)
    assert settled.order.sent_ms == NOW


def test_nothing_is_sent_again_behind_the_deadline() -> None:
    """Nobody wants to be asked for a PIN an hour later."""
    before = order(deadline_ms=DEADLINE)
    settled = after_status(before, NOT_FOUND, Source.POLL, context(LATE))
    same(settled, before)
    assert settled.order.state is UNRESOLVED
    assert incidents(settled) == ["unresolved"]


# ---- time ----------------------------------------------------------------------------------------


def test_the_schedule_is_followed_and_ends() -> None:
    row = after_request(order(), Receipt(), context()).order
    asked_at = []
    while row.state is PENDING:
        assert row.due_ms is not None
        asked_at.append((row.due_ms - NOW) / SECOND)
        settled = after_status(row, report(PENDING), Source.POLL, context(row.due_ms))
        same(settled, row)
        row = settled.order
    assert tuple(asked_at) == SCHEDULE
    assert row.state is UNRESOLVED


@pytest.mark.parametrize(
    ("error", "asks", "due_s"),
    [
        (NotSent(), 2, 10),
        (NotSent(retry_after_s=60), 2, 60),
        (Unknown(), 3, 30),
        (Unknown(retry_after_s=45), 3, 45),
    ],
)
def test_a_provider_that_is_away_is_asked_again_soon(error: ProviderError, asks: int, due_s: int) -> None:
    """The schedule's long pauses are for payers who think, not for a provider that comes back."""
    at = msgspec.structs.replace(context(NOW + 100 * SECOND), schedule_s=(5.0, 10.0, 3600.0, 7200.0, 9000.0))
    before = order(polls=2, sent_ms=NOW, deadline_ms=NOW + 10_000 * SECOND)
    settled = after_silence(before, error, at)
    same(settled, before)
    assert settled.order.polls == asks
    assert settled.order.due_ms == at.now_ms + due_s * SECOND


@pytest.mark.parametrize(
    "error", [Unknown(), NotSent(), Malformed(), Misconfigured(), Declined(Reason.OTHER)]
)
@pytest.mark.parametrize("state", OPEN_ONES)
def test_silence_settles_nothing(error: ProviderError, state: OrderState) -> None:
    before = order(state)
    settled = after_silence(before, error, context())
    same(settled, before)
    assert settled.order.state is state
    assert settled.order.polls == before.polls + (not isinstance(error, NotSent))
    assert results(settled) == []
    alarms = {Misconfigured: ["status_refused"], Malformed: ["status_unreadable"]}.get(type(error), [])
    assert incidents(settled) == alarms


def test_after_its_time_an_order_is_for_a_person_to_look_at_and_the_payer_is_told() -> None:
    before = order(accepted_ms=NOW, deadline_ms=DEADLINE)
    settled = after_status(before, report(PENDING), Source.POLL, context(DEADLINE))
    same(settled, before)
    assert settled.order.state is UNRESOLVED
    assert settled.order.due_ms == DEADLINE + int(TIMES.daily_s * SECOND)
    assert incidents(settled) == ["unresolved"]
    assert {view_of(m).text.id for m in results(settled)} == {"result.checking"}


def test_a_code_that_never_came_ends_as_unresolved_through_pending() -> None:
    before = order(NEEDS_OTP, deadline_ms=NOW + 600_000)
    settled = after_status(before, report(PENDING), Source.POLL, context(NOW + 600_001))
    same(settled, before)
    assert [m.to_state for m in moves(settled)] == [PENDING, UNRESOLVED]
    assert settled.order.state is UNRESOLVED


def test_an_unresolved_order_is_still_asked_daily() -> None:
    day = int(TIMES.daily_s * SECOND)
    before = order(UNRESOLVED, deadline_ms=DEADLINE)
    settled = after_status(before, report(PENDING), Source.POLL, context(LATE))
    assert settled.order.due_ms == LATE + day
    assert results(settled) == []
    assert incidents(settled) == []
    late = after_status(settled.order, report(SUCCESSFUL), Source.POLL, context(LATE + day))
    same(late, settled.order)
    assert late.order.state is SUCCESSFUL


@pytest.mark.parametrize(
    ("error", "over_s", "due_s"),
    [
        (Unknown(), 0, 30),
        (NotSent(), 0, 10),
        (Unknown(), 80, 30),
        (Unknown(retry_after_s=45), 80, 45),
        (Unknown(), 3600, 450),
        (NotSent(), 8 * 3600, 3600),
        (Unknown(), 60 * 24 * 3600, 24 * 3600),
        (Misconfigured(), 0, 24 * 3600),
        (Malformed(), 3600, 24 * 3600),
    ],
)
@pytest.mark.parametrize("state", [PENDING, UNRESOLVED])
def test_silence_past_the_deadline_is_asked_about_soon_and_ever_more_rarely(
    state: OrderState, error: ProviderError, over_s: int, due_s: int
) -> None:
    """Its answer may have lain at the provider for long: nobody waits a day for it."""
    before = order(state, accepted_ms=NOW, deadline_ms=DEADLINE)
    settled = after_silence(before, error, context(DEADLINE + over_s * SECOND))
    same(settled, before)
    assert settled.order.state is UNRESOLVED
    assert settled.order.due_ms == DEADLINE + (over_s + due_s) * SECOND
    assert ("unresolved" in incidents(settled)) is (state is PENDING)


# ---- who is told ---------------------------------------------------------------------------------


def test_who_reads_it_as_the_answer_of_the_turn_is_told_only_if_that_never_comes() -> None:
    before = order(origin_channel="telegram", origin_kind="telegram", origin_value="42")
    settled = after_request(before, Declined(Reason.OTHER), context(told=Address("telegram", "42")))
    (message,) = results(settled)
    assert message.due_ms == NOW + 5 * SECOND  # the turn drops it when it says so itself
    assert settled.order.state is FAILED


def test_a_result_says_no_number_and_names_the_order() -> None:
    settled = after_status(order(), report(SUCCESSFUL), Source.POLL, context())
    for row in results(settled):
        view = view_of(row)
        assert view.order_id == row.order_id == "o1"
        assert view.ends
        assert view.text.values["code"] == order().code
        assert row.due_ms == NOW


@pytest.mark.parametrize("said", [SUCCESSFUL, FAILED, REVERSED])
def test_an_operators_word_settles_and_is_told(said: OrderState) -> None:
    before = order(UNRESOLVED)
    settled = by_operator(before, said, "Esi: seen in the portal", context())
    same(settled, before)
    (moved,) = moves(settled)
    assert (moved.source, moved.note) == (Source.OPERATOR, "Esi: seen in the portal")
    assert len(results(settled)) == 2


def test_a_correction_is_told_as_one() -> None:
    before = order(FAILED, reason=Reason.EXPIRED)
    settled = by_operator(before, SUCCESSFUL, "Esi: money came", context())
    same(settled, before)
    assert {view_of(m).text.id for m in results(settled)} == {"result.corrected"}


# ---- a final order the provider speaks of again --------------------------------------------------


STAFF = (("p9", Address("telegram", "9")),)


@pytest.mark.parametrize("said", [None, *OrderState])
@pytest.mark.parametrize("held", [SUCCESSFUL, FAILED, REVERSED])
def test_a_final_order_is_reversed_or_contradicted_and_nothing_else(
    held: OrderState, said: OrderState | None
) -> None:
    before = order(held, due_ms=None)
    settled = after_recheck(before, report(said), Source.WEBHOOK, context(staff=STAFF))
    same(settled, before)
    told = {view_of(m).text.id for m in results(settled)}
    if (held, said) == (SUCCESSFUL, REVERSED):
        assert settled.order.state is REVERSED
        assert told == {"result.reversed", "staff.reversed"}
        assert incidents(settled) == ["changed_after_final"]
        return
    assert settled.order.state is held
    contradicted = said in FINAL and said is not held
    assert incidents(settled) == (["contradiction"] if contradicted else [])
    # Only whoever was told that nothing was taken hears of it before it is settled.
    doubted = contradicted and held is FAILED
    assert (settled.order.doubted_ms is not None) == doubted
    assert told == ({"staff.otherwise"} if contradicted else set()) | (
        {"result.doubted"} if doubted else set()
    )
    # Said again, it changes nothing more.
    again = after_recheck(settled.order, report(said), Source.WEBHOOK, context(staff=STAFF))
    assert again.order == settled.order


def test_a_reversal_of_other_money_reverses_nothing() -> None:
    before = order(SUCCESSFUL, due_ms=None)
    settled = after_recheck(before, report(REVERSED, amount=Money(50, "GHS")), Source.POLL, context())
    assert settled.order is before
    assert moves(settled) == []


def test_a_final_order_the_provider_does_not_know_stays() -> None:
    before = order(SUCCESSFUL, due_ms=None)
    assert after_recheck(before, NOT_FOUND, Source.POLL, context()) == Settled((), before)


# ---- as the store keeps it -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settle") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def store(tmp_path: Path, empty_database: Path) -> AsyncIterator[Store]:
    opened = sqlite_store(Path(shutil.copy(empty_database, tmp_path / "k.db")), clock=FakeClock())
    await opened.open()
    try:
        await opened.commit([SavePerson(person("p1"))])
        yield opened
    finally:
        await opened.close()


async def test_the_store_keeps_what_a_settlement_says(store: Store) -> None:
    """A payment's whole life, each time compared with the row the settlement promised."""
    row = await kept_order(store, None, PENDING, sent_ms=NOW)
    row = msgspec.structs.replace(row, payer=PAYER)
    decisions: list[Any] = [
        lambda o: after_request(o, Receipt(NextStep.OTP, "SB1"), context()),
        lambda o: after_status(o, report(PENDING), Source.WEBHOOK, context()),
        _typed,
        lambda o: after_otp(o, OtpAnswer(accepted=False), context()),
        _typed,
        lambda o: after_otp(o, OtpAnswer(accepted=True), context()),
        lambda o: after_silence(o, Unknown(), context()),
        lambda o: after_status(o, report(PENDING, provider_reference="SB2"), Source.POLL, context()),
        lambda o: after_status(o, report(SUCCESSFUL, amount=None), Source.POLL, context()),
        lambda o: after_status(o, report(FAILED, provider_code="W"), Source.POLL, context()),
        lambda o: by_operator(o, SUCCESSFUL, "Esi: money came", context()),
    ]
    for decide in decisions:
        settled = decide(row)
        await store.commit(settled.changes)
        kept = await store.order(row.id)
        assert kept is not None
        beside = {"lease_until_ms": settled.order.lease_until_ms, "hinted_by": settled.order.hinted_by}
        assert msgspec.structs.replace(kept, **beside) == settled.order
        row = kept
    states = [line.to_state for line in await store.transitions("o1")]
    assert states[-3:] == [UNRESOLVED, FAILED, SUCCESSFUL]


def _typed(row: OrderRow) -> Settled:
    moved = MoveOrder(
        row.id,
        row.version,
        PENDING,
        Source.PAYER,
        NOW,
        NOW + 60_000,
        fields=OrderFields(otp_tries=row.otp_tries + 1),
    )
    after = msgspec.structs.replace(
        row, state=PENDING, version=row.version + 1, due_ms=NOW + 60_000, updated_ms=NOW
    )
    return Settled((moved,), msgspec.structs.replace(after, otp_tries=row.otp_tries + 1))


# ---- any sequence of outcomes --------------------------------------------------------------------

answers: st.SearchStrategy[Answered] = st.one_of(
    st.builds(Receipt, st.sampled_from(NextStep), st.sampled_from(["", "SB1"])),
    st.builds(Declined, st.sampled_from(Reason)),
    st.builds(lambda s: NotSent(retry_after_s=s), st.sampled_from([None, 0.0, 3.0])),
    st.builds(lambda s: Unknown(retry_after_s=s), st.sampled_from([None, 0.0, 30.0])),
    st.builds(lambda b: Misconfigured(created_nothing=b), st.booleans()),
    st.builds(Malformed),
    st.builds(AlreadyAccepted),
)
reports = st.one_of(
    st.just(NOT_FOUND),
    st.builds(
        StatusReport,
        state=st.sampled_from([None, *OrderState]),
        reason=st.sampled_from([None, Reason.EXPIRED]),
        amount=st.sampled_from([OURS, OURS, OURS, None, Money(50, "GHS"), Money(500, "KES")]),
        party=st.sampled_from([PAYER, PAYER, None, "+233240000009"]),
    ),
)


class LifeOfAnOrder(RuleBasedStateMachine):
    """Time passes, calls are answered or lost, hints come, codes are typed: whatever the order."""

    @initialize(resend=st.sampled_from(Resend), chat=st.booleans())
    def begin(self, resend: Resend, chat: bool) -> None:
        self.now_ms = NOW
        self.resend = resend
        self.row = order(sent_ms=NOW, created_ms=NOW)
        self.addresses = (CHAT,) if chat else ()
        self.told: list[str] = []
        self.in_flight = True  # the creating call is on its way
        self.final: OrderState | None = None
        self.matched = False

    def settle(self, settled: Settled) -> None:
        before = self.row
        assert before.state in OPEN
        self.row = apply(before, settled)
        assert self.row == settled.order
        for message in results(settled):
            self.told.append(message.dedupe_key)
        if self.row.state in FINAL:
            self.final = self.row.state

    def at(self) -> Any:
        return context(self.now_ms, resend=self.resend, addresses=self.addresses)

    def is_open(self) -> bool:
        return self.row.state in OPEN and not self.in_flight

    @precondition(lambda self: self.in_flight and self.row.state is PENDING)
    @rule(answer=answers, took_s=st.sampled_from([0, 1, 30]))
    def answered(self, answer: Answered, took_s: int) -> None:
        self.now_ms += took_s * SECOND
        self.in_flight = False
        self.settle(after_request(self.row, answer, self.at()))

    @precondition(is_open)
    @rule(report=reports, silent=st.booleans(), hinted=st.booleans(), late_s=st.sampled_from([0, 2, 4000]))
    def worked_on(self, report: StatusReport, silent: bool, hinted: bool, late_s: int) -> None:
        """The worker's turn, when it is due, too late, or because a callback came."""
        assert self.row.due_ms is not None
        if not hinted:
            self.now_ms = max(self.now_ms, self.row.due_ms) + late_s * SECOND
        if self.row.sent_ms == 0 and self.row.state is PENDING:
            if may_give_up(self.row, self.now_ms, TIMES):
                self.settle(give_up(self.row, self.at()))
            else:
                self.row = msgspec.structs.replace(self.row, sent_ms=self.now_ms)
                self.in_flight = True
            return
        if self.row.state is NEEDS_OTP and (self.row.otp_expires_ms or 0) <= self.now_ms:
            self.row = msgspec.structs.replace(self.row, state=PENDING, version=self.row.version + 1)
        if silent:
            self.settle(after_silence(self.row, Unknown(), self.at()))
            return
        self.matched = report.amount == OURS and report.party in (PAYER, None)
        self.settle(after_status(self.row, report, Source.WEBHOOK if hinted else Source.POLL, self.at()))

    @precondition(lambda self: self.row.state is NEEDS_OTP)
    @rule(
        answer=st.one_of(
            st.builds(OtpAnswer, st.booleans()),
            st.sampled_from([Declined(Reason.WRONG_OTP), Declined(Reason.OTHER), Unknown(), NotSent()]),
        ),
        after_s=st.sampled_from([0, 30, 700]),
    )
    def code_typed(self, answer: OtpAnswer | ProviderError, after_s: int) -> None:
        self.now_ms += after_s * SECOND
        self.row = msgspec.structs.replace(
            self.row, state=PENDING, version=self.row.version + 1, otp_tries=self.row.otp_tries + 1
        )
        self.settle(after_otp(self.row, answer, self.at()))

    @precondition(lambda self: self.final is not None)
    @rule()
    def another_one(self) -> None:
        self.begin(self.resend, bool(self.addresses))

    @invariant()
    def an_open_order_is_due_some_time_and_a_final_one_never(self) -> None:
        if self.in_flight:
            return
        if self.row.state in FINAL:
            assert self.row.due_ms is None
        else:
            assert self.row.due_ms is not None
            assert self.row.due_ms >= self.now_ms or self.row.state is NEEDS_OTP

    @invariant()
    def success_is_only_ever_about_our_money(self) -> None:
        if self.row.state is SUCCESSFUL:
            assert self.matched

    @invariant()
    def everyone_is_told_of_a_state_once(self) -> None:
        assert len(self.told) == len(set(self.told))
        if self.final is not None:
            told = [key for key in self.told if f":{self.final.value}:" in key]
            assert len(told) == 1 + len(self.addresses)

    @invariant()
    def tries_are_counted_and_bounded(self) -> None:
        assert 0 <= self.row.otp_tries <= OTP_TRIES

    @invariant()
    def nothing_stays_pending_behind_its_deadline(self) -> None:
        late = self.row.deadline_ms is not None and self.now_ms > self.row.deadline_ms + 60 * SECOND
        if late and self.row.state is PENDING and not self.in_flight:
            assert self.row.due_ms is not None
            assert self.row.due_ms <= self.now_ms + int(SCHEDULE[-1] * SECOND)


TestLifeOfAnOrder = LifeOfAnOrder.TestCase
TestLifeOfAnOrder.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
