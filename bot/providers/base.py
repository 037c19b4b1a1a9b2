"""What the other rooms know of any provider: values in, values out, and the errors that say what to do next.

An adapter encodes a call and decodes its reply; it keeps no state and sends nothing. The one sender
is `bot/providers/sender.py`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

import msgspec

from bot.money import AmountRule, Money, Msisdn, NumberRule, OrderDetails, OrderKind, OrderState, Reason
from bot.providers.secret import Secret
from bot.providers.settings import Account, ProviderSettings

__all__ = [
    "Account",
    "AccountHolder",
    "Adapter",
    "AgreementReport",
    "AgreementWord",
    "AlreadyAccepted",
    "AsksConsent",
    "AsksOtp",
    "Bank",
    "BuysTokens",
    "Call",
    "CallbackEvent",
    "ChecksHolders",
    "Consent",
    "ConsentAsked",
    "ConsentState",
    "Declined",
    "Elsewhere",
    "EventTopic",
    "Grant",
    "HintCallback",
    "KeepsAgreements",
    "ListPage",
    "Listed",
    "ListsBanks",
    "ListsPayments",
    "Malformed",
    "Misconfigured",
    "NamesHolders",
    "NextStep",
    "NotSent",
    "NotifiesPayers",
    "OrderCall",
    "OtpAnswer",
    "PaysBills",
    "Preapproval",
    "ProviderCallback",
    "ProviderError",
    "Receipt",
    "Reply",
    "Request",
    "Resend",
    "Secret",
    "ShowsBalance",
    "ShowsPayoutBalance",
    "SignedCallback",
    "StatusReport",
    "Unknown",
    "UserInfo",
    "WarnsOperator",
    "able",
]

R_co = TypeVar("R_co", covariant=True)
P = TypeVar("P")


class Resend(StrEnum):
    """May a creation be repeated after its fate is unknown?"""

    SAME_REFERENCE = "same_reference"  # the provider refuses a second creation under one reference
    NEVER = "never"  # only ask


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, without host and without credentials.

    `auth` names what the sender adds: a product whose bearer token is to be bought ("collection"),
    or a key kind ("public", "secret"). `bearer` goes in its place where the call has a token of its own
    (a person's consent). `body` is JSON-encodable, `form` is sent as a form; both None sends no body.
    `sign`, where it is given, makes further headers of the exact bytes of the body and the time (UTC).
    """

    method: str
    path: str
    auth: str
    headers: Mapping[str, str] = {}
    body: Any = None
    form: Mapping[str, str] | None = None
    bearer: Secret = Secret("")
    sign: Callable[[bytes, datetime], Mapping[str, str]] | None = None

    def __repr__(self) -> str:
        # Paths and bodies hold numbers and OTPs.
        return f"Request({self.method!r}, auth={self.auth!r})"


class Reply(msgspec.Struct, frozen=True):
    """What came back: status, lower-cased headers, raw bytes (at most 64 KiB)."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Call(Generic[R_co]):
    """A request and the decoder of its reply.

    `name` is for logs. `creates` is true where the provider may move money or keep something because
    of it: then a lost reply is `Unknown`, and `resend` says whether the same reference may be sent
    again. `decode` raises a ProviderError for a refusal and nothing else.
    """

    __slots__ = ("creates", "decode", "name", "request", "resend")

    def __init__(
        self,
        name: str,
        request: Request,
        decode: Callable[[Reply], R_co],
        *,
        creates: bool = False,
        resend: Resend = Resend.NEVER,
    ) -> None:
        self.name = name
        self.request = request
        self.decode = decode
        self.creates = creates
        self.resend = resend


class OrderCall(msgspec.Struct, frozen=True):
    """What an adapter needs of an order to make any call about it.

    `reference` is ours: a UUID v4 in text. `code` is the order's code.
    `callback_url` is None where no public address is set. `network` is one of `Adapter.networks`,
    empty where that is empty. `payer` is whose wallet is asked, `payee` who gets the money; empty where
    the kind has none. What the order is about, where it is about another: a refund's payment, a
    cancelled invoice or pre-approval, by our reference (`about_reference`) and theirs
    (`about_provider_reference`; a pre-approval's id). `taken`: their ids of the payer's other
    pre-approvals, none of which is this one. `sent_ms`: when the creation left last, None where
    it has not; what the provider shows without an id of ours is told apart by it.
    """

    reference: str
    code: str
    kind: OrderKind
    amount: Money
    payer: Msisdn = ""
    payer_note: str = ""
    payee_note: str = ""
    provider_reference: str = ""
    network: str = ""
    callback_url: str | None = None
    payee: Msisdn = ""
    details: OrderDetails = OrderDetails()
    about_reference: str = ""
    about_provider_reference: str = ""
    taken: tuple[str, ...] = ()
    sent_ms: int | None = None


class NextStep(StrEnum):
    """What the payer does next."""

    APPROVE = "approve"  # the payer answers on the wallet's own prompt
    OTP = "otp"  # the payer got a code by SMS and tells it to us


class Receipt(msgspec.Struct, frozen=True):
    """The provider took the request. Accepted is not paid."""

    next_step: NextStep = NextStep.APPROVE
    provider_reference: str = ""


class OtpAnswer(msgspec.Struct, frozen=True):
    """Whether the provider took a one-time code.

    `accepted`: it was right (still not paid). False: wrong, may be tried again.
    """

    accepted: bool


class StatusReport(msgspec.Struct, frozen=True):
    """The provider's word on an order, decoded; what to believe is decided elsewhere.

    `state` None: the pair (status, reason) is in no table, so nothing follows from it. `amount` and
    `party` are as echoed, None where the reply does not say; an amount in the account's
    `wire_currency` is given in its `currency`, any other as it stands, so that comparing with the
    order finds a difference. `party` may be any text where the reply names no number.
    `provider_code` is their own word, normalised and with digits masked.
    """

    state: OrderState | None
    reason: Reason | None = None
    provider_code: str = ""
    amount: Money | None = None
    party: Msisdn | None = None
    provider_reference: str = ""
    financial_id: str = ""
    not_found: bool = False
    # Whether it is the reference asked by that was not found, said by the status that means it; and whether
    # the reply itself names our reference.
    surely_lacks: bool = False
    names_ours: bool = False
    # Whether the provider's status of such an order has an amount: see `Adapter.tells_no_amount`.
    tells_amount: bool = True
    # Of agreements: what the customer types in the wallet to pay an invoice; until when it stands.
    payment_reference: str = ""
    expires_ms: int | None = None


class AgreementWord(StrEnum):
    """What has become of a standing agreement, by the provider's word."""

    ACTIVE = "active"  # it stands: an invoice may be paid, a pre-approval be charged
    PAID = "paid"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class AgreementReport(msgspec.Struct, frozen=True):
    """The provider's word on an agreement that an order made: an invoice, a pre-approval.

    `state` None: nothing follows from what was said. `amount`, `party` and `provider_code` are as in
    `StatusReport`. `provider_reference` is the provider's id of a pre-approval, where it is certain
    which one is meant; a later PREAPPROVAL_CANCEL needs it as `about_provider_reference`. `none_stands`:
    of all that the payer approved none is left that is, or without its id could be, this one. Before its
    time is over such a list may only be late.
    """

    state: AgreementWord | None
    provider_code: str = ""
    payment_reference: str = ""
    expires_ms: int | None = None
    amount: Money | None = None
    party: Msisdn | None = None
    financial_id: str = ""
    provider_reference: str = ""
    none_stands: bool = False


class AccountHolder(msgspec.Struct, frozen=True):
    """Who is behind a number. `known` False: the provider says nobody is there. `active` False: there, but
    cannot pay."""

    known: bool
    active: bool
    name: str = ""


class Listed(msgspec.Struct, frozen=True):
    """One payment of the provider's own list, as far as it can be read.

    `reference` is ours as we sent it, `provider_reference` theirs. `state` None: an unknown word;
    `amount` None: it cannot be held. `provider_code` as in `StatusReport`. Times are epoch
    milliseconds: the money moved between the two, None where the reply does not say.
    """

    reference: str
    provider_reference: str
    state: OrderState | None
    provider_code: str = ""
    amount: Money | None = None
    currency: str = ""
    created_ms: int | None = None
    updated_ms: int | None = None


class ListPage(msgspec.Struct, frozen=True):
    """A part of the list. `count` rows were sent, also those that are no payments: ask on behind them."""

    rows: tuple[Listed, ...]
    count: int


class EventTopic(StrEnum):
    """What a webhook is about."""

    PAYMENT = "payment"
    TRANSFER = "transfer"
    REFUND = "refund"
    DISPUTE = "dispute"  # a customer contests a payment: staff must look
    OTHER = "other"


class CallbackEvent(msgspec.Struct, frozen=True):
    """What a verified webhook is about: references to look an order up by, and the event's name.

    `reference` is ours as `OrderCall.reference` has it. All are empty where the signature holds over
    bytes nobody can read: answer 200, note it, ignore it. `amount` is what the event tells, None where it
    tells none that can be held; it decides nothing, and where it differs from the order's it is other
    money. `reserialised`: the signature held only over the JSON written anew.
    """

    name: str
    provider_reference: str = ""
    reference: str = ""
    topic: EventTopic = EventTopic.OTHER
    amount: Money | None = None
    reserialised: bool = False
    # What the event says has become of it; None where it says nothing we know.
    reported_state: OrderState | None = None


class Preapproval(msgspec.Struct, frozen=True):
    """One pre-approval of a payer's list. `approved`: it stands now; `payee` who may debit, as told."""

    id: str
    approved: bool
    payee: str = ""
    expires_ms: int | None = None


class ConsentAsked(msgspec.Struct, frozen=True):
    """The person is asked on the phone. Poll with `id`, not sooner than every `interval_s`."""

    id: Secret
    interval_s: float
    expires_s: float


class ConsentState(StrEnum):
    """What has become of a consent that was asked for."""

    WAITING = "waiting"
    GIVEN = "given"
    REFUSED = "refused"
    EXPIRED = "expired"


class Consent(msgspec.Struct, frozen=True):
    """Where a consent stands; `token` only where it is GIVEN, good for `lives_s`."""

    state: ConsentState
    token: Secret = Secret("")
    lives_s: float = 0.0
    refresh: Secret = Secret("")
    scope: str = ""


class UserInfo(msgspec.Struct, frozen=True):
    """What a person consented to share; empty where the provider does not tell it. `gender`: male or female.
    `birthdate`: as ISO 8601 writes it, where the provider does."""

    name: str = ""
    given_name: str = ""
    family_name: str = ""
    birthdate: str = ""
    gender: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    occupation: str = ""
    identification: str = ""


class Bank(msgspec.Struct, frozen=True):
    """A bank or wallet network money can be paid out to."""

    code: str
    name: str


class Grant(msgspec.Struct, frozen=True):
    """A bearer token as bought, and for how many seconds it is good."""

    token: Secret
    lives_s: float


class ProviderError(Exception):
    """Base of what can go wrong with a call. Each kind says what to do next.

    ProviderError
    +-- NotSent          never left: may be sent again under the same reference
    |   +-- Elsewhere    it belongs to another place than its account leads to now
    +-- Declined         refused with a reason for the payer; nothing was created
    +-- Unknown          it may have worked: ask, never resend blindly
    +-- Misconfigured    our fault (keys, currency, host): alarm staff; `created_nothing` if the code says so
    +-- Malformed        a reply nobody can read, to a call that creates nothing
    +-- AlreadyAccepted  the reference is in use: our earlier copy was taken, ask
    """

    def __init__(self, detail: str = "", *, provider_code: str = "", http_status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail  # for the log; holds no number, token or key
        self.provider_code = provider_code
        self.http_status = http_status


class NotSent(ProviderError):
    """No byte reached the provider: connection refused, breaker open, no token to be had."""

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after_s = retry_after_s


class Declined(ProviderError):
    """The provider refused for a reason the payer can be told; nothing was created."""

    def __init__(self, reason: Reason, detail: str = "", **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.reason = reason


class Unknown(ProviderError):
    """Time-out, broken connection, 5xx, 429 after sending, unreadable reply to a creation."""

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after_s = retry_after_s


class Misconfigured(ProviderError):
    """Our keys, currency, environment or callback host are wrong; a person of ours must act."""

    def __init__(self, detail: str = "", *, created_nothing: bool = False, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.created_nothing = created_nothing


class Malformed(ProviderError):
    """A reply to a call that creates nothing (status, look-up) which nobody can read."""


class AlreadyAccepted(ProviderError):
    """The reference is in use: the earlier copy of this very request was taken. Ask for its status."""


class Elsewhere(NotSent):
    """The order or the agreement belongs elsewhere than its account leads now: neither sent nor asked."""


# An account of the provider's own: each adapter names its model.
ItsAccount: TypeAlias = Any


class HintCallback(msgspec.Struct, frozen=True):
    """Callbacks that nobody signs, each to an address of its order's own. What they say is not read: the
    order is asked about soon. `path` holds `{token}`, which nobody can guess."""

    path: str
    methods: tuple[str, ...] = ("POST",)


class SignedCallback(msgspec.Struct, frozen=True):
    """Callbacks whose signature tells who sent them. `path` holds `{account}`, the account's id.

    `read` takes the account, the headers and the body as received. It gives the event where the signature
    holds, and None where it does not.
    """

    path: str
    read: Callable[[ItsAccount, Mapping[str, str], bytes], CallbackEvent | None]
    methods: tuple[str, ...] = ("POST",)


ProviderCallback: TypeAlias = HintCallback | SignedCallback


class Adapter(Protocol):
    """A provider: what every adapter must say. All methods are pure: values to calls, bytes to values.

    What only some providers can do stands in the protocols below. Having its methods is how an adapter
    declares a capability, so that no method exists only to refuse.

    Making a call raises Misconfigured (with `created_nothing`) or Declined where the values cannot be
    sent at all; nothing has left then.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> ProviderSettings:
        """What may be set, in the environment and in an account's table."""
        ...

    @property
    def schedule_s(self) -> tuple[float, ...]:
        """Seconds after acceptance at which to ask for the status, while no callback has come; after the
        last one a person must look (UNRESOLVED)."""
        ...

    @property
    def not_found_grace_s(self) -> float:
        """For how long after acceptance "not found" is not believed, in seconds."""
        ...

    @property
    def absence_tells(self) -> frozenset[OrderKind]:
        """Kinds of which nothing can have been created where the account, known to answer by our reference,
        finds none, or its list lacks it; and none is then made again under the same reference."""
        ...

    @property
    def tells_no_amount(self) -> frozenset[OrderKind]:
        """Kinds whose status tells no amount: the reference alone says whose it is, or nothing moves by
        them."""
        ...

    @property
    def callback(self) -> ProviderCallback | None:
        """How the provider calls back; None where it does not."""
        ...

    def kinds(self, account: ItsAccount) -> frozenset[OrderKind]:
        """The kinds of order this account can make: of its provider, its credentials and its settings."""
        ...

    def amounts(self, account: ItsAccount, kind: OrderKind) -> AmountRule:
        """What amounts an order of this kind may have."""
        ...

    def numbers(self, account: ItsAccount) -> NumberRule:
        """Whose wallets the account reaches."""
        ...

    def networks(self, account: ItsAccount) -> tuple[str, ...]:
        """Codes of which an order's `network` must be one; empty where none is to be chosen."""
        ...

    def problems(self, account: ItsAccount) -> list[str]:
        """What an operator must mend before this account can be used, one sentence each."""
        ...

    def request_order(self, account: ItsAccount, order: OrderCall) -> Call[Receipt]:
        """Make the order at the provider, whatever its kind. Accepted is not done: see order_status."""
        ...

    def order_status(self, account: ItsAccount, order: OrderCall) -> Call[StatusReport]:
        """Never raises for "not found": the report says `not_found`.

        Asks by the provider's reference where the order has one, else by ours. Where asking by theirs
        finds nothing, ask once more with `provider_reference` emptied.
        """
        ...

    def auth_headers(self, account: ItsAccount, auth: str, token: str) -> Mapping[str, str]:
        """The headers that authenticate a request; `token` is empty where none is bought."""
        ...


@runtime_checkable
class BuysTokens(Protocol):
    """Some of its requests need a token that is bought first."""

    def token_call(self, account: ItsAccount, auth: str) -> Call[Grant] | None:
        """The call that buys the token for `auth`, or None where its keys are sent as they are."""
        ...


@runtime_checkable
class AsksOtp(Protocol):
    """A payer's first charge may come back with NextStep.OTP."""

    def submit_otp(self, account: ItsAccount, order: OrderCall, otp: str) -> Call[OtpAnswer]: ...


@runtime_checkable
class KeepsAgreements(Protocol):
    """Some of its orders make agreements that stand: invoices, pre-approvals."""

    def agreement_status(self, account: ItsAccount, order: OrderCall) -> Call[AgreementReport]:
        """What has become of the agreement that `order` (an INVOICE or a PREAPPROVAL) made."""
        ...


@runtime_checkable
class ChecksHolders(Protocol):
    """It says whether somebody is behind a number."""

    def check_holder(self, account: ItsAccount, party: str) -> Call[AccountHolder]:
        """Whether somebody is there: `party` is a number in E.164, or an e-mail address or a party code
        (UUID) where the provider knows such."""
        ...


@runtime_checkable
class NamesHolders(Protocol):
    """It tells the name of an account holder."""

    def holder_name(self, account: ItsAccount, party: str) -> Call[str]:
        """The holder's name in full, empty where the provider does not tell. `party` as in ChecksHolders."""
        ...


@runtime_checkable
class ShowsBalance(Protocol):
    """It shows what is in the wallet that collects."""

    def balance(self, account: ItsAccount) -> Call[tuple[Money, ...]]:
        """The merchant's wallet."""
        ...


@runtime_checkable
class ShowsPayoutBalance(Protocol):
    """It shows what is in the wallet that pays out."""

    def payout_balance(self, account: ItsAccount) -> Call[tuple[Money, ...]] | None:
        """The wallet that payouts are made from, by its own keys; None where the account has no such keys.
        Whether the two are one wallet is not to be known from here: a provider may show the same money
        twice."""
        ...


@runtime_checkable
class ListsPayments(Protocol):
    """It has a list of an account's payments."""

    def list_payments(
        self,
        account: ItsAccount,
        first_day: str,
        last_day: str,
        skip: int,
        *,
        kind: OrderKind = OrderKind.COLLECTION,
    ) -> Call[ListPage]:
        """The account's payments of these days (ISO dates, UTC, both included), from number `skip` on;
        its transfers where `kind` says so.

        The days are the provider's to read: whoever asks leaves a day's room on both sides.
        """
        ...


@runtime_checkable
class NotifiesPayers(Protocol):
    """It sends a payer one more message."""

    def notify_payer(self, account: ItsAccount, order: OrderCall, text: str) -> Call[None]:
        """One more message of the provider's to the payer of a successful payment. Declined where it is
        too early or too late for one."""
        ...


@runtime_checkable
class AsksConsent(Protocol):
    """People can share their details with the account's owner."""

    def ask_consent(self, account: ItsAccount, msisdn: Msisdn) -> Call[ConsentAsked]:
        """Ask the person, on the phone, to share their details with the account's owner."""
        ...

    def consent(self, account: ItsAccount, asked: Secret) -> Call[Consent]:
        """Where the consent asked for under this id stands."""
        ...

    def user_info(self, account: ItsAccount, token: Secret) -> Call[UserInfo]:
        """What the person shares, by the consent's own token."""
        ...


@runtime_checkable
class PaysBills(Protocol):
    """Customers may pay bills through it."""

    def bills(self, account: ItsAccount) -> tuple[str, ...]:
        """The bills that customers may pay through the account, by the names people see."""
        ...


@runtime_checkable
class WarnsOperator(Protocol):
    """It has warnings about an account that works."""

    def warnings(self, account: ItsAccount) -> list[str]:
        """What works and should be thought about once more, one sentence each."""
        ...


@runtime_checkable
class ListsBanks(Protocol):
    """It lists the banks that can be paid out to."""

    def banks(self, account: ItsAccount) -> Call[tuple[Bank, ...]]:
        """The banks that the account can pay out to."""
        ...


def able(adapter: Adapter, capability: type[P]) -> P | None:
    """The adapter as one that has this capability; None where it lacks the methods."""
    return adapter if isinstance(adapter, capability) else None
