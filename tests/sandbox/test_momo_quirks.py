"""What MoMo has been seen to do otherwise, each behind its switch; notifications; the new gateway."""

import base64
import uuid
from typing import Any

import pytest

from .conftest import KEY, PAYER, Box, Open
from .merchant import Merchant, money, open_merchant, party

FAILING = "46733123451"
PAY = "collection/v1_0/requesttopay"
TRANSFER = "disbursement/v1_0/transfer"


@pytest.fixture
async def merchant(box: Box) -> Merchant:
    return await open_merchant(box)


REASONS: list[tuple[str, Any]] = [
    ("string", "APPROVAL_REJECTED"),
    ("object", {"code": "APPROVAL_REJECTED", "message": "Approval rejected."}),
    ("null", None),
    ("absent", "no such field"),
]


@pytest.mark.parametrize(("shape", "reason"), REASONS)
async def test_shapes_of_a_reason(merchant: Merchant, shape: str, reason: Any) -> None:
    await merchant.box.faults(reason_shape=shape)
    paths = [f"{PAY}/{await merchant.pay(FAILING)}", f"{TRANSFER}/{await merchant.transfer(FAILING)}"]
    paths.append(f"collection/v2_0/preapproval/{await merchant.pre_approve(FAILING)}")
    for path in paths:
        found = await merchant.look(path)
        assert found.get("reason", "no such field") == reason, path


async def test_a_reason_nobody_has_heard_of(merchant: Merchant) -> None:
    await merchant.box.faults(reason_code="TRANSACTION_CANCELED.")
    assert await merchant.outcome(f"{PAY}/{await merchant.pay(FAILING)}") == (
        "FAILED",
        "TRANSACTION_CANCELED.",
    )
    assert await merchant.outcome(f"{PAY}/{await merchant.pay()}") == ("SUCCESSFUL", None)


async def test_failed_that_is_not_final(merchant: Merchant) -> None:
    reference = await merchant.transfer("46733123454")
    await merchant.box.faults(open_as_failed="PAYEE_DELAYED")
    assert await merchant.outcome(f"{TRANSFER}/{reference}") == ("FAILED", "PAYEE_DELAYED")
    await merchant.box.advance(25)
    assert await merchant.outcome(f"{TRANSFER}/{reference}") == ("SUCCESSFUL", None)


async def test_numbers_instead_of_text(merchant: Merchant) -> None:
    await merchant.box.faults(numeric_ids=True)
    found = await merchant.look(f"{TRANSFER}/{await merchant.transfer(externalId='4711')}")
    assert (found["externalId"], found["financialTransactionId"], found["amount"]) == (4711, 730000001, 12.5)
    assert found["payee"]["partyId"] == 46733000000


async def test_created_and_missing_ids(merchant: Merchant) -> None:
    await merchant.box.faults(created_status=True, financial_id_absent=True)
    assert (await merchant.outcome(f"{PAY}/{await merchant.pay(PAYER)}"))[0] == "CREATED"
    assert (await merchant.outcome(f"collection/v2_0/invoice/{await merchant.invoice()}"))[0] == "CREATED"
    done = await merchant.look(f"{TRANSFER}/{await merchant.transfer()}")
    assert (done["status"], "financialTransactionId" in done) == ("SUCCESSFUL", False)


async def test_a_status_is_not_found_for_a_while(merchant: Merchant) -> None:
    rule = {"group": "momo.create", "set": {"status_not_found_first": 2}}
    await merchant.box.faults(rules=[rule])
    reference = await merchant.transfer()
    answers = [(await merchant.ask(f"{TRANSFER}/{reference}")).status_code for _ in range(3)]
    assert answers == [404, 404, 200]


async def test_a_status_is_of_its_own_operation(merchant: Merchant) -> None:
    transfer, deposit = await merchant.transfer(), await merchant.deposit()
    for path in (
        f"{TRANSFER}/{deposit}",
        f"disbursement/v1_0/deposit/{transfer}",
        f"{PAY}/{transfer}",
        f"collection/v2_0/preapproval/{transfer}",
    ):
        assert (await merchant.ask(path)).status_code == 404, path


# The new gateway.


async def test_the_new_gateways_manners(merchant: Merchant) -> None:
    box = merchant.box
    old = await merchant.pay()
    await box.faults(new_gateway=True)
    basic = "Basic " + base64.b64encode(b"nobody:nothing").decode()
    headers = {"Ocp-Apim-Subscription-Key": KEY, "Authorization": basic}
    bare = await box.http.post("/collection/token/", headers=headers)
    assert (bare.status_code, bare.json()) == (
        400,
        {"error": "Invalid or missing X-Target-Environment header"},
    )
    headers["X-Target-Environment"] = "sandbox"
    wrong = await box.http.post("/collection/token/", headers=headers)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    agent = {"User-Agent": "python-requests/2.32.3"}
    page = await box.http.get("/collection/v1_0/account/balance", headers=box.headers | agent)
    assert (page.status_code, page.headers["Content-Type"]) == (403, "text/html")
    # What one platform created, the other does not know; its own it does.
    assert (await merchant.ask(f"{PAY}/{old}")).status_code == 404
    new = await merchant.pay()
    assert (await merchant.outcome(f"{PAY}/{new}"))[0] == "SUCCESSFUL"
    await box.faults(new_gateway=False)
    assert (await merchant.ask(f"{PAY}/{new}")).status_code == 404
    assert (await merchant.outcome(f"{PAY}/{old}"))[0] == "SUCCESSFUL"


async def test_the_new_gateway_by_configuration(open_box: Open) -> None:
    box = await open_box(momo={"new_gateway": True})
    with pytest.raises(AssertionError, match="X-Target-Environment"):
        await box.provision()


async def test_disbursement_without_the_right(merchant: Merchant) -> None:
    rule = {"group": "momo.create", "set": {"error_status": 403}}
    await merchant.box.faults(rules=[rule])
    _, answer = await merchant.send(TRANSFER, {"nonsense": True})
    assert (answer.status_code, answer.json()["statusCode"]) == (403, 403)
    assert (await merchant.ask("disbursement/v1_0/account/balance")).status_code == 200


# Notifications.


async def notify(merchant: Merchant, reference: str, text: Any = "Collect at 5", **headers: str) -> Any:
    path = f"/{PAY}/{reference}/deliverynotification"
    body = {"notificationMessage": text} if text is not None else None
    return await merchant.box.http.post(path, headers=merchant.headers["collection"] | headers, json=body)


async def test_a_notification_becomes_an_sms(merchant: Merchant) -> None:
    reference = await merchant.pay(PAYER)
    assert (await notify(merchant, reference)).json()["code"] == "NOT_SUCCESSFULLY_COMPLETED"
    await merchant.box.press("approve", pin="1234")
    assert (await notify(merchant, reference)).status_code == 200
    (sms,) = (await merchant.box.control("GET", f"/handsets/{PAYER}"))["sms"]
    assert (sms["from"], sms["text"]) == ("MoMo", "Collect at 5")


async def test_a_notification_by_header(merchant: Merchant) -> None:
    reference = await merchant.pay()
    answer = await notify(merchant, reference, None, notificationMessage="By header", Language="en")
    assert (answer.status_code, answer.content) == (200, b"")
    (sms,) = (await merchant.box.control("GET", "/sms"))["sms"]
    assert sms["text"] == "By header"


async def test_a_notification_too_often_or_too_late(merchant: Merchant) -> None:
    reference = await merchant.pay()
    codes = [(await notify(merchant, reference)).status_code for _ in range(2)]
    await merchant.box.advance(30)
    codes.append((await notify(merchant, reference)).status_code)
    assert codes == [200, 429, 200]
    await merchant.box.advance(86_400)
    merchant.headers = (await open_merchant(merchant.box)).headers
    late = await notify(merchant, reference)
    assert (late.status_code, late.json()["statusCode"]) == (410, 410)
    assert len((await merchant.box.control("GET", "/sms"))["sms"]) == 2


async def test_only_payments_are_notified_of(merchant: Merchant) -> None:
    for reference in (await merchant.withdraw(), await merchant.transfer(), str(uuid.uuid4())):
        assert (await notify(merchant, reference)).status_code == 404
    path = f"/{TRANSFER}/{await merchant.transfer()}/deliverynotification"
    answer = await merchant.box.http.post(path, headers=merchant.headers["disbursement"], json={})
    assert answer.status_code == 404


# Field rules are the same for every operation.

BODIES = {
    "collection/v1_0/requesttowithdraw": money(payer=party()),
    "collection/v2_0/requesttowithdraw": money(payer=party()),
    "disbursement/v1_0/transfer": money(payee=party()),
    "disbursement/v1_0/deposit": money(payee=party()),
    "disbursement/v2_0/deposit": money(payee=party()),
    "disbursement/v1_0/refund": money(referenceIdToRefund=str(uuid.uuid4())),
    "disbursement/v2_0/refund": money(referenceIdToRefund=str(uuid.uuid4())),
}


@pytest.mark.parametrize("path", BODIES)
async def test_a_field_that_does_not_fit_is_400_everywhere(merchant: Merchant, path: str) -> None:
    wrong: list[dict[str, Any]] = [
        {"amount": value} for value in ("0", "-1", "1,5", "", None, True, "1" * 40)
    ]
    wrong += [{"currency": "eur"}, {"currency": None}, {"payerMessage": "x" * 161}, {"payeeNote": 5}]
    body = BODIES[path]
    for field in ("payer", "payee", "referenceIdToRefund"):
        if field in body:
            wrong += [{field: value} for value in (None, [], "x", {}, {"partyIdType": "MSISDN"}, 5)]
    for changes in wrong:
        _, answer = await merchant.send(path, body | changes)
        assert answer.status_code == 400, (changes, answer.text)
    _, currency = await merchant.send(path, body | {"currency": "GHS"})
    assert (currency.status_code, currency.json()["code"]) == (500, "INVALID_CURRENCY")
    host, answer = await merchant.send(path, body, callback="https://other.example/x")
    assert (answer.status_code, answer.json()["code"]) == (500, "INVALID_CALLBACK_URL_HOST")
    assert (await merchant.box.control("GET", "/record"))["entries"] == []
    # Nothing was created: the same reference is still free.
    await merchant.accepted(path, body, reference=host)


@pytest.mark.parametrize("path", [*BODIES, "collection/v2_0/invoice", "collection/v2_0/payment"])
async def test_every_creation_wants_its_headers(merchant: Merchant, path: str) -> None:
    good = merchant.headers[path.partition("/")[0]] | {"X-Reference-Id": str(uuid.uuid4())}
    for name, status in (
        ("Authorization", 401),
        ("Ocp-Apim-Subscription-Key", 401),
        ("X-Target-Environment", 400),
        ("X-Reference-Id", 400),
    ):
        headers = {key: value for key, value in good.items() if key != name}
        answer = await merchant.box.http.post(f"/{path}", headers=headers, json=BODIES.get(path, {}))
        assert answer.status_code == status, name
    wrong = good | {"X-Target-Environment": "mtnghana"}
    answer = await merchant.box.http.post(f"/{path}", headers=wrong, json=BODIES.get(path, {}))
    assert answer.json()["code"] == "NOT_ALLOWED_TARGET_ENVIRONMENT"
    other = merchant.headers["collection" if path.startswith("disbursement") else "disbursement"]
    answer = await merchant.box.http.post(f"/{path}", headers=good | other, json=BODIES.get(path, {}))
    assert answer.status_code == 401


async def test_strict_takes_every_operation_as_documented(open_box: Open) -> None:
    box = await open_box(strict=True)
    merchant = Merchant(box)
    for product in ("collection", "disbursement"):
        await box.provision(host="shop.example", product=product)
        merchant.headers[product] = box.headers
    payment = await merchant.pay(payerMessage="Water bill", payeeNote="Acct 1042")
    made = {
        "collection/v1_0/requesttowithdraw": await merchant.withdraw(),
        "collection/v2_0/preapproval": await merchant.pre_approve("46733000000"),
        "collection/v2_0/invoice": await merchant.invoice("46733000000"),
        "disbursement/v1_0/transfer": await merchant.transfer(),
        "disbursement/v1_0/deposit": await merchant.deposit(),
        "disbursement/v1_0/refund": await merchant.refund(payment),
    }
    for path, reference in made.items():
        assert await merchant.outcome(f"{path}/{reference}") == ("SUCCESSFUL", None), path
    # Only its own user may look, and the type of an id is written as documented.
    other = Merchant(box)
    await box.provision(host="shop.example", product="disbursement")
    other.headers["disbursement"] = box.headers
    transfer = made["disbursement/v1_0/transfer"]
    assert (await other.ask(f"disbursement/v1_0/transfer/{transfer}")).status_code == 404
    listed = "collection/v1_0/preapprovals/{}/46733000000"
    assert len((await merchant.ask(listed.format("msisdn"))).json()) == 1
    assert (await merchant.ask(listed.format("MSISDN"))).status_code == 400
    form = {"login_hint": "ID:46733000000/MSISDN", "scope": "profile", "access_type": "online"}
    asked = await box.http.post(
        "/collection/v1_0/bc-authorize", headers=merchant.headers["collection"], data=form
    )
    assert asked.status_code == 200
    as_json = await merchant.box.http.post(
        "/collection/v1_0/bc-authorize", headers=merchant.headers["collection"], json=form
    )
    assert as_json.status_code == 415
    await merchant.books()


@pytest.mark.parametrize("product", ["collection", "disbursement"])
async def test_both_products_answer_about_accounts(merchant: Merchant, product: str) -> None:
    assert await merchant.balance(product) == "1000"
    assert (await merchant.look(f"{product}/v1_0/account/balance/EUR"))["currency"] == "EUR"
    holder = f"{product}/v1_0/accountholder"
    assert await merchant.look(f"{holder}/msisdn/{PAYER}/active") == {"result": True}
    assert await merchant.look(f"{holder}/email/notactive@email.com/active") == {"result": False}
    gone = await merchant.ask(f"{holder}/party_code/5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc/active")
    assert (gone.status_code, gone.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert (await merchant.look(f"{holder}/msisdn/{PAYER}/basicuserinfo"))["name"] == "Ama Nkrumah"
