"""The live list of orders on the try-it page: reads the store now and then, and tells what changed.

One reader however many pages look; it runs only while one does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bot.money import Money, mask_msisdn, show_amount
from bot.store.base import Store
from bot.store.records import MerchantRow, OrderRow, Transition
from bot.web.parts import TryMerchant

__all__ = ["OrderFeed"]

_MOST = 30


class OrderFeed:
    """Recent orders as the page shows them, kept by id while their version stands."""

    def __init__(self, store: Store, merchants: Sequence[TryMerchant]) -> None:
        self._store = store
        self._providers: Mapping[str, str] = {merchant.code: merchant.provider for merchant in merchants}
        self._shown: dict[str, tuple[int, dict[str, Any]]] = {}
        self._merchants: dict[str, MerchantRow] = {}
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")

    async def recent(self, *, fresh_s: float = 0.0) -> list[tuple[int, dict[str, Any]]]:
        """Recent orders as (version, shown), newest first; not read again within `fresh_s`."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= fresh_s:
                await self._read()
                self._read_at = now
        return list(self._shown.values())

    async def _read(self) -> None:
        rows = await self._store.recent_orders(_MOST)
        fresh: dict[str, tuple[int, dict[str, Any]]] = {}
        for row in rows:
            known = self._shown.get(row.id)
            if known is None or known[0] != row.version:
                known = (row.version, await self._show(row))
            fresh[row.id] = known
        self._shown = fresh

    async def _show(self, row: OrderRow) -> dict[str, Any]:
        merchant = self._merchants.get(row.merchant_id) or await self._store.merchant(row.merchant_id)
        if merchant is not None:
            self._merchants[row.merchant_id] = merchant
        transitions = await self._store.transitions(row.id)
        return {
            "id": row.id,
            "code": row.code,
            "kind": row.kind.value,
            "state": row.shown.value,
            "reason": row.reason.value if row.reason is not None else "",
            "amount": show_amount(Money(row.amount_minor, row.currency)),
            "merchant": merchant.name if merchant is not None else "",
            "merchant_code": merchant.code if merchant is not None else "",
            "provider": self._providers.get(merchant.code, "") if merchant is not None else "",
            "payer": mask_msisdn(row.payer),
            "channel": row.origin_channel,
            "created_at": row.created_ms,
            "updated_at": row.updated_ms,
            "transitions": [_show_transition(line) for line in transitions],
        }


def _show_transition(line: Transition) -> dict[str, Any]:
    return {
        "from": line.from_state.value if line.from_state is not None else "",
        "to": line.to_state.value,
        "source": line.source.value,
        "at": line.at_ms,
        "reason": line.reason.value if line.reason is not None else "",
    }
