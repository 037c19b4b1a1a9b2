"""The small size of `down`. The large one: `make torture ARGS=down`."""

from pathlib import Path

from tests.torture.campaign import pick_seed
from tests.torture.down import DOWN


async def test_a_provider_that_is_down_or_slow_harms_nobody_else(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one down --seed {seed}")
    batch = await DOWN.run(seed, DOWN.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert all(batch.done.get(what) for what in DOWN.goal)
