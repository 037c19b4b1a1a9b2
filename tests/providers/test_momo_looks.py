"""MoMo's look-ups and tokens: what every reply is taken for, and the message after a payment."""

import pytest

from bot.money import Money, OrderKind, Reason
from bot.providers import (
    AccountHolder,
    Declined,
    Malformed,
    Misconfigured,
    NotSent,
    Secret,
    Unknown,
)
from bot.providers.base import Grant, Reply
from bot.providers.momo.adapter import Momo
from tests.accounts import changed

from .cases import MOMO, PAYER, REFERENCE, an_order
from .momo_cases import BOTH
from .tapes import reply, tape

ADAPTER = Momo()
IN_SANDBOX = changed(MOMO, target_environment="sandbox", wire_currency="EUR")

# The message after a payment


def test_a_message_to_the_payer() -> None:
    call = ADAPTER.notify_payer(MOMO, an_order(), "Thanks, Ama's & Kofi's! " + "x" * 200)
    assert call.request.path == f"/collection/v1_0/requesttopay/{REFERENCE}/deliverynotification"
    text = call.request.body["notificationMessage"]
    assert text.startswith("Thanks, Amas Kofis x")
    assert len(text) == 160
    assert call.request.headers == {}
    assert call.decode(tape("momo/notified")) is None
    assert call.creates
    assert ADAPTER.notify_payer(MOMO, an_order(kind=OrderKind.AGREEMENT_CHARGE), "Hi").request.path
    with pytest.raises(Misconfigured):
        ADAPTER.notify_payer(BOTH, an_order(kind=OrderKind.TRANSFER), "Hi")


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (tape("momo/notified_too_early"), Declined, Reason.NOT_COMPLETED),
        (reply(409), Declined, Reason.NOT_COMPLETED),
        (tape("momo/not_found"), Declined, Reason.NOT_COMPLETED),
        (reply(410), Declined, Reason.EXPIRED),
        (tape("momo/too_many"), Declined, Reason.SERVICE_DOWN),
        (tape("momo/empty_400"), Declined, Reason.BAD_REQUEST),
        (tape("momo/gateway_401"), Misconfigured, None),
        (tape("momo/gateway_404"), Misconfigured, None),
        (reply(500, {"code": "NOT_ALLOWED"}), Misconfigured, None),
        (tape("momo/unavailable"), Unknown, None),
    ],
)
def test_a_message_that_is_refused(answer: Reply, error: type, reason: Reason | None) -> None:
    with pytest.raises(error) as caught:
        ADAPTER.notify_payer(MOMO, an_order(), "Hi").decode(answer)
    assert getattr(caught.value, "reason", None) is reason


# Holders, names, balances


@pytest.mark.parametrize(
    ("party", "path"),
    [
        (PAYER, "msisdn/233240000001"),
        ("ama.s+shop@email.com", "email/ama.s+shop@email.com"),
        ("5CECB5A7-8bd0-4f49-87b1-8eb9ecc7b7bc", "party_code/5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc"),
    ],
)
def test_a_holder_is_looked_up_by_the_form_of_its_id(party: str, path: str) -> None:
    before = "/collection/v1_0/accountholder/"
    assert ADAPTER.check_holder(MOMO, party).request.path == f"{before}{path}/active"
    assert ADAPTER.holder_name(MOMO, party).request.path == f"{before}{path}/basicuserinfo"


@pytest.mark.parametrize(
    "party",
    ["", "ama", "a@b@c", "a/../b@c", "a@b/c", "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bz", "x" * 36, "a b@c.com"],
)
def test_an_id_of_no_known_form_never_leaves(party: str) -> None:
    with pytest.raises(Declined):
        ADAPTER.check_holder(MOMO, party)
    with pytest.raises(Declined):
        ADAPTER.holder_name(MOMO, party)


def test_the_wallet_payouts_are_made_from() -> None:
    call = ADAPTER.payout_balance(BOTH)
    assert call is not None
    assert call.request.path == "/disbursement/v1_0/account/balance"
    assert call.request.auth == "disbursement"
    assert call.decode(tape("momo/balance")) == (Money(100_000, "GHS"),)
    assert ADAPTER.balance(BOTH).request.path == "/collection/v1_0/account/balance"
    assert ADAPTER.payout_balance(MOMO) is None


@pytest.mark.parametrize(
    ("answer", "holder"),
    [
        (tape("momo/holder_active"), AccountHolder(known=True, active=True)),
        (tape("momo/holder_inactive"), AccountHolder(known=True, active=False)),
        (tape("momo/holder_bare"), AccountHolder(known=True, active=True)),
        (reply(200, {"result": "TRUE"}), AccountHolder(known=True, active=True)),
        (tape("momo/not_found"), AccountHolder(known=False, active=False)),
    ],
)
def test_holders(answer: Reply, holder: AccountHolder) -> None:
    call = ADAPTER.check_holder(MOMO, PAYER)
    assert call.request.path == "/collection/v1_0/accountholder/msisdn/233240000001/active"
    assert call.decode(answer) == holder


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(200, {}), Malformed),
        (reply(200, b'"yes"'), Malformed),
        (reply(400), Declined),
        (tape("momo/gateway_404"), Misconfigured),
        (reply(500, {"code": "NOT_ALLOWED"}), Misconfigured),
        (tape("momo/unavailable"), Unknown),
    ],
)
def test_a_holder_nobody_could_check(answer: Reply, error: type) -> None:
    with pytest.raises(error):
        ADAPTER.check_holder(MOMO, PAYER).decode(answer)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (tape("momo/name"), "Ama Serwaa"),
        (reply(200, {"given_name": "Ama"}), "Ama"),
        (reply(200, {"name": "Sand Box", "sub": "0"}), "Sand Box"),
        (reply(200, {}), ""),
        (tape("momo/not_found"), ""),
        (tape("momo/html_403"), ""),
        (reply(500, {"code": "NOT_ALLOWED"}), ""),
    ],
)
def test_names(answer: Reply, name: str) -> None:
    assert ADAPTER.holder_name(MOMO, PAYER).decode(answer) == name


@pytest.mark.parametrize(
    ("answer", "account", "balance"),
    [
        (tape("momo/balance"), MOMO, Money(100_000, "GHS")),
        (tape("momo/balance_negative"), MOMO, Money(-3583, "GHS")),
        (reply(200, {"availableBalance": 7, "currency": "EUR"}), IN_SANDBOX, Money(700, "GHS")),
        (reply(200, {"availableBalance": "7.999", "currency": "USD"}), IN_SANDBOX, Money(799, "USD")),
    ],
)
def test_balances(answer: Reply, account, balance: Money) -> None:
    assert ADAPTER.balance(account).decode(answer) == (balance,)


@pytest.mark.parametrize("answer", [reply(200), reply(200, {}), reply(200, {"availableBalance": "1"})])
def test_a_balance_nobody_can_read(answer: Reply) -> None:
    with pytest.raises(Malformed):
        ADAPTER.balance(MOMO).decode(answer)


# Tokens


@pytest.mark.parametrize("name", ["token", "token_text_life"])
def test_tokens(name: str) -> None:
    grant = ADAPTER.token_call(MOMO, "collection").decode(tape(f"momo/{name}"))
    assert grant == Grant(Secret("made-up-token"), 3600.0)
    assert "made-up-token" not in repr(grant)


def test_a_token_without_a_life_is_not_kept_for_long() -> None:
    grant = ADAPTER.token_call(MOMO, "collection").decode(reply(200, {"access_token": "x"}))
    assert 0 < grant.lives_s <= 60


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (tape("momo/login_failed"), Misconfigured),
        (tape("momo/invalid_client"), Misconfigured),
        (tape("momo/environment_header"), Misconfigured),
        (tape("momo/html_403"), Misconfigured),
        (reply(404), Misconfigured),
        (reply(500, {"code": "NOT_ALLOWED_TARGET_ENVIRONMENT"}), Misconfigured),
        (reply(500), NotSent),
        (tape("momo/unavailable"), NotSent),
        (tape("momo/too_many"), NotSent),
        (reply(200, b"<html>"), NotSent),
        (reply(200, {}), NotSent),
        (reply(200, {"access_token": "two\r\nlines"}), NotSent),
    ],
)
def test_a_token_nobody_sold(answer: Reply, error: type) -> None:
    with pytest.raises(error) as caught:
        ADAPTER.token_call(MOMO, "collection").decode(answer)
    assert getattr(caught.value, "created_nothing", True)
