"""The small size of `kill`. The large one: `make torture ARGS=kill`."""

from pathlib import Path

from tests.torture.campaign import pick_seed
from tests.torture.kill import KILL


async def test_killed_at_any_moment_every_payment_ends_once_and_is_told(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one kill --seed {seed}")
    batch = await KILL.run(seed, KILL.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert batch.done["kills"] >= KILL.small["kills"]
    assert batch.done["payments"] >= KILL.small["payments"]
