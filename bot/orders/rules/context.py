"""The values that every rule about an order gets besides the order itself."""

from collections.abc import Sequence

import msgspec

from bot.dialog import Address, Name
from bot.money import OrderKind
from bot.providers.base import Resend
from bot.runtime.clock import Ids
from bot.runtime.timeouts import Timeouts
from bot.store.records import AddressRow, AgreementRow, OrderRow

__all__ = ["SettlementContext"]


class SettlementContext(msgspec.Struct, frozen=True):
    """What a decision needs besides the order: who is told, when to ask, and the provider's manners.

    `told` is an address whose turn is about to say the result; `fence` the worker's lease.

    `schedule_s` are seconds since the request at which to ask; past the last an order is UNRESOLVED.
    """

    merchant: Name
    addresses: Sequence[AddressRow]
    schedule_s: Sequence[float]
    grace_s: float
    resend: Resend
    now_ms: int
    ids: Ids
    timeouts: Timeouts
    told: Address | None = None
    fence: int | None = None
    short_code: str = ""
    # Whether a turn of the person waits for this very answer and can ask for a code itself.
    session_open: bool = False
    # The agreement that the order is about; whose wallet it asks, where Kasapay knows them.
    agreement: AgreementRow | None = None
    payer_id: str = ""
    payer_addresses: Sequence[AddressRow] = ()
    # The order whose money this one passes on; and what the account can make, a refund among others.
    follows: OrderRow | None = None
    kinds: frozenset[OrderKind] = frozenset()
    # Whether the provider surely lacks the order at this look; and to whom at the merchant its money matters,
    # where an order that was final changes.
    absent: bool = False
    staff: Sequence[tuple[str, Address]] = ()
