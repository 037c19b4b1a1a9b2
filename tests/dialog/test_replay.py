"""Any flow, any answers, any steps back: the journal alone always says where a conversation stands."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.dialog import (
    MAX_ENTRIES,
    Amount,
    Choice,
    Chosen,
    Decide,
    Digits,
    Ended,
    Entry,
    Flow,
    FreeText,
    Offer,
    Question,
    Run,
    Screen,
    SignStep,
    Talk,
    Text,
    Waiting,
    Wallet,
    Wants,
    before_guard,
    prefill_of,
)
from bot.dialog.steps import ActStep, Ask, Choose, Confirm, LookStep, SecretStep
from bot.money import Money
from tests.dialog.talks import FindName, FindRate, Rate, Send, Unlock, as_json, from_json, start

SECRET = "90817263"
SECRET_KIND = Digits(4, 8, "pin.not_valid")
DECIDED = ("yes", "no", "wallet", "network")
KEYS = ("a", "b", "c", "d")
KINDS = ("text", "amount", "wallet", "choose", "confirm", "look", "name", "act", "secret", "guard")
KINDS += ("decide", "sign")
# A step: what it is, its key, how far a "no" jumps ahead, and whether it sits in a sub-flow.
Line = tuple[str, str, int, bool]
programs = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(KEYS), st.integers(0, 2), st.booleans()),
    max_size=9,
).map(tuple)


def flow_of(program: tuple[Line, ...], *, loops: bool) -> Flow:
    """A flow that walks through `program`, jumping on some answers; with `loops` it begins again."""

    async def step(talk: Talk, kind: str, key: str, seen: int) -> bool:
        if kind == "text":
            return len(await talk.ask(key, FreeText(9), seen=seen)) > 3
        if kind == "amount":
            return (await talk.ask(key, Amount("GHS", most_minor=5000))).amount_minor > 50
        if kind == "wallet":
            own = Offer("+233240000001", Text("pay.my_number"))
            return await talk.ask(key, Wallet("GH"), offers=[own]) == own.value
        if kind == "choose":
            return await talk.choose(key, [Choice("x", Text("x")), Choice("y", Text("y"))]) == "x"
        if kind == "confirm":
            return await talk.confirm(key, seen=seen)
        if kind == "decide":
            return await talk.decide(key, [Choice(word, Text(word)) for word in DECIDED], seen=seen) == "yes"
        if kind == "sign":
            signed = await talk.sign(key, SECRET_KIND, Unlock(), [Choice("no", Text("no"))], seen=seen)
            return not isinstance(signed, Chosen) and signed.value > 5
        if kind == "look":
            return (await talk.look(key, FindRate(str(seen)))).value > 5
        if kind == "name":
            return await talk.look(key, FindName(key)) is None
        if kind == "act":
            return (await talk.act(key, Send(seen))).value > 5
        ask = talk.guard if kind == "guard" else talk.secret
        return (await ask(key, SECRET_KIND, Unlock())).value > 5

    async def flow(talk: Talk) -> Screen:
        seen = 0
        while True:
            place = 0
            while place < len(program):
                kind, key, jump, inside = program[place]
                seen += 1
                yes = await step(talk.sub("inner") if inside else talk, kind, key, seen)
                place += 1 if yes else 1 + jump
            if not (loops and program):
                return Screen("main.done", {"seen": seen})

    return flow


def is_answer(entry: Entry) -> bool:
    chosen = entry.kind == "guard" and "choice" in entry.value
    return chosen or entry.kind in ("ask", "choose", "confirm")


def shown(run: Run) -> Any:
    """The state as values that can be compared."""
    state = run.state
    if not isinstance(state, Waiting):
        return state
    question: Question[Any] = state.question
    return (type(question), question.key, question.text, question.choices, question.wants)


class Conversation(RuleBasedStateMachine):
    """Plays one program, keeping nothing but the journal's JSON from turn to turn."""

    @initialize(program=programs, loops=st.booleans())
    def begin(self, program: tuple[Line, ...], loops: bool) -> None:
        self.play(program, loops)

    def play(self, program: tuple[Line, ...], loops: bool) -> None:
        self.flow = flow_of(program, loops=loops)
        self.run = start(self.flow)
        self.done: list[Entry] = []

    def is_over(self) -> bool:
        return isinstance(self.run.state, Ended)

    @precondition(is_over)
    @rule(program=programs, loops=st.booleans())
    def begin_another(self, program: tuple[Line, ...], loops: bool) -> None:
        self.play(program, loops)

    def is_waiting(self) -> bool:
        return isinstance(self.run.state, Waiting) and not self.needs_secret()

    def needs_secret(self) -> bool:
        return isinstance(self.run.state, Waiting) and isinstance(self.run.state.question, SecretStep)

    def wants_effect(self) -> bool:
        return isinstance(self.run.state, Wants)

    def can_go_back(self) -> bool:
        return isinstance(self.run.state, Waiting) and self.run.can_go_back

    @precondition(is_waiting)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        assert isinstance(self.run.state, Waiting)
        question = self.run.state.question
        value: Any
        if isinstance(question, Confirm):
            value = data.draw(st.booleans())
        elif isinstance(question, Choose | Decide):
            value = data.draw(st.sampled_from([c.value for c in question.choices]))
        else:
            assert isinstance(question, Ask)
            given: st.SearchStrategy[Any] = {
                "text": st.text("ab é", min_size=1, max_size=9).filter(str.strip).map(question.of.parse),
                "amount": st.builds(Money, st.integers(1, 5000), st.just("GHS")),
                "number": st.integers(240000000, 249999999).map(lambda n: f"+233{n}"),
            }[question.wants]
            value = data.draw(given)
        self.run.answer(value)

    @precondition(needs_secret)
    @rule(result=st.builds(Rate, st.integers(0, 10)))
    def tell_secret(self, result: Rate) -> None:
        assert isinstance(self.run.state, Waiting)
        assert self.run.state.question.of.parse(SECRET) == SECRET
        before = len(self.run.journal)
        self.run.deliver(result)
        if self.run.journal[before].kind == "secret":
            self.done.append(self.run.journal[before])

    def may_choose_instead(self) -> bool:
        return isinstance(self.run.state, Waiting) and isinstance(self.run.state.question, SignStep)

    @precondition(may_choose_instead)
    @rule()
    def choose_instead_of_the_secret(self) -> None:
        opened = before_guard(self.run.journal)
        place = len(self.run.journal)
        self.run.choose(Chosen("no"))
        assert self.run.journal[place].value == {"choice": "no"}
        assert before_guard(self.run.journal) == opened

    @precondition(wants_effect)
    @rule(
        rate=st.builds(Rate, st.integers(0, 10), st.tuples(st.text(max_size=3))), name=st.none() | st.text()
    )
    def perform(self, rate: Rate, name: str | None) -> None:
        assert isinstance(self.run.state, Wants)
        effect = self.run.state.effect
        before = len(self.run.journal)
        assert self.run.state.position == before
        self.run.deliver(name if isinstance(effect, FindName) else rate)
        if isinstance(effect, Send):
            self.done.append(self.run.journal[before])

    @precondition(can_go_back)
    @rule()
    def back(self) -> None:
        assert isinstance(self.run.state, Waiting)
        present = self.run.state.question.key
        shorter = self.run.before_last_answer()
        assert shorter is not None
        asked_again = self.run.journal[len(shorter)]
        assert asked_again.kind in ("ask", "choose", "confirm") or "choice" in asked_again.value
        # One question is taken back, however often it was asked; and the present one is left.
        left = [e for e in self.run.journal[len(shorter) :] if is_answer(e)]
        assert {e.key for e in left} <= {asked_again.key, present}
        assert asked_again.key != present
        before = [e for e in shorter if is_answer(e) or e.kind in ("act", "secret")]
        assert not before or before[-1].key != asked_again.key or not is_answer(before[-1])
        self.run = start(self.flow, shorter)
        assert isinstance(self.run.state, Waiting)
        assert (self.run.state.question.kind, self.run.state.question.key) == (
            asked_again.kind,
            asked_again.key,
        )

    @precondition(is_waiting)
    @rule()
    def start_over_with_answers_filled_in(self) -> None:
        prefill = prefill_of(self.run.journal)
        if self.done:
            assert prefill is None
            return
        assert prefill is not None
        self.run = start(self.flow, (), prefill)
        assert not any(e.kind in ("secret", "guard", "act", "look") for e in self.run.journal)
        assert not any(e.kind == "confirm" and e.value in ("yes", "no") for e in self.run.journal)

    @invariant()
    def a_replay_stands_where_the_conversation_stands(self) -> None:
        again = start(self.flow, from_json(as_json(self.run)))
        assert shown(again) == shown(self.run)
        assert again.journal == self.run.journal
        assert again.can_go_back == self.run.can_go_back
        assert any(entry.kind in ("act", "secret") for entry in again.journal) == bool(self.done)

    @invariant()
    def the_journal_is_json_and_holds_no_secret(self) -> None:
        assert from_json(as_json(self.run)) == self.run.journal
        assert SECRET not in as_json(self.run)
        assert len(self.run.journal) <= MAX_ENTRIES

    @invariant()
    def what_was_done_stays_done(self) -> None:
        assert [e for e in self.run.journal if e.kind in ("act", "secret")] == self.done

    @invariant()
    def no_step_is_both_waited_for_and_done(self) -> None:
        state = self.run.state
        assert isinstance(state, Waiting | Wants | Ended)
        step = self.run._step
        assert (step is None) is isinstance(state, Ended)
        assert isinstance(state, Wants) is isinstance(step, LookStep | ActStep)


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
