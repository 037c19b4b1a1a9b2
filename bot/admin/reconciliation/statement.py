"""A statement as a merchant downloads it: CSV in, lines out, or every bad line with its number. Pure.

A byte order mark is found out; `header` says which column is what. Nothing is guessed about money.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from bot.admin.reconciliation.cells import CellProblem, read_amount, read_id, read_state, read_when
from bot.admin.reconciliation.header import FIELDS, Columns, Form, NotCsv, StatementProblems, find_header
from bot.admin.reconciliation.values import Source, Theirs
from bot.money import OrderState

__all__ = ["FIELDS", "Form", "Statement", "StatementProblems", "read_statement"]

_FEE: Final = re.compile(r"\b(?:fees?|charges?|commissions?)\b", re.IGNORECASE)
# What stands below or between payments: a sum, a balance, a page's end.
_SUM: Final = re.compile(
    r"(?:grand |sub ?)?totals?\b|totaux\b|sous-total|sum\b|balance\b|(?:opening|closing|available) balance"
    r"|solde\b|page \d|end of|fin d[eu]\b|generated\b|printed\b",
    re.IGNORECASE,
)
_MOST_TOLD: Final = 20


class Statement(msgspec.Struct, frozen=True):
    """What was read. `aside`: the numbers of lines that are of no payment: sums, balances, footers."""

    lines: list[Theirs]
    aside: tuple[int, ...] = ()


def read_statement(raw: bytes, form: Form) -> Statement:
    """All lines of the statement. Raises StatementProblems with every line that cannot be read."""
    text = _text_of(raw)
    if not text.strip():
        raise StatementProblems("The statement is empty.")
    records, columns = find_header(text, form)
    lines: list[Theirs] = []
    aside: list[int] = []
    problems: list[str] = []
    try:
        for number, cells in records:
            try:
                if _is_aside(cells, columns):
                    aside.append(number)
                else:
                    lines.append(_line(number, cells, columns, form))
            except CellProblem as problem:
                # Advice stands last, so that it can be copied as it is.
                problems.append(f"Line {number}: {problem}{'' if '--' in str(problem) else '.'}")
    except NotCsv as error:
        problems.extend(error.problems)  # what follows cannot be told apart
    if problems:
        more = len(problems) - _MOST_TOLD
        raise StatementProblems(*problems[:_MOST_TOLD], *([f"And {more} more lines."] if more > 0 else []))
    return Statement(lines, tuple(aside))


def _text_of(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise StatementProblems(f"Line {line}: not UTF-8 text; save the file as CSV in UTF-8.") from None


def _is_aside(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a line is of no payment. One with a reference of its own, or with a day and no word of a sum,
    is taken for a payment: what is wrong with it is said."""
    at = cells.__getitem__ if len(cells) >= columns.width else lambda place: (*cells, *[""] * 200)[place]
    ids = [at(place) for place in columns.ids if at(place)]
    dated = columns.date is not None and at(columns.date) != ""
    sums = any(_SUM.match(cell) for cell in cells)
    if columns.status is not None and at(columns.status):
        return False
    if dated:
        return not ids and sums
    if not ids:
        return sums or columns.date is not None or not at(columns.amount)
    if any(_SUM.match(text) for text in ids):
        return True
    return columns.date is not None and not any(re.search(r"\d", text) for text in ids)


def _line(number: int, cells: Sequence[str], columns: Columns, form: Form) -> Theirs:
    if len(cells) < columns.width or any(cell.strip() for cell in cells[columns.width :]):
        raise CellProblem(f"it has {len(cells)} columns, the header {columns.width}")
    ids = tuple(dict.fromkeys(text for place in columns.ids if (text := read_id(cells[place]))))
    ours = {read_id(cells[place]) for place in columns.ids if place not in columns.theirs}
    if not ids:
        raise CellProblem("no reference stands in it")
    amount, beside = _amount(cells, columns, form)
    currency = (cells[columns.currency].strip().upper() if columns.currency is not None else "") or beside
    if beside and currency != beside:
        raise CellProblem(f"the amount is in {beside}, the currency {currency}")
    if currency and not re.fullmatch(r"[A-Z]{3}", currency):
        raise CellProblem(f"{currency!r} is not a currency")
    state = OrderState.SUCCESSFUL
    if columns.status is not None:
        state = read_state(cells[columns.status], form.words)
    when: tuple[int | None, int | None] = (None, None)
    if columns.date is not None and (cells[columns.date].strip() or state is OrderState.SUCCESSFUL):
        when = read_when(cells[columns.date], form.zone, form.date_format)
    return Theirs(
        source=Source.STATEMENT,
        state=state,
        ids=ids,
        amount=abs(amount),
        currency=form.currency if currency in ("", form.wire_currency) else currency,
        from_ms=when[0],
        until_ms=when[1],
        line=number,
        word=cells[columns.status].strip()[:40] if columns.status is not None else "",
        out=amount < 0,
        numbers=tuple(text for text in ids if text not in ours),
        fee=any(_FEE.search(cells[place]) for place in columns.type),
    )


def _amount(cells: Sequence[str], columns: Columns, form: Form) -> tuple[Decimal, str]:
    """The amount, less than nothing where it went out, and the currency beside it (else empty)."""
    credit = cells[columns.amount]
    if columns.debit is None:
        return read_amount(credit, form.decimal, form.currency)
    debit = cells[columns.debit]
    if not credit.strip() and not debit.strip():
        raise CellProblem("neither of its two amounts is filled")
    came, went = (
        read_amount(cell, form.decimal, form.currency) if cell.strip() else None for cell in (credit, debit)
    )
    if came is not None and came[0] and went is not None and went[0]:
        raise CellProblem(f"both {credit.strip()!r} and {debit.strip()!r} stand in it as amounts")
    if went is not None and (went[0] or came is None):
        return -abs(went[0]), went[1]  # some write debits with a minus as well
    assert came is not None
    return came
