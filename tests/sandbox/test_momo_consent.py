"""Consent: asking for it on the handset, the token it gives, what the token shows, and every test number."""

import base64
import json
from typing import Any

import httpx
import pytest

from .conftest import PAYER, Box, Open, Receiver
from .test_momo_access import USER

CIBA = "urn:openid:params:grant-type:ciba"
PRESET = {"api_user": USER, "api_key": "secret-1", "callback_host": "127.0.0.1", "payee": "Kasapay"}
BASIC = "Basic " + base64.b64encode(f"{USER}:secret-1".encode()).decode()
PRODUCTS = ("collection", "disbursement")


class Asker:
    """A client that asks for consent."""

    def __init__(self, box: Box, product: str = "collection") -> None:
        self.box, self.product = box, product

    def basic(self) -> dict[str, str]:
        return self.box.headers | {"Authorization": BASIC}

    async def ask(self, number: str = PAYER, *, basic: bool = False, **more: Any) -> httpx.Response:
        headers = (self.basic() if basic else self.box.headers) | more.pop("headers", {})
        form = {"login_hint": f"ID:{number}/MSISDN", "scope": "profile", "access_type": "online"} | more
        data = {name: value for name, value in form.items() if value is not None}
        return await self.box.http.post(f"/{self.product}/v1_0/bc-authorize", headers=headers, data=data)

    async def asked(self, number: str = PAYER, **more: Any) -> str:
        answer = await self.ask(number, **more)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["interval"], body["expires_in"]) == (5, 3600)
        return str(body["auth_req_id"])

    async def token(self, **form: str) -> httpx.Response:
        return await self.box.http.post(f"/{self.product}/oauth2/token/", headers=self.basic(), data=form)

    async def redeem(self, auth_req_id: str) -> httpx.Response:
        return await self.token(grant_type=CIBA, auth_req_id=auth_req_id)

    async def renew(self, refresh: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=refresh)

    async def info(self, token: str) -> httpx.Response:
        headers = self.box.headers | {"Authorization": f"Bearer {token}"}
        return await self.box.http.get(f"/{self.product}/oauth2/v1_0/userinfo", headers=headers)


@pytest.fixture(params=PRODUCTS)
async def asker(request: pytest.FixtureRequest, open_box: Open) -> Asker:
    box = await open_box(
        momo={"users": [PRESET]}, handsets=[{"msisdn": PAYER, "name": "Ama Nkrumah", "balance": {}}]
    )
    await box.login(USER, "secret-1", product=request.param)
    return Asker(box, request.param)


@pytest.mark.parametrize("basic", [False, True])
async def test_a_person_consents_on_the_handset(asker: Asker, basic: bool) -> None:
    asked = await asker.asked(basic=basic)
    (prompt,) = await asker.box.prompts()
    assert (prompt["kind"], prompt["amount"], prompt["currency"]) == ("consent", None, None)
    assert prompt["text"] == "Share your details (profile) with Kasapay"
    waiting = await asker.redeem(asked)
    assert (waiting.status_code, waiting.json()) == (400, {"error": "authorization_pending"})
    await asker.box.press("approve", pin="1234")
    granted = (await asker.redeem(asked)).json()
    assert set(granted) == {"access_token", "token_type", "expires_in", "scope"}
    info = (await asker.info(granted["access_token"])).json()
    assert (info["name"], info["given_name"], info["family_name"]) == ("Ama Nkrumah", "Ama", "Nkrumah")
    assert "credit_score" not in info
    again = await asker.redeem(asked)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    entry = await asker.box.record(asked)
    assert (entry["kind"], entry["direction"], entry["status"]) == ("consent", "none", "SUCCESSFUL")


async def test_a_person_says_no_or_nothing(asker: Asker) -> None:
    refused = await asker.asked()
    await asker.box.press("reject")
    assert (await asker.redeem(refused)).json() == {"error": "access_denied"}
    ignored = await asker.asked()
    await asker.box.advance(3599)
    assert (await asker.redeem(ignored)).json() == {"error": "authorization_pending"}
    await asker.box.advance(1)
    await asker.box.login(USER, "secret-1", product=asker.product)
    assert (await asker.redeem(ignored)).json() == {"error": "expired_token"}
    assert await asker.box.prompts() == []


async def test_offline_consent_can_be_renewed(asker: Asker) -> None:
    granted = (await asker.redeem(await asker.asked("46733000000", access_type="offline"))).json()
    assert (granted["token_type"], granted["refresh_token_expired_in"]) == ("Bearer", 86400)
    await asker.box.advance(3600)
    await asker.box.login(USER, "secret-1", product=asker.product)
    assert (await asker.info(granted["access_token"])).status_code == 401
    renewed = (await asker.renew(granted["refresh_token"])).json()
    assert renewed["refresh_token"] == granted["refresh_token"]
    assert (await asker.info(renewed["access_token"])).status_code == 200
    await asker.box.advance(86400)
    assert (await asker.renew(granted["refresh_token"])).json() == {"error": "invalid_grant"}


async def test_all_info_shows_everything_in_two_shapes(asker: Asker) -> None:
    granted = (await asker.redeem(await asker.asked("46733000000", scope="all_info"))).json()
    info = (await asker.info(granted["access_token"])).json()
    assert (info["name"], info["sub"], info["birthdate"]) == ("Sand Box", "0", "1976-08-13")
    assert info["address"]["country"] == "GH"
    assert info["credit_score"] == 610
    assert info["phone_number"] == "46733000000"
    await asker.box.faults(address_shape="text")
    info = (await asker.info(granted["access_token"])).json()
    assert (type(info["address"]), info["credit_score"]) == (str, "610")


async def test_a_token_of_one_sort_does_not_serve_as_another(asker: Asker) -> None:
    granted = (await asker.redeem(await asker.asked("46733000000", access_type="offline"))).json()
    product_token = asker.box.headers["Authorization"].removeprefix("Bearer ")
    for wrong in (product_token, granted["refresh_token"], "nonsense"):
        assert (await asker.info(wrong)).status_code == 401
    for wrong in (granted["access_token"], product_token, ""):
        assert (await asker.renew(wrong)).json() == {"error": "invalid_grant"}
    headers = asker.box.headers | {"Authorization": f"Bearer {granted['access_token']}"}
    answer = await asker.box.http.get(f"/{asker.product}/v1_0/account/balance", headers=headers)
    assert answer.status_code == 401


TOKEN_ERRORS: dict[str, dict[str, str]] = {
    "451": {"error": "access_denied"},
    "452": {"error": "authorization_pending"},
    "453": {"error": "expired_token"},
    "456": {"error": "invalid_scope"},
    "457": {"error": "invalid_grant"},
    "458": {"error": "access_denied", "error_description": "NOT_ENOUGH_FUNDS"},
    "459": {"error": "access_denied", "error_description": "PAYEE_NOT_FOUND"},
    "460": {"error": "access_denied", "error_description": "CONSENT_MISMATCH"},
    "461": {"error": "access_denied", "error_description": "PAYER_LIMIT_REACHED"},
    "462": {"error": "access_denied", "error_description": "PAYEE_NOT_ALLOWED_TO_RECEIVE"},
}


async def test_every_magic_number_of_consent(asker: Asker) -> None:
    unknown = await asker.ask("46733123450")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
    for ending, error in TOKEN_ERRORS.items():
        answer = await asker.redeem(await asker.asked(f"46733123{ending}", access_type="offline"))
        assert (answer.status_code, answer.json()) == (400, error), ending
    for ending, shows in (("454", 200), ("455", 401)):
        granted = (await asker.redeem(await asker.asked(f"46733123{ending}", access_type="offline"))).json()
        assert (await asker.renew(granted["refresh_token"])).json() == {"error": "invalid_grant"}
        assert (await asker.info(granted["access_token"])).status_code == shows


async def test_polling_too_fast_can_be_refused(asker: Asker) -> None:
    await asker.box.faults(consent_slow_down=True)
    asked = await asker.asked()
    assert (await asker.redeem(asked)).json() == {"error": "authorization_pending"}
    assert (await asker.redeem(asked)).json() == {"error": "slow_down"}
    await asker.box.advance(5)
    assert (await asker.redeem(asked)).json() == {"error": "authorization_pending"}
    await asker.box.press("approve", pin="1234")
    assert "access_token" in (await asker.redeem(asked)).json()


async def test_consent_calls_back(asker: Asker, receiver: Receiver) -> None:
    asked = await asker.asked("46733000000", headers={"X-Callback-Url": receiver.url})
    await asker.box.running.drain()
    assert [json.loads(got.body) for got in receiver.got] == [{"auth_req_id": asked, "status": "SUCCESSFUL"}]


@pytest.mark.parametrize(
    "form",
    [
        {"login_hint": None},
        {"login_hint": "46733000000"},
        {"login_hint": "ID:abc/MSISDN"},
        {"login_hint": "ID:46733000000/IBAN"},
        {"scope": None},
        {"scope": ""},
        {"scope": "x" * 201},
        {"access_type": "sometimes"},
    ],
    ids=repr,
)
async def test_a_question_that_does_not_fit_is_400(asker: Asker, form: dict[str, Any]) -> None:
    answer = await asker.ask(**form)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": CIBA}, "invalid_grant"),
        ({"grant_type": CIBA, "auth_req_id": "730000001"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
    ],
)
async def test_a_token_call_that_does_not_fit(asker: Asker, form: dict[str, str], error: str) -> None:
    answer = await asker.token(**form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_credentials_of_the_token_call(asker: Asker) -> None:
    asked = await asker.asked("46733000000")
    path = f"/{asker.product}/oauth2/token/"
    form = {"grant_type": CIBA, "auth_req_id": asked}
    wrong = asker.box.headers | {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
    for headers in (asker.box.headers, wrong):
        answer = await asker.box.http.post(path, headers=headers, data=form)
        assert (answer.status_code, answer.json()) == (401, {"error": "login_failed"})
    await asker.box.faults(unauthorized=-1)  # strikes no call that logs in
    assert "access_token" in (await asker.redeem(asked)).json()


async def test_another_users_consent_is_nobodys_business(open_box: Open) -> None:
    other = PRESET | {"api_user": USER[:-1] + "1"}
    box = await open_box(momo={"users": [PRESET, other]})
    await box.login(other["api_user"], "secret-1")
    asked = await Asker(box).asked("46733000000")
    assert (await Asker(box).redeem(asked)).json() == {"error": "invalid_grant"}
