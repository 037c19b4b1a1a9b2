"""Wakes the pages of the web chat when something was sent to their address."""

import asyncio

__all__ = ["ChatWindows"]


class ChatWindows:
    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}

    def wake(self, kind: str, value: str) -> None:
        for event in self._waiting.get((kind, value), ()):
            event.set()

    async def wait(self, kind: str, value: str, timeout_s: float) -> None:
        """Return when something was sent to the address, or after `timeout_s`."""
        event = asyncio.Event()
        events = self._waiting.setdefault((kind, value), set())
        events.add(event)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            events.discard(event)
            if not events:
                self._waiting.pop((kind, value), None)
