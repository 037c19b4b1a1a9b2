"""Agreements, second approvals, limits on payouts and the switch: the contract of every backend."""

import asyncio
from typing import Any

import msgspec
import pytest

from bot.money import AgreementState, OrderDetails, OrderKind, OrderState, Source
from bot.store import Store
from bot.store.base import (
    Cap,
    Change,
    Conflict,
    CreateOrder,
    Decide,
    ExpireApproval,
    KeepAgreement,
    KeepApproval,
    KeepMerchant,
    KeepStaff,
    SetSwitch,
)
from bot.store.records import AgreementRow, ApprovalRow, ApprovalState, SwitchRow
from tests.store.make import MSISDN, NOW, agreement, kept_order, merchant, moved, order, request, staff

A, S = AgreementState, OrderState
OTHER = "+233240000002"


def approval(id: str = "v1", **given: Any) -> ApprovalRow:
    row: dict[str, Any] = {
        "id": id,
        "merchant_id": "m1",
        "state": ApprovalState.WAITING,
        "request": request(),
        "asked_by": "s1",
        "created_ms": NOW,
        "expires_ms": NOW + 1000,
    }
    return ApprovalRow(**(row | given))


@pytest.fixture
async def kept(store: Store) -> Store:
    """A store with a merchant and two of its staff."""
    await store.commit([KeepMerchant(merchant())])
    await store.commit([KeepStaff(staff("s1")), KeepStaff(staff("s2"))])
    return store


async def stands(store: Store, row: AgreementRow) -> AgreementRow:
    await store.commit([KeepAgreement(row), moved(row, A.ACTIVE)])
    found = await store.agreement(row.id)
    assert found is not None
    return found


async def refused(store: Store, what: str, *changes: Change) -> None:
    with pytest.raises(Conflict) as caught:
        await store.commit(changes)
    assert caught.value.what == what


# ---- agreements


async def test_an_agreement_moves_by_its_own_ledger(kept: Store) -> None:
    row = await stands(kept, agreement())
    assert (row.state, row.version, row.due_ms) == (A.ACTIVE, 1, NOW + 1)
    await kept.commit([moved(row, A.CANCELLED, note="stopped", source=Source.POLL)])
    ended = await kept.agreement("g1")
    assert ended is not None
    assert (ended.state, ended.due_ms) == (A.CANCELLED, None)
    lines = [(line.from_state, line.to_state) for line in await kept.agreement_lines("g1")]
    assert lines == [(None, A.REQUESTED), (A.REQUESTED, A.ACTIVE), (A.ACTIVE, A.CANCELLED)]


async def test_what_has_ended_stays_ended(kept: Store) -> None:
    row = await stands(kept, agreement())
    await kept.commit([moved(row, A.EXPIRED)])
    row = await kept.agreement("g1") or row
    for said in (A.ACTIVE, A.PAID, A.UNRESOLVED):
        await refused(kept, "agreement", moved(row, said))


async def test_a_move_of_an_older_version_is_refused(kept: Store) -> None:
    row = agreement()
    await stands(kept, row)
    await refused(kept, "agreement", moved(row, A.EXPIRED))


async def test_fields_are_set_without_a_line(kept: Store) -> None:
    row = await stands(kept, agreement())
    await kept.commit([moved(row, None, provider_id="their-id", until_ms=NOW + 5, polls=3)])
    found = await kept.agreement("g1")
    assert found is not None
    assert (found.provider_id, found.until_ms, found.polls, found.state) == ("their-id", NOW + 5, 3, A.ACTIVE)
    assert len(await kept.agreement_lines("g1")) == 2


async def test_a_payer_has_one_standing_preapproval_for_a_merchant(kept: Store) -> None:
    row = await stands(kept, agreement())
    await refused(kept, "agreement", KeepAgreement(agreement("g2")))
    await kept.commit([KeepAgreement(agreement("g3", payer=OTHER))])
    await kept.commit([moved(row, A.CANCELLED)])
    await kept.commit([KeepAgreement(agreement("g4"))])
    assert [found.id for found in await kept.agreements_of_payer(MSISDN, "preapproval", 9)] == ["g4"]
    listed = await kept.agreements_of_merchant("m1", "preapproval", 9)
    assert {found.id for found in listed} == {"g3", "g4"}


async def test_one_id_of_theirs_is_one_agreements(kept: Store) -> None:
    row = await stands(kept, agreement())
    await kept.commit([KeepMerchant(merchant("m2"))])
    second = await stands(kept, agreement("g2", merchant_id="m2"))
    await kept.commit([KeepMerchant(merchant("m3"))])
    elsewhere = await stands(kept, agreement("g3", merchant_id="m3", account_id="momo-ug"))
    await kept.commit([moved(row, A.CANCELLED, provider_id="theirs")])
    assert await kept.preapproval_ids(MSISDN, row.account_id, but="g2") == ("theirs",)
    assert await kept.preapproval_ids(MSISDN, row.account_id, but="g1") == ()
    assert await kept.preapproval_ids(OTHER, row.account_id, but="g2") == ()
    await refused(kept, "agreement", moved(second, None, provider_id="theirs"))
    await kept.commit([moved(second, None, provider_id="own")])
    await kept.commit([moved(elsewhere, None, provider_id="theirs")])


async def test_two_claimers_never_get_the_same_agreement(kept: Store) -> None:
    row = await stands(kept, agreement())
    assert await kept.next_agreement_ms() == row.due_ms
    [claimed] = await kept.claim_agreements(NOW + 1, 1000, 9)
    assert await kept.claim_agreements(NOW + 2, 1000, 9) == ()
    [later] = await kept.claim_agreements(NOW + 2000, 1000, 9)
    assert later.fence == claimed.fence + 1
    await refused(kept, "agreement", moved(claimed, None, fence=claimed.fence))
    await kept.commit([moved(later, A.PAID, fence=later.fence)])
    assert await kept.next_agreement_ms() is None


# ---- debits under an agreement


def debit(id: str = "o1", **given: Any) -> CreateOrder:
    values: dict[str, Any] = {"kind": OrderKind.AGREEMENT_CHARGE, "agreement_id": "g1"}
    return CreateOrder(order(id, **(values | given)), Source.US, debits_since_ms=NOW - 10)


@pytest.mark.parametrize(
    "given",
    [
        {"amount_minor": 501},
        {"currency": "KES"},
        {"payer": OTHER},
        {"merchant_id": "m2"},
        {"account_id": "momo-ug"},
        {"created_ms": NOW + 1000_000},
        {"agreement_id": "none"},
    ],
)
async def test_a_debit_the_agreement_does_not_cover_is_refused(kept: Store, given: dict[str, Any]) -> None:
    await stands(kept, agreement())
    await refused(kept, "agreement", debit(**given))


async def test_a_debit_needs_an_agreement_that_stands(kept: Store) -> None:
    await kept.commit([KeepAgreement(agreement())])
    await refused(kept, "agreement", debit())


async def test_one_debit_a_period_also_when_two_come_at_once(kept: Store) -> None:
    await stands(kept, agreement())
    both = await asyncio.gather(
        kept.commit([debit("o1")]), kept.commit([debit("o2")]), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in both) == ["Conflict", "NoneType"]
    assert await kept.debited("g1", NOW - 10)


async def test_a_debit_that_failed_makes_room_for_another(kept: Store) -> None:
    await stands(kept, agreement())
    row = order("o1", kind=OrderKind.AGREEMENT_CHARGE, agreement_id="g1")
    await kept_order(kept, row, S.PENDING, S.FAILED)
    assert not await kept.debited("g1", NOW - 10)
    await kept.commit([debit("o2")])


@pytest.mark.parametrize("steps", [(), (S.PENDING,), (S.PENDING, S.UNRESOLVED), (S.PENDING, S.SUCCESSFUL)])
async def test_nothing_is_debited_once_the_payer_asked_for_the_end(
    kept: Store, steps: tuple[OrderState, ...]
) -> None:
    await stands(kept, agreement())
    assert not await kept.is_being_stopped("g1")
    await kept_order(kept, order("stop", kind=OrderKind.PREAPPROVAL_CANCEL, agreement_id="g1"), *steps)
    assert await kept.is_being_stopped("g1")
    await refused(kept, "agreement", debit())


async def test_a_refused_end_leaves_the_agreement_as_it_was(kept: Store) -> None:
    await stands(kept, agreement())
    stop = order("stop", kind=OrderKind.PREAPPROVAL_CANCEL, agreement_id="g1")
    await kept_order(kept, stop, S.PENDING, S.FAILED)
    assert not await kept.is_being_stopped("g1")
    await kept.commit([debit()])


# ---- payouts


def payout(id: str = "o1", *caps: Cap, **given: Any) -> CreateOrder:
    values: dict[str, Any] = {"kind": OrderKind.TRANSFER, "payer": "", "payee": MSISDN}
    return CreateOrder(order(id, **(values | given)), Source.US, caps=caps)


@pytest.mark.parametrize(
    ("of", "not_counted"),
    [("number", {"payee": OTHER}), ("merchant", {"merchant_id": "m2"}), ("total", {"currency": "KES"})],
)
async def test_payouts_stay_within_each_limit(kept: Store, of: str, not_counted: dict[str, Any]) -> None:
    cap = Cap(of, NOW - 1000, 1200)
    await kept.commit([payout("o1", cap), payout("o2", cap)])
    await refused(kept, f"limit_{of}", payout("o3", cap))
    await kept.commit([payout("o4", cap, **not_counted)])
    await kept.commit([payout("o5", cap, amount_minor=200)])
    assert await kept.paid_out_minor(order("o6", payee=MSISDN), cap) == 1200


def to_bank(
    id: str, *caps: Cap, account: str = "0123456789", bank: str = "GH010", **given: Any
) -> CreateOrder:
    return payout(id, *caps, payee="", details=OrderDetails(bank_code=bank, account_number=account), **given)


async def test_a_bank_account_has_a_limit_of_its_own(kept: Store) -> None:
    """It is a bank and a number: what others got counts for none, whoever paid it out."""
    cap = Cap("number", NOW - 1000, 900)
    await kept.commit([to_bank("o1", cap)])
    await kept.commit([to_bank("o2", cap, account="9876543210", merchant_id="m2")])
    await kept.commit([to_bank("o3", cap, bank="GH020")])
    await kept.commit([payout("o4", cap)])
    await refused(kept, "limit_number", to_bank("o5", cap, merchant_id="m2"))
    row = to_bank("o5").row
    assert await kept.paid_out_minor(row, cap) == 500
    # The words beside it make no other account of it.
    described = msgspec.structs.replace(row.details, description="rent")
    assert await kept.paid_out_minor(msgspec.structs.replace(row, details=described), cap) == 500


async def test_what_failed_or_lies_before_the_window_is_not_counted(kept: Store) -> None:
    failed = order("o1", kind=OrderKind.DEPOSIT, payer="", payee=MSISDN)
    await kept_order(kept, failed, S.PENDING, S.FAILED)
    await kept.commit([payout("o2", created_ms=NOW - 2000, updated_ms=NOW - 2000)])
    assert await kept.paid_out_minor(order("o3", payee=MSISDN), Cap("number", NOW - 1000, 1)) == 0


async def test_two_payouts_at_once_never_pass_a_limit_together(kept: Store) -> None:
    cap = Cap("merchant", NOW - 1000, 900)
    outcomes = await asyncio.gather(
        *(kept.commit([payout(f"o{n}", cap)]) for n in range(8)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1


@pytest.mark.parametrize("kind", [OrderKind.TRANSFER, OrderKind.DEPOSIT, OrderKind.REFUND])
async def test_no_payout_begins_while_payouts_are_off(kept: Store, kind: OrderKind) -> None:
    paid = await kept_order(kept, order("paid"), S.PENDING, S.SUCCESSFUL)
    parent = {"parent_id": paid.id} if kind is OrderKind.REFUND else {}
    await kept.commit([SetSwitch(SwitchRow("payouts", True, "Esi", "a fraud is looked into", NOW))])
    await refused(kept, "off", payout("o1", kind=kind, **parent))
    await kept.commit([CreateOrder(order("o2"), Source.US)])
    await kept.commit([SetSwitch(SwitchRow("payouts", False, "Esi", "", NOW))])
    await kept.commit([payout("o1", kind=kind, **parent)])
    switch = await kept.switch("payouts")
    assert switch is not None
    assert (switch.is_off, switch.who) == (False, "Esi")


async def test_a_debit_can_be_refunded_and_a_withdrawal_cannot(kept: Store) -> None:
    await stands(kept, agreement())
    debited = order("o1", kind=OrderKind.AGREEMENT_CHARGE, agreement_id="g1")
    await kept_order(kept, debited, S.PENDING, S.SUCCESSFUL)
    await kept.commit([payout("r1", kind=OrderKind.REFUND, parent_id="o1", amount_minor=200)])
    assert await kept.refunded_minor("o1") == 200
    await kept_order(kept, order("o2", kind=OrderKind.WITHDRAWAL), S.PENDING, S.SUCCESSFUL)
    await refused(kept, "refund", payout("r2", kind=OrderKind.REFUND, parent_id="o2"))


async def test_one_order_follows_another(kept: Store) -> None:
    paid = await kept_order(kept, order("o1"), S.PENDING, S.SUCCESSFUL)
    bill = order("o2", kind=OrderKind.BILL, payer="", follows_id=paid.id)
    await kept.commit([CreateOrder(bill, Source.US)])
    await refused(kept, "order", CreateOrder(order("o3", kind=OrderKind.BILL, follows_id=paid.id), Source.US))
    found = await kept.follower_of("o1")
    assert found is not None
    assert found.id == "o2"


# ---- second approvals


async def test_an_approval_is_decided_once_and_never_by_its_asker(kept: Store) -> None:
    await kept.commit([KeepApproval(approval(conversation_id="c1", act_position=3))])
    assert [row.id for row in await kept.approvals_waiting("m1", NOW, 9)] == ["v1"]
    await refused(kept, "approval", Decide("v1", ApprovalState.REFUSED, "s1", NOW))
    made = CreateOrder(order("o1"), Source.US)
    await kept.commit([made, Decide("v1", ApprovalState.APPROVED, "s2", NOW, "o1")])
    again = [CreateOrder(order("o2"), Source.US), Decide("v1", ApprovalState.APPROVED, "s2", NOW, "o2")]
    await refused(kept, "approval", *again)
    assert await kept.order("o2") is None
    decided = await kept.approval("v1")
    assert decided is not None
    assert (decided.state, decided.decided_by, decided.order_id) == (ApprovalState.APPROVED, "s2", "o1")
    assert await kept.approvals_waiting("m1", NOW, 9) == ()
    assert await kept.approval_of_act("c1", 3) == decided


async def test_an_approval_that_ran_out_is_decided_by_nobody(kept: Store) -> None:
    await kept.commit([KeepApproval(approval())])
    await refused(kept, "approval", Decide("v1", ApprovalState.REFUSED, "s2", NOW + 1000))
    assert await kept.approvals_waiting("m1", NOW + 1000, 9) == ()


async def test_an_approval_that_ran_out_is_ended_once_and_not_before(kept: Store) -> None:
    await kept.commit([KeepApproval(approval()), KeepApproval(approval("v2", expires_ms=NOW + 2000))])
    assert await kept.next_approval_ms() == NOW + 1000
    assert await kept.approvals_over(NOW + 999, 9) == ()
    assert [row.id for row in await kept.approvals_over(NOW + 2000, 9)] == ["v1", "v2"]
    await refused(kept, "approval", ExpireApproval("v1", NOW + 999))
    await kept.commit([ExpireApproval("v1", NOW + 1000)])
    await refused(kept, "approval", ExpireApproval("v1", NOW + 1001))
    await refused(kept, "approval", Decide("v1", ApprovalState.REFUSED, "s2", NOW + 1001))
    ended = await kept.approval("v1")
    assert ended is not None
    assert (ended.state, ended.decided_by, ended.decided_ms) == (ApprovalState.EXPIRED, "", NOW + 1000)
    assert await kept.next_approval_ms() == NOW + 2000
    await kept.commit([Decide("v2", ApprovalState.REFUSED, "s2", NOW)])
    assert await kept.next_approval_ms() is None


async def test_one_act_asks_for_one_approval(kept: Store) -> None:
    await kept.commit([KeepApproval(approval(conversation_id="c1", act_position=3))])
    await refused(kept, "act", KeepApproval(approval("v2", conversation_id="c1", act_position=3)))


# ---- references for people


async def test_no_reference_is_anything_elses(kept: Store) -> None:
    """Orders, agreements and what waits for approval share one space; an order may bear the code of the
    agreement it makes, and of the approval it comes from."""
    row = order("o1", code="482915037", agreement_id="g1")
    await kept.commit([KeepAgreement(agreement("g1", code="482915037")), CreateOrder(row, Source.US)])
    await kept.commit([KeepApproval(approval(request=request(id="o2", code="733104882")))])
    for taken in ("482915037", "733104882"):
        await refused(kept, "code", CreateOrder(order("o3", code=taken), Source.US))
        await refused(kept, "code", KeepAgreement(agreement("g3", code=taken, payer=OTHER)))
        await refused(kept, "code", KeepApproval(approval("v3", request=request(id="o3", code=taken))))
    await refused(kept, "order", CreateOrder(order("o1", code="100000000"), Source.US))
    await kept.commit([CreateOrder(order("o2", code="733104882"), Source.US)])
