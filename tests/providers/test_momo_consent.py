"""MoMo's consent: asked on the phone, polled, renewed, and what the person then shares."""

from urllib.parse import parse_qs

import pytest

from bot.money import Reason
from bot.providers import Declined, Malformed, Misconfigured, Secret, Sender, Unknown
from bot.providers.base import Consent, ConsentState, Reply, UserInfo
from bot.providers.momo.adapter import Momo
from bot.providers.momo.consent import renew_consent
from tests.accounts import changed, credentials

from .cases import DROP, MOMO, PAYER, Pretend
from .conftest import failure
from .momo_cases import BOTH
from .tapes import reply, tape

ADAPTER = Momo()
ID = Secret("77777777-aaaa-4bbb-8ccc-dddddddddddd")
TOKEN = Secret("made-up-consent-token")
REFRESH = Secret("made-up-refresh-token")
ASK_PATH, TOKEN_PATH = "/collection/v1_0/bc-authorize", "/collection/oauth2/token/"
USER_PATH = "/collection/oauth2/v1_0/userinfo"


async def send(sender: Sender, pretend: Pretend, make):
    account = changed(MOMO, base_url=pretend.url)
    return await sender.send(account, make(account), 10.0)


async def test_a_person_is_asked(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(ASK_PATH, tape("momo/consent_asked"))
    asked = await send(sender, pretend, lambda account: ADAPTER.ask_consent(account, PAYER))
    assert (asked.id, asked.interval_s, asked.expires_s) == (ID, 5.0, 3600.0)
    (seen,) = pretend.asked(ASK_PATH)
    assert seen.method == "POST"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.headers["authorization"] == "Bearer made-up-token"
    assert parse_qs(seen.body.decode()) == {
        "login_hint": ["ID:233240000001/MSISDN"],
        "scope": ["profile"],
        "access_type": ["offline"],
    }


async def test_polling_buys_no_token(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(TOKEN_PATH, tape("momo/consent_authorization_pending"), tape("momo/consent_token"))
    first = await send(sender, pretend, lambda account: ADAPTER.consent(account, ID))
    assert first == Consent(ConsentState.WAITING)
    second = await send(sender, pretend, lambda account: ADAPTER.consent(account, ID))
    assert second == Consent(ConsentState.GIVEN, TOKEN, 3600.0, REFRESH, "profile")
    assert "made-up" not in repr(second)
    seen = pretend.asked(TOKEN_PATH)[0]
    assert seen.headers["authorization"].startswith("Basic ")
    assert seen.headers["ocp-apim-subscription-key"]
    assert parse_qs(seen.body.decode()) == {
        "grant_type": ["urn:openid:params:grant-type:ciba"],
        "auth_req_id": [ID.reveal()],
    }
    assert pretend.asked("/collection/token/") == []


async def test_a_consent_is_renewed(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(TOKEN_PATH, tape("momo/consent_token_texts"))
    renewed = await send(sender, pretend, lambda _: renew_consent("collection", REFRESH))
    assert (renewed.state, renewed.lives_s) == (ConsentState.GIVEN, 3600.0)
    (seen,) = pretend.asked(TOKEN_PATH)
    assert parse_qs(seen.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["made-up-refresh-token"],
    }


async def test_what_is_shared_is_asked_with_the_consents_own_token(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(USER_PATH, tape("momo/user_info"))
    await send(sender, pretend, lambda account: ADAPTER.user_info(account, TOKEN))
    (seen,) = pretend.seen  # no token was bought
    assert seen.headers["authorization"] == "Bearer made-up-consent-token"
    assert seen.headers["ocp-apim-subscription-key"]
    assert seen.headers["x-target-environment"] == "mtnghana"


async def test_a_consent_that_ended_is_not_asked_about_twice(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(USER_PATH, tape("momo/gateway_401"))
    error = await failure(send(sender, pretend, lambda account: ADAPTER.user_info(account, TOKEN)))
    assert isinstance(error, Declined)
    assert error.reason is Reason.CONSENT
    assert [seen.path for seen in pretend.seen] == [USER_PATH]


async def test_wrong_keys_at_a_poll_are_not_offered_twice(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(TOKEN_PATH, tape("momo/invalid_client"))
    error = await failure(send(sender, pretend, lambda account: ADAPTER.consent(account, ID)))
    assert isinstance(error, Misconfigured)
    assert [seen.path for seen in pretend.seen] == [TOKEN_PATH]


async def test_a_lost_reply_leaves_open_whether_the_person_was_asked(
    sender: Sender, pretend: Pretend
) -> None:
    pretend.answer(ASK_PATH, DROP)
    error = await failure(send(sender, pretend, lambda account: ADAPTER.ask_consent(account, PAYER)))
    assert isinstance(error, Unknown)
    assert len(pretend.asked(ASK_PATH)) == 1


async def test_a_token_that_cannot_stand_in_a_header_never_leaves(sender: Sender, pretend: Pretend) -> None:
    bad = Secret("two\r\nlines")
    error = await failure(send(sender, pretend, lambda account: ADAPTER.user_info(account, bad)))
    assert isinstance(error, Misconfigured)
    assert pretend.seen == []


def test_intervals_may_be_texts_or_missing() -> None:
    decode = ADAPTER.ask_consent(MOMO, PAYER).decode
    asked = decode(tape("momo/consent_asked_texts"))
    assert (asked.interval_s, asked.expires_s) == (7.0, 900.0)
    unsaid = decode(reply(200, {"auth_req_id": "x", "interval": 0, "expires_in": None}))
    assert (unsaid.interval_s, unsaid.expires_s) == (5.0, 3600.0)
    assert "77777777" not in repr(asked)


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (tape("momo/not_found"), Declined, Reason.PAYER_NOT_FOUND),
        (reply(500, {"code": "PAYER_NOT_FOUND"}), Declined, Reason.PAYER_NOT_FOUND),
        (reply(400), Declined, Reason.CONSENT),
        (tape("momo/consent_mismatch"), Declined, Reason.CONSENT),
        (reply(500, {"code": "UNSUPPORTED_SCOPE"}), Declined, Reason.CONSENT),
        (tape("momo/gateway_401"), Misconfigured, None),
        (tape("momo/html_403"), Misconfigured, None),
        (tape("momo/gateway_404"), Misconfigured, None),
        (reply(400, {"error": "unauthorized_client"}), Misconfigured, None),
        (tape("momo/unavailable"), Unknown, None),
        (tape("momo/too_many"), Unknown, None),
        (reply(200), Unknown, None),
        (reply(200, {}), Unknown, None),
        (reply(302), Unknown, None),
    ],
)
def test_a_person_nobody_could_ask(answer: Reply, error: type, reason: Reason | None) -> None:
    with pytest.raises(error) as caught:
        ADAPTER.ask_consent(MOMO, PAYER).decode(answer)
    assert getattr(caught.value, "reason", None) is reason


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (tape("momo/consent_authorization_pending"), ConsentState.WAITING),
        (tape("momo/consent_slow_down"), ConsentState.WAITING),
        (tape("momo/consent_access_denied"), ConsentState.REFUSED),
        (tape("momo/consent_expired_token"), ConsentState.EXPIRED),
        (tape("momo/consent_invalid_grant"), ConsentState.EXPIRED),
        (reply(401, {"error": "access_denied"}), ConsentState.REFUSED),
        (reply(500, {"code": "APPROVAL_REJECTED"}), ConsentState.REFUSED),
        (reply(400, {"error": "access_denied", "code": "NOT_ENOUGH_FUNDS"}), ConsentState.REFUSED),
        (reply(200, {"error": "authorization_pending"}), ConsentState.WAITING),
        (tape("momo/not_found"), ConsentState.EXPIRED),
    ],
)
def test_where_a_consent_stands(answer: Reply, state: ConsentState) -> None:
    assert ADAPTER.consent(MOMO, ID).decode(answer) == Consent(state)
    assert renew_consent("collection", REFRESH).decode(answer) == Consent(state)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (tape("momo/consent_mismatch"), Declined),
        (reply(400), Declined),
        (reply(500, {"code": "NOT_ENOUGH_FUNDS"}), Declined),
        (tape("momo/login_failed"), Misconfigured),
        (tape("momo/html_403"), Misconfigured),
        (tape("momo/gateway_404"), Misconfigured),
        (tape("momo/unavailable"), Unknown),
        (tape("momo/too_many"), Unknown),
        (reply(200), Malformed),
        (reply(200, {"access_token": 7}), Malformed),
        (reply(200, {"access_token": "two\r\nlines"}), Malformed),
        (reply(302), Unknown),
    ],
)
def test_a_poll_without_an_answer(answer: Reply, error: type) -> None:
    with pytest.raises(error):
        ADAPTER.consent(MOMO, ID).decode(answer)


def test_what_a_person_shares() -> None:
    decode = ADAPTER.user_info(MOMO, TOKEN).decode
    assert decode(tape("momo/user_info")) == UserInfo(
        name="Sand Box",
        given_name="Sand",
        family_name="Box",
        birthdate="1976-08-13",
        gender="male",
        email="sand@box.example",
        phone="46733123454",
        address="1 High Street, Accra",
        occupation="Potter",
        identification="PASS A-12",
    )
    told = decode(tape("momo/user_info_object"))
    assert (told.phone, told.address) == ("46733123454", "1 High Street, 4001, Accra, GH")
    assert decode(reply(200, {"address": {"formatted": "1 High St\nAccra"}})).address == "1 High St Accra"
    assert decode(reply(200, {"given_name": "Ama", "family_name": "Serwaa"})).name == "Ama Serwaa"
    assert decode(reply(200, {"address": [], "birthdate": {}})) == UserInfo()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (tape("momo/not_found"), Declined),
        (tape("momo/consent_mismatch"), Declined),
        (tape("momo/html_403"), Misconfigured),
        (tape("momo/unavailable"), Unknown),
        (reply(200, b"[]"), Malformed),
    ],
)
def test_what_nobody_shares(answer: Reply, error: type) -> None:
    with pytest.raises(error):
        ADAPTER.user_info(MOMO, TOKEN).decode(answer)


def test_a_shop_with_payouts_only_asks_there() -> None:
    only = {"disbursement": credentials(BOTH)["disbursement"]}
    account = changed(BOTH, credentials=only)
    assert ADAPTER.problems(account) == []
    for call in (
        ADAPTER.ask_consent(account, PAYER),
        ADAPTER.user_info(account, TOKEN),
        ADAPTER.check_holder(account, PAYER),
        ADAPTER.holder_name(account, PAYER),
        ADAPTER.balance(account),
    ):
        assert call.request.path.startswith("/disbursement/")
        assert call.request.auth == "disbursement"
    assert ADAPTER.consent(account, ID).request.auth == "basic:disbursement"
