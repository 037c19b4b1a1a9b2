"""A database of the release before these names goes on: `tests/store/kept_0009.sql` was written by it.

In it one payment has ended, one is open at its provider, one has not left and one waits for its code; a
transfer waits for a second person, who refused a refund; and Wanjiru is asked for an amount.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.money import OrderKind, OrderState
from bot.store import expected_version, migrate
from bot.store.records import ApprovalState
from bot.store.sqlite.mark import Mark, write_mark
from tests.conversations.people import Phone, decide
from tests.conversations.stage import ACCOUNTANT, EFUA, KWAME, STAFF, STAFF_PIN, WANJIRU, Stage, open_stage

KEPT = Path(__file__).parents[1] / "store" / "kept_0009.sql"
WRITTEN_MS = 1_795_000_060_000


def put_in_place(stage: Stage) -> None:
    """The kept database instead of the stage's own, with its mark; its providers are the stage's sandbox."""
    stage.path.unlink()
    with closing(sqlite3.connect(stage.path)) as raw:
        raw.executescript(
            KEPT.read_text(encoding="utf-8").replace("http://sandbox.example", stage.sandbox.url)
        )
        raw.execute("PRAGMA journal_mode = WAL")
        token, serial = raw.execute("SELECT token, serial FROM marks").fetchone()
    write_mark(stage.path, Mark(token, serial))
    assert migrate(f"sqlite:///{stage.path}") == expected_version()


async def test_what_was_under_way_goes_on(tmp_path: Path, template: Path) -> None:
    async with open_stage(tmp_path, template) as stage:
        await stage.stop()
        put_in_place(stage)
        stage.clock.ms = WRITTEN_MS + 1000
        await stage.start()
        await stage.serve()
        before = {order.code: order for order in await stage.orders()}
        states = sorted(order.state for order in before.values())
        assert states == ["NEEDS_OTP", "NEW", "PENDING", "SUCCESSFUL"]
        assert await stage.store.restores() == ()

        # The conversation of somebody who was asked for an amount is offered again, and goes on.
        wanjiru = Phone(stage, WANJIRU)
        assert "You had not finished: Pay." in (await wanjiru.dial()).text
        assert "Amount (KES)" in (await wanjiru.answer("1")).text

        # The code is asked for at the next dial.
        assert "Enter the SMS code" in (await Phone(stage, KWAME).dial()).text

        # What was not sent is sent, under its reference; what had been accepted is only asked about.
        await stage.settle()
        decide(stage, EFUA, "approve")
        await stage.settle()
        await stage.pass_time(120)
        unsent, accepted = (
            next(order for order in before.values() if order.payer == EFUA and order.state is state)
            for state in (OrderState.NEW, OrderState.PENDING)
        )
        paid, asked = await stage.store.order(unsent.id), await stage.store.order(accepted.id)
        assert paid is not None
        assert asked is not None
        assert (paid.state, asked.state) == (OrderState.SUCCESSFUL, OrderState.PENDING)
        assert asked.polls > accepted.polls
        assert [entry.reference for entry in stage.entries] == [unsent.reference]

        # What waited for a second person is shown, and approved it is the very order that was asked for.
        ama, adwoa = Phone(stage, STAFF), Phone(stage, ACCOUNTANT)
        await ama.dial("1001", "600")
        await ama.answer("1")
        await stage.settle()
        decide(stage, STAFF, "approve")
        await stage.settle()
        rows = stage.rows("SELECT id, state FROM approvals")
        approvals = {row["state"]: await stage.store.approval(row["id"]) for row in rows}
        waiting, refused = approvals[ApprovalState.WAITING], approvals[ApprovalState.REFUSED]
        assert waiting is not None
        assert refused is not None
        assert (waiting.request.kind, refused.request.kind) == (OrderKind.TRANSFER, OrderKind.REFUND)
        await adwoa.dial("5", "9")
        for said in (STAFF_PIN, "1"):
            await adwoa.answer(said)
        await stage.settle()
        await stage.pass_time(30)
        made = await stage.store.order_by_code(waiting.request.code)
        assert made is not None
        assert (made.kind, made.state, made.payee) == (OrderKind.TRANSFER, OrderState.SUCCESSFUL, KWAME)
        assert (made.id, made.reference) == (waiting.request.id, waiting.request.reference)
        assert await stage.store.audit(stage.clock(), 10**9, 10**9) == ()
