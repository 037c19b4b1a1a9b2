"""What updates mean: the events, and that nothing hostile raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram import (
    Blocked,
    CardRefused,
    ChatMessage,
    DeadButton,
    InGroup,
    NotText,
    Unblocked,
    read_update,
    read_update_id,
)
from bot.dialog import Address, Inbound, Pressed, Shared, Typed

ME = {"id": 77, "is_bot": False, "first_name": "A < B & Co", "language_code": "fr"}
BOT = "KasapayTestBot"


def message(**facts: Any) -> dict[str, Any]:
    said = {"message_id": 5, "date": 1, "chat": {"id": 77, "type": "private"}, "from": ME} | facts
    return {"update_id": 900, "message": said}


def press(**facts: Any) -> dict[str, Any]:
    under = {"message_id": 8, "date": 1, "chat": {"id": 77, "type": "private"}, "text": "?"}
    return {"update_id": 901, "callback_query": {"id": "44", "from": ME, "message": under} | facts}


def read(update: Any) -> Any:
    return read_update(update, bot_username=BOT)


def test_text_is_a_turn_of_its_chat() -> None:
    assert read(message(text="500 <b>&")) == ChatMessage(
        900,
        "77",
        Inbound(
            channel="telegram",
            address=Address("telegram", "77"),
            input=Typed("500 <b>&"),
            turn_key="900",
            language="fr",
            message_ref="5",
        ),
    )


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("/start", "/start"),
        ("/start k7Qx2a_-9", "/start"),
        (f"/start@{BOT} abc", "/start"),
        ("/START abc", "/start"),
        ("/start not a payload", "/start"),
        ("/start " + "a" * 65, "/start"),
        (f"/menu@{BOT.lower()}", "/menu"),
        ("/pay 42", "/pay 42"),
        ("/menu@OtherBot", "/menu@OtherBot"),
        ("/", "/"),
        ("/start\n", "/start"),
    ],
)
def test_commands_lose_the_bots_name_and_start_its_payload(text: str, typed: str) -> None:
    heard = read(message(text=text))
    assert heard.inbound.input == Typed(typed)


def test_a_button_is_a_press_with_its_callback() -> None:
    heard = read(press(data="1:k7Qx2a:4:2"))
    assert heard.callback_id == "44"
    assert heard.inbound.input == Pressed("k7Qx2a", 4, "#2")
    assert heard.inbound.message_ref == "8"
    assert heard.inbound.turn_key == "901"


def test_a_button_under_a_message_too_old_to_be_read_still_counts() -> None:
    old = {"message_id": 8, "date": 0, "chat": {"id": 77, "type": "private"}}
    assert isinstance(read(press(data="1:k7Qx2a:4:b", message=old)), ChatMessage)


@pytest.mark.parametrize("data", ["", "x", "1:a:b:c", "2:k7Qx2a:4:2", "1:k7Qx2a:4:2" + "0" * 60, "\x00"])
def test_button_data_not_of_our_making_is_answered_and_does_nothing(data: str) -> None:
    assert read(press(data=data)) == DeadButton(901, "77", "8", "44", "fr")


def test_null_is_the_same_as_left_out() -> None:
    sparse = {"message_id": 5, "chat": {"id": 77, "type": None}, "from": None, "text": "hi", "contact": None}
    heard = read({"update_id": 1, "message": sparse, "callback_query": None})
    assert heard.inbound.input == Typed("hi")
    someone = {"id": 77, "is_bot": None, "language_code": None}
    assert read(message(text="hi", **{"from": someone})).inbound.language == ""
    assert isinstance(read(press(data=None)), DeadButton)


def test_a_button_without_a_message_is_not_ours() -> None:
    update = press(data="1:k7Qx2a:4:2", inline_message_id="z")
    del update["callback_query"]["message"]
    assert read(update) is None


@pytest.mark.parametrize("phone", ["233240000001", "+233240000001", "+233 24 000 0001", "233 240-000-001"])
def test_ones_own_card_is_the_number(phone: str) -> None:
    heard = read(message(contact={"phone_number": phone, "user_id": 77, "first_name": "A"}))
    assert heard.inbound.input == Shared("+233240000001")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"contact": {"phone_number": "233240000001", "user_id": 78}}, "foreign"),
        ({"contact": {"phone_number": "233240000001"}}, "foreign"),
        (
            {
                "contact": {"phone_number": "233240000001", "user_id": 77},
                "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "A"},
            },
            "forwarded",
        ),
        ({"contact": {"phone_number": "233240000001", "user_id": 77}, "forward_date": 1}, "forwarded"),
        ({"contact": {"phone_number": "88801234567", "user_id": 77}}, "anonymous"),
        ({"contact": {"phone_number": "12", "user_id": 77}}, "unreadable"),
        ({"contact": {"phone_number": "", "user_id": 77}}, "unreadable"),
    ],
)
def test_other_cards_are_refused_and_say_why(facts: dict[str, Any], why: str) -> None:
    assert read(message(**facts)) == CardRefused(900, "77", "5", why, "fr")


def test_a_card_in_a_group_proves_nothing() -> None:
    card = {"phone_number": "233240000001", "user_id": 77}
    assert read(message(contact=card, chat={"id": -5, "type": "group"})) is None


@pytest.mark.parametrize("what", ["photo", "voice", "sticker", "location", "document"])
def test_what_is_not_text_is_named(what: str) -> None:
    assert read(message(**{what: {"file_id": "x"}, "caption": "500"})) == NotText(900, "77", "5", what, "fr")


@pytest.mark.parametrize(
    "update",
    [
        message(pinned_message={"message_id": 3}),
        message(new_chat_title="x"),
        message(text="hi", **{"from": {"id": 1, "is_bot": True}}),
        {"update_id": 1, "edited_message": message(text="500")["message"]},
        {"update_id": 1, "channel_post": message(text="500")["message"]},
        {"update_id": 1, "unheard_of": {}},
        {"update_id": 1},
    ],
)
def test_what_asks_for_nothing_is_nothing(update: dict[str, Any]) -> None:
    assert read(update) is None


@pytest.mark.parametrize("text", ["/start", f"/start@{BOT}", f"hey @{BOT.lower()} pay", "/pay 5"])
def test_a_group_gets_the_link_to_the_private_chat(text: str) -> None:
    found = read(message(text=text, chat={"id": -5, "type": "supergroup"}))
    assert found == InGroup(900, "-5", "5", f"https://t.me/{BOT}?start=group", "fr")


@pytest.mark.parametrize("text", ["hello all", "/start@OtherBot", "@OtherBot hi"])
def test_talk_in_a_group_is_not_for_us(text: str) -> None:
    assert read(message(text=text, chat={"id": -5, "type": "group"})) is None


def test_a_button_in_a_group_gets_the_link() -> None:
    under = {"message_id": 8, "date": 1, "chat": {"id": -5, "type": "group"}}
    found = read(press(data="1:k7Qx2a:4:2", message=under))
    assert isinstance(found, InGroup)
    assert found.callback_id == "44"


@pytest.mark.parametrize(("status", "event"), [("kicked", Blocked(3, "77")), ("member", Unblocked(3, "77"))])
def test_blocking_and_unblocking(status: str, event: Any) -> None:
    change = {"chat": {"id": 77, "type": "private"}, "from": ME, "new_chat_member": {"status": status}}
    assert read({"update_id": 3, "my_chat_member": change}) == event
    change["chat"] = {"id": -5, "type": "group"}
    assert read({"update_id": 3, "my_chat_member": change}) is None


def test_text_that_cannot_be_kept_is_cleaned_and_cut() -> None:
    heard = read(message(text="5\x000\ud8000" + "x" * 5000))
    assert heard.inbound.input.text == "500" + "x" * 4093
    assert read(message(text="x", **{"from": ME | {"language_code": "<b>"}})).inbound.language == ""


@pytest.mark.parametrize(
    "update",
    [
        None,
        [],
        7,
        {},
        {"update_id": "7"},
        {"update_id": True},
        {"update_id": -1},
        {"update_id": 2**70},
        {"update_id": 1, "message": []},
        {"update_id": 1, "message": {}},
        {"update_id": 1, "message": {"message_id": 1, "chat": {"id": 2**70}, "text": "x"}},
        message(text=5),
        message(chat="x"),
        message(contact=[]),
        message(contact={"phone_number": 5, "user_id": 77}),
        message(**{"from": {"id": None}}),
        press(data=5),
        press(data={"a": 1}),
        press(message=7),
        press(id=5),
        {"update_id": 1, "my_chat_member": {"chat": {"id": 1}}},
        {"update_id": 1, "my_chat_member": 5},
        {"update_id": 1, "\ud800": 1},
        message(**{"\udfff": 1}),
    ],
)
def test_hostile_updates_are_nothing(update: Any) -> None:
    assert read(update) is None
    read_update_id(json.dumps(update).encode())


_KEYS = [
    *("update_id", "message", "callback_query", "my_chat_member", "new_chat_member", "message_id", "chat"),
    *("id", "type", "from", "text", "data", "contact", "user_id", "photo", "status"),
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(_JSON)
def test_no_json_raises(update: Any) -> None:
    read(update)
    head = read_update_id(json.dumps(update).encode())
    assert head is None or head.payload == json.loads(json.dumps(update))


@pytest.mark.parametrize(
    ("update", "chat"),
    [
        (message(text="x"), "77"),
        (press(data="x"), "77"),
        ({"update_id": 3, "my_chat_member": {"chat": {"id": 77}}}, "77"),
        ({"update_id": 3, "edited_message": {"chat": {"id": -10077}}}, "-10077"),
        ({"update_id": 3, "poll": {"id": "1"}}, ""),
        ({"update_id": 3, "message": {"chat": {"id": "77"}}}, ""),
        ({"update_id": 3, "message": {"chat": {"id": True}}}, ""),
    ],
)
def test_the_inbox_learns_id_and_chat(update: dict[str, Any], chat: str) -> None:
    head = read_update_id(json.dumps(update).encode())
    assert head is not None
    assert (head.update_id, head.chat, head.payload) == (update["update_id"], chat, update)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'"update_id"',
        b'{"update_id":1.5}',
        b'{"update_id":null}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"update_id":' + b"9" * 5000 + b"}",
        b'{"update_id":1,"message":"\xc3\x28"}',
    ],
)
def test_rubbish_has_no_id(raw: bytes) -> None:
    assert read_update_id(raw) is None
