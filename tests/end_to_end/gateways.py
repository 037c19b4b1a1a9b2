"""A phone behind any of the gateways, over plain HTTP: the gateway's simulator says what is sent."""

from dataclasses import dataclass

import aiohttp

from bot.sandbox.gateways import Sent, Shown
from tests.gateways import CODE, simulate

__all__ = ["CODE", "Phone", "Reply"]


@dataclass(frozen=True)
class Reply:
    """`screen` and `open` as the gateway understands the bytes in `raw`."""

    raw: bytes
    screen: str
    open: bool


class Phone:
    """One session. `url` is where the gateway brings its requests to."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, msisdn: str, gateway: str = "africastalking"
    ) -> None:
        self.http = http
        self.url = url
        self.msisdn = msisdn
        self.line = simulate(gateway, msisdn)

    def next(self, typed: str | None, dialled: str = CODE) -> Sent:
        """The request for what was typed; None dials."""
        return self.line.dial(dialled) if typed is None else self.line.answer(typed)

    async def say(self, typed: str | None, dialled: str = CODE) -> Reply:
        return await self.deliver(self.next(typed, dialled))

    async def deliver(self, sent: Sent) -> Reply:
        """The screen. Raises Upset where the gateway would show its own error to the person."""
        status, raw = await self.send(sent)
        shown: Shown = self.line.read(status, raw)
        return Reply(raw, shown.text, shown.is_open)

    async def leave(self, why: str = "left") -> None:
        """The session ends, and the gateway says so, if it tells anybody."""
        sent = self.line.end(why)
        if sent is not None:
            status, _ = await self.send(sent)
            assert status == 200

    async def send(self, sent: Sent) -> tuple[int, bytes]:
        headers = {"Content-Type": sent.content_type}
        async with self.http.request(
            sent.method, self.url + sent.target, data=sent.body, headers=headers
        ) as answer:
            return answer.status, await answer.read()
