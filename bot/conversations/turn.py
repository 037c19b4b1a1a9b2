"""The state of one turn until its commit. Decides nothing."""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.conversations.timeout_reply import TimeoutReply
from bot.dialog import Entry, Facts, Inbound, Run, Text
from bot.operations.actor import Actor
from bot.store.base import Change, LoadedTurn, SaveConversation
from bot.store.records import AddressRow, ConversationRow, ConversationState, PersonRow, SessionRow
from flows.help import help_text

__all__ = ["Turn", "TurnsConfig"]


class TurnsConfig(msgspec.Struct, frozen=True):
    """What turns need of the settings."""

    region: str
    language: str
    languages: tuple[str, ...]
    short_code: str
    # What the accounts can do beyond payments: preapproval, invoice, bill.
    offers: tuple[str, ...] = ()
    # Whom people may ask; empty where the operator names nobody.
    help_contact: str = ""
    # The operator takes no fee of theirs.
    free: bool = False

    def help(self, *, keypad: bool) -> Text:
        """What can be done here, and whom to ask."""
        return help_text(keypad=keypad, contact=self.help_contact, free=self.free)

    # The word for "language" in each of them, for whoever has not chosen one yet.
    language_words: str = ""

    def told(self, tag: str) -> str:
        """The language we speak that fits an IETF tag; empty where it is none of ours."""
        short = tag.lower().split("-")[0].split("_")[0]
        return short if short in self.languages else ""

    def guess(self, tag: str) -> str:
        """The language we speak that fits an IETF tag, else the default one."""
        return self.told(tag) or self.language


_NO_CONVERSATION: Final = ConversationRow(
    id="",
    person_id="",
    address_kind="",
    address_value="",
    flow="",
    facts="",
    journal=(),
    state=ConversationState.ENDED,
    version=0,
    created_ms=0,
    updated_ms=0,
)


class Turn:
    """One turn: what came, what was loaded for it, and what is to be committed.

    `scope` is where the person is, a session's id or a chat's address: it holds the conversation, and
    with `key` it names the delivery. `ours` are deliveries marked running by this very call, whose lease
    is ours to go on with. `conversation` is as it will be; `kept_version` is the version it has in the
    store, None until it is there.
    """

    def __init__(
        self,
        inbound: Inbound,
        loaded: LoadedTurn,
        now_ms: int,
        timeout_reply: TimeoutReply,
        *,
        scope: str,
        ours: set[tuple[str, str]],
    ) -> None:
        self.inbound = inbound
        self.loaded = loaded
        self.timeout_reply = timeout_reply
        self.now_ms = now_ms
        self.scope = scope
        self.key = inbound.turn_key
        self.ours = ours
        # The gateway names no delivery: the key counts the turns of its session.
        self.counted = False
        self.changes: list[Change] = []
        self.person: PersonRow
        self.address: AddressRow
        self.session: SessionRow | None = None
        self.conversation = _NO_CONVERSATION
        # Its kept row with the run of its journal, where that was replayed before what was said is answered.
        self.replayed: tuple[ConversationRow, Run] | None = None
        self.kept_version: int | None = None
        # The conversation is spoken to elsewhere; this session only says so.
        self.elsewhere = False
        self.step = ""
        # What the person said, as far as it may be kept.
        self.own_words: Text | None = None
        # What a chat says in passing: under the button that was pressed, in place of a thank-you.
        self.beside: Text | None = None
        self.outcome = "answered"

    def save(self, row: ConversationRow, journal: Sequence[Entry]) -> None:
        """Add the conversation's new state to the changes, on top of an earlier one of this turn."""
        expected = self.kept_version
        version = 0 if expected is None else expected + 1
        self.conversation = msgspec.structs.replace(
            row, journal=tuple(journal), version=version, updated_ms=self.now_ms
        )
        self.changes.append(SaveConversation(self.conversation, expected))
        self.kept_version = version

    def actor(self, row: ConversationRow | None = None) -> Actor:
        """Who speaks, in the turn's conversation or in `row`."""
        row = row or self.conversation
        facts = msgspec.json.decode(row.facts, type=Facts)
        # A phone lies on a counter, its screen has few letters, and may never be seen.
        by_phone = self.inbound.channel == "ussd"
        return Actor(
            person=self.person,
            address=self.inbound.address,
            channel=self.inbound.channel,
            verified=self.inbound.verified or self.address.verified_ms is not None,
            msisdn=facts.msisdn,
            staff=self.loaded.staff,
            address_row=self.address,
            needs_pin=by_phone,
            plain_letters=by_phone,
            sees_answer=not by_phone,
            renewed=self.inbound.renewed,
            peer=self.inbound.peer or f"{self.inbound.address.kind}:{self.inbound.address.value}",
        )
