"""The input and the answer of a turn, whatever the channel.

Pure values, and the one rule that turns what a person typed or pressed into an answer.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from bot.dialog.kinds import Problem, fold_digits
from bot.dialog.septets import fold
from bot.dialog.steps import Ask, Chosen, Confirm, Question, SecretStep, SignStep
from bot.dialog.words import Choice, Text

__all__ = [
    "Accepted",
    "Address",
    "Again",
    "Answer",
    "Back",
    "Help",
    "Home",
    "Inbound",
    "Input",
    "Leave",
    "More",
    "NavWords",
    "Nothing",
    "Opens",
    "Pressed",
    "Reading",
    "Session",
    "Shared",
    "Typed",
    "interpret",
    "match_choice",
]


class Address(msgspec.Struct, frozen=True):
    """Where a person is: kind `msisdn` (E.164), `telegram` (chat id) or `web` (hash of the cookie)."""

    kind: str
    value: str


class Typed(msgspec.Struct, frozen=True, tag="typed"):
    text: str


class Pressed(msgspec.Struct, frozen=True, tag="pressed"):
    """A button: the conversation's short id and the serial of the question it stood under.

    `value` is `#` and the choice's index, or nav:back, nav:home, nav:more.
    """

    conversation: str
    serial: int
    value: str


class Opens(msgspec.Struct, frozen=True, tag="opens"):
    """A button that begins a conversation: see `bot.dialog.words.Opening`. Anybody can make up what it names,
    so whatever is done with it asks first who speaks."""

    flow: str
    about: str


class Shared(msgspec.Struct, frozen=True, tag="shared"):
    """The person's own number, vouched for by the channel (a Telegram contact card, checked)."""

    msisdn: str


class Nothing(msgspec.Struct, frozen=True, tag="nothing"):
    """No input: a dial, or an empty answer."""


Input: TypeAlias = Typed | Pressed | Opens | Shared | Nothing


class Session(msgspec.Struct, frozen=True):
    """The gateway's session. `opens`: True where the gateway says new, False where it says
    continue, None where only the first sight of the id tells.

    `cumulative` is the whole text typed so far, on gateways that send it so; else None and the
    newest input stands in `Inbound.input`. `dial_args`: what was dialled behind the code.
    `idle_s`: how long the gateway waits for its person.
    """

    gateway: str
    id: str
    opens: bool | None = None
    cumulative: str | None = None
    dial_args: tuple[str, ...] = ()
    service_code: str = ""
    network: str = ""
    idle_s: float = 0.0


class Inbound(msgspec.Struct, frozen=True):
    """One message of a person. `turn_key` names this delivery within its session or chat: the same
    key means the same message delivered again; empty where the gateway gives none.

    `verified`: the channel vouches for the address. `language` is a first guess (IETF tag or empty).
    """

    channel: str  # ussd, telegram, web
    address: Address
    input: Input
    turn_key: str
    session: Session | None = None
    verified: bool = True
    language: str = ""
    # The network address it came from, where an address of the channel costs nothing: tries are counted
    # by it. Empty: by the address itself.
    peer: str = ""
    # The chat message the input came with, so that a secret can be deleted from the chat.
    message_ref: str = ""
    # The topic of the chat that it was said in, empty where the chat has none.
    thread: str = ""
    # The address' value to go on under, should this message lead to more rights. Empty: it stays.
    renewed: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a USSD gateway is told: the screen's text and whether the session stays open.

    A chat's answer goes through the outbox; `text` is then what is said in passing: under the button that
    was pressed, or instead of a thank-you for a card that was not used.
    """

    text: str
    keep_open: bool


class NavWords(msgspec.Struct, frozen=True):
    """Words that move about, lower case, from the catalogue of the person's language."""

    back: frozenset[str] = frozenset({"back"})
    home: frozenset[str] = frozenset({"menu", "home", "start"})
    leave: frozenset[str] = frozenset({"cancel"})
    yes: frozenset[str] = frozenset({"yes", "y", "ok"})
    no: frozenset[str] = frozenset({"no", "n"})
    help: frozenset[str] = frozenset({"help", "?"})


class Accepted(msgspec.Struct, frozen=True):
    """The answer's value. For a secret step the value is the secret itself, which goes nowhere but the act,
    or what was Chosen instead."""

    value: Any


class Back(msgspec.Struct, frozen=True):
    pass


class Home(msgspec.Struct, frozen=True):
    pass


class Leave(msgspec.Struct, frozen=True):
    """The person wants out: end the conversation."""


class More(msgspec.Struct, frozen=True):
    """The next page of the same question."""


class Again(msgspec.Struct, frozen=True):
    """Show the question again; nothing was said."""


class Help(msgspec.Struct, frozen=True):
    """What can be done here, and whom to ask."""


Reading: TypeAlias = Accepted | Back | Home | Leave | More | Again | Help | Problem

_ENDS: Final = " .,;!\u2026"
_OPTION: Final = re.compile(r"0*([1-9]\d?)\s*[.):]?", re.ASCII)
# Look-alikes people type on a keypad; understood in a menu, never in an amount.
_LOOKALIKES: Final = str.maketrans({"o": "0", "O": "0", "l": "1", "I": "1"})


def interpret(
    question: Question[Any],
    said: Input,
    words: NavWords,
    *,
    keypad: bool,
    can_go_back: bool,
    more: bool = False,
    label_of: Callable[[Text], str] | None = None,
) -> Reading:
    """What the input means to `question`.

    `keypad`: a USSD screen, where 0 is back, 00 home and, with `more` pages, 98 the next one.
    `label_of` turns a choice's label into words, so that typing the label chooses it. An invalid
    answer is a Problem with its sentence.
    """
    if isinstance(said, Nothing | Opens):
        return Again()
    if isinstance(said, Shared):
        # Only the channel can say "shared": what a person types never reads as one.
        shared = f"shared:{said.msisdn}" if question.wants == "contact" else None
        return Accepted(shared) if shared else _typed(question, said.msisdn)
    if isinstance(said, Pressed):
        return _pressed(question, said.value, can_go_back=can_go_back)
    text = fold_digits(said.text)
    if keypad and text not in ("*", "#"):
        text = text.removesuffix("#").strip()
    if not text:
        return Again()
    if keypad and more and text == "98":
        return More()
    # People end their words as sentences: "Yes." A text of their own is left as they wrote it.
    plain = text.rstrip(_ENDS) or text
    moved = _navigation(plain, words, keypad=keypad, can_go_back=can_go_back)
    if moved is not None:
        return moved
    # There a number is an amount; and what may be the PIN itself, such as 0001, is no choice.
    is_secret = isinstance(question, SecretStep) and not isinstance(question.of.parse(plain), Problem)
    numbered = question.wants != "amount" and not is_secret
    chosen = match_choice(question.choices, plain, words, label_of, numbered=numbered)
    if chosen is not None:
        return _choice(question, chosen)
    return _typed(question, text if question.wants == "text" else plain)


def match_choice(
    choices: tuple[Choice, ...],
    text: str,
    words: NavWords,
    label_of: Callable[[Text], str] | None = None,
    *,
    numbered: bool = True,
) -> Choice | None:
    """The choice meant by a typed label or, where they are `numbered`, by its number; else None.

    `1.`, `1)`, `01` and `l` are 1. Yes and no in the person's language choose them by word.
    """
    if not choices:
        return None
    number = _OPTION.fullmatch(text.translate(_LOOKALIKES)) if numbered else None
    if number is not None:
        for place, choice in enumerate(choices, 1):
            if int(number[1]) == (choice.number or place):
                return choice
    lowered = text.casefold()
    for choice in choices:
        if choice.value == "yes" and lowered in words.yes:
            return choice
        if choice.value == "no" and lowered in words.no:
            return choice
        if label_of is not None and _as_typed(label_of(choice.label)) == _as_typed(text):
            return choice
    return None


def _as_typed(label: str) -> str:
    """A label as people type it on a keypad: in any case, without accents and foreign letters."""
    plain = unicodedata.normalize("NFD", fold(label).casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).rstrip(_ENDS)


def _navigation(text: str, words: NavWords, *, keypad: bool, can_go_back: bool) -> Reading | None:
    # A bot's commands are the same words: /stop, /aide.
    lowered = text.casefold().removeprefix("/")
    if keypad:
        if lowered == "00":
            return Home()
        if lowered == "0":
            return Back() if can_go_back else Home()
    if lowered in words.back:
        return Back() if can_go_back else Home()
    if lowered in words.home:
        return Home()
    if lowered in words.leave:
        return Leave()
    if lowered in words.help:
        return Help()
    return None


def _pressed(question: Question[Any], value: str, *, can_go_back: bool) -> Reading:
    if value == "nav:back":
        return Back() if can_go_back else Home()
    if value == "nav:home":
        return Home()
    if value == "nav:more":
        return More()
    index = value.removeprefix("#")
    if index.isdecimal() and index.isascii() and int(index) < len(question.choices):
        return _choice(question, question.choices[int(index)])
    return Problem(Text("choice.not_valid"))


def _choice(question: Question[Any], choice: Choice) -> Reading:
    if isinstance(question, Ask):
        return Accepted(question.offered(choice).value)
    if isinstance(question, SignStep):
        return Accepted(Chosen(choice.value))
    if isinstance(question, Confirm):
        return Accepted(choice.value == "yes")
    return Accepted(choice.value)


def _typed(question: Question[Any], text: str) -> Reading:
    found = question.of.parse(text) if isinstance(question, SecretStep) else question.parse(text)
    return found if isinstance(found, Problem) else Accepted(found)
