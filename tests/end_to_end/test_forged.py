"""What the provider says, asked by us, counts only if it is about our money. Forgeries: tests/torture."""

import aiohttp
import pytest

from bot.app.demo import Embedded
from bot.money import OrderState
from bot.runtime.timeouts import Timeouts
from bot.store.records import OrderRow
from tests.end_to_end.gateways import Phone
from tests.end_to_end.processes import Judge, until

EFUA, KWAME = "+233240000001", "+233240000002"


@pytest.fixture
def times() -> Timeouts:
    """Hints may follow each other quickly."""
    return Timeouts(hint_spacing_s=0.2)


async def pays(live: Embedded, line: aiohttp.ClientSession, *typed: str, msisdn: str = EFUA) -> str:
    """Play a payment up to its last screen."""
    phone = Phone(line, live.url + live.ussd_path, msisdn)
    reply = await phone.say(None)
    for text in typed:
        reply = await phone.say(text)
    return reply.screen


async def order_of(live: Embedded, reference: str) -> OrderRow:
    order = await live.kasapay.store.order_by_reference(reference)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ({"echo_amount": "1"}, "mismatch_amount"),
        ({"echo_amount": "1250"}, "mismatch_amount"),
        ({"echo_currency": "EUR"}, "mismatch_currency"),
    ],
)
async def test_a_success_over_other_money_is_an_alarm(
    live: Embedded, line: aiohttp.ClientSession, judge: Judge, shown: dict[str, str], kind: str
) -> None:
    await judge.faults(**shown)
    await pays(live, line, "1", "1001", "12.50", "1")
    entry = await judge.one(currency="GHS")
    await judge.decide(EFUA, "approve")

    async def alarmed() -> str | None:
        incidents = await live.kasapay.store.incidents(10)
        return incidents[0].kind if incidents else None

    assert await until("an incident", alarmed) == kind
    assert (await order_of(live, entry["reference"])).state is OrderState.UNRESOLVED
    assert "Do not pay again" in await judge.told(EFUA, "GHS 12.50")
    assert not [sms for sms in await judge.sms(EFUA) if sms["text"].startswith("Paid")]
