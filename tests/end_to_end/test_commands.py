"""The command line as operators meet it: what it refuses, what it says, and how it ends."""

import asyncio
import json
import re
import shlex
import signal
import socket
import stat
import time
from pathlib import Path

import aiohttp
import httpx
import pytest

from bot.channels.ussd import GATEWAYS
from bot.money import AgreementKind, AgreementState, OrderKind
from bot.store import sqlite_store
from bot.store.base import KeepAgreement, KeepApproval, MoveAgreement, SavePerson
from bot.store.records import AgreementRow, ApprovalRow, ApprovalState, OrderRequest, PersonRow
from tests.end_to_end.gateways import Phone
from tests.end_to_end.log_keeping import copy_log, forbid
from tests.end_to_end.processes import (
    API_KEY,
    ROOT,
    SECRET_KEY,
    SUBSCRIPTION_KEY,
    USSD_SECRET,
    Deployment,
    Judge,
    Process,
    command,
    free_port,
)

NUMBER = "+233247000001"


def refused(said: str, *, by: str = "kasapay: ") -> list[str]:
    """The sentences of a refusal: nothing but sentences."""
    lines = said.strip().split("\n")
    assert all(line.startswith(by) for line in lines), said
    return [line.removeprefix(by) for line in lines]


async def test_serve_says_why_it_does_not_start(deployment: Deployment) -> None:
    deployment.sandbox_url = "http://127.0.0.1:9"
    deployment.configure()
    old, keyless, short, misspelt, elsewhere, worker = await asyncio.gather(
        deployment.run("serve"),
        deployment.run("serve", SECRET_KEY=""),
        deployment.run("serve", SECRET_KEY="short", PUBLIC_URL="ftp://x", USSD_SECRET="few", PORT="99999"),
        deployment.run("serve", USSD_GATEWAYS="hubtle", USSD_ALLOW_HUBTLE="192.0.2.1"),
        deployment.run("serve", DATABASE_URL="postgresql://nobody@127.0.0.1/x"),
        deployment.run("worker", SECRET_KEY=""),
    )
    assert {ended.code for ended in (old, keyless, short, misspelt, elsewhere, worker)} == {1}
    assert any("kasapay migrate" in line for line in refused(old.err)), old.err
    assert refused(keyless.err) == ["SECRET_KEY is not set; make one with: openssl rand -hex 32"]
    assert any(line.startswith("PORT: ") for line in refused(short.err))
    assert refused(misspelt.err) == [
        "USSD_GATEWAYS: there is no gateway hubtle; did you mean hubtel?",
        "There is no setting USSD_ALLOW_HUBTLE; did you mean USSD_ALLOW_HUBTEL?",
    ]
    assert any("SQLite" in line for line in refused(elsewhere.err))
    assert refused(worker.err) == refused(keyless.err)
    assert not deployment.database.exists(), "a refusal makes no file"


async def test_all_wrong_settings_are_told_at_once(deployment: Deployment) -> None:
    deployment.sandbox_url = "http://127.0.0.1:9"
    deployment.configure()
    wrong = await deployment.run(
        "check",
        SECRET_KEY="short",
        PUBLIC_URL="ftp://x",
        USSD_SECRET="few",
        USSD_ALLOW_HUBTEL="nonsense",
        TRUSTED_PROXIES="300.1.1.1",
        TELEGRAM_TOKEN="5:fake_token_of_the_tests",
        TELEGRAM_MODE="webhook",
        GHANA_KEY="",
    )
    assert wrong.code == 1
    told = "\n".join(refused(wrong.err))
    for word in (
        "SECRET_KEY needs",
        "PUBLIC_URL must",
        "USSD_SECRET_AFRICASTALKING",
        "USSD_SECRET_HUBTEL",
        "USSD_ALLOW_HUBTEL",
        "TRUSTED_PROXIES",
        "TELEGRAM_WEBHOOK_SECRET",
        "GHANA_KEY, which is not set",
    ):
        assert word in told, told
    assert "fake_token" not in wrong.err
    assert "few" not in told.split()


async def test_check_tries_what_can_be_tried(deployment: Deployment) -> None:
    await deployment.start_judge()
    deployment.configure()
    none_yet = await deployment.run("check")
    assert none_yet.code == 1
    assert [line for line in refused(none_yet.err) if "does not exist yet: run `kasapay migrate`" in line]
    assert (await deployment.run("migrate")).code == 0
    paying_out = {
        "MOMO_BASE_URL": deployment.sandbox_url,
        "MOMO_TARGET_ENVIRONMENT": "mtnghana",
        "MOMO_CURRENCY": "GHS",
        "MOMO_DISBURSEMENT_SUBSCRIPTION_KEY": SUBSCRIPTION_KEY,
        "MOMO_DISBURSEMENT_API_USER": "somebody",
        "MOMO_DISBURSEMENT_API_KEY": API_KEY,
    }
    limits = "number_day=1000 total_day=20000"
    fine, undecided, unlimited, limited, refused_key, silent, empty = await asyncio.gather(
        deployment.run("check"),
        deployment.run("check", **paying_out),
        deployment.run("check", **paying_out, PAYOUT_LIMITS="none"),
        deployment.run("check", **paying_out, PAYOUT_LIMITS=limits),
        deployment.run("check", GHANA_API_KEY="wrong0api0key0000000000000000000"),
        deployment.run(
            "check", TELEGRAM_TOKEN="5:fake_token_of_the_tests", TELEGRAM_API_URL="http://127.0.0.1:9"
        ),
        command("check", folder=deployment.folder, env={"DATABASE_URL": f"sqlite:///{deployment.database}"}),
    )
    assert fine.code == 0
    *doors, verdict = fine.out.splitlines()
    assert verdict == "No problem found."
    assert [door.split(":")[0] for door in doors] == [f"Gateway {name}" for name in GATEWAYS]
    assert USSD_SECRET not in fine.out
    (unasked,) = refused(fine.err)
    assert unasked.startswith(
        "Warning: Account momo-ghana: nobody has said what an invoice's SUCCESSFUL means"
    )
    no_limits = "kasapay: Account momo can pay out without limit: set PAYOUT_LIMITS, such as"
    assert [no_limits in ended.err for ended in (undecided, unlimited, limited)] == [True, False, False]
    on_purpose = "kasapay: Warning: Account momo pays out without limit, as PAYOUT_LIMITS=none says."
    assert [on_purpose in ended.err for ended in (undecided, unlimited, limited)] == [False, True, False]
    assert "Account momo: the provider did not take our keys" in limited.err, "it is tried as well"
    assert [line for line in refused(refused_key.err) if line.startswith("Account momo-ghana: ")]
    assert [line for line in refused(silent.err) if line.startswith("Telegram did not")]
    assert len(refused(empty.err)) >= 3
    for ended in (refused_key, silent, empty):
        assert ended.code == 1
        assert "fake_token" not in ended.err
        assert "wrong0api0key" not in ended.err


async def test_migrate_may_be_repeated(deployment: Deployment) -> None:
    deployment.sandbox_url = "http://127.0.0.1:9"
    deployment.configure()
    first = await deployment.run("migrate")
    second = await deployment.run("migrate")
    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert re.fullmatch(r"The database has schema \w+\.\n", first.out)
    assert stat.S_IMODE(deployment.database.stat().st_mode) & 0o077 == 0, "numbers are in there"


async def test_merchants_with_and_without_a_running_process(deployment: Deployment) -> None:
    """The same commands, done by the process that owns the database or where none runs."""
    await deployment.start_judge()
    deployment.configure()
    await deployment.run("migrate")
    add = ("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    alone = await deployment.run(*add)
    assert (alone.code, alone.out) == (0, "Added Ama's Kitchen: code 1001, GHS.\n"), alone.err
    serve = deployment.serve()
    await deployment.answers(serve)
    socket_file = deployment.database.with_name("kasapay.db.sock")
    await serve.says('"serving"')
    assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
    changed, second, staff, wrong = await asyncio.gather(
        deployment.run(*add[:3], "Ama's Place", *add[4:]),
        deployment.run("merchants", "add", "1002", "Kofi Books", "--account", "momo-ghana", "--max", "500"),
        deployment.run("merchants", "staff-add", "1001", "Ama"),
        deployment.run("merchants", "add", "1003", "X", "--account", "nowhere"),
    )
    assert changed.out == "Changed Ama's Place: code 1001, GHS.\n"
    assert second.out == "Added Kofi Books: code 1002, GHS.\n"
    code = re.search(r"Code for Ama: (\d{8}) \(once", staff.out)
    assert code, staff.out + staff.err
    forbid(code[1])
    assert refused(wrong.err) == ["There is no account 'nowhere'. Known: momo-ghana."]
    unlocked, nobody = await asyncio.gather(
        deployment.run("merchants", "staff-unlock", "1001", "Ama"),
        deployment.run("merchants", "staff-unlock", "1001", "Kofi"),
    )
    assert unlocked.out == "Ama of Ama's Place may try again.\n"
    assert refused(nobody.err) == ["Ama's Place has no staff named 'Kofi'."]
    assert await serve.stop() == 0
    assert not socket_file.exists()
    closed = await deployment.run("merchants", "close", "1002")
    assert closed.out == "Merchant 1002 is closed.\n"
    listed = await deployment.run("merchants", "list")
    for word in ("Ama's Place", "Kofi Books", "GHS 500.00", "closed", "not enrolled yet"):
        assert word in listed.out


async def test_a_second_person_and_whom_a_role_is_taken_from(deployment: Deployment) -> None:
    await deployment.start_judge()
    deployment.configure()
    run = deployment.run
    await run("migrate")
    add = ("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    assert (await run(*add, "--approve-over", "300")).code == 0
    for name, role in (("Ama", "owner"), ("Esi", "cashier"), ("Esi", "accountant")):
        await run("merchants", "staff-add", "1001", name, "--role", role)

    async def listed() -> str:
        return (await run("merchants", "list")).out

    assert "GHS 300.00" in await listed()
    await run(*add)
    assert "GHS 300.00" in await listed(), "changing something else leaves it"
    alone = await run("merchants", "limit", "1001", "--approve-over", "250")
    asker = " and above GHS 1,250.00 of one asker within a day.\n"
    assert alone.out == "Ama's Kitchen (1001) needs a second person above GHS 250.00 to one number" + asker, (
        alone.err
    )
    serve = deployment.serve()
    await deployment.answers(serve)
    every = await run("merchants", "limit", "1001", "--approve-over", "0")
    asker = " and above GHS 0.00 of one asker within a day.\n"
    assert every.out == "Ama's Kitchen (1001) needs a second person above GHS 0.00 to one number" + asker, (
        every.err
    )
    of_one = await run("merchants", "limit", "1001", "--approve-asker-over", "400")
    assert of_one.out.endswith(
        "above GHS 0.00 to one number and above GHS 400.00 of one asker within a day.\n"
    )
    assert "GHS 400.00" in await listed()
    await run("merchants", "limit", "1001", "--approve-asker-over", "none")
    none = await run("merchants", "limit", "1001", "--approve-over", "none")
    assert none.out == "Ama's Kitchen (1001) needs a second person for nothing.\n", none.err
    unreadable, nobody, said_nothing = await asyncio.gather(
        run("merchants", "limit", "1001", "--approve-over", "1.000"),
        run("merchants", "limit", "9999", "--approve-over", "5"),
        run("merchants", "limit", "1001"),
    )
    assert refused(unreadable.err) == [
        "The limit is an amount in GHS, 0 or none; this cannot be read: ambiguous."
    ]
    assert refused(nobody.err) == ["No merchant has the code '9999'."]
    assert refused(said_nothing.err) == ["Say --approve-over, --approve-asker-over or both."]
    assert "GHS" in (table := await listed())
    assert "250.00" not in table

    removed = await run("merchants", "staff-remove", "1001", "Esi")
    assert removed.out == "Esi is no longer cashier and accountant of Ama's Kitchen.\n", removed.err
    assert await serve.stop() == 0
    again = await run("merchants", "staff-remove", "1001", "Esi")
    table = await listed()
    assert refused(again.err) == ["Ama's Kitchen has no staff named 'Esi'."]
    assert "Esi" not in table
    assert "Ama (owner" in table


async def test_payouts_are_switched_with_and_without_a_running_process(deployment: Deployment) -> None:
    await deployment.start_judge()
    deployment.configure()
    run = deployment.run
    await run("migrate")
    off = ("payouts", "off", "--by", "Efua", "--reason", "a stolen phone")
    never = await run("payouts", "status")
    assert never.out == "Payouts are on; nobody ever switched them.\n", never.err
    assert (await run("payouts", "on", "--by", "Efua")).out == never.out.replace(" on;", " on already;")
    serve = deployment.serve()
    await deployment.answers(serve)
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\)"
    switched = await run(*off)
    assert re.fullmatch(rf"Payouts are off since {moment}, by Efua: a stolen phone\n", switched.out)
    status = await run("payouts", "status")
    assert status.out == switched.out
    twice = await run("payouts", "off", "--by", "Kofi", "--reason", "another reason")
    assert twice.out == switched.out.replace(" off since", " off already since")
    nobody, no_reason, nothing = await asyncio.gather(
        run("payouts", "off", "--by", " ", "--reason", "a reason"),
        run("payouts", "off", "--by", "Efua", "--reason", "x"),
        run("payouts", "off"),
    )
    for ended in (nobody, no_reason):
        assert refused(ended.err)[0].startswith("Say who you are (--by) and why payouts stop")
    assert (nobody.code, no_reason.code, nothing.code) == (1, 1, 2)
    assert await serve.stop() == 0
    assert "payouts switched" in serve.said
    assert (await run("payouts", "status")).out == switched.out, "it outlives the process"
    on = await run("payouts", "on", "--by", "Kofi")
    assert re.fullmatch(rf"Payouts are on since {moment}, by Kofi\.\n", on.out), on.err


async def _standing(deployment: Deployment) -> None:
    """An auto-debit, an invoice that was paid, and a payout that waits, of merchant 1001; none of 1002."""
    now = time.time_ns() // 1_000_000
    store = sqlite_store(str(deployment.database), clock=lambda: now)
    await store.open()
    merchant = await store.merchant_by_code("1001")
    assert merchant is not None
    ama, *_ = await store.staff_of_merchant(merchant.id)

    def agreement(name: str, kind: AgreementKind) -> AgreementRow:
        return AgreementRow(
            id=name, kind=kind, state=AgreementState.REQUESTED, account_id=merchant.account_id,
            merchant_id=merchant.id, person_id="p", payer=NUMBER, amount_minor=25_000, currency="GHS",
            reference=f"r-{name}", code=f"CODE{name}", created_ms=now, updated_ms=now, every="week",
            until_ms=now + 86_400_000,
        )  # fmt: skip

    wanted = OrderRequest(
        id="o", code="WAITS123", kind=OrderKind.TRANSFER,
        account_id=merchant.account_id, merchant_id=merchant.id, person_id="p", amount_minor=70_000,
        currency="GHS", payer="", payee="+233247000009", reference="r", origin_channel="ussd",
        origin_kind="msisdn", origin_value=NUMBER,
    )  # fmt: skip
    held = ApprovalRow(
        id="a", merchant_id=merchant.id, state=ApprovalState.WAITING,
        request=wanted, asked_by=ama.id, created_ms=now,
        expires_ms=now + 86_400_000,
    )  # fmt: skip
    await store.commit(
        [
            SavePerson(PersonRow("p", "en", now)),
            KeepAgreement(agreement("DEBT", AgreementKind.PREAPPROVAL)),
            KeepAgreement(agreement("PAID", AgreementKind.INVOICE)),
            MoveAgreement("PAID", 0, now, None, AgreementState.PAID),
            KeepApproval(held),
        ]
    )
    await store.close()


async def test_what_stands_and_what_waits_is_listed_masked(deployment: Deployment) -> None:
    await deployment.start_judge()
    deployment.configure()
    run = deployment.run
    await run("migrate")
    for code, name in (("1001", "Ama's Kitchen"), ("1002", "Kofi Books")):
        await run("merchants", "add", code, name, "--account", "momo-ghana")
    await run("merchants", "staff-add", "1001", "Ama")
    await _standing(deployment)

    async def looks() -> tuple[str, ...]:
        of_one, of_other = ("--merchant", "1001"), ("--merchant", "1002")
        # One after the other: where no process runs, each opens the database itself.
        seen = [
            await run(what, "list", *whose)
            for what, whose in (
                ("agreements", ()),
                ("agreements", of_one),
                ("approvals", ()),
                ("agreements", of_other),
                ("approvals", of_other),
            )
        ]
        assert [ended.code for ended in seen] == [0] * 5, [ended.err for ended in seen]
        unknown = await run("agreements", "list", "--merchant", "9999")
        assert refused(unknown.err) == ["No merchant has the code '9999'."]
        return tuple(ended.out for ended in seen)

    serve = deployment.serve()
    await deployment.answers(serve)
    through = await looks()
    assert await serve.stop() == 0
    alone = await looks()
    assert through == alone
    every, of_one, approvals, *none = alone
    assert every == of_one
    for word in ("CODEDEBT", "preapproval", "REQUESTED", "Ama's Kitchen", "+233***001", "GHS 250.00", "week"):
        assert word in every, every
    assert "CODEPAID" not in every
    for word in ("WAITS123", "transfer", "Ama's Kitchen", "GHS 700.00", "+233***009", "Ama "):
        assert word in approvals, approvals
    for text in (every, approvals):
        assert "47000" not in text, "numbers are masked"
    assert none == ["None.\n", "None.\n"]


async def test_one_owner_one_port_and_a_quiet_end(deployment: Deployment) -> None:
    await deployment.start_judge()
    deployment.configure()
    await deployment.run("migrate")
    serve = deployment.serve()
    await deployment.answers(serve)
    other = Deployment(deployment.folder / "other", sandbox_url=deployment.sandbox_url, port=deployment.port)
    other.folder.mkdir()
    other.configure()
    await other.run("migrate")
    worker = Process("worker", folder=deployment.folder, env=deployment.env).start()
    second, busy = await asyncio.gather(
        deployment.run("serve", PORT=str(free_port())), other.run("serve", "--port", str(deployment.port))
    )
    assert (second.code, busy.code) == (1, 1)
    assert [line for line in refused(second.err) if "another Kasapay process (pid" in line], second.err
    assert refused(busy.err) == [
        f"Port {deployment.port} of 127.0.0.1 cannot be used: address already in use."
    ] or ("cannot be used" in busy.err and "Traceback" not in busy.err)
    await worker.says("nothing to do")
    assert worker.running
    assert await worker.stop() == 0
    assert await serve.stop() == 0
    assert "Traceback" not in serve.said
    again = deployment.serve()
    await deployment.answers(again)
    assert again._popen is not None
    again._popen.send_signal(signal.SIGINT)
    assert await again.ends() == 0
    assert "Traceback" not in again.said


async def test_an_open_order_keeps_its_account_in_the_settings(
    deployment: Deployment, http: httpx.AsyncClient, line: aiohttp.ClientSession
) -> None:
    await deployment.start_judge(handsets=[{"msisdn": NUMBER, "balance": {"GHS": "50"}}])
    deployment.configure()
    await deployment.run("migrate")
    await deployment.run("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    serve = deployment.serve()
    await deployment.answers(serve)
    phone = Phone(line, deployment.ussd_url, NUMBER)
    for typed in (None, "1", "1001", "5", "1"):
        await phone.say(typed)
    judge = Judge(http, deployment.sandbox_url)
    await judge.one(currency="GHS")
    async with asyncio.timeout(30):
        # Its terminal is closed.
        assert await serve.stop(signal.SIGHUP) == 0, "an open connection or order holds nothing up"
    assert "Traceback" not in serve.said
    assert not deployment.database.with_name("kasapay.db.sock").exists()
    config = Path(deployment.env["KASAPAY_CONFIG"])
    kept = config.read_text(encoding="utf-8")
    config.write_text(kept.replace("momo-ghana", "momo-renamed"), encoding="utf-8")
    lost, told = await asyncio.gather(deployment.run("serve"), deployment.run("check"))
    assert lost.code == 1
    assert refused(lost.err) == [
        "Open orders still need the account momo-ghana. Keep it in the settings until they are final."
    ]
    assert told.code == 1
    assert [sentence for sentence in refused(told.err) if "momo-ghana" in sentence]
    config.write_text(kept, encoding="utf-8")
    serve = deployment.serve()
    await deployment.answers(serve)
    await judge.decide(NUMBER, "approve")
    assert "Paid: GHS 5.00" in await judge.told(NUMBER, "Paid")
    shown, unlinked = await asyncio.gather(
        deployment.run("people", "show", NUMBER), deployment.run("people", "unlink", NUMBER, "--all")
    )
    assert (shown.code, NUMBER in shown.out, "Linked chats:\nNone." in shown.out) == (0, True, True)
    assert (unlinked.code, "No linked chat fits" in unlinked.err) == (1, True)
    # Now nothing is open, and whoever paid may be forgotten.
    refused_it, gone = (
        await deployment.run("people", "forget", NUMBER, typed="n\n"),
        await deployment.run("people", "forget", NUMBER, "--yes"),
    )
    assert (refused_it.code, "Nothing was changed." in refused_it.err) == (1, True)
    assert gone.out == "Forgotten. Orders that stay in the ledger: 1.\n", gone.err
    assert await serve.stop() == 0


async def test_a_phone_in_the_terminal(deployment: Deployment) -> None:
    await deployment.start_judge()
    deployment.configure()
    await deployment.run("migrate")
    await deployment.run("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    nobody = await deployment.run("dial", "*920*10#", "--msisdn", NUMBER)
    assert nobody.code == 1
    assert [line for line in refused(nobody.err) if "cannot be reached" in line]
    serve = deployment.serve()
    await deployment.answers(serve)
    paid, hung_up, truroute, unknown, elsewhere = await asyncio.gather(
        deployment.run("dial", "*920*10*1001*5#", "--msisdn", NUMBER, typed="1\n"),
        deployment.run("dial", "*920*10#", "--msisdn", "+233247000002", typed="1\n"),
        deployment.run(
            *("dial", "*920*10#", "--msisdn", "+233247000003", "--gateway", "truroute"),
            typed="1\n1001\n2\nyes\n",
        ),
        deployment.run("dial", "--gateway", "pigeon"),
        deployment.run("dial", "*920*11#"),
    )
    assert paid.code == 0, paid.err
    assert "Pay GHS 5.00 to Ama's Kitchen" in " ".join(paid.out.split())
    assert "session ended" in paid.out
    assert hung_up.code == 0
    assert "The line is dropped." in hung_up.out
    assert truroute.code == 0, truroute.err
    assert "Pay GHS 2.00 to Ama's Kitchen" in truroute.out
    assert "Enter your PIN on 0247000003" in truroute.out
    assert unknown.code == 1
    assert refused(unknown.err)[0].startswith("There is no gateway 'pigeon'")
    assert elsewhere.code == 1
    assert refused(elsewhere.err) == ["This phone reaches *920*10# only; '*920*11#' is another code."]
    assert await serve.stop() == 0


async def test_run_needs_nothing_and_owns_its_folder(tmp_path: Path, http: httpx.AsyncClient) -> None:
    run = Process("run", "--port", "0", "--no-browser", folder=tmp_path, logged=False).start()
    said = await run.says("Stop with Ctrl-C")
    url = re.search(r"Kasapay is running:  (http://\S+)", said)
    assert url, said
    page = await http.get(url[1])
    assert page.status_code == 200
    assert "Kasapay" in page.text
    data = tmp_path / "kasapay-data"
    for name in ("kasapay.db", "kasapay.db.key", "run.json", "kasapay.db.sock"):
        assert stat.S_IMODE((data / name).stat().st_mode) & 0o077 == 0, name
    forbid(
        (data / "kasapay.db.key").read_text().strip(),
        json.loads((data / "run.json").read_text())["ussd_secret"],
    )
    again, dialled, added = await asyncio.gather(
        command("run", "--port", "0", "--no-browser", folder=tmp_path),
        # Typed ahead, the PIN too: the terminal is the phone, its wallet and its inbox.
        command(
            *("dial", "*920*10#", "--msisdn", "0240000001"),
            folder=tmp_path,
            typed="1\n1001\n5\n1\n1111\n1234\n",
        ),
        command("merchants", "add", "2001", "Esi Tailors", "--account", "momo-ghana", folder=tmp_path),
    )
    assert again.code == 1
    (sentence,) = refused(again.err)
    assert "stop it, or give this one another with --folder" in sentence
    assert dialled.code == 0, dialled.err
    said_on_the_phone = " ".join(re.sub("[│╭╮╰╯─]", " ", dialled.out).split())
    for words in (
        "Type a merchant code, or choose:",
        "Wallet Pay Ama's Kitchen: GHS 5.00",
        "The PIN is wrong. Tries left: 2.",
        "SMS from Kasapay Paid: GHS 5.00 to Ama's Kitchen.",
    ):
        assert words in said_on_the_phone, dialled.out
    assert added.out == "Added Esi Tailors: code 2001, GHS.\n", added.err
    assert await run.stop() == 0
    assert "Traceback" not in run.said
    log = data / "kasapay.log"
    assert "Traceback" not in log.read_text(encoding="utf-8")
    copy_log(log, "run")
    key = data / "kasapay.db.key"
    key.unlink()
    key.mkdir()
    again, listed = await asyncio.gather(
        command("run", "--port", "0", "--no-browser", folder=tmp_path),
        command("merchants", "list", folder=tmp_path),
    )
    for told in (again, listed):
        assert told.code == 1
        assert [line for line in refused(told.err) if "kasapay.db.key cannot be read" in line], told.err


async def test_a_port_that_is_in_use_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = await command("run", "--port", port, "--no-browser", folder=tmp_path)
        assert busy.code == 1
        (sentence,) = refused(busy.err)
        assert f"Port {port} of 127.0.0.1 cannot be used: something listens there already." in sentence
        assert "choose another port with --port" in sentence
        sandbox, behind, absurd = await asyncio.gather(
            command("sandbox", "--port", port, folder=tmp_path),
            command("run", "--port", "0", "--sandbox-port", port, "--no-browser", folder=tmp_path),
            command("serve", "--port", "65536", folder=tmp_path),
        )
        assert (sandbox.code, behind.code, absurd.code) == (1, 1, 2)
        assert "choose another port with --port" in refused(sandbox.err)[0]
        assert "choose another port with --sandbox-port" in refused(behind.err)[0]
        (tmp_path / "no-folder").touch()
        nowhere = await command("run", "--folder", "no-folder", folder=tmp_path)
        assert "Choose another with --folder." in refused(nowhere.err)[0]
        assert "Traceback" not in busy.err + sandbox.err + behind.err + absurd.err


async def test_every_command_of_the_procfile_is_there() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    commands = {name: shlex.split(rest) for name, _, rest in (line.partition(":") for line in lines if line)}
    assert set(commands) == {"release", "web", "worker"}
    helps = await asyncio.gather(*(command(*words[1:], "--help", folder=ROOT) for words in commands.values()))
    for words, told in zip(commands.values(), helps, strict=True):
        assert words[0] == "kasapay"
        assert told.code == 0, told.err


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("merchants",)])
async def test_the_command_line_explains_itself(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = await command(*words, folder=tmp_path)
    assert told.code in (0, 2)
    assert "Traceback" not in told.err
    assert told.out
    assert SECRET_KEY not in told.out
    assert USSD_SECRET not in told.out
