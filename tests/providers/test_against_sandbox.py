"""The same adapters and sender against our sandbox, strict, over HTTP: two readings of one reference meet."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from bot.money import Money, OrderState, Reason
from bot.providers import (
    PROVIDERS,
    Account,
    AlreadyAccepted,
    Malformed,
    Misconfigured,
    NextStep,
    OrderCall,
    Secret,
    Sender,
    StatusReport,
    Unknown,
)
from bot.providers.base import ListPage
from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.sandbox import Running, SandboxConfig, serve_sandbox
from tests.accounts import changed, credentials

from .cases import Pretend, an_order
from .conftest import Clock, failure
from .tapes import reply

SUBSCRIPTION = "0123456789abcdef0123456789abcdef"
MOMO, STARTBUTTON = PROVIDERS["momo"], PROVIDERS["startbutton"]
HANDSET = "+233240000001"


def config(environment: str, webhook_url: str) -> SandboxConfig:
    return SandboxConfig.from_dict(
        {
            "strict": True,
            "momo": {
                "environment": environment,
                "subscription_keys": {"collection": [SUBSCRIPTION]},
                "users": [{"api_user": "user-1=", "api_key": "key-1", "product": "collection"}],
                "balance": "1000",
            },
            "startbutton": {
                "accounts": [
                    {
                        "name": "shop",
                        "public_key": "pk_made_up",
                        "secret_key": "sk_made_up",
                        "webhook_url": webhook_url,
                        "balance": {"GHS": "25.00", "KES": "0"},
                    }
                ]
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
        keys = ProductKeys(subscription_key=Secret(SUBSCRIPTION), api_user="user-1=", api_key=Secret("key-1"))
        self.momo = MomoAccount(
            id="momo",
            provider="momo",
            base_url=running.url,
            currency="GHS",
            region="GH",
            collection=keys,
            target_environment=environment,
            wire_currency="EUR" if environment == "sandbox" else "",
        )
        self.startbutton = StartbuttonAccount(
            id="startbutton",
            provider="startbutton",
            base_url=running.url,
            currency="GHS",
            region="GH",
            public_key=Secret("pk_made_up"),
            secret_key=Secret("sk_made_up"),
            email="payments@shop.example",
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

    async def pay(self, account: Account, order: OrderCall):
        return await self.sender.send(
            account, PROVIDERS[account.provider].request_order(account, order), 10.0
        )

    async def ask(self, account: Account, order: OrderCall) -> StatusReport:
        return await self.sender.send(account, PROVIDERS[account.provider].order_status(account, order), 10.0)


@pytest.fixture(params=["sandbox", "mtnghana"])
async def box(request: pytest.FixtureRequest, pretend: Pretend) -> AsyncIterator[Box]:
    environment: str = request.param
    pretend.answer("/hook", reply(200))
    sender = Sender(clock=Clock())
    async with serve_sandbox(config(environment, pretend.url + "/hook")) as running:
        yield Box(running, sender, environment)
        await sender.aclose()


def fresh(payer: str = "+233551112233", **changes: Any) -> OrderCall:
    return an_order(reference=str(uuid.uuid4()), payer=payer, **changes)


def test_the_accounts_have_no_problems() -> None:
    for environment in ("sandbox", "mtnghana"):
        made = Box(Running("http://127.0.0.1:1", None), None, environment)
        for account in (made.momo, made.startbutton):
            assert PROVIDERS[account.provider].problems(account) == []


async def test_momo_a_payment_succeeds_by_itself(box: Box) -> None:
    order = fresh()
    await box.pay(box.momo, order)
    report = await box.ask(box.momo, order)
    assert report.state is OrderState.SUCCESSFUL
    assert (report.amount, report.party) == (order.amount, order.payer)
    assert report.financial_id


@pytest.mark.parametrize(
    ("action", "state", "reason"),
    [("approve", OrderState.SUCCESSFUL, None), ("reject", OrderState.FAILED, Reason.REJECTED)],
)
async def test_momo_a_person_answers(box: Box, action: str, state: OrderState, reason: Reason | None) -> None:
    order = fresh(HANDSET)
    await box.pay(box.momo, order)
    assert (await box.ask(box.momo, order)).state is OrderState.PENDING
    await box.press(action)
    report = await box.ask(box.momo, order)
    assert (report.state, report.reason) == (state, reason)


@pytest.mark.parametrize(
    ("ending", "state", "reason"),
    [
        ("450", OrderState.FAILED, Reason.OPERATOR_ERROR),
        ("451", OrderState.FAILED, Reason.REJECTED),
        ("452", OrderState.FAILED, Reason.EXPIRED),
        ("453", OrderState.PENDING, None),
        ("454", OrderState.PENDING, None),
        ("455", OrderState.FAILED, Reason.PAYER_NOT_FOUND),
        ("456", OrderState.FAILED, Reason.PAYEE_BLOCKED),
        ("457", OrderState.FAILED, Reason.NOT_AVAILABLE),
        ("462", OrderState.FAILED, Reason.SERVICE_DOWN),
        ("463", OrderState.FAILED, Reason.EXPIRED),
    ],
)
@pytest.mark.parametrize("shape", ["string", "object"])
async def test_momo_magic_numbers(
    box: Box, ending: str, state: OrderState, reason: Reason | None, shape: str
) -> None:
    await box.faults(reason_shape=shape, numeric_ids=shape == "object")
    order = fresh(f"+46733123{ending}")
    await box.pay(box.momo, order)
    report = await box.ask(box.momo, order)
    assert (report.state, report.reason) == (state, reason)
    assert (report.amount, report.party) == (order.amount, order.payer)


async def test_momo_the_same_reference_again_is_accepted_already(box: Box) -> None:
    order = fresh("+46733123451")
    await box.pay(box.momo, order)
    assert isinstance(await failure(box.pay(box.momo, order)), AlreadyAccepted)


async def test_momo_a_lost_reply_is_found_by_asking(box: Box) -> None:
    order = fresh()
    await box.faults(rules=[{"group": "momo.create", "set": {"drop_reply": -1}, "times": 1}])
    assert isinstance(await failure(box.pay(box.momo, order)), Unknown)
    assert (await box.ask(box.momo, order)).state is OrderState.SUCCESSFUL
    assert isinstance(await failure(box.pay(box.momo, order)), AlreadyAccepted)


async def test_momo_a_lost_request_is_not_found(box: Box) -> None:
    order = fresh()
    await box.faults(rules=[{"group": "momo.create", "set": {"drop_request": -1}, "times": 1}])
    assert isinstance(await failure(box.pay(box.momo, order)), Unknown)
    assert (await box.ask(box.momo, order)).not_found
    await box.pay(box.momo, order)
    assert (await box.ask(box.momo, order)).state is OrderState.SUCCESSFUL


async def test_momo_one_401_is_got_over(box: Box) -> None:
    order = fresh()
    await box.faults(unauthorized=1)
    await box.pay(box.momo, order)


async def test_momo_another_echo_is_seen(box: Box) -> None:
    order = fresh()
    await box.pay(box.momo, order)
    await box.faults(echo_amount="1.25")
    assert (await box.ask(box.momo, order)).amount == Money(125, "GHS")
    await box.faults(echo_amount="", echo_currency="USD")
    assert (await box.ask(box.momo, order)).amount == Money(1250, "USD")


async def test_momo_holders_and_names(box: Box) -> None:
    async def check(msisdn: str):
        return await box.sender.send(box.momo, MOMO.check_holder(box.momo, msisdn), 10.0)

    assert (await check("+233551112233")).active
    assert not (await check("+46733123450")).known
    inactive = await check("+46733123451")
    assert inactive.known
    assert not inactive.active
    assert isinstance(await failure(check("+46733123452")), Misconfigured)
    assert isinstance(await failure(check("+46733123455")), Unknown)
    await box.faults(active_shape="bare")
    assert (await check("+233551112233")).active
    assert await box.sender.send(box.momo, MOMO.holder_name(box.momo, HANDSET), 10.0) == "Ama Serwaa"


@pytest.mark.parametrize(
    ("answer", "balance"), [("ledger", Money(100_000, "GHS")), ("zero", Money(0, "GHS")), ("negative", None)]
)
async def test_momo_balances(box: Box, answer: str, balance: Money | None) -> None:
    await box.faults(balance_answer=answer)
    (found,) = await box.sender.send(box.momo, MOMO.balance(box.momo), 10.0)
    assert found.currency == "GHS"
    assert found == balance or (balance is None and found.amount_minor < 0)


async def test_momo_wrong_settings_create_nothing(box: Box) -> None:
    order = fresh()
    wire = changed(box.momo, wire_currency="USD")
    other = changed(box.momo, target_environment="mtnuganda")
    keys = credentials(box.momo)["collection"].model_copy(update={"api_key": Secret("wrong")})
    locked = changed(box.momo, id="locked", credentials={"collection": keys})
    for account in (wire, other, locked):
        error = await failure(box.pay(account, order))
        assert isinstance(error, Misconfigured), error
        assert error.created_nothing
    assert (await box.ask(box.momo, order)).not_found


async def test_startbutton_a_first_payment_asks_an_otp(box: Box, pretend: Pretend) -> None:
    order = fresh()
    receipt = await box.pay(box.startbutton, order)
    assert receipt.next_step is NextStep.OTP
    order = msgspec.structs.replace(order, provider_reference=receipt.provider_reference)

    async def submit(otp: str):
        return await box.sender.send(
            box.startbutton, STARTBUTTON.submit_otp(box.startbutton, order, otp), 10.0
        )

    assert (await box.ask(box.startbutton, order)).state is OrderState.PENDING
    assert not (await submit("000000")).accepted
    assert (await submit("012345")).accepted
    assert isinstance(await failure(submit("012345")), Unknown)
    await box.running.drain()
    report = await box.ask(box.startbutton, order)
    assert report.state is OrderState.SUCCESSFUL
    assert report.amount == order.amount
    by_ours = await box.ask(box.startbutton, msgspec.structs.replace(order, provider_reference=""))
    assert by_ours.provider_reference == receipt.provider_reference

    hook = pretend.asked("/hook")[0]
    event = STARTBUTTON.callback.read(box.startbutton, hook.headers, hook.body)
    assert event is not None
    assert (event.name, event.provider_reference) == ("collection.verified", receipt.provider_reference)
    assert event.reference == order.reference
    assert STARTBUTTON.callback.read(box.startbutton, hook.headers, hook.body + b" ") is None

    again = await box.pay(box.startbutton, fresh())
    assert again.next_step is NextStep.APPROVE


@pytest.mark.parametrize("signature", ["wrong_key", "sha256", "upper", "missing", "garbage"])
async def test_startbutton_forged_webhooks_are_nothing(box: Box, pretend: Pretend, signature: str) -> None:
    await box.faults(webhook_signature=signature, next_step="PIN")
    await box.pay(box.startbutton, fresh())
    await box.running.drain()
    hooks = pretend.asked("/hook")
    assert hooks
    assert all(STARTBUTTON.callback.read(box.startbutton, hook.headers, hook.body) is None for hook in hooks)


@pytest.mark.parametrize(
    "odd",
    [
        {"webhook_spacing": "spaced"},
        {"webhook_non_ascii": True},
        {"webhook_key_order": "reversed"},
        {"webhook_event": "party.started"},
    ],
)
async def test_startbutton_odd_webhooks_are_read(box: Box, pretend: Pretend, odd: dict[str, Any]) -> None:
    order = fresh()
    await box.faults(next_step="PIN", **odd)
    await box.pay(box.startbutton, order)
    await box.running.drain()
    hook = pretend.asked("/hook")[0]
    event = STARTBUTTON.callback.read(box.startbutton, hook.headers, hook.body)
    assert event is not None
    assert event.reference == order.reference


async def test_startbutton_a_person_rejects(box: Box) -> None:
    order = fresh(HANDSET)
    await box.faults(next_step="PIN")
    await box.pay(box.startbutton, order)
    await box.press("reject")
    report = await box.ask(box.startbutton, order)
    assert (report.state, report.reason) == (OrderState.FAILED, Reason.OTHER)


async def test_startbutton_a_lost_reply_is_found_by_our_reference(box: Box) -> None:
    order = fresh()
    await box.faults(rules=[{"group": "startbutton.create", "set": {"drop_reply": -1}, "times": 1}])
    assert isinstance(await failure(box.pay(box.startbutton, order)), Unknown)
    report = await box.ask(box.startbutton, order)
    assert report.state is OrderState.PENDING
    assert report.provider_reference


async def test_startbutton_a_used_reference(box: Box) -> None:
    order = fresh()
    await box.pay(box.startbutton, order)
    assert isinstance(await failure(box.pay(box.startbutton, order)), AlreadyAccepted)
    await box.faults(duplicate_reference="renew")
    renewed = await box.pay(box.startbutton, order)
    theirs = msgspec.structs.replace(order, provider_reference=renewed.provider_reference)
    assert isinstance(await failure(box.ask(box.startbutton, theirs)), Malformed)  # it is about another order


@pytest.mark.parametrize(
    "envelope", [{"envelope_key": "status"}, {"envelope_data": "null"}, {"refusal_status": 200}]
)
async def test_startbutton_envelopes(box: Box, envelope: dict[str, Any]) -> None:
    order = fresh()
    await box.faults(**envelope)
    assert (await box.ask(box.startbutton, order)).not_found
    await box.pay(box.startbutton, order)
    assert (await box.ask(box.startbutton, order)).state is OrderState.PENDING


async def test_startbutton_kenya(box: Box) -> None:
    account = changed(box.startbutton, currency="KES", region="KE")
    order = fresh("+254711222333", amount=Money(3000, "KES"), network="mpesa")
    await box.faults(next_step="PIN")
    await box.pay(account, order)
    report = await box.ask(account, order)
    assert (report.state, report.amount) == (OrderState.SUCCESSFUL, order.amount)


async def test_startbutton_refusals(box: Box) -> None:
    swapped = changed(
        box.startbutton,
        public_key=Secret("sk_made_up"),
        secret_key=Secret("pk_made_up"),
    )
    error = await failure(box.pay(swapped, fresh()))
    assert isinstance(error, Misconfigured)
    assert error.created_nothing
    error = await failure(box.pay(box.startbutton, fresh("+12025550123")))
    assert isinstance(error, Unknown)  # refused in words that nobody documents


async def test_startbutton_balances(box: Box) -> None:
    found = await box.sender.send(box.startbutton, STARTBUTTON.balance(box.startbutton), 10.0)
    assert found == (Money(2500, "GHS"), Money(0, "KES"))


async def test_startbutton_the_list_is_read_part_by_part(box: Box) -> None:
    await box.faults(next_step="PIN")
    today = datetime.now(UTC).date()
    orders = [fresh() for _ in range(53)]
    receipts = [await box.pay(box.startbutton, order) for order in orders]
    kenya = fresh("+254711222333", amount=Money(3000, "KES"), network="")
    await box.pay(changed(box.startbutton, currency="KES", region="KE"), kenya)
    await box.running.drain()
    first, last = (today - timedelta(days=1)).isoformat(), (today + timedelta(days=1)).isoformat()

    async def part(skip: int, until: str = last) -> ListPage:
        call = STARTBUTTON.list_payments(box.startbutton, first, until, skip)
        return await box.sender.send(box.startbutton, call, 10.0)

    pages = [await part(skip) for skip in (0, 50, 53)]
    assert [page.count for page in pages] == [50, 3, 0]
    rows = [row for page in pages for row in page.rows]
    assert [row.reference for row in reversed(rows)] == [order.reference.replace("-", "") for order in orders]
    assert {row.provider_reference for row in rows} == {made.provider_reference for made in receipts}
    assert {row.amount for row in rows} == {Money(1250, "GHS")}
    assert {row.state for row in rows} == {OrderState.SUCCESSFUL}
    assert all(row.created_ms and row.updated_ms and row.created_ms <= row.updated_ms for row in rows)
    assert (await part(0, first)).count == 0
