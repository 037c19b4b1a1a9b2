"""The settings: read once from the environment, `.env` and the TOML file; all problems are reported at once.

All problems are reported together, each as a sentence for the operator; a secret cannot be printed.
Nothing is read at import.
"""

import io
import ipaddress
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.money import EXPONENTS, knows_region
from bot.providers.base import ASKS_PER_S, Account, Credentials, Secret
from bot.settings.gateways import GatewaySettings, names_of_gateways, read_gateways
from bot.settings.insecure_values import door_problems, telegram_problems
from bot.settings.limits import ASK_LIMITS, AskLimits
from bot.settings.names import nearest_name, refused_names
from bot.settings.values import (
    UNLIMITED,
    read_bills,
    read_currencies,
    read_limits,
    split_bills,
    split_limits,
)

__all__ = [
    "ENV_FILE",
    "MADE",
    "NAMED_AFTER",
    "TOML_KEYS",
    "ConfigProblems",
    "Settings",
    "ask_limits",
    "given_values",
    "read_settings",
]

ENV_FILE: Final = ".env"

_REGION_OF: Final = {
    "GHS": "GH",
    "GNF": "GN",
    "KES": "KE",
    "LRD": "LR",
    "NGN": "NG",
    "RWF": "RW",
    "SSP": "SS",
    "SZL": "SZ",
    "TZS": "TZ",
    "UGX": "UG",
    "ZAR": "ZA",
    "ZMW": "ZM",
    "XAF": "CM",
    "XOF": "CI",
    "EUR": "GH",
}
# Networks a payer chooses among. Source: Startbutton documentation, mobile-money charge, November 2026.
_STARTBUTTON_NETWORKS: Final = {"GHS": ("MTN", "VOD", "ATL"), "KES": ("mpesa",)}
# M-Pesa moves whole shillings.
_WHOLE_AMOUNTS: Final = ("KES",)
# Those whose wallets it charges, each with all networks of the adapter's where none are named above.
_STARTBUTTON_CURRENCIES: Final = ("GHS", "KES", "RWF", "TZS", "UGX", "XAF", "XOF")
# What may stand in an account's table, and what it says.
TOML_KEYS: Final[Mapping[str, str]] = {
    "provider": "`momo` or `startbutton`. Must be set.",
    "base_url": "Where the provider's API is. Must be set.",
    "currency": "The currency people pay in, such as `GHS`. Must be set.",
    "wire_currency": "The currency the provider is told, where it is another: `EUR` at MTN's sandbox.",
    "region": "The country (two letters) of the account's numbers; unless set, the currency's.",
    "name": "What people are shown; unless set, the account's name.",
    "networks": "The networks a payer chooses among; unless set, the provider's.",
    "asks_per_s": f"Status calls a second, at most; {ASKS_PER_S} unless set.",
    "payout_limits": 'A table of limits, amounts as text, or `"none"`; see [limits](#limits-on-payouts).',
    "target_environment": "MoMo: MTN's name of the country. Must be set.",
    "collection": "MoMo: a table with `subscription_key`, `api_user` and `api_key` of Collections.",
    "disbursement": "MoMo: the same three of Disbursements, for payouts and refunds.",
    "invoice_successful_means": 'MoMo: `"created"` or `"paid"`, as `MOMO_INVOICE_SUCCESSFUL_MEANS`.',
    "api_version": 'MoMo: `"v1_0"` (unless set) or `"v2_0"`, of withdrawals, deposits and refunds.',
    "bills": "MoMo: a table of the bills people may pay: the service provider's user name by the bill's.",
    "payee": "MoMo: the merchant's own wallet as invoices name it.",
    "public_key": "Startbutton: the public key.",
    "secret_key": "Startbutton: the secret key.",
    "email": "Startbutton: a technical e-mail address that stands for payers.",
    "factor_confirmed": "Startbutton: `true` where they confirmed that 100 means 1 in this currency.",
    "refund_unit": 'Startbutton: `"minor"` or `"major"`, as `STARTBUTTON_REFUND_UNIT`.',
    "sign_key": "Startbutton: the key that signs transfers.",
    "webhook_reserialised": "Startbutton: `true` to believe a signature over the JSON written anew as well.",
    "whole_amounts": "Startbutton: `true` where its wallets move whole units only; unless set, KES does.",
}
# Settings that exist once for each account, and what they say.
NAMED_AFTER: Final[Mapping[str, str]] = {
    "PAYOUT_LIMITS_<ACCOUNT>": "The limits of that account of the environment, in place of `PAYOUT_LIMITS`.",
}
# Texts that are one of a few, by the name in a file.
_CHOICES: Final = {
    "invoice_successful_means": ("created", "paid"),
    "api_version": ("v1_0", "v2_0"),
    "refund_unit": ("minor", "major"),
}


# Made of several names, and none themselves.
MADE: Final = frozenset({"accounts", "gateways"})
_PRODUCTS: Final = ("collection", "disbursement")
_PRODUCT_KEYS: Final = frozenset({"subscription_key", "api_user", "api_key"})
# What stands in a path: an account's name.
_IN_A_PATH: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


class ConfigProblems(Exception):
    """Settings nobody can start with; `problems` are sentences for the operator, with no secret in them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """The environment's names, lower-cased. `accounts` and `gateways` are made of several of them."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, case_sensitive=False, env_ignore_empty=True
    )

    database_url: str = Field(
        "sqlite:///kasapay.db",
        repr=False,  # may hold a password
        description="Where everything is kept: `sqlite:///` and the path of a file.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="The key all other keys are made of, 32 characters or more (`openssl rand -hex 32`). "
        "`serve` needs it; `run` makes one beside its database.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes any that is free.")
    public_url: str = Field(
        "",
        description="The address under which others reach Kasapay. MoMo's callbacks and Telegram's webhook "
        "are made of it; without it, no callback comes and orders are only asked about.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses and networks of your own proxies, whose `X-Forwarded-For` is believed; "
        "separated by blanks or commas.",
    )
    short_code: str = Field("*920*10#", description="What people dial, as it stands in messages.")
    default_region: str = Field(
        "GH", description="The country (two letters) of numbers that are typed without a country code."
    )
    default_language: str = Field(
        "en", description="The language of whoever has not chosen one: `en` or `fr`."
    )
    help_contact: str = Field(
        "",
        max_length=40,
        description="Whom people may ask: a phone number or an address, as it is read out to them.",
    )
    # `run` always has the chat: its page is made of it.
    web_chat: Literal["on", "off"] = Field("on", description="Whether `serve` has the web chat.")
    kasapay_config: str = Field(
        "", description="The TOML file with accounts; see [the accounts' file](#the-file-of-accounts)."
    )
    # An address may be a carrier's. Where the limit on open files allows less, less it is.
    web_connections: int = Field(10_000, ge=16, description="Connections at once, in all.")
    web_connections_per_address: int = Field(
        500,
        ge=1,
        description="Connections at once of one address; behind a trusted proxy, its requests under way.",
    )
    web_streams: int = Field(2000, ge=1, description="Event streams (open chat windows) at once, in all.")
    web_streams_per_address: int = Field(200, ge=1, description="Event streams at once of one address.")
    # For all of these see bot.settings.limits.AskLimits.
    ask_numbers_per_hour: int = Field(
        ASK_LIMITS.customer_numbers,
        ge=0,
        description="Other people's numbers that one customer may ask for money within an hour.",
    )
    ask_unapproved: int = Field(
        ASK_LIMITS.customer_unapproved,
        ge=0,
        description="Requests of all customers to one number within an hour that its owner did not approve.",
    )
    ask_staff_unapproved: int = Field(
        ASK_LIMITS.staff_unapproved,
        ge=0,
        description="Requests of one merchant's staff to one number within an hour that its owner did not "
        "approve.",
    )
    ask_staff_unapproved_all: int = Field(
        ASK_LIMITS.staff_unapproved_everywhere,
        ge=0,
        description="Requests of all merchants' staff to one number within an hour that its owner did not "
        "approve.",
    )
    ask_staff_numbers_per_hour: int | None = Field(
        ASK_LIMITS.staff_numbers,
        ge=0,
        description="Numbers that one role may ask for money within an hour; any, unless set.",
    )
    ussd_gateways: str = Field(
        "", description="The USSD gateways that may call, by name, separated by blanks or commas."
    )
    ussd_secret: SecretStr = Field(
        SecretStr(""),
        description="The secret in a gateway's URL, 16 characters or more, for gateways without one of "
        "their own.",
    )
    ussd_screen_septets: int = Field(
        0,
        ge=0,
        le=182,
        description="How many GSM-7 septets a USSD screen holds, at least 60; 0 leaves it to each gateway.",
    )
    ussd_screen_characters: int = Field(
        70,
        ge=60,
        le=80,
        description="How many characters a USSD screen holds where its letters are outside GSM-7.",
    )
    telegram_token: SecretStr = Field(
        SecretStr(""), description="The bot's token, from BotFather; without it there is no Telegram."
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org", description="The Bot API server, where it is not Telegram's own."
    )
    telegram_mode: Literal["webhook", "polling"] = Field(
        "polling", description="How updates come: polling needs no public address."
    )
    telegram_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="What Telegram sends along with each update to the webhook: letters, digits, `_`, `-`.",
    )
    africastalking_username: str = Field(
        "", description="The user at Africa's Talking that sends SMS; without it no SMS is sent."
    )
    africastalking_api_key: SecretStr = Field(SecretStr(""), description="That user's API key.")
    africastalking_api_url: str = Field(
        "https://api.africastalking.com", description="Where the SMS service is."
    )
    sms_sender: str = Field("", description="The sender's name or number on an SMS; unless set, theirs.")
    momo_base_url: str = Field("https://sandbox.momodeveloper.mtn.com", description="Where MTN's API is.")
    momo_target_environment: str = Field(
        "", description="MTN's name of the country: `sandbox`, `mtnghana`, ..."
    )
    momo_currency: str = Field("", description="The currency people pay in, such as `GHS`.")
    momo_collection_subscription_key: SecretStr = Field(
        SecretStr(""), description="The subscription key of the product Collections."
    )
    momo_collection_api_user: str = Field("", description="The API user of Collections.")
    momo_collection_api_key: SecretStr = Field(SecretStr(""), description="That API user's key.")
    momo_disbursement_subscription_key: SecretStr = Field(
        SecretStr(""),
        description="The subscription key of Disbursements; payouts and refunds need these three.",
    )
    momo_disbursement_api_user: str = Field("", description="The API user of Disbursements.")
    momo_disbursement_api_key: SecretStr = Field(SecretStr(""), description="That API user's key.")
    momo_asks_per_s: int = Field(
        ASKS_PER_S,
        ge=1,
        description="Status calls a second, at most; `kasapay reconcile` makes half as many.",
    )
    # What the contract leaves open: see bot.providers.base.Account.
    momo_invoice_successful_means: Literal["", "created", "paid"] = Field(
        "",
        description="What MTN means by an invoice's SUCCESSFUL; ask them. Unset, no invoice is taken for "
        "paid by it.",
    )
    momo_api_version: Literal["v1_0", "v2_0"] = Field(
        "v1_0", description="The version of withdrawals, deposits and refunds."
    )
    momo_bills: str = Field(
        "",
        description="The bills people may pay, and the service provider's user name of each: "
        "`ECG=ecg.user,Ghana Water=gwcl.user`.",
    )
    momo_payee: str = Field(
        "", description="The merchant's own wallet as invoices name it: a number or a party code."
    )
    startbutton_base_url: str = Field(
        "https://api.startbutton.tech", description="Where Startbutton's API is."
    )
    startbutton_public_key: SecretStr = Field(SecretStr(""), description="The public key: it charges.")
    startbutton_secret_key: SecretStr = Field(
        SecretStr(""), description="The secret key: it asks, pays out, and signs webhooks."
    )
    startbutton_email: str = Field(
        "", description="A technical e-mail address that stands for payers: phones have none."
    )
    startbutton_asks_per_s: int = Field(
        ASKS_PER_S,
        ge=1,
        description="Status calls a second, at most; `kasapay reconcile` makes half as many.",
    )
    startbutton_currencies: str = Field(
        "GHS KES", description="Whose wallets you may charge: of `GHS KES RWF TZS UGX XAF XOF`."
    )
    startbutton_factor_confirmed: str = Field(
        "",
        description="Those of `RWF UGX XAF XOF` in which Startbutton has confirmed that 100 means 1; without "
        "it such an account is not used.",
    )
    startbutton_refund_unit: Literal["", "minor", "major"] = Field(
        "", description="How a refund's amount is counted; ask them. Unset, nothing is refunded."
    )
    startbutton_sign_key: SecretStr = Field(
        SecretStr(""), description="The key that signs transfers, where the dashboard asks for signatures."
    )
    startbutton_webhook_reserialised: bool = Field(
        False,
        description="Whether to believe a webhook too whose signature holds only over its JSON written anew.",
    )
    startbutton_whole_amounts: str = Field(
        " ".join(_WHOLE_AMOUNTS),
        description="Currencies whose wallets move whole units only; `none` for none.",
    )
    payout_limits: str = Field(
        "",
        description="What refunds and payouts may reach, such as `number_day=1000 total_day=20000`; `none` "
        "says that there are no limits on purpose. See [limits](#limits-on-payouts).",
    )

    accounts: tuple[Account, ...] = ()
    gateways: tuple[GatewaySettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read_settings` hands in: no second look at the environment."""
        return (init_settings,)


def ask_limits(settings: Settings) -> AskLimits:
    """How much may be asked of phones, as set."""
    return AskLimits(
        customer_numbers=settings.ask_numbers_per_hour,
        customer_unapproved=settings.ask_unapproved,
        staff_unapproved=settings.ask_staff_unapproved,
        staff_unapproved_everywhere=settings.ask_staff_unapproved_all,
        staff_numbers=settings.ask_staff_numbers_per_hour,
    )


def read_settings(
    environ: Mapping[str, str] | None = None, env_file: str | Path | None = ENV_FILE
) -> Settings:
    """The settings of this process. Raises ConfigProblems with all that is wrong."""
    problems: list[str] = []
    given = given_values(environ, env_file, problems)
    names = Settings.model_fields.keys() - MADE
    named = {k.lower(): v for k, v in given.items() if k.lower() in names and v != ""}
    try:
        settings = Settings.model_validate(named)
    except ValidationError as error:
        faults = error.errors(include_input=False)
        problems += [_sentence(fault) for fault in faults]
        # On with the rest, so that all problems are told at once.
        settings = Settings.model_validate(
            {k: v for k, v in named.items() if (k,) not in [f["loc"] for f in faults]}
        )
    in_capitals = {name.upper(): value for name, value in given.items()}
    content = _content_of_file(settings, problems)
    of_environment = _accounts_of_environment(settings, in_capitals, problems)
    accounts = [*of_environment, *_accounts_of_file(content, settings, given, problems)]
    gateways = read_gateways(settings.ussd_gateways, settings.ussd_secret, in_capitals, problems)
    _check_values(settings, problems)
    problems += door_problems(settings)
    problems += refused_names(
        {name: value for name, value in given.items() if name not in set(_references(content))},
        {name.upper() for name in names},
        names_of_gateways() | _names_of_accounts(of_environment),
    )
    seen: set[str] = set()
    for account in accounts:
        if account.id in seen:
            problems.append(f"Two accounts are named {account.id}.")
        seen.add(account.id)
    if problems:
        # A text that several accounts read is wrong once.
        raise ConfigProblems(list(dict.fromkeys(problems)))
    return settings.model_copy(update={"accounts": tuple(accounts), "gateways": tuple(gateways)})


def given_values(
    environ: Mapping[str, str] | None = None,
    env_file: str | Path | None = ENV_FILE,
    problems: list[str] | None = None,
) -> dict[str, str]:
    """What the environment and the file say, unread; the environment comes first. What keeps the file, or a
    line of it, from being read is added to `problems`."""
    given: dict[str, str] = {}
    if env_file is not None and Path(env_file).is_file():
        given.update(_values_of_env_file(Path(env_file), [] if problems is None else problems))
    given.update(os.environ if environ is None else environ)
    return given


def _values_of_env_file(path: Path, problems: list[str]) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: the file cannot be read ({type(error).__name__}).")
        return {}
    lines = [b.original.line for b in parse_stream(io.StringIO(text)) if b.error]
    if lines:
        problems.extend(f"{path}: line {line} cannot be read as NAME=value." for line in lines)
        return {}
    return {k: v for k, v in dotenv_values(stream=io.StringIO(text)).items() if v is not None}


def _names_of_accounts(accounts: list[Account]) -> dict[str, set[str]]:
    """What may stand behind the names that end in an account's."""
    return {"PAYOUT_LIMITS_": {_in_a_name(account.id) for account in accounts}}


def _in_a_name(text: str) -> str:
    return text.upper().replace("-", "_")


def _sentence(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper()
    return f"{name}: {error['msg']}."


def _check_values(settings: Settings, problems: list[str]) -> None:
    secret = settings.secret_key.get_secret_value()
    if secret and len(secret) < 32:
        problems.append("SECRET_KEY needs at least 32 characters; make one with: openssl rand -hex 32")
    for text in _listed(settings.trusted_proxies):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            problems.append(f"TRUSTED_PROXIES: {text} is no address or network.")
    if settings.telegram_mode == "webhook" and settings.telegram_token.get_secret_value():
        if not settings.telegram_webhook_secret.get_secret_value():
            problems.append("TELEGRAM_WEBHOOK_SECRET is needed where TELEGRAM_MODE is webhook.")
        if not settings.public_url:
            problems.append("PUBLIC_URL is needed where TELEGRAM_MODE is webhook.")
    problems += telegram_problems(settings)
    if not settings.database_url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        problems.append("DATABASE_URL must begin with sqlite:/// or postgresql://.")
    if not knows_region(settings.default_region):
        problems.append("DEFAULT_REGION must be a country's two letters, such as GH.")
    if 0 < settings.ussd_screen_septets < 60:
        problems.append("USSD_SCREEN_SEPTETS is 60 to 182, or 0 for each gateway's own figure.")
    sms_key = settings.africastalking_api_key.get_secret_value()
    if sms_key and (not sms_key.isascii() or not sms_key.isprintable() or " " in sms_key):
        problems.append("AFRICASTALKING_API_KEY holds a blank or a character that cannot be sent.")
    at = (settings.africastalking_username, settings.africastalking_api_key.get_secret_value())
    if any(at) and not all(at):
        problems.append("AFRICASTALKING_USERNAME and AFRICASTALKING_API_KEY belong together.")


def _accounts_of_environment(
    settings: Settings, given: Mapping[str, str], problems: list[str]
) -> list[Account]:
    accounts = [*_momo_of_environment(settings, problems), *_startbutton_of_environment(settings, problems)]
    limits = {
        account.id: (where, given[where])
        for account in accounts
        if given.get(where := f"PAYOUT_LIMITS_{_in_a_name(account.id)}")
    }
    if settings.payout_limits and not accounts:
        problems.append("PAYOUT_LIMITS is for accounts of the environment; in a file it is payout_limits.")
    return [
        msgspec.structs.replace(
            account,
            payout_limits={}
            if text == UNLIMITED
            else read_limits(split_limits(text, where, problems), account.currency, where, problems),
            payouts_unlimited=text == UNLIMITED,
        )
        for account in accounts
        for where, text in [limits.get(account.id, ("PAYOUT_LIMITS", settings.payout_limits))]
    ]


def _momo_of_environment(settings: Settings, problems: list[str]) -> list[Account]:
    credentials = {name: _momo_credentials(settings, name) for name in _PRODUCTS}
    credentials = {name: c for name, c in credentials.items() if c != Credentials()}
    if not credentials:
        return []
    currency = settings.momo_currency.upper()
    if currency not in EXPONENTS:
        problems.append("MOMO_CURRENCY must be set to the currency people pay in, such as GHS.")
    if not settings.momo_target_environment:
        problems.append("MOMO_TARGET_ENVIRONMENT must be set, such as sandbox or mtnghana.")
    bills = split_bills(settings.momo_bills, "MOMO_BILLS", problems) if settings.momo_bills else {}
    return [
        Account(
            id="momo",
            provider="momo",
            base_url=settings.momo_base_url,
            currency=currency if currency in EXPONENTS else "GHS",
            region=_REGION_OF.get(currency, settings.default_region),
            credentials=credentials,
            target_environment=settings.momo_target_environment,
            wire_currency="EUR" if settings.momo_target_environment == "sandbox" else "",
            display_name="MTN MoMo",
            asks_per_s=settings.momo_asks_per_s,
            payee=settings.momo_payee,
            invoice_successful_means=settings.momo_invoice_successful_means,
            api_version=settings.momo_api_version,
            bills=read_bills(bills, "MOMO_BILLS", problems),
        )
    ]


def _startbutton_of_environment(settings: Settings, problems: list[str]) -> list[Account]:
    public = settings.startbutton_public_key.get_secret_value()
    secret = settings.startbutton_secret_key.get_secret_value()
    if not public and not secret:
        return []
    known = _STARTBUTTON_CURRENCIES
    wanted = read_currencies(settings.startbutton_currencies, known, "STARTBUTTON_CURRENCIES", problems)
    sure = read_currencies(
        settings.startbutton_factor_confirmed, known, "STARTBUTTON_FACTOR_CONFIRMED", problems
    )
    whole: Sequence[str] = ()
    if settings.startbutton_whole_amounts.strip().lower() != "none":
        where = "STARTBUTTON_WHOLE_AMOUNTS"
        whole = read_currencies(settings.startbutton_whole_amounts, known, where, problems)
    return [
        Account(
            id=f"startbutton-{currency.lower()}",
            provider="startbutton",
            base_url=settings.startbutton_base_url,
            currency=currency,
            region=_REGION_OF[currency],
            credentials={"default": Credentials(public_key=Secret(public), secret_key=Secret(secret))},
            email=settings.startbutton_email,
            networks=_STARTBUTTON_NETWORKS.get(currency, ()),
            factor_confirmed=currency in sure,
            display_name="Startbutton",
            asks_per_s=settings.startbutton_asks_per_s,
            refund_unit=settings.startbutton_refund_unit,
            sign_key=Secret(settings.startbutton_sign_key.get_secret_value()),
            webhook_reserialised=settings.startbutton_webhook_reserialised,
            whole_amounts=currency in whole,
        )
        for currency in wanted
    ]


def _momo_credentials(settings: Settings, product: str) -> Credentials:
    return Credentials(
        subscription_key=Secret(getattr(settings, f"momo_{product}_subscription_key").get_secret_value()),
        api_user=getattr(settings, f"momo_{product}_api_user"),
        api_key=Secret(getattr(settings, f"momo_{product}_api_key").get_secret_value()),
    )


def _content_of_file(settings: Settings, problems: list[str]) -> dict[str, Any]:
    if not settings.kasapay_config:
        return {}
    try:
        return tomllib.loads(Path(settings.kasapay_config).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"KASAPAY_CONFIG: the file cannot be read ({type(error).__name__}).")
        return {}


def _references(value: Any) -> Iterator[str]:
    """The variables of the environment that the file names, whatever they are called."""
    if isinstance(value, str) and value.startswith("env:"):
        yield value[4:]
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _references(inner)


def _no_such_setting(where: str, key: str, known: Collection[str], part: str = "") -> str:
    near = nearest_name(key, known)
    return f"{where}: there is no setting {part}{key}" + (f"; did you mean {part}{near}?" if near else ".")


def _accounts_of_file(
    content: Mapping[str, Any], settings: Settings, given: Mapping[str, str], problems: list[str]
) -> list[Account]:
    problems.extend(
        _no_such_setting("KASAPAY_CONFIG", key, frozenset({"accounts"}))
        for key in sorted(content.keys() - {"accounts"})
    )
    tables = content.get("accounts", {})
    if not isinstance(tables, dict):
        problems.append("KASAPAY_CONFIG: each account is a table of its own, such as [accounts.momo-gh].")
        return []
    accounts = []
    for name, table in tables.items():
        if not isinstance(table, dict):
            problems.append(f"accounts.{name} must be a table.")
            continue
        if not _IN_A_PATH.fullmatch(name):
            problems.append(f"accounts.{name}: the name stands in an address: letters, digits, - and _ only.")
        account = _account_of_table(name, table, settings, given, problems)
        if account is not None:
            accounts.append(account)
    return accounts


def _account_of_table(
    name: str, table: dict[str, Any], settings: Settings, given: Mapping[str, str], problems: list[str]
) -> Account | None:
    where = f"accounts.{name}"
    problems.extend(_no_such_setting(where, key, TOML_KEYS) for key in sorted(set(table) - set(TOML_KEYS)))
    for product in _PRODUCTS:
        part = table.get(product, {})
        if not isinstance(part, dict):
            problems.append(f"accounts.{name}: {product} must be a table.")
            continue
        problems.extend(
            _no_such_setting(where, key, _PRODUCT_KEYS, f"{product}.")
            for key in sorted(set(part) - _PRODUCT_KEYS)
        )

    def text(source: Mapping[str, Any], key: str, default: str = "") -> str:
        value = str(source.get(key, default))
        if not value.startswith("env:"):
            return value
        found = given.get(value[4:], "")
        if not found:
            problems.append(f"accounts.{name}: {key} names {value[4:]}, which is not set.")
        return found

    currency = text(table, "currency").upper()
    if currency not in EXPONENTS:
        problems.append(f"accounts.{name}: currency must be a code such as GHS.")
        return None
    provider = text(table, "provider")
    credentials = {
        product: Credentials(
            subscription_key=Secret(text(part, "subscription_key")),
            api_user=text(part, "api_user"),
            api_key=Secret(text(part, "api_key")),
        )
        for product in _PRODUCTS
        if isinstance(part := table.get(product), dict)
    }
    if "public_key" in table or "secret_key" in table:
        keys = Credentials(
            public_key=Secret(text(table, "public_key")), secret_key=Secret(text(table, "secret_key"))
        )
        credentials["default"] = keys
    environment = text(table, "target_environment")
    default_wire = "EUR" if environment == "sandbox" else ""
    wire_currency = text(table, "wire_currency", default_wire).upper()
    if wire_currency and wire_currency not in EXPONENTS:
        problems.append(f"accounts.{name}: wire_currency must be a code such as EUR.")
    region = text(table, "region", _REGION_OF.get(currency, settings.default_region)).upper()
    if not knows_region(region):
        problems.append(f"accounts.{name}: region must be a country's two letters, such as GH.")
    factor_confirmed = table.get("factor_confirmed", False)
    if not isinstance(factor_confirmed, bool):
        problems.append(f"accounts.{name}: factor_confirmed is true or false, without quotes.")
    default_networks = _STARTBUTTON_NETWORKS.get(currency, ()) if provider == "startbutton" else ()
    networks = table.get("networks", list(default_networks))
    if not isinstance(networks, list) or not all(isinstance(network, str) for network in networks):
        problems.append(f'accounts.{name}: networks is a list, such as ["MTN", "VOD"].')
        networks = []
    asks_per_s = table.get("asks_per_s", ASKS_PER_S)
    if type(asks_per_s) is not int or asks_per_s < 1:
        problems.append(f"accounts.{name}: asks_per_s is a whole number, 1 or more.")
    whole = table.get("whole_amounts", provider == "startbutton" and currency in _WHOLE_AMOUNTS)
    if not isinstance(whole, bool):
        problems.append(f"accounts.{name}: whole_amounts is true or false, without quotes.")
    reserialised = table.get("webhook_reserialised", False)
    if not isinstance(reserialised, bool):
        problems.append(f"accounts.{name}: webhook_reserialised is true or false, without quotes.")
    chosen = {key: table[key] for key in _CHOICES if key in table}
    problems.extend(
        f"accounts.{name}: {key} is {' or '.join(_CHOICES[key])}."
        for key, value in chosen.items()
        if value not in _CHOICES[key]
    )
    unlimited = table.get("payout_limits") == UNLIMITED
    return Account(
        id=name,
        provider=provider,
        base_url=text(table, "base_url"),
        currency=currency,
        region=region,
        credentials=credentials,
        target_environment=environment,
        wire_currency=wire_currency,
        email=text(table, "email"),
        networks=tuple(networks),
        factor_confirmed=factor_confirmed is True,
        display_name=text(table, "name", name),
        asks_per_s=asks_per_s,
        payee=text(table, "payee"),
        payout_limits={}
        if unlimited
        else read_limits(table.get("payout_limits", {}), currency, f"{where}: payout_limits", problems),
        payouts_unlimited=unlimited,
        invoice_successful_means=str(chosen.get("invoice_successful_means", "")),
        refund_unit=str(chosen.get("refund_unit", "")),
        sign_key=Secret(text(table, "sign_key")),
        webhook_reserialised=reserialised is True,
        whole_amounts=whole is True,
        bills=read_bills(table.get("bills", {}), f"accounts.{name}: bills", problems),
        api_version=str(chosen.get("api_version", "v1_0")),
    )


def _listed(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").split() if part]
