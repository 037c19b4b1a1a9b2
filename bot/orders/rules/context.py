"""The values that every rule about an order gets besides the order itself."""

from collections.abc import Sequence

import msgspec

from bot.dialog import Address, Name
from bot.money import OrderKind
from bot.providers.base import Resend
from bot.runtime.clock import Ids
from bot.runtime.timeouts import Timeouts
from bot.store.records import AddressRow, AgreementRow, OrderRow

__all__ = ["Listener", "SettlementContext"]


class Listener(msgspec.Struct, frozen=True):
    """One of the staff who hears of each payment: where, when it is not quiet there, and when a count is
    told at the latest."""

    staff_id: str
    targets: tuple[tuple[str, Address], ...]
    quiet_until_ms: int | None
    day_ms: int


class SettlementContext(msgspec.Struct, frozen=True):
    """What a decision needs besides the order: who is told, when to ask, and how the provider behaves."""

    merchant: Name
    # Of the person who began the order.
    addresses: Sequence[AddressRow]
    # Seconds since the request at which to ask; past the last an order is UNRESOLVED.
    schedule_s: Sequence[float]
    # For so long "not found" is not believed.
    grace_s: float
    # Whether the request may be made again where it never arrived.
    resend: Resend
    now_ms: int
    ids: Ids
    timeouts: Timeouts
    # The address whose turn is about to say the result.
    told: Address | None = None
    # The worker's lease; None where nobody holds one.
    fence: int | None = None
    short_code: str = ""
    # Whether a turn of the person waits for this very answer and can ask for a code itself.
    session_open: bool = False
    # The agreement that the order is about.
    agreement: AgreementRow | None = None
    # Whose wallet pays, or gets the money, where Kasapay knows them.
    owner_id: str = ""
    owner_addresses: Sequence[AddressRow] = ()
    # Whether an auto-debit of theirs serves the request, so that no PIN is asked for; and what they dial
    # where no prompt shows.
    unasked: bool = False
    hint: str = ""
    # The payment that a refund gives back.
    refunded: OrderRow | None = None
    # The order whose money this one passes on.
    follows: OrderRow | None = None
    # The kinds of order that the account can make, a refund among others; known where there is `follows`.
    kinds: frozenset[OrderKind] = frozenset()
    # Whether the provider surely lacks the order at this poll.
    absent: bool = False
    # To whom at the merchant its money matters: a person and an address each, where a final order changes.
    staff: Sequence[tuple[str, Address]] = ()
    # Who at the merchant hears of each payment, and up to how many of an hour; in whose country.
    listeners: Sequence[Listener] = ()
    most_an_hour: int = 0
    region: str = ""
