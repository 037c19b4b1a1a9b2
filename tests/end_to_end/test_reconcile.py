"""`kasapay reconcile` against real processes: what is planted is told, what is true is not."""

import asyncio
import csv
import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from tests.end_to_end.gateways import Phone
from tests.end_to_end.processes import Deployment, Ended, Judge, Process, free_port, until

PUBLIC, PRIVATE = "pk_e2e_reconcile", "sk_e2e_reconcile"
REFUSES = "+233247000099"
STARTBUTTON_TOML = f"""
[accounts.startbutton-ghs]
provider = "startbutton"
base_url = "{{sandbox}}"
currency = "GHS"
email = "payments@example.com"
public_key = "{PUBLIC}"
secret_key = "{PRIVATE}"
networks = ["MTN"]
"""
Row = dict[str, str]
Found = list[tuple[str, str]]


def noon_zone() -> str:
    """A zone where it is about noon: midnight is never near, whenever the tests run."""
    behind = datetime.now(UTC).hour - 12
    return f"Etc/GMT{behind:+d}" if behind else "UTC"  # POSIX counts these westwards


ZONE = ("--timezone", noon_zone())


class Shop:
    """A deployment with both providers, with payments that really went through them."""

    def __init__(self, deployment: Deployment, http: httpx.AsyncClient, line: aiohttp.ClientSession) -> None:
        self.deployment, self._http, self._line = deployment, http, line
        self.judge = Judge(http, "")
        self.served: Process | None = None

    async def open(self) -> None:
        deployment = self.deployment
        deployment.port = free_port()
        account = {
            "name": "shop",
            "public_key": PUBLIC,
            "secret_key": PRIVATE,
            "webhook_url": f"{deployment.url}/callbacks/startbutton/startbutton-ghs",
        }
        await deployment.start_judge(
            handsets=[{"msisdn": REFUSES, "balance": {"GHS": "50"}}],
            startbutton={"accounts": [account], "successful_s": 1},
            faults={"next_step": "PIN"},
        )
        deployment.configure()
        config = Path(deployment.env["KASAPAY_CONFIG"])
        more = STARTBUTTON_TOML.format(sandbox=deployment.sandbox_url)
        config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
        self.judge = Judge(self._http, deployment.sandbox_url)
        assert (await deployment.run("migrate")).code == 0
        for code, account_id in (("1001", "momo-ghana"), ("1002", "startbutton-ghs")):
            added = await deployment.run("merchants", "add", code, f"Shop {code}", "--account", account_id)
            assert added.code == 0, added.err
        self.served = deployment.serve()
        await deployment.answers(self.served)

    async def pay(self, merchant: str, *numbers: str) -> None:
        """A payment of each number, told about by SMS."""

        async def one(number: str) -> None:
            phone = Phone(self._line, self.deployment.ussd_url, number)
            for typed in (None, "1", merchant, "12.50", "1"):
                await phone.say(typed)
            await self.judge.told(number, "Paid")

        await asyncio.gather(*map(one, numbers))

    async def refuse(self, merchant: str) -> None:
        phone = Phone(self._line, self.deployment.ussd_url, REFUSES)
        for typed in (None, "1", merchant, "12.50", "1"):
            await phone.say(typed)
        await self.judge.decide(REFUSES, "reject")
        await self.judge.told(REFUSES, "GHS 12.50")

    async def run(self, account: str, *options: str, tolerance: str = "0") -> Ended:
        words = ("reconcile", "--account", account, *ZONE, "--tolerance", tolerance, *options)
        ended = await self.deployment.run(*words)
        assert "Traceback" not in ended.out + ended.err
        return ended

    async def found(self, account: str, *options: str) -> tuple[int, Found, list[str]]:
        """Exit status, what differs (order or reference, kind), and what was not compared."""
        ended = await self.run(account, "--json", *options)
        assert ended.out, ended.err
        (report,) = json.loads(ended.out)["accounts"]
        differs = sorted((one["code"] or one["reference"], one["kind"]) for one in report["findings"])
        return ended.code, differs, sorted(one["kind"] for one in report["not_compared"])

    async def rows(self, provider: str) -> list[Row]:
        """The judge's own record as a true statement, the oldest first."""
        words = {"SUCCESSFUL": "Successful", "successful": "Successful", "verified": "Successful"}
        return [
            {
                "Date": entry["created_at"],
                "Transaction Id": entry["provider_reference"],
                # Startbutton's export has no order code; MoMo's has it as the external id.
                "Reference": entry["reference"] if provider == "startbutton" else "",
                "External Id": entry["external_id"] or "",
                "Amount": f"{float(entry['amount']):.2f}",
                "Currency": entry["currency"],
                "Status": words.get(entry["status"], "Failed"),
            }
            for entry in await self.judge.entries(provider=provider)
        ]

    def write(self, rows: list[Row], name: str = "statement.csv", delimiter: str = ",") -> tuple[str, str]:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        (self.deployment.folder / name).write_text(out.getvalue(), encoding="utf-8-sig")
        return ("--statement", name)

    async def codes(self, provider: str) -> dict[str, str]:
        """Order code by the reference the judge knows."""
        entries = await self.judge.entries(provider=provider)
        if provider == "momo":
            return {entry["reference"]: entry["external_id"] for entry in entries}
        shown = [await self.deployment.run("orders", "show", entry["reference"]) for entry in entries]
        return {
            entry["reference"]: told.out.split("code", 1)[1].split()[0]
            for entry, told in zip(entries, shown, strict=True)
        }


@pytest.fixture
async def shop(deployment: Deployment, http: httpx.AsyncClient, line: aiohttp.ClientSession) -> Shop:
    made = Shop(deployment, http, line)
    await made.open()
    return made


def later(row: Row, days: int) -> Row:
    return row | {"Date": (datetime.fromisoformat(row["Date"]) + timedelta(days=days)).isoformat()}


# What is done to a true line, and what is to be told of it.
DOCTORED: dict[str, Callable[[Row], list[Row]]] = {
    "missing": lambda row: [],
    "wrong_amount": lambda row: [row | {"Amount": "125.00"}],
    "wrong_currency": lambda row: [row | {"Currency": "KES"}],
    "double": lambda row: [row, row],
    "wrong_state": lambda row: [row | {"Status": "Pending"}],
    "wrong_day": lambda row: [later(row, -1)],
}


async def check_statement(shop: Shop, account: str, provider: str, failed: str) -> None:
    """All that can be wrong with a statement, all at once; before that, nothing."""
    true = await shop.rows(provider)
    codes = await shop.codes(provider)
    for delimiter in (",", ";"):
        assert await shop.found(account, *shop.write(true, delimiter=delimiter)) == (0, [], [])
    references = [entry["reference"] for entry in await shop.judge.entries(provider=provider)]
    expected: Found = []
    doctored: list[Row] = []
    plants = iter(DOCTORED.items())
    for row, reference in zip(true, references, strict=True):
        if row["Status"] == "Failed":
            assert reference == failed
            doctored.append(row | {"Status": "Successful"})
            expected.append((codes[reference], "extra"))
            continue
        kind, change = next(plants)
        doctored += change(row)
        expected.append((codes[reference], kind))
    assert next(plants, None) is None, "more to plant than was paid"
    stranger = "ZZ-UNKNOWN-1"
    doctored.append(true[0] | {"External Id": "", "Reference": stranger, "Transaction Id": ""})
    expected.append((stranger, "extra"))
    gone = "ZZ-UNKNOWN-2"
    doctored.append(doctored[-1] | {"Reference": gone, "Amount": "-500.00"})
    expected.append((gone, "extra"))
    told = await shop.found(account, *shop.write(doctored, "doctored.csv"))
    assert told == (1, sorted(expected), [])


async def test_momo(shop: Shop) -> None:
    numbers = [f"+23355120000{n}" for n in range(6)]
    await shop.pay("1001", *numbers)
    await shop.refuse("1001")
    account, served = "momo-ghana", shop.served
    assert served is not None
    assert await shop.found(account) == (0, [], [])
    (failed,) = await shop.judge.entries(status="FAILED")
    await check_statement(shop, account, "momo", failed["reference"])

    # What the provider says of an order, bent for one question at a time.
    async def bent(times: int | None = 1, **fault: Any) -> list[str]:
        rule = {"group": "momo.status", "set": fault, "times": times}
        await shop.judge.faults(rules=[rule])
        code, differs, apart = await shop.found(account)
        await shop.judge.faults(rules=[])
        assert (code, apart) == (1, [])
        return [kind for _, kind in differs]

    assert await bent(echo_amount="125") == ["wrong_amount"]
    assert await bent(echo_currency="KES") == ["wrong_currency"]
    assert await bent(status_not_found_first=10**6, times=None) == ["missing"] * 6
    assert await bent(status_word="SUCCESSFUL", reason_shape="absent", times=None) == ["extra"]
    assert await bent(status_word="FAILED", times=None) == ["wrong_state"] * 6

    # The same without a running process, as a table for a person.
    statement = shop.write((await shop.rows("momo"))[1:])
    by_owner = await shop.run(account, *statement)
    assert await served.stop() == 0
    alone = await shop.run(account, *statement)
    assert (alone.code, alone.out) == (by_owner.code, by_owner.out)
    assert alone.code == 1
    assert "Differs: 1." in alone.out
    assert "kasapay orders show" in alone.out
    assert "+233***" in alone.out
    assert not [number for number in numbers if number.removeprefix("+") in alone.out]


async def test_startbutton(shop: Shop, http: httpx.AsyncClient) -> None:
    await shop.pay("1002", *(f"+23355130000{n}" for n in range(6)))
    await shop.refuse("1002")
    account = "startbutton-ghs"

    async def settled() -> bool | None:
        entries = await shop.judge.entries(provider="startbutton")
        return True if sum(entry["status"] == "successful" for entry in entries) == 6 else None

    await until("the settlement of all charges", settled)
    assert await shop.found(account) == (0, [], [])
    (failed,) = await shop.judge.entries(status="declined")
    await check_statement(shop, account, "startbutton", failed["reference"])

    await shop.judge.faults(echo_amount="12500")
    code, differs, apart = await shop.found(account)
    assert (code, [kind for _, kind in differs], apart) == (1, ["wrong_amount"] * 6, [])
    await shop.judge.faults(echo_amount="", status_word="reversed")
    code, differs, apart = await shop.found(account)
    assert (code, {kind for _, kind in differs}, len(differs)) == (1, {"wrong_state"}, 7)
    await shop.judge.faults(status_word="")

    # Charges that never went through us stand in the provider's list.
    strangers = [uuid.uuid4().hex for _ in range(2)]
    for reference in strangers:
        body = {
            "provider": "MTN",
            "phone": "0551400000",
            "email": "elsewhere@example.com",
            "amount": 700,
            "currency": "GHS",
            "reference": reference,
        }
        charged = await http.post(
            f"{shop.judge.url}/transaction/initialize/s2s/mobile_money",
            json=body,
            headers={"Authorization": f"Bearer {PUBLIC}"},
        )
        assert charged.status_code == 200, charged.text
    assert await shop.found(account) == (1, sorted((r, "extra") for r in strangers), [])
    told = await shop.run(account)
    assert "ask the provider about" in told.out
    assert "GHS 7.00" in told.out

    # A list that cannot be had hides nothing of what can.
    await shop.judge.faults(rules=[{"group": "startbutton.list", "set": {"error_status": 503}}])
    unread = await shop.run(account)
    assert unread.code == 3
    assert "list could not be read to its end" in unread.out
    assert "Nothing differs, but not all could be compared." in unread.out


async def test_what_cannot_be_compared_is_no_fault(shop: Shop, line: aiohttp.ClientSession) -> None:
    await shop.pay("1001", "+233551500001")
    phone = Phone(line, shop.deployment.ussd_url, REFUSES)
    for typed in (None, "1", "1001", "12.50", "1"):
        await phone.say(typed)
    await shop.judge.one(msisdn=REFUSES.removeprefix("+"))
    assert await shop.found("momo-ghana") == (3, [], ["open"])
    statement = shop.write([row for row in await shop.rows("momo") if row["Status"] == "Successful"])
    assert await shop.found("momo-ghana", *statement) == (3, [], ["open"])
    # Paid just now, and not on a statement that was taken before.
    (shop.deployment.folder / "early.csv").write_text("Reference,Amount\n", encoding="utf-8")
    early = await shop.run("momo-ghana", "--json", "--statement", "early.csv", tolerance="60")
    (report,) = json.loads(early.out)["accounts"]
    assert (early.code, report["findings"]) == (3, [])
    assert sorted(one["kind"] for one in report["not_compared"]) == ["edge", "open"]
    # Nothing was settled in those days: nothing to say.
    assert await shop.found("momo-ghana", "--from", "2024-01-01", "--to", "2024-01-31") == (0, [], [])
    assert shop.deployment.judge is not None
    shop.deployment.judge.kill()
    code, differs, apart = await shop.found("momo-ghana")
    assert (code, differs) == (3, [])
    assert sorted(apart) == ["no_answer", "no_answer", "open"]


async def test_what_cannot_be_used_is_said_with_its_line(shop: Shop) -> None:
    folder = shop.deployment.folder

    def file(name: str, content: bytes) -> tuple[str, str]:
        (folder / name).write_bytes(content)
        return ("--statement", name)

    bad: dict[str, tuple[tuple[str, ...], str]] = {
        "gone": (("--statement", "nowhere.csv"), "nowhere.csv cannot be read: No such file"),
        "binary": (file("x.xlsx", b"PK\x03\x04\x14\x00\x06\x00\x9c\xff"), "not UTF-8"),
        "header": (file("h.csv", b"Name,Sum\nx,1\n"), "its columns are #1 'Name', #2 'Sum'."),
        "amount": (file("a.csv", b"Reference,Amount\na,1.00\nb,1,000\n"), "Line 3: it has 3 columns"),
        "status": (
            file("s.csv", b"Reference,Amount,Status\na,1,Cleared\n"),
            "as in --status Cleared=successful",
        ),
        "days": (
            file("o.csv", b"Reference,Amount,Date\na,1,2024-01-02\n"),
            "say --from 2024-01-02 --to 2024-01-02",
        ),
        "column": (("--column", "colour=red"), "--column 'colour=red' is not one of"),
        "from": (("--from", "soon"), "--from 'soon' is not a date"),
        "zone": (("--timezone", "Africa/Nowhere"), "There is no time zone 'Africa/Nowhere'"),
    }
    ended = await asyncio.gather(*(shop.run("momo-ghana", *options) for options, _ in bad.values()))
    for (name, (_, words)), told in zip(bad.items(), ended, strict=True):
        assert (name, told.code, told.out) == (name, 2, ""), told.err
        assert words in told.err, told.err
        assert all(sentence.startswith("kasapay: ") for sentence in told.err.strip().split("\n"))
    deployment = shop.deployment
    unknown, whose, unset, option = await asyncio.gather(
        shop.run("momo-uganda"),
        deployment.run("reconcile", "--statement", "a.csv"),
        deployment.run("reconcile", SECRET_KEY="short"),
        deployment.run("reconcile", "--nonsense"),
    )
    assert {told.code for told in (unknown, whose, unset, option)} == {2}
    assert "Known: momo-ghana, startbutton-ghs." in unknown.err
    assert "Say whose statement it is" in whose.err
    both = await deployment.run("reconcile", "--json")
    assert both.code == 0, both.err
    assert [report["account"] for report in json.loads(both.out)["accounts"]] == [
        "momo-ghana",
        "startbutton-ghs",
    ]
