"""What customers agree to for a while: auto-debits and invoices of their own number; and bills."""

from typing import Final

import msgspec

from bot.dialog import views as v
from bot.money import (
    ENDED,
    EVERY,
    AgreementKind,
    AgreementState,
    Money,
    Msisdn,
    OrderDetails,
    OrderKind,
    Source,
)
from bot.operations.actor import Actor, EffectResult, RequestKey
from bot.operations.asking import PhoneRules
from bot.operations.new_order import (
    NO_AMOUNT,
    agreement_view,
    bill_view,
    draft,
    is_debited,
    refused_view,
    sketch,
    view_of,
)
from bot.operations.staff_requests import agreement_of
from bot.orders.provider_calls import Calls
from bot.runtime.clock import Clock, Ids
from bot.store.base import CreateOrder, KeepAgreement, Store
from bot.store.records import AgreementRow, MerchantRow

__all__ = ["Agreements"]

_LISTED: Final = 9
_STANDING: Final = 100
_MOST_DAYS: Final = 366
_DAY_S: Final = 24 * 3600


class Agreements:
    """What a customer does with auto-debits, invoices and bills."""

    def __init__(self, store: Store, calls: Calls, clock: Clock, ids: Ids, phones: PhoneRules) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._ids = ids
        self._phones = phones

    async def own(self, actor: Actor, kind: str) -> tuple[v.AgreementView, ...]:
        """The agreements of the actor's verified number; an invoice only while it can be paid."""
        if not actor.msisdn:
            return ()
        found = []
        for row in await self._store.agreements_of_payer(actor.msisdn, kind, _LISTED):
            over = row.until_ms is not None and row.until_ms <= self._clock()
            if kind == AgreementKind.INVOICE and (row.state is not AgreementState.ACTIVE or over):
                continue
            merchant = await self._store.merchant(row.merchant_id)
            name = merchant.shown if merchant else ""
            found.append(await agreement_view(self._store, row, name, self._clock()))
        return tuple(found)

    async def debit(
        self, actor: Actor, *, amount: Money, payer: Msisdn, merchant_id: str = "", staff_id: str = ""
    ) -> v.Debit:
        """What the actor's auto-debits make of a request to their own wallet: for a merchant, or for the
        merchant of a role."""
        if staff_id:
            merchant_id = next((row.merchant_id for row in actor.staff if row.id == staff_id), "")
        merchant = await self._store.merchant(merchant_id)
        if merchant is None or not actor.msisdn or payer != actor.msisdn:
            return v.Debit()
        standing = await self._auto_debits(actor.msisdn)
        rows = [row for row in standing if row.account_id == merchant.account_id]
        if not rows:
            return v.Debit()
        now_ms = self._clock()
        asking = self._phones.asking(actor, payer, told=True)
        sketched = sketch(OrderKind.COLLECTION, amount, merchant, actor, now_ms, payer=payer)
        agreed = await self._phones.why_not(sketched, asking) != "auto_debit"
        # The merchant's own one serves it, else any of them.
        serving = next((row for row in rows if row.merchant_id == merchant.id), rows[0])
        of = await self._store.merchant(serving.merchant_id)
        stops = [row.id for row in rows if not await self._store.is_being_stopped(row.id)]
        return v.Debit(of.shown if of else merchant.shown, agreed, () if agreed else tuple(stops))

    async def set_up(
        self, actor: Actor, key: RequestKey, *, merchant_id: str, most: Money, every: str, days: int
    ) -> EffectResult:
        """Ask the actor to let the merchant debit their own wallet without a PIN: at most `most` each time,
        not more often than once `every` (day, week, month), for so many days."""
        kind = OrderKind.PREAPPROVAL
        before = await self._store.order_of_act(*key.columns)
        merchant = await self._store.merchant(merchant_id)
        name = merchant.shown if merchant else ""
        if before is not None:
            return EffectResult(result=view_of(before, name))
        why = self._cannot(merchant, kind, most)
        if not why and (not actor.msisdn or every not in EVERY):
            why = "not_allowed"
        if not why and not 1 <= days <= _MOST_DAYS:
            why = "not_available"
        if not why:
            standing = await self._auto_debits(actor.msisdn)
            why = "already" if any(row.merchant_id == merchant_id for row in standing) else ""
        now_ms = self._clock()
        asking = self._phones.asking(actor, actor.msisdn)
        if merchant is not None and not why:
            sketched = sketch(kind, most, merchant, actor, now_ms, payer=actor.msisdn)
            why = await self._phones.refusal(sketched, asking, actor)
        if merchant is None or why:
            return EffectResult(result=refused_view(why or "merchant", most, name, kind=kind))
        order = draft(
            kind,
            most,
            merchant,
            actor,
            key,
            self._ids,
            now_ms,
            payer=actor.msisdn,
            details=OrderDetails(validity_s=days * _DAY_S),
            agreement_id=self._ids.uuid(),
        )
        row = agreement_of(order, AgreementKind.PREAPPROVAL, every=every)
        create = CreateOrder(order, Source.US, asking=asking)
        return EffectResult((KeepAgreement(row), create), view_of(order, name))

    async def _auto_debits(self, payer: Msisdn) -> tuple[AgreementRow, ...]:
        return await self._store.agreements_of_payer(payer, AgreementKind.PREAPPROVAL, _STANDING)

    async def stop(self, actor: Actor, key: RequestKey, *, agreement_id: str) -> EffectResult:
        kind = OrderKind.PREAPPROVAL_CANCEL
        before = await self._store.order_of_act(*key.columns)
        row = await self._store.agreement(agreement_id)
        merchant = await self._store.merchant(row.merchant_id) if row else None
        if before is not None:
            return EffectResult(result=view_of(before, merchant.shown if merchant else ""))
        own = row is not None and bool(actor.msisdn) and row.payer == actor.msisdn
        if row is None or merchant is None or not own or row.kind is not AgreementKind.PREAPPROVAL:
            return EffectResult(result=refused_view("not_allowed", NO_AMOUNT, kind=kind))
        amount = Money(row.amount_minor, row.currency)
        if row.state in ENDED:
            return EffectResult(result=refused_view("gone", amount, merchant.shown, kind=kind))
        # Theirs is known a moment after the payer approved.
        if row.state is not AgreementState.ACTIVE or not row.provider_id:
            return EffectResult(result=refused_view("not_yet", amount, merchant.shown, kind=kind))
        if not self._calls.accounts.leads_to(row.account_id, row.place):
            return EffectResult(result=refused_view("not_available", amount, merchant.shown, kind=kind))
        order = draft(
            kind,
            amount,
            merchant,
            actor,
            key,
            self._ids,
            self._clock(),
            payer=row.payer,
            details=OrderDetails(about_reference=row.reference, about_provider_reference=row.provider_id),
            agreement_id=row.id,
        )
        order = msgspec.structs.replace(order, account_id=row.account_id)
        return EffectResult((CreateOrder(order, Source.US),), view_of(order, merchant.shown))

    # ---- bills -----------------------------------------------------------------------------------

    async def bills(self) -> tuple[v.BillCard, ...]:
        """Each account's bills once, paid by the first merchant on it."""
        found: dict[str, v.BillCard] = {}
        for merchant in await self._store.merchants():
            if not merchant.active or merchant.account_id not in self._calls.accounts:
                continue
            if OrderKind.BILL not in self._calls.accounts.kinds(merchant.account_id):
                continue
            account = self._calls.accounts.account(merchant.account_id)
            adapter = self._calls.accounts.adapter(merchant.account_id)
            for name in self._calls.accounts.bills(merchant.account_id):
                found.setdefault(
                    name,
                    v.BillCard(
                        name=name,
                        merchant_id=merchant.id,
                        currency=merchant.currency,
                        region=account.region,
                        most_minor=merchant.max_amount_minor,
                        amounts=adapter.amounts(account, OrderKind.COLLECTION),
                        numbers=adapter.numbers(account),
                        debits=OrderKind.PREAPPROVAL in self._calls.accounts.kinds(merchant.account_id),
                    ),
                )
        return tuple(found.values())

    async def pay_bill(
        self,
        actor: Actor,
        key: RequestKey,
        *,
        merchant_id: str,
        bill: str,
        customer_reference: str,
        amount: Money,
        payer: Msisdn,
        unasked: bool = False,
    ) -> EffectResult:
        """The money first: only once it is there the bill is paid with it.

        See `bot.orders.rules.follow_ups`.
        """
        kind = OrderKind.BILL
        before = await self._store.order_of_act(*key.columns)
        merchant = await self._store.merchant(merchant_id)
        name = merchant.shown if merchant else ""
        if before is not None:
            return EffectResult(result=await bill_view(self._store, before, name))
        why = self._cannot(merchant, kind, amount)
        if merchant is None or why or not self._knows_bill(merchant, bill):
            return EffectResult(result=refused_view(why or "not_available", amount, name, kind=kind))
        now_ms = self._clock()
        details = OrderDetails(service_provider=bill, customer_reference=customer_reference)
        given = {"payer": payer, "note": bill, "details": details}
        asking = self._phones.asking(actor, payer, told=unasked)
        sketched = sketch(OrderKind.COLLECTION, amount, merchant, actor, now_ms, **given)
        if why := await self._phones.refusal(sketched, asking, actor):
            return EffectResult(result=refused_view(why, amount, name, kind=kind))
        order = draft(OrderKind.COLLECTION, amount, merchant, actor, key, self._ids, now_ms, **given)
        create = CreateOrder(order, Source.US, asking=asking)
        debited = asking.own and await is_debited(self._store, order)
        view = msgspec.structs.replace(await bill_view(self._store, order, name), unasked=debited)
        return EffectResult((create,), view, payment=view)

    def _knows_bill(self, merchant: MerchantRow, bill: str) -> bool:
        return bill in self._calls.accounts.bills(merchant.account_id)

    def _cannot(self, merchant: MerchantRow | None, kind: OrderKind, amount: Money) -> str:
        if merchant is None or not merchant.active or merchant.account_id not in self._calls.accounts:
            return "merchant"
        if kind not in self._calls.accounts.kinds(merchant.account_id):
            return "not_available"
        if amount.currency != merchant.currency:
            return "not_available"
        most = merchant.max_amount_minor
        return "limit" if most is not None and amount.amount_minor > most else ""
