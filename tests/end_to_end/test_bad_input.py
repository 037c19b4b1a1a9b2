"""Everything anybody may send to the whole program: a clear 4xx or a screen, and business as usual after.

The same entrances are tried alone in tests/web; here the conversations, the store, Telegram's intake
and the sandbox's proxy are behind them.
"""

import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.app.demo import Embedded, run_embedded
from bot.channels.ussd import GATEWAYS
from bot.settings.settings import Settings
from bot.web.cookies import issue_cookie
from tests.end_to_end.gateways import Phone
from tests.fake_telegram import FakeTelegram
from tests.gateways import CODE, simulate

WEBHOOK_SECRET = "e2e_webhook_secret_88"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TYPES = [
    FORM,
    JSON,
    "text/plain",
    "application/octet-stream",
    "multipart/form-data; boundary=x",
    "nonsense",
    "",
]
# Fields that the entrances know, so that random values get past the first look.
FIELDS = [
    *("sessionId", "phoneNumber", "serviceCode", "text", "networkCode", "status"),
    *("Type", "Message", "ServiceCode", "Operator", "Mobile", "SessionId", "Sequence"),
    *("update_id", "message", "chat", "id", "from", "callback_query", "data", "contact", "my_chat_member"),
    *("button", "event", "reference", "transaction", "externalId", "amount", "latency_ms", "rules"),
]
TYPE_OF = {name: simulate(name, "+233240000001").dial(CODE).content_type for name in GATEWAYS}
# name -> (method, path, content type); {secret} is the gateways', {n} a new number each time.
ENTRANCES = {
    **{name: ("POST", f"/ussd/{name}/{{secret}}", TYPE_OF[name]) for name in GATEWAYS},
    "africastalking events": ("POST", "/ussd/africastalking/{secret}/events", FORM),
    "telegram": ("POST", "/telegram/webhook", JSON),
    "momo": ("PUT", "/callbacks/momo/{n}", JSON),
    "startbutton": ("POST", "/callbacks/startbutton/startbutton-ghs", JSON),
    "chat": ("POST", "/chat/messages", JSON),
    "chat history": ("GET", "/chat/history?after=0", JSON),
    "faults": ("PUT", "/try/sandbox/faults", JSON),
    "press": ("POST", "/try/sandbox/handsets/233240000001/prompts/x", JSON),
}
# What only `run` has; the others are tried by the thousand in tests/torture.
PROXIED = pytest.mark.parametrize("entrance", ["faults", "press"])
BODIES = {
    "nothing": b"",
    "not UTF-8": b"\xff\xfe\xfa" * 10,
    "not UTF-8 inside a form": b"sessionId=%ff%fe&phoneNumber=%2B233240000001&text=%80",
    "NULs": b"sessionId=%00&phoneNumber=%00&text=%00\x00",
    "NULs in JSON": b'{"SessionId": "\\u0000", "Mobile": "\\u0000", "Type": "initiation", "text": "\\u0000"}',
    "a JSON list": b"[]",
    "a list of lists": b"[[[[]]]]",
    "a JSON text": b'"hello"',
    "a JSON number": b"1e999",
    "cut short": b'{"update_id": 5, "message": {"chat"',
    "too deep": b'{"a":' * 20_000,
    "a lone surrogate": b'{"id": "\\ud800aaaaaaaa", "text": "\\udfff", "SessionId": "\\ud800"}',
    "missing fields": b'{"text": "hello"}',
    "missing form fields": b"text=1",
    "ten megabytes": b"x" * 10_000_000,
}


class Whole:
    """The program under fire, and the clients that look whether it still works."""

    def __init__(self, embedded: Embedded, http: aiohttp.ClientSession, lines: list[Any]) -> None:
        self.embedded = embedded
        self.http = http
        self.lines = lines
        self.secret = embedded.ussd_path.rsplit("/", 1)[-1]
        self.cookie_key = embedded.kasapay.sealer.key("cookie")
        self.sent = 0

    async def send(
        self, entrance: str, body: bytes, *, method: str = "", kind: str | None = None, path: str = ""
    ) -> tuple[int, bytes]:
        """The answer's status and body; 0 where the server closed before it had read everything."""
        usual, where, usual_kind = ENTRANCES[entrance]
        self.sent += 1
        where = (path or where).format(secret=self.secret, n=self.sent)
        headers = {
            "Content-Type": usual_kind if kind is None else kind,
            "X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET,
            # A new caller each time, or the limits of the chat would answer for it.
            "Cookie": f"kasapay_chat={issue_cookie(self.cookie_key, f'{self.sent:032x}')}",
            "X-Forwarded-For": f"10.{self.sent >> 16 & 255}.{self.sent >> 8 & 255}.{self.sent & 255}",
        }
        try:
            async with self.http.request(
                method or usual, self.embedded.url + where, data=io.BytesIO(body), headers=headers
            ) as answer:
                return answer.status, await answer.read()
        except aiohttp.ClientConnectionError:
            return 0, b""

    def faults(self) -> list[Any]:
        """What the program logged as its own fault."""
        return [
            line for line in self.lines if line["log_level"] in ("error", "critical") or "exc_info" in line
        ]

    async def still_serves(self) -> None:
        """A dialogue, on each gateway."""
        for name in GATEWAYS:
            self.sent += 1
            url = f"{self.embedded.url}/ussd/{name}/{self.secret}"
            phone = Phone(self.http, url, f"+23324{self.sent:07d}", name)
            assert (await phone.say(None)).screen.startswith("Type a merchant code, or choose:")
            assert "merchant code" in (await phone.say("1")).screen
        async with self.http.get(f"{self.embedded.url}/readyz") as ready:
            assert ready.status == 200
        assert [line for line in self.lines if line["event"] == "turn"], "the log is looked at"
        assert self.faults() == []


@pytest.fixture(autouse=True)
def nothing_but_structlog(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No other library complains either."""
    yield
    assert [
        record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")
    ] == []


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    async with FakeTelegram() as fake, aiohttp.ClientSession() as http:
        extra = Settings.model_validate(
            {
                "telegram_token": fake.token,
                "telegram_api_url": fake.url,
                "telegram_mode": "webhook",
                "telegram_webhook_secret": WEBHOOK_SECRET,
                "trusted_proxies": "127.0.0.1",
                "languages": "en",
            }
        )
        with capture_logs() as lines:
            async with run_embedded(tmp_path / "data", extra=extra) as embedded:
                await fake.called("setWebhook")
                under_fire = Whole(embedded, http, lines)
                yield under_fire
            assert under_fire.faults() == [], "also of what was still under way"


def is_refusal_or_screen(status: int, body: bytes) -> bool:
    """A 4xx, or a 200 of whoever could be read; 0: closed before it was read, as with ten megabytes."""
    return (status == 0 or status == 200 or 400 <= status < 500) and b"Traceback" not in body


async def test_every_bad_body_at_every_entrance(whole: Whole) -> None:
    told: dict[tuple[str, str], int] = {}
    for entrance in ENTRANCES:
        for name, body in BODIES.items():
            status, answer = await whole.send(entrance, body)
            assert is_refusal_or_screen(status, answer), (entrance, name, status, answer)
            told[entrance, name] = status
    hints = ("momo", "chat history")
    for (entrance, name), status in told.items():
        if name == "ten megabytes":
            assert status in (413, 0) or entrance == "chat history", (entrance, status)
        elif entrance not in hints and not (entrance in ("faults", "press") and name == "nothing"):
            assert status != 200 or name.startswith("not UTF-8 inside"), (entrance, name, status)
    await whole.still_serves()


@PROXIED
async def test_wrong_methods_types_secrets_and_paths(whole: Whole, entrance: str) -> None:
    for method in ("DELETE", "PATCH", "OPTIONS", "GET", "TRACE", "BREW"):
        status, answer = await whole.send(entrance, b"", method=method)
        assert is_refusal_or_screen(status, answer), (method, status, answer)
    for kind in TYPES:
        status, answer = await whole.send(entrance, b"a=b", kind=kind)
        assert is_refusal_or_screen(status, answer), (kind, status, answer)
    for path in (
        "/ussd/africastalking/wrong",
        "/ussd/hubtel/%ff%00",
        "/ussd/pigeon/{secret}",
        "/callbacks/startbutton/nobody",
        "/callbacks/startbutton/%00",
        "/sms/africastalking/wrong",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/static/../../__init__.py",
        "/try/sandbox/../collection",
        "/" + "a" * 6000,
    ):
        status, answer = await whole.send(entrance, b"a=b", path=path)
        assert 400 <= status < 500, (path, status, answer)
        assert b"Traceback" not in answer
    await whole.still_serves()


TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "+233240000001",
        "initiation",
        "response",
        "*920*10#",
        "1*1001*5",
        "\x00",
        "0",
        "00",
        "9" * 400,
        "١٢٣",
        "💥",
        "\u202e",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8)


def as_form(fields: dict[str, Any]) -> bytes:
    return urlencode({name: str(value) for name, value in fields.items()}, errors="surrogatepass").encode()


def readable(draw_fields: dict[str, Any]) -> dict[str, Any]:
    """With what every gateway needs, so that the rest is what is tried."""
    known = {"sessionId": "s", "phoneNumber": "+233240000001", "serviceCode": "*920*10#"}
    hubtel = {"Type": "response", "Message": "1", "Mobile": "233240000001", "SessionId": "s", "Sequence": 1}
    return known | hubtel | draw_fields


def encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


@PROXIED
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.binary(max_size=300)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | OBJECTS.map(encoded)
    | OBJECTS.map(as_form)
    | OBJECTS.map(readable).map(encoded)
    | OBJECTS.map(readable).map(as_form),
    kind=st.sampled_from(TYPES),
    usual=st.booleans(),
)
async def test_random_bodies(whole: Whole, entrance: str, body: bytes, kind: str, usual: bool) -> None:
    status, answer = await whole.send(entrance, body, kind=None if usual else kind)
    assert is_refusal_or_screen(status, answer), (status, answer)
    assert whole.faults() == []
    if whole.sent % 50 == 0:
        await whole.still_serves()
