"""A merchant of the pretend MoMo: one API user per product, and the moves of a client for every operation."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from .conftest import PAYER, Box

SOMEBODY = "46733000000"


def party(number: str = PAYER) -> dict[str, str]:
    return {"partyIdType": "MSISDN", "partyId": number}


def money(**more: Any) -> dict[str, Any]:
    return {"amount": "12.50", "currency": "EUR", "externalId": "K7QX2A9M"} | more


@dataclass
class Merchant:
    box: Box
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def send(
        self,
        path: str,
        body: Any,
        *,
        method: str = "POST",
        reference: str | None = None,
        callback: str | None = None,
    ) -> tuple[str, httpx.Response]:
        """A creation on `path`, such as "disbursement/v1_0/transfer"; its reference and the answer."""
        reference = reference or str(uuid.uuid4())
        headers = self.headers[path.partition("/")[0]] | {"X-Reference-Id": reference}
        if callback is not None:
            headers["X-Callback-Url"] = callback
        return reference, await self.box.http.request(method, f"/{path}", headers=headers, json=body)

    async def accepted(self, path: str, body: Any, **more: Any) -> str:
        reference, answer = await self.send(path, body, **more)
        assert (answer.status_code, answer.content) == (202, b""), answer.text
        return reference

    async def ask(self, path: str, **more: Any) -> httpx.Response:
        method = more.pop("method", "GET")
        return await self.box.http.request(
            method, f"/{path}", headers=self.headers[path.partition("/")[0]], **more
        )

    async def look(self, path: str) -> dict[str, Any]:
        answer = await self.ask(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    # Each operation once, with a body that fits.

    async def pay(self, number: str = SOMEBODY, **more: Any) -> str:
        body = money(payer=party(number)) | more
        return await self.accepted("collection/v1_0/requesttopay", body)

    async def withdraw(self, number: str = SOMEBODY, **more: Any) -> str:
        body = money(payer=party(number)) | more
        return await self.accepted("collection/v1_0/requesttowithdraw", body)

    async def pre_approve(self, number: str = PAYER, **more: Any) -> str:
        """A field that is None in `more` is left out."""
        body = {"payer": party(number), "payerCurrency": "EUR", "payerMessage": "Dues", "validityTime": 86400}
        named = {name: value for name, value in (body | more).items() if value is not None}
        return await self.accepted("collection/v2_0/preapproval", named)

    async def invoice(self, number: str = PAYER, **more: Any) -> str:
        return await self.accepted("collection/v2_0/invoice", invoice(number) | more)

    async def transfer(self, number: str = SOMEBODY, **more: Any) -> str:
        return await self.accepted("disbursement/v1_0/transfer", money(payee=party(number)) | more)

    async def deposit(self, number: str = SOMEBODY, **more: Any) -> str:
        return await self.accepted("disbursement/v1_0/deposit", money(payee=party(number)) | more)

    async def refund(self, about: str, **more: Any) -> str:
        return await self.accepted("disbursement/v1_0/refund", money(referenceIdToRefund=about) | more)

    async def outcome(self, path: str) -> tuple[str, Any]:
        """Status and reason of what was created under `path`."""
        found = await self.look(path)
        return found["status"], found.get("reason", found.get("errorReason"))

    async def balance(self, product: str = "collection") -> str:
        return str((await self.look(f"{product}/v1_0/account/balance"))["availableBalance"])

    async def wallet(self, number: str = PAYER) -> str:
        """What a handset has, in EUR."""
        return str((await self.box.control("GET", f"/handsets/{number}"))["balances"]["EUR"])

    async def books(self) -> dict[str, Any]:
        """The day's books, which must add up."""
        found: dict[str, Any] = await self.box.control("GET", "/books")
        assert (found["adds_up"], found["problems"]) == (True, [])
        return found


def invoice(number: str = PAYER) -> dict[str, Any]:
    return {
        "externalId": "INV-2001",
        "amount": "75",
        "currency": "EUR",
        "validityDuration": "3600",
        "intendedPayer": party(number),
        "payee": party("233550000009"),
        "description": "School fees term 2",
    }


async def open_merchant(box: Box) -> Merchant:
    """One API user for each product, as the portal tells one to make."""
    merchant = Merchant(box)
    for product in ("collection", "disbursement"):
        await box.provision(product=product)
        merchant.headers[product] = box.headers
    box.headers = merchant.headers["collection"]
    return merchant
