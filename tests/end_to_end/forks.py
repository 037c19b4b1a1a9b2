"""Starts `python -m bot ...` without its second of importing: one process imports everything, then forks.

What it starts is a process like any other, in a folder, an environment and with files of its own; it
runs the command line's own `main` and can be killed. One forker lives beside each test worker.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tests.torture.zygote import import_all, run_and_end

__all__ = ["Fork", "start"]

_ROOT: Final = Path(__file__).parents[2]
_LONGEST: Final = 1 << 20
_POLL_S: Final = 0.005


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
    def __init__(self) -> None:
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
                },
            )

    def start(self, words: Sequence[str], folder: Path, env: Mapping[str, str], files: Sequence[int]) -> Fork:
        line = socket.socket(socket.AF_UNIX)
        line.connect(self._path)
        wanted = json.dumps({"words": list(words), "folder": str(folder), "env": dict(env)}).encode()
        socket.send_fds(line, [wanted], list(files))
        return Fork(line, int(line.recv(64)))


_forkers: list[_Forker] = []


def start(
    words: Sequence[str], *, folder: Path, env: Mapping[str, str], stdin: int, out: IO[bytes], err: IO[bytes]
) -> Fork:
    """Start `python -m bot words...` with these files."""
    if not _forkers:
        _forkers.append(_Forker())
    return _forkers[0].start(words, folder, env, (stdin, out.fileno(), err.fileno()))


# ---- the other side ------------------------------------------------------------------------------


def _become(wanted: Mapping[str, Any], files: Sequence[int]) -> None:
    def prepare() -> None:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, 256)
        os.chdir(wanted["folder"])
        os.environ.clear()
        os.environ.update(wanted["env"])
        time.tzset()

    run_and_end(wanted["words"], prepare)


def _fork(line: socket.socket) -> int:
    content, files, _, _ = socket.recv_fds(line, _LONGEST, 3)
    pid = os.fork()
    if not pid:
        _become(json.loads(content), files)
    for file in files:
        os.close(file)
    line.sendall(str(pid).encode())
    return pid


def _serve(listener: socket.socket) -> None:
    lines: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [], _POLL_S if lines else None)
        if sys.stdin in ready:
            break
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
    for pid in lines:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    import_all()
    _serve(socket.socket(fileno=int(sys.argv[1])))
