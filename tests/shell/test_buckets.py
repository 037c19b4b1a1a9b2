"""So many a second and account, as many at once, and never more over time."""

import pytest

from bot.runtime.rate_limits import AccountLimits
from tests.conversations.stage import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000)


def spend(buckets: AccountLimits, account: str, times: int) -> None:
    for _ in range(times):
        buckets.spend(account)


def test_a_rested_account_may_be_asked_so_often_at_once(clock: Clock) -> None:
    buckets = AccountLimits(clock, {"momo": 20})
    assert buckets.spent() == []
    spend(buckets, "momo", 19)
    assert buckets.spent() == []
    buckets.spend("momo")
    assert buckets.spent() == ["momo"]


def test_tokens_come_back_with_time_and_never_more_than_the_burst(clock: Clock) -> None:
    buckets = AccountLimits(clock, {"momo": 20})
    spend(buckets, "momo", 20)
    clock.ms += 49
    assert buckets.spent() == ["momo"]
    clock.ms += 1
    assert buckets.spent() == []
    clock.ms += 3600_000
    spend(buckets, "momo", 20)
    assert buckets.spent() == ["momo"]


def test_there_is_room_for_whoever_has_least_left_and_may_be_asked(clock: Clock) -> None:
    buckets = AccountLimits(clock, {"momo": 20})
    assert (buckets.room(16), buckets.room(50)) == (16, 20)
    spend(buckets, "momo", 10)
    assert buckets.room(16) == 10
    spend(buckets, "momo", 10)
    assert buckets.room(16) == 16
    clock.ms += 100
    assert buckets.room(16) == 2


def test_an_account_nothing_is_said_of_is_asked_once_a_second(clock: Clock) -> None:
    buckets = AccountLimits(clock, {})
    assert buckets.room(16) == 16
    buckets.spend("gone")
    assert buckets.spent() == ["gone"]
    clock.ms += 1000
    assert (buckets.spent(), buckets.room(16)) == ([], 1)


def test_an_account_is_not_kept_waiting_by_another(clock: Clock) -> None:
    buckets = AccountLimits(clock, {"momo": 2, "startbutton": 20})
    spend(buckets, "momo", 2)
    buckets.spend("startbutton")
    assert buckets.spent() == ["momo"]


def test_the_rate_holds_over_time(clock: Clock) -> None:
    """Asked whenever it may be: over a minute as often as the burst and the rate allow, and no oftener."""
    buckets, asked = AccountLimits(clock, {"momo": 20}), 0
    for _ in range(600):
        while not buckets.spent():
            room = buckets.room(16)
            spend(buckets, "momo", room)
            asked += room
        clock.ms += 100
    assert 60 * 20 <= asked <= 20 + 60 * 20


@pytest.mark.parametrize("jump_ms", [-3600_000, -1])
def test_a_clock_set_back_gives_nothing_and_stops_nothing(clock: Clock, jump_ms: int) -> None:
    buckets = AccountLimits(clock, {"momo": 20})
    spend(buckets, "momo", 20)
    clock.ms += jump_ms
    assert buckets.spent() == ["momo"]
    clock.ms += 50
    assert buckets.spent() == []
