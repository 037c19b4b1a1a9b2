"""Says who answers which look and who plans which act. Does nothing itself."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from bot.conversations.effects.links import Links
from bot.dialog import Act, Look, Screen, SecretAct
from bot.dialog import views as v
from bot.money import Right
from bot.operations.account_holders import Holders
from bot.operations.actor import Actor, EffectResult
from bot.operations.agreements import Agreements
from bot.operations.approvals import Approvals
from bot.operations.consents import DetailsAskers
from bot.operations.inline_calls import WaitingCalls
from bot.operations.merchants import Merchants
from bot.operations.payments import Payments
from bot.operations.staff_access import Staff
from bot.operations.staff_requests import Business
from bot.operations.staff_roles import Roles
from bot.orders.context_loader import ContextLoader
from bot.orders.provider_calls import Calls
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.security_events import SecurityEvents
from bot.runtime.timeouts import Timeouts
from bot.settings.limits import ASK_LIMITS, AskLimits
from bot.store.base import SavePerson, Store
from flows import business_effects as b
from flows import effects as e

__all__ = ["EffectDispatch"]

_OUTSIDE: Final = (e.CheckHolder, e.CheckNumber, e.AskStatus, e.Balance, b.SeeDetails, b.Banks)


class EffectDispatch:
    """`on_late` is called when the reply to a call that outlived its turn has been kept."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        context_loader: ContextLoader,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        limits: AskLimits = ASK_LIMITS,
        *,
        security: SecurityEvents,
        on_late: Callable[[], None] = lambda: None,
    ) -> None:
        self.waiting = WaitingCalls(store, context_loader, clock, timeouts, on_late)
        self._clock = clock
        self._security = security
        self._merchants = Merchants(store, calls.accounts)
        self._holders = Holders(store, calls, sealer, clock, timeouts, security)
        self._payments = Payments(store, calls, context_loader, self.waiting, clock, ids, timeouts, limits)
        self._roles = Roles(store, calls.accounts, security)
        self._staff = Staff(store, calls, self._roles, sealer, clock, timeouts, security)
        self._business = Business(store, calls, self._roles, clock, ids, timeouts, limits)
        self._approvals = Approvals(store, self._roles, self._business, clock, ids)
        self._agreements = Agreements(store, calls, self._business, clock, ids, limits)
        self._details = DetailsAskers(store, calls, self._roles, sealer, clock, ids, timeouts, limits)
        self._links = Links(store, sealer, clock, ids, timeouts, security)

    def goes_outside(self, effect: Look[Any]) -> bool:
        """Whether the look may call a provider, so that the turn has to be marked running first."""
        return isinstance(effect, _OUTSIDE)

    async def look(self, effect: Look[Any], actor: Actor) -> Any:
        found = await self._look(effect, actor)
        self._note(found, actor)
        return found

    def _note(self, result: Any, actor: Actor) -> None:
        """Whoever would have a stranger's phone ask for money once more than people do is worth a line."""
        if getattr(result, "refused", "") == "number":
            self._security.note("unasked", channel=actor.channel, person=actor.person.id)

    async def _look(self, effect: Look[Any], actor: Actor) -> Any:
        match effect:
            case e.FindMerchant():
                return await self._merchants.find(effect.code)
            case e.RecentMerchants():
                return await self._merchants.recent(actor)
            case e.CheckHolder():
                return await self._holders.of_merchant(effect.merchant_id, effect.msisdn, actor)
            case e.CheckNumber():
                return await self._holders.of_number(effect.party, actor)
            case e.FindDebit():
                return await self._agreements.debit(effect, actor)
            case e.FindDuplicate():
                return await self._payments.find_duplicate(effect, actor)
            case e.OrderNow():
                return await self._payments.own(effect.order_id, actor)
            case e.AskStatus():
                return await self._payments.ask_status(effect.order_id, actor)
            case e.MyPayments():
                return await self._payments.latest(actor)
            case e.MyChats():
                return await self._links.chats(actor)
            case e.MyRoles():
                return await self._roles.all_of(actor)
            case e.Balance():
                return await self._staff.balance(effect.staff_id, actor)
            case e.Bills():
                return await self._agreements.bills()
            case b.MyAgreements():
                return await self._agreements.own(effect.kind, actor)
        return await self._look_as_staff(effect, actor)

    async def _look_as_staff(self, effect: Look[Any], actor: Actor) -> Any:
        match effect:
            case b.FindPayment():
                return await self._business.find(effect, actor)
            case b.LatestPayments():
                return await self._business.latest(effect.staff_id, actor)
            case b.AgreementsOf():
                return await self._business.standing(effect, actor)
            case b.Banks():
                return await self._business.banks(effect.staff_id, actor)
            case b.SeeDetails():
                return await self._details.see(effect, actor)
            case b.WaitingApprovals():
                return await self._approvals.waiting(effect.staff_id, actor)
            case b.LockedStaff():
                role = await self._roles.acting(effect.staff_id, Right.UNLOCK, actor)
                return () if isinstance(role, str) else await self._roles.locked_at(role)
        raise TypeError(f"no way to look at {type(effect).__name__}")

    async def act(self, effect: Act[Any], position: int, actor: Actor) -> EffectResult:
        plan = await self._plan(effect, position, actor)
        self._note(plan.result, actor)
        return plan

    async def _plan(self, effect: Act[Any], position: int, actor: Actor) -> EffectResult:
        match effect:
            case e.RequestPayment():
                return await self._payments.request(effect, position, actor)
            case e.SetLanguage():
                person = msgspec.structs.replace(actor.person, language=effect.language, language_chosen=True)
                return EffectResult((SavePerson(person),), v.Done(), person=person)
            case e.MakeLinkCode():
                return self._links.make_code(actor)
            case e.Unlink():
                return await self._links.unlink(effect.chat_id, actor)
            case e.LinkNumber():
                return await self._links.link(effect.proof, actor)
            case e.SetUpAutoDebit():
                return await self._agreements.set_up(effect, position, actor)
            case e.StopAutoDebit():
                return await self._agreements.stop(effect.agreement_id, position, actor)
            case e.PayBill():
                return await self._agreements.pay_bill(effect, position, actor)
        plan = await self._act_as_staff(effect, position, actor)
        return await self._named(plan, effect, actor)

    async def _named(self, plan: EffectResult, effect: Act[Any], actor: Actor) -> EffectResult:
        """The plan, its refusal naming the merchant of the role that was refused."""
        view, staff_id = plan.result, getattr(effect, "staff_id", "")
        if not isinstance(view, v.OrderView) or not view.refused or view.merchant:
            return plan
        name = await self._roles.merchant_of(staff_id, actor)
        return msgspec.structs.replace(plan, result=msgspec.structs.replace(view, merchant=name))

    async def _act_as_staff(self, effect: Act[Any], position: int, actor: Actor) -> EffectResult:
        match effect:
            case b.SendNote():
                return await self._business.note(effect, actor)
            case b.Refund():
                return await self._business.refund(effect, position, actor)
            case b.PayOut():
                return await self._business.pay_out(effect, position, actor)
            case b.Withdraw():
                return await self._business.withdraw(effect, position, actor)
            case b.ChargeUnder():
                return await self._business.charge(effect, position, actor)
            case b.MakeInvoice():
                return await self._business.invoice(effect, position, actor)
            case b.CancelInvoice():
                return await self._business.cancel_invoice(effect, position, actor)
            case b.AskDetails():
                return await self._details.ask(effect, actor)
            case b.DecideApproval():
                return await self._approvals.decide(effect, position, actor)
            case b.Unlock():
                return await self._unlock(effect, actor)
        raise TypeError(f"no way to do {type(effect).__name__}")

    async def _unlock(self, effect: b.Unlock, actor: Actor) -> EffectResult:
        role = await self._roles.acting(effect.staff_id, Right.UNLOCK, actor)
        change = None if isinstance(role, str) else await self._roles.unlock(role, effect.locked_id)
        return EffectResult((change,), v.Done()) if change else EffectResult(result=v.Done(ok=False))

    async def without_secret(self, effect: SecretAct[Any], actor: Actor) -> Any:
        """The act's result where no secret is needed any more, else None: its order has moved on."""
        if isinstance(effect, e.SubmitOtp):
            return await self._payments.without_otp(effect.order_id, actor)
        return None

    async def act_with(self, secret: str, effect: SecretAct[Any], actor: Actor) -> EffectResult:
        """The plan of an act that needs a secret; the secret lives in its `inside` call alone."""
        match effect:
            case e.SubmitOtp():
                return await self._payments.submit_otp(secret, effect.order_id, actor)
            case e.BalanceWithPin():
                return EffectResult(
                    provider_call=lambda: self._staff.balance_with_pin(secret, effect.staff_id, actor)
                )
            case b.CheckPin():
                return EffectResult(
                    provider_call=lambda: self._roles.check_pin(secret, effect.staff_id, actor)
                )
            case e.LinkWithCode():
                return await self._links.link_with(secret, effect.msisdn, actor)
            case e.ClaimRole():
                return EffectResult(provider_call=lambda: self._staff.claim(secret, actor))
            case b.ChoosePin():
                return EffectResult(result=await self._roles.choose_pin(secret, effect.staff_id, actor))
            case b.ChangePin():
                return EffectResult(
                    provider_call=lambda: self._roles.change_pin(secret, effect.staff_id, effect.first, actor)
                )
            case b.EnrolStaff():
                return EffectResult(
                    provider_call=lambda: self._staff.enrol(secret, effect.staff_id, effect.first, actor),
                    then=actor.renewal(self._clock()),
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
