"""Writes `docs/settings.md`, the list of all settings, from the settings' model.

    python -m bot.settings.reference > docs/settings.md

Each setting says what it does where it is declared. A test holds the page true.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.providers.registry import PROVIDERS
from bot.settings.accounts import keys_of_tables, settings_of_providers
from bot.settings.gateways import settings_of_gateways
from bot.settings.settings import MADE, NAMED_AFTER, Settings
from bot.settings.values import LIMITS

__all__ = ["reference"]

# A part of the page by the beginning of its settings' names; the rest is the first part.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "The process": (),
    "Connections": ("web_connections", "web_streams"),
    "Asking other people": ("ask_",),
    "USSD": ("ussd_",),
    "Telegram": ("telegram_",),
    "SMS": ("africastalking_", "sms_"),
    **{adapter.settings.title: (f"{name}_",) for name, adapter in PROVIDERS.items()},
    "Payouts": ("payout_",),
}
_TOP: Final = """\
# Settings

Every setting there is. `python -m bot.settings.reference` writes this page; the words stand beside each
setting in the code. [Going live](going-live.md) tells how they go together.

Settings come from the environment and from a `.env` file; the environment comes first. Capitals and small
letters are the same. An empty value counts as not set. A misspelt name is refused, with the name that was
meant. `kasapay check` says every problem at once. A secret is never printed.
"""
_FILE: Final = """\
## The file of accounts

`KASAPAY_CONFIG` names a TOML file with a table `[accounts.NAME]` for each account. The name stands in
addresses: it may have letters, digits, `-` and `_`. A text may name a variable of the environment, such as
`public_key = "env:SB_PUBLIC"`.
"""
_LIMITS: Final = """\
## Limits on payouts

How much refunds and payouts may reach, in the account's own currency:

"""
_OF: Final = {"number": "to one number", "merchant": "of one merchant", "total": "of everybody together"}
_WITHIN: Final = {"hour": "within the last hour", "day": "within the last 24 hours"}


def reference() -> str:
    """The page."""
    parts = {part: [_HEAD] for part in _PARTS}
    for name, field in Settings.model_fields.items():
        if name not in MADE:
            parts[_part_of(name)].append(_row(name.upper(), _unless_set(field), _said(field)))
    for setting, (adapter, field) in settings_of_providers().items():
        parts[adapter.settings.title].append(_row(setting, _unless_set(field), _said(field)))
    for name, said in (settings_of_gateways() | dict(NAMED_AFTER)).items():
        parts[_part_of(name.lower())].append(_row(name, "", said))
    pages = [f"## {part}\n\n{''.join(rows)}" for part, rows in parts.items()]
    keys = "".join(f"| `{key}` | {_said_of_key(key, fields)} |\n" for key, fields in keys_of_tables().items())
    limits = "".join(f"| `{name}` | {_limit(name)} |\n" for name in LIMITS)
    table = "| {} | |\n|---|---|\n"
    return "\n".join(
        [_TOP, *pages, f"{_FILE}\n{table.format('key')}{keys}", f"{_LIMITS}{table.format('limit')}{limits}"]
    )


_HEAD: Final = "| setting | unless set | |\n|---|---|---|\n"


def _row(name: str, unless_set: str, said: str) -> str:
    return f"| `{name}` | {unless_set} | {said} |\n"


def _part_of(name: str) -> str:
    for part, begins in _PARTS.items():
        if name.startswith(begins):
            return part
    return next(iter(_PARTS))


def _unless_set(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, SecretStr) or default in ("", None):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _said(field: FieldInfo) -> str:
    """The description, and what the type and its bounds say."""
    if not field.description:
        raise ValueError("Each setting needs a description.")
    return " ".join(filter(None, (field.description, _choices(field), _bounds(field))))


def _said_of_key(key: str, fields: Sequence[tuple[str, FieldInfo]]) -> str:
    """What a key of an account's table says, and at which provider where not at every one."""
    if key == "provider":
        return f"One of {', '.join(f'`{name}`' for name in PROVIDERS)}. Must be set."
    return " ".join(
        f"{PROVIDERS[name].settings.title}: {_lowered(field.description)}" if name else str(field.description)
        for name, field in fields
    )


def _lowered(sentence: str | None) -> str:
    """A sentence that goes on behind a colon. A name in capitals stays."""
    text = str(sentence)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _choices(field: FieldInfo) -> str:
    named: tuple[Any, ...] = ()
    if get_origin(field.annotation) is Literal:
        named = get_args(field.annotation)
    elif field.annotation is bool:
        named = ("true", "false")
    return " or ".join(f"`{name}`" for name in named if name) + "." if named else ""


def _bounds(field: FieldInfo) -> str:
    found = {}
    for bound in field.metadata:
        for name in ("ge", "le", "max_length"):
            if (value := getattr(bound, name, None)) is not None:
                found[name] = value
    least, most = found.get("ge"), found.get("le")
    if least is not None and most is not None:
        return f"{least} to {most}."
    if least is not None:
        return f"{least} or more."
    return f"{found['max_length']} characters at most." if "max_length" in found else ""


def _limit(name: str) -> str:
    of, _, within = name.partition("_")
    return f"{_OF[of]}, {_WITHIN[within]}"


if __name__ == "__main__":
    print(reference(), end="")
