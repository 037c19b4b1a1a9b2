"""Pages are those of the screen as it was shown: with its notice, for every kind of question and language."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.app import build as wiring
from bot.channels.catalogue import Catalogue
from bot.cli.screens.conversations import every_conversation
from bot.cli.screens.playing import USSD
from bot.dialog import (
    Amount,
    Ask,
    Choice,
    Problem,
    Question,
    Screen,
    SecretStep,
    Talk,
    Text,
    View,
    render_ussd,
)
from bot.money import Money, to_major
from bot.store.records import ConversationRow
from flows import FLOWS
from flows.business_effects import CheckPin
from flows.staff import PIN
from tests.conversations.people import Phone, asked, decide
from tests.conversations.stage import EFUA, Stage

LANGUAGES = ("en", "fr")
CATALOGUE = Catalogue.load()
# Longer than any merchant's, so that questions with nothing to choose go on over pages as well.
LONG = "Restaurant Chez Maman Ana et ses Filles, Abidjan Cocody, en face du grand marché, tous les jours " * 2
WRONG = "~"


def long_questions(language: str) -> Iterator[Question[Any]]:
    """One of each that takes more than one page, by itself or below a notice."""

    def say(text: Text) -> str:
        return CATALOGUE.say(text, language, "GH")

    seen = set()
    for played in every_conversation():
        for question in played.asked:
            name = (question.text.id, question.kind, len(question.choices))
            if name in seen or isinstance(question, SecretStep):
                continue
            seen.add(name)
            notice = question.parse(WRONG)
            view = View(
                text=question.text,
                choices=question.choices,
                back=True,
                home=True,
                notice=notice.text if isinstance(notice, Problem) else None,
            )
            if render_ussd(view, say, CATALOGUE.labels(language)).pages > 1:
                yield question
    talk = Talk(USSD, "pay/")
    yield talk.ask("amount", Amount("GHS"), merchant=LONG, currency="GHS")
    yield talk.confirm("confirm", amount="1", merchant=LONG, payer="2", name="")
    yield talk.secret("pin", PIN, CheckPin("nobody"), text="balance.pin", tries=3, merchant=LONG)


def lines(text: str) -> dict[str, str]:
    """The keys a screen offers, with their words."""
    return dict(re.findall(r"^(\d+)(?: (?!\d{3}\b(?!\*))(.*))?$", text, re.MULTILINE))


def meant_by(question: Question[Any], number: int) -> Any:
    """What the journal keeps of a choice picked by its number."""
    by_number = {choice.number or place: choice for place, choice in enumerate(question.choices, 1)}
    chosen = by_number[number]
    return question.dump(question.offered(chosen).value) if isinstance(question, Ask) else chosen.value


async def conversation(stage: Stage) -> ConversationRow:
    (row,) = stage.rows("SELECT id FROM conversations ORDER BY created_ms DESC, id LIMIT 1")
    found = await stage.store.conversation(row["id"])
    assert found is not None
    return found


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_reached_and_answered_as_it_was_shown(
    stage: Stage, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question[Any]] = []

    async def one(talk: Talk) -> Screen:
        await talk.choose("first", [Choice("on", Text("menu.pay"))], text="main.menu")
        await asked[-1]
        return Screen("pay.cancelled")

    monkeypatch.setattr(wiring, "FLOWS", {**FLOWS, "main": one})
    await stage.restart()
    phone = Phone(stage, EFUA)
    await phone.dial()
    stage.change("UPDATE people SET language = ?", language)
    for question in long_questions(language):
        asked.append(question)
        stage.clock.ms += 1000
        await phone.dial("1")
        first = await phone.answer(WRONG)
        pages = [first.text]
        while "98" in lines(phone.screen.text):
            await phone.answer("98")
            assert phone.screen.is_open, question.text.id
            assert phone.screen.text not in pages
            pages.append(phone.screen.text)
        assert len(pages) > 1, question.text.id
        for page in reversed(pages[:-1]):
            assert (await phone.answer("0")).text == page
        # An empty answer shows the very same page.
        assert (await phone.answer(" ")).text == pages[0]
        for page in pages[1:]:
            assert (await phone.answer("98")).text == page
        offered = {key: words for key, words in lines(pages[-1]).items() if key not in ("0", "00", "98")}
        if not question.choices or question.wants == "amount":
            # Where no key is offered for more, 98 is an answer like any other.
            await phone.answer("98")
            if question.wants == "amount":
                found = (await conversation(stage)).journal[-1].value
                assert to_major(Money(found["amount_minor"], found["currency"])) == 98
            continue
        key = max(offered, key=int)
        await phone.answer(key)
        assert (await conversation(stage)).journal[-1].value == meant_by(question, int(key))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_pages_below_an_untold_result_are_reached(stage: Stage, language: str) -> None:
    """On a small screen: on most, both fit on one."""
    stage.settings = stage.settings.model_copy(update={"ussd_screen_septets": 110})
    await stage.restart()
    phone = Phone(stage, EFUA)
    await phone.dial("1001", "5")
    await phone.answer("1")
    stage.change("UPDATE people SET language = ?", language)
    stage.faults(sms_code=403)
    await stage.settle()
    decide(stage, EFUA, "approve")
    await stage.pass_time(40)
    first = await phone.dial()
    (order,) = await stage.orders()
    assert order.code in first.text
    assert "98" in lines(first.text)
    last = await phone.answer("98")
    assert order.code not in last.text
    assert (await phone.answer("0")).text == first.text
    await phone.answer("98")
    key = max((key for key in lines(last.text) if key not in ("0", "00")), key=int)
    assert (await phone.answer(key)).text not in (first.text, last.text)
    first_answer = next(entry for entry in (await conversation(stage)).journal if entry.kind != "look")
    assert first_answer.key == "menu"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_pages_of_continue_or_start_over_are_reached(stage: Stage, language: str) -> None:
    """On the smallest screens there are, the question of a dropped line needs two as well."""
    phone = Phone(stage, EFUA)
    await phone.dial("1001")
    stage.change("UPDATE people SET language = ?", language)
    stage.settings = stage.settings.model_copy(update={"ussd_screen_septets": 60})
    await stage.restart()
    await phone.dial()
    first = await phone.answer(WRONG)
    pages = [first.text]
    while "98" in lines(phone.screen.text):
        pages.append((await phone.answer("98")).text)
    assert len(pages) > 1
    for page in reversed(pages[:-1]):
        assert (await phone.answer("0")).text == page
    assert (await phone.answer(" ")).text == pages[0]
    await phone.answer("1")
    assert (await asked(stage, "msisdn", EFUA))[0] == "pay/amount"
