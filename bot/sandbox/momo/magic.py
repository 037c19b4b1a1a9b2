"""Numbers, amounts, references and names that make MoMo's sandbox play a part; what each env takes.

Pure tables. Source: MTN MoMo developer portal, sandbox test numbers and account-holder test values;
times as measured by users in September 2026; currencies as published client libraries use them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

CURRENCIES: dict[str, tuple[str, ...]] = {
    "sandbox": ("EUR",),
    "mtnuganda": ("UGX",),
    "mtnghana": ("GHS",),
    "mtnivorycoast": ("XOF",),
    "mtnzambia": ("ZMW",),
    "mtncameroon": ("XAF",),
    "mtnbenin": ("XOF",),
    "mtncongo": ("XAF",),
    "mtnswaziland": ("SZL",),
    "mtnguineaconakry": ("GNF",),
    "mtnsouthafrica": ("ZAR",),
    "mtnliberia": ("LRD", "USD"),
    "mtnrwanda": ("RWF",),
    "mtnnigeria": ("NGN",),
    "mtnsouthsudan": ("SSP",),
}

MAGIC_PREFIX = "46733123"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a payment nobody is asked about ends: at once, after the long wait, or never."""

    reason: str | None = None
    when: Literal["now", "later", "never"] = "now"
    first: str = "PENDING"


SUCCEEDS = Outcome()
FAILS = Outcome("INTERNAL_PROCESSING_ERROR")
REJECTED = Outcome("APPROVAL_REJECTED")
RUNS_OUT = Outcome("EXPIRED")
STAYS_OPEN = Outcome(when="never")
SUCCEEDS_LATER = Outcome(when="later", first="CREATED")
_EVERYWHERE = {"450": FAILS, "451": REJECTED, "452": RUNS_OUT, "453": STAYS_OPEN, "454": SUCCEEDS_LATER}


def _column(*codes: str) -> dict[str, Outcome]:
    """The endings 455 and up with these codes, after the five that are the same in every column."""
    return _EVERYWHERE | {str(455 + number): Outcome(code) for number, code in enumerate(codes)}


_PAYER = _column(
    "PAYER_NOT_FOUND",
    "PAYEE_NOT_ALLOWED_TO_RECEIVE",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "INVALID_CALLBACK_URL_HOST",
    "INVALID_CURRENCY",
    "INTERNAL_PROCESSING_ERROR",
    "SERVICE_UNAVAILABLE",
    "COULD_NOT_PERFORM_TRANSACTION",
    "TRANSFER_TYPE_UNKNOWN",
)
_TRANSFER = _column(
    "NOT_ENOUGH_FUNDS",
    "PAYER_LIMIT_REACHED",
    "PAYEE_NOT_FOUND",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "INVALID_CALLBACK_URL_HOST",
    "INVALID_CURRENCY",
    "INTERNAL_PROCESSING_ERROR",
    "SERVICE_UNAVAILABLE",
    "TRANSFER_TYPE_UNKNOWN",
)
_PRE_APPROVAL = _column(
    "PAYER_NOT_FOUND",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "INVALID_CALLBACK_URL_HOST",
    "INVALID_CURRENCY",
    "INTERNAL_PROCESSING_ERROR",
    "SERVICE_UNAVAILABLE",
)
# One column of the published table for each kind of creation that reads it. Invoices have none there; they
# read the payer's.
OUTCOMES: dict[str, dict[str, Outcome]] = {
    "request_to_pay": _PAYER,
    "request_to_withdraw": _PAYER,
    "deposit": _PAYER,
    "invoice": _PAYER,
    "transfer": _TRANSFER,
    "pre_approval": _PRE_APPROVAL,
}
# The payer of this number always has an empty list of pre-approvals.
NOTHING_APPROVED = MAGIC_PREFIX + "469"


def find_outcome(kind: str, party_id: str) -> Outcome:
    """What the published table says about this party for this kind; an ordinary one succeeds."""
    number = party_id.removeprefix("+")
    if not number.startswith(MAGIC_PREFIX):
        return SUCCEEDS
    return OUTCOMES[kind].get(number.removeprefix(MAGIC_PREFIX), SUCCEEDS)


_AMOUNTS = {
    2000: FAILS,
    3000: Outcome(when="later"),
    4000: Outcome("INTERNAL_PROCESSING_ERROR", when="later"),
    5000: STAYS_OPEN,
    6000: STAYS_OPEN,
    7000: Outcome("TRANSFER_TYPE_UNKNOWN"),
}


def find_payment_outcome(amount: Decimal) -> Outcome:
    """What the published table says about a payment of this amount."""
    return _AMOUNTS.get(int(amount), SUCCEEDS) if amount == int(amount) else SUCCEEDS


# The numbered cases of a refund. Their ids are not known to us: these are our own, made to be remembered.
_REFUNDS = (
    Outcome("TRANSACTION_NOT_FOUND"),
    FAILS,
    REJECTED,
    RUNS_OUT,
    STAYS_OPEN,
    Outcome(when="later"),
    Outcome("NOT_ALLOWED"),
    Outcome("NOT_ALLOWED_TARGET_ENVIRONMENT"),
    Outcome("INVALID_CALLBACK_URL_HOST"),
    Outcome("INVALID_CURRENCY"),
    Outcome("INTERNAL_PROCESSING_ERROR"),
    Outcome("SERVICE_UNAVAILABLE"),
    Outcome("COULD_NOT_PERFORM_TRANSACTION"),
)
REFUNDS = {
    f"{MAGIC_PREFIX}-0000-4000-8000-{number:012}": outcome for number, outcome in enumerate(_REFUNDS, 1)
}

# How asking for a person's consent ends: the OAuth error of the token call and, for those whose consent
# would have moved money, MoMo's own code. The others are given, and read further on.
CONSENTS: dict[str, tuple[str, str]] = {
    "451": ("access_denied", ""),
    "453": ("expired_token", ""),
    "456": ("invalid_scope", ""),
    "457": ("invalid_grant", ""),
    "458": ("access_denied", "NOT_ENOUGH_FUNDS"),
    "459": ("access_denied", "PAYEE_NOT_FOUND"),
    "460": ("access_denied", "CONSENT_MISMATCH"),
    "461": ("access_denied", "PAYER_LIMIT_REACHED"),
    "462": ("access_denied", "PAYEE_NOT_ALLOWED_TO_RECEIVE"),
}
CONSENT_UNKNOWN, CONSENT_PENDING = "450", "452"
CONSENT_NOT_RENEWED, CONSENT_REVOKED = "454", "455"


def find_ending(party_id: str) -> str:
    """The last three digits of a test number; empty for any other."""
    number = party_id.removeprefix("+")
    return number.removeprefix(MAGIC_PREFIX) if number.startswith(MAGIC_PREFIX) else ""


HolderAnswer = tuple[int, str | bool]
_NOT_FOUND: HolderAnswer = (404, "RESOURCE_NOT_FOUND")
_NOT_ACTIVE: HolderAnswer = (200, False)
_NOT_ALLOWED: HolderAnswer = (500, "NOT_ALLOWED")
_NOT_ALLOWED_ENVIRONMENT: HolderAnswer = (500, "NOT_ALLOWED_TARGET_ENVIRONMENT")
_ERROR: HolderAnswer = (500, "INTERNAL_PROCESSING_ERROR")
_UNAVAILABLE: HolderAnswer = (503, "SERVICE_UNAVAILABLE")

_HOLDERS: dict[str, dict[str, HolderAnswer]] = {
    "msisdn": {
        MAGIC_PREFIX + "450": _NOT_FOUND,
        MAGIC_PREFIX + "451": _NOT_ACTIVE,
        MAGIC_PREFIX + "452": _NOT_ALLOWED,
        MAGIC_PREFIX + "453": _NOT_ALLOWED_ENVIRONMENT,
        MAGIC_PREFIX + "454": _ERROR,
        MAGIC_PREFIX + "455": _UNAVAILABLE,
    },
    "email": {
        "notfound@email.com": _NOT_FOUND,
        "notactive@email.com": _NOT_ACTIVE,
        "notallowed@email.com": _NOT_ALLOWED,
        "notallowedtargetenvironment@email.com": _NOT_ALLOWED_ENVIRONMENT,
        "internalprocessingerror@email.com": _ERROR,
        "serviceunavailable@email.com": _UNAVAILABLE,
    },
    "party_code": {
        "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc": _NOT_FOUND,
        "b0040b3c-b426-4a90-af6e-673e65861cd7": _NOT_ACTIVE,
        "4d5f500f-c385-4901-9be5-25b6d36ad220": _NOT_ALLOWED,
        "d2265f9b-0c22-496d-908f-79a65ad66266": _NOT_ALLOWED_ENVIRONMENT,
        "8f548a78-ceb8-4d12-a243-5640b91e91a4": _ERROR,
        "585c07a4-2c80-42f7-9e73-e586b36dee68": _UNAVAILABLE,
    },
}


def find_holder(id_type: str, holder: str) -> HolderAnswer:
    """HTTP status and code (or the `result`) for an account-holder question; ordinary ones are active."""
    return _HOLDERS[id_type].get(holder.removeprefix("+").lower(), (200, True))
