"""Real processes of ours: started with a clean environment, awaited by what they do, never slept for."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from bot.channels.ussd import GATEWAYS
from tests.end_to_end.forks import Fork, start
from tests.end_to_end.log_keeping import keep_file

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0

SECRET_KEY = "e2e-secret-key-0123456789abcdef0123456789"
USSD_SECRET = "e2e-ussd-secret-42"
SUBSCRIPTION_KEY = "e2e0subscription0key0000000000000"
API_KEY = "e2e0api0key0000000000000000000000"
API_USER = "7b6d3f6e-2d9a-4a53-9d2c-0f1d0c8a4e22"
SMS_KEY = "e2e-sms-api-key"
SECRETS = (SECRET_KEY, USSD_SECRET, SUBSCRIPTION_KEY, API_KEY, SMS_KEY)

T = TypeVar("T")


async def until(
    what: str,
    look: Callable[[], Awaitable[T | None]],
    *,
    patience_s: float = PATIENCE_S,
    pause_s: float = 0.02,
) -> T:
    """What `look` finds, looked for again and again; an AssertionError naming it where it never comes."""
    ends = time.monotonic() + patience_s
    while (found := await look()) is None:
        assert time.monotonic() < ends, f"{what} never came"
        await asyncio.sleep(pause_s)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the developer's own settings, and none of the test run's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "error::ResourceWarning",
        **given,
    }


@dataclass
class Ended:
    """What a command that ended said."""

    code: int
    out: str
    err: str


_STARTED: list["Process"] = []


def end_all() -> None:
    """Nothing that a test started outlives it."""
    while _STARTED:
        _STARTED.pop().kill()


class Process:
    """`python -m bot ...` in `folder`. Its output goes to a file that the reader of all logs sees."""

    def __init__(self, *words: str, folder: Path, env: Mapping[str, str] = {}, logged: bool = True) -> None:
        self.words = words
        self.folder = folder
        self.env = clean_environment(env)
        self.out = keep_file(words[0]) if logged else folder / f"{words[0]}.log"
        self._popen: Fork | None = None
        _STARTED.append(self)

    def start(self) -> "Process":
        with self.out.open("ab") as out, open(os.devnull, "rb") as nothing:
            self._popen = start(
                self.words, folder=self.folder, env=self.env, stdin=nothing.fileno(), out=out, err=out
            )
        return self

    @property
    def said(self) -> str:
        return self.out.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    async def says(self, words: str) -> str:
        """Wait until its output holds `words`, and return all of it."""

        async def look() -> str | None:
            said = self.said
            if words in said:
                return said
            assert self.running, f"{self.words[0]} ended: {said}"
            return None

        return await until(f"{words!r} from {self.words[0]}", look)

    async def ends(self) -> int:
        """Wait until it ends by itself; its exit status."""

        async def look() -> int | None:
            return None if self._popen is None else self._popen.poll()

        return await until(f"the end of {self.words[0]}", look)

    async def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and wait; its exit status."""
        assert self._popen is not None
        self._popen.send_signal(by)
        return await self.ends()

    def kill(self) -> None:
        """No warning, no last words."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()


async def script(path: Path, *, folder: Path) -> Ended:
    """Run a Python file of a test's own, in an interpreter of its own."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(path)],
        cwd=folder,
        env=clean_environment({"COLUMNS": "200"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ended(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


async def command(*words: str, folder: Path, env: Mapping[str, str] = {}, typed: str | None = None) -> Ended:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((typed or "").encode())
        given.seek(0)
        process = start(
            words,
            folder=folder,
            env=clean_environment({"COLUMNS": "200", **env}),
            stdin=given.fileno(),
            out=out,
            err=err,
        )
        try:
            code = await asyncio.to_thread(process.wait, PATIENCE_S)
        except BaseException:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return Ended(code, out.read().decode(), err.read().decode())


SANDBOX_CONFIG: Mapping[str, Any] = {
    "momo": {
        "users": [
            {
                "api_user": API_USER,
                "api_key": API_KEY,
                "product": "collection",
                "subscription_keys": [SUBSCRIPTION_KEY],
                "environment": "mtnghana",
                "callback_host": "127.0.0.1",
                "payee": "Ama's Kitchen",
            }
        ]
    },
}
ACCOUNTS_TOML = """
[accounts.momo-ghana]
provider = "momo"
base_url = "{sandbox}"
currency = "GHS"
target_environment = "mtnghana"
name = "MTN MoMo Ghana"
asks_per_s = 50

[accounts.momo-ghana.collection]
subscription_key = "env:GHANA_KEY"
api_user = "{user}"
api_key = "env:GHANA_API_KEY"
"""


@dataclass
class Deployment:
    """`serve` on SQLite with its settings in the environment and TOML, and a sandbox beside it.

    The sandbox is a process of its own with a record of its own: it is the judge, whatever happens to
    the one that is judged.
    """

    folder: Path
    sandbox_url: str = ""
    port: int = 0
    env: dict[str, str] = field(default_factory=dict)
    judge: Process | None = None
    # Whether the reader of all logs of a test run sees these.
    logged: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ussd_url(self) -> str:
        return f"{self.url}/ussd/africastalking/{USSD_SECRET}"

    @property
    def database(self) -> Path:
        return self.folder / "kasapay.db"

    async def start_judge(self, **config: Any) -> None:
        (self.folder / "sandbox.json").write_text(json.dumps({**SANDBOX_CONFIG, **config}), encoding="utf-8")
        port = free_port()
        self.judge = Process(
            *("sandbox", "--port", str(port), "--config", "sandbox.json", "--database", "sandbox.db"),
            folder=self.folder,
            logged=self.logged,
        ).start()
        await self.judge.says("listens at")
        self.sandbox_url = f"http://127.0.0.1:{port}"

    def configure(self, **more: str) -> dict[str, str]:
        """Settings for `serve`: the environment, and accounts in TOML with their keys left outside it."""
        self.port = self.port or free_port()
        config = self.folder / "accounts.toml"
        config.write_text(ACCOUNTS_TOML.format(sandbox=self.sandbox_url, user=API_USER), encoding="utf-8")
        self.env = {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SECRET_KEY": SECRET_KEY,
            "LANGUAGES": "en",
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "USSD_GATEWAYS": " ".join(GATEWAYS),
            "USSD_SECRET": USSD_SECRET,
            "AFRICASTALKING_USERNAME": "e2e",
            "AFRICASTALKING_API_KEY": SMS_KEY,
            "AFRICASTALKING_API_URL": self.sandbox_url,
            "KASAPAY_CONFIG": str(config),
            "GHANA_KEY": SUBSCRIPTION_KEY,
            "GHANA_API_KEY": API_KEY,
            **more,
        }
        return self.env

    async def run(self, *words: str, typed: str | None = None, **env: str) -> Ended:
        return await command(*words, folder=self.folder, env={**self.env, **env}, typed=typed)

    def serve(self, **env: str) -> Process:
        return Process("serve", folder=self.folder, env={**self.env, **env}, logged=self.logged).start()

    async def answers(self, process: Process) -> None:
        """Wait until `serve` answers."""

        async def look() -> bool | None:
            assert process.running, process.said
            try:
                async with asyncio.timeout(2):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return None
            writer.close()
            del reader
            return True

        await until("an answer of serve", look)


class Judge:
    """What the sandbox's own record says, and the hands on its wallets and switches."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self.url = url

    async def entries(self, **fits: Any) -> list[dict[str, Any]]:
        """Accepted creations, oldest first, whose fields are as given."""
        entries = (await self._get("/record"))["entries"]
        return [entry for entry in entries if all(entry[name] == value for name, value in fits.items())]

    async def one(self, **fits: Any) -> dict[str, Any]:
        """The one creation that fits, as soon as it is there."""

        async def look() -> dict[str, Any] | None:
            found = await self.entries(**fits)
            assert len(found) < 2, f"made {len(found)} times"
            return found[0] if found else None

        return await until(f"an order {fits}", look)

    async def sms(self, msisdn: str = "") -> list[dict[str, str]]:
        return list((await self._get(f"/sms?msisdn={msisdn.removeprefix('+')}"))["sms"])

    async def told(self, msisdn: str, *parts: str) -> str:
        """The first SMS to the number with all these parts, as soon as it is there."""

        async def look() -> str | None:
            texts = [sms["text"] for sms in await self.sms(msisdn)]
            return next((text for text in texts if all(part in text for part in parts)), None)

        return await until(f"an SMS with {parts}", look)

    async def asked(self, reference: str, times: int) -> None:
        """Wait until a payment's status was asked for so often."""

        async def look() -> bool | None:
            requests = (await self._get(f"/record/requests?reference={reference}"))["requests"]
            seen = [line for line in requests if line["method"] == "GET"]
            return True if len(seen) >= times else None

        await until(f"the status asked {times} times", look)

    async def times_asked(self, reference: str) -> int:
        requests = (await self._get(f"/record/requests?reference={reference}"))["requests"]
        return sum(line["method"] == "GET" for line in requests)

    async def faults(self, **values: Any) -> None:
        (await self._http.put(f"{self.url}/_sandbox/faults", json=values)).raise_for_status()

    async def handset(self, msisdn: str, **balance: str) -> None:
        body = {"msisdn": msisdn, "balance": balance}
        (await self._http.post(f"{self.url}/_sandbox/handsets", json=body)).raise_for_status()

    async def decide(self, msisdn: str, action: str, pin: str = "1234") -> None:
        """Answer the wallet's prompt, as soon as it shows."""
        path = f"/handsets/{msisdn.removeprefix('+')}"

        async def look() -> str | None:
            prompts = (await self._get(path))["prompts"]
            return prompts[0]["id"] if prompts else None

        prompt = await until("the wallet's prompt", look)
        body = {"action": action} | ({"pin": pin} if action == "approve" else {})
        (await self._http.post(f"{self.url}/_sandbox{path}/prompts/{prompt}", json=body)).raise_for_status()

    async def _get(self, path: str) -> Any:
        reply = await self._http.get(f"{self.url}/_sandbox{path}")
        reply.raise_for_status()
        return reply.json()
