"""The steps a flow may await, and the `Talk` it awaits them on.

A flow is a plain async function: it awaits these and nothing else. Awaiting a step hands it to the
engine, which answers from the journal or waits for the person or the effect. Pure: no step does
anything by itself.
"""

from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import msgspec

from bot.dialog.kinds import Digits, Kind, Problem
from bot.dialog.words import Choice, Text, Value

__all__ = [
    "Act",
    "ActStep",
    "Ask",
    "Choose",
    "Confirm",
    "Effect",
    "Facts",
    "Flow",
    "GuardStep",
    "Look",
    "LookStep",
    "Question",
    "Screen",
    "SecretAct",
    "SecretStep",
    "Step",
    "Talk",
]

T = TypeVar("T")
R = TypeVar("R")

_NONE: Final[Mapping[str, Value]] = {}


class Effect(msgspec.Struct, Generic[R], frozen=True):
    """Something a flow asks for. `result` is the type its outcome is journaled as (JSON)."""

    result: ClassVar[Any]


class Look(Effect[R], Generic[R], frozen=True):
    """Changes nothing: may be popped by Back, and run again."""


class Act(Effect[R], Generic[R], frozen=True):
    """Changes something: one row by (conversation, position), never run twice, never popped."""


class SecretAct(Effect[R], Generic[R], frozen=True):
    """An act that needs a secret of the person. The secret is handed over beside it and never kept."""


class Facts(msgspec.Struct, frozen=True):
    """What a conversation knows when it starts; recorded, so that a replay sees the same.

    `msisdn` is the person's verified number, empty where there is none. `channel` is ussd, telegram
    or web, `region` the home of numbers typed without a country. `staff`: the address has a role
    at a merchant. `linked` says which kinds of address the person has. `order_id` is the order the
    conversation was started to finish, `about` the id that the button which began it named.
    """

    channel: str
    region: str
    msisdn: str = ""
    language: str = "en"
    languages: tuple[str, ...] = ("en",)
    staff: bool = False
    linked: tuple[str, ...] = ()
    short_code: str = ""
    order_id: str = ""
    about: str = ""
    # What the accounts here can do beyond payments: preapproval, invoice, bill.
    offers: tuple[str, ...] = ()


class Screen(msgspec.Struct, frozen=True):
    """The last words of a conversation. `order_id` ties them to an order."""

    text: str
    values: Mapping[str, Value] = {}
    order_id: str | None = None
    # Whether the order's final word is said here, so that no message need repeat it.
    final: bool = False
    # Said with the same values where a page is too small for `text`: the same without the advice.
    shorter: str = ""


class Step(Generic[R]):
    """What a flow awaits. Only the engine may answer it."""

    kind: ClassVar[str]

    def __init__(self, key: str) -> None:
        self.key = key

    def __await__(self) -> Generator["Step[Any]", Any, R]:
        answer: R = yield self
        return answer


class Question(Step[R], Generic[R]):
    """A step answered by the person. `text` is its catalogue entry, `values` what it shows."""

    def __init__(self, key: str, text: Text) -> None:
        super().__init__(key)
        self.text = text

    wants = "text"
    choices: tuple[Choice, ...] = ()

    def parse(self, text: str) -> R | Problem:
        raise NotImplementedError

    def dump(self, value: R) -> Any:
        return value

    def load(self, data: Any) -> R:
        raise NotImplementedError


class Ask(Question[T], Generic[T]):
    """Something typed. `default` is offered as a button or as choice 1, and may be overridden by typing.

    `found` makes the look that knows whether there is what was typed. Where the look finds nothing the
    answer is not taken, with `missing` as the sentence, and stands in no journal: it may be a PIN.

    Of a dial string, an argument answers it that has `least_dialled` characters; where the string is used
    up and the default is `dialled`, that does.
    """

    kind = "ask"

    def __init__(
        self,
        key: str,
        text: Text,
        kind: Kind[T],
        default: tuple[T, Text] | None,
        found: Callable[[T], "Look[Any]"] | None = None,
        missing: Text | None = None,
        *,
        dialled: bool = False,
        least_dialled: int = 0,
    ) -> None:
        super().__init__(key, text)
        self.of = kind
        self.found = found
        self.missing = missing or Text("choice.not_valid")
        self.wants = kind.wants
        self.default = default
        self.dialled = dialled
        self.least_dialled = least_dialled
        self.choices = (Choice("default", default[1]),) if default else ()

    def parse(self, text: str) -> T | Problem:
        return self.of.parse(text)

    def dump(self, value: T) -> Any:
        return self.of.dump(value)

    def load(self, data: Any) -> T:
        return self.of.load(data)


class Choose(Question[str]):
    """One of the `choices`; the journal keeps its meaning, not its number.

    `also`: meanings that are offered no longer, and that older journals hold. `dialled`: what a dial string
    that goes on chooses, so that its arguments mean the same to everybody. `by_person`: no dial string
    answers it, since a string may be somebody else's.
    """

    kind = "choose"
    wants = "menu"

    def __init__(
        self,
        key: str,
        text: Text,
        choices: Sequence[Choice],
        also: Sequence[str] = (),
        *,
        dialled: str = "",
        by_person: bool = False,
    ) -> None:
        super().__init__(key, text)
        self.choices = tuple(choices)
        self.also = tuple(also)
        self.dialled = dialled
        self.by_person = by_person

    def parse(self, text: str) -> str | Problem:
        return Problem(Text("choice.not_valid"))

    def load(self, data: Any) -> str:
        if data not in self.also and not any(choice.value == data for choice in self.choices):
            raise ValueError("no longer offered")
        return str(data)


class Confirm(Question[bool]):
    """Yes or no, asked in plain sight of what will happen. Never taken from a dial string."""

    kind = "confirm"
    wants = "menu"

    def __init__(self, key: str, text: Text, yes: Text, no: Text) -> None:
        super().__init__(key, text)
        self.choices = (Choice("yes", yes), Choice("no", no))

    def parse(self, text: str) -> bool | Problem:
        return Problem(Text("choice.not_valid"))

    def dump(self, value: bool) -> Any:
        return "yes" if value else "no"

    def load(self, data: Any) -> bool:
        if data not in ("yes", "no"):
            raise ValueError("not yes or no")
        return bool(data == "yes")


class SecretStep(Question[R], Generic[R]):
    """Asks for a secret and acts with it in one step; only the outcome is journaled."""

    kind = "secret"
    wants = "secret"

    def __init__(
        self, key: str, text: Text, of: Digits, then: SecretAct[R], choices: Sequence[Choice] = ()
    ) -> None:
        super().__init__(key, text)
        self.of = of
        self.then = then
        self.choices = tuple(choices)

    def load(self, data: Any) -> R:
        return msgspec.convert(data, self.then.result)  # type: ignore[no-any-return]


class GuardStep(SecretStep[R], Generic[R]):
    """A secret that changes nothing: it proves who speaks, or is to be typed once more. What it opened is
    closed again when the conversation is resumed, since somebody else may hold the phone by then."""

    kind = "guard"


class LookStep(Step[R], Generic[R]):
    kind = "look"

    def __init__(self, key: str, effect: Look[R]) -> None:
        super().__init__(key)
        self.effect = effect


class ActStep(Step[R], Generic[R]):
    kind = "act"

    def __init__(self, key: str, effect: Act[R]) -> None:
        super().__init__(key)
        self.effect = effect


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
        default: tuple[T, Text] | None = None,
        found: Callable[[T], Look[Any]] | None = None,
        missing: str = "",
        dialled: bool = False,
        least_dialled: int = 0,
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> Ask[T]:
        return Ask(
            self._path + key,
            self._text(key, text, {**shown, **values}),
            kind,
            default,
            found,
            Text(missing) if missing else None,
            dialled=dialled,
            least_dialled=least_dialled,
        )

    def choose(
        self,
        key: str,
        choices: Sequence[Choice],
        *,
        text: str = "",
        also: Sequence[str] = (),
        dialled: str = "",
        by_person: bool = False,
        shown: Mapping[str, Value] = _NONE,
        **values: Value,
    ) -> Choose:
        said = self._text(key, text, {**shown, **values})
        return Choose(self._path + key, said, choices, also, dialled=dialled, by_person=by_person)

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
        **values: Value,
    ) -> SecretStep[R]:
        return SecretStep(self._path + key, self._text(key, text, values), of, then)

    def guard(
        self,
        key: str,
        of: Digits,
        then: SecretAct[R],
        *,
        text: str = "",
        **values: Value,
    ) -> GuardStep[R]:
        return GuardStep(self._path + key, self._text(key, text, values), of, then)

    def look(self, key: str, effect: Look[R]) -> LookStep[R]:
        return LookStep(self._path + key, effect)

    def act(self, key: str, effect: Act[R]) -> ActStep[R]:
        return ActStep(self._path + key, effect)

    def _text(self, key: str, text: str, values: Mapping[str, Value]) -> Text:
        flow = self._path.rstrip("/").rpartition("/")[2] or "main"
        return Text(text or f"{flow}.{key}", values)


Flow: TypeAlias = Callable[[Talk], Coroutine[Any, Any, Screen]]
