"""Runs that broke a promise once, with all they were made of: each is played in every `make test`.

A file holds `seed`, `plan`, and in `why` what was wrong then. A later change of the simulation may
let the same seed take another course; what it showed then is in a test of its own beside the fix.
"""

from pathlib import Path
from typing import Final

import msgspec

from tests.simulation.world import Plan

__all__ = ["KEPT", "Kept"]


class Kept(msgspec.Struct, frozen=True):
    seed: int
    plan: Plan
    why: str
    name: str = ""


def _read(path: Path) -> Kept:
    return msgspec.structs.replace(msgspec.json.decode(path.read_bytes(), type=Kept), name=path.stem)


KEPT: Final = tuple(_read(path) for path in sorted(Path(__file__).parent.glob("*.json")))
