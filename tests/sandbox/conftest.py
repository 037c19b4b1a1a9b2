"""A sandbox on a real socket with a clock that stands still, and somebody who receives callbacks."""

import base64
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.sandbox import Running, SandboxConfig, serve_sandbox

KEY = "0123456789abcdef0123456789abcdef"
PAYER = "233551112233"
PUBLIC, SECRET = "pk_test_1", "sk_test_1"


@dataclass
class Clock:
    """Stands still until told."""

    seconds: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The callback endpoint of a merchant."""

    url: str = ""
    status: int = 200
    got: list[Received] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Received(request.method, request.path, headers, await request.read()))
        return web.Response(status=self.status)


@dataclass
class Box:
    """A running sandbox, a client for it and the usual moves of a MoMo client."""

    running: Running
    http: httpx.AsyncClient
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    async def control(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """A control call that must answer `status`."""
        answer = await self.http.request(method, f"/_sandbox{path}", json=body)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    async def faults(self, **values: Any) -> None:
        await self.control("PUT", "/faults", values)

    async def advance(self, seconds: float) -> None:
        await self.control("POST", "/clock", {"advance_s": seconds})
        await self.running.drain()

    async def provision(self, host: str = "127.0.0.1", product: str = "collection") -> None:
        """Make an API user, its key and a token, as a fresh developer would; sets `headers`."""
        user = str(uuid.uuid4())
        key = {"Ocp-Apim-Subscription-Key": KEY}
        made = await self.http.post(
            "/v1_0/apiuser", headers={**key, "X-Reference-Id": user}, json={"providerCallbackHost": host}
        )
        assert made.status_code == 201, made.text
        api_key = (await self.http.post(f"/v1_0/apiuser/{user}/apikey", headers=key)).json()["apiKey"]
        await self.login(user, api_key, product=product)

    async def login(
        self, user: str, api_key: str, *, product: str = "collection", env: str = "sandbox"
    ) -> None:
        basic = base64.b64encode(f"{user}:{api_key}".encode()).decode()
        answer = await self.http.post(
            f"/{product}/token/",
            headers={"Authorization": f"Basic {basic}", "Ocp-Apim-Subscription-Key": KEY},
        )
        assert answer.status_code == 200, answer.text
        self.headers = {
            "Authorization": f"Bearer {answer.json()['access_token']}",
            "Ocp-Apim-Subscription-Key": KEY,
            "X-Target-Environment": env,
        }

    async def pay(
        self,
        party: str = "46733000000",
        *,
        reference: str | None = None,
        callback: str | None = None,
        **body: Any,
    ) -> tuple[str, httpx.Response]:
        """A request to pay; returns its reference and the answer."""
        reference = reference or str(uuid.uuid4())
        headers = {**self.headers, "X-Reference-Id": reference}
        if callback is not None:
            headers["X-Callback-Url"] = callback
        wanted = {
            "amount": "12.50",
            "currency": "EUR",
            "externalId": "K7QX2A9M",
            "payer": {"partyIdType": "MSISDN", "partyId": party},
            "payerMessage": "Water bill",
            "payeeNote": "Acct 1042",
        } | body
        return reference, await self.http.post("/collection/v1_0/requesttopay", headers=headers, json=wanted)

    async def accepted(self, party: str = "46733000000", **more: Any) -> str:
        """A request to pay that must be accepted; returns its reference."""
        reference, answer = await self.pay(party, **more)
        assert (answer.status_code, answer.content) == (202, b""), answer.text
        return reference

    async def status(self, reference: str) -> httpx.Response:
        return await self.http.get(f"/collection/v1_0/requesttopay/{reference}", headers=self.headers)

    async def result(self, reference: str) -> dict[str, Any]:
        answer = await self.status(reference)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def charge(self, phone: str = "0551112233", *, key: str = PUBLIC, **body: Any) -> httpx.Response:
        wanted = {
            "provider": "MTN",
            "phone": phone,
            "email": "payer@shop.example",
            "amount": 12500,
            "currency": "GHS",
            "reference": uuid.uuid4().hex,
        } | body
        return await self.http.post(
            "/transaction/initialize/s2s/mobile_money",
            headers={"Authorization": f"Bearer {key}"},
            json={name: value for name, value in wanted.items() if value is not None},
        )

    async def otp(self, reference: str, otp: Any) -> httpx.Response:
        return await self.http.post(
            "/transaction/initialize/s2s/mobile_money/otp-verify",
            headers={"Authorization": f"Bearer {PUBLIC}"},
            json={"reference": reference, "otp": otp},
        )

    async def ask(self, path: str, *, key: str = SECRET, **query: Any) -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {key}"}, params=query)

    async def transaction(self, reference: str) -> dict[str, Any]:
        answer = await self.ask(f"/transaction/status/{reference}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]["transaction"]
        return found

    async def record(self, reference: str) -> dict[str, Any]:
        entries = (await self.http.get("/_sandbox/record", params={"reference": reference})).json()["entries"]
        assert len(entries) == 1, entries
        found: dict[str, Any] = entries[0]
        return found

    async def prompts(self, msisdn: str = PAYER) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control("GET", f"/handsets/{msisdn}"))["prompts"]
        return found

    async def press(
        self, action: str, *, pin: str | None = None, msisdn: str = PAYER, status: int = 200
    ) -> Any:
        """Answer the only open prompt of a handset."""
        (prompt,) = await self.prompts(msisdn)
        body = {"action": action} | ({"pin": pin} if pin is not None else {})
        return await self.control("POST", f"/handsets/{msisdn}/prompts/{prompt['id']}", body, status=status)


Open = Callable[..., Awaitable[Box]]


@pytest.fixture(autouse=True)
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a caller sends, the server never logs a traceback."""
    yield
    bad = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert bad == []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def open_box(stack: AsyncExitStack, clock: Clock) -> Open:
    """Opens a sandbox with this configuration; closed at the end of the test."""

    async def opening(**config: Any) -> Box:
        running = await stack.enter_async_context(serve_sandbox(SandboxConfig.from_dict(config), now=clock))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url, verify=False))
        return Box(running, http, clock)

    return opening


@pytest.fixture
async def receiver(stack: AsyncExitStack) -> Receiver:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.take)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    stack.push_async_callback(server.close)
    receiver.url = f"http://127.0.0.1:{server.port}/callbacks/abc"
    return receiver


@pytest.fixture
async def box(open_box: Open) -> Box:
    """A lenient sandbox with one handset (EUR and GHS) and a provisioned, logged-in MoMo user."""
    handset = {"msisdn": PAYER, "name": "Ama Nkrumah", "balance": {"EUR": "100", "GHS": "500.00"}}
    box = await open_box(handsets=[handset], startbutton=startbutton_config(""))
    await box.provision()
    return box


def startbutton_config(webhook_url: str, **more: Any) -> dict[str, Any]:
    account = {"name": "shop", "public_key": PUBLIC, "secret_key": SECRET, "webhook_url": webhook_url}
    return {"accounts": [account], **more}
