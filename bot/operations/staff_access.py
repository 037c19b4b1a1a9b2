"""How staff take up a role at a merchant, and the balance they may see.

The PIN and the one-time code are compared with hashes and kept nowhere.
"""

import asyncio
from typing import Final

import msgspec
import structlog

from bot.dialog import views as v
from bot.money import Money, Right
from bot.operations.actor import Actor, EffectResult, Operator
from bot.operations.staff_roles import StaffRoles
from bot.orders.provider_calls import Calls
from bot.providers.base import ProviderError
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.security_events import SecurityEvents
from bot.runtime.timeouts import Timeouts
from bot.store.base import Conflict, KeepStaff, Store
from bot.store.records import MerchantRow, StaffRow

__all__ = ["StaffAccess"]

_log = structlog.get_logger(__name__)

_HOUR_MS: Final = 3600_000
_ENROL_TRIES: Final = 5
_ENROL_DAYS: Final = 7
_DAY_MS: Final = 24 * 3600_000


class StaffAccess:
    """How staff come to a role and see the balance: invited, claimed, enrolled, with or without their PIN."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        roles: StaffRoles,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        security: SecurityEvents,
    ) -> None:
        self._store = store
        self._security = security
        self._roles = roles
        self._calls = calls
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts

    async def balance(self, actor: Actor, staff_id: str) -> v.Balances:
        """The balance without a PIN: never where anybody may hold the phone."""
        if actor.needs_pin:
            return v.Balances(refused="not_allowed")
        return await self._balances(actor, staff_id)

    async def balance_with_pin(self, actor: Actor, pin: str, staff_id: str) -> v.Balances:
        """The balance where the PIN is right."""
        checked = await self._roles.check_pin(actor, pin, staff_id)
        if checked.refused:
            return v.Balances(refused=checked.refused, tries_left=checked.tries_left)
        return await self._balances(actor, staff_id)

    async def _balances(self, actor: Actor, staff_id: str) -> v.Balances:
        role = await self._roles.acting(staff_id, Right.BALANCE, actor)
        if isinstance(role, str):
            return v.Balances(refused=role)
        merchant = role.merchant
        sharing = [m for m in await self._store.merchants() if self._share(m, merchant)]
        if len(sharing) > 1:
            own = await self._store.collected_minor(merchant.id, merchant.currency)
            return v.Balances((Money(own, merchant.currency),), shared=True)
        found = await self._calls.balance(merchant.account_id, self._timeouts.look_up_s)
        if isinstance(found, ProviderError):
            _log.warning("balance not available", account_id=merchant.account_id, kind=type(found).__name__)
            return v.Balances(refused="not_available")
        # One set of keys may hold wallets of other merchants, in other currencies.
        own_currency = tuple(money for money in found if money.currency == merchant.currency)
        if not own_currency:
            return v.Balances(refused="not_available")
        return v.Balances(own_currency, payouts=await self._payout_wallet(merchant))

    async def _payout_wallet(self, merchant: MerchantRow) -> tuple[Money, ...]:
        """What the wallet that pays out holds, where the account has one of its own and it answers."""
        found = await self._calls.payout_balance(merchant.account_id, self._timeouts.look_up_s)
        if found is None or isinstance(found, ProviderError):
            return ()
        return tuple(money for money in found if money.currency == merchant.currency)

    def _share(self, one: MerchantRow, other: MerchantRow) -> bool:
        """Whether two merchants' money lies in one wallet: the same keys and the same currency."""
        accounts = self._calls.accounts
        if one.account_id not in accounts or one.currency != other.currency:
            return False
        ours, theirs = accounts.account(one.account_id), accounts.account(other.account_id)
        return ours.provider == theirs.provider and ours.held_keys() == theirs.held_keys()

    async def invite(self, operator: Operator, *, merchant_id: str, role: str, name: str) -> EffectResult:
        """A role at a merchant, and the one-time code that takes it up."""
        code, now_ms = self._ids.digits(8), self._clock()
        row = StaffRow(
            id=self._ids.uuid(),
            merchant_id=merchant_id,
            role=role,
            name=name,
            created_ms=now_ms,
            enrol_hash=self._sealer.hash("enrol", code),
            enrol_expires_ms=now_ms + _ENROL_DAYS * _DAY_MS,
        )
        return EffectResult((KeepStaff(row),), v.NewRole(code, _ENROL_DAYS))

    async def claim(self, actor: Actor, code: str) -> v.Claimed:
        """The role a one-time code stands for; the code itself is kept nowhere."""
        now_ms = self._clock()
        if not await self._store.count(f"enrol:{actor.person.id}", _HOUR_MS, now_ms, _ENROL_TRIES):
            return v.Claimed(refused="tries")
        row = await self._store.staff_by_enrol_hash(self._sealer.hash("enrol", code))
        if row is None or row.enrol_expires_ms <= now_ms or not actor.verified:
            self._security.note("enrol_code", channel=actor.channel, person=actor.person.id)
            return v.Claimed(refused="code")
        merchant = await self._store.merchant(row.merchant_id)
        return v.Claimed(staff_id=row.id, merchant=merchant.shown if merchant else "")

    async def enrol(self, actor: Actor, pin: str, staff_id: str, first: str) -> EffectResult:
        """Bind the claimed role to this address, and give the address its new value."""
        return EffectResult(
            provider_call=lambda: self._enrol(actor, pin, staff_id, first), then=actor.renewal(self._clock())
        )

    async def _enrol(self, actor: Actor, pin: str, staff_id: str, first: str) -> v.PinSet:
        """Of two who claimed it the first takes it up."""
        if not await self._roles.fits(first, pin):
            return v.PinSet(refused="differs")
        async with self._roles.locks.setdefault(staff_id, asyncio.Lock()):
            row = await self._store.staff_member(staff_id)
            if row is None or not row.enrol_hash:
                return v.PinSet(refused="gone")
            enrolled = msgspec.structs.replace(
                row,
                address_kind=actor.address.kind,
                address_value=actor.address.value,
                pin_hash=first,
                wrong_tries=0,
                locked=False,
                enrol_hash="",
                enrol_expires_ms=0,
            )
            try:
                await self._store.commit([KeepStaff(enrolled, taken_up_by=row.enrol_hash)])
            except Conflict:
                return v.PinSet(refused="gone")
        return v.PinSet()
