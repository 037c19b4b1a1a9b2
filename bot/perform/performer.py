"""Says who answers which look and who plans which act. Does nothing itself."""

from collections.abc import Callable
from typing import Any

import msgspec

from bot.calls import Calls
from bot.clock import Clock, Ids
from bot.contexts import Contexts
from bot.dialog import Act, Look, Screen, SecretAct
from bot.perform.holders import Holders
from bot.perform.links import Links
from bot.perform.merchants import Merchants
from bot.perform.payments import Payments
from bot.perform.plan import Plan, Speaker
from bot.perform.staff import Staff
from bot.perform.waiting import WaitingCalls
from bot.sealing import Sealer
from bot.store.base import SavePerson, Store
from bot.times import Times
from flows import effects as e

__all__ = ["Performer"]


class Performer:
    """`on_late` is called when the reply to a call that outlived its turn has been kept."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        contexts: Contexts,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        times: Times,
        *,
        on_late: Callable[[], None] = lambda: None,
    ) -> None:
        self.waiting = WaitingCalls(store, contexts, clock, times, on_late)
        self._merchants = Merchants(store, calls.connections)
        self._holders = Holders(store, calls, sealer, clock, times)
        self._payments = Payments(store, calls, contexts, self.waiting, clock, ids, times)
        self._staff = Staff(store, calls, sealer, clock, times)
        self._links = Links(store, sealer, clock, ids, times)

    def goes_outside(self, effect: Look[Any]) -> bool:
        """Whether the look may call a provider, so that the turn has to be marked running first."""
        return isinstance(effect, e.CheckHolder | e.CheckNumber | e.AskStatus | e.Balance)

    async def look(self, effect: Look[Any], speaker: Speaker) -> Any:
        match effect:
            case e.FindMerchant():
                return await self._merchants.find(effect.code)
            case e.RecentMerchants():
                return await self._merchants.recent(speaker)
            case e.CheckHolder():
                return await self._holders.of_merchant(effect.merchant_id, effect.msisdn, speaker)
            case e.CheckNumber():
                return await self._holders.of_number(effect.msisdn, speaker)
            case e.FindTwin():
                return await self._payments.twin(effect, speaker)
            case e.OrderNow():
                return await self._payments.own(effect.order_id, speaker)
            case e.AskStatus():
                return await self._payments.ask_status(effect.order_id, speaker)
            case e.MyPayments():
                return await self._payments.latest(speaker)
            case e.MyRoles():
                return await self._staff.roles(speaker)
            case e.Balance():
                return await self._staff.balance(effect.staff_id, speaker)
        raise TypeError(f"no way to look at {type(effect).__name__}")

    async def act(self, effect: Act[Any], position: int, speaker: Speaker) -> Plan:
        match effect:
            case e.RequestPayment():
                return await self._payments.request(effect, position, speaker)
            case e.SetLanguage():
                person = msgspec.structs.replace(
                    speaker.person, language=effect.language, language_chosen=True
                )
                return Plan((SavePerson(person),), e.Done(), person=person)
            case e.MakeLinkCode():
                return self._links.make_code(speaker)
            case e.LinkNumber():
                return await self._links.link(effect.proof, speaker)
        raise TypeError(f"no way to do {type(effect).__name__}")

    async def without_secret(self, effect: SecretAct[Any], speaker: Speaker) -> Any:
        """The act's result where no secret is needed any more, else None: its order has moved on."""
        if isinstance(effect, e.SubmitOtp):
            return await self._payments.without_otp(effect.order_id, speaker)
        return None

    async def act_with(self, secret: str, effect: SecretAct[Any], speaker: Speaker) -> Plan:
        """The plan of an act that needs a secret; the secret lives in its `inside` call alone."""
        match effect:
            case e.SubmitOtp():
                return await self._payments.submit_otp(secret, effect.order_id, speaker)
            case e.BalanceWithPin():
                return Plan(inside=lambda: self._staff.balance_with_pin(secret, effect.staff_id, speaker))
            case e.ClaimRole():
                return Plan(inside=lambda: self._staff.claim(secret, speaker))
            case e.EnrolStaff():
                return Plan(inside=lambda: self._staff.enrol(secret, effect.staff_id, speaker))
        raise TypeError(f"no way to do {type(effect).__name__}")

    async def has_acted(self, conversation_id: str) -> bool:
        """Whether the conversation made an order, whatever its journal got to say of it."""
        return await self._payments.any_of(conversation_id)

    async def standing(self, conversation_id: str) -> Screen | None:
        """Where the payment stands that the conversation made, as its last words; None without one."""
        return await self._payments.standing(conversation_id)

    async def finish(self, patience_s: float) -> None:
        """Wait for calls that outlived their turns, then let them go: they are asked about later."""
        await self.waiting.finish(patience_s)
