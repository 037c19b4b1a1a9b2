"""Nothing of a person is left but what answers for money; strangers go by themselves."""

import sqlite3
from pathlib import Path

import pytest

from bot.money import OrderState
from bot.store import Store
from bot.store.base import (
    Conflict,
    EndAddress,
    ForgetPerson,
    KeepAgreement,
    KeepLinkCode,
    KeepMerchant,
    KeepStaff,
    KeepTurn,
    OrderFields,
    Queue,
    SaveAddress,
    SaveConversation,
    SavePerson,
    SaveSession,
    UpdateOrder,
)
from bot.store.records import ConversationState, MessageState
from tests.store.make import (
    MSISDN,
    NOW,
    address,
    agreement,
    conversation,
    kept_order,
    link_code,
    merchant,
    message,
    move,
    order,
    person,
    session,
    staff,
    turn,
    update,
)

S = OrderState
HOUR = 3_600_000
OTHER = "+233240000002"
CHAT, SAID, NOTED = "chat-of-efua", "what Efua said", "rent of Efua"


async def known(store: Store) -> None:
    """Everything that is ever kept about somebody, and one other person."""
    await store.commit(
        [
            KeepMerchant(merchant()),
            SaveAddress(address("a1", verified_ms=NOW)),
            SaveAddress(address("a2", kind="telegram", value=CHAT, verified_ms=NOW)),
            SaveAddress(address("a3", kind="web", value="an-old-chat")),
            EndAddress("web", "an-old-chat", NOW),
            SaveAddress(address("b1", person_id="p2", value=OTHER, verified_ms=NOW)),
            KeepStaff(staff(address_kind="telegram", address_value=CHAT, pin_hash="x")),
            KeepLinkCode(link_code()),
            SaveConversation(conversation("c1", address_kind="telegram", address_value=CHAT), None),
            SaveConversation(conversation("c2", state=ConversationState.ENDED), None),
            SaveConversation(conversation("c3", person_id="p2", address_value=OTHER), None),
            SaveSession(session()),
            KeepTurn(turn("k1", text=SAID)),
            KeepTurn(turn("k2", scope=f"telegram:{CHAT}", text=SAID)),
        ]
    )
    for number, state in enumerate(MessageState):
        sent = {"sent_ms": NOW, "sent_ref": "ref-in-chat"} if state is MessageState.SENT else {}
        row = message(f"x{number}", address_value=CHAT, view=f'"{SAID}"', state=state, **sent)
        await store.commit([Queue(row)])
    await store.commit([Queue(message("y1", person_id="p2", address_kind="msisdn", address_value=OTHER))])
    await store.receive(update(chat=CHAT))
    row = order("paid", note=NOTED, origin_channel="telegram", origin_kind="telegram", origin_value=CHAT)
    paid = await kept_order(store, row, S.PENDING)
    await store.commit(
        [UpdateOrder(paid.id, paid.version, NOW, due_ms=NOW, fields=OrderFields(pending_ref="ref-in-chat"))]
    )


async def settle(store: Store) -> None:
    held = await store.order("paid")
    assert held is not None
    await store.commit([move(held, S.SUCCESSFUL)])


def everything(database: Path) -> list[tuple[str, str, str]]:
    """Every text that is kept, with its table and column."""
    raw = sqlite3.connect(database)
    found = []
    for (table,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        rows = raw.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in rows.description]
        found += [(table, name, str(value)) for row in rows for name, value in zip(columns, row, strict=True)]
    raw.close()
    return found


async def test_a_person_goes_and_what_answers_for_money_stays(store: Store, database: Path) -> None:
    await known(store)
    await settle(store)
    await store.commit([ForgetPerson("p1")])
    left = {
        (table, column)
        for table, column, text in everything(database)
        for word in (MSISDN, CHAT, SAID, NOTED, "an-old-chat", "ref-in-chat", "sealed")
        if word in text
    }
    assert left == {("orders", "payer")}
    assert await store.person_of("msisdn", MSISDN) is None
    paid = await store.order("paid")
    assert paid is not None
    assert (paid.state, paid.amount_minor, paid.payer) == (S.SUCCESSFUL, 500, MSISDN)
    assert len(await store.transitions("paid")) == 3
    (role,) = await store.staff_of_merchant("m1")
    assert (role.name, role.address_value, role.pin_hash) == ("Ama", "", "")
    assert await store.audit(NOW, 0, 10**12) == ()


async def test_others_are_left_as_they_are(store: Store, database: Path) -> None:
    await known(store)
    await settle(store)
    before = {entry for entry in everything(database) if OTHER in entry[2] or entry[2] in ("c3", "y1", "b1")}
    await store.commit([ForgetPerson("p1")])
    after = set(everything(database))
    assert before <= after


async def test_whoever_waits_for_money_is_not_forgotten(store: Store) -> None:
    await known(store)
    with pytest.raises(Conflict, match="order"):
        await store.commit([ForgetPerson("p1")])
    await settle(store)
    standing = agreement(person_id="p2", due_ms=NOW)
    await store.commit([KeepAgreement(standing)])
    with pytest.raises(Conflict, match="agreement"):
        await store.commit([ForgetPerson("p1")])
    assert await store.person_of("msisdn", MSISDN) is not None


async def test_nobody_is_forgotten_twice(store: Store) -> None:
    await known(store)
    await settle(store)
    await store.commit([ForgetPerson("p1")])
    with pytest.raises(Conflict, match="person"):
        await store.commit([ForgetPerson("p1")])


async def test_news_for_somebody_forgotten_goes_nowhere(store: Store) -> None:
    await store.commit([Queue(message(address_kind="", address_value=""))])
    assert await store.messages(MessageState.QUEUED, 5) == ()


# ---- strangers


async def strangers(store: Store, now_ms: int) -> set[str]:
    """Which of these chats are still known after a sweep."""
    await store.purge(now_ms, 24 * HOUR, 8 * 24 * HOUR, 6 * HOUR)
    chats = ("idle", "busy", "waiting", "payer", "linked", "staff")
    return {chat for chat in chats if await store.person_of("web", chat) is not None}


async def test_a_chat_that_nobody_linked_goes_early(store: Store, database: Path) -> None:
    await store.commit([KeepMerchant(merchant())])
    for number, name in enumerate(("idle", "busy", "waiting", "payer", "linked", "staff")):
        verified = {"verified_ms": NOW} if name == "linked" else {}
        await store.commit(
            [
                SavePerson(person(name)),
                SaveAddress(address(f"a{number}", person_id=name, kind="web", value=name, **verified)),
                SaveConversation(
                    conversation(f"c{number}", person_id=name, address_kind="web", address_value=name), None
                ),
                KeepTurn(turn(scope=f"web:{name}", text=f"said to {name}")),
            ]
        )
        at = {"person_id": name, "address_kind": "web", "address_value": name}
        sent_ms = NOW + HOUR if name == "busy" else NOW
        await store.commit([Queue(message(f"x{number}", state=MessageState.SENT, sent_ms=sent_ms, **at))])
    await store.commit(
        [Queue(message("w", person_id="waiting", address_kind="web", address_value="waiting"))]
    )
    await store.commit([KeepStaff(staff(address_kind="web", address_value="staff"))])
    await kept_order(store, order(person_id="payer", origin_value="payer"), S.PENDING, S.SUCCESSFUL)
    assert await strangers(store, NOW + 6 * HOUR) == {
        "idle", "busy", "waiting", "payer", "linked", "staff"
    }  # fmt: skip
    assert await strangers(store, NOW + 6 * HOUR + 1) == {"busy", "waiting", "payer", "linked", "staff"}
    kept = [text for table, _, text in everything(database) if "idle" in text and table != "people"]
    assert kept == []
    assert await store.conversation("c1") is not None
