"""The settings: read once from the environment, `.env` and the TOML file; all problems are reported at once.

All problems are reported together, each as a sentence for the operator; a secret cannot be printed.
Nothing is read at import.
"""

import io
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.channels.catalogue import known_languages
from bot.dialog import fold
from bot.money import knows_region
from bot.providers.base import Account
from bot.settings.accounts import (
    accounts_of_environment,
    accounts_of_file,
    content_of_file,
    in_a_name,
    references,
    settings_of_providers,
)
from bot.settings.gateways import GatewaySettings, names_of_gateways, read_gateways
from bot.settings.insecure_values import door_problems, telegram_problems
from bot.settings.limits import ANNOUNCE_LIMITS, ASK_LIMITS, AnnounceLimits, AskLimits
from bot.settings.names import refused_names

__all__ = [
    "ENV_FILE",
    "MADE",
    "NAMED_AFTER",
    "ConfigProblems",
    "Settings",
    "announce_limits",
    "ask_limits",
    "given_values",
    "offered_languages",
    "read_settings",
]

ENV_FILE: Final = ".env"

# Settings that exist once for each account, and what they say.
NAMED_AFTER: Final[Mapping[str, str]] = {
    "PAYOUT_LIMITS_<ACCOUNT>": "The limits of that account of the environment, in place of `PAYOUT_LIMITS`.",
}
# Made of several names, and none themselves.
MADE: Final = frozenset({"accounts", "gateways"})


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
        description="The address under which others reach Kasapay. Providers' callbacks and Telegram's "
        "webhook are made of it; without it, no callback comes and orders are only asked about.",
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
        "en", description="The language of whoever has not chosen one; one of `LANGUAGES`."
    )
    languages: str = Field(
        "en,fr",
        description="The languages that are offered, in this order, separated by blanks or commas: `en`, "
        "`fr` and others of which there is a catalogue. Where there are several, whoever is new is asked.",
    )
    service_name: str = Field(
        "Kasapay",
        max_length=16,
        description="What the service calls itself: on the first screen, and at the beginning of a text "
        "message whose sender (`SMS_SENDER`) is another, where the message stays one.",
    )
    service_fee: Literal["", "none"] = Field(
        "",
        description="`none` where you take no fee of your own from people: it is then said where they ask "
        "for help. The network's fee is the network's to say.",
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
    # For both see bot.settings.limits.AnnounceLimits.
    announce_per_hour: int = Field(
        ANNOUNCE_LIMITS.most_an_hour,
        ge=1,
        description="Payments of one merchant within an hour that its staff are told one by one; above that "
        "they are told how many there were, once a day.",
    )
    announce_hour: int = Field(
        ANNOUNCE_LIMITS.day_hour,
        ge=0,
        le=23,
        description="The hour of the day, by the merchant's clocks, at which staff are told so.",
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


def offered_languages(settings: Settings) -> tuple[str, ...]:
    """The languages that people may choose, in the operator's order."""
    return tuple(dict.fromkeys(_listed(settings.languages.lower())))


def announce_limits(settings: Settings) -> AnnounceLimits:
    """How staff are told of payments, as set."""
    return AnnounceLimits(most_an_hour=settings.announce_per_hour, day_hour=settings.announce_hour)


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
    content = content_of_file(settings.kasapay_config, problems)
    # That a region is none is said once, below.
    region = settings.default_region if knows_region(settings.default_region) else "GH"
    of_environment = accounts_of_environment(in_capitals, settings.payout_limits, region, problems)
    accounts = [*of_environment, *accounts_of_file(content, region, given, problems)]
    gateways = read_gateways(settings.ussd_gateways, settings.ussd_secret, in_capitals, problems)
    _check_values(settings, problems)
    problems += door_problems(settings)
    problems += refused_names(
        {name: value for name, value in given.items() if name not in set(references(content))},
        {name.upper() for name in names} | settings_of_providers().keys(),
        names_of_gateways() | {"PAYOUT_LIMITS_": {in_a_name(account.id) for account in of_environment}},
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
    problems += _language_problems(settings)
    if 0 < settings.ussd_screen_septets < 60:
        problems.append("USSD_SCREEN_SEPTETS is 60 to 182, or 0 for each gateway's own figure.")
    sms_key = settings.africastalking_api_key.get_secret_value()
    if sms_key and (not sms_key.isascii() or not sms_key.isprintable() or " " in sms_key):
        problems.append("AFRICASTALKING_API_KEY holds a blank or a character that cannot be sent.")
    at = (settings.africastalking_username, settings.africastalking_api_key.get_secret_value())
    if any(at) and not all(at):
        problems.append("AFRICASTALKING_USERNAME and AFRICASTALKING_API_KEY belong together.")


def _language_problems(settings: Settings) -> list[str]:
    offered, known = offered_languages(settings), known_languages()
    there_are = f"there are {', '.join(known)}."
    found = [
        f"LANGUAGES: there is no catalogue of {name}; {there_are}" for name in offered if name not in known
    ]
    if not offered:
        found.append(f"LANGUAGES names none; {there_are}")
    elif settings.default_language not in offered:
        found.append("DEFAULT_LANGUAGE must be one of LANGUAGES.")
    name = settings.service_name.strip()
    if not name or fold(name).count("?") > name.count("?"):
        found.append("SERVICE_NAME must be a name in letters that every phone shows.")
    return found


def _listed(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").split() if part]
