"""The clocks at home: hours ahead of UTC by country, hours of a day in which nothing is said. Pure."""

from typing import Final

__all__ = ["hours_ahead", "next_hour_ms", "quiet_until_ms"]

# Where our providers are, all without summer time; the others keep UTC itself.
# Compared with the IANA time zones for 2026; not every machine has a copy of those.
_AHEAD: Final = {
    **dict.fromkeys(("BJ", "CG", "CM", "GA", "NE", "NG", "TD"), 1),
    **dict.fromkeys(("BW", "LS", "MW", "MZ", "RW", "SS", "SZ", "ZA", "ZM", "ZW"), 2),
    **dict.fromkeys(("ET", "KE", "TZ", "UG"), 3),
}
_HOUR_MS: Final = 3600_000
_DAY_MS: Final = 24 * _HOUR_MS


def hours_ahead(region: str) -> int:
    """How many hours the clocks of `region` (ISO 3166 alpha-2) are ahead of UTC."""
    return _AHEAD.get(region, 0)


def next_hour_ms(at_ms: int, hour: int, region: str) -> int:
    """When the clocks of `region` show `hour` (0 to 23) the next time after `at_ms`."""
    of_day_ms = (at_ms + hours_ahead(region) * _HOUR_MS) % _DAY_MS
    return at_ms + ((hour * _HOUR_MS - of_day_ms - 1) % _DAY_MS) + 1


def quiet_until_ms(at_ms: int, first: int, end: int, region: str) -> int | None:
    """When the quiet hours end in which `at_ms` lies, None where it lies in none.

    They last from `first` o'clock to `end` o'clock by the clocks of `region`, across midnight where `end`
    is the smaller; the same hour twice: there are none.
    """
    hour = (at_ms // _HOUR_MS + hours_ahead(region)) % 24
    if (hour - first) % 24 >= (end - first) % 24:
        return None
    return next_hour_ms(at_ms, end, region)
