"""A sandbox in a thread of its own, for clients that wait; with something of every kind already in it."""

import asyncio
import base64
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bot.sandbox import SandboxConfig, serve_sandbox

__all__ = ["World", "open_world"]

PRODUCTS: Final = ("collection", "disbursement")
KEY: Final = "0123456789abcdef0123456789abcdef"
PUBLIC, SECRET = "pk_made_up", "sk_made_up"
SOMEBODY: Final = {"partyIdType": "MSISDN", "partyId": "256101010111"}
MONEY: Final = {"amount": "12.5", "currency": "EUR", "externalId": "K7QX2A9M"}


@dataclass
class World:
    """Where the sandbox listens, the headers that let one in, and what there is to be asked about.

    `known` holds path parameters by operation id.
    """

    url: str
    api_user: str = ""
    basic: dict[str, str] = field(default_factory=dict)
    bearer: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, str]] = field(default_factory=dict)

    def credentials(self, scheme: str, product: str) -> dict[str, str]:
        """The header that a security scheme of the descriptions asks for."""
        match scheme:
            case "publicKey":
                return {"Authorization": f"Bearer {PUBLIC}"}
            case "secretKey":
                return {"Authorization": f"Bearer {SECRET}"}
            case "subscriptionKey":
                return {"Ocp-Apim-Subscription-Key": KEY}
            case "basic":
                return {"Authorization": self.basic[product]}
            case "bearer":
                return {"Authorization": self.bearer[product]}
        raise AssertionError(f"no credentials for {scheme}")


@contextmanager
def open_world(*, strict: bool) -> Iterator[World]:
    """The sandbox serves until the block ends."""
    users = [
        {"api_user": str(uuid.uuid4()), "api_key": "made-up", "product": product, "balance": "1000000000"}
        for product in PRODUCTS
    ]
    funds = dict.fromkeys(("GHS", "KES", "RWF", "TZS", "UGX", "XOF", "XAF"), "1000000000")
    shop = {"name": "shop", "public_key": PUBLIC, "secret_key": SECRET, "balance": funds}
    config = SandboxConfig.from_dict(
        {
            "strict": strict,
            "momo": {"users": users, "subscription_keys": {product: [KEY] for product in PRODUCTS}},
            "startbutton": {"accounts": [shop], "successful_s": 0},
        }
    )
    started, stop = threading.Event(), asyncio.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        async with serve_sandbox(config) as running:
            found.update(loop=asyncio.get_running_loop(), url=running.url)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        world = World(found["url"], api_user=users[0]["api_user"])
        for user in users:
            pair = f"{user['api_user']}:{user['api_key']}".encode()
            world.basic[user["product"]] = "Basic " + base64.b64encode(pair).decode()
        with httpx.Client(base_url=world.url) as http:
            _settle_in(world, http)
        yield world
    finally:
        found["loop"].call_soon_threadsafe(stop.set)
        thread.join(30)


def _settle_in(world: World, http: httpx.Client) -> None:
    for product in PRODUCTS:
        headers = {
            "Authorization": world.basic[product],
            "Ocp-Apim-Subscription-Key": KEY,
            "X-Target-Environment": "sandbox",
        }
        told = http.post(f"/{product}/token/", headers=headers).raise_for_status().json()
        world.bearer[product] = f"Bearer {told['access_token']}"

    def make(operation: str, path: str, body: dict[str, Any]) -> str:
        reference = str(uuid.uuid4())
        headers = {
            "Authorization": world.bearer[path.split("/")[1]],
            "Ocp-Apim-Subscription-Key": KEY,
            "X-Target-Environment": "sandbox",
            "X-Reference-Id": reference,
        }
        http.post(path, headers=headers, json=body).raise_for_status()
        world.known[operation] = {"referenceId": reference}
        return reference

    paid = make("showRequestToPay", "/collection/v1_0/requesttopay", {**MONEY, "payer": SOMEBODY})
    world.known["notifyPayer"] = {"referenceId": paid}
    make("showRequestToWithdraw", "/collection/v2_0/requesttowithdraw", {**MONEY, "payer": SOMEBODY})
    make("showTransfer", "/disbursement/v1_0/transfer", {**MONEY, "payee": SOMEBODY})
    make("showDeposit", "/disbursement/v2_0/deposit", {**MONEY, "payee": SOMEBODY})
    make("showRefund", "/disbursement/v2_0/refund", {**MONEY, "referenceIdToRefund": paid})
    approval = {"payer": SOMEBODY, "payerCurrency": "EUR", "payerMessage": "Dues", "validityTime": 86400}
    make("showPreApproval", "/collection/v2_0/preapproval", approval)
    world.known["listPreApprovals"] = {"idType": "msisdn", "id": SOMEBODY["partyId"]}
    agreed = {**MONEY, "validityDuration": "3600", "intendedPayer": SOMEBODY, "payee": SOMEBODY}
    invoice = make("showInvoice", "/collection/v2_0/invoice", agreed)
    world.known["cancelInvoice"] = {"referenceId": invoice}
    bill = {
        "externalTransactionId": "K7QX2A9M",
        "money": {"amount": "12.5", "currency": "EUR"},
        "customerReference": "MTR-1",
        "serviceProviderUserName": "sp.water",
    }
    make("showBill", "/collection/v2_0/payment", bill)
    for operation in ("showApiUser", "createApiKey"):
        world.known[operation] = {"apiUser": world.api_user}
    charge = {
        "phone": "+256101010111",
        "email": "payer@shop.example",
        "amount": 50_000,
        "currency": "UGX",
        "reference": uuid.uuid4().hex,
    }
    path = "/transaction/initialize/s2s/mobile_money"
    told = (
        http.post(path, headers={"Authorization": f"Bearer {PUBLIC}"}, json=charge).raise_for_status().json()
    )
    world.known["showTransaction"] = {"reference": told["data"]["reference"]}
    world.known["showRefunds"] = {"query": told["data"]["reference"]}
    world.known["listProviders"] = {"code": "GHS"}
