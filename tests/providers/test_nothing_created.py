"""Which replies may fail an order: those known to mean that nothing was created, and no other.

The tables here are written out from the providers' pages; none is the adapters' own.
Source: MTN MoMo Open API, error codes; Startbutton's API documentation, "Errors"; November 2026.
"""

from collections.abc import Iterator

import pytest

from bot.money import OrderDetails, OrderKind
from bot.providers import Call, Declined, Misconfigured, ProviderError, Unknown
from bot.providers.base import OtpAnswer, Reply
from bot.providers.momo.adapter import Momo
from bot.providers.startbutton.adapter import Startbutton
from tests.accounts import changed

from .cases import OTP, PAYER, STARTBUTTON, an_order
from .momo_cases import BOTH, EVERY
from .tapes import reply

MOMO = Momo()
SB = Startbutton()
MINOR = changed(STARTBUTTON, refund_unit="minor")
PAYOUT = an_order(kind=OrderKind.TRANSFER, payer="", payee=PAYER)
BANK = an_order(
    kind=OrderKind.TRANSFER,
    payer="",
    payee="",
    details=OrderDetails(bank_code="GH010", account_number="0011223344"),
)
REFUND = an_order(kind=OrderKind.REFUND, payer="", payee=PAYER, about_provider_reference="8c1d9e4ab377")

STATUSES = (*range(200, 209), *range(300, 309), *range(400, 452), *range(500, 512), 520, 524, 599)
# What a body may say. The empty one, a page, and texts that are no object stand for many.
TEXTS = (b"", b"  ", b"<html>Bad Request</html>", b"[]", b'"refused"', b"null", b"{")
CODES = (
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "INVALID_CALLBACK_URL_HOST",
    "INVALID_CURRENCY",
    "PAYER_NOT_FOUND",
    "NOT_ENOUGH_FUNDS",
    "VALIDATION_ERROR",
    "INTERNAL_PROCESSING_ERROR",
    "SERVICE_UNAVAILABLE",
    "APPROVAL_REJECTED",
    "EXPIRED",
    "TRANSACTION_NOT_COMPLETED",
    "RESOURCE_NOT_FOUND",
    "WALLET_ON_FIRE",
)
KNOWN_CODES = frozenset(CODES[:7])


def momo_replies() -> Iterator[tuple[Reply, bool]]:
    """Replies, and whether each is known to mean that nothing was created."""
    for status in STATUSES:
        keys = status in (401, 403)
        for text in TEXTS:
            yield reply(status, text), keys or (status == 400 and not text.strip())
        yield reply(status, {}), keys
        yield reply(status, {"message": "timeout"}), keys
        yield reply(status, {"statusCode": status, "message": "no"}), keys or status in (400, 404)
        yield reply(status, {"statusCode": 400 if status == 404 else 404, "message": "no"}), keys
        for code in CODES:
            plain = status in (400, 404, 500) and code in KNOWN_CODES
            nobody = status == 404 and code == "RESOURCE_NOT_FOUND"
            yield reply(status, {"code": code, "message": "no"}), keys or plain or nobody


WORDS = (
    "unknown provider",
    "User has insufficient balance.",
    "Invalid OTP",
    "An error occured",
    "read ECONNRESET",
    "Charge sent to an unknown provider queue",
    "User has insufficient balance for the fee, transfer queued",
    "transaction not found",
    "amount is below the limit",
    "",
)


def startbutton_replies(*known: str) -> Iterator[tuple[Reply, bool]]:
    for status in STATUSES:
        keys = status in (401, 403)
        for text in TEXTS:
            yield reply(status, text), keys
        for words in WORDS:
            plain = status in (200, 400, 422) and words in known
            yield reply(status, {"success": False, "message": words}), keys or plain
            yield reply(status, {"status": False, "message": words, "data": {}}), keys or plain
            yield reply(status, {"success": "false", "message": words}), keys
            yield reply(status, {"message": words}), keys
            yield reply(status, {"success": True, "status": False, "message": words}), keys
            if status >= 300:
                yield reply(status, {"success": True, "message": words, "data": {"reference": "x"}}), keys


def says_nothing_was_created(call: Call, answer: Reply) -> bool:
    try:
        said = call.decode(answer)
    except (Declined, Misconfigured) as error:
        return isinstance(error, Declined) or error.created_nothing
    except ProviderError:
        return False
    if isinstance(said, OtpAnswer):
        assert not said.accepted, answer
    return False


def check(call: Call, replies: Iterator[tuple[Reply, bool]]) -> None:
    assert call.creates
    for answer, known in replies:
        assert says_nothing_was_created(call, answer) is known, (answer.status, answer.content)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.kind)
def test_momo_fails_an_order_by_a_known_refusal_only(case) -> None:
    call = MOMO.request_order(BOTH, case.order)
    is_cancel = case.method == "DELETE"

    def wanted() -> Iterator[tuple[Reply, bool]]:
        for answer, known in momo_replies():
            # Nothing to cancel is as good as cancelled: asked about, not failed.
            unknown_there = not answer.content.strip() or b"RESOURCE_NOT_FOUND" in answer.content
            gone = is_cancel and answer.status == 404 and unknown_there
            if answer.status not in (200, 202):
                yield answer, known and not gone

    check(call, wanted())


@pytest.mark.parametrize(
    ("name", "call", "known"),
    [
        ("charge", SB.request_order(MINOR, an_order()), WORDS[:1]),
        ("transfer", SB.request_order(MINOR, PAYOUT), WORDS[:2]),
        ("bank", SB.request_order(MINOR, BANK), WORDS[:2]),
        ("refund", SB.request_order(MINOR, REFUND), WORDS[:2]),
    ],
)
def test_startbutton_fails_an_order_by_a_known_refusal_only(name: str, call: Call, known) -> None:
    check(call, startbutton_replies(*known))


def test_no_answer_to_a_code_fails_anything_and_only_invalid_otp_says_it_was_wrong() -> None:
    call = SB.submit_otp(MINOR, an_order(provider_reference="8c1d9e4ab377"), OTP)
    assert call.creates
    for answer, known in startbutton_replies("Invalid OTP"):
        told = (answer.status, answer.content)
        if answer.status in (401, 403):
            with pytest.raises(Misconfigured) as caught:
                call.decode(answer)
            assert not caught.value.created_nothing, told
        elif known:
            assert call.decode(answer) == OtpAnswer(accepted=False), told
        else:
            with pytest.raises(Unknown):
                call.decode(answer)
