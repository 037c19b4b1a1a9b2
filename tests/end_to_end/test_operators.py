"""An operator's day on the command line: what is open, its history, settling by hand, dead letters, audit."""

import asyncio
import re
import sqlite3

import aiohttp
import httpx

from tests.end_to_end.gateways import Phone
from tests.end_to_end.processes import Deployment, Judge, until

EFUA, KWAME, WANJA = "+233247000001", "+233247000002", "+233247000003"


async def pays(line: aiohttp.ClientSession, deployment: Deployment, msisdn: str, amount: str) -> None:
    phone = Phone(line, deployment.ussd_url, msisdn)
    for typed in (None, "1", "1001", amount, "1"):
        await phone.say(typed)


def code_of(listed: str, state: str) -> str:
    found = re.search(rf"│ (\d{{9}}) +│ {state} ", listed)
    assert found, listed
    return found[1]


async def test_what_needs_a_person_is_found_settled_and_told(
    deployment: Deployment, http: httpx.AsyncClient, line: aiohttp.ClientSession
) -> None:
    await deployment.start_judge(
        handsets=[{"msisdn": number, "balance": {"GHS": "50"}} for number in (EFUA, KWAME, WANJA)]
    )
    deployment.configure()
    run = deployment.run
    await run("migrate")
    await run("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    serve = deployment.serve()
    await deployment.answers(serve)
    judge = Judge(http, deployment.sandbox_url)

    # One is rejected; one is approved, but over other money than ours.
    await pays(line, deployment, EFUA, "5")
    await judge.decide(EFUA, "reject")
    await judge.told(EFUA, "Not paid: GHS 5.00")
    await judge.faults(echo_amount="1")
    await pays(line, deployment, KWAME, "7")
    await judge.decide(KWAME, "approve")
    await judge.told(KWAME, "Do not pay again")
    await judge.faults(echo_amount="")

    listed, unresolved, incidents, sound = await asyncio.gather(
        run("orders", "list"),
        run("orders", "list", "--state", "unresolved"),
        run("orders", "incidents"),
        run("orders", "audit"),
    )
    failed, doubted = code_of(listed.out, "FAILED"), code_of(listed.out, "UNRESOLVED")
    assert failed not in unresolved.out
    for said in ("successful", "failed", "reversed"):
        assert f'kasapay orders settle {doubted} {said} --reason "..." --by "..."' in unresolved.out
    assert f"settle {failed}" not in listed.out, "a failed order needs nobody"
    assert re.search(r"0h 0m \d+s", unresolved.out), "its age"
    assert "the amount differs; the provider names" in incidents.out
    assert (sound.code, sound.out) == (0, "Nothing found: every order is what its ledger says.\n")

    # Who settles says why and who they are; what cannot be is not done.
    shown, no_reason, short, nobody, unknown, wrong, back = await asyncio.gather(
        run("orders", "show", doubted.lower()),
        run("orders", "settle", doubted, "successful", "--by", "Ama"),
        run("orders", "settle", doubted, "successful", "--reason", "x", "--by", "Ama"),
        run("orders", "settle", doubted, "successful", "--reason", "statement", "--by", " "),
        run("orders", "settle", "ZZZZZZZZ", "failed", "--reason", "statement", "--by", "Ama"),
        run("orders", "settle", doubted, "paid", "--reason", "statement", "--by", "Ama"),
        run("orders", "settle", failed, "reversed", "--reason", "statement", "--by", "Ama"),
    )
    for part in ("UNRESOLVED", "amount differs", "History", "Messages", f"settle {doubted} reversed"):
        assert part in shown.out, shown.out
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .*PENDING .*UNRESOLVED .*us ", shown.out)
    assert KWAME.lstrip("+")[3:] not in shown.out, "numbers are masked"
    for ended in (no_reason, short, nobody, unknown, wrong, back):
        assert ended.code != 0
        assert "Traceback" not in ended.err
    assert "both stay in the ledger" in short.err
    assert "both stay in the ledger" in nobody.err
    assert "settled as one of successful, failed, reversed" in wrong.err
    assert f"Order {failed} is FAILED; that cannot be made REVERSED by hand." in back.err

    # Settled: the person is told, and told that it is a correction where they had heard something else.
    by = ("--reason", "MTN's statement of 3 May", "--by", "Ama O.")
    settled, refused = await asyncio.gather(
        run("orders", "settle", doubted, "successful", *by),
        run("orders", "settle", failed, "successful", *by),
    )
    corrected = await run("orders", "settle", failed, "successful", *by, "--force")
    said = "The provider says SUCCESSFUL, GHS 7.00 (SUCCESSFUL)."
    assert settled.out == f"{said}\nOrder {doubted} is SUCCESSFUL. The payer is told.\n", settled.err
    assert refused.code == 1
    assert "The provider says FAILED, GHS 5.00" in refused.err
    assert corrected.code == 0, corrected.err
    assert "Paid: GHS 7.00 to Ama's Kitchen" in await judge.told(KWAME, "Paid")
    sms = await judge.told(EFUA, "GHS 5.00 to Ama's Kitchen", "orrect")
    assert failed in sms
    assert len(await judge.sms(EFUA)) == 2
    shown, again = await asyncio.gather(
        run("orders", "show", failed), run("orders", "settle", failed, "successful", *by)
    )
    assert "Ama O.: MTN's statement of 3 May" in shown.out
    assert "operator" in shown.out
    assert "orders settle" not in shown.out, "a final order has nothing to settle"
    assert again.code == 1

    # A number that no SMS reaches: a dead letter, seen and sent once more.
    await judge.faults(sms_code=403)
    await pays(line, deployment, WANJA, "9")
    await judge.decide(WANJA, "reject")

    async def dead() -> str | None:
        listed = await run("outbox", "list")
        return listed.out if "result" in listed.out else None

    letters = await until("a dead letter", dead)
    found = re.search(r"│ ([0-9a-f]{8}) +│ result │ msisdn", letters)
    assert found, letters
    await judge.faults(sms_code=0)
    nothing = await run("outbox", "redrive")
    assert nothing.code == 1
    redriven = await run("outbox", "redrive", found[1])
    assert redriven.out == "Queued again: 1.\n", redriven.err
    await judge.told(WANJA, "Not paid: GHS 9.00")
    assert (await run("outbox", "list")).out == "None.\n"
    assert (await run("orders", "audit")).code == 0
    assert "kasapay_orders_overdue 0.0" in (await http.get(f"{deployment.url}/metrics")).text

    # Somebody has been at the file.
    assert await serve.stop() == 0
    with sqlite3.connect(deployment.database) as raw:
        raw.execute("DROP TRIGGER orders_move_by_the_ledger")
        raw.execute("UPDATE orders SET state = 'FAILED' WHERE code = ?", (doubted,))
    raw.close()
    broken = await run("orders", "audit")
    assert broken.code == 1
    assert re.search(rf"state +│ {doubted} +│ is FAILED, its ledger says SUCCESSFUL", broken.out), broken.out
    assert broken.err == "kasapay: 2 violations found.\n"


async def test_a_long_list_comes_whole_from_the_running_process(
    deployment: Deployment, line: aiohttp.ClientSession
) -> None:
    """More than a line of the socket used to hold."""
    await deployment.start_judge()
    deployment.configure()
    await deployment.run("migrate")
    await deployment.run("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    serve = deployment.serve()
    await deployment.answers(serve)
    await pays(line, deployment, EFUA, "5")
    with sqlite3.connect(deployment.database) as raw:
        rows = [
            (f"i{n}", f"k{n}", "overdue", None, f"order {n:08d}: " + "looked at by nobody " * 20, n)
            for n in range(200)
        ]
        raw.executemany("INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?)", rows)
    raw.close()
    listed = await deployment.run("orders", "incidents", "--limit", "200")
    assert listed.code == 0, listed.err
    assert listed.out.count("overdue") == 200
    assert await serve.stop() == 0
