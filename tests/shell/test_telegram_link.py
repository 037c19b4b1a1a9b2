"""A bot that is not connected is silent: each reason is said, in Telegram's own words."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.admin.check import check_here
from bot.app.demo import _settings
from bot.conversations.telegram_connection import TelegramLink, webhook_problem
from bot.settings.settings import ConfigProblems, Settings, read_settings
from tests.conversations.stage import Stage, open_stage
from tests.fake_telegram import FakeTelegram, refuse

NOW_S = 1_795_000_000
OURS = "https://pay.example.com/telegram/webhook"
# The library makes a sentence of it: "Bad webhook: https url must ...".
REFUSAL = "Bad Request: bad webhook: https url must be provided"


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, template, telegram=True) as opened:
        yield opened


def link_of(stage: Stage) -> TelegramLink:
    assert stage.kasapay.telegram_link is not None
    return stage.kasapay.telegram_link


def fake_of(stage: Stage) -> FakeTelegram:
    assert stage.telegram is not None
    return stage.telegram


async def answers(stage: Stage) -> tuple[int, Any, str]:
    """The status and body of /readyz, and the figure about Telegram."""
    async with httpx.AsyncClient(trust_env=False, base_url=stage.settings.public_url) as http:
        ready = await http.get("/readyz")
        figures = (await http.get("/metrics")).text
    line = next(line for line in figures.splitlines() if line.startswith("kasapay_telegram_connected{"))
    return ready.status_code, ready.json(), line.split()[1]


async def test_a_connection_is_said_once_and_shown(stage: Stage) -> None:
    link, said = link_of(stage), list[str]()
    link.say = said.append
    status, body, figure = await answers(stage)
    assert (status, body["warnings"], figure) == (200, ["Telegram: not connected yet"], "0.0")
    assert await link.connect()
    await link.look()
    assert said == [f"Telegram: @{fake_of(stage).username}, webhook"]
    assert await answers(stage) == (200, {"ready": True, "problems": []}, "1.0")


async def test_a_refused_webhook_is_said_in_telegrams_words_and_payments_go_on(stage: Stage) -> None:
    link, said = link_of(stage), list[str]()
    link.say = said.append
    fake_of(stage).fail("setWebhook", refuse(400, REFUSAL), times=None)
    with capture_logs() as log:
        assert not await link.connect()
        assert not await link.connect()
    lines = [line for line in log if line["event"] == "telegram not connected"]
    assert ["https url must be provided" in line["error"] for line in lines] == [True]
    assert fake_of(stage).token not in json.dumps(log, default=str)
    assert len(said) == 1
    assert "https url must be provided" in said[0]
    status, body, figure = await answers(stage)
    assert (status, figure) == (200, "0.0")
    assert "https url must be provided" in body["warnings"][0]


async def test_a_webhook_that_somebody_else_took_is_noticed(stage: Stage) -> None:
    link = link_of(stage)
    await link.connect()
    fake_of(stage).methods.webhook_url = "https://elsewhere.example.com/hook"
    await link.look()
    assert "another address" in link.problem
    await link.connect()
    assert link.problem == ""


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ({"url": OURS, "pending_update_count": 0}, ""),
        ({"url": OURS, "pending_update_count": 3}, ""),
        (
            {
                "url": OURS,
                "pending_update_count": 3,
                "last_error_date": NOW_S - 30,
                "last_error_message": "Wrong response from the webhook: 403 Forbidden",
            },
            "Telegram cannot deliver to our webhook: Wrong response from the webhook: 403 Forbidden",
        ),
        # Over by now.
        ({"url": OURS, "pending_update_count": 0, "last_error_date": NOW_S - 30}, ""),
        ({"url": OURS, "pending_update_count": 3, "last_error_date": NOW_S - 3600}, ""),
        ({"url": ""}, "the webhook is set to another address: does another process use this token?"),
        ("rubbish", "the webhook is set to another address: does another process use this token?"),
    ],
)
def test_what_telegram_says_of_the_webhook(info: Any, problem: str) -> None:
    assert webhook_problem(info, OURS, NOW_S) == problem


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"TELEGRAM_TOKEN": "123:abc def"}, "TELEGRAM_TOKEN is no bot's token"),
        ({"TELEGRAM_TOKEN": "@KasapayBot"}, "TELEGRAM_TOKEN is no bot's token"),
        ({"TELEGRAM_WEBHOOK_SECRET": "a secret with blanks 17"}, "TELEGRAM_WEBHOOK_SECRET has a character"),
        ({"TELEGRAM_WEBHOOK_SECRET": "k7Qx2a9m" * 33}, "TELEGRAM_WEBHOOK_SECRET"),
        ({"PUBLIC_URL": "http://pay.example.com"}, "PUBLIC_URL must begin with https://"),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, "PUBLIC_URL must begin with https://"),
        ({"PUBLIC_URL": "https://pay.example.com:8080"}, "443, 80, 88 and 8443"),
        ({}, ""),
        ({"PUBLIC_URL": "http://bot:8000", "TELEGRAM_API_URL": "http://127.0.0.1:8081"}, ""),
    ],
)
def test_a_webhook_that_telegram_would_refuse_is_named(given: dict[str, str], named: str) -> None:
    usual = {
        "TELEGRAM_TOKEN": "123456:AAE-token_of_the_tests_0123456789",
        "TELEGRAM_MODE": "webhook",
        "TELEGRAM_WEBHOOK_SECRET": "k7Qx2a9mW_zt-4",
        "PUBLIC_URL": "https://pay.example.com",
    }
    try:
        read_settings(usual | given, None)
        found: list[str] = []
    except ConfigProblems as error:
        found = error.problems
    assert any(named in problem for problem in found) if named else found == []


async def test_check_tells_what_telegram_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.admin.check.configure_logs", lambda *_: None)
    async with FakeTelegram() as fake:
        settings = Settings.model_validate({}).model_copy(
            update={
                "telegram_token": SecretStr(fake.token),
                "telegram_api_url": fake.url,
                "telegram_mode": "webhook",
                "telegram_webhook_secret": SecretStr("k7Qx2a9mW_zt-4"),
                "public_url": "https://pay.example.com",
            }
        )
        fake.fail("setWebhook", refuse(400, REFUSAL))
        found = [problem for problem in await check_here(settings) if "Telegram" in problem]
        assert len(found) == 1
        assert "https url must be provided" in found[0]
        assert [problem for problem in await check_here(settings) if "Telegram" in problem] == []
        assert fake.webhook[0] == OURS
        wrong = settings.model_copy(update={"telegram_token": SecretStr("5:no_such_bot")})
        (problem,) = [problem for problem in await check_here(wrong) if "Telegram" in problem]
        assert "no_such_bot" not in problem


@pytest.mark.parametrize(
    ("mode", "given", "used"),
    [
        ("webhook", "https://tunnel.example.com", "https://tunnel.example.com"),
        ("webhook", "", "http://127.0.0.1:8000"),
        ("polling", "https://pay.example.com", "http://127.0.0.1:8000"),
    ],
)
def test_run_keeps_the_address_that_a_webhook_needs(tmp_path: Path, mode: str, given: str, used: str) -> None:
    extra = Settings.model_validate({"public_url": given, "telegram_mode": mode})
    settings = _settings(extra, "s" * 64, "ussd", tmp_path / "k.db", "http://127.0.0.1:8000", "http://a:1")
    assert settings.public_url == used
