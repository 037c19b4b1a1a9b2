"""Updates of chats: kept once, taken in order within a chat, forgotten but for their ids."""

import asyncio

from bot.store import Store
from bot.store.base import EndUpdate
from tests.store.make import NOW, update

LEASE = 60_000


async def claim(store: Store, now: int = NOW, limit: int = 99, source: str = "bot") -> list[int]:
    return [row.update_id for row in await store.claim_updates(source, now, LEASE, limit)]


async def test_an_update_is_received_once(store: Store) -> None:
    assert await store.receive(update(1)) is True
    assert await store.receive(update(1, body=b"again")) is False
    [row] = await store.claim_updates("bot", NOW, LEASE, 9)
    assert row == update(1, fence=1)


async def test_of_many_deliveries_at_once_one_is_new(store: Store) -> None:
    received = await asyncio.gather(*(store.receive(update(1)) for _ in range(20)))
    assert received.count(True) == 1


async def test_bots_have_their_own_ids(store: Store) -> None:
    assert await store.receive(update(1))
    assert await store.receive(update(1, source="other"))
    assert await claim(store) == [1]
    assert await claim(store, source="other") == [1]


async def test_an_ended_update_stays_known(store: Store) -> None:
    await store.receive(update(1))
    await claim(store)
    await store.commit([EndUpdate("bot", 1)])
    assert await store.receive(update(1)) is False
    assert await claim(store, NOW + 10 * LEASE) == []


async def test_ending_an_unknown_update_is_fine(store: Store) -> None:
    await store.commit([EndUpdate("bot", 1)])


async def test_only_the_oldest_of_each_chat_is_claimed(store: Store) -> None:
    for update_id, chat in ((3, "a"), (1, "a"), (2, "b"), (4, "b")):
        await store.receive(update(update_id, chat=chat))
    assert await claim(store) == [1, 2]
    assert await claim(store) == []
    await store.commit([EndUpdate("bot", 1)])
    assert await claim(store) == [3]


async def test_chats_are_served_in_order_of_arrival(store: Store) -> None:
    for update_id, received in ((5, 3), (6, 1), (7, 2)):
        await store.receive(update(update_id, chat=str(update_id), received_ms=NOW + received))
    assert await claim(store, limit=2) == [6, 7]


async def test_an_update_that_comes_late_does_not_join_one_being_worked_on(store: Store) -> None:
    await store.receive(update(2))
    assert await claim(store) == [2]
    await store.receive(update(1))
    assert await claim(store) == []
    await store.commit([EndUpdate("bot", 2)])
    assert await claim(store) == [1]


async def test_a_lease_that_ended_is_claimed_anew(store: Store) -> None:
    await store.receive(update(1))
    await claim(store)
    assert await claim(store, NOW + LEASE - 1) == []
    [row] = await store.claim_updates("bot", NOW + LEASE, LEASE, 9)
    assert (row.fence, row.attempts, row.body) == (2, 1, update().body)


async def test_a_released_update_waits_and_its_chat_with_it(store: Store) -> None:
    for update_id in (1, 2):
        await store.receive(update(update_id))
    await claim(store)
    await store.release_update("bot", 1, 1, NOW + 5000, give_up=False)
    assert await claim(store, NOW + 4999) == []
    assert await claim(store, NOW + 5000) == [1]


async def test_an_update_given_up_makes_way_and_stays_known(store: Store) -> None:
    for update_id in (1, 2):
        await store.receive(update(update_id))
    await claim(store)
    await store.release_update("bot", 1, 1, 0, give_up=True)
    assert await claim(store) == [2]
    assert await store.receive(update(1)) is False


async def test_a_lease_that_passed_on_releases_nothing(store: Store) -> None:
    await store.receive(update(1))
    await claim(store)
    await claim(store, NOW + LEASE)
    await store.release_update("bot", 1, 1, 0, give_up=True)
    await store.release_update("bot", 1, 1, 0, give_up=False)
    assert await claim(store, NOW + LEASE + 1) == []
    assert await claim(store, NOW + 2 * LEASE) == [1]


async def test_claimers_at_once_never_share_a_chat(store: Store) -> None:
    for update_id in range(40):
        await store.receive(update(update_id, chat=str(update_id % 10)))
    claims = await asyncio.gather(*(store.claim_updates("bot", NOW, LEASE, 3) for _ in range(10)))
    assert sorted(row.update_id for claim in claims for row in claim) == list(range(10))
