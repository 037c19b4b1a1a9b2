"""Phone numbers: every form people type and gateways send is one number in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import knows_region, mask_msisdn, parse_msisdn, parse_wallet, region_of, show_local

GHANA = "+233240000001"


@pytest.mark.parametrize(
    "typed",
    [
        "+233240000001",
        "233240000001",
        "0240000001",
        "240000001",
        " 233240000001",  # the plus became a blank in a URL
        "tel:+233240000001",
        "TEL: +233240000001",
        "tel:0240000001",
        "00233240000001",
        "+233 24 000 0001",
        "+233-24-000-0001",
        "(024) 000-0001",
        "024.000.0001",
        "024/0000001",
        "+233 (0)24 000 0001",
        "+2330240000001",
        "2330240000001",
        "+233\u00a0240000001",
        "٠٢٤٠٠٠٠٠٠١",
        "０２４０００００01",
        "۰۲۴۰۰۰۰۰۰۱",
    ],
)
def test_every_form_of_a_number_is_one_number(typed: str) -> None:
    assert parse_msisdn(typed, "GH") == GHANA


@pytest.mark.parametrize(
    ("typed", "region", "msisdn"),
    [
        ("0772123456", "UG", "+256772123456"),
        ("256772123456", "UG", "+256772123456"),
        ("0712345678", "KE", "+254712345678"),
        ("712345678", "KE", "+254712345678"),
        ("0707070707", "CI", "+2250707070707"),  # the zero belongs to the number there
        ("+2250707070707", "GH", "+2250707070707"),
        ("670000001", "CM", "+237670000001"),
        ("237670000001", "CM", "+237670000001"),
        ("237670000001", "GH", "+237670000001"),  # a foreign number without its plus
        ("0961234567", "ZM", "+260961234567"),
    ],
)
def test_a_number_without_a_country_is_at_home(typed: str, region: str, msisdn: str) -> None:
    assert parse_msisdn(typed, region) == msisdn


@pytest.mark.parametrize("digits", ["46733123450", "46733123451", "46733123454", "46733123459"])
@pytest.mark.parametrize("region", ["GH", "UG", "SE", "CM"])
def test_the_providers_test_numbers_are_taken(digits: str, region: str) -> None:
    assert parse_msisdn(digits, region) == f"+{digits}"
    assert parse_msisdn(f"+{digits}", region) == f"+{digits}"


@pytest.mark.parametrize("typed", ["+233550000000", "+237699999999", "+999123456789", "+1234567"])
def test_what_metadata_does_not_know_is_left_to_the_provider(typed: str) -> None:
    assert parse_msisdn(typed, "GH") == typed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "+",
        "tel:",
        "ama",
        "0240000001x",
        "+23324ooooo01",
        "12",
        "024",
        "+123456",
        "+1234567890123456",
        "0" * 40,
        "1" * 40,
        "+0240000001",
        "00",
        "+233240000001#",
        "*920*10#",
        "+233,240000001",
        "++233240000001",
        "²³³24",
    ],
)
def test_what_cannot_be_a_number_is_none(typed: str) -> None:
    assert parse_msisdn(typed, "GH") is None


def test_without_a_known_home_only_whole_numbers_are_taken() -> None:
    assert parse_msisdn("+233240000001", "") == GHANA
    assert parse_msisdn("0240000001", "") is None


@given(st.text(max_size=30), st.sampled_from(["GH", "UG", "CI", "KE", "CM", ""]))
def test_any_text_is_a_number_in_its_one_form_or_none(text: str, region: str) -> None:
    found = parse_msisdn(text, region)
    if found is not None:
        assert found.startswith("+")
        assert found[1:].isascii()
        assert found[1:].isdigit()
        assert 7 <= len(found[1:]) <= 15
        assert parse_msisdn(found, region) == found
        assert parse_msisdn(found, "GH") == found


@given(st.integers(200000000, 599999999), st.sampled_from(["", "0", "233", "+233", "00233", "+233 (0)"]))
def test_one_number_however_it_begins(national: int, begin: str) -> None:
    assert parse_msisdn(f"{begin}{national}", "GH") == f"+233{national}"


@pytest.mark.parametrize(
    ("msisdn", "region"),
    [
        (GHANA, "GH"),
        ("+256772123456", "UG"),
        ("+46733123450", "SE"),
        ("+999123456789", None),
        ("+80012345678", None),
        ("", None),
        ("no number", None),
    ],
)
def test_a_number_tells_its_country(msisdn: str, region: str | None) -> None:
    assert region_of(msisdn) == region


@pytest.mark.parametrize(
    ("msisdn", "region", "shown"),
    [
        (GHANA, "GH", "0240000001"),
        (GHANA, "KE", GHANA),
        ("+2250707070707", "CI", "0707070707"),
        ("+256772123456", "UG", "0772123456"),
        ("+46733123450", "GH", "+46733123450"),
        ("nonsense", "GH", "nonsense"),
    ],
)
def test_a_number_is_shown_as_its_owner_writes_it(msisdn: str, region: str, shown: str) -> None:
    assert show_local(msisdn, region) == shown


@given(st.integers(240000000, 249999999))
def test_what_is_shown_at_home_can_be_typed_again(national: int) -> None:
    msisdn = f"+233{national}"
    assert parse_msisdn(show_local(msisdn, "GH"), "GH") == msisdn


@pytest.mark.parametrize(
    ("msisdn", "masked"),
    [
        (GHANA, "+233***001"),
        ("+46733123450", "+467***450"),
        ("1234567", "***"),
        ("12345678", "1234***678"),
        ("", "***"),
    ],
)
def test_a_masked_number_hides_its_middle(msisdn: str, masked: str) -> None:
    assert mask_msisdn(msisdn) == masked


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_a_masked_number_never_shows_more_than_seven_characters(msisdn: str) -> None:
    masked = mask_msisdn(msisdn)
    assert msisdn not in masked
    assert len(masked.replace("***", "")) == 7


@pytest.mark.parametrize(
    ("region", "known"), [("GH", True), ("CI", True), ("gh", False), ("Ghana", False), ("", False)]
)
def test_a_region_is_a_country_with_numbers_of_its_own(region: str, known: bool) -> None:
    assert knows_region(region) is known


@pytest.mark.parametrize(
    ("typed", "region", "found"),
    [
        ("0240000001", "GH", GHANA),
        ("240000001", "GH", GHANA),
        ("+233240000001", "GH", GHANA),
        ("46733123450", "GH", "+46733123450"),
        ("1234", "GH", None),
        ("648205", "GH", None),
        ("648205", "UG", None),
        ("64820", "ZA", None),
        ("12345678", "GH", None),
        ("76123456", "SZ", "+26876123456"),
        ("ama", "GH", None),
    ],
)
def test_a_pin_or_a_code_is_no_wallet(typed: str, region: str, found: str | None) -> None:
    assert parse_wallet(typed, region) == found


def test_the_shortest_number_of_a_wallet_is_one() -> None:
    """Of Gambia, whose numbers have seven digits at home; a code of a provider has six at most."""
    assert parse_wallet("3012345", "GM") == "+2203012345"
    assert parse_wallet("301234", "GM") is None
