"""Orders: made, moved by their life cycle, asked about when they are due, and found again."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from bot.money import OrderState, Reason, Source
from bot.store.records import (
    AddressRow,
    AgreementRow,
    AnnouncingRow,
    MerchantRow,
    OrderRow,
    StaffRow,
    Transition,
)

__all__ = [
    "NO_FIELDS",
    "Asking",
    "Cap",
    "CreateOrder",
    "Hint",
    "MoveOrder",
    "OrderFields",
    "OrderIntents",
    "SecondPersonLimit",
    "StaffAddress",
    "Surroundings",
    "UpdateOrder",
]


class Cap(msgspec.Struct, frozen=True):
    """At most `most_minor` may be paid out since `since_ms` in the order's currency: by its merchant, to its
    payee or bank account (`of` "merchant", "number"), or altogether ("total"). What failed does not count."""

    of: str
    since_ms: int
    most_minor: int


class SecondPersonLimit(msgspec.Struct, frozen=True):
    """Above what a refund or payout needs a second person, counted since `since_ms`: to one number or bank
    account, and of one asker, the role or the person behind it. None: above nothing."""

    since_ms: int
    number_minor: int | None
    asker_minor: int | None


class Asking(msgspec.Struct, frozen=True):
    """How much may be asked of the payer's phone, counted from what is kept.

    `own`: the payer number's own verified person asks. Then at most `open_at_most` of that person's requests
    to it are open, whatever others ask of it; and one that a pre-approval would debit without a PIN needs
    that the person was `told` so, and is held to what was agreed (`periods_ms`: when each period began).

    Of others: no request that a pre-approval would debit. A customer may have asked less than `numbers` other
    numbers since `since_ms`, and the number has less than `unapproved` requests of customers since then, or
    open, that its owner has not approved. Staff likewise (`numbers` of the role), where `unapproved` counts
    those of the merchant, consents too, and `unapproved_everywhere` those of all merchants.
    """

    own: bool
    since_ms: int
    open_at_most: int
    unapproved: int
    numbers: int | None = None
    unapproved_everywhere: int | None = None
    told: bool = False
    periods_ms: Mapping[str, int] = {}


class CreateOrder(msgspec.Struct, frozen=True):
    """Insert an order in state NEW, with its first transition.

    With `caps`, Conflict("limit_<of>") where the order would go beyond one of them. Conflict("off") for a
    payout while payouts are switched off. A debit under an agreement is Conflict("agreement") unless that
    stands at `row.created_ms`, covers the amount and, where it says how rarely, has no other debit since
    `debits_since_ms` that did not fail (see `AgreementIntents.debited`).

    With `second`, Conflict("second") for a payout that nobody approved where it, and what else was paid out
    on one person's word, is beyond one of its limits (see `Store.needs_second`).

    With `asking`, Conflict with the word that `Store.cannot_ask` has for it: "payer", "agreement", "number".

    Where `row.place` is empty the order gets the place where its account leads now. What it is about
    must stand there too: Conflict("refund") for a payment, Conflict("agreement") for an agreement elsewhere.

    Conflict("act") where the (conversation, act position) has its order already; Conflict("code")
    where something else bears the code (an order, an agreement, what waits for approval): draw another.
    Conflict("order") where id or reference is taken. Conflict("refund") where `parent_id` is not a SUCCESSFUL
    collection of the same merchant, account and currency, where this refund and the others of it
    that did not fail are more than it, or where another of it is not final.
    """

    row: OrderRow
    source: Source
    asking: Asking | None = None
    caps: tuple[Cap, ...] = ()
    second: SecondPersonLimit | None = None
    debits_since_ms: int = 0


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a change sets of an order, under the names of `OrderRow`; None leaves a field as it is.

    What was accepted first stays: a later `accepted_ms` is left out, and another `provider_reference`
    than the kept one, or one of another order of the account, is Conflict("reference"). A request
    goes again only by way of `sent_ms` 0, which says that nothing can have arrived: ValueError where
    it was accepted, and where an open order would never be due. With another `sent_ms`,
    Conflict("agreement") where a pre-approval was asked for after the order that would serve it without
    a PIN. `doubted_ms` 0: nobody doubts it any more.
    """

    provider_reference: str | None = None
    financial_id: str | None = None
    network: str | None = None
    sent_ms: int | None = None
    accepted_ms: int | None = None
    otp_tries: int | None = None
    otp_expires_ms: int | None = None
    deadline_ms: int | None = None
    polls: int | None = None
    last_polled_ms: int | None = None
    attempts: int | None = None
    pending_ref: str | None = None
    place: str | None = None
    sent_with: str | None = None
    missed_ms: int | None = None
    doubted_ms: int | None = None


NO_FIELDS: Final = OrderFields()


class MoveOrder(msgspec.Struct, frozen=True):
    """Move an order by one transition, and set `fields`. See `bot.store.applied` for what becomes of it.

    Judged by bot.money.judge against the kept state: SAME and REFUSED raise Conflict("order"), so
    does a version or (where `fence` is given) a lease that has passed on; a caller that read the
    present row never meets them; CONTRADICTION raises Conflict("contradiction") and is for an incident.
    Appends the ledger's line. `due_ms` is always set. A lease is given back, unless the order becomes
    PENDING: there the call still comes. A hint that came during the lease may bring `due_ms` forward.
    Source OPERATOR needs a `note`.

    With `lease_until_ms`, to PENDING only, the order is leased until then with a new fence, whoever held
    it: nobody asks while the call is under way, and what is said with an older fence is refused.

    UNRESOLVED needs an incident of the order, of this commit or an earlier one. Conflict("refund") where a
    FAILED refund comes back and its room is taken. In the ledger no line is earlier than the one before it,
    though the clock was set back.
    """

    order_id: str
    expected: int
    to_state: OrderState
    source: Source
    at_ms: int
    due_ms: int | None
    reason: Reason | None = None
    provider_code: str = ""
    note: str = ""
    fence: int | None = None
    lease_until_ms: int | None = None
    fields: OrderFields = NO_FIELDS


class UpdateOrder(msgspec.Struct, frozen=True):
    """Set `fields` of an order without a transition. Conflict("order") on another version or, where
    `fence` is given, a lease that has passed on. A `due_ms` of None leaves it as it is; a hint that came
    during the lease may bring it forward."""

    order_id: str
    expected: int
    at_ms: int
    fence: int | None = None
    due_ms: int | None = None
    fields: OrderFields = NO_FIELDS
    release: bool = False  # give the lease back


class Hint(msgspec.Struct, frozen=True):
    """A provider spoke of an order. An open one is asked about soon, but not sooner than `spacing_ms` after
    the last poll; a repeat changes nothing. A final one becomes a recheck, due after `spacing_ms`, or the one
    that waits is due so soon at the latest; `reported_state` is what the provider said of it, where known.
    Does not change `version`. Of an order nobody knows nothing is kept."""

    order_id: str
    source: Source
    at_ms: int
    spacing_ms: int
    reported_state: OrderState | None = None


class StaffAddress(msgspec.Struct, frozen=True):
    """A role at a merchant, who owns its address now, and that person's live addresses; nobody: empty."""

    row: StaffRow
    person_id: str = ""
    addresses: tuple[AddressRow, ...] = ()


class Surroundings(msgspec.Struct, frozen=True):
    """What is kept around an order: its merchant, the live addresses of whoever began it, what it is about,
    who owns the number that pays or gets the money, the order it follows with whether payouts are off then,
    the payment that a refund gives back, and whether a pre-approval that stands may serve the order."""

    merchant: MerchantRow | None
    addresses: tuple[AddressRow, ...]
    agreement: AgreementRow | None = None
    owner_id: str = ""
    owner_addresses: tuple[AddressRow, ...] = ()
    refunded: OrderRow | None = None
    unasked: bool = False
    follows: OrderRow | None = None
    payouts_off: bool = False
    staff: tuple[StaffAddress, ...] = ()
    # Of a payment: who hears of each one at the merchant, each with where.
    announcing: tuple[AnnouncingRow, ...] = ()
    hears: tuple[StaffAddress, ...] = ()


class OrderIntents(Protocol):
    async def claim_orders(
        self, now_ms: int, lease_ms: int, limit: int, without: Sequence[str] = ()
    ) -> tuple[OrderRow, ...]:
        """Lease orders that are due and unleased, of accounts not in `without`: earliest due first,
        each with a new fence.

        Two claimers never get the same order while its lease holds. A lease does not change `version`, and
        lasts from when it is written, however long that took; so does every lease that is claimed.
        """
        ...

    async def hint(self, order_id: str, source: Source, now_ms: int, spacing_ms: int) -> bool:
        """A callback came: as the change `Hint`. False where the order is final or unknown."""
        ...

    async def next_due_ms(self) -> int | None:
        """When the next order falls due, for the worker's sleep."""
        ...

    async def order(self, order_id: str) -> OrderRow | None: ...

    async def order_by_code(self, code: str) -> OrderRow | None: ...

    async def order_by_reference(self, reference: str) -> OrderRow | None:
        """By our reference (with or without hyphens) or the provider's."""
        ...

    async def surroundings(self, order: OrderRow, *, staff: bool) -> Surroundings:
        """Read at one moment; its merchant's staff only where asked for."""
        ...

    async def order_of_act(self, conversation_id: str, position: int) -> OrderRow | None: ...

    async def transitions(self, order_id: str) -> tuple[Transition, ...]: ...

    async def orders_of_person(self, person_id: str, limit: int) -> tuple[OrderRow, ...]:
        """Newest first."""
        ...

    async def orders_of_conversation(self, conversation_id: str) -> tuple[OrderRow, ...]:
        """Newest first."""
        ...

    async def recent_orders(self, limit: int, states: Sequence[OrderState] = ()) -> tuple[OrderRow, ...]:
        """Of everyone, newest first; for operators and the try-it page."""
        ...

    async def orders_between(
        self, account_id: str, from_ms: int, until_ms: int, after: tuple[int, str], limit: int
    ) -> tuple[tuple[OrderRow, int | None], ...]:
        """An account's orders whose time lies in [`from_ms`, `until_ms`), each with the time of its move
        to SUCCESSFUL: an order's time is that move, or its creation where it never succeeded.

        Ordered by (created_ms, id), beginning behind `after`. One that succeeded more than 14 days after
        its creation is not found.
        """
        ...

    async def cannot_ask(self, row: OrderRow | AgreementRow, wanted: Asking) -> str:
        """Why the payer's phone cannot be asked so now: "payer" (too many of the payer's own are open),
        "agreement" (it would be debited without a PIN that was not spoken of, or not within what was agreed),
        "number" (anything that only its owner may know); empty where it can."""
        ...

    async def paid_before(self, payer: str, account_id: str) -> bool:
        """Whether a collection from this number on this account ever succeeded."""
        ...

    async def collected_minor(self, merchant_id: str, currency: str) -> int:
        """What the merchant's SUCCESSFUL orders and PAID invoices in a currency brought in, less what was
        paid out or given back, in minor units; payouts under way count as paid."""
        ...

    async def orders_of_merchant(self, merchant_id: str, limit: int) -> tuple[OrderRow, ...]:
        """Payments to the merchant, newest first."""
        ...

    async def payouts_of_merchant(
        self, merchant_id: str, currency: str, since_ms: int, limit: int
    ) -> tuple[OrderRow, ...]:
        """Refunds and payouts of the merchant in a currency since then, newest first."""
        ...

    async def refunded_minor(self, order_id: str) -> int:
        """Sum of the order's refunds that did not fail, in minor units."""
        ...

    async def given_back_minor(self, order_ids: Sequence[str]) -> Mapping[str, int]:
        """Sum of the refunds that arrived, in minor units, of each of the orders that has any."""
        ...

    async def refunds_of(self, order_id: str) -> tuple[OrderRow, ...]:
        """Newest first, whatever became of them."""
        ...

    async def paid_out_minor(self, row: OrderRow, cap: Cap) -> int:
        """What has been paid out under this cap so far, seen from the order `row`, in minor units."""
        ...

    async def needs_second(self, row: OrderRow, second: SecondPersonLimit) -> bool:
        """Whether the payout needs a second person: with what its merchant paid out since then on one
        person's word, to its number or asked for by its asker, it is beyond a limit. What failed does not
        count."""
        ...

    async def follower_of(self, order_id: str) -> OrderRow | None:
        """The order that passes this one's money on."""
        ...

    async def open_accounts(self) -> frozenset[str]:
        """Accounts that orders which are not final still need."""
        ...

    async def open_places(self) -> frozenset[tuple[str, str]]:
        """The accounts of orders that are not final, each with a place where some of them belong."""
        ...

    async def settle_in(self, places: Mapping[str, tuple[str, str]]) -> None:
        """Keep where each account leads from now on, and what its keys hash to; and let the orders and
        agreements of which nobody has said so yet belong there, sent with those keys."""
        ...

    async def open_orders_at(self, account_id: str, place: str) -> tuple[OrderRow, ...]:
        """Orders of an account that are not final and belong to `place`, oldest first."""
        ...

    async def agreements_elsewhere(self) -> tuple[AgreementRow, ...]:
        """The same of agreements that have not ended, consents left out."""
        ...

    async def named_by_webhooks(self, reference: str) -> tuple[str, ...]:
        """The provider's references that kept events give to the order of our `reference`, newest first."""
        ...

    async def learn(self, place: str, keys: str, fact: str, at_ms: int) -> None:
        """Remember a fact of how the account with these keys at that place answers."""
        ...

    async def has_learned(self, place: str, keys: str, fact: str) -> bool: ...
