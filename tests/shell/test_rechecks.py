"""A provider speaks of an order that is over: once more asked about, or what it made is looked at."""

from typing import Any

import msgspec
import pytest

from bot.clock import Ids
from bot.contexts import Contexts
from bot.money import AgreementKind, AgreementState, Money, OrderKind, OrderState, Source
from bot.providers.base import AgreementReport, AgreementWord, ProviderError, StatusReport, Unknown
from bot.rechecks import Rechecks
from bot.store.base import CreateOrder, MoveAgreement, MoveOrder
from bot.store.records import AgreementRow, OrderRow
from bot.times import TIMES
from tests.conversations.stage import Stage
from tests.shell.test_agreements import held, standing


class Answers:
    def __init__(self, stage: Stage, says: StatusReport | ProviderError) -> None:
        self.connections = stage.kasapay.calls.connections
        self.resend = stage.kasapay.calls.resend
        self.says = says
        self.stands: AgreementReport | ProviderError = Unknown("away")
        self.asked: list[str] = []

    async def status(self, order: OrderRow, timeout_s: float) -> StatusReport | ProviderError:
        self.asked.append(order.id)
        return self.says

    async def agreement(self, row: AgreementRow, timeout_s: float) -> AgreementReport | ProviderError:
        self.asked.append(row.id)
        return self.stands


def rechecks_of(stage: Stage, calls: Any) -> Rechecks:
    contexts = Contexts(stage.store, stage.kasapay.calls, stage.clock, Ids(), TIMES)
    return Rechecks(stage.store, calls, contexts, stage.clock, TIMES, stage.kasapay.metrics)


async def made(stage: Stage, kind: AgreementKind) -> tuple[AgreementRow, OrderRow]:
    """An agreement that stands and is due much later, and the order that made it."""
    row = await standing(stage, kind)
    order = await stage.store.order_by_reference(row.reference)
    assert order is not None
    await succeed(stage, order)
    now_ms = stage.clock()
    await stage.store.commit([MoveAgreement(row.id, row.version, now_ms, now_ms + 3600_000)])
    return await held(stage), order


async def succeed(stage: Stage, order: OrderRow) -> None:
    now_ms = stage.clock()
    for version, said, source in (
        (0, OrderState.PENDING, Source.US),
        (1, OrderState.SUCCESSFUL, Source.POLL),
    ):
        due_ms = None if said is OrderState.SUCCESSFUL else now_ms
        await stage.store.commit([MoveOrder(order.id, version, said, source, now_ms, due_ms)])


@pytest.mark.parametrize("kind", [AgreementKind.INVOICE, AgreementKind.PREAPPROVAL])
async def test_what_an_order_made_is_looked_at_now(stage: Stage, kind: AgreementKind) -> None:
    _, order = await made(stage, kind)
    calls = Answers(stage, Unknown("nobody asks about the order"))
    woken = []
    rechecks = rechecks_of(stage, calls)
    rechecks.on_settled = lambda: woken.append(1)
    await rechecks.ask(order.id, Source.CALLBACK)
    assert (await held(stage)).due_ms == stage.clock()
    assert calls.asked == []
    assert woken


async def test_a_second_word_within_the_pause_changes_nothing(stage: Stage) -> None:
    _, order = await made(stage, AgreementKind.INVOICE)
    rechecks = rechecks_of(stage, Answers(stage, Unknown("")))
    await rechecks.ask(order.id, Source.CALLBACK)
    version = (await held(stage)).version
    await rechecks.ask(order.id, Source.CALLBACK)
    assert (await held(stage)).version == version


async def ended(stage: Stage, row: AgreementRow, said: AgreementState) -> None:
    now_ms = stage.clock()
    await stage.store.commit([MoveAgreement(row.id, row.version, now_ms, now_ms, said, Source.POLL)])


@pytest.mark.parametrize("word", [AgreementWord.ACTIVE, AgreementWord.CANCELLED, None])
async def test_an_invoice_that_has_ended_is_left_alone(stage: Stage, word: AgreementWord | None) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.CANCELLED)
    calls = Answers(stage, Unknown(""))
    calls.stands = AgreementReport(word)
    await rechecks_of(stage, calls).ask(order.id, Source.CALLBACK)
    assert calls.asked == [row.id]
    assert (await held(stage)).version == row.version + 1
    assert stage.rows("SELECT 1 FROM incidents") == []


async def test_an_invoice_paid_after_its_end_is_an_incident(stage: Stage) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.EXPIRED)
    calls = Answers(stage, Unknown(""))
    rechecks = rechecks_of(stage, calls)
    await rechecks.ask(order.id, Source.CALLBACK)
    assert stage.rows("SELECT 1 FROM incidents") == []
    calls.stands = AgreementReport(AgreementWord.PAID)
    for _ in range(2):
        stage.clock.ms += 5000
        await rechecks.ask(order.id, Source.CALLBACK)
    await rechecks.ask(order.id, Source.CALLBACK)
    assert len(calls.asked) == 3
    (incident,) = stage.rows("SELECT kind, text FROM incidents")
    assert incident["kind"] == "invoice_paid_after_end"
    assert row.code in incident["text"]
    assert (await held(stage)).state is AgreementState.EXPIRED


async def test_an_invoice_nobody_had_a_last_word_on_is_looked_at_now(stage: Stage) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.UNRESOLVED)
    stage.clock.ms += 60_000
    await rechecks_of(stage, Answers(stage, Unknown(""))).ask(order.id, Source.CALLBACK)
    assert (await held(stage)).due_ms == stage.clock()


@pytest.mark.parametrize("said", [AgreementState.CANCELLED, AgreementState.UNRESOLVED])
async def test_an_auto_debit_that_has_ended_is_left_alone(stage: Stage, said: AgreementState) -> None:
    row, order = await made(stage, AgreementKind.PREAPPROVAL)
    await ended(stage, row, said)
    calls = Answers(stage, Unknown(""))
    await rechecks_of(stage, calls).ask(order.id, Source.CALLBACK)
    assert calls.asked == []
    assert (await held(stage)).version == row.version + 1


async def test_an_open_order_is_none_of_its_business(stage: Stage) -> None:
    row = await standing(stage)
    order = await stage.store.order_by_reference(row.reference)
    assert order is not None
    await rechecks_of(stage, Answers(stage, Unknown(""))).ask(order.id, Source.CALLBACK)
    assert (await held(stage)).version == row.version


async def test_a_charge_is_a_payment_of_its_own(stage: Stage) -> None:
    row, first = await made(stage, AgreementKind.PREAPPROVAL)
    order = msgspec.structs.replace(
        first, id="o2", code="CODE-o2", reference="reference-of-o2", kind=OrderKind.AGREEMENT_CHARGE
    )
    await stage.store.commit([CreateOrder(order, Source.US, debits_since_ms=row.created_ms)])
    await succeed(stage, order)
    report = StatusReport(state=OrderState.REVERSED, amount=Money(order.amount_minor, order.currency))
    calls = Answers(stage, report)
    await rechecks_of(stage, calls).ask(order.id, Source.CALLBACK)
    assert calls.asked == [order.id]
    after = await stage.store.order(order.id)
    assert after is not None
    assert after.state is OrderState.REVERSED
    assert (await held(stage)).version == row.version


async def test_it_is_asked_once_after_the_pause(stage: Stage) -> None:
    rechecks = rechecks_of(stage, Answers(stage, Unknown("")))
    rechecks.note("o1", Source.CALLBACK)
    rechecks.note("o1", Source.POLL)
    assert rechecks.take_due() == []
    assert rechecks.next_ms() == stage.clock() + 5000
    stage.clock.ms += 5000
    assert rechecks.take_due() == [("o1", Source.CALLBACK)]
    assert rechecks.take_due() == []
    assert rechecks.next_ms() is None
