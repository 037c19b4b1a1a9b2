"""Both ways in: an update is acknowledged only when it is kept, and kept once."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.channels.base import RetryLater
from bot.channels.telegram import (
    ALLOWED_UPDATES,
    SECRET_HEADER,
    WEBHOOK_PATH,
    Bad,
    TelegramChannel,
    UpdateAccepted,
    accept_webhook,
    check_secret,
    poll,
    set_up,
)
from tests.fake_telegram import (
    FakeTelegram,
    answer,
    bad_request,
    conflict,
    flood,
    garbled,
    hang,
    server_error,
    unauthorized,
)

SECRET = "a-secret_of_the_tests"


class Broken(Exception):
    pass


@dataclass
class Inbox:
    """Keeps each update once, as the store does; `failing` makes that many tries fail."""

    kept: list[tuple[int, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    repeats: int = 0
    failing: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, update_id: int, chat: str, raw: bytes) -> bool:
        if self.failing:
            self.failing -= 1
            raise Broken
        fresh = (update_id, chat) not in self.kept
        if fresh:
            self.kept.append((update_id, chat))
            self.bodies.append(raw)
        else:
            self.repeats += 1
        async with self.changed:
            self.changed.notify_all()
        return fresh

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(holds)


@dataclass
class Pauses:
    """Stands in for sleeping: notes how long, and yields."""

    taken: list[float] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        async with self.changed:
            self.changed.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.taken) >= count)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Polling:
    inbox: Inbox
    pauses: Pauses
    clock: Clock
    start: Callable[[], asyncio.Task[None]]
    told: list[str]


@pytest.fixture
async def polling(channel: TelegramChannel) -> AsyncIterator[Polling]:
    inbox, pauses, clock = Inbox(), Pauses(), Clock()
    tasks: list[asyncio.Task[None]] = []
    told: list[str] = []

    def start() -> asyncio.Task[None]:
        tasks.append(
            asyncio.create_task(
                poll(channel.bot, inbox.receive, sleep=pauses, monotonic=clock, wait_s=20, told=told.append)
            )
        )
        return tasks[-1]

    yield Polling(inbox, pauses, clock, start, told)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ---- the webhook


async def serve(
    fake: FakeTelegram, channel: TelegramChannel, inbox: Inbox
) -> tuple[web.AppRunner, Callable[[], Awaitable[None]]]:
    async def handle(request: web.Request) -> web.Response:
        if not check_secret(request.headers, SECRET):
            return web.Response(status=403)
        try:
            outcome = await accept_webhook(await request.read(), inbox.receive)
        except Broken:
            return web.Response(status=503)
        return web.Response(status=200 if isinstance(outcome, UpdateAccepted) else 400)

    app = web.Application()
    app.router.add_post(WEBHOOK_PATH, handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    await set_up(channel.bot, "webhook", public_url=f"http://{host}:{port}/", secret=SECRET)
    return runner, runner.cleanup


@pytest.fixture
async def hook(fake: FakeTelegram, channel: TelegramChannel) -> AsyncIterator[Inbox]:
    inbox = Inbox()
    _, stop = await serve(fake, channel, inbox)
    yield inbox
    await stop()


async def test_the_webhook_keeps_what_comes_and_says_so(fake: FakeTelegram, hook: Inbox) -> None:
    ama, kofi = fake.person("Ama <3"), fake.person("Kofi")
    first = await ama.says("hi")
    second = await kofi.says("ho")
    assert hook.kept == [(first, str(ama.id)), (second, str(kofi.id))]
    assert json.loads(hook.bodies[0])["message"]["text"] == "hi"
    assert [delivery.status for delivery in fake.deliveries] == [200, 200]


async def test_an_update_delivered_twice_is_kept_once(fake: FakeTelegram, hook: Inbox) -> None:
    fake.duplicates = 2
    update_id = await fake.person().says("hi")
    assert [kept[0] for kept in hook.kept] == [update_id]
    assert hook.repeats == 2
    assert [delivery.status for delivery in fake.deliveries] == [200] * 3


async def test_an_update_that_could_not_be_kept_comes_again(fake: FakeTelegram, hook: Inbox) -> None:
    hook.failing = 1
    await fake.person().says("hi")
    assert [delivery.status for delivery in fake.deliveries] == [503, 200]
    assert len(hook.kept) == 1


async def test_a_wrong_secret_keeps_nothing(fake: FakeTelegram, hook: Inbox) -> None:
    fake.methods.webhook_secret = "another"
    await fake.person().says("hi")
    assert {delivery.status for delivery in fake.deliveries} == {403}
    assert hook.kept == []


async def test_only_the_kinds_we_asked_for_come(fake: FakeTelegram, hook: Inbox) -> None:
    ama = fake.person()
    await ama.says("hi")
    await ama.edits(ama.chat.messages[-1].message_id, "ho")
    await ama.blocks()
    assert len(hook.kept) == 2


async def test_rubbish_is_bad_and_the_unknown_is_kept() -> None:
    inbox = Inbox()
    for raw in (b"", b"{", b"[]", b"\xff", b'{"update_id":"1"}'):
        assert isinstance(await accept_webhook(raw, inbox.receive), Bad)
    assert await accept_webhook(b'{"update_id":5,"new":{}}', inbox.receive) == UpdateAccepted(5, True)
    assert await accept_webhook(b'{"update_id":5,"new":{}}', inbox.receive) == UpdateAccepted(5, False)
    assert inbox.kept == [(5, "")]


def test_the_secret_is_compared_whatever_the_headers_case() -> None:
    assert check_secret({SECRET_HEADER: SECRET}, SECRET)
    assert check_secret({SECRET_HEADER.lower(): SECRET}, SECRET)
    for headers in ({}, {SECRET_HEADER: ""}, {SECRET_HEADER: SECRET + "x"}, {SECRET_HEADER: "é\udcff"}):
        assert not check_secret(headers, SECRET)
    assert not check_secret({}, "")
    assert not check_secret({SECRET_HEADER: ""}, "")


# ---- setting up


async def test_setting_up_a_webhook(fake: FakeTelegram, channel: TelegramChannel) -> None:
    await set_up(channel.bot, "webhook", public_url="https://pay.example.com/", secret=SECRET)
    assert fake.webhook == ("https://pay.example.com/telegram/webhook", SECRET)
    assert fake.methods.allowed_updates == list(ALLOWED_UPDATES)
    (call,) = fake.calls_of("setWebhook")
    assert call["drop_pending_updates"] == "false"


async def test_setting_up_polling_removes_the_webhook(fake: FakeTelegram, channel: TelegramChannel) -> None:
    await set_up(channel.bot, "webhook", public_url="https://pay.example.com", secret=SECRET)
    await set_up(channel.bot, "polling")
    assert fake.webhook == ("", "")


async def test_each_language_has_its_commands_and_everybody_else_the_first(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    english = (("/start", "Begin"), ("pay", "Pay a merchant"))
    french = (("start", "Commencer"), ("pay", "Payer"))
    await set_up(channel.bot, "polling", commands=[("en", english), ("fr-CA", french)])
    assert fake.commands["en"] == fake.commands[""] == [("start", "Begin"), ("pay", "Pay a merchant")]
    assert fake.commands["fr"] == [("start", "Commencer"), ("pay", "Payer")]
    await set_up(channel.bot, "polling", commands=[("en", english), ("", french)])
    assert fake.commands[""][0] == ("start", "Commencer")


async def test_refused_commands_do_not_stop_the_bot(fake: FakeTelegram, channel: TelegramChannel) -> None:
    with capture_logs() as logs:
        await set_up(channel.bot, "polling", commands=[("en", [("Bad Name", "x")])])
    assert {line["event"] for line in logs} == {"telegram_commands_refused"}


async def test_settings_that_cannot_work_are_named(fake: FakeTelegram, channel: TelegramChannel) -> None:
    for mode, url, secret in (
        ("webhook", "https://x", ""),
        ("webhook", "https://x", "with space"),
        ("webhook", "", SECRET),
        ("smoke signals", "", ""),
    ):
        with pytest.raises(ValueError):
            await set_up(channel.bot, mode, public_url=url, secret=secret)
    assert fake.calls == []
    fake.fail("setWebhook", server_error())
    with pytest.raises(RetryLater):
        await set_up(channel.bot, "webhook", public_url="https://x", secret=SECRET)


# ---- polling


async def test_polling_keeps_each_update_once_and_in_order(fake: FakeTelegram, polling: Polling) -> None:
    ama = fake.person("A & B")
    before = [await ama.says("one"), await ama.says("two")]
    polling.start()
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 2)
    after = await ama.says("three")
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 3)
    assert polling.inbox.kept == [(update_id, str(ama.id)) for update_id in [*before, after]]
    assert [json.loads(raw)["message"]["text"] for raw in polling.inbox.bodies] == ["one", "two", "three"]
    assert polling.inbox.repeats == 0
    assert polling.pauses.taken == []
    first = fake.calls_of("getUpdates")[0]
    assert first["timeout"] == "20"
    assert json.loads(first["allowed_updates"]) == list(ALLOWED_UPDATES)
    assert first["offset"] is None


async def test_polling_removes_a_webhook_left_over(
    fake: FakeTelegram, channel: TelegramChannel, polling: Polling
) -> None:
    await set_up(channel.bot, "webhook", public_url="http://127.0.0.1:9", secret=SECRET)
    polling.start()
    await fake.chats.until(lambda: fake.webhook == ("", ""), 10)
    await fake.person().says("hi")
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 1)


async def test_an_update_is_confirmed_only_when_it_is_kept(fake: FakeTelegram, polling: Polling) -> None:
    ama = fake.person()
    first, second = await ama.says("one"), await ama.says("two")
    polling.inbox.failing = 1
    with capture_logs() as logs:
        polling.start()
        await polling.inbox.until(lambda: len(polling.inbox.kept) == 2)
    assert [kept[0] for kept in polling.inbox.kept] == [first, second]
    assert polling.pauses.taken == [1.0]
    assert [line["event"] for line in logs] == ["telegram_poll_failed"]
    asked = fake.calls_of("getUpdates")
    assert [call["offset"] for call in asked[:2]] == [None, None]


async def test_updates_handed_out_again_are_repeats(fake: FakeTelegram, polling: Polling) -> None:
    fake.duplicates = 1
    await fake.person().says("hi")
    polling.start()
    await polling.inbox.until(lambda: polling.inbox.repeats == 1)
    assert len(polling.inbox.kept) == 1


async def test_ids_that_start_anew_below_the_last_are_followed(fake: FakeTelegram, polling: Polling) -> None:
    ama = fake.person()
    polling.start()
    await ama.says("before the quiet week")
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 1)
    fake.next_update_id = 1000
    await ama.says("after it")
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 2)
    await ama.says("and on")
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 3)
    assert [kept[0] for kept in polling.inbox.kept] == [900_000_001, 1000, 1001]
    assert "1001" in [call["offset"] for call in fake.calls_of("getUpdates")]


async def test_after_a_long_silence_the_offset_is_forgotten(fake: FakeTelegram, polling: Polling) -> None:
    """Ids may start anew below it by then, and everything before it has been confirmed."""
    fake.fail("getUpdates", answer([{"update_id": 900, "message": {}}]))
    quiet, next_one = fake.fail("getUpdates", hang(answer([]))), fake.fail("getUpdates", hang())
    polling.start()
    await quiet.reached.wait()
    polling.clock.now += 7 * 86_400
    quiet.release()
    await next_one.reached.wait()
    assert [call["offset"] for call in fake.calls_of("getUpdates")] == [None, "901", None]


@pytest.mark.parametrize(
    ("failure", "event", "level", "least_s"),
    [
        (conflict(), "telegram_poll_conflict", "error", 1),
        (unauthorized(), "telegram_token_refused", "error", 60),
        (flood(41), "telegram_poll_failed", "warning", 41),
        (server_error(), "telegram_poll_failed", "warning", 1),
        (garbled(b"not json"), "telegram_poll_failed", "warning", 1),
        (garbled(b'{"ok":true,"result":{}}'), "telegram_poll_failed", "warning", 1),
        (garbled(b'{"ok":true}'), "telegram_poll_failed", "warning", 1),
        (bad_request("no"), "telegram_poll_failed", "warning", 1),
    ],
    ids=["409", "401", "429", "502", "no json", "no list", "no result", "400"],
)
async def test_errors_are_named_and_polling_goes_on(
    fake: FakeTelegram, polling: Polling, failure: object, event: str, level: str, least_s: float
) -> None:
    # A garbled answer has its effect first: without news it would wait for the whole long poll.
    await fake.person().says("hi")
    fake.fail("getUpdates", failure)  # type: ignore[arg-type]
    with capture_logs() as logs:
        polling.start()
        await polling.inbox.until(lambda: len(polling.inbox.kept) == 1)
    assert [(line["event"], line["log_level"]) for line in logs] == [(event, level)]
    assert [pause >= least_s for pause in polling.pauses.taken] == [True]


async def test_pauses_grow_and_have_an_end(fake: FakeTelegram, polling: Polling) -> None:
    fake.fail("getUpdates", server_error(), times=8)
    polling.start()
    await polling.pauses.until(8)
    assert polling.pauses.taken[:8] == [1, 2, 4, 8, 16, 30, 30, 30]
    # A poll that breaks once or twice is no news.
    assert ["Bad Gateway" in problem for problem in polling.told] == [True] * 6
    await fake.person().says("hi")
    await polling.inbox.until(lambda: len(polling.inbox.kept) == 1)
    assert polling.told[6] == ""


async def test_a_conflict_removes_the_webhook_again(fake: FakeTelegram, polling: Polling) -> None:
    fake.fail("getUpdates", conflict())
    polling.start()
    await fake.called("deleteWebhook", 2)


async def test_a_server_that_does_not_wait_is_not_asked_without_end(
    fake: FakeTelegram, polling: Polling
) -> None:
    fake.fail("getUpdates", answer([]), times=3)
    polling.start()
    await polling.pauses.until(3)
    assert polling.pauses.taken == [0.3, 0.3, 0.3]


async def test_things_that_are_no_updates_do_not_stop_the_rest(fake: FakeTelegram, polling: Polling) -> None:
    fake.fail("getUpdates", answer(["x", {"update_id": None}, {"update_id": 7, "message": 5}]))
    with capture_logs() as logs:
        polling.start()
        await polling.inbox.until(lambda: len(polling.inbox.kept) == 1)
    assert polling.inbox.kept == [(7, "")]
    assert [line["event"] for line in logs] == ["telegram_update_unreadable"] * 2


async def test_polling_stops_when_told(fake: FakeTelegram, polling: Polling) -> None:
    task = polling.start()
    await fake.called("getUpdates")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
