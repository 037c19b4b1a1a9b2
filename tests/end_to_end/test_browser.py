"""The first paragraph of the main issue, played on the page in a real Chromium."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from bot.app.demo import Embedded, run_embedded
from tests.chromium import DRIVES_CHROMIUM
from tests.end_to_end.log_keeping import forbid
from tests.end_to_end.processes import ROOT, Judge

pytestmark = DRIVES_CHROMIUM

PATIENCE_MS = 20_000
EFUA, KWAME = "+233240000001", "+233240000002"
STAFF, STAFF_PIN = "+233240000009", "2468"
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
expect.set_options(timeout=PATIENCE_MS)


# As in `conftest`, in the event loop of the browser.


@pytest_asyncio.fixture(loop_scope="session")
async def live(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with run_embedded(tmp_path / "data") as embedded:
        forbid(embedded.ussd_path.rsplit("/", 1)[-1])
        yield embedded


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


class Visitor:
    """Somebody in front of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def part(self, name: str):  # type: ignore[no-untyped-def]
        return self.page.get_by_test_id(name)

    async def tab(self, name: str) -> None:
        tab = self.part(f"tab-{name}")
        if await tab.is_visible():
            await tab.click()

    async def screen(self, *parts: str, state: str = "") -> None:
        for text in parts:
            await expect(self.part("phone-screen")).to_contain_text(text)
        if state:
            await expect(self.part("phone-screen")).to_have_attribute("data-state", state)

    async def dial(self) -> None:
        await self.tab("phone")
        if await self.part("phone-screen").get_attribute("data-state") == "ended":
            await self.part("phone-end").click()
        await self.part("phone-dial").click()
        await self.screen("Type a merchant code, or choose:", state="asking")

    async def keys(self, typed: str, *seen: str, state: str = "asking") -> None:
        """Press the phone's keys, and its green one."""
        for key in typed:
            await self.part(f"phone-key-{key}" if key.isdigit() else "phone-input").click()
        await self.part("phone-send").click()
        await self.screen(*seen, state=state)

    async def types(self, typed: str, *seen: str, state: str = "asking") -> None:
        await self.part("phone-input").fill(typed)
        await self.part("phone-send").click()
        await self.screen(*seen, state=state)

    async def pays(self, merchant: str, amount: str, name: str) -> None:
        """From the dial to the confirmed payment at a MoMo merchant."""
        await self.dial()
        if await self.has_paid():
            # Line 1 is whom they paid last: another merchant stands behind More.
            await self.keys("4", "Pay another merchant")
        await self.keys("1", "Enter the merchant code")
        await self.keys(merchant, "Amount")
        await self.types(amount, "Pay GHS", name)

    async def has_paid(self) -> bool:
        return await self.page.locator('[data-testid=order-state][data-state="SUCCESSFUL"]').count() > 0

    async def approves(self, pin: str = "1234") -> None:
        await self.tab("wallet")
        await expect(self.part("wallet-prompt")).to_be_visible()
        await self.part("wallet-pin").fill(pin)
        await self.part("wallet-approve").click()
        await expect(self.part("wallet-prompt")).to_be_hidden()

    async def rejects(self) -> None:
        await self.tab("wallet")
        await expect(self.part("wallet-prompt")).to_be_visible()
        await self.part("wallet-reject").click()
        await expect(self.part("wallet-prompt")).to_be_hidden()

    async def sms(self, *parts: str) -> str:
        """The newest SMS with all parts."""
        found = self.part("sms-list").locator("li")
        for text in parts:
            found = found.filter(has_text=text)
        await expect(found.first).to_be_attached()
        return await found.first.inner_text()

    async def order(self, state: str, amount: str) -> None:
        row = self.part("order-row").filter(has_text=amount)
        await expect(row.first.get_by_test_id("order-state")).to_have_attribute("data-state", state)

    async def becomes(self, msisdn: str) -> None:
        await self.part("who-select").select_option(msisdn)

    async def chats(self, text: str, *seen: str) -> None:
        await self.part("chat-input").fill(text)
        await self.part("chat-send").click()
        for words in seen:
            await expect(self.part("chat-log")).to_contain_text(words)

    async def links_the_chat(self) -> None:
        """As the page explains: a code from the phone, typed in the chat."""
        await self.dial()
        await self.keys("4", "Link phone and chat")
        await self.keys("5", "Link code:", state="ended")
        code = re.search(r"Link code: (\d{8})", await self.part("phone-screen").inner_text())
        assert code
        forbid(code[1])
        await self.tab("chat")
        await self.part("chat-start").click()
        await self.part("chat-button").filter(has_text="More").click()
        await self.part("chat-button").filter(has_text="Link phone and chat").click()
        await expect(self.part("chat-log")).to_contain_text("type your phone number")
        await self.chats("0240000001", "type the link code here")
        await self.chats(code[1], "Linked. Results of your payments arrive here too.")


@asynccontextmanager
async def visiting(chromium: Browser, url: str, size: dict[str, int]) -> AsyncIterator[Visitor]:
    """A fresh browser profile on the page; nothing it complains about is let through."""
    context = await chromium.new_context(viewport=size, device_scale_factor=1)  # type: ignore[arg-type]
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "response",
        lambda answer: complaints.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
    )
    await page.goto(url)
    visitor = Visitor(page)
    await expect(visitor.part("live")).to_contain_text("Live")
    yield visitor
    assert complaints == []
    await context.close()


async def test_pay_approve_and_be_told_then_pay_and_reject(
    live: Embedded, chromium: Browser, judge: Judge
) -> None:
    async with visiting(chromium, live.url, WIDE) as visitor:
        await visitor.links_the_chat()
        await visitor.pays("1001", "12.50", "Ama's Kitchen")
        await visitor.keys("1", "when asked: GHS 12.50", state="ended")
        await visitor.approves()
        assert "Paid: GHS 12.50 to Ama's Kitchen. Ref" in await visitor.sms("Paid:", "12.50")
        await visitor.tab("chat")
        await expect(visitor.part("chat-log")).to_contain_text("Paid: GHS 12.50 to Ama's Kitchen. Ref")
        await visitor.tab("orders")
        await visitor.order("SUCCESSFUL", "12.50")
        await visitor.pays("1001", "3", "Ama's Kitchen")
        if os.environ.get("UPDATE_SCREENSHOT") == "1":
            await visitor.page.screenshot(path=ROOT / "docs" / "page.png")
        await visitor.keys("1", "when asked: GHS 3.00", state="ended")
        await visitor.rejects()
        words = "Not paid: GHS 3.00 to Ama's Kitchen. Nothing was taken. It was refused on the phone."
        assert words in await visitor.sms("Not paid")
        await visitor.tab("chat")
        await expect(visitor.part("chat-log")).to_contain_text(words)
        await visitor.tab("orders")
        await visitor.order("FAILED", "3.00")
    assert [(e["status"], e["times_charged"]) for e in await judge.entries()] == [
        ("SUCCESSFUL", 1),
        ("FAILED", 0),
    ]


async def test_the_startbutton_merchant_asks_for_a_code_first(
    live: Embedded, chromium: Browser, judge: Judge
) -> None:
    async with visiting(chromium, live.url, WIDE) as visitor:
        await visitor.becomes(KWAME)
        await visitor.part("merchant-1002").click()
        await visitor.screen("Kofi Books", "Amount (GHS)", state="asking")
        await visitor.keys("8", "Which network?")
        await visitor.keys("1", "Pay GHS 8.00 to Kofi Books")
        await visitor.keys("1", "Enter the SMS code sent to 0240000002")
        code = re.search(r"\b(\d{6})\b is your code", await visitor.sms("is your code"))
        assert code
        forbid(code[1])
        await visitor.keys(code[1], "Code sent.", state="ended")
        assert "Paid: GHS 8.00 to Kofi Books" in await visitor.sms("Paid:")
        await visitor.order("SUCCESSFUL", "8.00")
        # The business' own staff sees what came in, behind a PIN of its own.
        await visitor.becomes(STAFF)
        await visitor.dial()
        await visitor.keys("5", "Balance")
        await visitor.keys("2", "Enter your staff PIN")
        await visitor.keys("1111", "That PIN is wrong. Tries left: 2.")
        await visitor.keys(STAFF_PIN, "Balance of Ama's Kitchen:", state="ended")


async def test_the_result_comes_whatever_is_lost(live: Embedded, chromium: Browser, judge: Judge) -> None:
    """README's switches: a payment that the provider has, and of which it tells nothing by itself."""
    async with visiting(chromium, live.url, WIDE) as visitor:
        await visitor.part("tab-switches").click()
        for name in ("callback_lost", "drop_reply"):
            await visitor.part(f"big-{name}").check()
        await expect(visitor.page.locator("[data-badge=switches]")).to_have_text("2")
        await visitor.pays("1001", "6", "Ama's Kitchen")
        await visitor.keys("1", "when asked: GHS 6.00", state="ended")
        await visitor.approves()
        assert "Paid: GHS 6.00 to Ama's Kitchen" in await visitor.sms("Paid:")
    assert [(e["status"], e["times_charged"]) for e in await judge.entries()] == [("SUCCESSFUL", 1)]


async def test_pressed_twice_is_paid_once(live: Embedded, chromium: Browser, judge: Judge) -> None:
    """The page's own switch delivers every request two times at once, with a slow provider."""
    await judge.faults(latency_ms=100)
    async with visiting(chromium, live.url, WIDE) as visitor:
        await visitor.part("phone-twice").check()
        await visitor.pays("1001", "5", "Ama's Kitchen")
        await visitor.keys("1", "when asked: GHS 5.00", state="ended")
        await expect(visitor.part("phone-note")).to_contain_text("both got the same bytes")
        await visitor.approves()
        await visitor.sms("Paid: GHS 5.00")
        await expect(visitor.part("order-row")).to_have_count(1)
    assert [entry["times_charged"] for entry in await judge.entries()] == [1]


async def test_with_the_keyboard_alone(live: Embedded, chromium: Browser, judge: Judge) -> None:
    async with visiting(chromium, live.url, WIDE) as visitor:
        keyboard = visitor.page.keyboard
        await visitor.part("phone-dial").focus()
        await keyboard.press("Enter")
        await visitor.screen("Type a merchant code, or choose:", state="asking")
        for typed, seen, state in (
            ("1", "Enter the merchant code:", "asking"),
            ("1001", "Amount (GHS)", "asking"),
            ("2", "Pay GHS 2.00", "asking"),
            ("1", "when asked: GHS 2.00", "ended"),
        ):
            await keyboard.type(typed)
            await keyboard.press("Enter")
            await visitor.screen(seen, state=state)
        await expect(visitor.part("wallet-prompt")).to_be_visible()
        for _ in range(60):
            if await visitor.part("wallet-pin").evaluate("pin => pin === document.activeElement"):
                break
            await keyboard.press("Tab")
        await keyboard.type("1234")
        await keyboard.press("Enter")
        await visitor.sms("Paid: GHS 2.00")
        # Chat: reached by Tab, spoken to by keys.
        for _ in range(60):
            if await visitor.part("chat-input").evaluate("box => box === document.activeElement"):
                break
            await keyboard.press("Tab")
        await keyboard.type("menu")
        await keyboard.press("Enter")
        await expect(visitor.part("chat-log")).to_contain_text("Type a merchant code, or choose:")
    assert len(await judge.entries()) == 1


async def test_on_a_telephone(live: Embedded, chromium: Browser, judge: Judge) -> None:
    async with visiting(chromium, live.url, NARROW) as visitor:
        for tab in ("phone", "wallet", "chat", "orders", "switches"):
            await expect(visitor.part(f"tab-{tab}")).to_be_visible()
        await visitor.pays("1001", "4", "Ama's Kitchen")
        await visitor.keys("1", "when asked: GHS 4.00", state="ended")
        await visitor.approves()
        await visitor.sms("Paid: GHS 4.00")
        await visitor.tab("orders")
        await visitor.order("SUCCESSFUL", "4.00")
        await visitor.tab("switches")
        await visitor.part("big-callback_lost").check()
        await expect(visitor.part("switches-reset")).to_be_enabled()
        await visitor.tab("chat")
        await visitor.chats("menu", "Type a merchant code, or choose:")
        wide = await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing sticks out to the side"
    reply = await judge._get("/faults")
    assert reply["callback_lost"] == -1
