"""The kinds of answer: what they take, what they say to the rest, and how they come back from a journal."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialog import (
    Amount,
    BillNumber,
    Choice,
    Code,
    Digits,
    FreeText,
    Kind,
    OwnReference,
    Party,
    Problem,
    Question,
    Talk,
    Text,
    Wallet,
    Whole,
    fold_digits,
)
from bot.money import AmountRule, Money, NumberRule
from tests.dialog.talks import FACTS

AMOUNT = Amount("GHS", AmountRule(least_minor=100), most_minor=5000)
# Whole shillings, as M-Pesa moves them.
WHOLE = Amount("KES", AmountRule(100, 500_000, 100), most_minor=900_000)
KENYA = Wallet("KE", NumberRule(("KE",), ("+467331234",)))


def problem(id: str, **values: Any) -> Problem:
    return Problem(Text(id, values))


@pytest.mark.parametrize(
    ("kind", "typed", "found"),
    [
        (AMOUNT, "50", Money(5000, "GHS")),
        (Party("GH"), "0240000001", "+233240000001"),
        (Party("GH"), " Ama@Shop.example ", "ama@shop.example"),
        (Party("GH"), "5CECB5A7-8bd0-4f49-87b1-8eb9ecc7b7bc", "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc"),
        (Party("GH"), "ama@shop", problem("number.not_valid")),
        (Party("GH"), "5cecb5a7", problem("number.not_valid")),
        (AMOUNT, " 1 ", Money(100, "GHS")),
        (Amount("GHS"), "0240000001", problem("amount.phone_number")),
        (Amount("GHS"), "+233 24 000 0001", problem("amount.phone_number")),
        (Amount("GHS"), "024000000", problem("amount.phone_number")),
        (Amount("GHS"), "240000001", Money(24_000_000_100, "GHS")),
        (Amount("GHS"), "00000000.5", Money(50, "GHS")),
        (AMOUNT, "0.99", problem("amount.too_small", least=Money(100, "GHS"))),
        (AMOUNT, "50.01", problem("amount.over_limit", most=Money(5000, "GHS"))),
        (AMOUNT, "1.000", problem("amount.ambiguous", currency="GHS")),
        (AMOUNT, "x", problem("amount.not_a_number", currency="GHS")),
        (AMOUNT, "0", problem("amount.not_positive", currency="GHS")),
        (AMOUNT, "1.001,5", problem("amount.over_limit", most=Money(5000, "GHS"))),
        (AMOUNT, "1.2345", problem("amount.too_many_decimals", currency="GHS")),
        (AMOUNT, "1" * 10, problem("amount.too_large", currency="GHS")),
        (AMOUNT, "10⁴", problem("amount.not_a_number", currency="GHS")),
        (AMOUNT, "①", problem("amount.not_a_number", currency="GHS")),
        (Amount("UGX"), "5000", Money(5000, "UGX")),
        (Amount("UGX"), "5000.5", problem("amount.too_many_decimals", currency="UGX")),
        (WHOLE, "10", Money(1000, "KES")),
        (WHOLE, "10.00", Money(1000, "KES")),
        (WHOLE, "10.50", problem("amount.steps", below=Money(1000, "KES"), above=Money(1100, "KES"))),
        (WHOLE, "0.50", problem("amount.too_small", least=Money(100, "KES"))),
        (WHOLE, "5001", problem("amount.over_limit", most=Money(500_000, "KES"))),
        (
            Amount("KES", AmountRule(most_minor=200), most_minor=100),
            "2",
            problem("amount.over_limit", most=Money(100, "KES")),
        ),
        (KENYA, "0700000001", "+254700000001"),
        (KENYA, "+233240000001", problem("number.foreign", begins="+254")),
        (KENYA, "+46733123450", "+46733123450"),
        (Wallet("GH"), "0240000001", "+233240000001"),
        (Wallet("GH"), "٠٢٤٠٠٠٠٠٠١", "+233240000001"),
        (Wallet("GH"), "ama", problem("number.not_valid")),
        (Wallet("GH"), "+888 0123 4567", problem("number.anonymous")),
        (Digits(4, 6, "pin.not_valid"), "0042", "0042"),
        (Digits(4, 6, "pin.not_valid"), "12 34-5", "12345"),
        (Digits(4, 6, "pin.not_valid"), "１２３４", "1234"),
        (Digits(4, 6, "pin.not_valid"), "123", problem("pin.not_valid")),
        (Digits(4, 6, "pin.not_valid"), "1234567", problem("pin.not_valid")),
        (Digits(4, 6, "pin.not_valid"), "12a4", problem("pin.not_valid")),
        (Digits(4, 6, "pin.not_valid"), "", problem("pin.not_valid")),
        (Code(), "482 915-037", "482915037"),
        (Code(), "k7qx 2a9m", "K7QX2A9M"),
        (Code(), "k7qx", problem("code.not_valid")),
        (FreeText(5), "  a \n b ", "a b"),
        (FreeText(5), "   ", problem("text.empty")),
        (FreeText(5), "abcdef", problem("text.too_long", most=5)),
        (FreeText(1), "e\u0301", "é"),
        (FreeText(9, words=True), "2 tables", "2 tables"),
        (FreeText(9, words=True), "24.68", problem("text.no_words")),
        (BillNumber(9), "MTR 42/7", "MTR 42/7"),
        (BillNumber(9), "0042 17 9", "0042 17 9"),
        (BillNumber(9), "00421-7", problem("bill.reference_short", least=7)),
        (BillNumber(9), "  ", problem("text.empty")),
        (OwnReference(), " 12 ", "12"),
        (OwnReference(), "Ama  by the door", "Ama by the door"),
        (OwnReference(), "T1234", "T1234"),
        (OwnReference(), "123456789", "123456789"),
        *(
            (OwnReference(), typed, problem("given.may_be_pin"))
            for typed in ("2468", "24 68", "8241-9345", "٢٤٦٨")
        ),
        (OwnReference(), "x" * 21, problem("text.too_long", most=20)),
        (OwnReference(), " ", problem("text.empty")),
        (Whole(1, 365), "1", 1),
        (Whole(1, 365), " 365 ", 365),
        (Whole(1, 365), "٣٠", 30),
        (Whole(1, 365), "0", problem("whole.not_valid", least=1, most=365)),
        (Whole(1, 365), "366", problem("whole.not_valid", least=1, most=365)),
        (Whole(1, 365), "7.5", problem("whole.not_valid", least=1, most=365)),
        (Whole(1, 365), "-7", problem("whole.not_valid", least=1, most=365)),
        (Whole(1, 365), "1" * 5000, problem("whole.not_valid", least=1, most=365)),
    ],
)
def test_an_answer_is_a_value_or_a_sentence(kind: Kind[Any], typed: str, found: Any) -> None:
    assert kind.parse(typed) == found


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (AMOUNT, "12.5"),
        (Wallet("GH"), "0240000001"),
        (Digits(4, 6, "pin.not_valid"), "0042"),
        (Code(), "K7QX2A9M"),
        (FreeText(9), "Ama's"),
        (BillNumber(9), "MTR 42/7"),
        (OwnReference(), "T12"),
        (Whole(1, 365), "30"),
    ],
)
def test_a_value_comes_back_from_the_journal(kind: Kind[Any], typed: str) -> None:
    value = kind.parse(typed)
    data = msgspec.json.decode(msgspec.json.encode(kind.dump(value)))
    assert kind.load(data) == value


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (AMOUNT, {"type": "money", "amount_minor": 1, "currency": "GHS"}),
        (AMOUNT, {"type": "money", "amount_minor": 9999, "currency": "GHS"}),
        (AMOUNT, {"type": "money", "amount_minor": 500, "currency": "KES"}),
        (AMOUNT, {"type": "money", "amount_minor": 500, "currency": "XXX"}),
        (AMOUNT, {"type": "money", "amount_minor": 5.5, "currency": "GHS"}),
        (AMOUNT, {"amount_minor": 500}),
        (AMOUNT, "5"),
        (AMOUNT, None),
        (Wallet("GH"), "12"),
        (Wallet("GH"), None),
        (Digits(4, 6, "pin.not_valid"), "123"),
        (Digits(4, 6, "pin.not_valid"), None),
        (Code(), "short"),
        (FreeText(5), "abcdef"),
        (FreeText(5), ""),
        (FreeText(5), None),
        (FreeText(5), 5),
        (Whole(1, 365), 0),
        (Whole(1, 365), "30"),
        (Whole(1, 365), True),
        (Whole(1, 365), None),
    ],
)
def test_what_todays_kind_would_refuse_does_not_come_back(kind: Kind[Any], data: Any) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        kind.load(data)


def test_a_kind_says_what_it_wants() -> None:
    kinds: list[Kind[Any]] = [AMOUNT, Wallet("GH"), Digits(4, 6, "x"), Code(), FreeText(), Whole(1, 9)]
    assert [kind.wants for kind in kinds] == ["amount", "number", "code", "code", "text", "code"]


def test_a_kind_must_say_how_it_parses_and_loads() -> None:
    bare: Kind[Any] = Kind()
    with pytest.raises(NotImplementedError):
        bare.parse("x")
    with pytest.raises(NotImplementedError):
        bare.load("x")


def test_a_question_must_say_how_it_is_answered() -> None:
    bare: Question[Any] = Question("bare", Text("main.bare"))
    with pytest.raises(NotImplementedError):
        bare.parse("x")
    with pytest.raises(NotImplementedError):
        bare.load("x")


def test_a_choice_comes_back_only_while_it_is_offered() -> None:
    question = Talk(FACTS).choose("colour", [Choice("red", Text("red"))])
    assert question.load("red") == "red"
    for gone in ("blue", None, 1, ["red"]):
        with pytest.raises(ValueError, match="no longer offered"):
            question.load(gone)


def test_a_choice_of_older_journals_comes_back_and_is_not_offered() -> None:
    question = Talk(FACTS).choose("colour", [Choice("red", Text("red"))], also=("rouge",))
    assert question.load("rouge") == "rouge"
    assert [choice.value for choice in question.choices] == ["red"]
    with pytest.raises(ValueError, match="no longer offered"):
        question.load("blue")


def test_a_question_shows_values_made_elsewhere_beside_its_own() -> None:
    talk = Talk(FACTS)
    shown = {"name": "Ama", "code": "K7QX2A9M"}
    for question in (
        talk.ask("a", Code(), shown=shown, name="Efua"),
        talk.choose("b", [], shown=shown, name="Efua"),
        talk.confirm("c", shown=shown, name="Efua"),
    ):
        assert question.text.values == {"name": "Efua", "code": "K7QX2A9M"}


def test_a_confirmation_comes_back_as_yes_or_no_alone() -> None:
    question = Talk(FACTS).confirm("sure")
    assert question.load(question.dump(True)) is True
    assert question.load(question.dump(False)) is False
    for other in (True, False, "maybe", None, {}):
        with pytest.raises(ValueError, match="not yes or no"):
            question.load(other)


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold_digits(fold_digits(text)) == fold_digits(text)


@given(st.integers(0, 10**12), st.sampled_from([0x0660, 0x06F0, 0x0966, 0xFF10]))
def test_digits_of_any_script_are_digits(n: int, zero: int) -> None:
    assert fold_digits("".join(chr(zero + int(c)) for c in str(n))) == str(n)


@given(st.text(max_size=70))
def test_free_text_is_one_line_and_comes_back(text: str) -> None:
    kind = FreeText(60)
    found = kind.parse(text)
    if isinstance(found, str):
        assert "\n" not in found
        assert 0 < len(found) <= 60
        assert kind.parse(found) == found
        assert kind.load(found) == found
