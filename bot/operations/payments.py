"""Payments: begun, given their code, asked about, and shown to whoever began them."""

from typing import Any, Final

import msgspec

from bot.dialog import views as v
from bot.money import FINAL, Money, Msisdn, OrderDetails, OrderKind, OrderState, Source
from bot.operations.actor import Actor, EffectResult, RequestKey
from bot.operations.asking import PhoneRules
from bot.operations.new_order import (
    NO_AMOUNT,
    bill_view,
    draft,
    is_debited,
    refused_view,
    sketch,
    view_of,
    with_refunds,
)
from bot.operations.waiting_calls import WaitingCalls
from bot.orders.context_loader import ContextLoader
from bot.orders.provider_calls import Calls
from bot.orders.rules import (
    OTP_TRIES,
    Settled,
    after_otp,
    after_request,
    after_silence,
    after_status,
    applied,
    may_withdraw,
    withdrawn,
)
from bot.providers.base import AsksOtp, ProviderError
from bot.runtime.clock import Clock, Ids
from bot.runtime.timeouts import Timeouts
from bot.store.base import Conflict, CreateOrder, MoveOrder, OrderFields, Store
from bot.store.records import MerchantRow, OrderRow

__all__ = ["Payments"]

_SHOWN: Final = 5
_DUPLICATES_AMONG: Final = 20
_AMOUNTS: Final = 3


class Payments:
    """What a customer does with payments: begin one, give its code, ask about it, list them."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        context_loader: ContextLoader,
        waiting: WaitingCalls,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        phones: PhoneRules,
    ) -> None:
        self._store = store
        self._calls = calls
        self._context_loader = context_loader
        self._waiting = waiting
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._phones = phones

    # ---- begun -----------------------------------------------------------------------------------

    async def request(
        self,
        actor: Actor,
        key: RequestKey,
        *,
        merchant_id: str,
        amount: Money,
        payer: Msisdn,
        network: str = "",
        unasked: bool = False,
        reference: str = "",
    ) -> EffectResult:
        """A new order that asks the payer for the money, the one this request made before, or a refusal.

        `unasked`: whoever acts agreed that no PIN may be asked for. `reference`: what the payer gave where
        the merchant asks for something; it goes along to the wallet behind the merchant's name."""
        before = await self._store.order_of_act(*key.columns)
        if before is not None:
            return EffectResult(result=await self._view(before, unsure=self._was_cut_off(before)))
        merchant = await self._store.merchant(merchant_id)
        name = merchant.shown if merchant else ""
        refusal = self._refusal(amount, merchant)
        if merchant is None or refusal:
            return EffectResult(result=refused_view(refusal, amount, name, payer=payer))
        now_ms = self._clock()
        given: dict[str, Any] = {"payer": payer, "network": network}
        if reference and merchant.asks_for:
            given["details"] = OrderDetails(asked_for=merchant.asks_for, given=reference)
            given["note"] = f"{merchant.name} {reference}"
        asking = self._phones.asking(actor, payer, told=unasked)
        sketched = sketch(OrderKind.COLLECTION, amount, merchant, actor, now_ms, **given)
        if why := await self._phones.refusal(sketched, asking, actor):
            return EffectResult(result=refused_view(why, amount, name, payer=payer))
        order = draft(OrderKind.COLLECTION, amount, merchant, actor, key, self._ids, now_ms, **given)
        create = CreateOrder(order, Source.US, asking=asking)
        debited = asking.own and await is_debited(self._store, order)
        view = msgspec.structs.replace(await self._view(order, merchant), unasked=debited)
        if not await self._may_want_otp(order):
            return EffectResult((create,), view, payment=view)
        # Nobody asks while the call is under way; should this process die in it, the worker takes over by
        # asking.
        lease_until_ms = now_ms + int(self._timeouts.lease_s * 1000)
        sent = MoveOrder(
            order_id=order.id,
            expected=order.version,
            to_state=OrderState.PENDING,
            source=Source.US,
            at_ms=now_ms,
            due_ms=lease_until_ms,
            lease_until_ms=lease_until_ms,
            fields=OrderFields(
                sent_ms=now_ms,
                place=self._calls.accounts.place(order.account_id),
                sent_with=self._calls.keys_hash(order.account_id),
            ),
        )
        pending = applied(order, sent)

        async def call() -> v.OrderView:
            after, sure = await self._waiting.make(
                lambda: self._calls.request_order(pending, self._timeouts.call_s),
                after_request,
                pending,
                actor,
            )
            return await self._view(after, unsure=not sure)

        return EffectResult((create, sent), provider_call=call, payment=view)

    def _refusal(self, amount: Money, merchant: MerchantRow | None) -> str:
        if merchant is None or not merchant.active or merchant.account_id not in self._calls.accounts:
            return "merchant"
        most = merchant.max_amount_minor
        return "limit" if most is not None and amount.amount_minor > most else ""

    async def _may_want_otp(self, order: OrderRow) -> bool:
        if not self._calls.accounts.can(order.account_id, AsksOtp):
            return False
        return not await self._store.paid_before(order.payer, order.account_id)

    def _was_cut_off(self, order: OrderRow) -> bool:
        """Whether the order was sent inside a turn that never heard the answer: a code may be wanted,
        or nothing at all, and only the provider knows."""
        accounts = self._calls.accounts
        inside = accounts.can(order.account_id, AsksOtp)
        return inside and order.sent_ms is not None and order.accepted_ms is None

    # ---- the code --------------------------------------------------------------------------------

    async def submit_otp(self, actor: Actor, otp: str, order_id: str) -> EffectResult:
        """Give the provider the one-time code of the actor's own payment, if one is still waited for."""
        order = await self._store.order(order_id)
        if order is None or order.person_id != actor.person.id:
            return EffectResult(result=refused_view("merchant", NO_AMOUNT))
        if order.state is not OrderState.NEEDS_OTP:
            return EffectResult(result=await self._view(order))
        now_ms = self._clock()
        lease_until_ms = now_ms + int(self._timeouts.lease_s * 1000)
        tried = MoveOrder(
            order_id=order.id,
            expected=order.version,
            to_state=OrderState.PENDING,
            source=Source.PAYER,
            at_ms=now_ms,
            due_ms=lease_until_ms,
            lease_until_ms=lease_until_ms,
            fields=OrderFields(otp_tries=order.otp_tries + 1),
        )
        pending = applied(order, tried)

        async def call() -> v.OrderView:
            after, sure = await self._waiting.make(
                lambda: self._calls.submit_otp(pending, otp, self._timeouts.call_s), after_otp, pending, actor
            )
            return await self._view(after, unsure=not sure)

        return EffectResult((tried,), provider_call=call, payment=await self._view(pending), goes_on=True)

    async def without_otp(self, actor: Actor, order_id: str) -> v.OrderView | None:
        """The order where it waits for no code any more: given elsewhere, run out, or tried too often,
        so that the payer's word is not wanted, nor known to be right."""
        order = await self.own(actor, order_id, unsure=True)
        return order if order is None or order.state is not OrderState.NEEDS_OTP else None

    # ---- asked about -----------------------------------------------------------------------------

    async def ask_status(self, actor: Actor, order_id: str) -> v.OrderView | None:
        """The order's state asked live; settled here exactly as the worker would."""
        order = await self._store.order(order_id)
        if order is None or order.person_id != actor.person.id:
            return None
        now_ms = self._clock()
        recently = now_ms - (order.last_polled_ms or 0) < self._timeouts.hint_spacing_s * 1000
        # Before the request itself has been answered nobody knows more than we do.
        answered = order.accepted_ms or now_ms - (order.sent_ms or now_ms) > self._timeouts.call_s * 1000
        held = order.lease_until_ms > now_ms
        asked_about = order.state in (OrderState.PENDING, OrderState.UNRESOLVED) and answered
        if asked_about and not recently and not held:
            answer = await self._calls.status(order, self._timeouts.look_up_s / 2)
            ctx = await self._context_loader.of(order, told=actor.told, session_open=True)
            if isinstance(answer, ProviderError):
                settled = after_silence(order, answer, ctx)
            else:
                settled = after_status(order, answer, Source.POLL, ctx)
            order = await self._keep(order, settled)
        (shown,) = await with_refunds(self._store, [await self._view(order)], now_ms)
        return shown

    # ---- taken back ------------------------------------------------------------------------------

    async def withdraw(self, actor: Actor, order_id: str) -> EffectResult:
        """Take the actor's own payment back while nothing of it has left; its view says what became of it.

        It commits by itself, so that a worker that is faster is no fault of the turn."""

        async def call() -> v.OrderView:
            order = await self._store.order(order_id)
            if order is None or order.person_id != actor.person.id:
                return refused_view("merchant", NO_AMOUNT)
            if may_withdraw(order):
                # Told all the same: in a chat it takes the place of the message that asked for the PIN.
                ctx = await self._context_loader.of(order)
                order = await self._keep(order, withdrawn(order, ctx))
            return await self._view(order)

        return EffectResult(provider_call=call)

    async def _keep(self, before: OrderRow, settled: Settled) -> OrderRow:
        """Commit a settlement; where the worker was faster, its word stands."""
        try:
            await self._store.commit(settled.changes)
        except Conflict:
            return await self._store.order(before.id) or before
        return settled.order

    # ---- shown -----------------------------------------------------------------------------------

    async def own(self, actor: Actor, order_id: str, *, unsure: bool = False) -> v.OrderView | None:
        """The actor's own order as it is kept; None where it is somebody else's. `unsure`: while it is
        PENDING, say that it is being checked."""
        order = await self._store.order(order_id)
        own = order is not None and order.person_id == actor.person.id
        return await self._view(order, unsure=unsure) if order is not None and own else None

    async def latest(self, actor: Actor) -> tuple[v.OrderView, ...]:
        """The actor's latest orders, newest first."""
        orders = await self._store.orders_of_person(actor.person.id, _SHOWN)
        views = [await self._view(order) for order in orders]
        return await with_refunds(self._store, views, self._clock())

    async def own_by_code(self, actor: Actor, code: str) -> v.OrderView | None:
        """The actor's own order with this reference; None where it is somebody else's or there is none."""
        order = await self._store.order_by_code(code)
        return await self.own(actor, order.id) if order is not None else None

    async def network_used(self, actor: Actor, merchant_id: str, payer: Msisdn) -> str:
        """The network of the actor's last payment from this number through the merchant's account; empty
        where none went through."""
        merchant = await self._store.merchant(merchant_id)
        for order in await self._store.orders_of_person(actor.person.id, _DUPLICATES_AMONG):
            same = merchant is not None and order.account_id == merchant.account_id and order.payer == payer
            if same and order.network and order.state in (OrderState.SUCCESSFUL, OrderState.REVERSED):
                return order.network
        return ""

    async def amounts_paid(self, actor: Actor, merchant_id: str) -> tuple[Money, ...]:
        """What the actor paid this merchant, each amount once, the latest first, three at the most."""
        amounts = [
            Money(order.amount_minor, order.currency)
            for order in await self._store.orders_of_person(actor.person.id, _DUPLICATES_AMONG)
            if order.merchant_id == merchant_id
            and order.kind is OrderKind.COLLECTION
            and order.state is OrderState.SUCCESSFUL
            and not order.details.service_provider
        ]
        return tuple(dict.fromkeys(amounts))[:_AMOUNTS]

    async def find_duplicate(self, actor: Actor, merchant_id: str, amount: Money) -> str:
        """The code of an open order of the same person, merchant and amount; empty without one."""
        for order in await self._store.orders_of_person(actor.person.id, _DUPLICATES_AMONG):
            same = order.merchant_id == merchant_id and order.currency == amount.currency
            if same and order.amount_minor == amount.amount_minor and order.state not in FINAL:
                return order.code
        return ""

    async def _view(
        self, order: OrderRow, merchant: MerchantRow | None = None, *, unsure: bool = False
    ) -> v.OrderView:
        merchant = merchant or await self._store.merchant(order.merchant_id)
        if order.kind is OrderKind.COLLECTION and order.details.service_provider:
            return await bill_view(self._store, order, merchant.shown if merchant else "")
        return view_of(
            order,
            merchant.shown if merchant else "",
            tries_left=OTP_TRIES - order.otp_tries,
            unsure=unsure and order.state is OrderState.PENDING,
            hint=self._hint(order),
            until_ms=order.deadline_ms if order.state is OrderState.PENDING and order.accepted_ms else None,
            can_withdraw=may_withdraw(order),
            merchant_code=merchant.code if merchant else "",
        )

    def _hint(self, order: OrderRow) -> str:
        """Where the payer finds the request that waits for their PIN."""
        if order.state not in (OrderState.NEW, OrderState.PENDING) or order.kind is not OrderKind.COLLECTION:
            return ""
        accounts = self._calls.accounts
        known = order.account_id in accounts
        return accounts.account(order.account_id).approvals_hint(order.network) if known else ""
