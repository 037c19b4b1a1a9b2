"""USSD gateways: one small module each, a literal table of them, and the face they share."""

from bot.channels.ussd.base import (
    Gateway,
    GatewayOptions,
    Heard,
    Left,
    Manners,
    Read,
    Rejected,
    WireReply,
    WireRequest,
    screen_septets,
)
from bot.channels.ussd.dial import parse_dial
from bot.channels.ussd.registry import GATEWAYS

__all__ = [
    "GATEWAYS",
    "Gateway",
    "GatewayOptions",
    "Heard",
    "Left",
    "Manners",
    "Read",
    "Rejected",
    "WireReply",
    "WireRequest",
    "parse_dial",
    "screen_septets",
]
