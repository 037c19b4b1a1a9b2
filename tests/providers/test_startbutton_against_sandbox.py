"""Startbutton's payouts, refunds, banks and strays against our sandbox, strict, over HTTP."""

import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from bot.money import Money, OrderDetails, OrderKind, OrderState, Reason
from bot.providers import (
    PROVIDERS,
    Account,
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    NextStep,
    OrderCall,
    Secret,
    Sender,
    Unknown,
)
from bot.providers.base import CallbackEvent, EventTopic, StatusReport
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.sandbox import Running, SandboxConfig, serve_sandbox
from tests.accounts import changed

from .cases import Pretend, an_order
from .conftest import failure
from .tapes import reply

ADAPTER = PROVIDERS["startbutton"]
HANDSET = "+233240000001"
FUNDS = {"GHS": "100", "KES": "100", "RWF": "9000", "TZS": "9000", "UGX": "9000", "XOF": "9000", "XAF": "0"}
# Of each currency: region, a wallet, major units within the limits, networks of a charge and of a payout.
CURRENCIES = [
    ("GHS", "GH", "+233551112233", 10, "MTN", ""),
    ("KES", "KE", "+254711222333", 10, "", ""),
    ("RWF", "RW", "+250788123456", 600, "", "MTN"),
    ("TZS", "TZ", "+255121212121", 600, "", "VODACOM"),
    ("UGX", "UG", "+256101010111", 600, "", "MTN"),
    ("XOF", "SN", "+221771234567", 600, "WAVE", "WAVE"),
    ("XAF", "CM", "+237670000200", 600, "", None),
]


class Shop:
    def __init__(self, running: Running, sender: Sender, unit: str) -> None:
        self.running, self.sender = running, sender
        self.account = StartbuttonAccount(
            id="startbutton",
            provider="startbutton",
            base_url=running.url,
            currency="GHS",
            region="GH",
            public_key=Secret("pk_made_up"),
            secret_key=Secret("sk_made_up"),
            email="payments@shop.example",
            refund_unit=unit,
            sign_key=Secret("sign_made_up"),
        )

    def other(self, **changes: Any) -> Account:
        return changed(self.account, **changes)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with httpx.AsyncClient() as http:
            answer = await http.request(method, f"{self.running.url}/_sandbox{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def faults(self, **values: Any) -> None:
        await self.control("PUT", "/faults", values)

    async def send(self, call: Any, account: Account | None = None) -> Any:
        found = await self.sender.send(account or self.account, call, 10.0)
        await self.running.drain()
        return found

    async def make(self, order: OrderCall, account: Account | None = None) -> OrderCall:
        """The order as it is known after it was made: with their reference, and when it left."""
        account = account or self.account
        sent_ms = int(time.time() * 1000)
        receipt = await self.send(ADAPTER.request_order(account, order), account)
        assert receipt.next_step is NextStep.APPROVE
        return msgspec.structs.replace(order, provider_reference=receipt.provider_reference, sent_ms=sent_ms)

    async def ask(self, order: OrderCall, account: Account | None = None) -> StatusReport:
        account = account or self.account
        report: StatusReport = await self.send(ADAPTER.order_status(account, order), account)
        return report

    async def paid(self, amount: Money = Money(2500, "GHS")) -> OrderCall:
        """A charge that is paid and settled."""
        await self.faults(next_step="PIN")
        order = await self.make(fresh(OrderKind.COLLECTION, amount=amount))
        await self.control("POST", "/clock", {"advance_s": 5})
        return order

    async def balance(self, currency: str = "GHS") -> Money:
        (found,) = [m for m in await self.send(ADAPTER.balance(self.account)) if m.currency == currency]
        assert isinstance(found, Money)
        return found

    async def handset(self) -> str:
        balances = (await self.control("GET", f"/handsets/{HANDSET[1:]}"))["balances"]
        return str(balances["GHS"])

    async def adds_up(self) -> bool:
        books = await self.control("GET", "/books")
        return bool(books["adds_up"])


def fresh(kind: OrderKind, **changes: Any) -> OrderCall:
    given: dict[str, Any] = {"reference": str(uuid.uuid4()), "kind": kind, "payer": "+233551112233"}
    if kind is OrderKind.TRANSFER:
        given |= {"payer": "", "payee": "+233551112233", "network": ""}
    return an_order(**given | changes)


@pytest.fixture(params=["minor", "major"])
async def shop(request: pytest.FixtureRequest, pretend: Pretend) -> AsyncIterator[Shop]:
    pretend.answer("/hook", reply(200))
    account = {
        "name": "shop",
        "public_key": "pk_made_up",
        "secret_key": "sk_made_up",
        "webhook_url": pretend.url + "/hook",
        "balance": FUNDS,
        "sign_key": "sign_made_up",
        "refund_unit": request.param,
    }
    config = {
        "strict": True,
        "startbutton": {"accounts": [account]},
        "handsets": [{"msisdn": HANDSET, "name": "Ama Serwaa", "balance": {"GHS": "100"}}],
    }
    sender = Sender()
    async with serve_sandbox(SandboxConfig.from_dict(config)) as running:
        yield Shop(running, sender, request.param)
        await sender.aclose()


def events(shop: Shop, pretend: Pretend, account: Account | None = None) -> list[CallbackEvent]:
    found = [
        ADAPTER.callback.read(account or shop.account, hook.headers, hook.body)
        for hook in pretend.asked("/hook")
    ]
    assert None not in found
    return [event for event in found if event is not None]


@pytest.mark.parametrize("market", CURRENCIES, ids=lambda market: market[0])
async def test_every_currency_is_charged_and_paid_out(shop: Shop, market: tuple[Any, ...]) -> None:
    currency, region, wallet, major, network, payout_network = market
    account = shop.other(currency=currency, region=region, factor_confirmed=True)
    assert ADAPTER.problems(account) == []
    amount = Money(major * (100 if currency in ("GHS", "KES", "TZS") else 1), currency)
    await shop.faults(next_step="PIN")
    charge = fresh(OrderKind.COLLECTION, amount=amount, payer=wallet, network=network)
    report = await shop.ask(await shop.make(charge, account), account)
    assert (report.state, report.amount) == (OrderState.SUCCESSFUL, amount)
    if payout_network is None:
        assert OrderKind.TRANSFER not in ADAPTER.kinds(account)
        return
    payout = fresh(OrderKind.TRANSFER, amount=amount, payee=wallet, network=payout_network)
    made = await shop.make(payout, account)
    report = await shop.ask(made, account)
    assert (report.state, report.amount) == (OrderState.SUCCESSFUL, amount)
    assert report.provider_reference == made.provider_reference
    assert await shop.adds_up()


async def test_a_payout_arrives(shop: Shop, pretend: Pretend) -> None:
    made = await shop.make(fresh(OrderKind.TRANSFER, payee=HANDSET))
    report = await shop.ask(msgspec.structs.replace(made, provider_reference=""))
    assert (report.state, report.amount) == (OrderState.SUCCESSFUL, Money(1250, "GHS"))
    assert report.provider_reference == made.provider_reference
    assert (await shop.handset(), await shop.balance()) == ("112.50", Money(8750, "GHS"))
    told = events(shop, pretend)
    assert [event.name for event in told] == ["transfer.pending", "transfer.successful"]
    assert {(event.topic, event.reference, event.amount) for event in told} == {
        (EventTopic.TRANSFER, made.reference, made.amount)
    }
    assert await shop.adds_up()


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("failed", OrderState.FAILED),
        ("reversed", OrderState.REVERSED),
        ("pending", OrderState.PENDING),
    ],
)
async def test_a_payout_that_does_not_arrive(shop: Shop, outcome: str, state: OrderState) -> None:
    await shop.faults(transfer_outcome=outcome)
    made = await shop.make(fresh(OrderKind.TRANSFER, payee=HANDSET))
    assert (await shop.ask(made)).state is state
    assert await shop.handset() == "100.00"
    assert await shop.balance() == Money(8750 if outcome == "pending" else 10_000, "GHS")


async def test_a_payout_that_is_reversed_later(shop: Shop) -> None:
    await shop.faults(reverse_after_s=60)
    made = await shop.make(fresh(OrderKind.TRANSFER, payee=HANDSET))
    await shop.control("POST", "/clock", {"advance_s": 60})
    assert (await shop.ask(made)).state is OrderState.REVERSED
    assert (await shop.handset(), await shop.balance()) == ("100.00", Money(10_000, "GHS"))
    assert await shop.adds_up()


async def test_a_bank_account_is_paid_to(shop: Shop) -> None:
    bank, _ = await shop.send(ADAPTER.banks(shop.account))
    terms = OrderDetails(bank_code=bank.code, account_number="0011223344")
    made = await shop.make(fresh(OrderKind.TRANSFER, payee="", details=terms))
    assert (await shop.ask(made)).state is OrderState.SUCCESSFUL
    unknown = fresh(
        OrderKind.TRANSFER, payee="", details=OrderDetails(bank_code="X1", account_number="0011223344")
    )
    assert isinstance(await failure(shop.make(unknown)), Unknown)


async def test_banks_of_a_shared_currency_are_those_of_the_accounts_country(shop: Shop) -> None:
    elsewhere = shop.other(currency="XOF", region="FR")
    assert isinstance(await failure(shop.send(ADAPTER.banks(elsewhere), elsewhere)), Misconfigured)


async def test_payouts_that_are_refused(shop: Shop) -> None:
    short = await failure(shop.make(fresh(OrderKind.TRANSFER, amount=Money(10_001, "GHS"))))
    assert isinstance(short, Declined)
    assert short.reason is Reason.MERCHANT_FUNDS
    uganda = shop.other(currency="UGX", region="UG", factor_confirmed=True)
    nameless = fresh(OrderKind.TRANSFER, amount=Money(600, "UGX"), payee="+256101010111")
    error = await failure(shop.make(nameless, uganda))
    assert isinstance(error, Declined)
    assert error.reason is Reason.UNKNOWN_NETWORK
    for account in (shop.other(sign_key=Secret("")), shop.other(sign_key=Secret("another"))):
        assert isinstance(await failure(shop.make(fresh(OrderKind.TRANSFER), account)), Misconfigured)
    await shop.faults(address_refused=True)
    for kind in (OrderKind.TRANSFER, OrderKind.COLLECTION):
        error = await failure(shop.make(fresh(kind)))
        assert isinstance(error, Misconfigured)
        assert error.created_nothing
    assert (await shop.control("GET", "/record"))["entries"] == []


async def test_a_lost_payout_is_found_by_our_reference_and_never_sent_again(shop: Shop) -> None:
    order = fresh(OrderKind.TRANSFER, payee=HANDSET)
    rules = [{"group": "startbutton.transfer", "set": {"drop_reply": -1}, "times": 1}]
    await shop.faults(rules=rules)
    assert isinstance(await failure(shop.make(order)), Unknown)
    await shop.running.drain()
    assert (await shop.ask(order)).state is OrderState.SUCCESSFUL
    assert isinstance(await failure(shop.make(order)), AlreadyAccepted)
    assert await shop.handset() == "112.50"


async def test_a_reference_they_replaced_is_seen(shop: Shop) -> None:
    order = await shop.make(fresh(OrderKind.TRANSFER))
    await shop.faults(duplicate_reference="renew")
    twice = await shop.make(order)
    assert isinstance(await failure(shop.ask(twice)), Malformed)


async def test_a_refund_goes_back(shop: Shop) -> None:
    charge = await shop.paid()
    order = fresh(OrderKind.REFUND, about_provider_reference=charge.provider_reference)
    made = await shop.make(order)
    report = await shop.ask(made)
    assert (report.state, report.amount) == (OrderState.SUCCESSFUL, Money(1250, "GHS"))
    assert await shop.balance() == Money(10_000 + 2500 - 1250, "GHS")
    # The other half, later on: the first one is no word about it, nor it about the first.
    await shop.faults(refund_outcome="pending")
    await shop.control("POST", "/clock", {"advance_s": 1200})
    later = msgspec.structs.replace(
        await shop.make(msgspec.structs.replace(order, reference=str(uuid.uuid4()))),
        sent_ms=int((time.time() + 1200) * 1000),
    )
    assert (await shop.ask(later)).state is OrderState.PENDING
    assert (await shop.ask(made)).state is OrderState.SUCCESSFUL
    assert await shop.adds_up()


async def test_a_refund_among_others_alike_is_left_to_a_person(shop: Shop) -> None:
    charge = await shop.paid()
    order = fresh(OrderKind.REFUND, about_provider_reference=charge.provider_reference)
    made = [await shop.make(order) for _ in range(2)]
    for one in made:
        report = await shop.ask(one)
        assert (report.state, report.provider_code) == (None, "SEVERAL_REFUNDS")


async def test_a_refund_that_never_arrived_is_nobodys(shop: Shop) -> None:
    charge = await shop.paid()
    order = fresh(OrderKind.REFUND, about_provider_reference=charge.provider_reference)
    rules = [{"group": "startbutton.refund", "set": {"drop_request": -1}, "times": 1}]
    await shop.faults(rules=rules)
    assert isinstance(await failure(shop.make(order)), Unknown)
    lost = msgspec.structs.replace(order, sent_ms=int(time.time() * 1000))
    report = await shop.ask(lost)
    assert (report.state, report.provider_code) == (None, "NO_SUCH_REFUND")
    await shop.faults(refund_shape="object")
    assert (await shop.ask(lost)).not_found


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        ({"refund_outcome": "failed"}, OrderState.FAILED),
        ({"refund_outcome": "pending"}, OrderState.PENDING),
        ({"refund_shape": "object"}, OrderState.SUCCESSFUL),
        ({"status_word": "processed"}, None),
    ],
)
async def test_what_becomes_of_a_refund(shop: Shop, faults: dict[str, Any], state: OrderState | None) -> None:
    charge = await shop.paid()
    await shop.faults(**faults)
    made = await shop.make(fresh(OrderKind.REFUND, about_provider_reference=charge.provider_reference))
    assert (await shop.ask(made)).state is state


async def test_refunds_that_are_refused(shop: Shop) -> None:
    charge = await shop.paid()
    too_much = fresh(
        OrderKind.REFUND,
        amount=Money(2501, "GHS"),
        about_provider_reference=charge.provider_reference,
    )
    assert isinstance(await failure(shop.make(too_much)), Unknown)
    unknown = fresh(OrderKind.REFUND, about_provider_reference="nosuchone")
    assert isinstance(await failure(shop.make(unknown)), Unknown)
    await shop.make(fresh(OrderKind.TRANSFER, amount=Money(12_000, "GHS")))
    short = await failure(
        shop.make(fresh(OrderKind.REFUND, about_provider_reference=charge.provider_reference))
    )
    assert isinstance(short, Declined)
    assert short.reason is Reason.MERCHANT_FUNDS


async def test_the_wrong_unit_gives_back_another_amount_and_is_seen(shop: Shop) -> None:
    """What the setting is for: the sandbox shows the mistake before it costs money."""
    charge = await shop.paid()
    other = shop.other(refund_unit="major" if shop.account.refund_unit == "minor" else "minor")
    order = fresh(
        OrderKind.REFUND, amount=Money(1200, "GHS"), about_provider_reference=charge.provider_reference
    )
    if other.refund_unit == "minor":
        assert isinstance(await failure(shop.make(order, other)), Unknown)  # a hundred times too much
        return
    await shop.make(order, other)
    assert await shop.balance() == Money(12_500 - 12, "GHS")


async def test_transfers_are_listed(shop: Shop) -> None:
    made = await shop.make(fresh(OrderKind.TRANSFER))
    paid = await shop.paid()
    today = datetime.now(UTC).date()
    days = [(today + timedelta(days=days)).isoformat() for days in (-1, 1)]
    for order in (made, paid):
        call = ADAPTER.list_payments(shop.account, days[0], days[1], 0, kind=order.kind)
        (row,) = (await shop.send(call)).rows
        assert row.provider_reference == order.provider_reference
        assert (row.state, row.amount) == (OrderState.SUCCESSFUL, order.amount)


@pytest.mark.parametrize("same", [False, True])
async def test_a_difference_and_a_dispute_can_be_told_apart(shop: Shop, pretend: Pretend, same: bool) -> None:
    charge = await shop.paid()
    path = f"/startbutton/{charge.provider_reference}"
    body = {"amount": "2.00", "tag": "excess", "same_reference": same}
    stray = await shop.control("POST", path + "/difference", body)
    await shop.control("POST", path + "/dispute", {"event": "created"})
    await shop.running.drain()
    *_, excess, dispute = events(shop, pretend)
    assert (excess.topic, excess.amount) == (EventTopic.PAYMENT, Money(200, "GHS"))
    assert excess.provider_reference == stray["provider_reference"]
    assert (excess.reference == charge.reference) is same
    assert (dispute.name, dispute.topic) == ("dispute.created", EventTopic.DISPUTE)
    assert dispute.provider_reference == charge.provider_reference
    report = await shop.ask(charge)
    assert (report.state, report.amount) == (OrderState.SUCCESSFUL, charge.amount)
