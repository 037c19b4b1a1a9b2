"""One process owns a database file: a lock beside it that the system lifts when the process ends.

Before SQLite 3.51.3 two connections that write or checkpoint at the same moment can, very rarely,
corrupt a WAL database; and the leases of an owner that died are taken back at once, which is right
only where no other owner lives. So a second owner is refused.
"""

import fcntl
import os
from pathlib import Path

from bot.store.base import StoreUnavailable

__all__ = ["AlreadyOwned", "Ownership"]


class AlreadyOwned(StoreUnavailable):
    """Another process owns the database file."""


class Ownership:
    """The lock of a database file, held from `take` to `give_back`."""

    def __init__(self, database: Path) -> None:
        # Under every name of the file there is one lock: SQLite follows a symbolic link too.
        self._database = database.resolve()
        self._lock = self._database.with_name(self._database.name + ".lock")
        self._file: int | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def take(self) -> None:
        """Raises AlreadyOwned, naming the owner, or StoreUnavailable where no lock can be made."""
        try:
            file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"cannot open {self._lock}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(file, 20, 0).decode("ascii", "replace").strip()
            os.close(file)
            raise AlreadyOwned(
                f"another Kasapay process{f' (pid {owner})' if owner else ''} owns {self._database}; "
                "on SQLite only one may. Stop it first, or use PostgreSQL."
            ) from None
        self._file = file
        # Only for the sentence above; a full disk must not keep the owner from starting.
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass

    def give_back(self) -> None:
        """The lock file stays: removing it would let two processes hold locks on different files."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
