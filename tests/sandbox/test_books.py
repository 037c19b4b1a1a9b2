"""The day's books: opening, in and out by kind, closing, for merchants and handsets; they add up exactly."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bot.sandbox import Running, SandboxConfig, serve_sandbox

from .conftest import PAYER, SECRET, Box, Clock
from .merchant import SOMEBODY, Merchant, open_merchant
from .test_momo_access import USER

OTHER = "233240000002"


async def approve(box: Box) -> None:
    await box.press("approve", pin="1234")


def moved(books: dict[str, Any]) -> dict[str, Any]:
    """What happened at MoMo, by product."""
    return {
        one["account"].partition("/")[2]: {name: one[name] for name in ("opening", "in", "out", "closing")}
        for one in books["accounts"]
        if one["account"].startswith("momo:") and (one["in"] or one["out"])
    }


async def test_a_day_of_every_kind_adds_up(box: Box) -> None:
    merchant = await open_merchant(box)
    await box.control("POST", "/handsets", {"msisdn": OTHER, "balance": {"EUR": "10"}}, status=201)
    payment = await merchant.pay(PAYER, amount="40")
    await approve(box)
    await merchant.pay(SOMEBODY, amount="5.5")
    await merchant.withdraw(PAYER, amount="10")
    await approve(box)
    await merchant.invoice(PAYER, amount="7")
    await box.control("POST", f"/handsets/{PAYER}/invoices/00000004", {"action": "pay", "pin": "1234"})
    await merchant.pre_approve()
    await approve(box)
    await merchant.transfer(OTHER, amount="3")
    await merchant.deposit(SOMEBODY, amount="2")
    await merchant.refund(payment, amount="15")
    await merchant.pay("46733123451")
    await box.charge()
    await box.control("POST", "/handsets", {"msisdn": OTHER, "balance": {"EUR": "9", "GHS": "4"}})
    books = await merchant.books()
    assert moved(books) == {
        "collection": {
            "opening": "1000",
            "in": {"invoice": "7", "request_to_pay": "45.5", "request_to_withdraw": "10"},
            "out": {},
            "closing": "1062.5",
        },
        "disbursement": {
            "opening": "1000",
            "in": {},
            "out": {"deposit": "2", "refund": "15", "transfer": "3"},
            "closing": "980",
        },
    }
    handsets = {(one["msisdn"], one["currency"]): one for one in books["handsets"]}
    assert handsets[PAYER, "EUR"] == {
        "msisdn": PAYER,
        "currency": "EUR",
        "opening": "100",
        "in": {"refund": "15"},
        "out": {"invoice": "7", "request_to_pay": "40", "request_to_withdraw": "10"},
        "closing": "58",
    }
    assert handsets[OTHER, "EUR"]["out"] == {"by_hand": "4"}
    assert handsets[OTHER, "EUR"]["closing"] == "9"
    assert handsets[OTHER, "GHS"] == {
        "msisdn": OTHER, "currency": "GHS", "opening": "4", "in": {}, "out": {}, "closing": "4",
    }  # fmt: skip


async def test_removed_and_reset_handsets_leave_balanced_books(box: Box) -> None:
    merchant = await open_merchant(box)
    await merchant.pay(PAYER)
    await approve(box)
    await box.control("DELETE", f"/handsets/{PAYER}")
    books = await merchant.books()
    gone = next(one for one in books["handsets"] if (one["msisdn"], one["currency"]) == (PAYER, "EUR"))
    assert (gone["out"], gone["closing"]) == ({"by_hand": "87.5", "request_to_pay": "12.5"}, "0")
    await box.control("POST", "/handsets", {"msisdn": PAYER, "balance": {"EUR": "3"}}, status=201)
    await merchant.transfer(PAYER)
    await merchant.books()
    await box.control("POST", "/reset", {})
    books = await merchant.books()
    assert moved(books) == {}
    assert all((one["in"], one["out"]) == ({}, {}) for one in books["handsets"])
    assert await merchant.balance() == "1000"


async def test_any_day_at_all_adds_up(box: Box) -> None:
    merchant = await open_merchant(box)
    chance = random.Random(7)
    payments: list[str] = []
    for _ in range(60):
        amount = str(Decimal(chance.randrange(1, 40_000)) / 100)
        number = chance.choice([PAYER, SOMEBODY, "46733123455"])
        move = chance.choice(["pay", "withdraw", "transfer", "deposit", "refund", "invoice"])
        if move == "refund":
            await merchant.refund(
                chance.choice(payments or ["46733123-0000-4000-8000-000000000006"]), amount=amount
            )
        else:
            reference = await getattr(merchant, move)(number, amount=amount)
            payments += [reference] if move == "pay" else []
        for prompt in await box.prompts():
            answer = chance.choice([{"action": "approve", "pin": "1234"}, {"action": "reject"}])
            await box.control("POST", f"/handsets/{PAYER}/prompts/{prompt['id']}", answer)
        if chance.random() < 0.2:
            await box.advance(30)
    books = await merchant.books()
    for one in (*books["accounts"], *books["handsets"], *books["outside"]):
        came, went = (sum(map(Decimal, one[way].values()), Decimal(0)) for way in ("in", "out"))
        assert Decimal(one["opening"]) + came - went == Decimal(one["closing"])
    held = await box.control("GET", f"/handsets/{PAYER}")
    (mine,) = [one for one in books["handsets"] if (one["msisdn"], one["currency"]) == (PAYER, "EUR")]
    assert Decimal(mine["closing"]) == Decimal(held["balances"]["EUR"])


def config(path: Path) -> SandboxConfig:
    user = {"api_user": USER, "api_key": "k", "wallet": "shop", "callback_host": "127.0.0.1"}
    handset = {"msisdn": PAYER, "name": "Ama", "balance": {"EUR": "100"}}
    return SandboxConfig.from_dict({"database": str(path), "momo": {"users": [user]}, "handsets": [handset]})


async def reopened(path: Path, clock: Clock) -> tuple[dict[str, Any], dict[str, Any]]:
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock)
        return await Merchant(box).books(), await box.control("GET", "/record")


async def test_books_and_agreements_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "judge.db"
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock)
        merchant = Merchant(box)
        for product in ("collection", "disbursement"):
            await box.login(USER, "k", product=product)
            merchant.headers[product] = box.headers
        payment = await merchant.pay(PAYER)
        await approve(box)
        await merchant.refund(payment, amount="5")
        await merchant.pre_approve()
        await approve(box)
        bill = await merchant.invoice()
        later = await merchant.transfer("46733123454")
        before = await merchant.books(), await box.control("GET", "/record")
    assert await reopened(path, clock) == before
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        merchant.box = box = Box(running, http, clock)
        again = await merchant.pay(PAYER, amount="1")  # the pre-approval still stands
        assert (await merchant.outcome(f"collection/v1_0/requesttopay/{again}"))[0] == "SUCCESSFUL"
        too_much = await merchant.refund(payment, amount="8")
        assert (await merchant.outcome(f"disbursement/v1_0/refund/{too_much}"))[1] == "NOT_ALLOWED"
        await box.control("POST", f"/handsets/{PAYER}/invoices/{bill}", {"pin": "1234"})
        await box.advance(25)
        assert (await box.record(later))["times_paid_out"] == 1
        assert await merchant.wallet() == "16.50"
        await merchant.books()


async def test_a_record_of_version_1_is_taken_over(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "judge.db"
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock)
        await box.login(USER, "k")
        paid, open_ = await box.accepted(amount="20"), await box.accepted(PAYER)
        await box.running.drain()
    _make_version_1(path)
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock, box.headers)
        merchant = Merchant(box)
        for product in ("collection", "disbursement"):
            await box.login(USER, "k", product=product)
            merchant.headers[product] = box.headers
        (account,) = [one for one in (await merchant.books())["accounts"] if one["account"] == "momo:shop"]
        assert (account["in"], account["closing"]) == ({"request_to_pay": "20"}, "1020")
        await approve(box)
        assert (await merchant.outcome(f"collection/v1_0/requesttopay/{open_}"))[0] == "SUCCESSFUL"
        back = await merchant.refund(paid, amount="20")
        assert (await merchant.outcome(f"disbursement/v1_0/refund/{back}"))[0] == "SUCCESSFUL"
        before = await merchant.books(), await box.control("GET", "/record")
    assert await reopened(path, clock) == before


def _make_version_1(path: Path) -> None:
    """What the earlier version would have left: no books, entries and prompts without the newer fields."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 1")
        db.execute("DELETE FROM documents WHERE kind = 'book' OR key = 'books'")
        for key, doc in db.execute("SELECT key, doc FROM documents WHERE kind = 'user'").fetchall():
            user = msgspec.json.decode(doc)
            del user["wallet"]
            changed = msgspec.json.encode(user).decode()
            db.execute("UPDATE documents SET doc = ? WHERE kind = 'user' AND key = ?", (changed, key))
        for seq, doc in db.execute("SELECT seq, doc FROM entries").fetchall():
            entry = msgspec.json.decode(doc)
            for name in ("direction", "times_paid_out", "refunded"):
                del entry[name]
            if entry["prompt"] is not None:
                del entry["prompt"]["kind"]
            entry["detail"]["purse"] = entry["detail"].pop("user")
            for name in ("merchant", "platform", "about", "terms"):
                del entry["detail"][name]
            db.execute("UPDATE entries SET doc = ? WHERE seq = ?", (msgspec.json.encode(entry).decode(), seq))
    db.close()


async def test_the_startbutton_account_is_in_the_books_too(box: Box) -> None:
    await box.faults(next_step="PIN")
    await box.charge("0241234567")
    await box.advance(10)
    books = await Merchant(box).books()
    (shop,) = [
        one for one in books["accounts"] if (one["account"], one["currency"]) == ("startbutton:shop", "GHS")
    ]
    assert (shop["in"], shop["closing"]) == ({"charge": "125"}, "125")
    wallets = (await box.ask("/wallet", key=SECRET)).json()["data"]
    assert wallets[0]["ledgerBalance"] == 12500


CHILD = """
import asyncio, sys
from bot.sandbox import serve_sandbox
from tests.sandbox.test_books import config
from pathlib import Path

async def main():
    async with serve_sandbox(config(Path(sys.argv[1]))) as running:
        print(running.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_was_paid_out_survives_kill_9(tmp_path: Path) -> None:
    path, root = tmp_path / "judge.db", Path(__file__).parents[2]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert child.stdout is not None
    url = ""
    while not url.startswith("http://"):
        url = (await child.stdout.readline()).decode().strip()
    async with httpx.AsyncClient(base_url=url) as http:
        box = Box(Running(url, None), http, Clock())  # type: ignore[arg-type]
        merchant = Merchant(box)
        for product in ("collection", "disbursement"):
            await box.login(USER, "k", product=product)
            merchant.headers[product] = box.headers
        references = await asyncio.gather(*(merchant.transfer(PAYER, amount="1") for _ in range(20)))
        bill = await merchant.invoice()
        child.send_signal(signal.SIGKILL)
    await child.communicate()
    async with serve_sandbox(config(path)) as running, httpx.AsyncClient(base_url=running.url) as http:
        merchant.box = box = Box(running, http, Clock())
        await running.drain()
        for reference in references:
            assert (await box.record(reference))["times_paid_out"] == 1
        assert await merchant.wallet() == "120.00"
        await box.control("POST", f"/handsets/{PAYER}/invoices/{bill}", {"pin": "1234"})
        assert await merchant.wallet() == "45.00"
        await merchant.books()
