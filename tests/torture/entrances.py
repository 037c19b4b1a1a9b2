"""Every entrance of `serve` with requests as its honest callers send them, and sessions of hostile words."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

from bot.channels.ussd import GATEWAYS
from bot.runtime.keys import Sealer
from bot.web.cookies import issue_cookie
from tests.end_to_end.processes import SECRET_KEY, USSD_SECRET
from tests.gateways import CODE, simulate
from tests.torture.hostile import Draft, draw_text
from tests.torture.nasty import TEXTS

__all__ = ["COOKIE_KEY", "ENTRANCES", "WEBHOOK_SECRET", "Callers"]

WEBHOOK_SECRET: Final = "torture_webhook_secret_99"
COOKIE_KEY: Final = Sealer(SECRET_KEY).key("cookie")
_FORM: Final = "Content-Type: application/x-www-form-urlencoded"
_JSON: Final = "Content-Type: application/json"
_CALLERS: Final = 2_000
_LONGEST_SESSION: Final = 8


@dataclass
class Callers:
    """Who calls: sessions that go on from one request to the next, and ids that never come twice.

    `sms_secret` stands in the address of the delivery reports.
    """

    draw: random.Random
    sms_secret: str
    sent: int = 0
    sessions: list[dict[str, Any]] = field(default_factory=list)

    def number(self) -> str:
        return f"+23324{8_000_000 + self.draw.randrange(_CALLERS)}"

    def session(self) -> dict[str, Any]:
        """One of a few that are open, or a new one; a step further each time."""
        if len(self.sessions) < 40:
            self.sessions.append(
                {"id": f"T{self.draw.getrandbits(64):x}", "msisdn": self.number(), "said": [], "lines": {}}
            )
        session = self.draw.choice(self.sessions)
        if len(session["said"]) > _LONGEST_SESSION:
            self.sessions.remove(session)
        return session

    def next(self) -> int:
        self.sent += 1
        return self.sent


def _say(callers: Callers, session: dict[str, Any]) -> str:
    """An answer to whatever is asked: an honest one every other time, so that later questions come."""
    honest = ("1", "1001", "5", "2", "3", "0", "00", "0248000001", "Ama")
    said = callers.draw.choice(honest) if callers.draw.random() < 0.5 else draw_text(callers.draw)
    session["said"].append(said)
    return said


def ussd(gateway: str) -> Callable[[Callers], Draft]:
    """A gateway's requests, as its simulator sends them."""

    def draft(callers: Callers) -> Draft:
        session = callers.session()
        line = session["lines"].get(gateway)
        if line is None or (not session["said"] and callers.draw.random() < 0.3):
            line = session["lines"][gateway] = simulate(gateway, session["msisdn"], session["id"])
            sent = line.dial(CODE)
        else:
            sent = line.answer(_say(callers, session))
        path = f"/ussd/{gateway}/{USSD_SECRET}"
        head = [f"Content-Type: {sent.content_type}"]
        return Draft(sent.method, path, head, sent.body, dict(line.fields), line.names.number)

    return draft


def africastalking_events(callers: Callers) -> Draft:
    session = callers.session()
    form = {
        "sessionId": session["id"],
        "phoneNumber": session["msisdn"],
        "status": callers.draw.choice(("Success", "Incomplete", "Failed")),
        "hopsCount": "3",
    }
    return Draft(
        "POST", f"/ussd/africastalking/{USSD_SECRET}/events", [_FORM], _form(form), form, "phoneNumber"
    )


def telegram(callers: Callers) -> Draft:
    draw = callers.draw
    user = {"id": 7_000 + draw.randrange(300), "is_bot": False, "first_name": "Ama", "language_code": "en"}
    chat = {"id": user["id"], "type": "private"}
    message: dict[str, Any] = {
        "message_id": callers.next(),
        "date": 1_790_000_000,
        "chat": chat,
        "from": user,
    }
    text = {"text": draw.choice(("/start", "menu", "1", "1001", draw_text(draw)))}
    kind = draw.randrange(6)
    if kind == 0:
        pressed = {"id": str(callers.sent), "from": user, "message": message, "data": draw.choice(TEXTS)[:64]}
        update: dict[str, Any] = {"callback_query": pressed}
    elif kind == 1:
        contact = {"phone_number": callers.number(), "user_id": user["id"], "first_name": draw.choice(TEXTS)}
        update = {"message": message | {"contact": contact}}
    elif kind == 2:
        update = {"my_chat_member": {"chat": chat, "from": user, "new_chat_member": {"status": "kicked"}}}
    else:
        update = {"message": message | text}
    update["update_id"] = 500_000_000 + callers.sent
    head = f"X-Telegram-Bot-Api-Secret-Token: {WEBHOOK_SECRET}"
    return Draft("POST", "/telegram/webhook", [_JSON, head], _json(update), update, "update_id")


def momo(callers: Callers) -> Draft:
    body = {
        "financialTransactionId": "23503452",
        "externalId": "K7QX2A9M",
        "amount": "12.50",
        "currency": "GHS",
        "payer": {"partyIdType": "MSISDN", "partyId": callers.number()[1:]},
        "status": "SUCCESSFUL",
    }
    token = "".join(callers.draw.choices("ABCdef123-_", k=43))
    method = callers.draw.choice(("PUT", "POST"))
    return Draft(method, f"/callbacks/momo/{token}", [_JSON], _json(body), body)


def startbutton(callers: Callers) -> Draft:
    reference = f"{callers.draw.getrandbits(128):032x}"
    charge = {"transactionReference": "a1b2", "userTransactionReference": reference, "status": "verified"}
    body = {"event": "collection.verified", "data": {"transaction": charge}}
    head = f"x-startbutton-signature: {callers.draw.getrandbits(512):0128x}"
    return Draft("POST", "/callbacks/startbutton/startbutton-ghs", [_JSON, head], _json(body), body)


def chat_messages(callers: Callers) -> Draft:
    body: dict[str, Any] = {"id": f"t-{callers.next():08d}"}
    if callers.draw.random() < 0.2:
        body["button"] = callers.draw.choice(TEXTS)[:64]
    else:
        body["text"] = callers.draw.choice(("1", "menu", "1001", draw_text(callers.draw)))
    return Draft("POST", "/chat/messages", [_JSON, *_visitor(callers)], _json(body), body, "id")


def chat_pages(callers: Callers) -> Draft:
    # Without a cookie or with a bad place to go on from: a good one would be a stream that never ends.
    path = callers.draw.choice(
        (
            "/chat",
            "/chat/history?after=0",
            f"/chat/history?after={callers.draw.choice(('-1', '٣', '1e3', '9' * 30, '%00', ''))}",
            "/chat/events?after=x",
            "/",
        )
    )
    return Draft("GET", quote_plus(path, safe="/?=%&"), _visitor(callers))


def sms_reports(callers: Callers) -> Draft:
    form = {
        "id": f"ATXid_{callers.next()}",
        "status": callers.draw.choice(("Success", "Failed", "Rejected", "Buffered")),
        "phoneNumber": callers.number(),
        "networkCode": "62001",
        "failureReason": callers.draw.choice(TEXTS),
    }
    return Draft("POST", f"/sms/africastalking/{callers.sms_secret}", [_FORM], _form(form), form)


def operators(callers: Callers) -> Draft:
    path = callers.draw.choice(
        (
            "/healthz",
            "/readyz",
            "/metrics",
            "/static/chat.js",
            "/static/../app.py",
            "/try/setup",
            "/v1/nothing",
        )
    )
    return Draft("GET", path, ["Accept: */*"])


ENTRANCES: Final[dict[str, Callable[[Callers], Draft]]] = {name: ussd(name) for name in GATEWAYS} | {
    entrance.__name__: entrance
    for entrance in (
        africastalking_events,
        telegram,
        momo,
        startbutton,
        chat_messages,
        chat_pages,
        sms_reports,
        operators,
    )
}


def _visitor(callers: Callers) -> list[str]:
    """A browser of one of many people: the chat's own limits must not answer for the rest of it."""
    number = callers.draw.randrange(1 << 20)
    cookie = "Cookie: kasapay_chat=" + issue_cookie(COOKIE_KEY, f"{callers.draw.randrange(400):032x}")
    return [cookie, f"X-Forwarded-For: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}"]


def _form(fields: dict[str, Any]) -> bytes:
    return "&".join(
        f"{name}={quote_plus(str(value), errors='surrogatepass')}" for name, value in fields.items()
    ).encode()


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
