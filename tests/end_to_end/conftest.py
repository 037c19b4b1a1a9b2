"""A whole Kasapay with its sandbox, on sockets of its own; and one as an operator would run it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import httpx
import pytest

from bot.app.demo import Embedded, run_embedded
from bot.runtime.timeouts import TIMES, Timeouts
from bot.settings.settings import Settings
from tests.end_to_end.log_keeping import forbid
from tests.end_to_end.processes import SECRETS, Deployment, Judge, end_all
from tests.hashing import light_hasher


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
async def line() -> AsyncIterator[aiohttp.ClientSession]:
    """For the gateways' client: as many connections as it likes."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        yield client


@pytest.fixture
def times() -> Timeouts:
    """The program's own waits; a module of tests may have shorter ones."""
    return TIMES


@pytest.fixture
async def live(tmp_path: Path, times: Timeouts) -> AsyncIterator[Embedded]:
    """Everything in this process, as `run` starts it, in one language: strangers are asked for none."""
    extra = Settings.model_validate({"languages": "en"})
    async with run_embedded(tmp_path / "data", timeouts=times, extra=extra) as embedded:
        forbid(embedded.ussd_path.rsplit("/", 1)[-1])
        yield embedded


@pytest.fixture
def judge(live: Embedded, http: httpx.AsyncClient) -> Judge:
    return Judge(http, live.sandbox_url)


@pytest.fixture(autouse=True)
def light_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("bot.app.demo", "bot.operations.staff_roles"):
        monkeypatch.setattr(f"{module}.PasswordHasher", light_hasher)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A folder to run `serve` in."""
    forbid(*SECRETS)
    return Deployment(tmp_path)
