"""The judge's file: it survives closing and kill -9, is one sandbox's at a time, and says when it is lost."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest

from bot.sandbox import RecordError, SandboxConfig, serve_sandbox
from bot.sandbox.record import Record

from .conftest import PAYER, PUBLIC, SECRET, Box, Clock, Receiver, startbutton_config

PRESET = {"api_user": "0b6f2f6e-5b1c-4c52-9d8f-2d7c9a1e4f30", "api_key": "k", "callback_host": "127.0.0.1"}
HANDSET = {"msisdn": PAYER, "name": "Ama", "balance": {"EUR": "100", "GHS": "100"}}


def config(path: Path, webhook_url: str = "") -> SandboxConfig:
    return SandboxConfig.from_dict(
        {
            "database": str(path),
            "momo": {"users": [PRESET]},
            "handsets": [HANDSET],
            "startbutton": startbutton_config(webhook_url),
        }
    )


async def test_everything_is_there_after_reopening(tmp_path: Path, clock: Clock, receiver: Receiver) -> None:
    path = tmp_path / "judge.db"
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock)
        await box.login(PRESET["api_user"], "k")
        paid, open_ = await box.accepted(), await box.accepted(PAYER, callback=receiver.url)
        later = await box.accepted("46733123454")
        await box.charge()
        sms = (await box.control("GET", "/sms"))["sms"]
        await box.control("POST", "/clock", {"advance_s": 10})
        before = await box.control("GET", "/record")
        headers = box.headers
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock, headers)  # the token is still good
        assert await box.control("GET", "/record") == before
        assert (await box.control("GET", "/sms"))["sms"] == sms
        _, again = await box.pay(reference=paid)
        assert again.status_code == 409
        await box.press("approve", pin="1234")
        await box.running.drain()
        assert len(receiver.got) == 1
        assert (await box.control("GET", f"/handsets/{PAYER}"))["balances"]["EUR"] == "87.50"
        await box.advance(15)
        assert (await box.result(later))["status"] == "SUCCESSFUL"
        assert (await box.record(open_))["times_charged"] == 1
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock, headers)
        assert (await box.control("GET", f"/handsets/{PAYER}"))["balances"]["EUR"] == "87.50"
        assert len((await box.control("GET", "/record/requests"))["requests"]) > 5


async def test_a_queued_callback_is_sent_after_a_restart(
    tmp_path: Path, clock: Clock, receiver: Receiver
) -> None:
    path = tmp_path / "judge.db"
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock)
        await box.login(PRESET["api_user"], "k")
        await box.faults(callback_late_s=60)
        await box.accepted(callback=receiver.url)
        await box.running.drain()
    clock.seconds += 60
    async with serve_sandbox(config(path), now=clock) as running:
        await running.drain()
    assert len(receiver.got) == 1


CHILD = """
import asyncio, sys
from bot.sandbox import SandboxConfig, serve_sandbox

async def main():
    config = SandboxConfig.from_dict({"database": sys.argv[1], "startbutton": {"accounts": [
        {"name": "shop", "public_key": "pk_test_1", "secret_key": "sk_test_1"}]}})
    async with serve_sandbox(config) as running:
        print(running.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_an_accepted_payment_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    root = Path(__file__).parents[2]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert child.stdout is not None
    lines = [line async for line in _until_url(child.stdout)]
    async with httpx.AsyncClient(base_url=lines[-1]) as http:
        references = [uuid.uuid4().hex for _ in range(5)]
        answers = await asyncio.gather(
            *(
                http.post(
                    "/transaction/initialize/s2s/mobile_money",
                    headers={"Authorization": f"Bearer {PUBLIC}"},
                    json={
                        "provider": "MTN",
                        "phone": "0241234567",
                        "email": "a@b.example",
                        "amount": 100,
                        "currency": "GHS",
                        "reference": reference,
                    },
                )
                for reference in references
            )
        )
        child.send_signal(signal.SIGKILL)
    await child.communicate()
    assert [answer.status_code for answer in answers] == [200] * 5
    async with serve_sandbox(config(path)) as running, httpx.AsyncClient(base_url=running.url) as http:
        for reference in references:
            answer = await http.get(
                f"/transaction/status/{reference}", headers={"Authorization": f"Bearer {SECRET}"}
            )
            assert answer.status_code == 200


async def _until_url(stream: asyncio.StreamReader):  # type: ignore[no-untyped-def]
    async for line in stream:
        yield line.decode().strip()
        if line.startswith(b"http://"):
            return


async def test_two_sandboxes_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    async with serve_sandbox(config(path)):
        with pytest.raises(RecordError):
            async with serve_sandbox(config(path)):
                pass
    async with serve_sandbox(config(path)):
        pass


async def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE precious (x)")
    db.close()
    text = tmp_path / "text.db"
    text.write_text("no database " * 100)
    for path in (other, text, tmp_path / "no" / "such" / "place.db", tmp_path):
        with pytest.raises(RecordError):
            async with serve_sandbox(config(path)):
                pass
    assert text.read_text().startswith("no database")


async def test_a_record_that_cannot_be_written_answers_503(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Record, wipes: object, batch: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Record, "_write", fail)
    for _ in range(2):
        _, answer = await box.pay()
        assert answer.status_code == 503
    assert (await box.http.get("/_sandbox/health")).status_code == 503
    assert (await box.http.get("/_sandbox/record")).status_code == 503


async def test_many_at_once_are_all_kept(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "judge.db"
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        box = Box(running, http, clock)
        await box.login(PRESET["api_user"], "k")
        references = await asyncio.gather(*(box.accepted() for _ in range(100)))
        same = str(uuid.uuid4())
        answers = await asyncio.gather(*(box.pay(reference=same) for _ in range(20)))
        assert sorted(answer.status_code for _, answer in answers) == [202] + [409] * 19
    async with (
        serve_sandbox(config(path), now=clock) as running,
        httpx.AsyncClient(base_url=running.url) as http,
    ):
        entries = (await http.get("/_sandbox/record")).json()["entries"]
        assert {entry["reference"] for entry in entries} == {*references, same}
        assert all(entry["times_charged"] == 1 for entry in entries)


@pytest.mark.parametrize(
    "values",
    [
        {"unknown": 1},
        {"momo": {"environment": "mtnmars"}},
        {"momo": {"users": [{"api_user": "x"}]}},
        {"momo": {"users": [{"api_user": "x", "api_key": "y", "environment": "moon"}]}},
        {"handsets": [{"msisdn": "x"}]},
        {"faults": {"unknown": 1}},
        {"startbutton": {"accounts": [{"public_key": "a", "secret_key": "b"}] * 2}},
        {"prompt_s": -1},
    ],
    ids=repr,
)
def test_a_wrong_configuration_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        SandboxConfig.from_dict(values)
