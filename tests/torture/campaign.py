"""What a campaign is: a batch of trouble with its seed, its size, and what it counted.

Batches are small and independent, so that a long run can be stopped, resumed and split over cores,
and so that a violation can be had again from its seed alone.
"""

import random
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Batch", "Campaign", "pick_seed"]


class Batch(msgspec.Struct):
    """What one batch did and saw.

    `done` counts what the campaign's goal is measured in. `wrong` holds a sentence for each violation,
    and is empty in a batch that proves what it should. `seen` counts what may happen and is worth
    knowing (told twice, retried); `worst` the largest of a measure, its unit in its name.
    """

    done: dict[str, int] = msgspec.field(default_factory=dict)
    wrong: list[str] = msgspec.field(default_factory=list)
    seen: dict[str, int] = msgspec.field(default_factory=dict)
    worst: dict[str, float] = msgspec.field(default_factory=dict)

    def did(self, what: str, times: int = 1) -> None:
        self.done[what] = self.done.get(what, 0) + times

    def saw(self, what: str, times: int = 1) -> None:
        self.seen[what] = self.seen.get(what, 0) + times

    def measured(self, what: str, value: float) -> None:
        self.worst[what] = max(value, self.worst.get(what, value))

    def add(self, other: "Batch") -> None:
        """Take another batch's figures into these."""
        for what, times in other.done.items():
            self.did(what, times)
        for what, times in other.seen.items():
            self.saw(what, times)
        for what, value in other.worst.items():
            self.measured(what, value)
        self.wrong += other.wrong


class Campaign(msgspec.Struct, frozen=True):
    """`run(seed, size, folder)` plays one batch of `size` in an empty `folder` of its own.

    `holds` says what must hold, as the table shows it. `small` is one batch in `make test`; `batch` one
    of the large run, which repeats it with other seeds until `goal` is reached. `slots`: how many of
    two cores a batch keeps busy. A large run tells each batch its `number` in its size, for a campaign
    that has a list to work through.
    """

    name: str
    title: str
    holds: str
    small: Mapping[str, int]
    batch: Mapping[str, int]
    goal: Mapping[str, int]
    run: Callable[[int, Mapping[str, int], Path], Coroutine[Any, Any, Batch]]
    slots: int = 2


def pick_seed() -> int:
    """A seed for a batch whose run prints it."""
    return random.SystemRandom().randrange(1_000_000_000)
