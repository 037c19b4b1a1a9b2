"""Amounts: what a typed amount means in each currency, and how one is written out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import (
    EXPONENTS,
    AmountProblem,
    Money,
    exponent_of,
    from_major,
    parse_amount,
    show_amount,
    to_major,
)

ZERO_DECIMAL = ("UGX", "RWF", "XOF", "XAF", "GNF")
TWO_DECIMAL = ("GHS", "KES", "EUR", "NGN", "ZMW")

amounts = st.builds(Money, st.integers(1, 999_999_999), st.sampled_from(sorted(EXPONENTS)))


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("5000", 500_000),
        ("5 000", 500_000),
        ("5\u00a0000", 500_000),
        ("5\u202f000", 500_000),
        ("  50 ", 5000),
        ("1 250 000", 125_000_000),
        ("1,250.50", 125_050),
        ("1.250,50", 125_050),
        ("1 250,50", 125_050),
        ("1,250,000", 125_000_000),
        ("1.250.000", 125_000_000),
        ("12.5", 1250),
        ("12,5", 1250),
        ("12.50", 1250),
        ("0.05", 5),
        ("007", 700),
        ("GHS 50", 5000),
        ("ghs50", 5000),
        ("50 GHS", 5000),
        ("50ghs", 5000),
        ("GHS 1,250.00", 125_000),
        ("٥٠", 5000),
        ("۵۰", 5000),
        ("５０", 5000),
        ("999999999", 99_999_999_900),
    ],
)
def test_typed_forms_are_understood(typed: str, minor: int) -> None:
    assert parse_amount(typed, "GHS") == Money(minor, "GHS")


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("₵12.50", "GHS", 1250),
        ("GH₵ 12", "GHS", 1200),
        ("gh¢12", "GHS", 1200),
        ("GHC 12", "GHS", 1200),
        ("12 cedis", "GHS", 1200),
        ("5.", "GHS", 500),
        ("12.50.", "GHS", 1250),
        ("GHS 12.", "GHS", 1200),
        ("KSh 50", "KES", 5000),
        ("50/=", "KES", 5000),
        ("5,000,000 F CFA", "XOF", 5_000_000),
        ("500 francs", "XOF", 500),
        ("2500f", "XAF", 2500),
        ("R50", "ZAR", 5000),
        ("K20", "ZMW", 2000),
        ("$3", "USD", 300),
    ],
)
def test_people_write_their_currency_in_their_own_way(typed: str, currency: str, minor: int) -> None:
    assert parse_amount(typed, currency) == Money(minor, currency)


@pytest.mark.parametrize("typed", ["1.000", "1,000", "12.345", "999,999", "0.500", "GHS 1,000", "1 000.500"])
@pytest.mark.parametrize("currency", ["GHS", "XOF"])
def test_one_separator_before_three_digits_is_never_guessed(typed: str, currency: str) -> None:
    assert parse_amount(typed.replace("GHS", currency), currency) is AmountProblem.AMBIGUOUS


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "fifty",
        "50 cents",
        "l00",
        "1o0",
        ".5",
        "1..5",
        "1,00,00",
        "1.2.3",
        "1,2500.00",
        "1000,500.00",
        "1,000.000.00",
        "1.000,50,00",
        "1000 500",
        "1 00",
        "12 34",
        "1.5 000",
        "5 0",
        "1e5",
        "0x10",
        "1_000",
        "+50",
        "50%",
        "NaN",
        "Infinity",
        "KES 50",
        "Ksh 50",
        "50 naira",
        "₦50",
        "GHSGHS50",
        "50\x0050",
        "²",
        "٥٠x",
    ],
)
def test_what_is_no_amount_is_not_taken(typed: str) -> None:
    assert parse_amount(typed, "GHS") is AmountProblem.NOT_A_NUMBER


@pytest.mark.parametrize("typed", ["0", "0.00", "000", "-5", "- 5", "-1,250.50", "-1 000", "GHS -5", "0,0"])
def test_nothing_and_less_is_not_positive(typed: str) -> None:
    assert parse_amount(typed, "GHS") is AmountProblem.NOT_POSITIVE


@pytest.mark.parametrize("typed", ["1000000000", "1,000,000,000", "1" * 4000, "1000000000.50"])
@pytest.mark.parametrize("currency", ["GHS", "UGX"])
def test_more_than_nine_digits_is_too_large(typed: str, currency: str) -> None:
    found = parse_amount(typed, currency)
    assert found is AmountProblem.TOO_LARGE or (currency == "UGX" and "." in typed)


def test_leading_zeros_do_not_make_an_amount_large() -> None:
    assert parse_amount("0" * 3000 + "5", "UGX") == Money(5, "UGX")


@pytest.mark.parametrize("typed", ["0.0001", "1.0000", "1.2345", "10.50000", "1,250.505"])
def test_more_decimals_than_the_currency_has_are_refused(typed: str) -> None:
    assert parse_amount(typed, "GHS") is AmountProblem.TOO_MANY_DECIMALS


@pytest.mark.parametrize("currency", ZERO_DECIMAL)
class TestZeroDecimalCurrencies:
    def test_a_unit_is_a_minor_unit(self, currency: str) -> None:
        assert exponent_of(currency) == 0
        assert parse_amount("5000", currency) == Money(5000, currency)
        assert parse_amount("5 000", currency) == Money(5000, currency)
        assert parse_amount("1,250,000", currency) == Money(1_250_000, currency)
        assert to_major(Money(5000, currency)) == Decimal(5000)

    def test_cents_are_refused(self, currency: str) -> None:
        for typed in ("5000.5", "12,5", "0.01", "1,250.50"):
            assert parse_amount(typed, currency) is AmountProblem.TOO_MANY_DECIMALS

    def test_zeros_behind_the_point_say_nothing(self, currency: str) -> None:
        assert parse_amount("5000.00", currency) == Money(5000, currency)
        assert parse_amount("5000,0", currency) == Money(5000, currency)

    def test_shown_without_decimals(self, currency: str) -> None:
        assert show_amount(Money(5000, currency)) == f"{currency} 5,000"
        assert show_amount(Money(5, currency)) == f"{currency} 5"

    def test_no_fraction_comes_from_a_provider(self, currency: str) -> None:
        assert from_major(Decimal("5000.00"), currency) == Money(5000, currency)
        with pytest.raises(ValueError, match="not a whole number"):
            from_major(Decimal("5000.5"), currency)


@pytest.mark.parametrize("currency", TWO_DECIMAL)
def test_two_decimal_currencies_are_kept_in_hundredths(currency: str) -> None:
    assert parse_amount("12.50", currency) == Money(1250, currency)
    assert to_major(Money(1250, currency)) == Decimal("12.50")
    assert show_amount(Money(1250, currency)) == f"{currency} 12.50"
    assert show_amount(Money(-300, currency)) == f"{currency} -3.00"
    assert show_amount(Money(100_000_000_00, currency)) == f"{currency} 100,000,000.00"


@pytest.mark.parametrize("currency", ["", "ghs", "XXX", "GH", "BTC"])
def test_an_unknown_currency_is_a_mistake_we_hear_about(currency: str) -> None:
    for made in (
        lambda: Money(1, currency),
        lambda: exponent_of(currency),
        lambda: parse_amount("1", currency),
        lambda: from_major(Decimal(1), currency),
    ):
        with pytest.raises(ValueError, match="unknown currency"):
            made()


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "0.001",
        "1E+60",
        "1E+999999",
        "1.00000000000000000000000000000001",
    ],
)
def test_an_amount_that_is_not_exact_is_never_rounded(amount: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        from_major(Decimal(amount), "GHS")


def test_a_very_long_amount_is_exact_or_refused() -> None:
    # 29 digits: more than Python's usual context keeps, which would round the half away.
    with pytest.raises(ValueError, match="not a whole number"):
        from_major(Decimal("1234567890123456789012345678.505"), "GHS")
    assert from_major(Decimal("12345678901234567890123456789"), "UGX").amount_minor == (
        12345678901234567890123456789
    )


@given(amounts)
def test_a_shown_amount_is_read_back_as_itself(money: Money) -> None:
    found = parse_amount(show_amount(money), money.currency)
    separators = show_amount(money).count(",") + show_amount(money).count(".")
    if exponent_of(money.currency) == 0 and separators == 1:
        assert found is AmountProblem.AMBIGUOUS
    else:
        assert found == money


@given(amounts)
def test_major_and_minor_units_round_trip(money: Money) -> None:
    major = to_major(money)
    assert isinstance(major, Decimal)
    assert from_major(major, money.currency) == money
    assert parse_amount(f"{major:f}", money.currency) in (money, AmountProblem.TOO_LARGE)


@given(st.text(max_size=40), st.sampled_from(sorted(EXPONENTS)))
def test_any_text_is_an_amount_or_a_problem(text: str, currency: str) -> None:
    found = parse_amount(text, currency)
    if isinstance(found, Money):
        assert type(found.amount_minor) is int
        assert found.currency == currency
        assert 0 < found.amount_minor <= 999_999_999 * 10 ** exponent_of(currency) + 99
    else:
        assert isinstance(found, AmountProblem)


@given(st.from_regex(r"[0-9]{1,4}([ .,][0-9]{1,4}){0,3}", fullmatch=True))
def test_no_reading_changes_the_digits_typed(text: str) -> None:
    """Whatever is taken has exactly the digits that were typed: nothing moved, dropped or added."""
    found = parse_amount(text, "GHS")
    if isinstance(found, Money):
        typed = "".join(c for c in text if c.isdigit())
        shown = f"{to_major(found):f}".replace(".", "")
        assert shown.strip("0") == typed.strip("0")
