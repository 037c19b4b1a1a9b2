"""The keeper of agreements: when it asks, what it believes, and whom it tells."""

import asyncio
from typing import Any

import msgspec
import pytest

from bot.agreements import AgreementKeeper
from bot.clock import Ids
from bot.dialog import Address
from bot.money import AgreementKind, AgreementState, Money, OrderKind, Source
from bot.notices import agreement_results
from bot.providers.base import AgreementReport, AgreementWord, ProviderError, Unknown
from bot.store.base import Conflict, CreateOrder, KeepAgreement, MoveAgreement, SavePerson
from bot.store.records import AgreementRow
from bot.times import TIMES
from tests.conversations.stage import EFUA, STAFF, Stage
from tests.store import make

DAY_MS = 24 * 3600_000
ACTIVE, PAID = AgreementState.ACTIVE, AgreementState.PAID


class Answers:
    """Stands for the provider: says one thing, and counts how often it was asked."""

    def __init__(self, stage: Stage, says: AgreementReport | ProviderError) -> None:
        self.connections = stage.kasapay.calls.connections
        self.says = says
        self.asked: list[str] = []

    async def agreement(self, row: AgreementRow, timeout_s: float) -> AgreementReport | ProviderError:
        self.asked.append(row.id)
        await asyncio.sleep(0)
        return self.says


def said(word: AgreementWord | None, **given: Any) -> AgreementReport:
    return AgreementReport(state=word, **given)


def keeper_of(stage: Stage, calls: Answers) -> AgreementKeeper:
    return AgreementKeeper(stage.store, calls, stage.clock, Ids(), TIMES)  # type: ignore[arg-type]


async def standing(stage: Stage, kind: AgreementKind = AgreementKind.INVOICE, **given: Any) -> AgreementRow:
    """An agreement as it is once its order has succeeded: active, and due."""
    now_ms = stage.clock()
    merchant = await stage.store.merchant_by_code("1001")
    person = make.person(id="p-ama")
    assert merchant is not None
    values = {"connection": "momo-ghana", "merchant_id": merchant.id, "person_id": person.id, "payer": EFUA}
    row = make.agreement(
        kind=kind,
        created_ms=now_ms,
        updated_ms=now_ms,
        every="month" if kind is AgreementKind.PREAPPROVAL else "",
        **(values | {"until_ms": now_ms + DAY_MS} | given),
    )
    order = make.order(
        kind=OrderKind(kind.value) if kind is not AgreementKind.CONSENT else OrderKind.INVOICE,
        reference=row.reference,
        code=row.code,
        agreement_id=row.id,
        origin_kind="msisdn",
        origin_value=STAFF,
        due_ms=now_ms,
        created_ms=now_ms,
        updated_ms=now_ms,
        **values,
    )
    await stage.store.commit([SavePerson(person)])
    await stage.store.commit([KeepAgreement(row), CreateOrder(order, Source.US)])
    await stage.store.commit([MoveAgreement(row.id, 0, now_ms, now_ms, ACTIVE, Source.REPLY)])
    return await held(stage)


async def held(stage: Stage) -> AgreementRow:
    row = await stage.store.agreement("g1")
    assert row is not None
    return row


def told(stage: Stage) -> list[dict[str, Any]]:
    return stage.rows("SELECT address_value, view FROM messages ORDER BY created_ms")


def incidents(stage: Stage) -> list[str]:
    return [row["kind"] for row in stage.rows("SELECT kind FROM incidents")]


async def test_an_invoice_is_asked_about_ever_more_rarely(stage: Stage) -> None:
    await standing(stage, until_ms=stage.clock() + 30 * DAY_MS)
    keeper = keeper_of(stage, Answers(stage, said(AgreementWord.ACTIVE)))
    pauses = []
    for _ in range(62):
        before_ms = stage.clock()
        assert await keeper.drain() == 1
        due_ms = await stage.store.next_agreement_ms()
        assert due_ms is not None
        pauses.append((due_ms - before_ms) // 1000)
        stage.clock.ms = due_ms
    assert pauses[:20] == [30] * 20
    assert pauses[20:60] == [300] * 40
    assert pauses[60:] == [3600] * 2
    assert (await held(stage)).state is ACTIVE


async def test_a_pause_never_reaches_over_the_end(stage: Stage) -> None:
    row = await standing(stage, until_ms=stage.clock() + 12_000)
    await keeper_of(stage, Answers(stage, said(AgreementWord.ACTIVE))).drain()
    assert (await held(stage)).due_ms == row.until_ms


async def test_an_auto_debit_is_asked_for_its_id_and_then_daily(stage: Stage) -> None:
    await standing(stage, AgreementKind.PREAPPROVAL, until_ms=stage.clock() + 30 * DAY_MS)
    calls = Answers(stage, said(None))
    keeper = keeper_of(stage, calls)
    await keeper.drain()
    assert (await held(stage)).due_ms == stage.clock() + 10_000
    stage.clock.ms += 10_000
    calls.says = said(AgreementWord.ACTIVE, provider_reference="theirs")
    await keeper.drain()
    stage.clock.ms += 10_000
    await keeper.drain()
    row = await held(stage)
    assert row.provider_id == "theirs"
    assert row.due_ms == stage.clock() + DAY_MS


async def test_their_end_counts_where_it_is_sooner(stage: Stage) -> None:
    row = await standing(stage, until_ms=stage.clock() + 30 * DAY_MS)
    calls = Answers(stage, said(AgreementWord.ACTIVE, expires_ms=stage.clock() + DAY_MS))
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).until_ms == stage.clock() + DAY_MS
    calls.says = said(AgreementWord.ACTIVE, expires_ms=(row.until_ms or 0) + DAY_MS)
    stage.clock.ms += 30_000
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).until_ms == row.created_ms + DAY_MS


async def test_paid_is_told_once_to_whoever_made_it(stage: Stage) -> None:
    await standing(stage)
    calls = Answers(stage, said(AgreementWord.PAID, amount=Money(500, "GHS")))
    keeper = keeper_of(stage, calls)
    woken = []
    keeper.on_told = lambda: woken.append(1)
    assert await keeper.drain() == 1
    assert await keeper.drain() == 0
    row = await held(stage)
    assert (row.state, row.due_ms) == (PAID, None)
    (message,) = told(stage)
    assert message["address_value"] == STAFF
    assert "invoice.paid" in message["view"]
    assert woken


@pytest.mark.parametrize("amount", [Money(499, "GHS"), Money(500, "XOF"), Money(50_000, "GHS")])
async def test_another_amount_is_called_paid_by_nobody(stage: Stage, amount: Money) -> None:
    await standing(stage)
    await keeper_of(stage, Answers(stage, said(AgreementWord.PAID, amount=amount))).drain()
    row = await held(stage)
    assert (row.state, row.due_ms is None) == (AgreementState.UNRESOLVED, False)
    assert incidents(stage) == ["mismatch_invoice"]
    assert told(stage) == []


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (AgreementWord.REFUSED, AgreementState.REFUSED),
        (AgreementWord.CANCELLED, AgreementState.CANCELLED),
        (AgreementWord.EXPIRED, AgreementState.EXPIRED),
    ],
)
async def test_what_ended_there_has_ended(stage: Stage, word: AgreementWord, state: AgreementState) -> None:
    await standing(stage)
    await keeper_of(stage, Answers(stage, said(word))).drain()
    assert (await held(stage)).state is state
    (message,) = told(stage)
    assert "invoice.ended" in message["view"]


@pytest.mark.parametrize(
    "silence", [said(AgreementWord.ACTIVE), said(None), Unknown("away")], ids=["open", "unsure", "away"]
)
async def test_an_invoice_keeps_a_while_behind_its_end(
    stage: Stage, silence: AgreementReport | ProviderError
) -> None:
    row = await standing(stage)
    calls = Answers(stage, silence)
    keeper = keeper_of(stage, calls)
    stage.clock.ms = (row.until_ms or 0) + 9 * 60_000
    await keeper.drain()
    assert (await held(stage)).state is ACTIVE
    stage.clock.ms = (row.until_ms or 0) + 10 * 60_000
    await keeper.drain()
    assert (await held(stage)).state is AgreementState.EXPIRED


async def test_paid_at_the_last_moment_is_paid(stage: Stage) -> None:
    row = await standing(stage)
    stage.clock.ms = (row.until_ms or 0) + 20 * 60_000
    await keeper_of(stage, Answers(stage, said(AgreementWord.PAID))).drain()
    assert (await held(stage)).state is PAID


async def test_an_auto_debit_ends_with_its_time(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.PREAPPROVAL)
    stage.clock.ms = row.until_ms or 0
    await keeper_of(stage, Answers(stage, said(AgreementWord.ACTIVE))).drain()
    assert (await held(stage)).state is AgreementState.EXPIRED
    (message,) = told(stage)
    assert "autodebit.ended" in message["view"]


async def test_a_provider_that_is_away_changes_nothing(stage: Stage) -> None:
    await standing(stage)
    calls = Answers(stage, Unknown("away"))
    keeper = keeper_of(stage, calls)
    await keeper.drain()
    row = await held(stage)
    assert (row.state, row.asks) == (ACTIVE, 1)
    assert row.due_ms == stage.clock() + 30_000
    assert told(stage) == []


async def test_one_whose_account_left_the_settings_ends_with_its_time_alone(stage: Stage) -> None:
    row = await standing(stage, connection="gone")
    calls = Answers(stage, said(AgreementWord.PAID))
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).state is ACTIVE
    stage.clock.ms = (row.until_ms or 0) + DAY_MS
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).state is AgreementState.EXPIRED
    assert calls.asked == []


async def test_a_consent_ends_by_itself_and_leaves_no_id(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.CONSENT)
    await stage.store.commit(
        [MoveAgreement(row.id, row.version, stage.clock(), row.until_ms, provider_id="sealed")]
    )
    calls = Answers(stage, said(AgreementWord.PAID))
    stage.clock.ms = row.until_ms or 0
    await keeper_of(stage, calls).drain()
    after = await held(stage)
    assert (after.state, after.provider_id) == (AgreementState.EXPIRED, "")
    assert calls.asked == []
    assert told(stage) == []


async def test_two_keepers_ask_once(stage: Stage) -> None:
    await standing(stage)
    calls = Answers(stage, said(AgreementWord.PAID))
    handled = await asyncio.gather(keeper_of(stage, calls).drain(), keeper_of(stage, calls).drain())
    assert sorted(handled) == [0, 1]
    assert len(calls.asked) == 1
    assert len(told(stage)) == 1


async def test_a_keeper_that_was_away_too_long_changes_nothing(stage: Stage) -> None:
    row = await standing(stage)
    slow = keeper_of(stage, Answers(stage, said(AgreementWord.ACTIVE)))
    quick = Answers(stage, said(AgreementWord.PAID))
    (leased,) = await stage.store.claim_agreements(stage.clock(), 60_000, 1)
    stage.clock.ms += 61_000
    await keeper_of(stage, quick).drain()
    with pytest.raises(Conflict):
        await stage.store.commit(await slow._look(leased))
    assert (await held(stage)).state is PAID
    assert len(stage.rows("SELECT 1 FROM agreement_lines WHERE agreement_id = ?", row.id)) == 3


async def test_what_breaks_is_looked_at_again_after_its_lease(stage: Stage) -> None:
    await standing(stage)
    calls = Answers(stage, said(AgreementWord.PAID))
    broken = Answers(stage, said(AgreementWord.PAID))

    async def breaks(row: AgreementRow, timeout_s: float) -> AgreementReport:
        raise RuntimeError("on purpose")

    broken.agreement = breaks  # type: ignore[method-assign]
    assert await keeper_of(stage, broken).drain() == 1
    assert (await held(stage)).state is ACTIVE
    stage.clock.ms += 61_000
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).state is PAID


async def test_the_news_goes_where_the_order_began_and_to_linked_chats(stage: Stage) -> None:
    row = await standing(stage)
    order = await stage.store.order_by_reference(row.reference)
    assert order is not None
    chat = make.address("a2", kind="telegram", value="42", verified_ms=stage.clock(), seen_ms=stage.clock())

    def targets(origin: Address) -> list[str]:
        began = msgspec.structs.replace(order, origin_kind=origin.kind, origin_value=origin.value)
        queued = agreement_results(
            row, began, PAID, "Ama's Kitchen", [chat], now_ms=stage.clock(), new_id=Ids().uuid, times=TIMES
        )
        return [change.row.address_value for change in queued]

    assert targets(Address("msisdn", STAFF)) == [STAFF, "42"]
    assert targets(Address("telegram", "99")) == ["99"]
