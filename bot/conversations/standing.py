"""Where a conversation's orders stand, when its journal cannot tell."""

from bot.dialog import Screen, Text
from bot.money import FINAL, OrderKind
from bot.notifications.order_messages import message_values, standing_text
from bot.store.base import Store

__all__ = ["has_acted", "standing"]


async def has_acted(store: Store, conversation_id: str) -> bool:
    """Whether the conversation made an order, whatever its journal got to say of it."""
    return bool(await store.orders_of_conversation(conversation_id))


async def standing(store: Store, conversation_id: str) -> Screen | None:
    """Where the newest order of the conversation stands, as its last words; None without one."""
    orders = await store.orders_of_conversation(conversation_id)
    if not orders:
        return None
    order = orders[0]
    merchant = await store.merchant(order.merchant_id)
    values = message_values(order, merchant.shown if merchant else "")
    if order.kind is not OrderKind.COLLECTION:
        return Screen(standing_text(order), values, order.id)
    state = Text(f"state.{order.shown.value.lower()}")
    known = order.shown.value.lower() if order.shown in FINAL else "open"
    return Screen(f"payments.{known}", values | {"state": state}, order.id)
