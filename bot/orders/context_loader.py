"""Loads what the rules need besides the order: the same for turns, the worker and operators."""

from collections.abc import Sequence
from typing import Final

from bot.dialog import Address
from bot.money import FINAL, PAYOUTS, OrderKind, StaffRole, next_hour_ms, quiet_until_ms
from bot.notifications.order_messages import linked_chats
from bot.orders.provider_calls import Calls
from bot.orders.rules import Listener, SettlementContext
from bot.providers.base import Resend
from bot.runtime.clock import Clock, Ids
from bot.runtime.timeouts import Timeouts
from bot.settings.limits import ANNOUNCE_LIMITS, AnnounceLimits
from bot.store.base import StaffAddress, Store, Surroundings
from bot.store.records import AddressRow, OrderRow, StaffRow

__all__ = ["ContextLoader", "staff_targets"]

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
        announce: AnnounceLimits = ANNOUNCE_LIMITS,
    ) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._short_code = short_code
        self._announce = announce

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
        region = self._calls.accounts.account(order.account_id).region if self._calls and known else ""
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
            listeners=self._listeners(around, region, now_ms),
            most_an_hour=self._announce.most_an_hour,
            region=region,
        )

    def _hint(self, order: OrderRow) -> str:
        if self._calls is None or order.account_id not in self._calls.accounts:
            return ""
        return self._calls.accounts.account(order.account_id).approvals_hint(order.network)

    def _listeners(self, around: Surroundings, region: str, now_ms: int) -> tuple[Listener, ...]:
        hears = {role.row.id: role for role in around.hears}
        found = []
        for one in around.announcing:
            role, quiet = hears[one.staff_id], (one.quiet_from, one.quiet_until)
            day_ms = next_hour_ms(now_ms, self._announce.day_hour, region)
            found.append(
                Listener(
                    one.staff_id,
                    staff_targets(role.row, role.person_id, role.addresses, now_ms, self._timeouts),
                    quiet_until_ms(now_ms, *quiet, region),
                    quiet_until_ms(day_ms, *quiet, region) or day_ms,
                )
            )
        return tuple(found)

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
        found += staff_targets(role.row, role.person_id, role.addresses, now_ms, timeouts)
    return tuple(dict.fromkeys(found))


def staff_targets(
    row: StaffRow, person_id: str, addresses: Sequence[AddressRow], now_ms: int, timeouts: Timeouts
) -> tuple[tuple[str, Address], ...]:
    """Where one of the staff is told something: in the linked chats, else where the role is enrolled."""
    if not row.address_value:
        return ()
    enrolled = Address(row.address_kind, row.address_value)
    chats = linked_chats(addresses, now_ms, timeouts) if enrolled.kind == "msisdn" else []
    return tuple((person_id, target) for target in chats or [enrolled])
