"""A message in, an answer out: once, whoever delivers it how often, and for nobody else."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import bot.sandbox.app
from bot.app import build as wiring
from bot.app.build import Kasapay
from bot.channels.ussd import Heard, WireRequest
from bot.conversations import TurnsConfig
from bot.conversations.timeout_reply import TimeoutReply
from bot.dialog import Address, Choice, Inbound, Pressed, Text, Typed, fits, fold
from bot.money import OrderState, show_local
from bot.runtime.timeouts import TIMES
from bot.store.base import Conflict, Store, StoreUnavailable, TurnQuery
from bot.store.records import OrderRow
from tests.conversations.people import Phone, Screen, WebChat, asked, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, KWAME, STAFF, STAFF_PIN, Stage, open_stage
from tests.conversations.trouble import Break, BreakingSender, Gate, Killed, open_cut_off
from tests.gateways import arrived

GATEWAYS = ["africastalking", "hubtel"]
MERCHANTS = {"momo": "1001", "startbutton": "1002"}


async def linked(stage: Stage, msisdn: str = EFUA, value: str = "ab" * 16) -> WebChat:
    """A web chat linked to a number, its conversation at an end."""
    phone, chat = Phone(stage, msisdn), WebChat(stage, value)
    await phone.dial()
    for said in ("4", "5"):
        await phone.answer(said)
    for said in ("hello", "4", "5", show_local(msisdn, "GH"), stage.ids.drawn[-1]):
        await chat.says(said)
    await stage.settle()
    assert "Linked" in (await chat.look())[-1].text
    return chat


async def active(stage: Stage) -> list[dict[str, Any]]:
    return stage.rows("SELECT * FROM conversations WHERE state = 'active'")


class Gated:
    """A sender that lets nobody through until its gate is opened."""

    def __init__(self, inner: Any, gate: Gate, only: str = "") -> None:
        self._inner, self._gate, self._only = inner, gate, only
        self.calls: list[str] = []

    async def send(self, account: Any, call: Any, timeout_s: float) -> Any:
        self.calls.append(call.name)
        if not self._only or call.name == self._only:
            await self._gate()
        return await self._inner.send(account, call, timeout_s)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_reference_that_is_taken_is_drawn_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person sees the one that is kept, and nothing of the other."""
    await Robot(stage, Phone(stage, EFUA), "1001").pay()
    first, draw = await stage.order(), stage.ids.random_bytes
    again = [(int(first.code) - 100_000_000).to_bytes(8)] * 2
    monkeypatch.setattr(
        stage.ids, "random_bytes", lambda length: again.pop() if again and length == 8 else draw(length)
    )
    phone = Phone(stage, KWAME)
    screen = await phone.dial("1001", "5")
    while screen.is_open:
        screen = await phone.answer("1")
    (second,) = [order for order in await stage.orders() if order.id != first.id]
    assert not again
    assert second.code != first.code
    assert second.code in screen.text


# ---- delivered twice -----------------------------------------------------------------------------


class Twice:
    """Delivers everything again, in one way or another, and wants the same bytes."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once
        self.repeats = 0

    async def __call__(self, phone: Phone, request: WireRequest) -> Screen:
        if self.at_once:
            screens = await asyncio.gather(*(phone.send(request) for _ in range(4)))
        else:
            screens = [await phone.send(request)]
            phone.stage.clock.ms += 1500
            screens.append(await phone.send(request))
        assert len({screen.raw for screen in screens}) == 1
        self.repeats += len(screens) - 1
        return screens[0]


@pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "at once"])
@pytest.mark.parametrize("provider", MERCHANTS)
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_every_request_twice_is_one_payment(
    stage: Stage, gateway: str, provider: str, at_once: bool
) -> None:
    phone, twice = Phone(stage, EFUA, gateway), Twice(at_once=at_once)
    await Robot(stage, phone, MERCHANTS[provider], deliver=twice).pay()
    assert twice.repeats >= 4
    await stage.settle()
    if provider == "momo":
        decide(stage, EFUA, "approve")
    await stage.pass_time(10)
    order = await stage.order()
    assert order.state is OrderState.SUCCESSFUL
    assert len(stage.entries) == 1
    assert len(stage.results(EFUA)) == 1
    await stage.judge()


async def test_a_repeat_long_after_the_session_ended_is_its_last_screen(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    last = await Robot(stage, phone, "1001").pay()
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(300)
    assert (await phone.repeat()).raw == last.raw
    assert len(await stage.orders()) == 1


async def test_a_repeated_chat_message_gets_no_second_reply(stage: Stage) -> None:
    chat = WebChat(stage)
    await chat.says("hello")
    await chat.repeats()
    await asyncio.gather(chat.repeats(), chat.repeats())
    await stage.settle()
    assert len(await chat.look()) == 1
    figures = stage.kasapay.metrics.render().decode()
    assert 'kasapay_turns_total{channel="web",outcome="repeated"} 3.0' in figures
    assert 'kasapay_turns_total{channel="web",outcome="answered"} 1.0' in figures


class Unnumbered(Phone):
    """A phone whose gateway counts no turns."""

    def dial_request(self, *args: str, session: str = "") -> WireRequest:
        return _unnumbered(super().dial_request(*args, session=session))

    def answer_request(self, text: str) -> WireRequest:
        return _unnumbered(super().answer_request(text))


def _unnumbered(request: WireRequest) -> WireRequest:
    fields = json.loads(request.content)
    del fields["Sequence"]
    return msgspec.structs.replace(request, content=json.dumps(fields).encode())


@pytest.mark.parametrize("gateway", [*GATEWAYS, "unnumbered"])
async def test_a_duplicate_of_a_running_turn_waits_for_its_answer(
    tmp_path: Path, template: Path, gateway: str
) -> None:
    """However long the first has been running: the repeat comes ten seconds into it."""
    gate = Gate()
    gated: list[Gated] = []

    def wrap(sender: Any) -> Gated:
        gated.append(Gated(sender, gate, "request_order"))
        return gated[-1]

    async with open_stage(tmp_path, template, serve=False, wrap_sender=wrap) as stage:
        phone = Unnumbered(stage, EFUA, "hubtel") if gateway == "unnumbered" else Phone(stage, EFUA, gateway)
        await Robot(stage, phone, "1002").pay(until="pay/confirm")
        request = phone.answer_request("1")
        first = asyncio.create_task(phone.send(request))
        await gate.until(1)
        stage.clock.ms += 10_000
        other = other_process(stage)
        heard = phone.read(request)
        assert isinstance(heard, Heard)
        second = asyncio.create_task(phone.send(request))
        third = asyncio.create_task(other.turns.take(heard.inbound))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not second.done()
        assert not third.done()
        gate.open()
        screens = [await first, await second, phone.show(heard, await third)]
        assert len({screen.raw for screen in screens}) == 1
        assert "code" in screens[0].text
        assert gated[0].calls.count("request_order") == 1
        assert len(stage.entries) == 1
        await other.close()


def other_process(stage: Stage) -> Kasapay:
    """A second process on the same store, as PostgreSQL allows: no lock is shared, only the rows are."""
    return Kasapay(
        stage.settings, stage.store, clock=stage.clock, ids=stage.ids, timeouts=stage.times, tryit=None
    )


async def test_the_same_request_at_two_processes_is_one_payment(stage: Stage) -> None:
    phone, other = Phone(stage, EFUA, "hubtel"), other_process(stage)

    async def both(phone: Phone, request: WireRequest) -> Screen:
        heard = phone.read(request)
        assert isinstance(heard, Heard)
        answers = await asyncio.gather(
            stage.kasapay.turns.take(heard.inbound), other.turns.take(heard.inbound)
        )
        screens = [phone.show(heard, answer) for answer in answers]
        assert screens[0].raw == screens[1].raw
        phone.screen = screens[0]
        return screens[0]

    await Robot(stage, phone, "1002", deliver=both).pay()
    assert len(await stage.orders()) == 1
    assert len(stage.entries) == 1
    await other.close()


# ---- many at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", MERCHANTS)
async def test_two_hundred_customers_at_once_get_their_own_answers(
    tmp_path: Path, template: Path, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider answers nobody until everyone has asked."""
    patient = msgspec.structs.replace(TIMES, look_up_s=60.0, call_s=120.0)
    async with open_stage(tmp_path, template, serve=False, times=patient) as stage:
        phones = [Phone(stage, f"+2332455{n:05d}", GATEWAYS[n % 2]) for n in range(200)]
        await Phone(stage, EFUA).dial()
        await stage.kasapay.calls.holder("momo-ghana", EFUA, 3.0, named=False)  # a token is there
        # What the provider is asked first: whose number pays, or for the payment.
        step, said = {"momo": ("pay/amount", "5"), "startbutton": ("pay/confirm", "1")}[provider]
        await asyncio.gather(*(arrive(stage, phone, MERCHANTS[provider], step) for phone in phones))
        gate = Gate()
        monkeypatch.setattr(bot.sandbox.app, "nap", gate)
        stage.faults(latency_ms=60_000)
        answers = [asyncio.create_task(phone.answer(said)) for phone in phones]
        await gate.until(200)
        gate.open()
        stage.faults()
        for phone, screen in zip(phones, await asyncio.gather(*answers), strict=True):
            assert show_local(phone.msisdn, "GH") in screen.text
        if provider == "momo":
            await asyncio.gather(*(phone.answer("1") for phone in phones))
        orders = await stage.orders()
        assert len(orders) == 200
        assert {order.payer for order in orders} == {phone.msisdn for phone in phones}
        for order in orders:
            assert order.origin_value == order.payer
        if provider == "momo":
            shown = {phone.msisdn: phone.screen.text for phone in phones}
            assert all(order.code in shown[order.payer] for order in orders)
        await stage.settle()
        assert len(stage.entries) == 200
        await stage.judge()


async def arrive(stage: Stage, phone: Phone, merchant: str, step: str) -> None:
    """By the merchant's code, and an amount, on to the step. A dial with both would end at the confirm."""
    await phone.dial(merchant)
    while (at := (await asked(stage, "msisdn", phone.msisdn))[0]) != step:
        await phone.answer("5" if at == "pay/amount" else "1")


async def test_one_conversation_of_a_person_is_active(stage: Stage) -> None:
    chat = await linked(stage)
    phones = [Phone(stage, EFUA, gateway) for gateway in GATEWAYS]
    for _ in range(2):
        await asyncio.gather(*(phone.dial() for phone in phones), chat.says("hello"))
        assert len(await active(stage)) == 1


async def test_a_turn_that_lost_its_conversation_is_decided_anew(tmp_path: Path, template: Path) -> None:
    """Both channels read the same version; the slower one finds itself elsewhere, and nothing is lost."""
    held, armed = Gate(), [False]

    class Slow:
        def __init__(self, inner: Store) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        async def commit(self, changes: Any) -> None:
            if armed[0]:
                armed[0] = False
                await held()
            await self._inner.commit(changes)

    async with open_stage(tmp_path, template, serve=False, wrap_store=Slow) as stage:
        chat = await linked(stage)
        phone = Phone(stage, EFUA)
        await Robot(stage, phone, "1001").pay(until="pay/amount")
        armed[0] = True
        typed = asyncio.create_task(phone.answer("5"))
        await held.until(1)
        await chat.says("hello")
        held.open()
        assert "in another session or chat" in (await typed).text
        await chat.says("1")
        assert (await asked(stage, "web", chat.value))[0] == "pay/amount"
        assert len(await active(stage)) == 1


async def test_two_channels_at_once_pay_once(stage: Stage) -> None:
    """Yes on the phone while the chat takes the conversation over: whoever wins, one order at most."""
    chat = await linked(stage)
    for _ in range(3):
        phone = Phone(stage, EFUA)
        await Robot(stage, phone, "1001", amount="7").pay(until="pay/confirm")
        before = len(await stage.orders())
        screen, _ = await asyncio.gather(phone.answer("1"), chat.says("hello"))
        after = len(await stage.orders())
        assert after - before == (0 if "in another session or chat" in screen.text else 1)
        await chat.says("/start")
        await chat.says("2")
        await stage.settle()
        for prompt in stage.sandbox.sandbox.world.prompts_of(EFUA.lstrip("+")):
            assert prompt.prompt is not None
            decide(stage, EFUA, "approve")
        await stage.pass_time(30)
        await stage.judge()


# ---- a process that dies inside a turn ----------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
async def test_a_turn_cut_off_at_its_call_is_taken_over_after_its_lease(
    tmp_path: Path, template: Path, after: bool
) -> None:
    async with open_cut_off(tmp_path, template, after=after) as (stage, phone, order):
        assert order.state is OrderState.PENDING
        # Another process would not touch it before its lease is over ...
        waiting = asyncio.create_task(phone.repeat())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()
        # ... and then takes it over.
        stage.clock.ms += 61_000
        screen = await waiting
        again = await stage.order()
        assert (again.id, again.reference) == (order.id, order.reference)
        assert not screen.is_open
        assert order.code in screen.text
        assert "check" in screen.text  # nobody knows whether a prompt will ever show
        assert (await phone.repeat()).raw == screen.raw
        await stage.pass_time(2 * 3600)
        assert len(stage.entries) == (1 if after else 0)
        assert len(await stage.orders()) == 1
        assert any(order.code in text for text in stage.results(EFUA))
        await stage.judge()


async def test_a_code_cut_off_at_its_call_is_not_asked_for_again(tmp_path: Path, template: Path) -> None:
    plan = Break(2, after=True)
    async with open_stage(
        tmp_path, template, serve=False, wrap_sender=lambda sender: BreakingSender(sender, plan)
    ) as stage:
        phone = Phone(stage, EFUA)
        await Robot(stage, phone, "1002").pay(until="pay/otp")
        otp = stage.otp(EFUA)
        with pytest.raises(Killed):
            await phone.answer(otp)
        await stage.restart()
        screen = await phone.repeat()
        order = await stage.order()
        assert order.code in screen.text
        assert not screen.is_open
        await stage.pass_time(120)
        assert (await stage.order()).state is OrderState.SUCCESSFUL
        assert (await stage.order()).otp_tries == 1
        assert not stage.holds(otp)


# ---- sessions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [lambda text: "9*9*9", lambda text: f"{text[:-1]}9*5"], ids=["other", "tail"]
)
async def test_a_text_that_does_not_grow_from_ours_shows_where_we_are(
    stage: Stage, change: Callable[[str], str]
) -> None:
    """Also where it is as long as ours and has an answer more behind it."""
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/amount")
    before = phone.screen.text
    line = phone.line
    line.fields["text"] = change(line.fields["text"])
    screen = await phone.send(arrived(line.encode(line.fields)))
    assert screen.text == before
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
    await phone.answer("5")  # grown by an answer, from what we know now
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"


async def test_a_star_inside_an_answer_belongs_to_it(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay(until="pay/amount")
    screen = await phone.answer("5*1*1")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
    assert screen.is_open
    assert not await stage.orders()


async def test_a_reused_id_with_an_explicit_new_is_another_session(stage: Stage) -> None:
    phone = Phone(stage, EFUA, "hubtel")
    await phone.dial("1001", session="0240000001")
    await phone.answer("5")
    stage.clock.ms += 10_000
    await phone.dial(session="0240000001")
    generations = stage.rows("SELECT generation FROM sessions ORDER BY generation")
    assert [row["generation"] for row in generations] == [1, 2]
    # The second generation's own turns are its own, although their numbers are the first's.
    assert (await phone.answer("2")).is_open
    assert (await asked(stage, "msisdn", EFUA))[0] == "menu"


async def test_a_new_within_two_seconds_is_the_first_repeated(stage: Stage) -> None:
    phone = Phone(stage, EFUA, "hubtel")
    first = await phone.dial()
    stage.clock.ms += 1900
    assert (await phone.repeat()).raw == first.raw
    stage.clock.ms += 200
    await phone.repeat()
    assert len(stage.rows("SELECT id FROM sessions")) == 2


async def test_one_id_of_two_numbers_is_two_sessions(stage: Stage) -> None:
    efua, kwame = Phone(stage, EFUA, "hubtel"), Phone(stage, KWAME, "hubtel")
    await efua.dial("1001", session="7")
    await kwame.dial("1002", session="7")
    await efua.answer("0")
    assert (await asked(stage, "msisdn", EFUA))[0] == "menu"
    assert (await asked(stage, "msisdn", KWAME))[0] == "pay/amount"


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_stray_input_after_the_end_is_the_last_screen_and_does_nothing(
    stage: Stage, gateway: str
) -> None:
    phone = Phone(stage, EFUA, gateway)
    last = await Robot(stage, phone, "1001").pay()
    stage.clock.ms += 5000
    stray = await phone.send(phone.answer_request("1"))
    assert (stray.text, stray.is_open) == (last.text, False)
    assert len(await stage.orders()) == 1
    # Long after, the id is free for another session.
    stage.clock.ms += 11 * 60_000
    assert (await phone.send(phone.answer_request("1"))).is_open
    assert len(await stage.orders()) == 1


@pytest.mark.parametrize("left", ["release", "timeout"])
async def test_hubtel_says_the_person_left(stage: Stage, left: str) -> None:
    phone = Phone(stage, EFUA, "hubtel")
    await Robot(stage, phone, "1001").pay(until="pay/amount")
    await (phone.drop() if left == "release" else phone.time_out())
    assert [row["open"] for row in stage.rows("SELECT open FROM sessions")] == [0]
    await phone.drop()  # said twice
    await phone.dial()
    assert (await asked(stage, "msisdn", EFUA))[0] == "resume"


async def test_news_of_a_session_nobody_knows_is_no_fault(stage: Stage) -> None:
    for gateway in GATEWAYS:
        phone = Phone(stage, EFUA, gateway)
        phone.dial_request()
        await phone.drop()
    assert stage.rows("SELECT id FROM sessions") == []


async def test_input_after_the_session_was_left_is_not_taken(stage: Stage) -> None:
    phone = Phone(stage, EFUA, "hubtel")
    await Robot(stage, phone, "1001").pay(until="pay/confirm")
    request = phone.answer_request("1")
    await phone.drop()
    screen = await phone.send(request)
    assert not screen.is_open
    assert not await stage.orders()


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("left", ["drop", "time_out"])
async def test_an_answer_behind_the_end_shows_no_question(
    stage: Stage, gateway: str, language: str, left: str
) -> None:
    """The gateway's news of the end may overtake the answer: nobody could answer a question in an END."""
    phone = Phone(stage, EFUA, gateway)
    await Robot(stage, phone, "1001").pay(until="pay/confirm")
    stage.change("UPDATE people SET language = ?", language)
    question = phone.screen.text
    request = phone.answer_request("1")
    await getattr(phone, left)()
    screen = await phone.send(request)
    assert not screen.is_open
    assert not set(screen.text.splitlines()) & set(question.splitlines())
    said = {
        "en": "This session is over. Dial *920*10#",
        "fr": "Cette session est terminée. Composez *920*10#",
    }
    assert screen.text.startswith(said[language])
    assert not await stage.orders()


async def test_late_news_of_an_end_leaves_the_next_session_open(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay()
    ended = phone.session, phone.line.fields["text"]
    stage.clock.ms += 5000
    await phone.dial(session=ended[0])
    await phone.answer("1")
    await stage.kasapay.turns.left("africastalking", f"ATUid_{ended[0]}", EFUA, "success", ended[1])
    await stage.kasapay.turns.left("africastalking", f"ATUid_{ended[0]}", EFUA, "incomplete", ended[1])
    assert (await phone.answer("2")).is_open


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_an_answer_after_ten_silent_minutes_is_not_taken(stage: Stage, gateway: str) -> None:
    phone = Phone(stage, EFUA, gateway)
    asked_last = await Robot(stage, phone, "1001").pay(until="pay/confirm")
    stage.clock.ms += 600_001
    again = await phone.answer("1")
    assert again == asked_last
    assert (await phone.repeat()).raw == again.raw
    assert not await stage.orders()
    # The question is answered anew; the answer that was ignored is no part of this one.
    assert "Ref" in (await phone.answer("1")).text
    assert len(await stage.orders()) == 1


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("after_s", [3, 300, 601])
async def test_an_id_that_comes_again_is_a_session_of_its_own(
    stage: Stage, gateway: str, after_s: int
) -> None:
    """Every payment in it has its own reference, and no screen of the session before is shown."""
    phone = Phone(stage, EFUA, gateway)
    await phone.dial("1001", "5", session="7")
    await phone.answer("1")
    ended = [phone.screen.text]
    for _ in range(2):
        stage.clock.ms += after_s * 1000
        await phone.dial(session="7")
        for answer in ("1", "2", "1001", "5", "1"):
            assert phone.screen.is_open, phone.screen.text
            assert "Ref" not in phone.screen.text or "Pay GHS" in phone.screen.text
            await phone.answer(answer)
        assert not phone.screen.is_open
        ended.append(phone.screen.text)
    assert len(set(ended)) == 3
    for order, text in zip(sorted(await stage.orders(), key=lambda o: o.created_ms), ended, strict=True):
        assert order.code in text


async def test_who_was_sent_away_is_asked_again_at_the_next_dial_with_the_same_id(stage: Stage) -> None:
    """The turn came to its question after its person had been told to dial again."""
    phone = Phone(stage, EFUA)
    await phone.dial("1001", session="7")
    request = phone.answer_request("5")
    heard = phone.read(request)
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    said = turns.timeout_words("", timeout_reply)
    await turns.take(heard.inbound, timeout_reply=timeout_reply)
    assert (await phone.send(request)).text == said
    stage.clock.ms += 3000
    assert (await phone.dial(session="7")).text.startswith("You had not finished: Pay.")
    await phone.answer("1")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"


async def test_words_said_while_the_answer_is_kept_close_the_session_too(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await phone.dial("1001")
    heard = phone.read(phone.answer_request("5"))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    kept = stage.kasapay.store.commit

    async def meanwhile(changes: Any) -> None:
        await kept(changes)
        turns.timeout_words("", timeout_reply)

    turns._commits._store = SimpleNamespace(commit=meanwhile)  # type: ignore[assignment]
    await turns.take(heard.inbound, timeout_reply=timeout_reply)
    assert [row["open"] for row in stage.rows("SELECT open FROM sessions")] == [0]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_dial_string_means_the_same_to_new_and_returning_customers(
    stage: Stage, gateway: str
) -> None:
    stage.change("UPDATE merchants SET code = '12' WHERE code = '1003'")
    phone = Phone(stage, EFUA, gateway)

    async def stops_at(*args: str) -> str:
        stage.clock.ms += 5000
        assert (await phone.dial(*args)).is_open
        return (await asked(stage, "msisdn", EFUA))[0]

    for customer in ("new", "returning"):
        for args in (
            ("1", "1001", "5"),
            ("1001", "5"),
            ("1", "1001", "5", "1"),
            ("1", "1001", "5", "1", "1"),
        ):
            assert await stops_at(*args) == "pay/confirm"
        # Shorter than any code: not the merchant paid last, and not one whose code it once was.
        for args in (("1", "1", "5"), ("1", "2", "5"), ("1", "12", "5"), ("1", "9999", "1001", "5")):
            assert await stops_at(*args) == "pay/merchant"
        assert await stops_at("1001") == "pay/amount"
        # The wallet and the network are answers to the confirmation, which is never dialled.
        assert await stops_at("1001", "5", "12") == "pay/confirm"
        assert await stops_at("1001", "5", "3") == "pay/confirm"
        assert await stops_at("1002", "5") == ("pay/confirm" if gateway == "hubtel" else "pay/network")
        assert await stops_at("1001", "5") == "pay/confirm"
        assert len(await stage.orders()) == (customer == "returning")
        # The wallet was not asked for: 3 asks for it.
        await phone.answer("3")
        assert (await asked(stage, "msisdn", EFUA))[0] == "pay/payer"
        await phone.answer("1")
        await phone.answer("1")
        await stage.settle()
        decide(stage, EFUA, "approve")
        await stage.pass_time(40)
    assert len(await stage.orders()) == 2
    assert await stops_at("1") == "pay/merchant"


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_deep_dial_never_confirms(stage: Stage, gateway: str) -> None:
    phone = Phone(stage, EFUA, gateway)
    for args in (("1001", "5", "1", "1"), ("1001", "5", "1", "1", "1", "1"), ("1", "1001", "5", "1", "1")):
        screen = await phone.dial(*args)
        assert screen.is_open
        assert (await asked(stage, "msisdn", EFUA))[0] in ("pay/confirm", "pay/merchant", "pay/amount")
    screen = await phone.dial("1002", "5", "1", "1", "1", "123456")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/confirm"
    assert not await stage.orders()


async def test_hubtel_without_sequence_numbers_is_served(stage: Stage) -> None:
    """The field may be missing. Then the count of turns and the moment tell a repeat."""
    phone = Phone(stage, EFUA, "hubtel")

    async def unnumbered(phone: Phone, request: WireRequest) -> Screen:
        bare = _unnumbered(request)
        first = await phone.send(bare)
        stage.clock.ms += 500
        assert (await phone.send(bare)).raw == first.raw
        return first

    await Robot(stage, phone, "1002", deliver=unnumbered).pay()
    assert (await stage.order()).state is OrderState.PENDING
    assert len(stage.entries) == 1
    assert not stage.rows("SELECT 1 FROM turns WHERE state = 'running'")


# ---- to whom what is shown ----------------------------------------------------------------------


async def efuas_order(stage: Stage, merchant: str = "1001") -> OrderRow:
    await Robot(stage, Phone(stage, EFUA), merchant).pay(until="pay/otp")
    await stage.settle()
    return await stage.order()


async def test_a_payers_number_shows_nothing_of_who_pays_with_it(stage: Stage) -> None:
    """Efua pays from Kwame's wallet: the order is hers, and he does not see it."""
    efua, kwame = Phone(stage, EFUA), Phone(stage, KWAME)
    await efua.dial("1001", "5")
    for said in ("3", show_local(KWAME, "GH"), "1"):
        await efua.answer(said)
    assert (await stage.order()).payer == KWAME
    await stage.settle()
    await kwame.dial()
    assert "no payments" in (await kwame.answer("2")).text


async def test_a_foreign_order_in_the_journal_is_not_found(stage: Stage) -> None:
    order = await efuas_order(stage)
    kwame = Phone(stage, KWAME)
    await Robot(stage, kwame, "1001").pay()
    await kwame.dial()
    await kwame.answer("2")
    mine = next(o for o in await stage.orders() if o.payer == KWAME)
    stage.change("UPDATE conversations SET journal = replace(journal, ?, ?)", mine.id, order.id)
    screen = await kwame.answer("1")
    assert order.code not in screen.text


async def test_an_unverified_chat_sees_no_name_and_no_number_of_its_own(stage: Stage) -> None:
    chat = WebChat(stage)
    for said in ("hello", "1", "1001", "5", show_local(EFUA, "GH")):
        await chat.says(said)
    await stage.settle()
    texts = [shown.text for shown in await chat.look()]
    assert not any("Efua" in text for text in texts)
    assert (await asked(stage, "web", chat.value))[0] == "pay/confirm"
    journal = (await active(stage))[0]["journal"]
    assert "Efua" not in journal


async def test_a_button_of_another_conversation_answers_nothing(stage: Stage) -> None:
    chat = WebChat(stage)
    for said in ("hello", "1", "1001", "5", show_local(EFUA, "GH")):
        await chat.says(said)
    row = (await active(stage))[0]
    for conversation, serial in (("00000000", row["serial"]), (row["id"][:8], row["serial"] - 1)):
        await chat._take(Pressed(conversation, serial, "#0"))
    assert not await stage.orders()
    await chat._take(Pressed(row["id"][:8], (await active(stage))[0]["serial"], "#0"))
    assert len(await stage.orders()) == 1


async def test_a_long_silent_number_is_somebody_new(stage: Stage) -> None:
    """Numbers are handed on: after half a year of silence nothing of the earlier owner is left to see."""
    chat = await linked(stage, STAFF)
    await stage.pass_time(1)
    stage.clock.ms += 181 * 24 * 3600_000
    phone = Phone(stage, STAFF)
    screen = await phone.dial()
    assert "balance" not in screen.text.lower()
    people = stage.rows("SELECT person_id, ended_ms FROM addresses WHERE kind = 'msisdn' ORDER BY created_ms")
    assert len({row["person_id"] for row in people}) == 2
    assert people[0]["ended_ms"] is not None
    assert chat.value


# ---- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_codes_and_pins_stand_nowhere_on_the_disk(stage: Stage, gateway: str) -> None:
    efua = Phone(stage, EFUA, gateway)
    await Robot(stage, efua, "1002").pay(until="pay/otp")
    await efua.answer("918273")
    otp = stage.otp(EFUA)
    await efua.answer(otp)
    ama = Phone(stage, STAFF, gateway)
    await ama.dial()
    for said in ("5", "2", "7391", STAFF_PIN):
        await ama.answer(said)
    assert "1,000.00" in ama.screen.text
    kwame = Phone(stage, KWAME, gateway)
    code = await stage.staff_code("1001")
    await kwame.dial()
    for said in ("4", "8", code, "864213", "864213"):
        await kwame.answer(said)
    await stage.settle()
    for secret in (otp, "918273", "7391", STAFF_PIN, "864213"):
        assert not stage.holds(secret), "a secret stands on the disk"
    assert stage.holds(EFUA), "the search finds what is there"
    journals = " ".join(row["journal"] for row in stage.rows("SELECT journal FROM conversations"))
    assert otp not in journals


async def test_a_code_typed_where_it_is_not_asked_for_is_handed_over_and_not_kept(stage: Stage) -> None:
    """The linked chat is in the middle of something else; the code is still a code."""
    chat = await linked(stage)
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1002").pay(until="pay/otp")
    await phone.drop()
    for said in ("/start", "menu", "1"):
        await chat.says(said)
    assert (await asked(stage, "web", chat.value))[0] == "pay/merchant"
    otp = stage.otp(EFUA)
    await chat.says(otp)
    await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    assert not stage.holds(otp)


async def test_a_link_code_is_not_taken_for_a_providers_code(stage: Stage) -> None:
    """Eight digits were asked for and are typed: that a payment waits for its code changes nothing."""
    chat, phone = WebChat(stage), Phone(stage, KWAME)
    for said in ("hello", "1", "1002", "5", show_local(EFUA, "GH"), "1", "1"):
        await chat.says(said)
    assert (await stage.order()).state is OrderState.NEEDS_OTP
    await phone.dial()
    for said in ("4", "5"):
        await phone.answer(said)
    for said in ("menu", "4", "5"):
        await chat.says(said)
    await chat.says(stage.ids.drawn[-1])  # too early
    await chat.says(show_local(KWAME, "GH"))
    await chat.says(stage.ids.drawn[-1])
    await stage.settle()
    assert "Linked" in (await chat.look())[-1].text
    assert (await stage.order()).otp_tries == 0


async def hides(stage: Stage, value: str, text: str) -> bool:
    """Whether a turn with these words has them taken out of the chat."""
    hidden: list[str] = []

    async def hide() -> None:
        hidden.append(text)

    said = Inbound("web", Address("web", value), Typed(text), "")
    await stage.kasapay.turns.take(said, hide=hide)
    return bool(hidden)


async def test_what_a_chat_says_is_deleted_only_where_it_was_asked_for_a_secret(stage: Stage) -> None:
    """A PIN asked for on the phone is no reason to delete what the person says in a chat."""
    chat = await linked(stage, STAFF)
    ama = Phone(stage, STAFF)
    await ama.dial()
    await ama.answer("5")
    await ama.answer("2")
    assert not await hides(stage, chat.value, "hello")
    await ama.drop()
    phone, other = Phone(stage, EFUA), await linked(stage, EFUA, "cd" * 16)
    await Robot(stage, phone, "1002").pay(until="pay/otp")
    assert not await hides(stage, other.value, "hello")
    assert await hides(stage, other.value, "hello"), "it is asked for the code now"
    assert await hides(stage, other.value, "123456")


# ---- what can go wrong in the code --------------------------------------------------------------


async def broken_at_the_answer(talk: Any) -> Any:
    await talk.choose("menu", [Choice("pay", Text("menu.pay")), Choice("check", Text("menu.check"))])
    raise RuntimeError("a mistake of ours")


async def test_a_flow_that_raises_ends_with_words_for_the_person(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "FLOWS", {"main": broken_at_the_answer, "otp": broken_at_the_answer})
    await stage.restart()
    phone = Phone(stage, EFUA)
    await phone.dial()
    screen = await phone.answer("1")
    assert not screen.is_open
    assert "We had a fault." in screen.text
    assert (await phone.repeat()).raw == screen.raw
    assert await active(stage) == []


async def test_a_turn_nobody_can_win_says_so(tmp_path: Path, template: Path) -> None:
    class Losing:
        def __init__(self, inner: Store) -> None:
            self._inner, self.tries = inner, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        async def commit(self, changes: Any) -> None:
            self.tries += 1
            raise Conflict("conversation")

    async with open_stage(tmp_path, template, serve=False, wrap_store=Losing) as stage:
        with pytest.raises(Conflict):
            await Phone(stage, EFUA).dial()
        assert 1 < stage.store.tries < 20  # type: ignore[attr-defined]


async def test_who_was_sent_away_has_begun_nothing(stage: Stage) -> None:
    """The gateway gave up waiting before the turn came to it; so did a copy of the same delivery."""
    phone = Phone(stage, EFUA)
    await phone.dial("1001", "5")
    request = phone.answer_request("1")
    heard = phone.read(request)
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    said = turns.timeout_words("", timeout_reply)
    assert "see My payments before you pay again" in said
    late = await turns.take(heard.inbound, timeout_reply=timeout_reply)
    assert (late.text, late.keep_open) == (said, False)
    assert (await phone.send(request)).text == said
    assert await stage.orders() == ()
    # The question waits, unanswered.
    await phone.dial()
    assert (await phone.answer("1")).text.startswith("Pay GHS 5.00")
    assert "Ref" in (await phone.answer("1")).text
    assert len(await stage.orders()) == 1


async def test_what_may_have_begun_is_not_said_to_be_nothing(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await phone.dial("1001", "5")
    heard = phone.read(phone.answer_request("1"))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    kept = stage.kasapay.store.commit

    async def lost(changes: Any) -> None:
        await kept(changes)
        raise StoreUnavailable("nobody can know")

    turns._commits._store = SimpleNamespace(commit=lost)  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable):
        await turns.take(heard.inbound, timeout_reply=timeout_reply)
    said = turns.timeout_words("", timeout_reply)
    assert said.startswith("We do not know yet if GHS 5.00 to Ama's Kitchen started or was taken.")
    assert fits(said, 160, 70)


async def test_timeout_words_have_the_letters_that_phones_have(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    stage.change("UPDATE merchants SET name = 'የአማ ወጥ ቤት' WHERE code = '1001'")
    await phone.dial("1001", "5")
    heard = phone.read(phone.answer_request("1"))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    await turns.take(heard.inbound, timeout_reply=timeout_reply)
    said = turns.timeout_words("fr", timeout_reply)
    assert "1001" in said
    assert fits(said, 160, 70)
    assert fold(said) == said


@pytest.mark.parametrize(("language", "begins"), [("en", "Do not pay again"), ("fr", "Ne payez pas")])
async def test_timeout_words_are_one_screen_in_their_persons_language(
    stage: Stage, language: str, begins: str
) -> None:
    """However long the merchant's name: the reference stays, since it is all that is known of the payment."""
    phone = Phone(stage, EFUA, "hubtel")
    stage.change(
        "UPDATE merchants SET name = ? WHERE code = '1002'", "Restaurant Chez Maman Ana et ses Filles."
    )
    await phone.dial("1002", "5")
    stage.change("UPDATE people SET language = ?", language)
    heard = phone.read(phone.answer_request("1"))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    await turns.take(heard.inbound, timeout_reply=timeout_reply)
    said = turns.timeout_words("", timeout_reply)
    assert begins in said
    assert (await stage.order()).code in said
    assert fits(said, 160, 70)
    assert turns.timeout_words("", timeout_reply) == said


async def test_what_was_begun_is_said_to_be_under_way(stage: Stage) -> None:
    """The turn calls the provider, and the gateway does not wait for it."""
    phone = Phone(stage, EFUA, "hubtel")
    await phone.dial("1002", "5")
    heard = phone.read(phone.answer_request("1"))
    assert isinstance(heard, Heard)
    turns = stage.kasapay.turns
    timeout_reply = TimeoutReply()
    await turns.take(heard.inbound, timeout_reply=timeout_reply)
    order = await stage.order()
    said = turns.timeout_words("", timeout_reply)
    assert said.startswith("GHS 5.00 to Kofi Books is under way. We do not know yet if it is paid.")
    assert said.endswith(f"Ref {order.code}")


async def test_a_result_nobody_could_bring_stands_on_the_screen_until_it_was_seen(stage: Stage) -> None:
    phone = Phone(stage, EFUA)
    await phone.dial("1001", "5")
    await phone.answer("1")
    stage.faults(sms_code=403)
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(40)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    told = "Paid: GHS 5.00 to Ama's Kitchen."
    # A screen may come too late to be seen: it counts only once it was answered.
    assert (await phone.dial()).text.startswith(told)
    assert (await phone.dial()).text.startswith(told)
    assert not (await phone.answer("4")).text.startswith(told)
    assert not (await phone.answer("00")).text.startswith(told)
    assert not (await phone.dial()).text.startswith(told)
    (row,) = stage.rows("SELECT state FROM messages WHERE kind = 'result'")
    assert row["state"] == "sent"


async def test_timeout_words_need_no_store(stage: Stage) -> None:
    words = stage.kasapay.turns.timeout_words("fr-CI")
    assert words
    assert words != stage.kasapay.turns.timeout_words()


async def test_a_language_is_guessed_once_and_then_chosen(stage: Stage) -> None:
    inbound = Inbound(
        "web", Address("web", "w" * 32), Typed("bonjour"), "1", verified=False, language="fr-CI"
    )
    await stage.kasapay.turns.take(inbound)
    found = await stage.store.load_turn(TurnQuery("web", "w" * 32))
    assert found.person is not None
    assert found.person.language == "fr"
    # A chat is taken at its word; one that says nothing we speak is asked.
    assert found.person.language_chosen
    other = msgspec.structs.replace(inbound, address=Address("web", "v" * 32), language="de-AT")
    await stage.kasapay.turns.take(other)
    found = await stage.store.load_turn(TurnQuery("web", "v" * 32))
    assert found.person is not None
    assert (found.person.language, found.person.language_chosen) == ("en", False)


# ---- help ----------------------------------------------------------------------------------------


def test_help_names_whom_to_ask_where_the_operator_said_so() -> None:
    config = TurnsConfig("GH", "en", ("en", "fr"), "*920*10#", help_contact="0302 123 456")
    contact = Text("help.contact", {"contact": "0302 123 456"})
    assert config.help(keypad=True) == Text("help.phone", {"whom": contact})
    assert config.help(keypad=False) == Text("help.chat", {"whom": contact})
    nobody = msgspec.structs.replace(config, help_contact="")
    assert nobody.help(keypad=True) == Text("help.phone", {"whom": Text("help.merchant")})
