"""Says who answers which look and who plans which act. Does nothing itself."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from bot.conversations.effects.links import Links
from bot.dialog import Act, Look, Screen, SecretAct
from bot.dialog import views as v
from bot.money import Right
from bot.operations.account_holders import Holders
from bot.operations.agreements import Standing
from bot.operations.approvals import Approvals
from bot.operations.consents import DetailsAskers
from bot.operations.inline_calls import WaitingCalls
from bot.operations.merchants import Merchants
from bot.operations.payments import Payments
from bot.operations.plan import Plan, Speaker
from bot.operations.staff_access import Staff
from bot.operations.staff_requests import Business
from bot.operations.staff_roles import Roles
from bot.orders.context_loader import Contexts
from bot.orders.provider_calls import Calls
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.security_events import SecurityEvents
from bot.runtime.timeouts import Times
from bot.settings.limits import ASK_LIMITS, AskLimits
from bot.store.base import SavePerson, Store
from flows import business_effects as b
from flows import effects as e

__all__ = ["Performer"]

_OUTSIDE: Final = (e.CheckHolder, e.CheckNumber, e.AskStatus, e.Balance, b.SeeDetails, b.Banks)


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
        limits: AskLimits = ASK_LIMITS,
        *,
        security: SecurityEvents,
        on_late: Callable[[], None] = lambda: None,
    ) -> None:
        self.waiting = WaitingCalls(store, contexts, clock, times, on_late)
        self._clock = clock
        self._security = security
        self._merchants = Merchants(store, calls.accounts)
        self._holders = Holders(store, calls, sealer, clock, times, security)
        self._payments = Payments(store, calls, contexts, self.waiting, clock, ids, times, limits)
        self._roles = Roles(store, calls.accounts, security)
        self._staff = Staff(store, calls, self._roles, sealer, clock, times, security)
        self._business = Business(store, calls, self._roles, clock, ids, times, limits)
        self._approvals = Approvals(store, self._roles, self._business, clock, ids)
        self._standing = Standing(store, calls, self._business, clock, ids, limits)
        self._details = DetailsAskers(store, calls, self._roles, sealer, clock, ids, times, limits)
        self._links = Links(store, sealer, clock, ids, times, security)

    def goes_outside(self, effect: Look[Any]) -> bool:
        """Whether the look may call a provider, so that the turn has to be marked running first."""
        return isinstance(effect, _OUTSIDE)

    async def look(self, effect: Look[Any], speaker: Speaker) -> Any:
        found = await self._look(effect, speaker)
        self._note(found, speaker)
        return found

    def _note(self, result: Any, speaker: Speaker) -> None:
        """Whoever would have a stranger's phone ask for money once more than people do is worth a line."""
        if getattr(result, "refused", "") == "number":
            self._security.note("unasked", channel=speaker.channel, person=speaker.person.id)

    async def _look(self, effect: Look[Any], speaker: Speaker) -> Any:
        match effect:
            case e.FindMerchant():
                return await self._merchants.find(effect.code)
            case e.RecentMerchants():
                return await self._merchants.recent(speaker)
            case e.CheckHolder():
                return await self._holders.of_merchant(effect.merchant_id, effect.msisdn, speaker)
            case e.CheckNumber():
                return await self._holders.of_number(effect.party, speaker)
            case e.FindDebit():
                return await self._standing.debit(effect, speaker)
            case e.FindTwin():
                return await self._payments.twin(effect, speaker)
            case e.OrderNow():
                return await self._payments.own(effect.order_id, speaker)
            case e.AskStatus():
                return await self._payments.ask_status(effect.order_id, speaker)
            case e.MyPayments():
                return await self._payments.latest(speaker)
            case e.MyChats():
                return await self._links.chats(speaker)
            case e.MyRoles():
                return await self._roles.all_of(speaker)
            case e.Balance():
                return await self._staff.balance(effect.staff_id, speaker)
            case e.Bills():
                return await self._standing.bills()
            case b.MyAgreements():
                return await self._standing.own(effect.kind, speaker)
        return await self._look_as_staff(effect, speaker)

    async def _look_as_staff(self, effect: Look[Any], speaker: Speaker) -> Any:
        match effect:
            case b.FindPayment():
                return await self._business.find(effect, speaker)
            case b.LatestPayments():
                return await self._business.latest(effect.staff_id, speaker)
            case b.StandingOf():
                return await self._business.standing(effect, speaker)
            case b.Banks():
                return await self._business.banks(effect.staff_id, speaker)
            case b.SeeDetails():
                return await self._details.see(effect, speaker)
            case b.WaitingApprovals():
                return await self._approvals.waiting(effect.staff_id, speaker)
            case b.LockedStaff():
                role = await self._roles.acting(effect.staff_id, Right.UNLOCK, speaker)
                return () if isinstance(role, str) else await self._roles.locked_at(role)
        raise TypeError(f"no way to look at {type(effect).__name__}")

    async def act(self, effect: Act[Any], position: int, speaker: Speaker) -> Plan:
        plan = await self._plan(effect, position, speaker)
        self._note(plan.result, speaker)
        return plan

    async def _plan(self, effect: Act[Any], position: int, speaker: Speaker) -> Plan:
        match effect:
            case e.RequestPayment():
                return await self._payments.request(effect, position, speaker)
            case e.SetLanguage():
                person = msgspec.structs.replace(
                    speaker.person, language=effect.language, language_chosen=True
                )
                return Plan((SavePerson(person),), v.Done(), person=person)
            case e.MakeLinkCode():
                return self._links.make_code(speaker)
            case e.Unlink():
                return await self._links.unlink(effect.chat_id, speaker)
            case e.LinkNumber():
                return await self._links.link(effect.proof, speaker)
            case e.SetUpAutoDebit():
                return await self._standing.set_up(effect, position, speaker)
            case e.StopAutoDebit():
                return await self._standing.stop(effect.agreement_id, position, speaker)
            case e.PayBill():
                return await self._standing.pay_bill(effect, position, speaker)
        plan = await self._act_as_staff(effect, position, speaker)
        return await self._named(plan, effect, speaker)

    async def _named(self, plan: Plan, effect: Act[Any], speaker: Speaker) -> Plan:
        """The plan, its refusal naming the merchant of the role that was refused."""
        view, staff_id = plan.result, getattr(effect, "staff_id", "")
        if not isinstance(view, v.OrderView) or not view.refused or view.merchant:
            return plan
        name = await self._roles.merchant_of(staff_id, speaker)
        return msgspec.structs.replace(plan, result=msgspec.structs.replace(view, merchant=name))

    async def _act_as_staff(self, effect: Act[Any], position: int, speaker: Speaker) -> Plan:
        match effect:
            case b.SendNote():
                return await self._business.note(effect, speaker)
            case b.Refund():
                return await self._business.refund(effect, position, speaker)
            case b.PayOut():
                return await self._business.pay_out(effect, position, speaker)
            case b.Withdraw():
                return await self._business.withdraw(effect, position, speaker)
            case b.ChargeUnder():
                return await self._business.charge(effect, position, speaker)
            case b.MakeInvoice():
                return await self._business.invoice(effect, position, speaker)
            case b.CancelInvoice():
                return await self._business.cancel_invoice(effect, position, speaker)
            case b.AskDetails():
                return await self._details.ask(effect, speaker)
            case b.DecideApproval():
                return await self._approvals.decide(effect, position, speaker)
            case b.Unlock():
                return await self._unlock(effect, speaker)
        raise TypeError(f"no way to do {type(effect).__name__}")

    async def _unlock(self, effect: b.Unlock, speaker: Speaker) -> Plan:
        role = await self._roles.acting(effect.staff_id, Right.UNLOCK, speaker)
        change = None if isinstance(role, str) else await self._roles.unlock(role, effect.locked_id)
        return Plan((change,), v.Done()) if change else Plan(result=v.Done(ok=False))

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
            case b.CheckPin():
                return Plan(inside=lambda: self._roles.check_pin(secret, effect.staff_id, speaker))
            case e.LinkWithCode():
                return await self._links.link_with(secret, effect.msisdn, speaker)
            case e.ClaimRole():
                return Plan(inside=lambda: self._staff.claim(secret, speaker))
            case b.ChoosePin():
                return Plan(result=await self._roles.choose_pin(secret, effect.staff_id, speaker))
            case b.ChangePin():
                return Plan(
                    inside=lambda: self._roles.change_pin(secret, effect.staff_id, effect.first, speaker)
                )
            case b.EnrolStaff():
                return Plan(
                    inside=lambda: self._staff.enrol(secret, effect.staff_id, effect.first, speaker),
                    then=speaker.renewal(self._clock()),
                )
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
