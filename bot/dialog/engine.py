"""Runs a flow from its journal: replays what was answered, then goes one step on.

Decides which step a conversation stands at and what an answer, Back or a changed flow does to the
journal. Does no I/O and knows no channel; the caller performs looks and acts and hands their results in.

The rules it keeps, each with a test: a flow may await only our steps; kind, key and position of
every step must match the journal; only accepted answers are journaled; an act is never re-run or
popped; secrets never enter the journal; what a guard opened is not resumed without it; a journal
has an end.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from bot.dialog.steps import (
    ActStep,
    Chosen,
    Confirm,
    Decide,
    LookStep,
    Question,
    Screen,
    SecretStep,
    SignStep,
)
from bot.dialog.talk import Flow, Talk

__all__ = [
    "MAX_ENTRIES",
    "Diverged",
    "Ended",
    "Entry",
    "FlowError",
    "Run",
    "State",
    "Waiting",
    "Wants",
    "before_guard",
    "prefill_of",
    "without_last_answer",
]

# A conversation that needs more than this is a loop; it is closed politely.
MAX_ENTRIES: Final = 200

_QUESTIONS: Final = frozenset({"ask", "choose", "confirm"})
# What a confirmation ends with: never filled in for anybody.
_LAST_WORDS: Final = ("yes", "no")
_ACTS: Final = frozenset({"act", "secret"})


_Awaited: TypeAlias = Question[Any] | LookStep[Any] | ActStep[Any]


class Entry(msgspec.Struct, frozen=True):
    """One line of a journal: the step's kind and key, and the JSON of its answer or result."""

    kind: str
    key: str
    value: Any


class Waiting(msgspec.Struct, frozen=True):
    """The flow waits for the person to answer `question`."""

    question: Any  # Question[Any]; msgspec cannot name it


class Wants(msgspec.Struct, frozen=True):
    """The flow waits for its caller to perform `effect`, which stands at `position` of the journal."""

    effect: Any  # Look | Act
    key: str
    position: int


class Ended(msgspec.Struct, frozen=True):
    screen: Screen


State: TypeAlias = Waiting | Wants | Ended


class FlowError(Exception):
    """The flow broke its rules or raised. A fault of ours: the person gets a closing screen."""


class Diverged(Exception):
    """The journal no longer fits the flow at `position`: the code changed under the conversation."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"entry {position}: {why}")
        self.position = position


class Run:
    """One flow on one journal. `state` is where it stands; `journal` what has been answered.

    `prefill` holds earlier answers by key, used once each while the flow asks for them and they
    still fit; looks are run anew, and a confirmation or a secret is always asked.

    Raises Diverged while replaying a journal that does not fit, FlowError when the flow breaks its rules.
    """

    def __init__(
        self, flow: Flow, talk: Talk, journal: Sequence[Entry] = (), prefill: Mapping[str, Any] | None = None
    ) -> None:
        self.journal: list[Entry] = []
        self._prefill = dict(prefill or {})
        self._flow = flow(talk)
        self._step: _Awaited | None = None
        self.state = self._go(None, start=True)
        for position, entry in enumerate(journal):
            self._replay(position, entry)
        self._use_prefill()

    @property
    def can_go_back(self) -> bool:
        return self.before_last_answer() is not None

    @property
    def is_under_way(self) -> bool:
        """Whether the person has answered anything."""
        return any(entry.kind != "look" for entry in self.journal)

    def before_last_answer(self) -> list[Entry] | None:
        """The journal after Back from the present question; None where there is nothing to go back to."""
        step = self._step
        return without_last_answer(self.journal, step.key if isinstance(step, Question) else "")

    def answer(self, value: Any) -> State:
        """Journals an accepted answer to the question waited for, and goes on."""
        step = self._step
        if not isinstance(step, Question) or isinstance(step, SecretStep):
            raise FlowError("no plain question is waiting")
        return self._accept(step, step.dump(value))

    def choose(self, chosen: Chosen) -> State:
        """Journals what was chosen instead of the secret, and goes on."""
        step = self._step
        if not isinstance(step, SignStep):
            raise FlowError("nothing can be chosen here")
        return self._accept(step, msgspec.to_builtins(chosen))

    def deliver(self, result: Any) -> State:
        """Journals what a look or an act returned, and goes on."""
        step = self._step
        if not isinstance(step, LookStep | ActStep | SecretStep):
            raise FlowError("no effect is waiting")
        return self._accept(step, result)

    def take_up(self, entries: Sequence[Entry]) -> bool:
        """Journal once more what stood behind a guard, as far as the flow asks for the same. False where it
        asks for something else first."""
        for entry in entries:
            step = self._step
            if step is None or (step.kind, step.key) != (entry.kind, entry.key):
                return False
            try:
                value = _load(step, entry.value)
            except (ValueError, msgspec.ValidationError):
                return False
            self.journal.append(entry)
            self.state = self._go(value)
        return True

    def close(self) -> None:
        """Let go of the flow; nothing can be answered any more."""
        self._step = None
        self._flow.close()

    def _accept(self, step: _Awaited, data: Any) -> State:
        # The journal holds JSON, and the flow gets what a replay will give it: never anything richer.
        data = msgspec.json.decode(msgspec.json.encode(data))
        try:
            value = _load(step, data)
        except (ValueError, msgspec.ValidationError) as error:
            self.close()
            raise FlowError(f"{step.key} was given what it cannot take") from error
        self.journal.append(Entry(step.kind, step.key, data))
        self.state = self._go(value)
        self._use_prefill()
        return self.state

    def _use_prefill(self) -> None:
        while isinstance(self._step, Question) and isinstance(self.state, Waiting):
            step = self._step
            if isinstance(step, Confirm | SecretStep) or step.key not in self._prefill:
                return
            if isinstance(step, Decide):
                asides = self._prefill[step.key]
                if not isinstance(asides, list) or not asides or asides[0] in _LAST_WORDS:
                    return
                # What was handed in is not touched.
                data, self._prefill[step.key] = asides[0], asides[1:]
            else:
                data = self._prefill.pop(step.key)
            try:
                value = step.load(data)
            except (ValueError, msgspec.ValidationError):
                return
            self.journal.append(Entry(step.kind, step.key, data))
            self.state = self._go(value)

    def _replay(self, position: int, entry: Entry) -> None:
        step = self._step
        if step is None:
            raise Diverged(position, "the flow has ended")
        if (step.kind, step.key) != (entry.kind, entry.key):
            self.close()
            raise Diverged(position, f"{entry.kind} {entry.key} is now {step.kind} {step.key}")
        try:
            value = _load(step, entry.value)
        except (ValueError, msgspec.ValidationError) as error:
            self.close()
            raise Diverged(position, f"{entry.key} does not fit any more") from error
        self.journal.append(entry)
        self.state = self._go(value)

    def _go(self, value: Any, *, start: bool = False) -> State:
        """Hands `value` to the flow and returns where it stands next."""
        try:
            yielded = self._flow.send(None if start else value)
        except StopIteration as stop:
            self._step = None
            if not isinstance(stop.value, Screen):
                raise FlowError("a flow must return a Screen") from None
            return Ended(stop.value)
        except Exception as error:
            raise FlowError(f"the flow raised {type(error).__name__}") from error
        if not isinstance(yielded, Question | LookStep | ActStep):
            self.close()
            raise FlowError(f"a flow awaited {type(yielded).__name__}, which is not a step of ours")
        if len(self.journal) >= MAX_ENTRIES:
            # Before the step and not behind it: what was done is always written down.
            self.close()
            return Ended(Screen("talk.too_long"))
        self._step = yielded
        if isinstance(yielded, Question):
            return Waiting(yielded)
        return Wants(yielded.effect, yielded.key, len(self.journal))


def _load(step: _Awaited, data: Any) -> Any:
    if isinstance(step, Question):
        return step.load(data)
    return msgspec.convert(data, step.effect.result)


def without_last_answer(journal: Sequence[Entry], present: str = "") -> list[Entry] | None:
    """The journal after Back: without the last answered question and what followed it.

    What was asked several times in a row, `present` being the key of the question that waits, is one
    question: Back leads to where it was asked first, above which no error stands.

    None where there is nothing to go back to: at the first question, or behind an act.
    """
    found: int | None = None
    for position in range(len(journal) - 1, -1, -1):
        entry = journal[position]
        if entry.kind in _ACTS:
            break
        if not _is_answer(entry):
            continue
        if found is not None and entry.key != journal[found].key:
            break
        if found is not None or entry.key != present:
            found = position
    return None if found is None else list(journal[:found])


def _is_answer(entry: Entry) -> bool:
    """Whether a person answered this, other than by a secret."""
    return entry.kind in _QUESTIONS or (entry.kind == "guard" and _chose(entry))


def _chose(guard: Entry) -> bool:
    return isinstance(guard.value, dict) and "choice" in guard.value


def before_guard(journal: Sequence[Entry]) -> int | None:
    """The place of the first guard behind the last act; None where there is none.

    What stands there and behind it may be shown to nobody who has not passed the guard anew.
    """
    found = None
    for position in range(len(journal) - 1, -1, -1):
        if journal[position].kind in _ACTS:
            break
        if journal[position].kind == "guard" and not _chose(journal[position]):
            found = position
    return found


def prefill_of(journal: Sequence[Entry]) -> dict[str, Any] | None:
    """The answers of a journal by key, for starting over with them filled in.

    None where an act stands in the journal: then nothing may be asked or done again. Of a key
    answered twice the later answer counts. Of a decision, what was chosen beside yes and no, in its order:
    it leads to questions whose answers stand here too.
    """
    if any(entry.kind in _ACTS for entry in journal):
        return None
    found: dict[str, Any] = {}
    for entry in journal:
        if entry.kind == "confirm" and entry.value not in _LAST_WORDS:
            found.setdefault(entry.key, []).append(entry.value)
    return found | {entry.key: entry.value for entry in journal if entry.kind in ("ask", "choose")}
