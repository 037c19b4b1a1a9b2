"""The pages in a real browser, over a real sandbox, with a canned conversation behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as change
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.dialog import Answer, Inbound
from bot.sandbox import SandboxConfig, serve_sandbox
from bot.web.cookies import address_of
from tests.chromium import DRIVES_CHROMIUM
from tests.web.fakes import TRYIT, FakeTurns, World, serve
from tests.web.test_tryit import move, put_order

pytestmark = DRIVES_CHROMIUM

SANDBOX = SandboxConfig.from_dict(
    {"handsets": [{"msisdn": "+233240000001", "name": "Ama Serwaa", "balance": {"GHS": "1250"}}]}
)


async def answer(inbound: Inbound) -> Answer:
    text = inbound.session.cumulative if inbound.session else ""
    screens = {
        "": Answer("Kasapay\n1. Pay", keep_open=True),
        "1": Answer("Merchant code:", keep_open=True),
        "1*1001": Answer("Approve on your phone.", keep_open=False),
        "7": Answer("a" * 190, keep_open=True),
        "8": Answer("Reçu, merci", keep_open=False),
    }
    return screens.get(text or "", Answer("Not valid.", keep_open=False))


@dataclass
class Stage:
    page: Page
    world: World
    sandbox: Any
    complaints: list[str]

    @property
    def chat_address(self) -> Any:
        return self._address()

    async def _address(self) -> str:
        cookies = await self.page.context.cookies()
        return address_of(next(one["value"] for one in cookies if one["name"] == "kasapay_chat"), b"k" * 32)

    async def screen(self, text: str) -> None:
        await expect(self.page.get_by_test_id("phone-screen")).to_contain_text(text)

    async def key(self, text: str) -> None:
        for one in text:
            await self.page.get_by_test_id(f"phone-key-{one}").click()
        await self.page.get_by_test_id("phone-send").click()


@asynccontextmanager
async def open_stage(
    chromium: Browser, viewport: dict[str, int], *, touch: bool = False
) -> AsyncIterator[Stage]:
    complaints: list[str] = []
    async with serve_sandbox(SANDBOX) as sandbox:
        tryit = change(TRYIT, sandbox_url=sandbox.url)
        async with (
            serve(tryit=tryit, turns=FakeTurns(on_take=answer)) as world,
            await chromium.new_context(
                viewport=viewport, has_touch=touch, is_mobile=touch, reduced_motion="reduce"
            ) as context,
        ):
            page = await context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            await page.goto(world.url)
            await expect(page.get_by_test_id("live")).to_have_text("Live")
            yield Stage(page, world, sandbox, complaints)


@pytest_asyncio.fixture(loop_scope="session")
async def stage(log: list[Any], chromium: Browser) -> AsyncIterator[Stage]:
    async with open_stage(chromium, {"width": 1440, "height": 900}) as stage:
        yield stage
        assert stage.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def small(log: list[Any], chromium: Browser) -> AsyncIterator[Stage]:
    async with open_stage(chromium, {"width": 360, "height": 640}, touch=True) as stage:
        yield stage
        assert stage.complaints == []


async def test_the_phone_speaks_the_gateways_language(stage: Stage) -> None:
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    await stage.key("1")
    await stage.screen("Merchant code:")
    await stage.page.get_by_test_id("merchant-1001").click()
    await stage.page.get_by_test_id("phone-send").click()
    await stage.screen("Approve on your phone.")
    heard = [inbound.session for inbound in stage.world.turns.heard if inbound.session]
    assert [session.cumulative for session in heard] == ["", "1", "1*1001"]
    assert len({session.id for session in heard}) == 1
    await expect(stage.page.get_by_test_id("phone-meter")).to_contain_text("22 of 182 septets")
    assert [why for *_, why in stage.world.turns.gone] == ["success"]


async def test_the_phone_may_be_behind_another_gateway(stage: Stage) -> None:
    choice = stage.page.get_by_test_id("phone-gateway")
    await expect(choice.locator("option").first).to_have_text("Africa's Talking")
    await choice.select_option(label="TruRoute")
    await expect(choice).to_have_value("truroute")
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    await stage.page.get_by_test_id("phone-end").click()
    await expect(stage.page.get_by_test_id("phone-screen")).to_have_attribute("data-state", "idle")
    (heard,) = stage.world.turns.heard
    assert heard.session.gateway == "truroute"


async def test_a_shop_is_dialled_by_one_press(stage: Stage) -> None:
    await stage.page.get_by_test_id("merchant-1001").click()
    await stage.screen("Not valid.")  # the canned conversation knows no deep dial
    (heard,) = [inbound.session for inbound in stage.world.turns.heard if inbound.session]
    assert heard.cumulative == "1001"
    await stage.page.get_by_test_id("merchant-1001").click()
    await expect(stage.page.get_by_test_id("phone-screen")).to_have_attribute("data-state", "ended")
    assert len(stage.world.turns.heard) == 2


async def test_the_keyboard_works_the_phone(stage: Stage) -> None:
    await stage.page.get_by_test_id("phone-input").press_sequentially("*920*10*1#")
    await stage.page.keyboard.press("Enter")
    await stage.screen("Merchant code:")
    await stage.page.keyboard.press("Escape")
    await expect(stage.page.get_by_test_id("phone-dial")).to_be_visible()
    assert stage.world.turns.heard[0].session.cumulative == "1"


async def test_ending_the_call_tells_the_gateways_end(stage: Stage) -> None:
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    async with stage.page.expect_response("**/try/phone") as told:
        await stage.page.get_by_test_id("phone-end").click()
    assert (await told.value).status == 200
    assert [why for *_, why in stage.world.turns.gone] == ["incomplete"]


async def test_everything_can_be_delivered_twice(stage: Stage) -> None:
    await stage.page.get_by_test_id("phone-twice").check()
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    await expect(stage.page.get_by_test_id("phone-note")).to_contain_text("both got the same bytes")
    first, second = stage.world.turns.heard
    assert first == second


async def test_a_screen_too_long_shows_where_a_phone_cuts(stage: Stage) -> None:
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    await stage.key("7")
    await expect(stage.page.get_by_test_id("phone-meter")).to_contain_text("190 of 182: a phone cuts here")
    await expect(stage.page.locator(".beyond")).to_have_text("a" * 8)
    await stage.page.get_by_test_id("phone-end").click()
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    await stage.key("8")
    await expect(stage.page.get_by_test_id("phone-meter")).to_contain_text(
        "11 of 80 UCS-2 characters, for “ç”"
    )


async def test_an_sms_shows_its_code_to_copy(stage: Stage) -> None:
    stage.sandbox.sandbox.world.send_sms("233240000001", "Kasapay", "Your code is 482913. Paid GHS 1,250.00.")
    await expect(stage.page.get_by_test_id("sms-list")).to_contain_text("Your code is 482913")
    await expect(stage.page.get_by_test_id("sms-copy")).to_have_attribute("data-code", "482913")
    await expect(stage.page.get_by_test_id("wallet-balance")).to_have_text("GHS1,250.00")


async def test_a_message_in_the_chat_turns_into_its_result(stage: Stage) -> None:
    address = await stage.chat_address
    stage.world.store.say(address, "Approve on your phone.", (("Menu", "1:abc:1:h"),), ref="w1", at=1_000)
    log = stage.page.get_by_test_id("chat-log")
    await expect(log).to_contain_text("Approve on your phone.")
    await stage.page.get_by_test_id("chat-button").click()
    await expect(log.get_by_test_id("chat-mine")).to_have_text("Menu")
    stage.world.store.hear(address, "Menu", stage.world.turns.heard[0].turn_key, at=1_500)
    stage.world.store.say(address, "Paid: GHS 5.00", ref="w1", edits="w1", at=2_000)
    # Something was said after it: the old message changes, and the result is told again below.
    await expect(log.get_by_test_id("chat-message")).to_have_count(2)
    await expect(log.get_by_test_id("chat-message").first).to_contain_text("Paid: GHS 5.00")
    await expect(log.get_by_test_id("chat-message").last).to_contain_text("Paid: GHS 5.00")
    await stage.page.reload()
    await expect(log.get_by_test_id("chat-message")).to_have_count(1)
    await expect(log.get_by_test_id("chat-mine")).to_have_text("Menu")


async def test_a_message_under_a_known_id_is_that_message_changed(stage: Stage) -> None:
    address = await stage.chat_address
    log = stage.page.get_by_test_id("chat-log")
    stage.world.store.say(address, "Approve on your phone.", ref="w1", at=1_000)
    await expect(log).to_contain_text("Approve on your phone.")
    stage.world.store.say(address, "Paid: GHS 5.00", ref="w1", at=2_000)
    await expect(log.get_by_test_id("chat-message")).to_contain_text("Paid: GHS 5.00")
    await expect(log).not_to_contain_text("Approve on your phone.")


async def test_what_is_secret_is_not_shown_when_typed(stage: Stage) -> None:
    stage.world.store.say(await stage.chat_address, "Type the code from the SMS.", wants="secret", at=1_000)
    field = stage.page.get_by_test_id("chat-input")
    await expect(field).to_have_attribute("type", "password")
    await field.fill("482913")
    await field.press("Enter")
    await expect(stage.page.get_by_test_id("chat-mine")).to_have_text("••••")
    assert stage.world.turns.heard[0].input.text == "482913"


async def test_what_was_not_sent_says_so_also_after_a_reload_and_can_be_sent_again(stage: Stage) -> None:
    page = stage.page
    await page.context.set_offline(True)
    await page.get_by_test_id("chat-input").fill("hello")
    await page.get_by_test_id("chat-send").click()
    await expect(page.get_by_test_id("chat-unsent")).to_contain_text("Not sent.")
    await page.context.set_offline(False)
    await page.reload()
    await expect(page.get_by_test_id("chat-mine")).to_contain_text("hello")
    await expect(page.get_by_test_id("chat-unsent")).to_contain_text("Not sent.")
    assert stage.world.turns.heard == []
    await page.get_by_test_id("chat-retry").click()
    await expect(page.get_by_test_id("chat-unsent")).to_have_count(0)
    (heard,) = stage.world.turns.heard
    # From now on it is Kasapay's to keep: nothing returns as if it had been said.
    await page.reload()
    await expect(page.get_by_test_id("phone-key-1")).to_be_visible()
    await expect(page.get_by_test_id("chat-mine")).to_have_count(0)
    stage.world.store.hear(heard.address.value, "hello", heard.turn_key, at=1_000)
    await expect(page.get_by_test_id("chat-mine")).to_have_text("hello")
    stage.complaints.clear()  # the browser's own lines about the lost connection


async def test_a_tap_on_what_was_answered_is_answered_above_the_input(stage: Stage) -> None:
    """And leaves no words behind, and the buttons of the last message to be pressed."""
    address = await stage.chat_address
    stage.world.store.say(address, "Pay?", (("Yes", "1:abc:1:0"), ("No", "1:abc:1:1")), at=1_000)
    stage.world.turns.in_passing = "That was answered already."
    await stage.page.get_by_test_id("chat-button").first.click()
    await expect(stage.page.get_by_test_id("chat-problem")).to_have_text("That was answered already.")
    await expect(stage.page.get_by_test_id("chat-mine")).to_have_count(0)
    await expect(stage.page.get_by_test_id("chat-button").first).to_be_enabled()


async def test_another_window_shows_both_halves(stage: Stage) -> None:
    address = await stage.chat_address
    other = await stage.page.context.new_page()
    await other.goto(stage.world.url + "/chat")
    await stage.page.get_by_test_id("chat-input").fill("1001")
    await stage.page.get_by_test_id("chat-send").click()
    await expect(stage.page.get_by_test_id("chat-mine")).to_have_text("1001")
    stage.world.store.hear(address, "1001", stage.world.turns.heard[0].turn_key, at=1_000)
    stage.world.store.say(address, "Amount?", at=1_001)
    for page in (stage.page, other):
        await expect(page.get_by_test_id("chat-message")).to_contain_text("Amount?")
        await expect(page.get_by_test_id("chat-mine")).to_have_text("1001")
    await other.reload()
    await expect(other.get_by_test_id("chat-mine")).to_have_text("1001")
    await other.close()


async def test_a_message_not_taken_can_be_sent_again(stage: Stage, log: list[Any]) -> None:
    taking = stage.world.turns.on_take

    async def fail(inbound: Inbound) -> Answer:
        raise RuntimeError("away")

    stage.world.turns.on_take = fail
    await stage.page.get_by_test_id("chat-input").fill("hello")
    await stage.page.get_by_test_id("chat-send").click()
    await expect(stage.page.get_by_test_id("chat-problem")).to_contain_text("try again")
    stage.world.turns.on_take = taking
    await stage.page.get_by_text("Send again").click()
    await expect(stage.page.get_by_test_id("chat-problem")).to_be_hidden()
    first, second = stage.world.turns.heard
    assert first.turn_key == second.turn_key
    log[:] = [line for line in log if line["event"] != "web.unexpected"]
    stage.complaints.clear()  # the browser's own line about the 503


async def test_orders_move_before_ones_eyes(stage: Stage) -> None:
    put_order(stage.world)
    row = stage.page.get_by_test_id("order-row")
    await expect(row.get_by_test_id("order-state")).to_have_text("New")
    await expect(row).to_contain_text("GHS 12.50")
    move(stage.world, stage.world.store.orders["o1"].state.PENDING)
    await expect(row.get_by_test_id("order-state")).to_have_text("Pending")
    await expect(row.get_by_test_id("order-steps").locator("li")).to_have_count(2)


async def test_the_three_big_switches_and_all_the_others_reach_the_sandbox(stage: Stage) -> None:
    page, faults = stage.page, stage.sandbox.sandbox.world.faults
    await page.get_by_test_id("tab-switches").click()
    await expect(page.get_by_role("switch")).to_have_count(3)
    count = page.locator("[data-badge=switches]")
    for number, name in enumerate(("callback_lost", "drop_reply", "latency_ms"), 1):
        await page.get_by_test_id(f"big-{name}").check()
        await expect(count).to_have_text(str(number))
    assert (faults.values.callback_lost, faults.values.latency_ms) == (-1, 2000)
    # Only what makes a payment loses its reply: what is asked afterwards is answered.
    assert {rule.group: rule.set for rule in faults.rules} == {
        "momo.create": {"drop_reply": -1},
        "startbutton.create": {"drop_reply": -1},
    }
    await page.get_by_test_id("big-drop_reply").uncheck()
    await expect(count).to_have_text("2")
    assert faults.rules == []
    await page.get_by_test_id("switches-more").locator("summary").first.click()
    await page.get_by_text("Requests and errors").click()
    await expect(page.get_by_test_id("switch-latency_ms")).to_have_value("2000")
    await page.get_by_test_id("switch-latency_ms").fill("0")
    await page.get_by_test_id("switch-latency_ms").press("Enter")
    await expect(page.get_by_test_id("big-latency_ms")).not_to_be_checked()
    await page.get_by_test_id("switches-reset").click()
    await expect(page.get_by_test_id("big-callback_lost")).not_to_be_checked()
    await expect(page.get_by_test_id("big-callback_lost")).to_be_focused()
    assert faults.values.callback_lost == 0


async def test_one_can_be_the_merchants_staff(stage: Stage) -> None:
    await stage.page.get_by_test_id("who-select").select_option("+233240000009")
    await expect(stage.page.get_by_test_id("wallet-balance")).to_have_text("Staff PIN: 4321")
    await stage.page.get_by_test_id("phone-dial").click()
    await stage.screen("1. Pay")
    assert stage.world.turns.heard[0].address.value == "+233240000009"


async def test_a_telephone_shows_one_part_at_a_time(small: Stage) -> None:
    page = small.page
    for part in ("phone", "wallet", "chat", "orders", "switches"):
        await page.get_by_test_id(f"tab-{part}").tap()
        await expect(page.locator(f"[data-panel={part}]")).to_be_visible()
        await expect(page.locator("[data-panel]:visible")).to_have_count(1)
        width = await page.locator("html").evaluate("html => html.scrollWidth")
        assert width <= 360
    await page.get_by_test_id("tab-phone").tap()
    small.sandbox.sandbox.world.send_sms("233240000001", "Kasapay", "Paid.")
    await page.get_by_test_id("merchant-1002").tap()  # the shops stay with the phone, whatever step one is at
    await small.screen("Not valid.")
    await page.get_by_test_id("phone-end").tap()
    await page.get_by_test_id("phone-dial").tap()
    await small.screen("1. Pay")


async def test_the_chat_has_a_page_of_its_own(stage: Stage) -> None:
    await stage.page.goto(stage.world.url + "/chat")
    await expect(stage.page.get_by_test_id("live")).to_have_text("Live")
    await stage.page.get_by_test_id("chat-start").click()
    await expect(stage.page.get_by_test_id("chat-mine")).to_have_text("Hello")
    assert stage.world.turns.heard[0].input.text == "/start"
    stage.world.store.say(await stage.chat_address, "Hello!")
    await expect(stage.page.get_by_test_id("chat-message")).to_contain_text("Hello!")
