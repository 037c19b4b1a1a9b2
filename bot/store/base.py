"""The store's face: intents, each with its promise. SQLite and PostgreSQL keep the same promises.

A `commit` takes any number of changes and keeps all of them or none. Reads see every commit that
returned before they began. No method retries; a Conflict is for the caller to resolve by reading again.
Changes are applied in the order given, so what another refers to comes first (a person before an
address). What the schema forbids whoever says it raises ValueError: a fault of the caller.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from bot.money import OrderState, Reason, Source
from bot.store.records import (
    AddressRow,
    ConversationRow,
    Incident,
    LinkCode,
    MerchantRow,
    MessageKind,
    MessageRow,
    MessageState,
    OrderRow,
    PersonRow,
    SessionRow,
    StaffRow,
    Transition,
    TurnRow,
    UpdateRow,
    WebhookRow,
)

__all__ = [
    "AddIncident",
    "Change",
    "Conflict",
    "CreateOrder",
    "DropMessages",
    "EndAddress",
    "EndUpdate",
    "Finding",
    "KeepLinkCode",
    "KeepMerchant",
    "KeepStaff",
    "KeepTurn",
    "KeepWebhook",
    "LinkAddress",
    "LoadedTurn",
    "MarkTold",
    "MoveOrder",
    "NoteOrder",
    "Queue",
    "Redrive",
    "SaveAddress",
    "SaveConversation",
    "SavePerson",
    "SaveSession",
    "SettleMessage",
    "Store",
    "StoreUnavailable",
    "TurnQuery",
    "UseLinkCode",
]


class Conflict(Exception):
    """Someone else got there first: a version moved, a lease passed on, or a unique key is taken.

    `what` names the change that lost: conversation, turn, order, session, address, message, ...; or the
    rule: act, payer, contradiction, refund, reference.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class StoreUnavailable(Exception):
    """The store cannot commit (disk full, failed flush, locked out). No payment may start."""


# ---- changes -------------------------------------------------------------------------------------


class SavePerson(msgspec.Struct, frozen=True):
    """Insert the person, or update language by id."""

    row: PersonRow


class SaveAddress(msgspec.Struct, frozen=True):
    """Insert, or by id update seen, verified and reachable. Conflict("address") where another live
    row owns (kind, value) or the kept row has ended. A verification is never taken back by it."""

    row: AddressRow


class EndAddress(msgspec.Struct, frozen=True):
    """End the live row of (kind, value), if any."""

    kind: str
    value: str
    at_ms: int


class LinkAddress(msgspec.Struct, frozen=True):
    """Move a chat's live address and the orders begun there to `person_id`, verified at `at_ms`.

    The conversations begun there end, also one saved in the same commit, since a link is applied
    after the commit's other changes. Roles never move: a role belongs to its enrolled address.
    Conflict("address") where nobody owns it. A person's own address is only verified.
    """

    kind: str
    value: str
    person_id: str
    at_ms: int


class SaveConversation(msgspec.Struct, frozen=True):
    """Insert where `expected` is None, else update where the kept version is `expected`.

    The row carries the new version. Conflict("conversation") where another version is kept, or where
    a second conversation of the person would be active.
    """

    row: ConversationRow
    expected: int | None


class SaveSession(msgspec.Struct, frozen=True):
    """Insert, or update by id. Conflict("session") where another row has its (gateway, session id, msisdn,
    generation)."""

    row: SessionRow


class KeepTurn(msgspec.Struct, frozen=True):
    """Keep a delivery. A RUNNING row may be replaced by its outcome, or, once its lease is over, by
    another RUNNING; a DONE row never: Conflict("turn")."""

    row: TurnRow


class CreateOrder(msgspec.Struct, frozen=True):
    """Insert an order in state NEW, with its first transition.

    With `open_at_most`, Conflict("payer") where the payer's number has so many open orders already
    (see `Store.open_orders_of_payer`), over all persons.

    Conflict("act") where the (conversation, act position) has its order already; Conflict("order")
    where id, code or reference is taken. Conflict("refund") where `parent_id` is not a SUCCESSFUL
    collection of the same merchant, connection and currency, or where this refund and the others of it
    that did not fail are more than it.
    """

    row: OrderRow
    source: Source
    open_at_most: int | None = None


class MoveOrder(msgspec.Struct, frozen=True):
    """Move an order by one transition, and set the fields given.

    Judged by bot.money.judge against the kept state: SAME and REFUSED raise Conflict("order"), so
    does a version or (where `fence` is given) a lease that has passed on; a caller that read the
    present row never meets them; CONTRADICTION raises Conflict("contradiction") and is for an incident.
    Appends the ledger's line. None leaves a field as it is, except `due_ms`, which is always set. A
    lease is given back, unless the order becomes PENDING: there the call still comes. A hint that came
    during the lease may bring `due_ms` forward. Source OPERATOR needs a `note`.

    What was accepted first stays: a later `accepted_ms` is left out, and another `provider_reference`
    than the kept one, or one of another order of the connection, is Conflict("reference"). A request
    goes again only by way of `sent_ms` 0, which says that nothing can have arrived: ValueError where
    it was accepted, and where an open order would never be due. UNRESOLVED needs an incident of the
    order, of this commit or an earlier one. Conflict("refund") where a FAILED refund comes back and its
    room is taken. In the ledger no line is earlier than the one before it, though the clock was set back.
    """

    order_id: str
    expected: int
    said: OrderState
    source: Source
    at_ms: int
    due_ms: int | None
    reason: Reason | None = None
    provider_code: str = ""
    note: str = ""
    fence: int | None = None
    provider_reference: str | None = None
    financial_id: str | None = None
    network: str | None = None
    sent_ms: int | None = None
    accepted_ms: int | None = None
    otp_tries: int | None = None
    otp_expires_ms: int | None = None
    deadline_ms: int | None = None
    asks: int | None = None
    asked_ms: int | None = None
    attempts: int | None = None


class NoteOrder(msgspec.Struct, frozen=True):
    """Set fields of an order without a transition. Conflict("order") on another version or, where
    `fence` is given, a lease that has passed on. None leaves a field as it is. A hint that came during
    the lease may bring `due_ms` forward. Of `provider_reference`, `accepted_ms` and `sent_ms` holds what
    MoveOrder says."""

    order_id: str
    expected: int
    at_ms: int
    fence: int | None = None
    due_ms: int | None = None
    provider_reference: str | None = None
    financial_id: str | None = None
    sent_ms: int | None = None
    accepted_ms: int | None = None
    asks: int | None = None
    asked_ms: int | None = None
    attempts: int | None = None
    deadline_ms: int | None = None
    pending_ref: str | None = None
    release: bool = False  # give the lease back


class Queue(msgspec.Struct, frozen=True):
    """Queue a message, held by nobody; a second one with its dedupe key is left out silently."""

    row: MessageRow


class SettleMessage(msgspec.Struct, frozen=True):
    """Record what became of a leased message. Conflict("message") where the lease has passed on.

    QUEUED with a later `due_ms` tries again; a sent message of kind REPLY that belongs to an open
    order leaves its `sent_ref` on the order as `pending_ref`.
    """

    id: str
    fence: int
    state: MessageState
    at_ms: int
    due_ms: int = 0
    sent_ref: str = ""
    error: str = ""


class DropMessages(msgspec.Struct, frozen=True):
    """Mark the order's queued, unleased messages of this kind DROPPED; with an address only its own."""

    order_id: str
    kind: MessageKind
    address_kind: str = ""
    address_value: str = ""


class MarkTold(msgspec.Struct, frozen=True):
    """A DEAD message was read in a turn instead: it is SENT. Nothing where it is not DEAD any more."""

    id: str
    at_ms: int


class Redrive(msgspec.Struct, frozen=True):
    """A DEAD message is queued again, due at `at_ms`, its tries forgotten. Nothing where it is not DEAD."""

    id: str
    at_ms: int


class EndUpdate(msgspec.Struct, frozen=True):
    """Delete an inbox row: its turn commits here. Its id stays remembered against repeats."""

    source: str
    update_id: int


class KeepMerchant(msgspec.Struct, frozen=True):
    """Insert or update by id. Conflict("merchant") where another owns the code."""

    row: MerchantRow


class KeepStaff(msgspec.Struct, frozen=True):
    """Insert or update by id."""

    row: StaffRow


class KeepLinkCode(msgspec.Struct, frozen=True):
    """Insert; earlier unused codes of the same person are ended."""

    row: LinkCode


class UseLinkCode(msgspec.Struct, frozen=True):
    """Mark a code used. Conflict("link") where it is used, expired or unknown."""

    hash: str
    at_ms: int


class KeepWebhook(msgspec.Struct, frozen=True):
    """Insert; a repeat of (connection, event, references) is left out silently."""

    row: WebhookRow


class AddIncident(msgspec.Struct, frozen=True):
    """Insert; a repeat of the dedupe key is left out silently."""

    row: Incident


Change: TypeAlias = (
    SavePerson
    | SaveAddress
    | EndAddress
    | LinkAddress
    | SaveConversation
    | SaveSession
    | KeepTurn
    | CreateOrder
    | MoveOrder
    | NoteOrder
    | Queue
    | SettleMessage
    | DropMessages
    | MarkTold
    | Redrive
    | EndUpdate
    | KeepMerchant
    | KeepStaff
    | KeepLinkCode
    | UseLinkCode
    | KeepWebhook
    | AddIncident
)


# ---- reads ---------------------------------------------------------------------------------------


class TurnQuery(msgspec.Struct, frozen=True):
    """What a turn needs. `gateway` and `session_id` empty on chats; then `scope` names the turns."""

    address_kind: str
    address_value: str
    scope: str = ""
    key: str = ""
    gateway: str = ""
    session_id: str = ""


class LoadedTurn(msgspec.Struct, frozen=True):
    """What is kept about an inbound message's person, in one read.

    `conversation` is the person's active one; `session` the newest generation of the session and
    `session_conversation` the one it points to; `turn` the row of this delivery, looked up by
    (scope or the session row's id, key); `last_turn` the session's newest turn. `needs_otp` is the
    person's newest order waiting for its code.
    """

    person: PersonRow | None = None
    address: AddressRow | None = None
    addresses: tuple[AddressRow, ...] = ()
    conversation: ConversationRow | None = None
    session: SessionRow | None = None
    session_conversation: ConversationRow | None = None
    turn: TurnRow | None = None
    last_turn: TurnRow | None = None
    needs_otp: OrderRow | None = None
    staff: tuple[StaffRow, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """Something that must never be: which rule is broken, of which order (its code), and how."""

    rule: str
    order: str
    detail: str


class Store(Protocol):
    async def open(self) -> None:
        """Open for use. Raises StoreUnavailable where the schema is not today's."""
        ...

    async def close(self) -> None: ...

    @property
    def available(self) -> bool:
        """False once a commit has failed below the statements, until `probe` has succeeded."""
        ...

    async def probe(self) -> None:
        """Commit something and read it back. Raises StoreUnavailable.

        After a failed commit nothing else is kept until this succeeds, so it is to be called on and on.
        """
        ...

    async def commit(self, changes: Sequence[Change]) -> None:
        """Keep all changes, durably, or none. Raises Conflict, StoreUnavailable.

        Waiting commits may share one flush; a Conflict of one never touches another. After
        StoreUnavailable, or for a cancelled caller, it is not known whether they were kept.
        """
        ...

    async def load_turn(self, query: TurnQuery) -> LoadedTurn: ...

    async def conversation(self, conversation_id: str) -> ConversationRow | None: ...

    # orders
    async def order(self, order_id: str) -> OrderRow | None: ...

    async def order_by_code(self, code: str) -> OrderRow | None: ...

    async def order_by_reference(self, reference: str) -> OrderRow | None:
        """By our reference (with or without hyphens) or the provider's."""
        ...

    async def order_of_act(self, conversation_id: str, position: int) -> OrderRow | None: ...

    async def transitions(self, order_id: str) -> tuple[Transition, ...]: ...

    async def orders_of_person(self, person_id: str, limit: int) -> tuple[OrderRow, ...]:
        """Newest first."""
        ...

    async def recent_orders(self, limit: int, states: Sequence[OrderState] = ()) -> tuple[OrderRow, ...]:
        """Of everyone, newest first; for operators and the try-it page."""
        ...

    async def orders_between(
        self, connection: str, from_ms: int, until_ms: int, after: tuple[int, str], limit: int
    ) -> tuple[tuple[OrderRow, int | None], ...]:
        """A connection's orders whose time lies in [`from_ms`, `until_ms`), each with the time of its move
        to SUCCESSFUL: an order's time is that move, or its creation where it never succeeded.

        Ordered by (created_ms, id), beginning behind `after`. One that succeeded more than 14 days after
        its creation is not found.
        """
        ...

    async def open_orders_of_payer(self, payer: str) -> tuple[OrderRow, ...]:
        """Those that may still ask something of the payer's phone: open, and not UNRESOLVED."""
        ...

    async def paid_before(self, payer: str, connection: str) -> bool:
        """Whether a collection from this number on this connection ever succeeded."""
        ...

    async def recent_merchants(self, person_id: str, limit: int) -> tuple[MerchantRow, ...]:
        """Active merchants the person paid, latest first, each once."""
        ...

    async def collected_minor(self, merchant_id: str, currency: str) -> int:
        """Sum of the merchant's SUCCESSFUL collections in a currency, in minor units."""
        ...

    async def open_connections(self) -> frozenset[str]:
        """Connections that orders which are not final still need."""
        ...

    async def claim_orders(
        self, now_ms: int, lease_ms: int, limit: int, without: Sequence[str] = ()
    ) -> tuple[OrderRow, ...]:
        """Lease orders that are due and unleased, of connections not in `without`: earliest due first,
        each with a new fence.

        Two claimers never get the same order while its lease holds. A lease does not change `version`.
        """
        ...

    async def hint(self, order_id: str, source: Source, now_ms: int, spacing_ms: int) -> bool:
        """A callback came: ask soon, but not sooner than `spacing_ms` after the last asking. False
        where the order is final or unknown. A repeat changes nothing; does not change `version`."""
        ...

    async def next_due_ms(self) -> int | None:
        """When the next order falls due, for the worker's sleep."""
        ...

    # messages
    async def claim_messages(
        self,
        now_ms: int,
        lease_ms: int,
        limit: int,
        spacing_ms: Mapping[str, int],
        without: Sequence[str] = (),
    ) -> tuple[MessageRow, ...]:
        """Lease due messages to kinds of address not in `without`: results before replies before prompts,
        then oldest first; within one address never out of order of creation, one at a time, and
        `spacing_ms[kind]` after the last sent (kinds without an entry need no spacing). A message
        scheduled for later and never tried holds nobody up; one that is to be tried again does. `attempts`
        counts the tries before this one, also those whose sender died."""
        ...

    async def next_message_ms(
        self, spacing_ms: Mapping[str, int] = ..., without: Sequence[str] = ()
    ) -> int | None:
        """When `claim_messages` with this spacing, `without` these kinds, next finds something."""
        ...

    async def untold_result(self, person_id: str) -> MessageRow | None:
        """The person's newest result that no channel could bring them (DEAD)."""
        ...

    async def messages_of_order(self, order_id: str) -> tuple[MessageRow, ...]: ...

    async def sent_messages(self, kind: str, value: str, after_ms: int, limit: int) -> tuple[MessageRow, ...]:
        """What was SENT to an address after a time, oldest first: a web chat's history."""
        ...

    async def messages(self, state: MessageState, limit: int) -> tuple[MessageRow, ...]: ...

    # inbox
    async def receive(self, row: UpdateRow) -> bool:
        """Keep an update durably; False where it (source, update id) is or was known."""
        ...

    async def claim_updates(
        self, source: str, now_ms: int, lease_ms: int, limit: int
    ) -> tuple[UpdateRow, ...]:
        """Lease waiting updates, the oldest of each chat only, chats in order of arrival.

        `attempts` counts the tries before this one, also those whose turn died.
        """
        ...

    async def release_update(
        self, source: str, update_id: int, fence: int, retry_ms: int, give_up: bool
    ) -> None:
        """Give an update back until the time `retry_ms`, or drop its body for good; its chat waits with it.

        Does nothing where the lease has passed on.
        """
        ...

    # people, merchants, staff
    async def person(self, person_id: str) -> PersonRow | None: ...

    async def person_of(self, kind: str, value: str) -> tuple[PersonRow, AddressRow] | None:
        """Who owns a live address."""
        ...

    async def addresses_of(self, person_id: str) -> tuple[AddressRow, ...]:
        """Live ones, newest seen first."""
        ...

    async def merchant(self, merchant_id: str) -> MerchantRow | None: ...

    async def merchant_by_code(self, code: str) -> MerchantRow | None:
        """Active or not; case-insensitive."""
        ...

    async def merchants(self) -> tuple[MerchantRow, ...]: ...

    async def staff_of(self, kind: str, value: str) -> tuple[StaffRow, ...]: ...

    async def staff_of_merchant(self, merchant_id: str) -> tuple[StaffRow, ...]: ...

    async def staff_by_enrol_hash(self, enrol_hash: str) -> StaffRow | None: ...

    async def staff_member(self, staff_id: str) -> StaffRow | None: ...

    async def link_code(self, hash: str) -> LinkCode | None: ...

    # rates
    async def count(self, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
        """Count one use of `bucket`; False, uncounted, where `limit` uses lie within the window."""
        ...

    async def below(self, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
        """Whether fewer than `limit` uses of `bucket` lie within the window; counts nothing."""
        ...

    async def orders_of_conversation(self, conversation_id: str) -> tuple[OrderRow, ...]:
        """Newest first."""
        ...

    # webhooks, incidents, chores
    async def webhooks(self, limit: int) -> tuple[WebhookRow, ...]:
        """Newest first."""
        ...

    async def incidents(self, limit: int) -> tuple[Incident, ...]: ...

    async def overdue(self, now_ms: int, grace_ms: int) -> tuple[OrderRow, ...]:
        """Open orders more than `grace_ms` past their deadline (past their creation, where none is known
        yet) that nobody works on and that are not UNRESOLVED: oldest first. There should be none."""
        ...

    async def audit(self, now_ms: int, remembered_ms: int, grace_ms: int) -> tuple[Finding, ...]:
        """What breaks a rule of the money, recomputed from the ledger: empty where all is well.

        Reads everything on a connection of its own, so nobody waits for it. `remembered_ms`: how long
        sent messages are kept; whether an older result was told cannot be said.
        """
        ...

    async def sweep(self, now_ms: int, journal_ms: int, remember_ms: int) -> None:
        """Forget: journals and sessions older than `journal_ms`; update ids, turns, provider events and
        messages that are SENT or DROPPED older than `remember_ms`; used link codes and counted uses
        long past. DEAD messages stay until somebody has seen to them."""
        ...
