"""One cell of a statement: an amount, a day or time, a word for a state. Pure; never guesses.

What can be read in two ways is refused with a sentence, and an option of the command settles it.
"""

import re
import shlex
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from bot.money import EXPONENTS, OrderState, without_sign

__all__ = ["CellProblem", "clean", "read_amount", "read_id", "read_state", "read_when"]

# A space that does not break and one of no width are spaces too.
_SPACES: Final = re.compile(r"[\s\u00a0\u202f\u200b\ufeff]+")
# A spreadsheet keeps digits as they stand by ="0012" or by an apostrophe before them.
_FORMULA: Final = re.compile(r'="(.*)"')
_CODE: Final = re.compile(r"^([A-Z]{3}) ?(?=[\d(+-])|(?<=[\d)-]) ?([A-Z]{3})$")
_SIDE: Final = re.compile(r"(?<=[\d)]) ?(CR|DR)\.?$", re.IGNORECASE)
_CUT: Final = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_DAY_MS: Final = 24 * 3600_000
_DATES: Final = (
    *("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y", "%d.%m.%Y"),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y"),
)
_TIMES: Final = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_HAS_TIME: Final = re.compile(r"%[HIMSfpXcsT]")

# Words seen in providers' statuses and in statements; any other is named with --status.
_STATES: Final[Mapping[str, OrderState]] = {
    **dict.fromkeys(
        ("successful", "success", "succeeded", "completed", "complete", "verified", "settled", "paid", "ok"),
        OrderState.SUCCESSFUL,
    ),
    **dict.fromkeys(
        (
            *("failed", "fail", "failure", "declined", "rejected", "expired", "abandoned", "error"),
            *("cancelled", "canceled", "timeout", "unsuccessful"),
        ),
        OrderState.FAILED,
    ),
    **dict.fromkeys(
        ("pending", "initiated", "ongoing", "processing", "created", "in progress", "submitted"),
        OrderState.PENDING,
    ),
    **dict.fromkeys(
        ("reversed", "refunded", "reversal", "refund", "rolled back", "charged back"), OrderState.REVERSED
    ),
}


class CellProblem(ValueError):
    """Why a cell cannot be read, as the end of a sentence about it."""


def clean(text: str) -> str:
    """A cell without what a spreadsheet or a printer put around it."""
    text = _SPACES.sub(" ", text).strip()
    while True:
        if found := _FORMULA.fullmatch(text):
            bare = found[1]
        elif len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            bare = text[1:-1]
        elif text[:1] in ("'", "\u2019"):
            bare = text[1:]
        else:
            return text
        text = bare.strip()


def read_amount(text: str, decimal: str = "", home: str = "") -> tuple[Decimal, str]:
    """The amount in major units, and the currency where its code stands beside it (else empty).

    Brackets, DR and a minus in front or behind mean money going out. `decimal` is the sign before the
    decimals, "." or ","; without it one separator followed by three digits is refused. `home` is the
    account's currency, whose sign may stand there as well.
    """
    cleaned = clean(text).replace("\u2212", "-")
    out = False
    if side := _SIDE.search(cleaned):
        out, cleaned = side[1].upper().startswith("D"), cleaned[: side.start()]
    cleaned = without_sign(cleaned, home)
    currency = ""
    if (found := _CODE.search(cleaned)) and (found[1] or found[2]) in EXPONENTS:
        currency = found[1] or found[2]
        cleaned = (cleaned[: found.start()] + cleaned[found.end() :]).strip()
    negative = re.fullmatch(r"\((.+)\)|- ?(.+)|(.+?) ?-", cleaned)
    if negative and side and not out:
        raise CellProblem(f"{text!r} says that money came and that it went")
    if negative:
        cleaned = next(part for part in negative.groups() if part is not None).strip()
    cleaned = without_sign(cleaned.removeprefix("+").strip(), home)
    number = _plain(cleaned, decimal, text)
    return (-number if negative or out else number), currency


def _plain(text: str, decimal: str, shown: str) -> Decimal:
    if not re.fullmatch(r"\d+(?:[., ']\d+)*", text, re.ASCII) or len(text) > 30:
        raise CellProblem(f"{shown!r} is not an amount")
    marks = re.findall(r"[., ']", text)
    groups = re.split(r"[., ']", text)
    if not marks:
        return Decimal(text)
    point = decimal or _point_of(marks, groups, shown)
    grouped = groups[1:-1] if marks[-1] == point else groups[1:]
    marks_between = marks[:-1] if marks[-1] == point else marks
    if (
        point in marks_between
        or len(set(marks_between)) > 1
        or any(len(group) != 3 for group in grouped)
        or (grouped and len(groups[0]) > 3)
    ):
        raise CellProblem(f"{shown!r} is not an amount")
    if marks[-1] == point:
        return Decimal("".join(groups[:-1]) + "." + groups[-1])
    return Decimal("".join(groups))


def _point_of(marks: list[str], groups: list[str], shown: str) -> str:
    """The sign before the decimals, where the amount itself leaves no doubt; empty where it has none."""
    last = marks[-1]
    if last in " '" or (len(marks) > 1 and len(set(marks)) == 1):
        return ""
    if len(marks) == 1 and len(groups[-1]) == 3:
        raise CellProblem(f"{shown!r} can be read in two ways; say --decimal . or --decimal ,")
    return last


def read_when(text: str, zone: tzinfo, form: str = "") -> tuple[int, int]:
    """From and until when, in epoch milliseconds: a moment twice, or a day of `zone` from end to end.

    ISO 8601, or `form` as strptime has it. A time without a zone is one of `zone`.
    """
    text = clean(text)
    try:
        when = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError:
        raise CellProblem(f"the date {text!r} is not in {_wanted_form(text, form)}") from None
    if not 1970 < when.year < 9999:
        raise CellProblem(f"the date {text!r} is out of all reason")
    day_only = not _HAS_TIME.search(form) if form else len(text) <= len("2026-09-22")
    if day_only:
        first = _midnight(when.date(), zone)
        return first, _midnight(when.date() + timedelta(days=1), zone) - 1
    at_ms = round((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp() * 1000)
    return at_ms, at_ms


def _wanted_form(text: str, form: str) -> str:
    if form:
        return f"the form {form}"
    fitting = [f"--date-format {shlex.quote(day + clock)}" for day in _DATES for clock in _TIMES
               if _fits(text, day + clock)]  # fmt: skip
    return "ISO form (2026-09-22)" + (f"; say {' or '.join(fitting)}" if fitting else "")


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def _midnight(day: date, zone: tzinfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)


def read_state(text: str, words: Mapping[str, OrderState]) -> OrderState:
    """What a word of the statement means; `words` are the operator's own, in lower case."""
    word = re.sub(r"[\s_-]+", " ", text).strip().casefold()
    state = words.get(word) or _STATES.get(word)
    if state is None:
        choice = shlex.quote(f"{text.strip()}=successful")
        raise CellProblem(
            f"the status {text.strip()!r} is not known; say what it means, as in --status {choice}"
        )
    return state


def read_id(text: str) -> str:
    """A reference as it stands; refused where a spreadsheet has cut its digits off."""
    text = clean(text)
    if _CUT.fullmatch(text):
        raise CellProblem(
            f"the reference {text!r} has lost its digits in a spreadsheet; take the file as sent"
        )
    return text
