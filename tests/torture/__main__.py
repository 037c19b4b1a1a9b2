"""`make torture`: every campaign at its large size, resumable, with its seeds and a table at the end."""

import argparse
import asyncio
import contextlib
import gc
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from tests.torture.book import Book, reached
from tests.torture.campaign import Batch, Campaign, pick_seed
from tests.torture.campaigns import CAMPAIGNS
from tests.torture.table import draw_table, write_table

_ROOT: Final = Path(__file__).parents[2]
_KEPT: Final = _ROOT / ".torture"
_PAGE: Final = _ROOT / "docs" / "reliability.md"
_CORES: Final = 2
_LONGEST_S: Final = 20 * 60.0
_SEEDS: Final = 1_000_000_000


class Cores:
    """Hands out cores, first come first served, so that no campaign waits for ever."""

    def __init__(self, free: int) -> None:
        self._all = self._free = free
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def taken(self, wanted: int) -> AsyncIterator[None]:
        wanted = min(wanted, self._all)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, turn))
        self._hand_out()
        await turn
        try:
            yield
        finally:
            self._free += wanted
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and (self._waiting[0][0] <= self._free or self._waiting[0][1].cancelled()):
            wanted, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= wanted
                turn.set_result(None)


class Run:
    """One long run over the campaigns given."""

    def __init__(self, book: Book, campaigns: list[Campaign], ends_at: float) -> None:
        self._book = book
        self._campaigns = campaigns
        self._ends_at = ends_at
        self._cores = Cores(_CORES)
        self._began = time.monotonic()

    async def go(self) -> None:
        async with asyncio.TaskGroup() as group:
            for campaign in self._campaigns:
                for _ in range(max(1, _CORES // campaign.slots)):
                    group.create_task(self._repeat(campaign))

    async def _repeat(self, campaign: Campaign) -> None:
        page = self._book.page(campaign)
        while reached(campaign, page) < 1:
            async with self._cores.taken(campaign.slots):
                if time.monotonic() > self._ends_at or reached(campaign, page) >= 1:
                    return
                number, page.began = page.began, page.began + 1
                seed = random.Random(f"{self._book.seed} {campaign.name} {number}").randrange(_SEEDS)
                started = time.monotonic()
                batch = await _play(campaign, seed, number)
                page.took_s += time.monotonic() - started
            page.batches += 1
            page.sum.add(batch)
            if batch.wrong:
                page.failing.append(seed)
            self._book.keep(_KEPT / "book.json")
            self._show(campaign, seed, batch)

    def _show(self, campaign: Campaign, seed: int, batch: Batch) -> None:
        page = self._book.page(campaign)
        goals = campaign.goal.items()
        done = ", ".join(f"{page.sum.done.get(what, 0):,}/{goal:,} {what}" for what, goal in goals)
        minutes = (time.monotonic() - self._began) / 60
        print(f"{minutes:5.1f} min  {campaign.name:14} {done}  seed {seed}", flush=True)
        for line in batch.wrong:
            print(f"           VIOLATION (seed {seed}): {line}", flush=True)


async def _play(campaign: Campaign, seed: int, number: int) -> Batch:
    """One batch in a process of its own: whatever becomes of it, the run goes on."""
    words = [sys.executable, "-m", "tests.torture", "--one", campaign.name, "--seed", str(seed)]
    words += ["--size", f"number={number}"]
    process = await asyncio.create_subprocess_exec(
        *words, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        async with asyncio.timeout(_LONGEST_S):
            out, _ = await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        out, _ = await process.communicate()
        return Batch(wrong=[f"the batch did not end within {_LONGEST_S:.0f} s"])
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        raise
    # Whatever else a batch had to say, its figures are a line of their own.
    figures = [line for line in out.splitlines() if line.startswith(b'{"done"')]
    try:
        return msgspec.json.decode(figures[-1], type=Batch)
    except (IndexError, msgspec.DecodeError):
        log = _KEPT / f"{campaign.name}-{seed}.log"
        log.write_bytes(out)
        last = out.rstrip().rpartition(b"\n")[2].decode(errors="replace")
        return Batch(wrong=[f"the batch broke off: {last[:300]}"])


def _one(campaign: Campaign, seed: int, size: dict[str, int]) -> int:
    """Play one batch here and print its figures as the last line."""
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        batch = asyncio.run(campaign.run(seed, {**campaign.batch, **size}, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(msgspec.json.encode(batch).decode())
    return 1 if batch.wrong else 0


def _version() -> str:
    words = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make torture ARGS=", description=__doc__)
    parser.add_argument("names", nargs="*", help="campaigns to run; all without", metavar="CAMPAIGN")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no batch after this long")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have done")
    parser.add_argument("--seed", type=int, help="of a fresh run, or of one batch")
    parser.add_argument("--one", metavar="CAMPAIGN", help="play one batch here, to have a seed again")
    parser.add_argument("--size", action="append", default=[], metavar="WHAT=N", help="of that batch")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    given = parser.parse_args()
    unknown = {*given.names, *([given.one] if given.one else [])} - CAMPAIGNS.keys()
    if unknown:
        parser.error(f"no such campaign: {', '.join(sorted(unknown))}; there are {', '.join(CAMPAIGNS)}")
    if given.one:
        size = {what: int(count) for what, _, count in (text.partition("=") for text in given.size)}
        return _one(CAMPAIGNS[given.one], pick_seed() if given.seed is None else given.seed, size)
    book_file = _KEPT / "book.json"
    _KEPT.mkdir(exist_ok=True)
    if given.fresh or not book_file.exists():
        book = Book(seed=pick_seed() if given.seed is None else given.seed, version=_version())
    else:
        book = msgspec.json.decode(book_file.read_bytes(), type=Book)
    print(f"seed {book.seed}, version {book.version}; stop it whenever you like, it goes on where it was")
    chosen = [CAMPAIGNS[name] for name in given.names] or list(CAMPAIGNS.values())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Run(book, chosen, time.monotonic() + given.minutes * 60).go())
    print("\n" + draw_table(book, list(CAMPAIGNS.values())))
    if given.write:
        write_table(_PAGE, book, list(CAMPAIGNS.values()))
    return 1 if any(page.sum.wrong for page in book.pages.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
