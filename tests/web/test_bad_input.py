"""Every entrance against everything that may be sent to it: a clear 4xx or a screen, never a 500."""

import gzip
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bot.channels.ussd import GATEWAYS
from bot.sandbox import SandboxConfig, serve_sandbox
from bot.web import Limits
from bot.web.cookies import issue_cookie
from tests.gateways import CODE, simulate
from tests.web.fakes import MSISDN, SECRET, TRYIT, World, serve
from tests.web.raw import request, send_raw

COOKIE = "kasapay_chat=" + issue_cookie(b"k" * 32)
FORM = "application/x-www-form-urlencoded"

# name -> (method, path, headers)
ENTRANCES: dict[str, tuple[str, str, dict[str, str]]] = {
    **{
        name: (
            "POST",
            f"/ussd/{name}/{SECRET}",
            {"Content-Type": simulate(name, MSISDN).dial(CODE).content_type},
        )
        for name in GATEWAYS
    },
    "africastalking events": ("POST", f"/ussd/africastalking/{SECRET}/events", {"Content-Type": FORM}),
    "telegram": (
        "POST",
        "/telegram/webhook",
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "tele-secret"},
    ),
    "momo": ("PUT", "/callbacks/momo/some-token", {"Content-Type": "application/json"}),
    "momo post": ("POST", "/callbacks/momo/some-token", {"Content-Type": "application/json"}),
    "startbutton": ("POST", "/callbacks/startbutton/kenya", {"Content-Type": "application/json"}),
    "sms report": ("POST", "/sms/africastalking/sms-secret", {"Content-Type": FORM}),
    "chat": ("POST", "/chat/messages", {"Content-Type": "application/json", "Cookie": COOKIE}),
    "page's phone": ("POST", "/try/phone", {"Content-Type": "application/json"}),
    "sandbox": ("PUT", "/try/sandbox/faults", {"Content-Type": "application/json"}),
}
# Callbacks are hints: whatever their body, the answer is the same.
ANYTHING_GOES = {"momo", "momo post"}

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not UTF-8": b"\xff\xfe\xfa" * 10,
    "not UTF-8 once decoded": b"sessionId=%ff%fe&phoneNumber=%fa&text=%80",
    "a NUL": b"\x00",
    "JSON list": b"[1, 2, 3]",
    "JSON null": b"null",
    "JSON number": b"1e999",
    "JSON cut short": b'{"id": "abc',
    "JSON too deep": b"[" * 50_000,
    "objects too deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "lone surrogate": b'{"id": "\\ud800aaaaaaaa", "text": "\\udfff"}',
    "wrong types": b'{"id": 1, "text": [], "button": {}, "Type": 4, "Mobile": [], "SessionId": null}',
    "missing fields": b'{"text": "hello"}',
    "form without fields": b"a=1&b=2&&&==",
    "many fields": b"&".join(b"f%d=1" % n for n in range(5_000)),
    "huge number": b'{"update_id": 1' + b"0" * 5_000 + b"}",
}


def url_of(world: World, path: str) -> str:
    return world.url + path


@pytest.fixture
async def everything(log: list[Any]) -> Any:
    """Every entrance open, a sandbox behind its own."""
    async with serve_sandbox(SandboxConfig()) as sandbox:
        tryit = replace(TRYIT, sandbox_url=sandbox.url)
        async with serve(tryit=tryit, limits=Limits(body_s=5)) as world:
            yield world


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_bad_bodies_get_a_clear_refusal(
    everything: World, http: aiohttp.ClientSession, entrance: str, body: bytes
) -> None:
    method, path, headers = ENTRANCES[entrance]
    async with http.request(method, everything.url + path, data=body, headers=headers) as reply:
        text = await reply.text()
    if entrance in ANYTHING_GOES:
        assert (reply.status, text) == (200, "")
    elif entrance == "sms report" and reply.status == 200:
        assert body.isascii() or not body  # any readable form is taken
    else:
        assert 400 <= reply.status < 500
        assert text
        assert "Traceback" not in text
    assert everything.turns.heard == []


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_too_large_is_413_before_it_is_read(everything: World, entrance: str) -> None:
    method, path, headers = ENTRANCES[entrance]
    lines = [f"{name}: {value}" for name, value in headers.items()]
    # Announced and never sent: the answer may not wait for it.
    status, body = await send_raw(
        everything.url, request(method, path, "Content-Length: 10000000", *lines, body=b"x" * 100)
    )
    assert status == 413
    assert b"larger" in body


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_ten_megabytes_in_chunks_are_413(
    everything: World, http: aiohttp.ClientSession, entrance: str
) -> None:
    method, path, headers = ENTRANCES[entrance]

    async def chunks() -> Any:
        for _ in range(160):
            yield b"x" * 65536

    try:
        async with http.request(method, everything.url + path, data=chunks(), headers=headers) as reply:
            assert reply.status == 413
    except aiohttp.ClientOSError:
        pass  # the server had closed before all of it was written; the answer is tested above


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_a_small_bomb_is_413(everything: World, http: aiohttp.ClientSession, entrance: str) -> None:
    method, path, headers = ENTRANCES[entrance]
    bomb = gzip.compress(b"0" * 5_000_000)
    async with http.request(
        method, everything.url + path, data=bomb, headers=headers | {"Content-Encoding": "gzip"}
    ) as reply:
        assert reply.status in (400, 413)


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_garbage_said_to_be_gzip_is_400(
    everything: World, http: aiohttp.ClientSession, entrance: str
) -> None:
    method, path, headers = ENTRANCES[entrance]
    async with http.request(
        method, everything.url + path, data=b"no gzip at all", headers=headers | {"Content-Encoding": "gzip"}
    ) as reply:
        assert reply.status == 400


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_a_body_that_does_not_come_is_408(log: list[Any], entrance: str) -> None:
    method, path, headers = ENTRANCES[entrance]
    lines = [f"{name}: {value}" for name, value in headers.items()]
    async with serve(tryit=TRYIT, limits=Limits(body_s=0.02)) as world:
        status, _ = await send_raw(
            world.url, request(method, path, "Content-Length: 50", *lines, body=b"abc")
        )
        assert status == 408
        assert world.turns.heard == []


@pytest.mark.parametrize("framing", ["Content-Length: 50", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_a_truncated_body_starts_nothing(everything: World, entrance: str, framing: str) -> None:
    method, path, headers = ENTRANCES[entrance]
    lines = [f"{name}: {value}" for name, value in headers.items()]
    body = b"abc" if "Length" in framing else b"5\r\nab"
    status, _ = await send_raw(everything.url, request(method, path, framing, *lines, body=body), end=True)
    assert status in (0, 400)  # 0: gone before we could answer
    assert everything.turns.heard == []


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: many",
        "Content-Length: -5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Bad Header",
        "X: a\x00b",
    ],
)
async def test_broken_heads_are_400_and_no_traceback(everything: World, log: list[Any], head: str) -> None:
    data = request("POST", f"/ussd/africastalking/{SECRET}", head, body=b"abc")
    status, _ = await send_raw(everything.url, data)
    assert status == 400
    told = [line for line in log if not line["event"].startswith("sandbox.")]
    assert all(line["log_level"] == "warning" and "exc_info" not in line for line in told)


@pytest.mark.parametrize(
    "entrance", [name for name in ENTRANCES if name not in ("momo", "momo post", "sandbox")]
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "OPTIONS"])
async def test_wrong_methods_are_405(
    everything: World, http: aiohttp.ClientSession, entrance: str, method: str
) -> None:
    _, path, headers = ENTRANCES[entrance]
    if entrance in GATEWAYS and method in GATEWAYS[entrance].manners.methods:
        return
    async with http.request(method, everything.url + path, headers=headers) as reply:
        assert reply.status == 405
        assert "POST" in reply.headers["Allow"]
        assert await reply.json() == {"error": "This address does not take that method."}


@pytest.mark.parametrize(
    "path",
    [
        "/ussd/africastalking/wrong",
        "/ussd/nosuchgateway/" + SECRET,
        "/ussd/africastalking/%ff%fe",
        "/ussd/africastalking/%00",
        "/ussd/africastalking/" + SECRET + "x",
        "/ussd/africastalking",
        "/ussd//" + SECRET,
        "/ussd/africastalking/" + SECRET.upper(),
        "/sms/africastalking/wrong",
        "/sms/africastalking/%ff",
        "/nothing/here",
        "/static/../parts.py",
        "/static/%2e%2e/parts.py",
        "/static/" + "a" * 300,
        "/static/chat.js/../" + "a" * 5000,
        "/try/sandbox/../../etc",
        "/try/sandbox/%2e%2e/momo",
    ],
)
async def test_wrong_secrets_and_paths_are_the_same_404(everything: World, path: str) -> None:
    status, body = await send_raw(everything.url, request("POST" if "static" not in path else "GET", path))
    assert (status, json.loads(body)) == (404, {"error": "Not found."})


async def test_a_session_that_can_be_read_gets_a_screen_whatever_its_text(
    everything: World, http: aiohttp.ClientSession
) -> None:
    form = {
        "sessionId": "ATUid_1",
        "phoneNumber": MSISDN,
        "serviceCode": "*920*10#",
        "text": "%00\x01💥" * 40,
    }
    async with http.post(everything.url + f"/ussd/africastalking/{SECRET}", data=form) as reply:
        assert (reply.status, await reply.text()) == (200, "CON Screen 1")


async def test_an_error_page_says_nothing_of_what_was_sent(
    everything: World, http: aiohttp.ClientSession
) -> None:
    async with http.post(
        everything.url + "/chat/messages",
        data=b'{"id": "+233240000001-secret", "text": 5}',
        headers={"Content-Type": "application/json", "Cookie": COOKIE},
    ) as reply:
        assert reply.status == 400
        assert "233240000001" not in await reply.text()
