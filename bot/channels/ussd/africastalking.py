"""Africa's Talking USSD: a form in with all input so far, `CON ` or `END ` and the screen out.

Hears of the end of a session at a path of its own. Never guesses which part of the input is new: a person
may type a star, so only the session's earlier text tells, and that is kept elsewhere.
Source: Africa's Talking USSD documentation and help centre (times), read November 2026.
"""

from typing import ClassVar, Final

from bot.channels.ussd.base import GatewayOptions, Heard, Left, Manners, Read, WireReply, WireRequest
from bot.channels.ussd.wire import (
    Fields,
    clean,
    hear,
    read_form,
    read_id,
    read_msisdn,
    read_request,
    read_text,
    read_word,
)

__all__ = ["AfricasTalking"]

# How a session ended: it reached an END, was left while input was awaited, or we failed to answer.
_ENDS: Final = {"success": "success", "incomplete": "incomplete", "failed": "failed"}


class AfricasTalking:
    # Their help page says 30 s of waiting for the person in one sentence and 60 s in another.
    manners: ClassVar = Manners(
        name="africastalking",
        title="Africa's Talking",
        says_new=False,
        reports_end=True,
        cumulative=True,
        answer_s=15,
        idle_s=60,
    )
    options: ClassVar[type[GatewayOptions]] = GatewayOptions

    def __init__(self, given: GatewayOptions) -> None:
        self._code = given.code

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn with its cumulative text; its input is left to the session, which knows what came before."""
        readers = {
            "": lambda fields: self._turn(fields, region),
            "/events": lambda fields: self._end(fields, region),
        }
        return read_request(request, self.manners, lambda wire: read_form(wire.content), readers)

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        """The screen behind its verb."""
        return WireReply(200, f"{'CON' if keep_open else 'END'} {clean(text)}".encode())

    def _turn(self, fields: Fields, region: str) -> Read:
        return hear(
            self.manners,
            session_id=read_id(fields, "sessionId"),
            msisdn=read_msisdn(fields, "phoneNumber", region),
            cumulative=read_text(fields, "text"),
            code=read_word(fields, "serviceCode") or self._code,
            network=read_word(fields, "networkCode"),
        )

    def _end(self, fields: Fields, region: str) -> Read:
        return Left(
            session_id=read_id(fields, "sessionId"),
            msisdn=read_msisdn(fields, "phoneNumber", region),
            why=_ENDS.get(read_word(fields, "status").lower(), "unknown"),
            reply=WireReply(200, b"OK\n"),
            cumulative=read_text(fields, "input") if "input" in fields else None,
        )
