"""A disk in trouble: full, unable to flush, or its database held by somebody else. Real, not pretended.

The full disk is a small tmpfs filled with ballast; where none can be mounted, and for flushes that fail,
a library preloaded into `serve` gives the system's answers while a file says so.
"""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

__all__ = ["Disk", "build_shim", "has_compiler"]

_SOURCE: Final = Path(__file__).with_name("failing_disk.c")
_SIZE: Final = "64m"
_CHUNK: Final = 256 * 1024


def has_compiler() -> bool:
    return shutil.which("cc") is not None


def build_shim(folder: Path) -> Path:
    library = folder / "failing_disk.so"
    words = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(words, check=True, capture_output=True)
    return library


class Disk:
    """Where the database lies, and what can be done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.folder.mkdir()
        self.database = self.folder / "kasapay.db"
        self.is_real = False  # whether it is a file system of its own, which can be filled
        self._no_flush = folder / "no_flush"
        self._full = folder / "full"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TORTURE_FILES": str(self.database),
            "TORTURE_NO_FLUSH": str(self._no_flush),
            "TORTURE_FULL": str(self._full),
        }

    @contextlib.contextmanager
    def mounted(self) -> Iterator["Disk"]:
        """A small file system of its own, where we may have one."""
        words = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(self.folder)]
        with contextlib.suppress(OSError):
            self.is_real = subprocess.run(words, check=False, capture_output=True).returncode == 0
        try:
            yield self
        finally:
            if self.is_real:
                subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)

    @contextlib.asynccontextmanager
    async def full(self) -> AsyncIterator[None]:
        """Not one byte is left, also where the database gives some back."""
        if not self.is_real:
            with _flag(self._full):
                yield
            return
        ballast = self.folder / "ballast"
        filling = asyncio.create_task(_fill(ballast))
        try:
            yield
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)
            ballast.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def unable_to_flush(self) -> AsyncIterator[None]:
        with _flag(self._no_flush):
            yield

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Another process holds the database for itself, as a careless operator's shell may."""
        other = sqlite3.connect(self.database, timeout=60, isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
        finally:
            other.close()


@contextlib.contextmanager
def _flag(file: Path) -> Iterator[None]:
    file.touch()
    try:
        yield
    finally:
        file.unlink()


async def _fill(ballast: Path) -> None:
    """Take all there is, and again and again what is given back."""
    size = _CHUNK
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                written = file.write(b"\0" * size)
            except OSError:
                written = 0
            if written < size:
                size = max(size // 2, 1)
                if size == 1:
                    await asyncio.sleep(0.02)
