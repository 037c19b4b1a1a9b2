"""Seeded simulation: customers, gateways, providers, disk and clock in trouble, all drawn from a seed.

A seed gives the same run, event by event, on any machine. One that ever failed is kept for ever in
`tests/simulation/kept`, with everything it was made of.
"""

import asyncio
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.simulation.trouble import draw_trouble
from tests.simulation.world import Plan, Report, draw_template, simulate
from tests.torture.campaign import Batch, Campaign

__all__ = ["SIMULATE", "draw_plan", "play_seed"]


def draw_plan(seed: int, payments: int) -> Plan:
    """The plan of a seed: its trouble lasts some minutes, an outage of the provider longer."""
    chance = random.Random(f"{seed} plan")
    trouble = draw_trouble(chance)
    return Plan(
        payments=payments,
        customers=max(2, payments // chance.randint(2, 4)),
        # A charge that nobody knows is asked about for an hour and more: a share of the runs is enough.
        merchants=("1001", "1001", "1002") if chance.random() < 0.4 else ("1001",),
        trouble=trouble,
        calm_after_s=1300.0 if trouble.outage_s else 400.0,
    )


def play_seed(seed: int, payments: int, folder: Path, template: Path) -> Report:
    place = folder / str(seed)
    place.mkdir()
    try:
        return simulate(seed, draw_plan(seed, payments), place, template)
    finally:
        shutil.rmtree(place)


def note(batch: Batch, seed: int, report: Report, payments: int) -> None:
    """Add what a run did to the figures."""
    batch.did("seeds")
    batch.did("payments", payments)
    batch.saw("kills", report.kills)
    batch.saw("charged", report.charged)
    batch.saw("told again, nobody could know", report.told_again)
    batch.saw("left to a person", report.unresolved)
    batch.wrong += [f"seed {seed}, {payments} payments: {what}" for what in report.wrong]


def _play_seeds(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    template = folder / "template.db"
    draw_template(template)
    batch = Batch()
    payments = size["payments"] // size["seeds"]
    for number in range(size["seeds"]):
        one = seed * 1000 + number
        note(batch, one, play_seed(one, payments, folder, template), payments)
    return batch


async def run(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    # A virtual loop does not run inside another.
    return await asyncio.to_thread(_play_seeds, seed, size, folder)


SIMULATE: Final = Campaign(
    name="simulate",
    title="seeded simulation",
    holds="violations 0",
    small={"seeds": 80, "payments": 240},
    batch={"seeds": 50, "payments": 2500},
    goal={"seeds": 20_000, "payments": 1_000_000},
    run=run,
    slots=1,
)
