"""Every MoMo operation through the validating proxy: neither our requests nor the sandbox's answers depart
from `docs/openapi/mtn-momo.yaml`. What each answer means is tested elsewhere; here only its form counts."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.money import Money, OrderDetails, OrderKind
from bot.providers import Call, OrderCall, ProviderError, Secret, Sender
from bot.providers.base import ConsentState, Request
from bot.providers.momo.consent import renew_consent
from bot.providers.momo.preapprovals import list_preapprovals
from bot.sandbox import serve_sandbox
from tests.accounts import changed, credentials
from tests.providers.conftest import Clock
from tests.providers.test_momo_against_sandbox import (
    HANDSET,
    KEYS,
    MOMO,
    NEVER_PAID,
    OTHER,
    Box,
    approval,
    config,
    fresh,
    invoice,
)

from .description import read_description
from .proxy import Proxy, serve_proxy

MAGIC = "+46733123"
ENDINGS = range(450, 465)
MONEY_IN = (OrderKind.COLLECTION, OrderKind.WITHDRAWAL)
MONEY_OUT = (OrderKind.TRANSFER, OrderKind.DEPOSIT)
VERSIONS = ("v1_0", "v2_0")
HOLDERS = ("notfound", "notactive", "notallowed", "internalprocessingerror", "serviceunavailable", "ama")
PARTY_CODES = (
    "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc",
    "b0040b3c-b426-4a90-af6e-673e65861cd7",
    "8f548a78-ceb8-4d12-a243-5640b91e91a4",
    "585c07a4-2c80-42f7-9e73-e586b36dee68",
    "11111111-2222-4333-8444-555555555555",
)
SHAPES: tuple[dict[str, Any], ...] = (
    {"reason_shape": "object", "numeric_ids": True},
    {"reason_shape": "null", "financial_id_absent": True},
    {"reason_shape": "absent", "created_status": True, "expiration_shape": "integer"},
    {"open_as_failed": "PAYER_DELAYED", "echo_amount": "13.00", "echo_currency": "USD"},
    {"reason_code": "NOT ENOUGH_FUNDS", "invoice_successful": "created"},
    {"new_gateway": True},
)
TROUBLE: tuple[dict[str, Any], ...] = (
    {"unauthorized": -1},
    {"error_status": 400, "error_shape": "empty"},
    {"error_status": 403},
    {"error_status": 403, "error_shape": "html"},
    {"error_status": 429, "retry_after_s": 2},
    {"error_status": 500},
    {"error_status": 500, "error_code": "NOT_ALLOWED"},
    {"error_status": 503, "error_when": "after"},
)


class Wire(Box):
    """The box whose adapter meets the proxy; what is refused is refused."""

    async def send(self, call: Call[Any]) -> Any:
        try:
            return await super().send(call)
        except ProviderError as error:
            return error

    async def order(self, order: OrderCall) -> OrderCall:
        """Made and asked about, whatever came of it."""
        await self.make(order)
        await self.ask(order)
        return order

    async def granted(self, call: Call[Any]) -> Any:
        found = await self.send(call)
        assert not isinstance(found, ProviderError), (
            call.request.path,
            found.http_status,
            found.provider_code,
        )
        return found

    async def faults(self, **values: Any) -> None:
        """These switches and no others."""
        await self.control("DELETE", "/faults")
        await super().faults(callback_lost=-1, **values)

    def become(self, **changes: Any) -> None:
        """Another account for the sender, which keeps tokens by account."""
        self.account = changed(self.account, id=str(uuid.uuid4()), **changes)

    async def one_of_each(self) -> list[OrderCall]:
        """An order of every kind, each asked about; the preapproval is not given and the invoice not paid."""
        paid = await self.order(fresh(OrderKind.COLLECTION))
        bill = OrderDetails(service_provider="Water", customer_reference="MTR 1/Ñ")
        made = [
            paid,
            await self.order(fresh(OrderKind.WITHDRAWAL)),
            await self.order(fresh(OrderKind.BILL, details=bill)),
            await self.order(fresh(OrderKind.TRANSFER, payee=OTHER)),
            await self.order(fresh(OrderKind.DEPOSIT, payee=OTHER)),
            await self.order(fresh(OrderKind.REFUND, "", about_reference=paid.reference)),
            await self.order(approval()),
            await self.order(invoice()),
        ]
        ends = fresh(OrderKind.INVOICE_CANCEL, about_reference=made[-1].reference)
        return [*made, await self.order(ends)]


@pytest.fixture
async def wire() -> AsyncIterator[tuple[Wire, Proxy]]:
    sender = Sender(clock=Clock(), failures=10_000)
    async with (
        serve_sandbox(config("sandbox")) as running,
        serve_proxy(read_description("mtn-momo"), running.url) as proxy,
    ):
        wire = Wire(running, sender, "sandbox")
        wire.become(base_url=proxy.url)
        await wire.faults()
        yield wire, proxy
        await sender.aclose()


async def test_nothing_departs_from_the_description(wire: tuple[Wire, Proxy]) -> None:
    box, proxy = wire
    await orders(box)
    await numbers_of_the_portal(box)
    await people(box)
    await looks(box)
    await consents(box)
    await refused(box)
    await provisioning(box, proxy.url)
    assert proxy.faults == []
    assert proxy.untried() == set()
    assert proxy.never_granted() == set()


async def orders(box: Wire) -> None:
    for version in VERSIONS:
        box.become(api_version=version)
        made = await box.one_of_each()
        for order in made:
            await box.make(order)  # the reference is used
            await box.agreed(order) if order.kind in (OrderKind.PREAPPROVAL, OrderKind.INVOICE) else None
    for shape in SHAPES:
        await box.faults(**shape)
        box.become()
        await box.one_of_each()
        for kind in (*MONEY_IN, *MONEY_OUT):
            for ending in (451, 453):
                await box.order(fresh(kind, f"{MAGIC}{ending}", payee=f"{MAGIC}{ending}"))
        await box.order(approval(f"{MAGIC}451"))
        await box.order(invoice(f"{MAGIC}453"))
    await box.faults()
    called_back = "https://pay.shop.example/callbacks/momo/a1b2-C3d4_e5"
    await box.order(fresh(OrderKind.COLLECTION, callback_url=called_back))


async def numbers_of_the_portal(box: Wire) -> None:
    for ending in ENDINGS:
        number = f"{MAGIC}{ending}"
        for kind in MONEY_IN:
            await box.order(fresh(kind, number))
        for kind in MONEY_OUT:
            await box.order(fresh(kind, "", payee=number))
        await box.order(approval(number))
        await box.order(invoice(number))
    for case in range(1, 7):
        await box.order(fresh(OrderKind.REFUND, "", about_reference=f"{NEVER_PAID}{case}"))
        terms = OrderDetails(service_provider="Water", customer_reference="MTR-1")
        await box.order(fresh(OrderKind.BILL, details=terms, amount=Money(case * 100_000, "GHS")))


async def people(box: Wire) -> None:
    for press in ("reject", "approve"):  # what is approved needs no prompt any more
        for kind in MONEY_IN:
            order = await box.order(fresh(kind, HANDSET))
            await box.press(press)
            await box.ask(order)
        order = await box.order(approval(HANDSET))
        await box.press(press)
        await box.ask(order)
    for wrapped in (False, True):
        await box.faults(wrapped_lists=wrapped)
        (standing,) = await box.granted(list_preapprovals(box.account, HANDSET))
        await box.granted(MOMO.agreement_status(box.account, order))
    await box.order(fresh(OrderKind.AGREEMENT_CHARGE, HANDSET))
    end = fresh(OrderKind.PREAPPROVAL_CANCEL, HANDSET, about_provider_reference=standing.id)
    for _ in range(2):
        await box.order(end)
    bought = await box.order(invoice(HANDSET))
    await box.pay_invoice()
    await box.agreed(bought)
    await box.order(fresh(OrderKind.INVOICE_CANCEL, about_reference=bought.reference))


async def looks(box: Wire) -> None:
    both = credentials(box.account)
    for product in KEYS:
        box.become(credentials={product: both[product]})
        emails = (f"{name}@email.com" for name in HOLDERS)
        numbers = (HANDSET, OTHER, *(f"{MAGIC}{ending}" for ending in range(450, 456)))
        for shape in ("object", "bare"):
            await box.faults(active_shape=shape)
            for party in (*numbers, *emails, *PARTY_CODES):
                await box.send(MOMO.check_holder(box.account, party))
        for party in (HANDSET, OTHER, "ama@email.com", PARTY_CODES[-1]):
            await box.granted(MOMO.holder_name(box.account, party))
        for answer in ("ledger", "zero", "negative", "not_allowed", "not_found", "error"):
            await box.faults(balance_answer=answer)
            await box.send(MOMO.balance(box.account))
            for currency in ("EUR", "USD"):
                path = f"/{product}/v1_0/account/balance/{currency}"
                await box.send(Call("balance", Request("GET", path, product), lambda reply: reply))
    await box.faults()
    box.become(credentials=both)
    await box.granted(MOMO.payout_balance(box.account))
    paid, waiting = fresh(OrderKind.COLLECTION), fresh(OrderKind.COLLECTION, f"{MAGIC}453")
    for order in (paid, waiting):
        await box.make(order)
        for text in ("Thank you & good-bye.", "Too soon"):
            await box.send(MOMO.notify_payer(box.account, order, text))
    await box.control("POST", "/clock", {"advance_s": 90_000})
    box.become()
    await box.send(MOMO.notify_payer(box.account, paid, "Too late"))
    await box.send(MOMO.notify_payer(box.account, fresh(OrderKind.COLLECTION), "Nobody"))


async def consents(box: Wire) -> None:
    both = credentials(box.account)
    for product in KEYS:
        box.become(credentials={product: both[product]})
        for number in (OTHER, *(f"{MAGIC}{ending}" for ending in range(450, 464))):
            asked = await box.send(MOMO.ask_consent(box.account, number))
            if isinstance(asked, ProviderError):
                continue
            await consent(box, asked.id)
        asked = await box.granted(MOMO.ask_consent(box.account, HANDSET))
        await box.granted(MOMO.consent(box.account, asked.id))
        await box.faults(consent_slow_down=True)
        await box.granted(MOMO.consent(box.account, asked.id))
        await box.press("reject")
        await box.granted(MOMO.consent(box.account, asked.id))
        await box.faults(address_shape="text")
        asked = await box.granted(MOMO.ask_consent(box.account, OTHER))
        await consent(box, asked.id)
        for secret in (Secret("nobody"), Secret("x" * 500)):
            await box.send(renew_consent(next(iter(credentials(box.account))), secret))
            await box.send(MOMO.user_info(box.account, secret))
    await box.faults()
    box.become(credentials=both)


async def consent(box: Wire, asked: Secret) -> None:
    """Redeemed, used, renewed and redeemed again."""
    given = await box.send(MOMO.consent(box.account, asked))
    if isinstance(given, ProviderError) or given.state is not ConsentState.GIVEN:
        return
    await box.send(MOMO.user_info(box.account, given.token))
    renewed = await box.send(renew_consent(next(iter(credentials(box.account))), given.refresh))
    if not isinstance(renewed, ProviderError) and renewed.state is ConsentState.GIVEN:
        await box.send(MOMO.user_info(box.account, renewed.token))
    await box.send(MOMO.consent(box.account, asked))


async def refused(box: Wire) -> None:
    right = box.account
    for changes in (
        {"target_environment": "mtnuganda"},
        {"wire_currency": "GHS"},
        {"credentials": {product: with_key(right, product, "wrong") for product in KEYS}},
        {"credentials": {product: with_subscription(right, product) for product in KEYS}},
    ):
        box.become(**changes)
        await box.one_of_each()
        await box.send(MOMO.check_holder(box.account, OTHER))
        await box.send(MOMO.ask_consent(box.account, OTHER))
        await box.send(MOMO.consent(box.account, Secret("nobody")))
    box.become(
        target_environment=right.target_environment,
        wire_currency=right.wire_currency,
        credentials=credentials(right),
    )
    await box.order(fresh(OrderKind.COLLECTION, callback_url="https://127.0.0.1/callbacks/a"))
    for order in (fresh(kind, payee=OTHER) for kind in (*MONEY_IN, *MONEY_OUT)):
        await box.ask(order)  # nobody knows it
    for trouble in TROUBLE:
        for balance in (MOMO.balance, MOMO.payout_balance):  # so that the tokens are there
            await box.granted(balance(box.account))
        await box.faults(**trouble)
        await box.one_of_each()
        await box.send(MOMO.check_holder(box.account, OTHER))
        await box.send(MOMO.ask_consent(box.account, OTHER))
        await box.send(list_preapprovals(box.account, OTHER))
        if trouble.get("error_status") != 400:
            box.become()
            await box.send(MOMO.balance(box.account))
        await box.faults()


def with_key(account: Any, product: str, key: str) -> Any:
    return credentials(account)[product].model_copy(update={"api_key": Secret(key)})


def with_subscription(account: Any, product: str) -> Any:
    return credentials(account)[product].model_copy(update={"subscription_key": Secret("f" * 32)})


async def provisioning(box: Wire, url: str) -> None:
    """What only a developer does, at the sandbox alone."""
    user, key = str(uuid.uuid4()), {"Ocp-Apim-Subscription-Key": KEYS["collection"]}
    host = {"providerCallbackHost": "pay.shop.example"}
    async with httpx.AsyncClient(base_url=url, headers=key) as http:
        for _ in range(2):  # the second time it is there already
            await http.post("/v1_0/apiuser", headers={"X-Reference-Id": user}, json=host)
        for someone in (user, str(uuid.uuid4())):
            await http.get(f"/v1_0/apiuser/{someone}")
            await http.post(f"/v1_0/apiuser/{someone}/apikey")
        http.headers["Ocp-Apim-Subscription-Key"] = "0"
        await http.get(f"/v1_0/apiuser/{user}")
