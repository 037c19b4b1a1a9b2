"""After a copy of the database was put back orders are asked about: none goes again or fails by its age."""

import shutil
from pathlib import Path

import pytest

from bot.admin.registry import COMMANDS
from bot.money import OrderState, Source
from bot.orders.rules import after_status
from bot.providers.base import StatusReport
from bot.store.sqlite.mark import mark_path
from tests.conversations.people import decide
from tests.conversations.stage import EFUA, Stage
from tests.shell.ledger import SCHEDULE, context, order
from tests.shell.test_worker import MINUTE, confirmed
from tests.store.make import NOW


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
    shown = await COMMANDS["orders.show"](stage.kasapay.admin, {"code": (await stage.order()).code})
    assert shown["restored_ms"] is not None
    await stage.pass_time(48 * 60 * MINUTE)
    assert (await stage.order()).state is OrderState.UNRESOLVED
    assert stage.entries == []


@pytest.mark.parametrize("absent", [True, False])
def test_what_was_put_back_goes_neither_again_nor_to_its_end_where_nobody_knows_it(absent: bool) -> None:
    """Not by its age, and not by looks that would fail any other order."""
    row = order(restored_ms=NOW)
    not_found = StatusReport(state=None, not_found=True)
    for minutes in range(1, 10):
        at = context(NOW + minutes * MINUTE * 1000, absent=absent)
        row = after_status(row, not_found, Source.POLL, at).order
        assert (row.state, row.sent_ms) == (OrderState.PENDING, NOW)
    late = context(NOW + int(SCHEDULE[-1] * 1000) + 10 * MINUTE * 1000, absent=absent)
    row = after_status(row, not_found, Source.POLL, late).order
    assert row.state is OrderState.UNRESOLVED


async def test_what_waited_goes_out_once_a_person_says_so(stage: Stage, tmp_path: Path) -> None:
    """However much it is."""
    stage.change("INSERT INTO people VALUES ('p9', 'en', 1, 0)")
    columns = "id, dedupe_key, kind, person_id, address_kind, address_value, view, state, created_ms, due_ms"
    rest = "edits, sent_ref, attempts, fence, lease_until_ms, error, urgency, seq"
    stage.change(
        f"INSERT INTO messages ({columns}, {rest})"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
        " SELECT 'm' || i, 'k' || i, 'reply', 'p9', 'web', 'w' || i, '{}', 'queued', i, 1,"
        " '', '', 0, 0, 0, '', 0, i FROM n"
    )
    await put_back(stage, await kept(stage, tmp_path))
    (count,) = stage.rows("SELECT COUNT(*) AS many FROM messages WHERE state = 'dead'")
    assert count["many"] == 1200
    done = await COMMANDS["outbox.redrive"](stage.kasapay.admin, {"all": True})
    assert done == {"queued": 1200}
