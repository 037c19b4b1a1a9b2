"""What an operator may call a merchant: a code that people can type, and a name that phones can show."""

from typing import Any

import pytest

from bot.admin.registry import COMMANDS, CommandError
from tests.conversations.stage import Stage

AMHARIC = "የአማ ወጥ ቤት"


async def add(stage: Stage, code: str = "2001", name: str = "Adjoa's Shop") -> dict[str, Any]:
    values = {"code": code, "name": name, "account": "momo-ghana"}
    done: dict[str, Any] = await COMMANDS["merchants.add"](stage.kasapay.admin, values)
    return done


@pytest.mark.parametrize("name", ["Adjoa's Shop", "Chez Éloïse", "Ɔkɔ Ɛna", "Ŋutifafa", "Ama\u2019s"])
async def test_a_name_that_phones_can_show_needs_no_warning(stage: Stage, name: str) -> None:
    assert (await add(stage, name=name))["warnings"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (AMHARIC, "the code 2001 stands in its place"),
        (f"Ama {AMHARIC}", "the code 2001 stands in its place"),  # half a name is another name
        ("مطعم", "the code 2001 stands in its place"),
        ("Ama's Kitchen 🍲", 'it reads "Ama\'s Kitchen"'),
        ("🍲🍲", "the code 2001 stands in its place"),
    ],
)
async def test_a_name_that_phones_cannot_show_is_warned_of_and_kept(
    stage: Stage, name: str, said: str
) -> None:
    (warning,) = (await add(stage, name=name))["warnings"]
    assert said in warning
    assert stage.rows("SELECT name FROM merchants WHERE code = '2001'")[0]["name"] == name
    again = await COMMANDS["merchants.limit"](stage.kasapay.admin, {"code": "2001", "approve_over": "0"})
    assert again["warnings"] == [warning]


async def test_a_colleague_whose_name_phones_cannot_show_is_warned_of(stage: Stage) -> None:
    values = {"code": "1001", "name": AMHARIC, "role": "cashier"}
    done = await COMMANDS["staff.add"](stage.kasapay.admin, values)
    assert "the word cashier stands in its place" in done["warnings"][0]


@pytest.mark.parametrize(
    "name", ["Ama\nKofi", "Ama\rKofi", "Ama\x00", "Ama\x1b[31m", "Ama\u2028Kofi", "Ama\u202egro", "", " " * 3]
)
async def test_a_name_that_breaks_its_line_is_refused(stage: Stage, name: str) -> None:
    with pytest.raises(CommandError):
        await add(stage, name=name)
    with pytest.raises(CommandError):
        await COMMANDS["staff.add"](stage.kasapay.admin, {"code": "1001", "name": name, "role": "owner"})
    assert not stage.rows("SELECT 1 FROM merchants WHERE code = '2001'")


@pytest.mark.parametrize("code", ["stop", "MENU", "home", "back", "cancel", "retour", "Accueil", "oui"])
async def test_a_code_that_means_something_else_is_refused(stage: Stage, code: str) -> None:
    """In any language: a person may change theirs."""
    with pytest.raises(CommandError, match="choose another merchant code"):
        await add(stage, code=code)


@pytest.mark.parametrize("code", ["0", "00", "98", "1", "ab", "a b c", "x" * 13, "10*01", "አበበ"])
async def test_a_code_nobody_could_type_is_refused(stage: Stage, code: str) -> None:
    with pytest.raises(CommandError, match="3 to 12 letters and digits"):
        await add(stage, code=code)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("1234567", "digits only has 3 to 6"),
        ("482915037", "digits only has 3 to 6"),
        ("12345678", "digits only has 3 to 6"),
        ("AMASHPGH", "reads as the reference of an order"),
    ],
)
async def test_a_new_code_is_never_taken_for_a_reference(stage: Stage, code: str, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        await add(stage, code=code)
    stage.change("UPDATE merchants SET code = ? WHERE code = '1002'", code)
    assert not (await add(stage, code=code))["new"]


async def test_a_merchant_from_before_keeps_its_code(stage: Stage) -> None:
    stage.change("UPDATE merchants SET code = 'stop' WHERE code = '1002'")
    assert not (await add(stage, code="stop"))["new"]


async def test_what_a_merchant_asks_for_is_kept_until_it_is_said_otherwise(stage: Stage) -> None:
    values = {"code": "2001", "name": "Adjoa's Shop", "account": "momo-ghana"}

    async def asked(**given: str) -> str:
        await COMMANDS["merchants.add"](stage.kasapay.admin, values | given)
        listed = await COMMANDS["merchants.list"](stage.kasapay.admin, {})
        return str(next(row["asks_for"] for row in listed if row["code"] == "2001"))

    assert await asked() == ""
    assert await asked(asks_for="  Table  number ") == "Table number"
    assert await asked() == "Table number"
    assert await asked(asks_for="none") == ""
    for wrong in ("x" * 21, AMHARIC):
        with pytest.raises(CommandError, match="20 plain characters"):
            await asked(asks_for=wrong)
