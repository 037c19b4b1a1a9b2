"""Every transcript is played, in both languages, and must read as it stands.

UPDATE_TRANSCRIPTS=1 rewrites the files instead; read the difference before it is committed.
"""

import os
from pathlib import Path

import pytest

from tests.conversations.stage import open_stage
from tests.conversations.transcript import needs_telegram, play

FOLDER = Path(__file__).parent / "transcripts"
FILES = sorted(FOLDER.glob("*/*.txt"))
_UPDATE = bool(os.environ.get("UPDATE_TRANSCRIPTS"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_transcript_reads_as_it_stands(file: Path, tmp_path: Path, template: Path) -> None:
    language, written = file.parent.name, file.read_text(encoding="utf-8")
    async with open_stage(tmp_path, template, language=language, telegram=needs_telegram(written)) as stage:
        played = await play(stage, file, language)
    if _UPDATE:
        file.write_text(played, encoding="utf-8")
        return
    assert played == written


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
