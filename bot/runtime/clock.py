"""The clock and the source of ids, passed in, so that tests can decide both."""

import secrets
import time
import uuid
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Clock", "Ids", "wall_clock_ms"]

Clock: TypeAlias = Callable[[], int]  # epoch milliseconds


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Ids:
    """Draws ids, references and what codes are made of. Random enough to be unguessable."""

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def random_bytes(self, length: int) -> bytes:
        return secrets.token_bytes(length)

    def digits(self, length: int) -> str:
        return "".join(secrets.choice("0123456789") for _ in range(length))
