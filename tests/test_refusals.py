"""Every ending says what happened, whether money moved and what to do now, in every language.

Which sentences are endings follows from the conversations, the messages and the ids; which parts they say,
from the marks in the catalogue (bot/channels/parts.py).
"""

import re
from collections.abc import Iterator

import pytest

from bot.channels.parts import DONE, PARTS
from bot.cli.screens.conversations import AMOUNT, MERCHANT, REFUSALS
from bot.cli.screens.messages import SAMPLES
from bot.dialog import Ended, Text
from bot.money import OrderKind, Reason
from flows.closing import reason_text, refusal
from tests.test_words import CATALOGUE, LANGUAGES, ORDER_MESSAGES, PUSHED, conversations, texts_of

# Endings by their ids, wherever they are said. What is said in the middle of a talk is none.
_ENDS = re.compile(r"(?:talk|result|refused)\.|.+\.(?:refused|ended)\.")
_IN_THE_MIDDLE = re.compile(r"talk\.(?:resume.*|continue|start_over|open_it|help|old_button|button_over)")
# What was wanted was not done: such a sentence never passes for done.
_NOT_DONE = re.compile(
    r"talk\..+|(?:.+\.)?(?:refused|failed\w*|reversed|checking|doubted\w*|upheld\w*|locked|not_\w+|too_\w+|"
    r"unknown|inactive|nothing|expired)(?:\..+)?"
)
# Where money is always in question.
_ABOUT_MONEY = re.compile(r"(?:pay|payments|refused|talk|failed|left|refund|charge|autodebit|debit|sent)\..+")


def endings() -> Iterator[Text]:
    """Each with the texts inside it that it may have."""
    for played in conversations():
        if isinstance(played.state, Ended):
            yield Text(played.screen.text, played.screen.values)
    for name in CATALOGUE.ids():
        if name in PUSHED:
            yield Text(name, {value: SAMPLES[value] for value in PUSHED[name]})
        elif _ENDS.match(name) and not _IN_THE_MIDDLE.fullmatch(name):
            yield from _with_reasons(name)
    for word in REFUSALS:
        for most in (None, AMOUNT):
            screen = refusal(word, MERCHANT, most)
            yield Text(screen.text, screen.values)


def _with_reasons(name: str) -> Iterator[Text]:
    inside = CATALOGUE.placeholders(name)
    if "reason" in inside:
        assert name in ORDER_MESSAGES or name.startswith("result."), f"{name} gives a reason: of which kind?"
        kind = OrderKind(name.split(".")[1]) if name.count(".") == 2 else OrderKind.COLLECTION
        for reason in (*Reason, None):
            yield Text(name, {"reason": reason_text(reason, kind)})
    elif "left" not in inside:  # refusals say what is left: see there
        yield Text(name)


def said(text: Text, language: str) -> set[str]:
    """The parts that the sentence and those inside it say."""
    return {part for one in texts_of(text) for part in CATALOGUE.parts(one.id, language)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_ending_has_its_three_parts_or_is_done(language: str) -> None:
    short = {}
    for text in endings():
        parts = said(text, language)
        if DONE in parts and not _NOT_DONE.fullmatch(text.id):
            continue
        if lacking := [part for part in PARTS if part not in parts]:
            inside = [one.id for one in texts_of(text)][1:]
            short[" + ".join([text.id, *inside])] = lacking
    assert short == {}, "mark the parts in the catalogue: see bot/channels/parts.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_money_is_in_question_it_is_spoken_of(language: str) -> None:
    silent = {name for name in CATALOGUE.ids() if CATALOGUE.parts(name, language).get("money") == ""}
    assert {name for name in silent if _ABOUT_MONEY.fullmatch(name)} == set()
