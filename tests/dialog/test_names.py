"""Names that people gave, on screens that have only the letters of the GSM alphabet."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialog import Choice, Named, NavLabels, Text, View, count_septets, fold, name_of, write_name
from bot.dialog.screens import render_chat, render_sms, render_ussd

NAV = NavLabels()
AMHARIC = "የአማ ወጥ ቤት"


def say(text: Text) -> str:
    """The id with its values, as a catalogue would say them where names may have any letters."""
    values = {
        name: say(value) if isinstance(value, Text) else value.name if isinstance(value, Named) else value
        for name, value in text.values.items()
    }
    return text.id.format(**values)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ama's Kitchen", "Ama's Kitchen"),
        ("Chez Éloïse", "Chez Éloïse"),  # its own letters: they are replaced where it is shown
        ("Ɔkɔ Ŋutifafa", "Ɔkɔ Ŋutifafa"),
        ("Ama's Kitchen 🍲", "Ama's Kitchen"),
        ("🍲 Ama 🍲 Kitchen", "Ama Kitchen"),
        (AMHARIC, None),
        ("مطعم", None),
        (f"Ama's {AMHARIC}", None),
        ("Shop ٣", None),  # a digit that is not there is another shop
        ("阿瑪", None),
        ("🍲", None),
        ("🍲 &", None),
    ],
)
def test_what_can_be_written_of_a_name(name: str, written: str | None) -> None:
    assert write_name(name) == written
    shown = name_of(name, "1001")
    assert shown == (name if written == name else Named(name, written or "1001"))


@given(st.text(max_size=40))
def test_no_letter_of_a_name_becomes_a_question_mark(name: str) -> None:
    written = write_name(name)
    if written is not None:
        folded = fold(written)
        assert count_septets(folded) is not None
        assert folded.count("?") <= name.count("?") + name.count("\u037e") + name.count("؟")


def test_each_channel_shows_what_it_can() -> None:
    shop = name_of(AMHARIC, "1001")
    role = name_of(AMHARIC, Text("owner"))
    view = View(
        text=Text("Pay GHS 5.00 to {merchant}, asks {by}? {reason}", {
            "merchant": shop, "by": role, "reason": Text("Told by {by}.", {"by": role})
        }),
        notice=Text("Not valid for {merchant}.", {"merchant": shop}),
        choices=(Choice("a", Text("Yes, {merchant}", {"merchant": shop})),),
    )  # fmt: skip
    plain = "Not valid for 1001.\nPay GHS 5.00 to 1001, asks owner? Told by owner."
    assert render_ussd(view, say, NAV).text == f"{plain}\n1 Yes, 1001"
    assert render_sms(view, say) == plain
    chat = render_chat(view, say, NAV)
    assert AMHARIC in chat.text
    assert chat.buttons[0][0] == f"Yes, {AMHARIC}"


def test_a_screen_in_other_letters_shows_the_name_itself() -> None:
    view = View(text=Text("ክፍያ ለ {merchant}", {"merchant": name_of(AMHARIC, "1001")}))
    assert render_ussd(view, say, NAV).text == f"ክፍያ ለ {AMHARIC}"


def test_a_name_is_kept_with_what_stands_for_it() -> None:
    text = Text("{merchant}", {"merchant": name_of(AMHARIC, "1001"), "by": name_of(AMHARIC, Text("owner"))})
    assert msgspec.json.decode(msgspec.json.encode(text), type=Text) == text
