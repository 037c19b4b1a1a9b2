"""The page for everybody: nothing is cut off, `axe` finds nothing, the focus is never lost, and the page says
when nobody hears it. Wide and on a small telephone, light and dark, with every part in use."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.money import OrderState
from tests.chromium import DRIVES_CHROMIUM
from tests.sandbox.conftest import Box, Clock
from tests.sandbox.merchant import Merchant, open_merchant
from tests.web.test_page import Stage, open_stage
from tests.web.test_tryit import move, put_order

pytestmark = DRIVES_CHROMIUM
OWNER = "233240000001"
expect.set_options(timeout=20_000)  # on a busy machine too
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 640}
# Everything visible that reaches over the window's edge, unless a box around it scrolls.
_CUT_OFF = """() => {
  const scrolls = (one) => one && one !== document.documentElement &&
    (/(auto|scroll)/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  const found = [];
  for (const one of document.querySelectorAll("body *:not(.sr-only):not(option):not(optgroup)")) {
    const box = one.getBoundingClientRect();
    const over = box.width > 2 && (box.right > innerWidth + 1 || box.left < -1);
    if (over && one.checkVisibility() && !scrolls(one))
      found.push(`${one.tagName}.${one.className} ${Math.round(box.left)}-${Math.round(box.right)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return found;
}"""


async def look_over(page: Page, where: str) -> None:
    """Nothing is cut off and `axe` finds nothing; in both colour schemes where the window is narrow, since
    colours do not change with its width."""
    from axe_playwright_python.async_playwright import Axe  # heavy, and for this test only

    assert await page.evaluate(_CUT_OFF) == [], where
    for scheme in ("light", "dark") if page.viewport_size == NARROW else ("light",):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        response = (await Axe().run(page)).response
        found = [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in response["violations"]
            for node in one["nodes"]
        ]
        assert found == [], f"{where}, {scheme}"


@pytest_asyncio.fixture(loop_scope="session")
async def stage(request: pytest.FixtureRequest, log: list[Any], chromium: Browser) -> AsyncIterator[Stage]:
    size = getattr(request, "param", WIDE)
    async with open_stage(chromium, size, touch=size is NARROW) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def merchant(stage: Stage) -> AsyncIterator[Merchant]:
    async with httpx.AsyncClient(base_url=stage.sandbox.url) as http:
        merchant = await open_merchant(Box(stage.sandbox, http, Clock()))
        await merchant.box.control("POST", "/handsets", {"msisdn": OWNER, "balance": {"EUR": "100"}})
        yield merchant


@pytest.mark.parametrize("stage", [WIDE, NARROW], ids=["1280", "360"], indirect=True)
async def test_every_part_in_use_can_be_seen_and_read(stage: Stage, merchant: Merchant) -> None:
    page, part = stage.page, stage.page.get_by_test_id

    async def show(name: str) -> None:
        if await part(f"tab-{name}").is_visible():
            await part(f"tab-{name}").click()

    await look_over(page, "as it opens")
    # The phone: a screen that asks, one that is too long, and no answer.
    await part("phone-dial").click()
    await stage.screen("1. Pay")
    await stage.key("7")
    await stage.screen("aaa")
    await look_over(page, "phone")
    # The wallet: a message with a code, an invoice, a prompt with a wrong PIN.
    stage.sandbox.sandbox.world.send_sms(OWNER, "Kasapay", "Your code is 482913. Paid EUR 1,250.00.")
    await merchant.invoice(OWNER)
    await expect(part("sms-list")).to_contain_text("482913")
    await show("wallet")
    await expect(part("wallet-invoices")).to_be_visible()
    await look_over(page, "wallet")
    await merchant.pay(OWNER, payerMessage="Ama's Kitchen")
    await expect(part("wallet-prompt")).to_be_visible()
    await part("wallet-pin").fill("0000")
    await part("wallet-approve").click()
    await expect(part("wallet-problem")).to_contain_text("PIN")
    await look_over(page, "a prompt")
    await part("wallet-reject").click()
    # The chat: both sides, buttons, a result in place of what it was, a secret asked for.
    await show("chat")
    address = await stage.chat_address
    await part("chat-input").fill("hello")
    await part("chat-send").click()
    stage.world.store.say(address, "Approve on your phone.", (("Menu", "1:abc:1:h"),), ref="w1", at=1_000)
    await expect(part("chat-log")).to_contain_text("Approve on your phone.")
    buttons = (("Pay", "1:abc:1:0"), ("Back", "1:abc:1:b"))
    stage.world.store.say(address, "Paid: EUR 5.00", buttons, ref="w2", edits="w1", at=2_000)
    await expect(part("chat-log")).to_contain_text("Paid: EUR 5.00")
    await page.locator(".chat-hint summary").click()
    await look_over(page, "chat")
    if stage.page.viewport_size == NARROW:
        field, tabs = await part("chat-send").bounding_box(), await part("tab-chat").bounding_box()
        assert field
        assert tabs
        assert field["y"] + field["height"] <= tabs["y"], "one can reach what one writes in"
    # The orders, in their colours.
    put_order(stage.world)
    await show("orders")
    for state in (OrderState.PENDING, OrderState.SUCCESSFUL, OrderState.REVERSED):
        move(stage.world, state)
        await expect(part("order-state")).to_have_attribute("data-state", state.value)
        await look_over(page, f"orders, {state}")
    # The switches, on and with all of them open.
    await show("switches")
    await part("big-latency_ms").check()
    await expect(part("switches-reset")).to_be_enabled()
    await part("switches-more").locator("> summary").click()
    for group in await part("switches-more").locator("details > summary").all():
        await group.click()
    await look_over(page, "faults")
    await page.context.set_offline(True)
    await expect(part("away")).to_be_visible()
    await look_over(page, "offline")


@pytest.mark.parametrize("stage", [WIDE, NARROW], ids=["1280", "360"], indirect=True)
async def test_the_chats_own_page(stage: Stage) -> None:
    await stage.page.goto(stage.world.url + "/chat")
    await expect(stage.page.get_by_test_id("live")).to_have_text("Live")
    await stage.page.locator(".chat-hint summary").click()
    await look_over(stage.page, "empty")
    stage.world.store.say(await stage.chat_address, "Hello!", (("Menu", "1:abc:1:h"),))
    await expect(stage.page.get_by_test_id("chat-message")).to_contain_text("Hello!")
    await look_over(stage.page, "with a message")
    await stage.page.context.set_offline(True)
    await expect(stage.page.get_by_test_id("away")).to_contain_text("You are offline.")
    await look_over(stage.page, "offline")


async def test_the_focus_comes_back_from_the_wallets_prompt(stage: Stage, merchant: Merchant) -> None:
    page, part = stage.page, stage.page.get_by_test_id
    await part("phone-screen").focus()
    await merchant.pay(OWNER)
    await expect(part("wallet-pin")).to_be_focused()
    await page.keyboard.type("0000")
    await page.keyboard.press("Enter")
    await expect(part("wallet-problem")).to_contain_text("PIN")
    await expect(part("wallet-pin")).to_be_focused()
    await page.keyboard.type("1234")
    await page.keyboard.press("Enter")
    await expect(part("wallet-prompt")).to_be_hidden()
    await expect(part("phone-screen")).to_be_focused()
    # Where a person went to the prompt, the wallet keeps the focus.
    await part("chat-input").focus()
    await merchant.pay(OWNER)
    await expect(part("wallet-prompt")).to_be_visible()
    await part("wallet-reject").focus()
    await page.keyboard.press("Enter")
    await expect(part("wallet-prompt")).to_be_hidden()
    await expect(part("wallet")).to_be_focused()
    # What is drawn anew keeps it as well.
    put_order(stage.world)
    row = part("order-row").locator("summary")
    await row.focus()
    move(stage.world, OrderState.PENDING)
    await expect(part("order-state")).to_have_text("Pending")
    await expect(row).to_be_focused()
    await part("guide-close").focus()
    await page.keyboard.press("Enter")
    await expect(part("who-select")).to_be_focused()


@pytest.mark.parametrize("stage", [NARROW], ids=["360"], indirect=True)
async def test_what_happens_in_the_wallet_leads_to_it(stage: Stage, merchant: Merchant) -> None:
    part = stage.page.get_by_test_id
    await expect(part("to-wallet")).to_be_hidden()
    await merchant.pay(OWNER)
    await expect(part("to-wallet")).to_contain_text("The wallet asks for its PIN.")
    await part("to-wallet").tap()
    await expect(part("to-wallet")).to_be_hidden()
    await expect(part("wallet-approve")).to_be_in_viewport()
    await part("wallet-reject").tap()
    await part("tab-phone").tap()
    stage.sandbox.sandbox.world.send_sms(OWNER, "Kasapay", "Your code is 482913.")
    await expect(part("to-wallet")).to_contain_text("The wallet has an SMS.")
    await part("tab-wallet").tap()
    await part("tab-chat").tap()
    await expect(part("to-wallet")).to_be_hidden()


async def test_the_page_says_when_nobody_hears_it(stage: Stage) -> None:
    page, part = stage.page, stage.page.get_by_test_id
    await expect(part("away")).to_be_hidden()
    await page.context.set_offline(True)
    await expect(part("live")).to_have_text("Offline")
    await expect(part("away")).to_have_text("You are offline. What you type is not sent until you are back.")
    await part("phone-dial").click()
    await expect(part("phone-note")).to_have_text("You are offline: nothing was sent.")
    await page.context.set_offline(False)
    await expect(part("live")).to_have_text("Live")
    await expect(part("away")).to_be_hidden()
    # No network at all, and Kasapay on this very machine: nothing is lost.
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await expect(part("live")).to_have_text("Live")
    await expect(part("away")).to_be_hidden()
