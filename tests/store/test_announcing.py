"""Announcements of payments to staff, told at once or held back: the contract of every backend."""

from typing import Any

import pytest

from bot.money import OrderState
from bot.store import Store
from bot.store.base import (
    Announce,
    Change,
    Conflict,
    HeldBack,
    KeepAnnouncing,
    KeepMerchant,
    KeepStaff,
    StopAnnouncing,
    TellHeldBack,
)
from bot.store.base import Queue as Queued
from bot.store.records import AnnouncingRow, MessageState
from tests.store.make import NOW, kept_order, merchant, message, move, order, staff

S = OrderState
HOUR = 3600_000
MORNING, EVENING = NOW + 9 * HOUR, NOW + 30 * HOUR
MOST = 2


@pytest.fixture
async def kept(store: Store) -> Store:
    """A store where one of the staff hears of each payment."""
    await store.commit([KeepMerchant(merchant())])
    await store.commit([KeepStaff(staff("s1", address_kind="msisdn", address_value="+233240000009"))])
    await store.commit([KeepAnnouncing(AnnouncingRow("s1", NOW, 22, 6))])
    return store


async def paid(store: Store, id: str, *, quiet_until_ms: int | None = None, **given: Any) -> None:
    """A payment that is settled now, and announced in the same commit."""
    held = await kept_order(store, order(id, **given), S.PENDING)
    settled: list[Change] = [move(held, S.SUCCESSFUL)]
    at_once, busy = (Queued(message(f"{what}-{id}", dedupe_key=f"{what}-{id}")) for what in ("paid", "busy"))
    told = Announce("s1", id, "m1", NOW, (at_once,), (busy,), MOST, EVENING, quiet_until_ms)
    await store.commit([*settled, told])


async def queued(store: Store) -> list[str]:
    return sorted(row.id for row in await store.messages(MessageState.QUEUED, 99))


async def test_a_payment_is_told_at_once(kept: Store) -> None:
    await paid(kept, "o1")
    assert await queued(kept) == ["paid-o1"]
    assert await kept.next_announcing_ms() is None
    assert await kept.held_back("s1") == HeldBack((), 0, 0)


async def test_who_switched_it_off_hears_nothing_more(kept: Store) -> None:
    await paid(kept, "o1", quiet_until_ms=MORNING)
    await kept.commit([StopAnnouncing("s1")])
    assert await kept.announcing("s1") is None
    await paid(kept, "o2")
    assert await queued(kept) == []
    assert await kept.next_announcing_ms() is None


async def test_what_comes_in_quiet_hours_is_told_as_a_sum_of_what_stands(kept: Store) -> None:
    for id, minor in (("o1", 500), ("o2", 700), ("o3", 900)):
        await paid(kept, id, quiet_until_ms=MORNING, amount_minor=minor)
    # The next one comes as the quiet hours are over, before their count was told.
    await paid(kept, "o4", amount_minor=100)
    taken_back = await kept.order("o2")
    assert taken_back is not None
    await kept.commit([move(taken_back, S.REVERSED)])
    assert await queued(kept) == []
    (row,) = await kept.announcing_due(MORNING, 9)
    assert (row.due_ms, row.daily) == (MORNING, False)
    assert await kept.announcing_due(MORNING - 1, 9) == ()
    assert await kept.held_back("s1") == HeldBack((("GHS", 3, 1500),), NOW, 4)
    await kept.commit([TellHeldBack("s1", MORNING, 4, MOST, MORNING)])
    assert await kept.next_announcing_ms() is None
    with pytest.raises(Conflict, match="announcing"):
        await kept.commit([TellHeldBack("s1", MORNING, 4, MOST, MORNING)])


async def test_above_the_rate_a_count_a_day_is_told_until_it_is_quiet_again(kept: Store) -> None:
    for number in range(1, 5):
        await paid(kept, f"o{number}")
    assert await queued(kept) == ["busy-o3", "paid-o1", "paid-o2"]
    assert await kept.next_announcing_ms() == EVENING
    assert (await kept.held_back("s1")).sums == (("GHS", 2, 1000),)
    await paid(kept, "o5")
    await kept.commit([TellHeldBack("s1", EVENING, 2, 1, EVENING)])
    # What came while it was counted is counted next; two were more than one, so that it goes on.
    row = await kept.announcing("s1")
    assert row is not None
    assert (row.daily, row.due_ms) == (True, EVENING)
    await kept.commit([TellHeldBack("s1", EVENING, 3, 1, EVENING)])
    row = await kept.announcing("s1")
    assert row is not None
    assert (row.daily, row.due_ms) == (False, None)


async def test_quiet_hours_change_and_nothing_else(kept: Store) -> None:
    await paid(kept, "o1", quiet_until_ms=MORNING)
    await kept.commit([KeepAnnouncing(AnnouncingRow("s1", NOW + 9, 1, 2))])
    assert await kept.announcing("s1") == AnnouncingRow("s1", NOW, 1, 2, due_ms=MORNING)


async def test_whoever_takes_up_the_role_anew_begins_without_it(kept: Store) -> None:
    await paid(kept, "o1", quiet_until_ms=MORNING)
    same = staff("s1", address_kind="msisdn", address_value="+233240000009", name="Ama O.")
    await kept.commit([KeepStaff(same)])
    assert await kept.announcing("s1") is not None
    await kept.commit([KeepStaff(staff("s1"))])
    assert await kept.announcing("s1") is None


async def test_who_hears_of_it_is_read_with_the_order(kept: Store) -> None:
    around = await kept.surroundings(order("o1"), staff=False)
    assert [row.staff_id for row in around.announcing] == ["s1"]
    assert [role.row.id for role in around.hears] == ["s1"]
    elsewhere = await kept.surroundings(order("o1", merchant_id="m2"), staff=False)
    assert (elsewhere.announcing, elsewhere.hears) == ((), ())
