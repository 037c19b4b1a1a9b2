"""Server-sent events for the page: who listens, and what they are told."""

import asyncio
from typing import Any

import msgspec

_ROOM = 1000  # a listener that fell this far behind is dropped; its page reconnects and reads afresh


class Events:
    """A list of listeners. Telling never waits."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes | None]] = set()

    def listen(self) -> asyncio.Queue[bytes | None]:
        """A queue of ready-made event bytes; None means the stream ends."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[bytes | None]) -> None:
        """Stop listening."""
        self._listeners.discard(queue)

    def tell(self, event: str, **data: Any) -> None:
        """Send one event ("handset", "sms", "record", "faults", "clock", "reset") to all listeners."""
        if not self._listeners:
            return
        line = b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
        for queue in list(self._listeners):
            if queue.qsize() >= _ROOM:
                self._listeners.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(line)

    def close(self) -> None:
        """End all streams."""
        for queue in self._listeners:
            queue.put_nowait(None)
        self._listeners.clear()
