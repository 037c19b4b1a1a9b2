"""Pretend MoMo, Startbutton and SMS centre, each with its own record of what it accepted: the judge.

They answer as the references say the real ones do. Whether an answer arrives is the network's business.
Sources: MTN MoMo developer portal and users' reports, Startbutton's documentation, Africa's Talking's
SMS documentation, read November 2026.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from tests.simulation.trouble import Story

__all__ = ["DOUBTED", "Answer", "Entry", "Providers", "Sms"]

DOUBTED = "We are still checking"

_HTML: Final = b"<html><body>Request rejected by the gateway</body></html>"
_EXPIRES_S: Final = 300.0
_TOKEN_S: Final = 3600.0
_OTP_TRIES: Final = 3
_UNSEEN_S: Final = 60.0
_WORDS: Final = {"SUCCESSFUL": "successful", "FAILED": "failed", "PENDING": "pending"}


class Answer(msgspec.Struct):
    status: int
    body: bytes = b""


_UNCLEAR: Final = {
    "momo": (
        Answer(408),
        Answer(409),
        Answer(200, b"{}"),
        Answer(400, b'{"code": "TRANSACTION_NOT_COMPLETED"}'),
        Answer(404, _HTML),
    ),
    "startbutton": (
        Answer(408, b'{"success": false, "message": "Request Timeout"}'),
        Answer(400, b'{"success": false, "message": "An error occured"}'),
        Answer(200, b'{"success": false, "message": "read ECONNRESET", "data": {}}'),
        Answer(422, _HTML),
    ),
}


class Entry(msgspec.Struct):
    """One accepted request for money. `charged` counts how often money moved: more than once is theft."""

    provider: str
    reference: str
    amount: str
    currency: str
    payer: str
    code: str
    at_s: float
    status: str = "PENDING"
    reason: str = ""
    charged: int = 0
    callback: str = ""
    otp: str = ""
    tries: int = 0
    # When its status was asked for and answered, and by which path.
    asked: list[tuple[float, str]] = []
    lied: bool = False
    # When it comes to its end, or came.
    ends_s: float = 0.0

    @property
    def final(self) -> bool:
        return self.status in ("SUCCESSFUL", "FAILED")


class Sms(msgspec.Struct):
    """`heard`: whoever sent it was answered in time."""

    to: str
    text: str
    at_s: float
    heard: bool = True


class Providers:
    """`now_s` gives the world's time, `later` calls something after so many seconds.

    `decide` says what a payer does about a request: "approve", "reject", "ignore" or "poor", and after
    how many seconds. `on_final` hears of every entry that came to its end.
    """

    def __init__(
        self,
        story: Story,
        now_s: Callable[[], float],
        later: Callable[[float, Callable[[], None]], Any],
        decide: Callable[[Entry], tuple[str, float]],
        on_final: Callable[[Entry], None],
        *,
        abandoned_s: float = 3600.0,
    ) -> None:
        self._story = story
        self._now_s = now_s
        self._later = later
        self._decide = decide
        self._on_final = on_final
        self._abandoned_s = abandoned_s
        self.entries: dict[str, Entry] = {}
        self.refused_twice: list[str] = []
        # Of which providers we ever heard an answer in time.
        self.heard: set[str] = set()
        self.sms: list[Sms] = []
        self.codes: dict[str, str] = {}
        self._tokens: dict[str, float] = {}
        self._odd = 0

    # ---- the network's door

    def handle(
        self, method: str, host: str, path: str, headers: Mapping[str, str], content: bytes, fate: str
    ) -> Answer:
        """What the provider answers. `fate` is trouble of its own: failing or unclear before or after it
        took the request, busy, forbidden, unknown_yet, odd_word, lies, expires."""
        if fate == "busy":
            return Answer(429)
        if fate == "unclear_before" and not host.startswith("sms") and "token" not in path:
            return self._unclear(host)
        if fate == "failing_before":
            return Answer(500, b'{"code": "INTERNAL_PROCESSING_ERROR"}')
        if fate == "forbidden" and method == "GET":
            return Answer(403, _HTML)
        if host.startswith("sms"):
            answer = self._take_sms(content)
            self.sms[-1].heard = fate in ("", "expires", "forbidden", "odd_word", "lies", "unknown_yet")
        elif host.startswith("momo"):
            answer = self._momo(method, path, headers, content, fate)
        else:
            answer = self._startbutton(method, path, content, fate)
        if fate == "failing_after":
            return Answer(503)
        if fate == "unclear_after" and not host.startswith("sms") and "token" not in path:
            return self._unclear(host)
        return answer

    def _unclear(self, host: str) -> Answer:
        """One after the other, answers of which nobody knows whether anything was created."""
        self._odd += 1
        odd = _UNCLEAR["momo" if host.startswith("momo") else "startbutton"]
        return odd[self._odd % len(odd)]

    # ---- MoMo

    def _momo(self, method: str, path: str, headers: Mapping[str, str], content: bytes, fate: str) -> Answer:
        if path == "/collection/token/":
            token = f"token-{len(self._tokens)}"
            self._tokens[token] = self._now_s() + _TOKEN_S
            return _json(200, {"access_token": token, "token_type": "access_token", "expires_in": 3600})
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if fate == "expires":
            self._tokens.pop(token, None)
        if self._tokens.get(token, -1.0) < self._now_s():
            return _json(401, {"code": "UNAUTHORIZED"})
        if path.endswith("/active"):
            return _json(200, {"result": True})
        if path.endswith("/basicuserinfo"):
            return _json(200, {"given_name": "Efua", "family_name": "Mensah"})
        if method == "POST":
            return self._request_to_pay(headers, json.loads(content))
        entry = self.entries.get(path.rpartition("/")[2])
        if entry is None or fate == "unknown_yet":
            return _json(404, {"code": "RESOURCE_NOT_FOUND"})
        body = {
            "amount": entry.amount,
            "currency": entry.currency,
            "externalId": entry.code,
            "payer": {"partyIdType": "MSISDN", "partyId": entry.payer},
            "status": entry.status,
        }
        if entry.reason:
            body["reason"] = entry.reason
        if fate == "odd_word":
            body["status"] = "SOMETHING_NEW"
        elif fate == "lies" and entry.final:
            entry.lied = True
            # Of another amount, and paid whatever became of it: whoever believes it says so.
            body |= {"amount": "0.01", "status": "SUCCESSFUL"}
            body.pop("reason", None)
        return _json(200, body)

    def _request_to_pay(self, headers: Mapping[str, str], body: dict[str, Any]) -> Answer:
        reference = headers["x-reference-id"]
        if reference in self.entries:
            self.refused_twice.append(reference)
            return _json(409, {"code": "RESOURCE_ALREADY_EXIST"})
        self._accept(
            Entry(
                provider="momo",
                reference=reference,
                amount=body["amount"],
                currency=body["currency"],
                payer=body["payer"]["partyId"],
                code=body["externalId"],
                at_s=self._now_s(),
                callback=headers.get("x-callback-url", ""),
                asked=[],
            )
        )
        return Answer(202)

    # ---- Startbutton

    def _startbutton(self, method: str, path: str, content: bytes, fate: str) -> Answer:
        if path.endswith("/otp-verify"):
            return self._verify(json.loads(content))
        if method == "POST":
            return self._charge(json.loads(content))
        if path.startswith("/transaction?"):
            return self._list(parse_qs(path.partition("?")[2]))
        found = self.entries.get(path.rpartition("/")[2].removeprefix("SB-"))
        # By its own reference a charge is found a moment after it was taken.
        unseen = fate == "unknown_yet" and found is not None and self._now_s() - found.at_s < _UNSEEN_S
        if found is None or unseen:
            return _json(404, {"success": False, "message": "Transaction not found"})
        charge = _charge_row(found)
        if fate == "odd_word":
            charge["status"] = "something new"
        elif fate == "lies" and found.final:
            found.lied = True
            charge |= {"amount": 1, "status": _WORDS["SUCCESSFUL"]}
        return _json(200, {"success": True, "data": {"transaction": charge}})

    def _list(self, query: dict[str, list[str]]) -> Answer:
        skip, limit = int(query["skip"][0]), int(query["limit"][0])
        rows = [_charge_row(entry) for entry in self.entries.values() if entry.provider == "startbutton"]
        return _json(200, {"success": True, "data": rows[skip : skip + limit]})

    def _charge(self, body: dict[str, Any]) -> Answer:
        reference = body["reference"]
        if reference in self.entries:
            self.refused_twice.append(reference)
            return _json(400, {"success": False, "message": "Duplicate reference"})
        entry = Entry(
            provider="startbutton",
            reference=reference,
            amount=str(body["amount"]),
            currency=body["currency"],
            payer="233" + body["phone"].removeprefix("0"),
            code="",
            at_s=self._now_s(),
            otp=f"{1000 + len(self.entries) % 9000}",
            asked=[],
        )
        self.codes[entry.payer] = entry.otp
        self._accept(entry)
        data = {"reference": f"SB-{reference}", "nextStep": "OTP"}
        return _json(200, {"success": True, "data": data})

    def _verify(self, body: dict[str, Any]) -> Answer:
        entry = self.entries.get(body["reference"].removeprefix("SB-"))
        if entry is None or not entry.otp or entry.final:
            return _json(400, {"status": False, "message": "No code is expected"})
        if body["otp"] != entry.otp:
            entry.tries += 1
            if entry.tries >= _OTP_TRIES:
                self._end(entry, "FAILED", "")
            return _json(400, {"status": False, "message": "Invalid OTP"})
        entry.otp = ""
        self._let_decide(entry)
        return _json(200, {"status": True, "message": "OTP verified"})

    # ---- money

    def _accept(self, entry: Entry) -> None:
        self.entries[entry.reference] = entry
        self._story.tell(self._now_s(), f"{entry.provider} accepts {entry.reference} {entry.amount}")
        if entry.otp:
            entry.ends_s = self._now_s() + self._abandoned_s
            self._later(self._abandoned_s, lambda: self._end(entry, "FAILED", ""))
        else:
            self._let_decide(entry)

    def _let_decide(self, entry: Entry) -> None:
        does, after_s = self._decide(entry)
        if does not in ("approve", "reject", "poor"):
            after_s = _EXPIRES_S
        entry.ends_s = self._now_s() + after_s
        match does:
            case "approve":
                self._later(after_s, lambda: self._end(entry, "SUCCESSFUL", ""))
            case "reject":
                self._later(after_s, lambda: self._end(entry, "FAILED", "APPROVAL_REJECTED"))
            case "poor":
                self._later(after_s, lambda: self._end(entry, "FAILED", "NOT_ENOUGH_FUNDS"))
            case _:
                self._later(after_s, lambda: self._end(entry, "FAILED", "EXPIRED"))

    def _end(self, entry: Entry, status: str, reason: str) -> None:
        if entry.final:
            return
        entry.status, entry.reason = status, reason if entry.provider == "momo" else ""
        entry.ends_s = self._now_s()
        if status == "SUCCESSFUL":
            entry.charged += 1
        self._story.tell(self._now_s(), f"{entry.provider} ends {entry.reference} {status}")
        self._on_final(entry)

    # ---- SMS

    def _take_sms(self, content: bytes) -> Answer:
        form = parse_qs(content.decode())
        self.sms.append(Sms(form["to"][0], form["message"][0], self._now_s()))
        self._story.tell(self._now_s(), f"sms {form['to'][0]} {form['message'][0]}")
        recipient = {"statusCode": 101, "number": form["to"][0], "messageId": f"ATXid_{len(self.sms)}"}
        return _json(201, {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}})

    def told(self, msisdn: str, code: str) -> list[Sms]:
        """Results that reached a phone about one payment."""
        return self._arrived(msisdn, code, ("Paid:", "Not paid:", "Reversed:", "Correction:"))

    def doubted(self, msisdn: str, code: str) -> list[Sms]:
        """Messages that reached a phone and said that nobody knows yet."""
        return self._arrived(msisdn, code, (DOUBTED,))

    def _arrived(self, msisdn: str, code: str, begins: tuple[str, ...]) -> list[Sms]:
        return [
            sms
            for sms in self.sms
            if sms.to.lstrip("+") == msisdn.lstrip("+")
            and re.search(rf"\b{code}\b", sms.text)
            and sms.text.startswith(begins)
        ]


def _charge_row(entry: Entry) -> dict[str, Any]:
    return {
        "transType": "COLLECTION",
        "transactionReference": f"SB-{entry.reference}",
        "userTransactionReference": entry.reference,
        "status": _WORDS[entry.status],
        "amount": int(entry.amount),
        "currency": entry.currency,
    }


def _json(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body).encode())
