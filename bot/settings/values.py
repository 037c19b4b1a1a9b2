"""What the text of some settings means: limits on payouts. Pure.

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
    "read_limits",
    "split_limits",
]

# To one number, of one merchant, of everybody in the currency; within an hour or a day.
LIMITS: Final = tuple(
    f"{of}_{within}" for of in ("number", "merchant", "total") for within in ("hour", "day")
)
# In place of limits: somebody decided that there are none.
UNLIMITED: Final = "none"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


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
