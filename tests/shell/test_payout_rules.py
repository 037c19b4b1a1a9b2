"""What leaves the wallet: asked for now and approved later, raced, counted, and given back the right way."""

import asyncio
import copy

import msgspec
import pytest

from bot.money import Money, OrderKind, OrderState
from bot.store.base import Conflict, CountTries, KeepMerchant
from bot.store.records import ApprovalState
from flows import business_effects as b
from flows import effects as e
from tests.conversations.people import Phone, decide
from tests.conversations.stage import ACCOUNTANT, EFUA, KWAME, STAFF, STAFF_PIN, Stage
from tests.shell.test_business import GHS_20, GHS_600, act, paid, plan_of, speaker_of


async def waiting(stage: Stage) -> str:
    """The id of the one request that waits for a second person."""
    (row,) = stage.rows("SELECT id FROM approvals WHERE state = 'waiting'")
    return str(row["id"])


async def test_a_payout_approved_ten_minutes_later_arrives(stage: Stage) -> None:
    """Its time to be sent counts from the approval."""
    ama, yaw = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    assert (await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama, 1)).waits
    await stage.pass_time(600)
    assert await stage.orders() == ()
    approve = b.DecideApproval(yaw.staff[0].id, await waiting(stage), approve=True)
    assert not (await act(stage, approve, yaw, 1)).refused
    await stage.pass_time(60)
    order = await stage.order()
    assert (order.state, order.kind, order.payee) == (OrderState.SUCCESSFUL, OrderKind.TRANSFER, EFUA)
    (entry,) = stage.entries
    assert (entry.times_paid_out, entry.msisdn) == (1, EFUA.removeprefix("+"))


async def test_a_second_approval_that_is_slower_than_another_payout_keeps_the_limit(stage: Stage) -> None:
    ama, yaw = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    assert (await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama, 1)).waits
    held = await waiting(stage)
    approve = b.DecideApproval(yaw.staff[0].id, held, approve=True)
    planned = await plan_of(stage, approve, yaw, 1)
    assert not planned.result.refused
    stage.change("UPDATE merchants SET approve_over_minor = 100000")
    assert not (await act(stage, b.PayOut(ama.staff[0].id, Money(45_000, "GHS"), payee=EFUA), ama, 2)).refused
    with pytest.raises(Conflict, match="limit_number"):
        await stage.store.commit(planned.changes)
    row = await stage.store.approval(held)
    assert row is not None
    assert row.state is ApprovalState.WAITING
    assert len(await stage.orders()) == 1


async def test_a_refund_counts_in_the_limits_of_payouts(stage: Stage) -> None:
    """GHS 1,000 a day to one number: a refund to it and a payout to it are the same money."""
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    role = ama.staff[0].id
    assert not (await act(stage, b.Refund(role, order.id, GHS_20), ama, 1)).refused
    stage.change("UPDATE merchants SET approve_over_minor = NULL")
    over = await act(stage, b.PayOut(role, Money(98_001, "GHS"), payee=EFUA), ama, 2)
    assert (over.refused, over.most) == ("limit_number", Money(98_000, "GHS"))
    assert not (await act(stage, b.PayOut(role, Money(98_000, "GHS"), payee=EFUA), ama, 3)).refused


async def test_a_refund_is_held_back_by_what_was_paid_out(stage: Stage) -> None:
    order = await paid(stage)
    stage.change("UPDATE merchants SET approve_over_minor = NULL")
    ama = await speaker_of(stage, STAFF)
    role = ama.staff[0].id
    assert not (await act(stage, b.PayOut(role, Money(99_000, "GHS"), payee=EFUA), ama, 1)).refused
    over = await act(stage, b.Refund(role, order.id, GHS_20), ama, 2)
    assert (over.refused, over.most) == ("limit_number", Money(1000, "GHS"))


async def test_money_goes_back_by_the_account_it_came_through(stage: Stage) -> None:
    """The merchant changed its account since."""
    order = await paid(stage)
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None
    elsewhere = msgspec.structs.replace(merchant, account_id="startbutton-ghs")
    assert order.account_id == merchant.account_id != elsewhere.account_id
    await stage.store.commit([KeepMerchant(elsewhere)])
    ama = await speaker_of(stage, STAFF)
    assert not (await act(stage, b.Refund(ama.staff[0].id, order.id, GHS_20), ama, 1)).refused
    await stage.pass_time(60)
    refund = (await stage.orders())[-1]
    assert (refund.kind, refund.state) == (OrderKind.REFUND, OrderState.SUCCESSFUL)
    assert refund.account_id == order.account_id


async def test_the_money_of_a_paid_bill_is_not_given_back(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    ama = await speaker_of(stage, STAFF)
    efua = await speaker_of(stage, EFUA)
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None
    wanted = e.PayBill(merchant.id, "ECG", "4455", GHS_20, EFUA)
    assert not (await act(stage, wanted, efua, 1)).refused
    await stage.settle()
    decide(stage, phone.msisdn, "approve")
    await stage.pass_time(120)
    collection, bill = await stage.orders()
    assert (collection.kind, bill.kind) == (OrderKind.COLLECTION, OrderKind.BILL)
    assert [bill.state, collection.state] == [OrderState.SUCCESSFUL] * 2
    refused = await act(stage, b.Refund(ama.staff[0].id, collection.id, GHS_20), ama, 1)
    assert (refused.refused, refused.most) == ("nothing_left", Money(0, "GHS"))


@pytest.mark.parametrize(("amount", "refused"), [(5000, ""), (5001, "limit")])
async def test_a_payment_of_exactly_the_merchants_maximum_begins(
    stage: Stage, amount: int, refused: str
) -> None:
    stage.change("UPDATE merchants SET max_amount_minor = 5000")
    efua = await speaker_of(stage, EFUA)
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None
    wanted = e.RequestPayment(merchant.id, Money(amount, "GHS"), EFUA)
    assert (await act(stage, wanted, efua, 1)).refused == refused
    assert len(await stage.orders()) == (0 if refused else 1)


async def test_a_payout_of_exactly_what_is_left_begins(stage: Stage) -> None:
    stage.change("UPDATE merchants SET approve_over_minor = NULL")
    ama = await speaker_of(stage, STAFF)
    role = ama.staff[0].id
    assert not (await act(stage, b.PayOut(role, Money(100_000, "GHS"), payee=KWAME), ama, 1)).refused
    over = await act(stage, b.PayOut(role, Money(1, "GHS"), payee=KWAME), ama, 2)
    assert (over.refused, over.most) == ("limit_number", Money(0, "GHS"))


@pytest.mark.parametrize("processes", [1, 3])
async def test_three_wrong_pins_at_once_lock(stage: Stage, processes: int) -> None:
    """None of them sees the count of another too early, on whatever channel and in whatever process."""
    ama = await speaker_of(stage, STAFF)
    roles = stage.kasapay.operations.roles
    many = [copy.copy(roles) for _ in range(processes)]
    for one in many:
        one.locks = {}
    role = ama.staff[0].id
    answers = await asyncio.gather(*(many[n % processes].check_pin(ama, "9999", role) for n in range(3)))
    assert sorted((answer.refused, answer.tries_left) for answer in answers) == [
        ("locked", 0),
        ("wrong_pin", 1),
        ("wrong_pin", 2),
    ]
    assert (await roles.check_pin(ama, STAFF_PIN, role)).refused == "locked"
    await stage.store.commit([CountTries(role, 0, locked=False)])
    assert not (await roles.check_pin(ama, STAFF_PIN, role)).refused


# ---- the second person, over a day ---------------------------------------------------------------


async def waits(
    stage: Stage, position: int, number: str = EFUA, who: str = STAFF, minor: int = 30_000
) -> bool:
    """Whether a payout of the owner's needs a second person; begun, where it does not."""
    actor = await speaker_of(stage, who)
    wanted = b.PayOut(actor.staff[0].id, Money(minor, "GHS"), payee=number)
    view = await act(stage, wanted, actor, position)
    assert not view.refused
    return view.waits


async def test_splitting_gains_nothing(stage: Stage) -> None:
    """Two that are each below the limit are above it together, whoever asks and however: for a day."""
    assert not await waits(stage, 1, minor=49_999)
    assert not await waits(stage, 2, minor=1)
    assert await waits(stage, 3, minor=1)
    assert await waits(stage, 1, who=ACCOUNTANT, minor=1)
    assert not await waits(stage, 4, KWAME)
    stage.clock.ms += 24 * 3600_000 + 1
    assert not await waits(stage, 5)


async def test_a_refund_counts_as_paid_to_its_payer(stage: Stage) -> None:
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    assert not (await act(stage, b.Refund(ama.staff[0].id, order.id, GHS_20), ama, 1)).waits
    assert await waits(stage, 2, minor=48_001)
    assert not await waits(stage, 3, minor=48_000)


async def test_what_a_second_person_approved_or_never_left_is_not_counted(stage: Stage) -> None:
    assert await waits(stage, 1, minor=60_000)
    yaw = await speaker_of(stage, ACCOUNTANT)
    approve = b.DecideApproval(yaw.staff[0].id, await waiting(stage), approve=True)
    assert not (await act(stage, approve, yaw, 1)).refused
    assert not await waits(stage, 2)
    await stage.switch_payouts(off=True)
    await stage.settle()
    await stage.switch_payouts(off=False)
    assert {order.state for order in await stage.orders()} == {OrderState.FAILED}
    assert not await waits(stage, 3, minor=50_000)


async def test_two_at_once_do_not_both_pass(stage: Stage) -> None:
    ama, yaw = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    wanted = [b.PayOut(actor.staff[0].id, Money(30_000, "GHS"), payee=EFUA) for actor in (ama, yaw)]
    first, second = [await plan_of(stage, one, who, 1) for one, who in zip(wanted, (ama, yaw), strict=True)]
    assert not second.result.waits
    await stage.store.commit(first.changes)
    with pytest.raises(Conflict, match="second"):
        await stage.store.commit(second.changes)
    assert (await act(stage, wanted[1], yaw, 1)).waits


async def test_one_asker_has_five_times_the_limit_unless_set(stage: Stage) -> None:
    stage.change("UPDATE merchants SET approve_over_minor = 10000")
    numbers = [f"+23324000010{n}" for n in range(6)]
    for position, number in enumerate(numbers[:5]):
        assert not await waits(stage, position, number, minor=10_000)
    assert await waits(stage, 5, numbers[5], minor=1)
    assert not await waits(stage, 1, numbers[5], who=ACCOUNTANT, minor=10_000)
    stage.change("UPDATE merchants SET approve_asker_over_minor = 50001")
    assert not await waits(stage, 6, KWAME, minor=1)
    assert await waits(stage, 7, KWAME, minor=1)
