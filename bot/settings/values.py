"""What the text of some settings means: limits on payouts, bills, currencies. Pure.

Each function adds what is wrong to `problems`, as sentences that begin with `where`, and goes on. A value
is quoted only where its form shows that it is no secret.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.money import AmountProblem, parse_amount

__all__ = [
    "LIMITS",
    "UNLIMITED",
    "read_bills",
    "read_currencies",
    "read_limits",
    "split_bills",
    "split_limits",
]

# To one number, of one merchant, of everybody in the currency; within an hour or a day.
LIMITS: Final = tuple(
    f"{of}_{within}" for of in ("number", "merchant", "total") for within in ("hour", "day")
)
# In place of limits: somebody decided that there are none.
UNLIMITED: Final = "none"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_BILL_NAME_AT_MOST: Final = 30


def split_limits(text: str, where: str, problems: list[str]) -> dict[str, str]:
    """`number_day=1000 total_day=20000` by name."""
    found: dict[str, str] = {}
    for part in text.replace(",", " ").split():
        name, equals, amount = part.partition("=")
        if not equals or not _NAME.fullmatch(name):
            problems.append(f"{where}: write each as name=amount, such as number_day=1000 total_day=20000.")
            return {}
        if name in found:
            problems.append(f"{where}: {name} stands there twice.")
        found[name] = amount
    return found


def read_limits(given: Any, currency: str, where: str, problems: list[str]) -> dict[str, int]:
    """Minor units of `currency` by limit, of amounts in major units as text."""
    if not isinstance(given, Mapping):
        problems.append(f'{where} must be a table, such as {{ number_day = "1000" }}.')
        return {}
    found = {}
    for name, text in given.items():
        if name not in LIMITS:
            problems.append(f"{where}: there is no limit {name}; there are {', '.join(LIMITS)}.")
            continue
        amount = parse_amount(text, currency) if isinstance(text, str) else AmountProblem.NOT_A_NUMBER
        if isinstance(amount, AmountProblem):
            told = amount.value.replace("_", " ")
            problems.append(f'{where}: {name} is an amount in {currency} as text, such as "1000" ({told}).')
        else:
            found[name] = amount.amount_minor
    return found


def split_bills(text: str, where: str, problems: list[str]) -> dict[str, str]:
    """`ECG=ecg.user,Ghana Water=gwcl.user` by the name people see."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, user = (piece.strip() for piece in part.partition("="))
        if not equals:
            problems.append(f"{where}: write each as name=user name, such as ECG=ecg.user,GWCL=gwcl.user.")
            return {}
        if name in found:
            problems.append(f"{where}: {name} stands there twice.")
        found[name] = user
    return found


def read_bills(given: Any, where: str, problems: list[str]) -> dict[str, str]:
    """The service provider's user name by the bill's name."""
    if not isinstance(given, Mapping):
        problems.append(f'{where} must be a table, such as {{ ECG = "ecg.user" }}.')
        return {}
    found = {}
    for name, user in given.items():
        if not 1 <= len(name) <= _BILL_NAME_AT_MOST or not name.isprintable():
            problems.append(f"{where}: a bill's name has 1 to {_BILL_NAME_AT_MOST} characters.")
        elif not isinstance(user, str) or not user.strip():
            problems.append(f"{where}: {name} names no service provider's user name.")
        else:
            found[name] = user.strip()
    return found


def read_currencies(text: str, known: tuple[str, ...], where: str, problems: list[str]) -> tuple[str, ...]:
    """The currencies listed, each once and in capitals."""
    found: dict[str, None] = {}
    for part in text.upper().replace(",", " ").split():
        if part in known:
            found[part] = None
            continue
        named = f"{part} is none" if _CURRENCY.fullmatch(part) else "that is none"
        problems.append(f"{where}: {named} of {', '.join(known)}.")
    return tuple(found)
