"""The web chat: whose it is, what is taken, and what comes back in which order."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest

from bot.dialog import Answer, Inbound, Pressed, Typed
from bot.web import Limits
from bot.web.cookies import address_of, issue_cookie
from tests.web.conftest import take_faults
from tests.web.fakes import FakeTurns, World, serve

KEY = b"k" * 32
COOKIE = issue_cookie(KEY, "0123456789abcdef0123456789abcdef")
VALUE = address_of(COOKIE, KEY)
HEADERS = {"Cookie": f"kasapay_chat={COOKIE}"}
ID = "11111111-2222-3333-4444-555555555555"


async def say(
    http: aiohttp.ClientSession, world: World, body: Any, **headers: str
) -> tuple[int, dict[str, Any]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.post(world.url + "/chat/messages", json=body, headers=HEADERS | named) as reply:
        return reply.status, await reply.json()


@asynccontextmanager
async def events(
    http: aiohttp.ClientSession, world: World, query: str = "", **headers: str
) -> AsyncIterator[AsyncIterator[tuple[str, dict[str, Any]]]]:
    """The chat's stream as (event id, message), once it is open."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.get(world.url + "/chat/events" + query, headers=HEADERS | named) as reply:
        assert reply.status == 200
        assert reply.content_type == "text/event-stream"
        yield read_events(reply)


async def read_events(reply: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    event_id = ""
    async for line in reply.content:
        if line.startswith(b"id: "):
            event_id = line[4:].decode().strip()
        elif line.startswith(b"data: "):
            yield event_id, json.loads(line[6:])


async def test_the_page_gives_a_cookie_that_scripts_cannot_read(
    world: World, http: aiohttp.ClientSession
) -> None:
    async with http.get(world.url + "/chat") as reply:
        assert reply.status == 200
        cookie = reply.headers["Set-Cookie"]
    assert re.match(r"kasapay_chat=[0-9a-f]{64};", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    async with http.get(world.url + "/chat") as reply:
        assert reply.headers["Set-Cookie"].split(";")[0] == cookie.split(";")[0]  # kept, not made anew


async def test_the_cookie_is_secure_where_the_site_is(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(secure_cookies=True) as world, http.get(world.url + "/chat") as reply:
        cookie = reply.headers["Set-Cookie"]
    # Only over https, for this host alone, whoever else may set cookies for the domain.
    assert re.match(r"__Host-kasapay_chat=[0-9a-f]{64};", cookie)
    assert {"Secure", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "cookie",
    [
        *("", "short", "Z" * 64, COOKIE.upper(), COOKIE + "0", "x; y"),
        COOKIE[:32],  # what counted before cookies were signed
        "0" * 64,
        "f" + COOKIE[1:],
        issue_cookie(b"another key" * 3, "cd" * 16),
    ],
)
async def test_a_cookie_we_did_not_issue_is_nobody(
    world: World, http: aiohttp.ClientSession, cookie: str
) -> None:
    headers = {"Cookie": f"kasapay_chat={cookie}"}
    async with http.post(
        world.url + "/chat/messages", json={"id": ID, "text": "hi"}, headers=headers
    ) as reply:
        assert (reply.status, await reply.json()) == (401, {"error": "Open the chat's page first."})
    for path in ("/chat/history", "/chat/events"):
        async with http.get(world.url + path, headers=headers) as reply:
            assert reply.status == 401


async def test_a_message_is_a_turn_of_an_unverified_address(
    world: World, http: aiohttp.ClientSession
) -> None:
    status, body = await say(http, world, {"id": ID, "text": "hello"}, Accept_Language="fr-CI,fr;q=0.9")
    assert (status, body) == (202, {"id": ID})
    (inbound,) = world.turns.heard
    assert inbound.input == Typed("hello")
    assert (inbound.channel, inbound.address.kind, inbound.address.value) == ("web", "web", VALUE)
    assert (inbound.turn_key, inbound.verified, inbound.language) == (ID, False, "fr-CI")
    assert COOKIE not in str(inbound)


@pytest.mark.parametrize(
    ("forwarded", "peer"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.1, 192.0.2.7", "192.0.2.7"),
        # Of IPv6 a customer has a whole network.
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "127.0.0.1"),
        ("rubbish", "unknown"),
    ],
)
async def test_tries_are_counted_by_the_address_behind_the_proxy(forwarded: str, peer: str) -> None:
    async with (
        serve(trusted_proxies=(ip_network("127.0.0.0/8"),)) as world,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        await say(http, world, {"id": ID, "text": "hello"}, X_Forwarded_For=forwarded)
        assert [inbound.peer for inbound in world.turns.heard] == [peer]


async def test_without_a_trusted_proxy_nobody_says_another_address(
    world: World, http: aiohttp.ClientSession
) -> None:
    await say(http, world, {"id": ID, "text": "hello"}, X_Forwarded_For="192.0.2.7")
    assert world.turns.heard[0].peer == "127.0.0.1"


async def test_a_button_is_a_press(world: World, http: aiohttp.ClientSession) -> None:
    status, _ = await say(http, world, {"id": ID, "button": "1:abc:4:2"})
    assert status == 202
    assert world.turns.heard[0].input == Pressed("abc", 4, "#2")


@pytest.mark.parametrize(
    "body",
    [
        {"id": ID},
        {"id": ID, "text": "a", "button": "1:abc:4:2"},
        {"id": ID, "text": "   "},
        {"id": ID, "text": "\x00\x07"},
        {"id": ID, "text": "a" * 1001},
        {"id": ID, "button": "nonsense"},
        {"id": ID, "button": "1:abc:4:" + "9" * 80},
        {"id": "short", "text": "hi"},
        {"id": "a" * 65, "text": "hi"},
        {"id": "no spaces please", "text": "hi"},
        {"id": None, "text": "hi"},
        {"text": "hi"},
        ["hi"],
        "hi",
    ],
)
async def test_messages_that_make_no_sense_are_400(
    world: World, http: aiohttp.ClientSession, body: Any
) -> None:
    status, answer = await say(http, world, body)
    assert status == 400
    assert answer["error"].endswith(".")
    assert world.turns.heard == []


async def test_unseen_characters_are_left_out(world: World, http: aiohttp.ClientSession) -> None:
    await say(http, world, {"id": ID, "text": "a\x00b\x1bc\nd"})
    assert world.turns.heard[0].input == Typed("abc\nd")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Sec_Fetch_Site": "same-origin"}, 202),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[broken"}, 403),
    ],
)
async def test_other_sites_cannot_speak_here(
    world: World, http: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    got, _ = await say(http, world, {"id": ID, "text": "hi"}, **headers)
    assert got == status


async def test_our_own_origin_may_speak(world: World, http: aiohttp.ClientSession) -> None:
    assert (await say(http, world, {"id": ID, "text": "hi"}, Origin=world.url))[0] == 202


async def test_a_form_of_another_site_is_not_json(world: World, http: aiohttp.ClientSession) -> None:
    body = json.dumps({"id": ID, "text": "hi"}).encode()
    headers = HEADERS | {"Content-Type": "text/plain"}
    async with http.post(world.url + "/chat/messages", data=body, headers=headers) as reply:
        assert reply.status == 415


async def test_a_turn_that_fails_may_be_sent_again_under_its_id(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    async def fail(inbound: Inbound) -> Answer:
        raise RuntimeError("away")

    turns = FakeTurns(on_take=fail)
    async with serve(turns=turns) as world:
        status, answer = await say(http, world, {"id": ID, "text": "hi"})
        assert status == 503
        assert "try again" in answer["error"]
        turns.on_take = None
        assert (await say(http, world, {"id": ID, "text": "hi"}))[0] == 202
    assert [inbound.turn_key for inbound in turns.heard] == [ID, ID]
    assert len(take_faults(log)) == 1


async def test_a_chatterbox_is_asked_to_wait(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(limits=Limits(chat_burst=3, chat_per_s=1)) as world:
        got = [(await say(http, world, {"id": f"{ID}{n}", "text": "hi"}))[0] for n in range(4)]
        assert got == [202, 202, 202, 429]
        world.now[0] += 1_000
        assert (await say(http, world, {"id": ID, "text": "hi"}))[0] == 202


async def test_a_new_cookie_does_not_fill_the_bucket_of_its_caller(
    log: list[Any], http: aiohttp.ClientSession
) -> None:
    async with serve(limits=Limits(chat_burst=1, chat_per_s=0)) as world:
        got = []
        for number in range(7):
            cookie = {"Cookie": f"kasapay_chat={issue_cookie(KEY, f'{number:032x}')}"}
            async with http.post(
                world.url + "/chat/messages", json={"id": ID, "text": "hi"}, headers=cookie
            ) as reply:
                got.append(reply.status)
        assert got == [202] * 5 + [429] * 2


async def test_history_is_ones_own_and_oldest_first(world: World, http: aiohttp.ClientSession) -> None:
    world.store.say(VALUE, "first", (("Pay", "1:abc:1:0"),), at=1_000)
    world.store.say("someone-else", "secret", at=1_500)
    world.store.say(VALUE, "second", edits="w1", ref="w1", at=2_000, wants="secret")
    async with http.get(world.url + "/chat/history?after=0", headers=HEADERS) as reply:
        page = await reply.json()
    assert page["more"] is False
    assert page["messages"] == [
        {
            "id": "m1",
            "ref": "w1",
            "text": "first",
            "buttons": [{"label": "Pay", "data": "1:abc:1:0"}],
            "wants": "",
            "edits": "",
            "at": 1_000,
        },
        {
            "id": "m3",
            "ref": "w1",
            "text": "second",
            "buttons": [],
            "wants": "secret",
            "edits": "w1",
            "at": 2_000,
        },
    ]
    async with http.get(world.url + "/chat/history?after=1000", headers=HEADERS) as reply:
        assert [one["id"] for one in (await reply.json())["messages"]] == ["m3"]


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 16, "٣", "%ff"])
async def test_a_time_that_is_none_is_400(world: World, http: aiohttp.ClientSession, after: str) -> None:
    for path in ("/chat/history", "/chat/events"):
        async with http.get(f"{world.url}{path}?after={after}", headers=HEADERS) as reply:
            assert reply.status == 400


async def test_long_histories_come_in_pages(world: World, http: aiohttp.ClientSession) -> None:
    for number in range(250):
        world.store.say(VALUE, str(number), at=number + 1)
    seen: list[str] = []
    after, more = 0, True
    while more:
        async with http.get(f"{world.url}/chat/history?after={after}", headers=HEADERS) as reply:
            page = await reply.json()
        seen += [one["text"] for one in page["messages"]]
        after, more = page["messages"][-1]["at"], page["more"]
    assert seen == [str(number) for number in range(250)]


async def test_messages_come_as_they_are_sent(world: World, http: aiohttp.ClientSession) -> None:
    async with events(http, world) as stream:
        world.store.say(VALUE, "one", at=5_000)
        event_id, message = await anext(stream)
        assert (event_id, message["text"]) == ("5000", "one")
        world.store.say("someone-else", "not yours", at=5_500)
        world.store.say(VALUE, "two", at=6_000)
        assert (await anext(stream))[1]["text"] == "two"


async def test_two_messages_of_one_moment_both_come_and_once(
    world: World, http: aiohttp.ClientSession
) -> None:
    world.store.say(VALUE, "one", at=5_000)
    async with events(http, world) as stream:
        assert (await anext(stream))[1]["text"] == "one"
        world.store.say(VALUE, "two", at=5_000)
        # Became visible late, with an earlier time: another worker sent it.
        world.store.say(VALUE, "zero", at=4_000)
        assert {(await anext(stream))[1]["text"] for _ in range(2)} == {"two", "zero"}
        world.store.say(VALUE, "three", at=7_000)
        assert (await anext(stream))[1]["text"] == "three"


async def test_a_stream_goes_on_where_it_broke(world: World, http: aiohttp.ClientSession) -> None:
    world.store.say(VALUE, "long ago", at=1_000)
    world.store.say(VALUE, "missed", at=61_000)
    async with events(http, world, "?after=0", Last_Event_ID="60000") as stream:
        assert (await anext(stream))[1]["text"] == "missed"


async def test_a_long_absence_is_caught_up(world: World, http: aiohttp.ClientSession) -> None:
    for number in range(350):
        world.store.say(VALUE, str(number), at=10_000 + number)
    async with events(http, world) as stream:
        seen = [(await anext(stream))[1]["text"] for _ in range(350)]
    assert seen == [str(number) for number in range(350)]


async def test_streams_end_when_the_server_stops(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(limits=Limits(chat_poll_s=3_600)) as world:
        reply = await http.get(world.url + "/chat/events", headers=HEADERS)
        assert await reply.content.readline() == b"retry: 1000\n"
        reading = asyncio.create_task(reply.read())
    assert b": open" in await reading


async def test_a_stream_whose_store_fails_just_ends(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve() as world:
        world.store.down = True
        async with events(http, world) as stream:
            assert [one async for one in stream] == []
        world.store.down = False
        world.store.say(VALUE, "back", at=1_000)
        async with events(http, world) as stream:
            assert (await anext(stream))[1]["text"] == "back"
    assert len(take_faults(log)) == 1


async def test_windows_are_limited_and_given_back(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with serve(limits=Limits(windows_per_chat=1)) as world, events(http, world):
        async with http.get(world.url + "/chat/events", headers=HEADERS) as reply:
            assert reply.status == 429
        other = {"Cookie": "kasapay_chat=" + issue_cookie(KEY)}
        async with http.get(world.url + "/chat/events", headers=other) as reply:
            assert reply.status == 200


async def test_a_silent_stream_says_that_it_lives(log: list[Any], http: aiohttp.ClientSession) -> None:
    async with (
        serve(limits=Limits(heartbeat_s=0, chat_poll_s=0.01)) as world,
        http.get(world.url + "/chat/events", headers=HEADERS) as reply,
    ):
        async for line in reply.content:
            if line == b": still here\n":
                break
        else:
            pytest.fail("no sign of life")


async def test_switched_off_nobody_reaches_the_chat_and_nothing_leads_to_it(
    http: aiohttp.ClientSession,
) -> None:
    async with serve(web_chat=False) as world:
        for method, path in (
            ("GET", "/"),
            ("GET", "/chat"),
            ("POST", "/chat/messages"),
            ("GET", "/chat/history"),
            ("GET", "/chat/events"),
        ):
            async with http.request(method, world.url + path, allow_redirects=False) as reply:
                assert reply.status == 404, path
        assert world.turns.heard == []


async def test_history_and_stream_hold_both_halves(world: World, http: aiohttp.ClientSession) -> None:
    world.store.hear(VALUE, "1001", ID, at=1_000)
    world.store.say(VALUE, "Amount?", at=1_001)
    async with http.get(world.url + "/chat/history", headers=HEADERS) as reply:
        own, theirs = (await reply.json())["messages"]
    assert own == {"id": "m1", "mine": True, "of": ID, "text": "1001", "at": 1_000}
    assert "mine" not in theirs
    async with events(http, world) as stream:
        assert (await anext(stream))[1] == own


async def test_what_is_said_in_passing_comes_with_the_receipt(
    world: World, http: aiohttp.ClientSession
) -> None:
    world.turns.in_passing = "That was answered already."
    assert await say(http, world, {"id": ID, "button": "1:abc:4:2"}) == (
        202,
        {"id": ID, "notice": "That was answered already."},
    )
