"""A commit keeps all of its changes or none, and knows nothing of its neighbours."""

import asyncio

import pytest

from bot.dialog import Entry
from bot.money import Source
from bot.store import Conflict, Store
from bot.store.base import CreateOrder, KeepTurn, Queue, SaveAddress, SaveConversation, SavePerson
from tests.store.make import NOW, address, conversation, message, order, person, turn


async def test_a_commit_is_read_back(store: Store) -> None:
    await store.commit([SavePerson(person("p9")), SaveConversation(conversation(person_id="p9"), None)])
    assert await store.person("p9") == person("p9")
    assert await store.conversation("c1") == conversation(person_id="p9")


async def test_an_empty_commit_is_fine(store: Store) -> None:
    await store.commit([])


async def test_a_conflict_in_the_last_change_keeps_nothing(store: Store) -> None:
    await store.commit([KeepTurn(turn())])
    with pytest.raises(Conflict) as lost:
        await store.commit(
            [
                SavePerson(person("p9")),
                SaveConversation(conversation(), None),
                CreateOrder(order(), Source.US),
                Queue(message()),
                KeepTurn(turn()),
            ]
        )
    assert lost.value.what == "turn"
    assert await store.person("p9") is None
    assert await store.conversation("c1") is None
    assert await store.order("o1") is None
    assert await store.transitions("o1") == ()
    assert await store.next_message_ms() is None


async def test_a_value_that_cannot_be_kept_keeps_nothing_and_harms_nobody(store: Store) -> None:
    outcomes = await asyncio.gather(
        store.commit([SavePerson(person("p8")), SaveConversation(conversation(page=2**70), None)]),
        store.commit([SavePerson(person("p9"))]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], OverflowError)
    assert outcomes[1] is None
    assert await store.person("p8") is None
    assert await store.person("p9") is not None


async def test_a_reference_to_nobody_is_the_callers_fault(store: Store) -> None:
    with pytest.raises(ValueError, match="SaveAddress"):
        await store.commit([SaveAddress(address(person_id="nobody"))])
    assert await store.person_of("msisdn", address().value) is None


async def test_a_conflict_leaves_its_neighbours_alone(store: Store) -> None:
    """Two hundred at once, every third doomed: they share flushes, not fates."""
    await store.commit([KeepTurn(turn("taken"))])

    async def one(number: int) -> bool:
        doomed = number % 3 == 0
        try:
            await store.commit(
                [SavePerson(person(f"many{number}")), KeepTurn(turn("taken" if doomed else f"k{number}"))]
            )
        except Conflict:
            return False
        return True

    kept = await asyncio.gather(*map(one, range(200)))
    assert kept == [number % 3 != 0 for number in range(200)]
    for number, was_kept in enumerate(kept):
        assert (await store.person(f"many{number}") is not None) is was_kept


async def test_of_many_claims_to_one_key_exactly_one_wins(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.commit([KeepTurn(turn(text=str(number)))]) for number in range(50)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)


async def test_a_read_sees_every_commit_that_returned_before(store: Store) -> None:
    async def one(number: int) -> None:
        for version in range(1, 6):
            row = conversation(
                f"c{number}", person_id=f"many{number}", version=version, updated_ms=NOW + version
            )
            await store.commit(
                [
                    SavePerson(person(f"many{number}")),
                    SaveConversation(row, version - 1 if version > 1 else None),
                ]
            )
            assert await store.conversation(f"c{number}") == row

    await asyncio.gather(*map(one, range(20)))


async def test_a_cancelled_commit_does_not_stop_the_others(store: Store) -> None:
    first = asyncio.create_task(store.commit([SavePerson(person("p8"))]))
    second = asyncio.create_task(store.commit([SavePerson(person("p9"))]))
    await asyncio.sleep(0)
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await store.person("p9") is not None


async def test_a_cancelled_read_does_not_stop_the_others(store: Store) -> None:
    first = asyncio.create_task(store.person("p1"))
    second = asyncio.create_task(store.person("p2"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == person("p2")


async def test_a_read_that_fails_does_not_stop_the_others(store: Store) -> None:
    outcomes = await asyncio.gather(store.person("\ud800"), store.person("p1"), return_exceptions=True)
    assert isinstance(outcomes[0], UnicodeEncodeError)
    assert outcomes[1] == person("p1")


async def test_text_is_kept_as_it_came(store: Store) -> None:
    row = conversation(
        facts='{"name": "Ɛfua \'; DROP TABLE people;-- \\u0000 😀"}', journal=(Entry("a", "b", "\x00ß"),)
    )
    await store.commit([SaveConversation(row, None)])
    assert await store.conversation("c1") == row


async def test_probe_commits_and_reads_back(store: Store) -> None:
    await store.probe()
    await asyncio.gather(*(store.probe() for _ in range(5)))
