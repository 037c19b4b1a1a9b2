"""Operators read sentences: why a command cannot be done is said in one, with exit status 1."""

import asyncio
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.channels.ussd import GATEWAYS
from bot.cli.terminal import run_until_told
from bot.store import migrate
from tests.shell.test_config import WHOLE


def test_what_keeps_us_from_starting_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'kasapay.db'}"
    migrate(url)
    environ = WHOLE | {"DATABASE_URL": url, "MOMO_BASE_URL": "http://keys.sent.openly.example"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["orders", "list", "--folder", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert done.stderr.startswith("kasapay: "), done.stderr
    assert "must begin with https://" in done.stderr
    assert "Traceback" not in done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_that_is_told_to_end_does_not_speak_as_if_it_were_done(
    told: signal.Signals, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tidied: list[str] = []

    async def stopped(*_: object) -> list[str]:
        signal.raise_signal(told)
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append("tidied")
        return []

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.admin.check.check_here", stopped)
    monkeypatch.setattr("bot.app.processes.operate", stopped)
    before = signal.signal(told, signal.SIG_DFL)  # whoever runs the tests may ignore it, as nohup does
    try:
        for words in (["check"], ["orders", "list"]):
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 130
            assert done.output == ""
            assert isinstance(done.exception, SystemExit)
    finally:
        signal.signal(told, before)
    assert len(tidied) == 2


def test_under_nohup_a_closed_terminal_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def work() -> None:
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        done.append("done")

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_until_told(work()) is False
    finally:
        signal.signal(signal.SIGHUP, before)
    assert done == ["done"]


def test_the_gateways_are_shown_with_titles_names_and_settings_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, ["gateways"]).stdout
    for name, gateway in GATEWAYS.items():
        assert any(
            line.startswith(gateway.manners.title) and f" {name} " in line for line in shown.splitlines()
        )
    assert "USSD_END_TYPE_NALO" in shown
    assert "…" not in shown, "nothing that is to be typed is cut"
