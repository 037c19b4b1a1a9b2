"""People with phones behind gateways: they pay, answer what is asked, and repeat what is not answered.

Knows only what a person sees; each gateway's simulator knows the rest. A delivery is repeated until it is
answered, as gateways do, and a share of answered ones is delivered again: the bytes must be the same.
"""

import asyncio
import itertools
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bot.channels.ussd import GATEWAYS
from bot.sandbox.gateways import Sent, Upset
from tests.gateways import simulate
from tests.torture.line import Broken
from tests.torture.stage import CODE, Sandbox, Stage, until

__all__ = ["FAILING", "Customer", "Habits", "draw_customer"]

# A repeat may come much later than within a moment: through gateways that tell it by what it says.
_THROUGH: Final = tuple(name for name, gateway in GATEWAYS.items() if gateway.manners.names_repeats)
# Numbers whose payment fails by itself. Source: MTN MoMo developer portal, sandbox test numbers.
FAILING: Final = tuple(f"46733123{last}" for last in (456, 457, 458, 460, 461, 462, 463, 464))
_FIRST: Final = "Type a merchant code, or choose:"
_REF: Final = re.compile(r"Ref (\d{9})")
_OTP: Final = re.compile(r"^(\d{6}) is your code")
_CLOSED: Final = "We cannot answer now"
_UNSURE: Final = "We do not know yet if GHS"
_BEGUN: Final = "is under way. We do not know yet if it is paid."
_LONGEST_S: Final = 120.0
_PAUSE_S: Final = 0.02
_KNOCKS: Final = 8  # one in so many keeps knocking while nobody is there
_DUPLICATE_S: Final = 1.5  # safely within the product's 2 s


class Habits(msgspec.Struct, frozen=True):
    """What a customer does, drawn beforehand: the same seed gives the same people.

    `wallet`: own (nobody is asked), magic (a test number that fails by itself), approve, reject or ignore
    (a handset is prompted). `walks`: answers every screen instead of dialling it all at once.
    """

    number: int
    merchant: str
    otp: bool
    gateway: str
    wallet: str = "own"
    magic: str = ""
    walks: bool = False
    seed: int = 0

    @property
    def msisdn(self) -> str:
        return f"+2332477{self.number:05d}"

    @property
    def amount(self) -> int:
        """No two customers of a batch pay the same: the amount tells their payment at the provider."""
        return self.number + 1


def draw_customer(
    draw: random.Random,
    number: int,
    merchants: Sequence[str],
    otp: str = "",
    *,
    plain: bool = False,
    walkers: float = 0.1,
) -> Habits:
    """`merchants` are as likely each; `otp` names the one whose provider asks for codes. `plain`: nobody
    is prompted and nothing fails by itself. `walkers`: the share that answers every screen."""
    merchant = draw.choice(merchants)
    wallet = "own"
    if merchant != otp and not plain:
        wallet = draw.choices(("own", "magic", "approve", "reject", "ignore"), (60, 10, 14, 10, 6))[0]
    return Habits(
        number=number,
        merchant=merchant,
        otp=merchant == otp,
        gateway=draw.choice(_THROUGH),
        wallet=wallet,
        magic=draw.choice(FAILING) if wallet == "magic" else "",
        walks=draw.random() < walkers,
        seed=draw.getrandbits(32),
    )


@dataclass(frozen=True)
class Reply:
    raw: bytes
    screen: str
    open: bool


class _Lost(Exception):
    """A screen that has no place in a payment."""


@dataclass
class Customer:
    """Pays once. What they saw and when they confirmed is kept for the judging."""

    habits: Habits
    stage: Stage
    sandbox: Sandbox
    on_answer: Callable[[], None] = lambda: None
    insists: bool = False  # sent away, they dial again until it goes
    confirmed_from: float = 0.0  # when the confirming answer was first sent; 0: never
    confirmed_until: float = 0.0  # and when it was answered
    code: str = ""
    closed: bool = False  # the last screen said that we could not answer
    unsure: bool = False  # the last screen said that nobody knows yet whether it was begun
    under_way: bool = False  # the last screen said to dial again: a code may be wanted
    looking: bool = False  # dials to see what became of it, not to pay
    found_twin: bool = False  # was shown, when about to confirm, that it is under way already
    times_closed: int = 0
    refused: bool = False  # the last screen said that nothing was taken
    gave_up: bool = False  # at a screen that has no place in a payment
    seen: list[str] = field(default_factory=list)
    answers_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.habits.seed)
        self._line = simulate(self.habits.gateway, self.habits.msisdn)
        self._count = itertools.count(1)

    # ---- paying --------------------------------------------------------------------------------

    async def pay(self) -> None:
        """Until the payment is confirmed and its last screen seen."""
        habits = self.habits
        if habits.otp or habits.wallet in ("approve", "reject", "ignore"):
            await self.sandbox.handset(habits.msisdn)
        pressing = None
        if habits.wallet in ("approve", "reject"):
            pressing = asyncio.create_task(self._press())
        try:
            tries = 0
            while not self.confirmed_from or (self.insists and self.closed):
                await self._dial("" if habits.walks else self._dialled())
                if self.closed and self.insists:
                    await asyncio.sleep(self._draw.uniform(0.1, 0.5))
                    continue
                tries += 1
                if tries > 12:
                    raise _Lost(f"never came to confirm: {self.seen[-4:]}")
            while self.under_way:
                await asyncio.sleep(self._draw.uniform(0.3, 1.0))
                self.looking = True
                await self._dial("")
            if pressing is not None and not (self.refused or self.closed):
                await pressing
        except _Lost as error:
            self.wrong.append(str(error))
            self.gave_up = True
        finally:
            if pressing is not None:
                pressing.cancel()

    async def dial_for_code(self) -> None:
        """Dial because a message asked to, and type the code."""
        await self._dial("")

    def _dialled(self) -> str:
        """All answers up to the confirmation behind the service code."""
        return f"1*{self.habits.merchant}*{self.habits.amount}"

    async def _dial(self, args: str) -> None:
        session = f"s{self.habits.seed:x}.{next(self._count)}"
        self._line = simulate(self.habits.gateway, self.habits.msisdn, session)
        reply = await self._deliver(self._line.dial(f"{CODE[:-1]}*{args}#" if args else CODE), dials=True)
        while reply.open:
            self.seen.append(reply.screen)
            typed = await self._answer(reply.screen)
            confirms = reply.screen.startswith("Pay GHS") and typed == "1"
            if confirms:
                self.confirmed_from = self.confirmed_from or time.time()
            reply = await self._deliver(self._line.answer(typed))
            if confirms:
                self.confirmed_until = time.time()
        self.seen.append(reply.screen)
        found = _REF.search(reply.screen)
        if found and self.code and found[1] != self.code:
            self.wrong.append(f"a screen named {self.code}, a later one {found[1]}")
        if found:
            self.code = found[1]
        sent_away = _CLOSED in reply.screen
        self.closed = sent_away and not self.looking
        self.unsure = _UNSURE in reply.screen
        # Sent away while looking what became of it: they look again.
        self.under_way = _BEGUN in reply.screen or (sent_away and self.looking)
        self.times_closed += self.closed
        refused = "Nothing was taken" in reply.screen and not self.found_twin
        self.refused = refused and not found and not self.closed

    async def _answer(self, screen: str) -> str:
        first = screen.split("\n", 1)[0]
        habits = self.habits
        if self.looking and (_FIRST in screen or "Your payments:" in screen):
            return "2" if _FIRST in screen else "1"
        if "1 Continue\n2 Start over" in screen:
            return "1"
        if _FIRST in screen:
            # The code at once, or behind its line of the menu.
            return "1" if "\n1 Pay\n" in screen and self._draw.random() < 0.5 else habits.merchant
        if "is already being paid (ref" in screen and self.times_closed:
            # Sent away by a repeat that could not see what the first delivery had begun.
            self.found_twin = True
            return "2"
        if "merchant code" in first:
            return habits.merchant
        if "Amount (GHS)" in screen:
            return str(habits.amount)
        if "Pay from which number?" in screen:
            return habits.magic or "1"
        if screen.startswith(f"Pay GHS {habits.amount:,}.00 to Shop {habits.merchant}"):
            return "3" if habits.magic not in screen else "1"
        if "Enter the SMS code sent to" in screen:
            return await self._otp()
        raise _Lost(f"unexpected screen {screen!r} after {self.seen[:-1]}")

    async def _otp(self) -> str:
        """The newest code in the phone's own inbox."""

        async def look() -> str | None:
            codes = [found[1] for sms in await self._inbox() if (found := _OTP.match(sms["text"]))]
            return codes[-1] if codes else None

        return await until("the code by SMS", look)

    async def _inbox(self) -> list[dict[str, str]]:
        try:
            return await self.sandbox.sms(self.habits.msisdn)
        except Broken:
            return []

    async def _press(self) -> None:
        """Answer the wallet's prompt as soon as it shows; there is none where the provider lost no time."""
        while True:
            try:
                prompts = await self.sandbox.prompts(self.habits.msisdn)
                if prompts:
                    await self.sandbox.press(self.habits.msisdn, prompts[0]["id"], self.habits.wallet)
                    return
            except (Broken, ValueError):
                pass
            await asyncio.sleep(0.25)

    # ---- the gateway ---------------------------------------------------------------------------

    async def _deliver(self, request: Sent, *, dials: bool = False) -> Reply:
        """The same request until there is an answer, sometimes twice at once, sometimes again after it."""
        habit, began = self._draw.random(), time.monotonic()
        if habit < 0.05:
            replies = [*await asyncio.gather(self._insist(request), self._insist(request))]
        elif habit < 0.15:
            replies = [await self._insist(request), await self._insist(request)]
        else:
            replies = [await self._insist(request)]
        # Where the gateway says that a session is new, a dial later than the duplicate window is another.
        anew = dials and GATEWAYS[self.habits.gateway].manners.says_new
        if anew and time.monotonic() - began > _DUPLICATE_S:
            return replies[-1]
        sent_away = any(words in reply.screen for reply in replies for words in (_CLOSED, _UNSURE, _BEGUN))
        if replies[0] != replies[-1] and not sent_away:
            self.wrong.append(f"a repeated delivery got {replies[-1].screen!r} after {replies[0].screen!r}")
        return replies[0]

    async def _insist(self, request: Sent) -> Reply:
        ends = time.monotonic() + _LONGEST_S
        while True:
            began = time.monotonic()
            try:
                reply = await self._once(request)
            except (Broken, Upset) as error:
                if time.monotonic() > ends:
                    raise AssertionError(f"no answer to a gateway in {_LONGEST_S:.0f} s: {error}") from None
                await asyncio.sleep(_PAUSE_S)
                # A crowd that knocks all the time would cost more than all that is behind the door.
                if self.habits.number % _KNOCKS:
                    await self.stage.answers.wait()
                continue
            self.answers_s.append(time.monotonic() - began)
            self.on_answer()
            return reply

    async def _once(self, sent: Sent) -> Reply:
        path = self.stage.ussd_path(self.habits.gateway) + sent.target
        status, raw = await self.stage.line.send(sent.method, path, sent.body, sent.content_type)
        shown = self._line.read(status, raw)
        return Reply(raw, shown.text, shown.is_open)
