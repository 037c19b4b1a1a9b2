"""Conversations, gateway sessions and turns; and what a turn loads."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from typing import Final

from bot.store import order_reads, people
from bot.store.base import Conflict, KeepTurn, LoadedTurn, SaveConversation, SaveSession, TurnQuery
from bot.store.records import ConversationRow, ConversationState, SessionRow, TurnRow
from bot.store.rows import CONVERSATIONS, SESSIONS, TURNS, Tx

__all__ = ["conversation", "keep_turn", "load_turn", "save_conversation", "save_session"]

# ---- changes -------------------------------------------------------------------------------------

_ANOTHER_ACTIVE: Final = "SELECT 1 FROM conversations WHERE person_id = ? AND state = 'active' AND id <> ?"
_KEPT_FIELDS: Final = ("id", "created_ms")
_UPDATE_CONVERSATION: Final = (
    "UPDATE conversations SET "
    + ", ".join(f"{column} = ?" for column in CONVERSATIONS.columns if column not in _KEPT_FIELDS)
    + " WHERE id = ? AND version = ?"
)
_CHANGING: Final = [index for index, column in enumerate(CONVERSATIONS.columns) if column not in _KEPT_FIELDS]


def save_conversation(tx: Tx, change: SaveConversation) -> None:
    row = change.row
    if (
        row.state is ConversationState.ACTIVE
        and tx.execute(_ANOTHER_ACTIVE, (row.person_id, row.id)).fetchone() is not None
    ):
        raise Conflict("conversation")
    values = CONVERSATIONS.write(row)
    if change.expected is None:
        kept = tx.execute(CONVERSATIONS.insert, values).rowcount
    else:
        if row.version <= change.expected:
            raise ValueError("a saved conversation carries a higher version than the one it replaces")
        changed = [values[index] for index in _CHANGING]
        kept = tx.execute(_UPDATE_CONVERSATION, (*changed, row.id, change.expected)).rowcount
    if kept == 0:
        raise Conflict("conversation")


_UPDATE_SESSION: Final = """
    UPDATE sessions SET conversation_id = ?, open = ?, last_ms = ?, text_length = ?, text_hash = ?,
        first_key = ?, turns = ?
    WHERE id = ? AND gateway = ? AND session_id = ? AND msisdn = ? AND generation = ?
"""


def save_session(tx: Tx, change: SaveSession) -> None:
    row = change.row
    mutable = (
        row.conversation_id,
        int(row.open),
        row.last_ms,
        row.text_length,
        row.text_hash,
        row.first_key,
        row.turns,
    )
    key = (row.id, row.gateway, row.session_id, row.msisdn, row.generation)
    if (
        tx.execute(_UPDATE_SESSION, (*mutable, *key)).rowcount == 0
        and tx.execute(SESSIONS.insert, SESSIONS.write(row)).rowcount == 0
    ):
        raise Conflict("session")


_NEXT_TURN: Final = "SELECT COALESCE(MAX(seq), 0) + 1 FROM turns WHERE scope = ?"
_REPLACE_TURN: Final = """
    UPDATE turns SET state = ?, at_ms = ?, text = ?, keep_open = ?, lease_until_ms = ?
    WHERE scope = ? AND key = ? AND state = 'running' AND (? = 'done' OR lease_until_ms <= ?)
"""


def keep_turn(tx: Tx, change: KeepTurn) -> None:
    row = change.row
    seq = tx.execute(_NEXT_TURN, (row.scope,)).fetchone()[0]
    if tx.execute(TURNS.insert, [*TURNS.write(row), seq]).rowcount == 1:
        return
    state = row.state.value
    outcome = (state, row.at_ms, row.text, int(row.keep_open), row.lease_until_ms)
    if tx.execute(_REPLACE_TURN, (*outcome, row.scope, row.key, state, row.at_ms)).rowcount == 0:
        raise Conflict("turn")


# ---- reads ---------------------------------------------------------------------------------------

_CONVERSATION: Final = f"SELECT {CONVERSATIONS.select} FROM conversations WHERE id = ?"
_ACTIVE: Final = f"SELECT {CONVERSATIONS.select} FROM conversations WHERE person_id = ? AND state = 'active'"
_NEWEST_SESSION: Final = f"""
    SELECT {SESSIONS.select} FROM sessions WHERE gateway = ? AND session_id = ? AND msisdn = ?
    ORDER BY generation DESC LIMIT 1
"""
_TURN: Final = f"SELECT {TURNS.select} FROM turns WHERE scope = ? AND key = ?"
_LAST_TURN: Final = f"SELECT {TURNS.select} FROM turns WHERE scope = ? ORDER BY seq DESC LIMIT 1"


def conversation(tx: Tx, conversation_id: str) -> ConversationRow | None:
    return CONVERSATIONS.one(tx, _CONVERSATION, conversation_id)


def load_turn(tx: Tx, query: TurnQuery) -> LoadedTurn:
    """Needs one snapshot around it: the rows are read one after the other."""
    kind, value = query.address_kind, query.address_value
    session: SessionRow | None = None
    session_conversation: ConversationRow | None = None
    turn: TurnRow | None = None
    last_turn: TurnRow | None = None
    if query.gateway:
        session = SESSIONS.one(tx, _NEWEST_SESSION, query.gateway, query.session_id, value)
    if session is not None:
        last_turn = TURNS.one(tx, _LAST_TURN, session.id)
        if session.conversation_id is not None:
            session_conversation = conversation(tx, session.conversation_id)
    scope = query.scope or (session.id if session is not None else "")
    if scope:
        # The newest turn is the wanted one whenever a gateway repeats itself.
        known = last_turn is not None and last_turn.scope == scope and last_turn.key == query.key
        turn = last_turn if known else TURNS.one(tx, _TURN, scope, query.key)
    staff = people.staff_of(tx, kind, value)
    owner = people.owner_of(tx, kind, value)
    if owner is None:
        return LoadedTurn(
            session=session,
            session_conversation=session_conversation,
            turn=turn,
            last_turn=last_turn,
            staff=staff,
        )
    person, address = owner
    return LoadedTurn(
        person=person,
        address=address,
        addresses=people.addresses_of(tx, person.id),
        conversation=CONVERSATIONS.one(tx, _ACTIVE, person.id),
        session=session,
        session_conversation=session_conversation,
        turn=turn,
        last_turn=last_turn,
        needs_otp=order_reads.waiting_for_otp(tx, person.id),
        staff=staff,
    )
