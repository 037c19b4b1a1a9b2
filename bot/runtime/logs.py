"""Logs: one JSON line an event on stdout, with nothing secret in it.

Numbers are masked whatever the field, since a number may come in any text; tokens and codes are never
handed to a logger in the first place. Other libraries' loggers go the same way, and those that print
URLs with tokens in them are held at WARNING.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

__all__ = ["configure_logs", "mask_numbers"]

# Nine digits or more in a row are a phone number until shown otherwise, behind a letter's `%2B` too.
# The last group of a UUID has twelve characters behind four and a dash; where all are digits it stays.
_NUMBER: Final = re.compile(
    r"(?:(?<=%2[Bb])|(?<![0-9A-Za-z.+])(?<![0-9A-Fa-f]{4}-))\+?\d{9,15}(?![0-9A-Za-z])", re.ASCII
)
_AS_THEY_ARE: Final = frozenset({"timestamp", "reference"})
_QUIET: Final = ("httpx", "httpcore", "telegram", "aiohttp.access", "asyncio", "alembic", "sqlalchemy")


def mask_numbers(text: str) -> str:
    """`text` with the middle of everything that may be a phone number hidden."""
    return _NUMBER.sub(lambda found: f"{found[0][:4]}***{found[0][-3:]}", text)


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value if key in _AS_THEY_ARE else _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    """`value` as it will be printed, however deep a number hides in it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask_numbers(value)
    if isinstance(value, Mapping):
        return {mask_numbers(str(key)): _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    return mask_numbers(repr(value))


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
