"""Which columns of a statement are what, by the header that names them or by their numbers. Pure.

The delimiter and where the header stands are found out; what may be two things is asked about, in words
that can be typed as they are.
"""

import contextlib
import csv
import io
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Final

import msgspec

from bot.admin.reconciliation.cells import CellProblem, clean, read_amount
from bot.money import OrderState

__all__ = ["FIELDS", "Columns", "Form", "NotCsv", "StatementProblems", "find_header"]

# An amount column called so may have one of debits beside it.
_CREDITS: Final = ("credit", "creditamount", "paidin", "moneyin")
# Columns of the provider's own numbers.
_THEIRS: Final = (
    "financialtransactionid",
    "financialid",
    "transactionid",
    "transactionnumber",
    "receipt",
    "id",
)
# What a column may be called, letters and digits only. References of every kind are tried together.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": (
        *("reference", "referenceid", "ref", "xreferenceid", "merchantreference", "ourreference"),
        *("usertransactionreference", "transactionreference", "providerreference", "gatewayreference"),
        *("externalid", "externalreference", "externaltransactionid", "ordercode", "orderid", "order"),
        *_THEIRS,
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
_PLACE: Final = re.compile(r"#(\d{1,3})")
_MOST_COLUMNS: Final = 200
_DELIMITERS: Final = ",;\t"


class StatementProblems(Exception):
    """Why a statement cannot be compared, one sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotCsv(StatementProblems):
    """The quotes of the file do not add up."""


class Form(msgspec.Struct, frozen=True):
    """How the statement is to be read. `columns`: field to header, or to "#" and the column's number, from 1;
    `words`: status to state.

    `currency` is the account's; `wire_currency` stands for it where the platform knows no other.
    """

    zone: tzinfo
    currency: str
    wire_currency: str = ""
    columns: Mapping[str, str] = {}
    words: Mapping[str, OrderState] = {}
    date_format: str = ""
    decimal: str = ""


class Columns(msgspec.Struct, frozen=True):
    ids: tuple[int, ...]
    theirs: tuple[int, ...]
    amount: int
    debit: int | None
    type: tuple[int, ...]
    currency: int | None
    status: int | None
    date: int | None
    width: int


def find_header(text: str, form: Form) -> tuple[Iterator[tuple[int, list[str]]], Columns]:
    """What stands below the header, by the delimiter that makes sense of it."""
    widest: tuple[int, list[str], list[str]] = (0, [], [])
    torn: list[NotCsv] = []
    for delimiter in _delimiters(text, form):
        try:
            columns = _find(text, delimiter, form)
            if columns is not None:
                return columns
            widest = max(widest, _widest(text, delimiter), key=lambda found: len(found[1]))
        except NotCsv as error:
            torn.append(error)  # what is no CSV by this delimiter may be some by another
    if torn and len(widest[1]) < 2:
        raise torn[0]
    raise StatementProblems(_no_header(*widest, form))


def _delimiters(text: str, form: Form) -> Sequence[str]:
    """In the order to try them. Where no name tells a header, the most columns do."""
    if not _by_place(form):
        return _DELIMITERS

    def columns(delimiter: str) -> int:
        with contextlib.suppress(NotCsv):
            return len(_widest(text, delimiter)[1])
        return 0

    return sorted(_DELIMITERS, key=columns, reverse=True)


def _by_place(form: Form) -> bool:
    """Whether amount and reference are both known by their numbers."""
    return all(_PLACE.fullmatch(form.columns.get(field, "")) for field in ("amount", "reference"))


def _find(text: str, delimiter: str, form: Form) -> tuple[Iterator[tuple[int, list[str]]], Columns] | None:
    """The header, however much stands above it, and what stands below."""
    records = _records(text, delimiter)
    if not _by_place(form):
        for _, cells in records:
            columns = _columns(cells, form.columns)
            if columns is not None:
                return records, columns
        return None
    # The header is what stands above the first line that has both.
    last = max(int(found[1]) for name in form.columns.values() if (found := _PLACE.fullmatch(name)))
    amount, reference = (int(form.columns[field][1:]) - 1 for field in ("amount", "reference"))
    above: list[str] = []
    for number, cells in records:
        if len(cells) >= last and cells[reference] and _is_amount(cells[amount], form):
            header = above if len(above) == len(cells) else [""] * len(cells)
            columns = _columns(header, form.columns)
            return None if columns is None else (_with_first(number, cells, records), columns)
        above = cells
    return None


def _with_first(
    number: int, cells: list[str], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield number, cells
    yield from rest


def _is_amount(cell: str, form: Form) -> bool:
    for decimal in (form.decimal,) if form.decimal else (".", ","):
        with contextlib.suppress(CellProblem):
            read_amount(cell, decimal, form.currency)
            return True
    return False


def _widest(text: str, delimiter: str) -> tuple[int, list[str], list[str]]:
    """The first of the lines with the most filled columns, most likely the header, with its number, and what
    stands below it."""
    found: tuple[int, list[str], list[str]] = (0, [], [])
    last: list[str] = []
    for number, cells in _records(text, delimiter):
        if last is found[1] and found[1] and not found[2]:
            found = (found[0], found[1], cells)
        if len([cell for cell in cells if cell]) > len([cell for cell in found[1] if cell]):
            found = (number, cells, [])
        last = cells
    return found


def _no_header(number: int, cells: Sequence[str], below: Sequence[str], form: Form) -> str:
    named = ", ".join(f"#{place} {cell[:40]!r}" for place, cell in enumerate(cells[:20], 1))
    wanted = ", ".join(f"{field}={name!r}" for field, name in form.columns.items())
    said = f"No header names an amount and a reference{f' with {wanted}' if wanted else ''}."
    if len(cells) < 2:
        return f"{said} The file begins with {named or 'nothing'}: it is no table of columns."
    amounts = [place for place, cell in enumerate(below) if _is_amount(cell, form)]
    # The last figures of a line are mostly balances; long bare digits are mostly references.
    amount = next((place for place in amounts if re.search(r"[.,]", below[place])), (amounts or [1])[0])
    reference = next(
        (place for place, cell in enumerate(below) if place != amount and re.search(r"\d{5}", cell)),
        0 if amount else 1,
    )
    return (
        f"{said} Line {number} may be it; its columns are {named}."
        f" Say which is which by name or number, as in --column amount=#{amount + 1}"
        f" --column reference=#{reference + 1}"
    )


def _columns(cells: Sequence[str], given: Mapping[str, str]) -> Columns | None:
    """Which column is what, or None where this is no header. Raises StatementProblems for a choice."""
    if len(cells) > _MOST_COLUMNS:
        return None
    names = [_plain(cell) for cell in cells]
    places = {field: _places(field, names, given) for field in FIELDS}
    if not places["amount"] or not places["reference"] or any(not places[field] for field in given):
        return None
    if "debit" not in given and not any(names[place] in _CREDITS for place in places["amount"]):
        places["debit"] = []  # beside a column of all amounts it says nothing more
    if "currency" not in given and len(places["amount"]) == 1:
        places["currency"] = _beside(places["amount"][0], places["currency"])
    for field in ("amount", "debit", "currency", "status", "date"):
        if len(places[field]) > 1:
            raise StatementProblems(_choice(field, places[field], cells, names))
    one = {field: places[field][0] if places[field] else None for field in FIELDS}
    return Columns(
        ids=tuple(places["reference"]),
        theirs=_theirs(places["reference"], names, given),
        amount=places["amount"][0],
        debit=one["debit"],
        type=tuple(places["type"]),
        currency=one["currency"],
        status=one["status"],
        date=one["date"],
        width=len(cells),
    )


def _theirs(places: Sequence[int], names: Sequence[str], given: Mapping[str, str]) -> tuple[int, ...]:
    """Which of the references are in columns of the provider's own numbers. Where these are all there is, or
    were asked for, a code of ours may stand in them."""
    found = tuple(place for place in places if names[place] in _THEIRS)
    return () if "reference" in given or len(found) == len(places) else found


def _beside(amount: int, currencies: list[int]) -> list[int]:
    """The currency of the amount, where fees and balances have one each: right behind it, or before it."""
    for place in (amount + 1, amount - 1):
        if len(currencies) > 1 and place in currencies:
            return [place]
    return currencies


def _choice(field: str, places: Sequence[int], cells: Sequence[str], names: Sequence[str]) -> str:
    """What to say, word for word: by the column's name, or by its number where two have that name."""
    options = [
        shlex.quote(f"{field}={cells[place]}")
        if cells[place] and names.count(names[place]) == 1
        else f"{field}=#{place + 1}"
        for place in places
    ]
    return f"{len(places)} columns may be the {field}; say --column {' or --column '.join(options)}"


def _places(field: str, names: Sequence[str], given: Mapping[str, str]) -> list[int]:
    if field not in given:
        return [place for place, name in enumerate(names) if name in _ALIASES[field]]
    if found := _PLACE.fullmatch(given[field]):
        return [int(found[1]) - 1] if 0 < int(found[1]) <= len(names) else []
    return [place for place, name in enumerate(names) if name == _plain(given[field])]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that hold something, each with the number it begins at."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for row in reader:
            cells = [clean(cell) for cell in row]
            if any(cells):
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise NotCsv(f"Line {number}: not CSV ({error}).") from None
