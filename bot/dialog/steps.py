"""The steps a flow may await; `bot.dialog.talk` hands them to it.

A flow is a plain async function: it awaits these and nothing else. Awaiting a step hands it to the
engine, which answers from the journal or waits for the person or the effect. Pure: no step does
anything by itself.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from bot.dialog.kinds import Digits, Kind, Problem
from bot.dialog.words import Choice, Text, Value

__all__ = [
    "Act",
    "ActStep",
    "Ask",
    "Choose",
    "Chosen",
    "Confirm",
    "Decide",
    "Effect",
    "Facts",
    "GuardStep",
    "Look",
    "LookStep",
    "Offer",
    "Question",
    "Screen",
    "SecretAct",
    "SecretStep",
    "SignStep",
    "Step",
]

T = TypeVar("T")
R = TypeVar("R")


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
    # Whom people may ask; empty where the operator names nobody.
    help_contact: str = ""
    # The gateway's word for the network that the person dials from; empty elsewhere.
    network: str = ""
    # Whether the operator takes no fee.
    free: bool = False


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
    """A step answered by the person. `text` is its catalogue entry, `values` what it shows.

    `notice` stands above it when the flow comes to it: why it is asked once more. Another notice, such as
    why an answer is not taken, stands in its place and never beside it.
    """

    def __init__(self, key: str, text: Text, notice: Text | None = None) -> None:
        super().__init__(key)
        self.text = text
        self.notice = notice

    wants = "text"
    choices: tuple[Choice, ...] = ()

    def parse(self, text: str) -> R | Problem:
        raise NotImplementedError

    def dump(self, value: R) -> Any:
        return value

    def load(self, data: Any) -> R:
        raise NotImplementedError


class Offer(msgspec.Struct, frozen=True):
    """A value that a question offers beside typing one: as a button, or under a number of the keypad.

    `name` is its meaning where the question's identity depends on it. `dialled` is what a dial string gets
    under the number instead, where what is offered is not the same for everybody.
    """

    value: Any
    label: Text
    number: int = 0
    name: str = ""
    dialled: Any = None


class Ask(Question[T], Generic[T]):
    """Something typed. The `offers` may be chosen instead; amounts are never chosen by a number, since a
    number is an amount.

    `found` makes the look that knows whether there is what was typed. Where the look finds nothing the
    answer is not taken, with `missing` as the sentence, and stands in no journal: it may be a PIN.

    Of a dial string, an argument of `least_dialled` characters answers it.
    """

    kind = "ask"

    def __init__(
        self,
        key: str,
        text: Text,
        kind: Kind[T],
        offers: Sequence[Offer] = (),
        found: Callable[[T], "Look[Any]"] | None = None,
        missing: Text | None = None,
        *,
        least_dialled: int = 0,
        notice: Text | None = None,
    ) -> None:
        super().__init__(key, text, notice)
        self.of = kind
        self.found = found
        self.missing = missing or Text("choice.not_valid")
        self.wants = kind.wants
        self.offers = tuple(offers)
        self.least_dialled = least_dialled
        self.choices = tuple(
            Choice(offer.name or f"offer{place}", offer.label, offer.number)
            for place, offer in enumerate(self.offers, 1)
        )

    def offered(self, choice: Choice) -> Offer:
        """The offer behind one of the choices."""
        return self.offers[self.choices.index(choice)]

    def parse(self, text: str) -> T | Problem:
        return self.of.parse(text)

    def dump(self, value: T) -> Any:
        return self.of.dump(value)

    def load(self, data: Any) -> T:
        return self.of.load(data)


class Choose(Question[str]):
    """One of the `choices`; the journal keeps its meaning, not its number.

    `also`: meanings that are offered no longer, and that older journals hold. `by_person`: no dial string
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
        by_person: bool = False,
        notice: Text | None = None,
    ) -> None:
        super().__init__(key, text, notice)
        self.choices = tuple(choices)
        self.also = tuple(also)
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


class Decide(Question[str]):
    """Yes, no, or one of the other things that can be done about it, in plain sight of what will happen.
    Never taken from a dial string. Journaled as a Confirm is, whose place it may take."""

    kind = "confirm"
    wants = "menu"

    def __init__(self, key: str, text: Text, choices: Sequence[Choice], notice: Text | None = None) -> None:
        super().__init__(key, text, notice)
        self.choices = tuple(choices)

    def parse(self, text: str) -> str | Problem:
        return Problem(Text("choice.not_valid"))

    def load(self, data: Any) -> str:
        if not any(choice.value == data for choice in self.choices):
            raise ValueError("no longer offered")
        return str(data)


class SecretStep(Question[R], Generic[R]):
    """Asks for a secret and acts with it in one step; only the outcome is journaled."""

    kind = "secret"
    wants = "secret"

    def __init__(
        self, key: str, text: Text, of: Digits, then: SecretAct[R], notice: Text | None = None
    ) -> None:
        super().__init__(key, text, notice)
        self.of = of
        self.then = then

    def load(self, data: Any) -> R:
        return msgspec.convert(data, self.then.result)  # type: ignore[no-any-return]


class GuardStep(SecretStep[R], Generic[R]):
    """A secret that changes nothing: it proves who speaks, or is to be typed once more. What it opened is
    closed again when the conversation is resumed, since somebody else may hold the phone by then."""

    kind = "guard"


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was chosen instead of typing the secret."""

    choice: str


class SignStep(GuardStep[R | Chosen], Generic[R]):
    """A guard on the screen that says what will happen: typing the secret is the yes. The `choices` are what
    can be done instead."""

    def __init__(
        self,
        key: str,
        text: Text,
        of: Digits,
        then: SecretAct[R],
        choices: Sequence[Choice],
        notice: Text | None = None,
    ) -> None:
        super().__init__(key, text, of, then, notice)  # type: ignore[arg-type]
        self.choices = tuple(choices)

    def load(self, data: Any) -> R | Chosen:
        if not (isinstance(data, dict) and "choice" in data):
            return msgspec.convert(data, self.then.result)  # type: ignore[no-any-return]
        chosen = msgspec.convert(data, Chosen)
        if not any(choice.value == chosen.choice for choice in self.choices):
            raise ValueError("no longer offered")
        return chosen


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
