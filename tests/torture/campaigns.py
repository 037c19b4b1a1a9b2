"""All campaigns, in the order of the table."""

from typing import Final

from tests.torture.callbacks import CALLBACKS
from tests.torture.campaign import Campaign
from tests.torture.crash import CRASH
from tests.torture.disk import DISK
from tests.torture.down import DOWN
from tests.torture.kill import KILL
from tests.torture.malformed import MALFORMED
from tests.torture.news import NEWS
from tests.torture.simulate import SIMULATE
from tests.torture.timeouts import TIMEOUTS

__all__ = ["CAMPAIGNS"]

_ALL: Final[tuple[Campaign, ...]] = (
    KILL,
    CRASH,
    SIMULATE,
    CALLBACKS,
    NEWS,
    TIMEOUTS,
    MALFORMED,
    DOWN,
    DISK,
)
CAMPAIGNS: Final = {campaign.name: campaign for campaign in _ALL}
