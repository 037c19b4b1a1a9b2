"""Who may call MoMo: provisioning, tokens, headers, in lenient and in strict mode."""

import base64
import uuid

import httpx
import pytest

from .conftest import KEY, Box, Open

OTHER_KEY = "f" * 32
KEYS = {"collection": [KEY], "disbursement": [OTHER_KEY]}
USER = "0b6f2f6e-5b1c-4c52-9d8f-2d7c9a1e4f30"
PRESET = {"api_user": USER, "api_key": "secret-1", "environment": "mtnghana", "callback_host": "localhost"}


def basic(user: str, api_key: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{api_key}".encode()).decode()


async def make_user(box: Box, reference: str, *, key: str = KEY, **body: object) -> httpx.Response:
    headers = {"Ocp-Apim-Subscription-Key": key, "X-Reference-Id": reference}
    return await box.http.post(
        "/v1_0/apiuser", headers=headers, json={"providerCallbackHost": "shop.example"} | body
    )


async def token(box: Box, user: str, api_key: str, **headers: str) -> httpx.Response:
    sent = {"Authorization": basic(user, api_key), "Ocp-Apim-Subscription-Key": KEY, **headers}
    return await box.http.post("/collection/token/", headers=sent)


async def test_an_api_user_is_made_shown_and_given_a_key(open_box: Open) -> None:
    box, user = await open_box(), str(uuid.uuid4())
    made = await make_user(box, user)
    assert (made.status_code, made.content) == (201, b"")
    head = {"Ocp-Apim-Subscription-Key": KEY}
    shown = await box.http.get(f"/v1_0/apiuser/{user}", headers=head)
    assert shown.json() == {"providerCallbackHost": "shop.example", "targetEnvironment": "sandbox"}
    key = await box.http.post(f"/v1_0/apiuser/{user}/apikey", headers=head)
    assert key.status_code == 201
    assert len(key.json()["apiKey"]) == 32


async def test_a_new_api_key_replaces_the_old_one(open_box: Open) -> None:
    box, user = await open_box(), str(uuid.uuid4())
    await make_user(box, user)
    head = {"Ocp-Apim-Subscription-Key": KEY}
    old, new = [
        (await box.http.post(f"/v1_0/apiuser/{user}/apikey", headers=head)).json()["apiKey"] for _ in "12"
    ]
    assert (await token(box, user, old)).status_code == 401
    assert (await token(box, user, new)).status_code == 200


async def test_provisioning_refuses_what_does_not_fit(open_box: Open) -> None:
    box, user = await open_box(), str(uuid.uuid4())
    assert (await make_user(box, user)).status_code == 201
    again = await make_user(box, user)
    assert (again.status_code, again.json()["code"]) == (409, "RESOURCE_ALREADY_EXIST")
    assert (await make_user(box, "not-a-uuid")).status_code == 400
    assert (await make_user(box, str(uuid.uuid1()))).status_code == 400
    assert (await make_user(box, str(uuid.uuid4()), providerCallbackHost=None)).status_code == 400
    no_key = await box.http.post("/v1_0/apiuser", headers={"X-Reference-Id": user})
    assert (no_key.status_code, no_key.json()["statusCode"]) == (401, 401)
    unknown = await box.http.get(f"/v1_0/apiuser/{uuid.uuid4()}", headers={"Ocp-Apim-Subscription-Key": KEY})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("host", ["https://shop.example", "shop.example:8080", "a/b", "", "x_y z"])
async def test_strict_takes_only_a_bare_callback_host(open_box: Open, host: str) -> None:
    box = await open_box(strict=True)
    assert (await make_user(box, str(uuid.uuid4()), providerCallbackHost=host)).status_code == 400


async def test_a_token_is_long_opaque_and_says_its_life(open_box: Open) -> None:
    box = await open_box(momo={"users": [PRESET]})
    answer = await token(box, USER, "secret-1")
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert len(body["access_token"]) > 500
    assert (body["token_type"], body["expires_in"]) == ("access_token", 3600)


async def test_wrong_basic_credentials_are_a_failed_login(open_box: Open) -> None:
    box = await open_box(momo={"users": [PRESET]})
    for user, key in ((USER, "wrong"), ("nobody", "secret-1"), (USER, "")):
        answer = await token(box, user, key)
        assert (answer.status_code, answer.json()) == (401, {"error": "login_failed"})
    for value in ("", "Bearer x", "Basic %%%", "Basic " + base64.b64encode(b"\xff:\xff").decode()):
        assert (await token(box, USER, "x", Authorization=value)).status_code == 401


async def test_a_token_ends_on_the_clock(box: Box) -> None:
    reference = await box.accepted()
    await box.advance(3599)
    assert (await box.status(reference)).status_code == 200
    await box.advance(1)
    late = await box.status(reference)
    assert (late.status_code, late.json()["statusCode"]) == (401, 401)


async def test_a_token_is_good_for_its_product_only(box: Box) -> None:
    answer = await box.http.get("/disbursement/v1_0/account/balance", headers=box.headers)
    assert answer.status_code == 401
    await box.provision(product="disbursement")
    answer = await box.http.get("/disbursement/v1_0/account/balance", headers=box.headers)
    assert answer.json() == {"availableBalance": "1000", "currency": "EUR"}


async def test_the_slash_of_the_token_path_matters_in_strict_only(open_box: Open) -> None:
    for strict, wanted in ((False, 200), (True, 404)):
        box = await open_box(strict=strict, momo={"users": [PRESET]})
        headers = {"Authorization": basic(USER, "secret-1"), "Ocp-Apim-Subscription-Key": KEY}
        assert (await box.http.post("/collection/token", headers=headers)).status_code == wanted
        assert (await box.http.post("/collection/token/", headers=headers)).status_code == 200


async def test_strict_refuses_a_body_on_the_token_call(open_box: Open) -> None:
    box = await open_box(strict=True, momo={"users": [PRESET]})
    headers = {"Authorization": basic(USER, "secret-1"), "Ocp-Apim-Subscription-Key": KEY}
    assert (await box.http.post("/collection/token/", headers=headers, json={})).status_code == 400


async def test_strict_knows_the_keys_of_each_product(open_box: Open) -> None:
    box = await open_box(strict=True, momo={"users": [PRESET], "subscription_keys": KEYS})
    assert (await token(box, USER, "secret-1")).status_code == 200
    wrong = await token(box, USER, "secret-1", **{"Ocp-Apim-Subscription-Key": OTHER_KEY})
    assert (wrong.status_code, wrong.json()["statusCode"]) == (401, 401)
    assert (await make_user(box, str(uuid.uuid4()), key="0" * 32)).status_code == 401
    assert (await make_user(box, str(uuid.uuid4()), key=OTHER_KEY)).status_code == 201


async def test_strict_without_configured_keys_wants_their_form(open_box: Open) -> None:
    box = await open_box(strict=True)
    assert (await make_user(box, str(uuid.uuid4()), key="short")).status_code == 401
    assert (await make_user(box, str(uuid.uuid4()), key=OTHER_KEY)).status_code == 201


async def test_strict_binds_a_user_to_its_product(open_box: Open) -> None:
    box, user = await open_box(strict=True), str(uuid.uuid4())
    await make_user(box, user)
    key = await box.http.post(f"/v1_0/apiuser/{user}/apikey", headers={"Ocp-Apim-Subscription-Key": KEY})
    await box.login(user, key.json()["apiKey"])
    assert (await box.http.get("/collection/v1_0/account/balance", headers=box.headers)).status_code == 200
    await box.login(user, key.json()["apiKey"], product="disbursement")
    answer = await box.http.get("/disbursement/v1_0/account/balance", headers=box.headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "NOT_ALLOWED_TARGET_ENVIRONMENT")


async def test_a_preset_user_can_be_bound_to_product_and_key(open_box: Open) -> None:
    user = PRESET | {"product": "disbursement", "subscription_keys": [KEY]}
    box = await open_box(momo={"users": [user]})
    await box.login(USER, "secret-1", env="mtnghana")
    answer = await box.http.get("/collection/v1_0/account/balance", headers=box.headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "NOT_ALLOWED_TARGET_ENVIRONMENT")
    wrong = await token(box, USER, "secret-1", **{"Ocp-Apim-Subscription-Key": OTHER_KEY})
    assert wrong.status_code == 401


async def test_the_environment_header_must_be_the_users(open_box: Open) -> None:
    box = await open_box(momo={"users": [PRESET]})
    await box.login(USER, "secret-1", env="mtnghana")
    path = "/collection/v1_0/account/balance"
    assert (await box.http.get(path, headers=box.headers)).json()["currency"] == "GHS"
    wrong = await box.http.get(path, headers=box.headers | {"X-Target-Environment": "sandbox"})
    assert (wrong.status_code, wrong.json()["code"]) == (500, "NOT_ALLOWED_TARGET_ENVIRONMENT")
    missing = {name: value for name, value in box.headers.items() if name != "X-Target-Environment"}
    assert (await box.http.get(path, headers=missing)).status_code == 400


async def test_the_subscription_key_may_stand_in_the_query(box: Box) -> None:
    headers = {name: value for name, value in box.headers.items() if not name.startswith("Ocp")}
    path = "/collection/v1_0/account/balance"
    assert (await box.http.get(path, headers=headers)).status_code == 401
    assert (await box.http.get(path, headers=headers, params={"subscription-key": KEY})).status_code == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer nonsense", "Basic x", "token"])
async def test_a_wrong_bearer_is_refused_by_the_gateway(box: Box, value: str) -> None:
    answer = await box.http.get(
        "/collection/v1_0/account/balance", headers=box.headers | {"Authorization": value}
    )
    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)


async def test_the_new_gateway_wants_the_environment_on_the_token_call(open_box: Open) -> None:
    box = await open_box(momo={"users": [PRESET], "new_gateway": True})
    missing = await token(box, USER, "secret-1")
    assert (missing.status_code, list(missing.json())) == (400, ["error"])
    env = {"X-Target-Environment": "mtnghana"}
    assert (await token(box, USER, "wrong", **env)).json() == {"error": "invalid_client"}
    assert (await token(box, USER, "secret-1", **env)).status_code == 200
    refused = await token(box, USER, "secret-1", **env, **{"User-Agent": "python-requests/2.32"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "text/html")
