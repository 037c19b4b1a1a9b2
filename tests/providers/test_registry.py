"""The registry and the room's public face."""

import bot.providers
from bot.providers import PROVIDERS, Adapter, check_account
from bot.providers.base import Secret
from tests.accounts import changed

from .cases import CASES, MOMO, STARTBUTTON


def test_each_provider_stands_under_its_name() -> None:
    adapters: list[Adapter] = list(PROVIDERS.values())
    assert [adapter.name for adapter in adapters] == list(PROVIDERS)


def test_each_provider_passes_the_contract() -> None:
    assert {case.name for case in CASES} == set(PROVIDERS)


def test_accounts_are_checked_by_their_provider() -> None:
    assert check_account(MOMO) == []
    assert check_account(STARTBUTTON) == []
    assert check_account(changed(MOMO, target_environment="")) != []
    assert check_account(changed(MOMO, provider="paypal")) == [
        f"There is no provider 'paypal'; there are {', '.join(PROVIDERS)}."
    ]


def test_what_is_exported_is_there() -> None:
    assert all(hasattr(bot.providers, name) for name in bot.providers.__all__)


def test_a_secret_cannot_be_printed() -> None:
    secret = Secret("made-up")
    assert "made-up" not in f"{secret} {secret!r} {[secret]} {MOMO!r}"
    assert secret.reveal() == "made-up"
    assert secret == Secret("made-up")
    assert secret != Secret("other")
    assert bool(secret)
    assert not Secret("")
    assert len({secret, Secret("made-up")}) == 1
