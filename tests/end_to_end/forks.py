"""Starts `python -m bot ...` without its second of importing: one process imports everything, then forks.

What it starts is a process like any other, in a folder, an environment and with files of its own; it
runs the command line's own `main` in a new event loop and can be killed. Only the importing is saved.
One forker lives beside each test worker, and ends with it and with all that it started.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

__all__ = ["Fork", "start"]

_ROOT: Final = Path(__file__).parents[2]
_LONGEST: Final = 1 << 20
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of prctl(2)
_ENDS_S: Final = 60.0
# What a command imports, with what it imports only when it is needed.
_IMPORTED: Final = (
    "alembic.command",
    "bot.__main__",
    "bot.admin.registry",
    "bot.admin.socket",
    "bot.app.processes",
    "bot.sandbox",
    "bot.store.migrate",
    "rich.markdown",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "typer.rich_utils",
    "uvloop",
)


class Fork:
    """A process started here; the part of `subprocess.Popen` that tests use."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self._line = line
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self._status is None and select.select([self._line], [], [], 0)[0]:
            self._hear()
        return self._status

    def wait(self, timeout_s: float | None = None) -> int:
        """Raises TimeoutError."""
        if self._status is None:
            if not select.select([self._line], [], [], timeout_s)[0]:
                raise TimeoutError
            self._hear()
        assert self._status is not None
        return self._status

    async def ended(self) -> int:
        """Its exit status, once it has ended. Raises TimeoutError."""
        return await asyncio.to_thread(self.wait, _ENDS_S)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        self._line.close()

    def _hear(self) -> None:
        heard = self._line.recv(64)
        self._status = int(heard) if heard else -int(signal.SIGKILL)
        self._line.close()


class _Forker:
    def __init__(self, preload: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forker-")
        self._path = str(Path(self._folder.name) / "line")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._path)
            listener.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.end_to_end.forks", str(listener.fileno())],
                cwd=_ROOT,
                stdin=subprocess.PIPE,  # its end is the forker's end
                pass_fds=[listener.fileno()],
                env={
                    **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                    "PYTHONPATH": str(_ROOT),
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONWARNINGS": "error::ResourceWarning",
                    "SECRET_KEY": "nothing-is-ever-kept-under-this-key-0123",
                    **({"LD_PRELOAD": preload} if preload else {}),
                },
            )

    def start(self, wanted: Mapping[str, Any], files: Sequence[int]) -> Fork:
        line = socket.socket(socket.AF_UNIX)
        line.connect(self._path)
        socket.send_fds(line, [json.dumps(dict(wanted)).encode()], list(files))
        return Fork(line, int(line.recv(64)))


_forkers: dict[str, _Forker] = {}


def start(
    words: Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str],
    stdin: int,
    out: IO[bytes],
    err: IO[bytes],
    waits: Mapping[str, Any] = {},
    preload: str = "",
) -> Fork:
    """Start `python -m bot words...` with these files.

    `waits` makes it wait less than it does otherwise, by the names of `shorten`; `preload` is a library
    that gives the system's answers in its place.
    """
    if preload not in _forkers:
        _forkers[preload] = _Forker(preload)
    wanted = {"words": list(words), "folder": str(folder), "env": dict(env), "waits": dict(waits)}
    return _forkers[preload].start(wanted, (stdin, out.fileno(), err.fileno()))


# ---- the other side ------------------------------------------------------------------------------


def shorten(waits: Mapping[str, Any]) -> None:
    """Make the product wait less than it does, before it is wired: nothing else about it changes.

    `times` are fields of `bot.runtime.timeouts.Times`; `momo_grace_s` is how long MoMo may not know a request
    that was sent; a provider's `_schedule_s` says when it is asked and, with its last, given up; and
    `unsent_s` after how long a question that could not be sent is tried again.
    """
    import msgspec

    from bot.orders.rules import status as reports
    from bot.providers.momo.adapter import Momo
    from bot.providers.startbutton.adapter import Startbutton
    from bot.runtime.timeouts import TIMES

    for name, value in waits.get("times", {}).items():
        msgspec.structs.force_setattr(TIMES, name, value)
    if "momo_grace_s" in waits:
        Momo.not_found_grace_s = float(waits["momo_grace_s"])
    if "unsent_s" in waits:
        reports._UNSENT_S = float(waits["unsent_s"])  # type: ignore[misc]
    for provider, schedule in ((Momo, "momo_schedule_s"), (Startbutton, "startbutton_schedule_s")):
        if schedule in waits:
            provider.schedule_s = tuple(float(at) for at in waits[schedule])


def import_all() -> None:
    """All that a command would import, and what a process reads once and never changes."""
    for name in _IMPORTED:
        importlib.import_module(name)
    from bot.app.build import build
    from bot.money.numbers import parse_msisdn, show_local
    from bot.settings.settings import read_settings

    build(read_settings()).web()  # opens nothing, starts nothing
    for text in ("0247700001", "+233247700001"):
        number = parse_msisdn(text, "GH")
        assert isinstance(number, str)
        show_local(number, "GH")


def _run_and_end(words: Sequence[str], prepare: Callable[[], None]) -> None:
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


def _become(wanted: Mapping[str, Any], files: Sequence[int]) -> None:
    def prepare() -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, 256)
        os.chdir(wanted["folder"])
        os.environ.clear()
        os.environ.update(wanted["env"])
        time.tzset()
        shorten(wanted["waits"])

    _run_and_end(wanted["words"], prepare)


def _fork(line: socket.socket) -> int:
    content, files, _, _ = socket.recv_fds(line, _LONGEST, 3)
    pid = os.fork()
    if not pid:
        _become(json.loads(content), files)
    for file in files:
        os.close(file)
    line.sendall(str(pid).encode())
    return pid


def _serve(listener: socket.socket, ends: socket.socket) -> None:
    """Until stdin is at its end. `ends` is written to whenever a child ends: nobody has to look again and
    again."""
    lines: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listener, sys.stdin, ends], [], [])
        if sys.stdin in ready:
            break
        if ends in ready:
            ends.recv(4096)
        if listener in ready:
            line, _ = listener.accept()
            lines[_fork(line)] = line
        while lines:
            pid, how = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            line = lines.pop(pid)
            with contextlib.suppress(OSError):  # nobody asks any more
                line.sendall(str(os.waitstatus_to_exitcode(how)).encode())
            line.close()
    for pid, line in lines.items():
        os.kill(pid, signal.SIGKILL)
        line.close()


def _main() -> None:
    import_all()
    gc.collect()
    gc.freeze()
    ends, ended = socket.socketpair()
    with socket.socket(fileno=int(sys.argv[1])) as listener, ends, ended:
        for end in (ends, ended):
            end.setblocking(False)
        signal.set_wakeup_fd(ended.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _serve(listener, ends)


if __name__ == "__main__":
    _main()
