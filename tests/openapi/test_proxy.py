"""The validating proxy can fail: whatever departs from a description is reported, and only that."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from .description import Operation, read_description
from .proxy import Proxy, serve_proxy

MOMO = read_description("mtn-momo")
REFERENCE = "11111111-2222-4333-8444-555555555555"
PAY = "/collection/v1_0/requesttopay"
LOOK = f"{PAY}/{REFERENCE}"
HEADERS = {
    "authorization": "Bearer made-up",
    "ocp-apim-subscription-key": "made-up",
    "x-target-environment": "sandbox",
}
CREATION = HEADERS | {"x-reference-id": REFERENCE, "content-type": "application/json"}
BODY = (
    '{"amount": "12.5", "currency": "EUR", "externalId": "K7QX2A9M",'
    ' "payer": {"partyIdType": "MSISDN", "partyId": "233551112233"}, "payerMessage": "Lunch"}'
)
FORM = "login_hint=ID%3A233551112233%2FMSISDN&scope=profile&access_type=offline"


def request_faults(
    method: str,
    path: str,
    headers: dict[str, str],
    body: str = "",
    query: str = "",
    *,
    name: str = "mtn-momo",
) -> list[str]:
    description = read_description(name)
    operation = description.find(method, path)
    assert operation is not None
    return list(description.request_faults(operation, path, query, headers, body.encode()))


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: text for key, text in headers.items() if key != name}


def operation(method: str, path: str) -> Operation:
    found = MOMO.find(method, path)
    assert found is not None
    return found


def test_what_is_as_described_is_not_reported() -> None:
    assert request_faults("POST", PAY, CREATION, BODY) == []
    assert request_faults("GET", LOOK, HEADERS) == []
    basic = {"authorization": "Basic YTpi", "content-type": "application/x-www-form-urlencoded"}
    assert request_faults("POST", "/collection/v1_0/bc-authorize", HEADERS | basic, FORM) == []


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        (without(CREATION, "x-reference-id"), BODY, "X-Reference-Id is missing"),
        (CREATION | {"x-reference-id": REFERENCE.replace("-4", "-1")}, BODY, "X-Reference-Id"),
        (without(CREATION, "x-target-environment"), BODY, "X-Target-Environment is missing"),
        (CREATION | {"x-target-environment": "mtnatlantis"}, BODY, "X-Target-Environment"),
        (CREATION | {"x-callback-url": ""}, BODY, "X-Callback-Url"),
        (CREATION | {"x-forwarded-for": "127.0.0.1"}, BODY, "unheard-of header"),
        (without(CREATION, "authorization"), BODY, "credentials"),
        (without(CREATION, "ocp-apim-subscription-key"), BODY, "credentials"),
        (CREATION | {"authorization": "Basic YTpi"}, BODY, "credentials"),
        (CREATION | {"authorization": "bearer made-up"}, BODY, "credentials"),
        (CREATION | {"content-type": "text/plain"}, BODY, "type 'text/plain'"),
        (CREATION, "", "missing"),
        (CREATION, BODY[:-1], "not application/json"),
        (CREATION, BODY.replace('"12.5"', "12.5"), "amount"),
        (CREATION, BODY.replace("12.5", "0.00"), "amount"),
        (CREATION, BODY.replace("12.5", "12.5\\n"), "amount"),
        (CREATION, BODY.replace("EUR", "eur"), "currency"),
        (CREATION, BODY.replace("K7QX2A9M", "K7QX 2A9M"), "externalId"),
        (CREATION, BODY.replace("Lunch", "Ama's lunch"), "payerMessage"),
        (CREATION, BODY.replace("Lunch", ""), "payerMessage"),
        (CREATION, BODY.replace("233551112233", "+233551112233"), "payer"),
        (CREATION, BODY.replace('"amount"', '"money": 1, "amount"'), "money"),
    ],
)
def test_a_request_that_departs_is_reported(headers: dict[str, str], body: str, said: str) -> None:
    (fault,) = request_faults("POST", PAY, headers, body)
    assert said in fault


def test_other_requests_that_depart_are_reported() -> None:
    assert request_faults("GET", LOOK, HEADERS, "{}") == ["a body where none is taken"]
    assert request_faults("GET", LOOK, HEADERS, query="a=1") == ["unheard-of query parameter a"]
    (fault,) = request_faults("GET", f"{PAY}/1", HEADERS)
    assert "referenceId" in fault
    typed = HEADERS | {"content-type": "application/x-www-form-urlencoded"}
    for form in (FORM + "&scope=profile", FORM + "&", FORM.replace("offline", "ever")):
        assert len(request_faults("POST", "/collection/v1_0/bc-authorize", typed, form)) == 1
    key = {"authorization": "Bearer made-up"}
    assert request_faults("GET", "/transaction", key, query="skip=1", name="startbutton") == []
    for query in ("skip=-1", "skip=one", "skip=1&skip=1"):
        assert len(request_faults("GET", "/transaction", key, query=query, name="startbutton")) == 1


@pytest.mark.parametrize(
    "path",
    ["/collection/token", "/remittance/token/", "/disbursement/v2_0/transfer", LOOK + "/", PAY + "//"],
)
def test_a_path_that_is_not_described_is_not_found(path: str) -> None:
    assert MOMO.find("POST", path) is None


PAID = '{"amount": "12.5", "currency": "EUR", "status": "SUCCESSFUL"}'


@pytest.mark.parametrize(
    ("asked", "status", "typed", "body", "said"),
    [
        (("GET", LOOK), 200, "application/json", PAID, ""),
        (("GET", LOOK), 200, "application/json; charset=utf-8", PAID, ""),
        (("GET", LOOK), 400, "", "", ""),
        (("POST", PAY), 202, "text/xml", "", ""),
        (("GET", LOOK), 200, "", "", "without a body"),
        (("GET", LOOK), 200, "text/plain", PAID, "type 'text/plain'"),
        (("GET", LOOK), 200, "application/json", "[]", "object"),
        (("GET", LOOK), 200, "application/json", "{", "not application/json"),
        (("GET", LOOK), 200, "application/json", PAID.replace("SUCCESSFUL", "DONE"), "status"),
        (("GET", LOOK), 200, "application/json", PAID.replace('"amount"', '"sum"'), "amount"),
        (("GET", LOOK), 200, "application/json", PAID.replace("12.5", "a lot"), "amount"),
        (("GET", LOOK), 204, "", "", "unheard-of status"),
        (("GET", LOOK), 500, "text/html", "<html>", "type 'text/html'"),
        (("GET", LOOK), 500, "application/json", '{"error": "x"}', "code"),
        (("POST", PAY), 202, "application/json", "{}", "with a body"),
        (("POST", PAY), 418, "", "", "unheard-of status"),
    ],
)
def test_a_reply_that_departs_is_reported(
    asked: tuple[str, str], status: int, typed: str, body: str, said: str
) -> None:
    found = list(MOMO.reply_faults(operation(*asked), status, {"content-type": typed}, body.encode()))
    if said:
        assert any(said in fault for fault in found)
    else:
        assert found == []


@pytest.fixture
async def proxied() -> AsyncIterator[tuple[Proxy, list[Any]]]:
    """A proxy before a server that answers as the last of the list says, and hangs up on None."""
    answers: list[Any] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        told = answers[-1]
        if told is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response(told)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with serve_proxy(MOMO, f"http://127.0.0.1:{server.port}") as proxy:
        yield proxy, answers
    await server.close()


async def test_the_proxy_reports_what_it_passes_on(proxied: tuple[Proxy, list[Any]]) -> None:
    proxy, answers = proxied
    async with httpx.AsyncClient(base_url=proxy.url, headers=HEADERS) as http:
        answers.append({"availableBalance": "7", "currency": "EUR"})
        assert (await http.get("/collection/v1_0/account/balance")).json() == answers[-1]
        assert proxy.faults == []
        answers.append({"availableBalance": "seven", "currency": "EUR"})
        assert (await http.get("/collection/v1_0/account/balance?all=1")).json() == answers[-1]
        assert (await http.get("/collection/v1_0/account/balances")).status_code == 200
        answers.append(None)
        with pytest.raises(httpx.TransportError):
            await http.get("/disbursement/v1_0/account/balance")
    unknown, figure, unheard = proxy.faults
    assert unknown == "showBalance (collection): unheard-of query parameter all"
    assert figure.startswith("showBalance (collection): answered 200: availableBalance")
    assert unheard == "GET /collection/v1_0/account/balances: unheard of"
    assert proxy.met == {("showBalance (collection)", 200): 2}
    assert "showBalance (disbursement)" in proxy.untried()
    assert "showBalance (collection)" not in proxy.untried() | proxy.never_granted()
