"""The providers' accounts, of the environment and of the TOML file that KASAPAY_CONFIG names.

What may be set for a provider stands in its folder; nothing here knows one provider from another. Each
function adds what is wrong to `problems` and goes on, so that all of it is told at once.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from bot.providers.base import Account, Adapter
from bot.providers.registry import PROVIDERS
from bot.providers.settings import HOME_OF, part_of, settable, what_is_wrong
from bot.settings.names import nearest_name
from bot.settings.values import UNLIMITED, read_limits, split_limits

__all__ = [
    "accounts_of_environment",
    "accounts_of_file",
    "content_of_file",
    "in_a_name",
    "keys_of_tables",
    "references",
    "settings_of_providers",
]

# The name of an account stands in a path.
_IN_A_PATH: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


# ---- the environment -----------------------------------------------------------------------------------


def settings_of_providers() -> dict[str, tuple[Adapter, FieldInfo]]:
    """The field of each setting of a provider, with the provider, by the name in the environment."""
    return {
        _in_environment(name, field): (adapter, of)
        for name, adapter in PROVIDERS.items()
        for field, of in adapter.settings.environment.model_fields.items()
    }


def accounts_of_environment(
    given: Mapping[str, str], payout_limits: str, default_region: str, problems: list[str]
) -> list[Account]:
    """`given` is the environment, its names in capitals. `payout_limits` holds for each account that has no
    limits of its own."""
    accounts = []
    for name, adapter in PROVIDERS.items():
        read = _read_environment(name, adapter.settings.environment, given, problems)
        accounts += adapter.settings.accounts(read, default_region, problems)
    if payout_limits and not accounts:
        problems.append("PAYOUT_LIMITS is for accounts of the environment; in a file it is payout_limits.")
    return [_limited(account, given, payout_limits, problems) for account in accounts]


def _read_environment(
    name: str, model: type[BaseModel], given: Mapping[str, str], problems: list[str]
) -> BaseModel:
    named = {field: given.get(_in_environment(name, field), "") for field in model.model_fields}
    named = {field: value for field, value in named.items() if value}
    try:
        return model.model_validate(named)
    except ValidationError as error:
        faults = {str(fault["loc"][0]): fault["msg"] for fault in error.errors(include_input=False)}
        problems += [f"{_in_environment(name, field)}: {message}." for field, message in faults.items()]
        return model.model_validate({field: value for field, value in named.items() if field not in faults})


def _limited(account: Account, given: Mapping[str, str], common: str, problems: list[str]) -> Account:
    where = f"PAYOUT_LIMITS_{in_a_name(account.id)}"
    text = given.get(where, "")
    if not text:
        where, text = "PAYOUT_LIMITS", common
    if text == UNLIMITED:
        return account.model_copy(update={"payouts_unlimited": True})
    limits = read_limits(split_limits(text, where, problems), account.currency, where, problems)
    return account.model_copy(update={"payout_limits": limits})


def _in_environment(provider: str, field: str) -> str:
    return f"{provider}_{field}".upper()


def in_a_name(text: str) -> str:
    return text.upper().replace("-", "_")


# ---- the file ------------------------------------------------------------------------------------------


def keys_of_tables() -> dict[str, list[tuple[str, FieldInfo]]]:
    """What may stand in an account's table: the providers that have the key, each with its field. The
    common keys come first, under no provider."""
    common = settable(Account)
    found = {key: [("", of)] for key, of in common.items()}
    for name, adapter in PROVIDERS.items():
        for key, of in settable(adapter.settings.account).items():
            if key not in common:
                found.setdefault(key, []).append((name, of))
    return found


def content_of_file(path: str, problems: list[str]) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"KASAPAY_CONFIG: the file cannot be read ({type(error).__name__}).")
        return {}


def references(value: Any) -> Iterator[str]:
    """The variables of the environment that the file names, whatever they are called."""
    if isinstance(value, str) and value.startswith("env:"):
        yield value[4:]
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from references(inner)


def accounts_of_file(
    content: Mapping[str, Any], default_region: str, given: Mapping[str, str], problems: list[str]
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
        account = _account_of_table(name, table, default_region, given, problems)
        if account is not None:
            accounts.append(account)
    return accounts


def _account_of_table(
    name: str, table: dict[str, Any], default_region: str, given: Mapping[str, str], problems: list[str]
) -> Account | None:
    """None where anything in the table is wrong."""
    where, before = f"accounts.{name}", len(problems)
    values = _with_references(where, table, given, problems)
    adapter = PROVIDERS.get(str(values.get("provider")))
    if adapter is None:
        problems.append(f"{where}: provider must be one of {', '.join(PROVIDERS)}.")
        known = keys_of_tables().keys()
        problems.extend(_no_such_setting(where, key, known) for key in sorted(values.keys() - known))
        return None
    model = adapter.settings.account
    values = _known_values(where, values, model, problems)
    limits = values.pop("payout_limits", {})
    currency = str(values.get("currency", "")).upper()
    # An empty text counts as not set, as everywhere.
    values = {key: value for key, value in values.items() if value != ""}
    values = {"region": HOME_OF.get(currency, default_region), "name": name, "currency": "", **values}
    try:
        account = model.model_validate({"id": name, **values})
    except ValidationError as error:
        problems += [f"{where}: {key}{rest}" for key, rest in what_is_wrong(error, model)]
        return None
    if limits == UNLIMITED:
        account = account.model_copy(update={"payouts_unlimited": True})
    else:
        found = read_limits(limits, account.currency, f"{where}: payout_limits", problems)
        account = account.model_copy(update={"payout_limits": found})
    return account if len(problems) == before else None


def _known_values(
    where: str, values: Mapping[str, Any], model: type[BaseModel], problems: list[str]
) -> dict[str, Any]:
    """The table without what is no setting; a table in it as well."""
    fields = settable(model)
    problems.extend(_no_such_setting(where, key, fields) for key in sorted(values.keys() - fields.keys()))
    kept = {key: value for key, value in values.items() if key in fields}
    for key, value in kept.items():
        part = part_of(fields[key])
        if part is None or not isinstance(value, dict):
            continue
        inner = settable(part)
        problems.extend(
            _no_such_setting(where, of, inner, f"{key}.") for of in sorted(value.keys() - inner.keys())
        )
        kept[key] = {of: text for of, text in value.items() if of in inner}
    return kept


def _with_references(where: str, value: Any, given: Mapping[str, str], problems: list[str]) -> Any:
    """The table with the environment's values where it names them."""
    found = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            found[key] = _with_references(where, inner, given, problems)
        elif isinstance(inner, str) and inner.startswith("env:"):
            found[key] = given.get(inner[4:], "")
            if not found[key]:
                problems.append(f"{where}: {key} names {inner[4:]}, which is not set.")
        else:
            found[key] = inner
    return found


def _no_such_setting(where: str, key: str, known: Collection[str], part: str = "") -> str:
    near = nearest_name(key, known)
    return f"{where}: there is no setting {part}{key}" + (f"; did you mean {part}{near}?" if near else ".")
