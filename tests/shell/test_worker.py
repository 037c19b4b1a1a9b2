"""Sent once under one reference, asked about until somebody knows, and never guessed at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.app.build import CannotStart
from bot.money import Money, OrderState, Source
from bot.orders import worker as worker_module
from bot.providers.base import Malformed, Misconfigured, NotSent, StatusReport, Unknown
from bot.runtime.timeouts import TIMES
from bot.store.base import StoreUnavailable
from bot.store.records import OrderRow
from tests.accounts import changed
from tests.conversations.people import Phone, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage, open_stage
from tests.conversations.trouble import Gate

MINUTE = 60


class Watching:
    """A sender that lets a test look at the world when a call is made, or answer in the provider's place."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls: list[str] = []
        self.references: list[str] = []
        self.on_call: Any = None
        # By call name: what is raised or returned instead, one after the other.
        self.instead: dict[str, list[Any]] = {}

    async def send(self, account: Any, call: Any, timeout_s: float) -> Any:
        self.calls.append(call.name)
        if call.name == "request_order":
            body = call.request.body
            self.references.append(call.request.headers.get("X-Reference-Id") or body["reference"])
        if self.on_call is not None:
            await self.on_call(call)
        if self.instead.get(call.name):
            answer = self.instead[call.name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return await self._inner.send(account, call, timeout_s)

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def open_watched(folder: Path, template: Path) -> AsyncIterator[tuple[Stage, list[Watching]]]:
    """A stage and its senders so far, one for each process, which can be told what to answer."""
    senders: list[Watching] = []

    def wrap(sender: Any) -> Watching:
        senders.append(Watching(sender))
        return senders[-1]

    async with open_stage(folder, template, serve=False, wrap_sender=wrap) as stage:
        yield stage, senders


@pytest.fixture
async def scene(tmp_path: Path, template: Path) -> Any:
    async with open_watched(tmp_path, template) as (stage, senders):
        yield stage, senders[0]


async def confirmed(stage: Stage, merchant: str = "1001", msisdn: str = EFUA) -> OrderRow:
    """An order as the turn leaves it: NEW, or behind its call in the turn."""
    await Robot(stage, Phone(stage, msisdn), merchant).pay(until="pay/otp")
    return (await stage.orders())[-1]


async def test_pending_is_committed_before_the_first_byte(scene: Any) -> None:
    stage, sender = scene
    seen: list[tuple[Any, ...]] = []

    async def look(call: Any) -> None:
        if call.name == "request_order":
            seen.extend(tuple(row.values()) for row in stage.rows("SELECT state, sent_ms FROM orders"))

    sender.on_call = look
    order = await confirmed(stage)
    assert order.state is OrderState.NEW
    await stage.settle()
    assert seen == [("PENDING", stage.clock())]
    assert await stage.path_of(order) == [OrderState.NEW, OrderState.PENDING]


async def test_pending_is_committed_before_a_call_in_the_turn_too(scene: Any) -> None:
    stage, sender = scene
    seen: list[tuple[Any, ...]] = []

    async def look(call: Any) -> None:
        if call.name in ("request_order", "submit_otp"):
            seen.extend(tuple(row.values()) for row in stage.rows("SELECT state, otp_tries FROM orders"))

    sender.on_call = look
    await Robot(stage, Phone(stage, EFUA), "1002").pay()
    assert seen == [("PENDING", 0), ("PENDING", 1)]


async def test_what_never_left_goes_again_under_the_same_reference(scene: Any) -> None:
    stage, sender = scene
    sender.instead["request_order"] = [NotSent("refused"), NotSent("busy", retry_after_s=3)]
    order = await confirmed(stage)
    await stage.pass_time(30)
    assert len(sender.references) == 3
    assert set(sender.references) == {order.reference}
    assert len(stage.entries) == 1
    assert (await stage.order()).state is OrderState.PENDING


async def test_not_sent_in_two_minutes_is_failed_and_nothing_was_taken(scene: Any) -> None:
    stage, sender = scene
    sender.instead["request_order"] = [NotSent("refused") for _ in range(100)]
    order = await confirmed(stage)
    await stage.pass_time(3 * MINUTE)
    after = await stage.order()
    assert after.state is OrderState.FAILED
    assert after.reason is not None
    assert after.reason.value == "not_sent"
    assert stage.entries == []
    (told,) = stage.results(EFUA)
    assert order.code in told
    assert "Nothing was taken" in told


async def test_a_lost_reply_is_asked_about_and_not_sent_again(scene: Any) -> None:
    stage, sender = scene
    stage.faults(rules=[{"group": "momo.create", "set": {"drop_reply": 1}, "times": 1}])
    await confirmed(stage)
    await stage.pass_time(20)
    assert sender.calls.count("request_order") == 1
    decide(stage, EFUA, "approve")
    await stage.pass_time(2 * MINUTE)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    await stage.judge()


async def test_momo_that_never_got_it_is_asked_again_after_the_grace(scene: Any) -> None:
    """404 is not believed at first; then the same request goes again, under the same reference."""
    stage, sender = scene
    stage.faults(rules=[{"group": "momo.create", "set": {"drop_request": 1}, "times": 1}])
    order = await confirmed(stage)
    await stage.pass_time(5)
    assert sender.calls.count("request_order") == 1
    await stage.pass_time(5 * MINUTE)
    assert sender.references == [order.reference] * 2
    assert len(stage.entries) == 1
    decide(stage, EFUA, "approve")
    await stage.pass_time(2 * MINUTE)
    assert (await stage.order()).state is OrderState.SUCCESSFUL


async def test_a_copy_that_arrived_after_all_is_no_second_payment(scene: Any) -> None:
    """The status says 404 although the request is there: the second copy is answered 409, and is one."""
    stage, sender = scene
    stage.faults(
        rules=[
            {"group": "momo.create", "set": {"drop_reply": 1}, "times": 1},
            {"group": "momo.status", "set": {"status_not_found_first": 8}},
        ]
    )
    await confirmed(stage)
    await stage.pass_time(5 * MINUTE)
    assert sender.calls.count("request_order") >= 2
    stage.faults()
    assert len(stage.entries) == 1


@pytest.mark.parametrize("can_tell", [True, False], ids=["its list lacks it", "nobody can tell"])
async def test_startbutton_is_never_asked_twice(scene: Any, can_tell: bool) -> None:
    """What never arrived fails once its list lacks it, twice; where nobody can tell, a person must look."""
    stage, sender = scene
    stage.faults(rules=[{"group": "startbutton.create", "set": {"drop_request": 1}, "times": 1}])
    if not can_tell:
        sender.instead["list_payments"] = [Unknown("away") for _ in range(1000)]
    await confirmed(stage, "1002")
    await stage.pass_time((4 if can_tell else 80) * MINUTE)
    assert sender.calls.count("request_order") == 1
    after = await stage.order()
    (told,) = stage.results(EFUA)
    assert after.code in told
    if can_tell:
        assert after.state is OrderState.FAILED
        assert "Nothing was taken" in told
        (line,) = [line for line in await stage.store.transitions(after.id) if line.to_state is after.state]
        assert line.at_ms - (after.sent_ms or 0) >= 3 * MINUTE * 1000
        return
    assert after.state is OrderState.UNRESOLVED
    assert "Do not pay again" in told
    assert [incident.kind for incident in await stage.store.incidents(10)] == ["unresolved"]


async def test_an_unresolved_order_is_asked_about_daily_and_may_still_end(scene: Any) -> None:
    stage, sender = scene
    stage.faults(rules=[{"group": "momo.status", "set": {"error_status": 503}}])
    await confirmed(stage)
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(70 * MINUTE)
    assert (await stage.order()).state is OrderState.UNRESOLVED
    asked = sender.calls.count("order_status")
    stage.faults()
    await stage.pass_time(25 * 60 * MINUTE)
    assert sender.calls.count("order_status") == asked + 1
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    told = stage.results(EFUA)
    assert [text.split()[0] for text in told] == ["We", "Paid:"]


async def test_a_code_nobody_types_expires_and_the_status_decides(scene: Any) -> None:
    stage, _ = scene
    order = await confirmed(stage, "1002")
    assert order.state is OrderState.NEEDS_OTP
    await stage.pass_time(9 * MINUTE)
    assert (await stage.order()).state is OrderState.NEEDS_OTP
    await stage.pass_time(2 * MINUTE)
    assert (await stage.order()).state is OrderState.PENDING
    await stage.pass_time(70 * MINUTE)
    assert (await stage.order()).state is OrderState.FAILED
    assert len(stage.results(EFUA)) == 1


@pytest.mark.parametrize(
    ("echo", "kind"),
    [({"echo_amount": "1.00"}, "mismatch_amount"), ({"echo_currency": "XOF"}, "mismatch_currency")],
)
async def test_a_success_over_other_money_is_an_alarm_and_no_success(
    scene: Any, echo: dict[str, str], kind: str
) -> None:
    stage, _ = scene
    await confirmed(stage)
    await stage.settle()
    stage.faults(**echo)
    decide(stage, EFUA, "approve")
    await stage.pass_time(MINUTE)
    after = await stage.order()
    assert after.state is OrderState.UNRESOLVED
    assert kind in [incident.kind for incident in await stage.store.incidents(10)]
    assert not any(text.startswith("Paid") for text in stage.results(EFUA))


async def test_a_success_of_another_payer_is_an_alarm(scene: Any) -> None:
    stage, sender = scene
    order = await confirmed(stage)
    await stage.settle()

    other = StatusReport(
        OrderState.SUCCESSFUL, amount=Money(order.amount_minor, "GHS"), party="+233240000002"
    )
    sender.instead["order_status"] = [other]
    await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.UNRESOLVED


@pytest.mark.parametrize("word", ["WAITING_FOR_GODOT", "PENDING", "SUCCESS"])
async def test_a_word_nobody_knows_leaves_the_order_where_it_is(scene: Any, word: str) -> None:
    stage, _ = scene
    await confirmed(stage)
    await stage.settle()
    stage.faults(status_word=word)
    await stage.pass_time(10 * MINUTE)
    assert (await stage.order()).state is OrderState.PENDING
    assert stage.results(EFUA) == []


async def test_refused_keys_fail_the_order_only_where_nothing_was_created(scene: Any) -> None:
    stage, sender = scene
    sender.instead["request_order"] = [Misconfigured("no such currency", created_nothing=True)]
    await confirmed(stage)
    await stage.settle()
    after = await stage.order()
    assert after.state is OrderState.FAILED
    assert [incident.kind for incident in await stage.store.incidents(10)] == ["misconfigured"]


async def test_refused_keys_that_say_nothing_are_asked_about(scene: Any) -> None:
    stage, sender = scene
    sender.instead["request_order"] = [Misconfigured("who knows")]
    await confirmed(stage)
    await stage.settle()
    assert (await stage.order()).state is OrderState.PENDING


async def test_a_status_nobody_can_read_is_an_alarm_and_asked_again(scene: Any) -> None:
    stage, sender = scene
    sender.instead["order_status"] = [Malformed("html")]
    await confirmed(stage)
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(2 * MINUTE)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    assert "status_unreadable" in [incident.kind for incident in await stage.store.incidents(10)]


async def test_an_order_of_an_unknown_connection_is_left_in_peace(scene: Any) -> None:
    stage, sender = scene
    await confirmed(stage)
    kept = stage.settings
    others = tuple(account for account in kept.accounts if account.id != "momo-ghana")
    stage.settings = kept.model_copy(update={"accounts": others})
    await stage.restart()
    with pytest.raises(CannotStart):
        await stage.kasapay.check_open_orders()
    await stage.pass_time(30 * MINUTE)
    assert sender.calls.count("request_order") == 0
    after = await stage.order()
    assert after.state is OrderState.NEW
    stage.settings = kept
    await stage.restart()
    await stage.pass_time(15 * MINUTE)
    assert (await stage.order()).state is OrderState.FAILED  # too late to be sent; nothing was taken


async def test_a_worker_that_was_away_too_long_asks_and_changes_nothing(scene: Any) -> None:
    """Its lease passed on during the call; what it would decide is for the other."""
    stage, _ = scene
    await confirmed(stage)
    await stage.settle()
    stage.clock.ms += 10_000
    (mine,) = await stage.store.claim_orders(stage.clock(), 60_000, 10)
    stage.clock.ms += 61_000
    (other,) = await stage.store.claim_orders(stage.clock(), 60_000, 10)
    assert other.fence > mine.fence
    before = await stage.order()
    await stage.kasapay.worker.work(mine)
    assert (await stage.order()).version == before.version
    await stage.kasapay.worker.work(other)
    assert (await stage.order()).version == before.version + 1


async def test_a_reply_is_kept_though_the_lease_passed_on(scene: Any) -> None:
    stage, sender = scene

    async def slow(call: Any) -> None:
        if call.name == "request_order":
            stage.clock.ms += 61_000
            await stage.store.claim_orders(stage.clock(), 60_000, 10)

    sender.on_call = slow
    await confirmed(stage)
    (mine,) = await stage.store.claim_orders(stage.clock(), 60_000, 10)
    await stage.kasapay.worker.work(mine)
    assert (await stage.order()).accepted_ms is not None


async def test_a_store_that_cannot_commit_sends_nothing(scene: Any) -> None:
    stage, sender = scene
    order = await confirmed(stage)
    (mine,) = await stage.store.claim_orders(stage.clock(), 60_000, 10)
    kept, store = stage.kasapay.worker._store, stage.store

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def commit(self, changes: Any) -> None:
            raise StoreUnavailable("disk full")

    stage.kasapay.worker._store = Full()  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable):
        await stage.kasapay.worker.work(mine)
    stage.kasapay.worker._store = kept
    assert sender.calls.count("request_order") == 0
    assert (await stage.order()).state is OrderState.NEW
    assert order.id == mine.id


async def test_a_final_order_spoken_of_again_is_told_only_if_it_was_reversed(scene: Any) -> None:
    stage, _ = scene
    await confirmed(stage, "1002")
    await Robot(stage, Phone(stage, EFUA), "1002").pay()
    await stage.pass_time(30)
    order = await stage.order()
    assert order.state is OrderState.SUCCESSFUL
    await stage.store.hint(order.id, Source.WEBHOOK, stage.clock(), 5_000)
    await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    stage.faults(status_word="reversed")
    await stage.store.hint(order.id, Source.WEBHOOK, stage.clock(), 5_000)
    await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.REVERSED
    assert [text.split(":")[0] for text in stage.results(EFUA)] == ["Paid", "Reversed"]


async def test_a_final_order_spoken_of_is_asked_about_once_after_the_pause_of_all_questions(
    scene: Any,
) -> None:
    stage, sender = scene
    await confirmed(stage, "1002")
    await Robot(stage, Phone(stage, EFUA), "1002").pay()
    await stage.pass_time(30)
    order = await stage.order()
    before = sender.calls.count("order_status")
    for _ in range(5):
        await stage.store.hint(order.id, Source.WEBHOOK, stage.clock(), 5_000)
    await stage.pass_time(TIMES.hint_spacing_s - 0.1)
    assert sender.calls.count("order_status") == before
    await stage.pass_time(60)
    assert sender.calls.count("order_status") == before + 1


async def test_a_success_after_a_failure_is_an_incident_and_changes_nothing(scene: Any) -> None:
    stage, _ = scene
    await confirmed(stage, "1002")
    await stage.pass_time(2 * 60 * MINUTE)
    order = await stage.order()
    assert order.state is OrderState.FAILED
    stage.faults(status_word="verified")
    for _ in range(3):
        await stage.store.hint(order.id, Source.CALLBACK, stage.clock(), 5_000)
        await stage.pass_time(10)
    assert (await stage.order()).state is OrderState.FAILED
    assert [incident.kind for incident in await stage.store.incidents(10)] == ["contradiction"]
    assert ["may have been taken" in text for text in stage.results(EFUA)] == [False, True]


async def test_at_most_three_requests_wait_on_one_phone_over_all_persons(stage: Stage) -> None:
    """Also where two persons confirm at the same moment."""
    phones = [Phone(stage, f"+2332455{n:05d}") for n in range(5)]
    for n, phone in enumerate(phones):
        await phone.dial("1001", str(n + 1))
        await phone.answer("3")
        await phone.answer("0240000001")
    await asyncio.gather(*(phone.answer("1") for phone in phones))
    assert len(await stage.orders()) == 3
    refused = [phone for phone in phones if "Ref" not in phone.screen.text]
    assert len(refused) == 2


async def test_the_ledger_tells_who_said_what(scene: Any) -> None:
    stage, _ = scene
    order = await confirmed(stage)
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(10)
    lines = [(line.to_state.value, line.source.value) for line in await stage.store.transitions(order.id)]
    assert lines == [("NEW", "us"), ("PENDING", "us"), ("SUCCESSFUL", "poll")]


async def test_a_slow_reply_to_a_call_in_the_turn_is_told_by_message(tmp_path: Path, template: Path) -> None:
    """The person is told that it is being checked; the code is asked for when the provider has spoken."""
    gate = Gate()
    times = msgspec.structs.replace(TIMES, look_up_s=0.01)

    def wrap(sender: Any) -> Watching:
        watching = Watching(sender)

        async def wait(call: Any) -> None:
            if call.name == "request_order":
                await gate()

        watching.on_call = wait
        return watching

    async with open_stage(tmp_path, template, serve=False, times=times, wrap_sender=wrap) as stage:
        phone = Phone(stage, EFUA)
        await Robot(stage, phone, "1002").pay(until="pay/confirm")
        screen = await phone.answer("1")
        assert not screen.is_open
        assert "checking" in screen.text
        gate.open()
        await stage.settle()
        assert (await stage.order()).state is OrderState.NEEDS_OTP
        assert any("*920*10#" in text for text in stage.results(EFUA))
        await Robot(stage, phone, "1002").pay()
        await stage.pass_time(10)
        assert (await stage.order()).state is OrderState.SUCCESSFUL


async def test_no_question_crosses_the_reply_to_a_call_inside_a_turn(scene: Any) -> None:
    stage, sender = scene
    asked: list[int] = []

    async def speak_of_it(call: Any) -> None:
        if call.name in ("request_order", "submit_otp"):
            order = await stage.order()
            assert await stage.kasapay.store.hint(order.id, Source.WEBHOOK, stage.clock(), 5_000)
            await stage.kasapay.worker.drain()
            asked.append(sender.calls.count("order_status"))

    sender.on_call = speak_of_it
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1002").pay(until="pay/otp")
    await stage.kasapay.worker.drain()
    assert sender.calls.count("order_status") == 1, "what was said meanwhile is not forgotten"
    sender.calls.clear()
    stage.clock.ms += 10_000
    await phone.answer(stage.otp(EFUA))
    assert "submit_otp" in sender.calls
    assert asked == [0, 0]
    assert (await stage.order()).lease_until_ms == 0


# ---- the clock


async def test_a_clock_set_back_delays_nobody(scene: Any) -> None:
    stage, _ = scene
    order = await confirmed(stage)
    await a_round(stage)
    stage.clock.ms -= 3600_000
    decide(stage, EFUA, "approve")
    for _ in range(30):
        stage.clock.ms += 1000
        await a_round(stage)
        await stage.kasapay.outbox.drain()
    assert (await stage.kasapay.store.order(order.id)).state is OrderState.SUCCESSFUL
    assert any(order.code in text for text in stage.results(EFUA))


async def test_after_a_jump_back_an_order_is_asked_about_in_its_rhythm_and_ends_in_time(scene: Any) -> None:
    stage, sender = scene
    order = await confirmed(stage)
    await a_round(stage)
    stage.clock.ms -= 6 * 3600_000
    began_ms = stage.clock.ms
    while (held := await stage.kasapay.store.order(order.id)).state is OrderState.PENDING:
        stage.clock.ms += 1000
        await a_round(stage)
        assert stage.clock.ms < began_ms + 70 * 60_000
    assert held.state is OrderState.UNRESOLVED
    assert stage.clock.ms > began_ms + 55 * 60_000
    assert sender.calls.count("order_status") <= 35, "as often as without the jump"


async def test_a_clock_that_is_only_put_right_changes_nothing(scene: Any) -> None:
    stage, _ = scene
    await confirmed(stage)
    await a_round(stage)
    before = await stage.orders()
    stage.clock.ms -= 900
    await a_round(stage)
    assert await stage.orders() == before


# ---- the pace of asking --------------------------------------------------------------------------


async def a_round(stage: Stage) -> float:
    """One round as the running worker makes it, to its end; how long it would wait for the next."""
    worker = stage.kasapay.worker
    pause_s = await worker._round()
    while worker._working:
        await asyncio.gather(*worker._working)
    return pause_s


@pytest.fixture
async def busy(tmp_path: Path, template: Path) -> Any:
    """Five orders of one account, sent and due to be asked about; two may be asked about each second."""
    senders: list[Watching] = []

    def wrap(sender: Any) -> Watching:
        senders.append(Watching(sender))
        return senders[-1]

    async with open_stage(tmp_path, template, serve=False, wrap_sender=wrap) as stage:
        twice = [changed(account, asks_per_s=2) for account in stage.settings.accounts]
        stage.settings = stage.settings.model_copy(update={"accounts": tuple(twice)})
        await stage.restart()
        for n in range(5):
            await confirmed(stage, msisdn=f"+2332455{n:05d}")
        await a_round(stage)
        assert senders[-1].calls.count("request_order") == 5
        stage.clock.ms += 10_000
        senders[-1].calls.clear()
        yield stage, senders[-1]


async def test_orders_over_the_rate_are_put_off_and_none_is_forgotten(busy: Any) -> None:
    stage, sender = busy
    asked = []
    for _ in range(6):
        assert await a_round(stage) > 0
        asked.append(len(sender.calls))
        stage.clock.ms += 500
    assert asked == [2, 3, 4, 5, 5, 5]
    assert all(order.polls == 1 for order in await stage.orders())


async def test_what_is_put_off_does_not_keep_the_worker_busy(busy: Any) -> None:
    stage, sender = busy
    await a_round(stage)
    assert await a_round(stage) >= 0.1
    assert len(sender.calls) == 2
    assert all(order.lease_until_ms == 0 for order in await stage.orders())


async def test_another_account_is_asked_though_one_has_been_asked_enough(busy: Any) -> None:
    stage, sender = busy
    other = await confirmed(stage, "1002")
    stage.change("UPDATE orders SET due_ms = ? WHERE id = ?", stage.clock(), other.id)
    sender.calls.clear()
    await a_round(stage)
    asked = [order.account_id for order in await stage.orders() if order.polls]
    assert sorted(asked) == ["momo-ghana", "momo-ghana", "startbutton-ghs"]


async def test_a_new_order_goes_before_the_questions_that_are_put_off(busy: Any) -> None:
    stage, sender = busy
    await a_round(stage)
    await confirmed(stage, msisdn="+233245599999")
    stage.clock.ms += 500
    sender.calls.clear()
    await a_round(stage)
    assert sorted(sender.calls) == ["order_status", "order_status", "request_order"]


async def test_a_worker_that_ends_waits_a_little_for_a_reply_and_no_longer(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, watching = scene
    gate = Gate()
    monkeypatch.setattr(worker_module, "_FINISH_S", 0.0)
    await Robot(stage, Phone(stage, EFUA), "1001").pay()
    watching.on_call = gate
    working = asyncio.create_task(stage.kasapay.worker.run())
    await gate.until(1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert stage.kasapay.worker._working == set()


async def test_a_worker_sleeps_until_the_next_order_is_due(scene: Any) -> None:
    stage, _ = scene
    order = await confirmed(stage)
    await stage.settle()
    order = await stage.order()
    assert order.due_ms is not None
    stage.clock.ms = order.due_ms - 1500
    assert await stage.kasapay.worker._round() == 1.5
