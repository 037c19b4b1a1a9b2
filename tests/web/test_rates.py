"""Token buckets."""

from bot.runtime.rate_limits import KeyLimits


def test_a_bucket_empties_and_fills_again() -> None:
    now = [0]
    buckets = KeyLimits(2, 0.5, lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.take("b")
    now[0] = 1_999
    assert not buckets.take("a")
    now[0] = 3_000
    assert [buckets.take("a") for _ in range(2)] == [True, False]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    now = [0]
    buckets = KeyLimits(2, 1, lambda: now[0])
    buckets.take("a")
    now[0] = 1_000_000
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    now = [10_000]
    buckets = KeyLimits(1, 1, lambda: now[0])
    assert buckets.take("a")
    now[0] = 0
    assert not buckets.take("a")


def test_the_least_lately_used_are_forgotten() -> None:
    buckets = KeyLimits(1, 0, lambda: 0)
    buckets.take("first")
    for number in range(10_000):
        buckets.take(str(number))
    assert buckets.take("first")
