"""Money that goes out: transfers, deposits, refunds, bills; and withdrawals, which come in."""

import json
import uuid
from typing import Any

import pytest

from .conftest import PAYER, Box, Open, Receiver
from .merchant import SOMEBODY, Merchant, money, open_merchant, party

PAYER_COLUMN = {
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
TRANSFER_COLUMN = {
    "450": "INTERNAL_PROCESSING_ERROR",
    "451": "APPROVAL_REJECTED",
    "452": "EXPIRED",
    "455": "NOT_ENOUGH_FUNDS",
    "456": "PAYER_LIMIT_REACHED",
    "457": "PAYEE_NOT_FOUND",
    "458": "NOT_ALLOWED",
    "459": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "460": "INVALID_CALLBACK_URL_HOST",
    "461": "INVALID_CURRENCY",
    "462": "INTERNAL_PROCESSING_ERROR",
    "463": "SERVICE_UNAVAILABLE",
    "464": "TRANSFER_TYPE_UNKNOWN",
}
PATHS = {
    "withdraw": "collection/v1_0/requesttowithdraw",
    "transfer": "disbursement/v1_0/transfer",
    "deposit": "disbursement/v1_0/deposit",
}


@pytest.fixture
async def merchant(box: Box) -> Merchant:
    return await open_merchant(box)


@pytest.mark.parametrize("name", PATHS)
async def test_an_ordinary_number_succeeds_at_once(merchant: Merchant, name: str) -> None:
    reference = await getattr(merchant, name)()
    field = "payer" if name == "withdraw" else "payee"
    found = await merchant.look(f"{PATHS[name]}/{reference}")
    assert found == {
        "financialTransactionId": "730000001",
        "externalId": "K7QX2A9M",
        "amount": "12.5",
        "currency": "EUR",
        field: party(SOMEBODY),
        "status": "SUCCESSFUL",
    }


@pytest.mark.parametrize("name", PATHS)
async def test_the_magic_column_of_each(merchant: Merchant, name: str) -> None:
    column = TRANSFER_COLUMN if name == "transfer" else PAYER_COLUMN
    for ending, reason in column.items():
        reference = await getattr(merchant, name)(f"46733123{ending}")
        assert await merchant.outcome(f"{PATHS[name]}/{reference}") == ("FAILED", reason), ending
        entry = await merchant.box.record(reference)
        assert (entry["times_charged"], entry["times_paid_out"]) == (0, 0)
    pending = await getattr(merchant, name)("46733123453")
    later = await getattr(merchant, name)("46733123454")
    assert (await merchant.outcome(f"{PATHS[name]}/{later}"))[0] == "CREATED"
    await merchant.box.advance(25)
    assert (await merchant.outcome(f"{PATHS[name]}/{later}"))[0] == "SUCCESSFUL"
    assert (await merchant.outcome(f"{PATHS[name]}/{pending}"))[0] == "PENDING"
    await merchant.books()


async def test_a_transfer_reaches_the_handset_exactly_once(merchant: Merchant) -> None:
    reference = await merchant.transfer(PAYER)
    _, again = await merchant.send("disbursement/v1_0/transfer", money(payee=party()), reference=reference)
    assert (again.status_code, again.json()["code"]) == (409, "RESOURCE_ALREADY_EXIST")
    await merchant.box.running.drain()
    assert await merchant.wallet() == "112.50"
    assert await merchant.balance("disbursement") == "987.5"
    assert await merchant.balance("collection") == "1000"
    entry = await merchant.box.record(reference)
    assert entry["kind"] == "transfer"
    assert (entry["direction"], entry["paid_out"], entry["times_paid_out"]) == ("out", True, 1)
    assert (entry["charged"], entry["times_charged"]) == (False, 0)


@pytest.mark.parametrize("name", ["transfer", "deposit"])
async def test_a_merchant_can_be_short(merchant: Merchant, name: str) -> None:
    first = await getattr(merchant, name)(amount="990")
    short = await getattr(merchant, name)(amount="10.01")
    fits = await getattr(merchant, name)(amount="10")
    outcomes = [await merchant.outcome(f"{PATHS[name]}/{one}") for one in (first, short, fits)]
    assert outcomes == [("SUCCESSFUL", None), ("FAILED", "NOT_ENOUGH_FUNDS"), ("SUCCESSFUL", None)]
    assert await merchant.balance("disbursement") == "0"


async def test_one_wallet_for_both_products(open_box: Open) -> None:
    users = [
        {
            "api_user": str(uuid.uuid4()),
            "api_key": "k",
            "product": product,
            "wallet": "shop",
            "balance": "0",
        }
        for product in ("collection", "disbursement")
    ]
    box = await open_box(momo={"users": users})
    merchant = Merchant(box)
    for user in users:
        await box.login(user["api_user"], "k", product=user["product"])
        merchant.headers[user["product"]] = box.headers
    await merchant.pay(amount="20")
    reference = await merchant.transfer(amount="15")
    assert (await merchant.outcome(f"disbursement/v1_0/transfer/{reference}"))[0] == "SUCCESSFUL"
    assert [await merchant.balance(product) for product in merchant.headers] == ["5", "5"]
    (account,) = (await merchant.books())["accounts"][:1]
    assert account == {
        "account": "momo:shop",
        "currency": "EUR",
        "opening": "0",
        "in": {"request_to_pay": "20"},
        "out": {"transfer": "15"},
        "closing": "5",
    }


async def test_one_wallet_per_user_by_config(open_box: Open) -> None:
    box = await open_box(momo={"one_wallet": True, "balance": "50"})
    user = str(uuid.uuid4())
    key = {"Ocp-Apim-Subscription-Key": "0" * 32}
    await box.http.post(
        "/v1_0/apiuser", headers={**key, "X-Reference-Id": user}, json={"providerCallbackHost": "x.example"}
    )
    api_key = (await box.http.post(f"/v1_0/apiuser/{user}/apikey", headers=key)).json()["apiKey"]
    merchant = Merchant(box)
    for product in ("collection", "disbursement"):
        await box.login(user, api_key, product=product)
        merchant.headers[product] = box.headers
    await merchant.transfer(amount="20")
    await box.running.drain()
    assert [await merchant.balance(product) for product in merchant.headers] == ["30", "30"]


async def test_there_is_no_second_version_of_transfer(merchant: Merchant) -> None:
    _, answer = await merchant.send("disbursement/v2_0/transfer", money(payee=party()))
    assert answer.status_code == 404


@pytest.mark.parametrize("field", ["payee", "payer"])
@pytest.mark.parametrize("version", ["v1_0", "v2_0"])
async def test_a_deposit_names_payee_or_payer(merchant: Merchant, field: str, version: str) -> None:
    reference = await merchant.accepted(f"disbursement/{version}/deposit", money(**{field: party(SOMEBODY)}))
    found = await merchant.look(f"disbursement/v1_0/deposit/{reference}")
    assert found["payee"] == party(SOMEBODY)
    assert "payer" not in found


@pytest.mark.parametrize("version", ["v1_0", "v2_0"])
async def test_both_versions_of_withdrawal_have_one_status(merchant: Merchant, version: str) -> None:
    reference = await merchant.accepted(
        f"collection/{version}/requesttowithdraw", money(payer=party(SOMEBODY))
    )
    assert (await merchant.outcome(f"{PATHS['withdraw']}/{reference}"))[0] == "SUCCESSFUL"
    assert (await merchant.ask(f"collection/v2_0/requesttowithdraw/{reference}")).status_code == 404


async def test_a_withdrawal_asks_the_handset_and_pays_the_merchant(merchant: Merchant) -> None:
    reference = await merchant.withdraw(PAYER)
    (prompt,) = await merchant.box.prompts()
    assert (prompt["kind"], prompt["text"]) == ("withdrawal", "Withdraw cash at Kasapay")
    await merchant.box.press("approve", pin="1234")
    assert await merchant.wallet() == "87.50"
    assert await merchant.balance() == "1012.5"
    assert (await merchant.box.record(reference))["times_charged"] == 1


CALLBACKS = [
    ("collection/v1_0/requesttopay", "payer", "PUT"),
    ("collection/v1_0/requesttowithdraw", "payer", "PUT"),
    ("collection/v2_0/requesttowithdraw", "payer", "PUT"),
    ("disbursement/v1_0/transfer", "payee", "PUT"),
    ("disbursement/v1_0/deposit", "payee", "POST"),
    ("disbursement/v2_0/deposit", "payee", "PUT"),
]


@pytest.mark.parametrize(("path", "field", "method"), CALLBACKS)
@pytest.mark.parametrize("number", [SOMEBODY, "46733123451"])
async def test_each_calls_back_in_its_own_way(
    merchant: Merchant, receiver: Receiver, path: str, field: str, method: str, number: str
) -> None:
    body = money(**{field: party(number)}, payerMessage="Wages", payeeNote="May")
    reference = await merchant.accepted(path, body, callback=receiver.url)
    await merchant.box.running.drain()
    (got,) = receiver.got
    assert (got.method, got.headers["content-type"]) == (method, "application/json")
    told = json.loads(got.body)
    status_path = path.replace("v2_0", "v1_0")
    assert told == await merchant.look(f"{status_path}/{reference}")
    assert told[field] == party(number)
    assert ("reason" in told) == (number != SOMEBODY)


# Refunds.


async def paid(merchant: Merchant, amount: str = "12.50") -> str:
    reference = await merchant.pay(PAYER, amount=amount)
    await merchant.box.press("approve", pin="1234")
    return reference


async def test_a_refund_brings_the_money_back(merchant: Merchant) -> None:
    payment = await paid(merchant)
    reference = await merchant.refund(payment)
    found = await merchant.look(f"disbursement/v1_0/refund/{reference}")
    assert (found["status"], found["payee"]) == ("SUCCESSFUL", party())
    assert await merchant.wallet() == "100.00"
    assert await merchant.balance("disbursement") == "987.5"
    assert (await merchant.box.record(payment))["refunded"] == "12.5"
    assert (await merchant.box.record(reference))["times_paid_out"] == 1


async def test_refunds_never_come_to_more_than_the_payment(merchant: Merchant) -> None:
    payment = await paid(merchant)
    first = await merchant.refund(payment, amount="10")
    above = await merchant.refund(payment, amount="2.51")
    rest = await merchant.refund(payment, amount="2.50")
    more = await merchant.refund(payment, amount="0.01")
    outcomes = [
        await merchant.outcome(f"disbursement/v1_0/refund/{one}") for one in (first, above, rest, more)
    ]
    refused = ("FAILED", "NOT_ALLOWED")
    assert outcomes == [("SUCCESSFUL", None), refused, ("SUCCESSFUL", None), refused]
    assert await merchant.wallet() == "100.00"
    await merchant.books()


async def test_refunds_at_once_do_not_slip_past_each_other(open_box: Open) -> None:
    box = await open_box(momo={"success_s": 5})
    merchant = await open_merchant(box)
    payment = await merchant.pay()
    await box.advance(5)
    both = [await merchant.refund(payment, amount="10"), await merchant.refund(payment, amount="10")]
    await box.advance(5)
    outcomes = [(await merchant.outcome(f"disbursement/v1_0/refund/{one}"))[0] for one in both]
    assert outcomes == ["SUCCESSFUL", "FAILED"]


async def test_only_a_paid_payment_of_ones_own_is_given_back(merchant: Merchant) -> None:
    open_, failed = await merchant.pay(PAYER), await merchant.pay("46733123451")
    transfer = await merchant.transfer()
    expected = {
        str(uuid.uuid4()): "TRANSACTION_NOT_FOUND",
        transfer: "TRANSACTION_NOT_FOUND",
        open_: "TRANSACTION_NOT_COMPLETED",
        failed: "TRANSACTION_NOT_COMPLETED",
    }
    for about, reason in expected.items():
        reference = await merchant.refund(about)
        assert await merchant.outcome(f"disbursement/v1_0/refund/{reference}") == ("FAILED", reason)
    _, answer = await merchant.send("disbursement/v1_0/refund", money(referenceIdToRefund="7"))
    assert answer.status_code == 400


async def test_another_merchants_payment_is_unknown(open_box: Open) -> None:
    users = [
        {"api_user": str(uuid.uuid4()), "api_key": "k", "product": "collection", "payee": "Ama"},
        {"api_user": str(uuid.uuid4()), "api_key": "k", "product": "disbursement", "payee": "Kofi"},
    ]
    box = await open_box(momo={"users": users})
    merchant = Merchant(box)
    for user in users:
        await box.login(user["api_user"], "k", product=user["product"])
        merchant.headers[user["product"]] = box.headers
    reference = await merchant.refund(await merchant.pay())
    assert await merchant.outcome(f"disbursement/v1_0/refund/{reference}") == (
        "FAILED",
        "TRANSACTION_NOT_FOUND",
    )


REFUNDS = {
    1: "TRANSACTION_NOT_FOUND",
    2: "INTERNAL_PROCESSING_ERROR",
    3: "APPROVAL_REJECTED",
    4: "EXPIRED",
    7: "NOT_ALLOWED",
    8: "NOT_ALLOWED_TARGET_ENVIRONMENT",
    9: "INVALID_CALLBACK_URL_HOST",
    10: "INVALID_CURRENCY",
    11: "INTERNAL_PROCESSING_ERROR",
    12: "SERVICE_UNAVAILABLE",
    13: "COULD_NOT_PERFORM_TRANSACTION",
}


async def test_our_own_magic_references_of_refunds(merchant: Merchant) -> None:
    def magic(number: int) -> str:
        return f"46733123-0000-4000-8000-{number:012}"

    for number, reason in REFUNDS.items():
        reference = await merchant.refund(magic(number))
        assert await merchant.outcome(f"disbursement/v1_0/refund/{reference}") == ("FAILED", reason)
    ongoing, delayed = await merchant.refund(magic(5)), await merchant.refund(magic(6))
    for one in (ongoing, delayed):
        assert (await merchant.outcome(f"disbursement/v1_0/refund/{one}"))[0] == "PENDING"
    await merchant.box.advance(25)
    assert (await merchant.outcome(f"disbursement/v1_0/refund/{ongoing}"))[0] == "PENDING"
    assert (await merchant.outcome(f"disbursement/v1_0/refund/{delayed}"))[0] == "SUCCESSFUL"
    assert await merchant.balance("disbursement") == "987.5"


@pytest.mark.parametrize(("version", "method"), [("v1_0", "POST"), ("v2_0", "PUT")])
async def test_a_refund_calls_back(merchant: Merchant, receiver: Receiver, version: str, method: str) -> None:
    payment = await merchant.pay()
    body = money(referenceIdToRefund=payment)
    await merchant.accepted(f"disbursement/{version}/refund", body, callback=receiver.url)
    await merchant.box.running.drain()
    (got,) = receiver.got
    assert got.method == method
    assert json.loads(got.body)["payee"] == party(SOMEBODY)


# Bills.


def bill(amount: Any) -> dict[str, Any]:
    return {
        "externalTransactionId": "K7QX2A9M",
        "money": {"amount": amount, "currency": "EUR"},
        "customerReference": "METER-77",
        "serviceProviderUserName": "power.co",
        "maxNumberOfRetries": 2,
        "includeSenderCharges": False,
    }


async def test_the_magic_amounts_of_a_payment(open_box: Open) -> None:
    box = await open_box(momo={"balance": "100000"})
    merchant = await open_merchant(box)
    seen: dict[str, list[str]] = {}
    references = {
        amount: await merchant.accepted("collection/v2_0/payment", bill(amount))
        for amount in ("5", "1000", "2000", "3000.00", "4000", "5000", "6000", "7000")
    }
    for _ in range(2):
        for amount, reference in references.items():
            found = await merchant.look(f"collection/v2_0/payment/{reference}")
            assert found["referenceId"] == reference
            assert ("financialTransactionId" in found) == (found["status"] != "PENDING")
            seen.setdefault(amount, []).append(found.get("reason", found["status"]))
        await box.advance(25)
    assert seen == {
        "5": ["SUCCESSFUL"] * 2,
        "1000": ["SUCCESSFUL"] * 2,
        "2000": ["INTERNAL_PROCESSING_ERROR"] * 2,
        "3000.00": ["PENDING", "SUCCESSFUL"],
        "4000": ["PENDING", "INTERNAL_PROCESSING_ERROR"],
        "5000": ["PENDING"] * 2,
        "6000": ["PENDING"] * 2,
        "7000": ["TRANSFER_TYPE_UNKNOWN"] * 2,
    }
    assert await merchant.balance() == str(100000 - 5 - 1000 - 3000)
    await merchant.books()


@pytest.mark.parametrize(
    "changes",
    [
        {"money": None},
        {"money": {"amount": "0", "currency": "EUR"}},
        {"money": {"amount": "5"}},
        {"maxNumberOfRetries": "many"},
        {"maxNumberOfRetries": True},
        {"includeSenderCharges": "no"},
        {"customerReference": ["x"]},
        {"customerReference": "x" * 161},
    ],
    ids=repr,
)
async def test_a_payment_that_does_not_fit_is_400(merchant: Merchant, changes: dict[str, Any]) -> None:
    _, answer = await merchant.send("collection/v2_0/payment", bill("5") | changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_another_products_user_may_not(open_box: Open) -> None:
    box = await open_box(
        strict=True, momo={"subscription_keys": {"collection": ["a" * 32], "disbursement": ["b" * 32]}}
    )
    answer = await box.http.post(
        "/disbursement/v1_0/transfer",
        headers={"Ocp-Apim-Subscription-Key": "a" * 32, "Authorization": "Bearer x"},
        json=money(payee=party()),
    )
    assert answer.status_code == 401
