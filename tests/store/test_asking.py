"""What may be asked of a payer's phone, decided in the commit: the contract of every backend."""

import asyncio
from typing import Any

import pytest

from bot.money import AgreementKind, AgreementState, OrderKind, OrderState, Reason, Source
from bot.store import Store
from bot.store.base import (
    Asking,
    Change,
    Conflict,
    CreateOrder,
    KeepAgreement,
    KeepMerchant,
    SaveAddress,
)
from bot.store.records import AgreementRow, OrderRow
from tests.store.make import NOW, address, agreement, kept_order, merchant, move, moved, order

A, S = AgreementState, OrderState
OTHER = "+233240000002"
HOUR = 3600_000
PERIODS = {"day": NOW - 1000, "week": NOW - 1000, "month": NOW - 1000}


@pytest.fixture
async def kept(store: Store) -> Store:
    """Two merchants; p1 is the person of MSISDN, p2 and p3 are others."""
    await store.commit([KeepMerchant(merchant()), KeepMerchant(merchant("m2")), SaveAddress(address())])
    return store


def own(*, told: bool = False, open_at_most: int = 3) -> Asking:
    return Asking(
        own=True,
        since_ms=NOW - HOUR,
        open_at_most=open_at_most,
        unapproved=0,
        told=told,
        periods_ms=PERIODS,
    )


def others(**given: Any) -> Asking:
    """A customer's limits as they are unless set."""
    limits = {"own": False, "since_ms": NOW - HOUR, "open_at_most": 0, "unapproved": 3, "numbers": 5}
    return Asking(**(limits | given))


def staffs(**given: Any) -> Asking:
    return others(**({"numbers": None, "unapproved_everywhere": 6} | given))


async def answered(store: Store, row: OrderRow | AgreementRow, asking: Asking) -> str:
    """The store's word; its commit says the same, and keeps nothing."""
    said = await store.cannot_ask(row, asking)
    if said:
        change: Change = KeepAgreement(row, asking) if isinstance(row, AgreementRow) else created(row, asking)
        with pytest.raises(Conflict) as caught:
            await store.commit([change])
        assert caught.value.what == said
    return said


def created(row: OrderRow, asking: Asking) -> CreateOrder:
    return CreateOrder(row, Source.US, asking=asking)


async def stands(store: Store, row: AgreementRow, said: AgreementState | None = A.ACTIVE) -> AgreementRow:
    await store.commit([KeepAgreement(row), *([moved(row, said)] if said else [])])
    found = await store.agreement(row.id)
    assert found is not None
    return found


# ---- debits without a PIN


@pytest.mark.parametrize("kind", [OrderKind.COLLECTION, OrderKind.WITHDRAWAL])
@pytest.mark.parametrize("said", [None, A.ACTIVE, A.UNRESOLVED])
async def test_what_would_be_debited_is_for_its_owner_who_was_told(
    kept: Store, kind: OrderKind, said: AgreementState | None
) -> None:
    await stands(kept, agreement(), said)
    row = order(kind=kind)
    assert await answered(kept, order(kind=kind, person_id="p2"), others()) == "number"
    assert await answered(kept, order(kind=kind, person_id="p2", staff_id="s1"), staffs()) == "number"
    assert await answered(kept, row, own()) == "agreement"
    assert await answered(kept, row, own(told=True)) == ""


@pytest.mark.parametrize(
    "given",
    [
        {"amount_minor": 501},
        {"currency": "KES"},
        {"merchant_id": "m2"},
        {"created_ms": NOW + 1000_000},
    ],
)
async def test_an_agreement_is_held_to_what_was_agreed(kept: Store, given: dict[str, Any]) -> None:
    """Another merchant on the same account is none of it; the wallet would be debited all the same."""
    await stands(kept, agreement())
    assert await answered(kept, order(**given), own(told=True)) == "agreement"


async def test_another_account_asks_for_its_pin(kept: Store) -> None:
    await stands(kept, agreement())
    assert await answered(kept, order(account_id="momo-ug", amount_minor=9999), own()) == ""
    assert await answered(kept, order(account_id="momo-ug", person_id="p2"), others()) == ""


@pytest.mark.parametrize(
    "earlier",
    [
        {"kind": OrderKind.COLLECTION},
        {"kind": OrderKind.WITHDRAWAL},
        {"kind": OrderKind.AGREEMENT_CHARGE, "agreement_id": "g1"},
    ],
)
async def test_a_period_is_used_up_whoever_used_it(kept: Store, earlier: dict[str, Any]) -> None:
    await stands(kept, agreement())
    first = await kept_order(kept, order("o1", **earlier), S.PENDING)
    assert await kept.debited("g1", PERIODS["month"])
    assert await answered(kept, order("o2"), own(told=True)) == "agreement"
    charge = order("o3", kind=OrderKind.AGREEMENT_CHARGE, agreement_id="g1")
    with pytest.raises(Conflict):
        await kept.commit([CreateOrder(charge, Source.US, debits_since_ms=PERIODS["month"])])
    await kept.commit([move(first, S.FAILED)])
    assert await answered(kept, order("o2"), own(told=True)) == ""


async def test_what_was_approved_before_it_was_agreed_uses_nothing_up(kept: Store) -> None:
    await kept_order(kept, order("o1", created_ms=NOW - 1), S.PENDING, S.SUCCESSFUL)
    await stands(kept, agreement())
    assert await answered(kept, order("o2"), own(told=True)) == ""


async def test_whoever_stopped_it_is_not_debited_while_it_ends(kept: Store) -> None:
    row = await stands(kept, agreement())
    await kept_order(kept, order("stop", kind=OrderKind.PREAPPROVAL_CANCEL, agreement_id="g1"), S.PENDING)
    assert await answered(kept, order(), own(told=True)) == "agreement"
    await kept.commit([moved(row, A.CANCELLED)])
    assert await answered(kept, order(), own()) == ""
    assert await answered(kept, order(person_id="p2"), others()) == ""


async def test_two_at_once_are_not_both_within_the_period(kept: Store) -> None:
    await stands(kept, agreement())
    wanted = [created(order(f"o{n}"), own(told=True)) for n in range(5)]
    done = await asyncio.gather(*(kept.commit([one]) for one in wanted), return_exceptions=True)
    assert sum(result is None for result in done) == 1


# ---- one's own


async def test_what_others_ask_never_uses_up_ones_own(kept: Store) -> None:
    for number in range(3):
        await kept_order(kept, order(f"o{number}", person_id="p2"), S.PENDING)
    for number in range(3, 6):
        assert await answered(kept, order(f"o{number}"), own()) == ""
        await kept.commit([created(order(f"o{number}"), own())])
    assert await answered(kept, order("o6"), own()) == "payer"
    assert await answered(kept, order("o6", payer=OTHER), own()) == ""


async def test_asked_for_at_once_only_the_allowed_number_is_made(kept: Store) -> None:
    wanted = [created(order(f"o{n}"), own()) for n in range(9)]
    wanted += [created(order(f"p{n}", person_id="p2"), others()) for n in range(9)]
    done = await asyncio.gather(*(kept.commit([one]) for one in wanted), return_exceptions=True)
    assert [sum(result is None for result in half) for half in (done[:9], done[9:])] == [3, 3]


# ---- what others ask


@pytest.mark.parametrize(
    "asked", [OrderKind.COLLECTION, OrderKind.WITHDRAWAL, OrderKind.PREAPPROVAL, OrderKind.INVOICE]
)
async def test_a_number_has_three_unapproved_requests_of_strangers_whoever_they_are(
    kept: Store, asked: OrderKind
) -> None:
    """A fresh chat is a fresh person: they are counted together."""
    for number, person in enumerate(("p2", "p3", "p2")):
        assert await answered(kept, order(f"o{number}", kind=asked, person_id=person), others()) == ""
        await kept_order(kept, order(f"o{number}", kind=asked, person_id=person), S.PENDING)
    assert await answered(kept, order("o4", person_id="p3"), others()) == "number"
    assert await answered(kept, order("o4", person_id="p3", payer=OTHER), others()) == ""
    assert await answered(kept, order("o4", person_id="p2", staff_id="s1"), staffs()) == ""


@pytest.mark.parametrize(
    ("path", "given", "counts"),
    [
        ((S.PENDING,), {}, True),
        ((S.PENDING, S.NEEDS_OTP), {}, True),
        ((S.PENDING, S.FAILED), {"reason": Reason.REJECTED}, True),
        ((S.PENDING, S.FAILED), {}, True),
        ((S.PENDING, S.UNRESOLVED), {}, True),
        ((S.PENDING, S.SUCCESSFUL), {}, False),
        ((S.PENDING, S.REVERSED), {}, False),
        ((S.FAILED,), {"reason": Reason.NOT_SENT}, False),
        ((S.PENDING, S.FAILED), {"reason": Reason.NOT_AVAILABLE}, False),
    ],
)
async def test_only_what_its_owner_did_not_approve_counts(
    kept: Store, path: tuple[OrderState, ...], given: dict[str, Any], counts: bool
) -> None:
    """What never left has asked nobody."""
    await kept_order(kept, order("o1", person_id="p2"), *path, **given)
    said = await answered(kept, order("o2", person_id="p3"), others(unapproved=1))
    assert said == ("number" if counts else "")


@pytest.mark.parametrize(("path", "said"), [((S.PENDING, S.FAILED), ""), ((S.PENDING,), "number")])
async def test_after_an_hour_only_what_is_still_open_counts(
    kept: Store, path: tuple[OrderState, ...], said: str
) -> None:
    await kept_order(kept, order("o1", person_id="p2", created_ms=NOW - HOUR - 1), *path)
    assert await answered(kept, order("o2", person_id="p3"), others(unapproved=1)) == said


async def test_an_invoice_is_approved_when_it_is_paid(kept: Store) -> None:
    row = agreement(kind=AgreementKind.INVOICE, every="", person_id="p2")
    made = order("o1", kind=OrderKind.INVOICE, person_id="p2", staff_id="s1", agreement_id="g1")
    await kept.commit([KeepAgreement(row)])
    await kept_order(kept, made, S.PENDING, S.SUCCESSFUL)
    again = order("o2", kind=OrderKind.INVOICE, person_id="p2", staff_id="s1")
    assert await answered(kept, again, staffs(unapproved=1)) == "number"
    await kept.commit([moved(row, A.ACTIVE)])
    await kept.commit([moved((await kept.agreement("g1")) or row, A.PAID)])
    assert await answered(kept, again, staffs(unapproved=1)) == ""


async def test_a_merchant_has_three_and_all_of_them_six(kept: Store) -> None:
    """Consents count beside orders; what customers ask stands apart."""
    await kept_order(kept, order("x", person_id="p3"), S.PENDING)
    for number, merchant_id in enumerate(("m1", "m2")):
        for turn in range(3):
            id = f"o{number}{turn}"
            row = order(id, person_id="p2", staff_id=f"s-{merchant_id}", merchant_id=merchant_id)
            if turn == 1:
                consent = agreement(
                    f"g{number}", kind=AgreementKind.CONSENT, person_id="p2", merchant_id=merchant_id,
                    staff_id=row.staff_id, every="", amount_minor=0,
                )  # fmt: skip
                assert await answered(kept, consent, staffs()) == ""
                await kept.commit([KeepAgreement(consent, staffs())])
                continue
            assert await answered(kept, row, staffs()) == ""
            await kept.commit([created(row, staffs())])
        assert await answered(kept, order("y", person_id="p2", staff_id="s", merchant_id=merchant_id),
                              staffs()) == "number"  # fmt: skip
    await kept.commit([KeepMerchant(merchant("m3"))])
    third = order("z", person_id="p2", staff_id="s-m3", merchant_id="m3")
    assert await answered(kept, third, staffs()) == "number"
    # Whoever agreed, or was never asked, is not counted any more.
    for id, said in (("g0", A.ACTIVE), ("g1", A.CANCELLED)):
        await kept.commit([moved((await kept.agreement(id)) or agreement(id), said)])
    assert await answered(kept, third, staffs()) == ""


async def test_a_customer_asks_five_other_numbers_an_hour(kept: Store) -> None:
    numbers = [f"+23324000010{n}" for n in range(6)]
    for number in numbers[:5]:
        await kept_order(kept, order(f"o{number}", payer=number), S.PENDING, S.SUCCESSFUL)
    await kept_order(kept, order("mine"), S.PENDING, S.SUCCESSFUL)
    sixth = order("o6", payer=numbers[5])
    assert await answered(kept, sixth, others()) == "number"
    assert await answered(kept, order("o7", payer=numbers[0]), others()) == ""
    assert await answered(kept, order("o6", payer=numbers[5]), others(since_ms=NOW + 1)) == ""
    assert await answered(kept, order("o6", payer=numbers[5], person_id="p2"), others()) == ""


async def test_staff_ask_any_number_unless_it_is_set(kept: Store) -> None:
    for number in range(5):
        row = order(f"o{number}", payer=f"+23324000010{number}", staff_id="s1", person_id="p2")
        await kept_order(kept, row, S.PENDING)
    next_one = order("o9", payer=OTHER, staff_id="s1", person_id="p2")
    assert await answered(kept, next_one, staffs()) == ""
    assert await answered(kept, next_one, staffs(numbers=5)) == "number"
