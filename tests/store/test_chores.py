"""Rates, webhooks, incidents and forgetting."""

import asyncio

from bot.money import AgreementState, OrderState, Source
from bot.store import Store, TurnQuery
from bot.store.base import (
    AddIncident,
    CreateOrder,
    EndUpdate,
    Figures,
    KeepAgreement,
    KeepLinkCode,
    KeepMerchant,
    KeepTurn,
    KeepWebhook,
    Queue,
    SaveConversation,
    SavePerson,
    SaveSession,
    SettleMessage,
    UseLinkCode,
)
from bot.store.records import ConversationState, MessageState
from tests.store.make import (
    MSISDN,
    NOW,
    agreement,
    conversation,
    incident,
    kept_order,
    link_code,
    merchant,
    message,
    moved,
    order,
    person,
    session,
    turn,
    update,
    webhook,
)

HOUR = 3_600_000

# ---- rates


async def test_a_limit_is_kept_within_its_window(store: Store) -> None:
    counted = [await store.count("look:p1", 1000, NOW + step, 3) for step in (0, 0, 10, 20, 999)]
    assert counted == [True, True, True, False, False]


async def test_a_use_falls_out_of_its_window(store: Store) -> None:
    assert await store.count("b", 1000, NOW, 1) is True
    assert await store.count("b", 1000, NOW + 999, 1) is False
    assert await store.count("b", 1000, NOW + 1000, 1) is True


async def test_a_refused_use_is_not_counted(store: Store) -> None:
    await store.count("b", 1000, NOW, 1)
    for step in range(10):
        assert await store.count("b", 1000, NOW + 500 + step, 1) is False
    assert await store.count("b", 1000, NOW + 1000, 1) is True


async def test_buckets_do_not_share(store: Store) -> None:
    assert await store.count("a", 1000, NOW, 1) is True
    assert await store.count("b", 1000, NOW, 1) is True


async def test_a_limit_of_nothing_allows_nothing(store: Store) -> None:
    assert await store.count("b", 1000, NOW, 0) is False


async def test_of_many_at_once_only_the_limit_passes(store: Store) -> None:
    counted = await asyncio.gather(*(store.count("b", 1000, NOW + step % 3, 5) for step in range(40)))
    assert counted.count(True) == 5


async def test_a_clock_set_back_does_not_lock_a_bucket(store: Store) -> None:
    assert await store.count("b", 1000, NOW + HOUR, 1) is True
    assert await store.count("b", 1000, NOW, 1) is True
    assert await store.count("b", 1000, NOW, 1) is False


# ---- webhooks, incidents


async def test_a_repeated_webhook_is_left_out(store: Store) -> None:
    await store.commit([KeepWebhook(webhook("w1"))])
    await store.commit([KeepWebhook(webhook("w2", received_ms=NOW + 1))])
    later = webhook("w3", event="collection.completed", received_ms=NOW + 2)
    await store.commit([KeepWebhook(later)])
    assert await store.webhooks(9) == (later, webhook("w1"))
    assert await store.webhooks(1) == (later,)


async def test_a_repeated_incident_is_left_out(store: Store) -> None:
    await store.commit([AddIncident(incident("i1", dedupe_key="k"))])
    await store.commit([AddIncident(incident("i2", dedupe_key="k", text="other"))])
    await store.commit([AddIncident(incident("i3", order_id=None, at_ms=NOW + 1))])
    assert await store.incidents(9) == (
        incident("i3", order_id=None, at_ms=NOW + 1),
        incident("i1", dedupe_key="k"),
    )
    assert [row.id for row in await store.incidents(1)] == ["i3"]


# ---- forgetting


async def sweep(store: Store, now: int) -> None:
    await store.purge(now, journal_ms=24 * HOUR, remember_ms=8 * 24 * HOUR, stranger_ms=6 * HOUR)


async def test_an_old_journal_is_forgotten(store: Store) -> None:
    row = conversation("c1", state=ConversationState.ENDED)
    await store.commit(
        [SaveConversation(row, None), SaveConversation(conversation("c2", updated_ms=NOW + 1), None)]
    )
    await sweep(store, NOW + 24 * HOUR)
    assert await store.conversation("c1") == row
    await sweep(store, NOW + 24 * HOUR + 1)
    assert await store.conversation("c1") is None
    assert await store.conversation("c2") is not None


async def test_a_forgotten_conversation_frees_no_act(store: Store) -> None:
    row = order(conversation_id="c1", act_position=2)
    await store.commit([SaveConversation(conversation("c1"), None), CreateOrder(row, Source.US)])
    await sweep(store, NOW + 25 * HOUR)
    assert await store.conversation("c1") is None
    assert await store.order_of_act("c1", 2) == row


async def test_an_old_session_is_forgotten(store: Store) -> None:
    query = TurnQuery("msisdn", MSISDN, gateway="africastalking", session_id="AT1")
    await store.commit([SaveSession(session(last_ms=NOW))])
    await sweep(store, NOW + 24 * HOUR)
    assert (await store.load_turn(query)).session is not None
    await sweep(store, NOW + 24 * HOUR + 1)
    assert (await store.load_turn(query)).session is None


async def test_a_turn_is_remembered_longer_than_its_session(store: Store) -> None:
    query = TurnQuery("telegram", "77", scope="s1", key="k1")
    await store.commit([KeepTurn(turn())])
    await sweep(store, NOW + 8 * 24 * HOUR)
    assert (await store.load_turn(query)).turn == turn()
    await sweep(store, NOW + 8 * 24 * HOUR + 1)
    assert (await store.load_turn(query)).turn is None


async def test_an_ended_update_is_remembered_for_its_time_and_a_waiting_one_always(store: Store) -> None:
    for update_id in (1, 2):
        await store.receive(update(update_id))
    await store.commit([EndUpdate("bot", 1)])
    await sweep(store, NOW + 8 * 24 * HOUR)
    assert await store.receive(update(1)) is False
    await sweep(store, NOW + 8 * 24 * HOUR + 1)
    assert await store.receive(update(1)) is True
    assert await store.receive(update(2)) is False


async def test_old_link_codes_are_forgotten_used_or_not(store: Store) -> None:
    await store.commit([KeepLinkCode(link_code("h1", person_id="p1")), UseLinkCode("h1", NOW)])
    await store.commit([KeepLinkCode(link_code("h2", person_id="p2"))])
    await sweep(store, NOW + HOUR)
    assert await store.link_code("h1") is not None
    await sweep(store, NOW + 25 * HOUR)
    assert await store.link_code("h1") is None
    assert await store.link_code("h2") is None


async def test_forgetting_uses_changes_no_count(store: Store) -> None:
    assert await store.count("b", 1000, NOW, 1) is True
    await sweep(store, NOW + 999)
    assert await store.count("b", 1000, NOW + 999, 1) is False
    await sweep(store, NOW + 1001)
    assert await store.count("b", 1000, NOW + 1001, 1) is True


async def test_more_than_a_batch_is_forgotten_at_once(store: Store) -> None:
    await store.commit([SavePerson(person(f"many{number}")) for number in range(1100)])
    await store.commit(
        [
            SaveConversation(conversation(f"c{number}", person_id=f"many{number}"), None)
            for number in range(1100)
        ]
    )
    await sweep(store, NOW + 25 * HOUR)
    left = await asyncio.gather(*(store.conversation(f"c{number}") for number in range(1100)))
    assert left == [None] * 1100


async def test_sweeping_nothing_is_fine(store: Store) -> None:
    await sweep(store, NOW)


# ---- figures


async def test_figures_count_what_an_operator_watches(store: Store) -> None:
    assert await store.figures() == Figures({}, {}, {}, 0, {}, {})
    await kept_order(store, order("old", created_ms=NOW - 5_000, updated_ms=NOW))
    await kept_order(store, order("new"))
    await kept_order(store, order("sent", account_id="momo-ug"), OrderState.PENDING)
    await kept_order(store, order("doubt"), OrderState.PENDING, OrderState.UNRESOLVED)
    await kept_order(store, order("done"), OrderState.PENDING, OrderState.SUCCESSFUL)
    await store.commit([KeepMerchant(merchant()), KeepAgreement(agreement())])
    await store.commit([moved(agreement(), AgreementState.UNRESOLVED)])
    found = await store.figures()
    assert found.open_orders == {
        ("momo-gh", "NEW"): (2, NOW - 5_000),
        ("momo-ug", "PENDING"): (1, NOW),
        ("momo-gh", "UNRESOLVED"): (1, NOW),
    }
    assert found.doubtful_agreements == {agreement().account_id: 1}

    await store.commit([AddIncident(incident(f"i{n}", kind=kind)) for n, kind in enumerate("aab")])
    for n in range(3):
        await store.commit([Queue(message(f"x{n}", address_value=f"7{n}"))])
    for row in await store.claim_messages(NOW, 60_000, 2, {}):
        await store.commit([SettleMessage(row.id, row.fence, MessageState.DEAD, NOW)])
    found = await store.figures()
    assert found.last_incident_ms == NOW
    assert found.incidents == {"a": 2, "b": 1, "late_success": 1}
    assert found.dead_messages == {("telegram", "reply"): 2}
    assert found.waiting_messages == {"telegram": 1}
