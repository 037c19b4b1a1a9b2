"""Queues one message to one address. Pure: every message of ours is made here."""

from collections.abc import Callable

import msgspec

from bot.dialog import Address, View
from bot.store.base import Queue
from bot.store.records import MessageKind, MessageRow, MessageState

__all__ = ["NewId", "encode_view", "queue"]

NewId = Callable[[], str]


def queue(
    view: View,
    kind: MessageKind,
    target: Address,
    *,
    person_id: str,
    dedupe_key: str,
    now_ms: int,
    new_id: NewId,
    due_ms: int | None = None,
    order_id: str | None = None,
    conversation_id: str | None = None,
    thread: str = "",
    sent: bool = False,
) -> Queue:
    """The change that queues `view` for one address.

    `due_ms`: not before then; now where not given. `sent`: the address has it already, and it is kept for the
    history of the chat only.
    """
    return Queue(
        MessageRow(
            id=new_id(),
            dedupe_key=dedupe_key,
            kind=kind,
            person_id=person_id,
            address_kind=target.kind,
            address_value=target.value,
            view=encode_view(view),
            state=MessageState.SENT if sent else MessageState.QUEUED,
            created_ms=now_ms,
            due_ms=now_ms if due_ms is None else due_ms,
            order_id=order_id,
            conversation_id=conversation_id,
            thread=thread,
            sent_ms=now_ms if sent else None,
        )
    )


def encode_view(view: View) -> str:
    return msgspec.json.encode(view).decode()
