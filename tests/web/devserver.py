"""The try-it page with a canned menu, for looking at it while it is worked on.

    python -m tests.web.devserver [port]

The menu is not Kasapay's: it is just enough of a conversation to move every part of the page. The
sandbox is the real one, so prompts, PINs, balances, SMS and switches are real too.
"""

import asyncio
import sys
import time
import uuid
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec

from bot.dialog import Answer, Inbound, Pressed, Typed
from bot.money import ORDER_CODE_BYTES, OrderKind, OrderState, Source, code_from_bytes
from bot.sandbox import SandboxConfig, serve_sandbox
from bot.store.records import MerchantRow, OrderRow, Transition
from tests.web.fakes import TRYIT, FakeTurns, World, serve

SHOPS = {merchant.code: merchant for merchant in TRYIT.merchants}
CONFIG = SandboxConfig.from_dict(
    {
        "momo": {
            "environment": "mtnghana",
            "users": [
                {"api_user": "0a0b0c0d-0000-4000-8000-000000000001", "api_key": "k", "payee": "Ama's Kitchen"}
            ],
        },
        "handsets": [
            {"msisdn": "+233240000001", "name": "Ama Serwaa", "balance": {"GHS": "1250.00"}},
            {"msisdn": "+233240000002", "name": "Kofi Mensah", "balance": {"GHS": "80.50"}},
            {"msisdn": "+254700000001", "name": "Wanjiru Kamau", "balance": {"KES": "9400"}},
        ],
    }
)
MENU = "Kasapay\n1. Pay\n2. Check a number\n3. My payments\n4. Balance\n5. Link a chat\n6. Language"
LONG = "A very long screen with words that go on and on, " * 5


def now_ms() -> int:
    return int(time.time() * 1000)


class AdminContext:
    """Takes orders to the sandbox and brings results back."""

    def __init__(self, sandbox_url: str) -> None:
        self.url = sandbox_url
        self.world: World | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.token = ""

    def pay(self, shop: str, amount: str, payer: str, chat: str = "") -> None:
        task = asyncio.create_task(self._pay(shop, amount, payer, chat))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def move(self, order_id: str, said: OrderState, source: Source, **changes: Any) -> None:
        store = self.world.store
        row = store.orders[order_id]
        lines = store.lines[order_id]
        lines.append(Transition(order_id, len(lines), row.state, said, source, now_ms()))
        store.orders[order_id] = msgspec.structs.replace(
            row, state=said, version=row.version + 1, updated_ms=now_ms(), **changes
        )

    async def _pay(self, shop: str, amount: str, payer: str, chat: str) -> None:
        store, merchant = self.world.store, SHOPS[shop]
        reference = str(uuid.uuid4())
        row = OrderRow(
            id=reference,
            code=code_from_bytes(uuid.uuid4().bytes[:ORDER_CODE_BYTES]),
            kind=OrderKind.COLLECTION,
            state=OrderState.NEW,
            account_id="momo",
            merchant_id=shop,
            person_id="p",
            amount_minor=int(float(amount) * 100),
            currency=merchant.currency,
            payer=payer,
            reference=reference,
            origin_channel="web" if chat else "ussd",
            origin_kind="msisdn",
            origin_value=payer,
            created_ms=now_ms(),
            updated_ms=now_ms(),
        )
        store.orders[row.id] = row
        store.lines[row.id] = [Transition(row.id, 0, None, OrderState.NEW, Source.US, now_ms())]
        await asyncio.sleep(0.4)
        async with aiohttp.ClientSession(self.url) as session:
            login = aiohttp.encode_basic_auth("0a0b0c0d-0000-4000-8000-000000000001", "k")
            head = {
                "Authorization": login,
                "Ocp-Apim-Subscription-Key": "s",
                "X-Target-Environment": "mtnghana",
            }
            async with session.post("/collection/token/", headers=head) as reply:
                token = (await reply.json())["access_token"]
            head["Authorization"] = f"Bearer {token}"
            self.move(row.id, OrderState.PENDING, Source.US)
            body = {
                "amount": amount,
                "currency": merchant.currency,
                "externalId": row.code,
                "payer": {"partyIdType": "MSISDN", "partyId": payer.removeprefix("+")},
                "payerMessage": f"Kasapay {row.code}",
                "payeeNote": merchant.name,
            }
            path = "/collection/v1_0/requesttopay"
            async with session.post(path, json=body, headers=head | {"X-Reference-Id": reference}) as reply:
                print("requesttopay", reply.status)
            status = "PENDING"
            while status == "PENDING":
                await asyncio.sleep(0.5)
                async with session.get(f"{path}/{reference}", headers=head) as reply:
                    status = (
                        (await reply.json()).get("status", "PENDING") if reply.status == 200 else "PENDING"
                    )
            self.move(row.id, OrderState(status), Source.CALLBACK)
            words = {
                "SUCCESSFUL": f"Paid: {merchant.currency} {amount} to {merchant.name}. Ref {row.code}.",
                "FAILED": f"Not paid: you said no on your phone. Nothing was taken. Ref {row.code}.",
            }[status]
            await session.post(
                "/version1/messaging",
                data={"username": "u", "to": payer, "message": words, "from": "Kasapay"},
                headers={"apiKey": "k", "Accept": "application/json"},
            )
            if chat:
                pending = [r for r in store.sent if r.address_value == chat and "Approve" in r.view]
                store.say(chat, words, (("Menu", "1:c:9:h"),), edits=pending[-1].sent_ref if pending else "")


class Menu(FakeTurns):
    """A canned conversation on USSD and in the chat."""

    def __init__(self, desk: AdminContext) -> None:
        super().__init__()
        self.desk = desk
        self.chats: dict[str, list[str]] = {}

    async def take(self, inbound: Inbound, *, timeout_reply: Any = None) -> Answer:
        await asyncio.sleep(0.15)
        if inbound.channel == "web":
            await self._chat(inbound)
            return Answer("", keep_open=True)
        text = inbound.session.cumulative or ""
        said = text.split("*") if text else []
        return self._screen(said, inbound.address.value)

    def _screen(self, said: list[str], payer: str) -> Answer:
        match said:
            case []:
                return Answer(MENU, keep_open=True)
            case ["1"]:
                return Answer(
                    "Merchant code, or choose:\n1. Ama's Kitchen\n\n0 Back  00 Home", keep_open=True
                )
            case ["1", _]:
                return Answer("Amount (GHS):\n\n0 Back  00 Home", keep_open=True)
            case ["1", shop, amount]:
                name = SHOPS.get(shop, TRYIT.merchants[0]).name
                return Answer(
                    f"Pay GHS {float(amount):.2f} to {name} ({shop}) from your wallet {payer}?\n1. Yes\n2. No"
                    "\n\n0 Back  00 Home",
                    keep_open=True,
                )
            case ["1", shop, amount, "1"]:
                self.desk.pay(shop if shop in SHOPS else "1001", amount, payer)
                return Answer(
                    "Approve the request on your phone. We will tell you the result by SMS.", keep_open=False
                )
            case ["9"]:
                return Answer(LONG, keep_open=True)
            case ["8"]:
                return Answer("Reçu: 5 000 FCFA, ça va bien?", keep_open=True)
            case ["5"]:
                return Answer(
                    "Type this code in the chat: 482913. It is good for 5 minutes.", keep_open=False
                )
        return Answer("Not valid. Goodbye.", keep_open=False)

    async def _chat(self, inbound: Inbound) -> None:
        value = inbound.address.value
        say = self.desk.world.store.say
        said = inbound.input.text if isinstance(inbound.input, Typed) else inbound.input.value
        state = self.chats.setdefault(value, [])
        if (isinstance(inbound.input, Pressed) and said == "nav:home") or said in ("/start", "menu"):
            state.clear()
            say(
                value,
                "Hello! What would you like to do?",
                (
                    ("Pay", "1:c:1:0"),
                    ("Check a number", "1:c:1:1"),
                    ("My payments", "1:c:1:2"),
                    ("Balance", "1:c:1:3"),
                    ("Language", "1:c:1:4"),
                ),
            )
            return
        state.append(said)
        match len(state):
            case 1:
                say(
                    value,
                    "Whom do you want to pay? Type the merchant’s code.",
                    (("Ama's Kitchen", "1:c:2:0"), ("Back", "1:c:2:b"), ("Menu", "1:c:2:h")),
                )
            case 2:
                say(value, "How much, in GHS?", (("Back", "1:c:3:b"), ("Menu", "1:c:3:h")), wants="amount")
            case 3:
                say(
                    value,
                    f"Pay GHS {said} to Ama's Kitchen (1001) from +233***001?",
                    (("Yes, pay", "1:c:4:0"), ("No", "1:c:4:1"), ("Back", "1:c:4:b")),
                )
            case _:
                amount = state[2]
                state.clear()
                say(
                    value,
                    "Approve the request on your phone.\nThis message becomes the result.",
                    (("Menu", "1:c:5:h"),),
                )
                self.desk.pay("1001", amount, "+233240000001", chat=value)


async def main(port: int) -> None:
    async with serve_sandbox(CONFIG) as sandbox:
        desk = AdminContext(sandbox.url)
        tryit = replace(TRYIT, sandbox_url=sandbox.url)
        async with serve(port=port, tryit=tryit, turns=Menu(desk), clock=now_ms) as world:
            desk.world = world
            for shop in TRYIT.merchants:
                world.store.shops[shop.code] = MerchantRow(
                    shop.code, shop.code, shop.name, "momo", shop.currency, 0
                )
            print(world.url, flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8099))
