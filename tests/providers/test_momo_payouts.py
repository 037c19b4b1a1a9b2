"""MoMo's payouts, withdrawals and bills: versions, parties, and what a code means where the merchant pays."""

import msgspec
import pytest

from bot.money import PAYOUTS, Money, OrderDetails, OrderKind, OrderState, Reason
from bot.providers import Declined, Misconfigured, Unknown
from bot.providers.momo.adapter import Momo
from tests.accounts import changed

from .cases import REFERENCE, an_order
from .momo_cases import ABOUT, BOTH, PAYEE
from .tapes import reply, tape

ADAPTER = Momo()
V2 = changed(BOTH, api_version="v2_0")
IN_SANDBOX = changed(BOTH, target_environment="sandbox", wire_currency="EUR")
BILL = OrderDetails(service_provider="Water", customer_reference="MTR-1")


def payout(kind: OrderKind, **changes):
    return an_order(kind=kind, **{"payer": "", "payee": PAYEE, "about_reference": ABOUT, **changes})


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (OrderKind.TRANSFER, "/disbursement/v1_0/transfer"),  # there is no second version
        (OrderKind.DEPOSIT, "/disbursement/v2_0/deposit"),
        (OrderKind.REFUND, "/disbursement/v2_0/refund"),
        (OrderKind.WITHDRAWAL, "/collection/v2_0/requesttowithdraw"),
        (OrderKind.COLLECTION, "/collection/v1_0/requesttopay"),
        (OrderKind.AGREEMENT_CHARGE, "/collection/v1_0/requesttopay"),
    ],
)
def test_the_second_version_is_a_setting_and_asked_about_by_the_first(kind: OrderKind, path: str) -> None:
    order = payout(kind, payer=PAYEE)
    assert ADAPTER.request_order(V2, order).request.path == path
    look = path.replace("v2_0", "v1_0") + "/" + REFERENCE
    assert ADAPTER.order_status(V2, order).request.path == look


@pytest.mark.parametrize("kind", sorted(PAYOUTS))
def test_payouts_have_keys_and_a_token_of_their_own(kind: OrderKind) -> None:
    assert ADAPTER.request_order(BOTH, payout(kind)).request.auth == "disbursement"
    assert ADAPTER.order_status(BOTH, payout(kind)).request.auth == "disbursement"
    token = ADAPTER.token_call(BOTH, "disbursement")
    assert token.request.path == "/disbursement/token/"
    headers = ADAPTER.auth_headers(BOTH, token.request.auth, "")
    assert headers["Ocp-Apim-Subscription-Key"] == "subscription9876543210fedcba"


def test_a_refund_names_its_payment_and_no_party() -> None:
    body = ADAPTER.request_order(BOTH, payout(OrderKind.REFUND)).request.body
    assert body["referenceIdToRefund"] == ABOUT
    assert not {"payer", "payee"} & body.keys()
    with pytest.raises(Misconfigured) as caught:
        ADAPTER.request_order(BOTH, payout(OrderKind.REFUND, about_reference=""))
    assert caught.value.created_nothing


def test_a_part_may_be_given_back_in_the_currency_of_the_platform() -> None:
    body = ADAPTER.request_order(IN_SANDBOX, payout(OrderKind.REFUND, amount=Money(1, "GHS"))).request.body
    assert (body["amount"], body["currency"]) == ("0.01", "EUR")


@pytest.mark.parametrize("kind", [OrderKind.TRANSFER, OrderKind.DEPOSIT])
def test_a_payout_to_nobody_never_leaves(kind: OrderKind) -> None:
    for number in ("", "0240000009", "+233/../x"):
        with pytest.raises(Declined):
            ADAPTER.request_order(BOTH, payout(kind, payee=number))


@pytest.mark.parametrize("name", ["payout_other_amount", "payout_other_party"])
def test_a_different_echo_can_be_seen(name: str) -> None:
    report = ADAPTER.order_status(BOTH, payout(OrderKind.TRANSFER)).decode(tape(f"momo/{name}"))
    assert report.state is OrderState.SUCCESSFUL
    assert (report.amount, report.party) != (Money(1250, "GHS"), PAYEE)


def test_the_party_of_a_payout_is_never_its_payer() -> None:
    said = reply(200, {"status": "SUCCESSFUL", "payer": {"partyIdType": "MSISDN", "partyId": "233240000001"}})
    assert ADAPTER.order_status(BOTH, payout(OrderKind.TRANSFER)).decode(said).party is None


@pytest.mark.parametrize("kind", sorted(PAYOUTS))
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NOT_ENOUGH_FUNDS", Reason.MERCHANT_FUNDS),
        ("NOT ENOUGH_FUNDS", Reason.MERCHANT_FUNDS),
        ("LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", Reason.MERCHANT_FUNDS),
        ("PAYER_LIMIT_REACHED", Reason.MERCHANT_FUNDS),
        ("PAYEE_LIMIT_REACHED", Reason.PAYEE_LIMIT),
        ("PAYEE_NOT_FOUND", Reason.PAYEE_NOT_FOUND),
        ("PAYEE_NOT_ALLOWED_TO_RECEIVE", Reason.PAYEE_BLOCKED),
        ("PAYER_NOT_FOUND", Reason.NOT_AVAILABLE),
        ("SENDER_ACCOUNT_NOT_ACTIVE", Reason.NOT_AVAILABLE),
        ("NOT_ALLOWED", Reason.NOT_AVAILABLE),
        ("COULD_NOT_PERFORM_TRANSACTION", Reason.NOT_COMPLETED),
    ],
)
def test_on_a_payout_the_payer_is_the_merchant(kind: OrderKind, code: str, reason: Reason) -> None:
    report = ADAPTER.order_status(BOTH, payout(kind)).decode(reply(200, {"status": "FAILED", "reason": code}))
    assert (report.state, report.reason) == (OrderState.FAILED, reason)


def test_a_refused_payout_tells_whose_funds_are_short() -> None:
    call = ADAPTER.request_order(BOTH, payout(OrderKind.TRANSFER))
    with pytest.raises(Declined) as caught:
        call.decode(reply(500, {"code": "NOT_ENOUGH_FUNDS"}))
    assert caught.value.reason is Reason.MERCHANT_FUNDS


@pytest.mark.parametrize("code", ["ONGOING", "PAYEE_DELAYED", "TRANSACTION_NOT_FOUND", "RESOURCE_NOT_FOUND"])
def test_a_payout_the_wallet_is_still_at_is_not_over(code: str) -> None:
    call = ADAPTER.order_status(BOTH, payout(OrderKind.REFUND))
    report = call.decode(reply(200, {"status": "FAILED", "reason": code}))
    assert report.state in (OrderState.PENDING, None)


def test_a_refund_of_a_payment_nobody_knows_is_declined() -> None:
    call = ADAPTER.request_order(BOTH, payout(OrderKind.REFUND))
    with pytest.raises(Declined) as caught:
        call.decode(tape("momo/not_found"))
    assert caught.value.reason is Reason.BAD_REQUEST
    with pytest.raises(Unknown):
        call.decode(reply(404))


# Bills


def test_the_customers_own_reference_goes_as_it_is() -> None:
    terms = msgspec.structs.replace(BILL, customer_reference="  É/7 -x ")
    body = ADAPTER.request_order(BOTH, an_order(kind=OrderKind.BILL, details=terms)).request.body
    assert body["customerReference"] == "É/7 -x"
    assert not {"couponId", "productId", "maxNumberOfRetries", "includeSenderCharges"} & body.keys()


def test_a_bill_nobody_named_in_the_settings_never_leaves() -> None:
    for name in ("", "Light"):
        order = an_order(kind=OrderKind.BILL, details=msgspec.structs.replace(BILL, service_provider=name))
        with pytest.raises(Misconfigured) as caught:
            ADAPTER.request_order(BOTH, order)
        assert caught.value.created_nothing


@pytest.mark.parametrize("reference", ["", "  ", "a\nb", "x" * 101])
def test_a_reference_nobody_can_have_is_refused(reference: str) -> None:
    order = an_order(kind=OrderKind.BILL, details=msgspec.structs.replace(BILL, customer_reference=reference))
    with pytest.raises(Declined):
        ADAPTER.request_order(BOTH, order)


def test_a_bill_is_asked_about_also_when_the_settings_no_longer_name_it() -> None:
    account = changed(BOTH, bills={})
    order = an_order(kind=OrderKind.BILL, details=BILL)
    with pytest.raises(Misconfigured):
        ADAPTER.request_order(account, order)
    assert ADAPTER.order_status(account, order).decode(tape("momo/bill_successful")).financial_id
