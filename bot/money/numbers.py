"""Phone numbers as people type and gateways send them, in one form: E.164 with its plus.

Formats and hints; never refuses what a provider may know, since metadata lags renumberings and the
providers' own test numbers are invalid to it.
"""

import re
from functools import lru_cache
from typing import Final

import phonenumbers

__all__ = [
    "calling_code",
    "Msisdn",
    "is_anonymous",
    "knows_region",
    "mask_local",
    "mask_msisdn",
    "parse_msisdn",
    "parse_wallet",
    "region_of",
    "show_local",
]

Msisdn = str  # E.164 with the leading plus: "+233240000001"

_FOLD: Final = str.maketrans({chr(base + n): str(n) for base in (0xFF10, 0x0660, 0x06F0) for n in range(10)})
_SHAPE: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
# A national number has to be at least this long before we put a country in front of it.
_MIN_NATIONAL_DIGITS = 8
# A PIN or a provider's code is shorter than any wallet's number at home.
_MIN_WALLET_DIGITS = 7
# A number comes with every turn of its session, and in every answer about its payment.
_REMEMBERED: Final = 4096


def is_anonymous(text: str) -> bool:
    """Whether a number in its international form is one that Telegram sells in place of a phone's: +888.

    No network has it, so it can be no wallet.
    """
    return re.sub(r"[\s\u00a0().\-/]", "", text.translate(_FOLD)).startswith("+888")


@lru_cache(_REMEMBERED)
def parse_msisdn(text: str, region: str) -> Msisdn | None:
    """The number meant by `text`, or None where it cannot be one, or is an anonymous one.

    `region` (ISO 3166 alpha-2) is the home of numbers written without a country: `0240000001` and
    `240000001` are +233240000001 for GH. A plus lost in a URL (` 233...`), `00233...`, `tel:` and
    punctuation are understood. One number has one form: `+233 (0)24 ...` loses its zero.
    """
    text = re.sub(r"^tel:\s*", "", text.translate(_FOLD).strip(), flags=re.IGNORECASE)
    international = text.startswith("+")
    # "+233 (0)24": the zero is the one dialled at home instead of the country.
    text = text.removeprefix("+").replace("(0)", "" if international else "0")
    digits = re.sub(r"[\s\u00a0().\-/]", "", text)
    if not digits.isascii() or not digits.isdigit():
        return None
    if not international and digits.startswith("00"):
        international, digits = True, digits[2:]
    if international:
        return _whole("+" + digits)
    country = str(phonenumbers.country_code_for_region(region))
    # 233240000001 is the international form when what follows the country code is long enough to
    # be a number of its own; 0240000001 never is.
    if digits.startswith(country) and len(digits) - len(country) >= _MIN_NATIONAL_DIGITS:
        return _whole("+" + digits)
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return _shaped("+" + digits)
    if phonenumbers.is_possible_number(number):
        return _shaped(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    # Foreign digits without their plus, as gateways send them, and test numbers such as 46733123450.
    return _whole("+" + digits) if not digits.startswith("0") and len(digits) >= 10 else None


def parse_wallet(text: str, region: str) -> Msisdn | None:
    """The wallet's number that a person typed, or None.

    Stricter than `parse_msisdn`, since a PIN or a code may be typed in the wrong place: a number of
    `region` has the length of a mobile number there. Which numbers are given out is not looked at.
    """
    found = parse_msisdn(text, region)
    if found is None or region_of(found) != region:
        return found
    number = phonenumbers.parse(found, None)
    kind = phonenumbers.PhoneNumberType.MOBILE
    reason = phonenumbers.is_possible_number_for_type_with_reason(number, kind)
    national = phonenumbers.national_significant_number(number)
    fits = reason == phonenumbers.ValidationResult.IS_POSSIBLE and len(national) >= _MIN_WALLET_DIGITS
    return found if fits else None


@lru_cache(_REMEMBERED)
def region_of(msisdn: Msisdn) -> str | None:
    """ISO 3166 alpha-2 of the number's country code, or None for one that has none of its own."""
    try:
        number = phonenumbers.parse(msisdn, None)
    except phonenumbers.NumberParseException:
        return None
    region: str | None = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if region in (None, "ZZ", "001") else region


@lru_cache(_REMEMBERED)
def show_local(msisdn: Msisdn, region: str) -> str:
    """The number as its owner writes it at home (`0240000001`); abroad in full with its plus."""
    try:
        number = phonenumbers.parse(msisdn, None)
    except phonenumbers.NumberParseException:
        return msisdn
    if phonenumbers.region_code_for_country_code(number.country_code or 0) != region:
        return msisdn
    national: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return re.sub(r"\D", "", national)


def mask_msisdn(msisdn: str) -> str:
    """The number with its middle hidden: `+233***001`. For logs and pages."""
    return f"{msisdn[:4]}***{msisdn[-3:]}" if len(msisdn) > 7 else "***"


def mask_local(msisdn: Msisdn, region: str) -> str:
    """The number as people at home know it, with its middle hidden: `024***001`. Abroad with its country."""
    home = show_local(msisdn, region)
    return mask_msisdn(msisdn) if home.startswith("+") or len(home) < 9 else f"{home[:3]}***{home[-3:]}"


def calling_code(region: str) -> str:
    """How a country's numbers begin: `+233` for GH."""
    return f"+{phonenumbers.country_code_for_region(region)}"


def knows_region(region: str) -> bool:
    """Whether `region` is a country with numbers of its own, as ISO 3166 alpha-2 in capitals."""
    return bool(phonenumbers.country_code_for_region(region))


def _whole(number: str) -> Msisdn | None:
    """The number without a national zero behind its country code, where that makes it a real one."""
    try:
        found = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return _shaped(number)
    if phonenumbers.is_valid_number(found):
        number = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    return _shaped(number)


def _shaped(number: str) -> Msisdn | None:
    return number if _SHAPE.fullmatch(number) and not is_anonymous(number) else None
