"""The engine's rules, one test each: what a flow may await, and what its journal may hold."""

import asyncio
import types
from collections.abc import Awaitable, Generator
from typing import Any

import msgspec
import pytest

from bot.dialog import (
    MAX_ENTRIES,
    Amount,
    Choice,
    Chosen,
    Digits,
    Diverged,
    Ended,
    Entry,
    Facts,
    Flow,
    FlowError,
    FreeText,
    Run,
    Screen,
    Talk,
    Text,
    Waiting,
    Wallet,
    Wants,
    before_guard,
    prefill_of,
    without_last_answer,
)
from bot.dialog.steps import Step
from bot.money import Money
from tests.dialog.talks import (
    FindName,
    FindRate,
    Rate,
    Send,
    Unlock,
    as_json,
    entries,
    replayed,
    start,
)

PIN = Digits(4, 6, "pin.not_valid")
COLOURS = [Choice("red", Text("colour.red")), Choice("blue", Text("colour.blue"))]


async def plain(talk: Talk) -> Screen:
    """Asks twice with a look between, and confirms."""
    colour = await talk.choose("colour", COLOURS)
    rate = await talk.look("rate", FindRate(colour))
    amount = await talk.ask("amount", Amount("GHS", most_minor=rate.value))
    if not await talk.confirm("sure", amount=amount):
        return Screen("main.no")
    done = await talk.act("send", Send(amount.amount_minor))
    return Screen("main.done", {"sum": done.value})


async def guarded(talk: Talk) -> Screen:
    """A question, a secret, and another question."""
    await talk.ask("name", FreeText())
    opened = await talk.secret("pin", PIN, Unlock())
    while opened.value == 0:
        opened = await talk.secret("pin", PIN, Unlock(), text="main.pin_again")
    after = await talk.ask("after", FreeText())
    return Screen("main.open", {"after": after})


# ---- what a flow may await -----------------------------------------------------------------------


async def sleeps(talk: Talk) -> Screen:
    await asyncio.sleep(1)
    return Screen("main.never")


async def yields_to_the_loop(talk: Talk) -> Screen:
    await asyncio.sleep(0)
    return Screen("main.never")


async def awaits_a_future(talk: Talk) -> Screen:
    await asyncio.get_running_loop().create_future()
    return Screen("main.never")


async def awaits_a_task(talk: Talk) -> Screen:
    await asyncio.gather(asyncio.sleep(0))
    return Screen("main.never")


class Foreign:
    def __await__(self) -> Generator[str, None, None]:
        yield "give me a byte"


async def awaits_its_own_kind(talk: Talk) -> Screen:
    await Foreign()
    return Screen("main.never")


async def awaits_a_bare_step(talk: Talk) -> Screen:
    step: Step[str] = Step("key")
    await step
    return Screen("main.never")


async def hides_it_in_another_coroutine(talk: Talk) -> Screen:
    async def inner() -> None:
        await Foreign()

    await talk.ask("name", FreeText())
    await inner()
    return Screen("main.never")


@types.coroutine
def a_generator() -> Generator[None, None, None]:
    yield


async def awaits_a_generator(talk: Talk) -> Screen:
    await a_generator()
    return Screen("main.never")


@pytest.mark.parametrize(
    "flow",
    [
        sleeps,
        yields_to_the_loop,
        awaits_a_future,
        awaits_a_task,
        awaits_its_own_kind,
        awaits_a_bare_step,
        awaits_a_generator,
    ],
)
async def test_only_our_steps_may_be_awaited(flow: Flow) -> None:
    with pytest.raises(FlowError, match=r"not a step of ours|raised"):
        start(flow)
    await asyncio.sleep(0)  # whatever the flow started is over, and nothing warned


def test_a_foreign_awaitable_inside_a_coroutine_of_the_flow_is_refused_too() -> None:
    run = start(hides_it_in_another_coroutine)
    with pytest.raises(FlowError, match="awaited str"):
        run.answer("Ama")


def test_a_coroutine_of_the_flow_may_await_our_steps() -> None:
    async def flow(talk: Talk) -> Screen:
        async def name() -> str:
            return await talk.ask("name", FreeText())

        return Screen("main.hello", {"name": await name()})

    run = start(flow)
    assert run.answer("Ama") == Ended(Screen("main.hello", {"name": "Ama"}))


def test_a_flow_that_raises_is_an_error_of_ours() -> None:
    async def flow(talk: Talk) -> Screen:
        await talk.ask("name", FreeText())
        raise KeyError("+233240000001")

    run = start(flow)
    with pytest.raises(FlowError, match=r"^the flow raised KeyError$"):
        run.answer("Ama")


def test_a_flow_that_raises_at_once_is_an_error_of_ours() -> None:
    async def flow(talk: Talk) -> Screen:
        raise ValueError

    with pytest.raises(FlowError, match="raised ValueError"):
        start(flow)


@pytest.mark.parametrize("ending", [None, "main.done", 0, Text("main.done")])
def test_a_flow_ends_with_a_screen(ending: Any) -> None:
    async def flow(talk: Talk) -> Any:
        return ending

    with pytest.raises(FlowError, match="must return a Screen"):
        start(flow)


# ---- going on ------------------------------------------------------------------------------------


def test_a_flow_is_where_its_journal_says() -> None:
    run = start(plain)
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "colour"
    assert run.state.question.text == Text("main.colour")
    assert run.answer("blue") == Wants(FindRate("blue"), "rate", 1)
    waiting = run.deliver(Rate(5000))
    assert isinstance(waiting, Waiting)
    assert waiting.question.wants == "amount"
    run.answer(Money(1200, "GHS"))
    assert run.answer(True) == Wants(Send(1200), "send", 4)
    assert run.deliver(Rate(7)) == Ended(Screen("main.done", {"sum": 7}))
    assert [(e.kind, e.key) for e in run.journal] == [
        ("choose", "colour"),
        ("look", "rate"),
        ("ask", "amount"),
        ("confirm", "sure"),
        ("act", "send"),
    ]
    assert replayed(plain, run).state == run.state


def test_meanings_are_journaled_and_not_keystrokes() -> None:
    run = start(plain)
    run.answer("blue")
    run.deliver(Rate(5000, ("quick",)))
    run.answer(Money(1200, "GHS"))
    run.answer(False)
    assert [e.value for e in run.journal] == [
        "blue",
        {"value": 5000, "notes": ["quick"]},
        {"type": "money", "amount_minor": 1200, "currency": "GHS"},
        "no",
    ]


def test_a_flow_gets_live_exactly_what_a_replay_gives_it() -> None:
    seen: list[Any] = []

    async def flow(talk: Talk) -> Screen:
        seen.append(await talk.look("rate", FindRate()))
        seen.append(await talk.look("name", FindName("1001")))
        await talk.ask("name", FreeText())
        return Screen("main.done")

    run = start(flow)
    # A careless shell hands in a list where a tuple is promised.
    run.deliver(Rate(1, ["a"]))  # type: ignore[arg-type]
    run.deliver(None)
    live = list(seen)
    seen.clear()
    replayed(flow, run)
    assert seen == live == [Rate(1, ("a",)), None]


def test_an_effects_result_of_the_wrong_type_is_an_error_of_ours() -> None:
    run = start(plain)
    run.answer("red")
    with pytest.raises(FlowError, match="rate was given what it cannot take"):
        run.deliver("5000")
    assert [e.key for e in run.journal] == ["colour"]


def test_an_answer_the_question_cannot_take_is_never_journaled() -> None:
    run = start(plain)
    with pytest.raises(FlowError, match="colour"):
        run.answer("green")
    assert run.journal == []


def test_an_answer_is_for_a_question_and_a_result_for_an_effect() -> None:
    run = start(plain)
    with pytest.raises(FlowError, match="no effect is waiting"):
        run.deliver(Rate(1))
    run.answer("red")
    with pytest.raises(FlowError, match="no plain question"):
        run.answer("red")
    secret = start(guarded)
    secret.answer("Ama")
    with pytest.raises(FlowError, match="no plain question"):
        secret.answer("1234")


def test_nothing_can_be_answered_behind_the_end() -> None:
    async def flow(talk: Talk) -> Screen:
        return Screen("main.done")

    run = start(flow)
    assert run.state == Ended(Screen("main.done"))
    with pytest.raises(FlowError):
        run.answer("more")
    with pytest.raises(FlowError):
        run.deliver(Rate(1))


def test_sub_flows_put_their_name_before_their_keys() -> None:
    async def inner(talk: Talk) -> str:
        return await talk.ask("name", FreeText(), colour="red")

    async def flow(talk: Talk) -> Screen:
        first = await inner(talk.sub("pay"))
        second = await inner(talk.sub("pay").sub("again"))
        return Screen("main.done", {"names": first + second})

    run = start(flow)
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "pay/name"
    assert run.state.question.text == Text("pay.name", {"colour": "red"})
    run.answer("Ama")
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "pay/again/name"
    assert run.state.question.text.id == "again.name"
    assert run.answer("Kofi") == Ended(Screen("main.done", {"names": "AmaKofi"}))


def test_a_closed_run_lets_go_of_its_flow() -> None:
    left: list[str] = []

    async def flow(talk: Talk) -> Screen:
        try:
            await talk.ask("name", FreeText())
        except GeneratorExit:
            left.append("closed")
            raise
        return Screen("main.done")

    run = start(flow)
    run.close()
    assert left == ["closed"]
    run.close()
    with pytest.raises(FlowError):
        run.answer("Ama")


# ---- replay --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journal", "position", "why"),
    [
        (entries(("ask", "colour", "red")), 0, "ask colour is now choose colour"),
        (entries(("choose", "shade", "red")), 0, "choose shade is now choose colour"),
        (entries(("look", "rate", {"value": 1})), 0, "look rate is now choose colour"),
        (entries(("choose", "colour", "red"), ("ask", "amount", 1)), 1, "ask amount is now look rate"),
        (entries(("choose", "colour", "green")), 0, "colour does not fit any more"),
        (entries(("choose", "colour", None)), 0, "colour does not fit any more"),
        (entries(("choose", "colour", "red"), ("look", "rate", "x")), 1, "rate does not fit any more"),
        (entries(("choose", "colour", "red"), ("look", "rate", {"notes": []})), 1, "rate does not fit"),
        (
            entries(
                ("choose", "colour", "red"),
                ("look", "rate", {"value": 1}),
                ("ask", "amount", {"type": "money", "amount_minor": 2, "currency": "GHS"}),
            ),
            2,
            "amount does not fit any more",
        ),
        (
            entries(
                ("choose", "colour", "red"),
                ("look", "rate", {"value": 9}),
                ("ask", "amount", {"type": "money", "amount_minor": 2, "currency": "GHS"}),
                ("confirm", "sure", "no"),
                ("act", "send", {"value": 1}),
            ),
            4,
            "the flow has ended",
        ),
        (
            entries(
                ("choose", "colour", "red"),
                ("look", "rate", {"value": 9}),
                ("ask", "amount", {"type": "money", "amount_minor": 2, "currency": "GHS"}),
                ("confirm", "sure", True),
            ),
            3,
            "sure does not fit any more",
        ),
    ],
)
def test_a_journal_that_no_longer_fits_has_diverged(journal: list[Entry], position: int, why: str) -> None:
    with pytest.raises(Diverged, match=f"^entry {position}: {why}") as caught:
        start(plain, journal)
    assert caught.value.position == position


def test_a_divergence_tells_no_value() -> None:
    with pytest.raises(Diverged) as caught:
        start(plain, entries(("choose", "colour", "+233240000001")))
    assert "233" not in str(caught.value)


def test_a_secret_is_replayed_by_its_outcome() -> None:
    run = start(guarded)
    run.answer("Ama")
    run.deliver(Rate(0))
    run.deliver(Rate(1))
    again = replayed(guarded, run)
    assert isinstance(again.state, Waiting)
    assert again.state.question.key == "after"


# ---- secrets -------------------------------------------------------------------------------------


def test_a_secret_never_stands_in_the_journal() -> None:
    run = start(guarded)
    run.answer("Ama")
    assert isinstance(run.state, Waiting)
    question = run.state.question
    assert question.wants == "secret"
    secret = question.of.parse("824193")
    assert secret == "824193"  # handed to the act, beside the engine
    run.deliver(Rate(1))
    run.answer("later")
    assert "824193" not in as_json(run)
    assert "1234" not in as_json(run)


# ---- Back ----------------------------------------------------------------------------------------


def test_back_pops_to_the_last_question_and_looks_again() -> None:
    run = start(plain)
    run.answer("red")
    run.deliver(Rate(5000))
    assert run.can_go_back
    shorter = without_last_answer(run.journal)
    assert shorter == []
    back = start(plain, shorter)
    assert isinstance(back.state, Waiting)
    assert back.state.question.key == "colour"
    back.answer("blue")
    assert back.state == Wants(FindRate("blue"), "rate", 1)


def test_back_goes_one_question_at_a_time() -> None:
    run = start(plain)
    run.answer("red")
    run.deliver(Rate(5000))
    run.answer(Money(1, "GHS"))
    shorter = without_last_answer(run.journal)
    assert shorter is not None
    assert [e.key for e in shorter] == ["colour", "rate"]
    # The look in front of the question it led to is kept; the ones behind an answer are run again.
    assert isinstance(start(plain, shorter).state, Waiting)


def test_there_is_nothing_to_go_back_to_at_the_first_question() -> None:
    async def flow(talk: Talk) -> Screen:
        await talk.look("rate", FindRate())
        await talk.ask("name", FreeText())
        return Screen("main.done")

    run = start(flow)
    assert not run.can_go_back
    run.deliver(Rate(1))
    assert not run.can_go_back
    assert without_last_answer(run.journal) is None


def test_back_never_passes_a_secret() -> None:
    run = start(guarded)
    run.answer("Ama")
    assert run.can_go_back
    run.deliver(Rate(1))
    assert not run.can_go_back


def test_back_never_passes_an_act() -> None:
    async def flow(talk: Talk) -> Screen:
        await talk.ask("name", FreeText())
        await talk.act("send", Send())
        await talk.ask("more", FreeText())
        await talk.ask("most", FreeText())
        return Screen("main.done")

    run = start(flow)
    run.answer("Ama")
    run.deliver(Rate(1))
    assert not run.can_go_back
    run.answer("after the act")
    # Questions behind the act can be taken back, the act cannot.
    shorter = without_last_answer(run.journal)
    assert shorter is not None
    assert [e.key for e in shorter] == ["name", "send"]
    assert without_last_answer(shorter) is None


OTHER_WALLET = [Choice(word, Text(word)) for word in ("yes", "no", "wallet")]


async def deciding(talk: Talk) -> Screen:
    """A wallet that is checked and asked for until it is right, and a decision on which it may be changed."""
    name = await talk.ask("name", FreeText())
    notice = None
    while True:
        payer = await talk.ask("payer", FreeText(), notice=notice)
        if await talk.look("holder", FindName(payer)) is None:
            notice = Text("main.unknown", {"payer": payer})
            continue
        notice = None
        decided = await talk.decide("sure", OTHER_WALLET, payer=payer)
        if decided != "wallet":
            return Screen(f"main.{decided}", {"payer": payer, "name": name})


def notice_of(run: Run) -> Text | None:
    assert isinstance(run.state, Waiting)
    notice: Text | None = run.state.question.notice
    return notice


def asked_twice() -> Run:
    run = start(deciding)
    for answer in ("Ama", "one", "two"):
        run.answer(answer)
        if answer != "Ama":
            run.deliver(None)
    return run


def test_a_question_asked_once_more_says_why_with_the_notice_it_is_asked_with() -> None:
    run = start(deciding)
    run.answer("Ama")
    assert notice_of(run) is None
    run.answer("one")
    run.deliver(None)
    assert notice_of(run) == Text("main.unknown", {"payer": "one"})
    run.answer("two")
    run.deliver(None)
    # One notice, about the last answer; the question itself is the same.
    assert notice_of(run) == Text("main.unknown", {"payer": "two"})
    assert run.state.question.text == Text("main.payer")
    assert notice_of(replayed(deciding, run)) == notice_of(run)


def test_back_from_a_question_asked_several_times_leads_before_it() -> None:
    run = asked_twice()
    assert run.before_last_answer() == []
    # Seen from elsewhere it is the question to go back to, as it was asked first.
    shorter = without_last_answer(run.journal, "sure")
    assert shorter == run.journal[:1]
    again = start(deciding, shorter)
    assert notice_of(again) is None


def test_back_never_shows_an_old_error() -> None:
    run = asked_twice()
    run.answer("three")
    run.deliver("Kofi")
    assert run.state.question.key == "sure"
    shorter = run.before_last_answer()
    assert shorter is not None
    back = start(deciding, shorter)
    assert back.state.question.key == "payer"
    assert notice_of(back) is None


def test_a_question_in_a_row_is_one_and_the_same_question_later_is_another() -> None:
    journal = entries(
        ("ask", "payer", "one"),
        ("look", "holder", None),
        ("ask", "payer", "two"),
        ("look", "holder", "Kofi"),
        ("confirm", "sure", "wallet"),
        ("ask", "payer", "three"),
        ("look", "holder", None),
    )
    assert without_last_answer(journal, "payer") == journal[:4]
    assert without_last_answer(journal, "sure") == journal[:5]
    assert without_last_answer(journal[:4], "sure") == []
    # Nothing to go back to where only the present question was answered.
    assert without_last_answer(journal[:2], "payer") is None


def test_back_collapses_nothing_across_an_act() -> None:
    journal = entries(("ask", "payer", "one"), ("act", "send", {}), ("ask", "payer", "two"))
    assert without_last_answer(journal, "sure") == journal[:2]
    assert without_last_answer(journal, "payer") is None


def test_a_conversation_is_under_way_once_something_was_answered() -> None:
    async def flow(talk: Talk) -> Screen:
        await talk.look("rate", FindRate())
        await talk.ask("name", FreeText())
        await talk.ask("more", FreeText())
        return Screen("main.done")

    run = start(flow)
    assert not run.is_under_way
    run.deliver(Rate(1))
    assert not run.is_under_way
    run.answer("Ama")
    assert run.is_under_way


# ---- starting over with answers filled in --------------------------------------------------------


def test_answers_are_filled_in_by_key_until_a_confirmation() -> None:
    async def flow(talk: Talk) -> Screen:
        payer = await talk.ask("payer", Wallet("GH"))
        await talk.choose("colour", COLOURS)
        await talk.confirm("sure", payer=payer)
        return Screen("main.done")

    prefill = {"colour": "blue", "payer": "+233240000002", "sure": "yes", "other": 1}
    run = start(flow, (), prefill)
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "sure"
    assert [(e.key, e.value) for e in run.journal] == [("payer", "+233240000002"), ("colour", "blue")]
    assert prefill["colour"] == "blue"  # what was handed in is not touched


def test_looks_are_run_again_between_answers_filled_in() -> None:
    run = start(
        plain, (), {"colour": "red", "amount": {"type": "money", "amount_minor": 5, "currency": "GHS"}}
    )
    assert run.state == Wants(FindRate("red"), "rate", 1)
    run.deliver(Rate(9))
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "sure"


@pytest.mark.parametrize("amount", [{"type": "money", "amount_minor": 50, "currency": "GHS"}, "50", None, 50])
def test_an_answer_that_no_longer_fits_is_asked_for(amount: Any) -> None:
    run = start(plain, (), {"colour": "red", "amount": amount})
    run.deliver(Rate(9))
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "amount"


def test_an_answer_is_filled_in_once() -> None:
    async def flow(talk: Talk) -> Screen:
        while await talk.ask("code", FreeText()) != "right":
            await talk.look("card", FindName("x"))
        return Screen("main.done")

    run = start(flow, (), {"code": "wrong"})
    run.deliver(None)
    assert isinstance(run.state, Waiting)
    assert [e.value for e in run.journal] == ["wrong", None]


def test_a_secret_is_never_filled_in() -> None:
    run = start(guarded, (), {"name": "Ama", "pin": "1234"})
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "pin"
    assert [e.key for e in run.journal] == ["name"]


def test_an_answer_goes_on_to_the_ones_filled_in() -> None:
    async def flow(talk: Talk) -> Screen:
        await talk.ask("new", FreeText())
        await talk.ask("name", FreeText())
        return Screen("main.done")

    # The code gained a question: it is asked, and what was said before still counts.
    run = start(flow, (), {"name": "Ama"})
    assert isinstance(run.state, Waiting)
    assert run.state.question.key == "new"
    assert run.answer("first") == Ended(Screen("main.done"))


def test_the_later_of_two_answers_is_filled_in() -> None:
    journal = entries(
        ("ask", "payer", "one"), ("look", "holder", {}), ("ask", "payer", "two"), ("confirm", "sure", "yes")
    )
    assert prefill_of(journal) == {"payer": "two"}


def test_what_was_chosen_beside_yes_and_no_is_filled_in_in_its_order_and_once_each() -> None:
    journal = entries(
        ("ask", "name", "Ama"),
        ("ask", "payer", "one"),
        ("look", "holder", "Kofi"),
        ("confirm", "sure", "wallet"),
        ("ask", "payer", "two"),
        ("look", "holder", "Kofi"),
        ("confirm", "sure", "wallet"),
    )
    prefill = prefill_of(journal)
    assert prefill == {"name": "Ama", "payer": "two", "sure": ["wallet", "wallet"]}
    run = start(deciding, (), prefill)
    run.deliver("Kofi")
    # On by one aside; the number was filled in once and is asked for now.
    assert [entry.value for entry in run.journal] == ["Ama", "two", "Kofi", "wallet"]
    assert run.state.question.key == "payer"
    run.answer("three")
    run.deliver("Esi")
    assert [entry.value for entry in run.journal[4:]] == ["three", "Esi", "wallet"]
    run.answer("four")
    run.deliver("Yaw")
    assert run.state.question.key == "sure"
    assert prefill["sure"] == ["wallet", "wallet"]  # what was handed in is not touched


@pytest.mark.parametrize("last", ["yes", "no"])
def test_the_last_word_of_a_decision_is_never_kept_or_filled_in(last: str) -> None:
    journal = entries(("ask", "payer", "one"), ("confirm", "sure", last))
    assert prefill_of(journal) == {"payer": "one"}
    for sure in (last, [last], [], None, ["brand new"]):
        run = start(deciding, (), {"name": "Ama", "payer": "one", "sure": sure})
        run.deliver("Kofi")
        assert run.state.question.key == "sure"


def test_a_decision_takes_the_place_of_a_confirmation_in_journals() -> None:
    """They keep what a Confirm kept: yes and no."""
    kept = entries(
        ("ask", "name", "Ama"), ("ask", "payer", "one"), ("look", "holder", "K"), ("confirm", "sure", "yes")
    )
    assert start(deciding, kept).state == Ended(Screen("main.yes", {"payer": "one", "name": "Ama"}))


@pytest.mark.parametrize("kind", ["act", "secret"])
def test_nothing_is_filled_in_once_something_was_done(kind: str) -> None:
    assert prefill_of(entries(("ask", "name", "Ama"), (kind, "send", {}))) is None


# ---- guards --------------------------------------------------------------------------------------


async def behind_a_guard(talk: Talk) -> Screen:
    await talk.act("send", Send())
    await talk.guard("pin", Digits(4, 6, "pin.not_valid"), Unlock())
    rate = await talk.look("rate", FindRate())
    await talk.ask("name", FreeText(), seen=rate.value)
    return Screen("main.done")


def test_a_guard_is_no_act() -> None:
    """What it opened may be left and asked for again, and is never filled in."""
    journal = entries(("ask", "name", "Ama"), ("guard", "pin", {}), ("look", "rate", {}))
    assert prefill_of(journal) == {"name": "Ama"}
    assert without_last_answer(journal) == []


@pytest.mark.parametrize(
    ("journal", "place"),
    [
        (entries(("ask", "name", "Ama")), None),
        (entries(("guard", "pin", {}), ("look", "rate", {}), ("guard", "pin", {})), 0),
        (entries(("guard", "pin", {}), ("act", "send", {}), ("guard", "pin", {}), ("ask", "name", "A")), 2),
        (entries(("guard", "pin", {}), ("secret", "otp", {})), None),
        ([], None),
    ],
)
def test_where_the_guard_stands_that_opened_what_is_shown(journal: list[Entry], place: int | None) -> None:
    assert before_guard(journal) == place


def test_what_a_guard_opened_is_taken_up_once_it_was_passed_anew() -> None:
    run = start(behind_a_guard)
    for result in (Rate(1), Rate(2), Rate(3)):
        run.deliver(result)
    place = before_guard(run.journal)
    assert place == 1
    again = start(behind_a_guard, run.journal[:place])
    assert again.state.question.kind == "guard"
    assert not again.take_up(run.journal[2:])
    again.deliver(Rate(2))
    assert again.take_up(run.journal[2:])
    assert again.journal == run.journal
    assert again.state.question.text.values == {"seen": 3}


def test_what_does_not_fit_behind_a_guard_is_looked_up_anew() -> None:
    run = start(behind_a_guard, entries(("act", "send", {"value": 1}), ("guard", "pin", {"value": 2})))
    assert not run.take_up(entries(("look", "rate", "no rate")))
    assert run.state.effect == FindRate()


INSTEAD = [Choice("no", Text("choice.no")), Choice("wallet", Text("main.wallet"))]


async def signed(talk: Talk) -> Screen:
    """The PIN on the screen that says what will happen, or something else instead."""
    payer = await talk.ask("payer", FreeText())
    answer = await talk.sign("sign", PIN, Unlock(), INSTEAD, payer=payer)
    if isinstance(answer, Chosen):
        if answer.choice == "no":
            return Screen("main.no")
        payer = await talk.ask("other", FreeText())
        return Screen("main.other", {"payer": payer})
    done = await talk.act("send", Send(answer.value))
    return Screen("main.done", {"sum": done.value})


def at_the_signature() -> Run:
    run = start(signed)
    run.answer("Ama")
    return run


def test_a_signature_is_a_guard_with_choices_and_says_what_will_happen() -> None:
    question = at_the_signature().state.question
    assert (question.kind, question.wants) == ("guard", "secret")
    assert question.text == Text("main.sign", {"payer": "Ama"})
    assert [choice.value for choice in question.choices] == ["no", "wallet"]


def test_a_pin_signs_and_only_its_outcome_is_kept() -> None:
    run = at_the_signature()
    assert run.deliver(Rate(7)) == Wants(Send(7), "send", 2)
    assert run.journal[1] == Entry("guard", "sign", {"value": 7, "notes": []})
    assert replayed(signed, run).state == run.state
    assert before_guard(run.journal) == 1


def test_what_is_chosen_instead_is_kept_as_its_meaning_and_does_nothing() -> None:
    run = at_the_signature()
    assert run.choose(Chosen("no")) == Ended(Screen("main.no"))
    assert run.journal[1] == Entry("guard", "sign", {"choice": "no"})
    assert replayed(signed, run).state == run.state


def test_what_is_not_offered_cannot_be_chosen_instead() -> None:
    with pytest.raises(FlowError, match="sign was given what it cannot take"):
        at_the_signature().choose(Chosen("yes"))
    with pytest.raises(Diverged, match="sign does not fit any more"):
        start(signed, entries(("ask", "payer", "Ama"), ("guard", "sign", {"choice": "yes"})))


@pytest.mark.parametrize("flow", [plain, guarded, behind_a_guard])
def test_nothing_is_chosen_instead_where_nothing_is_offered(flow: Flow) -> None:
    run = start(flow)
    if flow is guarded:
        run.answer("Ama")
    with pytest.raises(FlowError, match="nothing can be chosen here"):
        run.choose(Chosen("no"))


def test_a_guard_chosen_away_opens_nothing_and_is_gone_back_to() -> None:
    run = at_the_signature()
    run.choose(Chosen("wallet"))
    assert run.state.question.key == "other"
    assert before_guard(run.journal) is None
    # It was an answer like any other: Back leads to the signature and not past it.
    shorter = run.before_last_answer()
    assert shorter == run.journal[:1]
    assert start(signed, shorter).state.question.key == "sign"
    # A PIN is no answer: behind it Back leads to the question before.
    proved = entries(("ask", "payer", "Ama"), ("guard", "sign", {"value": 1}))
    assert without_last_answer(proved) == []


def test_only_a_guard_that_was_passed_opens_what_is_behind_it() -> None:
    chosen, passed = ("guard", "sign", {"choice": "wallet"}), ("guard", "sign", {"value": 1})
    assert before_guard(entries(chosen, ("ask", "other", "A"), passed)) == 2
    assert before_guard(entries(passed, chosen)) == 0


def test_a_signature_is_never_filled_in() -> None:
    run = at_the_signature()
    run.choose(Chosen("wallet"))
    prefill = prefill_of(run.journal)
    assert prefill == {"payer": "Ama"}
    for signature in ({"choice": "no"}, {"value": 1}, "4711"):
        again = start(signed, (), {**prefill, "sign": signature})
        assert again.state.question.key == "sign"


# ---- growth --------------------------------------------------------------------------------------


async def endless(talk: Talk) -> Screen:
    while await talk.ask("again", FreeText()) != "enough":
        pass
    return Screen("main.done")


def test_a_journal_has_an_end_and_ends_politely() -> None:
    run = start(endless)
    for _ in range(MAX_ENTRIES - 1):
        assert isinstance(run.answer("more"), Waiting)
    assert run.answer("more") == Ended(Screen("talk.too_long"))
    assert len(run.journal) == MAX_ENTRIES
    assert replayed(endless, run).state == run.state
    with pytest.raises(FlowError):
        run.answer("more")


def test_a_flow_may_end_by_itself_at_the_very_last_entry() -> None:
    run = start(endless)
    for _ in range(MAX_ENTRIES - 1):
        run.answer("more")
    assert run.answer("enough") == Ended(Screen("main.done"))


def test_what_was_done_is_always_written_down() -> None:
    """The cap falls before an act, never between the act and its line in the journal."""

    async def flow(talk: Talk) -> Screen:
        count = 0
        while True:
            count += 1
            await talk.act("send", Send(count))

    run = start(flow)
    done = 0
    while isinstance(run.state, Wants):
        done += 1
        run.deliver(Rate(done))
    assert run.state == Ended(Screen("talk.too_long"))
    assert done == len(run.journal) == MAX_ENTRIES
    assert replayed(flow, run).state == run.state


def test_a_journal_beyond_the_end_has_diverged() -> None:
    journal = [Entry("ask", "again", "more")] * (MAX_ENTRIES + 1)
    with pytest.raises(Diverged, match="the flow has ended"):
        start(endless, journal)


# ---- the facts -----------------------------------------------------------------------------------


def test_what_a_conversation_knows_is_recorded_as_json() -> None:
    facts = Facts(channel="ussd", region="GH", languages=("en", "fr"), staff=True, linked=("telegram",))
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


def test_awaiting_a_step_by_hand_yields_it_to_the_engine() -> None:
    step = Talk(Facts(channel="web", region="GH")).ask("name", FreeText())
    awaited: Awaitable[str] = step
    assert next(iter(awaited.__await__())) is step
