"""Hostile input on every entrance: a clear 4xx, never a 500 of ours and never a traceback."""

import asyncio
import gzip
import json
import uuid

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import KEY, PUBLIC, SECRET, Box

BAD_BODIES = {
    "invalid utf-8": b'{"amount": "\xff\xfe"}',
    "list": b"[1, 2]",
    "text": b'"hello"',
    "number": b"5",
    "half": b'{"amount": "5"',
    "nothing": b"",
    "nan": b'{"amount": NaN}',
    "surrogate": b'{"amount": "\\ud800"}',
    "deep": b"[" * 30000 + b"]" * 30000,
    "deep object": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "long number": b'{"amount": ' + b"9" * 6000 + b"}",
    "huge exponent": b'{"amount": 1e999999, "currency": "EUR"}',
    "nul": b"\x00\x00\x00",
    "bom": b"\xef\xbb\xbf{}",
}


def entrances(box: Box) -> list[tuple[str, str, dict[str, str]]]:
    """Every entrance that reads a body, with headers good enough to get to it."""
    public = {"Authorization": f"Bearer {PUBLIC}"}
    reference = str(uuid.uuid4())
    create = box.headers | {"X-Reference-Id": reference}
    return [
        ("POST", "/v1_0/apiuser", {"Ocp-Apim-Subscription-Key": KEY, "X-Reference-Id": reference}),
        ("POST", "/collection/v1_0/requesttopay", create),
        ("POST", "/transaction/initialize/s2s/mobile_money", public),
        ("POST", "/transaction/initialize/s2s/mobile_money/otp-verify", public),
        ("POST", "/version1/messaging", {"apiKey": "k"}),
        ("POST", "/_sandbox/handsets", {}),
        ("POST", "/_sandbox/handsets/1/prompts/2", {}),
        ("PUT", "/_sandbox/faults", {}),
        ("POST", "/_sandbox/clock", {}),
        ("POST", "/_sandbox/callbacks/x", {}),
    ]


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_bad_body_is_a_4xx(box: Box, body: bytes) -> None:
    for method, path, headers in entrances(box):
        answer = await box.http.request(method, path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
        assert isinstance(answer.json(), dict)
    assert (await box.control("GET", "/record"))["entries"] == []


async def test_a_body_above_64_kib_is_413(box: Box) -> None:
    for method, path, headers in entrances(box):
        answer = await box.http.request(method, path, content=b" " * (64 * 1024 + 1), headers=headers)
        assert answer.status_code == 413, path
    _, fits = await box.pay(unheardOf="x" * 60_000)
    assert fits.status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_body_that_is_not_what_its_encoding_says(box: Box, encoding: str) -> None:
    for method, path, headers in entrances(box):
        sent = headers | {"Content-Encoding": encoding}
        answer = await box.http.request(method, path, content=b"not that", headers=sent)
        assert 400 <= answer.status_code < 500, (path, answer.text)


async def test_a_compressed_bomb_is_refused(box: Box) -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 64 * 1024
    for method, path, headers in entrances(box):
        sent = headers | {"Content-Encoding": "gzip"}
        answer = await box.http.request(method, path, content=bomb, headers=sent)
        assert 400 <= answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_a_wrong_method_is_405_and_says_the_right_one(box: Box, method: str) -> None:
    for path in (
        "/collection/v1_0/requesttopay",
        "/version1/messaging",
        "/transaction/initialize/s2s/mobile_money",
    ):
        answer = await box.http.request(method, path, headers=box.headers)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert (await box.http.request("DELETE", "/_sandbox/clock")).headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/", "statusCode"),
        ("/collection/v9_9/nothing", "statusCode"),
        ("/collection/v2_0/transfer", "statusCode"),
        ("/transaction/nothing/at/all", "success"),
        ("/version1/nothing", "errorMessage"),
        ("/_sandbox/nothing", "error"),
        ("/_sandbox", "error"),
        ("/%FF/%00", "statusCode"),
    ],
)
async def test_an_unknown_path_is_404_in_the_shape_of_its_side(box: Box, path: str, field: str) -> None:
    answer = await box.http.get(path)
    assert answer.status_code == 404
    assert field in answer.json()


async def raw(box: Box, request: bytes, *, cut_off: bool = False) -> bytes:
    """What comes back for these bytes on a bare socket."""
    url = httpx.URL(box.running.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    if cut_off:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "name", [b"X-Reference-Id", b"X-Callback-Url", b"notificationMessage", b"Authorization"]
)
async def test_header_bytes_that_are_not_text(box: Box, name: bytes) -> None:
    answer = await raw(
        box,
        b"POST /collection/v1_0/requesttopay HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n" + name + b": \xff\xfe\x80\r\n\r\n{}",
    )
    assert answer.startswith(b"HTTP/1.1 4"), answer


@pytest.mark.parametrize(
    "request_line",
    [b"BREW /x HTTP/1.1", b"GET /x HTTP/9", b"\x16\x03\x01", b"GET  HTTP/1.1", b"GET /x\x00 HTTP/1.1"],
)
async def test_what_is_not_http_gets_a_400(box: Box, request_line: bytes) -> None:
    answer = await raw(box, request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), answer


async def test_query_bytes_that_are_not_text(box: Box) -> None:
    for path in (
        "/transaction?status=%FF&skip=%ED%A0%80",
        "/_sandbox/sms?msisdn=%FF",
        "/_sandbox/record?reference=%FF",
    ):
        answer = await box.http.get(path, headers={"Authorization": f"Bearer {SECRET}"})
        assert answer.status_code < 500, path


async def test_a_body_cut_off_half_way_creates_nothing(box: Box) -> None:
    await raw(
        box,
        b'POST /collection/v1_0/requesttopay HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"amount"',
        cut_off=True,
    )
    assert (await box.control("GET", "/record"))["entries"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["amount", "currency", "externalId", "payer", "payerMessage", "payeeNote", "providerCallbackHost"]
NAMES += ["phone", "email", "provider", "reference", "otp", "msisdn", "name", "pin", "balance", "action"]
NAMES += ["advance_s", "latency_ms", "rules", "body"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8))
async def test_any_object_at_all(box: Box, body: dict[str, object]) -> None:
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    for method, path, headers in entrances(box):
        if path != "/_sandbox/faults":
            answer = await box.http.request(method, path, content=content, headers=headers)
            assert answer.status_code < 500 or answer.json()["code"], (path, answer.text)
