"""The whole run's log lines, kept by every test process and read at the end by one of them."""

import functools
import gc
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import httpx._transports.default
import pytest
from hypothesis import settings

from tests.chromium import chromium  # noqa: F401 - a fixture
from tests.end_to_end.log_keeping import LogKeeper, find_leaks, fresh_folder, log_folder

# Every HTTP client of a test would read the authorities' file anew, 40 ms each, to talk to loopback.
httpx.create_ssl_context = functools.cache(httpx.create_ssl_context)
httpx._transports.default.create_ssl_context = httpx.create_ssl_context

# Which is not installed: httpx' transport would look for it in every folder of the path at every request.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# Databases of tests lie in memory where there is room: they are opened as ever and flushed as ever, but
# the machine's disk does not hold everybody up.
_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 1 << 30
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Many properties, each tried in every run: fewer examples at a time, other ones every time. The machine's
# speed is not the subject of any.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.load_profile("quick")

_KEEPER = pytest.StashKey[LogKeeper]()


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()
    worker = getattr(config, "workerinput", None)
    if worker is None:
        fresh_folder()
    config.stash[_KEEPER] = LogKeeper(worker["workerid"] if worker else "main")
    config.stash[_KEEPER].start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What mostly waits for processes goes first, so that the rest fills its pauses."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/torture/"))


def pytest_collection_finish() -> None:
    """Ten thousand tests and all they import live as long as the process: nobody looks through them again
    and again for what could be thrown away."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[_KEEPER].configure()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _KEEPER in config.stash:
        config.stash[_KEEPER].stop()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """No phone number, code, token or key in any log line of the run: else the run fails."""
    if hasattr(session.config, "workerinput"):
        return
    leaks = find_leaks(log_folder())
    if leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        for leak in leaks[:20]:
            reporter.write_line(f"\nLOG LEAK {leak}", red=True)
