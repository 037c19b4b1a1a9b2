"""How fast a kind of address may be sent to, over all addresses, and who rests: an address, or all of a kind.

Pure. The store spaces the messages of one address; this knows what all of them together have used up. It
is kept in memory: after a restart a second's worth may go out again, and a rest is asked for anew.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Final

__all__ = ["Pace"]

_SECOND_MS: Final = 1000
# However long a rest a channel asks for, it is asked again after this: results go another way by then.
_LONGEST_REST_MS: Final = 5 * 60_000


class Pace:
    """`per_s` says how many messages a second a kind of address takes; without an entry, any number."""

    def __init__(self, per_s: Mapping[str, int]) -> None:
        self._per_s = dict(per_s)
        self._went_ms: defaultdict[str, deque[int]] = defaultdict(deque)
        self._rests_until_ms: dict[str, int] = {}
        # (kind, value) of single addresses.
        self._waits_until_ms: dict[tuple[str, str], int] = {}

    def went(self, kind: str, now_ms: int) -> None:
        """A message of the kind goes out."""
        if kind in self._per_s:
            self._went_ms[kind].append(now_ms)

    def rest(self, kind: str, until_ms: int) -> None:
        """The channel wants nothing until then. A shorter rest never ends a longer one."""
        self._rests_until_ms[kind] = max(until_ms, self._rests_until_ms.get(kind, 0))

    def limited(self, kind: str, value: str, until_ms: int, now_ms: int) -> None:
        """The channel asked for a pause when this address was written to: it rests until then.

        One chat's limit is its own affair. Where a second one is told to wait before the first may go on,
        the limit is all of ours, and the whole kind rests as long as both must.
        """
        others = [ms for (k, v), ms in self._waiting(now_ms).items() if k == kind and v != value]
        self._waits_until_ms[kind, value] = until_ms
        if others:
            self.rest(kind, min(until_ms, max(others)))

    def resting(self, now_ms: int) -> tuple[tuple[str, str], ...]:
        """The addresses that take nothing now, though others of their kind may."""
        return tuple(self._waiting(now_ms))

    def _waiting(self, now_ms: int) -> dict[tuple[str, str], int]:
        longest_ms = now_ms + _LONGEST_REST_MS  # asked for longer than that, or the clock was set back
        waits = {who: min(ms, longest_ms) for who, ms in self._waits_until_ms.items() if ms > now_ms}
        self._waits_until_ms = waits
        return waits

    def full(self, now_ms: int) -> tuple[str, ...]:
        """The kinds that take nothing now."""
        kinds = dict.fromkeys((*self._per_s, *self._rests_until_ms))
        return tuple(kind for kind in kinds if self._free_ms(kind, now_ms) > now_ms)

    def room(self, now_ms: int, most: int) -> int:
        """How many messages of any kind that is not full may go now, `most` at the most."""
        full = self.full(now_ms)
        left = [n - len(self._lately(kind, now_ms)) for kind, n in self._per_s.items() if kind not in full]
        return min([most, *left])

    def paced(self) -> tuple[str, ...]:
        """The kinds that take only so many a second."""
        return tuple(self._per_s)

    def free_ms(self, now_ms: int) -> int | None:
        """When the next kind that is full, or address that rests, takes something again; None without any."""
        kinds = [self._free_ms(kind, now_ms) for kind in self.full(now_ms)]
        return min([*kinds, *self._waiting(now_ms).values()], default=None)

    def _free_ms(self, kind: str, now_ms: int) -> int:
        rests_ms = self._rests_until_ms.get(kind, 0)
        if rests_ms - now_ms > _LONGEST_REST_MS:  # asked for too long a rest, or the clock was set back
            rests_ms = self._rests_until_ms[kind] = now_ms + _LONGEST_REST_MS
        lately = self._lately(kind, now_ms)
        used_up = kind in self._per_s and len(lately) >= self._per_s[kind]
        return max(rests_ms, lately[0] + _SECOND_MS if used_up else now_ms)

    def _lately(self, kind: str, now_ms: int) -> deque[int]:
        went = self._went_ms[kind]
        # What went in the future went before the clock was set back: it keeps nobody waiting.
        while went and not now_ms - _SECOND_MS < went[0] <= now_ms:
            went.popleft()
        return went
