"""One account's comparison from end to end: asks for the parts, holds the lines, lets the rules speak.

`ask` does a command of `bot.admin.reconcile`, here or in the process that owns the database. Parts
come one after the other, so that the provider is never asked more than one of them asks at a time.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from bot.admin.reconciliation.compare import Comparison
from bot.admin.reconciliation.values import Finding, Ours, Source, Span, Theirs

__all__ = ["Ask", "Report", "reconcile"]

Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]

# So many orders in a row without an answer: the provider is down, and asking on helps nobody.
_GIVE_UP_AFTER: Final = 16
_FIND_AT_ONCE: Final = 40
_MOST_LISTED: Final = 500_000
_ONE_DAY: Final = timedelta(days=1)


class Report(msgspec.Struct, frozen=True):
    """What came of it. `asides` are sentences about the whole; `whole` False: not all could be compared."""

    account: str
    orders: int
    statement_lines: int | None
    listed: int | None
    findings: tuple[Finding, ...]
    explained: tuple[Finding, ...]
    not_compared: tuple[Finding, ...]
    asides: tuple[str, ...]
    whole: bool


async def reconcile(
    ask: Ask,
    account: str,
    span: Span,
    *,
    lists: bool,
    statement: Sequence[Theirs] | None,
    lists_transfers: bool = False,
    restores: Sequence[Sequence[int]] = (),
) -> Report:
    """`restores`: from when to when the database has forgotten what was done."""
    comparison = Comparison(span, statement=statement is not None)
    for line in statement or ():
        comparison.hear(line)
    asides: list[str] = []
    listed, problem = await _hear_list(ask, account, span, comparison) if lists else (None, "")
    if lists_transfers and not problem:
        further, problem = await _hear_list(ask, account, span, comparison, transfers=True)
        listed = (listed or 0) + further
    if problem:
        asides.append(f"The provider's list could not be read to its end: {problem}.")
    if not await _take_orders(ask, account, span, comparison):
        asides.append("The provider did not answer; most orders were not asked about. Try again later.")
    told = statement is not None or (lists and not problem)
    gaps = [gap for gap in restores if gap[0] < span.until_ms and gap[1] >= span.from_ms]
    asides += [_gap(span, gap[0], gap[1], told=told) for gap in gaps]
    elsewhere, invoices = await _take_strays(ask, account, comparison)
    comparison.unknown()
    if elsewhere:
        asides.append(f"Lines about payments of other accounts of ours, left aside: {elsewhere}.")
    if invoices:
        asides.append(f"Lines about invoices of ours, which are not compared yet: {invoices}.")
    return Report(
        account=account,
        orders=comparison.taken,
        statement_lines=None if statement is None else len(statement),
        listed=listed,
        findings=tuple(sorted(comparison.findings, key=_order)),
        explained=tuple(sorted(comparison.explained, key=_order)),
        not_compared=tuple(sorted(comparison.not_compared, key=_order)),
        asides=tuple(asides),
        whole=not comparison.not_compared and not problem and not invoices and (told or not gaps),
    )


async def _hear_list(
    ask: Ask, account: str, span: Span, comparison: Comparison, *, transfers: bool = False
) -> tuple[int, str]:
    """How many payments (payouts, with `transfers`) the provider lists, and why it may be fewer than it has.

    A day's room on both sides, since nobody says which zone its days are in. New payments push the
    list on while it is read: what was seen before is left out, and the end is a page without rows.
    """
    days = [datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (span.from_ms, span.until_ms)]
    asked = {
        "account": account,
        "first": (days[0] - _ONE_DAY).isoformat(),
        "last": (days[1] + _ONE_DAY).isoformat(),
        "transfers": transfers,
    }
    seen: set[object] = set()
    skip = idle = 0
    while skip < _MOST_LISTED:
        page = await ask("reconcile.list", {**asked, "skip": skip})
        if page["problem"]:
            return len(seen), str(page["problem"])
        if not page["count"]:
            return len(seen), ""
        skip += page["count"]
        rows = [msgspec.convert(row, Theirs) for row in page["rows"]]
        fresh = [row for row in rows if _name(row) not in seen]
        # Twice nothing new: the provider sends the same part again and again.
        idle = 0 if fresh or not rows else idle + 1
        if idle == 2:
            return len(seen), "it repeats itself"
        for row in fresh:
            if _name(row) not in seen:
                seen.add(_name(row))
                comparison.hear(row)
    return len(seen), "it does not end"


async def _take_orders(ask: Ask, account: str, span: Span, comparison: Comparison) -> bool:
    """False where the provider was left alone after too many calls without an answer.

    Orders within the tolerance around the period are fetched too, so that their lines find them.
    """
    asked = {
        "account": account,
        "from_ms": span.from_ms - span.tolerance_ms,
        "until_ms": span.until_ms + span.tolerance_ms,
        "ask_from_ms": span.from_ms,
        "ask_until_ms": span.until_ms,
    }
    after: list[Any] | None = [0, ""]
    silent = 0
    left_alone = False
    while after is not None:
        left_alone = left_alone or silent >= _GIVE_UP_AFTER
        page = await ask("reconcile.orders", {**asked, "after": after, "ask": not left_alone})
        for row in page["rows"]:
            ours = msgspec.convert(row["ours"], Ours)
            status = None if row["status"] is None else msgspec.convert(row["status"], Theirs)
            if status is None and left_alone and span.holds(ours.at_ms):
                status = Theirs(Source.STATUS, None, problem="not asked: the provider does not answer")
            elif status is not None:
                silent = silent + 1 if status.problem else 0
            comparison.take(ours, status)
        after = page["after"]
    return not left_alone


async def _take_strays(ask: Ask, account: str, comparison: Comparison) -> tuple[int, int]:
    """Find the orders of lines that no order of the period claimed; gives how many are other accounts',
    and how many are invoices.
    """
    elsewhere = invoices = 0
    # A payment that is found may show that a line is of a refund of it, made on another day.
    for lines in (comparison.strays, comparison.lent):
        for part in _parts(list(lines())):
            numbers = [number for line in part for number in line.numbers]
            found = await ask("reconcile.find", {"payments": [line.ids for line in part], "numbers": numbers})
            for order in found:
                if order is None:
                    continue
                ours = msgspec.convert(order, Ours)
                if ours.account_id == account and ours.compared:
                    comparison.take(ours)
                    continue
                comparison.leave_aside(ours)
                elsewhere += ours.account_id != account
                invoices += ours.account_id == account
    return elsewhere, invoices


def _gap(span: Span, since_ms: int, noticed_ms: int, *, told: bool) -> str:
    since, noticed = (
        datetime.fromtimestamp(ms / 1000, span.zone).strftime("%Y-%m-%d %H:%M")
        for ms in (since_ms, noticed_ms)
    )
    missing = f"The database was put back from a copy: orders made from {since} to {noticed} may be missing."
    if told:
        return missing
    return f"{missing} Only the provider's list or a statement (--statement) can show them."


def _name(row: Theirs) -> object:
    """What a row is known again by, though its status may have changed meanwhile."""
    return row.ids or row


def _parts(lines: Sequence[Theirs]) -> Iterator[Sequence[Theirs]]:
    for start in range(0, len(lines), _FIND_AT_ONCE):
        yield lines[start : start + _FIND_AT_ONCE]


def _order(found: Finding) -> tuple[str, str, str]:
    return found.day, found.code or found.reference, found.kind.value
