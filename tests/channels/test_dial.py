"""Dial strings: what stands behind the code, in every spelling gateways use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.ussd import parse_dial
from bot.channels.ussd.dial import show_code


@pytest.mark.parametrize(
    ("dialled", "code", "args"),
    [
        ("*920*10#", "*920*10#", ()),
        ("*920*10*1*50#", "*920*10#", ("1", "50")),
        ("*920*10*1*50", "920*10", ("1", "50")),
        ("920*10*1*50", "920*10", ("1", "50")),
        ("*920*10*1#", "920", ("10", "1")),
        ("*123**50#", "123", ("", "50")),
        ("*123*1**#", "123", ("1",)),
        ("*123***#", "123", ()),
        ("#123#", "123", ()),
        ("*#123#", "123", ()),
        ("*#123*7#", "*#123#", ("7",)),
        ("%2A123%2A7%23", "123", ("7",)),
        ("%2A123%2A7%23", "%2A123%23", ("7",)),
        (" *123* 7 #", "123", ("7",)),
        ("*１２３*７#", "123", ("7",)),
        ("*123*0240000001*10#", "123", ("0240000001", "10")),
        # Not a dial of this code
        ("*1234*7#", "123", ()),
        ("*12*7#", "123", ()),
        ("7", "123", ()),
        ("", "123", ()),
        ("*123*7#", "", ()),
        ("*123*7#", "not-a-code", ()),
        # Not a dial at all
        ("*123*abc#", "123", ()),
        ("*123#*7#", "123", ()),
        ("**123*7#", "123", ()),
        ("*123*-7#", "123", ()),
        ("*123*٧x#", "123", ()),
        # At the edges: nothing is cut in half
        ("*123" + "*1" * 12 + "#", "123", ("1",) * 12),
        ("*123" + "*1" * 13 + "#", "123", ()),
        ("*123*" + "7" * 176 + "#", "123", ("7" * 176,)),
        ("*123*" + "7" * 177 + "#", "123", ()),
        ("*123*" + "7" * 10_000 + "#", "123", ()),
    ],
)
def test_the_arguments_of_a_dial(dialled: str, code: str, args: tuple[str, ...]) -> None:
    assert parse_dial(dialled, code) == args


@given(st.text(), st.text())
def test_nothing_raises_and_arguments_are_digits(dialled: str, code: str) -> None:
    for args in (parse_dial(dialled, code), parse_dial(f"*123*{dialled}#", "123")):
        assert len(args) <= 12
        assert all(not arg or (arg.isascii() and arg.isdigit()) for arg in args)


@given(st.lists(st.from_regex(r"[0-9]{0,6}", fullmatch=True), max_size=12))
def test_arguments_are_read_back(args: list[str]) -> None:
    while args and not args[-1]:
        args.pop()
    assert parse_dial("*".join(["*920*10", *args]) + "#", "*920*10#") == tuple(args)


@pytest.mark.parametrize(
    ("code", "shown"),
    [("711*2", "*711*2#"), ("*714*100#", "*714*100#"), ("384", "*384#"), ("abc123", "abc123"), ("", "")],
)
def test_a_code_as_people_dial_it(code: str, shown: str) -> None:
    assert show_code(code) == shown
