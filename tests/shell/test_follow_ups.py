"""What else an order's new state causes, in the same commit: agreements, bills, refunds, notices."""

from typing import Any

import msgspec
import pytest

from bot.money import AgreementKind, AgreementState, OrderDetails, OrderKind, OrderState, Reason, Source
from bot.notifications.order_messages import result_messages
from bot.orders.rules import after_recheck, after_status, may_give_up
from bot.orders.rules.follow_ups import follow_ups
from bot.providers.base import StatusReport
from bot.runtime.timeouts import TIMES
from bot.store.base import AddIncident, Change, CreateOrder, MoveAgreement, MoveOrder, Queue
from bot.store.records import AgreementRow, OrderRow
from tests.shell.ledger import CHAT, context, order
from tests.store.make import MSISDN, NOW, agreement

SUCCESSFUL, FAILED, UNRESOLVED = OrderState.SUCCESSFUL, OrderState.FAILED, OrderState.UNRESOLVED
PENDING = OrderState.PENDING
S = AgreementState
BILL = OrderDetails(service_provider="ECG", customer_reference="42")


def caused(row: OrderRow, said: OrderState, reason: Reason | None = None, **given: Any) -> list[Change]:
    told = {name: given.pop(name) for name in ("payment_reference", "expires_ms") if name in given}
    return follow_ups(row, said, reason, context(**given), **told)


def only(changes: list[Change], kind: type) -> list[Any]:
    return [change for change in changes if isinstance(change, kind)]


def said_of(queued: list[Any]) -> list[tuple[str, str]]:
    return [(c.row.address_value, msgspec.json.decode(c.row.view)["text"]["id"]) for c in queued]


@pytest.mark.parametrize("kind", [OrderKind.PREAPPROVAL, OrderKind.INVOICE])
@pytest.mark.parametrize(
    ("said", "reason", "becomes"),
    [
        (SUCCESSFUL, None, S.ACTIVE),
        (FAILED, Reason.REJECTED, S.REFUSED),
        (FAILED, Reason.EXPIRED, S.EXPIRED),
        (FAILED, None, S.REFUSED),
        (UNRESOLVED, None, S.UNRESOLVED),
    ],
)
def test_an_agreement_becomes_what_its_order_says(
    kind: OrderKind, said: OrderState, reason: Reason | None, becomes: S
) -> None:
    row = agreement(kind=AgreementKind(kind.value))
    (moved,) = only(caused(order(kind=kind), said, reason, agreement=row), MoveAgreement)
    assert (moved.to_state, moved.expected) == (becomes, row.version)
    assert moved.due_ms == (NOW if becomes is S.ACTIVE else None)


@pytest.mark.parametrize("kind", [OrderKind.PREAPPROVAL_CANCEL, OrderKind.INVOICE_CANCEL])
def test_only_a_cancellation_that_is_done_ends_it(kind: OrderKind) -> None:
    row = agreement(state=S.ACTIVE)
    (moved,) = only(caused(order(kind=kind), SUCCESSFUL, agreement=row), MoveAgreement)
    assert (moved.to_state, moved.source) == (S.CANCELLED, Source.REPLY)
    assert caused(order(kind=kind), FAILED, agreement=row) == []
    assert caused(order(kind=kind), UNRESOLVED, agreement=row) == []


@pytest.mark.parametrize("ended", [S.PAID, S.CANCELLED, S.EXPIRED, S.REFUSED])
def test_what_has_ended_stays_so(ended: S) -> None:
    row = agreement(kind=AgreementKind.INVOICE, state=ended)
    assert caused(order(kind=OrderKind.INVOICE), SUCCESSFUL, agreement=row) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "counts"),
    [(NOW + 10, NOW + 5, NOW + 5), (NOW + 5, NOW + 10, NOW + 5), (NOW + 5, None, NOW + 5), (None, 7, 7)],
)
def test_the_earlier_end_counts(ours: int | None, theirs: int | None, counts: int) -> None:
    row = agreement(until_ms=ours)
    changes = caused(order(kind=OrderKind.PREAPPROVAL), SUCCESSFUL, agreement=row, expires_ms=theirs)
    assert only(changes, MoveAgreement)[0].until_ms == counts


def invoice(owner_id: str, **given: Any) -> tuple[AgreementRow, list[Change]]:
    row = agreement(kind=AgreementKind.INVOICE, description="Lunch")
    made = order(kind=OrderKind.INVOICE)
    return row, caused(made, SUCCESSFUL, agreement=row, payment_reference="77", owner_id=owner_id, **given)


def test_the_payer_of_an_invoice_is_told_on_the_number_and_in_linked_chats() -> None:
    _, changes = invoice("p2", owner_addresses=(CHAT,))
    assert said_of(only(changes, Queue)) == [(MSISDN, "invoice.received"), ("42", "invoice.received")]
    assert only(changes, MoveAgreement)[0].payment_reference == "77"


def test_a_payer_who_never_spoke_here_is_told_by_sms() -> None:
    _, changes = invoice("")
    assert said_of(only(changes, Queue)) == [(MSISDN, "invoice.received")]


def test_a_bill_is_paid_with_the_money_that_came() -> None:
    paid = order(details=BILL)
    (created,) = caused(paid, SUCCESSFUL)
    assert isinstance(created, CreateOrder)
    bill = created.row
    assert (bill.kind, bill.follows_id, bill.details) == (OrderKind.BILL, paid.id, BILL)
    assert (bill.amount_minor, bill.currency, bill.account_id) == (
        paid.amount_minor,
        paid.currency,
        paid.account_id,
    )
    assert (bill.person_id, bill.origin_value, bill.payer) == (paid.person_id, paid.origin_value, "")
    assert bill.reference != paid.reference


@pytest.mark.parametrize("said", [FAILED, UNRESOLVED, OrderState.REVERSED])
def test_no_bill_is_paid_without_money(said: OrderState) -> None:
    assert caused(order(details=BILL), said) == []


def test_behind_a_payment_of_a_copy_that_was_put_back_nothing_is_sent() -> None:
    """Its bill may be paid, and its money given back, under references that the copy never saw."""
    paid = order(details=BILL, restored_ms=NOW - 1)
    created, moved = caused(paid, SUCCESSFUL)
    assert isinstance(created, CreateOrder)
    assert isinstance(moved, MoveOrder)
    assert (moved.order_id, moved.to_state, created.row.restored_ms) == (created.row.id, PENDING, NOW - 1)
    bill = order(kind=OrderKind.BILL, id="o-bill", follows_id=paid.id, payer="", restored_ms=NOW - 1)
    (alarm,) = caused(bill, FAILED, follows=paid, kinds=frozenset({OrderKind.REFUND}))
    assert isinstance(alarm, AddIncident)


def test_a_payment_for_no_bill_pays_none() -> None:
    assert caused(order(), SUCCESSFUL) == []


def test_the_money_of_a_refused_bill_goes_back() -> None:
    paid = order(SUCCESSFUL, details=BILL, id="o-paid", provider_reference="theirs")
    bill = order(kind=OrderKind.BILL, id="o-bill", follows_id=paid.id, payer="", details=BILL)
    (created,) = caused(bill, FAILED, follows=paid, kinds=frozenset({OrderKind.REFUND}))
    assert isinstance(created, CreateOrder)
    refund = created.row
    assert (refund.kind, refund.parent_id, refund.payee) == (OrderKind.REFUND, paid.id, paid.payer)
    assert refund.details.about_reference == paid.reference
    assert refund.details.about_provider_reference == "theirs"
    assert caused(bill, SUCCESSFUL, follows=paid, kinds=frozenset({OrderKind.REFUND})) == []
    assert caused(bill, UNRESOLVED, follows=paid, kinds=frozenset({OrderKind.REFUND})) == []


def test_where_nothing_can_be_given_back_staff_are_told() -> None:
    paid = order(SUCCESSFUL, details=BILL, id="o-paid")
    bill = order(kind=OrderKind.BILL, id="o-bill", follows_id=paid.id, payer="", details=BILL)
    (alarm,) = caused(bill, FAILED, follows=paid)
    assert isinstance(alarm, AddIncident)
    assert (alarm.row.kind, alarm.row.order_id) == ("bill_not_paid", "o-bill")


def test_money_that_did_not_go_back_by_itself_is_an_incident_and_no_lie() -> None:
    refund = order(kind=OrderKind.REFUND, parent_id="o-paid", payer="", payee=MSISDN)
    for reason in (Reason.NOT_SENT, Reason.NOT_AVAILABLE, Reason.PAYEE_BLOCKED):
        (alarm,) = caused(refund, FAILED, reason)
        assert isinstance(alarm, AddIncident)
        assert (alarm.row.kind, alarm.row.order_id) == ("bill_not_paid", refund.id)
    assert caused(refund, SUCCESSFUL) == []
    by_staff = msgspec.structs.replace(refund, staff_id="s1")
    assert caused(by_staff, FAILED, Reason.NOT_SENT) == []
    for row, sentence in ((refund, "result.refund.failed_kept"), (by_staff, "result.refund.failed")):
        (queued,) = result_messages(
            row, FAILED, "Ama's Kitchen", (), now_ms=NOW, new_id=lambda: "m", timeouts=TIMES
        )
        assert said_of([queued])[0][1] == sentence


def test_money_that_goes_back_by_itself_is_tried_for_a_day() -> None:
    refund = order(OrderState.NEW, kind=OrderKind.REFUND, parent_id="o-paid", payer="", payee=MSISDN)
    by_staff = msgspec.structs.replace(refund, staff_id="s1")
    later = NOW + int(TIMES.send_s * 1000) + 1
    assert may_give_up(by_staff, later, TIMES)
    assert not may_give_up(refund, later, TIMES)
    assert may_give_up(refund, NOW + int(TIMES.daily_s * 1000) + 1, TIMES)


@pytest.mark.parametrize(
    ("row", "said", "given_back", "sentence"),
    [
        (order(details=BILL), SUCCESSFUL, False, "result.bill.collected"),
        (order(details=BILL), FAILED, False, "result.bill.failed"),
        (order(details=BILL), UNRESOLVED, False, "result.bill.checking"),
        (order(kind=OrderKind.BILL, details=BILL), SUCCESSFUL, False, "result.bill.successful"),
        (order(kind=OrderKind.BILL, details=BILL), FAILED, False, "result.bill.failed_kept"),
        (order(kind=OrderKind.BILL, details=BILL), FAILED, True, "result.bill.failed_refund"),
        (order(kind=OrderKind.BILL, details=BILL), UNRESOLVED, False, "result.bill.checking"),
        (order(FAILED, kind=OrderKind.BILL, details=BILL), SUCCESSFUL, False, "result.bill.corrected"),
        (order(FAILED, details=BILL), SUCCESSFUL, False, "result.bill.collected"),
        (order(), SUCCESSFUL, False, "result.successful"),
    ],
)
def test_a_bill_is_told_as_one_thing(
    row: OrderRow, said: OrderState, given_back: bool, sentence: str
) -> None:
    (queued,) = result_messages(
        row, said, "Ama's Kitchen", (), now_ms=NOW, new_id=lambda: "m", timeouts=TIMES, given_back=given_back
    )
    assert said_of([queued])[0][1] == sentence


# ---- cancellations that may never have arrived ---------------------------------------------------


@pytest.mark.parametrize("kind", [OrderKind.PREAPPROVAL_CANCEL, OrderKind.INVOICE_CANCEL])
def test_a_cancellation_nobody_took_goes_again(kind: OrderKind) -> None:
    """It has no status of its own: that what it ends still stands is all there is to see."""
    lost = order(kind=kind, deadline_ms=NOW + 600_000)
    stands = StatusReport(state=OrderState.PENDING)
    early = after_status(lost, stands, Source.POLL, context(NOW + 5_000))
    assert early.order.sent_ms == NOW
    late = after_status(lost, stands, Source.POLL, context(NOW + 25_000))
    assert (late.order.sent_ms, late.order.due_ms) == (0, NOW + 25_000)


def test_a_cancellation_that_was_taken_is_waited_for() -> None:
    taken = order(kind=OrderKind.INVOICE_CANCEL, accepted_ms=NOW, deadline_ms=NOW + 600_000)
    settled = after_status(taken, StatusReport(state=OrderState.PENDING), Source.POLL, context(NOW + 25_000))
    assert settled.order.sent_ms == NOW


def test_a_final_order_said_again_causes_nothing() -> None:
    paid = order(SUCCESSFUL, details=BILL)
    again = StatusReport(state=SUCCESSFUL)
    assert after_recheck(paid, again, Source.CALLBACK, context()).changes == ()
