"""Token buckets in memory: enough to keep one chatterbox from everyone else. Not a security limit;
those are counted in the store, in the transaction they guard."""

from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Buckets"]

_MOST = 10_000


class Buckets:
    """`burst` uses at once and `per_s` a second, for each key. `clock` gives milliseconds."""

    def __init__(self, burst: int, per_s: float, clock: Callable[[], int]) -> None:
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, *, width: int = 1) -> bool:
        """Use one; False where none is left. `width` makes this key's bucket so many times larger."""
        now = self._clock()
        most = float(self._burst * width)
        level, at = self._levels.pop(key, (most, now))
        level = min(most, level + max(0, now - at) / 1000 * self._per_s * width)
        allowed = level >= 1
        self._levels[key] = (level - 1 if allowed else level, now)
        while len(self._levels) > _MOST:
            self._levels.popitem(last=False)
        return allowed
