"""What staff begin for their merchant: refunds, payouts, withdrawals, debits, invoices; and look up.

Each act checks the role again, plans one order, and holds a payout above the merchant's limit for a
second person. The store checks limits, switches and agreements once more, where nobody can be faster.
"""

from typing import Final

import msgspec

from bot.dialog import views as v
from bot.money import (
    FINAL,
    PAYMENTS,
    PAYOUTS,
    AgreementKind,
    AgreementState,
    Money,
    Msisdn,
    OrderDetails,
    OrderKind,
    OrderState,
    Reason,
    Right,
    Source,
    read_code,
    rights_of,
)
from bot.money.agreements import period_start_ms
from bot.notifications.approval_messages import approval_prompts
from bot.operations.actor import Actor, EffectResult, RequestKey
from bot.operations.asking import PhoneRules
from bot.operations.limits import second_person_limit
from bot.operations.new_order import (
    NO_AMOUNT,
    agreement_view,
    caps_of,
    draft,
    order_of,
    refused_view,
    request_of,
    view_of,
    with_refunds,
)
from bot.operations.receipts import receipt_of
from bot.operations.staff_roles import ActingRole, StaffRoles
from bot.orders.provider_calls import Calls
from bot.providers.base import Declined, ListsBanks, NotifiesPayers, ProviderError
from bot.runtime.clock import Clock, Ids
from bot.runtime.timeouts import Timeouts
from bot.store.base import Asking, Cap, Change, CreateOrder, KeepAgreement, KeepApproval, Queue, Store
from bot.store.records import AgreementRow, ApprovalRow, ApprovalState, MerchantRow, OrderRow

__all__ = ["StaffRequests"]

_SHOWN: Final = 5
# What fits in one SMS, and what providers take of a message to a payer.
_NOTE_MOST: Final = 160
_LISTED: Final = 9
_DAY_MS: Final = 24 * 3600_000
_APPROVAL_MS: Final = _DAY_MS
# A message refused: the payment is not known as paid yet, or had a message a moment ago; or it is long past.
_NOT_NOTED: Final = {
    Reason.NOT_COMPLETED: "too_early",
    Reason.SERVICE_DOWN: "too_early",
    Reason.EXPIRED: "too_late",
}


class StaffRequests:
    """What staff look up and begin for their merchant, one method each."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        roles: StaffRoles,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        phones: PhoneRules,
    ) -> None:
        self._store = store
        self._calls = calls
        self._roles = roles
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._phones = phones

    # ---- looked up -------------------------------------------------------------------------------

    async def find(self, actor: Actor, *, staff_id: str, code: str) -> v.FoundPayment | None:
        """The merchant's payment with this order code, None where there is none."""
        role = await self._roles.acting(staff_id, Right.LOOK_UP, actor)
        known = read_code(code)
        order = await self._store.order_by_code(known) if known else None
        if isinstance(role, str) or order is None:
            return None
        if order.merchant_id != role.merchant.id or order.kind not in PAYMENTS:
            return None
        paid = order.state is OrderState.SUCCESSFUL
        can_refund = Right.REFUND in rights_of(role.row.role) and self._can_make(order, OrderKind.REFUND)
        left = await self._left_minor(order) if paid else 0
        can_note = paid and self._calls.accounts.can(order.account_id, NotifiesPayers)
        view = view_of(order, role.merchant.shown)
        (shown,) = await with_refunds(self._store, [view], self._clock())
        return v.FoundPayment(
            order=shown,
            refundable=Money(left, order.currency) if can_refund and left > 0 else None,
            can_note=can_note,
            note_most=_NOTE_MOST - len(_said_by(role.merchant)),
            receipt=await receipt_of(self._store, order, role.merchant.shown),
        )

    async def latest(self, actor: Actor, staff_id: str) -> tuple[v.OrderView, ...]:
        """The merchant's latest payments, newest first."""
        role = await self._roles.acting(staff_id, Right.LOOK_UP, actor)
        if isinstance(role, str):
            return ()
        orders = await self._store.orders_of_merchant(role.merchant.id, _SHOWN)
        views = [view_of(order, role.merchant.shown) for order in orders]
        return await with_refunds(self._store, views, self._clock())

    async def standing(self, actor: Actor, *, staff_id: str, kind: str) -> tuple[v.AgreementView, ...]:
        """The merchant's agreements that stand; of auto-debits those whose time is not over, with what may
        be taken now."""
        right = Right.INVOICE if kind == AgreementKind.INVOICE else Right.CHARGE
        role = await self._roles.acting(staff_id, right, actor)
        if isinstance(role, str):
            return ()
        rows = await self._store.agreements_of_merchant(role.merchant.id, kind, _LISTED)
        if kind == AgreementKind.PREAPPROVAL:
            rows = tuple(row for row in rows if row.until_ms is None or row.until_ms > self._clock())
        name, now_ms = role.merchant.shown, self._clock()
        return tuple([await agreement_view(self._store, row, name, now_ms) for row in rows])

    async def banks(self, actor: Actor, staff_id: str) -> tuple[v.BankView, ...]:
        """The banks that the merchant's account can pay out to, asked live; empty where none is told."""
        role = await self._roles.acting(staff_id, Right.PAY_OUT, actor)
        if isinstance(role, str) or not self._calls.accounts.can(role.merchant.account_id, ListsBanks):
            return ()
        found = await self._calls.ask(
            role.merchant.account_id,
            ListsBanks,
            lambda adapter, account: adapter.banks(account),
            self._timeouts.look_up_s,
        )
        return () if isinstance(found, ProviderError) else tuple(v.BankView(f.code, f.name) for f in found)

    # ---- begun -----------------------------------------------------------------------------------

    async def note(self, actor: Actor, *, staff_id: str, order_id: str, text: str) -> EffectResult:
        """One more message of the provider's to the payer, who reads first whose it is. Nothing of it is
        kept; a repeat is harmless."""
        role = await self._roles.acting(staff_id, Right.NOTE, actor)
        order = await self._store.order(order_id)
        if isinstance(role, str):
            return EffectResult(result=v.Noted(role))
        if order is None or order.merchant_id != role.merchant.id or order.kind not in PAYMENTS:
            return EffectResult(result=v.Noted("not_allowed"))
        if not self._calls.accounts.can(order.account_id, NotifiesPayers):
            return EffectResult(result=v.Noted("not_available"))
        if order.state is not OrderState.SUCCESSFUL:
            return EffectResult(result=v.Noted("too_early"))
        said = _said_by(role.merchant) + text

        async def call() -> v.Noted:
            error = await self._calls.notify_payer(order, said, self._timeouts.look_up_s)
            if isinstance(error, Declined):
                return v.Noted(_NOT_NOTED.get(error.reason, "not_available"))
            return v.Noted("not_available" if error else "")

        return EffectResult(provider_call=call)

    async def refund(
        self, actor: Actor, key: RequestKey, *, staff_id: str, order_id: str, amount: Money
    ) -> EffectResult:
        """Give a payment back, or part of it; above the merchant's limit once a second person approves."""
        kind = OrderKind.REFUND
        role = await self._roles.acting(staff_id, Right.REFUND, actor)
        paid = await self._store.order(order_id)
        if isinstance(role, str) or paid is None or paid.merchant_id != role.merchant.id:
            why = role if isinstance(role, str) else "not_allowed"
            return await self._refused(actor, staff_id, why, amount, kind)
        if (done := await self._done_before(key, role)) is not None:
            return done
        details = OrderDetails(
            about_reference=paid.reference, about_provider_reference=paid.provider_reference
        )
        order = self._draft(
            kind, amount, role, actor, key,
            payee=paid.payer, parent_id=paid.id, details=details, network=paid.network,
        )  # fmt: skip
        # Money goes back the way it came, whatever account the merchant uses by now.
        order = msgspec.structs.replace(order, account_id=paid.account_id)
        return await self._begin(actor, order, role)

    async def pay_out(
        self,
        actor: Actor,
        key: RequestKey,
        *,
        staff_id: str,
        amount: Money,
        payee: Msisdn = "",
        network: str = "",
        deposit: bool = False,
        bank_code: str = "",
        account_number: str = "",
    ) -> EffectResult:
        """Send the merchant's money to a wallet, or to a bank account where `bank_code` is given. `deposit`:
        by the provider's deposit instead of its transfer."""
        kind = OrderKind.DEPOSIT if deposit else OrderKind.TRANSFER
        role = await self._roles.acting(staff_id, Right.DEPOSIT if deposit else Right.PAY_OUT, actor)
        if isinstance(role, str):
            return await self._refused(actor, staff_id, role, amount, kind)
        if (done := await self._done_before(key, role)) is not None:
            return done
        if not payee and not (bank_code and account_number):
            return await self._refused(actor, staff_id, "not_available", amount, kind)
        details = OrderDetails(bank_code=bank_code, account_number=account_number)
        order = self._draft(kind, amount, role, actor, key, payee=payee, network=network, details=details)
        return await self._begin(actor, order, role)

    async def withdraw(
        self,
        actor: Actor,
        key: RequestKey,
        *,
        staff_id: str,
        amount: Money,
        payer: Msisdn,
        unasked: bool = False,
    ) -> EffectResult:
        """Ask a customer to approve that wallet money comes to the merchant, who hands out cash. `unasked`:
        of the actor's own wallet, agreed to without a PIN."""
        kind = OrderKind.WITHDRAWAL
        role = await self._roles.acting(staff_id, Right.WITHDRAW, actor)
        if isinstance(role, str):
            return await self._refused(actor, staff_id, role, amount, kind)
        if (done := await self._done_before(key, role)) is not None:
            return done
        order = self._draft(kind, amount, role, actor, key, payer=payer)
        asking = self._phones.asking(actor, payer, staff=True, told=unasked)
        return await self._begin(actor, order, role, asking=asking)

    async def charge(
        self, actor: Actor, key: RequestKey, *, staff_id: str, agreement_id: str, amount: Money
    ) -> EffectResult:
        """A debit nobody confirms on a phone: the agreement alone says how much and how often."""
        kind = OrderKind.AGREEMENT_CHARGE
        role = await self._roles.acting(staff_id, Right.CHARGE, actor)
        if isinstance(role, str):
            return await self._refused(actor, staff_id, role, amount, kind)
        if (done := await self._done_before(key, role)) is not None:
            return done
        row = await self._store.agreement(agreement_id)
        now_ms = self._clock()
        if row is None or row.merchant_id != role.merchant.id or row.kind is not AgreementKind.PREAPPROVAL:
            return await self._refused(actor, staff_id, "gone", amount, kind)
        if row.state is not AgreementState.ACTIVE or (row.until_ms is not None and row.until_ms <= now_ms):
            return await self._refused(actor, staff_id, "gone", amount, kind)
        # The payer has been told that it ends, and the provider may be long in saying so.
        if await self._store.is_being_stopped(row.id):
            return await self._refused(actor, staff_id, "gone", amount, kind)
        if amount.currency != row.currency or amount.amount_minor > row.amount_minor:
            most = Money(row.amount_minor, row.currency)
            return await self._refused(actor, staff_id, "over_agreement", amount, kind, most=most)
        since_ms = period_start_ms(row.every, now_ms) if row.every else now_ms
        if row.every and await self._store.debited(row.id, since_ms):
            return await self._refused(actor, staff_id, "too_early", amount, kind)
        order = self._draft(kind, amount, role, actor, key, payer=row.payer, agreement_id=row.id)
        order = msgspec.structs.replace(order, account_id=row.account_id)
        return await self._begin(actor, order, role, debits_since_ms=since_ms)

    async def invoice(
        self,
        actor: Actor,
        key: RequestKey,
        *,
        staff_id: str,
        payer: Msisdn,
        amount: Money,
        description: str,
        days: int,
    ) -> EffectResult:
        """Send a customer an invoice that stands for so many days."""
        kind = OrderKind.INVOICE
        role = await self._roles.acting(staff_id, Right.INVOICE, actor)
        if isinstance(role, str):
            return await self._refused(actor, staff_id, role, amount, kind)
        if (done := await self._done_before(key, role)) is not None:
            return done
        details = OrderDetails(validity_s=days * 24 * 3600, description=description)
        order = self._draft(
            kind, amount, role, actor, key, payer=payer, details=details, agreement_id=self._ids.uuid()
        )
        row = agreement_of(order, AgreementKind.INVOICE, description)
        # Its payer gets a message: that is asking, too.
        asking = self._phones.asking(actor, payer, staff=True)
        return await self._begin(actor, order, role, (KeepAgreement(row),), asking=asking)

    async def cancel_invoice(
        self, actor: Actor, key: RequestKey, *, staff_id: str, agreement_id: str
    ) -> EffectResult:
        kind = OrderKind.INVOICE_CANCEL
        role = await self._roles.acting(staff_id, Right.INVOICE, actor)
        row = await self._store.agreement(agreement_id)
        if isinstance(role, str) or row is None or row.merchant_id != role.merchant.id:
            why = role if isinstance(role, str) else "not_allowed"
            return await self._refused(actor, staff_id, why, NO_AMOUNT, kind)
        if (done := await self._done_before(key, role)) is not None:
            return done
        amount = Money(row.amount_minor, row.currency)
        if row.kind is not AgreementKind.INVOICE or row.state is not AgreementState.ACTIVE:
            return await self._refused(actor, staff_id, "gone", amount, kind)
        details = OrderDetails(about_reference=row.reference, about_provider_reference=row.provider_id)
        order = self._draft(
            kind, amount, role, actor, key, payer=row.payer, details=details, agreement_id=row.id
        )
        order = msgspec.structs.replace(order, account_id=row.account_id)
        return await self._begin(actor, order, role)

    # ---- shared ----------------------------------------------------------------------------------

    async def _refused(
        self, actor: Actor, staff_id: str, why: str, amount: Money, kind: OrderKind, **given: object
    ) -> EffectResult:
        """No order; the refusal names the merchant of the role that was refused."""
        name = await self._roles.merchant_of(staff_id, actor)
        return EffectResult(result=refused_view(why, amount, name, kind=kind, **given))

    def _draft(
        self,
        kind: OrderKind,
        amount: Money,
        role: ActingRole,
        actor: Actor,
        key: RequestKey,
        **given: object,
    ) -> OrderRow:
        return draft(
            kind, amount, role.merchant, actor, key, self._ids, self._clock(),
            staff_id=role.row.id, **given,
        )  # fmt: skip

    async def _done_before(self, key: RequestKey, role: ActingRole) -> EffectResult | None:
        """What this very request did before, where whoever sent it never heard of it."""
        order = await self._store.order_of_act(*key.columns)
        if order is not None:
            return EffectResult(result=view_of(order, role.merchant.shown))
        approval = await self._store.approval_of_act(*key.columns)
        if approval is None:
            return None
        wanted = order_of(approval.request, approval.created_ms)
        return EffectResult(result=view_of(wanted, role.merchant.shown, waits=True))

    def _can_make(self, order: OrderRow, kind: OrderKind) -> bool:
        return kind in self._calls.accounts.kinds(order.account_id)

    async def _begin(
        self,
        actor: Actor,
        order: OrderRow,
        role: ActingRole,
        changes: tuple[Change, ...] = (),
        *,
        debits_since_ms: int = 0,
        asking: Asking | None = None,
    ) -> EffectResult:
        """The changes for a new order, or for one that waits for a second person; or why there is none."""
        refusal = await self.refusal(actor, order, role.merchant, asking)
        if refusal is not None:
            return EffectResult(result=refusal)
        merchant = role.merchant.shown
        second = second_person_limit(role.merchant, order.created_ms)
        if await self._store.needs_second(order, second):
            approval = self._approval_of(order)
            prompts = await self._prompts(approval, order, role)
            view = view_of(order, merchant, waits=True)
            return EffectResult((KeepApproval(approval), *prompts), view, payment=view)
        create = CreateOrder(
            order,
            Source.US,
            caps=self.caps(order),
            second=second,
            debits_since_ms=debits_since_ms,
            asking=asking,
        )
        view = view_of(order, merchant)
        # An agreement is there before the order that makes it.
        return EffectResult((*changes, create), view, payment=view)

    async def refusal(
        self, actor: Actor, order: OrderRow, merchant: MerchantRow, asking: Asking | None = None
    ) -> v.OrderView | None:
        """Why the order cannot be made now; the store says the same where somebody is faster."""
        amount = Money(order.amount_minor, order.currency)

        def no(why: str) -> v.OrderView:
            return refused_view(why, amount, merchant.shown, kind=order.kind, payer=order.payer)

        if amount.currency != merchant.currency or not self._can_make(order, order.kind):
            return no("not_available")
        if not await self._stands_here(order):
            return no("not_available")
        if order.kind is OrderKind.REFUND:
            why, left = await self._cannot_refund(order)
            if why:
                return msgspec.structs.replace(no(why), most=left)
        if asking is not None and (why := await self._phones.refusal(order, asking, actor)):
            return no(why)
        if order.kind in PAYOUTS:
            if await self._store.is_off("payouts"):
                return no("off")
            for cap in self.caps(order):
                left_minor = cap.most_minor - await self._store.paid_out_minor(order, cap)
                if order.amount_minor > left_minor:
                    most = Money(max(left_minor, 0), order.currency)
                    return msgspec.structs.replace(no(f"limit_{cap.of}"), most=most)
        return None

    async def _stands_here(self, order: OrderRow) -> bool:
        """Whether the payment or the agreement that the order is about stands where its account leads now."""
        paid = await self._store.order(order.parent_id) if order.parent_id else None
        agreement = await self._store.agreement(order.agreement_id) if order.agreement_id else None
        accounts = self._calls.accounts
        return all(
            accounts.leads_to(order.account_id, about.place)
            for about in (paid, agreement)
            if about is not None
        )

    async def _cannot_refund(self, order: OrderRow) -> tuple[str, Money | None]:
        """Why so much of the payment cannot be given back now, and how much could be."""
        paid = await self._store.order(order.parent_id or "")
        if paid is None or paid.state is not OrderState.SUCCESSFUL or paid.kind not in PAYMENTS:
            return "nothing_left", None
        # Startbutton's refunds bear no reference: two alike under way could not be told apart. The store
        # refuses the second everywhere, where both were asked for at once.
        if any(row.state not in FINAL for row in await self._store.refunds_of(paid.id)):
            return "under_way", None
        left_minor = await self._left_minor(paid)
        if order.currency == paid.currency and order.amount_minor <= left_minor:
            return "", None
        return "nothing_left", Money(max(left_minor, 0), paid.currency)

    async def _left_minor(self, paid: OrderRow) -> int:
        """What of a payment can still be given back: nothing of one a bill was, or may yet be, paid with."""
        if paid.details.service_provider:
            bill = await self._store.follower_of(paid.id)
            if bill is None or bill.state is not OrderState.FAILED:
                return 0
        return paid.amount_minor - await self._store.refunded_minor(paid.id)

    def caps(self, order: OrderRow) -> tuple[Cap, ...]:
        """The limits of the order's account, where the order is a payout."""
        if order.kind not in PAYOUTS:
            return ()
        return caps_of(self._calls.accounts.account(order.account_id), self._clock())

    def _approval_of(self, order: OrderRow) -> ApprovalRow:
        """The approval that waits for a second person, instead of the order."""
        now_ms = self._clock()
        return ApprovalRow(
            id=self._ids.uuid(),
            merchant_id=order.merchant_id,
            state=ApprovalState.WAITING,
            request=request_of(order),
            asked_by=order.staff_id,
            created_ms=now_ms,
            expires_ms=now_ms + _APPROVAL_MS,
            conversation_id=order.conversation_id,
            act_position=order.act_position,
        )

    async def _prompts(self, approval: ApprovalRow, order: OrderRow, role: ActingRole) -> list[Queue]:
        """The messages to whoever may approve it, where they are enrolled."""
        targets = []
        for row in await self._store.staff_of_merchant(role.merchant.id):
            if row.id == role.row.id or Right.APPROVE not in rights_of(row.role) or not row.address_value:
                continue
            owner = await self._store.person_of(row.address_kind, row.address_value)
            if owner is not None and owner[0].id != order.person_id:
                targets.append((owner[0].id, row.address_kind, row.address_value))
        return approval_prompts(approval, role.merchant.shown, role.row.shown, targets, new_id=self._ids.uuid)


def _said_by(merchant: MerchantRow) -> str:
    """What stands before a message of the merchant's: its name, in letters that a phone has. Providers take
    no other mark than dot, comma and dash."""
    name = merchant.shown
    return f"{name if isinstance(name, str) else name.plain} - "


def agreement_of(
    order: OrderRow, kind: AgreementKind, description: str = "", every: str = ""
) -> AgreementRow:
    """The agreement that an order is to make, as it stands until then."""
    validity_ms = (order.details.validity_s or 0) * 1000
    return AgreementRow(
        id=order.agreement_id or "",
        kind=kind,
        state=AgreementState.REQUESTED,
        account_id=order.account_id,
        merchant_id=order.merchant_id,
        person_id=order.person_id,
        payer=order.payer,
        amount_minor=order.amount_minor,
        currency=order.currency,
        reference=order.reference,
        code=order.code,
        created_ms=order.created_ms,
        updated_ms=order.updated_ms,
        until_ms=order.created_ms + validity_ms if validity_ms else None,
        every=every,
        description=description,
        staff_id=order.staff_id,
    )
