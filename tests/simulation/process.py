"""One Kasapay process: built by `wiring` as in production, on a disk and a wire that may end it at any step.

Whatever runs in it was started in its own context, so that its death ends exactly that. Nothing of a
dead process reaches the disk or the wire any more; what had left goes on.
"""

import asyncio
import contextvars
import functools
import random
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest.mock import patch

from bot.app import build as wiring
from bot.app.build import Kasapay
from bot.channels.catalogue import Catalogue
from bot.money import ORDER_CODE_BYTES, code_from_bytes
from bot.providers import Sender
from bot.runtime.clock import Ids
from bot.runtime.timeouts import TIMES
from bot.settings.settings import Settings
from bot.store import sqlite_store
from bot.store.sqlite import driver as sqlite
from tests.simulation.disk import Disk, Medium, never
from tests.simulation.network import Network
from tests.simulation.trouble import Story, Trouble

__all__ = ["DrawnIds", "Process", "Steps", "in_simulation", "task_factory"]

T = TypeVar("T")

_HERE: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar("process", default=None)
_read_catalogue = Catalogue.load


@functools.cache
def _catalogue() -> Catalogue:
    return _read_catalogue()


class DrawnIds(Ids):
    """Ids that belong to the seed. `drawn_s` says when each order's code was drawn: when it began."""

    def __init__(self, chance: random.Random, now_s: Callable[[], float]) -> None:
        self._chance = chance
        self._now_s = now_s
        self.drawn_s: dict[str, float] = {}

    def uuid(self) -> str:
        drawn = f"{self._chance.getrandbits(128):032x}"
        return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-{drawn[20:]}"

    def random_bytes(self, length: int) -> bytes:
        found = self._chance.randbytes(length)
        if length == ORDER_CODE_BYTES:
            self.drawn_s[code_from_bytes(found)] = self._now_s()
        return found

    def digits(self, length: int) -> str:
        return "".join(self._chance.choices("0123456789", k=length))


class Steps:
    """Counts the steps of all processes of a run at which one may die, and says where it does.

    A step is named before it happens and again after: "write 7 before", "send 3 after". `changed`
    holds the writes that left something behind; dying at another is dying between two steps.
    """

    def __init__(self, die_at: str = "") -> None:
        self.die_at = die_at
        self.counted: list[str] = []
        self._counts = {"write": 0, "send": 0}

    def begin(self, kind: str) -> bool:
        """Whether the process dies before this step."""
        self._counts[kind] += 1
        return self._here(f"{kind} {self._counts[kind]} before")

    def end(self, kind: str) -> bool:
        """Whether it dies after it."""
        number = self._counts[kind]
        self.counted.append(f"{kind} {number}")
        return self._here(f"{kind} {number} after")

    def _here(self, name: str) -> bool:
        return name == self.die_at


class Process:
    """`start` brings it up on the file; `died` is done when it is gone."""

    def __init__(
        self,
        path: Path,
        medium: Medium,
        settings: Settings,
        network: Network,
        trouble: Trouble,
        chance: random.Random,
        story: Story,
        now_ms: Callable[[], int],
        ids: Ids,
        steps: Steps,
        calm_after_s: float,
        troubled_s: list[float],
    ) -> None:
        self._path = path
        self._settings = settings
        self._network = network
        self._trouble = trouble
        self._chance = chance
        self._story = story
        self._now_ms = now_ms
        self._ids = ids
        self._steps = steps
        self._calm_after_s = calm_after_s
        self._troubled_s = troubled_s
        self._disk = Disk(medium, self)
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[Any]] = []
        self._many = 64
        self.died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.dead = False
        self.refused = False
        self.kasapay: Kasapay

    # ---- life

    async def start(self, *, works: bool = True) -> None:
        """Come up, and work; or be refused for orders that belong elsewhere; or die of a disk that fails."""
        transport = self._network.transport(self)
        sender = Sender(transport=transport, clock=asyncio.get_running_loop().time)
        store = sqlite_store(self._path, clock=self._now_ms)
        with (
            patch.object(Catalogue, "load", _catalogue),
            patch.object(wiring, "open_transport", lambda: transport),
            patch.object(wiring, "Sender", lambda: sender),
        ):
            self.kasapay = Kasapay(
                self._settings, store, clock=self._now_ms, ids=self._ids, timeouts=TIMES, tryit=None
            )
        opening = self.spawn(store.open())
        await asyncio.wait([opening, self.died], return_when=asyncio.FIRST_COMPLETED)
        if opening.done() and not opening.cancelled() and opening.exception() is not None:
            self.die("at the start, by a disk that fails")
        if self.dead:
            return
        checking = self.spawn(self.kasapay.check_open_orders())
        await asyncio.wait([checking, self.died], return_when=asyncio.FIRST_COMPLETED)
        if checking.done() and not checking.cancelled():
            failed = checking.exception()
            self.refused = isinstance(failed, wiring.CannotStart)
            if failed is not None and not self.refused:
                self.die("at the start, by a disk that fails")
        if self.dead or not works:
            return
        for work in wiring._background(self.kasapay):
            self.spawn(work)

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run inside the process."""
        context = contextvars.copy_context()
        context.run(_HERE.set, self)
        task = asyncio.get_running_loop().create_task(work, context=context)
        task.add_done_callback(_heed)
        return task

    def die(self, where: str) -> None:
        """`kill -9`."""
        if self.dead:
            return
        self.dead = True
        self._story.tell(asyncio.get_running_loop().time(), f"killed {where}")
        self._disk.lose()
        self.died.set_result(None)

    async def bury(self) -> None:
        """End what is left of a dead process. Nothing it still tries has any effect."""
        while alive := [task for task in self._tasks if not task.done()]:
            for task in alive:
                task.cancel()
            await asyncio.wait(alive)
        # The lock lay in the process, and went with it.
        self.kasapay.store.driver._ownership.give_back()  # type: ignore[attr-defined]

    def own(self, task: "asyncio.Task[Any]") -> None:
        """Know a task that runs in the process."""
        self._tasks.append(task)
        if len(self._tasks) > self._many:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._many = 2 * len(self._tasks) + 64

    # ---- its steps

    async def before_write(self) -> None:
        await self._pass(self._slowness())
        if self._steps.begin("write") or self._struck(self._trouble.killed):
            await self._end("before a write")
        if self._struck(self._trouble.flush_fails / 2):
            self._fail("before")

    async def after_write(self) -> None:
        if self._steps.end("write") or self._struck(self._trouble.killed):
            await self._end("after a write")
        if self._struck(self._trouble.flush_fails / 2):
            # Written all the same, and nobody can know.
            self._fail("after")
        await self._pass(self._chance.uniform(0.0001, 0.002) if self._chance.random() < 0.2 else 0)

    async def before_read(self) -> None:
        # Mostly at once: what matters is that others sometimes come between.
        await self._pass(self._chance.uniform(0.0001, 0.001) if self._chance.random() < 0.2 else 0)

    async def before_send(self) -> None:
        await self._pass(0)
        if self._steps.begin("send") or self._struck(self._trouble.killed):
            await self._end("before a send")

    async def after_send(self) -> None:
        await self._pass(0)
        if self._steps.end("send") or self._struck(self._trouble.killed):
            await self._end("after a send")

    async def _pass(self, seconds: float) -> None:
        if self.dead:
            await never()
        if seconds:
            await asyncio.sleep(seconds)
        if self.dead:
            await never()

    async def _end(self, where: str) -> None:
        self.die(where)
        await never()

    def _fail(self, when: str) -> None:
        now_s = asyncio.get_running_loop().time()
        self._troubled_s.append(now_s)
        self._story.tell(now_s, f"flush fails {when} a write")
        raise sqlite3.OperationalError("disk I/O error")

    def _slowness(self) -> float:
        if self._struck(self._trouble.stalls):
            return self._chance.uniform(1, 20)
        return self._chance.uniform(0.0001, 0.003)

    def _struck(self, likely: float) -> bool:
        if not likely or self._loop.time() >= self._calm_after_s:
            return False
        return self._chance.random() < likely


@contextmanager
def in_simulation() -> Iterator[None]:
    """Whatever opens a database in here does so on the disk of the process it runs in."""

    def disk() -> Disk:
        process = _HERE.get()
        assert process is not None
        return process._disk

    async def open_writer(path: Path) -> Any:
        return disk().open_writer()

    async def open_reader(path: Path) -> Any:
        return disk().open_reader()

    with (
        patch.object(sqlite, "open_writer", open_writer),
        patch.object(sqlite, "open_reader", open_reader),
    ):
        yield


def _heed(task: "asyncio.Task[Any]") -> None:
    """Whoever waited for it may have gone; what went wrong is not to be printed for that."""
    if not task.cancelled():
        task.exception()


def task_factory(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Any = None
) -> "asyncio.Task[Any]":
    """Tasks know the process they run in, and it knows them."""
    task = asyncio.Task(work, loop=loop, context=context)
    process = _HERE.get() if context is None else context.get(_HERE)
    if process is not None:
        process.own(task)
    return task
