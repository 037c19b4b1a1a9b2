"""Settings: read once, all problems told together, and no secret in anything that can be printed."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.money import EXPONENTS
from bot.orders.provider_calls import Calls
from bot.providers.accounts import Accounts
from bot.providers.base import Account
from bot.providers.momo.settings import MomoAccount
from bot.providers.registry import PROVIDERS, check_account
from bot.providers.sender import Sender
from bot.providers.startbutton.words import MARKETS
from bot.runtime.keys import Sealer
from bot.settings.limits import ASK_LIMITS, AskLimits
from bot.settings.settings import ConfigProblems, Settings, ask_limits, read_settings
from tests.accounts import credentials

SECRETS = {
    "SECRET_KEY": "secret-key-" + "a" * 32,
    "USSD_SECRET": "ussd-secret-bbbbbbbb",
    "USSD_SECRET_HUBTEL": "hubtel-secret-cccccccc",
    "TELEGRAM_TOKEN": "123456:telegram-dddd",
    "TELEGRAM_WEBHOOK_SECRET": "webhook-secret-eeeeeeee",
    "AFRICASTALKING_API_KEY": "atsk_ffffffff",
    "MOMO_COLLECTION_SUBSCRIPTION_KEY": "momo-sub-gggg",
    "MOMO_COLLECTION_API_KEY": "momo-api-hhhh",
    "STARTBUTTON_PUBLIC_KEY": "sb_test_iiii",
    "STARTBUTTON_SECRET_KEY": "sb_test_jjjj",
    "STARTBUTTON_SIGN_KEY": "sb_sign_llll",
    "MOMO_DISBURSEMENT_SUBSCRIPTION_KEY": "momo-sub-mmmm",
    "MOMO_DISBURSEMENT_API_KEY": "momo-api-nnnn",
    "DATABASE_URL": "postgresql://kasapay:db-password-kkkk@host/kasapay",
}
PRINTED_NEVER = [value for name, value in SECRETS.items() if name != "DATABASE_URL"] + ["db-password-kkkk"]
WHOLE = SECRETS | {
    "PUBLIC_URL": "https://pay.example",
    "USSD_GATEWAYS": "africastalking, Hubtel",
    "USSD_ALLOW_HUBTEL": "10.0.0.0/8 192.0.2.7",
    "AFRICASTALKING_USERNAME": "sandbox",
    "MOMO_TARGET_ENVIRONMENT": "mtnghana",
    "MOMO_CURRENCY": "GHS",
    "MOMO_COLLECTION_API_USER": "user",
    "MOMO_DISBURSEMENT_API_USER": "payer",
    "STARTBUTTON_EMAIL": "pay@example.com",
    "TELEGRAM_MODE": "webhook",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        read_settings(environ, None)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def one_problem(environ: dict[str, str]) -> str:
    (found,) = problems(environ)
    return found


@pytest.fixture
def in_file(tmp_path: Path):  # type: ignore[no-untyped-def]
    """The environment that names a TOML file of this text."""

    def write(text: str, **environ: str) -> dict[str, str]:
        path = tmp_path / "kasapay.toml"
        path.write_text(text, encoding="utf-8")
        return {"KASAPAY_CONFIG": str(path), **environ}

    return write


def only_account(environ: dict[str, str]) -> Account:
    (account,) = read_settings(environ, None).accounts
    return account


# ---- reading -------------------------------------------------------------------------------------


def test_nothing_needs_to_be_set() -> None:
    settings = read_settings({}, None)
    assert settings.database_url == "sqlite:///kasapay.db"
    assert settings.port == 8000
    assert settings.host == "127.0.0.1"
    assert settings.telegram_mode == "polling"
    assert settings.accounts == ()
    assert settings.gateways == ()


def test_everything_can_be_set() -> None:
    settings = read_settings(WHOLE, None)
    assert [account.id for account in settings.accounts] == ["momo", "startbutton-ghs", "startbutton-kes"]
    assert [gateway.name for gateway in settings.gateways] == ["africastalking", "hubtel"]
    assert settings.secret_key.get_secret_value() == SECRETS["SECRET_KEY"]


def test_names_are_read_whatever_their_case_and_blanks_are_no_values() -> None:
    assert read_settings({"port": "9000", "Host": "0.0.0.0", "SHORT_CODE": ""}, None).port == 9000
    assert read_settings({"SHORT_CODE": ""}, None).short_code == "*920*10#"


def test_the_environment_is_not_read_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "9999", "ACCOUNTS": "[1]", "GATEWAYS": "x", "SECRET_KEY": "leaked"}.items():
        monkeypatch.setenv(name, value)
    settings = read_settings({}, None)
    assert settings.port == 8000
    assert settings.accounts == ()
    assert not settings.secret_key.get_secret_value()


def test_without_arguments_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "9123")
    (tmp_path / ".env").write_text("PORT=9000\nSHORT_CODE='*123#'\n# a note\nEMPTY\n")
    settings = read_settings()
    assert settings.port == 9123  # the environment beats the file
    assert settings.short_code == "*123#"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        read_settings({}, None).port = 1


# ---- problems ------------------------------------------------------------------------------------


def test_all_problems_are_told_together(in_file) -> None:  # type: ignore[no-untyped-def]
    environ = in_file(
        '[accounts.a]\nprovider = "momo"\ncurrency = "XXX"\n[accounts.b]\ncurrency = "GHS"\ncolour = "red"\n',
        PORT="many",
        TELEGRAM_MODE="pigeon",
        SECRET_KEY="short",
        PUBLIC_URL="pay.example",
        TRUSTED_PROXIES="10.0.0.0/8, nowhere",
        DATABASE_URL="mysql://x",
        USSD_GATEWAYS="hubtel",
        USSD_ALLOW_HUBTEL="somewhere",
        AFRICASTALKING_USERNAME="me",
        MOMO_COLLECTION_API_USER="me",
        DEFAULT_REGION="Ghana",
        USSD_SCREEN_SEPTETS="12",
    )
    found = problems(environ)
    begins = [
        "PORT: ",
        "TELEGRAM_MODE: ",
        "MOMO_CURRENCY ",
        "MOMO_TARGET_ENVIRONMENT ",
        "accounts.a: currency ",
        f"accounts.b: provider must be one of {', '.join(PROVIDERS)}.",
        "accounts.b: there is no setting colour",
        "USSD_SECRET_HUBTEL ",
        "USSD_ALLOW_HUBTEL: somewhere ",
        "SECRET_KEY ",
        "PUBLIC_URL ",
        "TRUSTED_PROXIES: nowhere ",
        "DATABASE_URL ",
        "DEFAULT_REGION ",
        "USSD_SCREEN_SEPTETS ",
        "AFRICASTALKING_USERNAME ",
    ]
    for begin in begins:
        assert any(problem.startswith(begin) for problem in found), begin
    assert len(found) == len(begins)


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"PORT": "99999"}, "PORT: "),
        ({"PORT": "-1"}, "PORT: "),
        ({"SECRET_KEY": "x" * 31}, "SECRET_KEY needs at least 32"),
        ({"PUBLIC_URL": "ftp://x"}, "PUBLIC_URL must begin"),
        ({"PUBLIC_URL": "http://pay.example.com"}, "PUBLIC_URL must begin with https://: over http://"),
        ({"PUBLIC_URL": "https://"}, "PUBLIC_URL names no host"),
        ({"PUBLIC_URL": "https://[::1"}, "PUBLIC_URL cannot be read"),
        ({"PUBLIC_URL": "https://me:pass@pay.example"}, "PUBLIC_URL is an address only"),
        ({"TELEGRAM_API_URL": "http://api.telegram.org"}, "TELEGRAM_API_URL must begin with https://"),
        ({"AFRICASTALKING_API_URL": "api.africastalking.com"}, "AFRICASTALKING_API_URL must begin"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES: 0.0.0.0/0 is nearly everybody"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8 128.0.0.0/1"}, "TRUSTED_PROXIES: 128.0.0.0/1 is nearly everybody"),
        ({"TRUSTED_PROXIES": "::/0"}, "TRUSTED_PROXIES: ::/0 is nearly everybody"),
        (
            {
                "USSD_GATEWAYS": "hubtel",
                "USSD_SECRET": "sixteen-characters",
                "USSD_ALLOW_HUBTEL": "192.0.2.1 0.0.0.0/0",
            },
            "USSD_ALLOW_HUBTEL: 0.0.0.0/0 is nearly everybody",
        ),
        ({"SECRET_KEY": "a" * 64}, "SECRET_KEY can be guessed: it is made of a few characters only"),
        ({"SECRET_KEY": "0123456789abcdef" * 2}, "SECRET_KEY can be guessed: it repeats itself"),
        ({"SECRET_KEY": "please-ChangeMe-0123456789abcdefgh"}, "SECRET_KEY can be guessed: it is a place"),
        (
            {"USSD_GATEWAYS": "hubtel", "USSD_SECRET": "abcdefgh" * 2},
            "USSD_SECRET_HUBTEL (or USSD_SECRET) can",
        ),
        ({"TELEGRAM_WEBHOOK_SECRET": "password1234567890"}, "TELEGRAM_WEBHOOK_SECRET can be guessed"),
        ({"USSD_GATEWAYS": "hubtle"}, "USSD_GATEWAYS: there is no gateway hubtle; did you mean hubtel?"),
        ({"USSD_GATEWAYS": "pigeon"}, "USSD_GATEWAYS: there is no gateway pigeon; there are africastalking"),
        ({"DATABASE_URL": "kasapay.db"}, "DATABASE_URL must begin"),
        ({"DEFAULT_REGION": "gh"}, "DEFAULT_REGION must be"),
        ({"LANGUAGES": "en, xx"}, "LANGUAGES: there is no catalogue of xx; there are "),
        ({"LANGUAGES": ", "}, "LANGUAGES names none; there are "),
        ({"LANGUAGES": "fr"}, "DEFAULT_LANGUAGE must be one of LANGUAGES."),
        ({"SERVICE_NAME": "  "}, "SERVICE_NAME must be a name"),
        ({"SERVICE_NAME": "支付"}, "SERVICE_NAME must be a name"),
        ({"USSD_SCREEN_SEPTETS": "59"}, "USSD_SCREEN_SEPTETS is 60"),
        ({"USSD_SCREEN_SEPTETS": "183"}, "USSD_SCREEN_SEPTETS: "),
        ({"USSD_SCREEN_CHARACTERS": "10"}, "USSD_SCREEN_CHARACTERS: "),
        ({"MOMO_ASKS_PER_S": "0"}, "MOMO_ASKS_PER_S: "),
        ({"STARTBUTTON_ASKS_PER_S": "-1"}, "STARTBUTTON_ASKS_PER_S: "),
        ({"STARTBUTTON_ASKS_PER_S": "2.5"}, "STARTBUTTON_ASKS_PER_S: "),
        ({"TELEGRAM_MODE": "both"}, "TELEGRAM_MODE: "),
        ({"AFRICASTALKING_API_KEY": "k"}, "AFRICASTALKING_USERNAME and"),
        ({"AFRICASTALKING_USERNAME": "u"}, "AFRICASTALKING_USERNAME and"),
        ({"KASAPAY_CONFIG": "/nowhere/at/all.toml"}, "KASAPAY_CONFIG: the file cannot be read"),
    ],
)
def test_a_problem_names_its_setting(environ: dict[str, str], begins: str) -> None:
    assert one_problem(environ).startswith(begins)


@pytest.mark.parametrize(
    "environ",
    [
        {"PUBLIC_URL": "http://127.0.0.1:8000"},
        {"PUBLIC_URL": "http://[::1]:8000"},
        {"PUBLIC_URL": "http://192.168.1.7"},
        {"TELEGRAM_API_URL": "http://telegram-bot-api:8081"},
        {"TRUSTED_PROXIES": "10.0.0.0/8 192.0.2.1 2001:db8::/32"},
        {"SECRET_KEY": "b4f1c2d3e5a69788b4f1c2d3e5a69789"},
    ],
)
def test_what_is_well_closed_is_no_problem(environ: dict[str, str]) -> None:
    read_settings(environ, None)


def test_a_key_that_cannot_stand_in_a_header_is_a_problem() -> None:
    for key in ("two words", "café", "line\nbreak"):
        environ = {"AFRICASTALKING_USERNAME": "me", "AFRICASTALKING_API_KEY": key}
        assert one_problem(environ).startswith("AFRICASTALKING_API_KEY holds")


def test_a_webhook_needs_its_secret_and_a_public_address() -> None:
    found = problems({"TELEGRAM_TOKEN": "1:x", "TELEGRAM_MODE": "webhook"})
    assert [text.split()[0] for text in found] == ["TELEGRAM_WEBHOOK_SECRET", "PUBLIC_URL"]
    assert read_settings({"TELEGRAM_TOKEN": "1:x"}, None).telegram_mode == "polling"


# ---- secrets -------------------------------------------------------------------------------------


def test_no_secret_is_in_anything_that_can_be_printed() -> None:
    settings = read_settings(WHOLE, None)
    printed = "".join([repr(settings), str(settings), repr(settings.accounts), repr(settings.gateways)])
    printed += "".join(repr(vars(gateway)) for gateway in settings.gateways)
    for value in PRINTED_NEVER:
        assert value not in printed


def test_no_secret_is_in_any_problem(in_file) -> None:  # type: ignore[no-untyped-def]
    """Everything is wrong at once, and every value that could be a secret is one."""
    said_back = {"accounts", "gateways", "kasapay_config", "ussd_gateways", "trusted_proxies", "languages"}
    wrong = {name.upper(): "hunter2 hunter2" for name in Settings.model_fields if name not in said_back}
    table = 'currency = "GHS"\nsecret_key = "hunter2"\nregion = "hunter2"\nnetworks = "hunter2"'
    for name in ("sign_key", "bills", "payout_limits", "refund_unit", "api_version", "webhook_reserialised"):
        table += f'\n{name} = "hunter2"'
    wrong |= in_file(f"[accounts.a]\n{table}\n[accounts.a.collection]\napi_key = 2\n")
    wrong |= {"USSD_GATEWAYS": "hubtel", "USSD_SECRET_HUBTEL": "hunter2"}
    told = "\n".join(problems(wrong))
    assert "PORT" in told
    assert "hunter2" not in told


def test_an_unreadable_file_does_not_tell_what_is_in_it(in_file) -> None:  # type: ignore[no-untyped-def]
    environ = in_file('[accounts.a]\nsecret_key = "hunter2')
    assert one_problem(environ) == "KASAPAY_CONFIG: the file cannot be read (TOMLDecodeError)."


def test_settings_that_several_accounts_read_are_wrong_once() -> None:
    assert one_problem(WHOLE | {"PAYOUT_LIMITS": "hunter2"}) == (
        "PAYOUT_LIMITS: write each as name=amount, such as number_day=1000 total_day=20000."
    )


# ---- gateways ------------------------------------------------------------------------------------


def test_a_gateways_own_secret_comes_before_the_common_one() -> None:
    settings = read_settings(WHOLE, None)
    secrets = {gateway.name: gateway.secret.get_secret_value() for gateway in settings.gateways}
    assert secrets == {"africastalking": SECRETS["USSD_SECRET"], "hubtel": SECRETS["USSD_SECRET_HUBTEL"]}
    assert {gateway.name: gateway.allow for gateway in settings.gateways} == {
        "africastalking": (),
        "hubtel": ("10.0.0.0/8", "192.0.2.7"),
    }


def test_a_gateway_without_a_secret_may_not_call() -> None:
    assert one_problem({"USSD_GATEWAYS": "hubtel"}).startswith("USSD_SECRET_HUBTEL (or USSD_SECRET)")
    assert one_problem({"USSD_GATEWAYS": "hubtel", "USSD_SECRET": "x" * 15}).startswith("USSD_SECRET_HUBTEL")


@pytest.mark.parametrize("secret", ["sixteen/characters", "sixteen?characters", "sixteen characters", "."])
def test_a_secret_that_cannot_stand_in_an_address_is_a_problem(secret: str) -> None:
    environ = {"USSD_GATEWAYS": "hubtel", "USSD_SECRET": secret.ljust(20, "x")}
    found = one_problem(environ)
    assert found.startswith("USSD_SECRET_HUBTEL")
    assert secret not in found or secret == "."


# ---- accounts ------------------------------------------------------------------------------------


def test_a_momo_account_of_the_environment() -> None:
    (account, *_) = read_settings(WHOLE, None).accounts
    assert (account.provider, account.currency, account.region) == ("momo", "GHS", "GH")
    assert account.wire_currency == ""
    assert set(credentials(account)) == {"collection", "disbursement"}
    assert credentials(account)["collection"].api_key.reveal() == SECRETS["MOMO_COLLECTION_API_KEY"]
    live = WHOLE | {"MOMO_BASE_URL": "https://proxy.momoapi.mtn.com"}
    assert check_account(read_settings(live, None).accounts[0]) == []


def test_mtns_sandbox_is_told_euros() -> None:
    environ = WHOLE | {"MOMO_TARGET_ENVIRONMENT": "sandbox"}
    assert read_settings(environ, None).accounts[0].wire_currency == "EUR"


def test_what_a_contract_leaves_open_is_said_in_the_environment() -> None:
    environ = WHOLE | {
        "MOMO_INVOICE_SUCCESSFUL_MEANS": "paid",
        "MOMO_API_VERSION": "v2_0",
        "MOMO_BILLS": "ECG=ecg.user, Ghana Water = gwcl.user",
        "STARTBUTTON_REFUND_UNIT": "minor",
        "STARTBUTTON_WEBHOOK_RESERIALISED": "true",
    }
    momo, ghana, kenya = read_settings(environ, None).accounts
    assert (momo.invoice_successful_means, momo.api_version) == ("paid", "v2_0")
    assert momo.bills == {"ECG": "ecg.user", "Ghana Water": "gwcl.user"}
    for account in (ghana, kenya):
        assert account.refund_unit == "minor"
        assert account.sign_key.reveal() == SECRETS["STARTBUTTON_SIGN_KEY"]
        assert account.webhook_reserialised is True
    plain = read_settings(WHOLE | {"STARTBUTTON_SIGN_KEY": ""}, None).accounts
    unset = (
        "invoice_successful_means",
        "bills",
        "payout_limits",
        "refund_unit",
        "webhook_reserialised",
        "sign_key",
    )
    assert not [name for account in plain for name in unset if getattr(account, name, None)]
    assert plain[0].api_version == "v1_0"


def test_where_a_payer_finds_the_request_is_said_where_a_network_published_it() -> None:
    momo, ghana, kenya = read_settings(WHOLE, None).accounts
    known = "*170#, My Approvals"
    assert [momo.approvals_hint(""), ghana.approvals_hint("MTN"), ghana.approvals_hint("mtn")] == [known] * 3
    assert [ghana.approvals_hint("VOD"), ghana.approvals_hint(""), kenya.approvals_hint("mpesa")] == [""] * 3
    uganda = read_settings(WHOLE | {"MOMO_CURRENCY": "UGX"}, None).accounts[0]
    assert uganda.approvals_hint("") == ""
    for said, hint in (("none", ""), (" *165# , Approvals ", "*165# , Approvals")):
        momo = read_settings(WHOLE | {"MOMO_APPROVALS_AT": said}, None).accounts[0]
        assert momo.approvals_hint("") == hint


@pytest.mark.parametrize(
    ("line", "network", "hint"),
    [
        ('provider = "momo"\napprovals_at = "*126#"', "", "*126#"),
        ('provider = "momo"\napprovals_at = "none"', "", ""),
        ('provider = "startbutton"\napprovals_at = { vod = "*110#", MTN = "none" }', "VOD", "*110#"),
        ('provider = "startbutton"\napprovals_at = { vod = "*110#", MTN = "none" }', "MTN", ""),
        ('provider = "startbutton"\napprovals_at = { vod = "*110#" }', "MTN", "*170#, My Approvals"),
    ],
)
def test_an_accounts_table_says_where_to_find_the_request(  # type: ignore[no-untyped-def]
    in_file, line: str, network: str, hint: str
) -> None:
    account = only_account(in_file(f'[accounts.a]\ncurrency = "GHS"\n{line}\n'))
    assert account.approvals_hint(network) == hint


def test_limits_are_in_each_accounts_own_currency() -> None:
    environ = WHOLE | {
        "PAYOUT_LIMITS": "number_day=1000.50, total_day=20000",
        "PAYOUT_LIMITS_STARTBUTTON_KES": "number_hour=9000",
    }
    limits = {account.id: account.payout_limits for account in read_settings(environ, None).accounts}
    assert limits == {
        "momo": {"number_day": 100_050, "total_day": 2_000_000},
        "startbutton-ghs": {"number_day": 100_050, "total_day": 2_000_000},
        "startbutton-kes": {"number_hour": 900_000},
    }


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"PAYOUT_LIMITS": "number_day"}, "PAYOUT_LIMITS: write each as name=amount"),
        ({"PAYOUT_LIMITS": "number_day=1,000"}, "PAYOUT_LIMITS: write each as name=amount"),
        ({"PAYOUT_LIMITS": "day=1"}, "PAYOUT_LIMITS: there is no limit day; there are number_hour,"),
        ({"PAYOUT_LIMITS": "number_day=0"}, "PAYOUT_LIMITS: number_day is an amount in "),
        ({"PAYOUT_LIMITS_MOMO": "number_day=ten"}, "PAYOUT_LIMITS_MOMO: number_day is an amount in GHS"),
        ({"PAYOUT_LIMITS_MOMO": "total_day=1 total_day=2"}, "PAYOUT_LIMITS_MOMO: total_day stands there"),
        ({"MOMO_BILLS": "ECG"}, "MOMO_BILLS: write each as name=user name"),
        ({"MOMO_BILLS": "ECG="}, "MOMO_BILLS: ECG names no service provider's"),
        ({"MOMO_BILLS": "=user"}, "MOMO_BILLS: a bill's name has 1 to 30"),
        ({"MOMO_BILLS": "A=b,A=c"}, "MOMO_BILLS: A stands there twice."),
        ({"MOMO_APPROVALS_AT": "*170#, " + "My Approvals " * 2}, "MOMO_APPROVALS_AT must be 24 plain"),
        ({"MOMO_API_VERSION": "v3_0"}, "MOMO_API_VERSION: "),
        ({"MOMO_INVOICE_SUCCESSFUL_MEANS": "yes"}, "MOMO_INVOICE_SUCCESSFUL_MEANS: "),
        ({"STARTBUTTON_REFUND_UNIT": "cents"}, "STARTBUTTON_REFUND_UNIT: "),
        ({"STARTBUTTON_WEBHOOK_RESERIALISED": "perhaps"}, "STARTBUTTON_WEBHOOK_RESERIALISED: "),
        ({"STARTBUTTON_CURRENCIES": "GHS NGN"}, "STARTBUTTON_CURRENCIES: NGN is none of GHS, KES,"),
        ({"STARTBUTTON_CURRENCIES": "cedis"}, "STARTBUTTON_CURRENCIES: that is none of GHS, KES,"),
        ({"STARTBUTTON_FACTOR_CONFIRMED": "USD"}, "STARTBUTTON_FACTOR_CONFIRMED: USD is none of"),
    ],
)
def test_a_problem_with_an_account_of_the_environment(environ: dict[str, str], begins: str) -> None:
    found = problems(WHOLE | environ)
    assert all(problem.startswith(begins.partition(" GHS")[0]) for problem in found), found
    assert found[0].startswith(begins)


def test_none_says_that_payouts_have_no_limit_on_purpose(in_file) -> None:  # type: ignore[no-untyped-def]
    environ = WHOLE | {"PAYOUT_LIMITS": "none", "PAYOUT_LIMITS_STARTBUTTON_KES": "number_hour=9000"}
    assert {
        a.id: (a.payouts_unlimited, dict(a.payout_limits)) for a in read_settings(environ, None).accounts
    } == {
        "momo": (True, {}),
        "startbutton-ghs": (True, {}),
        "startbutton-kes": (False, {"number_hour": 900_000}),
    }
    table = '[accounts.a]\nprovider = "momo"\ncurrency = "GHS"\n'
    assert only_account(in_file(f'{table}payout_limits = "none"\n')).payouts_unlimited
    assert not only_account(in_file(table)).payouts_unlimited


def test_limits_that_are_no_accounts_are_a_problem() -> None:
    assert one_problem({"PAYOUT_LIMITS": "number_day=1000"}).startswith("PAYOUT_LIMITS is for accounts of")


def test_an_account_may_be_for_payouts_alone() -> None:
    environ = {name: value for name, value in WHOLE.items() if "COLLECTION" not in name}
    (account, *_) = read_settings(environ, None).accounts
    assert set(credentials(account)) == {"disbursement"}


def test_startbutton_serves_every_currency_of_the_adapter() -> None:
    currencies = MARKETS
    environ = WHOLE | {"STARTBUTTON_CURRENCIES": " ".join(sorted(currencies)).lower()}
    environ["STARTBUTTON_FACTOR_CONFIRMED"] = "UGX, RWF XAF XOF"
    accounts = [a for a in read_settings(environ, None).accounts if a.provider == "startbutton"]
    assert {account.id for account in accounts} == {f"startbutton-{c.lower()}" for c in currencies}
    assert [check_account(account) for account in accounts] == [[] for _ in accounts]
    unsure = read_settings(WHOLE | {"STARTBUTTON_CURRENCIES": "UGX"}, None).accounts[-1]
    assert "factor_confirmed" in check_account(unsure)[0]


def test_one_startbutton_key_pair_serves_both_currencies() -> None:
    (_, ghana, kenya) = read_settings(WHOLE, None).accounts
    offered = {account.currency: PROVIDERS["startbutton"].networks(account) for account in (ghana, kenya)}
    assert (ghana.currency, ghana.region, set(offered["GHS"])) == ("GHS", "GH", {"MTN", "VOD", "ATL"})
    assert (kenya.currency, kenya.region, offered["KES"]) == ("KES", "KE", ("mpesa",))


def test_how_often_an_account_is_asked_is_a_setting(in_file) -> None:  # type: ignore[no-untyped-def]
    assert {account.asks_per_s for account in read_settings(WHOLE, None).accounts} == {10}
    set_ = WHOLE | {"MOMO_ASKS_PER_S": "150", "STARTBUTTON_ASKS_PER_S": "3"}
    assert [account.asks_per_s for account in read_settings(set_, None).accounts] == [150, 3, 3]
    table = '[accounts.a]\nprovider = "momo"\ncurrency = "GHS"\n'
    assert only_account(in_file(table)).asks_per_s == 10
    assert only_account(in_file(f"{table}asks_per_s = 1\n")).asks_per_s == 1


FILE = """
[accounts.momo-ug]
provider = "momo"
base_url = "https://proxy.momoapi.mtn.com"
currency = "ugx"
target_environment = "mtnuganda"
invoice_successful_means = "created"
api_version = "v2_0"
name = "MTN Uganda"
[accounts.momo-ug.collection]
subscription_key = "env:UG_SUB"
api_user = "ug-user"
api_key = "env:UG_KEY"
[accounts.momo-ug.bills]
UMEME = "umeme.user"
"National Water" = "nwsc.user"
[accounts.momo-ug.payout_limits]
number_hour = "5,000,000"
total_day = "UGX 90 000 000"
[accounts.startbutton-ci]
provider = "startbutton"
base_url = "https://api.startbutton.tech"
currency = "XOF"
region = "SN"
email = "pay@example.com"
networks = ["orange"]
factor_confirmed = true
refund_unit = "major"
sign_key = "env:SB_SIGN"
webhook_reserialised = true
public_key = "env:SB_PUBLIC"
secret_key = "env:SB_SECRET"
"""
REFERRED = {
    "UG_SUB": "ug-sub",
    "UG_KEY": "ug-key",
    "SB_PUBLIC": "sb_test_1",
    "SB_SECRET": "sb_test_2",
    "SB_SIGN": "sb_sign",
}


def test_every_text_of_a_table_may_name_a_variable(in_file) -> None:  # type: ignore[no-untyped-def]
    names = (
        "provider",
        "base_url",
        "currency",
        "region",
        "target_environment",
        "wire_currency",
        "name",
    )
    table = "".join(f'{name} = "env:MOMO_OWN_{name.upper()}"\n' for name in (*names, "payee"))
    values = dict(zip(names, ("momo", "https://x.example", "GHS", "GH", "sandbox", "EUR", "N"), strict=True))
    given = {f"MOMO_OWN_{name.upper()}": value for name, value in {**values, "payee": "0240000001"}.items()}
    account = only_account(in_file(f"[accounts.a]\n{table}", **given))
    assert {name: getattr(account, "display_name" if name == "name" else name) for name in values} == values
    assert account.payee == "0240000001"


def test_accounts_stand_side_by_side_in_a_file(in_file) -> None:  # type: ignore[no-untyped-def]
    uganda, ivory = read_settings(in_file(FILE, **REFERRED), None).accounts
    assert (uganda.id, uganda.currency, uganda.region) == ("momo-ug", "UGX", "UG")
    assert uganda.display_name == "MTN Uganda"
    assert credentials(uganda)["collection"].subscription_key.reveal() == "ug-sub"
    assert credentials(uganda)["collection"].api_key.reveal() == "ug-key"
    assert (ivory.id, ivory.region, ivory.networks) == ("startbutton-ci", "SN", ("orange",))
    assert ivory.factor_confirmed is True
    assert ivory.secret_key.reveal() == "sb_test_2"
    assert ivory.display_name == "startbutton-ci"
    assert (uganda.invoice_successful_means, uganda.api_version) == ("created", "v2_0")
    assert uganda.bills == {"UMEME": "umeme.user", "National Water": "nwsc.user"}
    assert uganda.payout_limits == {"number_hour": 5_000_000, "total_day": 90_000_000}
    assert (ivory.refund_unit, ivory.sign_key.reveal()) == ("major", "sb_sign")
    assert ivory.webhook_reserialised is True


def test_a_file_and_the_environment_add_up(in_file) -> None:  # type: ignore[no-untyped-def]
    accounts = read_settings(in_file(FILE, **REFERRED, **WHOLE), None).accounts
    assert len(accounts) == 5
    twice = FILE.replace("momo-ug", "momo")
    assert one_problem(in_file(twice, **REFERRED, **WHOLE)) == "Two accounts are named momo."


def test_a_reference_to_nothing_is_a_problem_each(in_file) -> None:  # type: ignore[no-untyped-def]
    found = problems(in_file(FILE, UG_SUB="x", SB_SECRET="", SB_SIGN="s"))
    assert found == [
        "accounts.momo-ug: api_key names UG_KEY, which is not set.",
        "accounts.startbutton-ci: public_key names SB_PUBLIC, which is not set.",
        "accounts.startbutton-ci: secret_key names SB_SECRET, which is not set.",
    ]


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_an_account_may_be_in_any_currency_we_know(in_file, currency: str) -> None:  # type: ignore[no-untyped-def]
    account = only_account(in_file(f'[accounts.a]\nprovider = "momo"\ncurrency = "{currency}"\n'))
    assert account.currency == currency
    assert account.region.isupper()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('colour = "red"', "there is no setting colour."),
        ('currency = "XXX"', "currency must be a code such as GHS."),
        ('wire_currency = "euro"', "wire_currency must be a code such as EUR."),
        ('region = "Ghana"', "region must be a country's two letters, such as GH."),
        ('factor_confirmed = "false"', "factor_confirmed is true or false, without quotes."),
        ("factor_confirmed = 1", "factor_confirmed is true or false, without quotes."),
        ("asks_per_s = 0", "asks_per_s is a whole number, 1 or more."),
        ("asks_per_s = 2.5", "asks_per_s is a whole number, 1 or more."),
        ("asks_per_s = true", "asks_per_s is a whole number, 1 or more."),
        ('asks_per_s = "10"', "asks_per_s is a whole number, 1 or more."),
        (
            'approvals_at = "*170#\u2026"',
            "approvals_at must be 24 plain characters at most, such as *170#, My Approvals.",
        ),
        ('networks = "MTN"', 'networks is a list, such as ["MTN", "VOD"].'),
        ("networks = [1]", 'networks is a list, such as ["MTN", "VOD"].'),
        ('collection = "keys"', "collection must be a table."),
        (
            'collection = {api_kay = "x"}',
            "there is no setting collection.api_kay; did you mean collection.api_key?",
        ),
        ('refund_unit = "pesewas"', "refund_unit is minor or major."),
        ("refund_unit = 1", "refund_unit is minor or major."),
        ('api_version = "v3"', "api_version is v1_0 or v2_0."),
        ('invoice_successful_means = "PAID"', "invoice_successful_means is created or paid."),
        ('webhook_reserialised = "true"', "webhook_reserialised is true or false, without quotes."),
        ('bills = "ECG"', 'bills must be a table, such as { ECG = "ecg.user" }.'),
        ('bills = {ECG = ""}', "bills: ECG names no service provider's user name."),
        ("bills = {ECG = 3}", "bills: ECG names no service provider's user name."),
        ('bills = {"" = "u"}', "bills: a bill's name has 1 to 30 characters."),
        ("payout_limits = 3", 'payout_limits must be a table, such as { number_day = "1000" }.'),
        (
            'payout_limits = {number_week = "3"}',
            "payout_limits: there is no limit number_week; there are number_hour, number_day,"
            " merchant_hour, merchant_day, total_hour, total_day.",
        ),
        (
            "payout_limits = {number_day = 1000}",
            'payout_limits: number_day is an amount in GHS as text, such as "1000" (not a number).',
        ),
        (
            'payout_limits = {number_day = "1.000"}',
            'payout_limits: number_day is an amount in GHS as text, such as "1000" (ambiguous).',
        ),
    ],
)
def test_a_setting_that_is_wrong_in_a_file_is_a_problem(in_file, line: str, problem: str) -> None:  # type: ignore[no-untyped-def]
    currency = "" if line.startswith("currency") else 'currency = "GHS"\n'
    key = line.partition(" ")[0]
    provider = "momo" if key in MomoAccount.model_fields or key == "colour" else "startbutton"
    environ = in_file(f'[accounts.a]\nprovider = "{provider}"\n{currency}{line}\n')
    assert one_problem(environ) == f"accounts.a: {problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("accounts = 3", "KASAPAY_CONFIG: each account is a table"),
        ("[[accounts]]\nname = 'a'", "KASAPAY_CONFIG: each account is a table"),
        ("[accounts]\na = 3", "accounts.a must be a table."),
        (
            "[acounts.a]\ncurrency = 'GHS'",
            "KASAPAY_CONFIG: there is no setting acounts; did you mean accounts?",
        ),
        ("port = 9000", "KASAPAY_CONFIG: there is no setting port."),
        (
            '[accounts."momo/gh"]\nprovider = "momo"\ncurrency = "GHS"',
            "accounts.momo/gh: the name stands in an address",
        ),
        ("not toml", "KASAPAY_CONFIG: the file cannot be read (TOMLDecodeError)."),
    ],
)
def test_a_file_of_another_shape_is_a_problem(in_file, text: str, problem: str) -> None:  # type: ignore[no-untyped-def]
    assert one_problem(in_file(text)).startswith(problem)


def test_a_table_of_no_provider_is_a_problem(in_file) -> None:  # type: ignore[no-untyped-def]
    for line in ("", 'provider = "paypal"\n', "provider = 3\n"):
        found = problems(in_file(f'[accounts.a]\n{line}currency = "GHS"\ncolour = "red"\n'))
        assert found[0] == f"accounts.a: provider must be one of {', '.join(PROVIDERS)}."
        assert found[1].startswith("accounts.a: there is no setting colour")


def test_what_only_another_provider_has_is_no_setting(in_file) -> None:  # type: ignore[no-untyped-def]
    table = '[accounts.a]\nprovider = "momo"\ncurrency = "GHS"\nsign_key = "hunter2"\n'
    assert one_problem(in_file(table)) == "accounts.a: there is no setting sign_key."


def test_the_keys_of_an_account_leave_the_hash_that_orders_remember() -> None:
    """Another hash of the same keys would say of each open order that it was sent with others."""
    sealer = Sealer("k" * 32)
    accounts = Accounts(read_settings(WHOLE, None).accounts, PROVIDERS)
    kept = [
        [["collection", "momo-sub-gggg", "user", "momo-api-hhhh", "", ""],
         ["disbursement", "momo-sub-mmmm", "payer", "momo-api-nnnn", "", ""]],
        [["default", "", "", "", "sb_test_iiii", "sb_test_jjjj"]],
        [["default", "", "", "", "sb_test_iiii", "sb_test_jjjj"]],
    ]  # fmt: skip
    calls = Calls(accounts, Sender(), sealer, "")
    assert [calls.keys_hash(a.id) for a in accounts] == [
        sealer.hash("keys", json.dumps(held)) for held in kept
    ]


def test_a_file_in_another_encoding_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "kasapay.toml"
    path.write_bytes(b"name = '\xff'")
    assert "UnicodeDecodeError" in one_problem({"KASAPAY_CONFIG": str(path)})


def test_an_empty_file_is_no_problem(in_file) -> None:  # type: ignore[no-untyped-def]
    assert read_settings(in_file(""), None).accounts == ()


def test_what_may_be_asked_of_phones_can_be_set() -> None:
    assert ask_limits(read_settings({}, None)) == ASK_LIMITS
    names = (
        "NUMBERS_PER_HOUR",
        "UNAPPROVED",
        "STAFF_UNAPPROVED",
        "STAFF_UNAPPROVED_ALL",
        "STAFF_NUMBERS_PER_HOUR",
    )
    given = {f"ASK_{name}": str(number) for number, name in enumerate(names)}
    assert ask_limits(read_settings(given, None)) == AskLimits(
        customer_numbers=0,
        customer_unapproved=1,
        staff_unapproved=2,
        staff_unapproved_everywhere=3,
        staff_numbers=4,
    )
    for wrong in ({"ASK_UNAPPROVED": "-1"}, {"WEB_CHAT": "maybe"}):
        with pytest.raises(ConfigProblems, match=next(iter(wrong))):
            read_settings(wrong, None)


@pytest.mark.parametrize(("given", "whole"), [("", {"KES"}), ("GHS KES", {"GHS", "KES"}), ("none", set())])
def test_which_wallets_move_whole_amounts_is_a_setting(given: str, whole: set[str]) -> None:
    environ = WHOLE | {"STARTBUTTON_WHOLE_AMOUNTS": given}
    accounts = read_settings(environ, None).accounts
    assert {a.currency for a in accounts if getattr(a, "whole_amounts", False)} == whole


def test_whole_amounts_in_a_file(in_file) -> None:  # type: ignore[no-untyped-def]
    table = '[accounts.sb]\nprovider = "startbutton"\nbase_url = "https://x.example"\ncurrency = "KES"\n'
    for line, whole in (("", True), ("whole_amounts = false\n", False)):
        (account,) = [a for a in read_settings(in_file(table + line), None).accounts if a.id == "sb"]
        assert account.whole_amounts is whole
    with pytest.raises(ConfigProblems, match="whole_amounts is true or false"):
        read_settings(in_file(table + 'whole_amounts = "yes"\n'), None)
