"""Customers on feature phones behind a gateway that loses, doubles and delays, as gateways do.

A customer wants each payment once: reads what stands on the screen, answers it, and after a line that
dropped looks whether the payment was made before paying again.
"""

import asyncio
import random
import re
from collections.abc import Callable
from typing import Final

import msgspec

from bot.channels.ussd import GATEWAYS, Heard, WireRequest
from bot.channels.ussd.base import SCREEN_SEPTETS
from bot.conversations.timeout_reply import TimeoutReply
from bot.dialog import Answer, fits
from bot.sandbox.gateways import GatewaySimulator, Sent, Shown
from tests.gateways import arrived, dialled, gateway_of, simulate
from tests.simulation.process import Process
from tests.simulation.providers import Providers
from tests.simulation.trouble import Story, Trouble

__all__ = ["ERRANDS", "Customer", "Errand", "Gateway", "Wish"]

_ANSWER_S: Final = 4.0
_TRIES: Final = 3
_PATIENCE: Final = 60
_ASKED: Final = re.compile(r"Ref (\d{9})")
_FIRST: Final = "Type a merchant code, or choose:"


# What people dial for besides paying: the answers on the way (a line of the menu by its words), by what the
# screen says, and how it ends.
ERRANDS: Final[dict[str, tuple[dict[str, str], str]]] = {
    "check": (
        {_FIRST: "More", "More:": "Check a number", "number to check": "0247000001"},
        "is active. Name:",
    ),
    "payments": ({_FIRST: "My payments"}, "You have no payments yet."),
    "link": ({_FIRST: "More", "More:": "Link phone"}, "Link code:"),
    "language": (
        {_FIRST: "More", "More:": "Language", "Choose your language": "1"},
        "I speak English",
    ),
    "staff": (
        {_FIRST: "More", "More:": "I work for", "8-digit staff code": "12345678"},
        "That staff code is wrong|Too many",
    ),
}


class Wish(msgspec.Struct):
    """One payment a customer wants. `confirmed`: Yes was pressed at least once."""

    merchant: str
    amount: str
    payer: str
    confirmed: bool = False
    # Codes that a screen named for it.
    named: list[str] = []


class Gateway:
    """Carries requests of phones to whichever process runs."""

    def __init__(
        self,
        process: Callable[[], Process | None],
        trouble: Trouble,
        chance: random.Random,
        story: Story,
        calm_after_s: float,
        leaps: Callable[[], int],
    ) -> None:
        self._process = process
        self._leaps = leaps
        self._trouble = trouble
        self._chance = chance
        self._story = story
        self._calm_after_s = calm_after_s
        self._adapters = {name: gateway_of(name) for name in GATEWAYS}
        self.wrong: list[str] = []

    async def deliver(self, name: str, line: GatewaySimulator, request: WireRequest) -> Shown | None:
        """The screen, after a few tries; None where nothing came back."""
        for _ in range(_TRIES):
            screen = await self._once(name, line, request)
            if screen is not None and not self._struck(self._trouble.unheard):
                if self._struck(self._trouble.doubled):
                    await self._again(name, line, request, screen)
                return screen
            await asyncio.sleep(self._chance.uniform(0.5, 3))
        return None

    async def _again(self, name: str, line: GatewaySimulator, request: WireRequest, screen: Shown) -> None:
        """The same request once more, at once: the same screen, or none. Where the clock leaps meanwhile, it
        comes a day later, and begins anew."""
        leaps = self._leaps()
        again = await self._once(name, line, request)
        answered = again is not None and not _closing(again) and not _closing(screen)
        answered = answered and self._leaps() == leaps
        if answered and again != screen:
            self.wrong.append(f"a repeated delivery got {again!r} after {screen!r}")

    async def _once(self, name: str, line: GatewaySimulator, request: WireRequest) -> Shown | None:
        await asyncio.sleep(self._chance.uniform(0.01, 0.3))
        process = self._process()
        if process is None or process.dead or self._struck(self._trouble.dropped):
            return None
        gateway = self._adapters[name]
        heard = gateway.read(request, region="GH")
        assert isinstance(heard, Heard), heard
        turns = process.kasapay.turns
        timeout_reply = TimeoutReply()
        work = process.spawn(turns.take(heard.inbound, timeout_reply=timeout_reply))
        # As the web room does: the timeout reply where no answer comes in time; the turn goes on.
        await asyncio.wait([work, process.died], timeout=_ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if process.dead:
            return None
        if work.done() and not work.cancelled() and work.exception() is None:
            answer = work.result()
        else:
            if work.done() and not work.cancelled():
                self._story.tell(asyncio.get_running_loop().time(), f"turn failed {work.exception()!r}")
            answer = Answer(turns.timeout_words(heard.inbound.language, timeout_reply), keep_open=False)
        reply = gateway.build_reply(heard, answer.text, keep_open=answer.keep_open)
        if not fits(answer.text, SCREEN_SEPTETS, 70):
            self.wrong.append(f"does not fit {SCREEN_SEPTETS}: {answer.text!r}")
        return line.read(reply.status, reply.body)

    def _struck(self, likely: float) -> bool:
        if not likely or asyncio.get_running_loop().time() >= self._calm_after_s:
            return False
        return self._chance.random() < likely


def _closing(screen: Shown) -> bool:
    return screen.text.startswith(("We cannot answer", "We do not know yet", "GHS"))


class Customer:
    """Pays for all its wishes, one after the other."""

    def __init__(
        self,
        msisdn: str,
        wishes: list[Wish],
        gateway: Gateway,
        providers: Providers,
        chance: random.Random,
        story: Story,
        *,
        through: str,
    ) -> None:
        self.msisdn = msisdn
        self.wishes = wishes
        self._gateway = gateway
        self._providers = providers
        self._chance = chance
        self._story = story
        self._through = through
        self._sessions = 0
        self._line = simulate(through, msisdn)
        self.gave_up: list[str] = []
        self.screens: list[str] = []

    async def live(self) -> None:
        for wish in self.wishes:
            await asyncio.sleep(self._chance.uniform(0, 20))
            await self._pay(wish)

    async def _pay(self, wish: Wish) -> None:
        """Until a screen or a message names the payment, or the list shows it."""
        for _ in range(_PATIENCE):
            screen = await self._dial(wish)
            for _ in range(_PATIENCE):
                if screen is None or not screen.is_open:
                    break
                answer = self._answer(screen, wish)
                if answer is None:
                    return
                screen = await self._type(answer)
            else:
                self.gave_up.append(f"{wish.amount}: led in a circle")
                return
            if screen is None:
                await asyncio.sleep(self._chance.uniform(3, 60))
            elif self._is_done(screen, wish):
                return
            else:
                if screen.text.startswith("You have no payments"):
                    wish.confirmed = False
                # Told to wait for other payments first, which may take an hour, nobody dials every minute.
                full = screen.text.startswith("Three payments already wait")
                await asyncio.sleep(self._chance.uniform(*((60, 300) if full else (1, 30))))
            if self._was_told(wish):
                return
        self.gave_up.append(wish.amount)

    def _answer(self, screen: Shown, wish: Wish) -> str | None:
        """What to type; None where the payment is seen to have been made."""
        text = screen.text
        first = text.split("\n", 1)[0]
        if "1 Continue\n2 Start over" in text:
            return "1"
        if _FIRST in text:
            return "2" if wish.confirmed else self._way_to_pay(text, wish)
        if first.startswith("More:"):
            return self._line_of(text, "Pay another merchant")
        if first.startswith("Your payments:"):
            if f"GHS {wish.amount}" in text:
                return None
            if "98 More" in text:
                return "98"  # after the clock was set back the newest is not the first
            wish.confirmed = False  # it was not heard; so it is paid now
            return "00"
        if "merchant code" in first:
            return wish.merchant
        if "Amount (GHS)" in text:
            return wish.amount
        if first.startswith("Pay from which number?"):
            return wish.payer or "1"
        if first.startswith("Which network?"):
            return "1"
        if first.startswith(f"Pay GHS {wish.amount} to"):
            if wish.payer not in first:
                return self._line_of(text, "Another number")
            wish.confirmed = True
            return "1"
        if "is already under way" in text:
            found = _ASKED.search(text.replace("(ref ", "Ref "))
            # Made after all, since My payments were looked at: they are looked at again.
            wish.confirmed = True
            return "2" if found else "00"
        if "code sent" in text or "The code has 4 to 8 digits" in text:
            return self._code(wish)
        return "00"

    def _way_to_pay(self, text: str, wish: Wish) -> str:
        """The merchant's code typed at once, or the line of the menu behind which it is asked for."""
        if self._chance.random() < 0.7:
            return wish.merchant
        return "1" if self._line_of(text, "Pay$") == "1" else self._line_of(text, "More")

    def _code(self, wish: Wish) -> str:
        payer = wish.payer or self.msisdn
        right = self._providers.codes.get("233" + payer[-9:], "0000")
        return right if self._chance.random() < 0.8 else "0000"

    def _is_done(self, screen: Shown, wish: Wish) -> bool:
        found = _ASKED.search(screen.text)
        if found is None or f"GHS {wish.amount} " not in screen.text:
            return False
        if "is under way" in screen.text:
            wish.named.append(found[1])
            return False  # told to dial again: a code may be wanted
        wish.named.append(found[1])
        return True

    def _was_told(self, wish: Wish) -> bool:
        return any(
            sms.to.lstrip("+") == self.msisdn.lstrip("+") and f"GHS {wish.amount} " in sms.text
            for sms in self._providers.sms
        )

    @staticmethod
    def _line_of(text: str, label: str) -> str:
        found = re.search(rf"^(\d) {label}", text, re.MULTILINE)
        return found[1] if found else "00"

    # ---- the phone

    async def _dial(self, wish: Wish) -> Shown | None:
        self._sessions += 1
        self._line = simulate(self._through, self.msisdn, f"{self.msisdn[-9:]}-{self._sessions}")
        args: tuple[str, ...] = ()
        if not wish.confirmed and self._chance.random() < 0.7:
            args = (wish.merchant, wish.amount)
        return await self._send(f"dials {args}", self._line.dial(dialled(*args)))

    async def _type(self, typed: str) -> Shown | None:
        await asyncio.sleep(self._chance.uniform(0.5, 8))
        return await self._send(f"answers {typed!r}", self._line.answer(typed))

    async def _send(self, what: str, sent: Sent) -> Shown | None:
        screen = await self._gateway.deliver(self._through, self._line, arrived(sent))
        said = "nothing" if screen is None else screen.text
        self.screens.append(said)
        self._story.tell(asyncio.get_running_loop().time(), f"{self.msisdn} {what}: {said!r}")
        return screen


class Errand(Customer):
    """Comes for something else than paying, and redials until it is done."""

    def __init__(self, errand: str, customer: Customer) -> None:
        self.__dict__.update(customer.__dict__)
        self._answers, self._end = ERRANDS[errand]

    async def live(self) -> None:
        for _ in range(_PATIENCE):
            screen = await self._dial(self.wishes[0])
            while screen is not None and not self._is_there(screen) and screen.is_open:
                screen = await self._type(self._reply(screen.text))
            if screen is not None and self._is_there(screen):
                return
            await asyncio.sleep(self._chance.uniform(3, 60))
        self.gave_up.append(self._end)

    def _is_there(self, screen: Shown) -> bool:
        return re.search(self._end, screen.text) is not None

    def _reply(self, text: str) -> str:
        if "1 Continue\n2 Start over" in text:
            return "1"
        typed = next((typed for shown, typed in self._answers.items() if shown in text), "00")
        # A word stands for its line of the menu, which may grow.
        line = re.search(rf"^(\d+) {re.escape(typed)}", text, re.MULTILINE)
        return line[1] if line else typed
