"""An event loop whose time is a number: it jumps to the next thing due, and nothing else ever happens.

There are no sockets, threads or signals in it, so that the order of all things depends on the program
and its seed alone: what is due at one moment happens in the order in which it was asked for.
"""

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

__all__ = ["Deadlock", "VirtualLoop", "run"]

T = TypeVar("T")

# Sums of floats must not leave a timer a hair's breadth in the future.
_RESOLUTION_S: Final = 1e-6


class Deadlock(RuntimeError):
    """Everybody waits and nothing is due."""


class _Call:
    """Stands in for asyncio's Handle and TimerHandle, which cost more than what they call."""

    __slots__ = ("args", "at_s", "callback", "context", "dropped")

    def __init__(
        self, at_s: float, callback: Callable[..., Any], args: Any, context: contextvars.Context | None
    ) -> None:
        self.at_s = at_s
        self.callback = callback
        self.args = args
        self.context = contextvars.copy_context() if context is None else context
        self.dropped = False

    def cancel(self) -> None:
        self.dropped = True

    def cancelled(self) -> bool:
        return self.dropped

    def when(self) -> float:
        return self.at_s


class VirtualLoop(asyncio.BaseEventLoop):
    """`now_s` counts seconds from nought."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._ready: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._timed = 0

    def time(self) -> float:
        return self.now_s

    # Every future asks. A type is called without a frame of its own, and says False.
    get_debug = bool  # type: ignore[assignment]

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        call = _Call(0.0, callback, args, context)
        self._ready.append(call)
        return call

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        call = _Call(when, callback, args, context)
        self._timed += 1
        heapq.heappush(self._timers, (when, self._timed, call))
        return call

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]
        """At once: a thread would bring in an order of its own."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].dropped:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                raise Deadlock
            self.now_s = max(self.now_s, timers[0][0])
        until_s = self.now_s + _RESOLUTION_S
        while timers and timers[0][0] < until_s:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            call = ready.popleft()
            if call.dropped:
                continue
            try:
                call.context.run(call.callback, *call.args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self.call_exception_handler(
                    {"message": f"Exception in callback {call.callback!r}", "exception": error}
                )


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run to the end in a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.run_until_complete(_end_all())
        loop.close()


async def _end_all() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
