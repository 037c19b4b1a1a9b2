"""Texts and keyboards within Telegram's limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.base import Button, Refused
from bot.channels.telegram.rendering import TEXT_LIMIT, contact_keyboard, cut_text, inline_keyboard


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def rows(*labels: str, data: str = "1:k7Qx2a:4:{}") -> list[list[str]]:
    keyboard = inline_keyboard([Button(label, data.format(n)) for n, label in enumerate(labels)])
    assert keyboard is not None
    return [[button.text for button in row] for row in keyboard.inline_keyboard]


def test_short_labels_share_a_row_and_long_ones_do_not() -> None:
    assert rows("Yes", "No") == [["Yes", "No"]]
    assert rows("1", "2", "3", "4", "5") == [["1", "2", "3"], ["4", "5"]]
    assert rows("1", "2", "3", "4") == [["1", "2"], ["3", "4"]]
    assert rows("Pay", "My payments", "Balance") == [["Pay", "My payments"], ["Balance"]]
    assert rows("Pay", "Check an account holder") == [["Pay"], ["Check an account holder"]]


def test_back_and_home_stand_together_at_the_end() -> None:
    buttons = [
        Button("Ama's Kitchen in Osu", "1:k:4:0"),
        Button("Back", "1:k:4:b"),
        Button("Menu", "1:k:4:h"),
    ]
    keyboard = inline_keyboard(buttons)
    assert keyboard is not None
    assert [[b.text for b in row] for row in keyboard.inline_keyboard] == [
        ["Ama's Kitchen in Osu"],
        ["Back", "Menu"],
    ]


def test_no_buttons_no_keyboard() -> None:
    assert inline_keyboard([]) is None


def test_data_of_64_bytes_passes_and_65_do_not() -> None:
    assert inline_keyboard([Button("x", "é" * 32)]) is not None
    for data in ("a" * 65, "é" * 33, ""):
        with pytest.raises(Refused):
            inline_keyboard([Button("x", data)])


def test_a_hundred_buttons_pass_and_one_more_does_not() -> None:
    hundred = [Button(str(n), f"1:k:4:{n}") for n in range(100)]
    assert inline_keyboard(hundred) is not None
    with pytest.raises(Refused):
        inline_keyboard([*hundred, Button("x", "x")])


def test_a_button_needs_a_label() -> None:
    with pytest.raises(Refused):
        inline_keyboard([Button(" ", "x")])
    with pytest.raises(Refused):
        contact_keyboard(" ", [])


def test_the_share_key_comes_first_and_the_buttons_become_keys() -> None:
    keyboard = contact_keyboard("Share my number", [Button("Back", "1:k:4:b"), Button("Menu", "1:k:4:h")])
    assert [[key.text for key in row] for row in keyboard.keyboard] == [["Share my number"], ["Back", "Menu"]]
    assert keyboard.keyboard[0][0].request_contact is True
    assert keyboard.keyboard[1][0].request_contact is None


def test_a_text_within_the_limit_stays_as_it_is() -> None:
    for text in ("a" * TEXT_LIMIT, "😀" * (TEXT_LIMIT // 2), "", "a\n b "):
        assert cut_text(text) == text


def test_a_text_is_cut_at_a_line_else_a_word_else_anywhere() -> None:
    assert cut_text("one two three four\nfive six", 22) == "one two three four…"
    assert cut_text("one two three four five six", 22) == "one two three four…"
    assert cut_text("a" * 30, 10) == "a" * 9 + "…"


@given(st.text(alphabet=st.characters(), max_size=60), st.integers(2, 40))
def test_a_cut_text_fits_and_can_be_encoded(text: str, limit: int) -> None:
    shown = cut_text(text, limit)
    assert units(shown) <= limit
    assert "\x00" not in shown


def test_no_surrogate_pair_is_cut_in_two() -> None:
    assert cut_text("😀" * 10, 8) == "😀😀😀…"
    assert cut_text("a\ud800b") == "a?b"
