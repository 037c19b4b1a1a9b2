"""The keeper of agreements: when it asks, what it believes, and whom it tells."""

import asyncio
from typing import Any

import msgspec
import pytest

from bot.dialog import Address
from bot.money import AgreementKind, AgreementState, Money, OrderKind, Source
from bot.notifications.other_messages import agreement_results
from bot.orders.agreement_keeper import AgreementKeeper
from bot.providers.base import AgreementReport, AgreementWord, ProviderError, Unknown
from bot.runtime.clock import Ids
from bot.runtime.timeouts import TIMES
from bot.store.base import (
    Conflict,
    CreateOrder,
    KeepAgreement,
    KeepMerchant,
    MoveAgreement,
    Queue,
    SavePerson,
)
from bot.store.records import AgreementRow, MessageKind
from tests.conversations.people import Phone
from tests.conversations.stage import EFUA, STAFF, Stage
from tests.store import make

DAY_MS = 24 * 3600_000
ACTIVE, PAID = AgreementState.ACTIVE, AgreementState.PAID


class Answers:
    """Stands for the provider: says one thing, and counts how often it was asked."""

    def __init__(self, stage: Stage, says: AgreementReport | ProviderError) -> None:
        self.accounts = stage.kasapay.calls.accounts
        self.says = says
        self.asked: list[str] = []
        self.taken: tuple[str, ...] = ()

    async def agreement(
        self, row: AgreementRow, timeout_s: float, taken: tuple[str, ...] = ()
    ) -> AgreementReport | ProviderError:
        self.asked.append(row.id)
        self.taken = taken
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
    values = {"account_id": "momo-ghana", "merchant_id": merchant.id, "person_id": person.id, "payer": EFUA}
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


SILENCE = pytest.mark.parametrize(
    "silence", [said(AgreementWord.ACTIVE), said(None), Unknown("away")], ids=["open", "unsure", "away"]
)


async def pauses_until(stage: Stage, keeper: AgreementKeeper, end_ms: int) -> list[int]:
    """Lets the keeper look whenever it wants to, until `end_ms`; its pauses in minutes."""
    pauses = []
    while (due_ms := await stage.store.next_agreement_ms()) is not None and due_ms <= end_ms:
        pauses.append((due_ms - stage.clock.ms) // 60_000)
        stage.clock.ms = due_ms
        await keeper.drain()
    return pauses


@SILENCE
async def test_an_invoice_nobody_has_a_last_word_on_did_not_run_out(
    stage: Stage, silence: AgreementReport | ProviderError
) -> None:
    row = await standing(stage)
    end_ms = row.until_ms or 0
    calls = Answers(stage, silence)
    keeper = keeper_of(stage, calls)
    stage.clock.ms = end_ms
    await keeper.drain()
    pauses = await pauses_until(stage, keeper, end_ms + DAY_MS - 1)
    assert pauses == [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert (await held(stage)).state is ACTIVE
    stage.clock.ms = end_ms + DAY_MS
    await keeper.drain()
    after = await held(stage)
    assert (after.state, after.due_ms) == (AgreementState.UNRESOLVED, stage.clock() + DAY_MS)
    assert incidents(stage) == ["invoice_unresolved"]
    assert told(stage) == []
    # A person must look; and should the provider ever say it, it is told.
    calls.says = said(AgreementWord.PAID, amount=Money(500, "GHS"))
    stage.clock.ms += DAY_MS
    await keeper.drain()
    assert (await held(stage)).state is PAID
    assert "invoice.paid" in told(stage)[0]["view"]
    assert incidents(stage) == ["invoice_unresolved"]


async def test_an_invoice_the_provider_calls_run_out_has(stage: Stage) -> None:
    row = await standing(stage)
    stage.clock.ms = (row.until_ms or 0) + 60_000
    await keeper_of(stage, Answers(stage, said(AgreementWord.EXPIRED))).drain()
    assert (await held(stage)).state is AgreementState.EXPIRED
    assert "invoice.ended" in told(stage)[0]["view"]


async def test_paid_at_the_last_moment_is_paid(stage: Stage) -> None:
    row = await standing(stage)
    stage.clock.ms = (row.until_ms or 0) + 20 * 60_000
    await keeper_of(stage, Answers(stage, said(AgreementWord.PAID))).drain()
    assert (await held(stage)).state is PAID


@SILENCE
async def test_an_auto_debit_ends_on_the_providers_word_alone(
    stage: Stage, silence: AgreementReport | ProviderError
) -> None:
    """Its time counts from the approval, ours from the asking: in between it debits without a PIN."""
    row = await standing(stage, AgreementKind.PREAPPROVAL)
    end_ms = row.until_ms or 0
    calls = Answers(stage, silence)
    keeper = keeper_of(stage, calls)
    stage.clock.ms = end_ms
    await keeper.drain()
    pauses = await pauses_until(stage, keeper, end_ms + 6 * DAY_MS)
    assert pauses[:4] == [1, 1, 2, 4]
    assert pauses[-2:] == [24 * 60] * 2
    assert (await held(stage)).state is ACTIVE
    assert (told(stage), incidents(stage)) == ([], [])
    await pauses_until(stage, keeper, end_ms + 9 * DAY_MS)
    assert (await held(stage)).state is ACTIVE
    assert incidents(stage) == ["auto_debit_not_ended"]
    calls.says = said(AgreementWord.EXPIRED)
    stage.clock.ms += DAY_MS
    await keeper.drain()
    assert (await held(stage)).state is AgreementState.EXPIRED
    assert "autodebit.ended" in told(stage)[0]["view"]


async def test_an_auto_debit_of_no_known_id_ends_where_none_is_listed_any_more(stage: Stage) -> None:
    """Before its time is over the list may be late; afterwards it is their word."""
    row = await standing(stage, AgreementKind.PREAPPROVAL)
    keeper = keeper_of(stage, Answers(stage, said(None, none_stands=True)))
    await keeper.drain()
    assert (await held(stage)).state is ACTIVE
    stage.clock.ms = row.until_ms or 0
    await keeper.drain()
    assert (await held(stage)).state is AgreementState.EXPIRED


async def test_what_is_not_listed_any_more_was_cancelled_or_has_run_out(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.PREAPPROVAL)
    gone = said(AgreementWord.CANCELLED, none_stands=True)
    keeper = keeper_of(stage, Answers(stage, gone))
    (move, *_) = await keeper._look(row)
    assert isinstance(move, MoveAgreement)
    assert move.to_state is AgreementState.CANCELLED
    stage.clock.ms = row.until_ms or 0
    await keeper.drain()
    assert (await held(stage)).state is AgreementState.EXPIRED


async def test_an_id_is_learned_among_those_nobody_else_has(stage: Stage) -> None:
    first = await standing(stage, AgreementKind.PREAPPROVAL)
    now_ms = stage.clock()
    other = msgspec.structs.replace(
        first,
        id="g2",
        merchant_id="m-other",
        code="CODE-g2",
        reference="reference-of-g2",
        version=0,
        due_ms=None,
        state=AgreementState.REQUESTED,
    )
    await stage.store.commit([KeepMerchant(make.merchant("m-other", code="1099")), KeepAgreement(other)])
    held_by_other = MoveAgreement("g2", 0, now_ms, None, AgreementState.CANCELLED, provider_id="theirs")
    await stage.store.commit([held_by_other])
    calls = Answers(stage, said(AgreementWord.ACTIVE, provider_reference="theirs"))
    keeper = keeper_of(stage, calls)
    await keeper.drain()
    assert calls.taken == ("theirs",)
    # Whatever was answered, one id is one agreement's.
    assert (await held(stage)).provider_id == ""
    stage.clock.ms += 61_000
    calls.says = said(AgreementWord.ACTIVE, provider_reference="own")
    await keeper.drain()
    assert (await held(stage)).provider_id == "own"


async def test_a_provider_that_is_away_changes_nothing(stage: Stage) -> None:
    await standing(stage)
    calls = Answers(stage, Unknown("away"))
    keeper = keeper_of(stage, calls)
    await keeper.drain()
    row = await held(stage)
    assert (row.state, row.polls) == (ACTIVE, 1)
    assert row.due_ms == stage.clock() + 30_000
    assert told(stage) == []


@pytest.mark.parametrize(
    ("kind", "state"),
    [(AgreementKind.INVOICE, AgreementState.UNRESOLVED), (AgreementKind.PREAPPROVAL, ACTIVE)],
)
async def test_nobody_can_say_that_one_has_ended_whose_account_left_the_settings(
    stage: Stage, kind: AgreementKind, state: AgreementState
) -> None:
    row = await standing(stage, kind, account_id="gone")
    calls = Answers(stage, said(AgreementWord.PAID))
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).state is ACTIVE
    stage.clock.ms = (row.until_ms or 0) + DAY_MS
    await keeper_of(stage, calls).drain()
    assert (await held(stage)).state is state
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

    async def breaks(row: AgreementRow, timeout_s: float, taken: tuple[str, ...] = ()) -> AgreementReport:
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
            row, began, PAID, "Ama's Kitchen", [chat], now_ms=stage.clock(), new_id=Ids().uuid, timeouts=TIMES
        )
        return [change.row.address_value for change in queued]

    assert targets(Address("msisdn", STAFF)) == [STAFF, "42"]
    assert targets(Address("telegram", "99")) == ["99"]


async def test_what_was_paid_is_told_as_a_result(stage: Stage) -> None:
    """A chat that does not take it is no reason not to be told: it goes by SMS, or with the next dial."""
    row = await standing(stage)
    order = await stage.store.order_by_reference(row.reference)
    assert order is not None
    common: dict[str, Any] = {"now_ms": stage.clock(), "new_id": Ids().uuid, "timeouts": TIMES}
    began = msgspec.structs.replace(order, origin_kind="telegram", origin_value="42")
    (paid,) = agreement_results(row, began, PAID, "Ama's Kitchen", [], **common)
    assert paid.row.kind is MessageKind.RESULT
    await Phone(stage, EFUA).dial()
    efua = await stage.store.person_of("msisdn", EFUA)
    assert efua is not None
    lost = msgspec.structs.replace(paid.row, person_id=efua[0].id, due_ms=0)
    await stage.store.commit([Queue(lost)])
    stage.kasapay.outbox._channels = {
        kind: channel for kind, channel in stage.kasapay.outbox._channels.items() if kind == "msisdn"
    }
    await stage.kasapay.outbox.drain()
    (by_sms,) = stage.rows("SELECT kind, state FROM messages WHERE address_value = ?", EFUA)
    assert (by_sms["kind"], by_sms["state"]) == ("result", "sent")
