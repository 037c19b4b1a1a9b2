"""Asks the provider about one open order, and decides whether the provider surely does not have it.

Where a request is never made twice, a reply that was lost leaves only asking: by the provider's reference as
far as anybody has heard it (its events, its list), else by ours. That nothing is found by ours says something
only of an account that is known to answer by it, or whose list lacks the order; never with other keys than
the order was sent with, which may be another account's.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
import structlog

from bot.money import reference_key
from bot.orders.provider_calls import Calls
from bot.providers.base import Listed, ListsPayments, ProviderError, StatusReport
from bot.runtime.clock import Clock
from bot.runtime.timeouts import Timeouts
from bot.store.base import Store
from bot.store.records import OrderRow

__all__ = ["Poller"]

_log = structlog.get_logger("worker")

# A list of more parts than this tells nothing: it would take too long to be one moment's.
_PARTS_AT_MOST: Final = 40
# Whether an account answers by our reference is tried so often at the most, until it is known.
_TRIES_MS: Final = 3600_000
# Much shorter than the pause between two polls of one order.
_LISTING_MS: Final = 20_000


class Poller:
    """Polls orders, and remembers which accounts are known to answer by our reference."""

    def __init__(self, store: Store, calls: Calls, clock: Clock, timeouts: Timeouts) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._timeouts = timeouts
        self._known: set[tuple[str, str, str]] = set()
        self._tried_ms: dict[tuple[str, str, str], int] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}
        self._listings: dict[tuple[str, ...], tuple[int, _Listing | None]] = {}

    async def poll(self, order: OrderRow) -> tuple[StatusReport | ProviderError, bool]:
        """Ask about one order: the report or the error, and whether the provider surely lacks it now."""
        report = await self._by_ours_for_once(order) or await self._calls.status(order, self._timeouts.call_s)
        if isinstance(report, ProviderError) or not self._absence_tells(order):
            return report, False
        if not report.not_found:
            if not order.provider_reference:
                await self._learn(order, report)
            return report, False
        if order.provider_reference or order.accepted_ms is not None:
            return report, False
        if order.restored_ms is not None:
            # What it follows from may have gone on under another reference, which nobody here knows.
            return report, False
        for theirs in await self._store.named_by_webhooks(order.reference):
            if found := await self._by(order, theirs):
                return found, False
        if not report.surely_lacks or not self._calls.same_keys(order) or not self._is_late(order):
            return report, False
        if await self._is_known(self._fact(order)):
            return report, True
        listed = await self._in_list(order)
        if isinstance(listed, Listed):
            return await self._by(order, listed.provider_reference) or report, False
        return report, listed is None

    def _absence_tells(self, order: OrderRow) -> bool:
        return order.kind in self._calls.accounts.adapter(order.account_id).absence_tells

    def _is_late(self, order: OrderRow) -> bool:
        """Whether the request has had its time to arrive; before that nobody asks for the list."""
        return self._clock() - (order.sent_ms or order.created_ms) >= self._timeouts.absent_s * 1000

    async def _by(self, order: OrderRow, theirs: str) -> StatusReport | None:
        """The report by a reference somebody named, where it is about this order and this money."""
        if not theirs:
            return None
        named = msgspec.structs.replace(order, provider_reference=theirs)
        report = await self._calls.status(named, self._timeouts.call_s)
        if isinstance(report, ProviderError) or report.not_found or not report.names_ours:
            return None
        told = report.amount
        same = told is None or (told.amount_minor, told.currency) == (order.amount_minor, order.currency)
        return report if same else None

    # ---- whether the account answers by our reference ----------------------------------------------

    def _fact(self, order: OrderRow) -> tuple[str, str, str]:
        place, keys = self._calls.accounts.place(order.account_id), self._calls.keys_hash(order.account_id)
        return place, keys, f"{order.kind.value} by our reference"

    async def _is_known(self, fact: tuple[str, str, str]) -> bool:
        if fact not in self._known and await self._store.has_learned(*fact):
            self._known.add(fact)
        return fact in self._known

    async def _learn(self, order: OrderRow, report: StatusReport) -> None:
        """Remember that the account has answered by our reference, and named it."""
        fact = self._fact(order)
        if not report.names_ours or report.not_found or await self._is_known(fact):
            return
        await self._store.learn(*fact, self._clock())
        self._known.add(fact)
        _log.info("account answers by our reference", account=order.account_id)

    async def _by_ours_for_once(self, order: OrderRow) -> StatusReport | None:
        """Most orders are asked about by the provider's reference. Until it is known whether the account
        answers by ours, one of them is asked about by ours instead, once an hour, which is one question where
        it does. None where that is not to be tried, or tells nothing."""
        if not order.provider_reference or not self._absence_tells(order):
            return None
        fact, now_ms = self._fact(order), self._clock()
        if await self._is_known(fact) or 0 <= now_ms - self._tried_ms.get(fact, -_TRIES_MS) < _TRIES_MS:
            return None
        self._tried_ms[fact] = now_ms
        by_ours = msgspec.structs.replace(order, provider_reference="")
        report = await self._calls.status(by_ours, self._timeouts.call_s)
        if isinstance(report, ProviderError) or report.not_found or not report.names_ours:
            return None
        await self._learn(order, report)
        return report

    # ---- the list ----------------------------------------------------------------------------------

    async def _in_list(self, order: OrderRow) -> Listed | bool | None:
        """The order's row; None where the whole list lacks it; False where that cannot be told."""
        if not self._calls.accounts.can(order.account_id, ListsPayments):
            return False
        sent_ms = order.sent_ms or order.created_ms
        listing = await self._listing(order, sent_ms)
        if listing is None or listing.begun_ms - sent_ms < self._timeouts.absent_s * 1000:
            return False
        found = listing.named.get(reference_key(order.reference))
        if found is not None:
            return found
        return False if any(_may_be(row, order) for row in listing.unnamed) else None

    async def _listing(self, order: OrderRow, sent_ms: int) -> "_Listing | None":
        """The list as it was a moment ago, or is now: after an outage many orders ask for it at once."""
        first = datetime.fromtimestamp(sent_ms / 1000, UTC) - timedelta(days=1)
        last = datetime.fromtimestamp(self._clock() / 1000, UTC) + timedelta(days=1)
        days = (first.date().isoformat(), last.date().isoformat())
        key = (*self._fact(order), *days)
        async with self._locks.setdefault(key, asyncio.Lock()):
            held = self._listings.get(key)
            now_ms = self._clock()
            if held is not None and 0 <= now_ms - held[0] < _LISTING_MS:
                return held[1]
            found = await self._read(order, days, now_ms)
            self._listings = {k: v for k, v in self._listings.items() if now_ms - v[0] < _LISTING_MS}
            self._listings[key] = now_ms, found
            return found

    async def _read(self, order: OrderRow, days: tuple[str, str], now_ms: int) -> "_Listing | None":
        """All parts of the list; None where one cannot be had, or where it does not end."""
        listing, skip = _Listing(now_ms, {}, []), 0
        for _ in range(_PARTS_AT_MOST):
            call_s = self._timeouts.call_s
            page = await self._calls.list_payments(order.account_id, *days, skip, call_s, kind=order.kind)
            if isinstance(page, ProviderError):
                return None
            for row in page.rows:
                if row.reference:
                    listing.named[reference_key(row.reference)] = row
                else:
                    listing.unnamed.append(row)
            if page.count == 0:
                return listing
            skip += page.count
        return None


class _Listing(NamedTuple):
    """A whole list: when it was begun, its rows by our reference, and those that bear none."""

    begun_ms: int
    named: dict[str, Listed]
    unnamed: list[Listed]


def _may_be(row: Listed, order: OrderRow) -> bool:
    """Whether a row without a reference of ours could be the order."""
    told = row.amount
    return told is None or (told.amount_minor, told.currency) == (order.amount_minor, order.currency)
