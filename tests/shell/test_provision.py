"""API users made at a sandbox: where, in which order, and what is said when it does not work."""

import json

import httpx
import pytest

from bot.providers.base import Secret
from bot.providers.momo.provisioning import ProvisionProblem, base_url_problem, is_host, is_key, make_user

USER = "7b6d3f6e-2d9a-4a53-9d2c-0f1d0c8a4e33"
KEY = "subscription0key0abc"
MTN = "https://sandbox.momodeveloper.mtn.com"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.providers.momo.provisioning._PAUSE_S", 0)


class Mtn:
    """Answers as told, in order; a kind of error is raised instead."""

    def __init__(self, *answers: httpx.Response | type[httpx.HTTPError]) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("broken", request=request)

    async def make(self, product: str = "collection") -> object:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as http:
            return await make_user(http, MTN, product, Secret(KEY), "pay.example.com", lambda: USER)

    async def refuses(self) -> str:
        with pytest.raises(ProvisionProblem) as caught:
            await self.make()
        assert KEY not in str(caught.value)
        return str(caught.value)


def made() -> httpx.Response:
    return httpx.Response(201)


def shown(environment: object = "sandbox") -> httpx.Response:
    return httpx.Response(200, json={"targetEnvironment": environment})


async def test_made_seen_and_given_a_key() -> None:
    mtn = Mtn(made(), httpx.Response(404), shown(), httpx.Response(201, json={"apiKey": "a" * 32}))
    user = await mtn.make()
    assert (user.api_user, user.api_key.reveal(), user.environment) == (USER, "a" * 32, "sandbox")  # type: ignore[attr-defined]
    assert "a" * 32 not in repr(user)
    assert KEY not in repr(user)
    asked = [(request.method, request.url.path) for request in mtn.seen]
    one = f"/v1_0/apiuser/{USER}"
    assert asked == [("POST", "/v1_0/apiuser"), ("GET", one), ("GET", one), ("POST", f"{one}/apikey")]
    first = mtn.seen[0]
    assert first.headers["X-Reference-Id"] == USER
    assert json.loads(first.content) == {"providerCallbackHost": "pay.example.com"}
    assert {request.headers["Ocp-Apim-Subscription-Key"] for request in mtn.seen} == {KEY}
    assert mtn.seen[-1].content == b""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "did not take the request (400). Is pay.example.com a public host name"),
        (401, "did not take the subscription key of Collections (401). Copy the primary key"),
        (403, "did not take the subscription key of Collections (403)"),
        (409, "of this very id already (409). Run this again."),
        (429, "was asked too often (429)"),
        (500, "has a fault of its own (500)"),
        (503, "has a fault of its own (503)"),
        (200, "answered 200, as no MoMo sandbox does"),
        (302, "answered 302, as no MoMo sandbox does"),
    ],
)
async def test_a_refusal_says_what_to_do(status: int, words: str) -> None:
    told = await Mtn(httpx.Response(status, text="<secret words>")).refuses()
    assert told.startswith("sandbox.momodeveloper.mtn.com ")
    assert words in told
    assert "secret words" not in told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError, "cannot be reached (ConnectError). Is this machine on the network?"),
        (httpx.ConnectTimeout, "cannot be reached (ConnectTimeout)"),
        (httpx.ReadTimeout, "did not answer (ReadTimeout). Run this again."),
        (httpx.RemoteProtocolError, "did not answer (RemoteProtocolError)"),
    ],
)
async def test_no_network_says_so(error: type[httpx.HTTPError], words: str) -> None:
    assert words in await Mtn(error).refuses()


async def test_what_comes_later_may_fail_too() -> None:
    gone = [httpx.Response(404) for _ in range(3)]
    assert "does not know the API user it has just made (404)" in await Mtn(made(), *gone).refuses()
    assert "has a fault" in await Mtn(made(), shown(), httpx.Response(500)).refuses()


@pytest.mark.parametrize("environment", [None, 3, "", "two words", "x\ny", ["sandbox"]])
async def test_an_environment_nobody_can_read(environment: object) -> None:
    assert "does not say the new API user's environment" in await Mtn(made(), shown(environment)).refuses()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{}", b'{"apiKey": 3}', b'{"apiKey": "a b"}'])
async def test_a_key_nobody_can_read(content: bytes) -> None:
    mtn = Mtn(made(), shown(), httpx.Response(201, content=content))
    assert "made an API key that nobody can read" in await mtn.refuses()


@pytest.mark.parametrize(
    "url",
    [
        MTN,
        MTN + "/",
        "http://127.0.0.1:8001",
        "http://localhost:8001/",
        "https://[::1]:9",
        "http://a.localhost",
    ],
)
def test_sandboxes_are_taken(url: str) -> None:
    assert base_url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy.momoapi.mtn.com",
        "https://momoapi.momo.africa",
        "http://sandbox.momodeveloper.mtn.com",
        "https://sandbox.momodeveloper.mtn.com.example.org",
        "https://sandbox.momodeveloper.mtn.com@example.org",
        "https://user:word@127.0.0.1",
        "http://192.168.0.9:8001",
        "http://127.0.0.1:8001/path",
        "http://127.0.0.1:8001?query",
        "ftp://127.0.0.1",
        "http://[",
        "http://127.0.0.1:port",
        "nonsense",
        "",
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert base_url_problem(url)


def test_hosts_and_keys_are_plain() -> None:
    for host in ("pay.example.com", "127.0.0.1", "localhost", "a-b.example"):
        assert is_host(host)
    for host in (
        "",
        "https://pay.example.com",
        "pay.example.com:80",
        "a/b",
        "-a.example",
        "a..b",
        "a\n",
        "x" * 64,
    ):
        assert not is_host(host)
    assert is_key("0a" * 16)
    for key in ("", "two words", "new\nline", "quo'te", "do$lar", "ha#sh", "x" * 201):
        assert not is_key(key)
