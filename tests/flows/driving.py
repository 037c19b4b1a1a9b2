"""Plays a conversation without a shell: answers from a list, effects from a scripted world."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bot.dialog import (
    Accepted,
    Ask,
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
from flows import effects as e

MSISDN = "+233240000001"
OTHER = "+233240000002"
USSD = Facts(
    channel="ussd",
    region="GH",
    msisdn=MSISDN,
    languages=("en", "fr"),
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
World = Mapping[type, Any]
QUIET: World = {
    e.RecentMerchants: (),
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

    @property
    def keys(self) -> list[str]:
        return [question.key for question in self.asked]

    @property
    def texts(self) -> list[str]:
        return [question.text.id for question in self.asked]

    @property
    def screen(self) -> Screen:
        assert isinstance(self.state, Ended), f"still asks {self.keys[-1]}"
        return self.state.screen

    @property
    def question(self) -> Question[Any]:
        assert isinstance(self.state, Waiting)
        return self.state.question

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
    script = {kind: list(result) if isinstance(result, list) else result for kind, result in world.items()}
    todo = list(answers)
    asked: list[Question[Any]] = []
    effects: list[Any] = []
    secrets: list[str] = []
    missing: list[Text] = []

    def perform(effect: Any) -> Any:
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
            run.deliver(perform(run.state.effect))
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
        if isinstance(question, Ask) and question.found and known(question.found(reading.value)) is None:
            missing.append(question.missing)
            continue
        if isinstance(question, SecretStep):
            secrets.append(reading.value)
            run.deliver(perform(question.then))
        else:
            run.answer(reading.value)
        kept = msgspec.json.decode(msgspec.json.encode(run.journal), type=list[Entry])
        assert kept == run.journal
        run = Run(called, Talk(facts), kept)
    assert not todo, f"nobody asked for {todo}"
    return Played(asked, effects, secrets, run.journal, run.state, missing)


def _label(text: Text) -> str:
    return text.id


def _why(reading: Any) -> str:
    return reading.text.id if isinstance(reading, Problem) else type(reading).__name__
