"""MoMo's pre-approvals and invoices: what they say of themselves, and how they end."""

from typing import Any

import msgspec
import pytest

from bot.money import Money, OrderDetails, OrderKind, OrderState, Reason
from bot.providers import AlreadyAccepted, Declined, Malformed, Misconfigured, Unknown
from bot.providers.base import AgreementReport, AgreementWord, Preapproval, Reply
from bot.providers.momo.adapter import Momo
from bot.providers.momo.preapprovals import list_preapprovals
from bot.providers.momo.replies import read_moment_ms
from tests.accounts import changed

from .cases import PAYER, an_order
from .momo_cases import ABOUT, APPROVAL, BOTH, PAYEE, UNTIL_MS
from .tapes import reply, tape

ADAPTER = Momo()
PAID = changed(BOTH, invoice_successful_means="paid")
CREATED = changed(BOTH, invoice_successful_means="created")
DAY = OrderDetails(validity_s=86400)
PREAPPROVAL = an_order(kind=OrderKind.PREAPPROVAL, details=DAY)
OTHERS_KNOWN = msgspec.structs.replace(PREAPPROVAL, taken=("other",))
INVOICE = an_order(kind=OrderKind.INVOICE, details=DAY)
END_PREAPPROVAL = an_order(kind=OrderKind.PREAPPROVAL_CANCEL, about_provider_reference=APPROVAL)
END_INVOICE = an_order(kind=OrderKind.INVOICE_CANCEL, about_reference=ABOUT)


def status(order, answer: Reply, account=BOTH):
    return ADAPTER.order_status(account, order).decode(answer)


def standing(order, answer: Reply, account=BOTH) -> AgreementReport:
    return ADAPTER.agreement_status(account, order).decode(answer)


def row(**changes: Any) -> dict[str, Any]:
    return {"preApprovalId": APPROVAL, "status": "APPROVED", "expiryTime": "2026-12-21T12:00:00", **changes}


# Pre-approvals


def test_our_own_limit_is_not_sent() -> None:
    for amount in (Money(1, "GHS"), Money(10**9, "GHS")):
        body = ADAPTER.request_order(BOTH, msgspec.structs.replace(PREAPPROVAL, amount=amount)).request.body
        assert body.keys() == {"payer", "payerCurrency", "payerMessage", "validityTime"}


def test_the_sandbox_is_told_another_currency() -> None:
    account = changed(BOTH, wire_currency="EUR")
    assert ADAPTER.request_order(account, PREAPPROVAL).request.body["payerCurrency"] == "EUR"


@pytest.mark.parametrize("kind", [OrderKind.PREAPPROVAL, OrderKind.INVOICE])
@pytest.mark.parametrize("validity_s", [None, 0, -1])
def test_nothing_is_agreed_without_an_end(kind: OrderKind, validity_s: int | None) -> None:
    with pytest.raises(Misconfigured) as caught:
        ADAPTER.request_order(BOTH, an_order(kind=kind, details=OrderDetails(validity_s=validity_s)))
    assert caught.value.created_nothing


@pytest.mark.parametrize("name", ["preapproval_successful", "preapproval_numbers"])
def test_an_approval_tells_until_when(name: str) -> None:
    report = status(PREAPPROVAL, tape(f"momo/{name}"))
    assert (report.expires_ms, report.party, report.amount) == (UNTIL_MS, PAYER, None)


@pytest.mark.parametrize("name", ["preapprovals", "preapprovals_wrapped"])
def test_the_list_in_both_shapes(name: str) -> None:
    call = list_preapprovals(BOTH, PAYER)
    assert call.request.path == "/collection/v1_0/preapprovals/msisdn/233240000001"
    assert call.decode(tape(f"momo/{name}")) == (
        Preapproval(APPROVAL, approved=True, payee="FRI:shop/USER", expires_ms=UNTIL_MS),
    )


@pytest.mark.parametrize(
    ("answer", "approved"),
    [
        (tape("momo/preapprovals_empty"), []),
        (tape("momo/not_found"), []),
        (tape("momo/preapprovals_cancelled"), [False]),
        (reply(200, [row(status="PENDING"), row(status="LOST"), row(status=None)]), [False, False, False]),
        (reply(200, [row(preApprovalId=7), {}, None, "x"]), [True]),
        (reply(200, {"preApprovalDetails": []}), []),
    ],
)
def test_only_what_is_approved_stands(answer: Reply, approved: list[bool]) -> None:
    found = list_preapprovals(BOTH, PAYER).decode(answer)
    assert [standing.approved for standing in found] == approved


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(200, {}), Malformed),
        (reply(200, {"preApprovalDetails": {}}), Malformed),
        (reply(503), Unknown),
        (tape("momo/html_403"), Misconfigured),
        (tape("momo/gateway_404"), Misconfigured),
    ],
)
def test_a_list_nobody_can_read_is_not_an_empty_one(answer: Reply, error: type) -> None:
    with pytest.raises(error):
        list_preapprovals(BOTH, PAYER).decode(answer)
    with pytest.raises(error):
        status(END_PREAPPROVAL, answer)
    with pytest.raises(error):
        standing(PREAPPROVAL, answer)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (tape("momo/preapprovals"), OrderState.PENDING),
        (tape("momo/preapprovals_wrapped"), OrderState.PENDING),
        (tape("momo/preapprovals_empty"), OrderState.SUCCESSFUL),
        (tape("momo/preapprovals_cancelled"), OrderState.SUCCESSFUL),
        (reply(200, [row(status="EXPIRED")]), OrderState.SUCCESSFUL),
        (reply(200, [row(status="PENDING")]), OrderState.PENDING),
        (reply(200, [row(preApprovalId=APPROVAL.upper())]), OrderState.PENDING),
        (reply(200, [row(status="CANCELLED"), row()]), OrderState.PENDING),
        (reply(200, [row(preApprovalId="another")]), OrderState.SUCCESSFUL),
        (reply(200, [row(status="TELEPORTED")]), None),
        (reply(200, [row(status="")]), None),
        (reply(200, [row(preApprovalId=None)]), None),  # perhaps this one
        (reply(200, ["x"]), None),
    ],
)
def test_a_cancellation_is_done_when_the_approval_no_longer_stands(
    answer: Reply, state: OrderState | None
) -> None:
    assert status(END_PREAPPROVAL, answer).state is state


def test_nobody_of_that_number_proves_no_cancellation() -> None:
    assert status(END_PREAPPROVAL, tape("momo/not_found")).not_found


@pytest.mark.parametrize("id", ["", "../../requesttopay", "a b", "x" * 101])
def test_only_an_id_is_cancelled(id: str) -> None:
    order = msgspec.structs.replace(END_PREAPPROVAL, about_provider_reference=id)
    for call in (ADAPTER.request_order, ADAPTER.order_status):
        with pytest.raises(Misconfigured):
            call(BOTH, order)


@pytest.mark.parametrize("order", [END_PREAPPROVAL, END_INVOICE], ids=lambda order: order.kind.value)
def test_where_nothing_is_found_there_is_nothing_to_cancel(order) -> None:
    decode = ADAPTER.request_order(BOTH, order).decode
    for answer in (tape("momo/not_found"), reply(404), reply(409), reply(409, {"code": "NOT_ALLOWED"})):
        with pytest.raises(AlreadyAccepted):
            decode(answer)
    with pytest.raises(Misconfigured):
        decode(tape("momo/gateway_404"))
    decode(reply(200, {}))
    decode(reply(202))


@pytest.mark.parametrize(
    ("answer", "order", "report"),
    [
        (
            tape("momo/preapprovals"),
            PREAPPROVAL,
            AgreementReport(
                AgreementWord.ACTIVE, "APPROVED", expires_ms=UNTIL_MS, provider_reference=APPROVAL
            ),
        ),
        (tape("momo/preapprovals_empty"), PREAPPROVAL, AgreementReport(None, none_stands=True)),
        (tape("momo/preapprovals_cancelled"), PREAPPROVAL, AgreementReport(None, none_stands=True)),
        # What waits, or cannot be read, may be it.
        (reply(200, [row(status="PENDING")]), PREAPPROVAL, AgreementReport(None)),
        (reply(200, [row(status="TELEPORTED")]), PREAPPROVAL, AgreementReport(None)),
        (reply(200, [{}]), PREAPPROVAL, AgreementReport(None)),
        (
            reply(200, [row(preApprovalId="OTHER"), row()]),
            OTHERS_KNOWN,
            AgreementReport(
                AgreementWord.ACTIVE, "APPROVED", expires_ms=UNTIL_MS, provider_reference=APPROVAL
            ),
        ),
        (
            reply(200, [row(preApprovalId="other")]),
            OTHERS_KNOWN,
            AgreementReport(None, none_stands=True),
        ),
        (
            reply(200, [row(), row(preApprovalId="other")]),  # which one is ours is not to be known
            PREAPPROVAL,
            AgreementReport(AgreementWord.ACTIVE, "APPROVED"),
        ),
        (tape("momo/not_found"), PREAPPROVAL, AgreementReport(None, "RESOURCE_NOT_FOUND")),
    ],
)
def test_a_pre_approval_by_the_payers_list(answer: Reply, order, report: AgreementReport) -> None:
    assert standing(order, answer) == report


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (reply(200, [row(preApprovalId="other"), row()]), AgreementWord.ACTIVE),
        (tape("momo/preapprovals_cancelled"), AgreementWord.CANCELLED),
        (reply(200, [row(status="EXPIRED")]), AgreementWord.EXPIRED),
        (reply(200, [row(status="REJECTED")]), AgreementWord.REFUSED),
        (reply(200, [row(status="PENDING")]), None),
        (reply(200, [row(status="TELEPORTED")]), None),
        (tape("momo/preapprovals_empty"), AgreementWord.CANCELLED),
        (reply(200, [{}]), None),
    ],
)
@pytest.mark.parametrize("where", ["provider_reference", "about_provider_reference"])
def test_a_pre_approval_by_its_own_id(answer: Reply, word: AgreementWord | None, where: str) -> None:
    assert standing(msgspec.structs.replace(PREAPPROVAL, **{where: APPROVAL}), answer).state is word


# Invoices


def test_a_payee_is_named_only_where_the_order_has_one() -> None:
    assert "payee" not in ADAPTER.request_order(BOTH, INVOICE).request.body
    body = ADAPTER.request_order(BOTH, msgspec.structs.replace(INVOICE, payee=PAYEE)).request.body
    assert body["payee"] == {"partyIdType": "MSISDN", "partyId": "233240000009"}
    assert body["description"] == "Lunch"  # the note, where there are no words of its own


def test_an_invoice_is_for_somebody() -> None:
    with pytest.raises(Declined):
        ADAPTER.request_order(BOTH, msgspec.structs.replace(INVOICE, payer=""))


@pytest.mark.parametrize("account", [BOTH, PAID, CREATED], ids=["unset", "paid", "created"])
@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("invoice_bare", OrderState.PENDING, None),
        ("invoice_created", OrderState.SUCCESSFUL, None),
        ("invoice_pending", OrderState.SUCCESSFUL, None),
        ("invoice_successful", OrderState.SUCCESSFUL, None),
        ("invoice_failed_object", OrderState.FAILED, Reason.PAYER_NOT_FOUND),
        ("invoice_expired", OrderState.FAILED, Reason.EXPIRED),
        ("invoice_unknown_status", None, None),
    ],
)
def test_the_order_of_an_invoice_is_over_when_it_exists(account, name: str, state, reason) -> None:
    report = status(INVOICE, tape(f"momo/{name}"), account)
    assert (report.state, report.reason, report.amount) == (state, reason, INVOICE.amount)


def test_an_invoice_tells_how_and_until_when_to_pay() -> None:
    report = status(INVOICE, tape("momo/invoice_pending"))
    assert (report.payment_reference, report.financial_id) == ("8812345", "inv-77")
    assert report.expires_ms == 1_795_368_985_698  # no zone is UTC
    # Theirs is no name of the order: a later reply without it would look like another's.
    assert report.provider_reference == ""


def test_an_invoice_that_was_made_and_then_did_not_is_neither() -> None:
    assert status(INVOICE, reply(200, {"status": "SUCCESSFUL", "errorReason": "EXPIRED"})).state is None
    said = {"status": "PENDING", "errorReason": "EXPIRED", "invoiceId": "7"}
    assert status(INVOICE, reply(200, said)).state is OrderState.PENDING


def test_another_amount_on_an_invoice_can_be_seen() -> None:
    assert status(INVOICE, tape("momo/invoice_other_amount")).amount == Money(125, "GHS")
    assert standing(INVOICE, tape("momo/invoice_other_amount"), PAID).amount == Money(125, "GHS")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("invoice_bare", None),
        ("invoice_created", AgreementWord.ACTIVE),
        ("invoice_pending", AgreementWord.ACTIVE),
        ("invoice_expired", AgreementWord.EXPIRED),
        ("invoice_cancelled", AgreementWord.CANCELLED),
        ("invoice_failed_text", AgreementWord.REFUSED),
        ("invoice_failed_bare", AgreementWord.REFUSED),
        ("invoice_unknown_status", None),
        ("not_found", None),
    ],
)
@pytest.mark.parametrize("account", [BOTH, PAID, CREATED], ids=["unset", "paid", "created"])
def test_what_has_become_of_an_invoice(account, name: str, word: AgreementWord | None) -> None:
    assert standing(INVOICE, tape(f"momo/{name}"), account).state is word


@pytest.mark.parametrize(
    ("account", "word"),
    [(BOTH, AgreementWord.ACTIVE), (CREATED, AgreementWord.ACTIVE), (PAID, AgreementWord.PAID)],
    ids=["unset", "created", "paid"],
)
def test_nothing_is_called_paid_before_somebody_has_said_what_it_means(account, word: AgreementWord) -> None:
    report = standing(INVOICE, tape("momo/invoice_successful"), account)
    assert (report.state, report.amount, report.party) == (word, INVOICE.amount, PAYER)
    assert (report.payment_reference, report.financial_id) == ("8812345", "inv-77")


@pytest.mark.parametrize("code", ["ONGOING", "PAYER_DELAYED", "TRANSACTION_NOT_FOUND"])
def test_an_invoice_the_wallet_is_still_at_has_not_ended(code: str) -> None:
    said = reply(200, {"status": "FAILED", "errorReason": code, "invoiceId": "7"})
    assert standing(INVOICE, said).state is None
    assert status(END_INVOICE, said).state is not OrderState.SUCCESSFUL


@pytest.mark.parametrize(
    ("answer", "account", "state"),
    [
        (tape("momo/not_found"), BOTH, OrderState.SUCCESSFUL),
        (tape("momo/invoice_cancelled"), BOTH, OrderState.SUCCESSFUL),
        (tape("momo/invoice_expired"), BOTH, OrderState.SUCCESSFUL),
        (tape("momo/invoice_failed_bare"), BOTH, OrderState.SUCCESSFUL),
        (reply(200, {"status": "CANCELLED"}), BOTH, OrderState.SUCCESSFUL),
        (tape("momo/invoice_pending"), BOTH, OrderState.PENDING),
        (tape("momo/invoice_successful"), BOTH, OrderState.PENDING),
        (tape("momo/invoice_successful"), CREATED, OrderState.PENDING),
        (tape("momo/invoice_successful"), PAID, OrderState.FAILED),  # too late
        (tape("momo/invoice_unknown_status"), BOTH, None),
    ],
)
def test_an_invoice_is_cancelled_when_it_is_gone(answer: Reply, account, state: OrderState | None) -> None:
    report = status(END_INVOICE, answer, account)
    assert (report.state, report.amount, report.not_found) == (state, None, False)


def test_a_cancellation_of_nothing_never_leaves() -> None:
    for call in (ADAPTER.request_order, ADAPTER.order_status):
        with pytest.raises(Misconfigured):
            call(BOTH, msgspec.structs.replace(END_INVOICE, about_reference=""))


@pytest.mark.parametrize("kind", sorted(set(OrderKind) - {OrderKind.INVOICE, OrderKind.PREAPPROVAL}))
def test_other_kinds_make_no_agreement(kind: OrderKind) -> None:
    with pytest.raises(Misconfigured):
        ADAPTER.agreement_status(BOTH, an_order(kind=kind))


@pytest.mark.parametrize(
    ("value", "moment_ms"),
    [
        ("2026-12-21T12:00:00", UNTIL_MS),
        ("2026-12-21T12:00:00Z", UNTIL_MS),
        ("2026-12-21 13:00:00+01:00", UNTIL_MS),
        ("2026-12-21T12:00:00.250", UNTIL_MS + 250),
        (UNTIL_MS, UNTIL_MS),
        (UNTIL_MS // 1000, UNTIL_MS),
        (str(UNTIL_MS), UNTIL_MS),
        ("1797854400.5", UNTIL_MS + 500),
        (86400, None),  # a length of time, perhaps
        ("0001-01-01T00:00:00", None),
        ("9999-12-31T23:59:59", None),
        (10**20, None),
        ("tomorrow", None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_moments(value: Any, moment_ms: int | None) -> None:
    assert read_moment_ms(value) == moment_ms
