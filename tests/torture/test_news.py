"""The small size of `news`. The large one: `make torture ARGS=news`."""

from pathlib import Path

from tests.torture.campaign import pick_seed
from tests.torture.news import NEWS


async def test_what_was_acknowledged_is_looked_into_whoever_dies(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one news --seed {seed}")
    batch = await NEWS.run(seed, NEWS.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert all(batch.done.get(what) for what in NEWS.goal)
