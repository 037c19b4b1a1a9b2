"""What a conversation knows of its person and place, and what it last asked there. Pure.

Facts are written when a conversation begins and when it moves to another place, never in between: a
replay must find what the flow found.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.conversations.turn import Turn, TurnsConfig
from bot.dialog import Entry, Facts, Opens, Question, Text
from bot.notifications.order_messages import is_fresh
from bot.runtime.timeouts import Timeouts
from bot.store.records import ConversationRow

__all__ = [
    "FirstAsked",
    "about_of",
    "behind_guard",
    "encode_facts",
    "first_asked",
    "held_here",
    "last_asked",
    "last_notice",
    "name_of",
    "opening_of",
    "with_asked",
    "with_behind",
    "with_first",
    "with_notice",
    "with_opening",
]


class FirstAsked(msgspec.Struct, frozen=True):
    """How the question for a language was shown: see bot.conversations.first_contact."""

    notice: Text | None = None
    page: int = 0


class _KeptFacts(Facts, frozen=True):
    """A conversation's facts as its row keeps them: with where its person stands in it."""

    # The question that was asked last: see `name_of`.
    asked: str = ""
    # What stood above it; pages are those of the screen as it was shown.
    notice: Text | None = None
    # What was answered behind a guard that has to be passed anew.
    behind: tuple[Entry, ...] = ()
    # What begins instead, where the person is asked whether to go on first.
    opening: Opens | None = None
    # The question for a language, while it stands in front.
    first: FirstAsked | None = None


def encode_facts(
    turn: Turn, order_id: str | None, config: TurnsConfig, timeouts: Timeouts, about: str = ""
) -> str:
    """The facts of a conversation that begins, or goes on, where this turn's person is now."""
    addresses = turn.loaded.addresses
    own = turn.inbound.address.value if turn.inbound.address.kind == "msisdn" else ""
    numbers = [
        a.value
        for a in addresses
        if a.kind == "msisdn" and a.verified_ms and is_fresh(a, turn.now_ms, timeouts)
    ]
    linked = numbers[0] if numbers else ""
    facts = Facts(
        channel=turn.inbound.channel,
        region=config.region,
        msisdn=own or linked,
        language=turn.person.language,
        languages=config.languages,
        staff=bool(turn.loaded.staff),
        linked=tuple(sorted({a.kind for a in addresses})),
        short_code=config.short_code,
        order_id=order_id or "",
        about=about,
        offers=config.offers,
        help_contact=config.help_contact,
        network=turn.inbound.session.network if turn.inbound.session is not None else "",
        free=config.free,
    )
    return msgspec.json.encode(facts).decode()


def held_here(turn: Turn, kept: ConversationRow, config: TurnsConfig, timeouts: Timeouts) -> ConversationRow:
    """The conversation, moved to where the person is now."""
    moved = msgspec.structs.replace(
        kept,
        holder=turn.scope,
        address_kind=turn.inbound.address.kind,
        address_value=turn.inbound.address.value,
        facts=encode_facts(turn, kept.order_id, config, timeouts, about_of(kept)),
    )
    behind = behind_guard(kept)
    return with_behind(moved, behind) if behind else moved


def about_of(row: ConversationRow) -> str:
    """What the button named that began the conversation; empty where none did."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts).about
    except msgspec.ValidationError:
        return ""


def with_opening(row: ConversationRow, opening: Opens | None) -> ConversationRow:
    """The conversation, keeping what begins in its place unless its person goes on with it."""
    facts = msgspec.json.decode(row.facts, type=_KeptFacts)
    kept = msgspec.structs.replace(facts, opening=opening)
    return msgspec.structs.replace(row, facts=msgspec.json.encode(kept).decode())


def opening_of(row: ConversationRow) -> Opens | None:
    """What begins in the conversation's place unless its person goes on with it."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts).opening
    except msgspec.ValidationError:
        return None


def with_asked(row: ConversationRow, question: Question[Any], notice: Text | None) -> ConversationRow:
    """The conversation, knowing that this question is shown now, below this notice."""
    facts = msgspec.json.decode(row.facts, type=_KeptFacts)
    kept = msgspec.structs.replace(facts, asked=name_of(question), notice=notice)
    return msgspec.structs.replace(row, facts=msgspec.json.encode(kept).decode())


def last_asked(row: ConversationRow) -> str:
    """The name of the question shown last, empty where it cannot be told."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts).asked
    except msgspec.ValidationError:
        return ""


def with_notice(row: ConversationRow, notice: Text | None) -> ConversationRow:
    """The conversation, knowing what stands above what is shown now."""
    facts = msgspec.json.decode(row.facts, type=_KeptFacts)
    kept = msgspec.structs.replace(facts, notice=notice)
    return msgspec.structs.replace(row, facts=msgspec.json.encode(kept).decode())


def last_notice(row: ConversationRow) -> Text | None:
    """What stood above the question shown last."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts).notice
    except msgspec.ValidationError:
        return None


def behind_guard(row: ConversationRow) -> tuple[Entry, ...]:
    """What was answered behind the guard that the conversation stands at."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts).behind
    except msgspec.ValidationError:
        return ()


def with_behind(row: ConversationRow, entries: Sequence[Entry]) -> ConversationRow:
    """The conversation, keeping these entries until its guard is passed."""
    facts = msgspec.json.decode(row.facts, type=_KeptFacts)
    kept = msgspec.structs.replace(facts, behind=tuple(entries))
    return msgspec.structs.replace(row, facts=msgspec.json.encode(kept).decode())


def first_asked(row: ConversationRow) -> FirstAsked | None:
    """How the question for a language stands in front of the conversation; None where it does not."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts).first
    except msgspec.ValidationError:
        return None


def with_first(row: ConversationRow, first: FirstAsked | None) -> ConversationRow:
    """The conversation, with or without the question for a language in front."""
    facts = msgspec.json.decode(row.facts, type=_KeptFacts)
    kept = msgspec.structs.replace(facts, first=first)
    return msgspec.structs.replace(row, facts=msgspec.json.encode(kept).decode())


def name_of(question: Question[Any]) -> str:
    """What makes a question another one: an answer to this never answers that."""
    return " ".join((question.kind, question.key, *(choice.value for choice in question.choices)))
