"""Journals recorded in the past, replayed against today's flows.

Each file is a conversation as it was kept in the middle of something. It must still stand at the same
question; where a change of the flows makes that impossible, the file moves on with a word why, and the
people who are in the middle of it are restarted with their answers (`test_code_changes.py`): `restarts` says
which question they then come to. Files are added and their journals never rewritten: RECORD_JOURNALS=1
records the ones that are missing.
"""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.dialog import Diverged, Entry, Facts, Run, Talk, Waiting, Wants, prefill_of
from bot.dialog.views import Holder
from flows import FLOWS
from flows import business_effects as b
from flows import effects as e
from tests.conversations.people import Phone, WebChat, asked
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, STAFF, Stage

FOLDER = Path(__file__).parent / "journals"
FILES = sorted(FOLDER.glob("*.json"))
# What the looks find that an old journal does not hold.
_NEW_LOOKS: dict[type, Any] = {
    e.RecentMerchants: (),
    b.MyAgreements: (),
    e.AmountsPaid: (),
    e.NetworkUsed: "",
    e.FindDuplicate: "",
}
_KNOWN = Holder(checked=True)


def replayed(kept: dict[str, Any]) -> Run:
    facts = msgspec.convert(kept["facts"], Facts)
    journal = [msgspec.convert(entry, Entry) for entry in kept["journal"]]
    return Run(FLOWS[kept["flow"]], Talk(facts), journal)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_old_journal_stands_where_it_stood(file: Path) -> None:
    kept = json.loads(file.read_text(encoding="utf-8"))
    if "restarts" in kept:
        with pytest.raises(Diverged):
            replayed(kept)
        return
    run = replayed(kept)
    if moved_on := kept.get("moved_on"):
        assert isinstance(run.state, Wants), moved_on["why"]
        assert run.state.key == moved_on["wants"]
        run.close()
        return
    assert isinstance(run.state, Waiting)
    assert f"{run.state.question.kind} {run.state.question.key}" == kept["waits"]
    run.close()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_old_journal_can_be_started_over_with_its_answers(file: Path) -> None:
    """Before anything was done, its answers still fit the questions of today: they lead to `restarts`, or to
    where the journal stood. Once something was done, nothing is asked again."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    prefill = prefill_of([msgspec.convert(entry, Entry) for entry in kept["journal"]])
    if prefill is None:
        assert any(entry["kind"] in ("act", "secret") for entry in kept["journal"])
        assert kept.get("restarts", "nothing") == "nothing"
        return
    looked = {entry["key"]: entry["value"] for entry in kept["journal"] if entry["kind"] == "look"}
    run = Run(FLOWS[kept["flow"]], Talk(msgspec.convert(kept["facts"], Facts)), (), prefill)
    while isinstance(run.state, Wants):
        effect, key = run.state.effect, run.state.key
        if key == kept.get("moved_on", {}).get("wants"):
            run.close()
            return
        if isinstance(effect, e.CheckHolder) and effect.msisdn == kept["facts"]["msisdn"]:
            found: Any = _KNOWN  # the person's own number is taken without a question
        elif key in looked:
            found = msgspec.convert(looked[key], effect.result)
        else:
            found = _NEW_LOOKS[type(effect)]
        run.deliver(found)
    assert isinstance(run.state, Waiting)
    assert f"{run.state.question.kind} {run.state.question.key}" == kept.get("restarts", kept["waits"])
    run.close()


async def _pay_until(stage: Stage, merchant: str, step: str) -> tuple[str, str]:
    await Robot(stage, Phone(stage, EFUA), merchant).pay(until=step)
    return "msisdn", EFUA


async def _balance(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, STAFF)
    await phone.dial()
    for said in ("5", "2", "1111"):
        await phone.answer(said)
    return "msisdn", STAFF


async def _link(stage: Stage) -> tuple[str, str]:
    chat = WebChat(stage)
    for said in ("hello", "4", "5"):
        await chat.says(said)
    return "web", chat.value


async def _payments(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1001").pay()
    await stage.settle()
    await phone.dial("1001", "6")
    await phone.answer("1")
    await stage.settle()
    await phone.dial()
    await phone.answer("2")
    return "msisdn", EFUA


async def _unknown_merchant(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, EFUA)
    await phone.dial()
    for said in ("1", "9999", "1001", "5", "3", "46733123450"):
        await phone.answer(said)
    return "msisdn", EFUA


async def _another_wallet(stage: Stage) -> tuple[str, str]:
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, "1002").pay(until="pay/confirm")
    await phone.answer("3")
    await phone.answer("0240000002")
    return "msisdn", EFUA


RECORDINGS = {
    "2026-11-30-pay-confirm": lambda stage: _pay_until(stage, "1001", "pay/confirm"),
    "2026-11-30-pay-network": lambda stage: _pay_until(stage, "1002", "pay/network"),
    "2026-11-30-pay-otp": lambda stage: _pay_until(stage, "1002", "pay/otp"),
    "2026-11-30-pay-asked-twice": _unknown_merchant,
    "2026-11-30-pay-another-wallet": _another_wallet,
    "2026-11-30-balance-wrong-pin": _balance,
    "2026-11-30-link-web": _link,
    "2026-11-30-payments-which": _payments,
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
        "recorded": "2026-11-30",
        "flow": row["flow"],
        "waits": " ".join(facts.pop("asked").split()[:2]),
        "facts": facts,
        "journal": json.loads(row["journal"]),
    }
    assert kept["waits"].endswith(key)
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
