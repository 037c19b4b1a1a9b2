"""What is kept: one struct per kind of row, as the rest of Kasapay sees it.

Times are epoch milliseconds from the injected clock (`..._ms`), amounts minor units, ids UUID text
made by us, JSON as text. No SQL and no row type leaves the room.
"""

from enum import StrEnum

import msgspec

from bot.dialog import Entry, Name, Text, name_of
from bot.money import AgreementKind, AgreementState, OrderDetails, OrderKind, OrderState, Reason, Source

__all__ = [
    "AddressRow",
    "AgreementLine",
    "AgreementRow",
    "AnnouncingRow",
    "ApprovalRow",
    "ApprovalState",
    "ConversationRow",
    "ConversationState",
    "Incident",
    "LinkCode",
    "MerchantRow",
    "MessageKind",
    "MessageRow",
    "MessageState",
    "OrderRequest",
    "OrderRow",
    "PersonRow",
    "RecheckRow",
    "SessionRow",
    "StaffRow",
    "SwitchRow",
    "Transition",
    "TurnRow",
    "TurnState",
    "UpdateRow",
    "WebhookRow",
]


class PersonRow(msgspec.Struct, frozen=True):
    id: str
    language: str
    created_ms: int
    # Whether `language` is settled, by the person's choice or by the word of their chat; else it is asked.
    language_chosen: bool = False


class AddressRow(msgspec.Struct, frozen=True):
    """A person's address. One live owner per (kind, value); `verified_ms` None: only claimed.

    `reachable` False: the channel said the chat is closed to us (blocked).
    """

    id: str
    person_id: str
    kind: str
    value: str
    created_ms: int
    seen_ms: int
    verified_ms: int | None = None
    ended_ms: int | None = None
    reachable: bool = True


class ConversationState(StrEnum):
    ACTIVE = "active"  # waits for its person
    ENDED = "ended"


class ConversationRow(msgspec.Struct, frozen=True):
    """A conversation: the flow it runs, the facts it started with, and its journal.

    `serial` numbers the questions shown, `wrong` counts wrong answers to the present one, `page` is the page
    shown, `offering` says that "continue or start over" has been asked. `version` rises by one with every
    save: two turns cannot both win.
    """

    id: str
    person_id: str
    address_kind: str
    address_value: str
    flow: str
    facts: str  # JSON of bot.dialog.Facts
    journal: tuple[Entry, ...]
    state: ConversationState
    version: int
    created_ms: int
    updated_ms: int
    serial: int = 0
    wrong: int = 0
    page: int = 0
    offering: bool = False
    # The order this conversation is about, where it was started to finish one (its OTP).
    order_id: str | None = None
    # Who holds it: the session row's id on USSD, `<kind>:<value>` on chats. A late turn of an
    # earlier session finds another holder and is turned away.
    holder: str = ""


class SessionRow(msgspec.Struct, frozen=True):
    """A gateway's session, one row per generation of (gateway, session id, msisdn).

    `text_length` and `text_hash` stand for the cumulative text, which may hold secrets.
    """

    id: str
    gateway: str
    session_id: str
    msisdn: str
    generation: int
    conversation_id: str | None
    open: bool
    started_ms: int
    last_ms: int
    text_length: int = 0
    text_hash: str = ""
    first_key: str = ""
    turns: int = 0


class TurnState(StrEnum):
    RUNNING = "running"  # commit 1 done: a call is being made inside the turn
    DONE = "done"


class TurnRow(msgspec.Struct, frozen=True):
    """One delivery and its answer. Unique by (scope, key); `scope` is the session row's id, or
    `telegram:<chat>` and the like. The answer is kept as it went out."""

    scope: str
    key: str
    state: TurnState
    at_ms: int
    text: str = ""
    keep_open: bool = False
    lease_until_ms: int = 0


class OrderRow(msgspec.Struct, frozen=True):
    """One asynchronous request to a provider. `reference` and the row come before any call.

    `due_ms` is when the worker acts next (send while NEW, ask while open); None when nothing is due.
    `polls` counts status calls since acceptance, `last_polled_ms` is the last one. `fence` is the token of
    the latest lease. `origin_*` is where the result goes first. `version` guards every change.
    """

    id: str
    code: str
    kind: OrderKind
    state: OrderState
    account_id: str = msgspec.field(name="connection")
    merchant_id: str
    person_id: str
    amount_minor: int
    currency: str
    payer: str
    reference: str
    origin_channel: str
    origin_kind: str
    origin_value: str
    created_ms: int
    updated_ms: int
    version: int = 0
    conversation_id: str | None = None
    act_position: int | None = None
    network: str = ""
    note: str = ""
    provider_reference: str = ""
    financial_id: str = ""
    reason: Reason | None = None
    provider_code: str = ""
    sent_ms: int | None = None
    accepted_ms: int | None = None
    otp_tries: int = 0
    otp_expires_ms: int | None = None
    due_ms: int | None = None
    polls: int = msgspec.field(default=0, name="asks")
    last_polled_ms: int | None = msgspec.field(default=None, name="asked_ms")
    deadline_ms: int | None = None
    attempts: int = 0
    # Why the next status call is made: poll, or the callback or webhook that hinted at it.
    hinted_by: Source | None = None
    fence: int = 0
    lease_until_ms: int = 0
    # The chat message that says "pending", to be edited into the result.
    pending_ref: str = ""
    # The order that a refund gives back; None for any other kind.
    parent_id: str | None = None
    # Who gets the money, where it is not the merchant; `payer` is empty then.
    payee: str = ""
    details: OrderDetails = msgspec.field(default=OrderDetails(), name="terms")
    # The agreement that the order makes, uses or ends.
    agreement_id: str | None = None
    # The role that asked for it, and the second one that approved it; empty for a customer's own.
    staff_id: str = ""
    approved_by: str = ""
    # The order whose money this one passes on: a bill's collection.
    follows_id: str | None = None
    # It was open in a copy that was put back then, or follows from one that was: perhaps sent under a
    # reference or with an end that nobody here knows. Asked about, never sent, never failed by its age.
    restored_ms: int | None = None
    # Where it belongs: provider, address and environment, as `Connections.place` writes them; and a keyed
    # hash of the keys it was last sent with. Empty where nobody has said so yet.
    place: str = ""
    sent_with: str = ""
    # When the provider was first seen to lack it, where that may end it.
    missed_ms: int | None = None
    # Since when the provider says otherwise than we hold, and nobody has settled which is true.
    doubted_ms: int | None = None

    @property
    def shown(self) -> OrderState:
        """The state people may be told: while its failure is doubted, that it is being checked."""
        return self.state if self.doubted_ms is None else OrderState.UNRESOLVED

    @property
    def goes_back_by_itself(self) -> bool:
        """Whether it is a refund that nobody asked for: of the money for a bill that was not paid."""
        return self.kind is OrderKind.REFUND and not self.staff_id


class Restore(msgspec.Struct, frozen=True):
    """The database was put back from a copy: noticed then, and what was done between is not in it."""

    since_ms: int
    noticed_ms: int


class Transition(msgspec.Struct, frozen=True):
    """One line of the ledger, append-only: who moved an order from where to where, and why."""

    order_id: str
    seq: int
    from_state: OrderState | None = msgspec.field(name="held")
    to_state: OrderState = msgspec.field(name="said")
    source: Source
    at_ms: int
    reason: Reason | None = None
    provider_code: str = ""
    note: str = ""  # operator's name and reason; never a number or a secret


class MessageKind(StrEnum):
    """Kinds of outgoing message, most urgent first; and what the person said themselves, which is kept among
    them for chats that remember nothing of their own."""

    RESULT = "result"
    REPLY = "reply"
    PROMPT = "prompt"
    SAID = "said"
    # Turns what was said last of its order in that chat into this; not sent where nothing is left of it.
    EDIT = "edit"


class MessageState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DEAD = "dead"  # given up; visible and re-drivable
    DROPPED = "dropped"  # overtaken by events before it left


class MessageRow(msgspec.Struct, frozen=True):
    """One message to a person. Unique by `dedupe_key`.

    `view` is JSON of bot.dialog.View: words are chosen when it leaves. `edits` names the chat message
    to turn into this one. `sent_ref` is the channel's id of what left.
    """

    id: str
    dedupe_key: str
    kind: MessageKind
    person_id: str
    address_kind: str
    address_value: str
    view: str
    state: MessageState
    created_ms: int
    due_ms: int
    order_id: str | None = None
    conversation_id: str | None = None
    edits: str = ""
    sent_ref: str = ""
    sent_ms: int | None = None
    attempts: int = 0
    fence: int = 0
    lease_until_ms: int = 0
    error: str = ""
    # The topic of the chat that it goes to, where the chat has topics.
    thread: str = ""


class UpdateRow(msgspec.Struct, frozen=True):
    """An update of a chat, kept from its 200 until its turn commits. `body` is encrypted."""

    source: str  # which bot
    update_id: int
    chat: str
    body: bytes
    received_ms: int
    attempts: int = 0
    fence: int = 0


class WebhookRow(msgspec.Struct, frozen=True):
    """A verified provider event, kept before its 200. Unique by (account, event, references)."""

    id: str
    account_id: str = msgspec.field(name="connection")
    event: str
    provider_reference: str
    reference: str
    received_ms: int


class RecheckRow(msgspec.Struct, frozen=True):
    """A final order that its provider spoke of once more: kept until somebody has looked into it.

    `source` is how it spoke (POLL: we want to know ourselves), `reported_state` what it said, where that is a
    word of ours. `news` counts how often it spoke, so that what comes during a look is looked into as well.
    """

    order_id: str
    source: Source
    reported_state: OrderState | None = msgspec.field(name="said")
    since_ms: int
    due_ms: int
    tries: int = 0
    news: int = 1
    fence: int = 0


class MerchantRow(msgspec.Struct, frozen=True):
    """Who is paid. `code` is what customers type; `account_id` the account that collects."""

    id: str
    code: str
    name: str
    account_id: str = msgspec.field(name="connection")
    currency: str
    created_ms: int
    active: bool = True
    max_amount_minor: int | None = None
    # Refunds and payouts to one number above it, within a day, need a second person; None: none does. Those
    # of one asker likewise above the other; None: above five times as much.
    approve_over_minor: int | None = None
    approve_asker_over_minor: int | None = None
    # What it asks of whoever pays, as they are asked for it: "Table number". Empty: nothing.
    asks_for: str = ""

    @property
    def shown(self) -> Name:
        """Its name for people; where that cannot be shown, the code they type."""
        return name_of(self.name, self.code)


class StaffRow(msgspec.Struct, frozen=True):
    """A role of one enrolled address at a merchant. `pin_hash` is slow; 3 wrong tries lock it."""

    id: str
    merchant_id: str
    role: str
    name: str
    created_ms: int
    address_kind: str = ""
    address_value: str = ""
    pin_hash: str = ""
    wrong_tries: int = 0
    locked: bool = False
    enrol_hash: str = ""
    enrol_expires_ms: int = 0

    @property
    def shown(self) -> Name:
        """Their name for colleagues; where that cannot be shown, what they are."""
        return name_of(self.name, Text(f"role.{self.role}"))


class AnnouncingRow(msgspec.Struct, frozen=True):
    """A role that hears of each payment to its merchant; without a row it hears of none.

    Quiet from `quiet_from` o'clock to `quiet_until` o'clock by the merchant's clocks; the same hour twice:
    never. `daily`: one count a day instead, since there were too many. `due_ms`: when what was held back is
    told; None while nothing was.
    """

    staff_id: str
    since_ms: int
    quiet_from: int = 0
    quiet_until: int = 0
    daily: bool = False
    due_ms: int | None = None


class AgreementRow(msgspec.Struct, frozen=True):
    """An invoice, a pre-approval or a consent: made by an order (a consent by a call), standing on its own.

    `payer` is whose wallet it is about, `person_id` who asked for it. `amount_minor` is an invoice's, or
    the most one debit may take (0 for a consent); `every` how rarely debits may come. `reference` and
    `code` are those of the order that made it. `provider_id` is their own id of it; of a consent it is
    encrypted. `due_ms` is when the worker looks at it next, None once it has ended.
    """

    id: str
    kind: AgreementKind
    state: AgreementState
    account_id: str = msgspec.field(name="connection")
    merchant_id: str
    person_id: str
    payer: str
    amount_minor: int
    currency: str
    reference: str
    code: str
    created_ms: int
    updated_ms: int
    version: int = 0
    until_ms: int | None = None
    every: str = ""
    description: str = ""
    staff_id: str = ""
    provider_id: str = ""
    payment_reference: str = ""
    provider_code: str = ""
    due_ms: int | None = None
    polls: int = msgspec.field(default=0, name="asks")
    fence: int = 0
    lease_until_ms: int = 0
    # Where it stands: see `OrderRow.place`.
    place: str = ""


class AgreementLine(msgspec.Struct, frozen=True):
    """One line of an agreement's own ledger, append-only."""

    agreement_id: str
    seq: int
    from_state: AgreementState | None = msgspec.field(name="held")
    to_state: AgreementState = msgspec.field(name="said")
    source: Source
    at_ms: int
    note: str = ""


class ApprovalState(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"  # nobody decided it in its time


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, under the names of `OrderRow`. `id`, `code` and `reference` were drawn with it, so
    that whoever asked could be told a code.

    Kept as JSON under the columns' names. Rows of earlier releases hold every field of the order it would
    have become; the others are not read.
    """

    id: str
    code: str
    reference: str
    kind: OrderKind
    account_id: str = msgspec.field(name="connection")
    merchant_id: str
    person_id: str
    amount_minor: int
    currency: str
    payer: str = ""
    payee: str = ""
    origin_channel: str
    origin_kind: str
    origin_value: str
    note: str = ""
    parent_id: str | None = None
    agreement_id: str | None = None
    details: OrderDetails = msgspec.field(default=OrderDetails(), name="terms")
    staff_id: str = ""


class ApprovalRow(msgspec.Struct, frozen=True):
    """A refund or payout that waits for a second person; past `expires_ms` nobody may approve it any more."""

    id: str
    merchant_id: str
    state: ApprovalState
    request: OrderRequest = msgspec.field(name="wanted")
    asked_by: str
    created_ms: int
    expires_ms: int
    decided_by: str = ""
    decided_ms: int | None = None
    order_id: str | None = None
    conversation_id: str | None = None
    act_position: int | None = None


class SwitchRow(msgspec.Struct, frozen=True):
    """Something an operator turned off or on again, with name and reason."""

    name: str
    is_off: bool
    who: str
    reason: str
    at_ms: int


class LinkCode(msgspec.Struct, frozen=True):
    """A one-time code obtained over USSD that links a chat to its number's person."""

    hash: str
    person_id: str
    msisdn: str
    expires_ms: int
    used_ms: int | None = None


class Incident(msgspec.Struct, frozen=True):
    """Something staff must see. Unique by `dedupe_key`; holds no number and no secret."""

    id: str
    dedupe_key: str
    kind: str
    order_id: str | None
    text: str
    at_ms: int
