"""The reply a person gets when a turn takes too long. The turn then commits what that reply says.

A gateway waits a few seconds only. Whoever is sent away must neither pay again what was begun nor find
something begun afterwards: the words name a payment that may have been, and once they are said the turn
begins none.
"""

from bot.dialog.views import OrderView

__all__ = ["TimeoutReply", "TooLate"]


class TooLate(Exception):
    """Raised where a turn would begin something after its person got the timeout reply."""


class TimeoutReply:
    """Says to the waiting side what the turn has begun, and to the turn whether the reply was given.

    There is one per turn, shared by both. Once it is `said`, the session is over, whatever the turn comes to.
    """

    def __init__(self) -> None:
        # The order the turn begins or goes on with; and whether it surely stands in the store.
        self.payment: OrderView | None = None
        self.is_kept = False
        # The words given; empty until then.
        self.text = ""
        # For which gateway and in which language they are written, as far as the turn knows it.
        self.gateway = ""
        self.language = ""

    def begin(self, payment: OrderView | None, *, is_kept: bool) -> None:
        """Note that the turn is about to do something, with money where `payment` names it.

        Raises TooLate where the reply was given."""
        if self.said:
            raise TooLate
        if payment is not None:
            self.payment, self.is_kept = payment, is_kept

    @property
    def said(self) -> bool:
        return bool(self.text)

    def say(self, text: str) -> None:
        """Give the reply: from here on the turn begins nothing."""
        self.text = text
