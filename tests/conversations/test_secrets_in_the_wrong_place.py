"""A PIN or a code typed where something else was asked for is written nowhere.

Every question on the way to a confirmation is answered first with what people mix up: a wallet PIN, a staff
PIN and a provider's code. An amount alone may be any number, so that it is left out.
"""

from typing import Any

import msgspec
import pytest
import structlog

from bot.dialog import Amount, Ask, Confirm, Decide, Question, SecretStep, Waiting, Whole
from bot.money import show_local
from bot.store.base import TurnQuery
from tests.conversations.people import Phone, WebChat, asked
from tests.conversations.robot import Robot
from tests.conversations.stage import DRAWN, EFUA, STAFF, STAFF_PIN, Stage

WALLET_PIN, CODE = "7391", "648205"
SECRETS = (WALLET_PIN, STAFF_PIN, CODE)

# What leads to each question in turn, by the last part of its key: a meaning to choose, or text to type.
_FINE = {"amount": "5", "number": "0240000002", "payer": "1", "merchant": "1001", "most": "5"}
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "pay": (EFUA, {"menu": "pay"}),
    "check": (EFUA, {"menu": "more", "more": "check"}),
    "auto_debit": (EFUA, {"menu": "more", "more": "auto_debit", "every": "week", "days": "30"}),
    "bill": (EFUA, {"menu": "more", "more": "bill", "which": "ECG", "reference": "METER 42/7"}),
    "look_up": (STAFF, {"how": "code"}),
    "refund": (STAFF, {"how": "part"}),
    "pay_out": (STAFF, {}),
    "withdraw": (STAFF, {}),
    "invoice": (STAFF, {"what": "new", "description": "Two tables", "days": "other", "days_typed": "30"}),
    "details": (STAFF, {}),
    "deposit": (STAFF, {}),
}


class Chat:
    """A linked web chat, answered like a phone."""

    def __init__(self, stage: Stage, chat: WebChat) -> None:
        self.stage = stage
        self.chat = chat

    @property
    def where(self) -> tuple[str, str]:
        return "web", self.chat.value

    async def answer(self, text: str) -> bool:
        await self.chat.says(text)
        return True

    async def begin(self) -> bool:
        """Link it, and say a first word."""
        phone = Phone(self.stage, EFUA)
        await phone.dial()
        for said in ("4", "5"):
            await phone.answer(said)
        for said in ("hello", "4", "5", show_local(EFUA, "GH"), self.stage.ids.drawn[-1], "hello"):
            await self.chat.says(said)
        return True


class Keypad:
    """A phone that dials again where three wrong answers ended the session."""

    def __init__(self, stage: Stage, msisdn: str) -> None:
        self.stage = stage
        self.phone = Phone(stage, msisdn)
        self.where = ("msisdn", msisdn)

    async def answer(self, text: str) -> bool:
        return (await self.phone.answer(text)).is_open

    async def begin(self) -> bool:
        return (await self.phone.dial()).is_open


async def question_of(stage: Stage, kind: str, value: str) -> Question[Any] | None:
    found = (await stage.store.load_turn(TurnQuery(kind, value))).conversation
    if found is None:
        return None
    run = stage.kasapay.turns._steps.run(found, found.journal)
    run.close()
    assert isinstance(run.state, Waiting)
    return run.state.question  # type: ignore[no-any-return]


async def _mistype(who: Keypad | Chat, question: Question[Any], given: list[str]) -> None:
    """`given` leads to the question anew, where nothing was typed that is kept."""
    for secret in SECRETS:
        if not await who.answer(secret):  # three wrong ones end a session
            await who.begin()
            offered = (await asked(who.stage, *who.where))[0] == "resume"
            for said in ["1"] if offered else given:
                await who.answer(said)
        now = await question_of(who.stage, *who.where)
        assert now is not None
        assert now.key == question.key, f"{question.key} takes {secret}"


async def _walk(stage: Stage, who: Keypad | Chat, answers: dict[str, str]) -> list[str]:
    """Which questions were mistyped at, up to the confirmation, the PIN or the end."""
    typed: list[str] = []
    given: list[str] = []
    going_on = await who.begin()
    while going_on:
        question = await question_of(stage, *who.where)
        if question is None or isinstance(question, Confirm | SecretStep):
            break
        if isinstance(question, Decide):
            if "payer" in typed:
                break
            await who.answer("3")  # another number
            given.append("3")
            continue
        name = question.key.rpartition("/")[2]
        said = answers.get(question.key) or answers.get(name) or _FINE[name]
        if isinstance(question, Ask) and not isinstance(question.of, Amount):
            await _mistype(who, question, given)
            typed.append(name)
        meant = {c.value: c.number or place for place, c in enumerate(question.choices, 1)}
        numbers = [number for value, number in meant.items() if value.endswith(said)]
        given.append(str(numbers[0]) if numbers else said)
        going_on = await who.answer(given[-1])
    return typed


@pytest.mark.parametrize("part", [*WAYS, *(f"{part} in a chat" for part in ("pay", "check", "bill"))])
async def test_what_is_typed_in_the_wrong_place_stands_nowhere(stage: Stage, part: str) -> None:
    part, _, in_chat = part.partition(" ")
    number, answers = WAYS[part]
    await Robot(stage, Phone(stage, EFUA), "1001").pay()
    paid = await stage.order()
    menu = {"menu": "business", "business/menu": part} if number == STAFF else {}
    who = Chat(stage, WebChat(stage)) if in_chat else Keypad(stage, number)
    with structlog.testing.capture_logs() as logs:
        typed = await _walk(stage, who, {"code": paid.code} | answers | menu)
        await stage.settle()
    assert typed[0] == "menu"
    assert len(typed) > 1
    said = DRAWN.sub(b"|", msgspec.json.encode(logs, enc_hook=str)).decode()
    for secret in SECRETS:
        assert secret not in said
        assert not stage.holds(secret), f"{secret} stands on the disk"


@pytest.mark.parametrize("secret", SECRETS)
async def test_what_is_dialled_as_a_merchants_code_and_is_none_stands_nowhere(
    stage: Stage, secret: str
) -> None:
    phone = Phone(stage, EFUA)
    await phone.dial(secret, "5")
    question = await question_of(stage, "msisdn", EFUA)
    assert question is not None
    assert question.key == "menu"
    assert not stage.holds(secret)


def test_only_an_amount_and_days_are_any_number() -> None:
    """The kinds that take a number of the length of a PIN; `Whole` only what lies between its bounds."""
    assert isinstance(Amount("GHS").parse(WALLET_PIN), msgspec.Struct)
    for secret in SECRETS:
        assert not isinstance(Whole(1, 365).parse(secret), int)
