"""Merchants as their customers see them: by their code, and those the person paid before."""

from typing import Final

from bot.dialog import views as v
from bot.money import OrderKind
from bot.operations.actor import Actor
from bot.providers.accounts import Accounts
from bot.providers.base import ChecksHolders
from bot.store.base import Store
from bot.store.records import MerchantRow

__all__ = ["Merchants"]

_RECENT: Final = 3


class Merchants:
    """Finds whom a customer may pay."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts

    async def find(self, code: str) -> v.MerchantCard | None:
        """The merchant with this code, where they take payments now."""
        merchant = await self._store.merchant_by_code(code.strip(" .,"))
        return self._card(merchant) if merchant and merchant.active else None

    async def recent(self, actor: Actor) -> tuple[v.MerchantCard, ...]:
        """The merchants that the actor paid last."""
        found = await self._store.recent_merchants(actor.person.id, _RECENT)
        return tuple(card for merchant in found if (card := self._card(merchant)))

    def _card(self, merchant: MerchantRow) -> v.MerchantCard | None:
        """None where the merchant's account has left the settings."""
        if merchant.account_id not in self._accounts:
            return None
        account = self._accounts.account(merchant.account_id)
        return v.MerchantCard(
            id=merchant.id,
            code=merchant.code,
            name=merchant.shown,
            currency=merchant.currency,
            region=account.region,
            networks=self._accounts.adapter(account.id).networks(account),
            most_minor=merchant.max_amount_minor,
            checks_holder=self._accounts.can(merchant.account_id, ChecksHolders),
            amounts=self._accounts.adapter(account.id).amounts(account, OrderKind.COLLECTION),
            numbers=self._accounts.adapter(account.id).numbers(account),
            asks_for=merchant.asks_for,
            debits=OrderKind.PREAPPROVAL in self._accounts.kinds(merchant.account_id),
        )
