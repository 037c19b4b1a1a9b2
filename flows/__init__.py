"""The conversations: pure async functions over steps. No clock, randomness, settings or I/O."""

from flows.menu import FLOWS

__all__ = ["FLOWS"]
