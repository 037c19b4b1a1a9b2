"""The small size of `callbacks`. The large one: `make torture ARGS=callbacks`."""

from pathlib import Path

from tests.torture.callbacks import CALLBACKS
from tests.torture.campaign import pick_seed


async def test_callbacks_in_every_order_end_each_payment_once(tmp_path: Path) -> None:
    seed = pick_seed()
    print(f"have it again: python -m tests.torture --one callbacks --seed {seed}")
    batch = await CALLBACKS.run(seed, CALLBACKS.small, tmp_path)
    assert not batch.wrong, "\n".join(batch.wrong)
    assert batch.done["deliveries"] >= CALLBACKS.small["deliveries"]
