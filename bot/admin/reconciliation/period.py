"""Which days are compared, and where they begin and end in time. Pure but for the time zone tables."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from babel.core import get_global

from bot.admin.reconciliation.values import TOLERANCE_MS, Span

__all__ = ["PeriodProblem", "home_zone", "read_span", "read_zone"]

_MOST_DAYS: Final = 366


class PeriodProblem(ValueError):
    """What is wrong with the period, as a sentence."""


def read_zone(name: str) -> tzinfo:
    """The zone of a name such as Africa/Accra. Raises PeriodProblem."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise PeriodProblem(f"There is no time zone {name!r}; one is called Africa/Accra.") from None


def home_zone(region: str) -> tzinfo:
    """The zone of a country that has one, else UTC. Source: CLDR, as Babel carries it."""
    zones = get_global("territory_zones").get(region, [])
    try:
        return read_zone(zones[0]) if len(zones) == 1 else UTC
    except PeriodProblem:
        return UTC  # a machine without time zone tables


def read_span(first: str, last: str, zone: tzinfo, now_ms: int, tolerance_ms: int = TOLERANCE_MS) -> Span:
    """Whole days of `zone` from `first` to `last`, both included; empty is yesterday and today.

    Raises PeriodProblem.
    """
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    until = _day(last, "--to") if last else today
    since = _day(first, "--from") if first else min(today - timedelta(days=1), until)
    if since > until:
        raise PeriodProblem(f"The period ends ({until}) before it begins ({since}).")
    if since > today:
        raise PeriodProblem(f"The period begins after today ({today}).")
    if (until - since).days >= _MOST_DAYS:
        raise PeriodProblem(f"The period has more than {_MOST_DAYS} days.")
    return Span(_begins(since, zone), _begins(until + timedelta(days=1), zone), now_ms, zone, tolerance_ms)


def _begins(day: date, zone: tzinfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)


def _day(text: str, option: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PeriodProblem(f"{option} {text!r} is not a date such as 2026-09-22.") from None
    if not 1970 < day.year < 9999:
        raise PeriodProblem(f"{option} {text!r} is out of all reason.")
    return day
