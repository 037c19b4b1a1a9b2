"""Staff PINs that anybody would try are refused."""

import pytest

from bot.money import is_weak_pin

KNOWN = ("1001", "+233240000009", "TAXI77")


@pytest.mark.parametrize(
    "pin",
    [
        *("0000", "1111", "999999", "1234", "4321", "0123", "6789", "7890", "23456", "987654", "0987"),
        *("1212", "123123", "575757"),
        *("1001", "001001", "10017", "0009", "00009"),
    ],
)
def test_an_easy_pin_is_weak(pin: str) -> None:
    assert is_weak_pin(pin, KNOWN)


@pytest.mark.parametrize("pin", ["1357", "2468", "8642", "9753", "4711", "864213", "1002", "7700", "1235"])
def test_another_is_not(pin: str) -> None:
    assert not is_weak_pin(pin, KNOWN)
