"""Messages over a real socket: what arrives on the phone, and what each error becomes."""

import asyncio
import warnings
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from bot.channels.base import (
    Button,
    ChannelError,
    Moved,
    OutcomeUnknown,
    Outgoing,
    Refused,
    RetryLater,
    Sent,
    Unreachable,
)
from bot.channels.telegram import TelegramChannel
from tests.fake_telegram import (
    Failure,
    FakeTelegram,
    Person,
    accept_then_drop,
    accept_then_hang,
    bad_request,
    conflict,
    drop,
    flood,
    forbidden,
    garbled,
    hang,
    migrated,
    refuse,
    server_error,
    unauthorized,
)

YES_NO = (Button("Yes", "1:k7Qx2a:4:0"), Button("No", "1:k7Qx2a:4:1"))


@pytest.fixture
async def ama(fake: FakeTelegram) -> Person:
    person = fake.person("Ama")
    await person.starts()
    return person


async def send(channel: TelegramChannel, person: Person, text: str = "Hello", **facts: object) -> Sent:
    return await channel.send(Outgoing(to=str(person.id), text=text, **facts))  # type: ignore[arg-type]


# ---- what arrives


async def test_a_message_arrives_with_its_buttons(channel: TelegramChannel, ama: Person) -> None:
    sent = await send(channel, ama, "Pay GHS 5.00?", buttons=YES_NO)
    assert str(ama.screen()) == "Pay GHS 5.00?\n[Yes] [No]"
    assert sent == Sent(str(ama.screen().message_id))


@pytest.mark.parametrize(
    "text",
    [
        "A < B Ltd",
        "Ama & Sons <b>",
        "</b>",
        "&lt; &amp;lt;",
        '"O\'Neil"',
        "<script>alert(1)</script>",
        "&#60;",
    ],
)
async def test_hostile_names_arrive_as_written(channel: TelegramChannel, ama: Person, text: str) -> None:
    sent = await send(channel, ama, f"Pay {text}?")
    assert ama.screen().text == f"Pay {text}?"
    await send(channel, ama, f"Paid {text}.", edits=sent.ref)
    assert ama.screen().text == f"Paid {text}."


async def test_calls_are_forms_as_the_library_posts_them(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    await send(channel, ama, buttons=YES_NO, private=True)
    (call,) = fake.calls_of("sendMessage")
    assert call.content_type == "application/x-www-form-urlencoded"
    assert isinstance(call["reply_markup"], str)
    assert call["protect_content"] == "true"


async def test_private_messages_are_protected_and_links_make_no_preview(
    channel: TelegramChannel, ama: Person
) -> None:
    await send(channel, ama, "Balance: see https://example.com", private=True)
    assert ama.screen().protected
    assert not ama.screen().preview
    await send(channel, ama)
    assert not ama.screen().protected


async def test_a_long_text_is_cut_to_what_telegram_takes(channel: TelegramChannel, ama: Person) -> None:
    await send(channel, ama, "😀" * 3000)
    assert len(ama.screen().text.encode("utf-16-le")) // 2 <= 4096
    await send(channel, ama, "<" * 4096)
    assert ama.screen().text == "<" * 4096


async def test_what_telegram_would_refuse_is_not_sent(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    for wrong in (
        Outgoing(to="1", text=" \n"),
        Outgoing(to="1", text="x", buttons=(Button("x", "a" * 65),)),
        Outgoing(to="1", text="x", buttons=YES_NO * 51),
    ):
        with pytest.raises(Refused):
            await channel.send(wrong)
    assert not fake.calls_of("sendMessage")


async def test_sixty_four_at_once(fake: FakeTelegram, channel: TelegramChannel) -> None:
    people = [fake.person(f"P{n}") for n in range(64)]
    for person in people:
        await person.starts()
    await asyncio.gather(*(send(channel, person, f"For {person.name}") for person in people))
    assert [person.screen().text for person in people] == [f"For {person.name}" for person in people]


# ---- editing


async def test_the_pending_message_becomes_the_result(channel: TelegramChannel, ama: Person) -> None:
    pending = await send(channel, ama, "Being processed", buttons=YES_NO)
    edited = await send(channel, ama, "Paid", edits=pending.ref)
    assert edited == pending
    assert [str(message) for message in ama.messages] == ["Paid"]


async def test_an_announced_edit_also_replies(channel: TelegramChannel, ama: Person) -> None:
    pending = await send(channel, ama, "Being processed")
    await send(channel, ama, "One more thing")
    result = await send(channel, ama, "Paid", edits=pending.ref, announce=True, buttons=YES_NO, private=True)
    first, _, reply = ama.messages
    assert str(first) == "Paid"
    assert str(reply) == "Paid\n[Yes] [No]"
    assert reply.reply_to == first.message_id
    assert reply.protected
    assert result == pending


async def test_the_same_edit_again_is_done_already(channel: TelegramChannel, ama: Person) -> None:
    pending = await send(channel, ama, "Being processed")
    for _ in range(2):
        assert await send(channel, ama, "Paid", edits=pending.ref, buttons=YES_NO) == pending
    assert ama.screen().edits == 1


@pytest.mark.parametrize("ref", ["deleted", "424242", "not a number", "²", "-1"])
async def test_where_nothing_can_be_edited_a_new_message_goes(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person, ref: str
) -> None:
    if ref == "deleted":
        ref = (await send(channel, ama, "Being processed")).ref
        ama.screen().deleted = True
    sent = await send(channel, ama, "Paid", edits=ref, announce=True, buttons=YES_NO)
    assert [str(message) for message in ama.messages] == ["Paid\n[Yes] [No]"]
    assert sent.ref == str(ama.screen().message_id)


async def test_a_message_that_cannot_be_edited_is_sent_anew(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    pending = await send(channel, ama, "Being processed")
    fake.fail("editMessageText", bad_request("message can't be edited"))
    assert await send(channel, ama, "Paid", edits=pending.ref) != pending


# ---- the share-my-number key


async def test_the_share_key_and_its_removal(channel: TelegramChannel, ama: Person) -> None:
    question = await send(channel, ama, "Your number?", buttons=YES_NO)
    await send(
        channel, ama, "Share it", edits=question.ref, wants_contact="Share my number", buttons=YES_NO[:1]
    )
    assert [str(message) for message in ama.messages] == ["Your number?", "Share it"]
    assert [[key.label for key in row] for row in ama.chat.keyboard] == [["Share my number"], ["Yes"]]
    assert ama.chat.keyboard[0][0].asks_contact
    assert await channel.close_contact_keyboard(str(ama.id), "Thank you <3")
    assert ama.chat.keyboard == ()
    assert ama.screen().text == "Thank you <3"


# ---- courtesies


async def test_a_callback_is_answered(fake: FakeTelegram, channel: TelegramChannel, ama: Person) -> None:
    await channel.answer_callback(first := fake.new_callback_id())
    await channel.answer_callback(second := fake.new_callback_id(), "x" * 300)
    assert fake.notices == {first: "", second: "x" * 199 + "…"}


async def test_a_late_answer_changes_nothing(channel: TelegramChannel) -> None:
    with capture_logs() as logs:
        await channel.answer_callback("4000")
    assert [(line["event"], line["method"]) for line in logs] == [
        ("telegram_courtesy_failed", "answerCallbackQuery")
    ]


async def test_a_secret_is_deleted_from_the_chat(channel: TelegramChannel, ama: Person) -> None:
    await ama.says("4711")
    ref = str(ama.chat.messages[-1].message_id)
    assert await channel.delete(str(ama.id), ref)
    assert ama.chat.messages[-1].deleted
    assert not await channel.delete(str(ama.id), ref)
    assert not await channel.delete(str(ama.id), "")


async def test_the_buttons_are_taken_away(channel: TelegramChannel, ama: Person) -> None:
    sent = await send(channel, ama, buttons=YES_NO)
    assert await channel.remove_keyboard(str(ama.id), sent.ref)
    assert ama.screen().buttons == []
    assert await channel.remove_keyboard(str(ama.id), sent.ref)  # as it should be already


@pytest.mark.parametrize("trouble", [forbidden, flood, server_error, drop, unauthorized, garbled])
async def test_courtesies_never_fail(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person, trouble: Callable[[], Failure]
) -> None:
    """They say that they did nothing, and are not tried again."""
    fake.fail("*", trouble(), times=None)
    before = len(fake.calls)
    await channel.answer_callback("1")
    assert not await channel.delete(str(ama.id), "5")
    assert not await channel.remove_keyboard(str(ama.id), "5")
    assert not await channel.close_contact_keyboard(str(ama.id), "Thanks")
    assert [call.method for call in fake.calls[before:]] == [
        "answerCallbackQuery",
        "deleteMessage",
        "editMessageReplyMarkup",
        "sendMessage",
    ]


async def test_the_bot_knows_its_name(fake: FakeTelegram, channel: TelegramChannel) -> None:
    assert await channel.username() == fake.username
    fake.fail("getMe", unauthorized())
    with pytest.raises(RetryLater):
        await channel.username()
    fake.fail("getMe", garbled(b'{"ok":true,"result":7}'))
    with pytest.raises(RetryLater):
        await channel.username()


# ---- errors

ERRORS = [
    (forbidden(), Unreachable, Unreachable),
    (forbidden("user is deactivated"), Unreachable, Unreachable),
    (bad_request("chat not found"), Unreachable, Unreachable),
    (bad_request("BUTTON_DATA_INVALID"), Refused, Refused),
    (unauthorized(), RetryLater, RetryLater),
    (refuse(404, "Not Found"), RetryLater, RetryLater),
    (conflict(), RetryLater, RetryLater),
    (refuse(429, "Too Many Requests"), RetryLater, RetryLater),
    (server_error(500), RetryLater, RetryLater),
    (server_error(502), RetryLater, RetryLater),
    (refuse(503, "Service Unavailable"), RetryLater, RetryLater),
    (refuse(400, "Bad Request", migrate_to_chat_id=[]), Refused, Refused),
    # After these the message may be in the chat: to send it again could show it twice, to edit is harmless.
    (drop(), OutcomeUnknown, RetryLater),
    (accept_then_drop(), OutcomeUnknown, RetryLater),
    (garbled(), OutcomeUnknown, RetryLater),
    (garbled(b"[]"), OutcomeUnknown, RetryLater),
    (garbled(b'{"ok":true}'), OutcomeUnknown, RetryLater),
    (garbled(b'{"parameters":[1]}', status=400), OutcomeUnknown, RetryLater),
    (garbled(b'{"description":5}', status=400), OutcomeUnknown, RetryLater),
]


@pytest.mark.parametrize(
    ("failure", "on_send", "on_edit"),
    ERRORS,
    ids=[f"{failure.name} {failure.body!r}" for failure, *_ in ERRORS],
)
async def test_each_error_says_what_to_do(
    fake: FakeTelegram,
    channel: TelegramChannel,
    ama: Person,
    failure: Failure,
    on_send: type[ChannelError],
    on_edit: type[ChannelError],
) -> None:
    pending = await send(channel, ama, "Being processed")
    fake.fail("sendMessage", failure)
    with pytest.raises(ChannelError) as sending:
        await send(channel, ama)
    fake.fail("editMessageText", failure)
    with pytest.raises(ChannelError) as editing:
        await send(channel, ama, "Paid", edits=pending.ref)
    assert (type(sending.value), type(editing.value)) == (on_send, on_edit)


async def test_a_blocked_chat_is_unreachable(channel: TelegramChannel, ama: Person) -> None:
    await ama.blocks()
    with pytest.raises(Unreachable):
        await send(channel, ama)
    await ama.unblocks()
    await send(channel, ama)


async def test_somebody_who_never_pressed_start_is_unreachable(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    with pytest.raises(Unreachable):
        await channel.send(Outgoing(to="424242", text="Hello"))


async def test_a_limit_says_when_to_come_back(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    fake.fail("sendMessage", flood(37))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RetryLater) as caught:
            await send(channel, ama)
    assert caught.value.after_s == 37


@pytest.mark.parametrize(
    ("said", "after_s"), [(0, 1), (2.5, 2.5), (10**12, 86_400), ("soon", 5), (-3, 5), ([], 5)]
)
async def test_a_strange_limit_is_still_a_pause(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person, said: object, after_s: float
) -> None:
    fake.fail("sendMessage", flood(said))
    with pytest.raises(RetryLater) as caught:
        await send(channel, ama)
    assert caught.value.after_s == after_s


async def test_a_wrong_token_waits_long_and_is_an_error_in_the_log(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    fake.fail("sendMessage", unauthorized())
    with capture_logs() as logs, pytest.raises(RetryLater) as caught:
        await send(channel, ama)
    assert caught.value.after_s >= 60
    assert [(line["event"], line["log_level"]) for line in logs] == [("telegram_token_refused", "error")]


async def test_a_chat_that_moved_says_where(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    fake.fail("sendMessage", migrated(-100_555))
    with pytest.raises(Moved) as caught:
        await send(channel, ama)
    assert caught.value.to == "-100555"


async def test_text_telegram_cannot_read_goes_out_plain(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    fake.fail("sendMessage", bad_request("can't parse entities: Unsupported start tag at byte offset 4"))
    with capture_logs() as logs:
        sent = await send(channel, ama, "A < B", buttons=YES_NO)
    assert [line["event"] for line in logs] == ["telegram_text_unparsed"]
    assert str(ama.screen()) == "A < B\n[Yes] [No]"
    fake.fail("editMessageText", bad_request("can't parse entities"))
    await send(channel, ama, "B < A", edits=sent.ref)
    assert ama.screen().text == "B < A"


@pytest.mark.parametrize("failure", [hang(), accept_then_hang()], ids=["nothing", "accepted"])
async def test_no_answer_to_a_message_is_an_unknown_outcome(
    fake: FakeTelegram, hasty: TelegramChannel, ama: Person, failure: Failure
) -> None:
    fake.fail("sendMessage", failure)
    with pytest.raises(OutcomeUnknown):
        await send(hasty, ama)
    await failure.reached.wait()  # a busy machine may read the call after the channel gave it up
    assert len(ama.messages) == failure.carries_out


async def test_no_answer_to_an_edit_is_tried_again(
    fake: FakeTelegram, channel: TelegramChannel, hasty: TelegramChannel, ama: Person
) -> None:
    pending = await send(channel, ama, "Being processed")
    unanswered = accept_then_hang()
    fake.fail("editMessageText", unanswered)
    with pytest.raises(RetryLater):
        await send(hasty, ama, "Paid", edits=pending.ref)
    await unanswered.reached.wait()
    assert await send(channel, ama, "Paid", edits=pending.ref) == pending
    assert [message.text for message in ama.messages] == ["Paid"]


async def test_nobody_there_is_tried_again() -> None:
    channel = TelegramChannel("1234567890:abcdefghijk", "http://127.0.0.1:9")
    with pytest.raises(RetryLater):
        await channel.send(Outgoing(to="1", text="Hello"))
    await channel.close()


async def test_no_free_connection_means_it_never_left(fake: FakeTelegram, ama: Person) -> None:
    channel = TelegramChannel(fake.token, fake.url, connections=1, timeout_s=0.2)
    stuck = fake.fail("getMe", hang())
    asking = asyncio.create_task(channel.bot.call("getMe", wait_s=30.0))
    await stuck.reached.wait()
    with pytest.raises(RetryLater):
        await send(channel, ama)
    stuck.release()
    await asking
    await channel.close()


async def test_a_reply_with_only_an_id_is_enough(
    fake: FakeTelegram, channel: TelegramChannel, ama: Person
) -> None:
    fake.fail("sendMessage", garbled(b'{"ok":true,"result":{"message_id":12}}'))
    assert await send(channel, ama) == Sent("12")
    fake.fail("sendMessage", garbled(b'{"ok":true,"result":true}'))
    assert await send(channel, ama) == Sent("")
