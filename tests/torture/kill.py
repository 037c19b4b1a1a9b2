"""`kill -9` at any moment while people pay: nothing is lost, nothing paid twice, everyone is told.

A real `serve` on a real file is killed again and again and started on the same file; the sandbox is a
process of its own and judges. Meanwhile calls take a while, replies and callbacks are lost or doubled,
prompts are rejected and ignored, as a share drawn from the seed. After every fifth kill it is first started
with another base URL, which must be refused while orders are open, and ask for nothing there.

So that a batch ends soon, `serve` waits less than it does otherwise: an order of a dead process is taken
up after 5 s (60 s); MoMo may not know a request for 2 s (30 s) and is asked 2, 4, 7, 12, 20 s after it and
then every 10 s (3, 8, 18, 33, 60 s and every 30 s); Startbutton is asked until 6 s after the charge
(75 min). Nothing else is changed.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.torture.campaign import Batch, Campaign
from tests.torture.judging import Verdicts, wait_until_told
from tests.torture.line import Broken
from tests.torture.phones import Customer, draw_customer
from tests.torture.stage import Sandbox, Stage

__all__ = ["KILL", "WAITS", "play_kill"]

WAITS: Final[Mapping[str, Any]] = {
    "times": {"lease_s": 5},
    "momo_grace_s": 2,
    "momo_schedule_s": (2, 4, 7, 12, *range(20, 601, 10)),
    "startbutton_schedule_s": (1, 2, 3, 4, 6),
}
_LANES: Final = 64
_FINAL_S: Final = 60.0
# Every so many restarts somebody tries it with another base URL first.
_ELSEWHERE: Final = 5
_OPEN: Final = frozenset({"NEW", "PENDING", "NEEDS_OTP"})
# What may happen to a few requests of one kind. Share, path group, switches.
_WEATHER: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("momo.create", {"drop_reply": 1}),
    ("momo.create", {"latency_ms": 900}),
    ("momo.create", {"error_status": 500, "error_when": "after"}),
    ("momo.create", {"callback_lost": 1}),
    ("momo.create", {"callback_duplicates": 2}),
    ("momo.create", {"callback_late_s": 1}),
    ("momo.create", {"callback_before_reply": True}),
    ("momo.create", {"status_not_found_first": 1}),
    ("momo.status", {"drop_reply": 1}),
    ("momo.status", {"error_status": 503}),
    ("startbutton.create", {"callback_lost": 1}),
    ("startbutton.create", {"callback_duplicates": 2}),
    ("startbutton.create", {"drop_reply": 1}),
    ("startbutton.otp", {"drop_reply": 1}),
    # Answers of which nobody knows whether anything was created.
    ("momo.create", {"error_status": 408, "error_when": "after"}),
    ("startbutton.create", {"error_status": 408, "error_when": "after"}),
    ("startbutton.otp", {"error_status": 422, "error_when": "after", "error_shape": "html"}),
    ("startbutton.status", {"drop_reply": 1}),
)


class Killer:
    """Kills `serve` a little after every so many answers, so many times, and starts it again."""

    def __init__(self, stage: Stage, draw: random.Random, *, kills: int, answers: int) -> None:
        self.at: list[float] = []
        self.wrong: list[str] = []
        self.elsewhere = 0
        self.restarts_s: list[float] = []
        self._stage = stage
        self._draw = draw
        self._kills = kills
        # Spread over the answers there will be, but never before the first after a start.
        self._most = max(2 * answers // max(kills, 1), 2)
        self._answered = 0
        self._more = asyncio.Event()

    def was_answered(self) -> None:
        self._answered += 1
        self._more.set()

    async def run(self) -> None:
        for _ in range(self._kills):
            wanted = self._answered + self._draw.randint(1, self._most)
            while self._answered < wanted:
                self._more.clear()
                await self._more.wait()
            # Somewhere inside what that request set going: the turn, the call, the result, its message.
            await asyncio.sleep(self._draw.uniform(0, 0.15))
            self.at.append(time.time())
            began = time.monotonic()
            await self._stage.kill()
            if len(self.at) % _ELSEWHERE == 0:
                await self._try_elsewhere()
                began = time.monotonic()
            await self._stage.start()
            self.restarts_s.append(time.monotonic() - began)

    async def _try_elsewhere(self) -> None:
        """Somebody changed the base URL: no order goes there, and `serve` says which ones hold it back."""
        stage = self._stage
        open_ = {code for code, state in stage.own_orders().items() if state in _OPEN}
        said = await stage.start_elsewhere()
        if open_ and not any(code in said for code in open_):
            self.wrong.append(f"served elsewhere with open orders {sorted(open_)[:3]}: {said[-300:]!r}")
        if stage.elsewhere.calls:
            self.wrong.append(f"{stage.elsewhere.calls} calls to where no order was ever sent")
        self.elsewhere += bool(open_)


async def weather(sandbox: Sandbox, draw: random.Random) -> None:
    """Trouble on the way to the provider, until cancelled: for one or two requests of one kind at a time."""
    while True:
        group, switches = draw.choice(_WEATHER)
        rule = {"group": group, "set": switches, "times": draw.randint(1, 2)}
        with contextlib.suppress(Broken):
            await sandbox.faults(rules=[rule])
        await asyncio.sleep(draw.uniform(0.02, 0.2))


async def in_lanes(
    customers: list[Customer], more: Callable[[], Customer | None], lanes: int = _LANES
) -> None:
    """So many customers at a time, each after the other, until there is none."""

    async def lane() -> None:
        while (customer := more()) is not None:
            customers.append(customer)
            await customer.pay()

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(lane())


async def play_kill(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    draw, batch = random.Random(seed), Batch()
    momo = {f"momo-{name}": ("momo", "judge") for name in "abc"}
    accounts = {**momo, "startbutton": ("startbutton", "judge")}
    async with Stage(folder, WAITS, accounts) as stage:
        # Calls take a while, so that kills fall into them.
        await stage.begin({"judge": {"prompt_s": 3, "faults": {"latency_ms": 25}}})
        sandbox = stage.sandboxes["judge"]
        killer = Killer(
            stage, random.Random(draw.random()), kills=size["kills"], answers=2 * size["payments"]
        )
        customers: list[Customer] = []
        people = random.Random(draw.random())
        began = time.monotonic()
        storm = asyncio.create_task(weather(sandbox, random.Random(draw.random())))
        killing = asyncio.create_task(killer.run())

        def more() -> Customer | None:
            if len(customers) >= size["payments"] and killing.done():
                return None
            merchants = ("1001", "1002", "1003", "1001", "1004")
            habits = draw_customer(people, len(customers), merchants, otp="1004")
            return Customer(habits, stage, sandbox, killer.was_answered)

        await in_lanes(customers, more)
        await killing
        storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)
        await sandbox.faults(rules=[])
        paying_s = time.monotonic() - began
        ended = time.time()
        await wait_until_told(customers, [sandbox], patience_s=_FINAL_S)
        batch.measured("s to the last result", time.time() - ended)
        await stage.kill()
        verdicts = Verdicts(batch, kills=[(at, at) for at in killer.at])
        dropped = {
            line["reference"] for line in await sandbox.requests() if line["status"] in ("dropped", 500)
        }
        await verdicts.hear(customers, [sandbox], lost=lambda entry: entry["reference"] in dropped)
        batch.wrong += killer.wrong
        batch.saw("starts elsewhere that were refused", killer.elsewhere)
        batch.did("kills", len(killer.at))
        batch.did("payments", len(customers))
        batch.measured("s of a restart", max(killer.restarts_s, default=0.0))
        print(
            f"{len(customers)} payments and {len(killer.at)} kills in {paying_s:.1f} s, restarts"
            f" {sum(killer.restarts_s):.1f} s of it; the last result after {time.time() - ended:.1f} s"
        )
        if batch.wrong:
            print(f"kept in {stage.keep_for_study(f'kill-{seed}', batch.wrong)}")
    return batch


KILL: Final = Campaign(
    name="kill",
    title="Killed with SIGKILL while people pay",
    holds="lost 0, charged twice 0, acknowledged and missing 0; told twice only where the kill fell between"
    " sending a message and noting it; final within 60 s",
    small={"kills": 15, "payments": 500},
    batch={"kills": 50, "payments": 2500},
    goal={"kills": 1000, "payments": 50000},
    run=play_kill,
    slots=1,
)
