"""An order is sent and asked about only where it belongs; with other keys it is never sent again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from bot.admin.check import _database
from bot.app.build import CannotStart
from bot.money import OrderKind, OrderState
from bot.providers import PROVIDERS, Secret
from bot.providers.accounts import Accounts
from bot.providers.base import Elsewhere, StatusReport, Unknown
from tests.accounts import changed, credentials
from tests.conversations.people import decide
from tests.conversations.stage import EFUA, Stage
from tests.providers.cases import MOMO, STARTBUTTON
from tests.shell.test_worker import MINUTE, confirmed, open_watched

S = OrderState


@pytest.fixture
async def scene(tmp_path: Path, template: Path) -> Any:
    async with open_watched(tmp_path, template) as (stage, senders):
        await stage.kasapay.check_open_orders()
        yield stage, senders


async def again(stage: Stage, **changes: Any) -> None:
    """The process is started again, its accounts otherwise configured."""
    accounts = tuple(changed(account, **changes) for account in stage.settings.accounts)
    stage.settings = stage.settings.model_copy(update={"accounts": accounts})
    await stage.restart()


def place(account: Any, **changes: Any) -> str:
    other = changed(account, **changes)
    return Accounts([other], PROVIDERS).place(other.id)


@pytest.mark.parametrize(
    "spelling",
    [
        "https://proxy.momoapi.mtn.com/",
        "https://PROXY.momoapi.MTN.com",
        "HTTPS://proxy.momoapi.mtn.com:443",
        " https://proxy.momoapi.mtn.com// ",
        "https://proxy.momoapi.mtn.com./",
    ],
)
def test_the_spelling_of_an_address_makes_no_other_place(spelling: str) -> None:
    assert place(MOMO, base_url=spelling) == place(MOMO)


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://proxy.momoapi.mtn.com"},
        {"base_url": "https://proxy.momoapi.mtn.com:8443"},
        {"base_url": "https://momoapi.momo.africa"},
        {"base_url": "https://proxy.momoapi.mtn.com/v2"},
        {"target_environment": "mtnuganda"},
    ],
    ids=str,
)
def test_another_address_or_environment_is_another_place(changes: dict[str, str]) -> None:
    assert place(MOMO, **changes) != place(MOMO)
    assert place(MOMO) == "momo https://proxy.momoapi.mtn.com mtnghana"
    assert place(STARTBUTTON, base_url=MOMO.base_url) != place(MOMO)


def test_a_sandbox_whose_port_changes_may_be_one_place() -> None:
    assert place(MOMO, place="beside us") == place(MOMO, place="beside us", base_url="http://127.0.0.1:1")


@pytest.mark.parametrize("merchant", ["1001", "1002"])  # by the worker; and inside the turn
async def test_an_order_knows_where_it_was_sent_before_the_first_byte(scene: Any, merchant: str) -> None:
    stage, senders = scene
    seen: list[tuple[str, bool]] = []

    async def look(call: Any) -> None:
        if call.name == "request_order":
            (row,) = stage.rows("SELECT place, sent_with FROM orders")
            seen.append((row["place"], bool(row["sent_with"])))

    senders[-1].on_call = look
    order = await confirmed(stage, merchant)
    await stage.settle()
    assert seen[0] == (stage.kasapay.accounts.place(order.account_id), True)


@pytest.mark.parametrize("state", ["new", "lost", "open"])
async def test_elsewhere_it_is_neither_sent_nor_asked_about(scene: Any, state: str) -> None:
    """Accepted there and the reply lost, it would be taken a second time."""
    stage, senders = scene
    if state == "lost":
        senders[-1].instead["request_order"] = [Unknown("no reply")]
    order = await confirmed(stage)
    if state != "new":
        await stage.settle()
    before = await stage.order()
    await again(stage, base_url="http://127.0.0.1:9")
    with pytest.raises(CannotStart) as caught:
        await stage.kasapay.check_open_orders()
    said = str(caught.value)
    assert order.code in said
    assert "momo http://127.0.0.1:9 mtnghana" in said
    assert before.place in said
    assert "second account" in said
    await stage.pass_time(3 * 60 * MINUTE)
    # The desk and the turns go by the same door.
    calls = stage.kasapay.calls
    for answer in (
        await calls.status(before, 1.0),
        await calls.request_order(before, 1.0),
        await calls.submit_otp(before, "123456", 1.0),
        await calls.notify_payer(before, "hello", 1.0),
    ):
        assert isinstance(answer, Elsewhere)
    assert senders[-1].calls == []
    after = await stage.order()
    assert (after.state, after.place) == (before.state, before.place)


async def test_back_home_it_goes_on(scene: Any) -> None:
    stage, _ = scene
    await confirmed(stage)
    await stage.settle()
    home = stage.settings
    await again(stage, base_url="http://127.0.0.1:9")
    await stage.pass_time(10)
    stage.settings = home
    await stage.restart()
    await stage.kasapay.check_open_orders()
    assert len(stage.entries) == 1
    decide(stage, EFUA, "approve")
    await stage.pass_time(20 * MINUTE)
    assert (await stage.order()).state is S.SUCCESSFUL


async def test_an_unresolved_order_elsewhere_is_told_of_and_waits(scene: Any) -> None:
    stage, senders = scene
    senders[-1].instead["order_status"] = [StatusReport(state=None) for _ in range(200)]
    await confirmed(stage)
    await stage.pass_time(2 * 60 * MINUTE)
    assert (await stage.order()).state is S.UNRESOLVED
    await again(stage, target_environment="mtnuganda")
    with capture_logs() as log:
        await stage.kasapay.check_open_orders()
    told = [line["reference"] for line in log if line["event"] == "unresolved order belongs elsewhere"]
    assert told == [(await stage.order()).reference]
    await stage.pass_time(50 * 60 * MINUTE)
    assert senders[-1].calls == []


async def test_with_another_key_it_is_asked_about_and_never_sent_again(scene: Any) -> None:
    """A leaked key is replaced while a reply is lost: the new one may be another account's."""
    stage, senders = scene
    senders[-1].instead["request_order"] = [Unknown("no reply")]
    await confirmed(stage)
    await stage.settle()
    keys = credentials(stage.settings.accounts[0])
    other = {name: held.model_copy(update={"api_key": Secret("another")}) for name, held in keys.items()}
    await again(stage, credentials=other)
    await stage.kasapay.check_open_orders()
    stage.kasapay.calls._sender.instead["order_status"] = [
        StatusReport(state=None, not_found=True) for _ in range(200)
    ]
    await stage.pass_time(2 * 60 * MINUTE)
    assert "order_status" in senders[-1].calls
    assert "request_order" not in senders[-1].calls
    assert (await stage.order()).state is S.UNRESOLVED


async def test_what_surely_never_left_may_leave_with_another_key(scene: Any) -> None:
    stage, senders = scene
    await confirmed(stage)
    other = {name: held.model_copy() for name, held in credentials(stage.settings.accounts[0]).items()}
    stage.change("UPDATE orders SET sent_with = 'another'")
    await again(stage, credentials=other)
    await stage.settle()
    assert senders[-1].calls.count("request_order") == 1
    assert (await stage.order()).sent_with == stage.kasapay.calls.keys_hash("momo-ghana")


async def test_a_refund_of_a_payment_made_elsewhere_is_not_offered_to_be_made_here(scene: Any) -> None:
    stage, _ = scene
    await confirmed(stage)
    await stage.settle()
    paid = await stage.order()
    business = stage.kasapay.operations.staff_requests
    refund = msgspec.structs.replace(paid, id="r1", kind=OrderKind.REFUND, parent_id=paid.id, payee=EFUA)
    assert await business._stands_here(refund)
    await again(stage, base_url="http://127.0.0.1:9")
    business = stage.kasapay.operations.staff_requests
    assert not await business._stands_here(refund)


async def test_a_check_names_what_belongs_elsewhere(scene: Any) -> None:
    stage, _ = scene
    await confirmed(stage)
    assert await _database(stage.settings) == []
    await again(stage, base_url="http://127.0.0.1:9")
    (said,) = await _database(stage.settings)
    assert "momo-ghana" in said
    assert "http://127.0.0.1:9" in said
