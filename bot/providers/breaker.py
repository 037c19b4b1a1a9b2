"""A circuit breaker: after many failures in a row an account is left alone but for a probe a second.

Pure but for the count it keeps; the clock's reading comes in as an argument.
"""

from typing import Final

__all__ = ["Breaker"]

_PROBE_EVERY_S: Final = 1.0


class Breaker:
    """Counts consecutive failures. Times are seconds of any clock that only goes forward."""

    __slots__ = ("_failures", "_limit", "_probed_at")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._failures = 0
        self._probed_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= self._limit

    def admits(self, now: float) -> bool:
        """Whether a call may go out now; while open this spends the second's probe."""
        if not self.is_open:
            return True
        if now - self._probed_at < _PROBE_EVERY_S:
            return False
        self._probed_at = now
        return True

    def note(self, *, healthy: bool, now: float) -> None:
        """Take over what an exchange showed: one healthy answer closes, `limit` failures in a row open."""
        if healthy:
            self._failures = 0
            return
        self._failures += 1
        if self._failures == self._limit:
            self._probed_at = now
