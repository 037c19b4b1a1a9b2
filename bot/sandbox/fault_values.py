"""The one list of switches: names, types, limits, defaults and help.

A page draws itself from `describe()`. Counters: 0 is off, n the next n times, -1 always.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

GROUPS = (
    "momo.provisioning",
    "momo.token",
    "momo.create",
    "momo.status",
    "momo.notification",
    "momo.agreement",
    "momo.account",
    "momo.consent",
    "momo.oauth",
    "startbutton.create",
    "startbutton.otp",
    "startbutton.status",
    "startbutton.list",
    "startbutton.wallet",
    "startbutton.transfer",
    "startbutton.refund",
    "startbutton.bank",
    "sms.send",
)


def _int(help_: str, ge: int = 0, le: int = 10_000_000) -> Meta:
    return Meta(ge=ge, le=le, description=help_)


def _text(help_: str, pattern: str = r"^[\x20-\x7e]*\Z") -> Meta:
    return Meta(max_length=64, pattern=pattern, description=help_)


class FaultValues(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every switch at one moment. The defaults are a world where nothing goes wrong."""

    # Any provider request.
    latency_ms: Annotated[
        int, _int("Answer this much later; the request itself is handled at once.", le=600_000)
    ] = 0
    token_latency_ms: Annotated[int, _int("The same for the MoMo token call only.", le=600_000)] = 0
    drop_reply: Annotated[int, _int("Handle the request, then close the socket without an answer.", -1)] = 0
    drop_request: Annotated[int, _int("Close the socket without handling the request.", -1)] = 0
    error_status: Annotated[int, _int("Answer with this HTTP status (400 to 599); 0 is off.", 0, 599)] = 0
    error_times: Annotated[int, _int("How often error_status is answered; -1 is always.", -1)] = -1
    error_probability: Annotated[
        float, Meta(ge=0, le=1, description="Share of requests that error_status strikes, by a seeded draw.")
    ] = 1
    error_seed: Annotated[int, _int("Seed of that draw; setting it begins the draw again.")] = 1
    error_when: Annotated[
        Literal["before", "after"],
        Meta(description="Fail before the request is handled, or after (it was accepted all the same)."),
    ] = "before"
    error_shape: Annotated[
        Literal["json", "html", "empty"],
        Meta(description="Body of that error: JSON, an HTML page or nothing."),
    ] = "json"
    error_code: Annotated[str, _text("Code inside a MoMo error body, such as INTERNAL_PROCESSING_ERROR.")] = (
        ""
    )
    retry_after_s: Annotated[int, _int("Retry-After header on 429 and 503; -1 sends none.", -1)] = -1
    unauthorized: Annotated[
        int, _int("Answer 401 although the credentials are right (not on token calls).", -1)
    ] = 0
    # Status answers of both providers.
    status_not_found_first: Annotated[
        int, _int("Status answers 404 for the first N questions of a payment.")
    ] = 0
    status_word: Annotated[str, _text("Status answers show this word instead of the true one.")] = ""
    echo_amount: Annotated[
        str, _text("Status answers and callbacks show this amount.", r"^([0-9]{1,15}(\.[0-9]{1,4})?)?\Z")
    ] = ""
    echo_currency: Annotated[
        str, _text("Status answers and callbacks show this currency.", r"^([A-Z]{3})?\Z")
    ] = ""
    # MoMo.
    reason_shape: Annotated[
        Literal["string", "object", "null", "absent"],
        Meta(description="How the reason of a failed payment is written."),
    ] = "string"
    reason_code: Annotated[str, _text("Failed payments give this reason instead of the true one.")] = ""
    open_as_failed: Annotated[
        str, _text("An open payment says FAILED with this reason, such as PAYER_DELAYED or ONGOING.")
    ] = ""
    financial_id_absent: Annotated[
        bool, Meta(description="Results leave out financialTransactionId, as deposits have done.")
    ] = False
    deposit_party: Annotated[
        Literal["payee", "payer"],
        Meta(description="Field of a deposit's status that names whose wallet it went to."),
    ] = "payee"
    numeric_ids: Annotated[
        bool, Meta(description="Write ids and amounts as JSON numbers, as the old samples do.")
    ] = False
    created_status: Annotated[bool, Meta(description="An open payment says CREATED instead of PENDING.")] = (
        False
    )
    active_shape: Annotated[
        Literal["object", "bare"], Meta(description='Account holder active: {"result": true} or a bare true.')
    ] = "object"
    wrapped_lists: Annotated[
        bool, Meta(description='Approved pre-approvals come as {"preApprovalDetails": [...]}.')
    ] = False
    expiration_shape: Annotated[
        Literal["text", "integer"],
        Meta(description="expirationDateTime of a pre-approval: a moment as text, or epoch milliseconds."),
    ] = "text"
    invoice_successful: Annotated[
        Literal["paid", "created"],
        Meta(description="What SUCCESSFUL says of an invoice: it was paid, or only that it was created."),
    ] = "paid"
    address_shape: Annotated[
        Literal["object", "text"],
        Meta(description="Address and credit score in userinfo: object and number, or both as text."),
    ] = "object"
    consent_slow_down: Annotated[
        bool, Meta(description="Polling for consent sooner than the interval is answered slow_down.")
    ] = False
    new_gateway: Annotated[
        bool,
        Meta(
            description="The new gateway's manners: X-Target-Environment on the token call, invalid_client,"
            " HTML for some User-Agents, and nothing known of what the old one created."
        ),
    ] = False
    balance_answer: Annotated[
        Literal["ledger", "zero", "negative", "not_allowed", "not_found", "error", "rotate"],
        Meta(
            description="Account balance: what the record says, or a canned answer as the real sandbox gives."
        ),
    ] = "ledger"
    # Callbacks and webhooks.
    callback_lost: Annotated[int, _int("Callbacks are not sent at all.", -1)] = 0
    callback_late_s: Annotated[int, _int("Callbacks are sent this many seconds late.")] = 0
    callback_duplicates: Annotated[int, _int("Every callback is repeated this many times.", le=100)] = 0
    callback_before_reply: Annotated[
        bool, Meta(description="A payment that needs nobody ends, and is called back, before its own 202.")
    ] = False
    callback_forged: Annotated[
        Literal["none", "successful", "amount", "contradicting"],
        Meta(
            description="A false callback: SUCCESSFUL at once, SUCCESSFUL with another amount at once,"
            " or the opposite of the outcome at the end."
        ),
    ] = "none"
    callback_method: Annotated[
        Literal["usual", "PUT", "POST"], Meta(description="HTTP method of MoMo callbacks.")
    ] = "usual"
    callback_body: Annotated[
        Literal["usual", "unknown_fields", "invalid_json", "empty"], Meta(description="Body of callbacks.")
    ] = "usual"
    # Startbutton.
    next_step: Annotated[
        Literal["rule", "OTP", "PIN", "absent", "unknown"],
        Meta(description="nextStep of a charge; the rule asks an OTP until a phone has given one."),
    ] = "rule"
    otp_then_pin: Annotated[
        bool, Meta(description="After the OTP the handset is prompted for the PIN too.")
    ] = False
    charge_outcome: Annotated[
        Literal["rule", "failed", "declined", "expired", "abandoned"],
        Meta(description="How a charge of a number without a handset ends."),
    ] = "rule"
    reverse_after_s: Annotated[
        int, _int("A settled charge, or a transfer that succeeded, is reversed so much later; -1 never.", -1)
    ] = -1
    transfer_outcome: Annotated[
        Literal["rule", "failed", "reversed", "pending"],
        Meta(description="How a Startbutton transfer ends; by the rule only a failing test number fails."),
    ] = "rule"
    refund_outcome: Annotated[
        Literal["successful", "failed", "pending"], Meta(description="How a Startbutton refund ends.")
    ] = "successful"
    refund_shape: Annotated[
        Literal["usual", "object", "list"],
        Meta(description="Refund status: a list for a payment and an object for a refund, or always one."),
    ] = "usual"
    refund_events: Annotated[
        bool, Meta(description="Refunds have webhooks (refund.successful), as users have seen.")
    ] = False
    address_refused: Annotated[
        bool, Meta(description="The caller's address is not on the account's list: everything is 403.")
    ] = False
    duplicate_reference: Annotated[
        Literal["refuse", "renew"],
        Meta(description="A used merchant reference is refused, or silently replaced by a new one."),
    ] = "refuse"
    envelope_key: Annotated[
        Literal["usual", "success", "status"],
        Meta(description="Field that tells success in Startbutton answers."),
    ] = "usual"
    envelope_data: Annotated[
        Literal["usual", "absent", "null", "empty"], Meta(description="data of Startbutton failures.")
    ] = "usual"
    refusal_status: Annotated[
        int, _int("HTTP status of Startbutton refusals; 0 is the usual one.", 0, 599)
    ] = 0
    webhook_signature: Annotated[
        Literal["good", "wrong_key", "sha256", "upper", "missing", "garbage"],
        Meta(description="Signature of Startbutton webhooks."),
    ] = "good"
    webhook_order: Annotated[
        Literal["usual", "completed_first"],
        Meta(description="collection.completed is sent before collection.verified."),
    ] = "usual"
    webhook_event: Annotated[str, _text("Event name sent instead of the true one.")] = ""
    webhook_spacing: Annotated[
        Literal["compact", "spaced"], Meta(description="Spaces and line ends inside the signed bytes.")
    ] = "compact"
    webhook_non_ascii: Annotated[bool, Meta(description="Put letters outside ASCII into the webhook.")] = (
        False
    )
    webhook_key_order: Annotated[
        Literal["usual", "reversed"], Meta(description="Order of the fields inside the webhook.")
    ] = "usual"
    # SMS.
    sms_code: Annotated[
        int, _int("Recipient status code instead of 101; above 102 nothing arrives.", 0, 999)
    ] = 0
    sms_no_recipients: Annotated[
        bool, Meta(description="The SMS answer lists no recipient; nothing arrives.")
    ] = False


COUNTERS = ("drop_reply", "drop_request", "error_times", "unauthorized", "callback_lost")
_TYPES = {"integer": "int", "boolean": "bool", "string": "text", "number": "number"}


def describe() -> list[dict[str, Any]]:
    """Name, type, default, choices, limits and one sentence for each fault, for a page to draw."""
    fields = msgspec.json.schema(FaultValues)["$defs"]["FaultValues"]["properties"]
    return [
        {
            "name": name,
            "type": "choice" if "enum" in field else _TYPES[field["type"]],
            "default": field["default"],
            "choices": field.get("enum"),
            "minimum": field.get("minimum"),
            "maximum": field.get("maximum"),
            "counter": name in COUNTERS,
            "help": field["description"],
        }
        for name, field in fields.items()
    ]
