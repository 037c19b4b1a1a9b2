"""Leases, fences and hints: who works on an order, and when it is next asked about."""

import asyncio
import itertools
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.money import OrderState, Source
from bot.store import Conflict, Store
from bot.store.base import AddIncident, CreateOrder
from tests.store.conftest import Fresh
from tests.store.make import NOW, FakeClock, incident, kept_order, move, note, order

S = OrderState
LEASE = 60_000


async def test_what_is_due_is_claimed_earliest_first(store: Store) -> None:
    for id, due in (("o1", 5), ("o2", 3), ("o3", 4), ("o4", 6)):
        await store.commit([CreateOrder(order(id, due_ms=NOW + due), Source.US)])
    claimed = await store.claim_orders(NOW + 5, LEASE, 2)
    assert [row.id for row in claimed] == ["o2", "o3"]
    assert [row.id for row in await store.claim_orders(NOW + 5, LEASE, 9)] == ["o1"]


async def test_what_has_no_due_time_is_never_claimed(store: Store) -> None:
    await kept_order(store, None, S.PENDING, S.SUCCESSFUL)
    assert await store.claim_orders(NOW * 2, LEASE, 9) == ()
    assert await store.next_due_ms() is None


async def test_a_claim_leases_with_a_new_fence_and_the_same_version(store: Store) -> None:
    row = await kept_order(store)
    [claimed] = await store.claim_orders(NOW, LEASE, 9)
    assert (claimed.fence, claimed.lease_until_ms, claimed.version) == (1, NOW + LEASE, row.version)
    assert claimed == await store.order("o1")


async def test_a_leased_order_is_not_claimed_until_its_lease_ends(store: Store) -> None:
    await kept_order(store)
    await store.claim_orders(NOW, LEASE, 9)
    assert await store.claim_orders(NOW + LEASE - 1, LEASE, 9) == ()
    [again] = await store.claim_orders(NOW + LEASE, LEASE, 9)
    assert again.fence == 2


async def test_an_old_fence_is_refused_once_another_claimed(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    [first] = await store.claim_orders(NOW, LEASE, 9)
    [second] = await store.claim_orders(NOW + LEASE, LEASE, 9)
    for change in (
        move(first, S.SUCCESSFUL, fence=first.fence),
        note(first, fence=first.fence, polls=1),
    ):
        with pytest.raises(Conflict) as lost:
            await store.commit([change])
        assert lost.value.what == "order"
    await store.commit([move(second, S.SUCCESSFUL, fence=second.fence)])


async def test_a_move_may_take_the_lease_with_a_new_fence(store: Store) -> None:
    await store.commit(
        [CreateOrder(order(), Source.US), move(order(), S.PENDING, lease_until_ms=NOW + LEASE)]
    )
    row = await store.order("o1")
    assert row is not None
    assert (row.fence, row.lease_until_ms) == (1, NOW + LEASE)
    assert await store.claim_orders(NOW + LEASE - 1, LEASE, 9) == ()
    assert await store.hint("o1", Source.WEBHOOK, NOW + 5, 5_000)
    assert await store.claim_orders(NOW + LEASE - 1, LEASE, 9) == ()
    await store.commit([note(row, fence=row.fence, due_ms=NOW + LEASE, release=True)])
    assert len(await store.claim_orders(NOW + 5, LEASE, 9)) == 1, "the hint was kept"


async def test_a_move_that_takes_the_lease_takes_it_from_whoever_holds_it(store: Store) -> None:
    await kept_order(store, None, S.PENDING, S.NEEDS_OTP)
    [held] = await store.claim_orders(NOW, LEASE, 9)
    await store.commit([move(held, S.PENDING, lease_until_ms=NOW + 2 * LEASE)])
    now = await store.order("o1")
    assert now is not None
    assert (now.fence, now.lease_until_ms) == (held.fence + 1, NOW + 2 * LEASE)
    with pytest.raises(Conflict):
        await store.commit([note(now, fence=held.fence, release=True)])


async def test_no_move_that_ends_the_work_takes_a_lease(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING)
    with pytest.raises(ValueError, match="lease"):
        await store.commit([move(row, S.SUCCESSFUL, lease_until_ms=NOW + LEASE)])
    assert await store.order("o1") == row


async def test_a_lease_that_ended_unclaimed_still_counts(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, LEASE, 9)
    await store.commit([move(row, S.SUCCESSFUL, fence=row.fence, at_ms=NOW + 2 * LEASE)])


async def test_a_note_may_give_the_lease_back(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, LEASE, 9)
    await store.commit([note(row, fence=row.fence, due_ms=NOW + 5)])
    assert await store.claim_orders(NOW + 5, LEASE, 9) == ()
    held = await store.order("o1")
    assert held is not None
    await store.commit([note(held, fence=row.fence, release=True)])
    assert len(await store.claim_orders(NOW + 5, LEASE, 9)) == 1


async def test_the_move_before_the_first_byte_keeps_the_lease(store: Store) -> None:
    await kept_order(store)
    [row] = await store.claim_orders(NOW, LEASE, 9)
    await store.commit([move(row, S.PENDING, fence=row.fence)])
    assert await store.claim_orders(NOW + 1, LEASE, 9) == ()


@pytest.mark.parametrize("said", [S.NEEDS_OTP, S.UNRESOLVED])
async def test_a_move_that_ends_the_work_gives_the_lease_back(store: Store, said: OrderState) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, LEASE, 9)
    told = AddIncident(incident(order_id=row.id))
    await store.commit([move(row, said, fence=row.fence, due_ms=NOW + 1), told])
    assert len(await store.claim_orders(NOW + 1, LEASE, 9)) == 1


async def test_claimers_at_once_never_share_an_order(store: Store) -> None:
    for number in range(60):
        await store.commit([CreateOrder(order(f"o{number}"), Source.US)])
    claims = await asyncio.gather(*(store.claim_orders(NOW, LEASE, 7) for _ in range(12)))
    counted = Counter(row.id for claim in claims for row in claim)
    assert len(counted) == 60
    assert set(counted.values()) == {1}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_whoever_claims_works_alone_whatever_happens(fresh: Fresh, data: st.DataObject) -> None:
    """Two workers claim, write, give back, die and sleep in any order: only the newest fence may write."""
    now, newest, lease_until = NOW, 0, 0
    known: dict[str, int] = {}
    async with fresh() as (store, _):
        await kept_order(store, None, S.PENDING, due_ms=NOW)
        for _ in range(data.draw(st.integers(1, 12))):
            worker = data.draw(st.sampled_from("AB"))
            deed = data.draw(st.sampled_from(["claim", "write", "release", "wait"]))
            if deed == "wait":
                now += data.draw(st.sampled_from([1, LEASE // 2, LEASE]))
            elif deed == "claim":
                claimed = await store.claim_orders(now, LEASE, 99)
                assert bool(claimed) == (lease_until <= now)
                if claimed:
                    assert claimed[0].fence == newest + 1
                    newest, lease_until = claimed[0].fence, now + LEASE
                    known[worker] = newest
            elif worker in known:
                held = await store.order("o1")
                assert held is not None
                change = note(held, fence=known[worker], due_ms=NOW, release=deed == "release")
                if known[worker] == newest:
                    await store.commit([change])
                    lease_until = 0 if deed == "release" else lease_until
                else:
                    with pytest.raises(Conflict):
                        await store.commit([change])


# ---- when next


async def test_the_next_due_time_is_the_earliest(store: Store) -> None:
    await kept_order(store, order("o1", due_ms=NOW + 9))
    await kept_order(store, order("o2", due_ms=NOW + 5))
    assert await store.next_due_ms() == NOW + 5


async def test_a_leased_order_falls_due_when_its_lease_ends(store: Store) -> None:
    await kept_order(store, order("o1", due_ms=NOW))
    await kept_order(store, order("o2", due_ms=NOW + 9 * LEASE))
    await store.claim_orders(NOW, LEASE, 9)
    assert await store.next_due_ms() == NOW + LEASE


# ---- hints


async def test_a_hint_makes_an_order_due_now(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, due_ms=NOW + 99_000)
    assert await store.hint("o1", Source.CALLBACK, NOW + 7, 5000) is True
    held = await store.order("o1")
    assert held is not None
    assert (held.due_ms, held.hinted_by, held.version) == (NOW + 7, Source.CALLBACK, row.version)


async def test_a_hint_waits_until_the_spacing_after_the_last_asking(store: Store) -> None:
    await kept_order(store, None, S.PENDING, due_ms=NOW + 99_000, last_polled_ms=NOW)
    await store.hint("o1", Source.CALLBACK, NOW + 1000, 5000)
    held = await store.order("o1")
    assert held is not None
    assert held.due_ms == NOW + 5000


async def test_a_hint_that_waited_for_its_commit_keeps_the_spacing(store: Store) -> None:
    """It came just before the order was asked about, and is written just after."""
    await kept_order(store, None, S.PENDING, last_polled_ms=NOW, due_ms=NOW + 60_000)
    await store.hint("o1", Source.WEBHOOK, NOW - 2, 5000)
    held = await store.order("o1")
    assert held is not None
    assert held.due_ms == NOW + 5000


async def test_a_repeated_hint_changes_nothing(store: Store) -> None:
    await kept_order(store, None, S.PENDING, due_ms=NOW + 99_000, last_polled_ms=NOW)
    await store.hint("o1", Source.CALLBACK, NOW + 1000, 5000)
    first = await store.order("o1")
    for later in range(50):
        assert await store.hint("o1", Source.WEBHOOK, NOW + 1001 + later, 5000) is True
    assert await store.order("o1") == first


async def test_a_hint_never_puts_the_asking_off(store: Store) -> None:
    await kept_order(store, None, S.PENDING, due_ms=NOW + 10, last_polled_ms=NOW)
    await store.hint("o1", Source.CALLBACK, NOW + 1, 5000)
    held = await store.order("o1")
    assert held is not None
    assert held.due_ms == NOW + 10


@pytest.mark.parametrize(
    "path", [(S.FAILED,), (S.PENDING, S.SUCCESSFUL), (S.PENDING, S.FAILED), (S.PENDING, S.REVERSED)]
)
async def test_a_hint_about_a_final_order_is_false(store: Store, path: tuple[OrderState, ...]) -> None:
    row = await kept_order(store, None, *path)
    assert await store.hint("o1", Source.CALLBACK, NOW, 5000) is False
    assert await store.order("o1") == row


async def test_a_hint_about_an_unknown_order_is_false(store: Store) -> None:
    assert await store.hint("o1", Source.CALLBACK, NOW, 5000) is False


async def test_a_hint_about_an_order_that_has_not_left_changes_nothing(store: Store) -> None:
    row = await kept_order(store, order(due_ms=NOW + 5))
    assert await store.hint("o1", Source.CALLBACK, NOW, 5000) is True
    assert await store.order("o1") == row


async def test_a_hint_while_the_order_is_worked_on_is_not_swallowed(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, LEASE, 1)
    await store.hint("o1", Source.CALLBACK, NOW + 100, 5000)
    # The worker asked before the callback came, heard PENDING and plans by its schedule.
    asked = note(row, fence=row.fence, due_ms=NOW + 600_000, polls=1, last_polled_ms=NOW + 50, release=True)
    await store.commit([asked])
    held = await store.order("o1")
    assert held is not None
    assert (held.due_ms, held.hinted_by) == (NOW + 5050, Source.CALLBACK)
    assert await store.next_due_ms() == NOW + 5050


async def test_a_hint_before_the_first_asking_of_a_lease_keeps_the_spacing(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, LEASE, 1)
    await store.hint("o1", Source.CALLBACK, NOW + 100, 5000)
    await store.commit(
        [move(row, S.NEEDS_OTP, fence=row.fence, due_ms=NOW + 600_000, last_polled_ms=NOW + 200)]
    )
    held = await store.order("o1")
    assert held is not None
    assert held.due_ms == NOW + 5200


async def test_a_hint_survives_a_note_that_keeps_the_lease(store: Store) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, LEASE, 1)
    await store.hint("o1", Source.CALLBACK, NOW + 100, 5000)
    await store.commit([note(row, fence=row.fence, sent_ms=NOW, due_ms=NOW + LEASE)])
    held = await store.order("o1")
    assert held is not None
    await store.commit([note(held, fence=row.fence, due_ms=NOW + 600_000, release=True)])
    held = await store.order("o1")
    assert held is not None
    assert held.due_ms == NOW + 100


async def test_an_asking_answers_its_hint(store: Store) -> None:
    await kept_order(store, None, S.PENDING, due_ms=NOW + 99_000)
    await store.hint("o1", Source.WEBHOOK, NOW, 5000)
    [row] = await store.claim_orders(NOW, LEASE, 1)
    assert row.hinted_by is Source.WEBHOOK
    await store.commit([note(row, fence=row.fence, due_ms=NOW + 30_000, last_polled_ms=NOW, release=True)])
    held = await store.order("o1")
    assert held is not None
    assert (held.due_ms, held.hinted_by) == (NOW + 30_000, None)


async def test_whatever_callbacks_say_an_order_is_asked_about_once_a_spacing(
    store: Store, clock: FakeClock
) -> None:
    """A flood for a minute, a worker that asks whenever the store lets it."""
    await kept_order(store, None, S.PENDING, due_ms=NOW)
    askings = []
    for now in range(NOW, NOW + 60_000, 250):
        clock.ms = now
        for source in (Source.CALLBACK, Source.WEBHOOK):
            await store.hint("o1", source, now, 5000)
        for row in await store.claim_orders(now, LEASE, 9):
            askings.append(now)
            await store.hint("o1", Source.CALLBACK, now, 5000)
            await store.commit(
                [
                    note(
                        row,
                        fence=row.fence,
                        last_polled_ms=now,
                        polls=row.polls + 1,
                        due_ms=now + 600_000,
                        release=True,
                    )
                ]
            )
    assert all(later - earlier >= 5000 for earlier, later in itertools.pairwise(askings))
    assert len(askings) == 12


async def test_a_clock_set_back_does_not_put_a_hint_off(store: Store) -> None:
    await kept_order(store, None, S.PENDING, due_ms=NOW + 99_000, last_polled_ms=NOW)
    await store.hint("o1", Source.CALLBACK, NOW - 3_600_000, 5000)
    held = await store.order("o1")
    assert held is not None
    assert held.due_ms == NOW - 3_600_000


@pytest.mark.parametrize(
    "unsent_again", [False, True], ids=["never tried", "tried, and known not to have left"]
)
@pytest.mark.parametrize("withdrawn_first", [False, True])
async def test_of_sending_and_withdrawing_at_once_one_wins(
    store: Store, unsent_again: bool, withdrawn_first: bool
) -> None:
    """Whoever takes a payment back holds no lease; the worker that is about to send it does."""
    await kept_order(store, None, *([S.PENDING] if unsent_again else []))
    if unsent_again:
        row = await store.order("o1")
        assert row is not None
        await store.commit([note(row, sent_ms=0, due_ms=NOW)])
    [held] = await store.claim_orders(NOW, LEASE, 9)
    mark = note(held, fence=held.fence, sent_ms=NOW, due_ms=NOW + LEASE)
    sends = mark if unsent_again else move(held, S.PENDING, fence=held.fence, due_ms=NOW + LEASE)
    withdraws = move(held, S.FAILED, source=Source.US, note="withdrawn")
    both = [withdraws, sends] if withdrawn_first else [sends, withdraws]
    outcomes = await asyncio.gather(*(store.commit([change]) for change in both), return_exceptions=True)
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert [outcome.what for outcome in lost if isinstance(outcome, Conflict)] == ["order"]
    after = await store.order("o1")
    assert after is not None
    withdrew = outcomes[both.index(withdraws)] is None
    assert after.state is (S.FAILED if withdrew else S.PENDING)
    assert (await store.claim_orders(NOW + 2 * LEASE, LEASE, 9) == ()) is withdrew
