"""A USSD turn through the whole engine over HTTP, beside a bare aiohttp handler; and the cold start.

    python -m benchmarks.turns [--rounds 5] [--seconds 1.5] [--starts 7] [--directory DIR]

One run, side by side: the bare handler parses the same form and answers as many bytes; the turn comes
in through the gateway's entrance, loads its session, replays, commits with fsync, renders. The load
comes from a process of its own. The directory decides which disk is measured.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvloop
from aiohttp import web
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).parents[1]
SESSIONS = (1, 16, 64)
SECRET = "benchmark-ussd-secret"
KEY = "benchmark-secret-key-0123456789abcdef"
PATH = f"/ussd/africastalking/{SECRET}"
# One dialogue up to where a provider would be asked: four turns.
TYPED = ("", "1", "1*1001", "1*1001*5")
LAST_SCREEN = (
    "CON Pay GHS 5.00 to Ama's Kitchen from 0240000001?\n1 Yes, pay\n2 No\n3 Another number\n0 Back\n00 Home"
)
CONFIG = """
[accounts.startbutton]
provider = "startbutton"
base_url = "http://127.0.0.1:9"
currency = "GHS"
networks = ["MTN"]
public_key = "never-used-never-used-never-used"
secret_key = "never-used-never-used-never-too"
email = "payments@kasapay.example"
refund_unit = "minor"
"""


# ---- what is measured against ---------------------------------------------------------------------


async def serve_bare(port: int) -> None:
    """The least an aiohttp program can do with the same request."""

    async def answer(request: web.Request) -> web.Response:
        await request.post()
        return web.Response(text=LAST_SCREEN)

    app = web.Application()
    app.router.add_post(PATH, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


# ---- the load -------------------------------------------------------------------------------------


class Line:
    """One kept-alive connection that speaks just enough HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, form: dict[str, str]) -> bytes:
        body = urllib.parse.urlencode(form).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        head_bytes = await self.reader.readuntil(b"\r\n\r\n")
        if not head_bytes.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head_bytes.decode("latin-1"))
        length = int(head_bytes.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return await self.reader.readexactly(length)


async def load(port: int, sessions: int, seconds: float, first: int) -> dict[str, float]:
    """Dialogues one after the other on each of `sessions` lines, for `seconds`."""
    numbers = itertools.count(first)
    took: list[float] = []

    async def caller(line: Line, until: float) -> None:
        while time.perf_counter() < until:
            number = next(numbers)
            form = {
                "sessionId": f"ATUid_{number}",
                "phoneNumber": f"+23324{number:07d}",
                "networkCode": "62001",
                "serviceCode": "*920*10#",
            }
            for text in TYPED:
                began = time.perf_counter()
                screen = await line.post({**form, "text": text})
                took.append(time.perf_counter() - began)
            if not screen.startswith(b"CON Pay GHS 5.00 to"):
                raise RuntimeError(f"another screen than expected: {screen.decode()}")

    lines = [Line(port) for _ in range(sessions)]
    for line in lines:
        await line.open()
    began = time.perf_counter()
    await asyncio.gather(*(caller(line, began + seconds) for line in lines))
    spent = time.perf_counter() - began
    took.sort()
    return {
        "rate": len(took) / spent,
        "median_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[len(took) * 99 // 100] * 1000,
    }


# ---- processes ------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dial(port: int, number: int = 0) -> bytes:
    """The first answer of a session, or nothing while nobody listens."""
    body = urllib.parse.urlencode(
        {
            "sessionId": f"ATUid_s{number}",
            "phoneNumber": "+233249999999",
            "serviceCode": "*920*10#",
            "text": "",
        }
    )
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(request.encode())
            return b"".join(iter(lambda: line.recv(65536), b""))
    except OSError:
        return b""


def wait_for_answer(port: int, process: subprocess.Popen[bytes], number: int = 0) -> None:
    while not dial(port, number).startswith(b"HTTP/1.1 200"):
        if process.poll() is not None:
            raise SystemExit(f"a process ended with {process.returncode} before it answered")
        time.sleep(0.002)


@contextmanager
def running(*words: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def environment(folder: Path, port: int) -> dict[str, str]:
    (folder / "accounts.toml").write_text(CONFIG, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{folder / 'kasapay.db'}",
        "SECRET_KEY": KEY,
        "PORT": str(port),
        "USSD_GATEWAYS": "africastalking",
        "USSD_SECRET": SECRET,
        # Whoever dials is a stranger: with several languages the first screen would ask for one.
        "LANGUAGES": "en",
        "KASAPAY_CONFIG": str(folder / "accounts.toml"),
    }


def prepare(env: dict[str, str]) -> None:
    for words in (["migrate"], ["merchants", "add", "1001", "Ama's Kitchen", "--account", "startbutton"]):
        command = [sys.executable, "-m", "bot", *words]
        subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


def measure(port: int, sessions: int, seconds: float, first: int) -> dict[str, float]:
    words = [
        "--load",
        str(port),
        "--sessions",
        str(sessions),
        "--seconds",
        str(seconds),
        "--first",
        str(first),
    ]
    command = [sys.executable, "-m", "benchmarks.turns", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def fsync_ms(folder: Path) -> float:
    """What this disk takes to keep 4 KiB for good: the floor under every commit."""
    took = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


# ---- the run --------------------------------------------------------------------------------------


def middle(results: list[dict[str, float]], name: str) -> float:
    return statistics.median(result[name] for result in results)


def compare(folder: Path, rounds: int, seconds: float, progress: Progress) -> dict[tuple[str, int], list]:
    task = progress.add_task("turns", total=rounds * len(SESSIONS) * 2)
    bare_port, turn_port = free_port(), free_port()
    env = environment(folder, turn_port)
    prepare(env)
    found: dict[tuple[str, int], list] = {}
    first = itertools.count(1, 100_000)
    with (
        running("-m", "benchmarks.turns", "--bare", str(bare_port)) as bare,
        running("-m", "bot", "serve", env=env) as turns,
    ):
        wait_for_answer(bare_port, bare)
        wait_for_answer(turn_port, turns)
        ports = {"bare": bare_port, "turn": turn_port}
        for _ in range(rounds):
            for sessions, name in itertools.product(SESSIONS, ports):
                # Every round has numbers of its own: each dialogue is of somebody new.
                result = measure(ports[name], sessions, seconds, next(first) % 9_900_000)
                found.setdefault((name, sessions), []).append(result)
                progress.advance(task)
    return found


def cold_starts(folder: Path, times: int, progress: Progress) -> list[float]:
    """Seconds from the start of `serve` to the first screen, each in a new process."""
    task = progress.add_task("cold starts", total=times)
    took = []
    for number in range(times):
        port = free_port()
        env = environment(folder, port)
        began = time.perf_counter()
        with running("-m", "bot", "serve", env=env) as process:
            wait_for_answer(port, process, number + 1)
            took.append(time.perf_counter() - began)
        progress.advance(task)
    return took


def show(console: Console, found: dict[tuple[str, int], list], starts: list[float], disk_ms: float) -> None:
    table = Table(
        *("Sessions at once", "Bare aiohttp /s", "ms", "p99 ms", "USSD turn /s", "ms", "p99 ms", "Ratio"),
        title="A USSD turn through the whole engine, beside a bare handler (medians)",
    )
    for sessions in SESSIONS:
        bare, turn = found["bare", sessions], found["turn", sessions]
        cells = [
            f"{middle(results, name):,.{digits}f}"
            for results in (bare, turn)
            for name, digits in (("rate", 0), ("median_ms", 2), ("p99_ms", 2))
        ]
        table.add_row(str(sessions), *cells, f"1 : {middle(bare, 'rate') / middle(turn, 'rate'):.1f}")
    console.print(table)
    console.print(f"fdatasync of 4 KiB on this disk: {disk_ms:.2f} ms (median)")
    shown = ", ".join(f"{seconds:.2f}" for seconds in sorted(starts))
    console.print(
        f"Cold start of `serve` to its first screen: {statistics.median(starts):.2f} s (of {shown})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load in each round")
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--directory", type=Path, default=Path(), help="where the database is put")
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--sessions", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare is not None:
        with suppress(KeyboardInterrupt):
            uvloop.run(serve_bare(given.bare))
    elif given.load is not None:
        print(json.dumps(uvloop.run(load(given.load, given.sessions, given.seconds, given.first))))
    else:
        console = Console()
        with tempfile.TemporaryDirectory(dir=given.directory.absolute(), prefix="kasapay-bench-") as name:
            folder = Path(name)
            columns = (
                SpinnerColumn(),
                *Progress.get_default_columns()[:2],
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=console, transient=True) as progress:
                found = compare(folder, given.rounds, given.seconds, progress)
                starts = cold_starts(folder, given.starts, progress)
            show(console, found, starts, fsync_ms(folder))


if __name__ == "__main__":
    main()
