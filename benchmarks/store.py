"""Turns a second through the store: one load and one durable commit each, as a USSD turn makes them.

    python -m benchmarks.store [--turns 4000] [--directory DIR]

Prints one line per number of concurrent callers. The directory decides which disk is measured.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from bot.dialog import Entry
from bot.store import SqlStore, TurnQuery, migrate, sqlite_store
from bot.store.base import KeepTurn, SaveAddress, SaveConversation, SavePerson, SaveSession
from bot.store.records import (
    AddressRow,
    ConversationRow,
    ConversationState,
    PersonRow,
    SessionRow,
    TurnRow,
    TurnState,
)

JOURNAL = tuple(Entry("ask", f"step{number}", "an answer") for number in range(4))


async def turn(store: SqlStore, caller: int, number: int) -> None:
    msisdn = f"+2332400{caller:05d}"
    loaded = await store.load_turn(
        TurnQuery("msisdn", msisdn, key=str(number), gateway="africastalking", session_id=f"s{caller}")
    )
    person = loaded.person or PersonRow(f"person{caller}", "en", 1)
    address = loaded.address or AddressRow(f"address{caller}", person.id, "msisdn", msisdn, 1, 1, 1)
    version = loaded.conversation.version if loaded.conversation else None
    await store.commit(
        [
            *([] if loaded.person else [SavePerson(person)]),
            SaveAddress(address),
            SaveConversation(
                ConversationRow(
                    id=f"conversation{caller}",
                    person_id=person.id,
                    address_kind="msisdn",
                    address_value=msisdn,
                    flow="pay",
                    facts="{}",
                    journal=JOURNAL,
                    state=ConversationState.ACTIVE,
                    version=(version or 0) + 1,
                    created_ms=1,
                    updated_ms=number,
                ),
                version,
            ),
            SaveSession(
                SessionRow(
                    id=f"session{caller}",
                    gateway="africastalking",
                    session_id=f"s{caller}",
                    msisdn=msisdn,
                    generation=1,
                    conversation_id=f"conversation{caller}",
                    open=True,
                    started_ms=1,
                    last_ms=number,
                    turns=number,
                )
            ),
            KeepTurn(
                TurnRow(f"session{caller}", str(number), TurnState.DONE, number, "How much?\n0 Back", True)
            ),
        ]
    )


async def measure(path: Path, callers: int, turns: int) -> float:
    migrate(f"sqlite:///{path}")
    store = sqlite_store(path, clock=lambda: time.time_ns() // 1_000_000)
    await store.open()
    try:

        async def caller(who: int) -> None:
            for number in range(turns // callers):
                await turn(store, who, number)

        await asyncio.gather(*(turn(store, who, -1) for who in range(callers)))
        began = time.perf_counter()
        await asyncio.gather(*(caller(who) for who in range(callers)))
        return turns / (time.perf_counter() - began)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=4000)
    parser.add_argument("--directory", type=Path)
    given = parser.parse_args()
    for callers in (1, 16, 64):
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            rate = asyncio.run(measure(Path(directory) / "bench.db", callers, given.turns))
        print(f"{callers:3d} callers: {rate:7.0f} turns/s")


if __name__ == "__main__":
    main()
