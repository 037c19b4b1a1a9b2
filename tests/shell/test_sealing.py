"""What is derived from the one secret: it cannot be forged, and nothing of it can be printed."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.keys import Sealer

SECRET = "a-secret-of-thirty-two-characters!"
SEALER, OTHER = Sealer(SECRET), Sealer("another-secret-of-thirty-two-chars")
NONCE = bytes(range(12))
ORDER = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"

uuids = st.uuids(version=4).map(str)


@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_a_short_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Sealer(secret)


def test_a_secret_is_not_in_what_can_be_printed() -> None:
    assert SECRET not in repr(SEALER)
    assert SECRET not in str(SEALER)
    assert SECRET.encode() not in SEALER.key("cookie")


# ---- callback tokens -----------------------------------------------------------------------------


@given(uuids)
def test_a_token_names_its_order(order_id: str) -> None:
    token = SEALER.callback_token(order_id)
    assert len(token) == 43
    assert SEALER.read_callback_token(token) == order_id
    assert SEALER.callback_token(order_id) == token


@given(uuids, st.integers(0, 42), st.sampled_from("ABCDabcd0189-_"))
def test_a_token_with_another_character_is_nobodys(order_id: str, place: int, character: str) -> None:
    token = SEALER.callback_token(order_id)
    forged = token[:place] + character + token[place + 1 :]
    assert SEALER.read_callback_token(forged) == (order_id if forged == token else None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token + "=",
        lambda token: token + "==",
        lambda token: token + "A",
        lambda token: token[:-1],
        lambda token: token[1:],
        lambda token: "",
        lambda token: f" {token}",
        lambda token: f"{token}\n",
        lambda token: token.swapcase(),
        lambda token: token[::-1],
        lambda token: "A" * 43,
        lambda token: "é" * 43,
        lambda token: "=" * 43,
        lambda token: "\ud800" * 43,
        lambda token: token * 1000,
        # The last character carries two bits that say nothing: only one spelling is ours.
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    ],
)
def test_a_token_in_any_other_spelling_is_nobodys(spoil: object) -> None:
    assert callable(spoil)
    for order_id in (ORDER, str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))):
        token = SEALER.callback_token(order_id)
        assert SEALER.read_callback_token(spoil(token)) is None


def test_a_token_written_with_the_other_alphabet_is_nobodys() -> None:
    made = [SEALER.callback_token(str(uuid.UUID(int=n))) for n in range(200)]
    for token in made:
        other = token.replace("-", "+").replace("_", "/")
        if other != token:
            assert SEALER.read_callback_token(other) is None


@given(uuids)
def test_a_token_of_another_secret_is_nobodys(order_id: str) -> None:
    assert OTHER.read_callback_token(SEALER.callback_token(order_id)) is None


@given(st.text(max_size=60))
def test_any_text_can_be_asked_about(text: str) -> None:
    assert SEALER.read_callback_token(text) is None


# ---- hashes --------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_a_hash_is_of_its_text_its_use_and_its_key(one: str, other: str) -> None:
    assert SEALER.hash("ussd", one) == SEALER.hash("ussd", one)
    assert (SEALER.hash("ussd", one) == SEALER.hash("ussd", other)) is (one == other)
    assert SEALER.hash("ussd", one) != SEALER.hash("link", one)
    assert SEALER.hash("ussd", one) != OTHER.hash("ussd", one)
    assert len(SEALER.hash("ussd", one)) == 32


def test_text_that_cannot_be_encoded_can_be_hashed() -> None:
    assert SEALER.hash("ussd", "\ud800") != SEALER.hash("ussd", "?")


def test_each_use_has_a_key_of_its_own() -> None:
    keys = {SEALER.key(use) for use in ("cookie", "hash", "inbox", "callback", "")}
    assert len(keys) == 5
    assert all(len(key) == 32 for key in keys)
    assert SEALER.key("cookie") != OTHER.key("cookie")


# ---- the inbox -----------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.binary(min_size=12, max_size=12))
def test_what_was_sealed_can_be_opened(plain: bytes, nonce: bytes) -> None:
    sealed = SEALER.seal(plain, nonce)
    assert SEALER.open(sealed) == plain
    assert len(plain) < 8 or plain not in sealed[len(nonce) :]
    assert OTHER.open(sealed) is None


@given(st.integers(0, 40), st.integers(1, 255))
def test_changed_bytes_are_never_opened(place: int, flip: int) -> None:
    sealed = bytearray(SEALER.seal(b"the code is 1234", NONCE))
    sealed[place % len(sealed)] ^= flip
    assert SEALER.open(bytes(sealed)) is None


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 27])
def test_bytes_that_are_too_few_are_never_opened(length: int) -> None:
    assert SEALER.open(SEALER.seal(b"x", NONCE)[:length]) is None
