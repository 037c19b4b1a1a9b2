"""Whether a payer's phone may be asked for something now: for a payment, an invoice or a consent."""

from typing import Final

from bot.money import EVERY, Msisdn
from bot.money.agreements import period_start_ms
from bot.operations.actor import Actor
from bot.runtime.clock import Clock
from bot.runtime.security_events import SecurityEvents
from bot.settings.limits import AskLimits
from bot.store.base import Asking, Store
from bot.store.records import AgreementRow, OrderRow

__all__ = ["PhoneRules"]

_NOT_ASKED: Final = {"": "", "payer": "too_many", "agreement": "auto_debit", "number": "number"}


class PhoneRules:
    """Says why a payer's phone cannot be asked, and what the store has to check once more."""

    def __init__(self, store: Store, clock: Clock, limits: AskLimits, security: SecurityEvents) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._security = security

    def asking(self, actor: Actor, payer: Msisdn, *, staff: bool = False, told: bool = False) -> Asking:
        """What the store has to mind where this actor asks something of the payer's phone. `told`: what was
        agreed to said that no PIN may be asked for."""
        now_ms, limits = self._clock(), self._limits
        return Asking(
            own=payer == actor.msisdn,
            since_ms=now_ms - int(limits.window_s * 1000),
            open_at_most=limits.own_open,
            unapproved=limits.staff_unapproved if staff else limits.customer_unapproved,
            numbers=limits.staff_numbers if staff else limits.customer_numbers,
            unapproved_everywhere=limits.staff_unapproved_everywhere if staff else None,
            told=told,
            periods_ms={every: period_start_ms(every, now_ms) for every in EVERY},
        )

    async def why_not(self, row: OrderRow | AgreementRow, asking: Asking) -> str:
        """The refusal's name where the phone cannot be asked now; the store says the same where somebody is
        faster."""
        return _NOT_ASKED[await self._store.cannot_ask(row, asking)]

    async def refusal(self, row: OrderRow | AgreementRow, asking: Asking, actor: Actor) -> str:
        """As `why_not`, where it is really wished: whoever would have a stranger's phone ask for money once
        more than people do is worth a line."""
        why = await self.why_not(row, asking)
        if why == "number":
            self._security.note("unasked", channel=actor.channel, person=actor.person.id)
        return why
