"""The networks of wallets: a gateway's word, and the code that a provider has for the same network."""

import pytest

from bot.money import network_told

GHANA = ("MTN", "VOD", "ATL")


@pytest.mark.parametrize(
    ("word", "code"),
    [
        *((word, "MTN") for word in ("MTN", "mtn", " Mtn ", "62001", "MTN-")),
        *((word, "VOD") for word in ("Vodafone", "TELECEL", "vod", "62002")),
        *((word, "ATL") for word in ("AirtelTigo", "airtel-tigo", "AT", "Tigo", "AIRTEL", "62003", "62006")),
    ],
)
def test_a_gateways_word_means_the_providers_code(word: str, code: str) -> None:
    assert network_told(word, GHANA) == code
    # Whatever the provider calls it, and in whatever order.
    assert network_told(word, tuple(reversed(GHANA))) == code


@pytest.mark.parametrize(
    ("word", "codes", "code"),
    [
        ("63902", ("mpesa",), "mpesa"),
        ("Safaricom", ("airtel", "mpesa"), "mpesa"),
        ("Telecel", ("mtn", "telecel"), "telecel"),
        ("Orange", ("orange", "moov", "wave"), "orange"),
        ("MTN", (), ""),
        ("Vodafone", ("MTN",), ""),
        ("mpesa", GHANA, ""),
        ("", GHANA, ""),
        ("", ("", "MTN"), ""),
        ("99999", GHANA, ""),
        ("99999", ("99999",), ""),
        ("620", GHANA, ""),
        ("MTN Vodafone", GHANA, ""),
    ],
)
def test_only_a_word_that_is_known_means_a_network(word: str, codes: tuple[str, ...], code: str) -> None:
    assert network_told(word, codes) == code
