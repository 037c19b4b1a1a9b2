"""What a provider said of a final order is work that is kept: claimed, put off, ended, never dropped."""

from bot.money import OrderState, Source
from bot.store import Store
from bot.store.base import EndRecheck, Hint, KeepRecheck, PutOffRecheck
from bot.store.records import RecheckRow
from tests.store.make import NOW, kept_order, order

S = OrderState
LEASE = 60_000
SPACING = 5_000


async def final(store: Store, id: str = "o1") -> None:
    await kept_order(store, order(id), S.PENDING, S.SUCCESSFUL)


async def test_word_of_a_final_order_is_kept_and_due_after_the_pause(store: Store) -> None:
    await final(store)
    assert await store.hint("o1", Source.CALLBACK, NOW, SPACING) is False
    assert await store.next_recheck_ms() == NOW + SPACING
    assert await store.claim_rechecks(NOW + SPACING - 1, LEASE, 9) == ()
    (row,) = await store.claim_rechecks(NOW + SPACING, LEASE, 9)
    wanted = RecheckRow("o1", Source.CALLBACK, None, NOW, NOW + SPACING + LEASE, fence=1)
    assert row == wanted


async def test_word_of_an_open_order_or_of_none_is_no_recheck(store: Store) -> None:
    await kept_order(store, order("o1"), S.PENDING)
    assert await store.hint("o1", Source.CALLBACK, NOW, SPACING) is True
    assert await store.hint("nobody", Source.CALLBACK, NOW, SPACING) is False
    assert await store.next_recheck_ms() is None


async def test_however_often_it_is_spoken_of_one_question_answers(store: Store) -> None:
    await final(store)
    await store.commit([Hint("o1", Source.WEBHOOK, NOW, SPACING, S.REVERSED)])
    for later in (1, 2_000, 9_000):
        await store.commit([Hint("o1", Source.CALLBACK, NOW + later, SPACING)])
    (row,) = await store.claim_rechecks(NOW + SPACING, LEASE, 9)
    # What it said last in words is not forgotten by a later word without any.
    assert (row.news, row.reported_state, row.since_ms) == (4, S.REVERSED, NOW)
    await store.commit([EndRecheck(row, NOW + 20_000)])
    assert await store.next_recheck_ms() is None


async def test_whoever_dies_over_it_leaves_it_to_the_next(store: Store) -> None:
    await final(store)
    await store.hint("o1", Source.WEBHOOK, NOW, 0)
    (dead,) = await store.claim_rechecks(NOW, LEASE, 9)
    assert await store.claim_rechecks(NOW + LEASE - 1, LEASE, 9) == ()
    (row,) = await store.claim_rechecks(NOW + LEASE, LEASE, 9)
    assert row.fence == dead.fence + 1
    # A late word of the one that was thought dead changes nothing.
    await store.commit([EndRecheck(dead, NOW + LEASE)])
    await store.commit([PutOffRecheck(dead, NOW)])
    assert await store.next_recheck_ms() == NOW + 2 * LEASE
    await store.commit([EndRecheck(row, NOW + LEASE)])
    assert await store.next_recheck_ms() is None


async def test_what_is_said_during_a_look_is_looked_into_too(store: Store) -> None:
    await final(store)
    await store.hint("o1", Source.WEBHOOK, NOW, 0)
    (row,) = await store.claim_rechecks(NOW, LEASE, 9)
    await store.commit([Hint("o1", Source.WEBHOOK, NOW + 1, SPACING, S.REVERSED)])
    await store.commit([EndRecheck(row, NOW + 9_000)])
    assert await store.next_recheck_ms() == NOW + 1 + SPACING
    (again,) = await store.claim_rechecks(NOW + 1 + SPACING, LEASE, 9)
    assert (again.reported_state, again.tries) == (S.REVERSED, 0)


async def test_what_nobody_could_say_is_put_off_and_counted(store: Store) -> None:
    await final(store)
    await store.hint("o1", Source.WEBHOOK, NOW, 0)
    (row,) = await store.claim_rechecks(NOW, LEASE, 9)
    await store.commit([PutOffRecheck(row, NOW + 10_000)])
    assert await store.next_recheck_ms() == NOW + 10_000
    # Spoken of again, it is not put off.
    await store.commit([Hint("o1", Source.WEBHOOK, NOW + 1, SPACING)])
    assert await store.next_recheck_ms() == NOW + 1 + SPACING
    (row,) = await store.claim_rechecks(NOW + 20_000, LEASE, 9)
    assert row.tries == 1


async def test_a_question_of_our_own_never_takes_the_place_of_theirs(store: Store) -> None:
    await final(store)
    await store.hint("o1", Source.WEBHOOK, NOW, SPACING)
    await store.commit([KeepRecheck(RecheckRow("o1", Source.POLL, None, NOW, NOW + 900_000))])
    (row,) = await store.claim_rechecks(NOW + SPACING, LEASE, 9)
    assert row.source is Source.WEBHOOK


async def test_a_clock_set_back_puts_none_off(store: Store) -> None:
    for id in ("o1", "o2"):
        await final(store, id)
    back = NOW - 10 * 3600_000
    await store.hint("o1", Source.WEBHOOK, back - 1, 0)
    (row,) = await store.claim_rechecks(back, LEASE, 9)
    await store.commit([PutOffRecheck(row, NOW + 3600_000)])
    await store.hint("o2", Source.WEBHOOK, NOW, SPACING)
    await store.pull_due(back, LEASE)
    assert await store.next_recheck_ms() == back
    assert {row.order_id for row in await store.claim_rechecks(back, LEASE, 9)} == {"o1", "o2"}
