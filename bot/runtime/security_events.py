"""Security events: somebody knocked with a wrong key. One log line of one name with a kind, and a count.

No line holds a phone number, a code or what was tried; a network address is in it, since that is what an
operator can shut out. A flood of one kind is a few lines a minute that say how many were left out.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

__all__ = ["KINDS", "SecurityEvents"]

_log = structlog.get_logger("kasapay.security")

KINDS: Final[Mapping[str, str]] = {
    "gateway_secret": "a USSD entrance was called with a wrong secret or an unknown gateway's name",
    "gateway_address": "a gateway's secret came from an address outside USSD_ALLOW_...",
    "gateway_account": "a gateway's secret brought a request of another account than USSD_USER_...",
    "telegram_secret": "the Telegram webhook was called without its secret",
    "sms_secret": "an SMS report came with a wrong secret",
    "webhook_signature": "a provider's webhook whose signature does not hold, or of an unknown account",
    "callback_token": "a provider's callback with a token that is none of ours",
    "foreign_page": "another site's page made a browser send something",
    "staff_pin": "a wrong staff PIN",
    "staff_locked": "a role was locked after wrong staff PINs",
    "enrol_code": "a wrong or used one-time code for a role",
    "link_code": "a wrong code that was to link a chat to a number",
    "link_brake": "more wrong link codes than people mistype",
    "unasked": "somebody else's number was to be asked for money more often than people do",
    "look_ups": "somebody asked whose numbers are whose more often than people do",
}
_LINES: Final = 20
_WINDOW_S: Final = 60.0


class SecurityEvents:
    """`count` hears of every event, by its kind."""

    def __init__(
        self,
        count: Callable[[str], None] = lambda _: None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._now = now
        # By kind: when its window began, lines in it, events left out since the last line.
        self._said: dict[str, tuple[float, int, int]] = {}

    def note(self, kind: str, /, **about: object) -> None:
        """It has happened. `about` says where, and never what was tried; what is None or empty stays out."""
        assert kind in KINDS, kind
        self._count(kind)
        began, lines, unsaid = self._said.get(kind, (float("-inf"), 0, 0))
        now = self._now()
        if now - began >= _WINDOW_S:
            began, lines = now, 0
        if lines >= _LINES:
            self._said[kind] = (began, lines, unsaid + 1)
            return
        self._said[kind] = (began, lines + 1, 0)
        said = {name: str(value) for name, value in about.items() if value not in (None, "")}
        if unsaid:
            said["unsaid"] = str(unsaid)
        _log.warning("security", kind=kind, **said)
