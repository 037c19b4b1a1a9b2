"""What customers begin that stands for a while, and bills: whose it must be, and how much."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import msgspec
import pytest

from bot.admin.registry import COMMANDS
from bot.dialog import views as v
from bot.money import ENDED, AgreementKind, AgreementState, Money, OrderKind, OrderState, Source
from bot.operations.actor import Actor, EffectResult, Operator, RequestKey
from bot.operations.agreements import Agreements
from bot.operations.settling import Settling
from bot.runtime.timeouts import TIMES
from bot.store.base import (
    CreateOrder,
    KeepAgreement,
    KeepMerchant,
    MoveAgreement,
    MoveOrder,
    OrderFields,
    UpdateOrder,
)
from bot.store.records import OrderRow
from tests.conversations.people import Phone, decide
from tests.conversations.stage import EFUA, KWAME, Stage
from tests.operations.actors import make_actor
from tests.shell.test_agreements import standing
from tests.store import make

GHS_20 = Money(2000, "GHS")


async def speaker_of(stage: Stage, msisdn: str) -> Actor:
    """Whoever has this number, once they have dialled."""
    await Phone(stage, msisdn).dial()
    found = await stage.store.person_of("msisdn", msisdn)
    assert found is not None
    person, address = found
    return make_actor(person, address)


def request(actor: Actor, position: int = 3) -> RequestKey:
    return RequestKey(f"c-{actor.address_row.id}", position)


def room(stage: Stage) -> Agreements:
    return stage.kasapay.operations.agreements


async def merchant_id(stage: Stage, code: str = "1001") -> str:
    merchant = await stage.store.merchant_by_code(code)
    assert merchant is not None
    return merchant.id


async def set_up(stage: Stage, msisdn: str = EFUA, code: str = "1001", **given: Any) -> EffectResult:
    actor = await speaker_of(stage, msisdn)
    usual = {"merchant_id": await merchant_id(stage, code), "most": GHS_20, "every": "week", "days": 30}
    return await room(stage).set_up(actor, request(actor), **(usual | given))


async def bill(stage: Stage, actor: Actor, **given: Any) -> EffectResult:
    usual = {
        "merchant_id": await merchant_id(stage),
        "bill": "ECG",
        "customer_reference": "42",
        "amount": GHS_20,
        "payer": EFUA,
    }
    return await room(stage).pay_bill(actor, request(actor), **(usual | given))


async def test_the_agreement_stands_before_its_order(stage: Stage) -> None:
    plan = await set_up(stage)
    kept, created = plan.changes
    assert isinstance(kept, KeepAgreement)
    assert isinstance(created, CreateOrder)
    assert (kept.row.payer, kept.row.every, kept.row.reference) == (EFUA, "week", created.row.reference)
    assert kept.row.until_ms == stage.clock() + 30 * 24 * 3600_000
    await stage.store.commit(plan.changes)
    again = await set_up(stage)
    assert again.changes == ()
    assert again.result.code == created.row.code


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"merchant_id": "nobody"}, "merchant"),
        ({"code": "1002"}, "not_available"),
        ({"most": Money(2000, "XOF")}, "not_available"),
        ({"every": "hour"}, "not_allowed"),
        ({"days": 0}, "not_available"),
        ({"days": 400}, "not_available"),
    ],
)
async def test_what_cannot_stand_is_refused(stage: Stage, given: dict[str, Any], why: str) -> None:
    plan = await set_up(stage, **given)
    assert (plan.result.refused, plan.changes) == (why, ())


async def test_more_than_the_merchant_takes_is_refused(stage: Stage) -> None:
    stage.change("UPDATE merchants SET max_amount_minor = 1999 WHERE code = '1001'")
    assert (await set_up(stage)).result.refused == "limit"
    assert (await bill(stage, await speaker_of(stage, EFUA))).result.refused == "limit"


async def test_a_second_one_for_the_same_merchant_is_refused(stage: Stage) -> None:
    await standing(stage, AgreementKind.PREAPPROVAL)
    assert (await set_up(stage)).result.refused == "already"
    assert (await set_up(stage, KWAME)).result.refused == ""


async def test_a_second_one_on_the_same_account_can_be_stopped_too(stage: Stage) -> None:
    """The provider's list shows both: whose is whose follows from the one that is known."""
    first = await stage.store.merchant_by_code("1001")
    assert first is not None
    await stage.store.commit([KeepMerchant(msgspec.structs.replace(first, id="m-second", code="1009"))])
    for code in ("1001", "1009"):
        stage.change("UPDATE orders SET act_position = act_position + 10 WHERE act_position IS NOT NULL")
        plan = await set_up(stage, code=code)
        await stage.store.commit(plan.changes)
        await stage.settle()
        decide(stage, EFUA, "approve")
        await stage.pass_time(300)
    rows = await stage.store.agreements_of_payer(EFUA, AgreementKind.PREAPPROVAL, 9)
    assert len({row.provider_id for row in rows} - {""}) == 2
    efua = await speaker_of(stage, EFUA)
    for position, row in enumerate(rows, 50):
        assert (
            await room(stage).stop(efua, request(efua, position), agreement_id=row.id)
        ).result.refused == ""


async def test_a_stranger_debits_nobody_after_our_own_end(stage: Stage) -> None:
    """The provider's time counts from the approval, so that it ends later than ours."""
    await stage.store.commit((await set_up(stage, days=1)).changes)
    await stage.pass_time(200)
    decide(stage, EFUA, "approve")
    await stage.pass_time(30)
    (row,) = await stage.store.agreements_of_payer(EFUA, AgreementKind.PREAPPROVAL, 9)
    await stage.pass_time(((row.until_ms or 0) - stage.clock()) / 1000 + 1)
    kwame = await speaker_of(stage, KWAME)
    plan = await stage.kasapay.operations.payments.request(
        kwame, request(kwame), merchant_id=row.merchant_id, amount=GHS_20, payer=EFUA
    )
    assert (plan.result.refused, plan.changes) == ("number", ())
    # And ends with theirs.
    await stage.pass_time(3600)
    ended = await stage.store.agreement(row.id)
    assert ended is not None
    assert ended.state in ENDED


async def test_three_of_ones_own_that_wait_on_the_phone_are_enough(stage: Stage) -> None:
    merchant = await merchant_id(stage)
    person = await speaker_of(stage, EFUA)
    for number in range(3):
        row = make.order(
            id=f"o{number}",
            code=f"C{number}",
            reference=f"r{number}",
            account_id="momo-ghana",
            merchant_id=merchant,
            person_id=person.person.id,
            payer=EFUA,
            due_ms=stage.clock() + 3600_000,
            created_ms=stage.clock(),
            updated_ms=stage.clock(),
        )
        await stage.store.commit([CreateOrder(row, Source.US)])
    assert (await set_up(stage)).result.refused == "too_many"
    assert (await bill(stage, await speaker_of(stage, EFUA))).result.refused == "too_many"


async def test_only_the_one_whose_wallet_it_is_stops_it(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.PREAPPROVAL)
    other, own = await speaker_of(stage, KWAME), await speaker_of(stage, EFUA)
    unlinked = msgspec.structs.replace(own, msisdn="")
    for actor in (other, unlinked):
        plan = await room(stage).stop(actor, request(actor), agreement_id=row.id)
        assert (plan.result.refused, plan.changes) == ("not_allowed", ())
        assert await room(stage).own(actor, AgreementKind.PREAPPROVAL) == ()
    assert (await room(stage).stop(own, request(own), agreement_id="nothing")).result.refused == "not_allowed"
    assert (await room(stage).stop(own, request(own), agreement_id=row.id)).result.refused == "not_yet"
    known = MoveAgreement(row.id, row.version, stage.clock(), row.due_ms, provider_id="theirs")
    await stage.store.commit([known])
    plan = await room(stage).stop(own, request(own), agreement_id=row.id)
    (created,) = plan.changes
    assert isinstance(created, CreateOrder)
    assert created.row.kind is OrderKind.PREAPPROVAL_CANCEL
    assert created.row.details.about_provider_reference == "theirs"
    over = MoveAgreement(row.id, row.version + 1, stage.clock(), None, AgreementState.EXPIRED)
    await stage.store.commit([over])
    assert (await room(stage).stop(own, request(own), agreement_id=row.id)).result.refused == "gone"


async def test_an_invoice_is_no_auto_debit_to_be_stopped(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.INVOICE)
    efua = await speaker_of(stage, EFUA)
    plan = await room(stage).stop(efua, request(efua), agreement_id=row.id)
    assert plan.result.refused == "not_allowed"


async def test_an_invoice_is_shown_while_it_can_be_paid(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.INVOICE)
    actor = await speaker_of(stage, EFUA)

    async def shown() -> list[str]:
        return [one.id for one in await room(stage).own(actor, AgreementKind.INVOICE)]

    assert await shown() == [row.id]
    stage.clock.ms = row.until_ms or 0
    assert await shown() == []
    stage.clock.ms -= 1
    unsure = MoveAgreement(row.id, row.version, stage.clock(), row.due_ms, AgreementState.UNRESOLVED)
    await stage.store.commit([unsure])
    assert await shown() == []


@pytest.mark.parametrize("given", [{"bill": "Nobody's water"}, {"amount": Money(2000, "XOF")}])
async def test_a_bill_of_nobody_is_not_paid(stage: Stage, given: dict[str, Any]) -> None:
    plan = await bill(stage, await speaker_of(stage, EFUA), **given)
    assert (plan.result.refused, plan.changes) == ("not_available", ())


async def cannot_settle(row: OrderRow, state: OrderState, *refunds: OrderRow) -> str:
    """Why an operator cannot make the order so; no provider is asked."""
    store, nobody = AsyncMock(), Mock()
    store.order.return_value, store.refunds_of.return_value = row, refunds
    settling = Settling(store, nobody, nobody, nobody, TIMES)
    outcome = await settling.settle(Operator("Ama"), order_id=row.id, state=state, reason="statement")
    assert outcome.changes == ()
    return str(outcome.result.refused)


async def test_a_bill_is_settled_by_hand_as_paid_or_not(stage: Stage) -> None:
    """Its reversal would leave the money for it with the merchant, and say that it came back."""
    row = make.order("o-bill", state=OrderState.UNRESOLVED, kind=OrderKind.BILL, follows_id="o1", payer="")
    office = SimpleNamespace(store=AsyncMock(), clock=stage.clock)
    office.store.order_by_code.return_value = row
    office.store.merchant.return_value = None
    (line,) = [await COMMANDS["orders.show"](office, {"code": "AB12CD34"})]  # type: ignore[arg-type]
    assert [command.split()[4] for command in line["settle"]] == ["successful", "failed"]
    assert await cannot_settle(row, OrderState.REVERSED) == "bill"


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.SUCCESSFUL])
async def test_a_bill_whose_money_went_back_is_not_made_paid(state: OrderState) -> None:
    row = make.order("o-bill", state=OrderState.FAILED, kind=OrderKind.BILL, follows_id="o1", payer="")
    refund = make.order("o-refund", state=state)
    assert await cannot_settle(row, OrderState.SUCCESSFUL, refund) == "given_back"


async def test_a_bill_is_paid_with_ones_own_auto_debit_only_and_by_who_was_told(stage: Stage) -> None:
    await standing(stage, AgreementKind.PREAPPROVAL, amount_minor=2000)
    efua = await speaker_of(stage, EFUA)
    untold = await bill(stage, efua)
    assert (untold.result.refused, untold.changes) == ("auto_debit", ())
    own = await bill(stage, efua, unasked=True)
    assert (own.result.refused, own.result.unasked) == ("", True)
    other = await bill(stage, await speaker_of(stage, KWAME), unasked=True)
    assert (other.result.refused, other.changes) == ("number", ())


async def test_only_ones_own_auto_debits_are_spoken_of(stage: Stage) -> None:
    """Another merchant's on the same account would serve the request as well, and was not agreed to."""
    row = await standing(stage, AgreementKind.PREAPPROVAL, amount_minor=2000)
    first = await stage.store.merchant_by_code("1001")
    assert first is not None
    second = msgspec.structs.replace(first, id="m-second", code="1009", name="Second")
    await stage.store.commit([KeepMerchant(second)])
    efua, kwame = await speaker_of(stage, EFUA), await speaker_of(stage, KWAME)

    async def debit(actor: Actor, amount: Money = GHS_20, **given: str) -> v.Debit:
        wanted = {"merchant_id": first.id} | given if first else given
        return await room(stage).debit(actor, amount=amount, payer=EFUA, **wanted)

    assert await debit(efua) == v.Debit(first.name, agreed=True)
    beyond = v.Debit(first.name, stops=(row.id,))
    assert await debit(efua, Money(2001, "GHS")) == beyond
    assert await debit(efua, merchant_id="m-second") == beyond
    assert await debit(kwame) == await debit(efua, merchant_id="nobody") == v.Debit()
    elsewhere = await merchant_id(stage, "1002")
    assert await debit(efua, merchant_id=elsewhere) == v.Debit()


@pytest.mark.parametrize("was_sent", [False, True])
async def test_a_request_that_waits_is_not_sent_into_an_auto_debit(stage: Stage, was_sent: bool) -> None:
    """It would be taken without a PIN: unsent it fails, and what may have arrived is only asked about."""
    kwame = await speaker_of(stage, KWAME)
    plan = await stage.kasapay.operations.payments.request(
        kwame, request(kwame), merchant_id=await merchant_id(stage), amount=GHS_20, payer=EFUA
    )
    await stage.store.commit(plan.changes)
    (order,) = await stage.orders()
    if was_sent:
        now_ms = stage.clock()
        sent = MoveOrder(
            order.id,
            0,
            OrderState.PENDING,
            Source.US,
            now_ms,
            now_ms,
            fields=OrderFields(sent_ms=now_ms, deadline_ms=now_ms + 90_000),
        )
        await stage.store.commit([sent])
        await stage.store.commit(
            [UpdateOrder(order.id, 1, now_ms, due_ms=now_ms, release=True, fields=OrderFields(sent_ms=0))]
        )
    stage.clock.ms += 1
    row = make.agreement(
        "g9", account_id="momo-ghana", merchant_id=order.merchant_id, person_id=kwame.person.id,
        created_ms=stage.clock(), updated_ms=stage.clock(), until_ms=stage.clock() + 10**9,
    )  # fmt: skip
    await stage.store.commit([KeepAgreement(row)])
    await stage.pass_time(400)
    after = await stage.store.order(order.id)
    assert after is not None
    assert after.state is (OrderState.UNRESOLVED if was_sent else OrderState.FAILED)
    assert stage.entries == []
