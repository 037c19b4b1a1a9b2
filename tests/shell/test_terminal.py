"""Operators read sentences: why a command cannot be done is said in one, with exit status 1."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
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
