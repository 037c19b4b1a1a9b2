"""Keeps what every process of a test run logs, and finds in it what no log may hold.

Each test process writes its log lines, masked as the program masks them, to a file of its own in the
run's folder under `tests/.artifacts`; processes that tests start write theirs beside it. At the end of
the run one process reads them all: `tests/conftest.py` does the joining.
"""

import logging
import os
import re
import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, NoReturn, TextIO

import structlog
from structlog.testing import LogCapture

from bot.runtime import logs

__all__ = [
    "LogKeeper",
    "Leak",
    "copy_log",
    "find_leaks",
    "forbid",
    "fresh_folder",
    "keep_file",
    "known_secrets",
    "log_folder",
]

_ARTIFACTS = Path(__file__).parents[1] / ".artifacts"
_WORDS = "forbidden.words"
_FOLDER_VARIABLE = "TEST_LOGS_FOLDER"

# The numbers of the tests: Ghana, Kenya, Uganda, Cameroon and the providers' own test numbers, whole
# or as people write them at home. Longer runs of digits (times, ids) are something else.
_NUMBER = re.compile(
    r"(?<![\w.-])(?:\+?(?:(?:233|254|256|237|250|229)\d{7,9}|46733\d{6})|0(?:24|20|55|50|70|71|77)\d{7})(?![\w.-]*\d)",
    re.ASCII,
)
# A word shorter than this would be found by accident.
_SHORTEST = 6
_LONGEST_CODE = 8


def known_secrets() -> frozenset[str]:
    """The keys of the pretend accounts, and the bot token of the tests."""
    from bot.app import demo as embedded

    payout = (embedded._PAYOUT_SUBSCRIPTION_KEY, embedded._PAYOUT_API_KEY)
    own = (embedded._SUBSCRIPTION_KEY, embedded._API_KEY, embedded._SMS_KEY, *payout)
    keys = (secret for _, secret in embedded._KEYS.values())
    return frozenset({*own, *keys, "fake_token_of_the_tests"})


class Leak:
    """A line of a log that holds what it must not. Shown with everything but the place left out."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        self.file, self.line, self.what = file, line, what

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def log_folder() -> Path:
    return Path(os.environ[_FOLDER_VARIABLE])


def keep_file(name: str) -> Path:
    """A new file for the log of a process that a test starts."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        path = folder / f"{name}-{os.getpid()}-{number}.log"
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        return path


def forbid(*words: str) -> None:
    """From here on and before: no log line of the run may hold these (codes typed, tokens made)."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _WORDS).open("a", encoding="utf-8") as out:
        out.writelines(f"{word}\n" for word in words if len(word) >= _SHORTEST)


def find_leaks(folder: Path, words: frozenset[str] = frozenset()) -> list[Leak]:
    """Every line of every log in `folder` with a number, or with a forbidden word, in it."""
    words |= known_secrets()
    kept = folder / _WORDS
    if kept.exists():
        words |= set(kept.read_text(encoding="utf-8").split("\n")) - {""}
    # Codes are digits: only as a word of their own, or every time and id would hold one.
    digits = {word for word in words if word.isdigit() and len(word) <= _LONGEST_CODE}
    others = re.compile("|".join(map(re.escape, words - digits))) if words - digits else None
    found = []
    for file in sorted(folder.glob("*.log")):
        with file.open(encoding="utf-8", errors="replace") as lines:
            for count, line in enumerate(lines, 1):
                if _NUMBER.search(line):
                    found.append(Leak(file, count, "a phone number"))
                if others is not None and others.search(line):
                    found.append(Leak(file, count, "a key, token or secret"))
                if digits and digits & set(re.findall(r"(?<![\w.+-])\d{4,}(?![\w.-])", line)):
                    found.append(Leak(file, count, "a code somebody typed"))
    return found


class LogKeeper:
    """Writes this test process' log lines, in the program's own form, to a file of its own."""

    def __init__(self, name: str) -> None:
        self._path = keep_file(name)
        self._out: TextIO = self._path.open("a", encoding="utf-8", buffering=1)
        self._render = structlog.processors.JSONRenderer()
        self._handler = logging.StreamHandler(self._out)
        self._original = LogCapture.__call__

    def start(self) -> None:
        """Take part in everything that logs: structlog, the standard library, and captured lines."""
        self._handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.processors.format_exc_info],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    logs._mask,
                    self._render,
                ],
            )
        )
        logging.getLogger().addHandler(self._handler)
        keeper = self

        def capture(
            self: LogCapture, _: Any, method_name: str, event_dict: MutableMapping[str, Any]
        ) -> NoReturn:
            keeper.write(_, method_name, dict(event_dict))
            keeper._original(self, _, method_name, event_dict)

        LogCapture.__call__ = capture  # type: ignore[method-assign]
        self.configure()

    def configure(self) -> None:
        """The program's way of logging, into our file. Before each test: some set it back."""
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                logs._mask,
                self._render,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=structlog.WriteLoggerFactory(file=self._out),
            cache_logger_on_first_use=False,
        )

    def write(self, logger: Any, name: str, event: MutableMapping[str, Any]) -> None:
        event = structlog.processors.format_exc_info(logger, name, event)
        print(self._render(logger, name, logs._mask(logger, name, event)), file=self._out)

    def stop(self) -> None:
        LogCapture.__call__ = self._original  # type: ignore[method-assign]
        logging.getLogger().removeHandler(self._handler)
        structlog.reset_defaults()
        self._out.close()


def fresh_folder() -> None:
    """A folder for the logs of this run, known to every process it starts. Those of ended runs go."""
    if _FOLDER_VARIABLE not in os.environ:
        for old in _ARTIFACTS.glob("run-*"):
            try:
                os.kill(int(old.name.removeprefix("run-")), 0)
            except (OSError, ValueError):
                shutil.rmtree(old, ignore_errors=True)
        os.environ[_FOLDER_VARIABLE] = str(_ARTIFACTS / f"run-{os.getpid()}")
    log_folder().mkdir(parents=True, exist_ok=True)


def copy_log(source: Path, name: str) -> None:
    """Keep a log that a process wrote elsewhere."""
    if source.exists():
        shutil.copyfile(source, keep_file(name))
