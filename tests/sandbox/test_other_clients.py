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


# The whole range of operations, as these libraries play them.


async def _both_products(fresh: Box) -> dict[str, dict[str, str]]:
    user, api_key = await provision(fresh.http)
    found = {}
    for product in ("collection", "disbursement"):
        await _login(fresh, user, api_key, product)
        found[product] = fresh.headers
    return found


async def test_a_python_client_pays_out(fresh: Box) -> None:
    """It sends `{}` with every GET, numbers as text, and compares the whole Content-Type."""
    headers = await _both_products(fresh)
    mine = headers["disbursement"] | {"Content-Type": "application/json"}
    reference = str(uuid.uuid4())
    sent = await fresh.http.post(
        "/disbursement/v1_0/transfer",
        headers={**mine, "X-Reference-Id": reference, "X-Callback-Url": "https://shop.example/momo"},
        json={
            "amount": "600",
            "currency": "EUR",
            "externalId": "123456789",
            "payee": {"partyIdType": "MSISDN", "partyId": "256772123456"},
            "payerMessage": "dd",
            "payeeNote": "dd",
        },
    )
    assert (sent.status_code, sent.content) == (202, b"")
    path = f"/disbursement/v1_0/transfer/{reference}"
    status = await fresh.http.request("GET", path, headers=mine, content=b"{}")
    assert status.headers["Content-Type"] == "application/json"
    assert (status.json()["status"], status.json()["payee"]["partyId"]) == ("SUCCESSFUL", "256772123456")
    balance = await fresh.http.request(
        "GET", "/disbursement/v1_0/account/balance", headers=mine, content=b"{}"
    )
    assert balance.json() == {"availableBalance": "400", "currency": "EUR"}


async def test_a_node_client_makes_everything_with_axios_headers(fresh: Box) -> None:
    """Lower-case header names, doubled slashes, unknown fields, `payer` in a deposit."""
    headers = {
        product: {name.lower(): value for name, value in given.items()} | {"accept": "application/json, */*"}
        for product, given in (await _both_products(fresh)).items()
    }
    party = {"partyIdType": "MSISDN", "partyId": "46733000000"}
    note = {"payerMessage": "testing", "payeeNote": "hello", "callbackUrl": None}
    money = {"amount": "50", "currency": "EUR", "externalId": "4711"} | note

    async def make(path: str, body: dict[str, Any]) -> str:
        reference = str(uuid.uuid4())
        product = path.partition("/")[0]
        answer = await fresh.http.post(
            f"{fresh.running.url}//{path}",
            headers=headers[product] | {"x-reference-id": reference},
            json=body,
        )
        assert answer.status_code == 202, (path, answer.text)
        return reference

    async def status(path: str) -> str:
        answer = await fresh.http.get(f"{fresh.running.url}//{path}", headers=headers[path.partition("/")[0]])
        return str(answer.json()["status"])

    payment = await make("collection/v1_0/requesttopay", money | {"payer": party})
    made = {
        "disbursement/v1_0/transfer": money | {"payee": party},
        "disbursement/v1_0/deposit": money | {"payer": party},
        "disbursement/v2_0/deposit": money | {"payee": party},
        "disbursement/v1_0/refund": money | {"referenceIdToRefund": payment, "amount": "20"},
        "disbursement/v2_0/refund": money | {"referenceIdToRefund": payment, "amount": "30"},
        "collection/v1_0/requesttowithdraw": money | {"payer": party},
        "collection/v2_0/requesttowithdraw": money | {"payer": party},
    }
    for path, body in made.items():
        reference = await make(path, body)
        assert await status(f"{path.replace('v2_0', 'v1_0')}/{reference}") == "SUCCESSFUL", path


async def test_a_php_client_makes_agreements_with_what_it_has_at_hand(fresh: Box) -> None:
    """Durations as the other type, numbers for text, a DELETE without a body."""
    mine = (await _both_products(fresh))["collection"]

    def head(reference: str) -> dict[str, str]:
        return {**mine, "X-Reference-Id": reference}

    agreed, billed, cancelled = (str(uuid.uuid4()) for _ in range(3))
    payer = {"partyIdType": "msisdn", "partyId": 46733123453}
    answer = await fresh.http.post(
        "/collection/v2_0/preapproval/",
        headers=head(agreed),
        json={
            "payer": {"partyIdType": "msisdn", "partyId": 256772123456},
            "payerCurrency": "EUR",
            "payerMessage": "",
            "validityTime": "3600",
        },
    )
    assert answer.status_code == 202, answer.text
    status = (await fresh.http.get(f"/collection/v2_0/preapproval/{agreed}", headers=mine)).json()
    assert (status["status"], status["payer"]["partyId"]) == ("SUCCESSFUL", "256772123456")
    listed = await fresh.http.get("/collection/v1_0/preapprovals/MSISDN/256772123456/", headers=mine)
    (one,) = listed.json()
    gone = await fresh.http.delete(f"/collection/v1_0/preapproval/{one['preApprovalId']}/", headers=mine)
    assert gone.status_code == 200
    answer = await fresh.http.post(
        "/collection/v2_0/invoice",
        headers=head(billed),
        json={
            "externalId": 99,
            "amount": 75,
            "currency": "EUR",
            "validityDuration": 360,
            "intendedPayer": payer,
            "description": "Ama's fees & more",
        },
    )
    assert answer.status_code == 202, answer.text
    path = f"/collection/v2_0/invoice/{billed}"
    assert (await fresh.http.get(path, headers=mine)).json()["status"] == "PENDING"
    assert (await fresh.http.delete(path, headers=head(cancelled))).status_code == 202
    assert (await fresh.http.get(path, headers=mine)).json()["status"] == "FAILED"


async def test_a_go_client_asks_for_consent_and_reads_strictly(fresh: Box) -> None:
    """Typed structs: every field must be of its documented type."""
    mine = (await _both_products(fresh))["collection"]
    user = await provision(fresh.http)
    basic = {"Authorization": "Basic " + base64.b64encode(":".join(user).encode()).decode()}
    asked = await fresh.http.post(
        "/collection/v1_0/bc-authorize",
        headers=mine | basic | {"Content-Type": "application/x-www-form-urlencoded"},
        content="login_hint=ID%3A46733000000%2FMSISDN&scope=profile&access_type=offline",
    )
    body = asked.json()
    assert {name: type(value) for name, value in body.items()} == {
        "auth_req_id": str,
        "interval": int,
        "expires_in": int,
    }
    granted = await fresh.http.post(
        "/collection/oauth2/token",
        headers={"Ocp-Apim-Subscription-Key": LONG_KEY} | basic,
        data={"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": body["auth_req_id"]},
    )
    assert {name: type(value) for name, value in granted.json().items()} == {
        "access_token": str,
        "token_type": str,
        "expires_in": int,
        "scope": str,
        "refresh_token": str,
        "refresh_token_expired_in": int,
    }
    info = await fresh.http.get(
        "/collection/oauth2/v1_0/userinfo",
        headers=mine | {"Authorization": f"Bearer {granted.json()['access_token']}"},
    )
    assert (info.json()["sub"], info.json()["locale"], info.json()["gender"]) == ("0", "sv_SE", "MALE")


async def test_a_bill_paid_as_the_manual_shows(fresh: Box) -> None:
    mine = (await _both_products(fresh))["collection"]
    reference = str(uuid.uuid4())
    answer = await fresh.http.post(
        "/collection/v2_0/payment",
        headers={**mine, "X-Reference-Id": reference},
        json={
            "externalTransactionId": "ext-1",
            "money": {"amount": "1000", "currency": "EUR"},
            "customerReference": "46733000000",
            "serviceProviderUserName": "airtime",
            "couponId": "",
            "productId": "",
            "productOfferingId": "",
            "receiverMessage": "hello",
            "senderNote": "note",
            "maxNumberOfRetries": 1,
            "includeSenderCharges": True,
        },
    )
    assert answer.status_code == 202, answer.text
    status = (await fresh.http.get(f"/collection/v2_0/payment/{reference}", headers=mine)).json()
    assert set(status) == {"referenceId", "status", "financialTransactionId"}


async def _login(box: Box, user: str, api_key: str, product: str = "collection") -> None:
    basic = base64.b64encode(f"{user}:{api_key}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Ocp-Apim-Subscription-Key": LONG_KEY}
    token = (await box.http.post(f"/{product}/token/", headers=headers)).json()["access_token"]
    box.headers = {
        "Authorization": f"Bearer {token}",
        "Ocp-Apim-Subscription-Key": LONG_KEY,
        "X-Target-Environment": "sandbox",
    }
