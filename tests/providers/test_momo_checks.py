"""What is said of a MoMo account's settings."""

import pytest

from bot.providers import (
    Secret,
)
from bot.providers.momo.adapter import Momo
from bot.providers.momo.settings import ProductKeys
from tests.accounts import changed, credentials

from .cases import MOMO
from .momo_cases import BOTH

ADAPTER = Momo()
IN_SANDBOX = changed(MOMO, target_environment="sandbox", wire_currency="EUR")

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
        (
            {"credentials": {"collection": ProductKeys(subscription_key=Secret("k"), api_key=Secret("s"))}},
            "API user is missing",
        ),
        (
            {
                "credentials": {
                    "collection": ProductKeys(
                        subscription_key=Secret("k\n"), api_user="u", api_key=Secret("s")
                    )
                }
            },
            "cannot be sent",
        ),
        (
            {"credentials": {**credentials(MOMO), "disbursement": ProductKeys(subscription_key=Secret("k"))}},
            "The disbursement API user is missing.",
        ),
        (
            {"credentials": {"disbursement": ProductKeys(subscription_key=Secret("k"), api_user="u")}},
            "disbursement API key is missing",
        ),
        ({"invoice_successful_means": "Paid"}, "created or paid, not 'Paid'"),
        ({"api_version": "v3_0"}, "v1_0 or v2_0, not 'v3_0'"),
        ({"bills": {"Water": ""}}, "'Water' names no service provider"),
    ],
)
def test_problems_are_named(changes: dict, words: str) -> None:
    problems = ADAPTER.problems(changed(MOMO, **changes))
    assert any(words in problem for problem in problems), problems
    assert all(problem.endswith(".") for problem in problems)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "http://localhost:8001", "http://sandbox", "http://10.0.0.4"]
)
def test_plain_http_is_taken_near_by(url: str) -> None:
    assert ADAPTER.problems(changed(MOMO, base_url=url)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"invoice_successful_means": "paid"},
        {"invoice_successful_means": "created", "api_version": "v2_0"},
        {"credentials": {**credentials(MOMO), "disbursement": ProductKeys()}},
        {"base_url": "https://momoapi.momo.africa"},
    ],
)
def test_settings_that_may_be(changes: dict) -> None:
    assert ADAPTER.problems(changed(BOTH, **changes)) == []


def test_the_real_sandbox_has_no_problem() -> None:
    account = changed(IN_SANDBOX, base_url="https://sandbox.momodeveloper.mtn.com")
    assert ADAPTER.problems(account) == []
