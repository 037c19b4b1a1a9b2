"""Builds the messages about what waits for a second person: to who may approve it, and to who asked. Pure.

Whoever was asked in a chat sees there how it ended: the message that asked them is turned into that. A text
message cannot be, and opens nothing by itself, so no second one follows it.
"""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Address, Name, Number, Opening, Text, Value, View
from bot.money import Money
from bot.notifications.queueing import NewId, queue
from bot.store.base import Change, DropMessages, Queue
from bot.store.records import ApprovalRow, ApprovalState, MessageKind, MessageRow, OrderRequest

__all__ = ["approval_ended", "approval_prompts"]

# Whoever decided reads the answer to that first.
_AFTER_THE_ANSWER_MS: Final = 1_000


def approval_prompts(
    approval: ApprovalRow,
    merchant: Name,
    asked_by: Name,
    targets: Sequence[tuple[str, str, str]],
    *,
    new_id: NewId,
) -> list[Queue]:
    """One to each (person, kind of address, value) who may approve what `asked_by` asked for. In a chat it is
    opened from there."""
    values = _values(approval.request) | {"by": asked_by, "merchant": merchant}
    by_sms = View(text=Text("approval.asked", values), ends=True)
    by_chat = View(text=Text("approval.asked_chat", values), ends=True, opens=Opening("approve", approval.id))
    return [
        queue(
            by_sms if kind == "msisdn" else by_chat,
            MessageKind.PROMPT,
            Address(kind, value),
            person_id=person_id,
            dedupe_key=f"approval:{approval.id}:{kind}:{value}",
            now_ms=approval.created_ms,
            new_id=new_id,
            # Of the order that it will make: so what is said of its end finds them.
            order_id=approval.request.id,
        )
        for person_id, kind, value in targets
    ]


def approval_ended(
    approval: ApprovalRow,
    to_state: ApprovalState,
    prompts: Sequence[MessageRow],
    by: Name = "",
    *,
    now_ms: int,
    new_id: NewId,
) -> list[Change]:
    """To whoever asked, where they asked it; and in the place of those of the `prompts` that stand in a chat.
    `by` decided, unless nobody did in its time."""
    request = approval.request
    values = _values(request) | {"by": by}
    ended = View(text=Text(f"approval.ended.{to_state.value}", values), ends=True)
    outcome = View(text=Text(f"approval.outcome.{to_state.value}", values), ends=True)
    # What was not said yet need not be said any more.
    changes: list[Change] = [DropMessages(request.id, MessageKind.PROMPT)]
    changes += [
        queue(
            ended,
            MessageKind.EDIT,
            Address(row.address_kind, row.address_value),
            person_id=row.person_id,
            dedupe_key=f"approval:{approval.id}:{to_state.value}:{row.address_kind}:{row.address_value}",
            now_ms=now_ms,
            due_ms=now_ms + _AFTER_THE_ANSWER_MS,
            new_id=new_id,
            order_id=request.id,
        )
        for row in prompts
        if row.kind is MessageKind.PROMPT and row.address_kind != "msisdn"
    ]
    origin = Address(request.origin_kind, request.origin_value)
    told = queue(
        outcome,
        MessageKind.RESULT,
        origin,
        person_id=request.person_id,
        dedupe_key=f"decided:{approval.id}:{origin.kind}:{origin.value}",
        now_ms=now_ms,
        new_id=new_id,
    )
    return [*changes, told]


def _values(request: OrderRequest) -> dict[str, Value]:
    return {
        "amount": Money(request.amount_minor, request.currency),
        "to": Number(request.payee) if request.payee else Text("party.bank_account"),
        "kind": Text(f"kind.{request.kind.value}"),
    }
