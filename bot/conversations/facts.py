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
    return _kept(row).about


def with_opening(row: ConversationRow, opening: Opens | None) -> ConversationRow:
    """The conversation, keeping what begins in its place unless its person goes on with it."""
    return _keeping(row, opening=opening)


def opening_of(row: ConversationRow) -> Opens | None:
    """What begins in the conversation's place unless its person goes on with it."""
    return _kept(row).opening


def with_asked(row: ConversationRow, question: Question[Any], notice: Text | None) -> ConversationRow:
    """The conversation, knowing that this question is shown now, below this notice."""
    return _keeping(row, asked=name_of(question), notice=notice)


def last_asked(row: ConversationRow) -> str:
    """The name of the question shown last, empty where it cannot be told."""
    return _kept(row).asked


def with_notice(row: ConversationRow, notice: Text | None) -> ConversationRow:
    """The conversation, knowing what stands above what is shown now."""
    return _keeping(row, notice=notice)


def last_notice(row: ConversationRow) -> Text | None:
    """What stood above the question shown last."""
    return _kept(row).notice


def behind_guard(row: ConversationRow) -> tuple[Entry, ...]:
    """What was answered behind the guard that the conversation stands at."""
    return _kept(row).behind


def with_behind(row: ConversationRow, entries: Sequence[Entry]) -> ConversationRow:
    """The conversation, keeping these entries until its guard is passed."""
    return _keeping(row, behind=tuple(entries))


def first_asked(row: ConversationRow) -> FirstAsked | None:
    """How the question for a language stands in front of the conversation; None where it does not."""
    return _kept(row).first


def with_first(row: ConversationRow, first: FirstAsked | None) -> ConversationRow:
    """The conversation, with or without the question for a language in front."""
    return _keeping(row, first=first)


def name_of(question: Question[Any]) -> str:
    """What makes a question another one: an answer to this never answers that."""
    return " ".join((question.kind, question.key, *(choice.value for choice in question.choices)))


def _kept(row: ConversationRow) -> _KeptFacts:
    """The facts as the row keeps them; empty ones where older code wrote what cannot be read."""
    try:
        return msgspec.json.decode(row.facts, type=_KeptFacts)
    except msgspec.ValidationError:
        return _KeptFacts(channel="", region="")


def _keeping(row: ConversationRow, **changed: Any) -> ConversationRow:
    """The conversation with these of its facts changed. Raises ValidationError where they cannot be read."""
    facts = msgspec.json.decode(row.facts, type=_KeptFacts)
    kept = msgspec.structs.replace(facts, **changed)
    return msgspec.structs.replace(row, facts=msgspec.json.encode(kept).decode())
