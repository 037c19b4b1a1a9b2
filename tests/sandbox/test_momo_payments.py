"""Requests to pay: outcomes, references, field rules, what a status says; account questions."""

import uuid
from typing import Any

import pytest

from .conftest import PAYER, Box, Open
from .test_momo_access import PRESET, USER

MAGIC = {
    "450": "INTERNAL_PROCESSING_ERROR",
    "451": "APPROVAL_REJECTED",
    "452": "EXPIRED",
    "455": "PAYER_NOT_FOUND",
    "456": "PAYEE_NOT_ALLOWED_TO_RECEIVE",
    "457": "NOT_ALLOWED",
    "458": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "459": "INVALID_CALLBACK_URL_HOST",
    "460": "INVALID_CURRENCY",
    "461": "INTERNAL_PROCESSING_ERROR",
    "462": "SERVICE_UNAVAILABLE",
    "463": "COULD_NOT_PERFORM_TRANSACTION",
    "464": "TRANSFER_TYPE_UNKNOWN",
}


async def test_an_ordinary_number_succeeds_by_the_first_question(box: Box) -> None:
    reference = await box.accepted()
    assert await box.result(reference) == {
        "financialTransactionId": "730000001",
        "externalId": "K7QX2A9M",
        "amount": "12.5",
        "currency": "EUR",
        "payer": {"partyIdType": "MSISDN", "partyId": "46733000000"},
        "payerMessage": "Water bill",
        "payeeNote": "Acct 1042",
        "status": "SUCCESSFUL",
    }
    assert (await box.record(reference))["times_charged"] == 1


@pytest.mark.parametrize(("ending", "reason"), MAGIC.items())
async def test_a_magic_number_fails_with_its_reason(box: Box, ending: str, reason: str) -> None:
    reference = await box.accepted(f"46733123{ending}")
    result = await box.result(reference)
    assert (result["status"], result["reason"]) == ("FAILED", reason)
    assert (await box.record(reference))["charged"] is False


async def test_one_magic_number_stays_pending(box: Box) -> None:
    reference = await box.accepted("46733123453")
    await box.advance(3000)
    result = await box.result(reference)
    assert result["status"] == "PENDING"
    assert "financialTransactionId" not in result


async def test_one_magic_number_is_created_then_successful(box: Box) -> None:
    reference = await box.accepted("46733123454")
    assert (await box.result(reference))["status"] == "CREATED"
    await box.advance(24)
    assert (await box.result(reference))["status"] == "CREATED"
    await box.advance(1)
    assert (await box.result(reference))["status"] == "SUCCESSFUL"


async def test_the_times_are_settable(open_box: Open) -> None:
    box = await open_box(momo={"success_s": 10, "failure_s": 20})
    await box.provision()
    good, bad = await box.accepted(), await box.accepted("46733123451")
    await box.advance(10)
    assert [(await box.result(ref))["status"] for ref in (good, bad)] == ["SUCCESSFUL", "PENDING"]
    await box.advance(10)
    assert (await box.result(bad))["status"] == "FAILED"


@pytest.mark.parametrize("party", ["46733000000", "46733123451", "46733123453"])
async def test_a_reference_is_used_once_even_if_it_failed(box: Box, party: str) -> None:
    reference = await box.accepted(party)
    for again in (reference, reference.upper()):
        _, answer = await box.pay(party, reference=again)
        assert answer.status_code == 409
        assert answer.json() == {
            "code": "RESOURCE_ALREADY_EXIST",
            "message": "Duplicated reference id. Creation of resource failed.",
        }
    assert len((await box.control("GET", "/record"))["entries"]) == 1


async def test_the_api_users_own_id_is_no_reference(open_box: Open) -> None:
    box = await open_box(momo={"users": [PRESET]})
    await box.login(USER, "secret-1", env="mtnghana")
    _, answer = await box.pay(reference=USER, currency="GHS")
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "1",
        "0c7d8034-e593-11f1-ac53-02fc00000001",  # version 1
        USER.replace("-", ""),
        "g" * 36,
        USER + "0",
    ],
)
async def test_a_reference_must_be_a_uuid_4(box: Box, reference: str) -> None:
    headers = box.headers | ({"X-Reference-Id": reference} if reference else {})
    answer = await box.http.post("/collection/v1_0/requesttopay", headers=headers, json={})
    assert answer.status_code == 400
    assert (await box.control("GET", "/record"))["entries"] == []


async def test_a_status_needs_a_known_uuid(box: Box) -> None:
    unknown = await box.status(str(uuid.uuid4()))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert (await box.status("12")).status_code == 400
    assert (await box.status("730000001")).status_code == 400


BAD_FIELDS: list[dict[str, Any]] = [
    {"amount": value}
    for value in ("0", "-1", "1,5", "1e3", "", "abc", ".5", "5.", "٣", None, True, [], "1" * 40)
]
BAD_FIELDS += [{"amount": 0}, {"currency": "eur"}, {"currency": None}, {"currency": 5}, {"payer": None}]
BAD_FIELDS += [
    {"payer": {"partyIdType": "MSISDN", "partyId": value}}
    for value in ("", "12x", "00467331", "1" * 16, None)
]
BAD_FIELDS += [
    {"payer": {"partyIdType": kind, "partyId": "46733123"}} for kind in ("ALIAS", "EMAIL", "PARTY_CODE", 5)
]
BAD_FIELDS += [{"payerMessage": "x" * 161}, {"payeeNote": 5}, {"externalId": ["x"]}, {"payer": []}]


@pytest.mark.parametrize("fields", BAD_FIELDS, ids=repr)
async def test_a_field_that_does_not_fit_is_400_and_creates_nothing(box: Box, fields: dict[str, Any]) -> None:
    _, answer = await box.pay(**fields)
    assert answer.status_code == 400, answer.text
    assert (await box.control("GET", "/record"))["entries"] == []


async def test_a_wrong_currency_is_our_fault_and_a_500(box: Box) -> None:
    reference, answer = await box.pay(currency="GHS")
    assert (answer.status_code, answer.json()["code"]) == (500, "INVALID_CURRENCY")
    # Nothing was created, so the same reference may be used again.
    await box.accepted(reference=reference)


@pytest.mark.parametrize(
    ("environment", "currency"), [("mtnghana", "GHS"), ("mtnuganda", "UGX"), ("mtnliberia", "USD")]
)
async def test_each_environment_takes_its_own_currency(
    open_box: Open, environment: str, currency: str
) -> None:
    box = await open_box(momo={"users": [PRESET | {"environment": environment}]})
    await box.login(USER, "secret-1", env=environment)
    reference = await box.accepted(currency=currency, amount="500")
    assert (await box.result(reference))["amount"] == "500"
    _, wrong = await box.pay(currency="EUR")
    assert wrong.json()["code"] == "INVALID_CURRENCY"


@pytest.mark.parametrize(
    ("sent", "echoed"), [("12.50", "12.5"), ("25.00", "25"), ("100", "100"), ("0.10", "0.1")]
)
async def test_amounts_are_echoed_in_canonical_form(box: Box, sent: str, echoed: str) -> None:
    assert (await box.result(await box.accepted(amount=sent)))["amount"] == echoed


async def test_strict_refuses_what_production_has_refused(open_box: Open) -> None:
    box = await open_box(strict=True)
    await box.provision(host="shop.example")
    refused: list[tuple[dict[str, Any], int]] = [
        ({"amount": 5}, 400),
        ({"externalId": None}, 400),
        ({"externalId": "two words"}, 400),
        ({"payerMessage": "Ama's & co"}, 400),
        ({"payeeNote": ""}, 500),
        ({"payer": {"partyIdType": "msisdn", "partyId": "46733000000"}}, 400),
        ({"payer": {"partyIdType": "MSISDN", "partyId": "+46733000000"}}, 400),
    ]
    for fields, status in refused:
        _, answer = await box.pay(**fields)
        assert answer.status_code == status, fields
    _, answer = await box.pay(reference=str(uuid.uuid4()).upper())
    assert answer.status_code == 400
    await box.accepted()


async def test_email_and_party_code_payers_are_taken(box: Box) -> None:
    for kind, party in (("EMAIL", "ama@shop.example"), ("PARTY_CODE", str(uuid.uuid4()))):
        payer = {"partyIdType": kind, "partyId": party}
        assert (await box.result(await box.accepted(payer=payer)))["payer"] == payer


async def test_a_delivery_notification_needs_a_success(box: Box) -> None:
    good, open_ = await box.accepted(), await box.accepted("46733123453")

    async def notify(reference: str, body: Any) -> int:
        path = f"/collection/v1_0/requesttopay/{reference}/deliverynotification"
        answer = await box.http.post(path, headers=box.headers, json=body)
        return answer.status_code

    assert await notify(good, {"notificationMessage": "Collect at 5"}) == 200
    assert await notify(open_, {"notificationMessage": "Collect at 5"}) == 409
    assert await notify(str(uuid.uuid4()), {"notificationMessage": "x"}) == 404
    assert await notify(good, {"notificationMessage": "x" * 161}) == 400
    assert await notify(good, {}) == 400
    (sms,) = (await box.control("GET", "/sms?msisdn=46733000000"))["sms"]
    assert sms["text"] == "Collect at 5"


HOLDERS = [
    ("msisdn", "46733123450", 404, "RESOURCE_NOT_FOUND"),
    ("msisdn", "46733123452", 500, "NOT_ALLOWED"),
    ("msisdn", "46733123453", 500, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
    ("msisdn", "46733123454", 500, "INTERNAL_PROCESSING_ERROR"),
    ("msisdn", "46733123455", 503, "SERVICE_UNAVAILABLE"),
    ("email", "notfound@email.com", 404, "RESOURCE_NOT_FOUND"),
    ("email", "notallowed@email.com", 500, "NOT_ALLOWED"),
    ("email", "notallowedtargetenvironment@email.com", 500, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
    ("email", "internalprocessingerror@email.com", 500, "INTERNAL_PROCESSING_ERROR"),
    ("email", "serviceunavailable@email.com", 503, "SERVICE_UNAVAILABLE"),
    ("party_code", "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc", 404, "RESOURCE_NOT_FOUND"),
    ("party_code", "585c07a4-2c80-42f7-9e73-e586b36dee68", 503, "SERVICE_UNAVAILABLE"),
]


@pytest.mark.parametrize(("kind", "holder", "status", "code"), HOLDERS)
async def test_magic_account_holders(box: Box, kind: str, holder: str, status: int, code: str) -> None:
    path = f"/collection/v1_0/accountholder/{kind}/{holder}/active"
    answer = await box.http.get(path, headers=box.headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("kind", "holder", "active"),
    [
        ("msisdn", "46733123451", False),
        ("email", "notactive@email.com", False),
        ("party_code", "b0040b3c-b426-4a90-af6e-673e65861cd7", False),
        ("msisdn", "46733123999", True),
        ("msisdn", PAYER, True),
        ("MSISDN", PAYER, True),
        ("email", "ama%40shop.example", True),
    ],
)
async def test_whether_an_account_holder_is_active(box: Box, kind: str, holder: str, active: bool) -> None:
    path = f"/collection/v1_0/accountholder/{kind}/{holder}/active"
    assert (await box.http.get(path, headers=box.headers)).json() == {"result": active}


@pytest.mark.parametrize("path", ["msisdn/abc", "email/nobody", "party_code/7", "alias/x", "msisdn/%FF"])
async def test_an_account_holder_that_is_none(box: Box, path: str) -> None:
    answer = await box.http.get(f"/collection/v1_0/accountholder/{path}/active", headers=box.headers)
    assert answer.status_code == 400


async def test_basic_user_info_names_the_handsets_owner(box: Box) -> None:
    async def info(msisdn: str) -> dict[str, Any]:
        path = f"/collection/v1_0/accountholder/msisdn/{msisdn}/basicuserinfo"
        found: dict[str, Any] = (await box.http.get(path, headers=box.headers)).json()
        return found

    mine, anyones = await info(PAYER), await info("46733000000")
    assert (mine["given_name"], mine["family_name"]) == ("Ama", "Nkrumah")
    assert (anyones["given_name"], anyones["family_name"]) == ("Sand", "Box")
    assert anyones["birthdate"] == "1976-08-13"


async def test_the_balance_grows_with_what_was_paid(box: Box) -> None:
    await box.result(await box.accepted(amount="12.50"))
    path = "/collection/v1_0/account/balance"
    wanted = {"availableBalance": "1012.5", "currency": "EUR"}
    assert (await box.http.get(path, headers=box.headers)).json() == wanted
    assert (await box.http.get(f"{path}/EUR", headers=box.headers)).json() == wanted
    other = await box.http.get(f"{path}/GHS", headers=box.headers)
    assert (other.status_code, other.json()["code"]) == (500, "INVALID_CURRENCY")


async def test_another_environments_payment_is_unknown(open_box: Open) -> None:
    users = [PRESET, PRESET | {"api_user": str(uuid.uuid4()), "environment": "mtnuganda"}]
    box = await open_box(momo={"users": users})
    await box.login(USER, "secret-1", env="mtnghana")
    reference = await box.accepted(currency="GHS")
    await box.login(str(users[1]["api_user"]), "secret-1", env="mtnuganda")
    assert (await box.status(reference)).status_code == 404
