"""Rows with everything said that a test does not care about."""

from typing import Any

from bot.dialog import Entry
from bot.money import AgreementKind, AgreementState, OrderKind, OrderState, Source
from bot.store.base import (
    AddIncident,
    Change,
    CreateOrder,
    MoveAgreement,
    MoveOrder,
    OrderFields,
    Store,
    UpdateOrder,
)
from bot.store.records import (
    AddressRow,
    AgreementRow,
    ConversationRow,
    ConversationState,
    Incident,
    LinkCode,
    MerchantRow,
    MessageKind,
    MessageRow,
    MessageState,
    OrderRequest,
    OrderRow,
    PersonRow,
    SessionRow,
    StaffRow,
    TurnRow,
    TurnState,
    UpdateRow,
    WebhookRow,
)

NOW = 1_790_000_000_000
MSISDN = "+233240000001"


class FakeClock:
    """Epoch milliseconds that move only when told."""

    def __init__(self, ms: int = NOW) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def person(id: str = "p1", **given: Any) -> PersonRow:
    row: dict[str, Any] = {"id": id, "language": "en", "created_ms": NOW}
    return PersonRow(**(row | given))


def address(id: str = "a1", **given: Any) -> AddressRow:
    row: dict[str, Any] = {
        "id": id,
        "person_id": "p1",
        "kind": "msisdn",
        "value": MSISDN,
        "created_ms": NOW,
        "seen_ms": NOW,
    }
    return AddressRow(**(row | given))


def conversation(id: str = "c1", **given: Any) -> ConversationRow:
    row: dict[str, Any] = {
        "id": id,
        "person_id": "p1",
        "address_kind": "msisdn",
        "address_value": MSISDN,
        "flow": "pay",
        "facts": "{}",
        "journal": (Entry("ask", "amount", 500),),
        "state": ConversationState.ACTIVE,
        "version": 1,
        "created_ms": NOW,
        "updated_ms": NOW,
    }
    return ConversationRow(**(row | given))


def session(id: str = "s1", **given: Any) -> SessionRow:
    row: dict[str, Any] = {
        "id": id,
        "gateway": "africastalking",
        "session_id": "AT1",
        "msisdn": MSISDN,
        "generation": 1,
        "conversation_id": None,
        "open": True,
        "started_ms": NOW,
        "last_ms": NOW,
    }
    return SessionRow(**(row | given))


def turn(key: str = "k1", **given: Any) -> TurnRow:
    row: dict[str, Any] = {
        "scope": "s1",
        "key": key,
        "state": TurnState.DONE,
        "at_ms": NOW,
        "text": "How much?",
    }
    return TurnRow(**(row | given))


def order(id: str = "o1", **given: Any) -> OrderRow:
    row: dict[str, Any] = {
        "id": id,
        "code": f"CODE-{id}",
        "kind": OrderKind.COLLECTION,
        "state": OrderState.NEW,
        "account_id": "momo-gh",
        "merchant_id": "m1",
        "person_id": "p1",
        "amount_minor": 500,
        "currency": "GHS",
        "payer": MSISDN,
        "reference": f"reference-{id}",
        "origin_channel": "ussd",
        "origin_kind": "msisdn",
        "origin_value": MSISDN,
        "created_ms": NOW,
        "updated_ms": NOW,
        "due_ms": NOW,
    }
    return OrderRow(**(row | given))


def move(row: OrderRow, said: OrderState, **given: Any) -> MoveOrder:
    change: dict[str, Any] = {
        "order_id": row.id,
        "expected": row.version,
        "to_state": said,
        "source": Source.US if OrderState.NEW is row.state or said is OrderState.PENDING else Source.POLL,
        "at_ms": NOW,
        "due_ms": NOW,
    }
    return MoveOrder(**(change | _fields(given)))


def note(row: OrderRow, **given: Any) -> UpdateOrder:
    change: dict[str, Any] = {"order_id": row.id, "expected": row.version, "at_ms": NOW}
    return UpdateOrder(**(change | _fields(given)))


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """The order's fields among what is given, as a change holds them."""
    fields = {name: given.pop(name) for name in OrderFields.__struct_fields__ if name in given}
    return given | {"fields": OrderFields(**fields)}


def request(**given: Any) -> OrderRequest:
    row = order(kind=OrderKind.TRANSFER, payer="", payee=MSISDN)
    names = OrderRequest.__struct_fields__
    return OrderRequest(**({name: getattr(row, name) for name in names} | given))


def agreement(id: str = "g1", **given: Any) -> AgreementRow:
    row: dict[str, Any] = {
        "id": id,
        "kind": AgreementKind.PREAPPROVAL,
        "state": AgreementState.REQUESTED,
        "account_id": "momo-gh",
        "merchant_id": "m1",
        "person_id": "p1",
        "payer": MSISDN,
        "amount_minor": 500,
        "currency": "GHS",
        "reference": f"reference-of-{id}",
        "code": f"CODE-{id}",
        "created_ms": NOW,
        "updated_ms": NOW,
        "until_ms": NOW + 1000_000,
        "every": "month",
    }
    return AgreementRow(**(row | given))


def moved(row: AgreementRow, said: AgreementState | None, **given: Any) -> MoveAgreement:
    change: dict[str, Any] = {"expected": row.version, "at_ms": NOW, "due_ms": NOW + 1}
    return MoveAgreement(row.id, to_state=said, **(change | given))


def message(id: str = "x1", **given: Any) -> MessageRow:
    row: dict[str, Any] = {
        "id": id,
        "dedupe_key": f"key-{id}",
        "kind": MessageKind.REPLY,
        "person_id": "p1",
        "address_kind": "telegram",
        "address_value": "77",
        "view": "{}",
        "state": MessageState.QUEUED,
        "created_ms": NOW,
        "due_ms": NOW,
    }
    return MessageRow(**(row | given))


def update(update_id: int = 1, **given: Any) -> UpdateRow:
    row: dict[str, Any] = {
        "source": "bot",
        "update_id": update_id,
        "chat": "77",
        "body": b"\x00sealed",
        "received_ms": NOW,
    }
    return UpdateRow(**(row | given))


def merchant(id: str = "m1", **given: Any) -> MerchantRow:
    row: dict[str, Any] = {
        "id": id,
        "code": f"AMA{id}",
        "name": "Ama's Kitchen",
        "account_id": "momo-gh",
        "currency": "GHS",
        "created_ms": NOW,
    }
    return MerchantRow(**(row | given))


def staff(id: str = "t1", **given: Any) -> StaffRow:
    row: dict[str, Any] = {
        "id": id,
        "merchant_id": "m1",
        "role": "owner",
        "name": "Ama",
        "created_ms": NOW,
        "address_kind": "msisdn",
        "address_value": MSISDN,
    }
    return StaffRow(**(row | given))


def link_code(hash: str = "h1", **given: Any) -> LinkCode:
    row: dict[str, Any] = {"hash": hash, "person_id": "p1", "msisdn": MSISDN, "expires_ms": NOW + 1000}
    return LinkCode(**(row | given))


def webhook(id: str = "w1", **given: Any) -> WebhookRow:
    row: dict[str, Any] = {
        "id": id,
        "account_id": "startbutton-ke",
        "event": "collection.verified",
        "provider_reference": "SB1",
        "reference": "r1",
        "received_ms": NOW,
    }
    return WebhookRow(**(row | given))


def incident(id: str = "i1", **given: Any) -> Incident:
    row: dict[str, Any] = {
        "id": id,
        "dedupe_key": f"key-{id}",
        "kind": "late_success",
        "order_id": "o1",
        "text": "look",
        "at_ms": NOW,
    }
    return Incident(**(row | given))


async def kept_order(store: Store, row: OrderRow | None = None, *path: OrderState, **last: Any) -> OrderRow:
    """An order that has gone `path`; `last` are fields of its last move."""
    row = row or order()
    await store.commit([CreateOrder(row, Source.US)])
    for step, said in enumerate(path, 1):
        held = await store.order(row.id)
        assert held is not None
        changes: list[Change] = [move(held, said, **(last if step == len(path) else {}))]
        if said is OrderState.UNRESOLVED:
            changes.append(AddIncident(incident(f"i-{row.id}", order_id=row.id)))
        await store.commit(changes)
    held = await store.order(row.id)
    assert held is not None
    return held
