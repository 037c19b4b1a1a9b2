"""The small size of `malformed`. The large one: `make torture ARGS=malformed`."""

from pathlib import Path

from tests.torture.campaign import pick_seed
from tests.torture.entrances import ENTRANCES
from tests.torture.malformed import MALFORMED


async def test_malformed_input_anywhere_breaks_nothing(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one malformed --seed {seed}")
    batch = await MALFORMED.run(seed, MALFORMED.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert batch.done["requests"] > 0.99 * MALFORMED.small["each"] * len(ENTRANCES)
