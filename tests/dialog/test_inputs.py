"""What people type and press, and what it means to the question in front of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialog import (
    Accepted,
    Again,
    Amount,
    Back,
    Choice,
    Chosen,
    Digits,
    FreeText,
    Help,
    Home,
    Input,
    Kind,
    Leave,
    More,
    NavWords,
    Nothing,
    Offer,
    Pressed,
    Problem,
    Question,
    Shared,
    Talk,
    Text,
    Typed,
    Wallet,
    interpret,
    match_choice,
)
from bot.money import Money
from tests.dialog.talks import FACTS, Unlock

TALK = Talk(FACTS)
WORDS = NavWords(
    back=frozenset({"back", "b", "retour"}),
    home=frozenset({"menu", "home", "start", "accueil"}),
    leave=frozenset({"cancel", "annuler"}),
    yes=frozenset({"yes", "y", "oui", "o"}),
    no=frozenset({"no", "n", "non"}),
)
LABELS = {"colour.red": "Red", "colour.green": "Vert pâle", "colour.blue": "Blue"}
MENU = TALK.choose("colour", [Choice(name, Text(f"colour.{name}")) for name in ("red", "green", "blue")])
LONG = TALK.choose("long", [Choice(f"v{n}", Text(f"v{n}")) for n in range(1, 13)])
SURE = TALK.confirm("sure")
AMOUNT = TALK.ask("amount", Amount("GHS"))
NUMBER = TALK.ask("number", Wallet("GH"))
OFFERED = TALK.ask("payer", Wallet("GH"), offers=[Offer("+233240000001", Text("pay.my_number"))])
# The lines of two are left out here: a number means the same to everybody.
GAPS = TALK.choose(
    "gaps", [Choice(name, Text(name), number) for name, number in (("one", 1), ("four", 4), ("twelve", 12))]
)
TYPED_OR = TALK.ask(
    "code", FreeText(12), offers=[Offer("1001", Text("last"), 1), Offer("more", Text("rest"), 4)]
)
TWENTY = Money(2000, "GHS")
AMOUNTS = TALK.ask(
    "amount", Amount("GHS"), offers=[Offer(TWENTY, Text("GHS 20")), Offer(Money(500, "GHS"), Text("GHS 5"))]
)
NAME = TALK.ask("name", FreeText(12))
PIN = TALK.secret("pin", Digits(4, 6, "pin.not_valid"), Unlock())
SIGN = TALK.sign(
    "sign",
    Digits(4, 6, "pin.not_valid"),
    Unlock(),
    [Choice("no", Text("no")), Choice("wallet", Text("other"))],
)
DECIDE = TALK.decide("sure", [Choice(name, Text(f"d.{name}")) for name in ("yes", "no", "wallet")])


class Card(Kind[str]):
    """A kind that takes the channel's own word for a number, like the one that links a chat."""

    wants = "contact"

    def parse(self, text: str) -> str | Problem:
        return f"code:{text}" if text.isdigit() and len(text) == 6 else Problem(Text("link.code_not_valid"))


CONTACT = TALK.ask("proof", Card())


def read(
    question: Question[Any],
    said: Input | str,
    *,
    keypad: bool = True,
    can_go_back: bool = True,
    more: bool = False,
) -> Any:
    if isinstance(said, str):
        said = Typed(said)
    return interpret(
        question,
        said,
        WORDS,
        keypad=keypad,
        can_go_back=can_go_back,
        more=more,
        label_of=lambda text: LABELS.get(text.id, text.id),
    )


# ---- moving about --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question", [MENU, SURE, AMOUNT, NUMBER, NAME, PIN, CONTACT, SIGN, DECIDE, GAPS, TYPED_OR, AMOUNTS]
)
def test_keys_move_about_on_a_keypad_whatever_is_asked(question: Question[Any]) -> None:
    assert read(question, "0") == Back()
    assert read(question, "00") == Home()
    assert read(question, " 0 ") == Back()
    assert read(question, "0#") == Back()
    assert read(question, "٠") == Back()
    assert read(question, "98", more=True) == More()


@pytest.mark.parametrize("question", [MENU, AMOUNT])
def test_back_at_the_beginning_is_home(question: Question[Any]) -> None:
    assert read(question, "0", can_go_back=False) == Home()
    assert read(question, "back", can_go_back=False) == Home()
    assert read(question, Pressed("c", 1, "nav:back"), can_go_back=False) == Home()


def test_keys_move_nobody_in_a_chat() -> None:
    assert read(AMOUNT, "98", keypad=False, more=True) == Accepted(Money(9800, "GHS"))
    assert isinstance(read(MENU, "0", keypad=False), Problem)
    assert isinstance(read(MENU, "00", keypad=False), Problem)
    assert isinstance(read(AMOUNT, "0", keypad=False), Problem)


def test_the_key_for_more_is_data_where_there_is_no_more() -> None:
    assert read(AMOUNT, "98") == Accepted(Money(9800, "GHS"))
    assert isinstance(read(MENU, "98"), Problem)


@pytest.mark.parametrize("keypad", [True, False])
@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("back", Back()),
        ("RETOUR", Back()),
        (" Menu ", Home()),
        ("accueil", Home()),
        ("/start", Home()),
        ("Menu.", Home()),
        ("/retour", Back()),
        ("help", Help()),
        ("/help", Help()),
        ("Help!", Help()),
        ("?", Help()),
        ("cancel", Leave()),
        ("Annuler", Leave()),
    ],
)
@pytest.mark.parametrize("question", [MENU, AMOUNT, NAME, PIN, SIGN, DECIDE])
def test_words_move_about_everywhere(question: Question[Any], word: str, means: Any, keypad: bool) -> None:
    assert read(question, word, keypad=keypad) == means


@pytest.mark.parametrize("said", [Nothing(), Typed(""), Typed("   "), Typed("\u00a0")])
def test_saying_nothing_shows_the_question_again(said: Input) -> None:
    assert read(MENU, said) == Again()
    assert read(AMOUNT, said, keypad=False) == Again()


def test_a_star_or_hash_alone_is_an_answer_like_any_other() -> None:
    for typed in ("*", "#"):
        assert isinstance(read(MENU, typed), Problem)
        assert read(NAME, typed) == Accepted(typed)


@pytest.mark.parametrize(
    ("typed", "name"),
    [("1001#", "1001"), ("1001 #", "1001"), ("12*34", "12*34"), ("*1", "*1"), ("1##", "1#")],
)
def test_one_closing_hash_is_part_of_the_dialling_and_a_star_of_the_answer(typed: str, name: str) -> None:
    assert read(NAME, typed) == Accepted(name)


def test_a_hash_is_text_in_a_chat() -> None:
    assert read(NAME, "no 1#", keypad=False) == Accepted("no 1#")


# ---- choosing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("1", "red"),
        ("2", "green"),
        ("3", "blue"),
        ("01", "red"),
        ("003", "blue"),
        ("1.", "red"),
        ("1)", "red"),
        ("2:", "green"),
        ("1 .", "red"),
        ("l", "red"),
        ("I", "red"),
        ("o1", "red"),
        ("O3", "blue"),
        ("１", "red"),
        ("٢", "green"),
        ("۳", "blue"),
        ("1#", "red"),
        ("red", "red"),
        ("RED", "red"),
        ("Vert Pâle", "green"),
    ],
)
def test_a_choice_is_taken_however_it_is_typed(typed: str, value: str) -> None:
    assert read(MENU, typed) == Accepted(value)


@pytest.mark.parametrize(
    "typed", ["4", "10", "1 2", "-1", "1.5", "one", "1*2", "rouge", "yes", "²", "①", "ll"]
)
def test_what_is_not_offered_is_not_taken(typed: str) -> None:
    assert read(MENU, typed) == Problem(Text("choice.not_valid"))


def test_two_digit_choices_are_reachable() -> None:
    assert read(LONG, "12") == Accepted("v12")
    assert read(LONG, "lo") == Accepted("v10")
    assert read(LONG, "ll") == Accepted("v11")
    assert isinstance(read(LONG, "13"), Problem)


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1", True), ("2", False), ("yes", True), ("OUI", True), ("o", True), ("n", False), ("Non", False)],
)
def test_yes_and_no_are_understood_by_word(typed: str, value: bool) -> None:
    assert read(SURE, typed) == Accepted(value)


@pytest.mark.parametrize("typed", ["3", "perhaps", "yes please", "1234"])
def test_a_confirmation_is_never_read_into_anything_else(typed: str) -> None:
    assert read(SURE, typed) == Problem(Text("choice.not_valid"))


def test_labels_count_only_where_words_are_known() -> None:
    assert match_choice(MENU.choices, "red", WORDS) is None
    assert match_choice((), "1", WORDS) is None


@given(st.integers(-5, 200))
def test_a_number_chooses_exactly_what_stands_beside_it(n: int) -> None:
    found = match_choice(LONG.choices, str(n), WORDS)
    assert found == (LONG.choices[n - 1] if 1 <= n <= 12 else None)


def test_a_number_means_the_same_whatever_is_left_out() -> None:
    assert [read(GAPS, n) for n in ("1", "4", "04", "12")] == [
        Accepted("one"),
        Accepted("four"),
        Accepted("four"),
        Accepted("twelve"),
    ]
    for place in ("2", "3", "5"):
        assert read(GAPS, place) == Problem(Text("choice.not_valid"))
    # A button carries its place in the list, whatever its number.
    assert read(GAPS, Pressed("c", 1, "#1"), keypad=False) == Accepted("four")


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("1", "yes"),
        ("OUI", "yes"),
        ("2", "no"),
        ("non", "no"),
        ("3", "wallet"),
        ("d.wallet", "wallet"),
        (Pressed("c", 1, "#2"), "wallet"),
    ],
)
def test_a_decision_is_the_word_of_what_was_chosen(said: Any, value: str) -> None:
    assert read(DECIDE, said) == Accepted(value)


@pytest.mark.parametrize("said", ["4", "perhaps", "0240000001"])
def test_a_decision_is_never_read_into_anything_else(said: str) -> None:
    assert read(DECIDE, said) == Problem(Text("choice.not_valid"))


def test_a_signature_is_the_pin_or_what_is_chosen_instead() -> None:
    assert read(SIGN, "4711") == Accepted("4711")
    # A PIN may begin with noughts.
    assert read(SIGN, "0001") == Accepted("0001")
    assert read(SIGN, "1") == Accepted(Chosen("no"))
    assert read(SIGN, "non") == Accepted(Chosen("no"))
    assert read(SIGN, "2") == Accepted(Chosen("wallet"))
    assert read(SIGN, "other") == Accepted(Chosen("wallet"))
    assert read(SIGN, Pressed("c", 1, "#1"), keypad=False) == Accepted(Chosen("wallet"))
    # There is nothing that says yes but the PIN.
    for typed in ("yes", "oui", "3", "123"):
        assert read(SIGN, typed) == Problem(Text("pin.not_valid"))


# ---- typing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "amount"), [("50", 5000), ("1", 100), ("٥٠", 5000), ("5\u00a0000", 500_000), ("50#", 5000)]
)
def test_amounts_are_taken_as_typed(typed: str, amount: int) -> None:
    assert read(AMOUNT, typed) == Accepted(Money(amount, "GHS"))


@pytest.mark.parametrize("typed", ["l00", "1O0", "5o", "I", "l", "o5"])
def test_look_alikes_are_never_digits_of_an_amount(typed: str) -> None:
    assert read(AMOUNT, typed) == Problem(Text("amount.not_a_number", {"currency": "GHS"}))


def test_an_offer_is_chosen_by_its_number_and_overridden_by_typing() -> None:
    assert read(OFFERED, "1") == Accepted("+233240000001")
    assert read(OFFERED, "0240000002") == Accepted("+233240000002")
    assert read(OFFERED, Pressed("c", 1, "#0")) == Accepted("+233240000001")
    assert read(OFFERED, "2") == Problem(Text("number.not_valid"))


def test_offers_have_numbers_of_their_own_and_what_is_no_offer_is_typed() -> None:
    assert read(TYPED_OR, "1") == Accepted("1001")
    assert read(TYPED_OR, "4") == Accepted("more")
    assert read(TYPED_OR, "rest") == Accepted("more")
    assert read(TYPED_OR, Pressed("c", 1, "#1"), keypad=False) == Accepted("more")
    for typed in ("2", "3", "1002"):
        assert read(TYPED_OR, typed) == Accepted(typed)


@pytest.mark.parametrize("keypad", [True, False])
def test_an_amount_is_never_chosen_by_a_number(keypad: bool) -> None:
    assert read(AMOUNTS, "1", keypad=keypad) == Accepted(Money(100, "GHS"))
    assert read(AMOUNTS, "2.", keypad=keypad) == Accepted(Money(200, "GHS"))
    assert read(AMOUNTS, Pressed("c", 1, "#0"), keypad=keypad) == Accepted(TWENTY)
    assert read(AMOUNTS, "ghs 20", keypad=keypad) == Accepted(TWENTY)


def test_without_an_offer_one_is_typing() -> None:
    assert read(NUMBER, "1") == Problem(Text("number.not_valid"))
    assert read(AMOUNT, "1") == Accepted(Money(100, "GHS"))


def test_a_secret_is_handed_on_as_typed() -> None:
    assert read(PIN, "0042") == Accepted("0042")
    assert read(PIN, "12-34") == Accepted("1234")
    assert read(PIN, "123") == Problem(Text("pin.not_valid"))
    assert "123" not in repr(read(PIN, "123"))


# ---- sharing a number ----------------------------------------------------------------------------


def test_a_shared_number_is_vouched_for_where_it_was_asked_for() -> None:
    assert read(CONTACT, Shared("+233240000001"), keypad=False) == Accepted("shared:+233240000001")


@pytest.mark.parametrize(
    "typed",
    [
        "shared:+233240000001",
        "Shared:+233240000001",
        "+233240000001",
        "233240000001",
        "code:123456",
        "shared:",
    ],
)
@pytest.mark.parametrize("keypad", [True, False])
def test_typing_never_reads_as_a_shared_number(typed: str, keypad: bool) -> None:
    assert read(CONTACT, typed, keypad=keypad) == Problem(Text("link.code_not_valid"))


@given(st.text(max_size=40))
def test_no_text_reads_as_a_shared_number(text: str) -> None:
    for said in (Typed(text), Pressed("c", 1, text)):
        found = read(CONTACT, said, keypad=False)
        assert not (isinstance(found, Accepted) and str(found.value).startswith("shared"))


def test_a_number_shared_unasked_is_as_good_as_typed_and_no_better() -> None:
    shared = Shared("+233240000002")
    assert read(NUMBER, shared, keypad=False) == Accepted("+233240000002")
    assert read(MENU, shared, keypad=False) == Problem(Text("choice.not_valid"))
    assert read(PIN, shared, keypad=False) == Problem(Text("pin.not_valid"))
    assert isinstance(read(SURE, shared, keypad=False), Problem)


# ---- buttons -------------------------------------------------------------------------------------


def test_a_button_is_the_choice_it_stands_for() -> None:
    assert read(MENU, Pressed("c", 1, "#0"), keypad=False) == Accepted("red")
    assert read(MENU, Pressed("c", 1, "#2"), keypad=False) == Accepted("blue")
    assert read(SURE, Pressed("c", 1, "#0"), keypad=False) == Accepted(True)
    assert read(SURE, Pressed("c", 1, "#1"), keypad=False) == Accepted(False)
    assert read(MENU, Pressed("c", 1, "nav:back"), keypad=False) == Back()
    assert read(MENU, Pressed("c", 1, "nav:home"), keypad=False) == Home()
    assert read(MENU, Pressed("c", 1, "nav:more"), keypad=False) == More()


@pytest.mark.parametrize(
    "value",
    ["#3", "#999", "#-1", "#", "", "##0", "#0 ", "#٠", "#²", "nav:leave", "nav:", "red", "#red", "#1.0"],
)
def test_a_button_of_nobodys_making_chooses_nothing(value: str) -> None:
    assert read(MENU, Pressed("c", 1, value), keypad=False) == Problem(Text("choice.not_valid"))


@pytest.mark.parametrize("question", [AMOUNT, NUMBER, NAME, PIN, CONTACT])
def test_a_button_never_types(question: Question[Any]) -> None:
    for value in ("#0", "#1", "1234", "0240000001"):
        assert read(question, Pressed("c", 1, value), keypad=False) == Problem(Text("choice.not_valid"))


@given(
    st.sampled_from(
        [MENU, SURE, AMOUNT, NUMBER, OFFERED, NAME, PIN, CONTACT, SIGN, DECIDE, GAPS, TYPED_OR, AMOUNTS]
    ),
    st.one_of(
        st.builds(Typed, st.text(max_size=20)),
        st.builds(Pressed, st.just("c"), st.integers(0, 9), st.text(max_size=8)),
        st.just(Nothing()),
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_anything_said_has_a_meaning(
    question: Question[Any], said: Input, keypad: bool, can_go_back: bool, more: bool
) -> None:
    found = read(question, said, keypad=keypad, can_go_back=can_go_back, more=more)
    assert isinstance(found, Accepted | Back | Home | Leave | More | Again | Problem)
    if isinstance(found, Accepted) and question not in (PIN, SIGN):
        # What is accepted can be journaled, and taken from the journal again.
        assert question.load(question.dump(found.value)) == found.value or question is CONTACT


@pytest.mark.parametrize("typed", ["Yes.", "yes!", "1.", " 1 ", "l"])
def test_yes_is_yes_however_it_is_written(typed: str) -> None:
    assert read(SURE, typed) == Accepted(True)


@pytest.mark.parametrize(
    ("question", "typed", "value"),
    [
        (AMOUNT, "5.", Money(500, "GHS")),
        (NUMBER, "0240000001.", "+233240000001"),
        (PIN, "2468.", "2468"),
    ],
)
def test_the_end_of_a_sentence_belongs_to_no_answer(question: Question[Any], typed: str, value: Any) -> None:
    assert read(question, typed) == Accepted(value)


def test_a_text_is_left_as_it_was_written() -> None:
    assert read(NAME, "Thank you.") == Accepted("Thank you.")
