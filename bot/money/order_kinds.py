"""What is true of each kind of order, in one table; the sets below are looked up in it. Pure.

What only one provider says of a kind stands with that provider, and words for people with the words.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from bot.money.orders import OrderKind
from bot.money.roles import Right

__all__ = [
    "ASKS_PAYER",
    "BY_WALLET_OWNER",
    "COMES_IN",
    "ENDS_AGREEMENT",
    "GOES_OUT",
    "MAKES_AGREEMENT",
    "OFFERED",
    "ORDER_KINDS",
    "PAYMENTS",
    "PAYOUTS",
    "KindFacts",
]


class KindFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of one kind. An order that neither comes in nor goes out moves no money by itself."""

    # Its amount comes into the merchant's wallet, out of a payer's; or leaves the merchant's wallet.
    comes_in: bool = False
    goes_out: bool = False
    # The merchant's own money leaves: limits, a second person and the switch are for it. A bill goes out
    # too, but with money that has just come for it.
    is_payout: bool = False
    # A customer pays the merchant: staff hear of it as a payment, and it may be given back.
    is_payment: bool = False
    # It shows up on the payer's phone (a PIN prompt, a code, a message about an invoice), so it is counted
    # among what may be asked of a number.
    asks_payer: bool = False
    # Whoever begins it is the one whose wallet it is about.
    by_wallet_owner: bool = False
    # Customers find it in their menu, where an account can do it.
    is_offered: bool = False
    makes_agreement: bool = False
    ends_agreement: bool = False
    # What staff need to ask for it.
    right: Right | None = None


ORDER_KINDS: Final[Mapping[OrderKind, KindFacts]] = {
    OrderKind.COLLECTION: KindFacts(comes_in=True, is_payment=True, asks_payer=True, by_wallet_owner=True),
    OrderKind.WITHDRAWAL: KindFacts(comes_in=True, asks_payer=True, right=Right.WITHDRAW),
    OrderKind.TRANSFER: KindFacts(goes_out=True, is_payout=True, right=Right.PAY_OUT),
    OrderKind.DEPOSIT: KindFacts(goes_out=True, is_payout=True, right=Right.DEPOSIT),
    OrderKind.REFUND: KindFacts(goes_out=True, is_payout=True, right=Right.REFUND),
    OrderKind.PREAPPROVAL: KindFacts(
        asks_payer=True, by_wallet_owner=True, is_offered=True, makes_agreement=True
    ),
    OrderKind.PREAPPROVAL_CANCEL: KindFacts(ends_agreement=True),
    OrderKind.INVOICE: KindFacts(asks_payer=True, is_offered=True, makes_agreement=True, right=Right.INVOICE),
    OrderKind.INVOICE_CANCEL: KindFacts(ends_agreement=True),
    OrderKind.AGREEMENT_CHARGE: KindFacts(comes_in=True, is_payment=True, right=Right.CHARGE),
    OrderKind.BILL: KindFacts(goes_out=True, by_wallet_owner=True, is_offered=True),
}


def _those(holds: Callable[[KindFacts], bool]) -> frozenset[OrderKind]:
    return frozenset(kind for kind, facts in ORDER_KINDS.items() if holds(facts))


COMES_IN: Final = _those(lambda facts: facts.comes_in)
GOES_OUT: Final = _those(lambda facts: facts.goes_out)
PAYOUTS: Final = _those(lambda facts: facts.is_payout)
PAYMENTS: Final = _those(lambda facts: facts.is_payment)
ASKS_PAYER: Final = _those(lambda facts: facts.asks_payer)
BY_WALLET_OWNER: Final = _those(lambda facts: facts.by_wallet_owner)
OFFERED: Final = _those(lambda facts: facts.is_offered)
MAKES_AGREEMENT: Final = _those(lambda facts: facts.makes_agreement)
ENDS_AGREEMENT: Final = _those(lambda facts: facts.ends_agreement)
