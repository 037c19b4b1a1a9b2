"""Every transcript is played, and must read as it stands in both languages.

The second language is heard in the play of the first; it is played for itself where it takes other turns,
and always with TRANSCRIPTS=all. UPDATE_TRANSCRIPTS=1 rewrites the files instead; read the difference before
it is committed.
"""

import os
from pathlib import Path

import pytest

from tests.conversations.interpreter import Interpreter
from tests.conversations.stage import open_stage
from tests.conversations.transcript import needs_telegram, play, play_in_two

FOLDER = Path(__file__).parent / "transcripts"
NAMES = sorted(file.name for file in (FOLDER / "en").glob("*.txt"))
_UPDATE = bool(os.environ.get("UPDATE_TRANSCRIPTS"))
_EACH = _UPDATE or os.environ.get("TRANSCRIPTS") == "all"


def _folder(within: Path, name: str) -> Path:
    (within / name).mkdir()
    return within / name


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.removesuffix(".txt"))
async def test_transcript_reads_as_it_stands(name: str, tmp_path: Path, template: Path) -> None:
    english, french = FOLDER / "en" / name, FOLDER / "fr" / name
    written, interpreter = english.read_text(encoding="utf-8"), Interpreter("fr")
    with_telegram = needs_telegram(written)
    with interpreter.listening():
        async with open_stage(_folder(tmp_path, "en"), template, telegram=with_telegram) as stage:
            played, elsewhere = await play_in_two(stage, english, "en", interpreter)
    if _UPDATE:
        english.write_text(played, encoding="utf-8")
    assert _UPDATE or played == written
    written = french.read_text(encoding="utf-8")
    if _EACH or elsewhere != written:
        async with open_stage(
            _folder(tmp_path, "fr"), template, language="fr", telegram=with_telegram
        ) as stage:
            played = await play(stage, french, "fr")
        if _UPDATE:
            french.write_text(played, encoding="utf-8")
        assert _UPDATE or played == written


@pytest.mark.parametrize(
    "name",
    [
        "pay_momo_hubtel",
        "otp_wrong_then_right",
        "otp_linked_chat",
        "auto_debit",
        "auto_debit_telegram",
        "invoice",
        "details_later",
        "bill_refund",
        "resume",
        "link_code",
        "twin",
        "refund_approved",
        "pay_out_approved",
        "unlock",
    ],
)
async def test_a_process_killed_before_every_line_says_the_same(
    name: str, tmp_path: Path, template: Path
) -> None:
    """Nothing that a conversation needs lives in a process."""
    file = FOLDER / "en" / f"{name}.txt"
    written = file.read_text(encoding="utf-8")
    async with open_stage(tmp_path, template, telegram=needs_telegram(written)) as stage:
        assert await play(stage, file, "en", restart=lambda: True) == written


def test_every_conversation_is_told_in_both_languages() -> None:
    told = {folder.name: {file.name for file in folder.glob("*.txt")} for folder in FOLDER.iterdir()}
    assert told["en"] == told["fr"]
