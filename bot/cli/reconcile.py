"""`kasapay reconcile` in the terminal: its options, its table, and what its exit status means."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import msgspec
import typer

from bot.cli.terminal import Folder, run_until_told, settings_of
from bot.money import OrderState

if TYPE_CHECKING:
    from bot.admin.reconciliation.statement import Statement

__all__ = ["reconcile"]

_AGREES, _DIFFERS, _BAD_INPUT, _NOT_WHOLE = 0, 1, 2, 3
_LARGEST_FILE: Final = 256 * 1024 * 1024
_STATES: Final = {
    "successful": OrderState.SUCCESSFUL,
    "failed": OrderState.FAILED,
    "pending": OrderState.PENDING,
    "reversed": OrderState.REVERSED,
}
_COLUMNS: Final = ("order", "day", "amount", "payer", "what", "we say", "they say", "who says so")
# What helps, by kind; {code} is the order's, {reference} what it is called there.
_HELP: Final = {
    "missing": "kasapay orders show {code}; ask the provider for {reference}",
    "extra": "kasapay orders settle {code} successful --reason ... --by ...",
    "wrong_amount": "kasapay orders show {code}; ask the provider about {reference}",
    "wrong_currency": "kasapay orders show {code}; ask the provider about {reference}",
    "double": "kasapay orders show {code}; ask the provider to give one back",
    "wrong_state": "kasapay orders show {code}; ask the provider about {reference}",
    "wrong_day": "kasapay orders show {code}",
    "settled_by_hand": "kasapay orders show {code}, for who and why",
    "open": "kasapay orders show {code}; it is asked about by itself",
    "no_answer": "run this again",
    "edge": "look at the statement of the day beside",
    "unclear": "kasapay orders show {code}",
}
_HELP_STRANGER: Final = "no order of ours: ask the provider about {reference}"


class _Stop(Exception):
    """Why nothing was compared, and the exit status that tells so."""

    def __init__(self, status: int, *problems: str) -> None:
        super().__init__(*problems)
        self.status = status
        self.problems = problems


def reconcile(
    account: Annotated[str, typer.Option(help="Only this account; needed with --statement.")] = "",
    first: Annotated[str, typer.Option("--from", help="The first day, such as 2026-09-22. [yesterday]")] = "",
    last: Annotated[str, typer.Option("--to", help="The last day, included. [today]")] = "",
    statement: Annotated[Path | None, typer.Option(help="A CSV file as the provider gives it out.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Which column is what: reference, amount, debit, currency, status, date or type,"
            " by name or number, as in amount='Paid in' or currency=#4."
        ),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="What a status word means, as in Cleared=successful (failed, pending, reversed)."),
    ] = None,
    date_format: Annotated[str, typer.Option(help="How dates are written if not ISO: %d/%m/%Y %H:%M.")] = "",
    decimal: Annotated[str, typer.Option(help="The sign before the decimals, . or , where in doubt.")] = "",
    timezone: Annotated[
        str, typer.Option(help="Where days begin, as in Africa/Accra. [the account's country]")
    ] = "",
    tolerance: Annotated[
        int, typer.Option(help="Minutes by which the day of a payment near midnight may differ.", min=0)
    ] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Compare our orders of some days with the provider's word and a statement. Changes nothing.

    Exit status: 0 all agree, but for what was settled by hand; 1 something differs; 2 an option, a
    setting or the statement cannot be used, and nothing was compared; 3 nothing differs, but not all
    could be compared (the provider did not answer, an order is still open, or too near the period's
    edge; or the database was put back from a copy, and neither the provider's list nor a statement tells
    what is missing).
    """
    form = {
        "columns": column or [],
        "words": status or [],
        "date_format": date_format,
        "decimal": decimal,
        "timezone": timezone,
    }
    done: list[dict[str, Any]] = []

    async def work() -> None:
        done.append(await _compare(account, (first, last), statement, form, tolerance, folder))

    try:
        run_until_told(_stopped(work))
    except _Stop as stop:
        _fail(stop.problems, stop.status)
    if not done:
        _fail(("Interrupted; nothing is known.",), _NOT_WHOLE)
    result = done[0]
    if as_json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        _show(result)
    raise typer.Exit(result["exit_status"])


async def _stopped(work: Any) -> None:
    """Every reason to stop becomes one with its exit status."""
    from bot.admin.reconciliation.period import PeriodProblem
    from bot.admin.reconciliation.statement import StatementProblems
    from bot.admin.registry import CommandError
    from bot.app.build import CannotStart
    from bot.store import StoreUnavailable

    try:
        await work()
    except StatementProblems as error:
        raise _Stop(_BAD_INPUT, *error.problems) from None
    except (PeriodProblem, CannotStart) as error:
        raise _Stop(_BAD_INPUT, str(error)) from None
    except (CommandError, StoreUnavailable) as error:
        raise _Stop(_NOT_WHOLE, str(error)) from None


async def _compare(
    account: str,
    days: tuple[str, str],
    file: Path | None,
    form: dict[str, Any],
    tolerance: int,
    folder: Path,
) -> dict[str, Any]:
    from bot.admin.reconciliation.gather import reconcile as gather
    from bot.admin.reconciliation.period import home_zone, read_span, read_zone
    from bot.app.processes import operator
    from bot.runtime.clock import wall_clock_ms

    raw = None if file is None else await asyncio.to_thread(_read, file)
    words, columns = _words(form["words"]), _named(form["columns"])
    if form["decimal"] not in ("", ".", ","):
        raise _Stop(_BAD_INPUT, "--decimal is . or a comma.")
    try:
        settings = settings_of()
    except typer.Exit:
        raise _Stop(_BAD_INPUT) from None  # its problems are told
    reports = []
    async with operator(settings, folder) as ask:
        for chosen in _chosen(await ask("reconcile.accounts", {}), account, file):
            zone = read_zone(form["timezone"]) if form["timezone"] else home_zone(chosen["region"])
            span = read_span(*days, zone, wall_clock_ms(), tolerance * 60_000)
            read = None if raw is None else _lines(raw, chosen, zone, span, columns, words, form)
            report = await gather(
                ask,
                chosen["id"],
                span,
                lists=chosen["lists"],
                lists_transfers=chosen["lists_transfers"],
                restores=chosen["restores"],
                statement=None if read is None else read.lines,
            )
            first, last = span.day(span.from_ms), span.day(span.until_ms - 1)
            reports.append(
                {
                    **msgspec.to_builtins(report),
                    "asides": [*report.asides, *_left_aside(read)],
                    "from": first.isoformat(),
                    "to": last.isoformat(),
                    "timezone": str(zone),
                }
            )
    return {"exit_status": _exit_status(reports), "accounts": [_helped(report) for report in reports]}


def _exit_status(reports: Sequence[dict[str, Any]]) -> int:
    if any(report["findings"] for report in reports):
        return _DIFFERS
    return _AGREES if all(report["whole"] for report in reports) else _NOT_WHOLE


def _chosen(accounts: list[dict[str, Any]], wanted: str, file: Path | None) -> list[dict[str, Any]]:
    known = ", ".join(sorted(a["id"] for a in accounts)) or "none is configured"
    if wanted:
        found = [a for a in accounts if a["id"] == wanted]
        if not found:
            raise _Stop(_BAD_INPUT, f"There is no account {wanted!r}. Known: {known}.")
        return found
    if not accounts:
        raise _Stop(_BAD_INPUT, "No account is configured.")
    if file is not None and len(accounts) > 1:
        options = " or ".join(f"--account {name}" for name in sorted(a["id"] for a in accounts))
        raise _Stop(_BAD_INPUT, f"Say whose statement it is: {options}")
    return accounts


def _lines(
    raw: bytes,
    account: dict[str, Any],
    zone: Any,
    span: Any,
    columns: dict[str, str],
    words: dict[str, OrderState],
    form: dict[str, Any],
) -> "Statement":
    from bot.admin.reconciliation.statement import Form, read_statement

    read = read_statement(
        raw,
        Form(
            zone=zone,
            currency=account["currency"],
            wire_currency=account["wire_currency"],
            columns=columns,
            words=words,
            date_format=form["date_format"],
            decimal=form["decimal"],
        ),
    )
    if read.lines and not any(span.meets(line) for line in read.lines):
        days = sorted(span.day(line.from_ms) for line in read.lines if line.from_ms is not None)
        raise _Stop(
            _BAD_INPUT,
            "No line of the statement lies in the period."
            f" For all of them say --from {days[0]} --to {days[-1]}",
        )
    return read


def _left_aside(read: "Statement | None") -> list[str]:
    if read is None or not read.aside:
        return []
    shown = ", ".join(map(str, read.aside[:10])) + (", ..." if len(read.aside) > 10 else "")
    return [f"Lines of no payment (sums, footers), left aside: {len(read.aside)} (line {shown})."]


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise _Stop(_BAD_INPUT, f"{file} is too large; give a part of it.")
        return file.read_bytes()
    except OSError as error:
        raise _Stop(_BAD_INPUT, f"{file} cannot be read: {error.strerror}.") from None


def _named(given: Sequence[str]) -> dict[str, str]:
    from bot.admin.reconciliation.statement import FIELDS

    named = {}
    for text in given:
        field, sign, name = text.partition("=")
        if field.strip() not in FIELDS or not sign or not name.strip():
            raise _Stop(
                _BAD_INPUT,
                f"--column {text!r} is not one of {', '.join(FIELDS)} = a column's name or #number.",
            )
        named[field.strip()] = name.strip()
    return named


def _words(given: Sequence[str]) -> dict[str, OrderState]:
    words = {}
    for text in given:
        # An empty word is one too: some leave the cell empty for what was paid.
        word, sign, meaning = text.rpartition("=")
        if not sign or meaning.strip() not in _STATES:
            raise _Stop(_BAD_INPUT, f"--status {text!r} is not a word = one of {', '.join(_STATES)}.")
        words[re.sub(r"[\s_-]+", " ", word).strip().casefold()] = _STATES[meaning.strip()]
    return words


def _helped(report: dict[str, Any]) -> dict[str, Any]:
    """With each finding what helps."""
    for found in (*report["findings"], *report["explained"], *report["not_compared"]):
        text = _HELP[found["kind"]] if found["code"] else _HELP_STRANGER
        found["do"] = text.format(code=found["code"], reference=found["reference"] or "it")
    return report


def _show(result: dict[str, Any]) -> None:
    for report in result["accounts"]:
        heard = [f"{report['orders']} orders"]
        if report["listed"] is not None:
            heard.append(f"{report['listed']} payments of the provider's list")
        if report["statement_lines"] is not None:
            heard.append(f"{report['statement_lines']} lines of the statement")
        print(f"{report['account']}, {report['from']} to {report['to']} ({report['timezone']}):", end=" ")
        print(f"{', '.join(heard)}.")
        if report["findings"]:
            _table(f"Differs: {len(report['findings'])}", report["findings"])
        elif report["whole"]:
            print("All agree, but for what was settled by hand." if report["explained"] else "All agree.")
        else:
            print("Nothing differs, but not all could be compared.")
        if report["explained"]:
            _table(f"Settled by hand: {len(report['explained'])}", report["explained"])
        if report["not_compared"]:
            _table(f"Not compared: {len(report['not_compared'])}", report["not_compared"])
        for aside in report["asides"]:
            print(aside)


def _table(title: str, findings: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    print(f"{title}.")
    table = Table(*_COLUMNS, "what to do")
    for found in findings:
        lines = f" (line {', '.join(map(str, found['lines']))})" if found["lines"] else ""
        table.add_row(
            found["code"] or found["reference"],
            found["day"],
            found["amount"],
            found["payer"],
            found["kind"].replace("_", " "),
            found["ours"],
            found["theirs"],
            ", ".join(found["sources"]) + lines,
            found["do"],
        )
    # A pipe has no width of its own; a cut reference is no use to anybody.
    Console(width=None if sys.stdout.isatty() else 220, markup=False).print(table)


def _fail(problems: Sequence[str], status: int) -> NoReturn:
    for problem in problems:
        print(f"kasapay: {problem}", file=sys.stderr)
    raise typer.Exit(status)
