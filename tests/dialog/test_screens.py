"""Screens: what fits, what goes on which page, what is cut; messages, their buttons, and SMS."""

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialog import Choice, Opening, Opens, Pressed, Text, View
from bot.dialog.screens import (
    NavLabels,
    UssdScreen,
    read_button,
    render_chat,
    render_sms,
    render_ussd,
)
from bot.dialog.septets import count_septets, count_ucs2, fits

NAV = NavLabels()


def say(text: Text) -> str:
    """The id is the sentence."""
    return text.id


def view(text: str, *labels: str, **more: object) -> View:
    choices = tuple(Choice(f"c{n}", Text(label)) for n, label in enumerate(labels))
    return View(Text(text), choices=choices, **more)  # type: ignore[arg-type]


def pages_of(shown: View, *, budget: int = 160, ucs2_budget: int = 70, nav: NavLabels = NAV) -> list[str]:
    first = render_ussd(shown, say, nav, budget=budget, ucs2_budget=ucs2_budget)
    pages = []
    for page in range(first.pages):
        turned = View(shown.text, shown.notice, shown.choices, shown.back, shown.home, shown.ends, page=page)
        screen = render_ussd(turned, say, nav, budget=budget, ucs2_budget=ucs2_budget)
        assert (screen.page, screen.pages) == (page, first.pages)
        pages.append(screen.text)
    return pages


def test_a_screen_reads_notice_text_choices_footer() -> None:
    shown = view("Pay GHS 5.00?", "Yes", "No", notice=Text("Not valid."), back=True, home=True)
    assert render_ussd(shown, say, NAV) == UssdScreen(
        "Not valid.\nPay GHS 5.00?\n1 Yes\n2 No\n0 Back\n00 Home", 1, 0
    )


def test_the_footer_says_only_what_the_view_allows() -> None:
    assert render_ussd(view("Amount (GHS):"), say, NAV).text == "Amount (GHS):"
    assert render_ussd(view("Amount (GHS):", back=True), say, NAV).text == "Amount (GHS):\n0 Back"
    assert render_ussd(view("Amount (GHS):", home=True), say, NAV).text == "Amount (GHS):\n00 Home"


def test_a_list_goes_over_pages_with_numbers_that_go_on() -> None:
    shown = view("Choose:", *(f"Merchant number {n}" for n in range(1, 9)), home=True)
    assert pages_of(shown, budget=100) == [
        "Choose:\n1 Merchant number 1\n2 Merchant number 2\n3 Merchant number 3\n98 More\n00 Home",
        "Choose:\n4 Merchant number 4\n5 Merchant number 5\n6 Merchant number 6\n98 More\n0 Back\n00 Home",
        "Choose:\n7 Merchant number 7\n8 Merchant number 8\n0 Back\n00 Home",
    ]


def test_a_line_keeps_its_number_where_others_are_left_out() -> None:
    numbered = (Choice("a", Text("Pay"), 1), Choice("b", Text("More"), 4), Choice("c", Text("Eleven"), 11))
    shown = View(Text("Choose:"), choices=numbered)
    assert render_ussd(shown, say, NAV).text == "Choose:\n1 Pay\n4 More\n11 Eleven"
    # In a chat a button has no number.
    buttons = render_chat(msgspec.structs.replace(shown, conversation="c"), say, NAV).buttons
    assert [label for label, _ in buttons] == ["Pay", "More", "Eleven"]


def test_a_notice_stands_on_the_first_page_only() -> None:
    shown = view("Choose:", *("A merchant" for _ in range(9)), notice=Text("Not valid."))
    first, second = pages_of(shown, budget=100)
    assert first.startswith("Not valid.\nChoose:\n1 ")
    assert second.startswith("Choose:\n6 ")


@pytest.mark.parametrize(("asked", "given"), [(-3, 0), (0, 0), (1, 1), (2, 2), (9, 2)])
def test_the_page_is_clamped(asked: int, given: int) -> None:
    shown = view("Choose:", *(f"Merchant number {n}" for n in range(1, 9)), page=asked)
    screen = render_ussd(shown, say, NAV, budget=80)
    assert (screen.page, screen.pages) == (given, 3)


def test_an_item_longer_than_a_page_is_shortened() -> None:
    shown = view("Choose:", "x" * 300, "Second", back=True, home=True)
    pages = pages_of(shown, budget=100)
    assert pages[1].startswith("1 " + "x" * 60)
    assert "..\n98 More\n0 Back\n00 Home" in pages[1]
    assert all(fits(page, 100) for page in pages)
    assert pages[2] == "Choose:\n2 Second\n0 Back\n00 Home"


def test_long_text_is_cut_at_word_ends_and_counted() -> None:
    words = [f"word{n}" for n in range(50)]
    pages = pages_of(view(" ".join(words), back=True))
    assert [re.search(r"\n(\d/\d)", page)[1] for page in pages] == ["1/3", "2/3", "3/3"]  # type: ignore[index]
    bodies = [re.split(r"\n\d/\d", page)[0] for page in pages]
    assert " ".join(bodies).split() == words
    assert [page.rpartition("/3")[2] for page in pages] == [
        "\n98 More\n0 Back",
        "\n98 More\n0 Back",
        "\n0 Back",
    ]


def test_text_of_more_than_nine_pages_is_counted_too() -> None:
    pages = pages_of(view("word " * 150), budget=60)
    assert pages[-1].endswith(f"{len(pages)}/{len(pages)}\n0 Back")
    assert len(pages) > 9
    assert all(fits(page, 60) for page in pages)


@pytest.mark.parametrize("filler", range(20, 60))
def test_an_amount_is_never_parted(filler: int) -> None:
    pages = pages_of(
        view("x " * filler + "GHS 1,250.00 and UGX -5,000 or 1\u00a0250\u00a0000\u00a0FCFA " + "y " * 60)
    )
    assert sum("GHS 1,250.00" in page for page in pages) == 1
    assert sum("UGX -5,000" in page for page in pages) == 1
    assert sum("1 250 000 FCFA" in page for page in pages) == 1


def test_a_word_longer_than_a_page_is_parted() -> None:
    pages = pages_of(view("{" * 100))
    assert "".join(re.split(r"\n", page)[0] for page in pages) == "{" * 100
    assert all(fits(page, 160) for page in pages)


@pytest.mark.parametrize("filler", range(20, 90))
@pytest.mark.parametrize("code", ["482915037", "K7QX2A9M"])
def test_a_last_screen_keeps_whole_amounts_and_the_order_code(filler: int, code: str) -> None:
    text = "x " * filler + "Paid GHS 1,250.00 to " + "Ama's Kitchen " * 10 + f"Code {code}."
    shown = render_ussd(view(text, ends=True), say, NAV)
    assert (shown.pages, shown.page) == (1, 0)
    assert fits(shown.text, 160)
    assert shown.text.endswith(f".. {code}")
    assert "GHS" not in shown.text or "GHS 1,250.00" in shown.text


def test_a_last_screen_does_not_say_the_code_twice() -> None:
    text = render_ussd(view("Code K7QX2A9M. " + "word " * 60, ends=True), say, NAV).text
    assert text.count("K7QX2A9M") == 1
    assert text.endswith("word..")


def test_a_last_screen_says_the_shorter_sentence_where_the_page_is_too_small() -> None:
    shown = view("Enter your PIN. No prompt? Dial *170#.", ends=True, shorter=Text("Enter your PIN."))
    assert render_ussd(shown, say, NAV).text == "Enter your PIN. No prompt? Dial *170#."
    assert render_ussd(shown, say, NAV, budget=40).text == "Enter your PIN. No prompt? Dial *170#."
    longer = view(
        "Enter your PIN, Ama. No prompt? Dial *170#.", ends=True, shorter=Text("Enter your PIN, Ama.")
    )
    assert render_ussd(longer, say, NAV, budget=40).text == "Enter your PIN, Ama."
    assert render_chat(longer, say, NAV).text.endswith("*170#.")


def test_a_last_screen_has_no_footer_and_nothing_to_choose() -> None:
    shown = view("Bye.", "Again", ends=True, back=True, home=True, notice=Text("Cancelled."), page=3)
    assert render_ussd(shown, say, NAV) == UssdScreen("Cancelled.\nBye.", 1, 0)


def test_everything_on_a_screen_is_folded() -> None:
    nav = NavLabels("Suite…", "Précédent", "Début", "Menu")
    shown = view("Réglé : ₵5 à œuf", "Forêt", back=True, home=True)
    assert render_ussd(shown, say, nav).text == "Réglé : GHS5 à oeuf\n1 Foret\n0 Précédent\n00 Début"


def test_a_foreign_script_is_sent_as_it_is_on_smaller_pages() -> None:
    shown = view("ክፍያ " * 30, "አዎ", "አይ", back=True)
    pages = pages_of(shown)
    assert len(pages) >= 3
    assert all(count_ucs2(page) <= 70 for page in pages)
    assert any("1 አዎ" in page for page in pages)
    assert len(pages_of(shown, ucs2_budget=80)) <= len(pages)


def test_a_page_of_such_a_view_fits_in_either_alphabet() -> None:
    pages = pages_of(view("ክፍያ", "€" * 70, "አዎ"), budget=60, ucs2_budget=60)
    assert all(fits(page, 60, 60) for page in pages)


def test_a_stray_foreign_letter_does_not_halve_the_screen() -> None:
    assert render_ussd(view("Pay to 王 Ltd?", "Yes"), say, NAV).text == "Pay to ? Ltd?\n1 Yes"


def test_a_footer_that_would_eat_the_screen_keeps_its_keys() -> None:
    nav = NavLabels("m" * 80, "b" * 80, "h" * 80, "menu")
    assert render_ussd(view("Go?", "Yes", back=True, home=True), say, nav).text == "Go?\n1 Yes\n0\n00"


def test_a_footer_word_too_many_leaves_no_empty_page() -> None:
    nav = NavLabels("m" * 60, "back", "home", "menu")
    pages = pages_of(view("Choose:", *("x" * 9 for _ in range(12)), home=True), budget=80, nav=nav)
    assert all("x" * 9 in page for page in pages)


def test_a_budget_no_screen_fits_in_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        render_ussd(view("Go?"), say, NAV, budget=10)


labels = st.text(max_size=60) | st.sampled_from(
    ["€" * 200, "x" * 400, "ክፍያ" * 60, "", "1", "98 More", "\n\n"]
)


@settings(max_examples=200, deadline=None)  # the machine's speed is not the subject
@given(
    text=st.text(max_size=400) | st.just("GHS 5.00 " * 60),
    choices=st.lists(labels, max_size=30),
    notice=st.none() | st.text(max_size=80),
    back=st.booleans(),
    home=st.booleans(),
    ends=st.booleans(),
    budget=st.integers(40, 182),
    ucs2_budget=st.integers(40, 80),
    nav=st.builds(NavLabels, st.text(max_size=20), st.text(max_size=20), st.text(max_size=20)),
)
def test_whatever_the_labels_every_page_fits_and_no_choice_is_lost(
    text: str,
    choices: list[str],
    notice: str | None,
    back: bool,
    home: bool,
    ends: bool,
    budget: int,
    ucs2_budget: int,
    nav: NavLabels,
) -> None:
    named = [f"§{n}{label.replace('§', '')}" for n, label in enumerate(choices)]
    shown = view(
        text.replace("§", ""),
        *named,
        notice=None if notice is None else Text(notice.replace("§", "")),
        back=back,
        home=home,
        ends=ends,
    )
    nav = NavLabels(*(label.replace("§", "") for label in (nav.more, nav.back, nav.home)))
    pages = pages_of(shown, budget=budget, ucs2_budget=ucs2_budget, nav=nav)
    assert all(fits(page, budget, ucs2_budget) for page in pages)
    assert all(page == page.strip() for page in pages)
    numbers = re.findall(r"^(\d+) §(\d+)", "\n".join(pages), re.MULTILINE)
    assert [int(number) for number, _ in numbers] == ([] if ends else list(range(1, len(choices) + 1)))
    assert len(re.findall("§", "".join(pages))) == len(numbers)
    for page, following in pairwise(pages):
        assert re.search(r"^98( |$)", page, re.MULTILINE)
        assert re.search(r"^0( |$)", following, re.MULTILINE)
    if pages and len(pages) > 1:
        assert all(page for page in pages)


@given(st.text(max_size=600))
def test_long_text_loses_no_word_on_its_pages(text: str) -> None:
    pages = pages_of(view(text), budget=80)
    bodies = [re.sub(r"(\n\d+/\d+)?(\n98 More)?(\n0 Back)?$", "", page) for page in pages]
    whole = render_ussd(view(text), say, NAV, budget=100_000, ucs2_budget=100_000).text
    assert "".join("".join(bodies).split()) == "".join(whole.split())


def test_a_message_has_buttons_for_every_choice_and_move() -> None:
    shown = view(
        "Pay?", "Yes", "No\n way", notice=Text("Hm."), back=True, home=True, serial=7, conversation="ab12"
    )
    message = render_chat(shown, say, NAV)
    assert message.text == "Hm.\nPay?"
    assert message.buttons == (
        ("Yes", "1:ab12:7:0"),
        ("No way", "1:ab12:7:1"),
        ("Back", "1:ab12:7:b"),
        ("Home", "1:ab12:7:h"),
    )


def test_a_message_that_ends_offers_the_menu() -> None:
    shown = view("Paid.", "Again", ends=True, back=True, serial=9, conversation="ab12")
    message = render_chat(shown, say, NAV)
    assert message.buttons == (("Menu", "1:ab12:9:h"),)


def test_a_message_keeps_its_letters() -> None:
    message = render_chat(view("Réglé à Forêt ₵5 …", "Ɛyɛ"), say, NAV)
    assert (message.text, message.buttons[0][0]) == ("Réglé à Forêt ₵5 …", "Ɛyɛ")


def test_button_data_too_long_for_telegram_is_our_fault() -> None:
    with pytest.raises(ValueError, match="too long"):
        render_chat(view("Pay?", "Yes", conversation="x" * 61), say, NAV)


@given(
    conversation=st.from_regex(r"[0-9a-f-]{0,36}", fullmatch=True),
    serial=st.integers(0, 999_999_999),
    index=st.integers(0, 99),
)
def test_a_pressed_button_is_read_back(conversation: str, serial: int, index: int) -> None:
    shown = view("Q", *("a",) * (index + 1), back=True, home=True, serial=serial, conversation=conversation)
    *_, chosen, back, home = (data for _, data in render_chat(shown, say, NAV).buttons)
    assert read_button(chosen) == Pressed(conversation, serial, f"#{index}")
    assert read_button(back) == Pressed(conversation, serial, "nav:back")
    assert read_button(home) == Pressed(conversation, serial, "nav:home")
    assert all(len(data.encode()) <= 64 for data in (chosen, back, home))


@given(flow=st.from_regex(r"[a-z_]{1,20}", fullmatch=True), about=st.uuids().map(str))
def test_a_button_that_begins_a_conversation_is_read_back(flow: str, about: str) -> None:
    ended = View(text=Text("Q"), ends=True, opens=Opening(flow, about))
    (label, data), (_, menu) = render_chat(ended, say, NAV).buttons
    assert read_button(data) == Opens(flow, about)
    assert isinstance(read_button(menu), Pressed)
    assert len(data.encode()) <= 64
    assert label


def test_what_no_button_could_bring_back_is_not_sent() -> None:
    for opens in (Opening("Approve", "1"), Opening("approve", "1:2"), Opening("approve", "1" * 41)):
        with pytest.raises(ValueError, match="forty"):
            render_chat(View(text=Text("Q"), ends=True, opens=opens), say, NAV)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "1",
        "2:ap prove:1",
        "2::1",
        "2:approve:",
        "2:approve:1:2",
        "2:approve:" + "1" * 41,
        "2:ab:1:0",
        "1:ab:1",
        "1:ab:1:x",
        "1:ab:1:0:0",
        "1:ab:-1:0",
        "1:ab:01:0",
        "1:ab:1:٣",
        "1:ab:1:0\n",
        "1:a b:1:0",
        "1:ab:1:1000",
        "1:ab:9999999999:0",
        "1:" + "ab" * 40 + ":1:0",
        "1:" + "é" * 35 + ":1:0",
        "1:\ud800:" + "1:b" * 20,
    ],
)
def test_data_that_is_not_ours_is_no_button(data: str) -> None:
    assert read_button(data) is None


@given(st.text())
def test_reading_a_button_never_raises(data: str) -> None:
    read_button(data)


@pytest.mark.parametrize(
    ("text", "sms"),
    [
        ("Réglé ₵5.\nCode K7QX2A9M", "Réglé GHS5.\nCode K7QX2A9M"),
        ("Reçu\u00a0: à bientôt", "Recu : à bientot"),
        ("Merci 🙏", "Merci "),
        ("Paid to መድኃኒት", "Paid to መድኃኒት"),  # a letter lost would be another word
        ("ተከፍሏል", "ተከፍሏል"),
    ],
)
def test_an_sms_costs_16_bits_a_letter_only_where_a_letter_would_be_lost(text: str, sms: str) -> None:
    shown = view(text, "Again", notice=Text("Bien."), back=True)
    assert render_sms(shown, say) == f"Bien.\n{sms}"


def test_a_page_is_measured_after_folding() -> None:
    pages = pages_of(view("œ" * 100))
    assert all((count_septets(page) or 999) <= 160 for page in pages)
    assert len(pages) == 2
