"""What is said of a MoMo account's settings."""

import msgspec
import pytest

from bot.providers import (
    Credentials,
    Secret,
)
from bot.providers.momo.adapter import Momo

from .cases import MOMO
from .momo_cases import BOTH

ADAPTER = Momo()
IN_SANDBOX = msgspec.structs.replace(MOMO, target_environment="sandbox", wire_currency="EUR")

# Checks


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target_environment": ""}, "target environment is missing"),
        ({"target_environment": "mtngahna"}, "'mtngahna'"),
        ({"target_environment": "mtnuganda"}, "takes UGX, but the account would send GHS"),
        ({"target_environment": "sandbox"}, "takes EUR"),
        ({"currency": "KES", "target_environment": "mtnghana"}, "would send KES"),
        ({"currency": "QQQ"}, "'QQQ'"),
        ({"base_url": "proxy.momoapi.mtn.com"}, "begins with https://"),
        ({"base_url": "http://proxy.momoapi.mtn.com"}, "https:// because keys"),
        ({"base_url": "https://sandbox.momodeveloper.mtn.com"}, "does not belong to the host"),
        ({"credentials": {}}, "subscription key is missing"),
        ({"credentials": {"collection": Credentials(Secret("k"), "", Secret("s"))}}, "API user is missing"),
        ({"credentials": {"collection": Credentials(Secret("k\n"), "u", Secret("s"))}}, "cannot be sent"),
        (
            {"credentials": {**MOMO.credentials, "disbursement": Credentials(Secret("k"))}},
            "The disbursement API user is missing.",
        ),
        ({"credentials": {"disbursement": Credentials(Secret("k"), "u")}}, "disbursement API key is missing"),
        ({"credentials": {**MOMO.credentials, "remittance": Credentials()}}, "no product 'remittance'"),
        ({"invoice_successful_means": "Paid"}, "created or paid, not 'Paid'"),
        ({"api_version": "v3_0"}, "v1_0 or v2_0, not 'v3_0'"),
        ({"bills": {"Water": ""}}, "'Water' names no service provider"),
    ],
)
def test_problems_are_named(changes: dict, words: str) -> None:
    problems = ADAPTER.problems(msgspec.structs.replace(MOMO, **changes))
    assert any(words in problem for problem in problems), problems
    assert all(problem.endswith(".") for problem in problems)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "http://localhost:8001", "http://sandbox", "http://10.0.0.4"]
)
def test_plain_http_is_taken_near_by(url: str) -> None:
    assert ADAPTER.problems(msgspec.structs.replace(MOMO, base_url=url)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"invoice_successful_means": "paid"},
        {"invoice_successful_means": "created", "api_version": "v2_0"},
        {"credentials": {**MOMO.credentials, "disbursement": Credentials()}},
        {"base_url": "https://momoapi.momo.africa"},
    ],
)
def test_settings_that_may_be(changes: dict) -> None:
    assert ADAPTER.problems(msgspec.structs.replace(BOTH, **changes)) == []


def test_the_real_sandbox_has_no_problem() -> None:
    account = msgspec.structs.replace(IN_SANDBOX, base_url="https://sandbox.momodeveloper.mtn.com")
    assert ADAPTER.problems(account) == []
