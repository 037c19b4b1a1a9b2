"""What staff may begin, and what a second person must say first: the rules no conversation shows."""

import asyncio
from typing import Any

import msgspec
import pytest

from bot.channels.ussd import Heard
from bot.conversations.effect_dispatch import EffectDispatch
from bot.conversations.standing import standing as standing_of
from bot.conversations.timeout_reply import TimeoutReply
from bot.dialog import Text
from bot.dialog import views as v
from bot.money import AgreementKind, Money, OrderKind, OrderState, Reason
from bot.operations.actor import Actor, EffectResult, RequestKey
from bot.store.base import (
    Conflict,
    KeepMerchant,
    KeepStaff,
    LinkAddress,
    MoveAgreement,
    SaveAddress,
    SavePerson,
    TurnQuery,
)
from bot.store.records import AddressRow, ApprovalState, OrderRow, PersonRow, StaffRow
from flows import business_effects as b
from flows import effects as e
from tests.conversations.people import Phone, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import ACCOUNTANT, CASHIER, EFUA, KWAME, STAFF, STAFF_PIN, Stage
from tests.operations.actors import make_actor
from tests.shell.test_agreements import standing

GHS_20, GHS_50 = Money(2000, "GHS"), Money(5000, "GHS")
GHS_600 = Money(60_000, "GHS")


async def speaker_of(stage: Stage, msisdn: str) -> Actor:
    """Somebody who has dialled."""
    await Phone(stage, msisdn).dial()
    loaded = await stage.store.load_turn(TurnQuery("msisdn", msisdn))
    assert loaded.person is not None
    (address,) = [row for row in loaded.addresses if row.value == msisdn]
    return make_actor(loaded.person, address, loaded.staff)


async def act(stage: Stage, effect: Any, actor: Actor, position: int = 0) -> Any:
    """What comes of an act, with its changes kept as a turn would."""
    plan = await plan_of(stage, effect, actor, position)
    if plan.changes:
        await stage.store.commit(plan.changes)
    return plan.result


async def plan_of(stage: Stage, effect: Any, actor: Actor, position: int = 0) -> EffectResult:
    return await EffectDispatch(stage.kasapay.operations).act(effect, actor, request(actor, position))


def request(actor: Actor, position: int = 0) -> RequestKey:
    return RequestKey(f"c-{actor.address_row.id}", position)


async def paid(stage: Stage, merchant: str = "1001", amount: str = "20") -> OrderRow:
    """A payment of Efua's that arrived."""
    await Robot(stage, Phone(stage, EFUA), merchant, amount, args=(merchant, amount)).pay()
    await stage.settle()
    if stage.sandbox.sandbox.world.prompts_of(EFUA.removeprefix("+")):
        decide(stage, EFUA, "approve")
    await stage.pass_time(60)
    order = (await stage.orders())[-1]
    assert order.state is OrderState.SUCCESSFUL
    return order


def all_acts(staff_id: str, order_id: str = "") -> list[Any]:
    return [
        b.Refund(staff_id, order_id, GHS_20),
        b.PayOut(staff_id, GHS_20, payee=KWAME),
        b.Withdraw(staff_id, GHS_20, KWAME),
        b.ChargeUnder(staff_id, "no-such", GHS_20),
        b.MakeInvoice(staff_id, KWAME, GHS_20, "cake", 3),
        b.CancelInvoice(staff_id, "no-such"),
        b.DecideApproval(staff_id, "no-such", approve=True),
    ]


# ---- whose role it is, and whether it may ---------------------------------------------------------


async def test_a_role_reaches_its_own_merchant_only(stage: Stage) -> None:
    """A payment, a waiting wish and a locked colleague of another merchant are as good as unknown."""
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    held = await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama, 3)
    assert held.waits
    merchant = await stage.store.merchant_by_code("1002")
    assert merchant is not None
    elsewhere = StaffRow(
        stage.ids.uuid(), merchant.id, "owner", "Kofi", stage.clock(), "msisdn", KWAME, pin_hash="x"
    )
    await stage.store.commit([KeepStaff(elsewhere)])
    kofi = await speaker_of(stage, KWAME)
    role = kofi.staff[0].id
    assert (await act(stage, b.Refund(role, order.id, GHS_20), kofi)).refused == "not_allowed"
    (waiting,) = stage.rows("SELECT id FROM approvals")
    decided = await act(stage, b.DecideApproval(role, waiting["id"], approve=True), kofi, 1)
    assert decided.refused == "not_allowed"
    look = EffectDispatch(stage.kasapay.operations).look
    assert await look(b.FindPayment(role, order.code), kofi) is None
    assert await look(b.WaitingApprovals(role), kofi) == ()
    assert not (await act(stage, b.Unlock(role, ama.staff[0].id), kofi)).ok
    assert len(await stage.orders()) == 1


@pytest.mark.parametrize(
    ("msisdn", "may"),
    [
        (CASHIER, {"Withdraw", "MakeInvoice"}),
        (ACCOUNTANT, {"Refund", "PayOut", "Withdraw", "MakeInvoice"}),
        (STAFF, {"Refund", "PayOut", "Withdraw", "MakeInvoice"}),
    ],
    ids=["cashier", "accountant", "owner"],
)
async def test_each_role_begins_what_it_may(stage: Stage, msisdn: str, may: set[str]) -> None:
    order = await paid(stage)
    actor = await speaker_of(stage, msisdn)
    begun = set()
    for effect in all_acts(actor.staff[0].id, order.id):
        if not (await plan_of(stage, effect, actor)).result.refused:
            begun.add(type(effect).__name__)
    assert begun == may


async def test_only_the_owner_unlocks(stage: Stage) -> None:
    ama = await speaker_of(stage, STAFF)
    for msisdn in (CASHIER, ACCOUNTANT):
        actor = await speaker_of(stage, msisdn)
        assert not (await act(stage, b.Unlock(actor.staff[0].id, ama.staff[0].id), actor)).ok
    cashier = (await speaker_of(stage, CASHIER)).staff[0]
    assert (await act(stage, b.Unlock(ama.staff[0].id, cashier.id), ama)).ok
    assert not (await act(stage, b.Unlock(ama.staff[0].id, ama.staff[0].id), ama)).ok, "nobody their own"


async def test_a_locked_role_does_nothing_and_names_its_merchant(stage: Stage) -> None:
    """Locked meanwhile, on another phone: the menu was opened before."""
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    locked = msgspec.structs.replace(ama.staff[0], locked=True)
    ama = msgspec.structs.replace(ama, staff=(locked,))
    for effect in all_acts(locked.id, order.id):
        refused = await act(stage, effect, ama)
        assert (refused.refused, refused.merchant) == ("locked", "Ama's Kitchen"), effect
    assert (
        await EffectDispatch(stage.kasapay.operations).look(b.FindPayment(locked.id, order.code), ama) is None
    )
    assert len(await stage.orders()) == 1


async def test_the_right_pin_does_not_open_a_locked_role(stage: Stage) -> None:
    ama = await speaker_of(stage, STAFF)
    await stage.store.commit([KeepStaff(msgspec.structs.replace(ama.staff[0], wrong_tries=3, locked=True))])
    roles = stage.kasapay.operations.roles
    assert (await roles.check_pin(ama, STAFF_PIN, ama.staff[0].id)).refused == "locked"
    cashier = await speaker_of(stage, CASHIER)
    assert (await roles.check_pin(cashier, STAFF_PIN, ama.staff[0].id)).refused == "not_allowed"


async def test_for_a_merchant_that_is_closed_nothing_begins(stage: Stage) -> None:
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None
    await stage.store.commit([KeepMerchant(msgspec.structs.replace(merchant, active=False))])
    for effect in all_acts(ama.staff[0].id, order.id):
        assert (await act(stage, effect, ama)).refused == "not_available", effect
    assert len(await stage.orders()) == 1


async def test_only_the_merchants_own_currency_leaves(stage: Stage) -> None:
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    role, kes = ama.staff[0].id, Money(2000, "KES")
    assert (await act(stage, b.PayOut(role, kes, payee=EFUA), ama)).refused == "not_available"
    assert (await act(stage, b.Withdraw(role, kes, EFUA), ama)).refused == "not_available"
    assert (await act(stage, b.Refund(role, order.id, kes), ama)).refused == "not_available"
    assert len(await stage.orders()) == 1


async def test_a_payout_goes_to_somebody(stage: Stage) -> None:
    ama = await speaker_of(stage, STAFF)
    for wanted in (
        b.PayOut(ama.staff[0].id, GHS_20),
        b.PayOut(ama.staff[0].id, GHS_20, bank_code="01"),
    ):
        assert (await act(stage, wanted, ama)).refused == "not_available"


# ---- refunds -------------------------------------------------------------------------------------


async def test_of_a_refund_only_what_is_left_and_one_at_a_time(stage: Stage) -> None:
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    role = ama.staff[0].id
    more = await act(stage, b.Refund(role, order.id, Money(2001, "GHS")), ama)
    assert (more.refused, more.most) == ("nothing_left", GHS_20)
    assert not (await act(stage, b.Refund(role, order.id, Money(1500, "GHS")), ama, 1)).refused
    again = await act(stage, b.Refund(role, order.id, Money(500, "GHS")), ama, 2)
    assert (again.refused, again.merchant) == ("under_way", "Ama's Kitchen")
    await stage.pass_time(30)
    rest = await act(stage, b.Refund(role, order.id, Money(501, "GHS")), ama, 3)
    assert (rest.refused, rest.most) == ("nothing_left", Money(500, "GHS"))
    assert not (await act(stage, b.Refund(role, order.id, Money(500, "GHS")), ama, 4)).refused


async def test_two_wishes_for_one_refund_give_back_once(stage: Stage) -> None:
    """Both were asked for while nothing was given back yet; the second hears why it is not."""
    stage.change("UPDATE merchants SET approve_over_minor = 1000")
    order = await paid(stage)
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    for position in (1, 2):
        assert (await act(stage, b.Refund(ama.staff[0].id, order.id, GHS_20), ama, position)).waits
    first, second = [row["id"] for row in stage.rows("SELECT id FROM approvals")]
    role = adwoa.staff[0].id
    assert not (await act(stage, b.DecideApproval(role, first, approve=True), adwoa, 1)).refused
    second_time = await act(stage, b.DecideApproval(role, second, approve=True), adwoa, 2)
    assert second_time.refused == "under_way"
    await stage.pass_time(30)
    second_time = await act(stage, b.DecideApproval(role, second, approve=True), adwoa, 3)
    assert (second_time.refused, second_time.most) == ("nothing_left", Money(0, "GHS"))
    assert [o.kind for o in await stage.orders()] == [OrderKind.COLLECTION, OrderKind.REFUND]


async def test_of_two_refunds_begun_at_once_the_second_hears_of_the_first(stage: Stage) -> None:
    """Both would fit, and at a provider that names no refund one row would settle both."""
    order = await paid(stage)
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    five = Money(500, "GHS")
    one = await plan_of(stage, b.Refund(ama.staff[0].id, order.id, five), ama, 1)
    wanted = b.Refund(adwoa.staff[0].id, order.id, five)
    other = await plan_of(stage, wanted, adwoa, 1)
    assert (one.result.refused, other.result.refused) == ("", "")
    await stage.store.commit(one.changes)
    with pytest.raises(Conflict, match="refund"):
        await stage.store.commit(other.changes)
    # What a turn does where somebody was faster: it looks again.
    again = await act(stage, wanted, adwoa, 1)
    assert (again.refused, again.merchant) == ("under_way", "Ama's Kitchen")
    assert [o.kind for o in await stage.orders()] == [OrderKind.COLLECTION, OrderKind.REFUND]


async def test_two_who_confirm_a_refund_at_once_give_back_once(stage: Stage) -> None:
    """Whoever was slower is asked for the PIN once more, which is kept nowhere, and hears why."""
    order = await paid(stage)
    phones = [Phone(stage, STAFF), Phone(stage, ACCOUNTANT)]
    for phone in phones:
        await phone.dial("5", "3")
        for said in (order.code, "1", "5"):
            await phone.answer(said)
    await asyncio.gather(*(phone.answer(STAFF_PIN) for phone in phones))
    for phone in phones:
        if phone.screen.is_open:
            await phone.answer(STAFF_PIN)
    told = sorted(phone.screen.text.split(".")[0] for phone in phones)
    assert told == ["A refund of this payment is already under way", "Refund: we are asking to send GHS 5"]
    assert [o.kind for o in await stage.orders()] == [OrderKind.COLLECTION, OrderKind.REFUND]


# ---- limits and the second person ----------------------------------------------------------------


@pytest.mark.parametrize(("amount", "waits"), [(50_000, False), (50_001, True)])
async def test_a_second_person_above_the_limit_only(stage: Stage, amount: int, waits: bool) -> None:
    ama = await speaker_of(stage, STAFF)
    view = await act(stage, b.PayOut(ama.staff[0].id, Money(amount, "GHS"), payee=EFUA), ama)
    assert (view.refused, view.waits) == ("", waits)
    assert len(await stage.orders()) == (0 if waits else 1)


async def test_no_second_person_where_the_merchant_wants_none(stage: Stage) -> None:
    stage.change("UPDATE merchants SET approve_over_minor = NULL")
    ama = await speaker_of(stage, STAFF)
    assert not (await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama)).waits


async def test_the_merchants_limit_counts_all_its_payouts(stage: Stage) -> None:
    """GHS 1,500 a day, whoever gets it; what failed does not count."""
    stage.change("UPDATE merchants SET approve_over_minor = NULL")
    ama = await speaker_of(stage, STAFF)
    role, most = ama.staff[0].id, Money(50_000, "GHS")
    for position, payee in enumerate((EFUA, KWAME, EFUA)):
        assert not (await act(stage, b.PayOut(role, most, payee=payee), ama, position)).refused
    over = await act(stage, b.PayOut(role, Money(1, "GHS"), payee=KWAME), ama, 5)
    assert (over.refused, over.most) == ("limit_merchant", Money(0, "GHS"))
    await stage.pass_time(60)  # the wallet holds GHS 1,000: the third one fails
    assert [o.state for o in await stage.orders()].count(OrderState.FAILED) == 1
    assert not (await act(stage, b.PayOut(role, Money(1, "GHS"), payee=KWAME), ama, 6)).refused


async def test_approved_after_the_limit_was_used_up_nothing_is_sent(stage: Stage) -> None:
    """The limits and the switch of the moment of approval hold; the wish goes on waiting."""
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    role = ama.staff[0].id
    assert (await act(stage, b.PayOut(role, GHS_600, payee=EFUA), ama, 1)).waits
    assert not (await act(stage, b.PayOut(role, Money(45_000, "GHS"), payee=EFUA), ama, 2)).refused
    (held,) = stage.rows("SELECT id FROM approvals")
    wanted = b.DecideApproval(adwoa.staff[0].id, held["id"], approve=True)
    over = await act(stage, wanted, adwoa, 1)
    assert (over.refused, over.most) == ("limit_number", Money(55_000, "GHS"))
    await stage.switch_payouts(off=True)
    assert (await act(stage, wanted, adwoa, 2)).refused == "off"
    row = await stage.store.approval(held["id"])
    assert row is not None
    assert row.state is ApprovalState.WAITING
    assert len(await stage.orders()) == 1


async def test_the_store_keeps_the_limit_where_somebody_is_faster(stage: Stage) -> None:
    """Both planned before either was kept."""
    stage.change("UPDATE merchants SET approve_over_minor = NULL")
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    some = Money(50_000, "GHS")
    assert not (await act(stage, b.PayOut(ama.staff[0].id, some, payee=EFUA), ama, 1)).refused
    one = await plan_of(stage, b.PayOut(ama.staff[0].id, some, payee=EFUA), ama, 2)
    other = await plan_of(stage, b.PayOut(adwoa.staff[0].id, some, payee=EFUA), adwoa, 1)
    await stage.store.commit(one.changes)
    with pytest.raises(Conflict, match="limit_number"):
        await stage.store.commit(other.changes)
    late = await plan_of(stage, b.PayOut(adwoa.staff[0].id, some, payee=EFUA), adwoa, 1)
    await stage.switch_payouts(off=True)
    assert late.result.refused == "limit_number"
    assert (await act(stage, b.PayOut(ama.staff[0].id, GHS_20, payee=KWAME), ama, 3)).refused == "off"


async def test_the_switch_holds_against_a_plan_made_before_it(stage: Stage) -> None:
    ama = await speaker_of(stage, STAFF)
    plan = await plan_of(stage, b.PayOut(ama.staff[0].id, GHS_20, payee=EFUA), ama)
    await stage.switch_payouts(off=True)
    with pytest.raises(Conflict, match="off"):
        await stage.store.commit(plan.changes)


async def test_a_wish_done_again_waits_once_and_is_decided_once(stage: Stage) -> None:
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    wanted = b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA)
    first = await act(stage, wanted, ama, 1)
    again = await plan_of(stage, wanted, ama, 1)
    assert (again.changes, again.result) == ((), first)
    (held,) = stage.rows("SELECT id FROM approvals")
    decide_it = b.DecideApproval(adwoa.staff[0].id, held["id"], approve=True)
    made = await act(stage, decide_it, adwoa, 1)
    assert not made.refused
    repeated = await plan_of(stage, decide_it, adwoa, 1)
    assert repeated.changes == ()
    assert repeated.result.id == made.id
    # The wish itself, asked about once more, is still the wish and no second order.
    assert (await plan_of(stage, wanted, ama, 1)).changes == ()
    assert len(await stage.orders()) == 1
    order = await stage.order()
    assert (order.staff_id, order.approved_by) == (ama.staff[0].id, adwoa.staff[0].id)


async def test_two_decide_at_once_and_one_counts(stage: Stage) -> None:
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    assert (await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama, 1)).waits
    (held,) = stage.rows("SELECT id FROM approvals")
    yes = await plan_of(stage, b.DecideApproval(adwoa.staff[0].id, held["id"], approve=True), adwoa, 1)
    no = await plan_of(stage, b.DecideApproval(adwoa.staff[0].id, held["id"], approve=False), adwoa, 2)
    await stage.store.commit(no.changes)
    with pytest.raises(Conflict, match="approval"):
        await stage.store.commit(yes.changes)
    assert await stage.orders() == ()


async def test_nobody_approves_their_own_wish(stage: Stage) -> None:
    """Not in the role that asked, nor as the same person in another."""
    ama = await speaker_of(stage, STAFF)
    assert (await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama, 1)).waits
    (held,) = stage.rows("SELECT id FROM approvals")
    own = await act(stage, b.DecideApproval(ama.staff[0].id, held["id"], approve=True), ama, 2)
    assert own.refused == "own"
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None
    second = StaffRow(
        stage.ids.uuid(), merchant.id, "accountant", "Ama", stage.clock(), "msisdn", STAFF, pin_hash="x"
    )
    await stage.store.commit([KeepStaff(second)])
    ama = await speaker_of(stage, STAFF)
    own = await act(stage, b.DecideApproval(second.id, held["id"], approve=True), ama, 3)
    assert own.refused == "own"
    assert await EffectDispatch(stage.kasapay.operations).look(b.WaitingApprovals(second.id), ama) == ()


@pytest.mark.parametrize("is_gone", [False, True], ids=["role kept", "role taken back"])
async def test_nobody_approves_their_own_wish_from_a_chat_linked_since(stage: Stage, is_gone: bool) -> None:
    """Asked for in a chat that was nobody's yet, approved on the phone that the chat belongs to by now."""
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    chat = await in_chat(stage, ama, "77")
    assert (await act(stage, b.PayOut(chat.staff[0].id, GHS_600, payee=EFUA), chat, 1)).waits
    (held,) = stage.rows("SELECT id FROM approvals")
    await stage.store.commit([LinkAddress("telegram", "77", ama.person.id, stage.clock())])
    if is_gone:
        freed = msgspec.structs.replace(chat.staff[0], address_kind="", address_value="")
        await stage.store.commit([KeepStaff(freed)])
    look = EffectDispatch(stage.kasapay.operations).look
    assert await look(b.WaitingApprovals(ama.staff[0].id), ama) == ()
    for position, approve in enumerate((True, False)):
        wanted = b.DecideApproval(ama.staff[0].id, held["id"], approve=approve)
        assert (await act(stage, wanted, ama, position)).refused == "own"
    assert await stage.orders() == ()
    (shown,) = await look(b.WaitingApprovals(adwoa.staff[0].id), adwoa)
    assert shown.id == held["id"]
    theirs = b.DecideApproval(adwoa.staff[0].id, held["id"], approve=True)
    assert not (await act(stage, theirs, adwoa, 1)).refused


async def in_chat(stage: Stage, like: Actor, value: str) -> Actor:
    """Somebody in a chat that belongs to no number, an accountant where `like` has a role."""
    now_ms = stage.clock()
    person = PersonRow(stage.ids.uuid(), "en", now_ms)
    address = AddressRow(stage.ids.uuid(), person.id, "telegram", value, now_ms, now_ms)
    role = StaffRow(
        stage.ids.uuid(), like.staff[0].merchant_id, "accountant", "Ama", now_ms, "telegram", value,
        pin_hash="x",
    )  # fmt: skip
    await stage.store.commit([SavePerson(person), SaveAddress(address), KeepStaff(role)])
    return make_actor(person, address, (role,))


async def test_a_wish_runs_out_after_a_day(stage: Stage) -> None:
    ama, adwoa = await speaker_of(stage, STAFF), await speaker_of(stage, ACCOUNTANT)
    assert (await act(stage, b.PayOut(ama.staff[0].id, GHS_600, payee=EFUA), ama, 1)).waits
    (held,) = stage.rows("SELECT id FROM approvals")
    stage.clock.ms += 24 * 3600_000
    for approve in (True, False):
        wanted = b.DecideApproval(adwoa.staff[0].id, held["id"], approve=approve)
        assert (await act(stage, wanted, adwoa, 2)).refused == "too_late"
    assert await stage.orders() == ()


async def test_three_requests_of_a_merchant_wait_on_one_phone_and_no_more(stage: Stage) -> None:
    kojo = await speaker_of(stage, CASHIER)
    for position in range(3):
        assert not (await act(stage, b.Withdraw(kojo.staff[0].id, GHS_20, EFUA), kojo, position)).refused
    assert (await act(stage, b.Withdraw(kojo.staff[0].id, GHS_20, EFUA), kojo, 3)).refused == "number"


async def test_cash_of_a_wallet_that_would_be_debited_unasked_is_its_owners_to_ask_for(stage: Stage) -> None:
    """While an auto-debit may stand: looked at first, and kept by the store where it came meanwhile."""
    kojo, kwame = await speaker_of(stage, CASHIER), await speaker_of(stage, KWAME)
    role = kojo.staff[0].id
    planned = await plan_of(stage, b.Withdraw(role, GHS_20, EFUA), kojo, 1)
    efua = await speaker_of(stage, EFUA)
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None
    await act(stage, e.SetUpAutoDebit(merchant.id, GHS_20, "week", 30), efua, 1)
    with pytest.raises(Conflict, match="number"):
        await stage.store.commit(planned.changes)
    again = await act(stage, b.Withdraw(role, GHS_20, EFUA), kojo, 1)
    assert (again.refused, again.merchant) == ("number", "Ama's Kitchen")
    assert not (await act(stage, b.Withdraw(role, GHS_20, kwame.msisdn), kojo, 2)).refused
    own = msgspec.structs.replace(kojo, msisdn=EFUA)
    assert (await act(stage, b.Withdraw(role, GHS_20, EFUA), own, 3)).refused == "auto_debit"
    assert not (await act(stage, b.Withdraw(role, GHS_20, EFUA, unasked=True), own, 3)).refused


# ---- the switch, where something is under way already ----------------------------------------------


async def test_what_was_not_sent_when_the_switch_went_off_is_stopped(stage: Stage) -> None:
    """And told; money that comes in is not touched by the switch."""
    ama, kojo = await speaker_of(stage, STAFF), await speaker_of(stage, CASHIER)
    payout = await act(stage, b.PayOut(ama.staff[0].id, GHS_20, payee=EFUA), ama)
    cash = await act(stage, b.Withdraw(kojo.staff[0].id, GHS_20, EFUA), kojo)
    await stage.switch_payouts(off=True)
    await stage.settle()
    stopped, sent = await stage.store.order(payout.id), await stage.store.order(cash.id)
    assert stopped is not None
    assert (stopped.state, stopped.reason, stopped.sent_ms) == (OrderState.FAILED, Reason.NOT_AVAILABLE, None)
    assert sent is not None
    assert sent.state is OrderState.PENDING
    assert [entry.reference for entry in stage.entries] == [sent.reference]
    (told,) = [text for text in stage.results(STAFF) if payout.code in text]
    assert told.startswith("Not sent: GHS 20.00")
    await stage.switch_payouts(off=False)
    await stage.pass_time(3600)
    assert [entry.reference for entry in stage.entries] == [sent.reference]


async def test_what_may_have_left_is_asked_about_while_the_switch_is_off(stage: Stage) -> None:
    """The reply to the request was lost, and so was the request: it is not made again while payouts are
    off, nor called failed; once they are on again it goes, under its own reference."""
    ama = await speaker_of(stage, STAFF)
    view = await act(stage, b.PayOut(ama.staff[0].id, GHS_20, payee=EFUA), ama)
    stage.faults(rules=[{"group": "momo.create", "set": {"drop_request": 1}, "times": 1}])
    await stage.settle()
    await stage.switch_payouts(off=True)
    await stage.pass_time(10 * 60)
    order = await stage.store.order(view.id)
    assert order is not None
    assert order.state is OrderState.PENDING
    assert order.polls > 1
    assert stage.entries == []
    await stage.switch_payouts(off=False)
    await stage.pass_time(30 * 60)
    order = await stage.store.order(view.id)
    assert order is not None
    assert order.state is OrderState.SUCCESSFUL
    await stage.judge()


async def test_what_had_arrived_is_found_while_the_switch_is_off(stage: Stage) -> None:
    """Only the reply was lost: the question finds what was paid out."""
    ama = await speaker_of(stage, STAFF)
    view = await act(stage, b.PayOut(ama.staff[0].id, GHS_20, payee=EFUA), ama)
    stage.faults(rules=[{"group": "momo.create", "set": {"drop_reply": 1}, "times": 1}])
    await stage.settle()
    await stage.switch_payouts(off=True)
    await stage.pass_time(10 * 60)
    order = await stage.store.order(view.id)
    assert order is not None
    assert order.state is OrderState.SUCCESSFUL
    await stage.judge()


# ---- debits under an agreement ---------------------------------------------------------------------


async def test_nothing_is_debited_once_the_payer_asked_for_the_end(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.PREAPPROVAL, amount_minor=2000)
    ama, efua = await speaker_of(stage, STAFF), await speaker_of(stage, EFUA)
    known = MoveAgreement(row.id, row.version, stage.clock(), row.due_ms, provider_id="theirs")
    await stage.store.commit([known])
    stop = await plan_of(stage, e.StopAutoDebit(row.id), efua)
    charge = b.ChargeUnder(ama.staff[0].id, row.id, GHS_20)
    begun_before = await plan_of(stage, charge, ama)
    await stage.store.commit(stop.changes)
    assert (await act(stage, charge, ama)).refused == "gone"
    with pytest.raises(Conflict):
        await stage.store.commit(begun_before.changes)


async def test_an_auto_debit_past_its_time_is_not_offered_to_be_charged(stage: Stage) -> None:
    row = await standing(stage, AgreementKind.PREAPPROVAL)
    ama = await speaker_of(stage, STAFF)
    look = b.AgreementsOf(ama.staff[0].id, "preapproval")
    assert [view.id for view in await EffectDispatch(stage.kasapay.operations).look(look, ama)] == [row.id]
    stage.clock.ms = row.until_ms or 0
    assert await EffectDispatch(stage.kasapay.operations).look(look, ama) == ()


# ---- who was sent away ----------------------------------------------------------------------------


async def test_staff_sent_away_have_begun_nothing(stage: Stage) -> None:
    """The gateway gave up waiting before the turn came to the payout."""
    phone = Phone(stage, STAFF)
    await phone.dial("5", "4")
    for said in ("0240000001", "20"):
        await phone.answer(said)
    heard = phone.read(phone.answer_request(STAFF_PIN))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    said = turns.timeout_words("", timeout_reply)
    late = await turns.take(heard.inbound, timeout_reply=timeout_reply)
    assert late.text == said
    assert await stage.orders() == ()


@pytest.mark.parametrize(("amount", "kept"), [("20", "orders"), ("600", "approvals")])
async def test_a_payout_that_may_have_begun_is_not_said_to_be_nothing(
    stage: Stage, amount: str, kept: str
) -> None:
    phone = Phone(stage, STAFF)
    await phone.dial("5", "4")
    for said in ("0240000001", amount):
        await phone.answer(said)
    heard = phone.read(phone.answer_request(STAFF_PIN))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    await turns.take(heard.inbound, timeout_reply=timeout_reply)
    said = turns.timeout_words("", timeout_reply)
    assert said.startswith(f"We do not know yet if this started, or if money moved: transfer, GHS {amount}")
    assert len(stage.rows(f"SELECT 1 FROM {kept}")) == 1


async def test_where_a_payout_stands_is_not_told_as_a_payment(stage: Stage) -> None:
    """Last words of a conversation whose code changed behind its act."""
    ama, kojo = await speaker_of(stage, STAFF), await speaker_of(stage, CASHIER)
    assert not (await act(stage, b.PayOut(ama.staff[0].id, GHS_20, payee=EFUA), ama)).refused
    assert not (await act(stage, b.Withdraw(kojo.staff[0].id, GHS_20, EFUA), kojo)).refused

    async def said(actor: Actor) -> str:
        screen = await standing_of(stage.store, request(actor).scope)
        assert screen is not None
        assert screen.order_id in {order.id for order in await stage.orders()}
        return stage.kasapay.turns.say(Text(screen.text, screen.values))

    assert (await said(ama)).startswith("We are asking to send GHS 20.00 to 024***001.")
    assert (await said(kojo)).startswith("Ask the customer to enter their PIN on 024***001: GHS 20.00.")
    await stage.settle()
    decide(stage, EFUA, "reject")
    await stage.pass_time(30)
    assert (await said(ama)).startswith("Sent: GHS 20.00 to 024***001 from Ama's Kitchen.")
    assert (await said(kojo)).startswith("Hand out no cash: GHS 20.00 from 024***001 is not paid.")


@pytest.mark.parametrize(
    ("name", "said_by"), [("M" * 40, "M" * 40), ("\u12e8\u12a0\u121b \u12c8\u1325 \u1264\u1275", "1001")]
)
async def test_a_note_to_a_payer_begins_with_whose_it_is(stage: Stage, name: str, said_by: str) -> None:
    stage.change("UPDATE merchants SET name = ? WHERE code = '1001'", name)
    order = await paid(stage)
    ama = await speaker_of(stage, STAFF)
    found = await EffectDispatch(stage.kasapay.operations).look(
        b.FindPayment(ama.staff[0].id, order.code), ama
    )
    plan = await plan_of(stage, b.SendNote(ama.staff[0].id, order.id, "x" * found.note_most), ama)
    assert plan.provider_call is not None
    assert await plan.provider_call() == v.Noted()
    (entry,) = (entry for entry in stage.entries if entry.reference == order.reference)
    (sent,) = entry.detail["notified"]
    assert sent["text"] == f"{said_by} - ".ljust(160, "x")
