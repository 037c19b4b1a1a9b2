"""People, who owns which address, links, merchants and staff."""

import asyncio

import msgspec
import pytest

from bot.money import OrderState, Source
from bot.store import Change, Conflict, Store
from bot.store.base import (
    CountTries,
    CreateOrder,
    EndAddress,
    KeepLinkCode,
    KeepMerchant,
    KeepStaff,
    LinkAddress,
    Queue,
    RenewAddress,
    SaveAddress,
    SaveConversation,
    SavePerson,
    SetPin,
    UnlinkChat,
    UseLinkCode,
)
from bot.store.records import ConversationState, MessageState
from tests.store.make import (
    MSISDN,
    NOW,
    address,
    conversation,
    kept_order,
    link_code,
    merchant,
    message,
    move,
    order,
    person,
    staff,
)

CHAT = address("chat", kind="telegram", value="77")


async def conflicts(store: Store, what: str, change: Change) -> None:
    with pytest.raises(Conflict) as lost:
        await store.commit([change])
    assert lost.value.what == what


# ---- people and addresses


async def test_a_persons_language_is_updated_and_nothing_else(store: Store) -> None:
    await store.commit([SavePerson(person(language="fr", language_chosen=True, created_ms=NOW + 1))])
    assert await store.person("p1") == person(language="fr", language_chosen=True)
    assert await store.person("p9") is None


async def test_a_live_address_has_one_owner(store: Store) -> None:
    await store.commit([SaveAddress(address())])
    await conflicts(store, "address", SaveAddress(address("a2", person_id="p2")))
    assert await store.person_of("msisdn", MSISDN) == (person(), address())
    assert await store.person_of("telegram", MSISDN) is None


async def test_of_two_first_sights_at_once_one_makes_the_address(store: Store) -> None:
    changes = [SaveAddress(address(f"a{number}", person_id=f"p{number % 3 + 1}")) for number in range(12)]
    outcomes = await asyncio.gather(*(store.commit([change]) for change in changes), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1


async def test_an_address_is_updated_by_id(store: Store) -> None:
    await store.commit([SaveAddress(address())])
    later = address(seen_ms=NOW + 9, verified_ms=NOW + 8, reachable=False)
    await store.commit([SaveAddress(later)])
    assert await store.addresses_of("p1") == (later,)


async def test_a_late_save_takes_nothing_back(store: Store) -> None:
    await store.commit([SaveAddress(address(verified_ms=NOW, seen_ms=NOW + 9))])
    await store.commit([SaveAddress(address(person_id="p2", verified_ms=None, seen_ms=NOW + 1))])
    assert await store.addresses_of("p1") == (address(verified_ms=NOW, seen_ms=NOW + 9),)


async def test_an_ended_address_makes_way_for_another_owner(store: Store) -> None:
    await store.commit([SaveAddress(address())])
    await store.commit([EndAddress("msisdn", MSISDN, NOW + 1)])
    assert await store.person_of("msisdn", MSISDN) is None
    assert await store.addresses_of("p1") == ()
    await conflicts(store, "address", SaveAddress(address()))
    await store.commit([SaveAddress(address("a2", person_id="p2"))])
    owner = await store.person_of("msisdn", MSISDN)
    assert owner is not None
    assert owner[0].id == "p2"


async def test_ending_what_nobody_owns_is_fine(store: Store) -> None:
    await store.commit([EndAddress("msisdn", MSISDN, NOW)])


async def test_addresses_come_newest_seen_first(store: Store) -> None:
    rows = [address(f"a{number}", value=f"+{number}", seen_ms=NOW + number) for number in (1, 3, 2)]
    await store.commit([SaveAddress(row) for row in rows])
    assert [row.id for row in await store.addresses_of("p1")] == ["a3", "a2", "a1"]


# ---- linking


async def test_linking_moves_the_chat_and_verifies_it(store: Store) -> None:
    await store.commit([SaveAddress(CHAT)])
    await store.commit([LinkAddress("telegram", "77", "p2", NOW + 5)])
    owner = await store.person_of("telegram", "77")
    assert owner == (person("p2"), msgspec.structs.replace(CHAT, person_id="p2", verified_ms=NOW + 5))
    assert await store.addresses_of("p1") == ()


async def test_linking_moves_the_orders_begun_there_and_no_others(store: Store) -> None:
    await store.commit([SaveAddress(CHAT)])
    there = {"origin_kind": "telegram", "origin_value": "77"}
    await kept_order(store, order("o1", **there))
    await kept_order(store, order("o2"))
    await kept_order(store, order("o3", person_id="p3", **there))
    await kept_order(store, order("o4", origin_kind="web", origin_value="77"))
    await store.commit([LinkAddress("telegram", "77", "p2", NOW)])
    owners = {row.id: row.person_id for row in await store.recent_orders(9)}
    assert owners == {"o1": "p2", "o2": "p1", "o3": "p3", "o4": "p1"}


async def test_linking_does_not_disturb_who_works_on_an_order(store: Store) -> None:
    await store.commit([SaveAddress(CHAT)])
    row = await kept_order(store, order(origin_kind="telegram", origin_value="77"), OrderState.PENDING)
    await store.commit([LinkAddress("telegram", "77", "p2", NOW)])
    await store.commit([move(row, OrderState.SUCCESSFUL)])


async def test_linking_ends_the_conversation_begun_there(store: Store) -> None:
    await store.commit(
        [
            SaveAddress(CHAT),
            SaveConversation(conversation("c1", address_kind="telegram", address_value="77"), None),
            SaveConversation(conversation("c2", person_id="p2"), None),
        ]
    )
    await store.commit([LinkAddress("telegram", "77", "p2", NOW + 5)])
    ended, other = await store.conversation("c1"), await store.conversation("c2")
    assert ended is not None
    assert other is not None
    assert (ended.state, ended.version, ended.updated_ms) == (ConversationState.ENDED, 2, NOW + 5)
    assert other == conversation("c2", person_id="p2")


async def test_linking_ends_a_conversation_that_its_own_turn_saves(store: Store) -> None:
    talk = conversation("c1", address_kind="telegram", address_value="77")
    await store.commit([SaveConversation(talk, None)])
    saved = msgspec.structs.replace(talk, version=2, journal=())
    await store.commit(
        [LinkAddress("telegram", "77", "p2", NOW), SaveConversation(saved, 1), SaveAddress(CHAT)],
    )
    kept = await store.conversation("c1")
    assert kept == msgspec.structs.replace(saved, version=3, state=ConversationState.ENDED)
    owner = await store.person_of("telegram", "77")
    assert owner is not None
    assert owner[0].id == "p2"


async def test_linking_leaves_a_conversation_on_another_address_alone(store: Store) -> None:
    await store.commit([SaveAddress(CHAT), SaveConversation(conversation("c1"), None)])
    await store.commit([LinkAddress("telegram", "77", "p2", NOW)])
    assert await store.conversation("c1") == conversation("c1")


async def test_linking_ones_own_chat_again_only_verifies_it(store: Store) -> None:
    talk = conversation("c1", address_kind="telegram", address_value="77")
    await store.commit([SaveAddress(CHAT), SaveConversation(talk, None)])
    await store.commit([LinkAddress("telegram", "77", "p1", NOW + 5)])
    owner = await store.person_of("telegram", "77")
    assert owner is not None
    assert owner[1].verified_ms == NOW + 5
    assert await store.conversation("c1") == talk


async def test_a_role_never_moves_with_a_link(store: Store) -> None:
    role = staff(address_kind="telegram", address_value="77")
    await store.commit([SaveAddress(CHAT), KeepMerchant(merchant()), KeepStaff(role)])
    await store.commit([LinkAddress("telegram", "77", "p2", NOW)])
    assert await store.staff_of("telegram", "77") == (role,)
    assert await store.staff_of("msisdn", MSISDN) == ()


async def test_linking_what_nobody_owns_conflicts(store: Store) -> None:
    await conflicts(store, "address", LinkAddress("telegram", "77", "p2", NOW))


async def test_messages_of_a_chat_follow_its_link(store: Store) -> None:
    await store.commit([SaveAddress(CHAT), Queue(message("x1")), Queue(message("x2", person_id="p3"))])
    await store.commit([LinkAddress("telegram", "77", "p2", NOW)])
    rows = await store.messages(MessageState.QUEUED, 9)
    assert {row.id: row.person_id for row in rows} == {"x1": "p2", "x2": "p3"}


async def test_an_address_goes_on_under_another_value(store: Store) -> None:
    role = staff(address_kind="telegram", address_value="77")
    talk = conversation(address_kind="telegram", address_value="77", holder="telegram:77")
    await store.commit(
        [SaveAddress(CHAT), KeepMerchant(merchant()), KeepStaff(role), SaveConversation(talk, None)]
    )
    await kept_order(store, order(origin_kind="telegram", origin_value="77"))
    # The link and the answer of the same commit go along.
    await store.commit(
        [
            RenewAddress("telegram", "77", "99", NOW),
            LinkAddress("telegram", "77", "p2", NOW + 5),
            Queue(message("x1")),
        ]
    )
    assert await store.person_of("telegram", "77") is None
    found = await store.person_of("telegram", "99")
    assert found is not None
    assert (found[0].id, found[1].verified_ms) == ("p2", NOW + 5)
    assert [row.address_value for row in await store.messages(MessageState.QUEUED, 9)] == ["99"]
    kept = await store.order("o1")
    assert kept is not None
    assert (kept.origin_value, kept.person_id) == ("99", "p2")
    assert await store.staff_of("telegram", "77") == ()
    assert [row.id for row in await store.staff_of("telegram", "99")] == [role.id]


async def test_a_value_that_is_taken_or_nobodys_is_not_renewed(store: Store) -> None:
    await conflicts(store, "address", RenewAddress("telegram", "77", "99", NOW))
    await store.commit([SaveAddress(CHAT), SaveAddress(address("b", kind="telegram", value="99"))])
    await conflicts(store, "address", RenewAddress("telegram", "77", "99", NOW))


async def test_an_unlinked_chat_keeps_nothing(store: Store) -> None:
    role = staff(address_kind="telegram", address_value="77", pin_hash="argon")
    talk = conversation(address_kind="telegram", address_value="77", holder="telegram:77")
    await store.commit(
        [SaveAddress(CHAT), KeepMerchant(merchant()), KeepStaff(role), SaveConversation(talk, None)]
    )
    await store.commit([Queue(message("x1"))])
    await conflicts(store, "address", UnlinkChat("telegram", "77", "p2", NOW))
    await store.commit([UnlinkChat("telegram", "77", "p1", NOW)])
    assert await store.person_of("telegram", "77") is None
    assert await store.staff_of("telegram", "77") == ()
    assert [row.id for row in await store.messages(MessageState.DROPPED, 9)] == ["x1"]
    # A turn that was under way there loses.
    await conflicts(store, "conversation", SaveConversation(msgspec.structs.replace(talk, version=1), 0))
    await conflicts(store, "address", UnlinkChat("telegram", "77", "p1", NOW))


# ---- link codes


async def test_a_code_is_used_once(store: Store) -> None:
    await store.commit([KeepLinkCode(link_code())])
    outcomes = await asyncio.gather(
        *(store.commit([UseLinkCode("h1", NOW + 1)]) for _ in range(5)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert await store.link_code("h1") == link_code(used_ms=NOW + 1)


async def test_a_code_is_not_used_once_expired(store: Store) -> None:
    await store.commit([KeepLinkCode(link_code(expires_ms=NOW))])
    await conflicts(store, "link", UseLinkCode("h1", NOW))


async def test_an_unknown_code_is_not_used(store: Store) -> None:
    await conflicts(store, "link", UseLinkCode("h1", NOW))
    assert await store.link_code("h1") is None


async def test_a_new_code_ends_the_persons_unused_ones(store: Store) -> None:
    await store.commit([KeepLinkCode(link_code("other", person_id="p2"))])
    await store.commit([KeepLinkCode(link_code("used")), UseLinkCode("used", NOW)])
    await store.commit([KeepLinkCode(link_code("old"))])
    await store.commit([KeepLinkCode(link_code("new"))])
    await conflicts(store, "link", UseLinkCode("old", NOW))
    await store.commit([UseLinkCode("new", NOW), UseLinkCode("other", NOW)])
    assert await store.link_code("used") == link_code("used", used_ms=NOW)


async def test_a_number_has_the_code_that_is_neither_used_nor_over(store: Store) -> None:
    await store.commit([KeepLinkCode(link_code("other", person_id="p2", msisdn="+233240000099"))])
    assert await store.open_link_code(MSISDN, NOW) is None
    await store.commit([KeepLinkCode(link_code("h1", expires_ms=NOW + 5))])
    assert await store.open_link_code(MSISDN, NOW) == link_code("h1", expires_ms=NOW + 5)
    assert await store.open_link_code(MSISDN, NOW + 5) is None
    await store.commit([UseLinkCode("h1", NOW)])
    assert await store.open_link_code(MSISDN, NOW) is None


async def test_a_code_that_exists_conflicts(store: Store) -> None:
    await store.commit([KeepLinkCode(link_code("h1", person_id="p2"))])
    await conflicts(store, "link", KeepLinkCode(link_code("h1")))


# ---- merchants and staff


async def test_a_merchant_is_inserted_or_updated_by_id(store: Store) -> None:
    await store.commit([KeepMerchant(merchant("m1")), KeepMerchant(merchant("m2", created_ms=NOW + 1))])
    changed = merchant("m1", name="Ama", code="NEW", active=False, max_amount_minor=5)
    await store.commit([KeepMerchant(changed)])
    assert await store.merchant("m1") == changed
    assert await store.merchants() == (changed, merchant("m2", created_ms=NOW + 1))
    assert await store.merchant("m9") is None


async def test_a_code_belongs_to_one_merchant_in_any_case(store: Store) -> None:
    await store.commit([KeepMerchant(merchant("m1", code="Ama"))])
    await conflicts(store, "merchant", KeepMerchant(merchant("m2", code="aMA")))
    await store.commit([KeepMerchant(merchant("m2", code="Kofi"))])
    await conflicts(store, "merchant", KeepMerchant(merchant("m2", code="AMA")))


async def test_a_merchant_is_found_by_code_in_any_case_active_or_not(store: Store) -> None:
    row = merchant("m1", code="Ama", active=False)
    await store.commit([KeepMerchant(row)])
    assert await store.merchant_by_code("AMA") == row
    assert await store.merchant_by_code("amb") is None


async def test_staff_are_found_by_address_merchant_and_enrolment(store: Store) -> None:
    enrolled = staff("t1", wrong_tries=2, locked=True, pin_hash="argon")
    waiting = staff(
        "t2", address_kind="", address_value="", enrol_hash="e", enrol_expires_ms=NOW, created_ms=NOW + 1
    )
    await store.commit([KeepMerchant(merchant()), KeepStaff(enrolled), KeepStaff(waiting)])
    assert await store.staff_of("msisdn", MSISDN) == (enrolled,)
    assert await store.staff_of("", "") == ()
    assert await store.staff_of_merchant("m1") == (enrolled, waiting)
    assert await store.staff_by_enrol_hash("e") == waiting
    assert await store.staff_by_enrol_hash("") is None


async def test_staff_are_updated_by_id(store: Store) -> None:
    await store.commit([KeepMerchant(merchant()), KeepStaff(staff())])
    await store.commit([KeepStaff(staff(wrong_tries=3, locked=True))])
    assert await store.staff_of_merchant("m1") == (staff(wrong_tries=3, locked=True),)


async def test_an_enrolment_belongs_to_one_member(store: Store) -> None:
    await store.commit([KeepMerchant(merchant()), KeepStaff(staff("t1", enrol_hash="e"))])
    await conflicts(store, "staff", KeepStaff(staff("t2", enrol_hash="e")))


async def test_staff_of_no_merchant_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="KeepStaff"):
        await store.commit([KeepStaff(staff())])


async def test_an_order_outlives_everything_about_its_person(store: Store) -> None:
    await store.commit([SaveAddress(address()), CreateOrder(order(), Source.US)])
    await store.commit([EndAddress("msisdn", MSISDN, NOW)])
    assert await store.orders_of_person("p1", 9) == (order(),)


async def test_tries_at_a_pin_bring_back_no_role_that_was_removed(store: Store) -> None:
    await store.commit([KeepMerchant(merchant()), KeepStaff(staff("t1"))])
    removed = msgspec.structs.replace(staff("t1"), role="removed", address_kind="", address_value="")
    await store.commit([KeepStaff(removed)])
    await store.commit([CountTries("t1", 2, locked=True), CountTries("nobody", 1, locked=False)])
    assert await store.staff_member("t1") == msgspec.structs.replace(removed, wrong_tries=2, locked=True)


async def test_of_two_tries_at_once_each_counts(store: Store) -> None:
    await store.commit([KeepMerchant(merchant()), KeepStaff(staff("t1"))])
    first = CountTries("t1", 1, locked=False, was=0)
    await store.commit([first])
    await conflicts(store, "staff", first)
    await store.commit([CountTries("t1", 2, locked=False, was=1), CountTries("nobody", 1, False, was=0)])
    kept = await store.staff_member("t1")
    assert kept is not None
    assert kept.wrong_tries == 2


async def test_a_pin_is_changed_from_the_one_it_was_and_never_of_a_locked_role(store: Store) -> None:
    was = staff("t1", pin_hash="old", wrong_tries=2)
    await store.commit([KeepMerchant(merchant()), KeepStaff(was)])
    for change in (SetPin("t1", "another", "new"), SetPin("t2", "old", "new")):
        await conflicts(store, "staff", change)
    await store.commit([SetPin("t1", "old", "new")])
    changed = msgspec.structs.replace(was, pin_hash="new", wrong_tries=0)
    assert await store.staff_member("t1") == changed
    await store.commit([CountTries("t1", 3, locked=True)])
    await conflicts(store, "staff", SetPin("t1", "new", "newer"))


async def test_a_role_is_taken_up_by_the_code_it_still_waits_for(store: Store) -> None:
    waiting = staff("t1", address_kind="", address_value="", enrol_hash="h1", enrol_expires_ms=NOW + 1)
    await store.commit([KeepMerchant(merchant()), KeepStaff(waiting)])
    taken = staff("t1")
    await conflicts(store, "staff", KeepStaff(taken, taken_up_by="h2"))
    await store.commit([KeepStaff(taken, taken_up_by="h1")])
    await conflicts(store, "staff", KeepStaff(staff("t1", name="Kofi"), taken_up_by="h1"))
    assert await store.staff_member("t1") == taken
