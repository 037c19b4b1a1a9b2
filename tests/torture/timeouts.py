"""Accepted, and the answer never comes: on every request that creates something, at both providers.

The provider takes the request and its reply is lost: the connection breaks after it, an error is said
after it, or it comes long after we stopped waiting. Whatever we do next, it must not become a second
payment. Everybody dials once with all answers, so that nearly all requests are the ones in question.

So that a batch ends soon, a call waits 1.5 s (30 s) and the providers answer slowly after 3 s; MoMo may
not know a request for 2 s (30 s) and is asked every 2 s, Startbutton until 9 s after the charge (75 min),
and both again after 1 s (10 s) where a question could not be sent. Nothing else is changed. A breaker that
opens, since all this looks like a provider that is down, is part of it.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.torture.campaign import Batch, Campaign
from tests.torture.judging import Verdicts, wait_until_told
from tests.torture.kill import WAITS, in_lanes
from tests.torture.phones import Customer, draw_customer
from tests.torture.stage import Sandbox, Stage

__all__ = ["TIMEOUTS", "play_timeouts"]

_WAITS: Final[Mapping[str, Any]] = {
    **WAITS,
    "times": {"call_s": 1.5},
    "momo_schedule_s": (*range(2, 31, 2), 60, 600),
    "startbutton_schedule_s": (1, 2, 3, 4, 6, 9),
    "unsent_s": 1,
}
_LANES: Final = 48
_FINAL_S: Final = 60.0
# How a reply is lost after acceptance.
_LOSSES: Final[tuple[dict[str, Any], ...]] = (
    {"drop_reply": -1},
    {"latency_ms": 3000},
    {"error_status": 500, "error_when": "after"},
    {"error_status": 503, "error_when": "after", "error_shape": "html"},
    # Of which nobody knows whether anything was created.
    {"error_status": 408, "error_when": "after"},
)


async def lose_replies(sandbox: Sandbox, draw: random.Random) -> None:
    """No creating request is ever answered; how it is lost changes all the time. Until cancelled."""
    while True:
        loss = draw.choices(_LOSSES, (4, 3, 2, 1, 2))[0]
        # A charge whose reply is lost can go on only where no code is wanted: here for two in three.
        charge = loss | ({"next_step": "PIN"} if draw.random() < 0.66 else {})
        # Where a code is wanted and the charge is answered, the code's own reply is lost.
        lost = "startbutton.create" if draw.random() < 0.6 else "startbutton.otp"
        rules = [{"group": "momo.create", "set": loss}, {"group": lost, "set": charge}]
        await sandbox.faults(rules=rules)
        await asyncio.sleep(draw.uniform(0.05, 0.4))


async def play_timeouts(seed: int, size: Mapping[str, int], folder: Path) -> Batch:
    draw, batch = random.Random(seed), Batch()
    # Many accounts: each is left alone but for a probe a second while its breaker is open.
    momo = {f"momo-{name}": ("momo", "judge") for name in "abcdefgh"}
    accounts = {**momo, "startbutton": ("startbutton", "judge")}
    codes = [str(number) for number, _ in enumerate(accounts, 1001)]
    async with Stage(folder, _WAITS, accounts) as stage:
        await stage.begin({"judge": {}})
        sandbox = stage.sandboxes["judge"]
        people = random.Random(draw.random())
        storm = asyncio.create_task(lose_replies(sandbox, random.Random(draw.random())))
        customers: list[Customer] = []
        began = time.monotonic()

        def more() -> Customer | None:
            if len(customers) >= size["payments"]:
                return None
            merchants = (*codes, codes[-1])
            habits = draw_customer(people, len(customers), merchants, otp=codes[-1], plain=True, walkers=0.0)
            return Customer(habits, stage, sandbox)

        await in_lanes(customers, more, _LANES)
        paying_s, ended = time.monotonic() - began, time.time()
        await wait_until_told(customers, [sandbox], patience_s=_FINAL_S)
        batch.measured("s to the last result", time.time() - ended)
        storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)
        await stage.kill()
        seen = await sandbox.requests()
        creating = [line for line in seen if line["method"] == "POST" and "requesttopay" in line["path"]]
        charges = [line for line in seen if line["method"] == "POST" and "mobile_money" in line["path"]]
        asked: dict[str, int] = {}
        for line in creating:
            asked[line["reference"]] = asked.get(line["reference"], 0) + 1
        await Verdicts(batch).hear(
            customers,
            [sandbox],
            # It still waits for the code that nobody was asked for.
            lost=lambda entry: entry["status"] == "ongoing",
        )
        batch.did("payments", len(customers))
        batch.saw("requests sent again with the same reference", sum(asked.values()) - len(asked))
        print(
            f"{len(customers)} payments in {paying_s:.1f} s; {len(creating)} requests to pay and"
            f" {len(charges)} charges and codes; the last result after {time.time() - ended:.1f} s"
        )
        if batch.wrong:
            print(f"kept in {stage.keep_for_study(f'timeouts-{seed}', batch.wrong)}")
    return batch


TIMEOUTS: Final = Campaign(
    name="timeouts",
    title="Accepted by the provider, and the reply lost",
    holds="second references 0, charged twice 0, everyone is told",
    small={"payments": 300},
    batch={"payments": 2000},
    goal={"payments": 20000},
    run=play_timeouts,
    slots=1,
)
