"""A view as people see it: pages of a USSD screen, a chat message with buttons, or an SMS.

Decides the order of lines, what goes on which page, what is left out when it is too long, and what
a button carries. Pure; the words come from the `say` handed in, the footer's from `NavLabels`.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from bot.dialog.inputs import Opens, Pressed
from bot.dialog.names import in_plain_letters
from bot.dialog.septets import (
    EXTENSION,
    UCS2_BUDGET,
    USSD_BUDGET,
    count_septets,
    count_ucs2,
    fold,
    prefers_ucs2,
    write_message,
)
from bot.dialog.words import Opening, Text, View

__all__ = [
    "BACK_KEY",
    "HOME_KEY",
    "LEAST_BUDGET",
    "MORE_KEY",
    "ChatMessage",
    "NavLabels",
    "UssdScreen",
    "read_button",
    "render_chat",
    "render_sms",
    "render_ussd",
]

Say: TypeAlias = Callable[[Text], str]

# The keys people in our markets know; `interpret` reads the same.
BACK_KEY: Final = "0"
HOME_KEY: Final = "00"
MORE_KEY: Final = "98"
# Under this a page cannot hold a footer and a word.
LEAST_BUDGET: Final = 40

_CUT: Final = ".."
_BUTTON_BYTES: Final = 64  # Source: Telegram Bot API, InlineKeyboardButton.callback_data, November 2026
_BUTTON: Final = re.compile(r"1:([^:\s]{0,40}):(0|[1-9]\d{0,8}):(0|[1-9]\d{0,2}|b|h)", re.ASCII)
_OPENS: Final = re.compile(r"2:([a-z_]{1,20}):([0-9A-Za-z-]{1,40})", re.ASCII)
_MOVES: Final = {"b": "nav:back", "h": "nav:home"}
# "GHS 1,250.00" is one thing, and so is "GHS -3.00"; they are never parted at a page's edge.
_CURRENCY: Final = re.compile(r"(?:^|.*[^A-Za-z])[A-Z]{3,4}", re.DOTALL)
_FIGURE: Final = re.compile(r"-?\d")
# "5 000 FCFA" is one thing, too.
_GROUPS: Final = re.compile(r"(?:.*\D)?\d{1,3}(?: \d{3})*", re.DOTALL)
_GOES_ON: Final = re.compile(r"\d{3}(?!\d)|FCFA\b")
# Nine digits, or eight characters on what is about an older order.
_ORDER_CODE: Final = re.compile(r"\b(?:[1-9][0-9]{8}|[0-9A-HJKMNP-TV-Z]{8})\b", re.ASCII)


class NavLabels(msgspec.Struct, frozen=True):
    """The words of the footer and of the menu button, in the person's language."""

    more: str = "More"
    back: str = "Back"
    home: str = "Home"
    menu: str = "Menu"


class UssdScreen(msgspec.Struct, frozen=True):
    """One page as it goes out. `page` counts from 0 and is the one shown, whichever was asked for."""

    text: str
    pages: int
    page: int


class ChatMessage(msgspec.Struct, frozen=True):
    """A message of a chat: its text, and the buttons under it as (label, data)."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()


class _Atom(msgspec.Struct, frozen=True):
    """What is never parted, with the blank or line break that stands before it, and what both cost."""

    before: str
    text: str
    gap: int
    cost: int


class _Alphabet(msgspec.Struct, frozen=True):
    """How a whole view is written and measured: GSM-7, or UCS-2 where most letters are foreign to it."""

    ucs2: bool
    budget: int

    def write(self, text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not self.ucs2:
            return fold(text)
        return "".join(
            c for c in unicodedata.normalize("NFC", text) if c == "\n" or unicodedata.category(c) != "Cc"
        )

    def cost(self, text: str) -> int:
        if self.ucs2:
            # A page of such a view may happen to be all GSM-7, where these take two septets.
            return count_ucs2(text) + sum(map(text.count, EXTENSION))
        septets = count_septets(text)
        assert septets is not None  # everything measured has been folded
        return septets

    def atom(self, before: str, text: str) -> _Atom:
        return _Atom(before, text, self.cost(before), self.cost(text))


def render_ussd(
    view: View,
    say: Say,
    nav: NavLabels,
    *,
    budget: int = USSD_BUDGET,
    ucs2_budget: int = UCS2_BUDGET,
) -> UssdScreen:
    """The page `view.page` (or the nearest there is) of the view, within the budget of its alphabet.

    Items stay whole and are numbered through all pages; the short text of a list is repeated above
    its later pages, and a long text without a list is numbered 1/3. Pages after the first offer
    Back, which means the page before. A view that ends has one page: where its text is too long its
    `shorter` one stands there; what is still too long is cut between words, and an order code in the part
    left out is kept. At most 97 choices: 98 is the key for more.
    Raises ValueError for a budget no footer fits in.
    """
    if min(budget, ucs2_budget) < LEAST_BUDGET:
        raise ValueError(f"a USSD screen needs at least {LEAST_BUDGET} characters")
    # The sentences decide, not the names in them: where those are written in GSM letters, so are the names.
    spelled, view = view, in_plain_letters(view)
    text, labels = _written(view, say)
    ucs2 = any(count_septets(part) is None for part in (text, *labels)) and prefers_ucs2(
        "\n".join([text, *labels])
    )
    if ucs2:
        view = spelled
        text, labels = _written(view, say)
    alphabet = _Alphabet(ucs2, min(budget, ucs2_budget) if ucs2 else budget)
    text = alphabet.write(text).strip()
    if view.ends:
        if view.shorter is not None and alphabet.cost(text) > alphabet.budget:
            text = alphabet.write(say(view.shorter)).strip()
        return UssdScreen(_shorten(text, alphabet), 1, 0)
    items = [
        f"{choice.number or place} {alphabet.write(label)}".rstrip()
        for place, (choice, label) in enumerate(zip(view.choices, labels, strict=False), 1)
    ]
    pages = _fill(view, text, alphabet.write(say(view.text)), items, nav, alphabet)
    page = min(max(view.page, 0), len(pages) - 1)
    return UssdScreen(pages[page], len(pages), page)


def render_chat(view: View, say: Say, nav: NavLabels) -> ChatMessage:
    """The view as a message; a view that ends has the menu button, below what can be begun from it."""

    def data(what: str) -> str:
        made = f"1:{view.conversation}:{view.serial}:{what}"
        if len(made.encode()) > _BUTTON_BYTES:
            raise ValueError("the conversation's short id is too long for a button")
        return made

    text = _with_notice(view, say)
    if view.ends:
        opens = [_opening(view.opens, say)] if view.opens is not None else []
        return ChatMessage(text, (*opens, (_one_line(nav.menu), data("h"))))
    buttons = [(_one_line(say(choice.label)), data(str(n))) for n, choice in enumerate(view.choices)]
    if view.back:
        buttons.append((_one_line(nav.back), data("b")))
    if view.home:
        buttons.append((_one_line(nav.home), data("h")))
    return ChatMessage(text, tuple(buttons))


def render_sms(view: View, say: Say) -> str:
    """The view as a text message: nothing to choose, nothing cut. Its letters are those of a screen, for one
    other letter would make every letter of it cost 16 bits; a language of other letters keeps them."""
    return write_message(_with_notice(in_plain_letters(view), say))


def _opening(opens: Opening, say: Say) -> tuple[str, str]:
    """The button that begins it. Raises ValueError for what `read_button` would not read back."""
    data = f"2:{opens.flow}:{opens.about}"
    if _OPENS.fullmatch(data) is None:
        raise ValueError("what a button opens has a name of letters and an id of forty characters at most")
    return _one_line(say(Text(f"open.{opens.flow}"))), data


def read_button(data: str) -> Pressed | Opens | None:
    """What a pressed button means, or None where `data` is not of our making."""
    if (opens := _OPENS.fullmatch(data)) is not None:
        return Opens(opens[1], opens[2])
    found = _BUTTON.fullmatch(data)
    if found is None or len(data.encode("utf-8", "replace")) > _BUTTON_BYTES:
        return None
    conversation, serial, what = found.groups()
    return Pressed(conversation, int(serial), _MOVES.get(what, f"#{what}"))


def _written(view: View, say: Say) -> tuple[str, list[str]]:
    labels = [] if view.ends else [_one_line(say(choice.label)) for choice in view.choices]
    return _with_notice(view, say), labels


def _with_notice(view: View, say: Say) -> str:
    parts = [say(part).strip() for part in (view.notice, view.text) if part is not None]
    return "\n".join(part for part in parts if part)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fill(
    view: View, text: str, heading: str, items: Sequence[str], nav: NavLabels, alphabet: _Alphabet
) -> list[str]:
    """The pages of a view, filled greedily; the last one is as long as the rest allows."""

    words = {key: _one_line(alphabet.write(label)) for key, label in _labelled(nav)}
    # Words that would eat the screen are left out: the keys alone still work.
    if alphabet.cost("".join(f"\n{key} {word}" for key, word in words.items())) > alphabet.budget // 2:
        words = dict.fromkeys(words, "")

    def footer(first: bool, last: bool) -> str:
        wanted = {MORE_KEY: not last, BACK_KEY: view.back or not first, HOME_KEY: view.home}
        return "".join(f"\n{key} {words[key]}".rstrip() for key in wanted if wanted[key])

    whole = "\n".join(part for part in (text, *items) if part)
    alone = (whole + footer(True, True)).strip()
    if alphabet.cost(alone) <= alphabet.budget:
        return [alone]

    feet = {(first, last): footer(first, last) for first in (True, False) for last in (True, False)}
    room = {which: alphabet.budget - alphabet.cost(foot) for which, foot in feet.items()}
    # The room beside the fullest footer: what fits in it fits on any page.
    least = min(room.values())
    listed = [alphabet.atom("\n", _cut_to(item, least, alphabet)) for item in items]
    heading = heading.strip()
    repeated = [alphabet.atom("", heading)] if items and heading else []
    if repeated and repeated[0].cost > least // 4:
        repeated = []

    def spread(reserved: int) -> list[str]:
        todo = [*_atoms(text, least - reserved, alphabet), *listed]
        bodies: list[str] = []
        while True:
            first = not bodies
            # The heading is repeated above a list, not inside a text that goes on.
            above = repeated if not first and len(todo) <= len(listed) else []
            if above and _cost([*above, todo[0]]) > least:
                above = []
            rest = [*above, *todo]
            if _cost(rest) <= room[first, True] - (0 if first else reserved):
                return [*bodies, _join(rest)]
            taken = _count_fitting(todo, room[first, False] - reserved - _cost(rest) + _cost(todo))
            bodies.append(_join([*above, *todo[:taken]]))
            todo = todo[taken:]

    bodies = spread(0)
    marked = len(bodies) > 1 and not items
    if marked:
        digits = 1
        while len(bodies := spread(2 + 2 * digits)) >= 10**digits:
            digits += 1
    count = len(bodies)
    pages = []
    for number, body in enumerate(bodies):
        mark = f"\n{number + 1}/{count}" if marked else ""
        pages.append((body + mark + feet[number == 0, number == count - 1]).strip())
    return pages


def _labelled(nav: NavLabels) -> tuple[tuple[str, str], ...]:
    return ((MORE_KEY, nav.more), (BACK_KEY, nav.back), (HOME_KEY, nav.home))


def _count_fitting(todo: Sequence[_Atom], room: int) -> int:
    """How many of `todo` go into `room`; one at least, since each was made to fit by itself."""
    used = 0
    for taken, atom in enumerate(todo):
        used += atom.cost + (atom.gap if taken else 0)
        if used > room:
            return max(taken, 1)
    return len(todo)


def _cost(atoms: Sequence[_Atom]) -> int:
    return sum(atom.cost + atom.gap for atom in atoms) - (atoms[0].gap if atoms else 0)


def _join(atoms: Sequence[_Atom]) -> str:
    return "".join((atom.before if place else "") + atom.text for place, atom in enumerate(atoms))


def _atoms(text: str, room: int, alphabet: _Alphabet) -> list[_Atom]:
    """The words of `text`, an amount with its currency as one; a word longer than `room` is parted."""
    atoms: list[_Atom] = []
    before = ""
    for piece in re.split(r"(\s+)", text.strip()):
        if not piece:
            continue
        if piece.isspace():
            before = piece
            continue
        if atoms and before == " " and _is_one_amount(atoms[-1].text, piece):
            amount = alphabet.atom(atoms[-1].before, f"{atoms[-1].text} {piece}")
            if amount.cost <= room:
                atoms[-1] = amount
                continue
        for part in _parts(piece, room, alphabet):
            atoms.append(alphabet.atom(before, part))
            before = ""
    return atoms


def _is_one_amount(before: str, piece: str) -> bool:
    if _GOES_ON.match(piece) and _GROUPS.fullmatch(before):
        return True
    return bool(_FIGURE.match(piece) and _CURRENCY.fullmatch(before))


def _parts(word: str, room: int, alphabet: _Alphabet) -> list[str]:
    if alphabet.cost(word) <= room:
        return [word]
    parts, used = [""], 0
    for c in word:
        cost = alphabet.cost(c)
        if used + cost > room:
            parts.append("")
            used = 0
        parts[-1] += c
        used += cost
    return parts


def _cut_to(text: str, room: int, alphabet: _Alphabet) -> str:
    """`text`, or as much of its beginning as fits in `room` with two dots behind it."""
    if alphabet.cost(text) <= room:
        return text
    return _parts(text, room - alphabet.cost(_CUT), alphabet)[0].rstrip() + _CUT


def _shorten(text: str, alphabet: _Alphabet) -> str:
    """`text` on one screen: whole words and amounts, two dots, and the order code if it was left out."""
    if alphabet.cost(text) <= alphabet.budget:
        return text
    atoms = _atoms(text, alphabet.budget // 2, alphabet)

    def cut(tail: str) -> str:
        return _join(atoms[: _count_fitting(atoms, alphabet.budget - alphabet.cost(tail))]).rstrip(".,;:")

    codes = _ORDER_CODE.findall(text)
    if not codes or codes[-1] in cut(_CUT):
        return cut(_CUT) + _CUT
    tail = f"{_CUT} {codes[-1]}"
    return cut(tail) + tail
