"""Writes `docs/refusals.md`, what people are told when something is not done, from the English catalogue.

    python -m bot.channels.refusals > docs/refusals.md

A sentence comes here by its marks (bot/channels/parts.py). A test holds the page true.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.channels.catalogue import Catalogue
from bot.channels.parts import DONE, PARTS

__all__ = ["refusals"]

# Values that bring sentences of their own, with parts of their own.
_INSIDE: Final = re.compile(r"reason|left|why|stop")
_TOP: Final = """\
# Refusals and bad endings

What people are told when something ends otherwise than they wanted, or waits for them. Each says
**what happened**, **whether money moved** and **what to do now**. `python -m bot.channels.refusals` writes
this page from the marks in the English catalogue; a test holds every ending, in every language, to the parts.

Where a part says `{reason}` or the like, the sentence that is put in there says it: see the second table.
"Nothing was taken" stands only where the reason proves it (`bot.money.proves_nothing_moved`), else what to
look at and to tell us. A dash: no money is in question.
"""
_HEAD: Final = "| sentence | what happened | money | what to do now |\n|---|---|---|---|\n"


def refusals(catalogue: Catalogue) -> str:
    """The page."""
    whole: list[str] = []
    pieces: list[str] = []
    for name in sorted(catalogue.ids()):
        parts = catalogue.parts(name)
        if parts and DONE not in parts:
            inside = [value for value in sorted(catalogue.placeholders(name)) if _INSIDE.fullmatch(value)]
            row = " | ".join([f"`{name}`", *_cells(parts, inside)])
            ends = all(part in parts for part in PARTS) or (inside and not name.startswith("failed."))
            (whole if ends else pieces).append(f"| {row} |\n")
    tables = f"## Sentences\n\n{_HEAD}{''.join(whole)}\n## What is put into them\n\n{_HEAD}{''.join(pieces)}"
    return f"{_TOP}\n{tables}"


def _cells(parts: Mapping[str, str], inside: list[str]) -> Iterator[str]:
    elsewhere = " ".join(f"`{{{value}}}`" for value in inside)
    for part in PARTS:
        if part in parts:
            yield parts[part].replace("|", "\\|") or "–"
        else:
            yield elsewhere


if __name__ == "__main__":
    print(refusals(Catalogue.load()), end="")
