"""What every operator's command is given (`AdminContext`), and the error it answers with."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.operations.actor import Operator
from bot.operations.operations import Operations
from bot.orders.provider_calls import Calls
from bot.providers.accounts import Accounts
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.store.base import Store

__all__ = ["CommandError", "AdminContext"]


class CommandError(Exception):
    """What is wrong with a command, as a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class AdminContext:
    """`wake` says that messages or orders may be due, in the process that has them to do. `command_words`
    mean something at every question, so that no merchant can be reached by them. `region` is the home of
    numbers that are written without their country."""

    store: Store
    accounts: Accounts
    calls: Calls
    sealer: Sealer
    clock: Clock
    ids: Ids
    operations: Operations
    wake: Callable[[], None] = lambda: None
    command_words: frozenset[str] = frozenset()
    region: str = ""

    @property
    def operator(self) -> Operator:
        """Whoever gave the command, where nobody asked for their name."""
        return Operator()
