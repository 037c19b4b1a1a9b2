"""`kasapay provision` in the terminal: asks for MTN's subscription keys, writes what it made to `.env`."""

import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import typer

from bot.cli.terminal import fail, run_until_told, warn
from bot.money import EXPONENTS
from bot.providers.base import Secret
from bot.providers.momo.provisioning import (
    ApiUser,
    ProvisionProblem,
    base_url_problem,
    is_host,
    is_key,
    make_user,
)
from bot.providers.momo.settings import MomoEnvironment
from bot.providers.transport import open_transport
from bot.settings.env_file import EnvFileProblem, kept_values, write_env
from bot.settings.settings import given_values

__all__ = ["provision_here"]

# As MTN's portal calls them.
_PRODUCTS: Final = {"collection": "Collections", "disbursement": "Disbursements"}
_SECRET_NAMES: Final = ("SUBSCRIPTION_KEY", "API_KEY")
_TIMEOUT_S: Final = 30.0


def provision_here(
    *,
    keys: Mapping[str, str],
    callback_host: str,
    base_url: str,
    currency: str,
    env_file: Path,
    yes: bool,
    dry_run: bool,
) -> None:
    """Make an API user for each product that has a key, and write them down once that is agreed to.

    Everything that can be wrong here is looked at before MTN is asked for anything.
    """
    try:
        kept = kept_values(env_file)
    except EnvFileProblem as error:
        fail([str(error)])
    given = {name.upper(): value for name, value in given_values(env_file=env_file).items() if value}
    base_url = base_url or given.get("MOMO_BASE_URL") or MomoEnvironment().base_url
    if (problem := base_url_problem(base_url)) is not None:
        fail([problem])
    base_url = base_url.rstrip("/")
    currency = (currency or given.get("MOMO_CURRENCY") or "EUR").upper()
    wanted = _keys(keys, given, yes=yes)
    callback_host = callback_host or _host_of(given.get("PUBLIC_URL", ""))
    if not callback_host and wanted and not yes:
        callback_host = _asked("Host that callbacks come to, such as pay.example.com")
    if problems := _problems(wanted, callback_host, currency):
        fail(problems)
    if dry_run:
        nothing = [
            ApiUser(product, key, "(new)", Secret("(new)"), "(as told)") for product, key in wanted.items()
        ]
        print(
            f"This would be made at {base_url}, for the callback host {callback_host}, and set in {env_file}:"
        )
        _show(_values(base_url, currency, nothing), kept)
        return
    values = _values(base_url, currency, _made(base_url, wanted, callback_host))
    print(f"Made at {base_url}, for the callback host {callback_host}. To be set in {env_file}:")
    _show(values, kept)
    if not yes and not _agreed(f"Write this to {env_file}?"):
        fail(["Nothing was written. The new API users stay there unused, and harm nobody."])
    try:
        write_env(env_file, values)
    except EnvFileProblem as error:
        fail([str(error)])
    print(f"Written to {env_file}. Whether it works is said by: kasapay check")
    warn(
        [
            f"{name} is set in the environment too, which comes before {env_file}."
            for name, value in values.items()
            if os.environ.get(name, value) != value
        ]
    )


def _keys(keys: Mapping[str, str], given: Mapping[str, str], *, yes: bool) -> dict[str, Secret]:
    """Subscription keys by product: of the command line, else of the settings, else as typed."""
    found = {}
    for product, name in _PRODUCTS.items():
        key = keys[product] or given.get(f"MOMO_{product.upper()}_SUBSCRIPTION_KEY", "")
        if not key and not yes:
            key = _asked(f"Subscription key of {name} (empty: none)", hidden=True)
        if key:
            found[product] = Secret(key)
    return found


def _problems(wanted: Mapping[str, Secret], callback_host: str, currency: str) -> list[str]:
    if not wanted:
        return ["A subscription key is needed: of Collections, of Disbursements, or of both."]
    found = [
        f"The subscription key of {_PRODUCTS[product]} holds what no key holds."
        for product, key in wanted.items()
        if not is_key(key.reveal())
    ]
    if not is_host(callback_host):
        found.append("The callback host must be a bare host name (--callback-host, else that of PUBLIC_URL).")
    if currency not in EXPONENTS:
        found.append("The currency must be a code such as GHS (--currency, else MOMO_CURRENCY).")
    return found


def _made(base_url: str, wanted: Mapping[str, Secret], callback_host: str) -> list[ApiUser]:
    users: list[ApiUser] = []
    stopped = ["Stopped. Nothing was written."]

    async def make() -> None:
        async with httpx.AsyncClient(transport=open_transport(), timeout=_TIMEOUT_S) as http:
            for product, key in wanted.items():
                made = await make_user(http, base_url, product, key, callback_host, lambda: str(uuid.uuid4()))
                users.append(made)

    try:
        run_until_told(make())
    except ProvisionProblem as error:
        fail([str(error), "Nothing was written."])
    return users if len(users) == len(wanted) else fail(stopped)


def _values(base_url: str, currency: str, users: list[ApiUser]) -> dict[str, str]:
    values = {
        "MOMO_BASE_URL": base_url,
        "MOMO_TARGET_ENVIRONMENT": users[0].environment,
        "MOMO_CURRENCY": currency,
    }
    for user in users:
        prefix = f"MOMO_{user.product.upper()}"
        values[f"{prefix}_SUBSCRIPTION_KEY"] = user.subscription_key.reveal()
        values[f"{prefix}_API_USER"] = user.api_user
        values[f"{prefix}_API_KEY"] = user.api_key.reveal()
    return values


def _show(values: Mapping[str, str], kept: Mapping[str, str]) -> None:
    print()
    for name, value in values.items():
        shown = "********" if name.endswith(_SECRET_NAMES) else value
        note = "   (instead of what is there)" if kept.get(name, value) not in ("", value) else ""
        print(f"  {name}={shown}{note}")
    print()


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _asked(what: str, *, hidden: bool = False) -> str:
    """A line from the keyboard, empty where none comes. One from a pipe shows nowhere either."""
    try:
        told: str = typer.prompt(
            what, default="", show_default=False, hide_input=hidden and sys.stdin.isatty()
        )
    except typer.Abort:
        return ""
    return told.strip()


def _agreed(what: str) -> bool:
    try:
        return typer.confirm(what)
    except typer.Abort:
        print()
        return False
