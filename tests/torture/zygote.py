"""Starts processes of ours in a tenth of a second: everything is imported once, then forked.

What it starts is a process like any other: it runs the command line's own `main` in a new event loop,
opens its files itself, and ends by SIGKILL alone. Only the second of importing is saved. Talks in JSON
lines over stdin and stdout; ends, with all its children, when stdin does.
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["Zygote", "import_all", "run_and_end"]

_ROOT: Final = Path(__file__).parents[2]
_KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "TMPDIR")
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of prctl(2)
_ANSWERS_S: Final = 60.0


class Zygote:
    """The side of the test. `waits` shortens waits of the product, by the names of `shorten`."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], waits: Mapping[str, Any], preload: str = ""
    ) -> None:
        self._folder = folder
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        self._env = {
            **kept,
            "PYTHONPATH": str(_ROOT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "error::ResourceWarning",
            **env,
            **({"LD_PRELOAD": preload} if preload else {}),
        }
        self._waits = json.dumps(dict(waits))
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.torture.zygote", self._waits),
            cwd=self._folder,
            env=self._env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._hear()

    async def start(self, words: Sequence[str], out: Path) -> int:
        """Fork `kasapay words...`, its output added to `out`; its process id."""
        return int((await self._ask({"do": "start", "words": list(words), "out": str(out)}))["pid"])

    async def wait(self, pid: int) -> int:
        """Wait for its end: the exit status, negative for a signal."""
        return int((await self._ask({"do": "wait", "pid": pid}))["status"])

    async def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()
            self._process = None

    async def _ask(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(dict(wanted)).encode() + b"\n")
            return await self._hear()

    async def _hear(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(_ANSWERS_S):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the zygote has ended")
        heard: dict[str, Any] = json.loads(line)
        return heard


def shorten(waits: Mapping[str, Any]) -> None:
    """Make the product wait less than it does, before it is wired: nothing else about it changes.

    `times` are fields of `bot.times.Times`; `momo_grace_s` is how long MoMo may not know a request that
    was sent; a provider's `_schedule_s` says when it is asked and, with its last, given up.
    """
    import bot.times

    bot.times.TIMES = bot.times.Times(**waits.get("times", {}))
    from bot.providers.momo import Momo
    from bot.providers.startbutton import Startbutton

    if "momo_grace_s" in waits:
        Momo.not_found_grace_s = float(waits["momo_grace_s"])
    if "momo_schedule_s" in waits:
        Momo.schedule_s = tuple(float(at) for at in waits["momo_schedule_s"])
    if "startbutton_schedule_s" in waits:
        Startbutton.schedule_s = tuple(float(at) for at in waits["startbutton_schedule_s"])


def import_all() -> None:
    """All that a command would import, and what a process reads once and never changes."""
    import uvloop  # noqa: F401

    import bot.commands
    import bot.control
    import bot.running
    import bot.sandbox
    import bot.store.migrate  # noqa: F401
    from bot.config import read_settings
    from bot.money.numbers import parse_msisdn, show_local
    from bot.wiring import build

    build(read_settings()).web()  # opens nothing, starts nothing
    for text in ("0247700001", "+233247700001"):
        number = parse_msisdn(text, "GH")
        assert isinstance(number, str)
        show_local(number, "GH")


def run_and_end(words: Sequence[str], prepare: Callable[[], None]) -> None:
    """Prepare this new process, run a command in it, and end."""
    status = 1
    try:
        prepare()
        sys.argv = [str(_ROOT / "bot" / "__main__.py"), *words]
        from bot.__main__ import main

        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _become(words: Sequence[str], out: str) -> None:
    def prepare() -> None:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.closerange(3, 64)

    run_and_end(words, prepare)


def _serve_orders() -> None:
    shorten(json.loads(sys.argv[1]))
    import_all()
    gc.freeze()
    children: set[int] = set()
    print("{}", flush=True)
    # No buffer in between: a child must not inherit half of the next line.
    with open(0, "rb", buffering=0, closefd=False) as orders:
        while line := orders.readline():
            wanted = json.loads(line)
            if wanted["do"] == "start":
                pid = os.fork()
                if not pid:
                    _become(wanted["words"], wanted["out"])
                children.add(pid)
                said = {"pid": pid}
            else:
                _, how = os.waitpid(wanted["pid"], 0)
                children.discard(wanted["pid"])
                said = {"status": os.waitstatus_to_exitcode(how)}
            print(json.dumps(said), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _serve_orders()
