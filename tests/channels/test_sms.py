"""SMS through Africa's Talking against a real HTTP server: what is sent, and what every answer means."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bot.channels import (
    ChannelError,
    OutcomeUnknown,
    Outgoing,
    Refused,
    RetryLater,
    Sent,
    Unreachable,
)
from bot.channels.sms import AfricasTalkingSms
from bot.channels.sms_reports import DeliveryReport, read_delivery_report
from bot.providers.transport import open_transport

KEY = "atsk_0123456789abcdef"
NUMBER = "+254700000001"
TEXT = "Réglé ₵5 – code K7QX2A9M\nMerci"
MESSAGE = Outgoing(NUMBER, TEXT, key="result-1")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pretend:
    """The vendor's server: keeps what it was sent and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Mapping[str, str], dict[str, str]]] = []
        self.handler: Handler = self.answering(recipient(101))
        self.url = ""

    @staticmethod
    def answering(body: object, status: int = 201, headers: dict[str, str] | None = None) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            return web.Response(body=raw, status=status, headers=headers, content_type="application/json")

        return handler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.seen.append((request.method, request.path, request.headers, form))
        return await self.handler(request)


def recipient(code: object, **more: object) -> dict[str, Any]:
    one = {
        "statusCode": code,
        "number": NUMBER,
        "status": "Success",
        "cost": "KES 0.8000",
        "messageId": "ATXid_1",
    }
    return {"SMSMessageData": {"Message": "Sent to 1/1 Total Cost: KES 0.8000", "Recipients": [one | more]}}


@pytest.fixture
async def pretend() -> AsyncIterator[Pretend]:
    pretend = Pretend()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pretend.handle)
    async with TestServer(app, port=0) as server:
        pretend.url = str(server.make_url("/"))
        yield pretend


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=open_transport()) as client:
        yield client


@pytest.fixture
def sms(pretend: Pretend, client: httpx.AsyncClient) -> AfricasTalkingSms:
    return AfricasTalkingSms(client, username="sandbox", api_key=KEY, base_url=pretend.url, sender="KASAPAY")


async def refused(sms: AfricasTalkingSms) -> tuple[ChannelError, list[Any]]:
    """What sending raises and logs; neither may hold a number, a text or the key."""
    with capture_logs() as logs, pytest.raises(ChannelError) as raised:
        await sms.send(MESSAGE)
    told = repr(logs) + raised.value.detail + repr(raised.value) + str(raised.value)
    for secret in (KEY, NUMBER, NUMBER[1:], "K7QX2A9M"):
        assert secret not in told
    return raised.value, logs


async def test_a_message_goes_out_whole(pretend: Pretend, sms: AfricasTalkingSms) -> None:
    assert await sms.send(MESSAGE) == Sent("ATXid_1")
    ((method, path, headers, form),) = pretend.seen
    assert (method, path) == ("POST", "/version1/messaging")
    assert headers["apiKey"] == KEY
    assert headers["Accept"] == "application/json"
    assert headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert form == {"username": "sandbox", "to": NUMBER, "message": TEXT, "from": "KASAPAY"}


async def test_without_a_sender_the_account_speaks(pretend: Pretend, client: httpx.AsyncClient) -> None:
    sms = AfricasTalkingSms(client, username="u", api_key=KEY, base_url=pretend.url)
    await sms.send(Outgoing(NUMBER, "x" * 900))
    assert "from" not in pretend.seen[0][3]
    assert pretend.seen[0][3]["message"] == "x" * 900


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("code", [100, 101, 102, "101"])
async def test_taken(pretend: Pretend, sms: AfricasTalkingSms, code: object, status: int) -> None:
    pretend.handler = pretend.answering(recipient(code), status)
    assert await sms.send(MESSAGE) == Sent("ATXid_1")


@pytest.mark.parametrize("ref", ["None", "", None, 7, "a b", "x" * 200])
async def test_taken_without_an_id(pretend: Pretend, sms: AfricasTalkingSms, ref: object) -> None:
    pretend.handler = pretend.answering(recipient(101, messageId=ref))
    assert await sms.send(MESSAGE) == Sent("")


@pytest.mark.parametrize("code", [403, 404, 406, 407, 409, 502])
async def test_no_way_to_this_number(pretend: Pretend, sms: AfricasTalkingSms, code: int) -> None:
    pretend.handler = pretend.answering(recipient(code, status="UserInBlacklist"))
    error, logs = await refused(sms)
    assert isinstance(error, Unreachable)
    assert logs == []


@pytest.mark.parametrize("code", [500, 501])
async def test_their_fault_may_be_repeated(pretend: Pretend, sms: AfricasTalkingSms, code: int) -> None:
    pretend.handler = pretend.answering(recipient(code))
    error, _ = await refused(sms)
    assert isinstance(error, RetryLater)
    assert error.after_s == 60


async def test_an_empty_account_waits_long_and_alarms(pretend: Pretend, sms: AfricasTalkingSms) -> None:
    for body in (
        recipient(405, status="InsufficientBalance"),
        {"SMSMessageData": {"Message": "InsufficientBalance", "Recipients": []}},
    ):
        pretend.handler = pretend.answering(body)
        error, logs = await refused(sms)
        assert isinstance(error, RetryLater)
        assert error.after_s >= 600
        assert [(line["event"], line["log_level"]) for line in logs] == [("sms_balance_empty", "error")]


@pytest.mark.parametrize("code", [401, 402, 410, 999, 0, -1])
async def test_an_unknown_code_is_not_taken_and_logged(
    pretend: Pretend, sms: AfricasTalkingSms, code: int
) -> None:
    pretend.handler = pretend.answering(recipient(code))
    error, logs = await refused(sms)
    assert isinstance(error, Refused)
    assert [(line["event"], line["code"]) for line in logs] == [("sms_refused", code)]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("InvalidSenderId", "InvalidSenderId"),
        (f"Sent to 0/1, {NUMBER} failed", "no recipient"),
        (None, "no recipient"),
    ],
)
async def test_nobody_among_the_recipients(
    pretend: Pretend, sms: AfricasTalkingSms, message: object, why: str
) -> None:
    pretend.handler = pretend.answering({"SMSMessageData": {"Message": message, "Recipients": []}})
    error, logs = await refused(sms)
    assert isinstance(error, Refused)
    assert error.detail == why
    assert logs[0]["why"] == why


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b"[" * 5000,
        {"SMSMessageData": None},
        {"SMSMessageData": {"Recipients": [None]}},
        {"SMSMessageData": {"Recipients": [{}]}},
        {"SMSMessageData": {"Recipients": {"statusCode": 101}}},
        {"SMSMessageData": {"Recipients": [{"statusCode": "soon"}]}},
        {"SMSMessageData": {"Recipients": [{"statusCode": None}]}},
        b"x" * 100_000,
    ],
    ids=range(14),
)
async def test_an_answer_nobody_can_read_leaves_it_open(
    pretend: Pretend, sms: AfricasTalkingSms, body: object
) -> None:
    pretend.handler = pretend.answering(body)
    error, _ = await refused(sms)
    assert isinstance(error, OutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, RetryLater),
        (403, RetryLater),
        (404, Refused),
        (429, RetryLater),
        (302, Refused),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
    ],
)
async def test_http_statuses(
    pretend: Pretend, sms: AfricasTalkingSms, status: int, kind: type[ChannelError]
) -> None:
    pretend.handler = pretend.answering({"error": f"no such {NUMBER} {KEY}"}, status)
    error, logs = await refused(sms)
    assert type(error) is kind
    assert len(logs) == (1 if status in (400, 401, 403, 404, 302) else 0)


@pytest.mark.parametrize(
    ("header", "pause"), [("7", 7), ("0", 1), ("99999", 900), ("soon", 60), (None, 60), ("9" * 40, 60)]
)
async def test_a_limit_says_when_to_come_back(
    pretend: Pretend, sms: AfricasTalkingSms, header: str | None, pause: float
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    pretend.handler = pretend.answering({}, 429, headers)
    error, _ = await refused(sms)
    assert isinstance(error, RetryLater)
    assert error.after_s == pause


async def test_a_connection_never_made_may_be_repeated(client: httpx.AsyncClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    sms = AfricasTalkingSms(client, username="u", api_key=KEY, base_url=f"http://127.0.0.1:{port}")
    error, _ = await refused(sms)
    assert isinstance(error, RetryLater)


async def test_a_connection_that_breaks_leaves_it_open(pretend: Pretend, sms: AfricasTalkingSms) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    pretend.handler = drop
    error, _ = await refused(sms)
    assert isinstance(error, OutcomeUnknown)
    assert len(pretend.seen) == 1


async def test_an_answer_that_does_not_come_leaves_it_open(
    pretend: Pretend, client: httpx.AsyncClient
) -> None:
    enough = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        await enough.wait()
        return web.Response()

    pretend.handler = hold
    sms = AfricasTalkingSms(client, username="u", api_key=KEY, base_url=pretend.url, timeout_s=0.2)
    try:
        error, _ = await refused(sms)
    finally:
        enough.set()
    assert isinstance(error, OutcomeUnknown)


@pytest.mark.parametrize("key", ["", "a b", "clé", "a\nb"])
async def test_a_key_no_header_can_carry_is_refused_at_once(client: httpx.AsyncClient, key: str) -> None:
    with pytest.raises(ValueError, match="API key") as raised:
        AfricasTalkingSms(client, username="u", api_key=key)
    assert not key or key not in str(raised.value)


async def test_the_key_is_not_in_the_repr(sms: AfricasTalkingSms) -> None:
    assert KEY not in repr(sms)


# ---- delivery reports --------------------------------------------------------------------------------

FORM = {
    "id": "ATXid_1",
    "phoneNumber": NUMBER,
    "networkCode": "63902",
    "status": "Success",
    "failureReason": "",
    "retryCount": "0",
}


def test_a_report_is_read_without_its_number() -> None:
    report = read_delivery_report(FORM)
    assert report == DeliveryReport("ATXid_1", "Success", network="63902")
    assert report.delivered
    assert report.final
    assert NUMBER not in repr(report)


@pytest.mark.parametrize(
    ("status", "final"),
    [("Sent", False), ("Submitted", False), ("Buffered", False), ("Rejected", True), ("Failed", True),
     ("AbsentSubscriber", True), ("Expired", True)],
)  # fmt: skip
def test_what_the_words_mean(status: str, final: bool) -> None:
    report = read_delivery_report(FORM | {"status": status, "failureReason": "UserInBlackList"})
    assert report == DeliveryReport("ATXid_1", status, "UserInBlackList", "63902")
    assert (report.delivered, report.final) == (False, final)


def test_what_is_not_their_word_is_not_passed_on() -> None:
    report = read_delivery_report(
        FORM | {"status": f"to {NUMBER}", "failureReason": NUMBER, "networkCode": "<b>"}
    )
    assert report == DeliveryReport("ATXid_1", "Unknown")
    assert not report.final


@pytest.mark.parametrize(
    "form", [{}, {"id": "ATXid_1"}, {"status": "Success"}, FORM | {"id": "a b"}, FORM | {"id": "x" * 999}]
)
def test_a_form_that_is_no_report(form: dict[str, str]) -> None:
    assert read_delivery_report(form) is None
