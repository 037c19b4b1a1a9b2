"""What a flow talks through: it makes the steps, in the words and under the keys of its flow. Pure."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from bot.dialog.kinds import Digits, Kind
from bot.dialog.steps import (
    Act,
    ActStep,
    Ask,
    Choose,
    Confirm,
    Decide,
    Facts,
    GuardStep,
    Look,
    LookStep,
    Offer,
    Screen,
    SecretAct,
    SecretStep,
    SignStep,
)
from bot.dialog.words import Choice, Text, Value

__all__ = ["Flow", "Talk"]

T = TypeVar("T")
R = TypeVar("R")

_NONE: Final[Mapping[str, Value]] = {}


class Talk:
    """What a flow talks through: the facts of its start, and the steps it may await.

    A key names a question for logs, metrics, diagrams and the journal; within a sub-flow it is
    written `pay/amount`. The text of a step is the catalogue entry `<flow>.<key>` unless given; it says
    the `shown` values and the ones given by name.
    """

    def __init__(self, facts: Facts, path: str = "") -> None:
        self.facts = facts
        self._path = path

    def sub(self, name: str) -> "Talk":
        """The same conversation inside the sub-flow `name`: its keys get that name in front."""
        return Talk(self.facts, f"{self._path}{name}/")

    def ask(
        self,
        key: str,
        kind: Kind[T],
        *,
        text: str = "",
        offers: Sequence[Offer] = (),
        found: Callable[[T], Look[Any]] | None = None,
        missing: str = "",
        least_dialled: int = 0,
        notice: Text | None = None,
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> Ask[T]:
        return Ask(
            self._path + key,
            self._text(key, text, {**shown, **values}),
            kind,
            offers,
            found,
            Text(missing) if missing else None,
            least_dialled=least_dialled,
            notice=notice,
        )

    def choose(
        self,
        key: str,
        choices: Sequence[Choice],
        *,
        text: str = "",
        also: Sequence[str] = (),
        by_person: bool = False,
        notice: Text | None = None,
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> Choose:
        said = self._text(key, text, {**shown, **values})
        return Choose(self._path + key, said, choices, also, by_person=by_person, notice=notice)

    def decide(
        self,
        key: str,
        choices: Sequence[Choice],
        *,
        text: str = "",
        notice: Text | None = None,
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> Decide:
        return Decide(self._path + key, self._text(key, text, {**shown, **values}), choices, notice)

    def confirm(
        self,
        key: str,
        *,
        text: str = "",
        yes: str = "choice.yes",
        no: str = "choice.no",
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> Confirm:
        return Confirm(self._path + key, self._text(key, text, {**shown, **values}), Text(yes), Text(no))

    def secret(
        self,
        key: str,
        of: Digits,
        then: SecretAct[R],
        *,
        text: str = "",
        notice: Text | None = None,
        **values: Value,
    ) -> SecretStep[R]:
        return SecretStep(self._path + key, self._text(key, text, values), of, then, notice)

    def guard(
        self,
        key: str,
        of: Digits,
        then: SecretAct[R],
        *,
        text: str = "",
        notice: Text | None = None,
        **values: Value,
    ) -> GuardStep[R]:
        return GuardStep(self._path + key, self._text(key, text, values), of, then, notice)

    def sign(
        self,
        key: str,
        of: Digits,
        then: SecretAct[R],
        choices: Sequence[Choice] = (),
        *,
        text: str = "",
        notice: Text | None = None,
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> SignStep[R]:
        said = self._text(key, text, {**shown, **values})
        return SignStep(self._path + key, said, of, then, choices, notice)

    def look(self, key: str, effect: Look[R]) -> LookStep[R]:
        return LookStep(self._path + key, effect)

    def act(self, key: str, effect: Act[R]) -> ActStep[R]:
        return ActStep(self._path + key, effect)

    def _text(self, key: str, text: str, values: Mapping[str, Value]) -> Text:
        flow = self._path.rstrip("/").rpartition("/")[2] or "main"
        return Text(text or f"{flow}.{key}", values)


Flow: TypeAlias = Callable[[Talk], Coroutine[Any, Any, Screen]]
