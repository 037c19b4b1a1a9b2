"""Payments a second through the store's ledger: made, sent, accepted, settled and told, a commit each.

    python -m benchmarks.orders [--payments 2000] [--directory DIR]

Prints one line per number of concurrent callers. The directory decides which disk is measured.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from bot.money import OrderKind, OrderState, Source
from bot.store import SqlStore, migrate, sqlite_store
from bot.store.base import CreateOrder, MoveOrder, OrderFields, Queue, SavePerson, UpdateOrder
from bot.store.records import MessageKind, MessageRow, MessageState, OrderRow, PersonRow


async def pay(store: SqlStore, caller: int, number: int) -> None:
    id = f"order-{caller}-{number}"
    order = OrderRow(
        id=id,
        code=id,
        kind=OrderKind.COLLECTION,
        state=OrderState.NEW,
        account_id="momo",
        merchant_id="merchant",
        person_id="person",
        amount_minor=500,
        currency="GHS",
        payer=f"+2332400{caller:05d}",
        reference=f"reference{caller}of{number}",
        origin_channel="ussd",
        origin_kind="msisdn",
        origin_value=f"+2332400{caller:05d}",
        created_ms=number,
        updated_ms=number,
        due_ms=number,
    )
    message = MessageRow(
        id=id,
        dedupe_key=id,
        kind=MessageKind.RESULT,
        person_id="person",
        address_kind="msisdn",
        address_value=order.origin_value,
        view="{}",
        state=MessageState.QUEUED,
        created_ms=number,
        due_ms=number,
        order_id=id,
    )
    await store.commit([CreateOrder(order, Source.US)])
    await store.commit(
        [MoveOrder(id, 0, OrderState.PENDING, Source.US, number, number, fields=OrderFields(sent_ms=number))]
    )
    await store.commit(
        [
            UpdateOrder(
                id,
                1,
                number,
                due_ms=number,
                fields=OrderFields(accepted_ms=number, provider_reference=id),
                release=True,
            )
        ]
    )
    await store.commit([MoveOrder(id, 2, OrderState.SUCCESSFUL, Source.POLL, number, None), Queue(message)])


async def measure(path: Path, callers: int, payments: int) -> float:
    migrate(f"sqlite:///{path}")
    store = sqlite_store(path, clock=lambda: time.time_ns() // 1_000_000)
    await store.open()
    try:
        await store.commit([SavePerson(PersonRow("person", "en", 1))])

        async def caller(who: int) -> None:
            for number in range(1, payments // callers + 1):
                await pay(store, who, number)

        began = time.perf_counter()
        await asyncio.gather(*(caller(who) for who in range(callers)))
        return payments / (time.perf_counter() - began)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payments", type=int, default=2000)
    parser.add_argument("--directory", type=Path)
    given = parser.parse_args()
    for callers in (1, 16, 64):
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            rate = asyncio.run(measure(Path(directory) / "bench.db", callers, given.payments))
        print(f"{callers:3d} callers: {rate:7.0f} payments/s")


if __name__ == "__main__":
    main()
