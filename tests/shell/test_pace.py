"""What all addresses of a kind together may get, and the rest a channel asks for."""

from bot.runtime.rate_limits import SendingLimits

NOW = 1_790_000_000_000
MINUTE = 60_000


def test_a_kind_takes_so_many_a_second_and_others_any_number() -> None:
    pace = SendingLimits({"telegram": 3})
    for n in range(3):
        assert pace.full(NOW + n) == ()
        assert pace.room(NOW + n, 64) == 3 - n
        pace.went("telegram", NOW + n)
        pace.went("msisdn", NOW + n)
    assert pace.full(NOW + 3) == ("telegram",)
    assert pace.room(NOW + 3, 64) == 64
    assert pace.free_ms(NOW + 3) == NOW + 1000
    assert pace.full(NOW + 999) == ("telegram",)
    assert pace.full(NOW + 1000) == ()
    assert pace.room(NOW + 1000, 64) == 1
    assert pace.free_ms(NOW + 1000) is None


def test_no_second_ever_sees_more() -> None:
    pace = SendingLimits({"telegram": 5})
    sent: list[int] = []
    for ms in range(NOW, NOW + 5000, 7):
        while "telegram" not in pace.full(ms):
            pace.went("telegram", ms)
            sent.append(ms)
    assert all(sum(at <= other < at + 1000 for other in sent) <= 5 for at in sent)
    assert len(sent) >= 24


def test_a_kind_rests_until_it_was_told() -> None:
    pace = SendingLimits({"telegram": 30})
    pace.rest("telegram", NOW + 17_000)
    pace.rest("telegram", NOW + 5000)
    pace.rest("web", NOW + 2000)
    assert pace.full(NOW) == ("telegram", "web")
    assert pace.free_ms(NOW) == NOW + 2000
    assert pace.full(NOW + 16_999) == ("telegram",)
    assert pace.full(NOW + 17_000) == ()


def test_one_chat_that_must_wait_rests_alone_and_two_rest_all() -> None:
    pace = SendingLimits({"telegram": 30})
    pace.limited("telegram", "1", NOW + 40_000, NOW)
    pace.limited("web", "9", NOW + 40_000, NOW)
    pace.limited("telegram", "1", NOW + 41_000, NOW + 1000)  # the same one again
    assert pace.full(NOW + 1000) == ()
    assert set(pace.resting(NOW + 1000)) == {("telegram", "1"), ("web", "9")}
    assert pace.free_ms(NOW + 1000) == NOW + 40_000
    pace.limited("telegram", "2", NOW + 5000, NOW + 2000)
    assert pace.full(NOW + 2000) == ("telegram",)
    assert pace.full(NOW + 5000) == ()
    # The first may go on: another one's limit is its own again.
    pace.limited("telegram", "3", NOW + 60_000, NOW + 41_000)
    assert pace.full(NOW + 41_000) == ()
    assert pace.resting(NOW + 41_000) == (("telegram", "3"),)


def test_no_chat_waits_longer_than_five_minutes_or_for_a_clock_set_back() -> None:
    pace = SendingLimits({})
    pace.limited("telegram", "1", NOW + 24 * 60 * MINUTE, NOW)
    assert pace.free_ms(NOW) == NOW + 5 * MINUTE
    assert pace.resting(NOW + 5 * MINUTE) == ()


def test_no_rest_is_longer_than_five_minutes() -> None:
    pace = SendingLimits({})
    pace.rest("telegram", NOW + 24 * 60 * MINUTE)
    assert pace.free_ms(NOW) == NOW + 5 * MINUTE
    assert pace.full(NOW + 5 * MINUTE) == ()


def test_a_clock_set_back_keeps_nobody_waiting() -> None:
    pace = SendingLimits({"telegram": 1})
    pace.went("telegram", NOW)
    assert pace.full(NOW - 60 * MINUTE) == ()
    pace.rest("telegram", NOW + 1000)
    assert pace.free_ms(NOW - 60 * MINUTE) == NOW - 55 * MINUTE
