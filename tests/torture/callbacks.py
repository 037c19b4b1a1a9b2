"""Callbacks in every order, often, at once, forged: each payment has one result, and it is the judge's.

Each payer dials once more in the end, and the gateway gives the session the id of the one before.

The sandbox calls back nobody here: its callbacks are played by us, copied from its record, at the moment
and as often as wanted, between lies, forgeries and guesses. Waits between two askings may be shorter
than the program's own (`spacing_ms`); the rule is the same.
"""

import asyncio
import itertools
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from bot.money import FINAL, OrderState
from bot.runtime.clock import wall_clock_ms
from bot.store import SqlStore, sqlite_store
from tests.end_to_end.gateways import Phone
from tests.gateways import dialled
from tests.torture.board import PATIENCE_S, Board, moment
from tests.torture.campaign import Batch, Campaign
from tests.torture.forged import ANSWERS, Told, draw_forged, draw_guess, draw_lie, true_callback
from tests.torture.place import Place
from tests.torture.wire import Answer, Lanes, Shot

__all__ = ["CALLBACKS"]

# When callbacks come. Before the wallet's word: before our request is answered, without it ever being
# answered, after it was, after we asked and heard "pending". After it: before we asked, after we heard,
# after the person did.
BEFORE: Final = ("early", "lost", "accepted", "polled")
AFTER: Final = ("approved", "asked", "told")
COPIES: Final = (1, 2, 3, 4, 5)
AT_ONCE: Final = (1, 2, 3, 4, 5, 6, 7, 8)
# Clocks are read before and after the way between two processes.
# A question on its way may be overtaken: what the provider sees may be so much closer together.
_ON_ITS_WAY_S: Final = 0.5
# The slowest answer is to be the server's, not that of a crowd of our own making at its door.
_BURSTS_AT_ONCE: Final = 8
_DIALS_AT_ONCE: Final = 24
_LANES: Final = 4
_REF: Final = re.compile(r"Ref \d{9}")
_NO_REF: Final = "a payment without a reference"
_BUSY: Final = "We cannot answer now"
_DEPTH: Final = 8


class Burst(msgspec.Struct, frozen=True):
    """`copies` of a callback on each of `at_once` connections, at a moment of a payment's life."""

    phase: str
    copies: int
    at_once: int

    def __str__(self) -> str:
        return f"{self.phase} {self.copies} x {self.at_once}"


class Payment(msgspec.Struct):
    """What happens to one payment. `told` is known once the provider has it, `final` once the person has.

    To one in the `storm` callbacks come all the time.
    """

    number: int
    before: Burst
    after: Burst
    merchant: str
    approves: bool
    storm: bool
    told: Told | None = None
    final: bool = False

    def __str__(self) -> str:
        return f"payment {self.number} ({self.before}, {self.after}{', storm' if self.storm else ''})"

    @property
    def digits(self) -> str:
        return f"2332477{self.number:05d}"

    @property
    def amount(self) -> str:
        return f"{1 + self.number % 300}.{self.number % 100:02d}"

    @property
    def word(self) -> str:
        return "SUCCESSFUL" if self.approves else "FAILED"


def plan(count: int, draw: random.Random) -> list[Payment]:
    """Every moment with every number of copies and of connections, as far as `count` reaches."""

    def bursts(phases: tuple[str, ...]) -> Iterator[Burst]:
        while True:
            every = [Burst(*values) for values in itertools.product(phases, COPIES, AT_ONCE)]
            draw.shuffle(every)
            yield from every

    before, after = bursts(BEFORE), bursts(AFTER)
    return [
        Payment(
            number,
            next(before),
            next(after),
            merchant=draw.choice(("1001", "1001", "1002")),
            approves=draw.random() < 0.7,
            storm=draw.random() < 0.15,
        )
        for number in range(count)
    ]


class Storm:
    """One batch."""

    def __init__(self, place: Place, board: Board, seed: int, size: Mapping[str, int]) -> None:
        self.place = place
        self.board = board
        self.size = size
        self.draw = random.Random(seed)
        self.batch = Batch()
        self.heads: set[tuple[bytes, bytes]] = set()
        self.known: list[Payment] = []
        self.bursts = asyncio.Semaphore(_BURSTS_AT_ONCE)
        self.dials = asyncio.Semaphore(_DIALS_AT_ONCE)
        self.lanes = Lanes(place.port, self.took, depth=_DEPTH, patience_s=PATIENCE_S / 2)

    def took(self, shot: Shot, answer: Answer) -> None:
        """Count a delivery, and say what is wrong about its answer."""
        self.batch.did("deliveries")
        self.batch.measured("answer_s", answer.took_s)
        if answer.status != ANSWERS[shot.tag] or answer.took_s * 1000 > self.size["slowest_ms"]:
            self.wrong(f"a delivery ({shot.tag}) was answered {answer.status} after {answer.took_s:.2f} s")
        if shot.tag in ("known", "unknown"):
            self.heads.add((answer.head, answer.body))

    def wrong(self, sentence: str) -> None:
        if len(self.batch.wrong) < 20:
            self.batch.wrong.append(sentence)

    # What one payment goes through --------------------------------------------------------------------

    async def play(self, payment: Payment) -> None:
        phone = Phone(self.board.http, self.place.ussd_url, "+" + payment.digits)
        async with self.dials:
            shown = await phone.say(None, dialled(payment.merchant, str(payment.amount)))
        assert shown.screen.startswith("Pay GHS"), shown.screen
        # Where the provider is asked inside the turn, the screen comes after its reply.
        paying = asyncio.create_task(phone.say("1"))
        try:
            await self.follow(payment)
        finally:
            ended = await paying
        payment.final = True
        await self.dial_again(payment, phone, ended.screen)

    async def dial_again(self, payment: Payment, phone: Phone, ended: str) -> None:
        """The gateway uses the id once more, and says late that the session before had ended: the person
        sees the menu and their own payment, and nothing of the session before."""
        late = phone.line.end("success")
        assert late is not None
        async with self.dials:
            screens = [await phone.say(None)]
            await phone.send(late)
            screens.append(await phone.say("2"))  # my payments: there is but one
        self.batch.did("ids used again")
        if any(_BUSY in reply.screen for reply in screens):
            return
        code = _REF.search(ended)
        expected = ("Type a merchant code, or choose:", code[0] if code else _NO_REF)
        for reply, words in zip(screens, expected, strict=True):
            if words not in reply.screen:
                self.wrong(f"{payment}: dialled again with its old id and saw {reply.screen!r}")

    async def follow(self, payment: Payment) -> None:
        board, before, after = self.board, payment.before, payment.after
        told = payment.told = Told.of(await board.seen("the entry", "entries", payment.digits))
        self.known.append(payment)
        if before.phase == "polled":
            await board.asked(told.reference)
        await self.burst(before, [draw_lie(told, self.draw) for _ in range(before.copies)], told)
        await board.decide(payment.digits, approves=payment.approves)
        copies = [true_callback(told, payment.word, self.draw)] * after.copies
        if after.phase == "asked":
            await board.asked(told.reference, since_final=True)
        if after.phase != "told":
            await self.burst(after, copies, told)
        await board.seen("the result", "results", payment.digits)
        if after.phase == "told":
            await self.burst(after, copies, told)

    async def burst(self, burst: Burst, copies: list[Shot], told: Told) -> None:
        """The callbacks, one after the other on so many connections at once, beside a forgery and a guess."""
        false = [draw_forged(told, self.draw), draw_guess(told, self.draw)]
        async with self.bursts:
            await asyncio.gather(self.lanes.burst(copies, burst.at_once), self.lanes.burst(false, 1))

    def flood(self) -> Iterator[Shot]:
        """What comes besides: guesses and forgeries about any order, lies and replays for final ones."""
        while self.lanes.sent < self.size["deliveries"] and self.known:
            payment = self.draw.choice(self.known)
            told, kind = payment.told, self.draw.random()
            assert told is not None
            if kind < 0.4 or not (payment.final or payment.storm):
                yield (
                    draw_guess(told, self.draw) if self.draw.random() < 0.5 else draw_forged(told, self.draw)
                )
            elif kind < 0.7:
                yield draw_lie(told, self.draw)
            else:
                yield true_callback(told, payment.word, self.draw)

    # The batch ----------------------------------------------------------------------------------------

    async def run(self, payments: list[Payment]) -> None:
        # A switch of the sandbox holds for every creation while it is on: one moment after the other.
        waves: dict[str, dict[str, int]] = {"early": {"latency_ms": 1_200}, "lost": {"drop_reply": 1}, "": {}}
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self.board.keep_reading())
            playing: list[asyncio.Task[None]] = []
            for phase, faults in waves.items():
                rules = [{"group": f"{side}.create", "set": faults} for side in ("momo", "startbutton")]
                await self.board.send("PUT", "/faults", {"rules": rules if faults else []})
                wave = [p for p in payments if phase == (p.before.phase if p.before.phase in waves else "")]
                playing += [group.create_task(self.play(payment)) for payment in wave]
                for payment in wave:
                    await self.board.seen("the entry", "entries", payment.digits)
            flooding = group.create_task(self.lanes.run(self.flood(), _LANES))
            await asyncio.wait([*playing, flooding])
            reading.cancel()
        self.batch.saw("seconds of delivering", round(time.monotonic() - begun))
        self.batch.saw("payments", len(payments))

    async def judge(self, payments: list[Payment]) -> None:
        """After `serve` has ended: what the phones, the provider and our own book say."""
        await self.board.read()
        if len(self.heads) != 1:
            self.wrong(f"callbacks to known and unknown addresses are answered in {len(self.heads)} ways")
        store = sqlite_store(self.place.database, clock=wall_clock_ms)
        await store.open()
        try:
            for payment in payments:
                await self.judge_one(store, payment)
            for incident in await store.incidents(10_000):
                if incident.kind not in ("unknown_event", "stray_payment"):
                    self.wrong(f"an alarm: {incident.text}")
        finally:
            await store.close()
        await self.judge_asking(payments)
        for line in self.place.wrong_in_log():
            self.wrong(line)

    async def judge_one(self, store: SqlStore, payment: Payment) -> None:
        entry = self.board.entries[payment.digits]
        paid = entry["status"] in ("SUCCESSFUL", "verified", "successful")
        if paid != payment.approves or entry["times_charged"] != int(paid):
            self.wrong(f"{payment}: {entry['status']}, charged {entry['times_charged']} times")
        results = self.board.results.get(payment.digits, [])
        if [sms["text"].partition(":")[0] for sms in results] != ["Paid" if paid else "Not paid"]:
            self.wrong(
                f"{payment}: told {[sms['text'] for sms in results]}, the judge says {entry['status']}"
            )
        if results and results[0]["at"] < entry["final_at"]:
            self.wrong(f"{payment}: told before the wallet's word")
        order = await store.order_by_reference(_uuid(entry["reference"]))
        assert order is not None, payment
        states = [line.to_state for line in await store.transitions(order.id)]
        end = OrderState.SUCCESSFUL if paid else OrderState.FAILED
        if order.state is not end or [state for state in states if state in FINAL] != [end]:
            self.wrong(f"{payment}: our book says {states}")

    async def judge_asking(self, payments: list[Payment]) -> None:
        """However many callbacks came, each order was asked about once in so many seconds at most."""
        names: dict[str, int] = {}
        for payment in payments:
            entry = self.board.entries[payment.digits]
            names |= {entry["reference"]: payment.number, entry["provider_reference"]: payment.number}
        asked: dict[int, list[float]] = defaultdict(list)
        for line in (await self.board.get("/record/requests"))["requests"]:
            if line["method"] == "GET" and line["reference"] in names:
                asked[names[line["reference"]]].append(moment(line["at"]))
        for payment in payments:
            times = sorted(asked[payment.number])
            self.batch.saw("status queries", len(times))
            gaps = [later - earlier for earlier, later in pairwise(times)]
            least_s = self.size["spacing_ms"] / 1000 - _ON_ITS_WAY_S
            short = [gap for gap in gaps if gap < least_s]
            if short:
                self.wrong(f"{payment} was asked about twice within {min(short):.2f} s")


def _waits(spacing_s: float) -> dict[str, Any]:
    # The first question comes sooner than the spacing at MoMo and not at Startbutton, as in their schedules.
    return {
        "times": {"hint_spacing_s": spacing_s},
        "momo_schedule_s": [spacing_s * (n + 0.6) for n in range(100)],
        "startbutton_schedule_s": [spacing_s * (n + 1) for n in range(100)],
    }


def _uuid(reference: str) -> str:
    plain = reference.replace("-", "")
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


async def run(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    payments = plan(size["payments"], random.Random(seed))
    handsets = [{"msisdn": payment.digits, "balance": {"GHS": "1000"}} for payment in payments]
    line = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
    )
    async with Place(folder) as place, line as http:
        await place.start_judge(handsets=handsets, faults={"callback_lost": -1, "next_step": "PIN"})
        await place.start(waits=_waits(size["spacing_ms"] / 1000))
        storm = Storm(place, Board(http, place.sandbox_url), seed, size)
        await storm.run(payments)
        await place.process.stop()
        await storm.judge(payments)
        return storm.batch


CALLBACKS: Final = Campaign(
    name="callbacks",
    title="callbacks in every order, repeated and forged",
    holds="one result each, as the judge says; nothing forged moves anything; asked at most once in 5 s",
    small={"payments": 100, "deliveries": 3_000, "spacing_ms": 1_000, "slowest_ms": 10_000},
    batch={"payments": 160, "deliveries": 50_000, "spacing_ms": 5_000, "slowest_ms": 2_000},
    goal={"deliveries": 1_000_000},
    run=run,
)
