"""Providers down for minutes, each in its own way, beside one that is well, while people pay.

Refusing connections (its process is dead), frozen (takes the connection and never answers), in order and
saying 503, closing every connection, and slow. Whoever confirms meanwhile hears the truth; the healthy
provider's customers notice nothing; a dead one is left alone but for a probe a second; and when they are
back, everything drains by itself.

At its large size nothing about `serve` is changed. At the small one a payment is given up after 3 s
(120 s), MoMo may not know a request for 1 s (30 s) and is asked every second, and after 2 s (10 s) where
that could not be sent.
"""

import asyncio
import os
import random
import signal
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.torture.campaign import Batch, Campaign
from tests.torture.judging import Verdicts, moment, wait_until_told
from tests.torture.phones import Customer, draw_customer
from tests.torture.stage import Sandbox, Stage

__all__ = ["DOWN", "play_down"]

_SMALL_WAITS: Final[Mapping[str, Any]] = {
    "times": {"send_s": 3, "lease_s": 2},
    "momo_grace_s": 1,
    "unsent_s": 2,
    "momo_schedule_s": (*range(1, 61), 600),
}
_DRAINS_S: Final = 120.0
_KINDS: Final = ("dead", "frozen", "refusing", "closing", "slow")
# Calls that were under way, and the ten failures in a row that it takes, come before "left alone".
_NOTICED_S: Final = 35.0
# How much slower the healthy provider's customers may be served than before, and what is never slow.
_SLOWER: Final = 3.0
_QUICK_S: Final = 2.0


async def take_down(kind: str, sandbox: Sandbox, slow_s: int) -> None:
    if kind == "dead":
        await sandbox.stop()
    elif kind == "frozen":
        os.kill(sandbox.pid, signal.SIGSTOP)
    elif kind == "refusing":
        await sandbox.faults(error_status=503, error_shape="html")
    elif kind == "closing":
        await sandbox.faults(drop_request=-1)
    else:
        await sandbox.faults(latency_ms=slow_s * 1000)


async def bring_back(kind: str, sandbox: Sandbox) -> None:
    if kind == "dead":
        await sandbox.start()
    elif kind == "frozen":
        os.kill(sandbox.pid, signal.SIGCONT)
    else:
        await sandbox.faults(error_status=0, drop_request=0, latency_ms=0)


class Crowd:
    """Customers of one merchant, coming at random moments, so many a second."""

    def __init__(
        self, stage: Stage, merchant: str, sandbox: Sandbox, draw: random.Random, offset: int
    ) -> None:
        self.customers: list[Customer] = []
        self.sandbox = sandbox
        self._stage = stage
        self._merchant = merchant
        self._draw = draw
        self._offset = offset

    async def come(self, a_second: float, until: float) -> None:
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < until:
                number = self._offset + len(self.customers)
                habits = draw_customer(self._draw, number, (self._merchant,), plain=True)
                self.customers.append(Customer(habits, self._stage, self.sandbox, insists=True))
                group.create_task(self.customers[-1].pay())
                await asyncio.sleep(self._draw.expovariate(a_second))


def _told_after_s(customers: Sequence[Customer], told: Mapping[str, float]) -> list[float]:
    return [
        told[number] - customer.confirmed_until
        for customer in customers
        if (number := customer.habits.msisdn.removeprefix("+")) in told
    ]


def _late(values: Sequence[float]) -> float:
    """The time that all but one in twenty stay below."""
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else max(values, default=0.0)


def _count_probes(
    batch: Batch, kind: str, lines: Sequence[Mapping[str, Any]], since: float, until: float
) -> None:
    """Once its failing was noticed, at most one request a second until it was back."""
    at = sorted(moment(line["at"]) for line in lines)
    quiet = [second for second in at if since <= second <= until]
    most = until - since + 2
    batch.saw(f"probes while {kind}", len(quiet))
    if len(quiet) > most:
        batch.wrong.append(f"{len(quiet)} requests to a provider that is {kind} in {until - since:.0f} s")


async def play_down(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    draw, batch = random.Random(seed), Batch()
    small = size["down_s"] < 60
    kinds = _KINDS if not small else ("dead", "refusing", "slow")
    accounts = {f"momo-{name}": ("momo", name) for name in (*kinds, "well")}
    async with Stage(folder, _SMALL_WAITS if small else {}, accounts) as stage:
        await stage.begin()
        try:
            await _play(stage, kinds, draw, batch, size)
        finally:
            if batch.wrong:
                print(f"kept in {stage.keep_for_study(f'down-{seed}', batch.wrong)}")
    return batch


async def _play(
    stage: Stage, kinds: Sequence[str], draw: random.Random, batch: Batch, size: Mapping[str, int]
) -> None:
    ill = {
        kind: Crowd(
            stage, str(1001 + place), stage.sandboxes[kind], random.Random(draw.random()), 10_000 * place
        )
        for place, kind in enumerate(kinds)
    }
    merchant = str(1001 + len(kinds))
    before, meanwhile = (
        Crowd(
            stage,
            merchant,
            stage.sandboxes["well"],
            random.Random(draw.random()),
            10_000 * (len(kinds) + more),
        )
        for more in (0, 1)
    )
    # All is well: how quick that is on this machine. One payment each, so that tokens are bought.
    await asyncio.gather(*(crowd.come(1000, time.monotonic() + 0.001) for crowd in ill.values()))
    await before.come(size["well_a_s"], time.monotonic() + size["before_s"])
    for kind in kinds:
        await take_down(kind, stage.sandboxes[kind], size["slow_s"])
    began = time.time()
    ends = time.monotonic() + size["down_s"]
    await asyncio.gather(
        meanwhile.come(size["well_a_s"], ends),
        *(crowd.come(size["ill_in_10_s"] / 10, ends) for crowd in ill.values()),
    )
    back = time.time()
    for kind in kinds:
        await bring_back(kind, stage.sandboxes[kind])
    everyone = [customer for crowd in (before, meanwhile, *ill.values()) for customer in crowd.customers]
    patience_s = 2 * _DRAINS_S
    await wait_until_told(everyone, [stage.sandboxes["well"]], patience_s=patience_s)
    drained_s = time.time() - back
    batch.measured("s to drain", drained_s)
    if drained_s > _DRAINS_S:
        batch.wrong.append(f"{drained_s:.0f} s until the last was told after the providers were back")
    await stage.kill()
    await Verdicts(batch).hear(everyone, list(stage.sandboxes.values()))

    told: dict[str, float] = {}
    for sms in await stage.sandboxes["well"].sms():
        told.setdefault(sms["to"], moment(sms["at"]))
    for what, was, is_now in (
        ("screen", _screens(before), _screens(meanwhile)),
        ("result", _told_after_s(before.customers, told), _told_after_s(meanwhile.customers, told)),
    ):
        print(f"{what} of the healthy: {_late(was):.2f} s before, {_late(is_now):.2f} s meanwhile")
        batch.measured(f"s for a {what} beside", _late(is_now))
        if _late(is_now) > max(_QUICK_S, _SLOWER * _late(was)):
            batch.wrong.append(
                f"a {what} of the healthy took {_late(is_now):.1f} s, {_late(was):.1f} s before"
            )
    noticed = began + min(_NOTICED_S, size["down_s"] / 2)
    for kind in kinds:
        if kind in ("refusing", "closing"):
            _count_probes(batch, kind, await stage.sandboxes[kind].requests(), noticed, back - 0.5)
        crowd = ill[kind]
        paid = {entry["external_id"] for entry in await crowd.sandbox.entries() if entry["times_charged"]}
        unsent = [customer for customer in crowd.customers if customer.code and customer.code not in paid]
        batch.saw(f"given up while {kind}, nothing taken", len(unsent))
        batch.measured("s until told that nothing was taken", max(_told_after_s(unsent, told), default=0.0))
        batch.measured("s for a screen of the ill", max(_screens(crowd), default=0.0))
    batch.did("outages", len(kinds))
    batch.saw("payments", len(everyone))


def _screens(crowd: Crowd) -> list[float]:
    return [took_s for customer in crowd.customers for took_s in customer.answers_s]


DOWN: Final = Campaign(
    name="down",
    title="Providers down for ten minutes under load, beside a healthy one",
    holds="the truth told to everyone, at most a probe a second, the healthy one as quick as before,"
    " drained within 120 s",
    small={"down_s": 5, "before_s": 1, "slow_s": 4, "well_a_s": 6, "ill_in_10_s": 30},
    batch={"down_s": 600, "before_s": 30, "slow_s": 30, "well_a_s": 3, "ill_in_10_s": 6},
    goal={"outages": 5},
    run=play_down,
    slots=1,
)
