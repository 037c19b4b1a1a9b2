"""Asks about agreements that stand: invoices until they are paid, auto-debits until the provider ended them.

Consents it ends once nobody may answer them any more. Nothing is called paid or ended but on the provider's
word.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

import structlog

from bot.money import ENDED, AgreementKind, AgreementState, Money, Source
from bot.notifications.incidents import about_agreement
from bot.notifications.other_messages import agreement_results
from bot.orders.provider_calls import Calls
from bot.providers.base import AgreementReport, AgreementWord, ProviderError
from bot.runtime.clock import Clock, Ids
from bot.runtime.loops import is_due, keep_going
from bot.runtime.timeouts import Timeouts
from bot.store.base import AddIncident, Change, Conflict, MoveAgreement, Store
from bot.store.records import AgreementRow

__all__ = ["AgreementKeeper"]

_log = structlog.get_logger("agreement")

_AT_ONCE: Final = 16
_IDLE_S: Final = 30.0
_DAY_MS: Final = 24 * 3600_000
# An invoice is asked about each half minute while its payer may be at it, then ever more rarely.
_FIRST_ASKS: Final = 20
_FIRST_S, _LATER_S, _AT_REST_S = 30.0, 300.0, 3600.0
_LATER_ASKS: Final = 60
# What is over by our clock is asked about soon, for it may end, or may have been paid, just now.
_FIRST_PAST_MS: Final = 60_000
# An invoice of which nobody had a last word for so long after its end is for a person to look at,
_LAST_WORD_MS: Final = _DAY_MS
# and so is an auto-debit that the provider did not end for so long.
_NOT_ENDED_MS: Final = 7 * _DAY_MS

_STATES: Final = {
    AgreementWord.ACTIVE: AgreementState.ACTIVE,
    AgreementWord.PAID: AgreementState.PAID,
    AgreementWord.REFUSED: AgreementState.REFUSED,
    AgreementWord.CANCELLED: AgreementState.CANCELLED,
    AgreementWord.EXPIRED: AgreementState.EXPIRED,
}


class AgreementKeeper:
    """Claims agreements that are due, and asks about each.

    `on_told` is called when messages have been queued.
    """

    def __init__(self, store: Store, calls: Calls, clock: Clock, ids: Ids, timeouts: Timeouts) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._woken = asyncio.Event()
        self.on_told: Callable[[], None] = lambda: None

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> NoReturn:
        await keep_going("agreements", self._woken, self._round)

    async def _round(self) -> float:
        await self.drain()
        due_ms = await self._store.next_agreement_ms()
        if due_ms is None:
            return _IDLE_S
        return min(max((due_ms - self._clock()) / 1000, 0.1), _IDLE_S)

    async def drain(self) -> int:
        """Look at all that is due now; how many."""
        looked_at = 0
        lease_ms = int(self._timeouts.lease_s * 1000)
        while is_due(await self._store.next_agreement_ms(), self._clock()) and (
            rows := await self._store.claim_agreements(self._clock(), lease_ms, _AT_ONCE)
        ):
            await asyncio.gather(*(self._look_safely(row) for row in rows))
            looked_at += len(rows)
        return looked_at

    async def _look_safely(self, row: AgreementRow) -> None:
        try:
            await self._store.commit(await self._look(row))
            self.on_told()
        except Conflict:
            _log.info("agreement moved on", reference=row.reference)
        except Exception:
            _log.exception("agreement failed", reference=row.reference)

    async def _look(self, row: AgreementRow) -> list[Change]:
        if row.kind is AgreementKind.CONSENT:
            over = row.until_ms is not None and self._clock() >= row.until_ms
            return self._moved(row, AgreementState.EXPIRED if over else None, Source.US)
        unresolved = row.kind is AgreementKind.INVOICE and row.state is AgreementState.UNRESOLVED
        if row.state is not AgreementState.ACTIVE and not unresolved:
            # Its order decides; there is nothing to ask about yet.
            return self._moved(row, None, Source.US)
        report = await self._asked(row)
        to_state = _STATES.get(report.state) if report.state else None
        if to_state is AgreementState.PAID and _is_other_money(row, report):
            return [
                *self._moved(row, AgreementState.UNRESOLVED, Source.POLL),
                await self._incident("mismatch_invoice", row, report.amount),
            ]
        alarms: list[Change] = []
        if report.none_stands and self._past_ms(row) is not None:
            to_state = AgreementState.EXPIRED
        elif to_state in (None, AgreementState.ACTIVE):
            to_state, alarms = await self._still_standing(row)
        changes = self._moved(row, to_state, Source.POLL, report) + alarms
        if to_state in ENDED:
            changes += await self._told(row, to_state)
        return changes

    async def _asked(self, row: AgreementRow) -> AgreementReport:
        """The provider's word; of no state where nobody can be asked, or nobody answers."""
        if row.account_id not in self._calls.accounts:
            return AgreementReport(state=None)
        taken: tuple[str, ...] = ()
        if row.kind is AgreementKind.PREAPPROVAL and not row.provider_id:
            taken = await self._store.preapproval_ids(row.payer, row.account_id, but=row.id)
        report = await self._calls.agreement(row, self._timeouts.call_s, taken)
        return AgreementReport(state=None) if isinstance(report, ProviderError) else report

    async def _still_standing(self, row: AgreementRow) -> tuple[AgreementState | None, list[Change]]:
        """What becomes of it where nobody says that it has ended. Our clock alone ends nothing: theirs counts
        from the approval, one of the two may be wrong, and until theirs is over a pre-approval debits without
        a PIN and an invoice can be paid."""
        past_ms = self._past_ms(row)
        if past_ms is None:
            return None, []
        if row.kind is AgreementKind.INVOICE:
            if row.state is not AgreementState.ACTIVE or past_ms < _LAST_WORD_MS:
                return None, []
            return AgreementState.UNRESOLVED, [await self._incident("invoice_unresolved", row)]
        if past_ms < _NOT_ENDED_MS:
            return None, []
        return None, [await self._incident("auto_debit_not_ended", row)]

    def _past_ms(self, row: AgreementRow) -> int | None:
        """For how long its time has been over; None while it is not."""
        now_ms = self._clock()
        return now_ms - row.until_ms if row.until_ms is not None and row.until_ms <= now_ms else None

    def _moved(
        self,
        row: AgreementRow,
        to_state: AgreementState | None,
        source: Source,
        report: AgreementReport | None = None,
    ) -> list[Change]:
        now_ms = self._clock()
        until_ms = None
        if (
            report is not None
            and report.expires_ms
            and (not row.until_ms or report.expires_ms < row.until_ms)
        ):
            until_ms = report.expires_ms
        provider_id = (report.provider_reference or None) if report else None
        if row.kind is AgreementKind.CONSENT and to_state is not None:
            provider_id = ""  # nobody asks with it any more
        return [
            MoveAgreement(
                row.id,
                row.version,
                now_ms,
                self._due_ms(row, to_state, now_ms),
                to_state,
                source,
                fence=row.fence,
                until_ms=until_ms,
                provider_id=provider_id,
                payment_reference=(report.payment_reference or None) if report else None,
                provider_code=(report.provider_code or None) if report else None,
                polls=row.polls + 1,
            )
        ]

    def _due_ms(self, row: AgreementRow, to_state: AgreementState | None, now_ms: int) -> int:
        if row.kind is AgreementKind.CONSENT:
            return max(row.until_ms or now_ms, now_ms + 60_000)
        if (to_state or row.state) is AgreementState.UNRESOLVED:
            return now_ms + _DAY_MS
        past_ms = self._past_ms(row)
        if past_ms is not None:
            # As long again as it has been over, but never over the last moment.
            longest_ms = _LAST_WORD_MS - past_ms if row.kind is AgreementKind.INVOICE else _DAY_MS
            return now_ms + max(min(past_ms, longest_ms), _FIRST_PAST_MS)
        if row.kind is AgreementKind.PREAPPROVAL:
            # Until its id is known it cannot be stopped.
            pause_ms = 10_000 if not row.provider_id and row.polls < _FIRST_ASKS else _DAY_MS
        elif row.polls < _FIRST_ASKS:
            pause_ms = int(_FIRST_S * 1000)
        else:
            pause_ms = int((_LATER_S if row.polls < _LATER_ASKS else _AT_REST_S) * 1000)
        return now_ms + pause_ms if row.until_ms is None else min(now_ms + pause_ms, row.until_ms)

    async def _told(self, row: AgreementRow, to_state: AgreementState) -> list[Change]:
        # Its order knows whose it is by now, and where it began.
        order = await self._store.order_by_reference(row.reference)
        if order is None:
            return []
        merchant = await self._store.merchant(row.merchant_id)
        addresses = await self._store.addresses_of(order.person_id)
        return list(
            agreement_results(
                row,
                order,
                to_state,
                merchant.shown if merchant else "",
                addresses,
                now_ms=self._clock(),
                new_id=self._ids.uuid,
                timeouts=self._timeouts,
            )
        )

    async def _incident(self, kind: str, row: AgreementRow, theirs: Money | None = None) -> AddIncident:
        merchant = await self._store.merchant(row.merchant_id)
        name = merchant.name if merchant is not None else ""
        return about_agreement(kind, row, name, id=self._ids.uuid(), now_ms=self._clock(), theirs=theirs)


def _is_other_money(row: AgreementRow, report: AgreementReport) -> bool:
    told = report.amount
    return told is not None and (told.amount_minor, told.currency) != (row.amount_minor, row.currency)
