"""Gateways that use ids again, repeat themselves and tell of ends too early or too late, and a slow person.

Whatever comes in which order: an END shows no question, a payment begins only by an answer to its confirm
seen less than ten minutes ago in the very session, and a repeat at once has the same bytes.
"""

import random
import re

import pytest

from bot.channels.ussd import GATEWAYS, WireRequest
from tests.conversations.people import Phone
from tests.conversations.stage import EFUA, Stage

# A line that offers a key.
KEY = re.compile(r"^(?:\d{1,2}) [A-Z]", re.MULTILINE)
ANSWERS = ("1", "1", "1", "1001", "5", "0", "98", "")
DIALS = ((), ("1001",), ("1001", "5"), ("1001", "5"), ("1", "1001", "5"), ("1001", "5", "1", "1"))
PAUSES_MS = (500, 2_500, 300_000, 660_000, 660_000)


class Line:
    """One phone whose gateway has two ids to give. Remembers what its person has really seen."""

    def __init__(self, stage: Stage, gateway: str) -> None:
        self.stage = stage
        self.phone = Phone(stage, EFUA, gateway)
        self.sent: list[WireRequest] = []
        self.late: list[WireRequest] = []  # answers that may come once more; a dial said late is another one
        self.confirm_seen_ms: int | None = None
        self.delivered = 0
        # Elsewhere only the moment tells a repeat: what comes late is another answer.
        self.repeats_late = GATEWAYS[gateway].manners.names_repeats

    async def deliver(self, request: WireRequest, *, again: bool = False) -> None:
        """`again`: it was delivered before, and its person sees nothing of the answer."""
        before, seen_ms = len(await self.stage.orders()), self.confirm_seen_ms
        screen = await self.phone.send(request)
        self.delivered += 1
        if not screen.is_open:
            assert not KEY.search(screen.text), f"a question in an END: {screen.text!r}"
        if len(await self.stage.orders()) > before:
            assert not again, "a repeat began a payment"
            assert seen_ms is not None, "a payment began without its confirm"
            assert self.stage.clock.ms - seen_ms <= 600_000, "a payment began by an answer that came too late"
        if not again:
            self.sent.append(request)
            confirms = screen.is_open and "Yes, pay" in screen.text
            self.confirm_seen_ms = self.stage.clock.ms if confirms else None

    async def step(self, draw: random.Random) -> None:
        phone, what = self.phone, draw.choice(("dial", *["answer"] * 3, "late", "leave", "wait"))
        if what == "dial" or not self.sent:
            self.sent.clear()
            self.late.clear()
            self.confirm_seen_ms = None
            await self.deliver(phone.dial_request(*draw.choice(DIALS), session=draw.choice("78")))
        elif what == "answer":
            await self.deliver(phone.answer_request(draw.choice(ANSWERS)))
            self.late.append(self.sent[-1])
            if draw.random() < 0.3:
                first = phone.screen.raw
                await self.deliver(self.sent[-1], again=True)
                assert phone.screen.raw == first, "a repeat at once had other bytes"
        elif what == "late" and self.late and self.repeats_late:
            await self.deliver(draw.choice(self.late), again=True)
        elif what == "leave":
            await draw.choice((phone.drop, phone.time_out))()
        else:
            self.stage.clock.ms += (pause_ms := draw.choice(PAUSES_MS))
            if pause_ms > 600_000:
                self.late.clear()  # no gateway repeats what is so old


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_no_order_of_requests_takes_money_or_asks_in_an_end(
    stage: Stage, gateway: str, seed: int
) -> None:
    draw, line = random.Random(seed), Line(stage, gateway)
    for _ in range(120):
        await line.step(draw)
    assert line.delivered > 50
