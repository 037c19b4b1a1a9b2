"""Staff of a merchant: their roles, their PIN, the balance they may see, and how they are taken up.

The PIN and the one-time code are compared with hashes and kept nowhere.
"""

import asyncio
from typing import Final

import msgspec
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from bot.calls import Calls
from bot.clock import Clock
from bot.money import Money
from bot.perform.plan import Speaker
from bot.providers.base import Capability, ProviderError
from bot.sealing import Sealer
from bot.store.base import KeepStaff, Store
from bot.store.records import MerchantRow, StaffRow
from bot.times import Times
from flows import effects as e

__all__ = ["Staff"]

_log = structlog.get_logger(__name__)

_HOUR_MS: Final = 3600_000
_PIN_TRIES: Final = 3
_ENROL_TRIES: Final = 5


class Staff:
    def __init__(self, store: Store, calls: Calls, sealer: Sealer, clock: Clock, times: Times) -> None:
        self._store = store
        self._calls = calls
        self._sealer = sealer
        self._clock = clock
        self._times = times
        self._hasher = PasswordHasher()
        # One try at a staff PIN at a time, so that no two of them count as one.
        self._pin_locks: dict[str, asyncio.Lock] = {}

    async def roles(self, speaker: Speaker) -> tuple[e.Role, ...]:
        return tuple([await self._role(row, speaker) for row in speaker.staff])

    async def balance(self, staff_id: str, speaker: Speaker) -> e.Balances:
        """The balance without a PIN: in a linked chat, never over USSD."""
        row = _own_role(staff_id, speaker)
        if row is None or speaker.channel == "ussd":
            return e.Balances(refused="not_allowed")
        return await self._balances(row)

    async def _role(self, row: StaffRow, speaker: Speaker) -> e.Role:
        merchant = await self._store.merchant(row.merchant_id)
        return e.Role(
            staff_id=row.id,
            merchant=merchant.name if merchant else "",
            role=row.role,
            pin=speaker.channel == "ussd",
            locked=row.locked,
        )

    async def balance_with_pin(self, pin: str, staff_id: str, speaker: Speaker) -> e.Balances:
        if _own_role(staff_id, speaker) is None:
            return e.Balances(refused="not_allowed")
        async with self._pin_locks.setdefault(staff_id, asyncio.Lock()):
            rows = await self._store.staff_of(speaker.address.kind, speaker.address.value)
            row = next((r for r in rows if r.id == staff_id), None)
            if row is None:
                return e.Balances(refused="not_allowed")
            if row.locked:
                return e.Balances(refused="locked")
            right = await asyncio.to_thread(self._pin_fits, row.pin_hash, pin)
            tries = 0 if right else row.wrong_tries + 1
            if tries != row.wrong_tries:
                counted = msgspec.structs.replace(row, wrong_tries=tries, locked=tries >= _PIN_TRIES)
                # Counted before anything is said, and whatever becomes of the turn.
                await self._store.commit([KeepStaff(counted)])
        if not right:
            refused = "locked" if tries >= _PIN_TRIES else "wrong_pin"
            return e.Balances(refused=refused, tries_left=_PIN_TRIES - tries)
        return await self._balances(row)

    def _pin_fits(self, pin_hash: str, pin: str) -> bool:
        try:
            return self._hasher.verify(pin_hash, pin)
        except VerificationError:
            return False
        except ValueError:  # no hash at all: nobody has this PIN
            return False

    async def _balances(self, row: StaffRow) -> e.Balances:
        merchant = await self._store.merchant(row.merchant_id)
        if merchant is None or merchant.connection not in self._calls.connections:
            return e.Balances(refused="not_available")
        sharing = [m for m in await self._store.merchants() if self._share(m, merchant)]
        if len(sharing) > 1:
            own = await self._store.collected_minor(merchant.id, merchant.currency)
            return e.Balances((Money(own, merchant.currency),), shared=True)
        if not self._calls.connections.can(merchant.connection, Capability.BALANCE):
            return e.Balances(refused="not_available")
        found = await self._calls.balance(merchant.connection, "", self._times.look_up_s)
        if isinstance(found, ProviderError):
            _log.warning("balance not available", connection=merchant.connection, kind=type(found).__name__)
            return e.Balances(refused="not_available")
        # One set of keys may hold wallets of other merchants, in other currencies.
        own_currency = tuple(money for money in found if money.currency == merchant.currency)
        return e.Balances(own_currency) if own_currency else e.Balances(refused="not_available")

    def _share(self, one: MerchantRow, other: MerchantRow) -> bool:
        """Whether two merchants' money lies in one wallet: the same keys and the same currency."""
        connections = self._calls.connections
        if one.connection not in connections or one.currency != other.currency:
            return False
        a, b = connections.account(one.connection), connections.account(other.connection)
        return a.provider == b.provider and a.credentials == b.credentials

    async def claim(self, code: str, speaker: Speaker) -> e.Claimed:
        """The role a one-time code stands for; the code itself is kept nowhere."""
        now_ms = self._clock()
        if not await self._store.count(f"enrol:{speaker.person.id}", _HOUR_MS, now_ms, _ENROL_TRIES):
            return e.Claimed(refused="tries")
        row = await self._store.staff_by_enrol_hash(self._sealer.hash("enrol", code))
        if row is None or row.enrol_expires_ms <= now_ms or not speaker.verified:
            return e.Claimed(refused="code")
        merchant = await self._store.merchant(row.merchant_id)
        return e.Claimed(staff_id=row.id, merchant=merchant.name if merchant else "")

    async def enrol(self, pin: str, staff_id: str, speaker: Speaker) -> e.Done:
        """Bind the claimed role to this address. Of two who claimed it the first takes it up."""
        pin_hash = await asyncio.to_thread(self._hasher.hash, pin)
        async with self._pin_locks.setdefault(staff_id, asyncio.Lock()):
            row = await self._store.staff_member(staff_id)
            if row is None or not row.enrol_hash:
                return e.Done(ok=False)
            enrolled = msgspec.structs.replace(
                row,
                address_kind=speaker.address.kind,
                address_value=speaker.address.value,
                pin_hash=pin_hash,
                wrong_tries=0,
                locked=False,
                enrol_hash="",
                enrol_expires_ms=0,
            )
            await self._store.commit([KeepStaff(enrolled)])
        return e.Done()


def _own_role(staff_id: str, speaker: Speaker) -> StaffRow | None:
    return next((row for row in speaker.staff if row.id == staff_id), None)
