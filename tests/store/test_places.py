"""An order knows where it belongs: written before it leaves, never changed, and carried over from before."""

import sqlite3
from pathlib import Path

import pytest

from bot.money import AgreementState, OrderKind, OrderState, Source
from bot.store import Store, migrate, sqlite_store
from bot.store.base import Conflict, CreateOrder, KeepAgreement, KeepMerchant, SavePerson
from bot.store.migrate import _sqlite_engine, _upgrade
from bot.store.records import OrderRow
from tests.store.make import (
    MSISDN,
    NOW,
    FakeClock,
    agreement,
    kept_order,
    merchant,
    move,
    moved,
    order,
    person,
)

S = OrderState
A, B = "momo https://a.example mtnghana", "momo https://b.example mtnghana"


async def held(store: Store, id: str = "o1") -> OrderRow:
    row = await store.order(id)
    assert row is not None
    return row


async def test_a_new_order_belongs_where_its_account_leads(store: Store) -> None:
    await store.settle_in({"momo-gh": (A, "k1"), "other": (B, "k2")})
    await kept_order(store, order("o1"), S.PENDING)
    await store.commit([CreateOrder(order("o2", place=B), Source.US)])
    assert [(await held(store, id)).place for id in ("o1", "o2")] == [A, B]
    assert await store.open_places() == {("momo-gh", A), ("momo-gh", B)}
    assert [row.id for row in await store.open_orders_at("momo-gh", B)] == ["o2"]


async def test_what_nobody_has_said_of_before_belongs_where_its_account_leads_now(store: Store) -> None:
    await kept_order(store, order("o1"), S.PENDING, sent_ms=NOW)
    await kept_order(store, order("o2"), S.PENDING, S.SUCCESSFUL)
    await store.commit([CreateOrder(order("o3"), Source.US)])
    await store.commit([CreateOrder(order("o4", account_id="gone"), Source.US)])
    await store.settle_in({"momo-gh": (A, "k1")})
    rows = [await held(store, id) for id in ("o1", "o2", "o3", "o4")]
    assert [row.place for row in rows] == [A, A, A, ""]
    assert [row.sent_with for row in rows] == ["k1", "", "", ""]
    # Said once, it stays, whatever the account leads to later.
    await store.settle_in({"momo-gh": (B, "k2")})
    assert (await held(store)).place == A
    assert [row.id for row in await store.open_orders_at("momo-gh", A)] == ["o1", "o3"]
    assert await store.open_places() == {("momo-gh", A)}


async def test_the_place_of_an_order_never_changes(store: Store) -> None:
    await store.settle_in({"momo-gh": (A, "k1")})
    row = await kept_order(store, order("o1"))
    with pytest.raises(ValueError, match="where an order belongs"):
        await store.commit([move(row, S.PENDING, place=B)])
    await store.commit([move(row, S.PENDING, place=A, sent_with="k1")])
    assert (await held(store)).sent_with == "k1"


async def test_a_payment_is_given_back_where_it_was_made(store: Store) -> None:
    await store.settle_in({"momo-gh": (A, "k1")})
    paid = await kept_order(store, order("o1"), S.PENDING, S.SUCCESSFUL)
    await store.settle_in({"momo-gh": (B, "k1")})
    refund = order("o2", kind=OrderKind.REFUND, parent_id=paid.id, payer="", payee=MSISDN)
    with pytest.raises(Conflict, match="refund"):
        await store.commit([CreateOrder(refund, Source.US)])


async def test_an_agreement_is_used_and_ended_where_it_was_made(store: Store) -> None:
    await store.settle_in({"momo-gh": (A, "k1")})
    await store.commit([KeepMerchant(merchant()), KeepAgreement(agreement())])
    row = await store.agreement("g1")
    assert row is not None
    assert row.place == A
    await store.commit([moved(row, AgreementState.ACTIVE)])
    assert await store.agreements_elsewhere() == ()
    await store.settle_in({"momo-gh": (B, "k1")})
    assert [row.id for row in await store.agreements_elsewhere()] == ["g1"]
    for kind in (OrderKind.AGREEMENT_CHARGE, OrderKind.PREAPPROVAL_CANCEL):
        with pytest.raises(Conflict, match="agreement"):
            await store.commit([CreateOrder(order("o2", kind=kind, agreement_id="g1"), Source.US)])


async def test_how_an_account_answers_is_learned_of_one_set_of_keys_at_one_place(store: Store) -> None:
    await store.learn(A, "k1", "fact", NOW)
    await store.learn(A, "k1", "fact", NOW + 1)
    assert await store.has_learned(A, "k1", "fact")
    for other in ((B, "k1", "fact"), (A, "k2", "fact"), (A, "k1", "other")):
        assert not await store.has_learned(*other)


async def test_a_database_of_the_version_before_is_carried_over(tmp_path: Path) -> None:
    """Its open orders belong where the first start after the migration finds that their account leads."""
    path = tmp_path / "old.db"
    _upgrade(_sqlite_engine(path), "0006")
    with sqlite3.connect(path) as old:
        kept = {row[1] for row in old.execute("PRAGMA table_info(orders)")}
        assert "place" not in kept
        old.execute("INSERT INTO people VALUES ('p1', 'en', 1, 0)")
        row = order("o1")
        values = {
            "id": "o1", "code": "CODE", "kind": "collection", "state": "NEW", "connection": "momo-gh",
            "merchant_id": "m1", "person_id": "p1", "amount_minor": 500, "currency": "GHS", "payer": MSISDN,
            "reference": row.reference, "origin_channel": "ussd", "origin_kind": "msisdn",
            "origin_value": MSISDN, "created_ms": 1, "updated_ms": 1, "version": 0, "network": "", "note": "",
            "provider_reference": "", "financial_id": "", "provider_code": "", "otp_tries": 0, "due_ms": 1,
            "asks": 0, "attempts": 0, "fence": 0, "lease_until_ms": 0, "pending_ref": "",
            "reference_key": "k",
        }  # fmt: skip
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        old.execute(f"INSERT INTO orders ({names}) VALUES ({marks})", list(values.values()))
        old.execute("INSERT INTO transitions VALUES ('o1', 1, NULL, 'NEW', 'us', 1, NULL, '', '')")
    old.close()
    migrate(f"sqlite:///{path}")
    store = sqlite_store(path, clock=FakeClock())
    await store.open()
    try:
        await store.commit([SavePerson(person())])
        assert (await held(store)).place == ""
        await store.settle_in({"momo-gh": (A, "k1")})
        await store.settle_in({"momo-gh": (B, "k2")})
        assert [row.id for row in await store.open_orders_at("momo-gh", A)] == ["o1"]
    finally:
        await store.close()
