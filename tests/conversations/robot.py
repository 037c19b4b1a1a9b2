"""A person who wants to pay and does not give up: reads what is asked, answers, redials, waits.

Knows questions by their keys, so that words may change. Never says yes to a second payment.
"""

from collections.abc import Awaitable, Callable, Mapping

from bot.channels.ussd import WireRequest
from bot.money import OrderState
from tests.conversations.people import Phone, Screen, asked
from tests.conversations.stage import Stage

__all__ = ["Deliver", "Robot", "carry_through"]

Deliver = Callable[[Phone, WireRequest], Awaitable[Screen | None]]
_PATIENCE = 40


async def _plainly(phone: Phone, request: WireRequest) -> Screen | None:
    return await phone.send(request)


async def carry_through(
    stage: Stage,
    phone: Phone,
    args: tuple[str, ...],
    answers: Mapping[str, str],
    done: Callable[[], Awaitable[bool]],
    deliver: Deliver = _plainly,
) -> None:
    """Answer by the questions' keys, or the last part of them, until it is `done` and nobody asks."""
    for _ in range(_PATIENCE):
        stage.clock.ms += 3000
        if not phone.screen.is_open:
            if await done():
                return
            request = phone.dial_request(*args)
        else:
            key, _ = await asked(stage, "msisdn", phone.msisdn)
            request = phone.answer_request(answers.get(key) or answers.get(key.rpartition("/")[2], "00"))
        if await deliver(phone, request) is None:
            phone.screen = Screen("", False, b"")
    raise AssertionError(f"never came to an end; the last screen was {phone.screen.text!r}")


class Robot:
    """`deliver` sends a request; None says that no answer came, and the person redials, with `args`."""

    def __init__(
        self,
        stage: Stage,
        phone: Phone,
        merchant: str,
        amount: str = "5",
        deliver: Deliver = _plainly,
        args: tuple[str, ...] = (),
    ) -> None:
        self._stage = stage
        self._phone = phone
        self._answers = {
            "menu": merchant,
            "pay/merchant": merchant,
            "pay/amount": amount,
            "pay/payer": "1",
            "pay/network": "1",
            "pay/confirm": "1",
            "resume": "1",
        }
        self._deliver = deliver
        self._args = args

    async def pay(self, until: str = "") -> Screen:
        """Go on until an order is made and nobody wants a code any more, or `until` is asked."""
        phone, stage = self._phone, self._stage
        for _ in range(_PATIENCE):
            stage.clock.ms += 3000
            if not phone.screen.is_open:
                orders = await stage.store.orders_of_person(await self._person(), 5)
                if orders and all(order.state is not OrderState.NEEDS_OTP for order in orders):
                    return phone.screen
                request = phone.dial_request(*self._args)
            else:
                key, words = await asked(stage, "msisdn", phone.msisdn)
                if until and key == until:
                    return phone.screen
                request = phone.answer_request(self._answer(key, words))
            screen = await self._deliver(phone, request)
            if screen is None:
                phone.screen = Screen("", False, b"")
        raise AssertionError(f"never came to an end; the last screen was {phone.screen.text!r}")

    async def _person(self) -> str:
        found = await self._stage.store.person_of("msisdn", self._phone.msisdn)
        return found[0].id if found else ""

    def _answer(self, key: str, words: str) -> str:
        if words == "pay.confirm_twin":
            return "2"
        if key in ("pay/otp", "otp"):
            return self._stage.otp(self._phone.msisdn)
        # Whatever is not known here is answered with the way back to the menu.
        return self._answers.get(key, "00")
