"""Time and chance, handed to whoever needs them, so that tests can decide both."""

import secrets
import time
import uuid
from collections.abc import Callable
from typing import TypeAlias

from bot.money import code_from_bytes

__all__ = ["Clock", "Ids", "wall_clock_ms"]

Clock: TypeAlias = Callable[[], int]  # epoch milliseconds


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Ids:
    """Draws ids, references and codes. Random enough to be unguessable."""

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def order_code(self) -> str:
        return code_from_bytes(secrets.token_bytes(5))

    def digits(self, length: int) -> str:
        return "".join(secrets.choice("0123456789") for _ in range(length))
