"""A disk in trouble while people pay: full, unable to flush, and the database held by another process.

Payments stop with honest words, nothing leaves for a provider that is not on disk, and when the trouble
is over everything goes on by itself: no restart, within seconds.

So that a batch ends soon, `serve` waits less, as in `kill`. Nothing else about it is changed.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from tests.torture.campaign import Batch, Campaign
from tests.torture.disk_trouble import Disk, build_shim
from tests.torture.judging import Verdicts, wait_until_told
from tests.torture.kill import WAITS
from tests.torture.line import Broken
from tests.torture.phones import Customer, draw_customer
from tests.torture.stage import Stage, until

__all__ = ["DISK", "play_disk"]

_LANES: Final = 8
_FINAL_S: Final = 60.0
_RECOVERS_S: Final = 5.0
_LOOK_S: Final = 0.05
_RETAKEN_S: Final = 0.2
_NOTICED_S: Final = 30.0
_ANSWERS_S: Final = 6.0


class Watch:
    """Asks `/healthz` and `/readyz` all the time."""

    def __init__(self, stage: Stage, batch: Batch) -> None:
        self._stage = stage
        self._batch = batch
        self.is_ready = True

    async def run(self) -> None:
        while True:
            try:
                if not await self._stage.is_ok("/healthz"):
                    self._batch.wrong.append("/healthz said no")
                self.is_ready = await self._stage.is_ok("/readyz")
            except Broken as error:
                self._batch.wrong.append(f"/healthz or /readyz did not answer: {error}")
            await asyncio.sleep(0.05)

    async def turns(self, ready: bool) -> None:
        async def look() -> bool | None:
            return True if self.is_ready is ready else None

        await until(f"/readyz {'true' if ready else 'false'}", look, patience_s=_NOTICED_S)


async def play_disk(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    draw, batch = random.Random(seed), Batch()
    disk = Disk(folder)
    accounts = {"momo": ("momo", "judge"), "startbutton": ("startbutton", "judge")}
    with disk.mounted():
        print("the full disk is " + ("a small tmpfs" if disk.is_real else "said by the preloaded library"))
        shim = str(build_shim(folder))
        async with Stage(
            folder, WAITS, accounts, database=disk.database, preload=shim, more=disk.environment
        ) as stage:
            await stage.begin({"judge": {"faults": {"latency_ms": 10}}})
            try:
                await _play(stage, disk, draw, batch, size)
            finally:
                if batch.wrong:
                    print(f"kept in {stage.keep_for_study(f'disk-{seed}', batch.wrong)}")
    return batch


async def _play(stage: Stage, disk: Disk, draw: random.Random, batch: Batch, size: Mapping[str, int]) -> None:
    sandbox = stage.sandboxes["judge"]
    people, customers = random.Random(draw.random()), list[Customer]()
    troubles: list[tuple[float, float]] = []
    over = asyncio.Event()
    watch = Watch(stage, batch)
    watching = asyncio.create_task(watch.run())
    kinds = ["full"] * size["full"] + ["flush"] * size["flush"] + ["locked"] * size["locked"]
    draw.shuffle(kinds)

    async def lane() -> None:
        while not over.is_set():
            merchants = ("1001", "1001", "1001", "1002") if size["startbutton"] else ("1001",)
            habits = draw_customer(people, len(customers), merchants, otp="1002", plain=True)
            customers.append(Customer(habits, stage, sandbox, insists=True))
            await customers[-1].pay()
            await asyncio.sleep(people.uniform(0, 0.1))

    async with asyncio.TaskGroup() as group:
        for _ in range(_LANES):
            group.create_task(lane())
        for kind in kinds:
            await _more_paid(customers, draw.randint(3, 12))
            await _one(kind, stage, disk, watch, batch, troubles, draw, size)
            await _more_paid(customers, 3)
        over.set()
    await wait_until_told(customers, [sandbox], patience_s=_FINAL_S)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await stage.kill()
    own = stage.own_orders()
    for entry in await sandbox.entries():
        if entry["provider"] == "momo" and entry["external_id"] not in own:
            batch.wrong.append(f"{entry['external_id']} is at the provider and not in our file")
    lines = await sandbox.requests()
    charged = sum(line["method"] == "POST" and "mobile_money" in line["path"] for line in lines)
    await Verdicts(batch, kills=troubles).hear(customers, [sandbox])
    slowest = max((s for customer in customers for s in customer.answers_s), default=0.0)
    batch.measured("s for a screen", slowest)
    batch.did("rounds", len(kinds))
    batch.saw("payments", len(customers))
    batch.saw("times sent away with the truth", sum(customer.times_closed for customer in customers))
    print(f"{len(customers)} payments ({charged} charges), {len(kinds)} rounds: {' '.join(kinds)}")


async def _more_paid(customers: list[Customer], more: int) -> None:
    """Let people pay."""
    before = sum(bool(customer.code) for customer in customers)

    async def look() -> bool | None:
        return True if sum(bool(customer.code) for customer in customers) >= before + more else None

    await until("more payments", look)


async def _one(
    kind: str,
    stage: Stage,
    disk: Disk,
    watch: Watch,
    batch: Batch,
    troubles: list[tuple[float, float]],
    draw: random.Random,
    size: Mapping[str, int],
) -> None:
    """One trouble from its beginning until all is well again."""
    contexts: dict[str, AbstractAsyncContextManager[None]] = {
        "full": disk.full(),
        "flush": disk.unable_to_flush(),
        "locked": disk.locked(),
    }
    began = time.time()
    async with contexts[kind]:
        await watch.turns(False)
        # Not ready any more: it stays so, and people go on dialling, for as long as the trouble lasts.
        lasts_s = size["locked_s"] if kind == "locked" else draw.uniform(0.2, 1.5)
        yes = 0
        while time.time() - began < lasts_s:
            await asyncio.sleep(_LOOK_S)
            # The database may give some bytes back and really commit before they are taken again, too.
            yes = yes + 1 if watch.is_ready else 0
            if yes * _LOOK_S > _RETAKEN_S:
                batch.wrong.append(f"/readyz said yes while the trouble ({kind}) lasted")
                break
    ended = time.time()
    troubles.append((began, ended + _RECOVERS_S))
    await watch.turns(True)
    took_s = time.time() - ended
    batch.measured(f"s to recover ({kind})", took_s)
    if took_s > _RECOVERS_S:
        batch.wrong.append(f"{took_s:.1f} s to recover from {kind}")


DISK: Final = Campaign(
    name="disk",
    title="Disk full, flush failing, database locked, while people pay",
    holds="nothing charged without a durable record, the truth on every screen, /readyz false meanwhile;"
    " well again by itself within 5 s",
    small={"full": 1, "flush": 1, "locked": 1, "locked_s": 4, "startbutton": 1},
    batch={"full": 10, "flush": 10, "locked": 1, "locked_s": 30, "startbutton": 1},
    goal={"rounds": 200},
    run=play_disk,
    slots=1,
)
