"""Words that come late, twice or by a part only: none undoes what is known, and none is lost."""

from typing import Any

import pytest

from bot.money import (
    ORDER_CODE_BYTES,
    AgreementKind,
    AgreementState,
    OrderKind,
    OrderState,
    Reason,
    Source,
    code_from_bytes,
)
from bot.orders.commit_reply import keep_reply
from bot.orders.rules import after_otp, after_request, after_silence, after_status, give_up, stopped
from bot.providers.base import (
    AgreementReport,
    AgreementWord,
    Declined,
    NextStep,
    NotSent,
    OtpAnswer,
    Receipt,
    StatusReport,
    Unknown,
)
from bot.store.base import CreateOrder, MoveOrder, OrderFields, SavePerson, UpdateOrder
from bot.store.records import OrderRow
from tests.conversations.people import Phone, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage
from tests.shell.ledger import context
from tests.shell.ledger import order as in_memory
from tests.shell.test_agreements import held
from tests.shell.test_callbacks import event, pending, signed
from tests.shell.test_rechecks import Answers, ask, ended, made, rechecks_of
from tests.store.make import order as order_row
from tests.store.make import person

SB = "startbutton-ghs"


async def sent(stage: Stage, **given: Any) -> OrderRow:
    """An order that is with Startbutton, of a person nobody else is."""
    merchant = await stage.store.merchant_by_code("1002")
    assert merchant is not None
    now_ms = stage.clock()
    values = {
        "id": stage.ids.uuid(),
        "code": code_from_bytes(stage.ids.random_bytes(ORDER_CODE_BYTES)),
        "reference": stage.ids.uuid(),
        "account_id": SB,
        "merchant_id": merchant.id,
        "person_id": "somebody",
        "created_ms": now_ms,
        "updated_ms": now_ms,
        "due_ms": now_ms,
    }
    row = order_row(**(values | given))
    changes: list[Any] = [SavePerson(person("somebody")), CreateOrder(row, Source.US)]
    later = now_ms + 3600_000
    changes.append(
        MoveOrder(row.id, 0, OrderState.PENDING, Source.US, now_ms, later, fields=OrderFields(sent_ms=now_ms))
    )
    await stage.store.commit(changes)
    kept = await stage.store.order(row.id)
    assert kept is not None
    return kept


async def tell(stage: Stage, body: bytes) -> None:
    assert await stage.kasapay.callbacks.take_signed(SB, signed(SB, body), body)


async def hinted(stage: Stage, row: OrderRow) -> bool:
    after = await stage.store.order(row.id)
    assert after is not None
    return after.hinted_by is Source.WEBHOOK


# ---- found by one name only ----------------------------------------------------------------------


async def test_an_order_is_found_by_our_reference_alone(stage: Stage) -> None:
    """The reply that would have told theirs was lost."""
    row = await sent(stage)
    await tell(stage, event(row, transactionReference="a-name-of-theirs"))
    assert await hinted(stage, row)
    assert await stage.store.incidents(10) == ()


async def test_an_order_is_found_by_their_reference_alone(stage: Stage) -> None:
    row = await sent(stage, provider_reference="8c1d9e4ab377")
    await tell(stage, event(row, userTransactionReference=None))
    assert await hinted(stage, row)


# ---- another amount ------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [500, 499, 501])
async def test_a_payout_event_of_another_amount_is_for_staff_to_see(stage: Stage, amount: int) -> None:
    row = await sent(stage, kind=OrderKind.TRANSFER, payer="", payee=EFUA)
    await tell(stage, event(row, "transfer.successful", status="successful", amount=amount))
    told = [(incident.kind, incident.order_id) for incident in await stage.store.incidents(10)]
    assert told == ([] if amount == row.amount_minor else [("stray_payment", row.id)])


# ---- late ----------------------------------------------------------------------------------------


async def test_a_late_callback_about_a_paid_invoice_is_no_news(stage: Stage) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.PAID)
    calls = Answers(stage, Unknown(""))
    calls.stands = AgreementReport(AgreementWord.PAID)
    await ask(stage, rechecks_of(stage, calls), order)
    assert await stage.store.incidents(10) == ()
    assert (await held(stage)).state is AgreementState.PAID


@pytest.mark.parametrize("said", [Declined(Reason.REJECTED), NotSent("no route"), Receipt(), Unknown("lost")])
async def test_a_late_reply_leaves_a_final_order_as_it_is(stage: Stage, said: Any) -> None:
    """It was asked about, and settled, while the reply to the request was still on its way."""
    order = await pending(stage)
    final = MoveOrder(order.id, order.version, OrderState.SUCCESSFUL, Source.POLL, stage.clock(), None)
    await stage.store.commit([final])
    before = await stage.store.transitions(order.id)
    now = context(stage.clock())
    after = await keep_reply(stage.store, order, lambda row: after_request(row, said, now))
    assert after.state is OrderState.SUCCESSFUL
    assert await stage.store.order(order.id) == after
    assert await stage.store.transitions(order.id) == before


async def test_a_result_wakes_the_outbox_at_once(stage: Stage) -> None:
    """Nobody waits for the next look at the queue: whoever settles says so."""
    woken: list[str] = []
    await Robot(stage, Phone(stage, EFUA), "1001").pay()
    await stage.settle()
    decide(stage, EFUA, "approve")
    stage.kasapay.worker.on_settled = lambda: woken.append("worker")
    await stage.pass_time(60)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    assert woken


async def test_what_is_woken_is_the_outbox(stage: Stage) -> None:
    outbox = stage.kasapay.outbox
    outbox._woken.clear()
    stage.kasapay.worker.on_settled()
    assert outbox._woken.is_set()


# ---- whose lease it is ---------------------------------------------------------------------------

_PENDING, _CODE = in_memory(), in_memory(OrderState.NEEDS_OTP)
_PAID = StatusReport(OrderState.SUCCESSFUL, amount=None)


@pytest.mark.parametrize(
    "decide_with",
    [
        lambda at: after_request(_PENDING, Receipt(), at),
        lambda at: after_request(_PENDING, Receipt(NextStep.OTP, "SB1"), at),
        lambda at: after_request(_PENDING, Declined(Reason.REJECTED), at),
        lambda at: after_request(_PENDING, NotSent("no route"), at),
        lambda at: after_request(_PENDING, Unknown("lost"), at),
        lambda at: after_otp(in_memory(otp_tries=1, accepted_ms=1), OtpAnswer(accepted=False), at),
        lambda at: after_status(_PENDING, _PAID, Source.POLL, at),
        lambda at: after_status(_PENDING, StatusReport(OrderState.FAILED), Source.POLL, at),
        lambda at: after_status(_PENDING, StatusReport(OrderState.PENDING), Source.POLL, at),
        lambda at: after_silence(_PENDING, Unknown("away"), at),
        lambda at: give_up(in_memory(OrderState.NEW, sent_ms=None), at),
        lambda at: stopped(in_memory(OrderState.NEW, sent_ms=None), at),
    ],
)
def test_every_decision_is_kept_under_the_lease_it_was_made_under(decide_with: Any) -> None:
    """A worker that was away too long changes nothing."""
    settled = decide_with(context(fence=7))
    kept = [change for change in settled.changes if isinstance(change, MoveOrder | UpdateOrder)]
    assert kept
    assert {change.fence for change in kept} == {7}
