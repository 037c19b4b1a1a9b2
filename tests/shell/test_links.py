"""Linking and looking up are counted per attacker: who tries too often stops nobody else."""

from structlog.testing import capture_logs

from tests.conversations.people import Phone, WebChat
from tests.conversations.stage import EFUA, KWAME, Stage

NUMBER = {EFUA: "0240000001", KWAME: "0240000002"}
WRONG = "00000000"


async def code_of(stage: Stage, msisdn: str) -> str:
    phone = Phone(stage, msisdn)
    await phone.dial()
    for said in ("4", "5"):
        await phone.answer(said)
    return stage.ids.drawn[-1]


async def visitor(stage: Stage, place: int, peer: str) -> WebChat:
    """A browser with a fresh cookie."""
    chat = WebChat(stage, f"{place:032x}")
    chat.peer = peer
    await chat.says("hello")
    return chat


async def tries(stage: Stage, chat: WebChat, msisdn: str, *codes: str) -> str:
    """What is said to these codes for a number, one after the other."""
    for said in ("menu", "4", "5", NUMBER[msisdn], *codes):
        await chat.says(said)
    await stage.settle()
    return (await chat.look())[-1].text


async def test_wrong_codes_from_many_addresses_stop_nobody(stage: Stage) -> None:
    """Many more than set off the alarm, each address below its own count."""
    with capture_logs() as lines:
        for place in range(1, 53):
            attacker = await visitor(stage, 0xA000 + place, f"192.0.2.{place}")
            await tries(stage, attacker, KWAME, *[WRONG] * 4)
    assert [line["kind"] for line in lines if line.get("kind") == "link_brake"]
    efua = await visitor(stage, 0xE000, "198.51.100.7")
    code = await code_of(stage, EFUA)
    assert "Linked" in await tries(stage, efua, EFUA, code)


async def test_five_wrong_ones_end_that_numbers_code_and_a_new_one_holds(stage: Stage) -> None:
    code = await code_of(stage, EFUA)
    attacker, efua = await visitor(stage, 0xA000, "192.0.2.1"), await visitor(stage, 0xE000, "192.0.2.2")
    await tries(stage, attacker, EFUA, *[WRONG] * 5)
    assert "wrong or expired" in await tries(stage, efua, EFUA, code)
    assert "Linked" in await tries(stage, efua, EFUA, await code_of(stage, EFUA))


async def test_the_fifth_try_may_still_be_right(stage: Stage) -> None:
    code = await code_of(stage, EFUA)
    efua = await visitor(stage, 0xE000, "192.0.2.2")
    assert "Linked" in await tries(stage, efua, EFUA, *[WRONG] * 4, code)


async def test_another_numbers_code_links_nothing(stage: Stage) -> None:
    await code_of(stage, EFUA)
    code = await code_of(stage, KWAME)
    efua = await visitor(stage, 0xE000, "192.0.2.2")
    assert "wrong or expired" in await tries(stage, efua, EFUA, code)


async def test_an_address_has_twenty_tries_an_hour_however_many_cookies_it_has(stage: Stage) -> None:
    code = await code_of(stage, EFUA)
    for place in range(5):
        attacker = await visitor(stage, 0xA000 + place, "192.0.2.1")
        assert "wrong or expired" in await tries(stage, attacker, KWAME, *[WRONG] * 4)
    one_more = await visitor(stage, 0xB000, "192.0.2.1")
    assert "Too many tries" in await tries(stage, one_more, EFUA, code)
    assert "Linked" in await tries(stage, await visitor(stage, 0xE000, "192.0.2.2"), EFUA, code)
    await stage.pass_time(3601)
    assert "Linked" in await tries(stage, one_more, KWAME, await code_of(stage, KWAME))


async def test_look_ups_without_a_link_are_counted_per_address(stage: Stage) -> None:
    seen = []
    for place in range(21):
        chat = await visitor(stage, 0xA000 + place, "192.0.2.1")
        for said in ("4", "2", f"02400001{place:02}"):
            await chat.says(said)
        await stage.settle()
        seen.append((await chat.look())[-1].text)
    assert not any("too often" in text or "many" in text for text in seen[:20])
    assert "many" in seen[20]
    other = await visitor(stage, 0xE000, "192.0.2.2")
    for said in ("4", "2", NUMBER[KWAME]):
        await other.says(said)
    await stage.settle()
    assert "active mobile-money account" in (await other.look())[-1].text
