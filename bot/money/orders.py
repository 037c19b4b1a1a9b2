"""The order life cycle: which state may follow which, on whose word, and why an order failed.

Pure: decides, never does. The store refuses whatever `judge` refuses, so there is one truth.
"""

from enum import StrEnum
from typing import Final

__all__ = [
    "FINAL",
    "OPEN",
    "OrderKind",
    "OrderState",
    "Reason",
    "Source",
    "Verdict",
    "judge",
    "proves_nothing_moved",
]


class OrderKind(StrEnum):
    """What an order asks the provider for. A *payment* is a collection. See `bot.money.order_kinds`."""

    COLLECTION = "collection"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    DEPOSIT = "deposit"
    REFUND = "refund"
    PREAPPROVAL = "preapproval"
    PREAPPROVAL_CANCEL = "preapproval_cancel"
    INVOICE = "invoice"
    INVOICE_CANCEL = "invoice_cancel"
    AGREEMENT_CHARGE = "agreement_charge"
    BILL = "bill"


class OrderState(StrEnum):
    NEW = "NEW"  # written with its reference; no byte has left
    PENDING = "PENDING"  # perhaps at the provider
    NEEDS_OTP = "NEEDS_OTP"  # the provider wants the code sent to the payer
    UNRESOLVED = "UNRESOLVED"  # a person must look; still asked daily
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
    REVERSED = "REVERSED"


class Source(StrEnum):
    """Who said so. Every transition names one."""

    US = "us"  # our own decision, before anything left
    REPLY = "reply"  # the provider's answer to our call
    CALLBACK = "callback"  # a status call made because a callback came
    WEBHOOK = "webhook"  # a status call made because a signed webhook came
    POLL = "poll"  # a status call that the schedule made due
    PAYER = "payer"  # the payer answered an OTP
    OPERATOR = "operator"  # a person with a name and a reason


class Reason(StrEnum):
    """Why an order is not successful, in our words; the provider's own code rides along.

    Each has its sentence in every catalogue under `reason.<value>`.
    """

    NOT_ENOUGH_FUNDS = "not_enough_funds"
    PAYER_LIMIT = "payer_limit"
    PAYEE_LIMIT = "payee_limit"
    FUNDS_OR_LIMIT = "funds_or_limit"
    PAYER_NOT_FOUND = "payer_not_found"
    PAYEE_NOT_FOUND = "payee_not_found"
    PAYER_BLOCKED = "payer_blocked"
    PAYEE_BLOCKED = "payee_blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NOT_COMPLETED = "not_completed"
    WRONG_OTP = "wrong_otp"
    UNKNOWN_NETWORK = "unknown_network"
    OPERATOR_ERROR = "operator_error"  # the wallet operator's general fault
    SERVICE_DOWN = "service_down"
    NOT_AVAILABLE = "not_available"  # our configuration or contract; staff are alarmed
    BAD_REQUEST = "bad_request"
    NOT_SENT = "not_sent"  # nothing left within its time; nothing was taken
    CONSENT = "consent"
    MERCHANT_FUNDS = "merchant_funds"  # a payout: the merchant's wallet is short or at its limit; an alarm
    OTHER = "other"


# Whether an order that failed for this reason is known to have moved no money. The others say that something
# broke while the money may have been under way: nobody should hear "nothing was taken" then.
_PROVES: Final[dict[Reason, bool]] = {
    Reason.NOT_ENOUGH_FUNDS: True,
    Reason.PAYER_LIMIT: True,
    Reason.PAYEE_LIMIT: True,
    Reason.FUNDS_OR_LIMIT: True,
    Reason.PAYER_NOT_FOUND: True,
    Reason.PAYEE_NOT_FOUND: True,
    Reason.PAYER_BLOCKED: True,
    Reason.PAYEE_BLOCKED: True,
    Reason.REJECTED: True,
    Reason.EXPIRED: True,
    Reason.CANCELLED: True,
    Reason.NOT_COMPLETED: False,
    Reason.WRONG_OTP: True,
    Reason.UNKNOWN_NETWORK: True,
    Reason.OPERATOR_ERROR: False,
    Reason.SERVICE_DOWN: False,
    Reason.NOT_AVAILABLE: True,
    Reason.BAD_REQUEST: True,
    Reason.NOT_SENT: True,
    Reason.CONSENT: True,
    Reason.MERCHANT_FUNDS: True,
    Reason.OTHER: False,
}

FINAL: Final = frozenset({OrderState.SUCCESSFUL, OrderState.FAILED, OrderState.REVERSED})
OPEN: Final = frozenset(OrderState) - FINAL

_S = OrderState
# What may follow what. Provider words and our own decisions only; an operator's
# corrections stand apart below because they need a name and a reason.
_FOLLOWS: Final[dict[OrderState, frozenset[OrderState]]] = {
    _S.NEW: frozenset({_S.PENDING, _S.FAILED}),
    _S.PENDING: frozenset({_S.NEEDS_OTP, _S.SUCCESSFUL, _S.FAILED, _S.REVERSED, _S.UNRESOLVED}),
    _S.NEEDS_OTP: frozenset({_S.PENDING, _S.SUCCESSFUL, _S.FAILED, _S.REVERSED}),
    _S.UNRESOLVED: frozenset({_S.SUCCESSFUL, _S.FAILED, _S.REVERSED}),
    _S.SUCCESSFUL: frozenset({_S.REVERSED}),
    _S.FAILED: frozenset(),
    _S.REVERSED: frozenset(),
}
_BY_OPERATOR: Final[dict[OrderState, frozenset[OrderState]]] = {
    _S.UNRESOLVED: frozenset({_S.SUCCESSFUL, _S.FAILED, _S.REVERSED}),
    _S.FAILED: frozenset({_S.SUCCESSFUL}),
}
_MONEY_MOVED: Final = frozenset({_S.SUCCESSFUL, _S.REVERSED})
_PROVIDER_WORD: Final = frozenset({Source.REPLY, Source.CALLBACK, Source.WEBHOOK, Source.POLL})


def proves_nothing_moved(reason: Reason | None) -> bool:
    """Whether an order that failed for `reason` is known to have moved no money. Without a reason: no."""
    return reason is not None and _PROVES[reason]


class Verdict(StrEnum):
    MOVE = "move"  # write the transition
    SAME = "same"  # nothing to do; said again
    REFUSED = "refused"  # not allowed from here, and harmless
    CONTRADICTION = "contradiction"  # an incident: tell staff, change nothing


def judge(from_state: OrderState, to_state: OrderState, source: Source) -> Verdict:
    """What to do when `source` says an order held as `from_state` is `to_state`.

    Final states absorb: only REVERSED may follow SUCCESSFUL, on the provider's explicit word; a
    success after FAILED is a CONTRADICTION, which an operator may settle. While NEW nothing has left,
    so that only we can say anything. That money moved, or what became of an UNRESOLVED order, is
    never for us or the payer to say.
    """
    if from_state is to_state:
        return Verdict.SAME
    if source is Source.OPERATOR:
        return Verdict.MOVE if to_state in _BY_OPERATOR.get(from_state, frozenset()) else Verdict.REFUSED
    if from_state is _S.NEW and source is not Source.US:
        return Verdict.REFUSED
    if (to_state in _MONEY_MOVED or from_state is _S.UNRESOLVED) and source not in _PROVIDER_WORD:
        return Verdict.REFUSED
    if to_state in _FOLLOWS[from_state]:
        return Verdict.MOVE
    if from_state in FINAL and to_state in FINAL:
        return Verdict.CONTRADICTION
    return Verdict.REFUSED
