"""The wire between our process and the outside: late, broken, or silent, as the seed says.

A request that has left goes on whatever becomes of the process that sent it.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final, Protocol

import httpx

from tests.simulation.providers import Answer, Providers
from tests.simulation.trouble import Story, Trouble

__all__ = ["Network", "Wire"]

_NEVER_S: Final = 1e6
_LOST: Final = Answer(0)


class Wire(Protocol):
    """The process whose wire it is."""

    async def before_send(self) -> None: ...

    async def after_send(self) -> None: ...


class Network:
    """What lies between. `calm_after_s`: from then on everything works, so that all can be finished."""

    def __init__(
        self,
        providers: Providers,
        trouble: Trouble,
        chance: random.Random,
        story: Story,
        now_s: Callable[[], float],
        calm_after_s: float,
    ) -> None:
        self._providers = providers
        self._trouble = trouble
        self._chance = chance
        self._story = story
        self._now_s = now_s
        self._calm_after_s = calm_after_s
        # Every request that left, or tried to: when, whereto.
        self.left: list[tuple[float, str, str]] = []
        # What a test wants of particular requests: takes (method, host, path), gives a fate or "".
        self.script: Callable[[str, str, str], str] = lambda method, host, path: ""

    def transport(self, wire: Wire) -> httpx.AsyncBaseTransport:
        return _Transport(self, wire)

    async def carry(self, request: httpx.Request, wire: Wire) -> httpx.Response:
        method, host, path = request.method, request.url.host, request.url.path
        if request.url.query:
            path += "?" + request.url.query.decode()
        content = await request.aread()
        headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
        fate = self.script(method, host, path) or self._draw(method, host)
        await wire.before_send()
        self.left.append((self._now_s(), host, path))
        chance = self._chance
        out_s, back_s = chance.uniform(0.005, 0.1), chance.uniform(0.005, 0.1)
        loop = asyncio.get_running_loop()
        if fate == "refused":
            await asyncio.sleep(out_s)
            raise httpx.ConnectError("refused")
        if fate == "slow":
            back_s = chance.uniform(2, 45)
        elif fate == "crawl":
            back_s = 30.0
        reply: asyncio.Future[Answer] = loop.create_future()

        def give(answer: Answer) -> None:
            if not reply.done():
                reply.set_result(answer)

        def arrive() -> None:
            answer = self._providers.handle(method, host, path, headers, content, fate)
            if method == "GET" and answer.status in (200, 404):
                self._note_question(path)
            if fate == "lost_reply":
                answer = _LOST
            elif fate == "silent_reply":
                return
            loop.call_later(back_s, give, answer)

        if fate == "lost_request":
            loop.call_later(out_s + back_s, give, _LOST)
        elif fate != "silent_request":
            loop.call_later(out_s, arrive)
        answer = await reply
        await wire.after_send()
        if answer is _LOST:
            raise httpx.ReadError("broken")
        self._providers.heard.add(host.partition("-")[0].partition(".")[0])
        return httpx.Response(answer.status, content=answer.body, request=request)

    def away(self) -> bool:
        trouble, now_s = self._trouble, self._now_s()
        return trouble.outage_from_s <= now_s < trouble.outage_from_s + trouble.outage_s

    def _note_question(self, path: str) -> None:
        entry = self._providers.entries.get(path.rpartition("/")[2].removeprefix("SB-"))
        if entry is not None:
            entry.asked.append((self._now_s(), path))
            self._story.tell(self._now_s(), f"asked about {entry.reference}: {entry.status}")

    def _draw(self, method: str, host: str) -> str:
        trouble, chance = self._trouble, self._chance
        if self._now_s() >= self._calm_after_s:
            return ""
        if self.away() and host.startswith(trouble.outage_of) and not host.startswith("sms"):
            return chance.choice(("refused", "refused", "silent_request"))
        for name in ("refused", "lost_request", "lost_reply", "slow", "busy"):
            likely: float = getattr(trouble, name)
            if likely and chance.random() < likely:
                if name.startswith("lost") and chance.random() < 0.3:
                    return name.replace("lost", "silent")
                return name
        if trouble.failing and chance.random() < trouble.failing:
            return chance.choice(("failing_before", "failing_after"))
        if method == "POST" and trouble.unclear and chance.random() < trouble.unclear:
            return chance.choice(("unclear_before", "unclear_after"))
        if method == "GET":
            for name in ("forbidden", "odd_word", "lies"):
                likely = getattr(trouble, name)
                if likely and chance.random() < likely:
                    return name
            if trouble.unknown_yet and chance.random() < trouble.unknown_yet and self._now_s() % 60 < 20:
                return "unknown_yet"
        if trouble.expires and chance.random() < trouble.expires:
            return "expires"
        return ""


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, network: Network, wire: Wire) -> None:
        self._network = network
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._network.carry(request, self._wire)
