"""Builds the messages to whoever's wallet an order touched, where somebody else began the order. Pure.

A refund or a cash in has arrived, a payment was reversed, a merchant debited: whose money it is hears it
once, and nobody else does.
"""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Address, Name, Text, Value, View
from bot.money import Money, Msisdn, OrderKind, OrderState
from bot.notifications.order_messages import is_fresh, linked_chats
from bot.notifications.queueing import NewId, queue
from bot.runtime.timeouts import Timeouts
from bot.store.base import Queue
from bot.store.records import AddressRow, AgreementRow, MessageKind, OrderRow

__all__ = ["wallet_messages", "wallet_of"]

_SUCCESSFUL, _REVERSED = OrderState.SUCCESSFUL, OrderState.REVERSED
_SENTENCES: Final = {
    (OrderKind.REFUND, _SUCCESSFUL): "wallet.refunded",
    (OrderKind.DEPOSIT, _SUCCESSFUL): "wallet.cash_in",
    (OrderKind.TRANSFER, _SUCCESSFUL): "wallet.sent",
    (OrderKind.AGREEMENT_CHARGE, _SUCCESSFUL): "wallet.debited",
    (OrderKind.COLLECTION, _REVERSED): "wallet.reversed",
    (OrderKind.WITHDRAWAL, _REVERSED): "wallet.cash_out_reversed",
    (OrderKind.AGREEMENT_CHARGE, _REVERSED): "wallet.debit_reversed",
    (OrderKind.REFUND, _REVERSED): "wallet.returned",
    (OrderKind.DEPOSIT, _REVERSED): "wallet.returned",
    (OrderKind.TRANSFER, _REVERSED): "wallet.returned",
}
# Their owner typed a PIN for these, and knows of them before they succeed.
_KNOWN_BEFORE: Final = frozenset({OrderKind.COLLECTION, OrderKind.WITHDRAWAL})
# A web page is seen only while it is open; a phone shows by itself what comes to these.
_RINGS: Final = frozenset({"telegram"})


def wallet_of(order: OrderRow) -> Msisdn:
    """The number of the wallet that pays, or that gets the money; empty where there is none."""
    number = order.payee or order.payer
    return number if number.startswith("+") else ""


def wallet_messages(
    order: OrderRow,
    to_state: OrderState,
    merchant: Name,
    owner_id: str,
    addresses: Sequence[AddressRow],
    *,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
    agreement: AgreementRow | None = None,
    refunded: OrderRow | None = None,
    short_code: str = "",
) -> list[Queue]:
    """To the owner of the order's wallet, that it became `to_state`. Empty where that is no news of their
    money, and where they began the order: they are told of it as such.

    `owner_id` and `addresses` are those of whoever has the number, empty where it never spoke here.
    `agreement` is what the order debits under, `refunded` the payment that it gives back.
    """
    sentence, wallet = _SENTENCES.get((order.kind, to_state)), wallet_of(order)
    if sentence is None or not wallet:
        return []
    if to_state is _REVERSED and order.state is not _SUCCESSFUL and order.kind not in _KNOWN_BEFORE:
        return []
    number = Address("msisdn", wallet)
    if not _is_held(number, addresses, now_ms, timeouts):
        # It may be somebody else's by now: the number alone hears of it.
        owner_id, addresses = "", ()
    if number == Address(order.origin_kind, order.origin_value) or owner_id == order.person_id:
        return []
    values: dict[str, Value] = {
        "merchant": merchant,
        "amount": Money(order.amount_minor, order.currency),
        "code": order.code,
        "paid": refunded.code if refunded is not None else "",
    }
    if agreement is not None:
        values["most"] = Money(agreement.amount_minor, agreement.currency)
        values["every"] = Text(f"every.{agreement.every or 'time'}")
    chats = linked_chats(addresses, now_ms, timeouts)
    rings = any(chat.kind in _RINGS for chat in chats)
    return [
        queue(
            View(text=Text(sentence, values | {"stop": _how_to_stop(target, short_code)}), ends=True),
            MessageKind.RESULT,
            target,
            person_id=owner_id,
            dedupe_key=f"wallet:{order.id}:{to_state.value}:{target.kind}:{target.value}",
            now_ms=now_ms,
            new_id=new_id,
        )
        for target in (chats if rings else [number, *chats])
    ]


def _is_held(number: Address, addresses: Sequence[AddressRow], now_ms: int, timeouts: Timeouts) -> bool:
    """Whether the number has spoken lately enough to still be its person's."""
    return any(
        Address(one.kind, one.value) == number and is_fresh(one, now_ms, timeouts) for one in addresses
    )


def _how_to_stop(target: Address, short_code: str) -> Text:
    """How the debits of an agreement are stopped from there."""
    if target.kind == "msisdn" and short_code:
        return Text("wallet.stop_dial", {"short_code": short_code})
    return Text("wallet.stop_menu")
