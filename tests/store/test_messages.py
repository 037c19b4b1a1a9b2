"""The outbox: urgency between addresses, order within one, pace, and one sender at a time."""

import asyncio
import itertools
from collections import Counter

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.money import OrderState
from bot.store import Conflict, Store
from bot.store.base import DropMessages, EndAddress, MarkTold, Queue, Redrive, SaveAddress, SettleMessage
from bot.store.records import MessageKind, MessageRow, MessageState
from tests.store.conftest import Fresh
from tests.store.make import NOW, FakeClock, address, kept_order, message

LEASE = 60_000
K = MessageKind
SENT, QUEUED, DEAD, DROPPED = MessageState.SENT, MessageState.QUEUED, MessageState.DEAD, MessageState.DROPPED


async def queue(store: Store, *rows: MessageRow) -> None:
    await store.commit([Queue(row) for row in rows])


async def claim(store: Store, now: int = NOW, limit: int = 99, **spacing: int) -> list[str]:
    return [row.id for row in await store.claim_messages(now, LEASE, limit, spacing)]


async def send(store: Store, now: int = NOW, **spacing: int) -> list[str]:
    """Claim, and say all were sent."""
    rows = await store.claim_messages(now, LEASE, 99, spacing)
    for row in rows:
        await store.commit([SettleMessage(row.id, row.fence, SENT, now)])
    return [row.id for row in rows]


# ---- queueing


async def test_a_second_message_with_its_dedupe_key_is_left_out(store: Store) -> None:
    await queue(store, message("x1", dedupe_key="k", view="first"))
    await queue(store, message("x2", dedupe_key="k", view="second"))
    [row] = await store.messages(QUEUED, 9)
    assert (row.id, row.view) == ("x1", "first")


async def test_a_message_is_kept_as_it_was_queued(store: Store) -> None:
    row = message(order_id="o1", conversation_id="c1", edits="m5", view='{"text": "é"}')
    await queue(store, row)
    assert await store.messages_of_order("o1") == (row,)


async def test_a_copy_of_a_leased_message_is_held_by_nobody(store: Store) -> None:
    await queue(store, message("x1"))
    [row] = await store.claim_messages(NOW, LEASE, 9, {})
    copy = msgspec.structs.replace(row, id="x2", dedupe_key="k2", address_value="78")
    await store.commit([SettleMessage("x1", row.fence, DROPPED, NOW), Queue(copy)])
    assert await claim(store) == ["x2"]


# ---- order


async def test_results_go_before_replies_before_prompts_then_the_oldest(store: Store) -> None:
    for number, kind in enumerate([K.PROMPT, K.REPLY, K.RESULT, K.PROMPT, K.REPLY, K.RESULT]):
        await queue(
            store, message(f"x{number}", kind=kind, address_value=str(number), created_ms=NOW - number)
        )
    assert await claim(store) == ["x5", "x2", "x4", "x1", "x3", "x0"]


async def test_a_limit_takes_the_most_urgent(store: Store) -> None:
    for number, kind in enumerate([K.PROMPT, K.REPLY, K.RESULT]):
        await queue(store, message(f"x{number}", kind=kind, address_value=str(number)))
    assert await claim(store, limit=1) == ["x2"]
    assert await claim(store, limit=1) == ["x1"]


async def test_one_address_gets_its_messages_one_at_a_time_results_first(store: Store) -> None:
    await queue(store, message("z", kind=K.PROMPT), message("y", kind=K.REPLY), message("x", kind=K.RESULT))
    assert [await send(store) for _ in range(4)] == [["x"], ["z"], ["y"], []]


async def test_the_order_within_an_address_does_not_hang_on_the_clock(store: Store) -> None:
    await queue(store, message("x1", created_ms=NOW))
    await queue(store, message("x2", created_ms=NOW - 3_600_000))
    assert [await send(store) for _ in range(2)] == [["x1"], ["x2"]]


async def test_the_same_value_of_another_kind_is_another_address(store: Store) -> None:
    await queue(store, message("x1", address_kind="telegram"), message("x2", address_kind="web"))
    assert sorted(await claim(store)) == ["x1", "x2"]


async def test_what_is_not_due_is_not_claimed(store: Store) -> None:
    await queue(store, message(due_ms=NOW + 1))
    assert await claim(store, NOW) == []
    assert await claim(store, NOW + 1) == ["x1"]


async def test_a_message_scheduled_for_later_holds_nobody_up(store: Store) -> None:
    await queue(store, message("later", due_ms=NOW + 30_000), message("now"))
    assert await send(store) == ["now"]
    await queue(store, message("after", created_ms=NOW + 30_000, due_ms=NOW + 30_000))
    assert await send(store, NOW + 30_000) == ["later"]
    assert await send(store, NOW + 30_000) == ["after"]


async def test_a_message_to_be_tried_again_holds_its_address(store: Store) -> None:
    await queue(store, message("x1"), message("x2"))
    [first] = await store.claim_messages(NOW, LEASE, 9, {})
    await store.commit([SettleMessage(first.id, first.fence, QUEUED, NOW, due_ms=NOW + 5000, error="429")])
    assert await claim(store, NOW + 4999) == []
    assert await claim(store, NOW + 5000) == ["x1"]


# ---- leases


async def test_a_lease_that_passed_on_is_refused(store: Store) -> None:
    await queue(store, message())
    [first] = await store.claim_messages(NOW, LEASE, 9, {})
    assert await claim(store, NOW + LEASE - 1) == []
    [second] = await store.claim_messages(NOW + LEASE, LEASE, 9, {})
    assert second.fence == first.fence + 1
    with pytest.raises(Conflict) as lost:
        await store.commit([SettleMessage("x1", first.fence, SENT, NOW)])
    assert lost.value.what == "message"
    await store.commit([SettleMessage("x1", second.fence, SENT, NOW)])


@pytest.mark.parametrize("state", [SENT, DEAD, DROPPED])
async def test_a_settled_message_is_settled_once(store: Store, state: MessageState) -> None:
    await queue(store, message())
    [row] = await store.claim_messages(NOW, LEASE, 9, {})
    await store.commit([SettleMessage("x1", row.fence, state, NOW)])
    with pytest.raises(Conflict):
        await store.commit([SettleMessage("x1", row.fence, SENT, NOW)])
    assert await claim(store, NOW + 10 * LEASE) == []


async def test_settling_an_unknown_message_conflicts(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.commit([SettleMessage("x1", 0, SENT, NOW)])


async def test_attempts_count_the_tries_before_also_those_whose_sender_died(store: Store) -> None:
    await queue(store, message())
    seen = []
    for number in range(3):
        [row] = await store.claim_messages(NOW + number * LEASE, LEASE, 9, {})
        seen.append(row.attempts)
    assert seen == [0, 1, 2]


async def test_claimers_at_once_never_share_a_message_or_an_address(store: Store) -> None:
    await queue(store, *(message(f"x{number}", address_value=str(number % 20)) for number in range(60)))
    claims = await asyncio.gather(*(store.claim_messages(NOW, LEASE, 4, {}) for _ in range(15)))
    rows = [row for claim in claims for row in claim]
    assert set(Counter(row.id for row in rows).values()) == {1}
    assert Counter(row.address_value for row in rows) == Counter({str(number): 1 for number in range(20)})


# ---- pace


async def test_an_address_rests_after_what_it_was_sent(store: Store) -> None:
    await queue(store, message("x1"), message("x2"))
    assert await send(store, NOW, telegram=1000) == ["x1"]
    assert await send(store, NOW + 999, telegram=1000) == []
    assert await send(store, NOW + 1000, telegram=1000) == ["x2"]


async def test_a_kind_without_an_entry_needs_no_rest(store: Store) -> None:
    await queue(store, message("x1", address_kind="web"), message("x2", address_kind="web"))
    assert await send(store, NOW, telegram=1000) == ["x1"]
    assert await send(store, NOW, telegram=1000) == ["x2"]


async def test_a_clock_set_back_does_not_silence_an_address(store: Store) -> None:
    await queue(store, message("x1"), message("x2", due_ms=NOW - 3_600_000))
    assert await send(store, NOW, telegram=1000) == ["x1"]
    assert await send(store, NOW - 3_600_000, telegram=1000) == ["x2"]


async def test_the_next_message_is_due_when_a_claim_finds_it(store: Store, clock: FakeClock) -> None:
    assert await store.next_message_ms() is None
    await queue(store, message("x1", due_ms=NOW + 7), message("x2", due_ms=NOW + 3))
    assert await store.next_message_ms() == NOW + 3
    assert await claim(store, NOW + 3) == ["x2"]
    assert await store.next_message_ms() == NOW + 3 + LEASE
    clock.ms = NOW + 3
    await store.commit([SettleMessage("x2", 1, SENT, NOW + 3)])
    assert await store.next_message_ms() == NOW + 7
    assert await store.next_message_ms({"telegram": 1000}) == NOW + 1003


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_an_outbox_left_alone_drains_in_order_and_at_its_pace(
    fresh: Fresh, data: st.DataObject
) -> None:
    """Sleep until the next message, claim, settle somehow: never woken for nothing; an address' results
    first, then all else as it was queued."""
    spacing = {"telegram": 1000}
    addresses = st.sampled_from([("telegram", "1"), ("telegram", "2"), ("web", "3")])
    rows = []
    for index in range(data.draw(st.integers(1, 8))):
        kind, value = data.draw(addresses)
        due_ms = NOW + data.draw(st.sampled_from([0, 0, 10, 1500]))
        urgency = data.draw(st.sampled_from(K))
        rows.append(message(f"x{index}", address_kind=kind, address_value=value, kind=urgency, due_ms=due_ms))
    sent: list[MessageRow] = []
    last_ms: dict[tuple[str, str], int] = {}
    async with fresh() as (store, clock):
        await queue(store, *rows)
        for step in itertools.count():
            due = await store.next_message_ms(spacing)
            if due is None:
                break
            clock.ms = max(clock.ms, due)
            claimed = await store.claim_messages(clock.ms, LEASE, 9, spacing)
            assert claimed, "woken for nothing"
            for row in claimed:
                address = (row.address_kind, row.address_value)
                if row.address_kind == "telegram":
                    assert clock.ms - last_ms.get(address, 0) >= 1000
                fate = data.draw(st.sampled_from(["sent", "again", "die"])) if step < 20 else "sent"
                if fate == "sent":
                    await store.commit([SettleMessage(row.id, row.fence, SENT, clock.ms)])
                    last_ms[address] = clock.ms
                    sent.append(row)
                elif fate == "again":
                    later_ms = clock.ms + 700
                    await store.commit([SettleMessage(row.id, row.fence, QUEUED, clock.ms, due_ms=later_ms)])
    assert sorted(row.id for row in sent) == [row.id for row in rows]
    at_once = {row.id for row in rows if row.due_ms == NOW}
    for address in last_ms:
        theirs = [row for row in sent if (row.address_kind, row.address_value) == address]
        order = [(row.kind is not MessageKind.RESULT, row.id) for row in theirs if row.id in at_once]
        assert order == sorted(order)


# ---- what became of it


async def test_a_sent_message_says_when_and_as_what(store: Store) -> None:
    await queue(store, message(order_id="o1"))
    [row] = await store.claim_messages(NOW, LEASE, 9, {})
    await store.commit([SettleMessage("x1", row.fence, SENT, NOW + 5, sent_ref="m9", error="twice?")])
    [kept] = await store.messages_of_order("o1")
    assert (kept.state, kept.sent_ms, kept.sent_ref, kept.error, kept.lease_until_ms, kept.attempts) == (
        SENT,
        NOW + 5,
        "m9",
        "twice?",
        0,
        1,
    )


@pytest.mark.parametrize(
    ("kind", "state", "path", "kept"),
    [
        (K.REPLY, SENT, (OrderState.PENDING,), "m9"),
        (K.RESULT, SENT, (OrderState.PENDING,), ""),
        (K.PROMPT, SENT, (OrderState.PENDING,), ""),
        (K.REPLY, DEAD, (OrderState.PENDING,), ""),
        (K.REPLY, SENT, (OrderState.PENDING, OrderState.SUCCESSFUL), ""),
    ],
)
async def test_a_sent_reply_about_an_open_order_leaves_its_reference_on_it(
    store: Store, kind: MessageKind, state: MessageState, path: tuple[OrderState, ...], kept: str
) -> None:
    before = await kept_order(store, None, *path)
    await queue(store, message(kind=kind, order_id="o1"))
    [row] = await store.claim_messages(NOW, LEASE, 9, {})
    await store.commit([SettleMessage("x1", row.fence, state, NOW, sent_ref="m9")])
    assert await store.order("o1") == msgspec.structs.replace(before, pending_ref=kept)


async def test_dropping_takes_the_orders_queued_messages_of_a_kind(store: Store, clock: FakeClock) -> None:
    await queue(
        store,
        message("sending", order_id="o1", kind=K.PROMPT),
        message("waiting", order_id="o1", kind=K.PROMPT),
        message("result", order_id="o1", kind=K.RESULT, address_value="78"),
        message("other", order_id="o2", kind=K.PROMPT),
    )
    assert set(await claim(store)) == {"result", "sending"}
    await store.commit([DropMessages("o1", K.PROMPT)])
    states = {row.id: row.state for id in ("o1", "o2") for row in await store.messages_of_order(id)}
    assert states == {"sending": QUEUED, "waiting": DROPPED, "result": QUEUED, "other": QUEUED}
    clock.ms = NOW + LEASE
    await store.commit([DropMessages("o1", K.PROMPT)])
    assert {row.id for row in await store.messages(DROPPED, 9)} == {"sending", "waiting"}


async def test_history_is_what_was_sent_after_a_time_oldest_first(store: Store) -> None:
    await store.commit([SaveAddress(address("c1", kind="telegram", value="77"))])
    for number in range(4):
        await queue(store, message(f"x{number}"))
        await send(store, NOW + number)
    await queue(store, message("x9"), message("other", address_value="78"))
    await send(store, NOW + 9, telegram=100)
    rows = await store.sent_messages("telegram", "77", NOW, 9)
    assert [row.id for row in rows] == ["x1", "x2", "x3"]
    assert [row.id for row in await store.sent_messages("telegram", "77", NOW, 2)] == ["x1", "x2"]
    # Whoever owns the address next reads nothing of it.
    await store.commit([EndAddress("telegram", "77", NOW)])
    assert await store.sent_messages("telegram", "77", 0, 9) == ()
    await store.commit([SaveAddress(address("c2", person_id="p2", kind="telegram", value="77"))])
    assert await store.sent_messages("telegram", "77", 0, 9) == ()


async def test_messages_are_listed_by_state_newest_first(store: Store) -> None:
    await queue(store, *(message(f"x{number}", created_ms=NOW + number) for number in range(3)))
    assert [row.id for row in await store.messages(QUEUED, 2)] == ["x2", "x1"]
    assert await store.messages(DEAD, 9) == ()


# ---- results that no channel could bring


async def test_a_dead_result_waits_to_be_told_in_a_turn(store: Store) -> None:
    await queue(store, message("x1", kind=K.RESULT), message("x2", kind=K.REPLY, address_value="other"))
    for row in await store.claim_messages(NOW, LEASE, 9, {}):
        await store.commit([SettleMessage(row.id, row.fence, DEAD, NOW)])
    untold = await store.untold_result("p1", "")
    assert untold is not None
    assert untold.id == "x1"
    await store.commit([MarkTold("x1", NOW + 1)])
    assert await store.untold_result("p1", "") is None
    [told] = [row for row in await store.messages(SENT, 9) if row.id == "x1"]
    assert told.sent_ms == NOW + 1


async def test_a_result_to_a_number_that_was_nobodys_waits_for_whoever_speaks_from_it(store: Store) -> None:
    theirs = {"kind": K.RESULT, "person_id": "", "address_kind": "msisdn"}
    await queue(store, message("x1", address_value="+233240000001", **theirs))
    for row in await store.claim_messages(NOW, LEASE, 9, {}):
        await store.commit([SettleMessage(row.id, row.fence, DEAD, NOW)])
    untold = await store.untold_result("p1", "+233240000001")
    assert untold is not None
    assert await store.untold_result("p1", "+233240000002") is None
    assert await store.untold_result("p1", "") is None


async def test_only_a_dead_message_is_marked_told(store: Store) -> None:
    await queue(store, message("x1", kind=K.RESULT))
    await store.commit([MarkTold("x1", NOW + 1)])
    assert [row.id for row in await store.messages(QUEUED, 9)] == ["x1"]


async def test_a_dead_message_is_queued_again_with_its_tries_forgotten(store: Store) -> None:
    await queue(store, message("x1", kind=K.RESULT), message("x2", address_value="other"))
    [first, _] = await store.claim_messages(NOW, LEASE, 9, {})
    await store.commit([SettleMessage(first.id, first.fence, DEAD, NOW, error="blocked")])
    await store.commit([Redrive("x1", NOW + 5), Redrive("x2", NOW + 5)])
    [row] = [row for row in await store.messages(QUEUED, 9) if row.id == "x1"]
    assert (row.due_ms, row.attempts, row.error) == (NOW + 5, 0, "")
    assert await claim(store, NOW + 4) == []
    assert await claim(store, NOW + 5) == ["x1"]
