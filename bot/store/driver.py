"""What a database must do under the SQL of this room: run units of work in transactions, and stay sound.

A unit of work is a function of an open transaction. It runs whole or not at all, and changes nothing
besides: a database may run it again. What it raises goes to whoever asked for it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bot.store.rows import Tx

__all__ = ["Driver"]

T = TypeVar("T")


class Driver(Protocol):
    """One database with its connections. All but `close` raise StoreUnavailable. For `open`, `available`,
    `probe` and `examine` see `bot.store.base.Store` and its chores."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    @property
    def available(self) -> bool: ...

    async def probe(self) -> None: ...

    async def examine(self, pause_s: float = 0.0) -> Sequence[str]: ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """In one snapshot that sees every commit which returned before. Short: a person waits for it."""
        ...

    async def read_long(self, work: Callable[[Tx], T]) -> T:
        """The same for lists and the worker's questions: no `read` waits behind it."""
        ...

    async def read_aside(self, work: Callable[[Tx], T]) -> T:
        """The same on a connection of its own: nobody at all waits behind it."""
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Durable when this returns. Those that wait may share a flush; none touches another."""
        ...

    async def commit(self, work: Callable[[Tx], T]) -> T:
        """The same for what a copy of the database would lack: it must show that the database went on."""
        ...
