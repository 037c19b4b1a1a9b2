"""Startbutton's transfers and refunds: who may get what, how they end, and that all money adds up."""

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.sandbox import SandboxConfig, serve_sandbox

from .conftest import PAYER, PUBLIC, SECRET, Box, Clock, Open, Receiver

AMA = "0551112233"  # the handset PAYER
NOBODY = "0241234567"


class Shop:
    """A funded merchant, and the moves of its payouts."""

    def __init__(self, box: Box) -> None:
        self.box = box

    async def post(
        self, path: str, body: dict[str, Any], key: str = SECRET, **headers: str
    ) -> httpx.Response:
        return await self.box.http.post(
            path, headers={"Authorization": f"Bearer {key}", **headers}, json=body
        )

    async def transfer(self, **changes: Any) -> httpx.Response:
        wanted = {
            "amount": 1000,
            "currency": "GHS",
            "country": "Ghana",
            "msisdn": NOBODY,
            "reference": uuid.uuid4().hex,
        } | changes
        body = {name: value for name, value in wanted.items() if value is not None}
        return await self.post("/transaction/transfer", body)

    async def sent(self, **changes: Any) -> str:
        """A transfer that must be taken: their reference."""
        answer = await self.transfer(**changes)
        assert (answer.status_code, answer.json()["success"]) == (200, True), answer.text
        await self.box.running.drain()
        theirs: str = answer.json()["data"]["transaction"]["transactionReference"]
        return theirs

    async def charged(self, phone: str = NOBODY, amount: int = 5000) -> str:
        """A charge that is paid and settled: their reference."""
        await self.box.faults(next_step="PIN")
        answer = await self.box.charge(phone, amount=amount)
        if phone == AMA:
            await self.box.press("approve", pin="1234")
        await self.box.advance(5)
        theirs: str = answer.json()["data"]["reference"]
        return theirs

    async def refund(self, theirs: str, amount: Any, **more: Any) -> httpx.Response:
        answer = await self.post(
            "/transaction/refunds", {"transactionReference": theirs, "amount": amount, **more}
        )
        await self.box.running.drain()
        return answer

    async def refunds(self, reference: str) -> Any:
        answer = await self.box.ask(f"/transaction/refunds/{reference}/status")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def wallet(self, currency: str = "GHS") -> tuple[int, int]:
        """Available and ledger balance."""
        rows = {row["currency"]: row for row in (await self.box.ask("/wallet")).json()["data"]}
        return rows[currency]["availableBalance"], rows[currency]["ledgerBalance"]

    async def ama(self) -> str:
        balance: str = (await self.box.control("GET", f"/handsets/{PAYER}"))["balances"]["GHS"]
        return balance

    async def book(self) -> dict[str, Any]:
        """The merchant's book in GHS; everything must add up."""
        books = await self.box.control("GET", "/books")
        assert books["adds_up"], books["problems"]
        (book,) = [
            book
            for book in books["accounts"]
            if (book["account"], book["currency"]) == ("startbutton:shop", "GHS")
        ]
        found: dict[str, Any] = book
        return found


@pytest.fixture
def open_shop(open_box: Open):
    async def opening(url: str = "", account: dict[str, Any] | None = None, **more: Any) -> Shop:
        keys = {"name": "shop", "public_key": PUBLIC, "secret_key": SECRET, "webhook_url": url}
        funds = {"balance": {"GHS": "100.00", "KES": "50.00", "XOF": "1000", "UGX": "9000"}}
        strict = more.pop("strict", False)
        handset = {"msisdn": PAYER, "name": "Ama Nkrumah", "balance": {"GHS": "500.00"}}
        startbutton = {"accounts": [keys | funds | (account or {})], **more}
        return Shop(await open_box(handsets=[handset], strict=strict, startbutton=startbutton))

    return opening


@pytest.fixture
async def shop(open_shop) -> Shop:
    return await open_shop()


# Transfers


async def test_a_transfer_reaches_the_handset_and_leaves_the_wallet(shop: Shop) -> None:
    reference = uuid.uuid4().hex
    theirs = await shop.sent(msisdn=AMA, reference=reference)
    transaction = await shop.box.transaction(reference)
    assert (transaction["transType"], transaction["status"]) == ("transfer", "successful")
    assert (transaction["amount"], transaction["transactionReference"]) == (1000, theirs)
    assert transaction["recipient"]["institutionNumber"] == AMA
    assert await shop.ama() == "510.00"
    assert await shop.wallet() == (9000, 9000)
    entry = await shop.box.record(reference)
    assert (entry["kind"], entry["direction"], entry["times_paid_out"]) == ("transfer", "out", 1)
    book = await shop.book()
    assert (book["opening"], book["out"], book["closing"]) == ("100", {"transfer": "10"}, "90")


async def test_a_transfer_goes_its_way_and_tells_of_it(open_shop, receiver: Receiver) -> None:
    shop = await open_shop(receiver.url, transfer_s=30)
    theirs = await shop.sent(msisdn=AMA)
    assert (await shop.box.transaction(theirs))["status"] == "pending"
    assert await shop.ama() == "500.00"
    assert await shop.wallet() == (9000, 10_000)
    await shop.box.advance(30)
    assert await shop.ama() == "510.00"
    events = [json.loads(got.body) for got in receiver.got]
    assert [event["event"] for event in events] == ["transfer.pending", "transfer.successful"]
    for got in receiver.got:
        made = hmac.new(SECRET.encode(), got.body, hashlib.sha512).hexdigest()
        assert got.headers["x-startbutton-signature"] == made
    assert events[1]["data"]["transaction"]["recipient"]["institutionType"] == "mobile_money"
    await shop.book()


@pytest.mark.parametrize("outcome", ["failed", "reversed"])
async def test_a_transfer_that_does_not_arrive_costs_nothing(
    open_shop, receiver: Receiver, outcome: str
) -> None:
    shop = await open_shop(receiver.url)
    await shop.box.faults(transfer_outcome=outcome)
    theirs = await shop.sent(msisdn=AMA)
    assert (await shop.box.transaction(theirs))["status"] == outcome
    assert (await shop.ama(), await shop.wallet()) == ("500.00", (10_000, 10_000))
    assert json.loads(receiver.got[-1].body)["event"] == f"transfer.{outcome}"
    assert (await shop.book())["closing"] == "100"


async def test_a_transfer_can_be_reversed_after_it_arrived(open_shop, receiver: Receiver) -> None:
    shop = await open_shop(receiver.url)
    await shop.box.faults(reverse_after_s=60)
    theirs, elsewhere = await shop.sent(msisdn=AMA), await shop.sent()
    assert await shop.ama() == "510.00"
    await shop.box.advance(60)
    for reference in (theirs, elsewhere):
        assert (await shop.box.transaction(reference))["status"] == "reversed"
    assert (await shop.ama(), await shop.wallet()) == ("500.00", (10_000, 10_000))
    assert [json.loads(got.body)["event"] for got in receiver.got].count("transfer.reversed") == 2
    book = await shop.book()
    assert (book["in"], book["out"]) == ({"transfer_returned": "20"}, {"transfer": "20"})


async def test_what_the_payee_has_spent_is_not_reversed(shop: Shop) -> None:
    await shop.box.faults(reverse_after_s=60)
    theirs = await shop.sent(msisdn=AMA)
    await shop.box.control("POST", "/handsets", {"msisdn": PAYER, "balance": {"GHS": "1.00"}})
    await shop.box.advance(60)
    assert (await shop.box.transaction(theirs))["status"] == "successful"
    assert (await shop.ama(), await shop.wallet()) == ("1.00", (9000, 9000))
    await shop.book()


async def test_a_transfer_can_be_made_to_hang(shop: Shop) -> None:
    await shop.box.faults(transfer_outcome="pending")
    theirs = await shop.sent()
    await shop.box.advance(100_000)
    assert (await shop.box.transaction(theirs))["status"] == "pending"
    assert await shop.wallet() == (9000, 10_000)


async def test_the_failing_test_number_fails_transfers_too(shop: Shop) -> None:
    theirs = await shop.sent(
        currency="UGX", country="Uganda", msisdn="+256760000010", MNO="MTN", amount=50_000
    )
    assert (await shop.box.transaction(theirs))["status"] == "failed"


async def test_more_than_there_is_is_refused(open_shop) -> None:
    shop = await open_shop(transfer_s=30)
    answer = await shop.transfer(amount=10_001)
    assert (answer.status_code, answer.json()) == (
        400,
        {"success": False, "message": "User has insufficient balance.", "data": {}},
    )
    await shop.sent(amount=6000)
    assert (await shop.transfer(amount=6000)).status_code == 400  # the first is still under way
    await shop.sent(amount=4000)
    await shop.box.advance(30)
    assert await shop.wallet() == (0, 0)
    assert len((await shop.box.control("GET", "/record"))["entries"]) == 2
    await shop.book()


async def test_money_that_has_not_settled_cannot_be_paid_out(open_shop) -> None:
    shop = await open_shop(account={"balance": {"GHS": "0"}}, successful_s=60)
    await shop.box.faults(next_step="PIN")
    await shop.box.charge(NOBODY, amount=5000)
    assert (await shop.transfer()).json()["message"] == "User has insufficient balance."
    await shop.box.advance(60)
    await shop.sent()
    assert await shop.wallet() == (4000, 4000)


async def test_a_payout_whose_money_went_back_to_a_payer_fails(open_shop) -> None:
    shop = await open_shop(account={"balance": {"GHS": "0"}}, transfer_s=100)
    await shop.box.faults(reverse_after_s=10)
    await shop.charged(amount=1000)
    theirs = await shop.sent(amount=1000)
    await shop.box.advance(200)
    assert (await shop.box.transaction(theirs))["status"] == "failed"
    assert await shop.wallet() == (0, 0)
    await shop.book()


async def test_a_bank_account_is_paid_to(shop: Shop) -> None:
    theirs = await shop.sent(msisdn=None, bankCode="GH010", accountNumber="0011223344")
    recipient = (await shop.box.transaction(theirs))["recipient"]
    assert (recipient["institutionType"], recipient["institutionName"]) == ("bank", "Gold Coast Bank")
    assert (await shop.book())["out"] == {"transfer": "10"}


BAD: list[dict[str, Any]] = [
    {"amount": 10.5},
    {"amount": "1000"},
    {"amount": True},
    {"amount": 0},
    {"currency": "XAF", "msisdn": "+237670000200"},
    {"currency": None},
    {"country": None},
    {"msisdn": None},
    {"msisdn": "12345"},
    {"msisdn": None, "bankCode": "KE010", "accountNumber": "0011223344"},
    {"msisdn": None, "bankCode": "GH010"},
    {"msisdn": None, "bankCode": "GH010", "accountNumber": 11223344},
    {"msisdn": None, "bankCode": ["GH010"], "accountNumber": "0011223344"},
    {"currency": "KES", "country": "Kenya", "msisdn": "0711000111", "MNO": "mpesa"},
    {"currency": "KES", "country": "Kenya", "msisdn": "0711000111", "MNO": ["MPESA"]},
    {"reference": 7},
    {"reference": "x" * 101},
]
STRICT: list[dict[str, Any]] = [
    {"country": "Kenya"},
    {"currency": "KES", "country": "Kenya", "msisdn": "0711000111"},
    {"reference": "11111111-2222-4333-8444-555555555555"},
]


@pytest.mark.parametrize("body", BAD, ids=str)
async def test_transfers_that_are_refused(shop: Shop, body: dict[str, Any]) -> None:
    assert (await shop.transfer(**body)).status_code == 400
    assert (await shop.box.control("GET", "/record"))["entries"] == []


@pytest.mark.parametrize("body", STRICT, ids=str)
async def test_strict_wants_country_network_and_reference_right(open_shop, body: dict[str, Any]) -> None:
    assert (await (await open_shop()).transfer(**body)).status_code == 200
    strict = await open_shop(strict=True)
    assert (await strict.transfer(**body)).status_code == 400
    await strict.sent(msisdn="+233241234567")
    await strict.sent(currency="KES", country="Kenya", msisdn="+254711000111", MNO="MPESA")


async def test_a_used_reference_is_refused_or_silently_renewed(shop: Shop) -> None:
    reference = uuid.uuid4().hex
    first = await shop.sent(reference=reference)
    again = await shop.transfer(reference=reference)
    assert (again.status_code, again.json()["success"]) == (400, False)
    await shop.box.faults(duplicate_reference="renew")
    second = await shop.sent(reference=reference)
    assert second != first
    assert (await shop.box.transaction(second))["userTransactionReference"] != reference
    assert await shop.wallet() == (8000, 8000), "mode B pays twice"
    await shop.book()


async def test_transfers_are_listed_by_their_type(shop: Shop) -> None:
    charge, transfer = await shop.charged(), await shop.sent()

    async def listed(**query: Any) -> list[str]:
        rows = (await shop.box.ask("/transaction", **query)).json()["data"]
        return [row["transactionReference"] for row in rows]

    assert await listed() == [transfer, charge]
    assert await listed(transType="transfer") == [transfer]
    assert await listed(transType="collection") == [charge]
    assert await listed(transType="transfer", status="failed") == []
    assert await listed(transType="conversion") == []


# Keys, addresses, signatures


@pytest.mark.parametrize("path", ["/transaction/transfer", "/transaction/refunds"])
async def test_the_public_key_spends_nothing(shop: Shop, path: str) -> None:
    assert (await shop.post(path, {}, key=PUBLIC)).status_code == 401


async def test_a_caller_from_elsewhere_is_refused(shop: Shop) -> None:
    await shop.box.faults(address_refused=True)
    for answer in (await shop.transfer(), await shop.box.charge(), await shop.box.ask("/wallet")):
        assert (answer.status_code, answer.json()["success"]) == (403, False)
    assert (await shop.box.control("GET", "/record"))["entries"] == []


@pytest.mark.parametrize(
    ("minutes", "key", "fits"),
    [(0, "sign_1", True), (-5, "sign_1", True), (5, "sign_1", True), (6, "sign_1", False), (0, "x", False)],
)
async def test_a_transfer_must_be_signed_where_that_is_asked_for(
    open_shop, minutes: int, key: str, fits: bool
) -> None:
    shop = await open_shop(account={"sign_key": "sign_1"})
    assert (await shop.transfer()).status_code == 401
    body = {"amount": 1000, "currency": "GHS", "country": "Ghana", "msisdn": NOBODY}
    written = json.dumps(body, separators=(",", ":")).encode()
    minute = datetime.fromtimestamp(shop.box.clock() + minutes * 60, UTC).strftime("%Y%m%d%H%M")
    signature = hmac.new(key.encode(), minute.encode() + written, hashlib.sha256).hexdigest()
    headers = {"Authorization": f"Bearer {SECRET}", "x-request-id": signature}
    answer = await shop.box.http.post("/transaction/transfer", headers=headers, content=written)
    assert answer.status_code == (200 if fits else 401)
    other = await shop.box.http.post("/transaction/transfer", headers=headers, content=written + b" ")
    assert other.status_code == 401


# Banks


async def test_banks_and_networks_are_listed(shop: Shop) -> None:
    async def listed(currency: str, **query: str) -> list[str]:
        answer = await shop.box.ask(f"/bank/list/{currency}", **query)
        assert answer.status_code == 200, answer.text
        return [row["code"] for row in answer.json()["data"]]

    assert await listed("GHS") == await listed("GHS", type="bank") == ["GH010", "GH020"]
    assert await listed("KES", type="mobile_money") == ["MPESA", "AIRTEL"]
    assert await listed("UGX") == []
    assert "WAVE" in await listed("XOF", type="mobile_money", country="Senegal")
    for path, query in (
        ("XOF", {"type": "mobile_money"}),
        ("XOF", {"type": "mobile_money", "country": "Ghana"}),
        ("EUR", {}),
        ("GHS", {"type": "shop"}),
    ):
        assert (await shop.box.ask(f"/bank/list/{path}", **query)).status_code == 400
    assert (await shop.box.ask("/bank/list/GHS", key=PUBLIC)).status_code == 401


# Refunds


async def test_a_refund_goes_back_to_the_payer(shop: Shop) -> None:
    theirs = await shop.charged(AMA, 5000)
    assert (await shop.ama(), await shop.wallet()) == ("450.00", (15_000, 15_000))
    answer = await shop.refund(theirs, 2000, reason="broken")
    assert answer.json() == {"success": True, "message": "Refund initiated successfully!"}
    assert (await shop.ama(), await shop.wallet()) == ("470.00", (13_000, 13_000))
    (row,) = await shop.refunds(theirs)
    assert (row["status"], row["amount"], row["currency"], row["reason"]) == (
        "successful",
        2000,
        "GHS",
        "broken",
    )
    assert row["transactionReference"] == theirs
    assert await shop.refunds(row["refundReference"]) == row
    assert (await shop.box.record(theirs))["refunded"] == "20"
    book = await shop.book()
    assert (book["in"], book["out"], book["closing"]) == ({"charge": "50"}, {"refund": "20"}, "130")


async def test_no_more_is_refunded_than_was_paid(open_shop) -> None:
    shop = await open_shop(refund_s=30)
    theirs = await shop.charged(amount=5000)
    assert (await shop.refund(theirs, 5001)).status_code == 400
    assert (await shop.refund(theirs, 3000)).status_code == 200
    assert (await shop.refund(theirs, 2001)).status_code == 400  # the first is still under way
    await shop.box.advance(30)
    assert (await shop.refund(theirs, 2001)).status_code == 400
    assert (await shop.refund(theirs, 2000)).status_code == 200
    await shop.box.advance(30)
    assert [row["status"] for row in await shop.refunds(theirs)] == ["successful", "successful"]
    assert (await shop.refund(theirs, 1)).status_code == 400
    await shop.book()


async def test_the_wallet_must_cover_a_refund(open_shop) -> None:
    shop = await open_shop(account={"balance": {"GHS": "0"}})
    theirs = await shop.charged(amount=5000)
    await shop.sent(amount=4000)
    answer = await shop.refund(theirs, 5000)
    assert answer.json() == {"success": False, "message": "User has insufficient balance.", "data": {}}
    assert (await shop.refund(theirs, 1000)).status_code == 200
    await shop.book()


@pytest.mark.parametrize(("amount", "status"), [(50, 200), (12.5, 200), (50.01, 400), (12.505, 400)])
async def test_refunds_may_count_whole_units(open_shop, amount: Any, status: int) -> None:
    shop = await open_shop(account={"refund_unit": "major"})
    theirs = await shop.charged(amount=5000)
    assert (await shop.refund(theirs, amount)).status_code == status
    if status == 200:
        (row,) = await shop.refunds(theirs)
        assert row["amount"] == amount


@pytest.mark.parametrize("amount", [0, -1, "10", None, True, 12.5, 10**16])
async def test_refunds_of_no_amount_are_refused(shop: Shop, amount: Any) -> None:
    theirs = await shop.charged()
    assert (await shop.refund(theirs, amount)).status_code == 400
    assert await shop.refunds(theirs) == []


async def test_only_a_paid_charge_is_refunded(shop: Shop) -> None:
    transfer = await shop.sent()
    for reference, status in (("unknown", 404), (transfer, 404), (7, 400)):
        assert (await shop.refund(reference, 100)).status_code == status  # type: ignore[arg-type]
    await shop.box.faults(next_step="PIN", charge_outcome="failed")
    failed = (await shop.box.charge(NOBODY)).json()["data"]["reference"]
    assert (await shop.refund(failed, 100)).status_code == 400
    await shop.box.faults(charge_outcome="rule")
    theirs = await shop.charged()
    assert (await shop.refund(theirs, 100, reason=7)).status_code == 400
    for reference in ("unknown", transfer):
        assert (await shop.box.ask(f"/transaction/refunds/{reference}/status")).status_code == 404
    assert (await shop.box.ask(f"/transaction/refunds/{theirs}/status", key=PUBLIC)).status_code == 401


@pytest.mark.parametrize(("outcome", "balance"), [("failed", "450.00"), ("pending", "450.00")])
async def test_a_refund_can_fail_or_hang(shop: Shop, outcome: str, balance: str) -> None:
    theirs = await shop.charged(AMA, 5000)
    await shop.box.faults(refund_outcome=outcome)
    await shop.refund(theirs, 2000)
    await shop.box.advance(100_000)
    (row,) = await shop.refunds(theirs)
    assert (row["status"], await shop.ama()) == (outcome, balance)
    assert (await shop.wallet())[0] == (15_000 if outcome == "failed" else 13_000)
    await shop.book()


async def test_the_status_of_refunds_has_two_shapes(shop: Shop) -> None:
    theirs = await shop.charged()
    await shop.box.faults(refund_shape="object")
    assert (await shop.box.ask(f"/transaction/refunds/{theirs}/status")).status_code == 404
    await shop.refund(theirs, 100)
    await shop.refund(theirs, 200)
    assert (await shop.refunds(theirs))["amount"] == 200
    await shop.box.faults(refund_shape="list")
    assert [row["amount"] for row in await shop.refunds(theirs)] == [100, 200]
    own = (await shop.refunds(theirs))[0]["refundReference"]
    assert [row["amount"] for row in await shop.refunds(own)] == [100]
    assert (await shop.box.ask(f"/transaction/status/{own}")).status_code == 404
    await shop.box.faults(status_word="teleported")
    assert {row["status"] for row in await shop.refunds(theirs)} == {"teleported"}


async def test_refunds_have_webhooks_only_on_request(open_shop, receiver: Receiver) -> None:
    shop = await open_shop(receiver.url)
    theirs = await shop.charged()
    await shop.refund(theirs, 100)
    await shop.box.faults(refund_events=True)
    await shop.refund(theirs, 200)
    events = [json.loads(got.body) for got in receiver.got]
    assert [event["event"] for event in events][2:] == ["refund.successful"]
    assert events[-1]["data"]["transaction"]["amount"] == 200


# What happens beside our requests


@pytest.mark.parametrize("same", [False, True])
async def test_a_difference_is_a_transaction_of_its_own(open_shop, receiver: Receiver, same: bool) -> None:
    shop = await open_shop(receiver.url)
    theirs = await shop.charged()
    ours = (await shop.box.transaction(theirs))["userTransactionReference"]
    body = {"amount": "2.50", "tag": "underpayment", "same_reference": same}
    entry = await shop.box.control("POST", f"/startbutton/{theirs}/difference", body, status=201)
    await shop.box.running.drain()
    assert entry["provider_reference"] != theirs
    assert (entry["reference"] == ours) is same
    event = json.loads(receiver.got[-1].body)
    transaction = event["data"]["transaction"]
    assert (event["event"], transaction["status"]) == ("collection.completed", "successful")
    assert (transaction["tag"], transaction["amount"]) == ("underpayment", 250)
    assert transaction["transactionReference"] == entry["provider_reference"]
    assert (await shop.box.transaction(ours))["transactionReference"] == theirs
    assert (await shop.refund(entry["provider_reference"], 250)).status_code == 200
    assert (await shop.book())["closing"] == "150"


@pytest.mark.parametrize("event", ["created", "declined", "processed"])
async def test_a_dispute_is_told(open_shop, receiver: Receiver, event: str) -> None:
    shop = await open_shop(receiver.url)
    theirs = await shop.charged()
    await shop.box.control("POST", f"/startbutton/{theirs}/dispute", {"event": event})
    await shop.box.running.drain()
    told = json.loads(receiver.got[-1].body)
    assert told["event"] == f"dispute.{event}"
    assert told["data"]["transaction"]["transactionReference"] == theirs
    made = hmac.new(SECRET.encode(), receiver.got[-1].body, hashlib.sha512).hexdigest()
    assert receiver.got[-1].headers["x-startbutton-signature"] == made


async def test_what_cannot_happen_beside_our_requests(shop: Shop) -> None:
    theirs, transfer = await shop.charged(), await shop.sent()
    for reference, action, body, status in (
        ("unknown", "difference", {"amount": "1"}, 404),
        (transfer, "difference", {"amount": "1"}, 404),
        (theirs, "difference", {"amount": "0"}, 400),
        (theirs, "difference", {"amount": "much"}, 400),
        (theirs, "difference", {}, 400),
        (theirs, "difference", {"amount": "1", "more": 1}, 400),
        (theirs, "dispute", {"event": "lost"}, 400),
        (theirs, "dispute", {}, 409),  # nobody to tell
    ):
        await shop.box.control("POST", f"/startbutton/{reference}/{action}", body, status=status)


async def test_payouts_outlive_a_restart(tmp_path: Path, clock: Clock) -> None:
    config = {
        "database": str(tmp_path / "sandbox.db"),
        "startbutton": {
            "transfer_s": 60,
            "accounts": [
                {"name": "shop", "public_key": PUBLIC, "secret_key": SECRET, "balance": {"GHS": "100"}}
            ],
        },
    }
    references = []
    for turn in range(2):
        async with (
            serve_sandbox(SandboxConfig.from_dict(config), now=clock) as running,
            httpx.AsyncClient(base_url=running.url, trust_env=False) as http,
        ):
            shop = Shop(Box(running, http, clock))
            assert await shop.wallet() == ((9000, 10_000) if turn else (10_000, 10_000))
            if turn == 0:
                references.append(await shop.sent())
                continue
            await shop.box.advance(60)
            assert (await shop.box.transaction(references[0]))["status"] == "successful"
            assert await shop.wallet() == (9000, 9000)
            assert (await shop.book())["closing"] == "90"
