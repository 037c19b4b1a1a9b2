"""The reader of all log lines finds what is planted, and the real run is kept for it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tests.end_to_end.log_keeping import LogKeeper, find_leaks, known_secrets, log_folder

ROOT = Path(__file__).parents[1]
CODE = "748" + "291"
NUMBER = "+23324" + "0000001"


def kept_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> LogKeeper:
    monkeypatch.setenv("TEST_LOGS_FOLDER", str(folder))
    return LogKeeper("planted")


@pytest.mark.parametrize(
    "line",
    [
        NUMBER,
        NUMBER.removeprefix("+"),
        f'{{"to": "{NUMBER}"}}',
        "payer=0240" + "000001.",
        "46733" + "123450 has no account",
        f"code {CODE}",
        f'{{"otp": "{CODE}"}}',
        f"Authorization: Bearer {sorted(known_secrets())[0]}x",
    ],
)
def test_what_is_planted_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "serve.log").write_text(f"all is well\n{line}\n", encoding="utf-8")
    found = find_leaks(tmp_path, frozenset({CODE}))
    assert [(leak.file.name, leak.line) for leak in found] == [("serve.log", 2)]
    assert CODE not in str(found[0])


@pytest.mark.parametrize(
    "line",
    [
        "+233***001 paid",
        "took_ms=1795256971123",
        "reference=5f4a2c16-0b1e-4f57-9d5e-233240000001",
        f"id {CODE}123",
        "",
    ],
)
def test_what_is_masked_or_no_number_is_not(tmp_path: Path, line: str) -> None:
    (tmp_path / "serve.log").write_text(f"{line}\n", encoding="utf-8")
    assert find_leaks(tmp_path, frozenset({CODE})) == []


def test_every_way_to_log_is_kept_and_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = kept_in(tmp_path, monkeypatch)
    keeper.start()
    try:
        structlog.get_logger("a").info("straight", to=NUMBER)
        with capture_logs():
            structlog.get_logger("b").info("captured", to=NUMBER)
        logging.getLogger("c").warning("standard, to %s", NUMBER)
        try:
            raise ValueError(NUMBER)
        except ValueError:
            structlog.get_logger("d").exception("with its traceback")
        structlog.get_logger("e").info("unmasked", code=CODE)
    finally:
        keeper.stop()
        structlog.reset_defaults()
    (file,) = tmp_path.glob("planted*.log")
    text = file.read_text(encoding="utf-8")
    assert all(word in text for word in ("straight", "captured", "standard", "Traceback", "unmasked"))
    assert [leak.what for leak in find_leaks(tmp_path, frozenset({CODE}))] == ["a code somebody typed"]


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "with workers"])
def test_a_run_that_logs_a_number_fails(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n", encoding="utf-8")
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "from tests.end_to_end.log_keeping import keep_file\n"
        "def test_leaks():\n"
        f"    keep_file('serve').write_text('paid by {NUMBER}')\n",
        encoding="utf-8",
    )
    logs = tmp_path / "logs"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TEST_LOGS_FOLDER": str(logs), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in run.stdout
    assert run.returncode == 1
    assert "LOG LEAK" in run.stdout
    assert NUMBER not in run.stdout


def test_this_very_run_is_kept() -> None:
    structlog.get_logger("self").info("a line of the log test itself")
    kept = "".join(file.read_text(encoding="utf-8", errors="replace") for file in log_folder().glob("*.log"))
    assert "a line of the log test itself" in kept
