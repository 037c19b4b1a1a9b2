"""How often each account may be asked: so many times a second, a second's worth together. Pure.

Thousands of orders may fall due in one moment, after an outage say; their providers must not be
stormed for it.
"""

from collections.abc import Mapping

from bot.runtime.clock import Clock

__all__ = ["Buckets"]


class Buckets:
    """`per_s` says of each account how many tokens come into its bucket in a second; so many lie there
    at most, and at first. An account it does not name is asked once a second."""

    def __init__(self, clock: Clock, per_s: Mapping[str, int]) -> None:
        self._clock = clock
        self._per_s = dict(per_s)
        # Tokens, and when they were counted.
        self._buckets: dict[str, tuple[float, int]] = {}

    def spend(self, account: str) -> None:
        """The account is asked once."""
        self._buckets[account] = (self._left(account) - 1, self._clock())

    def spent(self) -> list[str]:
        """The accounts that must not be asked now."""
        return [account for account, tokens in self._lefts().items() if tokens < 1]

    def room(self, most: int) -> int:
        """How often any account that is not spent may be asked at once, `most` at the most."""
        return min([most, *(int(left) for left in self._lefts().values() if left >= 1)])

    def _lefts(self) -> dict[str, float]:
        return {account: self._left(account) for account in {**self._per_s, **self._buckets}}

    def _left(self, account: str) -> float:
        now_ms = self._clock()
        per_s = self._per_s.get(account, 1)
        tokens, at_ms = self._buckets.get(account, (float(per_s), now_ms))
        if now_ms < at_ms:
            # The clock was set back: counted from here, or nothing would come in until it has caught up.
            at_ms = now_ms
            self._buckets[account] = (tokens, at_ms)
        return min(per_s, tokens + (now_ms - at_ms) * per_s / 1000)
