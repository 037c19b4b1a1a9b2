"""How much may be asked of phones, and paid out on one person's word, with the defaults. Pure."""

from typing import Final

import msgspec

from bot.store.base import SecondPerson
from bot.store.records import MerchantRow

__all__ = ["ASK_LIMITS", "AskLimits", "second_of"]


class AskLimits(msgspec.Struct, frozen=True):
    """Requests to a number that is not the asker's own, counted over `window_s`; what is still open counts
    however old it is. Of one's own number only `own_open` count: what others ask never stands in its way."""

    window_s: float = 3600
    customer_numbers: int = 5  # other numbers that one customer may ask
    customer_unapproved: int = 3  # of all customers, to one number, and not approved there
    staff_unapproved: int = 3  # of one merchant's staff, to one number
    staff_unapproved_everywhere: int = 6  # of all merchants' staff, to one number
    staff_numbers: int | None = None  # numbers that one role may ask; None: any
    own_open: int = 3


ASK_LIMITS: Final = AskLimits()
# So often the limit to one number, unless the merchant has one of its own for an asker.
_ASKER_TIMES: Final = 5
_DAY_MS: Final = 24 * 3600_000


def second_of(merchant: MerchantRow, now_ms: int) -> SecondPerson:
    """Above what a payout of the merchant's needs a second person. Over a day, so that splitting gains
    nothing; for one asker more unless set, so that a shop of one person goes on."""
    over, asker = merchant.approve_over_minor, merchant.approve_asker_over_minor
    if asker is None and over is not None:
        asker = over * _ASKER_TIMES
    return SecondPerson(now_ms - _DAY_MS, over, asker)
