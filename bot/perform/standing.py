"""What customers agree to for a while: auto-debits and invoices of their own number; and bills."""

from typing import Final

import msgspec

from bot.calls import Calls
from bot.clock import Clock, Ids
from bot.money import (
    ENDED,
    EVERY,
    AgreementKind,
    AgreementState,
    Money,
    OrderKind,
    Source,
    Terms,
)
from bot.perform.business import Business, agreement_of
from bot.perform.drafts import (
    OPEN_PER_PAYER,
    allows,
    bill_view,
    draft,
    has_too_many,
    refused_view,
    view_of,
    would_debit,
)
from bot.perform.plan import Plan, Speaker
from bot.store.base import CreateOrder, KeepAgreement, Store
from bot.store.records import MerchantRow
from flows import business_effects as b
from flows import effects as e

__all__ = ["Standing"]

_LISTED: Final = 9
_MOST_DAYS: Final = 366
_DAY_S: Final = 24 * 3600


class Standing:
    def __init__(self, store: Store, calls: Calls, business: Business, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._calls = calls
        self._business = business
        self._clock = clock
        self._ids = ids

    async def own(self, kind: str, speaker: Speaker) -> tuple[b.AgreementView, ...]:
        """Of the speaker's verified number; nobody else's. An invoice only while it can be paid."""
        if not speaker.msisdn:
            return ()
        found = []
        for row in await self._store.agreements_of_payer(speaker.msisdn, kind, _LISTED):
            over = row.until_ms is not None and row.until_ms <= self._clock()
            if kind == AgreementKind.INVOICE and (row.state is not AgreementState.ACTIVE or over):
                continue
            merchant = await self._store.merchant(row.merchant_id)
            found.append(await self._business.shown(row, merchant.name if merchant else ""))
        return tuple(found)

    async def set_up(self, wanted: e.SetUpAutoDebit, position: int, speaker: Speaker) -> Plan:
        kind = OrderKind.PREAPPROVAL
        before = await self._store.order_of_act(speaker.conversation_id, position)
        merchant = await self._store.merchant(wanted.merchant_id)
        name = merchant.name if merchant else ""
        if before is not None:
            return Plan(result=view_of(before, name))
        why = self._cannot(merchant, kind, wanted.most)
        if not why and (not speaker.msisdn or wanted.every not in EVERY):
            why = "not_allowed"
        if not why and not 1 <= wanted.days <= _MOST_DAYS:
            why = "not_available"
        if not why:
            standing = await self._store.agreements_of_payer(speaker.msisdn, AgreementKind.PREAPPROVAL, 100)
            why = "already" if any(row.merchant_id == wanted.merchant_id for row in standing) else ""
        if not why and await has_too_many(self._store, speaker.msisdn):
            why = "too_many"
        if merchant is None or why:
            return Plan(result=refused_view(why or "merchant", wanted.most, name, kind=kind))
        order = draft(
            kind,
            wanted.most,
            merchant,
            speaker,
            position,
            self._ids,
            self._clock(),
            payer=speaker.msisdn,
            terms=Terms(validity_s=wanted.days * _DAY_S),
            agreement_id=self._ids.uuid(),
        )
        row = agreement_of(order, AgreementKind.PREAPPROVAL, every=wanted.every)
        create = CreateOrder(order, Source.US, open_at_most=OPEN_PER_PAYER)
        return Plan((KeepAgreement(row), create), view_of(order, name))

    async def stop(self, agreement_id: str, position: int, speaker: Speaker) -> Plan:
        kind = OrderKind.PREAPPROVAL_CANCEL
        before = await self._store.order_of_act(speaker.conversation_id, position)
        row = await self._store.agreement(agreement_id)
        merchant = await self._store.merchant(row.merchant_id) if row else None
        if before is not None:
            return Plan(result=view_of(before, merchant.name if merchant else ""))
        own = row is not None and bool(speaker.msisdn) and row.payer == speaker.msisdn
        if row is None or merchant is None or not own or row.kind is not AgreementKind.PREAPPROVAL:
            return Plan(result=refused_view("not_allowed", Money(0, "GHS"), kind=kind))
        amount = Money(row.amount_minor, row.currency)
        if row.state in ENDED:
            return Plan(result=refused_view("gone", amount, merchant.name, kind=kind))
        # Theirs is known a moment after the payer approved.
        if row.state is not AgreementState.ACTIVE or not row.provider_id:
            return Plan(result=refused_view("not_yet", amount, merchant.name, kind=kind))
        order = draft(
            kind,
            amount,
            merchant,
            speaker,
            position,
            self._ids,
            self._clock(),
            payer=row.payer,
            terms=Terms(about_reference=row.reference, about_provider_reference=row.provider_id),
            agreement_id=row.id,
        )
        order = msgspec.structs.replace(order, connection=row.connection)
        return Plan((CreateOrder(order, Source.US),), view_of(order, merchant.name))

    # ---- bills -----------------------------------------------------------------------------------

    async def bills(self) -> tuple[e.BillCard, ...]:
        """Each account's bills once, paid by the first merchant on it."""
        found: dict[str, e.BillCard] = {}
        for merchant in await self._store.merchants():
            if not merchant.active or merchant.connection not in self._calls.connections:
                continue
            if OrderKind.BILL not in self._calls.connections.kinds(merchant.connection):
                continue
            account = self._calls.connections.account(merchant.connection)
            for name in account.bills:
                found.setdefault(
                    name,
                    e.BillCard(
                        name=name,
                        merchant_id=merchant.id,
                        currency=merchant.currency,
                        region=account.region,
                        most_minor=merchant.max_amount_minor,
                    ),
                )
        return tuple(found.values())

    async def pay_bill(self, wanted: e.PayBill, position: int, speaker: Speaker) -> Plan:
        """The money first: only once it is there the bill is paid with it (see `bot.settle.follow_ups`)."""
        kind = OrderKind.BILL
        before = await self._store.order_of_act(speaker.conversation_id, position)
        merchant = await self._store.merchant(wanted.merchant_id)
        name = merchant.name if merchant else ""
        if before is not None:
            return Plan(result=await bill_view(self._store, before, name))
        why = self._cannot(merchant, kind, wanted.amount)
        if not why and await has_too_many(self._store, wanted.payer):
            why = "too_many"
        if merchant is None or why or not await self.knows_bill(merchant, wanted.bill):
            return Plan(result=refused_view(why or "not_available", wanted.amount, name, kind=kind))
        if await would_debit(self._store, merchant, wanted.payer, speaker):
            return Plan(result=refused_view("auto_debit", wanted.amount, name, kind=kind))
        terms = Terms(service_provider=wanted.bill, customer_reference=wanted.customer_reference)
        order = draft(
            OrderKind.COLLECTION,
            wanted.amount,
            merchant,
            speaker,
            position,
            self._ids,
            self._clock(),
            payer=wanted.payer,
            note=wanted.bill,
            terms=terms,
        )
        create = CreateOrder(
            order, Source.US, open_at_most=OPEN_PER_PAYER, alone=wanted.payer != speaker.msisdn
        )
        own = wanted.payer == speaker.msisdn and await allows(
            self._store, merchant, wanted.payer, self._clock()
        )
        view = msgspec.structs.replace(await bill_view(self._store, order, name), unasked=own)
        return Plan((create,), view, payment=view)

    async def knows_bill(self, merchant: MerchantRow, bill: str) -> bool:
        return bill in self._calls.connections.account(merchant.connection).bills

    def _cannot(self, merchant: MerchantRow | None, kind: OrderKind, amount: Money) -> str:
        if merchant is None or not merchant.active or merchant.connection not in self._calls.connections:
            return "merchant"
        if kind not in self._calls.connections.kinds(merchant.connection):
            return "not_available"
        if amount.currency != merchant.currency:
            return "not_available"
        most = merchant.max_amount_minor
        return "limit" if most is not None and amount.amount_minor > most else ""
