"""The loop of every background worker: do what is due, wait until more is, go on after an error."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NoReturn

import structlog

__all__ = ["NotAvailable", "is_due", "keep_going"]

_log = structlog.get_logger("rounds")

_PAUSE_S: Final = 1.0


class NotAvailable(Exception):
    """What every round needs cannot be had now and is expected back, so a traceback would tell nothing."""


def is_due(due_ms: int | None, now_ms: int) -> bool:
    """Whether there is something to claim: mostly there is not, and a look is no commit."""
    return due_ms is not None and due_ms <= now_ms


async def keep_going(what: str, woken: asyncio.Event, once: Callable[[], Awaitable[float]]) -> NoReturn:
    """Run `once` until cancelled: again when `woken` is set, or after the seconds it returned.

    Whatever goes wrong in a round, the next one comes: money and messages must not stand still
    because of one row.
    """
    while True:
        woken.clear()
        try:
            pause_s = await once()
        except NotAvailable as error:
            _log.error("not available", what=what, error=str(error))
            pause_s = _PAUSE_S
        except Exception:
            _log.exception("round failed", what=what)
            pause_s = _PAUSE_S
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await woken.wait()
