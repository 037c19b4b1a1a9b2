"""Builds the messages about an order: to whom, what, where, under which dedupe key. Pure."""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Address, Name, Number, Text, Value, View
from bot.money import Money, OrderKind, OrderState, Reason
from bot.notifications.queueing import NewId, queue
from bot.runtime.timeouts import Timeouts
from bot.store.base import Queue
from bot.store.records import AddressRow, MessageKind, OrderRow
from flows.closing import RESULT_WORDS, reason_text

__all__ = [
    "coming_message",
    "doubt_messages",
    "is_fresh",
    "linked_chats",
    "message_values",
    "otp_prompts",
    "reply_message",
    "result_messages",
    "said_message",
    "standing_text",
]


# A turn that says the result itself has committed its answer long before.
_TURN_ENDS_MS: Final = 5_000


def doubt_messages(
    order: OrderRow,
    merchant: Name,
    addresses: Sequence[AddressRow],
    *,
    upheld: bool,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
) -> list[Queue]:
    """To whoever was told that the order failed: its provider says otherwise, so that it is being checked;
    or `upheld`: it was checked, and did fail."""
    word = "upheld" if upheld else "doubted"
    plain = order.kind is OrderKind.COLLECTION and not order.details.service_provider
    if plain:
        sentence = "result.upheld" if upheld else "result.doubted"
    else:
        sentence = "result.upheld_other" if upheld else "result.doubted_other"
    values = message_values(order, merchant) | {"kind": Text(f"kind.{order.kind.value}")}
    view = View(text=Text(sentence, values), ends=True)
    return [
        _message(
            order,
            view,
            MessageKind.RESULT,
            target,
            # It may be doubted more than once.
            key=f"result:{order.id}:{word}:{now_ms}",
            now_ms=now_ms,
            due_ms=now_ms,
            new_id=new_id,
        )
        for target in _told_at(order, addresses, now_ms, timeouts)
    ]


# Whose owner is asked for a PIN once the provider has the request.
_COMING: Final = {
    OrderKind.COLLECTION: "coming.payment",
    OrderKind.WITHDRAWAL: "coming.withdrawal",
    OrderKind.PREAPPROVAL: "coming.preapproval",
}


def coming_message(
    order: OrderRow,
    merchant: Name,
    *,
    hint: str,
    told: Address | None,
    now_ms: int,
    new_id: NewId,
) -> list[Queue]:
    """In the chat where the order began: the provider has taken the request, so that the wallet is about to
    ask for its PIN. It takes the place of what promised no more than "when asked"; on a phone that screen is
    gone. `hint` is what to dial where no prompt shows."""
    sentence = _COMING.get(order.kind)
    if sentence is None or order.origin_kind == "msisdn":
        return []
    if order.details.service_provider:
        sentence = "coming.bill"
    elif hint and order.kind is OrderKind.COLLECTION:
        sentence = "coming.payment_hint"
    values = message_values(order, merchant) | {"hint": hint}
    origin = Address(order.origin_kind, order.origin_value)
    # A turn that waits for this very answer says its own words first.
    due_ms = now_ms + (_TURN_ENDS_MS if told == origin else 0)
    view = View(text=Text(sentence, values), ends=True, order_id=order.id)
    return [
        _message(
            order,
            view,
            MessageKind.EDIT,
            origin,
            key=f"coming:{order.id}",
            now_ms=now_ms,
            due_ms=due_ms,
            new_id=new_id,
        )
    ]


def message_values(
    order: OrderRow, merchant: Name, reason: Reason | None = None, payer: str = ""
) -> dict[str, Value]:
    """What a message about an order may show; the number masked. `payer` is whose money a bill was to be
    paid with: its own order names nobody."""
    payee = order.payee or order.payer
    return {
        "code": order.code,
        "amount": Money(order.amount_minor, order.currency),
        "merchant": merchant,
        "payer": Number(order.payer or payer),
        "payee": Number(payee) if payee.startswith("+") else Text("party.bank_account"),
        "reason": reason_text(reason or order.reason, order.kind),
        "bill": order.details.service_provider,
    }


def standing_text(order: OrderRow) -> str:
    """The sentence that says where an order stands that is no plain payment."""
    to_state = RESULT_WORDS.get(order.shown)
    return f"result.{order.kind.value}.{to_state}" if to_state else f"sent.{order.kind.value}"


def result_messages(
    order: OrderRow,
    to_state: OrderState,
    merchant: Name,
    addresses: Sequence[AddressRow],
    *,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
    reason: Reason | None = None,
    told: Address | None = None,
    payer: str = "",
    given_back: bool = False,
) -> list[Queue]:
    """The messages that tell whoever began an order what became of it.

    One goes where the order began and, for an order begun over USSD, one to each linked chat.

    `told` is about to read the result as the answer of its turn: its message waits a moment, and goes
    only if that turn did not get so far. `payer` paid the money of a bill, which is `given_back` where the
    bill is not paid. Empty for a state that nobody waits to hear of.
    """
    if to_state not in RESULT_WORDS:
        return []
    text = Text(
        _sentence(order, to_state, given_back=given_back), message_values(order, merchant, reason, payer)
    )
    view = View(text=text, ends=True, order_id=order.id)
    return [
        _message(
            order,
            view,
            MessageKind.RESULT,
            target,
            key=f"result:{order.id}:{to_state.value}",
            now_ms=now_ms,
            due_ms=now_ms + (_TURN_ENDS_MS if target == told else 0),
            new_id=new_id,
        )
        for target in _told_at(order, addresses, now_ms, timeouts)
    ]


def _told_at(
    order: OrderRow, addresses: Sequence[AddressRow], now_ms: int, timeouts: Timeouts
) -> list[Address]:
    """Where the news of an order go: where it began, and from a phone into each linked chat too."""
    origin = Address(order.origin_kind, order.origin_value)
    chats = linked_chats(addresses, now_ms, timeouts) if origin.kind == "msisdn" else []
    return [origin, *chats]


def _sentence(order: OrderRow, to_state: OrderState, *, given_back: bool) -> str:
    """The id of the sentence that tells a person of the new state."""
    # Who was told "not paid" and now hears "paid" must hear that it is a correction.
    word = "corrected" if order.state is OrderState.FAILED else RESULT_WORDS[to_state]
    if order.kind is OrderKind.BILL and word == "failed":
        return "result.bill.failed_refund" if given_back else "result.bill.failed_kept"
    # Nobody asked for it, and its payer has been told that it comes: not that nothing was taken.
    if order.goes_back_by_itself and word == "failed":
        return "result.refund.failed_kept"
    if order.kind is not OrderKind.COLLECTION:
        return f"result.{order.kind.value}.{word}"
    if not order.details.service_provider:
        return f"result.{word}"
    # The money for a bill: only with the bill's own order it is paid.
    return (
        "result.bill.collected"
        if to_state is OrderState.SUCCESSFUL
        else f"result.{OrderKind.BILL.value}.{word}"
    )


def otp_prompts(
    order: OrderRow,
    merchant: Name,
    addresses: Sequence[AddressRow],
    *,
    now_ms: int,
    new_id: NewId,
    timeouts: Timeouts,
    short_code: str,
    session_open: bool,
) -> list[Queue]:
    """Asks for the code a payment waits for: in the linked chats, after a while, where an open session
    asks already; at once, and where the payment began too, where nobody else asks."""
    values = message_values(order, merchant)
    origin = Address(order.origin_kind, order.origin_value)
    chats = linked_chats(addresses, now_ms, timeouts)
    if session_open:
        targets = [chat for chat in chats if chat != origin]
    else:
        targets = [origin, *(chat for chat in chats if chat != origin)]
    due_ms = now_ms + (int(timeouts.otp_prompt_s * 1000) if session_open else 0)
    by_chat = View(text=Text("otp.prompt", values), ends=True, wants="secret")
    by_sms = View(text=Text("otp.dial", {**values, "short_code": short_code}), ends=True)
    return [
        _message(
            order,
            by_sms if target.kind == "msisdn" else by_chat,
            MessageKind.PROMPT,
            target,
            key=f"otp:{order.id}",
            now_ms=now_ms,
            due_ms=due_ms,
            new_id=new_id,
        )
        for target in targets
    ]


def linked_chats(addresses: Sequence[AddressRow], now_ms: int, timeouts: Timeouts) -> list[Address]:
    """The chats of a person that are linked, reachable and not silent for so long that they lapsed."""
    return [
        Address(a.kind, a.value)
        for a in addresses
        if a.kind != "msisdn" and a.verified_ms is not None and a.reachable and is_fresh(a, now_ms, timeouts)
    ]


def is_fresh(address: AddressRow, now_ms: int, timeouts: Timeouts) -> bool:
    """Whether the address has spoken lately enough to still be its person's."""
    return now_ms - address.seen_ms <= timeouts.lapse_s * 1000


def _message(
    order: OrderRow,
    view: View,
    kind: MessageKind,
    target: Address,
    *,
    key: str,
    now_ms: int,
    due_ms: int,
    new_id: NewId,
) -> Queue:
    return queue(
        view,
        kind,
        target,
        person_id=order.person_id,
        dedupe_key=f"{key}:{target.kind}:{target.value}",
        now_ms=now_ms,
        due_ms=due_ms,
        new_id=new_id,
        order_id=order.id,
    )


def said_message(
    words: Text, *, address: Address, person_id: str, key: str, at_ms: int, new_id: NewId
) -> Queue:
    """What the person said, for the chat's history. Never a secret: see bot.conversations.own_words."""
    return queue(
        View(text=words, ends=True),
        MessageKind.SAID,
        address,
        person_id=person_id,
        dedupe_key=f"said:{address.kind}:{address.value}:{key}",
        now_ms=at_ms,
        new_id=new_id,
        sent=True,
    )


def reply_message(
    view: View,
    *,
    address: Address,
    person_id: str,
    conversation_id: str | None,
    key: str,
    now_ms: int,
    new_id: NewId,
    thread: str = "",
) -> Queue:
    """A turn's answer to a chat, in the topic where it was asked."""
    return queue(
        view,
        MessageKind.REPLY,
        address,
        person_id=person_id,
        dedupe_key=f"reply:{address.kind}:{address.value}:{key}",
        now_ms=now_ms,
        new_id=new_id,
        order_id=view.order_id,
        conversation_id=conversation_id,
        thread=thread,
    )
