"""How many screens and presses each conversation takes: counted in the transcripts, held to a most, and shown
in docs/presses.md. UPDATE_TRANSCRIPTS=1 rewrites the table there.

A transcript counts where a line says `# row: <name>`, up to the end of that conversation.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

_TRANSCRIPTS: Final = Path(__file__).parent / "transcripts" / "en"
_PAGE: Final = Path(__file__).parents[2] / "docs" / "presses.md"
# How long what stands for it in a transcript is: a staff PIN here, a reference, a code by SMS.
_LENGTHS: Final = {"PIN": 4, "OTP": 6}
_REFERENCE: Final = 9


class Counted(NamedTuple):
    """`questions` are the screens before the end. On a phone `presses` are the keys with one send for each
    answer; in a chat the taps, and `typed` what had to be typed."""

    questions: int
    presses: int
    typed: int


# The most that each may take.
MOST: Final[dict[str, Counted]] = {
    "pay a new merchant": Counted(3, 10, 0),
    "pay a known merchant": Counted(3, 7, 0),
    "dial *920*10*1001*50#": Counted(1, 2, 0),
    "dial *920*10*1*1001*50#": Counted(1, 2, 0),
    "allow an auto-debit": Counted(6, 13, 0),
    "pay a known merchant in Telegram": Counted(4, 4, 0),
    "refund, the reference typed on the first screen": Counted(3, 17, 0),
    "refund, by the menu": Counted(4, 19, 0),
    "refund from the list": Counted(7, 20, 0),
    "pay out": Counted(5, 23, 0),
    "cash out": Counted(5, 23, 0),
    "approve a colleague's request": Counted(4, 11, 0),
    "approve in a chat, from the notice": Counted(2, 2, 0),
    "see the balance": Counted(3, 9, 0),
    "dial for the balance": Counted(1, 5, 0),
}


def _rows() -> Iterator[tuple[str, Counted]]:
    for file in sorted(_TRANSCRIPTS.glob("*.txt")):
        for part in re.split(r"^# row: ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name, _, lines = part.partition("\n")
            yield name, _count(lines.splitlines())


def _count(lines: list[str]) -> Counted:
    questions = presses = typed = 0
    for line in lines:
        if line.startswith("- the session ends") or line.startswith("# the end"):
            break
        if not line.startswith("> "):
            continue
        said = line.removeprefix("> ")
        questions += 1
        if said.startswith("["):
            presses += 1
        elif "# in a chat" in lines:
            typed += 1
        else:
            presses += _length(said) + 1
    return Counted(questions, presses, typed)


def _length(said: str) -> int:
    return _REFERENCE if re.fullmatch(r"CODE\d*", said) else _LENGTHS.get(said, len(said))


def _table(rows: dict[str, Counted]) -> str:
    lines = ["| conversation | questions before the end | presses or taps | most |", "|---|---|---|---|"]
    for name, most in MOST.items():
        counted = rows[name]
        lines.append(
            f"| {name} | {counted.questions} | {counted.presses} | {most.questions} / {most.presses} |"
        )
    return "\n".join(lines)


def test_every_conversation_is_counted_once() -> None:
    names = [name for name, _ in _rows()]
    assert sorted(names) == sorted(MOST)


@pytest.mark.parametrize("name", MOST)
def test_no_conversation_takes_more_screens_or_presses_than_it_may(name: str) -> None:
    counted, most = dict(_rows())[name], MOST[name]
    assert counted.questions <= most.questions
    assert counted.presses <= most.presses
    assert counted.typed <= most.typed


def test_the_page_shows_what_was_counted() -> None:
    page = _PAGE.read_text(encoding="utf-8")
    head, tail = page.split("<!-- counted -->\n")[0], page.split("<!-- end -->")[1]
    shown = f"{head}<!-- counted -->\n{_table(dict(_rows()))}\n<!-- end -->{tail}"
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        _PAGE.write_text(shown, encoding="utf-8")
    assert os.environ.get("UPDATE_TRANSCRIPTS") or page == shown
