"""`kill -9` at any moment: every payment ends once, and the person is told.

A real `serve` on a real file is killed again and again while customers pay; the sandbox is a process of
its own and judges. The gateway delivers a request again until it is answered, as gateways do.
"""

import asyncio
import os
import random
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import aiohttp
import httpx
import pytest

from tests.end_to_end.gateways import AfricasTalking, GatewayUpset, Reply
from tests.end_to_end.processes import Deployment, Judge, Process, until

LANES = 4
KILLS = 11
DEADLINE_S = 90.0
# After its process died an order waits for the lease to end, and for the time in which the provider may
# not know it yet: here not for a minute.
SHORT_WAITS = """
import bot.times
bot.times.TIMES = bot.times.Times(lease_s=2)
from bot.providers.momo import Momo
Momo.not_found_grace_s = 2.0
from bot.__main__ import main
main()
"""
# Numbers whose payment fails by itself. Source: MTN MoMo developer portal, sandbox test numbers.
FAILING = ("46733123460", "46733123461", "46733123463")


class Killer:
    """Runs `serve`, and kills it a little after every so many answers."""

    def __init__(self, place: Deployment, draw: random.Random) -> None:
        self.place = place
        self.draw = draw
        self.kills: list[float] = []
        self.answered = 0
        self._more = asyncio.Event()
        self._process: Process | None = None

    def was_answered(self) -> None:
        self.answered += 1
        self._more.set()

    async def start(self) -> None:
        script = self.place.folder / "serve_impatiently.py"
        script.write_text(SHORT_WAITS, encoding="utf-8")
        process = Process("serve", folder=self.place.folder, env=self.place.env)
        process.program = [str(script)]
        self._process = process.start()
        await self.place.answers(process)

    async def run(self) -> None:
        """Kill, start, and so on; the last one stays."""
        for _ in range(KILLS):
            wanted = self.answered + self.draw.randint(1, 14)
            while self.answered < wanted:
                self._more.clear()
                async with asyncio.timeout(DEADLINE_S):
                    await self._more.wait()
            # Somewhere inside what that request set going: the turn, the call, the result, its message.
            await asyncio.sleep(self.draw.uniform(0, 0.2))
            self.stop()
            self.kills.append(time.time())
            await self.start()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()


@dataclass
class Customer:
    """Answers whatever stands on the screen until the payment is confirmed, and never confirms twice."""

    number: int
    line: aiohttp.ClientSession
    killer: Killer
    payer: str = ""
    confirmed: bool = False
    code: str = ""
    seen: list[str] = field(default_factory=list)

    @property
    def msisdn(self) -> str:
        return f"+2332477{self.number:05d}"

    @property
    def amount(self) -> str:
        return f"{self.number + 1}.25"

    async def pay(self) -> None:
        for _ in range(12):
            phone = AfricasTalking(self.line, self.killer.place.ussd_url, self.msisdn)
            reply = await self.deliver(phone, None)
            while reply.open:
                self.seen.append(reply.screen)
                reply = await self.deliver(phone, self.answer(reply.screen))
            self.seen.append(reply.screen)
            found = re.search(r"Ref ([0-9A-Z]{8})", reply.screen)
            if found:
                self.code = found[1]
            if self.confirmed:
                return
        raise AssertionError(f"never came to confirm: {self.seen}")

    def answer(self, screen: str) -> str:
        first = screen.split("\n", 1)[0]
        if first.startswith("What would you like to do?"):
            return "1"
        if "1 Continue\n2 Start over" in screen:
            return "1"
        if "merchant code" in first:
            return "1001"
        if "Amount (GHS)" in screen:
            return self.amount
        if "Pay from which wallet?" in screen:
            return self.payer or "1"
        if screen.startswith(f"Pay GHS {self.amount} to Ama's Kitchen"):
            self.confirmed = True
            return "1"
        raise AssertionError(f"unexpected screen: {screen!r} after {self.seen}")

    async def deliver(self, phone: AfricasTalking, typed: str | None) -> Reply:
        """As a gateway: the same request until there is an answer, and the same bytes for it ever after."""
        request = phone.next(typed)

        async def attempt() -> Reply | None:
            try:
                reply = await phone.deliver(request)
            except (aiohttp.ClientError, TimeoutError, ConnectionError, GatewayUpset):
                return None
            self.killer.was_answered()
            return reply

        reply = await until("an answer to the gateway", attempt, patience_s=DEADLINE_S)
        again = await attempt()
        if again is not None:
            assert again == reply, "a repeated delivery got another answer"
        return reply


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("KASAPAY_SEED") or random.randrange(1_000_000))


async def test_killed_at_any_moment_every_payment_ends_once_and_is_told(
    deployment: Deployment, http: httpx.AsyncClient, seed: int
) -> None:
    print(f"KASAPAY_SEED={seed}")
    draw = random.Random(seed)
    # Calls take a while, so that kills fall into them.
    await deployment.start_judge(faults={"latency_ms": 40})
    deployment.configure()
    judge = Judge(http, deployment.sandbox_url)
    assert (await deployment.run("migrate")).code == 0
    added = await deployment.run("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    assert added.code == 0, added.err
    killer = Killer(deployment, draw)
    await killer.start()
    try:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as line:
            customers: list[Customer] = []
            async with asyncio.TaskGroup() as group:
                killing = group.create_task(killer.run())

                async def one_after_the_other() -> None:
                    while not killing.done():
                        number = len(customers)
                        payer = draw.choice(FAILING) if number % 5 == 4 else ""
                        customers.append(Customer(number, line, killer, payer))
                        await customers[-1].pay()

                for _ in range(LANES):
                    group.create_task(one_after_the_other())
        await judged(judge, customers, killer, seed)
    finally:
        killer.stop()


async def judged(judge: Judge, customers: list[Customer], killer: Killer, seed: int) -> None:
    """Compare what the provider and the phones say with what the customers did."""

    async def all_told() -> bool | None:
        told = {sms["to"] for sms in await judge.sms() if sms["text"].startswith(("Paid:", "Not paid:"))}
        return True if all(customer.msisdn.removeprefix("+") in told for customer in customers) else None

    await until(f"every result (seed {seed})", all_told, patience_s=DEADLINE_S)
    entries = await judge.entries()
    by_amount: dict[str, list[dict[str, object]]] = {}
    for entry in entries:
        by_amount.setdefault(f"{float(str(entry['amount'])):.2f}", []).append(entry)
    for customer in customers:
        where = f"payment {customer.number}, seed {seed}"
        results = [
            sms for sms in await judge.sms(customer.msisdn) if sms["text"].startswith(("Paid:", "Not paid:"))
        ]
        made = by_amount.get(customer.amount, [])
        assert len(made) <= 1, f"{where}: asked for {len(made)} times"
        codes = {re.search(r"Ref ([0-9A-Z]{8})", sms["text"])[1] for sms in results}  # type: ignore[index]
        assert len(codes) == 1, f"{where}: {len(codes)} payments are told"
        assert customer.code in (*codes, ""), f"{where}: the screen named another payment"
        if made:
            (entry,) = made
            assert entry["external_id"] in codes, where
            assert entry["times_charged"] == (0 if customer.payer else 1), where
            assert entry["status"] == ("FAILED" if customer.payer else "SUCCESSFUL"), where
        paid = bool(made) and not customer.payer
        words = {sms["text"].split(":")[0] for sms in results}
        assert words == {"Paid" if paid else "Not paid"}, f"{where}: told {words}"
        # Told again only where a kill fell between sending it and writing that down.
        times = sorted(moment(sms["at"]) for sms in results)
        for earlier, later in pairwise(times):
            between = [kill for kill in killer.kills if earlier - 1 <= kill <= later]
            assert between, f"{where}: told twice with no kill in between"
    at_provider = f"{len(entries)} of {len(customers)} at the provider"
    print(f"{len(killer.kills)} kills, {killer.answered} answers, {at_provider}")


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
