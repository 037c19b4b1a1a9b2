"""The reply a person gets when a turn takes too long. The turn then commits what that reply says.

A gateway waits a few seconds only. Whoever is sent away must neither pay again what was begun nor find
something begun afterwards: the words name a payment that may have been, and once they are said the turn
begins none.
"""

from bot.dialog.views import OrderView

__all__ = ["TimeoutReply", "TooLate"]


class TooLate(Exception):
    """The person has been sent away; so nothing is begun any more."""


class TimeoutReply:
    """One per turn, shared by the turn and whoever waits for it.

    `payment` is the order the turn begins or goes on with; `is_kept` once it surely stands in the store.
    Once they are `said`, their session is over, whatever the turn comes to.
    """

    def __init__(self) -> None:
        self.payment: OrderView | None = None
        self.is_kept = False
        self.text = ""
        # How they are to be written, as far as the turn knows it.
        self.gateway = ""
        self.language = ""

    def begin(self, payment: OrderView | None, *, is_kept: bool) -> None:
        """The turn is about to do something, with money where `payment` names it. Raises TooLate where the
        words were said."""
        if self.said:
            raise TooLate
        if payment is not None:
            self.payment, self.is_kept = payment, is_kept

    @property
    def said(self) -> bool:
        return bool(self.text)

    def say(self, text: str) -> None:
        """They are being said now: from here on the turn begins nothing."""
        self.text = text
