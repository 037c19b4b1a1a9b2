"""A real `serve` under fire, with the judge beside it: both providers, logs of its own, memory read.

What the log must not hold is looked for here, since a long run has no test session that does it.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.admin.socket import ask_owner
from bot.store import migrate
from tests.end_to_end.forks import start as fork
from tests.end_to_end.log_keeping import find_leaks
from tests.end_to_end.processes import SECRETS, Deployment, Process, end_all, free_port

__all__ = ["KEYS", "MERCHANTS", "Place", "memory_mib"]

# account -> (public key, secret key)
KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "startbutton-ghs": ("pk_torture_ghs", "sk_torture_ghs_0001"),
    "startbutton-kes": ("pk_torture_kes", "sk_torture_kes_0002"),
}
MERCHANTS: Final = {"1001": "momo-ghana", "1002": "startbutton-ghs"}
_STARTBUTTON: Final = """
[accounts.startbutton-{low}]
provider = "startbutton"
base_url = "{sandbox}"
currency = "{currency}"
email = "payments@kasapay.example"
networks = ["{network}"]
asks_per_s = 50
public_key = "{public}"
secret_key = "{secret}"
"""


class _Serve(Process):
    """`serve` that waits less than it does otherwise."""

    def __init__(self, place: "Place", waits: Mapping[str, Any]) -> None:
        super().__init__("serve", folder=place.folder, env=place.env, logged=False)
        self._waits = waits

    def start(self) -> Process:
        with self.out.open("ab") as out, open(os.devnull, "rb") as nothing:
            self._popen = fork(
                self.words,
                folder=self.folder,
                env=self.env,
                stdin=nothing.fileno(),
                out=out,
                err=out,
                waits=self._waits,
            )
        return self


@dataclass
class Place(Deployment):
    """`serve` and the sandbox in one folder. Use `async with`: nothing outlives the block."""

    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.logged = False
        self.port = free_port()

    async def __aenter__(self) -> "Place":
        return self

    async def __aexit__(self, *_: object) -> None:
        end_all()

    async def start_judge(self, **config: Any) -> None:
        """The sandbox with the two Startbutton accounts, calling back to our port."""
        accounts = [
            {
                "name": name,
                "public_key": public,
                "secret_key": secret,
                "webhook_url": f"{self.url}/callbacks/startbutton/{name}",
            }
            for name, (public, secret) in KEYS.items()
        ]
        config = {"startbutton": {"accounts": accounts, "successful_s": 1}, **config}
        await super().start_judge(**config)

    def configure(self, **more: str) -> dict[str, str]:
        super().configure(**more)
        with (self.folder / "accounts.toml").open("a", encoding="utf-8") as out:
            for (name, (public, secret)), network in zip(KEYS.items(), ("MTN", "mpesa"), strict=True):
                low = name.removeprefix("startbutton-")
                out.write(
                    _STARTBUTTON.format(
                        low=low,
                        currency=low.upper(),
                        sandbox=self.sandbox_url,
                        network=network,
                        public=public,
                        secret=secret,
                    )
                )
        return self.env

    async def start(self, *, waits: Mapping[str, Any] = {}, **env: str) -> None:
        """Migrate, add the merchants, serve. `waits` are those that it makes shorter; see `forks.shorten`."""
        self.configure(**env)
        migrate(self.env["DATABASE_URL"])
        self.process = _Serve(self, waits).start()
        await self.answers(self.process)
        for code, account in MERCHANTS.items():
            values = {"code": code, "name": "Ama's Kitchen", "account": account}
            assert await ask_owner(self.database, "merchants.add", values) is not None

    @property
    def memory_mib(self) -> float:
        return memory_mib(self.process.pid)

    def wrong_in_log(self, secrets: Iterable[str] = ()) -> list[str]:
        """A sentence for each line of the log that tells of a fault of ours, or of a secret."""
        keys = {secret for _, secret in KEYS.values()}
        wrong = [str(leak) for leak in find_leaks(self.folder, frozenset({*SECRETS, *keys, *secrets}))]
        with self.process.out.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if "Traceback" in line or '"level": "error"' in line or '"level": "critical"' in line:
                    wrong.append(f"logged: {line.strip()[:400]}...{line.strip()[-900:]}")
        return wrong


def memory_mib(pid: int) -> float:
    """What the process holds in memory (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
