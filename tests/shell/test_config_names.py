"""A misspelt setting is refused wherever it stands; what others put into the environment is left alone."""

import contextlib
from pathlib import Path

import pytest

from bot.channels.ussd import GATEWAYS
from bot.settings.names import nearest_name
from bot.settings.settings import ConfigProblems, Settings, read_settings

ACCOUNTS = {
    "MOMO_CURRENCY": "GHS",
    "MOMO_TARGET_ENVIRONMENT": "mtnghana",
    "MOMO_COLLECTION_API_USER": "user",
    "STARTBUTTON_PUBLIC_KEY": "public",
}
SETTINGS = {name.upper() for name in Settings.model_fields} - {"ACCOUNTS", "GATEWAYS"}
OF_PARTS = {f"USSD_{word}_{gateway.upper()}" for word in ("SECRET", "ALLOW") for gateway in GATEWAYS} | {
    "PAYOUT_LIMITS_MOMO",
    "PAYOUT_LIMITS_STARTBUTTON_GHS",
    "PAYOUT_LIMITS_STARTBUTTON_KES",
}
# A slip of ours, and what every Linux session may set: the languages of its messages.
SPARED = {"LANGUAGE"}


def problems(environ: dict[str, str], env_file: Path | None = None) -> list[str]:
    try:
        read_settings(environ, env_file)
    except ConfigProblems as error:
        return error.problems
    return []


def one_letter_wrong(name: str) -> set[str]:
    """Every letter dropped, doubled, swapped with the next."""
    every = range(len(name))
    found = {name[:at] + name[at + 1 :] for at in every} | {name[:at] + name[at] + name[at:] for at in every}
    return found | {
        name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in every if at + 1 < len(name)
    }


def test_every_one_letter_misspelling_of_every_setting_is_refused() -> None:
    known = SETTINGS | OF_PARTS
    wrong = {slip: name for name in sorted(known) for slip in one_letter_wrong(name)}
    wrong = {slip: name for slip, name in wrong.items() if slip not in known | SPARED}
    told = problems(ACCOUNTS | dict.fromkeys(wrong, "x"))
    silent = [slip for slip in wrong if not any(f" {slip};" in f"{line};" for line in told)]
    assert not silent
    assert len(wrong) > 40 * len(known)
    proposals = {line.split()[4].rstrip(";"): line.split()[-1].rstrip("?") for line in told}
    assert {slip for slip, name in wrong.items() if proposals.get(slip) not in known} == set()
    # Where a slip is one of two settings (USSD_ALLOW_..., USSD_SECRET_...) either is a good proposal.
    right = sum(proposals[slip] == name for slip, name in wrong.items())
    assert right > 0.99 * len(wrong)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("USSD_ALLOW_HUBTLE", "USSD_ALLOW_HUBTEL"),
        ("ussd_allow_hubtle", "USSD_ALLOW_HUBTEL"),
        ("USSD_ALOW_HUBTLE", "USSD_ALLOW_HUBTEL"),
        ("PAYOUT_LIMITS_STARTBUTTON_GSH", "PAYOUT_LIMITS_STARTBUTTON_GHS"),
        ("TRUSTED_PROXISE", "TRUSTED_PROXIES"),
        ("TRUSTEDPROXIES", "TRUSTED_PROXIES"),
        ("TRUSTED-PROXIES", "TRUSTED_PROXIES"),
        ("USDS_SECRET_HUBTEL", "USSD_SECRET_HUBTEL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("MOMO_COLLECTION_KEY", "MOMO_COLLECTION_API_KEY"),
        ("PUBLIC_URI", "PUBLIC_URL"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(name: str, meant: str) -> None:
    (told,) = problems(ACCOUNTS | {name: "x"})
    assert told.endswith(f"; did you mean {meant}?")


def test_a_name_that_begins_like_ours_and_resembles_none_is_refused() -> None:
    assert problems({"KASAPAY_COLOUR": "red"}) == ["There is no setting KASAPAY_COLOUR."]
    (told,) = problems(ACCOUNTS | {"PAYOUT_LIMITS_UGANDA": "none"})
    assert told.startswith("There is no setting PAYOUT_LIMITS_UGANDA; there are PAYOUT_LIMITS_MOMO, ")
    # What is no name at all is not said back.
    (strange,) = problems({"USSD_\x1b[2J": "x"})
    assert strange.isprintable()


def test_an_account_that_is_not_configured_has_no_limits() -> None:
    assert problems({"PAYOUT_LIMITS_MOMO": "total_day=1"}) == ["There is no setting PAYOUT_LIMITS_MOMO."]
    one = ACCOUNTS | {"STARTBUTTON_CURRENCIES": "GHS", "PAYOUT_LIMITS_STARTBUTTON_KES": "total_day=1"}
    assert len(problems(one)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KASAPAY_SERVICE_HOST", "10.0.0.1"),
        ("KASAPAY_SERVICE_PORT", "8000"),
        ("KASAPAY_SERVICE_PORT_HTTP", "8000"),
        ("KASAPAY_PORT", "tcp://10.0.0.1:8000"),
        ("KASAPAY_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("KASAPAY_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("KASAPAY_PORT_8000_TCP_PORT", "8000"),
        ("KASAPAY_PORT_8000_TCP_PROTO", "tcp"),
        ("MOMO_SANDBOX_SERVICE_HOST", "10.0.0.1"),
        ("SMS_PORT_53_UDP", "udp://10.0.0.1:53"),
        ("KASAPAY_NAME", "/web/kasapay"),
        ("KASAPAY_ENV_PATH", "/usr/bin"),
        ("LANGUAGE", "en_GB:en"),
        ("HOSTNAME", "web-1"),
        ("POST", "x"),
        ("GHOST", "x"),
        ("SPORT", "x"),
        ("DATABASE_HOST", "db"),
        ("WEB_CONCURRENCY", "2"),
        ("SERVICE_PORT", "1"),
        ("PUBLIC_IP", "192.0.2.1"),
        ("SECRET_TOKEN", "x"),
    ],
)
def test_what_others_put_into_the_environment_is_left_alone(name: str, value: str) -> None:
    assert problems({name: value}) == []


def test_a_port_of_ours_that_no_platform_wrote_is_refused() -> None:
    assert problems({"KASAPAY_PORT": "8000"}) == ["There is no setting KASAPAY_PORT."]


def test_what_the_file_of_accounts_names_may_be_called_anything(tmp_path: Path) -> None:
    path = tmp_path / "kasapay.toml"
    path.write_text('[accounts.a]\nprovider = "momo"\ncurrency = "UGX"\nbase_url = "env:MOMO_UGANDA_URL"\n')
    environ = {"KASAPAY_CONFIG": str(path), "MOMO_UGANDA_URL": "https://momo.example"}
    assert problems(environ) == []
    assert len(problems(environ | {"MOMO_UGANDA_ULR": "x"})) == 1


@pytest.mark.parametrize("slip", sorted(one_letter_wrong("payout_limits")))
def test_a_misspelt_name_in_the_file_of_accounts_is_refused(tmp_path: Path, slip: str) -> None:
    path = tmp_path / "kasapay.toml"
    path.write_text(f'[accounts.a]\nprovider = "momo"\ncurrency = "GHS"\n{slip} = "none"\n')
    (told,) = problems({"KASAPAY_CONFIG": str(path)})
    assert told == f"accounts.a: there is no setting {slip}; did you mean payout_limits?"


# ---- the file beside the process -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"TRUSTED_PROXISE=10.0.0.1\n", "There is no setting TRUSTED_PROXISE; did you mean TRUSTED_PROXIES?"),
        (b"export ussd_allow_hubtle=10.0.0.1\n", "There is no setting ussd_allow_hubtle; did you mean"),
        (b"PORT=9000\nTRUSTED_PROXIES 10.0.0.1\n", "line 2 cannot be read as NAME=value."),
        (b"SHORT_CODE='*920#\nPORT=1\n", "line 1 cannot be read as NAME=value."),
        (b"SHORT_CODE=\xff\n", "the file cannot be read (UnicodeDecodeError)."),
    ],
)
def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)
    (line,) = problems({}, path)
    assert told in line


def test_the_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfPORT=9123\n")
    assert read_settings({}, path).port == 9123


def test_names_with_a_gateway_or_an_account_are_read_whatever_their_case() -> None:
    environ = ACCOUNTS | {
        "USSD_GATEWAYS": "hubtel",
        "ussd_secret_hubtel": "a-secret-of-the-gateway",
        "ussd_allow_Hubtel": "192.0.2.0/24",
        "payout_limits_momo": "total_day=1",
    }
    settings = read_settings(environ, None)
    assert [gateway.allow for gateway in settings.gateways] == [("192.0.2.0/24",)]
    assert settings.accounts[0].payout_limits == {"total_day": 100}


def test_nearest_name_of_something_else_is_none() -> None:
    assert nearest_name("pigeon", GATEWAYS) == ""
    with contextlib.suppress(ValueError):
        assert nearest_name("", GATEWAYS) == ""
