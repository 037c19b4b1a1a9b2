"""The small size of `disk`. The large one: `make torture ARGS=disk`."""

from pathlib import Path

import pytest

from tests.torture.campaign import pick_seed
from tests.torture.disk import DISK
from tests.torture.disk_trouble import has_compiler


@pytest.mark.skipif(not has_compiler(), reason="a failing flush is made by a library, and there is no `cc`")
async def test_a_disk_in_trouble_takes_no_money_and_recovers_by_itself(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one disk --seed {seed}")
    batch = await DISK.run(seed, DISK.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert batch.done["rounds"] == 3
