"""Pre-approvals and invoices: made, shown on the handset, used, cancelled, run out."""

import json
from typing import Any

import pytest

from .conftest import PAYER, Box, Receiver
from .merchant import SOMEBODY, Merchant, invoice, open_merchant, party

APPROVED = f"collection/v1_0/preapprovals/msisdn/{PAYER}"


@pytest.fixture
async def merchant(box: Box) -> Merchant:
    return await open_merchant(box)


async def approved(merchant: Merchant, **more: Any) -> str:
    reference = await merchant.pre_approve(**more)
    await merchant.box.press("approve", pin="1234")
    return reference


# Pre-approvals.


async def test_a_pre_approval_is_asked_for_on_the_handset(merchant: Merchant) -> None:
    reference = await merchant.pre_approve()
    (prompt,) = await merchant.box.prompts()
    assert (prompt["kind"], prompt["amount"], prompt["message"]) == ("pre_approval", None, "Dues")
    assert prompt["text"] == "Let Kasapay take EUR from this wallet without asking, for 1 day"
    assert (await merchant.outcome(f"collection/v2_0/preapproval/{reference}"))[0] == "PENDING"
    assert (await merchant.ask(APPROVED)).json() == []
    await merchant.box.press("approve", pin="1234")
    found = await merchant.look(f"collection/v2_0/preapproval/{reference}")
    assert found == {
        "payer": party(),
        "payerCurrency": "EUR",
        "payerMessage": "Dues",
        "expirationDateTime": "2026-09-22T14:13:20.000",
        "status": "SUCCESSFUL",
    }
    (one,) = (await merchant.ask(APPROVED)).json()
    assert (one["status"], one["fromFri"], one["fromCurrency"]) == ("APPROVED", f"FRI:{PAYER}/MSISDN", "EUR")
    assert one["preApprovalId"] != reference
    entry = await merchant.box.record(reference)
    assert (entry["direction"], entry["charged"], entry["paid_out"]) == ("none", False, False)


async def test_while_it_stands_a_request_to_pay_asks_nobody(merchant: Merchant) -> None:
    await approved(merchant)
    reference = await merchant.pay(PAYER)
    assert (await merchant.outcome(f"collection/v1_0/requesttopay/{reference}"))[0] == "SUCCESSFUL"
    assert await merchant.box.prompts() == []
    assert await merchant.wallet() == "87.50"
    too_much = await merchant.pay(PAYER, amount="87.51")
    assert await merchant.outcome(f"collection/v1_0/requesttopay/{too_much}") == (
        "FAILED",
        "NOT_ENOUGH_FUNDS",
    )
    # A withdrawal still asks, and so does another merchant.
    await merchant.withdraw(PAYER)
    other = await open_merchant(merchant.box)
    await other.pay(PAYER)
    assert len(await merchant.box.prompts()) == 2
    assert (await other.ask(APPROVED)).json() == []


async def test_it_runs_out(merchant: Merchant) -> None:
    await approved(merchant, validityTime=60)
    await merchant.box.advance(59)
    assert len((await merchant.ask(APPROVED)).json()) == 1
    await merchant.box.advance(1)
    assert (await merchant.ask(APPROVED)).json() == []
    await merchant.pay(PAYER)
    assert len(await merchant.box.prompts()) == 1


async def test_currency_and_end_need_not_be_named(merchant: Merchant) -> None:
    """By the page nothing of a pre-approval is required; then it is for any currency and has no end."""
    box = merchant.box
    reference = await merchant.pre_approve(payerCurrency=None, validityTime=None)
    (prompt,) = await box.prompts()
    assert prompt["text"] == "Let Kasapay take money from this wallet without asking, until it is cancelled"
    await box.press("approve", pin="1234")
    await box.advance(3000)
    found = await merchant.look(f"collection/v2_0/preapproval/{reference}")
    assert found == {"payer": party(), "payerMessage": "Dues", "status": "SUCCESSFUL"}
    (one,) = (await merchant.ask(APPROVED)).json()
    assert (one["status"], "fromCurrency" in one, "expiryTime" in one) == ("APPROVED", False, False)
    await merchant.pay(PAYER)
    assert await box.prompts() == []


async def test_it_is_cancelled_by_its_own_id_and_only_while_it_stands(merchant: Merchant) -> None:
    reference = await merchant.pre_approve()
    entry = await merchant.box.record(reference)
    path = f"collection/v1_0/preapproval/{entry['provider_reference']}"
    assert (await merchant.ask(path, method="DELETE")).status_code == 409
    await merchant.box.press("approve", pin="1234")
    assert (
        await merchant.ask(f"collection/v1_0/preapproval/{reference}", method="DELETE")
    ).status_code == 404
    other = await open_merchant(merchant.box)
    assert (await other.ask(path, method="DELETE")).status_code == 404
    gone = await merchant.ask(path, method="DELETE")
    assert (gone.status_code, gone.content) == (200, b"")
    assert (await merchant.ask(path, method="DELETE")).status_code == 409
    assert (await merchant.ask(APPROVED)).json() == []
    await merchant.pay(PAYER)
    assert len(await merchant.box.prompts()) == 1


@pytest.mark.parametrize(
    ("action", "pin", "reason"), [("reject", None, "APPROVAL_REJECTED"), ("ignore", None, "EXPIRED")]
)
async def test_the_owner_may_say_no(merchant: Merchant, action: str, pin: str | None, reason: str) -> None:
    reference = await merchant.pre_approve()
    await merchant.box.press(action, pin=pin)
    await merchant.box.advance(300)
    assert await merchant.outcome(f"collection/v2_0/preapproval/{reference}") == ("FAILED", reason)
    assert (await merchant.ask(APPROVED)).json() == []


COLUMN = {
    "450": "INTERNAL_PROCESSING_ERROR",
    "451": "APPROVAL_REJECTED",
    "452": "EXPIRED",
    "455": "PAYER_NOT_FOUND",
    "456": "NOT_ALLOWED",
    "457": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "458": "INVALID_CALLBACK_URL_HOST",
    "459": "INVALID_CURRENCY",
    "460": "INTERNAL_PROCESSING_ERROR",
    "461": "SERVICE_UNAVAILABLE",
}


async def test_its_own_magic_column(merchant: Merchant) -> None:
    for ending, reason in COLUMN.items():
        reference = await merchant.pre_approve(f"46733123{ending}")
        path = f"collection/v2_0/preapproval/{reference}"
        assert await merchant.outcome(path) == ("FAILED", reason), ending
    pending, later = await merchant.pre_approve("46733123453"), await merchant.pre_approve("46733123454")
    assert (await merchant.outcome(f"collection/v2_0/preapproval/{later}"))[0] == "CREATED"
    await merchant.box.advance(25)
    assert (await merchant.outcome(f"collection/v2_0/preapproval/{later}"))[0] == "SUCCESSFUL"
    assert (await merchant.outcome(f"collection/v2_0/preapproval/{pending}"))[0] == "PENDING"
    await merchant.pre_approve("46733123469")
    assert (await merchant.ask("collection/v1_0/preapprovals/msisdn/46733123469")).json() == []
    assert len((await merchant.ask("collection/v1_0/preapprovals/MSISDN/+46733123454")).json()) == 1


async def test_the_shapes_of_a_pre_approval(merchant: Merchant) -> None:
    reference = await approved(merchant)
    await merchant.box.faults(wrapped_lists=True, expiration_shape="integer")
    assert len((await merchant.look(APPROVED))["preApprovalDetails"]) == 1
    found = await merchant.look(f"collection/v2_0/preapproval/{reference}")
    assert found["expirationDateTime"] == 1_790_086_400_000
    for kind in ("id", "alias"):
        listed = await merchant.look(f"collection/v1_0/preapprovals/{kind}/whoever")
        assert listed == {"preApprovalDetails": []}
    assert (await merchant.ask("collection/v1_0/preapprovals/iban/x")).status_code == 400


async def test_a_pre_approval_calls_back(merchant: Merchant, receiver: Receiver) -> None:
    body = {"payer": party(SOMEBODY), "payerCurrency": "EUR", "payerMessage": "Dues", "validityTime": 60}
    reference = await merchant.accepted("collection/v2_0/preapproval", body, callback=receiver.url)
    await merchant.box.running.drain()
    (got,) = receiver.got
    assert got.method == "PUT"
    assert json.loads(got.body) == await merchant.look(f"collection/v2_0/preapproval/{reference}")


@pytest.mark.parametrize(
    "changes",
    [
        {"payerCurrency": "euro"},
        {"payerCurrency": ""},
        {"validityTime": 0},
        {"validityTime": -5},
        {"validityTime": 1.5},
        {"validityTime": True},
        {"validityTime": 10**12},
        {"payer": None},
        {"payerMessage": "x" * 161},
    ],
    ids=repr,
)
async def test_a_pre_approval_that_does_not_fit_is_400(merchant: Merchant, changes: dict[str, Any]) -> None:
    body = {"payer": party(), "payerCurrency": "EUR", "validityTime": 60} | changes
    _, answer = await merchant.send("collection/v2_0/preapproval", body)
    assert answer.status_code == 400, answer.text


# Invoices.


async def bills(merchant: Merchant) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await merchant.box.control("GET", f"/handsets/{PAYER}"))["invoices"]
    return found


async def settle(merchant: Merchant, name: str, *, pin: str | None = "1234", status: int = 200) -> Any:
    body = {"action": "pay"} | ({"pin": pin} if pin is not None else {})
    return await merchant.box.control("POST", f"/handsets/{PAYER}/invoices/{name}", body, status=status)


async def test_an_invoice_waits_on_the_handset_until_it_is_paid(merchant: Merchant) -> None:
    reference = await merchant.invoice()
    found = await merchant.look(f"collection/v2_0/invoice/{reference}")
    assert found == {
        "referenceId": reference,
        "externalId": "INV-2001",
        "amount": "75",
        "currency": "EUR",
        "status": "PENDING",
        "paymentReference": "00000001",
        "invoiceId": "730000001",
        "expiryDateTime": "2026-09-21T15:13:20.000",
        "payeeFirstName": "Kasapay",
        "intendedPayer": party(),
        "description": "School fees term 2",
    }
    (shown,) = await bills(merchant)
    assert (shown["id"], shown["payment_reference"]) == ("730000001", "00000001")
    assert (shown["payee"], shown["amount"], shown["currency"]) == ("Kasapay", "75", "EUR")
    assert await merchant.box.prompts() == []
    done = await settle(merchant, shown["payment_reference"])
    assert (done["id"], done["status"]) == ("730000001", "SUCCESSFUL")
    assert await bills(merchant) == []
    assert await merchant.wallet() == "25.00"
    assert await merchant.balance() == "1075"
    assert (await merchant.outcome(f"collection/v2_0/invoice/{reference}"))[0] == "SUCCESSFUL"
    assert (await merchant.box.record(reference))["times_charged"] == 1
    await settle(merchant, shown["id"], status=409)
    assert await merchant.wallet() == "25.00"


async def test_what_keeps_an_invoice_from_being_paid(merchant: Merchant) -> None:
    await merchant.invoice()
    dear = await merchant.invoice(amount="100.01")
    first, second = await bills(merchant)
    await settle(merchant, first["id"], pin=None, status=400)
    await settle(merchant, first["id"], pin="0000", status=403)
    await settle(merchant, "999", status=404)
    await settle(merchant, second["id"], status=409)
    assert len(await bills(merchant)) == 2
    # Topped up, it can be paid after all.
    await merchant.box.control("POST", "/handsets", {"msisdn": PAYER, "balance": {"EUR": "200"}})
    await settle(merchant, dear)
    assert await merchant.wallet() == "99.99"
    await merchant.books()


async def test_an_invoice_runs_out(merchant: Merchant) -> None:
    reference = await merchant.invoice(validityDuration="60")
    (shown,) = await bills(merchant)
    await merchant.box.advance(60)
    found = await merchant.look(f"collection/v2_0/invoice/{reference}")
    assert (found["status"], found["errorReason"]["code"]) == ("FAILED", "EXPIRED")
    assert await bills(merchant) == []
    await settle(merchant, shown["id"], status=409)


async def test_an_invoice_is_cancelled_under_a_reference_of_its_own(
    merchant: Merchant, receiver: Receiver
) -> None:
    reference = await merchant.invoice()
    path = f"collection/v2_0/invoice/{reference}"
    for again in (reference, "7"):
        _, answer = await merchant.send(path, {"externalId": "C-1"}, method="DELETE", reference=again)
        assert answer.status_code == (409 if again == reference else 400)
    cancellation = await merchant.accepted(
        path, {"externalId": "C-1"}, method="DELETE", callback=receiver.url
    )
    await merchant.box.running.drain()
    found = await merchant.look(path)
    assert (found["status"], found["errorReason"]["code"]) == ("FAILED", "TRANSACTION_CANCELED.")
    told = await merchant.look(f"collection/v2_0/invoice/{cancellation}")
    assert told == {"referenceId": cancellation, "externalId": "C-1", "status": "SUCCESSFUL"}
    assert [json.loads(got.body) for got in receiver.got] == [told]
    assert await bills(merchant) == []
    late = await merchant.accepted(path, {"externalId": "C-2"}, method="DELETE")
    late_path = f"collection/v2_0/invoice/{late}"
    assert (await merchant.outcome(late_path))[0] == "FAILED"
    _, answer = await merchant.send(f"collection/v2_0/invoice/{late}", {}, method="DELETE")
    assert answer.status_code == 404


async def test_cancelling_is_asynchronous(open_box: Any) -> None:
    box = await open_box(momo={"success_s": 10}, handsets=[{"msisdn": PAYER, "balance": {"EUR": "100"}}])
    merchant = await open_merchant(box)
    reference = await merchant.invoice()
    cancellation = await merchant.accepted(
        f"collection/v2_0/invoice/{reference}", {"externalId": "C-1"}, method="DELETE"
    )
    assert (await merchant.outcome(f"collection/v2_0/invoice/{reference}"))[0] == "PENDING"
    # Paid in the meantime: the cancellation comes too late.
    await settle(merchant, reference)
    await box.advance(10)
    assert (await merchant.outcome(f"collection/v2_0/invoice/{reference}"))[0] == "SUCCESSFUL"
    assert (await merchant.outcome(f"collection/v2_0/invoice/{cancellation}"))[0] == "FAILED"


async def test_successful_may_mean_created(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.box.faults(invoice_successful="created")
    reference = await merchant.accepted("collection/v2_0/invoice", invoice(), callback=receiver.url)
    await merchant.box.running.drain()
    assert [json.loads(got.body)["status"] for got in receiver.got] == ["SUCCESSFUL"]
    path = f"collection/v2_0/invoice/{reference}"
    assert (await merchant.outcome(path))[0] == "SUCCESSFUL"
    entry = await merchant.box.record(reference)
    assert (entry["status"], entry["charged"]) == ("PENDING", False)
    await settle(merchant, reference)
    await merchant.box.running.drain()
    assert len(receiver.got) == 1
    assert (await merchant.box.record(reference))["charged"] is True


async def test_invoices_of_numbers_without_a_handset(merchant: Merchant) -> None:
    paid, refused, open_ = [
        await merchant.invoice(number, validityDuration="60")
        for number in (SOMEBODY, "46733123451", "46733123453")
    ]
    outcomes = [
        (await merchant.outcome(f"collection/v2_0/invoice/{one}"))[0] for one in (paid, refused, open_)
    ]
    assert outcomes == ["SUCCESSFUL", "FAILED", "PENDING"]
    await merchant.box.advance(60)
    _, reason = await merchant.outcome(f"collection/v2_0/invoice/{open_}")
    assert reason["code"] == "EXPIRED"


async def test_an_invoice_knows_its_payee_by_name(merchant: Merchant) -> None:
    other = {"msisdn": "233550000009", "name": "Kofi Mensah"}
    await merchant.box.control("POST", "/handsets", other, status=201)
    found = await merchant.look(f"collection/v2_0/invoice/{await merchant.invoice()}")
    assert (found["payeeFirstName"], found["payeeLastName"]) == ("Kofi", "Mensah")


@pytest.mark.parametrize(
    "changes",
    [
        {"validityDuration": "0"},
        {"validityDuration": "soon"},
        {"validityDuration": None},
        {"validityDuration": "-1"},
        {"amount": "0"},
        {"currency": "eur"},
        {"intendedPayer": None},
        {"intendedPayer": {"partyIdType": "MSISDN", "partyId": "x"}},
        {"payee": {"partyIdType": "MSISDN"}},
        {"description": "x" * 161},
        {"externalId": ["x"]},
    ],
    ids=repr,
)
async def test_an_invoice_that_does_not_fit_is_400(merchant: Merchant, changes: dict[str, Any]) -> None:
    _, answer = await merchant.send("collection/v2_0/invoice", invoice() | changes)
    assert answer.status_code == 400, answer.text


async def test_strict_wants_durations_as_documented(open_box: Any) -> None:
    box = await open_box(strict=True)
    await box.provision(host="shop.example")
    merchant = Merchant(box, {"collection": box.headers})
    _, answer = await merchant.send("collection/v2_0/invoice", invoice() | {"validityDuration": 60})
    assert answer.status_code == 400
    body = {"payer": party(), "payerCurrency": "EUR", "validityTime": "60"}
    _, answer = await merchant.send("collection/v2_0/preapproval", body)
    assert answer.status_code == 400
    reference = await merchant.accepted("collection/v2_0/invoice", invoice(SOMEBODY))
    _, answer = await merchant.send(f"collection/v2_0/invoice/{reference}", {}, method="DELETE")
    assert answer.status_code == 400
