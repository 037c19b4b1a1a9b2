"""Orders and their ledger: one row an act, one line a transition, and nothing the life cycle forbids."""

import asyncio
from typing import Any

import msgspec
import pytest

from bot.money import (
    FINAL,
    AgreementKind,
    AgreementState,
    OrderKind,
    OrderState,
    Reason,
    Source,
    Verdict,
    judge,
)
from bot.store import Conflict, Store
from bot.store.applied import applied
from bot.store.base import (
    AddIncident,
    CreateOrder,
    KeepAgreement,
    KeepMerchant,
    MoveOrder,
    OrderFields,
    SavePerson,
    UpdateOrder,
)
from bot.store.records import OrderRow, Transition
from tests.store.make import (
    MSISDN,
    NOW,
    agreement,
    incident,
    kept_order,
    merchant,
    move,
    moved,
    note,
    order,
    person,
)

A, S = AgreementState, OrderState
# How an order gets into each state without breaking the rules under test.
PATHS: dict[OrderState, tuple[OrderState, ...]] = {
    S.NEW: (),
    S.PENDING: (S.PENDING,),
    S.NEEDS_OTP: (S.PENDING, S.NEEDS_OTP),
    S.UNRESOLVED: (S.PENDING, S.UNRESOLVED),
    S.SUCCESSFUL: (S.PENDING, S.SUCCESSFUL),
    S.FAILED: (S.PENDING, S.FAILED),
    S.REVERSED: (S.PENDING, S.REVERSED),
}


async def conflicts(store: Store, what: str, change: CreateOrder | MoveOrder | UpdateOrder) -> None:
    with pytest.raises(Conflict) as lost:
        await store.commit([change])
    assert lost.value.what == what


async def held(store: Store, order_id: str = "o1") -> OrderRow:
    row = await store.order(order_id)
    assert row is not None
    return row


# ---- creation


async def test_an_order_begins_with_its_first_transition(store: Store) -> None:
    row = order(conversation_id="c1", act_position=4, network="MTN", note="lunch")
    await store.commit([CreateOrder(row, Source.US)])
    assert await store.order("o1") == row
    assert await store.transitions("o1") == (Transition("o1", 1, None, S.NEW, Source.US, NOW),)


@pytest.mark.parametrize("state", sorted(set(S) - {S.NEW}))
async def test_an_order_begins_new(store: Store, state: OrderState) -> None:
    with pytest.raises(ValueError, match="NEW"):
        await store.commit([CreateOrder(order(state=state), Source.US)])


async def test_an_act_has_one_order(store: Store) -> None:
    await store.commit([CreateOrder(order("o1", conversation_id="c1", act_position=4), Source.US)])
    await conflicts(store, "act", CreateOrder(order("o2", conversation_id="c1", act_position=4), Source.US))
    await store.commit([CreateOrder(order("o3", conversation_id="c1", act_position=5), Source.US)])
    assert await store.order_of_act("c1", 4) == await store.order("o1")
    assert await store.order_of_act("c1", 6) is None


async def test_of_one_act_twice_at_once_one_wins(store: Store) -> None:
    rows = [order(f"o{number}", conversation_id="c1", act_position=1) for number in range(10)]
    outcomes = await asyncio.gather(
        *(store.commit([CreateOrder(row, Source.US)]) for row in rows), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert len(await store.recent_orders(99)) == 1


@pytest.mark.parametrize(
    "second",
    [
        order("o1", code="CODE-o2", reference="reference-o2"),
        order("o2", code="CODE-o1"),
        order("o2", reference="reference-o1"),
        order("o2", reference="referenceo1"),
        order("o2", reference="REFERENCE-O1"),
    ],
    ids=["id", "code", "reference", "reference without hyphen", "reference in capitals"],
)
async def test_id_code_and_reference_are_unique(store: Store, second: OrderRow) -> None:
    await store.commit([CreateOrder(order("o1"), Source.US)])
    await conflicts(store, "order", CreateOrder(second, Source.US))


@pytest.mark.parametrize("amount", [0, -1])
async def test_an_order_of_no_money_is_refused(store: Store, amount: int) -> None:
    with pytest.raises(ValueError, match="CreateOrder"):
        await store.commit([CreateOrder(order(amount_minor=amount), Source.US)])


async def test_a_request_for_a_pre_approval_names_no_amount(store: Store) -> None:
    await store.commit([CreateOrder(order(amount_minor=0, kind=OrderKind.PREAPPROVAL), Source.US)])


async def test_an_order_of_nobody_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="CreateOrder"):
        await store.commit([CreateOrder(order(person_id="nobody"), Source.US)])


# ---- the life cycle


@pytest.mark.parametrize("said", S)
@pytest.mark.parametrize("before", S)
async def test_the_store_moves_exactly_what_the_life_cycle_allows(
    store: Store, before: OrderState, said: OrderState
) -> None:
    for source in Source:
        id = f"o-{source}"
        row = await kept_order(store, order(id), *PATHS[before])
        ledger = await store.transitions(id)
        change = move(row, said, source=source, note="ama: statement of 3 May")
        verdict = judge(before, said, source)
        if verdict is Verdict.MOVE:
            await store.commit([change, AddIncident(incident(id, order_id=id))])
            after = await held(store, id)
            assert after.state is said
            assert after.version == row.version + 1
            line = Transition(id, len(ledger) + 1, before, said, source, NOW, note="ama: statement of 3 May")
            assert await store.transitions(id) == (*ledger, line)
        else:
            await conflicts(store, "contradiction" if verdict is Verdict.CONTRADICTION else "order", change)
            assert await held(store, id) == row
            assert await store.transitions(id) == ledger


async def test_an_operator_says_who_and_why(store: Store) -> None:
    row = await kept_order(store, None, *PATHS[S.UNRESOLVED])
    with pytest.raises(ValueError, match="MoveOrder"):
        await store.commit([move(row, S.FAILED, source=Source.OPERATOR)])
    assert await held(store) == row


async def test_moving_an_unknown_order_conflicts(store: Store) -> None:
    await conflicts(store, "order", move(order(), S.PENDING))


@pytest.mark.parametrize("off", [-1, 1])
async def test_another_version_conflicts(store: Store, off: int) -> None:
    row = await kept_order(store, None, S.PENDING)
    await conflicts(store, "order", move(row, S.SUCCESSFUL, expected=row.version + off))
    await conflicts(store, "order", note(row, expected=row.version + off, polls=1))
    assert await held(store) == row


async def test_of_many_settlers_one_wins(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING)
    outcomes = await asyncio.gather(
        *(store.commit([move(row, said)]) for said in (S.SUCCESSFUL, S.FAILED) * 10), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert len(await store.transitions("o1")) == 3


async def test_the_ledger_has_no_gaps(store: Store) -> None:
    path = (S.PENDING, S.NEEDS_OTP, S.PENDING, S.NEEDS_OTP, S.PENDING, S.UNRESOLVED, S.SUCCESSFUL, S.REVERSED)
    await kept_order(store, None, *path)
    ledger = await store.transitions("o1")
    assert [line.seq for line in ledger] == list(range(1, len(path) + 2))
    assert [line.to_state for line in ledger] == [S.NEW, *path]
    assert [line.from_state for line in ledger] == [None, S.NEW, *path[:-1]]


async def test_two_moves_of_one_commit_are_two_lines(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, S.NEEDS_OTP)
    await store.commit(
        [
            move(row, S.PENDING),
            move(row, S.UNRESOLVED, expected=row.version + 1, due_ms=NOW + 5),
            AddIncident(incident()),
        ]
    )
    after = await held(store)
    assert (after.state, after.version, after.due_ms) == (S.UNRESOLVED, row.version + 2, NOW + 5)
    assert len(await store.transitions("o1")) == 5


async def test_a_move_sets_what_it_names_and_leaves_the_rest(store: Store) -> None:
    row = await kept_order(
        store,
        None,
        S.PENDING,
        due_ms=NOW + 1,
        sent_ms=NOW + 2,
        accepted_ms=NOW + 3,
        provider_reference="SB1",
        financial_id="F1",
        network="MTN",
        provider_code="202",
        otp_tries=1,
        otp_expires_ms=NOW + 4,
        deadline_ms=NOW + 5,
        polls=6,
        last_polled_ms=NOW + 7,
        attempts=8,
        at_ms=NOW + 9,
    )
    assert row == order(
        state=S.PENDING,
        version=1,
        due_ms=NOW + 1,
        sent_ms=NOW + 2,
        accepted_ms=NOW + 3,
        provider_reference="SB1",
        financial_id="F1",
        network="MTN",
        provider_code="202",
        otp_tries=1,
        otp_expires_ms=NOW + 4,
        deadline_ms=NOW + 5,
        polls=6,
        last_polled_ms=NOW + 7,
        attempts=8,
        updated_ms=NOW + 9,
    )
    await store.commit([move(row, S.UNRESOLVED), AddIncident(incident())])
    assert await held(store) == OrderRow(
        **{name: getattr(row, name) for name in row.__struct_fields__}
        | {"state": S.UNRESOLVED, "version": 2, "due_ms": NOW, "updated_ms": NOW}
    )


async def test_an_order_becomes_what_whoever_decides_expects(store: Store) -> None:
    """Every field a change may set, in either kind of change, and the lease and the fence with it."""
    kinds = {"str": "said", "int": 7}
    fields = {f.name: kinds[f.type.__args__[0].__name__] for f in msgspec.structs.fields(OrderFields)}
    await kept_order(store, None, S.PENDING, provider_reference="SB1")
    for change in (
        lambda row: note(row, **(fields | {"provider_reference": "SB1"}), fence=row.fence),
        lambda row: note(row, doubted_ms=0, due_ms=NOW + 3, release=True),
        lambda row: move(row, S.NEEDS_OTP, **(fields | {"provider_reference": "SB1"}), reason=Reason.OTHER),
        lambda row: move(row, S.PENDING, lease_until_ms=NOW + 9, provider_code="1"),
        lambda row: move(row, S.SUCCESSFUL, fence=row.fence),
        lambda row: note(row, doubted_ms=NOW),
    ):
        [row] = await store.claim_orders(NOW + 60_000, 5, 1) or [await held(store)]
        wanted = change(row)
        await store.commit([wanted])
        assert await held(store) == applied(row, wanted)


@pytest.mark.parametrize("said", sorted(FINAL))
async def test_a_final_order_is_due_never_and_held_by_nobody(store: Store, said: OrderState) -> None:
    await kept_order(store, None, S.PENDING)
    [row] = await store.claim_orders(NOW, 60_000, 1)
    await store.hint("o1", Source.CALLBACK, NOW, 5000)
    await store.commit([move(row, said, fence=row.fence, due_ms=NOW + 1)])
    after = await held(store)
    assert (after.due_ms, after.lease_until_ms, after.hinted_by) == (None, 0, None)
    assert await store.claim_orders(NOW + 10**9, 1, 9) == ()
    assert await store.next_due_ms() is None


async def test_the_reason_is_on_the_order_and_in_the_ledger(store: Store) -> None:
    row = await kept_order(
        store, None, S.PENDING, S.FAILED, reason=Reason.NOT_ENOUGH_FUNDS, provider_code="NOT_ENOUGH_FUNDS"
    )
    assert (row.reason, row.provider_code) == (Reason.NOT_ENOUGH_FUNDS, "NOT_ENOUGH_FUNDS")
    last = (await store.transitions("o1"))[-1]
    assert (last.reason, last.provider_code) == (Reason.NOT_ENOUGH_FUNDS, "NOT_ENOUGH_FUNDS")


async def test_a_success_has_no_reason_left(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, S.FAILED, reason=Reason.REJECTED)
    await store.commit([move(row, S.SUCCESSFUL, source=Source.OPERATOR, note="ama: seen on the statement")])
    assert (await held(store)).reason is None
    assert [line.reason for line in await store.transitions("o1")] == [None, None, Reason.REJECTED, None]


# ---- notes


async def test_a_note_sets_what_it_names_and_leaves_the_rest(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING)
    change = note(
        row,
        at_ms=NOW + 1,
        due_ms=NOW + 2,
        provider_reference="SB1",
        financial_id="F1",
        sent_ms=NOW + 1,
        accepted_ms=NOW + 3,
        polls=4,
        last_polled_ms=NOW + 5,
        attempts=6,
        deadline_ms=NOW + 7,
        pending_ref="m8",
    )
    await store.commit([change])
    noted = await held(store)
    assert noted == order(
        state=S.PENDING,
        version=2,
        updated_ms=NOW + 1,
        due_ms=NOW + 2,
        provider_reference="SB1",
        financial_id="F1",
        sent_ms=NOW + 1,
        accepted_ms=NOW + 3,
        polls=4,
        last_polled_ms=NOW + 5,
        attempts=6,
        deadline_ms=NOW + 7,
        pending_ref="m8",
    )
    await store.commit([note(noted)])
    after = await held(store)
    assert (after.version, after.due_ms, after.pending_ref) == (3, NOW + 2, "m8")
    assert len(await store.transitions("o1")) == 2


async def test_noting_an_unknown_order_conflicts(store: Store) -> None:
    await conflicts(store, "order", note(order()))


async def test_a_final_order_cannot_be_made_due_again(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, S.SUCCESSFUL)
    with pytest.raises(ValueError, match="UpdateOrder"):
        await store.commit([note(row, due_ms=NOW)])
    await store.commit([note(row, financial_id="F1")])
    assert (await held(store)).financial_id == "F1"


async def test_an_order_is_not_sent_before_it_is_pending(store: Store) -> None:
    row = await kept_order(store)
    with pytest.raises(ValueError, match="UpdateOrder"):
        await store.commit([note(row, sent_ms=NOW)])


# ---- finding


async def test_an_order_is_found_by_its_code(store: Store) -> None:
    row = await kept_order(store)
    assert await store.order_by_code("CODE-o1") == row
    assert await store.order_by_code("CODE-o2") is None


@pytest.mark.parametrize(
    "asked",
    [
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "0f8fad5bd9cb469fa16570867728950e",
        "0F8FAD5B-D9CB-469F-A165-70867728950E",
    ],
)
@pytest.mark.parametrize("kept", ["0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5bd9cb469fa16570867728950e"])
async def test_a_reference_is_found_with_and_without_hyphens(store: Store, kept: str, asked: str) -> None:
    row = await kept_order(store, order(reference=kept))
    assert await store.order_by_reference(asked) == row


async def test_an_order_is_found_by_the_providers_reference(store: Store) -> None:
    row = await kept_order(store, None, S.PENDING, provider_reference="SB-77")
    assert await store.order_by_reference("SB-77") == row
    assert await store.order_by_reference("") is None
    assert await store.order_by_reference("SB-78") is None


async def test_our_own_reference_goes_before_a_providers(store: Store) -> None:
    ours = await kept_order(store, order("o1", reference="abc"))
    await kept_order(store, order("o2"), S.PENDING, provider_reference="abc")
    assert await store.order_by_reference("abc") == ours


async def test_orders_of_a_person_come_newest_first(store: Store) -> None:
    for number in range(4):
        await store.commit([CreateOrder(order(f"o{number}", created_ms=NOW + number), Source.US)])
    await store.commit([CreateOrder(order("other", person_id="p2"), Source.US)])
    assert [row.id for row in await store.orders_of_person("p1", 3)] == ["o3", "o2", "o1"]


async def test_recent_orders_are_everyones_newest_first(store: Store) -> None:
    await kept_order(store, order("o1"), S.PENDING)
    await kept_order(store, order("o2", created_ms=NOW + 1, person_id="p2"), S.PENDING, S.FAILED)
    await kept_order(store, order("o3", created_ms=NOW + 2))
    assert [row.id for row in await store.recent_orders(9)] == ["o3", "o2", "o1"]
    assert [row.id for row in await store.recent_orders(1)] == ["o3"]
    assert [row.id for row in await store.recent_orders(9, (S.PENDING, S.FAILED))] == ["o2", "o1"]


async def settled(store: Store, id: str, at_ms: int, *path: S, **given: Any) -> None:
    """An order that went `path`, its last step at `at_ms`."""
    await kept_order(store, order(id, created_ms=given.pop("created_ms", NOW), **given), *path, at_ms=at_ms)


async def test_orders_of_a_period_by_their_success_or_creation(store: Store) -> None:
    hour = 3600_000
    await settled(store, "o1", NOW, S.PENDING, created_ms=NOW)
    await settled(store, "o2", NOW + 5 * hour, S.PENDING, S.FAILED, created_ms=NOW + 1)
    await settled(store, "o3", NOW + 2 * hour, S.PENDING, S.SUCCESSFUL, created_ms=NOW - 40 * hour)
    await settled(store, "o4", NOW + 5 * hour, S.PENDING, S.SUCCESSFUL, created_ms=NOW + 2)
    await settled(store, "o5", NOW + hour, S.PENDING, S.SUCCESSFUL, created_ms=NOW + 3, account_id="momo-ug")
    await settled(store, "o6", NOW + hour, S.PENDING, S.SUCCESSFUL, created_ms=NOW - 15 * 24 * hour)
    reversed_order = await kept_order(
        store, order("o7", created_ms=NOW + 4), S.PENDING, S.SUCCESSFUL, at_ms=NOW + hour
    )
    await store.commit([move(reversed_order, S.REVERSED, at_ms=NOW + 9 * hour)])

    async def between(from_ms: int, until_ms: int, after: tuple[int, str] = (0, ""), limit: int = 99):
        found = await store.orders_between("momo-gh", from_ms, until_ms, after, limit)
        return [(row.id, at_ms) for row, at_ms in found]

    held = [("o3", NOW + 2 * hour), ("o1", None), ("o2", None), ("o7", NOW + hour)]
    assert await between(NOW, NOW + 3 * hour) == held
    assert await between(NOW, NOW + 3 * hour, limit=2) == held[:2]
    assert await between(NOW, NOW + 3 * hour, (NOW - 40 * hour, "o3")) == held[1:]
    assert await between(NOW, NOW + 3 * hour, (NOW, "o0")) == held[1:]
    assert await between(NOW, NOW + 3 * hour, (NOW, "o1")) == held[2:]
    assert await between(NOW + hour, NOW + 3 * hour) == [held[0], held[3]]
    assert await between(NOW, NOW) == []
    assert await between(NOW + 5 * hour, NOW + 5 * hour + 1) == [("o4", NOW + 5 * hour)]


@pytest.mark.parametrize(
    ("path", "given", "paid"),
    [
        ((S.PENDING,), {}, False),
        ((S.PENDING, S.FAILED), {}, False),
        ((S.PENDING, S.SUCCESSFUL), {}, True),
        ((S.PENDING, S.SUCCESSFUL, S.REVERSED), {}, True),
        ((S.PENDING, S.REVERSED), {}, False),
        ((S.PENDING, S.SUCCESSFUL), {"payer": "+233240000009"}, False),
        ((S.PENDING, S.SUCCESSFUL), {"account_id": "momo-ug"}, False),
        ((S.PENDING, S.SUCCESSFUL), {"kind": OrderKind.TRANSFER}, False),
    ],
)
async def test_paid_before_is_a_collection_that_once_succeeded(
    store: Store, path: tuple[OrderState, ...], given: dict[str, Any], paid: bool
) -> None:
    await kept_order(store, order(**given), *path)
    assert await store.paid_before(MSISDN, "momo-gh") is paid


async def test_recent_merchants_are_active_paid_and_each_once(store: Store) -> None:
    active = {number: merchant(f"m{number}", active=number != 4) for number in range(1, 6)}
    await store.commit([KeepMerchant(row) for row in active.values()])
    paid = [("o1", "m1"), ("o2", "m2"), ("o3", "m4"), ("o4", "m1")]
    for number, (id, merchant_id) in enumerate(paid):
        row = order(id, merchant_id=merchant_id, created_ms=NOW + number)
        await kept_order(store, row, S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o5", merchant_id="m3"), S.PENDING, S.FAILED)
    await kept_order(store, order("o6", merchant_id="m5", person_id="p2"), S.PENDING, S.SUCCESSFUL)
    assert await store.recent_merchants("p1", 9) == (active[1], active[2])
    assert await store.recent_merchants("p1", 1) == (active[1],)


async def test_what_a_merchant_collected_is_what_came_in_less_what_went_out(store: Store) -> None:
    await kept_order(store, order("o1", amount_minor=2**40), S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o2", amount_minor=5), S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o3"), S.PENDING)
    await kept_order(store, order("o4"), S.PENDING, S.SUCCESSFUL, S.REVERSED)
    await kept_order(store, order("o5", kind=OrderKind.INVOICE, amount_minor=9), S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o6", currency="KES"), S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o7", merchant_id="m2"), S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o8", kind=OrderKind.WITHDRAWAL, amount_minor=20), S.PENDING, S.SUCCESSFUL)
    assert await store.collected_minor("m1", "GHS") == 2**40 + 25
    # What is on its way out is out.
    await kept_order(store, order("o9", kind=OrderKind.TRANSFER, amount_minor=3), S.PENDING)
    await kept_order(store, order("o10", kind=OrderKind.DEPOSIT, amount_minor=4), S.PENDING, S.SUCCESSFUL)
    await kept_order(store, order("o11", kind=OrderKind.TRANSFER, amount_minor=50), S.PENDING, S.FAILED)
    assert await store.collected_minor("m1", "GHS") == 2**40 + 18
    assert await store.collected_minor("m3", "GHS") == 0


async def test_what_a_merchant_collected_has_its_paid_invoices(store: Store) -> None:
    """The money of an invoice comes with its agreement, not with the order that made it."""
    ends = {"g1": A.PAID, "g2": A.PAID, "g3": A.CANCELLED, "g4": None, "g5": A.PAID, "g6": A.PAID}
    given: dict[str, dict[str, Any]] = {
        "g2": {"amount_minor": 30}, "g5": {"currency": "KES"}, "g6": {"merchant_id": "m2"}
    }  # fmt: skip
    await store.commit([KeepMerchant(merchant("m1")), KeepMerchant(merchant("m2"))])
    await store.commit([SavePerson(person())])
    for id, said in ends.items():
        row = agreement(id, kind=AgreementKind.INVOICE, every="", **given.get(id, {}))
        await store.commit([KeepAgreement(row), moved(row, A.ACTIVE)])
        if said is not None:
            await store.commit([moved(row, said, expected=row.version + 1)])
    assert await store.collected_minor("m1", "GHS") == 530
    assert await store.collected_minor("m2", "GHS") == 500


async def test_a_connection_is_needed_until_its_last_order_is_final(store: Store) -> None:
    await kept_order(store, order("o1", account_id="momo-gh"))
    await kept_order(store, order("o2", account_id="momo-gh"), S.PENDING, S.FAILED)
    await kept_order(store, order("o3", account_id="momo-ug"), S.PENDING, S.UNRESOLVED)
    row = await kept_order(store, order("o4", account_id="startbutton-ke"), S.PENDING)
    assert await store.open_accounts() == {"momo-gh", "momo-ug", "startbutton-ke"}
    await store.commit([move(row, S.SUCCESSFUL)])
    assert await store.open_accounts() == {"momo-gh", "momo-ug"}


async def test_what_was_given_back_of_several_payments_is_one_read(store: Store) -> None:
    for id in ("o1", "o2", "o3"):
        await kept_order(store, order(id), S.PENDING, S.SUCCESSFUL)
    for id, parent, minor, path in (
        ("r1", "o1", 100, (S.PENDING, S.SUCCESSFUL)),
        ("r2", "o1", 150, (S.PENDING, S.SUCCESSFUL)),
        ("r3", "o1", 50, (S.PENDING,)),
        ("r4", "o2", 500, (S.PENDING, S.FAILED)),
    ):
        refund = order(id, kind=OrderKind.REFUND, parent_id=parent, amount_minor=minor)
        await kept_order(store, refund, *path)
    assert await store.given_back_minor(["o1", "o2", "o3"]) == {"o1": 250}
    assert await store.given_back_minor([]) == {}


async def test_the_payouts_of_a_merchant_are_the_latest_of_its_own(store: Store) -> None:
    await store.commit([KeepMerchant(merchant("m2", code="2002"))])
    for id, kind, given in (
        ("old", OrderKind.TRANSFER, {"created_ms": NOW - 2}),
        ("o1", OrderKind.TRANSFER, {"created_ms": NOW - 1}),
        ("o2", OrderKind.DEPOSIT, {"created_ms": NOW}),
        ("o3", OrderKind.COLLECTION, {}),
        ("o4", OrderKind.TRANSFER, {"merchant_id": "m2"}),
        ("o5", OrderKind.TRANSFER, {"currency": "KES"}),
    ):
        await store.commit([CreateOrder(order(id, kind=kind, **given), Source.US)])
    found = await store.payouts_of_merchant("m1", "GHS", NOW - 1, 9)
    assert [row.id for row in found] == ["o2", "o1"]
    assert [row.id for row in await store.payouts_of_merchant("m1", "GHS", 0, 1)] == ["o2"]
