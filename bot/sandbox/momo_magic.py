"""Numbers, e-mail names and party codes that make MoMo's sandbox play a part, and what each env takes.

Pure tables. Source: MTN MoMo developer portal, sandbox test numbers and account-holder test values;
times as measured by users in September 2026; currencies as published client libraries use them.
"""

from dataclasses import dataclass
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
_REQUEST_TO_PAY = {
    "450": Outcome("INTERNAL_PROCESSING_ERROR"),
    "451": Outcome("APPROVAL_REJECTED"),
    "452": Outcome("EXPIRED"),
    "453": Outcome(when="never"),
    "454": Outcome(when="later", first="CREATED"),
    "455": Outcome("PAYER_NOT_FOUND"),
    "456": Outcome("PAYEE_NOT_ALLOWED_TO_RECEIVE"),
    "457": Outcome("NOT_ALLOWED"),
    "458": Outcome("NOT_ALLOWED_TARGET_ENVIRONMENT"),
    "459": Outcome("INVALID_CALLBACK_URL_HOST"),
    "460": Outcome("INVALID_CURRENCY"),
    "461": Outcome("INTERNAL_PROCESSING_ERROR"),
    "462": Outcome("SERVICE_UNAVAILABLE"),
    "463": Outcome("COULD_NOT_PERFORM_TRANSACTION"),
    "464": Outcome("TRANSFER_TYPE_UNKNOWN"),
}
# One column of the published table for each kind of creation that reads it.
OUTCOMES: dict[str, dict[str, Outcome]] = {"request_to_pay": _REQUEST_TO_PAY}


def find_outcome(kind: str, party_id: str) -> Outcome:
    """What the published table says about this party for this kind; an ordinary one succeeds."""
    number = party_id.removeprefix("+")
    if not number.startswith(MAGIC_PREFIX):
        return SUCCEEDS
    return OUTCOMES[kind].get(number.removeprefix(MAGIC_PREFIX), SUCCEEDS)


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
