"""The wallet of the try-it page in a real browser: every kind of prompt, and invoices to pay."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chromium import DRIVES_CHROMIUM
from tests.sandbox.conftest import Box, Clock
from tests.sandbox.merchant import Merchant, open_merchant
from tests.web.test_page import Stage, open_stage

pytestmark = DRIVES_CHROMIUM
OWNER = "233240000001"


@pytest_asyncio.fixture(loop_scope="session")
async def stage(chromium: Browser) -> AsyncIterator[Stage]:
    async with open_stage(chromium, {"width": 1440, "height": 900}) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def merchant(stage: Stage) -> AsyncIterator[Merchant]:
    async with httpx.AsyncClient(base_url=stage.sandbox.url) as http:
        merchant = await open_merchant(Box(stage.sandbox, http, Clock()))
        await merchant.box.control("POST", "/handsets", {"msisdn": OWNER, "balance": {"EUR": "100"}})
        yield merchant


async def answer(stage: Stage, *, approve: bool) -> None:
    page = stage.page
    if approve:
        await page.get_by_test_id("wallet-pin").fill("1234")
    await page.get_by_test_id("wallet-approve" if approve else "wallet-reject").click()
    await expect(page.get_by_test_id("wallet-prompt")).to_be_hidden()


async def test_each_kind_of_prompt_says_what_it_asks(stage: Stage, merchant: Merchant) -> None:
    sheet = stage.page.get_by_test_id("wallet-prompt")
    await merchant.pay(OWNER, payerMessage="Water bill")
    await expect(sheet).to_contain_text("Pay Kasapay")
    await expect(stage.page.get_by_test_id("wallet-amount")).to_have_text("EUR 12.50")
    await answer(stage, approve=True)
    await merchant.withdraw(OWNER)
    await expect(sheet).to_contain_text("Withdraw cash at Kasapay")
    await answer(stage, approve=False)
    await merchant.pre_approve(OWNER)
    await expect(sheet).to_contain_text("take EUR from this wallet without asking, for 1 day")
    await expect(stage.page.get_by_test_id("wallet-amount")).to_be_hidden()
    await answer(stage, approve=True)
    assert await merchant.wallet(OWNER) == "87.50"
    assert stage.complaints == []


async def test_an_invoice_is_listed_and_paid(stage: Stage, merchant: Merchant) -> None:
    page = stage.page
    await expect(page.get_by_test_id("wallet-invoices")).to_be_hidden()
    await merchant.invoice(OWNER)
    invoice = page.get_by_test_id("invoice")
    await expect(invoice).to_contain_text("Kasapay")
    await expect(invoice).to_contain_text("EUR 75.00")
    await expect(invoice).to_contain_text("School fees term 2")
    await expect(page.get_by_test_id("wallet-prompt")).to_be_hidden()
    await page.get_by_test_id("invoice-pay").click()
    await expect(page.get_by_test_id("wallet-amount")).to_have_text("EUR 75.00")
    await expect(page.get_by_test_id("wallet-reject")).to_be_hidden()
    # Left, and taken up again with a wrong PIN first.
    await page.get_by_test_id("wallet-ignore").click()
    await expect(page.get_by_test_id("wallet-prompt")).to_be_hidden()
    await page.get_by_test_id("invoice-pay").click()
    await page.get_by_test_id("wallet-pin").fill("0000")
    await page.get_by_test_id("wallet-approve").click()
    await expect(page.get_by_test_id("wallet-problem")).to_contain_text("The PIN is wrong.")
    stage.complaints.clear()  # the browser's own line about the 403
    await answer(stage, approve=True)
    await expect(page.get_by_test_id("wallet-invoices")).to_be_hidden()
    await expect(page.get_by_test_id("wallet-balance")).to_contain_text("25.00")
    assert stage.complaints == []
