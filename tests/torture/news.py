"""Told, acknowledged, and killed before the question: no word of a provider about a final order is forgotten.

Everyone pays through Startbutton, and every payment is reversed a little later. `serve` is killed the moment
it has acknowledged such an event, while its question about it is under way (a status takes 300 ms, and some
fail), and is started again on the same file. Startbutton sends an event once: whatever was
acknowledged must reach the ledger, the payer and the merchant's owner all the same.

So that a batch ends soon, a final order is asked about again after 1 s (5 s), and what a dead process
had taken up after 2 s (60 s). Nothing else is changed.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bot.admin.socket import ask_owner
from tests.torture.campaign import Batch, Campaign
from tests.torture.line import Broken
from tests.torture.phones import Customer, draw_customer
from tests.torture.stage import Sandbox, Stage, until

__all__ = ["NEWS", "play_news"]

_WAITS: Final[Mapping[str, Any]] = {
    "times": {"lease_s": 2, "hint_spacing_s": 1},
    "startbutton_schedule_s": (1, 2, 3, 4, 6),
}
_KILLED: Final = 0.6
_FINAL_S: Final = 60.0
_RULES: Final = (
    {"group": "startbutton.create", "set": {"next_step": "PIN"}},
    {"group": "startbutton.status", "set": {"latency_ms": 300}},
)


class Herald:
    """Tells of each reversal once, as Startbutton would, and kills `serve` the moment it acknowledged it."""

    def __init__(self, stage: Stage, sandbox: Sandbox, draw: random.Random, kills: int) -> None:
        self._stage = stage
        self._sandbox = sandbox
        self._draw = draw
        self._kills = kills
        self.acknowledged: set[str] = set()
        self.told: set[str] = set()
        self.kills = 0

    async def tell(self, payments: int) -> None:
        """Until so many payments were taken and each reversal was told."""
        while len(self.told) < payments:
            for entry in await self._sandbox.entries():
                if entry["status"] == "reversed" and entry["reference"] not in self.told:
                    await self._tell(entry["reference"])
            await asyncio.sleep(0.05)

    async def _tell(self, reference: str) -> None:
        self.told.add(reference)
        answer = await self._sandbox.line.json("POST", f"/_sandbox/callbacks/{reference}", {})
        if answer["answer_status"] != 200:
            return
        self.acknowledged.add(reference)
        if self.kills < self._kills and self._draw.random() < _KILLED:
            await asyncio.sleep(self._draw.choice((0, 0, 0.1, 0.25)))
            await self._stage.kill()
            await self._stage.start()
            self.kills += 1


async def play_news(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    draw, batch = random.Random(seed), Batch()
    async with Stage(folder, _WAITS, {"startbutton": ("startbutton", "judge")}) as stage:
        await stage.begin({"judge": {"faults": {"reverse_after_s": 2, "rules": list(_RULES)}}})
        owner = {"code": "1001", "name": "Ama", "role": "owner"}
        assert await ask_owner(stage.database, "staff.add", owner) is not None
        sandbox = stage.sandboxes["judge"]
        herald = Herald(stage, sandbox, draw, size["kills"])
        people = [
            Customer(draw_customer(draw, number, ("1001",), plain=True, walkers=0.0), stage, sandbox)
            for number in range(size["payments"])
        ]
        failing = asyncio.create_task(_fail_now_and_then(sandbox, random.Random(draw.random())))
        for customer in people:
            await customer.pay()
        async with asyncio.timeout(_FINAL_S * 4):
            await herald.tell(len(await sandbox.entries()))
        failing.cancel()
        await asyncio.gather(failing, return_exceptions=True)
        await sandbox.faults(rules=list(_RULES))
        with contextlib.suppress(AssertionError):
            await until("the ledger", lambda: _all_reversed(stage, herald), patience_s=_FINAL_S)
        await _judge(stage, sandbox, herald, batch)
        batch.did("reversals", len(herald.acknowledged))
        batch.did("kills", herald.kills)
        print(f"{len(people)} payments, {len(herald.acknowledged)} reversals, {herald.kills} kills")
        if batch.wrong:
            print(f"kept in {stage.keep_for_study(f'news-{seed}', batch.wrong)}")
    return batch


async def _fail_now_and_then(sandbox: Sandbox, draw: random.Random) -> None:
    """A question fails now and then, until cancelled."""
    failed = {"group": "startbutton.status", "set": {"error_status": 503}, "times": 1}
    while True:
        await asyncio.sleep(draw.uniform(0.5, 1.5))
        with contextlib.suppress(Broken):
            await sandbox.faults(rules=[failed, *_RULES] if draw.random() < 0.4 else list(_RULES))


def _states(stage: Stage) -> dict[str, tuple[str, str]]:
    """State and code by our reference, as Startbutton writes it."""
    with sqlite3.connect(f"{stage.database.as_uri()}?mode=ro", uri=True) as file:
        rows = file.execute("SELECT reference, state, code FROM orders").fetchall()
    return {reference.replace("-", ""): (state, code) for reference, state, code in rows}


async def _all_reversed(stage: Stage, herald: Herald) -> bool | None:
    states = _states(stage)
    return True if all(states[name][0] == "REVERSED" for name in herald.acknowledged) else None


async def _judge(stage: Stage, sandbox: Sandbox, herald: Herald, batch: Batch) -> None:
    states = _states(stage)
    with sqlite3.connect(f"{stage.database.as_uri()}?mode=ro", uri=True) as file:
        alarmed = {
            code
            for (code,) in file.execute(
                "SELECT o.code FROM incidents i JOIN orders o ON o.id = i.order_id WHERE o.state = 'REVERSED'"
            )
        }
        # One that was reversed before anybody asked about it was never said to be paid: nothing changed.
        was_paid = {
            code
            for (code,) in file.execute(
                "SELECT o.code FROM transitions t JOIN orders o ON o.id = t.order_id"
                " WHERE t.held = 'SUCCESSFUL'"
            )
        }

    async def look() -> bool | None:
        told[:] = [sms["text"] for sms in await sandbox.sms()]
        return True if all(_is_told(told, states[name][1]) for name in herald.acknowledged) else None

    told: list[str] = []
    with contextlib.suppress(AssertionError):
        await until("the words of every reversal", look, patience_s=_FINAL_S)
    for name in sorted(herald.acknowledged):
        state, code = states[name]
        if state != "REVERSED":
            batch.wrong.append(f"order {code}: its reversal was acknowledged, and it is {state}")
            continue
        if code in was_paid and code not in alarmed:
            batch.wrong.append(f"order {code}: REVERSED, and nobody at the merchant can see it")
        times = sum(_is_told([text], code) for text in told)
        if not times:
            batch.wrong.append(f"order {code}: REVERSED, and its payer was not told")
        elif times > 1:
            batch.saw("a reversal told twice")


def _is_told(texts: list[str], code: str) -> bool:
    return any(text.removeprefix("Kasapay: ").startswith("Reversed:") and code in text for text in texts)


NEWS: Final = Campaign(
    name="news",
    title="Killed between the acknowledgement of an event and the question about it",
    holds="acknowledged and forgotten 0, payers not told 0, incidents missing 0",
    small={"payments": 12, "kills": 6},
    batch={"payments": 100, "kills": 50},
    goal={"reversals": 500, "kills": 200},
    run=play_news,
    slots=1,
)
