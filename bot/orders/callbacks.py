"""Takes the callbacks of providers: each makes us ask soon, and settles nothing.

Whatever an unsigned one says, only an authenticated status call settles; its body is not read. A signed
event is believed to come from the provider, and asked about all the same. Either is kept before its 200.
An event about money that is no order's completes nothing: it goes to staff, and so does every dispute.
"""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from bot.money import Money, Source
from bot.notifications.incidents import about_event
from bot.orders.context_loader import ContextLoader
from bot.orders.rules import staff_told
from bot.providers.accounts import Accounts
from bot.providers.base import Account, CallbackEvent, EventTopic, SignedCallback
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.timeouts import Timeouts
from bot.store.base import Change, Hint, KeepWebhook, Store
from bot.store.records import OrderRow, WebhookRow

__all__ = ["Callbacks"]

_log = structlog.get_logger("callback")

_NOBODYS: Final = "00000000-0000-0000-0000-000000000000"
_MONEY: Final = frozenset({EventTopic.PAYMENT, EventTopic.TRANSFER, EventTopic.REFUND})


class Callbacks:
    """Takes what providers send: `hint` for those that nobody signs, `take_signed` for the signed ones."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        context_loader: ContextLoader,
        on_hint: Callable[[], None],
    ) -> None:
        self._store = store
        self._context_loader = context_loader
        self._accounts = accounts
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._spacing_ms = int(timeouts.hint_spacing_s * 1000)
        self._on_hint = on_hint

    async def hint(self, token: str) -> bool:
        """Have the order of a callback's token asked about soon, and a final one once more. Kept when this
        returns; raises StoreUnavailable where it cannot be. False for an unknown token, which takes the same
        way through the store as a known one."""
        order_id = self._sealer.read_callback_token(token)
        is_open = await self._store.hint(
            order_id or _NOBODYS, Source.CALLBACK, self._clock(), self._spacing_ms
        )
        if order_id is None:
            return False
        self._on_hint()
        _log.info("callback", outcome="hint" if is_open else "final already")
        return True

    async def take_signed(self, account_id: str, headers: Mapping[str, str], raw: bytes) -> bool:
        """Keep a signed event and what follows from it; False where the signature does not hold.

        Where this returns True, it has been kept.
        """
        if account_id not in self._accounts:
            return False
        account = self._accounts.account(account_id)
        callback = self._accounts.adapter(account_id).callback
        if not isinstance(callback, SignedCallback):
            return False
        event = callback.read(account, headers, raw)
        if event is None:
            return False
        now_ms = self._clock()
        row = WebhookRow(
            id=self._ids.uuid(),
            account_id=account_id,
            event=event.name,
            provider_reference=event.provider_reference,
            reference=event.reference,
            received_ms=now_ms,
        )
        changes: list[Change] = [KeepWebhook(row)]
        order = None
        for reference in filter(None, (event.reference, event.provider_reference)):
            order = order or await self._store.order_by_reference(reference)
        if order is not None and not self._same_owner(order.account_id, account):
            order = None
        kind = _incident_kind(event, order)
        if kind:
            merchant = await self._store.merchant(order.merchant_id) if order is not None else None
            name = merchant.name if merchant is not None else ""
            new_id = self._ids.uuid()
            changes.append(about_event(kind, event, account_id, order, name, id=new_id, now_ms=now_ms))
        if order is not None:
            # Of other money than the order's, or of a dispute, nothing is said of the order itself.
            said = None if kind else event.reported_state
            changes.append(Hint(order.id, Source.WEBHOOK, now_ms, self._spacing_ms, said))
            if event.topic is EventTopic.REFUND:
                # It names the payment that is given back; what became of a refund is asked of the refund.
                changes += [
                    Hint(refund.id, Source.WEBHOOK, now_ms, self._spacing_ms)
                    for refund in await self._store.refunds_of(order.id)
                ]
            if kind == "dispute":
                changes += await self._disputed(order)
        await self._store.commit(changes)
        if event.reserialised:
            _log.warning("webhook signed over its JSON written anew", account=account_id)
        if order is not None:
            self._on_hint()
        _log.info(
            "webhook", account=account_id, event_name=event.name, known=order is not None, incident=kind
        )
        return True

    async def _disputed(self, order: OrderRow) -> list[Change]:
        """The messages that tell staff that the order's payment is contested."""
        ctx = await self._context_loader.of(order, staff=True)
        return list(staff_told("staff.disputed", order, None, ctx))

    def _same_owner(self, account_id: str, account: Account) -> bool:
        """Whether the order is of the account that signed: one set of keys may serve several currencies."""
        if account_id not in self._accounts:
            return False
        other = self._accounts.account(account_id)
        return other.provider == account.provider and other.held_keys() == account.held_keys()


def _incident_kind(event: CallbackEvent, order: OrderRow | None) -> str:
    """What staff must see of an event; empty where it is about an order of ours and says nothing odd."""
    if event.topic is EventTopic.DISPUTE:
        return "dispute"
    if order is None:
        named = event.provider_reference or event.reference
        return "stray_payment" if named and event.topic in _MONEY else "unknown_event"
    # An under- or overpayment is a transaction of its own; a refund may be a part of its payment.
    if event.topic in (EventTopic.PAYMENT, EventTopic.TRANSFER) and _is_other_money(event, order):
        return "stray_payment"
    return ""


def _is_other_money(event: CallbackEvent, order: OrderRow) -> bool:
    """Whether an event that names our order tells another amount, or another transaction of theirs."""
    if event.amount is not None and event.amount != Money(order.amount_minor, order.currency):
        return True
    return bool(event.provider_reference and order.provider_reference) and (
        event.provider_reference != order.provider_reference
    )
