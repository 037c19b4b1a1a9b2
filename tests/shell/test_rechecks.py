"""A provider speaks of an order that is over: once more asked about, or what it made is looked at."""

import json
from typing import Any

import msgspec
import pytest

from bot.money import AgreementKind, AgreementState, Money, OrderKind, OrderState, Source
from bot.orders.context_loader import ContextLoader
from bot.orders.rechecks import Rechecks
from bot.providers.base import (
    AgreementReport,
    AgreementWord,
    Malformed,
    Misconfigured,
    NotSent,
    ProviderError,
    StatusReport,
    Unknown,
)
from bot.runtime.clock import Ids
from bot.runtime.timeouts import TIMES
from bot.store.base import CreateOrder, Hint, KeepRecheck, KeepStaff, MoveAgreement, MoveOrder
from bot.store.records import AgreementRow, OrderRow, RecheckRow
from tests.conversations.stage import Stage
from tests.shell.test_agreements import held, standing
from tests.store.make import staff


class Answers:
    def __init__(self, stage: Stage, says: StatusReport | ProviderError) -> None:
        self.accounts = stage.kasapay.calls.accounts
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


async def ask(stage: Stage, rechecks: Rechecks, order: OrderRow, said: OrderState | None = None) -> None:
    """The provider speaks of the order, and it is looked into after the pause."""
    word = Hint(order.id, Source.WEBHOOK, stage.clock(), 5_000, said)
    await stage.store.commit([word])
    stage.clock.ms += 5_000
    for row in await rechecks.claim(9):
        await rechecks.ask(row)


async def waits_ms(stage: Stage) -> int | None:
    """For how long the work that is kept is put off."""
    due_ms = await stage.store.next_recheck_ms()
    return None if due_ms is None else due_ms - stage.clock()


def rechecks_of(stage: Stage, calls: Any) -> Rechecks:
    contexts = ContextLoader(stage.store, stage.kasapay.calls, stage.clock, Ids(), TIMES)
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
    await ask(stage, rechecks, order)
    assert (await held(stage)).due_ms == stage.clock()
    assert calls.asked == []
    assert woken


async def ended(stage: Stage, row: AgreementRow, said: AgreementState) -> None:
    now_ms = stage.clock()
    await stage.store.commit([MoveAgreement(row.id, row.version, now_ms, now_ms, said, Source.POLL)])


@pytest.mark.parametrize("word", [AgreementWord.ACTIVE, AgreementWord.CANCELLED, None])
async def test_an_invoice_that_has_ended_is_left_alone(stage: Stage, word: AgreementWord | None) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.CANCELLED)
    calls = Answers(stage, Unknown(""))
    calls.stands = AgreementReport(word)
    await ask(stage, rechecks_of(stage, calls), order)
    assert calls.asked == [row.id]
    assert (await held(stage)).version == row.version + 1
    assert stage.rows("SELECT 1 FROM incidents") == []


async def test_an_invoice_paid_after_its_end_is_an_incident(stage: Stage) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.EXPIRED)
    calls = Answers(stage, Unknown(""))
    rechecks = rechecks_of(stage, calls)
    await ask(stage, rechecks, order)
    assert stage.rows("SELECT 1 FROM incidents") == []
    assert await waits_ms(stage) == 10_000
    calls.stands = AgreementReport(AgreementWord.PAID)
    for _ in range(2):
        await ask(stage, rechecks, order)
    (incident,) = stage.rows("SELECT kind, text FROM incidents")
    assert incident["kind"] == "invoice_paid_after_end"
    assert row.code in incident["text"]
    assert (await held(stage)).state is AgreementState.EXPIRED
    assert await waits_ms(stage) is None


async def test_an_invoice_nobody_had_a_last_word_on_is_looked_at_now(stage: Stage) -> None:
    row, order = await made(stage, AgreementKind.INVOICE)
    await ended(stage, row, AgreementState.UNRESOLVED)
    stage.clock.ms += 60_000
    await ask(stage, rechecks_of(stage, Answers(stage, Unknown(""))), order)
    assert (await held(stage)).due_ms == stage.clock()


@pytest.mark.parametrize("said", [AgreementState.CANCELLED, AgreementState.UNRESOLVED])
async def test_an_auto_debit_that_has_ended_is_left_alone(stage: Stage, said: AgreementState) -> None:
    row, order = await made(stage, AgreementKind.PREAPPROVAL)
    await ended(stage, row, said)
    calls = Answers(stage, Unknown(""))
    await ask(stage, rechecks_of(stage, calls), order)
    assert calls.asked == []
    assert (await held(stage)).version == row.version + 1


async def test_an_open_order_is_none_of_its_business(stage: Stage) -> None:
    row = await standing(stage)
    order = await stage.store.order_by_reference(row.reference)
    assert order is not None
    await ask(stage, rechecks_of(stage, Answers(stage, Unknown(""))), order)
    assert await waits_ms(stage) is None
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
    await ask(stage, rechecks_of(stage, calls), order)
    assert calls.asked == [order.id]
    after = await stage.store.order(order.id)
    assert after is not None
    assert after.state is OrderState.REVERSED
    assert (await held(stage)).version == row.version


# ---- what was acknowledged is work that is kept ---------------------------------------------------


async def paid(stage: Stage) -> OrderRow:
    """A plain payment that is over."""
    row = await standing(stage)
    first = await stage.store.order_by_reference(row.reference)
    assert first is not None
    order = msgspec.structs.replace(
        first,
        id="o2",
        code="CODE-o2",
        reference="reference-of-o2",
        kind=OrderKind.COLLECTION,
        agreement_id=None,
    )
    await stage.store.commit([CreateOrder(order, Source.US)])
    await succeed(stage, order)
    return order


def says(state: OrderState | None, order: OrderRow, **more: Any) -> StatusReport:
    return StatusReport(state=state, amount=Money(order.amount_minor, order.currency), **more)


@pytest.mark.parametrize(
    "nothing",
    [Unknown("away"), NotSent("refused"), Misconfigured("keys"), Malformed("?"), StatusReport(state=None),
     StatusReport(state=None, not_found=True)],
    ids=lambda given: type(given).__name__,
)  # fmt: skip
async def test_it_is_asked_again_and_again_until_somebody_can_say(
    stage: Stage, nothing: StatusReport | ProviderError
) -> None:
    order = await paid(stage)
    calls = Answers(stage, nothing)
    rechecks = rechecks_of(stage, calls)
    await ask(stage, rechecks, order, OrderState.REVERSED)
    pauses = []
    for _ in range(12):
        pause_ms = await waits_ms(stage)
        assert pause_ms is not None
        pauses.append(pause_ms)
        stage.clock.ms += pause_ms
        # It survives the process, too: another one takes it up.
        for row in await rechecks_of(stage, calls).claim(9):
            await rechecks_of(stage, calls).ask(row)
    assert pauses == [10_000 * 2**n for n in range(9)] + [3_600_000] * 3
    calls.says = says(OrderState.REVERSED, order)
    await ask(stage, rechecks, order)
    after = await stage.store.order(order.id)
    assert after is not None
    assert after.state is OrderState.REVERSED
    assert await waits_ms(stage) is None


async def test_what_nobody_can_say_for_a_day_is_an_incident(stage: Stage) -> None:
    order = await paid(stage)
    rechecks = rechecks_of(stage, Answers(stage, Unknown("away")))
    await ask(stage, rechecks, order, OrderState.REVERSED)
    while (pause_ms := await waits_ms(stage)) is not None:
        stage.clock.ms += pause_ms
        for row in await rechecks.claim(9):
            await rechecks.ask(row)
    (incident,) = [row for row in await stage.store.incidents(9) if row.kind == "news_not_looked_into"]
    assert order.code in incident.text
    assert "REVERSED" in incident.text


async def test_a_status_that_lags_behind_what_was_told_is_asked_again(stage: Stage) -> None:
    order = await paid(stage)
    calls = Answers(stage, says(OrderState.SUCCESSFUL, order))
    rechecks = rechecks_of(stage, calls)
    await ask(stage, rechecks, order, OrderState.REVERSED)
    assert await waits_ms(stage) == 10_000
    calls.says = says(OrderState.REVERSED, order)
    stage.clock.ms += 10_000
    for row in await rechecks.claim(9):
        await rechecks.ask(row)
    assert await waits_ms(stage) is None
    # An old event, come late, says nothing against what came after it.
    await ask(stage, rechecks, order, OrderState.SUCCESSFUL)
    assert await waits_ms(stage) is None


async def test_our_own_question_is_answered_by_nothing_found(stage: Stage) -> None:
    order = await paid(stage)
    now_ms = stage.clock()
    await stage.store.commit([KeepRecheck(RecheckRow(order.id, Source.POLL, None, now_ms, now_ms))])
    rechecks = rechecks_of(stage, Answers(stage, StatusReport(state=None, not_found=True)))
    for row in await rechecks.claim(9):
        await rechecks.ask(row)
    assert await waits_ms(stage) is None
    assert await stage.store.incidents(9) == ()


@pytest.mark.parametrize(("source", "alarms"), [(Source.WEBHOOK, 1), (Source.POLL, 0)])
async def test_an_account_that_left_the_settings_cannot_be_asked_and_ends_the_work_all_the_same(
    stage: Stage, source: Source, alarms: int
) -> None:
    order = await paid(stage)
    stage.change("DROP TRIGGER orders_keep_their_terms")
    stage.change("UPDATE orders SET connection = 'gone' WHERE id = ?", order.id)
    now_ms = stage.clock()
    await stage.store.commit([KeepRecheck(RecheckRow(order.id, source, None, now_ms, now_ms))])
    rechecks = rechecks_of(stage, stage.kasapay.calls)
    while (pause_ms := await waits_ms(stage)) is not None:
        stage.clock.ms += max(pause_ms, 0)
        for row in await rechecks.claim(9):
            await rechecks.ask(row)
    assert len(await stage.store.incidents(9)) == alarms


# ---- staff, and whoever was told a failure ---------------------------------------------------------


async def told(stage: Stage) -> list[tuple[str, str, str]]:
    rows = stage.rows(
        "SELECT address_kind, address_value, view FROM messages WHERE dedupe_key LIKE 'staff:%'"
    )
    return [(r["address_kind"], r["address_value"], json.loads(r["view"])["text"]["id"]) for r in rows]


async def enrol(stage: Stage, order: OrderRow) -> None:
    """An owner in a chat, an accountant on a phone, and a cashier, who is not told."""
    for id, role, kind, value in (
        ("s-own", "owner", "telegram", "4711"),
        ("s-acc", "accountant", "msisdn", "+233249990001"),
        ("s-cash", "cashier", "msisdn", "+233249990002"),
    ):
        row = staff(id, merchant_id=order.merchant_id, role=role, address_kind=kind, address_value=value)
        await stage.store.commit([KeepStaff(row)])


async def test_money_that_went_back_is_told_to_owner_and_accountant_in_the_same_commit(stage: Stage) -> None:
    order = await paid(stage)
    await enrol(stage, order)
    calls = Answers(stage, says(OrderState.REVERSED, order))
    for _ in range(2):
        await ask(stage, rechecks_of(stage, calls), order, OrderState.REVERSED)
    mine = [line for line in await told(stage) if line[1] in ("4711", "+233249990001", "+233249990002")]
    assert sorted(mine) == [
        ("msisdn", "+233249990001", "staff.reversed"),
        ("telegram", "4711", "staff.reversed"),
    ]
    (incident,) = await stage.store.incidents(9)
    assert (incident.kind, incident.order_id) == ("changed_after_final", order.id)


async def test_a_reversal_of_other_money_is_told_and_changes_nothing(stage: Stage) -> None:
    order = await paid(stage)
    await enrol(stage, order)
    part = StatusReport(state=OrderState.REVERSED, amount=Money(1, order.currency))
    await ask(stage, rechecks_of(stage, Answers(stage, part)), order, OrderState.REVERSED)
    after = await stage.store.order(order.id)
    assert after is not None
    assert after.state is OrderState.SUCCESSFUL
    assert {line[2] for line in await told(stage)} == {"staff.otherwise"}
    assert [row.kind for row in await stage.store.incidents(9)] == ["mismatch_amount"]


@pytest.mark.parametrize("kind", [AgreementKind.PREAPPROVAL, AgreementKind.INVOICE])
async def test_an_agreement_that_was_never_made_and_stands_after_all_is_told(
    stage: Stage, kind: AgreementKind
) -> None:
    """While a pre-approval stands, wallets are debited without a PIN."""
    row = await standing(stage, kind)
    order = await stage.store.order_by_reference(row.reference)
    assert order is not None
    now_ms = stage.clock()
    for version, said, source in ((0, OrderState.PENDING, Source.US), (1, OrderState.FAILED, Source.POLL)):
        due_ms = None if said is OrderState.FAILED else now_ms
        await stage.store.commit([MoveOrder(order.id, version, said, source, now_ms, due_ms)])
    await ended(stage, await held(stage), AgreementState.CANCELLED)
    calls = Answers(stage, says(OrderState.SUCCESSFUL, order))
    calls.stands = AgreementReport(AgreementWord.ACTIVE)
    await ask(stage, rechecks_of(stage, calls), order)
    assert [incident.kind for incident in await stage.store.incidents(9)] == ["contradiction"]
    after = await stage.store.order(order.id)
    assert after is not None
    assert after.doubted_ms is not None
