"""A clock that was set back: what was put off is not put off for as long as it jumped as well."""

from pathlib import Path

import pytest

from bot.money import OrderState, Source
from bot.store import Store, sqlite_store
from bot.store.base import CreateOrder, KeepAgreement, KeepMerchant, Queue, SavePerson
from bot.store.records import OrderRow, UpdateRow
from tests.store.make import (
    NOW,
    FakeClock,
    agreement,
    kept_order,
    merchant,
    message,
    note,
    order,
    person,
    update,
)

S = OrderState
LEASE = 60_000
HOUR = 3600_000
MINUTE = 60_000
BACK = NOW - HOUR


async def held(store: Store, id: str = "o1") -> OrderRow:
    row = await store.order(id)
    assert row is not None
    return row


async def test_an_order_keeps_its_pause_and_what_is_left_of_its_time(store: Store) -> None:
    row = await kept_order(
        store, None, S.PENDING, due_ms=NOW + 9_000, deadline_ms=NOW + 5 * MINUTE, last_polled_ms=NOW
    )
    await store.pull_due(BACK, LEASE)
    now = await held(store)
    assert (now.due_ms, now.deadline_ms, now.last_polled_ms) == (BACK + 9_000, BACK + 5 * MINUTE, BACK)
    assert (now.version, now.fence, now.state) == (row.version, row.fence, row.state)
    assert await store.claim_orders(BACK + 8_999, LEASE, 9) == ()
    assert len(await store.claim_orders(BACK + 9_000, LEASE, 9)) == 1


async def test_a_code_is_asked_for_no_longer_than_before(store: Store) -> None:
    await kept_order(store, None, S.PENDING, S.NEEDS_OTP, due_ms=NOW + MINUTE, otp_expires_ms=NOW + MINUTE)
    await store.pull_due(BACK, LEASE)
    now = await held(store)
    assert (now.due_ms, now.otp_expires_ms) == (BACK + MINUTE, BACK + MINUTE)


async def test_what_was_due_is_due(store: Store) -> None:
    await kept_order(store, order("o1"), S.PENDING)
    await store.commit([CreateOrder(order("o2", due_ms=0), Source.US)])
    row = await held(store)
    await store.commit([note(row, at_ms=NOW + 5, due_ms=NOW)])
    await store.pull_due(BACK, LEASE)
    assert [row.id for row in await store.claim_orders(BACK, LEASE, 9)] == ["o2", "o1"]


async def test_what_was_written_since_or_long_before_stays(store: Store) -> None:
    await kept_order(store, order("o1", created_ms=BACK), S.PENDING, at_ms=BACK, due_ms=NOW + MINUTE)
    await kept_order(store, order("o2"), S.PENDING, due_ms=NOW + MINUTE)
    await store.pull_due(BACK, LEASE)
    assert (await held(store)).due_ms == NOW + MINUTE
    after = await held(store, "o2")
    for _ in range(2):
        await store.pull_due(BACK + 1, LEASE)
        assert await held(store, "o2") == after


async def test_a_final_order_stays_as_it_is(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, S.SUCCESSFUL)
    await store.pull_due(BACK, LEASE)
    assert await held(store) == row


async def test_a_lease_lasts_as_long_as_leases_do(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    await store.commit([Queue(message())])
    await store.receive(update())
    await store.claim_orders(NOW, LEASE, 9)
    await store.claim_messages(NOW, LEASE, 9, {})
    await store.claim_updates("bot", NOW, LEASE, 9)
    await store.pull_due(BACK, LEASE)
    assert (await held(store)).lease_until_ms == BACK + LEASE
    for at_ms, found in ((BACK + LEASE - 1, 0), (BACK + LEASE, 1)):
        assert len(await store.claim_orders(at_ms, LEASE, 9)) == found
        assert len(await store.claim_messages(at_ms, LEASE, 9, {})) == found
        assert len(await store.claim_updates("bot", at_ms, LEASE, 9)) == found


async def test_a_lease_of_the_new_time_is_not_touched(store: Store) -> None:
    await kept_order(store, None, S.PENDING, due_ms=BACK)
    await store.claim_orders(BACK + 5, LEASE, 9)
    await store.pull_due(BACK + 5, LEASE)
    assert (await held(store)).lease_until_ms == BACK + 5 + LEASE


async def test_an_agreement_keeps_its_pause_and_its_last_day(store: Store) -> None:
    row = agreement(due_ms=NOW + 9_000, until_ms=NOW + HOUR)
    await store.commit([KeepMerchant(merchant()), SavePerson(person()), KeepAgreement(row)])
    await store.pull_due(BACK, LEASE)
    assert await store.next_agreement_ms() == BACK + 9_000
    assert await store.claim_agreements(BACK + 8_999, LEASE, 9) == ()
    (now,) = await store.claim_agreements(BACK + 9_000, LEASE, 9)
    assert (now.until_ms, now.version) == (NOW + HOUR, row.version)
    # Claimed by a clock that ran ahead, it is looked at again once a lease is over.
    await store.pull_due(BACK - HOUR, LEASE)
    assert len(await store.claim_agreements(BACK - HOUR + 9_000 + LEASE, LEASE, 9)) == 1


async def test_messages_and_updates_go_on(store: Store) -> None:
    later = message("x2", address_value="78", due_ms=NOW + 30_000)
    await store.commit([Queue(message("x1")), Queue(later)])
    waiting: UpdateRow = update()
    await store.receive(waiting)
    [first] = await store.claim_updates("bot", NOW, LEASE, 9)
    await store.release_update("bot", 1, first.fence, NOW + 5_000, False)
    await store.pull_due(BACK, LEASE)
    assert [row.id for row in await store.claim_messages(BACK, LEASE, 9, {})] == ["x1"]
    assert await store.next_message_ms({}, ()) is not None
    assert await store.claim_messages(BACK + 29_999, LEASE, 9, {}) == ()
    assert [row.id for row in await store.claim_messages(BACK + 30_000, LEASE, 9, {})] == ["x2"]
    assert await store.claim_updates("bot", BACK + 4_999, LEASE, 9) == ()
    assert len(await store.claim_updates("bot", BACK + 5_000, LEASE, 9)) == 1


@pytest.mark.parametrize("leased", [False, True])
async def test_a_start_with_the_clock_behind_finds_what_is_due(database: Path, leased: bool) -> None:
    clock = FakeClock()
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        await store.commit([SavePerson(person())])
        row = await kept_order(store, None, S.PENDING)
        if leased:
            await store.claim_orders(NOW, LEASE, 9)
    finally:
        await store.close()
    clock.ms = BACK
    store = sqlite_store(database, clock=clock)
    await store.open()
    try:
        assert [found.id for found in await store.claim_orders(BACK, LEASE, 9)] == [row.id]
    finally:
        await store.close()
