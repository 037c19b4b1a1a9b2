"""Channels: the ways to reach a person, and what all of them have in common. `bot.app.build` builds them."""

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
