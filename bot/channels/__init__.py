"""Ways to reach a person: what the shell knows of all of them. Wiring builds the channels themselves."""

from bot.channels.base import (
    Button,
    Channel,
    ChannelError,
    Moved,
    OutcomeUnknown,
    Outgoing,
    Refused,
    RetryLater,
    Sent,
    Unreachable,
)

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
