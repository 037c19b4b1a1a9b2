"""Builds the messages to people who started nothing: a payer billed, a merchant's staff. Pure."""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Address, Moment, Name, Number, Text, Value, View
from bot.money import PAYMENTS, AgreementKind, AgreementState, Money, OrderState
from bot.notifications.order_messages import linked_chats
from bot.notifications.queueing import NewId, queue
from bot.runtime.timeouts import Timeouts
from bot.store.base import Queue
from bot.store.records import AddressRow, AgreementRow, MessageKind, OrderRow

__all__ = [
    "agreement_results",
    "invoice_notices",
    "late_invoice_notices",
    "staff_notices",
]

_IN_WORDS: Final = {
    OrderState.SUCCESSFUL: "successful",
    OrderState.FAILED: "failed",
    OrderState.REVERSED: "reversed",
}
_DONE: Final = {
    OrderState.SUCCESSFUL: "done",
    OrderState.FAILED: "not_done",
    OrderState.REVERSED: "undone",
}


def invoice_notices(
    row: AgreementRow,
    merchant: Name,
    payer_id: str,
    addresses: Sequence[AddressRow],
    payment_reference: str,
    *,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
) -> list[Queue]:
    """To the payer of an invoice that stands now, on the number and in the linked chats. `payer_id` is
    empty for a number that has never spoken here."""
    values: dict[str, Value] = {
        "merchant": merchant,
        "amount": Money(row.amount_minor, row.currency),
        "description": row.description,
        "reference": payment_reference or row.code,
        "until": Moment(row.until_ms or now_ms, day=True),
    }
    view = View(text=Text("invoice.received", values), ends=True)
    return _to_payer(view, row.payer, payer_id, addresses, f"invoice:{row.id}", now_ms, new_id, timeouts)


def staff_notices(
    sentence: str,
    order: OrderRow,
    merchant: Name,
    targets: Sequence[tuple[str, Address]],
    *,
    key: str,
    now_ms: int,
    new_id: NewId,
    to_state: OrderState | None = None,
) -> list[Queue]:
    """To those at the merchant whom its money matters to: an order that was over has changed, or may have.
    `to_state` is what it became, or what the provider says of it."""
    words = _IN_WORDS if order.kind in PAYMENTS else _DONE
    values: dict[str, Value] = {
        "merchant": merchant,
        "amount": Money(order.amount_minor, order.currency),
        "kind": Text(f"kind.{order.kind.value}"),
        "code": order.code,
    }
    for name, state in (("held", order.state), ("said", to_state)):
        if state in words:
            values[name] = Text(f"state.{words[state]}")
    view = View(text=Text(sentence, values), ends=True)
    return [
        _message(view, person_id, target, f"staff:{order.id}:{key}", now_ms, new_id, MessageKind.RESULT)
        for person_id, target in targets
    ]


def late_invoice_notices(
    row: AgreementRow,
    merchant: Name,
    targets: Sequence[tuple[str, Address]],
    *,
    now_ms: int,
    new_id: NewId,
) -> list[Queue]:
    """The same of an invoice that had ended and was paid all the same."""
    values: dict[str, Value] = {
        "merchant": merchant,
        "amount": Money(row.amount_minor, row.currency),
        "code": row.code,
    }
    view = View(text=Text("staff.invoice_late", values), ends=True)
    key = f"staff:{row.id}:paid"
    return [
        _message(view, person_id, target, key, now_ms, new_id, MessageKind.RESULT)
        for person_id, target in targets
    ]


def agreement_results(
    row: AgreementRow,
    order: OrderRow,
    to_state: AgreementState,
    merchant: Name,
    addresses: Sequence[AddressRow],
    *,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
) -> list[Queue]:
    """To whoever asked for it: an invoice was paid or ran out, an auto-debit ended. Where `order`, which
    made it, began; over USSD in their linked chats, too."""
    values: dict[str, Value] = {
        "merchant": merchant,
        "amount": Money(row.amount_minor, row.currency),
        "payer": Number(row.payer),
        "code": row.code,
    }
    if row.kind is AgreementKind.PREAPPROVAL:
        sentence = "autodebit.ended"
    elif to_state is AgreementState.PAID:
        sentence = "invoice.paid"
    else:
        sentence = "invoice.ended"
        values["state"] = Text(f"agreement.{to_state.value.lower()}")
    view = View(text=Text(sentence, values), ends=True)
    targets = [Address(order.origin_kind, order.origin_value)]
    if order.origin_kind == "msisdn":
        targets += linked_chats(addresses, now_ms, timeouts)
    key = f"agreement:{row.id}:{to_state.value}"
    return [
        _message(view, order.person_id, target, key, now_ms, new_id, MessageKind.RESULT) for target in targets
    ]


def _to_payer(
    view: View,
    payer: str,
    payer_id: str,
    addresses: Sequence[AddressRow],
    key: str,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
) -> list[Queue]:
    targets = [Address("msisdn", payer), *linked_chats(addresses, now_ms, timeouts)]
    return [_message(view, payer_id, target, key, now_ms, new_id) for target in targets]


def _message(
    view: View,
    person_id: str,
    target: Address,
    key: str,
    now_ms: int,
    new_id: NewId,
    kind: MessageKind = MessageKind.PROMPT,
) -> Queue:
    """A RESULT is one that must be told: what a chat does not take goes by SMS, or with the next dial."""
    return queue(
        view,
        kind,
        target,
        person_id=person_id,
        dedupe_key=f"{key}:{target.kind}:{target.value}",
        now_ms=now_ms,
        new_id=new_id,
    )
