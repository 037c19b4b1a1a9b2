"""Callbacks and webhooks as bytes: true ones, lies, forgeries, guesses; and what each must be answered."""

import base64
import hashlib
import hmac
import json
import random
import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from tests.torture.place import KEYS
from tests.torture.wire import Shot, build_request

__all__ = ["ANSWERS", "Told", "draw_forged", "draw_guess", "draw_lie", "true_callback"]

_JSON: Final = "Content-Type: application/json"
_SIGNATURE: Final = "x-startbutton-signature"
# tag -> the only status it may be answered with. Every MoMo callback that is no flood is answered alike.
ANSWERS: Final = {"known": 200, "unknown": 200, "signed": 200, "refused": 401, "huge": 413}
_URL_SAFE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider knows of an order, from the judge's record."""

    provider: str
    account: str
    reference: str
    provider_reference: str
    external_id: str
    amount: str
    currency: str
    party: str
    callback_url: str

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "Told":
        """From a line of the record."""
        return cls(**{name: entry[name] or "" for name in cls.__slots__})

    @property
    def path(self) -> str:
        return urlsplit(self.callback_url).path


def true_callback(told: Told, status: str, draw: random.Random) -> Shot:
    """What the provider itself would send; `status` is MoMo's word for how the payment ended."""
    if told.provider == "momo":
        return _momo(draw.choice(("PUT", "POST")), told.path, _momo_body(told, status), "known")
    event = draw.choice(("collection.verified", "collection.completed"))
    body = _event(told, event, "verified" if event == "collection.verified" else "successful")
    return _webhook(told.account, body, KEYS[told.account][1])


def draw_lie(told: Told, draw: random.Random) -> Shot:
    """To the order's own address, rightly signed where that is asked, and untrue in some way."""
    if told.provider == "momo":
        changed: dict[str, Any] = draw.choice(
            (
                {"status": "SUCCESSFUL"},
                {"status": "FAILED", "reason": "APPROVAL_REJECTED"},
                {"amount": "1"},
                {"amount": told.amount + "0"},
                {"currency": "EUR"},
                {"payer": {"partyIdType": "MSISDN", "partyId": "46733123450"}},
                {"externalId": "AAAAAAAA"},
                {"status": ["SUCCESSFUL"]},
                {"status": None},
                {},
            )
        )
        body = json.dumps({**json.loads(_momo_body(told, "SUCCESSFUL")), **changed}).encode()
        body = draw.choice((body, body, body, b"", b"\xff\x00 nonsense", body[: len(body) // 2], b"[" * 5000))
        return _momo(draw.choice(("PUT", "POST")), told.path, body, "known")
    event, status = draw.choice(
        (
            ("collection.verified", "verified"),
            ("collection.completed", "successful"),
            ("collection.completed", "failed"),
            ("collection.failed", "failed"),
            ("collection.reversed", "reversed"),
            ("payout.completed", "successful"),
        )
    )
    changed = draw.choice(({}, {"amount": 1}, {"currency": "KES"}, {"merchantId": 78}, {"amount": "all"}))
    return _webhook(told.account, _event(told, event, status, **changed), KEYS[told.account][1])


def draw_forged(told: Told, draw: random.Random) -> Shot:
    """A webhook about the order that its account has not signed, or that another one has."""
    account = told.account or "startbutton-ghs"
    body = _event(told, "collection.verified", "verified")
    secret = KEYS[account][1]
    right = _sign(secret, body)
    path = f"/callbacks/startbutton/{account}"
    others = [name for name in KEYS if name != account]
    match draw.randrange(9):
        case 0:
            # Rightly signed, by an account that this order is none of its business.
            return _webhook(others[0], body, KEYS[others[0]][1])
        case 1:
            head: tuple[str, ...] = (f"{_SIGNATURE}: {_sign(KEYS[others[0]][1], body)}",)
        case 2:
            head = ()
        case 3:
            head = (f"{_SIGNATURE}: {right[:-1]}{'0' if right[-1] != '0' else '1'}",)
        case 4:
            head = (f"{_SIGNATURE}: {right.upper()}",) if right.upper() != right else ()
        case 5:
            head = (f"{_SIGNATURE}: {right}", f"{_SIGNATURE}: {right}")
        case 6:
            head, body = (f"{_SIGNATURE}: {right}",), body + b" "
        case 7:
            head = (f"{_SIGNATURE}: {hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}",)
        case _:
            head, path = (f"{_SIGNATURE}: {right}",), f"/callbacks/startbutton/{draw.choice((*others, 'x'))}"
    return Shot(build_request("POST", path, (_JSON, *head), body), "refused")


def draw_guess(told: Told, draw: random.Random) -> Shot:
    """A true-looking callback to an address that is nobody's: a token guessed, cut, changed; or a flood."""
    place, _, token = told.path.rpartition("/") if told.provider == "momo" else ("/callbacks/momo", "", "")
    token = token or _random_token(draw)
    at = draw.randrange(len(token))
    wanted = draw.randrange(8)
    guesses = (
        _random_token(draw),
        token[:at] or "A",
        token[:at] + draw.choice(_URL_SAFE.replace(token[at], "")) + token[at + 1 :],
        # The last character carries four bits only: another spelling of the same bytes.
        token[:-1] + _URL_SAFE[_URL_SAFE.index(token[-1]) ^ 1],
        told.reference or uuid.UUID(int=draw.getrandbits(128)).hex,
        base64.urlsafe_b64encode(uuid.UUID(int=draw.getrandbits(128)).bytes).decode().rstrip("="),
        token + "=",
        token * 5,
    )
    method = draw.choice(("PUT", "POST"))
    if draw.random() < 0.01:
        where = told.path if told.provider == "momo" and draw.random() < 0.5 else f"{place}/{guesses[0]}"
        return Shot(build_request(method, where, (_JSON,), b"x" * 70_000), "huge")
    return _momo(method, f"{place}/{guesses[wanted]}", _momo_body(told, "SUCCESSFUL"), "unknown")


def _random_token(draw: random.Random) -> str:
    return "".join(draw.choices(_URL_SAFE, k=43))


def _momo(method: str, path: str, body: bytes, tag: str) -> Shot:
    return Shot(build_request(method, path, (_JSON,), body), tag)


def _momo_body(told: Told, status: str) -> bytes:
    body: dict[str, Any] = {
        "financialTransactionId": told.provider_reference,
        "externalId": told.external_id,
        "amount": told.amount,
        "currency": told.currency,
        "payer": {"partyIdType": "MSISDN", "partyId": told.party},
        "status": status,
    }
    return json.dumps(body | ({"reason": "APPROVAL_REJECTED"} if status == "FAILED" else {})).encode()


def _event(told: Told, event: str, status: str, **changed: Any) -> bytes:
    transaction = {
        "transactionReference": told.provider_reference,
        "userTransactionReference": told.reference,
        "status": status,
        "amount": round(float(told.amount) * 100),
        "currency": told.currency,
        "merchantId": 77,
        **changed,
    }
    return json.dumps({"event": event, "data": {"transaction": transaction}}).encode()


def _sign(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def _webhook(account: str, body: bytes, secret: str) -> Shot:
    head = (_JSON, f"{_SIGNATURE}: {_sign(secret, body)}")
    return Shot(build_request("POST", f"/callbacks/startbutton/{account}", head, body), "signed")
