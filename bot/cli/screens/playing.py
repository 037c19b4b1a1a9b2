"""Plays a conversation without a shell: answers from a list, effects from a scripted world."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bot.dialog import (
    Accepted,
    Ask,
    Chosen,
    Ended,
    Entry,
    Facts,
    Flow,
    NavWords,
    Problem,
    Question,
    Run,
    Screen,
    Talk,
    Text,
    Typed,
    Waiting,
    Wants,
    interpret,
)
from bot.dialog import views as v
from bot.dialog.steps import SecretStep
from bot.money import Money, OrderState
from flows import FLOWS
from flows import business_effects as b
from flows import effects as e

MSISDN = "+233240000001"
OTHER = "+233240000002"
USSD = Facts(
    channel="ussd",
    region="GH",
    msisdn=MSISDN,
    languages=("en", "fr", "rw", "sw"),
    linked=("msisdn",),
    short_code="*920*10#",
)
WEB = msgspec.structs.replace(USSD, channel="web", msisdn="", linked=("web",))
TELEGRAM = msgspec.structs.replace(USSD, channel="telegram", msisdn="", linked=("telegram",))

KITCHEN = v.MerchantCard(id="m1", code="1001", name="Ama's Kitchen", currency="GHS", region="GH")
TAXI = v.MerchantCard(
    id="m2", code="1002", name="Kofi Taxi", currency="GHS", region="GH", networks=("MTN", "VOD", "ATL")
)
GHS_50 = Money(5000, "GHS")


def order(state: OrderState = OrderState.NEW, **given: Any) -> v.OrderView:
    values: dict[str, Any] = {
        "id": "o1",
        "code": "K7QX2A9M",
        "amount": GHS_50,
        "merchant": KITCHEN.name,
        "payer": MSISDN,
        "tries_left": 3,
    }
    return v.OrderView(state=state, **(values | given))


# What each effect returns: a value, a list used up one by one, or a function of the effect.
World = Mapping[Any, Any]
# What the first screen looks up before anything is asked: it stands in no list of effects.
FIRST_LOOKS = ("recent", "requests")
# Of somebody who paid nothing yet and whom nobody asks for money.
STRANGERS: World = {
    e.RecentMerchants: (),
    b.MyAgreements: (),
    e.NetworkUsed: "",
    e.AmountsPaid: (),
}
QUIET: World = {
    e.FindMerchant: lambda wanted: {"1001": KITCHEN, "1002": TAXI}.get(wanted.code),
    e.FindDuplicate: "",
    e.CheckHolder: v.Holder(checked=True, name="Ama M."),
    e.RequestPayment: order(),
}


class Played(msgspec.Struct, frozen=True):
    """What a conversation did: questions and effects in their order, its journal, and where it stands."""

    asked: list[Question[Any]]
    effects: list[Any]
    secrets: list[str]
    journal: list[Entry]
    state: Any
    # Why answers were not taken that name what there is not.
    missing: list[Text]
    channel: str

    @property
    def keys(self) -> list[str]:
        return [question.key for question in self.asked]

    @property
    def texts(self) -> list[str]:
        return [question.text.id for question in self.asked]

    @property
    def notices(self) -> list[Text | None]:
        return [question.notice for question in self.asked]

    @property
    def screen(self) -> Screen:
        assert isinstance(self.state, Ended), f"still asks {self.keys[-1]}"
        return self.state.screen

    @property
    def question(self) -> Question[Any]:
        assert isinstance(self.state, Waiting)
        question: Question[Any] = self.state.question
        return question

    def options(self, place: int = -1) -> list[str]:
        return [choice.value for choice in self.asked[place].choices]


def play(
    answers: Sequence[str] = (),
    world: World = QUIET,
    *,
    flow: str | Flow = "main",
    facts: Facts = USSD,
    prefill: Mapping[str, Any] | None = None,
) -> Played:
    """Type `answers` one after the other, with a replay between any two; a Problem fails the test."""
    called = FLOWS[flow] if isinstance(flow, str) else flow
    run = Run(called, Talk(facts), (), prefill)
    given = {**STRANGERS, e.Recognise: _merchants_of(world), **world}
    script = {kind: list(result) if isinstance(result, list) else result for kind, result in given.items()}
    todo = list(answers)
    asked: list[Question[Any]] = []
    effects: list[Any] = []
    secrets: list[str] = []
    missing: list[Text] = []

    def perform(effect: Any, key: str = "") -> Any:
        if key not in FIRST_LOOKS:
            effects.append(effect)
        found = script[type(effect)]
        if isinstance(found, list):
            return found.pop(0)
        return found(effect) if isinstance(found, Callable) else found  # type: ignore[arg-type]

    def known(wanted: Any) -> Any:
        found = script[type(wanted)]
        if isinstance(found, list):
            return found[0]
        return found(wanted) if isinstance(found, Callable) else found  # type: ignore[arg-type]

    while not isinstance(run.state, Ended):
        if isinstance(run.state, Wants):
            run.deliver(perform(run.state.effect, run.state.key))
            continue
        question = run.state.question
        asked.append(question)
        if not todo:
            break
        typed = todo.pop(0)
        keypad = facts.channel == "ussd"
        reading = interpret(
            question, Typed(typed), NavWords(), keypad=keypad, can_go_back=True, label_of=_label
        )
        assert isinstance(reading, Accepted), f"{question.key} does not take {typed!r}: {_why(reading)}"
        if _names_nothing(question, reading.value, known):
            assert isinstance(question, Ask)
            missing.append(question.missing)
            continue
        if isinstance(reading.value, Chosen):
            run.choose(reading.value)
        elif isinstance(question, SecretStep):
            secrets.append(reading.value)
            run.deliver(perform(question.then))
        else:
            run.answer(reading.value)
        kept = msgspec.json.decode(msgspec.json.encode(run.journal), type=list[Entry])
        assert kept == run.journal
        run = Run(called, Talk(facts), kept)
    assert not todo, f"nobody asked for {todo}"
    return Played(asked, effects, secrets, run.journal, run.state, missing, facts.channel)


def _names_nothing(question: Question[Any], answer: Any, known: Callable[[Any], Any]) -> bool:
    """Whether the answer was typed and names what there is not."""
    if not isinstance(question, Ask) or question.found is None:
        return False
    return all(offer.value != answer for offer in question.offers) and known(question.found(answer)) is None


def _merchants_of(world: World) -> Callable[[e.Recognise], v.Recognised | None]:
    """The codes of the world's merchants are known on the first screen, too."""

    def recognise(wanted: e.Recognise) -> v.Recognised | None:
        found: Any = world.get(e.FindMerchant)
        card = found(e.FindMerchant(wanted.typed)) if isinstance(found, Callable) else found  # type: ignore[arg-type]
        return v.Recognised(merchant=card) if card is not None else None

    return recognise


def _label(text: Text) -> str:
    return text.id


def _why(reading: Any) -> str:
    return reading.text.id if isinstance(reading, Problem) else type(reading).__name__
