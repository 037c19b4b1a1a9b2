"""Every Startbutton operation through the validating proxy: neither our requests nor the sandbox's answers
depart from `docs/openapi/startbutton.yaml`. What each answer means is tested elsewhere; here only its form
counts."""

import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from bot.money import Money, OrderDetails, OrderKind
from bot.providers import Account, OrderCall, ProviderError, Receipt, Secret, Sender
from bot.sandbox import SandboxConfig, serve_sandbox
from tests.providers.test_startbutton_against_sandbox import ADAPTER, CURRENCIES, FUNDS, HANDSET, Shop, fresh

from .description import read_description
from .proxy import Proxy, serve_proxy

SHAPES: tuple[dict[str, Any], ...] = (
    {"next_step": "PIN", "envelope_key": "status", "envelope_data": "empty"},
    {"next_step": "absent", "envelope_key": "success", "envelope_data": "null"},
    {"next_step": "unknown", "envelope_data": "absent", "echo_amount": "13.5", "echo_currency": "USD"},
    {"next_step": "PIN", "refund_shape": "object", "duplicate_reference": "renew"},
    {"next_step": "PIN", "refund_shape": "list", "refusal_status": 422},
    {"next_step": "PIN", "refusal_status": 200},
    {"next_step": "PIN", "address_refused": True},
    {"next_step": "PIN", "unauthorized": -1},
    {"next_step": "PIN", "error_status": 429, "retry_after_s": 2},
)
WRONG_KEYS = (("pk_wrong", "sk_wrong"), ("sk_made_up", "pk_made_up"))


class Wire(Shop):
    """The shop whose adapter meets the proxy; what is refused is refused."""

    async def send(self, call: Any, account: Account | None = None) -> Any:
        try:
            return await super().send(call, account)
        except ProviderError as error:
            return error

    async def granted(self, call: Any, account: Account | None = None) -> Any:
        found = await self.send(call, account)
        assert not isinstance(found, ProviderError), (call.request.path, found.http_status)
        return found

    async def faults(self, **values: Any) -> None:
        """These switches and no others."""
        await self.control("DELETE", "/faults")
        await super().faults(callback_lost=-1, **values)

    async def make(self, order: OrderCall, account: Account | None = None) -> OrderCall:
        sent_ms = int(time.time() * 1000)
        receipt = await self.send(ADAPTER.request_order(account or self.account, order), account)
        theirs = receipt.provider_reference if isinstance(receipt, Receipt) else ""
        return msgspec.structs.replace(order, provider_reference=theirs, sent_ms=sent_ms)

    async def order(self, order: OrderCall, account: Account | None = None) -> OrderCall:
        """Made and asked about, by either reference, whatever came of it."""
        made = await self.make(order, account)
        await self.ask(made, account)
        await self.ask(msgspec.structs.replace(made, provider_reference=""), account)
        return made

    async def one_of_each(self) -> None:
        charge = await self.order(fresh(OrderKind.COLLECTION))
        await self.control("POST", "/clock", {"advance_s": 5})
        await self.order(fresh(OrderKind.TRANSFER))
        about = charge.provider_reference or uuid.uuid4().hex
        amount = Money(100, "GHS")
        await self.order(fresh(OrderKind.REFUND, about_provider_reference=about, amount=amount))
        await self.order(fresh(OrderKind.REFUND, about_provider_reference="nosuchone"))
        await self.send(ADAPTER.submit_otp(self.account, charge, "123456"))
        await self.send(ADAPTER.banks(self.account))
        await self.send(ADAPTER.balance(self.account))
        today = datetime.now(UTC).date()
        days = [(today + timedelta(days=apart)).isoformat() for apart in (-1, 1)]
        for kind in (OrderKind.COLLECTION, OrderKind.TRANSFER):
            await self.send(ADAPTER.list_payments(self.account, days[0], days[1], 0, kind=kind))


@pytest.fixture
async def wire() -> AsyncIterator[tuple[Wire, Proxy]]:
    account = {
        "name": "shop",
        "public_key": "pk_made_up",
        "secret_key": "sk_made_up",
        "balance": FUNDS,
        "sign_key": "sign_made_up",
    }
    config = SandboxConfig.from_dict(
        {
            "strict": True,
            "startbutton": {"accounts": [account]},
            "handsets": [{"msisdn": HANDSET, "name": "Ama Serwaa", "balance": {"GHS": "100"}}],
        }
    )
    sender = Sender(failures=10_000)
    async with (
        serve_sandbox(config) as running,
        serve_proxy(read_description("startbutton"), running.url) as proxy,
    ):
        wire = Wire(running, sender, "minor")
        wire.account = wire.other(base_url=proxy.url)
        yield wire, proxy
        await sender.aclose()


async def test_nothing_departs_from_the_description(wire: tuple[Wire, Proxy]) -> None:
    shop, proxy = wire
    await shop.faults()
    await currencies(shop)
    await codes(shop)
    await ends(shop)
    for shape in SHAPES:
        await shop.faults(**shape)
        await shop.one_of_each()
    await shop.faults()
    await refused(shop)
    await providers(proxy.url)
    assert proxy.faults == []
    assert proxy.untried() == set()
    assert proxy.never_granted() == set()


async def currencies(shop: Wire) -> None:
    """Charges, payouts and lists in every currency."""
    await shop.faults(next_step="PIN")
    for currency, region, wallet, major, network, payout_network in CURRENCIES:
        account = shop.other(currency=currency, region=region, factor_confirmed=True)
        amount = Money(major * (100 if currency in ("GHS", "KES", "TZS") else 1), currency)
        charge = fresh(OrderKind.COLLECTION, amount=amount, payer=wallet, network=network)
        await shop.granted(ADAPTER.request_order(account, charge), account)
        await shop.granted(ADAPTER.order_status(account, charge), account)
        if payout_network is None:
            continue
        payout = fresh(OrderKind.TRANSFER, amount=amount, payee=wallet, network=payout_network)
        await shop.granted(ADAPTER.request_order(account, payout), account)
        await shop.granted(ADAPTER.banks(account), account)
    await shop.granted(ADAPTER.balance(shop.account))
    terms = OrderDetails(bank_code="GH010", account_number="0011223344")
    await shop.order(fresh(OrderKind.TRANSFER, payee="", details=terms))


async def codes(shop: Wire) -> None:
    """One-time codes: wrong, too often wrong, right, and after the end."""
    await shop.faults(next_step="OTP")
    for otps in (("000000", "123456", "123456"), ("000000", "0000", "12345678", "123456")):
        order = await shop.make(fresh(OrderKind.COLLECTION))
        await shop.ask(order)
        for otp in otps:
            await shop.send(ADAPTER.submit_otp(shop.account, order, otp))
        await shop.ask(order)
    await shop.send(ADAPTER.submit_otp(shop.account, fresh(OrderKind.COLLECTION), "123456"))


async def ends(shop: Wire) -> None:
    """Whatever may become of an order."""
    for outcome in ("failed", "declined", "expired", "abandoned"):
        await shop.faults(next_step="PIN", charge_outcome=outcome)
        await shop.order(fresh(OrderKind.COLLECTION))
    for outcome in ("failed", "reversed", "pending"):
        await shop.faults(transfer_outcome=outcome)
        await shop.order(fresh(OrderKind.TRANSFER, amount=Money(100, "GHS")))
    for outcome in ("successful", "failed", "pending"):
        await shop.faults(next_step="PIN", refund_outcome=outcome, reverse_after_s=60)
        charge = await shop.make(fresh(OrderKind.COLLECTION))
        await shop.control("POST", "/clock", {"advance_s": 5})
        refund = fresh(
            OrderKind.REFUND,
            about_provider_reference=charge.provider_reference,
            amount=Money(250, "GHS"),
            details=OrderDetails(description="Sold out"),
        )
        await shop.granted(ADAPTER.request_order(shop.account, refund))
        await shop.ask(refund)
        await shop.control("POST", "/clock", {"advance_s": 60})
        await shop.ask(charge)
    await shop.faults(next_step="PIN", status_not_found_first=1)
    await shop.order(fresh(OrderKind.COLLECTION, payer=HANDSET))


async def refused(shop: Wire) -> None:
    order = await shop.make(fresh(OrderKind.TRANSFER, amount=Money(100, "GHS")))
    await shop.make(order)  # the reference is used
    await shop.make(fresh(OrderKind.TRANSFER, amount=Money(10_000_000, "GHS")))
    uganda = shop.other(currency="UGX", region="UG", factor_confirmed=True)
    nameless = fresh(OrderKind.TRANSFER, amount=Money(600, "UGX"), payee="+256101010111")
    await shop.make(nameless, uganda)
    await shop.make(fresh(OrderKind.TRANSFER), shop.other(sign_key=Secret("another")))
    await shop.make(fresh(OrderKind.TRANSFER), shop.other(sign_key=Secret("")))
    right = shop.account
    for public, secret in WRONG_KEYS:
        shop.account = shop.other(public_key=Secret(public), secret_key=Secret(secret))
        await shop.one_of_each()
    shop.account = right


async def providers(url: str) -> None:
    """What the adapter has no use for."""
    async with httpx.AsyncClient(base_url=url) as http:
        for key in ("pk_made_up", "sk_made_up"):
            http.headers["Authorization"] = f"Bearer {key}"
            for code in ("GHS", "CM", "ZZ"):
                await http.get(f"/transaction/mobile-money/providers/{code}")
