"""Lines typed in the terminal, awaited beside other things: no thread waits for a key, so that a command
can end while nobody types."""

import asyncio
import os
from typing import Final

__all__ = ["Keyboard"]

_AT_ONCE: Final = 65_536


class Keyboard:
    """Standard input, line by line. Use it as `with Keyboard() as keyboard`, inside the event loop."""

    def __init__(self, file: int = 0) -> None:
        self._file = file
        self._rest = b""
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._followed = False
        self._read_all = False

    @property
    def ended(self) -> bool:
        """Whether nothing more comes: the end of the input was reached and every line was taken."""
        return self._read_all and self._lines.qsize() <= 1  # the one left says so to whoever waits

    def __enter__(self) -> "Keyboard":
        try:
            asyncio.get_running_loop().add_reader(self._file, self._take)
            self._followed = True
        except OSError:
            # A file or /dev/null cannot be followed; reading it never waits.
            while not self._read_all:
                self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_following()

    async def line(self, within_s: float | None = None) -> str | None:
        """The next line without its end; None at the end of the input. TimeoutError after `within_s`."""
        if self._read_all and self._lines.empty():
            return None
        async with asyncio.timeout(within_s):
            return await self._lines.get()

    def _take(self) -> None:
        try:
            read = os.read(self._file, _AT_ONCE)
        except OSError:
            read = b""  # the terminal is gone
        *lines, self._rest = (self._rest + read).split(b"\n")
        if not read:
            self._read_all = True
            self._stop_following()
            lines += [self._rest] if self._rest else []
        for line in lines:
            self._lines.put_nowait(line.decode(errors="replace").rstrip("\r"))
        if not read:
            self._lines.put_nowait(None)

    def _stop_following(self) -> None:
        if self._followed:
            self._followed = False
            asyncio.get_running_loop().remove_reader(self._file)
