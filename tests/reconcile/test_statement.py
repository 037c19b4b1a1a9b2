"""Statements as merchants get them: read exactly, or refused with the number of every bad line."""

import contextlib
import shlex
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.reconciliation.cells import CellProblem, read_amount, read_state, read_when
from bot.admin.reconciliation.statement import Form, StatementProblems, read_statement
from bot.admin.reconciliation.values import Theirs
from bot.cli.reconcile import _named, _words
from bot.money import OrderState

from .make import ACCRA

S = OrderState
NAIROBI = ZoneInfo("Africa/Nairobi")


def read(text: str | bytes, **form: Any) -> list[Theirs]:
    raw = text.encode() if isinstance(text, str) else text
    return read_statement(raw, Form(**({"zone": ACCRA, "currency": "GHS"} | form))).lines


def test_which_references_are_the_platforms_own_numbers() -> None:
    head = "External Id,Financial Transaction Id,Amount\n"
    assert one(head + "482915037,733104882,5\n").numbers == ("733104882",)
    # The same in both columns is ours as well; where there is no other column, ours may stand there.
    assert one(head + "482915037,482915037,5\n").numbers == ()
    assert one("Transaction Id,Amount\n482915037,5\n").numbers == ()
    chosen = one(head + "482915037,733104882,5\n", columns={"reference": "Financial Transaction Id"})
    assert (chosen.ids, chosen.numbers) == (("733104882",), ())


def problems(text: str | bytes, **form: Any) -> tuple[str, ...]:
    with pytest.raises(StatementProblems) as caught:
        read(text, **form)
    assert all(sentence.endswith(".") or "--" in sentence for sentence in caught.value.problems)
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
    assert "Line 1 may be it; its columns are #1 'Bemerkung', #2 'Betrag', #3 'Amount'." in said


def test_what_stands_above_the_header_is_left_out() -> None:
    text = "Ama's Kitchen\nStatement for September\n\nReference,Amount\nabc,1\n"
    assert one(text).line == 5
    long = "".join(f"Page {number},of the terms,and,conditions\n" for number in range(300))
    assert one(f"{long}sep=,\nReference,Amount\nabc,1\n").line == 303


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
        "2 columns may be the date; say --column 'date=Created at' or --column 'date=Completed at'",
    )
    assert one(text, columns={"date": "Completed at"}).from_ms == read_when("2026-09-22", ACCRA)[0]


MTN = "Id,Date,Status,Amount,Currency,Fee,Currency,Balance,Currency\n"


def test_of_currencies_that_bear_one_name_the_one_beside_the_amount_counts() -> None:
    line = one(f"{MTN}730918254,2026-09-22,Successful,25.00,GHS,0.10,USD,400.00,EUR\n")
    assert (line.amount, line.currency) == (25, "GHS")
    before = one("Id,Currency,Amount,Fee Currency,Fee,Currency\n730918254,KES,25,GHS,1,GHS\n")
    assert before.currency == "KES"
    assert one(
        f"{MTN}730918254,2026-09-22,Successful,25,GHS,1,KES,4,USD\n", columns={"currency": "#7"}
    ).currency == ("KES")


def test_a_column_may_be_named_by_its_number() -> None:
    text = "Ama's Kitchen,,\nA,B,C\n730918254,12.50,9\n730918255,3,9\n"
    lines = read(text, columns={"reference": "#1", "amount": "#2"})
    assert [(line.line, line.amount) for line in lines] == [(3, Decimal("12.50")), (4, Decimal(3))]
    headless = read("730918254,12.50\n730918255,3\n", columns={"reference": "#1", "amount": "#2"})
    assert [line.amount for line in headless] == [Decimal("12.50"), Decimal(3)]
    (said,) = problems(text, columns={"reference": "#1", "amount": "#9"})
    assert "amount='#9'" in said


# Advice


def advised(sentence: str) -> list[tuple[str, str]]:
    """Every option with its value, as a shell would take it from the sentence."""
    words = shlex.split(sentence[sentence.index("--") :])
    return [(word, words[place + 1]) for place, word in enumerate(words) if word.startswith("--")]


def followed(text: str, options: list[tuple[str, str]]) -> list[Theirs]:
    given = {name: [value for option, value in options if option == name] for name, _ in options}
    form = {
        "columns": _named(given.get("--column", [])),
        "words": _words(given.get("--status", [])),
        "date_format": given.get("--date-format", [""])[0],
        "decimal": given.get("--decimal", [""])[0],
    }
    return read(text, **form)


@pytest.mark.parametrize(
    "text",
    [
        "Reference,Amount,Created at,Completed at\na1,1,2026-09-21,2026-09-22\n",
        "Reference,Amount,Amount\na1,1,2\n",
        "Reference,Amount,Fee,Currency,Note,Currency\na1,1,0,GHS,x,GHS\n",
        "Reference,Amount,Status\na1,1,Cleared\n",
        "Reference,Amount,Status\na1,1,\n",
        "Reference,Amount,Status\na1,1,It's done $(now)\n",
        "Reference,Amount,Status\na1,1,a=b\n",
        'Reference,Amount\na1,"1,000"\n',
        "Reference,Amount,Date\na1,1,09/10/2026\n",
        "Reference,Amount,Date\na1,1,22/09/2026 10:00\n",
        "Reference,Amount,Date\na1,1,22-Sep-2026 10:00:31 PM\n",
    ],
)
def test_each_piece_of_advice_can_be_followed_word_for_word(text: str) -> None:
    (said,) = problems(text)
    options = advised(said)
    assert options, said
    for option in options:
        assert len(followed(text, [option])) == 1


def test_the_advice_about_a_header_nobody_knows_can_be_followed() -> None:
    text = "Bemerkung;Wann;Betrag;Stand\n4711730918254;gestern;12,50;900,00\n"
    (said,) = problems(text)
    (line,) = followed(text, advised(said))
    assert (line.ids, line.amount) == (("4711730918254",), Decimal("12.50"))


def test_a_date_that_is_none_has_no_advice() -> None:
    assert problems("Reference,Amount,Date\na1,1,soon\n") == (
        "Line 2: the date 'soon' is not in ISO form (2026-09-22).",
    )


# What is of no payment


@pytest.mark.parametrize(
    "footer",
    [
        ",,,100.00,GHS,,,,",
        "TOTAL,,,100.00,GHS,,,,",
        "Total",
        ",2026-09-30,,100.00,,,,Closing balance,",
        "Closing balance,,,,,,,400.00,GHS",
        "*** End of statement ***",
        "Generated on 30/09/2026 by the portal",
        "Sous-total,,,7,",
        "Page 1 of 3,,,,,,,,",
    ],
)
def test_sums_and_footers_are_left_aside_and_counted(footer: str) -> None:
    text = f"{MTN}730918254,2026-09-22,Successful,25.00,GHS,0,GHS,4,GHS\n{footer}\n"
    done = read_statement(text.encode(), Form(zone=ACCRA, currency="GHS"))
    assert ([line.line for line in done.lines], done.aside) == ([2], (3,))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("730918255,,Successful,25.00,GHS,0,GHS,4,GHS", "the date '' is not in ISO form (2026-09-22)."),
        ("730918255,,,25.00,GHS,0,GHS,4,GHS", "the status '' is not known"),
        (",2026-09-22,Successful,25.00,GHS,0,GHS,4,GHS", "no reference stands in it."),
        ("730918255,2026-09-22,Successful,25.00", "it has 4 columns, the header 9."),
    ],
)
def test_what_may_be_a_payment_is_not_left_aside(row: str, why: str) -> None:
    (said,) = problems(f"{MTN}{row}\n")
    assert said.startswith(f"Line 2: {why}")


# Cells


@pytest.mark.parametrize(
    "cell",
    [
        "0730918254",
        "'0730918254",
        '"=""0730918254"""',
        "\u00a00730918254\u202f",
        "' 0730918254 '",
        "\u20190730918254",
    ],
)
def test_cells_as_spreadsheets_write_them(cell: str) -> None:
    line = one(f"Reference,Amount,Status,Date\n{cell},\u00a012.50 ,'Successful,'2026-09-22\n")
    assert (line.ids, line.amount, line.state) == (("0730918254",), Decimal("12.50"), S.SUCCESSFUL)


def test_an_empty_status_word_is_asked_about() -> None:
    text = "Reference,Amount,Status\na1,1,\na2,1,Failed\n"
    (said,) = problems(text)
    assert said.endswith("--status =successful")
    assert [line.state for line in followed(text, advised(said))] == [S.SUCCESSFUL, S.FAILED]


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
        (b"Name,Value of goods\nx,1\n", "#1 'Name', #2 'Value of goods'"),
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


@pytest.mark.parametrize(
    ("home", "text", "amount"),
    [
        ("GHS", "GH₵12.50", "12.50"),
        ("GHS", "GH₵ 1,250.50", "1250.50"),
        ("GHS", "₵12", "12"),
        ("GHS", "12.50 GH¢", "12.50"),
        ("GHS", "-GH₵12.50", "-12.50"),
        ("GHS", "GH₵-12.50", "-12.50"),
        ("GHS", "(GH₵12.50)", "-12.50"),
        ("GHS", "12.50 CR", "12.50"),
        ("GHS", "12.50CR.", "12.50"),
        ("GHS", "GHS 12.50 Dr", "-12.50"),
        ("GHS", "\u221212.50", "-12.50"),
        ("GHS", "(12.50) DR", "-12.50"),
        ("KES", "KSh 1,250.00", "1250.00"),
        ("KES", "Ksh.500/=", "500"),
        ("UGX", "5,000,000/=", "5000000"),
        ("UGX", "USh 5000/-", "5000"),
        ("XOF", "5 000 FCFA", "5000"),
        ("XAF", "12 500 F", "12500"),
        ("NGN", "₦1,250.00", "1250.00"),
        ("ZMW", "K12.50", "12.50"),
        ("ZAR", "R 12,50", "12.50"),
    ],
)
def test_amounts_as_people_of_the_country_write_them(home: str, text: str, amount: str) -> None:
    assert read_amount(text, home=home)[0] == Decimal(amount)


@pytest.mark.parametrize(
    ("home", "text"),
    [("GHS", "KSh 12"), ("GHS", "$12"), ("", "₵12"), ("ZMW", "5K"), ("GHS", "-12.50 CR"), ("KES", "12/=5")],
)
def test_signs_of_another_country_and_doubles_are_refused(home: str, text: str) -> None:
    with pytest.raises(CellProblem):
        read_amount(text, home=home)


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
    with pytest.raises(CellProblem, match=r"--status Cleared=successful$"):
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
