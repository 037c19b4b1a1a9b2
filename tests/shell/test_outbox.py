"""Messages leave once where the channel allows it, in order, and by another way where it must be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.channels.base import (
    ChannelError,
    Moved,
    OutcomeUnknown,
    Outgoing,
    Refused,
    RetryLater,
    Sent,
    Unreachable,
)
from bot.dialog import Address, Text, View
from bot.money import OrderState
from bot.notifications.order_messages import reply_message
from bot.notifications.queueing import encode_view
from bot.runtime.clock import Ids
from bot.runtime.timeouts import TIMES
from bot.store.base import LinkAddress, Queue, SaveAddress, SavePerson
from bot.store.records import AddressRow, MessageKind, MessageRow, MessageState, PersonRow
from tests.conversations.people import Phone, WebChat, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage, open_stage
from tests.fake_telegram import flood, refuse

CHAT = "4200"


@dataclass
class Scripted:
    """A channel that fails as told, then sends; what went out is kept."""

    kind: str
    errors: list[ChannelError] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    tried: list[Outgoing] = field(default_factory=list)
    before: Callable[[Outgoing], Awaitable[None]] | None = None

    async def send(self, message: Outgoing) -> Sent:
        self.tried.append(message)
        if self.before is not None:
            await self.before(message)
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)
        return Sent(message.edits or f"ref-{len(self.sent)}")

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.sent]


@dataclass
class Post:
    """A stage whose channels are scripted: SMS to Efua, and a chat of hers."""

    stage: Stage
    sms: Scripted
    chat: Scripted
    person_id: str

    async def queue(self, kind: MessageKind = MessageKind.REPLY, *, to: str = "telegram", **more: Any) -> str:
        value = {"telegram": CHAT, "msisdn": EFUA, "web": "w" * 32}.get(to, CHAT)
        key = f"{kind.value}:{more.pop('name', 'x')}:{to}:{value}"
        row = MessageRow(
            id=self.stage.ids.uuid(),
            dedupe_key=key,
            kind=kind,
            person_id=self.person_id,
            address_kind=to,
            address_value=value,
            view=encode_view(View(text=Text(more.pop("text", "chat.thanks")), ends=True)),
            state=MessageState.QUEUED,
            created_ms=self.stage.clock(),
            due_ms=more.pop("due_ms", self.stage.clock()),
            **more,
        )
        await self.stage.store.commit([Queue(row)])
        return row.id

    async def drain(self, seconds: float = 0) -> None:
        await self.stage.kasapay.outbox.drain()
        if seconds:
            await self.stage.pass_time(seconds)

    def rows(self) -> list[dict[str, Any]]:
        return self.stage.rows("SELECT * FROM messages ORDER BY seq")

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]


@pytest.fixture
async def post(stage: Stage) -> Post:
    phone = Phone(stage, EFUA)
    await phone.dial()
    found = await stage.store.person_of("msisdn", EFUA)
    assert found is not None
    sms, chat = Scripted("msisdn"), Scripted("telegram")
    stage.kasapay.outbox._channels = {"msisdn": sms, "telegram": chat, "web": Scripted("web")}
    await link_chat(stage, found[0].id)
    return Post(stage, sms, chat, found[0].id)


async def link_chat(stage: Stage, person_id: str) -> None:
    """A Telegram chat of the person, as if it had written and linked itself."""
    now_ms = stage.clock()
    other = PersonRow("00000000-0000-4000-8000-00000000000c", "en", now_ms)
    address = AddressRow("00000000-0000-4000-8000-0000000000aa", other.id, "telegram", CHAT, now_ms, now_ms)
    await stage.store.commit([SavePerson(other), SaveAddress(address)])
    await stage.store.commit([LinkAddress("telegram", CHAT, person_id, now_ms)])


async def test_a_queued_message_leaves_once(post: Post) -> None:
    await post.queue()
    await post.drain()
    await post.drain(60)
    assert post.chat.texts == ["Thank you."]
    assert post.states() == ["sent"]


async def test_one_dedupe_key_is_one_message(post: Post) -> None:
    for _ in range(3):
        reply = reply_message(
            View(text=Text("chat.thanks")),
            address=Address("telegram", CHAT),
            person_id=post.person_id,
            conversation_id=None,
            key="k",
            now_ms=post.stage.clock(),
            new_id=post.stage.ids.uuid,
        )
        await post.stage.store.commit([reply])
    await post.drain(5)
    assert len(post.chat.sent) == 1


async def test_a_pause_asked_for_is_kept(post: Post) -> None:
    post.chat.errors = [RetryLater("429", after_s=17)]
    await post.queue()
    await post.drain(16)
    assert len(post.chat.tried) == 1
    await post.drain(2)
    assert len(post.chat.sent) == 1


async def test_pauses_grow_and_have_an_end(post: Post) -> None:
    post.chat.errors = [RetryLater("down") for _ in range(100)]
    await post.queue()
    await post.drain(24 * 3600)
    assert post.states() == ["dead"]
    assert 5 < len(post.chat.tried) <= 20


async def test_an_unknown_outcome_is_repeated_once(post: Post) -> None:
    post.chat.errors = [OutcomeUnknown("lost"), OutcomeUnknown("lost again"), OutcomeUnknown("never")]
    await post.queue()
    await post.drain(3600)
    assert len(post.chat.tried) == 2
    assert post.states() == ["dead"]


async def test_a_result_of_which_nobody_knows_twice_goes_another_way(post: Post) -> None:
    post.chat.errors = [OutcomeUnknown("lost"), OutcomeUnknown("lost again")]
    await post.queue(MessageKind.RESULT)
    await post.drain(3600)
    assert post.sms.texts == ["Thank you."]
    assert post.states() == ["dead", "sent"]


async def test_an_unknown_outcome_that_then_goes_through(post: Post) -> None:
    post.chat.errors = [OutcomeUnknown("lost")]
    await post.queue()
    await post.drain(60)
    assert len(post.chat.tried) == 2
    assert post.states() == ["sent"]


async def test_a_result_nobody_can_be_told_in_the_chat_goes_by_sms(post: Post) -> None:
    post.chat.errors = [Unreachable("blocked")]
    await post.queue(MessageKind.RESULT)
    await post.drain(5)
    assert post.sms.texts == ["Thank you."]
    assert post.sms.sent[0].to == EFUA
    assert post.states() == ["dead", "sent"]
    chat = [a for a in await post.stage.store.addresses_of(post.person_id) if a.kind == "telegram"]
    assert not chat[0].reachable


async def test_a_result_a_chat_refuses_for_long_goes_by_sms(post: Post) -> None:
    post.chat.errors = [RetryLater("down") for _ in range(100)]
    await post.queue(MessageKind.RESULT)
    await post.drain(3600)
    assert post.sms.texts == ["Thank you."]


async def test_a_result_goes_by_sms_once_though_two_chats_fail(post: Post) -> None:
    post.chat.errors = [Refused("our fault")]
    await post.queue(MessageKind.RESULT, name="o1:SUCCESSFUL")
    await post.queue(MessageKind.RESULT, name="o1:SUCCESSFUL", to="msisdn")
    await post.drain(60)
    assert len(post.sms.sent) == 1


@pytest.mark.parametrize(("silent_s", "sent"), [(TIMES.lapse_s, 1), (TIMES.lapse_s + 1, 0)])
async def test_a_number_that_was_silent_for_half_a_year_gets_no_sms(
    post: Post, silent_s: float, sent: int
) -> None:
    """It may be somebody else's by now."""
    post.stage.clock.ms += int(silent_s * 1000)
    post.chat.errors = [Unreachable("blocked")]
    await post.queue(MessageKind.RESULT)
    await post.drain(60)
    assert len(post.sms.tried) == sent


async def test_a_reply_nobody_can_be_told_is_not_sent_by_sms(post: Post) -> None:
    post.chat.errors = [Unreachable("blocked")]
    await post.queue()
    await post.drain(60)
    assert post.sms.tried == []
    assert post.states() == ["dead"]


async def test_a_message_for_no_channel_of_ours_is_dead_and_seen(post: Post) -> None:
    await post.queue(to="pigeon")
    await post.drain()
    assert post.states() == ["dead"]
    assert len(await post.stage.store.messages(MessageState.DEAD, 10)) == 1


async def test_a_moved_chat_gets_it_there(post: Post) -> None:
    post.chat.errors = [Moved("migrated", to="-1009")]
    await post.queue()
    await post.drain(5)
    assert [message.to for message in post.chat.sent] == ["-1009"]
    assert post.states() == ["dropped", "sent"]


async def test_a_number_no_sms_reaches_is_told_at_the_next_dial(post: Post) -> None:
    post.sms.errors = [Unreachable("no such number")]
    await post.queue(MessageKind.RESULT, to="msisdn")
    await post.drain(60)
    phone = Phone(post.stage, EFUA)
    assert "Thank you." in (await phone.dial()).text
    await phone.answer("4")
    assert "Thank you." not in (await phone.dial()).text


async def test_a_result_goes_before_the_replies_that_wait_in_its_chat(post: Post) -> None:
    for n in range(3):
        await post.queue(MessageKind.REPLY, name=f"reply{n}")
    await post.drain()
    await post.queue(MessageKind.RESULT, name="result", text="command.menu")
    await post.drain(60)
    assert post.chat.texts == ["Thank you.", "The menu", "Thank you.", "Thank you."]


async def test_a_chat_that_is_told_to_wait_gets_nothing_meanwhile_and_the_result_first(post: Post) -> None:
    post.chat.errors = [RetryLater("429", after_s=10, limited=True)]
    await post.queue(MessageKind.REPLY, name="reply")
    await post.drain()
    await post.queue(MessageKind.RESULT, name="result", text="command.menu")
    await post.drain(9)
    assert len(post.chat.tried) == 1
    await post.drain(60)
    assert post.chat.texts == ["The menu", "Thank you."]


async def test_a_result_is_not_followed_by_words_it_overtook(stage: Stage) -> None:
    """That the payment is under way is not said after its end."""
    chat = WebChat(stage)
    for said in ("hello", "1", "1001", "5", "0240000001", "1"):
        await chat.says(said)
    (order,) = await stage.orders()
    stage.change("UPDATE messages SET address_kind = 'telegram' WHERE address_kind = 'web'")
    stage.change("UPDATE addresses SET kind = 'telegram' WHERE kind = 'web'")
    stage.change("UPDATE orders SET origin_kind = 'telegram' WHERE origin_kind = 'web'")
    telegram = Scripted("telegram")
    stage.kasapay.outbox._channels = {"telegram": telegram}
    await stage.kasapay.worker.drain()
    decide(stage, EFUA, "approve")
    await stage.pass_time(120)
    assert any(text.startswith("Paid") for text in telegram.texts)
    assert not any(text.startswith(("Approve", "Enter your PIN")) for text in telegram.texts)
    assert order.id


async def test_a_result_of_one_overtakes_the_replies_of_others(post: Post) -> None:
    for n in range(3):
        await post.queue(MessageKind.REPLY, name=str(n))
    await post.queue(MessageKind.RESULT, to="msisdn")
    rows = await post.stage.store.claim_messages(post.stage.clock(), 1000, 1, {})
    assert [row.kind for row in rows] == [MessageKind.RESULT]


async def test_a_chat_gets_one_message_a_second(post: Post) -> None:
    for n in range(3):
        await post.queue(name=str(n))
    await post.drain()
    assert len(post.chat.sent) == 1
    post.stage.clock.ms += 500
    await post.drain()
    assert len(post.chat.sent) == 1
    await post.drain(3)
    assert len(post.chat.sent) == 3


async def test_a_lease_that_passed_on_leaves_the_record_to_the_other(post: Post) -> None:
    await post.queue()
    (row,) = await post.stage.store.claim_messages(post.stage.clock(), 60_000, 10, {})
    post.stage.clock.ms += 61_000
    (again,) = await post.stage.store.claim_messages(post.stage.clock(), 60_000, 10, {})
    assert again.fence > row.fence
    await post.stage.kasapay.outbox.deliver(row)  # the slow one, after all
    assert post.states() == ["queued"]
    await post.stage.kasapay.outbox.deliver(again)
    assert post.states() == ["sent"]


async def test_words_are_chosen_when_it_leaves(post: Post) -> None:
    """Somebody who has changed the language meanwhile is answered in the new one."""
    await post.queue()
    post.stage.change("UPDATE people SET language = 'fr'")
    await post.drain()
    assert post.chat.texts == ["Merci."]


async def test_a_view_nobody_can_read_holds_nobody_up_for_ever(post: Post) -> None:
    await post.queue(name="bad")
    post.stage.change("UPDATE messages SET view = 'not a view'")
    post.stage.clock.ms += 1
    await post.queue(name="good")
    (bad,) = await post.stage.store.claim_messages(post.stage.clock(), 60_000, 1, {})
    with pytest.raises(msgspec.MsgspecError):
        await post.stage.kasapay.outbox.deliver(bad)
    await post.stage.kasapay.outbox._deliver_safely(bad)
    for _ in range(40):
        post.stage.clock.ms += 20 * 60_000
        rows = await post.stage.store.claim_messages(post.stage.clock(), 60_000, 1, {})
        for row in rows:
            await post.stage.kasapay.outbox._deliver_safely(row)
    assert post.chat.texts == ["Thank you."]
    assert post.states() == ["dead", "sent"]


# ---- the pending message becomes the result -----------------------------------------------------


@pytest.fixture
async def telegram(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, template, telegram=True) as opened:
        yield opened


async def pays_in_telegram(stage: Stage) -> Any:
    assert stage.telegram is not None
    efua = stage.telegram.person("Efua", phone=EFUA.lstrip("+"))
    for said in ("/start", "1", "1001", "5", "0240000001", "1"):
        await efua.says(said)
        await stage.pass_time(2)
    return efua


async def test_the_pending_message_turns_into_the_result(telegram: Stage) -> None:
    efua = await pays_in_telegram(telegram)
    pending = efua.screen()
    await telegram.pass_time(2)
    assert (pending.text.partition(" is on its way")[0], pending.edits) == ("A PIN request", 1)
    decide(telegram, EFUA, "approve")
    await telegram.pass_time(10)
    assert efua.screen() is pending
    assert pending.text.startswith("Paid")
    assert pending.buttons == ["Menu"]
    assert pending.edits == 2


async def test_a_late_result_is_announced_too(telegram: Stage) -> None:
    efua = await pays_in_telegram(telegram)
    pending = efua.screen()
    await telegram.pass_time(50)
    decide(telegram, EFUA, "approve")
    await telegram.pass_time(60)
    announced = efua.screen()
    assert announced is not pending
    assert announced.reply_to == pending.message_id
    assert announced.text == pending.text
    assert announced.text.startswith("Paid")


@pytest.mark.parametrize("late_s", [0, 50])
async def test_a_result_can_be_kept_and_forwarded_however_it_comes(telegram: Stage, late_s: int) -> None:
    efua = await pays_in_telegram(telegram)
    await telegram.pass_time(late_s)
    decide(telegram, EFUA, "approve")
    await telegram.pass_time(60)
    results = [message for message in efua.messages if message.text.startswith("Paid")]
    assert len(results) == (2 if late_s else 1)
    assert not any(message.protected for message in efua.messages)


async def test_a_merchants_money_cannot_be_forwarded(telegram: Stage) -> None:
    assert telegram.telegram is not None
    yaw = telegram.telegram.person("Yaw")
    code = await telegram.staff_code("1001")
    for said in ("/start", "4", "8", code, "4711", "4711", "menu", "My business", "Balance"):
        await yaw.says(said)
        await telegram.pass_time(2)
    assert "GHS" in yaw.screen().text
    assert yaw.screen().protected
    assert [message.text for message in yaw.messages if message.protected] == [yaw.screen().text]


async def test_whatever_was_said_in_a_topic_is_answered_there(telegram: Stage) -> None:
    """The answers, the words beside them, and a result that comes later, sent anew or announced."""
    assert telegram.telegram is not None
    efua = telegram.telegram.person("Efua", phone=EFUA.lstrip("+"))
    topic = {"message_thread_id": 7, "is_topic_message": True}
    for said in ("/start", "1", "1001", "5", "0240000001"):
        await efua.says(said, **topic)
        await telegram.pass_time(2)
    await efua.presses("Yes, pay")
    await telegram.pass_time(50)
    decide(telegram, EFUA, "approve")
    await telegram.pass_time(60)
    assert efua.screen().text.startswith("Paid")
    group = telegram.telegram.group()
    await efua.says("/start", group=group.id, message_thread_id=9, is_topic_message=True)
    await telegram.pass_time(2)
    assert {message.thread for message in efua.messages} == {7}
    assert [message.thread for message in group.from_bot] == [9]


async def test_a_topic_that_is_gone_is_answered_beside_it(telegram: Stage) -> None:
    assert telegram.telegram is not None
    efua = telegram.telegram.person("Efua")
    telegram.telegram.fail("sendMessage", refuse(400, "Bad Request: message thread not found"))
    await efua.says("/start", message_thread_id=7, is_topic_message=True)
    await telegram.pass_time(2)
    assert [message.thread for message in efua.messages] == [None]


async def test_a_blocked_bot_tells_the_result_by_sms_to_the_linked_number(telegram: Stage) -> None:
    efua = telegram.telegram.person("Efua", phone=EFUA.lstrip("+"))  # type: ignore[union-attr]
    for said in ("/start", "4", "5"):
        await efua.says(said)
        await telegram.pass_time(2)
    await efua.shares_contact()
    await telegram.pass_time(4)
    for said in ("/start", "1", "1001", "5", "1"):
        await efua.says(said)
        await telegram.pass_time(2)
    await efua.blocks()
    await telegram.settle()
    decide(telegram, EFUA, "approve")
    await telegram.pass_time(30)
    assert [text[:4] for text in telegram.results(EFUA)] == ["Paid"]


async def test_a_result_after_a_pause_is_told_once_and_last(telegram: Stage) -> None:
    """Telegram asks for a pause between reply and result: the result is told once, and nothing after it."""
    assert telegram.telegram is not None
    efua = telegram.telegram.person("Efua", phone="233249999998")
    for said in ("/start", "1", "1001", "5", "0249999998"):
        await efua.says(said)
        await telegram.pass_time(2)
    telegram.telegram.fail("sendMessage", flood(7))
    await efua.says("1")  # a number without a handset pays by itself, at once
    await telegram.pass_time(20)
    assert (await telegram.order()).state is OrderState.SUCCESSFUL
    shown = [message.text[:4] for message in efua.messages]
    assert shown.count("Paid") == 1
    assert shown[-1] == "Paid"


async def test_a_web_chat_reads_its_result_in_place_of_the_pending_message(stage: Stage) -> None:
    chat = WebChat(stage)
    for said in ("hello", "1", "1001", "5", "0240000001", "1"):
        await chat.says(said)
        await stage.pass_time(1)
    await chat.look()
    decide(stage, EFUA, "approve")
    await stage.pass_time(120)
    (result,) = await chat.look()
    assert result.edited
    assert result.text.startswith("Paid")


async def test_a_prompt_for_a_code_is_dropped_once_the_code_is_there(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await phone.dial()
    found = await stage.store.person_of("msisdn", EFUA)
    assert found is not None
    await link_chat(stage, found[0].id)
    chat = Scripted("telegram")
    stage.kasapay.outbox._channels = {**stage.kasapay.outbox._channels, "telegram": chat}
    await Robot(stage, phone, "1002").pay(until="pay/otp")
    await stage.settle()
    await phone.answer(stage.otp(EFUA))
    await stage.pass_time(120)
    assert [text[:4] for text in chat.texts] == ["Paid"]


# ---- the pace of a whole bot, and a full house -----------------------------------------------------


def other_chats(post: Post, count: int) -> list[str]:
    return [str(5000 + n) for n in range(count)]


async def queue_to(post: Post, chats: list[str], kind: MessageKind = MessageKind.REPLY) -> None:
    for chat in chats:
        await post.queue(kind, name=chat)
        post.stage.change(
            "UPDATE messages SET address_value = ? WHERE dedupe_key LIKE ?", chat, f"%:{chat}:t%"
        )
        now_ms = post.stage.clock()
        theirs = AddressRow(Ids().uuid(), post.person_id, "telegram", chat, now_ms, now_ms)
        await post.stage.store.commit([SaveAddress(theirs)])


async def test_a_bot_sends_thirty_messages_a_second_over_all_chats(post: Post) -> None:
    await queue_to(post, other_chats(post, 70))
    for sent in (30, 30, 60, 60, 70):
        await post.drain()
        assert len(post.chat.sent) == sent
        post.stage.clock.ms += 500
    assert await post.stage.kasapay.outbox.next_ms() is None


async def test_results_go_first_and_other_ways_go_on_while_a_bot_is_at_its_limit(post: Post) -> None:
    await queue_to(post, other_chats(post, 40), MessageKind.PROMPT)
    post.stage.clock.ms += 1
    await queue_to(post, ["6000"], MessageKind.RESULT)
    for n in range(40):
        await post.queue(MessageKind.PROMPT, name=f"sms{n}", to="msisdn")
        post.stage.change(
            "UPDATE messages SET address_value = ? WHERE dedupe_key LIKE ?", f"+2332{n:08d}", f"%:sms{n}:%"
        )
    await post.drain()
    assert post.chat.sent[0].to == "6000"
    assert (len(post.chat.sent), len(post.sms.sent)) == (30, 40)


async def test_a_flood_rests_its_chat_and_nobody_else(post: Post) -> None:
    post.chat.errors = [RetryLater("429", after_s=17, limited=True)]
    await queue_to(post, ["5000"])
    await post.drain()
    await queue_to(post, ["5001"])
    await post.drain()
    assert [message.to for message in post.chat.sent] == ["5001"]
    await post.drain(16)
    assert len(post.chat.tried) == 2
    await post.drain(2)
    assert [message.to for message in post.chat.sent] == ["5001", "5000"]


async def test_a_flood_of_two_chats_rests_the_whole_bot(post: Post) -> None:
    post.chat.errors = [
        RetryLater("429", after_s=17, limited=True),
        RetryLater("429", after_s=9, limited=True),
    ]
    await queue_to(post, ["5000"])
    await post.drain()
    await queue_to(post, ["5001"])
    await post.drain()
    await queue_to(post, ["5002"])
    await post.queue(to="msisdn")
    await post.drain()
    assert (len(post.chat.tried), len(post.sms.sent)) == (2, 1)
    await post.drain(10)
    assert sorted(message.to for message in post.chat.sent) == ["5001", "5002"]
    await post.drain(8)
    assert len(post.chat.sent) == 3


async def test_a_broken_connection_rests_nobody_else(post: Post) -> None:
    post.chat.errors = [RetryLater("broken", after_s=17)]
    await queue_to(post, ["5000"])
    await post.drain()
    await queue_to(post, ["5001"])
    await post.drain()
    assert [message.to for message in post.chat.sent] == ["5001"]


async def test_a_result_does_not_wait_out_a_long_flood(post: Post) -> None:
    post.chat.errors = [RetryLater("429", after_s=3600, limited=True)]
    await post.queue(MessageKind.RESULT)
    await post.drain(1)
    assert post.sms.texts == ["Thank you."]


async def test_a_result_without_another_way_waits_out_a_long_flood(post: Post) -> None:
    post.stage.kasapay.outbox._channels = {"telegram": post.chat}
    post.chat.errors = [RetryLater("429", after_s=3600, limited=True)]
    await post.queue(MessageKind.RESULT)
    await post.drain(3601)
    assert post.chat.texts == ["Thank you."]


async def test_a_message_whose_senders_die_is_given_up(post: Post) -> None:
    """Each claim is a sender that was killed before it could say anything."""
    await post.queue()
    for _ in range(20):
        assert len(await post.stage.store.claim_messages(post.stage.clock(), 60_000, 9, {})) == 1
        post.stage.clock.ms += 61_000
    await post.drain()
    assert post.chat.tried == []
    assert post.states() == ["dead"]


async def test_a_full_house_gives_its_next_place_to_the_most_urgent(post: Post) -> None:
    """All places are taken by slow sends; what came last and matters most goes next."""
    free, held = asyncio.Semaphore(0), asyncio.Event()

    async def slowly(message: Outgoing) -> None:
        if len(post.sms.tried) == 64:
            held.set()
        await free.acquire()

    post.sms.before = slowly
    for n in range(70):
        await post.queue(MessageKind.PROMPT, name=f"sms{n}", to="msisdn")
        post.stage.change(
            "UPDATE messages SET address_value = ? WHERE dedupe_key LIKE ?", f"+2332{n:08d}", f"%:sms{n}:%"
        )
    running = asyncio.create_task(post.stage.kasapay.outbox.run())
    try:
        async with asyncio.timeout(20):
            await held.wait()
            await post.queue(MessageKind.REPLY, to="web", name="reply")
            await post.queue(MessageKind.RESULT, to="msisdn", name="result")
            post.stage.kasapay.outbox.wake()
            await asyncio.sleep(0.05)
            assert len(post.sms.tried) == 64
            free.release()
            while len(post.sms.tried) < 65:
                await asyncio.sleep(0.005)
        assert post.sms.tried[64].to == EFUA
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# ---- what takes the place of an earlier message


async def test_news_of_an_order_take_the_place_of_what_was_said_of_it_last(post: Post) -> None:
    await post.queue(MessageKind.REPLY, order_id="o1", name="pending")
    await post.queue(MessageKind.EDIT, order_id="o1", name="coming")
    await post.queue(MessageKind.EDIT, order_id="o1", name="again")
    await post.drain(10)
    assert [message.edits for message in post.chat.sent] == ["", "ref-1", "ref-1"]
    assert post.states() == ["sent"] * 3


async def test_where_there_is_nothing_to_edit_any_more_nothing_is_said(post: Post) -> None:
    # Nothing of this order, then its result.
    await post.queue(MessageKind.REPLY, order_id="o2", name="other")
    await post.queue(MessageKind.EDIT, order_id="o1", name="early")
    await post.drain(10)
    await post.queue(MessageKind.REPLY, order_id="o1", name="pending")
    await post.queue(MessageKind.RESULT, order_id="o1", name="paid")
    await post.drain(10)
    await post.queue(MessageKind.EDIT, order_id="o1", name="late")
    await post.drain(10)
    assert [message.key.split(":")[1] for message in post.chat.sent][:1] == ["other"]
    assert {
        row["dedupe_key"].split(":")[1]: row["state"] for row in post.rows() if row["kind"] == "edit"
    } == {
        "early": "dropped",
        "late": "dropped",
    }
