"""Health, readiness, figures, pages for nobody in particular, and what every answer carries."""

from typing import Any

import aiohttp
import pytest

from tests.web.conftest import take_faults
from tests.web.fakes import TRYIT, World, serve


async def test_alive_is_alive(world: World, http: aiohttp.ClientSession) -> None:
    async with http.get(world.url + "/healthz") as reply:
        assert (reply.status, await reply.text()) == (200, "alive\n")


async def test_ready_lists_what_is_missing(world: World, http: aiohttp.ClientSession) -> None:
    async with http.get(world.url + "/readyz") as reply:
        assert (reply.status, await reply.json()) == (200, {"ready": True, "problems": []})
    world.problems.append("the store cannot commit")
    async with http.get(world.url + "/readyz") as reply:
        assert (reply.status, await reply.json()) == (
            503,
            {"ready": False, "problems": ["the store cannot commit"]},
        )


async def test_a_check_that_fails_is_not_ready(log: list[Any], http: aiohttp.ClientSession) -> None:
    async def broken() -> list[str]:
        raise OSError("disk")

    async with serve(ready=broken) as world, http.get(world.url + "/readyz") as reply:
        assert (reply.status, (await reply.json())["problems"]) == (503, ["the check itself failed"])
    assert len(take_faults(log)) == 1


async def test_metrics_are_text(world: World, http: aiohttp.ClientSession) -> None:
    async with http.get(world.url + "/metrics") as reply:
        assert reply.content_type == "text/plain"
        assert await reply.text() == "kasapay_up 1\n"


async def test_a_fault_of_ours_is_a_plain_sentence(log: list[Any], http: aiohttp.ClientSession) -> None:
    def broken() -> bytes:
        raise RuntimeError("token=abcdef +233240000001")

    async with serve(metrics=broken) as world, http.get(world.url + "/metrics") as reply:
        assert reply.status == 500
        assert await reply.json() == {"error": "Something went wrong on our side. Please try again."}
    (fault,) = take_faults(log)
    assert (fault["route"], fault["error"]) == ("/metrics", "RuntimeError")
    assert "abcdef" not in str(fault)


@pytest.mark.parametrize("path", ["/chat", "/healthz", "/nothing", "/static/base.css", "/ussd/x/y"])
async def test_every_answer_is_dressed(world: World, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(world.url + path) as reply:
        policy = reply.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert "Python" not in reply.headers["Server"]


async def test_a_browser_gets_a_sentence_and_a_program_json(
    world: World, http: aiohttp.ClientSession
) -> None:
    async with http.get(world.url + "/nothing", headers={"Accept": "text/html"}) as reply:
        assert (reply.status, await reply.text()) == (404, "Not found.\n")
    async with http.get(world.url + "/nothing") as reply:
        assert (reply.status, await reply.json()) == (404, {"error": "Not found."})


async def test_without_the_try_it_page_the_root_leads_to_the_chat(
    world: World, http: aiohttp.ClientSession
) -> None:
    async with http.get(world.url + "/", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (302, "/chat")
    for path in ("/try/setup", "/try/orders", "/try/events", "/try/sandbox/handsets"):
        async with http.get(world.url + path) as reply:
            assert reply.status == 404


@pytest.mark.parametrize("path", ["/", "/chat"])
async def test_pages_have_no_inline_script_or_style(
    log: list[Any], http: aiohttp.ClientSession, path: str
) -> None:
    async with serve(tryit=TRYIT) as world, http.get(world.url + path) as reply:
        page = await reply.text()
    assert reply.content_type == "text/html"
    assert " style=" not in page
    assert " onclick=" not in page
    assert "<script>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
