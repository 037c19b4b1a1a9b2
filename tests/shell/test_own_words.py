"""What a web chat keeps of its person's own words, and what it must not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversations.own_words import DOTS, first_words, own_words
from bot.dialog import Accepted, Choice, Facts, Home, Pressed, Problem, SecretStep, Talk, Text, Typed, Wallet
from bot.store.records import MessageKind
from flows.effects import SubmitOtp
from flows.pay import OTP
from tests.conversations.people import WebChat
from tests.conversations.stage import Stage, open_stage

TALK = Talk(Facts(channel="web", region="GH"))
MENU = TALK.choose("menu", [Choice("pay", Text("menu.pay")), Choice("check", Text("menu.check"))])
PAYER = TALK.ask("payer", Wallet("GH"))
CODE: SecretStep = TALK.secret("otp", OTP, SubmitOtp("o1"))
WRONG = Problem(Text("number.not_valid"))


def words(text: str) -> Text:
    return Text("chat.said", {"words": text})


@pytest.mark.parametrize(
    ("question", "said", "reading", "kept"),
    [
        (MENU, Pressed("c", 1, "#1"), Accepted("check"), Text("menu.check")),
        (MENU, Typed(" 1 "), Accepted("pay"), words("1")),
        (MENU, Pressed("c", 1, "nav:home"), Home(), Text("nav.home")),
        (PAYER, Typed("0240000001"), Accepted("+233240000001"), words("0240000001")),
        (PAYER, Typed("menu"), Home(), words("menu")),
        # A PIN typed where a number was asked for.
        (PAYER, Typed("1234"), WRONG, DOTS),
        (PAYER, Typed("my pin"), WRONG, DOTS),
        (CODE, Typed("482913"), Accepted("482913"), DOTS),
        (CODE, Typed("48"), WRONG, DOTS),
        (CODE, Typed("menu"), Home(), words("menu")),
    ],
)
def test_only_what_was_asked_for_is_kept_and_no_secret(question, said, reading, kept) -> None:  # type: ignore[no-untyped-def]
    assert own_words(question, said, reading) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (Typed("hello there"), words("hello there")),
        (Typed("/start"), words("/start")),
        (Typed("1234"), DOTS),
        (Typed("my pin is \u0661\u0662\u0663\u0664"), DOTS),
        (Pressed("", 0, "nav:home"), Text("nav.menu")),
        (Pressed("c", 3, "#0"), DOTS),
    ],
)
def test_a_first_word_is_kept_where_it_can_be_no_code(said: Typed | Pressed, kept: Text) -> None:
    assert first_words(said) == kept


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, template) as opened:
        yield opened


async def said_in(stage: Stage, chat: WebChat) -> list[str]:
    rows = await stage.store.sent_messages("web", chat.value, 0, 100)
    return [(await stage.kasapay.outbox.render(row)).text for row in rows if row.kind is MessageKind.SAID]


async def test_a_chat_keeps_both_halves_and_no_pin(stage: Stage) -> None:
    chat = WebChat(stage)
    for said in ("hello", "1", "7531", "1001", "5", "0240000001"):
        await chat.says(said)
        await stage.pass_time(1)
    (shown,) = (await chat.look())[-1:]
    await chat.presses(shown.buttons[0][1])
    await stage.pass_time(1)
    assert await said_in(stage, chat) == ["hello", "1", "\u2022" * 4, "1001", "5", "0240000001", "Yes, pay"]
    assert not stage.holds("7531")


async def test_a_repeat_is_kept_once_and_a_tap_in_passing_not_at_all(stage: Stage) -> None:
    chat = WebChat(stage)
    await chat.says("hello")
    await stage.pass_time(1)
    (menu,) = await chat.look()
    for _ in range(3):
        await chat.presses(menu.buttons[0][1])
        await chat.repeats()
    await stage.pass_time(1)
    assert await said_in(stage, chat) == ["hello", "Pay"]
