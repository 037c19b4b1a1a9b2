"""The command line as operators meet it: what it refuses, what it says, and how it ends."""

import asyncio
import json
import re
import shlex
import signal
import socket
import stat
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.end_to_end.gateways import AfricasTalking
from tests.end_to_end.log_keeping import copy_log, forbid
from tests.end_to_end.processes import (
    ROOT,
    SECRET_KEY,
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
    old, keyless, short, elsewhere, worker = await asyncio.gather(
        deployment.run("serve"),
        deployment.run("serve", SECRET_KEY=""),
        deployment.run("serve", SECRET_KEY="short", PUBLIC_URL="ftp://x", USSD_SECRET="few", PORT="99999"),
        deployment.run("serve", DATABASE_URL="postgresql://nobody@127.0.0.1/x"),
        deployment.run("worker", SECRET_KEY=""),
    )
    assert {ended.code for ended in (old, keyless, short, elsewhere, worker)} == {1}
    assert any("kasapay migrate" in line for line in refused(old.err)), old.err
    assert refused(keyless.err) == ["SECRET_KEY is not set; make one with: openssl rand -hex 32"]
    assert any(line.startswith("PORT: ") for line in refused(short.err))
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
    fine, refused_key, silent, empty = await asyncio.gather(
        deployment.run("check"),
        deployment.run("check", GHANA_API_KEY="wrong0api0key0000000000000000000"),
        deployment.run(
            "check", TELEGRAM_TOKEN="5:fake_token_of_the_tests", TELEGRAM_API_URL="http://127.0.0.1:9"
        ),
        command("check", folder=deployment.folder, env={"DATABASE_URL": f"sqlite:///{deployment.database}"}),
    )
    assert (fine.code, fine.out, fine.err) == (0, "No problem found.\n", "")
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
    phone = AfricasTalking(line, deployment.ussd_url, NUMBER)
    for typed in (None, "1", "1001", "5", "1", "1"):
        await phone.say(typed)
    judge = Judge(http, deployment.sandbox_url)
    await judge.one(currency="GHS")
    async with asyncio.timeout(30):
        assert await serve.stop() == 0, "an open connection or order holds nothing up"
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
    paid, hung_up, hubtel, unknown = await asyncio.gather(
        deployment.run("dial", "*920*10*1001*5#", "--msisdn", NUMBER, typed="1\n1\n"),
        deployment.run("dial", "*920*10#", "--msisdn", "+233247000002", typed="1\n"),
        deployment.run(
            *("dial", "*920*10#", "--msisdn", "+233247000003", "--gateway", "hubtel"),
            typed="1\n1001\n2\n1\n1\n",
        ),
        deployment.run("dial", "--gateway", "pigeon"),
    )
    assert paid.code == 0, paid.err
    assert "Pay GHS 5.00 to Ama's Kitchen" in " ".join(paid.out.split())
    assert "session ended" in paid.out
    assert hung_up.code == 0
    assert "The line is dropped." in hung_up.out
    assert hubtel.code == 0, hubtel.err
    assert "Approve GHS 2.00" in hubtel.out
    assert unknown.code == 1
    assert refused(unknown.err)[0].startswith("There is no gateway 'pigeon'")
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
        command("dial", "*920*10#", folder=tmp_path, typed=""),
        command("merchants", "add", "2001", "Esi Tailors", "--account", "momo-ghana", folder=tmp_path),
    )
    assert again.code == 1
    sentences = refused(again.err)
    assert len(sentences) == 1, again.err
    assert re.search(r"already|another|in use", sentences[0]), sentences
    assert dialled.code == 0, dialled.err
    assert "What would you like to do?" in dialled.out
    assert added.out == "Added Esi Tailors: code 2001, GHS.\n", added.err
    assert await run.stop() == 0
    assert "Traceback" not in run.said
    log = data / "kasapay.log"
    assert "Traceback" not in log.read_text(encoding="utf-8")
    copy_log(log, "run")


async def test_run_takes_another_port_where_its_own_is_busy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = await command("run", "--port", port, "--no-browser", folder=tmp_path)
        assert busy.code == 1
        assert [line for line in refused(busy.err) if f"Port {port} of 127.0.0.1 cannot be used" in line]
        assert "Traceback" not in busy.err
        sandbox = await command("sandbox", "--port", port, folder=tmp_path)
        assert sandbox.code == 1
        assert [line for line in refused(sandbox.err) if f"Port {port} of 127.0.0.1 cannot be used" in line]


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
