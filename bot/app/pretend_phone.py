"""Plays the try-it page's phone: the gateway's simulator says what is sent and reads what comes back.

Nothing is kept between two requests: the page says all that was dialled and typed, and the session is played
up to there again.
"""

from urllib.parse import parse_qsl

from bot.channels.ussd import WireReply, WireRequest
from bot.sandbox.gateways import Sent, Upset, simulator_of
from bot.web import PhoneCall, PhoneRequest, PhoneScreen

__all__ = ["play_phone"]


def play_phone(call: PhoneCall, short_code: str) -> PhoneRequest | None:
    """The newest request of the call; None where this gateway does not tell of an end."""
    simulator = simulator_of(call.gateway)(short_code, call.msisdn, call.session)
    sent: Sent | None = simulator.dial(call.dialled)
    for typed in call.typed:
        sent = simulator.answer(typed)
    if call.ended:
        sent = simulator.end(call.ended)
    if sent is None:
        return None

    def show(reply: WireReply) -> PhoneScreen | None:
        try:
            shown = simulator.read(reply.status, reply.body)
        except Upset:
            return None
        return PhoneScreen(shown.text, shown.is_open, reply.body.decode("utf-8", "replace"))

    query = tuple(parse_qsl(sent.query, keep_blank_values=True))
    wire = WireRequest(sent.method, sent.path, query, {"content-type": sent.content_type}, sent.body)
    return PhoneRequest(wire, show)
