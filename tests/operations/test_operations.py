"""Every operation, called by whoever may, by whoever may not, and twice; no conversation is there."""

import inspect

import msgspec
import pytest

from bot.operations.actor import RequestKey
from bot.store.base import KeepMerchant
from bot.store.records import OrderRow
from tests.conversations.stage import EFUA, Stage
from tests.operations.cases import CASES, Case
from tests.operations.scene import GHS_20, Scene

# What operations ask of each other. Nobody is let do something by them alone.
_AMONG_THEMSELVES = {
    "staff_requests.refusal": "why an order that was approved cannot be made",
    "roles.acting": "whether a role may",
    "roles.fits": "whether a PIN is the one of a hash",
    "roles.merchant_of": "the name that a refusal bears",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)
async def test_an_operation_without_a_conversation(stage: Stage, case: Case) -> None:
    scene, key = Scene(stage), RequestKey("api-key:of-the-tests", "the-request")
    about = await case.before(scene) if case.before else None
    before = scene.written()
    if case.barred:
        view = await scene.carry_out(case.call(scene, await scene.whoever(case.barred), key, about))
        assert case.gives_nothing(view), view
        assert scene.written() == before, "who may not has begun something"
    first = await scene.carry_out(case.call(scene, await scene.whoever(case.who), key, about))
    assert case.gives(first), first
    if case.keyed:
        after = scene.written()
        again = await scene.carry_out(case.call(scene, await scene.whoever(case.who), key, about))
        assert (again.id, again.code, again.refused) == (first.id, first.code, "")
        assert scene.written() == after, "the same request is done twice"
    assert stage.rows("SELECT 1 FROM conversations") == []


def test_every_operation_is_called_here(stage: Stage) -> None:
    """A new operation stands in the list with who may and who may not."""
    groups = vars(stage.kasapay.operations)
    found = {
        f"{name}.{method}"
        for name, group in groups.items()
        for method, function in inspect.getmembers(type(group), inspect.iscoroutinefunction)
        if name != "waiting" and not method.startswith("_")
    }
    assert found - _AMONG_THEMSELVES.keys() == {case.operation for case in CASES} - {"choose_language"}
    assert _AMONG_THEMSELVES.keys() <= found


def test_a_request_has_one_place_in_the_rows() -> None:
    """A conversation's acts stand where they always stood; no text of another caller's meets them."""
    assert RequestKey("c-1", 3).columns == ("c-1", 3)
    requests = [RequestKey("a", 0), RequestKey("a", "0"), RequestKey("a", "x"), RequestKey("a", "x/y")]
    assert len({request.columns for request in requests}) == len(requests)


async def test_what_a_payer_gives_goes_along_where_the_merchant_asks_for_it(stage: Stage) -> None:
    scene = Scene(stage)
    merchant = await stage.store.merchant_by_code("1001")
    assert merchant is not None

    async def paid() -> OrderRow:
        view = await scene.carry_out(
            scene.do.payments.request(
                await scene.actor(EFUA), scene.key(), merchant_id=merchant.id, amount=GHS_20, payer=EFUA,
                reference="T12",
            )
        )  # fmt: skip
        order = await stage.store.order(view.id)
        assert order is not None
        assert view.given == order.details.given
        return order

    unasked = await paid()
    assert (unasked.details.given, unasked.note) == ("", "Ama's Kitchen")
    await stage.store.commit([KeepMerchant(msgspec.structs.replace(merchant, asks_for="Table number"))])
    asked = await paid()
    assert (asked.details.asked_for, asked.details.given) == ("Table number", "T12")
    assert asked.note == "Ama's Kitchen T12"
