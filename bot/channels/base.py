"""The interface of a channel: one message out, and the errors that say why it could not go.

A channel sends and reads; it decides nothing, keeps nothing and never waits for a limit to pass: it
says when to come back, and the outbox does.
"""

from typing import Protocol

import msgspec

__all__ = [
    "Button",
    "Channel",
    "ChannelError",
    "Moved",
    "Outgoing",
    "OutcomeUnknown",
    "Refused",
    "RetryLater",
    "Sent",
    "Unreachable",
]


class Button(msgspec.Struct, frozen=True):
    """A button: what it says, and the data that comes back when it is pressed (64 bytes at the most)."""

    label: str
    data: str


class Outgoing(msgspec.Struct, frozen=True):
    """One message in the words it is to be sent in; plain text, escaped by the channel.

    `to` is the address' value. `edits` is the channel's id of a message to turn into this one;
    `announce`: also send it as a reply to that message, since an edit makes no sound. `key` is the
    outbox's dedupe key, for channels that can pass one on. `wants_contact`: offer to share the
    person's own number. `private`: may not be copied or forwarded (balances).
    """

    to: str
    text: str
    buttons: tuple[Button, ...] = ()
    edits: str = ""
    announce: bool = False
    key: str = ""
    # The topic of the chat it goes to.
    thread: str = ""
    wants_contact: str = ""  # the label of the share button, empty for none
    private: bool = False


class Sent(msgspec.Struct, frozen=True):
    """It left. `ref` is the channel's id of the message, for a later edit; empty where there is none."""

    ref: str = ""


class ChannelError(Exception):
    """Base of why a message did not go. `detail` is for the log: no number, no text, no token.

    ChannelError
    +-- RetryLater       try the same again after `after_s` (a limit, a broken connection)
    +-- OutcomeUnknown   it may have gone: repeat at most once
    +-- Unreachable      this address cannot be reached (blocked, no such number): use another way
    +-- Moved            the chat has a new id: send it there
    +-- Refused          the channel will never take this message (our fault): give up, tell staff
    """

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class RetryLater(ChannelError):
    """`limited`: the channel asked for the pause. It may mean this address alone, or all of us."""

    def __init__(self, detail: str = "", *, after_s: float = 5.0, limited: bool = False) -> None:
        super().__init__(detail)
        self.after_s = after_s
        self.limited = limited


class OutcomeUnknown(ChannelError):
    pass


class Unreachable(ChannelError):
    pass


class Moved(ChannelError):
    def __init__(self, detail: str = "", *, to: str) -> None:
        super().__init__(detail)
        self.to = to


class Refused(ChannelError):
    pass


class Channel(Protocol):
    """A way to send to one kind of address."""

    @property
    def kind(self) -> str:
        """The kind of address it reaches: msisdn, telegram or web."""
        ...

    async def send(self, message: Outgoing) -> Sent:
        """Send or edit. Raises ChannelError; never sleeps on a limit."""
        ...
