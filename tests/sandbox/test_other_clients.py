"""Other people's MoMo clients, as they were written for the real sandbox: only the base URL differs.

Each test plays the habits of a family of published libraries (see the simulator checklist).
"""

import base64
import json
import uuid
from typing import Any

import aiohttp
import httpx
import pytest

from .conftest import Box, Open

LONG_KEY = "f83xx8d8xx6749f19a26e2265aeadbcdeg"  # libraries show keys that are not even hexadecimal


@pytest.fixture
async def fresh(open_box: Open) -> Box:
    """A sandbox nobody configured."""
    return await open_box()


async def provision(http: httpx.AsyncClient, *, slash: str = "", **body: str) -> tuple[str, str]:
    user = str(uuid.uuid4())
    headers = {"Ocp-Apim-Subscription-Key": LONG_KEY, "Content-Type": "application/json"}
    made = await http.post(
        f"/v1_0/apiuser{slash}",
        headers={**headers, "X-Reference-Id": user},
        content=json.dumps({"providerCallbackHost": "https://shop.example"} | body),
    )
    assert made.status_code == 201, made.text
    key = await http.post(f"/v1_0/apiuser/{user}/apikey{slash}", headers=headers, content=b"{}")
    assert key.status_code == 201, key.text
    return user, key.json()["apiKey"]


async def test_a_python_client_that_sends_an_empty_object_with_everything(fresh: Box) -> None:
    user, api_key = await provision(fresh.http)
    basic = base64.b64encode(f"{user}:{api_key}".encode()).decode()
    token = await fresh.http.post(
        "/collection/token/",
        headers={
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/json",
            "Ocp-Apim-Subscription-Key": LONG_KEY,
        },
        content=b"{}",
    )
    assert token.status_code == 200
    headers = {
        "Authorization": "Bearer " + token.json()["access_token"],
        "Ocp-Apim-Subscription-Key": LONG_KEY,
        "X-Target-Environment": "sandbox",
        "Content-Type": "application/json",
    }
    reference = str(uuid.uuid4())
    paid = await fresh.http.post(
        "/collection/v1_0/requesttopay",
        headers={**headers, "X-Reference-Id": reference, "X-Callback-Url": "https://shop.example/momo"},
        json={
            "payer": {"partyIdType": "MSISDN", "partyId": "256772123456"},
            "payeeNote": "dd",
            "payerMessage": "dd",
            "externalId": "123456789",
            "currency": "EUR",
            "amount": "600",
        },
    )
    assert (paid.status_code, paid.content) == (202, b"")
    status = await fresh.http.request(
        "GET", f"/collection/v1_0/requesttopay/{reference}", headers=headers, content=b"{}"
    )
    assert status.json()["status"] == "SUCCESSFUL"
    for body in (b"{}", b"null"):
        balance = await fresh.http.request(
            "GET", "/collection/v1_0/account/balance", headers=headers, content=body
        )
        assert balance.json()["currency"] == "EUR"
    active = await fresh.http.request(
        "GET", "/collection/v1_0/accountholder/MSISDN/256772123456/active", headers=headers, content=b"{}"
    )
    assert active.json() == {"result": True}


async def test_a_node_client_with_slashes_of_its_own_and_one_user_for_all_products(fresh: Box) -> None:
    user, api_key = await provision(fresh.http, slash="/", providerCallbackHost="shop.example")
    for product in ("collection", "disbursement"):
        basic = "Basic " + base64.b64encode(f"{user}:{api_key}".encode()).decode()
        async with aiohttp.ClientSession(headers={"Authorization": basic}) as session:
            answer = await session.post(
                f"{fresh.running.url}//{product}/token",
                data=b"null",
                headers={
                    "Ocp-Apim-Subscription-Key": LONG_KEY,
                    "Accept": "application/json, text/plain, */*",
                },
            )
            assert answer.headers["Content-Type"] == "application/json"
            token = (await answer.json())["access_token"]
        headers = {
            "authorization": f"Bearer {token}",
            "ocp-apim-subscription-key": LONG_KEY,
            "x-target-environment": "sandbox",
        }
        balance = await fresh.http.get(f"/{product}/v1_0/account/balance/", headers=headers)
        assert balance.json()["availableBalance"] == "1000"


async def test_a_php_client_that_sends_numbers_and_lower_case_types(fresh: Box) -> None:
    user, api_key = await provision(fresh.http)
    await _login(fresh, user, api_key)
    reference, answer = await fresh.pay(
        amount=100,
        externalId=4711,
        payer={"partyIdType": "msisdn", "partyId": 46733123454},
        payerMessage="",
        payeeNote="Ama's shop & co",
    )
    assert answer.status_code == 202
    result = await fresh.result(reference)
    assert (result["amount"], result["externalId"], result["status"]) == ("100", "4711", "CREATED")
    assert result["payer"] == {"partyIdType": "MSISDN", "partyId": "46733123454"}


async def test_a_client_that_leaves_out_what_may_be_left_out(fresh: Box) -> None:
    user, api_key = await provision(fresh.http)
    await _login(fresh, user, api_key)
    reference = str(uuid.uuid4())
    answer = await fresh.http.post(
        "/collection/v1_0/requesttopay/",
        headers={**fresh.headers, "X-Reference-Id": reference.upper()},
        json={
            "amount": "5.0",
            "currency": "EUR",
            "payer": {"partyIdType": "MSISDN", "partyId": "+256772123456"},
        },
    )
    assert answer.status_code == 202
    result = (await fresh.http.get(
        f"/collection/v1_0/requesttopay/{reference.upper()}/", headers=fresh.headers
    )).json()  # fmt: skip
    assert set(result) == {"financialTransactionId", "amount", "currency", "payer", "status"}


async def test_answers_to_creations_are_bare(fresh: Box) -> None:
    """A 202 has no body and claims no type; nothing for a client to parse."""
    user, api_key = await provision(fresh.http)
    await _login(fresh, user, api_key)
    _, answer = await fresh.pay()
    assert answer.content == b""
    assert answer.headers["Content-Length"] == "0"
    assert "Content-Type" not in answer.headers


async def test_test_suites_of_libraries_find_their_numbers(fresh: Box) -> None:
    user, api_key = await provision(fresh.http)
    await _login(fresh, user, api_key)
    seen: dict[str, Any] = {}
    for number in ("46733123450", "46733123451", "46733123452", "46733123453", "46733123454", "56733123450"):
        result = await fresh.result(await fresh.accepted(number))
        seen[number] = (result["status"], result.get("reason"))
    assert seen == {
        "46733123450": ("FAILED", "INTERNAL_PROCESSING_ERROR"),
        "46733123451": ("FAILED", "APPROVAL_REJECTED"),
        "46733123452": ("FAILED", "EXPIRED"),
        "46733123453": ("PENDING", None),
        "46733123454": ("CREATED", None),
        "56733123450": ("SUCCESSFUL", None),
    }


async def _login(box: Box, user: str, api_key: str) -> None:
    basic = base64.b64encode(f"{user}:{api_key}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Ocp-Apim-Subscription-Key": LONG_KEY}
    token = (await box.http.post("/collection/token/", headers=headers)).json()["access_token"]
    box.headers = {
        "Authorization": f"Bearer {token}",
        "Ocp-Apim-Subscription-Key": LONG_KEY,
        "X-Target-Environment": "sandbox",
    }
