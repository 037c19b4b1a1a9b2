"""Accounts of providers as tests change them."""

from typing import Any, TypeVar

from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.providers.settings import Account

A = TypeVar("A", bound=Account)

PRODUCTS = ("collection", "disbursement")


def changed(account: A, **changes: Any) -> A:
    """The account with other values, right or wrong. `credentials` are MoMo's, by product: all there are."""
    if "credentials" in changes:
        held = changes.pop("credentials")
        changes |= {product: held.get(product) for product in PRODUCTS}
    return account.model_copy(update=changes)


def credentials(account: MomoAccount) -> dict[str, ProductKeys]:
    """MoMo's keys by product."""
    found = {"collection": account.collection, "disbursement": account.disbursement}
    return {product: keys for product, keys in found.items() if keys is not None}
