"""Rate limits in memory: how often a key may use something, how often an account is asked, how fast a kind of
address is sent to. After a restart each begins anew.

None of them is a security limit; those are counted in the store, in the transaction that they guard.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping
from typing import Final

from bot.runtime.clock import Clock

__all__ = ["AccountLimits", "KeyLimits", "SendingLimits"]

# So many keys are remembered; the one that was used least lately is forgotten first.
_MOST: Final = 10_000
_SECOND_MS: Final = 1000
# However long a rest a channel asks for, it is asked again after this: results go another way by then.
_LONGEST_REST_MS: Final = 5 * 60_000


class KeyLimits:
    """A token bucket for each key: `burst` uses at once and `per_s` a second."""

    def __init__(self, burst: int, per_s: float, clock: Clock) -> None:
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


class AccountLimits:
    """How often each account may be asked: so many times a second, a second's worth together.

    Thousands of orders may fall due in one moment, after an outage say; their providers must not be stormed
    for it. `per_s` says of each account how many tokens come into its bucket in a second; so many lie
    there at most, and at first. An account it does not name is asked once a second.
    """

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


class SendingLimits:
    """How fast a kind of address may be sent to, over all addresses, and who rests: an address, or all of a
    kind. The store spaces the messages of one address; this knows what all of them together have used up.

    `per_s` says how many messages a second a kind of address takes; without an entry, any number.
    """

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
