"""The book of a long run: what each campaign has done so far, kept after every batch."""

import os
from pathlib import Path

import msgspec

from tests.torture.campaign import Batch, Campaign

__all__ = ["Book", "Page", "reached"]


class Page(msgspec.Struct):
    """One campaign's sum. `began` is the number of the next batch; `took_s` the batches' time together."""

    began: int = 0
    batches: int = 0
    took_s: float = 0.0
    sum: Batch = msgspec.field(default_factory=Batch)
    # Seeds of batches with a violation, to have them again.
    failing: list[int] = msgspec.field(default_factory=list)


class Book(msgspec.Struct):
    """`seed` is the run's own; batch n of a campaign gets its seed from it."""

    seed: int
    version: str
    pages: dict[str, Page] = msgspec.field(default_factory=dict)

    def page(self, campaign: Campaign) -> Page:
        return self.pages.setdefault(campaign.name, Page())

    def keep(self, path: Path) -> None:
        """Written whole or not at all: a run may be stopped at any moment."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))
        os.replace(draft, path)


def reached(campaign: Campaign, page: Page) -> float:
    """How much of its goal a campaign has reached, 1 being all of it."""
    return min(page.sum.done.get(what, 0) / goal for what, goal in campaign.goal.items())
