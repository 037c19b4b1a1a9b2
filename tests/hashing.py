"""What a staff PIN is hashed with where that is not what a test is about: light, and read as any other."""

import functools
from typing import Final

from argon2 import PasswordHasher

__all__ = ["light_hasher"]

light_hasher: Final = functools.partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
