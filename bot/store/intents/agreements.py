"""Agreements with their own ledger, second approvals, and what operators switch off."""

from typing import Protocol

import msgspec

from bot.money import AgreementState, Source
from bot.store.intents.orders import Asking
from bot.store.records import (
    AgreementLine,
    AgreementRow,
    ApprovalRow,
    ApprovalState,
    SwitchRow,
)

__all__ = [
    "AgreementIntents",
    "Decide",
    "ExpireApproval",
    "KeepAgreement",
    "KeepApproval",
    "MoveAgreement",
    "SetSwitch",
]


class KeepAgreement(msgspec.Struct, frozen=True):
    """Insert an agreement in state REQUESTED, with its ledger's first line. Conflict("agreement") where the
    payer has one for this merchant and account that has not ended (pre-approvals), or its id is taken.
    Conflict("code") as CreateOrder says.

    With `asking`, Conflict as CreateOrder says: the payer's phone is asked by a call that follows."""

    row: AgreementRow
    asking: Asking | None = None


class MoveAgreement(msgspec.Struct, frozen=True):
    """Move an agreement (`to_state`), or only set fields (None); gives the worker's lease back.

    Conflict("agreement") on another version, a lease that has passed on, an id of theirs that another
    pre-approval of this payer and account has, or a move that may not be: what has ended stays ended.
    None leaves a field as it is, except `due_ms`, which is always set.
    """

    agreement_id: str
    expected: int
    at_ms: int
    due_ms: int | None
    to_state: AgreementState | None = None
    source: Source = Source.US
    note: str = ""
    fence: int | None = None
    until_ms: int | None = None
    provider_id: str | None = None
    payment_reference: str | None = None
    provider_code: str | None = None
    polls: int | None = None


class KeepApproval(msgspec.Struct, frozen=True):
    """Insert. Conflict("act") where the (conversation, act position) has asked already, Conflict("code")
    as CreateOrder says."""

    row: ApprovalRow


class Decide(msgspec.Struct, frozen=True):
    """Decide a waiting approval, once. Conflict("approval") where it is decided, has run out, or is the
    decider's own. `order_id` of the order made in the same commit, where approved."""

    approval_id: str
    to_state: ApprovalState
    staff_id: str
    at_ms: int
    order_id: str | None = None


class ExpireApproval(msgspec.Struct, frozen=True):
    """End an approval that nobody decided. Conflict("approval") where it was decided, or ended, or its time
    is not over."""

    approval_id: str
    at_ms: int


class SetSwitch(msgspec.Struct, frozen=True):
    """Insert or update by name. While `payouts` is off no payout can be created."""

    row: SwitchRow


class AgreementIntents(Protocol):
    async def agreement(self, agreement_id: str) -> AgreementRow | None: ...

    async def agreement_lines(self, agreement_id: str) -> tuple[AgreementLine, ...]: ...

    async def agreements_of_payer(self, payer: str, kind: str, limit: int) -> tuple[AgreementRow, ...]:
        """Those that have not ended, newest first."""
        ...

    async def agreements_of_merchant(
        self, merchant_id: str, kind: str, limit: int
    ) -> tuple[AgreementRow, ...]:
        """Those that have not ended, newest first."""
        ...

    async def preapproval_ids(self, payer: str, account_id: str, *, but: str) -> tuple[str, ...]:
        """Their ids of the payer's pre-approvals on the account, ended ones too, except that of `but`."""
        ...

    async def is_being_stopped(self, agreement_id: str) -> bool:
        """Whether its payer asked for its end, and that order did not fail."""
        ...

    async def debited(self, agreement_id: str, since_ms: int) -> bool:
        """Whether its merchant asked that wallet for money on that account since then, in whatever way, and
        it did not fail: a standing pre-approval serves every such request."""
        ...

    async def claim_agreements(self, now_ms: int, lease_ms: int, limit: int) -> tuple[AgreementRow, ...]:
        """Lease agreements that are due and unleased, earliest first, as `claim_orders` does."""
        ...

    async def next_agreement_ms(self) -> int | None:
        """When the next agreement falls due."""
        ...

    async def approval(self, approval_id: str) -> ApprovalRow | None: ...

    async def approval_of_act(self, conversation_id: str, position: int) -> ApprovalRow | None: ...

    async def approvals_waiting(self, merchant_id: str, now_ms: int, limit: int) -> tuple[ApprovalRow, ...]:
        """Oldest first; none that has run out."""
        ...

    async def approvals_over(self, now_ms: int, limit: int) -> tuple[ApprovalRow, ...]:
        """Those that still wait and whose time is over, the longest first."""
        ...

    async def next_approval_ms(self) -> int | None:
        """When the time of the next that waits is over."""
        ...

    async def switch(self, name: str) -> SwitchRow | None:
        """None where nobody ever threw it: then it is on."""
        ...

    async def is_off(self, name: str) -> bool:
        """Whether the switch is off now."""
        ...
