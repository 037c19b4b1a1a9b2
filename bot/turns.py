"""One message in, one answer out: load, replay and advance, render, commit once.

The shell's heart. It owns no words (catalogue), no rules of money (settle) and no wire; it joins the
engine to the store and decides what a message means to its conversation: a dial, an answer, a
repeat, a drop resumed, a code waited for.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import msgspec
import structlog

from bot.clock import Clock, Ids
from bot.dialog import (
    Accepted,
    Again,
    Answer,
    Back,
    Diverged,
    Ended,
    Entry,
    Facts,
    Flow,
    FlowError,
    Home,
    Inbound,
    Input,
    Leave,
    Look,
    More,
    NavWords,
    Nothing,
    Pressed,
    Problem,
    Question,
    Run,
    Screen,
    SecretStep,
    Talk,
    Text,
    Typed,
    View,
    Waiting,
    Wants,
    interpret,
    prefill_of,
    without_last_answer,
)
from bot.dialog.screens import UssdScreen
from bot.dialog.words import Choice
from bot.messages import is_fresh, reply_message
from bot.metrics import Metrics
from bot.perform import Performer, Plan, Speaker
from bot.sealing import Sealer
from bot.sessions import Dialled, Follows, InFlight, Repeated, Stray, cumulative_key, read_session
from bot.store.base import (
    Change,
    Conflict,
    DropMessages,
    EndAddress,
    EndUpdate,
    KeepStaff,
    KeepTurn,
    LoadedTurn,
    MarkTold,
    SaveAddress,
    SaveConversation,
    SavePerson,
    SaveSession,
    Store,
    TurnQuery,
)
from bot.store.records import (
    AddressRow,
    ConversationRow,
    ConversationState,
    MessageKind,
    PersonRow,
    SessionRow,
    TurnRow,
    TurnState,
    UpdateRow,
)
from bot.times import Times

__all__ = ["Speaks", "Turns", "TurnsConfig"]

_log = structlog.get_logger("turn")

_WRONG_AT_MOST: Final = 3
_TRIES: Final = 6
_POLL_S: Final = 0.1
# Digits enough to be a merchant's code rather than a menu number.
_CODE_DIGITS: Final = 3


class Speaks(Protocol):
    """What the catalogue does for a turn."""

    def say(self, text: Text, language: str, region: str) -> str: ...

    def nav(self, language: str) -> NavWords: ...


class TurnsConfig(msgspec.Struct, frozen=True):
    region: str
    language: str
    languages: tuple[str, ...]
    short_code: str


RenderUssd = Callable[[View, str, str], UssdScreen]  # view, gateway, language


class _Standing(Facts, frozen=True):
    """A conversation's facts as they are kept, with what its person was asked last (see `_name_of`)."""

    asked: str = ""


class _Turn:
    """What one turn gathers on its way to its commit."""

    def __init__(self, inbound: Inbound, loaded: LoadedTurn, now_ms: int) -> None:
        self.inbound = inbound
        self.loaded = loaded
        self.now_ms = now_ms
        self.changes: list[Change] = []
        self.person: PersonRow
        self.address: AddressRow
        self.session: SessionRow | None = None
        self.scope = ""
        self.key = inbound.turn_key
        self.holder = ""
        self.conversation: ConversationRow
        self.kept_version: int | None = None  # None until the conversation is in the store
        self.step = ""
        self.outcome = "answered"
        # Deliveries marked running by this very call: their lease is ours to go on with.
        self.ours: set[tuple[str, str]] = set()


class Turns:
    """Takes messages, one at a time per address. See `take`."""

    def __init__(
        self,
        store: Store,
        performer: Performer,
        catalogue: Speaks,
        flows: dict[str, Flow],
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        times: Times,
        config: TurnsConfig,
        render_ussd: RenderUssd,
        on_work: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._performer = performer
        self._catalogue = catalogue
        self._flows = flows
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._times = times
        self._config = config
        self._render_ussd = render_ussd
        self._on_work = on_work
        self._metrics = metrics
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def take(self, inbound: Inbound, update: UpdateRow | None = None) -> Answer:
        """Answer one message; everything it caused is durable when this returns.

        A repeated delivery gets the answer of the first, and runs nothing. `update` is the inbox row
        the message came in, deleted with the commit. Raises StoreUnavailable where nothing can be
        kept; the message may then be sent again.
        """
        started_ms = self._clock()
        if not inbound.turn_key and inbound.session is None:
            # A message without a name is one of its own; a session has ways to tell (see below).
            inbound = msgspec.structs.replace(inbound, turn_key=self._ids.uuid())
        async with self._alone(f"{inbound.address.kind}:{inbound.address.value}"):
            turn, answer = await self._take_until_kept(inbound, update, started_ms)
        self._on_work()
        conversation = getattr(turn, "conversation", None)
        took_ms = self._clock() - started_ms
        self._metrics.turns.labels(inbound.channel, turn.outcome).inc()
        self._metrics.turn_s.labels(inbound.channel).observe(max(took_ms, 0) / 1000)
        if turn.step and conversation:
            self._metrics.steps.labels(conversation.flow, turn.step).inc()
        _log.info(
            "turn",
            channel=inbound.channel,
            gateway=inbound.session.gateway if inbound.session else inbound.channel,
            dialog=conversation.id[:8] if conversation else "",
            flow=conversation.flow if conversation else "",
            step=turn.step,
            outcome=turn.outcome,
            took_ms=took_ms,
        )
        return answer

    async def left(self, gateway: str, session_id: str, msisdn: str, why: str) -> None:
        """The gateway says the person left: close the session; the conversation waits to be resumed."""
        async with self._alone(f"msisdn:{msisdn}"):
            loaded = await self._store.load_turn(
                TurnQuery("msisdn", msisdn, gateway=gateway, session_id=session_id)
            )
            row = loaded.session
            if row is not None and row.open:
                closed = msgspec.structs.replace(row, open=False, last_ms=self._clock())
                await self._store.commit([SaveSession(closed)])
        _log.info("session ended", gateway=gateway, why=why)

    def wake(self) -> None:
        """Something was queued beside a turn."""
        self._on_work()

    def closing_words(self, language: str = "") -> str:
        """A polite last screen for when a turn cannot be taken. Touches no store, never raises."""
        return self.say(Text("talk.closed"), language)

    def say(self, text: Text, language: str = "") -> str:
        """A sentence in the language guessed from an IETF tag, or in the default one."""
        spoken = self._guess(language) if language else self._config.language
        return self._catalogue.say(text, spoken, self._config.region)

    async def awaits_secret(self, kind: str, value: str, said: Input) -> bool:
        """Whether what this chat says now is a code or a PIN, to be taken out of the chat."""
        loaded = await self._store.load_turn(TurnQuery(kind, value))
        if loaded.needs_otp is not None and _may_be_otp(said):
            return True
        if loaded.conversation is None or loaded.conversation.holder != f"{kind}:{value}":
            return False
        try:
            run = self._run(loaded.conversation, loaded.conversation.journal, None)
        except (Diverged, FlowError, KeyError, msgspec.ValidationError):
            return False
        run.close()
        return isinstance(run.state, Waiting) and isinstance(run.state.question, SecretStep)

    # ---- one try at a turn -----------------------------------------------------------------------

    async def _take_until_kept(
        self, inbound: Inbound, update: UpdateRow | None, arrived_ms: int
    ) -> tuple[_Turn, Answer]:
        """Another process may move the conversation meanwhile: then read again and decide anew."""
        ours: set[tuple[str, str]] = set()
        for _ in range(_TRIES):
            try:
                return await self._take(inbound, update, ours, arrived_ms)
            except Conflict as conflict:
                lost = conflict
        raise lost

    async def _take(
        self, inbound: Inbound, update: UpdateRow | None, ours: set[tuple[str, str]], arrived_ms: int
    ) -> tuple[_Turn, Answer]:
        now_ms = self._clock()
        session = inbound.session
        key = inbound.turn_key
        if session is not None and session.cumulative is not None:
            key = cumulative_key(session.cumulative, self._hash_text)
        scope = "" if session else f"{inbound.address.kind}:{inbound.address.value}"
        loaded = await self._store.load_turn(
            TurnQuery(
                inbound.address.kind,
                inbound.address.value,
                scope=scope,
                key=key,
                gateway=session.gateway if session else "",
                session_id=session.id if session else "",
            )
        )
        if session is not None and not key:
            key = _unnumbered_key(inbound, loaded, now_ms, self._times, self._hash_text)
            if loaded.last_turn is not None and loaded.last_turn.key == key:
                loaded = msgspec.structs.replace(loaded, turn=loaded.last_turn)
        lapsed: list[Change] = []
        if loaded.address is not None and now_ms - loaded.address.seen_ms > self._times.lapse_s * 1000:
            # Numbers are given to other people after long silence: whoever speaks now is someone new.
            lapsed.append(EndAddress(loaded.address.kind, loaded.address.value, now_ms))
            lapsed += [
                KeepStaff(msgspec.structs.replace(row, address_kind="", address_value="", pin_hash=""))
                for row in loaded.staff
            ]
            loaded = LoadedTurn(session=loaded.session, turn=loaded.turn, last_turn=loaded.last_turn)
        turn = _Turn(msgspec.structs.replace(inbound, turn_key=key), loaded, now_ms)
        turn.changes += lapsed
        turn.key, turn.scope, turn.ours = key, scope, ours
        if update is not None:
            turn.changes.append(EndUpdate(update.source, update.update_id))
        said: Input = inbound.input
        args: tuple[str, ...] = ()
        fresh = False
        if session is not None:
            meaning = read_session(
                # When it came, not when its turn came: a repeat may have waited behind the first.
                session,
                turn.inbound,
                loaded,
                now_ms=arrived_ms,
                times=self._times,
                hashed=self._hash_text,
            )
            match meaning:
                case Repeated(row):
                    turn.outcome = "repeated"
                    return turn, Answer(row.text, row.keep_open)
                case InFlight(row) if row.lease_until_ms > now_ms and (row.scope, row.key) not in ours:
                    await self._wait_for(row)
                    raise Conflict("turn")
                case InFlight():
                    # Ours from an earlier try, or of a process that died meanwhile: go on with what is kept.
                    assert loaded.session is not None
                    said, turn.session = Nothing(), loaded.session
                case Stray(last):
                    turn.outcome = "stray"
                    return turn, Answer(last.text or self.closing_words(), False)
                case Dialled(generation, args):
                    fresh = True
                    said = Nothing()
                    turn.session = self._new_session(turn, generation)
                case Follows(row, said):
                    turn.session = row
            assert turn.session is not None
            turn.scope = turn.holder = turn.session.id
        else:
            turn.holder = scope
            done = loaded.turn
            if done is not None and done.state is TurnState.DONE:
                turn.outcome = "repeated"
                if update is not None:
                    await self._store.commit(turn.changes)
                return turn, Answer(done.text, done.keep_open)
            if done is not None:
                if done.lease_until_ms > now_ms and (done.scope, done.key) not in ours:
                    await self._wait_for(done)
                    raise Conflict("turn")
                # Begun before and cut off: go on with what is kept, and take nothing twice.
                said = Nothing()
        self._know_person(turn)
        try:
            view = await self._converse(turn, said, args, fresh=fresh)
        except FlowError as error:
            view = self._broken(turn, turn.conversation, error)
        return turn, await self._finish(turn, view)

    async def _wait_for(self, row: TurnRow) -> None:
        """Wait for a delivery that another process is answering, until its lease is over."""
        while self._clock() < row.lease_until_ms:
            await asyncio.sleep(_POLL_S)
            found = await self._store.load_turn(TurnQuery("", "", scope=row.scope, key=row.key))
            if found.turn is None or found.turn.state is TurnState.DONE:
                return

    def _new_session(self, turn: _Turn, generation: int) -> SessionRow:
        session = turn.inbound.session
        assert session is not None
        return SessionRow(
            id=self._ids.uuid(),
            gateway=session.gateway,
            session_id=session.id,
            msisdn=turn.inbound.address.value,
            generation=generation,
            conversation_id=None,
            open=True,
            started_ms=turn.now_ms,
            last_ms=turn.now_ms,
            first_key=turn.key,
        )

    def _know_person(self, turn: _Turn) -> None:
        """The person behind the address, made on first sight."""
        inbound, loaded = turn.inbound, turn.loaded
        if loaded.person is not None and loaded.address is not None:
            turn.person, turn.address = loaded.person, loaded.address
            seen = turn.now_ms - loaded.address.seen_ms > 3600_000 or not loaded.address.reachable
            if seen:
                turn.address = msgspec.structs.replace(loaded.address, seen_ms=turn.now_ms, reachable=True)
                turn.changes.append(SaveAddress(turn.address))
            return
        turn.person = PersonRow(
            id=self._ids.uuid(), language=self._guess(inbound.language), created_ms=turn.now_ms
        )
        turn.address = AddressRow(
            id=self._ids.uuid(),
            person_id=turn.person.id,
            kind=inbound.address.kind,
            value=inbound.address.value,
            created_ms=turn.now_ms,
            seen_ms=turn.now_ms,
            verified_ms=turn.now_ms if inbound.verified else None,
        )
        turn.changes += [SavePerson(turn.person), SaveAddress(turn.address)]

    def _guess(self, language: str) -> str:
        short = language.lower().split("-")[0].split("_")[0]
        return short if short in self._config.languages else self._config.language

    # ---- which conversation, and where in it -----------------------------------------------------

    async def _converse(self, turn: _Turn, said: Input, args: tuple[str, ...], *, fresh: bool) -> View:
        """The view to answer with; the conversation as it will be stands on the turn."""
        kept = turn.loaded.conversation
        if turn.session is not None and not fresh:
            own = turn.loaded.session_conversation
            held = own is not None and own.state is ConversationState.ACTIVE and own.holder == turn.holder
            if not held:
                return self._elsewhere(turn)
            kept = own
        if kept is None:
            return await self._begin(turn, said, args)
        turn.conversation, turn.kept_version = kept, kept.version
        if turn.session is None and kept.holder != turn.holder:
            # The person went on here what was begun elsewhere.
            return await self._arrive(turn, kept, said, args)
        if fresh:
            return await self._arrive(turn, kept, said, args)
        started = isinstance(said, Typed) and said.text.strip().casefold().startswith("/start")
        if turn.session is None and started and not kept.offering:
            return await self._arrive(turn, kept, said, args)
        if isinstance(said, Pressed):
            current = kept.id.startswith(said.conversation) and said.serial == kept.serial
            if not current and said.value == "nav:home":
                return await self._over(turn, kept)
            if not current:
                return await self._show(turn, kept, Text("talk.old_button"))
        if kept.offering:
            return await self._offered(turn, kept, said)
        return await self._answer(turn, kept, said)

    async def _arrive(self, turn: _Turn, kept: ConversationRow, said: Input, args: tuple[str, ...]) -> View:
        """A dial, or a first word here, while a conversation is still open."""
        order = turn.loaded.needs_otp
        if order is not None:
            # A linked chat was asked for the code: what looks like one is the answer, said only once.
            code = said if _may_be_otp(said) else Nothing()
            if kept.order_id == order.id:
                return await self._answer(turn, self._hold(turn, kept), code)
            return await self._over(turn, kept, said=code)
        idle_ms = turn.now_ms - kept.updated_ms
        answered = any(entry.kind in ("ask", "choose", "confirm") for entry in kept.journal)
        if args or not answered or idle_ms > self._times.resume_s * 1000:
            return await self._over(turn, kept, args)
        held = msgspec.structs.replace(
            self._hold(turn, kept), offering=True, serial=kept.serial + 1, wrong=0, page=0
        )
        self._save(turn, held, held.journal)
        return self._offer(turn)

    def _hold(self, turn: _Turn, kept: ConversationRow) -> ConversationRow:
        """The conversation, moved to where the person is now."""
        facts = self._facts(turn, kept.order_id)
        return msgspec.structs.replace(
            kept,
            holder=turn.holder,
            address_kind=turn.inbound.address.kind,
            address_value=turn.inbound.address.value,
            facts=msgspec.json.encode(facts).decode(),
        )

    def _offer(self, turn: _Turn, notice: Text | None = None) -> View:
        turn.step = "resume"
        begun = next((e.value for e in turn.conversation.journal if e.key == "menu"), "")
        return View(
            text=Text("talk.resume_part", {"part": Text(f"menu.{begun}")}) if begun else Text("talk.resume"),
            notice=notice,
            choices=(
                Choice("continue", Text("talk.continue")),
                Choice("over", Text("talk.start_over")),
            ),
            serial=turn.conversation.serial,
            wants="menu",
            conversation=turn.conversation.id[:8],
        )

    async def _offered(self, turn: _Turn, kept: ConversationRow, said: Input) -> View:
        """The answer to "continue or start over"."""
        question = _resume_question()
        reading = self._interpret(turn, question, said, can_go_back=False)
        if isinstance(reading, Accepted) and reading.value == "continue":
            return await self._resume(turn, kept)
        if isinstance(reading, Accepted | Home | Leave | Back):
            return await self._over(turn, kept)
        self._save(turn, msgspec.structs.replace(kept, serial=kept.serial + 1), kept.journal)
        notice = reading.text if isinstance(reading, Problem) else None
        return self._offer(turn, notice)

    async def _resume(self, turn: _Turn, kept: ConversationRow) -> View:
        """Go on where it stopped. What may have changed is looked up again while nothing was done yet."""
        prefill = prefill_of(kept.journal)
        moved = msgspec.structs.replace(self._hold(turn, kept), offering=False, wrong=0, page=0)
        if prefill is not None and await self._performer.has_acted(kept.id):
            # The process died inside the act: it is done, though the journal does not say so yet.
            stayed = msgspec.structs.replace(kept, holder=turn.holder, offering=False, wrong=0, page=0)
            return await self._show(turn, stayed)
        if prefill is None:
            return await self._show(turn, moved)
        run = self._run(moved, (), prefill)
        return await self._drive(turn, moved, run)

    async def _over(
        self, turn: _Turn, kept: ConversationRow, args: tuple[str, ...] = (), said: Input = Nothing()
    ) -> View:
        """End what was and begin anew."""
        ended = msgspec.structs.replace(
            kept, state=ConversationState.ENDED, version=kept.version + 1, updated_ms=turn.now_ms
        )
        turn.changes.append(SaveConversation(ended, kept.version))
        return await self._begin(turn, said, args)

    async def _begin(self, turn: _Turn, said: Input, args: tuple[str, ...]) -> View:
        """A new conversation: the main menu, or the code that an order waits for."""
        order = turn.loaded.needs_otp
        flow = "otp" if order is not None else "main"
        facts = self._facts(turn, order.id if order else None)
        turn.kept_version = None
        turn.conversation = ConversationRow(
            id=self._ids.uuid(),
            person_id=turn.person.id,
            address_kind=turn.inbound.address.kind,
            address_value=turn.inbound.address.value,
            flow=flow,
            facts=msgspec.json.encode(facts).decode(),
            journal=(),
            state=ConversationState.ACTIVE,
            version=0,
            created_ms=turn.now_ms,
            updated_ms=turn.now_ms,
            holder=turn.holder,
            order_id=order.id if order else None,
        )
        prefill: dict[str, Any] = {}
        if flow == "main" and args and len(args[0]) >= _CODE_DIGITS:
            # *920*10*1001#: a merchant's code dialled straight away.
            prefill = {"menu": "pay", "pay/recent": "other", "pay/merchant": args[0]}
            args = args[1:]
        run = self._run(turn.conversation, (), prefill)
        plain = order is None and not args and not prefill
        notice = await self._untold(turn) if plain else None
        if order is not None and isinstance(said, Typed) and not said.text.startswith("/"):
            while isinstance(run.state, Wants):
                await self._perform(turn, turn.conversation, run, run.state)
            if isinstance(run.state, Waiting):
                return await self._advance(turn, turn.conversation, run, said)
        return await self._drive(turn, turn.conversation, run, args=args, notice=notice)

    async def _untold(self, turn: _Turn) -> Text | None:
        """A result no channel could bring: told now, above the menu."""
        if turn.loaded.person is None:
            return None
        row = await self._store.untold_result(turn.person.id)
        if row is None:
            return None
        turn.changes.append(MarkTold(row.id, turn.now_ms))
        return msgspec.json.decode(row.view, type=View).text

    def _elsewhere(self, turn: _Turn) -> View:
        """The session's conversation went on in another session or channel."""
        turn.outcome = "elsewhere"
        turn.conversation = turn.loaded.session_conversation or turn.loaded.conversation or _NO_CONVERSATION
        turn.kept_version = -1
        return View(text=Text("talk.elsewhere", {"short_code": self._config.short_code}), ends=True)

    def _facts(self, turn: _Turn, order_id: str | None) -> Facts:
        addresses = turn.loaded.addresses
        own = turn.inbound.address.value if turn.inbound.address.kind == "msisdn" else ""
        numbers = [
            a.value
            for a in addresses
            if a.kind == "msisdn" and a.verified_ms and is_fresh(a, turn.now_ms, self._times)
        ]
        linked = numbers[0] if numbers else ""
        return Facts(
            channel=turn.inbound.channel,
            region=self._config.region,
            msisdn=own or linked,
            language=turn.person.language,
            languages=self._config.languages,
            staff=bool(turn.loaded.staff),
            linked=tuple(sorted({a.kind for a in addresses})),
            short_code=self._config.short_code,
            order_id=order_id or "",
        )

    # ---- one step on -----------------------------------------------------------------------------

    def _run(self, row: ConversationRow, journal: Sequence[Entry], prefill: dict[str, Any] | None) -> Run:
        facts = msgspec.json.decode(row.facts, type=Facts)
        return Run(self._flows[row.flow], Talk(facts), journal, prefill)

    async def _replay(self, turn: _Turn, row: ConversationRow) -> tuple[ConversationRow, Run] | View:
        """The run of a kept conversation, restarted with its answers filled in where the code changed."""
        try:
            return row, self._run(row, row.journal, None)
        except Diverged as diverged:
            _log.warning("journal no longer fits", flow=row.flow, position=diverged.position)
        except (KeyError, msgspec.ValidationError, FlowError) as error:
            _log.error("conversation cannot be replayed", flow=row.flow, kind=type(error).__name__)
        prefill = prefill_of(row.journal)
        if prefill is None or await self._performer.has_acted(row.id):
            return await self._after_act(turn, row)
        try:
            fresh = msgspec.structs.replace(self._hold(turn, row), flow=row.flow, journal=(), page=0)
            return fresh, self._run(fresh, (), prefill)
        except (KeyError, FlowError):
            return self._close(turn, row, Screen("talk.broken"))

    async def _after_act(self, turn: _Turn, row: ConversationRow) -> View:
        """Something was done and the rest does not fit: nothing is done again, and its outcome is told."""
        order = turn.loaded.needs_otp
        if order is not None and order.conversation_id == row.id:
            return await self._over(turn, row)
        screen = await self._performer.standing(row.id)
        return self._close(turn, row, screen or Screen("talk.changed"))

    async def _show(self, turn: _Turn, row: ConversationRow, notice: Text | None = None) -> View:
        """The present question again."""
        found = await self._replay(turn, row)
        if isinstance(found, View):
            return found
        return await self._drive(turn, found[0], found[1], notice=notice)

    async def _answer(self, turn: _Turn, row: ConversationRow, said: Input) -> View:
        asked = _last_asked(row)
        found = await self._replay(turn, row)
        if isinstance(found, View):
            return found
        row, run = found
        if not isinstance(run.state, Waiting):
            # The process died inside this turn's call: finish it first.
            return await self._drive(turn, row, run)
        if asked and asked != _name_of(run.state.question):
            # The code changed meanwhile: what was said answers a question that stands here no more.
            return await self._drive(turn, row, run)
        return await self._advance(turn, row, run, said)

    async def _advance(self, turn: _Turn, row: ConversationRow, run: Run, said: Input) -> View:
        """What was said, understood as an answer to the question waited for."""
        assert isinstance(run.state, Waiting)
        question: Question[Any] = run.state.question
        if isinstance(question, SecretStep):
            moved_on = await self._performer.without_secret(question.then, self._speaker(turn))
            if moved_on is not None:
                run.deliver(moved_on)
                return await self._drive(turn, row, run)
        order = turn.loaded.needs_otp
        asked_elsewhere = order is not None and turn.session is None and row.order_id != order.id
        if asked_elsewhere and _may_be_otp(said) and await self._is_no_answer(question, said):
            # A linked chat was asked for the code; a code is no answer to whatever stands here.
            return await self._over(turn, row, said=said)
        pages = self._pages(turn, row, run, question)
        reading = self._interpret(
            turn, question, said, can_go_back=run.can_go_back or row.page > 0, more=pages > 1
        )
        match reading:
            case Accepted(value):
                row = msgspec.structs.replace(row, wrong=0, page=0)
                if isinstance(question, SecretStep):
                    plan = await self._performer.act_with(value, question.then, self._speaker(turn))
                    turn.step = question.key
                    await self._carry_out(turn, row, run, plan)
                else:
                    run.answer(value)
                return await self._drive(turn, row, run)
            case Back() if row.page > 0:
                row = msgspec.structs.replace(row, page=row.page - 1)
                return await self._drive(turn, row, run)
            case Back():
                shorter = without_last_answer(run.journal)
                row = msgspec.structs.replace(row, journal=tuple(shorter or ()), wrong=0, page=0)
                return await self._show(turn, row)
            case Home():
                return await self._over_from(turn, row)
            case Leave():
                return self._close(turn, row, Screen("talk.left"), run)
            case More():
                row = msgspec.structs.replace(row, page=min(row.page + 1, pages - 1))
                return await self._drive(turn, row, run)
            case Again():
                return await self._drive(turn, row, run)
            case Problem(text):
                turn.outcome = "not taken"
                wrong = row.wrong + 1
                if wrong >= _WRONG_AT_MOST:
                    return await self._three_wrong(turn, row, run)
                row = msgspec.structs.replace(row, wrong=wrong)
                return await self._drive(turn, row, run, notice=text)
        raise TypeError(f"unknown reading {type(reading).__name__}")

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

    async def _over_from(self, turn: _Turn, row: ConversationRow) -> View:
        """Home: a conversation of its own, so that what was done here stays done here."""
        if turn.loaded.needs_otp is not None:
            # They turned away from the code: it is asked for again at the next dial.
            turn.loaded = msgspec.structs.replace(turn.loaded, needs_otp=None)
        if turn.kept_version is None:
            return await self._begin(turn, Nothing(), ())
        kept = msgspec.structs.replace(row, version=turn.kept_version)
        return await self._over(turn, kept)

    async def _three_wrong(self, turn: _Turn, row: ConversationRow, run: Run) -> View:
        """On USSD the session ends kindly and can be resumed; a chat explains once more."""
        row = msgspec.structs.replace(row, wrong=0)
        if turn.session is None:
            return await self._drive(turn, row, run, notice=Text("talk.help"))
        self._save(turn, row, run.journal)
        turn.outcome = "three wrong"
        turn.session = msgspec.structs.replace(turn.session, open=False)
        return View(text=Text("talk.three_wrong", {"short_code": self._config.short_code}), ends=True)

    async def _drive(
        self,
        turn: _Turn,
        row: ConversationRow,
        run: Run,
        *,
        args: tuple[str, ...] = (),
        notice: Text | None = None,
    ) -> View:
        """Perform what the flow wants until it waits for the person or ends; then the view."""
        waiting = list(args)
        try:
            while True:
                match run.state:
                    case Wants():
                        if await self._perform(turn, row, run, run.state):
                            # One call outside is what a screen can wait for.
                            waiting.clear()
                    case Ended(screen):
                        return self._close(turn, row, screen, run)
                    case Waiting(question):
                        if waiting and notice is None:
                            notice = self._dialled_answer(turn, question, run, waiting)
                            continue
                        if isinstance(question, SecretStep):
                            then = question.then
                            done = await self._performer.without_secret(then, self._speaker(turn))
                            if done is not None:
                                run.deliver(done)
                                continue
                        return self._question(turn, row, run, question, notice)
        except FlowError as error:
            return self._broken(turn, row, error)

    def _broken(self, turn: _Turn, row: ConversationRow, error: FlowError) -> View:
        """A fault of ours: the person gets words and a fresh start, the log gets the cause."""
        _log.error("flow failed", flow=row.flow, error=str(error), exc_info=True)
        return self._close(turn, row, Screen("talk.broken"))

    def _dialled_answer(
        self, turn: _Turn, question: Question[Any], run: Run, waiting: list[str]
    ) -> Text | None:
        """Give the next dialled argument as an answer; a notice where it does not fit. Never confirms."""
        arg = waiting.pop(0)
        if question.kind in ("confirm", "secret"):
            waiting.clear()
            return None
        reading = self._interpret(turn, question, Typed(arg), can_go_back=False)
        if isinstance(reading, Accepted):
            run.answer(reading.value)
            return None
        waiting.clear()
        return reading.text if isinstance(reading, Problem) else None

    async def _perform(self, turn: _Turn, row: ConversationRow, run: Run, wants: Wants) -> bool:
        """Do what the flow wants; True where a provider may have been called for it."""
        turn.step = wants.key
        speaker = self._speaker(turn, row)
        effect = wants.effect
        if isinstance(effect, Look):
            outside = self._performer.goes_outside(effect)
            if outside:
                await self._mark_running(turn, row, run)
            run.deliver(await self._performer.look(effect, speaker))
            return outside
        plan = await self._performer.act(effect, wants.position, speaker)
        await self._carry_out(turn, row, run, plan)
        return plan.inside is not None

    async def _carry_out(self, turn: _Turn, row: ConversationRow, run: Run, plan: Plan) -> None:
        """Commit 1 before the call, and the call, which keeps its own outcome."""
        turn.changes += plan.changes
        if plan.person is not None:
            turn.person = plan.person
        result = plan.result
        if plan.inside is not None:
            await self._mark_running(turn, row, run)
            result = await plan.inside()
        run.deliver(result)

    async def _mark_running(self, turn: _Turn, row: ConversationRow, run: Run) -> None:
        """Commit 1: all so far, and the mark that this turn is on its way."""
        self._save(turn, row, run.journal)
        lease_ms = turn.now_ms + int(self._times.lease_s * 1000)
        running = TurnRow(turn.scope, turn.key, TurnState.RUNNING, turn.now_ms, lease_until_ms=lease_ms)
        # The inbox row stays until the answer is there, so that a crash here is taken up again.
        kept = [change for change in turn.changes if not isinstance(change, EndUpdate)]
        left: list[Change] = [change for change in turn.changes if isinstance(change, EndUpdate)]
        if turn.session is not None:
            kept.append(SaveSession(self._session_after(turn, keep_open=True)))
        if (turn.scope, turn.key) not in turn.ours:
            kept.append(KeepTurn(running))
        await self._store.commit(kept)
        turn.ours.add((turn.scope, turn.key))
        turn.changes = left

    def _save(self, turn: _Turn, row: ConversationRow, journal: Sequence[Entry]) -> None:
        """Add the conversation's new state to the changes, on top of an earlier one of this turn."""
        expected = turn.kept_version
        version = 0 if expected is None else expected + 1
        turn.conversation = msgspec.structs.replace(
            row, journal=tuple(journal), version=version, updated_ms=turn.now_ms
        )
        turn.changes.append(SaveConversation(turn.conversation, expected))
        turn.kept_version = version

    def _question(
        self, turn: _Turn, row: ConversationRow, run: Run, question: Question[Any], notice: Text | None
    ) -> View:
        facts = msgspec.json.decode(row.facts, type=_Standing)
        standing = msgspec.structs.replace(facts, asked=_name_of(question))
        row = msgspec.structs.replace(
            row, serial=row.serial + 1, offering=False, facts=msgspec.json.encode(standing).decode()
        )
        self._save(turn, row, run.journal)
        turn.step = question.key
        return _view_of(row, run, question, notice)

    def _pages(self, turn: _Turn, row: ConversationRow, run: Run, question: Question[Any]) -> int:
        """How many screens the question takes on this gateway; chats show it whole."""
        if turn.session is None:
            return 1
        view = _view_of(row, run, question, None)
        return self._render_ussd(view, turn.session.gateway, turn.person.language).pages

    def _close(self, turn: _Turn, row: ConversationRow, screen: Screen, run: Run | None = None) -> View:
        """The last words. The journal is kept no longer than its conversation."""
        ended = msgspec.structs.replace(row, state=ConversationState.ENDED)
        self._save(turn, ended, run.journal if run else row.journal)
        turn.step = turn.step or screen.text
        return View(
            text=Text(screen.text, screen.values),
            ends=True,
            order_id=screen.order_id,
            final=screen.final,
            serial=row.serial,
            conversation=row.id[:8],
        )

    # ---- the answer ------------------------------------------------------------------------------

    async def _finish(self, turn: _Turn, view: View) -> Answer:
        """Render and commit: journal, session, answer as sent, orders and messages in one."""
        answer = Answer("", not view.ends)
        if turn.session is not None:
            gateway = turn.session.gateway
            answer = Answer(self._render_ussd(view, gateway, turn.person.language).text, not view.ends)
            session = self._session_after(turn, keep_open=answer.keep_open)
            turn.changes.append(SaveSession(session))
        else:
            turn.changes.append(
                reply_message(
                    view,
                    address=turn.inbound.address,
                    person_id=turn.person.id,
                    conversation_id=turn.conversation.id,
                    key=turn.key,
                    now_ms=turn.now_ms,
                    new_id=self._ids.uuid,
                )
            )
            if view.final and view.order_id:
                # The result is said right here: its message need not come as well.
                own = turn.inbound.address
                turn.changes.append(DropMessages(view.order_id, MessageKind.RESULT, own.kind, own.value))
        done = TurnRow(turn.scope, turn.key, TurnState.DONE, turn.now_ms, answer.text, answer.keep_open)
        turn.changes.append(KeepTurn(done))
        await self._store.commit(turn.changes)
        return answer

    def _session_after(self, turn: _Turn, *, keep_open: bool) -> SessionRow:
        session = turn.session
        inbound = turn.inbound.session
        assert session is not None
        assert inbound is not None
        text = inbound.cumulative
        turn.session = msgspec.structs.replace(
            session,
            conversation_id=turn.conversation.id if turn.kept_version != -1 else session.conversation_id,
            open=keep_open and session.open,
            last_ms=turn.now_ms,
            text_length=len(text) if text is not None else session.text_length,
            text_hash=self._hash_text(text) if text else session.text_hash,
            turns=session.turns + 1,
        )
        return turn.session

    def _interpret(
        self, turn: _Turn, question: Question[Any], said: Input, *, can_go_back: bool, more: bool = False
    ) -> Any:
        language = turn.person.language
        return interpret(
            question,
            said,
            self._catalogue.nav(language),
            keypad=turn.session is not None,
            can_go_back=can_go_back,
            more=more,
            label_of=lambda text: self._catalogue.say(text, language, self._config.region),
        )

    def _speaker(self, turn: _Turn, row: ConversationRow | None = None) -> Speaker:
        row = row or turn.conversation
        facts = msgspec.json.decode(row.facts, type=Facts)
        return Speaker(
            person=turn.person,
            address=turn.inbound.address,
            channel=turn.inbound.channel,
            verified=turn.inbound.verified or turn.address.verified_ms is not None,
            conversation_id=row.id,
            msisdn=facts.msisdn,
            staff=turn.loaded.staff,
            address_row=turn.address,
        )

    def _hash_text(self, text: str) -> str:
        return self._sealer.hash("ussd", text)

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """One turn at a time per address in this process; across processes versions decide."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


def _view_of(row: ConversationRow, run: Run, question: Question[Any], notice: Text | None) -> View:
    return View(
        text=question.text,
        notice=notice,
        choices=question.choices,
        back=run.can_go_back,
        home=bool(run.journal),
        serial=row.serial,
        wants=question.wants,
        page=row.page,
        conversation=row.id[:8],
    )


def _name_of(question: Question[Any]) -> str:
    """What makes a question another one: an answer to this never answers that."""
    return " ".join((question.kind, question.key, *(choice.value for choice in question.choices)))


def _last_asked(row: ConversationRow) -> str:
    """The name of the question shown last, empty where it cannot be told."""
    try:
        return msgspec.json.decode(row.facts, type=_Standing).asked
    except msgspec.ValidationError:
        return ""


def _unnumbered_key(
    inbound: Inbound, loaded: LoadedTurn, now_ms: int, times: Times, hashed: Callable[[str], str]
) -> str:
    """A turn key where the gateway gave none: the count of turns and a keyed hash of the input.

    The same input while its turn is under way, or within the duplicate window of it, is that turn again.
    """
    row, last = loaded.session, loaded.last_turn
    opens = inbound.session is not None and bool(inbound.session.opens)
    said = inbound.input.text if isinstance(inbound.input, Typed) else ""
    what = "new" if opens else hashed(said)
    if last is not None and last.key.endswith(f":{what}"):
        soon = now_ms - last.at_ms <= times.duplicate_s * 1000
        if soon or last.state is TurnState.RUNNING:
            return last.key
    return f"{0 if opens or row is None else row.turns}:{what}"


def _may_be_otp(said: Input) -> bool:
    """Five to eight digits: a provider's code rather than a menu number or a merchant's."""
    if not isinstance(said, Typed):
        return False
    digits = said.text.strip().replace(" ", "")
    return digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 8


def _resume_question() -> Question[Any]:
    talk = Talk(Facts(channel="", region=""))
    choices = [Choice("continue", Text("talk.continue")), Choice("over", Text("talk.start_over"))]
    return talk.choose("resume", choices, text="talk.resume")


_NO_CONVERSATION: Final = ConversationRow(
    id="",
    person_id="",
    address_kind="",
    address_value="",
    flow="main",
    facts="",
    journal=(),
    state=ConversationState.ENDED,
    version=0,
    created_ms=0,
    updated_ms=0,
)
