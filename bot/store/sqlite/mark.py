"""Whether the database is the one that was last used here, or a copy that was put in its place.

A copy knows nothing of what was done after it was made: its NEW orders may have been sent, its messages
said. So a mark beside the file keeps a token and a number; the file keeps both too, and its number only
grows. A file with another token, or with a smaller number than the mark has seen, is a copy. What no
mark can tell: a copy of the whole folder, and one older by less than the pause between two numbers.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

from bot.store.rows import Tx

__all__ = [
    "BEAT_MS",
    "COPY",
    "Entered",
    "Mark",
    "beat",
    "enter",
    "mark_path",
    "mark_copy",
    "read_mark",
    "write_mark",
]

# So often at the most, while something is committed, the number grows.
BEAT_MS: Final = 10_000
# The token of a copy that we made ourselves: no mark bears it.
COPY: Final = "copy"

_KEPT: Final = "SELECT token, serial, seen_ms FROM marks WHERE id = 1"
_ENTER: Final = "UPDATE marks SET token = ?, serial = ?, seen_ms = ? WHERE id = 1"
_BEAT: Final = "UPDATE marks SET serial = serial + 1, seen_ms = ? WHERE id = 1 RETURNING serial"
_MARK: Final = "UPDATE marks SET token = ? WHERE id = 1"


class Mark(NamedTuple):
    token: str
    serial: int


_SILENT: Final = Mark("", -1)


class Entered(NamedTuple):
    """What the file and the mark say from now on; `since_ms`: it is a copy, last written then."""

    mark: Mark
    since_ms: int | None


def mark_path(database: Path) -> Path:
    return database.with_name(database.name + ".mark")


def read_mark(database: Path) -> Mark | None:
    """None where there is none. One that cannot be read, as a power cut may leave it, says nothing at all."""
    try:
        token, serial = mark_path(database).read_text(encoding="ascii").split()
        return Mark(token, int(serial))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return _SILENT


def write_mark(database: Path, mark: Mark) -> None:
    """Over the old one in place: the same length, so that a kill leaves one of the two. Raises OSError."""
    file = os.open(mark_path(database), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, f"{mark.token} {mark.serial:020d}\n".encode("ascii"), 0)
    finally:
        os.close(file)


def enter(tx: Tx, beside: Mark, token: str, now_ms: int) -> Entered:
    """Take the file into use with the mark that lies beside it: number 0 is of one that was just put there.
    `token` is for a copy, so that it is noticed once."""
    held, serial, seen_ms = tx.execute(_KEPT).fetchone()
    if beside == _SILENT:
        is_copy = held == COPY
        token = token if is_copy or not held else held
    elif beside.serial == 0:
        is_copy, token = held not in ("", beside.token), beside.token
    else:
        is_copy = held != beside.token or serial < beside.serial
        token = token if is_copy else held
    kept = Mark(token, max(serial, beside.serial) + 1)
    tx.execute(_ENTER, (*kept, now_ms))
    return Entered(kept, int(seen_ms) if is_copy else None)


def beat(tx: Tx, now_ms: int) -> int:
    """The next number."""
    return int(tx.execute(_BEAT, (now_ms,)).fetchone()[0])


def mark_copy(tx: Tx) -> None:
    """Whoever opens the file next knows that it is a copy, also where no mark is beside it."""
    tx.execute(_MARK, (COPY,))
