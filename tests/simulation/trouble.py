"""What may go wrong in a run, how often, and the story so far."""

import hashlib
import random
from typing import Final

import msgspec

__all__ = ["CALM", "Story", "Trouble", "draw_trouble"]


class Trouble(msgspec.Struct, frozen=True):
    """Chances between 0 and 1 of each kind of trouble, per occasion; times in seconds of a run.

    Wire: `refused` no connection · `lost_request` gone on its way · `lost_reply` done, and nobody heard
    · `slow` an answer slower than anybody waits for. Provider: `failing` a 5xx that may or may not have
    taken the request · `unclear` an answer to a creation, taken or not, that does not say what happened ·
    `busy` 429 · `forbidden` an HTML 403 to a status question · `unknown_yet` 404 in
    the first seconds · `odd_word` a status nobody knows · `lies` a final word over other money ·
    `expires` a token that ends early. Callbacks: `silent`, `repeats`, `late`, `forged`. Gateway:
    `dropped`, `unheard`, `doubled`. Store: `killed` and `flush_fails` per write, before or after it is
    done, `stalls` a write that takes seconds. Clock: `jumps` per minute.
    """

    refused: float = 0
    lost_request: float = 0
    lost_reply: float = 0
    slow: float = 0
    failing: float = 0
    busy: float = 0
    forbidden: float = 0
    unknown_yet: float = 0
    odd_word: float = 0
    lies: float = 0
    expires: float = 0
    silent: float = 0
    repeats: float = 0
    late: float = 0
    forged: float = 0
    dropped: float = 0
    unheard: float = 0
    doubled: float = 0
    killed: float = 0
    flush_fails: float = 0
    stalls: float = 0
    jumps: float = 0
    unclear: float = 0
    # The providers whose name begins so are away from the first second for so long.
    outage_of: str = ""
    outage_from_s: float = 0
    outage_s: float = 0


CALM: Final = Trouble()
_CHANCES: Final[dict[str, float]] = {
    "refused": 0.2,
    "lost_request": 0.2,
    "lost_reply": 0.3,
    "slow": 0.1,
    "failing": 0.2,
    "busy": 0.2,
    "forbidden": 0.2,
    "unknown_yet": 0.6,
    "odd_word": 0.2,
    "lies": 0.05,
    "expires": 0.1,
    "silent": 0.8,
    "repeats": 0.6,
    "late": 0.6,
    "forged": 0.5,
    "dropped": 0.15,
    "unheard": 0.2,
    "doubled": 0.4,
    "killed": 0.02,
    "flush_fails": 0.01,
    "stalls": 0.01,
    "jumps": 0.2,
    "unclear": 0.2,
}


def draw_trouble(chance: random.Random) -> Trouble:
    """Some kinds of trouble, each at a strength of its own: too many at once would hide each other."""
    drawn = {
        name: chance.random() * most if chance.random() < 0.4 else 0.0 for name, most in _CHANCES.items()
    }
    if chance.random() < 0.15:
        drawn |= {"outage_from_s": chance.uniform(0, 120), "outage_s": chance.uniform(30, 900)}
    return msgspec.convert(drawn, Trouble)


class Story:
    """Every event in order, as a running hash; kept as lines too where somebody wants to read it."""

    def __init__(self, *, kept: bool = False) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.events = 0
        self.lines: list[str] | None = [] if kept else None

    def tell(self, now_s: float, what: str) -> None:
        self.events += 1
        line = f"{now_s:.6f} {what}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    @property
    def fingerprint(self) -> str:
        return self._hash.hexdigest()
