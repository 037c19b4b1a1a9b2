"""How much may be paid out on one person's word. Pure."""

from typing import Final

from bot.store.base import SecondPersonLimit
from bot.store.records import MerchantRow

__all__ = ["second_person_limit"]


# So often the limit to one number, unless the merchant has one of its own for an asker.
_ASKER_TIMES: Final = 5
_DAY_MS: Final = 24 * 3600_000


def second_person_limit(merchant: MerchantRow, now_ms: int) -> SecondPersonLimit:
    """Above what a payout of the merchant's needs a second person.

    Counted over a day, so that splitting gains nothing; for one asker more unless set, so that a shop of one
    person goes on.
    """
    over, asker = merchant.approve_over_minor, merchant.approve_asker_over_minor
    if asker is None and over is not None:
        asker = over * _ASKER_TIMES
    return SecondPersonLimit(now_ms - _DAY_MS, over, asker)
