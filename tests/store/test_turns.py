"""Conversations, sessions and turns; and what one read of a turn gives."""

import asyncio
from typing import Any

import pytest

from bot.money import OrderState, Source
from bot.store import Change, Conflict, Store, TurnQuery
from bot.store.base import (
    CreateOrder,
    KeepMerchant,
    KeepStaff,
    KeepTurn,
    LoadedTurn,
    SaveAddress,
    SaveConversation,
    SaveSession,
)
from bot.store.records import ConversationState, TurnState
from tests.store.make import (
    MSISDN,
    NOW,
    address,
    conversation,
    kept_order,
    merchant,
    order,
    person,
    session,
    staff,
    turn,
)

ENDED = ConversationState.ENDED


async def conflicts(store: Store, what: str, *changes: Change) -> None:
    with pytest.raises(Conflict) as lost:
        await store.commit(changes)
    assert lost.value.what == what


# ---- conversations


async def test_a_conversation_is_replaced_by_version(store: Store) -> None:
    await store.commit([SaveConversation(conversation(), None)])
    second = conversation(
        version=2,
        flow="balance",
        journal=(),
        serial=3,
        wrong=1,
        page=2,
        offering=True,
        order_id="o1",
        holder="s1",
        updated_ms=NOW + 1,
    )
    await store.commit([SaveConversation(second, 1)])
    assert await store.conversation("c1") == second


async def test_saving_over_another_version_conflicts(store: Store) -> None:
    await store.commit([SaveConversation(conversation(version=5), None)])
    for expected in (None, 4, 6):
        await conflicts(store, "conversation", SaveConversation(conversation(version=9), expected))
    kept = await store.conversation("c1")
    assert kept is not None
    assert kept.version == 5


async def test_saving_over_an_unknown_conversation_conflicts(store: Store) -> None:
    await conflicts(store, "conversation", SaveConversation(conversation(version=2), 1))


async def test_a_version_that_does_not_rise_is_the_callers_fault(store: Store) -> None:
    await store.commit([SaveConversation(conversation(version=2), None)])
    with pytest.raises(ValueError, match="version"):
        await store.commit([SaveConversation(conversation(version=2), 2)])


async def test_of_two_turns_with_one_version_one_wins(store: Store) -> None:
    await store.commit([SaveConversation(conversation(), None)])
    outcomes = await asyncio.gather(
        *(store.commit([SaveConversation(conversation(version=2, page=page), 1)]) for page in range(8)),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) == 1


async def test_second_active_conversation_of_a_person_conflicts(store: Store) -> None:
    await store.commit([SaveConversation(conversation("c1"), None)])
    await conflicts(store, "conversation", SaveConversation(conversation("c2"), None))
    await store.commit([SaveConversation(conversation("c2", state=ENDED), None)])
    await conflicts(store, "conversation", SaveConversation(conversation("c2", version=2), 1))


async def test_one_commit_may_end_a_conversation_and_begin_another(store: Store) -> None:
    await store.commit([SaveConversation(conversation("c1"), None)])
    await store.commit(
        [
            SaveConversation(conversation("c1", version=2, state=ENDED), 1),
            SaveConversation(conversation("c2"), None),
        ]
    )
    loaded = await store.conversation("c2")
    assert loaded is not None
    assert loaded.state is ConversationState.ACTIVE


async def test_other_people_may_be_active_too(store: Store) -> None:
    await store.commit([SaveConversation(conversation("c1"), None)])
    await store.commit([SaveConversation(conversation("c2", person_id="p2"), None)])


# ---- sessions


async def test_a_session_is_updated_by_id(store: Store) -> None:
    await store.commit([SaveSession(session())])
    later = session(
        conversation_id="c1",
        open=False,
        last_ms=NOW + 5,
        text_length=3,
        text_hash="h",
        first_key="k",
        turns=2,
    )
    await store.commit([SaveSession(later)])
    loaded = await store.load_turn(TurnQuery("msisdn", MSISDN, gateway="africastalking", session_id="AT1"))
    assert loaded.session == later


async def test_a_generation_belongs_to_one_row(store: Store) -> None:
    await store.commit([SaveSession(session("s1"))])
    await conflicts(store, "session", SaveSession(session("s2")))
    await store.commit([SaveSession(session("s2", generation=2))])
    await conflicts(store, "session", SaveSession(session("s1", generation=2)))


async def test_of_two_first_dials_at_once_one_makes_the_session(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.commit([SaveSession(session(f"s{number}"))]) for number in range(10)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1


@pytest.mark.parametrize(
    "other", [{"gateway": "hubtel"}, {"session_id": "AT2"}, {"msisdn": "+233240000002"}, {"generation": 2}]
)
async def test_sessions_differ_by_gateway_id_number_and_generation(
    store: Store, other: dict[str, Any]
) -> None:
    await store.commit([SaveSession(session("s1"))])
    await store.commit([SaveSession(session("s2", **other))])


# ---- turns


async def test_a_done_turn_is_never_replaced(store: Store) -> None:
    await store.commit([KeepTurn(turn(text="first"))])
    await conflicts(store, "turn", KeepTurn(turn(text="second")))
    await conflicts(store, "turn", KeepTurn(turn(state=TurnState.RUNNING, at_ms=NOW + 99_999)))
    loaded = await store.load_turn(TurnQuery("msisdn", MSISDN, scope="s1", key="k1"))
    assert loaded.turn == turn(text="first")


async def test_a_running_turn_is_replaced_by_its_outcome(store: Store) -> None:
    await store.commit([KeepTurn(turn(state=TurnState.RUNNING, lease_until_ms=NOW + 60_000))])
    done = turn(text="Approve on your phone", keep_open=True, at_ms=NOW + 1)
    await store.commit([KeepTurn(done)])
    loaded = await store.load_turn(TurnQuery("msisdn", MSISDN, scope="s1", key="k1"))
    assert loaded.turn == done


async def test_a_running_turn_is_taken_over_only_when_its_lease_is_over(store: Store) -> None:
    running = turn(state=TurnState.RUNNING, lease_until_ms=NOW + 60_000)
    await store.commit([KeepTurn(running)])
    early = turn(state=TurnState.RUNNING, at_ms=NOW + 59_999, lease_until_ms=NOW + 119_999)
    await conflicts(store, "turn", KeepTurn(early))
    later = turn(state=TurnState.RUNNING, at_ms=NOW + 60_000, lease_until_ms=NOW + 120_000)
    await store.commit([KeepTurn(later)])
    await conflicts(store, "turn", KeepTurn(later))


async def test_the_same_key_in_another_scope_is_another_turn(store: Store) -> None:
    await store.commit([KeepTurn(turn()), KeepTurn(turn(scope="telegram:77"))])


# ---- load_turn

DIAL = TurnQuery("msisdn", MSISDN, key="k1", gateway="africastalking", session_id="AT1")


async def test_a_stranger_loads_as_nobody(store: Store) -> None:
    assert await store.load_turn(DIAL) == LoadedTurn()


async def test_a_turn_loads_all_it_needs_at_once(store: Store) -> None:
    chat = address("a2", kind="telegram", value="77", seen_ms=NOW + 5)
    held = conversation("c1", state=ENDED)
    active = conversation("c2")
    await store.commit(
        [
            SaveAddress(address("a1")),
            SaveAddress(chat),
            SaveConversation(held, None),
            SaveConversation(active, None),
            SaveSession(session("s1", conversation_id="c1")),
            KeepTurn(turn("k1")),
            KeepTurn(turn("k2", text="last")),
            KeepMerchant(merchant()),
            KeepStaff(staff()),
        ]
    )
    waiting = await kept_order(store, None, OrderState.PENDING, OrderState.NEEDS_OTP)
    assert await store.load_turn(DIAL) == LoadedTurn(
        person=person(),
        address=address("a1"),
        addresses=(chat, address("a1")),
        conversation=active,
        session=session("s1", conversation_id="c1"),
        session_conversation=held,
        turn=turn("k1"),
        last_turn=turn("k2", text="last"),
        needs_otp=waiting,
        staff=(staff(),),
    )


async def test_the_newest_generation_is_the_session(store: Store) -> None:
    await store.commit([SaveSession(session(f"s{number}", generation=number)) for number in (2, 10, 1)])
    await store.commit([KeepTurn(turn("k1", scope="s2")), KeepTurn(turn("k9", scope="s10"))])
    loaded = await store.load_turn(DIAL)
    assert loaded.session is not None
    assert (loaded.session.generation, loaded.turn) == (10, None)
    assert loaded.last_turn == turn("k9", scope="s10")


async def test_another_number_with_the_same_session_id_sees_nothing(store: Store) -> None:
    await store.commit([SaveSession(session()), KeepTurn(turn())])
    loaded = await store.load_turn(
        TurnQuery("msisdn", "+233240000002", key="k1", gateway="africastalking", session_id="AT1")
    )
    assert loaded == LoadedTurn()


async def test_the_last_turn_is_the_last_to_come_also_within_a_millisecond(store: Store) -> None:
    await store.commit([SaveSession(session())])
    for key in ("z", "a", "m"):
        await store.commit([KeepTurn(turn(key, state=TurnState.RUNNING))])
    await store.commit([KeepTurn(turn("a"))])
    loaded = await store.load_turn(DIAL)
    assert loaded.last_turn is not None
    assert loaded.last_turn.key == "m"


async def test_a_chat_finds_its_turn_by_scope(store: Store) -> None:
    await store.commit([KeepTurn(turn("5", scope="telegram:77"))])
    loaded = await store.load_turn(TurnQuery("telegram", "77", scope="telegram:77", key="5"))
    assert loaded.turn == turn("5", scope="telegram:77")
    assert loaded.session is None


async def test_the_newest_order_waiting_for_its_code_is_offered(store: Store) -> None:
    await store.commit([SaveAddress(address())])
    await kept_order(store, order("o1"), OrderState.PENDING, OrderState.NEEDS_OTP)
    await kept_order(store, order("o2", created_ms=NOW + 1), OrderState.PENDING, OrderState.NEEDS_OTP)
    await kept_order(
        store, order("o3", created_ms=NOW + 2, person_id="p2"), OrderState.PENDING, OrderState.NEEDS_OTP
    )
    await store.commit([CreateOrder(order("o4", created_ms=NOW + 3), Source.US)])
    loaded = await store.load_turn(DIAL)
    assert loaded.needs_otp is not None
    assert loaded.needs_otp.id == "o2"


async def test_an_ended_address_is_nobodys(store: Store) -> None:
    await store.commit([SaveAddress(address(ended_ms=NOW))])
    assert (await store.load_turn(DIAL)).person is None
