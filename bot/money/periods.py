"""When the day, week or month began in which something may happen once. Pure."""

from datetime import UTC, datetime
from typing import Final

__all__ = ["period_start_ms"]

_DAY_MS: Final = 24 * 3600_000


def period_start_ms(every: str, now_ms: int) -> int:
    """When the day, week (from Monday) or month that `now_ms` lies in began, in UTC."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "month":
        start = start.replace(day=1)
    start_ms = round(start.timestamp() * 1000)
    return start_ms - start.weekday() * _DAY_MS if every == "week" else start_ms
