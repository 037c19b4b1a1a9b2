"""What the first screen and the confirmation know: a typed code, the amounts paid, the network used."""

import msgspec
import pytest

from bot.dialog import views as v
from bot.money import Money, OrderState
from bot.store.base import KeepMerchant
from tests.conversations.stage import ACCOUNTANT, CASHIER, EFUA, KWAME, STAFF, Stage
from tests.operations.scene import CHAT, GHS_20, Scene


async def recognised(scene: Scene, who: str, typed: str) -> v.Recognised | None:
    return await scene.do.recognition.recognise(await scene.actor(who), typed)


# ---- a code typed on the first screen ------------------------------------------------------------


@pytest.mark.parametrize("who", [EFUA, STAFF, CHAT])
async def test_a_merchants_code_is_known_to_everybody(stage: Stage, who: str) -> None:
    found = await recognised(Scene(stage), who, "1001")
    assert found is not None
    assert found.merchant is not None
    assert (found.merchant.name, found.order, found.staff_id) == ("Ama's Kitchen", None, "")


async def test_a_reference_is_its_payers_and_says_nothing_to_others(stage: Stage) -> None:
    scene = Scene(stage)
    order_id = await scene.paid()
    code = await scene.code_of(order_id)
    own = await recognised(scene, EFUA, code)
    assert own is not None
    assert own.order is not None
    assert (own.order.id, own.merchant, own.staff_id) == (order_id, None, "")
    # Whoever may not see it is told what is said of a code that nobody has.
    for stranger in (KWAME, CHAT):
        assert await recognised(scene, stranger, code) is None
        assert await recognised(scene, stranger, "ZZZZZZZZ") is None


@pytest.mark.parametrize("who", [STAFF, CASHIER, ACCOUNTANT])
async def test_staff_learn_in_which_role_they_can_see_a_payment_and_nothing_of_it(
    stage: Stage, who: str
) -> None:
    scene = Scene(stage)
    found = await recognised(scene, who, await scene.code_of(await scene.paid()))
    assert found == v.Recognised(staff_id=await scene.role(who))


async def test_a_locked_role_and_another_merchants_payment_are_not_recognised(stage: Stage) -> None:
    scene = Scene(stage)
    code = await scene.code_of(await scene.paid())
    elsewhere = await scene.code_of(await scene.asked("1002", "MTN"))
    assert await recognised(scene, STAFF, elsewhere) is None
    await scene.locked(CASHIER)
    assert await recognised(scene, CASHIER, code) is None


async def test_a_colleagues_payout_is_no_payment_to_look_up(stage: Stage) -> None:
    """Only who asked for it knows it, as what they did themselves."""
    scene = Scene(stage)
    view = await scene.carry_out(
        scene.do.staff_requests.pay_out(
            await scene.actor(STAFF), scene.key(), staff_id=await scene.role(), amount=GHS_20, payee=KWAME
        )
    )
    code = await scene.code_of(view.id)
    own = await recognised(scene, STAFF, code)
    assert own is not None
    assert own.order is not None
    assert await recognised(scene, ACCOUNTANT, code) is None


@pytest.mark.parametrize("typed", ["", "9999", "K7QX", "100", "not a code"])
async def test_what_is_no_code_is_nothing(stage: Stage, typed: str) -> None:
    assert await recognised(Scene(stage), EFUA, typed) is None


async def test_a_merchant_that_is_closed_is_not_recognised(stage: Stage) -> None:
    scene = Scene(stage)
    row = await scene.store.merchant_by_code("1001")
    assert row is not None
    await scene.store.commit([KeepMerchant(msgspec.structs.replace(row, active=False))])
    assert await recognised(scene, EFUA, "1001") is None


# ---- the network used last -----------------------------------------------------------------------


async def test_the_network_of_the_last_payment_is_known_for_its_number_and_account(stage: Stage) -> None:
    scene = Scene(stage)
    await scene.paid_on_network()
    efua = await scene.actor(EFUA)
    used = scene.do.payments.network_used
    assert await used(efua, await scene.merchant_id("1002"), EFUA) == "MTN"
    # Not for a merchant of another account, another number, another person or no merchant.
    assert await used(efua, await scene.merchant_id("1001"), EFUA) == ""
    assert await used(efua, await scene.merchant_id("1003"), EFUA) == ""
    assert await used(efua, await scene.merchant_id("1002"), KWAME) == ""
    assert await used(await scene.actor(KWAME), await scene.merchant_id("1002"), EFUA) == ""
    assert await used(efua, "nobody", EFUA) == ""


@pytest.mark.parametrize("reached", [OrderState.NEEDS_OTP, OrderState.FAILED])
async def test_a_network_that_no_money_came_through_is_not_known(stage: Stage, reached: OrderState) -> None:
    scene = Scene(stage)
    order_id = await scene.asked_for_code()
    efua = await scene.actor(EFUA)
    if reached is OrderState.FAILED:
        for _ in range(3):
            await scene.carry_out(scene.do.payments.submit_otp(efua, "0000", order_id))
        await stage.pass_time(3600)
    order = await scene.store.order(order_id)
    assert order is not None
    assert (order.state, order.network) == (reached, "MTN")
    assert await scene.do.payments.network_used(efua, await scene.merchant_id("1002"), EFUA) == ""


# ---- the amounts paid before ---------------------------------------------------------------------


async def test_the_last_three_amounts_are_known_each_once_the_latest_first(stage: Stage) -> None:
    scene = Scene(stage)
    paid = [Money(minor, "GHS") for minor in (1000, 2000, 3000, 2000, 4000)]
    for amount in paid:
        await scene.paid(amount)
    amounts = await scene.do.payments.amounts_paid(await scene.actor(EFUA), await scene.merchant_id())
    assert [amount.amount_minor for amount in amounts] == [4000, 2000, 3000]
    assert (
        await scene.do.payments.amounts_paid(await scene.actor(EFUA), await scene.merchant_id("1002")) == ()
    )
    assert await scene.do.payments.amounts_paid(await scene.actor(STAFF), await scene.merchant_id()) == ()


async def test_what_was_not_paid_is_no_amount_paid(stage: Stage) -> None:
    scene = Scene(stage)
    await scene.failed()
    await scene.asked()
    assert await scene.do.payments.amounts_paid(await scene.actor(EFUA), await scene.merchant_id()) == ()
