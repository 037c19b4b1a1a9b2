"""Changes, applied inside an open transaction. Whoever opened it keeps all of a commit or none."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from bot.store import agreements, announcing, chores, forgetting, inbox, messages, orders, people, turns
from bot.store.base import (
    AddIncident,
    Announce,
    Change,
    Conflict,
    CountTries,
    CreateOrder,
    Decide,
    DropMessages,
    EndAddress,
    EndRecheck,
    EndUpdate,
    ExpireApproval,
    ForgetPerson,
    Hint,
    KeepAgreement,
    KeepAnnouncing,
    KeepApproval,
    KeepLinkCode,
    KeepMerchant,
    KeepRecheck,
    KeepStaff,
    KeepTurn,
    KeepWebhook,
    LinkAddress,
    MarkTold,
    MoveAgreement,
    MoveOrder,
    PutOffRecheck,
    Queue,
    Redrive,
    RenewAddress,
    SaveAddress,
    SaveConversation,
    SavePerson,
    SaveSession,
    SetPin,
    SetSwitch,
    SettleMessage,
    StopAnnouncing,
    TellHeldBack,
    UnlinkChat,
    UpdateOrder,
    UseLinkCode,
)
from bot.store.rows import Tx

__all__ = ["CHANGES", "apply"]

# What each change does, and what its Conflict names.
CHANGES: Final[dict[type, tuple[Callable[[Tx, Any], None], str]]] = {
    SavePerson: (people.save_person, "person"),
    SaveAddress: (people.save_address, "address"),
    EndAddress: (people.end_address, "address"),
    ForgetPerson: (forgetting.forget_person, "person"),
    LinkAddress: (people.link_address, "address"),
    RenewAddress: (people.renew_address, "address"),
    UnlinkChat: (people.unlink_chat, "address"),
    SaveConversation: (turns.save_conversation, "conversation"),
    SaveSession: (turns.save_session, "session"),
    KeepTurn: (turns.keep_turn, "turn"),
    CreateOrder: (orders.create, "order"),
    MoveOrder: (orders.move, "order"),
    UpdateOrder: (orders.update, "order"),
    KeepAgreement: (agreements.keep, "agreement"),
    MoveAgreement: (agreements.move, "agreement"),
    KeepApproval: (agreements.keep_approval, "approval"),
    Decide: (agreements.decide, "approval"),
    ExpireApproval: (agreements.expire, "approval"),
    SetSwitch: (agreements.set_switch, "switch"),
    Queue: (messages.queue, "message"),
    SettleMessage: (messages.settle, "message"),
    MarkTold: (messages.mark_told, "message"),
    Redrive: (messages.redrive, "message"),
    EndUpdate: (inbox.end, "update"),
    KeepMerchant: (people.keep_merchant, "merchant"),
    KeepStaff: (people.keep_staff, "staff"),
    CountTries: (people.count_tries, "staff"),
    SetPin: (people.set_pin, "staff"),
    KeepLinkCode: (people.keep_link_code, "link"),
    UseLinkCode: (people.use_link_code, "link"),
    KeepWebhook: (chores.keep_webhook, "webhook"),
    Hint: (orders.take_hint, "hint"),
    KeepRecheck: (chores.keep_recheck, "recheck"),
    EndRecheck: (chores.end_recheck, "recheck"),
    PutOffRecheck: (chores.put_off_recheck, "recheck"),
    AddIncident: (chores.add_incident, "incident"),
    KeepAnnouncing: (announcing.keep, "announcing"),
    StopAnnouncing: (announcing.stop, "announcing"),
    Announce: (announcing.announce, "announcing"),
    TellHeldBack: (announcing.tell_held_back, "announcing"),
}


_RANKS: Final[dict[type, int]] = {AddIncident: -1, LinkAddress: 1, RenewAddress: 2}

# Where the schema's own words say more than the change's name does.
_TAKEN: Final = (
    ("orders.provider_reference", "reference"),
    ("what was accepted first", "reference"),
    ("refunds never exceed", "refund"),
    ("payouts are switched off", "off"),
)


def apply(tx: Tx, changes: Sequence[Change], now_ms: int) -> None:
    """Raises Conflict, and ValueError for what the schema forbids whoever says it: a fault of the caller.

    A link goes last, since it ends the conversation that the same turn may still save, and a new value of an
    address after it. Incidents go first: without one no order becomes UNRESOLVED.
    """
    for change in sorted(changes, key=_rank):
        _apply_one(tx, change, now_ms)


def _rank(change: Change) -> int:
    return _RANKS.get(type(change), 0)


def _apply_one(tx: Tx, change: Change, now_ms: int) -> None:
    if isinstance(change, DropMessages):
        messages.drop(tx, change, now_ms)
        return
    act, what = CHANGES[type(change)]
    try:
        act(tx, change)
    except sqlite3.IntegrityError as error:
        for words, taken in _TAKEN:
            if words in str(error):
                raise Conflict(taken) from error
        if error.sqlite_errorname in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
            raise Conflict(what) from error
        # SQLite names the rule that was broken, never a value.
        raise ValueError(f"{type(change).__name__} is refused: {error}") from error
