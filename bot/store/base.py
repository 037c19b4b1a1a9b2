"""The store's face: intents, each with its promise. SQLite and PostgreSQL keep the same promises.

A `commit` takes any number of changes and keeps all of them or none. Reads see every commit that
returned before they began. No method retries; a Conflict is for the caller to resolve by reading again.
Changes are applied in the order given, so what another refers to comes first (a person before an
address). What the schema forbids whoever says it raises ValueError: a fault of the caller.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from bot.runtime.loops import NotAvailable
from bot.store.intents.agreements import (
    AgreementIntents,
    Decide,
    ExpireApproval,
    KeepAgreement,
    KeepApproval,
    MoveAgreement,
    SetSwitch,
)
from bot.store.intents.announcing import (
    Announce,
    AnnouncingIntents,
    HeldBack,
    KeepAnnouncing,
    StopAnnouncing,
    TellHeldBack,
)
from bot.store.intents.chores import (
    AddIncident,
    ChoreIntents,
    EndRecheck,
    Figures,
    Finding,
    KeepRecheck,
    KeepWebhook,
    PutOffRecheck,
)
from bot.store.intents.messages import DropMessages, MarkTold, MessageIntents, Queue, Redrive, SettleMessage
from bot.store.intents.orders import (
    NO_FIELDS,
    Asking,
    Cap,
    CreateOrder,
    Hint,
    MoveOrder,
    OrderFields,
    OrderIntents,
    SecondPersonLimit,
    StaffAddress,
    Surroundings,
    UpdateOrder,
)
from bot.store.intents.people import (
    CountTries,
    EndAddress,
    ForgetPerson,
    KeepLinkCode,
    KeepMerchant,
    KeepStaff,
    LinkAddress,
    PeopleIntents,
    RenewAddress,
    SaveAddress,
    SavePerson,
    SetPin,
    UnlinkChat,
    UseLinkCode,
)
from bot.store.intents.turns import (
    EndUpdate,
    KeepTurn,
    LoadedTurn,
    SaveConversation,
    SaveSession,
    TurnIntents,
    TurnQuery,
)

__all__ = [
    "NO_FIELDS",
    "AddIncident",
    "Announce",
    "Asking",
    "Cap",
    "Change",
    "Conflict",
    "CountTries",
    "CreateOrder",
    "Decide",
    "DropMessages",
    "EndAddress",
    "EndRecheck",
    "EndUpdate",
    "ExpireApproval",
    "ForgetPerson",
    "Figures",
    "Finding",
    "HeldBack",
    "Hint",
    "KeepAgreement",
    "KeepAnnouncing",
    "KeepApproval",
    "KeepLinkCode",
    "KeepMerchant",
    "KeepRecheck",
    "KeepStaff",
    "KeepTurn",
    "KeepWebhook",
    "LinkAddress",
    "LoadedTurn",
    "MarkTold",
    "MoveAgreement",
    "MoveOrder",
    "OrderFields",
    "UpdateOrder",
    "PutOffRecheck",
    "Queue",
    "Redrive",
    "RenewAddress",
    "SaveAddress",
    "SaveConversation",
    "SavePerson",
    "SaveSession",
    "SecondPersonLimit",
    "SetPin",
    "SetSwitch",
    "SettleMessage",
    "StaffAddress",
    "StopAnnouncing",
    "Store",
    "StoreUnavailable",
    "Surroundings",
    "TellHeldBack",
    "TurnQuery",
    "UnlinkChat",
    "UseLinkCode",
]


class Conflict(Exception):
    """Someone else got there first: a version moved, a lease passed on, or a unique key is taken.

    `what` names the change that lost: conversation, turn, order, session, address, message, ...; or the
    rule: act, code, payer, contradiction, refund, reference, off, agreement, and `limit_<of>` of a `Cap`.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class StoreUnavailable(NotAvailable):
    """The store cannot commit (disk full, failed flush, locked out). No payment may start."""


Change: TypeAlias = (
    SavePerson
    | SaveAddress
    | EndAddress
    | ForgetPerson
    | LinkAddress
    | RenewAddress
    | UnlinkChat
    | SaveConversation
    | SaveSession
    | KeepTurn
    | CreateOrder
    | KeepAgreement
    | MoveAgreement
    | KeepApproval
    | Decide
    | ExpireApproval
    | SetSwitch
    | MoveOrder
    | UpdateOrder
    | Queue
    | SettleMessage
    | DropMessages
    | MarkTold
    | Redrive
    | EndUpdate
    | KeepMerchant
    | KeepStaff
    | CountTries
    | SetPin
    | KeepLinkCode
    | UseLinkCode
    | KeepWebhook
    | Hint
    | KeepRecheck
    | EndRecheck
    | PutOffRecheck
    | AddIncident
    | KeepAnnouncing
    | StopAnnouncing
    | Announce
    | TellHeldBack
)


class Store(
    TurnIntents,
    OrderIntents,
    AgreementIntents,
    AnnouncingIntents,
    MessageIntents,
    PeopleIntents,
    ChoreIntents,
    Protocol,
):
    """All of a store: every subject's intents, its own life, and the commit that keeps them together."""

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
