"""What `run` has from the start: people in every role, both wallets, limits and a bill."""

import json
import sqlite3
from pathlib import Path

import pytest
from aiohttp import web
from argon2 import PasswordHasher

from bot.admin.check import warnings_of
from bot.admin.registry import COMMANDS
from bot.app.demo import MERCHANTS, STAFF, Embedded, run_embedded
from bot.money import Money, OrderKind
from bot.providers import check_account
from tests.end_to_end.log_keeping import forbid


async def test_run_has_whom_and_what_every_operation_needs(live: Embedded) -> None:
    desk = live.kasapay.admin
    rows = {row["code"]: row for row in await COMMANDS["merchants.list"](desk, {})}
    assert set(rows) == {merchant.code for merchant in MERCHANTS}
    assert rows["1001"]["approve_over"] == "GHS 500.00"
    # Rows of one millisecond come in any order.
    assert sorted(rows["1001"]["staff"]) == ["Ama (owner)", "Esi (cashier)", "Yaw (accountant)"]
    assert rows["1002"]["staff"] == ["Kofi (owner)"]
    for person in STAFF:
        (row,) = await desk.store.staff_of("msisdn", person.msisdn)
        assert PasswordHasher().verify(row.pin_hash, person.pin)
    assert [check_account(account) for account in desk.accounts] == [[], [], []]
    momo, startbutton = desk.accounts.kinds("momo-ghana"), desk.accounts.kinds("startbutton-ghs")
    assert momo == frozenset(OrderKind), "MoMo can do all of it"
    assert {OrderKind.COLLECTION, OrderKind.REFUND, OrderKind.TRANSFER} <= startbutton
    assert desk.accounts.account("momo-ghana").bills == {"ECG": "ecg.sandbox"}
    assert warnings_of(live.kasapay.settings) == []


async def test_the_wallet_that_pays_out_is_another(live: Embedded) -> None:
    calls = live.kasapay.admin.calls
    assert await calls.balance("momo-ghana", 5) == (Money(1000_00, "GHS"),)
    assert await calls.payout_balance("momo-ghana", 5) == (Money(2000_00, "GHS"),)


async def test_whoever_finds_the_page_finds_the_merchants_and_dial_finds_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is there before the first port of ours is opened."""
    listen, ready = web.TCPSite.start, []

    async def look_then_listen(site: web.TCPSite) -> None:
        if (tmp_path / "kasapay.db").is_file():  # the sandbox listens before there is one
            with sqlite3.connect(tmp_path / "kasapay.db") as database:
                (merchants,) = database.execute("SELECT count(*) FROM merchants").fetchone()
            ready.append((merchants, json.loads((tmp_path / "run.json").read_text())["url"]))
            database.close()
        await listen(site)

    monkeypatch.setattr(web.TCPSite, "start", look_then_listen)
    async with run_embedded(tmp_path) as embedded:
        forbid(embedded.ussd_path.rsplit("/", 1)[-1])
        assert ready == [(len(MERCHANTS), embedded.url)]


async def test_what_was_changed_stays_changed(tmp_path: Path) -> None:
    async with run_embedded(tmp_path) as embedded:
        forbid(embedded.ussd_path.rsplit("/", 1)[-1])
        desk = embedded.kasapay.admin
        await COMMANDS["merchants.limit"](desk, {"code": "1001", "approve_over": "none"})
        await COMMANDS["staff.remove"](desk, {"code": "1001", "name": "Esi"})
    async with run_embedded(tmp_path) as embedded:
        rows = await COMMANDS["merchants.list"](embedded.kasapay.admin, {})
    (ama,) = (row for row in rows if row["code"] == "1001")
    assert ama["approve_over"] == ""
    assert sorted(ama["staff"]) == ["Ama (owner)", "Yaw (accountant)"]
