"""Whose role somebody speaks in, what it may do, and the staff PIN.

The PIN is compared with a slow hash and kept nowhere; three wrong tries lock the role on every channel.
"""

import asyncio
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from bot.dialog import Name
from bot.dialog import views as v
from bot.money import ORDER_KINDS, PAYOUTS, AmountRule, NumberRule, OrderKind, Right, is_weak_pin, rights_of
from bot.operations.actor import Actor, EffectResult, Operator
from bot.providers.accounts import Accounts
from bot.providers.base import Account, AsksConsent, NotifiesPayers, ShowsBalance
from bot.runtime.security_events import SecurityEvents
from bot.store.base import Conflict, CountTries, KeepStaff, SetPin, Store
from bot.store.records import MerchantRow, StaffRow

__all__ = ["REMOVED", "ActingRole", "StaffRoles", "freed"]

# Whom nothing belongs to any more: a role without a right. The row stays, since orders name it.
REMOVED: Final = "removed"
_PIN_TRIES: Final = 3
# The order that a right is for; a right without an entry makes none.
_ORDERS: Final = {facts.right: kind for kind, facts in ORDER_KINDS.items() if facts.right is not None}
# What a right needs of the merchant's account: one of these. Whatever may need a second person is approved.
_KINDS: Final = {
    **{right: frozenset({kind}) for right, kind in _ORDERS.items()},
    Right.APPROVE: PAYOUTS,
    Right.PAYOUTS: PAYOUTS,
}
_CAPABILITIES: Final = {
    Right.BALANCE: ShowsBalance,
    Right.NOTE: NotifiesPayers,
    Right.DETAILS: AsksConsent,
}


class ActingRole(msgspec.Struct, frozen=True):
    """A role of the actor's own, with its merchant."""

    row: StaffRow
    merchant: MerchantRow


class StaffRoles:
    """The roles of whoever acts: what each may do now, and the PIN that proves it."""

    def __init__(self, store: Store, accounts: Accounts, security: SecurityEvents) -> None:
        self._store = store
        self._security = security
        self._accounts = accounts
        self.hasher = PasswordHasher()
        # One try at a staff PIN at a time, so that no two of them count as one.
        self.locks: dict[str, asyncio.Lock] = {}

    async def acting(self, staff_id: str, right: Right, actor: Actor) -> ActingRole | str:
        """The actor's role, if it may do this now, else why not: not_allowed, locked, not_available."""
        row = next((row for row in actor.staff if row.id == staff_id), None)
        if row is None or right not in rights_of(row.role):
            return "not_allowed"
        if row.locked:
            return "locked"
        merchant = await self._store.merchant(row.merchant_id)
        if merchant is None or not merchant.active or merchant.account_id not in self._accounts:
            return "not_available"
        if right not in self._offered(row, merchant):
            return "not_available"
        return ActingRole(row, merchant)

    async def merchant_of(self, staff_id: str, actor: Actor) -> Name:
        """The name of the merchant that a role of the actor's is at."""
        row = next((row for row in actor.staff if row.id == staff_id), None)
        merchant = await self._store.merchant(row.merchant_id) if row is not None else None
        return merchant.shown if merchant is not None else ""

    async def all_of(self, actor: Actor) -> tuple[v.Role, ...]:
        """The actor's roles, with what each may do now."""
        return tuple([await self._shown(row, actor) for row in actor.staff])

    async def _shown(self, row: StaffRow, actor: Actor) -> v.Role:
        merchant = await self._store.merchant(row.merchant_id)
        known = merchant is not None and merchant.account_id in self._accounts
        account = self._accounts.account(merchant.account_id) if merchant and known else None
        return v.Role(
            staff_id=row.id,
            merchant=merchant.shown if merchant else "",
            role=row.role,
            pin=actor.needs_pin,
            locked=row.locked,
            offers=self._offered(row, merchant) if merchant and known else (),
            currency=merchant.currency if merchant else "",
            region=account.region if account else "",
            networks=self._accounts.adapter(account.id).networks(account) if account else (),
            amounts=self._amounts(account) if account else {},
            numbers=self._accounts.adapter(account.id).numbers(account) if account else NumberRule(),
            debits=account is not None and OrderKind.PREAPPROVAL in self._accounts.kinds(account.id),
        )

    def _amounts(self, account: Account) -> dict[str, AmountRule]:
        """What amounts each right may move, where the provider says anything of it."""
        adapter = self._accounts.adapter(account.id)
        rules = {right.value: adapter.amounts(account, kind) for right, kind in _ORDERS.items()}
        return {right: rule for right, rule in rules.items() if rule != AmountRule()}

    def _offered(self, row: StaffRow, merchant: MerchantRow) -> tuple[str, ...]:
        """What the role may do and the account can, in the menu's order."""
        kinds = self._accounts.kinds(merchant.account_id)
        return tuple(
            right.value
            for right in Right
            if right in rights_of(row.role)
            and (right not in _KINDS or kinds & _KINDS[right])
            and (right not in _CAPABILITIES or self._accounts.can(merchant.account_id, _CAPABILITIES[right]))
        )

    async def check_pin(self, actor: Actor, pin: str, staff_id: str) -> v.PinAnswer:
        """Whether the PIN is right.

        A wrong try is counted before anything is said, whatever becomes of the turn.
        """
        if not any(row.id == staff_id for row in actor.staff):
            return v.PinAnswer(refused="not_allowed")
        async with self.locks.setdefault(staff_id, asyncio.Lock()):
            while True:
                rows = await self._store.staff_of(actor.address.kind, actor.address.value)
                row = next((r for r in rows if r.id == staff_id), None)
                if row is None:
                    return v.PinAnswer(refused="not_allowed")
                if row.locked:
                    return v.PinAnswer(refused="locked")
                right = await self.fits(row.pin_hash, pin)
                tries = 0 if right else row.wrong_tries + 1
                counted = CountTries(row.id, tries, tries >= _PIN_TRIES, was=row.wrong_tries)
                try:
                    await self._store.commit([counted] if tries != row.wrong_tries else [])
                except Conflict:
                    continue  # another process counted a try meanwhile
                break
        if right:
            return v.PinAnswer()
        kind = "staff_locked" if tries >= _PIN_TRIES else "staff_pin"
        self._security.note(kind, channel=actor.channel, staff=row.id, merchant=row.merchant_id)
        return v.PinAnswer("locked" if tries >= _PIN_TRIES else "wrong_pin", _PIN_TRIES - tries)

    async def fits(self, pin_hash: str, pin: str) -> bool:
        """Whether the PIN is the one of the hash. Takes its time, and holds nobody else up."""
        return await asyncio.to_thread(self._fits, pin_hash, pin)

    async def choose_pin(self, actor: Actor, pin: str, staff_id: str) -> EffectResult:
        """The slow hash of a PIN for a role that the actor has or claimed, unless anybody would try it."""
        row = await self._store.staff_member(staff_id)
        merchant = await self._store.merchant(row.merchant_id) if row is not None else None
        if merchant is None:
            return EffectResult(result=v.ChosenPin(refused="not_allowed"))
        own = actor.address.value if actor.address.kind == "msisdn" else ""
        if is_weak_pin(pin, (merchant.code, own, actor.msisdn)):
            return EffectResult(result=v.ChosenPin(refused="easy"))
        return EffectResult(result=v.ChosenPin(await asyncio.to_thread(self.hasher.hash, pin)))

    async def change_pin(self, actor: Actor, pin: str, staff_id: str, first: str) -> v.PinSet:
        """Keep the PIN that was typed twice alike. A role that was locked or lost meanwhile keeps its own."""
        row = next((row for row in actor.staff if row.id == staff_id), None)
        if row is None:
            return v.PinSet(refused="gone")
        if not await self.fits(first, pin):
            return v.PinSet(refused="differs")
        try:
            await self._store.commit([SetPin(row.id, row.pin_hash, first)])
        except Conflict:
            return v.PinSet(refused="gone")
        return v.PinSet()

    def _fits(self, pin_hash: str, pin: str) -> bool:
        try:
            return self.hasher.verify(pin_hash, pin)
        except VerificationError:
            return False
        except ValueError:  # no hash at all: nobody has this PIN
            return False

    async def locked(self, actor: Actor, staff_id: str) -> tuple[v.LockedRole, ...]:
        """Colleagues whose staff PIN is locked."""
        role = await self.acting(staff_id, Right.UNLOCK, actor)
        if isinstance(role, str):
            return ()
        rows = await self._store.staff_of_merchant(role.merchant.id)
        return tuple(v.LockedRole(r.id, r.shown, r.role) for r in rows if r.locked and r.id != role.row.id)

    async def unlock(self, actor: Actor | Operator, *, locked_id: str, staff_id: str = "") -> EffectResult:
        """Let a colleague's PIN be tried again, or anybody's where an operator says so."""
        row = await self._store.staff_member(locked_id)
        if row is None or not await self._may_unlock(actor, staff_id, row):
            return EffectResult(result=v.Done(ok=False))
        return EffectResult((CountTries(row.id, 0, locked=False),), v.Done())

    async def _may_unlock(self, actor: Actor | Operator, staff_id: str, row: StaffRow) -> bool:
        if isinstance(actor, Operator):
            return True
        role = await self.acting(staff_id, Right.UNLOCK, actor)
        return not isinstance(role, str) and row.merchant_id == role.merchant.id and row.id != role.row.id

    async def remove(self, operator: Operator, staff_id: str) -> EffectResult:
        """End a role at once; a one-time code not used yet is void. Orders keep saying whose they were."""
        row = await self._store.staff_member(staff_id)
        if row is None:
            return EffectResult(result=v.Done(ok=False))
        ended = msgspec.structs.replace(freed(row), role=REMOVED, enrol_hash="", locked=False, wrong_tries=0)
        return EffectResult((KeepStaff(ended),), v.Done())


def freed(row: StaffRow) -> StaffRow:
    """The role, enrolled for no address any more."""
    return msgspec.structs.replace(row, address_kind="", address_value="", pin_hash="")
