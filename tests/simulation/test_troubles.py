"""Troubles with a name, one at a time, in virtual time: how long, how often, and what people hear."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.simulation.trouble import Trouble
from tests.simulation.world import Plan, play

DOWN = Trouble(outage_of="momo", outage_from_s=20, outage_s=600)
BUSY = Plan(
    payments=120, customers=60, merchants=("1001",), trouble=DOWN, calm_after_s=621, decides="approve"
)


def test_a_provider_down_for_ten_minutes(place: Path, template: Path) -> None:
    world = play(1, BUSY, place, template)
    assert world.findings() == []
    down = [at for at, host, _ in world.network.left if host.startswith("momo") and 60 < at < 620]
    # Open, the breaker lets one probe a second through; it takes some failures to open.
    busiest = Counter(int(at) for at in down)
    assert max(busiest.values()) <= 2
    assert len(down) <= 560 + 20
    orders = world.rows("SELECT * FROM orders")
    gone = [order for order in orders if order["state"] == "FAILED"]
    assert gone, "nobody wanted to pay while it was down"
    # What did not leave within two minutes is said not to have left.
    assert {order["reason"] for order in gone} == {"not_sent"}
    assert all(
        "Nothing was taken. We could not send it" in sms.text
        for order in gone
        for sms in world.providers.told(order["origin_value"], order["code"])
    )
    last = max(order["updated_ms"] for order in orders if order["created_ms"] < world.start_ms + 620_000)
    assert last <= world.start_ms + (620 + 120) * 1000


def test_a_slow_provider_does_not_slow_the_other(place: Path, template: Path) -> None:
    plan = Plan(payments=70, customers=70, merchants=("1001", "1002"), behaviour="slow to answer")
    slow = play(2, msgspec.structs.replace(plan, decides="approve"), place, template)
    assert slow.findings() == []
    quick = [
        order["updated_ms"] - order["created_ms"]
        for order in slow.rows("SELECT * FROM orders WHERE connection = 'startbutton-ghs'")
    ]
    assert quick
    # Their payers think for 90 s at the most, and are asked about at most half a minute later.
    assert max(quick) < 180_000


@pytest.mark.parametrize("by_s", [90, 600, -90, -600, 86_400, -3600])
def test_the_clock_jumps(by_s: int, place: Path, template: Path) -> None:
    plan = Plan(payments=40, customers=40, calm_after_s=60, jump_s=by_s)
    world = play(3, plan, place, template)
    assert world.findings() == []


def test_the_disk_stalls_and_fails(place: Path, template: Path) -> None:
    plan = Plan(payments=60, customers=30, calm_after_s=300, trouble=Trouble(flush_fails=0.03, stalls=0.03))
    world = play(4, plan, place, template)
    assert world.findings() == []
    assert len(world.troubled_s) > 3
