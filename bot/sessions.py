"""What a USSD request means to its session: a dial, an answer, a repeat, or a stray.

Pure. Gateways reuse ids, repeat requests, and some send all input so far in one string; the rules
here make one turn of each answer and never two.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from bot.dialog import Inbound, Input, Nothing, Session, Typed
from bot.store.base import LoadedTurn
from bot.store.records import SessionRow, TurnRow, TurnState
from bot.times import Times

__all__ = [
    "Dialled",
    "Follows",
    "InFlight",
    "Meaning",
    "Repeated",
    "Stray",
    "cumulative_key",
    "read_session",
    "unnumbered_key",
]

Hash: TypeAlias = Callable[[str], str]


class Dialled(msgspec.Struct, frozen=True):
    """A new session; `args` is what was dialled behind the code."""

    generation: int
    args: tuple[str, ...]


class Follows(msgspec.Struct, frozen=True):
    """The next input of a live session. `input` Nothing: show the present screen again."""

    session: SessionRow
    input: Input


class Repeated(msgspec.Struct, frozen=True):
    """The same delivery again: answer as before, do nothing."""

    turn: TurnRow


class InFlight(msgspec.Struct, frozen=True):
    """The same delivery again while the first still runs elsewhere."""

    turn: TurnRow


class Stray(msgspec.Struct, frozen=True):
    """Input for a session that is over: its last words again."""

    last: TurnRow


Meaning: TypeAlias = Dialled | Follows | Repeated | InFlight | Stray


def cumulative_key(text: str, hashed: Hash) -> str:
    """The turn key of a cumulative text: its length and keyed hash, since it may hold a code."""
    return f"{len(text)}:{hashed(text)}"


def unnumbered_key(inbound: Inbound, loaded: LoadedTurn, *, now_ms: int, times: Times, hashed: Hash) -> str:
    """A turn key where the gateway gave none: the count of turns and a keyed hash of the input.

    The same input while its turn is under way, or within the duplicate window of it, is that turn again.
    """
    row, last = loaded.session, loaded.last_turn
    opens = inbound.session is not None and bool(inbound.session.opens)
    said = inbound.input.text if isinstance(inbound.input, Typed) else ""
    what = "new" if opens else hashed(said)
    if last is not None and last.key.endswith(f":{what}"):
        soon = now_ms - last.at_ms <= times.duplicate_s * 1000
        if soon or last.state is TurnState.RUNNING:
            return last.key
    return f"{0 if opens or row is None else row.turns}:{what}"


def read_session(
    session: Session, inbound: Inbound, loaded: LoadedTurn, *, now_ms: int, times: Times, hashed: Hash
) -> Meaning:
    """Decides what the request is, from what is kept about its session and this very delivery."""
    row = loaded.session
    if row is None:
        return _dialled(session, 1)
    turn = loaded.turn
    if session.opens:
        repeat = turn is not None and now_ms - row.started_ms <= times.duplicate_s * 1000
        if not (repeat and row.first_key == inbound.turn_key):
            return _dialled(session, row.generation + 1)
    if turn is not None:
        over = not row.open and now_ms - row.last_ms > times.stray_s * 1000
        if not over:
            running = turn.state is TurnState.RUNNING
            if running and turn.lease_until_ms <= now_ms:
                return Follows(row, Nothing())
            return InFlight(turn) if running else Repeated(turn)
        return _dialled(session, row.generation + 1)
    if not row.open:
        if loaded.last_turn is not None and now_ms - row.last_ms <= times.stray_s * 1000:
            return Stray(loaded.last_turn)
        return _dialled(session, row.generation + 1)
    if session.cumulative is None:
        return Follows(row, inbound.input)
    return Follows(row, _newest(session.cumulative, row, hashed))


def _dialled(session: Session, generation: int) -> Dialled:
    args = session.dial_args
    if session.cumulative:
        # First sight of a session that already has input: a deep dial.
        args = tuple(session.cumulative.split("*"))[:12]
    return Dialled(generation, args)


def _newest(text: str, row: SessionRow, hashed: Hash) -> Input:
    """What the newest part of a cumulative text says. A star inside it belongs to the answer."""
    if row.text_length == 0:
        return Typed(text)
    known, rest = text[: row.text_length], text[row.text_length :]
    if len(known) < row.text_length or hashed(known) != row.text_hash or not rest.startswith("*"):
        return Nothing()  # not what we know grown by one answer: show where we are
    return Typed(rest[1:])
