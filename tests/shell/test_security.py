"""Security events: one log line with a kind, a count, few lines in a flood, no word of what was tried."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from bot.runtime.security_events import KINDS, SecurityEvents
from tests.conversations.people import Phone, WebChat
from tests.conversations.stage import STAFF, Stage

ROOT = Path(__file__).parents[2]


def test_a_flood_is_a_few_lines_and_counts_as_many() -> None:
    now, counted = [0.0], Counter[str]()
    events = SecurityEvents(lambda kind: counted.update([kind]), now=lambda: now[0])
    with capture_logs() as lines:
        for _ in range(1000):
            events.note("gateway_secret", gateway="hubtel", address="198.51.100.7", empty="", none=None)
        events.note("staff_pin", staff="s1")
        now[0] = 60.0
        events.note("gateway_secret", gateway="hubtel")
    assert counted == {"gateway_secret": 1001, "staff_pin": 1}
    assert len(lines) == 22
    assert lines[0] == {
        "event": "security",
        "kind": "gateway_secret",
        "gateway": "hubtel",
        "address": "198.51.100.7",
        "log_level": "warning",
    }
    assert lines[-1]["unsaid"] == "980"


def test_every_kind_is_noted_somewhere_and_explained() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    told = page.partition("\n## Security events\n")[2].partition("\n## ")[0]
    for kind in KINDS:
        assert sources.count(f'"{kind}"') >= 2, f"{kind} is never noted"
        assert f"| `{kind}` |" in told, kind
    assert set(re.findall(r"^\| `([a-z_]+)` \|", told, re.MULTILINE)) == set(KINDS)


def security_lines(lines: list[Any]) -> list[tuple[str, str]]:
    return [(line["kind"], line["channel"]) for line in lines if line["event"] == "security"]


async def test_wrong_staff_pins_and_the_lock_are_noted(stage: Stage) -> None:
    phone = Phone(stage, STAFF)
    with capture_logs() as lines:
        await phone.dial()
        for typed in ("5", "2", "1111", "2222", "3333"):  # My business, Balance, and three wrong PINs
            await phone.answer(typed)
    assert security_lines(lines) == [("staff_pin", "ussd"), ("staff_pin", "ussd"), ("staff_locked", "ussd")]
    text = str([line for line in lines if line["event"] == "security"])
    assert not any(secret in text for secret in ("1111", "2222", "3333", STAFF, STAFF[4:]))
    assert b'kasapay_security_events_total{kind="staff_pin"} 2.0' in stage.kasapay.metrics.render()


async def test_wrong_link_codes_are_noted(stage: Stage) -> None:
    chat = WebChat(stage)
    await chat.says("hello")
    with capture_logs() as lines:
        for typed in ("4", "5", "0240000001", "12345678"):
            await chat.says(typed)
    assert security_lines(lines) == [("link_code", "web")]
    assert "12345678" not in str([line for line in lines if line["event"] == "security"])


async def test_asking_a_strangers_phone_too_often_is_noted(stage: Stage) -> None:
    chat = WebChat(stage)
    await chat.says("hello")
    with capture_logs() as lines:
        for amount in ("1", "2", "3", "4"):
            for said in ("menu", "1", "1001", amount, "0240000001", "1"):
                await chat.says(said)
    assert security_lines(lines) == [("unasked", "web")]
    assert "240000001" not in str([line for line in lines if line["event"] == "security"])
