"""Picks the conversation that answers: the open one, one from another channel, a resumed one, or a new one.

One is active per person. A code that a payment waits for comes first.
"""

from typing import Any, Final

import msgspec

from bot.conversations.advance import CARD_NOT_USED, WRONG_AT_MOST, Reply, StartOver, Steps, Toast, half_done
from bot.conversations.facts import (
    FirstAsked,
    about_of,
    encode_facts,
    first_asked,
    held_here,
    last_notice,
    opening_of,
    with_behind,
    with_first,
    with_notice,
    with_opening,
)
from bot.conversations.first_contact import first_question, first_view, must_ask, settle_language
from bot.conversations.own_words import first_words, own_words
from bot.conversations.reading import Reader, may_be_link_code, may_be_otp
from bot.conversations.standing import has_acted
from bot.conversations.turn import Turn, TurnsConfig
from bot.dialog import (
    Accepted,
    Back,
    Facts,
    Help,
    Home,
    Input,
    Leave,
    More,
    Nothing,
    Opens,
    Pressed,
    Problem,
    Question,
    Shared,
    Talk,
    Text,
    Typed,
    View,
    before_guard,
    prefill_of,
)
from bot.dialog.words import Choice
from bot.runtime.clock import Ids
from bot.runtime.timeouts import Timeouts
from bot.store.base import MarkTold, SaveConversation, Store
from bot.store.records import ConversationRow, ConversationState
from flows.first_screen import MENU, part_begun
from flows.menu import OPENED

__all__ = ["Conversations"]

# So soon after an answer a tap on an old button is the same tap once more.
_TAPPED_AGAIN_MS: Final = 10_000


class Conversations:
    """Finds the conversation that answers a turn, and has it answer. See `reply`."""

    def __init__(
        self,
        store: Store,
        steps: Steps,
        reader: Reader,
        ids: Ids,
        timeouts: Timeouts,
        config: TurnsConfig,
    ) -> None:
        self._store = store
        self._steps = steps
        self._reader = reader
        self._ids = ids
        self._timeouts = timeouts
        self._config = config

    async def reply(self, turn: Turn, said: Input, args: tuple[str, ...], *, fresh: bool) -> View | Toast:
        """The view to answer with; the conversation as it will be stands on the turn.

        `fresh`: a dial, with `args` behind the code.
        """
        if isinstance(said, Opens) and said.flow not in OPENED:
            return Toast(Text("talk.button_over"))
        if not fresh:
            await self._note_seen(turn)
            turn.own_words = first_words(said)
        reply = await self._present(turn, said, args, fresh=fresh)
        while isinstance(reply, StartOver):
            reply = await self._start_over(turn, reply)
        if not isinstance(reply, View) or reply.ends or not must_ask(turn, self._config):
            return reply
        asked = first_asked(turn.conversation) is not None
        return reply if asked else self._ask_language(turn, turn.conversation, FirstAsked())

    async def _present(self, turn: Turn, said: Input, args: tuple[str, ...], *, fresh: bool) -> Reply:
        """What the conversation at hand says, or a wish to start over; begins one where there is none."""
        kept = turn.loaded.conversation
        if turn.session is not None and not fresh:
            own = turn.loaded.session_conversation
            held = own is not None and own.state is ConversationState.ACTIVE and own.holder == turn.scope
            if not held:
                return self._elsewhere(turn)
            kept = own
        if kept is None:
            if isinstance(said, Pressed) and said.value != "nav:home":
                return Toast(Text("talk.button_over"))
            return await self._begin(turn, said, args)
        turn.conversation, turn.kept_version = kept, kept.version
        if isinstance(said, Opens):
            return await self._opened(turn, kept, said)
        if isinstance(said, Pressed) and (reply := await self._old_button(turn, kept, said)) is not None:
            return reply
        if turn.session is None and kept.holder != turn.scope:
            # The person went on here what was begun elsewhere.
            return await self._arrive(turn, kept, said, args)
        if fresh:
            return await self._arrive(turn, kept, said, args)
        started = isinstance(said, Typed) and said.text.strip().casefold().startswith("/start")
        if turn.session is None and started and not kept.offering:
            return await self._arrive(turn, kept, said, args)
        if first_asked(kept) is not None:
            return await self._language_told(turn, kept, said)
        if kept.offering:
            return await self._offered(turn, kept, said)
        return await self._steps.answer(turn, kept, said)

    async def _old_button(self, turn: Turn, kept: ConversationRow, said: Pressed) -> Reply | None:
        """A button that does not stand under the present question; None for one that does.

        Clients let people tap several times. What was answered is not answered again, and an old Menu
        takes nobody out of a half-done payment: they may go on.
        """
        ours = kept.id.startswith(said.conversation)
        here = kept.holder == turn.scope
        if here and ours and said.serial == kept.serial:
            return None
        if said.value != "nav:home":
            # Of a conversation that went on elsewhere: they want to go on here.
            return None if ours and not here else Toast(Text("talk.old_button"))
        if not here:
            return None
        if turn.loaded.needs_otp is None and (kept.offering or not half_done(kept)):
            # The menu, or the offer to go on, is what they tapped for and have.
            if 0 <= turn.now_ms - kept.updated_ms < _TAPPED_AGAIN_MS:
                return Toast(Text("talk.old_button"))
            return await (
                self._offered(turn, kept, Nothing()) if kept.offering else self._steps.show(turn, kept)
            )
        return await self._arrive(turn, kept, said, ())

    async def _opened(self, turn: Turn, kept: ConversationRow, said: Opens) -> Reply:
        """A button under a message of ours that begins a conversation, while another is open. Tapped twice,
        it begins once; what is half-done is not lost by it."""
        here = kept.holder == turn.scope
        begun = said in (opening_of(kept), Opens(kept.flow, about_of(kept)))
        if here and begun and 0 <= turn.now_ms - kept.updated_ms < _TAPPED_AGAIN_MS:
            return Toast(Text("talk.old_button"))
        return await self._arrive(turn, kept, said, ())

    async def _arrive(self, turn: Turn, kept: ConversationRow, said: Input, args: tuple[str, ...]) -> Reply:
        """A dial, or a first word here, while a conversation is still open."""
        order = turn.loaded.needs_otp
        if order is not None:
            # A linked chat was asked for the code: what looks like one is the answer, said only once.
            code = said if may_be_otp(said) else Nothing()
            if kept.order_id == order.id:
                return await self._steps.answer(turn, self._here(turn, kept), code)
            return StartOver(kept, said=code)
        idle_ms = turn.now_ms - kept.updated_ms
        first = said if isinstance(said, Shared | Opens) else Nothing()
        lost = half_done(kept) and first_asked(kept) is None
        if args or not lost or idle_ms > self._timeouts.resume_s * 1000:
            return StartOver(kept, args, said=first)
        held = msgspec.structs.replace(self._here(turn, kept), offering=True, wrong=0, page=0)
        held = with_opening(held, said if isinstance(said, Opens) else None)
        if isinstance(said, Shared):
            turn.beside = CARD_NOT_USED
        return self._offer(turn, held, turn.beside)

    def _here(self, turn: Turn, kept: ConversationRow) -> ConversationRow:
        return held_here(turn, kept, self._config, self._timeouts)

    def _elsewhere(self, turn: Turn) -> View:
        """The session's conversation went on in another session or channel."""
        turn.outcome = "elsewhere"
        turn.elsewhere = True
        turn.conversation = turn.loaded.session_conversation or turn.loaded.conversation or turn.conversation
        return View(text=Text("talk.elsewhere", {"short_code": self._config.short_code}), ends=True)

    # ---- the language of whoever is new ----------------------------------------------------------

    def _ask_language(self, turn: Turn, kept: ConversationRow, first: FirstAsked) -> View:
        row = msgspec.structs.replace(with_first(kept, first), serial=kept.serial + 1)
        turn.save(row, row.journal)
        turn.step = "language"
        return first_view(row, self._config)

    async def _language_told(self, turn: Turn, kept: ConversationRow, said: Input) -> Reply:
        """The answer to the question for a language; then what stands behind it."""
        if isinstance(said, Shared):
            turn.beside, said = CARD_NOT_USED, Nothing()
        question, asked = first_question(self._config), first_asked(kept) or FirstAsked()
        shown = self._steps.shown(turn, first_view(kept, self._config))
        reading = self._reader.read(
            turn, question, said, can_go_back=shown.page > 0, more=shown.page < shown.pages - 1
        )
        turn.own_words = own_words(question, said, reading)
        if isinstance(reading, Accepted):
            settle_language(turn, reading.value)
            row = msgspec.structs.replace(with_first(kept, None), wrong=0)
            if row.offering:
                return self._offer(turn, row, last_notice(row))
            return await self._steps.show(turn, row, notice=last_notice(row))
        if isinstance(reading, Leave):
            return self._steps.leave(turn, kept)
        if isinstance(reading, More) or (isinstance(reading, Back) and shown.page > 0):
            page = shown.page + (1 if isinstance(reading, More) else -1)
            return self._ask_language(turn, kept, FirstAsked(asked.notice, page))
        problem = reading.text if isinstance(reading, Problem) else None
        wrong = kept.wrong + (problem is not None)
        if wrong >= WRONG_AT_MOST and turn.session is not None:
            # The next dial begins anew: nothing was answered yet that would be lost.
            return self._steps.stop_here(turn, kept, ())
        if wrong >= WRONG_AT_MOST:
            wrong, problem = 0, Text("talk.help")
        if isinstance(reading, Help):
            problem = self._config.help(keypad=turn.session is not None)
        row = msgspec.structs.replace(kept, wrong=wrong)
        return self._ask_language(turn, row, FirstAsked(problem or turn.beside))

    # ---- continue or start over ------------------------------------------------------------------

    def _offer(self, turn: Turn, kept: ConversationRow, notice: Text | None) -> View:
        row = msgspec.structs.replace(with_notice(kept, notice), serial=kept.serial + 1)
        turn.save(row, row.journal)
        turn.step = "resume"
        return _offer_of(row, notice)

    async def _offered(self, turn: Turn, kept: ConversationRow, said: Input) -> Reply:
        """The answer to "continue or start over"."""
        if isinstance(said, Shared):
            turn.beside, said = CARD_NOT_USED, Nothing()
        question, notice = _resume_question(kept), last_notice(kept)
        shown = self._steps.shown(turn, _offer_of(kept, notice))
        reading = self._reader.read(
            turn, question, said, can_go_back=shown.page > 0, more=shown.page < shown.pages - 1
        )
        turn.own_words = own_words(question, said, reading)
        if isinstance(reading, Accepted) and reading.value == "continue":
            return await self._resume(turn, kept)
        if isinstance(reading, More) or (isinstance(reading, Back) and shown.page > 0):
            page = shown.page + (1 if isinstance(reading, More) else -1)
            return self._offer(turn, msgspec.structs.replace(kept, page=page), notice)
        if isinstance(reading, Accepted):
            return StartOver(kept, said=opening_of(kept) or Nothing())
        if isinstance(reading, Home | Leave | Back):
            return StartOver(kept)
        problem = reading.text if isinstance(reading, Problem) else None
        if isinstance(reading, Help):
            turn.beside = self._config.help(keypad=turn.session is not None)
        wrong = kept.wrong + (problem is not None)
        if wrong >= WRONG_AT_MOST and turn.session is not None:
            return self._steps.stop_here(turn, kept, kept.journal)
        if wrong >= WRONG_AT_MOST:
            wrong, problem = 0, Text("talk.help")
        if problem is not None or turn.beside is not None:
            kept, notice = msgspec.structs.replace(kept, page=0), problem or turn.beside
        return self._offer(turn, msgspec.structs.replace(kept, wrong=wrong), notice)

    async def _resume(self, turn: Turn, kept: ConversationRow) -> Reply:
        """Go on where it stopped. What may have changed is looked up again while nothing was done yet."""
        prefill = prefill_of(kept.journal)
        moved = msgspec.structs.replace(self._here(turn, kept), offering=False, wrong=0, page=0)
        if prefill is not None and await has_acted(self._store, kept.id):
            # The process died inside the act: it is done, though the journal does not say so yet.
            stayed = msgspec.structs.replace(kept, holder=turn.scope, offering=False, wrong=0, page=0)
            return await self._steps.show(turn, stayed)
        if prefill is None:
            return await self._steps.show(turn, _guarded(moved, kept))
        return await self._steps.drive(turn, moved, self._steps.run(moved, (), prefill))

    # ---- a new one -------------------------------------------------------------------------------

    async def _start_over(self, turn: Turn, wish: StartOver) -> Reply:
        """End what was, so that what was done there stays done there, and begin anew."""
        if wish.leaves_code:
            turn.loaded = msgspec.structs.replace(turn.loaded, needs_otp=None)
        if turn.kept_version is not None:
            ended = msgspec.structs.replace(
                wish.row,
                state=ConversationState.ENDED,
                version=turn.kept_version + 1,
                updated_ms=turn.now_ms,
            )
            turn.changes.append(SaveConversation(ended, turn.kept_version))
        return await self._begin(turn, wish.said, wish.args)

    async def _begin(self, turn: Turn, said: Input, args: tuple[str, ...]) -> Reply:
        """A new conversation: the main menu, or the code that an order waits for."""
        order = turn.loaded.needs_otp
        opened = said if isinstance(said, Opens) and order is None else None
        flow = "otp" if order is not None else opened.flow if opened is not None else "main"
        about = opened.about if opened is not None else ""
        order_id = order.id if order else None
        turn.kept_version = None
        turn.conversation = ConversationRow(
            id=self._ids.uuid(),
            person_id=turn.person.id,
            address_kind=turn.inbound.address.kind,
            address_value=turn.inbound.address.value,
            flow=flow,
            facts=encode_facts(turn, order_id, self._config, self._timeouts, about),
            journal=(),
            state=ConversationState.ACTIVE,
            version=0,
            created_ms=turn.now_ms,
            updated_ms=turn.now_ms,
            holder=turn.scope,
            order_id=order_id,
        )
        prefill: dict[str, Any] = {}
        if isinstance(said, Shared):
            if flow == "main":
                prefill = {MENU: "link", "link/what": "another", "link/number": f"shared:{said.msisdn}"}
            else:
                turn.beside = CARD_NOT_USED
        if flow == "main" and turn.session is None and may_be_link_code(said):
            prefill = {MENU: "link"}
        run = self._steps.run(turn.conversation, (), prefill)
        plain = flow == "main" and not args and not prefill
        notice = await self._untold(turn) if plain else turn.beside
        if notice is None and self._reader.asks_help(turn, said):
            notice = self._config.help(keypad=False)
        if turn.session is None and turn.loaded.person is None:
            privacy = Text("chat.privacy")
            notice = privacy if notice is None else Text("lines.two", {"first": notice, "second": privacy})
        if order is not None and isinstance(said, Typed) and not said.text.startswith("/"):
            return await self._steps.answer_first(turn, run, said)
        return await self._steps.drive(turn, turn.conversation, run, args=args, notice=notice)

    async def _untold(self, turn: Turn) -> Text | None:
        """A result no channel could bring: told now, above the menu."""
        row = await self._store.untold_result(turn.person.id, _own_number(turn))
        if row is None:
            return None
        if turn.session is None:
            # A chat's reply goes out until it is there; a screen may never be seen: see _note_seen.
            turn.changes.append(MarkTold(row.id, turn.now_ms))
        return msgspec.json.decode(row.view, type=View).text

    async def _note_seen(self, turn: Turn) -> None:
        """Whoever answers a conversation's first screen has seen it, and the result that stood on it."""
        shown, own = turn.loaded.last_turn, turn.loaded.session_conversation
        if turn.session is None or shown is None or own is None or turn.loaded.person is None:
            return
        if any(entry.kind != "look" for entry in own.journal):
            return
        row = await self._store.untold_result(turn.person.id, _own_number(turn))
        if row is None:
            return
        code = msgspec.json.decode(row.view, type=View).text.values.get("code")
        if not isinstance(code, str) or code in shown.text:
            turn.changes.append(MarkTold(row.id, turn.now_ms))


def _own_number(turn: Turn) -> str:
    """The number that the person speaks from; empty in a chat."""
    address = turn.inbound.address
    return address.value if address.kind == "msisdn" else ""


def _guarded(moved: ConversationRow, kept: ConversationRow) -> ConversationRow:
    """The conversation back at the guard it had passed, if any: what was done stays done, and what the
    guard opened is kept until it is passed anew."""
    at = before_guard(kept.journal)
    if at is None:
        return moved
    back = msgspec.structs.replace(moved, journal=kept.journal[:at])
    return with_behind(back, kept.journal[at + 1 :])


def _offer_of(row: ConversationRow, notice: Text | None) -> View:
    begun = part_begun(row.journal)
    return View(
        text=Text("talk.resume_part", {"part": Text(f"menu.{begun}")}) if begun else Text("talk.resume"),
        notice=notice,
        choices=_resume_choices(row),
        serial=row.serial,
        wants="menu",
        page=row.page,
        conversation=row.id[:8],
    )


def _resume_choices(row: ConversationRow) -> tuple[Choice, ...]:
    """To go on, or to begin anew: from the start, or with what a button opens."""
    other = "talk.start_over" if opening_of(row) is None else "talk.open_it"
    return Choice("continue", Text("talk.continue")), Choice("over", Text(other))


def _resume_question(row: ConversationRow) -> Question[Any]:
    talk = Talk(Facts(channel="", region=""))
    return talk.choose("resume", _resume_choices(row), text="talk.resume")
