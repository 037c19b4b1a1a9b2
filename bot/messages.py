"""The messages an order causes: who is told what, where, and under which dedupe key. Pure."""

from collections.abc import Callable, Sequence

import msgspec

from bot.dialog import Address, Number, Text, Value, View
from bot.money import Money, OrderState, Reason
from bot.store.base import Queue
from bot.store.records import AddressRow, MessageKind, MessageRow, MessageState, OrderRow

__all__ = ["encode_view", "order_values", "otp_prompts", "reply_message", "result_messages", "told_by_turn"]

NewId = Callable[[], str]

_RESULT = {
    OrderState.SUCCESSFUL: "result.successful",
    OrderState.FAILED: "result.failed",
    OrderState.REVERSED: "result.reversed",
    OrderState.UNRESOLVED: "result.checking",
}


def encode_view(view: View) -> str:
    return msgspec.json.encode(view).decode()


def order_values(order: OrderRow, merchant: str, reason: Reason | None = None) -> dict[str, Value]:
    """What a message about an order may show; the number masked."""
    return {
        "code": order.code,
        "amount": Money(order.amount_minor, order.currency),
        "merchant": merchant,
        "payer": Number(order.payer),
        "reason": Text(f"reason.{(reason or order.reason or Reason.OTHER).value}"),
    }


def told_by_turn(channel: str, address: Address) -> Address | None:
    """The address that has read a result as the answer of its own turn; a USSD screen may be missed."""
    return None if channel == "ussd" else address


def result_messages(
    order: OrderRow,
    said: OrderState,
    merchant: str,
    addresses: Sequence[AddressRow],
    *,
    now_ms: int,
    new_id: NewId,
    reason: Reason | None = None,
    told: Address | None = None,
) -> list[Queue]:
    """One message for where the order began and, for an order begun over USSD, one for each linked chat.

    `told` has seen the result already. Empty for a state that nobody waits to hear of.
    """
    if said not in _RESULT:
        return []
    # Who was told "not paid" and now hears "paid" must hear that it is a correction.
    sentence = "result.corrected" if order.state is OrderState.FAILED else _RESULT[said]
    view = View(text=Text(sentence, order_values(order, merchant, reason)), ends=True, order_id=order.id)
    origin = Address(order.origin_kind, order.origin_value)
    targets = [origin]
    if origin.kind == "msisdn":
        targets += [Address(a.kind, a.value) for a in addresses if _linked_chat(a)]
    return [
        Queue(
            MessageRow(
                id=new_id(),
                dedupe_key=f"result:{order.id}:{said.value}:{target.kind}:{target.value}",
                kind=MessageKind.RESULT,
                person_id=order.person_id,
                address_kind=target.kind,
                address_value=target.value,
                view=encode_view(view),
                state=MessageState.QUEUED,
                created_ms=now_ms,
                due_ms=now_ms,
                order_id=order.id,
            )
        )
        for target in targets
        if target != told
    ]


def otp_prompts(
    order: OrderRow,
    merchant: str,
    addresses: Sequence[AddressRow],
    *,
    now_ms: int,
    delay_ms: int,
    new_id: NewId,
) -> list[Queue]:
    """Asks in the linked chats for a code that the open session may not bring; dropped if it does."""
    view = View(text=Text("otp.prompt", order_values(order, merchant)), ends=True, wants="secret")
    return [
        Queue(
            MessageRow(
                id=new_id(),
                dedupe_key=f"otp:{order.id}:{chat.kind}:{chat.value}",
                kind=MessageKind.PROMPT,
                person_id=order.person_id,
                address_kind=chat.kind,
                address_value=chat.value,
                view=encode_view(view),
                state=MessageState.QUEUED,
                created_ms=now_ms,
                due_ms=now_ms + delay_ms,
                order_id=order.id,
            )
        )
        for chat in addresses
        if _linked_chat(chat) and (chat.kind, chat.value) != (order.origin_kind, order.origin_value)
    ]


def reply_message(
    view: View,
    *,
    address: Address,
    person_id: str,
    conversation_id: str | None,
    key: str,
    now_ms: int,
    new_id: NewId,
) -> Queue:
    """A turn's answer to a chat."""
    return Queue(
        MessageRow(
            id=new_id(),
            dedupe_key=f"reply:{address.kind}:{address.value}:{key}",
            kind=MessageKind.REPLY,
            person_id=person_id,
            address_kind=address.kind,
            address_value=address.value,
            view=encode_view(view),
            state=MessageState.QUEUED,
            created_ms=now_ms,
            due_ms=now_ms,
            order_id=view.order_id,
            conversation_id=conversation_id,
        )
    )


def _linked_chat(address: AddressRow) -> bool:
    return address.kind != "msisdn" and address.verified_ms is not None and address.reachable
