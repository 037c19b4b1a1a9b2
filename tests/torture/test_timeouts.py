"""The small size of `timeouts`. The large one: `make torture ARGS=timeouts`."""

from pathlib import Path

from tests.torture.campaign import pick_seed
from tests.torture.timeouts import TIMEOUTS


async def test_accepted_and_never_answered_is_one_payment_each(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one timeouts --seed {seed}")
    batch = await TIMEOUTS.run(seed, TIMEOUTS.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert all(batch.done.get(what) for what in TIMEOUTS.goal)
