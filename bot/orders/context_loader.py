"""Loads what the rules need besides the order: the same for turns, the worker and operators."""

from typing import Final

from bot.dialog import Address
from bot.money import FINAL, PAYOUTS, OrderKind, StaffRole
from bot.notifications.order_messages import linked_chats
from bot.orders.provider_calls import Calls
from bot.orders.rules import SettlementContext
from bot.providers.base import Resend
from bot.runtime.clock import Clock, Ids
from bot.runtime.timeouts import Timeouts
from bot.store.base import Store
from bot.store.records import OrderRow

__all__ = ["ContextLoader"]

_MINDS_THE_MONEY: Final = frozenset({StaffRole.OWNER, StaffRole.ACCOUNTANT})


class ContextLoader:
    """`calls` is None where nobody is asked: a person's word needs no provider's manners, and may be
    about an order whose account has left the settings."""

    def __init__(
        self,
        store: Store,
        calls: Calls | None,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        *,
        short_code: str = "",
    ) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._short_code = short_code

    async def of(
        self,
        order: OrderRow,
        *,
        fence: int | None = None,
        told: Address | None = None,
        session_open: bool = False,
    ) -> SettlementContext:
        """The context of what is decided now. For the other three see `SettlementContext`."""
        merchant = await self._store.merchant(order.merchant_id)
        addresses = await self._store.addresses_of(order.person_id)
        known = self._calls is not None and order.account_id in self._calls.accounts
        adapter = self._calls.accounts.adapter(order.account_id) if self._calls and known else None
        agreement = await self._store.agreement(order.agreement_id) if order.agreement_id else None
        payer = await self._store.person_of("msisdn", order.payer) if agreement is not None else None
        follows = await self._store.order(order.follows_id) if order.follows_id else None
        return SettlementContext(
            merchant=merchant.shown if merchant else "",
            addresses=addresses,
            schedule_s=adapter.schedule_s if adapter else (0.0,),
            grace_s=adapter.not_found_grace_s if adapter else 0.0,
            resend=self._calls.resend(order) if self._calls else Resend.NEVER,
            now_ms=self._clock(),
            ids=self._ids,
            timeouts=self._timeouts,
            told=told,
            fence=fence,
            short_code=self._short_code,
            session_open=session_open,
            agreement=agreement,
            payer_id=payer[0].id if payer else "",
            payer_addresses=await self._store.addresses_of(payer[0].id) if payer else (),
            follows=follows,
            kinds=await self._kinds(order) if follows is not None else frozenset(),
            staff=await self.staff(order.merchant_id) if order.state in FINAL else (),
        )

    async def staff(self, merchant_id: str) -> tuple[tuple[str, Address], ...]:
        """Whom at a merchant its money matters to, each as a person and an address: in their chats, else by
        SMS."""
        found: list[tuple[str, Address]] = []
        for row in await self._store.staff_of_merchant(merchant_id):
            if row.role not in _MINDS_THE_MONEY or not row.address_value:
                continue
            owner = await self._store.person_of(row.address_kind, row.address_value)
            person_id = owner[0].id if owner is not None else ""
            enrolled = Address(row.address_kind, row.address_value)
            chats: list[Address] = []
            if enrolled.kind == "msisdn" and person_id:
                addresses = await self._store.addresses_of(person_id)
                chats = linked_chats(addresses, self._clock(), self._timeouts)
            found += [(person_id, target) for target in chats or [enrolled]]
        return tuple(dict.fromkeys(found))

    async def _kinds(self, order: OrderRow) -> frozenset[OrderKind]:
        """What the order's account can make now; nothing that pays out while payouts are switched off."""
        if self._calls is None or order.account_id not in self._calls.accounts:
            return frozenset()
        kinds = self._calls.accounts.kinds(order.account_id)
        return kinds - PAYOUTS if await self._store.is_off("payouts") else kinds
