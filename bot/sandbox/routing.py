"""Provider paths: which handler answers a request, tolerant or strict about slashes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Delivery, Entry
from bot.sandbox.wire import Answer
from bot.sandbox.world import World


@dataclass(slots=True)
class Exchange:
    """One provider request on its way through: what came, and what is to happen around the answer."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    params: dict[str, str]
    body: bytes
    faults: FaultValues
    knobs: dict[str, Any]
    created: Entry | None = None  # its timeline starts once the answer is out
    before: list[Delivery] = field(default_factory=list)  # sent before the answer
    reference: str | None = None  # for the log of requests


Handler = Callable[[World, Exchange], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: method, path template (`{x}` matches one segment), fault group, handler."""

    method: str
    template: str
    group: str
    handle: Handler

    @property
    def provider(self) -> str:
        """ "momo", "startbutton" or "sms"."""
        return self.group.partition(".")[0]


class Routes:
    """All provider routes."""

    def __init__(self, routes: list[Route], *, strict: bool) -> None:
        self._strict = strict
        self._table = [(self._split(route.template), route) for route in routes]

    def find(self, method: str, raw_path: str) -> tuple[Route | None, dict[str, str], set[str]]:
        """The route and its path values, or None and the methods the path does take (none: 404)."""
        segments = self._split(raw_path)
        allowed: set[str] = set()
        for template, route in self._table:
            params = _match(template, segments)
            if params is None:
                continue
            if route.method == method:
                return route, params, set()
            allowed.add(route.method)
        return None, {}, allowed

    def _split(self, path: str) -> list[str]:
        """Segments still percent-encoded. Lenient: empty ones do not count, so slashes may be many or few."""
        segments = path.split("/")[1:]
        return segments if self._strict else [segment for segment in segments if segment]


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    params: dict[str, str] = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            if not given:
                return None
            params[wanted[1:-1]] = unquote(given, errors="replace")
        elif wanted != given:
            return None
    return params
