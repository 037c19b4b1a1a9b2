"""Statements as merchants get them: read exactly, or refused with the number of every bad line."""

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import OrderState
from bot.reconcile.cells import CellProblem, read_amount, read_state, read_when
from bot.reconcile.statement import Form, StatementProblems, read_statement
from bot.reconcile.values import Theirs

from .make import ACCRA

S = OrderState
NAIROBI = ZoneInfo("Africa/Nairobi")


def read(text: str | bytes, **form: Any) -> list[Theirs]:
    raw = text.encode() if isinstance(text, str) else text
    return read_statement(raw, Form(**({"zone": ACCRA, "currency": "GHS"} | form)))


def problems(text: str | bytes, **form: Any) -> tuple[str, ...]:
    with pytest.raises(StatementProblems) as caught:
        read(text, **form)
    assert all(sentence.endswith((".", "...")) for sentence in caught.value.problems)
    return caught.value.problems


def one(text: str, **form: Any) -> Theirs:
    (line,) = read(text, **form)
    return line


def test_a_line() -> None:
    line = one("Reference,Amount,Currency,Status,Date\nabc-1,12.50,GHS,SUCCESSFUL,2026-09-22T10:00:31.000Z\n")
    at_ms = round(datetime(2026, 9, 22, 10, 0, 31, tzinfo=UTC).timestamp() * 1000)
    assert (line.ids, line.amount, line.currency) == (("abc-1",), Decimal("12.50"), "GHS")
    assert (line.state, line.line, line.from_ms, line.until_ms) == (S.SUCCESSFUL, 2, at_ms, at_ms)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_form_of_the_file_is_found_out(delimiter: str, encoding: str, end: str) -> None:
    rows = [["Réf", "Amount", "Reference"], ["", "1.50", '"a"'], ["x", '"2,25"', "b"]]
    raw = end.join(delimiter.join(row) for row in rows).encode(encoding)
    assert [(line.amount, line.ids) for line in read(raw)] == [
        (Decimal("1.50"), ("a",)),
        (Decimal("2.25"), ("b",)),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "Financial Transaction Id,External Id,Amount,Currency,Status,Date",
        "financialTransactionId,externalId,amount,currency,status,createdAt",
        "TRANSACTION ID,ORDER CODE,Transaction Amount,CCY,Transaction Status,Transaction Date",
        "transactionReference,userTransactionReference,amount,currency,status,Date / Time",
        "id,external_transaction_id,Credit,Currency Code,state,Timestamp",
    ],
)
def test_columns_are_known_by_their_usual_names(header: str) -> None:
    line = one(f"{header}\n730918254,K7QX2A9M,25,GHS,Completed,2026-09-22\n")
    assert line.ids == ("730918254", "K7QX2A9M")
    assert (line.amount, line.currency, line.state) == (Decimal(25), "GHS", S.SUCCESSFUL)
    assert line.until_ms == line.from_ms + 24 * 3600_000 - 1


def test_columns_may_be_named() -> None:
    text = "Bemerkung,Betrag,Amount\nabc,12,99\n"
    assert one(text, columns={"reference": "Bemerkung", "amount": "betrag"}).amount == 12
    (said,) = problems(text, columns={"reference": "Nowhere"})
    assert "reference='Nowhere'" in said
    assert "Bemerkung, Betrag, Amount" in said
    assert "--column" in said


def test_what_stands_above_the_header_is_left_out() -> None:
    text = "Ama's Kitchen\nStatement for September\n\nReference,Amount\nabc,1\n"
    assert one(text).line == 5


def test_a_line_is_named_by_where_it_begins() -> None:
    text = 'Reference,Amount,Note\na,1,"two\nlines"\n\nb,much,x\nc,2\n,3,\n'
    assert problems(text) == (
        "Line 5: 'much' is not an amount.",
        "Line 6: it has 2 columns, the header 3.",
        "Line 7: no reference stands in it.",
    )


def test_every_bad_line_is_counted_though_not_all_are_told() -> None:
    text = "Reference,Amount\n" + "a,x\n" * 50
    found = problems(text)
    assert len(found) == 21
    assert found[-1] == "And 30 more lines."


def test_two_columns_that_may_be_one_thing_are_asked_about() -> None:
    text = "Reference,Amount,Created at,Completed at\na,1,2026-09-21,2026-09-22\n"
    assert problems(text) == (
        "Two columns may be the date; say --column date= with 'Created at' or 'Completed at'.",
    )
    assert one(text, columns={"date": "Completed at"}).from_ms == read_when("2026-09-22", ACCRA)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"Reference,Amount\na,1\n\xff\xff,2\n", "Line 3: not UTF-8"),
        (b"\xff\xfea", "not UTF-8"),
        (b"%PDF-1.7\n1 0 obj", "No header"),
        (b"PK\x03\x04\x00\x00", "No header"),
        (b"Name,Value of goods\nx,1\n", "Name, Value of goods"),
        (b'"Reference,Amount\na,1\n', "not CSV"),
        (b'Reference,Amount\na,1\nb,"2\n', "Line 3: not CSV"),
        (b'Reference,Amount\na,"1"x\n', "Line 2: not CSV"),
        (b"," * 100_000, "No header"),
        (b"Reference,Amount\n" + b"9" * 200_000 + b",1\n", "Line 2: not CSV"),
    ],
)
def test_what_is_no_statement(text: bytes, words: str) -> None:
    assert any(words in sentence for sentence in problems(text)), problems(text)


def test_a_header_alone_is_a_statement_of_nothing() -> None:
    assert read("Reference,Amount\n") == []


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_lines_or_sentences(raw: bytes) -> None:
    with contextlib.suppress(StatementProblems):
        read(raw)


@given(st.lists(st.lists(st.text(max_size=12), min_size=5, max_size=5), max_size=5))
def test_no_cells_make_anything_but_lines_or_sentences(rows: list[list[str]]) -> None:
    text = "Reference,Amount,Currency,Status,Date\n" + "\n".join(",".join(row) for row in rows)
    with contextlib.suppress(StatementProblems):
        read(text.encode("utf-8", "surrogatepass"))


# Amounts


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("12.50", "12.50", ""),
        ("12,5", "12.5", ""),
        ("0", "0", ""),
        ("1,250.50", "1250.50", ""),
        ("1.250,50", "1250.50", ""),
        ("1 250,50", "1250.50", ""),
        ("1\u00a0250\u00a0000", "1250000", ""),
        ("1'250.50", "1250.50", ""),
        ("1,250,000", "1250000", ""),
        ("1.250.000", "1250000", ""),
        ("12.5000", "12.5000", ""),
        ("GHS 12.50", "12.50", "GHS"),
        ("12.50GHS", "12.50", "GHS"),
        ("UGX5000", "5000", "UGX"),
        ("-12.50", "-12.50", ""),
        ("(12.50)", "-12.50", ""),
        ("12.50-", "-12.50", ""),
        ("GHS -1,250.50", "-1250.50", "GHS"),
        ("+3", "3", ""),
    ],
)
def test_amounts(text: str, amount: str, currency: str) -> None:
    assert read_amount(text) == (Decimal(amount), currency)


@pytest.mark.parametrize("text", ["1,000", "1.000", "12.345", "GHS 1,000"])
def test_an_amount_of_two_meanings_is_refused(text: str) -> None:
    with pytest.raises(CellProblem, match="two ways; say --decimal"):
        read_amount(text)


def test_an_amount_of_two_meanings_is_settled_by_the_operator() -> None:
    assert read_amount("1,000", ".")[0] == 1000
    assert read_amount("1,000", ",")[0] == 1
    assert read_amount("1.000,50", ",")[0] == Decimal("1000.50")
    for text, decimal in (("1.000,50", "."), ("1,00", "."), ("1.5.5", "."), ("12,34.5", ".")):
        with pytest.raises(CellProblem):
            read_amount(text, decimal)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "much",
        "1e3",
        "1.25E+3",
        "12..5",
        "1,25,000",
        "1.250,000.5",
        "--1",
        "12.",
        ".5",
        "٣",
        "1" * 40,
        "()",
        "QQQ 5",
    ],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(CellProblem):
        read_amount(text)


@given(
    st.decimals("0", "999999999.99", places=2),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ",")]),
)
def test_what_is_written_is_read(amount: Decimal, signs: tuple[str, str]) -> None:
    grouping, point = signs
    text = f"{amount:,.2f}".replace(",", "G").replace(".", point).replace("G", grouping)
    assert read_amount(text) == (amount, "")
    assert read_amount(text, point) == (amount, "")


def test_the_currency_is_the_accounts_unless_told() -> None:
    assert one("Reference,Amount\na,1\n").currency == "GHS"
    assert one("Reference,Amount\na,KES 1\n").currency == "KES"
    assert one("Reference,Amount,Currency\na,1,kes\n").currency == "KES"
    assert one("Reference,Amount,Currency\na,1,EUR\n", wire_currency="EUR").currency == "GHS"
    assert problems("Reference,Amount,Currency\na,KES 1,GHS\n") == (
        "Line 2: the amount is in KES, the currency GHS.",
    )
    assert problems("Reference,Amount,Currency\na,1,cedis\n") == ("Line 2: 'CEDIS' is not a currency.",)


def test_a_minus_says_where_money_went_and_the_column_what_became_of_it() -> None:
    for word, state in (("Successful", S.SUCCESSFUL), ("Reversed", S.REVERSED), ("Failed", S.FAILED)):
        line = one(f"Reference,Amount,Status\na,-1.50,{word}\n")
        assert (line.state, line.amount, line.out) == (state, Decimal("1.50"), True)


# Days


def test_a_day_is_one_of_the_zone() -> None:
    first, last = read_when("2026-09-22", NAIROBI)
    assert first == round(datetime(2026, 9, 21, 21, tzinfo=UTC).timestamp() * 1000)
    assert last - first == 24 * 3600_000 - 1
    naive = read_when("2026-09-22 10:00:31", NAIROBI)
    assert naive == read_when("2026-09-22T07:00:31Z", ACCRA) == read_when("2026-09-22T10:00:31+03:00", ACCRA)


def test_other_forms_are_named() -> None:
    with pytest.raises(CellProblem, match="say --date-format"):
        read_when("22/09/2026", ACCRA)
    assert read_when("22/09/2026", ACCRA, "%d/%m/%Y") == read_when("2026-09-22", ACCRA)
    timed = read_when("22/09/2026 10:00", ACCRA, "%d/%m/%Y %H:%M")
    assert timed == read_when("2026-09-22T10:00", ACCRA)
    with pytest.raises(CellProblem, match="not in the form %d/%m/%Y"):
        read_when("2026-09-22", ACCRA, "%d/%m/%Y")


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(CellProblem):
        read_when(text, NAIROBI)


def test_money_needs_its_date_where_there_is_a_column() -> None:
    text = "Reference,Amount,Status,Date\na,1,Successful,\nb,1,Failed,\n"
    assert problems(text)[0].startswith("Line 2: the date '' is not")
    assert len(problems(text)) == 1


# Words


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCESSFUL", S.SUCCESSFUL),
        ("In_Progress", S.PENDING),
        (" declined ", S.FAILED),
        ("Refunded", S.REVERSED),
    ],
)
def test_states(word: str, state: S) -> None:
    assert read_state(word, {}) is state


def test_a_word_nobody_knows_is_asked_about() -> None:
    with pytest.raises(CellProblem, match="say --status 'Cleared'=successful"):
        read_state("Cleared", {})
    assert read_state("Cleared", {"cleared": S.SUCCESSFUL}) is S.SUCCESSFUL
    assert read_state("Paid", {"paid": S.PENDING}) is S.PENDING, "the operator's word goes first"


def test_a_reference_that_a_spreadsheet_has_cut_is_refused() -> None:
    (said,) = problems("Reference,Amount\n7.30918E+08,1\n")
    assert said.startswith("Line 2: the reference '7.30918E+08' has lost its digits")


# Two columns of amounts


@pytest.mark.parametrize("header", ["Credit,Debit", "Paid In,Withdrawn", "Credit Amount,Debit Amount"])
def test_what_came_and_what_went_may_stand_in_two_columns(header: str) -> None:
    came, went, bracketed = read(f"Reference,{header}\na,12.50,\nb,,3.00\nc,0.00,(4.00)\n")
    assert (came.amount, came.out, came.state) == (Decimal("12.50"), False, S.SUCCESSFUL)
    assert (went.amount, went.out, went.state) == (Decimal("3.00"), True, S.SUCCESSFUL)
    assert (bracketed.amount, bracketed.out) == (Decimal("4.00"), True)


def test_two_columns_may_be_named() -> None:
    text = "Reference,Ein,Aus\na,,3\n"
    assert one(text, columns={"amount": "Ein", "debit": "Aus"}).out


def test_of_two_columns_exactly_one_is_filled() -> None:
    assert problems("Reference,Credit,Debit\na,1,2\nb,,\nc,,x\n") == (
        "Line 2: both '1' and '2' stand in it as amounts.",
        "Line 3: neither of its two amounts is filled.",
        "Line 4: 'x' is not an amount.",
    )


def test_a_debit_column_beside_whole_amounts_is_left_alone() -> None:
    assert one("Reference,Amount,Debit\na,5,\n").amount == 5
    assert not one("Reference,Amount,Debit\na,5,5\n").out
