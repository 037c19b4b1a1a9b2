"""The owner's socket: what is no command is said to be none, and is nobody's fault."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from bot.admin import socket as control
from bot.admin.registry import AdminContext


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b'{"command": "\xc0\xaf", "values": {}}',
        b'{"command": "none", "values": {}}',
        b'{"command": "merchants.add", "values": ',
        b'{"command": 5, "values": {}}',
        b"[" * 30_000,
    ],
)
async def test_what_is_no_command_is_refused_in_a_sentence(tmp_path: Path, line: bytes) -> None:
    database = tmp_path / "kasapay.db"
    with capture_logs() as logged:
        async with control.listen(database, cast(AdminContext, None)):
            answer = await said(database, line)
    assert answer == {
        "result": None,
        "problem": "The running Kasapay does not know this command; restart it.",
    }
    assert logged == []


async def said(database: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(str(control.socket_path(database)))
    writer.write(line + b"\n")
    answer = json.loads(await reader.read())
    writer.close()
    await writer.wait_closed()
    return answer
