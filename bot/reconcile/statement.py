"""A statement as a merchant downloads it: CSV in, lines out, or every bad line with its number. Pure.

The delimiter, a byte order mark and where the header stands are found out; columns are known by their
usual names or named by the operator. Nothing is guessed about money.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Final

import msgspec

from bot.money import OrderState
from bot.reconcile.cells import CellProblem, read_amount, read_id, read_state, read_when
from bot.reconcile.values import Source, Theirs

__all__ = ["FIELDS", "Form", "StatementProblems", "read_statement"]

# An amount column called so may have one of debits beside it.
_CREDITS: Final = ("credit", "creditamount", "paidin", "moneyin")
# What a column may be called, letters and digits only. References of every kind are tried together.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": (
        *("reference", "referenceid", "ref", "xreferenceid", "merchantreference", "ourreference"),
        *("usertransactionreference", "transactionreference", "providerreference", "gatewayreference"),
        *("externalid", "externalreference", "externaltransactionid", "ordercode", "orderid", "order"),
        *("financialtransactionid", "financialid", "transactionid", "transactionnumber", "receipt", "id"),
    ),
    "amount": ("amount", "transactionamount", "amountpaid", "paidamount", "value", *_CREDITS),
    "debit": ("debit", "debitamount", "paidout", "moneyout", "withdrawn"),
    "currency": ("currency", "currencycode", "ccy"),
    "status": ("status", "transactionstatus", "state"),
    "date": (
        *("date", "datetime", "dateandtime", "transactiondate", "transactiontime", "timestamp", "time"),
        *("createdat", "created", "completedat", "paidat", "settledat", "valuedate"),
    ),
    # What a line is about, in words; columns of every kind are read together.
    "type": ("type", "transactiontype", "description", "narration", "details", "particulars"),
}
FIELDS: Final = tuple(_ALIASES)
_FEE: Final = re.compile(r"\b(?:fees?|charges?|commissions?)\b", re.IGNORECASE)
_DELIMITERS: Final = ",;\t"
_HEADER_WITHIN: Final = 20
_MOST_COLUMNS: Final = 200
_MOST_TOLD: Final = 20


class StatementProblems(Exception):
    """Why a statement cannot be compared, one sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _NotCsv(StatementProblems):
    """The quotes of the file do not add up."""


class Form(msgspec.Struct, frozen=True):
    """How the statement is to be read. `columns`: field to header; `words`: status to state.

    `currency` is the account's; `wire_currency` stands for it where the platform knows no other.
    """

    zone: tzinfo
    currency: str
    wire_currency: str = ""
    columns: Mapping[str, str] = {}
    words: Mapping[str, OrderState] = {}
    date_format: str = ""
    decimal: str = ""


class _Columns(msgspec.Struct, frozen=True):
    ids: tuple[int, ...]
    amount: int
    debit: int | None
    type: tuple[int, ...]
    currency: int | None
    status: int | None
    date: int | None
    width: int


def read_statement(raw: bytes, form: Form) -> list[Theirs]:
    """All lines of the statement. Raises StatementProblems with every line that cannot be read."""
    text = _text_of(raw)
    if not text.strip():
        raise StatementProblems("The statement is empty.")
    records, columns = _headed(text, form)
    lines: list[Theirs] = []
    problems: list[str] = []
    try:
        for number, cells in records:
            try:
                lines.append(_line(number, cells, columns, form))
            except CellProblem as problem:
                problems.append(f"Line {number}: {problem}.")
    except _NotCsv as error:
        problems.extend(error.problems)  # what follows cannot be told apart
    if problems:
        more = len(problems) - _MOST_TOLD
        raise StatementProblems(*problems[:_MOST_TOLD], *([f"And {more} more lines."] if more > 0 else []))
    return lines


def _text_of(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise StatementProblems(f"Line {line}: not UTF-8 text; save the file as CSV in UTF-8.") from None


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that hold something, each with the number it begins at."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise _NotCsv(f"Line {number}: not CSV ({error}).") from None


def _headed(text: str, form: Form) -> tuple[Iterator[tuple[int, list[str]]], _Columns]:
    """What stands below the header, by the delimiter that makes sense of it."""
    seen: list[str] = []
    torn: list[_NotCsv] = []
    for delimiter in _DELIMITERS:
        records = _records(text, delimiter)
        try:
            for _, (_, cells) in zip(range(_HEADER_WITHIN), records, strict=False):
                columns = _columns(cells, form.columns)
                if columns is not None:
                    return records, columns
                seen = max(seen, [cell.strip() for cell in cells], key=len)
        except _NotCsv as error:
            torn.append(error)  # what is no CSV by this delimiter may be some by another
    if torn and len(seen) < 2:
        raise torn[0]
    shown = ", ".join(cell[:40] for cell in seen[:20])
    raise StatementProblems(
        f"No header names an amount and a reference{_wanted(form.columns)}. The columns are: {shown}."
        " Say which is which: --column amount=... --column reference=..."
    )


def _wanted(columns: Mapping[str, str]) -> str:
    said = ", ".join(f"{field}={name!r}" for field, name in columns.items())
    return f" with {said}" if said else ""


def _columns(cells: Sequence[str], given: Mapping[str, str]) -> _Columns | None:
    """Which column is what, or None where this is no header. Raises StatementProblems for a choice."""
    if len(cells) > _MOST_COLUMNS:
        return None
    names = [_plain(cell) for cell in cells]
    places = {field: _places(field, names, given) for field in FIELDS}
    if not places["amount"] or not places["reference"] or any(not places[field] for field in given):
        return None
    if "debit" not in given and not any(names[place] in _CREDITS for place in places["amount"]):
        places["debit"] = []  # beside a column of all amounts it says nothing more
    for field in ("amount", "debit", "currency", "status", "date"):
        if len(places[field]) > 1:
            shown = " or ".join(repr(cells[place].strip()) for place in places[field])
            raise StatementProblems(f"Two columns may be the {field}; say --column {field}= with {shown}.")
    one = {field: places[field][0] if places[field] else None for field in FIELDS}
    return _Columns(
        ids=tuple(places["reference"]),
        amount=places["amount"][0],
        debit=one["debit"],
        type=tuple(places["type"]),
        currency=one["currency"],
        status=one["status"],
        date=one["date"],
        width=len(cells),
    )


def _places(field: str, names: Sequence[str], given: Mapping[str, str]) -> list[int]:
    if field in given:
        return [place for place, name in enumerate(names) if name == _plain(given[field])]
    return [place for place, name in enumerate(names) if name in _ALIASES[field]]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _line(number: int, cells: Sequence[str], columns: _Columns, form: Form) -> Theirs:
    if len(cells) < columns.width or any(cell.strip() for cell in cells[columns.width :]):
        raise CellProblem(f"it has {len(cells)} columns, the header {columns.width}")
    ids = tuple(dict.fromkeys(text for place in columns.ids if (text := read_id(cells[place]))))
    if not ids:
        raise CellProblem("no reference stands in it")
    amount, beside = _amount(cells, columns, form.decimal)
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
        fee=any(_FEE.search(cells[place]) for place in columns.type),
    )


def _amount(cells: Sequence[str], columns: _Columns, decimal: str) -> tuple[Decimal, str]:
    """The amount, less than nothing where it went out, and the currency beside it (else empty)."""
    credit = cells[columns.amount]
    if columns.debit is None:
        return read_amount(credit, decimal)
    debit = cells[columns.debit]
    if not credit.strip() and not debit.strip():
        raise CellProblem("neither of its two amounts is filled")
    came, went = (read_amount(cell, decimal) if cell.strip() else None for cell in (credit, debit))
    if came is not None and came[0] and went is not None and went[0]:
        raise CellProblem(f"both {credit.strip()!r} and {debit.strip()!r} stand in it as amounts")
    if went is not None and (went[0] or came is None):
        return -abs(went[0]), went[1]  # some write debits with a minus as well
    assert came is not None
    return came
