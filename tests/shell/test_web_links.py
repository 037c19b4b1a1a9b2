"""A web chat's link, over HTTP: under which cookie it stands, and how it ends."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.admin.registry import COMMANDS, CommandError
from bot.web.cookies import issue_cookie
from tests.conversations.people import Phone, decide
from tests.conversations.stage import EFUA, Stage, open_stage


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, template) as opened:
        yield opened


class Browser:
    """A browser on the chat's page: it keeps its cookie and repeats nothing by itself."""

    def __init__(self, stage: Stage, cookie: str = "") -> None:
        self.stage = stage
        self.cookie = cookie
        self.count = 0

    async def __aenter__(self) -> "Browser":
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        if not self.cookie:
            async with self.http.get(f"{self.url}/chat") as page:
                self._keep(page)
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.http.close()

    @property
    def url(self) -> str:
        return self.stage.settings.public_url

    def _keep(self, reply: aiohttp.ClientResponse) -> None:
        if found := re.match(r"kasapay_chat=([0-9a-f]+);", reply.headers.get("Set-Cookie", "")):
            self.cookie = found[1]

    async def says(self, text: str, *, answered: bool = True) -> str:
        """Say something and let it settle; the message's id. `answered` False: the answer is lost."""
        self.count += 1
        message_id = f"{self.cookie[:8]}-{self.count}"
        await self.sends(message_id, text, answered=answered)
        return message_id

    async def sends(self, message_id: str, text: str, *, answered: bool = True) -> dict[str, Any]:
        headers = {"Cookie": f"kasapay_chat={self.cookie}", "Accept-Language": "en-GB"}
        said = {"id": message_id, "text": text}
        async with self.http.post(f"{self.url}/chat/messages", json=said, headers=headers) as reply:
            assert reply.status == 202
            if answered:
                self._keep(reply)
            found: dict[str, Any] = await reply.json()
        await self.stage.settle()
        return found

    async def reads(self) -> list[str]:
        headers = {"Cookie": f"kasapay_chat={self.cookie}"}
        async with self.http.get(f"{self.url}/chat/history", headers=headers) as reply:
            messages = (await reply.json())["messages"]
        return [message["text"] for message in messages if not message.get("mine")]


async def code_of(stage: Stage) -> str:
    phone = Phone(stage, EFUA)
    await phone.dial()
    for said in ("4", "5"):
        await phone.answer(said)
    return stage.ids.drawn[-1]


async def link(stage: Stage, browser: Browser) -> None:
    code = await code_of(stage)
    for said in ("hello", "4", "5", "0240000001", code):
        await browser.says(said)


async def linked(stage: Stage) -> list[str]:
    return [
        row["value"]
        for row in stage.rows(
            "SELECT value FROM addresses WHERE kind = 'web' AND verified_ms IS NOT NULL AND ended_ms IS NULL"
        )
    ]


async def test_a_link_is_under_a_cookie_that_nobody_knew_before(stage: Stage) -> None:
    """Whoever put their own cookie into somebody's browser has nothing once that person links the chat."""
    async with Browser(stage) as efua, Browser(stage, efua.cookie) as planter:
        await link(stage, efua)
        assert efua.cookie != planter.cookie
        assert any("Linked" in text for text in await efua.reads())
        assert await planter.reads() == []
        await planter.says("2")
        assert not any("Linked" in text for text in await planter.reads())
    assert len(await linked(stage)) == 1


async def test_a_browser_that_missed_its_new_cookie_gets_it_by_sending_again(stage: Stage) -> None:
    async with Browser(stage) as efua:
        code = await code_of(stage)
        for said in ("hello", "4", "5", "0240000001"):
            await efua.says(said)
        message_id = await efua.says(code, answered=False)
        assert (await efua.sends(message_id, code))["renewed"]
        assert any("Linked" in text for text in await efua.reads())


# ---- the end of a link


async def pay(browser: Browser) -> None:
    """A payment of the linked number's own wallet, on its way."""
    for word in ("menu", "1", "1001", "2", "1"):
        await browser.says(word)
    assert "A PIN request is on its way" in (await browser.reads())[-1]


async def assert_gone(stage: Stage, browser: Browser) -> None:
    """The chat shows and hears nothing of the person any more; the result goes to the phone."""
    before = len(stage.inbox(EFUA))
    decide(stage, EFUA, "approve")
    await stage.pass_time(60)
    assert await linked(stage) == []
    assert "GHS 2.00" in stage.inbox(EFUA)[before]
    await browser.says("2")
    read = await browser.reads()
    assert not any("1001" in text or "GHS" in text or "Ama" in text for text in read)
    await browser.says("menu")
    await browser.says("2")
    assert "no payments" in (await browser.reads())[-1].lower()


async def test_a_link_is_ended_on_the_phone(stage: Stage) -> None:
    async with Browser(stage) as efua:
        await link(stage, efua)
        await pay(efua)
        phone = Phone(stage, EFUA)
        await phone.dial()
        for said in ("4", "5", "2"):
            await phone.answer(said)
        assert "Web chat" in phone.screen.text
        assert "ended" in (await phone.answer("1")).text
        await assert_gone(stage, efua)


async def test_a_link_is_ended_in_the_chat(stage: Stage) -> None:
    async with Browser(stage) as efua:
        await link(stage, efua)
        await pay(efua)
        for word in ("menu", "4", "5", "2", "2"):
            await efua.says(word)
        assert len(await linked(stage)) == 1
        for word in ("menu", "4", "5", "2", "1"):
            await efua.says(word)
        assert len(await efua.reads()) == 1
        assert "ended" in (await efua.reads())[0]
        await assert_gone(stage, efua)


async def test_a_link_is_ended_by_the_operator(stage: Stage) -> None:
    async with Browser(stage) as efua:
        await link(stage, efua)
        await pay(efua)
        desk = stage.kasapay.admin
        for as_written in (EFUA, "0240000001", "024 000 0001"):
            assert (await COMMANDS["people.show"](desk, {"number": as_written}))["number"] == EFUA
        shown = await COMMANDS["people.show"](desk, {"number": EFUA.lstrip("+")})
        (chat,) = shown["chats"]
        assert (chat["kind"], shown["number"]) == ("web", EFUA)
        for wrong in (
            {"number": EFUA},
            {"number": "+233249999999", "all": True},
            {"number": "x", "all": True},
        ):
            with pytest.raises(CommandError):
                await COMMANDS["people.unlink"](desk, wrong)
        assert (await COMMANDS["people.unlink"](desk, {"number": EFUA, "chat": chat["id"]}))["chats"] == [
            "web"
        ]
        assert (await COMMANDS["people.show"](desk, {"number": EFUA}))["chats"] == []
        await assert_gone(stage, efua)


async def test_a_role_taken_up_in_a_chat_is_under_a_new_cookie_and_ends_with_the_link(stage: Stage) -> None:
    async with Browser(stage) as yaw:
        await link(stage, yaw)
        before = yaw.cookie
        code = await stage.staff_code("1001")
        for word in ("menu", "4", "8", code):
            await yaw.says(word)
        pin = "4711"
        await yaw.says(pin)
        if "again" in (await yaw.reads())[-1]:
            await yaw.says(pin)
        assert yaw.cookie != before
        roles = "SELECT address_value FROM staff WHERE name = 'Yaw'"
        assert [row["address_value"] for row in stage.rows(roles)] == await linked(stage)
        await COMMANDS["people.unlink"](stage.kasapay.admin, {"number": EFUA, "all": True})
        assert [row["address_value"] for row in stage.rows(roles)] == [""]


@pytest.mark.parametrize("cookie", ["ab" * 16, "ab" * 32, issue_cookie(b"somebody else", "cd" * 16)])
async def test_a_cookie_that_we_did_not_issue_is_replaced(stage: Stage, cookie: str) -> None:
    async with Browser(stage, cookie) as browser:
        headers = {"Cookie": f"kasapay_chat={cookie}"}
        async with browser.http.get(f"{browser.url}/chat", headers=headers) as page:
            browser._keep(page)
    assert browser.cookie != cookie
