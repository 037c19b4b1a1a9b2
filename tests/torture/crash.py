"""Killed at every boundary: before and after each write and each call, for every flow and behaviour.

Each story is played once to count its steps, then once for each of them and each side of it: the
process dies there, another starts on the file, the gateway delivers again or the customer redials.
Judged by what the pretend providers accepted and the phones were told.
"""

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tests.simulation.behaviours import BEHAVIOURS
from tests.simulation.people import ERRANDS
from tests.simulation.world import Plan, Report, draw_template, simulate
from tests.torture.campaign import Batch, Campaign

__all__ = ["CRASH", "MAIN_STORIES", "STORIES", "play_all"]

_MERCHANTS: Final = {"MoMo": "1001", "Startbutton": "1002"}
_ONE: Final = Plan(payments=1, customers=1, calm_after_s=0)


def _stories() -> Iterator[tuple[str, Plan]]:
    for errand in ERRANDS:
        yield errand, msgspec.structs.replace(_ONE, errand=errand)
    for provider, merchant in _MERCHANTS.items():
        for behaviour in BEHAVIOURS:
            for decides in ("approve", "reject", "ignore", "poor"):
                plan = msgspec.structs.replace(
                    _ONE, merchants=(merchant,), behaviour=behaviour, decides=decides
                )
                yield f"{provider}, {behaviour}, {decides}", plan
        # Started anew, it leads to another address at first.
        moved = msgspec.structs.replace(
            _ONE, merchants=(merchant,), behaviour="reply lost", decides="approve", moved=True
        )
        yield f"{provider}, reply lost and moved, approve", moved


STORIES: Final = dict(_stories())
# One of each kind of trouble; the others differ in what is said, not in which steps there are.
MAIN_STORIES: Final = (
    *ERRANDS,
    "MoMo, well, approve",
    "MoMo, well, reject",
    "MoMo, reply lost and moved, approve",
    "MoMo, request lost, approve",
    "MoMo, no meaning, taken, approve",
    "MoMo, 404 at first, approve",
    "MoMo, message's reply lost, approve",
    "MoMo, slow to answer, approve",
    "Startbutton, well, approve",
    "Startbutton, well, reject",
    "Startbutton, code's reply lost, approve",
    "Startbutton, no meaning, taken, approve",
)


# A story in which the provider is asked again and again repeats its steps: the quick run breaks this many of
# its first and last, and one in so many of those between.
_FIRST: Final = 36
_LAST: Final = 12
_BETWEEN: Final = 8


def play_all(name: str, seed: int, folder: Path, template: Path, *, quick: bool = False) -> Batch:
    """One story, and then once for each place to die."""
    batch = Batch()
    plan = STORIES[name]
    whole = _play(seed, plan, folder, template)
    _note(batch, whole, f"{name}, undisturbed", seed)
    assert whole.steps, "a story without a step"
    for die_at in _tell(whole.steps) if quick else _all(whole.steps):
        report = _play(seed, msgspec.structs.replace(plan, die_at=die_at), folder, template)
        _note(batch, report, f"{name}, killed at {die_at}", seed)
        if report.kills != 1:
            batch.wrong.append(f"{name}: nothing died at {die_at} (seed {seed})")
        batch.did("boundaries")
    return batch


def _all(steps: Sequence[str]) -> Iterator[str]:
    for step in steps:
        yield f"{step} before"
        yield f"{step} after"


def _tell(steps: Sequence[str]) -> Iterator[str]:
    """What is kept after one write is what is kept before the next: only a call is broken on both sides."""
    last = max(len(steps) - _LAST, _FIRST)
    for step in (*steps[:_FIRST], *steps[_FIRST:last:_BETWEEN], *steps[last:]):
        if not step.startswith("write"):
            yield f"{step} before"
        yield f"{step} after"


def _play(seed: int, plan: Plan, folder: Path, template: Path) -> Report:
    place = folder / "one"
    place.mkdir()
    try:
        return simulate(seed, plan, place, template)
    finally:
        shutil.rmtree(place)


def _note(batch: Batch, report: Report, where: str, seed: int) -> None:
    batch.wrong += [f"{where} (seed {seed}): {what}" for what in report.wrong]
    batch.saw("told again after a kill", report.told_again)
    batch.saw("left to a person", report.unresolved)


def _play_stories(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    """So many stories of the list, those of the batch's number."""
    template = folder / "template.db"
    draw_template(template)
    batch = Batch()
    first = size.get("number", 0) * size["stories"] % len(STORIES)
    for name in list(STORIES)[first : first + size["stories"]]:
        batch.add(play_all(name, seed, folder, template))
        batch.did("stories")
    return batch


async def run(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    # A virtual loop does not run inside another.
    return await asyncio.to_thread(_play_stories, seed, size, folder)


CRASH: Final = Campaign(
    name="crash",
    title="killed at every boundary",
    holds="lost 0, charged twice 0, misreported 0, all final",
    small={"stories": len(MAIN_STORIES)},
    batch={"stories": 10},
    goal={"stories": len(STORIES)},
    run=run,
    slots=1,
)
