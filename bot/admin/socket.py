"""Commands that write, sent to the process that owns the database, or done here when none runs.

On SQLite one process owns the file. It listens on an owner-only socket beside it; a command line that
wants to write asks there first and opens the file itself only when nobody answers.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from bot.admin.registry import COMMANDS, AdminContext, CommandError

__all__ = ["ask_owner", "listen", "socket_path"]

_log = structlog.get_logger("control")

_LINE_AT_MOST: Final = 64 * 1024
# A list of orders or findings is longer than what is asked for.
_ANSWER_AT_MOST: Final = 16 * 1024 * 1024
_ANSWER_S: Final = 30.0


class _Asked(msgspec.Struct, frozen=True):
    command: str
    values: dict[str, Any]


class _Answered(msgspec.Struct, frozen=True):
    result: Any = None
    problem: str = ""


def socket_path(database: Path) -> Path:
    """Beside the file itself, where `database` is a symbolic link to it."""
    found = database.resolve()
    return found.with_name(found.name + ".sock")


@asynccontextmanager
async def listen(database: Path, admin: AdminContext) -> AsyncIterator[None]:
    """Answer commands on the socket beside the database while inside."""
    path = socket_path(database)
    with suppress(FileNotFoundError):
        path.unlink()
    # Owner-only from the moment it exists.
    kept = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(
            lambda r, w: _serve(r, w, admin), path=str(path), limit=_LINE_AT_MOST
        )
    finally:
        os.umask(kept)
    try:
        yield
    finally:
        server.close()
        with suppress(FileNotFoundError):
            path.unlink()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, admin: AdminContext) -> None:
    try:
        line = await reader.readline()
        answer = await _answer(line, admin)
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()
    except (ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def _answer(line: bytes, admin: AdminContext) -> _Answered:
    try:
        asked = msgspec.json.decode(line, type=_Asked)
        command = COMMANDS[asked.command]
    # Bytes that are no UTF-8, and brackets in their thousands, are the two that msgspec leaves to others.
    except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError):
        return _Answered(problem="The running Kasapay does not know this command; restart it.")
    try:
        return _Answered(result=await command(admin, asked.values))
    except CommandError as error:
        return _Answered(problem=str(error))
    except Exception as error:
        _log.exception("command failed")
        return _Answered(
            problem=f"The running Kasapay could not do it ({type(error).__name__}); see its log."
        )


async def ask_owner(database: Path, command: str, values: dict[str, Any]) -> Any | None:
    """The running process' result, or None where no process listens. Raises CommandError."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket_path(database)), limit=_ANSWER_AT_MOST)
    except (FileNotFoundError, ConnectionRefusedError, socket.gaierror):
        return None
    try:
        writer.write(msgspec.json.encode(_Asked(command, values)) + b"\n")
        await writer.drain()
        async with asyncio.timeout(_ANSWER_S):
            line = await reader.readline()
    except (TimeoutError, ConnectionError) as error:
        raise CommandError("The running Kasapay did not answer.") from error
    finally:
        writer.close()
    if not line:
        raise CommandError("The running Kasapay ended before it answered.")
    answer = msgspec.json.decode(line, type=_Answered)
    if answer.problem:
        raise CommandError(answer.problem)
    return answer.result if answer.result is not None else {}
