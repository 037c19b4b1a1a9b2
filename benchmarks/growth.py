"""How much the database grows: bytes per payment, and per message of a chat that nobody knows.

    python -m benchmarks.growth [--payments 200] [--chats 200]

Plays whole payments on a phone, and strangers who write once to the web chat, in one process on a clock of
its own; then lets nine days pass. Counts the pages that hold something, with their indices.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
from pathlib import Path

from bot.runtime.logs import configure_logs
from bot.runtime.timeouts import TIMES
from tests.conversations.people import Phone, WebChat, asked, decide
from tests.conversations.stage import EFUA, Stage, draw_template, open_stage

_DAY_MS = 24 * 3600_000
_LONGEST_MS = 9 * _DAY_MS
_ANSWERS = {
    "menu": "1001",
    "pay/amount": "1",
    "pay/confirm": "1",
}


def used(database: Path) -> int:
    """Bytes of the pages that hold something."""
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    try:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    finally:
        connection.close()
    return int((pages - free) * size)


async def swept(stage: Stage, after_ms: int) -> int:
    """What is left once so much time has passed and what is old was forgotten."""
    await stage.store.purge(
        stage.clock.ms + after_ms,
        int(TIMES.journal_s * 1000),
        int(TIMES.remember_s * 1000),
        int(TIMES.stranger_s * 1000),
    )
    return used(stage.path)


async def pay(stage: Stage, payments: int) -> None:
    phone = Phone(stage, EFUA)
    for _ in range(payments):
        await phone.dial()
        while phone.screen.is_open:
            stage.clock.ms += 3000
            key, _words = await asked(stage, "msisdn", EFUA)
            await phone.answer(_ANSWERS.get(key, "00"))
        await stage.settle()
        decide(stage, EFUA, "approve")
        await stage.pass_time(120)


async def measure(folder: Path, payments: int, chats: int) -> None:
    template = folder / "template.db"
    await draw_template(template)
    (folder / "pay").mkdir()
    async with open_stage(folder / "pay", template, serve=False) as stage:
        before = used(stage.path)
        await pay(stage, payments)
        (paid,) = stage.rows("SELECT COUNT(*) AS many FROM orders WHERE state = 'SUCCESSFUL'")
        count = paid["many"]
        full = used(stage.path)
        left = await swept(stage, _LONGEST_MS)
    print(f"{count} payments on a phone: {(full - before) // count:,} bytes each,", end=" ")
    print(f"of which {(left - before) // count:,} stay after nine days")
    (folder / "chats").mkdir()
    async with open_stage(folder / "chats", template, serve=False) as stage:
        before = used(stage.path)
        for number in range(chats):
            await WebChat(stage, f"{number:032x}").says("hello")
            await stage.settle()
        full = used(stage.path)
        left = await swept(stage, _DAY_MS // 2)
    print(f"{chats} strangers' chats: {(full - before) // chats:,} bytes a message,", end=" ")
    print(f"of which {(left - before) // chats:,} stay after half a day")


def main() -> None:
    parser = argparse.ArgumentParser(description="Bytes per payment and per message.")
    parser.add_argument("--payments", type=int, default=200)
    parser.add_argument("--chats", type=int, default=200)
    given = parser.parse_args()
    configure_logs("CRITICAL", sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), given.payments, given.chats))


if __name__ == "__main__":
    main()
