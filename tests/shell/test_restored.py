"""After a copy of the database was put back orders are asked about: none goes again or fails by its age."""

import shutil
from pathlib import Path

import pytest

from bot.money import OrderState
from bot.store.mark import mark_path
from tests.conversations.people import decide
from tests.conversations.stage import EFUA, Stage
from tests.shell.test_worker import MINUTE, confirmed


async def put_back(stage: Stage, kept: Path) -> None:
    """Stop, copy the file in its place, start again."""
    await stage.stop()
    shutil.copy(kept, stage.path)
    mark_path(stage.path).unlink()
    await stage.start()


async def kept(stage: Stage, tmp_path: Path) -> Path:
    await stage.stop()
    copy = Path(shutil.copy(stage.path, tmp_path / "kept.db"))
    await stage.start()
    return copy


async def test_an_order_sent_since_is_asked_about_and_taken_once(stage: Stage, tmp_path: Path) -> None:
    assert (await confirmed(stage)).state is OrderState.NEW
    copy = await kept(stage, tmp_path)
    await stage.pass_time(30)
    assert len(stage.entries) == 1
    await put_back(stage, copy)
    decide(stage, EFUA, "approve")
    await stage.pass_time(5 * MINUTE)
    assert (await stage.order()).state is OrderState.SUCCESSFUL
    assert len(stage.entries) == 1


@pytest.mark.parametrize("merchant", ["1001", "1002"])
async def test_an_order_nobody_knows_is_for_a_person(stage: Stage, tmp_path: Path, merchant: str) -> None:
    """Neither sent, nor failed because it is old or unknown over there: it may lie in an account or under a
    name that the copy does not know."""
    stage.faults(rules=[{"group": "startbutton.create", "set": {"drop_request": 1}, "times": 1}])
    await confirmed(stage, merchant)
    await put_back(stage, await kept(stage, tmp_path))
    await stage.pass_time(3 * MINUTE)
    assert (await stage.order()).state is OrderState.PENDING
    await stage.pass_time(100 * MINUTE)
    assert (await stage.order()).state is OrderState.UNRESOLVED
    kinds = {incident.kind for incident in await stage.store.incidents(10)}
    assert kinds == {"restored", "unresolved"}
    await stage.pass_time(48 * 60 * MINUTE)
    assert (await stage.order()).state is OrderState.UNRESOLVED
    assert stage.entries == []
