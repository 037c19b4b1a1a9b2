"""Announcements of payments to staff: above a rate one count a day, until it is quiet again."""

import pytest

from bot.store.base import KeepAnnouncing
from bot.store.records import AnnouncingRow
from tests.conversations.people import Phone, decide
from tests.conversations.stage import CASHIER, EFUA, STAFF, Stage

HOUR_S = 3600


async def switched_on(stage: Stage, msisdn: str, *quiet: int) -> None:
    (row,) = await stage.store.staff_of("msisdn", msisdn)
    await stage.store.commit([KeepAnnouncing(AnnouncingRow(row.id, stage.clock(), *quiet))])


async def pays(stage: Stage, amount: str) -> None:
    phone = Phone(stage, EFUA)
    screen = await phone.dial("1001", amount)
    while screen.is_open:
        screen = await phone.answer("1")
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(30)


def told(stage: Stage, msisdn: str) -> list[str]:
    return [row["view"] for row in stage.rows(
        "SELECT view FROM messages WHERE address_value = ? AND view LIKE '%announce.%' ORDER BY seq", msisdn
    )]  # fmt: skip


@pytest.mark.parametrize("kill", [False, True])
async def test_above_the_rate_one_count_a_day_is_told(stage: Stage, kill: bool) -> None:
    """The default is twenty an hour; the evening's count is that of the orders, once."""
    await switched_on(stage, STAFF)
    for number in range(1, 24):
        await pays(stage, str(number))
    said = told(stage, STAFF)
    assert ["announce.paid" in view for view in said] == [True] * 20 + [False]
    assert "announce.busy" in said[-1]
    if kill:
        await stage.restart()
    await stage.pass_time(12 * HOUR_S)
    (count,) = told(stage, STAFF)[21:]
    assert "announce.count" in count
    assert '"count":3' in count
    assert f'"amount_minor":{(21 + 22 + 23) * 100}' in count
    await stage.pass_time(24 * HOUR_S)
    # A day of so few ends it: the next is told by itself again.
    await pays(stage, "5")
    assert "announce.paid" in told(stage, STAFF)[-1]
    assert told(stage, CASHIER) == []
