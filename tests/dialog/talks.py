"""Small flows and effects for the engine's tests: nothing of these is a conversation of ours."""

from typing import Any, ClassVar

import msgspec

from bot.dialog import Act, Entry, Facts, Flow, Look, Run, SecretAct, Talk

FACTS = Facts(channel="ussd", region="GH", msisdn="+233240000001")


class Rate(msgspec.Struct, frozen=True):
    value: int
    notes: tuple[str, ...] = ()


class FindRate(Look[Rate], frozen=True):
    of: str = "day"
    result: ClassVar[Any] = Rate


class FindName(Look[str | None], frozen=True):
    code: str
    result: ClassVar[Any] = str | None


class Send(Act[Rate], frozen=True):
    amount: int = 0
    result: ClassVar[Any] = Rate


class Unlock(SecretAct[Rate], frozen=True):
    of: str = "door"
    result: ClassVar[Any] = Rate


def start(flow: Flow, journal: Any = (), prefill: Any = None, facts: Facts = FACTS) -> Run:
    return Run(flow, Talk(facts), journal, prefill)


def entries(*lines: tuple[str, str, Any]) -> list[Entry]:
    return [Entry(*line) for line in lines]


def as_json(run: Run) -> str:
    return msgspec.json.encode(run.journal).decode()


def from_json(text: str) -> list[Entry]:
    return msgspec.json.decode(text, type=list[Entry])


def replayed(flow: Flow, run: Run, facts: Facts = FACTS) -> Run:
    """The run as the next turn finds it: through JSON and from the start."""
    return start(flow, from_json(as_json(run)), facts=facts)
