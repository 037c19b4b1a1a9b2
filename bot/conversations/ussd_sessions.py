"""What a USSD request means to its session: a dial, an answer, a repeat, or a stray.

Pure. Gateways reuse ids, repeat requests, and some send all input so far in one string; the rules
here make one turn of each answer and never two.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from bot.dialog import Inbound, Input, Nothing, Session, Typed
from bot.runtime.timeouts import Timeouts
from bot.store.base import LoadedTurn
from bot.store.records import SessionRow, TurnRow, TurnState

__all__ = [
    "Dialled",
    "Follows",
    "InFlight",
    "Meaning",
    "Repeated",
    "Stray",
    "cumulative_key",
    "first_key",
    "is_its_end",
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


def unnumbered_key(
    inbound: Inbound, loaded: LoadedTurn, *, now_ms: int, timeouts: Timeouts, hashed: Hash
) -> str:
    """A turn key where the gateway gave none: the count of turns and a keyed hash of the input.

    The same input while its turn is under way, or within the duplicate window of it, is that turn again.
    """
    row, last = loaded.session, loaded.last_turn
    opens = inbound.session is not None and bool(inbound.session.opens)
    said = inbound.input.text if isinstance(inbound.input, Typed) else ""
    what = "new" if opens else hashed(said)
    if last is not None and last.key.endswith(f":{what}"):
        # Either way: after a clock was set back by an hour, nothing is a repeat for that hour.
        soon = abs(now_ms - last.at_ms) <= timeouts.duplicate_s * 1000
        if soon or last.state is TurnState.RUNNING:
            return last.key
    return f"{0 if opens or row is None else row.turns}:{what}"


def first_key(key: str) -> str:
    """The key of the first turn of a session, of one that `unnumbered_key` counted in the session before."""
    return f"0:{key.partition(':')[2]}"


def read_session(
    session: Session, inbound: Inbound, loaded: LoadedTurn, *, now_ms: int, timeouts: Timeouts, hashed: Hash
) -> Meaning:
    """Decides what the request is, from what is kept about its session and this very delivery.

    A session that was silent too long takes no answer: its question is shown again. Only so can a
    confirmation never be answered by somebody who found the phone, or by an id that came again.
    """
    row, turn = loaded.session, loaded.turn
    if row is None:
        return _dialled(session, 1)
    silent = now_ms - row.last_ms > max(timeouts.silent_s, session.idle_s) * 1000
    if _is_dial(
        session, inbound, loaded, row, silent=silent, now_ms=now_ms, timeouts=timeouts, hashed=hashed
    ):
        return _dialled(session, row.generation + 1)
    if turn is not None:
        if turn.state is not TurnState.RUNNING:
            return Repeated(turn)
        return Follows(row, Nothing()) if turn.lease_until_ms <= now_ms else InFlight(turn)
    if not row.open:
        return (
            Stray(loaded.last_turn) if loaded.last_turn is not None else _dialled(session, row.generation + 1)
        )
    if silent:
        return Follows(row, Nothing())
    if session.cumulative is None:
        return Follows(row, inbound.input)
    return Follows(row, _newest(session.cumulative, row, hashed))


def is_its_end(row: SessionRow, why: str, cumulative: str | None, *, hashed: Hash) -> bool:
    """Whether news of an end is about `row`, the newest of the sessions with this id.

    Such news may come after the next dial, which may have the same id. `cumulative` is the text of the
    session that ended, where the gateway says it.
    """
    if not row.open or why == "success":
        return False  # closed already, or another one: success is behind a last screen of ours
    if cumulative is None or _is_its_text(cumulative, row, hashed):
        return True
    # The end may overtake one answer.
    return _grew(cumulative, row, hashed) and "*" not in cumulative[row.text_length + 1 :]


def _is_dial(
    session: Session,
    inbound: Inbound,
    loaded: LoadedTurn,
    row: SessionRow,
    *,
    silent: bool,
    now_ms: int,
    timeouts: Timeouts,
    hashed: Hash,
) -> bool:
    """Whether a request with a known id begins another session, as gateways use ids again."""
    turn, text = loaded.turn, session.cumulative
    running = turn is not None and turn.state is TurnState.RUNNING and turn.lease_until_ms > now_ms
    window_ms = timeouts.duplicate_s * 1000
    if turn is not None and turn.key == row.first_key and (running or now_ms - row.started_ms <= window_ms):
        return False  # the first request, said twice
    if session.opens:
        return True
    if running:
        return False
    if not row.open and now_ms - row.last_ms > timeouts.stray_s * 1000:
        return True
    if text is None:
        # Where nothing else tells, only a dial says nothing after so long a silence.
        return silent and session.opens is None and isinstance(inbound.input, Nothing)
    if row.open:
        return silent and not _grew(text, row, hashed)
    if not text:
        return True
    if turn is None:
        return not _grew(text, row, hashed)
    newest = loaded.last_turn is not None and loaded.last_turn.key == turn.key
    return (turn.key == row.first_key or not newest) and now_ms - turn.at_ms > window_ms


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
    if not _goes_on(text, row, hashed):
        return Nothing()  # not what we know grown by one answer: show where we are
    return Typed(text[row.text_length + 1 :])


def _is_its_text(text: str, row: SessionRow, hashed: Hash) -> bool:
    """Whether `text` is all that was typed in the session so far."""
    return len(text) == row.text_length and (not text or hashed(text) == row.text_hash)


def _goes_on(text: str, row: SessionRow, hashed: Hash) -> bool:
    """Whether `text` is the session's text with a star and something behind it."""
    known, rest = text[: row.text_length], text[row.text_length :]
    return rest.startswith("*") and hashed(known) == row.text_hash


def _grew(text: str, row: SessionRow, hashed: Hash) -> bool:
    """Whether `text` may be the session's text grown by one answer. The first answer stands alone: with a
    star in it, it rather was dialled behind the code."""
    return bool(text) and "*" not in text if row.text_length == 0 else _goes_on(text, row, hashed)
