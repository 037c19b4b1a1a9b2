"""What is derived from the one SECRET_KEY: keyed hashes, callback tokens, encrypted inbox bodies.

Nothing derived can be turned back into the key, and each use has a key of its own.
"""

import base64
import hmac
import uuid
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["Sealer"]

_MAC_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class Sealer:
    """Hashes, tokens and encryption under one secret of at least 32 characters."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:
            raise ValueError("the secret key needs at least 32 characters")
        self._root = secret.encode()
        self._hash_key = self._key("hash")
        self._token_key = self._key("callback")
        self._box = AESGCM(self._key("inbox"))

    def key(self, use: str) -> bytes:
        """32 bytes for one named use."""
        return self._key(f"use:{use}")

    def hash(self, use: str, text: str) -> str:
        """A keyed hash of `text`: the same for the same use, meaningless without the key."""
        said = f"{use}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._hash_key, said, "sha256").hex()[:32]

    def callback_token(self, order_id: str) -> str:
        """The unguessable token of an order's callback address (43 characters). Not stored anywhere."""
        return self._token(uuid.UUID(order_id).bytes)

    def read_callback_token(self, token: str) -> str | None:
        """The order id of a token of ours, else None. Takes the same time for any token of the length.

        Only the very text we gave out counts, not another spelling of the same bytes.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        if len(raw) != 16 + _MAC_BYTES:
            return None
        ours = self._token(raw[:16])
        if not hmac.compare_digest(ours.encode(), token.encode()):
            return None
        return str(uuid.UUID(bytes=raw[:16]))

    def seal(self, plain: bytes, nonce: bytes) -> bytes:
        """Encrypt for the inbox. `nonce` is 12 fresh random bytes."""
        return nonce + self._box.encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes | None:
        """What was sealed, or None where the key is another or the bytes were changed."""
        try:
            return self._box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            return None

    def _token(self, raw: bytes) -> str:
        mac = hmac.digest(self._token_key, raw, "sha256")[:_MAC_BYTES]
        return base64.urlsafe_b64encode(raw + mac).rstrip(b"=").decode()

    def _key(self, use: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"kasapay {use}".encode()).derive(self._root)
