"""Journals recorded in the past, replayed against today's flows.

Each file is a conversation as it was kept in the middle of something. It must still stand at the same
question; where a change of the flows makes that impossible, the file moves on with a word why, and the
people who are in the middle of it are restarted with their answers (`test_code_changes.py`). Files are
added and never rewritten: RECORD_JOURNALS=1 records the ones that are missing.
"""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.dialog import Entry, Facts, Run, Talk, Waiting, prefill_of
from flows import FLOWS
from tests.conversations.people import Phone, WebChat, asked
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, STAFF, Stage

FOLDER = Path(__file__).parent / "journals"
FILES = sorted(FOLDER.glob("*.json"))


def replayed(kept: dict[str, Any]) -> Run:
    facts = msgspec.convert(kept["facts"], Facts)
    journal = [msgspec.convert(entry, Entry) for entry in kept["journal"]]
    return Run(FLOWS[kept["flow"]], Talk(facts), journal)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_old_journal_stands_where_it_stood(file: Path) -> None:
    kept = json.loads(file.read_text(encoding="utf-8"))
    run = replayed(kept)
    assert isinstance(run.state, Waiting)
    assert f"{run.state.question.kind} {run.state.question.key}" == kept["waits"]
    run.close()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_old_journal_can_be_started_over_with_its_answers(file: Path) -> None:
    """Before anything was done, its answers still fit the questions of today."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    prefill = prefill_of([msgspec.convert(entry, Entry) for entry in kept["journal"]])
    if prefill is None:
        assert any(entry["kind"] in ("act", "secret") for entry in kept["journal"])
        return
    run = Run(FLOWS[kept["flow"]], Talk(msgspec.convert(kept["facts"], Facts)), (), prefill)
    run.close()


async def _pay_until(stage: Stage, merchant: str, step: str) -> tuple[str, str]:
    await Robot(stage, Phone(stage, EFUA), merchant).pay(until=step)
    return "msisdn", EFUA


async def _balance(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, STAFF)
    await phone.dial()
    await phone.answer("7")
    await phone.answer("2")
    await phone.answer("1111")
    return "msisdn", STAFF


async def _link(stage: Stage) -> tuple[str, str]:
    chat = WebChat(stage)
    await chat.says("hello")
    await chat.says("7")
    return "web", chat.value


async def _payments(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay()
    await stage.settle()
    await phone.dial()
    await phone.answer("3")
    return "msisdn", EFUA


async def _unknown_merchant(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, EFUA)
    await phone.dial()
    for said in ("1", "9999", "1001", "5", "46733123450"):
        await phone.answer(said)
    return "msisdn", EFUA


RECORDINGS = {
    "2026-11-pay-confirm": lambda stage: _pay_until(stage, "1001", "pay/confirm"),
    "2026-11-pay-network": lambda stage: _pay_until(stage, "1002", "pay/network"),
    "2026-11-pay-otp": lambda stage: _pay_until(stage, "1002", "pay/otp"),
    "2026-11-pay-asked-twice": _unknown_merchant,
    "2026-11-balance-wrong-pin": _balance,
    "2026-11-link-web": _link,
    "2026-11-payments-which": _payments,
}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_every_recording_is_kept(name: str, stage: Stage) -> None:
    path = FOLDER / f"{name}.json"
    if path.exists():
        return
    assert os.environ.get("RECORD_JOURNALS"), f"{path.name} is missing"
    kind, value = await RECORDINGS[name](stage)
    key, _ = await asked(stage, kind, value)
    (row,) = stage.rows(
        "SELECT c.* FROM conversations c JOIN addresses a ON a.person_id = c.person_id"
        " WHERE c.state = 'active' AND a.kind = ? AND a.value = ?",
        kind,
        value,
    )
    facts = json.loads(row["facts"])
    kept = {
        "recorded": "2026-11-21",
        "flow": row["flow"],
        "waits": " ".join(facts.pop("asked").split()[:2]),
        "facts": facts,
        "journal": json.loads(row["journal"]),
    }
    assert kept["waits"].endswith(key)
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
