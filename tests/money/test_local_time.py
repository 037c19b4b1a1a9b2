"""Hours of the day at home: when they come next, and which are quiet."""

import pytest

from bot.money import next_hour_ms, quiet_until_ms

HOUR = 3600_000
NOON = 20_000 * 24 * HOUR + 12 * HOUR  # by UTC


@pytest.mark.parametrize(
    ("at_ms", "hour", "region", "after_h"),
    [(NOON, 20, "GH", 8), (NOON, 12, "GH", 24), (NOON, 20, "KE", 5), (NOON + HOUR // 2, 13, "GH", 0.5)],
)
def test_the_next_time_the_clocks_show_an_hour(at_ms: int, hour: int, region: str, after_h: float) -> None:
    assert next_hour_ms(at_ms, hour, region) == at_ms + after_h * HOUR


@pytest.mark.parametrize(
    ("hour", "first", "end", "quiet_h"),
    [
        (21, 22, 6, None),
        (22, 22, 6, 8),
        (5, 22, 6, 1),
        (6, 22, 6, None),
        (13, 12, 14, 1),
        (14, 12, 14, None),
        (3, 0, 0, None),
    ],
)
def test_quiet_hours_may_lie_across_midnight(hour: int, first: int, end: int, quiet_h: int | None) -> None:
    at_ms = NOON + (hour - 12) * HOUR
    until_ms = None if quiet_h is None else at_ms + quiet_h * HOUR
    assert quiet_until_ms(at_ms, first, end, "GH") == until_ms
    # Three hours further east it is as late three hours before.
    assert quiet_until_ms(at_ms - 3 * HOUR, first, end, "KE") == (until_ms and until_ms - 3 * HOUR)
