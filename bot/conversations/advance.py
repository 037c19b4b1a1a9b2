"""Advances a conversation by one step: replays its flow, reads the answer, runs the effects it asks for.

Knows one conversation at a time. Where the person turns away from it, the reply is `StartOver`, and
which conversation speaks next is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from bot.conversations.commits import Commits
from bot.conversations.effect_dispatch import EffectDispatch
from bot.conversations.effect_runner import EffectRunner
from bot.conversations.facts import (
    behind_guard,
    held_here,
    last_asked,
    last_notice,
    name_of,
    with_asked,
    with_behind,
)
from bot.conversations.own_words import own_words
from bot.conversations.reading import Reader, may_be_link_code, may_be_otp
from bot.conversations.standing import has_acted, standing
from bot.conversations.turn import Turn, TurnsConfig
from bot.dialog import (
    Accepted,
    Again,
    Ask,
    Back,
    Choose,
    Chosen,
    Confirm,
    Decide,
    Diverged,
    Ended,
    Entry,
    Facts,
    Flow,
    FlowError,
    GuardStep,
    Help,
    Home,
    Input,
    Leave,
    More,
    Nothing,
    Problem,
    Question,
    Run,
    Screen,
    SecretStep,
    Shared,
    Talk,
    Text,
    Typed,
    View,
    Waiting,
    Wants,
    prefill_of,
)
from bot.dialog.inputs import Reading
from bot.dialog.screens import UssdScreen
from bot.runtime.timeouts import Timeouts
from bot.store.base import Store
from bot.store.records import ConversationRow, ConversationState
from flows.first_screen import MENU, FirstAnswer, was_typed

__all__ = ["CARD_NOT_USED", "WRONG_AT_MOST", "Reply", "StartOver", "Steps", "Toast", "half_done"]

_log = structlog.get_logger("turn")

WRONG_AT_MOST: Final = 3


class StartOver(msgspec.Struct, frozen=True):
    """End `row` and begin anew, with `args` dialled or `said` there at once.

    `leaves_code`: they turned away from the code a payment waits for; it is asked for again at the
    next dial.
    """

    row: ConversationRow
    args: tuple[str, ...] = ()
    said: Input = Nothing()
    leaves_code: bool = False


class Toast(msgspec.Struct, frozen=True):
    """Said in passing and nothing else: no message, and the conversation stays as it is."""

    text: Text


Reply: TypeAlias = View | StartOver | Toast

CARD_NOT_USED: Final = Text("chat.card_not_used")


def half_done(row: ConversationRow) -> bool:
    """Whether something was typed that would be lost if the conversation ended here."""
    return any(was_typed(entry) for entry in row.journal)


class Steps:
    """Goes one step on in a conversation: `answer` with what was said, `show` and `drive` without."""

    def __init__(
        self,
        store: Store,
        dispatch: EffectDispatch,
        flows: Mapping[str, Flow],
        reader: Reader,
        commits: Commits,
        timeouts: Timeouts,
        config: TurnsConfig,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._flows = flows
        self._reader = reader
        self._commits = commits
        self._effects = EffectRunner(dispatch, commits)
        self._timeouts = timeouts
        self._config = config

    def shown(self, turn: Turn, view: View) -> UssdScreen:
        """The view as this turn's person sees it."""
        return self._commits.shown(turn, view)

    # ---- the flow --------------------------------------------------------------------------------

    def run(
        self, row: ConversationRow, journal: Sequence[Entry], prefill: dict[str, Any] | None = None
    ) -> Run:
        """The conversation's flow, as far as its journal goes. Raises Diverged, FlowError, KeyError and
        ValidationError where the journal was written by other code."""
        facts = msgspec.json.decode(row.facts, type=Facts)
        return Run(self._flows[row.flow], Talk(facts), journal, prefill)

    def awaits_secret(self, turn: Turn, row: ConversationRow) -> bool:
        """Whether its present question asks for a code or a PIN. The turn goes on with this replay."""
        try:
            run = self.run(row, row.journal)
        except (Diverged, FlowError, KeyError, msgspec.ValidationError):
            return False
        turn.replayed = row, run
        return isinstance(run.state, Waiting) and isinstance(run.state.question, SecretStep)

    async def _replay(self, turn: Turn, row: ConversationRow) -> tuple[ConversationRow, Run] | Reply:
        """The run of a kept conversation, restarted with its answers filled in where the code changed."""
        before, turn.replayed = turn.replayed, None
        if before is not None and before[0] is row:
            return before
        try:
            return row, self.run(row, row.journal)
        except Diverged as diverged:
            _log.warning("journal no longer fits", flow=row.flow, position=diverged.position)
        except (KeyError, msgspec.ValidationError, FlowError) as error:
            _log.error("conversation cannot be replayed", flow=row.flow, kind=type(error).__name__)
        prefill = prefill_of(row.journal)
        if prefill is None or await has_acted(self._store, row.id):
            return await self._after_act(turn, row)
        try:
            here = held_here(turn, row, self._config, self._timeouts)
            fresh = msgspec.structs.replace(here, journal=(), page=0)
            return fresh, self.run(fresh, (), prefill)
        except (KeyError, FlowError):
            return self._close(turn, row, Screen("talk.broken"))

    async def _after_act(self, turn: Turn, row: ConversationRow) -> Reply:
        """Something was done and the rest does not fit: nothing is done again, and its outcome is told."""
        order = turn.loaded.needs_otp
        if order is not None and order.conversation_id == row.id:
            return StartOver(row)
        screen = await standing(self._store, row.id)
        return self._close(turn, row, screen or Screen("talk.changed"))

    # ---- what was said ---------------------------------------------------------------------------

    async def show(self, turn: Turn, row: ConversationRow, notice: Text | None = None) -> Reply:
        """The present question again."""
        found = await self._replay(turn, row)
        if not isinstance(found, tuple):
            return found
        return await self.drive(turn, found[0], found[1], notice=notice)

    async def answer(self, turn: Turn, row: ConversationRow, said: Input) -> Reply:
        """What was said, as an answer to the question the person saw last."""
        asked = last_asked(row)
        found = await self._replay(turn, row)
        if not isinstance(found, tuple):
            return found
        row, run = found
        if not isinstance(run.state, Waiting):
            # The process died inside this turn's call: finish it first.
            return await self.drive(turn, row, run)
        if asked and asked != name_of(run.state.question):
            # The code changed meanwhile: what was said answers a question that stands here no more.
            return await self.drive(turn, msgspec.structs.replace(row, page=0), run)
        return await self._advance(turn, row, run, said)

    async def answer_first(self, turn: Turn, run: Run, said: Input) -> Reply:
        """What was said, as an answer to the first question of the conversation that begins with it."""
        while isinstance(run.state, Wants):
            await self._effects.perform(turn, turn.conversation, run, run.state)
        if isinstance(run.state, Waiting):
            return await self._advance(turn, turn.conversation, run, said)
        return await self.drive(turn, turn.conversation, run)

    async def _advance(self, turn: Turn, row: ConversationRow, run: Run, said: Input) -> Reply:
        """What was said, understood as an answer to the question waited for."""
        assert isinstance(run.state, Waiting)
        question: Question[Any] = run.state.question
        if isinstance(question, SecretStep):
            moved_on = await self._dispatch.without_secret(question.then, turn.actor())
            if moved_on is not None:
                run.deliver(moved_on)
                return await self.drive(turn, row, run)
        if isinstance(said, Shared) and question.wants not in ("contact", "number"):
            return await self._strange_card(turn, row, run, said)
        order = turn.loaded.needs_otp
        asked_elsewhere = order is not None and turn.session is None and row.order_id != order.id
        if asked_elsewhere and may_be_otp(said) and await self._is_no_answer(question, said):
            # A linked chat was asked for the code; a code is no answer to whatever stands here.
            return StartOver(row, said=said)
        if turn.session is None and question.key == MENU and may_be_link_code(said):
            # The code itself is asked for behind its number: here it is written nowhere.
            run.answer(FirstAnswer("link"))
            return await self.drive(turn, msgspec.structs.replace(row, wrong=0, page=0), run)
        # What was said answers the screen as it was seen, with what stood above the question.
        notice = last_notice(row)
        shown = self._commits.shown(turn, _view_of(row, run, question, notice))
        reading = self._reader.read(
            turn,
            question,
            said,
            can_go_back=run.can_go_back or shown.page > 0,
            more=shown.page < shown.pages - 1,
        )
        reading = await self._if_found(turn, row, question, reading)
        turn.own_words = own_words(question, said, reading)
        match reading:
            case Accepted(value):
                row = msgspec.structs.replace(row, wrong=0, page=0)
                if isinstance(value, Chosen):
                    run.choose(value)
                elif isinstance(question, SecretStep):
                    effect_result = await self._dispatch.act_with_secret(value, question.then, turn.actor())
                    turn.step = question.key
                    await self._effects.carry_out(turn, row, run, effect_result)
                    row = _past_guard(row, run)
                else:
                    run.answer(value)
                return await self.drive(turn, row, run)
            case Back() if shown.page > 0:
                row = msgspec.structs.replace(row, page=shown.page - 1)
                return await self.drive(turn, row, run, notice=notice)
            case Back():
                shorter = run.before_last_answer()
                row = msgspec.structs.replace(row, journal=tuple(shorter or ()), wrong=0, page=0)
                return await self.show(turn, row)
            case Home():
                return StartOver(row, leaves_code=True)
            case Leave():
                return self._close(turn, row, Screen("talk.left"), run)
            case More():
                row = msgspec.structs.replace(row, page=shown.page + 1)
                return await self.drive(turn, row, run, notice=notice)
            case Help():
                notice = self._config.help(keypad=turn.session is not None)
                return await self.drive(turn, row, run, notice=notice)
            case Again():
                return await self.drive(turn, row, run, notice=notice)
            case Problem(text):
                turn.outcome = "not taken"
                wrong = row.wrong + 1
                if wrong >= WRONG_AT_MOST:
                    return await self._three_wrong(turn, row, run)
                # The notice stands on the first page.
                row = msgspec.structs.replace(row, wrong=wrong, page=0)
                return await self.drive(turn, row, run, notice=text)
        raise TypeError(f"unknown reading {type(reading).__name__}")

    async def _strange_card(self, turn: Turn, row: ConversationRow, run: Run, said: Shared) -> Reply:
        """The person's own number where none was asked for: it links the chat, or is said not to be used."""
        if not half_done(row) and turn.loaded.needs_otp is None:
            return StartOver(row, said=said)
        turn.beside = CARD_NOT_USED
        return await self.drive(turn, row, run, notice=CARD_NOT_USED)

    async def _if_found(
        self, turn: Turn, row: ConversationRow, question: Question[Any], reading: Reading
    ) -> Reading:
        """The reading, or a Problem where an answer names what there is not: that is written nowhere."""
        if not isinstance(reading, Accepted) or not isinstance(question, Ask) or question.found is None:
            return reading
        if any(offer.value == reading.value for offer in question.offers):
            return reading
        found = await self._dispatch.look(question.found(reading.value), turn.actor(row))
        return Problem(question.missing) if found is None else reading

    async def _is_no_answer(self, question: Question[Any], said: Input) -> bool:
        """Whether digits make no sense here: in a menu, or where no merchant has such a code. What may
        be a provider's code must not get into a journal as a wrong answer."""
        if question.wants == "text" and isinstance(said, Typed):
            return await self._store.merchant_by_code(said.text.strip()) is None
        if question.wants == "amount" and isinstance(said, Typed):
            # Six plain digits are what a code looks like. Taking an amount for one costs a try and is
            # said at once; taking a code for an amount would write it down.
            return len(said.text.strip()) == 6
        return question.wants == "menu"

    async def _three_wrong(self, turn: Turn, row: ConversationRow, run: Run) -> View:
        """On USSD the session ends kindly and can be resumed; a chat explains once more."""
        row = msgspec.structs.replace(row, wrong=0)
        if turn.session is None:
            return await self.drive(turn, row, run, notice=Text("talk.help"))
        return self.stop_here(turn, row, run.journal)

    def stop_here(self, turn: Turn, row: ConversationRow, journal: Sequence[Entry]) -> View:
        """End the session after three wrong answers. What was answered is kept where anything was."""
        turn.save(msgspec.structs.replace(row, wrong=0), journal)
        turn.outcome = "three wrong"
        assert turn.session is not None
        turn.session = msgspec.structs.replace(turn.session, open=False)
        dial = self._config.short_code
        words = Text("talk.three_wrong_new", {"short_code": dial})
        if half_done(turn.conversation):
            words = Text("talk.three_wrong", {"short_code": dial})
        return View(text=words, ends=True)

    # ---- on to the next question -----------------------------------------------------------------

    async def drive(
        self,
        turn: Turn,
        row: ConversationRow,
        run: Run,
        *,
        args: tuple[str, ...] = (),
        notice: Text | None = None,
    ) -> View:
        """Perform what the flow wants until it waits for the person or ends; then the view.

        `args` were dialled behind the code, and answer one question each.
        """
        dialled = list(args) if args else None  # None: the person answers from here on
        try:
            while True:
                match run.state:
                    case Wants():
                        if await self._effects.perform(turn, row, run, run.state):
                            # One call outside is what a screen can wait for.
                            dialled = None
                    case Ended(screen):
                        return self._close(turn, row, screen, run)
                    case Waiting(question):
                        if dialled is not None and notice is None:
                            taken, notice = await self._dialled_answer(turn, row, question, run, dialled)
                            if not taken:
                                dialled = None
                            continue
                        if isinstance(question, SecretStep):
                            done = await self._dispatch.without_secret(question.then, turn.actor())
                            if done is not None:
                                run.deliver(done)
                                continue
                        return self._ask(turn, row, run, question, notice)
        except FlowError as error:
            return self.broken(turn, row, error)

    async def _dialled_answer(
        self, turn: Turn, row: ConversationRow, question: Question[Any], run: Run, dialled: list[str]
    ) -> tuple[bool, Text | None]:
        """Answer the question with what was dialled; whether that was done, and a notice where it does not
        fit. Never confirms, never repeats itself: what is asked again is the person's to answer."""
        asked_again = any(entry.key == question.key for entry in run.journal)
        by_person = isinstance(question, Choose) and question.by_person
        if not dialled or isinstance(question, Confirm | Decide | SecretStep) or by_person or asked_again:
            return False, None
        arg = dialled.pop(0)
        if isinstance(question, Ask) and len(arg) < question.least_dialled:
            return False, None
        reading = self._reader.read(turn, question, Typed(arg), can_go_back=False)
        reading = await self._if_found(turn, row, question, reading)
        if isinstance(reading, Accepted):
            run.answer(_as_dialled(question, reading.value))
            return True, None
        return False, reading.text if isinstance(reading, Problem) else None

    def _ask(
        self, turn: Turn, row: ConversationRow, run: Run, question: Question[Any], notice: Text | None
    ) -> View:
        """The question as a view; the conversation is saved as one that waits for its answer."""
        notice = notice or question.notice
        row = msgspec.structs.replace(
            with_asked(row, question, notice), serial=row.serial + 1, offering=False
        )
        turn.save(row, run.journal)
        turn.step = question.key
        return _view_of(row, run, question, notice)

    def leave(self, turn: Turn, row: ConversationRow) -> View:
        """End the conversation as the person asked for."""
        return self._close(turn, row, Screen("talk.left"))

    def broken(self, turn: Turn, row: ConversationRow, error: FlowError) -> View:
        """A fault of ours: the person gets words and a fresh start, the log gets the cause."""
        _log.error("flow failed", flow=row.flow, error=str(error), exc_info=True)
        return self._close(turn, row, Screen("talk.broken"))

    def _close(self, turn: Turn, row: ConversationRow, screen: Screen, run: Run | None = None) -> View:
        """The last words. The journal is kept no longer than its conversation."""
        ended = msgspec.structs.replace(row, state=ConversationState.ENDED)
        turn.save(ended, run.journal if run else row.journal)
        turn.step = turn.step or screen.text
        return View(
            text=Text(screen.text, screen.values),
            ends=True,
            order_id=screen.order_id,
            final=screen.final,
            serial=row.serial,
            conversation=row.id[:8],
            shorter=Text(screen.shorter, screen.values) if screen.shorter else None,
        )


def _past_guard(row: ConversationRow, run: Run) -> ConversationRow:
    """The conversation, with what stood behind its guard taken up again once the guard lets pass."""
    behind = behind_guard(row)
    if not behind or isinstance(getattr(run.state, "question", None), GuardStep):
        return row
    run.take_up(behind)
    return with_behind(row, ())


def _as_dialled(question: Question[Any], value: Any) -> Any:
    """What a dial string gets where it picked one of the offers: the same for everybody."""
    if isinstance(question, Ask):
        for offer in question.offers:
            if offer.value == value and offer.dialled is not None:
                return offer.dialled
    return value


def _view_of(row: ConversationRow, run: Run, question: Question[Any], notice: Text | None) -> View:
    return View(
        text=question.text,
        notice=notice,
        choices=question.choices,
        back=run.can_go_back,
        home=run.is_under_way or row.flow != "main",
        serial=row.serial,
        wants=question.wants,
        page=row.page,
        conversation=row.id[:8],
    )
