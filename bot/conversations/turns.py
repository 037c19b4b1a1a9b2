"""Takes a turn from its message to its answer, once: finds who speaks, locks, advances and commits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
import structlog

from bot.conversations.advance import Steps, Toast
from bot.conversations.commits import Commits, RenderUssd
from bot.conversations.effect_dispatch import EffectDispatch
from bot.conversations.locks import Locks
from bot.conversations.reading import Reader, Speaks, may_be_otp
from bot.conversations.routing import Conversations
from bot.conversations.timeout_reply import TimeoutReply, TooLate
from bot.conversations.turn import Turn, TurnsConfig
from bot.conversations.ussd_sessions import (
    Dialled,
    Follows,
    InFlight,
    Repeated,
    Stray,
    cumulative_key,
    first_key,
    is_its_end,
    read_session,
    unnumbered_key,
)
from bot.dialog import Answer, Flow, FlowError, Inbound, Input, Nothing, Session, Text, View, fold, plain_text
from bot.money import OrderKind
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.metrics import Metrics
from bot.runtime.timeouts import Timeouts
from bot.store.base import (
    Conflict,
    EndAddress,
    EndUpdate,
    KeepStaff,
    LoadedTurn,
    SaveAddress,
    SavePerson,
    SaveSession,
    Store,
    TurnQuery,
)
from bot.store.records import AddressRow, PersonRow, SessionRow, TurnRow, TurnState, UpdateRow

__all__ = ["Turns"]

_log = structlog.get_logger("turn")

_TRIES: Final = 6
_POLL_S: Final = 0.1
# Every word marks an address as seen, but writing that down once in a while is enough.
_SEEN_MS: Final = 3600_000


class _Said(msgspec.Struct, frozen=True):
    """What a message says to its conversation. `fresh`: a dial, with `args` behind the code."""

    input: Input = Nothing()
    args: tuple[str, ...] = ()
    fresh: bool = False


class Turns:
    """Takes messages, one at a time per address. See `take`."""

    def __init__(
        self,
        store: Store,
        dispatch: EffectDispatch,
        catalogue: Speaks,
        flows: Mapping[str, Flow],
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        config: TurnsConfig,
        render_ussd: RenderUssd,
        on_work: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._config = config
        self._on_work = on_work
        self._metrics = metrics
        self._render_ussd = render_ussd
        self._locks = Locks()
        reader = Reader(catalogue, config.region)
        self._commits = Commits(store, clock, ids, timeouts, render_ussd, self._hashed)
        self._steps = Steps(store, dispatch, flows, reader, self._commits, timeouts, config)
        self._conversations = Conversations(store, self._steps, reader, ids, timeouts, config)

    async def take(
        self,
        inbound: Inbound,
        update: UpdateRow | None = None,
        timeout_reply: TimeoutReply | None = None,
        *,
        hide: Callable[[], Awaitable[object]] | None = None,
    ) -> Answer:
        """Answer one message; everything it caused is durable when this returns.

        A repeated delivery gets the answer of the first, and runs nothing. `update` is the inbox row
        the message came in, deleted with the commit. Raises StoreUnavailable where nothing can be
        kept; the message may then be sent again. Whoever waits only so long hands in a `timeout_reply`,
        and has its words from `timeout_words`.
        `hide` takes what was said out of its chat: called where it is a code or a PIN, before anything
        is done with it.
        """
        started_ms = self._clock()
        if not inbound.turn_key and inbound.session is None:
            # A message without a name is one of its own; a session has ways to tell
            # (see bot.conversations.ussd_sessions).
            inbound = msgspec.structs.replace(inbound, turn_key=self._ids.uuid())
        timeout_reply = timeout_reply or TimeoutReply()
        timeout_reply.gateway = inbound.session.gateway if inbound.session is not None else ""
        async with self._locks.alone(f"{inbound.address.kind}:{inbound.address.value}"):
            turn, answer = await self._take_until_kept(inbound, update, timeout_reply, started_ms, hide)
        self._on_work()
        took_ms = self._clock() - started_ms
        self._metrics.turns.labels(inbound.channel, turn.outcome).inc()
        self._metrics.turn_s.labels(inbound.channel).observe(max(took_ms, 0) / 1000)
        if turn.step:
            self._metrics.steps.labels(turn.conversation.flow, turn.step).inc()
        _log.info(
            "turn",
            channel=inbound.channel,
            gateway=inbound.session.gateway if inbound.session else inbound.channel,
            conversation=turn.conversation.id[:8],
            flow=turn.conversation.flow,
            step=turn.step,
            outcome=turn.outcome,
            took_ms=took_ms,
        )
        return answer

    async def left(
        self, gateway: str, session_id: str, msisdn: str, why: str, cumulative: str | None = None
    ) -> None:
        """The gateway says the person left: close the session; the conversation waits to be resumed."""
        async with self._locks.alone(f"msisdn:{msisdn}"):
            loaded = await self._store.load_turn(
                TurnQuery("msisdn", msisdn, gateway=gateway, session_id=session_id)
            )
            row = loaded.session
            if row is not None and is_its_end(row, why, cumulative, hashed=self._hashed):
                closed = msgspec.structs.replace(row, open=False, last_ms=self._clock())
                await self._store.commit([SaveSession(closed)])
        _log.info("session ended", gateway=gateway, why=why)

    def wake(self) -> None:
        """Have what was queued beside a turn sent at once."""
        self._on_work()

    def timeout_words(self, language: str = "", timeout_reply: TimeoutReply | None = None) -> str:
        """The words of the timeout reply: true whatever the turn still does.

        Touches no store, never raises. Once said, the words stay what they were."""
        timeout_reply = timeout_reply or TimeoutReply()
        if not timeout_reply.said:
            spoken = timeout_reply.language or (self._config.guess(language) if language else "")
            timeout_reply.say(
                self._last_screen(self._last_sentence(timeout_reply), timeout_reply.gateway, spoken)
            )
        return timeout_reply.text

    def _last_sentence(self, timeout_reply: TimeoutReply) -> Text:
        payment = timeout_reply.payment
        if payment is None:
            return Text("talk.closed")
        amount, merchant, dial = payment.amount, payment.merchant, self._config.short_code
        if payment.kind is not OrderKind.COLLECTION:
            return Text("talk.unsure_other", {"kind": Text(f"kind.{payment.kind.value}"), "amount": amount})
        if timeout_reply.is_kept:
            # It may wait for its code by now: the next dial asks for that first.
            return Text(
                "talk.begun",
                {"amount": amount, "merchant": merchant, "short_code": dial, "code": payment.code},
            )
        return Text("talk.unsure", {"amount": amount, "merchant": merchant, "short_code": dial})

    def _last_screen(self, text: Text, gateway: str, language: str) -> str:
        """The sentence as one screen of the gateway; in the alphabet of any, where it is not known yet."""
        language = language or self._config.language
        if gateway:
            return self._render_ussd(View(text=text, ends=True), gateway, language).text
        return fold(self._catalogue.say(plain_text(text), language, self._config.region))

    def say(self, text: Text, language: str = "") -> str:
        """A sentence in the language guessed from an IETF tag, or in the default one."""
        spoken = self._config.guess(language) if language else self._config.language
        return self._catalogue.say(text, spoken, self._config.region)

    # ---- one try at a turn -----------------------------------------------------------------------

    async def _take_until_kept(
        self,
        inbound: Inbound,
        update: UpdateRow | None,
        timeout_reply: TimeoutReply,
        arrived_ms: int,
        hide: Callable[[], Awaitable[object]] | None,
    ) -> tuple[Turn, Answer]:
        """`_take`, from the start again where another process moved the conversation meanwhile."""
        ours: set[tuple[str, str]] = set()
        for _ in range(_TRIES):
            try:
                return await self._take(inbound, update, timeout_reply, ours, arrived_ms, hide)
            except Conflict as conflict:
                lost = conflict
        raise lost

    async def _take(
        self,
        inbound: Inbound,
        update: UpdateRow | None,
        timeout_reply: TimeoutReply,
        ours: set[tuple[str, str]],
        arrived_ms: int,
        hide: Callable[[], Awaitable[object]] | None,
    ) -> tuple[Turn, Answer]:
        turn = await self._load(inbound, timeout_reply, ours, arrived_ms)
        if turn.loaded.person is not None:
            timeout_reply.language = turn.loaded.person.language
        if update is not None:
            turn.changes.append(EndUpdate(update.source, update.update_id))
        if inbound.session is not None:
            said = await self._said_in_session(turn, inbound.session, arrived_ms)
        else:
            said = await self._said_in_chat(turn, update)
        if isinstance(said, Answer):
            return turn, said
        if hide is not None and self._is_secret(turn, said.input):
            await hide()
        self._know_person(turn)
        try:
            view = await self._conversations.reply(turn, said.input, said.args, fresh=said.fresh)
        except FlowError as error:
            view = self._steps.broken(turn, turn.conversation, error)
        except TooLate:
            turn.outcome = "too late"
            return turn, await self._commits.give_up(
                turn, self.timeout_words(inbound.language, timeout_reply)
            )
        if isinstance(view, Toast):
            turn.outcome = "old button"
            return turn, await self._commits.tell(turn, self._beside(turn, view.text))
        # Whoever was sent away meanwhile saw those words and not this question; so does a repeat.
        instead = self.timeout_words(inbound.language, timeout_reply) if timeout_reply.said else ""
        answer = await self._commits.finish(turn, view, instead, self._beside(turn, turn.beside))
        if answer.keep_open and timeout_reply.said:
            await self._commits.close(turn)
        return turn, answer

    def _is_secret(self, turn: Turn, said: Input) -> bool:
        """Whether what a chat says now is a code or a PIN."""
        loaded = turn.loaded
        if loaded.needs_otp is not None and may_be_otp(said):
            return True
        if loaded.conversation is None or loaded.conversation.holder != turn.scope:
            return False
        return self._steps.awaits_secret(turn, loaded.conversation)

    def _beside(self, turn: Turn, text: Text | None) -> str:
        return self._catalogue.say(text, turn.person.language, self._config.region) if text else ""

    async def _load(
        self, inbound: Inbound, timeout_reply: TimeoutReply, ours: set[tuple[str, str]], arrived_ms: int
    ) -> Turn:
        """The turn with all that is kept about its address, its session and this very delivery."""
        now_ms = self._clock()
        session = inbound.session
        key = inbound.turn_key
        if session is not None and session.cumulative is not None:
            key = cumulative_key(session.cumulative, self._hashed)
        # A session's id of ours is known once it is clear which of its generations this is.
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
            # When it came, not when its turn came: a repeat may have waited behind the first.
            key = unnumbered_key(
                inbound, loaded, now_ms=arrived_ms, timeouts=self._timeouts, hashed=self._hashed
            )
            if loaded.last_turn is not None and loaded.last_turn.key == key:
                loaded = msgspec.structs.replace(loaded, turn=loaded.last_turn)
        counted = session is not None and not inbound.turn_key and session.cumulative is None
        inbound = msgspec.structs.replace(inbound, turn_key=key)
        turn = Turn(inbound, loaded, now_ms, timeout_reply, scope=scope, ours=ours)
        turn.counted = counted
        if loaded.address is not None and now_ms - loaded.address.seen_ms > self._timeouts.lapse_s * 1000:
            self._forget(turn, loaded.address)
        return turn

    def _forget(self, turn: Turn, address: AddressRow) -> None:
        """Numbers are given to other people after long silence: whoever speaks now is someone new."""
        loaded = turn.loaded
        turn.changes.append(EndAddress(address.kind, address.value, turn.now_ms))
        turn.changes += [
            KeepStaff(msgspec.structs.replace(row, address_kind="", address_value="", pin_hash=""))
            for row in loaded.staff
        ]
        turn.loaded = LoadedTurn(session=loaded.session, turn=loaded.turn, last_turn=loaded.last_turn)

    # ---- what the message is ---------------------------------------------------------------------

    async def _said_in_session(self, turn: Turn, session: Session, arrived_ms: int) -> _Said | Answer:
        """What a gateway's request says, or its answer where that is known already."""
        meaning = read_session(
            session,
            turn.inbound,
            turn.loaded,
            now_ms=arrived_ms,
            timeouts=self._timeouts,
            hashed=self._hashed,
        )
        match meaning:
            case Repeated(row):
                turn.outcome = "repeated"
                return Answer(row.text, row.keep_open)
            case Stray(last):
                turn.outcome = "stray"
                return Answer(last.text if last.text and not last.keep_open else self._over(turn), False)
            case InFlight(row):
                await self._unless_running(turn, row)
                # Ours from an earlier try, or of a process that died meanwhile: go on with what is kept.
                assert turn.loaded.session is not None
                turn.session, said = turn.loaded.session, _Said()
            case Dialled(generation, args):
                if turn.counted:
                    turn.key = first_key(turn.key)
                turn.session, said = (
                    self._new_session(turn, session, generation),
                    _Said(args=args, fresh=True),
                )
            case Follows(row, newest):
                turn.session, said = row, _Said(newest)
        turn.scope = turn.session.id
        return said

    def _over(self, turn: Turn) -> str:
        """The last words in a session that ended with a question. What became of the answer to it is not
        known here: an earlier delivery may have brought it."""
        person = turn.loaded.person
        language = person.language if person is not None else self._config.guess(turn.inbound.language)
        over = Text("talk.over", {"short_code": self._config.short_code})
        session = turn.inbound.session
        return self._last_screen(over, session.gateway if session is not None else "", language)

    async def _said_in_chat(self, turn: Turn, update: UpdateRow | None) -> _Said | Answer:
        """What a chat's message says, or its answer where that is known already."""
        done = turn.loaded.turn
        if done is None:
            return _Said(turn.inbound.input)
        if done.state is TurnState.DONE:
            turn.outcome = "repeated"
            if update is not None:
                await self._store.commit(turn.changes)
            return Answer(done.text, done.keep_open)
        await self._unless_running(turn, done)
        # Begun before and cut off: go on with what is kept, and take nothing twice.
        return _Said()

    async def _unless_running(self, turn: Turn, row: TurnRow) -> None:
        """Where another process is answering this delivery, wait for it, then raise Conflict: read anew."""
        if row.lease_until_ms <= turn.now_ms or (row.scope, row.key) in turn.ours:
            return
        while self._clock() < row.lease_until_ms:
            await asyncio.sleep(_POLL_S)
            found = await self._store.load_turn(TurnQuery("", "", scope=row.scope, key=row.key))
            if found.turn is None or found.turn.state is TurnState.DONE:
                break
        raise Conflict("turn")

    def _new_session(self, turn: Turn, session: Session, generation: int) -> SessionRow:
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

    # ---- who speaks ------------------------------------------------------------------------------

    def _know_person(self, turn: Turn) -> None:
        """The person behind the address, made on first sight."""
        inbound, loaded = turn.inbound, turn.loaded
        if loaded.person is not None and loaded.address is not None:
            turn.person, turn.address = loaded.person, loaded.address
            if turn.now_ms - loaded.address.seen_ms > _SEEN_MS or not loaded.address.reachable:
                turn.address = msgspec.structs.replace(loaded.address, seen_ms=turn.now_ms, reachable=True)
                turn.changes.append(SaveAddress(turn.address))
            return
        told = self._config.told(inbound.language)
        only = len(self._config.languages) < 2
        turn.person = PersonRow(
            id=self._ids.uuid(),
            language=told or self._config.language,
            created_ms=turn.now_ms,
            # A chat is taken at its word; whoever could not choose has chosen.
            language_chosen=bool(told) or only,
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

    def _hashed(self, text: str) -> str:
        return self._sealer.hash("ussd", text)
