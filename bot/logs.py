"""Logs: one JSON line an event on stdout, with nothing secret in it.

Numbers are masked whatever the field, since a number may come in any text; tokens and codes are never
handed to a logger in the first place. Other libraries' loggers go the same way, and those that print
URLs with tokens in them are held at WARNING.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

__all__ = ["configure_logs", "mask_numbers"]

# Nine digits or more in a row are a phone number until shown otherwise. UUIDs have shorter runs of
# pure digits almost always; masking one now and then costs less than printing a number.
_NUMBER: Final = re.compile(r"(?<![\w.-])\+?\d{9,15}(?![\w-])", re.ASCII)
_QUIET: Final = ("httpx", "httpcore", "telegram", "aiohttp.access", "asyncio", "alembic", "sqlalchemy")


def mask_numbers(text: str) -> str:
    """`text` with the middle of everything that may be a phone number hidden."""
    return _NUMBER.sub(lambda found: f"{found[0][:4]}***{found[0][-3:]}", text)


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key not in ("timestamp", "reference"):
            event[key] = mask_numbers(value)
    return event


def configure_logs(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log of this process as masked JSON lines to `stream` (stdout)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ends: list[Any] = [
        structlog.processors.format_exc_info,
        _mask,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
