"""All operations on one store: whoever lets people do something takes them from here."""

from collections.abc import Callable

from bot.operations.account_holders import AccountHolders
from bot.operations.agreements import Agreements
from bot.operations.approvals import Approvals
from bot.operations.asking import PhoneRules
from bot.operations.consents import Consents
from bot.operations.links import Links
from bot.operations.merchants import Merchants
from bot.operations.payment_messages import PaymentMessages
from bot.operations.payments import Payments
from bot.operations.payout_switch import PayoutSwitch
from bot.operations.receipts import Receipts
from bot.operations.recognition import Recognition
from bot.operations.settling import Settling
from bot.operations.staff_access import StaffAccess
from bot.operations.staff_requests import StaffRequests
from bot.operations.staff_roles import StaffRoles
from bot.operations.waiting_calls import WaitingCalls
from bot.orders.context_loader import ContextLoader
from bot.orders.provider_calls import Calls
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.security_events import SecurityEvents
from bot.runtime.timeouts import Timeouts
from bot.settings.limits import AskLimits
from bot.store.base import Store

__all__ = ["Operations"]


class Operations:
    """Builds each group of operations once, over the same store, and holds them.

    `waiting` are the provider calls that people wait for; `on_late` is called when the reply to one that
    outlived its request has been kept.
    """

    def __init__(
        self,
        store: Store,
        calls: Calls,
        context_loader: ContextLoader,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        limits: AskLimits,
        *,
        security: SecurityEvents,
        on_late: Callable[[], None],
    ) -> None:
        self.waiting = WaitingCalls(store, context_loader, clock, timeouts, on_late)
        phones = PhoneRules(store, clock, limits, security)
        # What a customer does.
        self.merchants = Merchants(store, calls.accounts)
        self.holders = AccountHolders(store, calls, sealer, clock, timeouts, security)
        self.payments = Payments(store, calls, context_loader, self.waiting, clock, ids, timeouts, phones)
        self.receipts = Receipts(store, clock, ids)
        self.links = Links(store, sealer, clock, ids, timeouts, security)
        self.agreements = Agreements(store, calls, clock, ids, phones)
        # What staff do.
        self.roles = StaffRoles(store, calls.accounts, security)
        self.staff = StaffAccess(store, calls, self.roles, sealer, clock, ids, timeouts, security)
        self.staff_requests = StaffRequests(store, calls, self.roles, clock, ids, timeouts, phones)
        self.approvals = Approvals(store, self.roles, self.staff_requests, clock, ids)
        self.details = Consents(store, calls, self.roles, sealer, clock, ids, timeouts, phones, limits)
        self.recognition = Recognition(self.merchants, self.payments, self.staff_requests, self.roles)
        self.payment_messages = PaymentMessages(store, self.roles, clock)
        # What only an operator does.
        self.payout_switch = PayoutSwitch(store, clock)
        self.settling = Settling(store, calls, clock, ids, timeouts)
