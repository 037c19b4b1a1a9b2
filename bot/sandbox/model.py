"""The records of the sandbox: entries, handsets, messages, credentials, deliveries.

Plain values; the rules that change them live with each provider. All are stored as JSON.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Raw, Struct, field

OPEN, IGNORED, CLOSED = "open", "ignored", "closed"


class Step(Struct):
    """A change that happens by itself at `at` (epoch seconds on the sandbox's clock)."""

    at: float
    status: str
    reason: str | None = None


class Prompt(Struct):
    """The PIN prompt on a payer's handset. `kind` says what approving it does."""

    id: str
    msisdn: str
    payee: str
    message: str
    created_at: float
    expires_at: float
    state: str = OPEN
    wrong_pins: int = 0
    kind: Literal["payment", "withdrawal", "pre_approval", "consent"] = "payment"


class Entry(Struct, kw_only=True):
    """One accepted creation: the row of the judge's record.

    `status` is the provider's own word. `amount` is in major units whatever the provider counts in.
    `direction` is where its money goes, seen from the merchant: "in" is counted by `times_charged`, "out"
    by `times_paid_out`, "none" moves nothing. `refunded` is what refunds have given back of a charge.
    `timeline` is what will happen by itself; an action of a person replaces it. `knobs` are the fault
    values a rule attached to this one transaction. `detail` holds what only its provider knows.
    """

    seq: int
    provider: str
    kind: str
    account: str
    reference: str
    provider_reference: str
    external_id: str | None
    amount: Decimal
    currency: str
    party: str
    msisdn: str | None
    status: str
    created_at: float
    updated_at: float
    reason: str | None = None
    final_at: float | None = None
    direction: Literal["in", "out", "none"] = "in"
    times_charged: int = 0
    times_paid_out: int = 0
    refunded: Decimal = Decimal(0)
    returned: bool = False
    callback_url: str | None = None
    timeline: list[Step] = field(default_factory=list)
    prompt: Prompt | None = None
    knobs: dict[str, Any] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)
    status_gets: int = 0


class Handset(Struct, kw_only=True):
    """A phone with a wallet in it."""

    msisdn: str
    name: str
    pin: str
    balances: dict[str, Decimal]


class Sms(Struct):
    """A message in a number's inbox, whether or not it has a handset."""

    seq: int
    id: str
    msisdn: str
    sender: str
    text: str
    at: float


class ApiUser(Struct, kw_only=True):
    """A MoMo API user. Keys are kept as SHA-256; `product` None means not bound to one."""

    api_user: str
    key_hashes: list[str]
    callback_host: str
    environment: str
    product: str | None = None
    subscription_keys: list[str] = field(default_factory=list)
    payee: str = "Kasapay"
    balance: Decimal = Decimal(1000)
    preset: bool = False
    wallet: str = ""


class Token(Struct):
    """A bought token, kept under its SHA-256. `use`: calls of a product, a person's data, or its renewal.

    `consent` is the auth_req_id behind the latter two.
    """

    api_user: str
    product: str
    expires_at: float
    use: Literal["product", "userinfo", "refresh"] = "product"
    consent: str = ""


class Delivery(Struct, kw_only=True):
    """One callback or webhook: what was or will be sent, and what came back."""

    seq: int
    provider: str
    reference: str
    kind: str
    method: str
    url: str
    headers: dict[str, str]
    body: str
    due_at: float
    queued_at: float
    state: str = "queued"
    sent_at: float | None = None
    answer_status: int | None = None
    error: str | None = None


class Seen(Struct):
    """One provider request as the log keeps it: nothing secret, a path template and no numbers."""

    seq: int
    at: float
    provider: str
    method: str
    path: str
    reference: str | None
    status: int | str


class Setting(Struct):
    """A value of the sandbox itself that outlives a restart."""

    value: Raw


def moment(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, as pages and Startbutton write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(amount: Decimal) -> str:
    """The shortest decimal text of an amount: "12.50" becomes "12.5".

    Source: users report that MoMo echoes amounts this way.
    """
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_entry(entry: Entry) -> dict[str, Any]:
    """An entry as the judge tells it. `amount` is decimal text in major units for every provider."""
    return {
        "seq": entry.seq,
        "provider": entry.provider,
        "kind": entry.kind,
        "account": entry.account or None,
        "reference": entry.reference,
        "provider_reference": entry.provider_reference,
        "external_id": entry.external_id,
        "amount": plain(entry.amount),
        "currency": entry.currency,
        "party": entry.party,
        "msisdn": entry.msisdn,
        "status": entry.status,
        "reason": entry.reason,
        "direction": entry.direction,
        "charged": entry.times_charged > 0,
        "times_charged": entry.times_charged,
        "paid_out": entry.times_paid_out > 0,
        "times_paid_out": entry.times_paid_out,
        "refunded": plain(entry.refunded),
        "returned": entry.returned,
        "callback_url": entry.callback_url,
        "created_at": moment(entry.created_at),
        "updated_at": moment(entry.updated_at),
        "final_at": moment(entry.final_at) if entry.final_at is not None else None,
    }


def show_delivery(delivery: Delivery) -> dict[str, Any]:
    """A callback as the record tells it."""
    return {
        "seq": delivery.seq,
        "provider": delivery.provider,
        "reference": delivery.reference,
        "kind": delivery.kind,
        "method": delivery.method,
        "url": delivery.url,
        "body": delivery.body,
        "state": delivery.state,
        "queued_at": moment(delivery.queued_at),
        "due_at": moment(delivery.due_at),
        "sent_at": moment(delivery.sent_at) if delivery.sent_at is not None else None,
        "answer_status": delivery.answer_status,
        "error": delivery.error,
    }


def show_seen(seen: Seen) -> dict[str, Any]:
    """A line of the request log."""
    return {
        "seq": seen.seq,
        "provider": seen.provider,
        "method": seen.method,
        "path": seen.path,
        "reference": seen.reference,
        "status": seen.status,
        "at": moment(seen.at),
    }
