"""Whatever may be sent to any entrance: answered or hung up on, soon, and business as usual afterwards.

A batch goes in steps; the memory of the process is read after each, and the first one is for warming up.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp

from bot.admin.socket import socket_path
from bot.runtime.keys import Sealer
from bot.web.cookies import issue_cookie
from tests.end_to_end.gateways import Phone
from tests.end_to_end.processes import SECRET_KEY
from tests.fake_telegram import FakeTelegram
from tests.torture.board import PATIENCE_S, Board
from tests.torture.campaign import Batch, Campaign
from tests.torture.entrances import COOKIE_KEY, ENTRANCES, WEBHOOK_SECRET, Callers
from tests.torture.hostile import bend, bend_head, break_frame, draw_bytes, stall
from tests.torture.place import Place
from tests.torture.wire import Answer, Lanes, Shot

__all__ = ["MALFORMED"]

_STEPS: Final = 5
_LANES: Final = 4
_LONGEST_S: Final = 5.0
# A body is given five seconds; what does not come in them is refused a moment later.
_STALLED_S: Final = 8.0
_GROWTH_MIB: Final = 10.0
# The share that is as an honest caller sends it, and the share that is hardly HTTP.
_HONEST: Final = 0.06
_BROKEN: Final = 0.04
_PAYER: Final = "233247700001"


class Fire:
    """One batch."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.draw = random.Random(seed)
        self.batch = Batch()
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.callers = Callers(self.draw, Sealer(SECRET_KEY).hash("sms", "reports"))

    def took(self, shot: Shot, answer: Answer) -> None:
        self.batch.did("requests")
        self.batch.measured("answer_s", answer.took_s)
        self.statuses[shot.tag, answer.status] += 1
        if answer.status >= 500 or answer.status < 0 or b"Traceback" in answer.body:
            said = f"{answer.status} {answer.body[:100]!r}" if answer.status > 0 else "nothing"
            self.wrong(f"{shot.tag} was answered {said}: {shot.data[:300]!r}")

    def wrong(self, sentence: str) -> None:
        if len(self.batch.wrong) < 20:
            self.batch.wrong.append(sentence)

    def shots(self, count: int) -> Iterator[Shot]:
        """`count` for each entrance, in turns."""
        for _ in range(count):
            for name, draft in ENTRANCES.items():
                made = draft(self.callers)
                made = made if self.draw.random() < _HONEST else bend(made, self.draw)
                # With its head bent right that is a stream that never ends; see `left_stream`.
                if made.path != "/chat/events":
                    yield made.shot(name)

    def broken(self, count: int) -> Iterator[Shot]:
        for _ in range(count):
            for draft in ENTRANCES.values():
                made = draft(self.callers)
                if self.draw.random() < 0.5:
                    yield break_frame(made, self.draw)
                else:
                    yield bend_head(made, self.draw).shot("head")

    async def step(self, count: int) -> None:
        """So many requests at each entrance."""
        broken = max(1, round(count * _BROKEN))
        whole = Lanes(self.place.port, self.took, patience_s=_LONGEST_S)
        alone = Lanes(self.place.port, self.took, patience_s=_LONGEST_S, alone=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(whole.run(self.shots(count - broken), _LANES))
            group.create_task(alone.run(self.broken(broken), _LANES))
            group.create_task(self.commands(broken))

    async def stalled(self, pieces: list[bytes]) -> None:
        """A request that never becomes whole: refused, or the connection closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.place.port)
        started = time.monotonic()

        async def dribble() -> None:
            with suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.3)

        dribbling = asyncio.create_task(dribble())
        try:
            async with asyncio.timeout(_STALLED_S):
                with suppress(ConnectionError):
                    await reader.read(1)
        except TimeoutError:
            self.wrong(f"a stalled request was neither answered nor closed: {b''.join(pieces)[:100]!r}")
        finally:
            self.batch.measured("stalled_s", time.monotonic() - started)
            self.batch.saw("stalled")
            dribbling.cancel()
            writer.transport.abort()

    async def left_stream(self, number: int) -> None:
        """A chat's stream whose browser goes as soon as it is open."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.place.port)
        cookie = "Cookie: kasapay_chat=" + issue_cookie(COOKIE_KEY, f"{number:032x}")
        writer.write(f"GET /chat/events HTTP/1.1\r\nHost: a\r\n{cookie}\r\n\r\n".encode())
        async with asyncio.timeout(_LONGEST_S):
            head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head:
            self.wrong(f"a stream was answered {head[:60]!r}")
        writer.transport.abort()
        self.batch.saw("streams left")

    async def commands(self, count: int) -> None:
        """The owner's socket, where nothing that is no command may do anything."""
        path = str(socket_path(self.place.database))
        for _ in range(count):
            reader, writer = await asyncio.open_unix_connection(path)
            with suppress(ConnectionError):
                writer.write(draw_bytes(b'{"command": "none", "values": {}}', self.draw) + b"\n")
                writer.write_eof()
                async with asyncio.timeout(_LONGEST_S):
                    said = await reader.read()
                if said and b'"problem"' not in said:
                    self.wrong(f"the owner's socket said {said[:100]!r}")
            writer.transport.abort()
            self.batch.did("requests")

    async def pays(self, board: Board) -> None:
        """A payment like any other, to its result."""
        phone = Phone(board.http, self.place.ussd_url, "+" + _PAYER)
        for typed in (None, "1", "1001", "5", "1"):
            reply = await phone.say(typed)
        assert "when asked: GHS 5.00 to " in reply.screen, reply.screen
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(board.keep_reading())
            await board.decide(_PAYER, approves=True)
            (result,) = await board.seen("the result", "results", _PAYER)
            reading.cancel()
        if not result["text"].startswith("Paid: GHS 5.00"):
            self.wrong(f"the payment afterwards: {result['text']}")

    async def run(self, size: Mapping[str, int], board: Board) -> None:
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(size["stalled"]):
                draft = self.draw.choice(list(ENTRANCES.values()))(self.callers)
                group.create_task(self.stalled(stall(draft, self.draw)))
                group.create_task(self.left_stream(self.draw.getrandbits(100)))
            memory = []
            for _ in range(_STEPS):
                await self.step(size["each"] // _STEPS)
                memory.append(self.place.memory_mib)
            self.batch.saw("seconds of sending", round(time.monotonic() - begun))
        await self.pays(board)
        growth = max(memory[1:]) - memory[0]
        self.batch.measured("memory_mib", memory[-1])
        self.batch.measured("growth_mib", growth)
        if growth > _GROWTH_MIB:
            self.wrong(f"memory grew: {', '.join(f'{mib:.1f}' for mib in memory)} MiB")
        if not self.place.process.running:
            self.wrong("the process ended")
        for status in (200, 400, 0):
            met = sum(times for (_, said), times in self.statuses.items() if said == status)
            self.batch.saw(f"answered {status}" if status else "closed without an answer", met)


async def run(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    line = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
    async with FakeTelegram() as fake, Place(folder) as place, line as http:
        await place.start_judge(handsets=[{"msisdn": _PAYER, "balance": {"GHS": "1000"}}])
        await place.start(
            TELEGRAM_TOKEN=fake.token,
            TELEGRAM_API_URL=fake.url,
            TELEGRAM_MODE="webhook",
            TELEGRAM_WEBHOOK_SECRET=WEBHOOK_SECRET,
            TRUSTED_PROXIES="127.0.0.1",
        )
        await fake.called("setWebhook")
        fire = Fire(place, seed)
        await fire.run(size, Board(http, place.sandbox_url))
        if await place.process.stop() != 0:
            fire.wrong("the process did not end well")
        for line_of_log in place.wrong_in_log((fake.token, WEBHOOK_SECRET)):
            fire.wrong(line_of_log)
        return fire.batch


MALFORMED: Final = Campaign(
    name="malformed",
    title="malformed input at every entrance",
    holds="5xx 0, hangs 0, memory growth under 10 MiB, nothing secret and no traceback logged",
    small={"each": 1_000, "stalled": 10},
    batch={"each": 20_000, "stalled": 30},
    goal={"requests": 10_000_000},
    run=run,
)
