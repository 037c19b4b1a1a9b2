"""Who may do what at a merchant: one table, read by conversations and by whoever carries them out. Pure."""

from enum import StrEnum
from typing import Final

__all__ = ["Right", "StaffRole", "rights_of"]


class StaffRole(StrEnum):
    OWNER = "owner"
    ACCOUNTANT = "accountant"
    CASHIER = "cashier"


class Right(StrEnum):
    """Something staff do for their merchant. Each has its line in the business menu."""

    LOOK_UP = "look_up"  # a payment by its code
    NOTE = "note"  # have the provider send its payer a message
    BALANCE = "balance"
    REFUND = "refund"
    PAY_OUT = "pay_out"
    WITHDRAW = "withdraw"  # hand out cash for a customer's wallet money
    INVOICE = "invoice"
    CHARGE = "charge"  # under a customer's auto-debit
    DETAILS = "details"  # ask a customer to share their details
    APPROVE = "approve"  # what another asked for
    UNLOCK = "unlock"  # a colleague's staff PIN
    DEPOSIT = "deposit"  # into a customer's wallet, for cash taken
    PIN = "pin"  # take another staff PIN, where one is asked for
    MESSAGES = "messages"  # hear of each payment
    PAYOUTS = "payouts"  # see what money left, and what became of it


_COUNTER: Final = frozenset(
    {
        Right.LOOK_UP,
        Right.NOTE,
        Right.WITHDRAW,
        Right.INVOICE,
        Right.DETAILS,
        Right.PIN,
        Right.MESSAGES,
    }
)
_RIGHTS: Final = {
    StaffRole.CASHIER: _COUNTER,
    StaffRole.ACCOUNTANT: _COUNTER
    | {Right.BALANCE, Right.REFUND, Right.PAY_OUT, Right.DEPOSIT, Right.CHARGE, Right.APPROVE}
    | {Right.PAYOUTS},
    StaffRole.OWNER: frozenset(Right),
}


def rights_of(role: str) -> frozenset[Right]:
    """What a role may do; nothing for a word that is no role."""
    return _RIGHTS[StaffRole(role)] if role in set(StaffRole) else frozenset()
