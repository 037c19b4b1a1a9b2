"""Startbutton's replies about charges, transactions, wallets and banks: bytes to values, refusals to errors.

Raises nothing but a ProviderError. What pays out is read in `payouts`.
Source: Startbutton's API documentation, "Mobile money, Transactions, Wallet", and code of those who use it,
read November 2026.
"""

from collections.abc import Mapping
from typing import Any

from bot.money import Money, OrderKind, Reason
from bot.providers.base import (
    AlreadyAccepted,
    Bank,
    Declined,
    Listed,
    ListPage,
    Malformed,
    NextStep,
    OtpAnswer,
    Receipt,
    Reply,
    StatusReport,
    Unknown,
)
from bot.providers.startbutton.envelope import (
    look_data,
    message_says,
    open_envelope,
    read_amount,
    read_moment,
    read_theirs,
    refuse_keys,
    says_no,
)
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.providers.startbutton.words import (
    STATUSES,
    TRANSFER_STATUSES,
    UNITS_PER_MAJOR,
    UNSURE_FACTOR,
    Statuses,
)
from bot.providers.wire import read_code, read_decimal, read_retry_after, read_text, rounded_money

__all__ = ["read_banks", "read_charge", "read_list", "read_otp", "read_status", "read_wallets"]


def read_charge(reply: Reply) -> Receipt:
    """Taken, and what the payer does next. Of all refusals only an unknown network says that nothing was
    created: charges answered with other words were debited all the same."""
    envelope = open_envelope(reply)
    if envelope.good:
        data = envelope.data if isinstance(envelope.data, dict) else {}
        otp = read_code(data.get("nextStep")) == "OTP"
        return Receipt(NextStep.OTP if otp else NextStep.APPROVE, read_theirs(data.get("reference")))
    said = message_says(envelope.message)
    rest: dict[str, Any] = {"provider_code": said, "http_status": reply.status}
    if said == "duplicate_reference" or (reply.status == 409 and envelope.good is False):
        raise AlreadyAccepted("this reference is in use", **rest)
    refuse_keys(reply, created_nothing=True)
    if says_no(envelope, reply) and said == "unknown_provider":
        raise Declined(Reason.UNKNOWN_NETWORK, "the network is not known there", **rest)
    raise Unknown("the reply leaves the outcome open", retry_after_s=read_retry_after(reply.headers), **rest)


def read_otp(reply: Reply) -> OtpAnswer:
    """Right, wrong, or Unknown: no refusal of a code is a word about the charge itself."""
    envelope = open_envelope(reply)
    if envelope.good:
        return OtpAnswer(accepted=True)
    said = message_says(envelope.message)
    if says_no(envelope, reply) and said == "invalid_otp":
        return OtpAnswer(accepted=False)
    refuse_keys(reply, created_nothing=False)
    raise Unknown(
        "the reply does not say whether the code was right",
        retry_after_s=read_retry_after(reply.headers),
        provider_code=said,
        http_status=reply.status,
    )


def read_status(kind: OrderKind, ours: str, reply: Reply) -> StatusReport:
    """The transaction asked about. Malformed where it is another order's, or of another kind."""
    envelope = open_envelope(reply)
    plain_no = envelope.good is False and reply.status < 500 and reply.status not in (401, 403, 429)
    if plain_no and (reply.status == 404 or message_says(envelope.message) == "not_found"):
        # "Not found" with another status may be about a merchant, or a key.
        surely = reply.status == 404
        return StatusReport(state=None, not_found=True, surely_lacks=surely, provider_code="NOT_FOUND")
    data = look_data(envelope, reply)
    transaction = data.get("transaction") if isinstance(data, dict) else None
    if not isinstance(transaction, dict):
        raise Malformed("no transaction in the reply", http_status=reply.status)
    named = read_text(transaction.get("userTransactionReference"), 120)
    if named and named.lower() != ours:
        raise Malformed("the reply is about another order", http_status=reply.status)
    if read_code(transaction.get("transType")) not in ("", kind.value.upper()):
        raise Malformed(f"the reply is not about a {kind.value}", http_status=reply.status)
    word = read_code(transaction.get("status"))
    state, reason = _statuses(kind).get(word, (None, None))
    try:
        amount = read_amount(transaction)
    except ValueError:
        raise Malformed("the echoed amount cannot be read", http_status=reply.status) from None
    return StatusReport(
        state=state,
        reason=reason,
        provider_code=word,
        amount=amount,
        provider_reference=read_theirs(transaction.get("transactionReference")),
        financial_id=read_text(transaction.get("gatewayReference"), 100),
        names_ours=bool(named),
    )


def read_wallets(account: StartbuttonAccount, reply: Reply) -> tuple[Money, ...]:
    rows = look_data(open_envelope(reply), reply)
    if not isinstance(rows, list):
        raise Malformed("the wallet list cannot be read", http_status=reply.status)
    found = []
    for row in rows:
        code = read_text(row.get("currency")).upper() if isinstance(row, dict) else ""
        # Others' currencies we cannot hold, and those whose unit is a guess, are left out.
        sure = code in UNITS_PER_MAJOR and (code not in UNSURE_FACTOR or account.factor_confirmed)
        if not sure:
            continue
        try:
            found.append(rounded_money(read_decimal(row["availableBalance"]) / UNITS_PER_MAJOR[code], code))
        except (KeyError, ValueError):
            raise Malformed("a balance cannot be read", http_status=reply.status) from None
    return tuple(found)


def read_banks(reply: Reply) -> tuple[Bank, ...]:
    """Banks by their codes; a row without a code is of no use to anybody and left out."""
    rows = look_data(open_envelope(reply), reply)
    if not isinstance(rows, list):
        raise Malformed("the bank list cannot be read", http_status=reply.status)
    named = [
        (read_text(row.get("code"), 40), read_text(row.get("name"), 100))
        for row in rows
        if isinstance(row, dict)
    ]
    return tuple(Bank(code, name or code) for code, name in named if code)


def read_list(kind: OrderKind, reply: Reply) -> ListPage:
    """The rows of a list. One that is no object spoils the page: it might be a payment."""
    data = look_data(open_envelope(reply), reply)
    if isinstance(data, dict):
        # The envelope of a list is not shown: some calls wrap their rows once more.
        data = data.get("transactions")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise Malformed("the list cannot be read", http_status=reply.status)
    kept = [row for row in data if read_code(row.get("transType")) in ("", kind.value.upper())]
    return ListPage(tuple(_listed(kind, row) for row in kept), len(data))


def _listed(kind: OrderKind, row: Mapping[str, Any]) -> Listed:
    word = read_code(row.get("status"))
    try:
        amount = read_amount(row)
    except ValueError:
        amount = None
    return Listed(
        reference=read_text(row.get("userTransactionReference"), 120),
        provider_reference=read_theirs(row.get("transactionReference")),
        state=_statuses(kind).get(word, (None, None))[0],
        provider_code=word,
        amount=amount,
        currency=read_text(row.get("currency"), 10).upper(),
        created_ms=read_moment(row.get("createdAt")),
        updated_ms=read_moment(row.get("updatedAt")),
    )


def _statuses(kind: OrderKind) -> Statuses:
    return TRANSFER_STATUSES if kind is OrderKind.TRANSFER else STATUSES
