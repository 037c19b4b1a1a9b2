"""Where Kasapay is killed, starved and cut off: `serve` on a file, and sandboxes beside it that judge.

Every process is a real one, forked from one that has imported everything. A sandbox keeps its own record
in its own file and is never touched by what is done to `serve`.
"""

import asyncio
import functools
import json
import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from bot.admin.socket import ask_owner
from bot.channels.ussd import GATEWAYS
from bot.store import migrate
from tests.end_to_end.forks import Fork, start
from tests.end_to_end.log_keeping import forbid, keep_file
from tests.end_to_end.processes import (
    API_KEY,
    API_USER,
    SECRET_KEY,
    SECRETS,
    SMS_KEY,
    SUBSCRIPTION_KEY,
    USSD_SECRET,
    clean_environment,
    free_port,
)
from tests.end_to_end.processes import until as waited_until
from tests.torture.line import Broken, Line

__all__ = ["CODE", "Sandbox", "Stage", "until"]

T = TypeVar("T")

CODE: Final = "*920*10#"
_PATIENCE_S: Final = 60.0
_SB_PUBLIC: Final = "pk_torture_0123456789abcdef"
_SB_SECRET: Final = "sk_torture_0123456789abcdef"
_ROOT: Final = Path(__file__).parents[2]


# Many wait here for much, on a machine that is busy on purpose.
until = functools.partial(waited_until, patience_s=_PATIENCE_S, pause_s=0.01)


class Sandbox:
    """The pretend outside world as a process of its own: what its record says, and its switches."""

    def __init__(self, name: str, stage: "Stage") -> None:
        self.name = name
        self.port = free_port()
        self.line = Line(self.port, timeout_s=30)
        self.fork: Fork | None = None
        self._stage = stage

    @property
    def pid(self) -> int:
        assert self.fork is not None
        return self.fork.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, config: Mapping[str, Any] | None = None) -> None:
        """Start, or start again on what its record holds."""
        file = self._stage.folder / f"{self.name}.json"
        if config is not None:
            file.write_text(json.dumps(config), encoding="utf-8")
        words = ("--port", str(self.port), "--config", file.name, "--database", f"{self.name}.db")
        self.fork = self._stage.launch(("sandbox", *words), self._stage.log(self.name))

        async def look() -> bool | None:
            try:
                await self.line.json("GET", "/_sandbox/health")
            except Broken:
                return None
            return True

        await until(f"sandbox {self.name}", look)

    async def stop(self) -> None:
        """No warning: what it took is in its record."""
        if self.fork is not None:
            self.fork.kill()
            await self.fork.ended()
        self.line.hang_up()

    async def entries(self) -> list[dict[str, Any]]:
        """Accepted creations, oldest first."""
        return list((await self.line.json("GET", "/_sandbox/record"))["entries"])

    async def requests(self) -> list[dict[str, Any]]:
        """Every provider request it saw, oldest first."""
        return list((await self.line.json("GET", "/_sandbox/record/requests"))["requests"])

    async def sms(self, msisdn: str = "") -> list[dict[str, str]]:
        path = f"/_sandbox/sms?msisdn={msisdn.removeprefix('+')}"
        return list((await self.line.json("GET", path))["sms"])

    async def faults(self, **values: Any) -> None:
        await self.line.json("PUT", "/_sandbox/faults", values)

    async def handset(self, msisdn: str) -> None:
        """Give the number a phone of its own, with money enough."""
        body = {"msisdn": msisdn, "balance": {"GHS": "1000000"}}
        await self.line.json("POST", "/_sandbox/handsets", body)

    async def prompts(self, msisdn: str) -> list[dict[str, Any]]:
        return list(
            (await self.line.json("GET", f"/_sandbox/handsets/{msisdn.removeprefix('+')}"))["prompts"]
        )

    async def press(self, msisdn: str, prompt: str, action: str) -> None:
        path = f"/_sandbox/handsets/{msisdn.removeprefix('+')}/prompts/{prompt}"
        pin = {"pin": "1234"} if action == "approve" else {}
        await self.line.json("POST", path, {"action": action} | pin)


class Nobody:
    """A port that takes every connection, answers nothing, and counts them."""

    def __init__(self) -> None:
        self.port = 0
        self.calls = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._called, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def _called(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        writer.transport.abort()


class Stage:
    """Use as `async with Stage(folder, waits, accounts) as stage`, then `begin`.

    `accounts` gives each provider account, by name, its provider and its sandbox. `database` may lie on
    another file system; `preload` is a library for all processes, `more` is added to their environment.
    """

    def __init__(
        self,
        folder: Path,
        waits: Mapping[str, Any],
        accounts: Mapping[str, tuple[str, str]],
        *,
        database: Path | None = None,
        preload: str = "",
        more: Mapping[str, str] = {},
    ) -> None:
        if "TEST_LOGS_FOLDER" in os.environ:
            forbid(*SECRETS, _SB_PUBLIC, _SB_SECRET)
        self.folder = folder
        self.database = database or folder / "kasapay.db"
        self.port = free_port()
        self.line = Line(self.port)
        self.accounts = accounts
        self.sandboxes = {name: Sandbox(name, self) for _, name in accounts.values()}
        self._fork: Fork | None = None
        # Set while `serve` is there to answer, as far as we know.
        self.answers = asyncio.Event()
        self._waits = waits
        self._preload = preload
        self._more = more
        self._logs: dict[str, Path] = {}
        # Where no order of ours was ever sent, and none may be asked about.
        self.elsewhere = Nobody()
        # Where `serve` finds a sandbox, by its name: another port may stand in front of it.
        self.doors: dict[str, int] = {}

    async def __aenter__(self) -> "Stage":
        await self.elsewhere.start()
        accounts = "\n".join(self._account(name) for name in self.accounts)
        (self.folder / "accounts.toml").write_text(accounts, encoding="utf-8")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        for sandbox in self.sandboxes.values():
            await sandbox.stop()
        self.elsewhere.stop()
        await asyncio.sleep(0)  # until the connections know of it

    async def begin(self, sandboxes: Mapping[str, Mapping[str, Any]] = {}) -> None:
        """Start the sandboxes, make the database, and serve merchants 1001, 1002, ... one an account."""
        for name, sandbox in self.sandboxes.items():
            await sandbox.start({**self._sandbox_config(name), **sandboxes.get(name, {})})
        migrate(f"sqlite:///{self.database}")
        await self.start()
        for number, account in enumerate(self.accounts, 1001):
            shop = {"code": str(number), "name": f"Shop {number}", "account": account}
            assert await ask_owner(self.database, "merchants.add", shop) is not None

    def launch(self, words: Sequence[str], out: Path, more: Mapping[str, str] = {}) -> Fork:
        """`kasapay words...` as a process of its own, its output added to `out`."""
        with out.open("ab") as said, open(os.devnull, "rb") as nothing:
            return start(
                words,
                folder=self.folder,
                env=clean_environment({**self._settings(), **self._more, **more}),
                stdin=nothing.fileno(),
                out=said,
                err=said,
                waits=self._waits,
                preload=self._preload,
            )

    async def start(self) -> None:
        """Start `serve`; returns when it answers."""
        self._fork = self.launch(("serve",), self.log("serve"))

        async def look() -> bool | None:
            try:
                await self.line.send("GET", "/healthz", b"", "text/plain")
            except Broken:
                return None
            return True

        try:
            await until("an answer of serve", look)
        except AssertionError as error:
            said = self.log("serve").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise AssertionError(f"{error}: {said}") from None
        self.answers.set()

    async def start_elsewhere(self) -> str:
        """Try to serve the same file with every account at another address, on another port of ours.

        Returns what it said where it refused, empty where it served. It is gone when this returns.
        """
        settings = self.folder / "elsewhere.toml"
        settings.write_text(
            "\n".join(self._account(name, self.elsewhere.port) for name in self.accounts), encoding="utf-8"
        )
        port, log = free_port(), self.log("elsewhere")
        before = log.stat().st_size if log.exists() else 0
        more = {"KASAPAY_CONFIG": str(settings), "PORT": str(port)}
        fork, line = self.launch(("serve",), log, more), Line(port)
        ended = asyncio.create_task(fork.ended())

        async def look() -> bool | None:
            try:
                await line.send("GET", "/healthz", b"", "text/plain")
            except Broken:
                return True if ended.done() else None
            return True

        try:
            await until("an answer or an end of serve elsewhere", look)
        finally:
            fork.kill()
            refused = ended.done()
            await ended
            line.hang_up()
        return log.read_bytes()[before:].decode(errors="replace") if refused else ""

    async def kill(self) -> None:
        """SIGKILL: no warning, no last words."""
        self.answers.clear()
        if self._fork is not None:
            self._fork.kill()
            await self._fork.ended()
        self.line.hang_up()

    async def is_ok(self, path: str) -> bool:
        """Whether `/readyz` or `/healthz` says so."""
        status, _ = await self.line.send("GET", path, b"", "text/plain")
        return status == 200

    def ussd_path(self, gateway: str) -> str:
        return f"/ussd/{gateway}/{USSD_SECRET}"

    def log(self, name: str) -> Path:
        """Where a process writes: among the logs that the end of the test run reads, where there is one."""
        if name not in self._logs:
            kept = "TEST_LOGS_FOLDER" in os.environ
            self._logs[name] = keep_file(f"torture-{name}") if kept else self.folder / f"{name}.log"
        return self._logs[name]

    def own_orders(self) -> dict[str, str]:
        """State by order code in our own file: what was durable. Compared with the judge, never its word."""
        with sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True) as file:
            return dict(file.execute("SELECT code, state FROM orders").fetchall())

    def keep_for_study(self, name: str, wrong: Sequence[str]) -> Path:
        """Copy what is here, and what was wrong, to where it outlives the batch."""
        kept = _ROOT / ".torture" / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        (kept / "wrong.txt").write_text("\n".join(wrong), encoding="utf-8")
        for path in {*self.folder.iterdir(), *self.database.parent.glob("kasapay.db*"), *self._logs.values()}:
            if path.is_file():
                shutil.copy(path, kept / path.name)
        return kept

    # ---- settings ----------------------------------------------------------------------------------

    def _settings(self) -> dict[str, str]:
        return {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SECRET_KEY": SECRET_KEY,
            "PORT": str(self.port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "SHORT_CODE": CODE,
            "LANGUAGES": "en",
            "USSD_GATEWAYS": " ".join(GATEWAYS),
            "USSD_SECRET": USSD_SECRET,
            "AFRICASTALKING_USERNAME": "torture",
            "AFRICASTALKING_API_KEY": SMS_KEY,
            # The last sandbox carries the SMS: it is the one that no campaign takes down.
            "AFRICASTALKING_API_URL": list(self.sandboxes.values())[-1].url,
            "KASAPAY_CONFIG": str(self.folder / "accounts.toml"),
            "TORTURE_MOMO_KEY": SUBSCRIPTION_KEY,
            "TORTURE_MOMO_API_KEY": API_KEY,
            "SB_PUBLIC": _SB_PUBLIC,
            "SB_SECRET": _SB_SECRET,
            # Many customers pay from one of the few test numbers that fail by themselves.
            "ASK_UNAPPROVED": "1000000",
        }

    def _account(self, name: str, port: int = 0) -> str:
        provider, sandbox = self.accounts[name]
        port = port or self.doors.get(sandbox, self.sandboxes[sandbox].port)
        lines = [
            f"[accounts.{name}]",
            f'provider = "{provider}"',
            f'base_url = "http://127.0.0.1:{port}"',
            'currency = "GHS"',
            "asks_per_s = 50",
        ]
        if provider == "momo":
            keys = 'subscription_key = "env:TORTURE_MOMO_KEY", api_key = "env:TORTURE_MOMO_API_KEY"'
            keys += f', api_user = "{API_USER}"'
            lines += ['target_environment = "mtnghana"', f"collection = {{ {keys} }}"]
        else:
            lines += [
                'email = "payments@example.com"',
                'public_key = "env:SB_PUBLIC"',
                'secret_key = "env:SB_SECRET"',
                'networks = ["MTN"]',
            ]
        return "\n".join([*lines, ""])

    def _sandbox_config(self, sandbox: str) -> dict[str, Any]:
        user = {
            "api_user": API_USER,
            "api_key": API_KEY,
            "product": "collection",
            "subscription_keys": [SUBSCRIPTION_KEY],
            "environment": "mtnghana",
            "callback_host": "127.0.0.1",
            "payee": "Kasapay",
        }
        config: dict[str, Any] = {"momo": {"users": [user]}}
        for name, (provider, theirs) in self.accounts.items():
            if provider == "startbutton" and theirs == sandbox:
                hook = f"http://127.0.0.1:{self.port}/callbacks/startbutton/{name}"
                keys = {"public_key": _SB_PUBLIC, "secret_key": _SB_SECRET, "webhook_url": hook}
                # Nobody waits an hour for a charge whose code nobody was asked for.
                times = {"abandoned_s": 5, "successful_s": 1}
                config["startbutton"] = {"accounts": [{"name": name, **keys}], **times}
        return config
