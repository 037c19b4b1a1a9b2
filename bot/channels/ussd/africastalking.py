"""Africa's Talking USSD: a form in with all input so far, `CON ` or `END ` and the screen out.

Says when a session is seen to end (its own event URL); never guesses which part of the input is new:
a person may type a star, so only the session's earlier text tells, and the shell keeps that.
Source: Africa's Talking USSD documentation and help centre (times), read November 2026.
"""

from typing import Final

from bot.channels.ussd.base import Heard, Left, Read, WireReply, WireRequest
from bot.channels.ussd.wire import (
    Fields,
    Unreadable,
    address_of,
    read_form,
    read_id,
    read_msisdn,
    read_query,
    read_text,
    read_word,
    reject,
    reject_method,
)
from bot.dialog import Inbound, Nothing, Session

__all__ = ["AfricasTalking"]

# How a session ended: it reached an END, was left while input was awaited, or we failed to answer.
_ENDS: Final = {"success": "success", "incomplete": "incomplete", "failed": "failed"}


class AfricasTalking:
    """`accept_get`: also take the fields from the query of a GET, as the old simulator sends them."""

    name = "africastalking"
    budget = 160
    answer_s = 15.0
    # Their help page says 30 s in one sentence and 60 s in another.
    idle_s = 60.0

    def __init__(self, *, accept_get: bool = False) -> None:
        self.methods = frozenset({"GET", "POST"}) if accept_get else frozenset({"POST"})

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn with its cumulative text; its input is left to the shell, which knows what came before."""
        refusal = reject_method(request, self.methods)
        if refusal is not None:
            return refusal
        try:
            fields = (
                read_form(request.content) if request.method.upper() == "POST" else read_query(request.query)
            )
            match request.path.rstrip("/"):
                case "":
                    return self._turn(fields, region)
                case "/events":
                    return self._end(fields, region)
        except Unreadable as error:
            return reject(str(error))
        return reject("there is nothing here", 404)

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        """The screen behind its verb, with LF between lines."""
        body = ("CON " if keep_open else "END ") + text.replace("\r\n", "\n")
        return WireReply(200, body.encode("utf-8", "replace"))

    def _turn(self, fields: Fields, region: str) -> Heard:
        session = Session(
            gateway=self.name,
            id=read_id(fields, "sessionId"),
            opens=None,
            cumulative=read_text(fields, "text"),
            service_code=read_word(fields, "serviceCode"),
            network=read_word(fields, "networkCode"),
            idle_s=self.idle_s,
        )
        msisdn = read_msisdn(fields, "phoneNumber", region)
        return Heard(Inbound("ussd", address_of(msisdn), Nothing(), turn_key="", session=session))

    def _end(self, fields: Fields, region: str) -> Left:
        return Left(
            session_id=read_id(fields, "sessionId"),
            msisdn=read_msisdn(fields, "phoneNumber", region),
            why=_ENDS.get(read_word(fields, "status").lower(), "unknown"),
            reply=WireReply(200, b"OK\n"),
            cumulative=read_text(fields, "input") if "input" in fields else None,
        )
