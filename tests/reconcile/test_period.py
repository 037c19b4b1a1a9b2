"""Which days are meant, and where they begin and end."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.admin.reconciliation.period import PeriodProblem, home_zone, read_span, read_zone

NAIROBI = ZoneInfo("Africa/Nairobi")


def ms(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


NOW = ms(2026, 9, 22, 22)  # 1:00 of the 23rd in Nairobi


def test_yesterday_and_today_unless_told() -> None:
    span = read_span("", "", UTC, NOW)
    assert (span.from_ms, span.until_ms) == (ms(2026, 9, 21), ms(2026, 9, 23))
    kenya = read_span("", "", NAIROBI, NOW)
    assert (kenya.from_ms, kenya.until_ms) == (ms(2026, 9, 21, 21), ms(2026, 9, 23, 21))
    assert read_span("", "2026-09-01", UTC, NOW).from_ms == ms(2026, 9, 1)
    assert read_span("2026-09-01", "", UTC, NOW).until_ms == ms(2026, 9, 23)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("soon", "", "--from 'soon' is not a date"),
        ("", "22/09/2026", "--to '22/09/2026' is not a date"),
        ("2026-09-02", "2026-09-01", "ends (2026-09-01) before it begins (2026-09-02)"),
        ("2026-09-23", "", "before it begins"),
        ("2026-09-23", "2026-09-24", "begins after today"),
        ("2024-09-01", "2026-09-01", "more than 366 days"),
        ("0001-01-01", "2026-09-01", "out of all reason"),
    ],
)
def test_a_period_that_is_none(first: str, last: str, words: str) -> None:
    with pytest.raises(PeriodProblem) as caught:
        read_span(first, last, UTC, NOW)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["Africa/Nowhere", "../etc/passwd", "", "/", "Africa", "a\0b", "x" * 5000])
def test_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(PeriodProblem):
        read_zone(name)


def test_days_begin_where_the_account_is_at_home() -> None:
    assert str(home_zone("KE")) == "Africa/Nairobi"
    assert str(home_zone("GH")) == "Africa/Accra"
    assert home_zone("CD") is UTC, "a country of two zones"
    assert home_zone("") is UTC
