"""Whether a number is an account, and whose: asked of the provider, so often and no oftener."""

from typing import Final

from bot.dialog import views as v
from bot.dialog import write_name
from bot.money import Msisdn
from bot.operations.actor import Actor
from bot.orders.provider_calls import Calls, shorten_name
from bot.providers.base import ProviderError
from bot.runtime.clock import Clock
from bot.runtime.keys import Sealer
from bot.runtime.security_events import SecurityEvents
from bot.runtime.timeouts import Timeouts
from bot.store.base import Store

__all__ = ["AccountHolders"]

_HOUR_MS: Final = 3600_000
_CHECKS_PER_PERSON: Final = 20
_CHECKS_PER_NUMBER: Final = 10


class AccountHolders:
    """Asks providers about account holders, within limits for each person and number."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        sealer: Sealer,
        clock: Clock,
        timeouts: Timeouts,
        security: SecurityEvents,
    ) -> None:
        self._store = store
        self._security = security
        self._calls = calls
        self._sealer = sealer
        self._clock = clock
        self._timeouts = timeouts

    async def of_merchant(self, actor: Actor, merchant_id: str, msisdn: Msisdn) -> v.Holder:
        """The holder as the merchant's own account sees them: who would pay there."""
        merchant = await self._store.merchant(merchant_id)
        if merchant is None:
            return v.Holder(checked=False)
        return await self._check(merchant.account_id, msisdn, actor)

    async def of_number(self, actor: Actor, party: str) -> v.Holder:
        """The holder as whichever account sees them that can tell."""
        account = self._calls.accounts.for_number(party)
        if account is None:
            return v.Holder(checked=False)
        return await self._check(account.id, party, actor)

    async def _check(self, account_id: str, party: str, actor: Actor) -> v.Holder:
        now_ms = self._clock()
        # A person costs nothing in a chat that is not linked: there the network address counts as well.
        askers = [f"holder:{actor.person.id}"]
        if not actor.msisdn:
            askers.append(f"holder:peer:{self._sealer.hash('peer', actor.peer)}")
        for asker in askers:
            if not await self._store.count(asker, _HOUR_MS, now_ms, _CHECKS_PER_PERSON):
                self._security.note("look_ups", channel=actor.channel, person=actor.person.id)
                return v.Holder(checked=False, limited=True)
        hashed = self._sealer.hash("holder", party)
        if not await self._store.count(f"holder:{hashed}", _HOUR_MS, now_ms, _CHECKS_PER_NUMBER):
            self._security.note("look_ups", channel=actor.channel, person=actor.person.id)
            return v.Holder(checked=False, limited=True)
        # A chat learns no names before it is linked, whatever its channel vouches for.
        named = bool(actor.msisdn)
        found = await self._calls.holder(account_id, party, self._timeouts.look_up_s, named=named)
        if isinstance(found, ProviderError):
            return v.Holder(checked=False)
        name = shorten_name(found.name)
        if actor.plain_letters:
            # Nothing stands in for a name that the phone cannot show; the number says who it is.
            name = write_name(name) or ""
        return v.Holder(checked=True, known=found.known, active=found.active, name=name)
