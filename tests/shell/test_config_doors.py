"""What nobody decided and everybody should know of: files with keys that all can read, unlimited payouts."""

from pathlib import Path
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from bot.admin.check import open_doors, warnings_of
from bot.app import processes as running
from bot.app.build import CannotStart
from bot.settings.insecure_values import readable_files
from bot.settings.settings import read_settings
from tests.shell.test_config import WHOLE

LITERAL = '[accounts.a.collection]\nsubscription_key = "abc"\n'
NAMED = '[accounts.a]\nsecret_key = "env:SB"\n[accounts.a.collection]\nsubscription_key = "env:UG_KEY"\n'


@pytest.mark.parametrize(
    ("mode", "content", "told"),
    [
        (0o600, LITERAL, []),
        (0o640, LITERAL, []),
        (0o644, LITERAL, [".env", "accounts.toml"]),
        (0o602, LITERAL, [".env", "accounts.toml"]),
        (0o644, NAMED, [".env"]),
        (0o644, "not toml", [".env"]),
    ],
)
def test_a_file_with_keys_is_its_owners(tmp_path: Path, mode: int, content: str, told: list[str]) -> None:
    env_file, accounts = tmp_path / ".env", tmp_path / "accounts.toml"
    env_file.write_text("PORT=1\n")
    accounts.write_text(content)
    for path in (env_file, accounts):
        path.chmod(mode)
    found = readable_files(env_file, accounts)
    assert [line.rpartition("/")[2] for line in found] == told
    assert all("chmod o= " in line for line in found)


def test_files_that_are_not_there_are_nobodys(tmp_path: Path) -> None:
    assert readable_files(tmp_path / ".env", tmp_path / "accounts.toml") == []
    assert readable_files(tmp_path / ".env") == []


UNLIMITED = "Account momo can pay out without limit: set PAYOUT_LIMITS"
LIVE = WHOLE | {"MOMO_BASE_URL": "https://proxy.momoapi.mtn.com", "MOMO_INVOICE_SUCCESSFUL_MEANS": "paid"}


@pytest.mark.parametrize(
    ("limits", "open_", "warned"),
    [
        ("", [UNLIMITED], []),
        ("none", [], ["Account momo pays out without limit, as PAYOUT_LIMITS=none says."]),
        ("total_day=1000", [], []),
    ],
)
def test_payouts_without_limits_are_somebodys_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: str, open_: list[str], warned: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings(LIVE | {"PAYOUT_LIMITS": limits}, None)
    assert [text[: len(UNLIMITED)] for text in open_doors(settings) if "momo" in text] == open_
    assert [text for text in warnings_of(settings) if "momo" in text] == warned


async def test_serve_says_at_start_what_nobody_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_today(*_: object, **__: object) -> NoReturn:
        raise CannotStart("enough seen")

    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=1\n")
    (tmp_path / ".env").chmod(0o644)
    monkeypatch.setattr(running, "running", not_today)
    monkeypatch.setattr(running, "configure_logs", lambda: None)
    monkeypatch.setattr(running, "raise_open_files", lambda: None)
    settings = read_settings(LIVE | {"DATABASE_URL": f"sqlite:///{tmp_path / 'k.db'}"}, None)
    with capture_logs() as lines, pytest.raises(SystemExit):
        await running.serve_here(settings, host="127.0.0.1", port=0)
    told = [line["told"] for line in lines if line["event"] == "settings"]
    assert [text for text in told if text.startswith(UNLIMITED)]
    assert [text for text in told if text.endswith("chmod o= .env")]


def test_a_draft_that_is_offered_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    states = {"en": "", "fr": "signed by Awa, 2026-11-30", "sw": "draft; not signed"}
    monkeypatch.setattr("bot.channels.catalogue.known_languages", lambda: states)
    settings = read_settings(LIVE | {"LANGUAGES": "en fr sw"}, None)
    assert [text for text in warnings_of(settings) if "draft" in text] == [
        "LANGUAGES offers Kiswahili (sw), a draft that no native speaker has signed yet."
    ]
