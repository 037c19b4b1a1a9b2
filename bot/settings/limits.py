"""How often phones may be asked for money, and staff told of it, with the defaults. Pure."""

from typing import Final

import msgspec

__all__ = ["ANNOUNCE_LIMITS", "ASK_LIMITS", "AnnounceLimits", "AskLimits"]


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


class AnnounceLimits(msgspec.Struct, frozen=True):
    """Payments of a merchant are told to its staff one by one, up to so many of the last hour; above that how
    many there were, once a day, when the merchant's clocks show `day_hour`."""

    most_an_hour: int = 20
    day_hour: int = 20


ANNOUNCE_LIMITS: Final = AnnounceLimits()
