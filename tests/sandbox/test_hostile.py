"""Hostile input on every entrance: a clear 4xx, never a 500 of ours and never a traceback."""

import asyncio
import base64
import gzip
import json
import uuid

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import KEY, PAYER, PUBLIC, SECRET, Box, Open, startbutton_config
from .test_momo_access import USER

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


COLLECTION = (
    "v1_0/requesttopay",
    "v1_0/requesttowithdraw",
    "v2_0/requesttowithdraw",
    "v2_0/preapproval",
    "v2_0/invoice",
    "v2_0/payment",
)
DISBURSEMENT = ("v1_0/transfer", "v1_0/deposit", "v2_0/deposit", "v1_0/refund", "v2_0/refund")


@pytest.fixture
async def box(open_box: Open) -> Box:
    """A lenient sandbox and one user of both products, whose payout token and Basic credentials go along
    in headers of their own."""
    user = {"api_user": USER, "api_key": "k", "callback_host": "127.0.0.1"}
    handset = {"msisdn": PAYER, "balance": {"EUR": "100"}}
    box = await open_box(handsets=[handset], momo={"users": [user]}, startbutton=startbutton_config(""))
    await box.login(USER, "k", product="disbursement")
    payout = box.headers["Authorization"]
    await box.login(USER, "k")
    basic = "Basic " + base64.b64encode(f"{USER}:k".encode()).decode()
    box.headers |= {"X-Payout": payout, "X-Basic": basic}
    return box


def entrances(box: Box) -> list[tuple[str, str, dict[str, str]]]:
    """Every entrance that reads a body, with headers good enough to get to it."""
    public = {"Authorization": f"Bearer {PUBLIC}"}
    reference = str(uuid.uuid4())
    create = box.headers | {"X-Reference-Id": reference}
    payout = create | {"Authorization": box.headers["X-Payout"]}
    basic = box.headers["X-Basic"]
    return [
        ("POST", "/v1_0/apiuser", {"Ocp-Apim-Subscription-Key": KEY, "X-Reference-Id": reference}),
        *(("POST", f"/collection/{path}", create) for path in COLLECTION),
        *(("POST", f"/disbursement/{path}", payout) for path in DISBURSEMENT),
        ("POST", "/collection/v1_0/bc-authorize", box.headers),
        ("POST", "/collection/oauth2/token/", box.headers | {"Authorization": basic}),
        ("POST", "/transaction/initialize/s2s/mobile_money", public),
        ("POST", "/transaction/initialize/s2s/mobile_money/otp-verify", public),
        ("POST", "/version1/messaging", {"apiKey": "k"}),
        ("POST", "/_sandbox/handsets", {}),
        ("POST", "/_sandbox/handsets/1/prompts/2", {}),
        ("POST", "/_sandbox/handsets/1/invoices/2", {}),
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
        ("/collection/%0A", "statusCode"),
        ("/_sandbox/%0A", "error"),
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
NAMES += [
    "payee",
    "referenceIdToRefund",
    "payerCurrency",
    "validityTime",
    "validityDuration",
    "intendedPayer",
]
NAMES += ["description", "externalTransactionId", "money", "customerReference", "maxNumberOfRetries"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8))
async def test_any_object_at_all(box: Box, body: dict[str, object]) -> None:
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    for method, path, headers in entrances(box):
        if path != "/_sandbox/faults":
            answer = await box.http.request(method, path, content=content, headers=headers)
            assert answer.status_code < 500 or answer.json()["code"], (path, answer.text)


PARTIES = st.fixed_dictionaries({"partyIdType": st.sampled_from(["MSISDN", "EMAIL", 5]), "partyId": JSON})
NEARLY = st.fixed_dictionaries(
    {
        "amount": st.sampled_from(["12", "0.01", 7, "9" * 15]) | JSON,
        "currency": st.sampled_from(["EUR", "GHS"]) | JSON,
        "externalId": JSON,
        "payer": st.just({"partyIdType": "MSISDN", "partyId": "46733000000"}) | PARTIES | JSON,
        "payee": st.just({"partyIdType": "MSISDN", "partyId": PAYER}) | PARTIES | JSON,
        "intendedPayer": st.just({"partyIdType": "MSISDN", "partyId": PAYER}) | PARTIES | JSON,
        "payerCurrency": st.just("EUR") | JSON,
        "validityTime": st.just(60) | JSON,
        "validityDuration": st.just("60") | JSON,
        "referenceIdToRefund": st.just(USER) | JSON,
        "money": st.just({"amount": "1000", "currency": "EUR"}) | JSON,
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=NEARLY)
async def test_objects_that_are_nearly_right(box: Box, body: dict[str, object]) -> None:
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    for method, path, headers in entrances(box):
        if path.startswith(("/collection", "/disbursement")):
            answer = await box.http.request(method, path, content=content, headers=headers)
            assert answer.status_code < 500 or answer.json()["code"], (path, answer.text)
    handset = (await box.control("GET", f"/handsets/{PAYER}"))["balances"]["EUR"]
    assert not handset.startswith("-")
    assert (await box.control("GET", "/books"))["adds_up"]


PLACES = ("%00", "%FF", "..%2F..", "a" * 3000, "%F0%9F%92%A9", "'; DROP TABLE entries; --")


@pytest.mark.parametrize("place", PLACES)
async def test_odd_places_in_paths(box: Box, place: str) -> None:
    templates = (
        "v1_0/requesttowithdraw/{}",
        "v2_0/preapproval/{}",
        "v1_0/preapprovals/msisdn/{}",
        "v1_0/preapprovals/{}/1",
        "v1_0/preapproval/{}",
        "v2_0/invoice/{}",
        "v2_0/payment/{}",
        "v1_0/account/balance/{}",
        "v1_0/requesttopay/{}/deliverynotification",
    )
    for template in templates:
        for method in ("GET", "DELETE", "POST"):
            path = f"/collection/{template.format(place)}"
            answer = await box.http.request(method, path, headers=box.headers | {"X-Reference-Id": USER})
            assert answer.status_code < 500 or answer.json()["code"], (method, path, answer.text)
    for path in (f"/_sandbox/handsets/{PAYER}/invoices/{place}", f"/_sandbox/handsets/{place}/invoices/1"):
        answer = await box.http.post(path, json={"pin": "1234"})
        assert 400 <= answer.status_code < 500, path
