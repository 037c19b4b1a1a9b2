"""The commits of a turn: one with its answer, and one before it where something is done outside."""

from collections.abc import Callable, Sequence

import msgspec

from bot.conversations.turn import Turn
from bot.dialog import Answer, Entry, View
from bot.dialog.screens import UssdScreen
from bot.notifications.order_messages import reply_message, said_message
from bot.runtime.clock import Clock, Ids
from bot.runtime.timeouts import Timeouts
from bot.store.base import Change, DropMessages, EndUpdate, KeepTurn, SaveSession, Store
from bot.store.records import ConversationRow, MessageKind, SessionRow, TurnRow, TurnState

__all__ = ["Commits", "RenderUssd"]

RenderUssd = Callable[[View, str, str], UssdScreen]  # view, gateway, language


class Commits:
    """Renders a turn's view and commits the turn.

    `hashed` is the keyed hash of what a gateway sent: the text itself may hold a code. An answer is kept
    with the time it was given, not the time its turn began: a delivery that came before its answer was
    there, or a moment after, may be a repeat of it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        render_ussd: RenderUssd,
        hashed: Callable[[str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._lease_ms = int(timeouts.lease_s * 1000)
        self._render_ussd = render_ussd
        self._hashed = hashed

    def shown(self, turn: Turn, view: View) -> UssdScreen:
        """The view as this gateway's person sees it: which page of how many. Chats show it whole."""
        if turn.session is None:
            return UssdScreen("", 1, 0)
        return self._render_ussd(view, turn.session.gateway, turn.person.language)

    async def mark_running(self, turn: Turn, row: ConversationRow, journal: Sequence[Entry]) -> None:
        """Commit 1: all so far, and the mark that this turn is on its way."""
        turn.save(row, journal)
        lease_ms = turn.now_ms + self._lease_ms
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

    async def finish(self, turn: Turn, view: View, instead: str = "", beside: str = "") -> Answer:
        """Render and commit: journal, session, answer as sent, orders and messages in one.

        `instead`: the last words the person was told already; no question is asked behind them.
        `beside`: what a chat says in passing as well.
        """
        answer = Answer(beside, not view.ends)
        if turn.session is not None:
            gateway = turn.session.gateway
            answer = Answer(self._render_ussd(view, gateway, turn.person.language).text, not view.ends)
            if instead and answer.keep_open:
                answer = Answer(instead, keep_open=False)
            turn.changes.append(SaveSession(self._session_after(turn, keep_open=answer.keep_open)))
        else:
            self._keep_own_words(turn)
            turn.changes.append(
                reply_message(
                    view,
                    address=turn.inbound.address,
                    person_id=turn.person.id,
                    conversation_id=turn.conversation.id,
                    key=turn.key,
                    now_ms=turn.now_ms,
                    new_id=self._ids.uuid,
                    thread=turn.inbound.thread,
                )
            )
            if view.final and view.order_id:
                # The result is said right here: its message need not come as well.
                own = turn.inbound.address
                turn.changes.append(DropMessages(view.order_id, MessageKind.RESULT, own.kind, own.value))
        done = TurnRow(turn.scope, turn.key, TurnState.DONE, self._clock(), answer.text, answer.keep_open)
        turn.changes.append(KeepTurn(done))
        await self._store.commit(turn.changes)
        return answer

    def _keep_own_words(self, turn: Turn) -> None:
        """A web page keeps nothing of its own: another window, or a reload, reads both halves here."""
        if turn.inbound.channel == "web" and turn.own_words is not None:
            turn.changes.append(
                said_message(
                    turn.own_words,
                    address=turn.inbound.address,
                    person_id=turn.person.id,
                    key=turn.key,
                    at_ms=self._clock(),
                    new_id=self._ids.uuid,
                )
            )

    async def tell(self, turn: Turn, text: str) -> Answer:
        """Keep that a chat said `text` in passing, and that nothing else came of its message."""
        await self._store.commit(
            [
                *turn.changes,
                KeepTurn(TurnRow(turn.scope, turn.key, TurnState.DONE, self._clock(), text, keep_open=False)),
            ]
        )
        return Answer(text, keep_open=False)

    async def give_up(self, turn: Turn, text: str) -> Answer:
        """Keep that the person was told `text` instead of an answer, and nothing else of the turn: a
        repeated delivery hears the same, and the next dial finds the question unanswered."""
        done = TurnRow(turn.scope, turn.key, TurnState.DONE, self._clock(), text, keep_open=False)
        kept: list[Change] = [KeepTurn(done)]
        if turn.session is not None:
            kept.append(SaveSession(msgspec.structs.replace(turn.session, open=False, last_ms=turn.now_ms)))
        await self._store.commit(kept)
        return Answer(text, keep_open=False)

    async def close(self, turn: Turn) -> None:
        """The person was sent away while the answer was on its way: its question is seen by nobody."""
        if turn.session is not None:
            await self._store.commit([SaveSession(msgspec.structs.replace(turn.session, open=False))])

    def _session_after(self, turn: Turn, *, keep_open: bool) -> SessionRow:
        session = turn.session
        inbound = turn.inbound.session
        assert session is not None
        assert inbound is not None
        text = inbound.cumulative
        turn.session = msgspec.structs.replace(
            session,
            conversation_id=session.conversation_id if turn.elsewhere else turn.conversation.id,
            open=keep_open and session.open,
            last_ms=turn.now_ms,
            text_length=len(text) if text is not None else session.text_length,
            text_hash=self._hashed(text) if text else session.text_hash,
            turns=session.turns + 1,
        )
        return turn.session
