"""The providers by name. A new one is a module, a folder of tapes and a line here."""

from collections.abc import Mapping
from typing import Final

from bot.providers.base import Account, Adapter
from bot.providers.momo.adapter import Momo
from bot.providers.startbutton.adapter import Startbutton

__all__ = ["PROVIDERS", "check_account"]

PROVIDERS: Final[Mapping[str, Adapter]] = {
    "momo": Momo(),
    "startbutton": Startbutton(),
}


def check_account(account: Account) -> list[str]:
    """What an operator must mend before the account can be used; empty if nothing. Names no secret."""
    adapter = PROVIDERS.get(account.provider)
    if adapter is None:
        return [f"There is no provider {account.provider!r}; there are {', '.join(PROVIDERS)}."]
    return adapter.problems(account)
