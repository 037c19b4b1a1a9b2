"""MoMo's other operations against our sandbox, strict, over HTTP: two readings of one reference meet."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import httpx
import msgspec
import pytest

from bot.money import Money, OrderDetails, OrderKind, OrderState, Reason
from bot.providers import (
    PROVIDERS,
    AlreadyAccepted,
    Call,
    Declined,
    Misconfigured,
    OrderCall,
    Secret,
    Sender,
    StatusReport,
    Unknown,
)
from bot.providers.base import AgreementWord, ConsentState
from bot.providers.momo.consent import renew_consent
from bot.providers.momo.preapprovals import list_preapprovals
from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.sandbox import Running, SandboxConfig, serve_sandbox
from tests.accounts import changed, credentials

from .cases import an_order
from .conftest import Clock, failure

R = TypeVar("R")

MOMO = PROVIDERS["momo"]
HANDSET, OTHER = "+233240000001", "+233551112233"
KEYS = {
    "collection": "0123456789abcdef0123456789abcdef",
    "disbursement": "fedcba9876543210fedcba9876543210",
}
NEVER_PAID = "46733123-0000-4000-8000-00000000000"  # the sandbox's own test ids of refunds, by case


def config(environment: str) -> SandboxConfig:
    return SandboxConfig.from_dict(
        {
            "strict": True,
            "momo": {
                "environment": environment,
                "subscription_keys": {product: [key] for product, key in KEYS.items()},
                "users": [
                    {"api_user": f"{product}-user=", "api_key": f"{product}-key", "product": product}
                    for product in KEYS
                ],
                "interval_s": 0,
            },
            "handsets": [
                {
                    "msisdn": HANDSET,
                    "name": "Ama Serwaa",
                    "pin": "1234",
                    "balance": {"GHS": "100", "EUR": "100"},
                }
            ],
        }
    )


class Box:
    """A sandbox, a sender, and the moves of both sides."""

    def __init__(self, running: Running, sender: Sender, environment: str) -> None:
        self.running, self.sender = running, sender
        self.account = MomoAccount(
            id="momo",
            provider="momo",
            base_url=running.url,
            currency="GHS",
            region="GH",
            **{
                product: ProductKeys(
                    subscription_key=Secret(key),
                    api_user=f"{product}-user=",
                    api_key=Secret(f"{product}-key"),
                )
                for product, key in KEYS.items()
            },
            target_environment=environment,
            wire_currency="EUR" if environment == "sandbox" else "",
            bills={"Water": "sp.water"},
            invoice_successful_means="paid",
        )

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with httpx.AsyncClient() as http:
            answer = await http.request(method, f"{self.running.url}/_sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def faults(self, **values: Any) -> None:
        await self.control("PUT", "/faults", values)

    async def press(self, action: str) -> None:
        handset = await self.control("GET", f"/handsets/{HANDSET[1:]}")
        (prompt,) = handset["prompts"]
        body = {"action": action} | ({"pin": "1234"} if action == "approve" else {})
        await self.control("POST", f"/handsets/{HANDSET[1:]}/prompts/{prompt['id']}", body)

    async def pay_invoice(self) -> None:
        handset = await self.control("GET", f"/handsets/{HANDSET[1:]}")
        (invoice,) = handset["invoices"]
        path = f"/handsets/{HANDSET[1:]}/invoices/{invoice['id']}"
        await self.control("POST", path, {"action": "pay", "pin": "1234"})

    async def send(self, call: Call[R]) -> R:
        return await self.sender.send(self.account, call, 10.0)

    async def make(self, order: OrderCall) -> None:
        await self.send(MOMO.request_order(self.account, order))

    async def ask(self, order: OrderCall) -> StatusReport:
        return await self.send(MOMO.order_status(self.account, order))

    async def agreed(self, order: OrderCall):
        return await self.send(MOMO.agreement_status(self.account, order))


@pytest.fixture(params=["sandbox", "mtnghana"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Box]:
    environment: str = request.param
    sender = Sender(clock=Clock())
    async with serve_sandbox(config(environment)) as running:
        yield Box(running, sender, environment)
        await sender.aclose()


def fresh(kind: OrderKind, payer: str = OTHER, **changes: Any) -> OrderCall:
    return an_order(reference=str(uuid.uuid4()), kind=kind, payer=payer, **changes)


def approval(payer: str = OTHER) -> OrderCall:
    return fresh(OrderKind.PREAPPROVAL, payer, details=OrderDetails(validity_s=86400))


def invoice(payer: str = OTHER, **changes: Any) -> OrderCall:
    # The sandbox reads the schema, where the payee is required.
    terms = OrderDetails(validity_s=3600, description="School's fees")
    return fresh(OrderKind.INVOICE, payer, details=terms, payee="+233240000009", **changes)


async def test_it_has_no_problem(box: Box) -> None:
    assert MOMO.problems(box.account) == []
    assert MOMO.kinds(box.account) == set(OrderKind)


# Money


@pytest.mark.parametrize("version", ["v1_0", "v2_0"])
@pytest.mark.parametrize("kind", [OrderKind.WITHDRAWAL, OrderKind.TRANSFER, OrderKind.DEPOSIT])
@pytest.mark.parametrize("shape", ["string", "object", "null", "absent"])
async def test_money_moves_or_does_not(box: Box, version: str, kind: OrderKind, shape: str) -> None:
    box.account = changed(box.account, api_version=version)
    await box.faults(reason_shape=shape, numeric_ids=shape == "object")
    payer = OTHER if kind is OrderKind.WITHDRAWAL else ""
    order = fresh(kind, payer, payee=OTHER)
    await box.make(order)
    report = await box.ask(order)
    assert (report.state, report.amount, report.party) == (OrderState.SUCCESSFUL, order.amount, OTHER)
    assert report.financial_id
    refused = fresh(kind, payer and "+46733123455", payee="+46733123455")
    await box.make(refused)
    report = await box.ask(refused)
    assert report.state is OrderState.FAILED
    told = Reason.MERCHANT_FUNDS if kind is OrderKind.TRANSFER else None
    if shape in ("string", "object"):
        assert report.reason is not Reason.OTHER
        assert told is None or report.reason is told
    else:
        assert report.reason is Reason.OTHER


async def test_a_deposit_may_name_its_payer(box: Box) -> None:
    """One published edition does. Whom it names there is not said: it is no evidence of another payee."""
    await box.faults(deposit_party="payer")
    order = fresh(OrderKind.DEPOSIT, payee=OTHER)
    await box.make(order)
    report = await box.ask(order)
    assert (report.state, report.amount, report.party) == (OrderState.SUCCESSFUL, order.amount, None)


@pytest.mark.parametrize("kind", [OrderKind.WITHDRAWAL, OrderKind.TRANSFER, OrderKind.DEPOSIT])
async def test_a_lost_reply_is_found_and_not_repeated(box: Box, kind: OrderKind) -> None:
    order = fresh(kind, payee=OTHER)
    await box.faults(rules=[{"group": "momo.create", "set": {"drop_reply": -1}, "times": 1}])
    assert isinstance(await failure(box.make(order)), Unknown)
    assert (await box.ask(order)).state is OrderState.SUCCESSFUL
    assert isinstance(await failure(box.make(order)), AlreadyAccepted)


async def test_a_lost_request_is_not_found_and_may_go_again(box: Box) -> None:
    order = fresh(OrderKind.TRANSFER, payee=OTHER)
    await box.faults(rules=[{"group": "momo.create", "set": {"drop_request": -1}, "times": 1}])
    assert isinstance(await failure(box.make(order)), Unknown)
    assert (await box.ask(order)).not_found
    await box.make(order)
    assert (await box.ask(order)).state is OrderState.SUCCESSFUL


async def test_a_person_withdraws(box: Box) -> None:
    order = fresh(OrderKind.WITHDRAWAL, HANDSET)
    await box.make(order)
    assert (await box.ask(order)).state is OrderState.PENDING
    await box.press("approve")
    assert (await box.ask(order)).state is OrderState.SUCCESSFUL


async def test_more_than_the_merchant_has_is_not_paid_out(box: Box) -> None:
    order = fresh(OrderKind.TRANSFER, payee=OTHER, amount=Money(10_000_000, "GHS"))
    await box.make(order)
    report = await box.ask(order)
    assert (report.state, report.reason) == (OrderState.FAILED, Reason.MERCHANT_FUNDS)


@pytest.mark.parametrize("code", ["ONGOING", "PAYEE_DELAYED", "TRANSACTION_NOT_FOUND"])
async def test_a_payout_that_is_still_going_has_not_failed(box: Box, code: str) -> None:
    order = fresh(OrderKind.TRANSFER, payee="+46733123453")
    await box.make(order)
    await box.faults(open_as_failed=code)
    assert (await box.ask(order)).state in (OrderState.PENDING, None)


async def test_a_payment_is_given_back_in_parts_and_no_more(box: Box) -> None:
    paid = fresh(OrderKind.COLLECTION)
    await box.make(paid)
    first, second, third = (
        fresh(OrderKind.REFUND, "", about_reference=paid.reference, amount=Money(part, "GHS"))
        for part in (1000, 250, 1)
    )
    reports = []
    for order in (first, second, third):
        await box.make(order)
        reports.append(await box.ask(order))
    assert [report.state for report in reports] == [OrderState.SUCCESSFUL] * 2 + [OrderState.FAILED]
    assert reports[0].party == OTHER
    assert reports[0].amount == Money(1000, "GHS")


@pytest.mark.parametrize(
    ("case", "state", "reason"),
    [
        (1, None, Reason.OTHER),
        (2, OrderState.FAILED, Reason.OPERATOR_ERROR),
        (3, OrderState.FAILED, Reason.REJECTED),
        (4, OrderState.FAILED, Reason.EXPIRED),
        (5, OrderState.PENDING, None),
        (6, OrderState.PENDING, None),
        (7, OrderState.FAILED, Reason.NOT_AVAILABLE),
    ],
)
async def test_the_numbered_refunds(box: Box, case: int, state: OrderState | None, reason: Any) -> None:
    order = fresh(OrderKind.REFUND, "", about_reference=f"{NEVER_PAID}{case}")
    await box.make(order)
    report = await box.ask(order)
    assert (report.state, report.reason) == (state, reason)


@pytest.mark.parametrize(
    ("major", "state"),
    [(12, OrderState.SUCCESSFUL), (2000, OrderState.FAILED), (3000, OrderState.PENDING)],
)
async def test_bills(box: Box, major: int, state: OrderState) -> None:
    terms = OrderDetails(service_provider="Water", customer_reference="MTR-1")
    order = fresh(OrderKind.BILL, details=terms, amount=Money(major * 100, "GHS"))
    await box.make(order)
    report = await box.ask(order)
    assert report.state is state
    assert (report.amount, report.party) == (None, None)


# Pre-approvals


async def test_a_pre_approval_from_asking_to_its_end(box: Box) -> None:
    order = approval(HANDSET)
    await box.make(order)
    assert isinstance(await failure(box.make(order)), AlreadyAccepted)
    assert (await box.ask(order)).state is OrderState.PENDING
    assert await box.send(list_preapprovals(box.account, HANDSET)) == ()
    await box.press("approve")
    report = await box.ask(order)
    assert (report.state, report.amount, report.party) == (OrderState.SUCCESSFUL, None, HANDSET)
    assert report.expires_ms
    await box.faults(wrapped_lists=True, expiration_shape="integer")
    (standing,) = await box.send(list_preapprovals(box.account, HANDSET))
    assert standing.approved
    agreed = await box.agreed(order)
    assert (agreed.state, agreed.provider_reference) == (AgreementWord.ACTIVE, standing.id)
    # The later expiry of the list is the same moment, to the second.
    assert abs((await box.ask(order)).expires_ms - agreed.expires_ms) < 2000

    charge = fresh(OrderKind.AGREEMENT_CHARGE, HANDSET)
    await box.make(charge)
    assert (await box.ask(charge)).state is OrderState.SUCCESSFUL  # nobody was asked

    end = fresh(OrderKind.PREAPPROVAL_CANCEL, HANDSET, about_provider_reference=standing.id)
    assert (await box.ask(end)).state is OrderState.PENDING
    await box.make(end)
    assert (await box.ask(end)).state is OrderState.SUCCESSFUL
    assert isinstance(await failure(box.make(end)), AlreadyAccepted)
    assert (await box.ask(end)).state is OrderState.SUCCESSFUL
    known = msgspec.structs.replace(order, about_provider_reference=standing.id)
    assert (await box.agreed(known)).state is AgreementWord.CANCELLED


@pytest.mark.parametrize(
    ("ending", "state", "reason"),
    [
        ("451", OrderState.FAILED, Reason.REJECTED),
        ("452", OrderState.FAILED, Reason.EXPIRED),
        ("453", OrderState.PENDING, None),
        ("455", OrderState.FAILED, Reason.PAYER_NOT_FOUND),
        ("461", OrderState.FAILED, Reason.SERVICE_DOWN),
    ],
)
async def test_pre_approvals_of_test_numbers(box: Box, ending: str, state: OrderState, reason: Any) -> None:
    order = approval(f"+46733123{ending}")
    await box.make(order)
    report = await box.ask(order)
    assert (report.state, report.reason) == (state, reason)


async def test_what_was_never_approved_has_nothing_to_cancel(box: Box) -> None:
    end = fresh(OrderKind.PREAPPROVAL_CANCEL, about_provider_reference="730999999")
    assert isinstance(await failure(box.make(end)), AlreadyAccepted)
    assert (await box.ask(end)).state is OrderState.SUCCESSFUL


# Invoices


async def test_an_invoice_is_made_and_paid(box: Box) -> None:
    order = invoice(HANDSET)
    await box.make(order)
    report = await box.ask(order)
    assert (report.state, report.amount, report.party) == (OrderState.SUCCESSFUL, order.amount, HANDSET)
    assert report.payment_reference
    assert report.expires_ms
    assert (await box.agreed(order)).state is AgreementWord.ACTIVE
    await box.pay_invoice()
    paid = await box.agreed(order)
    assert (paid.state, paid.amount, paid.party) == (AgreementWord.PAID, order.amount, HANDSET)
    assert (await box.ask(order)).state is OrderState.SUCCESSFUL
    end = fresh(OrderKind.INVOICE_CANCEL, HANDSET, about_reference=order.reference)
    assert (await box.ask(end)).state is OrderState.FAILED  # too late


async def test_an_invoice_that_only_says_it_exists_is_not_paid(box: Box) -> None:
    box.account = changed(box.account, invoice_successful_means="")
    await box.faults(invoice_successful="created")
    order = invoice(HANDSET)
    await box.make(order)
    assert (await box.ask(order)).state is OrderState.SUCCESSFUL
    assert (await box.agreed(order)).state is AgreementWord.ACTIVE


async def test_an_invoice_is_cancelled(box: Box) -> None:
    order = invoice(HANDSET)
    await box.make(order)
    end = fresh(OrderKind.INVOICE_CANCEL, HANDSET, about_reference=order.reference)
    assert (await box.ask(end)).state is OrderState.PENDING
    await box.make(end)
    assert (await box.ask(end)).state is OrderState.SUCCESSFUL
    assert (await box.agreed(order)).state is AgreementWord.CANCELLED
    assert isinstance(await failure(box.make(end)), AlreadyAccepted)
    unknown = fresh(OrderKind.INVOICE_CANCEL, about_reference=str(uuid.uuid4()))
    assert isinstance(await failure(box.make(unknown)), AlreadyAccepted)


# Looks


@pytest.mark.parametrize(
    "pair",
    [
        ("notactive@email.com", "notfound@email.com"),
        ("b0040b3c-b426-4a90-af6e-673e65861cd7", "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc"),
    ],
)
async def test_holders_by_address_and_code(box: Box, pair: tuple[str, str]) -> None:
    inactive, nobody = [await box.send(MOMO.check_holder(box.account, party)) for party in pair]
    assert (inactive.known, inactive.active, nobody.known) == (True, False, False)
    assert (await box.send(MOMO.check_holder(box.account, "ama@email.com"))).active


async def test_both_wallets(box: Box) -> None:
    order = fresh(OrderKind.TRANSFER, payee=OTHER)
    await box.make(order)
    (collected,) = await box.send(MOMO.balance(box.account))
    (left,) = await box.send(MOMO.payout_balance(box.account))
    assert collected == Money(100_000, "GHS")
    assert left == Money(100_000 - order.amount.amount_minor, "GHS")


async def test_a_payer_is_told_once_more(box: Box) -> None:
    waiting, paid = fresh(OrderKind.COLLECTION, "+46733123453"), fresh(OrderKind.COLLECTION)
    for order in (waiting, paid):
        await box.make(order)
    early = await failure(box.send(MOMO.notify_payer(box.account, waiting, "Thanks")))
    assert isinstance(early, Declined)
    assert early.reason is Reason.NOT_COMPLETED
    text = "Ama's receipt & more: " + "x" * 200
    await box.send(MOMO.notify_payer(box.account, paid, text))
    often = await failure(box.send(MOMO.notify_payer(box.account, paid, text)))
    assert isinstance(often, Declined)


# Consent


async def test_a_person_consents(box: Box) -> None:
    asked = await box.send(MOMO.ask_consent(box.account, HANDSET))
    waiting = await box.send(MOMO.consent(box.account, asked.id))
    assert waiting.state is ConsentState.WAITING
    await box.press("approve")
    given = await box.send(MOMO.consent(box.account, asked.id))
    assert (given.state, given.scope) == (ConsentState.GIVEN, "profile")
    person = await box.send(MOMO.user_info(box.account, given.token))
    assert (person.name, person.birthdate) == ("Ama Serwaa", "1976-08-13")
    renewed = await box.send(renew_consent("collection", given.refresh))
    assert renewed.state is ConsentState.GIVEN
    assert (await box.send(MOMO.user_info(box.account, renewed.token))).name == "Ama Serwaa"
    again = await box.send(MOMO.consent(box.account, asked.id))
    assert again.state is ConsentState.EXPIRED  # good once


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("451", ConsentState.REFUSED),
        ("452", ConsentState.WAITING),
        ("453", ConsentState.EXPIRED),
        ("457", ConsentState.EXPIRED),
        ("458", ConsentState.REFUSED),
        ("460", ConsentState.REFUSED),
        ("463", ConsentState.GIVEN),
    ],
)
async def test_consents_of_test_numbers(box: Box, ending: str, state: ConsentState) -> None:
    asked = await box.send(MOMO.ask_consent(box.account, f"+46733123{ending}"))
    assert (await box.send(MOMO.consent(box.account, asked.id))).state is state


async def test_consents_that_come_to_nothing(box: Box) -> None:
    nobody = await failure(box.send(MOMO.ask_consent(box.account, "+46733123450")))
    assert isinstance(nobody, Declined)
    asked = await box.send(MOMO.ask_consent(box.account, "+46733123455"))
    revoked = await box.send(MOMO.consent(box.account, asked.id))
    ended = await failure(box.send(MOMO.user_info(box.account, revoked.token)))
    assert isinstance(ended, Declined)
    assert ended.reason is Reason.CONSENT
    renewed = await box.send(renew_consent("collection", revoked.refresh))
    assert renewed.state is ConsentState.EXPIRED


# The new gateway


async def test_the_new_gateway(box: Box) -> None:
    old = fresh(OrderKind.TRANSFER, payee=OTHER)
    await box.make(old)
    await box.faults(new_gateway=True)
    box.account = changed(box.account, id="momo-new")
    new = fresh(OrderKind.TRANSFER, payee=OTHER)
    await box.make(new)
    assert (await box.ask(new)).state is OrderState.SUCCESSFUL
    assert (await box.ask(old)).not_found  # told only by the platform that made it
    keys = credentials(box.account)["disbursement"].model_copy(update={"api_key": Secret("wrong")})
    box.account = changed(
        box.account, id="locked", credentials={**credentials(box.account), "disbursement": keys}
    )
    assert isinstance(await failure(box.ask(new)), Misconfigured)
