"""MTN MoMo's words: statuses, reasons, refusal codes, environments. Tables and their look-up only.

Source: MTN MoMo Open API (momodeveloper.mtn.com): its list of 26 error codes, its environments, and what
users met beside these, read November 2026.
"""

from typing import Final

from bot.money import PAYOUTS, OrderKind, OrderState, Reason

__all__ = [
    "COUNTRIES",
    "CREATED_NOTHING",
    "ENVIRONMENTS",
    "REASONS",
    "REFUSALS",
    "STILL_WORKING",
    "TEST_NUMBERS",
    "decide",
    "reason_of",
]

# X-Target-Environment and the currencies it takes.
ENVIRONMENTS: Final[dict[str, tuple[str, ...]]] = {
    "sandbox": ("EUR",),
    "mtnbenin": ("XOF",),
    "mtncameroon": ("XAF",),
    "mtncongo": ("XAF",),
    "mtnghana": ("GHS",),
    "mtnguineaconakry": ("GNF",),
    "mtnivorycoast": ("XOF",),
    "mtnliberia": ("LRD", "USD"),
    "mtnnigeria": ("NGN",),
    "mtnrwanda": ("RWF",),
    "mtnsouthafrica": ("ZAR",),
    "mtnsouthsudan": ("SSP",),
    "mtnswaziland": ("SZL",),
    "mtnuganda": ("UGX",),
    "mtnzambia": ("ZMW",),
}

# Where an environment's wallets are.
COUNTRIES: Final[dict[str, str]] = {
    "mtnbenin": "BJ",
    "mtncameroon": "CM",
    "mtncongo": "CG",
    "mtnghana": "GH",
    "mtnguineaconakry": "GN",
    "mtnivorycoast": "CI",
    "mtnliberia": "LR",
    "mtnnigeria": "NG",
    "mtnrwanda": "RW",
    "mtnsouthafrica": "ZA",
    "mtnsouthsudan": "SS",
    "mtnswaziland": "SZ",
    "mtnuganda": "UG",
    "mtnzambia": "ZM",
}
# How the numbers begin that MTN publishes for tests.
TEST_NUMBERS: Final = ("+467331234",)

# Every code we know, as `wire.read_code` writes it (so TRANSACTION_CANCELED without its dot).
REASONS: Final[dict[str, Reason]] = {
    # Published.
    "PAYEE_NOT_FOUND": Reason.PAYEE_NOT_FOUND,
    "PAYER_NOT_FOUND": Reason.PAYER_NOT_FOUND,
    "NOT_ALLOWED": Reason.NOT_AVAILABLE,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": Reason.NOT_AVAILABLE,
    "INVALID_CALLBACK_URL_HOST": Reason.NOT_AVAILABLE,
    "INVALID_CURRENCY": Reason.NOT_AVAILABLE,
    "SERVICE_UNAVAILABLE": Reason.SERVICE_DOWN,
    "INTERNAL_PROCESSING_ERROR": Reason.OPERATOR_ERROR,
    "NOT_ENOUGH_FUNDS": Reason.NOT_ENOUGH_FUNDS,
    "PAYER_LIMIT_REACHED": Reason.PAYER_LIMIT,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.PAYEE_BLOCKED,
    "PAYMENT_NOT_APPROVED": Reason.EXPIRED,
    "RESOURCE_NOT_FOUND": Reason.OTHER,
    "APPROVAL_REJECTED": Reason.REJECTED,
    "EXPIRED": Reason.EXPIRED,
    "TRANSACTION_CANCELED": Reason.CANCELLED,
    "RESOURCE_ALREADY_EXIST": Reason.OTHER,
    "TRANSACTION_NOT_COMPLETED": Reason.NOT_COMPLETED,
    "TRANSACTION_NOT_FOUND": Reason.OTHER,
    "INFORMATIONAL_SCOPE_INSTRUCTION": Reason.CONSENT,
    "MISSING_SCOPE_INSTRUCTION": Reason.CONSENT,
    "MORE_THAN_ONE_FINANCIAL_SCOPE_NOT_SUPPORTED": Reason.CONSENT,
    "UNSUPPORTED_SCOPE_COMBINATION": Reason.CONSENT,
    "CONSENT_MISMATCH": Reason.CONSENT,
    "UNSUPPORTED_SCOPE": Reason.CONSENT,
    "NOT_FOUND": Reason.OTHER,
    # Met in production.
    "COULD_NOT_PERFORM_TRANSACTION": Reason.EXPIRED,  # no PIN within about five minutes
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": Reason.FUNDS_OR_LIMIT,
    "PAYEE_LIMIT_REACHED": Reason.PAYEE_LIMIT,
    "SENDER_ACCOUNT_NOT_ACTIVE": Reason.PAYER_BLOCKED,
    "TRANSFER_TYPE_UNKNOWN": Reason.NOT_AVAILABLE,
    "VALIDATION_ERROR": Reason.BAD_REQUEST,
    "NOT_SUCCESSFULLY_COMPLETED": Reason.NOT_COMPLETED,
    # The shape of the token calls.
    "LOGIN_FAILED": Reason.NOT_AVAILABLE,
    "INVALID_CLIENT": Reason.NOT_AVAILABLE,
}

# On a payout the payer is the merchant, who enters no PIN: these mean something else than in REASONS.
_ON_PAYOUTS: Final[dict[str, Reason]] = {
    "NOT_ENOUGH_FUNDS": Reason.MERCHANT_FUNDS,  # in production also a receiver's limit
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": Reason.MERCHANT_FUNDS,
    "PAYER_LIMIT_REACHED": Reason.MERCHANT_FUNDS,
    "PAYER_NOT_FOUND": Reason.NOT_AVAILABLE,
    "SENDER_ACCOUNT_NOT_ACTIVE": Reason.NOT_AVAILABLE,
    "COULD_NOT_PERFORM_TRANSACTION": Reason.NOT_COMPLETED,
    "PAYMENT_NOT_APPROVED": Reason.NOT_COMPLETED,
}

# FAILED with one of these is not final: the operator says it is still at it.
STILL_WORKING: Final = frozenset({"PAYER_DELAYED", "PAYEE_DELAYED", "ONGOING"})

# FAILED with one of these says that the wallet cannot tell: nothing follows, a person looks in the end.
_UNTOLD: Final = frozenset(
    {"TRANSACTION_NOT_FOUND", "NOT_FOUND", "RESOURCE_NOT_FOUND", "RESOURCE_ALREADY_EXIST"}
)

# Refused requests, whatever their HTTP status (MTN sends 500 for the caller's own mistakes): the code
# itself says that nothing was created and that our configuration is at fault.
CREATED_NOTHING: Final = frozenset(
    {
        "NOT_ALLOWED",
        "NOT_ALLOWED_TARGET_ENVIRONMENT",
        "INVALID_CALLBACK_URL_HOST",
        "INVALID_CURRENCY",
        "TRANSFER_TYPE_UNKNOWN",
        "LOGIN_FAILED",
        "INVALID_CLIENT",
    }
)

# The same for a cause on a person's side. Any other code on a refused request leaves the outcome open.
REFUSALS: Final = frozenset(
    {
        "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
        "NOT_ENOUGH_FUNDS",
        "PAYEE_LIMIT_REACHED",
        "PAYEE_NOT_ALLOWED_TO_RECEIVE",
        "PAYEE_NOT_FOUND",
        "PAYER_LIMIT_REACHED",
        "PAYER_NOT_FOUND",
        "SENDER_ACCOUNT_NOT_ACTIVE",
        "VALIDATION_ERROR",
        *(code for code, reason in REASONS.items() if reason is Reason.CONSENT),
    }
)


def reason_of(kind: OrderKind, code: str) -> Reason:
    """What `code` means for an order of this kind."""
    if kind in PAYOUTS and code in _ON_PAYOUTS:
        return _ON_PAYOUTS[code]
    return REASONS.get(code, Reason.OTHER)


def decide(kind: OrderKind, status: str, code: str) -> tuple[OrderState | None, Reason | None]:
    """What the pair (status, reason code) says of an order; (None, ...) where nothing follows from it.

    FAILED with no code, or with one nobody published, is a failure without a known cause: the
    reference's last row. A status word outside the table never ends an order.
    """
    if status in ("PENDING", "CREATED"):
        return OrderState.PENDING, None
    if status == "SUCCESSFUL":
        return (None, reason_of(kind, code)) if code else (OrderState.SUCCESSFUL, None)
    if status == "FAILED":
        if code in STILL_WORKING:
            return OrderState.PENDING, None
        if code in _UNTOLD:
            return None, reason_of(kind, code)
        return OrderState.FAILED, reason_of(kind, code)
    return None, None
