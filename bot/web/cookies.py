"""The web chat's cookie: drawn and signed by us, so that nobody can hand one to a browser that is not ours.

The cookie is the whole identity and is never kept: the address is its keyed hash. A chat that is given
more than it had (a link, a role) goes on under a new cookie, so that whoever knew the old one has nothing.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

__all__ = ["address_of", "is_issued", "issue_cookie", "name_of", "renew_cookie"]

# A browser takes the prefixed name only over https, for this very host and from no other one.
_SECURE_NAME: Final = "__Host-kasapay_chat"
_PLAIN_NAME: Final = "kasapay_chat"
_SHAPE: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def name_of(*, secure: bool) -> str:
    return _SECURE_NAME if secure else _PLAIN_NAME


def issue_cookie(key: bytes, drawn: str = "") -> str:
    """A new cookie: 32 hex digits nobody can guess (`drawn` is given by tests only), and our mark on them."""
    drawn = drawn or secrets.token_hex(16)
    return drawn + _hashed(f"issued:{drawn}", key)


def is_issued(cookie: str, key: bytes) -> bool:
    """Whether the cookie is one of ours."""
    if not _SHAPE.fullmatch(cookie):
        return False
    return hmac.compare_digest(cookie[32:], _hashed(f"issued:{cookie[:32]}", key))


def renew_cookie(cookie: str, message_id: str, key: bytes) -> str:
    """The cookie that follows on this one, should the message with this id lead to more rights.

    Derived and not drawn, so that a browser that did not get the answer and sends the message again is
    given the same one. Nobody else knows the id.
    """
    return issue_cookie(key, _hashed(f"renewed:{cookie}:{message_id}", key))


def address_of(cookie: str, key: bytes) -> str:
    """The address' value: a keyed hash, so that neither the store nor a log can be used as a cookie."""
    return _hashed(cookie, key)


def _hashed(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]
