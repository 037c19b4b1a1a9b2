"""Makes the provider calls about orders: an order in, the provider's reply or an error as a value out.

Chooses the account, fills in what the adapter needs, and returns errors as values: whoever calls
has a decision to make for each. Decides nothing about the order.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from bot.money import Money, OrderKind
from bot.providers.accounts import Accounts
from bot.providers.base import (
    Account,
    AccountHolder,
    Adapter,
    AgreementReport,
    AsksOtp,
    Call,
    ChecksHolders,
    Elsewhere,
    HintCallback,
    KeepsAgreements,
    ListPage,
    ListsPayments,
    Misconfigured,
    NamesHolders,
    NotifiesPayers,
    OrderCall,
    OtpAnswer,
    ProviderError,
    Receipt,
    Resend,
    Secret,
    ShowsBalance,
    ShowsPayoutBalance,
    StatusReport,
    able,
)
from bot.runtime.keys import Sealer
from bot.store.records import AgreementRow, OrderRow

__all__ = ["Calls", "Sends", "shorten_name"]

R = TypeVar("R")
P = TypeVar("P")


class Sends(Protocol):
    """The one sender of the providers' room."""

    async def send(self, account: Account, call: Call[R], timeout_s: float) -> R: ...


class Calls:
    """Makes calls about orders and numbers. Every method returns the error instead of raising it."""

    def __init__(self, accounts: Accounts, sender: Sends, sealer: Sealer, public_url: str) -> None:
        self.accounts = accounts
        self._sender = sender
        self._sealer = sealer
        self._public_url = public_url.rstrip("/")

    def keys_hash(self, account_id: str) -> str:
        """A hash of the account's keys: it tells another key from the one before, and nothing of them."""
        held = [
            [part.reveal() if isinstance(part, Secret) else part for part in key]
            for key in self.accounts.account(account_id).held_keys()
        ]
        return self._sealer.hash("keys", json.dumps(held))

    def same_keys(self, order: OrderRow) -> bool:
        """Whether the order, where it was sent, was sent with the keys its account has now."""
        return order.sent_with in ("", self.keys_hash(order.account_id))

    def resend(self, order: OrderRow) -> Resend:
        """May this order's creation be repeated once the provider says it never arrived? Never with other
        keys: they may be another account's, which knows nothing of the first copy."""
        if not self.accounts.leads_to(order.account_id, order.place) or not self.same_keys(order):
            return Resend.NEVER
        adapter, account = self._of(order)
        try:
            return adapter.request_order(account, self._encode(order, creates=False)).resend
        except ProviderError:
            return Resend.NEVER

    async def request_order(self, order: OrderRow, timeout_s: float) -> Receipt | ProviderError:
        """Make the order at its provider, whatever its kind."""
        if elsewhere := self._elsewhere(order):
            return elsewhere
        adapter, account = self._of(order)
        return await self._try(
            account, lambda: adapter.request_order(account, self._encode(order)), timeout_s
        )

    async def submit_otp(self, order: OrderRow, otp: str, timeout_s: float) -> OtpAnswer | ProviderError:
        """Give the provider the code that its payer was sent."""
        if elsewhere := self._elsewhere(order):
            return elsewhere
        account = self.accounts.account(order.account_id)

        def build() -> Call[OtpAnswer]:
            return self._able(account, AsksOtp).submit_otp(account, self._encode(order), otp)

        return await self._try(account, build, timeout_s)

    async def status(self, order: OrderRow, timeout_s: float) -> StatusReport | ProviderError:
        """Ask for the order's status: by the provider's reference where it is known, and by ours where that
        finds nothing."""
        if elsewhere := self._elsewhere(order):
            return elsewhere
        adapter, account = self._of(order)

        async def by(encoded: OrderCall) -> StatusReport | ProviderError:
            return await self._try(account, lambda: adapter.order_status(account, encoded), timeout_s)

        report = await by(self._encode(order, creates=False))
        if isinstance(report, StatusReport) and report.not_found and order.provider_reference:
            report = await by(self._encode(order, provider_reference="", creates=False))
        if isinstance(report, StatusReport) and order.kind in adapter.tells_no_amount:
            return msgspec.structs.replace(report, tells_amount=False)
        return report

    async def holder(
        self, account_id: str, party: str, timeout_s: float, *, named: bool
    ) -> AccountHolder | ProviderError:
        """Whether somebody is there, with the name where `named` and the provider tells it in time."""
        account = self.accounts.account(account_id)
        asked = self._try(
            account, lambda: self._able(account, ChecksHolders).check_holder(account, party), timeout_s
        )
        names = able(self.accounts.adapter(account_id), NamesHolders)
        if not named or names is None:
            return await asked
        name_asked = self._try(account, lambda: names.holder_name(account, party), timeout_s)
        found, name = await asyncio.gather(asked, name_asked)
        if isinstance(found, ProviderError) or isinstance(name, ProviderError) or not found.known:
            return found
        return AccountHolder(known=found.known, active=found.active, name=name)

    async def balance(self, account_id: str, timeout_s: float) -> tuple[Money, ...] | ProviderError:
        """What is in the wallet that collects."""
        account = self.accounts.account(account_id)
        return await self._try(account, lambda: self._able(account, ShowsBalance).balance(account), timeout_s)

    async def payout_balance(
        self, account_id: str, timeout_s: float
    ) -> tuple[Money, ...] | ProviderError | None:
        """What is in the wallet that pays out; None where the account has none of its own."""
        account = self.accounts.account(account_id)
        shows = able(self.accounts.adapter(account_id), ShowsPayoutBalance)
        call = shows.payout_balance(account) if shows is not None else None
        return None if call is None else await self._try(account, lambda: call, timeout_s)

    async def notify_payer(self, order: OrderRow, text: str, timeout_s: float) -> ProviderError | None:
        """Have the provider send the order's payer a message; None where it took it."""
        if elsewhere := self._elsewhere(order):
            return elsewhere
        account = self.accounts.account(order.account_id)

        def build() -> Call[None]:
            return self._able(account, NotifiesPayers).notify_payer(account, self._encode(order), text)

        return await self._try(account, build, timeout_s)

    async def agreement(
        self, row: AgreementRow, timeout_s: float, taken: tuple[str, ...] = ()
    ) -> AgreementReport | ProviderError:
        """The provider's word on an agreement that an order made. `taken`: see `OrderCall`."""
        if elsewhere := self._elsewhere(row):
            return elsewhere
        account = self.accounts.account(row.account_id)
        asked = OrderCall(
            reference=row.reference,
            code=row.code,
            kind=OrderKind(row.kind.value),
            amount=Money(row.amount_minor, row.currency),
            payer=row.payer,
            provider_reference=row.provider_id,
            about_provider_reference=row.provider_id,
            taken=taken,
        )
        return await self._try(
            account, lambda: self._able(account, KeepsAgreements).agreement_status(account, asked), timeout_s
        )

    async def ask(
        self,
        account_id: str,
        capability: type[P],
        build: Callable[[P, Account], Call[R]],
        timeout_s: float,
    ) -> R | ProviderError:
        """What one capability of the account's provider answers: `build` makes the call with its adapter."""
        account = self.accounts.account(account_id)
        return await self._try(account, lambda: build(self._able(account, capability), account), timeout_s)

    async def list_payments(
        self,
        account_id: str,
        first_day: str,
        last_day: str,
        skip: int,
        timeout_s: float,
        *,
        kind: OrderKind = OrderKind.COLLECTION,
    ) -> ListPage | ProviderError:
        """A part of the provider's own list; see ListsPayments."""
        account = self.accounts.account(account_id)

        def build() -> Call[ListPage]:
            lists = self._able(account, ListsPayments)
            return lists.list_payments(account, first_day, last_day, skip, kind=kind)

        return await self._try(account, build, timeout_s)

    def _elsewhere(self, row: OrderRow | AgreementRow) -> Elsewhere | None:
        """The error for what belongs to another place than its account leads to now, else None."""
        if self.accounts.leads_to(row.account_id, row.place):
            return None
        return Elsewhere("it belongs to another place than its account leads to now")

    def _of(self, order: OrderRow) -> tuple[Adapter, Account]:
        return self.accounts.adapter(order.account_id), self.accounts.account(order.account_id)

    def _able(self, account: Account, capability: type[P]) -> P:
        """The account's adapter as one that has the capability. Who asks has looked before: see
        `Accounts.can`; a merchant may have come to another account since."""
        found = able(self.accounts.adapter(account.id), capability)
        if found is None:
            raise Misconfigured(f"{account.provider} cannot do that", created_nothing=True)
        return found

    async def _try(
        self, account: Account, build: Callable[[], Call[R]], timeout_s: float
    ) -> R | ProviderError:
        # Building a call may refuse already: a network the provider lacks, a number it cannot write.
        try:
            return await self._sender.send(account, build(), timeout_s)
        except ProviderError as error:
            return error

    def _encode(
        self, order: OrderRow, provider_reference: str | None = None, *, creates: bool = True
    ) -> OrderCall:
        """The order as an adapter needs it. Only a request that creates something says where to call back."""
        back = None
        callback = self.accounts.adapter(order.account_id).callback
        if creates and self._public_url and isinstance(callback, HintCallback):
            token = self._sealer.callback_token(order.id)
            back = self._public_url + callback.path.replace("{token}", token)
        return OrderCall(
            reference=order.reference,
            code=order.code,
            kind=order.kind,
            amount=Money(order.amount_minor, order.currency),
            payer=order.payer,
            payer_note=order.note,
            payee_note=f"Kasapay {order.code}",
            provider_reference=order.provider_reference if provider_reference is None else provider_reference,
            network=order.network,
            sent_ms=order.sent_ms or None,
            payee=order.payee,
            details=order.details,
            about_reference=order.details.about_reference,
            about_provider_reference=order.details.about_provider_reference,
            callback_url=back,
        )


def shorten_name(name: str) -> str:
    """A name as others may see it: `Ama Serwaa Mensah` is `Ama M.`."""
    parts = name.split()
    if not parts:
        return ""
    first = parts[0][:20]
    return f"{first} {parts[-1][0]}." if len(parts) > 1 else first
