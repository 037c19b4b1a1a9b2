"""Builds the message that brings a receipt to whoever asked for it. Pure."""

from bot.dialog import Address, View
from bot.dialog.views import ReceiptView
from bot.notifications.queueing import NewId, queue
from bot.store.base import Queue
from bot.store.records import MessageKind
from flows.receipt import receipt_text

__all__ = ["receipt_message"]


def receipt_message(
    receipt: ReceiptView, order_id: str, target: Address, person_id: str, *, now_ms: int, new_id: NewId
) -> Queue:
    """One for each payment and address: an SMS costs money, whoever asks for it again."""
    return queue(
        View(text=receipt_text(receipt), ends=True),
        MessageKind.RESULT,
        target,
        person_id=person_id,
        dedupe_key=f"receipt:{order_id}:{target.kind}:{target.value}",
        now_ms=now_ms,
        new_id=new_id,
    )
