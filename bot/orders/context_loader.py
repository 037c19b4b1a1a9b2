"""Loads what the rules need besides the order: the same for turns, the worker and operators."""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Address
from bot.money import FINAL, PAYOUTS, OrderKind, StaffRole
from bot.notifications.order_messages import linked_chats
from bot.orders.provider_calls import Calls
from bot.orders.rules import SettlementContext
from bot.providers.base import Resend
from bot.runtime.clock import Clock, Ids
from bot.runtime.timeouts import Timeouts
from bot.store.base import StaffAddress, Store, Surroundings
from bot.store.records import OrderRow

__all__ = ["ContextLoader"]

_MINDS_THE_MONEY: Final = frozenset({StaffRole.OWNER, StaffRole.ACCOUNTANT})


class ContextLoader:
    """Loads a `SettlementContext` for an order.

    `calls` is None where nobody is asked: a person's word needs nothing of the provider, and may be about an
    order whose account has left the settings.
    """

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
        staff: bool = False,
    ) -> SettlementContext:
        """The context of what is decided now. With `staff`, whom at the merchant its money matters to: always
        where the order is final. For the other three see `SettlementContext`."""
        staff = staff or order.state in FINAL
        around = await self._store.surroundings(order, staff=staff)
        known = self._calls is not None and order.account_id in self._calls.accounts
        adapter = self._calls.accounts.adapter(order.account_id) if self._calls and known else None
        now_ms = self._clock()
        return SettlementContext(
            merchant=around.merchant.shown if around.merchant else "",
            addresses=around.addresses,
            schedule_s=adapter.schedule_s if adapter else (0.0,),
            grace_s=adapter.not_found_grace_s if adapter else 0.0,
            resend=self._calls.resend(order) if self._calls else Resend.NEVER,
            now_ms=now_ms,
            ids=self._ids,
            timeouts=self._timeouts,
            told=told,
            fence=fence,
            short_code=self._short_code,
            session_open=session_open,
            agreement=around.agreement,
            owner_id=around.owner_id,
            owner_addresses=around.owner_addresses,
            unasked=around.unasked,
            hint=self._hint(order),
            refunded=around.refunded,
            follows=around.follows,
            kinds=self._kinds(order, around) if around.follows is not None else frozenset(),
            staff=_who_minds(around.staff, now_ms, self._timeouts),
        )

    def _hint(self, order: OrderRow) -> str:
        if self._calls is None or order.account_id not in self._calls.accounts:
            return ""
        return self._calls.accounts.account(order.account_id).approvals_hint(order.network)

    def _kinds(self, order: OrderRow, around: Surroundings) -> frozenset[OrderKind]:
        """What the order's account can make now; nothing that pays out while payouts are switched off."""
        if self._calls is None or order.account_id not in self._calls.accounts:
            return frozenset()
        kinds = self._calls.accounts.kinds(order.account_id)
        return kinds - PAYOUTS if around.payouts_off else kinds


def _who_minds(
    staff: Sequence[StaffAddress], now_ms: int, timeouts: Timeouts
) -> tuple[tuple[str, Address], ...]:
    """Whom at a merchant its money matters to, each as a person and an address: in their chats, else by
    SMS."""
    found: list[tuple[str, Address]] = []
    for role in staff:
        if role.row.role not in _MINDS_THE_MONEY or not role.row.address_value:
            continue
        enrolled = Address(role.row.address_kind, role.row.address_value)
        chats = linked_chats(role.addresses, now_ms, timeouts) if enrolled.kind == "msisdn" else []
        found += [(role.person_id, target) for target in chats or [enrolled]]
    return tuple(dict.fromkeys(found))
